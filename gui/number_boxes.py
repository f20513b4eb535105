"""Boxes for one number, over Qt's own: free typing, taken on Enter; never clamped, as `gui/fields.py` has it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QKeySequence, QValidator
from PySide6.QtWidgets import QAbstractSpinBox, QDoubleSpinBox, QSpinBox

from core.parameters import Parameter, Scale
from gui.widgets import CalmWheel, OwnKeys, flag

if TYPE_CHECKING:
    from PySide6.QtGui import QFocusEvent, QKeyEvent
    from PySide6.QtWidgets import QWidget

LARGEST_INT = 2**31 - 1
_HUGE = 1e300
_DECIMALS = 30  # of QDoubleSpinBox's own rounding; what is shown has as many digits as the value needs
_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
if TYPE_CHECKING:
    _Base = QAbstractSpinBox
else:
    _Base = object


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


class Typed(OwnKeys):
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


class _Spin(Typed, CalmWheel, _Base):
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
        self.setRange(-LARGEST_INT, LARGEST_INT)
        self._prepare()

    def show_arrows(self, shown: bool) -> None:
        """Have small arrows, or none where a slider does their work; the style sheet draws them."""
        flag(self, "arrows", shown)

    def valueFromText(self, text: str) -> int:
        """Read a whole number, as far as Qt can hold it; the present value stands where the text is none."""
        try:
            return max(-LARGEST_INT, min(LARGEST_INT, int(text))) if self._held is None else self.value()
        except ValueError:
            return self.value()

    def _stepped(self, steps: int) -> float:
        if self._parameter.scale is Scale.LOG and abs(steps) > 1:
            return round(nice_step(self.value(), int(math.copysign(1, steps))))
        return self.value() + steps
