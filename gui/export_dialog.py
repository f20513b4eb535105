"""The export window: what, format, size, resolution, colours, where. Not modal; it remembers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QStandardPaths, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QFileDialog,
    QFormLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from core.export import ExportError
from gui import theme
from gui.panel_export import ALL_FORMATS, PICTURES, WHOLE, Request, export_panel
from gui.theme import Severity
from gui.views.base import plot_colours
from gui.widgets import flag, row_of

if TYPE_CHECKING:
    from gui.panel import Panel
    from gui.settings import Settings

_SCREEN = "as on screen"
_DPI = 96
_SIZES = {"format": "png", "width": "1280", "height": "800", "dpi": "192", "colours": _SCREEN}


class ExportDialog(QDialog):
    """Writes what a panel shows; `done_with(text, severity)` says how that went."""

    done_with = Signal(str, object)

    def __init__(self, panel: Panel, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("export-dialog")
        self.setWindowTitle(f"Export {panel.preset.title}")
        self.setModal(False)
        self._panel, self._settings = panel, settings
        self._make_fields()
        self._lay_out()
        self._follow_format()

    def _make_fields(self) -> None:
        remembered = self._settings.text(f"export/what/{self._panel.entry.key}", WHOLE)
        self.what = self._combo("what", [WHOLE, *self._panel.view.plots], remembered)
        self.format = self._combo("format", list(ALL_FORMATS), self._remembered("format"))
        self.width_field = self._spin("width", 16, 8000, " px")
        self.height_field = self._spin("height", 16, 8000, " px")
        self.dpi = self._spin("dpi", 48, 600, " dpi")
        self.colours = self._combo("colours", [_SCREEN, *theme.THEMES], self._remembered("colours"))
        self.transparent = QCheckBox("transparent background", self)
        self.transparent.setObjectName("transparent")
        self.transparent.setChecked(self._settings.flag("export/transparent", False))
        self.folder = QLineEdit(self._settings.text("export/folder") or _pictures_folder(), self)
        self.name = QLineEdit(self._panel.preset.name, self)
        for field, name in ((self.folder, "folder"), (self.name, "name")):
            field.setObjectName(f"export-{name}")
            field.setAccessibleName(name)
        self.browse = QPushButton("Choose …", self)
        self.browse.clicked.connect(self._choose_folder)
        self.write = QPushButton("Export", self)
        self.write.setObjectName("write")
        self.write.setDefault(True)
        self.write.clicked.connect(self._write)
        self.cancel = QPushButton("Cancel", self)
        self.cancel.clicked.connect(self.reject)
        self._reason = QLabel(self)
        self._reason.setObjectName("export-reason")
        self._reason.setProperty("role", "reason")
        self._reason.setWordWrap(True)
        self._reason.hide()
        self.format.currentTextChanged.connect(self._follow_format)

    def _combo(self, name: str, items: list[str], chosen: str) -> QComboBox:
        combo = QComboBox(self)
        combo.setObjectName(name)
        combo.setAccessibleName(name)
        combo.addItems(items)
        combo.setCurrentText(chosen)
        return combo

    def _spin(self, name: str, low: int, high: int, suffix: str) -> QSpinBox:
        spin = QSpinBox(self)
        spin.setObjectName(name)
        spin.setAccessibleName(name)
        spin.setRange(low, high)
        spin.setSuffix(suffix)
        spin.setProperty("arrows", True)
        spin.lineEdit().setTextMargins(5, 0, 5, 0)
        text = self._remembered(name)
        spin.setValue(int(text) if text.isdigit() else int(_SIZES[name]))
        return spin

    def _remembered(self, name: str) -> str:
        return self._settings.text(f"export/{name}", _SIZES[name])

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setHorizontalSpacing(16)
        form.setVerticalSpacing(8)
        form.addRow("What", self.what)
        form.addRow("Format", self.format)
        form.addRow("Size", row_of(self.width_field, QLabel("×", self), self.height_field, 1))
        form.addRow("Resolution", self.dpi)
        form.addRow("Colours", self.colours)
        form.addRow("", self.transparent)
        form.addRow("Folder", row_of(self.folder, self.browse))
        form.addRow("Name", self.name)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(12)
        column.addLayout(form)
        column.addWidget(self._reason)
        buttons = row_of()
        buttons.addStretch(1)
        for button in (self.cancel, self.write):
            buttons.addWidget(button)
        column.addLayout(buttons)
        self.setMinimumWidth(440)

    def _follow_format(self) -> None:
        """Offer only what the format has."""
        picture = self.format.currentText() in PICTURES
        for field in (self.what, self.width_field, self.height_field, self.colours, self.transparent):
            field.setEnabled(picture)
        self.dpi.setEnabled(self.format.currentText() == "png")

    def _choose_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Folder for exported files", self.folder.text())
        if chosen:
            self.folder.setText(chosen)

    def _write(self) -> None:
        request = self._request()
        problem = _problem(request)
        if not problem:
            try:
                written = export_panel(self._panel, request)
            except (ExportError, ValueError) as error:
                problem = str(error)
        self._reason.setText(problem)
        self._reason.setVisible(bool(problem))
        flag(self.name, "refused", problem.startswith("Name"))
        flag(self.folder, "refused", bool(problem) and not problem.startswith("Name"))
        if not problem:
            self._remember()
            self.done_with.emit(f"Wrote {', '.join(str(path) for path in written)}", Severity.INFO)
            self.accept()

    def _request(self) -> Request:
        chosen = self.colours.currentText()
        return Request(
            what=self.what.currentText(),
            format=self.format.currentText(),
            folder=Path(self.folder.text()).expanduser(),
            name=self.name.text().strip(),
            size=(self.width_field.value(), self.height_field.value()),
            scale=self.dpi.value() / _DPI,
            colours=plot_colours(theme.THEMES[chosen]) if chosen in theme.THEMES else None,
            transparent=self.transparent.isChecked(),
        )

    def _remember(self) -> None:
        for field in (self.width_field, self.height_field, self.dpi):
            self._settings.save(f"export/{field.objectName()}", str(field.value()))
        for combo in (self.format, self.colours):
            self._settings.save(f"export/{combo.objectName()}", combo.currentText())
        self._settings.save("export/folder", self.folder.text())
        self._settings.save("export/transparent", self.transparent.isChecked())
        self._settings.save(f"export/what/{self._panel.entry.key}", self.what.currentText())


def _problem(request: Request) -> str:
    """Say what is wrong with a request before anything is written; empty if nothing is."""
    if not request.name or any(sign in request.name for sign in "/\\:\0"):
        return f"Name: {request.name!r} is not allowed; allowed: a file name without / \\ :"
    if request.folder == Path() or not request.folder.is_dir():
        return f"Folder: {str(request.folder)!r} does not exist; allowed: a folder that can be written"
    return ""


def _pictures_folder() -> str:
    found = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.PicturesLocation)
    return found if Path(found).is_dir() else str(Path.home())
