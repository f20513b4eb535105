"""A run over several seeds as one frame: medians of every lane, their spread, and what cannot be told apart."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.bands import Bands, alike, quartiles
from core.experiments.training_frame import Spread

if TYPE_CHECKING:
    from core.experiments.training_frame import TrainingFrame
    from core.lanes import Lane

Array = NDArray[Any]


class OverSeeds:
    """Follows one run; computes only what is new."""

    def __init__(self, lanes: tuple[Lane, ...], seeds: tuple[int, ...]) -> None:
        """Take what the rows of the run's frames are: all seeds of the first lane, then those of the second."""
        self._lanes, self._seeds = lanes, seeds
        self._losses, self._smoothed = Bands(len(lanes)), Bands(len(lanes))
        self._compared: tuple[tuple[int, ...], tuple[tuple[str, str], ...]] = ((), ())

    def frame(self, runs: TrainingFrame) -> TrainingFrame:
        """Return the frame of medians for one whose rows are all runs."""
        loss, smoothed, train, test, norm = map(
            self._by_lane, (runs.loss, runs.smoothed, runs.train_accuracy, runs.test_accuracy, runs.weight_norm)
        )
        low, middle, high = self._smoothed.update(smoothed)
        trains, tests = quartiles(train, -np.inf), quartiles(test, -np.inf)
        lost = [[d for d in runs.diverged[start : start + len(self._seeds)] if d is not None] for start in self._starts]
        measured = test.shape[2] > 0
        spread = Spread(
            seeds=self._seeds,
            smoothed=_frozen(np.stack([low, high], axis=1)),
            train_accuracy=_frozen(np.stack([trains[0], trains[2]], axis=1)),
            test_accuracy=_frozen(np.stack([tests[0], tests[2]], axis=1)),
            seed_loss=loss,
            seed_smoothed=smoothed,
            seed_train_accuracy=train,
            seed_test_accuracy=test,
            diverged=tuple(len(found) for found in lost),
            alike=self._alike(test if measured else -smoothed, runs),
            metric="test accuracy" if measured else "loss",
        )
        return replace(
            runs,
            loss=self._losses.update(loss)[1],
            smoothed=middle,
            train_accuracy=_frozen(trains[1]),
            test_accuracy=_frozen(tests[1]),
            weight_norm=_frozen(quartiles(norm)[1]),
            diverged=tuple(self._median_lost(found) for found in lost),
            spread=spread,
        )

    @property
    def _starts(self) -> range:
        return range(0, len(self._lanes) * len(self._seeds), len(self._seeds))

    def _by_lane(self, rows: Array) -> Array:
        return rows.reshape(len(self._lanes), len(self._seeds), rows.shape[1])

    def _median_lost(self, lost: list[int]) -> int | None:
        """Return the update from which the median is not finite: that at which half of the seeds have diverged."""
        half = (len(self._seeds) + 1) // 2
        return sorted(lost)[half - 1] if len(lost) >= half else None

    def _alike(self, values: Array, runs: TrainingFrame) -> tuple[tuple[str, str], ...]:
        """Return the pairs of lanes whose last values cannot be told apart; found anew only where these are new."""
        at = (values.shape[2], *runs.measured_at[-1:].tolist())
        if self._compared[0] != at and at[0]:
            pairs = tuple((self._lanes[a].label, self._lanes[b].label) for a, b in alike(values[:, :, -1]))
            self._compared = (at, pairs)
        return self._compared[1]


def _frozen(array: Array) -> Array:
    array.flags.writeable = False
    return array
