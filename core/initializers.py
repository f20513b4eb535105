"""Initial weights: Gaussian with mean 0 and a standard deviation that may depend on the layer's inputs.

Draws are scaled after they are made, so that lanes with other initializers start from the same random numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from core.numbers import short

Sigma = Callable[[int], float]

INITIALIZERS: dict[str, Sigma] = {
    "zeros": lambda n_in: 0.0,
    "xavier": lambda n_in: math.sqrt(1 / n_in),
    "he": lambda n_in: math.sqrt(2 / n_in),
}
NAMES = "zeros, xavier, he or normal-<σ> such as normal-0.01"


@dataclass(frozen=True, slots=True)
class Initializer:
    """A named rule: `sigma(n_in)` is the standard deviation of the weights of a layer with `n_in` inputs.

    zeros: 0. xavier: sqrt(1/n_in) (Glorot and Bengio, AISTATS 2010, for n_in = n_out). he: sqrt(2/n_in)
    (arXiv:1502.01852). normal-<σ>: a fixed σ.
    """

    name: str
    label: str
    sigma: Sigma


_LABELS = {"zeros": "zeros", "xavier": "Xavier", "he": "He"}


def initializer(name: str) -> Initializer:
    """Return the initializer of that name; raises ValueError with what is allowed."""
    if name in INITIALIZERS:
        return Initializer(name, _LABELS[name], INITIALIZERS[name])
    kind, _, text = name.partition("-")
    if kind != "normal":
        raise ValueError(f"{name!r} is not a kind of initial weights; allowed: {NAMES}")
    value = _positive(name, text)
    return Initializer(f"normal-{value:g}", f"σ = {short(value, 6)}", lambda n_in: value)


def initializer_name(name: str) -> str:
    """Return the one way to write a kind of initial weights: normal-0.010 is normal-0.01. Raises ValueError."""
    return initializer(name).name


def _positive(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value <= 100:
        raise ValueError(f"{name!r}: σ must be a number above 0 and up to 100")
    return value
