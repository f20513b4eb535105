"""The local minima of a surface within its view, and which of them moving points have reached.

That is the nearest one, where the point is close and hardly higher or lower.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.minima import low_points

if TYPE_CHECKING:
    from core.surfaces import Surface

Array = NDArray[Any]

MOST = 250  # minima that are told apart, the lowest ones
_NEAREST = 256
_SAME = 1e-3  # of the view: minima that are as near to each other are one
_CLOSE = 0.3  # of the way to the nearest other minimum


@dataclass(frozen=True, slots=True, eq=False)
class Minima:
    """Minima, the lowest first: `points` (m, 2), `values` (m,), and up to which distance a point is close, `reach`.

    `nearest` (256, 256) has the index of the nearest one over `view`, its first axis along y.
    """

    view: tuple[float, float, float, float]
    points: Array
    values: Array
    reach: Array
    nearest: Array

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.values)

    def reached(self, x: Array, y: Array, value: Array, tolerance: float) -> Array:
        """Return for points (n,) the number of the minimum that each has reached, from 1; 0 for none (uint8)."""
        if not len(self):
            return np.zeros(x.shape, np.uint8)
        x_low, x_high, y_low, y_high = self.view
        column, row = _index(x, x_low, x_high), _index(y, y_low, y_high)
        found = self.nearest.ravel()[row * _NEAREST + column]
        dx, dy = x - self.points[found, 0], y - self.points[found, 1]
        close = dx * dx + dy * dy <= self.reach[found] ** 2
        close &= np.abs(value - self.values[found]) <= tolerance
        number: Array = np.where(close, found + 1, 0).astype(np.uint8)
        return number


class Arrivals:
    """At which minimum each of many moving points is, by `label` (uint8): its number from 1, 0 for none.

    A point that is at one is looked for there first; only where it is not, the nearest one is looked up.
    """

    def __init__(self, minima: Minima, tolerance: float, count: int) -> None:
        """Begin with all points nowhere."""
        self._minima, self._tolerance = minima, tolerance
        self._highest = minima.values.max(initial=-np.inf) + tolerance
        self.label = np.zeros(count, np.uint8)
        self._targets = np.full((4, count), np.nan)  # x, y, f and squared reach of a point's minimum

    def follow(self, x: Array, y: Array, value: Array) -> Array:
        """Find points (n,) anew, and tell which are still where they were (bool)."""
        at_x, at_y, at_value, reach = self._targets
        dx, dy = x - at_x, y - at_y
        stays: Array = dx * dx + dy * dy <= reach
        stays &= np.abs(value - at_value) <= self._tolerance
        left = np.flatnonzero((self.label > 0) & ~stays)
        self._settle(left, np.zeros(len(left), np.uint8))
        others = np.flatnonzero(~stays & (value <= self._highest))
        if len(others):
            found = self._minima.reached(x[others], y[others], value[others], self._tolerance)
            there = np.flatnonzero(found)
            self._settle(others[there], found[there])
        return stays

    def _settle(self, points: Array, labels: Array) -> None:
        """Note at which minimum some points are now."""
        self.label[points] = labels
        at, found = labels.astype(np.intp) - 1, self._minima
        nowhere = labels == 0
        for row, values in enumerate((found.points[:, 0], found.points[:, 1], found.values, found.reach**2)):
            self._targets[row, points] = np.where(nowhere, np.nan, values[at]) if len(values) else np.nan

    def keep(self, points: Array) -> None:
        """Go on with some of the points."""
        self.label, self._targets = self.label[points], np.ascontiguousarray(self._targets[:, points])


def _index(at: Array, low: float, high: float) -> Array:
    """Return the cells of the grid `nearest` that coordinates are in; what is outside counts to the outermost."""
    place = (at - low) * (_NEAREST / (high - low))
    return np.nan_to_num(np.clip(place, 0, _NEAREST - 1)).astype(np.intp)


@lru_cache(maxsize=16)
def local_minima(shape: Surface) -> Minima:
    """Return the minima of a surface within its view, at most 250."""
    found = low_points(shape.value, shape.gradient, shape.view)
    with np.errstate(all="ignore"):
        found = _distinct(shape, [*np.array(shape.minima).reshape(-1, 2), *found])
        values = np.asarray(shape.value(found[:, 0], found[:, 1]), float).reshape(-1)
    order = np.lexsort((found[:, 1], found[:, 0], values.round(9)))[:MOST]
    points, values = found[order], values[order]
    return Minima(shape.view, points, values, _reach(shape, points), _nearest(shape, points))


def _sides(shape: Surface) -> Array:
    x_low, x_high, y_low, y_high = shape.view
    return np.array([x_high - x_low, y_high - y_low])


def _distinct(shape: Surface, points: list[Array]) -> Array:
    """Leave out points that are another one's."""
    kept: list[Array] = []
    for point in points:
        if all(np.abs((point - other) / _sides(shape)).max() > _SAME for other in kept):
            kept.append(point)
    return np.array(kept).reshape(-1, 2)


def _reach(shape: Surface, points: Array) -> Array:
    """Return up to which distance a point is close to a minimum."""
    apart = np.hypot(*np.moveaxis(points[:, None] - points[None], -1, 0))
    apart[np.diag_indices(len(points))] = _sides(shape).min()
    nearest: Array = apart.min(axis=1, initial=np.inf)
    return _CLOSE * nearest


def _nearest(shape: Surface, points: Array) -> Array:
    """Return the index of the nearest minimum in the middle of each cell of a grid."""
    x_low, x_high, y_low, y_high = shape.view
    places = (np.arange(_NEAREST) + 0.5) / _NEAREST
    x, y = x_low + places * (x_high - x_low), y_low + places * (y_high - y_low)
    best, nearest = np.full((_NEAREST, _NEAREST), np.inf), np.zeros((_NEAREST, _NEAREST), np.uint8)
    for number, point in enumerate(points):
        distance = (x[None] - point[0]) ** 2 + (y[:, None] - point[1]) ** 2
        nearer = distance < best
        best[nearer], nearest[nearer] = distance[nearer], number
    return nearest
