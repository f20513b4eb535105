"""How fast maps of settings are: 256×256 cells × 200 steps, against plain vectorised NumPy and a loop over cells.

`quadratic`: six optimizers on the chapter's valley, learning rate against momentum or anisotropy; `basins`: momentum
from every start, on a banana, four minima and 121 pits of sines. One core. A time is that of a row of 256 cells; a
goal is that of the whole map, in seconds, and the loop's ratio says what it would take for all of them.

    python tests/benchmarks/maps.py [--rounds 5] [--seconds 0.6] [--only quadratic;basins]
"""

from __future__ import annotations

import argparse
import os
import sys
from functools import partial
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
if __name__ == "__main__":  # before NumPy is imported; a worker finds what its parent set
    for _library in ("OPENBLAS", "MKL", "OMP", "BLIS"):
        os.environ.setdefault(f"{_library}_NUM_THREADS", "1")
    sys.path.insert(0, str(_ROOT))

from map_contestants import MAKERS, RULES, SIDE  # noqa: E402 - the environment comes first
from report import Goal, Ratio, Times, print_goals, print_ratios, print_times  # noqa: E402
from turns import Contestant, measure, work  # noqa: E402

SECONDS = 1.0  # that a map may take
GROUPS = {"quadratic": tuple(RULES), "basins": ("rosenbrock", "himmelblau", "ackley")}


def _contestants(names: tuple[str, ...]) -> dict[str, Contestant]:
    """Return the contestants of some maps; a piece of the loop is a row, of the others all of them."""
    return {
        f"{name}: {kind}": Contestant(partial(make, name), 1 if kind == "loop over cells" else SIDE)
        for name in names
        for kind, make in MAKERS.items()
    }


ALL = {group: _contestants(names) for group, names in GROUPS.items()}


def main() -> int:
    """Measure and report; the exit status is 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description="Measure maps of settings against their goal.")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each contestant")
    parser.add_argument("--seconds", type=float, default=0.6, help="length of a turn")
    parser.add_argument("--patience", type=int, default=20, help="how often a disturbed turn is made at most")
    parser.add_argument("--only", default=";".join(GROUPS), help=f"some of {', '.join(GROUPS)}, separated by ;")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work({name: found for group in ALL.values() for name, found in group.items()}[options.worker])
        return 0
    asked = [part.strip() for part in options.only.split(";") if part.strip()]
    if unknown := set(asked) - set(GROUPS):
        parser.error(f"--only: no group: {', '.join(sorted(unknown))}")
    if hasattr(os, "getloadavg"):
        print(f"{os.cpu_count()} cores, load before: {os.getloadavg()[0]:.2f}\n")
    reached = [_report(group, options) for group in asked]
    return 0 if all(reached) else 1


def _report(group: str, options: argparse.Namespace) -> bool:
    """Measure a group, map after map; return whether its goals were reached."""
    times: Times = {}
    for name in GROUPS[group]:
        times |= measure(_contestants((name,)), options.rounds, options.seconds, options.patience)
    print_times(times, "row")
    goals = [
        (Goal(f"{name}: seconds per map", "<=", SECONDS), [SIDE * t for t in times[f"{name}: program"]])
        for name in GROUPS[group]
    ]
    reached = print_goals(goals)
    ratios = tuple(
        Ratio(f"{name}: {kind} / program", (f"{name}: {kind}",), f"{name}: program")
        for name in GROUPS[group]
        for kind in list(MAKERS)[1:]
    )
    print_ratios(times, ratios)
    print(flush=True)
    return reached


if __name__ == "__main__":
    sys.exit(main())
