"""Paths on a surface: the map with every lane's path, and below it the loss of each step."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QVBoxLayout, QWidget

from core.files import STEPS
from core.own_surface import OWN, printed, printed_gradient
from gui.contours import SurfacePicture
from gui.crosshair import Crosshair, ReadoutLine
from gui.items import PathTrace, Trace
from gui.panel import Panel
from gui.plots import make_plot
from gui.theme import Severity
from gui.views.base import LaneStatus, Number, View, short_number
from gui.views.marks import NowLine
from gui.views.path_loss import is_logarithmic, loss_range, set_loss_axis
from gui.views.path_steps import PathSteps
from gui.views.rates import NAME, RatePlot, rate_numbers
from gui.views.relief import TURNS, ReliefSwitch
from gui.views.start_handle import StartHandle

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from core.experiments.paths import PathsFrame
    from core.experiments.saved import SavedRun
    from core.figures import Preset
    from core.parameters import Configuration
    from core.surfaces import Surface
    from gui import theme

_FAINT = 0.18
_LOWEST_DECADE = -12.0
_TINY = 1e-99


class PathsView(View):
    """The map (click or drag sets the start, wheel zooms, drag pans) and the loss over steps, cursors linked."""

    unit = "step"
    own_formats = ((STEPS, "csv of every step's numbers"),)
    speeds = (1, 2, 5, 10, 30, 60, 100, 1000, None)
    speed = 10

    def __init__(self) -> None:
        super().__init__()
        layout = self.graphics.ci
        self.map = make_plot(layout, 0, 0, x_label="x", y_label="y", mouse=(True, True), colours=self.colours)
        self.loss = make_plot(layout, 1, 0, x_label="step", whole_x=True, y_label="f above its minimum", log_y=True)
        self.rates = RatePlot(layout, 2, self.loss, "step", colours=self.colours)
        self.plots = {"map": self.map, "loss": self.loss}
        layout.layout.setRowStretchFactor(0, 5)
        layout.layout.setRowStretchFactor(1, 2)
        self._paths: dict[str, PathTrace] = {}
        self._losses: dict[str, Trace] = {}
        self._picture: SurfacePicture | None = None
        self._surface: Surface | None = None
        self._frame: PathsFrame | None = None
        self._cursor = 0
        self._ranges: tuple[Any, ...] = ()
        self._now = NowLine()
        self.loss.addItem(self._now, ignoreBounds=True)
        self._hover = Crosshair(self._read)
        self._hover.moved.connect(self._follow_hover)
        self.rates.hover.moved.connect(self._follow_hover)
        self.loss.addItem(self._hover)
        self._make_start()
        self.relief = ReliefSwitch(self)
        self.steps = PathSteps(self)
        self.section = self.steps.section
        self._lay_out()
        self.set_theme_items()

    def _lay_out(self) -> None:
        """Put the switches above the plots."""
        whole = QWidget(self)
        column = QVBoxLayout(whole)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.steps.bar)
        self.enclose(whole, lambda plots: column.addWidget(plots, 1))

    def _make_start(self) -> None:
        self._start = StartHandle()
        self._start.moved.connect(lambda x, y: self.edited.emit("start", (x, y)))
        self.map.addItem(self._start, ignoreBounds=True)
        self.graphics.scene().sigMouseClicked.connect(self._clicked)

    def set_theme(self, found: theme.Theme) -> None:
        """Draw in the theme's colours."""
        super().set_theme(found)
        self.set_theme_items()

    def set_theme_items(self) -> None:
        """Colour what pyqtgraph draws itself."""
        self.graphics.setBackground(self.colours.background)
        self.map.set_colours(self.colours)
        self.relief.set_colours(self.colours)
        self.rates.set_colours(self.colours)
        self._now.set_colours(self.colours)

    def show_configuration(self, configuration: Configuration, preset: Preset) -> None:
        """Move the start; the rest comes with the frame."""
        super().show_configuration(configuration, preset)
        self.relief.set_start(configuration["start"])
        self._start.set_position(*configuration["start"])
        self.steps.arrows.set_start(configuration["start"])

    def show_frame(self, frame: PathsFrame, cursor: int) -> None:
        """Draw every path up to step `cursor`."""
        self._show_surface(frame)
        self._show_lanes(frame)
        self._frame, self._cursor = frame, cursor
        for i in self.visible(frame):
            name = frame.lanes[i].name
            self._paths[name].setData(frame.points[i, : cursor + 1])
            self._losses[name].setData(frame.excess[i, : cursor + 1])
        self._show_rates(frame, cursor)
        self.relief.show_frame(frame, cursor)
        self._now.set_place(cursor if cursor < frame.position else None)
        self._fit_loss(frame)
        self.steps.show_frame(frame, cursor)

    def _show_rates(self, frame: PathsFrame, cursor: int) -> None:
        """Draw learning rates while a lane has a schedule."""
        self.rates.show_frame(frame, self.visible(frame), cursor)
        self._name_plots()

    def _name_plots(self) -> None:
        """Name what is there."""
        rates = {NAME: self.rates.plot} if self.rates.shown else {}
        self.plots = {**({} if self.relief.shown else {"map": self.map}), "loss": self.loss, **rates}

    def redraw(self) -> None:
        """Draw the frame at hand again."""
        self._name_plots()
        if self._frame is not None:
            self.show_frame(self._frame, self._cursor)

    def adopt(self, other: View) -> None:
        """Also show the landscape where that is shown."""
        super().adopt(other)
        assert isinstance(other, PathsView)
        if self._picture is not None and other._picture is not None:
            self._picture.take_after(other._picture)
        self.relief.take_after(other.relief)
        self.steps.restore(other.steps.state())

    def _show_surface(self, frame: PathsFrame) -> None:
        if self._surface is not None and _seen(frame.surface) == _seen(self._surface):
            return
        before, self._surface = self._surface, frame.surface
        if self._picture is None:
            self._picture = SurfacePicture(frame.surface)
            self.map.addItem(self._picture)
        if before is None or _seen(before)[:2] != _seen(frame.surface)[:2]:
            self._picture.set_surface(frame.surface)
        if before is None or before.view != frame.surface.view:
            x_low, x_high, y_low, y_high = frame.surface.view
            self.map.setRange(xRange=(x_low, x_high), yRange=(y_low, y_high), padding=0)
        set_loss_axis(self.loss, frame.surface)

    def _show_lanes(self, frame: PathsFrame) -> None:
        """Make items for new lanes; hide those of lanes that are off."""
        shown = {frame.lanes[i].name for i in self.visible(frame)}
        for lane in frame.lanes:
            if lane.name not in self._paths:
                self._paths[lane.name] = PathTrace(lane.colour, lane.marker)
                self.map.addItem(self._paths[lane.name])
                self._losses[lane.name] = Trace(lane.colour, weight=2)
                self.loss.addItem(self._losses[lane.name])
        for name, path in self._paths.items():
            path.setVisible(name in shown)
            self._losses[name].setVisible(name in shown)

    def _fit_loss(self, frame: PathsFrame) -> None:
        """Show the whole run's steps and losses, so that the axes stand still while it plays."""
        if self._ranges and self._ranges[0] is frame:
            return
        rows = frame.excess[self.visible(frame)]
        x_range = (0.0, float(max(1, frame.total)))
        y_range = loss_range(rows, frame.surface, _LOWEST_DECADE)
        if self._ranges[1:] != (x_range, y_range):
            self.loss.setRange(xRange=x_range, yRange=y_range, padding=0)
        self._ranges = (frame, x_range, y_range)

    # The start.

    def _clicked(self, event: Any) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self.loss.vb.sceneBoundingRect().contains(event.scenePos()):
            self.steps.keep_pointed()
        elif not self.relief.shown and self._start.takes(event) and not self.steps.keep_pointed():
            self._start.move_to(event.scenePos())

    # Reading.

    def _follow_hover(self, index: int | None) -> None:
        for hover in (self._hover, self.rates.hover):
            hover.set_index(index)
        if self._frame is None:
            return
        last = self._cursor if index is None else max(0, min(index, self._cursor))
        for i in self.visible(self._frame):
            self._paths[self._frame.lanes[i].name].setData(self._frame.points[i, : last + 1])
        self.relief.show_until(last)
        self.steps.show_until(last)

    def loss_height(self, excess: float) -> float:
        """Return where a loss stands on the plot's axis, in decades if that is logarithmic."""
        if self._surface is None or not is_logarithmic(self._surface):
            return float(excess)
        return float(np.log10(excess)) if excess > 0.0 else float("nan")

    def explain(self) -> None:
        """Bring the equation in the notes up to date."""
        self.steps.explain()

    def _read(self, index: int) -> Sequence[ReadoutLine]:
        frame = self._frame
        if frame is None or not 0 <= index <= self._cursor:
            return []
        lines = [
            (f"{frame.lanes[i].label}  {short_number(frame.loss[i, index])}", frame.lanes[i].colour)
            for i in self.visible(frame)
        ]
        return [(f"step {index}", ""), *lines]

    def close_map(self) -> None:
        """End what the map does in the background."""
        if self._picture is not None:
            self._picture.close()

    def highlight(self, lane: str | None) -> None:
        """Let the other lanes fade."""
        self.relief.highlight(lane)
        for name, path in self._paths.items():
            opacity = 1.0 if lane in (None, name) else _FAINT
            path.setOpacity(opacity)
            self._losses[name].setOpacity(opacity)
        self.rates.highlight(lane)

    def lane_statuses(self, frame: PathsFrame, cursor: int) -> dict[str, LaneStatus]:
        """Return each lane's loss, or that it diverged or left the view."""
        return {lane.name: _status(frame, i, cursor) for i, lane in enumerate(frame.lanes)}

    def formulas(self) -> list[tuple[str, str, str]]:
        """Return a function of one's own, and its gradient where that is short enough to be read."""
        values = self.configuration
        if values is None or values["surface"] != OWN:
            return []
        slopes = printed_gradient(values["function"]) or ()
        parts = zip(("∂f/∂x", "∂f/∂y"), slopes, strict=False)
        return [
            ("f(x, y)", "", "\n".join([printed(values["function"]), *(f"{name} = {text}" for name, text in parts)]))
        ]

    def numbers(self, frame: PathsFrame, cursor: int) -> list[Number]:
        """Return where every lane is."""
        return [
            (frame.lanes[i].label, ",  ".join(_coordinate(x) for x in frame.points[i, cursor]))
            for i in self.visible(frame)
        ] + rate_numbers(frame, self.visible(frame), cursor)


def _status(frame: PathsFrame, lane: int, cursor: int) -> LaneStatus:
    diverged = frame.diverged[lane]
    if diverged is not None and diverged <= cursor:
        return LaneStatus(f"diverged at step {diverged}", Severity.ERROR)
    if frame.outside[lane, cursor]:
        return LaneStatus("left the view", Severity.WARNING)
    return LaneStatus(f"f = {short_number(frame.loss[lane, cursor])}")


def _seen(surface: Surface) -> tuple[object, ...]:
    """Return what of a surface can be seen."""
    return surface.formula, surface.view, surface.floor


def _coordinate(value: float) -> str:
    """Write a coordinate briefly; two of a hundred zeros each would widen the notes."""
    return "≈ 0" if 0.0 < abs(value) < _TINY else short_number(value, 2)


class PathsPanel(Panel):
    """Paths of optimizers on a surface."""

    view_class = PathsView
    view: PathsView

    def _connect(self) -> None:
        super()._connect()
        self.view.relief.refused.connect(lambda line: self.message.emit(line, Severity.WARNING))
        self.view.steps.kept.connect(lambda: self.notes.reveal(self.view.steps.section))

    def _add_shortcuts(self) -> None:
        super()._add_shortcuts()
        relief = self.view.relief
        for keys, run in (("D", relief.toggle), *((keys, partial(relief.turn, *by)) for keys, by in TURNS.items())):
            shortcut = QShortcut(QKeySequence(keys), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(run)

    def view_state(self) -> dict[str, Any]:
        """Return also whether the landscape is shown, and what is drawn of a step."""
        return {**super().view_state(), "relief": self.view.relief.shown, "steps": self.view.steps.state()}

    def resume(self, configuration: Configuration, run: SavedRun | None, view: Mapping[str, Any]) -> None:
        """Show the landscape where that was shown, and draw what was drawn."""
        super().resume(configuration, run, view)
        self.view.steps.restore(view.get("steps"))
        self.view.relief.set_shown(view.get("relief") is True)

    def close_engine(self) -> None:
        """End the engine's thread, and what goes on beside it."""
        self.view.close_map()
        self.view.relief.close()
        super().close_engine()
