"""The legend of a step's marks: what they are and how they are scaled. On screen it is a picture while it stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QLineF, QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPixmap

from gui.plots import TICK_PIXELS, PlotColours, blend, plot_font
from gui.symbols import draw_formula, formula_width
from gui.views.step_marks import Mark, Pencil

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gui.items import Frame

    Row = tuple[Mark | None, str]

_ROW, _SAMPLE, _PADDING, _EDGE = 16.0, 30.0, 7.0, 8.0
_WIDEST = 1000.0
_MOST_KEPT = 16  # scales change to and fro in a replay


class StepLegend:
    """Draws rows of a mark and its words below a title, in a corner of the view."""

    def __init__(self) -> None:
        self._kept: dict[tuple[object, ...], tuple[QSizeF, QPixmap]] = {}

    def draw(
        self,
        painter: QPainter,
        frame: Frame,
        title: str,
        rows: Sequence[Row],
        colours: PlotColours,
        colour: str,
        right: bool,
    ) -> None:
        """Draw it at the lower right, or left; samples have the colour."""
        bold = plot_font(TICK_PIXELS, bold=True)
        named = QFontMetricsF(bold).horizontalAdvance(title) + 2.0 * _PADDING
        looks = tuple((mark and (mark.look, mark.radii is None, mark.place), text) for mark, text in rows)
        key = looks, named, colours, colour, frame.ratio
        if key not in self._kept:
            if len(self._kept) == _MOST_KEPT:
                self._kept.clear()
            size = QSizeF(max(named, _rows_width(rows)), _ROW * (len(rows) + 1) + _PADDING)
            self._kept[key] = size, _drawn(size, rows, colours, colour, frame.ratio)
        size, picture = self._kept[key]
        left, top, across, room = frame.rect
        at = QPointF(left + (across - size.width() - _EDGE if right else _EDGE), top + room - _EDGE - size.height())
        if frame.fine:
            _draw_ground(painter, QRectF(at, size), colours)
            _draw_title(painter, at, title, colours)
            _draw_rows(painter, at, rows, colours, colour)
        else:
            at = QPointF(round(at.x() * frame.ratio), round(at.y() * frame.ratio)) / frame.ratio
            painter.drawPixmap(at, picture)
            _draw_title(painter, at, title, colours)


def _drawn(size: QSizeF, rows: Sequence[Row], colours: PlotColours, colour: str, ratio: float) -> QPixmap:
    """Return all but the title as a picture, with room for the frame's edge."""
    picture = QPixmap(((size + QSizeF(1.0, 1.0)) * ratio).toSize())
    picture.setDevicePixelRatio(ratio)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    at = QPointF(0.5, 0.5)
    _draw_ground(painter, QRectF(at, size), colours)
    _draw_rows(painter, at, rows, colours, colour)
    painter.end()
    return picture


def _draw_ground(painter: QPainter, box: QRectF, colours: PlotColours) -> None:
    painter.setPen(blend(colours.muted, colours.background, 0.5))
    ground = QColor(colours.background)
    ground.setAlphaF(0.88)
    painter.setBrush(ground)
    painter.drawRoundedRect(box, 5.0, 5.0)
    painter.setBrush(Qt.BrushStyle.NoBrush)


def _draw_title(painter: QPainter, at: QPointF, title: str, colours: PlotColours) -> None:
    painter.setPen(QColor(colours.foreground))
    _draw_words(painter, _row(at, 0), title, bold=True)


def _draw_rows(painter: QPainter, at: QPointF, rows: Sequence[Row], colours: PlotColours, colour: str) -> None:
    pencil = Pencil(painter, colours.background)
    for number, (mark, text) in enumerate(rows, start=1):
        row = _row(at, number)
        painter.setPen(QColor(colours.muted if mark is None else colours.foreground))
        if mark is None:
            _draw_words(painter, row, text)
        else:
            _draw_formula(painter, row.adjusted(_SAMPLE, 0.0, 0.0, 0.0), text)
            _draw_sample(pencil, row, mark, QColor(colour))


def _row(at: QPointF, number: int) -> QRectF:
    """Return where the text of a row begins; it may be as wide as it is."""
    return QRectF(at.x() + _PADDING, at.y() + 0.5 * _PADDING + number * _ROW, _WIDEST, _ROW)


def _rows_width(rows: Sequence[Row]) -> float:
    font = plot_font(TICK_PIXELS)
    return max(_SAMPLE * (mark is not None) + formula_width(text, font) for mark, text in rows) + 2.0 * _PADDING


def _draw_words(painter: QPainter, row: QRectF, text: str, bold: bool = False) -> None:
    painter.setFont(plot_font(TICK_PIXELS, bold=bold))
    painter.drawText(row, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)


def _draw_formula(painter: QPainter, row: QRectF, text: str) -> None:
    font = plot_font(TICK_PIXELS)
    metrics = QFontMetricsF(font)
    base = row.top() + 0.5 * (row.height() - metrics.height()) + metrics.ascent()
    draw_formula(painter, QPointF(row.left(), base), text, font)


def _draw_sample(pencil: Pencil, row: QRectF, mark: Mark, colour: QColor) -> None:
    """Draw a mark as it is on the map, whatever its lane's colour there."""
    line = QLineF(row.left(), row.center().y(), row.left() + _SAMPLE - _EDGE, row.center().y())
    if mark.radii is not None:
        pencil.ellipse(line.center(), (0.45 * line.length(), 0.3 * _ROW), colour, mark.look)
    elif mark.place:
        pencil.place(mark.place, line.center(), colour)
    else:
        pencil.arrow(line.p1(), line.p2(), colour, mark.look)
