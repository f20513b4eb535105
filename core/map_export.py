"""A map of settings as data: one row per cell, and arrays by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from core.cells import NEVER
from core.experiments.stability_parameters import MINIMUM
from core.map_axes import STARTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from core.experiments.stability import StabilityFrame

_COORDINATES = dict(zip(STARTS, ("x", "y"), strict=True))


def map_columns(frame: StabilityFrame) -> tuple[str, ...]:
    """Return the columns of a map's table: the axes by their names, then what became of the cell."""
    axes = (_COORDINATES.get(axis.name, axis.name) for axis in frame.axes)
    found = ("minimum", "steps") if frame.measured == MINIMUM else ("steps", "final_loss")
    return (*axes, *found, "diverged")


def map_rows(frame: StabilityFrame) -> Iterator[list[Any]]:
    """Yield a row per cell, across first: None where it did not reach a minimum, or did not diverge."""
    x, y = (axis.values.tolist() for axis in frame.axes)
    labelled = frame.measured == MINIMUM
    steps, diverged = frame.reached.tolist(), frame.diverged.tolist()
    third = frame.label.tolist() if labelled else frame.value.tolist()
    for row, up in enumerate(y):
        for column, across in enumerate(x):
            taken, lost_at = _step(steps[row][column]), _step(diverged[row][column])
            value = third[row][column]
            found = [value or None, taken] if labelled else [taken, value]
            yield [across, up, *found, lost_at]


def minimum_rows(frame: StabilityFrame) -> Iterator[list[Any]]:
    """Yield number, place and value of each minimum."""
    places = zip(frame.minima.points.tolist(), frame.minima.values.tolist(), strict=True)
    for number, ((x, y), value) in enumerate(places, 1):
        yield [number, x, y, value]


def map_arrays(frame: StabilityFrame) -> dict[str, Any]:
    """Return the arrays of a map `(up, across)`: -1 where a step did not come, 0 where no minimum was reached."""
    steps, diverged = (np.where(found < NEVER, found, -1) for found in (frame.reached, frame.diverged))
    found = {
        "axes": np.array([axis.name for axis in frame.axes]),
        "x": frame.axes[0].values,
        "y": frame.axes[1].values,
        "steps": steps,
        "diverged": diverged,
        "final_loss": frame.value,
        "path": frame.path.points[0],
    }
    if frame.measured == MINIMUM:
        found |= {"minimum": frame.label, "minima": frame.minima.points}
    return found


def _step(found: int) -> int | None:
    return found if found < NEVER else None
