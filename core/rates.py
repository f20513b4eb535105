"""Learning rates of lanes under their schedules: for the update at hand, and of all updates for those who look on."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.history import Record
from core.lanes import shared_value
from core.schedules import CONSTANT, Plan, plan_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from core.lanes import Lane
    from core.parameters import Configuration

Array = NDArray[Any]

_AHEAD = 1024  # places at which the rates to come are told


def plan_of_lane(lane: Lane, values: Mapping[str, Any]) -> Plan:
    """Return the schedule of a lane's learning rate under these values."""
    return plan_of(lane.value(f"{lane.optimizer}.schedule", values) or CONSTANT, values)


class ScheduledRate:
    """The learning rate of lanes with one optimizer, update by update."""

    def __init__(self, lanes: Sequence[Lane], values: Mapping[str, Any]) -> None:
        """Take the lanes' learning rates and schedules from the values."""
        self._base = shared_value(lanes, f"{lanes[0].optimizer}.lr", values)
        self._plans = [plan_of_lane(lane, values) for lane in lanes]
        self._alike = len(set(self._plans)) == 1

    @property
    def constant(self) -> bool:
        """Whether no lane's rate ever changes by itself."""
        return all(plan.key == CONSTANT for plan in self._plans)

    def at(self, t: int) -> float | Array:
        """Return the rate after t updates: a number where all lanes have the same, else an array `(lanes, 1)`."""
        if self._alike:
            return self._base * self._plans[0].factor(t)
        return self._base * np.array([[plan.factor(t)] for plan in self._plans])


@dataclass(frozen=True, slots=True)
class Ahead:
    """The rates that a run is going to have under the values in force.

    `rates` `(lanes, n)` are those of the updates `at` `(n,)`, the first and the last of the run among them;
    `scheduled` tells of each lane whether it has or had a schedule.
    """

    at: Array
    rates: Array
    scheduled: tuple[bool, ...]


class Rates:
    """Follows the learning rates of a run that grows and can be rewound; computes only what is new.

    Rates follow from the configuration alone, so nothing of them is ever saved.
    """

    def __init__(self, lanes: Sequence[Lane]) -> None:
        """Start with nothing."""
        self._lanes = lanes
        self._told: tuple[Any, ...] = ()
        self._record, self._length = self._empty(), 0
        self._plan: tuple[tuple[Any, ...], Ahead | None] = ((), None)
        self._has: tuple[Configuration | None, tuple[bool, ...]] = (None, ())

    def update(self, configuration: Configuration, length: int) -> Array | None:
        """Return the rates `(lanes, length)` of the first updates, None where no lane has a schedule."""
        if not any(self._scheduled(configuration)):
            return None
        told = configuration.changes
        if told != self._told or length < self._length:
            self._told = told
            self._record, self._length = self._empty(), 0  # frames keep the old one
        if length > self._length:
            self._record.reserve(length)
            self._record.data[:, self._length : length] = rates(self._lanes, configuration, self._length, length)
            self._length = length
        return self._record.view(length)

    def ahead(self, configuration: Configuration, total: int) -> Ahead | None:
        """Return the rates to come of a run of `total` updates, None where no lane has a schedule."""
        scheduled = self._scheduled(configuration)
        if not any(scheduled):
            return None
        wanted = (configuration.changes, total)
        if self._plan[0] != wanted or self._plan[1] is None:
            at = np.unique(np.linspace(1, total, min(total, _AHEAD)).astype(np.intp))
            values = configuration.current()
            found = np.stack([_lane_rates(lane, values, at - 1) for lane in self._lanes])
            for array in (at, found):
                array.flags.writeable = False
            self._plan = wanted, Ahead(at, found, scheduled)
        return self._plan[1]

    def _empty(self) -> Record:
        return Record(len(self._lanes), dtype=np.float64)

    def _scheduled(self, configuration: Configuration) -> tuple[bool, ...]:
        """Tell of each lane whether it has a schedule at any moment; asked for every frame, found once."""
        if self._has[0] is not configuration:
            moments = list(configuration.moments())
            found = tuple(any(plan_of_lane(lane, v).key != CONSTANT for v in moments) for lane in self._lanes)
            self._has = configuration, found
        return self._has[1]


def rates(lanes: Sequence[Lane], configuration: Configuration, start: int, end: int) -> Array:
    """Return the learning rates `(lanes, end - start)` of updates `start + 1` to `end`, mid-run changes included."""
    found = np.empty((len(lanes), end - start))
    for first, last, values in _stretches(configuration, start, end):
        for row, lane in enumerate(lanes):
            base = lane.value(f"{lane.optimizer}.lr", values)
            found[row, first - start : last - start] = base * plan_of_lane(lane, values).factors(first, last)
    return found


def _lane_rates(lane: Lane, values: Mapping[str, Any], t: NDArray[np.intp]) -> Array:
    found: Array = lane.value(f"{lane.optimizer}.lr", values) * plan_of_lane(lane, values).curve(t.astype(np.float64))
    return found


def _stretches(configuration: Configuration, start: int, end: int) -> Iterator[tuple[int, int, Mapping[str, Any]]]:
    """Yield the updates from one change to the next with the values in force there."""
    within = {change.iteration for change in configuration.changes if start < change.iteration < end}
    places = [start, *sorted(within), end]
    for first, last in pairwise(places):
        yield first, last, configuration.at(first)
