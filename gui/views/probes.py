"""The histograms known of the networks that somebody watches, by iteration: seen while they trained, or recomputed."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.experiments.propagation import LaneStatistics

_MOST_KEPT = 2000


class ProbeRecord:
    """The histograms known of the watched lanes of a run, thinned by halves when there are many."""

    def __init__(self) -> None:
        self._kept: dict[str, list[tuple[int, LaneStatistics]]] = {}
        self._last = 0

    def add(self, iteration: int, probes: Sequence[LaneStatistics]) -> None:
        """Keep what was seen after `iteration` updates; what was known of later ones is of another run or branch."""
        if iteration < self._last:
            self._forget_from(iteration)
        self._last = iteration
        self.insert(iteration, probes)

    def insert(self, iteration: int, probes: Sequence[LaneStatistics]) -> None:
        """Keep what was found of an earlier iteration."""
        for found in probes:
            kept = self._kept.setdefault(found.lane.name, [])
            if kept and kept[-1][1].lane != found.lane:
                kept.clear()
            place = bisect_left(kept, iteration, key=iteration_of)
            if place < len(kept) and kept[place][0] == iteration:
                kept[place] = (iteration, found)
            else:
                kept.insert(place, (iteration, found))
            if len(kept) > _MOST_KEPT:
                del kept[1::2]

    def _forget_from(self, iteration: int) -> None:
        for kept in self._kept.values():
            del kept[bisect_left(kept, iteration, key=iteration_of) :]

    def at(self, name: str, iteration: int) -> tuple[int, LaneStatistics] | None:
        """Return the last histograms kept of a lane up to `iteration`, or the first; None without any."""
        kept = self._kept.get(name, [])
        place = bisect_right(kept, iteration, key=iteration_of)
        return kept[max(0, place - 1)] if kept else None

    def first(self, name: str) -> LaneStatistics | None:
        """Return a lane's first ones, as what was before."""
        kept = self._kept.get(name)
        return kept[0][1] if kept else None

    def moments(self) -> list[int]:
        """Return all iterations of which something is known."""
        return sorted({at for kept in self._kept.values() for at, _ in kept})

    def copy(self) -> ProbeRecord:
        """Return a record of its own with the same histograms."""
        made = ProbeRecord()
        made._kept = {name: list(kept) for name, kept in self._kept.items()}
        return made

    def clear(self) -> None:
        """Forget all."""
        self._kept.clear()
        self._last = 0


def iteration_of(entry: tuple[int, LaneStatistics]) -> int:
    """Return the iteration of an entry."""
    return entry[0]
