"""The row of a formula: judged while it is typed, with the wrong character marked, and examples to begin with."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QMenu, QToolButton

from core.own_surface import EXAMPLES, Example, printed
from core.parameters import FormulaError, ParameterError
from gui.editors import Editor
from gui.widgets import IconButton, tip

if TYPE_CHECKING:
    from PySide6.QtWidgets import QBoxLayout, QLayoutItem

    from gui.formula_field import FormulaField

_LONGEST_REASON = 64
_LONGEST_SHOWN = 120


class FormulaEditor(Editor):
    """A formula's row. While it is typed the last good one stays in force; Enter takes it, Esc brings it back."""

    field: FormulaField

    def _lay_out(self) -> None:
        super()._lay_out()
        self._refused_at: int | None = None
        self._hint = QLabel(self)
        self._hint.setObjectName(f"{self.parameter.key}:hint")
        self._hint.setProperty("role", "hint")
        self._hint.setTextFormat(Qt.TextFormat.PlainText)
        self._hint.setWordWrap(True)
        self._hint.hide()
        self._reason.setObjectName(f"{self.parameter.key}:reason")
        self._reason.setTextFormat(Qt.TextFormat.PlainText)
        column = cast("QBoxLayout", self.layout())
        top = cast("QLayoutItem", column.itemAt(0)).layout()
        cast("QBoxLayout", top).insertWidget(1, self._make_examples())
        column.addWidget(self._hint)
        self.field.typed.connect(self._judge)

    def _make_examples(self) -> QToolButton:
        button = IconButton("chevron-down", "Functions to begin with", 12, "muted", self)
        button.setObjectName(f"{self.parameter.key}:examples")
        button.setText("Examples")
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setLayoutDirection(Qt.LayoutDirection.RightToLeft)  # the arrow behind the word
        button.setProperty("small", True)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(button)
        menu.setLayoutDirection(Qt.LayoutDirection.LeftToRight)
        menu.setToolTipsVisible(True)
        for example in EXAMPLES:
            action = menu.addAction(example.name)
            action.setToolTip(tip(f"{printed(example.text)}\n{example.shows}"))
            action.triggered.connect(partial(self._take_example, example))
        button.setMenu(menu)
        return button

    def _take_example(self, example: Example, _checked: bool = False) -> None:
        """Take an example, also the one at hand: it brings its domain back."""
        self.set_value(example.text)
        self.edited.emit(self.parameter.key, example.text)

    def _take(self, raw: object) -> None:
        super()._take(raw)
        if self._refused_at is not None and self.field.hasFocus():
            self.field.go_to(self._refused_at)

    def _judge(self) -> None:
        """Say of what is typed so far whether it can be read, and how."""
        if not self.field.pending():
            self._after_good()
            return
        try:
            value = self.parameter.parse(self.field.text())
        except ParameterError as error:
            self._refuse(error)
            return
        self._after_good()
        shown = printed(value)
        shown = shown if len(shown) <= _LONGEST_SHOWN else shown[:_LONGEST_SHOWN] + " …"
        self._hint.setText(f"Enter draws f(x, y) = {shown}")
        self._hint.show()
        self.field.setAccessibleDescription(self._hint.text())

    def _refuse(self, error: ParameterError) -> None:
        super()._refuse(error)
        self._hint.hide()
        if not isinstance(error, FormulaError):
            return
        self._refused_at = error.position
        short = error.reason if len(error.reason) <= _LONGEST_REASON else error.reason.partition("; allowed: ")[0]
        self._reason.setText(f"Character {error.position + 1}: {short}")
        self._reason.setToolTip(tip(error.reason))
        self.field.mark(error.position)

    def _after_good(self) -> None:
        super()._after_good()
        self._refused_at = None
        self._hint.hide()
        self.field.mark(None)
