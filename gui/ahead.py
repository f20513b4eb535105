"""What an animation shows, computed some pictures ahead of who draws it, on a thread of its own that touches no Qt."""

from __future__ import annotations

import queue
import threading
from contextlib import closing
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from core.files import ExportError
from gui.background import Background

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gui.reels import Compute, Show, Shows

_AHEAD = 4
_LOOK_SECONDS = 0.05  # between two looks at whether it is still wanted


class Ahead(QObject):
    """Computes how each of some moments is shown, in their order; `failed(error)` says that it cannot go on."""

    failed = Signal(object)

    def __init__(self, compute: Compute, moments: Sequence[int], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._compute, self._moments = compute, moments
        self._ended = threading.Event()
        self._queue: queue.Queue[Show] = queue.Queue(_AHEAD)
        self._work = Background("moments", self)
        self._work.failed.connect(self.failed)

    def start(self) -> None:
        """Begin."""
        found = self._compute(self._moments, self._ended.is_set)
        self._work.run(lambda: self._fill(found))

    def take(self) -> Show | None:
        """Return what shows the next moment; None while it is being computed."""
        try:
            return self._queue.get_nowait()
        except queue.Empty:
            return None

    def end(self, patience: float = 0.0) -> None:
        """Give up what is not computed yet, and wait so many seconds for the thread to end."""
        self._ended.set()
        self._work.end(patience)

    def _fill(self, found: Shows) -> None:
        try:
            with closing(found):
                for show in found:
                    self._put(show)
        except ValueError as error:
            raise ExportError(str(error)) from error

    def _put(self, show: Show) -> None:
        while not self._ended.is_set():
            try:
                return self._queue.put(show, timeout=_LOOK_SECONDS)
            except queue.Full:
                continue
