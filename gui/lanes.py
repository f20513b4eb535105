"""The list of lanes, which is also the legend: on or off, colour and marker, name, how it fares, its own parameters."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtWidgets import QCheckBox, QFrame, QLabel, QLineEdit, QSizePolicy, QVBoxLayout, QWidget

from core.parameters import Kind, Parameter, ParameterError
from gui.editors import Editor
from gui.forms import show_parameter
from gui.symbols import formula_tip
from gui.theme import Severity
from gui.widgets import IconButton, OwnKeys, flag, row_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from PySide6.QtCore import QPoint
    from PySide6.QtGui import QFontMetrics, QKeyEvent, QResizeEvent

    from core.parameters import Configuration

_SWATCH = 22
_ROOM = 24
_LONGEST = 110
_CHOICE_WIDTH = 134
_BESIDE = _SWATCH + 36  # what a check box needs beside its name
_LAST = "At least one lane stays on"


@dataclass(frozen=True, slots=True)
class LaneOption:
    """A lane that can be shown: `name` in files, `label` on screen; `parameters` are its own, with their full keys."""

    name: str
    label: str
    colour: str
    marker: str
    parameters: tuple[Parameter, ...] = ()
    doc: str = ""


class _Check(OwnKeys, QCheckBox):
    """A lane's check box, with its swatch and name; Space is its own, Right and Left open and close the lane."""

    opened = Signal(bool)
    own_keys = (Qt.Key.Key_Space, Qt.Key.Key_Left, Qt.Key.Key_Right)

    def __init__(self, label: str, parent: QWidget) -> None:
        super().__init__(label, parent)
        self._label = label
        self.setAccessibleName(label)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show the name in one line or two, or as much of it as fits."""
        super().resizeEvent(event)
        self.setText(_fitted(self._label, self.fontMetrics(), self.width() - _BESIDE))

    def hitButton(self, place: QPoint) -> bool:
        """Take a click anywhere on the row, also beside a short name."""
        return self.rect().contains(place)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Open with Right, close with Left."""
        if event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            self.opened.emit(event.key() == Qt.Key.Key_Right)
        else:
            super().keyPressEvent(event)


def _fitted(label: str, metrics: QFontMetrics, room: int) -> str:
    """Return a name so broken into two lines that the longer one is as short as it can be, where one is too long."""
    if metrics.horizontalAdvance(label) <= room:
        return label
    words = label.split(" ")
    broken = [(" ".join(words[:i]), " ".join(words[i:])) for i in range(1, len(words))]
    lines = min(broken, key=lambda two: max(map(metrics.horizontalAdvance, two)), default=(label,))
    if max(map(metrics.horizontalAdvance, lines)) > room:
        lines = (label,)
    return "\n".join(metrics.elidedText(line, Qt.TextElideMode.ElideRight, room) for line in lines)


class _Status(QLabel):
    """How a lane fares. It changes often, so it asks for its room in steps."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.setFixedWidth(0)
        self.said = ""

    def show_text(self, text: str) -> None:
        """Show a text, making room for it where there is too little; a long one leaves the name room in two lines."""
        self.said = text
        lines = _fitted(text, self.fontMetrics(), _LONGEST)
        needed = max(map(self.fontMetrics().horizontalAdvance, lines.split("\n")))
        if not needed <= self.width() < needed + 2 * _ROOM:
            self.setFixedWidth(math.ceil(needed / _ROOM) * _ROOM)
        self.setText(lines)


class LaneRow(QFrame):
    """One lane."""

    clicked = Signal(str, bool)
    hovered = Signal(object)
    changed = Signal(str, object)

    def __init__(self, option: LaneOption, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.option = option
        self.check = self._make_check()
        self._show_icon()
        self._status = _Status(self)
        self._status.setObjectName(f"lane-{option.name}:status")
        self.chevron = IconButton("chevron-right", f"Parameters of {option.label}", 16, "muted", self)
        self.chevron.setObjectName(f"lane-{option.name}:open")
        self.chevron.setProperty("small", True)
        self.chevron.setVisible(bool(option.parameters))
        self.chevron.clicked.connect(self._turn)
        self.check.opened.connect(self.set_open)
        self._body: QWidget | None = None
        self._values: Mapping[str, Any] = {}
        self.editors: dict[str, Editor] = {}
        self._lay_out()
        self.set_status("", Severity.INFO)

    def show_lane(self, option: LaneOption, active: bool, values: Mapping[str, Any]) -> None:
        """Show whether the lane is on and its parameters' values, without a signal."""
        self.option, self._values = option, values
        self.check.blockSignals(True)
        self.check.setChecked(active)
        self.check.blockSignals(False)
        for parameter in option.parameters:
            if parameter.key in self.editors:
                show_parameter(self.editors[parameter.key], parameter, values[parameter.key])

    def set_status(self, text: str, severity: Severity) -> None:
        """Say at the right how the lane fares."""
        if self._status.said != text:
            self._status.show_text(text)
            self.check.setAccessibleDescription(f"{self.option.doc} {text}".strip())
        flag(self._status, "severity", severity.value)

    def status(self) -> str:
        """Return what is said at the right."""
        return self._status.said

    def is_open(self) -> bool:
        """Whether the lane's own parameters are shown."""
        return self._body is not None and not self._body.isHidden()

    def set_open(self, opened: bool) -> None:
        """Show or hide the lane's own parameters; their rows are made when first shown."""
        if opened == self.is_open() or not self.option.parameters:
            return
        body = self._body or self._make_body()
        body.setVisible(opened)
        verb = "Hide parameters" if opened else "Parameters"
        self.chevron.set_icon("chevron-down" if opened else "chevron-right", f"{verb} of {self.option.label}")

    def event(self, event: QEvent) -> bool:
        """Highlight the row under the mouse and say so."""
        if event.type() in (QEvent.Type.Enter, QEvent.Type.Leave):
            inside = event.type() == QEvent.Type.Enter
            flag(self, "hovered", inside)
            self.hovered.emit(self.option.name if inside else None)
        return super().event(event)

    def _turn(self) -> None:
        self.set_open(not self.is_open())

    def _make_check(self) -> _Check:
        option = self.option
        check = _Check(option.label, self)
        check.setObjectName(f"lane-{option.name}")
        check.setProperty("lane", True)
        check.setIconSize(QSize(_SWATCH, _SWATCH))
        check.setToolTip(formula_tip(option.doc, self.font()) if option.doc else "")
        check.toggled.connect(lambda on: self.clicked.emit(option.name, on))
        return check

    def _show_icon(self) -> None:
        from gui.legend import lane_icon  # draws with the plots' markers; not needed before the first row

        self.check.setIcon(lane_icon(self.option.colour, self.option.marker, _SWATCH))

    def changeEvent(self, event: QEvent) -> None:
        """Draw the lane's colour as another theme's page asks for."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._show_icon()

    def _make_body(self) -> QWidget:
        self._body = QWidget(self)
        column = QVBoxLayout(self._body)
        column.setContentsMargins(24, 0, 22, 6)
        column.setSpacing(2)
        for parameter in self.option.parameters:
            editor = Editor(parameter, self._body)
            editor.set_value(self._values[parameter.key])
            editor.edited.connect(self.changed)
            if parameter.kind is Kind.CHOICE:
                editor.field.setFixedWidth(_CHOICE_WIDTH)  # beside the name, in a narrower place than the form
            self.editors[parameter.key] = editor
            column.addWidget(editor)
        self._column.addWidget(self._body)
        return self._body

    def _lay_out(self) -> None:
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        top = row_of(spacing=6, margins=(4, 0, 0, 0))
        top.addWidget(self.check, 1)
        top.addWidget(self._status)
        top.addWidget(self.chevron)
        self._column.addLayout(top)


class LaneList(QWidget):
    """All lanes that can be shown; at least one is always on."""

    toggled = Signal(object)  # the names of the lanes that are on, in the list's order
    hovered = Signal(object)  # the name of the lane under the mouse, or None
    changed = Signal(str, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: dict[str, LaneRow] = {}
        self._active: tuple[str, ...] = ()
        self._lanes: Parameter | None = None
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(1)
        self._add = _NameField(self)
        self._add.named.connect(self._add_name)
        self._message = QLabel(self)
        self._message.setObjectName("lanes-message")
        self._message.setProperty("role", "reason")
        self._message.setWordWrap(True)
        self._add.hide()
        self._message.hide()
        self._column.addWidget(self._add)
        self._column.addWidget(self._message)

    def show_lanes(self, options: Sequence[LaneOption], active: Sequence[str], configuration: Configuration) -> None:
        """Show these lanes, those of `active` on, with the configuration's values, without a signal."""
        looks = [_look(option) for option in options]
        opened = {name for name, row in self._rows.items() if row.is_open()}
        if looks != [_look(row.option) for row in self._rows.values()]:
            self._rebuild(options)
        self._active = tuple(name for name in self._rows if name in active)
        values = configuration.current()
        for option in options:
            self._rows[option.name].show_lane(option, option.name in active, values)
            self._rows[option.name].set_open(option.name in opened)
        self._explain_last()

    def allow_custom(self, lanes: Parameter | None, hint: str = "") -> None:
        """Let a lane be added by name if `lanes` takes it (None: not any more); `hint` is an example of a name."""
        self._lanes = lanes
        self._add.setVisible(lanes is not None)
        self._add.setPlaceholderText(f"add a lane, e.g. {hint}" if hint else "add a lane")

    def set_status(self, name: str, text: str, severity: Severity = Severity.INFO) -> None:
        """Say beside a lane how it fares; KeyError for a lane that is not in the list."""
        self._rows[name].set_status(text, severity)

    def names(self) -> tuple[str, ...]:
        """Return the names of all lanes, on or off."""
        return tuple(self._rows)

    def active(self) -> tuple[str, ...]:
        """Return the names of the lanes that are on, in the list's order."""
        return self._active

    def row(self, name: str) -> LaneRow:
        """Return a lane's row; KeyError for a lane that is not in the list."""
        return self._rows[name]

    def editor(self, key: str) -> Editor:
        """Return the editor of a lane's own parameter, opening the lane; KeyError where no lane has it."""
        for row in self._rows.values():
            if any(parameter.key == key for parameter in row.option.parameters):
                row.set_open(True)
                return row.editors[key]
        raise KeyError(key)

    def _click(self, name: str, on: bool) -> None:
        """Switch a lane, unless it is the last one that is on."""
        names = tuple(n for n in self._rows if (on if n == name else n in self._active))
        if not names:
            self._rows[name].check.setChecked(True)
            self._say(_LAST)
        elif names != self._active:
            self._switch(names)

    def _switch(self, names: tuple[str, ...]) -> None:
        self._active = names
        self._say("")
        self._explain_last()
        self.toggled.emit(names)

    def _add_name(self, name: str) -> None:
        """Switch on a lane that exists, or ask for a new one, if the lanes' parameter takes it."""
        assert self._lanes is not None
        if name in self._active:
            self._say("")
            return
        names = tuple(n for n in self._rows if n in self._active or n == name)
        names = names if name in names else (*names, name)
        try:
            self._lanes.check(names)
        except ParameterError as error:
            self._say(f"Not used; allowed: {error.allowed}", self._add)
            return
        self._add.clear()
        self._switch(names)

    def _say(self, text: str, refused: QWidget | None = None) -> None:
        self._message.setText(text)
        self._message.setVisible(bool(text))
        self._add.setAccessibleDescription(text)
        flag(self._add, "refused", refused is self._add)

    def _explain_last(self) -> None:
        for name, row in self._rows.items():
            lines = [row.option.doc] * bool(row.option.doc) + [_LAST] * (self._active == (name,))
            row.check.setToolTip(formula_tip("\n".join(lines), self.font()) if lines else "")

    def _rebuild(self, options: Sequence[LaneOption]) -> None:
        self._clear()
        for place, option in enumerate(options):
            row = LaneRow(option, self)
            row.clicked.connect(self._click)
            row.hovered.connect(self.hovered)
            row.changed.connect(self.changed)
            self._rows[option.name] = row
            self._column.insertWidget(place, row)
            row.show()

    def _clear(self) -> None:
        for row in self._rows.values():
            self._column.removeWidget(row)
            row.hide()
            row.deleteLater()
        self._rows = {}
        self._say("")


class _NameField(OwnKeys, QLineEdit):
    """Where a lane's name is typed; Enter adds it, Esc empties the field."""

    named = Signal(str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("lanes-add")
        self.setAcceptDrops(False)
        self.setAccessibleName("add a lane by name")
        self.returnPressed.connect(self._enter)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Empty the field on Esc, if there is something in it."""
        if event.key() == Qt.Key.Key_Escape and self.text():
            self.clear()
            flag(self, "refused", False)
        else:
            super().keyPressEvent(event)

    def _enter(self) -> None:
        if self.text().strip():
            self.named.emit(self.text().strip())


def _look(option: LaneOption) -> tuple[object, ...]:
    """Return what a row is made of; defaults may change without making it anew."""
    return option.name, option.label, option.colour, option.marker, tuple(p.key for p in option.parameters)
