"""Activations of untrained deep networks: how signals and gradients fare through the layers under initial weights.

Standard normal inputs go through layers of affine (no bias), BatchNorm if asked, activation; then a standard normal
gradient goes back. One update of the experiment is one layer, so that the way through the network can be stepped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from core.experiments.protocol import Experiment
from core.initializers import initializer
from core.kept import Kept
from core.lanes import Axis, Lane, lanes_of
from core.layers import ACTIVATIONS, Affine, BatchNorm, Layer
from core.network import KEPT_DRAWS
from core.randomness import Purpose, generator
from core.statistics import LayerStatistics, activation_statistics, gradient_statistics

if TYPE_CHECKING:
    from core.parameters import Configuration

Array = NDArray[Any]
LayerT = TypeVar("LayerT", bound=Layer)


@dataclass(frozen=True, slots=True)
class LaneStatistics:
    """One network's statistics, layer by layer: activations and the gradients that flow back to them."""

    lane: Lane
    activations: tuple[LayerStatistics, ...]
    gradients: tuple[LayerStatistics, ...]


@dataclass(frozen=True, slots=True)
class PropagationFrame:
    """Statistics of every lane; `position` layers of `total` are to be shown."""

    lanes: tuple[Lane, ...]
    position: int
    total: int
    statistics: tuple[LaneStatistics, ...]


class Propagation(Experiment):
    """Forward and backward through fresh networks, one per lane, in float32."""

    eager = True

    def __init__(self, configuration: Configuration) -> None:
        """Take the lanes and widths from the configuration."""
        lanes = lanes_of(configuration.values, Axis.ACTIVATION)
        super().__init__(configuration, lanes, len(configuration["hidden"]))
        self._statistics: tuple[LaneStatistics, ...] = ()

    def advance(self, updates: int) -> None:
        """Let up to `updates` further layers be shown; the numbers come in the first call."""
        if not self._statistics:
            with np.errstate(all="ignore"):
                self._statistics = tuple(self._measure(lane) for lane in self.lanes)
        self.position = min(self.total, self.position + updates)

    def snapshot(self) -> PropagationFrame:
        """Return the statistics of all lanes."""
        return PropagationFrame(self.lanes, self.position, self.total, self._statistics)

    def _measure(self, lane: Lane) -> LaneStatistics:
        values = self.configuration.values
        found, gradients = propagate(lane, values["hidden"], values["inputs"], values["seed"])
        activations = activation_statistics(found, lane.activation, values["bins"], values["range"])
        return LaneStatistics(lane, activations, gradient_statistics(gradients, values["bins"]))


def propagate(lane: Lane, hidden: tuple[int, ...], inputs: int, seed: int) -> tuple[list[Array], list[Array]]:
    """Return each layer's activations and dL/d(activations), `(inputs, width)` each, for dL/d(last) standard normal.

    The inputs are `(inputs, hidden[0])`: the network is as wide at its entry as in its first layer.
    """
    blocks = _blocks(lane, hidden, seed)
    x = _draws(seed, Purpose.INPUTS, (1, inputs, hidden[0]))
    activations, gradients = [], []
    for block in blocks:
        for layer in block:
            x = layer.forward(x, training=True)
        activations.append(x[0].copy())
    d = _draws(seed, Purpose.GRADIENTS, x.shape).copy()
    for block in reversed(blocks):
        gradients.append(d[0].copy())
        for layer in reversed(block):
            d = layer.backward(d)
    return activations, gradients[::-1]


def _draw(seed: int, purpose: Purpose, shape: tuple[int, ...]) -> Array:
    return generator(seed, purpose).standard_normal(shape, dtype=np.float32)


_draws = Kept(_draw, KEPT_DRAWS)  # a toggle changes everything but these


def _blocks(lane: Lane, hidden: tuple[int, ...], seed: int) -> list[list[Layer]]:
    """Return one list of layers per hidden layer, with the lane's initial weights."""
    rule = initializer(lane.init)
    blocks = []
    for number, (n_in, n_out) in enumerate(zip((hidden[0], *hidden[:-1]), hidden, strict=True)):
        affine = _bound(Affine(n_in, n_out, bias=False, trained=False))
        draws = generator(seed, Purpose.WEIGHTS, number).standard_normal((n_in, n_out))
        affine.weights[0] = draws * rule.sigma(n_in)
        normalize = [_batchnorm(n_out)] if lane.batchnorm else []
        blocks.append([affine, *normalize, ACTIVATIONS[lane.activation]()])
    return blocks


def _batchnorm(features: int) -> BatchNorm:
    layer = _bound(BatchNorm(features))
    layer.gamma[:] = 1
    return layer


def _bound(layer: LayerT) -> LayerT:
    layer.bind(*(np.zeros((1, size), np.float32) for size in (layer.size, layer.size, layer.stat_size)))
    return layer
