"""Where the plots of the BatchNorm view stand: one for each scale in a grid, or one alone, and the learning rate below.

All plots of a grid are equally large, however much room the numbers of the outer ones take.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from gui.views.plot_parts import AxisText
from gui.views.rates import NUMBERED as RATES_NUMBERED
from gui.views.rates import SLIM
from gui.views.scales import BARE_FOOT, BARE_LEFT, LEFT, NUMBERED, ScalePlot, scale_title

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pyqtgraph as pg

    from gui.plots import Plot, PlotColours
    from gui.views.rates import CommonRates

_GAP = 8.0
_TEXT, _TEXT_BY_RATES = 18.0, 22.0  # the wider one has accuracies and rates begin at one x
_REST = 60.0
_RIGHT, _RIGHT_ALONE = 1.0, 14.0
_UNBOUNDED = 16_777_215.0


class ScaleGrid:
    """The plots by their initial weights, `cells`; `make(init, alone)` makes one."""

    def __init__(
        self,
        layout: pg.GraphicsLayout,
        rates: CommonRates,
        make: Callable[[str, bool], ScalePlot],
        colours: PlotColours,
    ) -> None:
        self._layout, self._rates, self._make, self._colours = layout, rates, make, colours
        self.cells: dict[str, ScalePlot] = {}
        self._texts: list[AxisText] = []
        self._extras: tuple[list[float], list[float]] = ([], [])
        layout.geometryChanged.connect(self._share_out)

    @property
    def plots(self) -> dict[str, Plot]:
        """What can be exported by itself: a plot alone, and the learning rate."""
        found: dict[str, Plot] = {}
        if len(self.cells) == 1:
            (found["accuracy"],) = self.cells.values()
        return found | ({self._rates.name: self._rates.plot} if self._rates.shown else {})

    def arrange(self, inits: Sequence[str]) -> None:
        """Lay out plots for these initial weights anew, above the learning rate while it is shown."""
        self._clear()
        if len(inits) == 1:
            self._arrange_one(inits[0])
        else:
            self._arrange_many(inits)
        self._share_out()

    def set_colours(self, colours: PlotColours) -> None:
        """Draw in these colours from now on."""
        self._colours = colours
        parts: list[Plot | AxisText] = [*self.cells.values(), *self._texts, self._rates.plot]
        for part in parts:
            part.set_colours(colours)

    def _clear(self) -> None:
        """Empty the layout; the sizes and stretches of its rows and columns would stay."""
        self._layout.clear()
        self.cells, self._texts = {}, []
        grid = self._layout.layout
        for row in range(grid.rowCount()):
            grid.setRowMinimumHeight(row, 0)
            grid.setRowMaximumHeight(row, _UNBOUNDED)
            grid.setRowPreferredHeight(row, 0)
            grid.setRowStretchFactor(row, 0)
        for column in range(grid.columnCount()):
            grid.setColumnMinimumWidth(column, 0)
            grid.setColumnMaximumWidth(column, _UNBOUNDED)
            grid.setColumnPreferredWidth(column, 0)
            grid.setColumnStretchFactor(column, 0)

    def _arrange_one(self, init: str) -> None:
        plot = self._add_cell(init, 0, 1, alone=True)
        plot.getAxis("left").set_text("accuracy")
        plot.getAxis("bottom").set_text("epoch")
        plot.set_colours(self._colours)
        if self._rates.shown:
            self._add_rates(1, 1, 1, alone=True)
        self._extras = [0.0], [0.0]

    def _arrange_many(self, inits: Sequence[str]) -> None:
        """Fill a grid about as high as it is wide; numbers stand at the left and below the last plot of a column."""
        many = len(inits)
        columns = math.ceil(math.sqrt(many))
        lines = -(-many // columns)
        full = [row for row in range(lines) if (row + 2) * columns > many]  # rows in which a plot has none below
        for place, init in enumerate(inits):
            row, column = divmod(place, columns)
            cell = self._add_cell(init, row, column + 1)
            cell.set_axes(not column, place + columns >= many, NUMBERED if row in full else BARE_FOOT)
            cell.make_room(max(map(scale_title, inits), key=len))
        self._add_text("training accuracy", True, (0, 0, lines, 1))
        self._add_text("epoch", False, (lines + self._rates.shown, 1, 1, columns))
        grid = self._layout.layout
        grid.setSpacing(_GAP)
        grid.setColumnFixedWidth(0, _TEXT_BY_RATES if self._rates.shown else _TEXT)
        grid.setRowFixedHeight(lines + self._rates.shown, _TEXT)
        if self._rates.shown:
            self._add_rates(lines, 0, columns + 1, alone=False)
        self._extras = (
            [LEFT - BARE_LEFT, *[0.0] * (columns - 1)],
            [(NUMBERED - BARE_FOOT) * (row in full) for row in range(lines)],
        )

    def _add_cell(self, init: str, row: int, column: int, alone: bool = False) -> ScalePlot:
        cell = self._make(init, alone)
        cell.set_colours(self._colours)
        self._layout.addItem(cell, row, column)
        self.cells[init] = cell
        return cell

    def _add_text(self, text: str, upright: bool, place: tuple[int, int, int, int]) -> None:
        """Write what the axes of a column or a row have, once."""
        item = AxisText(text, upright)
        item.set_colours(self._colours)
        self._texts.append(item)
        self._layout.addItem(item, *place)

    def _add_rates(self, row: int, column: int, columns: int, alone: bool) -> None:
        """Put learning rates below: with the numbers of the plot that is alone, or with their own."""
        plot = self._rates.plot
        plot.getAxis("bottom").set_slim(alone)
        plot.layout.setContentsMargins(0.0, 4.0, _RIGHT_ALONE if alone else _RIGHT, 0.0)
        plot.set_colours(self._colours)
        self._layout.addItem(plot, row, column, 1, columns)
        self._layout.layout.setRowFixedHeight(row, SLIM if alone else RATES_NUMBERED)

    def _share_out(self) -> None:
        """Make the plots equally large."""
        if not self.cells:
            return
        grid, size = self._layout.layout, self._layout.size()
        below = (SLIM if len(self.cells) == 1 else RATES_NUMBERED) + _GAP if self._rates.shown else 0.0
        across, down = self._extras
        widths = _shares(across, size.width() - grid.horizontalSpacing() * len(across))
        heights = _shares(down, size.height() - grid.verticalSpacing() * len(down) - below)
        # Preferred, not fixed, and stretching: anything else would keep the layout from growing with its view.
        for column, width in enumerate(widths, 1):
            grid.setColumnPreferredWidth(column, width)
            grid.setColumnStretchFactor(column, max(1, round(width)))
        for row, height in enumerate(heights):
            grid.setRowPreferredHeight(row, height)
            grid.setRowStretchFactor(row, max(1, round(height)))


def _shares(extras: Sequence[float], whole: float) -> list[float]:
    """Return equal shares of the room, each with what it has besides."""
    room = whole - sum(extras) - _REST
    return [extra + max(1.0, room / len(extras)) for extra in extras]
