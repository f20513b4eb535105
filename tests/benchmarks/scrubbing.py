"""How soon an earlier moment of an ended race is on screen, and how soon a run that is changed there stands there.

A race of six networks over 2,000 iterations has ended. From a jump of the cursor to a random iteration, times count
until the picture is painted that shows it: curves in the panel Training, exact histograms in the panel Activations,
for which the engine recomputes the watched lane. The engine by itself is timed beside it, in the same process. Needs
a screen (Xvfb will do); without one it measures offscreen.

    python tests/benchmarks/scrubbing.py [--places 40] [--quick]
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from statistics import median
from typing import TYPE_CHECKING, Any

from display_alone import engine_threads  # before NumPy: it says how many threads BLAS has
from display_window import MEBIBYTE, Rows, make_clock, percentile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GOAL_MS = 200.0
_SECONDS = 120.0  # the longest that anything is waited for
_RACE, _PAIRS = "optimizer-mnist", "batchnorm-grid"
_PAIR = slice(10, 12)  # networks of a scale at which both learn


def main() -> int:
    """Measure and report; the exit status is 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description="Measure how soon an earlier moment is shown.")
    parser.add_argument("--places", type=int, default=40, help="random iterations to jump to")
    parser.add_argument("--quick", action="store_true", help="few places of a shorter race")
    options = parser.parse_args()
    values = {"iterations": 300} if options.quick else {}
    places = 12 if options.quick else options.places
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    load = f", load before: {os.getloadavg()[0]:.2f}" if hasattr(os, "getloadavg") else ""
    print(f"{os.environ.get('QT_QPA_PLATFORM') or 'a real window'}, {os.cpu_count()} cores{load}\n")
    rows = Rows()
    measure_engine(rows, values, places)
    with tempfile.TemporaryDirectory() as folder:
        measure_window(rows, folder, values, places)
    return 1 if rows.missed else 0


def show(rows: Rows, what: str, seconds: list[float], goal_ms: float | None = None) -> None:
    """Print the median of some times and what nine of ten stay below."""
    middle = 1000 * median(seconds)
    measured = f"{middle:.1f}, p90 {1000 * percentile(seconds, 0.9):.1f} ms"
    goal = "" if goal_ms is None else f"<= {goal_ms:g} ms"
    rows.show(what, measured, goal, None if goal_ms is None else middle <= goal_ms)


def random_places(total: int, many: int) -> Iterator[int]:
    """Return iterations before the end, the same ones every time."""
    draws = random.Random(0)
    return (draws.randrange(total) for _ in range(many))


# The engine


def measure_engine(rows: Rows, values: dict[str, Any], places: int) -> None:
    """Time looks and branches without a window."""
    from core.watching import Watch

    run = _built(values)
    run.advance(run.total)
    names = [lane.name for lane in run.lanes]

    def look(number: int, place: int) -> None:
        run.watch(Watch((names[number % len(names)],)))
        run.look(place, lambda: False)

    found = [_seconds(lambda at=at: look(*at)) for at in enumerate(random_places(run.total, places))]
    show(rows, "engine alone: histograms of one lane of six in turn", found)
    run.watch(Watch((names[0],)))
    found = [_seconds(lambda at=at: run.look(at, lambda: False)) for at in random_places(run.total, places)]
    show(rows, "engine alone: histograms of one lane, to and fro", found)
    kept = run.save(whole=True)
    found = [_branching(kept, values, place) for place in random_places(run.total, max(6, places // 4))]
    show(rows, "engine alone: a branch, six lanes recomputed", found)
    frame = run.snapshot()
    size = f"{frame.checkpoints}, {frame.checkpoint_bytes / MEBIBYTE:.1f} MiB"
    rows.show("checkpoints of the race", size, "<= 24 MiB", frame.checkpoint_bytes <= 24 * MEBIBYTE)
    run.close()


def _built(values: dict[str, Any]) -> Any:
    from core.datasets import load_sample
    from core.presets import build, preset

    return build(preset(_RACE).configuration(values), load_sample, engine_threads())


def _branching(kept: Any, values: dict[str, Any], place: int) -> float:
    """Return how long an ended race takes to stand at an earlier moment with another learning rate."""
    run = _built(values)
    run.restore(kept)
    spent = _seconds(lambda: run.branch(place, {"sgd.lr": 0.05}))
    run.close()
    return spent


def _seconds(act: Callable[[], object]) -> float:
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


# The window


def measure_window(rows: Rows, folder: str, values: dict[str, Any], places: int) -> None:
    """Time jumps of the cursor until their pictures are painted."""
    desk = Desk(folder)
    try:
        race = desk.end(_RACE, values)
        wanted = list(random_places(race.player.head, places))
        show(rows, "Training: curves and accuracies", desk.jumps(race, race, wanted, lambda _: True), GOAL_MS)
        found: list[float] = []
        for number, name in enumerate(race.configuration["lanes"]):
            part = wanted[number :: len(race.configuration["lanes"])]
            found += desk.watched(race, (name,), part)
        show(rows, "Activations: exact histograms, six lanes in turn", found, GOAL_MS)
        show(rows, "Activations: exact histograms, one lane", desk.watched(race, ("adam",), wanted), GOAL_MS)
        found = [desk.branch(race, place) for place in wanted[: max(6, places // 4)]]
        show(rows, "Training: a branch, until it stands there", found)
        pairs = desk.end(_PAIRS, {})
        names = tuple(lane.name for lane in pairs.player.frame.lanes[_PAIR])
        wanted = list(random_places(pairs.player.head, places))
        show(rows, "Activations: exact histograms, a BatchNorm pair", desk.watched(pairs, names, wanted), GOAL_MS)
    finally:
        desk.close()


class Desk:
    """The application's window, and what is done at it."""

    def __init__(self, folder: str) -> None:
        from PySide6.QtCore import QSettings
        from PySide6.QtWidgets import QApplication

        from core.datasets import load_sample
        from core.presets import preset
        from gui import theme
        from gui.main_window import MainWindow
        from gui.settings import Settings

        self._app = QApplication([])
        theme.apply(self._app, theme.LIGHT)
        settings = Settings(store=QSettings(f"{folder}/settings.ini", QSettings.Format.IniFormat))
        self.window = MainWindow(settings, load_sample, engine_threads(), preset(_RACE))
        self._clock_class = make_clock()
        ready: list[bool] = []
        self.window.ready.connect(lambda: ready.append(True))
        self.window.show()
        self._until(lambda: bool(ready))

    def _until(self, done: Callable[[], object]) -> None:
        """Let the window run until `done()`; RuntimeError where that does not come."""
        from PySide6.QtCore import QEventLoop

        end = time.perf_counter() + _SECONDS
        while not done():
            if time.perf_counter() > end:
                raise RuntimeError("the window does not come to what is measured")
            self._app.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)

    def end(self, name: str, values: dict[str, Any]) -> Any:
        """Run a preset to its end, and return its panel."""
        from core.presets import preset
        from core.runner import Phase

        panel = self.window.panel(preset(name).panel)
        self.window.open_panel(panel.entry.key)
        panel.start(preset(name).configuration(values))
        panel.player.play()
        self._until(lambda: panel.player.settled and panel.player.status.phase is Phase.FINISHED)
        self._until(lambda: panel.player.head == panel.player.status.total)
        return panel

    def jumps(self, run: Any, panel: Any, places: list[int], exact: Callable[[int], object]) -> list[float]:
        """Return the times from jumps of a run's cursor to pictures of a panel that show these moments exactly."""
        clock = self._clock_class(self.window, panel)
        found = []
        for place in places:
            clock.expect(lambda place=place: run.player.shown_position == place and exact(place))
            begun = time.perf_counter()
            run.player.seek(place)
            panel.view.graphics.viewport().update()  # the picture of the same moment is one too
            self._until(lambda: clock.answered is not None)
            found.append(clock.answered - begun)
        clock.stop()
        return found

    def watched(self, run: Any, names: tuple[str, ...], places: list[int]) -> list[float]:
        """Return the times of jumps to exact histograms of these lanes."""
        panel = self.window.panel("activations")
        panel.show_run(run.entry.key, names)
        self.window.open_panel("activations")
        run.player.seek(run.player.head)
        self._until(lambda: panel.shown_frame() is not None)

        def exact(place: int) -> bool:
            seen = [panel._probes.at(name, place) for name in names]
            return all(one is not None and one[0] == place for one in seen)

        return self.jumps(run, panel, places, exact)

    def branch(self, run: Any, place: int) -> float:
        """Return how long it takes until an ended run stands where it was changed; it is brought back afterwards."""
        self.window.open_panel(run.entry.key)
        run.player.seek(place)
        self._app.processEvents()
        clock = self._clock_class(self.window, run)
        clock.expect(lambda: run.player.head == place)
        begun = time.perf_counter()
        run.edit("sgd.lr", 0.05)
        self._until(lambda: clock.answered is not None)
        clock.stop()
        self.window.undo.undo()
        self._until(lambda: run.player.settled and run.player.head > place)
        return clock.answered - begun

    def close(self) -> None:
        """Close the window."""
        self.window.close()


if __name__ == "__main__":
    sys.exit(main())
