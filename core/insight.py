"""What one network of a run sees: its weights as images, what it takes for what, its worst mistakes, a drawn image.

Everything is a forward pass in prediction mode on buffers of its own, so that the training goes on as if nobody looked.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from core.block import Block, Task
    from core.lanes import Lane
    from core.network import Network
    from core.parameters import Configuration
    from core.watching import Watch

Array = NDArray[Any]

_TESTING_SHARE = 0.02  # of the time of training that testing one lane may take
_COST = 1 / 3  # of a prediction, in updates
_SCALED_SHARE = 0.995  # of the weights that lie within the scale they are drawn on
_STEPS = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0, 10.0)
_COMPANY = 249  # images beside the drawn one where BatchNorm has no running statistics yet


class Found(NamedTuple):
    """Where a lane is: its row of a block's stack."""

    block: Block
    row: int
    lane: Lane


@dataclass(frozen=True, eq=False)
class Tests:
    """The images that networks are tested on: bytes (n, used pixels), labels (n,), and which pixels these are.

    `kind` says what they are: "test", or "validation" where hyperparameters are chosen by them.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.intp]
    inputs: NDArray[np.intp]
    shape: tuple[int, int]
    classes: int
    kind: str = "test"

    def image(self, number: int) -> NDArray[np.uint8]:
        """Return one image (rows, columns)."""
        whole = np.zeros(self.shape[0] * self.shape[1], np.uint8)
        whole[self.inputs] = self.pixels[number]
        return whole.reshape(self.shape)

    def find(self, image: NDArray[np.uint8]) -> int | None:
        """Return the number of the image that is the same as this one (rows, columns), None if there is none."""
        if image.shape != self.shape:
            return None
        same = np.flatnonzero((self.pixels == image.ravel()[self.inputs]).all(axis=1))
        return int(same[0]) if len(same) else None

    @cached_property
    def used(self) -> NDArray[np.bool_]:
        """The pixels (rows, columns) that the networks have as inputs."""
        found = np.zeros(self.shape[0] * self.shape[1], np.bool_)
        found[self.inputs] = True
        return found.reshape(self.shape)


@dataclass(frozen=True, slots=True, eq=False)
class Mistakes:
    """Test images taken for something else, `(n,)` each, the one that the network was surest of first.

    `probability` is what it gave the wrong class, `predicted`.
    """

    index: NDArray[np.intp]
    label: NDArray[np.intp]
    predicted: NDArray[np.intp]
    probability: Array

    def of(self, label: int, predicted: int) -> NDArray[np.intp]:
        """Return the places of those with this label that were taken for that class."""
        return np.flatnonzero((self.label == label) & (self.predicted == predicted))


@dataclass(frozen=True, slots=True, eq=False)
class Results:
    """What a network makes of all test images, after `at` updates.

    `confusion` (classes, classes) counts images by label (rows) and prediction (columns); those whose logits are not
    finite are in neither, but `unfinite`. `silent` says of each hidden layer's units whether they were 0 for all of
    them, which only ReLU can be.
    """

    at: int
    confusion: NDArray[np.intp]
    unfinite: int
    mistakes: Mistakes
    silent: tuple[NDArray[np.bool_], ...]

    @property
    def right(self) -> int:
        """How many images were classified rightly."""
        return int(np.trace(self.confusion))

    @property
    def tested(self) -> int:
        """How many images there are."""
        return int(self.confusion.sum()) + self.unfinite

    def shares(self) -> Array:
        """Return the share of each label's images (rows) taken for each class (columns), 0 where there are none."""
        found: Array = self.confusion / np.maximum(self.confusion.sum(axis=1, keepdims=True), 1)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What networks say of one image (rows, columns): `probabilities` (lanes, classes), NaN where not finite.

    `activations` are those of the watched lane, one array (units,) for each hidden layer.
    """

    image: NDArray[np.uint8]
    lanes: tuple[Lane, ...]
    probabilities: Array
    activations: tuple[Array, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Insight:
    """One lane looked into after `iteration` updates.

    `weights` are those of every affine layer, `(inputs, units)`; the first layer's inputs are all pixels of an image,
    NaN where no image uses a pixel: the network has no such input. `scales` are round numbers that nearly all weights
    of a layer lie within; `norms` `(units,)` those of the first layer's weights. `results` may be of a few updates
    earlier while a run goes on, which `results.at` says. `answers` are None without a drawn image.
    """

    lane: Lane
    iteration: int
    weights: tuple[Array, ...]
    scales: tuple[float, ...]
    norms: Array
    tests: Tests
    results: Results
    answers: Answers | None

    def images(self) -> Array:
        """Return the first layer's weights as images (units, rows, columns)."""
        first = self.weights[0]
        return first.T.reshape(first.shape[1], *self.tests.shape)


class Insights:
    """Looks into the networks of one run."""

    def __init__(self, task: Task, shape: tuple[int, int], lanes: Sequence[str], kind: str) -> None:
        """Take what the run's networks learn, an image's (rows, columns), the lanes' names, and `Tests.kind`."""
        self._order = {name: number for number, name in enumerate(lanes)}
        self.tests = Tests(task.test.pixels, task.test.labels, task.inputs, shape, task.classes, kind)
        self._task = task
        work = max(1, len(lanes) * task.batch)
        self._every = max(1, round(_COST * len(task.test.labels) / work / _TESTING_SHARE))
        self._known: dict[bool, tuple[Any, Results]] = {}
        self._last: tuple[Any, ...] = ()

    def of(
        self, watch: Watch, places: Mapping[str, Found], position: int, configuration: Configuration, exact: bool
    ) -> Insight | None:
        """Return what is watched, None where that lane is not there any more.

        Unless it is asked for twice at one moment, or to be `exact`, the test results may be some updates old.
        """
        found = places.get(watch.insight)
        if found is None:
            return None
        network = found.block.network.subset([found.row])
        network.use(found.block.scratches.mine)
        weights = self._weights(network)
        return Insight(
            lane=found.lane,
            iteration=position,
            weights=weights,
            scales=tuple(_scale(each) for each in weights),
            norms=np.sqrt(np.nansum(np.square(weights[0], dtype=np.float64), axis=0)),
            tests=self.tests,
            results=self._results(found.lane, network, position, configuration, exact),
            answers=self._answers(watch.image, network, places),
        )

    def _weights(self, network: Network) -> tuple[Array, ...]:
        first, *others = (layer.weights[0] for layer in network.affine)
        whole = np.full((self._task.n_in, first.shape[1]), np.nan, first.dtype)
        whole[self._task.inputs] = first
        return (whole, *(each.copy() for each in others))

    # The test images.

    def _results(
        self, lane: Lane, network: Network, position: int, configuration: Configuration, exact: bool
    ) -> Results:
        """Return the test results: known ones for some updates, anew where a run rests."""
        key, now = (lane, configuration), (lane, configuration, position)
        rests, self._last = exact or now == self._last, now
        of, known = self._known.get(exact, (None, None))
        oldest = position if rests else position - self._every + 1
        if known is None or of != key or not oldest <= known.at <= position:
            known = test_results(network, self.tests, lane.activation == "relu", position)
            self._known[exact] = key, known
        return known

    # One image.

    def _answers(self, drawn: bytes | None, network: Network, places: Mapping[str, Found]) -> Answers | None:
        if drawn is None or len(drawn) != self._task.n_in:
            return None  # drawn for other images
        image = np.frombuffer(drawn, np.uint8)
        ordered = sorted(places.values(), key=lambda found: self._order[found.lane.name])
        said: dict[str, Array] = {}
        for block in {id(found.block): found.block for found in ordered}.values():
            twin = block.network.twin()
            twin.use(block.scratches.mine)
            logits = twin.forward(self._inputs(image, twin))[:, 0]
            said |= {lane.name: row for lane, row in zip(block.lanes, probabilities(logits), strict=True)}
        hidden = network.hidden(self._inputs(image, network))
        return Answers(
            image=image.reshape(self.tests.shape),
            lanes=tuple(found.lane for found in ordered),
            probabilities=np.array([said[found.lane.name] for found in ordered]),
            activations=tuple(layer[0, 0] for layer in hidden),
        )

    def _inputs(self, image: NDArray[np.uint8], network: Network) -> Array:
        """Return the image as a batch: of one, or among others while BatchNorm takes its statistics from the batch."""
        own = image[self._task.inputs][np.newaxis] * np.float32(1 / 255)
        if network.architecture.batchnorm and not network.stats.any():
            return np.concatenate([own, self._task.test.head(_COMPANY).inputs()])
        return own


def test_results(network: Network, tests: Tests, relu: bool, at: int = 0) -> Results:
    """Return what the first network of a stack makes of all test images."""
    from core.block import Images

    classes = tests.classes
    predicted, surest, silent = [], [], [np.full(width, relu) for width in network.architecture.sizes[1:-1]]
    for part in Images(tests.pixels, tests.labels).parts():
        hidden = network.hidden(part.inputs())
        for quiet, layer in zip(silent, hidden, strict=True):
            quiet &= layer[0].max(axis=0) <= 0
        found = probabilities(network.layers[-1].forward(hidden[-1], False)[0])
        predicted.append(found.argmax(axis=1))
        surest.append(found.max(axis=1))
    guessed, sure = np.concatenate(predicted), np.concatenate(surest)
    finite = np.isfinite(sure)
    cells = (tests.labels * classes + guessed)[finite]
    confusion = np.bincount(cells, minlength=classes * classes).reshape(classes, classes)
    wrong = np.flatnonzero(finite & (guessed != tests.labels))
    wrong = wrong[np.argsort(-sure[wrong], kind="stable")]
    mistakes = Mistakes(wrong, tests.labels[wrong], guessed[wrong], sure[wrong])
    return Results(at, confusion, int((~finite).sum()), mistakes, tuple(silent))


def probabilities(logits: Array) -> Array:
    """Return softmax over the last axis, NaN where the logits are not finite."""
    with np.errstate(all="ignore"):
        powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
        found: Array = powers / powers.sum(axis=-1, keepdims=True)
    found[~np.isfinite(logits).all(axis=-1)] = np.nan
    return found


def _scale(weights: Array) -> float:
    """Return the next round number above nearly all sizes of weights; every third is looked at."""
    sizes = np.abs(weights.ravel()[::3])
    sizes = sizes[np.isfinite(sizes)]
    place = int(_SCALED_SHARE * (len(sizes) - 1))
    most = float(np.partition(sizes, place)[place]) if len(sizes) else 0.0
    if not most > 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(most))
    return float(power * next(step for step in _STEPS if step * power >= most * 0.9999))
