"""Accuracies of all blocks at one moment of a run, counted by several threads, if need be while training goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Executor, Future

    from core.block import Block, Images

Array = NDArray[Any]


class Measurement:
    """What the blocks predict of some sets of images; of `total` rows of the run, those that diverged have NaN.

    With `frozen` the blocks keep a copy of their present weights for it, so that they can be trained on meanwhile.
    """

    def __init__(self, blocks: Sequence[Block], sets: Sequence[Images], total: int, threads: int, frozen: bool) -> None:
        """Find the pieces of work: each block with each part of each set."""
        self._sets = sets
        self.norms = np.full(total, np.nan)
        self._right = np.full((len(sets), total), np.nan)
        alive = [block for block in blocks if block.lanes]
        work = []
        for block in alive:
            self.norms[block.rows] = block.network.weight_norms()
            self._right[:, block.rows] = 0.0
            predictors, rows = block.predictors(threads, frozen), list(block.rows)
            work += [(block, predictors, rows, number, part) for number, part in _parts(sets)]
        self._todo = iter(work)
        self._found: list[tuple[int, list[int], Array]] = []
        self._helpers: list[Future[None]] = []

    def begin(self, pool: Executor, helpers: int, given_up: Callable[[], bool]) -> None:
        """Let other threads begin."""
        self._helpers = [pool.submit(self.count, number, given_up) for number in range(1, helpers + 1)]

    def count(self, thread: int, given_up: Callable[[], bool], breathe: Callable[[], None] | None = None) -> None:
        """Take one piece of work after the other until none is left; `thread` has its own predictor in every block."""
        for block, predictors, rows, number, part in self._todo:
            if given_up():
                return
            self._found.append((number, rows, block.count_right(predictors[thread], part)))
            if breathe is not None:
                breathe()

    def accuracies(self) -> list[Array]:
        """Wait for the other threads and return every row's accuracy on each set."""
        for helper in self._helpers:
            helper.result()
        for number, rows, right in self._found:
            self._right[number, rows] += right
        return [row / len(images.labels) for row, images in zip(self._right, self._sets, strict=True)]


def _parts(sets: Sequence[Images]) -> list[tuple[int, Images]]:
    return [(number, part) for number, images in enumerate(sets) for part in images.parts()]
