"""A stack of networks of one shape, one per lane, whose parameters are one flat array (lanes, P).

Optimizers see the flat array; layers see views of it. Lanes never touch each other's numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.flow import norms
from core.kept import Kept
from core.layers import ACTIVATIONS, Affine, BatchNorm, Dropout, Layer, Output, SoftmaxCrossEntropy
from core.randomness import Purpose, generator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.initializers import Initializer
    from core.scratch import Scratch

Array = NDArray[Any]

KEPT_DRAWS = 32 * 2**20
"""Bytes of random numbers that are kept after networks were made from them."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """The shape that lanes must share to be one stack.

    `sizes` are the features from inputs to classes, `activation` a key of ACTIVATIONS, `batchnorm` whether Batch
    Normalization sits between each hidden affine layer and its activation. Dropout follows each activation; it has no
    parameters and does nothing without masks, so lanes with and without it share one stack.
    """

    sizes: tuple[int, ...]
    activation: str = "relu"
    batchnorm: bool = False

    def layers(self) -> list[Layer]:
        """Return new layers, from the inputs to the logits."""
        layers: list[Layer] = []
        for position, (n_in, n_out) in enumerate(zip(self.sizes[:-2], self.sizes[1:-1], strict=True)):
            layers.append(Affine(n_in, n_out, first=position == 0))
            if self.batchnorm:
                layers.append(BatchNorm(n_out))
            layers += [ACTIVATIONS[self.activation](), Dropout()]
        return [*layers, Output(self.sizes[-2], self.sizes[-1], first=len(self.sizes) == 2)]

    def weight_places(self) -> list[int]:
        """Return where in the flat parameters the weights of each affine layer begin."""
        layers = self.layers()
        ends = accumulate(layer.size for layer in layers)
        return [end - layer.size for layer, end in zip(layers, ends, strict=True) if isinstance(layer, Affine)]


class Network:
    """A stack of `lanes` networks: forward and backward passes, loss, predictions.

    `params` and `grads` are `(lanes, P)`, `stats` `(lanes, S)` holds BatchNorm's running statistics.
    """

    def __init__(self, architecture: Architecture, lanes: int, dtype: Any = np.float32) -> None:
        """Allocate the flat arrays, all zero but BatchNorm's gamma, which is 1."""
        self.architecture, self.lanes, self.dtype = architecture, lanes, np.dtype(dtype)
        self.layers = architecture.layers()
        self.size = sum(layer.size for layer in self.layers)
        self.params = np.zeros((lanes, self.size), dtype)
        self.grads = np.zeros_like(self.params)
        self.stats = np.zeros((lanes, sum(layer.stat_size for layer in self.layers)), dtype)
        self._loss = SoftmaxCrossEntropy()
        self._scratch: Scratch | None = None
        self._bind()
        for layer in self.layers:
            if isinstance(layer, BatchNorm):
                layer.gamma[:] = 1

    def _bind(self) -> None:
        start = stat = 0
        self._weight_places = self.architecture.weight_places()
        for layer in self.layers:
            end, stat_end = start + layer.size, stat + layer.stat_size
            layer.bind(self.params[:, start:end], self.grads[:, start:end], self.stats[:, stat:stat_end])
            start, stat = end, stat_end

    def use(self, scratch: Scratch) -> bool:
        """Keep gradients and buffers in this memory from now on; return whether that is another than before."""
        if scratch is self._scratch:
            return False
        self._scratch = scratch
        self.grads = scratch.array(("grads",), self.params.shape, self.dtype)
        self._bind()
        for place, layer in enumerate(self.layers):
            layer.use(scratch, place)
        return True

    @property
    def dropouts(self) -> list[Dropout]:
        """The Dropout layers, from the inputs on."""
        return [layer for layer in self.layers if isinstance(layer, Dropout)]

    @property
    def affine(self) -> list[Affine]:
        """The affine layers, from the inputs to the logits."""
        return [layer for layer in self.layers if isinstance(layer, Affine)]

    def initialize(self, initializers: Sequence[Initializer], seed: int, inputs: NDArray[Any], n_in: int) -> None:
        """Set all weights to shared standard normal draws times each lane's own sigma; biases stay 0.

        `inputs` are the indices of the `n_in` input features that the first layer keeps.
        """
        for number, layer in enumerate(self.affine):
            rows = n_in if number == 0 else layer.n_in
            draws = _draws(seed, number, (rows, layer.n_out))
            kept = draws[inputs] if number == 0 else draws
            for lane, rule in enumerate(initializers):
                layer.weights[lane] = kept * rule.sigma(rows)

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return the logits `(lanes, batch, classes)` of inputs `(batch, features)`, in a buffer that is reused."""
        for layer in self.layers:
            x = layer.forward(x, training)
        return x

    def hidden(self, x: Array, training: bool = False) -> list[Array]:
        """Return copies of each hidden layer's activations `(lanes, batch, features)`."""
        found = []
        for layer in self.layers[:-1]:
            x = layer.forward(x, training)
            if type(layer) in ACTIVATIONS.values():
                found.append(x.copy())
        return found

    def backward(self, d: Array) -> None:
        """Fill `grads` from dL/dlogits."""
        for layer in reversed(self.layers):
            d = layer.backward(d)

    def hidden_gradients(self, d: Array) -> list[Array]:
        """Fill `grads` and return copies of dL/d(activation) of each hidden layer, from the inputs on."""
        found = []
        for layer in reversed(self.layers):
            if type(layer) in ACTIVATIONS.values():
                found.append(d.copy())
            d = layer.backward(d)
        return found[::-1]

    def loss_and_gradient(self, logits: Array, labels: NDArray[np.intp]) -> tuple[Array, Array]:
        """Return the mean loss `(lanes,)` and dL/dlogits; overwrites `logits`."""
        return self._loss.loss_and_gradient(logits, labels)

    def gradient_step(self, x: Array, labels: NDArray[np.intp]) -> Array:
        """Fill `grads` for one mini-batch and return the losses `(lanes,)` before the update."""
        loss, d = self.loss_and_gradient(self.forward(x, training=True), labels)
        self.backward(d)
        return loss

    def decay(self, l2: float | Array, l1: float | Array) -> None:
        """Minimise l2/2 sum(W^2) + l1 sum(|W|) besides the loss from now on, over the weights alone.

        Each strength is a number or an array `(lanes, 1)`. The gradients have its share; the loss leaves it out.
        """
        for layer in self.affine:
            layer.l2, layer.l1 = _beside(l2, layer.weights), _beside(l1, layer.weights)

    def weight_norms(self) -> Array:
        """Return the root of the sum of all squared weights, biases left out, of every lane."""
        flat = [layer.weights.reshape(self.lanes, layer.weight_size) for layer in self.affine]
        with np.errstate(over="ignore"):  # of a lane that is about to diverge
            squares = [np.matmul(weights[:, None, :], weights[:, :, None])[:, 0, 0] for weights in flat]
        norms: Array = np.sqrt(np.sum(squares, axis=0, dtype=np.float64))
        return norms

    def layer_norms(self, flat: Array) -> Array:
        """Return the L2 norms `(lanes, layers)` of what an array `(lanes, P)` has for each layer's weights."""
        starts = zip(self.affine, self._weight_places, strict=True)
        return norms([flat[:, start : start + layer.weight_size] for layer, start in starts])

    def twin(self) -> Network:
        """Return a network with the same parameters and buffers of its own, for another thread to predict with."""
        other = object.__new__(Network)
        other.architecture, other.lanes, other.dtype, other.size = self.architecture, self.lanes, self.dtype, self.size
        other.layers, other._loss = self.architecture.layers(), SoftmaxCrossEntropy()
        other.params, other.grads, other.stats = self.params, self.grads, self.stats
        other._scratch = None
        other._bind()
        return other

    def subset(self, rows: Sequence[int]) -> Network:
        """Return a network of copies of some lanes: parameters, gradients and running statistics."""
        smaller = Network(self.architecture, len(rows), self.dtype)
        smaller.params[:] = self.params[list(rows)]
        smaller.grads[:] = self.grads[list(rows)]
        smaller.stats[:] = self.stats[list(rows)]
        return smaller


def _draw(seed: int, number: int, shape: tuple[int, int]) -> Array:
    return generator(seed, Purpose.WEIGHTS, number).standard_normal(shape)


def drawn_weight(rule: Initializer, seed: int, shape: tuple[int, int], place: tuple[int, int]) -> float:
    """Return one initial weight of the first layer, which has this shape with all of an image's pixels."""
    return float(np.float32(_draws(seed, 0, shape)[place] * rule.sigma(shape[0])))


_draws = Kept(_draw, KEPT_DRAWS)  # the many stacks of one run start from the same numbers


def _beside(strength: float | Array, weights: Array) -> Any:
    """Return a strength ready for arithmetic with weights `(lanes, n_in, n_out)`, in their dtype; None for 0."""
    if not np.any(strength):
        return None
    return strength.astype(weights.dtype)[:, :, None] if isinstance(strength, np.ndarray) else strength
