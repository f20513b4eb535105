"""Curves, paths and histograms that cost little however long the data are.

Each item draws in the pixels of its scene, on arrays mapped there by NumPy. On the screen lines are one device pixel
wide, which Qt draws fast, and bolder ones are drawn several times, shifted; in a file they have real pens.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QTransform
from shiboken6 import Shiboken

from gui.decimation import Array, Columns, Curve, columns_of, first_difference, outline, strokes, visible_points
from gui.legend import marker_path
from gui.plots import LIGHT, PlotColours, blend

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

# Beyond this many pixels from the view lines are clipped; Qt's stroker counts in 16 bits.
_FAR = 15_000.0
_PATH_MARKERS = 60
_TOUCHED_PIXELS = 4.0
_ROUGH_PIXELS = 3.0
_FLAT_PIXELS = 0.25
_MARKER_PIXELS = 7.0
_CURRENT_PIXELS = 12.0
# Pens that look like the lines on the screen, averaged over all directions.
_PEN_WIDTHS = {1: 1.0, 2: 1.85}


@dataclass(frozen=True, slots=True)
class Frame:
    """How an item's coordinates lie in the scene, and what is painted on.

    A point (x, y) is at (sx·x + dx, sy·y + dy) in scene pixels. `rect` is the view there, `ratio` the device's
    pixels per scene pixel; `fine` says that a file is drawn, where looks count and time does not.
    """

    sx: float
    dx: float
    sy: float
    dy: float
    rect: tuple[float, float, float, float]
    ratio: float
    fine: bool

    def column_edges(self) -> Array:
        """Return the item's x at the edges of the device's columns of pixels, 2 in one where it has none."""
        density = max(self.ratio, 2.0) if self.fine else self.ratio
        left, right = self.rect[0] * density, (self.rect[0] + self.rect[2]) * density
        return (np.arange(math.floor(left), math.ceil(right) + 1) / density - self.dx) / self.sx


def _near(value: float, digits: int = 9) -> float:
    """Drop rounding errors of a product of transforms: a true translation lets Qt take its fast paths."""
    return round(value, digits)


class ViewItem(pg.GraphicsObject):
    """An item as large as its view, drawn by `draw(painter, frame)` in scene pixels.

    Colours that it is given are lanes', unless `exact`, and drawn as the page asks for.
    """

    exact = False

    def __init__(self) -> None:
        super().__init__()
        self._rect = QRectF()
        self._version = 0
        self._colours = LIGHT
        self._cached: tuple[Any, Any] = (None, None)

    def boundingRect(self) -> QRectF:
        """Return the view."""
        return self._rect

    def viewRangeChanged(self) -> None:
        """Follow the view."""
        view = self.getViewBox()
        if view is not None:
            self.prepareGeometryChange()
            self._rect = view.viewRect()

    def set_colours(self, colours: PlotColours) -> None:
        """Draw in these colours of the theme from now on."""
        self._colours = colours
        self._changed()

    def paint(self, painter: QPainter, option: Any, widget: QWidget | None = None) -> None:
        """Go over to scene pixels and draw; a scene that is rendered into a file has no widget."""
        item = self.sceneTransform()
        inverse, usable = item.inverted()
        if not usable or self._rect.isEmpty():
            return
        painter.save()
        page = inverse * painter.transform()
        painter.setTransform(
            QTransform(_near(page.m11()), 0.0, 0.0, _near(page.m22()), _near(page.dx(), 6), _near(page.dy(), 6))
        )
        rect = item.mapRect(self._rect).getRect()
        ratio = round(painter.deviceTransform().m11(), 6)
        frame = Frame(item.m11(), item.dx(), item.m22(), item.dy(), rect, ratio, widget is None)
        self.draw(painter, frame)
        painter.restore()

    def draw(self, painter: QPainter, frame: Frame) -> None:
        """Draw in scene pixels."""
        raise NotImplementedError

    def _touched(self, first: int, *curves: Curve) -> QRectF:
        """Return the part of the view that a change from this point on can have touched, all of it at first.

        `curves` are those drawn before and those drawn now, the last one of now.
        """
        view = self.getViewBox()
        if view is None or first < 2 or self._rect.isEmpty():
            return self._rect
        left = float(curves[-1].place(np.array(first - 1)))
        right = max(float(curve.place(np.array(len(curve.y) - 1))) for curve in curves if len(curve.y))
        margin = _TOUCHED_PIXELS * view.viewPixelSize()[0]
        return QRectF(left - margin, self._rect.top(), right - left + 2.0 * margin, self._rect.height())

    def _lane(self, colour: str) -> str:
        """Return a colour that the item was given as it is drawn."""
        return colour if self.exact else self._colours.lane(colour)

    def _changed(self) -> None:
        """Note that what is cached is stale, and ask to be painted."""
        self._version += 1
        self.update()

    def _once(self, frame: Frame, make: Any) -> Any:
        """Return what `make(frame)` returned for this version and frame."""
        key = (self._version, frame)
        if self._cached[0] != key:
            self._cached = (key, make(frame))
        return self._cached[1]


def line_path(x: Array, y: Array) -> QPainterPath:
    """Return a polyline with gaps at NaN."""
    gaps = bool(np.isnan(y).any() or np.isnan(x).any())
    return pg.functions.arrayToQPath(x, y, connect="finite" if gaps else "all", finiteCheck=False)


def scene_y(y: Array, frame: Frame) -> Array:
    """Return values in scene pixels, those far off the view moved nearer."""
    _, top, _, height = frame.rect
    with np.errstate(over="ignore"):  # infinitely far is moved nearer too
        return np.clip(frame.sy * y + frame.dy, top - _FAR, top + height + _FAR)


def stroke(
    painter: QPainter, line: QPainterPath | Array, colour: QColor, weight: int, frame: Frame, *, dashed: bool = False
) -> None:
    """Draw a path as a line of 1 or 2 pixels' look; on the screen also pieces (n, 4), without smooth edges."""
    pen = QPen(colour, 1.0)
    pen.setStyle(Qt.PenStyle.CustomDashLine if dashed else Qt.PenStyle.SolidLine)
    if dashed:
        pen.setDashPattern([4.0, 3.0])
    painter.setBrush(Qt.BrushStyle.NoBrush)
    if isinstance(line, QPainterPath):
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    else:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    if frame.fine:
        pen.setWidthF(_PEN_WIDTHS[weight])
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        pen.setCapStyle(Qt.PenCapStyle.FlatCap if dashed else Qt.PenCapStyle.RoundCap)
    pen.setCosmetic(not frame.fine)
    painter.setPen(pen)
    for dx, dy in ((0.0, 0.0),) if frame.fine else line_copies(weight * frame.ratio):
        shift = QPointF(dx, dy) / frame.ratio
        painter.translate(shift)
        _draw(painter, line)
        painter.translate(-shift)


def _draw(painter: QPainter, line: QPainterPath | Array) -> None:
    """Draw a path or pieces."""
    if isinstance(line, QPainterPath):
        painter.drawPath(line)
    elif len(line):
        # NumPy's memory is that of QLineF[n]; as a path the pieces would take a third longer.
        lines: Any = Shiboken.wrapInstance(line.ctypes.data, QLineF)
        painter.drawLines(lines, len(line))


@lru_cache
def line_copies(width: float) -> tuple[tuple[float, float], ...]:
    """Return the shifts at which lines of one device pixel make up one of `width`: none, a triangle, a hexagon."""
    if width < 1.5:
        return ((0.0, 0.0),)
    corners, radius = (3, 0.58) if width < 2.5 else (6, 0.5 * (width - 1.0))
    angles = [math.tau * (k / corners + 0.25) for k in range(corners)]
    ring = tuple((radius * math.cos(angle), radius * math.sin(angle)) for angle in angles)
    return ring if corners == 3 else ((0.0, 0.0), *ring)


class Trace(ViewItem):
    """One curve over x that ascends, decimated to the pixel columns of the view.

    NaN makes a gap. On a plot with a log axis it takes plain values, and values that are not above 0 are gaps. It
    never changes the view's range: ask `bounds()`. The arrays are kept, not copied: give new ones or call `setData`
    again after a change.
    """

    def __init__(self, colour: str = "#0072B2", weight: int = 1, alpha: float = 1.0, dashed: bool = False) -> None:
        super().__init__()
        self._curve = Curve(np.empty(0))
        self._log = False
        self.set_look(colour, weight, alpha, dashed)

    def setData(self, y: Array, x: Array | None = None, *, x0: float = 0.0, dx: float = 1.0) -> None:
        """Show y (n,) over x (n,), or without x over x0, x0 + dx, …; ValueError where the lengths differ."""
        if x is not None and len(x) != len(y):
            raise ValueError(f"x has {len(x)} values, y has {len(y)}")
        before, self._curve = self._curve, Curve(np.asarray(y), x, x0, dx)
        first = first_difference(before, self._curve)
        if first is not None:
            self._version += 1
            self.update(self._touched(first, before, self._curve))

    def set_look(self, colour: str, weight: int = 1, alpha: float = 1.0, dashed: bool = False) -> None:
        """Draw in `colour`, 1 or 2 pixels bold.

        `alpha` below 1 makes an opaque tint of the page's colour: dense data would add up what shines through.
        """
        self._colour, self._weight, self._alpha, self._dashed = colour, weight, alpha, dashed
        self.update()

    def setLogMode(self, x: bool, y: bool) -> None:
        """Follow the plot's axes; called by PlotItem."""
        self._log = bool(y)
        self._changed()

    def bounds(self) -> tuple[float, float, float, float] | None:
        """Return (x_low, x_high, y_low, y_high) of the finite data, y in decades on a log axis; None without any."""
        shown = self._values(self._curve.y)
        finite = np.flatnonzero(np.isfinite(shown))
        if not len(finite):
            return None
        ends = finite[[0, -1]]
        x_low, x_high = self._curve.place(ends)
        return float(x_low), float(x_high), float(shown[finite].min()), float(shown[finite].max())

    def draw(self, painter: QPainter, frame: Frame) -> None:
        """Draw the curve."""
        colour = blend(self._lane(self._colour), self._colours.background, self._alpha)
        line = self._once(frame, self._line)
        stroke(painter, line, colour, self._weight, frame, dashed=self._dashed)

    def _values(self, y: Array) -> Array:
        """Return the values as the axis has them."""
        if not self._log:
            return y
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(y > 0.0, np.log10(y), np.nan)

    def _line(self, frame: Frame) -> QPainterPath | Array:
        """Return the curve in scene pixels, in pieces where it is so rough that smooth edges would show nothing."""
        if not len(self._curve.y):
            return QPainterPath()
        edges = frame.column_edges()
        columns = columns_of(self._curve, edges)
        if columns is None:
            x, y = visible_points(self._curve, edges)
            return line_path(frame.sx * x + frame.dx, scene_y(self._values(y), frame))
        columns = columns._replace(values=scene_y(self._values(columns.values), frame))
        if frame.fine or not _is_rough(columns):
            x, y = outline(columns, 0.1 if frame.fine else _FLAT_PIXELS / frame.ratio)
            return line_path(frame.sx * x + frame.dx, y)
        pieces = strokes(columns, 0.25 / frame.ratio)
        pieces[:, ::2] = frame.sx * pieces[:, ::2] + frame.dx
        return pieces


def _is_rough(columns: Columns) -> bool:
    """Whether the columns are, on average, so high that the line is an area of upright strokes."""
    heights = np.abs(columns.values[2] - columns.values[1])
    return float(np.nansum(heights)) > _ROUGH_PIXELS * heights.size


class PathTrace(ViewItem):
    """A path in the plane: a thin line, its points as the lane's marker, the last one larger.

    Up to 60 points are all marked, of more every second, third and so on. NaN points are left out; points far
    away lie in their direction from the view's middle.
    """

    def __init__(self, colour: str = "#0072B2", marker: str = "o", weight: int = 2) -> None:
        super().__init__()
        self._points: Array = np.empty((0, 2))
        self.set_look(colour, marker, weight)

    def setData(self, points: Array) -> None:
        """Show points (n, 2)."""
        self._points = np.asarray(points)
        self._changed()

    def set_look(self, colour: str, marker: str, weight: int = 2) -> None:
        """Draw in `colour`, 1 or 2 pixels bold, with this marker (one of ``o x ^ s * D p h +``)."""
        self._colour, self._marker, self._weight = colour, marker, weight
        self._changed()

    def bounds(self) -> tuple[float, float, float, float] | None:
        """Return (x_low, x_high, y_low, y_high) of the finite points, or None."""
        finite = self._points[np.isfinite(self._points).all(axis=1)]
        if not len(finite):
            return None
        (x_low, y_low), (x_high, y_high) = finite.min(axis=0).tolist(), finite.max(axis=0).tolist()
        return x_low, x_high, y_low, y_high

    def draw(self, painter: QPainter, frame: Frame) -> None:
        """Draw line, markers and the current point."""
        line, markers, current = self._once(frame, self._shapes)
        colour = QColor(self._lane(self._colour))
        stroke(painter, line, colour, self._weight, frame)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawPath(markers)
        outline = QPen(QColor(self._colours.background), 3.0, j=Qt.PenJoinStyle.RoundJoin)
        painter.strokePath(current, outline)
        painter.drawPath(current)

    def _shapes(self, frame: Frame) -> tuple[QPainterPath, QPainterPath, QPainterPath]:
        """Return line, markers and current point in scene pixels."""
        x, y = self._placed(frame)
        every = max(1, math.ceil(len(x) / _PATH_MARKERS))
        markers = _marked(x[:-1][::-every], y[:-1][::-every], marker_path(self._marker, _MARKER_PIXELS))
        current = _marked(x[-1:], y[-1:], marker_path(self._marker, _CURRENT_PIXELS))
        return line_path(x, y), markers, current

    def _placed(self, frame: Frame) -> tuple[Array, Array]:
        """Return the points in scene pixels, those beyond reach drawn in along the line to the view's middle."""
        left, top, width, height = frame.rect
        points = self._points[~np.isnan(self._points).any(axis=1)]
        middle = np.array([left + 0.5 * width, top + 0.5 * height])
        limit = np.finfo(np.float64).max ** 0.5
        clipped = np.clip(points, -limit, limit)
        offset = clipped * (frame.sx, frame.sy) + (frame.dx, frame.dy) - middle
        offset /= np.maximum(np.abs(offset).max(axis=1, keepdims=True) / _FAR, 1.0)
        return offset[:, 0] + middle[0], offset[:, 1] + middle[1]


def _marked(x: Array, y: Array, marker: QPainterPath) -> QPainterPath:
    """Return one path with a marker at every point."""
    path = QPainterPath()
    path.setFillRule(Qt.FillRule.WindingFill)
    for px, py in zip(x.tolist(), y.tolist(), strict=True):
        path.addPath(marker.translated(px, py))
    return path


class StepHistogram(ViewItem):
    """A histogram as one filled step line; as a ghost, only a pale dashed outline of what was before."""

    def __init__(self, colour: str = "#0072B2", ghost: bool = False) -> None:
        super().__init__()
        self._counts, self._edges = np.empty(0), np.empty(1)
        self.set_look(colour, ghost)

    def setData(self, counts: Array, edges: Array) -> None:
        """Show counts (n,) between edges (n + 1,); ValueError for other lengths."""
        if len(edges) != len(counts) + 1:
            raise ValueError(f"{len(counts)} counts need {len(counts) + 1} edges, not {len(edges)}")
        self._counts, self._edges = np.asarray(counts), np.asarray(edges)
        self._changed()

    def set_look(self, colour: str, ghost: bool = False) -> None:
        """Draw in `colour`, filled or as a ghost."""
        self._colour, self._ghost = colour, ghost
        self.update()

    def draw(self, painter: QPainter, frame: Frame) -> None:
        """Draw fill and outline."""
        path = self._once(frame, self._path)
        page = self._colours.background
        if self._ghost:
            stroke(painter, path, blend(self._colours.foreground, page, 0.5), 1, frame, dashed=True)
            return
        colour = self._lane(self._colour)
        painter.fillPath(path, blend(colour, page, 0.42))
        stroke(painter, path, QColor(colour), 1, frame)

    def _path(self, frame: Frame) -> QPainterPath:
        """Return the step line from the base and back to it, in scene pixels."""
        if not len(self._counts):
            return QPainterPath()
        x = np.repeat(frame.sx * self._edges + frame.dx, 2)
        y = np.zeros(len(x))
        y[1:-1] = np.repeat(self._counts, 2)
        return line_path(x, scene_y(y, frame))
