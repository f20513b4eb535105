"""Random numbers keyed by what they are for: (seed, purpose, index), never one shared stream.

So a paused, rewound or widened run draws the same numbers, and one lane's draws do not depend on its neighbours.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BLOCK = 64


class Purpose(IntEnum):
    """What a generator's numbers are for; the value is part of the key."""

    WEIGHTS = 1
    BATCHES = 2
    INPUTS = 3
    GRADIENTS = 4


def generator(seed: int, purpose: Purpose, index: int = 0) -> np.random.Generator:
    """Return the generator of (seed, purpose, index)."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, purpose, index])))


class Batches:
    """Mini-batches drawn with replacement, keyed by iteration.

    Drawn 64 iterations at a time, because making a generator costs more than one batch of indices.
    """

    def __init__(self, seed: int, images: int, size: int) -> None:
        """Draw `size` of `images` indices for each iteration."""
        self._seed, self._images, self._size = seed, images, size
        self._number, self._block = -1, np.empty((0, size), np.intp)

    def __getitem__(self, iteration: int) -> NDArray[np.intp]:
        """Return the indices `(size,)` of the batch used for the update after `iteration` completed ones."""
        number, row = divmod(iteration, _BLOCK)
        if number != self._number:
            draws = generator(self._seed, Purpose.BATCHES, number)
            self._block = draws.integers(0, self._images, (_BLOCK, self._size), dtype=np.intp)
            self._number = number
        chosen: NDArray[np.intp] = self._block[row]
        return chosen
