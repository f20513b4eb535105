"""Figures as files: PNG, SVG and PDF, painted by the same code as the screen, so that they look like it.

pyqtgraph's own exporters are not used: SVGExporter fails with Qt from 6.11 on (pyqtgraph#3495), ImageExporter scales
neither legend nor pens. Here the scene is laid out in the size asked for, rendered, and laid out as it was.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol

import pyqtgraph as pg
from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QMarginsF, QRect, QRectF, QSize, QSizeF, Qt
from PySide6.QtGui import QColor, QImage, QImageWriter, QPageSize, QPaintDevice, QPainter, QPdfWriter
from PySide6.QtSvg import QSvgGenerator

from core.files import ExportError, whole_file
from gui.legend import draw_legend, legend_height
from gui.plots import LIGHT, Plot, PlotColours
from gui.relief import ReliefItem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from PySide6.QtWidgets import QGraphicsItem, QGraphicsWidget

    from gui.legend import LegendEntry

# Qt's logical resolution, to which scenes and fonts are laid out; devices of another would scale text.
_DPI = 96
_MARGIN = 12.0
_LEGEND_GAP = 4.0
_LARGEST = 16_384


class Drawing(Protocol):
    """A picture that draws itself, in any size and colours; `colours` are those it has on the screen."""

    colours: PlotColours

    def draw_figure(self, painter: QPainter, room: QRectF, colours: PlotColours) -> None:
        """Draw into a rectangle."""


Target = Any  # pg.GraphicsView | pg.PlotItem | Drawing: pyqtgraph has no types


class FigureFormat(Enum):
    """What a figure is written as; the value is the file's ending."""

    PNG = "png"
    SVG = "svg"
    PDF = "pdf"


def export_figure(
    target: Target,
    path: Path,
    format: FigureFormat | None = None,
    *,
    size: tuple[int, int] = (960, 600),
    scale: float = 2.0,
    colours: PlotColours | None = None,
    transparent: bool = False,
    legend: Sequence[LegendEntry] = (),
) -> None:
    """Write what `target` shows to `path`, whole or not at all.

    `target` is a view, shown or not, one plot in it, or a drawing. `size` is in pixels of 1/96 inch, as on the
    screen; a PNG has `scale` times as many (its resolution is 96·scale dpi). Without `format` the file's ending says
    it. `colours` are those of the figure, by default the present ones. The legend stands above the plots. Nothing on
    the screen changes. Raises ExportError if the file cannot be written, ValueError for a size that cannot be painted.
    """
    kind = _kind_of(path) if format is None else format
    if not (16 <= min(size) and max(size) * (scale if kind is FigureFormat.PNG else 1.0) <= _LARGEST and scale > 0.0):
        raise ValueError(f"size: {size[0]}×{size[1]} at scale {scale:g} is not within 16 to {_LARGEST} pixels a side")
    with _coloured(target, colours) as shown:
        background = None if transparent else QColor(shown.background)

        def draw(painter: QPainter) -> None:
            _draw_figure(painter, target, size, background, legend, shown)

        data = _PAINTERS[kind](draw, size, scale)
    with whole_file(path) as file:
        file.write(data)


def figure_image(
    target: Target,
    size: tuple[int, int],
    scale: float = 2.0,
    *,
    colours: PlotColours | None = None,
    legend: Sequence[LegendEntry] = (),
) -> QImage:
    """Return the figure as a picture, as for the clipboard; arguments as of `export_figure`."""
    with _coloured(target, colours) as shown:
        return _image(lambda p: _draw_figure(p, target, size, QColor(shown.background), legend, shown), size, scale)


def _kind_of(path: Path) -> FigureFormat:
    """Return the format that a file's ending names."""
    try:
        return FigureFormat(path.suffix.lower().lstrip("."))
    except ValueError:
        allowed = ", ".join(kind.value for kind in FigureFormat)
        raise ExportError(f"{path}: cannot be written: its ending is not one of {allowed}") from None


def _plots(target: Target) -> list[Plot | ReliefItem]:
    """Return the plots in a target, and what else has colours of its own."""
    if isinstance(target, pg.PlotItem):
        return [target] if isinstance(target, Plot) else []
    if not isinstance(target, pg.GraphicsView):
        return []
    return [item for item in target.scene().items() if isinstance(item, (Plot, ReliefItem))]


@contextmanager
def _coloured(target: Target, colours: PlotColours | None) -> Iterator[PlotColours]:
    """Give the plots these colours for a while; yield the colours they have."""
    before = [(plot, plot.colours) for plot in _plots(target)]
    present = LIGHT if isinstance(target, pg.GraphicsView | pg.PlotItem) else target.colours
    shown = colours or (before[0][1] if before else present)
    changed = [(plot, own) for plot, own in before if own != shown]
    try:
        for plot, _ in changed:
            plot.set_colours(shown)
        yield shown
    finally:
        for plot, own in changed:
            plot.set_colours(own)


def _draw_figure(
    painter: QPainter,
    target: Target,
    size: tuple[int, int],
    background: QColor | None,
    legend: Sequence[LegendEntry],
    colours: PlotColours,
) -> None:
    """Paint page, legend and plots."""
    page = QRectF(0.0, 0.0, *size)
    if background is not None:
        painter.fillRect(page, background)
    inner = page.adjusted(_MARGIN, _MARGIN, -_MARGIN, -_MARGIN)
    height = legend_height(legend, inner.width())
    if height:
        draw_legend(painter, QRectF(inner.left(), inner.top(), inner.width(), height), legend, colours)
    inner.setTop(inner.bottom() - inner_size(size, legend).height())
    if not isinstance(target, pg.GraphicsView | pg.PlotItem):
        target.draw_figure(painter, inner, colours)
        return
    widget = target if isinstance(target, pg.PlotItem) else target.centralWidget
    with _laid_out(widget, inner.size()) as place:
        _render(painter, widget.scene(), inner, place)


def inner_size(size: tuple[int, int], legend: Sequence[LegendEntry]) -> QSizeF:
    """Return the room for plots on a page with a legend."""
    width, height = size[0] - 2.0 * _MARGIN, size[1] - 2.0 * _MARGIN
    taken = legend_height(legend, width)
    return QSizeF(width, height - (taken + _LEGEND_GAP if taken else 0.0))


def _render(painter: QPainter, scene: pg.GraphicsScene, target: QRectF, source: QRectF) -> None:
    """Paint a part of a scene."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    painter.setRenderHint(QPainter.RenderHint.TextAntialiasing, True)
    scene.prepareForPaint()
    scene.render(painter, target, source, Qt.AspectRatioMode.IgnoreAspectRatio)


@contextmanager
def _laid_out(widget: QGraphicsWidget, size: QSizeF) -> Iterator[QRectF]:
    """Lay a widget out in another size, without its neighbours, for a while; yield where it is."""
    before = widget.geometry()
    place = QRectF(before.topLeft(), size)
    ranges = [(box, box.viewRange()) for box in _boxes(widget)]
    neighbours = [(item, item.opacity()) for item in _neighbours(widget)]
    views = widget.scene().views()
    for view in views:
        view.setUpdatesEnabled(False)
    try:
        # Not hidden, which would lay out anew; Qt does not paint what is this transparent.
        for item, _ in neighbours:
            item.setOpacity(0.0)
        _set_geometry(widget, place)
        yield place
    finally:
        _set_geometry(widget, before)
        for item, opacity in neighbours:
            item.setOpacity(opacity)
        for box, (x_range, y_range) in ranges:
            box.setRange(xRange=x_range, yRange=y_range, padding=0.0)
        for view in views:
            view.setUpdatesEnabled(True)


def _neighbours(widget: QGraphicsItem) -> list[QGraphicsItem]:
    """Return the items beside a widget, and beside what it is in."""
    parent = widget.parentItem()
    if parent is None:
        return []
    return [item for item in parent.childItems() if item is not widget] + _neighbours(parent)


def _boxes(item: QGraphicsItem) -> list[pg.ViewBox]:
    """Return the view boxes in an item."""
    found = [item] if isinstance(item, pg.ViewBox) else []
    return found + [box for child in item.childItems() for box in _boxes(child)]


def _set_geometry(widget: QGraphicsWidget, rect: QRectF) -> None:
    """Lay a widget out at once, its plots too."""
    widget.setGeometry(rect)
    _activate(widget)


def _activate(item: QGraphicsItem) -> None:
    """Have the layouts below an item place their contents now."""
    layout = item.layout if isinstance(item, (pg.PlotItem, pg.GraphicsLayout)) else None
    if layout is not None:
        layout.activate()
    for child in item.childItems():
        _activate(child)


def _image(draw: Callable[[QPainter], None], size: tuple[int, int], scale: float) -> QImage:
    """Return what `draw` paints as a picture."""
    image = QImage(round(size[0] * scale), round(size[1] * scale), QImage.Format.Format_ARGB32_Premultiplied)
    image.setDevicePixelRatio(scale)
    image.fill(Qt.GlobalColor.transparent)
    _paint(image, draw)
    # Only now: while painting, another resolution would scale the text.
    image.setDotsPerMeterX(round(_DPI * scale / 0.0254))
    image.setDotsPerMeterY(round(_DPI * scale / 0.0254))
    return image


def _paint(device: QPaintDevice, draw: Callable[[QPainter], None]) -> None:
    """Paint on a device."""
    painter = QPainter(device)
    try:
        draw(painter)
    finally:
        painter.end()


def _png(draw: Callable[[QPainter], None], size: tuple[int, int], scale: float) -> bytes:
    """Return a PNG file."""
    buffer = _buffer()
    QImageWriter(buffer, QByteArray(b"png")).write(_image(draw, size, scale))
    return bytes(buffer.data().data())


def _svg(draw: Callable[[QPainter], None], size: tuple[int, int], scale: float) -> bytes:
    """Return an SVG file; version 1.1, as 1.2 Tiny knows no clipping."""
    buffer = _buffer()
    device = QSvgGenerator(QSvgGenerator.SvgVersion.Svg11)
    device.setOutputDevice(buffer)
    device.setResolution(_DPI)
    device.setSize(QSize(*size))
    device.setViewBox(QRect(0, 0, *size))
    device.setTitle("Trainscope figure")
    _paint(device, draw)
    # Qt writes the size in rounded millimetres, which makes a picture of the file one pixel too large.
    return re.sub(
        rb'width="[\d.]+mm" height="[\d.]+mm"', b'width="%d" height="%d"' % size, buffer.data().data(), count=1
    )


def _pdf(draw: Callable[[QPainter], None], size: tuple[int, int], scale: float) -> bytes:
    """Return a PDF file of one page."""
    buffer = _buffer()
    device = QPdfWriter(buffer)
    device.setResolution(_DPI)
    points = QSizeF(*size) * (72.0 / _DPI)
    device.setPageSize(QPageSize(points, QPageSize.Unit.Point, "", QPageSize.SizeMatchPolicy.ExactMatch))
    device.setPageMargins(QMarginsF())
    device.setTitle("Trainscope figure")
    _paint(device, draw)
    return _undated(bytes(buffer.data().data()))


def _undated(pdf: bytes) -> bytes:
    """Return the file with a fixed date and identity of the same length: equal figures are equal files."""
    pdf = re.sub(rb"(?<=Date \(D:)\d{14}", b"20000101000000", pdf)
    pdf = re.sub(rb'(?<=Date=")[-\d]{10}T[:\d]{8}', b"2000-01-01T00:00:00", pdf)
    pdf = re.sub(rb"(?<=uuid:)[-\da-f]{36}", b"00000000-0000-0000-0000-000000000000", pdf)
    return re.sub(rb"/ID \[ <[\da-f]+> <[\da-f]+>", lambda found: re.sub(rb"[\da-f](?=[\da-f>])", b"0", found[0]), pdf)


def _buffer() -> QBuffer:
    """Return an open buffer."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    return buffer


_PAINTERS = {FigureFormat.PNG: _png, FigureFormat.SVG: _svg, FigureFormat.PDF: _pdf}
