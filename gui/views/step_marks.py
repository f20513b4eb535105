"""The marks of a step: arrows, outlines and places, each on a halo that sets it off from contours and paths."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen

from gui.views.show_bar import STEP

if TYPE_CHECKING:
    from core.drawn_step import Point

_HEAD, _SHARE = 9.0, 0.55  # a head's length, at most this share of its arrow
_HALO = 3.0


@dataclass(frozen=True, slots=True)
class Look:
    """How a kind of arrow is drawn: the width of its line, dashes in widths (none: solid), a head filled or open."""

    width: float
    dashes: tuple[float, ...] = ()
    filled: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """An arrow, an ellipse (`radii`) about its start, or a place at its end (`place`), in the plane's coordinates.

    All of a step is magnified about `theta`, so that terms stay in a chain.
    """

    look: Look
    label: str
    words: str
    theta: Point
    start: Point
    end: Point
    kind: str = STEP
    radii: Point | None = None
    place: str = ""


@dataclass(frozen=True, slots=True)
class Pencil:
    """Draws marks on a page of this colour."""

    painter: QPainter
    page: str

    def arrow(self, start: QPointF, end: QPointF, colour: QColor, look: Look) -> None:
        """Draw an arrow; nothing where it would be no longer than a point."""
        length = math.hypot(end.x() - start.x(), end.y() - start.y())
        if length < 0.5:
            return
        size = min(_HEAD + look.width, _SHARE * length)
        head = _head(start, end, size)
        neck = end - (end - start) * (0.8 * size / length if look.filled else 0.0)
        shaft = QPainterPath(start)
        shaft.lineTo(neck)
        self.stroke(head, colour, Look(max(1.4, 0.7 * look.width)))
        self.stroke(shaft, colour, look)
        if look.filled:
            self.painter.fillPath(head, colour)

    def place(self, shape: str, at: QPointF, colour: QColor) -> None:
        """Draw a place: a "target" or a square."""
        self.stroke(_place_path(shape, at), colour, Look(2.0))

    def ellipse(self, centre: QPointF, radii: tuple[float, float], colour: QColor, look: Look) -> None:
        """Draw the outline of an ellipse."""
        outline = QPainterPath()
        outline.addEllipse(centre, *radii)
        self.stroke(outline, colour, look)

    def stroke(self, path: QPainterPath, colour: QColor, look: Look) -> None:
        """Draw a line on its halo."""
        halo = QColor(self.page)
        halo.setAlphaF(0.75)
        for shade, pen_look in ((halo, replace(look, width=look.width + _HALO, dashes=())), (colour, look)):
            pen = QPen(shade, pen_look.width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap, Qt.PenJoinStyle.RoundJoin)
            if pen_look.dashes:
                pen.setDashPattern(list(pen_look.dashes))
            self.painter.strokePath(path, pen)


def _head(start: QPointF, end: QPointF, size: float) -> QPainterPath:
    """Return an arrow's head: a wedge of this length, open at its back."""
    angle = math.atan2(end.y() - start.y(), end.x() - start.x())
    path = QPainterPath()
    for number, turn in enumerate((math.pi - 0.42, None, math.pi + 0.42)):
        point = end if turn is None else end + QPointF(math.cos(angle + turn), math.sin(angle + turn)) * size
        path.lineTo(point) if number else path.moveTo(point)
    return path


def _place_path(shape: str, at: QPointF) -> QPainterPath:
    path = QPainterPath()
    if shape == "target":
        path.addEllipse(at, 6.0, 6.0)
        path.addEllipse(at, 1.0, 1.0)
    else:
        path.addRect(QRectF(at.x() - 4.0, at.y() - 4.0, 8.0, 8.0))
    return path
