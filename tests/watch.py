"""A watch over a window that is used hard: what goes wrong is kept, with what was done before it."""

from __future__ import annotations

import contextlib
import gc
import logging
import sys
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEventLoop, QTimer, QtMsgType, qInstallMessageHandler

from gui.errors import install_hooks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from gui.main_window import MainWindow

STALL = 0.5  # seconds
_TAIL = 20
_HARMLESS = (
    "This plugin does not support",  # of a platform that draws into memory
    "QXcbConnection: XCB error",  # of a server without a window manager
    "Mouse event at",  # of QTest, where a session that was dropped opens another panel in the midst of a drag
)


class Watch:
    """Keeps what went wrong: stray exceptions, Qt's warnings, logged errors, stalls, threads that do not end.

    What a run may be refused for, such as memory that can not be had, is logged with its own kind and is no fault.
    """

    def __init__(self, stall: float = STALL, busy: float = STALL, tell: Callable[[str], None] | None = None) -> None:
        """Watch from now on; `tell` hears of each action before it is done.

        An action may take `stall` seconds, and keep its thread `busy` for so many of them.
        """
        self.faults: list[str] = []
        self.waited_for = False  # whether the action in hand waited for the person
        self.tail: deque[str] = deque(maxlen=_TAIL)
        self.longest = (0.0, 0.0, "")  # seconds busy, seconds in all, what
        self.doing, self._limits, self._tell = "start", (stall, busy), tell
        self._threads = set(threading.enumerate())
        self._hooks = install_hooks(lambda text, details: self.fault(f"exception: {text}\n{details}"))
        self._qt_before = qInstallMessageHandler(self._hear_qt)
        self._log = _Log(self)
        logging.getLogger().addHandler(self._log)

    def fault(self, what: str) -> None:
        """Keep a fault with what was done before it."""
        before = "".join(f"\n    {line}" for line in self.tail)
        self.faults.append(f"{self.doing}: {what}\n  the last actions were{before}")

    @contextlib.contextmanager
    def action(self, name: str, lasts: float = 0.0) -> Iterator[None]:
        """Time an action that waits for so many seconds itself; the window must answer again before long.

        On a machine that is busy with other things, what counts is the time for which the thread was at work.
        """
        self.doing = name
        self.tail.append(name)
        if self._tell is not None:
            self._tell(name)
        self.waited_for = False
        wall, busy = time.perf_counter(), time.thread_time()
        yield
        wall, busy = time.perf_counter() - wall - lasts, time.thread_time() - busy
        self.longest = max(self.longest, (busy, wall, name))
        if (wall > self._limits[0] or busy > self._limits[1]) and not self.waited_for:
            self.fault(f"stall of {wall:.2f} s, {busy:.2f} s of it busy")

    def spin(self, milliseconds: int) -> None:
        """Run the event loop for some time."""
        loop = QEventLoop()
        QTimer.singleShot(milliseconds, loop.quit)
        loop.exec()

    def close(self, window: MainWindow) -> None:
        """Close the window, at whatever moment this is, and look for what it leaves behind."""
        with self.action("close"):
            window.close()
        self.spin(50)
        gc.collect()
        deadline = time.perf_counter() + 2.0
        for thread in set(threading.enumerate()) - self._threads:
            if not isinstance(thread, threading._DummyThread):  # one that Qt started, not Python
                thread.join(max(0.0, deadline - time.perf_counter()))
        left = [t.name for t in set(threading.enumerate()) - self._threads if not isinstance(t, threading._DummyThread)]
        if left:
            self.fault(f"threads that did not end: {sorted(left)}")

    def stop(self) -> None:
        """Watch no longer."""
        logging.getLogger().removeHandler(self._log)
        qInstallMessageHandler(self._qt_before)
        self._hooks.remove()

    def _hear_qt(self, kind: QtMsgType, _context: Any, message: str) -> None:
        if kind is not QtMsgType.QtDebugMsg and not any(part in message for part in _HARMLESS):
            self.fault(f"Qt: {message}")
        if kind is QtMsgType.QtFatalMsg:  # the process ends here
            print(self.faults[-1], file=sys.stderr, flush=True)


class _Log(logging.Handler):
    """Makes logged errors faults."""

    def __init__(self, watch: Watch) -> None:
        super().__init__(logging.ERROR)
        self._watch = watch

    def emit(self, record: logging.LogRecord) -> None:
        kind = record.exc_info[0] if record.exc_info else None
        refused = kind is not None and issubclass(kind, MemoryError | ValueError) and record.name == "core.runner"
        if not refused and record.name != "gui.errors":  # that one comes by the hooks as well
            self._watch.fault(f"logged by {record.name}: {logging.Formatter().format(record)}")


def isolated(folder: Path) -> dict[str, str]:
    """Return an environment in which nothing of the person's own is read or written, and no network is reached."""
    names = ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "TRAINSCOPE_CACHE")
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    return {**{name: str(folder) for name in names}, **nowhere}
