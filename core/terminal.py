"""What a command has at a terminal: Ctrl+C that waits for what is being made, and a line of progress."""

from __future__ import annotations

import signal
import sys


class Interrupt:
    """While it is entered, the first Ctrl+C is only noted, so that nothing computed is lost; a second one ends all.

    If it is `patient`, so is the second.
    """

    def __init__(self, patient: bool = False) -> None:
        self._patient = patient

    def __enter__(self) -> Interrupt:
        self._noted = False
        self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *_error: object) -> None:
        signal.signal(signal.SIGINT, self._before)

    def __call__(self) -> bool:
        """Whether Ctrl+C was pressed."""
        return self._noted

    def _note(self, *_signal: object) -> None:
        if self._noted and not self._patient:
            raise KeyboardInterrupt
        self._noted = True


class Progress:
    """A line on the terminal that is written over; nothing where the output is no terminal."""

    def __init__(self, name: str) -> None:
        self._name, self._shown = name, sys.stderr.isatty()

    def __call__(self, position: int, total: int, seconds_left: float | None) -> None:
        """Show how far something is, and for how much longer it goes on if that is known."""
        if not self._shown:
            return
        left = "" if seconds_left is None else f"  {seconds_left:.0f} s left"
        end = "\n" if position >= total else ""
        print(f"\r{self._name}: {position} / {total}{left}\x1b[K", end=end, file=sys.stderr, flush=True)
