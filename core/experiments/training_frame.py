"""What a training run shows: losses and accuracies of every lane, and with several seeds their spread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

if TYPE_CHECKING:
    from core.experiments.propagation import LaneStatistics
    from core.experiments.saved import OldFuture
    from core.flow import Flow
    from core.insight import Insight
    from core.lanes import Lane
    from core.parameters import Change
    from core.rates import Ahead
    from core.weight_steps import WeightStep

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Spread:
    """What several seeds add to a frame.

    `smoothed`, `train_accuracy` and `test_accuracy` are lower and upper quartiles over the seeds, `(lanes, 2, n)`.
    `seed_loss`, `seed_smoothed` `(lanes, seeds, iteration)` and `seed_train_accuracy`, `seed_test_accuracy`
    `(lanes, seeds, measured)` are all runs. `alike` names pairs of lanes that cannot be told apart by `metric`.
    """

    seeds: tuple[int, ...]
    smoothed: Array
    train_accuracy: Array
    test_accuracy: Array
    seed_loss: Array
    seed_smoothed: Array
    seed_train_accuracy: Array
    seed_test_accuracy: Array
    diverged: tuple[int, ...]
    alike: tuple[tuple[str, str], ...]
    metric: str


@dataclass(frozen=True, slots=True)
class TrainingFrame:
    """A training run on `images` images up to `iteration` completed updates.

    Images have `shape` (rows, columns); `sizes` are the features of the networks from inputs to classes.
    `loss` and `smoothed` are `(lanes, iteration)`: column i is the mini-batch loss of update i + 1, before it; NaN
    from the update at which a lane diverged, which `diverged` gives. Accuracies and `weight_norm`, the root of the
    sum of squared weights of all inputs that are ever used, are `(lanes, measured)`, taken after `measured_at`
    updates, every `measured_every` epochs. `probes` has the watched lanes' histograms. With several seeds all of
    these are medians, and `spread` has the rest. `futures` are what the run did before it was rewound; it can go back
    to any moment, from one of its `checkpoints`, which take `checkpoint_bytes` of memory. `rates` `(lanes, iteration)`
    are the learning rates of all updates, `ahead` those to come; both are None where no lane has a schedule.
    `flow` is what flowed through each layer, `insight` what the lane sees that is looked into, `weight` the
    last update of the weight that is followed, where it is known.
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
    weight_norm: Array
    images: int
    train_measured: int
    test_measured: int
    shape: tuple[int, int]
    sizes: tuple[int, ...]
    measured_every: int
    diverged: tuple[int | None, ...]
    changes: tuple[Change, ...]
    probes: tuple[LaneStatistics, ...]
    futures: tuple[OldFuture, ...] = ()
    checkpoints: int = 0
    checkpoint_bytes: int = 0
    spread: Spread | None = None
    rates: Array | None = None
    ahead: Ahead | None = None
    flow: Flow | None = None
    insight: Insight | None = None
    weight: WeightStep | None = None

    @property
    def position(self) -> int:
        """Completed updates, as every frame calls it."""
        return self.iteration
