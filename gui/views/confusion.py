"""The confusion matrix: how many images of each label are taken for each class, mistakes in colour."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPen

from gui import theme
from gui.plots import TICK_PIXELS, PlotColours, blend
from gui.views.page import ARROWS, CENTRE, LEFT, RIGHT, Picture, draw_scale, ends, write
from gui.widgets import tip
from gui.words import percent

if TYPE_CHECKING:
    from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter
    from PySide6.QtWidgets import QWidget

    from core.insight import Insight

_AXIS, _RECALL, _FOOT = 40.0, 40.0, 82.0
_TAKE = (Qt.Key.Key_Return, Qt.Key.Key_Enter)

Cell = tuple[int, int]
"""Label and prediction."""


class Confusion(Picture):
    """Counts by label (rows) and prediction (columns); `chosen` carries a Cell, or None for all mistakes."""

    chosen = Signal(object)
    own_keys: ClassVar[tuple[Qt.Key, ...]] = (*ARROWS, *_TAKE, Qt.Key.Key_Escape)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("confusion", "confusion matrix", parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.cell: Cell | None = None
        self._cursor: Cell = (0, 0)

    def differs(self, before: Insight, now: Insight) -> bool:
        """Tell whether the test results are others: they come less often than frames."""
        return before.results is not now.results

    def minimumSizeHint(self) -> QSize:
        """Keep room for counts."""
        return QSize(270, 290)

    def show_cell(self, cell: Cell | None) -> None:
        """Mark the chosen cell."""
        self.cell = cell
        if cell is not None:
            self._cursor = cell
        self.update()

    # Places.

    def matrix(self, room: QRectF) -> QRectF:
        """Return where the cells are."""
        side = min(room.width() - _AXIS - _RECALL, room.height() - _FOOT - 18.0)
        return QRectF(room.left() + _AXIS, room.top() + 18.0, side, side)

    def rect_of(self, cell: Cell, room: QRectF | None = None) -> QRectF:
        """Return where a cell is, on the screen by default."""
        assert self.insight is not None
        whole = self.matrix(QRectF(self.rect()) if room is None else room)
        side = whole.width() / self.insight.tests.classes
        return QRectF(whole.left() + cell[1] * side, whole.top() + cell[0] * side, side, side)

    def cell_at(self, point: QPointF) -> Cell | None:
        """Return the cell at a place of the widget."""
        if self.insight is None:
            return None
        whole, classes = self.matrix(QRectF(self.rect())), self.insight.tests.classes
        row, column = ((point - whole.topLeft()) * (classes / whole.width())).toTuple()[::-1]
        inside = 0 <= row < classes and 0 <= column < classes
        return (int(row), int(column)) if inside else None

    # Mouse and keys.

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Say what a cell is."""
        cell = self.cell_at(event.position())
        self.setToolTip(tip(self.words(cell)) if cell is not None else "")

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose a cell; all mistakes on a click beside them, or on the chosen one."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._choose(self.cell_at(event.position()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go to a neighbour; Enter chooses it, Escape chooses all."""
        key = Qt.Key(event.key())
        if self.insight is None or key not in self.own_keys:
            super().keyPressEvent(event)
        elif key in ARROWS:
            most = self.insight.tests.classes - 1
            row, column = (a + b for a, b in zip(self._cursor, ARROWS[key], strict=True))
            self._cursor = min(max(row, 0), most), min(max(column, 0), most)
            self.setAccessibleDescription(self.words(self._cursor))
            self.update()
        else:
            self._choose(self._cursor if key in _TAKE else None)

    def _choose(self, cell: Cell | None) -> None:
        known = cell is None or cell == self.cell or cell[0] == cell[1]
        self.chosen.emit(None if known else cell)

    def words(self, cell: Cell) -> str:
        """Say what is in a cell."""
        assert self.insight is not None
        label, predicted = cell
        counts = self.insight.results.confusion
        share = percent(float(self.insight.results.shares()[cell]))
        what = "recognised" if label == predicted else f"taken for {predicted}"
        return f"label {label} {what}: {counts[cell]:,} of {counts[label].sum():,} images ({share})"

    # Painting.

    def draw(self, painter: QPainter, room: QRectF, colours: PlotColours) -> None:
        """Draw the cells: mistakes from the page's colour to orange, what is right in a grey of its own."""
        assert self.insight is not None
        results, classes = self.insight.results, self.insight.tests.classes
        whole, shares = self.matrix(room), results.shares()
        side = whole.width() / classes
        for label in range(classes):
            for predicted in range(classes):
                rect = QRectF(whole.left() + predicted * side, whole.top() + label * side, side, side)
                self._draw_cell(painter, rect, (label, predicted), float(shares[label, predicted]), colours)
            self._draw_row_ends(painter, whole, side, label, float(shares[label, label]), colours)
        painter.setPen(QPen(blend(colours.muted, colours.background, 0.5), 1.0))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(whole)
        for predicted in range(classes):
            place = QRectF(whole.left() + predicted * side, whole.bottom() + 1.0, side, 17.0)
            write(painter, place, str(predicted), colours.muted, CENTRE, TICK_PIXELS)
        self._draw_words(painter, whole, colours)

    def _draw_cell(self, painter: QPainter, rect: QRectF, cell: Cell, share: float, colours: PlotColours) -> None:
        assert self.insight is not None
        count, right = int(self.insight.results.confusion[cell]), cell[0] == cell[1]
        strength = 0.26 if right else _strength(share)
        ground = blend(colours.muted if right else ends(colours)[1], colours.background, strength)
        painter.fillRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), ground)
        if count:
            ink = colours.foreground if right or strength < 0.62 else colours.background
            pixels = TICK_PIXELS if rect.width() >= 20 else TICK_PIXELS - 2
            write(painter, rect, _count_text(count, rect.width()), ink, CENTRE, pixels)

    def _draw_row_ends(
        self, painter: QPainter, whole: QRectF, side: float, label: int, right: float, colours: PlotColours
    ) -> None:
        top = whole.top() + label * side
        write(painter, QRectF(whole.left() - 24.0, top, 18.0, side), str(label), colours.muted, RIGHT, TICK_PIXELS)
        place = QRectF(whole.right() + 4.0, top, _RECALL - 4.0, side)
        write(painter, place, f"{100 * right:.0f} %", colours.muted, LEFT, TICK_PIXELS)

    def _draw_words(self, painter: QPainter, whole: QRectF, colours: PlotColours) -> None:
        painter.save()
        painter.translate(whole.left() - 32.0, whole.center().y())
        painter.rotate(-90)
        write(painter, QRectF(-90.0, -9.0, 180.0, 18.0), "label", colours.muted, CENTRE)
        painter.restore()
        below = QRectF(whole.left(), whole.bottom() + 17.0, whole.width(), 16.0)
        write(painter, below, "taken for", colours.muted, CENTRE)
        head = QRectF(whole.right() - 20.0, whole.top() - 18.0, _RECALL + 20.0, 16.0)
        write(painter, head, "right", colours.muted, RIGHT, TICK_PIXELS)
        bar = QRectF(0.0, whole.bottom() + 40.0, min(180.0, 0.7 * whole.width()), 26.0)
        bar.moveLeft(whole.center().x() - bar.width() / 2)
        stops = [(n / 10, blend(ends(colours)[1], colours.background, _strength((n / 10) ** 2))) for n in range(11)]
        draw_scale(painter, bar, stops, ("0 %", "25 %", "100 %"), colours)
        rest = QRectF(whole.left(), bar.bottom(), whole.width(), 16.0)
        write(painter, rest, "of the images with this label", colours.muted, CENTRE, TICK_PIXELS)

    def over(self, painter: QPainter) -> None:
        """Frame the chosen cell, and the keyboard's."""
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if self.cell is not None:
            painter.setPen(QPen(QColor(self.colours.foreground), 2.0))
            painter.drawRect(self.rect_of(self.cell).adjusted(0.5, 0.5, -0.5, -0.5))
        if self.hasFocus():
            painter.setPen(QPen(QColor(theme.current().focus), 2.0))
            painter.drawRect(self.rect_of(self._cursor).adjusted(-1.0, -1.0, 1.0, 1.0))


def _strength(share: float) -> float:
    """Return how strong a mistake's colour is: by the root, so that few are seen too."""
    return float(np.sqrt(share)) * 0.92


def _count_text(count: int, width: float) -> str:
    return (
        f"{count:,}"
        if count < 1000 or width > 34
        else f"{count / 1000:.1f}k"
        if count < 10_000
        else f"{count // 1000}k"
    )
