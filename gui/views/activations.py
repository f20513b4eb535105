"""Histograms of activations and gradients, one column a layer: of untrained networks, or of a race while it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter

from gui.items import Frame, StepHistogram, ViewItem
from gui.legend import LegendEntry
from gui.plots import TICK_PIXELS, blend, make_plot, plot_font
from gui.views.base import LaneStatus, Number, View

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.experiments.propagation import LaneStatistics, PropagationFrame
    from core.parameters import Configuration
    from core.presets import Preset
    from core.statistics import LayerStatistics
    from gui import theme
    from gui.plots import Plot

_ROW = 15.0
_TALLEST = 0.4
_MOST_COLUMNS = 10
_GRADIENT = "#8C6BB1"


class Caption(ViewItem):
    """A few lines of text in the upper right corner of a plot, on a ground that lets them be read."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: tuple[str, ...] = ()
        self.setZValue(100)

    def set_lines(self, lines: Sequence[str]) -> None:
        """Show these lines."""
        if tuple(lines) != self._lines:
            self._lines = tuple(lines)
            self.update()

    def draw(self, painter: QPainter, frame: Frame) -> None:
        """Draw the lines, right-aligned."""
        if not self._lines:
            return
        font = plot_font(TICK_PIXELS)
        left, top, width, _ = frame.rect
        wide = min(width - 6, max(map(QFontMetricsF(font).horizontalAdvance, self._lines)) + 10)
        box = QRectF(left + width - wide - 3, top + 3, wide, _ROW * len(self._lines) + 4)
        ground = QColor(self._colours.background)
        ground.setAlphaF(0.8)
        painter.fillRect(box, ground)
        painter.setFont(font)
        painter.setPen(blend(self._colours.foreground, self._colours.background, 0.85))
        for number, line in enumerate(self._lines):
            row = QRectF(box.left(), box.top() + 2 + number * _ROW, wide - 5, _ROW)
            painter.drawText(row, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, line)


class _Cell:
    """One histogram with its ghost and its words."""

    def __init__(self, plot: Plot, colour: str) -> None:
        self.plot = plot
        self.histogram, self.ghost, self.caption = StepHistogram(colour), StepHistogram(ghost=True), Caption()
        self.ghost.setZValue(20)
        for item in (self.histogram, self.ghost, self.caption):
            plot.addItem(item)
        self._range: tuple[float, ...] = ()

    def show(self, layer: LayerStatistics, words: Sequence[str], top: float) -> None:
        """Draw a layer's histogram as shares of its values."""
        self.histogram.setData(layer.counts / layer.size, layer.edges)
        self.caption.set_lines(words)
        ends = (float(layer.edges[0]), float(layer.edges[-1]), top)
        if ends != self._range:
            self._range = ends
            self.plot.setRange(xRange=ends[:2], yRange=(0.0, top), padding=0)

    def show_ghost(self, layer: LayerStatistics | None) -> None:
        """Draw what was before, on the same axes; what its range does not reach stays empty."""
        self.ghost.setVisible(layer is not None)
        if layer is not None:
            scale = (layer.edges[1] - layer.edges[0]) / self._bin_width(layer)
            self.ghost.setData(layer.counts / layer.size / scale, layer.edges)

    def _bin_width(self, layer: LayerStatistics) -> float:
        width = self._range[1] - self._range[0] if self._range else layer.edges[-1] - layer.edges[0]
        return float(width / len(layer.counts))

    def set_shown(self, shown: bool) -> None:
        """Show or hide what is drawn; the axes stay."""
        for item in (self.histogram, self.caption):
            item.setVisible(shown)
        if not shown:
            self.ghost.setVisible(False)


class ActivationsView(View):
    """Activations above, the gradients that flow back to them below, one column a layer."""

    unit = "layer"
    speeds = (1, 2, 5, 10, 30, None)
    speed = 2
    empty = "Choose the training race in the form, or press Space"

    def __init__(self) -> None:
        super().__init__()
        self._cells: dict[tuple[str, int, int], _Cell] = {}
        self._shape: tuple[Any, ...] = ()
        self._before: tuple[LaneStatistics, ...] = ()
        self._frame: PropagationFrame | None = None
        self.graphics.setBackground(self.colours.background)

    def show_configuration(self, configuration: Configuration, preset: Preset) -> None:
        """Keep what is shown as the ghost of what was before."""
        if self._frame is not None and configuration != self.configuration:
            self._before = self._frame.statistics
        super().show_configuration(configuration, preset)

    def show_frame(self, frame: PropagationFrame, cursor: int) -> None:
        """Draw the first `cursor` layers forward, and as many gradients from the last one back."""
        self._frame = frame
        before = self._before if len(self._before) == len(frame.statistics) else ()
        self.show_statistics(frame.statistics, before, cursor)

    def show_statistics(
        self, statistics: tuple[LaneStatistics, ...], before: tuple[LaneStatistics, ...], cursor: int | None = None
    ) -> None:
        """Draw the statistics of one network, or of several with a row for each."""
        self._arrange(statistics)
        for row, lane in enumerate(statistics):
            ghost = before[row] if row < len(before) else None
            self._show_kind("activations", row, lane, ghost, cursor)
            if len(statistics) == 1:
                self._show_kind("gradients", row, lane, ghost, cursor)

    def _show_kind(
        self, kind: str, row: int, lane: LaneStatistics, ghost: LaneStatistics | None, cursor: int | None
    ) -> None:
        layers: tuple[LayerStatistics, ...] = getattr(lane, kind)
        ghosts: tuple[LayerStatistics, ...] = getattr(ghost, kind) if ghost else ()
        top = _top(layers)
        for place, layer in enumerate(layers):
            cell = self._cells[kind, row, place]
            reached = place if kind == "activations" else len(layers) - 1 - place
            shown = cursor is None or reached < cursor
            cell.set_shown(shown)
            if shown:
                cell.show(layer, _words(kind, layer), top)
                cell.show_ghost(ghosts[place] if place < len(ghosts) else None)

    # The grid of plots.

    def _arrange(self, statistics: tuple[LaneStatistics, ...]) -> None:
        """Make the grid that the statistics need, unless it is there."""
        shape = tuple((lane.lane.name, lane.lane.label, lane.lane.colour, len(lane.activations)) for lane in statistics)
        if tuple((found[2:] if len(shape) == 1 else found) for found in shape) == self._shape:
            return
        self._shape = tuple((found[2:] if len(shape) == 1 else found) for found in shape)
        self.graphics.ci.clear()
        self._cells, self.plots = {}, {}
        if len(statistics) == 1:
            self._arrange_one(statistics[0])
        else:
            for row, lane in enumerate(statistics):
                self._add_row("activations", row, row, range(len(lane.activations)), lane)

    def _arrange_one(self, lane: LaneStatistics) -> None:
        depth = len(lane.activations)
        columns = min(depth, _MOST_COLUMNS)
        lines = -(-depth // columns)
        for line in range(lines):
            places = range(line * columns, min(depth, (line + 1) * columns))
            self._add_row("activations", 0, line, places, lane)
            self._add_row("gradients", 0, lines + line, places, lane)

    def _add_row(self, kind: str, lane_row: int, grid_row: int, places: range, lane: LaneStatistics) -> None:
        colour = lane.lane.colour if kind == "activations" else _GRADIENT
        single = len(self._shape) == 1
        for place in places:
            first = place == places[0]
            label = ("share of activations" if kind == "activations" else "share of gradients") if single else "share"
            title = f"layer {place + 1}" if single or lane_row == 0 else ""
            if not single and first:
                title = f"{lane.lane.label}{': ' + title if title else ''}"
            plot = make_plot(
                self.graphics.ci,
                grid_row,
                place - places[0],
                title=title,
                y_label=label if first else "",
                colours=self.colours,
            )
            if not first:
                plot.getAxis("left").setStyle(showValues=False)
            self.plots[f"{kind} of layer {place + 1}" + ("" if single else f", {lane.lane.label}")] = plot
            self._cells[kind, lane_row, place] = _Cell(plot, colour)

    def set_theme(self, found: theme.Theme) -> None:
        """Draw in the theme's colours."""
        super().set_theme(found)

    def lane_statuses(self, frame: PropagationFrame, cursor: int) -> dict[str, LaneStatus]:
        """Say nothing: the words are in the plots."""
        return {}

    def numbers(self, frame: Any, cursor: int) -> list[Number]:
        """Return how spread changes from the first layer to the last."""
        if not frame.statistics:
            return []
        return spread_numbers(frame.statistics[0])

    def legend(self, frame: Any) -> list[LegendEntry]:
        """Name the network whose activations are shown, and the gradients' colour."""
        statistics = frame.statistics
        if len(statistics) != 1:
            return []
        lane = statistics[0].lane
        return [LegendEntry(f"activations: {lane.label}", lane.colour), LegendEntry("gradients", _GRADIENT)]


def spread_numbers(lane: LaneStatistics) -> list[Number]:
    """Return the standard deviations at both ends of the network, forward and back."""
    forward, back = lane.activations, lane.gradients
    return [
        ("activations, std of layer 1", _short(forward[0].std)),
        (f"activations, std of layer {len(forward)}", _short(forward[-1].std)),
        (f"gradients, std at layer {len(back)}", _short(back[-1].std)),
        ("gradients, std at layer 1", _short(back[0].std)),
    ]


def _top(layers: Sequence[LayerStatistics]) -> float:
    """Return the share at the top of the axis; the tallest bins are cut off rather than all others flat."""
    tallest = max(float(layer.counts.max()) / layer.size for layer in layers)
    return next((top for top in (0.05, 0.1, 0.15, 0.2, 0.3) if 1.05 * tallest <= top), _TALLEST)


def _words(kind: str, layer: LayerStatistics) -> list[str]:
    words = [f"mean {_short(layer.mean)}", f"std {_short(layer.std)}"]
    shares = [("zero", layer.zero_share)]
    if kind == "activations":
        shares.append(("saturated", layer.saturated_share))
    shares += [("below", layer.below / layer.size), ("above", layer.above / layer.size)]
    shares.append(("not a number", layer.undefined / layer.size))
    tallest = float(layer.counts.max()) / layer.size
    words += [f"{_percent(share)} {name}" for name, share in shares if share > 0]
    return [*words, f"tallest bin {_percent(tallest)}"] if tallest > _TALLEST else words


def _short(value: float) -> str:
    return f"{value:.2g}".replace("-", "−") if np.isfinite(value) else "not finite"


def _percent(share: float) -> str:
    if share < 0.001:
        return "<0.1 %"
    return f"{100 * share:.0f} %" if share >= 0.0995 else f"{100 * share:.1f} %"

