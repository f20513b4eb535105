"""An animation in the making: drawn in slices of the window's thread, compressed and written on one of its own.

Between both is a short queue. A slice ends when its time is over, when the queue is full, or when what comes next is
still being computed.
"""

from __future__ import annotations

import queue
import time
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from core.animation import write_animation
from gui.ahead import Ahead
from gui.background import Background

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from core.animation import Film, Pixels
    from gui.projector import Projector

_SLICE_SECONDS = 0.02
_QUEUED = 3


class _Cancelled(Exception):
    """Nobody wants the file any more."""


class Animating(QObject):
    """Writes one animation: `progressed(done, total)`, and then `done([path])` or `failed(error)`."""

    verb = "Drawing"

    progressed = Signal(int, int)
    done = Signal(object)
    failed = Signal(object)

    def __init__(self, projector: Projector, film: Film, path: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._projector, self._film, self._path = projector, film, path
        self._drawn = 0
        self._queue: queue.Queue[Pixels | None] = queue.Queue(_QUEUED)
        self._work = Background("animation", self)
        self._work.ticked.connect(self._draw)
        self._work.done.connect(self._finish)
        self._work.failed.connect(self._fail)
        compute = projector.compute
        self._ahead = None if compute is None else Ahead(compute, film.order, self)
        if self._ahead is not None:
            self._ahead.failed.connect(self._give_up)

    def start(self) -> None:
        """Begin."""
        if self._ahead is not None:
            self._ahead.start()
        path, film, pictures, exact = self._path, self._film, self._taken(), self._projector.colours
        self._work.run(lambda: write_animation(path, film, pictures, exact))

    @property
    def busy(self) -> bool:
        """Whether it goes on."""
        return self._work.busy

    def settle(self) -> bool:
        """Tell of the outcome if there is one by now; return whether there was."""
        return self._work.wait(0.0)

    def cancel(self, patience: float = 0.0) -> None:
        """Give it up; the thread ends after the frame in hand and leaves no file. Wait for it so many seconds."""
        if self.busy:
            self._stop_thread()
            if self._ahead is not None:
                self._ahead.end(patience)
            self._work.end(patience)
            self._projector.close()

    def _taken(self) -> Iterator[Pixels]:
        """Give the thread its pictures."""
        while (picture := self._queue.get()) is not None:
            yield picture
        raise _Cancelled

    def _stop_thread(self) -> None:
        while not self._queue.empty():  # only this thread puts, so that there is room then
            try:
                self._queue.get_nowait()
            except queue.Empty:
                break
        self._queue.put(None)

    def _draw(self) -> None:
        """Draw for a slice of time."""
        order, until = self._film.order, time.perf_counter() + _SLICE_SECONDS
        before = self._drawn
        try:
            while self._drawn < len(order) and not self._queue.full():
                picture = self._next()
                if picture is None:
                    break
                self._queue.put(picture)
                self._drawn += 1
                if time.perf_counter() > until:
                    break
        except Exception as error:  # whatever it is, who asked for the file is told
            self.cancel()
            self.failed.emit(error)
            return
        if self._drawn != before:
            self.progressed.emit(self._drawn, len(order))

    def _next(self) -> Pixels | None:
        """Return the next picture; None while what it shows is being computed."""
        if self._ahead is None:
            return self._projector.picture(self._film.order[self._drawn])
        show = self._ahead.take()
        return None if show is None else self._projector.drawn(show)

    def _give_up(self, error: Exception) -> None:
        """End without what cannot be computed."""
        self.cancel()
        self.failed.emit(error)

    def _finish(self, _nothing: Any) -> None:
        self._projector.close()
        self.done.emit([self._path])

    def _fail(self, error: Exception) -> None:
        if self._ahead is not None:
            self._ahead.end()
        self._projector.close()
        self.failed.emit(error)
