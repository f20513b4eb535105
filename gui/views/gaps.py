"""One lane's gap: training accuracy above test accuracy, a band between, and the lane's curve among the norms.

The pieces stay when lanes change: they take another lane's name and colours, so that nothing is laid out anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter

from gui.bands import Band
from gui.decimation import Curve, first_difference
from gui.items import Frame, Trace, ViewItem
from gui.legend import Legend, LegendEntry
from gui.markers import CurveMarkers
from gui.plots import LABEL_PIXELS, TICK_PIXELS, Plot, PlotColours, plot_font
from gui.views.futures import OldFutures, begun, old_tests, old_trains
from gui.views.marks import ChangeMarks

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from core.experiments.training_frame import TrainingFrame
    from core.lanes import Lane

GAP_ALPHA, QUARTILES_ALPHA = 0.16, 0.38
_MARGIN, _LINE = 8.0, 17.0
_AROUND = 0.03  # of the view's width: more than half a marker
_MARKERS = 8  # over the width of the whole run


class CornerWords(ViewItem):
    """A bold line and a quiet one in the plot's corner that is free: below the curves, or above low ones."""

    def __init__(self) -> None:
        super().__init__()
        self._words, self._above = ("", ""), False
        self.setZValue(100)

    def show_words(self, bold: str, quiet: str, above: bool) -> None:
        """Say this."""
        if ((bold, quiet), above) != (self._words, self._above):
            moved, self._words, self._above = above != self._above, (bold, quiet), above
            self.update(self.boundingRect() if moved else self._lines())

    def _lines(self) -> QRectF:
        """Return the part of the view that the words are in."""
        view, rect = self.getViewBox(), self.boundingRect()
        if view is None:
            return rect
        height = (_MARGIN + 2.0 * _LINE + 4.0) * view.viewPixelSize()[1]
        return QRectF(rect.left(), rect.bottom() - height if self._above else rect.top(), rect.width(), height)

    def draw(self, painter: QPainter, frame: Frame) -> None:
        """Draw both lines at the right."""
        left, top, width, height = frame.rect
        y = top + _MARGIN if self._above else top + height - _MARGIN - 2.0 * _LINE
        fonts = plot_font(LABEL_PIXELS, bold=True), plot_font(TICK_PIXELS)
        colours = self._colours.foreground, self._colours.muted
        for text, font, colour in zip(self._words, fonts, colours, strict=True):
            painter.setFont(font)
            painter.setPen(QColor(colour))
            flags = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(QRectF(left, y, width - _MARGIN, _LINE), flags, text)
            y += _LINE


class MeasuredMarkers(CurveMarkers):
    """A lane's markers on a curve over any ascending x; the lane can be another one at any time."""

    def set_look(self, colour: str, marker: str, phase: float) -> None:
        """Draw this marker in this colour."""
        self._colour, self._marker, self._phase = colour, marker, phase
        self._changed()

    def boundingRect(self) -> QRectF:
        """Reach from the first marker to the last: a curve that grows beyond them leaves them as they are."""
        rect = super().boundingRect()
        if not len(self._x):
            return QRectF()
        first, last = (float(self._x[end]) for end in (0, -1))
        margin = _AROUND * rect.width()
        return QRectF(first - margin, rect.top(), last - first + 2.0 * margin, rect.height())

    def set_points(self, x: NDArray[Any], y: NDArray[Any], end: float) -> None:
        """Mark the curve at a few places of the run, which goes to x = `end`."""
        places = (np.arange(_MARKERS) + self._phase) * end / _MARKERS
        rows = np.unique(np.searchsorted(x, places[places <= x[-1]])) if len(x) else np.empty(0, int)
        if not (np.array_equal(x[rows], self._x) and np.array_equal(y[rows], self._y)):
            self.prepareGeometryChange()
            self._x, self._y = x[rows], y[rows]
            self._changed()


class GapCurves(ViewItem):
    """Band, quartiles and both lines of a plot, drawn in one go: each by itself takes as long to be begun as drawn."""

    def __init__(self, *parts: Band | Trace) -> None:
        super().__init__()
        self._parts = parts
        self._known: tuple[Curve, ...] = ()

    def set_colours(self, colours: PlotColours) -> None:
        """Draw in these colours of the theme from now on."""
        for part in self._parts:
            part.set_colours(colours)
        super().set_colours(colours)

    def note(self, *curves: Curve) -> None:
        """Paint anew from where one of these curves, which are those of the parts, differs from what it was."""
        before, self._known = self._known, curves
        if len(before) != len(curves):
            self.update()
            return
        firsts = (first_difference(*pair) for pair in zip(before, curves, strict=True))
        found = [first for first in firsts if first is not None]
        if found:
            self.update(self._touched(min(found), *before, *curves))

    def draw(self, painter: QPainter, frame: Frame) -> None:
        """Draw the parts."""
        for part in self._parts:
            if part.isVisible():
                part.draw(painter, frame)


class Follower(ViewItem):
    """Tells what stands beside a plot the plot's colours, which are others in a file."""

    def __init__(self, tell: Callable[[PlotColours], None]) -> None:
        super().__init__()
        self._tell = tell
        self.setFlag(self.GraphicsItemFlag.ItemHasNoContents)

    def set_colours(self, colours: PlotColours) -> None:
        """Pass them on."""
        self._tell(colours)

    def draw(self, painter: QPainter, frame: Frame) -> None:
        """Draw nothing."""


class GapPlot:
    """One lane's plot with its title, and its curve among the norms; the lane can be another one at any time."""

    def __init__(self, plot: Plot, norms: Plot) -> None:
        self.plot, self.title = plot, Legend()
        self.gap, self.quartiles = Band(alpha=GAP_ALPHA), Band(alpha=QUARTILES_ALPHA)
        self.train, self.test, self.norm = Trace(dashed=True), Trace(weight=2), Trace(weight=2)
        self.words, self.markers = CornerWords(), MeasuredMarkers("#000000", "o", 0.0)
        self.curves = GapCurves(self.gap, self.quartiles, self.train, self.test)
        self.marks = ChangeMarks(labelled=False)
        self._per_epoch = 1
        self._old = (
            OldFutures(plot, lambda future: old_tests(future, self._per_epoch)),
            OldFutures(plot, lambda future: old_trains(future, self._per_epoch), dashed=True),
        )
        for item in (Follower(self.title.set_colours), self.curves, self.words, self.marks):
            plot.addItem(item)
        self.markers.setZValue(20)
        for item in (self.norm, self.markers):
            norms.addItem(item)
        self._look: tuple[str, ...] = ()

    def show_lane(self, lane: Lane, phase: float) -> None:
        """Take the lane's name, colour and marker."""
        look = lane.label, lane.colour, lane.marker
        if look == self._look:
            return
        self._look = look
        self.title.set_entries((LegendEntry(*look),))
        self.gap.set_look(lane.colour, GAP_ALPHA)
        self.quartiles.set_look(lane.colour, QUARTILES_ALPHA)
        self.train.set_look(lane.colour, dashed=True)
        self.test.set_look(lane.colour, weight=2)
        self.curves.update()
        self.norm.set_look(lane.colour, weight=2)
        self.markers.set_look(lane.colour, lane.marker, phase)

    def show(self, frame: TrainingFrame, row: int, measured: int, cursor: int) -> None:
        """Draw what had been measured after `cursor` updates."""
        x = frame.measured_at[:measured] / frame.per_epoch
        train, test = frame.train_accuracy[row, :measured], frame.test_accuracy[row, :measured]
        norm = frame.weight_norm[row, :measured]
        self._per_epoch = frame.per_epoch
        for old in self._old:
            old.show(begun(frame.futures, cursor), [(row, frame.lanes[row])])
        self.train.setData(train, x)
        self.test.setData(test, x)
        self.gap.setData(test, train, x)
        sides = [] if frame.spread is None else list(frame.spread.test_accuracy[row, :, :measured])
        self.quartiles.setVisible(bool(sides))
        if sides:
            self.quartiles.setData(sides[0], sides[1], x)
        self.curves.note(*(Curve(y, x) for y in (train, test, *sides)))
        self.norm.setData(norm, x)
        self.markers.set_points(x, norm, frame.total / frame.per_epoch)

    def set_opacity(self, opacity: float) -> None:
        """Fade all curves, or bring them back."""
        for item in (self.curves, self.norm, self.markers):
            item.setOpacity(opacity)
        for old in self._old:
            old.highlight(None if opacity == 1.0 else "")

    def set_shown(self, shown: bool) -> None:
        """Show or hide the lane's curve among the norms; its plot is in the layout or not."""
        self.norm.setVisible(shown)
        self.markers.setVisible(shown)
