"""Plots with a head of their own, and items that draw much but seldom: painted once, then copied to the screen."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QPainter
from PySide6.QtWidgets import QGraphicsWidget

from gui.items import Frame, ViewItem
from gui.plots import LIGHT, TICK_PIXELS, TITLE_PIXELS, Plot, PlotColours, plot_font

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

_GAP = 8.0


class PicturedItem(ViewItem):
    """An item whose `picture` is painted anew only when it changes; what moves with the mouse goes `over` it."""

    def draw(self, painter: QPainter, frame: Frame) -> None:
        """Draw into a file, or copy to the screen."""
        if frame.fine:
            self.picture(painter, frame)
            return
        left, top = math.floor(frame.rect[0]), math.floor(frame.rect[1])
        painter.drawImage(QPointF(left, top), self._once(frame, self._painted))
        self.over(painter, frame)

    def _painted(self, frame: Frame) -> QImage:
        """Return the picture as an image: a pixmap that is kept must not outlive the application."""
        x, y, width, height = frame.rect
        left, top = math.floor(x), math.floor(y)
        across, down = (math.ceil(x + width) - left) * frame.ratio, (math.ceil(y + height) - top) * frame.ratio
        made = QImage(math.ceil(across), math.ceil(down), QImage.Format.Format_ARGB32_Premultiplied)
        made.setDevicePixelRatio(frame.ratio)
        made.fill(Qt.GlobalColor.transparent)
        painter = QPainter(made)
        painter.translate(-left, -top)
        self.picture(painter, frame)
        painter.end()
        return made

    def picture(self, painter: QPainter, frame: Frame) -> None:
        """Draw in scene pixels."""
        raise NotImplementedError

    def over(self, painter: QPainter, frame: Frame) -> None:
        """Draw on the screen what is not in files."""


class Strip(QGraphicsWidget):
    """A row above a plot with its title; subclasses draw more right of it."""

    def __init__(self, height: float, indent: float) -> None:
        super().__init__()
        self._title, self._indent, self._colours = "", indent, LIGHT
        self.setMinimumHeight(height)
        self.setMaximumHeight(height)

    def set_title(self, title: str) -> None:
        """Show this title."""
        if title != self._title:
            self._title = title
            self.update()

    def set_colours(self, colours: PlotColours) -> None:
        """Draw in these colours from now on."""
        self._colours = colours
        self.update()

    def paint(self, painter: QPainter, option: Any, widget: QWidget | None = None) -> None:
        """Draw the title, and the rest in the room that it leaves."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        if widget is None:  # QSvgGenerator goes on clipping as for the item before until an item clips anew
            painter.setClipRect(self.boundingRect())
        rect = self.rect().adjusted(self._indent, 0.0, 0.0, 0.0)
        font = plot_font(TITLE_PIXELS, bold=True)
        metrics = QFontMetricsF(font)
        title = metrics.elidedText(self._title, Qt.TextElideMode.ElideRight, max(0.0, self.title_room(rect)))
        taken = metrics.horizontalAdvance(title)
        painter.setFont(font)
        painter.setPen(QColor(self._colours.foreground))
        flags = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRectF(rect.left(), rect.top(), rect.width(), 18.0), flags, title)
        painter.setFont(plot_font(TICK_PIXELS))
        self.draw(painter, rect, rect.left() + taken + 2 * _GAP)

    def title_room(self, rect: QRectF) -> float:
        """Return how wide the title may be."""
        return rect.width()

    def draw(self, painter: QPainter, rect: QRectF, start: float) -> None:
        """Draw in `rect`, right of `start` in its first line."""

    def word(self, painter: QPainter, x: float, middle: float, text: str, muted: bool = True) -> float:
        """Write a word from x on and return where it ends."""
        painter.setPen(QColor(self._colours.muted if muted else self._colours.foreground))
        width = QFontMetricsF(plot_font(TICK_PIXELS)).horizontalAdvance(text)
        flags = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRectF(x, middle - 9.0, width + 4.0, 18.0), flags, text)
        return x + width


def word_width(text: str) -> float:
    """Return the width of a word in a strip."""
    return QFontMetricsF(plot_font(TICK_PIXELS)).horizontalAdvance(text)


class HeadedPlot(Plot):
    """A plot with a strip above it, which belongs to it in files too."""

    def __init__(self, strip: Strip, colours: PlotColours = LIGHT) -> None:
        super().__init__(colours)
        self.strip = strip
        self.layout.removeItem(self.getAxis("top"))
        self.layout.addItem(strip, 1, 0, 1, 3)
        self.setMouseEnabled(False, False)
        self.set_colours(colours)

    def set_colours(self, colours: PlotColours) -> None:
        """Draw in these colours from now on: plot and strip."""
        super().set_colours(colours)
        self.strip.set_colours(colours)
