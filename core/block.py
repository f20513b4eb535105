"""A block: the lanes that one thread trains together, as one stack, with their optimizers and their records.

Blocks share nothing but the data and disjoint rows of the records, so they run side by side without locks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.checkpoints import BlockState, Checkpoint, OptimizerState
from core.flow import is_sampled
from core.initializers import initializer
from core.lanes import Lane, optimizer_of, shared_value
from core.network import Architecture, Network, drawn_weight
from core.optimizers import SCRATCH, state_arrays
from core.randomness import Batches, Masks
from core.rates import ScheduledRate
from core.task import PIXEL_SCALE, Images, Task
from core.weight_steps import Capture, unmoved

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from core.flow import FlowRecord
    from core.history import Record
    from core.optimizers import Optimizer
    from core.scratch import Scratch, Scratches
    from core.weight_steps import Followed, WeightStep

Array = NDArray[Any]

__all__ = ["Block", "Images", "Task"]


class _Group:
    """Neighbouring lanes with one optimizer: their rows of the stack and the optimizer's state."""

    def __init__(self, rows: slice, lanes: Sequence[Lane], values: Mapping[str, Any]) -> None:
        self.rows, self.lanes = rows, lanes
        self.state: dict[str, Any] = {}
        self.configure(values)

    def configure(self, values: Mapping[str, Any]) -> None:
        """Take new hyperparameters; the state stays."""
        self._values = values
        self.optimizer: Optimizer = optimizer_of(self.lanes, values)
        rate = ScheduledRate(self.lanes, values)
        self._rate = None if rate.constant else rate

    def start(self, network: Network) -> None:
        """Make the state before the first update."""
        self._take(network)
        self.state = self.optimizer.init(self._params)

    def _take(self, network: Network) -> None:
        self._params, self._grads = network.params[self.rows], network.grads[self.rows]

    def use(self, network: Network, scratch: Scratch) -> None:
        """Take gradients from where the network has them now, and room to work in from the same memory."""
        self._take(network)
        for key in self.state.keys() & SCRATCH:
            self.state[key] = scratch.array((key,), self._params.shape, self._params.dtype)

    def update(self, iteration: int) -> None:
        """Make the step after so many, with the gradients in the network."""
        if self._rate is not None:
            self.optimizer.values["lr"] = self._rate.at(iteration)
        self.optimizer.update(self._params, self._grads, self.state)

    def keep(self, kept: Sequence[int], start: int, network: Network) -> None:
        """Keep some of the rows, which now begin at `start` of another network."""
        own = [row - self.rows.start for row in kept]
        self.lanes = [self.lanes[row] for row in own]
        self.rows = slice(start, start + len(own))
        self._take(network)
        self.state = {k: v[own] if isinstance(v, np.ndarray) else v for k, v in self.state.items()}
        if own:
            self.configure(self._values)

    def saved(self, rows: Sequence[int]) -> OptimizerState:
        """Return a copy of the state; `rows` are the block's rows of the run."""
        kept = {k: v.copy() if isinstance(v, np.ndarray) else v for k, v in self.state.items() if k not in SCRATCH}
        return OptimizerState(tuple(rows[self.rows]), kept)

    def restore(self, values: Mapping[str, Any]) -> None:
        """Take over the state of the same lanes; raises ValueError where it is of other networks."""
        for key, value in values.items():
            if isinstance(value, np.ndarray):
                _fill(self.state[key], value)
            else:
                self.state[key] = value


class Block:
    """Trains its lanes from one iteration to another; `rows` are their places in the run's records.

    All lanes have one architecture and share one seed, so they see the same mini-batches. `all_lanes` are those of
    the beginning, by their rows; `lanes` and `rows` what is left of them.
    """

    def __init__(
        self,
        task: Task,
        lanes: Sequence[Lane],
        rows: Sequence[int],
        values: Mapping[str, Any],
        seed: int,
        scratches: Scratches,
    ) -> None:
        """Take what to train; lanes are sorted so that optimizers have neighbouring rows."""
        order = sorted(range(len(lanes)), key=lambda i: lanes[i].optimizer)
        self.task, self.lanes, self.rows = task, [lanes[i] for i in order], [rows[i] for i in order]
        self.all_lanes = dict(zip(self.rows, self.lanes, strict=True))
        self.seed, self.scratches, self._values = seed, scratches, values
        self._network: Network | None = None
        self._groups: list[_Group] = []
        self._predictors: list[Network] = []
        self._masks: Masks | None = None
        self._followed: Followed | None = None
        self._captured_at = -1
        self.seen: WeightStep | None = None

    @property
    def network(self) -> Network:
        """The stack, made with its initial weights when it is first needed: that takes its time."""
        if self._network is None:
            self._network = self._make_network()
            self._prepare()
        return self._network

    def make(self) -> None:
        """Make the networks now, if they are not there."""
        _ = self.network

    def _prepare(self) -> None:
        """Make what the training of the networks needs beside them."""
        self._batches = Batches(self.seed, len(self.task.train.labels), self.task.batch)
        self._bytes = np.empty((self.task.batch, len(self.task.inputs)), np.uint8)
        self._x = np.empty(self._bytes.shape, np.float32)
        self._groups = self._make_groups(self._values)
        self._regularize()

    @property
    def architecture(self) -> Architecture:
        """The shape that its networks share."""
        first, task = next(iter(self.all_lanes.values())), self.task
        return Architecture((len(task.inputs), *task.hidden, task.classes), first.activation, first.batchnorm)

    def _make_network(self) -> Network:
        network = Network(self.architecture, len(self.lanes))
        rules = [initializer(lane.init) for lane in self.lanes]
        network.initialize(rules, self.seed, self.task.inputs, self.task.n_in)
        return network

    def _make_groups(self, values: Mapping[str, Any]) -> list[_Group]:
        groups = []
        keys = [lane.optimizer for lane in self.lanes]
        for key in dict.fromkeys(keys):
            rows = slice(keys.index(key), keys.index(key) + keys.count(key))
            groups.append(_Group(rows, self.lanes[rows], values))
            groups[-1].start(self.network)
        return groups

    def configure(self, values: Mapping[str, Any]) -> None:
        """Take hyperparameters that may change while a run goes on."""
        self._values = values
        if self._network is not None:
            for group in self._groups:
                group.configure(values)
            self._regularize()

    def _regularize(self) -> None:
        """Find out what holds the weights of the present lanes back."""
        if not self.lanes:
            return
        self.network.decay(*(shared_value(self.lanes, key, self._values) for key in ("l2", "l1")))
        self._ratios = [lane.value("dropout", self._values) for lane in self.lanes]
        if not any(self._ratios):
            self._masks = None
        elif self._masks is None or self._masks.lanes != len(self.lanes):
            self._masks = self._make_masks()
        for place, layer in enumerate(self.network.dropouts):
            layer.scaled_mask = self._masks.scaled[place] if self._masks else None

    def _make_masks(self) -> Masks:
        names = [lane.name for lane in self.lanes]
        return Masks(self.seed, names, [(self.task.batch, width) for width in self.task.hidden])

    def run(
        self, start: int, end: int, loss: Record, given_up: Callable[[], bool], flow: FlowRecord | None = None
    ) -> None:
        """Make updates `start + 1` to `end`, writing each lane's loss; lanes that diverge leave the block.

        Of some updates what flows through the layers is written down too, if it is wanted.
        """
        self._use_memory()
        self._captured_at, self.seen = end - 1, None
        with np.errstate(all="ignore"):
            for iteration in range(start, end):
                if not self.lanes or given_up():
                    return
                self._step(iteration, loss.data, flow)

    def _use_memory(self) -> None:
        """Work in the memory of the thread that runs the block this time."""
        scratch = self.scratches.mine
        if self.network.use(scratch):
            for group in self._groups:
                group.use(self.network, scratch)

    def _step(self, iteration: int, loss: Array, flow: FlowRecord | None) -> None:
        x, labels = self._mini_batch(iteration)
        if self._masks is not None:
            self._masks.draw(iteration, self._ratios)
        losses = self.network.gradient_step(x, labels)
        finite = np.isfinite(losses)
        if not finite.all():
            self.keep(np.flatnonzero(finite).tolist())
            losses = losses[finite]
        loss[self.rows, iteration] = losses
        if flow is not None and is_sampled(iteration):
            self._measured_update(iteration, flow)
        else:
            self._update(iteration)

    def _update(self, iteration: int) -> None:
        followed = self._capture() if iteration == self._captured_at else None
        for group in self._groups:
            group.update(iteration)
        if followed is not None:
            self.seen = followed(iteration + 1)

    def _measured_update(self, iteration: int, flow: FlowRecord) -> None:
        """Make an update and write down each layer's gradient and how far its weights went."""
        network = self.network
        before = self.scratches.mine.array(("before",), network.params.shape, network.dtype)
        np.copyto(before, network.params)
        weights, gradients = network.layer_norms(before), network.layer_norms(network.grads)
        self._update(iteration)
        moved = network.layer_norms(np.subtract(network.params, before, out=before))
        flow.write(self.rows, iteration, gradients, moved / weights)

    def _mini_batch(self, iteration: int) -> tuple[Array, NDArray[np.intp]]:
        chosen = self._batches[iteration]
        train = self.task.train
        np.take(train.pixels, chosen, axis=0, out=self._bytes, mode="clip")
        np.multiply(self._bytes, PIXEL_SCALE, out=self._x)
        return self._x, train.labels[chosen]

    def keep(self, kept: list[int]) -> None:
        """Keep these rows of the stack. The others' losses stay NaN from here on."""
        grads = self.network.grads[kept]
        self._network = self.network.subset(kept)
        self._predictors = []  # a measurement under way goes on with those it has
        for group in self._groups:
            own = [row for row in kept if group.rows.start <= row < group.rows.stop]
            group.keep(own, kept.index(own[0]) if own else 0, self.network)
        self._groups = [group for group in self._groups if group.lanes]
        self.lanes = [self.lanes[row] for row in kept]
        self.rows = [self.rows[row] for row in kept]
        self._regularize()
        self._use_memory()
        self.network.grads[:] = grads

    # One weight.

    def follow(self, weight: Followed | None) -> None:
        """Keep in `seen` what the last update of each later `run` does to a weight."""
        if weight != self._followed:
            self._followed, self.seen = weight, None

    def _capture(self) -> Callable[[int], WeightStep] | None:
        """Read the followed weight before an update; what is returned reads it after that, by the update's number."""
        at = self._followed
        if at is None or at.run_row not in self.rows:
            return None
        row = self.rows.index(at.run_row)
        group = next(group for group in self._groups if group.rows.start <= row < group.rows.stop)
        state_row = row - group.rows.start
        if at.index is None:
            rule, shape = initializer(self.lanes[row].init), (self.task.n_in, (*self.task.hidden, self.task.classes)[0])
            weight = drawn_weight(rule, self.seed, shape, (at.row, at.column))
            return lambda iteration: unmoved(at, iteration, group.optimizer, state_row, weight)
        capture = Capture(at.index, self.network, row, group.state, state_row)
        return lambda iteration: capture.done(at, iteration, group.optimizer, group.state)

    # Moments from which it can go on.

    @property
    def state_size(self) -> int:
        """Bytes of what `state` returns while all lanes are there."""
        layers = self.architecture.layers()
        size, stats = (sum(getattr(layer, name) for layer in layers) for name in ("size", "stat_size"))
        copies = sum(1 + sum(state_arrays(lane.optimizer).values()) for lane in self.all_lanes.values())
        return int(np.dtype(np.float32).itemsize * (size * copies + stats * len(self.all_lanes)))

    def state(self) -> BlockState:
        """Return a copy of what determines all further updates."""
        network, rows = self.network, self.rows
        optimizers = tuple(group.saved(rows) for group in self._groups)
        return BlockState(tuple(rows), network.params.copy(), network.stats.copy(), optimizers)

    def restore(self, checkpoint: Checkpoint | None, values: Mapping[str, Any]) -> None:
        """Go back to a moment of the run, with the values in force then; None is the beginning.

        Raises ValueError for a checkpoint of other networks.
        """
        self._values, self._masks, self.seen = values, None, None
        self._predictors, self._groups, self._network = [], [], None
        alive = self.all_lanes if checkpoint is None else checkpoint.rows
        self.rows = [row for row in self.all_lanes if row in alive]
        self.lanes = [self.all_lanes[row] for row in self.rows]
        if checkpoint is not None:
            self._network = Network(self.architecture, len(self.lanes))
            self._prepare()
            if self.lanes:
                self._take(checkpoint, self._network)

    def _take(self, checkpoint: Checkpoint, network: Network) -> None:
        for mine, found in zip((network.params, network.stats), checkpoint.networks(self.rows), strict=True):
            _fill(mine, found)
        for group in self._groups:
            group.restore(checkpoint.optimizer(self.rows[group.rows]))

    def predictors(self, threads: int, frozen: bool) -> list[Network]:
        """Return networks for so many threads to predict with, `frozen` as they are while the block is trained on."""
        if not self._predictors:
            first = self.network.subset(range(len(self.lanes))) if frozen else self.network.twin()
            self._predictors = [first, *(first.twin() for _ in range(threads - 1))]
        elif frozen:
            self._predictors[0].params[:] = self.network.params
            self._predictors[0].stats[:] = self.network.stats
        return self._predictors

    def count_right(self, predictor: Network, images: Images) -> Array:
        """Return how many of these images each lane classifies rightly, NaN where its logits are not finite."""
        predictor.use(self.scratches.mine)
        with np.errstate(all="ignore"):
            logits = predictor.forward(images.inputs())
            right: Array = (logits.argmax(axis=2) == images.labels).sum(axis=1).astype(float)
            right[np.logical_not(np.isfinite(logits).all(axis=(1, 2)))] = np.nan  # argmax would call NaN a 0
        return right


def _fill(mine: Array, found: Array) -> None:
    """Copy a saved array, which must have the same shape."""
    if mine.shape != found.shape:
        raise ValueError("the saved networks do not fit these images; allowed: the images that they learned from")
    mine[:] = found
