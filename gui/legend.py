"""What stands for a lane: its colour and marker, as an icon in a list and as an entry of a legend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyqtgraph.graphicsItems.ScatterPlotItem import Symbols
from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import (
    QBrush,
    QColor,
    QFontMetricsF,
    QIcon,
    QPainter,
    QPainterPath,
    QPen,
    QPixmap,
    QPolygonF,
    QTransform,
)
from PySide6.QtWidgets import QGraphicsWidget

from gui import theme
from gui.plots import LABEL_PIXELS, LIGHT, PlotColours, plot_font
from gui.tints import on_page

if TYPE_CHECKING:
    from collections.abc import Sequence

_SYMBOLS = {
    **{"o": "o", "x": "x", "^": "t1", "v": "t", "<": "t3", ">": "t2", "s": "s", "*": "star", "D": "d"},
    **{"p": "p", "h": "h", "+": "+"},
}
_HOLE = 0.5  # of the extent of hollow markers
# Shapes of equal extent look unequally large; these factors make them look alike.
_SIZES = {"s": 0.88, "x": 1.0, "*": 1.3, "D": 1.2, "^": 1.02, "v": 1.02, "<": 1.02, ">": 1.02, "+": 1.15}
_SIZES |= {"p": 1.05, "h": 1.05, "O": 1.15, "S": 1.0, "H": 1.1}
ROW = 22.0
_SAMPLE = 26.0
_AREA = 11.0
_GAP = 7.0
_BETWEEN = 22.0


@dataclass(frozen=True, slots=True)
class LegendEntry:
    """One line of a legend. Without a marker only the line is drawn, dashed or not; or a filled area.

    The colour is a lane's, drawn as the page asks for, unless it is `exact`.
    """

    label: str
    colour: str
    marker: str = ""
    dashed: bool = False
    area: bool = False
    exact: bool = False


def marker_path(marker: str, size: float) -> QPainterPath:
    """Return the outline of a marker (of ``o x ^ v < > s * D p h + O S H``) about (0, 0). KeyError for any other.

    O and S are a ring and a hollow square, H is an hourglass.
    """
    scale = size * _SIZES.get(marker, 1.0)
    shape = _OWN_SHAPES[marker]() if marker in _OWN_SHAPES else Symbols[_SYMBOLS[marker]]
    return QTransform.fromScale(scale, scale).map(shape)


def _hollow(marker: str) -> QPainterPath:
    path = QPainterPath(Symbols[_SYMBOLS[marker]])
    path.addPath(QTransform.fromScale(_HOLE, _HOLE).map(Symbols[_SYMBOLS[marker]]).toReversed())
    return path  # the inner shape, drawn the other way round, is a hole by either rule of filling


def _hourglass() -> QPainterPath:
    path = QPainterPath()
    path.addPolygon(QPolygonF([QPointF(x, y) for x, y in ((-0.5, -0.5), (0.5, -0.5), (-0.5, 0.5), (0.5, 0.5))]))
    path.closeSubpath()
    return path


_OWN_SHAPES = {"O": lambda: _hollow("o"), "S": lambda: _hollow("s"), "H": _hourglass}


def lane_icon(colour: str, marker: str, size: int = 18) -> QIcon:
    """Return a lane's marker in its colour on the present theme's pages, sharp at single and double resolution."""
    icon = QIcon()
    for ratio in (1.0, 2.0):
        picture = QPixmap(round(size * ratio), round(size * ratio))
        picture.setDevicePixelRatio(ratio)
        picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(picture)
        _draw_sample(painter, QRectF(0.0, 0.0, size, size), LegendEntry("", colour, marker), theme.current().dark)
        painter.end()
        icon.addPixmap(picture)
    return icon


def _draw_sample(painter: QPainter, rect: QRectF, entry: LegendEntry, dark: bool) -> None:
    """Draw an entry's piece of line with its marker in the middle, or its area."""
    middle = rect.center()
    colour = QColor(entry.colour if entry.exact else on_page(entry.colour, dark))
    if entry.area:
        painter.fillRect(QRectF(rect.left(), middle.y() - _AREA / 2.0, rect.width(), _AREA), colour)
        return
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    style = Qt.PenStyle.DashLine if entry.dashed else Qt.PenStyle.SolidLine
    painter.setPen(QPen(colour, 2.0, style, Qt.PenCapStyle.FlatCap))
    painter.drawLine(QPointF(rect.left(), middle.y()), QPointF(rect.right(), middle.y()))
    if entry.marker:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QBrush(colour))
        painter.drawPath(marker_path(entry.marker, 9.0).translated(middle))
        painter.setBrush(Qt.BrushStyle.NoBrush)


def legend_rows(entries: Sequence[LegendEntry], width: float) -> list[list[tuple[float, LegendEntry]]]:
    """Break entries into rows no wider than `width`; each comes with its left edge."""
    metrics = QFontMetricsF(plot_font(LABEL_PIXELS))
    rows: list[list[tuple[float, LegendEntry]]] = [[]]
    x = 0.0
    for entry in entries:
        needed = _SAMPLE + _GAP + metrics.horizontalAdvance(entry.label)
        if rows[-1] and x + needed > width:
            rows.append([])
            x = 0.0
        rows[-1].append((x, entry))
        x += needed + _BETWEEN
    return rows if entries else []


def legend_height(entries: Sequence[LegendEntry], width: float) -> float:
    """Return the height of a legend of this width, 0 without entries."""
    return ROW * len(legend_rows(entries, width))


def draw_legend(painter: QPainter, rect: QRectF, entries: Sequence[LegendEntry], colours: PlotColours) -> None:
    """Draw entries from left to right, in as many rows as they need."""
    painter.save()
    painter.setFont(plot_font(LABEL_PIXELS))
    painter.setRenderHint(QPainter.RenderHint.TextAntialiasing, True)
    for number, row in enumerate(legend_rows(entries, rect.width())):
        top = rect.top() + number * ROW
        for x, entry in row:
            sample = QRectF(rect.left() + x, top, _SAMPLE, ROW)
            _draw_sample(painter, sample, entry, colours.dark)
            painter.setPen(QColor(colours.foreground))
            text = QRectF(sample.right() + _GAP, top, rect.width(), ROW)
            painter.drawText(text, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, entry.label)
    painter.restore()


class Legend(QGraphicsWidget):
    """A legend as an item: in a cell of a layout, or anchored in a plot with `setParentItem(plot.vb)`.

    `indent` moves it to the right, as to begin where a plot's axis does.
    """

    def __init__(self, entries: Sequence[LegendEntry] = (), colours: PlotColours = LIGHT, indent: float = 0.0) -> None:
        super().__init__()
        self.indent = indent
        self._entries = tuple(entries)
        self._colours = colours

    def set_entries(self, entries: Sequence[LegendEntry]) -> None:
        """Show these entries."""
        self._entries = tuple(entries)
        self.updateGeometry()
        self.update()

    def set_colours(self, colours: PlotColours) -> None:
        """Draw in these colours from now on."""
        self._colours = colours
        self.update()

    def sizeHint(self, which: Qt.SizeHint, constraint: Any = None) -> QSizeF:
        """Ask for the rows that the present width makes."""
        width = self.size().width() or 600.0
        return QSizeF(-1.0, legend_height(self._entries, width))

    def paint(self, painter: QPainter, option: Any, widget: Any = None) -> None:
        """Draw the entries."""
        if widget is None:  # QSvgGenerator goes on clipping as for the item before until an item clips anew
            painter.setClipRect(self.boundingRect())
        draw_legend(painter, self.rect().adjusted(self.indent, 0.0, 0.0, 0.0), self._entries, self._colours)
