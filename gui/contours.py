"""The map of a surface: shading and contour lines, made once for a view and then only copied to the screen."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt, QTimer
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPen, QPixmap, QTransform

from core.memory import error_text
from gui.background import Background
from gui.items import Frame, ViewItem, line_path
from gui.legend import marker_path
from gui.plots import LABEL_PIXELS, plot_font
from gui.tracing import GRID, Tracing, trace

if TYPE_CHECKING:
    from core.surfaces import Surface
    from gui.decimation import Array
    from gui.plots import PlotColours

_FILE_GRID = 512
_REBUILD_MS = 70
_MARGIN = 0.06
# From the valley to the heights: near the page first, so that coloured paths stand out; lightness changes steadily.
_RAMPS = {
    False: ("#fdfdfb", "#eff3f4", "#dfe7ec", "#cdd8e1", "#bac8d5"),
    True: ("#10141a", "#182029", "#222e3b", "#2f3f50", "#415467"),
}
_HATCHES = {False: "#d9c7b4", True: "#4a3f36"}
_STRIPES = 44  # across the picture's diagonal
_SAID_BROKEN = 0.002
_LINES = {False: ("#4a6178", 0.38), True: ("#a9bdd2", 0.30)}


class SurfaceMap:
    """Shading and contour lines of a surface over one rectangle of the plane, in one theme, from grid × grid values."""

    def __init__(self, surface: Surface, rect: QRectF, dark: bool, grid: int = GRID) -> None:
        tracing = trace(surface, _bounds(rect), grid)
        assert tracing is not None  # nobody stops it
        self._draw(tracing, dark)

    @classmethod
    def of(cls, tracing: Tracing, dark: bool) -> SurfaceMap:
        """Return the map of what was traced before."""
        found = cls.__new__(cls)
        found._draw(tracing, dark)
        return found

    def _draw(self, tracing: Tracing, dark: bool) -> None:
        left, right, low, high = tracing.bounds
        grid = len(tracing.shades)
        # A sample is the middle of its pixel.
        across, up = 0.5 * (right - left) / (grid - 1), 0.5 * (high - low) / (grid - 1)
        self.rect = QRectF(left - across, low - up, right - left + 2.0 * across, high - low + 2.0 * up)
        self.broken = 0.0 if tracing.broken is None else float(tracing.broken.mean())
        self.image = _shade(tracing.shades, tracing.broken, dark)
        self.lines = QPainterPath()
        for points in tracing.lines:
            self.lines.addPath(line_path(points[:, 0], points[:, 1]))


def _bounds(rect: QRectF) -> tuple[float, float, float, float]:
    """Return a rectangle of the plane, which is upside down: its top is the lowest y."""
    return rect.left(), rect.right(), rect.top(), rect.bottom()


def _shade(shares: Array, broken: Array | None, dark: bool) -> QImage:
    """Return the picture, its top row being the last of `shares`; hatched where the surface is not finite."""
    stops = np.array([_channels(colour) for colour in _RAMPS[dark]])
    places = np.linspace(0.0, 1.0, len(stops))
    ramp = np.empty((257, 4), dtype=np.uint8)
    for channel in range(3):
        ramp[:256, 2 - channel] = np.interp(np.linspace(0.0, 1.0, 256), places, stops[:, channel]).round()
        ramp[256, 2 - channel] = _channels(_HATCHES[dark])[channel]
    ramp[:, 3] = 255
    height, width = shares.shape
    tones = (shares * 255.0).round().astype(np.intp)
    if broken is not None:
        row, column = np.indices(shares.shape)
        stripes = (row + column) * (3 * _STRIPES) // (height + width) % 3
        tones = np.where(broken, np.where(stripes == 0, 256, 0), tones)
    pixels = np.ascontiguousarray(ramp[tones[::-1]])
    return QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGB32).copy()


def ramp_colours(shares: Array, dark: bool) -> Array:
    """Return the map's colours (..., 3), 0 to 1, from the valley (0) to the heights (1)."""
    stops = np.array([_channels(colour) for colour in _RAMPS[dark]]) / 255.0
    places = np.linspace(0.0, 1.0, len(stops))
    return np.stack([np.interp(shares, places, stops[:, channel]) for channel in range(3)], axis=-1)


def _channels(colour: str) -> tuple[float, float, float]:
    """Return red, green, blue, 0 to 255."""
    found = QColor(colour)
    return float(found.red()), float(found.green()), float(found.blue())


class SurfacePicture(ViewItem):
    """A surface as a shaded map with contour lines, its minima marked "+".

    The map is made for the view and a margin around it. While the user zooms or pans, the old one is drawn where it
    belongs and a new one follows at most every 70 ms. A file gets a map of its own view and its lines as curves.

    A surface that is not quick, as somebody typed it, is traced in the background; until then the old map stays.
    """

    def __init__(self, surface: Surface) -> None:
        super().__init__()
        self._surface = surface
        self._map: SurfaceMap | None = None
        self._fresh = False  # whether the map is of this surface, view and theme
        self._wanted: object = None
        self._work = Background("map", self)
        self._work.done.connect(self._take)
        self._work.failed.connect(self._fail)
        self._failure = ""
        self._pixmap: tuple[object, QPixmap | None] = (None, None)
        self._filed: tuple[object, SurfaceMap | None] = (None, None)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_REBUILD_MS)
        self._timer.timeout.connect(self._forget)
        self.setZValue(-50)

    def set_surface(self, surface: Surface) -> None:
        """Show another surface."""
        self._surface = surface
        self._forget()

    @property
    def settled(self) -> bool:
        """Whether the map on screen is of this surface."""
        return self._fresh

    def close(self) -> None:
        """End what is traced in the background."""
        self._wanted = None
        self._work.end()

    def set_colours(self, colours: PlotColours) -> None:
        """Draw in these colours from now on."""
        super().set_colours(colours)
        self._forget()

    def viewRangeChanged(self) -> None:
        """Follow the view, now with what there is, soon with a new map."""
        super().viewRangeChanged()
        if self._fresh and not self._timer.isActive():
            self._timer.start()

    def draw(self, painter: QPainter, frame: Frame) -> None:
        """Draw the map and the minima."""
        if frame.fine:
            self._draw_map(painter, frame, self._file_map())
        else:
            self._draw_cached(painter, frame)
        self._draw_minima(painter, frame)
        self._say_broken(painter, frame)

    def _forget(self) -> None:
        """Have the map made again at the next paint."""
        self._fresh, self._wanted, self._failure = False, None, ""
        self.update()

    def _file_map(self) -> SurfaceMap:
        """Return a finer map than the screen's, but where that would take its time; kept for the next picture."""
        if not self._surface.quick and self._map is not None and self._fresh:
            return self._map
        key = self._file_key()
        if self._filed[0] != key or self._filed[1] is None:
            self._filed = (key, self._made(_FILE_GRID if self._surface.quick else GRID))
        assert self._filed[1] is not None
        return self._filed[1]

    def _file_key(self) -> tuple[object, ...]:
        return self._surface.formula, self._rect.getRect(), self._colours.dark

    def take_after(self, other: SurfacePicture) -> None:
        """Use another's map of the same view in files, where it would take its time to make one."""
        if not self._surface.quick and other.settled and other._file_key() == self._file_key():
            self._filed = (self._file_key(), other._map)

    def _ask(self) -> None:
        """Have the map traced in the background; what is at work for another view ends soon."""
        if self._work.busy:
            return
        self._wanted = wanted = object()
        bounds = _bounds(_with_margin(self._rect))
        self._work.run(partial(trace, self._surface, bounds, GRID, lambda: self._wanted is wanted))

    def _take(self, tracing: Tracing | None) -> None:
        if tracing is not None and self._wanted is not None:
            self._map, self._fresh = SurfaceMap.of(tracing, self._colours.dark), True
            self._pixmap = (None, None)
        self.update()

    def _fail(self, error: Exception) -> None:
        """Say why there is no map; that of another surface or view would be wrong."""
        if self._wanted is not None:
            full = isinstance(error, MemoryError)
            self._failure = "there is not enough memory" if full else error_text(error)
            self._map, self._fresh = None, True
        self.update()

    def _made(self, grid: int) -> SurfaceMap:
        """Return a new map of the view."""
        return SurfaceMap(self._surface, _with_margin(self._rect), self._colours.dark, grid)

    def _draw_cached(self, painter: QPainter, frame: Frame) -> None:
        """Copy the finished picture to where it belongs; make it where there is none or the view's size differs."""
        size = tuple(round(side * frame.ratio) for side in frame.rect[2:])
        stale = not self._fresh or self._pixmap[0] != size
        if stale and self._surface.quick:
            self._timer.stop()
            self._map, self._fresh = self._made(GRID), True
        elif not self._fresh:
            self._ask()
        if self._map is None:
            return
        if self._pixmap[0] != size or (stale and self._surface.quick):
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
        colour.setAlphaF(share if frame.fine else min(1.0, share * frame.ratio**0.5))
        pen = QPen(colour, 1.0)
        pen.setCosmetic(not frame.fine)  # one pixel of the device: a wider one of thousands of points takes seconds
        painter.setPen(pen)
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

    def _say_broken(self, painter: QPainter, frame: Frame) -> None:
        """Say what is hatched, or why there is no map."""
        share = self._map.broken if self._map is not None and self._fresh else 0.0
        corner = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop  # in the other one is the switch to 3D
        if self._failure:
            self._say(painter, frame, f"the map cannot be drawn: {self._failure}", corner)
        elif share == 1.0:
            self._say(painter, frame, "f is not finite anywhere here", Qt.AlignmentFlag.AlignCenter)
        elif share > _SAID_BROKEN:
            self._say(painter, frame, "hatched: f is not finite", corner)

    def _say(self, painter: QPainter, frame: Frame, words: str, place: Qt.AlignmentFlag) -> None:
        """Write words on a label."""
        flags = place | Qt.TextFlag.TextWordWrap
        painter.setFont(plot_font(LABEL_PIXELS))
        room = painter.boundingRect(QRectF(*frame.rect).adjusted(14.0, 10.0, -14.0, -10.0), int(flags), words)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self._colours.background))
        painter.drawRoundedRect(room.adjusted(-6.0, -3.0, 6.0, 3.0), 4.0, 4.0)
        painter.setPen(QColor(self._colours.foreground))
        painter.drawText(room, int(flags), words)


def _with_margin(rect: QRectF) -> QRectF:
    """Return a rectangle with room around it for small drags."""
    across, up = _MARGIN * rect.width(), _MARGIN * rect.height()
    return rect.adjusted(-across, -up, across, up)


def _placed(rect: QRectF, frame: Frame) -> QRectF:
    """Return a rectangle of the plane in scene pixels."""
    return QTransform(frame.sx, 0.0, 0.0, frame.sy, frame.dx, frame.dy).mapRect(rect)
