"""A map of many cells in a plot: one picture, the line over it, and what the mouse and the keyboard find in it.

What has diverged is a hole in the picture, through which the hatched ground is seen.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QBrush, QColor, QImage, QPainter, QPen, QTransform

from core.map_pictures import HUES, LEVELS, LOST, OPEN, SHADES
from gui.crosshair import Crosshair
from gui.items import Frame, ViewItem, line_path
from gui.legend import marker_path
from gui.plots import TICK_PIXELS, PlotColours, blend, plot_font
from gui.ramp import level_colour

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from gui.crosshair import ReadoutLine

    Array = NDArray[Any]

# Okabe and Ito's colours, the lighter ones last; a minimum's number stands on the map besides.
HUE_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#8C6BB1", "#A6761D")
_FAST, _SLOW = 0.45, 0.55  # how much white the brightest shade has, how much black the darkest
_FILE_CELLS = 1024
_HATCH = 7.0
_ROW, _ROOM = 16.0, 20.0
_MARK, _RING = 9.0, 5.0
_DISC, _DOT = 8.5, 3.5


def ground_colours(colours: PlotColours) -> tuple[QColor, QColor, QColor]:
    """Return the colour of open cells, and of the ground and the lines of hatching."""
    page = colours.background
    return blend(colours.muted, page, 0.16), blend(colours.muted, page, 0.06), blend(colours.muted, page, 0.45)


def shade_colour(hue: int, share: float) -> QColor:
    """Return a minimum's colour, bright (1) to dark (0)."""
    colour, towards = HUE_COLOURS[hue], "#ffffff" if share > 0.5 else "#000000"
    most = _FAST if share > 0.5 else _SLOW
    return blend(towards, colour, most * abs(2.0 * share - 1.0))


def colour_table(colours: PlotColours, minima: bool) -> list[int]:
    """Return the colour of each of 256 levels, as QRgb."""
    table = [QColor(colours.background).rgba()] * 256
    if minima:
        for level in range(HUES * SHADES):
            hue, shade = divmod(level, SHADES)
            table[level] = shade_colour(hue, shade / (SHADES - 1)).rgba()
    else:
        table[:LEVELS] = [level_colour(level).rgba() for level in range(LEVELS)]
    table[OPEN], table[LOST] = ground_colours(colours)[0].rgba(), 0
    return table


def draw_hatch(painter: QPainter, rect: QRectF, colours: PlotColours) -> None:
    """Fill a rectangle with what stands for divergence."""
    _, ground, line = ground_colours(colours)
    painter.fillRect(rect, ground)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    painter.setPen(QPen(line, 1.0))
    width, height = rect.width(), rect.height()
    for number in range(1, math.ceil((width + height) / _HATCH)):
        both = number * _HATCH  # along such a line x + y is this; clipping would last in SVG files
        x, y = min(both, width), min(both, height)
        painter.drawLine(rect.topLeft() + QPointF(x, both - x), rect.topLeft() + QPointF(both - y, y))


class HeatMap(ViewItem):
    """Cells as one picture over a rectangle of the plane, the first row of levels being the lowest."""

    def __init__(self) -> None:
        super().__init__()
        self._place, self._levels, self._minima = QRectF(), np.full((1, 1), OPEN, np.uint8), False
        self._image: QImage | None = None
        self.setZValue(-40)

    def setData(self, levels: Array, place: QRectF, minima: bool) -> None:
        """Show levels over a rectangle, as an ordered scale or as minima."""
        self._levels, self._place, self._minima, self._image = levels, place, minima, None
        self._changed()

    def set_colours(self, colours: PlotColours) -> None:
        """Draw in these colours from now on."""
        self._image = None
        super().set_colours(colours)

    def draw(self, painter: QPainter, frame: Frame) -> None:
        """Draw hatching, and the picture over it."""
        if self._place.isEmpty():
            return
        if self._image is None:
            self._image = self._made()
        target = QTransform(frame.sx, 0.0, 0.0, frame.sy, frame.dx, frame.dy).mapRect(self._place)
        draw_hatch(painter, target.intersected(QRectF(*frame.rect)), self._colours)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
        image = self._image
        if frame.fine and image.width() < _FILE_CELLS:  # viewers of files would smooth it
            image = image.scaled(image.size() * math.ceil(_FILE_CELLS / image.width()))
        painter.drawImage(target, image)

    def _made(self) -> QImage:
        """Return the cells as a picture, its top row being the last one of levels."""
        height, width = self._levels.shape
        pixels = np.zeros((height, -(-width // 4) * 4), np.uint8)  # QImage's rows are whole words
        pixels[:, :width] = self._levels[::-1]
        image = QImage(pixels.data, width, height, pixels.shape[1], QImage.Format.Format_Indexed8)
        image.setColorTable(colour_table(self._colours, self._minima))
        return image.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)


class LimitLine(ViewItem):
    """The line of an analytic limit, readable on any colour: dark and light dashes beside each other."""

    def __init__(self) -> None:
        super().__init__()
        self._x, self._y = np.empty(0), np.empty(0)
        self.setZValue(50)

    def setData(self, x: Array, y: Array) -> None:
        """Show a line through these points of the plane."""
        self._x, self._y = x, y
        self._changed()

    def draw(self, painter: QPainter, frame: Frame) -> None:
        """Draw the line."""
        if len(self._x):
            path = line_path(frame.sx * self._x + frame.dx, frame.sy * self._y + frame.dy)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
            for pen in limit_pens():
                painter.strokePath(path, pen)


def limit_pens() -> tuple[QPen, QPen]:
    """Return the pens that draw a limit, one over the other."""
    upper = QPen(QColor("#ffffff"), 1.6, Qt.PenStyle.CustomDashLine, Qt.PenCapStyle.FlatCap)
    upper.setDashPattern([4.0, 3.0])
    return QPen(QColor("#000000"), 3.2), upper


class Numbers(ViewItem):
    """The numbers of minima at their places, in the hue of each."""

    def __init__(self) -> None:
        super().__init__()
        self._marks: tuple[tuple[float, float, str, int], ...] = ()
        self.setZValue(60)

    def set_marks(self, marks: Sequence[tuple[float, float, str, int]]) -> None:
        """Show (x, y, text, hue)."""
        if tuple(marks) != self._marks:
            self._marks = tuple(marks)
            self.update()

    def draw(self, painter: QPainter, frame: Frame) -> None:
        """Draw a disc with a number for each."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        painter.setFont(plot_font(TICK_PIXELS, bold=True))
        for x, y, text, hue in self._marks:
            draw_number(painter, QPointF(frame.sx * x + frame.dx, frame.sy * y + frame.dy), text, hue)


def draw_number(painter: QPainter, at: QPointF, text: str, hue: int) -> None:
    """Draw a disc in a minimum's hue with its number, a small one without."""
    radius = _DISC if text else _DOT
    painter.setPen(QPen(QColor("#ffffff"), 1.5))
    painter.setBrush(QBrush(shade_colour(hue, 0.25)))
    painter.drawEllipse(at, radius, radius)
    painter.setPen(QColor("#ffffff"))
    painter.drawText(QRectF(at.x() - 12.0, at.y() - 9.0, 24.0, 18.0), Qt.AlignmentFlag.AlignCenter, text)


class CellPointer(Crosshair):
    """Finds the cell under the mouse or at the keyboard, reads it beside it, and marks the present setting.

    `chosen(cell, animated)` comes when a cell is clicked or dragged over, `zoomed(x, y, turns)` when the wheel turns at
    a place of the map, from 0 to 1 along each axis; a cell is (row, column).
    """

    chosen = Signal(object, bool)
    zoomed = Signal(float, float, float)

    def __init__(self, read: Callable[[int], Sequence[ReadoutLine]]) -> None:
        super().__init__(read)
        self._place, self._side = QRectF(), 1
        self._mark: QPointF | None = None
        self.setCursor(Qt.CursorShape.CrossCursor)

    def set_grid(self, place: QRectF, side: int) -> None:
        """Find cells in a square grid over a rectangle of the plane."""
        if (place, side) != (self._place, self._side):
            self._place, self._side = place, side
            self.set_index(None)

    def set_mark(self, at: QPointF | None) -> None:
        """Mark the present setting, or nothing where that is not on the map."""
        self._mark = at
        self.update()

    def cell_at(self, point: QPointF) -> tuple[int, int]:
        """Return row and column of the cell at a point of the plane, the nearest one outside."""
        x, y = self._share(point)
        row, column = (min(max(int(share * self._side), 0), self._side - 1) for share in (y, x))
        return row, column

    def _share(self, point: QPointF) -> tuple[float, float]:
        place = self._place
        return (point.x() - place.left()) / place.width(), (point.y() - place.top()) / place.height()

    def hoverEvent(self, event: Any) -> None:
        """Follow the mouse; called by pyqtgraph's scene."""
        index = None
        if not event.isExit() and not self._place.isEmpty():
            x, y = self._share(event.pos())
            if 0.0 <= x < 1.0 and 0.0 <= y < 1.0:
                row, column = self.cell_at(event.pos())
                index = row * self._side + column
        if index != self.index:
            self.set_index(index)
            self.moved.emit(index)

    def mouseClickEvent(self, event: Any) -> None:
        """Choose a cell."""
        if event.button() == Qt.MouseButton.LeftButton and not self._place.isEmpty():
            event.accept()
            self.chosen.emit(self.cell_at(event.pos()), True)

    def mouseDragEvent(self, event: Any) -> None:
        """Choose the cells that the mouse is dragged over, one after the other."""
        if event.button() == Qt.MouseButton.LeftButton and not self._place.isEmpty():
            event.accept()
            self.chosen.emit(self.cell_at(event.pos()), False)

    def wheelEvent(self, event: Any) -> None:
        """Zoom about the mouse."""
        if not self._place.isEmpty():
            event.accept()
            self.zoomed.emit(*self._share(event.pos()), event.delta() / 120.0)

    def draw(self, painter: QPainter, frame: Frame) -> None:
        """Draw the mark, and on the screen the cell that is pointed at with what it says."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if self._mark is not None:
            draw_mark(painter, QPointF(frame.sx * self._mark.x() + frame.dx, frame.sy * self._mark.y() + frame.dy))
        if self.index is not None and not frame.fine:
            self._draw_cell(painter, frame, self.index)

    def _draw_cell(self, painter: QPainter, frame: Frame, index: int) -> None:
        row, column = divmod(index, self._side)
        width, height = self._place.width() / self._side, self._place.height() / self._side
        x = frame.sx * (self._place.left() + (column + 0.5) * width) + frame.dx
        y = frame.sy * (self._place.top() + (row + 0.5) * height) + frame.dy
        across, up = max(abs(frame.sx * width), 5.0), max(abs(frame.sy * height), 5.0)
        cell = QRectF(x - 0.5 * across, y - 0.5 * up, across, up)
        for pen in (QPen(QColor("#ffffff"), 3.0), QPen(QColor("#000000"), 1.2)):
            painter.setPen(pen)
            painter.drawRect(cell)
        lines = self._read(index)
        if lines:
            view = QRectF(*frame.rect)
            tall = _ROW * len(lines) + _ROOM
            top = min(max(y - 0.5 * tall - 6.0, view.top() - 8.0), view.bottom() - tall - 6.0)
            self._draw_box(painter, lines, x + 4.0, QRectF(view.left(), top, view.width(), tall))


def draw_mark(painter: QPainter, at: QPointF) -> None:
    """Draw the cross in a ring that marks the present setting, dark with a light rim."""
    cross = marker_path("x", _MARK)
    for width in (3.5, 0.0):
        colour = QColor("#ffffff" if width else "#000000")
        painter.setPen(QPen(colour, width + 1.8))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawEllipse(at, _RING + 4.0, _RING + 4.0)
        painter.setPen(QPen(colour, width) if width else Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawPath(cross.translated(at))
    painter.setBrush(Qt.BrushStyle.NoBrush)
