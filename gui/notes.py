"""The notes beside the plots: what to look for, the formulas of the lanes, the live numbers. They fold away."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QSize, Qt, QTimer
from PySide6.QtWidgets import QFormLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from core.lanes import Axis
from gui import theme
from gui.symbols import as_html
from gui.tints import on_page
from gui.widgets import row_of

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH, _WIDEST = 264, 640
_UNDER = 8
_LONG = 28  # letters that may be wider than the notes

# What lanes differ in, where that is no optimizer: label, colour of their curves, formula.
FORMULAS = {
    Axis.BATCHNORM: (("BatchNorm", "#0072B2", "x̂ = (x − mean) / √(variance + ε)\ny = γ·x̂ + β, γ and β learned"),),
    Axis.REGULARIZATION: (
        ("Weight decay (L2)", "#0072B2", "g ← g + λ·W"),
        ("L1 decay", "#009E73", "g ← g + λ₁·sign(W)"),
        ("Dropout", "#CC79A7", "training: y = x·mask / (1 − ratio)\nprediction: y = x"),
    ),
}


def _square(colour: str) -> str:
    return f"<span style='color:{on_page(colour, theme.current().dark)}'>■</span> " if colour else ""


def _breakable(formula: str) -> str:
    """Let a long formula go on in another line after a sign; Qt breaks at spaces alone, and would widen the notes."""
    return re.sub(rf"\S{{{_LONG},}}", lambda part: re.sub(r"([·/^(])", "\\1\u200b", part[0]), formula)


class Notes(QScrollArea):
    """A column of text for one preset; numbers are updated in place."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("notes")
        self.setAccessibleName("notes")
        self.setWidgetResizable(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setMinimumWidth(WIDTH)
        self.setMaximumWidth(_WIDEST)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self._body = QWidget()
        self._column = QVBoxLayout(self._body)
        self._column.setContentsMargins(16, 14, 14, 14)
        self._column.setSpacing(8)
        self._label("heading", "What to look for")
        self._look = self._label("")
        self._numbers_head = self._label("heading", "Now")
        self._rows = QFormLayout()
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.setVerticalSpacing(3)
        self._column.addLayout(self._rows)
        self._formulas_head = self._label("heading", "Formulas")
        self._formulas = self._label("")
        self._column.addStretch(1)
        self._numbers: list[tuple[QLabel, QLabel]] = []
        self._shown: tuple[tuple[str, ...], tuple[tuple[str, str, str], ...]] = ((), ())
        self.setWidget(self._body)

    def _label(self, role: str, text: str = "") -> QLabel:
        label = QLabel(text)
        label.setWordWrap(True)
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        label.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        if role:
            label.setProperty("role", role)
            label.setIndent(0)
        self._column.addWidget(label)
        return label

    def sizeHint(self) -> QSize:
        """Ask for the least width; whoever wants more drags the edge."""
        return QSize(WIDTH, super().sizeHint().height())

    def add_section(self, title: str, section: QWidget) -> None:
        """Put a part of the view's below what to look for, under a heading."""
        head = self._label("heading", title)
        for place, widget in enumerate((head, section), self._column.indexOf(self._look) + 1):
            self._column.removeWidget(widget)
            self._column.insertWidget(place, widget)
        section.show()

    def reveal(self, section: QWidget) -> None:
        """Bring all of a section into view, or its beginning where it is taller than that."""
        QTimer.singleShot(0, self, lambda: self._scroll_to(section))  # once what was written is laid out

    def _scroll_to(self, section: QWidget) -> None:
        bar, least = self.verticalScrollBar(), section.geometry().bottom() + _UNDER - self.viewport().height()
        bar.setValue(min(max(bar.value(), least), section.y() - _UNDER))

    def show_text(self, look_for: Sequence[str], formulas: Sequence[tuple[str, str, str]]) -> None:
        """Show what to look for and the formulas `(label, colour, text)`; nothing is laid out anew for the same."""
        if (tuple(look_for), tuple(formulas)) != self._shown:
            self._shown = tuple(look_for), tuple(formulas)
            self._write()

    def _write(self) -> None:
        look_for, formulas = self._shown
        points = "".join(f"<p style='margin:0 0 7px 0'>{escape(point)}</p>" for point in look_for)
        self._look.setText(points)
        parts = [
            f"<p style='margin:0 0 8px 0'>{_square(colour)}<b>{escape(label)}</b><br>"
            f"{as_html(_breakable(text), self.font())}</p>"
            for label, colour, text in formulas
        ]
        self._formulas.setText("".join(parts))
        self._formulas_head.setVisible(bool(parts))
        self._formulas.setVisible(bool(parts))

    def changeEvent(self, event: QEvent) -> None:
        """Draw the lanes' colours as another theme's page asks for."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and any(self._shown):
            self._write()

    def show_numbers(self, numbers: Sequence[tuple[str, str]]) -> None:
        """Show live numbers; only texts that differ are touched."""
        self._numbers_head.setVisible(bool(numbers))
        while len(self._numbers) < len(numbers):
            self._numbers.append(self._add_row())
        for row, (name, value) in enumerate(self._numbers):
            texts = numbers[row] if row < len(numbers) else ("", "")
            if self._rows.isRowVisible(row) != (row < len(numbers)):  # laying out anew takes two milliseconds
                self._rows.setRowVisible(row, row < len(numbers))
            value.setVisible(bool(texts[1]))  # a row without a value has the whole width for its words
            for label, text in zip((name, value), texts, strict=True):
                if label.text() != text:
                    label.setText(text)

    def _add_row(self) -> tuple[QLabel, QLabel]:
        name, value = QLabel(), QLabel()
        name.setProperty("role", "muted")
        name.setWordWrap(True)
        value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        row = row_of(name, value, spacing=12)
        row.setStretchFactor(name, 1)
        self._rows.addRow(row)
        return name, value
