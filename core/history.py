"""Append-only records of a run, with views that cost nothing and can not be written.

Also the smoothing of loss curves, kept up to date as points arrive.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

Array = NDArray[Any]

WINDOW = 11
_HALF = WINDOW // 2
_KAISER = np.kaiser(WINDOW, 2.0)
_KERNEL = (_KAISER / _KAISER.sum()).astype(np.float32)


def smooth(raw: Array) -> Array:
    """Return curves `(..., n)` smoothed by a normalised Kaiser window of 11 points, beta 2.

    The ends are mirrored, so that the result is as long as `raw` for every n >= 1.
    """
    padded = np.pad(raw, [(0, 0)] * (raw.ndim - 1) + [(_HALF, _HALF)], mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW, axis=-1)
    smoothed: Array = windows @ _KERNEL.astype(raw.dtype)
    return smoothed


class Record:
    """A growing array `(rows, length)`; `view(n)` of its first n columns stays true however much is appended."""

    def __init__(self, rows: int, capacity: int = 256, dtype: Any = np.float32) -> None:
        """Reserve `capacity` columns, filled with NaN."""
        self._data = np.full((rows, max(capacity, 1)), np.nan, dtype)

    def reserve(self, length: int) -> None:
        """Make room for `length` columns. Earlier views keep the old memory, which nobody writes any more."""
        rows, capacity = self._data.shape
        if length > capacity:
            grown = np.full((rows, max(length, 2 * capacity)), np.nan, self._data.dtype)
            grown[:, :capacity] = self._data
            self._data = grown

    def cut(self, length: int) -> Record:
        """Return a record of the first columns in memory of its own; views of this one stay true."""
        rows, capacity = self._data.shape
        other = Record(rows, capacity, self._data.dtype)
        other._data[:, :length] = self._data[:, :length]
        return other

    @property
    def data(self) -> Array:
        """The writable array `(rows, capacity)`, for the one who records."""
        return self._data

    def view(self, length: int) -> Array:
        """Return the first `length` columns, read-only."""
        view = self._data[:, :length]
        view.flags.writeable = False
        return view


class SmoothedRecord:
    """The smoothed companion of a Record: each call smooths only what is new or can still change."""

    def __init__(self, rows: int) -> None:
        """Start with nothing smoothed."""
        self._record = Record(rows)
        self._settled = [0] * rows

    def update(self, raw: Array, ends: Sequence[int]) -> Array:
        """Return smoothed curves `(rows, n)` for raw ones `(rows, n)` of which row r is valid up to `ends[r]`."""
        length = raw.shape[1]
        self._record.reserve(length)
        for settled, end in {*zip(self._settled, ends, strict=True)}:
            if end > settled:
                self._extend(
                    raw, settled, end, [r for r, e in enumerate(ends) if (self._settled[r], e) == (settled, end)]
                )
        self._settled = [end if end < length else max(0, end - _HALF) for end in ends]
        smoothed = self._record.data[:, :length].copy()
        smoothed.flags.writeable = False
        return smoothed

    def _extend(self, raw: Array, settled: int, end: int, rows: list[int]) -> None:
        """Smooth columns `settled` to `end`; the five before give the window its left half."""
        start = max(0, settled - _HALF)
        self._record.data[rows, settled:end] = smooth(raw[rows, start:end])[:, settled - start :]
