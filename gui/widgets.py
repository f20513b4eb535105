"""Small widgets that several parts of the window share: icon button, slider, elided label.

A panel's shortcuts (Space, arrows, Home) must not take a key from the control that has the keyboard, and a wheel over
a control that has not must scroll what is around it. Both are settled here, once.
"""

from __future__ import annotations

import html
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, cast

from PySide6.QtCore import QEvent, QPointF, QRect, QSize, Qt
from PySide6.QtGui import QMouseEvent, QPainter
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QSlider,
    QStyle,
    QStyleOptionSlider,
    QToolButton,
    QWidget,
)

from gui import theme
from gui.reported import reported

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PySide6.QtGui import QKeyEvent, QPaintEvent, QResizeEvent, QWheelEvent
    from PySide6.QtWidgets import QStyleOptionComboBox

if TYPE_CHECKING:
    _Base = QWidget
else:
    _Base = object

_ARROW = 36  # what a combo box needs beside its name
_SLIDER_KEYS = (
    Qt.Key.Key_Left,
    Qt.Key.Key_Right,
    Qt.Key.Key_Up,
    Qt.Key.Key_Down,
    Qt.Key.Key_PageUp,
    Qt.Key.Key_PageDown,
    Qt.Key.Key_Home,
    Qt.Key.Key_End,
)


def tip(text: str) -> str:
    """Return a tooltip that wraps; plain text would make one long line."""
    return f"<qt>{html.escape(text)}</qt>".replace("\n", "<br>")


def flag(widget: QWidget, name: str, value: object) -> None:
    """Set a dynamic property that the style sheet selects by, and restyle if it changed."""
    if widget.property(name) != value:
        widget.setProperty(name, value)
        widget.style().unpolish(widget)
        widget.style().polish(widget)


class OwnKeys(_Base):
    """Mixin: while it has the keyboard, these keys are the widget's own and no shortcut's; Ctrl+E is always export's.

    On X11 a line edit would take Ctrl+E for a move to the end of the line.
    """

    own_keys: ClassVar[tuple[Qt.Key, ...]] = ()

    def __init_subclass__(cls, **given: Any) -> None:
        """Report what goes wrong in a handler: raised through `event`, PySide6 6.11 dies of it on Python 3.11.

        It reads the arguments of an exception that is none yet, as those that C raises (PepException_GetArgs).
        """
        super().__init_subclass__(**given)
        for name in [name for name in vars(cls) if name.endswith("Event")]:
            setattr(cls, name, reported(vars(cls)[name]))

    def event(self, event: QEvent) -> bool:
        """Claim the keys before shortcuts are looked up."""
        if event.type() == QEvent.Type.ShortcutOverride:
            keys = cast("QKeyEvent", event)
            if keys.key() == Qt.Key.Key_E and keys.modifiers() == Qt.KeyboardModifier.ControlModifier:
                event.ignore()
                return True
            if keys.key() in self.own_keys:
                event.accept()
                return True
        return super().event(event)


class CalmWheel(_Base):
    """Mixin: the wheel changes the value only while the widget has the keyboard."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave the wheel to whatever scrolls around an unfocused control."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


class IconButton(OwnKeys, QToolButton):
    """A flat button with one of our icons, in the colour (a field of the theme) it is given.

    Tab reaches it, a click does not take the keyboard: Space after a click still plays.
    """

    own_keys = (Qt.Key.Key_Space,)

    def __init__(
        self, name: str, label: str, size: int = 20, colour: str = "text", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._name, self._colour = name, colour
        self._drawn: tuple[str, str] = ("", "")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setIconSize(QSize(size, size))
        self.set_icon(name, label)

    def set_icon(self, name: str, label: str) -> None:
        """Show another icon, and say what a press does now."""
        self._name = name
        self.setToolTip(label)
        self.setAccessibleName(label)
        self._draw()

    def changeEvent(self, event: QEvent) -> None:
        """Draw the icon again in a new theme's colour."""
        if event.type() == QEvent.Type.PaletteChange:
            self._draw()
        super().changeEvent(event)

    def _draw(self) -> None:
        now = theme.current()
        if self._drawn != (self._name, now.name):  # a style sheet announces the same palette many times
            self._drawn = (self._name, now.name)
            self.setIcon(theme.icon(self._name, now, getattr(now, self._colour)))


class Stroke:
    """The present drag, by its number: what is changed in one stroke of the mouse is one step of undo."""

    number = 0
    _ending = False

    @classmethod
    def begin(cls) -> None:
        """Begin another drag."""
        cls.number += 1

    @classmethod
    @contextmanager
    def ending(cls) -> Iterator[None]:
        """Take what is changed while the button goes up for the end of the drag."""
        cls._ending = True
        try:
            yield
        finally:
            cls._ending = False

    @classmethod
    def now(cls) -> int | None:
        """Return the number of the drag under way; None between drags."""
        held = cls._ending or QApplication.mouseButtons() & Qt.MouseButton.LeftButton
        return cls.number if held else None


class Slider(OwnKeys, CalmWheel, QSlider):
    """A horizontal slider that goes where it is clicked."""

    own_keys = _SLIDER_KEYS

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Bring the handle to the mouse and press it there, also between two values: the press begins a drag."""
        Stroke.begin()
        place = event.position().toPoint()
        if event.button() == Qt.MouseButton.LeftButton and not self._handle().contains(place):
            self.setValue(self.value_at(place.x()))
            middle = QPointF(self._handle().center())
            event = QMouseEvent(
                event.type(), middle, event.globalPosition(), event.button(), event.buttons(), event.modifiers()
            )
        super().mousePressEvent(event)

    def _handle(self) -> QRect:
        option = QStyleOptionSlider()
        self.initStyleOption(option)
        control, part = QStyle.ComplexControl.CC_Slider, QStyle.SubControl.SC_SliderHandle
        return self.style().subControlRect(control, option, part, self)

    def value_at(self, x: int) -> int:
        """Return the value whose handle is centred on the pixel column `x`."""
        handle = self.style().pixelMetric(QStyle.PixelMetric.PM_SliderLength, None, self)
        span = max(1, self.width() - handle)
        return QStyle.sliderValueFromPosition(self.minimum(), self.maximum(), x - handle // 2, span)


class ElidedLabel(QLabel):
    """A label that takes the room there is.

    Where that is too little it shows `short` (if there is one), then that ending in …, and has the whole as tooltip.
    """

    def __init__(self, text: str = "", short: str = "", parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self._short, self._hint = short, ""

    def set_hint(self, hint: str) -> None:
        """Set what the tooltip says, below the whole text if that does not fit."""
        self._hint = hint
        self._explain()

    def setText(self, text: str) -> None:
        """Show a text, elided while painting."""
        super().setText(text)
        self._explain()

    def shown_text(self) -> str:
        """Return as much of the text as fits."""
        width, metrics = self.contentsRect().width(), self.fontMetrics()
        text = self.text() if metrics.horizontalAdvance(self.text()) <= width else self._short or self.text()
        return metrics.elidedText(text, Qt.TextElideMode.ElideRight, width)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Find out whether the text still fits."""
        super().resizeEvent(event)
        self._explain()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw as much of the text as fits."""
        painter = QPainter(self)
        flags, shown = int(self.alignment()), self.shown_text()
        rect, role = self.contentsRect(), self.foregroundRole()
        self.style().drawItemText(painter, rect, flags, self.palette(), self.isEnabled(), shown, role)
        painter.end()

    def _explain(self) -> None:
        whole = [self.text()] if self.shown_text() != self.text() else []
        lines = whole + [self._hint] * bool(self._hint)
        self.setToolTip(tip("\n".join(lines)) if lines else "")


class ElidedCombo(QComboBox):
    """A combo box that shows as much of a long name as fits; the style would cut through a letter."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        # A long name does not widen the column.
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)

    def initStyleOption(self, option: QStyleOptionComboBox) -> None:
        """Shorten the name."""
        super().initStyleOption(option)
        room = self.width() - _ARROW
        option.currentText = self.fontMetrics().elidedText(option.currentText, Qt.TextElideMode.ElideRight, room)


class Labelled(QWidget):
    """A field with its label before it, in line with others that have labels of this width."""

    def __init__(self, text: str, field: QWidget, width: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.label = QLabel(text, self)
        self.label.setFixedWidth(width)
        self.label.setBuddy(field)
        row = row_of(self.label, field, margins=(4, 0, 0, 0))
        row.setStretchFactor(field, 1)
        self.setLayout(row)


def row_of(*widgets: QWidget | int, spacing: int = 8, margins: tuple[int, int, int, int] = (0, 0, 0, 0)) -> QHBoxLayout:
    """Return a horizontal layout of widgets; a number is a stretch."""
    row = QHBoxLayout()
    row.setSpacing(spacing)
    row.setContentsMargins(*margins)
    for widget in widgets:
        row.addStretch(widget) if isinstance(widget, int) else row.addWidget(widget)
    return row
