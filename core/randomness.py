"""Random numbers keyed by what they are for: (seed, purpose, index), never one shared stream.

So a paused, rewound or widened run draws the same numbers, and one lane's draws do not depend on its neighbours.
"""

from __future__ import annotations

import zlib
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_BLOCK = 64


class Purpose(IntEnum):
    """What a generator's numbers are for; the value is part of the key."""

    WEIGHTS = 1
    BATCHES = 2
    INPUTS = 3
    GRADIENTS = 4
    MASKS = 5
    TRIALS = 6
    SPLIT = 7


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


class Masks:
    """Dropout masks of some lanes, each lane's own, keyed by its name and the iteration.

    A unit stays where its 16 random bits are at least 65536 times the ratio: four times faster than floats.
    """

    def __init__(self, seed: int, names: Sequence[str], shapes: Sequence[tuple[int, int]]) -> None:
        """Prepare masks `(lanes, batch, features)`, one for each of the `shapes`."""
        self._seed, self._keys = seed, [zlib.crc32(name.encode()) for name in names]
        self.lanes = len(names)
        self.scaled = [np.ones((len(names), *shape), np.float32) for shape in shapes]
        self._sizes = [batch * features for batch, features in shapes]

    def draw(self, iteration: int, ratios: Sequence[float]) -> None:
        """Fill `scaled` with 0 or 1 / (1 - ratio) for the update after `iteration` completed ones."""
        for lane, (key, ratio) in enumerate(zip(self._keys, ratios, strict=True)):
            if ratio:
                self._draw(lane, key, iteration, ratio)
            else:
                for mask in self.scaled:
                    mask[lane] = 1

    def _draw(self, lane: int, key: int, iteration: int, ratio: float) -> None:
        seeds = np.random.SeedSequence([self._seed, Purpose.MASKS, key, iteration])
        raw: Any = np.random.PCG64(seeds).random_raw(-(-sum(self._sizes) // 4))
        bits, start = raw.view(np.uint16), 0
        stays, scale = np.greater_equal(bits, round(65536 * ratio)), np.float32(1 / (1 - ratio))
        for mask, size in zip(self.scaled, self._sizes, strict=True):
            np.multiply(stays[start : start + size].reshape(mask[lane].shape), scale, out=mask[lane])
            start += size
