"""The minima of a function on a rectangle: low points of a grid, then Newton's method on the exact gradient.

What is returned was checked: nothing on two small circles around a minimum is lower. The work is bounded.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable

Array = NDArray[Any]
View = tuple[float, float, float, float]

# Points along each side of the grid, odd: the middle of a symmetric rectangle is one of them. How many of its low
# points are followed, a plain having no end of them.
_COARSE, _FEW = 101, 100
_FINE, _MANY = 401, 500
_ROUNDS = 60
_APART = 1e-6
# In units of the rectangle's sides: differences for curvatures, and the circles around what may be a minimum.
_DIFFERENCE = 1e-6
_NEAR, _FAR = 1e-5, 5e-4
_ROUNDING = 16.0 * float(np.finfo(np.float64).eps)
_FAN = np.linspace(-1.0, 1.0, 17)
_FANS = 9  # each eight times narrower than the one before: the direction of the lowest point on a circle
_FLAT = 1e-7  # where a circle is hardly higher in one direction than in the middle, that is the line of a valley
_POLE = 20.0
_MOST_MINIMA = 40


def lowest_points(
    value: Callable[..., Any], gradient: Callable[..., Any], view: View
) -> tuple[tuple[tuple[float, float], ...], float]:
    """Return the isolated global minima inside of `view` (x_low, x_high, y_low, y_high) and the value there.

    Without a point inside that is as low as all others, as on a slope, there are none, and the value is -inf. A line
    or a plain of lowest points has a value but no minima, and so has a crowd of them. `value` and `gradient` are
    those of a `Surface`.
    """
    plane = _Plane(value, gradient, view)
    with np.errstate(all="ignore"):
        points, middle = _candidates(plane, _COARSE, _FEW)
        if not len(points):
            return (), -math.inf
        points, heights = _refined(plane, points, 1.0 / _COARSE)
        rests, isolated = _checked(plane, points, heights)
    floor = float(heights[rests].min(initial=math.inf))
    if not rests.any() or not floor <= float(heights.min()) + 1e-12 * (middle - floor):
        return (), -math.inf
    level = isolated & (heights <= floor + 1e-9 * (middle - floor))
    minima = plane.minima(points[level])
    return minima if len(minima) <= _MOST_MINIMA else (), floor


def low_points(value: Callable[..., Any], gradient: Callable[..., Any], view: View) -> Array:
    """Return all isolated minima inside of `view`, (m, 2), local ones too, at most 500; some may be there twice.

    Of narrower ones than a four-hundredth of the view some may be missing.
    """
    plane = _Plane(value, gradient, view)
    with np.errstate(all="ignore"):
        points, _ = _candidates(plane, _FINE, _MANY)
        points, heights = _refined(plane, points, 1.0 / _FINE)
        _, isolated = _checked(plane, points, heights)
    return plane.points(points[isolated])


class _Plane:
    """The function over the unit square: `u` (..., 2) from 0 to 1 across the rectangle."""

    def __init__(self, value: Callable[..., Any], gradient: Callable[..., Any], view: View) -> None:
        self._value, self._gradient = value, gradient
        self._low = np.array([view[0], view[2]])
        self._size = np.array([view[1] - view[0], view[3] - view[2]])

    def points(self, u: Array) -> Array:
        found: Array = self._low + u * self._size
        return found

    def lattice(self, line: Array) -> Array:
        """Return the heights (n, n) over places `line` (n,) of both sides, its first axis along y."""
        x, y = (self._low[axis] + line * self._size[axis] for axis in (0, 1))
        return np.broadcast_to(self._value(x[None], y[:, None]), (len(line), len(line)))

    def heights(self, u: Array) -> Array:
        x, y = np.moveaxis(self.points(u), -1, 0)
        return np.broadcast_to(self._value(x, y), x.shape)

    def slopes(self, u: Array) -> Array:
        x, y = np.moveaxis(self.points(u), -1, 0)
        parts = [np.broadcast_to(part, x.shape) for part in self._gradient(x, y)]
        found: Array = np.stack(parts, axis=-1) * self._size
        return found

    def minima(self, u: Array) -> tuple[tuple[float, float], ...]:
        """Return places once each, from left to right."""
        found: list[Array] = []
        for place in u[np.lexsort((u[:, 1], u[:, 0]))]:
            if all(np.abs(place - other).max() > _APART for other in found):
                found.append(place)
        x_y = [self.points(place).tolist() for place in found]
        return tuple((x, y) for x, y in x_y)


def _candidates(plane: _Plane, side: int, most: int) -> tuple[Array, float]:
    """Return the points of a grid that no neighbour is below, the lowest first, and the median value.

    None where the function is the same or infinite everywhere, or goes to -inf.
    """
    line = np.linspace(0.0, 1.0, side)
    heights = plane.lattice(line)
    finite = np.isfinite(heights)
    if not finite.any() or np.isneginf(heights).any() or np.ptp(heights[finite]) == 0.0:
        return np.empty((0, 2)), 0.0
    around = np.pad(np.where(finite, heights, np.inf), 1, constant_values=np.inf)
    least = np.minimum(np.minimum(around[:-2], around[1:-1]), around[2:])
    least = np.minimum(np.minimum(least[:, :-2], least[:, 1:-1]), least[:, 2:])
    rows, columns = np.nonzero(finite & (heights <= least))
    lowest = np.argsort(heights[rows, columns], kind="stable")[:most]
    return np.stack([line[columns], line[rows]], axis=1)[lowest], float(np.median(heights[finite]))


def _refined(plane: _Plane, u: Array, farthest: float) -> tuple[Array, Array]:
    """Go down from each point, never up, by Newton's steps where the surface curves upward, else down the slope.

    No step is longer than `farthest`.
    """
    heights = plane.heights(u).copy()
    reach = np.full(len(u), farthest)
    for _ in range(_ROUNDS):
        step, curved = _step(plane, u, reach)
        trial = np.clip(u + step, 0.0, 1.0)
        found = plane.heights(trial)
        # At the bottom rounding alone decides which is lower; Newton's step is then the better judge.
        slack = np.where(curved, _ROUNDING * np.abs(heights), 0.0)
        better = (found < heights) | (curved & (found <= heights + slack))
        u, heights = np.where(better[:, None], trial, u), np.where(better, found, heights)
        reach = np.where(better, np.minimum(2.0 * reach, farthest), 0.25 * reach)
        if (np.abs(step).max(axis=1) < 1e-14).all():
            break
    return u, heights


def _step(plane: _Plane, u: Array, reach: Array) -> tuple[Array, Array]:
    """Return a step for every point, not longer than its reach, and whether it is Newton's."""
    aside = _DIFFERENCE * np.array([[0.0, 0.0], [1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    slopes = plane.slopes(u[:, None] + aside)
    slope = slopes[:, 0]
    across = (slopes[:, 1] - slopes[:, 2]) / (2.0 * _DIFFERENCE)
    up = (slopes[:, 3] - slopes[:, 4]) / (2.0 * _DIFFERENCE)
    scale = np.maximum(np.abs([across, up]).max(axis=(0, 2)), 1e-300)  # products of curvatures stay finite
    a, b, c = across[:, 0] / scale, 0.5 * (across[:, 1] + up[:, 0]) / scale, up[:, 1] / scale
    determinant = a * c - b * b
    curved = (a > 0.0) & (determinant > 0.0)
    newton = np.stack([b * slope[:, 1] - c * slope[:, 0], b * slope[:, 0] - a * slope[:, 1]], axis=1)
    newton /= (np.where(curved, determinant, 1.0) * scale)[:, None]
    steep = -slope / np.hypot(slope[:, 0], slope[:, 1])[:, None] * reach[:, None]
    step = np.where(curved[:, None], newton, steep)
    step = np.where(np.isfinite(step).all(axis=1, keepdims=True), step, 0.0)
    length = np.linalg.norm(step, axis=1)
    return step * np.minimum(1.0, reach / np.maximum(length, 1e-300))[:, None], curved


def _checked(plane: _Plane, u: Array, heights: Array) -> tuple[Array, Array]:
    """Return at which points nothing around is lower, and at which of them all of it is higher."""
    inside = ((u > 2.0 * _FAR) & (u < 1.0 - 2.0 * _FAR)).all(axis=1)
    rounding = _ROUNDING * np.abs(heights)
    (near, high_near), (far, high_far) = (_around(plane, u, radius) for radius in (_NEAR, _FAR))
    # Towards a pole there is no lowest point, only a lowest number: the walls are steeper the nearer.
    pole = (high_near - heights) / _NEAR > _POLE * (high_far - heights) / _FAR
    rests = inside & ~pole & (near >= heights - rounding) & (far >= heights - rounding)
    return rests, rests & (far - heights > rounding + _FLAT * (high_far - heights))


def _around(plane: _Plane, u: Array, radius: float) -> tuple[Array, Array]:
    """Return the lowest and the highest value on a circle around every point; NaN where it leaves the numbers."""
    width, angle = math.pi, np.zeros(len(u))
    highest = np.full(len(u), -np.inf)
    for _ in range(_FANS):
        angles = angle[:, None] + width * _FAN
        circle = u[:, None] + radius * np.stack([np.cos(angles), np.sin(angles)], axis=-1)
        heights = plane.heights(circle)
        highest = np.maximum(highest, heights.max(axis=1))
        least = heights.argmin(axis=1)[:, None]  # of a NaN, if there is one
        angle, lowest = np.take_along_axis(angles, least, 1)[:, 0], np.take_along_axis(heights, least, 1)[:, 0]
        width *= 0.125
    return lowest, highest
