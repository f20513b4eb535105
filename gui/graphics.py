"""The window of a view's plots. pyqtgraph passes over moves of the mouse that come too soon after another one.

Where the mouse came to rest would so go unnoticed, as often as not: what it points at is told once it rests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyqtgraph as pg
from PySide6.QtCore import QTimer
from PySide6.QtGui import QMouseEvent

from gui.reported import reported

if TYPE_CHECKING:
    from PySide6.QtCore import QEvent
    from PySide6.QtWidgets import QWidget

_REST_MS = 1000 // pg.getConfigOption("mouseRateLimit") + 2  # after which pyqtgraph hears a move again


class Graphics(pg.GraphicsLayoutWidget):  # type: ignore[misc]
    """Plots in a grid, which hear of the last of many moves too."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._move: QMouseEvent | None = None
        self._rest = QTimer(self, singleShot=True, interval=_REST_MS)
        self._rest.timeout.connect(self._repeat)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Repeat a move after which none comes."""
        super().mouseMoveEvent(event)
        places = event.position(), event.scenePosition(), event.globalPosition()
        self._move = QMouseEvent(event.type(), *places, event.button(), event.buttons(), event.modifiers())
        self._rest.start()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Forget the moves before."""
        self._rest.stop()
        super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Forget the moves before: pyqtgraph ends a drag where the button goes up."""
        self._rest.stop()
        super().mouseReleaseEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        """Forget where the mouse was."""
        self._rest.stop()
        super().leaveEvent(event)

    @reported
    def _repeat(self) -> None:
        if self._move is not None:
            super().mouseMoveEvent(self._move)
