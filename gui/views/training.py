"""Training races: the loss of every lane, raw thin and pale under smoothed and bold, and accuracies beside it.

Of several seeds the lines are medians, on bands from the lower to the upper quartile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import Qt, Signal

from gui.bands import Band
from gui.crosshair import Crosshair, ReadoutLine
from gui.items import Trace, ViewItem
from gui.legend import ROW, Legend, LegendEntry
from gui.markers import CurveMarkers
from gui.plots import make_plot
from gui.theme import Severity
from gui.views.base import Hint, LaneStatus, Number, RunView
from gui.views.futures import (
    FAINT,
    OldFutures,
    accuracy_before,
    before_entry,
    before_text,
    begun,
    loss_before,
    old_losses,
    old_tests,
)
from gui.views.marks import ChangeMarks
from gui.views.rates import NAME, RatePlot, rate_numbers
from gui.views.seeds import lost_text, seed_numbers, spread_text
from gui.weight_notes import WeightNotes
from gui.words import kept_numbers, measured_by, percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from core.experiments.training_frame import Spread, TrainingFrame
    from core.figures import Preset
    from core.lanes import Lane
    from core.parameters import Configuration
    from gui import theme
    from gui.plots import Plot

_NOTHING = np.empty(0)
_PALE = 0.30
_KEY_WIDTHS = 150.0, 320.0  # without and with old futures


class _LaneTraces:
    """The four curves of one lane, its markers, and, once there are several seeds, its bands."""

    def __init__(self, lane: Lane, phase: float) -> None:
        self.raw = Trace(lane.colour, weight=1, alpha=_PALE)
        self.smoothed = Trace(lane.colour, weight=2)
        self.train = Trace(lane.colour, weight=1, dashed=True)
        self.test = Trace(lane.colour, weight=2)
        self._shown: tuple[int, bytes] = (-1, b"")
        self.markers = CurveMarkers(lane.colour, lane.marker, phase)
        for item, height in ((self.smoothed, 10), (self.test, 10), (self.markers, 20)):
            item.setZValue(height)
        self.bands: tuple[Band, ...] = ()
        self._colour = lane.colour

    def all(self) -> tuple[ViewItem, ...]:
        """Return every item, those of the loss first."""
        return self.raw, self.smoothed, self.markers, self.train, self.test, *self.bands

    def make_bands(self, loss: Plot, accuracy: Plot) -> None:
        """Add the bands below the lines, as visible as these."""
        self.bands = Band(self._colour), Band(self._colour)
        for plot, band in zip((loss, accuracy), self.bands, strict=True):
            band.setVisible(self.smoothed.isVisible())
            band.setOpacity(self.smoothed.opacity())
            plot.addItem(band)

    def show(self, frame: TrainingFrame, row: int, cursor: int) -> None:
        """Draw what had happened after `cursor` updates."""
        spread = frame.spread
        self.raw.setData(frame.loss[row, : cursor if spread is None else 0], x0=1.0)
        self.smoothed.setData(frame.smoothed[row, :cursor], x0=1.0)
        self.markers.set_curve(frame.smoothed[row, :cursor], 1.0, frame.total)
        measured = measured_by(frame.measured_at, cursor)
        # Accuracies come once an epoch: between two of them the same numbers need not be looked at again.
        shown = (measured, frame.test_accuracy[row, :measured].tobytes())
        if shown != self._shown:
            self._shown = shown
            at = frame.measured_at[:measured]
            self.train.setData(frame.train_accuracy[row, :measured], at)
            self.test.setData(frame.test_accuracy[row, :measured], at)
        if self.bands:
            self._show_bands(spread, frame.measured_at[:measured], row, cursor)

    def _show_bands(self, spread: Spread | None, at: NDArray[Any], row: int, cursor: int) -> None:
        """Draw the quartiles, or nothing of a run with one seed."""
        loss, accuracy = self.bands
        if spread is None:
            loss.setData(_NOTHING, _NOTHING)
            accuracy.setData(_NOTHING, _NOTHING)
        else:
            low, high = spread.smoothed[row, :, :cursor]
            loss.setData(low, high, x0=1.0)
            low, high = spread.test_accuracy[row, :, : len(at)]
            accuracy.setData(low, high, at)


class TrainingView(RunView):
    """Loss above, accuracies below, over the same iterations; `pointed` has the one under the mouse, or None."""

    pointed = Signal(object)
    section: WeightNotes

    def __init__(self) -> None:
        super().__init__()
        layout = self.graphics.ci
        self.loss = make_plot(
            layout, 0, 0, y_label="training loss", whole_x=True, mouse=(True, True), colours=self.colours
        )
        self.accuracy = make_plot(
            layout, 3, 0, x_label="iteration", whole_x=True, y_label="accuracy", mouse=(True, False)
        )
        # pyqtgraph's own link shifts a range by the pixels between two plots, and shifts it again in exports.
        self.loss.vb.sigXRangeChanged.connect(lambda _box, ends: self.accuracy.setXRange(*ends, padding=0))
        self.accuracy.vb.sigXRangeChanged.connect(lambda _box, ends: self.loss.setXRange(*ends, padding=0))
        self.rates = RatePlot(layout, 1, self.loss, "iteration", mouse=(True, False), colours=self.colours)
        self.rates.plot.vb.sigXRangeChanged.connect(lambda _box, ends: self.loss.setXRange(*ends, padding=0))
        self.plots = {"loss": self.loss, "accuracy": self.accuracy}
        layout.layout.setRowStretchFactor(0, 3)
        layout.layout.setRowStretchFactor(3, 2)
        self._traces: dict[str, _LaneTraces] = {}
        self._old_losses, self._old_tests = OldFutures(self.loss, old_losses), OldFutures(self.accuracy, old_tests)
        self._changes = ChangeMarks(labelled=True)
        self.loss.addItem(self._changes)
        self._frame: TrainingFrame | None = None
        self._cursor, self._preset_range = 0, (0.0, 1.0)
        self._extent: tuple[float, float] = (0.0, 0.0)
        self._hint = Hint("Press Space to start the race")
        self.loss.addItem(self._hint)
        self._key, self._branched = Legend(), False
        layout.addItem(self._key, 2, 0)
        layout.layout.setVerticalSpacing(2)
        layout.layout.setRowFixedHeight(2, ROW)
        layout.layout.setAlignment(self._key, Qt.AlignmentFlag.AlignRight)
        self._hovers = [self._make_hover(plot, read) for plot, read in self._readings()]
        self.rates.hover.moved.connect(self._follow_hover)
        self._hovers.append(self.rates.hover)
        self.section = WeightNotes(self)
        self.section.hide()
        self.graphics.scene().sigMouseClicked.connect(self._clicked)
        self.set_theme_items()

    def _readings(self) -> list[tuple[Any, Any]]:
        return [(self.loss, self._read_loss), (self.accuracy, self._read_accuracy)]

    def _make_hover(self, plot: Any, read: Any) -> Crosshair:
        hover = Crosshair(read)
        hover.moved.connect(self._follow_hover)
        plot.addItem(hover)
        return hover

    def set_theme(self, found: theme.Theme) -> None:
        """Draw in the theme's colours."""
        super().set_theme(found)
        self.set_theme_items()

    def set_theme_items(self) -> None:
        """Colour what pyqtgraph draws itself, and the key."""
        self.rates.set_colours(self.colours)
        self._key.set_colours(self.colours)
        width = _KEY_WIDTHS[self._branched]
        self._key.setMaximumWidth(width)
        self._key.resize(width, ROW)  # its height is that of its entries at its present width
        self._key.set_entries(self._key_entries())
        self.graphics.setBackground(self.colours.background)

    def show_configuration(self, configuration: Configuration, preset: Preset) -> None:
        """Take the preset's range of the loss."""
        super().show_configuration(configuration, preset)
        chosen = preset.loss_range or (0.0, 1.0)
        if chosen != self._preset_range:
            self._preset_range, self._extent = chosen, (0.0, 0.0)

    def show_frame(self, frame: TrainingFrame, cursor: int) -> None:
        """Draw every lane up to iteration `cursor`."""
        self._frame, self._cursor = frame, cursor
        self._show_lanes(frame)
        for i in self.visible(frame):
            traces = self._traces[frame.lanes[i].name]
            if frame.spread is not None and not traces.bands:
                traces.make_bands(self.loss, self.accuracy)
            traces.show(frame, i, cursor)
        self._show_rates(frame, cursor)
        self._show_futures(frame)
        self._changes.show_changes(frame.changes, 1)
        self._hint.setVisible(not frame.iteration)
        self._fit(frame)

    def _show_rates(self, frame: TrainingFrame, cursor: int) -> None:
        """Draw learning rates while a lane has a schedule."""
        before = self.rates.shown
        self.rates.show_frame(frame, self.visible(frame), cursor)
        if self.rates.shown != before:
            more = {NAME: self.rates.plot} if self.rates.shown else {}
            self.plots = {"loss": self.loss, **more, "accuracy": self.accuracy}

    def _show_futures(self, frame: TrainingFrame) -> None:
        lanes = [(i, frame.lanes[i]) for i in self.visible(frame)]
        for old in (self._old_losses, self._old_tests):
            old.show(begun(frame.futures, self._cursor), lanes)
        if bool(frame.futures) != self._branched:
            self._branched = bool(frame.futures)
            self.set_theme_items()

    def _key_entries(self) -> list[LegendEntry]:
        """Say what the lines are, whoever's."""
        grey = self.colours.muted
        before = before_entry(self._branched, self.colours)
        return [*before, LegendEntry("test", grey, exact=True), LegendEntry("train", grey, dashed=True, exact=True)]

    def _show_lanes(self, frame: TrainingFrame) -> None:
        shown = {frame.lanes[i].name for i in self.visible(frame)}
        for row, lane in enumerate(frame.lanes):
            if lane.name not in self._traces:
                self._traces[lane.name] = traces = _LaneTraces(lane, (row + 0.5) / len(frame.lanes))
                for plot, items in ((self.loss, traces.all()[:3]), (self.accuracy, traces.all()[3:])):
                    for item in items:
                        plot.addItem(item)
        for name, traces in self._traces.items():
            if traces.smoothed.isVisible() != (name in shown):
                for item in traces.all():
                    item.setVisible(name in shown)

    def _fit(self, frame: TrainingFrame) -> None:
        """Show all iterations of the run and the preset's losses; a zoom stays until the run's length changes."""
        extent = (float(frame.total), self._preset_range[1])
        if extent != self._extent:
            self._extent = extent
            self.loss.setRange(xRange=(0.0, extent[0]), yRange=self._preset_range, padding=0)
            self.accuracy.setRange(yRange=(0.0, 1.0), padding=0.02)

    def _clicked(self, event: Any) -> None:
        """Bring the whole run back with a double click."""
        if event.double() and self._frame is not None:
            self._extent = (0.0, 0.0)
            self._fit(self._frame)

    # Reading.

    def _follow_hover(self, index: int | None) -> None:
        for hover in self._hovers:
            hover.set_index(index)
        self.pointed.emit(index)

    def _read_loss(self, index: int) -> Sequence[ReadoutLine]:
        frame = self._frame
        if frame is None or not 1 <= index <= self._cursor:
            return []
        lines = [
            (f"{frame.lanes[i].label}  {_loss_text(frame, i, index - 1)}", frame.lanes[i].colour)
            for i in self.visible(frame)
        ]
        return [(f"iteration {index:,}, smoothed loss{_of_seeds(frame)}", ""), *lines]

    def _read_accuracy(self, index: int) -> Sequence[ReadoutLine]:
        frame = self._frame
        if frame is None or not 0 <= index <= self._cursor or not len(frame.measured_at):
            return []
        column = _column(frame, index)
        lines = [
            (f"{frame.lanes[i].label}  {_accuracy_text(frame, i, column)}", frame.lanes[i].colour)
            for i in self.visible(frame)
        ]
        return [(f"after iteration {frame.measured_at[column]:,}: test accuracy{_of_seeds(frame)}", ""), *lines]

    def highlight(self, lane: str | None) -> None:
        """Let the other lanes fade."""
        for name, traces in self._traces.items():
            opacity = 1.0 if lane in (None, name) else FAINT
            for item in traces.all():
                item.setOpacity(opacity)
        self.rates.highlight(lane)
        for old in (self._old_losses, self._old_tests):
            old.highlight(lane)

    def lane_statuses(self, frame: TrainingFrame, cursor: int) -> dict[str, LaneStatus]:
        """Return each lane's smoothed loss and last test accuracy, or where it diverged."""
        return {lane.name: _status(frame, i, cursor) for i, lane in enumerate(frame.lanes)}

    def numbers(self, frame: TrainingFrame, cursor: int) -> list[Number]:
        """Return the epoch, what the accuracies are measured on, and what several seeds say."""
        shown = [frame.lanes[i].label for i in self.visible(frame)]
        return [
            ("epoch", f"{cursor // frame.per_epoch}"),
            ("updates per epoch", f"{frame.per_epoch}"),
            ("train accuracy on", f"{frame.train_measured:,} images"),
            ("test accuracy on", f"{frame.test_measured:,} images"),
            *rate_numbers(frame, self.visible(frame), cursor),
            *kept_numbers(frame),
            *seed_numbers(frame, shown),
        ]

    def plot_legend(self, frame: TrainingFrame) -> list[LegendEntry]:
        """Return the lanes and what the dashes mean; the whole figure has a key for that."""
        return [*self.legend(frame), *self._key_entries()]


def _status(frame: TrainingFrame, lane: int, cursor: int) -> LaneStatus:
    diverged = frame.diverged[lane]
    if diverged is not None and diverged <= cursor:
        return LaneStatus(f"diverged at {diverged:,}", Severity.ERROR)
    if not cursor:
        return LaneStatus("")
    words = [_loss(frame.smoothed[lane, cursor - 1])]
    if len(frame.measured_at):
        words.append(percent(frame.test_accuracy[lane, _column(frame, cursor)]))
    lost = lost_text(frame, lane)
    return LaneStatus(" · ".join([*words, lost] if lost else words), Severity.WARNING if lost else Severity.INFO)


def _of_seeds(frame: TrainingFrame) -> str:
    return "" if frame.spread is None else " (quartiles)"


def _loss_text(frame: TrainingFrame, lane: int, column: int) -> str:
    middle = _loss(frame.smoothed[lane, column])
    before = loss_before(frame.futures, lane, column + 1)
    more = before_text(middle, None if before is None else _loss(before))
    if frame.spread is None or not np.isfinite(frame.smoothed[lane, column]):
        return middle + more
    return spread_text(middle, *(_loss(end) for end in frame.spread.smoothed[lane, :, column])) + more


def _accuracy_text(frame: TrainingFrame, lane: int, column: int) -> str:
    test, train = (percent(values[lane, column]) for values in (frame.test_accuracy, frame.train_accuracy))
    before = accuracy_before(frame.futures, "test_accuracy", lane, int(frame.measured_at[column]))
    more = before_text(test, None if before is None else percent(before))
    if frame.spread is None:
        return f"{test}  (train {train}){more}"
    ends = frame.spread.test_accuracy[lane, :, column]
    return spread_text(test, *(f"{100 * end:.1f}" if np.isfinite(end) else "lost" for end in ends)) + more


def _column(frame: TrainingFrame, index: int) -> int:
    return max(0, measured_by(frame.measured_at, index) - 1)


def _loss(value: float) -> str:
    return f"{value:.3f}" if np.isfinite(value) else "not finite"
