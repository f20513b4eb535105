"""Arrays that are made once and kept for whoever asks again, as long as they take a bounded amount of memory."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

Array = NDArray[Any]


class Kept:
    """What `make(*key)` returned, read-only, for the keys asked for last: up to `most` bytes, and at least one."""

    def __init__(self, make: Callable[..., Array], most: int) -> None:
        """Start with nothing."""
        self._make, self.most = make, most
        self._lock = threading.Lock()
        self._arrays: dict[tuple[Hashable, ...], Array] = {}

    def __call__(self, *key: Hashable) -> Array:
        """Return the array of a key, from any thread."""
        with self._lock:
            found = self._arrays.pop(key, None)
            if found is None:
                found = self._make(*key)
                found.flags.writeable = False
            self._arrays[key] = found  # the last one in the order
            while self.nbytes > self.most and len(self._arrays) > 1:
                del self._arrays[next(iter(self._arrays))]
        return found

    @property
    def nbytes(self) -> int:
        """Memory that the arrays take."""
        return sum(array.nbytes for array in self._arrays.values())
