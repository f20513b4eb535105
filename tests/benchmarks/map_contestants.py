"""Contestants of a map of 256×256 settings × 200 steps: the program's, plain vectorised NumPy, a loop over cells.

All of them find of each cell the step from which on it is within the tolerance, or at which it is lost, and f at the
end; on surfaces with several minima also which one it reached. A piece of the program and of NumPy is a whole map,
of the loop one row of 256 cells.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

SIDE, STEPS = 256, 200
FAR = 1000.0  # of the quadratic, as of the program
Rule = tuple[Any, Any]
_ALPHA, _DECAY, _BETA1, _BETA2, _EPS = 0.9, 0.99, 0.9, 0.999, 1e-7
_RATES = {"sgd": (0.01, 4.0), "momentum": (0.01, 4.0), "nesterov": (0.01, 4.0)}
_ADAPTIVE = 0.001, 10.0
SECOND = {"sgd": "anisotropy", "momentum": "momentum", "nesterov": "momentum"}


class Program:
    """The experiment as the window runs it, frame included."""

    def __init__(self, name: str, **texts: str) -> None:
        from core.presets import preset

        self._configuration = preset(name).read({**texts, "resolution": str(SIDE), "iterations": str(STEPS)})

    def __call__(self, pieces: int) -> None:
        from core.experiments.stability import Stability

        for _ in range(pieces):
            run = Stability(self._configuration)
            run.advance(STEPS)
            run.snapshot()


def program_of(optimizer: str) -> Program:
    """Return the map of an optimizer on the chapter's quadratic: learning rate against momentum or anisotropy."""
    low, high = _RATES.get(optimizer, _ADAPTIVE)
    second = SECOND.get(optimizer, "anisotropy")
    ranges = {"momentum": "0,0.99", "anisotropy": "1,100"}
    axes = {"x": "lr", "x.range": f"{low},{high}", "y": second, "y.range": ranges[second]}
    return Program("stability", optimizer=optimizer, **axes)


def grid(optimizer: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return learning rate, momentum and anisotropy of every cell, in rows."""
    low, high = _RATES.get(optimizer, _ADAPTIVE)
    rate, up = np.meshgrid(np.geomspace(low, high, SIDE), np.linspace(0.0, 1.0, SIDE))
    momentum = optimizer in ("momentum", "nesterov")
    alpha = 0.99 * up if momentum else np.full_like(up, _ALPHA)
    return rate, alpha, np.full_like(up, 20.0) if momentum else 100.0**up


# One coordinate's update, as in any textbook; arrays or numbers. State is a list of what the rule keeps.


def _sgd(p: Any, g: Any, state: list[Any], lr: Any, alpha: Any, t: int) -> Any:
    return p - lr * g


def _momentum(p: Any, g: Any, state: list[Any], lr: Any, alpha: Any, t: int) -> Any:
    state[0] = alpha * state[0] - lr * g
    return p + state[0]


def _nesterov(p: Any, g: Any, state: list[Any], lr: Any, alpha: Any, t: int) -> Any:
    state[0] = alpha * state[0] - lr * g
    return p + alpha * state[0] - lr * g


def _adagrad(p: Any, g: Any, state: list[Any], lr: Any, alpha: Any, t: int) -> Any:
    state[0] = state[0] + g * g
    return p - lr * g / (state[0] ** 0.5 + _EPS)


def _rmsprop(p: Any, g: Any, state: list[Any], lr: Any, alpha: Any, t: int) -> Any:
    state[0] = _DECAY * state[0] + (1 - _DECAY) * g * g
    return p - lr * g / (state[0] ** 0.5 + _EPS)


def _adam(p: Any, g: Any, state: list[Any], lr: Any, alpha: Any, t: int) -> Any:
    state[0] = _BETA1 * state[0] + (1 - _BETA1) * g
    state[1] = _BETA2 * state[1] + (1 - _BETA2) * g * g
    first, second = state[0] / (1 - _BETA1**t), state[1] / (1 - _BETA2**t)
    return p - lr * first / (second**0.5 + _EPS)


RULES = {
    "sgd": _sgd,
    "momentum": _momentum,
    "nesterov": _nesterov,
    "adagrad": _adagrad,
    "rmsprop": _rmsprop,
    "adam": _adam,
}


class PlainMap:
    """All cells at once in arrays, as one writes it: a formula a line."""

    def __init__(self, optimizer: str) -> None:
        self._rule, (self._rate, self._alpha, self._anisotropy) = RULES[optimizer], grid(optimizer)

    def __call__(self, pieces: int) -> None:
        with np.errstate(all="ignore"):
            for _ in range(pieces):
                self._map()

    def _map(self) -> tuple[np.ndarray, ...]:
        a, shape = self._anisotropy, self._rate.shape
        x, y = np.full(shape, -7.0), np.full(shape, 2.0)
        states = [[np.zeros(shape), np.zeros(shape)] for _ in (x, y)]
        since, lost = np.full(shape, -1), np.full(shape, -1)
        for t in range(1, STEPS + 1):
            gx, gy = 2 * x / a, 2 * y
            x = self._rule(x, gx, states[0], self._rate, self._alpha, t)
            y = self._rule(y, gy, states[1], self._rate, self._alpha, t)
            f = x * x / a + y * y
            gone = ~((np.abs(x) <= FAR) & (np.abs(y) <= FAR))
            lost = np.where(gone & (lost < 0), t, lost)
            x, y = np.where(gone, np.nan, x), np.where(gone, np.nan, y)
            near = f <= 1e-3
            since = np.where(near, np.where(since < 0, t, since), -1)
        return since, lost, f


class LoopMap:
    """One cell after the other in plain numbers; a piece is a row of cells."""

    def __init__(self, optimizer: str) -> None:
        self._rule, self._grid, self._row = RULES[optimizer], grid(optimizer), 0

    def __call__(self, pieces: int) -> None:
        for _ in range(pieces):
            self._row = (self._row + 37) % SIDE  # all parts of the map in turn
            rows = (part[self._row].tolist() for part in self._grid)
            for rate, alpha, anisotropy in zip(*rows, strict=True):
                self._cell(rate, alpha, anisotropy)

    def _cell(self, rate: float, alpha: float, a: float) -> tuple[int, int, float]:
        x, y, since, f = -7.0, 2.0, -1, math.nan
        first, second = [0.0, 0.0], [0.0, 0.0]
        for t in range(1, STEPS + 1):
            gx, gy = 2 * x / a, 2 * y
            x, y = self._rule(x, gx, first, rate, alpha, t), self._rule(y, gy, second, rate, alpha, t)
            f = x * x / a + y * y
            if not (abs(x) <= FAR and abs(y) <= FAR):
                return -1, t, math.nan
            since = (t if since < 0 else since) if f <= 1e-3 else -1
        return since, -1, f


class PlainBasins:
    """Which minimum momentum reaches from every start, at once in arrays; only the end is compared to the minima."""

    rate, alpha = 0.0005, 0.9

    def __init__(self, surface: str) -> None:
        from core.local_minima import local_minima
        from core.surfaces import SURFACES

        self.shape = SURFACES[surface]
        self.minima = local_minima(self.shape).points
        x_low, x_high, y_low, y_high = self.shape.view
        self.starts = np.meshgrid(np.linspace(x_low, x_high, SIDE), np.linspace(y_low, y_high, SIDE))

    def __call__(self, pieces: int) -> None:
        with np.errstate(all="ignore"):
            for _ in range(pieces):
                self._map()

    def _map(self) -> tuple[np.ndarray, np.ndarray]:
        (x, y), f = self.starts, np.empty(0)
        vx, vy = np.zeros_like(x), np.zeros_like(y)
        for _ in range(STEPS):
            gx, gy = self.shape.gradient(x, y)
            vx, vy = self.alpha * vx - self.rate * gx, self.alpha * vy - self.rate * gy
            x, y = x + vx, y + vy
            f = self.shape.value(x, y)
        best, label = np.full(x.shape, np.inf), np.zeros(x.shape, int)
        for number, (px, py) in enumerate(self.minima, 1):
            distance = (x - px) ** 2 + (y - py) ** 2
            label = np.where(distance < best, number, label)
            best = np.minimum(best, distance)
        return label, f


class LoopBasins(PlainBasins):
    """The same, one start after the other; a piece is a row of cells."""

    def __init__(self, surface: str) -> None:
        super().__init__(surface)
        self._row = 0

    def __call__(self, pieces: int) -> None:
        with np.errstate(all="ignore"):
            for _ in range(pieces):
                self._row = (self._row + 37) % SIDE
                for x, y in zip(*(part[self._row].tolist() for part in self.starts), strict=True):
                    self._cell(x, y)

    def _cell(self, x: float, y: float) -> int:
        vx = vy = 0.0
        for _ in range(STEPS):
            gx, gy = self.shape.gradient(x, y)
            vx, vy = self.alpha * vx - self.rate * float(gx), self.alpha * vy - self.rate * float(gy)
            x, y = x + vx, y + vy
            if not (abs(x) < FAR and abs(y) < FAR):
                return -1
        return int(np.hypot(*(self.minima - (x, y)).T).argmin())


def basins_of(surface: str) -> Program:
    """Return the program's map of starts on a surface."""
    return Program("basins", surface=surface, **{"momentum.lr": str(PlainBasins.rate)})


MAKERS: dict[str, Callable[[str], Callable[[int], None]]] = {
    "program": lambda name: program_of(name) if name in RULES else basins_of(name),
    "vectorised NumPy": lambda name: PlainMap(name) if name in RULES else PlainBasins(name),
    "loop over cells": lambda name: LoopMap(name) if name in RULES else LoopBasins(name),
}
