"""Runs that an edit replaced, kept so that undoing it brings them back as they were.

All edits of a window share one shelf of bounded size; when it is full, the run that has lain there longest goes.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.experiments.saved import SavedRun

MOST_BYTES = 64 * 2**20


class Parked:
    """A place on the shelf; `put` may be called from an engine's thread."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self.run: SavedRun | None = None

    def put(self, run: SavedRun | None) -> None:
        """Keep a run here."""
        self.run = run
        if run is not None:
            self._shelf.add(self)


class Shelf:
    """Keeps runs up to so many bytes together."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._most, self._lock = most, threading.Lock()
        self._kept: list[Parked] = []

    def place(self) -> Parked:
        """Return an empty place."""
        return Parked(self)

    def add(self, parked: Parked) -> None:
        """Take note of what lies in a place, and clear the oldest ones if there is too much."""
        with self._lock:
            self._kept = [*(found for found in self._kept if found is not parked), parked]
            while self._kept and self.nbytes > self._most:
                self._kept.pop(0).run = None

    def clear(self) -> None:
        """Give all runs up."""
        with self._lock:
            for parked in self._kept:
                parked.run = None
            self._kept.clear()

    @property
    def nbytes(self) -> int:
        """Memory that the runs take."""
        return sum(parked.run.nbytes for parked in self._kept if parked.run is not None)
