"""Pointing at a step with the mouse: what is nearest on a plot is found in pixels, and a ring marks it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPen

from gui.items import Frame, ViewItem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

_RING = 8.0


class Pointer(ViewItem):
    """Follows the mouse over a plot and sends `moved` with its place, or None when it leaves; draws one ring.

    Files have no ring.
    """

    moved = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._ring: tuple[float, float, str] | None = None
        self.setZValue(450)

    def hoverEvent(self, event: Any) -> None:
        """Follow the mouse; called by pyqtgraph's scene."""
        self.moved.emit(None if event.isExit() else QPointF(event.pos()))

    def set_ring(self, ring: tuple[float, float, str] | None) -> None:
        """Draw a ring about a point (x, y, colour) of the plot, or none."""
        if ring != self._ring:
            self._ring = ring
            self._changed()

    def draw(self, painter: QPainter, frame: Frame) -> None:
        """Draw the ring."""
        if self._ring is None or frame.fine:
            return
        x, y, colour = self._ring
        at = QPointF(frame.sx * x + frame.dx, frame.sy * y + frame.dy)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for shade, width in ((self._colours.background, 5.0), (self._lane(colour), 2.5)):
            painter.setPen(QPen(QColor(shade), width))
            painter.drawEllipse(at, _RING, _RING)

    def nearest(self, at: QPointF, rows: Iterable[NDArray[Any]]) -> tuple[float, int, int] | None:
        """Return the distance in pixels, the row and the number of the point nearest to `at`; NaN points are none.

        Each row is points `(n, 2)`.
        """
        size = np.array(self.getViewBox().viewPixelSize())
        best: tuple[float, int, int] | None = None
        for row, points in enumerate(rows):
            with np.errstate(all="ignore"):
                squares = (((points - (at.x(), at.y())) / size) ** 2).sum(axis=1)
            squares[np.isnan(squares)] = np.inf
            place = int(squares.argmin()) if len(squares) else -1
            if place >= 0 and np.isfinite(squares[place]) and (best is None or squares[place] < best[0] ** 2):
                best = float(np.sqrt(squares[place])), row, place
        return best
