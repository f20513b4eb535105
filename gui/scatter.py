"""A search as points in the plane of two hyperparameters: colour is accuracy, the mouse finds trials and regions."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QPixmap

from gui.crosshair import Crosshair, ReadoutLine
from gui.pictured import PicturedItem, Strip, word_width
from gui.plots import blend
from gui.ramp import gradient, level_colour, level_of, share_colour
from gui.standings import Standing, State

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from gui.items import Frame

    Array = NDArray[Any]

# A rectangle of the plane: x_low, x_high, y_low, y_high, in decades on a log axis.
Region = tuple[float, float, float, float]

REGION_COLOUR = "#0072B2"
_REACH = 14.0
_RIM = 1.1
_SMALLEST_REGION = 5.0
_READOUT_ROW, _READOUT_ROOM = 16.0, 20.0
_BAR_WIDTH, _BAR_HEIGHT = 132.0, 9.0


class TrialPoints(PicturedItem):
    """One mark for every trial: filled while it learns, hollow where it was stopped, a cross where it diverged.

    The search before it is drawn small and pale behind.
    """

    def __init__(self) -> None:
        super().__init__()
        self._x, self._y = np.empty(0), np.empty(0)
        self._former: tuple[Array, Array] = np.empty(0), np.empty(0)
        self._standing: Standing | None = None

    def setData(self, x: Array, y: Array, standing: Standing) -> None:
        """Show trials at (x, y), in decades on a log axis."""
        self._x, self._y, self._standing = x, y, standing
        self._changed()

    def set_former(self, x: Array, y: Array) -> None:
        """Show where an earlier search looked."""
        self._former = x, y
        self._changed()

    def picture(self, painter: QPainter, frame: Frame) -> None:
        """Draw the trials, the better ones on top."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        self._draw_former(painter, frame)
        standing = self._standing
        if standing is None:
            return
        diameter = point_size(len(self._x))
        x, y = frame.sx * self._x + frame.dx, frame.sy * self._y + frame.dy
        groups = self._groups(standing)
        for (level, state), rows in sorted(groups.items(), key=lambda item: item[0][0]):
            if frame.fine:
                self._draw_marks(painter, x[rows], y[rows], level, state, diameter)
            else:
                stamp = self._stamp(level, state, diameter, frame.ratio)
                half = 0.5 * stamp.deviceIndependentSize().width()
                for px, py in zip((x[rows] - half).tolist(), (y[rows] - half).tolist(), strict=True):
                    painter.drawPixmap(QPointF(px, py), stamp)
        if standing.best is not None:
            self._draw_best(painter, QPointF(x[standing.best], y[standing.best]), standing, diameter)

    def _groups(self, standing: Standing) -> dict[tuple[int, State], list[int]]:
        """Return the rows that look the same; level -1 is without a colour."""
        groups: dict[tuple[int, State], list[int]] = {}
        for row, (state, value) in enumerate(zip(standing.states, standing.validation.tolist(), strict=True)):
            bare = state is State.DIVERGED or not math.isfinite(value)
            groups.setdefault((-1 if bare else level_of(value), state), []).append(row)
        return groups

    def _stamp(self, level: int, state: State, diameter: float, ratio: float) -> QPixmap:
        """Return one mark as a picture: copies of it are a tenth of the work of as many smooth circles."""
        side = 2 * math.ceil(0.5 * diameter + 2.0 * _RIM)
        stamp = QPixmap(round(side * ratio), round(side * ratio))
        stamp.setDevicePixelRatio(ratio)
        stamp.fill(Qt.GlobalColor.transparent)
        painter = QPainter(stamp)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        self._draw_marks(painter, np.array([0.5 * side]), np.array([0.5 * side]), level, state, diameter)
        painter.end()
        return stamp

    def _draw_marks(self, painter: QPainter, x: Array, y: Array, level: int, state: State, diameter: float) -> None:
        page = self._colours.background
        if state is State.DIVERGED:
            painter.setPen(QPen(blend(self._colours.muted, page, 0.8), 1.3))
            painter.drawPath(crosses(x, y, 0.62 * diameter))
            return
        colour = blend(self._colours.muted, page, 0.6) if level < 0 else level_colour(level)
        rim = blend(self._colours.foreground, page, 0.55)
        if state is State.STOPPED:
            painter.fillPath(circles(x, y, 0.8 * diameter + 1.5 * _RIM), rim)
            painter.fillPath(circles(x, y, 0.8 * diameter), colour)
            painter.fillPath(circles(x, y, 0.3 * diameter), QColor(page))
            return
        painter.fillPath(circles(x, y, diameter + 2.0 * _RIM), rim if level >= 0 else QColor(page))
        painter.fillPath(circles(x, y, diameter), colour)

    def _draw_best(self, painter: QPainter, at: QPointF, standing: Standing, diameter: float) -> None:
        """Draw the best trial larger, with a rim in the colour of the text."""
        best = standing.best or 0
        for size, colour in (
            (1.6 * diameter + 6.0, QColor(self._colours.background)),
            (1.6 * diameter + 3.4, QColor(self._colours.foreground)),
            (1.6 * diameter - 0.6, share_colour(float(standing.validation[best]))),
        ):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour)
            painter.drawEllipse(at, 0.5 * size, 0.5 * size)
        painter.setBrush(Qt.BrushStyle.NoBrush)

    def _draw_former(self, painter: QPainter, frame: Frame) -> None:
        x, y = self._former
        if len(x):
            size = 0.5 * point_size(len(x))
            path = circles(frame.sx * x + frame.dx, frame.sy * y + frame.dy, size)
            painter.fillPath(path, blend(self._colours.muted, self._colours.background, 0.38))


def point_size(count: int) -> float:
    """Return the diameter of points, smaller where they are many."""
    return min(10.0, max(5.0, 10.0 * (100.0 / max(count, 1)) ** 0.25))


def circles(x: Array, y: Array, diameter: float) -> QPainterPath:
    """Return circles about these points."""
    path = QPainterPath()
    path.setFillRule(Qt.FillRule.WindingFill)
    for px, py in zip(x.tolist(), y.tolist(), strict=True):
        path.addEllipse(QPointF(px, py), 0.5 * diameter, 0.5 * diameter)
    return path


def crosses(x: Array, y: Array, size: float) -> QPainterPath:
    """Return crosses at these points."""
    path, half = QPainterPath(), 0.5 * size
    for px, py in zip(x.tolist(), y.tolist(), strict=True):
        for slope in (-half, half):
            path.moveTo(px - half, py - slope)
            path.lineTo(px + half, py + slope)
    return path


class TrialPointer(Crosshair):
    """Finds the trial under the mouse, reads it beside its point, and draws the region that is dragged.

    `moved` and `clicked` come with a trial's row or None, `dragged` with a Region or None.
    """

    clicked = Signal(object)
    dragged = Signal(object)

    def __init__(self, read: Callable[[int], Sequence[ReadoutLine]]) -> None:
        super().__init__(read)
        self._x, self._y = np.empty(0), np.empty(0)
        self._selected: int | None = None
        self._region: Region | None = None
        self.setCursor(Qt.CursorShape.CrossCursor)

    def setData(self, x: Array, y: Array) -> None:
        """Find trials at (x, y)."""
        self._x, self._y = x, y
        self.update()

    def set_selected(self, row: int | None) -> None:
        """Keep a ring about this trial."""
        if row != self._selected:
            self._selected = row
            self.update()

    def set_region(self, region: Region | None) -> None:
        """Show a region of the plane, or none."""
        if region != self._region:
            self._region = region
            self.update()

    def hoverEvent(self, event: Any) -> None:
        """Follow the mouse; called by pyqtgraph's scene."""
        row = None if event.isExit() else self._nearest(event.pos())
        if row != self.index:
            self.set_index(row)
            self.moved.emit(row)

    def mouseClickEvent(self, event: Any) -> None:
        """Select a trial, or none."""
        if event.button() == Qt.MouseButton.LeftButton:
            event.accept()
            self.clicked.emit(self._nearest(event.pos()))

    def mouseDragEvent(self, event: Any) -> None:
        """Drag a region; one that is no larger than a slip of the hand is none."""
        if event.button() != Qt.MouseButton.LeftButton:
            return
        event.accept()
        first, last = self._inside(event.buttonDownPos()), self._inside(event.pos())
        width, height = self.getViewBox().viewPixelSize()
        (left, right), (low, high) = sorted((first.x(), last.x())), sorted((first.y(), last.y()))
        slip = right - left < _SMALLEST_REGION * width or high - low < _SMALLEST_REGION * height
        region = None if slip else (left, right, low, high)
        self.set_region(region)
        self.dragged.emit(region)

    def _inside(self, point: QPointF) -> QPointF:
        """Return the nearest point of the view."""
        rect = self.boundingRect()
        x = min(max(point.x(), rect.left()), rect.right())
        return QPointF(x, min(max(point.y(), rect.top()), rect.bottom()))

    def _nearest(self, point: QPointF) -> int | None:
        """Return the trial within reach of a point of the view."""
        if not len(self._x):
            return None
        width, height = self.getViewBox().viewPixelSize()
        distance = np.hypot((self._x - point.x()) / width, (self._y - point.y()) / height)
        if not np.isfinite(distance).any():
            return None
        row = int(np.nanargmin(distance))
        return row if distance[row] <= _REACH else None

    def draw(self, painter: QPainter, frame: Frame) -> None:
        """Draw region, rings and readout; a file has none of them."""
        if frame.fine:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        if self._region is not None:
            self._draw_region(painter, frame, self._region)
        for row in dict.fromkeys(row for row in (self._selected, self.index) if row is not None):
            if row < len(self._x) and math.isfinite(self._y[row]):
                self._draw_ring(painter, self._place(row, frame))
        read = self.index if self.index is not None else self._selected
        if read is not None and read < len(self._x) and math.isfinite(self._y[read]):
            self._draw_readout(painter, self._place(read, frame), read, QRectF(*frame.rect))

    def _place(self, row: int, frame: Frame) -> QPointF:
        return QPointF(frame.sx * self._x[row] + frame.dx, frame.sy * self._y[row] + frame.dy)

    def _draw_ring(self, painter: QPainter, at: QPointF) -> None:
        radius = 0.5 * point_size(len(self._x)) + 5.0
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for width, colour in ((4.5, self._colours.background), (2.0, self._colours.foreground)):
            painter.setPen(QPen(QColor(colour), width))
            painter.drawEllipse(at, radius, radius)

    def _draw_region(self, painter: QPainter, frame: Frame, region: Region) -> None:
        x_low, x_high, y_low, y_high = region
        first = QPointF(frame.sx * x_low + frame.dx, frame.sy * y_low + frame.dy)
        rect = QRectF(first, QPointF(frame.sx * x_high + frame.dx, frame.sy * y_high + frame.dy)).normalized()
        tint = QColor(REGION_COLOUR)
        tint.setAlphaF(0.12)
        painter.fillRect(rect, tint)
        painter.setPen(QPen(blend(REGION_COLOUR, self._colours.foreground, 0.75), 1.5, Qt.PenStyle.DashLine))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(rect)

    def _draw_readout(self, painter: QPainter, at: QPointF, row: int, view: QRectF) -> None:
        """Draw the readout beside the point, within the view."""
        lines = self._read(row)
        height = _READOUT_ROW * len(lines) + _READOUT_ROOM
        top = min(max(at.y() - 0.5 * height - 6.0, view.top() - 8.0), view.bottom() - height - 6.0)
        self._draw_box(painter, lines, at.x() + 4.0, QRectF(view.left(), top, view.width(), height))


class ScatterStrip(Strip):
    """The scatter's title, the scale of its colours, and what its marks mean."""

    def __init__(self, indent: float) -> None:
        super().__init__(40.0, indent)
        self._marks: tuple[tuple[str, str], ...] = ()

    def set_marks(self, marks: Sequence[tuple[str, str]]) -> None:
        """Explain marks: (kind, words), the kind being stopped, diverged or former."""
        if tuple(marks) != self._marks:
            self._marks = tuple(marks)
            self.update()

    def draw(self, painter: QPainter, rect: QRectF, start: float) -> None:
        """Draw the scale at the right, the marks below the title."""
        left = self._draw_scale(painter, rect, start)
        x, middle = rect.left(), rect.top() + 27.0
        for kind, words in self._marks:
            if x + 14.0 + word_width(words) > left:
                break
            self._draw_mark(painter, QPointF(x + 5.0, middle), kind)
            x = self.word(painter, x + 14.0, middle, words) + 16.0

    def _draw_scale(self, painter: QPainter, rect: QRectF, start: float) -> float:
        """Draw the colour bar with its numbers and return where it begins."""
        bar = QRectF(rect.right() - 22.0 - _BAR_WIDTH, rect.top() + 5.0, _BAR_WIDTH, _BAR_HEIGHT)
        painter.fillRect(bar, gradient(bar.left(), bar.right()))
        for share in (0.0, 0.5, 1.0):
            text = f"{100 * share:.0f} %"
            x = bar.left() + share * bar.width()
            painter.setPen(QPen(QColor(self._colours.muted), 1.0))
            painter.drawLine(QPointF(x, bar.bottom()), QPointF(x, bar.bottom() + 3.0))
            self.word(painter, x - 0.5 * word_width(text), rect.top() + 27.0, text)
        words = "validation accuracy"
        if bar.left() - word_width(words) - 10.0 > start:
            self.word(painter, bar.left() - word_width(words) - 10.0, bar.center().y(), words)
        return bar.left() - 16.0

    def _draw_mark(self, painter: QPainter, at: QPointF, kind: str) -> None:
        x, y = np.array([at.x()]), np.array([at.y()])
        muted, page = self._colours.muted, self._colours.background
        if kind == "diverged":
            painter.setPen(QPen(blend(muted, page, 0.8), 1.3))
            painter.drawPath(crosses(x, y, 6.5))
        elif kind == "stopped":
            painter.fillPath(circles(x, y, 9.0), QColor(muted))
            painter.fillPath(circles(x, y, 4.0), QColor(page))
        elif kind == "best":
            painter.fillPath(circles(x, y, 12.0), QColor(self._colours.foreground))
            painter.fillPath(circles(x, y, 8.0), QColor(page))
        else:
            painter.fillPath(circles(x, y, 5.0), blend(muted, page, 0.38))
