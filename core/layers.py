"""Layers of a stack of networks: every array has a leading axis of lanes, every product is one batched matmul.

Shapes are (lanes, batch, features). A layer keeps what its backward pass needs, in buffers of a Scratch, which it
takes once per shape and reuses. L is the mean loss over the batch; `d` in `backward(d)` is dL/d(output), and the
result dL/d(input).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.scratch import Scratch

Array = NDArray[Any]


class Layer:
    """A step of the network; `size` counts its parameters per lane, `stat_size` its running statistics."""

    size = 0
    stat_size = 0

    def __init__(self) -> None:
        """Start without buffers."""
        self._buffers: dict[tuple[str, tuple[int, ...]], Array] = {}
        self._scratch, self._place = Scratch(), 0

    def use(self, scratch: Scratch, place: int) -> None:
        """Take buffers from this memory, where they are this place's in the network."""
        self._scratch, self._place = scratch, place
        self._buffers.clear()

    def bind(self, params: Array, grads: Array, stats: Array) -> None:
        """Take this layer's part of the flat arrays `(lanes, size)`, `(lanes, size)` and `(lanes, stat_size)`."""

    def forward(self, x: Array, training: bool) -> Array:
        """Return the output for inputs `x`."""
        raise NotImplementedError

    def backward(self, d: Array) -> Array:
        """Store the gradients of the parameters and return dL/dx; may overwrite `d`."""
        raise NotImplementedError

    def _buffer(self, name: str, shape: tuple[int, ...], dtype: Any) -> Array:
        key = (name, shape)
        if key not in self._buffers:
            self._buffers[key] = self._scratch.array((self._place, name), shape, dtype)
        return self._buffers[key]


class Affine(Layer):
    """y = x W + b, with W (lanes, n_in, n_out) and b (lanes, 1, n_out).

    `first` says that nothing needs dL/dx. Inputs of a first layer are (batch, n_in), shared by all lanes. `trained`
    says whether dL/dW and dL/db are wanted. What is minimised besides the loss is l2/2 sum(W^2) + l1 sum(|W|), each
    strength a number, an array (lanes, 1, 1) or None for 0.
    """

    def __init__(self, n_in: int, n_out: int, bias: bool = True, first: bool = False, trained: bool = True) -> None:
        """Describe the layer; its weights come with `bind`."""
        super().__init__()
        self.n_in, self.n_out, self.bias, self.first, self.trained = n_in, n_out, bias, first, trained
        self.l2: Any = None
        self.l1: Any = None
        self.weight_size = n_in * n_out
        self.size = self.weight_size + (n_out if bias else 0)

    def bind(self, params: Array, grads: Array, stats: Array) -> None:
        """Make W, b and their gradients views of the flat arrays."""
        self.weights, self.biases = self._views(params)
        self.weight_grads, self.bias_grads = self._views(grads)

    def _views(self, flat: Array) -> tuple[Array, Array]:
        lanes = len(flat)
        weights = flat[:, : self.weight_size].reshape(lanes, self.n_in, self.n_out)
        return weights, flat[:, None, self.weight_size :]

    def forward(self, x: Array, training: bool) -> Array:
        """y = x W + b."""
        self._x = x
        y = self._output((len(self.weights), x.shape[-2], self.n_out), x.dtype)
        np.matmul(x, self.weights, out=y)
        if self.bias:
            y += self.biases
        return y

    def _output(self, shape: tuple[int, int, int], dtype: Any) -> Array:
        return self._buffer("y", shape, dtype)

    def backward(self, d: Array) -> Array:
        """dL/dW = x' d + l2 W + l1 sign(W);  dL/db = sum over the batch of d;  dL/dx = d W'."""
        if self.trained:
            np.matmul(self._x.swapaxes(-1, -2), d, out=self.weight_grads)
            self._decay()  # now, while the gradients are in the cache: half the time of a pass over all layers
        if self.trained and self.bias:
            np.matmul(_ones(d), d, out=self.bias_grads)
        if self.first:
            return d
        dx = self._buffer("dx", (*d.shape[:-1], self.n_in), d.dtype)
        return np.matmul(d, self.weights.swapaxes(1, 2), out=dx)

    def _decay(self) -> None:
        if self.l2 is None and self.l1 is None:
            return
        work = self._buffer("decay", self.weights.shape, self.weights.dtype)
        if self.l2 is not None:
            self.weight_grads += np.multiply(self.weights, self.l2, out=work)
        if self.l1 is not None:
            self.weight_grads += np.multiply(np.sign(self.weights, out=work), self.l1, out=work)


class Output(Affine):
    """The last affine layer; its y has classes before images in memory, where sums over classes are much faster."""

    def _output(self, shape: tuple[int, int, int], dtype: Any) -> Array:
        lanes, batch, classes = shape
        return self._buffer("y", (lanes, classes, batch), dtype).swapaxes(1, 2)


class ReLU(Layer):
    """y = max(x, 0), in place (Nair and Hinton, ICML 2010)."""

    def forward(self, x: Array, training: bool) -> Array:
        """y = max(x, 0); against an array of zeros, which is three times faster than against the number."""
        self._y = np.maximum(x, _constant(0, x.shape, x.dtype), out=x)
        return self._y

    def backward(self, d: Array) -> Array:
        """dL/dx = d where y > 0, else 0; a product with the mask, ten times faster than a masked copy."""
        on = self._buffer("on", d.shape, bool)
        np.greater(self._y, 0, out=on)
        d *= on
        return d


class Sigmoid(Layer):
    """y = 1 / (1 + exp(-x)), in place."""

    def forward(self, x: Array, training: bool) -> Array:
        """y = 1 / (1 + exp(-x)); exp may overflow to inf, which gives the right 0."""
        np.negative(x, out=x)
        with np.errstate(over="ignore"):
            np.exp(x, out=x)
        x += 1
        np.reciprocal(x, out=x)
        self._y = x
        return x

    def backward(self, d: Array) -> Array:
        """dL/dx = d y (1 - y)."""
        slope = self._buffer("slope", d.shape, d.dtype)
        np.subtract(1, self._y, out=slope)
        slope *= self._y
        d *= slope
        return d


class Tanh(Layer):
    """y = tanh(x), in place."""

    def forward(self, x: Array, training: bool) -> Array:
        """y = tanh(x)."""
        self._y = np.tanh(x, out=x)
        return self._y

    def backward(self, d: Array) -> Array:
        """dL/dx = d (1 - y^2)."""
        slope = self._buffer("slope", d.shape, d.dtype)
        np.multiply(self._y, self._y, out=slope)
        np.subtract(1, slope, out=slope)
        d *= slope
        return d


ACTIVATIONS: dict[str, type[Layer]] = {"relu": ReLU, "sigmoid": Sigmoid, "tanh": Tanh}


class BatchNorm(Layer):
    """Batch Normalization (Ioffe and Szegedy, arXiv:1502.03167): y = gamma (x - mean) / sqrt(var + eps) + beta.

    Mean and variance are the batch's in training, and in prediction before any training; after that prediction takes
    running ones. These start from the first batch, not from zero as in the paper's usual code, which distorts every
    early test accuracy; momentum 0.9, eps 1e-5.
    Statistics per lane: mean, variance, and how many batches were seen.
    """

    EPS = 1e-5
    MOMENTUM = 0.9

    def __init__(self, features: int) -> None:
        """Describe the layer; gamma and beta come with `bind`."""
        super().__init__()
        self.features, self.size, self.stat_size = features, 2 * features, 2 * features + 1

    def bind(self, params: Array, grads: Array, stats: Array) -> None:
        """Make gamma, beta, their gradients and the running statistics views of the flat arrays."""
        self.gamma, self.beta = self._halves(params)
        self.gamma_grads, self.beta_grads = self._halves(grads)
        self._mean, self._var = self._halves(stats)
        self._seen = stats[:, -1:, None]

    def _halves(self, flat: Array) -> tuple[Array, Array]:
        n = self.features
        return flat[:, None, :n], flat[:, None, n : 2 * n]

    def forward(self, x: Array, training: bool) -> Array:
        """x_hat = (x - mean) / sqrt(var + eps);  y = gamma x_hat + beta."""
        x_hat, y = self._buffer("x_hat", x.shape, x.dtype), self._buffer("y", x.shape, x.dtype)
        of_batch = training or not self._seen.any()
        mean = _batch_mean(x) if of_batch else self._mean
        np.subtract(x, mean, out=x_hat)
        var = _batch_mean(np.multiply(x_hat, x_hat, out=y)) if of_batch else self._var
        if training:
            self._remember(mean, var)
        self._scale = 1 / np.sqrt(var + self.EPS)
        x_hat *= self._scale
        self._x_hat = x_hat
        np.multiply(x_hat, self.gamma, out=y)
        y += self.beta
        return y

    def _remember(self, mean: Array, var: Array) -> None:
        keep = np.where(self._seen > 0, self.MOMENTUM, 0).astype(mean.dtype)
        self._mean += (1 - keep) * (mean - self._mean)
        self._var += (1 - keep) * (var - self._var)
        self._seen += 1

    def backward(self, d: Array) -> Array:
        """dL/dx = gamma/sqrt(var + eps) (d - mean(d) - x_hat mean(d x_hat)), means over the batch."""
        work = self._buffer("work", d.shape, d.dtype)
        ones = _ones(d)
        np.matmul(ones, d, out=self.beta_grads)
        np.matmul(ones, np.multiply(d, self._x_hat, out=work), out=self.gamma_grads)
        batch = d.shape[1]
        np.multiply(self._x_hat, self.gamma_grads / batch, out=work)
        d -= self.beta_grads / batch
        d -= work
        d *= self.gamma * self._scale
        return d


class Dropout(Layer):
    """Inverted Dropout (Srivastava et al., JMLR 15, 2014): y = x mask / (1 - ratio) in training, y = x in prediction.

    The published form scales by 1 - ratio in prediction instead, which has the same expectation. `scaled_mask`
    `(lanes, batch, features)`, with 0 for what is left out and 1 / (1 - ratio) elsewhere, is set from outside for
    each batch; None leaves everything in.
    """

    def __init__(self) -> None:
        """Start without a mask."""
        super().__init__()
        self.scaled_mask: Array | None = None

    def forward(self, x: Array, training: bool) -> Array:
        """y = x mask / (1 - ratio); not in place, as an activation's backward pass needs its own output."""
        if self.scaled_mask is None or not training:
            return x
        return np.multiply(x, self.scaled_mask, out=self._buffer("y", x.shape, x.dtype))

    def backward(self, d: Array) -> Array:
        """dL/dx = d mask / (1 - ratio)."""
        if self.scaled_mask is not None:
            d *= self.scaled_mask
        return d


class SoftmaxCrossEntropy:
    """Mean cross-entropy of softmax(logits) against integer labels.

    L = mean over the batch of log(sum_k exp z_k) - z_label;  dL/dz = (softmax(z) - onehot(label)) / batch.
    """

    def loss_and_gradient(self, logits: Array, labels: NDArray[np.intp]) -> tuple[Array, Array]:
        """Return the loss `(lanes,)` and dL/dlogits, which overwrites `logits` `(lanes, batch, classes)`."""
        batch = logits.shape[1]
        rows = _range(batch)
        logits -= logits.max(axis=2, keepdims=True)
        chosen = logits[:, rows, labels]
        np.exp(logits, out=logits)
        total = logits.sum(axis=2, keepdims=True)
        loss = np.mean(np.log(total[:, :, 0]) - chosen, axis=1)
        logits /= total * batch
        logits[:, rows, labels] -= 1 / batch
        return loss, logits


def _ones(d: Array) -> Array:
    """Return ones `(1, batch)`: a product with them sums over the batch, four times faster than `sum`."""
    return _constant(1, (1, d.shape[1]), d.dtype)


@lru_cache(maxsize=16)  # more shapes than one run has, and not too many large ones of runs that are over
def _constant(value: int, shape: tuple[int, ...], dtype: Any) -> Array:
    """Return an array that is made once and that nobody writes."""
    made = np.full(shape, value, dtype)
    made.flags.writeable = False
    return made


@lru_cache(maxsize=64)
def _range(length: int) -> NDArray[np.intp]:
    return np.arange(length)


def _batch_mean(x: Array) -> Array:
    mean: Array = np.matmul(_ones(x), x)
    mean /= x.shape[1]
    return mean
