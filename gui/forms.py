"""The form of a configuration: one row per declared parameter, made from its declaration.

A parameter of a lane (`sgd.lr` where `sgd` can be a lane) has its place in the lane list, not here.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from core.parameters import Kind
from gui.editors import Editor
from gui.formula_editor import FormulaEditor

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from core.parameters import Configuration, Parameter

LANES = "lanes"
GROUPS = {
    "Search": ("method", "trials", "epochs", "search", "halving", "stage"),
    "Network": ("hidden", "init", "activation", "batchnorm"),
    "Regularization": ("l2", "l1", "dropout"),
    "Run": ("images", "optimizer", "batch", "iterations", "evaluate", "seed", "seeds"),
    "Measurement": ("inputs", "range", "bins"),
}
_AS_LISTED = ("Search", "Regularization", "Run")  # the others' rows come as the experiment declares them


def form_parameters(configuration: Configuration) -> tuple[Parameter, ...]:
    """Return the parameters that the form shows: all but the lanes and what is a lane's own."""
    return tuple(p for p in configuration.parameters if p.key != LANES and not is_lane_key(configuration, p.key))


def is_lane_key(configuration: Configuration, key: str) -> bool:
    """Tell whether `key` is a lane's own, such as `sgd.lr` where `sgd` can be a lane."""
    lanes = next((p.choices for p in configuration.parameters if p.key == LANES), ())
    owner, dot, _ = key.partition(".")
    return bool(dot) and owner in lanes


def grouped(parameters: tuple[Parameter, ...]) -> dict[str, list[Parameter]]:
    """Return the parameters under headings; under one empty heading where they would all come under one."""
    found: dict[str, list[Parameter]] = {}
    for parameter in parameters:
        found.setdefault(_heading(parameter.key), []).append(parameter)
    if len([name for name in found if name]) < 2:
        return {"": list(parameters)}
    return {name: sorted(found[name], key=_rank) for name in ("", *GROUPS) if name in found}


def _heading(key: str) -> str:
    owner = _owner(key)
    return next((name for name, keys in GROUPS.items() if owner in keys), "")


def _owner(key: str) -> str:
    """Return the listed key whose place a key shares: `search.lr` stands with `search`, `sgd.lr` with `optimizer`."""
    owner, dot, _ = key.partition(".")
    return "optimizer" if dot and not any(owner in keys for keys in GROUPS.values()) else owner


def _rank(parameter: Parameter) -> tuple[int, bool]:
    """Return what sorts a heading's rows: an owner comes before what shares its place."""
    heading, owner = _heading(parameter.key), _owner(parameter.key)
    return (GROUPS[heading].index(owner), owner != parameter.key) if heading in _AS_LISTED else (0, False)


def show_parameter(editor: Editor, parameter: Parameter, value: Any) -> None:
    """Show a parameter's value, and its default if that became another, without a signal."""
    if editor.parameter != parameter:
        editor.redeclare(parameter)
    if editor.value() != value:
        editor.set_value(value)


def _without_default(parameter: Parameter) -> Parameter:
    return replace(parameter, default=None)


def _follow_in_turn(rows: list[Editor]) -> None:
    """Let the Tab key go through rows in this order; without it the one made last would come last."""
    window, inside = rows[0].window(), [widget for row in rows for widget in row.findChildren(QWidget)]
    stops = [found for found in inside if found.focusPolicy() is not Qt.FocusPolicy.NoFocus]
    for first, second in pairwise(found for found in stops if found.window() is window):  # not what pops up
        QWidget.setTabOrder(first, second)


class Form(QWidget):
    """Rows for a configuration, each made when it is first used. It scrolls with whatever it is put into.

    Rows that nobody sees would cost their share: a change of the theme restyles them all.
    """

    changed = Signal(str, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._editors: dict[str, Editor] = {}
        self._parameters: dict[str, Parameter] = {}
        self._values: Mapping[str, Any] = {}
        self._headings: list[tuple[QLabel, list[Parameter]]] = []
        self._order: list[QLabel | str] = []  # headings, and the keys below each
        self._declared: list[Parameter] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(4, 0, 4, 0)  # in line with the lane list's rows
        self._column.setSpacing(4)

    def show_configuration(self, configuration: Configuration) -> None:
        """Show the values in force without a signal; rows are made anew only for other parameters."""
        parameters = form_parameters(configuration)
        if [_without_default(p) for p in parameters] != self._declared:
            self._rebuild(parameters)
        self._parameters = {parameter.key: parameter for parameter in parameters}
        self._values = configuration.current()
        for parameter in parameters:
            used = configuration.uses(parameter)
            if used or parameter.key in self._editors:
                editor = self.editor(parameter.key)
                show_parameter(editor, parameter, self._values[parameter.key])
                editor.setVisible(used)
        for heading, members in self._headings:
            heading.setVisible(any(configuration.uses(parameter) for parameter in members))

    def editor(self, key: str) -> Editor:
        """Return a parameter's row; KeyError where the form has none."""
        if key not in self._editors:
            self._editors[key] = self._make(self._parameters[key])
        return self._editors[key]

    def keys(self) -> tuple[str, ...]:
        """Return the keys of all rows, hidden ones too."""
        return tuple(self._parameters)

    def _rebuild(self, parameters: tuple[Parameter, ...]) -> None:
        self._clear()
        self._declared = [_without_default(p) for p in parameters]
        for heading, members in grouped(parameters).items():
            self._add_heading(heading, members)
            self._order += [parameter.key for parameter in members]

    def _make(self, parameter: Parameter) -> Editor:
        """Make a row, hidden, in its place and in the order of the Tab key."""
        make = FormulaEditor if parameter.kind is Kind.FORMULA else Editor
        editor = make(parameter, self)
        editor.hide()
        editor.edited.connect(self.changed)
        show_parameter(editor, parameter, self._values[parameter.key])
        at = self._order.index(parameter.key)
        before, after = self._made(self._order[:at]), self._made(self._order[at:])
        self._column.insertWidget(len(before) + sum(isinstance(name, QLabel) for name in self._order[:at]), editor)
        _follow_in_turn([before[-1], editor] if before else [editor, *after])
        return editor

    def _made(self, names: Sequence[QLabel | str]) -> list[Editor]:
        """Return the rows that there are, of those named."""
        return [self._editors[name] for name in names if isinstance(name, str) and name in self._editors]

    def _add_heading(self, text: str, members: list[Parameter]) -> None:
        if text:
            heading = QLabel(text, self)
            heading.setProperty("role", "heading")
            heading.setIndent(0)
            self._headings.append((heading, members))
            self._order.append(heading)
            self._column.addWidget(heading)

    def _clear(self) -> None:
        for widget in (*self._editors.values(), *(heading for heading, _ in self._headings)):
            self._column.removeWidget(widget)
            widget.hide()
            widget.deleteLater()
        self._editors, self._headings, self._order = {}, [], []
