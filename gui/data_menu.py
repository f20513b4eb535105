"""The menu Data: which images networks learn from. Loading and downloading go on beside everything else.

Another data set restarts the runs that use images; it is a change like any other, and can be undone.
"""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction, QActionGroup, QUndoCommand
from PySide6.QtWidgets import QFileDialog

from gui.background import Background
from gui.data_words import FOLDERS, FULL, SAMPLE, begin, data_name, data_title, source_name
from gui.menus import add_action
from gui.reported import reported
from gui.theme import Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PySide6.QtWidgets import QMenu

    from core.datasets import Dataset
    from core.download import Download
    from gui.main_window import MainWindow
    from gui.panel import Panel
    from gui.shelf import Parked

_QUIET_SECONDS = 0.2  # what takes no longer is not worth a strip that comes and goes


class DataMenu(QObject):
    """Knows the data set in use; `changed` comes with another one."""

    changed = Signal(object)

    def __init__(self, window: MainWindow, dataset: Callable[[], Dataset]) -> None:
        super().__init__(window)
        self._window, self._dataset = window, dataset
        self._loading = Background("loading", self)
        self._loading.done.connect(self._take)
        self._loading.failed.connect(self._refuse)
        self._loading.ticked.connect(self._show_progress)
        window.progress.cancelled.connect(self.cancel)
        self._download: Download | None = None
        self._name, self._began = "", 0.0

    def fill(self, menu: QMenu) -> None:
        """Add the entries."""
        self._group = QActionGroup(self)
        self._sources: dict[str, QAction] = {}
        self._add_source(menu, SAMPLE, "Bundled &sample: 5,000 digits", partial(self.load, SAMPLE))
        self._add_source(menu, FULL, "&Full MNIST: 70,000 digits, downloaded once (12 MB)", self.load_full)
        self._add_source(menu, "folder", "&Folder of IDX files …", self.choose_folder)
        menu.addSeparator()
        add_action(menu, "&Look at the data", self._window.open_data, "Ctrl+D", "look-at-data")
        menu.aboutToShow.connect(self._check)

    def _add_source(self, menu: QMenu, key: str, text: str, run: Callable[[], object]) -> None:
        self._sources[key] = add_action(menu, text, run, name=f"data-{key}", marked=True)
        self._group.addAction(self._sources[key])

    def _check(self) -> None:
        """Mark the source in use."""
        source = self.current().source
        self._sources[source if source in (SAMPLE, FULL) else "folder"].setChecked(True)

    def current(self) -> Dataset:
        """Return the data set in use, from any thread; the first time it is read."""
        return self._dataset()

    @property
    def busy(self) -> bool:
        """Whether images are being read or downloaded."""
        return self._loading.busy

    # Loading.

    def load(self, source: str) -> None:
        """Read the sample, or the folder of that name, and use it."""
        from core.datasets import load

        if source != SAMPLE or self.current().source != SAMPLE:
            self._begin(source_name(source, Path(source).name or source), lambda: load(source))

    def load_full(self) -> None:
        """Use all of MNIST, after a download if it is not there yet."""
        from core.datasets import load
        from core.download import Download

        if self.current().source == FULL:
            return
        download = Download()

        def fetch() -> Dataset:
            download.run()
            return load(FULL)

        if self._begin(source_name(FULL, ""), fetch):
            self._download = download

    def choose_folder(self) -> None:
        """Ask for a folder of IDX files and use it."""
        self._check()
        start = self._window.settings.text("data-folder")
        folder = QFileDialog.getExistingDirectory(self._window, "Folder of IDX files", start)
        if folder:
            self._window.settings.save("data-folder", folder)
            self.load(folder)

    def _begin(self, name: str, work: Callable[[], Dataset]) -> bool:
        """Read what is called so; tell whether it can be done now."""
        self._check()  # the mark stays with what is in use until something else is
        if self.busy:
            text = f"{begin(self._name)} is being read; cancel that to choose other images."
            self._window.banner.show_message(text, Severity.WARNING)
            return False
        self._name, self._began = name, time.perf_counter()
        known = self._known()
        self._loading.run(lambda: _known_one(work(), known))
        return True

    def _known(self) -> list[Dataset]:
        """Return the data set in use and those that can be gone back to."""
        stack = self._window.undo
        changes = [stack.command(i) for i in range(stack.count())]
        return [self.current(), *(found for each in changes if isinstance(each, ChangeData) for found in each.datasets)]

    def _show_progress(self) -> None:
        if time.perf_counter() - self._began < _QUIET_SECONDS:
            return
        download = self._download
        if download is None or download.done in (0, download.total):
            return self._window.progress.show_progress(f"Reading {self._name} …")
        done, total = download.done / 1e6, download.total / 1e6
        words = f"Downloading {self._name}: {done:.1f} of {total:.1f} MB"
        self._window.progress.show_progress(words, download.done / download.total)

    def cancel(self) -> None:
        """Give up what is being read or downloaded; what comes of it is not used."""
        if not self.busy:
            return
        if self._download is not None:
            self._download.cancel()
        self._loading.forget()
        self._end()
        self._window.banner.show_message(f"Cancelled; {self._stays()}.")

    def _stays(self) -> str:
        return f"{data_name(self.current())} stays in use"

    def _take(self, dataset: Dataset) -> None:
        self._end()
        if dataset is self.current():
            self._window.banner.show_message(f"{begin(data_name(dataset))} is in use already, with the same images.")
        else:
            self._window.undo.push(ChangeData(self, self.current(), dataset))

    def _refuse(self, error: Exception) -> None:
        from core.datasets import DataError

        again = [("Try again", self.load_full)] if self._download is not None else []
        self._end()
        if not isinstance(error, (DataError, MemoryError)):
            raise error
        reason = str(error) or "there is not enough memory"
        if isinstance(error, DataError) and "could not be downloaded" in error.wrong:
            reason = error.wrong  # that a connection is needed goes without saying, and the sample is in use anyway
        self._window.banner.show_message(f"{reason}; {self._stays()}.", Severity.ERROR, actions=again)

    def _end(self) -> None:
        self._download = None
        self._window.progress.hide()
        self._check()

    def close(self) -> None:
        """Give up what is being loaded."""
        if self._download is not None:
            self._download.cancel()
        self._loading.end()

    # Using.

    def use(self, dataset: Dataset) -> None:
        """Let the next runs learn from these images."""
        self._dataset = lambda: dataset
        if dataset.source not in (SAMPLE, FULL, ""):
            self._window.settings.put_first(FOLDERS, dataset.source)
        self._check()
        self.changed.emit(dataset)

    def tell(self) -> None:
        """Say what is in use now."""
        now = self.current()
        sizes = f"{len(now.train_images):,} images to train on, {len(now.test_images):,} to test"
        self._window.banner.show_message(f"{begin(data_name(now))} is in use: {sizes}.")

    def panels(self) -> list[Panel]:
        """Return the panels whose runs use images."""
        return [panel for panel in self._window.panels.values() if panel.preset.uses_images]

    @property
    def window(self) -> MainWindow:
        """The window that it is the menu of."""
        return self._window


class ChangeData(QUndoCommand):
    """Another data set; the runs on the one before are kept, as far as there is room."""

    def __init__(self, menu: DataMenu, before: Dataset, after: Dataset) -> None:
        super().__init__(f"data: {data_title(after)}")
        self._menu, self._before, self._after = menu, before, after
        self._former: dict[Any, Parked] = {}
        self._latter: dict[Any, Parked] = {}

    @property
    def datasets(self) -> tuple[Dataset, Dataset]:
        """Those before and after."""
        return self._before, self._after

    @reported
    def undo(self) -> None:
        """Go back to the images before, and to the runs on them."""
        self._switch(self._before, self._former, self._latter)

    @reported
    def redo(self) -> None:
        """Use the other images."""
        self._switch(self._after, self._latter, self._former)

    def _switch(self, dataset: Dataset, kept: dict[Any, Parked], parking: dict[Any, Parked]) -> None:
        self._menu.use(dataset)
        shelf = self._menu.window.shelf
        for panel in self._menu.panels():
            parking[panel] = shelf.place()
            panel.take_data(data_name(dataset), kept.get(panel) or shelf.place(), parking[panel])
        self._menu.tell()


def _known_one(found: Dataset, known: Sequence[Dataset]) -> Dataset:
    """Return the known data set with the same images from the same place, lest they be kept twice, else `found`."""
    return next((each for each in known if _same(each, found)), found)


def _same(one: Dataset, other: Dataset) -> bool:
    import numpy as np

    if one is other or (one.source, one.shape) != (other.source, other.shape):
        return one is other
    keys = "train_labels", "test_labels", "train_images", "test_images"
    return all(np.array_equal(getattr(one, key), getattr(other, key)) for key in keys)
