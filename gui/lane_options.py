"""Which lanes a configuration offers, and how each is declared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.lanes import Axis, lanes_of
from core.optimizers import OPTIMIZERS
from gui.lanes import LaneOption

if TYPE_CHECKING:
    from core.parameters import Configuration, Parameter


def declared(configuration: Configuration, key: str) -> Parameter:
    """Return the declaration of a key; StopIteration where there is none."""
    return next(parameter for parameter in configuration.parameters if parameter.key == key)


def lane_options(configuration: Configuration, axis: Axis) -> list[LaneOption]:
    """Return the lanes that the list offers: all choices, and those that are on besides."""
    if axis is Axis.ACTIVATION:
        return []
    names = [*declared(configuration, "lanes").choices]
    names += [name for name in configuration["lanes"] if name not in names]
    values = {**configuration.values, "lanes": tuple(names)}
    options = []
    for lane in lanes_of(values, axis):
        own = tuple(p for p in configuration.parameters if axis is Axis.OPTIMIZER and p.key.startswith(f"{lane.name}."))
        doc = OPTIMIZERS[lane.optimizer].formula if axis is Axis.OPTIMIZER else f"initial weights {lane.label}"
        options.append(LaneOption(lane.name, lane.label, lane.colour, lane.marker, own, doc))
    return options
