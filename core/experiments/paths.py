"""Paths of optimizers on a surface of two variables: where each lane goes from one start.

All lanes start at the same point and see the exact gradient; nothing is random.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.experiments.protocol import Experiment
from core.history import Record
from core.lanes import Axis, Lane, lanes_of, optimizer_of
from core.surfaces import Surface, surface

if TYPE_CHECKING:
    from core.parameters import Configuration

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class PathsFrame:
    """The paths so far: rows 0 (the start) to `position`.

    `points` is `(lanes, position + 1, 2)`, `loss` `(lanes, position + 1)`; both are NaN from the step at which a lane
    diverged, which `diverged` gives (None for the others). `excess` is the loss above the surface's lowest value, or
    the loss where there is none. `outside` `(lanes, position + 1)` is true where a point is out of the surface's view.
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


class Paths(Experiment):
    """Every lane's optimizer on one point, in float64."""

    eager = True

    def __init__(self, configuration: Configuration) -> None:
        """Place every lane at the start."""
        lanes = lanes_of(configuration.values, Axis.OPTIMIZER)
        super().__init__(configuration, lanes, configuration["iterations"])
        self.surface = surface(configuration["surface"], configuration["anisotropy"])
        self._params = np.tile(np.array(configuration["start"], float), (len(lanes), 1))
        self._rows = [self._params[i : i + 1] for i in range(len(lanes))]
        self._rules = [optimizer_of((lane,), configuration.values) for lane in lanes]
        self._states = [rule.init(row) for rule, row in zip(self._rules, self._rows, strict=True)]
        self._diverged: list[int | None] = [None] * len(lanes)
        self._record = Record(2 * len(lanes), self.total + 1, np.float64)
        self._put()

    def _put(self) -> None:
        self._record.data[:, self.position] = self._params.ravel()

    def advance(self, updates: int) -> None:
        """Move every lane that is still finite, `updates` times."""
        with np.errstate(all="ignore"):
            for _ in range(min(updates, self.total - self.position)):
                self._step()

    def _step(self) -> None:
        x, y = self._params[:, 0], self._params[:, 1]
        gradient = np.stack(np.broadcast_arrays(*self.surface.gradient(x, y)), axis=1)
        for lane, rule in enumerate(self._rules):
            if self._diverged[lane] is None:
                rule.update(self._rows[lane], gradient[lane : lane + 1], self._states[lane])
        self.position += 1
        self._mark(np.isfinite(self._params).all(axis=1) & np.isfinite(self.surface.value(x, y)))
        self._put()

    def _mark(self, finite: Array) -> None:
        for lane in np.flatnonzero(~finite):
            self._params[lane] = np.nan
            if self._diverged[lane] is None:
                self._diverged[lane] = self.position

    def snapshot(self) -> PathsFrame:
        """Return the paths so far."""
        length = self.position + 1
        points = self._record.view(length).reshape(len(self.lanes), 2, length).swapaxes(1, 2)
        x, y = points[..., 0], points[..., 1]
        with np.errstate(all="ignore"):
            loss = self.surface.value(x, y) + np.zeros(())
        x_low, x_high, y_low, y_high = self.surface.view
        outside = ~((x >= x_low) & (x <= x_high) & (y >= y_low) & (y <= y_high))
        excess = loss - self.surface.floor if np.isfinite(self.surface.floor) else loss
        for array in (points, loss, excess, outside):
            array.flags.writeable = False
        return PathsFrame(
            self.surface, self.lanes, self.position, self.total, points, loss, excess, outside, tuple(self._diverged)
        )
