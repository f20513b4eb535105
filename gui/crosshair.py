"""A line that follows the mouse over a plot and reads the values at the nearest whole x."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QLineF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen

from gui.items import Frame, ViewItem
from gui.plots import TICK_PIXELS, blend, plot_font

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_ROW = 16.0
_PADDING = 8.0
_SWATCH = 14.0
_OFFSET = 12.0
_BETWEEN = 14.0  # columns

# A line of the readout: its text and the lane's colour, or "" for a line without a swatch.
ReadoutLine = tuple[str, str]


class Crosshair(ViewItem):
    """A vertical line at a whole x and a box with what `read(x)` says of it; nothing where that is empty.

    It follows the mouse over its plot and sends `moved` with the x, or None when the mouse leaves; `set_index` moves
    it without a mouse and sends nothing, so that two plots can be linked. It is not drawn into files.
    """

    moved = Signal(object)

    def __init__(self, read: Callable[[int], Sequence[ReadoutLine]]) -> None:
        super().__init__()
        self._read = read
        self._index: int | None = None
        self.setZValue(1000)

    @property
    def index(self) -> int | None:
        """The x it stands at, None while it is hidden."""
        return self._index

    def set_index(self, index: int | None) -> None:
        """Stand at this x, or hide."""
        if index != self._index:
            self._index = index
            self.update()

    def hoverEvent(self, event: Any) -> None:
        """Follow the mouse; called by pyqtgraph's scene."""
        index = None if event.isExit() else round(event.pos().x())
        # A plot that is entered says so, even if a neighbour has set the same index already.
        if index != self._index or (index is not None and event.isEnter()):
            self.set_index(index)
            self.moved.emit(index)

    def draw(self, painter: QPainter, frame: Frame) -> None:
        """Draw the line and the box."""
        if self._index is None or frame.fine:
            return
        lines = self._read(self._index)
        if not lines:
            return
        left, top, width, height = frame.rect
        x = round(frame.sx * self._index + frame.dx)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setPen(QPen(QColor(self._colours.muted), 1.0))
        painter.drawLine(QLineF(x, top, x, top + height))
        self._draw_box(painter, lines, x, QRectF(left, top, width, height))

    def _draw_box(self, painter: QPainter, lines: Sequence[ReadoutLine], x: float, view: QRectF) -> None:
        """Draw the readout right of the line, or left where there is no room.

        What a low plot has no rows for goes into further columns, under the first line; what a narrow one has no
        columns for is counted in the last place.
        """
        font = plot_font(TICK_PIXELS)
        metrics = QFontMetricsF(font)
        room = _SWATCH * any(colour for _, colour in lines)
        most = view.width() - 2.0 * _PADDING

        def wide(line: ReadoutLine) -> float:
            return min(room + metrics.horizontalAdvance(line[0]), most)

        columns = fitting(lines[1:], [wide(line) for line in lines[1:]], view.height(), most)
        widths = [max(wide(line) for line in column) for column in columns]
        width = 2.0 * _PADDING + max(wide(lines[0]), sum(widths) + _BETWEEN * (len(columns) - 1))
        rows = max((len(column) for column in columns), default=0)
        start = x + _OFFSET if x + _OFFSET + width < view.right() else x - _OFFSET - width
        start = max(view.left(), min(start, view.right() - width))  # a narrow plot has room on neither side
        height = _ROW * (rows + 1) + _PADDING
        top = max(view.top(), min(view.top() + _OFFSET, view.bottom() - height))
        box = QRectF(start, top, width, height)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        painter.setPen(QPen(blend(self._colours.muted, self._colours.background, 0.5), 1.0))
        painter.setBrush(QColor(self._colours.background))
        painter.drawRoundedRect(box, 5.0, 5.0)
        painter.setFont(font)
        row = QRectF(box.left() + _PADDING, box.top() + 0.5 * _PADDING, width, _ROW)
        self._draw_line(painter, row.adjusted(0.0, 0.0, -2.0 * _PADDING, 0.0), room, *lines[0])
        for column, across in zip(columns, widths, strict=True):
            for down, line in enumerate(column, 1):
                self._draw_line(painter, QRectF(row.left(), row.top() + down * _ROW, across, _ROW), room, *line)
            row.translate(across + _BETWEEN, 0.0)

    def _draw_line(self, painter: QPainter, row: QRectF, room: float, text: str, colour: str) -> None:
        """Draw one line of the readout, the lane's colour before it."""
        if colour:
            swatch = QRectF(row.left(), row.center().y() - 1.5, 9.0, 3.0)
            painter.fillRect(swatch, QColor(self._lane(colour)))
        painter.setPen(QColor(self._colours.foreground))
        flags = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, math.ceil(row.width() - room))
        painter.drawText(row.adjusted(room, 0.0, 1.0, 0.0), flags, shown)


def fitting(
    lines: Sequence[ReadoutLine], widths: Sequence[float], height: float, most: float
) -> list[list[ReadoutLine]]:
    """Return what there is room for below a first line, in columns of one height; the last line counts the rest.

    `widths` are those of the lines, `most` what all columns have together.
    """
    rows = max(0, int((height - _PADDING) // _ROW) - 1)  # the first line takes one
    if not (rows and lines):
        return []
    rows = -(-len(lines) // -(-len(lines) // rows))  # columns of one height
    found: list[list[ReadoutLine]] = []
    end = 0.0
    for start in range(0, len(lines), rows):
        end += max(widths[start : start + rows]) + _BETWEEN * bool(found)
        if found and end > most:
            left_out = len(lines) - start + 1
            return [*found[:-1], [*found[-1][:-1], (f"and {left_out} more", "")]]
        found.append(list(lines[start : start + rows]))
    return found
