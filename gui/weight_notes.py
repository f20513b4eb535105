"""The equation of one weight of a network: which one, chosen by lane, layer, input and unit, and its last update."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeGuard

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLabel, QSpinBox, QWidget

from core.numbers import short
from core.weight_steps import explain_weight, gradient_line
from gui.equation_notes import EquationNotes, Explained
from gui.widgets import CalmWheel, row_of, tip

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.watching import Place
    from core.weight_steps import WeightStep

_DOCS = {
    "layer": "Affine layer, from the inputs on",
    "input": "Input of the layer; of the first one the pixel, row by row from 1 on",
    "unit": "Unit of the layer",
}


class WeightNotes(EquationNotes):
    """`place_chosen(layer, input, unit)` says which weight was chosen: layers from 1, the others from 0.

    Without choosers it is chosen elsewhere.
    """

    place_chosen = Signal(int, int, int)

    def __init__(self, parent: QWidget | None = None, choosers: bool = True) -> None:
        super().__init__(parent)
        self._sizes: tuple[int, ...] = ()
        self.boxes = {name: self._make_box(name) for name in _DOCS}
        self._names = [QLabel(name, self) for name in _DOCS]
        row = row_of(spacing=4)
        for label, box in zip(self._names, self.boxes.values(), strict=True):
            label.setProperty("role", "muted")
            row.addWidget(label)
            row.addWidget(box, 1)
        self.column.insertLayout(1, row)
        self._choosers = choosers
        self._where.setWordWrap(not choosers)  # the place stands there as well
        for widget in (self.lane, *self._names, *self.boxes.values()):
            widget.setVisible(choosers)

    def _make_box(self, name: str) -> _Box:
        box = _Box(self)
        box.setObjectName(f"equation-{name}")
        box.setAccessibleName(f"{name} of the weight whose equation is shown")
        box.setToolTip(tip(_DOCS[name]))
        box.setRange(1, 1)
        box.setKeyboardTracking(False)
        box.setMinimumWidth(36)
        box.valueChanged.connect(self._enter)
        return box

    def _enter(self) -> None:
        layer, entry, unit = (box.value() for box in self.boxes.values())
        self.place_chosen.emit(layer, entry - 1, unit - 1)

    def show_place(self, place: Sequence[int], sizes: Sequence[int]) -> tuple[int, int, int]:
        """Show a weight of a network of these sizes, inputs first, or the nearest there is, and return that."""
        layer = min(max(place[0], 1), len(sizes) - 1)
        entry, unit = min(place[1], sizes[layer - 1] - 1), min(place[2], sizes[layer] - 1)
        limits = len(sizes) - 1, sizes[layer - 1], sizes[layer]
        for box, most, value in zip(self.boxes.values(), limits, (layer, entry + 1, unit + 1), strict=True):
            if (box.maximum(), box.value()) != (most, value):
                box.blockSignals(True)
                box.setMaximum(most)
                box.setValue(value)
                box.blockSignals(False)
        return layer, entry, unit

    def show_update(self, step: WeightStep, first_seed: bool = False) -> None:
        """Show what an update did to the weight; of several seeds it is the first one's."""
        self._where.show()
        place = "" if self._choosers else f"layer {step.layer}, {step.row + 1} → {step.column + 1}, "
        self.show_lane(step.lane, f"{place}update {step.iteration:,}{', first seed' if first_seed else ''}")
        explanation = explain_weight(step)
        if explanation is None:
            super().show_word(
                f"This pixel is 0 in every image: the weight stays {short(step.before)}, as it was drawn."
            )
        else:
            self.show_step(Explained(step.optimizer, (("", explanation),), gradient_line(step)))

    def show_word(self, word: str) -> None:
        """Say why there is no equation; a weight that was chosen elsewhere is not named then."""
        super().show_word(word)
        self._where.setVisible(self._choosers)


class _Box(CalmWheel, QSpinBox):
    """A whole number, typed or stepped with Up and Down."""


def shows(step: WeightStep | None, place: Place | None) -> TypeGuard[WeightStep]:
    """Return whether an update is one of this weight."""
    return step is not None and (step.lane, step.layer, step.row, step.column) == place
