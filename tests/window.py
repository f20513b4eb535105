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

    from core.parameters import Configuration


@pytest.fixture
def store(tmp_path: Path) -> QSettings:
    """An empty store of settings."""
    return QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)


@pytest.fixture
def first_run() -> Configuration | None:
    """What windows open with, unless they are fresh; a module has its own where another panel would be made in vain."""
    return None


@pytest.fixture
def settings(store: QSettings, first_run: Configuration | None) -> Callable[[bool], Settings]:
    """Make the settings of a window, which say what it opens with."""

    def make(fresh: bool = False) -> Settings:
        made = Settings(fresh, store)
        if first_run is not None and not fresh and not made.text("panel"):
            panel = PRESETS[first_run.preset].panel
            made.save("panel", panel)
            made.save_configuration(panel, first_run)
        return made

    return make


@pytest.fixture
def opened(qtbot: Any, settings: Callable[[bool], Settings]) -> Callable[..., User]:
    """Open windows that are closed at the test's end."""
    _make_light()

    def make(panel: str | None = None, data: str = "sample", preset: str = "", fresh: bool = False) -> User:
        chosen = PRESETS[preset] if preset else None
        window = MainWindow(settings(fresh), lambda: load(data), threads=1, preset=chosen)
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
