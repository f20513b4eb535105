"""What the BatchNorm view says in words and numbers of a frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from core.bands import FEWEST
from core.numbers import short
from gui.theme import Severity
from gui.views.base import LaneStatus, Number
from gui.views.scales import lane_words, scales_of
from gui.views.seeds import seed_numbers
from gui.words import measured_by, percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.experiments.training_frame import TrainingFrame

LEARNS = 0.5
"""The training accuracy above which a network counts as learning."""


def moment(frame: TrainingFrame, cursor: int, measured: int) -> tuple[Any, ...]:
    """Return what differs between moments that look different, of `measured` measurements; it takes no time to find."""
    ended = tuple(at is not None and at <= cursor for at in frame.diverged)
    spread = frame.spread is not None and (frame.spread.diverged, frame.spread.seeds, cursor == frame.position)
    accuracy = frame.train_accuracy[:, :measured].tobytes()
    old = tuple(id(future) for future in frame.futures if future.start <= cursor)
    return frame.total, frame.per_epoch, bool(frame.iteration), frame.diverged, ended, spread, measured, accuracy, old


def learning(frame: TrainingFrame, rows: Sequence[int], column: int) -> list[Number]:
    """Count the scales at which more than half of the images are right, with and without BatchNorm."""
    found = []
    for words in dict.fromkeys(lane_words(frame.lanes[row]) for row in rows):
        kind = [row for row in rows if lane_words(frame.lanes[row]) == words]
        if len(kind) == 1:
            found.append((f"{words}, test accuracy", percent(frame.test_accuracy[kind[0], column])))
        else:
            learning = np.count_nonzero(frame.train_accuracy[kind, column] > LEARNS)
            found.append((f"{words}, scales above {100 * LEARNS:.0f} %", f"{learning} of {len(kind)}"))
    return found


def of_seeds(frame: TrainingFrame, rows: Sequence[int]) -> list[Number]:
    """Say what several seeds tell: of one scale in the words of other panels, of many at how many scales."""
    scales = scales_of([frame.lanes[row] for row in rows])
    if frame.spread is None or len(scales) == 1:
        return seed_numbers(frame, [frame.lanes[row].label for row in rows])
    common = seed_numbers(frame, ())
    if len(frame.spread.seeds) < FEWEST or not frame.position:
        return common
    pairs = {frozenset(pair) for pair in frame.spread.alike}
    labels = ([frame.lanes[rows[place]].label for place in places] for places in scales.values())
    alike = sum(frozenset(pair) in pairs for pair in labels)
    return [*common, ("scales at which both cannot be told apart", f"{alike} of {len(scales)}")]


def divergences(frame: TrainingFrame, rows: Sequence[int], cursor: int) -> list[str]:
    """Say which of these lanes diverged."""
    found = []
    for row in rows:
        words, at = lane_words(frame.lanes[row]), frame.diverged[row]
        if frame.spread is not None and frame.spread.diverged[row] and cursor == frame.position:
            found.append(f"{words}: {frame.spread.diverged[row]} of {len(frame.spread.seeds)} diverged")
        elif at is not None and at <= cursor:
            found.append(f"{words} diverged at {at:,}")
    return found


def status(frame: TrainingFrame, row: int, cursor: int) -> LaneStatus:
    """Return a lane's training accuracy, or where it diverged."""
    diverged = frame.diverged[row]
    if diverged is not None and diverged <= cursor:
        return LaneStatus(f"diverged at {diverged:,}", Severity.ERROR)
    column = measured_by(frame.measured_at, cursor) - 1
    return LaneStatus(percent(frame.train_accuracy[row, column]) if cursor and column >= 0 else "")


def epoch_text(frame: TrainingFrame, column: int) -> str:
    """Return the epoch of a measurement."""
    epoch = float(frame.measured_at[column] / frame.per_epoch)
    return short(epoch, 3) if epoch < 1000.0 else f"{epoch:,.0f}"
