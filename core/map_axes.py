"""The axes of a map of settings: a hyperparameter of its optimizer, the anisotropy, or a coordinate of the start.

A cell's value is the middle of the cell, written in as few digits as tell it from its neighbours': what a click sets
is exactly what the map was computed with.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from core.optimizers import OPTIMIZERS
from core.own_surface import sketch_of
from core.parameters import Parameter, ParameterError, Scale
from core.stability_bounds import BOUNDS, curvature_at

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from core.surfaces import Surface

    Array = NDArray[np.float64]

ANISOTROPY = "anisotropy"
STARTS = ("start.x", "start.y")
SIDES = ("x", "y")
_SURFACE = ("surface", "function", "domain.x", "domain.y")
_STARTS_RANGE = (-1000.0, 1000.0)
_LABELS = {"lr": "learning rate", ANISOTROPY: ANISOTROPY, STARTS[0]: "x of the start", STARTS[1]: "y of the start"}
_LIMITS = {ANISOTROPY: (1.0, 1000.0), **dict.fromkeys(STARTS, _STARTS_RANGE)}
_SHOWN_ANISOTROPY = 1.0, 100.0
_ADAPTIVE_RATES = 0.001, 10.0
_SHOWN_SHARES = 0.0, 0.99
_SOME_CURVATURE = 1e-2, 1e5
_FINER = 0.1  # of a cell: how far its value may be from its middle
_FINEST = 1e-11  # a hundredth of a range against its values: what float64 still tells apart


@dataclass(frozen=True, slots=True)
class MapAxis:
    """One axis: `name` as in the configuration, `label` in words, the ends of its range, one value per cell."""

    name: str
    label: str
    low: float
    high: float
    log: bool
    values: Array

    def place(self, value: float) -> float:
        """Return where a value is between the ends: 0 at `low`, 1 at `high`; NaN where a log axis has no place."""
        return float(self.places(np.array(value)))

    def places(self, values: Array) -> Array:
        """Return where values are between the ends."""
        low, high, at = (_scaled(v, self.log) for v in (self.low, self.high, values))
        found: Array = (at - low) / (high - low)
        return found

    def at(self, places: Any) -> Any:
        """Return the values at places between the ends."""
        low, high = _scaled(self.low, self.log), _scaled(self.high, self.log)
        found = low + places * (high - low)
        return 10.0**found if self.log else found

    def between(self, low: float, high: float) -> MapAxis:
        """Return the same axis with another range, its cells as they are."""
        return replace(self, low=low, high=high)

    def cell(self, place: float) -> int:
        """Return the cell at a place; the outermost one beyond the ends."""
        return min(max(int(place * len(self.values)), 0), len(self.values) - 1)


def _scaled(value: Any, log: bool) -> Any:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log10(value) if log else value


def names_of(optimizer: str, surface_key: str) -> tuple[str, ...]:
    """Return what the axes of a map of this optimizer on this surface can be."""
    own = tuple(parameter.key for parameter in OPTIMIZERS[optimizer].hyperparameters)
    return (*own, *((ANISOTROPY,) if surface_key == "quadratic" else ()), *STARTS)


def all_names() -> tuple[str, ...]:
    """Return what the axes of any map can be."""
    own = dict.fromkeys(p.key for rule in OPTIMIZERS.values() for p in rule.hyperparameters)
    return (*own, ANISOTROPY, *STARTS)


def name_words() -> tuple[tuple[str, str], ...]:
    """Return what the axes of maps are called in words; optimizers that share a key call it alike."""
    rules = {p.key: p.label for rule in OPTIMIZERS.values() for p in rule.hyperparameters}
    return tuple({**rules, **_LABELS}.items())


def full_key(name: str, optimizer: str) -> str:
    """Return the key of a configuration that holds an axis's value; both coordinates are in `start`."""
    if name in STARTS:
        return "start"
    return name if name == ANISOTROPY else f"{optimizer}.{name}"


def value_of(name: str, values: Mapping[str, Any]) -> float:
    """Return an axis's value in a configuration's values."""
    found = values[full_key(name, values["optimizer"])]
    return float(found[STARTS.index(name)] if name in STARTS else found)


def with_value(name: str, value: float, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what changes in a configuration where an axis has this value."""
    key = full_key(name, values["optimizer"])
    if name not in STARTS:
        return {key: value}
    x, y = values["start"]
    return {key: (value, y) if name == STARTS[0] else (x, value)}


def _declared(name: str, optimizer: str) -> Parameter | None:
    return next((p for p in OPTIMIZERS[optimizer].hyperparameters if p.key == name), None)


def is_log(name: str, optimizer: str) -> bool:
    """Tell whether an axis is logarithmic, as its hyperparameter is declared."""
    found = _declared(name, optimizer)
    return name == ANISOTROPY if found is None else found.scale is Scale.LOG


def limits(name: str, optimizer: str) -> tuple[float, float]:
    """Return what an axis's range has to be within."""
    found = _declared(name, optimizer)
    return _LIMITS[name] if found is None else (found.low, found.high)


def default_range(name: str, optimizer: str, shape: Surface) -> tuple[float, float]:
    """Return the range in which the map of a surface is interesting."""
    if name in STARTS:
        side = 2 * STARTS.index(name)
        return shape.view[side], shape.view[side + 1]
    if name == ANISOTROPY:
        return _SHOWN_ANISOTROPY
    if name == "lr":
        return _rates(optimizer, shape)
    low, high = limits(name, optimizer)
    declared = _declared(name, optimizer)
    if low == 0.0 and high < 1.0:
        return _SHOWN_SHARES
    return declared.search if declared is not None and declared.search else (low, high)


def _rates(optimizer: str, shape: Surface) -> tuple[float, float]:
    """Return learning rates about 2/L, L the curvature where the surface is lowest; where steps are scaled, about 1."""
    if optimizer not in BOUNDS:
        return _ADAPTIVE_RATES
    largest = curvature_at(shape, *(shape.minima[0] if shape.minima else shape.start))
    if not _SOME_CURVATURE[0] < largest < _SOME_CURVATURE[1]:
        return _ADAPTIVE_RATES
    low, high = limits("lr", optimizer)
    return max(low, _one_digit(0.02 / largest)), min(high, _one_digit(8.0 / largest))


def _one_digit(value: float) -> float:
    return float(f"{value:.0e}")


def mapped(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return what follows for the axes where something of a map changes.

    Two axes that would be the same change places; one that optimizer or surface do not have becomes another, and
    another axis has a range of its own, another surface a learning rate of its size. Raises ParameterError for given
    axes and ranges that do not go together.
    """
    both = {**values, **changes}
    optimizer = both["optimizer"]
    allowed = names_of(optimizer, both["surface"])
    names = {side: both[side] for side in SIDES}
    for side, other in (SIDES, SIDES[::-1]):
        if side in changes:
            _check_name(side, names[side], allowed, optimizer)
            if names[side] == names[other] and other not in changes:
                names[other] = values[side]
        elif names[side] not in allowed:
            names[side] = next(name for name in allowed if name not in names.values())
    if names["x"] == names["y"]:
        raise ParameterError("y", names["y"], f"one of {', '.join(n for n in allowed if n != names['x'])}")
    found: dict[str, Any] = {side: name for side, name in names.items() if name != both[side]}
    elsewhere = any(both[name] != values[name] for name in _SURFACE)
    for side, name in names.items():
        moved = name != values[side] or (name in (*STARTS, "lr") and elsewhere)
        rescaled = name == "lr" and (optimizer in BOUNDS) is not (values["optimizer"] in BOUNDS)
        if f"{side}.range" not in changes and (moved or rescaled or not _fits(name, both[f"{side}.range"], optimizer)):
            found[f"{side}.range"] = default_range(name, optimizer, sketch_of(both))
        _check_range(side, name, found.get(f"{side}.range", both[f"{side}.range"]), optimizer)
    if elsewhere and optimizer in BOUNDS and f"{optimizer}.lr" not in changes:
        found[f"{optimizer}.lr"] = _one_digit(math.sqrt(math.prod(default_range("lr", optimizer, sketch_of(both)))))
    return found


def _check_name(side: str, name: str, allowed: Sequence[str], optimizer: str) -> None:
    if name not in allowed:
        raise ParameterError(side, name, f"one of {', '.join(allowed)} with optimizer {optimizer} on this surface")


def _fits(name: str, ends: tuple[float, float], optimizer: str) -> bool:
    low, high = limits(name, optimizer)
    return low <= ends[0] < ends[1] <= high


def _check_range(side: str, name: str, ends: tuple[float, float], optimizer: str) -> None:
    if not _fits(name, ends, optimizer):
        low, high = limits(name, optimizer)
        raise ParameterError(f"{side}.range", ends, f"two rising numbers low,high, for {name} from {low:g} to {high:g}")


def axis_of(side: str, values: Mapping[str, Any]) -> MapAxis:
    """Return the axis "x" or "y" of a map; raises ParameterError where name or range do not fit the optimizer."""
    name, optimizer, (low, high) = values[side], values["optimizer"], values[f"{side}.range"]
    _check_name(side, name, names_of(optimizer, values["surface"]), optimizer)
    _check_range(side, name, (low, high), optimizer)
    log = is_log(name, optimizer)
    middles = _middles(low, high, log, values["resolution"])
    return MapAxis(name, label_of(name, optimizer), low, high, log, middles)


def _middles(low: float, high: float, log: bool, count: int) -> Array:
    """Return the middles of cells, in few digits."""
    ends = _scaled(low, log), _scaled(high, log)
    edges = ends[0] + np.arange(2 * count + 1) / (2 * count) * (ends[1] - ends[0])
    found = 10.0**edges if log else edges
    digits = np.ceil(-np.log10(_FINER * (found[2::2] - found[:-1:2]))).astype(int)
    rounded = [round(value, max(place, 0)) for value, place in zip(found[1::2].tolist(), digits.tolist(), strict=True)]
    middles: Array = np.clip(np.array(rounded), low, high)
    return middles


def label_of(name: str, optimizer: str) -> str:
    """Name an axis in words."""
    declared = _declared(name, optimizer)
    return declared.label if declared is not None else _LABELS[name]


def zoomed(axis: MapAxis, place: float, factor: float, optimizer: str) -> tuple[float, float]:
    """Return an axis's range, `factor` times as wide about a place, in few digits; never beyond what is allowed."""
    low, high = (axis.at(place + factor * (end - place)) for end in (0.0, 1.0))
    least, most = limits(axis.name, optimizer)
    width = min(high - axis.at(place + factor * (0.99 - place)), axis.at(place + factor * (0.01 - place)) - low)
    if not width > _FINEST * max(abs(low), abs(high)):
        return axis.low, axis.high
    digits = max(0, int(np.ceil(-np.log10(width))))
    found = max(least, round(float(low), digits)), min(most, round(float(high), digits))
    return found if found[0] < found[1] else (axis.low, axis.high)
