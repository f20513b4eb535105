"""The fields of the export window: what, format, size, resolution, colours, where; they are remembered."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QStandardPaths
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

from core.animation import KINDS, NO_VIDEO, have_video
from core.scripts import SCRIPTS
from gui import theme
from gui.animation_fields import AnimationFields
from gui.panel_export import ALL_FORMATS, PICTURES, Request
from gui.progress import ProgressStrip
from gui.reels import WHOLE
from gui.script_export import HINTS
from gui.views.base import plot_colours
from gui.widgets import flag, row_of

if TYPE_CHECKING:
    from PySide6.QtGui import QStandardItem, QStandardItemModel

    from gui.panel import Panel
    from gui.settings import Settings

_SCREEN = "as on screen"
DPI = 96
_SIZES = {"width": 1280, "height": 800, "dpi": 192}
_FILM_SIZES = {"width": 960, "height": 600, "dpi": 96}
_LONGEST_TOLD = 120
_NAMES = {"gif": "gif animation", "mp4": "mp4 video"}


class ExportForm(QDialog):
    """A window with these fields, a strip for progress, a line for what is wrong, and two buttons."""

    def __init__(self, panel: Panel, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("export-dialog")
        self.setWindowTitle(f"Export {panel.preset.title}")
        self.setModal(False)
        self._panel, self._settings = panel, settings
        self._films = False  # whether the sizes are those of an animation
        self._make_fields()
        self._lay_out()
        self._follow_format()

    def _make_fields(self) -> None:
        remembered = self._settings.text(f"export/what/{self._panel.entry.key}", WHOLE)
        self.what = self._combo("what", [WHOLE, *self._panel.view.plots], remembered)
        self.format = self._combo("format", list(ALL_FORMATS), "png")
        for kind, label in self._panel.view.own_formats:
            self.format.addItem(label, kind)
        self._offer_animations()
        self._offer_scripts()
        self._choose_format(self._settings.text("export/format", "png"))
        self.width_field = self._spin("width", 16, 8000, " px")
        self.height_field = self._spin("height", 16, 8000, " px")
        self.dpi = self._spin("dpi", 48, 600, " dpi")
        self.colours = self._combo("colours", [_SCREEN, *theme.THEMES], self._settings.text("export/colours", _SCREEN))
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
        self.cancel = QPushButton("Cancel", self)
        self.animation = AnimationFields(self._settings, self)
        self.progress = ProgressStrip(self)
        self._reason = QLabel(self)
        self._reason.setObjectName("export-reason")
        self._reason.setProperty("role", "reason")
        self._reason.setWordWrap(True)
        self._reason.hide()
        self.format.currentTextChanged.connect(self._follow_format)
        for box in (self.width_field, self.height_field, self.dpi):
            box.valueChanged.connect(self._tell_film)
        self.animation.changed.connect(self._tell_film)

    def _offer_scripts(self) -> None:
        """List the formats of scripts, and prepare to say in a line what the chosen format is for."""
        for kind, label in SCRIPTS.items():
            self.format.addItem(label, kind)
        self._hint = QLabel(self)
        self._hint.setObjectName("export-hint")
        self._hint.setProperty("role", "muted")
        self._hint.setWordWrap(True)

    def _offer_animations(self) -> None:
        """List the formats of animations, with what is lacking where one cannot be had."""
        still = "" if self._panel.reel() is not None else self._panel.still_words
        for kind in KINDS:
            reason = still or (NO_VIDEO if kind == "mp4" and not have_video() else "")
            self.format.addItem(f"{_NAMES[kind]}: {reason}" if reason else _NAMES[kind], kind)
            self._item(self.format.count() - 1).setEnabled(not reason)

    def _item(self, at: int) -> QStandardItem:
        """Return an entry of the list of formats."""
        return cast("QStandardItemModel", self.format.model()).item(at)

    def _choose_format(self, kind: str) -> None:
        at = max(self.format.findData(kind), self.format.findText(kind))
        if at >= 0 and self._item(at).isEnabled():
            self.format.setCurrentIndex(at)

    def kind(self) -> str:
        """Return the format's short name."""
        return self.format.currentData() or self.format.currentText()

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
        spin.setValue(self._remembered_size(spin))
        return spin

    def _remembered_size(self, box: QSpinBox) -> int:
        known = _FILM_SIZES if self._films else _SIZES
        return round(self._settings.number(self._place(box.objectName()), known[box.objectName()], box.maximum()))

    def _place(self, name: str) -> str:
        return f"export/animation/{name}" if self._films else f"export/{name}"

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setHorizontalSpacing(16)
        form.setVerticalSpacing(8)
        form.addRow("What", self.what)
        form.addRow("Format", self.format)
        form.addRow("", self._hint)
        form.addRow("Size", row_of(self.width_field, QLabel("×", self), self.height_field, 1))
        form.addRow("Resolution", self.dpi)
        form.addRow("Colours", self.colours)
        form.addRow("", self.transparent)
        self.animation.add_to(form)
        form.addRow("Folder", row_of(self.folder, self.browse))
        form.addRow("Name", self.name)
        self._form, self._body = form, QWidget(self)
        self._body.setLayout(form)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(12)
        column.addWidget(self._body)
        column.addWidget(self.progress)
        column.addWidget(self._reason)
        buttons = row_of()
        buttons.addStretch(1)
        for button in (self.cancel, self.write):
            buttons.addWidget(button)
        column.addLayout(buttons)
        self.setMinimumWidth(440)

    def _follow_format(self) -> None:
        """Offer only what the format has."""
        kind = self.kind()
        self._hint.setText(HINTS.get(kind, ""))
        self._form.setRowVisible(self._hint, kind in HINTS)
        picture, films = kind in PICTURES, kind in KINDS
        self._use_sizes(films)
        for field in (self.what, self.width_field, self.height_field, self.colours):
            field.setEnabled(picture or films)
        self.transparent.setEnabled(picture)
        self.dpi.setEnabled(kind == "png" or films)
        self.animation.set_visible(films)
        self._form.setRowVisible(self.transparent, not films)
        self._tell_film()
        self.adjustSize()

    def _use_sizes(self, films: bool) -> None:
        """Show the sizes of animations or of pictures: one is no good for the other."""
        if films == self._films:
            return
        self._remember_sizes()
        self._films = films
        for field in (self.width_field, self.height_field, self.dpi):
            field.setValue(self._remembered_size(field))

    def film_size(self) -> tuple[int, int]:
        """Return the pixels of an animation."""
        scale = self.dpi.value() / DPI
        return round(self.width_field.value() * scale), round(self.height_field.value() * scale)

    def _tell_film(self) -> None:
        reel = self._panel.reel() if self.kind() in KINDS else None
        if reel is not None:
            self.animation.set_reel(reel)
            self.animation.tell(self.kind(), self.film_size())

    def _choose_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Folder for exported files", self.folder.text())
        if chosen:
            self.folder.setText(chosen)

    def say(self, problem: str) -> None:
        """Show what is wrong, or that nothing is."""
        self._reason.setText(problem)
        self._reason.setVisible(bool(problem))
        flag(self.name, "refused", problem.startswith("Name"))
        path = any(problem.startswith(start) for start in ("Folder", f"{self.folder.text()}"))
        flag(self.folder, "refused", bool(problem) and path)

    def request(self) -> Request:
        """Return what the fields ask for."""
        chosen = self.colours.currentText()
        return Request(
            what=self.what.currentText(),
            format=self.kind(),
            folder=Path(os.path.expanduser(self.folder.text())),  # leaves a name that nobody has
            name=self.name.text().strip(),
            size=(self.width_field.value(), self.height_field.value()),
            scale=self.dpi.value() / DPI,
            colours=plot_colours(theme.THEMES[chosen]) if chosen in theme.THEMES else None,
            transparent=self.transparent.isChecked(),
        )

    def remember(self) -> None:
        """Keep what was chosen for the next time."""
        self._remember_sizes()
        self.animation.remember()
        self._settings.save("export/format", self.kind())
        self._settings.save("export/colours", self.colours.currentText())
        self._settings.save("export/folder", self.folder.text())
        self._settings.save("export/transparent", self.transparent.isChecked())
        self._settings.save(f"export/what/{self._panel.entry.key}", self.what.currentText())

    def _remember_sizes(self) -> None:
        for field in (self.width_field, self.height_field, self.dpi):
            self._settings.save(self._place(field.objectName()), str(field.value()))


def problem_of(request: Request) -> str:
    """Say what is wrong with a request before anything is written; empty if nothing is."""
    if not request.name or any(sign in request.name for sign in "/\\:\0"):
        return f"Name: {_told(request.name)} is not allowed; allowed: a file name without / \\ :"
    if request.folder == Path() or not os.path.isdir(request.folder):  # whatever is typed, such as too long a name
        return f"Folder: {_told(str(request.folder))} does not exist; allowed: a folder that can be written"
    return ""


def _told(text: str) -> str:
    return repr(text if len(text) <= _LONGEST_TOLD else f"{text[:_LONGEST_TOLD]}…")


def _pictures_folder() -> str:
    found = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.PicturesLocation)
    return found if Path(found).is_dir() else str(Path.home())
