"""What several seeds say, in the same words in every panel: how many there are, which diverged, which lanes are alike.

`seed_numbers` makes rows for the notes, `spread_text` a median with its quartiles, `lost_text` the seeds of a lane that
diverged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.bands import FEWEST

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from core.experiments.training_frame import Spread, TrainingFrame
    from gui.views.base import Number

_MOST_PAIRS = 6


def seed_numbers(frame: TrainingFrame, shown: Collection[str] | None = None) -> list[Number]:
    """Return the seeds, what diverged and which lanes cannot be told apart; nothing of a run with one seed.

    `shown` are the labels of the lanes to speak of, by default all.
    """
    spread = frame.spread
    if spread is None:
        return []
    labels = [lane.label for lane in frame.lanes if shown is None or lane.label in shown]
    many = len(spread.seeds)
    lost = [
        (f"{lane.label} diverged", f"in {count} of {many}")
        for lane, count in zip(frame.lanes, spread.diverged, strict=True)
        if count and lane.label in labels
    ]
    seeds = ("seeds", f"{many} ({spread.seeds[0]} to {spread.seeds[-1]})")
    return [seeds, ("lines", "medians"), ("bands", "quartiles"), *lost, *_comparison(frame, spread, labels)]


def _comparison(frame: TrainingFrame, spread: Spread, labels: Sequence[str]) -> list[Number]:
    """Return what can be told apart, in rows without a value, which have the whole width."""
    if len(labels) < 2:
        return []
    if len(spread.seeds) < FEWEST:
        return [(f"{len(spread.seeds)} seeds are too few to tell lanes apart: take {FEWEST} or more.", "")]
    if not frame.position:
        return []
    pairs = [pair for pair in spread.alike if set(pair) <= set(labels)]
    if not pairs:
        return [(f"All lanes can be told apart by {spread.metric}.", "")]
    more = len(pairs) - _MOST_PAIRS
    named = [(f"{first} – {second}", "") for first, second in pairs[:_MOST_PAIRS]]
    rest = [(f"and {more} more pairs", "")] if more > 0 else []
    return [(f"Cannot be told apart by {spread.metric}:", ""), *named, *rest]


def spread_text(middle: str, low: str, high: str) -> str:
    """Return a median with its quartiles."""
    return f"{middle} ({low}–{high})"


def lost_text(frame: TrainingFrame, lane: int) -> str:
    """Return how many of a lane's seeds diverged; nothing where none did, or where there is one seed."""
    if frame.spread is None or not frame.spread.diverged[lane]:
        return ""
    return f"{frame.spread.diverged[lane]} of {len(frame.spread.seeds)} lost"
