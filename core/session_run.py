"""A saved run as plain data and arrays, and back: everything is checked against what its configuration calls for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.experiments.saved import OldFuture, SavedRun
from core.figures import SEARCH
from core.flow import EVERY, samples_by
from core.session_archive import SessionError
from core.session_checkpoints import checkpoint_arrays, plain_checkpoint, read_checkpoints, read_moments
from core.session_plain import fields, rising, whole
from core.session_rows import DOUBLE, INDEX, SINGLE, Moment, Rows, latest, network_arrays

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from core.datasets import Dataset
    from core.parameters import Configuration
    from core.session_archive import Archive

Array = NDArray[Any]

_RECORDS = {"loss": SINGLE, "train": SINGLE, "test": SINGLE, "norms": DOUBLE}
_FLOW = "flow"  # files of the first version have none
_CURVES, _ACCURACIES = ("loss", "smoothed"), ("train_accuracy", "test_accuracy")
_FUTURE = {**dict.fromkeys(_CURVES, SINGLE), "measured_at": INDEX, **dict.fromkeys(_ACCURACIES, SINGLE)}
_MOST_FUTURES = 20


def plain_run(run: SavedRun) -> dict[str, Any]:
    """Return what a run is beside its configuration and its arrays."""
    return {
        "position": run.position,
        "measured": len(run.measured),
        "stopped": [[int(row), int(at)] for row, at in sorted(run.stopped.items())],
        "checkpoints": [plain_checkpoint(found) for found in run.checkpoints],
        "futures": [
            {"start": int(found.start), "updates": found.smoothed.shape[1], "measured": len(found.measured_at)}
            for found in run.futures
        ],
    }


def run_arrays(run: SavedRun) -> dict[str, Sequence[Array]]:
    """Return a run's arrays by name, each as the parts that it has along its first axis."""
    found: dict[str, Sequence[Array]] = {name: [getattr(run, name)] for name in _RECORDS}
    found["measured"] = [np.array(run.measured, INDEX)]
    if run.flow is not None:
        found[_FLOW] = [run.flow]
    for number, future in enumerate(run.futures):
        found |= {f"future{number}.{name}": [getattr(future, name)] for name in _FUTURE}
    return found | checkpoint_arrays(run.checkpoints, Rows(run.configuration))


def read_run(where: str, plain: Any, configuration: Configuration, archive: Archive) -> SavedRun:
    """Return the run that plain data and an archive of arrays describe; raises SessionError."""
    kinds = {"position": int, "measured": int, "stopped": list, "checkpoints": list, "futures": list}
    position, measured, stopped, checkpoints, futures = fields(where, plain, **kinds)
    rows = Rows(configuration)
    whole(f"{where}.position", position, 1, latest(configuration))
    whole(f"{where}.measured", measured, 0, position + 1)
    ended = _read_stopped(f"{where}.stopped", stopped, rows, position, bool(configuration.get("halving")))
    moments = read_moments(f"{where}.checkpoints", checkpoints, rows, position)
    shapes = _future_shapes(f"{where}.futures", futures, len(rows.lanes), configuration)
    returning = max([position, *(future["start"] for future in futures)])  # where a rewound run was on its way back to
    if configuration.changes and configuration.changes[-1].iteration > returning:
        raise SessionError(f"{where}.configuration.changes", "a change after the run's end", f"up to {returning}")
    networks = network_arrays(moments, rows)
    followed = configuration.experiment != SEARCH and bool(archive.size(f"{_FLOW}.npy"))
    records_there = (*_RECORDS, "measured", *([_FLOW] if followed else []))
    archive.expect({f"{name}.npy" for name in (*records_there, *shapes, *networks)})
    records = _read_records(where, archive, len(rows), position, measured)
    _check_ends(where, records["loss"], ended, moments)
    return SavedRun(
        configuration=configuration,
        position=position,
        measured=tuple(_read_measured(where, "measured", archive, measured, position).tolist()),
        stopped=ended,
        checkpoints=read_checkpoints(where, moments, networks, rows, archive),
        futures=_read_futures(where, futures, shapes, latest(configuration), archive),
        flow=_read_flow(where, archive, rows, configuration, records["loss"]) if followed else None,
        **records,
    )


def fits(run: SavedRun, dataset: Dataset) -> bool:
    """Tell whether the networks of a run take the pixels of these images."""
    from core.task import task_of

    inputs = len(task_of(run.configuration, dataset, tested=run.configuration.experiment != SEARCH).inputs)
    rows = Rows(run.configuration)
    kinds = ((rows.kind[block.rows[0]], block.params.shape[1]) for block in run.checkpoints[-1].blocks if block.rows)
    return all(kind.fixed + kind.width * inputs == width for kind, width in kinds)


def _read_stopped(where: str, plain: list[Any], rows: Rows, position: int, allowed: bool) -> dict[int, int]:
    """Read after which update rows were stopped early: `[[row, update], ...]`."""
    if plain and not allowed:
        raise SessionError(where, "rows that were stopped early", "none but in a search that stops early")
    if not all(isinstance(pair, list) and len(pair) == 2 for pair in plain):
        raise SessionError(where, "not a list of pairs", "pairs of a row and an update")
    numbers = rising(where, [row for row, _ in plain], 0, len(rows) - 1)
    return dict(zip(numbers, (whole(where, at, 1, position) for _, at in plain), strict=True))


def _read_records(where: str, archive: Archive, rows: int, position: int, measured: int) -> dict[str, Array]:
    lengths = {"loss": position}
    found = {n: archive.array(n, dtype, (rows, lengths.get(n, measured))) for n, dtype in _RECORDS.items()}
    for name in ("train", "test"):
        _check_shares(f"{where}, {name}", found[name])
    return found


def _read_flow(where: str, archive: Archive, rows: Rows, configuration: Configuration, loss: Array) -> Array:
    """Return what flowed through the layers: norms and ratios, never below 0, none of rows that had diverged."""
    layers, samples = len(configuration["hidden"]) + 1, samples_by(loss.shape[1])
    found = archive.array(_FLOW, SINGLE, (len(rows), 2, layers, samples))
    if (found < 0).any() or np.isinf(found).any():
        raise SessionError(
            f"{where}, {_FLOW}", "norms below 0 or infinite ones", "0 or more, NaN where none was measured"
        )
    ended = np.isnan(loss[:, ::EVERY])
    if np.isfinite(found[np.broadcast_to(ended[:, None, None], found.shape)]).any():
        raise SessionError(f"{where}, {_FLOW}", "norms after the losses end", "none of rows that had diverged")
    return found


def _read_measured(where: str, name: str, archive: Archive, count: int, last: int) -> Array:
    """Return after which updates accuracies were measured."""
    found = archive.array(name, INDEX, (count,))
    if count and (found[0] < 0 or found[-1] > last or (found[1:] <= found[:-1]).any()):
        raise SessionError(f"{where}, {name}", "updates that do not rise", f"rising numbers from 0 to {last}")
    return found


def _check_shares(where: str, found: Array) -> None:
    if ((found < 0) | (found > 1)).any():
        raise SessionError(where, "accuracies outside of 0 to 1", "0 to 1, NaN where none was measured")


def _check_ends(where: str, loss: Array, stopped: Mapping[int, int], moments: Sequence[Moment]) -> None:
    """Refuse losses that come and go, and checkpoints with other rows than had losses then."""
    known = np.isfinite(loss)
    ends = np.where(known.all(axis=1), loss.shape[1], known.argmin(axis=1)).tolist()
    if (np.isnan(loss) != (np.arange(loss.shape[1]) >= np.array(ends)[:, None])).any():
        raise SessionError(f"{where}, loss", "losses that are infinite, or come back after NaN", "numbers, then NaN")
    if any(ends[row] != at for row, at in stopped.items()):
        raise SessionError(f"{where}.stopped", "another update than the last with a loss", "where the losses end")
    for moment in moments:
        at = moment.position
        going = [row for row, end in enumerate(ends) if at < end or (at == end and row not in stopped)]
        if sorted(moment.rows) != going:
            wrong = f"the checkpoint at {at} has rows that had ended, or not all others"
            raise SessionError(f"{where}.checkpoints", wrong, "all rows that had not ended")


def _future_shapes(
    where: str, plain: list[Any], lanes: int, configuration: Configuration
) -> dict[str, tuple[int, ...]]:
    """Return the names and shapes of the arrays of old futures, of which a search keeps no losses."""
    if len(plain) > _MOST_FUTURES:
        raise SessionError(where, f"{len(plain)} old futures", f"up to {_MOST_FUTURES}")
    last = latest(configuration)
    found: dict[str, tuple[int, ...]] = {}
    for number, future in enumerate(plain):
        place = f"{where}[{number}]"
        start, updates, measured = fields(place, future, start=int, updates=int, measured=int)
        whole(f"{place}.start", start, 0, last)
        whole(f"{place}.updates", updates, 0, 0 if configuration.experiment == SEARCH else last - start)
        whole(f"{place}.measured", measured, 0, last + 1)
        shapes = {"measured_at": (measured,), **dict.fromkeys(_CURVES, (lanes, updates))}
        found |= {f"future{number}.{name}": shapes.get(name, (lanes, measured)) for name in _FUTURE}
    return found


def _read_futures(
    where: str, plain: list[Any], shapes: Mapping[str, tuple[int, ...]], last: int, archive: Archive
) -> tuple[OldFuture, ...]:
    futures = []
    for number, future in enumerate(plain):
        found = {n: archive.array(f"future{number}.{n}", d, shapes[f"future{number}.{n}"]) for n, d in _FUTURE.items()}
        _read_measured(where, f"future{number}.measured_at", archive, future["measured"], last)
        for name in _ACCURACIES:
            _check_shares(f"{where}, future{number}.{name}", found[name])
        futures.append(OldFuture(start=future["start"], **found))
    return tuple(futures)
