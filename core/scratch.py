"""Memory for what lives no longer than one update: many stacks that a thread trains in turn share it.

A hundred networks would otherwise need gradients and intermediate results a hundred times, too many for any cache.
"""

from __future__ import annotations

import threading
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Scratch:
    """Arrays by name; one of another shape, asked for under the same name, uses the same memory."""

    def __init__(self) -> None:
        """Start empty."""
        self._flat: dict[tuple[Any, ...], NDArray[Any]] = {}

    def array(self, name: tuple[Any, ...], shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
        """Return an array whose content is anything."""
        size, key = prod(shape), (*name, np.dtype(dtype))
        flat = self._flat.get(key)
        if flat is None or flat.size < size:
            self._flat[key] = flat = np.empty(size, dtype)
        return flat[:size].reshape(shape)


class Scratches(threading.local):
    """A run's scratch memory, `mine` being that of the calling thread."""

    def __init__(self) -> None:
        """Make the calling thread's, the first time it asks."""
        self.mine = Scratch()
