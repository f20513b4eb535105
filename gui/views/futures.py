"""Old futures: pale curves of what a run had done before it was rewound and went on another way.

The last one is what a change is compared with; those before it are paler still.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gui.items import Frame, Trace, stroke
from gui.legend import LegendEntry
from gui.plots import blend

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from PySide6.QtGui import QColor, QPainter

    from core.experiments.saved import OldFuture
    from core.lanes import Lane
    from gui.plots import Plot, PlotColours

    # The values `(lanes, n)` of a future, and the places `(n,)` or the first place of steps of 1.
    Read = Callable[[OldFuture], tuple[NDArray[Any], NDArray[Any] | float]]

BEFORE = "before the branch"
FAINT = 0.18  # the opacity of lanes beside the one that is brought to the fore
_PALE = {False: (0.42, 0.24), True: (0.58, 0.42)}  # of the last future and of those before it, by darkness


def pale(colour: str, colours: PlotColours, age: int = 0) -> QColor:
    """Return the tint of a lane's old future; its `age` is 0 for the last one."""
    return tint(colours.lane(colour), colours, age)


def tint(colour: str, colours: PlotColours, age: int = 0) -> QColor:
    """Return the same for a colour that is drawn as it is."""
    return blend(colour, colours.background, _PALE[colours.dark][min(age, 1)])


def before_entry(there: bool, colours: PlotColours) -> list[LegendEntry]:
    """Return what a legend says of pale curves, if there are any."""
    return [LegendEntry(BEFORE, tint(colours.muted, colours).name(), exact=True)] if there else []


class _OldTrace(Trace):
    """A curve in a tint of the page's colour, which is another one in a file."""

    age, lane = 0, ""

    def draw(self, painter: QPainter, frame: Frame) -> None:
        """Draw the curve."""
        colour = pale(self._colour, self._colours, self.age)
        stroke(painter, self._once(frame, self._line), colour, self._weight, frame, dashed=self._dashed)


class OldFutures:
    """The pale curves of one plot, behind those of the run."""

    def __init__(self, plot: Plot, read: Read, dashed: bool = False) -> None:
        self._plot, self._read, self._dashed = plot, read, dashed
        self._traces: list[_OldTrace] = []
        self._futures: tuple[OldFuture, ...] = ()
        self._lanes: tuple[tuple[int, Lane], ...] = ()
        self._highlighted: str | None = None

    def show(self, futures: Sequence[OldFuture], lanes: Sequence[tuple[int, Lane]]) -> None:
        """Draw these futures of some lanes, which come with their rows."""
        same = len(futures) == len(self._futures) and all(a is b for a, b in zip(futures, self._futures, strict=True))
        if same and tuple(lanes) == self._lanes:
            return
        self._futures, self._lanes = tuple(futures), tuple(lanes)
        wanted = [(age, row, lane) for age in range(len(futures)) for row, lane in lanes]
        for trace in self._traces[len(wanted) :]:
            trace.setVisible(False)
        for place, (age, row, lane) in enumerate(wanted):
            self._draw(self._trace(place), age, row, lane)

    def highlight(self, lane: str | None) -> None:
        """Let the curves of other lanes fade; of none for None."""
        self._highlighted = lane
        for trace in self._traces:
            trace.setOpacity(self._opacity(trace.lane))

    def _opacity(self, lane: str) -> float:
        return 1.0 if self._highlighted in (None, lane) else FAINT

    def _trace(self, place: int) -> _OldTrace:
        if place == len(self._traces):
            self._traces.append(_OldTrace())
            self._plot.addItem(self._traces[-1])
        return self._traces[place]

    def _draw(self, trace: _OldTrace, age: int, row: int, lane: Lane) -> None:
        values, places = self._read(self._futures[-1 - age])
        trace.age, trace.lane = age, lane.name
        trace.setZValue(-10 - age)
        trace.setOpacity(self._opacity(lane.name))
        trace.set_look(lane.colour, 1 if self._dashed else 2, dashed=self._dashed)
        if isinstance(places, float):
            trace.setData(values[row], x0=places)
        else:
            trace.setData(values[row], places)
        trace.setVisible(True)


def old_losses(future: OldFuture) -> tuple[NDArray[Any], float]:
    """Read smoothed losses over iterations."""
    return future.smoothed, future.start + 1.0


def old_tests(future: OldFuture, unit: int = 1) -> tuple[NDArray[Any], NDArray[Any]]:
    """Read test accuracies over iterations, or over units of so many."""
    return future.test_accuracy, future.measured_at / unit


def old_trains(future: OldFuture, unit: int = 1) -> tuple[NDArray[Any], NDArray[Any]]:
    """Read training accuracies over iterations, or over units of so many."""
    return future.train_accuracy, future.measured_at / unit


def begun(futures: Sequence[OldFuture], position: float) -> list[OldFuture]:
    """Return those that had been left by a moment: before it there is no branch to compare with."""
    return [future for future in futures if future.start <= position]


# What a readout says of them.


def loss_before(futures: Sequence[OldFuture], row: int, iteration: int) -> float | None:
    """Return the smoothed loss that a lane had at an iteration before the run was branched; None without any."""
    for future in reversed(futures):
        if future.start < iteration <= future.end:
            return float(future.smoothed[row, iteration - future.start - 1])
    return None


def accuracy_before(futures: Sequence[OldFuture], name: str, row: int, iteration: int) -> float | None:
    """Return the accuracy, by its field's name, that was measured then before the run was branched; None without."""
    for future in reversed(futures):
        column = int(np.searchsorted(future.measured_at, iteration))
        if future.start < iteration and column < len(future.measured_at) and future.measured_at[column] == iteration:
            return float(getattr(future, name)[row, column])
    return None


def before_text(now: str, before: str | None) -> str:
    """Say what was before, where that was something else."""
    return "" if before is None or before == now else f"  (before {before})"
