"""What can be drawn of one optimizer step on a map: arrows, places, an ellipse; and how long all of a run's are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from core.optimizers.base import Role

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class DrawnArrow:
    """An arrow on a map, in the surface's coordinates."""

    role: Role
    label: str
    start: Point
    end: Point


@dataclass(frozen=True, slots=True)
class DrawnPlace:
    """A place on a map."""

    label: str
    at: Point


@dataclass(frozen=True, slots=True)
class Ellipse:
    """Where steps of one gradient's length would end, whatever its direction, by the learning rate of each axis.

    The effective learning rates of x and y, times the length of what they multiply; both in the unit of θ. The step
    of a rule that has no memory and no decay beside it ends on it. SGD's is a circle.
    """

    centre: Point
    radii: Point


@dataclass(frozen=True, slots=True)
class DrawnStep:
    """What can be drawn of one step; only what is finite is in it, so it may be empty.

    `downhill` is −g, drawn from θ: its length has no unit of the map.
    """

    arrows: tuple[DrawnArrow, ...] = ()
    places: tuple[DrawnPlace, ...] = ()
    ellipse: Ellipse | None = None
    downhill: DrawnArrow | None = None


@dataclass(frozen=True, slots=True, eq=False)
class DrawnSpans:
    """How far what can be drawn of a run's steps reaches along x and y, each `(steps, 2)`, 0 for what is not finite.

    `arrows` by their role, `radii` of the ellipses, `gradient`.
    """

    arrows: Mapping[Role, NDArray[np.float64]]
    radii: NDArray[np.float64]
    gradient: NDArray[np.float64]
