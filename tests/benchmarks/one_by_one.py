"""The search and the BatchNorm grid as they are done without the engine: one network at a time.

The tasks are those of the presets: the same settings, as many images, updates and measured accuracies. A network
that leaves the finite numbers is not trained on, as in the engine.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import textbook
from contestants import torch_network

if TYPE_CHECKING:
    from collections.abc import Iterator

Labelled = tuple[np.ndarray, np.ndarray]  # images as bytes, labels


@dataclass(frozen=True)
class Trial:
    """What networks of one task differ in."""

    lr: float = 0.01
    l2: float = 0.0
    scale: float | None = None
    batchnorm: bool = False


@dataclass(frozen=True)
class Task:
    """Networks to train; accuracies are measured on both sets after every epoch.

    A piece is an epoch of one network, and of every network where they do not take equally long.
    """

    sizes: tuple[int, ...]
    batch: int
    epochs: int
    train: Labelled
    test: Labelled
    groups: list[list[Trial]]

    @property
    def per_epoch(self) -> int:
        """Updates of one network."""
        return len(self.train[1]) // self.batch


def search_task() -> Task:
    """Return the hundred trials of the random search, each trained to its end before the next."""
    from core.datasets import load_sample
    from core.presets import preset
    from core.trials import trials_of

    values, sample = preset("random-search").read({}).values, load_sample()
    order = np.random.default_rng(0).permutation(values["images"])
    test, train = (
        (sample.train_images[part], sample.train_labels[part]) for part in np.split(order, [len(order) // 5])
    )
    sizes = (sample.pixels, *values["hidden"], sample.classes)
    return Task(sizes, values["batch"], values["epochs"], train, test, [[Trial(**t)] for t in trials_of(values)])


def grid_task() -> Task:
    """Return 16 weight scales with and without BatchNorm, an epoch of each in turn."""
    from core.datasets import load_sample
    from core.presets import SCALES, preset

    values, sample = preset("batchnorm-grid").read({}).values, load_sample()
    images, batch = values["images"], values["batch"]
    train = sample.train_images[:images], sample.train_labels[:images]
    trials = [Trial(values["sgd.lr"], 0.0, scale, batchnorm) for scale in SCALES for batchnorm in (True, False)]
    sizes = (sample.pixels, *values["hidden"], sample.classes)
    epochs = values["iterations"] // (images // batch)
    return Task(sizes, batch, epochs, train, (sample.test_images, sample.test_labels), [trials])


@dataclass
class Trained:
    """A network, what belongs to it, and its record."""

    trial: Trial
    parts: Any
    losses: list[float] = field(default_factory=list)
    accuracies: list[tuple[float, float]] = field(default_factory=list)

    @property
    def lost(self) -> bool:
        """Whether it has left the finite numbers."""
        return bool(self.losses) and not math.isfinite(self.losses[-1])


class OneByOne:
    """Trains a task's networks, an epoch of one network at a time."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._updates = self._pieces()
        self.networks: list[Trained] = []

    def __call__(self, pieces: int) -> None:
        with np.errstate(all="ignore"):
            for _ in range(pieces):
                next(self._updates)

    def _pieces(self) -> Iterator[None]:
        while True:
            for group in self._task.groups:
                self.networks = [Trained(trial, self._make(trial)) for trial in group]
                for _ in range(self._task.epochs):
                    for network in self.networks:
                        self._epoch(network)
                    yield

    def _epoch(self, network: Trained) -> None:
        for _ in range(self._task.per_epoch):
            if network.lost:
                return
            network.losses.append(self._update(network))
        network.accuracies.append((self._accuracy(network, self._train), self._accuracy(network, self._test)))


class TorchOneByOne(OneByOne):
    """One torch.nn.Sequential and one torch.optim.SGD for each network."""

    def __init__(self, task: Task, threads: int) -> None:
        import torch

        torch.set_num_threads(threads)
        torch.manual_seed(0)
        self._torch, self._loss = torch, torch.nn.CrossEntropyLoss()
        self._train, self._test = self._tensors(*task.train), self._tensors(*task.test)
        super().__init__(task)

    def _tensors(self, pixels: np.ndarray, labels: np.ndarray) -> tuple[Any, Any]:
        from_numpy = self._torch.from_numpy
        return from_numpy(pixels.astype(np.float32) / 255), from_numpy(labels.astype(np.int64))

    def _make(self, trial: Trial) -> tuple[Any, Any]:
        network = torch_network(self._task.sizes, trial.scale, trial.batchnorm)
        return network, self._torch.optim.SGD(network.parameters(), lr=trial.lr, weight_decay=trial.l2)

    def _update(self, trained: Trained) -> float:
        (network, optimizer), (x, labels) = trained.parts, self._train
        chosen = self._torch.randint(len(x), (self._task.batch,))
        optimizer.zero_grad()
        loss = self._loss(network(x[chosen]), labels[chosen])
        loss.backward()
        optimizer.step()
        return loss.item()

    def _accuracy(self, trained: Trained, images: tuple[Any, Any]) -> float:
        network, (x, labels) = trained.parts[0], images
        network.eval()
        with self._torch.no_grad():
            share = (network(x).argmax(dim=1) == labels).float().mean().item()
        network.train()
        return share


class PlainOneByOne(OneByOne):
    """The textbook's float64 loop, with weight decay in the gradient."""

    def __init__(self, task: Task, gradients: textbook.Gradients, scores: textbook.Scores) -> None:
        self._gradients, self._scores = gradients, scores
        self._train, self._test = ((pixels / 255.0, labels) for pixels, labels in (task.train, task.test))
        self._draws = np.random.default_rng(0)
        super().__init__(task)

    def _make(self, trial: Trial) -> tuple[textbook.Params, textbook.Running]:
        return textbook.network(self._task.sizes, trial.scale, trial.batchnorm), {}

    def _update(self, trained: Trained) -> float:
        (params, running), (x, labels), trial = trained.parts, self._train, trained.trial
        chosen = self._draws.integers(0, len(x), self._task.batch)
        loss, grads = self._gradients(params, x[chosen], labels[chosen], running)
        for key in params:
            if trial.l2 and key.startswith("W"):
                grads[key] += trial.l2 * params[key]
        textbook.sgd(params, grads, {}, trial.lr)
        return loss

    def _accuracy(self, trained: Trained, images: Labelled) -> float:
        (params, running), (x, labels) = trained.parts, images
        return float(np.mean(self._scores(params, x, running).argmax(axis=1) == labels))
