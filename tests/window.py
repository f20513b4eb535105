"""Fixtures that open the window; test modules take them with `pytest_plugins = ["tests.window"]`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication

from core.datasets import load
from core.presets import PRESETS
from gui import theme
from gui.main_window import MainWindow
from gui.settings import Settings
from tests.gui_helpers import User

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> QSettings:
    """An empty store of settings."""
    return QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)


@pytest.fixture
def opened(qtbot: Any, store: QSettings) -> Callable[..., User]:
    """Open windows that are closed at the test's end."""
    _make_light()

    def make(panel: str | None = None, data: str = "sample", preset: str = "", fresh: bool = False) -> User:
        chosen = PRESETS[preset] if preset else None
        window = MainWindow(Settings(fresh, store), lambda: load(data), threads=1, preset=chosen)
        qtbot.addWidget(window)
        with qtbot.waitSignal(window.ready):
            window.show()
        window.activateWindow()
        qtbot.waitUntil(window.isActiveWindow)
        user = User(window, qtbot)
        if panel is not None:
            user.open(panel)
        return user

    return make


def _make_light() -> None:
    """Give the application its light look, unless it has it: that takes its time."""
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    if theme.current() != theme.THEMES["light"] or not app.styleSheet():
        theme.apply(app, theme.THEMES["light"])


@pytest.fixture
def export_folder(store: QSettings, tmp_path: Path) -> Path:
    """Where exported files go, remembered as the last folder."""
    made = tmp_path / "out"
    made.mkdir()
    store.setValue("export/folder", str(made))
    return made


@pytest.fixture
def user(opened: Callable[..., User]) -> User:
    """Someone at a fresh window, at its first panel."""
    made = opened()
    made.until(lambda: made.panel.shown_frame() is not None)
    return made
