"""The page of the weights: each unit of the first layer as the image that it looks for; any weight can be picked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QSpinBox, QVBoxLayout, QWidget

from gui.views.base import short_number
from gui.views.page import (
    Page,
    Picture,
)
from gui.widgets import row_of, tip

if TYPE_CHECKING:
    from core.insight import Insight
    from gui.views.base import Number

from gui.views.weight_images import POINT_AT_A_WEIGHT, Place, WeightImages


class WeightsPage(Page):
    """The images with their controls; `picked(layer, input, unit)` comes when a weight is picked."""

    key, title = "weights", "Weights"
    density = 20.0
    picked = Signal(int, int, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.images = WeightImages(self)
        self.boxes = {
            "layer": self._make_box("layer", "Affine layer, from the inputs on"),
            "input": self._make_box("input", "Input of the layer; of the first one the pixel, row by row from 1 on"),
            "unit": self._make_box("unit", "Unit of the layer"),
        }
        self.by_norm = QCheckBox("largest first", self)
        self.by_norm.setObjectName("by-norm")
        self.by_norm.setToolTip(tip("Order the units by the norm of their weights as it is now"))
        self.value = QLabel(POINT_AT_A_WEIGHT, self)
        self.value.setObjectName("weight-value")
        self.value.setProperty("role", "muted")
        self._lay_out()
        for box in self.boxes.values():
            box.valueChanged.connect(self._enter)
        self.by_norm.toggled.connect(self.images.sort)
        self.images.picked.connect(self.pick)
        self.images.read.connect(self.value.setText)

    def _make_box(self, name: str, doc: str) -> QSpinBox:
        box = QSpinBox(self)
        box.setObjectName(f"weight-{name}")
        box.setAccessibleName(f"{name} of the weight")
        box.setToolTip(tip(doc))
        box.setRange(1, 1)
        box.setKeyboardTracking(False)
        box.setProperty("arrows", True)
        box.setFixedWidth(74)
        return box

    def _lay_out(self) -> None:
        words = {name: QLabel(name, self) for name in self.boxes}
        parts: list[QWidget | int] = []
        for name, box in self.boxes.items():
            parts += [words[name], box]
        controls = row_of(*parts, 1, self.by_norm)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(16, 10, 16, 6)
        whole.setSpacing(8)
        whole.addLayout(controls)
        reading = QHBoxLayout()
        reading.addWidget(self.value)
        whole.addLayout(reading)
        whole.addWidget(self.images, 1)

    def pictures(self) -> tuple[Picture, ...]:
        """Return the images."""
        return (self.images,)

    def show_insight(self, insight: Insight) -> None:
        """Show another moment, or another lane."""
        super().show_insight(insight)
        self._limit_boxes()

    def adopt(self, other: Page) -> None:
        """Show the same layer, its units in the same order."""
        super().adopt(other)
        if isinstance(other, WeightsPage):
            self.images.adopt(other.images)

    def pick(self, place: Place) -> None:
        """Pick a weight: mark it and tell."""
        if self.insight is None:
            return
        layer = min(max(place[0], 1), len(self.insight.weights))
        inputs, units = self.insight.weights[layer - 1].shape
        place = layer, min(max(place[1], 0), inputs - 1), min(max(place[2], 0), units - 1)
        self.images.show_place(place)
        self.images.show_layer(layer)
        self._limit_boxes()
        self.value.setText(self.images.words(place))
        self.picked.emit(*place)

    def marked(self) -> Place | None:
        """Return the weight that the boxes say, which the network has; None before there is one."""
        layer, entry, unit = (box.value() for box in self.boxes.values())
        return None if self.insight is None else (layer, entry - 1, unit - 1)

    def _enter(self) -> None:
        if (place := self.marked()) is not None:
            self.pick(place)

    def _limit_boxes(self) -> None:
        """Let the boxes take what the network has, and show the weight that is picked."""
        assert self.insight is not None
        layer = min(self.images.layer, len(self.insight.weights))
        inputs, units = self.insight.weights[layer - 1].shape
        if layer != self.images.layer:
            self.images.show_layer(layer)
        limits = len(self.insight.weights), inputs, units
        values = layer, self.images.place[1] + 1, self.images.place[2] + 1
        for box, most, value in zip(self.boxes.values(), limits, values, strict=True):
            if (box.maximum(), box.value()) != (most, min(value, most)):
                box.blockSignals(True)
                box.setMaximum(most)
                box.setValue(value)
                box.blockSignals(False)

    def numbers(self, insight: Insight) -> list[Number]:
        """Return the picked weight as it is now, and how the first layer fares."""
        layer, entry, unit = self.images.place
        layer = min(layer, len(insight.weights))
        inputs, units = insight.weights[layer - 1].shape
        found = [("largest norm of a unit", short_number(float(insight.norms.max())))]
        if insight.results.silent:
            found.append(("silent units, layer 1", f"{int(insight.results.silent[0].sum()):,}"))
        if entry < inputs and unit < units:
            value = insight.weights[layer - 1][entry, unit]
            said = "never used" if np.isnan(value) else short_number(float(value), 4)
            found.append((f"weight {entry + 1} → {unit + 1}, layer {layer}", said))
        return found
