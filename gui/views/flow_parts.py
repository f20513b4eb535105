"""What stands in the plots of gradient flow: the verdict above, the layers' names at their lines' ends, a band."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen
from PySide6.QtWidgets import QGraphicsWidget

from gui.items import Frame, ViewItem
from gui.plots import LABEL_PIXELS, LIGHT, TICK_PIXELS, TITLE_PIXELS, PlotColours, blend, plot_font
from gui.ramp import share_colour

if TYPE_CHECKING:
    from collections.abc import Sequence

HEADING = 40.0
NAMES = 62.0
"""Pixels that names need right of their dots."""
_LINE = 19.0
_APART = 13.0  # pixels from one name to the next
_DOT, _REACH, _TEXT = 2.8, 9.0, 12.0
# Of the ramp, what stands out from the page: its dark end is lost on a dark one, its light end on a light one.
_SHARES = {True: (0.36, 1.0), False: (0.0, 0.8)}


def layer_colours(layers: int, dark: bool) -> list[str]:
    """Return a colour for each layer, from the first to the last, that stands out from a light or dark page."""
    low, high = _SHARES[dark]
    return [share_colour(low + (high - low) * place / max(1, layers - 1)).name() for place in range(layers)]


class Heading(QGraphicsWidget):
    """What a plot shows, bold, and below it what is seen there."""

    def __init__(self, title: str, tip: str) -> None:
        super().__init__()
        self.title, self.words, self._tip = title, "", tip
        self.setToolTip(tip)
        self._colours = LIGHT
        self.setMinimumHeight(HEADING)
        self.setMaximumHeight(HEADING)

    def say(self, title: str, words: str) -> None:
        """Show these; words without room end in an ellipsis and stand in the tooltip."""
        if (title, words) != (self.title, self.words):
            self.title, self.words = title, words
            self.setToolTip("\n\n".join(filter(None, (words, self._tip))))
            self.update()

    def set_colours(self, colours: PlotColours) -> None:
        """Draw in these colours from now on."""
        self._colours = colours
        self.update()

    def paint(self, painter: QPainter, option: Any, widget: Any = None) -> None:
        """Draw both lines."""
        painter.setRenderHint(QPainter.RenderHint.TextAntialiasing, True)
        if widget is None:  # QSvgGenerator goes on clipping as for the item before until an item clips anew
            painter.setClipRect(self.boundingRect())
        row = QRectF(self.rect().left(), self.rect().bottom() - 2.0 * _LINE, self.rect().width(), _LINE)
        fonts = plot_font(TITLE_PIXELS, bold=True), plot_font(LABEL_PIXELS)
        for text, font in zip((self.title, self.words), fonts, strict=True):
            painter.setFont(font)
            painter.setPen(QColor(self._colours.foreground))
            shown = QFontMetricsF(font).elidedText(text, Qt.TextElideMode.ElideRight, row.width())
            painter.drawText(row, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)
            row.translate(0.0, _LINE)


class UsualBand(ViewItem):
    """A pale band across the plot, `low` to `high` in the axis's own numbers, with a word near its right end."""

    def __init__(self, low: float, high: float, word: str) -> None:
        super().__init__()
        self._ends, self._word = (low, high), word
        self.setZValue(-20)

    def draw(self, painter: QPainter, frame: Frame) -> None:
        """Draw the band, and the word where it has room."""
        left, _, width, _ = frame.rect
        top, bottom = (frame.sy * end + frame.dy for end in self._ends[::-1])
        band = QRectF(left, top, width, bottom - top).intersected(QRectF(*frame.rect))
        painter.fillRect(band, blend(self._colours.muted, self._colours.background, 0.16))
        if band.height() >= _APART:
            painter.setRenderHint(QPainter.RenderHint.TextAntialiasing, True)
            painter.setFont(plot_font(TICK_PIXELS))
            painter.setPen(QColor(self._colours.muted))
            flags = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignBottom
            painter.drawText(band.adjusted(0.0, 0.0, -NAMES - 8.0, -1.0), flags, self._word)


@dataclass(frozen=True, slots=True)
class End:
    """Where a layer's line ends: `y` in the axis's own numbers, minus infinity for a value of 0; a name or none."""

    text: str
    colour: str
    y: float


class EndNames(ViewItem):
    """Names right of the lines' ends, each beside its own as far as they do not touch; a 0 stands at the bottom."""

    def __init__(self) -> None:
        super().__init__()
        self._x = 0.0
        self._ends: tuple[End, ...] = ()
        self.setZValue(60)

    def show_ends(self, x: float, ends: Sequence[End]) -> None:
        """Name these ends, all of them at `x`."""
        if (x, tuple(ends)) != (self._x, self._ends):
            before, self._x, self._ends = self._strip(), x, tuple(ends)
            self.update(before)
            self.update(self._strip())

    def _strip(self) -> QRectF:
        """Return the part of the view that dots and names are in."""
        view, rect = self.getViewBox(), self.boundingRect()
        if view is None:
            return rect
        pixel = view.viewPixelSize()[0]
        return QRectF(self._x - 4.0 * pixel, rect.top(), (NAMES + 8.0) * pixel, rect.height())

    def draw(self, painter: QPainter, frame: Frame) -> None:
        """Draw dots, names, and a hairline from one to the other."""
        _, top, _, height = frame.rect
        x = frame.sx * self._x + frame.dx
        ends = sorted(self._ends, key=lambda end: -end.y)
        spots = [top + height if end.y == -math.inf else frame.sy * end.y + frame.dy for end in ends]
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        painter.setFont(plot_font(TICK_PIXELS))
        painter.setPen(Qt.PenStyle.NoPen)
        for end, spot in zip(ends, spots, strict=True):
            painter.setBrush(QColor(end.colour))
            painter.drawEllipse(QPointF(x, spot), _DOT, _DOT)
        named = thinned([pair for pair in zip(ends, spots, strict=True) if pair[0].text], int(height / _APART))
        heights = spread([spot for _, spot in named], top, top + height)
        for (end, spot), y in zip(named, heights, strict=True):
            painter.setPen(QPen(QColor(end.colour), 1.0))
            painter.drawLine(QLineF(x + _DOT, spot, x + _REACH, y))
            painter.setPen(blend(end.colour, self._colours.foreground, 0.45))
            room = QRectF(x + _TEXT, y - 10.0, 200.0, 20.0)
            painter.drawText(room, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, end.text)


def thinned(found: list[Any], most: int) -> list[Any]:
    """Return at most so many, evenly chosen, the first and the last among them."""
    if len(found) <= most:
        return found
    return [found[round(place * (len(found) - 1) / (most - 1))] for place in range(most)] if most > 1 else found[:1]


def spread(spots: Sequence[float], top: float, bottom: float) -> list[float]:
    """Return heights as near to these, which come from the top down, as names can stand that do not touch.

    Those that would touch stand around their middle, each 13 pixels below the one before.
    """
    groups: list[tuple[float, int]] = []  # the middle of neighbours, and how many they are
    for spot in spots:
        groups.append((spot, 1))
        while len(groups) > 1 and _low(groups[-2]) > _high(groups[-1]):
            (above, one), (below, other) = groups[-2:]
            groups[-2:] = [((one * above + other * below) / (one + other), one + other)]
    found = [_high(group) + _APART * (0.5 + n) for group in groups for n in range(group[1])]
    for n in range(len(found)):
        found[n] = max(found[n], top + _APART * (0.5 + n))
    return [min(y, bottom - _APART * (len(found) - n - 0.5)) for n, y in enumerate(found)]


def _high(group: tuple[float, int]) -> float:
    return group[0] - 0.5 * _APART * group[1]


def _low(group: tuple[float, int]) -> float:
    return group[0] + 0.5 * _APART * group[1]
