"""Whether the window stays smooth and the engine fast, with the six-lane race running behind all of it.

Frames are timed where Qt has painted and handed them to the screen; a frame of the engine that has nothing new counts
when it comes. Clicks go the way of real ones, through the window system's queue, and count until the picture that
answers them is painted. What the engine keeps is measured in turns with a process that runs the same race without a
window. Needs a screen (Xvfb will do); without one it measures offscreen and says so.

    python tests/benchmarks/display.py [--quick] [--rounds 7] [--seconds 6] [--frames 1500] [--only NAME,NAME]
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

for _name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "BLIS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # as main.py does, before NumPy is imported
os.environ.setdefault("VECLIB_MAXIMUM_THREADS", "1")
_HERE = Path(__file__).resolve()
sys.path.insert(0, str(_HERE.parents[2]))

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from PySide6.QtWidgets import QWidget

RACE, RACE_UPDATES = "optimizer-mnist", 6000  # a race restarts where fewer than a quarter are left
TURN_SECONDS, SETTLE_SECONDS = 1.5, 0.3
MEBIBYTE = 2**20


def race() -> Any:
    """Return the race's configuration."""
    from core.presets import preset

    return preset(RACE).configuration({"iterations": RACE_UPDATES})


def engine_threads() -> int:
    """Return what the application gives its engine."""
    return max(1, (os.cpu_count() or 1) - 1)


# Without a window.


def run_headless() -> None:
    """Answer each line `SECONDS` on standard input with the race's rate over so long, in updates per second."""
    from core.datasets import load_sample
    from core.presets import build
    from core.runner import Phase, Runner

    sample = load_sample()
    runner = Runner(lambda configuration: build(configuration, lambda: sample, engine_threads()))
    runner.load(race())
    runner.wait(lambda status: status.phase is Phase.PAUSED, 30)
    for line in sys.stdin:
        if runner.status.position > 0.75 * RACE_UPDATES:
            runner.load(race())
            runner.wait(lambda status: status.phase is Phase.PAUSED, 30)
        runner.play()
        time.sleep(SETTLE_SECONDS)
        print(rate(runner, lambda: time.sleep(float(line))), flush=True)  # noqa: B023 - called at once
        runner.pause()
    runner.close()


def rate(runner: Any, wait: Callable[[], None]) -> float:
    """Return the updates per second that a runner makes during `wait`."""
    begun, first = time.perf_counter(), runner.status.position
    wait()
    return float((runner.status.position - first) / (time.perf_counter() - begun))


class Headless:
    """The other process, which rests between its turns."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(_HERE), "--headless"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def turn(self) -> float:
        """Return its rate over one turn."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(f"{TURN_SECONDS}\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


# In the window. Qt is imported only there.


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


def make_clock() -> Any:
    """Return the class that times frames; Qt is needed for it."""
    from PySide6.QtCore import QEvent, QObject

    class Clock(QObject):
        """Notes when a window has been painted, and when each panel's plots were in that picture or need not be."""

        def __init__(self, window: QWidget, *panels: Any) -> None:
            super().__init__()
            self._window = window
            self._times: dict[Any, list[float]] = {panel: [] for panel in panels}
            self._plots = {panel.view.graphics.viewport(): panel for panel in panels}
            self._positions = dict.fromkeys(panels, -1)
            self._painted: set[Any] = set()
            self._expected: Callable[[], bool] | None = None
            self.answered: float | None = None
            for found in (window, *self._plots):
                found.installEventFilter(self)

        def expect(self, answer: Callable[[], bool]) -> None:
            """From now on, note the first picture that is painted while `answer()` holds."""
            self._expected, self.answered = answer, None

        def note_frame(self, panel: Any, position: int) -> None:
            """Count a frame that has nothing new."""
            if position == self._positions[panel]:
                self._times[panel].append(time.perf_counter())
            self._positions[panel] = position

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
                self._times[panel].append(now)
            if answers:
                self.answered, self._expected = now, None

        def stop(self) -> dict[Any, list[float]]:
            """Watch no longer, and return the times between each panel's pictures."""
            for found in (self._window, *self._plots):
                found.removeEventFilter(self)
            return {
                panel: [after - before for before, after in pairwise(times)] for panel, times in self._times.items()
            }

    return Clock


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
        self.window = MainWindow(settings, load_sample, engine_threads(), preset(RACE))
        self.options, self.rows, self.headless = options, Rows(), Headless()
        self._random, self._clock_class = random.Random(0), make_clock()
        ready: list[bool] = []
        self.window.ready.connect(lambda: ready.append(True))
        self.window.show()
        self.until(lambda: bool(ready), 20)
        self.race = self.window.panel("training")
        self.restart_race()

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

    # The race.

    def restart_race(self) -> None:
        """Put the race at its beginning."""
        from core.runner import Phase

        self.race.start(race())
        self.until(lambda: self.race.player.status.phase is Phase.PAUSED, 20)

    def play_race(self) -> None:
        """Run the race, anew if it has not far to go."""
        if self.race.player.status.position > 0.75 * RACE_UPDATES:
            self.restart_race()
        self.race.player.play()

    def pause_race(self) -> None:
        """Stop the race and let the last picture be painted."""
        self.race.player.stop()
        self.rest(0.1)

    def kept(
        self, shown: Iterable[Any], before: Callable[[], None] | None = None
    ) -> tuple[list[float], dict[Any, Any]]:
        """Return the engine's rate as a share of its rate without a window, and the shown panels' intervals."""
        shares, intervals = [], {panel: [] for panel in shown}
        for _ in range(self.options.rounds):
            alone = self.headless.turn()
            if before:
                before()
            self.play_race()
            self.rest(SETTLE_SECONDS)
            clock = self.clock(*intervals)
            shares.append(rate(self.race.player.runner, lambda: self.rest(TURN_SECONDS)) / alone)
            for panel, times in clock().items():
                intervals[panel] += times
            self.pause_race()
        return shares, intervals

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

    def clock(self, *panels: Any) -> Callable[[], dict[Any, list[float]]]:
        """Begin to time the pictures of the plots of panels in one window; what is returned ends it."""
        clock = self._clock_class(panels[0].window(), *panels)
        racing = [panel for panel in panels if panel.player is self.race.player]
        slots = [lambda _frame, position, panel=panel: clock.note_frame(panel, position) for panel in racing]
        for slot in slots:
            self.race.player.shown.connect(slot)

        def stop() -> dict[Any, list[float]]:
            for slot in slots:
                self.race.player.shown.disconnect(slot)
            found: dict[Any, list[float]] = clock.stop()
            return found

        return stop

    def timed(self, panel: Any, seconds: float) -> list[float]:
        """Return the intervals between the pictures of a panel's plots."""
        stop = self.clock(panel)
        self.rest(seconds)
        return stop()[panel]

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

    def answers(self, window: QWidget, clicks: int, ask: Callable[[], Any]) -> list[float]:
        """Return the times from clicks to the pictures that answer them.

        `ask` returns the widget to click, the place in it or None, and what tells whether a picture is the answer.
        """
        clock = self._clock_class(window)
        times = []
        for _ in range(clicks):
            self.rest(self._random.uniform(0.06, 0.16))  # any moment between two ticks of the display
            widget, place, answer = ask()
            clock.expect(answer)
            begun = time.perf_counter()
            self.press(widget, place)
            self.until(lambda: clock.answered is not None, 1.0)
            times.append((clock.answered or time.perf_counter()) - begun)
        clock.stop()
        return times

    def close(self) -> None:
        """End everything."""
        self.headless.close()
        self.window.close()


# What is measured.


def measure_training(bench: Bench) -> None:
    """Curves, what they leave the engine, and the memory that all of it takes."""
    panel = bench.open("training")
    shares, intervals = bench.kept([panel])
    bench.rows.show_times("training curves: interval of pictures", intervals[panel], 40)
    bench.show_kept("engine behind the training panel, of its headless rate", shares, 0.85)
    size = resident()
    if size is not None:
        bench.rows.show("memory, race running", f"{size / MEBIBYTE:.0f} MiB", "<= 200 MiB", size <= 200 * MEBIBYTE)


def measure_paths(bench: Bench) -> None:
    """A replay at 60 steps a second."""
    panel = bench.open("paths")
    panel.open_preset("paths-rosenbrock")
    start_replay(bench, panel)
    panel.player.stop()
    bench.play_race()
    times: list[float] = []
    for _ in range(max(1, round(bench.options.seconds / 6))):
        start_replay(bench, panel)
        times += bench.timed(panel, min(6.0, bench.options.seconds))
    bench.pause_race()
    bench.rows.show_times("paths, replay at 60 steps/s: interval of pictures", times, 25)


def start_replay(bench: Bench, panel: Any) -> None:
    """Play a panel's record from its beginning at 60 steps a second."""
    bench.until(lambda: panel.player.head == panel.player.status.total > 0, 5)
    panel.transport.speed.setCurrentIndex(panel.transport.speed.findData(60))
    panel.player.seek(0)
    panel.player.play()
    bench.rest(0.2)


def measure_drag(bench: Bench) -> None:
    """An untrained network, measured anew at every move of a slider."""
    panel = bench.open("activations")
    panel.show_untrained()
    bench.play_race()
    bench.rest(0.5)
    drag = Drag(bench, panel.form.editor("bins").slider)
    times = bench.timed(panel, bench.options.seconds)
    drag.stop()
    bench.pause_race()
    bench.rows.show_times("activations, dragging a slider: interval of pictures", times, 25)


class Drag:
    """A hand that moves a slider to and fro, as often as a mouse reports."""

    def __init__(self, bench: Bench, slider: Any) -> None:
        from PySide6.QtCore import QTimer

        self._slider, self._window = slider, slider.window()
        self._place, self._step = 0.3, 0.004
        self._timer = QTimer(interval=8)
        self._timer.timeout.connect(self._move)
        self._send("mousePress")
        self._timer.start()

    def _move(self) -> None:
        self._place += self._step
        if not 0.2 < self._place < 0.8:
            self._step = -self._step
        self._send("mouseMove")

    def _send(self, name: str) -> None:
        from PySide6.QtCore import QPoint, Qt
        from PySide6.QtTest import QTest

        inside = QPoint(round(self._place * self._slider.width()), self._slider.height() // 2)
        place, handle = self._slider.mapTo(self._window, inside), self._window.windowHandle()
        if name == "mouseMove":
            QTest.mouseMove(handle, place)
        else:
            getattr(QTest, name)(handle, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, place)

    def stop(self) -> None:
        """Let go."""
        self._timer.stop()
        self._send("mouseRelease")


def measure_live(bench: Bench) -> None:
    """The layers of a lane of the race while it learns."""
    panel = bench.open("activations")
    panel.show_run("training")
    shares, intervals = bench.kept([panel])
    panel.show_untrained()
    bench.rows.show_times("activations of the running race: interval of pictures", intervals[panel], 25)
    bench.show_kept("engine behind the activations panel, live", shares, 0.75)


def measure_clicks(bench: Bench) -> None:
    """Clicks of each kind, at any moment."""
    clicks, window = bench.options.clicks, bench.window
    panel = bench.open("training")
    bench.play_race()
    rows, limit = bench.rows, 30
    rows.show_times("click: a lane off and on", bench.answers(window, clicks, lambda: ask_lane(panel)), limit)
    rows.show_times("click: pause and play", bench.answers(window, clicks, lambda: ask_play(panel)), limit)
    bench.pause_race()
    rows.show_times("click: one iteration", bench.answers(window, clicks, lambda: ask_step(panel)), limit)
    bench.play_race()
    paths = bench.open("paths")
    start_replay(bench, paths)
    paths.player.stop()
    paths.player.seek(0)
    rows.show_times("click: one step of the paths", bench.answers(window, clicks, lambda: ask_step(paths)), limit)
    activations = bench.open("activations")
    bench.rest(0.3)
    times = bench.answers(window, clicks, lambda: ask_batchnorm(activations))
    rows.show_times("click: BatchNorm in the untrained network", times, limit)
    bench.pause_race()


def ask_lane(panel: Any) -> tuple[Any, Any, Callable[[], bool]]:
    """Switch the second lane."""
    check = panel.lanes.row("momentum").check
    traces = panel.view._traces["momentum"]
    wanted = not check.isChecked()
    return check, (10, check.height() / 2), lambda: bool(traces.raw.isVisible() == wanted)


def ask_play(panel: Any) -> tuple[Any, Any, Callable[[], bool]]:
    """Press play or pause."""
    wanted = not panel.player.playing
    return panel.transport.play, None, lambda: bool(panel.transport._running == wanted)


def ask_step(panel: Any) -> tuple[Any, Any, Callable[[], bool]]:
    """Press the button for one step."""
    before = panel.player.shown_position
    return panel.transport.step, None, lambda: bool(panel.view._cursor > before)


def ask_batchnorm(panel: Any) -> tuple[Any, Any, Callable[[], bool]]:
    """Switch BatchNorm."""
    switch = panel.form.editor("batchnorm").field
    wanted = not switch.isChecked()
    return switch, None, lambda: bool(panel.view._frame.lanes[0].batchnorm == wanted)


def measure_memory(bench: Bench) -> None:
    """What frames leave behind, beyond the record of the run."""
    if resident() is None:
        bench.rows.show("memory growth", "not measured here")
        return
    panel = bench.open("training")
    bench.restart_race()
    show_frames(bench, panel, max(200, bench.options.frames // 3))
    size, recorded = resident() or 0, record_bytes(panel)
    show_frames(bench, panel, bench.options.frames)
    growth = ((resident() or 0) - size - (record_bytes(panel) - recorded)) / bench.options.frames * 10_000
    bench.pause_race()
    measured = f"{growth / MEBIBYTE:+.2f} MiB"
    bench.rows.show("memory growth of 10,000 frames, without the record", measured, "<= 1 MiB", growth <= MEBIBYTE)


def show_frames(bench: Bench, panel: Any, frames: int) -> None:
    """Let the panel show so many frames as fast as they come."""
    shown: list[int] = []
    count = lambda _frame, position: shown.append(position)  # noqa: E731 - kept to be disconnected
    panel.player.shown.connect(count)
    while len(shown) < frames:
        bench.play_race()
        panel.player.refresh()
        bench.app.processEvents()
    panel.player.shown.disconnect(count)


def record_bytes(panel: Any) -> int:
    """Return the bytes of the run's record: losses, the smoothed ones, and their copy in the frame on screen."""
    frame = panel.player.frame
    return 2 * int(frame.loss.base.nbytes) + int(frame.smoothed.nbytes)


def measure_drawing(bench: Bench) -> None:
    """What long curves cost; by the functions of drawing.py, which measures more."""
    import drawing  # beside this file; Qt's platform is chosen by now

    short, long = drawing.paint_ms(drawing.curves(2_000), drawing.curves(20_000))
    bench.rows.show("curves of 20,000 points over those of 2,000", f"{long / short:.2f}", "<= 2", long <= 2 * short)
    ink, _ = drawing.ink_difference(20_000)
    bench.rows.show("ink that decimated curves differ by", f"{100 * ink:.3f} %", "<= 0.2 %", ink <= 0.002)


def measure_everything(bench: Bench) -> None:
    """All panels at once in a window of their own: paths replaying, the race's curves, its activations live."""
    from PySide6.QtWidgets import QGridLayout, QWidget

    panels = [bench.window.panel(key) for key in ("paths", "activations", "training")]
    paths, activations, training = panels
    paths.open_preset("paths-rosenbrock")
    bench.window.hide()
    wide = QWidget()
    grid = QGridLayout(wide)
    for number, panel in enumerate(panels):
        panel.set_notes_shown(False)
        grid.addWidget(panel, number // 2, number % 2, 1, 1 + number // 2)
        panel.show()
    wide.resize(1900, 1040)
    wide.show()
    activations.show_run("training")
    bench.rest(1.0)
    shares, intervals = bench.kept(panels, lambda: start_replay(bench, paths))
    bench.show_kept("engine with all three panels shown", shares, 0.75)
    for panel, goal in ((paths, 25), (activations, 25), (training, 40)):
        bench.rows.show_times(f"all shown, {panel.entry.key}: interval of pictures", intervals[panel], goal)
    for panel in panels:
        panel.setParent(bench.window)
    wide.close()


MEASURES = {
    "training": measure_training,
    "paths": measure_paths,
    "drag": measure_drag,
    "live": measure_live,
    "clicks": measure_clicks,
    "memory": measure_memory,
    "drawing": measure_drawing,
    "everything": measure_everything,
}


def main() -> int:
    """Measure and report; the exit status is 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description="Measure the window against its goals.")
    parser.add_argument("--rounds", type=int, default=6, help="turns of the window and of the headless race")
    parser.add_argument("--seconds", type=float, default=6.0, help="length of an animation")
    parser.add_argument("--clicks", type=int, default=30, help="clicks of each kind")
    parser.add_argument("--frames", type=int, default=1500, help="frames over which memory is watched")
    parser.add_argument("--quick", action="store_true", help="few of everything")
    parser.add_argument("--only", default=",".join(MEASURES), help=f"some of {','.join(MEASURES)}")
    parser.add_argument("--headless", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.headless:
        run_headless()
        return 0
    if options.quick:
        options.rounds, options.seconds, options.clicks, options.frames = 2, 2.0, 12, 300
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    with tempfile.TemporaryDirectory() as folder:
        return measure(options, folder)


def measure(options: argparse.Namespace, folder: str) -> int:
    """Run the chosen measures in one window."""
    load = f", load before: {os.getloadavg()[0]:.2f}" if hasattr(os, "getloadavg") else ""
    print(f"{os.environ.get('QT_QPA_PLATFORM') or 'a real window'}, {os.cpu_count()} cores{load}\n")
    bench = Bench(options, folder)
    try:
        for name in options.only.split(","):
            MEASURES[name](bench)
    finally:
        bench.close()
    if hasattr(os, "getloadavg"):
        print(f"\nload after: {os.getloadavg()[0]:.2f} (the benchmark's own processes count for about two)")
    return 1 if bench.rows.missed else 0


if __name__ == "__main__":
    sys.exit(main())
