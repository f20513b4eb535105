"""The 3D scene of a landscape with paths on it, by pyqtgraph.opengl; imported when 3D is first asked for.

pyqtgraph's own widget is a QOpenGLWidget; here its camera and items draw into a picture instead.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from pyqtgraph.opengl import GLLinePlotItem, GLMeshItem, GLScatterPlotItem, MeshData
from pyqtgraph.opengl.GLViewWidget import GLViewMixin
from PySide6.QtCore import QObject
from PySide6.QtGui import QColor, QVector3D

from gui.opengl import stage

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PySide6.QtGui import QImage

    Array = NDArray[Any]

_CAMERA = {"elevation": 46.0, "azimuth": -62.0, "distance": 6.3}
_NEAREST, _FARTHEST = 2.0, 20.0
_CENTRE = (0.0, 0.0, 0.2)
_TALL = 0.7  # of the box beside its half width
_ABOVE = 0.006  # lines and paths are so far above the ground, lest they sink into it
_OPENING = 24.0  # degrees, up and down
_BOX = np.array([[-1, -1], [1, -1], [1, -1], [1, 1], [1, 1], [-1, 1], [-1, 1], [-1, -1]], dtype=float)


class Scene(GLViewMixin, QObject):
    """Ground, contour lines and paths; a camera that is turned by `orbit` and moved by `zoom`."""

    def __init__(self) -> None:
        self._size = (100, 100)
        super().__init__()
        self._ground = GLMeshItem(smooth=True, computeNormals=False, shader=None, glOptions="opaque")
        self._contours, self._box, self._paths = (
            GLLinePlotItem(mode="lines", antialias=True, glOptions="translucent") for _ in range(3)
        )
        self._dots = GLScatterPlotItem(pxMode=True, glOptions="translucent")
        self._dots_size = 0.0
        for depth, item in enumerate((self._ground, self._box, self._contours, self._paths, self._dots)):
            item.setDepthValue(depth)
            item.setVisible(False)
            self.addItem(item)
        self.home()

    def home(self) -> None:
        """Look from where one looks at first."""
        self.setCameraPosition(QVector3D(*_CENTRE), **_CAMERA)

    @property
    def camera(self) -> dict[str, float]:
        """From where it is looked at."""
        return {key: float(self.opts[key]) for key in _CAMERA}

    @camera.setter
    def camera(self, found: dict[str, float]) -> None:
        self.setCameraPosition(**found)

    def zoom(self, factor: float) -> None:
        """Go nearer, or away."""
        self.opts["distance"] = min(max(self.opts["distance"] / factor, _NEAREST), _FARTHEST)

    # What is shown.

    def set_ground(self, ground: Array, faces: Array, colours: Array) -> None:
        """Show triangles `faces` (n, 3) of points (..., 3) in colours (..., 3), 0 to 1."""
        vertexes = np.nan_to_num(_raised(ground, 0.0)).reshape(-1, 3)
        shades = np.concatenate([colours.reshape(-1, 3), np.ones((len(vertexes), 1))], axis=1).astype(np.float32)
        if len(faces):
            self._ground.setMeshData(meshdata=MeshData(vertexes, faces, vertexColors=shades))
        self._ground.setVisible(len(faces) > 0)

    def set_lines(self, lines: Array, contour: QColor, box: QColor, page: QColor) -> None:
        """Show contour lines (n, 2, 3), the frame around the ground, on a page."""
        self.setBackgroundColor(page)
        _show(self._contours, _raised(lines, _ABOVE).reshape(-1, 3), contour)
        _show(self._box, np.column_stack([_BOX, np.zeros(len(_BOX))]), box)

    def set_paths(self, pieces: Array, piece_colours: Array, dots: Array, dot_colours: Array) -> None:
        """Show lines (n, 2, 3) and points (m, 3), each with colours (n, 4) and (m, 4), 0 to 1."""
        ends = _raised(pieces, 2 * _ABOVE).reshape(-1, 3)
        _show(self._paths, ends, np.repeat(piece_colours, 2, axis=0))
        self._dots.setVisible(len(dots) > 0)
        if len(dots):
            self._dots.setData(pos=_raised(dots, 3 * _ABOVE), color=dot_colours.astype(np.float32))

    def draw(self, width: int, height: int, ratio: float, smooth: bool = True) -> QImage:
        """Return the picture, in pixels, of which there are `ratio` in one of the screen's; raises what OpenGL does.

        What is not `smooth` takes less than half of the time where there is no graphics card.
        """
        self._aim(width, height)
        self._contours.width, self._box.width, self._paths.width = ratio, 1.5 * ratio, 2.4 * ratio
        if self._dots_size != ratio:
            self._dots_size = ratio
            self._dots.setData(size=6.5 * ratio)
        return stage().picture(width, height, self._draw, smooth)

    def try_out(self) -> None:
        """Draw a little of everything, which is where a driver that cannot do it says so."""
        corners, white = np.eye(3), np.ones((3, 3))
        self.set_ground(corners, np.array([[0, 1, 2]], dtype=np.uint32), white)
        self.set_paths(np.stack([corners, corners[::-1]], axis=1), np.ones((3, 4)), corners, np.ones((3, 4)))
        self.draw(16, 16, 1.0)

    def project(self, points: Array, width: float, height: float) -> Array:
        """Return where points (n, 3) are in a picture (n, 2), from its left top corner; NaN behind the camera."""
        self._aim(width, height)
        matrix = self.projectionMatrix(self.getViewport(), self.getViewport()) * self.viewMatrix()
        rows = np.array(matrix.copyDataTo()).reshape(4, 4)
        seen = np.column_stack([_raised(points, 2 * _ABOVE), np.ones(len(points))]) @ rows.T
        with np.errstate(all="ignore"):
            places = seen[:, :2] / np.where(seen[:, 3:] > 0.0, seen[:, 3:], np.nan)
        return (places * (0.5, -0.5) + 0.5) * (width, height)

    def _aim(self, width: float, height: float) -> None:
        """Take a picture's size; the opening is the height's, or the width's where that is less."""
        self._size = (max(1, round(width)), max(1, round(height)))
        half = math.tan(math.radians(_OPENING / 2.0)) * max(width / max(height, 1.0), 1.35)
        self.opts["fov"] = 2.0 * math.degrees(math.atan(half))

    def _draw(self) -> None:
        for item in self.items:
            if not item.isInitialized():
                item.initialize()
        self.paint(region=self.getViewport(), viewport=self.getViewport())

    # What pyqtgraph's items and camera ask of the widget that there is not.

    def drawItemTree(self, item: Any = None, useItemNames: bool = False) -> None:
        """Draw every item; what goes wrong is raised, not printed."""
        for found in self.items:
            if found.visible():
                found.paint()

    def width(self) -> int:
        """The picture's width."""
        return self._size[0]

    def height(self) -> int:
        """The picture's height."""
        return self._size[1]

    def update(self) -> None:
        """Nothing is drawn by itself."""

    def isValid(self) -> bool:
        """Items are prepared when they are first drawn."""
        return False

    def context(self) -> Any:
        """The one context."""
        return stage().context


def _raised(points: Array, above: float) -> Array:
    """Return points of the box (..., 3) as they stand in the scene."""
    return np.stack([points[..., 0], points[..., 1], _TALL * points[..., 2] + above], axis=-1).astype(np.float32)


def _show(item: Any, points: Array, colour: QColor | Array) -> None:
    item.setVisible(len(points) > 0)
    if len(points):
        item.setData(pos=points, color=colour.astype(np.float32) if isinstance(colour, np.ndarray) else colour)
