"""The local minima of a surface within its view: low points of a grid, made exact by Newton's method.

They say which minimum a point has reached: the nearest one, where the point is close and hardly higher or lower.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from core.surfaces import Surface

Array = NDArray[Any]

MOST = 250  # minima that are told apart, the lowest ones
_GRID = 401
_MOST_LOW = 500  # low points of the grid: a plain has no end of them
_NEAREST = 256
_SAME = 1e-3  # of the view: minima that are as near to each other are one
_CLOSE = 0.3  # of the way to the nearest other minimum
_HALVINGS, _TURNS, _NEWTON = 24, 400, 30
_RING, _RING_POINTS = 1e-3, 32
_AROUND = np.array([(x, y) for x in (-1, 0, 1) for y in (-1, 0, 1) if x or y], float)


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
    with np.errstate(all="ignore"):
        found = _distinct(shape, [*np.array(shape.minima).reshape(-1, 2), *_refined(shape, _low_points(shape))])
        values = np.asarray(shape.value(found[:, 0], found[:, 1]), float).reshape(-1)
    order = np.lexsort((found[:, 1], found[:, 0], values.round(9)))[:MOST]
    points, values = found[order], values[order]
    return Minima(shape.view, points, values, _reach(shape, points), _nearest(shape, points))


def _sides(shape: Surface) -> Array:
    x_low, x_high, y_low, y_high = shape.view
    return np.array([x_high - x_low, y_high - y_low])


def _low_points(shape: Surface) -> Array:
    """Return the points of a grid that are lower than all eight around them."""
    x_low, x_high, y_low, y_high = shape.view
    x, y = np.linspace(x_low, x_high, _GRID), np.linspace(y_low, y_high, _GRID)
    values = np.broadcast_to(shape.value(x[None], y[:, None]), (_GRID, _GRID))
    inner = values[1:-1, 1:-1]
    lower: Array = np.asarray(np.isfinite(inner))
    for across, up in _AROUND.astype(int):
        lower &= inner <= values[1 + up : _GRID - 1 + up, 1 + across : _GRID - 1 + across]
    rows, columns = np.nonzero(lower)
    lowest = np.argsort(inner[rows, columns], kind="stable")[:_MOST_LOW]
    return np.stack([x[columns + 1], y[rows + 1]], axis=1)[lowest]


def _refined(shape: Surface, points: Array) -> Array:
    """Return the minima that these points are near to."""
    points = _descended(shape, points)
    newton = _newton(shape, points)
    lower = np.asarray(shape.f(newton)) <= np.asarray(shape.f(points)) + 1e-12
    better = np.isfinite(newton).all(axis=1) & lower
    points = np.where(better[:, None], newton, points)
    return points[_is_minimum(shape, points)] if len(points) else points


def _descended(shape: Surface, points: Array) -> Array:
    """Move each point to the lowest of its eight neighbours while one is lower, then look nearer (compass search)."""
    step = np.full(len(points), 1.0 / (_GRID - 1))
    value = np.asarray(shape.f(points))
    for _ in range(_TURNS):
        around = points[:, None] + _AROUND * (step[:, None, None] * _sides(shape))
        values = np.asarray(shape.f(around))
        best = values.argmin(axis=1)
        rows = np.arange(len(points))
        lower = values[rows, best] < value
        points = np.where(lower[:, None], around[rows, best], points)
        value = np.where(lower, values[rows, best], value)
        step = np.where(lower, step, 0.5 * step)
        if (step < 0.5**_HALVINGS).all():
            break
    return points


def _newton(shape: Surface, points: Array) -> Array:
    """Return where Newton's method leads; NaN where it fails."""
    h = 1e-6 * _sides(shape)
    for _ in range(_NEWTON):
        gradient = shape.grad(points)
        columns = [(shape.grad(points + d) - shape.grad(points - d)) / (2.0 * d.sum()) for d in np.diag(h)]
        hessian = np.stack(columns, axis=-1)
        (a, b), (c, d) = np.moveaxis(hessian, 0, -1)
        inverse = np.stack([d * gradient[:, 0] - b * gradient[:, 1], a * gradient[:, 1] - c * gradient[:, 0]], axis=1)
        points = points - inverse / (a * d - b * c)[:, None]
    return points


def _is_minimum(shape: Surface, points: Array) -> Array:
    """Tell which points are within the view and lower than a small ring around them."""
    angles = np.linspace(0.0, 2.0 * np.pi, _RING_POINTS, endpoint=False)
    ring = np.stack([np.cos(angles), np.sin(angles)], axis=1) * (_RING * _sides(shape))
    x_low, x_high, y_low, y_high = shape.view
    within: Array = (points >= np.array([x_low, y_low])) & (points <= np.array([x_high, y_high]))
    values, around = np.asarray(shape.f(points)), np.asarray(shape.f(points[:, None] + ring))
    lowest: Array = np.all(within, axis=1) & np.all(around > values[:, None], axis=1)
    return lowest


def _distinct(shape: Surface, points: list[Array]) -> Array:
    """Leave out points that are another one's, and those outside the view."""
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
    best, nearest = np.full((_NEAREST, _NEAREST), np.inf), np.zeros((_NEAREST, _NEAREST), np.intp)
    for number, point in enumerate(points):
        distance = (x[None] - point[0]) ** 2 + (y[:, None] - point[1]) ** 2
        nearer = distance < best
        best[nearer], nearest[nearer] = distance[nearer], number
    return nearest
