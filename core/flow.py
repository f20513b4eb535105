"""Gradient flow: how large each layer's gradient is, and how far each update moves its weights, over a run.

Measured at every tenth update, by its number alone, so that a run that is stepped or rewound records the same bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.history import Record

if TYPE_CHECKING:
    from collections.abc import Sequence

Array = NDArray[Any]

EVERY = 10
"""Updates 1, 11, 21, … are measured."""
_KINDS = 2  # the gradient's norm, the update's ratio
_SMALL, _LARGE = 1e-28, 1e37  # of sums of squares that float32 holds with all of their digits


@dataclass(frozen=True, slots=True)
class Flow:
    """What flowed through each affine layer of each lane at the updates `at` `(samples,)`.

    `gradient_norm` `(lanes, layers, samples)` is the L2 norm of the gradient of a layer's weights as its optimizer
    gets it, with weight decay's share; `update_ratio` is ‖ΔW‖/‖W‖, by how much of their norm the update moved the
    weights. Biases are left out, and pixels that are never used. NaN from the update at which a lane diverged, and
    for the ratio where all weights are 0. Of several seeds it is the first one's.
    """

    at: Array
    gradient_norm: Array
    update_ratio: Array


def samples_by(updates: int) -> int:
    """Return how many of the first updates are measured."""
    return -(-updates // EVERY)


def is_sampled(iteration: int) -> bool:
    """Tell whether the update after so many others is measured."""
    return not iteration % EVERY


class FlowRecord:
    """What is measured of all rows of a run; blocks write disjoint rows."""

    def __init__(self, rows: int, layers: int, record: Record | None = None) -> None:
        """Start with nothing measured."""
        self._shape = rows, _KINDS, layers
        self._record = Record(rows * _KINDS * layers) if record is None else record

    def reserve(self, updates: int) -> None:
        """Make room for so many updates."""
        self._record.reserve(samples_by(updates))

    def write(self, rows: Sequence[int], iteration: int, gradients: Array, ratios: Array) -> None:
        """Write down norms and ratios `(rows, layers)` of one update, made after `iteration` others."""
        data = self._record.data.reshape(*self._shape, -1)
        for kind, found in enumerate((gradients, ratios)):
            data[rows, kind, :, iteration // EVERY] = np.where(np.isfinite(found), found, np.nan)

    def fill(self, known: Array) -> None:
        """Take over what `view` returned."""
        samples = known.shape[-1]
        self._record.reserve(samples)
        self._record.data[:, :samples] = known.reshape(-1, samples)

    def view(self, updates: int) -> Array:
        """Return what is known of the first updates, `(rows, 2, layers, samples)`: norms, then ratios; read-only."""
        samples = samples_by(updates)
        return self._record.view(samples).reshape(*self._shape, samples)

    def cut(self, updates: int) -> FlowRecord:
        """Return a record of the first updates; views of this one stay true."""
        rows, _, layers = self._shape
        return FlowRecord(rows, layers, self._record.cut(samples_by(updates)))

    def flow(self, updates: int, first: int = 0, step: int = 1) -> Flow:
        """Return what a frame shows of rows `first`, `first + step`, …."""
        found = self.view(updates)[first::step]
        at = np.arange(1, updates + 1, EVERY)
        at.flags.writeable = False
        return Flow(at, found[:, 0], found[:, 1])


def norms(parts: Sequence[Array]) -> Array:
    """Return the L2 norms `(lanes, parts)` of float arrays `(lanes, n)`, however small or large their numbers are."""
    found = np.empty((len(parts[0]), len(parts)))
    with np.errstate(over="ignore", invalid="ignore"):  # of a lane that is about to diverge
        for lane in range(len(found)):
            found[lane] = [_square(part[lane]) for part in parts]
        return np.sqrt(found, out=found)


def _square(values: Array) -> float:
    """Return the sum of squares: in float32 those of a vanishing gradient are 0, those of an exploding one infinite."""
    found = float(values @ values)
    if _SMALL < found < _LARGE:
        return found
    wide = values.astype(np.float64)
    return float(wide @ wide)
