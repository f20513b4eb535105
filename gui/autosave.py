"""Saves a window's session by itself, so that nothing is lost when the program is cut short.

Every window has a file of its own and a lock on it. A file without a living owner is what a window left that did not
end well; where a window ends well, its file becomes the last session.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QLockFile, QObject, QTimer, Signal

from gui.session_writer import SessionWriter
from gui.theme import Severity

if TYPE_CHECKING:
    from pathlib import Path

    from gui.main_window import MainWindow

ENDING = ".trainscope"
AUTOSAVE_SECONDS = 4
_REST, _LONGEST = 20, 8.0  # times as long as it took to write, at most so many seconds
_PATIENCE = 0.4  # seconds that closing waits for what is being written
_OWN, _BEFORE, _LAST = "autosave-", "before-", "last"
_MOST = 5  # sessions of windows that were closed, or had another one opened in them


class Autosave(QObject):
    """Writes to a folder while anything changes; `found(path)` comes where a session was cut short."""

    found = Signal(object)

    def __init__(self, window: MainWindow, folder: Path) -> None:
        super().__init__(window)
        self._window, self.folder = window, folder
        self._writer = SessionWriter(window)
        self._writer.written.connect(self._wrote)
        self._writer.failed.connect(self._tell)
        self._timer = QTimer(self)
        self._timer.setInterval(round(1000 * AUTOSAVE_SECONDS))
        self._timer.timeout.connect(self._tick)
        self._lock = QLockFile(str(self._own(_OWN).with_suffix(".lock")))
        self._lock.setStaleLockTime(0)
        self._saved: tuple[Any, ...] = ()
        self._told, self._begun = False, 0.0
        self._recovered: Path | None = None

    def _own(self, kind: str) -> Path:
        return self.folder / f"{kind}{os.getpid()}-{id(self):x}{ENDING}"

    @property
    def before(self) -> Path:
        """Where to keep what was on screen before another session is opened."""
        return self._own(_BEFORE)

    @property
    def last(self) -> Path:
        """The session of the window that was closed last."""
        return self.folder / f"{_LAST}{ENDING}"

    @property
    def ended(self) -> list[Path]:
        """The sessions that nobody saved and no window shows any more, the latest first."""
        return sorted(self.folder.glob(f"{_LAST}*{ENDING}"), key=_age, reverse=True)

    def keep(self, path: Path, place: Path | None = None) -> None:
        """Put a session among those that have ended; the oldest of many goes."""
        with suppress(OSError):  # it may not be there
            os.replace(path, place or self.folder / f"{_LAST}-{path.stat().st_mtime_ns}{ENDING}")
        for old in self.ended[_MOST:]:
            remove(old)

    def begin(self) -> None:
        """Save from now on, and look for what was cut short."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self._warn(f"{self.folder}: {error.strerror}")
            return
        self._lock.tryLock(0)
        self._timer.start()
        left = self._left_behind()
        if left is not None:
            self.found.emit(left)

    def _left_behind(self) -> Path | None:
        """Return the newest session whose window is gone, and tidy up what such windows kept besides."""
        found = []
        for path in self.folder.glob(f"{_OWN}*{ENDING}"):
            if path != self._own(_OWN) and _abandoned(path.with_suffix(".lock")):
                found.append(path)
        besides = (f"{_BEFORE}*", f".*{ENDING}.*", "*.lock")  # the second are half written
        for path in [path for kind in besides for path in self.folder.glob(kind)]:
            number = path.name.partition("-")[2].partition(".")[0]
            if _abandoned(self.folder / f"{_OWN}{number}.lock"):
                if path.name.startswith(_BEFORE):
                    self.keep(path)
                else:
                    remove(path)
        found.sort(key=_age, reverse=True)
        for old in found[_MOST:]:
            remove(old)
        return found[0] if found else None

    def took(self, path: Path) -> None:
        """Note that a session that was cut short is open again: its file goes once that is saved."""
        self._recovered = path

    def _tick(self) -> None:
        """Save if anything has changed."""
        now = self._writer.state()
        if any(panel.own_player.status.phase.name == "FAILED" for panel in self._window.panels.values()):
            return  # what is left of that run may be less than what the file has
        if now != self._saved and self._writer.has_run() and not self._writer.busy:
            self._saved, self._begun = now, time.perf_counter()
            self._hold()
            self._writer.write(self._own(_OWN), whole=False)

    def _hold(self) -> None:
        """Take the lock again where somebody has removed it with its folder: else other windows think this one dead."""
        if self.folder.is_dir() and not self._own(_OWN).with_suffix(".lock").exists():
            self._lock.unlock()
            self._lock.tryLock(0)

    def _wrote(self, _path: object) -> None:
        self._told = False
        spent = time.perf_counter() - self._begun
        self._timer.setInterval(round(1000 * max(AUTOSAVE_SECONDS, min(_REST * spent, _LONGEST))))
        if self._recovered is not None:
            remove(self._recovered)
            self._recovered = None

    def _tell(self, _path: object, error: Exception) -> None:
        """Say once that it does not work, and that the disk or the memory is why."""
        if not isinstance(error, (OSError, MemoryError)):
            raise error
        self._saved = ()  # to be tried again, even if nothing changes any more
        if not self._told:
            self._told = True
            self._warn(str(error) or "there is not enough memory")

    def _warn(self, why: str) -> None:
        self._window.banner.show_message(f"The session is not saved by itself: {why}", Severity.WARNING)

    def close(self) -> None:
        """End; what was saved becomes the last session, which can be opened again."""
        if self._timer.isActive():
            self._tick()  # what has changed since the last time
        self._timer.stop()
        self._writer.end(_PATIENCE)
        if self._own(_OWN).exists():
            if self.last.exists():
                self.keep(self.last)
            self.keep(self._own(_OWN), self.last)
        if self.before.exists():
            self.keep(self.before)
        self._lock.unlock()


def _abandoned(lock_path: Path) -> bool:
    """Tell whether nobody holds a lock that lives."""
    lock = QLockFile(str(lock_path))
    lock.setStaleLockTime(0)
    free = lock.tryLock(0)
    if free:
        lock.unlock()
    return free


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def clock(path: Path) -> str:
    """Return when a file was written, as `18:20`, and on which day if it was not today, as `18:20 on 21 Nov`."""
    then, today = (time.localtime(found) for found in (_age(path), time.time()))
    return time.strftime("%H:%M" if then[:3] == today[:3] else "%H:%M on %d %b", then)


def remove(path: Path) -> None:
    """Remove a file, if it is there and can be removed."""
    with suppress(OSError):
        path.unlink(missing_ok=True)
