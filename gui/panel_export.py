"""What a panel shows, as files: its plots as pictures, its frame as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.files import FORMATS
from core.writing import Writing
from gui.export import FigureFormat, export_figure, figure_image
from gui.reels import WHOLE

if TYPE_CHECKING:
    from pathlib import Path

    from PySide6.QtGui import QImage

    from gui.file_writing import Writer
    from gui.panel import Panel
    from gui.plots import PlotColours

PICTURES = tuple(kind.value for kind in FigureFormat)
ALL_FORMATS = (*PICTURES, *FORMATS)


@dataclass(frozen=True, slots=True)
class Request:
    """What to write: `what` is WHOLE or a plot's name, `size` in pixels of 1/96 inch, `scale` pixels per pixel."""

    what: str
    format: str
    folder: Path
    name: str
    size: tuple[int, int] = (1280, 800)
    scale: float = 2.0
    colours: PlotColours | None = None
    transparent: bool = False


def export_panel(panel: Panel, request: Request) -> list[Path]:
    """Write what the panel shows and return the paths; raises ExportError, of core or gui, with one line."""
    if request.format in PICTURES:
        return [_export_picture(panel, request)]
    return data_writer(panel, request)(Writing())


def data_writer(panel: Panel, request: Request) -> Writer:
    """Return what writes the panel's frame as it is now, the lanes that are switched on, on a thread without Qt."""
    from core.batch import write  # with every kind of experiment
    from core.export import select_lanes

    frame = panel.shown_frame()
    rows, configuration = panel.view.visible(frame), panel.run_configuration()
    dataset = panel.desk.dataset() if panel.preset.uses_images else None
    where = request.folder, [request.format], request.name
    return lambda writing: write(select_lanes(frame, rows), configuration, dataset, *where, writing)


def _export_picture(panel: Panel, request: Request) -> Path:
    path = request.folder / f"{request.name}.{request.format}"
    whole, frame = request.what == WHOLE, panel.shown_frame()
    target = panel.view.figure() if whole else panel.view.plots[request.what]
    export_figure(
        target,
        path,
        FigureFormat(request.format),
        size=request.size,
        scale=request.scale,
        colours=request.colours,
        transparent=request.transparent,
        legend=panel.view.legend(frame) if whole else panel.view.plot_legend(frame),
    )
    return path


def panel_image(panel: Panel) -> QImage:
    """Return the panel's plots with their legend, in the size they have on screen, twice as fine."""
    target = panel.view.figure()
    legend = panel.view.legend(panel.shown_frame())
    return figure_image(target, (target.width(), target.height()), legend=legend)
