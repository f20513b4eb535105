"""A training run as plain data: its configuration, what was recorded, and moments from which it can go on.

Session files, undo and autosave all keep runs in this form; `Training.restore` takes one up again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.checkpoints import Checkpoint
    from core.parameters import Configuration

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class OldFuture:
    """What a run did after `start` updates before it was rewound to there and went on another way.

    `loss` and `smoothed` `(lanes, n)` belong to updates `start + 1` to `start + n`; accuracies `(lanes, m)` were
    measured after `measured_at` updates, the first of which is the last measured before the branch.
    """

    start: int
    loss: Array
    smoothed: Array
    measured_at: Array
    train_accuracy: Array
    test_accuracy: Array

    @property
    def end(self) -> int:
        """The last update it made."""
        return self.start + int(self.smoothed.shape[1])


@dataclass(frozen=True, slots=True)
class SavedRun:
    """A run after `position` updates, with a row for each lane and seed.

    `loss` is `(rows, position)`; `train`, `test` and `norms` are `(rows, m)`, taken after `measured` updates.
    `stopped` says after which update rows were stopped early. The last of the `checkpoints` is at `position`. `flow`
    `(rows, 2, layers, samples)` are norms of gradients and ratios of updates; None where none were measured.
    """

    configuration: Configuration
    position: int
    loss: Array
    measured: tuple[int, ...]
    train: Array
    test: Array
    norms: Array
    stopped: Mapping[int, int]
    checkpoints: tuple[Checkpoint, ...]
    futures: tuple[OldFuture, ...] = ()
    flow: Array | None = None

    @property
    def nbytes(self) -> int:
        """Memory of the arrays."""
        arrays: tuple[Array, ...] = (self.loss, self.train, self.test, self.norms)
        curves = [array for found in self.futures for array in (found.loss, found.smoothed)]
        curves += [] if self.flow is None else [self.flow]
        return sum(int(array.nbytes) for array in (*arrays, *curves)) + sum(found.nbytes for found in self.checkpoints)
