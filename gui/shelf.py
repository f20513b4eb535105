"""Runs that an edit replaced, kept so that undoing it brings them back as they were.

All edits of a window share one shelf of bounded size; the last run has a place on it whatever it takes. When it is
full, the runs that have lain there longest lose first the checkpoints from which they would quickly be rewound, then
themselves.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING
from weakref import ref

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.experiments.saved import SavedRun

MOST_BYTES = 64 * 2**20


class Parked:
    """A place on the shelf; `put` may be called from an engine's thread."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self.run: SavedRun | None = None
        self.lost = False  # whether there was no room any more for what was kept here
        self.pending = False  # an engine has been asked for the run, and has not handed it over yet

    def expect(self) -> Callable[[SavedRun | None], None]:
        """Wait for a run; return what is to be called with it."""
        self.pending = True
        return self.put

    def take(self) -> SavedRun | None:
        """Return the run that is kept here."""
        return self.run

    def put(self, run: SavedRun | None) -> None:
        """Keep a run here."""
        self.run, self.pending = run, False
        if run is not None:
            self._shelf.add(self)


class Shelf:
    """Keeps runs up to so many bytes together. A place is its edit's: it goes with that."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._most, self._lock = most, threading.Lock()
        self._places: list[ref[Parked]] = []

    def place(self) -> Parked:
        """Return an empty place."""
        return Parked(self)

    def add(self, parked: Parked) -> None:
        """Take note of what lies in a place, and make room where there is too much."""
        with self._lock:
            kept = [*(found for found in self._kept() if found is not parked), parked]
            self._places = [ref(found) for found in kept]
            for found in kept:
                if self.nbytes > self._most and found.run is not None:
                    found.run = replace(found.run, checkpoints=found.run.checkpoints[-1:])
            for found in kept[:-1]:  # the last one stays, however large: the next undo is to find it
                if self.nbytes > self._most and found.run is not None:
                    found.run, found.lost = None, True

    def clear(self) -> None:
        """Give all runs up."""
        with self._lock:
            for parked in self._kept():
                parked.run = None
            self._places.clear()

    def _kept(self) -> list[Parked]:
        """Return the places that are still somebody's, the one first that was filled first."""
        return [found for place in self._places if (found := place()) is not None]

    @property
    def nbytes(self) -> int:
        """Memory that the runs take; checkpoints that several of them share count once."""
        runs = [parked.run for parked in self._kept() if parked.run is not None]
        shared = {id(found): found.nbytes for run in runs for found in run.checkpoints}
        records = (run.nbytes - sum(shared[id(found)] for found in run.checkpoints) for run in runs)
        return sum(records) + sum(shared.values())
