"""Values that go together: what else changes where one value does, the same in the window and on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.lanes import Axis
from core.map_axes import mapped
from core.optimizers import OPTIMIZERS
from core.own_surface import OWN, follows
from core.parameters import ParameterError, number_text
from core.regularization import parts_of, strengths, with_strength
from core.schedules import lengths, needed
from core.surfaces import SURFACES
from core.trials import RUN_LENGTH, full_key, updates_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_ON_SURFACES = frozenset(("surface", "function", "domain.x", "domain.y"))


def linked(values: Mapping[str, Any], changes: Mapping[str, Any], axis: Axis) -> dict[str, Any]:
    """Return the changes to `values` with what follows from them.

    Another surface comes with a start of its own, an example of one's own function with its domain too, other initial
    weights of BatchNorm's two lanes replace them, a strength of weight decay or Dropout names its lane, lanes say which
    strengths there are, an optimizer is searched for what it has, and a map's axes are what its optimizer and surface
    have. Schedules are made for the length of the run until one is in use. Raises ParameterError where given changes
    contradict each other.
    """
    found = dict(changes)
    if "start" in values and not _ON_SURFACES.isdisjoint(changes):
        found |= _placed(values, changes)
    if "schedule.length" in values and not needed(values):
        found = {**_lengths(values, changes, axis), **found}
    if axis is Axis.BATCHNORM and "init" in changes:
        found.setdefault("lanes", ())
        if found["lanes"]:
            raise ParameterError("init", changes["init"], "no initial weights where lanes say them, or no lanes")
    if axis is Axis.REGULARIZATION:
        found |= _regularized(values, found)
    if axis is Axis.TRIAL:
        found |= _searched(values, found)
    if axis is Axis.CELL:
        found |= mapped(values, found)
    return found


def _lengths(values: Mapping[str, Any], changes: Mapping[str, Any], axis: Axis) -> dict[str, Any]:
    """Return schedules as long as the run, where the changes give it another length."""
    if axis is Axis.TRIAL:
        return {} if RUN_LENGTH.isdisjoint(changes) else lengths(updates_of({**values, **changes}))
    return lengths(changes["iterations"]) if changes.get("iterations") else {}


def _placed(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    key = changes.get("surface", values["surface"])
    if key == OWN:
        return {name: value for name, value in follows(values, changes).items() if value != values[name]}
    return {"start": SURFACES[key].start, **changes} if "surface" in changes else {}


def _regularized(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    names = changes.get("lanes", values["lanes"])
    given = {key: value for key, value in changes.items() if key in strengths(())}
    if "lanes" not in changes:
        for key, value in given.items():
            names = with_strength(names, key, values[key], value)
        return {"lanes": names} if given else {}
    for key, value in given.items():
        there = sorted({parts_of(name)[key] for name in names})
        if value not in there:
            raise ParameterError(key, value, f"what one of the lanes has, {' or '.join(map(number_text, there))}")
    return {**strengths(names), **given}


def _searched(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    both = {**values, **changes}
    if both["halving"] and not both["evaluate"]:
        key, right = ("evaluate", "at least 1") if "evaluate" in changes else ("halving", "false")
        raise ParameterError(key, both[key], f"{right}, as trials are stopped by their accuracy")
    optimizer = changes.get("optimizer", values["optimizer"])
    names = changes.get("search", values["search"])
    kept = tuple(name for name in names if full_key(name, optimizer))
    if "search" in changes and kept != tuple(names):
        allowed = [p.key for p in OPTIMIZERS[optimizer].hyperparameters if p.search] + ["l2", "dropout"]
        raise ParameterError("search", ",".join(names), f"some of {', '.join(allowed)} with optimizer {optimizer}")
    return {"search": kept or ("lr",)} if kept != tuple(names) else {}
