"""The worker thread: it owns the experiment, plays, pauses, steps and stops it, and hands out frames on request.

A small state machine around one Condition. Whoever asks, sets a wish and returns at once; the thread looks at the
wishes between chunks of a few milliseconds. Frames leave through a one-slot mailbox: a newer one replaces an older.
"""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Any

from core.memory import error_text
from core.pace import Pace
from core.watching import NOTHING, Sight, Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from core.experiments.protocol import Experiment
    from core.experiments.saved import SavedRun
    from core.parameters import Configuration

    Parking = Callable[[SavedRun | None], None]
    Kept = SavedRun | Callable[[], SavedRun | None] | None
    Branch = tuple[int, dict[str, Any], Parking | None]

_log = logging.getLogger(__name__)

_EAGER_CHUNK = 100


class Phase(Enum):
    """What the runner is doing."""

    IDLE = "idle"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Status:
    """The runner at one moment. `rate` is in updates per second of the running play, `error` one line.

    `returning` is the moment that a rewound run is on its way back to, at which it branches off.
    """

    phase: Phase = Phase.IDLE
    position: int = 0
    returning: int | None = None
    total: int = 0
    rate: float | None = None
    error: str = ""
    configuration: Configuration | None = None
    loads: int = 0


class Runner:
    """Runs one experiment at a time on a thread of its own. Every method may be called from any one thread.

    `build` makes an experiment from a configuration, on the worker thread; what it or the experiment raises ends in
    phase FAILED with one line in `Status.error` and the traceback in the log.
    """

    def __init__(self, build: Callable[[Configuration], Experiment], name: str = "engine") -> None:
        """Start the thread, idle."""
        self._build = build
        self._wake = threading.Condition()  # guards every attribute below but the experiment
        self._status = Status()
        self._wanted: tuple[Configuration, Kept] | None = None
        self._parkings: list[tuple[Parking, Kept]] = []  # who is given what is replaced: the run at work for None
        self._rescued: SavedRun | None = None  # what is left of a run that failed
        self._branches: list[Branch] = []
        self._saves: list[tuple[int, bool, Future[SavedRun | None]]] = []
        self._look_wanted: int | None = None
        self._looked: tuple[int, Sight] | None = None
        self._play_wanted = self._step_wanted = False  # once it is loaded, or where it is going back to
        self._rewinding = False
        self._held = False
        self._changes: list[tuple[str, Any]] = []
        self._goal = 0
        self._pace = Pace()
        self._watched: Watch = NOTHING
        self._asked = True
        self._mailbox: Any = None
        self._closing = False
        self._experiment: Experiment | None = None  # the worker thread's; others only abandon it
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    # What the owner of the runner calls.

    def load(
        self,
        configuration: Configuration,
        play: bool = False,
        saved: Kept = None,
        parking: Parking | None = None,
    ) -> None:
        """Replace the experiment; of several configurations in a row only the last is built.

        It goes on with a `saved` run, or with the one that `saved()` returns then, on the worker thread; or it begins.
        `parking` is given what is replaced, on the worker thread, once the update in hand is complete; without it that
        is abandoned at once, unless somebody has asked for it before.
        """
        with self._wake:
            self._parkings += [(found, None) for _, _, found in self._branches if found is not None]
            if parking is not None:
                self._parkings.append((parking, None if self._wanted is None else self._wanted[1] or _nothing))
            self._wanted, self._play_wanted = (configuration, saved), play
            self._step_wanted = self._rewinding = False
            self._changes.clear()
            self._branches.clear()
            self._goal = 0
            if not self._parkings and not self._saves:
                self._abandon()
            self._mailbox = self._looked = self._look_wanted = None
            self._set(phase=Phase.IDLE, error="", loads=self._status.loads + 1)

    def play(self) -> None:
        """Run to the end, or until paused; also what is being loaded, or extended by a change that is under way."""
        with self._wake:
            self._play_wanted = True
            if self._status.phase is Phase.PAUSED and self._wanted is None and not self._branches:
                self._start()
            self._wake.notify_all()

    def pause(self) -> None:
        """Stop after the chunk in hand, some milliseconds, or where the run is going back to; then it is PAUSED."""
        with self._wake:
            self._play_wanted = self._step_wanted = False
            if self._status.phase is Phase.RUNNING and not self._rewinding:
                self._goal = 0
                self._wake.notify_all()

    def step(self) -> None:
        """Make one update, then pause: once it is loaded, or where the run is going back, once it is there."""
        with self._wake:
            if self._rewinding or self._status.phase is Phase.IDLE:
                self._step_wanted = True
            elif self._status.phase in (Phase.PAUSED, Phase.RUNNING):
                self._start(1)

    def change(self, key: str, value: Any) -> None:
        """Give a live parameter a new value from the next update on; `value` must have passed its check."""
        with self._wake:
            self._changes.append((key, value))
            self._wake.notify_all()

    def branch(self, position: int, values: Mapping[str, Any], parking: Parking | None = None) -> None:
        """Go back to an earlier moment and on from there with these live values, which must have passed their checks.

        `parking` is given the run as it was, on the worker thread. While it is recomputed the phase is RUNNING.
        """
        with self._wake:
            self._branches.append((position, dict(values), parking))
            self._goal, self._rewinding = 0, True
            self._mailbox = self._look_wanted = self._looked = None
            if self._status.phase in (Phase.PAUSED, Phase.FINISHED):
                self._set(phase=Phase.RUNNING, rate=None)
            self._wake.notify_all()

    def look(self, position: int | None) -> None:
        """Ask for what is watched at an earlier moment; the last one asked for counts, None for none."""
        with self._wake:
            self._look_wanted = position
            self._wake.notify_all()

    def take_look(self) -> tuple[int, Sight] | None:
        """Return what `look` found, with its position; None where nothing new is there."""
        with self._wake:
            found, self._looked = self._looked, None
            return found

    def save(self, whole: bool) -> Future[SavedRun | None]:
        """Ask for the run as plain data, with all of its checkpoints if `whole`; None where nothing has run."""
        found: Future[SavedRun | None] = Future()
        with self._wake:
            if self._closing:
                found.set_result(None)
            else:
                self._saves.append((self._status.loads, whole, found))
                self._wake.notify_all()
        return found

    def limit(self, rate: float | None) -> None:
        """Make at most `rate` updates per second; None for as many as possible."""
        with self._wake:
            self._pace.limit = rate
            self._pace.restart()
            self._wake.notify_all()

    def hold(self, held: bool) -> None:
        """Make no further updates until this is taken back: another thread needs the interpreter for a moment."""
        with self._wake:
            self._held = held
            self._pace.restart()
            self._wake.notify_all()

    def watch(self, wanted: Watch = NOTHING) -> None:
        """Ask for what is to be measured in frames from now on; for nothing by default."""
        with self._wake:
            self._watched, self._asked = wanted, True
            self._wake.notify_all()

    def request(self) -> None:
        """Ask for a new frame."""
        with self._wake:
            self._asked = True
            self._wake.notify_all()

    def take(self) -> Any:
        """Return the newest frame and empty the mailbox; None where nothing new is there."""
        with self._wake:
            frame, self._mailbox = self._mailbox, None
            return frame

    @property
    def will_play(self) -> bool:
        """Whether what is being loaded is to be played."""
        with self._wake:
            return self._play_wanted

    @property
    def status(self) -> Status:
        """The runner at this moment."""
        with self._wake:
            return self._status

    def wait(self, done: Callable[[Status], bool], timeout: float) -> bool:
        """Block until `done(status)` holds; return False where that takes more than `timeout` seconds."""
        with self._wake:
            return self._wake.wait_for(lambda: done(self._status), timeout)

    def close(self, timeout: float = 5.0) -> bool:
        """End the thread and return whether it has ended. The runner is not used afterwards."""
        with self._wake:
            self._closing = True
            self._goal = 0
            self._abandon()
            self._wake.notify_all()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    # With the lock held.

    def _set(self, **changes: Any) -> None:
        self._status = replace(self._status, **changes)
        self._wake.notify_all()

    def _abandon(self) -> None:
        """Let the experiment end what it is doing as soon as it can: nobody wants it any more."""
        if self._experiment is not None:
            self._experiment.abandoned = True

    def _start(self, updates: int | None = None) -> None:
        """Run for some updates, None for all that are left."""
        left = self._status.total - self._status.position
        self._goal = self._status.position + (left if updates is None else min(updates, left))
        self._play_wanted = self._step_wanted = False
        self._pace.restart()
        self._set(phase=Phase.RUNNING, rate=None)

    def _report(self, experiment: Experiment, **more: Any) -> None:
        total, configuration, position = experiment.total, experiment.configuration, experiment.position
        returning = experiment.returning if position < experiment.returning else None
        self._set(position=position, total=total, configuration=configuration, returning=returning, **more)

    def _settle(self, experiment: Experiment, loads: int) -> None:
        """Set the phase that the position calls for, and make a frame of it where a run ends."""
        if self._status.loads != loads:
            return
        self._rewinding = bool(self._branches) or experiment.position < min(experiment.returning, self._goal)
        phase = before = self._status.phase
        if experiment.position >= experiment.total or experiment.stopped:
            phase = Phase.FINISHED
        elif phase is Phase.FINISHED or (phase is Phase.RUNNING and experiment.position >= self._goal):
            phase = Phase.PAUSED
        self._asked = self._asked or (before is Phase.RUNNING and phase is not Phase.RUNNING)
        self._report(experiment, phase=phase)
        if phase is Phase.PAUSED and not self._rewinding and (self._play_wanted or self._step_wanted):
            self._start(None if self._play_wanted else 1)
        self._step_wanted = self._step_wanted and self._rewinding

    def _has_work(self) -> bool:
        ready = self._experiment is not None
        running = ready and (self._status.phase is Phase.RUNNING or self._asked or self._look_wanted is not None)
        return self._has_wishes() or running

    def _has_wishes(self) -> bool:
        lists = self._changes or self._branches or self._saves
        return self._closing or self._wanted is not None or bool(lists)

    def _interrupted(self) -> bool:
        wishes = self._has_wishes() or self._asked
        return wishes or self._status.phase is not Phase.RUNNING or self._status.position >= self._goal

    def _hold_back(self, experiment: Experiment) -> None:
        """Wait until the limit allows the next update, or something else is wished for, such as a frame."""
        self._wake.wait_for(lambda: not self._held or self._interrupted())
        seconds = 0.0 if self._rewinding else self._pace.until_due(experiment.position)
        if seconds > 0.0:
            self._wake.wait_for(self._interrupted, seconds)

    # On the worker thread, without the lock.

    def _work(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(self._has_work)
                loads = self._status.loads
                wanted, self._wanted = self._wanted, None
                if self._closing:
                    break
            try:
                self._turn(wanted, loads)
            except Exception as error:
                # Whatever an experiment raises must reach the window as one line and leave the thread alive.
                _log.exception("the experiment failed")
                self._fail(error, loads)
        self._release()
        self._save(None)

    def _turn(self, wanted: tuple[Configuration, Kept] | None, loads: int) -> None:
        """Do what is wished for, once: load, branch, change, save, run, publish, look back."""
        if wanted is not None:
            self._load(*wanted, loads)
        experiment = self._experiment
        if experiment is None:
            self._drop_wishes(loads)
            return self._save(None, loads)
        self._branch(experiment, loads)
        self._change(experiment, loads)
        self._save(experiment, loads)
        self._run(experiment, loads)
        self._publish(experiment, loads)
        self._look(experiment, loads)

    def _load(self, configuration: Configuration, kept: Kept, loads: int) -> None:
        self._save(self._experiment, loads - 1)  # asked for before it was replaced
        with self._wake:
            parkings, self._parkings = self._parkings, []
        for parking, other in parkings:
            if other is not None:
                parking(_found(other))
            elif self._experiment is not None:
                _park(self._experiment, parking)
            else:
                parking(self._rescued)
        self._release()
        self._rescued = saved = _found(kept)
        self._experiment = experiment = self._build(configuration if saved is None else saved.configuration)
        experiment.breathe = lambda: self._publish(experiment, loads)
        with self._wake:
            self._pace.begin()
        if saved is not None:
            experiment.restore(saved)
            self._rescued = None
        if experiment.eager:
            self._complete(experiment, loads)
        with self._wake:
            if self._status.loads == loads:
                self._asked = True
                self._report(experiment, phase=Phase.PAUSED)
                self._settle(experiment, loads)

    def _complete(self, experiment: Experiment, loads: int) -> None:
        """Advance to the end, unless another configuration is wanted meanwhile."""
        while experiment.position < experiment.total:
            experiment.advance(_EAGER_CHUNK)
            with self._wake:
                if self._closing or self._status.loads != loads:
                    return

    def _branch(self, experiment: Experiment, loads: int) -> None:
        """Go back to where the run is to branch off; a second wish counts from what the first one left."""
        branches = self._due(self._branches, loads)
        for position, values, parking in branches:
            if parking is not None:
                _park(experiment, parking)
            experiment.turn_back(position, values)
        if branches:
            with self._wake:
                if self._status.loads == loads:
                    self._asked, self._goal = True, experiment.returning
                    self._pace.restart()
                    self._set(phase=Phase.RUNNING)
                self._settle(experiment, loads)

    def _due(self, wishes: list[Any], loads: int) -> list[Any]:
        """Take the wishes for what is loaded; those for what is to be loaded next wait."""
        with self._wake:
            found = list(wishes) if self._status.loads == loads else []
            del wishes[: len(found)]
            return found

    def _save(self, experiment: Experiment | None, loads: int | None = None) -> None:
        """Hand the run to all who asked for it up to this load; to all for None."""
        with self._wake:
            due = [wish for wish in self._saves if loads is None or wish[0] <= loads]
            self._saves = [wish for wish in self._saves if wish not in due]
        for _, whole, found in due:
            try:
                found.set_result(self._rescued if experiment is None else experiment.save(whole))
            except Exception as error:  # whoever asked is told; the run goes on
                found.set_exception(error)

    def _look(self, experiment: Experiment, loads: int) -> None:
        """Find what is watched at an earlier moment, unless something else is wished for meanwhile."""
        with self._wake:
            position, watched = self._look_wanted, self._watched
            if position is None or self._status.phase is Phase.RUNNING:
                return
        experiment.watch(watched)
        try:
            found = experiment.look(position, lambda: self._looks_elsewhere(position, loads))
        except MemoryError:  # a picture less; the run is as it was
            _log.warning("there is no memory to look back", exc_info=True)
            found = Sight()
        with self._wake:
            if self._look_wanted == position and found is not None and self._watched == watched:
                self._look_wanted, self._looked = None, (position, found)
                self._wake.notify_all()

    def _looks_elsewhere(self, position: int, loads: int) -> bool:
        with self._wake:
            other = self._look_wanted != position or self._status.loads != loads
            return other or self._has_wishes() or self._status.phase is Phase.RUNNING

    def _change(self, experiment: Experiment, loads: int) -> None:
        changes = self._due(self._changes, loads)
        for key, value in changes:
            experiment.change(key, value)
        if changes:
            with self._wake:
                self._asked = True
                self._settle(experiment, loads)

    def _run(self, experiment: Experiment, loads: int) -> None:
        """Advance in chunks until the goal, or until something else is wished for."""
        while True:
            with self._wake:
                self._hold_back(experiment)
                if self._interrupted() or self._status.loads != loads or experiment.stopped:
                    break
                size = min(self._pace.chunk(free=self._rewinding), self._goal - experiment.position)
            if size <= 0:
                break
            begun = time.perf_counter()
            experiment.advance(size)
            self._progress(experiment, loads, size, time.perf_counter() - begun)
        with self._wake:
            self._settle(experiment, loads)

    def _progress(self, experiment: Experiment, loads: int, size: int, seconds: float) -> None:
        """Report the position and, twice a second, the rate."""
        with self._wake:
            self._pace.learn(size, seconds)
            if self._status.loads == loads:
                self._report(experiment, rate=self._pace.count(experiment.position, self._status.rate))

    def _publish(self, experiment: Experiment, loads: int) -> None:
        with self._wake:
            if not self._asked or experiment.abandoned or self._status.loads != loads:
                return
            self._asked = False
            watched = self._watched
        experiment.watch(watched)
        frame = experiment.snapshot()
        with self._wake:
            if self._status.loads == loads and not self._branches:  # else it is of before the branch
                self._mailbox = frame
                self._wake.notify_all()

    def _fail(self, error: Exception, loads: int) -> None:
        if self._experiment is not None and self._rescued is None:
            self._rescued = _rescue(self._experiment)
        self._release()
        self._drop_wishes(loads)
        with self._wake:
            if self._status.loads == loads:
                self._look_wanted, self._rewinding = None, False
                self._set(phase=Phase.FAILED, error=error_text(error))

    def _drop_wishes(self, loads: int) -> None:
        """Forget what was asked of a run that is not there."""
        self._due(self._changes, loads)
        for _, _, parking in self._due(self._branches, loads):
            if parking is not None:
                parking(self._rescued)

    def _release(self) -> None:
        if self._experiment is not None:
            self._experiment.close()
            self._experiment = None


def _nothing() -> None:
    """Stand for the run of a configuration that begins."""


def _found(kept: Kept) -> SavedRun | None:
    return kept() if callable(kept) else kept


def _rescue(experiment: Experiment) -> SavedRun | None:
    """Return what is left of a run whose update raised."""
    try:
        return experiment.rescue()
    except Exception:  # what made the run fail may be the reason here too
        _log.warning("nothing of the run could be kept", exc_info=True)
        return None


def _park(experiment: Experiment, parking: Parking) -> None:
    """Hand a run over that ends; what there is no memory for is lost, but what comes next is not."""
    try:
        parking(experiment.save(whole=True))
    except MemoryError:
        _log.warning("there is no memory to keep the run that ends")
        parking(None)
