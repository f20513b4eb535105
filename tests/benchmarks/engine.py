"""How fast the engine is: a race of six optimizers against the bare matrix products, PyTorch and plain NumPy.

Every contestant trains (or multiplies) for six networks 784-100-100-100-100-10 on mini-batches of 128 digits of the
bundled sample. Each runs in a process of its own, so that thread settings can differ; they take turns of a second,
long enough for warm caches. A turn is repeated while other programs keep the machine busy, and every figure is the
median of the ratios within one round. PyTorch is optional.

    python tests/benchmarks/engine.py [--rounds 7] [--seconds 1] [--only NAME;NAME]
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import statistics
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "BLIS_NUM_THREADS")
if __name__ == "__main__":  # before NumPy is imported; a worker finds what its parent set
    for _variable in (*_THREAD_VARIABLES, "VECLIB_MAXIMUM_THREADS"):
        os.environ.setdefault(_variable, "1")
    sys.path.insert(0, str(_ROOT))

import numpy as np  # noqa: E402 - the environment comes first

LANES, BATCH, SIZES = 6, 128, (784, 100, 100, 100, 100, 10)
RACE = 2000  # updates of the race; a worker starts again after so many


def images() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return training images as bytes, labels, and the indices of the used pixels."""
    from core.datasets import load_sample

    sample = load_sample()
    return sample.train_images, sample.train_labels, sample.used_pixels()


# Contestants. Each is made once and then called with a number of updates.


class Engine:
    """The engine itself, as an export runs it."""

    def __init__(self, threads: int, evaluate: int) -> None:
        from core.datasets import load_sample

        self._sample, self._threads, self._evaluate = load_sample(), threads, evaluate
        self._run = self._new()

    def _new(self):
        from core.presets import build, preset

        chosen = preset("optimizer-mnist").configuration({"evaluate": self._evaluate, "iterations": RACE})
        return build(chosen, lambda: self._sample, self._threads)

    def __call__(self, updates: int) -> None:
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
        networks = [self._network() for _ in make]
        self._pairs = [(network, rule(network.parameters())) for network, rule in zip(networks, make, strict=True)]
        self._losses = np.empty((LANES, RACE), np.float32)
        self._done = 0
        self._draws = torch.Generator().manual_seed(0)

    def _network(self):
        nn = self._torch.nn
        layers = []
        for n_in, n_out in pairwise(SIZES):
            layers += [nn.Linear(n_in, n_out), nn.ReLU()]
            nn.init.normal_(layers[-2].weight, std=float(np.sqrt(2 / n_in)))
            nn.init.zeros_(layers[-2].bias)
        return nn.Sequential(*layers[:-1])

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
    """What a learner writes: dictionaries of float64 arrays, one network after another.

    As in textbooks, every layer's backward pass returns dL/dx, the first one's too, and ReLU keeps a mask.
    `trimmed` leaves out what is not needed: that product, the mask's copies, the second exp.
    """

    def __init__(self, trimmed: bool) -> None:
        self._gradients = _trimmed_gradients if trimmed else _plain_gradients
        pixels, labels, _used = images()
        self._x, self._labels = pixels / 255.0, labels
        self._restart()

    def _restart(self) -> None:
        self._draws, self._done = np.random.default_rng(0), 0
        rules = (_sgd, _momentum, _nesterov, _adagrad, _rmsprop, _adam)
        self._networks = [(_plain_network(), {}, rule) for rule in rules]
        self._losses = [[] for _ in rules]

    def __call__(self, updates: int) -> None:
        for _ in range(updates):
            if self._done == RACE:
                self._restart()
            chosen = self._draws.integers(0, len(self._x), BATCH)
            x, labels = self._x[chosen], self._labels[chosen]
            for (params, state, rule), losses in zip(self._networks, self._losses, strict=True):
                loss, grads = self._gradients(params, x, labels)
                rule(params, grads, state)
                losses.append(loss)
            self._done += 1


def _plain_network() -> dict[str, np.ndarray]:
    draws, params = np.random.default_rng(0), {}
    for number, (n_in, n_out) in enumerate(pairwise(SIZES), 1):
        params[f"W{number}"] = draws.standard_normal((n_in, n_out)) * np.sqrt(2 / n_in)
        params[f"b{number}"] = np.zeros(n_out)
    return params


def _plain_gradients(params: dict, x: np.ndarray, labels: np.ndarray) -> tuple[float, dict]:
    depth, inputs, masks = len(SIZES) - 1, [], []
    for number in range(1, depth + 1):
        inputs.append(x)
        x = x @ params[f"W{number}"] + params[f"b{number}"]
        if number < depth:
            masks.append(x <= 0)
            x = x.copy()
            x[masks[-1]] = 0
    x = x - x.max(axis=1, keepdims=True)
    shares = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
    rows = np.arange(len(labels))
    loss = -np.mean(np.log(shares[rows, labels] + 1e-7))
    d = shares.copy()
    d[rows, labels] -= 1
    d = d / len(labels)
    grads = {}
    for number in range(depth, 0, -1):
        if number < depth:
            d[masks[number - 1]] = 0
        grads[f"W{number}"] = inputs[number - 1].T @ d
        grads[f"b{number}"] = d.sum(axis=0)
        d = d @ params[f"W{number}"].T
    return float(loss), grads


def _trimmed_gradients(params: dict, x: np.ndarray, labels: np.ndarray) -> tuple[float, dict]:
    depth, inputs = len(SIZES) - 1, []
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
    grads = {}
    for number in range(depth, 0, -1):
        grads[f"W{number}"] = inputs[number - 1].T @ d
        grads[f"b{number}"] = d.sum(axis=0)
        if number > 1:
            d = d @ params[f"W{number}"].T
            d *= inputs[number - 1] > 0
    return float(loss), grads


def _sgd(params: dict, grads: dict, state: dict) -> None:
    for key in params:
        params[key] -= 0.01 * grads[key]


def _momentum(params: dict, grads: dict, state: dict) -> None:
    for key in params:
        state[key] = 0.9 * state.get(key, 0.0) - 0.01 * grads[key]
        params[key] += state[key]


def _nesterov(params: dict, grads: dict, state: dict) -> None:
    for key in params:
        state[key] = 0.9 * state.get(key, 0.0) - 0.01 * grads[key]
        params[key] += 0.9 * state[key] - 0.01 * grads[key]


def _adagrad(params: dict, grads: dict, state: dict) -> None:
    for key in params:
        state[key] = state.get(key, 0.0) + grads[key] ** 2
        params[key] -= 0.01 * grads[key] / (np.sqrt(state[key]) + 1e-7)


def _rmsprop(params: dict, grads: dict, state: dict) -> None:
    for key in params:
        state[key] = 0.99 * state.get(key, 0.0) + 0.01 * grads[key] ** 2
        params[key] -= 0.01 * grads[key] / (np.sqrt(state[key]) + 1e-7)


def _adam(params: dict, grads: dict, state: dict) -> None:
    state["t"] = state.get("t", 0) + 1
    for key in params:
        m, v = state.get(key, (0.0, 0.0))
        m, v = 0.9 * m + 0.1 * grads[key], 0.999 * v + 0.001 * grads[key] ** 2
        state[key] = m, v
        m_hat, v_hat = m / (1 - 0.9 ** state["t"]), v / (1 - 0.999 ** state["t"])
        params[key] -= 0.001 * m_hat / (np.sqrt(v_hat) + 1e-7)


CONTESTANTS = {
    "engine": lambda: Engine(1, 0),
    "engine, measuring": lambda: Engine(1, 1),
    "engine, 2 threads": lambda: Engine(2, 0),
    "engine, 2 threads, measuring": lambda: Engine(2, 1),
    "bare products": lambda: Bare(used_only=False),
    "bare products, used pixels": lambda: Bare(used_only=True),
    "PyTorch": lambda: Torch(1),
    "PyTorch, 2 threads": lambda: Torch(2),
    "float64 loop": lambda: Plain(trimmed=False),
    "float64 loop, trimmed": lambda: Plain(trimmed=True),
}
_LIBRARY_THREADS = {"PyTorch, 2 threads": "2"}
_CALM, _PATIENCE = 0.15, 40  # a turn is repeated, at most so often, while other programs take more of a CPU
_UNIT = 31  # updates of one epoch, so that every turn measures accuracies equally often


def work(name: str) -> None:
    """Answer each line `N` on standard input with the seconds that N updates took, by the clock and of all CPUs."""
    run = CONTESTANTS[name]()
    run(5)
    for line in sys.stdin:
        begun, used = time.perf_counter(), time.process_time()
        run(int(line))
        print(time.perf_counter() - begun, time.process_time() - used, flush=True)


def busy_seconds() -> float | None:
    """Return the seconds that all CPUs together have been busy, None where the system does not say."""
    try:
        fields = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:]
    except OSError:
        return None
    user, nice, system, _idle, _wait, *others = map(int, fields[:8])
    return (user + nice + system + sum(others)) / os.sysconf("SC_CLK_TCK")


class Worker:
    """A contestant's process, which rests between its turns."""

    def __init__(self, name: str, seconds: float) -> None:
        self.disturbed = 0
        self._name, threads = name, _LIBRARY_THREADS.get(name, "1")
        environment = {**os.environ, **dict.fromkeys(_THREAD_VARIABLES, threads)}
        command = [sys.executable, __file__, "--worker", name]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        unit = _UNIT if "measuring" in name else 1
        pace = self._ask(10 * unit)[0] / (10 * unit)
        self._updates = max(1, round(seconds / pace / unit)) * unit

    def _ask(self, updates: int) -> tuple[float, float]:
        """Let it make some updates; return the seconds, and the share of one CPU that other programs took."""
        before = busy_seconds()
        self._process.stdin.write(f"{updates}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise SystemExit(f"{self._name} ended: see above")
        seconds, used = map(float, answer.split())
        after = busy_seconds()
        return seconds, 0.0 if before is None or after is None else (after - before - used) / seconds

    def turn(self) -> float:
        """Return the seconds of one update, over one turn that other programs did not disturb, if there is one."""
        for _ in range(_PATIENCE):
            seconds, others = self._ask(self._updates)
            if others < _CALM:
                break
        else:
            self.disturbed += 1
        return seconds / self._updates

    def close(self) -> None:
        """End the process."""
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()


def measure(names: list[str], rounds: int, seconds: float) -> dict[str, list[float]]:
    """Let the contestants take turns and return the seconds per update, round by round."""
    workers = {name: Worker(name, seconds) for name in names}
    times: dict[str, list[float]] = {name: [] for name in names}
    try:
        for _ in range(rounds):
            for name, worker in workers.items():
                times[name].append(worker.turn())
        if disturbed := {name: worker.disturbed for name, worker in workers.items() if worker.disturbed}:
            print(f"turns disturbed by other programs, out of {rounds}: {disturbed}\n")
    finally:
        for worker in workers.values():
            worker.close()
    return times


def report(times: dict[str, list[float]]) -> bool:
    """Print the times, then each ratio with its goal; return whether every goal was reached."""
    print(f"{'contestant':<34}{'ms per update':>14}{'updates/s':>12}")
    for name, found in times.items():
        median = statistics.median(found)
        print(f"{name:<34}{1000 * median:>14.3f}{1 / median:>12.1f}")
    best = min((n for n in times if n.startswith("PyTorch")), key=lambda n: statistics.median(times[n]), default=None)
    if best is None:
        print("PyTorch is not installed: its rows are left out")
    rows = (
        ("engine / bare products", "engine", "bare products", "<=", 1.25),
        ("engine / bare products of used pixels", "engine", "bare products, used pixels", "", 0.0),
        # The goal is for one BLAS thread each, as the design measured it; the row below lets PyTorch have both cores.
        ("PyTorch / engine, one thread each", "PyTorch", "engine", ">=", 1.5),
        ("PyTorch, 2 threads / engine", "PyTorch, 2 threads", "engine", "", 0.0),
        ("float64 loop / engine", "float64 loop", "engine", ">=", 4.0),
        ("float64 loop, trimmed / engine", "float64 loop, trimmed", "engine", "", 0.0),
        ("engine / engine, 2 threads", "engine", "engine, 2 threads", ">=", 1.8),
        (f"{best} / engine, 2 threads", best, "engine, 2 threads", ">=", 2.5),
        ("measuring accuracies, per update", "engine, measuring", "engine", "", 0.0),
        ("measuring accuracies, 2 threads", "engine, 2 threads, measuring", "engine, 2 threads", "", 0.0),
    )
    print(f"\n{'ratio':<42}{'figure':>8}{'spread':>16}{'goal':>9}  reached")
    reached = [_row(times, *row) for row in rows if row[1] in times and row[2] in times]
    return all(reached)


def _row(times: dict[str, list[float]], label: str, above: str, below: str, sense: str, goal: float) -> bool:
    ratios = sorted(a / b for a, b in zip(times[above], times[below], strict=True))
    figure = statistics.median(ratios)
    low, high = ratios[len(ratios) // 4], ratios[-1 - len(ratios) // 4]
    done = figure <= goal if sense == "<=" else figure >= goal
    verdict = ("yes" if done else "NO") if sense else ""
    shown = f"{sense} {goal:g}" if sense else ""
    print(f"{label:<42}{figure:>8.2f}{f'{low:.2f} to {high:.2f}':>16}{shown:>9}  {verdict}")
    return done


def main() -> int:
    """Measure and report; the exit status is 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description="Measure the engine against its goals.")
    parser.add_argument("--rounds", type=int, default=7, help="turns of each contestant")
    parser.add_argument("--seconds", type=float, default=1.0, help="length of a turn")
    parser.add_argument("--only", help="some contestants, separated by semicolons")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work(options.worker)
        return 0
    torch = importlib.util.find_spec("torch") is not None
    names = options.only.split(";") if options.only else list(CONTESTANTS)
    names = [name for name in names if torch or not name.startswith("PyTorch")]
    if hasattr(os, "getloadavg"):
        print(f"{os.cpu_count()} cores, load before: {os.getloadavg()[0]:.2f}\n")
    return 0 if report(measure(names, options.rounds, options.seconds)) else 1


if __name__ == "__main__":
    sys.exit(main())
