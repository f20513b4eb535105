"""The best trials of a search as a grid of small curves, four rows of five: validation solid, training dashed.

One item draws all of them: twenty plots with axes of their own would cost more than the search's display.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPen

from core.numbers import short
from gui.decimation import Curve, columns_of, outline
from gui.items import Frame, line_path, stroke
from gui.pictured import HeadedPlot, PicturedItem, Strip, word_width
from gui.plots import LABEL_PIXELS, TICK_PIXELS, blend, number_text, plot_font
from gui.ramp import share_colour
from gui.standings import setting_text
from gui.views.futures import BEFORE, begun, pale

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PySide6.QtGui import QPainterPath

    from gui.standings import Standing

    Array = NDArray[Any]

ROWS, COLUMNS = 4, 5
SHOWN = ROWS * COLUMNS
_LINES = {False: ("#0072B2", "#D55E00"), True: ("#56B4E9", "#E69F00")}  # validation and training, by darkness
_HEAD, _GAP, _LEFT, _BOTTOM = 15.0, 8.0, 30.0, 16.0
_BELOW = 3.0
_DOT = 7.0


@dataclass(frozen=True, slots=True)
class Cells:
    """Where the grid's cells are in a rectangle of the scene."""

    view: QRectF

    def cell(self, place: int) -> QRectF:
        """Return a cell with its title."""
        width = (self.view.width() - _LEFT) / COLUMNS
        height = (self.view.height() - _BOTTOM) / ROWS
        left = self.view.left() + _LEFT + (place % COLUMNS) * width
        return QRectF(left, self.view.top() + (place // COLUMNS) * height, width, height)

    def box(self, place: int) -> QRectF:
        """Return the part of a cell in which curves are drawn."""
        return self.cell(place).adjusted(0.0, _HEAD, -_GAP, -_BELOW)

    def at(self, point: QPointF) -> int | None:
        """Return the cell at a point."""
        return next((place for place in range(SHOWN) if self.cell(place).contains(point)), None)


class TrialGrid(PicturedItem):
    """Curves over epochs, ranked; `moved` and `clicked` come with the trial's row under the mouse, or None."""

    moved = Signal(object)
    clicked = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._standing: Standing | None = None
        self._epochs = 1.0
        self._hint = ""
        self._ghost: tuple[Array, Array] | None = None
        self._marked: tuple[int | None, int | None] = None, None  # hovered and selected
        self._over: int | None = None

    def setData(self, standing: Standing, hint: str) -> None:
        """Show a standing's best trials; the hint stands in their place while there are none."""
        frame = standing.frame
        self._standing, self._hint, self._epochs = standing, hint, frame.total / frame.per_epoch
        self._changed()

    def set_ghost(self, curve: tuple[Array, Array] | None) -> None:
        """Draw an earlier search's best curve (epochs, accuracies) behind the first one."""
        self._ghost = curve
        self._changed()

    def set_marked(self, hovered: int | None, selected: int | None) -> None:
        """Frame these trials' cells."""
        if (hovered, selected) != self._marked:
            self._marked = hovered, selected
            self.update()

    def rows(self) -> list[int]:
        """Return the trials shown, best first."""
        return self._standing.measured[:SHOWN] if self._standing else []

    # The mouse.

    def hoverEvent(self, event: Any) -> None:
        """Follow the mouse; called by pyqtgraph's scene."""
        row = None if event.isExit() else self._row_at(event.scenePos())
        if row != self._over:
            self._over = row
            self.moved.emit(row)

    def mouseClickEvent(self, event: Any) -> None:
        """Select a trial, or none."""
        if event.button() == Qt.MouseButton.LeftButton:
            event.accept()
            self.clicked.emit(self._row_at(event.scenePos()))

    def cells(self) -> Cells:
        """Return where the cells are in the scene."""
        return Cells(self.mapRectToScene(self.boundingRect()))

    def _row_at(self, point: QPointF) -> int | None:
        place, rows = self.cells().at(point), self.rows()
        return rows[place] if place is not None and place < len(rows) else None

    # Painting.

    def picture(self, painter: QPainter, frame: Frame) -> None:
        """Draw all cells."""
        cells, rows = Cells(QRectF(*frame.rect)), self.rows()
        painter.setRenderHint(QPainter.RenderHint.TextAntialiasing, True)
        for place in range(SHOWN):
            self._draw_box(painter, cells.box(place), place < len(rows) or not rows)
        self._draw_scales(painter, cells)
        if self._ghost is not None and rows:
            page = self._colours.background
            line = self._line(self._ghost[1], self._ghost[0], cells.box(0), frame)
            stroke(painter, line, blend(self._colours.muted, page, 0.6), 1, frame)
        titles = self._titles(rows, cells.cell(0).width() - _DOT - 5.0 - _GAP)
        for place, (row, title) in enumerate(zip(rows, titles, strict=True)):
            self._draw_title(painter, cells.cell(place), row, *title)
            self._draw_curves(painter, frame, cells.box(place), row)
        if not rows and not frame.fine:
            self._draw_hint(painter, cells.view)

    def _draw_box(self, painter: QPainter, box: QRectF, used: bool) -> None:
        """Draw an empty pair of axes with a line at one half."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        page = self._colours.background
        painter.setPen(QPen(blend(self._colours.grid, page, 1.0 if used else 0.4), 1.0))
        painter.drawRect(QRectF(round(box.left()), round(box.top()), round(box.width()), round(box.height())))
        if used:
            middle = round(box.center().y())
            painter.drawLine(QPointF(box.left(), middle), QPointF(box.right(), middle))

    def _draw_scales(self, painter: QPainter, cells: Cells) -> None:
        """Write accuracies left of the grid and epochs below it."""
        painter.setFont(plot_font(TICK_PIXELS))
        painter.setPen(QColor(self._colours.muted))
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for place in range(0, SHOWN, COLUMNS):
            box = cells.box(place)
            for value, y in (("1", box.top() + 5.0), ("0", box.bottom() - 4.0)):
                painter.drawText(QRectF(box.left() - 34.0, y - 8.0, 28.0, 16.0), right, value)
        last = number_text(self._epochs, 1) if self._epochs >= 1 else short(self._epochs, 2)
        for place in range(SHOWN - COLUMNS, SHOWN):
            box = cells.box(place)
            below = QRectF(box.left(), box.bottom() + 2.0, box.width(), 16.0)
            painter.drawText(below, Qt.AlignmentFlag.AlignLeft, "0")
            painter.drawText(below, Qt.AlignmentFlag.AlignRight, last)
            painter.drawText(below, Qt.AlignmentFlag.AlignHCenter, "epoch")

    def _draw_curves(self, painter: QPainter, frame: Frame, box: QRectF, row: int) -> None:
        standing = self._standing
        assert standing is not None
        found = standing.frame
        epochs = found.measured_at[: standing.columns] / found.per_epoch
        validation, training = _LINES[self._colours.dark]
        for age, future in reversed(list(enumerate(reversed(begun(found.futures, standing.cursor))))):
            line = self._line(future.test_accuracy[row], future.measured_at / found.per_epoch, box, frame)
            stroke(painter, line, pale(validation, self._colours, age), 2, frame)
        for accuracy, colour, dashed in (
            (found.train_accuracy, training, True),
            (found.validation_accuracy, validation, False),
        ):
            line = self._line(accuracy[row, : standing.columns], epochs, box, frame)
            stroke(painter, line, QColor(colour), 1 if dashed else 2, frame, dashed=dashed)

    def _titles(self, rows: list[int], room: float) -> list[tuple[str, str]]:
        """Return rank, first hyperparameter in short and accuracy, or as much of it as there is room for in all."""
        standing = self._standing
        if standing is None:
            return []
        name, values = standing.frame.names[0], standing.frame.settings[:, 0].tolist()
        ranks, settings = [f"{standing.rank[row]}" for row in rows], [setting_text(values[row]) for row in rows]
        shares = [f"{100 * standing.validation[row]:.0f} %" for row in rows]
        short = [(f"{rank} · {value}", "") for rank, value in zip(ranks, settings, strict=True)]
        named = [(f"{rank} · {name} {value}", "") for rank, value in zip(ranks, settings, strict=True)]
        full = [(text, share) for (text, _), share in zip(named, shares, strict=True)]
        for pairs in (full, named, short):
            if all(word_width(text) + (word_width(share) + 8.0 if share else 0.0) < room for text, share in pairs):
                return pairs
        return list(zip(ranks, shares, strict=True))  # half a setting would be another one

    def _draw_title(self, painter: QPainter, cell: QRectF, row: int, text: str, share: str) -> None:
        assert self._standing is not None
        rect = QRectF(cell.left() + _DOT + 5.0, cell.top(), cell.width() - _DOT - 5.0 - _GAP, _HEAD - 1.0)
        value = float(self._standing.validation[row])
        self._draw_dot(painter, QPointF(cell.left() + 0.5 * _DOT, rect.center().y()), value)
        painter.setFont(plot_font(TICK_PIXELS))
        middle = Qt.AlignmentFlag.AlignVCenter
        for side, words, colour in (
            (Qt.AlignmentFlag.AlignLeft, text, self._colours.foreground),
            (Qt.AlignmentFlag.AlignRight, share, self._colours.muted),
        ):
            painter.setPen(QColor(colour))
            painter.drawText(rect, middle | side, words)

    def _draw_dot(self, painter: QPainter, at: QPointF, value: float) -> None:
        """Draw the colour that the trial has in the scatter."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        painter.setPen(QPen(blend(self._colours.foreground, self._colours.background, 0.55), 1.0))
        painter.setBrush(share_colour(value))
        painter.drawEllipse(at, 0.5 * _DOT, 0.5 * _DOT)
        painter.setBrush(Qt.BrushStyle.NoBrush)

    def _line(self, y: Array, x: Array, box: QRectF, frame: Frame) -> QPainterPath:
        """Return a curve in scene pixels, with no more points than its columns of pixels can show."""
        place_x = box.left() + np.clip(np.asarray(x, float) / self._epochs, 0.0, 1.0) * box.width()
        place_y = box.bottom() - 1.0 - np.asarray(y, float) * (box.height() - 2.0)
        edges = np.arange(np.floor(box.left()), np.ceil(box.right()) + 1.0, 0.5 if frame.fine else 1.0)
        columns = columns_of(Curve(place_y, place_x), edges)
        return line_path(place_x, place_y) if columns is None else line_path(*outline(columns, 0.1))

    def _draw_hint(self, painter: QPainter, view: QRectF) -> None:
        painter.setFont(plot_font(LABEL_PIXELS + 2))
        width, middle = word_width(self._hint) * (LABEL_PIXELS + 2) / TICK_PIXELS + 32.0, view.center()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self._colours.background))
        painter.drawRect(QRectF(middle.x() - 0.5 * width, middle.y() - 17.0, width, 34.0))
        painter.setPen(QColor(self._colours.muted))
        painter.drawText(view, Qt.AlignmentFlag.AlignCenter, self._hint)

    def over(self, painter: QPainter, frame: Frame) -> None:
        """Frame the trial under the mouse and the one that is selected."""
        cells, rows = Cells(QRectF(*frame.rect)), self.rows()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(self._colours.foreground), 2.0))
        for row in dict.fromkeys(self._marked):
            if row in rows:
                painter.drawRoundedRect(cells.box(rows.index(row)), 2.0, 2.0)


class GridStrip(Strip):
    """The grid's title and what its lines are."""

    def __init__(self, indent: float) -> None:
        super().__init__(22.0, indent)
        self._ghost, self._branched = "", False

    def set_ghost(self, words: str) -> None:
        """Name the curve of an earlier search, or none."""
        if words != self._ghost:
            self._ghost = words
            self.update()

    def set_branched(self, branched: bool) -> None:
        """Name the pale curves of what came before a branch, or none."""
        if branched != self._branched:
            self._branched = branched
            self.update()

    def draw(self, painter: QPainter, rect: QRectF, start: float) -> None:
        """Draw the key at the right."""
        ghost = blend(self._colours.muted, self._colours.background, 0.6)
        validation, training = (QColor(colour) for colour in _LINES[self._colours.dark])
        entries = [("validation", validation, 2.0, False), ("training", training, 1.2, True)]
        entries += [(BEFORE, pale(validation.name(), self._colours), 2.0, False)] * self._branched
        entries += [(self._ghost, ghost, 1.2, False)] if self._ghost else []
        widths = [30.0 + word_width(name) + 14.0 for name, *_ in entries]
        while sum(widths) > rect.right() - start and entries:
            entries.pop()
            widths.pop()
        x, middle = rect.right() - sum(widths), rect.top() + 9.0
        for (name, colour, weight, dashed), width in zip(entries, widths, strict=True):
            pen = QPen(colour, weight)
            if dashed:
                pen.setDashPattern([4.0, 3.0])
            painter.setPen(pen)
            painter.drawLine(QPointF(x, middle + 0.5), QPointF(x + 24.0, middle + 0.5))
            self.word(painter, x + 30.0, middle, name)
            x += width


def make_grid_plot(indent: float = _LEFT) -> tuple[HeadedPlot, TrialGrid, GridStrip]:
    """Return a plot that is filled by a grid, the grid, and its strip."""
    strip, grid = GridStrip(indent), TrialGrid()
    plot = HeadedPlot(strip)
    for side in ("left", "bottom"):
        plot.hideAxis(side)
    plot.setRange(xRange=(0.0, 1.0), yRange=(0.0, 1.0), padding=0)
    plot.addItem(grid)
    return plot, grid, strip
