"""Histograms of activations and gradients, one column a layer: of untrained networks, or of a race while it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gui.legend import LegendEntry
from gui.plots import make_plot
from gui.views.base import Number, View
from gui.views.histograms import ROW, Caption, Cell, Ends, ends_of, short, top_of, words_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.experiments.propagation import LaneStatistics, PropagationFrame
    from core.figures import Preset
    from core.parameters import Configuration
    from core.statistics import LayerStatistics
    from gui import theme

_FILED_ROW = 190  # the height of one of many rows in a file
_UNBOUNDED = 16_777_215.0
_GRID_ROWS = 3  # of the layout for one row of plots: name, captions, plots
_MOST_COLUMNS, _MOST_LINES, _MOST_WORDS = 7, 2, 3
KINDS = ("activations", "gradients")
_GRADIENT = "#8C6BB1"
_TIGHT = 3.0
_AXIS, _BARE = 64.0, 9.0  # what a plot has left of its view, with and without numbers


class ActivationsView(View):
    """Activations above, the gradients that flow back to them below, one column a layer."""

    unit = "layer"
    speeds = (1, 2, 5, 10, 30, None)
    speed = 2
    empty = "Choose the training race in the form, or press Space"

    def __init__(self) -> None:
        super().__init__()
        self._cells: dict[tuple[str, int, int], Cell] = {}
        self._spare: list[Cell] = []  # whose plots are in no layout: making them anew takes ten milliseconds each
        self._captions: list[Caption] = []
        self._rows, self._columns, self._words = 0, 0, _MOST_WORDS
        self._paired = False
        self._lines: tuple[str, ...] = ()
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
        self,
        statistics: tuple[LaneStatistics, ...],
        before: tuple[LaneStatistics, ...],
        cursor: int | None = None,
        words: tuple[str, ...] = (),
    ) -> None:
        """Draw the statistics of one network, of a pair to be compared, or of several with a row for each.

        `words` are lines above them all.
        """
        self._arrange(statistics, words)
        for kind in KINDS[: 2 if len(statistics) == 1 or self._paired else 1]:
            networks = [getattr(lane, kind) for lane in statistics]
            for row, (layers, axes) in enumerate(zip(networks, self._axes(networks), strict=True)):
                ghosts = getattr(before[row], kind) if row < len(before) else ()
                self._show_kind(kind, row, layers, ghosts, axes, cursor)

    def _axes(self, networks: Sequence[Sequence[LayerStatistics]]) -> list[tuple[Ends, float]]:
        """Return each network's range of x and top of y: those of a pair are the same where they can be."""
        ends = ends_of(networks) if self._paired else [ends_of([layers])[0] for layers in networks]
        tops = [top_of(layers, own) for layers, own in zip(networks, ends, strict=True)]
        if self._paired and len(set(ends)) == 1:
            tops = [max(tops)] * len(tops)
        return list(zip(ends, tops, strict=True))

    def _show_kind(
        self,
        kind: str,
        row: int,
        layers: Sequence[LayerStatistics],
        ghosts: Sequence[LayerStatistics],
        axes: tuple[Ends, float],
        cursor: int | None,
    ) -> None:
        for place, layer in enumerate(layers):
            cell = self._cells.get((kind, row, place))
            reached = place if kind == "activations" else len(layers) - 1 - place
            shown = cursor is None or reached < cursor
            if cell is not None:
                cell.set_shown(shown)
            if cell is not None and shown:
                cell.show(layer, words_of(kind, layer, axes[0])[: self._words], *axes)
                cell.show_ghost(ghosts[place] if place < len(ghosts) else None)

    # The grid of plots.

    def _arrange(self, statistics: tuple[LaneStatistics, ...], words: tuple[str, ...]) -> None:
        """Make the grid that the statistics need, unless it is there."""
        shape = tuple((lane.lane.label, lane.lane.colour, len(lane.activations)) for lane in statistics)
        if len(shape) == 1:  # the name of a single network is not in its grid
            shape = (("", *shape[0][1:]),)
        if (shape, words) == (self._shape, self._lines):
            return
        self._shape, self._lines = shape, words
        self._clear()
        self._cells, self.plots, self._captions, self._columns = {}, {}, [], 0
        depth = max(len(lane.activations) for lane in statistics)
        self._paired = _is_pair(statistics)
        self._rows = self._count_rows(len(statistics), depth)
        self._words = _MOST_WORDS if self._rows <= 2 else 2
        self._add_words(depth)
        if len(statistics) == 1:
            self._arrange_one(statistics[0])
        elif self._paired:
            self._arrange_pair(statistics)
        else:
            for row, lane in enumerate(statistics):
                self._add_row("activations", row, row, range(len(lane.activations)), lane, lane.lane.label, not row)
        self._share_width()

    def _count_rows(self, networks: int, depth: int) -> int:
        if self._paired:
            return len(KINDS) * networks
        return 2 * -(-depth // _MOST_COLUMNS) if networks == 1 else networks

    def _add_words(self, depth: int) -> None:
        """Write lines above the grid."""
        for row, line in enumerate(self._lines):
            self._add_caption(row, 0, "", _AXIS, columns=depth).set_words((line,))
            self.graphics.ci.layout.setRowFixedHeight(row, ROW + 2)

    def _arrange_pair(self, statistics: tuple[LaneStatistics, ...]) -> None:
        """Put what is to be compared below each other: the activations of both networks, then their gradients."""
        for place, kind in enumerate(KINDS):
            for row, lane in enumerate(statistics):
                head = "" if row else _pair_name(kind, statistics)
                self._add_row(kind, row, 2 * place + row, range(len(lane.activations)), lane, head, not (place or row))
        self.graphics.ci.layout.setVerticalSpacing(_TIGHT)

    def _clear(self) -> None:
        """Empty the layout; the heights and stretches of its rows and columns would stay."""
        self.graphics.ci.clear()
        self._spare += self._cells.values()
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
                places = range(first, min(depth, first + columns))
                self._add_row(kind, 0, row, places, lane, "", kind == "activations" or self._rows > 2)
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

    def _add_row(
        self, kind: str, lane_row: int, grid_row: int, places: range, lane: LaneStatistics, head: str, titled: bool
    ) -> None:
        """Add a row of captions, which name the layers if `titled`, and a row of plots, and `head` above them."""
        row = _GRID_ROWS * grid_row + len(self._lines)
        if head:
            self._add_caption(row, 0, head, _AXIS, columns=len(places))
        heights = (ROW + 2) * bool(head), ROW * (self._words + titled) + 4 * titled
        for offset, height in enumerate(heights):
            self.graphics.ci.layout.setRowFixedHeight(row + offset, height)
        self.graphics.ci.layout.setRowStretchFactor(row + 2, 1)
        self._columns = max(self._columns, len(places))
        for place in places:
            column = place - places[0]
            title = f"layer {place + 1}" if titled else ""
            caption = self._add_caption(row + 1, column, title, _BARE if column else _AXIS)
            colour = lane.lane.colour if kind == "activations" or self._paired else _GRADIENT
            cell = self._add_cell("" if column else self._y_label(kind, lane), row + 2, column)
            cell.set_look(caption, colour)
            name = f"{kind} of layer {place + 1}" + (f", {lane.lane.label}" if len(self._shape) > 1 else "")
            self.plots[name] = cell.plot
            self._cells[kind, lane_row, place] = cell

    def _y_label(self, kind: str, lane: LaneStatistics) -> str:
        if self._paired:
            return lane.lane.label.rpartition(", ")[2]
        return "share" if self._rows > 2 else f"share of {kind}"

    def _add_caption(self, row: int, column: int, title: str, indent: float, columns: int = 1) -> Caption:
        caption = Caption(title, indent)
        caption.set_colours(self.colours)
        self._captions.append(caption)
        self.graphics.ci.addItem(caption, row, column, 1, columns)
        return caption

    def _add_cell(self, label: str, row: int, column: int) -> Cell:
        """Put a histogram into the grid: one that is there already, or a new one."""
        if self._spare:
            cell = self._spare.pop()
            cell.plot.set_colours(self.colours)
            self.graphics.ci.addItem(cell.plot, row, column)
            self.graphics.ci.layout.setColumnStretchFactor(column, 1)
        else:
            cell = Cell(make_plot(self.graphics.ci, row, column, colours=self.colours))
            cell.plot.setPreferredWidth(1.0)  # the column's width counts, which may be less than a plot's own wish
        cell.plot.getAxis("left").set_text(label)
        cell.plot.getAxis("left").set_numbers(not column)
        return cell

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

    def visible(self, frame: Any) -> list[int]:
        """Return all rows: lanes that are off are not measured, and those of a run are not this configuration's."""
        return list(range(len(frame.lanes)))

    def export_size(self, frame: Any) -> tuple[int, int]:
        """Make room for many networks."""
        width, height = super().export_size(frame)
        return width, height if len(frame.statistics) == 1 or _is_pair(frame.statistics) else _FILED_ROW * len(
            frame.statistics
        )

    def legend(self, frame: Any) -> list[LegendEntry]:
        """Name the network whose activations are shown, and the gradients' colour."""
        statistics = frame.statistics
        if self._paired:
            return [LegendEntry(found.lane.label, found.lane.colour) for found in statistics]
        if len(statistics) != 1:
            return []
        lane = statistics[0].lane
        return [LegendEntry(f"activations: {lane.label}", lane.colour), LegendEntry("gradients", _GRADIENT)]


def _is_pair(statistics: Sequence[LaneStatistics]) -> bool:
    """Tell whether these are the same network with and without BatchNorm, and there is room to compare all of it."""
    if len(statistics) != 2 or max(len(found.activations) for found in statistics) > _MOST_COLUMNS:
        return False
    first, second = (found.lane for found in statistics)
    same = (first.init, first.activation) == (second.init, second.activation)
    return same and first.batchnorm is not second.batchnorm


def _pair_name(kind: str, statistics: Sequence[LaneStatistics]) -> str:
    """Return `Activations, σ = 0.541`."""
    common = {lane.lane.label.rpartition(", ")[0] for lane in statistics}
    return ", ".join(filter(None, (kind.capitalize(), *(common if len(common) == 1 else ()))))


def spread_numbers(lane: LaneStatistics, named: bool = False) -> list[Number]:
    """Return the standard deviations at both ends of the network, forward and back; `named` says whose they are."""
    forward, back = lane.activations, lane.gradients
    return [
        (f"std, {lane.lane.label}" if named else "standard deviations", ""),
        *((f"activations, layer {layer.layer}", short(layer.std)) for layer in _ends(forward)),
        *((f"gradients, layer {layer.layer}", short(layer.std)) for layer in _ends(back)[::-1]),
    ]


def _ends(layers: Sequence[LayerStatistics]) -> Sequence[LayerStatistics]:
    return [layers[0], layers[-1]] if len(layers) > 1 else layers
