"""What the over-fitting view says in words and numbers of a frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gui.theme import Severity
from gui.views.base import LaneStatus
from gui.views.seeds import lost_text
from gui.words import measured_by, percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.experiments.training_frame import TrainingFrame

_LOW, _HEADROOM = 0.45, 1.05
_STEPS = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)


def corner_words(frame: TrainingFrame, row: int, cursor: int, narrow: bool) -> tuple[str, str, bool]:
    """Return what is written in a lane's plot, and whether above the curves: where the last half is low."""
    diverged, column = frame.diverged[row], measured_by(frame.measured_at, cursor) - 1
    if diverged is not None and diverged <= cursor:
        return f"diverged at {diverged:,}", "its loss is not finite", True
    if column < 0 or not cursor:
        return "", "", False
    train, test = frame.train_accuracy[row, column], frame.test_accuracy[row, column]
    low = bool(test < _LOW and 2 * cursor > frame.total)
    quiet = f"{100 * train:.1f} − {percent(test)}" if narrow else f"train {percent(train)}, test {percent(test)}"
    return gap_text(train - test), quiet, low


def top_norm(frame: TrainingFrame, rows: Sequence[int]) -> float:
    """Return a round number above all norms of lanes that have not diverged."""
    kept = [row for row in rows if frame.diverged[row] is None] or list(rows)
    norms = frame.weight_norm[kept]
    highest = float(norms[np.isfinite(norms)].max(initial=0.0)) or 1.0
    power = 10.0 ** np.floor(np.log10(highest))
    return float(power * next(step for step in (*_STEPS, 15.0) if step * power >= highest * _HEADROOM))


def status(frame: TrainingFrame, row: int, cursor: int) -> LaneStatus:
    """Return a lane's training and test accuracy, or where it diverged."""
    diverged, column = frame.diverged[row], measured_by(frame.measured_at, cursor) - 1
    if diverged is not None and diverged <= cursor:
        return LaneStatus(f"diverged at {diverged:,}", Severity.ERROR)
    if column < 0 or not cursor:
        return LaneStatus("")
    train, test, lost = frame.train_accuracy[row, column], frame.test_accuracy[row, column], lost_text(frame, row)
    text = f"{100 * train:.0f} · {percent(test)}"
    return LaneStatus(f"{text} · {lost}", Severity.WARNING) if lost else LaneStatus(text)


def gap_text(gap: float) -> str:
    """Return `gap 3.1 points`."""
    return f"gap {points(gap)}"


def points(gap: float) -> str:
    """Return a difference of shares in percentage points."""
    return f"{100 * gap:.1f} points".replace("-", "−") if np.isfinite(gap) else "not finite"


def epoch_text(frame: TrainingFrame, column: int) -> str:
    """Return the epoch of a measurement."""
    return f"epoch {frame.measured_at[column] / frame.per_epoch:,.4g}"
