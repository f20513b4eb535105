"""Training runs on images: every lane sees the same mini-batches from the same initial random numbers.

Lanes are cut into blocks that run on a pool of threads and meet where accuracies are measured, where a live
parameter changes, and where the caller asked to stop. Results do not depend on the number of threads.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.block import Block, Images, Task
from core.experiments.propagation import LaneStatistics
from core.experiments.protocol import Experiment
from core.history import Record, SmoothedRecord
from core.lanes import Axis, Lane, lanes_of
from core.statistics import FITTED, FIXED, activation_statistics, gradient_statistics

if TYPE_CHECKING:
    from core.datasets import Dataset
    from core.parameters import Change, Configuration

Array = NDArray[Any]

_MOST_MEASURED = 1000  # training images whose accuracy is measured; all test images are
_BLOCK_LANES = 8
_PROBE_IMAGES = 125  # about a mini-batch; each frame with histograms measures them anew
_PROBE_BINS = 40


@dataclass(frozen=True, slots=True)
class TrainingFrame:
    """A training run up to `iteration` completed updates.

    `loss` and `smoothed` are `(lanes, iteration)`: column i is the mini-batch loss of update i + 1, before it; NaN
    from the update at which a lane diverged, which `diverged` gives. Accuracies are `(lanes, measured)`, taken after
    `measured_at` updates. `probe` has the watched lane's histograms, or None.
    """

    lanes: tuple[Lane, ...]
    iteration: int
    total: int
    per_epoch: int
    loss: Array
    smoothed: Array
    measured_at: Array
    train_accuracy: Array
    test_accuracy: Array
    train_measured: int
    test_measured: int
    diverged: tuple[int | None, ...]
    changes: tuple[Change, ...]
    probe: LaneStatistics | None

    @property
    def position(self) -> int:
        """Completed updates, as every frame calls it."""
        return self.iteration


class Training(Experiment):
    """Networks of one architecture, one per lane, trained together."""

    def __init__(self, configuration: Configuration, dataset: Dataset, axis: Axis, threads: int | None = None) -> None:
        """Prepare the run; `threads` is the size of the pool, by default one per core."""
        lanes = lanes_of(configuration.values, axis)
        super().__init__(configuration, lanes, configuration["iterations"])
        self._values: dict[str, Any] = dict(configuration.values)
        self._task = _task(configuration, dataset)
        self.per_epoch = max(1, len(self._task.train.labels) // self._task.batch)
        self._evaluate = configuration["evaluate"] * self.per_epoch
        cores = max(1, threads or os.cpu_count() or 1)
        self._blocks = [
            Block(self._task, [lanes[i] for i in rows], rows, self._values) for rows in cut(len(lanes), cores)
        ]
        self._pool = ThreadPoolExecutor(min(cores, len(self._blocks)), "block") if cores > 1 else None
        self._loss, self._smoothed = Record(len(lanes)), SmoothedRecord(len(lanes))
        self._train, self._test = Record(len(lanes)), Record(len(lanes))
        self._measured: list[int] = []
        self._pending = sorted(configuration.changes, key=lambda change: change.iteration)
        self._measure_if_due()

    def advance(self, updates: int) -> None:
        """Make up to `updates` updates of every lane, measuring accuracies on the way."""
        target = min(self.total, self.position + updates)
        self._loss.reserve(target)
        while self.position < target and not self.stopped:
            self._apply_changes()
            self._run_to(min([target, *self._stops()]))
            self._measure_if_due()
        self._apply_changes()

    def _stops(self) -> list[int]:
        due = [change.iteration for change in self._pending[:1]]
        if self._evaluate:
            due.append((self.position // self._evaluate + 1) * self._evaluate)
        return due

    def _run_to(self, end: int) -> None:
        self._each_block(lambda block: block.run(self.position, end, self._loss))
        if self.stopped:
            # Where every lane has diverged, the run ends with the last of them, however far it was asked to go.
            end = max(d for d in self._diverged(self._loss.view(end)) if d is not None)
        self.position = end

    def _each_block(self, work: Any) -> None:
        if self._pool is None or len(self._blocks) == 1:
            for block in self._blocks:
                work(block)
        else:
            list(self._pool.map(work, self._blocks))

    def _measure_if_due(self) -> None:
        if not self._evaluate or (self.position % self._evaluate and self.position != self.total):
            return
        found = [(self._train, self._accuracy(self._task.measured)), (self._test, self._accuracy(self._task.test))]
        self._measured.append(self.position)
        for record, accuracy in found:
            record.reserve(len(self._measured))
            record.data[:, len(self._measured) - 1] = accuracy

    def _accuracy(self, images: Images) -> Array:
        """Return every lane's accuracy, NaN where it diverged; measuring takes longer than a display frame."""
        right = np.full(len(self.lanes), np.nan)
        right[[row for block in self._blocks for row in block.rows]] = 0.0
        for part in images.parts():
            self._each_block(lambda block, part=part: block.count_right(part, right))
            self.breathe()
        return right / len(images.labels)

    def _apply_changes(self) -> None:
        while self._pending and self._pending[0].iteration <= self.position:
            change = self._pending.pop(0)
            self._set(change.key, change.value)

    def change(self, key: str, value: Any) -> None:
        """Give a live parameter a new value; the run goes on from where it is.

        Another end leaves no trace in the results, so it replaces the old one instead of being recorded as a change.
        """
        value = self.configuration.parameter(key).check(value)
        if key == "iterations":
            values = {**self.configuration.values, key: value}
            self.configuration = replace(self.configuration, values=values)
        else:
            super().change(key, value)
        self._set(key, value)

    def _set(self, key: str, value: Any) -> None:
        self._values[key] = value
        if key == "iterations":
            self._extend(value)
        for block in self._blocks:
            block.configure(self._values)

    def _extend(self, total: int) -> None:
        """Set another end; the accuracy measured at the former one goes, so that a run's length leaves no trace."""
        self.total = max(total, self.position)
        if self._measured and self._evaluate and self._measured[-1] % self._evaluate:
            self._measured.pop()
        if self.position == self.total and self.position not in self._measured:
            self._measure_if_due()

    @property
    def stopped(self) -> bool:
        """Whether every lane has diverged."""
        return not any(block.lanes for block in self._blocks)

    def snapshot(self) -> TrainingFrame:
        """Return the run so far; measures the watched lane's histograms."""
        n, measured = self.position, len(self._measured)
        loss = self._loss.view(n)
        diverged = self._diverged(loss)
        return TrainingFrame(
            lanes=self.lanes,
            iteration=n,
            total=self.total,
            per_epoch=self.per_epoch,
            loss=loss,
            smoothed=self._smoothed.update(loss, [n if d is None else d - 1 for d in diverged]),
            measured_at=_frozen(np.array(self._measured, np.intp)),
            train_accuracy=_frozen(self._train.view(measured).copy()),
            test_accuracy=_frozen(self._test.view(measured).copy()),
            train_measured=len(self._task.measured.labels),
            test_measured=len(self._task.test.labels),
            diverged=diverged,
            changes=self.configuration.changes,
            probe=self._probe(),
        )

    def _diverged(self, loss: Array) -> tuple[int | None, ...]:
        """Return the update at which each lane left the finite numbers: the first without a loss."""
        alive = {row for block in self._blocks for row in block.rows}
        lost = [None if row in alive else np.isnan(loss[row]) for row in range(len(self.lanes))]
        return tuple(None if gone is None else int(gone.argmax()) + 1 for gone in lost)

    def _probe(self) -> LaneStatistics | None:
        for block in self._blocks:
            for row, lane in enumerate(block.lanes):
                if lane.name == self.watched:
                    with np.errstate(all="ignore"):
                        return _inspect(block, row, lane, self._task)
        return None

    def close(self) -> None:
        """End the pool's threads."""
        if self._pool is not None:
            self._pool.shutdown(wait=True)


def _frozen(array: Array) -> Array:
    array.flags.writeable = False
    return array


def cut(lanes: int, threads: int) -> list[list[int]]:
    """Deal lanes to blocks of at most 8, at least one block per thread where there are two lanes for each.

    Dealt to and fro, as OPTIMIZERS come in order of their cost: blocks that take equally long wait least.
    """
    blocks = max(-(-lanes // _BLOCK_LANES), min(threads, -(-lanes // 2)))
    order = [*range(blocks), *reversed(range(blocks))]
    return [[lane for lane in range(lanes) if order[lane % len(order)] == block] for block in range(blocks)]


def _task(configuration: Configuration, dataset: Dataset) -> Task:
    inputs = dataset.used_pixels()
    most = configuration.get("images") or len(dataset.train_labels)
    train = Images(np.ascontiguousarray(dataset.train_images[:most, inputs]), dataset.train_labels[:most])
    return Task(
        train=train,
        test=Images(np.ascontiguousarray(dataset.test_images[:, inputs]), dataset.test_labels),
        measured=train.head(_MOST_MEASURED),
        inputs=inputs,
        n_in=dataset.pixels,
        hidden=configuration["hidden"],
        classes=dataset.classes,
        batch=configuration["batch"],
        seed=configuration["seed"],
    )


def _inspect(block: Block, row: int, lane: Lane, task: Task) -> LaneStatistics:
    """Measure one lane's activations and gradients on the first training images, as a training step sees them."""
    network = block.network.subset([row])
    for layer in network.affine:
        layer.trained = False
    images = task.train.head(_PROBE_IMAGES)
    activations = [found[0] for found in network.hidden(images.inputs(), training=True)]
    _, d = network.loss_and_gradient(network.layers[-1].forward(activations[-1][None], True), images.labels)
    gradients = [found[0] for found in network.hidden_gradients(d)]
    fit = FITTED if lane.activation == "relu" else FIXED
    return LaneStatistics(
        lane,
        activation_statistics(activations, lane.activation, _PROBE_BINS, fit),
        gradient_statistics(gradients, _PROBE_BINS),
    )
