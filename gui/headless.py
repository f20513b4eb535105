"""Pictures without a window: the same views, laid out offscreen."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from core.parameters import Configuration


def write_pictures(
    frame: Any, configuration: Configuration, folder: Path, formats: Sequence[str], look: str
) -> list[Path]:
    """Draw the frame as its panel would and write it in each format; raises ExportError with one line."""
    app = _application()
    from core.presets import PRESETS
    from gui import theme
    from gui.export import FigureFormat, export_figure
    from gui.registry import PANELS

    theme.apply(app, theme.THEMES[look])
    preset = PRESETS[configuration.preset]
    entry = next(entry for entry in PANELS if entry.key == preset.panel)
    view = entry.panel_class().view_class()
    view.set_theme(theme.current())
    size = view.export_size(frame)
    view.graphics.resize(*size)
    view.show_configuration(configuration, preset)
    view.show_frame(frame, frame.position)
    target, written = view.figure(), []
    for kind in formats:
        path = folder / f"{preset.name}.{kind}"
        export_figure(target, path, FigureFormat(kind), size=size, legend=view.legend(frame))
        written.append(path)
    view.deleteLater()
    return written


def _application() -> Any:
    if sys.platform.startswith("linux"):
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    from PySide6.QtWidgets import QApplication

    return QApplication.instance() or QApplication(["trainscope"])
