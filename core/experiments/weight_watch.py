"""Follows one weight of a run: its last update is noted while the run goes on, and an earlier one is made again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.weight_steps import find_weight

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from core.experiments.training import Training
    from core.experiments.visitor import Visitor
    from core.task import Task
    from core.watching import Place
    from core.weight_steps import Followed, WeightStep


class WeightWatch:
    """What a run knows of the weight that is watched."""

    def __init__(self, task: Task, visitor: Visitor) -> None:
        """Follow none."""
        self._task, self._visitor = task, visitor
        self._place: Place | None = None
        self._asked = -1
        self.followed: Followed | None = None

    def find(self, run: Training, lane: str, place: Sequence[int]) -> Followed:
        """Return the weight at a place, of several seeds the first one's; raises ValueError where there is none."""
        names = [found.name for found in run.lanes]
        if lane not in names:
            raise ValueError(f"lane: {lane!r} is not there; allowed: {', '.join(names)}")
        row = names.index(lane) * len(run.seeds)
        block = next(block for block in run.blocks if row in block.all_lanes)
        return find_weight(self._task, block.architecture, lane, row, place)

    def follow(self, run: Training, place: Place | None) -> None:
        """Have the blocks note what is done to this weight from now on; one that is not there is not followed."""
        if place == self._place:
            return
        self._place = place
        try:
            self.followed = None if place is None else self.find(run, place[0], place[1:])
        except ValueError:  # of networks of another shape, which were watched before
            self.followed = None
        for block in run.blocks:
            block.follow(self.followed)

    def last(self, run: Training) -> WeightStep | None:
        """Return the run's last update, if it was noted or is asked for twice: where a run rests it is made again."""
        rests, self._asked = run.position == self._asked, run.position
        return self.at(run, run.position, lambda: run.abandoned) if rests else self._noted(run)

    def at(self, run: Training, position: int, given_up: Callable[[], bool]) -> WeightStep | None:
        """Return an update of the followed weight; None where there was none, and where it was given up."""
        noted = self._noted(run) if position == run.position else self._visitor.seen(position)
        return (
            noted if noted is not None or self.followed is None else self.made(run, self.followed, position, given_up)
        )

    def _noted(self, run: Training) -> WeightStep | None:
        found = [block.seen for block in run.blocks if block.seen is not None]
        return next((step for step in found if step.iteration == run.position), None)

    def made(self, run: Training, weight: Followed, position: int, given_up: Callable[[], bool]) -> WeightStep | None:
        """Make an update again and return what it did to a weight."""
        if not 1 <= position <= run.position or run.ended().get(weight.run_row, position) < position:
            return None
        visited = self._visitor.visit(run, position, given_up, weight)
        return None if visited is None else self._visitor.seen(position)
