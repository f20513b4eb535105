"""What somebody who looks at a run wants measured beside it, and what was found: asked for in one frozen piece."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from core.experiments.propagation import LaneStatistics
    from core.insight import Insight
    from core.weight_steps import WeightStep

Place = tuple[str, int, int, int]
"""One weight: a lane's name, the affine layer from 1 on, the input (a pixel's number in the first layer), the unit."""

MOST_COMPARED = 12
"""Of more lanes than these, an earlier moment has the predictions of the watched lane alone: the others take long."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What is to be measured: nothing by default.

    `histograms` are lanes whose layers are measured, `insight` is the lane that is looked into, with `image`, the bytes
    of one drawn image, also what every lane says of it. `weight` is one weight whose update is to be followed.
    """

    histograms: tuple[str, ...] = ()
    insight: str = ""
    image: bytes | None = None
    weight: Place | None = None

    def names(self, lanes: Iterable[str]) -> tuple[str, ...]:
        """Return which of these lanes are needed at an earlier moment, the watched ones first."""
        every = tuple(lanes)
        wanted = [*self.histograms, self.insight, self.weight[0] if self.weight else ""]
        compared = every if self.insight and self.image is not None and len(every) <= MOST_COMPARED else ()
        return tuple(dict.fromkeys(name for name in (*wanted, *compared) if name in every))


@dataclass(frozen=True, slots=True)
class Sight:
    """What was found of the watched lanes at one moment of a run."""

    probes: tuple[LaneStatistics, ...] = ()
    insight: Insight | None = None
    weight: WeightStep | None = None


NOTHING = Watch()
