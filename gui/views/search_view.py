"""The view of a search: every trial a point, the best twenty as curves, all in a table, linked to each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QSplitter, QVBoxLayout, QWidget

from core.trials import searchable
from gui.pictured import HeadedPlot
from gui.plane import Plane, plane_of
from gui.scatter import ScatterStrip, TrialPointer, TrialPoints
from gui.standings import (
    Former,
    Standing,
    State,
    former_of,
    method_words,
    moment,
    setting_text,
    standing_at,
)
from gui.views.base import RunView
from gui.views.region_bar import RegionBar
from gui.views.search_layout import SearchLayout
from gui.views.search_numbers import search_numbers
from gui.views.trial_grid import SHOWN, make_grid_plot
from gui.views.trial_table import TrialTable
from gui.words import percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QKeyEvent

    from core.experiments.search import SearchFrame
    from core.figures import Preset
    from core.parameters import Configuration
    from gui import theme
    from gui.crosshair import ReadoutLine
    from gui.legend import LegendEntry
    from gui.scatter import Region
    from gui.views.base import Number, View

_TABLE_MS = 250
_BEST = 10
_MOST_FORMERS = 6
_INDENT = 64.0


class SearchView(RunView):
    """Scatter, grid of the best and table, linked; `searched(ranges)` asks for a search inside of these ranges."""

    empty = "Press Space to train all networks at once"

    searched = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._standing: Standing | None = None
        self._moment: tuple[Any, ...] = ()
        self._plane = Plane()
        self._x, self._y = np.empty(0), np.empty(0)
        self._hovered: int | None = None
        self._selected: int | None = None
        self._region: Region | None = None
        self._changed_from: Configuration | None = None
        self.formers: list[Former] = []
        self._make_plots()
        self._make_lower()
        self.set_theme_items()
        self.say("Preparing the networks …")

    # Widgets.

    def _make_plots(self) -> None:
        self._strip, self._points, self._pointer = ScatterStrip(_INDENT), TrialPoints(), TrialPointer(self._read)
        self.scatter = HeadedPlot(self._strip, self.colours)
        self.best, self.grid, self._grid_strip = make_grid_plot()
        for item in (self._points, self._pointer):
            self.scatter.addItem(item)
        self._places = SearchLayout(self.graphics.ci, self.scatter, self.best)
        self.rates, self.plots = self._places.rates, self._places.plots
        for plot in self.plots.values():
            plot.set_colours(self.colours)
        self._pointer.moved.connect(self._hover)
        self._pointer.clicked.connect(self.select)
        self._pointer.dragged.connect(self.set_region)
        self.grid.moved.connect(self._hover)
        self.grid.clicked.connect(self.select)

    def _make_lower(self) -> None:
        """Put the table below the plots."""
        self.bar, self.table = RegionBar(self), TrialTable(self)
        self.bar.best_asked.connect(self.select_best_region)
        self.bar.search_asked.connect(self.search_inside)
        self.table.hovered.connect(self._hover)
        self.table.chosen.connect(self.select)
        lower = QWidget(self)
        column = QVBoxLayout(lower)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.bar)
        column.addWidget(self.table, 1)
        self.splitter = QSplitter(Qt.Orientation.Vertical, self)
        self.enclose(self.splitter, self.splitter.addWidget)
        self.splitter.addWidget(lower)
        self.splitter.setStretchFactor(0, 4)
        self.splitter.setStretchFactor(1, 1)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.setSizes([560, 150])
        self.graphics.setMinimumHeight(240)
        self._table_timer = QTimer(self)
        self._table_timer.setSingleShot(True)
        self._table_timer.setInterval(_TABLE_MS)
        self._table_timer.timeout.connect(self._show_table)
        self._table_due = False

    def set_theme(self, found: theme.Theme) -> None:
        """Draw in the theme's colours."""
        super().set_theme(found)
        self.set_theme_items()

    def set_theme_items(self) -> None:
        """Colour the ground between the plots, and the table."""
        self.graphics.setBackground(self.colours.background)
        self.table.restyle()

    # What is shown.

    def show_configuration(self, configuration: Configuration, preset: Preset) -> None:
        """Note what the search before it was; the rest comes with the frame."""
        before = self.configuration
        if before is not None and before.values != configuration.values and self._changed_from is None:
            self._changed_from = before
        super().show_configuration(configuration, preset)

    def adopt(self, other: View) -> None:
        """Also show the search before, and what is selected."""
        super().adopt(other)
        assert isinstance(other, SearchView)
        self.formers = list(other.formers)
        self._show_former()
        self.set_region(other.region)
        self.select(other.selected)
        self._moment = ()

    def show_frame(self, frame: SearchFrame, cursor: int) -> None:
        """Draw the trials as they stood after `cursor` updates."""
        self._places.show_rates(frame, cursor, self.colours)
        self.plots = self._places.plots
        now = *moment(frame, cursor), *map(id, frame.futures)
        if now == self._moment:
            return
        self._moment = now
        if self._standing is None or frame.settings is not self._standing.frame.settings:
            self._begin(frame)
        self._standing = standing_at(frame, cursor)
        self._show_standing(self._standing)

    def _begin(self, frame: SearchFrame) -> None:
        """Lay out another search; the one before stays as its background."""
        before = self._standing
        if before is not None and self._changed_from is not None:
            head = standing_at(before.frame, before.frame.iteration)
            found = former_of(head, self._changed_from)
            self.formers = [*self.formers, *([found] if found else [])][-_MOST_FORMERS:]
        self._changed_from = None
        if before is None or not np.array_equal(before.frame.settings, frame.settings):
            self.set_region(None)
            self._hovered = self._selected = None
        assert self.configuration is not None
        self._plane = plane_of(frame, self.configuration)
        self._plane.prepare(self.scatter)
        self._show_former()

    def _show_former(self) -> None:
        """Draw the points of the search before, where it searched for the same, and its best curve."""
        former = self.formers[-1] if self.formers else None
        x, y = self._plane.former_places(former) if former else (np.empty(0), np.empty(0))
        self._points.set_former(x, y)
        self.grid.set_ghost(former.curve if former else None)
        self._grid_strip.set_ghost("best before" if former else "")

    def _show_standing(self, standing: Standing) -> None:
        self._x, self._y = self._plane.places(standing)
        self._points.setData(self._x, self._y, standing)
        self._pointer.setData(self._x, self._y)
        self.grid.setData(standing, self._hint(standing))
        self._grid_strip.set_branched(bool(standing.frame.futures))
        count = len(standing.states)
        method = method_words(self.configuration["method"]) if self.configuration else ""
        self._strip.set_title(f"{count} {'trial' if count == 1 else 'trials'} {method}")
        self._strip.set_marks(self._marks(standing))
        shown = min(SHOWN, count)
        self._grid_strip.set_title(f"Best {shown} of {count}" if shown < count else f"All {count}, best first")
        if not self._table_timer.isActive():
            self._show_table()
            self._table_timer.start()
        else:
            self._table_due = True
        self._mark()
        self._show_region()

    def _hint(self, standing: Standing) -> str:
        if self.configuration is not None and not self.configuration["evaluate"]:
            return "Accuracies are not measured: set evaluate to 1"
        if standing.cursor:
            return "The first accuracies come after one epoch"
        count = len(standing.states)
        return f"Press Space to train {count} networks at once" if count > 1 else "Press Space to train one network"

    def _marks(self, standing: Standing) -> list[tuple[str, str]]:
        marks = [("best", "best")] if standing.best is not None else []
        for kind, state in (("stopped", State.STOPPED), ("diverged", State.DIVERGED)):
            if standing.count(state):
                words = "stopped early" if state is State.STOPPED else "diverged"
                marks.append((kind, f"{words} {standing.count(state)}"))
        return marks + ([("former", f"before: {self.formers[-1].words}")] if self.formers else [])

    def _show_table(self) -> None:
        """Follow the run, a few times a second."""
        if self._standing is not None:
            self.table.trials.show(self._standing)
        if self._table_due:
            self._table_timer.start()
        self._table_due = False
        if self.table.chosen_trial() != self._selected:
            self.table.select_trial(self._selected)

    # Links.

    @property
    def hovered(self) -> int | None:
        """The row of the trial under the mouse."""
        return self._hovered

    @property
    def selected(self) -> int | None:
        """The row of the trial that is selected."""
        return self._selected

    def _hover(self, row: int | None) -> None:
        """Bring a trial to the fore everywhere."""
        if row != self._hovered:
            self._hovered = row
            self._mark()

    def select(self, row: int | None) -> None:
        """Select a trial everywhere, or none."""
        self._selected = row
        self._mark()
        if self.table.chosen_trial() != row:
            self.table.select_trial(row)

    def _mark(self) -> None:
        self._pointer.set_index(self._hovered)
        self._pointer.set_selected(self._selected)
        self.grid.set_marked(self._hovered, self._selected)
        self.table.trials.set_hovered(self._hovered)

    def _read(self, row: int) -> Sequence[ReadoutLine]:
        """Return the readout of one trial."""
        standing = self._standing
        if standing is None or row >= len(standing.states):
            return []
        known = searchable()
        lines = [f"trial {row + 1}, rank {standing.rank[row]}" if standing.columns else f"trial {row + 1}"]
        for place, name in enumerate(standing.frame.names):
            lines.append(f"{known[name].label}  {setting_text(float(standing.frame.settings[row, place]))}")
        if np.isfinite(standing.validation[row]):
            lines.append(f"validation  {percent(standing.validation[row])}")
            lines.append(f"training  {percent(standing.train[row])}")
        return [(line, "") for line in [*lines, standing.state_text(row)]]

    # Regions.

    @property
    def region(self) -> Region | None:
        """The region that is selected."""
        return self._region

    def set_region(self, region: Region | None) -> None:
        """Select a region of the scatter, or none."""
        self._region = region
        self._pointer.set_region(region)
        self._show_region()

    def _show_region(self) -> None:
        measured = self._standing is not None and len(self._standing.measured) > 1
        self.bar.show_region(self._region_words() if self._region else "", measured)

    def _region_words(self) -> str:
        ranges = self.region_ranges().items()
        parts = [f"{name} {setting_text(low)} to {setting_text(high)}" for name, (low, high) in ranges]
        inside = self._inside()
        return " · ".join([*parts, f"{inside} {'trial' if inside == 1 else 'trials'}"])

    def _inside(self) -> int:
        x_low, x_high, y_low, y_high = self._region or (0.0,) * 4
        across = (self._x >= x_low) & (self._x <= x_high)
        return int(np.count_nonzero(across & (self._y >= y_low) & (self._y <= y_high)))

    def region_ranges(self) -> dict[str, tuple[float, float]]:
        """Return the region as ranges to search, by short names: rounded outward, within what is allowed."""
        return self._plane.searched(self._region) if self._region is not None else {}

    def select_best_region(self) -> None:
        """Select the region that holds the best trials."""
        rows = self._standing.measured[:_BEST] if self._standing else []
        if len(rows) > 1:
            x, y = self._x[rows], self._y[rows]
            room = [0.01 * (ends[1] - ends[0]) for ends in self.scatter.vb.viewRange()]
            sides = (x.min() - room[0], x.max() + room[0], y.min() - room[1], y.max() + room[1])
            self.set_region((float(sides[0]), float(sides[1]), float(sides[2]), float(sides[3])))

    def search_inside(self) -> None:
        """Ask for a search inside of the region."""
        if self._region is not None:
            self.searched.emit(self.region_ranges())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter searches inside the region; Escape lets go of it, then of the trial."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._region is not None:
            self.search_inside()
        elif event.key() == Qt.Key.Key_Escape and self._region is not None:
            self.set_region(None)
        elif event.key() == Qt.Key.Key_Escape and self._selected is not None:
            self.select(None)
        else:
            super().keyPressEvent(event)

    # Words.

    def numbers(self, frame: SearchFrame, cursor: int) -> list[Number]:
        """Return how the trials fare, what the best one is, and what earlier searches found."""
        if self._standing is None or self.configuration is None:
            return []
        found = search_numbers(frame, self._standing, self.configuration, self.formers)
        return [*found, *self.rates.numbers(frame, cursor)]

    def legend(self, frame: Any) -> list[LegendEntry]:
        """Return none: the plots have their keys above them."""
        return []
