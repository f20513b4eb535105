"""What gradient flow says, in words: whether a lane's gradient gets through, and whether its steps have a usual size.

Judged by the geometric means of the last few measured updates. The thresholds are rules of thumb, far from each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.flow import samples_by
from core.numbers import powered

if TYPE_CHECKING:
    from core.flow import Flow

Array = NDArray[Any]

USUAL = (1e-4, 1e-2)
"""Updates that move a layer's weights by about a thousandth of their norm are usual: below, the learning rate may be
too low, above, too high. A decade to each side is let pass."""
SOURCE = "Karpathy, Stanford CS231n, “Ratio of weights:updates”"
"""Where that rule of thumb comes from."""
_FOLD = 30.0  # by which gradients grow or shrink from the last layer to the first before it is called by its name
_MOST = 100.0  # the softmax's own gradient is below 2: a norm above this has been blown up on its way
_LEAST = 1e-3  # of the loss: a first layer with less gradient than this hardly hears of it
_SAMPLES = 5


class Course(Enum):
    """What becomes of a gradient on its way back to the first layer."""

    UNKNOWN = "unknown"
    FLOWS = "flows"
    VANISHES = "vanishes"
    EXPLODES = "explodes"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is seen of a lane: `gradient` says what becomes of its gradient, `update` how large its steps are."""

    course: Course
    gradient: str
    update: str


NOTHING = Verdict(Course.UNKNOWN, "", "")
"""Nothing is seen yet."""


def verdict(flow: Flow, row: int, cursor: int, loss: float, diverged: int | None = None) -> Verdict:
    """Judge lane `row` after `cursor` updates, when its smoothed loss is `loss`; `diverged` as frames give it."""
    lost = "" if diverged is None or diverged > cursor else f"diverged at update {diverged:,}"
    last = samples_by(cursor if diverged is None else min(cursor, diverged - 1))
    recent = slice(max(0, last - _SAMPLES), last)
    norms = _middles(flow.gradient_norm[row, :, recent])
    if not np.isfinite(norms).any():
        return Verdict(Course.UNKNOWN, lost, "")
    course, words = _course(norms, loss if np.isfinite(loss) else 0.0)
    update = _update_words(_middles(flow.update_ratio[row, :, recent]))
    return Verdict(course, f"{words}; {lost}" if lost else words, update)


def _middles(known: Array) -> Array:
    """Return each layer's geometric mean over samples, 0 where all are 0, NaN where none is known."""
    found = np.full(len(known), np.nan)
    for layer, values in enumerate(known):
        finite = values[np.isfinite(values)].astype(np.float64)
        if len(finite):
            found[layer] = np.exp(np.log(finite[finite > 0]).mean()) if (finite > 0).any() else 0.0
    return found


def _course(norms: Array, loss: float) -> tuple[Course, str]:
    """Judge the norms of all layers' gradients, from the first layer to the last."""
    first, last, most = norms[0], norms[-1], np.nanmax(norms)
    if most == 0:
        return Course.NONE, "no layer's weights get any gradient: they stay as they are"
    if most > _MOST:
        return Course.EXPLODES, f"gradients of up to {short_text(most)}: they explode"
    if first == 0:
        return Course.NONE, "layer 1 gets no gradient at all: it cannot learn"
    if last and first / last < 1 / _FOLD:
        return Course.VANISHES, f"{_share_words(first / last)}: it vanishes on the way back"
    if first < _LEAST * loss:
        return Course.VANISHES, f"layer 1 gets a gradient of {short_text(first)} at a loss of {loss:.2f}: it vanishes"
    words = _share_words(first / last) if last else "only the last layer gets no gradient"
    if last and first / last > _FOLD:
        return Course.EXPLODES, f"{words}: it explodes on the way back"
    return Course.FLOWS, f"{words}: it gets through"


def _update_words(ratios: Array) -> str:
    """Say how large an update is against the weights of the layers that move least and most."""
    if not np.isfinite(ratios).any():
        return "weights that are all 0 have no norm to compare updates with"
    least, most = int(np.nanargmin(ratios)), int(np.nanargmax(ratios))
    low, high = (short_text(ratios[layer]) for layer in (least, most))
    said = f"updates are {low} (layer {least + 1}) to {high} (layer {most + 1}) of the weights"
    if low == high:
        said = f"updates are {low} of the weights"
    return f"{said}: {_size_words(ratios[least], ratios[most])}"


def _size_words(least: float, most: float) -> str:
    if most < USUAL[0]:
        return "tiny"
    if least > USUAL[1]:
        return "large"
    if least < USUAL[0]:
        return "some are tiny"
    return "some are large" if most > USUAL[1] else "as usual"


def _share_words(share: float) -> str:
    """Say how much of the last layer's gradient the first one gets."""
    if 0.95 < share < 1.05:
        return "layer 1 gets as much gradient as the last layer"
    if share >= 1:
        return f"layer 1 gets {_two_digits(share)} times the last layer's gradient"
    part = f"1/{_two_digits(1 / share)}" if 0.1 > share > 1e-6 else short_text(share)
    return f"layer 1 gets {part} of the last layer's gradient"


def short_text(value: float) -> str:
    """Write a number of any size with two digits: 0.0031, 85,000, 2.1·10⁻⁶."""
    if value == 0 or 1e-3 <= value < 1e6:
        return _two_digits(value)
    return powered(value, 2)


def _two_digits(value: float) -> str:
    rounded = float(f"{value:.1e}")
    return f"{rounded:,.0f}" if rounded >= 10 else f"{rounded:g}"
