"""Where gradient methods on a quadratic stop converging: the largest learning rate, by the largest curvature L.

SGD: lr < 2/L. Momentum: lr < 2(1+α)/L. Nesterov: lr < 2(1+α)/((1+2α)L). From the eigenvalues of the linear recurrence
along the steepest direction (Polyak, 1964; O'Donoghue and Candès, arXiv:1204.3982, appendix).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from core.schedules import CONSTANT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from core.map_axes import MapAxis
    from core.surfaces import Surface

    Array = NDArray[np.float64]

_STEP = 1e-3
_POINTS = 257
_ALIKE = 1e-5  # relative difference of curvatures that rounding can make
_LEAST = 1e-300  # curvature for which a learning rate can be told
_PLACES = ((0.0, 0.0), (0.37, -0.61), (-0.83, 0.29), (0.55, 0.71))  # of half the view, about its middle


@dataclass(frozen=True, slots=True)
class Bound:
    """The largest stable learning rate: `formula` in words, `rate(L, α)` in numbers, of scalars or arrays."""

    formula: str
    rate: Callable[[Any, Any], Any]


BOUNDS = {
    "sgd": Bound("lr < 2/L", lambda largest, _alpha: 2.0 / largest),
    "momentum": Bound("lr < 2(1+α)/L", lambda largest, alpha: 2.0 * (1.0 + alpha) / largest),
    "nesterov": Bound(
        "lr < 2(1+α)/((1+2α)L)", lambda largest, alpha: 2.0 * (1.0 + alpha) / ((1.0 + 2.0 * alpha) * largest)
    ),
}


def curvature_at(shape: Surface, x: float, y: float) -> float:
    """Return the largest absolute eigenvalue of the Hessian at a point, by central differences of the gradient."""
    return float(np.abs(np.linalg.eigvalsh(_hessian(shape, x, y))).max())


def largest_curvature(shape: Surface) -> float | None:
    """Return L of a surface that is a quadratic with a minimum; None for any other."""
    x_low, x_high, y_low, y_high = shape.view
    middle, half = ((x_low + x_high) / 2, (y_low + y_high) / 2), ((x_high - x_low) / 2, (y_high - y_low) / 2)
    found = [_hessian(shape, middle[0] + u * half[0], middle[1] + v * half[1]) for u, v in _PLACES]
    size = np.abs(found[0]).max()
    if not np.isfinite(found).all() or any(np.abs(other - found[0]).max() > _ALIKE * size for other in found):
        return None
    lowest, largest = np.linalg.eigvalsh(found[0])
    return float(largest) if lowest > max(_ALIKE * size, _LEAST) else None


@dataclass(frozen=True, slots=True)
class Limit:
    """The limit of stability over a map: `points` (n, 2) in places of its axes, from 0 to 1, and its `formula`.

    `rate` is the largest stable learning rate at the present setting, `curvature` is L; both are None and the others
    empty where no limit is known. `points` alone are empty where it is not a line of the map.
    """

    formula: str
    points: Array
    rate: float | None
    curvature: float | None


def limit_of(axes: tuple[MapAxis, MapAxis], values: Mapping[str, Any], shape: Surface) -> Limit:
    """Return the limit for a configuration's values; there is none where the learning rate changes over the run."""
    rule = values["optimizer"]
    largest = largest_curvature(shape)
    if rule not in BOUNDS or largest is None or values[f"{rule}.schedule"] != CONSTANT:
        return Limit("", np.empty((0, 2)), None, None)
    bound, alpha = BOUNDS[rule], values.get(f"{rule}.momentum", 0.0)
    names = [axis.name for axis in axes]
    points = np.empty((0, 2))
    if "lr" in names:
        place = names.index("lr")
        other, along = axes[1 - place], np.linspace(0.0, 1.0, _POINTS)
        at = other.at(along)
        steepest = np.maximum(2.0, 2.0 / at) if other.name == "anisotropy" else largest
        rate = bound.rate(steepest, at if other.name == "momentum" else alpha) + np.zeros(_POINTS)
        points = np.stack([axes[place].places(rate), along][:: 1 - 2 * place], axis=1)
    elif "momentum" in names:
        place = names.index("momentum")
        points = _momentum_line(axes[place], bound, values[f"{rule}.lr"], largest)[:, :: 1 - 2 * place]
    return Limit(bound.formula, points, float(bound.rate(largest, alpha)), largest)


def _momentum_line(axis: MapAxis, bound: Bound, rate: float, largest: float) -> Array:
    """Return the line of the momentum at which a learning rate is the limit, its places first; none where none is."""
    along = np.linspace(0.0, 1.0, 64 * _POINTS)
    stable = bound.rate(largest, axis.at(along)) > rate
    changes = np.flatnonzero(stable[1:] != stable[:-1])
    if not len(changes):
        return np.empty((0, 2))
    place = 0.5 * (along[changes[0]] + along[changes[0] + 1])
    return np.array([[place, 0.0], [place, 1.0]])


@np.errstate(over="ignore", invalid="ignore")
def _hessian(shape: Surface, x: float, y: float) -> Any:
    """Return the matrix of second derivatives; not finite where they are too large."""
    x_low, x_high, y_low, y_high = shape.view
    h = _STEP * np.array([x_high - x_low, y_high - y_low])
    rows = []
    for axis in (0, 1):
        dx, dy = (h[0], 0.0) if axis == 0 else (0.0, h[1])
        ahead, behind = shape.gradient(x + dx, y + dy), shape.gradient(x - dx, y - dy)
        rows.append([(float(a) - float(b)) / (2.0 * h[axis]) for a, b in zip(ahead, behind, strict=True)])
    return 0.5 * (np.array(rows) + np.array(rows).T)
