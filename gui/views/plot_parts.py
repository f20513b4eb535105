"""What stands in and around a small plot: its head, its frame, a remark, a line under the mouse, the text of axes."""

from __future__ import annotations

import math
from typing import Any

from PySide6.QtCore import QLineF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen
from PySide6.QtWidgets import QGraphicsWidget

from gui.crosshair import Crosshair
from gui.items import Frame, ViewItem
from gui.plots import LABEL_PIXELS, LIGHT, TICK_PIXELS, TITLE_PIXELS, PlotColours, blend, plot_font

# What a head says of a network: the share that it predicts rightly, and the colour.
Score = tuple[float, str]

_WIDE = 0.8  # words that take more of a plot's width hide its first point


class Head(QGraphicsWidget):
    """A plot's title at the left, and at the right how many of a hundred images each network gets right."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self.title = self.widest = title  # the widest of those in the grid: all of them have scores, or none
        self.scores: tuple[Score, ...] = ()
        self._colours = LIGHT

    def show_scores(self, scores: tuple[Score, ...]) -> None:
        """Show these, rounded."""
        if _written(scores) != _written(self.scores):
            self.update()
        self.scores = scores

    def set_colours(self, colours: PlotColours) -> None:
        """Draw in these colours from now on."""
        self._colours = colours
        self.update()

    def paint(self, painter: QPainter, option: Any, widget: Any = None) -> None:
        """Draw the title, and the scores where there is room for those of every plot."""
        painter.setRenderHint(QPainter.RenderHint.TextAntialiasing, True)
        if widget is None:  # QSvgGenerator goes on clipping as for the item before until an item clips anew
            painter.setClipRect(self.boundingRect())
        font = plot_font(TITLE_PIXELS - 1, bold=True)
        painter.setFont(font)
        painter.setPen(QColor(self._colours.foreground))
        flags = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(self.rect(), flags | Qt.AlignmentFlag.AlignLeft, self.title)
        font = plot_font(TICK_PIXELS, bold=True)
        painter.setFont(font)
        right = self.rect().right()
        for text, colour, width in self._texts(QFontMetricsF(font)):
            painter.setPen(self._readable(colour))
            painter.drawText(
                QRectF(right - width, self.rect().top(), width, self.rect().height()),
                flags | Qt.AlignmentFlag.AlignRight,
                text,
            )
            right -= width

    def _texts(self, metrics: QFontMetricsF) -> list[tuple[str, str, float]]:
        """Return (text, colour, width) from the right to the left."""
        room = self.rect().width() - QFontMetricsF(plot_font(TITLE_PIXELS - 1, bold=True)).horizontalAdvance(
            self.widest
        )
        width = metrics.horizontalAdvance("100 %") + 6.0
        if width * len(self.scores) > room:
            return []
        return [(_rounded(share), colour, width) for share, colour in reversed(self.scores)]

    def _readable(self, colour: str) -> QColor:
        """Return a lane's colour, nearer to that of text."""
        return blend(self._colours.lane(colour), self._colours.foreground, 0.75)


def _written(scores: tuple[Score, ...]) -> list[tuple[str, str]]:
    return [(_rounded(share), colour) for share, colour in scores]


def _rounded(share: float) -> str:
    return f"{100 * share:.0f} %" if math.isfinite(share) else "–"


class Border(ViewItem):
    """A light frame around the plot, a strong one where the mouse or the keyboard is."""

    def __init__(self) -> None:
        super().__init__()
        self.strong = ""
        self.setZValue(500)

    def set_strong(self, colour: str) -> None:
        """Frame in this colour, or lightly without one."""
        if colour != self.strong:
            self.strong = colour
            self.update()

    def draw(self, painter: QPainter, frame: Frame) -> None:
        """Draw the frame, within the view."""
        light = blend(self._colours.muted, self._colours.background, 0.35)
        strong = bool(self.strong) and not frame.fine
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        pen = QPen(QColor(self.strong) if strong else light, 2.0 if strong else 1.0)
        pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
        painter.setPen(pen)
        inset = 1.0 if strong else 0.5
        painter.drawRect(QRectF(*frame.rect).adjusted(inset, inset, -inset, -inset))


class Remark(ViewItem):
    """Words in a corner at the right: below, or above where a curve ends below."""

    def __init__(self) -> None:
        super().__init__()
        self.text, self._above = "", False
        self.setZValue(30)

    def set_text(self, text: str, above: bool) -> None:
        """Say this."""
        if (text, above) != (self.text, self._above):
            self.text, self._above = text, above
            self.update()

    def draw(self, painter: QPainter, frame: Frame) -> None:
        """Draw the words."""
        if not self.text:
            return
        painter.setRenderHint(QPainter.RenderHint.TextAntialiasing, True)
        painter.setFont(plot_font(TICK_PIXELS))
        painter.setPen(QColor(self._colours.muted))
        place = Qt.AlignmentFlag.AlignTop if self._above else Qt.AlignmentFlag.AlignBottom
        room = QRectF(*frame.rect).adjusted(4.0, 4.0, -6.0, -4.0)
        short = QFontMetricsF(painter.font()).horizontalAdvance(self.text) > _WIDE * room.width()
        text = self.text.replace(" diverged at ", " lost at ") if short else self.text
        painter.drawText(room, Qt.AlignmentFlag.AlignRight | place, text)


class Line(Crosshair):
    """The line of a crosshair: in a small plot the head says what a box would."""

    def draw(self, painter: QPainter, frame: Frame) -> None:
        """Draw the line."""
        if self._index is None or frame.fine:
            return
        x = round(frame.sx * self._index + frame.dx)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setPen(QPen(QColor(self._colours.muted), 1.0))
        painter.drawLine(QLineF(x, frame.rect[1], x, frame.rect[1] + frame.rect[3]))


class AxisText(QGraphicsWidget):
    """What all plots of a row or column have on one axis, written once."""

    def __init__(self, text: str, upright: bool) -> None:
        super().__init__()
        self._text, self._upright = text, upright
        self._colours = LIGHT

    def set_colours(self, colours: PlotColours) -> None:
        """Draw in these colours from now on."""
        self._colours = colours
        self.update()

    def paint(self, painter: QPainter, option: Any, widget: Any = None) -> None:
        """Draw the text in the middle."""
        painter.setRenderHint(QPainter.RenderHint.TextAntialiasing, True)
        if widget is None:
            painter.setClipRect(self.boundingRect())
        painter.setFont(plot_font(LABEL_PIXELS))
        painter.setPen(QColor(self._colours.muted))
        rect = self.rect()
        if self._upright:
            painter.translate(rect.left(), rect.bottom())
            painter.rotate(-90.0)
            rect = QRectF(0.0, 0.0, rect.height(), rect.width())
        painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, self._text)
