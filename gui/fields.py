"""Inputs for one value each, over Qt's own: what is entered is reported raw, as text or value, and judged elsewhere.

All share one contract: `entered` carries what the user gave; `show_value` shows a value without a signal; `pending`
tells whether something is typed that was not taken. None of them clamps: a wrong value must be seen to be refused.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeySequence, QPainter, QPalette, QValidator
from PySide6.QtWidgets import QAbstractSpinBox, QCheckBox, QComboBox, QDoubleSpinBox, QLineEdit, QSpinBox, QWidget

from core.parameters import Kind, Parameter, Scale
from gui.widgets import CalmWheel, OwnKeys, flag, row_of

if TYPE_CHECKING:
    from PySide6.QtCore import QPoint
    from PySide6.QtGui import QFocusEvent, QKeyEvent, QPaintEvent

_INT_LIMIT = 2**31 - 1
_HUGE = 1e300
_DECIMALS = 30  # of QDoubleSpinBox's own rounding; what is shown has as many digits as the value needs
HEIGHT = 28
_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
if TYPE_CHECKING:
    _Base = QAbstractSpinBox
else:
    _Base = object


def field_for(parameter: Parameter, parent: QWidget | None = None) -> Any:
    """Return the input for a parameter's kind, named after its key."""
    made: Any = _FIELDS[_kind(parameter)](parameter, parent)
    made.setObjectName(parameter.key)
    made.setFixedHeight(HEIGHT)
    return made


def _kind(parameter: Parameter) -> Kind:
    """Return the kind of input: whole numbers beyond a spin box's 32 bits are edited as text."""
    if parameter.kind is Kind.INT and not -_INT_LIMIT <= parameter.low <= parameter.high <= _INT_LIMIT:
        return Kind.INTS
    return parameter.kind


def nice_step(value: float, steps: int) -> float:
    """Return the value `steps` further along 1, 2, 5, 10, …: what an arrow key does on a log scale."""
    series = (1.0, 2.0, 5.0)
    if value <= 0:
        return value
    for _ in range(abs(steps)):
        exponent = math.floor(math.log10(value) + 1e-9)
        ladder = [float(f"{digit:g}e{exponent + shift}") for shift in (-1, 0, 1) for digit in series]
        above = [rung for rung in ladder if rung > value * (1 + 1e-9)]
        below = [rung for rung in ladder if rung < value * (1 - 1e-9)]
        value = above[0] if steps > 0 else below[-1]
    return value


class _Typed(OwnKeys):
    """Mixin: undo and redo are the text's only while something is typed; else the panel's, for parameters."""

    def pending(self) -> bool:
        """Whether there is text that is not the value."""
        raise NotImplementedError

    def event(self, event: QEvent) -> bool:
        """Leave undo and redo to a shortcut where there is no typing to undo."""
        if event.type() == QEvent.Type.ShortcutOverride and not self.pending():
            keys = cast("QKeyEvent", event)
            if keys.matches(QKeySequence.StandardKey.Undo) or keys.matches(QKeySequence.StandardKey.Redo):
                event.ignore()
                return True
        return super().event(event)


class _Spin(_Typed, CalmWheel, _Base):
    """What number boxes share: free typing, taken on Enter or when the keyboard leaves; wrong text stays to be seen."""

    entered: Any
    _parameter: Parameter
    _held: str | None = None  # text that was entered and not (yet) accepted

    def _prepare(self) -> None:
        self.setKeyboardTracking(False)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.lineEdit().setTextMargins(5, 0, 5, 0)  # the style sheet's padding does not reach it
        self.valueChanged.connect(self._report)  # type: ignore[attr-defined]

    def pending(self) -> bool:
        """Whether there is text that is not the value."""
        return self._held is not None or self.lineEdit().isModified()

    def show_value(self, value: Any) -> None:
        """Show a value, in place of anything typed."""
        self._held = None
        self.blockSignals(True)
        self.setValue(value)  # type: ignore[attr-defined]
        self.lineEdit().setText(self.textFromValue(value))
        self.blockSignals(False)

    def textFromValue(self, value: Any) -> str:
        """Write a value with as few digits as tell it from others, or leave what was refused."""
        return self._parameter.text(value) if self._held is None else self._held

    def validate(self, text: str, position: int, /) -> tuple[QValidator.State, str, int]:
        """Let anything be typed; the parameter judges it when it is entered."""
        return QValidator.State.Acceptable, text, position

    def stepBy(self, steps: int) -> None:
        """Go on along the scale, within the range, from what is typed if it can be used."""
        self._take_text()
        self._held = None
        low, high = self._parameter.low, self._parameter.high
        self.setValue(type(self.value())(min(max(self._stepped(steps), low), high)))  # type: ignore[attr-defined]

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Take the text on Enter."""
        if event.key() in _ENTER:
            self._take_text()
        super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Take the text when the keyboard leaves."""
        self._take_text()
        super().focusOutEvent(event)

    def _take_text(self) -> None:
        line = self.lineEdit()
        if line.isModified():
            self._held = line.text()
            line.setModified(False)
            self.entered.emit(self._held)

    def _report(self, value: float) -> None:
        self.entered.emit(value)

    def _stepped(self, steps: int) -> float:
        raise NotImplementedError


class FloatBox(_Spin, QDoubleSpinBox):
    """A number that may be written as `1e-4`; arrow keys step 1, 2, 5 on a log scale, a hundredth of a linear one."""

    entered = Signal(object)

    def __init__(self, parameter: Parameter, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._parameter = parameter
        self.setDecimals(_DECIMALS)
        self.setRange(-_HUGE, _HUGE)
        self._prepare()

    def valueFromText(self, text: str) -> float:
        """Read a number; the present value stands where the text is none."""
        try:
            return float(text) if self._held is None else self.value()
        except ValueError:
            return self.value()

    def _stepped(self, steps: int) -> float:
        value, parameter = self.value(), self._parameter
        if parameter.scale is Scale.LOG and value > 0:
            return nice_step(value, steps)
        span = parameter.high - parameter.low
        step = 10 ** math.floor(math.log10(span / 50)) if math.isfinite(span) and span > 0 else 1.0
        return float(f"{round(value / step) * step + steps * step:.10g}")


class IntBox(_Spin, QSpinBox):
    """A whole number."""

    entered = Signal(object)

    def __init__(self, parameter: Parameter, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._parameter = parameter
        self.setRange(-_INT_LIMIT, _INT_LIMIT)
        self._prepare()

    def show_arrows(self, shown: bool) -> None:
        """Have small arrows, or none where a slider does their work; the style sheet draws them."""
        flag(self, "arrows", shown)

    def valueFromText(self, text: str) -> int:
        """Read a whole number; the present value stands where the text is none."""
        try:
            return int(text) if self._held is None else self.value()
        except ValueError:
            return self.value()

    def _stepped(self, steps: int) -> float:
        if self._parameter.scale is Scale.LOG and abs(steps) > 1:
            return round(nice_step(self.value(), int(math.copysign(1, steps))))
        return self.value() + steps


class Switch(OwnKeys, QCheckBox):
    """On or off, drawn as a switch."""

    entered = Signal(object)
    own_keys = (Qt.Key.Key_Space,)

    def __init__(self, parameter: Parameter, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.toggled.connect(self._report)

    def pending(self) -> bool:
        """Never: a switch has no text."""
        return False

    def show_value(self, value: Any) -> None:
        """Show on or off."""
        self.blockSignals(True)
        self.setChecked(value)
        self.blockSignals(False)

    def sizeHint(self) -> QSize:
        """Be as large as is drawn."""
        return QSize(38, HEIGHT)

    def minimumSizeHint(self) -> QSize:
        """Do not shrink."""
        return self.sizeHint()

    def hitButton(self, pos: QPoint) -> bool:
        """Take a click anywhere."""
        return self.rect().contains(pos)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw a track with a knob at one end, and a ring around it for the keyboard."""
        role = QPalette.ColorRole
        on, usable, colour = self.isChecked(), self.isEnabled(), self.palette().color
        track = QRectF(3.5, 5.5, 32, 17)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ring = self.hasFocus() or not on
        painter.setPen(colour(role.Link if self.hasFocus() else role.PlaceholderText) if ring else Qt.PenStyle.NoPen)
        painter.setBrush(colour((role.Highlight if on else role.Base) if usable else role.Mid))
        painter.drawRoundedRect(track, 8.5, 8.5)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(track.adjusted(-2, -2, 2, 2), 10.5, 10.5)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour(role.HighlightedText if on else role.PlaceholderText))
        painter.drawEllipse(QRectF(track.right() - 14.5 if on else track.left() + 3, track.top() + 3, 11, 11))
        painter.end()

    def _report(self, on: bool) -> None:
        self.entered.emit(on)


class Combo(_Typed, CalmWheel, QComboBox):
    """One of several names; also a name of one's own where the parameter takes more than its choices."""

    entered = Signal(object)
    own_keys = (Qt.Key.Key_Space, Qt.Key.Key_Home, Qt.Key.Key_End, Qt.Key.Key_Up, Qt.Key.Key_Down)

    def __init__(self, parameter: Parameter, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumContentsLength(6)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.addItems(list(parameter.choices))
        self.setMaxVisibleItems(16)
        self.view().setTextElideMode(Qt.TextElideMode.ElideNone)
        self._value = ""
        if parameter.kind is Kind.NAME:
            self.setEditable(True)
            self.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
            cast("QLineEdit", self.lineEdit()).editingFinished.connect(self._enter)
        self.currentIndexChanged.connect(self._enter)

    def pending(self) -> bool:
        """Whether there is text that is not the value."""
        return self.currentText() != self._value

    def show_value(self, value: Any) -> None:
        """Show a name, whether it is one of the choices or not."""
        self._value = value
        self.blockSignals(True)
        self.setCurrentIndex(self.findText(value))
        line = self.lineEdit()
        if line is not None:
            line.setText(value)
            line.setCursorPosition(0)
        self.blockSignals(False)

    def showPopup(self) -> None:
        """Open a list as wide as its longest name."""
        self.view().setMinimumWidth(self.view().sizeHintForColumn(0) + 24)
        super().showPopup()

    def _enter(self) -> None:
        if self.pending():
            self.entered.emit(self.currentText())


class TextField(_Typed, QLineEdit):
    """A value written as text, such as `100,100,100`."""

    entered = Signal(object)

    def __init__(self, parameter: Parameter, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._parameter, self._shown = parameter, ""
        self.setMinimumWidth(40)
        self.editingFinished.connect(self._enter)

    def pending(self) -> bool:
        """Whether there is text that is not the value."""
        return self.text() != self._shown

    def show_value(self, value: Any) -> None:
        """Show a value, in place of anything typed."""
        self._shown = self._parameter.text(value)
        self.setText(self._shown)
        self.setCursorPosition(0)

    def _enter(self) -> None:
        if self.pending():
            self.entered.emit(self.text())


class PointField(QWidget):
    """Two numbers x and y, named `<key>.x` and `<key>.y`, entered together."""

    entered = Signal(object)

    def __init__(self, parameter: Parameter, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._value: tuple[float, float] = (0.0, 0.0)
        self.boxes = FloatBox(parameter, self), FloatBox(parameter, self)
        for box, name in zip(self.boxes, "xy", strict=True):
            box.setObjectName(f"{parameter.key}.{name}")
            box.setMinimumWidth(48)
            box.setFixedHeight(HEIGHT)
            box.setSizePolicy(box.sizePolicy().Policy.Ignored, box.sizePolicy().Policy.Fixed)
            box.entered.connect(self._enter)
        self.setLayout(row_of(*self.boxes, spacing=4))
        self.setFocusProxy(self.boxes[0])

    def pending(self) -> bool:
        """Whether there is text that is not the value."""
        return any(box.pending() for box in self.boxes)

    def show_value(self, value: Any) -> None:
        """Show both numbers."""
        for box, part in zip(self.boxes, value, strict=True):
            box.show_value(part)

    def setAccessibleName(self, name: str) -> None:
        """Name both boxes too."""
        super().setAccessibleName(name)
        for box, letter in zip(self.boxes, "xy", strict=True):
            box.setAccessibleName(f"{name} {letter}")

    def _enter(self) -> None:
        self.entered.emit(",".join(box.lineEdit().text() for box in self.boxes))


_FIELDS: dict[Kind, Any] = {
    Kind.FLOAT: FloatBox,
    Kind.INT: IntBox,
    Kind.BOOL: Switch,
    Kind.CHOICE: Combo,
    Kind.NAME: Combo,
    Kind.INTS: TextField,
    Kind.NAMES: TextField,
    Kind.POINT: PointField,
}
