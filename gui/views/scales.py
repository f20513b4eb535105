"""The plots of the BatchNorm view: one for each scale of the initial weights, with and without BatchNorm in it.

Small ones stand in a grid and share their axes: only the outer ones have numbers. Above each stand its scale and what
its networks have reached, or had at the epoch under the mouse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import Qt

from core.initializers import initializer
from gui.bands import Band
from gui.crosshair import Crosshair
from gui.items import Trace, ViewItem
from gui.markers import CurveMarkers
from gui.plots import Plot, PlotColours
from gui.views.futures import FAINT, OldFutures, begun, old_trains
from gui.views.marks import ChangeMarks
from gui.views.plot_parts import Border, Head, Line, Remark, Score

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from core.experiments.training_frame import TrainingFrame
    from core.lanes import Lane
    from gui.crosshair import ReadoutLine

PALE = 0.6
HEAD, NUMBERED, BARE_LEFT, BARE_FOOT = 19.0, 24.0, 8.0, 6.0
LEFT = 34.0  # what the numbers 0, 0.5 and 1 need
_MARKED = 4  # of each curve, over the whole run
_LOW = 0.3  # the last accuracy below which a curve ends where a remark would stand
_HALVES = [[(0.0, "0"), (0.5, "0.5"), (1.0, "1")]]
MARGIN = 0.012
_Y, _WIDE_MARGIN = (-0.03, 1.06), 0.05  # room for markers at the ends


def scales_of(lanes: Sequence[Lane]) -> dict[str, list[int]]:
    """Return the rows of the lanes of each kind of initial weights, in the order of the lanes."""
    found: dict[str, list[int]] = {}
    for row, lane in enumerate(lanes):
        found.setdefault(lane.init, []).append(row)
    return found


def scale_title(init: str) -> str:
    """Return `σ = 0.541`, or `He`."""
    return initializer(init).label


def lane_words(lane: Lane) -> str:
    """Return what sets a network apart from the other one of its scale."""
    return "BatchNorm" if lane.batchnorm else "plain"


class _Points(CurveMarkers):
    """Markers at points that are given."""

    def set_points(self, x: NDArray[Any], y: NDArray[Any]) -> None:
        """Mark (x, y), each (n,)."""
        self._x, self._y = x, y
        self._changed()


class Curves:
    """What one network has in a plot: training accuracy, `banded` its spread over seeds, `tested` test accuracy."""

    def __init__(self, lane: Lane, tested: bool, banded: bool) -> None:
        dashed = not lane.batchnorm
        self.lane, self._tested, self._banded = lane, tested, banded
        self.train = Trace(lane.colour, weight=2, dashed=dashed)
        self.test = Trace(lane.colour, weight=1, alpha=PALE, dashed=dashed)
        self.band = Band(lane.colour)
        self.markers = _Points(lane.colour, lane.marker, 0.0)
        self._shown: tuple[Any, ...] = ()
        for item, height in ((self.train, 10), (self.markers, 20)):
            item.setZValue(height + lane.batchnorm)

    def all(self) -> tuple[ViewItem, ...]:
        """Return every item that is drawn."""
        besides = ((self._banded, self.band), (self._tested, self.test))
        return *(item for wanted, item in besides if wanted), self.train, self.markers

    def show(self, frame: TrainingFrame, row: int, measured: int) -> None:
        """Draw the first so many measurements."""
        train = frame.train_accuracy[row, :measured]
        shown = measured, frame.total, frame.per_epoch, train.tobytes()
        if shown == self._shown:  # between two epochs nothing is new
            return
        self._shown = shown
        x = frame.measured_at[:measured] / frame.per_epoch
        self.train.setData(train, x)
        if self._tested:
            self.test.setData(frame.test_accuracy[row, :measured], x)
        if frame.spread is not None:
            low, high = frame.spread.train_accuracy[row, :, :measured]
            self.band.setData(low, high, x)
        rows = self._marked(train, frame)
        self.markers.set_points(x[rows], train[rows])

    def _marked(self, train: NDArray[Any], frame: TrainingFrame) -> NDArray[np.intp]:
        """Return which points are marked: a few, not those of the other network, and one that stands alone."""
        every = max(1, round(frame.total / max(1, frame.per_epoch * frame.measured_every) / _MARKED))
        alone = np.count_nonzero(np.isfinite(train)) < 2
        return np.arange(0 if self.lane.batchnorm or alone else every // 2, len(train), every)


class ScalePlot(Plot):
    """The networks of one scale; `alone` fills the view by itself, with test accuracy and a readout."""

    def __init__(self, title: str, read: Callable[[int], Sequence[ReadoutLine]], alone: bool = False) -> None:
        self._head = Head(title)
        self._alone, self._epochs = alone, 0.0
        self._numbered, self._foot = True, NUMBERED
        super().__init__()
        self.title = title
        self.curves: dict[str, Curves] = {}
        self.layout.removeItem(self.titleLabel)
        self.layout.addItem(self._head, 0, 1)
        self.layout.setContentsMargins(0.0, 0.0, 14.0 if alone else 1.0, 0.0)
        self.setMouseEnabled(False, False)
        self.hover = Crosshair(read) if alone else Line(read)
        self.border, self.remark, self.marks = Border(), Remark(), ChangeMarks(labelled=alone)
        for item in (self.border, self.remark, self.marks, self.hover):
            self.addItem(item)
        self._per_epoch = 1
        self._old = OldFutures(self, lambda future: old_trains(future, self._per_epoch))
        self.getAxis("bottom").set_whole()
        if not alone:
            self.getAxis("left").setTicks(_HALVES)
        self.vb.setCursor(Qt.CursorShape.PointingHandCursor)

    def set_axes(self, left: bool, bottom: bool, foot: float) -> None:
        """Write numbers at the left and below, or leave them to a neighbour; `foot` is the room below."""
        self._numbered, self._foot = left, foot
        for side, shown in (("left", left), ("bottom", bottom)):
            self.getAxis(side).set_numbers(shown)
        self._size_axes()

    def _size_axes(self) -> None:
        """Give the axes of small plots less room than others have."""
        if not self._alone:
            self.getAxis("left").setWidth(LEFT if self._numbered else BARE_LEFT)
            self.getAxis("bottom").setHeight(self._foot)

    def set_title(self, title: str) -> None:
        """Keep the head where pyqtgraph has a title."""
        self._head.set_colours(self.colours)
        self.layout.setRowFixedHeight(0, HEAD)

    def set_colours(self, colours: PlotColours) -> None:
        """Draw in these colours from now on."""
        super().set_colours(colours)
        self._size_axes()

    def show_lanes(self, frame: TrainingFrame, rows: Sequence[int], measured: int, cursor: int) -> None:
        """Draw these rows of the frame as of `cursor`."""
        self._per_epoch = frame.per_epoch
        self._old.show(begun(frame.futures, cursor), [(row, frame.lanes[row]) for row in rows])
        for row in rows:
            lane = frame.lanes[row]
            if lane.name not in self.curves:
                self.curves[lane.name] = curves = Curves(lane, self._alone, frame.spread is not None)
                for item in curves.all():
                    self.addItem(item)
            self.curves[lane.name].show(frame, row, measured)

    def make_room(self, widest: str) -> None:
        """Leave as much room for the title as the widest one of the grid needs."""
        self._head.widest = widest

    def show_scores(self, scores: tuple[Score, ...]) -> None:
        """Say in the head what the networks have reached."""
        self._head.show_scores(scores)

    @property
    def scores(self) -> tuple[Score, ...]:
        """What the head says."""
        return self._head.scores

    def show_remark(self, lines: Sequence[str], ends: Sequence[float]) -> None:
        """Say in a corner what became of a network; `ends` are the last accuracies of the others."""
        self.remark.set_text("\n".join(lines), any(end < _LOW for end in ends))

    def fit(self, epochs: float) -> None:
        """Show the whole run."""
        if epochs == self._epochs:
            return
        self._epochs, margin = epochs, (MARGIN if self._alone else _WIDE_MARGIN) * epochs
        self.setRange(xRange=(-margin, epochs + margin), yRange=_Y, padding=0)

    def highlight(self, lane: str | None) -> None:
        """Let other lanes fade."""
        for name, curves in self.curves.items():
            for item in curves.all():
                item.setOpacity(1.0 if lane in (None, name) else FAINT)
        self._old.highlight(lane)
