"""A landscape in a figure: an item that draws its 3D scene as a picture, and over it axes, marks and lanes' markers.

So a layout, an export or an animation takes it like any plot; in a vector file the ground is a picture in it. Drag
turns it, the wheel zooms, a double click goes back.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt, QTimer
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QPainter, QPen
from PySide6.QtWidgets import QGraphicsWidget

from core.numbers import short
from gui.contours import ramp_colours
from gui.legend import marker_path
from gui.plots import LABEL_PIXELS, LIGHT, TICK_PIXELS, PlotColours, plot_font

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from PySide6.QtWidgets import QWidget

    from core.lanes import Lane
    from core.relief import Relief

    Array = NDArray[np.float64]

_FAINT = 0.18
_LARGEST_SIDE = 4096  # of a picture, in pixels: what every driver can do
_DOTS = 60
_SLOW_SECONDS = 0.012
_STILL_MS = 160
_SMALLEST_SHARE = 0.5  # of the pixels of a side
_FINE = 2.0  # pixels a pixel, at least, in a file
_DARKEST, _BRIGHTEST = 0.72, 1.06
_MARKER, _RING, _CROSS = 12.0, 5.5, 11.0
_OUT = 1.09  # of the box: where numbers stand
_FAR_OUT = 1.24  # and names
_CORNER = 0.08
_TURN = 0.5  # degrees a pixel


class ReliefItem(QGraphicsWidget):
    """Shows a relief and paths on it. `failed(reason)` is called once where it cannot be drawn after all."""

    def __init__(self, scene: Any, failed: Callable[[str], None]) -> None:
        """`scene` is a `gui.relief_scene.Scene`."""
        super().__init__()
        self._scene, self._failed = scene, failed
        self.colours = LIGHT
        self._relief: Relief | None = None
        self._lanes: Sequence[Lane] = ()
        self._draped: tuple[Array, int] = (np.empty((0, 1, 3)), 1)
        self._cursor = 0
        self._start: Array = np.empty((0, 3))
        self._highlighted: str | None = None
        self._picture: tuple[tuple[Any, ...], QImage | None] = ((), None)
        # Without a graphics card it is smooth and sharp only while nothing moves.
        self._slow, self._share = False, 1.0
        self._still = QTimer(self)
        self._still.setSingleShot(True)
        self._still.setInterval(_STILL_MS)
        self._still.timeout.connect(self._come_to_rest)
        self._rests = False
        self.setAcceptedMouseButtons(Qt.MouseButton.LeftButton)
        self.setMinimumSize(120.0, 120.0)

    # What is shown.

    def set_relief(self, relief: Relief) -> None:
        """Show another landscape."""
        self._relief = relief
        self._colour()

    def set_colours(self, colours: PlotColours) -> None:
        """Draw in these colours from now on."""
        self.colours = colours
        self._colour()
        if self._relief is not None and len(self._lanes):
            self._show_paths()

    def set_start(self, point: tuple[float, float]) -> None:
        """Mark where every lane starts."""
        if self._relief is not None:
            self._start = self._relief.place(np.array([point]))
            self._changed()

    def set_paths(self, lanes: Sequence[Lane], points: Array) -> None:
        """Take whole paths (lanes, n, 2)."""
        if self._relief is not None:
            self._lanes, self._draped = lanes, self._relief.drape(points)

    def show_until(self, cursor: int) -> None:
        """Show the paths up to a step."""
        self._cursor = cursor
        self._show_paths()

    def highlight(self, lane: str | None) -> None:
        """Let the other lanes fade."""
        if lane != self._highlighted:
            self._highlighted = lane
            self._show_paths()

    @property
    def camera(self) -> dict[str, float]:
        """From where it is looked at; elevation and azimuth in degrees."""
        found: dict[str, float] = self._scene.camera
        return found

    @camera.setter
    def camera(self, found: dict[str, float]) -> None:
        self._scene.camera = found
        self._changed()

    def _colour(self) -> None:
        relief, colours = self._relief, self.colours
        if relief is None:
            return
        shades = ramp_colours(np.nan_to_num(relief.ground[..., 2]), colours.dark)
        light = _DARKEST + (_BRIGHTEST - _DARKEST) * relief.light
        self._scene.set_ground(relief.ground, relief.faces, np.clip(shades * light[..., None], 0.0, 1.0))
        line, box = QColor(colours.foreground), QColor(colours.muted)
        line.setAlphaF(0.22)
        box.setAlphaF(0.8)
        self._scene.set_lines(relief.lines, line, box, QColor(colours.background))
        self._changed()

    def _show_paths(self) -> None:
        paths, parts = self._draped
        shown = paths[:, : self._cursor * parts + 1]
        every = max(1, math.ceil(self._cursor / _DOTS))
        dots = paths[:, : self._cursor * parts : every * parts]
        tints = np.array([self._tint(lane) for lane in self._lanes]).reshape(-1, 4)
        pieces = np.stack([shown[:, :-1], shown[:, 1:]], axis=2)
        self._scene.set_paths(*_finite(pieces, tints), *_finite(dots, tints))
        self._changed()

    def _tint(self, lane: Lane) -> tuple[float, ...]:
        colour = QColor(self.colours.lane(lane.colour))
        colour.setAlphaF(1.0 if self._highlighted in (None, lane.name) else _FAINT)
        return colour.redF(), colour.greenF(), colour.blueF(), colour.alphaF()

    def _changed(self) -> None:
        self._picture, self._rests = ((), None), False
        self.update()

    # The mouse.

    def mousePressEvent(self, event: Any) -> None:
        """Take hold of it."""
        event.accept()

    def mouseMoveEvent(self, event: Any) -> None:
        """Turn it."""
        moved = event.pos() - event.lastPos()
        self.turn(-_TURN * moved.x(), _TURN * moved.y())

    def turn(self, azimuth: float, elevation: float) -> None:
        """Turn it by so many degrees."""
        self._scene.orbit(azimuth, elevation)
        self._changed()

    def wheelEvent(self, event: Any) -> None:
        """Zoom."""
        event.accept()
        self._scene.zoom(1.0015 ** event.delta())
        self._changed()

    def mouseDoubleClickEvent(self, event: Any) -> None:
        """Look from where one looks at first."""
        event.accept()
        self._scene.home()
        self._changed()

    # Drawing.

    def paint(self, painter: QPainter, option: Any, widget: QWidget | None = None) -> None:
        """Draw the scene's picture, and marks over it."""
        rect = self.rect()
        if self._relief is None or rect.isEmpty():
            return
        ratio = painter.deviceTransform().m11()
        image = self._drawn(rect, max(_FINE, ratio) if widget is None else ratio, widget is None)
        if image is None:
            return
        painter.setClipRect(rect)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, True)
        painter.drawImage(rect, image)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        self._draw_axes(painter, rect)
        self._draw_marks(painter, rect)

    def _drawn(self, rect: QRectF, ratio: float, fine: bool) -> QImage | None:
        """Return the picture of the scene, drawn anew only if it changed."""
        ratio = min(ratio, _LARGEST_SIDE / max(rect.width(), rect.height()))
        key = (rect.width(), rect.height(), ratio, fine)
        if self._picture[0] != key or self._picture[1] is None:
            try:
                self._picture = (key, self._draw_scene(rect, ratio, fine))
            except Exception as error:  # whatever a driver or PyOpenGL comes up with: told once, and the map is back
                self._relief = None
                self._failed(f"{type(error).__name__}: {' '.join(str(error).split())[:120]}")
                return None
        return self._picture[1]

    def _draw_scene(self, rect: QRectF, ratio: float, fine: bool) -> QImage:
        """Return a new picture: for a file or at rest the best, else one that is there in time."""
        best = fine or self._rests or not self._slow
        ratio *= 1.0 if best else self._share
        begun = time.perf_counter()
        size = max(1, round(rect.width() * ratio)), max(1, round(rect.height() * ratio))
        found: QImage = self._scene.draw(*size, ratio, best)
        seconds = time.perf_counter() - begun
        if not (fine or self._rests):
            if best:
                self._slow = seconds > _SLOW_SECONDS
            elif seconds > 2.0 * _SLOW_SECONDS:
                self._share = max(_SMALLEST_SHARE, 0.8 * self._share)
            if self._slow:
                self._still.start()
        self._rests = False
        return found

    def _come_to_rest(self) -> None:
        self._changed()
        self._rests = True

    def _placed(self, points: Array, rect: QRectF) -> list[QPointF]:
        found = self._scene.project(points, rect.width(), rect.height())
        return [QPointF(x + rect.left(), y + rect.top()) for x, y in found.tolist()]

    def _draw_axes(self, painter: QPainter, rect: QRectF) -> None:
        """Write numbers and names along the two edges that are nearest."""
        relief = self._relief
        assert relief is not None
        azimuth = math.radians(self._scene.camera["azimuth"])
        near = -1.0 if math.cos(azimuth) < 0 else 1.0, -1.0 if math.sin(azimuth) < 0 else 1.0
        x_low, x_high, y_low, y_high = relief.surface.view
        for name, low, high, along in (("x", x_low, x_high, 0), ("y", y_low, y_high, 1)):
            values = round_ticks(low, high)
            places = 2.0 * (np.array([*values, 0.5 * (low + high)]) - low) / (high - low) - 1.0
            points = np.zeros((len(places), 3))
            points[:, along] = places
            points[:, 1 - along] = near[1 - along] * np.array([*[_OUT] * len(values), _FAR_OUT])
            spots = self._placed(points, rect)
            for value, place, spot in zip(values, places, spots, strict=False):
                if along == 0 and abs(place - near[0]) < _CORNER:
                    continue  # the other axis has its number there
                _word(painter, spot, short(value), TICK_PIXELS, self.colours.muted)
            _word(painter, spots[-1], name, LABEL_PIXELS, self.colours.muted)
        above = "f above its lowest value" if relief.logarithmic else "f"
        words = f"height: {'log of ' * relief.logarithmic}{above}"
        painter.setFont(plot_font(LABEL_PIXELS))
        painter.setPen(QColor(self.colours.muted))
        painter.drawText(QPointF(rect.left() + 10.0, rect.top() + 18.0), words)

    def _draw_marks(self, painter: QPainter, rect: QRectF) -> None:
        """Mark minima, start and where every lane is."""
        relief = self._relief
        assert relief is not None
        page, text = QColor(self.colours.background), QColor(self.colours.foreground)
        minima = relief.place(np.array(relief.surface.minima, dtype=float).reshape(-1, 2))
        for spot in self._placed(minima[np.isfinite(minima).all(axis=1)], rect):
            cross = marker_path("+", _CROSS).translated(spot)
            painter.strokePath(cross, QPen(page, 2.0))
            painter.fillPath(cross, text)
        for spot in self._placed(self._start[np.isfinite(self._start).all(axis=1)], rect):
            painter.setPen(QPen(text, 2.0))
            painter.setBrush(page)
            painter.drawEllipse(spot, _RING, _RING)
        paths, parts = self._draped
        for lane, path in zip(self._lanes, paths, strict=True):
            here = path[: self._cursor * parts + 1]
            here = here[np.isfinite(here).all(axis=1)][-1:]
            for spot in self._placed(here, rect):
                painter.setOpacity(1.0 if self._highlighted in (None, lane.name) else _FAINT)
                marker = marker_path(lane.marker, _MARKER).translated(spot)
                painter.strokePath(marker, QPen(page, 3.0, j=Qt.PenJoinStyle.RoundJoin))
                painter.fillPath(marker, QColor(self.colours.lane(lane.colour)))
        painter.setOpacity(1.0)


def round_ticks(low: float, high: float) -> list[float]:
    """Return three to seven round numbers from `low` to `high`."""
    rough = (high - low) / 4.0
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(digit * power for digit in (1.0, 2.0, 5.0, 10.0) if digit * power >= rough * 0.75)
    first = math.ceil(low / step - 1e-9)
    return [float(f"{i * step:.12g}") + 0.0 for i in range(first, math.floor(high / step + 1e-9) + 1)]


def _finite(points: Array, tints: Array) -> tuple[Array, Array]:
    """Return all lanes' points (lanes, n, ..., 3) in a row, without those that are not finite, and their tints."""
    tinted = np.repeat(tints, points.shape[1], axis=0)
    found = points.reshape(-1, *points.shape[2:])
    kept = np.isfinite(found).all(axis=tuple(range(1, found.ndim)))
    return found[kept], tinted[kept]


def _word(painter: QPainter, spot: QPointF, text: str, pixels: int, colour: str) -> None:
    """Write a word about a spot."""
    if math.isnan(spot.x()):
        return
    font = plot_font(pixels)
    width = QFontMetricsF(font).horizontalAdvance(text) + 4.0
    painter.setFont(font)
    painter.setPen(QColor(colour))
    painter.drawText(QRectF(spot.x() - width / 2, spot.y() - 9.0, width, 18.0), Qt.AlignmentFlag.AlignCenter, text)
