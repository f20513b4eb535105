"""The view of a map of settings: every cell a run, the limit of stability over it, the marked run beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent

from core.experiments.stability_parameters import MINIMUM
from core.map_axes import SIDES, STARTS, value_of, zoomed
from core.map_pictures import hues_of, levels_at, measure_shown
from gui.heat_map import CellPointer, HeatMap, LimitLine, Numbers
from gui.pictured import HeadedPlot
from gui.plane import narrow_ticks
from gui.views.base import View
from gui.views.one_path import OnePath
from gui.views.stability_strip import MapStrip
from gui.views.stability_words import cell_lines, key_entries, map_numbers, scale_ticks, title

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.experiments.stability import StabilityFrame
    from core.figures import Preset
    from core.map_axes import MapAxis
    from core.parameters import Configuration
    from gui import theme
    from gui.crosshair import ReadoutLine
    from gui.legend import LegendEntry
    from gui.views.base import Number

_WIDE, _WIDE_SHAPE = 840.0, 1.15
_MAP_SHARE, _LOSS_SHARE = 0.6, 0.4
_INDENT = 64.0
_ZOOM, _ZOOM_MS = 0.8, 180
_FAR_CELLS = 10
_MOST_NUMBERED = 25
_AXES = ("optimizer", "surface", *(f"{side}{part}" for side in SIDES for part in ("", ".range")))
_ARROWS = {
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_Up: (1, 0),
    Qt.Key.Key_Down: (-1, 0),
}


class StabilityView(View):
    """The map and one path.

    `chosen(values)` comes with the axes' values of a cell, by their names, `ranged(ranges)` with the ranges to zoom
    to, by the keys of a configuration.
    """

    unit = "step"
    interval = 32  # a map takes the engine's time too
    chosen = Signal(object)
    ranged = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._frame: StabilityFrame | None = None
        self._cursor = 0
        self._drawn: tuple[str, int] | None = None
        self._wide: bool | None = None
        self._zoom: dict[str, tuple[float, float]] = {}
        self._zoom_timer = QTimer(self)
        self._zoom_timer.setSingleShot(True)
        self._zoom_timer.setInterval(_ZOOM_MS)
        self._zoom_timer.timeout.connect(self._ask_zoom)
        self._make_plots()
        self.graphics.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the arrows to the transport
        self.graphics.installEventFilter(self)
        self.graphics.scene().sigMouseClicked.connect(self._click)
        self.set_theme_items()
        self.say("Computing the map …")

    def _make_plots(self) -> None:
        self._strip = MapStrip(_INDENT)
        self.map, self.path = HeadedPlot(self._strip, self.colours), OnePath(self.colours, self)
        self._heat, self._limit, self._numbers = HeatMap(), LimitLine(), Numbers()
        self._pointer = CellPointer(self._read)
        for item in (self._heat, self._limit, self._numbers, self._pointer):
            self.map.addItem(item)
        self.plots = {"stability map": self.map, "path": self.path.map, "loss": self.path.loss}
        for row, plot in enumerate(self.plots.values()):
            plot.set_colours(self.colours)
            self.graphics.ci.addItem(plot, row, 0)
        self.graphics.ci.geometryChanged.connect(self._arrange)
        self._arrange()
        self._pointer.chosen.connect(self._choose)
        self._pointer.zoomed.connect(self._zoom_about)
        self.path.started.connect(lambda x, y: self.edited.emit("start", (x, y)))

    def _arrange(self) -> None:
        """Put the path right of the map where there is room, else below it."""
        size = self.graphics.ci.size()
        wide = size.width() > max(_WIDE, _WIDE_SHAPE * size.height())
        layout = self.graphics.ci.layout
        if wide != self._wide:
            self._wide = wide
            places = [(0, 0, 2, 1), (0, 1, 1, 1), (1, 1, 1, 1)] if wide else [(0, 0, 1, 2), (1, 0, 1, 1), (1, 1, 1, 1)]
            for plot in self.plots.values():
                layout.removeItem(plot)
            for plot, cells in zip(self.plots.values(), places, strict=True):
                layout.addItem(plot, *cells)
            layout.setHorizontalSpacing(14.0)
            layout.setVerticalSpacing(6.0)
        across = (_MAP_SHARE, 1 - _MAP_SHARE) if wide else (0.5, 0.5)
        down = (1 - _LOSS_SHARE, _LOSS_SHARE) if wide else (_MAP_SHARE, 1 - _MAP_SHARE)
        for place in (0, 1):
            width, height = (
                max(1.0, across[place] * (size.width() - 34.0)),
                max(1.0, down[place] * (size.height() - 24.0)),
            )
            layout.setColumnPreferredWidth(place, width)
            layout.setColumnStretchFactor(place, round(width))
            layout.setRowPreferredHeight(place, height)
            layout.setRowStretchFactor(place, round(height))

    def set_theme(self, found: theme.Theme) -> None:
        """Draw in the theme's colours."""
        super().set_theme(found)
        self.set_theme_items()

    def set_theme_items(self) -> None:
        """Colour what pyqtgraph draws itself."""
        self.graphics.setBackground(self.colours.background)

    # What is shown.

    def show_configuration(self, configuration: Configuration, preset: Preset) -> None:
        """Move the mark and the start; the rest comes with the frame."""
        before = self.configuration
        super().show_configuration(configuration, preset)
        if before is None or any(before[key] != configuration[key] for key in _AXES):
            self._zoom_timer.stop()  # what was zoomed are other axes now
            self._zoom = {}
        self.path.set_start(*configuration["start"])
        self._show_mark()

    def show_frame(self, frame: StabilityFrame, cursor: int) -> None:
        """Draw every cell as of step `cursor`, and the marked run."""
        before, self._frame, self._cursor = self._frame, frame, cursor
        if before is None or before.axes is not frame.axes:
            self._show_axes(frame)
        measure = self._measure(frame)
        shown = measure, cursor
        if before is None or before.reached is not frame.reached or shown != self._drawn:
            self._drawn = shown
            self._heat.setData(levels_at(frame, measure, cursor), self._whole(frame), measure == MINIMUM)
        self._show_over(frame, measure)
        self._show_mark()
        self.path.show_path(frame.path, min(cursor, frame.path.position), frame.tolerance)

    def _measure(self, frame: StabilityFrame) -> str:
        return measure_shown(frame, self.configuration["measure"] if self.configuration else "")

    def _show_axes(self, frame: StabilityFrame) -> None:
        self.map.setLogMode(x=frame.axes[0].log, y=frame.axes[1].log)
        self.map.disableAutoRange()  # setLogMode enabled it
        ends = [self._zoom.get(side, (axis.low, axis.high)) for side, axis in zip(SIDES, frame.axes, strict=True)]
        self._fit([_ends(axis, *each) for axis, each in zip(frame.axes, ends, strict=True)], frame)
        self._pointer.set_grid(self._whole(frame), len(frame.axes[0].values))

    def _fit(self, views: Sequence[tuple[float, float]], frame: StabilityFrame) -> None:
        """Show these ranges, in decades on a log axis."""
        self.map.setRange(xRange=views[0], yRange=views[1], padding=0)
        for side, axis, ends in zip(("bottom", "left"), frame.axes, views, strict=True):
            self.map.getAxis(side).set_text(axis.label)
            self.map.getAxis(side).setTicks(narrow_ticks(*ends) if axis.log else None)

    def _whole(self, frame: StabilityFrame) -> QRectF:
        """Return the map's rectangle of the plane, its top being the lowest y."""
        (left, right), (low, high) = (_ends(axis, axis.low, axis.high) for axis in frame.axes)
        return QRectF(left, low, right - left, high - low)

    def _at(self, x: float, y: float) -> QPointF:
        """Return a point of the plane by its places along the axes."""
        assert self._frame is not None
        whole = self._whole(self._frame)
        return QPointF(whole.left() + x * whole.width(), whole.top() + y * whole.height())

    def _show_over(self, frame: StabilityFrame, measure: str) -> None:
        """Draw the limit, name the minima, explain the colours."""
        whole = self._whole(frame)
        points = frame.limit.points
        self._limit.setData(whole.left() + points[:, 0] * whole.width(), whole.top() + points[:, 1] * whole.height())
        self._numbers.set_marks(self._minima(frame) if measure == MINIMUM else [])
        self._strip.set_title(title(frame, measure))
        self._strip.set_scale(*scale_ticks(frame, measure))

    def _minima(self, frame: StabilityFrame) -> list[tuple[float, float, str, int]]:
        """Return the marks of minima where the axes are the plane that they are in."""
        names = [axis.name for axis in frame.axes]
        if sorted(names) != sorted(STARTS):
            return []
        order, hues = [STARTS.index(name) for name in names], hues_of(frame.minima)
        found = zip(frame.minima.points[:, order].tolist(), hues, strict=True)
        numbered = len(hues) <= _MOST_NUMBERED
        return [(x, y, str(n) if numbered or n == 1 else "", hue) for n, ((x, y), hue) in enumerate(found, 1)]

    def _show_mark(self) -> None:
        frame = self._frame
        if frame is None:
            return
        place = self._present(frame)
        self._pointer.set_mark(self._at(*place) if place else None)
        self._strip.set_key(key_entries(frame, self._measure(frame), place is not None))

    def _present(self, frame: StabilityFrame) -> tuple[float, float] | None:
        """Return the place of the present setting; None where it is not on the map."""
        values = self.configuration.values if self.configuration else {}
        if values.get("optimizer") != frame.lanes[0].optimizer:
            return None
        x, y = (axis.place(value_of(axis.name, values)) for axis in frame.axes)
        return (x, y) if 0.0 <= x <= 1.0 and 0.0 <= y <= 1.0 else None

    def here(self, frame: StabilityFrame) -> tuple[int, int] | None:
        """Return row and column of the marked cell."""
        place = self._present(frame)
        return (frame.axes[1].cell(place[1]), frame.axes[0].cell(place[0])) if place else None

    # The mouse and the keyboard.

    def _read(self, index: int) -> Sequence[ReadoutLine]:
        frame = self._frame
        if frame is None:
            return []
        row, column = divmod(index, len(frame.axes[0].values))
        return [(line, "") for line in cell_lines(frame, row, column, self._cursor)]

    def _choose(self, cell: tuple[int, int], runs: bool) -> None:
        """Ask for the setting of a cell; after a click its path runs from the start."""
        frame = self._frame
        if frame is None:
            return
        row, column = cell
        across, up = frame.axes
        if runs:
            self.path.run()
        else:
            self.path.stop()
        self.chosen.emit({across.name: float(across.values[column]), up.name: float(up.values[row])})

    def _click(self, event: Any) -> None:
        if self._frame is not None:
            self.path.click(event)

    def _zoom_about(self, x: float, y: float, turns: float) -> None:
        """Zoom the picture at hand at once; the map of what is seen follows when the wheel rests."""
        frame, values = self._frame, self.configuration
        if frame is None or values is None or not self._is_of(frame, values):
            return
        optimizer, places = frame.lanes[0].optimizer, (x, y)
        views = []
        for side, axis, place in zip(SIDES, frame.axes, places, strict=True):
            now = axis.between(*self._zoom.get(side, values[f"{side}.range"]))
            self._zoom[side] = zoomed(now, now.place(axis.at(place)), _ZOOM**turns, optimizer)
            views.append(_ends(axis, *self._zoom[side]))
        self._fit(views, frame)
        self._zoom_timer.start()

    def _is_of(self, frame: StabilityFrame, values: Configuration) -> bool:
        """Tell whether the axes on screen are those in force, whatever their ranges."""
        names = tuple(axis.name for axis in frame.axes)
        return (frame.lanes[0].optimizer, *names) == (values["optimizer"], *(values[side] for side in SIDES))

    def _ask_zoom(self) -> None:
        ranges, self._zoom = self._zoom, {}
        if ranges:
            self.ranged.emit({f"{side}.range": ends for side, ends in ranges.items()})

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Go over the map with the keyboard: arrows, Enter, Escape."""
        if event.type() is QEvent.Type.FocusIn:
            self._point_at(self._pointed() or (0, 0))
        elif event.type() is QEvent.Type.FocusOut:
            self._pointer.set_index(None)
        elif event.type() is QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            if Qt.Key(event.key()) in _ARROWS and not event.modifiers() & Qt.KeyboardModifier.ControlModifier:
                event.accept()
                return True
        elif event.type() is QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            return self._press(event)
        return super().eventFilter(watched, event)

    def _pointed(self) -> tuple[int, int] | None:
        """Return the cell at the keyboard, else the marked one."""
        frame = self._frame
        if frame is None:
            return None
        if self._pointer.index is not None:
            return divmod(self._pointer.index, len(frame.axes[0].values))
        return self.here(frame)

    def _point_at(self, cell: tuple[int, int]) -> None:
        if self._frame is not None:
            side = len(self._frame.axes[0].values)
            row, column = (min(max(part, 0), side - 1) for part in cell)
            self._pointer.set_index(row * side + column)

    def _press(self, event: QKeyEvent) -> bool:
        key, cell = Qt.Key(event.key()), self._pointed() or (0, 0)
        if key in _ARROWS:
            stride = _FAR_CELLS if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1
            up, across = _ARROWS[key]
            self._point_at((cell[0] + stride * up, cell[1] + stride * across))
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._choose(cell, True)
        else:
            return False
        return True

    # What the panel says.

    def numbers(self, frame: StabilityFrame, cursor: int) -> list[Number]:
        """Return what is true of the marked cell, and of all."""
        return map_numbers(frame, self.here(frame), cursor)

    def legend(self, frame: StabilityFrame) -> list[LegendEntry]:
        """Return nothing: the map explains itself in its strip."""
        return []

    def plot_legend(self, frame: StabilityFrame) -> list[LegendEntry]:
        """Return nothing, as for the whole."""
        return []


def _ends(axis: MapAxis, low: float, high: float) -> tuple[float, float]:
    """Return a range as the plot has it, in decades on a log axis."""
    return (float(np.log10(low)), float(np.log10(high))) if axis.log else (low, high)
