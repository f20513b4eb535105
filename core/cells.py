"""Many settings of one optimizer at once: each cell of a block is a run of its own, by its start or hyperparameters.

Coordinates are the rows of a (2, cells) array, so that every pass runs along memory; a rule is elementwise and does
not notice. A block is as large as fits the cache, and drops cells that have diverged once they are many.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.local_minima import Arrivals
from core.surfaces import Surface, quadratic

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.local_minima import Minima
    from core.optimizers import Optimizer

Array = NDArray[Any]

BLOCK = 16_384
NEVER = int(np.iinfo(np.int16).max)  # later than any step
RUNAWAY = 100.0
"""How many times as far from the view's middle as its edges a point is when it counts as diverged."""

_WORTH_DROPPING = 0.25  # share of a block's cells that are lost


def quadratic_cells(anisotropy: Array) -> Surface:
    """Return the valley f = x²/a + y² with another a for every cell."""

    def value(x: Any, y: Any) -> Any:
        """f(x, y) = x²/a + y²."""
        return x * x / anisotropy + y * y

    def gradient(x: Any, y: Any) -> tuple[Any, Any]:
        """df/dx = 2x/a, df/dy = 2y."""
        return 2.0 * x / anisotropy, 2.0 * y

    return replace(quadratic(1.0), value=value, gradient=gradient)


class CellBlock:
    """Cells `place` of a map, which `record` has the arrays of: `reached`, `diverged`, `value`, `label`.

    `reached` (int16) is the step from which on a cell is within the tolerance of a minimum, `diverged` (int16) the one
    at which it was lost; NEVER where that is not so. `value` is f, NaN of what has diverged; `label` (uint8) the number
    of the minimum, where minima are told apart. All but `diverged` are written by `flush`.
    """

    def __init__(
        self,
        place: slice,
        shape: Surface,
        anisotropy: Array | None,
        rule: Optimizer,
        start: Array,
        target: tuple[float, Minima | None, float],
        record: Mapping[str, Array],
    ) -> None:
        """`start` is (2, cells); `target` the floor, the minima to tell apart if any, and the tolerance."""
        self._shape, self._anisotropy, self._rule = shape, anisotropy, rule
        self._floor, minima, self._tolerance = target
        self._record = {name: found[place] for name, found in record.items()}
        self._rows: Array | None = None  # which of its cells are left; None for all
        x_low, x_high, y_low, y_high = shape.view
        self._middle = np.array([[0.5 * (x_low + x_high)], [0.5 * (y_low + y_high)]])
        self._far = RUNAWAY * 0.5 * np.array([[x_high - x_low], [y_high - y_low]])
        self._set_params(start, np.empty_like(start))
        self._state = rule.init(start)
        self._since = np.full(start.shape[1], NEVER, np.int16)
        self._lost = 0  # how many of the cells that are left in the arrays
        self._rate, self._factor = rule.values["lr"], 1.0
        self._arrivals = None if minima is None else Arrivals(minima, self._tolerance, start.shape[1])
        with np.errstate(all="ignore"):
            self._judge(0)

    def _set_params(self, params: Array, gradient: Array) -> None:
        self._params, self._gradient, self._work = params, gradient, np.empty_like(params)
        if self._anisotropy is not None:
            self._shape = quadratic_cells(self._anisotropy)

    def step(self, number: int, factor: float = 1.0) -> None:
        """Make update `number` of every cell, with `factor` times its learning rate."""
        params, gradient = self._params, self._gradient
        if params.shape[1]:
            if factor != self._factor:
                self._factor, self._rule.values["lr"] = factor, self._rate * factor
            if self._shape.together is None:
                gradient[0], gradient[1] = self._shape.gradient(params[0], params[1])
            self._rule.update(params, gradient, self._state)
            self._judge(number)

    def seconds(self) -> float:
        """Return how long f and its gradient take, of which the surface decides; the rest takes about as long."""
        began = time.perf_counter()
        with np.errstate(all="ignore"):
            self._shape.gradient(self._params[0], self._params[1])
            self._shape.value(self._params[0], self._params[1])
        return time.perf_counter() - began

    def flush(self) -> None:
        """Write what the cells are like now into the map's arrays."""
        rows = slice(None) if self._rows is None else self._rows
        self._record["reached"][rows], self._record["value"][rows] = self._since, self._value
        if self._arrivals is not None:
            self._record["label"][rows] = self._arrivals.label

    def _judge(self, number: int) -> None:
        """Note which cells are at a minimum after this step, and which have diverged."""
        params, together = self._params, self._shape.together
        if together is None:
            value = self._shape.value(params[0], params[1])
        else:  # the gradient of the next step comes with it
            value, (self._gradient[0], self._gradient[1]) = together(params[0], params[1])
        self._value = np.broadcast_to(value, params.shape[1:])
        np.subtract(params, self._middle, out=self._work)
        within = np.abs(self._work, out=self._work) <= self._far
        finite = within[0]
        finite &= within[1]
        finite &= np.isfinite(self._value)
        lost = len(finite) - int(np.count_nonzero(finite))
        if lost > self._lost:  # what is lost stays so: it is not a number from then on
            self._lose(number, ~finite)
        self._note_minima(number)
        if lost > self._lost:
            self._lost = lost
            self._drop(finite)

    def _note_minima(self, number: int) -> None:
        """Note since when cells are where they are; what leaves a minimum has not reached it."""
        if self._arrivals is None:
            away = ~(self._value - self._floor <= self._tolerance)
        else:
            self._since[~self._arrivals.follow(self._params[0], self._params[1], self._value)] = NEVER
            away = self._arrivals.label == 0
        np.minimum(self._since, number, out=self._since)
        self._since[away] = NEVER

    def _lose(self, number: int, gone: Array) -> None:
        """Mark what has left the finite numbers or runs away."""
        self._value = np.where(gone, np.nan, self._value)
        self._params[:, gone] = np.nan
        lost = np.flatnonzero(gone)
        cells = lost if self._rows is None else self._rows[lost]
        self._record["diverged"][cells] = np.minimum(self._record["diverged"][cells], number)

    def _drop(self, finite: Array) -> None:
        """Go on without what is lost, once it is much."""
        if self._lost > _WORTH_DROPPING * len(finite):
            self.flush()
            self._keep(np.flatnonzero(finite))
            self._lost = 0

    def _keep(self, left: Array) -> None:
        """Go on with some of the cells."""
        count = self._params.shape[1]
        self._rows = left if self._rows is None else self._rows[left]
        self._state = {name: _part(found, left, count) for name, found in self._state.items()}
        self._rule.values = {name: _part(found, left, count) for name, found in self._rule.values.items()}
        self._rate, self._anisotropy = (_part(found, left, count) for found in (self._rate, self._anisotropy))
        self._value, self._since = self._value[left], self._since[left]
        if self._arrivals is not None:
            self._arrivals.keep(left)
        self._set_params(*(np.ascontiguousarray(found[:, left]) for found in (self._params, self._gradient)))


def _part(found: Any, left: Array, count: int) -> Any:
    """Return an array's last axis for some cells; anything else, such as a count of updates, as it is."""
    if isinstance(found, np.ndarray) and found.ndim and found.shape[-1] == count:
        return np.ascontiguousarray(found[..., left])
    return found
