"""Fixtures for tests of sessions: windows that save by themselves, and dialogs that ask for a file, answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtWidgets import QFileDialog

from core.datasets import load
from gui import autosave
from gui.main_window import MainWindow
from tests.gui_helpers import User
from tests.session_helpers import go

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gui.settings import Settings

SOON = 0.05  # seconds between two savings, in place of four


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where windows save by themselves."""
    return tmp_path / "sessions"


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let windows save by themselves many times a second, however long that took the last time."""
    monkeypatch.setattr(autosave, "AUTOSAVE_SECONDS", SOON)
    monkeypatch.setattr(autosave, "_LONGEST", SOON)


@pytest.fixture
def keeper(qtbot: Any, settings: Callable[..., Settings], folder: Path) -> Callable[..., User]:
    """Open windows that save by themselves, by default to one folder."""

    def make(data: str = "sample", place: Path = folder) -> User:
        window = MainWindow(settings(), lambda: load(data), threads=1, folder=place)
        qtbot.addWidget(window)
        with qtbot.waitSignal(window.ready):
            window.show()
        window.activateWindow()
        qtbot.waitUntil(window.isActiveWindow)
        user = User(window, qtbot)
        user.until(lambda: user.panel.shown_frame() is not None)
        return user

    return make


@pytest.fixture
def racer(keeper: Callable[..., User]) -> User:
    """Someone at a small race that has made some updates."""
    user = keeper()
    user.small_race()
    go(user, 5)
    return user


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path | None], list[str]]:
    """Answer dialogs with this file or folder, None for Cancel; return which of those that ask for a file came."""

    def give(path: Path | None) -> list[str]:
        asked: list[str] = []
        for name in ("getSaveFileName", "getOpenFileName"):

            def ask(*_args: Any, name: str = name) -> tuple[str, str]:
                asked.append(name)
                return (str(path) if path else "", "")

            monkeypatch.setattr(QFileDialog, name, ask)
        monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(path or ""))
        return asked

    return give
