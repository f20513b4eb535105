"""What a map of settings looks like after each step: a level for every cell, what the levels mean, what a cell says.

Levels 0 to 63 are an ordered scale, bright for what is soon or low; of minima, 30 shades for each of eight hues.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.cells import NEVER
from core.experiments.stability_parameters import LOSS, MINIMUM, STEPS
from core.halves import halves, kept_values

if TYPE_CHECKING:
    from core.experiments.stability import StabilityFrame
    from core.local_minima import Minima

Array = NDArray[Any]

LEVELS = 64
HUES, SHADES = 8, 30
OPEN, LOST = 254, 255
"""The levels of cells that have not reached a minimum, and of those that diverged."""

_BRIGHTEST = 50.0
_BRIGHT_SHARE = 0.08  # of a run: a minimum that is reached sooner is as bright as can be
_BELOW = 1e-6  # of the tolerance: the lowest f on the scale
_DECADES = -30.0, 30.0


@dataclass(frozen=True, slots=True)
class MapScale:
    """The ends of a logarithmic colour scale; its bright end is `low`."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Reading:
    """One cell after some step: which of its values apply is what became of it, None for the others.

    `steps` to the minimum numbered `minimum` (0: the lowest one), `diverged` the step at which it was lost, `excess`
    its f above the surface's lowest value.
    """

    steps: int | None
    diverged: int | None
    minimum: int | None
    excess: float | None


def measure_shown(frame: StabilityFrame, wanted: str) -> str:
    """Return the measure that a frame can show, while another one is being computed."""
    if frame.measured == MINIMUM:
        return MINIMUM
    return wanted if wanted in (STEPS, LOSS) else STEPS


def levels_at(frame: StabilityFrame, measure: str, cursor: int) -> Array:
    """Return the level (uint8) of every cell as of a step."""
    lost, reached = frame.diverged <= cursor, frame.reached <= cursor
    if measure == STEPS:
        levels = np.where(reached, _step_levels(frame.total)[frame.reached], np.uint8(OPEN))
    elif measure == LOSS:
        scale = scale_of(frame, LOSS)
        levels = _loss_levels(scale.low, scale.high)[_kept(frame, cursor)]
    else:
        hue = np.array([0, *hues_of(frame.minima)], np.uint8)[frame.label]
        shade = _step_levels(frame.total, SHADES, _BRIGHT_SHARE)[frame.reached]
        levels = np.where(reached, hue * np.uint8(SHADES) + shade, np.uint8(OPEN))
    found: Array = np.where(lost, np.uint8(LOST), levels)
    return found


def _kept(frame: StabilityFrame, cursor: int) -> Array:
    """Return f above the floor at a step, or at the last one before it that was kept; the end always was."""
    if cursor >= frame.position and frame.position % frame.every:
        with np.errstate(all="ignore"):
            return halves(frame.value - _least(frame))
    kept: Array = frame.kept[min(cursor, frame.position) // frame.every]
    return kept


def _least(frame: StabilityFrame) -> float:
    return frame.floor if math.isfinite(frame.floor) else 0.0


@lru_cache(maxsize=8)
def _step_levels(total: int, levels: int = LEVELS, bright: float = 0.0) -> Array:
    """Return the level of every number of steps: even steps of its logarithm, above a share of the run."""
    scale = _step_scale(total)
    scale = MapScale(max(scale.low, bright * scale.high), scale.high)
    steps = np.arange(NEVER + 1).clip(scale.low, scale.high)
    return _bright_low(np.log(steps / scale.low) / math.log(scale.high / scale.low), levels)


def _step_scale(total: int) -> MapScale:
    """Return the scale of steps, from a fiftieth of a run on: few settings need less, and most would look alike."""
    return MapScale(max(1.0, round(total / _BRIGHTEST)), float(max(total, 2)))


@lru_cache(maxsize=8)
def _loss_levels(low: float, high: float) -> Array:
    """Return the level of every kept value of f; what is not above 0 is the lowest, what is not finite the highest."""
    with np.errstate(all="ignore"):
        values = kept_values(np.arange(1 << 16)).astype(float)
        places = (np.log10(np.maximum(values, low)) - math.log10(low)) / (math.log10(high) - math.log10(low))
    return _bright_low(np.nan_to_num(places, nan=1.0, posinf=1.0))


def _bright_low(places: Array, levels: int = LEVELS) -> Array:
    found: Array = ((levels - 1) * (1.0 - places.clip(0.0, 1.0))).round().astype(np.uint8)
    return found


@lru_cache(maxsize=8)
def _loss_range(start: float, tolerance: float) -> tuple[float, float]:
    top = math.log10(start) if start > 0.0 and math.isfinite(start) else 0.0
    bottom = math.log10(tolerance * _BELOW)
    low, high = (min(max(at, _DECADES[0]), _DECADES[1]) for at in (math.floor(bottom), math.ceil(top) + 1))
    return 10.0**low, 10.0 ** max(high, low + 1)


def scale_of(frame: StabilityFrame, measure: str) -> MapScale:
    """Return the colour scale of steps or of f; it does not depend on how far the map is."""
    if measure == LOSS:
        return MapScale(*_loss_range(frame.highest, frame.tolerance))
    return _step_scale(frame.total)


@lru_cache(maxsize=8)
def hues_of(minima: Minima) -> tuple[int, ...]:
    """Return a hue for each minimum: all different, or where they are too many, other than those of its neighbours.

    The lowest minimum never shares its own.
    """
    if len(minima) <= HUES:
        return tuple(range(len(minima)))
    found = [0]
    for number in range(1, len(minima)):
        distance = np.hypot(*(minima.points[:number] - minima.points[number]).T)
        near = [found[other] for other in np.argsort(distance, kind="stable")[: HUES - 2]]
        found.append(next(hue for hue in range(1, HUES + 1) if hue % HUES and hue not in near))
    return tuple(found)


def reading_at(frame: StabilityFrame, row: int, column: int, cursor: int) -> Reading:
    """Return what became of a cell by a step."""
    diverged = int(frame.diverged[row, column])
    if diverged <= cursor:
        return Reading(None, diverged, None, None)
    steps = int(frame.reached[row, column])
    label = int(frame.label[row, column])
    excess = None
    if cursor >= frame.position:
        excess = float(frame.value[row, column]) - _least(frame)
    elif frame.measured != MINIMUM:
        excess = float(kept_values(_kept(frame, cursor)[row, column]))
    return Reading(steps if steps <= cursor else None, None, label if steps <= cursor else None, excess)


def shares_at(frame: StabilityFrame, cursor: int) -> tuple[float, float]:
    """Return the shares of cells that have reached a minimum, and that have diverged."""
    return float(np.mean(frame.reached <= cursor)), float(np.mean(frame.diverged <= cursor))


def minimum_shares(frame: StabilityFrame, cursor: int) -> list[float]:
    """Return for each minimum the share of cells that it has caught."""
    label = np.where(frame.reached <= cursor, frame.label, 0)
    counts = np.bincount(label.ravel(), minlength=len(frame.minima) + 1)
    return [float(count) / label.size for count in counts[1:]]


def fastest(frame: StabilityFrame, cursor: int) -> tuple[int, int, int] | None:
    """Return row and column of a cell with the fewest steps to a minimum, and the steps; None before there is one."""
    row, column = divmod(int(frame.reached.argmin()), frame.reached.shape[1])
    fewest = int(frame.reached[row, column])
    return (row, column, fewest) if fewest <= cursor else None
