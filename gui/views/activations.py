"""Histograms of activations and gradients, one column a layer: of untrained networks, or of a race while it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QGraphicsWidget

from gui.items import StepHistogram
from gui.legend import LegendEntry
from gui.plots import LIGHT, TICK_PIXELS, TITLE_PIXELS, make_plot, plot_font
from gui.views.base import Number, View, short_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.experiments.propagation import LaneStatistics, PropagationFrame
    from core.parameters import Configuration
    from core.presets import Preset
    from core.statistics import LayerStatistics
    from gui import theme
    from gui.plots import Plot, PlotColours

_ROW = 15.0
_TALLEST = 0.4
_OVERHANG = 10.0
_UNBOUNDED = 16_777_215.0
_GRID_ROWS = 3  # of the layout for one row of plots: name, captions, plots
_MOST_COLUMNS, _MOST_LINES, _MOST_WORDS = 7, 2, 3
KINDS = ("activations", "gradients")
_GRADIENT = "#8C6BB1"
_AXIS, _BARE = 64.0, 9.0  # what a plot has left of its view, with and without numbers


class Caption(QGraphicsWidget):
    """The head of a column: a bold line and a few of words, in a room that does not change with them."""

    def __init__(self, title: str, indent: float) -> None:
        super().__init__()
        self._title, self._indent = title, indent
        self._words: tuple[str, ...] = ()
        self._colours = LIGHT

    def set_words(self, words: Sequence[str]) -> None:
        """Show these lines below the title."""
        if tuple(words) != self._words:
            self._words = tuple(words)
            self.update()

    def set_colours(self, colours: PlotColours) -> None:
        """Draw in these colours from now on."""
        self._colours = colours
        self.update()

    def boundingRect(self) -> QRectF:
        """Cover the words, which may reach into the gap to the next column."""
        return self.rect().adjusted(0, 0, _OVERHANG, 0)

    def paint(self, painter: QPainter, option: Any, widget: Any = None) -> None:
        """Draw title and words."""
        painter.setRenderHint(QPainter.RenderHint.TextAntialiasing, True)
        if widget is None:  # QSvgGenerator goes on clipping as for the item before until an item clips anew
            painter.setClipRect(self.boundingRect())
        top = self.rect().top()
        if self._title:
            painter.setFont(plot_font(TITLE_PIXELS, bold=True))
            self._draw_row(painter, top, self._title, self._colours.foreground)
            top += _ROW + 2
        painter.setFont(plot_font(TICK_PIXELS))
        for number, line in enumerate(self._words):
            self._draw_row(painter, top + number * _ROW, line, self._colours.muted)

    def _draw_row(self, painter: QPainter, top: float, text: str, colour: str) -> None:
        painter.setPen(QColor(colour))
        room = QRectF(self.rect().left() + self._indent, top, self.rect().width() - self._indent + _OVERHANG, _ROW)
        painter.drawText(room, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)


class _Cell:
    """One histogram with its ghost and its words."""

    def __init__(self, plot: Plot, caption: Caption, colour: str) -> None:
        self.plot, self.caption = plot, caption
        self.histogram, self.ghost = StepHistogram(colour), StepHistogram(colour, ghost=True)
        self.ghost.setZValue(20)
        for item in (self.histogram, self.ghost):
            plot.addItem(item)
        self._range: tuple[float, ...] = ()

    def show(self, layer: LayerStatistics, words: Sequence[str], top: float) -> None:
        """Draw a layer's histogram as shares of its values."""
        self.histogram.setData(layer.counts / layer.size, layer.edges)
        self.caption.set_words(words)
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
        self.histogram.setVisible(shown)
        if not shown:
            self.ghost.setVisible(False)
            self.caption.set_words(())


class ActivationsView(View):
    """Activations above, the gradients that flow back to them below, one column a layer."""

    unit = "layer"
    speeds = (1, 2, 5, 10, 30, None)
    speed = 2
    empty = "Choose the training race in the form, or press Space"

    def __init__(self) -> None:
        super().__init__()
        self._cells: dict[tuple[str, int, int], _Cell] = {}
        self._captions: list[Caption] = []
        self._rows, self._columns, self._words = 0, 0, _MOST_WORDS
        self.graphics.ci.geometryChanged.connect(self._share_width)
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
            for kind in KINDS[: 2 if len(statistics) == 1 else 1]:
                self._show_kind(kind, row, lane, ghost, cursor)

    def _show_kind(
        self, kind: str, row: int, lane: LaneStatistics, ghost: LaneStatistics | None, cursor: int | None
    ) -> None:
        layers: tuple[LayerStatistics, ...] = getattr(lane, kind)
        ghosts: tuple[LayerStatistics, ...] = getattr(ghost, kind) if ghost else ()
        top = _top(layers)
        for place, layer in enumerate(layers):
            cell = self._cells.get((kind, row, place))
            reached = place if kind == "activations" else len(layers) - 1 - place
            shown = cursor is None or reached < cursor
            if cell is not None:
                cell.set_shown(shown)
            if cell is not None and shown:
                cell.show(layer, _words(kind, layer)[: self._words], top)
                cell.show_ghost(ghosts[place] if place < len(ghosts) else None)

    # The grid of plots.

    def _arrange(self, statistics: tuple[LaneStatistics, ...]) -> None:
        """Make the grid that the statistics need, unless it is there."""
        shape = tuple((lane.lane.label, lane.lane.colour, len(lane.activations)) for lane in statistics)
        if len(shape) == 1:  # the name of a single network is not in its grid
            shape = (("", *shape[0][1:]),)
        if shape == self._shape:
            return
        self._shape = shape
        self._clear()
        self._cells, self.plots, self._captions = {}, {}, []
        lines = -(-max(len(lane.activations) for lane in statistics) // _MOST_COLUMNS)
        self._rows = 2 * lines if len(statistics) == 1 else len(statistics)
        self._words, self._columns = _MOST_WORDS if self._rows <= 2 else 2, 0
        if len(statistics) == 1:
            self._arrange_one(statistics[0])
        else:
            for row, lane in enumerate(statistics):
                self._add_row("activations", row, row, range(len(lane.activations)), lane)
        self._share_width()

    def _clear(self) -> None:
        """Empty the layout; the heights and stretches of its rows and columns would stay."""
        self.graphics.ci.clear()
        layout = self.graphics.ci.layout
        for row in range(layout.rowCount()):
            layout.setRowMinimumHeight(row, 0)
            layout.setRowMaximumHeight(row, _UNBOUNDED)
            layout.setRowStretchFactor(row, 0)
        for column in range(layout.columnCount()):
            layout.setColumnPreferredWidth(column, 0)

    def _arrange_one(self, lane: LaneStatistics) -> None:
        """Fold a deep network into several rows; beyond 14 layers there is room for one kind."""
        depth = len(lane.activations)
        lines = -(-depth // _MOST_COLUMNS)
        columns = -(-depth // lines)
        row = 0
        for kind in KINDS if lines <= _MOST_LINES else KINDS[:1]:
            for first in range(0, depth, columns):
                self._add_row(kind, 0, row, range(first, min(depth, first + columns)), lane)
                row += 1

    def _share_width(self) -> None:
        """Make all plots equally wide; the first column has the axis besides."""
        layout = self.graphics.ci.layout
        left, _, right, _ = layout.getContentsMargins()
        room = self.graphics.ci.size().width() - left - right - layout.horizontalSpacing() * (self._columns - 1)
        width = max(1.0, (room - _AXIS + _BARE) / max(1, self._columns))
        for column in range(self._columns):
            # Preferred, not fixed, and stretching: anything else would keep the layout from growing with its view.
            share = width + (0 if column else _AXIS - _BARE)
            layout.setColumnPreferredWidth(column, share)
            layout.setColumnStretchFactor(column, max(1, round(share)))

    def _add_row(self, kind: str, lane_row: int, grid_row: int, places: range, lane: LaneStatistics) -> None:
        """Add a row of captions and a row of plots, and above them, among several networks, the network's name."""
        several = len(self._shape) > 1
        row = _GRID_ROWS * grid_row
        if several:
            self._add_caption(row, 0, lane.lane.label, _AXIS, columns=len(places))
        titled = lane_row == 0 if several else kind == "activations" or self._rows > 2
        heights = (_ROW + 2) * several, _ROW * (self._words + titled) + 4 * titled
        for offset, height in enumerate(heights):
            self.graphics.ci.layout.setRowFixedHeight(row + offset, height)
        self.graphics.ci.layout.setRowStretchFactor(row + 2, 1)
        self._columns = max(self._columns, len(places))
        for place in places:
            column = place - places[0]
            title = f"layer {place + 1}" if titled else ""
            caption = self._add_caption(row + 1, column, title, _BARE if column else _AXIS)
            plot = self._add_plot(kind, row + 2, column)
            name = f"{kind} of layer {place + 1}" + (f", {lane.lane.label}" if several else "")
            self.plots[name] = plot
            colour = lane.lane.colour if kind == "activations" else _GRADIENT
            self._cells[kind, lane_row, place] = _Cell(plot, caption, colour)

    def _add_caption(self, row: int, column: int, title: str, indent: float, columns: int = 1) -> Caption:
        caption = Caption(title, indent)
        caption.set_colours(self.colours)
        self._captions.append(caption)
        self.graphics.ci.addItem(caption, row, column, 1, columns)
        return caption

    def _add_plot(self, kind: str, row: int, column: int) -> Plot:
        label = "" if column else "share" if self._rows > 2 else f"share of {kind}"
        plot = make_plot(self.graphics.ci, row, column, y_label=label, colours=self.colours)
        plot.getAxis("left").set_numbers(not column)
        return plot

    def set_theme(self, found: theme.Theme) -> None:
        """Draw in the theme's colours."""
        super().set_theme(found)
        for caption in self._captions:
            caption.set_colours(self.colours)

    def numbers(self, frame: Any, cursor: int) -> list[Number]:
        """Return how spread changes from the first layer to the last."""
        if not frame.statistics:
            return []
        numbers = spread_numbers(frame.statistics[0])
        deep = len(frame.statistics[0].activations) > _MOST_COLUMNS * _MOST_LINES
        hidden = ("gradients are drawn", f"up to {_MOST_COLUMNS * _MOST_LINES} layers")
        return [*numbers, hidden] if deep else numbers

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
        ("standard deviations", ""),
        *((f"activations, layer {layer.layer}", _short(layer.std)) for layer in _ends(forward)),
        *((f"gradients, layer {layer.layer}", _short(layer.std)) for layer in _ends(back)[::-1]),
    ]


def _ends(layers: Sequence[LayerStatistics]) -> Sequence[LayerStatistics]:
    return [layers[0], layers[-1]] if len(layers) > 1 else layers


def _top(layers: Sequence[LayerStatistics]) -> float:
    """Return the share at the top of the axis; the tallest bins are cut off rather than all others flat."""
    tallest = max(float(layer.counts.max()) / layer.size for layer in layers)
    return next((top for top in (0.05, 0.1, 0.15, 0.2, 0.3) if 1.05 * tallest <= top), _TALLEST)


def _words(kind: str, layer: LayerStatistics) -> list[str]:
    """Return the spread, then the shares that are not 0: what the range does not show first."""
    beyond = (layer.below + layer.above) / layer.size
    shares = [(layer.undefined / layer.size, "not a number")]
    if kind == "gradients":
        first = [f"std {_short(layer.std)}", f"axis ±{_short(float(layer.edges[-1]))}"]
        shares.append((beyond, "beyond"))
    else:
        first = [f"std {_short(layer.std)}"]
        shares += [(layer.above / layer.size, "above"), (layer.below / layer.size, "below")]
        # A unit of ReLU is saturated where it says 0, which needs saying once.
        zeros = layer.edges[0] == 0 and abs(layer.zero_share - layer.saturated_share) < 0.01
        shares += [(layer.zero_share, "zero"), (0.0 if zeros else layer.saturated_share, "saturated")]
    tallest = float(layer.counts.max()) / layer.size
    shares.append((tallest if tallest > _TALLEST and tallest != layer.zero_share else 0.0, "in one bin"))
    words = [*first, *(f"{_percent(share)} {name}" for share, name in shares if share > 0)]
    return [*words, f"mean {_short(layer.mean)}"]


def _short(value: float) -> str:
    return short_number(value, 2)


def _percent(share: float) -> str:
    if share < 0.001:
        return "<0.1 %"
    return f"{100 * share:.0f} %" if share >= 0.0995 else f"{100 * share:.1f} %"
