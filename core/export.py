"""Results as files: tidy CSV, JSON with everything needed to reproduce a run, NPZ with the arrays.

A file is written whole or not at all: into a temporary neighbour first, which then takes its name.
"""

from __future__ import annotations

import csv
import json
import os
import platform
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from core import __version__
from core.experiments.paths import PathsFrame
from core.experiments.propagation import LaneStatistics, PropagationFrame
from core.experiments.training import TrainingFrame

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from core.datasets import Dataset
    from core.parameters import Configuration

Frame = PathsFrame | TrainingFrame | PropagationFrame
Row = list[Any]

FORMATS = ("csv", "json", "npz")


class ExportError(OSError):
    """A file that could not be written; the message says which and why, in one line."""


@dataclass(frozen=True, slots=True)
class Table:
    """A CSV file: what its name has behind the preset's, its columns, its rows."""

    suffix: str
    columns: tuple[str, ...]
    rows: Iterable[Row]


@contextmanager
def whole_file(path: Path, mode: str = "wb", **options: Any) -> Iterator[IO[Any]]:
    """Open a file that appears under `path` when the block ends well, and not at all otherwise; raises ExportError."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise ExportError(f"{path}: cannot be written: {error.strerror or error}") from error
    try:
        with os.fdopen(handle, mode, **options) as file:
            yield file
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, path)
    except OSError as error:
        raise ExportError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        Path(name).unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_csv(frame: Frame, folder: Path, name: str) -> list[Path]:
    """Write the frame's tables to `folder` and return their paths; a value that was not measured is an empty cell."""
    written = []
    for table in tables(frame):
        path = folder / f"{name}{table.suffix}.csv"
        with whole_file(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(table.columns)
            writer.writerows([_cell(value) for value in row] for row in table.rows)
        written.append(path)
    return written


def write_json(frame: Frame, configuration: Configuration, dataset: Dataset | None, folder: Path, name: str) -> Path:
    """Write the whole configuration, its seed, what the data were, versions and which lanes diverged."""
    content = {
        "program": {"name": "Trainscope", "version": __version__},
        "versions": {"python": platform.python_version(), "numpy": np.__version__},
        "configuration": configuration.to_dict(),
        "seed": configuration.get("seed"),
        "data": dataset.identity() if dataset else None,
        "lanes": [{"name": lane.name, "label": lane.label, "diverged": d} for lane, d in _outcomes(frame)],
    }
    path = folder / f"{name}.json"
    with whole_file(path, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=2, ensure_ascii=False)
        file.write("\n")
    return path


def write_npz(frame: Frame, folder: Path, name: str) -> Path:
    """Write the frame's arrays under the names of its fields, and the lanes' names as `lanes`."""
    path = folder / f"{name}.npz"
    with whole_file(path) as file:
        np.savez_compressed(file, **arrays(frame))
    return path


def tables(frame: Frame) -> tuple[Table, ...]:
    """Return the tidy tables of a frame: one row per observation."""
    make: dict[type, Callable[[Any], tuple[Table, ...]]] = {
        PathsFrame: _path_tables,
        TrainingFrame: _training_tables,
        PropagationFrame: lambda found: statistics_tables(found.statistics),
    }
    return make[type(frame)](frame)


def _path_tables(frame: PathsFrame) -> tuple[Table, ...]:
    rows = (
        [lane.name, step, *frame.points[i, step], frame.loss[i, step]]
        for i, lane in enumerate(frame.lanes)
        for step in range(frame.position + 1)
    )
    return (Table("", ("lane", "step", "x", "y", "loss"), rows),)


def _training_tables(frame: TrainingFrame) -> tuple[Table, ...]:
    columns = ("lane", "iteration", "epoch", "loss", "smoothed_loss", "train_accuracy", "test_accuracy")
    rows = (row for i in range(len(frame.lanes)) for row in _training_rows(frame, i))
    return (Table("", columns, rows),)


def _training_rows(frame: TrainingFrame, i: int) -> Iterator[Row]:
    columns = {int(at): column for column, at in enumerate(frame.measured_at)}
    for iteration in range(frame.iteration + 1):
        losses = [frame.loss[i, iteration - 1], frame.smoothed[i, iteration - 1]] if iteration else [None, None]
        column = columns.get(iteration)
        found = (frame.train_accuracy, frame.test_accuracy)
        accuracies = [None, None] if column is None else [accuracy[i, column] for accuracy in found]
        yield [frame.lanes[i].name, iteration, iteration // frame.per_epoch, *losses, *accuracies]


def statistics_tables(statistics: Iterable[LaneStatistics]) -> tuple[Table, ...]:
    """Return the histograms of activations and the table of their layers."""
    measured = [(found.lane.name, layer) for found in statistics for layer in found.activations]
    bins = (
        [name, layer.layer, left, right, count]
        for name, layer in measured
        for left, right, count in zip(layer.edges[:-1], layer.edges[1:], layer.counts, strict=True)
    )
    kept = ("mean", "std", "zero_share", "saturated_share", "below", "above")
    layers = ([name, layer.layer, *(getattr(layer, key) for key in kept)] for name, layer in measured)
    return (
        Table("", ("lane", "layer", "bin_left", "bin_right", "count"), bins),
        Table("-layers", ("lane", "layer", *kept), layers),
    )


def _cell(value: Any) -> str:
    """Write a number in the fewest digits that read back the same; nothing for what is not finite or not there."""
    if value is None or (isinstance(value, float | np.floating) and not np.isfinite(value)):
        return ""
    return str(value)


def select_lanes(frame: Frame, rows: list[int]) -> Frame:
    """Return the frame with only some of its lanes."""
    if len(rows) == len(frame.lanes):
        return frame
    per_lane = {name: getattr(frame, name) for name in frame.__slots__ if name not in ("measured_at", "changes")}
    kept: dict[str, Any] = {}
    for name, value in per_lane.items():
        if isinstance(value, np.ndarray):
            kept[name] = value[rows]
        elif isinstance(value, tuple) and len(value) == len(frame.lanes):
            kept[name] = tuple(value[row] for row in rows)
    return replace(frame, **kept)


def arrays(frame: Frame) -> dict[str, Any]:
    """Return the frame's arrays by name."""
    if isinstance(frame, PropagationFrame):
        return _statistics_arrays(frame.statistics)
    found = {name: getattr(frame, name) for name in frame.__slots__}
    kept = {name: value for name, value in found.items() if isinstance(value, np.ndarray)}
    return {"lanes": np.array([lane.name for lane in frame.lanes]), **kept}


def _statistics_arrays(statistics: tuple[LaneStatistics, ...]) -> dict[str, Any]:
    result: dict[str, Any] = {"lanes": np.array([found.lane.name for found in statistics])}
    for kind in ("activations", "gradients"):
        for key in ("counts", "edges", "mean", "std", "zero_share", "saturated_share", "below", "above"):
            layers = [[getattr(layer, key) for layer in getattr(found, kind)] for found in statistics]
            result[f"{kind}_{key}"] = np.array(layers)
    return result


def _outcomes(frame: Frame) -> Iterable[tuple[Any, int | None]]:
    diverged = (None,) * len(frame.lanes) if isinstance(frame, PropagationFrame) else frame.diverged
    return zip(frame.lanes, diverged, strict=True)
