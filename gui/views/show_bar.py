"""The row above the map: what of a step is drawn on it, one switch each; what a rule has not got is greyed and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QWidget

from core.parameters import Kind, Parameter
from gui.chips import Chip, Chips
from gui.widgets import tip

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

GRADIENT, VELOCITY, TERMS, STEP = "gradient", "velocity", "terms", "step"
ELLIPSE, LOOK_AHEAD, ALL_LANES = "ellipse", "look-ahead", "all lanes"
HINTS = {
    GRADIENT: "−g: where it goes down most steeply, at a scale that the legend states",
    VELOCITY: "What is remembered of earlier steps or gradients, as a step by itself",
    TERMS: "The terms that make up the step, one after the other",
    STEP: "Δθ: the step itself",
    ELLIPSE: "Effective learning rates of x and y: where steps of this gradient's length end, whatever its direction",
    LOOK_AHEAD: "Nesterov's iterate, and the point ahead of it where the gradient is taken next",
    ALL_LANES: "Draw this of every lane, not only of the one whose equation is shown",
}
_NAMES = {LOOK_AHEAD: "lookahead", ALL_LANES: "all-lanes"}
_KINDS = Parameter(
    key="show",
    label="Show",
    kind=Kind.NAMES,
    default=(),
    doc="What of a step is drawn on the map",
    choices=tuple(HINTS),
    length=(0, len(HINTS)),
)


class ShowBar(QWidget):
    """`changed(names)` comes with what is on."""

    changed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        label = QLabel("Show", self)
        label.setProperty("role", "muted")
        self._chips = _ShowChips(_KINDS, self)
        self._chips.setAccessibleName("show on the map")
        self._chips.entered.connect(self.changed)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 0, 12, 6)
        row.setSpacing(8)
        row.addWidget(label, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self._chips, 1)
        label.setFixedHeight(self._chips.minimumSizeHint().height())
        self.explain({})

    def shown(self) -> tuple[str, ...]:
        """Return what is on."""
        return self._chips.names()

    def set_shown(self, names: Collection[str]) -> None:
        """Switch these on and the others off, without a signal."""
        self._chips.show_value(names)

    def explain(self, missing: Mapping[str, str]) -> None:
        """Grey what is missing, each with its reason, unless it is on."""
        for name, chip in self._chips.chips.items():
            reason = missing.get(name, "")
            usable = not reason or chip.isChecked()
            words = tip(f"{HINTS[name]}\n{reason}" if reason else HINTS[name])
            if chip.isEnabled() != usable:
                chip.setEnabled(usable)
            if chip.toolTip() != words:
                chip.setToolTip(words)
                chip.setAccessibleDescription(reason or HINTS[name])


class _ShowChips(Chips):
    """Chips that a click does not give the keyboard: Space still plays."""

    def _make_chip(self, name: str) -> Chip:
        chip = super()._make_chip(name)
        chip.setObjectName(f"show-{_NAMES.get(name, name)}")
        chip.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return chip
