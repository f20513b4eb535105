"""Paths of optimizers on a surface of two variables: where each lane goes from one start.

All lanes start at the same point and see the exact gradient; nothing is random.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.experiments.protocol import Experiment
from core.history import Record
from core.lanes import Axis, Lane, lanes_of, optimizer_of
from core.optimizers import SCRATCH
from core.own_surface import surface_of
from core.rates import Ahead, Rates

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from core.parameters import Configuration
    from core.surfaces import Surface

Array = NDArray[Any]

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class PathsFrame:
    """The paths so far: rows 0 (the start) to `position`.

    `points` is `(lanes, position + 1, 2)`, `loss` `(lanes, position + 1)`; both are NaN from the step at which a lane
    diverged, which `diverged` gives (None for the others). `excess` is the loss above the surface's lowest value, or
    the loss where there is none. `outside` `(lanes, position + 1)` is true where a point is out of the surface's view.

    What moved the points: row n of `gradients` `(lanes, position + 1, 2)` is the gradient of update n, taken at point
    n - 1; row 0 is NaN, and so are those after the update at which a lane diverged. `states` has for each lane the
    arrays of its optimizer's state by name, `(position + 1, 2)` or, where both coordinates share a number,
    `(position + 1, 1)`: row n is that after update n, row 0 that before the first. `hyperparameters` are each lane's.
    `rates` `(lanes, position)` are the learning rates of the steps so far, `ahead` those of all; both are None where
    no lane has a schedule.
    """

    surface: Surface
    lanes: tuple[Lane, ...]
    position: int
    total: int
    points: Array
    loss: Array
    excess: Array
    outside: Array
    diverged: tuple[int | None, ...]
    gradients: Array
    states: tuple[Mapping[str, Array], ...]
    hyperparameters: tuple[Mapping[str, float], ...]
    rates: Array | None = None
    ahead: Ahead | None = None


class Paths(Experiment):
    """Every lane's optimizer on one point, in float64."""

    eager = True

    def __init__(self, configuration: Configuration) -> None:
        """Place every lane at the start."""
        lanes = lanes_of(configuration.values, Axis.OPTIMIZER)
        super().__init__(configuration, lanes, configuration["iterations"])
        self.surface = surface_of(configuration.values)
        self._rules = [optimizer_of((lane,), configuration.values) for lane in lanes]
        self._hyperparameters = tuple(MappingProxyType(dict(rule.values)) for rule in self._rules)
        self._diverged: list[int | None] = [None] * len(lanes)
        self._lay_out(np.array(configuration["start"], float))
        self._record = Record(len(self._now), self.total + 1, np.float64)
        rates = Rates(lanes)
        self._rates, self._ahead = rates.update(configuration, self.total), rates.ahead(configuration, self.total)
        self._put()

    def _lay_out(self, start: Array) -> None:
        """Let points, gradients and states lie in one flat array, so that one copy records a step."""
        count = len(self.lanes)
        self._states = [rule.init(start[None].copy()) for rule in self._rules]
        kept = [{k: v for k, v in state.items() if _is_kept(k, v)} for state in self._states]
        self._places = _places(kept, 4 * count)
        self._now = np.concatenate(
            [np.tile(start, count), np.full(2 * count, np.nan), *(v.ravel() for own in kept for v in own.values())]
        )
        self._params, self._gradient = self._now[: 4 * count].reshape(2, count, 2)
        self._rows = [(self._params[i : i + 1], self._gradient[i : i + 1]) for i in range(count)]
        for state, places in zip(self._states, self._places, strict=True):
            state.update({key: self._now[place].reshape(state[key].shape) for key, place in places.items()})

    def _put(self) -> None:
        self._record.data[:, self.position] = self._now

    def advance(self, updates: int) -> None:
        """Move every lane that is still finite, `updates` times."""
        with np.errstate(all="ignore"):
            for _ in range(min(updates, self.total - self.position)):
                if self.abandoned:
                    return
                self._step()

    def _step(self) -> None:
        x, y = self._params[:, 0], self._params[:, 1]
        self._gradient[:, 0], self._gradient[:, 1] = self.surface.gradient(x, y)
        for lane, rule in enumerate(self._rules):
            if self._diverged[lane] is None:
                if self._rates is not None:
                    rule.values["lr"] = float(self._rates[lane, self.position])
                rule.update(*self._rows[lane], self._states[lane])
        self.position += 1
        self._mark(np.isfinite(self._params).all(axis=1) & np.isfinite(self.surface.value(x, y)))
        self._put()

    def _mark(self, finite: Array) -> None:
        for lane in np.flatnonzero(~finite):
            self._params[lane] = np.nan
            if self._diverged[lane] is None:
                self._diverged[lane] = self.position
                for place in self._places[lane].values():
                    self._now[place] = np.nan
            else:
                self._gradient[lane] = np.nan

    def snapshot(self) -> PathsFrame:
        """Return the paths so far."""
        length = self.position + 1
        rows = self._record.view(length)
        points, gradients = rows[: 4 * len(self.lanes)].reshape(2, len(self.lanes), 2, length).swapaxes(2, 3)
        x, y = points[..., 0], points[..., 1]
        with np.errstate(all="ignore"):
            loss = self.surface.value(x, y) + np.zeros(())
        surface = _with_floor_below(self.surface, loss)
        x_low, x_high, y_low, y_high = surface.view
        outside = ~((x >= x_low) & (x <= x_high) & (y >= y_low) & (y <= y_high))
        excess = loss - surface.floor if np.isfinite(surface.floor) else loss
        for array in (loss, excess, outside):
            array.flags.writeable = False
        return PathsFrame(
            surface=surface,
            lanes=self.lanes,
            position=self.position,
            total=self.total,
            points=points,
            loss=loss,
            excess=excess,
            outside=outside,
            diverged=tuple(self._diverged),
            gradients=gradients,
            states=tuple(MappingProxyType({k: rows[place].T for k, place in own.items()}) for own in self._places),
            hyperparameters=self._hyperparameters,
            rates=None if self._rates is None else self._rates[:, : self.position],
            ahead=self._ahead,
        )


def _is_kept(key: str, value: Any) -> bool:
    return isinstance(value, np.ndarray) and key not in SCRATCH


def _places(states: Sequence[Mapping[str, Array]], start: int) -> list[dict[str, slice]]:
    """Return where each array of each lane's state lies, one after the other."""
    found: list[dict[str, slice]] = [{} for _ in states]
    for places, state in zip(found, states, strict=True):
        for key, value in state.items():
            places[key] = slice(start, start + value.size)
            start += value.size
    return found


def _with_floor_below(surface: Surface, loss: Array) -> Surface:
    """Return the surface, without a floor where a path went below it: outside of the domain, nobody knows how deep."""
    rounding = _ROUNDING * max(1.0, abs(surface.floor))
    return replace(surface, floor=-np.inf) if (loss < surface.floor - rounding).any() else surface
