"""A run without a window: to the end, with progress, then its results as files."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from core.export import write_csv, write_json, write_npz
from core.files import STEPS
from core.presets import PRESETS, build
from core.step_table import write_steps
from core.watching import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from core.datasets import Dataset
    from core.experiments.protocol import Experiment
    from core.parameters import Configuration
    from core.writing import Writing

_REPORT_SECONDS = 0.2


def run_to_end(
    configuration: Configuration,
    dataset: Dataset | None,
    report: Callable[[int, int, float | None], None],
    cancelled: Callable[[], bool] = lambda: False,
) -> Any:
    """Run an experiment on all cores and return its last frame.

    `report(position, total, seconds_left)` is called about five times a second and at the end; where `cancelled()` is
    true then, the run ends, and the frame has what was computed until there. An experiment that needs no images takes
    None as its dataset.
    """

    def images() -> Dataset:
        assert dataset is not None, "the experiment needs images"
        return dataset

    experiment = build(configuration, images)
    if PRESETS[configuration.preset].looks_inside:
        experiment.watch(Watch(insight=experiment.lanes[-1].name))
    try:
        _run(experiment, report, cancelled)
        return experiment.snapshot()
    finally:
        experiment.close()


def _run(
    experiment: Experiment, report: Callable[[int, int, float | None], None], cancelled: Callable[[], bool]
) -> None:
    started, chunk = time.perf_counter(), 1
    while experiment.position < experiment.total and not (experiment.stopped or cancelled()):
        begun = time.perf_counter()
        experiment.advance(chunk)
        now = time.perf_counter()
        chunk = max(1, min(2 * chunk, int(chunk * _REPORT_SECONDS / max(now - begun, 1e-6))))
        left = (now - started) / experiment.position * (experiment.total - experiment.position)
        report(experiment.position, experiment.total, left)
    report(experiment.position, experiment.total, None)


def write(
    frame: Any,
    configuration: Configuration,
    dataset: Dataset | None,
    folder: Path,
    formats: Sequence[str],
    name: str = "",
    writing: Writing | None = None,
) -> list[Path]:
    """Write the frame as csv, json or npz files, paths also as a table of steps; raises ExportError.

    Returns the paths. They have the given name, or else the preset's. Another thread can follow the `writing` and
    give it up, which raises GivenUpError.
    """
    name = name or configuration.preset
    written: list[Path] = []
    for kind in formats:
        if kind == "csv":
            written += write_csv(frame, folder, name, writing)
        elif kind == STEPS:
            written += write_steps(frame, folder, name, writing)
        elif kind == "json":
            written.append(write_json(frame, configuration, dataset, folder, name, writing))
        else:
            written.append(write_npz(frame, folder, name, writing))
    return written
