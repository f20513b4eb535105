"""The map of a surface: shading and contour lines, made once for a view and then only copied to the screen."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import contourpy
import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt, QTimer
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPen, QPixmap, QTransform

from gui.items import Frame, ViewItem, line_path
from gui.legend import marker_path

if TYPE_CHECKING:
    from core.surfaces import Surface
    from gui.decimation import Array
    from gui.plots import PlotColours

GRID = 256
_FILE_GRID = 512
LEVELS = 18
_REBUILD_MS = 70
_MARGIN = 0.06
# From the valley to the heights: near the page first, so that coloured paths stand out; lightness changes steadily.
_RAMPS = {
    False: ("#fdfdfb", "#eff3f4", "#dfe7ec", "#cdd8e1", "#bac8d5"),
    True: ("#10141a", "#182029", "#222e3b", "#2f3f50", "#415467"),
}
_LINES = {False: ("#4a6178", 0.38), True: ("#a9bdd2", 0.30)}


def scaled_heights(values: Array) -> tuple[Array, float]:
    """Return values scaled to 0 (lowest in view) to 1 (highest), and the power that puts their median at 0.5.

    Equal steps of scaled ** power are drawn as equal steps of shade and level: a plane keeps its even lines, a
    parabola gets even distances, and a narrow valley under steep walls is not left in one flat colour. Values that
    are not finite count as the highest.
    """
    finite = np.isfinite(values)
    low, high = (values[finite].min(), values[finite].max()) if finite.any() else (0.0, 0.0)
    if not high > low:
        return np.zeros(values.shape), 1.0
    scaled = (np.where(finite, values, high) - low) / (high - low)
    middle = min(max(float(np.median(scaled)), 1e-6), 0.5)
    return scaled, max(math.log(0.5) / math.log(middle), 0.1)


class SurfaceMap:
    """Shading and contour lines of a surface over one rectangle of the plane, in one theme, from grid × grid values."""

    def __init__(self, surface: Surface, rect: QRectF, dark: bool, grid: int = GRID) -> None:
        # A QRectF of the plane is upside down: its top is the lowest y.
        x, y = np.linspace(rect.left(), rect.right(), grid), np.linspace(rect.top(), rect.bottom(), grid)
        with np.errstate(over="ignore", invalid="ignore"):
            values = np.broadcast_to(surface.value(x[None, :], y[:, None]), (grid, grid))
        scaled, power = scaled_heights(np.asarray(values, dtype=np.float64))
        # A sample is the middle of its pixel.
        across, up = 0.5 * rect.width() / (grid - 1), 0.5 * rect.height() / (grid - 1)
        self.rect = rect.adjusted(-across, -up, across, up)
        self.image = _shade(scaled**power, dark)
        self.lines = _contours(x, y, scaled, power)


def _shade(shares: Array, dark: bool) -> QImage:
    """Return the picture, its top row being the last of `shares`."""
    stops = np.array([_channels(colour) for colour in _RAMPS[dark]])
    places = np.linspace(0.0, 1.0, len(stops))
    ramp = np.empty((256, 4), dtype=np.uint8)
    for channel in range(3):
        ramp[:, 2 - channel] = np.interp(np.linspace(0.0, 1.0, 256), places, stops[:, channel]).round()
    ramp[:, 3] = 255
    pixels = ramp[(shares[::-1] * 255.0).round().astype(np.uint8)]
    height, width = shares.shape
    return QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGB32).copy()


def _channels(colour: str) -> tuple[float, float, float]:
    """Return red, green, blue, 0 to 255."""
    found = QColor(colour)
    return float(found.red()), float(found.green()), float(found.blue())


def _contours(x: Array, y: Array, scaled: Array, power: float) -> QPainterPath:
    """Return the lines at equal steps of shade, in the plane's coordinates.

    None is as near to the floor as half a step, where a valley is narrower than the grid. They are traced on the
    values themselves: their power has a crease along a valley, where lines would break up.
    """
    generator = contourpy.contour_generator(x, y, scaled, name="serial", line_type=contourpy.LineType.ChunkCombinedNan)
    path = QPainterPath()
    for level in (np.arange(1, LEVELS) + 0.5) / LEVELS:
        for points in generator.lines(float(level) ** (1.0 / power))[0]:
            if points is not None:
                path.addPath(line_path(points[:, 0], points[:, 1]))
    return path


class SurfacePicture(ViewItem):
    """A surface as a shaded map with contour lines, its minima marked "+".

    The map is made for the view and a margin around it. While the user zooms or pans, the old one is drawn where it
    belongs and a new one follows at most every 70 ms. A file gets a map of its own view and its lines as curves.
    """

    def __init__(self, surface: Surface) -> None:
        super().__init__()
        self._surface = surface
        self._map: SurfaceMap | None = None
        self._pixmap: tuple[object, QPixmap | None] = (None, None)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_REBUILD_MS)
        self._timer.timeout.connect(self._forget)
        self.setZValue(-50)

    def set_surface(self, surface: Surface) -> None:
        """Show another surface."""
        self._surface = surface
        self._forget()

    def set_colours(self, colours: PlotColours) -> None:
        """Draw in these colours from now on."""
        super().set_colours(colours)
        self._forget()

    def viewRangeChanged(self) -> None:
        """Follow the view, now with what there is, soon with a new map."""
        super().viewRangeChanged()
        if self._map is not None and not self._timer.isActive():
            self._timer.start()

    def draw(self, painter: QPainter, frame: Frame) -> None:
        """Draw the map and the minima."""
        if frame.fine:
            self._draw_map(painter, frame, self._made(_FILE_GRID))
        else:
            self._draw_cached(painter, frame)
        self._draw_minima(painter, frame)

    def _forget(self) -> None:
        """Have the map made again at the next paint."""
        self._map = None
        self.update()

    def _made(self, grid: int) -> SurfaceMap:
        """Return a new map of the view."""
        return SurfaceMap(self._surface, _with_margin(self._rect), self._colours.dark, grid)

    def _draw_cached(self, painter: QPainter, frame: Frame) -> None:
        """Copy the finished picture to where it belongs; make it where there is none or the view's size differs."""
        size = tuple(round(side * frame.ratio) for side in frame.rect[2:])
        if self._map is None or self._pixmap[0] != size:
            self._timer.stop()
            self._map = self._made(GRID)
            self._pixmap = (size, self._render(frame, self._map))
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
        target = _placed(self._map.rect, frame)
        if self._pixmap[1] is not None:
            painter.drawPixmap(target, self._pixmap[1], QRectF(self._pixmap[1].rect()))

    def _render(self, frame: Frame, made: SurfaceMap) -> QPixmap:
        """Return the map as a picture of the view's size in device pixels."""
        target = _placed(made.rect, frame)
        pixmap = QPixmap(round(target.width() * frame.ratio), round(target.height() * frame.ratio))
        painter = QPainter(pixmap)
        painter.scale(pixmap.width() / target.width(), pixmap.height() / target.height())
        painter.translate(-target.topLeft())
        self._draw_map(painter, frame, made)
        painter.end()
        return pixmap

    def _draw_map(self, painter: QPainter, frame: Frame, made: SurfaceMap) -> None:
        """Draw shading and lines in scene pixels."""
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, True)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        painter.drawImage(_placed(made.rect, frame), made.image)
        name, share = _LINES[self._colours.dark]
        colour = QColor(name)
        colour.setAlphaF(share)
        painter.setPen(QPen(colour, 1.0))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(QTransform(frame.sx, 0.0, 0.0, frame.sy, frame.dx, frame.dy).map(made.lines))

    def _draw_minima(self, painter: QPainter, frame: Frame) -> None:
        """Mark the global minima."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        cross = marker_path("+", 11.0)
        for x, y in self._surface.minima:
            mark = cross.translated(QPointF(frame.sx * x + frame.dx, frame.sy * y + frame.dy))
            painter.strokePath(mark, QPen(QColor(self._colours.background), 2.0))
            painter.fillPath(mark, QColor(self._colours.foreground))


def _with_margin(rect: QRectF) -> QRectF:
    """Return a rectangle with room around it for small drags."""
    across, up = _MARGIN * rect.width(), _MARGIN * rect.height()
    return rect.adjusted(-across, -up, across, up)


def _placed(rect: QRectF, frame: Frame) -> QRectF:
    """Return a rectangle of the plane in scene pixels."""
    return QTransform(frame.sx, 0.0, 0.0, frame.sy, frame.dx, frame.dy).mapRect(rect)
