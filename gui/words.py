"""Numbers in words that several panels share, and where they stand in a frame."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def percent(share: float) -> str:
    """Write an accuracy, as `98.2 %`; a dash where there is none."""
    return f"{100 * share:.1f} %" if math.isfinite(share) else "–"


def measured_by(measured_at: NDArray[Any], position: float) -> int:
    """Return how many measurements there were up to a position."""
    return int(np.searchsorted(measured_at, position, side="right"))


def kept_numbers(frame: Any) -> list[tuple[str, str]]:
    """Return the number of a run's checkpoints with the memory that they take, from the first update on."""
    size = f"{frame.checkpoints}, {frame.checkpoint_bytes / 2**20:.1f} MiB"
    return [("checkpoints", size)] * bool(frame.iteration)
