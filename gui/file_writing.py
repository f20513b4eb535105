"""Data and scripts in the making: tables of many rows take their time, so that a thread of their own writes them."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from core.writing import Writing
from gui.background import Background

Writer = Callable[[Writing], list[Path]]
"""What writes files and returns their paths; it touches no Qt."""

_LET = 1e-4  # seconds
_APART = 0.2  # seconds between two words of how far it is, and to the first: most is over before


class _Polite(Writing):
    """Lets the window have Python's lock now and then: asked for, it would come five milliseconds later each time."""

    def go_on(self) -> None:
        """Go on after a moment, unless nobody wants the files any more."""
        super().go_on()
        time.sleep(_LET)


class FileWriting(QObject):
    """Writes files: `progressed(rows, all)`, all 0 where it is not known, and then `done(paths)` or `failed(error)`."""

    verb = "Writing"

    progressed = Signal(int, int)
    done = Signal(object)
    failed = Signal(object)

    def __init__(self, write: Writer, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._write, self._writing = write, _Polite()
        self._told = 0.0  # or begun
        self._work = Background("export", self)
        self._work.ticked.connect(self._tell)
        self._work.done.connect(self.done)
        self._work.failed.connect(self.failed)

    def start(self) -> None:
        """Begin."""
        write, writing = self._write, self._writing
        self._told = time.perf_counter()
        self._work.run(lambda: write(writing))

    @property
    def busy(self) -> bool:
        """Whether it goes on."""
        return self._work.busy

    def settle(self) -> bool:
        """Tell of the outcome if there is one by now; return whether there was."""
        return self._work.wait(0.0)

    def cancel(self, patience: float = 0.0) -> None:
        """Give it up; the thread ends soon and leaves no file. Wait for it so many seconds."""
        if self.busy:
            self._writing.give_up()
            self._work.end(patience)

    def _tell(self) -> None:
        if time.perf_counter() - self._told > _APART:
            self._told = time.perf_counter()
            self.progressed.emit(self._writing.done, self._writing.total)
