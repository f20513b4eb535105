"""What every experiment offers to the runner and to an export: advance, change, snapshot.

Built from one frozen configuration. Frames are frozen, complete and cumulative, so that a dropped one loses nothing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from core.watching import NOTHING, Sight, Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from core.experiments.saved import SavedRun
    from core.lanes import Lane
    from core.parameters import Configuration


class Experiment(ABC):
    """A run in progress: `position` of `total` updates are complete.

    `eager` says that the whole record is computed at once, because that takes about one display frame. Whoever runs
    it may set `breathe`, which is called within longer work wherever a snapshot can be taken, and from any thread
    `abandoned`: work in hand then ends as soon as it can, and nothing but `close` is asked for afterwards.
    """

    eager = False

    def __init__(self, configuration: Configuration, lanes: tuple[Lane, ...], total: int) -> None:
        """Start at position 0."""
        self.configuration, self.lanes, self.total = configuration, lanes, total
        self.position = 0
        self.watched: Watch = NOTHING
        self.breathe: Callable[[], None] = _go_on
        self.abandoned = False

    @abstractmethod
    def advance(self, updates: int) -> None:
        """Make up to `updates` further updates, and no more than `total` in all."""

    @abstractmethod
    def snapshot(self) -> Any:
        """Return a frozen frame of everything recorded up to `position`."""

    def change(self, key: str, value: Any) -> None:
        """Give a live parameter a new value from here on; the configuration records it."""
        self.configuration = self.configuration.change(self.position, key, value)

    def watch(self, wanted: Watch) -> None:
        """Ask for what is to be measured in later snapshots; experiments without networks ignore it."""
        self.watched = wanted

    # What only longer runs need, which are not computed at once.

    def turn_back(self, position: int, values: Mapping[str, Any]) -> None:
        """Go on from an earlier moment with these live values; frames keep the old future.

        The run stands at or before that moment afterwards, and is to be advanced to it.
        """
        raise NotImplementedError

    @property
    def returning(self) -> int:
        """The moment that a rewound run is to be advanced to; else where it is."""
        return self.position

    def look(self, position: int, given_up: Callable[[], bool]) -> Sight | None:
        """Return what is watched as it was at an earlier moment; None where it was given up."""
        return Sight()

    def save(self, whole: bool) -> SavedRun | None:
        """Return the run as plain data, with all of its checkpoints if `whole`; None where there is nothing to save."""
        return None

    def rescue(self) -> SavedRun | None:
        """Return what can still be had of a run in which something raised; None where that is nothing."""
        return None

    def restore(self, saved: SavedRun) -> None:
        """Go on with a saved run of the same configuration; only at the beginning."""
        raise NotImplementedError

    def steps(self) -> Iterator[int]:
        """Make one update at a time until the end, yielding the position after each."""
        while self.position < self.total:
            self.advance(1)
            yield self.position

    @property
    def stopped(self) -> bool:
        """Whether nothing is left to compute, though `total` is not reached: every lane diverged."""
        return False

    def close(self) -> None:  # noqa: B027 - most experiments hold nothing
        """Release threads; the experiment is not used afterwards."""


def _go_on() -> None:
    """Nobody waits for a snapshot."""
