"""Work that takes longer than a frame, on a plain thread that touches no Qt; its outcome comes as a signal."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal

if TYPE_CHECKING:
    from collections.abc import Callable

_LOOK_MS = 15
_PATIENCE = 0.4  # seconds that closing a window waits for work that is asked to end


class Background(QObject):
    """One piece of work at a time: `done(result)` or `failed(error)` comes in the GUI's thread.

    `ticked` comes about sixty times a second while it goes on, for who shows its progress.
    """

    done = Signal(object)
    failed = Signal(object)
    ticked = Signal()

    def __init__(self, name: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self._future: Future[Any] | None = None
        self._thread: threading.Thread | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(_LOOK_MS)
        self._timer.timeout.connect(self._look)

    @property
    def busy(self) -> bool:
        """Whether work is under way whose outcome has not been told."""
        return self._future is not None

    def run(self, work: Callable[[], Any]) -> None:
        """Begin; RuntimeError while other work is under way."""
        if self.busy:
            raise RuntimeError(f"{self._name} is at work")
        future: Future[Any] = Future()
        self._future = future
        self._thread = threading.Thread(target=_work, args=(work, future), name=self._name, daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:  # no room for a thread: told like whatever the work raises
            self._thread = None
            future.set_exception(MemoryError(str(error)))
        self._timer.start()

    def forget(self) -> None:
        """Let the work end by itself and tell nobody of its outcome."""
        self._timer.stop()
        self._future = None

    def end(self, patience: float = _PATIENCE) -> None:
        """Forget the work, and wait a moment for it to end."""
        self.forget()
        if self._thread is not None:
            self._thread.join(patience)

    def wait(self, patience: float) -> bool:
        """Wait so many seconds for the work to end, and tell of its outcome; return whether it has ended."""
        if self._thread is not None:
            self._thread.join(patience)
        return self._tell()

    def finish(self, patience: float) -> None:
        """Wait so many seconds for the work to end; forget it where it takes longer."""
        if not self.wait(patience):
            self.forget()

    def _look(self) -> None:
        if not self._tell():
            self.ticked.emit()

    def _tell(self) -> bool:
        """Tell of the outcome, if there is one."""
        future = self._future
        if future is None or not future.done():
            return False
        self.forget()
        error = future.exception()
        if error is None:
            self.done.emit(future.result())
        else:
            self.failed.emit(error)
        return True


def _work(work: Callable[[], Any], future: Future[Any]) -> None:
    try:
        found = work()
    except Exception as error:
        # Whatever it is, who asked for the work is told.
        future.set_exception(error)
    else:
        future.set_result(found)
