"""Scripts from the window, with clicks: the export window's formats, the clipboard, what is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel
from shiboken6 import isValid

pytest_plugins = ["tests.window"]

KEY = Qt.Key


def export(user, label):
    """Choose a format with the keyboard, press Export, wait until the files are there."""
    dialog = user.open_export()
    dialog.format.setFocus()
    user.qtbot.keyClicks(dialog.format, label[:3])
    assert dialog.format.currentText() == label
    user.click(dialog.write)
    user.until(lambda: not isValid(dialog) or not dialog.isVisible())


def test_paths_as_a_numpy_script(user, export_folder) -> None:
    export(user, "NumPy script")
    path = export_folder / "optimizer-paths.py"
    assert [found.name for found in export_folder.iterdir()] == [path.name]
    assert user.window.banner.text() == f"Wrote {path}"
    found = subprocess.run([sys.executable, path], capture_output=True, text=True, env={"MPLBACKEND": "Agg"})
    assert found.returncode == 0 and "adam" in found.stdout


def test_a_race_as_a_pytorch_script_with_its_images(user, export_folder) -> None:
    user.small_race()
    export(user, "PyTorch script")
    assert sorted(found.name for found in export_folder.iterdir()) == [
        "optimizer-mnist-data.npz",
        "optimizer-mnist_torch.py",
    ]
    text = (export_folder / "optimizer-mnist_torch.py").read_text(encoding="utf-8")
    assert "HIDDEN = (8,)" in text and "torch.optim.Adam(" not in text.partition("def make_lanes")[0]


def test_the_format_is_explained_and_remembered(user, export_folder) -> None:
    export(user, "NumPy script")
    dialog = user.open_export()
    assert dialog.format.currentText() == "NumPy script"
    hint = dialog.findChild(QLabel, "export-hint")
    assert hint.isVisible() and "same numbers" in hint.text()
    assert not dialog.width_field.isEnabled()
    dialog.format.setCurrentText("png")
    assert "picture" in hint.text() and dialog.width_field.isEnabled()


def test_a_folder_that_cannot_be_written_is_said_once(user, export_folder, monkeypatch) -> None:
    dialog = user.open_export()
    dialog.format.setCurrentText("NumPy script")
    dialog.name.setText("x" * 300)
    user.click(dialog.write)
    reason = dialog.findChild(QLabel, "export-reason")
    user.until(lambda: reason.isVisible())
    assert "cannot be written" in reason.text() and dialog.write.isEnabled()
    assert list(export_folder.iterdir()) == []


def test_code_goes_to_the_clipboard(user) -> None:
    user.control(KEY.Key_C, Qt.KeyboardModifier.AltModifier)
    user.until(lambda: user.window.banner.text() == "The NumPy script is on the clipboard.")
    text = QGuiApplication.clipboard().text()
    assert text.startswith('"""Six optimizers in a valley.') and "class Nesterov:" in text


def test_code_that_needs_images_says_where_to_get_them(user) -> None:
    user.small_race()
    user.control(KEY.Key_C, Qt.KeyboardModifier.AltModifier)
    user.until(lambda: "optimizer-mnist-data.npz" in user.window.banner.text())
    assert "Ctrl+E" in user.window.banner.text()


def test_a_change_in_mid_run_is_in_the_script(user, export_folder) -> None:
    user.small_race(iterations=100_000)
    user.press(KEY.Key_Right)
    user.until(lambda: user.player.head == 1)
    user.enter("sgd.lr", "0.2")
    user.until(lambda: len(user.player.frame.changes) == 1)
    user.control(KEY.Key_C, Qt.KeyboardModifier.AltModifier)
    user.until(lambda: "clipboard" in user.window.banner.text())
    wanted = 'if iteration == 1 and name == "sgd":\n            optimizer.lr = 0.2'
    assert wanted in QGuiApplication.clipboard().text()


def test_live_histograms_give_the_script_of_the_race_that_they_show(user) -> None:
    user.small_race()
    user.open("inside")
    user.control(KEY.Key_C, Qt.KeyboardModifier.AltModifier)
    user.until(lambda: "clipboard" in user.window.banner.text())
    assert "class MultiLayerNet" in QGuiApplication.clipboard().text()


def test_where_there_is_no_run_it_is_said(user) -> None:
    user.window.open_data()
    user.control(KEY.Key_C, Qt.KeyboardModifier.AltModifier)
    user.until(lambda: "no code to copy" in user.window.banner.text())
    assert Path("optimizer-mnist.py").exists() is False
