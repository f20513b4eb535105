"""Images of a data set as one sees them: ink on the page in either look, one image large, the pixels never used.

0 is the page and 255 the strongest ink, so that digits are dark on light and light on dark.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QPainter, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui import theme
from gui.plots import blend
from gui.widgets import OwnKeys

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PySide6.QtCore import QEvent
    from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QPaintEvent, QResizeEvent

    from gui.theme import Theme

POINT_AT_A_PIXEL = "Point at a pixel, or go there with the arrow keys, to read its value."
_NET_FROM = 6  # device-independent pixels a pixel, from which on lines between them help more than they disturb
_ARROWS = {
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
}


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One image: its pixels (rows, columns), 0 to 255, whole numbers unless it is a mean, and what it is in words."""

    values: NDArray[Any]
    words: str


@lru_cache(maxsize=8)
def ink(found: Theme) -> tuple[int, ...]:
    """Return the colour of each of the values 0 to 255."""
    strongest = "#ffffff" if found.dark else "#10151c"
    return tuple(blend(strongest, found.plot_background, value / 255).rgb() for value in range(256))


def image_of(values: NDArray[Any], found: Theme) -> QImage:
    """Return pixels (rows, columns) of 0 to 255 as a picture of one dot each."""
    rows, columns = values.shape
    content = np.rint(values).astype(np.uint8).tobytes()
    image = QImage(content, columns, rows, columns, QImage.Format.Format_Indexed8)
    image.setColorTable(ink(found))
    return image.copy()  # its own bytes


def draw_image(painter: QPainter, rect: QRectF, image: QImage) -> None:
    """Draw a picture's dots as squares; one with fewer than two dots a pixel is smoothed."""
    scale = rect.width() / image.width()
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, scale < 2 and not scale.is_integer())
    painter.drawImage(rect, image)


def fitted(room: QRectF, shape: tuple[int, int]) -> QRectF:
    """Return where an image of (rows, columns) is in a room: centred, with whole dots a pixel from two on."""
    rows, columns = shape
    scale = min(room.width() / columns, room.height() / rows)
    scale = float(int(scale)) if scale >= 2 else max(scale, 0.01)
    width, height = scale * columns, scale * rows
    left, top = room.left() + (room.width() - width) / 2, room.top() + (room.height() - height) / 2
    return QRectF(round(left), round(top), width, height)


class Pixels(OwnKeys, QWidget):
    """One image as large as there is room; `read` says the pixel under the mouse, or under the keyboard's cursor."""

    read = Signal(str)
    own_keys: ClassVar[tuple[Qt.Key, ...]] = tuple(_ARROWS)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._theme, self._picture = theme.current(), Picture(np.zeros((28, 28), np.uint8), "")
        self._at: tuple[int, int] | None = None  # row and column of the pixel that is read

    def sizeHint(self) -> QSize:
        """Ask for ten dots a pixel of a digit."""
        return QSize(282, 282)

    def minimumSizeHint(self) -> QSize:
        """Stay readable."""
        return QSize(140, 60)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Take no more height than the image fills at this width."""
        self._bound_height()

    def set_theme(self, found: Theme) -> None:
        """Draw in this look."""
        self._theme = found
        self.update()

    def show_picture(self, picture: Picture) -> None:
        """Show an image; what is read stays the same pixel if there is one."""
        if picture.values.shape != self._picture.values.shape:
            self._at = None
        self._picture = picture
        self._bound_height()
        self.setAccessibleDescription(picture.words)
        self._say()

    def picture(self) -> Picture:
        """Return the image that is shown."""
        return self._picture

    def place(self, row: int, column: int) -> QPoint:
        """Return the middle of a pixel in the widget."""
        rect, (rows, columns) = self._rect(), self._picture.values.shape
        x = rect.left() + (column + 0.5) * rect.width() / columns
        return QPoint(int(x), int(rect.top() + (row + 0.5) * rect.height() / rows))

    def _bound_height(self) -> None:
        rows, columns = self._picture.values.shape
        self.setMaximumHeight(max(60, min(self.width(), self.width() * rows // columns)))

    def _rect(self) -> QRectF:
        rect = fitted(QRectF(self.rect()).adjusted(2, 2, -2, -2), self._picture.values.shape)
        rect.moveTopLeft(QPointF(2.0, 2.0))
        return rect

    # Mouse and keys.

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Read the pixel under the mouse."""
        self._go(self._pixel_at(event.position()))

    def leaveEvent(self, event: QEvent) -> None:
        """Read nothing any more, unless the keyboard is here."""
        if not self.hasFocus():
            self._go(None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go to a neighbour; from nowhere, to the middle."""
        step = _ARROWS.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
            return
        rows, columns = self._picture.values.shape
        if self._at is None:
            self._go((rows // 2, columns // 2))
            return
        row, column = self._at[0] + step[0], self._at[1] + step[1]
        self._go((min(max(row, 0), rows - 1), min(max(column, 0), columns - 1)))

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show where the keyboard is."""
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Take the keyboard's cursor away."""
        super().focusOutEvent(event)
        self._go(None)
        self.update()

    def _pixel_at(self, point: QPointF) -> tuple[int, int] | None:
        rect, (rows, columns) = self._rect(), self._picture.values.shape
        if not rect.contains(point):
            return None
        row = int((point.y() - rect.top()) / rect.height() * rows)
        column = int((point.x() - rect.left()) / rect.width() * columns)
        return min(row, rows - 1), min(column, columns - 1)

    def _go(self, at: tuple[int, int] | None) -> None:
        if at != self._at:
            self._at = at
            self._say()

    def _say(self) -> None:
        self.read.emit(self._reading())
        self.update()

    def _reading(self) -> str:
        if self._at is None:
            return POINT_AT_A_PIXEL
        value = self._picture.values[self._at]
        text = f"{value}" if isinstance(value, np.integer) else f"{value:.1f}"
        return "row {}, column {}: {}".format(*self._at, text)

    # Painting.

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the image, lines between its pixels, and a frame around the one that is read."""
        painter, rect = QPainter(self), self._rect()
        draw_image(painter, rect, image_of(self._picture.values, self._theme))
        self._draw_net(painter, rect)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(self._theme.focus if self.hasFocus() else self._theme.border), 1.0))
        painter.drawRect(rect.adjusted(-0.5, -0.5, 0.5, 0.5))
        if self._at is not None:
            self._draw_cursor(painter, rect, *self._at)
        painter.end()

    def _draw_net(self, painter: QPainter, rect: QRectF) -> None:
        rows, columns = self._picture.values.shape
        step = rect.width() / columns
        if step < _NET_FROM:
            return
        line = QColor(self._theme.plot_foreground)
        line.setAlphaF(0.13)
        painter.setPen(QPen(line, 1.0))
        for column in range(1, columns):
            x = rect.left() + column * step + 0.5
            painter.drawLine(QPointF(x, rect.top()), QPointF(x, rect.bottom()))
        for row in range(1, rows):
            y = rect.top() + row * step + 0.5
            painter.drawLine(QPointF(rect.left(), y), QPointF(rect.right(), y))

    def _draw_cursor(self, painter: QPainter, rect: QRectF, row: int, column: int) -> None:
        rows, columns = self._picture.values.shape
        width, height = rect.width() / columns, rect.height() / rows
        painter.setPen(QPen(QColor(self._theme.focus), 2.0))
        painter.drawRect(QRectF(rect.left() + column * width, rect.top() + row * height, width, height))


class Mask(QWidget):
    """The pixels that no image uses, in a colour of their own, around the mean of all images."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedSize(116, 116)
        self.setAccessibleName("pixels never used")
        self._theme = theme.current()
        self._mean, self._unused = np.zeros((1, 1), np.float32), np.zeros((1, 1), np.bool_)

    def set_theme(self, found: Theme) -> None:
        """Draw in this look."""
        self._theme = found
        self.update()

    def show_mask(self, mean: NDArray[np.float32], unused: NDArray[np.bool_]) -> None:
        """Show which pixels (rows, columns) are unused, over the mean image of the same shape."""
        self._mean, self._unused = mean, unused
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the mean, and the mask over it."""
        painter, room = QPainter(self), QRectF(self.rect()).adjusted(1, 1, -1, -1)
        rect = fitted(room, self._mean.shape)
        draw_image(painter, rect, image_of(self._mean, self._theme))
        draw_image(painter, rect, self._mask_image())
        painter.setPen(QPen(QColor(self._theme.border), 1.0))
        painter.drawRect(rect.adjusted(-0.5, -0.5, 0.5, 0.5))
        painter.end()

    def _mask_image(self) -> QImage:
        rows, columns = self._unused.shape
        dots = np.where(self._unused, QColor(self._theme.accent).rgb(), 0).astype(np.uint32)
        return QImage(dots.tobytes(), columns, rows, 4 * columns, QImage.Format.Format_ARGB32).copy()
