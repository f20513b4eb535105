"""Networks as a learner writes them: dictionaries of float64 arrays, one network at a time.

As in textbooks, every layer's backward pass returns dL/dx, the first one's too, and ReLU keeps a mask. The trimmed
functions leave out what is not needed: that product, the mask's copies, the second exp; they know no BatchNorm.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

Params = dict[str, np.ndarray]
Running = dict[int, tuple[np.ndarray, np.ndarray]]  # BatchNorm's mean and variance of each layer
Gradients = Callable[[Params, np.ndarray, np.ndarray, Running], tuple[float, Params]]
Scores = Callable[[Params, np.ndarray, Running], np.ndarray]


def network(sizes: tuple[int, ...], scale: float | None = None, batchnorm: bool = False) -> Params:
    """Return a network's parameters; the weights have this standard deviation, by default He's."""
    draws, params = np.random.default_rng(0), {}
    for number, (n_in, n_out) in enumerate(pairwise(sizes), 1):
        params[f"W{number}"] = draws.standard_normal((n_in, n_out)) * (scale or np.sqrt(2 / n_in))
        params[f"b{number}"] = np.zeros(n_out)
        if batchnorm and number < len(sizes) - 1:
            params[f"gamma{number}"], params[f"beta{number}"] = np.ones(n_out), np.zeros(n_out)
    return params


def _depth(params: Params) -> int:
    return sum(key.startswith("W") for key in params)


def plain_gradients(params: Params, x: np.ndarray, labels: np.ndarray, running: Running) -> tuple[float, Params]:
    """Return the mini-batch's mean loss and its gradients."""
    x, kept = _forward(params, x, running, training=True)
    loss, d = _softmax_loss(x, labels)
    return loss, _backward(params, d, kept)


def plain_scores(params: Params, x: np.ndarray, running: Running) -> np.ndarray:
    """Return what softmax would be applied to."""
    return _forward(params, x, running, training=False)[0]


def _forward(params: Params, x: np.ndarray, running: Running, training: bool) -> tuple[np.ndarray, list[Any]]:
    depth, kept = _depth(params), []
    for number in range(1, depth + 1):
        inputs, norm, mask = x, None, None
        x = x @ params[f"W{number}"] + params[f"b{number}"]
        if number < depth:
            if f"gamma{number}" in params:
                x, norm = _normalize(params, x, running, number, training)
            mask = x <= 0
            x = x.copy()
            x[mask] = 0
        kept.append((inputs, norm, mask))
    return x, kept


def _normalize(params: Params, x: np.ndarray, running: Running, number: int, training: bool) -> tuple[np.ndarray, Any]:
    if training:
        mean, var = x.mean(axis=0), x.var(axis=0)
        old_mean, old_var = running.get(number, (mean, var))
        running[number] = 0.9 * old_mean + 0.1 * mean, 0.9 * old_var + 0.1 * var
    else:
        mean, var = running[number]
    std = np.sqrt(var + 1e-5)
    x_hat = (x - mean) / std
    return params[f"gamma{number}"] * x_hat + params[f"beta{number}"], (x_hat, std)


def _softmax_loss(x: np.ndarray, labels: np.ndarray) -> tuple[float, np.ndarray]:
    x = x - x.max(axis=1, keepdims=True)
    shares = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
    rows = np.arange(len(labels))
    loss = -np.mean(np.log(shares[rows, labels] + 1e-7))
    d = shares.copy()
    d[rows, labels] -= 1
    return float(loss), d / len(labels)


def _backward(params: Params, d: np.ndarray, kept: list[Any]) -> Params:
    grads: Params = {}
    for number in range(len(kept), 0, -1):
        inputs, norm, mask = kept[number - 1]
        if mask is not None:
            d[mask] = 0
        if norm is not None:
            d = _normalize_back(params, grads, d, number, *norm)
        grads[f"W{number}"] = inputs.T @ d
        grads[f"b{number}"] = d.sum(axis=0)
        d = d @ params[f"W{number}"].T
    return grads


def _normalize_back(
    params: Params, grads: Params, d: np.ndarray, number: int, x_hat: np.ndarray, std: np.ndarray
) -> np.ndarray:
    """dL/dx = (d' - mean(d') - x_hat mean(d' x_hat)) / std with d' = gamma d, means over the batch."""
    grads[f"gamma{number}"] = (d * x_hat).sum(axis=0)
    grads[f"beta{number}"] = d.sum(axis=0)
    d = d * params[f"gamma{number}"]
    return (d - d.mean(axis=0) - x_hat * (d * x_hat).mean(axis=0)) / std


def trimmed_gradients(params: Params, x: np.ndarray, labels: np.ndarray, running: Running) -> tuple[float, Params]:
    """Return what `plain_gradients` does, of a network without BatchNorm, with less work."""
    depth, inputs = _depth(params), []
    for number in range(1, depth + 1):
        inputs.append(x)
        x = x @ params[f"W{number}"] + params[f"b{number}"]
        if number < depth:
            np.maximum(x, 0, out=x)
    d = np.exp(x - x.max(axis=1, keepdims=True))
    d /= d.sum(axis=1, keepdims=True)
    rows = np.arange(len(labels))
    loss = -np.mean(np.log(d[rows, labels] + 1e-7))
    d[rows, labels] -= 1
    d /= len(labels)
    grads: Params = {}
    for number in range(depth, 0, -1):
        grads[f"W{number}"] = inputs[number - 1].T @ d
        grads[f"b{number}"] = d.sum(axis=0)
        if number > 1:
            d = d @ params[f"W{number}"].T
            d *= inputs[number - 1] > 0
    return float(loss), grads


def trimmed_scores(params: Params, x: np.ndarray, running: Running) -> np.ndarray:
    """Return what `plain_scores` does, of a network without BatchNorm, with less work."""
    depth = _depth(params)
    for number in range(1, depth + 1):
        x = x @ params[f"W{number}"] + params[f"b{number}"]
        if number < depth:
            np.maximum(x, 0, out=x)
    return x


# Update rules. Each changes the parameters in place and keeps what it needs in `state`.


def sgd(params: Params, grads: Params, state: dict[str, Any], lr: float = 0.01) -> None:
    for key in params:
        params[key] -= lr * grads[key]


def momentum(params: Params, grads: Params, state: dict[str, Any]) -> None:
    for key in params:
        state[key] = 0.9 * state.get(key, 0.0) - 0.01 * grads[key]
        params[key] += state[key]


def nesterov(params: Params, grads: Params, state: dict[str, Any]) -> None:
    for key in params:
        state[key] = 0.9 * state.get(key, 0.0) - 0.01 * grads[key]
        params[key] += 0.9 * state[key] - 0.01 * grads[key]


def adagrad(params: Params, grads: Params, state: dict[str, Any]) -> None:
    for key in params:
        state[key] = state.get(key, 0.0) + grads[key] ** 2
        params[key] -= 0.01 * grads[key] / (np.sqrt(state[key]) + 1e-7)


def rmsprop(params: Params, grads: Params, state: dict[str, Any]) -> None:
    for key in params:
        state[key] = 0.99 * state.get(key, 0.0) + 0.01 * grads[key] ** 2
        params[key] -= 0.01 * grads[key] / (np.sqrt(state[key]) + 1e-7)


def adam(params: Params, grads: Params, state: dict[str, Any]) -> None:
    state["t"] = state.get("t", 0) + 1
    for key in params:
        m, v = state.get(key, (0.0, 0.0))
        m, v = 0.9 * m + 0.1 * grads[key], 0.999 * v + 0.001 * grads[key] ** 2
        state[key] = m, v
        m_hat, v_hat = m / (1 - 0.9 ** state["t"]), v / (1 - 0.999 ** state["t"])
        params[key] -= 0.001 * m_hat / (np.sqrt(v_hat) + 1e-7)
