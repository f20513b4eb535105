"""A surface as a landscape: heights on a grid, compressed so that valleys are seen, and paths laid upon it.

Coordinates are those of a box: x and y from -1 to 1 over the surface's view, z from 0 at the lowest value to 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import contourpy
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from core.surfaces import Surface

    Array = NDArray[np.float64]

GRID = 120
LEVELS = 14
_PARTS = 24  # of a step's line, so that it follows the ground
_MOST_POINTS = 4000  # of a lane; beyond, steps are so short that they need no parts
_MOST_TYPED = 6000  # of all lanes, on a function that somebody typed
_LIGHT = np.array([-0.45, -0.55, 0.70])


@dataclass(frozen=True, slots=True)
class Relief:
    """A landscape of `surface`.

    `ground` is `(GRID, GRID, 3)`, along x first, its z NaN where the surface has no finite value; `light`
    `(GRID, GRID)` is from 0, where the ground turns away from the light, to 1. `faces` `(n, 3)` are triangles of the
    ground's points, counted row by row, without those that lack a height. `lines` `(n, 2, 3)` are pieces of contour
    lines at equal steps of height. A height is log(1 + e/s) for e above the lowest value, as a share of the highest;
    s is such that half of the view lies below half of the height. Where no s does that it is infinite: heights are in
    proportion.
    """

    surface: Surface
    lowest: float
    highest: float
    scale: float
    ground: Array
    light: Array
    faces: NDArray[np.uint32]
    lines: Array

    @property
    def logarithmic(self) -> bool:
        """Whether heights are compressed."""
        return bool(np.isfinite(self.scale))

    def height(self, values: Array) -> Array:
        """Return the heights of values; NaN for what is not finite."""
        return _height(values, self.lowest, self.highest, self.scale)

    def place(self, points: Array) -> Array:
        """Return points (..., 2) of the plane on the ground (..., 3), NaN outside of the view."""
        x_low, x_high, y_low, y_high = self.surface.view
        with np.errstate(all="ignore"):
            x = 2.0 * (points[..., 0] - x_low) / (x_high - x_low) - 1.0
            y = 2.0 * (points[..., 1] - y_low) / (y_high - y_low) - 1.0
            z = self.height(np.asarray(self.surface.value(points[..., 0], points[..., 1]), dtype=np.float64))
        placed = np.stack(np.broadcast_arrays(x, y, z), axis=-1)
        placed[~((np.abs(placed[..., :2]) <= 1.0 + 1e-9).all(axis=-1) & np.isfinite(z))] = np.nan
        return placed

    def drape(self, points: Array) -> tuple[Array, int]:
        """Return paths (lanes, n, 2) laid on the ground (lanes, (n - 1)·parts + 1, 3), and the parts of a step."""
        steps = points.shape[1] - 1
        most = _MOST_POINTS if self.surface.quick else _MOST_TYPED // max(1, len(points))
        parts = max(1, min(_PARTS, most // max(1, steps)))
        shares = np.arange(steps * parts + 1) / parts
        before = np.minimum(shares.astype(int), max(0, steps - 1))
        after = np.minimum(before + 1, steps)
        share = (shares - before)[:, None]
        with np.errstate(all="ignore"):
            # Ends are taken as they are: inf · 0 is not a number.
            between = np.where(
                share == 0.0, points[:, before], (1.0 - share) * points[:, before] + share * points[:, after]
            )
        between[:, ::parts] = points
        return self.place(between), parts


def relief_of(surface: Surface) -> Relief:
    """Return the landscape of a surface over its view."""
    x_low, x_high, y_low, y_high = surface.view
    x, y = np.linspace(x_low, x_high, GRID), np.linspace(y_low, y_high, GRID)
    with np.errstate(all="ignore"):
        found = surface.value(x[:, None], y[None, :])
    values = np.array(np.broadcast_to(found, (GRID, GRID)), dtype=np.float64)
    values[~np.isfinite(values)] = np.nan
    lowest, highest, scale = _scale(values, surface.floor)
    z = _height(values, lowest, highest, scale)
    side = np.linspace(-1.0, 1.0, GRID)
    ground = np.stack(np.broadcast_arrays(side[:, None], side[None, :], z), axis=-1)
    return Relief(surface, lowest, highest, scale, ground, _light(z, side), _faces(z), _lines(z, side))


def _scale(values: Array, floor: float) -> tuple[float, float, float]:
    """Return the lowest value, the highest, and s of the heights: log(1 + m/s) = ½ log(1 + h/s) of median and highest.

    That is s = m² / (h - 2m), all above the lowest value.
    """
    finite = values[np.isfinite(values)]
    if not finite.size:
        return 0.0, 1.0, np.inf
    lowest = min(float(finite.min()), floor) if np.isfinite(floor) else float(finite.min())
    with np.errstate(over="ignore"):
        highest, middle = float(finite.max()) - lowest, float(np.median(finite)) - lowest
    if not highest > 0.0:
        return lowest, lowest + 1.0, np.inf
    middle = max(middle, 1e-6 * highest)
    return lowest, lowest + highest, middle * middle / (highest - 2.0 * middle) if highest > 2.0 * middle else np.inf


def _height(values: Array, lowest: float, highest: float, scale: float) -> Array:
    with np.errstate(all="ignore"):
        above, most = np.maximum(values - lowest, 0.0), highest - lowest
        shares = np.log1p(above / scale) / np.log1p(most / scale) if np.isfinite(scale) else above / most
    return np.where(np.isfinite(values), shares, np.nan)


def _light(z: Array, side: Array) -> Array:
    """Return how much the ground faces the light."""
    flat = np.nan_to_num(z)
    along_x, along_y = np.gradient(flat, side, side)
    normals = np.stack([-along_x, -along_y, np.ones_like(flat)], axis=-1)
    lit: Array = (normals @ _LIGHT) / np.linalg.norm(normals, axis=-1) / np.linalg.norm(_LIGHT)
    return np.clip(lit, 0.0, 1.0)


def _faces(z: Array) -> NDArray[np.uint32]:
    rows, columns = z.shape
    corner = np.arange(rows * columns, dtype=np.uint32).reshape(rows, columns)
    a, b, c, d = corner[:-1, :-1], corner[1:, :-1], corner[1:, 1:], corner[:-1, 1:]
    faces = np.concatenate([np.stack([a, b, c], axis=-1), np.stack([a, c, d], axis=-1)]).reshape(-1, 3)
    return np.ascontiguousarray(faces[np.isfinite(z.ravel()[faces]).all(axis=1)])


def _lines(z: Array, side: Array) -> Array:
    """Return pieces of contour lines (n, 2, 3)."""
    generator = contourpy.contour_generator(side, side, np.ma.masked_invalid(z.T), name="serial")
    pieces = [np.empty((0, 2, 3))]
    for level in (np.arange(LEVELS) + 0.5) / LEVELS:
        for line in cast("list[Array]", generator.lines(float(level))):
            points = np.column_stack([line, np.full(len(line), level)])
            pieces.append(np.stack([points[:-1], points[1:]], axis=1))
    return np.concatenate(pieces)
