"""The export window, with clicks: every format, what is refused, what is remembered; and the clipboard."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QGuiApplication, QImage
from PySide6.QtWidgets import QApplication, QWidget
from shiboken6 import isValid

from core.optimizers import OPTIMIZERS
from core.runner import Phase
from gui.panel_export import ALL_FORMATS
from gui.plots import LIGHT
from tests.gui_helpers import colours, export_reason, grabbed, ink, pixels

pytest_plugins = ["tests.window"]

KEY = Qt.Key
BEGINNINGS = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF", "csv": b"lane,step", "json": b"{", "npz": b"PK"}


@pytest.fixture(autouse=True)
def folder_is_remembered(store, tmp_path):
    """No test writes anywhere else."""
    store.setValue("export/folder", str(tmp_path / "out"))


@pytest.fixture
def dialog(user, tmp_path, monkeypatch):
    """The export window of the paths, with a folder of its own."""
    monkeypatch.chdir(tmp_path)  # where an empty folder would lead to
    (tmp_path / "out").mkdir()
    return open_dialog(user, tmp_path / "out")


def open_dialog(user, folder=None):
    found = user.open_export()
    if folder is not None:
        found.folder.setText(str(folder))
        found.width_field.setValue(400)
        found.height_field.setValue(300)
        found.dpi.setValue(96)
    return found


def gone(dialog):
    return not isValid(dialog) or not dialog.isVisible()


def write(user, dialog, **texts):
    """Fill in, press Export, and return the names of the files."""
    folder = Path(dialog.folder.text())
    for name, text in texts.items():
        if name == "format":
            dialog.format.setCurrentText(text)
        else:
            getattr(dialog, name).setText(str(text))
    user.export(dialog)
    return sorted(path.name for path in folder.iterdir())


def test_every_format_is_written(user, dialog, tmp_path):
    for kind in ALL_FORMATS:
        made = tmp_path / "out" / f"mine.{kind}"
        assert made.name in write(user, dialog, format=kind, name="mine")
        content = made.read_bytes()
        assert content.startswith(BEGINNINGS[kind]) and len(content) > 500
        assert user.window.banner.text() == f"Wrote {made}"
        assert gone(dialog)
        dialog = open_dialog(user)
    assert len(list((tmp_path / "out").iterdir())) == len(ALL_FORMATS)


def test_a_picture_looks_like_the_panel(user, dialog, tmp_path):
    write(user, dialog, format="png")
    picture = QImage(str(tmp_path / "out" / "optimizer-paths.png"))
    assert (picture.width(), picture.height()) == (400, 300)
    for name in user.panel.configuration["lanes"]:
        assert ink(picture, LIGHT.lane(OPTIMIZERS[name].colour)) > 5, name


def test_one_plot_other_colours_and_no_background(user, dialog, tmp_path):
    dialog.what.setCurrentText("loss")
    dialog.colours.setCurrentText("dark")
    write(user, dialog, format="png")
    dark = pixels(QImage(str(tmp_path / "out" / "optimizer-paths.png")))
    assert np.median(dark) < 60
    dialog = open_dialog(user)
    dialog.transparent.setChecked(True)
    write(user, dialog, format="png")
    assert QImage(str(tmp_path / "out" / "optimizer-paths.png")).pixelColor(1, 1).alpha() == 0


def test_data_has_the_visible_lanes_only(user, dialog, tmp_path):
    dialog.close()
    user.click("lane-sgd")
    user.click("lane-adam")
    user.until(lambda: len(user.player.frame.lanes) == 4)
    write(user, open_dialog(user), format="csv")
    with (tmp_path / "out" / "optimizer-paths.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["lane"] for row in rows} == {"momentum", "nesterov", "adagrad", "rmsprop"}
    assert len(rows) == 4 * 30


def test_a_lane_hidden_in_mid_run_is_left_out_and_changes_are_written(user, tmp_path):
    (tmp_path / "out").mkdir()
    user.small_race(iterations=100_000)
    user.press(KEY.Key_Right)
    user.until(lambda: user.player.head == 1)
    user.enter("sgd.lr", "0.2")
    user.until(lambda: len(user.player.frame.changes) == 1)
    user.click("lane-adam")
    for kind in ("csv", "json"):
        write(user, open_dialog(user), format=kind)
    with (tmp_path / "out" / "optimizer-mnist.csv").open(newline="") as file:
        assert {row["lane"] for row in csv.DictReader(file)} == {"sgd"}
    content = json.loads((tmp_path / "out" / "optimizer-mnist.json").read_text(encoding="utf-8"))
    assert content["configuration"]["changes"] == [{"iteration": 1, "key": "sgd.lr", "value": 0.2}]
    assert "sha256" in content["data"]


def test_histograms_are_written(user, tmp_path):
    (tmp_path / "out").mkdir()
    user.open("activations")
    assert write(user, open_dialog(user), format="csv") == ["activations-layers.csv", "activations.csv"]


# What is refused.


def test_a_name_that_is_none_is_refused(user, dialog):
    for name in ("", "a/b", "a\\b", "c:d", "x" * 300):
        assert write(user, dialog, name=name) == []
        assert 0 < len(export_reason(dialog)) < 500 and dialog.isVisible()
        assert user.window.banner.text() == ""
    assert write(user, dialog, name="good") == ["good.png"]


def test_a_folder_that_cannot_be_written_is_refused(user, dialog, tmp_path):
    for kind in ALL_FORMATS:
        wrong = ("/proc", str(tmp_path / "nowhere"), str(tmp_path / "settings.ini"), "", "~nobody/x", "x" * 3000, "\0")
        for folder in wrong:
            dialog.format.setCurrentText(kind)
            dialog.folder.setText(folder)
            user.export(dialog)
            assert not gone(dialog), f"{kind} in {folder!r}"
            assert 0 < len(export_reason(dialog)) < 200, f"{kind} in {folder!r}"
            assert user.window.banner.text() == ""
    assert not (tmp_path / "nowhere").exists()
    assert list((tmp_path / "out").iterdir()) == []
    assert not [path.name for path in tmp_path.iterdir() if path.name not in ("out", "settings.ini")]


def test_only_what_a_format_has_is_offered(dialog):
    dialog.format.setCurrentText("csv")
    assert not dialog.what.isEnabled() and not dialog.dpi.isEnabled() and not dialog.width_field.isEnabled()
    dialog.format.setCurrentText("svg")
    assert dialog.what.isEnabled() and not dialog.dpi.isEnabled()
    dialog.format.setCurrentText("png")
    assert dialog.dpi.isEnabled()


def test_it_remembers(user, dialog, tmp_path):
    write(user, dialog, format="svg")
    again = open_dialog(user)
    assert (again.format.currentText(), again.width_field.value(), again.dpi.value()) == ("svg", 400, 96)
    assert again.folder.text() == str(tmp_path / "out")


def test_its_fields_have_names_and_it_closes_with_escape(user, dialog):
    keyboard = [w for w in dialog.findChildren(QWidget) if w.isVisible() and w.focusPolicy() & Qt.FocusPolicy.TabFocus]
    own = [w for w in keyboard if not w.objectName().startswith("qt_")]
    assert len(own) > 8
    assert [w for w in own if not (w.accessibleName() or getattr(w, "text", str)())] == []
    user.qtbot.keyClick(dialog, KEY.Key_Escape)
    assert gone(dialog)


# The clipboard.


def test_the_picture_is_copied(user):
    for key in ("paths", "training", "activations"):
        user.open(key)
        QGuiApplication.clipboard().clear()
        user.control(KEY.Key_C, Qt.KeyboardModifier.ShiftModifier)
        copied = QGuiApplication.clipboard().image()
        assert copied.width() == 2 * user.panel.view.graphics.width()
        assert len(colours(copied)) > 20
        assert "clipboard" in user.window.banner.text()
    QGuiApplication.clipboard().clear()


def test_nothing_on_screen_moves_when_a_picture_is_made(user):
    box = user.panel.view.map.vb
    user.window.findChild(QAction, "copy-picture").trigger()
    user.until(lambda: user.window.banner.isVisible())
    QApplication.processEvents()
    before, picture = (box.viewRange(), box.geometry()), grabbed(user.panel.view)
    user.window.findChild(QAction, "copy-picture").trigger()
    QApplication.processEvents()
    assert (box.viewRange(), box.geometry()) == before
    assert grabbed(user.panel.view) == picture
    QGuiApplication.clipboard().clear()


def test_there_is_nothing_to_export_before_the_first_frame(opened, tmp_path):
    user = opened(data=str(tmp_path / "missing"))
    user.click("open-training")
    user.until(lambda: user.player.status.phase is Phase.FAILED)
    user.control(KEY.Key_E)
    assert user.window._export is None
    assert "nothing to export" in user.window.banner.text()
