"""The display's goals for the race of six optimizers: its curves, its layers, clicks, memory, everything at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from display_window import MEBIBYTE, Bench, resident

if TYPE_CHECKING:
    from collections.abc import Callable


def measure_training(bench: Bench) -> None:
    """Curves, what they leave the engine, and the memory that all of it takes."""
    panel = bench.open("training")
    shares, times = bench.kept([panel])
    bench.rows.show_times("training curves: interval of pictures", times[panel].intervals, 40)
    bench.show_kept("engine behind the training panel, of its headless rate", shares, 0.85)
    size = resident()
    if size is not None:
        bench.rows.show("memory, race running", f"{size / MEBIBYTE:.0f} MiB", "<= 200 MiB", size <= 200 * MEBIBYTE)


def measure_paths(bench: Bench) -> None:
    """A replay at 60 steps a second, by itself and with all that can be drawn of every lane's step."""
    panel = bench.open("paths")
    panel.open_preset("paths-rosenbrock")
    start_replay(bench, panel)
    panel.player.stop()
    from gui.views.show_bar import HINTS

    bar = panel.view.steps.bar
    for words, shown in (("replay", ()), ("everything drawn", tuple(HINTS))):
        bar.set_shown(shown)
        time_replay(bench, panel, words)
    bar.set_shown(())


def time_replay(bench: Bench, panel: Any, words: str) -> None:
    """Show the times between the pictures of a replay, while the race is running."""
    bench.play()
    times: list[float] = []
    for _ in range(max(1, round(bench.options.seconds / 6))):
        start_replay(bench, panel)
        times += bench.timed(panel, min(6.0, bench.options.seconds))
    bench.pause()
    bench.rows.show_times(f"paths, {words} at 60 steps/s: interval of pictures", times, 25)


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
    panel.show_own()
    bench.play()
    bench.rest(0.5)
    drag = Drag(bench, panel.form.editor("bins").slider)
    times = bench.timed(panel, bench.options.seconds)
    drag.stop()
    bench.pause()
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
    shares, times = bench.kept([panel])
    panel.show_own()
    bench.rows.show_times("activations of the running race: interval of pictures", times[panel].intervals, 25)
    bench.show_kept("engine behind the activations panel, live", shares, 0.75)


def measure_inside(bench: Bench) -> None:
    """One network looked into: while the race runs, page by page; and a stroke while it rests."""
    panel = bench.open("inside")
    panel.show_run("training")
    bench.rest(0.5)
    panel.view.draw.wanted.emit(-1)
    for page in panel.view.pages:
        panel.view.open_page(page.key)
        shares, _ = bench.kept([panel])
        bench.show_kept(f"engine behind the inside panel, {page.title}", shares, 0.75)
    panel.view.open_page("draw")
    times = bench.answers(bench.window, bench.options.clicks, Stroke(bench, panel).move, moves=True)
    bench.rows.show_times("drawing while the race rests: from move to answer", times, 30)
    panel.show_own()


class Stroke:
    """A stroke on the canvas; each move of it is to be answered by all networks."""

    def __init__(self, bench: Bench, panel: Any) -> None:
        from PySide6.QtCore import QPoint, Qt
        from PySide6.QtTest import QTest

        self._panel, self._canvas, self._moves = panel, panel.view.draw.canvas, 0
        panel.view.draw.clear.click()
        bench.rest(0.5)
        rect = self._canvas.rect_of_image()
        place = self._canvas.mapTo(bench.window, QPoint(round(rect.left() + 10), round(rect.top() + 10)))
        handle = bench.window.windowHandle()
        QTest.mousePress(handle, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, place)

    def move(self) -> tuple[Any, Any, Callable[[], bool]]:
        """Go on by a few pixels."""
        self._moves += 1
        rect = self._canvas.rect_of_image()
        x, y = self._moves * 37 % 100 / 100, self._moves * 61 % 100 / 100
        place = rect.left() + x * rect.width(), rect.top() + y * rect.height()
        return self._canvas, place, self._answered

    def _answered(self) -> bool:
        shown, wanted = self._panel.view.draw.answers.insight, self._canvas.image()
        return shown.answers is not None and bool((shown.answers.image == wanted).all())


def measure_clicks(bench: Bench) -> None:
    """Clicks of each kind, at any moment."""
    clicks, window = bench.options.clicks, bench.window
    panel = bench.open("training")
    bench.play()
    rows, limit = bench.rows, 30
    rows.show_times("click: a lane off and on", bench.answers(window, clicks, lambda: ask_lane(panel)), limit)
    rows.show_times("click: pause and play", bench.answers(window, clicks, lambda: ask_play(panel)), limit)
    bench.pause()
    rows.show_times("click: one iteration", bench.answers(window, clicks, lambda: ask_step(panel)), limit)
    bench.play()
    paths = bench.open("paths")
    paths.open_preset("paths-rosenbrock")  # with more steps than there are clicks
    start_replay(bench, paths)
    paths.player.stop()
    paths.player.seek(0)
    rows.show_times("click: one step of the paths", bench.answers(window, clicks, lambda: ask_step(paths)), limit)
    activations = bench.open("activations")
    bench.rest(0.3)
    times = bench.answers(window, clicks, lambda: ask_batchnorm(activations))
    rows.show_times("click: BatchNorm in the untrained network", times, limit)
    bench.pause()


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
    bench.restart()
    show_frames(bench, panel, max(1500, bench.options.frames))  # until every buffer has its size
    size, recorded = resident() or 0, record_bytes(panel)
    show_frames(bench, panel, bench.options.frames)
    growth = ((resident() or 0) - size - (record_bytes(panel) - recorded)) / bench.options.frames * 10_000
    bench.pause()
    measured = f"{growth / MEBIBYTE:+.2f} MiB"
    bench.rows.show("memory growth of 10,000 frames, without the record", measured, "<= 1 MiB", growth <= MEBIBYTE)


def show_frames(bench: Bench, panel: Any, frames: int) -> None:
    """Let the panel show so many frames as fast as they come."""
    shown: list[int] = []
    count = lambda _frame, position: shown.append(position)  # noqa: E731 - kept to be disconnected
    panel.player.shown.connect(count)
    while len(shown) < frames:
        bench.play()
        panel.player.refresh()
        bench.app.processEvents()
    panel.player.shown.disconnect(count)


def record_bytes(panel: Any) -> int:
    """Return the bytes of the run's record: losses, smoothed ones with their copy on screen, checkpoints."""
    frame = panel.player.frame
    return 2 * int(frame.loss.base.nbytes) + int(frame.smoothed.nbytes) + frame.checkpoint_bytes


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
    shares, times = bench.kept(panels, lambda: start_replay(bench, paths))
    bench.show_kept("engine with all three panels shown", shares, 0.75)
    for panel, goal in ((paths, 25), (activations, 25), (training, 40)):
        bench.rows.show_times(f"all shown, {panel.entry.key}: interval of pictures", times[panel].intervals, goal)
    for panel in panels:
        panel.setParent(bench.window)
    wide.close()


RACE = {
    "training": measure_training,
    "paths": measure_paths,
    "drag": measure_drag,
    "live": measure_live,
    "inside": measure_inside,
    "clicks": measure_clicks,
    "memory": measure_memory,
    "drawing": measure_drawing,
    "everything": measure_everything,
}
