"""A sheet to draw one image on, with the mouse or the keyboard; what a network is to see of it is `image()`.

Each stroke, and whatever else changes the sheet at once, is one edit that its owner can put on the undo stack.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, cast

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from core.drawing import FINE, blank, centred, draw, enlarged, small
from gui import theme
from gui.data_parts import draw_image, fitted, image_of
from gui.plots import LABEL_PIXELS, TITLE_PIXELS, blend, plot_font
from gui.widgets import OwnKeys

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QPaintEvent

    from gui.theme import Theme

_STEPS = {
    Qt.Key.Key_Left: (0.0, -1.0),
    Qt.Key.Key_Right: (0.0, 1.0),
    Qt.Key.Key_Up: (-1.0, 0.0),
    Qt.Key.Key_Down: (1.0, 0.0),
}
_PEN = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
_CLEAR = (Qt.Key.Key_Delete, Qt.Key.Key_Backspace)
_HELD = (Qt.Key.Key_Control, Qt.Key.Key_Alt, Qt.Key.Key_Shift, Qt.Key.Key_Meta)
_DIGITS = {Qt.Key(Qt.Key.Key_0 + digit): digit for digit in range(10)}
_HOW = "Draw here with the mouse:\nleft draws, right erases"
_LINE, _TWO_LINES = 17.0, 34.0
_HOW_INSTEAD = "Draw your own: left draws, right erases"


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """What is on the sheet: its paper (see `core.drawing`), and the image that it was, while nothing is drawn on it.

    An `example` was put there by nobody: the first stroke takes its place.
    """

    paper: NDArray[np.uint8]
    given: NDArray[np.uint8] | None = None
    example: bool = False

    @property
    def blank(self) -> bool:
        """Whether nothing is on it."""
        return not self.paper.any()


class Canvas(OwnKeys, QWidget):
    """`changed` comes whenever the image may be another, `edited(text, before, after)` when an edit is complete.

    `asked_for(digit)` comes when an example of a class is wanted, as by its key.
    """

    changed = Signal()
    edited = Signal(str, object, object)
    asked_for = Signal(int)
    own_keys: ClassVar[tuple[Qt.Key, ...]] = (*_STEPS, *_PEN, *_CLEAR, *_DIGITS, Qt.Key.Key_X)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        self._theme = theme.current()
        self._shape = 28, 28
        self._now = Drawn(blank(self._shape))
        self._centre, self._erases, self._down = True, False, False
        self._pen = self._shape[0] / 2, self._shape[1] / 2  # the keyboard's place, (row, column)
        self._last: tuple[float, float] | None = None  # where the mouse was in this stroke
        self._before: Drawn | None = None  # what was there before the stroke in hand

    def sizeHint(self) -> QSize:
        """Ask for ten dots a pixel of a digit."""
        return QSize(284, 284)

    def minimumSizeHint(self) -> QSize:
        """Stay large enough to draw on."""
        return QSize(150, 150)

    def set_theme(self, found: Theme) -> None:
        """Draw in this look."""
        self._theme = found
        self.update()

    def event(self, event: QEvent) -> bool:
        """Leave keys with Ctrl or Alt to the window: a digit alone is the canvas's, Ctrl and a digit open a panel.

        The stroke in hand ends before, so that undo takes it back.
        """
        if event.type() == QEvent.Type.ShortcutOverride:
            keys = cast("QKeyEvent", event)
            if keys.modifiers() & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier):
                if keys.key() not in _HELD:
                    self._end_stroke()
                event.ignore()
                return True
        return super().event(event)

    # What is on it.

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the image."""
        return self._shape

    def set_shape(self, shape: tuple[int, int]) -> None:
        """Make images of (rows, columns); what was drawn for others goes."""
        if shape != self._shape:
            self._shape, self._pen = shape, (shape[0] / 2, shape[1] / 2)
            self.show_drawn(Drawn(blank(shape)))

    def drawn(self) -> Drawn:
        """Return what is on the sheet."""
        return self._now

    def show_drawn(self, found: Drawn) -> None:
        """Show a sheet instead of what is there and of the stroke in hand; one for another size is left out."""
        if found.paper.shape == (FINE * self._shape[0], FINE * self._shape[1]):
            self._before, self._last, self._down = None, None, False  # it would go on in what others keep
            self._now = found
            self._tell()

    def image(self) -> NDArray[np.uint8] | None:
        """Return the image that the networks get, (rows, columns); None of an empty sheet."""
        if self._now.blank:
            return None
        if self._now.given is not None:
            return self._now.given
        return centred(self._now.paper) if self._centre else small(self._now.paper)

    @property
    def centred(self) -> bool:
        """Whether drawings are fitted into the middle."""
        return self._centre

    def set_centred(self, wanted: bool) -> None:
        """Fit drawings into the middle as MNIST's were, or leave them where they are."""
        self._centre = wanted
        self._tell()

    def show_image(self, image: NDArray[np.uint8], text: str) -> None:
        """Put an image on the sheet, as one edit; until something is drawn on it, it is used as it is."""
        self._replace(text, Drawn(enlarged(image), image))

    def clear(self) -> None:
        """Empty the sheet, as one edit."""
        if not self._now.blank:
            self._replace("clear the drawing", Drawn(blank(self._shape)))

    def _replace(self, text: str, after: Drawn) -> None:
        self._end_stroke()
        before = self._now
        self.show_drawn(after)
        self.edited.emit(text, before, after)

    def _tell(self) -> None:
        self.changed.emit()
        self.update()

    # Strokes.

    def _begin_stroke(self, erases: bool) -> None:
        self._end_stroke()
        self._before, self._erases = self._now, erases
        anew = self._now.example and not erases
        self._now = Drawn(blank(self._shape) if anew else self._now.paper.copy())

    def _stroke(self, start: tuple[float, float], end: tuple[float, float], erase: bool) -> None:
        draw(self._now.paper, start, end, erase)
        self._tell()

    def _end_stroke(self) -> None:
        before, self._before, self._last = self._before, None, None
        self._down = False
        if before is not None:
            self.edited.emit("draw", before, self._now)
            self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin a stroke with a dot; the right button, or Shift, erases."""
        if event.button() not in (Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton):
            return
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        self._begin_stroke(shift or event.button() == Qt.MouseButton.RightButton)
        self._last = place = self._place(event.position())
        self._stroke(place, place, self._erases)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Draw on to where the mouse is."""
        if self._last is not None:
            place = self._place(event.position())
            self._stroke(self._last, place, self._erases)
            self._last = place

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End the stroke."""
        if self._last is not None:
            self._end_stroke()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move the pen, put it down or lift it, take the eraser, clear, or ask for an example."""
        key = Qt.Key(event.key())
        if key in _STEPS:
            self._move_pen(*_STEPS[key])
        elif key in _PEN or key == Qt.Key.Key_X:
            self._turn_pen(erase=key == Qt.Key.Key_X)
        elif key in _CLEAR:
            self.clear()
        elif key in _DIGITS:
            self.asked_for.emit(_DIGITS[key])
        else:
            super().keyPressEvent(event)

    def _turn_pen(self, erase: bool) -> None:
        """Put pen or eraser down, or lift it."""
        down = self._down
        self._end_stroke()
        if not down or erase is not self._erases:
            self._begin_stroke(erase)
            self._down = True
            self._stroke(self._pen, self._pen, erase)
        self.update()

    def _move_pen(self, down: float, right: float) -> None:
        row, column = self._pen
        place = min(max(row + down, 0.5), self._shape[0] - 0.5), min(max(column + right, 0.5), self._shape[1] - 0.5)
        if self._down:
            self._stroke(self._pen, place, self._erases)
        self._pen = place
        self.update()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the pen."""
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Lift the pen."""
        super().focusOutEvent(event)
        if self._down:
            self._end_stroke()
        self.update()

    # Places and painting.

    def rect_of_image(self) -> QRectF:
        """Return where the image is."""
        room = QRectF(self.rect()).adjusted(2, 2, -2, -2)
        rect = fitted(room, self._shape)
        rect.moveTop(room.top())
        return rect

    def _place(self, point: QPointF) -> tuple[float, float]:
        rect, (rows, columns) = self.rect_of_image(), self._shape
        row, column = (
            (point.y() - rect.top()) / rect.height() * rows,
            (point.x() - rect.left()) / rect.width() * columns,
        )
        return min(max(row, -rows), 2.0 * rows), min(max(column, -columns), 2.0 * columns)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the sheet, a light cross while it is empty, and the pen while the keyboard is here."""
        painter, rect, found = QPainter(self), self.rect_of_image(), self._theme
        painter.fillRect(rect, QColor(found.plot_background))
        self._draw_guides(painter, rect)
        if self._now.blank:
            painter.setFont(plot_font(TITLE_PIXELS))
            painter.setPen(QColor(found.muted))
            painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, _HOW)
        else:
            painter.setCompositionMode(_over(found))
            draw_image(painter, rect, image_of(self._now.paper, found))
            painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceOver)
        if self._now.example:
            painter.setFont(plot_font(LABEL_PIXELS))
            painter.setPen(QColor(found.muted))
            below = QRectF(rect.left(), rect.bottom(), rect.width(), self.height() - rect.bottom())
            if below.height() < _LINE:  # no room beside the image
                below = rect.adjusted(0.0, min(0.86 * rect.height(), rect.height() - _TWO_LINES), 0.0, 0.0)
            painter.drawText(below, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, _HOW_INSTEAD)
        painter.setPen(QPen(QColor(found.focus if self.hasFocus() else found.border), 2.0 if self.hasFocus() else 1.0))
        painter.drawRect(rect.adjusted(-0.5, -0.5, 0.5, 0.5))
        if self.hasFocus():
            self._draw_pen(painter, rect)
        painter.end()

    def _draw_guides(self, painter: QPainter, rect: QRectF) -> None:
        """Draw the box that MNIST's digits were fitted into."""
        side = min(rect.width(), rect.height()) * 20 / 28
        box = QRectF(0.0, 0.0, side, side)
        box.moveCenter(rect.center())
        pen = QPen(QColor(self._theme.plot_grid), 1.0)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(box)

    def _draw_pen(self, painter: QPainter, rect: QRectF) -> None:
        rows, columns = self._shape
        middle = QPointF(
            rect.left() + self._pen[1] / columns * rect.width(), rect.top() + self._pen[0] / rows * rect.height()
        )
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(self._theme.focus), 2.0))
        strength = 0.6 if self._down else 0.0
        ground = blend(self._theme.focus, self._theme.plot_background, strength)
        painter.setBrush(ground if self._down else Qt.BrushStyle.NoBrush)
        painter.drawEllipse(middle, 6.0, 6.0)


def _over(found: Theme) -> Any:
    """Return how ink lies on the page, so that what is below shines through where there is none."""
    modes = QPainter.CompositionMode
    return modes.CompositionMode_Lighten if found.dark else modes.CompositionMode_Darken
