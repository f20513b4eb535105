"""Numbers of any size in two bytes: the first half of a float32, which is sign, exponent and seven bits (bfloat16)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def halves(values: Array) -> Array:
    """Return values as they are kept: the first half of a float32, which is within one per cent."""
    found: Array = np.ascontiguousarray(values, np.float32).view(np.uint16).reshape(*values.shape, 2)
    return found[..., int(np.little_endian)]


def kept_values(kept: Array) -> Array:
    """Return kept values of f (bfloat16 as uint16) as float32."""
    found: Array = (np.asarray(kept).astype(np.uint32) << 16).view(np.float32)
    return found
