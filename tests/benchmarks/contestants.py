"""Contestants of the race of six optimizers, and the engine for every task.

A contestant is made once and then called with a number of pieces: so many updates that every turn measures accuracies
equally often. When its run ends, it starts again.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import textbook

if TYPE_CHECKING:
    from core.experiments.protocol import Experiment

LANES, BATCH, SIZES = 6, 128, (784, 100, 100, 100, 100, 10)
RACE = 2000  # updates of the race


def images() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return training images as bytes, labels, and the indices of the used pixels."""
    from core.datasets import load_sample

    sample = load_sample()
    return sample.train_images, sample.train_labels, sample.used_pixels()


class Engine:
    """The engine itself, as an export runs it; a piece is so many updates of all its networks."""

    def __init__(self, name: str, threads: int, piece: int = 1, **texts: str) -> None:
        from core.datasets import load_sample
        from core.presets import preset

        self._configuration = preset(name).read(texts)
        self._sample, self._threads, self._piece = load_sample(), threads, piece
        self._run = self._new()

    def _new(self) -> Experiment:
        from core.presets import build

        return build(self._configuration, lambda: self._sample, self._threads)

    def __call__(self, pieces: int) -> None:
        updates = pieces * self._piece
        while updates:
            if self._run.position == self._run.total:
                self._run.close()
                self._run = self._new()
            done = self._run.position
            self._run.advance(updates)
            updates -= self._run.position - done


class Bare:
    """Only the matrix products of the race, stacked, into arrays made before."""

    def __init__(self, used_only: bool) -> None:
        n_in = len(images()[2]) if used_only else SIZES[0]
        sizes = (n_in, *SIZES[1:])
        draw = np.random.default_rng(0)

        def stack(*shape: int) -> np.ndarray:
            return draw.standard_normal(shape, dtype=np.float32)

        self._weights = [stack(LANES, a, b) * np.float32(np.sqrt(2 / a)) for a, b in pairwise(sizes)]
        self._grads = [np.empty_like(w) for w in self._weights]
        self._y = [stack(BATCH, n_in), *(stack(LANES, BATCH, n) for n in sizes[1:])]
        self._d = [None, *(stack(LANES, BATCH, n) for n in sizes[1:])]

    def __call__(self, updates: int) -> None:
        layers = list(enumerate(self._weights))
        for _ in range(updates):
            for number, w in layers:
                np.matmul(self._y[number], w, out=self._y[number + 1])
            for number, w in reversed(layers):
                d = self._d[number + 1]
                np.matmul(self._y[number].swapaxes(-1, -2), d, out=self._grads[number])
                if number:
                    np.matmul(d, w.swapaxes(1, 2), out=self._d[number])


def torch_network(sizes: tuple[int, ...], scale: float | None = None, batchnorm: bool = False) -> Any:
    """Return a torch.nn.Sequential; the weights have this standard deviation, by default He's."""
    from torch import nn

    layers: list[Any] = []
    for n_in, n_out in pairwise(sizes):
        affine = nn.Linear(n_in, n_out)
        nn.init.normal_(affine.weight, std=scale or float(np.sqrt(2 / n_in)))
        nn.init.zeros_(affine.bias)
        layers += [affine, nn.BatchNorm1d(n_out), nn.ReLU()] if batchnorm else [affine, nn.ReLU()]
    return nn.Sequential(*layers[: -2 if batchnorm else -1])


class Torch:
    """One torch.nn.Sequential and one torch.optim optimizer per network, one network after another."""

    def __init__(self, threads: int) -> None:
        import torch

        torch.set_num_threads(threads)
        torch.manual_seed(0)
        pixels, labels, _used = images()
        self._torch = torch
        self._x = torch.from_numpy(pixels.astype(np.float32) / 255)
        self._labels = torch.from_numpy(labels.astype(np.int64))
        self._loss = torch.nn.CrossEntropyLoss()
        self._restart()

    def _restart(self) -> None:
        torch, optim = self._torch, self._torch.optim
        make = (
            lambda p: optim.SGD(p, lr=0.01),
            lambda p: optim.SGD(p, lr=0.01, momentum=0.9),
            lambda p: optim.SGD(p, lr=0.01, momentum=0.9, nesterov=True),
            lambda p: optim.Adagrad(p, lr=0.01, eps=1e-7),
            lambda p: optim.RMSprop(p, lr=0.01, alpha=0.99, eps=1e-7),
            lambda p: optim.Adam(p, lr=0.001, eps=1e-7),
        )
        networks = [torch_network(SIZES) for _ in make]
        self._pairs = [(network, rule(network.parameters())) for network, rule in zip(networks, make, strict=True)]
        self._losses = np.empty((LANES, RACE), np.float32)
        self._done = 0
        self._draws = torch.Generator().manual_seed(0)

    def __call__(self, updates: int) -> None:
        for _ in range(updates):
            if self._done == RACE:
                self._restart()
            chosen = self._torch.randint(len(self._x), (BATCH,), generator=self._draws)
            x, labels = self._x[chosen], self._labels[chosen]
            for lane, (network, optimizer) in enumerate(self._pairs):
                optimizer.zero_grad()
                loss = self._loss(network(x), labels)
                loss.backward()
                optimizer.step()
                self._losses[lane, self._done] = loss.item()
            self._done += 1


class Plain:
    """The textbook's float64 loop, one network after another."""

    def __init__(self, gradients: textbook.Gradients) -> None:
        self._gradients = gradients
        pixels, labels, _used = images()
        self._x, self._labels = pixels / 255.0, labels
        self._restart()

    def _restart(self) -> None:
        self._draws, self._done = np.random.default_rng(0), 0
        rules = ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam")
        self._networks = [(textbook.network(SIZES), {}, getattr(textbook, rule)) for rule in rules]
        self._losses = [[] for _ in rules]

    def __call__(self, updates: int) -> None:
        for _ in range(updates):
            if self._done == RACE:
                self._restart()
            chosen = self._draws.integers(0, len(self._x), BATCH)
            x, labels = self._x[chosen], self._labels[chosen]
            for (params, state, rule), losses in zip(self._networks, self._losses, strict=True):
                loss, grads = self._gradients(params, x, labels, {})
                rule(params, grads, state)
                losses.append(loss)
            self._done += 1
