"""Between a runner and the display: a timer takes the newest frame, a cursor says which moment of it is shown.

The head is what the engine has computed; the cursor follows it, or stands, or replays what is recorded. Play goes on
from the cursor: through the record first, then with the engine.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from core.runner import Phase, Runner, Status
from core.watching import NOTHING
from gui.transport import TransportState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from core.experiments.protocol import Experiment
    from core.experiments.saved import SavedRun
    from core.parameters import Configuration
    from core.runner import Kept
    from core.watching import Watch

_REPLAY_SECONDS = 3.0  # of a whole record at full speed
_SOON_MS = 4  # between two looks for a frame that is due
_SOON_SECONDS = 0.3
_PATIENCE = 0.5  # seconds that what is being computed may still take when something else is wanted


class Player(QObject):
    """Drives one runner for the widgets that show it.

    `shown(frame, cursor)` comes when either changed, `looked(position, sight)` with what `look` asked for,
    `state_changed` with a TransportState when that did, `failed` with one line when the experiment raised. Nothing
    comes while no widget is active.
    """

    shown = Signal(object, int)
    looked = Signal(int, object)
    state_changed = Signal(object)
    failed = Signal(str)

    def __init__(
        self, build: Callable[[Configuration], Experiment], unit: str, interval: int, parent: QObject | None = None
    ) -> None:
        """`unit` names a position ("step"); `interval` is the display's, in ms."""
        super().__init__(parent)
        self.unit, self.runner = unit, Runner(build)
        self.frame: Any = None
        self.cursor: int | None = None  # None: the head
        self._speed: float | None = None
        self._replay: tuple[float, int] | None = None  # when it began, and from where
        self._seen: tuple[Any, int | None] = (None, None)
        self._failed_load = -1
        self._loading = False
        self._held: int | None = None  # what is shown of the frame at hand until there is the one that was asked for
        self._branched: int | None = None  # where the run is on its way back to
        self._pausing = False  # asked to, while the engine still makes the updates in hand
        self._next: tuple[Configuration, bool] | None = None  # the last of those that came while one was loading
        self._load_began = 0.0
        self._users: dict[QObject, int] = {}  # with their intervals
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._interval, self._soon_until, self._awaited = interval, 0.0, False
        self._timer.timeout.connect(self.refresh)

    # What widgets ask for.

    def set_active(self, user: QObject, active: bool, interval: int | None = None) -> None:
        """Serve a widget while it is visible, every `interval` ms; the engine does not stop with the last one."""
        self._users.pop(user, None)
        if active:
            self._users[user] = interval or self._interval
        if not self._users:
            self._timer.stop()
        elif not self._timer.isActive():
            self._seen = (None, None)
            self.runner.request()
            self._timer.start(self._pace())

    def load(
        self,
        configuration: Configuration,
        play: bool = False,
        keep_cursor: bool = False,
        saved: Kept = None,
        parking: Callable[[SavedRun | None], None] | None = None,
    ) -> None:
        """Run another configuration; the old picture stays on screen until there is a new one.

        It begins, or goes on with a `saved` run. `keep_cursor` says that the run is of the same lanes and is recorded
        at once, so that the cursor can stay. `parking` is given the run that ends, on the engine's thread.
        """
        if keep_cursor and self._loading and self._timer.isActive() and not self._is_slow():
            self._next = configuration, play  # one after another: a drag is faster than what it changes
            return
        if not keep_cursor:
            self._held, self._branched = self.shown_position, None
            self.cursor, self._replay = None, None
        self._next, self._loading = None, True
        self._load_began = time.perf_counter()
        self.runner.load(configuration, play, saved, parking)
        self._look_soon()

    @property
    def rewound(self) -> int | None:
        """The moment on screen where that is before the head; None at the head, and of a run that is being replaced."""
        there = self.cursor is not None and self.cursor < self.head and not self._loading
        return self.cursor if there else None

    def branch(
        self, position: int, values: Mapping[str, Any], parking: Callable[[SavedRun | None], None] | None = None
    ) -> None:
        """Let the run go another way from an earlier moment on; a replay that was playing plays on from there."""
        plays = self._replay is not None
        self._held = self._branched = position
        self.cursor, self._replay = None, None
        self._pausing = not plays  # the engine is at work, but play has not been asked for
        self.runner.branch(position, values, parking)
        if plays:
            self.runner.play()
        self._look_soon()

    def watch(self, wanted: Watch = NOTHING) -> None:
        """Ask for what is to be measured in frames from now on; for nothing by default."""
        self.runner.watch(wanted)
        self._look_soon()

    def look(self, position: int) -> None:
        """Ask for what is watched at an earlier moment."""
        self.runner.look(position)
        self._look_soon()

    def change(self, key: str, value: Any) -> None:
        """Change a live parameter of the run."""
        self.runner.change(key, value)
        self._look_soon()

    def toggle(self) -> None:
        """Play, or pause what plays; at the end of the record, play it again."""
        if self._replay is not None:
            self._replay = None
        elif self.status.phase is Phase.IDLE and self.runner.will_play:
            self.runner.pause()
        elif self.status.phase is Phase.RUNNING and not self._pausing:
            self.runner.pause()
            self._pausing = True
            self._look_soon()
        else:
            return self.play()
        self.refresh()

    def play(self) -> None:
        """Go on from the cursor."""
        self._pausing = False
        if self.cursor is not None and self.cursor < self.head:
            self._replay = (time.perf_counter(), self.cursor)
        elif self.status.phase is Phase.FINISHED:
            self.cursor, self._replay = 0, (time.perf_counter(), 0)
        else:
            return self.go_on()
        self.refresh()

    def go_on(self) -> None:
        """Let the engine go on from the head, also from an end that a change has just moved on."""
        self.cursor, self._replay = None, None
        self.runner.look(None)
        self.runner.play()
        self.refresh()

    def stop(self) -> None:
        """Pause engine and replay."""
        self._replay = None
        self.runner.pause()

    def step(self) -> None:
        """Show the next moment: the recorded one, or a new one."""
        self._replay = None
        if self.cursor is not None and self.cursor < self.head:
            self.seek(self.cursor + 1)
        else:
            self.runner.step()
            self._look_soon()

    def back(self) -> None:
        """Show the moment before."""
        self.stop()
        self.seek(max(0, self.shown_position - 1))

    def seek(self, position: int) -> None:
        """Show a recorded moment; a running engine pauses."""
        if self.status.phase is Phase.RUNNING:
            self.runner.pause()
        self._replay = None
        end = self.head if self._branched is None else self._branched
        self.cursor = None if position >= end else max(0, position)
        self.refresh()

    def set_speed(self, speed: float | None) -> None:
        """Show at most `speed` positions per second; None for as fast as possible."""
        self._speed = speed
        self.runner.limit(speed)
        if self._replay is not None and self.cursor is not None:
            self._replay = (time.perf_counter(), self.cursor)

    def close(self) -> None:
        """End the engine's thread."""
        self._timer.stop()
        self.runner.close()

    # What they read.

    @property
    def status(self) -> Status:
        """The runner's status."""
        return self.runner.status

    @property
    def returning(self) -> int | None:
        """Where a run that branches off is on its way back to, from the moment that this is asked for."""
        return self.status.returning if self._branched is None else self._branched

    @property
    def settled(self) -> bool:
        """Whether the frame at hand is of the last configuration that was loaded."""
        return not self._loading and self._next is None

    @property
    def head(self) -> int:
        """The last recorded position of the frame at hand."""
        return 0 if self.frame is None else int(self.frame.position)

    @property
    def shown_position(self) -> int:
        """The position on screen."""
        if self.cursor is not None:
            return min(self.cursor, self.head)
        return self.head if self._held is None else min(self._held, self.head)

    @property
    def playing(self) -> bool:
        """Whether engine or replay moves."""
        return self._replay is not None or (self.status.phase is Phase.RUNNING and not self._pausing)

    # The display's clock.

    def refresh(self) -> None:
        """Take the newest frame, move the cursor, and tell who watches what changed."""
        status = self.runner.status
        frame = self.runner.take()
        if frame is not None:
            self._awaited = False
            frame = self._take(frame)
        if frame is not None or status.phase is Phase.FAILED:
            self._loading = False
            self._held = self._branched = None
        if self._next is not None and (not self._loading or self._is_slow()):
            self.load(*self._next, keep_cursor=True)
        running = status.phase is Phase.RUNNING
        self._keep_time(frame is not None, running)
        if running and not self._awaited:  # asked for at every look, the engine would do nothing but answer
            self._awaited = True
            self.runner.request()
        self._move(status)
        now = (self.frame, self.shown_position)
        if self.frame is not None and (now[0] is not self._seen[0] or now[1] != self._seen[1]):
            self._seen = now
            self.shown.emit(self.frame, now[1])
        found = self.runner.take_look()
        if found is not None:
            self.looked.emit(*found)
        self._tell(status)

    def _take(self, frame: Any) -> Any:
        """Have a new frame, and return it; None while the run is on its way back to where it branches off."""
        if self._branched is not None and frame.position < self._branched:
            status = self.status
            if status.returning is not None or status.position >= self._branched:
                return None
        self.frame = frame
        return frame

    def _is_slow(self) -> bool:
        """Whether what is loading has taken so long that it is given up for what is wanted now."""
        return time.perf_counter() - self._load_began > _PATIENCE

    def _pace(self) -> int:
        """Return the display's interval: that of the fastest widget."""
        return min(self._users.values(), default=self._interval)

    def _look_soon(self) -> None:
        """Look for the answer to a wish as soon as it can be there, not at the display's next tick."""
        self._soon_until = time.perf_counter() + _SOON_SECONDS
        if self._timer.isActive():
            self._timer.start(_SOON_MS)

    def _keep_time(self, came: bool, running: bool) -> None:
        """Look again soon for a frame that is due; else at the display's next tick."""
        self._soon_until = 0.0 if came else self._soon_until
        due = not came and (running or time.perf_counter() < self._soon_until)
        pace = _SOON_MS if due else self._pace()
        if self._timer.isActive() and self._timer.interval() != pace:
            self._timer.start(pace)

    def _move(self, status: Status) -> None:
        """Move a replay's cursor; at the head the engine takes over."""
        if self._replay is None or self.frame is None:
            return
        began, first = self._replay
        speed = self._speed or max(1.0, self.head / _REPLAY_SECONDS)
        self.cursor = first + int((time.perf_counter() - began) * speed)
        if self.cursor >= self.head:
            self.cursor, self._replay = None, None
            if status.phase is Phase.PAUSED:
                self.runner.play()

    def _branches(self) -> tuple[int, ...]:
        """Return where the run branched off, without what is no longer part of it: later than a later branch."""
        found: list[int] = []
        for future in reversed(getattr(self.frame, "futures", ())):
            if not found or future.start < found[0]:
                found.insert(0, future.start)
        return tuple(found)

    def _tell(self, status: Status) -> None:
        self._pausing = self._pausing and status.phase is Phase.RUNNING
        running = self._replay is not None or (status.phase is Phase.RUNNING and not self._pausing)
        rate = status.rate if status.phase is Phase.RUNNING else None
        left = (status.total - status.position) / rate if rate else None
        total = status.total if status.configuration is not None else None
        phase = Phase.RUNNING if running else Phase.PAUSED if self._pausing else status.phase
        places = self.unit, self.shown_position, self.head, total
        self.state_changed.emit(TransportState(phase, *places, rate, left, self.head > 0, self._branches()))
        if status.phase is Phase.FAILED and self._failed_load != status.loads:
            self._failed_load = status.loads
            self.failed.emit(status.error)
