"""Over-fitting, lane by lane: training accuracy above test accuracy, the gap between them drawn as a band.

All lanes share their axes, so that bands can be compared; below them is what regularization does to the weights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QRectF

from gui.crosshair import Crosshair, ReadoutLine
from gui.legend import ROW, Legend, LegendEntry
from gui.panel import Panel
from gui.plots import blend, make_plot
from gui.views.base import Hint, LaneStatus, Number, RunView, short_number
from gui.views.futures import FAINT, accuracy_before, before_entry, before_text
from gui.views.gap_words import corner_words, epoch_text, gap_text, points, status, top_norm
from gui.views.gaps import GAP_ALPHA, QUARTILES_ALPHA, Follower, GapPlot
from gui.views.marks import ChangeMarks
from gui.views.rates import SLIM, CommonRates
from gui.views.seeds import seed_numbers, spread_text
from gui.words import kept_numbers, measured_by, percent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from core.experiments.training_frame import TrainingFrame
    from gui.plots import Plot, PlotColours

_LEFT, _BARE = 64.0, 8.0  # an axis with numbers and a label, and one without either
_NORMS_SHARE = {1: 2, 2: 3, 3: 3}  # beside 3 for each row of lanes
_BETWEEN = 8.0
_UNBOUNDED = 16_777_215.0


class RegularizationView(RunView):
    """One plot of accuracies for every lane, and one of all weight norms below them, over epochs."""

    def __init__(self) -> None:
        super().__init__()
        self._key, self._keyed = Legend(indent=_LEFT), (False, False)
        self.norms = make_plot(
            self.graphics.ci, 0, 0, x_label="epoch", y_label="norm of the weights", whole_x=True, colours=self.colours
        )
        self.norms.addItem(Follower(self._colour_key))
        self._waiting, self._unmeasured = Hint("Press Space to train"), Hint("Not measured: set “evaluate” to 1 epoch")
        self._marks = ChangeMarks(labelled=True)
        for hint in (self._waiting, self._unmeasured, self._marks):
            self.norms.addItem(hint)
        self._hovers: list[Crosshair] = []
        self._hovered: Crosshair | None = None
        self._epoch: int | None = None
        self._make_hover(self.norms, self._read_norms)
        self.rates = CommonRates()
        self.rates.plot.getAxis("bottom").set_slim()
        self._add_hover(self.rates.hover)
        self._cells: list[GapPlot] = []
        self._rows: list[int] = []
        self._laid_out: tuple[int, bool] = (0, False)  # lanes, and learning rates
        self._labels: tuple[str, ...] = ()
        self._frame: TrainingFrame | None = None
        self._cursor = 0
        self._extent: tuple[float, ...] = ()
        self.graphics.ci.geometryChanged.connect(self._share_room)
        self.graphics.setBackground(self.colours.background)

    def _make_hover(self, plot: Plot, read: Callable[[int], Sequence[ReadoutLine]]) -> None:
        hover = Crosshair(read)
        plot.addItem(hover)
        self._add_hover(hover)

    def _add_hover(self, hover: Crosshair) -> None:
        hover.moved.connect(lambda index: self._follow_hover(hover, index))
        self._hovers.append(hover)

    def _follow_hover(self, moved: Crosshair, index: int | None) -> None:
        """Show the epoch under the mouse in all plots."""
        if index is not None:
            self._hovered, self._epoch = moved, index
        elif self._hovered is moved:  # a plot learns that it was left after the next was entered
            self._hovered, self._epoch = None, None
        for hover in self._hovers:
            hover.set_index(self._epoch)

    # The grid.

    def _arrange(self, labels: tuple[str, ...]) -> None:
        """Have a plot for every lane; those that are there take other lanes without being laid out anew."""
        shown = len(labels), self.rates.shown
        if labels == self._labels and shown == self._laid_out:
            return
        self._labels = labels
        if shown != self._laid_out:
            self._laid_out = shown
            self._lay_out(len(labels))
        self.plots = {f"accuracy, {label}": cell.plot for label, cell in zip(labels, self._cells, strict=False)}
        self.plots |= {self.rates.name: self.rates.plot} if self.rates.shown else {}
        self.plots["norms"] = self.norms

    def _lay_out(self, lanes: int) -> None:
        """Place key, titles, plots and norms from above."""
        layout, grid = self.graphics.ci, self.graphics.ci.layout
        whole = QRectF(layout.geometry())  # pyqtgraph lays out at every item, and a few of them shrink the whole
        layout.clear()
        for row in range(grid.rowCount()):
            grid.setRowMinimumHeight(row, 0)
            grid.setRowMaximumHeight(row, _UNBOUNDED)
            grid.setRowStretchFactor(row, 1)  # with 0 it would not grow, whatever its maximum
        columns, rows = self._shape()
        layout.addItem(self.norms, self._last_row(), 0, 1, columns)
        if self.rates.shown:
            layout.addItem(self.rates.plot, 2 * rows + 1, 0, 1, columns)
            grid.setRowFixedHeight(2 * rows + 1, SLIM)
            self.rates.plot.set_colours(self.colours)
        layout.addItem(self._key, 0, 0, 1, columns)
        for place in range(lanes):
            self._place(place, *divmod(place, columns), numbered=place + columns >= lanes)
        for row in range(rows + 1):
            grid.setRowFixedHeight(max(0, 2 * row - 1), ROW)
        for place, cell in enumerate(self._cells):
            cell.set_shown(place < lanes)
        grid.setVerticalSpacing(2)
        grid.setHorizontalSpacing(_BETWEEN)
        self._extent = ()
        layout.setGeometry(whole)
        self._share_room()

    def _place(self, place: int, row: int, column: int, numbered: bool) -> None:
        """Put a lane's plot under its title; only outer axes have numbers."""
        layout = self.graphics.ci
        if place < len(self._cells):
            layout.addItem(self._cells[place].plot, 2 * row + 2, column)
        else:
            self._make_cell(place, 2 * row + 2, column)
        cell = self._cells[place]
        cell.title.indent = _BARE if column else _LEFT
        layout.addItem(cell.title, 2 * row + 1, column)
        left, bottom = (cell.plot.getAxis(side) for side in ("left", "bottom"))
        left.set_numbers(not column)
        left.set_text("" if column else "accuracy")
        bottom.set_numbers(numbered)
        cell.plot.set_colours(self.colours)

    def _make_cell(self, place: int, row: int, column: int) -> None:
        plot = make_plot(self.graphics.ci, row, column, whole_x=True, colours=self.colours)
        self._cells.append(GapPlot(plot, self.norms))
        self._make_hover(plot, lambda index: self._read_gap(place, index))

    @property
    def _narrow(self) -> bool:
        """Whether there is room for short words only."""
        return self._shape()[0] > 2

    def _shape(self) -> tuple[int, int]:
        """Return how many columns and rows the lanes' plots make."""
        lanes = len(self._labels)
        columns = {1: 1, 2: 2, 3: 3, 4: 2}.get(lanes, 3 if lanes <= 9 else 4)
        return columns, -(-lanes // columns)

    def _last_row(self) -> int:
        """Return the row of the norms: below the learning rates, where these are shown."""
        return 2 * self._shape()[1] + 1 + self.rates.shown

    def _share_room(self) -> None:
        """Make the lanes' plots equally large; the first column has the axis besides."""
        if not self._labels:
            return
        grid = self.graphics.ci.layout
        columns, rows = self._shape()
        left, _, right, _ = grid.getContentsMargins()
        room = self.graphics.ci.size().width() - left - right - _BETWEEN * (columns - 1)
        width = max(1.0, (room - _LEFT + _BARE) / columns)
        for column in range(grid.columnCount()):
            # Preferred, not fixed, and stretching: anything else would keep the layout from growing with its view.
            share = (width + (0.0 if column else _LEFT - _BARE)) * (column < columns)
            grid.setColumnPreferredWidth(column, share)
            grid.setColumnStretchFactor(column, round(share))
        for row in range(2, 2 * rows + 1, 2):
            grid.setRowStretchFactor(row, 3)
        grid.setRowStretchFactor(self._last_row(), _NORMS_SHARE[min(rows, 3)])

    # Drawing.

    def visible(self, frame: TrainingFrame) -> list[int]:
        """Return the rows that are on; all of a run that is being replaced by one with lanes of other names."""
        rows = super().visible(frame)
        names = self.configuration.get("lanes", ()) if self.configuration else ()
        return rows if len(rows) == len(names) else list(range(len(frame.lanes)))

    def show_frame(self, frame: TrainingFrame, cursor: int) -> None:
        """Draw what was measured in the first `cursor` updates."""
        self._frame, self._cursor, self._rows = frame, cursor, self.visible(frame)
        self.rates.show_frame(frame, self._rows, cursor)
        self._arrange(tuple(frame.lanes[i].label for i in self._rows))
        measured = measured_by(frame.measured_at, cursor)
        for place, row in enumerate(self._rows):
            cell = self._cells[place]
            cell.show_lane(frame.lanes[row], (place + 0.5) / len(self._rows))
            cell.show(frame, row, measured, cursor)
            cell.words.show_words(*corner_words(frame, row, cursor, self._narrow))
            cell.marks.show_changes(frame.changes, frame.per_epoch)
        self._marks.show_changes(frame.changes, frame.per_epoch)
        self._waiting.setVisible(not frame.iteration)
        self._unmeasured.setVisible(frame.iteration > 0 and not len(frame.measured_at))
        self._fit(frame)
        keyed = frame.spread is not None, bool(frame.futures)
        if self._keyed != keyed:
            self._keyed = keyed
            self._colour_key(self.norms.colours)

    def _fit(self, frame: TrainingFrame) -> None:
        """Show all epochs of the run; the norms' range grows in steps."""
        extent = (frame.total / frame.per_epoch, top_norm(frame, self._rows))
        if extent != self._extent:
            self._extent = extent
            for cell in self._cells[: len(self._rows)]:
                cell.plot.setRange(xRange=(0.0, extent[0]), yRange=(0.0, 1.0), padding=0)
                cell.plot.setYRange(0.0, 1.0, padding=0.02)
            self.norms.setRange(xRange=(0.0, extent[0]), yRange=(0.0, extent[1]), padding=0)

    def _colour_key(self, colours: PlotColours) -> None:
        """Say what lines and bands are, in tints of this page."""
        grey, page = colours.muted, colours.background
        entries = [LegendEntry("train", grey, dashed=True, exact=True), LegendEntry("test", grey, exact=True)]
        entries.append(LegendEntry("gap", blend(grey, page, 1.6 * GAP_ALPHA).name(), area=True, exact=True))
        if self._keyed[0]:
            tint = blend(grey, page, QUARTILES_ALPHA + GAP_ALPHA).name()
            entries.append(LegendEntry("quartiles of test", tint, area=True, exact=True))
        entries += before_entry(self._keyed[1], colours)
        self._key.set_colours(colours)
        self._key.set_entries(entries)

    def highlight(self, lane: str | None) -> None:
        """Let the other lanes fade."""
        for cell, row in zip(self._cells, self._rows, strict=False):
            here = self._frame is not None and self._frame.lanes[row].name == lane
            cell.set_opacity(1.0 if lane is None or here else FAINT)

    # Reading.

    def _read_gap(self, place: int, epoch: int) -> Sequence[ReadoutLine]:
        frame, column = self._frame, self._column(epoch)
        if frame is None or column is None or place >= len(self._rows):
            return []
        row = self._rows[place]
        train, test = frame.train_accuracy[row, column], frame.test_accuracy[row, column]
        of_test = percent(test)
        if frame.spread is not None and not self._narrow and np.isfinite(test):
            ends = frame.spread.test_accuracy[row, :, column]
            of_test = spread_text(of_test, *(f"{100 * end:.1f}" if np.isfinite(end) else "lost" for end in ends))
        colour, at = frame.lanes[row].colour, int(frame.measured_at[column])
        trained, tested = (
            before_text(percent(now), None if before is None else percent(before))
            for now, before in (
                (train, accuracy_before(frame.futures, "train_accuracy", row, at)),
                (test, accuracy_before(frame.futures, "test_accuracy", row, at)),
            )
        )
        shares = [(f"train {percent(train)}{trained}", colour), (f"test {of_test}{tested}", colour)]
        lines = [*shares, (gap_text(train - test), "")]
        return [(epoch_text(frame, column), ""), *lines]

    def _read_norms(self, epoch: int) -> Sequence[ReadoutLine]:
        frame, column = self._frame, self._column(epoch)
        if frame is None or column is None:
            return []
        lanes = [(frame.lanes[i], float(frame.weight_norm[i, column])) for i in self._rows]
        lines = [(f"{lane.label}  {short_number(norm)}", lane.colour) for lane, norm in lanes]
        return [(f"{epoch_text(frame, column)}: norm of the weights", ""), *lines]

    def _column(self, epoch: int) -> int | None:
        """Return what was measured last at that epoch, None beyond the cursor and where nothing is measured."""
        frame = self._frame
        if frame is None or not 0 <= epoch <= self._cursor / frame.per_epoch:
            return None
        return measured_by(frame.measured_at, epoch * frame.per_epoch) - 1 if len(frame.measured_at) else None

    # Words.

    def lane_statuses(self, frame: TrainingFrame, cursor: int) -> dict[str, LaneStatus]:
        """Return each lane's training and test accuracy, or where it diverged."""
        return {lane.name: status(frame, i, cursor) for i, lane in enumerate(frame.lanes)}

    def legend(self, frame: TrainingFrame) -> list[LegendEntry]:
        """Return none: every plot has its lane above it."""
        return []

    def plot_legend(self, frame: TrainingFrame) -> list[LegendEntry]:
        """Name the lanes."""
        return super().legend(frame)

    def numbers(self, frame: TrainingFrame, cursor: int) -> list[Number]:
        """Return the epoch, each lane's gap, what is learned from and measured on, and what several seeds say."""
        rows, column = self.visible(frame), measured_by(frame.measured_at, cursor) - 1
        gaps = frame.train_accuracy - frame.test_accuracy
        every = [("measured every", f"{frame.measured_every} epochs")] * (frame.measured_every > 1)
        return [
            ("epoch", f"{cursor // frame.per_epoch}"),
            *((f"gap, {frame.lanes[i].label}", points(gaps[i, column])) for i in rows if column >= 0),
            *self.rates.numbers(frame, cursor),
            ("learned from", f"{frame.images:,} images"),
            ("tested on", f"{frame.test_measured:,} images"),
            *every,
            *kept_numbers(frame),
            *seed_numbers(frame, [frame.lanes[i].label for i in rows]),
        ]


class RegularizationPanel(Panel):
    """Networks that learn few images by heart, and what holds them back."""

    view_class = RegularizationView
    extends = True
    replays = True
