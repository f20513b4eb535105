"""How fast a run may go: the size of the next chunk of updates, the moment it is due, and the rate of those made.

A chunk takes some milliseconds, so that a wish is heard soon; a limit makes chunks smaller and spaces them out.
"""

from __future__ import annotations

import time

_CHUNK_SECONDS = 0.005
_RATE_SECONDS = 0.5
_CHUNKS_A_SECOND = 60  # under a limit


class Pace:
    """The pace of one run; `limit` is in updates per second, None for as many as possible. Not for several threads."""

    def __init__(self) -> None:
        self.limit: float | None = None
        self._chunk = 1
        self._clock: tuple[float, int] | None = None  # since when, and from which position on

    def begin(self) -> None:
        """Know nothing yet of the run at hand."""
        self._chunk, self._clock = 1, None

    def restart(self) -> None:
        """Count anew from the next update on: the run has stood still, or goes on at another pace."""
        self._clock = None

    def chunk(self, free: bool) -> int:
        """Return how many updates may be made at once; `free` are those that no limit holds."""
        allowed = self._chunk if free or self.limit is None else int(self.limit / _CHUNKS_A_SECOND)
        return max(1, min(self._chunk, allowed))

    def learn(self, size: int, seconds: float) -> None:
        """Choose the next chunk by how long one of `size` updates took."""
        self._chunk = max(1, min(2 * size, int(size * _CHUNK_SECONDS / max(seconds, 1e-6))))

    def until_due(self, position: int) -> float:
        """Return for how many seconds the update after `position` is to wait."""
        if self.limit is None or self._clock is None:
            return 0.0
        since, first = self._clock
        return max(0.0, since + (position + 1 - first) / self.limit - time.perf_counter())

    def count(self, position: int, rate: float | None) -> float | None:
        """Note that a run has come to `position`, and return its rate in updates per second, new twice a second."""
        now = time.perf_counter()
        since, first = self._clock = self._clock or (now, position)
        if now - since <= _RATE_SECONDS:
            return rate
        self._clock = now, position
        return (position - first) / (now - since)
