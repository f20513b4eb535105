"""Where the plots of a search stand: the best trials right of the scatter or below it, the learning rate below both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gui.views.rates import NAME, NUMBERED, SHARE, CommonRates

if TYPE_CHECKING:
    import pyqtgraph as pg

    from core.experiments.search import SearchFrame
    from gui.pictured import HeadedPlot
    from gui.plots import Plot, PlotColours

_WIDE, _WIDE_SHAPE = 840.0, 1.35
_SHARES = 0.46, 0.54  # of scatter and grid
_MARGIN = 0.012  # of the run, before and after it
_RATES_ROW = 2
_BETWEEN = 4.0


class SearchLayout:
    """Scatter and grid of the best, and the learning rate while it has a schedule; `plots` has those that are there."""

    def __init__(self, layout: pg.GraphicsLayout, scatter: HeadedPlot, best: HeadedPlot) -> None:
        self._layout, self._scatter, self._best = layout, scatter, best
        self.rates = CommonRates(_MARGIN)
        self._wide: bool | None = None
        self._placed = False
        for row, plot in enumerate((scatter, best)):
            layout.addItem(plot, row, 0)
        layout.geometryChanged.connect(self._arrange)
        self._arrange()

    @property
    def plots(self) -> dict[str, Plot]:
        """The plots by their names in the export window."""
        rates = {self.rates.name: self.rates.plot} if self._placed else {}
        return {"scatter": self._scatter, "best trials": self._best, **rates}

    def show_rates(self, frame: SearchFrame, cursor: int, colours: PlotColours) -> None:
        """Draw the schedule that all trials have, while it is not constant."""
        self.rates.rename(SHARE if "lr" in frame.names else NAME)
        self.rates.show_frame(frame, [0], cursor)
        if self.rates.shown == self._placed:
            return
        self._placed, plot, grid = self.rates.shown, self.rates.plot, self._layout.layout
        plot.setVisible(self._placed)
        if self._placed:
            plot.set_colours(colours)  # of what is visible: a hidden axis would be left without a width
            grid.addItem(plot, _RATES_ROW, 0, 1, 2)
        else:
            grid.removeItem(plot)
        grid.setRowFixedHeight(_RATES_ROW, NUMBERED if self._placed else 0.0)
        self._arrange()

    def _arrange(self) -> None:
        """Put the grid right of the scatter where there is room, else below it."""
        layout, size = self._layout.layout, self._layout.size()
        width, height = size.width(), size.height() - (NUMBERED + _BETWEEN if self._placed else 0.0)
        wide = width > max(_WIDE, _WIDE_SHAPE * size.height())
        if wide != self._wide:
            self._wide = wide
            for plot in (self._scatter, self._best):
                layout.removeItem(plot)
            layout.addItem(self._scatter, 0, 0)
            layout.addItem(self._best, 0 if wide else 1, 1 if wide else 0)
            layout.setHorizontalSpacing(18.0 if wide else 0.0)
            layout.setVerticalSpacing(0.0 if wide else _BETWEEN)
        room = (width if wide else height) - 34.0
        for place, share in enumerate(_SHARES):
            # Preferred, not fixed, and stretching: anything else would keep the layout from growing with its view.
            along, across = max(1.0, share * room), 100.0 * (1 - place)
            column, row = (along, across) if wide else (across, along)
            layout.setColumnPreferredWidth(place, column)
            layout.setColumnStretchFactor(place, round(column))
            layout.setRowPreferredHeight(place, row)
            layout.setRowStretchFactor(place, round(row))
