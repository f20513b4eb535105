"""Search for hyperparameters: every trial is a lane, and all of them train at once.

Trials learn from four fifths of the images and are judged by the rest, the validation set. With successive halving
(Jamieson and Talwalkar, arXiv:1502.07943) only the best third goes on at each of a few epochs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.experiments.saved import OldFuture
from core.experiments.training import Training
from core.lanes import Axis, Lane
from core.randomness import Purpose, generator
from core.rates import Rates
from core.task import task_of
from core.trials import VALIDATED, trials_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from core.block import Task
    from core.checkpoints import Checkpoint
    from core.datasets import Dataset
    from core.experiments.propagation import LaneStatistics
    from core.experiments.saved import SavedRun
    from core.insight import Insight
    from core.parameters import Change, Configuration
    from core.rates import Ahead
    from core.weight_steps import WeightStep

Array = NDArray[Any]

HALVING_STARTS = 10
"""The first trials are stopped after a tenth of the run."""
HALVING_KEEPS = 3
"""One trial of three goes on, three times as long."""


@dataclass(frozen=True, slots=True)
class SearchFrame:
    """A search on `images` images up to `iteration` completed updates of every trial that goes on.

    `settings` are the searched values `(trials, len(names))`. Accuracies are `(trials, measured)`, taken after
    `measured_at` updates, NaN where a trial had ended; `last` is each trial's last validation accuracy. `stopped` and
    `diverged` say after which update a trial was stopped early or at which it left the finite numbers. `ranking` has
    the trials' rows, best first: those that go on before those stopped, those that diverged last. `made` updates have
    been made in all trials together, and `spared` were not because trials had been stopped. `futures` are what the
    search did before it was rewound; their test accuracies are those on the validation set. `rates` (1, iteration) and
    `ahead` are the learning rates of all trials, or, where that is searched, what theirs are multiplied by; None where
    they are constant.
    """

    lanes: tuple[Lane, ...]
    iteration: int
    total: int
    per_epoch: int
    names: tuple[str, ...]
    settings: Array
    lr: Array
    weight_decay: Array
    measured_at: Array
    train_accuracy: Array
    validation_accuracy: Array
    last: Array
    ranking: Array
    stopped: tuple[int | None, ...]
    diverged: tuple[int | None, ...]
    made: int
    spared: int
    images: int
    train_measured: int
    validation_measured: int
    changes: tuple[Change, ...]
    probes: tuple[LaneStatistics, ...]
    futures: tuple[OldFuture, ...] = ()
    checkpoints: int = 0
    checkpoint_bytes: int = 0
    rates: Array | None = None
    ahead: Ahead | None = None
    insight: Insight | None = None
    weight: WeightStep | None = None

    @property
    def position(self) -> int:
        """Completed updates, as every frame calls it."""
        return self.iteration


class Search(Training):
    """All trials as lanes of one training run, too many to follow what flows through their layers."""

    follows_flow = False

    tested_on = "validation"

    def __init__(self, configuration: Configuration, dataset: Dataset, threads: int | None = None) -> None:
        """Draw the trials and split the images."""
        self._stopped: dict[int, int] = {}
        super().__init__(configuration, dataset, Axis.TRIAL, threads)
        self.total = self._end()
        self._checkpoints = self._no_checkpoints()
        self.names: tuple[str, ...] = configuration["search"]
        self._rates = Rates((self._common_lane(),))
        found = trials_of(configuration.values)
        self._settings = np.array([[row[name] for name in self.names] for row in found])
        self._settings.flags.writeable = False

    def _common_lane(self) -> Lane:
        """Return a lane whose learning rates are those of all trials, of 1 where that is what they differ in."""
        optimizer = self._values["optimizer"]
        own = ((f"{optimizer}.lr", 1.0),) if "lr" in self.names else ()
        return Lane("trials", "all trials", "", "", optimizer, own=own)

    def _make_task(self, dataset: Dataset) -> Task:
        """Shuffle the first images and keep a fifth of them for validation."""
        return split(task_of(self.configuration, dataset, tested=False), self.configuration["seed"])

    def _measure_if_due(self) -> None:
        before = len(self._measured)
        super()._measure_if_due()
        self._finish_measuring()
        if len(self._measured) > before and self.configuration["halving"]:
            self._halve()

    def _end(self) -> int:
        return int(self._values["iterations"] or self._values["epochs"] * self.per_epoch)

    def _halve(self) -> None:
        """Stop all but the best third, where it is time for that."""
        if self.position not in self.rungs():
            return
        going = sorted(row for block in self._blocks for row in block.rows)  # ties go by number, however blocks are cut
        last = len(self._measured) - 1
        validation, train = self._test.data[going, last], self._train.data[going, last]
        order = ranked(validation, train, [0] * len(going), [False] * len(going))
        best = {going[place] for place in order[: -(-len(going) // HALVING_KEEPS)]}
        self._stopped |= dict.fromkeys((row for row in going if row not in best), self.position)
        self._drop_stopped()

    def _drop_stopped(self) -> None:
        """Take the trials out of their blocks that were stopped by now."""
        gone = {row for row, at in self._stopped.items() if at <= self.position}
        for block in self._blocks:
            left = [place for place, row in enumerate(block.rows) if row not in gone]
            if len(left) < len(block.rows):
                block.keep(left)

    def _run_to(self, end: int) -> None:
        super()._run_to(end)
        self._drop_stopped()

    def _stand_at(self, checkpoint: Checkpoint | None) -> None:
        super()._stand_at(checkpoint)
        self._stopped = {row: at for row, at in self._stopped.items() if at <= self.position}
        self._drop_stopped()

    def ended(self) -> Mapping[int, int]:
        """Return after which update trials were stopped early."""
        return self._stopped

    def restore(self, saved: SavedRun) -> None:
        """Go on with a search."""
        self._stopped = dict(saved.stopped)
        super().restore(saved)

    def rungs(self) -> list[int]:
        """Return the updates after which trials are stopped: at epochs, each three times as late as the one before."""
        return rungs_of(self.total, self._evaluate)

    def snapshot(self) -> Any:
        """Return the search so far."""
        self._finish_measuring()
        n, lanes = self.position, self.lanes
        sight = self._sight(self._places(), n)
        lost = self._lost_at(self._loss.view(n))
        stopped = tuple(self._stopped.get(row) for row in range(len(lanes)))
        lengths = [s if s is not None else d if d is not None else n for s, d in zip(stopped, lost, strict=True)]
        diverged = tuple(None if s is not None else d for s, d in zip(stopped, lost, strict=True))
        validation, train = self._taken(self._test), self._taken(self._train)
        values = self._values
        return SearchFrame(
            lanes=lanes,
            iteration=n,
            total=self.total,
            per_epoch=self.per_epoch,
            names=self.names,
            settings=self._settings,
            lr=np.array([lane.value(f"{lane.optimizer}.lr", values) for lane in lanes]),
            weight_decay=np.array([lane.value("l2", values) for lane in lanes]),
            measured_at=np.array(self._measured, np.intp),
            train_accuracy=train,
            validation_accuracy=validation,
            last=last_known(validation),
            ranking=ranked(last_known(validation), last_known(train), lengths, [d is not None for d in diverged]),
            stopped=stopped,
            diverged=diverged,
            made=sum(lengths),
            spared=sum(n - length for length, s in zip(lengths, stopped, strict=True) if s is not None),
            images=len(self._task.train.labels),
            train_measured=len(self._task.measured.labels),
            validation_measured=len(self._task.test.labels),
            changes=self.configuration.changes,
            probes=sight.probes,
            futures=self._futures,
            checkpoints=len(self._checkpoints.all),
            checkpoint_bytes=self._checkpoints.nbytes,
            rates=self._rates.update(self.configuration, n),
            ahead=self._rates.ahead(self.configuration, self.total),
            insight=sight.insight,
            weight=self._weights.last(self),
        )

    def _future(self, start: int) -> OldFuture | None:
        """Return what came after `start`: the accuracies alone, of which a search shows no more."""
        if start >= self.position:
            return None
        first = max(0, int(np.searchsorted(self._measured, start, "right")) - 1)
        nothing = np.empty((len(self.lanes), 0), np.float32)
        train, test = (self._taken(record)[:, first:] for record in (self._train, self._test))
        return OldFuture(start, nothing, nothing, np.array(self._measured[first:], np.intp), train, test)


def rungs_of(total: int, every: int) -> list[int]:
    """Return after which of `total` updates trials are stopped, where they are measured `every` so many."""
    if not every:
        return []
    found, at = [], max(1, round(total / HALVING_STARTS / every)) * every
    while at < total:
        found.append(at)
        at *= HALVING_KEEPS
    return found


def split(task: Task, seed: int) -> Task:
    """Return the task with its training images shuffled and a fifth of them, at least one, in place of the test's."""
    order = generator(seed, Purpose.SPLIT).permutation(len(task.train.labels))
    kept = max(1, len(order) // VALIDATED)
    validation, train = (task.train.take(part) for part in (order[:kept], order[kept:] if len(order) > 1 else order))
    return replace(task, train=train, measured=train.head(len(task.measured.labels)), test=validation)


def last_known(accuracy: Array) -> Array:
    """Return the last finite value of each row `(rows, n)`, NaN where there is none."""
    found = np.full(len(accuracy), np.nan)
    for column in accuracy.T:
        found = np.where(np.isfinite(column), column, found)
    return found


def ranked(validation: Array, train: Array, came: Sequence[float], diverged: Sequence[bool]) -> Array:
    """Return the rows of trials, best first.

    Those that diverged come last, those that made more updates first; then by validation accuracy, by training
    accuracy, by number. What is not known is worse than 0.
    """

    def key(row: int) -> tuple[Any, ...]:
        values = [-float(value) if np.isfinite(value) else 1.0 for value in (validation[row], train[row])]
        return diverged[row], -came[row], *values, row

    return np.array(sorted(range(len(validation)), key=key), np.intp)
