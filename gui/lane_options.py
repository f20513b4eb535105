"""Which lanes a configuration offers, and how each is declared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.lanes import BATCHNORM_KINDS, Axis, lanes_of
from core.optimizers import OPTIMIZERS
from core.schedules import SCHEDULES
from gui.lanes import LaneOption

if TYPE_CHECKING:
    from core.lanes import Lane
    from core.parameters import Configuration, Parameter


def declared(configuration: Configuration, key: str) -> Parameter:
    """Return the declaration of a key; StopIteration where there is none."""
    return next(parameter for parameter in configuration.parameters if parameter.key == key)


# Examples of names for the lanes that a user can add.
OWN_NAMES = {Axis.INITIAL_WEIGHTS: "normal-0.05", Axis.REGULARIZATION: "l2-0.01"}
_MOST_LISTED = 12


def lane_options(configuration: Configuration, axis: Axis, more: tuple[str, ...] = ()) -> list[LaneOption]:
    """Return the lanes that the list offers: all choices, those that are on, and `more`; none where they are many.

    Optimizers are all listed, however many there are.
    """
    if axis in (Axis.ACTIVATION, Axis.TRIAL, Axis.CELL):
        return []
    lanes = declared(configuration, "lanes")
    names = [] if axis is Axis.BATCHNORM else [*lanes.choices]
    offered = (*(lanes.default if axis is Axis.REGULARIZATION else ()), *configuration["lanes"], *more)
    names += [name for name in dict.fromkeys(offered) if name not in names]
    if axis is Axis.BATCHNORM and len(names) < len(BATCHNORM_KINDS):
        names = []  # both, one of which may be off
    found = lanes_of({**configuration.values, "lanes": tuple(names)}, axis)
    listed = axis is Axis.OPTIMIZER or len(found) <= _MOST_LISTED
    return [_option(lane, configuration, axis) for lane in found] if listed else []


def _option(lane: Lane, configuration: Configuration, axis: Axis) -> LaneOption:
    own = tuple(p for p in configuration.parameters if axis is Axis.OPTIMIZER and p.key.startswith(f"{lane.name}."))
    rule = f"{lane.label}\n{OPTIMIZERS[lane.optimizer].formula}"  # a long name may not fit beside its box
    doc = rule if axis is Axis.OPTIMIZER else f"{axis.value}: {lane.label}"
    doc = SCHEDULES[lane.name].formula if axis is Axis.SCHEDULE else doc
    return LaneOption(lane.name, lane.label, lane.colour, lane.marker, own, doc)
