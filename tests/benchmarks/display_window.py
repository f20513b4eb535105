"""The application's window under a clock: pictures and frames are timed, clicks and moves of the mouse answered."""

from __future__ import annotations

import os
import random
import time
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from display_alone import SETTLE_SECONDS, WORKS, Alone, engine_threads, is_late, rate

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable

    from PySide6.QtWidgets import QWidget

MEBIBYTE = 2**20


class Rows:
    """Prints one line for each figure and remembers whether all goals were reached."""

    def __init__(self) -> None:
        self.missed: list[str] = []
        print(f"{'what':<58}{'measured':>22}{'goal':>12}  reached")

    def show(self, what: str, measured: str, goal: str = "", reached: bool | None = None) -> None:
        """Print a line; without a goal it is only a figure."""
        verdict = "" if reached is None else "yes" if reached else "NO"
        print(f"{what:<58}{measured:>22}{goal:>12}  {verdict}", flush=True)
        if reached is False:
            self.missed.append(what)

    def show_times(self, what: str, seconds: list[float], goal_ms: float) -> None:
        """Print median and p99 of some times against a goal for the p99."""
        if len(seconds) < 10:
            self.show(what, f"{len(seconds)} only", f"<= {goal_ms:g} ms", False)
            return
        high = 1000 * percentile(seconds, 0.99)
        self.show(what, f"{1000 * median(seconds):.1f}, p99 {high:.1f} ms", f"<= {goal_ms:g} ms", high <= goal_ms)


def percentile(values: Iterable[float], share: float) -> float:
    """Return the value below which `share` of all lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def resident() -> int | None:
    """Return the bytes of this process in memory; None where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):
        return None


@dataclass
class Times:
    """Of one panel: the times between its pictures, and how late its frames were painted: after they were due.

    A frame in which there is nothing new to paint counts when the panel has looked through it.
    """

    intervals: list[float] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)

    def add(self, other: Times) -> None:
        """Take those of another turn too."""
        self.intervals += other.intervals
        self.delays += other.delays


def make_clock() -> Any:
    """Return the class that times frames; Qt is needed for it."""
    from PySide6.QtCore import QEvent, QObject

    class Clock(QObject):
        """Notes when a window has been painted, and when each panel's plots were in that picture or need not be."""

        def __init__(self, window: QWidget, *panels: Any) -> None:
            super().__init__()
            self._window = window
            self._moments: dict[Any, list[float]] = {panel: [] for panel in panels}
            self._delays: dict[Any, list[float]] = {panel: [] for panel in panels}
            self._plots = {panel.view.graphics.viewport(): panel for panel in panels}
            self._waiting: dict[Any, tuple[float, float]] = {}
            self._painted: set[Any] = set()
            self._expected: Callable[[], bool] | None = None
            self.answered: float | None = None
            for found in (window, *self._plots):
                found.installEventFilter(self)

        def expect(self, answer: Callable[[], bool]) -> None:
            """From now on, note the first picture that is painted while `answer()` holds."""
            self._expected, self.answered = answer, None

        def note_frame(self, panel: Any, due: float) -> None:
            """Wait for the picture of a frame due at that time; the one before had nothing new if it has none yet."""
            if panel in self._waiting:
                self._count(panel, self._waiting[panel][0])
            self._waiting[panel] = time.perf_counter(), due

        def _count(self, panel: Any, moment: float) -> None:
            self._moments[panel].append(moment)
            if panel in self._waiting:
                self._delays[panel].append(moment - self._waiting.pop(panel)[1])

        def eventFilter(self, watched: QObject, event: QEvent) -> bool:
            kind = event.type()
            if kind == QEvent.Type.Paint and watched in self._plots:
                self._painted.add(self._plots[watched])
            elif kind == QEvent.Type.UpdateRequest and watched is self._window:
                self._paint(event)
                return True
            return False

        def _paint(self, event: QEvent) -> None:
            answers = self._expected is not None and self._expected()
            self._painted.clear()
            self._window.event(event)
            now = time.perf_counter()
            for panel in self._painted:
                self._count(panel, now)
            if answers:
                self.answered, self._expected = now, None

        def stop(self) -> dict[Any, Times]:
            """Watch no longer, and return each panel's times."""
            for found in (self._window, *self._plots):
                found.removeEventFilter(self)
            return {
                panel: Times([after - before for before, after in pairwise(moments)], self._delays[panel])
                for panel, moments in self._moments.items()
            }

    return Clock


class Post:
    """Notes when the frames of a panel's engine are due on screen: when made, or at the display's next tick."""

    def __init__(self, panel: Any) -> None:
        runner = panel.player.runner
        self._interval, self._taken = panel.view.interval / 1000, 0.0
        self._made: dict[int, float] = {}
        self._due: dict[int, float] = {}
        self._build, self._take = runner._build, runner.take
        runner._build, runner.take = self._build_noted, self._take_noted

    def _build_noted(self, configuration: Any) -> Any:
        experiment = self._build(configuration)
        snapshot = experiment.snapshot

        def noted() -> Any:
            frame = snapshot()
            self._made[id(frame)] = time.perf_counter()
            return frame

        experiment.snapshot = noted
        return experiment

    def _take_noted(self) -> Any:
        frame, now = self._take(), time.perf_counter()
        if frame is not None:
            self._due[id(frame)] = max(self._made.pop(id(frame), now), self._taken + self._interval)
            self._taken = now
        return frame

    def due(self, frame: Any) -> float:
        """Return when a frame that was taken was due."""
        return self._due.pop(id(frame), time.perf_counter())


class Bench:
    """The application's window with the race in it, and what is done with it."""

    def __init__(self, options: argparse.Namespace, folder: str) -> None:
        from PySide6.QtCore import QSettings
        from PySide6.QtWidgets import QApplication

        from core.datasets import load_sample
        from core.presets import preset
        from gui import theme
        from gui.main_window import MainWindow
        from gui.settings import Settings

        self.app = QApplication([])
        theme.apply(self.app, theme.LIGHT)
        settings = Settings(store=QSettings(f"{folder}/settings.ini", QSettings.Format.IniFormat))
        self.window = MainWindow(settings, load_sample, engine_threads(), preset(WORKS["race"].preset))
        self.options, self.rows, self.alone = options, Rows(), Alone()
        self._posts: dict[Any, Post] = {}
        self._loaded: dict[Any, str] = {}
        self._random, self._clock_class = random.Random(0), make_clock()
        ready: list[bool] = []
        self.window.ready.connect(lambda: ready.append(True))
        self.window.show()
        self.until(lambda: bool(ready), 20)
        self.restart()

    # Time passes.

    def rest(self, seconds: float) -> None:
        """Let the window run."""
        from PySide6.QtCore import QEventLoop, QTimer

        loop = QEventLoop()
        QTimer.singleShot(round(1000 * seconds), loop, loop.quit)
        loop.exec()

    def until(self, done: Callable[[], bool], seconds: float) -> bool:
        """Let the window run until `done()`, at most so long; tell whether it came to that."""
        from PySide6.QtCore import QEventLoop

        end = time.perf_counter() + seconds
        while not done() and time.perf_counter() < end:
            self.app.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
        return done()

    # The engine.

    def panel_of(self, work: str) -> Any:
        """Return the panel that does this work."""
        from core.presets import preset

        return self.window.panel(preset(WORKS[work].preset).panel)

    def restart(self, work: str = "race") -> None:
        """Put this work at its beginning."""
        from core.runner import Phase

        panel = self.panel_of(work)
        if panel not in self._posts:
            self._posts[panel] = Post(panel)
        panel.start(WORKS[work].configuration())
        self._loaded[panel] = work
        self.until(lambda: panel.player.settled and panel.player.status.phase is Phase.PAUSED, 20)

    def play(self, work: str = "race") -> None:
        """Run it, anew if it has not far to go."""
        panel = self.panel_of(work)
        if self._loaded.get(panel) != work or is_late(panel.player.status):
            self.restart(work)
        panel.player.play()

    def pause(self, work: str = "race") -> None:
        """Stop it and let the last picture be painted."""
        self.panel_of(work).player.stop()
        self.rest(0.2)

    def kept(
        self, shown: Iterable[Any], before: Callable[[], None] | None = None, work: str = "race"
    ) -> tuple[list[float], dict[Any, Times]]:
        """Return the engine's rate as a share of its rate without a window, and the shown panels' times."""
        shares, found = [], {panel: Times() for panel in shown}
        runner = self.panel_of(work).player.runner
        for _ in range(self.options.rounds):
            alone = self.alone.turn(work)
            if before:
                before()
            self.play(work)
            self.rest(SETTLE_SECONDS)
            stop = self.clock(*found, work=work)
            shares.append(rate(runner, lambda: self.rest(WORKS[work].turn_seconds)) / alone)
            for panel, times in stop().items():
                found[panel].add(times)
            self.pause(work)
        return shares, found

    def show_kept(self, what: str, shares: list[float], goal: float) -> None:
        """Print the median share and its spread."""
        ordered, quarter = sorted(shares), len(shares) // 4
        share = median(ordered)
        spread = f"{100 * share:.0f} % ({100 * ordered[quarter]:.0f} to {100 * ordered[-1 - quarter]:.0f})"
        self.rows.show(what, spread, f">= {100 * goal:.0f} %", share >= goal)

    # Panels.

    def open(self, key: str) -> Any:
        """Bring a panel to the fore."""
        self.window.open_panel(key)
        self.rest(0.3)
        return self.window.panel(key)

    def clock(self, *panels: Any, work: str = "race") -> Callable[[], dict[Any, Times]]:
        """Begin to time the pictures of the plots of panels in one window; what is returned ends it."""
        clock, worker = self._clock_class(panels[0].window(), *panels), self.panel_of(work)
        post = self._posts[worker]

        def note(frame: Any, _position: int) -> None:
            due = post.due(frame)
            for panel in panels:
                if panel.player is worker.player:
                    clock.note_frame(panel, due)

        worker.player.shown.connect(note)

        def stop() -> dict[Any, Times]:
            worker.player.shown.disconnect(note)
            found: dict[Any, Times] = clock.stop()
            return found

        return stop

    def timed(self, panel: Any, seconds: float) -> list[float]:
        """Return the intervals between the pictures of a panel's plots."""
        stop = self.clock(panel)
        self.rest(seconds)
        return stop()[panel].intervals

    def press(self, widget: QWidget, place: tuple[float, float] | None = None) -> None:
        """Send a click to the middle of a widget, or to `place` in it."""
        from PySide6.QtCore import QPoint, Qt
        from PySide6.QtTest import QTest

        inside = QPoint(*map(round, place)) if place else widget.rect().center()
        window = widget.window()
        QTest.mouseClick(
            window.windowHandle(),
            Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.NoModifier,
            widget.mapTo(window, inside),
        )

    def move(self, widget: QWidget, place: tuple[float, float]) -> None:
        """Move the mouse to a place in a widget."""
        from PySide6.QtCore import QPoint
        from PySide6.QtTest import QTest

        window = widget.window()
        QTest.mouseMove(window.windowHandle(), widget.mapTo(window, QPoint(*map(round, place))))

    def answers(self, window: QWidget, times: int, ask: Callable[[], Any], moves: bool = False) -> list[float]:
        """Return the times from clicks, or moves of the mouse, to the pictures that answer them.

        `ask` returns the widget, the place in it or None for its middle, and what tells whether a picture answers.
        """
        clock, send = self._clock_class(window), self.move if moves else self.press
        found = []
        for _ in range(times):
            self.rest(self._random.uniform(0.06, 0.16))  # any moment between two ticks of the display
            widget, place, answer = ask()
            clock.expect(answer)
            begun = time.perf_counter()
            send(widget, place)
            self.until(lambda: clock.answered is not None, 1.0)
            found.append((clock.answered or time.perf_counter()) - begun)
        clock.stop()
        return found

    def close(self) -> None:
        """End everything."""
        self.alone.close()
        self.window.close()
