"""A lane's marker at a few places of its curve, so that curves can be told apart without colour."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QPointF
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen

from gui.items import Frame, ViewItem
from gui.legend import marker_path

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PIXELS = 8.0
_ACROSS = 8  # markers over the width of the whole run


class CurveMarkers(ViewItem):
    """Markers on a curve given at x0, x0 + 1, …; `phase` (0 to 1) shifts them against those of other lanes."""

    def __init__(self, colour: str, marker: str, phase: float) -> None:
        super().__init__()
        self._colour, self._marker, self._phase = colour, marker, phase
        self._x: NDArray[Any] = np.empty(0)
        self._y: NDArray[Any] = np.empty(0)
        self._log = False

    def setLogMode(self, x: bool, y: bool) -> None:
        """Follow the plot's axes; called by PlotItem."""
        self._log = bool(y)
        self._changed()

    def set_curve(self, y: NDArray[Any], x0: float, total: int) -> None:
        """Mark the curve `y` (n,) of a run of `total` points."""
        step = max(1.0, total / _ACROSS)
        places = (np.arange(_ACROSS + 1) + self._phase) * step
        rows = np.unique(places[places < len(y)].astype(int))
        if len(rows) != len(self._x) or not np.array_equal(y[rows], self._y):
            self._x, self._y = rows + x0, y[rows]
            self._changed()

    def draw(self, painter: QPainter, frame: Frame) -> None:
        """Draw the markers that are within the view's height."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        shape = marker_path(self._marker, _PIXELS)
        path = self._once(frame, lambda found: self._shapes(found, shape))
        painter.strokePath(path, QPen(QColor(self._colours.background), 2.5))
        painter.fillPath(path, QColor(self._lane(self._colour)))

    def _shapes(self, frame: Frame, shape: QPainterPath) -> QPainterPath:
        left, top, width, height = frame.rect
        path = QPainterPath()
        shown = np.log10(np.maximum(self._y, np.finfo(float).tiny)) if self._log else self._y
        for x, y in zip(self._x.tolist(), shown.tolist(), strict=True):
            at = QPointF(frame.sx * x + frame.dx, frame.sy * y + frame.dy)
            if left <= at.x() <= left + width and top <= at.y() <= top + height:
                path.addPath(shape.translated(at))
        return path
