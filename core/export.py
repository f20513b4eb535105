"""Results as files: tidy CSV, JSON with everything needed to reproduce a run, NPZ with the arrays, scripts."""

from __future__ import annotations

import csv
import json
import math
import platform
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from core import __version__
from core.experiments.propagation import LaneStatistics, PropagationFrame
from core.experiments.search import SearchFrame
from core.experiments.stability import StabilityFrame
from core.experiments.training_frame import TrainingFrame
from core.files import FORMATS, ExportError, whole_file
from core.map_export import map_arrays
from core.tables import Frame, Table, flow_tables, tables
from core.writing import Writing

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from core.datasets import Dataset
    from core.insight import Insight
    from core.parameters import Configuration
    from core.scripts import Script


def write_csv(frame: Frame, folder: Path, name: str, writing: Writing | None = None) -> list[Path]:
    """Write the frame's tables to `folder` and return their paths; a value that was not measured is an empty cell."""
    return write_tables(tables(frame), folder, name, writing)


def write_tables(found: Iterable[Table], folder: Path, name: str, writing: Writing | None = None) -> list[Path]:
    """Write tables as files, all or none, and return their paths.

    A value that is not there or not finite is an empty cell. Raises ExportError, and GivenUpError of the `writing`.
    """
    found, writing = tuple(found), writing or Writing()
    writing.total = sum(table.count for table in found)
    paths = [folder / f"{name}{table.suffix}.csv" for table in found]
    with ExitStack() as files:
        for path, table in zip(paths, found, strict=True):
            file = files.enter_context(whole_file(path, "w", newline="", encoding="utf-8"))
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(table.columns)
            writer.writerows([_cell(value) for value in row] for row in writing.counted(table.rows))
            file.flush()
    return paths


def write_json(
    frame: Frame,
    configuration: Configuration,
    dataset: Dataset | None,
    folder: Path,
    name: str,
    writing: Writing | None = None,
) -> Path:
    """Write the whole configuration, its seed, what the data were, versions and which lanes diverged."""
    content = {
        "program": {"name": "Trainscope", "version": __version__},
        "versions": {"python": platform.python_version(), "numpy": np.__version__},
        "configuration": configuration.to_dict(),
        "seed": configuration.get("seed"),
        "data": dataset.identity() if dataset else None,
        **({"measured_every_epochs": frame.measured_every} if isinstance(frame, TrainingFrame) else {}),
        "lanes": list(_outcomes(frame)),
    }
    path = folder / f"{name}.json"
    with whole_file(path, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=2, ensure_ascii=False)
        file.write("\n")
        (writing or Writing()).go_on()
    return path


def write_npz(frame: Frame, folder: Path, name: str, writing: Writing | None = None) -> Path:
    """Write the frame's arrays under the names of its fields, and the lanes' names as `lanes`."""
    path = folder / f"{name}.npz"
    with whole_file(path) as file:
        np.savez_compressed((writing or Writing()).watched(file), **arrays(frame))
    return path


def write_script(script: Script, folder: Path, writing: Writing | None = None) -> list[Path]:
    """Write a script and the data that it needs beside it, both or none."""
    paths = [folder / script.file_name]
    with ExitStack() as files:
        file = files.enter_context(whole_file(paths[0], "w", newline="\n", encoding="utf-8"))
        file.write(script.text)
        file.flush()
        if script.data:
            paths.insert(0, folder / script.data_name)
            packed = files.enter_context(whole_file(paths[0]))
            np.savez_compressed((writing or Writing()).watched(packed), **script.data)
    return paths


def _cell(value: Any) -> str:
    """Write a number in the fewest digits that read back the same; nothing for what is not finite or not there."""
    if value is None or (isinstance(value, (float, np.floating)) and not math.isfinite(value)):
        return ""
    return str(value)


# Arrays of a frame without a row for each lane.
_SHARED = ("at", "measured_at", "changes", "ranking", "names", "futures")


def select_lanes(frame: Frame, rows: list[int]) -> Frame:
    """Return the frame with only some of its lanes."""
    if len(rows) == len(frame.lanes) or isinstance(frame, SearchFrame):
        return frame
    kept = _selected(frame, rows, len(frame.lanes))
    if isinstance(frame, TrainingFrame):
        kept["futures"] = tuple(replace(one, **_selected(one, rows, len(frame.lanes))) for one in frame.futures)
        kept["ahead"] = frame.ahead and replace(frame.ahead, **_selected(frame.ahead, rows, len(frame.lanes)))
    if isinstance(frame, TrainingFrame) and frame.flow is not None:
        kept["flow"] = replace(frame.flow, **_selected(frame.flow, rows, len(frame.lanes)))
    if isinstance(frame, TrainingFrame) and frame.spread is not None:
        labels = {frame.lanes[row].label for row in rows}
        pairs = tuple(pair for pair in frame.spread.alike if labels.issuperset(pair))
        kept["spread"] = replace(frame.spread, **{**_selected(frame.spread, rows, len(frame.lanes)), "alike": pairs})
    return replace(frame, **kept)


def _selected(found: Any, rows: list[int], lanes: int) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name in found.__slots__:
        value = getattr(found, name)
        if name in _SHARED or name in ("seeds", "alike", "probes", "shape", "sizes"):
            continue
        if isinstance(value, np.ndarray):
            kept[name] = value[rows]
        elif isinstance(value, tuple) and len(value) == lanes:
            kept[name] = tuple(value[row] for row in rows)
    return kept


def arrays(frame: Frame) -> dict[str, Any]:
    """Return the frame's arrays by name."""
    if isinstance(frame, PropagationFrame):
        return _statistics_arrays(frame.statistics)
    if isinstance(frame, StabilityFrame):
        return map_arrays(frame)
    kept = _arrays_in(frame)
    if isinstance(frame, SearchFrame):
        kept["searched"] = np.array(frame.names)
    if isinstance(frame, TrainingFrame) and frame.flow is not None:
        kept |= {f"flow_{name}": value for name, value in _arrays_in(frame.flow).items()}
    if isinstance(frame, TrainingFrame) and frame.spread is not None:
        kept |= {f"spread_{name}": value for name, value in _arrays_in(frame.spread).items()}
        kept["seeds"] = np.array(frame.spread.seeds)
    if isinstance(frame, TrainingFrame | SearchFrame) and frame.insight is not None:
        kept |= _insight_arrays(frame.insight)
    return {"lanes": np.array([lane.name for lane in frame.lanes]), **kept}


def _insight_arrays(found: Insight) -> dict[str, Any]:
    """Return one network's weights by layer, (inputs, units), and what it makes of the test images and a drawn one."""
    kept = {f"weights_{number}": values for number, values in enumerate(found.weights, 1)}
    wrong = found.results.mistakes
    kept |= {f"mistakes_{name}": getattr(wrong, name) for name in wrong.__slots__}
    kept |= {"inside_lane": np.array(found.lane.name), "confusion": found.results.confusion}
    if found.answers is not None:
        kept |= {"image": found.answers.image, "answers": found.answers.probabilities}
        kept |= {f"activations_{number}": values for number, values in enumerate(found.answers.activations, 1)}
    return kept


def _arrays_in(found: Any) -> dict[str, Any]:
    values = {name: getattr(found, name) for name in found.__slots__}
    return {name: value for name, value in values.items() if isinstance(value, np.ndarray)}


def _statistics_arrays(statistics: tuple[LaneStatistics, ...]) -> dict[str, Any]:
    result: dict[str, Any] = {"lanes": np.array([found.lane.name for found in statistics])}
    for kind in ("activations", "gradients"):
        for key in ("counts", "edges", "mean", "std", "zero_share", "saturated_share", "below", "above"):
            layers = [[getattr(layer, key) for layer in getattr(found, kind)] for found in statistics]
            result[f"{kind}_{key}"] = np.array(layers)
    return result


def _outcomes(frame: Frame) -> Iterable[dict[str, Any]]:
    """Say of every lane which it is and after which update it ended early, if it did."""
    nothing = (None,) * len(frame.lanes)
    diverged = nothing if isinstance(frame, PropagationFrame) else frame.diverged
    if isinstance(frame, StabilityFrame):
        diverged = frame.path.diverged
    stopped = frame.stopped if isinstance(frame, SearchFrame) else None
    for row, lane in enumerate(frame.lanes):
        early = {} if stopped is None else {"stopped": stopped[row]}
        yield {"name": lane.name, "label": lane.label, "diverged": diverged[row], **early}


__all__ = [
    "FORMATS",
    "ExportError",
    "arrays",
    "flow_tables",
    "select_lanes",
    "tables",
    "whole_file",
    "write_csv",
    "write_json",
    "write_npz",
    "write_script",
    "write_tables",
]
