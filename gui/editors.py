"""One row for one declared parameter: label, input, slider, reset button, and the reason where a value is refused.

The parameter's own `check` judges every value. A refused one stays visible with its reason; the last good value stays
in force until another good one comes, and Esc or the reset button brings it back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from core.parameters import Kind, Parameter, ParameterError
from gui.chips import Chips
from gui.fields import field_for
from gui.formula_field import FormulaField
from gui.number_boxes import IntBox
from gui.tracks import track_of
from gui.widgets import ElidedLabel, IconButton, Slider, Stroke, flag, row_of, tip

if TYPE_CHECKING:
    from PySide6.QtGui import QKeyEvent

_FIELD_WIDTHS = {Kind.FLOAT: 88, Kind.INT: 88, Kind.BOOL: 38}
_WIDE_FIELD = 140


class Editor(QWidget):
    """The row. The input in it carries the key as objectName; its slider is `<key>:slider`, its button `<key>:reset`.

    `edited` carries key and checked value when the user gave another good value.
    """

    edited = Signal(str, object)

    def __init__(self, parameter: Parameter, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.parameter = parameter
        self._good: Any = parameter.default
        self._before: Any = parameter.default  # what the slider was taken from
        self._stroke = Stroke.number
        self.field = field_for(parameter, self)
        self._below = isinstance(self.field, (Chips, FormulaField))  # the input has lines of its own
        self._track = track_of(parameter)
        self.slider = self._make_slider() if self._track else None
        self.reset = IconButton("reset", "", 16, "muted", self)
        self._reason = QLabel(self)
        self._reason.setWordWrap(True)
        self._label = ElidedLabel(_titled(parameter), parameter.label, self)
        self._set_up()
        self._lay_out()
        self.redeclare(parameter)
        self.set_value(parameter.default)

    def value(self) -> Any:
        """Return the value in force: the last good one."""
        return self._good

    def set_value(self, value: Any) -> None:
        """Show a value without a signal; raises ParameterError for one that the parameter does not take."""
        self._good = self.parameter.check(value)
        self.field.show_value(self._good)
        self._after_good()
        self._place_slider()

    def redeclare(self, parameter: Parameter) -> None:
        """Take the same declaration with another default."""
        self.parameter = parameter
        self.reset.set_icon("reset", f"Reset to {parameter.said(parameter.default)}")
        self.reset.setAccessibleName(f"reset {parameter.label}")
        self.reset.setVisible(bool(self.refusal()) or self._good != parameter.default)

    def refusal(self) -> str:
        """Return the reason shown for a refused value; empty while there is none."""
        return "" if self._reason.isHidden() else self._reason.text()

    def restore(self) -> None:
        """Put the last good value back into the input."""
        self.set_value(self._good)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Restore on Esc, if there is something to restore; else leave Esc to others."""
        if event.key() == Qt.Key.Key_Escape and (self.field.pending() or self.refusal()):
            self.restore()
        else:
            super().keyPressEvent(event)

    def _take(self, raw: object) -> None:
        """Judge what was entered, as text or as a value."""
        try:
            value = self.parameter.parse(raw) if isinstance(raw, str) else self.parameter.check(raw)
        except ParameterError as error:
            self._refuse(error)
            return
        changed = value != self._good
        self.set_value(value)
        if changed:
            self.edited.emit(self.parameter.key, value)

    def _slide(self, position: int) -> None:
        """Take the slider's value but leave the slider where the hand has it.

        A whole drag starts from the value before it: parts that it takes away come back when it returns.
        """
        assert self._track is not None and self.slider is not None
        if self._stroke != Stroke.number or not self.slider.isSliderDown():
            self._before, self._stroke = self._good, Stroke.number
        value = self.parameter.check(self._track.moved(position, self._before))
        changed, self._good = value != self._good, value
        self.field.show_value(value)
        self._after_good()
        if changed:
            self.edited.emit(self.parameter.key, value)

    def _reset(self) -> None:
        changed = self._good != self.parameter.default
        self.set_value(self.parameter.default)
        if changed:
            self.edited.emit(self.parameter.key, self._good)

    def _refuse(self, error: ParameterError) -> None:
        self._reason.setText(f"Not used; allowed: {error.allowed}")
        self._reason.show()
        self.field.setAccessibleDescription(str(error))
        self.reset.show()
        self._mark(True)

    def _after_good(self) -> None:
        self._reason.hide()
        self.field.setAccessibleDescription(self._help())
        self.reset.setVisible(self._good != self.parameter.default)
        self._mark(False)

    def _mark(self, refused: bool) -> None:
        for part in getattr(self.field, "boxes", (self.field,)):
            flag(part, "refused", refused)

    def _place_slider(self) -> None:
        if self.slider and self._track and self._track.moved(self.slider.value(), self._good) != self._good:
            self.slider.blockSignals(True)
            self.slider.setValue(self._track.position(self._good))
            self.slider.blockSignals(False)

    def _make_slider(self) -> Slider:
        assert self._track is not None
        slider = Slider(self)
        slider.setObjectName(f"{self.parameter.key}:slider")
        name, hint = self._track.words(self.parameter.label)
        slider.setAccessibleName(name)
        slider.setToolTip(tip(hint) if hint else "")
        first, last = self._track.ends
        slider.setRange(first, last)
        slider.setSingleStep(self._track.coarse)
        slider.setPageStep(max(self._track.coarse, (last - first) // 10))
        slider.valueChanged.connect(self._slide)
        return slider

    def _help(self) -> str:
        return f"{self.parameter.doc}. Allowed: {self.parameter.allowed}."

    def _set_up(self) -> None:
        self.field.setAccessibleName(self.parameter.label)
        self.field.setToolTip(
            tip(f"{self.parameter.doc}\nAllowed: {self.parameter.allowed}\nKey: {self.parameter.key}")
        )
        self.field.entered.connect(self._take)
        if isinstance(self.field, IntBox):
            self.field.show_arrows(self.slider is None)
        if not self._below:
            self.field.setFixedWidth(_FIELD_WIDTHS.get(self.parameter.kind, _WIDE_FIELD))
        self._label.setBuddy(self.field)
        self._label.set_hint(self._help())
        self._reason.setProperty("role", "reason")
        self._reason.hide()
        self.reset.setObjectName(f"{self.parameter.key}:reset")
        self.reset.setProperty("small", True)
        self.reset.clicked.connect(self._reset)
        keep = self.reset.sizePolicy()
        keep.setRetainSizeWhenHidden(True)
        self.reset.setSizePolicy(keep)

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 2, 0, 2)
        column.setSpacing(1)
        top = row_of(spacing=4)
        top.addWidget(self._label, 1)
        top.addWidget(self.reset)
        column.addLayout(top)
        if self._below:
            column.addSpacing(2)
            self._reason.setContentsMargins(0, 3, 0, 0)
        else:
            top.addWidget(self.field)
        for widget in (self.field if self._below else None, self.slider, self._reason):
            if widget:
                column.addWidget(widget)


def _titled(parameter: Parameter) -> str:
    return f"{parameter.label} ({parameter.unit})" if parameter.unit else parameter.label
