"""Moments of a training run from which it can go on: parameters, running statistics and optimizers' states.

Because the engine is deterministic, a run that is recomputed from a checkpoint gives the same bits. Checkpoints are
spread evenly over the run and take a bounded amount of memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Array = NDArray[Any]

BUDGET = 24 * 2**20
"""Bytes that the checkpoints of one run take at most, unless a single one is larger."""
_STRETCH = 4  # times the budget that a single one may take

_MOST = 250  # more would cost more to keep than is saved on the way back


@dataclass(frozen=True, slots=True)
class OptimizerState:
    """The state of one optimizer: `values` are arrays `(len(rows), P)` and counts; `rows` are rows of the run."""

    rows: tuple[int, ...]
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BlockState:
    """One block at one moment: `params` `(len(rows), P)`, `stats` `(len(rows), S)`; `rows` are rows of the run."""

    rows: tuple[int, ...]
    params: Array
    stats: Array
    optimizers: tuple[OptimizerState, ...]

    @property
    def nbytes(self) -> int:
        """Memory of the arrays."""
        values = (value for state in self.optimizers for value in state.values.values())
        states = sum(value.nbytes for value in values if isinstance(value, np.ndarray))
        return int(self.params.nbytes + self.stats.nbytes + states)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """All blocks of a run after `position` updates; rows can be taken from it however they are cut into blocks."""

    position: int
    blocks: tuple[BlockState, ...]

    @property
    def rows(self) -> set[int]:
        """The rows that had not ended."""
        return {row for block in self.blocks for row in block.rows}

    def networks(self, rows: Sequence[int]) -> tuple[Array, Array]:
        """Return the parameters `(len(rows), P)` and running statistics `(len(rows), S)` of networks of one shape."""
        places = {row: (block, place) for block in self.blocks for place, row in enumerate(block.rows)}
        found = [places[row] for row in rows]
        return np.stack([b.params[place] for b, place in found]), np.stack([b.stats[place] for b, place in found])

    def optimizer(self, rows: Sequence[int]) -> dict[str, Any]:
        """Return the state of rows that have one optimizer: arrays `(len(rows), P)` and counts."""
        states = [state for block in self.blocks for state in block.optimizers]
        places = {row: (state.values, place) for state in states for place, row in enumerate(state.rows)}
        found = [places[row] for row in rows]
        return {
            key: np.stack([values[key][place] for values, place in found]) if isinstance(value, np.ndarray) else value
            for key, value in found[0][0].items()
        }

    @property
    def nbytes(self) -> int:
        """Memory of the arrays."""
        return sum(block.nbytes for block in self.blocks)


class Checkpoints:
    """What is kept of one run: as many checkpoints of `size` bytes as `budget` allows, evenly over `total` updates.

    Of so many networks that not one fits, a single one is kept, in the middle, if it takes at most four times as much.
    """

    def __init__(self, size: int, total: int, budget: int = BUDGET) -> None:
        """Start with none. The beginning needs no checkpoint: it is drawn anew from the seed."""
        self._most = min(_MOST, budget // max(1, size)) or int(size <= _STRETCH * budget)
        self._kept: dict[int, Checkpoint] = {}
        self._spacing = max(1, -(-total // (self._most + 1)))

    def extend(self, total: int) -> None:
        """Spread them over another number of updates; what does not fit any more is dropped."""
        before = self._spacing
        while -(-total // self._spacing) - 1 > self._most:
            self._spacing *= 2
        if self._spacing > before:
            self._kept = {at: found for at, found in self._kept.items() if not at % self._spacing}

    def next_after(self, position: int) -> int | None:
        """Return the next position to keep; None where not even one fits into the budget."""
        return (position // self._spacing + 1) * self._spacing if self._most else None

    def wants(self, position: int) -> bool:
        """Tell whether this position is to be kept and is not there yet."""
        return bool(self._most and position) and not position % self._spacing and position not in self._kept

    def add(self, found: Checkpoint) -> None:
        """Keep a checkpoint, in place of one between the even steps, or of a later one, where there are too many."""
        self._kept[found.position] = found
        while len(self._kept) > self._most:
            between = [at for at in self._kept if at % self._spacing]
            del self._kept[min(between, default=max(self._kept))]

    def before(self, position: int) -> Checkpoint | None:
        """Return the last one up to a position; None where that is the beginning."""
        found = [at for at in self._kept if at <= position]
        return self._kept[max(found)] if found else None

    def forget_after(self, position: int) -> None:
        """Drop what belongs to a future that is left."""
        self._kept = {at: found for at, found in self._kept.items() if at <= position}

    @property
    def all(self) -> tuple[Checkpoint, ...]:
        """All that are kept, the earliest first."""
        return tuple(self._kept[at] for at in sorted(self._kept))

    @property
    def nbytes(self) -> int:
        """Memory that they take."""
        return sum(found.nbytes for found in self._kept.values())
