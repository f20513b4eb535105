"""The row between a search's plots and its table: which region is selected, and the buttons that go on from there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from gui.widgets import ElidedLabel, OwnKeys, flag, row_of, tip

if TYPE_CHECKING:
    from PySide6.QtGui import QKeyEvent

_NONE = "Drag a region on the scatter to search inside it"


class RegionButton(OwnKeys, QPushButton):
    """A button that a click does not give the keyboard, so that Space still plays; Enter is left to the view."""

    own_keys = (Qt.Key.Key_Space,)

    def __init__(self, name: str, text: str, hint: str, parent: QWidget) -> None:
        super().__init__(text, parent)
        self.setObjectName(name)
        self.setToolTip(tip(hint))
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAutoDefault(False)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Press with Space or Enter."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        else:
            super().keyPressEvent(event)


class RegionBar(QWidget):
    """`best_asked`, `search_asked`: a button was pressed."""

    best_asked = Signal()
    search_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._said = ElidedLabel(_NONE, parent=self)
        self._said.setObjectName("region")
        self._said.setProperty("role", "muted")
        best = "Select the region that holds the best ten trials"
        inside = "Search anew with the region as ranges, further draws and everything else the same (Enter)"
        self.best = RegionButton("best-region", "Best region", best, self)
        self.inside = RegionButton("search-inside", "Search inside", inside, self)
        self.best.clicked.connect(self.best_asked)
        self.inside.clicked.connect(self.search_asked)
        row = row_of(self._said, self.best, self.inside, margins=(16, 5, 12, 5))
        row.setStretchFactor(self._said, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(row)
        self.show_region("", False)

    def show_region(self, words: str, any_measured: bool) -> None:
        """Say which region is selected; empty for none."""
        if self._said.text() != (words or _NONE):
            self._said.setText(words or _NONE)
        self.best.setEnabled(any_measured)
        self.inside.setEnabled(bool(words))
        self.inside.setDefault(bool(words))
        flag(self.inside, "ready", bool(words))
