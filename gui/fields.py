"""Inputs for one value each, over Qt's own: what is entered is reported raw, as text or value, and judged elsewhere.

All share one contract: `entered` carries what the user gave; `show_value` shows a value without a signal; `pending`
tells whether something is typed that was not taken. None of them clamps: a wrong value must be seen to be refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPalette
from PySide6.QtWidgets import QCheckBox, QComboBox, QLabel, QLineEdit, QWidget

from core.parameters import Kind, Parameter
from gui.chips import Chips
from gui.formula_field import FormulaField
from gui.number_boxes import LARGEST_INT, FloatBox, IntBox, Typed
from gui.widgets import CalmWheel, ElidedCombo, OwnKeys, row_of

if TYPE_CHECKING:
    from PySide6.QtCore import QPoint
    from PySide6.QtGui import QPaintEvent

HEIGHT = 28
_PARTS = {Kind.POINT: ("x", "y"), Kind.RANGE: ("low", "high")}


def field_for(parameter: Parameter, parent: QWidget | None = None) -> Any:
    """Return the input for a parameter, named after its key."""
    made: Any = _field_class(parameter)(parameter, parent)
    made.setObjectName(parameter.key)
    if not isinstance(made, (Chips, FormulaField)):  # these wrap over as many lines as they need
        made.setFixedHeight(HEIGHT)
    return made


def _field_class(parameter: Parameter) -> Any:
    """Return the kind of input: text for numbers beyond a spin box's 32 bits, chips for names that are all known."""
    if parameter.kind is Kind.INT and not -LARGEST_INT <= parameter.low <= parameter.high <= LARGEST_INT:
        return TextField
    if parameter.kind is Kind.NAMES and parameter.choices and parameter.matches is None:
        return Chips
    return _FIELDS[parameter.kind]


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


class Combo(Typed, CalmWheel, ElidedCombo):
    """One of several names; also a name of one's own where the parameter takes more than its choices."""

    entered = Signal(object)
    own_keys = (Qt.Key.Key_Space, Qt.Key.Key_Home, Qt.Key.Key_End, Qt.Key.Key_Up, Qt.Key.Key_Down)

    def __init__(self, parameter: Parameter, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumContentsLength(6)
        for name in parameter.choices:
            self.addItem(dict(parameter.words).get(name, name), name)
        self.setMaxVisibleItems(16)
        self.view().setTextElideMode(Qt.TextElideMode.ElideNone)
        self._value = ""
        if parameter.kind is Kind.NAME:
            self.setEditable(True)
            self.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
            line = cast("QLineEdit", self.lineEdit())
            line.setAcceptDrops(False)
            line.editingFinished.connect(self._enter)
        self.currentIndexChanged.connect(self._enter)

    def pending(self) -> bool:
        """Whether there is text that is not the value."""
        return self._name() != self._value

    def _name(self) -> str:
        return self.currentText() if self.isEditable() else self.currentData() or ""

    def show_value(self, value: Any) -> None:
        """Show a name, whether it is one of the choices or not."""
        self._value = value
        self.blockSignals(True)
        self.setCurrentIndex(self.findData(value))
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
            self.entered.emit(self._name())


class TextField(Typed, QLineEdit):
    """A value written as text, such as `100,100,100`."""

    entered = Signal(object)

    def __init__(self, parameter: Parameter, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._parameter, self._shown = parameter, ""
        self.setAcceptDrops(False)  # a file that is dropped is for the window
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


class PairField(QWidget):
    """Two numbers entered together: a point's `<key>.x` and `<key>.y`, a range's `<key>.low` and `<key>.high`."""

    entered = Signal(object)

    def __init__(self, parameter: Parameter, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._names = _PARTS[parameter.kind]
        self.boxes = FloatBox(parameter, self), FloatBox(parameter, self)
        for box, name in zip(self.boxes, self._names, strict=True):
            box.setObjectName(f"{parameter.key}.{name}")
            box.setMinimumWidth(48)
            box.setFixedHeight(HEIGHT)
            box.setSizePolicy(box.sizePolicy().Policy.Ignored, box.sizePolicy().Policy.Fixed)
            box.entered.connect(self._enter)
            box.lineEdit().setTextMargins(3, 0, 3, 0)
        row = row_of(*self.boxes, spacing=2 if parameter.kind is Kind.RANGE else 4)
        if parameter.kind is Kind.RANGE:
            row.insertWidget(1, _dash(self))
        self.setLayout(row)
        self.setFocusProxy(self.boxes[0])

    def pending(self) -> bool:
        """Whether there is text that is not the value."""
        return any(box.pending() for box in self.boxes)

    def show_value(self, value: Any) -> None:
        """Show both numbers."""
        for box, part in zip(self.boxes, value, strict=True):
            box.show_value(part)
            box.lineEdit().setCursorPosition(0)  # of a number that is too long, the end would mislead

    def setAccessibleName(self, name: str) -> None:
        """Name both boxes too."""
        super().setAccessibleName(name)
        for box, part in zip(self.boxes, self._names, strict=True):
            box.setAccessibleName(f"{name} {part}")

    def setAccessibleDescription(self, description: str) -> None:
        """Describe both boxes too: it is in them that the keyboard is."""
        super().setAccessibleDescription(description)
        for box in self.boxes:
            box.setAccessibleDescription(description)

    def _enter(self) -> None:
        self.entered.emit(",".join(box.lineEdit().text() for box in self.boxes))


def _dash(parent: QWidget) -> QLabel:
    made = QLabel("–", parent)
    made.setSizePolicy(made.sizePolicy().Policy.Fixed, made.sizePolicy().Policy.Preferred)
    return made


_FIELDS: dict[Kind, Any] = {
    Kind.FLOAT: FloatBox,
    Kind.INT: IntBox,
    Kind.BOOL: Switch,
    Kind.CHOICE: Combo,
    Kind.NAME: Combo,
    Kind.INTS: TextField,
    Kind.NAMES: TextField,
    Kind.POINT: PairField,
    Kind.RANGE: PairField,
    Kind.FORMULA: FormulaField,
}
