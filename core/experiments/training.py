"""Training runs on images: every lane sees the same mini-batches from the same initial random numbers.

Lanes are cut into blocks that run on a pool of threads and meet where accuracies are measured, where a live
parameter changes, and where the caller asked to stop. Results do not depend on the number of threads. With several
seeds every lane is trained once for each of them, as further lanes of the stack.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.block import Block
from core.checkpoints import BUDGET, Checkpoints
from core.experiments.dealing import cut_alike
from core.experiments.over_seeds import OverSeeds
from core.experiments.probing import probe
from core.experiments.rewinding import Rewinding
from core.experiments.training_frame import TrainingFrame
from core.experiments.visitor import Visitor
from core.experiments.weight_watch import WeightWatch
from core.flow import EVERY, FlowRecord
from core.history import Record, SmoothedRecord
from core.insight import Found, Insights
from core.lanes import Axis, lanes_of
from core.measuring import Measurement
from core.memory import networks_bytes, networks_text, records_bytes, require, shape_of
from core.rates import Rates
from core.scratch import Scratches
from core.task import task_of
from core.watching import Sight

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from core.datasets import Dataset
    from core.parameters import Configuration
    from core.task import Task
    from core.watching import Watch
    from core.weight_steps import WeightStep

Array = NDArray[Any]

_MOST_PER_TRAINED = 6


def _never() -> bool:
    """What is asked for here is waited for."""
    return False


class Training(Rewinding):
    """Networks with the same layer sizes, one per lane and seed, trained together.

    The records have a row for every lane and seed: all seeds of the first lane, then those of the second.
    `follows_flow` says whether what flows through the layers is one of them.
    """

    follows_flow = True
    tested_on = "test"

    def __init__(self, configuration: Configuration, dataset: Dataset, axis: Axis, threads: int | None = None) -> None:
        """Prepare the run; `threads` is how many train at a time, by default one per core."""
        lanes = lanes_of(configuration.values, axis)
        super().__init__(configuration, lanes, configuration["iterations"])
        self._values: dict[str, Any] = dict(configuration.values)
        self._task = self._make_task(dataset)
        self.per_epoch = max(1, len(self._task.train.labels) // self._task.batch)
        self.seeds = tuple(configuration["seed"] + i for i in range(configuration.get("seeds", 1)))
        cores = os.cpu_count() or 1
        self._threads = max(1, threads or cores)
        self._measured_every, self._dear = self._cost_of_measuring()
        self._require_memory()
        self._blocks = self._make_blocks()
        self._evaluate = configuration["evaluate"] * self.per_epoch * self._measured_every
        # Where measuring takes longer than training, it is spread over all cores; else it stays on its own threads.
        self._counting = max(self._threads, cores) if self._dear else self._threads
        self._pool = ThreadPoolExecutor(self._counting, "block") if self._counting > 1 else None
        rows = len(lanes) * len(self.seeds)
        self._loss = Record(rows)
        self._train, self._test, self._norms = Record(rows), Record(rows), Record(rows, dtype=np.float64)
        self._flow = FlowRecord(rows, len(self._task.hidden) + 1) if self.follows_flow else None
        self._measured: list[int] = []
        self._known: dict[int, list[Array]] = {}
        self._measuring: tuple[int, Measurement] | None = None
        self._summarize_anew()
        self._pending = sorted(configuration.changes, key=lambda change: change.iteration)
        self._checkpoints = self._no_checkpoints()
        self._rates = Rates(lanes)
        self._visitor = Visitor(self._task, rows, self._blocks[0].scratches)
        self._weights = WeightWatch(self._task, self._visitor)
        self._shape = dataset.shape
        self._insights = Insights(self._task, dataset.shape, [lane.name for lane in lanes], self.tested_on)

    def _require_memory(self) -> None:
        """Raise NotEnoughMemory before anything is taken that is not there."""
        rows, copies = len(self.lanes) * len(self.seeds), 2 if self._dear else 0
        shape = shape_of(self._task, self.lanes, self._values, len(self.seeds), self._threads, copies, BUDGET)
        needed = networks_bytes(shape) + records_bytes(rows, self.total, 2)
        if self.follows_flow:
            needed += records_bytes(rows, self.total // EVERY + 1, 2 * len(shape.sizes[1:]))
        require(needed, networks_text(rows, self._task.hidden))

    def _no_checkpoints(self) -> Checkpoints:
        return Checkpoints(sum(block.state_size for block in self._blocks), self.total)

    def _summarize_anew(self) -> None:
        """Forget what was computed from the records: they are to be written anew."""
        self._smoothed = SmoothedRecord(len(self._loss.data))
        self._over_seeds = OverSeeds(self.lanes, self.seeds) if len(self.seeds) > 1 else None

    def _make_task(self, dataset: Dataset) -> Task:
        """Return what the lanes are to learn."""
        return task_of(self.configuration, dataset)

    def _make_blocks(self) -> list[Block]:
        """Cut lanes into blocks; those of one block have one seed and one architecture."""
        many = len(self.seeds)
        blocks, scratches = [], Scratches()
        for place, seed in enumerate(self.seeds):
            for rows in cut_alike(self.lanes, max(1, self._threads // many)):
                lanes = [self.lanes[i] for i in rows]
                blocks.append(Block(self._task, lanes, [i * many + place for i in rows], self._values, seed, scratches))
        return blocks

    def _cost_of_measuring(self) -> tuple[int, bool]:
        """Return every how many times of measuring it is done, and whether it takes longer than training.

        A prediction takes about a third of an update. Spread over two cores, measuring takes less time than training
        in between if at most six times as many images are measured as were trained on.
        """
        measured = len(self._task.measured.labels) + len(self._task.test.labels)
        trained = max(1, self.configuration["evaluate"]) * self.per_epoch * self._task.batch
        return -(-measured // (_MOST_PER_TRAINED * trained)), measured > 3 * trained

    def advance(self, updates: int) -> None:
        """Make up to `updates` updates of every lane, measuring accuracies on the way."""
        target = min(self.total, self.position + updates)
        self._loss.reserve(target)
        if self._flow is not None:
            self._flow.reserve(target)
        if not self.position and not self._measured and self._measuring is None:
            self._measure_if_due()
        while self.position < target and not self.stopped and not self.abandoned:
            self._apply_changes()
            self._run_to(min([target, *self._stops()]))
            self._measure_if_due()
            self._keep_checkpoint()
        self._apply_changes()

    def _stops(self) -> list[int]:
        due = [change.iteration for change in self._pending[:1]]
        if self._evaluate:
            due.append((self.position // self._evaluate + 1) * self._evaluate)
        checkpoint = self._checkpoints.next_after(self.position)
        return due if checkpoint is None else [*due, checkpoint]

    def _run_to(self, end: int) -> None:
        def run(block: Block) -> None:
            block.run(self.position, end, self._loss, self._given_up, self._flow)

        self._share(run, self._blocks, self._threads)
        if self.stopped and not self.abandoned:
            # Where every lane has diverged, the run ends with the last of them, however far it was asked to go.
            end = max(d for d in self._lost_at(self._loss.view(end)) if d is not None)
        self.position = end

    def _share(self, work: Callable[[Any], None], items: Iterable[Any], threads: int) -> None:
        """Do the work for all items on so many threads, each taking the next one when it is free."""
        items = list(items)
        todo, threads = iter(items), min(threads, len(items))

        def pull(_number: int = 0) -> None:
            for item in todo:
                work(item)

        if self._pool is None or threads < 2:
            pull()
        else:
            list(self._pool.map(pull, range(threads)))

    def _measure_if_due(self) -> None:
        """Measure accuracies where it is time: now, or, where that takes longer than training, beside it."""
        if not self._evaluate or (self.position % self._evaluate and self.position != self.total):
            return
        self._finish_measuring()
        if self.position in self._known:
            self._record(self.position, self._known.pop(self.position))
            return
        self._share(self._make_ready, self._blocks, self._threads)
        if self.abandoned:
            return
        sets = (self._task.measured, self._task.test)
        beside = self._dear and self._pool is not None
        found = Measurement(self._blocks, sets, len(self._loss.data), self._counting, frozen=beside)
        if self._pool is not None:
            found.begin(self._pool, self._counting - 1, self._given_up)
        self._measuring = self.position, found
        if not beside:
            self._finish_measuring()

    def _make_ready(self, block: Block) -> None:
        """Have a block make its networks, if it has not: several side by side, and none for a run that is given up."""
        if not self.abandoned and block.lanes:
            block.make()

    def _finish_measuring(self) -> None:
        """Take part in the measurement under way, if there is one, and record it."""
        if self._measuring is None:
            return
        (position, found), self._measuring = self._measuring, None
        found.count(0, self._given_up, self.breathe)
        self._record(position, [*found.accuracies(), found.norms])

    def _record(self, position: int, measured: Sequence[Array]) -> None:
        """Write down the accuracies on both sets and the norms of all rows."""
        self._measured.append(position)
        for record, values in zip((self._train, self._test, self._norms), measured, strict=True):
            record.reserve(len(self._measured))
            record.data[:, len(self._measured) - 1] = values

    def _drop_measurement(self) -> None:
        self._measuring = None

    def _given_up(self) -> bool:
        return self.abandoned

    def _apply_changes(self) -> None:
        while self._pending and self._pending[0].iteration <= self.position:
            change = self._pending.pop(0)
            self._set(change.key, change.value)

    def change(self, key: str, value: Any) -> None:
        """Give a live parameter a new value; the run goes on from where it is.

        Another end leaves no trace in the results, so it replaces the old one instead of being recorded as a change.
        """
        value = self.configuration.declared(key).check(value)
        if key == "iterations":
            values = {**self.configuration.values, key: value}
            self.configuration = replace(self.configuration, values=values)
            self._set(key, value)
        else:  # while the run goes back, from where it is going to
            self.configuration = self.configuration.change(self.returning, key, value)
            self._pending = [change for change in self.configuration.changes if change.iteration > self.position]
            if self.returning == self.position:
                self._set(key, value)

    def _set(self, key: str, value: Any) -> None:
        self._values[key] = value
        if key == "iterations":
            self._extend(self._end())
        for block in self._blocks:
            block.configure(self._values)

    def _end(self) -> int:
        return int(self._values["iterations"])

    def _extend(self, total: int) -> None:
        """Set another end; the accuracy measured at the former one goes, so that a run's length leaves no trace."""
        self.total = max(total, self.position)
        self._checkpoints.extend(self.total)
        self._finish_measuring()
        if self._measured and self._evaluate and self._measured[-1] % self._evaluate:
            self._measured.pop()
        if self.position == self.total and self.position not in self._measured:
            self._measure_if_due()

    @property
    def stopped(self) -> bool:
        """Whether every lane has diverged."""
        return not any(block.lanes for block in self._blocks)

    def snapshot(self) -> TrainingFrame:
        """Return the run so far; measures what is watched."""
        self._finish_measuring()
        n, sight, weight = self.position, self._sight(self._places(), self.position), self._weights.last(self)
        loss = self._loss.view(n)
        lost = self._lost_at(loss)
        smoothed = self._smoothed.update(loss, [n if d is None else d - 1 for d in lost])
        frame = TrainingFrame(
            lanes=self.lanes,
            iteration=n,
            total=self.total,
            per_epoch=self.per_epoch,
            loss=loss,
            smoothed=smoothed,
            measured_at=_frozen(np.array(self._measured, np.intp)),
            train_accuracy=self._taken(self._train),
            test_accuracy=self._taken(self._test),
            weight_norm=self._taken(self._norms),
            flow=None if self._flow is None else self._flow.flow(n, step=len(self.seeds)),
            images=len(self._task.train.labels),
            shape=self._shape,
            sizes=(self._task.n_in, *self._task.hidden, self._task.classes),
            train_measured=len(self._task.measured.labels),
            test_measured=len(self._task.test.labels),
            measured_every=self.configuration["evaluate"] * self._measured_every,
            diverged=lost,
            changes=self.configuration.changes,
            probes=sight.probes,
            futures=self._futures,
            checkpoints=len(self._checkpoints.all),
            checkpoint_bytes=self._checkpoints.nbytes,
            rates=self._rates.update(self.configuration, n),
            ahead=self._rates.ahead(self.configuration, self.total),
            insight=sight.insight,
            weight=weight,
        )
        return frame if self._over_seeds is None else self._over_seeds.frame(frame)

    def _lost_at(self, loss: Array) -> tuple[int | None, ...]:
        """Return the update at which each row left the finite numbers: the first without a loss."""
        alive = {row for block in self._blocks for row in block.rows}
        lost = [None if row in alive else np.isnan(loss[row]) for row in range(len(loss))]
        return tuple(None if gone is None else int(gone.argmax()) + 1 for gone in lost)

    def _places(self) -> dict[str, Found]:
        """Return where the lanes are that go on, of several seeds the first one's."""
        first = [block for block in self._blocks if block.seed == self.seeds[0]]
        return {lane.name: Found(block, row, lane) for block in first for row, lane in enumerate(block.lanes)}

    def _sight(self, places: Mapping[str, Found], position: int, exact: bool = False) -> Sight:
        """Measure what is watched of networks as they are after `position` updates."""
        wanted, configuration = self.watched, self.configuration
        with np.errstate(all="ignore"):
            found = [places[name] for name in wanted.histograms if name in places]
            probes = tuple(probe(each, self._task) for each in found)
            return Sight(probes, self._insights.of(wanted, places, position, configuration, exact))

    def look(self, position: int, given_up: Callable[[], bool]) -> Sight | None:
        """Return what is watched at an earlier moment; None where it was given up.

        The run stays where it is. Lanes that had diverged by then are left out.
        """
        if position >= self.position:
            found, position = self._places(), self.position
        else:
            visited = self._visitor.visit(self, position, given_up, self._weights.followed)
            if visited is None:
                return None
            found = visited
        return replace(self._sight(found, position, exact=True), weight=self._weights.at(self, position, given_up))

    def watch(self, wanted: Watch) -> None:
        """Ask for what is to be measured in later snapshots, and follow a weight from now on."""
        super().watch(wanted)
        self._weights.follow(self, wanted.weight)

    def weight_step(
        self, lane: str, place: Sequence[int], position: int, given_up: Callable[[], bool] = _never
    ) -> WeightStep | None:
        """Return what update `position` did to one weight of a lane, of several seeds to the first one's.

        `place` is the layer from 1, the input (in the first layer a pixel's number) and the unit from 0. None before
        the first update, from the update at which the lane diverged or was stopped, and where it was given up. Raises
        ValueError for a weight that is not there.
        """
        return self._weights.made(self, self._weights.find(self, lane, place), position, given_up)

    def close(self) -> None:
        """End the pool's threads."""
        self.abandoned = True
        if self._pool is not None:
            self._pool.shutdown(wait=True)


def _frozen(array: Array) -> Array:
    array.flags.writeable = False
    return array


def measured_epochs(evaluate: int, epoch: int, measured: int) -> int:
    """Return how many epochs lie between measurements of so many images, of epochs of so many."""
    return evaluate * -(-measured // (_MOST_PER_TRAINED * max(1, evaluate) * epoch))
