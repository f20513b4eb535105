"""Starts the window: application, look, hooks for stray errors, settings, event loop."""

from __future__ import annotations

import gc
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QStandardPaths
from PySide6.QtWidgets import QApplication

from gui import theme
from gui.errors import install_hooks
from gui.main_window import MainWindow
from gui.settings import Settings

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from core.datasets import Dataset
    from core.figures import Preset


def run(preset: Preset | None, dataset: Callable[[], Dataset], options: argparse.Namespace) -> int:
    """Open the window, at a preset if one is given, and return the exit status when it is closed."""
    if _no_display():
        print("trainscope: no display: neither DISPLAY nor WAYLAND_DISPLAY is set", file=sys.stderr)
        return 1
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    app = QApplication(sys.argv[:1])
    app.setApplicationName("Trainscope")
    app.setApplicationDisplayName("Trainscope")
    settings = Settings(fresh=options.fresh)
    name = options.theme or settings.text("theme")
    theme.apply(app, theme.THEMES.get(name) or theme.system_theme())
    window = MainWindow(settings, dataset, engine_threads(), preset, sessions_folder())
    if options.file is not None:
        window.ready.connect(lambda: window.sessions.open(options.file))
    collectors: list[object] = []
    window.ready.connect(lambda: collectors.append(_collect_garbage()))
    hooks = install_hooks(window.report)
    window.show()
    status = app.exec()
    hooks.remove()
    return int(status)


def _collect_garbage() -> object:
    """Collect garbage from now on, in this thread alone, without ever looking again at what the start made.

    Python collects in whichever thread allocates: an engine would destroy widgets that the window has done with.
    What is returned collects for as long as it is kept.
    """
    from pyqtgraph.util.garbage_collector import GarbageCollector

    gc.freeze()
    return GarbageCollector()


def sessions_folder() -> Path:
    """Return where a window saves its session by itself."""
    place = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.AppLocalDataLocation)
    return Path(place) / "sessions"


def engine_threads() -> int:
    """Return the engine's share of the cores: all but the one that draws, at least one."""
    return max(1, (os.cpu_count() or 1) - 1)


def _no_display() -> bool:
    chosen = os.environ.get("QT_QPA_PLATFORM", "")
    return (
        sys.platform.startswith("linux")
        and (not chosen or chosen.startswith(("xcb", "wayland")))
        and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    )
