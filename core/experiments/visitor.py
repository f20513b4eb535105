"""Networks of a run as they were at an earlier moment, beside the run, which stays where it is.

Only the lanes that somebody looks at are recomputed, from the checkpoint before that moment or from the last visit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.block import Block
from core.history import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from core.block import Task
    from core.experiments.training import Training
    from core.lanes import Lane
    from core.scratch import Scratches

_CHUNK = 10  # updates between two looks at whether the visit is still wanted


class Visitor:
    """Keeps the networks of the last visit: going on from there is cheap."""

    def __init__(self, task: Task, rows: int, scratches: Scratches) -> None:
        """Start with no visit made; `rows` are those of the run, `scratches` the memory that its blocks work in."""
        self._task, self._scratches = task, scratches
        self._loss = Record(rows)
        self._blocks: list[Block] = []
        self._at = 0
        self._of: tuple[Any, ...] = ()

    def visit(
        self, run: Training, position: int, given_up: Callable[[], bool]
    ) -> Sequence[tuple[Block, int, Lane]] | None:
        """Return the run's watched lanes after `position` updates, as places in blocks; None where it was given up."""
        checkpoint = run.checkpoint_before(position)
        start = 0 if checkpoint is None else checkpoint.position
        if self._of != (run.watched, run.configuration) or not start <= self._at <= position:
            self._stand_at(run, start)
        while self._at < position:
            if given_up():
                return None
            self._go_on(run, position)
        return self._found(run, position)

    def _stand_at(self, run: Training, start: int) -> None:
        """Make the watched lanes' networks as they were at a checkpoint, or at the beginning."""
        self._of, self._at = (run.watched, run.configuration), start
        checkpoint, values = run.checkpoint_before(start), run.configuration.at(start)
        self._blocks = []
        for block in run.blocks:
            lanes = {row: lane for row, lane in block.all_lanes.items() if lane.name in run.watched}
            if lanes and block.seed == run.seeds[0]:
                small = Block(self._task, [*lanes.values()], [*lanes], values, block.seed, self._scratches)
                small.restore(checkpoint, values)
                self._blocks.append(small)

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

    def _found(self, run: Training, position: int) -> list[tuple[Block, int, Lane]]:
        """Return the lanes in the order in which they are watched, without those that had ended."""
        ended = run.ended()
        places = {
            lane.name: (block, row, lane)
            for block in self._blocks
            for row, lane in enumerate(block.lanes)
            if ended.get(block.rows[row], position) >= position
        }
        return [places[name] for name in run.watched if name in places]


def _wanted() -> bool:
    """Some updates are made whole."""
    return False
