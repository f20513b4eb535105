"""The plane of a search: which hyperparameters its axes are, how their values lie on them, and regions as ranges."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from core.trials import searchable
from gui.plots import linear_ticks
from gui.standings import is_log, range_of, rounded_outward, setting_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from core.experiments.search import SearchFrame
    from core.parameters import Configuration
    from gui.plots import Plot
    from gui.scatter import Region
    from gui.standings import Former, Standing

    Array = NDArray[Any]

_MARGINS = 0.04, 0.08  # along x and y: the marks at the ends of a range are whole
_FEWEST_TICKS = 3
_ACCURACY = "validation accuracy"


@dataclass(frozen=True, slots=True)
class Plane:
    """Two axes: the first two searched names, or the only one and the accuracy. Log axes are in decades."""

    names: tuple[str, ...] = ()
    log: tuple[bool, bool] = (False, False)
    ranges: tuple[tuple[float, float], ...] = ()

    def prepare(self, plot: Plot) -> None:
        """Give a plot these axes, with the searched ranges and a little room."""
        known = searchable()
        labels = [*(known[name].label for name in self.names), _ACCURACY]
        plot.setLogMode(x=self.log[0], y=self.log[1])
        plot.disableAutoRange()  # setLogMode enabled it
        parts = zip(self.ranges, self.log, _MARGINS, strict=True)
        views = [_widened(scaled(np.array(ends), log), margin) for ends, log, margin in parts]
        plot.setRange(xRange=views[0], yRange=views[1], padding=0)
        for side, label, ends, log in zip(("bottom", "left"), labels, views, self.log, strict=False):
            plot.getAxis(side).set_text(label)
            plot.getAxis(side).setTicks(narrow_ticks(*ends) if log else None)

    def places(self, standing: Standing) -> tuple[Array, Array]:
        """Return where the trials are; without an accuracy at the bottom."""
        settings = standing.frame.settings
        y = settings[:, 1] if len(self.names) > 1 else np.nan_to_num(standing.validation)
        return scaled(settings[:, 0], self.log[0]), scaled(y, self.log[1])

    def former_places(self, former: Former) -> tuple[Array, Array]:
        """Return where the trials of an earlier search were, none if it searched for something else."""
        values = [former.values(name) for name in self.names]
        if len(values) == 1:
            values.append(former.validation)
        if any(value is None for value in values):
            return np.empty(0), np.empty(0)
        x, y = (scaled(np.asarray(value), log) for value, log in zip(values, self.log, strict=True))
        there = np.isfinite(x) & np.isfinite(y)
        return x[there], y[there]

    def searched(self, region: Region) -> dict[str, tuple[float, float]]:
        """Return a region as ranges to search, by short names: rounded outward, within what is allowed."""
        found = {}
        for name, (low, high), log in zip(self.names, (region[:2], region[2:]), self.log, strict=False):
            ends = (10.0**low, 10.0**high) if log else (low, high)
            found[name] = rounded_outward(ends[0], ends[1], searchable()[name])
        return found


def plane_of(frame: SearchFrame, configuration: Configuration) -> Plane:
    """Return the plane of a search."""
    names = frame.names[:2]
    ranges = [range_of(configuration, name) for name in names]
    logs = [is_log(name, ends) for name, ends in zip(names, ranges, strict=True)]
    if len(names) == 1:
        ranges, logs = [*ranges, (0.0, 1.0)], [*logs, False]
    return Plane(names, (logs[0], logs[1]), tuple(ranges))


def narrow_ticks(low: float, high: float) -> list[list[tuple[float, str]]] | None:
    """Return ticks, as pyqtgraph takes them, of a range in decades that holds too few whole ones; else None."""
    if math.floor(high) - math.ceil(low) >= 1:
        return None
    powers = range(math.floor(low), math.ceil(high))
    values = [m * 10.0**k for k in powers for m in (1, 2, 5) if low <= k + math.log10(m) <= high]
    if len(values) < _FEWEST_TICKS:
        values = [value for value, _ in linear_ticks(10.0**low, 10.0**high, 1.5 * _FEWEST_TICKS)]
    return [[(math.log10(value), setting_text(value, 3)) for value in values]]


def scaled(values: Array, log: bool) -> Array:
    """Return values as an axis has them, in decades on a log axis."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log10(values) if log else np.asarray(values, float)


def _widened(ends: Array, margin: float) -> tuple[float, float]:
    room = margin * (ends[1] - ends[0])
    return float(ends[0] - room), float(ends[1] + room)
