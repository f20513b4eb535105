"""Pictures and animations without a window: the same views, laid out offscreen."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from core.animation import Film
    from core.figures import Preset
    from core.parameters import Configuration
    from gui.views.base import View


_USUAL_HEIGHT = 800  # of a figure in a file


def write_pictures(
    frame: Any, configuration: Configuration, folder: Path, formats: Sequence[str], look: str
) -> list[Path]:
    """Draw the frame as its panel would and write it in each format; raises ExportError with one line."""
    view, preset = _view(configuration, look)
    from gui import theme
    from gui.export import FigureFormat, export_figure

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


def write_film(
    frame: Any,
    configuration: Configuration,
    folder: Path,
    film: Film,
    look: str,
    report: Callable[[int, int, float | None], None],
    fixed: bool = True,
) -> Path:
    """Draw an animation of the frame's record as its panel would and write it; raises ExportError with one line.

    `report(done, total, None)` is called after every picture. Unless its size is `fixed`, it is made higher where the
    panel's figure is.
    """
    view, preset = _view(configuration, look)
    if not fixed:
        film = _high_enough(film, view.export_size(frame)[1])
    from core.animation import write_animation
    from gui import theme
    from gui.projector import Projector
    from gui.reels import reel_of

    projector = Projector(reel_of(configuration, preset, frame, view.unit), view, theme.current(), film.size)

    def pictures() -> Iterator[Any]:
        for done, moment in enumerate(film.order, 1):
            yield projector.picture(moment)
            report(done, len(film.order), None)

    path = folder / f"{preset.name}.{film.kind}"
    try:
        write_animation(path, film, pictures(), projector.colours)
    finally:
        projector.close()
    return path


def _high_enough(film: Film, height: int) -> Film:
    """Return the film as much higher as a figure of this height is than others."""
    from core.animation import LARGEST_SIDE

    own = film.size[1] + max(0, height - _USUAL_HEIGHT)
    return replace(film, size=(film.size[0], min(LARGEST_SIDE, own) & ~1))  # videos need even sides


def _view(configuration: Configuration, look: str) -> tuple[View, Preset]:
    """Return a new view for a configuration, in an application that has this look."""
    app = _application()
    from core.presets import PRESETS
    from gui import theme
    from gui.registry import PANELS

    theme.apply(app, theme.THEMES[look])
    preset = PRESETS[configuration.preset]
    entry = next(entry for entry in PANELS if entry.key == preset.panel)
    return entry.panel_class().view_class(), preset


def _application() -> Any:
    if sys.platform.startswith("linux"):
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    from PySide6.QtWidgets import QApplication

    return QApplication.instance() or QApplication(["trainscope"])
