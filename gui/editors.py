"""One row for one declared parameter: label, input, slider, reset button, and the reason where a value is refused.

The parameter's own `check` judges every value. A refused one stays visible with its reason; the last good value stays
in force until another good one comes, and Esc or the reset button brings it back.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from core.parameters import Kind, Parameter, ParameterError, Scale
from gui.fields import IntBox, field_for
from gui.widgets import ElidedLabel, IconButton, Slider, flag, row_of, tip

if TYPE_CHECKING:
    from PySide6.QtGui import QKeyEvent

_STOPS = 1000
_MOST_INTEGERS = 100_000
_FIELD_WIDTHS = {Kind.FLOAT: 88, Kind.INT: 88, Kind.BOOL: 38}
_WIDE_FIELD = 140


@dataclass(frozen=True, slots=True)
class Track:
    """How a slider's positions 0 to `stops` stand for a parameter's values.

    On a log scale from 0, position 0 is 0 and the rest spans the upper six decades.
    """

    low: float
    high: float
    log: bool
    whole: bool
    stops: int

    def position(self, value: float) -> int:
        """Return the position nearest to a value."""
        if not self.log:
            share = (value - self.low) / (self.high - self.low)
        elif value < self._least:
            share = 0.0
        else:
            share = math.log(value / self._least) / math.log(self.high / self._least)
        return min(max(round(share * self.stops), 0), self.stops)

    def value(self, position: int) -> float:
        """Return the value at a position, rounded to what a hand on a slider means; the ends are exact."""
        if position <= 0 or position >= self.stops:
            return self.low if position <= 0 else self.high
        share = position / self.stops
        exact = self._least * (self.high / self._least) ** share if self.log else self.low + share * self._span
        return float(round(exact)) if self.whole and exact < 100 else self._rounded(exact)

    @property
    def coarse(self) -> int:
        """How many positions an arrow key goes: a tenth of a decade, or a fiftieth of a linear range."""
        if self.whole and not self.log and self.stops == self._span:
            return 1
        return max(1, round(self.stops / (10 * math.log10(self.high / self._least)) if self.log else self.stops / 50))

    @property
    def _span(self) -> float:
        return self.high - self.low

    @property
    def _least(self) -> float:
        return self.low if self.low > 0 else self.high * 1e-6

    def _rounded(self, exact: float) -> float:
        if self.log:
            return min(max(float(f"{exact:.2g}"), self.low), self.high)
        grain = 1.0 if self.whole else 10.0 ** math.floor(math.log10(self._span / 100))
        return float(f"{round(exact / grain) * grain:.10g}")


def track_of(parameter: Parameter) -> Track | None:
    """Return the slider's mapping, or None for what a slider does not suit."""
    low, high, whole = parameter.low, parameter.high, parameter.kind is Kind.INT
    log = parameter.scale is Scale.LOG and high > 0 and low >= 0
    numeric = parameter.kind in (Kind.FLOAT, Kind.INT) and math.isfinite(high - low) and high > low
    if not numeric or (whole and not log and high - low > _MOST_INTEGERS):
        return None
    stops = int(high - low) if whole and not log and high - low <= _STOPS else _STOPS
    return Track(low, high, log, whole, stops)


class Editor(QWidget):
    """The row. The input in it carries the key as objectName; its slider is `<key>:slider`, its button `<key>:reset`.

    `edited` carries key and checked value when the user gave another good value.
    """

    edited = Signal(str, object)

    def __init__(self, parameter: Parameter, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.parameter = parameter
        self._good: Any = parameter.default
        self.field = field_for(parameter, self)
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
        self.reset.set_icon("reset", f"Reset to {parameter.text(parameter.default)}")
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
        """Take the slider's value but leave the slider where the hand has it."""
        assert self._track is not None
        value = self.parameter.check(self._track.value(position))
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
        if self.slider and self._track and self._track.value(self.slider.value()) != self._good:
            self.slider.blockSignals(True)
            self.slider.setValue(self._track.position(self._good))
            self.slider.blockSignals(False)

    def _make_slider(self) -> Slider:
        assert self._track is not None
        slider = Slider(self)
        slider.setObjectName(f"{self.parameter.key}:slider")
        slider.setAccessibleName(f"{self.parameter.label} slider")
        slider.setRange(0, self._track.stops)
        slider.setSingleStep(self._track.coarse)
        slider.setPageStep(max(self._track.coarse, self._track.stops // 10))
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
        top.addWidget(self.field)
        column.addLayout(top)
        for widget in (self.slider, self._reason):
            if widget:
                column.addWidget(widget)


def _titled(parameter: Parameter) -> str:
    return f"{parameter.label} ({parameter.unit})" if parameter.unit else parameter.label
