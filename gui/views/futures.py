"""Old futures: pale curves of what a run had done before it was rewound and went on another way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gui.items import Trace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from core.experiments.saved import OldFuture
    from gui.plots import Plot

    # The values `(lanes, n)` of a future, and the places `(n,)` or the first place of steps of 1.
    Read = Callable[[OldFuture], tuple[NDArray[Any], NDArray[Any] | float]]

PALE = 0.38


class OldFutures:
    """The pale curves of one plot, behind those of the run."""

    def __init__(self, plot: Plot, read: Read, dashed: bool = False) -> None:
        self._plot, self._read, self._dashed = plot, read, dashed
        self._traces: list[Trace] = []
        self._shown: tuple[Any, ...] = ((), ())

    def show(self, futures: Sequence[OldFuture], lanes: Sequence[tuple[int, str]]) -> None:
        """Draw these futures of some lanes, given as rows and colours."""
        now = tuple(map(id, futures)), tuple(lanes)
        if now == self._shown:
            return
        self._shown = now
        wanted = [(future, row, colour) for future in futures for row, colour in lanes]
        for trace in self._traces[len(wanted) :]:
            trace.setVisible(False)
        for place, (future, row, colour) in enumerate(wanted):
            self._draw(self._trace(place), future, row, colour)

    def _trace(self, place: int) -> Trace:
        if place == len(self._traces):
            self._traces.append(Trace())
            self._traces[-1].setZValue(-10)
            self._plot.addItem(self._traces[-1])
        return self._traces[place]

    def _draw(self, trace: Trace, future: OldFuture, row: int, colour: str) -> None:
        values, places = self._read(future)
        trace.set_look(colour, 1 if self._dashed else 2, PALE, self._dashed)
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
