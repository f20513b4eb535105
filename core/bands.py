"""The same lanes over several seeds: median and spread, and which lanes cannot be told apart.

Arrays are `(lanes, seeds, n)`. A run that diverged counts as worse than any other, so a median is not finite exactly
where at least half of the seeds diverged.
"""

from __future__ import annotations

from itertools import combinations, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.history import WINDOW, Record

Array = NDArray[Any]

LEVEL = 0.1
"""Two lanes are told apart if their difference over the seeds would be as large by chance in at most this share."""
FEWEST = 5
"""With fewer seeds no difference can reach that level: 2 of the 2^n signs are as extreme as all alike."""


def quartiles(values: Array, worst: float = np.inf) -> Array:
    """Return lower quartile, median and upper quartile over the seeds, `(3, lanes, n)`, NaN where one has diverged.

    Linear between order statistics; NaN counts as `worst`.
    """
    ordered = np.sort(np.where(np.isnan(values), worst, values), axis=1)
    last = ordered.shape[1] - 1
    found = np.empty((3, len(values), values.shape[2]), values.dtype)
    for place, share in enumerate((0.25, 0.5, 0.75)):
        low, part = divmod(share * last, 1)
        below, above = ordered[:, int(low)], ordered[:, min(int(low) + 1, last)]
        with np.errstate(invalid="ignore"):
            found[place] = below + part * (above - below) if part else below
    found[np.logical_not(np.isfinite(found))] = np.nan
    return found


class Bands:
    """The quartiles of growing curves; each call computes only what is new or can still change."""

    def __init__(self, lanes: int) -> None:
        """Start with nothing."""
        self._record, self._lanes, self._done = Record(3 * lanes), lanes, 0

    def update(self, values: Array) -> Array:
        """Return quartiles `(3, lanes, n)` of values `(lanes, seeds, n)` that may differ in their last few points."""
        length = values.shape[2]
        self._record.reserve(length)
        start = max(0, self._done - WINDOW)
        found = quartiles(values[:, :, start:])
        self._record.data[:, start:length] = found.reshape(3 * self._lanes, -1)
        self._done = length
        result = self._record.data[:, :length].reshape(3, self._lanes, length).copy()
        result.flags.writeable = False
        return result


def alike(values: Array) -> tuple[tuple[int, int], ...]:
    """Return the pairs of lanes whose values `(lanes, seeds)` cannot be told apart.

    An exact paired test: under no difference each seed's difference is as likely of either sign, so the share of all
    2^seeds signs whose sum is as far from 0 as the one found is the probability of that by chance. Higher is better;
    NaN, a run that diverged, counts as 1 less than the worst.
    """
    finite = values[np.isfinite(values)]
    known = np.where(np.isfinite(values), values, finite.min() - 1 if finite.size else 0).astype(float)
    signs = np.array(list(product((-1.0, 1.0), repeat=known.shape[1])))
    return tuple((a, b) for a, b in combinations(range(len(known)), 2) if _by_chance(known[a] - known[b], signs))


def _by_chance(differences: Array, signs: Array) -> bool:
    found, sums = abs(differences.sum()), np.abs(signs @ differences)
    return bool(np.mean(sums >= found * (1 - 1e-9)) > LEVEL)
