"""Trials of a search for hyperparameters: at random or on a grid, over ranges that are linear or logarithmic.

What can be searched follows from what the optimizers declare, and weight decay and Dropout besides.
"""

from __future__ import annotations

import math
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from core.optimizers import OPTIMIZERS
from core.parameters import Parameter, Scale, number
from core.randomness import Purpose, generator

if TYPE_CHECKING:
    from collections.abc import Mapping

RANDOM, GRID = "random", "grid"
VALIDATED = 5
"""One image of so many is kept for validation."""
RUN_LENGTH = frozenset(("iterations", "epochs", "images", "batch"))
"""What says how many updates a trial makes."""


def weight_decay(default: float, **more: Any) -> Parameter:
    """Declare lambda of L2 weight decay."""
    doc = "λ: adds λ/2·ΣW² to what is minimised, over weights only; the loss shown leaves it out"
    return number("l2", "weight decay λ", default, doc, 0.0, 10.0, scale=Scale.LOG, search=(1e-8, 1e-4), **more)


def dropout(default: float, **more: Any) -> Parameter:
    """Declare the ratio of Dropout."""
    doc = "Share of each hidden layer's units that are left out, others at every update; none are in prediction"
    return number("dropout", "Dropout ratio", default, doc, 0.0, 0.9, search=(0.0, 0.5), **more)


def searchable() -> dict[str, Parameter]:
    """Return what can be searched, by short name: `lr`, `l2`, `dropout`, `momentum` and so on."""
    declared = [parameter for rule in OPTIMIZERS.values() for parameter in rule.hyperparameters]
    found: dict[str, Parameter] = {}
    for parameter in (*declared[:1], weight_decay(0.0), dropout(0.0), *declared):
        if parameter.search is not None:
            found.setdefault(parameter.key, parameter)
    return found


def full_key(name: str, optimizer: str) -> str | None:
    """Return the key of what is searched, such as `sgd.lr` or `l2`; None where the optimizer has no such thing."""
    if any(parameter.key == name for parameter in OPTIMIZERS[optimizer].hyperparameters):
        return f"{optimizer}.{name}"
    return name if name in ("l2", "dropout") else None


def updates_of(values: Mapping[str, Any]) -> int:
    """Return how many updates every trial makes, of data that have as many images as it is to learn from."""
    images: int = values["images"]
    epoch = max(1, (images - max(1, images // VALIDATED)) // values["batch"])
    return int(values["iterations"] or values["epochs"] * epoch)


def trials_of(values: Mapping[str, Any]) -> list[dict[str, float]]:
    """Return the settings of every trial, by short name, as the values ask for.

    Random trials are drawn uniformly on each range's scale. A grid has as many values on each axis, both ends
    included, as the budget of `trials` allows; so it may have fewer trials, never more.
    """
    names = values["search"]
    shares = _grid(values["trials"], len(names)) if values["method"] == GRID else _random(values, len(names))
    known = searchable()
    ranges = {name: (known[name].scale is Scale.LOG, *values[f"search.{name}"]) for name in names}
    return [{name: _value(share, *ranges[name]) for name, share in zip(names, row, strict=True)} for row in shares]


def _random(values: Mapping[str, Any], axes: int) -> list[list[float]]:
    draws = generator(values["seed"], Purpose.TRIALS, values["stage"]).random((values["trials"], axes))
    found: list[list[float]] = draws.tolist()
    return found


def _grid(budget: int, axes: int) -> list[list[float]]:
    count = max(1, math.floor(budget ** (1 / axes) + 1e-9))
    places = np.linspace(0, 1, count).tolist() if count > 1 else [0.5]
    return [list(row) for row in product(places, repeat=axes)]


def _value(share: float, log: bool, low: float, high: float) -> float:
    """Return the value at a share of the range's way, 0 at its low end."""
    if log and low > 0:
        return float(min(max(low * (high / low) ** share, low), high))
    return float(min(max(low + share * (high - low), low), high))
