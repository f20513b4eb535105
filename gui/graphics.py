"""The window of a view's plots. It hears of at most a hundred moves of the mouse a second, and always of the last one.

pyqtgraph has that limit too, but forgets the moves that come too soon: where the mouse came to rest, or a drag ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyqtgraph as pg
from PySide6.QtCore import QTimer
from PySide6.QtGui import QMouseEvent

from gui.reported import reported
from gui.widgets import Stroke

if TYPE_CHECKING:
    from PySide6.QtCore import QEvent
    from PySide6.QtWidgets import QWidget

pg.setConfigOption("mouseRateLimit", 0)  # ours takes its place
_PAUSE_MS = 10


class Graphics(pg.GraphicsLayoutWidget):  # type: ignore[misc]
    """Plots in a grid, in which each press of a button begins a stroke."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._kept: QMouseEvent | None = None
        self._pause = QTimer(self, singleShot=True, interval=_PAUSE_MS)
        self._pause.timeout.connect(self._hear_last)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Hear of a move, at once if it is the first for a while."""
        if self._pause.isActive():
            places = event.position(), event.scenePosition(), event.globalPosition()
            self._kept = QMouseEvent(event.type(), *places, event.button(), event.buttons(), event.modifiers())
            event.accept()
        else:
            self._hear(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin a stroke."""
        self._hear_last()
        Stroke.begin()
        super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End the stroke where the button went up."""
        with Stroke.ending():
            self._hear_last()
            super().mouseReleaseEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        """Forget where the mouse was."""
        self._kept = None
        super().leaveEvent(event)

    def _hear(self, event: QMouseEvent) -> None:
        self._kept = None
        self._pause.start()
        super().mouseMoveEvent(event)

    @reported
    def _hear_last(self) -> None:
        if self._kept is not None:
            self._hear(self._kept)
