"""A filled area between two curves: the spread over seeds, or the gap between training and test accuracy.

Long curves are cut down to the pixel columns of the view, as `Trace` does: of each the lowest of both and the highest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath

from gui.decimation import Array, Curve, first_difference, visible_points
from gui.items import Frame, ViewItem, line_path, scene_y

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROUGH_PIXELS = 1.5
_FEW = 200  # points whose area costs nothing
_BEHIND = -10.0


class Band(ViewItem):
    """The area between two curves over x that ascends, behind all lines.

    Where either is NaN there is a gap; where they cross, the area goes on on the other side. The arrays are kept, not
    copied: give new ones. It shines through, so that bands which overlap can all be seen, and the grid below them.
    """

    def __init__(self, colour: str = "#0072B2", alpha: float = 0.18) -> None:
        super().__init__()
        self._low, self._high = Curve(np.empty(0)), Curve(np.empty(0))
        self.set_look(colour, alpha)
        self.setZValue(_BEHIND)

    def set_look(self, colour: str, alpha: float = 0.18) -> None:
        """Fill in `colour`, at opacity `alpha` (0 to 1)."""
        self._colour, self._alpha = colour, alpha
        self.update()

    def setData(self, low: Array, high: Array, x: Array | None = None, x0: float = 0.0, dx: float = 1.0) -> None:
        """Fill between low (n,) and high (n,) over x (n,), or without x over x0, x0 + dx, …; ValueError for lengths."""
        if len(low) != len(high) or (x is not None and len(x) != len(low)):
            raise ValueError(f"low has {len(low)} values, high {len(high)}, x {len(low if x is None else x)}")
        before = self._low, self._high
        self._low, self._high = (Curve(np.asarray(side), x, x0, dx) for side in (low, high))
        firsts = (first_difference(*pair) for pair in zip(before, (self._low, self._high), strict=True))
        found = [first for first in firsts if first is not None]
        if found:
            self._version += 1
            self.update(self._touched(min(found), before[0], self._low))

    def draw(self, painter: QPainter, frame: Frame) -> None:
        """Fill the area."""
        area, rough = self._once(frame, self._area)
        colour = QColor(self._lane(self._colour))
        colour.setAlphaF(self._alpha)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, frame.fine or not rough)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawPath(area)

    def _area(self, frame: Frame) -> tuple[QPainterPath, bool]:
        """Return one polygon for every stretch without a gap, in scene pixels.

        And whether its edges are so rough that smoothing them, which takes four times as long, would show nothing.
        """
        path = QPainterPath()
        path.setFillRule(Qt.FillRule.WindingFill)
        if not len(self._low.y):
            return path, False
        x, low, high = self._sides(frame)
        x, (low, high) = frame.sx * x + frame.dx, (scene_y(side, frame) for side in (low, high))
        for part in _stretches(low + high):
            around = line_path(np.concatenate([x[part], x[part][::-1]]), np.concatenate([low[part], high[part][::-1]]))
            around.closeSubpath()
            path.addPath(around)
        return path, _is_rough(low)

    def _sides(self, frame: Frame) -> tuple[Array, Array, Array]:
        """Return x and both sides, of many points one for each column of pixels."""
        edges = frame.column_edges()
        bounds = self._low.split(edges)
        if bounds[-1] - bounds[0] <= len(edges):
            x, low = visible_points(self._low, edges)
            return x, low, visible_points(self._high, edges)[1]
        used = np.flatnonzero(bounds[1:] > bounds[:-1])
        begins, end = bounds[used], bounds[-1]
        x = 0.5 * (edges[used] + edges[used + 1])
        x[[0, -1]] = self._low.place(np.array([begins[0], end - 1]))
        low, high = np.fmin.reduceat(self._low.y[:end], begins), np.fmax.reduceat(self._high.y[:end], begins)
        return x, np.minimum(low, high), np.maximum(low, high)


def _is_rough(y: Array) -> bool:
    return len(y) > _FEW and float(np.nansum(np.abs(np.diff(y)))) > _ROUGH_PIXELS * len(y)


def _stretches(values: NDArray[np.float64]) -> list[slice]:
    """Return where two or more values in a row are not NaN."""
    known = np.concatenate([[False], ~np.isnan(values), [False]])
    begins, ends = np.flatnonzero(known[1:] & ~known[:-1]), np.flatnonzero(known[:-1] & ~known[1:])
    return [slice(begin, end) for begin, end in zip(begins.tolist(), ends.tolist(), strict=True) if end - begin > 1]
