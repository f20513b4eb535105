"""Sessions: what a window shows, with all of its runs, saved to a file and opened again.

Nothing on screen is touched before a file has been read and checked, and what was there can be brought back.
"""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QStandardPaths, QTimer
from PySide6.QtWidgets import QFileDialog

from gui.autosave import ENDING, Autosave, clock, remove
from gui.background import Background
from gui.data_words import FOLDERS, FULL, SAMPLE, source_name
from gui.menus import add_action
from gui.session_writer import SessionWriter
from gui.theme import Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from PySide6.QtCore import QMimeData
    from PySide6.QtWidgets import QMenu

    from core.datasets import Dataset
    from core.experiments.saved import SavedRun
    from core.session import Session
    from gui.main_window import MainWindow

RECENT = "recent"
_FILTER = f"Trainscope sessions (*{ENDING})"
_WATCH_MS = 500
_LAST_WRITE = 10.0  # seconds that closing waits for what is being saved
_SOON = 0.3  # seconds that opening may take before it is said


class _NotKept(OSError):
    """What is open could not be put by, so nothing else was opened."""


class Sessions(QObject):
    """Saves and opens sessions of one window. Without a `folder` nothing is saved by itself."""

    def __init__(self, window: MainWindow, folder: Path | None) -> None:
        super().__init__(window)
        self._window, self.path = window, None
        self._writer, self._reading = SessionWriter(window), Background("opening", self)
        self._writer.written.connect(self._wrote)
        self._writer.failed.connect(self._tell_unsaved)
        self._reading.done.connect(self._show)
        self._reading.failed.connect(self._refuse)
        self._reading.ticked.connect(self._show_reading)
        self._opening, self._started = Path(), 0.0
        self._asked: tuple[Any, ...] = ()  # what was to be saved
        self._next: Path | None = None  # to be saved when what is being saved is written
        self._kept: tuple[Path, Path | None] | None = None  # what was on screen before, and its name
        self._keeping: tuple[Path, Path | None] | None = None  # the same of what is being opened
        self._name: Path | None = None  # of what was open before, while that is opened again
        self._left: Path | None = None  # a session that was cut short
        self._autosave = Autosave(window, folder) if folder is not None else None
        if self._autosave is not None:
            self._autosave.found.connect(self._offer)

        self._state: tuple[Any, ...] | None = None  # as it is in the file; None while that is being put on screen
        self._watch = QTimer(self)
        self._watch.setInterval(_WATCH_MS)
        self._watch.timeout.connect(self._mark)

    path: Path | None

    # The menu.

    def fill(self, menu: QMenu) -> None:
        """Add the entries."""
        add_action(menu, "&Open session …", self.choose, "Ctrl+O", "open-session")
        self._recent = menu.addMenu("Open &recent")
        self._recent.setObjectName("recent")
        self._recent.setToolTipsVisible(True)
        self._recent.aboutToShow.connect(self._list_recent)
        add_action(menu, "&Save session", self.save, "Ctrl+S", "save-session")
        add_action(menu, "Save session &as …", self.save_as, "Ctrl+Shift+S", "save-session-as")
        self._recover = add_action(menu, "Re&cover the session that was cut short", self.recover, "", "recover")
        self._recover.setVisible(False)

    def _list_recent(self) -> None:
        self._recent.clear()
        if self._autosave is not None:
            if self._autosave.before.exists():
                before = self._autosave.before
                self._recent.addAction(f"What was open before, {clock(before)}", partial(self.open, before))
            for path in self._autosave.ended:
                words = "What was open at the end" if path == self._autosave.last else "What was open earlier"
                self._recent.addAction(f"{words}, {clock(path)}", partial(self.open, path))
        for path in map(Path, self._window.settings.listed(RECENT)):
            self._recent.addAction(path.name.replace("&", "&&"), partial(self.open, path)).setToolTip(str(path))
        if self._recent.isEmpty():
            self._recent.addAction("nothing yet").setEnabled(False)

    def title(self) -> list[str]:
        """Return the session's name, if it has one."""
        return [f"{self.path.stem}[*]"] if self.path else []

    def _mark(self) -> None:
        """Mark the title where there is something new since the session was saved or opened."""
        if self._state is None and all(
            panel.own_player.status.phase.name != "IDLE" for panel in self._window.panels.values()
        ):
            self._state = self._writer.state()
        new = self._state is not None and self._writer.state() != self._state
        self._window.setWindowModified(self.path is not None and new)

    def _use(self, path: Path | None) -> None:
        """Save to this file from now on."""
        self.path, self._state = path, None
        self._window.setWindowModified(False)
        if path is not None:
            self._watch.start()
            self._window.settings.put_first(RECENT, str(path))
        self._window.show_title()

    # Saving.

    def save(self) -> None:
        """Save to the session's file; where it has none yet, ask for one."""
        if self.path is None:
            self.save_as()
        else:
            self.save_to(self.path)

    def save_as(self) -> None:
        """Ask for a file and save to it."""
        panel = self._window.current()
        named = panel.preset.name if panel is not None else "session"
        folder = Path(self._window.settings.text("session-folder") or _documents())
        start = str(self.path or folder / f"{named}{ENDING}")
        name, _ = QFileDialog.getSaveFileName(self._window, "Save session", start, _FILTER)
        if name:
            path = Path(name if name.endswith(ENDING) else name + ENDING)
            self._window.settings.save("session-folder", str(path.parent))
            self.save_to(path)

    def save_to(self, path: Path) -> None:
        """Save to a file, as soon as what is being saved is written; a run that plays goes on."""
        if self._writer.busy:
            self._next = path
        else:
            self._asked = self._writer.state()
            self._writer.write(path, whole=True)

    def _wrote(self, path: Path) -> None:
        self._use(path)
        self._state = self._asked
        self._window.banner.show_message(f"Saved {path}.")
        self._save_next()

    def _tell_unsaved(self, path: Path, error: Exception) -> None:
        self._save_next()
        if not isinstance(error, (OSError, MemoryError)):
            raise error
        self._window.banner.show_message(str(error) or f"{path}: there is not enough memory to save", Severity.ERROR)

    def _save_next(self) -> None:
        path, self._next = self._next, None
        if path is not None:
            self.save_to(path)

    # Opening.

    def choose(self) -> None:
        """Ask for a file and open it."""
        start = self._window.settings.text("session-folder")
        name, _ = QFileDialog.getOpenFileName(self._window, "Open session", start, _FILTER)
        if name:
            self._window.settings.save("session-folder", str(Path(name).parent))
            self.open(Path(name))

    def open(self, path: Path, keeping: bool = True) -> None:
        """Open a session, if it can be; what was on screen before is kept, unless that is not asked for."""
        if self._reading.busy:
            self._window.banner.show_message("Another session is being opened.", Severity.WARNING)
            return
        self._opening, self._started = path, time.perf_counter()
        keep, before = None, None
        self._name = self._kept[1] if self._kept and path == self._kept[0] else None
        self._keeping = self._kept
        if keeping and self._autosave is not None and self._writer.has_run():
            before = self._autosave.before
            self._keeping = before, self.path
            keep = self._writer.taking(before, whole=True)
        current, autosave = self._window.data.current, self._autosave
        known = {SAMPLE, FULL, *self._window.settings.listed(FOLDERS)}
        own = self._is_own(path)

        def read() -> tuple[Session, Dataset | None]:
            from core.session import SessionError, read_session

            session = read_session(path)
            try:
                found = _data_of(session, current(), None if own else known)
            except SessionError as error:
                raise error.inside(str(path)) from error
            if keep is not None and before is not None and autosave is not None:
                try:
                    if path != before:
                        autosave.keep(before)
                    keep()
                except (OSError, ValueError) as error:
                    raise _NotKept(f"What is open now cannot be kept: {error}") from error
            return session, found

        self._reading.run(read)

    def _show_reading(self) -> None:
        if time.perf_counter() - self._started > _SOON:
            self._window.progress.show_progress(f"Opening {self._opening.name} …", None, can_cancel=False)

    def _show(self, found: tuple[Session, Dataset | None]) -> None:
        """Put a session that was read in place of what is on screen."""
        session, dataset = found
        path = self._opening
        self._window.progress.hide()
        if dataset is not None and dataset is not self._window.data.current():  # also if others came meanwhile
            self._window.data.use(dataset)
        self._window.show_session(session)
        if self._autosave is not None and path == self._autosave.before:
            self._use(self._name)
        else:
            self._use(None if self._is_own(path) else path)
        self._kept = self._keeping
        words = f"Back in the session of {clock(path)}." if self._is_own(path) else f"Opened {path.name}."
        back: list[tuple[str, Callable[[], object]]] = []
        back += [("Back to what was open before", partial(self.open, self._kept[0]))] if self._kept else []
        if self._left not in (None, path):  # a file that was asked for at the start took the offer's place
            back.append(("Recover what was cut short", self.recover))
        self._window.banner.show_message(words, actions=back)
        if path == self._left and self._autosave is not None:
            self._autosave.took(path)
            self._set_left(None)

    def _is_own(self, path: Path) -> bool:
        """Tell whether the program saved a file by itself."""
        return self._autosave is not None and path.parent == self._autosave.folder

    def _refuse(self, error: Exception) -> None:
        from core.session import SessionError

        self._window.progress.hide()
        if not isinstance(error, (SessionError, OSError, MemoryError)):
            raise error
        if not self._opening.exists():
            self._window.settings.take_out(RECENT, str(self._opening))
        actions = [("Discard it", self._discard)] if self._opening == self._left else []
        if isinstance(error, _NotKept):
            actions = [("Open it all the same", partial(self.open, self._opening, keeping=False))]
        self._window.banner.show_message(str(error), Severity.ERROR, actions=actions)

    # Drag and drop.

    def takes(self, mime: QMimeData) -> Path | None:
        """Return the session or folder that is dragged; None for anything else."""
        paths = [Path(url.toLocalFile()) for url in mime.urls() if url.isLocalFile()]
        paths = [path.parent if "idx" in path.name and path.is_file() else path for path in paths]
        return paths[0] if len(paths) == 1 and (paths[0].suffix == ENDING or paths[0].is_dir()) else None

    def drop(self, path: Path) -> None:
        """Open a session, or a folder of images."""
        if path.is_dir():
            self._window.data.load(str(path))
        else:
            self.open(path)

    # What was cut short.

    def begin(self) -> None:
        """Save by itself from now on, and offer what was cut short."""
        if self._autosave is not None:
            self._autosave.begin()

    def _offer(self, path: Path) -> None:
        self._set_left(path)
        self._window.banner.show_message(
            f"Trainscope did not end properly at {clock(path)}. What it had computed is still there.",
            Severity.WARNING,
            actions=[("Go on with it", self.recover), ("Discard it", self._discard)],
        )

    def _set_left(self, path: Path | None) -> None:
        self._left = path
        self._recover.setVisible(path is not None)

    def recover(self) -> None:
        """Go on with the session that was cut short."""
        if self._left is not None:
            self.open(self._left)

    def _discard(self) -> None:
        if self._left is not None:
            remove(self._left)
        self._set_left(None)

    def close(self) -> None:
        """End what is under way; what is being saved is written first."""
        self._watch.stop()
        self._reading.end()
        self._writer.end(_LAST_WRITE)
        if self._autosave is not None:
            self._autosave.close()


def _documents() -> str:
    return QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)


def _data_of(session: Session, current: Dataset, known: Collection[str] | None) -> Dataset | None:
    """Return the images that the runs of a session need; None where there are no runs.

    Only `known` sources are looked into, or all of a file of one's own: a name in one from elsewhere may lead anywhere.
    Raises SessionError where the images are not to be found.
    """
    from core.datasets import DataError, load
    from core.session import SessionError

    wanted, runs = session.data, [state.run for state in session.panels.values() if state.run is not None]
    if wanted is None:
        if runs:
            raise SessionError("", "runs on images that it does not name", "a session saved by Trainscope")
        return None
    if _digest(current.identity()) == _digest(wanted.identity):
        return _fitting(current, runs)
    reason = "others are in use"
    if known is None or wanted.source in known:
        try:
            found = load(wanted.source)
        except DataError as error:
            reason = str(error)
        else:
            if _digest(found.identity()) == _digest(wanted.identity):
                return _fitting(found, runs)
            reason = f"{wanted.source} has other images now"
    name = source_name(wanted.source, wanted.name)
    wrong = f"its networks learned from {name} ({reason})"
    raise SessionError("", wrong, "these images, chosen in the menu Data first")


def _fitting(dataset: Dataset, runs: Collection[SavedRun]) -> Dataset:
    """Return the images, which the networks of all runs must fit: what a file says of them may be wrong."""
    from core.session import SessionError
    from core.session_run import fits

    if not all(fits(run, dataset) for run in runs):
        raise SessionError("", "its networks do not fit the images that it names", "a session saved by Trainscope")
    return dataset


def _digest(identity: str) -> str:
    return identity.rpartition(" ")[2]
