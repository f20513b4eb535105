"""Networks of a run as they were at an earlier moment, beside the run, which stays where it is.

Only the lanes that somebody looks at are recomputed: from the checkpoint before that moment, from the last visit, or
from an earlier one, of which a few are kept that lie far from each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.block import Block
from core.checkpoints import Checkpoint
from core.history import Record
from core.insight import Found

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from core.block import Task
    from core.experiments.training import Training
    from core.scratch import Scratches
    from core.weight_steps import Followed, WeightStep

BUDGET = 8 * 2**20
"""Bytes that the moments visited before take at most."""

_CHUNK = 10  # updates between two looks at whether the visit is still wanted


class Visitor:
    """Keeps the networks of the last visit, and what is needed to go on from some before it."""

    def __init__(self, task: Task, rows: int, scratches: Scratches) -> None:
        """Start with no visit made; `rows` are those of the run, `scratches` the memory that its blocks work in."""
        self._task, self._scratches = task, scratches
        self._loss = Record(rows)
        self._blocks: list[Block] = []
        self._at = 0
        self._of: tuple[Any, ...] = ()
        self._kept: dict[int, Checkpoint] = {}

    def visit(
        self, run: Training, position: int, given_up: Callable[[], bool], followed: Followed | None = None
    ) -> dict[str, Found] | None:
        """Return where the run's watched lanes are after `position` updates; None where it was given up.

        What the last of these updates did to a weight that is `followed` is `seen` afterwards.
        """
        watched = run.watched.names(lane.name for lane in run.lanes)
        names = tuple(dict.fromkeys((*watched, *([followed.lane] if followed else ()))))
        wanted, known = (names, run.configuration), self._of
        self._of = ()  # what fails below, as for want of memory, leaves networks of several moments
        if known != wanted:
            self._begin(run, names)
        arrived = self._go_to(run, position, given_up, followed)
        self._of = wanted
        if not arrived:
            return None
        self._keep(run)
        return self._found(run, position)

    def _go_to(self, run: Training, position: int, given_up: Callable[[], bool], followed: Followed | None) -> bool:
        """Bring the networks to a position; return whether they are there."""
        for block in self._blocks:
            block.follow(followed)
        latest = position if followed is None or self.seen(position) else max(0, position - 1)
        start = self._before(run, latest)
        first = 0 if start is None else start.position
        if not first <= self._at <= latest:
            self._stand_at(run, start)
        while self._at < position:
            if given_up():
                return False
            self._go_on(run, position)
        return True

    def seen(self, position: int) -> WeightStep | None:
        """Return what update `position`, if it was the last one made here, did to the followed weight."""
        found = [block.seen for block in self._blocks if block.seen is not None]
        return next((step for step in found if step.iteration == position), None)

    def _begin(self, run: Training, names: tuple[str, ...]) -> None:
        """Make networks of the watched lanes; what is known of others, or of another future, is of no use."""
        self._at, self._kept, self._blocks = 0, {}, []
        for block in run.blocks:
            lanes = {row: lane for row, lane in block.all_lanes.items() if lane.name in names}
            if lanes and block.seed == run.seeds[0]:
                values = run.configuration.at(0)
                small = Block(self._task, [*lanes.values()], [*lanes], values, block.seed, self._scratches)
                small.restore(None, values)
                self._blocks.append(small)

    def _before(self, run: Training, position: int) -> Checkpoint | None:
        """Return the last moment up to a position from which one can go on; None where that is the beginning."""
        found = [kept for at, kept in self._kept.items() if at <= position]
        checkpoint = run.checkpoint_before(position)
        found += [] if checkpoint is None else [checkpoint]
        return max(found, key=_position, default=None)

    def _stand_at(self, run: Training, checkpoint: Checkpoint | None) -> None:
        """Put the watched lanes' networks back to a checkpoint, or to the beginning."""
        self._at = 0 if checkpoint is None else checkpoint.position
        values = run.configuration.at(self._at)
        for block in self._blocks:
            block.restore(checkpoint, values)

    def _keep(self, run: Training) -> None:
        """Keep where the visit is; where there is no room, the moment goes that saves the fewest updates."""
        size, known = sum(block.state_size for block in self._blocks), {0, *_checkpoints(run), *self._kept}
        if self._at in known or size > BUDGET:
            return
        self._kept[self._at] = Checkpoint(self._at, tuple(block.state() for block in self._blocks))
        if len(self._kept) * size > BUDGET:
            places = sorted({*known, self._at, max(run.position, *self._kept) + 1})
            del self._kept[min(self._kept, key=lambda at: _saving(places, places.index(at)))]

    def _go_on(self, run: Training, position: int) -> None:
        """Make some updates, at most up to the next change in mid-run."""
        changes = [change.iteration for change in run.configuration.changes if change.iteration > self._at]
        end = min([position, self._at + _CHUNK, *changes[:1]])
        self._loss.reserve(end)
        for block in self._blocks:
            block.run(self._at, end, self._loss, _wanted)
            if end in changes:
                block.configure(run.configuration.at(end))
        self._at = end

    def _found(self, run: Training, position: int) -> dict[str, Found]:
        """Return the lanes without those that had ended."""
        ended = run.ended()
        return {
            lane.name: Found(block, row, lane)
            for block in self._blocks
            for row, lane in enumerate(block.lanes)
            if ended.get(block.rows[row], position + 1) > position
        }


def _wanted() -> bool:
    """Some updates are made whole."""
    return False


def _position(checkpoint: Checkpoint) -> int:
    return checkpoint.position


def _saving(places: Sequence[int], number: int) -> int:
    """Return what one of some moments saves: the updates up to it, for every moment between it and the next one."""
    before, at, after = places[number - 1 : number + 2]
    return (at - before) * (after - at)


def _checkpoints(run: Training) -> Iterator[int]:
    """Yield where the run has checkpoints, the last one first."""
    found = run.checkpoint_before(run.position)
    while found is not None:
        yield found.position
        found = run.checkpoint_before(found.position - 1)
