"""Changes of a panel's configuration as commands that can be undone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QUndoCommand
from PySide6.QtWidgets import QApplication

from gui.widgets import Stroke

if TYPE_CHECKING:
    from core.parameters import Configuration
    from gui.panel import Panel


class Edit(QUndoCommand):
    """A change of a panel's configuration; the many small changes of one drag are one."""

    def __init__(self, panel: Panel, text: str, before: Configuration, after: Configuration, key: str) -> None:
        super().__init__(text)
        self.panel, self.before, self.after, self.key = panel, before, after, key
        self._stroke = Stroke.number if QApplication.mouseButtons() & Qt.MouseButton.LeftButton else None

    def id(self) -> int:
        """Only edits of one kind merge."""
        return 1

    def mergeWith(self, other: QUndoCommand) -> bool:
        """Take in the next change if it is of the same parameter in one stroke of the mouse."""
        if not isinstance(other, Edit) or (other.panel, other.key) != (self.panel, self.key):
            return False
        if self._stroke is None or self._stroke != other._stroke:
            return False
        self.after = other.after
        return True

    def undo(self) -> None:
        """Go back to what was before, where it can be seen."""
        self.panel.desk.open_panel(self.panel.entry.key)
        self.panel.apply(self.before)

    def redo(self) -> None:
        """Apply the change, where it can be seen."""
        self.panel.desk.open_panel(self.panel.entry.key)
        self.panel.apply(self.after)
