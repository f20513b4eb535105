"""How fast the engine is, against the bare matrix products, PyTorch and plain NumPy, on four tasks.

`race`: six optimizers on networks 784-100-100-100-100-10, mini-batches of 128 digits of the bundled sample; a time is
that of one update of all six. `search`: 100 random trials; `grid`: 32 networks with and without BatchNorm;
`evaluation`: what measuring accuracies adds to two networks on 300 images; a time is that of one update of one network,
and measuring accuracies is part of it. Every figure is the median of the ratios within one round, in which all
contestants of a task take a turn. `halving` counts what stopping trials early saves. PyTorch is optional.

    python tests/benchmarks/engine.py [--rounds 7] [--seconds 1] [--only GROUP;NAME]
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
if __name__ == "__main__":  # before NumPy is imported; a worker finds what its parent set
    for _library in ("OPENBLAS", "MKL", "OMP", "BLIS"):
        os.environ.setdefault(f"{_library}_NUM_THREADS", "1")
    os.environ.setdefault("VECLIB_MAXIMUM_THREADS", "1")
    sys.path.insert(0, str(_ROOT))

import textbook  # noqa: E402 - the environment comes first
from contestants import RACE, Bare, Engine, Plain, Torch  # noqa: E402
from halving import report_halving  # noqa: E402
from one_by_one import PlainOneByOne, TorchOneByOne, grid_task, search_task  # noqa: E402
from report import Ratio, print_ratios, print_times  # noqa: E402
from turns import Contestant, measure, work  # noqa: E402

_PLAIN = textbook.plain_gradients, textbook.plain_scores
_TRIMMED = textbook.trimmed_gradients, textbook.trimmed_scores


def _race(threads: int, evaluate: int) -> Engine:
    """A piece is an epoch where accuracies are measured."""
    texts = {"evaluate": str(evaluate), "iterations": str(RACE)}
    return Engine("optimizer-mnist", threads, 31 if evaluate else 1, **texts)


GROUPS: dict[str, dict[str, Contestant]] = {
    "race": {
        "engine": Contestant(lambda: _race(1, 0)),
        "engine, measuring": Contestant(lambda: _race(1, 1), 31),
        "engine, 2 threads": Contestant(lambda: _race(2, 0)),
        "engine, 2 threads, measuring": Contestant(lambda: _race(2, 1), 31),
        "bare products": Contestant(lambda: Bare(used_only=False)),
        "bare products, used pixels": Contestant(lambda: Bare(used_only=True)),
        "PyTorch": Contestant(lambda: Torch(1)),
        "PyTorch, 2 threads": Contestant(lambda: Torch(2), library_threads=2),
        "float64 loop": Contestant(lambda: Plain(textbook.plain_gradients)),
        "float64 loop, trimmed": Contestant(lambda: Plain(textbook.trimmed_gradients)),
    },
    # A piece of the engine is an epoch of all its networks; of the others of one trial, in the grid of all networks.
    "search": {
        "search: engine, 2 threads": Contestant(lambda: Engine("random-search", 2, 4, trials="100"), 4 * 100),
        "search: PyTorch": Contestant(lambda: TorchOneByOne(search_task(), 1), 4),
        "search: PyTorch, 2 threads": Contestant(lambda: TorchOneByOne(search_task(), 2), 4, 2),
        "search: float64 loop": Contestant(lambda: PlainOneByOne(search_task(), *_PLAIN), 4),
        "search: float64 loop, 2 threads": Contestant(lambda: PlainOneByOne(search_task(), *_PLAIN), 4, 2),
        "search: float64 loop, trimmed": Contestant(lambda: PlainOneByOne(search_task(), *_TRIMMED), 4),
    },
    "grid": {
        "grid: engine, 2 threads": Contestant(lambda: Engine("batchnorm-grid", 2, 10), 10 * 32),
        "grid: PyTorch": Contestant(lambda: TorchOneByOne(grid_task(), 1), 10 * 32),
        "grid: PyTorch, 2 threads": Contestant(lambda: TorchOneByOne(grid_task(), 2), 10 * 32, 2),
        "grid: float64 loop": Contestant(lambda: PlainOneByOne(grid_task(), *_PLAIN), 10 * 32),
        "grid: float64 loop, 2 threads": Contestant(lambda: PlainOneByOne(grid_task(), *_PLAIN), 10 * 32, 2),
    },
    "evaluation": {
        "evaluation: none": Contestant(lambda: Engine("weight-decay", 2, 3, evaluate="0"), 3 * 2),
        "evaluation: every epoch": Contestant(lambda: Engine("weight-decay", 2, 3, evaluate="1"), 3 * 2),
    },
}
CONTESTANTS = {name: found for group in GROUPS.values() for name, found in group.items()}
HALVING = "halving"


def _both(name: str) -> tuple[str, str]:
    return name, f"{name}, 2 threads"


RATIOS = {
    "race": (
        Ratio("engine / bare products", ("engine",), "bare products", "<=", 1.25),
        Ratio("engine / bare products of used pixels", ("engine",), "bare products, used pixels"),
        # The goal is for one BLAS thread each, as the design measured it; the row below lets PyTorch have both cores.
        Ratio("PyTorch / engine, one thread each", ("PyTorch",), "engine", ">=", 1.5),
        Ratio("PyTorch, 2 threads / engine", ("PyTorch, 2 threads",), "engine"),
        Ratio("float64 loop / engine", ("float64 loop",), "engine", ">=", 4.0),
        Ratio("float64 loop, trimmed / engine", ("float64 loop, trimmed",), "engine"),
        Ratio("engine / engine, 2 threads", ("engine",), "engine, 2 threads", ">=", 1.8),
        Ratio("{} / engine, 2 threads", _both("PyTorch"), "engine, 2 threads", ">=", 2.5),
        Ratio("measuring accuracies, per update", ("engine, measuring",), "engine"),
        Ratio("measuring accuracies, 2 threads", ("engine, 2 threads, measuring",), "engine, 2 threads"),
    ),
    **{
        group: (
            # One BLAS thread each, as the design measured them, then whichever thread count suits them.
            Ratio("PyTorch, one thread / engine", (f"{group}: PyTorch",), f"{group}: engine, 2 threads", ">=", 2.5),
            Ratio(
                "float64, one thread / engine", (f"{group}: float64 loop",), f"{group}: engine, 2 threads", ">=", 7.0
            ),
            Ratio("{} / engine, 2 threads", _both(f"{group}: PyTorch"), f"{group}: engine, 2 threads", ">=", 2.5),
            Ratio("{} / engine, 2 threads", _both(f"{group}: float64 loop"), f"{group}: engine, 2 threads", ">=", 7.0),
            Ratio("{} / engine, 2 threads", (f"{group}: float64 loop, trimmed",), f"{group}: engine, 2 threads"),
        )
        for group in ("search", "grid")
    },
    "evaluation": (
        # At most twice the time: measuring takes no longer than training.
        Ratio("training and measuring / training", ("evaluation: every epoch",), "evaluation: none", "<=", 2.0),
    ),
}


def main() -> int:
    """Measure and report; the exit status is 1 where a goal is missed."""
    options = _options()
    if options.worker:
        work(CONTESTANTS[options.worker])
        return 0
    if hasattr(os, "getloadavg"):
        print(f"{os.cpu_count()} cores, load before: {os.getloadavg()[0]:.2f}\n")
    if importlib.util.find_spec("torch") is None:
        print("PyTorch is not installed: its rows are left out\n")
    reached = [_compare(group, options) for group in GROUPS]
    if HALVING in options.only:
        reached.append(report_halving(options.seeds))
    return 0 if all(reached) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure the engine against its goals.")
    parser.add_argument("--rounds", type=int, default=7, help="turns of each contestant")
    parser.add_argument("--seconds", type=float, default=1.0, help="length of a turn")
    parser.add_argument("--patience", type=int, default=40, help="how often a disturbed turn is made at most")
    parser.add_argument("--seeds", type=int, default=5, help="searches to halve")
    everything = ";".join((*GROUPS, HALVING))
    parser.add_argument("--only", default=everything, help=f"some of {everything} or contestants, separated by ;")
    parser.add_argument("--worker", choices=CONTESTANTS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.only = {part.strip() for part in options.only.split(";") if part.strip()}
    if unknown := options.only - {*GROUPS, HALVING, *CONTESTANTS}:
        parser.error(f"--only: neither a group nor a contestant: {', '.join(sorted(unknown))}")
    return options


def _compare(group: str, options: argparse.Namespace) -> bool:
    """Measure what was asked for of a group and report it; return whether its goals were reached."""
    torch = importlib.util.find_spec("torch") is not None
    asked = {
        name: contestant
        for name, contestant in GROUPS[group].items()
        if {group, name} & options.only and (torch or "PyTorch" not in name)
    }
    if not asked:
        return True
    times = measure(asked, options.rounds, options.seconds, options.patience)
    print_times(times, "update" if group == "race" else "network-update")
    reached = print_ratios(times, RATIOS[group])
    print(flush=True)
    return reached


if __name__ == "__main__":
    sys.exit(main())
