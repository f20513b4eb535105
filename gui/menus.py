"""Entries of menus: words, what they do, their key, the name by which tests and scripts find them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtGui import QAction, QKeySequence

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtWidgets import QMenu


def add_action(
    menu: QMenu,
    text: str,
    run: Callable[[], object],
    key: QKeySequence | str = "",
    name: str = "",
    marked: bool = False,
) -> QAction:
    """Add an entry to a menu and return it; one that is `marked` can be on or off."""
    action = menu.addAction(text)
    action.setObjectName(name)
    action.setShortcut(QKeySequence(key))
    action.setCheckable(marked)
    action.triggered.connect(lambda _checked=False: run())
    return action
