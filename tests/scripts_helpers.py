"""Exported scripts, run as somebody would, and their numbers beside those of our own export."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from core.batch import run_to_end, write
from core.export import write_script
from core.presets import preset
from core.scripts import make_script

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from core.datasets import Dataset
    from core.parameters import Configuration
    from core.scripts.inside import Look

Rows = list[dict[str, str]]


def configured(name: str, values: Mapping[str, Any], changes: Sequence[tuple[int, str, Any]] = ()) -> Configuration:
    """Return a preset's configuration with values and mid-run changes."""
    found = preset(name).configuration(values)
    for change in changes:
        found = found.change(*change)
    return found


def rows_of(path: Path) -> Rows:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def own_rows(configuration: Configuration, dataset: Dataset | None, folder: Path) -> Rows:
    """Return the rows of our own export."""
    frame = run_to_end(configuration, dataset, lambda *_told: None)
    return rows_of(write(frame, configuration, dataset, folder, ["csv"], "own")[0])


def run_script(
    configuration: Configuration, dataset: Dataset | None, folder: Path, kind: str = "numpy", look: Look | None = None
) -> Rows:
    """Write a script, run it from another folder in a fresh process, and return the rows that it writes."""
    *_, path = write_script(make_script(configuration, dataset, kind, look=look), folder)
    numbers = folder / f"{kind}.csv"
    threads = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}
    found = subprocess.run(
        [sys.executable, "-W", "error", path, "--csv", numbers],
        capture_output=True,
        text=True,
        cwd=folder.parent,
        env={**os.environ, **threads, "MPLBACKEND": "Agg", "PYTHONPATH": "", "PYTHONIOENCODING": "utf-8"},
    )
    assert found.returncode == 0, found.stderr
    assert len(found.stdout.splitlines()) > 1
    return rows_of(numbers)


def assert_same(mine: Rows, ours: Rows, **tolerance: float) -> None:
    """Compare all cells: columns named in `tolerance` relatively, `accuracy` ones absolutely, others as texts."""
    assert len(mine) == len(ours) > 0 and list(mine[0]) == list(ours[0])
    for one, other in zip(mine, ours, strict=True):
        for key, text in other.items():
            if key not in tolerance or not text:
                assert one[key] == text, (key, one, other)
                continue
            allowed = tolerance[key] * (1.0 if "accuracy" in key or key == "count" else max(abs(float(text)), 1e-12))
            assert abs(float(one[key]) - float(text)) <= allowed, (key, one, other)
