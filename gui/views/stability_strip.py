"""Above a map of settings: what its colours say, where it is hatched, the line of its limit, and the mark on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QLinearGradient, QPainter, QPainterPath, QPen

from core.map_pictures import LEVELS
from gui.heat_map import draw_hatch, draw_mark, draw_number, ground_colours, limit_pens
from gui.pictured import Strip, word_width
from gui.ramp import level_colour

if TYPE_CHECKING:
    from collections.abc import Sequence

HEIGHT = 62.0
_BAR_WIDTH, _BAR_HEIGHT = 150.0, 9.0
_LINE, _GAP, _SAMPLE = 21.0, 16.0, 27.0

# What stands before a word of the key: a kind, or a minimum's hue with its number.
KeyEntry = tuple[str, str]


class MapStrip(Strip):
    """Title and colour scale in the first line, the key in up to two lines below: what matters most comes first.

    The key's entries are `(kind, words)`, the kind one of open, lost, limit, mark, or `hue:<hue>:<number>`.
    """

    def __init__(self, indent: float) -> None:
        super().__init__(HEIGHT, indent)
        self._key: tuple[KeyEntry, ...] = ()
        self._ticks: tuple[tuple[float, str], ...] = ()
        self._unit = ""

    def set_key(self, key: Sequence[KeyEntry]) -> None:
        """Explain these."""
        if tuple(key) != self._key:
            self._key = tuple(key)
            self.update()

    def set_scale(self, ticks: Sequence[tuple[float, str]], unit: str) -> None:
        """Write numbers at places (0 to 1) of the colour scale, and what they count; none without a unit."""
        if (tuple(ticks), unit) != (self._ticks, self._unit):
            self._ticks, self._unit = tuple(ticks), unit
            self.update()

    def title_room(self, rect: QRectF) -> float:
        """Leave room for the scale."""
        return rect.width() - (26.0 + _BAR_WIDTH + _GAP if self._unit else 0.0)

    def draw(self, painter: QPainter, rect: QRectF, start: float) -> None:
        """Draw the scale at the right, the key below the title."""
        room = rect.right() - 8.0
        first = self._draw_scale(painter, rect, start) if self._unit else room
        x, line = rect.left(), 0
        for kind, words in self._key:
            if x + _SAMPLE + word_width(words) > (room if line else first):
                x, line = rect.left(), line + 1
            if line > 1:
                break
            middle = rect.top() + 27.0 + _LINE * line
            self._draw_sample(painter, QPointF(x + 9.0, middle), kind)
            x = self.word(painter, x + _SAMPLE, middle, words) + _GAP

    def _draw_scale(self, painter: QPainter, rect: QRectF, start: float) -> float:
        """Draw the colour bar with its numbers, and return where it begins."""
        bar = QRectF(rect.right() - 26.0 - _BAR_WIDTH, rect.top() + 5.0, _BAR_WIDTH, _BAR_HEIGHT)
        ramp = QLinearGradient(bar.left(), 0.0, bar.right(), 0.0)
        for level in range(LEVELS):
            ramp.setColorAt(level / (LEVELS - 1), level_colour(LEVELS - 1 - level))
        painter.fillRect(bar, ramp)
        for share, text in self._ticks:
            x = bar.left() + share * bar.width()
            painter.setPen(QPen(QColor(self._colours.muted), 1.0))
            painter.drawLine(QPointF(x, bar.bottom()), QPointF(x, bar.bottom() + 3.0))
            self.word(painter, x - 0.5 * word_width(text), rect.top() + 27.0, text)
        place = bar.left() - word_width(self._unit) - 10.0
        if place > start:
            self.word(painter, place, bar.center().y(), self._unit)
        return bar.left() - 24.0

    def _draw_sample(self, painter: QPainter, at: QPointF, kind: str) -> None:
        box = QRectF(at.x() - 8.0, at.y() - 6.0, 17.0, 12.0)
        name, _, rest = kind.partition(":")
        if name == "hue":
            hue, _, number = rest.partition(":")
            draw_number(painter, at, number, int(hue))
        elif name == "mark":
            draw_mark(painter, at)
        elif name == "limit":
            path = QPainterPath(QPointF(box.left() - 2.0, at.y()))
            path.lineTo(box.right() + 3.0, at.y())
            for pen in limit_pens():
                painter.strokePath(path, pen)
        else:
            if name == "lost":
                draw_hatch(painter, box, self._colours)
            else:
                painter.fillRect(box, ground_colours(self._colours)[0])
            painter.setPen(QPen(QColor(self._colours.muted), 1.0))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(box)
