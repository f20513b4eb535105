"""What tests ask of sessions: what is on screen, runs to the bit; and the hands that save, open and drop files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QAction, QDragEnterEvent, QDragMoveEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QMenu, QPushButton, QWidget

from core.presets import build

if TYPE_CHECKING:
    from pathlib import Path

    from core.datasets import Dataset
    from core.experiments.saved import SavedRun
    from core.parameters import Configuration
    from tests.gui_helpers import User

_RECORDS = ("loss", "train", "test", "norms")
_FUTURE = ("loss", "smoothed", "measured_at", "train_accuracy", "test_accuracy")


# What is on screen.


def go(user: User, to: int) -> None:
    """Let the run in focus go on to an update, one by one, as the key → does."""
    while user.player.status.position < to:
        position = user.player.status.position
        user.player.step()
        user.until(lambda position=position: user.player.status.position > position)
    user.until(lambda: user.player.head == to)


def saved(user: User, key: str = "training") -> SavedRun | None:
    """Return a panel's run as it is now."""
    found: SavedRun | None = user.window.panels[key].own_player.runner.save(True).result(20)
    return found


def bits(run: SavedRun | None, moments: bool = True) -> Any:
    """Return all that a run has, to the last bit; without its `moments` only of the last one."""
    if run is None:
        return None
    checkpoints = run.checkpoints if moments else run.checkpoints[-1:]
    return (
        (run.configuration, run.position, run.measured, dict(run.stopped)),
        [_bytes(getattr(run, name)) for name in _RECORDS],
        [(found.position, _networks(found)) for found in checkpoints],
        [(future.start, [_bytes(getattr(future, name)) for name in _FUTURE]) for future in run.futures],
    )


def _networks(checkpoint: Any) -> dict[int, Any]:
    found: dict[int, Any] = {}
    for block in checkpoint.blocks:
        for place, row in enumerate(block.rows):
            found[row] = [_bytes(block.params[place]), _bytes(block.stats[place])]
        for own in block.optimizers:
            for place, row in enumerate(own.rows):
                values = own.values.items()
                found[row].append({k: _bytes(v[place]) if isinstance(v, np.ndarray) else v for k, v in values})
    return found


def _bytes(array: Any) -> bytes:
    return bytes(np.ascontiguousarray(array).tobytes())


def straight(configuration: Configuration, dataset: Dataset, to: int) -> Any:
    """Return what a run that nobody ever interrupted has after so many updates."""
    run: Any = build(configuration, lambda: dataset, 1)
    try:
        run.advance(to)
        return bits(run.save(True), moments=False)
    finally:
        run.close()


def looks(user: User) -> dict[str, Any]:
    """Return what each panel shows besides its run."""
    return {
        key: (panel.configuration, panel.view_state(), panel.own_player.shown_position, panel.lanes.active())
        for key, panel in user.window.panels.items()
    }


# Hands.


def action(user: User, name: str) -> QAction:
    """Return an entry of a menu."""
    found = user.window.findChild(QAction, name)
    assert isinstance(found, QAction), name
    return found


def recent(user: User) -> list[QAction]:
    """Open the menu of recent sessions and return its entries."""
    menu = user.window.findChild(QMenu, "recent")
    assert isinstance(menu, QMenu)
    menu.aboutToShow.emit()
    return menu.actions()


def press(user: User, words: str) -> None:
    """Press a button of the banner."""
    found = [b for b in user.window.banner.findChildren(QPushButton) if b.text() == words]
    assert found, f"the banner offers no {words!r}: {user.window.banner.text()}"
    user.click(found[-1])


def said(user: User, words: str) -> str:
    """Wait until the banner says something, which is one line, and return it."""
    try:
        user.until(lambda: words in user.window.banner.text(), 8_000)
    except Exception:
        raise AssertionError(user.window.banner.text()) from None
    text: str = user.window.banner.text()
    assert "\n" not in text
    return text


def opened_session(user: User, path: Path) -> None:
    """Open a session and wait for it."""
    user.window.banner.dismiss()
    user.window.sessions.open(path)
    said(user, f"Opened {path.name}")
    panel = user.window.current()
    if panel is not None:
        user.until(lambda: panel.player.settled)


def saved_session(user: User, path: Path) -> Path:
    """Save to a file and wait for it."""
    user.window.banner.dismiss()
    user.window.sessions.save_to(path)
    said(user, f"Saved {path}")
    return path


def drop(user: User, widget: QWidget, mime: QMimeData) -> bool:
    """Drag something to a widget and let it go, as the system does: the window hears of it; return if it took it."""
    left, no_key, copy = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, Qt.DropAction.CopyAction
    spot = widget.mapTo(user.window, widget.rect().center())
    assert user.window.childAt(spot) is widget, "something else is there"
    handle = user.window.windowHandle()
    comes = QDragEnterEvent(spot, copy, mime, left, no_key)
    QApplication.sendEvent(handle, comes)
    if not comes.isAccepted():
        return False
    moves = QDragMoveEvent(spot, copy, mime, left, no_key)
    moves.setDropAction(comes.dropAction())  # to take what comes is enough: Qt's own way of asking
    moves.accept()
    QApplication.sendEvent(handle, moves)
    falls = QDropEvent(QPointF(spot), copy, mime, left, no_key)
    QApplication.sendEvent(handle, falls)
    return moves.isAccepted() and falls.isAccepted()


def files(*paths: Path) -> QMimeData:
    """Return files as they are dragged."""
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    return mime
