"""The rail at the window's left: a button for each panel, and for the data at its foot."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QFrame, QToolButton, QVBoxLayout, QWidget

from gui import theme
from gui.registry import PANELS
from gui.widgets import tip

if TYPE_CHECKING:
    from gui.theme import Theme

RAIL_WIDTH = 98
_ICON = QSize(24, 24)


class Rail(QFrame):
    """`opened(key)` comes when a button is pressed."""

    opened = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("rail")
        self.setFixedWidth(RAIL_WIDTH)
        self._group = QButtonGroup(self)
        self._buttons: dict[str, QToolButton] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(6, 10, 6, 10)
        column.setSpacing(4)
        for number, entry in enumerate(PANELS, 1):
            column.addWidget(self._make_button(entry.key, entry.title, f"{entry.hint} (Ctrl+{number})"))
        column.addStretch(1)
        column.addWidget(self._make_button("data", "Data", "What the networks learn from (Ctrl+D)"))

    def _make_button(self, key: str, title: str, hint: str) -> QToolButton:
        self._buttons[key] = button = QToolButton(self)
        self._group.addButton(button)
        button.setObjectName(f"open-{key}")
        button.setText(title)
        button.setAccessibleName(title)
        button.setToolTip(tip(hint))
        button.setIcon(theme.icon(key, theme.current()))
        button.setIconSize(_ICON)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        button.setCheckable(True)
        button.setFixedWidth(RAIL_WIDTH - 12)
        button.clicked.connect(partial(self.opened.emit, key))
        return button

    def mark(self, key: str) -> None:
        """Mark what is open."""
        self._buttons[key].setChecked(True)

    def set_theme(self, found: Theme) -> None:
        """Draw the icons in the theme's colours."""
        for key, button in self._buttons.items():
            button.setIcon(theme.icon(key, found))
