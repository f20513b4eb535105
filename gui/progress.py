"""A strip that says what is being worked on, how far it is, and how to stop it; it blocks nothing."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QLabel, QProgressBar, QPushButton, QWidget

from gui.widgets import row_of

_STEPS = 1000


class ProgressStrip(QFrame):
    """Hidden until there is something to say; `cancelled` comes when its button is pressed."""

    cancelled = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("progress")
        self._text = QLabel(self)
        self._text.setObjectName("progress-text")
        self._bar = QProgressBar(self)
        self._bar.setTextVisible(False)
        self._bar.setAccessibleName("progress")
        self._cancel = QPushButton("Cancel", self)
        self._cancel.setObjectName("progress-cancel")
        self._cancel.clicked.connect(self.cancelled)
        row = row_of(self._text, self._bar, self._cancel, spacing=16, margins=(14, 6, 8, 6))
        row.setStretchFactor(self._bar, 1)
        self.setLayout(row)
        self.hide()

    def show_progress(self, text: str, share: float | None = None, can_cancel: bool = True) -> None:
        """Say what is worked on and which share of it is done; without one the bar only moves."""
        if self._text.text() != text:
            self._text.setText(text)
            self.setAccessibleName(text)
        self._bar.setRange(0, 0 if share is None else _STEPS)
        if share is not None:
            self._bar.setValue(round(_STEPS * share))
        self._cancel.setVisible(can_cancel)
        self.show()

    def text(self) -> str:
        """Return what is said; nothing while it is hidden."""
        return "" if self.isHidden() else self._text.text()
