"""How long data sets take to load, and whether training on 60,000 images is as fast as on the sample.

The full MNIST is replaced by a set of its size, made of the sample's digits, moved and with noise, which packs to about
as many bytes. Loading includes the SHA-256 of all four files; the first time is that of a new process, which has NumPy
already. The race is that of `engine.py`, on all cores, with accuracies measured as by default; a time is that of one
update of all six networks, and in each round both data sets take a turn.

    python tests/benchmarks/loading.py [--rounds 7] [--seconds 2] [--quick]
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import os
import struct
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

_ROOT = Path(__file__).resolve().parents[2]
if __name__ == "__main__":  # before NumPy is imported; a worker finds what its parent set
    for _library in ("OPENBLAS", "MKL", "OMP", "BLIS"):
        os.environ.setdefault(f"{_library}_NUM_THREADS", "1")
    os.environ.setdefault("VECLIB_MAXIMUM_THREADS", "1")
    sys.path.insert(0, str(_ROOT))

import numpy as np  # noqa: E402 - the environment comes first
from contestants import RACE  # noqa: E402
from report import Goal, Ratio, print_goals, print_times  # noqa: E402
from turns import Contestant, measure, work  # noqa: E402

from core import download  # noqa: E402
from core.datasets import Dataset, load  # noqa: E402
from core.overview import survey  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from core.experiments.protocol import Experiment

_PARTS = (("train", 60_000), ("t10k", 10_000))
_EPOCH = {"sample": 31, "full": 468}  # updates: a piece measures accuracies once
LOADED = Ratio("full / sample, iterations per second", ("sample",), "full", ">=", 0.95)


def main() -> int:
    """Measure and report; the exit status is 1 where a goal is missed."""
    options = _options()
    if options.worker:
        use_stand_ins()
        work(CONTESTANTS[options.worker])
        return 0
    if options.first:
        use_stand_ins()
        print(_seconds(lambda: load(options.first)))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        os.environ[download.CACHE_VARIABLE] = folder
        make_stand_ins(download.cache_folder())
        use_stand_ins()
        return 0 if _report(options) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure loading, and training on the full set.")
    parser.add_argument("--rounds", type=int, default=7, help="turns of each contestant")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a turn")
    parser.add_argument("--patience", type=int, default=40, help="how often a disturbed turn is made at most")
    parser.add_argument("--quick", action="store_true", help="three short rounds")
    parser.add_argument("--worker", choices=CONTESTANTS, help=argparse.SUPPRESS)
    parser.add_argument("--first", choices=_EPOCH, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds, options.patience = 3, 1.0, 3
    return options


def _report(options: argparse.Namespace) -> bool:
    folder, rounds = download.cache_folder(), range(options.rounds)
    goals = [
        (Goal("sample, first in a process, seconds"), [_first("sample") for _ in rounds]),
        (Goal("full, first in a process, seconds", "<=", 1.0), [_first("full") for _ in rounds]),
        (Goal("full, again, seconds", "<=", 1.0), [_seconds(lambda: load("full")) for _ in rounds]),
        (Goal("of it SHA-256, seconds"), [_seconds(lambda: download.have_full(folder)) for _ in rounds]),
        (Goal("packing it for training, seconds"), list(_packing(options.rounds))),
        (Goal("surveying it / loading it, times", "<=", 1.0), list(_surveying(options.rounds))),
    ]
    times = measure(CONTESTANTS, options.rounds, options.seconds, options.patience)
    print_times(times, "update")
    found = LOADED.of(times)
    return print_goals([*goals, *([found] if found else [])])


def _seconds(act: Callable[[], object]) -> float:
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


def _first(source: str) -> float:
    """Return how long loading takes in a new process."""
    command = [sys.executable, __file__, "--first", source]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _packing(times: int) -> Iterator[float]:
    for _ in range(times):
        yield _seconds(load("full").packed)


def _surveying(times: int) -> Iterator[float]:
    """Yield how long the data page's overview takes, beside loading what it is of."""
    for _ in range(times):
        loading = _seconds(lambda: load("full"))
        dataset = load("full")
        yield _seconds(partial(survey, dataset)) / loading


class Race:
    """Six optimizers on a data set, on all cores; when the run ends, it starts again."""

    def __init__(self, source: str) -> None:
        self._dataset, self._piece = load(source), _EPOCH[source]
        self._run = self._new()

    def _new(self) -> Experiment:
        from core.presets import build, preset

        return build(preset("optimizer-mnist").read({"iterations": str(RACE)}), lambda: self._dataset)

    def __call__(self, pieces: int) -> None:
        updates = pieces * self._piece
        while updates:
            if self._run.position == self._run.total:
                self._run.close()
                self._run = self._new()
            done = self._run.position
            self._run.advance(updates)
            updates -= self._run.position - done


CONTESTANTS = {
    "sample": Contestant(lambda: Race("sample"), _EPOCH["sample"]),
    "full": Contestant(lambda: Race("full"), _EPOCH["full"]),
}


# Stand-ins for the four files


def use_stand_ins() -> None:
    """Have the files of the cache be taken for the full MNIST, with the hashes they have."""
    download.FILES = tuple(_described(download.cache_folder() / file.name) for file in download.FILES)


def _described(path: Path) -> download.RemoteFile:
    """Take the hash from beside the file, so that a new process has not read it before."""
    stored = path.with_suffix(".sha256")
    if not stored.exists():
        stored.write_text(hashlib.sha256(path.read_bytes()).hexdigest())
    return download.RemoteFile(path.name, path.stat().st_size, stored.read_text())


def make_stand_ins(folder: Path) -> None:
    """Write four files of the sizes of MNIST's."""
    folder.mkdir(parents=True)
    sample, draws = load("sample"), np.random.default_rng(0)
    for part, count in _PARTS:
        chosen = draws.integers(0, len(sample.train_labels), count)
        images = _varied(sample, chosen, draws)
        head = struct.pack(">4I", 0x803, count, *sample.shape)
        _write(folder / f"{part}-images-idx3-ubyte.gz", head + images.tobytes())
        labels = sample.train_labels[chosen].astype(np.uint8)
        _write(folder / f"{part}-labels-idx1-ubyte.gz", struct.pack(">2I", 0x801, count) + labels.tobytes())


def _varied(sample: Dataset, chosen: np.ndarray, draws: np.random.Generator) -> np.ndarray:
    """Return images of these places, each moved by up to a pixel either way, its grey values by up to 15."""
    images = sample.train_images[chosen].reshape(-1, *sample.shape)
    moves = draws.integers(-1, 2, (len(images), 2))
    for move in np.ndindex(3, 3):
        rows = (moves == np.subtract(move, 1)).all(axis=1)
        images[rows] = np.roll(images[rows], np.subtract(move, 1), (1, 2))
    noise = draws.integers(0, 16, images.shape, dtype=np.uint8)
    return np.where((images > 0) & (images < 250), images ^ noise, images)


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(gzip.compress(content, mtime=0))


if __name__ == "__main__":
    sys.exit(main())
