"""What of a long curve can be seen: per column of pixels the first, lowest, highest and last value.

A line through these four points (M4: Jugel et al., VLDB 7 (2014) 797) covers the same pixels as one through all.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Curve(NamedTuple):
    """Points y (n,) over ascending x (n,), or without x over start + i·step."""

    y: Array
    x: Array | None = None
    start: float = 0.0
    step: float = 1.0

    def place(self, index: NDArray[np.intp]) -> Array:
        """Return the x of the points with these numbers."""
        return self.x[index] if self.x is not None else np.asarray(self.start + self.step * index, dtype=np.float64)

    def split(self, edges: Array) -> NDArray[np.intp]:
        """Return for every edge the number of the first point at or after it."""
        if self.x is not None:
            return np.searchsorted(self.x, edges)
        return np.clip(np.ceil((edges - self.start) / self.step), 0, len(self.y)).astype(np.intp)


def first_difference(before: Curve, after: Curve) -> int | None:
    """Return the number of the first point in which two curves differ, by value or by being there; None for none.

    Bits are compared: NaN equals NaN, and a curve that is looked at again costs nothing.
    """
    if (before.start, before.step, before.x is None) != (after.start, after.step, after.x is None):
        return 0
    firsts = [_first(before.y, after.y)]
    if before.x is not None and after.x is not None:
        firsts.append(_first(before.x, after.x))
    shared = min(firsts)
    return None if shared == len(before.y) == len(after.y) else shared


def _first(before: Array, after: Array) -> int:
    """Return how many values two arrays have in common from their beginning."""
    shared = min(len(before), len(after))
    if before.dtype != after.dtype:
        return 0
    bits = f"u{before.itemsize}"
    unequal = before[:shared].view(bits) != after[:shared].view(bits)
    place = int(unequal.argmax()) if shared else 0
    return place if shared and unequal[place] else shared


class Columns(NamedTuple):
    """A curve's columns of pixels that hold points: x of the first, the middle, the last (m,); values (4, m).

    The values are the first, the lowest, the highest and the last; where all are NaN, they are.
    """

    first_x: Array
    middle_x: Array
    last_x: Array
    values: Array


def visible_points(curve: Curve, edges: Array) -> tuple[Array, Array]:
    """Return x and y between the outer edges, and one point more on each side: the line goes on to the border."""
    low, high = curve.split(edges[[0, -1]])
    part = np.arange(max(low - 1, 0), min(high + 1, len(curve.y)))
    return curve.place(part), curve.y[part]


def columns_of(curve: Curve, edges: Array) -> Columns | None:
    """Return the columns between `edges`, or None where they would have as many points as the curve itself."""
    bounds = curve.split(edges)
    if bounds[-1] - bounds[0] <= 4 * len(edges):
        return None
    used = np.flatnonzero(bounds[1:] > bounds[:-1])
    begins, ends = bounds[used], bounds[used + 1] - 1
    part = curve.y[: ends[-1] + 1]
    low, high = np.fmin.reduceat(part, begins), np.fmax.reduceat(part, begins)
    values = np.stack([part[begins], low, high, part[ends]])
    return Columns(curve.place(begins), 0.5 * (edges[used] + edges[used + 1]), curve.place(ends), values)


def outline(columns: Columns, flat: float = 0.0) -> tuple[Array, Array]:
    """Return the line through the four points of every column, through one where that is no higher than `flat`.

    Which of lowest and highest comes first is told from first to last; their x is that of the first or last point
    where they are it, else the column's middle.
    """
    first, low, high, last = columns.values
    falling = last < first
    inner = np.where(falling, high, low), np.where(falling, low, high)
    y = np.stack([first, *inner, last], axis=1)
    x = np.stack([columns.first_x, *(_place_of(value, columns) for value in inner), columns.last_x], axis=1)
    # A smooth curve's lowest and highest are its first and last: half of the points are there twice.
    anew = np.ones(x.shape, dtype=np.bool_)
    anew[:, 1:] = (x[:, 1:] != x[:, :-1]) | (y[:, 1:] != y[:, :-1])
    anew[:, 1:] &= ~(np.abs(high - low) <= flat)[:, np.newaxis]
    return x[anew], y[anew]


def _place_of(value: Array, columns: Columns) -> Array:
    """Return the x at which to draw the columns' lowest or highest values."""
    at_end = np.where(value == columns.values[3], columns.last_x, columns.middle_x)
    return np.where(value == columns.values[0], columns.first_x, at_end)


def strokes(columns: Columns, pad: float) -> Array:
    """Return the same line as pieces (n, 4) of x, y, x, y: one upright in every column, and one to the next column.

    Without smooth edges they are half the work of `outline`. Uprights are longer by `pad` at both ends: a quarter of a
    pixel makes up for the ends that flat caps leave out. Pieces with a NaN are left out.
    """
    first, _, _, last = columns.values
    low, high = columns.values[1:3].min(axis=0), columns.values[1:3].max(axis=0)
    upright = np.stack([columns.middle_x, low - pad, columns.middle_x, high + pad], axis=1)
    onward = np.stack([columns.last_x[:-1], last[:-1], columns.first_x[1:], first[1:]], axis=1)
    pieces = np.concatenate([upright, onward])
    return pieces[~np.isnan(pieces).any(axis=1)]
