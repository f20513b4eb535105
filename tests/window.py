"""Fixtures that open the window; test modules take them with `pytest_plugins = ["tests.window"]`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication

from core.presets import PRESETS
from gui import theme
from gui.main_window import MainWindow
from gui.settings import Settings
from tests.gui_helpers import User

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> QSettings:
    """An empty store of settings."""
    return QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)


@pytest.fixture
def opened(qtbot: Any, store: QSettings) -> Iterator[Callable[..., User]]:
    """Open windows that are closed at the test's end."""
    theme.apply(QApplication.instance(), theme.THEMES["light"])  # type: ignore[arg-type]

    def make(panel: str | None = None, data: str = "sample", preset: str = "", fresh: bool = False) -> User:
        chosen = PRESETS[preset] if preset else None
        window = MainWindow(Settings(fresh, store), data, threads=1, preset=chosen)
        qtbot.addWidget(window)
        with qtbot.waitSignal(window.ready):
            window.show()
        window.activateWindow()
        qtbot.waitUntil(window.isActiveWindow)
        user = User(window, qtbot)
        if panel is not None:
            user.open(panel)
        return user

    yield make
    theme.apply(QApplication.instance(), theme.THEMES["light"])  # type: ignore[arg-type]


@pytest.fixture
def user(opened: Callable[..., User]) -> User:
    """Someone at a fresh window, at its first panel."""
    made = opened()
    made.until(lambda: made.panel.shown_frame() is not None)
    return made
