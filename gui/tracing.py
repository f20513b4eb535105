"""Heights of a surface over a rectangle, scaled to shades, and its contour lines: numbers alone, for any thread.

What somebody types may be noise, a pole, infinite in half of the plane: lines are counted before they are traced.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import contourpy
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from core.surfaces import Surface
    from gui.decimation import Array

GRID = 256
LEVELS = 18
_FEWEST_LEVELS = 4
_MOST_CROSSINGS = 32_000  # points of all lines; more is noise, and takes long to draw
_ROWS = 32
_EXTREME = 1e-6
_POLE = 1e6
_WIDE = 10.0
_NARROW = 0.03
_SAMPLE = 9_000

Bounds = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Tracing:
    """A surface over x_low, x_high, y_low, y_high.

    `shades` (grid, grid) are 0 (lowest) to 1, the first row at y_low; `broken` is true where the surface is not finite,
    None where it is finite everywhere; `lines` are polylines (n, 2) with NaN between them.
    """

    bounds: Bounds
    shades: Array
    broken: Array | None
    lines: tuple[Array, ...]


def trace(
    surface: Surface, bounds: Bounds, grid: int = GRID, go_on: Callable[[], bool] = lambda: True
) -> Tracing | None:
    """Return a surface's shades and lines from grid × grid values; None where `go_on` said no meanwhile."""
    x, y = np.linspace(*bounds[:2], grid), np.linspace(*bounds[2:], grid)
    values = np.empty((grid, grid))
    for first in range(0, grid, _ROWS):
        if not go_on():
            return None
        rows = slice(first, first + _ROWS)
        with np.errstate(all="ignore"):
            values[rows] = surface.value(x[None, :], y[rows, None])
    finite = np.isfinite(values)
    scaled, power = scaled_heights(values)
    shades = scaled**power
    broken = None if finite.all() else ~finite
    levels = LEVELS if surface.quick else _levels(shades, broken)
    z: Any = scaled if broken is None else np.ma.masked_where(cast("Any", broken), scaled)
    lines: list[Array] = []
    for line in _lines(x, y, z, ((np.arange(1, levels) + 0.5) / levels) ** (1.0 / power)):
        if not go_on():
            return None
        lines.append(line)
    return Tracing(bounds, shades, broken, tuple(lines))


def scaled_heights(values: Array) -> tuple[Array, float]:
    """Return values scaled to 0 (lowest in view) to 1 (highest), and the power that puts their median at 0.5.

    Equal steps of scaled ** power are drawn as equal steps of shade and level: a plane keeps its even lines, a
    parabola gets even distances, and a narrow valley under steep walls is not left in one flat colour. Values that
    are not finite count as the highest; poles are cut off, and what spans many decades goes by logarithms.
    """
    finite = np.isfinite(values)
    if not finite.any():
        return np.zeros(values.shape), 1.0
    quarter = 0.25 * values  # differences of the largest numbers are finite too
    low, high = _ends(quarter[finite])
    if not high > low:
        return np.zeros(values.shape), 1.0
    with np.errstate(over="ignore"):  # beyond a pole that is cut off
        scaled = np.clip((np.where(finite, quarter, high) - low) / (high - low), 0.0, 1.0)
    middle = float(np.median(scaled))
    if middle < _EXTREME:
        return _logarithmic(scaled), 1.0
    if middle > _NARROW and (spread := _half(scaled)) < _NARROW:
        return _around_middle(scaled, middle, spread), 1.0
    middle = min(middle, 0.5)
    return scaled, max(math.log(0.5) / math.log(middle), 0.1)


def _ends(values: Array) -> tuple[float, float]:
    """Return the lowest and the highest value, nearer ones where a few are of another order than all others."""
    low, high = float(values.min()), float(values.max())
    first, last = np.quantile(_some(values), (0.01, 0.99)).tolist()
    spread = last - first
    if spread > 0.0 and high - low > _POLE * spread:
        return max(low, first - _WIDE * spread), min(high, last + _WIDE * spread)
    return low, high


def _some(values: Array) -> Array:
    """Return enough of many values to know how they are spread."""
    found: Array = values[:: max(1, len(values) // _SAMPLE)]
    return found


def _half(scaled: Array) -> float:
    """Return how far apart the quarters of the heights are."""
    first, last = np.quantile(_some(scaled.ravel()), (0.25, 0.75)).tolist()
    return float(last - first)


def _around_middle(scaled: Array, middle: float, spread: float) -> Array:
    """Return heights by a logarithm both ways from the middle: few are far above it or far below."""
    bent = np.arcsinh((scaled - middle) / max(spread, 1e-12))
    low, high = float(bent.min()), float(bent.max())
    found: Array = (bent - low) / (high - low)
    return found


def _logarithmic(scaled: Array) -> Array:
    """Return heights by their logarithm, most of those above the lowest beyond the bend."""
    bend = max(float(np.quantile(scaled[scaled > 0.0], 0.1)), 1e-300)
    found: Array = np.log1p(scaled / bend) / math.log1p(1.0 / bend)
    return found


def _lines(x: Array, y: Array, scaled: Array, levels: Array) -> Iterator[Array]:
    """Yield the lines of some heights, in the plane's coordinates.

    None is as near to the floor as half a step, where a valley is narrower than the grid. They are traced on the
    values themselves: their power has a crease along a valley, where lines would break up.
    """
    generator = contourpy.contour_generator(x, y, scaled, name="serial", line_type=contourpy.LineType.ChunkCombinedNan)
    for level in levels.tolist():
        for points in generator.lines(level)[0]:
            if points is not None:
                yield points


def _levels(shades: Array, broken: Array | None) -> int:
    """Return how many levels to draw: fewer where the lines would be long, none where they would be noise."""
    steps = np.floor(shades * LEVELS - 0.5)
    if broken is not None:
        steps = np.where(broken, np.nan, steps)
    crossings = sum(float(np.nansum(np.abs(np.diff(steps, axis=axis)))) for axis in (0, 1))
    levels = LEVELS if crossings <= _MOST_CROSSINGS else int(LEVELS * _MOST_CROSSINGS / crossings)
    return levels if levels >= _FEWEST_LEVELS else 0
