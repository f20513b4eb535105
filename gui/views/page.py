"""Pages of the panel Inside, and pictures that paint themselves: on the screen, and into files of any size and look."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QLinearGradient, QPainter, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui import theme
from gui.plots import LABEL_PIXELS, TICK_PIXELS, PlotColours, blend, plot_font
from gui.views.base import plot_colours
from gui.widgets import OwnKeys

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PySide6.QtGui import QFocusEvent, QPaintEvent

    from core.insight import Insight
    from gui.theme import Theme
    from gui.views.base import Number

LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
CENTRE = Qt.AlignmentFlag.AlignCenter
ARROWS = {
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
}
"""The arrow keys, as steps (down, right)."""

_ENDS = {False: ("#0072B2", "#D55E00"), True: ("#56B4E9", "#E69F00")}  # below and above 0, on light and dark pages
_HEAD = 24.0
NO_LEVEL = 255
"""The level of what has no value."""


class Picture(OwnKeys, QWidget):
    """A widget that draws itself into any rectangle in any colours; `over` is what only the screen shows."""

    def __init__(self, name: str, accessible: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName(accessible)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMouseTracking(True)
        self.colours = plot_colours(theme.current())
        self.insight: Insight | None = None

    def show_insight(self, insight: Insight) -> None:
        """Show another moment, or another lane."""
        before, self.insight = self.insight, insight
        if before is None or self.differs(before, insight):
            self.update()

    def differs(self, before: Insight, now: Insight) -> bool:
        """Tell whether there is something else to draw."""
        return True

    def set_theme(self, found: Theme) -> None:
        """Draw in this look."""
        self.colours = plot_colours(found)
        self.update()

    def draw(self, painter: QPainter, room: QRectF, colours: PlotColours) -> None:
        """Draw into a rectangle."""
        raise NotImplementedError

    def over(self, painter: QPainter) -> None:
        """Draw what follows mouse and keyboard."""

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw on the screen."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(self.colours.background))
        if self.insight is not None:
            self.draw(painter, QRectF(self.rect()), self.colours)
            self.over(painter)
        painter.end()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show where the keyboard is."""
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Show that the keyboard is elsewhere."""
        super().focusOutEvent(event)
        self.update()


class Page(QWidget):
    """One page of the panel: shows insights, and draws itself into files.

    `key` names it in sessions, `title` is on its tab. `wants_image` says that what is drawn is to be answered.
    `density` is that of an animation, see `gui.reels.Reel`: what is like noise, or always another, takes more bytes.
    """

    key = ""
    title = ""
    wants_image = False
    density = 1.0

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.insight: Insight | None = None
        self.colours = plot_colours(theme.current())
        self.setObjectName(f"page-{self.key}")
        self.setAccessibleName(self.title)

    def pictures(self) -> tuple[Picture, ...]:
        """Return the pictures on the page."""
        raise NotImplementedError

    def show_insight(self, insight: Insight) -> None:
        """Show another moment, or another lane."""
        self.insight = insight
        for picture in self.pictures():
            picture.show_insight(insight)

    def adopt(self, other: Page) -> None:
        """Look like another page of the same kind: what its user has chosen there."""
        if other.insight is not None:
            self.show_insight(other.insight)

    def set_theme(self, found: Theme) -> None:
        """Draw in this look."""
        self.colours = plot_colours(found)
        for picture in self.pictures():
            picture.set_theme(found)
        self.update()

    def numbers(self, insight: Insight) -> list[Number]:
        """Return the page's live numbers for the notes."""
        return []

    def paintEvent(self, event: QPaintEvent) -> None:
        """Lay the page's ground."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(self.colours.background))
        painter.end()

    def places(self, room: QRectF) -> list[tuple[Picture, QRectF]]:
        """Return where each picture is in a file."""
        return [(picture, room) for picture in self.pictures()]

    def draw_figure(self, painter: QPainter, room: QRectF, colours: PlotColours) -> None:
        """Draw the page into a file, with a line that says whose network it is, and when."""
        if self.insight is None:
            return
        words = f"{self.title}: {self.insight.lane.label}, iteration {self.insight.iteration:,}"
        write(painter, QRectF(room.left(), room.top(), room.width(), _HEAD), words, colours.foreground, bold=True)
        below = room.adjusted(0.0, _HEAD + 6.0, 0.0, 0.0)
        for picture, place in self.places(below):
            painter.save()
            picture.draw(painter, place, colours)
            painter.restore()


# Words and colours.


def write(
    painter: QPainter,
    rect: QRectF,
    text: str,
    colour: str | QColor,
    flags: Qt.AlignmentFlag = LEFT,
    pixels: int = LABEL_PIXELS,
    bold: bool = False,
) -> None:
    """Write a text as far as it fits."""
    font = plot_font(pixels, bold=bold)
    painter.setFont(font)
    painter.setPen(QColor(colour))
    painter.setRenderHint(QPainter.RenderHint.TextAntialiasing, True)
    painter.drawText(rect, flags, QFontMetricsF(font).elidedText(text, Qt.TextElideMode.ElideRight, rect.width() + 0.5))


def text_width(text: str, pixels: int = LABEL_PIXELS, bold: bool = False) -> float:
    """Return the width of a text."""
    return QFontMetricsF(plot_font(pixels, bold=bold)).horizontalAdvance(text)


def ends(colours: PlotColours) -> tuple[str, str]:
    """Return the strongest colours for values below and above 0."""
    return _ENDS[colours.dark]


def diverging(colours: PlotColours, share: float) -> QColor:
    """Return the colour of a value from −1 to 1: blue below 0, orange above it, the page at 0."""
    size = min(abs(share), 1.0)
    return blend(ends(colours)[share > 0], colours.background, size)


@lru_cache(maxsize=8)
def diverging_table(colours: PlotColours) -> tuple[int, ...]:
    """Return the colour of each of the levels 0 to 254 from −1 to 1, and of no value."""
    found = [diverging(colours, (level - 127) / 127).rgba() for level in range(NO_LEVEL)]
    return (*found, blend(colours.muted, colours.background, 0.22).rgba())


def diverging_levels(values: NDArray[Any], scale: float) -> NDArray[np.uint8]:
    """Return the levels of values from −scale to scale; what is not a number is drawn as 0."""
    levels = values * np.float32(127 / scale)
    levels += np.float32(127.5)
    np.nan_to_num(levels, copy=False, nan=127.5)
    return np.clip(levels, 0, 254, out=levels).astype(np.uint8)


def indexed(levels: NDArray[np.uint8], table: tuple[int, ...]) -> QImage:
    """Return levels (rows, columns) as a picture of one dot each."""
    rows, columns = levels.shape
    content = np.ascontiguousarray(levels).tobytes()
    image = QImage(content, columns, rows, columns, QImage.Format.Format_Indexed8)
    image.setColorTable(table)
    return image.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)  # drawn seven times as fast


def draw_scale(
    painter: QPainter, rect: QRectF, stops: list[tuple[float, QColor]], words: tuple[str, ...], colours: PlotColours
) -> None:
    """Draw a bar of colours from left to right in the upper part of a rectangle, words evenly below it."""
    bar = QRectF(rect.left(), rect.top(), rect.width(), 9.0)
    ramp = QLinearGradient(bar.left(), 0.0, bar.right(), 0.0)
    for share, colour in stops:
        ramp.setColorAt(share, colour)
    painter.fillRect(bar, ramp)
    painter.setPen(QPen(QColor(colours.muted), 1.0))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(bar)
    for number, word in enumerate(words):
        middle = bar.left() + number / (len(words) - 1) * bar.width()
        place = QRectF(middle - 60.0, bar.bottom() + 1.0, 120.0, 15.0)
        write(painter, place, word, colours.muted, CENTRE, TICK_PIXELS)


def draw_cross(painter: QPainter, rect: QRectF, colour: QColor) -> None:
    """Cross something out."""
    painter.setPen(QPen(colour, 1.2))
    painter.drawLine(rect.topLeft(), rect.bottomRight())
    painter.drawLine(QPointF(rect.left(), rect.bottom()), QPointF(rect.right(), rect.top()))


def probability_text(value: float) -> str:
    """Return `98 %`; a share that is not certain is never said to be."""
    if not np.isfinite(value):
        return "–"
    percent = 100 * float(value)
    if percent == 100:
        return "100 %"
    return "> 99.9 %" if percent >= 99.95 else f"{percent:.1f} %" if percent >= 99 else f"{percent:.0f} %"
