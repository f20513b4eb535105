"""Maps of settings: what becomes of one optimizer at each of many hyperparameters or starts, all cells step by step.

The axes are any two of its hyperparameters, the anisotropy or the coordinates of the start; the cell at the present
setting is also followed as a path. Frames can be looked at as of any earlier step: when a cell came to a minimum or
diverged is kept as its step, and f as it was after each step, or every few where that would take too much memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.cells import BLOCK, NEVER, CellBlock
from core.experiments.declared import paths_parameters
from core.experiments.paths import Paths, PathsFrame
from core.experiments.protocol import Experiment
from core.experiments.stability_parameters import LOSS, MINIMUM
from core.halves import halves
from core.lanes import Axis, Lane, lanes_of
from core.local_minima import Minima, local_minima
from core.map_axes import ANISOTROPY, SIDES, STARTS, MapAxis, axis_of, full_key
from core.optimizers import OPTIMIZERS
from core.own_surface import surface_of
from core.parameters import Configuration
from core.schedules import CONSTANT, plan_of
from core.stability_bounds import Limit, limit_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.surfaces import Surface

Array = NDArray[Any]

_KEPT_BYTES = 32 << 20
_AT_ONCE = 0.08  # seconds that f and its gradient may take in a map that is computed before it is shown


@dataclass(frozen=True, slots=True)
class StabilityFrame:
    """The map after `position` steps; arrays are `(cells up, cells across)`, the first row being the lowest.

    `reached` is the step from which on f is within the tolerance of the minimum, up to `position`; `diverged` the one
    at which a cell was lost, NEVER (32767) in both where that is not so. `value` is f, `floor` what it is to reach,
    `highest` how far above that a start is at most. Where minima are told apart, `measured` is "minimum" and `label`
    the number of the one reached, from 1, else 0; else it is "loss", and `kept` has f above the floor after steps 0,
    `every`, 2·`every`, … in two bytes each. `path` is the run with the present setting.
    """

    lanes: tuple[Lane, ...]
    position: int
    total: int
    surface: Surface
    measured: str
    floor: float
    highest: float
    tolerance: float
    axes: tuple[MapAxis, MapAxis]
    reached: Array
    diverged: Array
    value: Array
    label: Array
    kept: Array
    every: int
    minima: Minima
    limit: Limit
    path: PathsFrame


def same_map(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Tell whether two configurations' values have the same map, whatever is marked on it and how it is coloured."""
    return _determining(before) == _determining(after)


def _determining(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a map depends on: all but the present setting along its axes."""
    optimizer, names = values["optimizer"], [values[side] for side in SIDES]
    found = {key: value for key, value in values.items() if not _of_another(key, optimizer)}
    found["measure"] = values["measure"] == MINIMUM
    found["start"] = tuple(None if n in names else at for n, at in zip(STARTS, values["start"], strict=True))
    for name in names:
        if name not in STARTS:
            del found[full_key(name, optimizer)]
    return found


def _of_another(key: str, optimizer: str) -> bool:
    owner, dot, _ = key.partition(".")
    return bool(dot) and owner in OPTIMIZERS and owner != optimizer


def path_configuration(values: Mapping[str, Any]) -> Configuration:
    """Return the run of the present setting as a configuration of paths with one lane."""
    parameters = paths_parameters()
    found = {p.key: values[p.key] for p in parameters if p.key in values}
    return Configuration("optimizer-paths", "paths", parameters, {**found, "lanes": (values["optimizer"],)})


class Stability(Experiment):
    """All cells of a map, in blocks that fit the cache; a map of usual size is computed at once."""

    def __init__(self, configuration: Configuration) -> None:
        """Place every cell at its start; raises ParameterError for axes that do not fit the optimizer."""
        values = configuration.values
        super().__init__(configuration, lanes_of(values, Axis.CELL), configuration["iterations"])
        self.surface = surface_of(values)
        self.axes = axis_of("x", values), axis_of("y", values)
        self.minima = local_minima(self.surface)
        self._labelled = values["measure"] == MINIMUM
        schedule = values[f"{values['optimizer']}.schedule"]
        self._plan = None if schedule == CONSTANT else plan_of(schedule, values)
        cells = values["resolution"] ** 2
        self._record = _empty_record(cells)
        self._blocks = [self._block(slice(at, min(at + BLOCK, cells))) for at in range(0, cells, BLOCK)]
        self._every = max(1, -(-2 * (self.total + 1) * cells // _KEPT_BYTES))
        self._kept = np.empty((0 if self._labelled else self.total // self._every + 1, cells), np.uint16)
        self._keep()
        self._highest = self._highest_start()
        step = len(self._blocks) * min(self._blocks[0].seconds() for _ in range(3))
        self.eager = self.total * step < _AT_ONCE
        self._path: Paths | None = None
        self._shown: tuple[int, dict[str, Array]] = (-1, {})  # the last frame's arrays, as long as they hold

    def _block(self, place: slice) -> CellBlock:
        values = self.configuration.values
        side, rule = values["resolution"], OPTIMIZERS[values["optimizer"]]
        rows, columns = np.divmod(np.arange(place.start, place.stop), side)
        own = {self.axes[0].name: self.axes[0].values[columns], self.axes[1].name: self.axes[1].values[rows]}
        start = np.empty((2, len(rows)))
        for axis, name in enumerate(STARTS):
            start[axis] = own.get(name, values["start"][axis])
        hyper = {p.key: own.get(p.key, values[f"{rule.key}.{p.key}"]) for p in rule.hyperparameters}
        target = self._floor(), self.minima if self._labelled else None, values["tolerance"]
        return CellBlock(place, self.surface, own.get(ANISOTROPY), rule(**hyper), start, target, self._record)

    def _floor(self) -> float:
        """Return the value to reach: the surface's lowest, or that of its lowest minimum within the view."""
        if np.isfinite(self.surface.floor) or not len(self.minima):
            return self.surface.floor
        return float(self.minima.values[0])

    def advance(self, updates: int) -> None:
        """Make up to `updates` further steps of every cell."""
        with np.errstate(all="ignore"):
            for _ in range(min(updates, self.total - self.position)):
                factor = 1.0 if self._plan is None else self._plan.factor(self.position)
                for block in self._blocks:
                    if self.abandoned:
                        return
                    block.step(self.position + 1, factor)
                self.position += 1
                if self.position % self._every == 0:
                    self._keep()

    def _keep(self) -> None:
        """Record f of every cell, where minima are not told apart."""
        if self._labelled:
            return
        for block in self._blocks:
            block.flush()
        with np.errstate(all="ignore"):
            self._kept[self.position // self._every] = halves(self._record["value"] - self._least())

    def _least(self) -> float:
        """Return what kept values are above: the floor, or 0 where there is none."""
        floor = self._floor()
        return floor if np.isfinite(floor) else 0.0

    def _highest_start(self) -> float:
        """Return the largest f above the floor that a cell begins with; 0 where none is finite."""
        for block in self._blocks:
            block.flush()
        start = self._record["value"] - self._least()
        return float(start[np.isfinite(start)].max(initial=0.0))

    def change(self, key: str, value: Any) -> None:
        """Go over to another present setting or colour; the map stays."""
        self.configuration = self.configuration.replace({key: value})
        self._path = None

    def snapshot(self) -> StabilityFrame:
        """Return the map so far, and the path of the present setting."""
        if self._shown[0] != self.position:
            self._shown = (self.position, self._arrays())
        return StabilityFrame(
            lanes=self.lanes,
            position=self.position,
            total=self.total,
            surface=self.surface,
            measured=MINIMUM if self._labelled else LOSS,
            floor=self._floor(),
            highest=self._highest,
            tolerance=self.configuration["tolerance"],
            axes=self.axes,
            every=self._every,
            minima=self.minima,
            limit=limit_of(self.axes, self.configuration.values, self.surface),
            path=self._present(),
            **self._shown[1],
        )

    def _arrays(self) -> dict[str, Array]:
        """Return the frame's arrays; what the next steps write are others, or other parts."""
        for block in self._blocks:
            block.flush()
        side = self.configuration["resolution"]
        found: dict[str, Array] = {name: array.reshape(side, side).copy() for name, array in self._record.items()}
        found["kept"] = self._kept[: self.position // self._every + 1].reshape(-1, side, side)
        for array in found.values():
            array.flags.writeable = False
        return found

    def _present(self) -> PathsFrame:
        """Return the path of the present setting up to here."""
        if self._path is None:
            self._path = Paths(path_configuration(self.configuration.values))
        self._path.advance(self.position - self._path.position)
        return self._path.snapshot()


def _empty_record(cells: int) -> dict[str, Array]:
    return {
        "reached": np.full(cells, NEVER, np.int16),
        "diverged": np.full(cells, NEVER, np.int16),
        "value": np.full(cells, np.nan),
        "label": np.zeros(cells, np.uint8),
    }
