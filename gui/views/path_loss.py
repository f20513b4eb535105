"""The loss of paths over their steps: its axis, and the range in which runaways leave at the top."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from core.surfaces import Surface
    from gui.plots import Plot

_RUNAWAY_DECADES = 3.0
_LARGEST = 1e307  # what a plot can have at an end, and add to the other one
_FLAT = 1e-9  # of the losses: a range that is narrower has no numbers for its ends


def is_logarithmic(surface: Surface) -> bool:
    """Tell whether losses are drawn in decades above the surface's lowest value: whether it has one."""
    return bool(np.isfinite(surface.floor))


def set_loss_axis(plot: Plot, surface: Surface) -> None:
    """Give a plot the axis that losses on a surface need."""
    log = is_logarithmic(surface)
    plot.setLogMode(y=log)
    plot.disableAutoRange()
    plot.getAxis("left").set_text("f above its minimum" if log else "f")


def loss_range(rows: Any, surface: Surface, lowest: float) -> tuple[float, float]:
    """Return the range for losses `(lanes, steps)`, in decades, of which `lowest` is the last, on a logarithmic axis.

    A lane that runs away leaves at the top, three decades above the start, instead of flattening the others.
    """
    finite = rows[np.isfinite(rows)]
    if not is_logarithmic(surface):
        start = np.abs(rows[:, 0][np.isfinite(rows[:, 0])]).max(initial=1.0)
        most = min(start, _LARGEST / 10.0**_RUNAWAY_DECADES) * 10.0**_RUNAWAY_DECADES
        low, high = np.clip((finite.min(), finite.max()) if finite.size else (0.0, 1.0), -most, most)
        size = max(abs(low), abs(high))
        room = 0.05 * (high - low) if high - low > _FLAT * size else max(1.0, 0.05 * size)
        return float(low - room), float(high + room)
    positive = np.log10(finite[finite > 0]) if (finite > 0).any() else np.zeros(1)
    first = rows[:, 0][rows[:, 0] > 0]
    most = np.log10(first.max()) + _RUNAWAY_DECADES if first.size else float(positive.max())
    lowest += min(0.0, most - _RUNAWAY_DECADES - 0.5 * lowest)  # of f as small as 1e-20
    low, high = max(lowest, float(positive.min())), min(most, float(positive.max()))
    return float(np.floor(low)), float(max(np.ceil(high), np.floor(low) + 1))
