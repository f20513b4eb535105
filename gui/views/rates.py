"""Learning rates beside the loss: a slim plot on a log axis, there only while a lane that is shown has a schedule.

Where lanes can differ in them each has its curve, over updates; where all have the same there is one, over epochs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gui.crosshair import Crosshair, ReadoutLine
from gui.plots import Plot, make_plot
from gui.views.base import Number, short_number
from gui.views.futures import FAINT
from gui.views.marks import ChangeMarks
from gui.views.rate_curves import RateCurves, decades_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyqtgraph as pg

    from gui.plots import PlotColours

NAME = "learning rate"
SHARE = "share of lr"
"""What a schedule makes of learning rates that differ."""
SLIM, NUMBERED = 76.0, 92.0
"""Heights: with the numbers of a neighbour's axis of x, and with its own."""
_UNBOUNDED = 16_777_215.0


class Rates:
    """What a plot of learning rates shows; whoever has the plot finds room for it while it is `shown`."""

    def __init__(self, plot: Plot, unit: str) -> None:
        self.plot, self.shown, self._unit = plot, False, unit
        self.name = NAME
        self._lanes: dict[str, RateCurves] = {}
        self._marks = ChangeMarks(labelled=False)
        self.hover = Crosshair(self._read)
        for item in (self._marks, self.hover):
            plot.addItem(item)
        self._frame: Any = None
        self._rows: Sequence[int] = ()
        self._cursor = 0
        self._fitted: tuple[Any, ...] = ()
        self._drawn, self._kept = -1, None
        self._key: tuple[Any, ...] = ()
        plot.vb.sigXRangeChanged.connect(lambda _box, _ends: self._follow_zoom())

    def show_frame(self, frame: Any, rows: Sequence[int], cursor: int) -> None:
        """Draw the rates of these lanes up to `cursor`, or nothing where none has a schedule."""
        self._frame, self._rows, self._cursor = frame, rows, cursor
        self._set_shown(frame.ahead is not None and any(frame.ahead.scheduled[i] for i in rows))
        if not self.shown:
            return
        self._show_lanes(frame)
        if self._is_seen(frame, cursor):
            self._show_used(frame, cursor)
        self._marks.show_changes(getattr(frame, "changes", ()), self._per(frame))
        self._fit(frame)

    def _set_shown(self, shown: bool) -> None:
        self.shown = shown

    def _per(self, _frame: Any) -> int:
        """Return how many updates make 1 of x."""
        return 1

    def _is_seen(self, frame: Any, cursor: int) -> bool:
        """Whether the cursor has moved by what can be seen, of many updates to a pixel, or anything else is new."""
        low, high = self.plot.vb.viewRange()[0]
        pixel = (high - low) / max(1.0, self.plot.vb.width()) * self._per(frame)
        key = (id(frame.ahead), tuple(self._rows), frame.diverged, len(getattr(frame, "changes", ())))
        moved = abs(cursor - self._drawn) >= 0.5 * pixel or cursor in (0, frame.total)
        same, self._key, self._kept = key == self._key, key, frame.ahead
        return moved or not same

    def _follow_zoom(self) -> None:
        """Draw up to the cursor: what was less than a pixel may be several now."""
        if self.shown and self._drawn != self._cursor and self._drawn >= 0:
            self._show_used(self._frame, self._cursor)

    def _show_used(self, frame: Any, cursor: int) -> None:
        self._drawn = cursor
        for i in self._rows:
            lost = frame.diverged[i]
            end = cursor if lost is None else max(0, min(cursor, lost - 1))
            self._lanes[frame.lanes[i].name].show(frame, i, end, lost is not None, 1)

    def _show_lanes(self, frame: Any) -> None:
        on = {frame.lanes[i].name for i in self._rows}
        for row, lane in enumerate(frame.lanes):
            if lane.name not in self._lanes:
                self._add(lane.name, RateCurves(lane, (row + 0.5) / len(frame.lanes)))
        for name, curves in self._lanes.items():
            if curves.used.isVisible() != (name in on):
                for item in curves.all():
                    item.setVisible(name in on)

    def _add(self, name: str, curves: RateCurves) -> None:
        self._lanes[name] = curves
        for item in curves.all():
            self.plot.addItem(item)

    def _fit(self, frame: Any) -> None:
        """Show all rates of the run, those to come too, so that the axis stands still while it plays."""
        wanted = (frame.ahead, tuple(self._rows))
        if self._fitted and self._fitted[0] is wanted[0] and self._fitted[1:] == wanted[1:]:
            return
        self._fitted = wanted
        self.plot.setYRange(*decades_of(frame, self._rows), padding=0)

    def _read(self, index: int) -> Sequence[ReadoutLine]:
        frame = self._frame
        if frame is None or not self.shown or not 1 <= index <= self._cursor:
            return []
        lanes = [(frame.lanes[i], float(frame.rates[i, index - 1])) for i in self._rows]
        lines = [(f"{lane.label}  {short_number(rate)}", lane.colour) for lane, rate in lanes]
        return [(f"{self._unit} {index:,}: {NAME}", ""), *lines]

    def highlight(self, lane: str | None) -> None:
        """Let the other lanes fade."""
        for name, curves in self._lanes.items():
            for item in curves.all():
                item.setOpacity(1.0 if lane in (None, name) else FAINT)


class RatePlot(Rates):
    """Rates in a row of their own, below the plot of the loss, whose x range they follow."""

    def __init__(self, layout: pg.GraphicsLayout, row: int, above: Plot, unit: str, **look: Any) -> None:
        super().__init__(make_plot(layout, row, 0, y_label=NAME, log_y=True, whole_x=True, **look), unit)
        self._colours = self.plot.colours
        self.plot.getAxis("bottom").set_slim()
        self._grid, self._row = layout.layout, row
        above.vb.sigXRangeChanged.connect(lambda _box, ends: self.plot.setXRange(*ends, padding=0))
        self.shown = True
        self._set_shown(False)

    def _set_shown(self, shown: bool) -> None:
        if shown != self.shown:
            self.shown = shown
            if shown:
                self._grid.addItem(self.plot, self._row, 0)
            else:  # an item that is only hidden keeps some of its room
                self._grid.removeItem(self.plot)
            self.plot.setVisible(shown)
            self.set_colours(self._colours)
            self._grid.setRowMinimumHeight(self._row, SLIM if shown else 0.0)
            self._grid.setRowMaximumHeight(self._row, _UNBOUNDED if shown else 0.0)
            self._grid.setRowStretchFactor(self._row, 1 if shown else 0)

    def set_colours(self, colours: PlotColours) -> None:
        """Draw in these colours from now on, or once it is shown: a hidden axis would be left without a width."""
        self._colours = colours
        if self.shown:
            self.plot.set_colours(colours)


class CommonRates(Rates):
    """The one rate of all lanes over epochs, or what theirs are multiplied by; its plot is in no layout at first.

    `margin` is the share of the run that the axis of x shows before and after it.
    """

    def __init__(self, margin: float = 0.0) -> None:
        plot = Plot()
        self._margin = margin
        plot.setLogMode(y=True)
        plot.disableAutoRange()  # setLogMode enabled it
        plot.setMouseEnabled(False, False)
        plot.getAxis("left").set_text(NAME)
        plot.getAxis("bottom").set_whole()
        super().__init__(plot, "epoch")
        self._add("", RateCurves(None, 0.0))

    def rename(self, name: str) -> None:
        """Call what is shown so."""
        if name != self.name:
            self.name = name
            self.plot.getAxis("left").set_text(name)

    def show_frame(self, frame: Any, rows: Sequence[int], cursor: int) -> None:
        """Draw the rate of the first of these lanes up to `cursor`, or nothing where it has no schedule."""
        super().show_frame(frame, rows[:1], cursor)

    def _per(self, frame: Any) -> int:
        return int(frame.per_epoch)

    def _show_lanes(self, frame: Any) -> None:
        """There is one curve."""

    def _show_used(self, frame: Any, cursor: int) -> None:
        self._drawn = cursor
        for row in self._rows:
            self._lanes[""].show(frame, row, cursor, None not in frame.diverged, self._per(frame))

    def _fit(self, frame: Any) -> None:
        super()._fit(frame)
        epochs = frame.total / frame.per_epoch
        wanted = -self._margin * epochs, (1.0 + self._margin) * epochs
        if wanted != tuple(self.plot.vb.viewRange()[0]):
            self.plot.setXRange(*wanted, padding=0)

    def _read(self, index: int) -> Sequence[ReadoutLine]:
        """Read the last rate up to an epoch's end, of its beginning the first one."""
        frame = self._frame
        if frame is None or not self.shown or index < 0:
            return []
        at = max(1, index * self._per(frame))
        if at > self._cursor:
            return []
        return [(f"{self._unit} {index:,}: {self.name} {short_number(frame.rates[self._rows[0], at - 1])}", "")]

    def numbers(self, frame: Any, cursor: int) -> list[Number]:
        """Return the rate of the last update, or of the first; nothing where it has no schedule."""
        if frame.ahead is None or not any(frame.ahead.scheduled):
            return []
        rate = frame.rates[0, cursor - 1] if cursor else frame.ahead.rates[0, 0]
        return [(self.name, short_number(rate))]


def rate_numbers(frame: Any, rows: Sequence[int], cursor: int) -> list[Number]:
    """Return the learning rate of the last update, or of the first, of the lanes with a schedule."""
    if frame.ahead is None:
        return []
    now = frame.rates[:, cursor - 1] if cursor else frame.ahead.rates[:, 0]
    return [(f"{NAME}, {frame.lanes[i].label}", short_number(now[i])) for i in rows if frame.ahead.scheduled[i]]
