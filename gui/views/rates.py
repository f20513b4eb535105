"""Learning rates under the loss: a slim plot on a log axis, there only while a lane that is shown has a schedule.

Bold is what was used up to the cursor, pale what comes after it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gui.crosshair import Crosshair, ReadoutLine
from gui.items import Frame, Trace, stroke
from gui.markers import CurveMarkers
from gui.plots import make_plot
from gui.views.base import Number, short_number
from gui.views.futures import FAINT, pale
from gui.views.marks import ChangeMarks

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyqtgraph as pg
    from numpy.typing import NDArray
    from PySide6.QtGui import QPainter

    from core.lanes import Lane
    from gui.plots import Plot

NAME = "learning rate"
_NOTHING = np.empty(0)
_HEIGHT = 76.0
_MOST_DECADES = 6.0
_ROOM = 0.12  # of the range, above and below
_UNBOUNDED = 16_777_215.0


class _PaleTrace(Trace):
    """A curve in a tint of the page's colour, which is another one in a file."""

    def draw(self, painter: QPainter, frame: Frame) -> None:
        """Draw the curve."""
        stroke(painter, self._once(frame, self._line), pale(self._colour, self._colours), self._weight, frame)


class _LaneRate:
    """One lane: what was used, its markers, and what is to come."""

    def __init__(self, lane: Lane, phase: float) -> None:
        self.ahead = _PaleTrace(lane.colour)
        self.used = Trace(lane.colour, weight=2)
        self.markers = CurveMarkers(lane.colour, lane.marker, phase)
        for height, item in enumerate(self.all()):
            item.setZValue(10 * height)
        self._shown: tuple[Any, ...] = ()

    def show_ahead(self, frame: Any, row: int) -> None:
        """Draw the whole run, below what was used; as that covers it, anew only where something is to come anew."""
        changes = [change.iteration for change in getattr(frame, "changes", ())]
        settled = min(max(changes, default=0), frame.rates.shape[1])
        key = (id(frame.ahead), row, settled, frame.diverged[row])
        if key != self._shown[1:]:
            self._shown = (frame.ahead, *key)  # an id is of nothing else while its object is kept
            lost = frame.diverged[row] is not None
            self.ahead.setData(*((_NOTHING, _NOTHING) if lost else _whole(frame, row, settled)))

    def all(self) -> tuple[Any, ...]:
        """Return every item."""
        return self.ahead, self.used, self.markers


class RatePlot:
    """The plot in a row of its own, below that of the loss, whose x range it follows."""

    def __init__(self, layout: pg.GraphicsLayout, row: int, above: Plot, unit: str, **look: Any) -> None:
        self.plot = make_plot(layout, row, 0, y_label=NAME, log_y=True, whole_x=True, **look)
        self.plot.getAxis("bottom").set_slim()
        self._grid, self._row, self._unit = layout.layout, row, unit
        self._lanes: dict[str, _LaneRate] = {}
        self._marks = ChangeMarks(labelled=False)
        self.hover = Crosshair(self._read)
        for item in (self._marks, self.hover):
            self.plot.addItem(item)
        above.vb.sigXRangeChanged.connect(lambda _box, ends: self.plot.setXRange(*ends, padding=0))
        self._frame: Any = None
        self._rows: Sequence[int] = ()
        self._cursor = 0
        self._fitted: tuple[Any, ...] = ()
        self._drawn, self._kept = -1, None
        self._key: tuple[Any, ...] = ()
        self.plot.vb.sigXRangeChanged.connect(lambda _box, _ends: self._follow_zoom())
        self._shown = True
        self._set_shown(False)

    @property
    def shown(self) -> bool:
        """Whether there is something to show."""
        return self._shown

    def show_frame(self, frame: Any, rows: Sequence[int], cursor: int) -> None:
        """Draw the rates of these lanes up to `cursor`, or leave the room to others where none has a schedule."""
        self._frame, self._rows, self._cursor = frame, rows, cursor
        self._set_shown(frame.ahead is not None and any(frame.ahead.scheduled[i] for i in rows))
        if not self._shown:
            return
        self._show_lanes(frame)
        if self._is_seen(frame, cursor):
            self._show_used(frame, cursor)
        self._marks.show_changes(getattr(frame, "changes", ()), 1)
        self._fit(frame)

    def _is_seen(self, frame: Any, cursor: int) -> bool:
        """Whether the cursor has moved by what can be seen, of many updates to a pixel, or anything else is new."""
        low, high = self.plot.vb.viewRange()[0]
        pixel = (high - low) / max(1.0, self.plot.vb.width())
        key = (id(frame.ahead), tuple(self._rows), frame.diverged, len(getattr(frame, "changes", ())))
        moved = abs(cursor - self._drawn) >= 0.5 * pixel or cursor in (0, frame.total)
        same, self._key, self._kept = key == self._key, key, frame.ahead
        return moved or not same

    def _follow_zoom(self) -> None:
        """Draw up to the cursor: what was less than a pixel may be several now."""
        if self._shown and self._drawn != self._cursor and self._drawn >= 0:
            self._show_used(self._frame, self._cursor)

    def _show_used(self, frame: Any, cursor: int) -> None:
        self._drawn = cursor
        for i in self._rows:
            items = self._lanes[frame.lanes[i].name]
            lost = frame.diverged[i]
            used = frame.rates[i, : cursor if lost is None else max(0, min(cursor, lost - 1))]
            items.used.setData(used, x0=1.0)
            items.markers.set_curve(used, 1.0, frame.total)
            items.show_ahead(frame, i)

    def _set_shown(self, shown: bool) -> None:
        if shown != self._shown:
            self._shown = shown
            if shown:
                self._grid.addItem(self.plot, self._row, 0)
            else:  # an item that is only hidden keeps some of its room
                self._grid.removeItem(self.plot)
            self.plot.setVisible(shown)
            self._grid.setRowMinimumHeight(self._row, _HEIGHT if shown else 0.0)
            self._grid.setRowMaximumHeight(self._row, _UNBOUNDED if shown else 0.0)
            self._grid.setRowStretchFactor(self._row, 1 if shown else 0)

    def _show_lanes(self, frame: Any) -> None:
        on = {frame.lanes[i].name for i in self._rows}
        for row, lane in enumerate(frame.lanes):
            if lane.name not in self._lanes:
                self._lanes[lane.name] = _LaneRate(lane, (row + 0.5) / len(frame.lanes))
                for item in self._lanes[lane.name].all():
                    self.plot.addItem(item)
        for name, items in self._lanes.items():
            if items.used.isVisible() != (name in on):
                for item in items.all():
                    item.setVisible(name in on)

    def _fit(self, frame: Any) -> None:
        """Show all rates of the run, those to come too, so that the axis stands still while it plays."""
        wanted = (frame.ahead, tuple(self._rows))
        if self._fitted and self._fitted[0] is wanted[0] and self._fitted[1:] == wanted[1:]:
            return
        self._fitted = wanted
        rates = np.concatenate([frame.ahead.rates[self._rows].ravel(), frame.rates[self._rows].ravel()])
        low, high = _decades(rates)
        self.plot.setYRange(low, high, padding=0)

    def _read(self, index: int) -> Sequence[ReadoutLine]:
        frame = self._frame
        if frame is None or not self._shown or not 1 <= index <= self._cursor:
            return []
        lanes = [(frame.lanes[i], float(frame.rates[i, index - 1])) for i in self._rows]
        lines = [(f"{lane.label}  {short_number(rate)}", lane.colour) for lane, rate in lanes]
        return [(f"{self._unit} {index:,}: {NAME}", ""), *lines]

    def highlight(self, lane: str | None) -> None:
        """Let the other lanes fade."""
        for name, items in self._lanes.items():
            for item in items.all():
                item.setOpacity(1.0 if lane in (None, name) else FAINT)


def rate_numbers(frame: Any, rows: Sequence[int], cursor: int) -> list[Number]:
    """Return the learning rate of the last update, or of the first, of the lanes with a schedule."""
    if frame.ahead is None:
        return []
    now = frame.rates[:, cursor - 1] if cursor else frame.ahead.rates[:, 0]
    return [(f"{NAME}, {frame.lanes[i].label}", short_number(now[i])) for i in rows if frame.ahead.scheduled[i]]


def _whole(frame: Any, row: int, settled: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return a lane's rates over the whole run: as used up to `settled`, then as the schedule has them."""
    ahead = frame.ahead
    begins = int(np.searchsorted(ahead.at, settled, "right"))
    rates = np.concatenate([frame.rates[row, :settled], ahead.rates[row, begins:]])
    return rates, np.concatenate([np.arange(1, settled + 1), ahead.at[begins:]])


def _decades(rates: NDArray[Any]) -> tuple[float, float]:
    """Return a range in decades that holds all of the rates; those far below the others leave it."""
    found = np.log10(rates[rates > 0.0]) if (rates > 0.0).any() else np.zeros(1)
    high = float(found.max())
    low = max(float(found.min()), high - _MOST_DECADES)
    room = max(_ROOM * (high - low), 0.15)
    return low - room, high + room
