"""The window: a rail of panels, the panel in focus, a banner, menus. A shell first; panels are made when opened.

Nothing here imports NumPy or pyqtgraph before the first paint.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QAction, QActionGroup, QKeySequence, QUndoStack
from PySide6.QtWidgets import (
    QApplication,
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from gui import theme
from gui.data_menu import DataMenu
from gui.errors import Banner
from gui.menus import add_action
from gui.progress import ProgressStrip
from gui.rail import Rail
from gui.registry import PANELS, PanelEntry
from gui.sessions import Sessions
from gui.shelf import Shelf
from gui.theme import Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QPaintEvent

    from core.datasets import Dataset
    from core.figures import Preset
    from core.session import Session
    from gui.data_page import DataPage
    from gui.export_dialog import ExportDialog
    from gui.panel import Panel
    from gui.settings import Settings


_PATIENCE = 1.0  # seconds for an export in the making to take its unfinished file away
_MOST_UNDONE = 200  # changes that can be undone; what they keep is not for ever


class MainWindow(QMainWindow):
    """The one window. `ready` comes when the first panel is on screen."""

    ready = Signal()

    def __init__(
        self,
        settings: Settings,
        dataset: Callable[[], Dataset],
        threads: int = 1,
        preset: Preset | None = None,
        folder: Path | None = None,
    ) -> None:
        """`dataset` gives the images when they are first needed, `threads` is the engine's share of the cores.

        Without a `folder` nothing is saved by itself.
        """
        super().__init__()
        self.settings, self._threads = settings, threads
        self._first_preset = preset
        self.undo = QUndoStack(self)
        self.undo.setUndoLimit(_MOST_UNDONE)
        self.shelf = Shelf()
        self.panels: dict[str, Panel] = {}
        self._stale: set[str] = set()  # panels that still have the look of another theme
        self._export: ExportDialog | None = None
        self.setWindowTitle("Trainscope")
        self.resize(1280, 800)
        self.setAcceptDrops(True)
        self.banner, self.progress = Banner(self), ProgressStrip(self)
        self.stack = QStackedWidget(self)
        self._word = QLabel("Getting ready …")
        self._word.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._word.setProperty("role", "muted")
        self.stack.addWidget(self._word)
        self.data = DataMenu(self, dataset)
        self.sessions = Sessions(self, folder)
        self._data_page: DataPage | None = None
        self._rail = Rail(self)
        self._rail.opened.connect(self._open)
        self._lay_out()
        self._make_menus()
        self._restore()
        self._painted = False

    # The shell.

    def _lay_out(self) -> None:
        right = QVBoxLayout()
        right.setContentsMargins(0, 0, 0, 0)
        right.setSpacing(0)
        right.addWidget(self.banner)
        right.addWidget(self.progress)
        right.addWidget(self.stack, 1)
        columns = QHBoxLayout()
        columns.setContentsMargins(0, 0, 0, 0)
        columns.setSpacing(0)
        columns.addWidget(self._rail)
        columns.addLayout(right, 1)
        body = QWidget(self)
        body.setLayout(columns)
        self.setCentralWidget(body)

    def _make_menus(self) -> None:
        file = self.menuBar().addMenu("&File")
        self.sessions.fill(file)
        file.addSeparator()
        add_action(file, "&Export …", self.open_export, "Ctrl+E", name="export")
        add_action(file, "&Copy picture", self.copy_picture, "Ctrl+Shift+C", name="copy-picture")
        add_action(file, "Copy co&de", self.copy_code, "Ctrl+Alt+C", name="copy-code")
        file.addSeparator()
        add_action(file, "&Quit", self.close, QKeySequence(QKeySequence.StandardKey.Quit), name="quit")
        edit = self.menuBar().addMenu("&Edit")
        for action, key in (
            (self.undo.createUndoAction(self, "&Undo"), QKeySequence.StandardKey.Undo),
            (self.undo.createRedoAction(self, "&Redo"), QKeySequence.StandardKey.Redo),
        ):
            action.setShortcuts(QKeySequence.keyBindings(key))
            edit.addAction(action)
        self.data.fill(self.menuBar().addMenu("&Data"))
        view = self.menuBar().addMenu("&View")
        for number, entry in enumerate(PANELS, 1):
            add_action(view, f"&{number} {entry.title}", partial(self.open_panel, entry.key), f"Ctrl+{number}")
        view.addSeparator()
        self._notes = add_action(view, "&Notes", self._show_notes, "F1", name="toggle-notes", marked=True)
        self._add_themes(view)
        help_menu = self.menuBar().addMenu("&Help")
        add_action(help_menu, "&Keyboard", self._show_keys, name="keys")
        add_action(help_menu, "&About Trainscope", self._show_about, name="about")

    def _add_themes(self, menu: Any) -> None:
        group = QActionGroup(self)
        self._themes: dict[str, QAction] = {}
        menu.addSeparator()
        for name in theme.THEMES:
            action = add_action(
                menu, f"{name.capitalize()} theme", partial(self.set_theme, name), name=f"theme-{name}", marked=True
            )
            self._themes[name] = action
            action.setChecked(theme.current().name == name)
            group.addAction(action)

    # Panels.

    def _open(self, key: str) -> None:
        """Open what a button of the rail stands for."""
        if key == "data":
            self.open_data()
        else:
            self.open_panel(key)

    def _open_first(self) -> None:
        wanted = self._first_preset.panel if self._first_preset else self.settings.text("panel", PANELS[0].key)
        key = wanted if any(entry.key == wanted for entry in PANELS) else PANELS[0].key
        try:
            self.open_panel(key)
            self.sessions.begin()
        finally:
            self.ready.emit()  # what waits for the start, such as the garbage collector, goes on even if a panel failed

    def open_panel(self, key: str) -> None:
        """Bring a panel to the fore, making it the first time."""
        panel = self.panel(key)
        if key in self._stale:
            self._stale.remove(key)
            panel.set_theme(theme.current())
        self._rail.mark(key)
        self.stack.setCurrentWidget(panel)
        panel.setFocus()
        self.show_title()

    def open_data(self) -> None:
        """Show what is in the data in use."""
        from gui.data_page import DataPage

        if self._data_page is None:
            self._data_page = page = DataPage(self)
            page.set_theme(theme.current())
            self.data.changed.connect(page.show_dataset)
            self.stack.addWidget(page)
        self._data_page.show_dataset(self.data.current())
        self._rail.mark("data")
        self.stack.setCurrentWidget(self._data_page)
        self._data_page.setFocus()
        self.show_title()

    def show_session(self, session: Session) -> None:
        """Show what a session says; panels that it does not know begin anew."""
        self.undo.clear()
        self.shelf.clear()
        for key, panel in self.panels.items():
            if key not in session.panels:
                panel.start(panel.preset.configuration())
        # Panels that show another's run come last, when that is there.
        for key, state in sorted(session.panels.items(), key=lambda found: "source" in found[1].view):
            self.panel(key).resume(state.configuration, state.run, state.view)
        shown = session.window.get("panel")
        if shown == "data":
            self.open_data()
        elif any(entry.key == shown for entry in PANELS):
            self.open_panel(str(shown))

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take sessions and folders of images."""
        if self.sessions.takes(event.mimeData()) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Open what was dropped."""
        path = self.sessions.takes(event.mimeData())
        if path is not None:
            event.acceptProposedAction()
            self.sessions.drop(path)

    def _shows_data(self) -> bool:
        return self._data_page is not None and self.stack.currentWidget() is self._data_page

    def show_title(self) -> None:
        """Name panel and session in the title."""
        panel = self.current()
        shown = panel.entry.title if panel is not None else "Data"
        self.setWindowTitle(" – ".join([shown, *self.sessions.title(), "Trainscope"]))

    def _show_edited(self, key: str) -> None:
        """Bring a panel to the fore whose change is undone; the one in focus keeps the keyboard where it is."""
        panel = self.current()
        if panel is not None and panel.entry.key != key:
            self.open_panel(key)

    def panel(self, key: str) -> Panel:
        """Return a panel, making it the first time; KeyError for a key that has none."""
        if key not in self.panels:
            self.panels[key] = panel = self._make_panel(next(entry for entry in PANELS if entry.key == key))
            self.stack.addWidget(panel)
        return self.panels[key]

    def _make_panel(self, entry: PanelEntry) -> Panel:
        from gui.panel_runs import Desk

        current, shelf = self.data.current, self.shelf
        desk = Desk(current, self._threads, self.undo, self.panel, self._show_edited, shelf, lambda: self.panels)
        panel = entry.panel_class()(entry, desk)
        panel.message.connect(self.banner.show_message)
        panel.set_theme(theme.current())
        panel.set_notes_shown(self._notes.isChecked())
        if self._first_preset is not None and self._first_preset.panel == entry.key:
            panel.open_preset(self._first_preset.name)
        else:
            remembered = self.settings.configuration(entry.key)
            panel.start(remembered or panel.preset.configuration())
        return panel

    def current(self) -> Panel | None:
        """Return the panel in focus; None before the first."""
        return next((panel for panel in self.panels.values() if panel is self.stack.currentWidget()), None)

    # Actions.

    def open_export(self) -> None:
        """Open the export window for the panel in focus."""
        from gui.export_dialog import ExportDialog

        panel = self.current()
        if self._shows_data():
            self.banner.show_message("This page can be copied as a picture: Ctrl+Shift+C.")
            return
        if panel is None or panel.shown_frame() is None:
            self.banner.show_message("There is nothing to export yet.", Severity.INFO)
            return
        if self._export is not None and self._export.busy:
            self._export.activateWindow()  # what it is making would be lost
            return
        if self._export is not None:
            self._export.close()
        self._export = dialog = ExportDialog(panel, self.settings, self)
        dialog.done_with.connect(self.banner.show_message)
        dialog.finished.connect(partial(self._forget_export, dialog))
        dialog.show()

    def _forget_export(self, dialog: ExportDialog, _result: int) -> None:
        dialog.deleteLater()
        self.activateWindow()
        if self._export is dialog:
            self._export = None

    def copy_picture(self) -> None:
        """Copy the panel's plots to the clipboard as they are on screen."""
        from gui.panel_export import panel_image

        panel = self.current()
        if panel is not None and panel.shown_frame() is not None:
            image = panel_image(panel)
        elif self._data_page is not None and self._shows_data():
            image = self._data_page.picture()
        else:
            self.banner.show_message("There is nothing to copy yet.")
            return
        QApplication.clipboard().setImage(image)
        self.banner.show_message("The picture is on the clipboard.")

    def copy_code(self) -> None:
        """Copy the run on screen to the clipboard as a NumPy script."""
        from core.scripts import ScriptError
        from gui.script_export import copied

        panel = self.current()
        if panel is None or panel.shown_frame() is None:
            self.banner.show_message("There is no code to copy here; open a panel.")
            return
        try:
            text, said = copied(panel)
        except ScriptError as error:
            self.banner.show_message(str(error))
            return
        QApplication.clipboard().setText(text)
        self.banner.show_message(said)

    def set_theme(self, name: str) -> None:
        """Change the look of everything."""
        found = theme.THEMES[name]
        self._themes[name].setChecked(True)
        self.settings.save("theme", name)
        if found is theme.current():
            return  # everything would be restyled to look as it does
        app = QApplication.instance()
        if isinstance(app, QApplication):
            with self._held():
                theme.apply(app, found)
        self._rail.set_theme(found)
        self._stale = {key for key, panel in self.panels.items() if panel is not self.current()}
        if (panel := self.current()) is not None:
            panel.set_theme(found)  # the others when they are opened: all at once would take half a second
        if self._data_page is not None:
            self._data_page.set_theme(found)

    @contextmanager
    def _held(self) -> Iterator[None]:
        """Let no run go on: each of the thousands of events of a new look would wait for the engines' Python."""
        runners = [panel.own_player.runner for panel in self.panels.values()]
        try:
            for runner in runners:
                runner.hold(True)
            yield
        finally:
            for runner in runners:
                runner.hold(False)

    def _show_notes(self) -> None:
        for panel in self.panels.values():
            panel.set_notes_shown(self._notes.isChecked())

    def _show_keys(self) -> None:
        panels = f"Ctrl+1 … {len(PANELS)} panels"
        keys = f"Space play or pause · → step · ← step back · Home restart · {panels} · Ctrl+D data · F1 notes"
        files = "Ctrl+O open · Ctrl+S save · Ctrl+Shift+S save as · Ctrl+E export · Ctrl+Shift+C copy picture"
        edits = "Ctrl+Alt+C copy code · Ctrl+Z undo · Ctrl+Shift+Z redo · D paths in 3D · Esc close this"
        self.banner.show_message(f"{keys} · {files} · {edits}")

    def _show_about(self) -> None:
        from core import __version__

        self.banner.show_message(
            f"Trainscope {__version__}: chapter 6 of “Deep Learning from Scratch”, live. "
            "MIT licence; the digits are MNIST (CC BY-SA 3.0)."
        )

    def report(self, text: str, details: str) -> None:
        """Show an unexpected error; its traceback can be copied."""
        self.banner.show_message(f"Something went wrong: {text}", Severity.ERROR, details)

    # Life.

    def paintEvent(self, event: QPaintEvent) -> None:
        """Show the shell; the first panel is made once that is on screen."""
        super().paintEvent(event)
        if not self._painted:
            self._painted = True
            QTimer.singleShot(0, self._open_first)

    def _restore(self) -> None:
        geometry = self.settings.data("geometry")
        if geometry is not None:
            self.restoreGeometry(geometry)
        self._notes.setChecked(self.settings.flag("notes", True))

    def _remember(self) -> None:
        self.settings.save("geometry", self.saveGeometry())
        self.settings.save("notes", self._notes.isChecked())
        panel = self.current()
        if panel is not None:
            self.settings.save("panel", panel.entry.key)
        for key, found in self.panels.items():
            self.settings.save_configuration(key, found.configuration)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Remember, and end the engines, which stop after the update in hand."""
        self._remember()
        if self._export is not None:
            self._export.stop(_PATIENCE)
        self.data.close()
        self.sessions.close()
        for panel in self.panels.values():
            panel.close_engine()
        super().closeEvent(event)
