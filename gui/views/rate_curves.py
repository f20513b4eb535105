"""The curves of a learning rate over a run: bold is what was used up to the cursor, pale what comes after it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtGui import QColor

from gui.items import Frame, Trace, stroke
from gui.markers import CurveMarkers
from gui.views.futures import tint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from PySide6.QtGui import QPainter

    from core.lanes import Lane

_NOTHING = np.empty(0)
_MOST_DECADES = 6.0
_ROOM = 0.12  # of the range, above and below


class _RateTrace(Trace):
    """A curve in a lane's colour or, without one, in that of text; what is ahead is in a tint of the page."""

    def __init__(self, colour: str, ahead: bool) -> None:
        super().__init__(colour, weight=1 if ahead else 2)
        self._ahead = ahead

    def draw(self, painter: QPainter, frame: Frame) -> None:
        """Draw the curve; a file may have other colours than the screen."""
        colour = self._lane(self._colour) if self._colour else self._colours.foreground
        shown = tint(colour, self._colours) if self._ahead else QColor(colour)
        stroke(painter, self._once(frame, self._line), shown, self._weight, frame)


class RateCurves:
    """What one lane used, with its markers, or all of them, and what is to come."""

    def __init__(self, lane: Lane | None, phase: float) -> None:
        colour = lane.colour if lane else ""
        self.ahead, self.used = _RateTrace(colour, ahead=True), _RateTrace(colour, ahead=False)
        self.markers = (CurveMarkers(lane.colour, lane.marker, phase),) if lane else ()
        for height, item in enumerate(self.all()):
            item.setZValue(10 * height)
        self._shown: tuple[Any, ...] = ()

    def all(self) -> tuple[Any, ...]:
        """Return every item."""
        return self.ahead, self.used, *self.markers

    def show(self, frame: Any, row: int, end: int, lost: bool, per: int) -> None:
        """Draw what was used in the first `end` updates, `per` of them to 1 of x, and what is to come unless `lost`."""
        used = frame.rates[row, :end]
        self.used.setData(used, x0=1.0 / per, dx=1.0 / per)
        for markers in self.markers:
            markers.set_curve(used, 1.0, frame.total)
        self._show_ahead(frame, row, lost, per)

    def _show_ahead(self, frame: Any, row: int, lost: bool, per: int) -> None:
        """Draw the whole run, below what was used; as that covers it, anew only where something is to come anew."""
        changes = [change.iteration for change in getattr(frame, "changes", ())]
        settled = min(max(changes, default=0), frame.rates.shape[1])
        key = (id(frame.ahead), row, settled, lost, per)
        if key != self._shown[1:]:
            self._shown = (frame.ahead, *key)  # an id is of nothing else while its object is kept
            rates, updates = (_NOTHING, _NOTHING) if lost else _whole(frame, row, settled)
            self.ahead.setData(rates, updates / per)


def _whole(frame: Any, row: int, settled: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return a lane's rates over the whole run: as used up to `settled`, then as the schedule has them."""
    ahead = frame.ahead
    begins = int(np.searchsorted(ahead.at, settled, "right"))
    rates = np.concatenate([frame.rates[row, :settled], ahead.rates[row, begins:]])
    return rates, np.concatenate([np.arange(1, settled + 1), ahead.at[begins:]])


def decades_of(frame: Any, rows: Sequence[int]) -> tuple[float, float]:
    """Return a range in decades that holds all of these rates; those far below the others leave it."""
    rates = np.concatenate([frame.ahead.rates[rows].ravel(), frame.rates[rows].ravel()])
    found = np.log10(rates[rates > 0.0]) if (rates > 0.0).any() else np.zeros(1)
    high = float(found.max())
    low = max(float(found.min()), high - _MOST_DECADES)
    room = max(_ROOM * (high - low), 0.15)
    return low - room, high + room
