"""Arrays that are kept: the same object again, the oldest given up where there are too many, never written."""

from __future__ import annotations

import numpy as np
import pytest

from core.kept import Kept


def test_the_same_array_is_returned_as_long_as_there_is_room() -> None:
    made = []

    def make(size: int) -> np.ndarray:
        made.append(size)
        return np.zeros(size, np.uint8)

    kept = Kept(make, 10)
    assert kept(4) is kept(4)
    assert kept(5) is kept(5) and kept.nbytes == 9
    kept(4)  # asked for last
    kept(6)
    assert kept.nbytes == 10 and made == [4, 5, 6]
    kept(5)
    assert made == [4, 5, 6, 5]


def test_one_is_kept_however_large_it_is() -> None:
    kept = Kept(np.zeros, 10)
    assert kept(100) is kept(100)
    kept(1)
    assert kept.nbytes == 8


def test_nobody_can_write_it() -> None:
    with pytest.raises(ValueError):
        Kept(np.zeros, 10)(3)[0] = 1
