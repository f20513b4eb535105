"""A data set at a glance: a row for each class with its numbers of images, its mean image and some examples.

One widget paints it all; a cell is chosen with the mouse or the arrow keys, and said under the mouse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from core.datasets import Dataset
from gui import theme
from gui.data_parts import draw_image, image_of
from gui.data_sheet import HEAD, Cell, Places, Sheet, part_words
from gui.plots import LABEL_PIXELS, TICK_PIXELS, TITLE_PIXELS, blend, plot_font
from gui.widgets import OwnKeys, tip

if TYPE_CHECKING:
    from PySide6.QtGui import QFocusEvent, QImage, QKeyEvent, QMouseEvent, QPaintEvent, QResizeEvent

    from core.overview import Overview, PartOverview
    from gui.data_parts import Picture
    from gui.theme import Theme

_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_NUMBER = 44.0  # room behind the longest bar
_BAR = 9.0
_FAR = 10_000
_STEPS = {
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
    Qt.Key.Key_Home: (0, -_FAR),
    Qt.Key.Key_End: (0, _FAR),
    Qt.Key.Key_PageUp: (-_FAR, 0),
    Qt.Key.Key_PageDown: (_FAR, 0),
}


class DataGrid(OwnKeys, QWidget):
    """The sheet of a data set. `chosen` carries the Picture of the chosen cell, `turned` whether there are others."""

    chosen = Signal(object)
    turned = Signal(bool)
    own_keys: ClassVar[tuple[Qt.Key, ...]] = tuple(_STEPS)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._theme = theme.current()
        self._sheet: Sheet | None = None
        self._pictures: dict[Cell, Picture] = {}
        self._images: dict[Cell, QImage] = {}
        self._cell: Cell = 0, 1
        self._over: Cell | None = None

    def minimumSizeHint(self) -> QSize:
        """Keep room for numbers, means and some examples."""
        return QSize(420, 300)

    def set_theme(self, found: Theme) -> None:
        """Draw in this look."""
        self._theme = found
        self._images = {}
        self.update()

    # What is shown.

    def show_overview(self, overview: Overview) -> None:
        """Show a data set: its training images, from the beginning."""
        self._cell, self._over = (0, 1), None
        self._show(Sheet(overview, True, 0, self._places(overview).columns))

    def show_part(self, training: bool) -> None:
        """Show the training images or the test images."""
        if self._sheet is not None and self._sheet.training != training:
            self._show(Sheet(self._sheet.overview, training, self._sheet.first, self._sheet.columns))

    def turn(self, pages: int) -> None:
        """Show other examples, so many times as many as are shown further on, or back."""
        sheet = self._sheet
        if sheet is not None and sheet.has_others:
            first = sheet.first + pages * sheet.columns
            self._show(Sheet(sheet.overview, sheet.training, first, sheet.columns))

    def sheet(self) -> Sheet | None:
        """Return what is shown; None before the first data set."""
        return self._sheet

    def cell(self) -> Cell:
        """Return the chosen cell."""
        return self._cell

    def places(self) -> Places:
        """Return where everything is."""
        assert self._sheet is not None
        return self._places(self._sheet.overview)

    def _places(self, overview: Overview) -> Places:
        return Places(self.width(), self.height(), overview.shape, Dataset.classes)

    def _show(self, sheet: Sheet) -> None:
        self._sheet, self._pictures, self._images = sheet, sheet.pictures(), {}
        self._over = self._over if self._over in self._pictures else None
        self.choose(self._cell)
        self.turned.emit(sheet.has_others)

    def choose(self, wanted: Cell) -> None:
        """Choose a cell, or the one nearest to it that shows something."""
        self._cell = min(self._pictures, key=lambda cell: (abs(cell[0] - wanted[0]), abs(cell[1] - wanted[1])))
        picture = self._pictures[self._cell]
        self.setAccessibleDescription(picture.words)
        self.chosen.emit(picture)
        self.update()

    # Mouse and keys.

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show as many examples as fit."""
        sheet = self._sheet
        if sheet is not None and self.places().columns != sheet.columns:
            self._show(Sheet(sheet.overview, sheet.training, sheet.first, self.places().columns))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Say what is under the mouse."""
        self._hover(self._cell_at(event.position()))

    def leaveEvent(self, event: QEvent) -> None:
        """Say nothing any more."""
        self._hover(None)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose the image under the mouse."""
        cell = self._cell_at(event.position())
        if event.button() == Qt.MouseButton.LeftButton and cell is not None:
            self.choose(cell)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Choose a neighbour, or the first or last of a row or a column."""
        step = _STEPS.get(Qt.Key(event.key()))
        if step is None or not self._pictures:
            super().keyPressEvent(event)
        else:
            self.choose(self._beyond(*step))

    def _beyond(self, down: int, right: int) -> Cell:
        """Return the nearest cell that shows something in a direction; the present one if there is none."""
        row, column = self._cell
        if right:
            line = [cell for cell in self._pictures if cell[0] == row and (cell[1] - column) * right > 0]
        else:
            line = [cell for cell in self._pictures if (cell[0] - row) * down > 0]
        wanted = row + down, column + right
        return min(line, key=lambda cell: (abs(cell[0] - wanted[0]), abs(cell[1] - wanted[1])), default=self._cell)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show where the keyboard is."""
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Show that the keyboard is elsewhere."""
        super().focusOutEvent(event)
        self.update()

    def _cell_at(self, point: QPointF) -> Cell | None:
        cell = self.places().at(point) if self._sheet is not None else None
        return cell if cell in self._pictures else None

    def _hover(self, cell: Cell | None) -> None:
        if cell != self._over:
            self._over = cell
            self.setToolTip(tip(self._pictures[cell].words) if cell is not None else "")
            self.update()

    # Painting.

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw everything."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(self._theme.plot_background))
        if self._sheet is not None:
            self._draw_heads(painter, self._sheet)
            for row in range(self._sheet.classes):
                self._draw_row(painter, self._sheet, row)
            self._draw_total(painter, self._sheet)
            self._draw_images(painter)
            self._draw_frames(painter)
        painter.end()

    def _write(self, painter: QPainter, rect: QRectF, text: str, colour: str, flags: Qt.AlignmentFlag = _LEFT) -> None:
        painter.setPen(QColor(colour))
        elided = QFontMetricsF(painter.font()).elidedText(text, Qt.TextElideMode.ElideRight, rect.width())
        painter.drawText(rect, flags, elided)

    def _draw_heads(self, painter: QPainter, sheet: Sheet) -> None:
        painter.setFont(plot_font(LABEL_PIXELS))
        places, muted = self.places(), self._theme.muted
        self._write(painter, QRectF(0.0, 0.0, places.label(0).width(), HEAD), "label", muted, _RIGHT)
        for training in (True, False):
            rect = places.bar(0, training)
            colour = self._theme.text if training == sheet.training else muted
            self._write(painter, QRectF(rect.left(), 0.0, rect.width(), HEAD), part_words(training), colour)
        mean, examples = places.left_of(0), places.left_of(1)
        self._write(painter, QRectF(mean, 0.0, examples - mean, HEAD), "mean", muted)
        self._write(painter, QRectF(examples, 0.0, places.rest(0).width(), HEAD), f"{sheet.kind} images", muted)

    def _draw_row(self, painter: QPainter, sheet: Sheet, row: int) -> None:
        places, missing = self.places(), not sheet.part.counts[row]
        painter.setFont(plot_font(TITLE_PIXELS, bold=True))
        colour = self._theme.warning if missing else self._theme.text
        self._write(painter, places.label(row), str(row), colour, _RIGHT)
        painter.setFont(plot_font(TICK_PIXELS))
        self._draw_bar(painter, places.bar(row, True), sheet.overview.train, row, sheet.training)
        self._draw_bar(painter, places.bar(row, False), sheet.overview.test, row, not sheet.training)
        if missing:
            painter.setFont(plot_font(LABEL_PIXELS))
            words = f"no {sheet.kind} image has this label"
            self._write(painter, places.rest(row), words, self._theme.warning)
            self._draw_gap(painter, places.image((row, 0)))

    def _draw_bar(self, painter: QPainter, room: QRectF, part: PartOverview, row: int, shown: bool) -> None:
        """Draw a class's share of the largest class, and its number."""
        count, found = int(part.counts[row]), self._theme
        if not count:
            self._write(painter, room, "none", found.warning)
            return
        length = max(1.0, (room.width() - _NUMBER) * count / float(part.counts.max()))
        bar = QRectF(room.left(), room.center().y() - _BAR / 2, length, _BAR)
        painter.fillRect(bar, QColor(found.accent) if shown else blend(found.muted, found.plot_background, 0.45))
        number = QRectF(bar.right() + 6.0, room.top(), room.right() + 12.0 - bar.right() - 6.0, room.height())
        self._write(painter, number, f"{count:,}", found.text if shown else found.muted)

    def _draw_gap(self, painter: QPainter, rect: QRectF) -> None:
        pen = QPen(QColor(self._theme.border), 1.0)
        pen.setDashPattern([3.0, 3.0])
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(rect.adjusted(0.5, 0.5, -0.5, -0.5))

    def _draw_total(self, painter: QPainter, sheet: Sheet) -> None:
        """Draw the last row: how many in all, and what is under the mouse."""
        places, row, found = self.places(), sheet.classes, self._theme
        painter.setPen(QPen(QColor(found.plot_grid), 1.0))
        top = places.line(row).top() + 0.5
        painter.drawLine(QPointF(8.0, top), QPointF(places.width - 8.0, top))
        painter.setFont(plot_font(LABEL_PIXELS))
        self._write(painter, places.label(row), "all", found.text, _RIGHT)
        for training, part in ((True, sheet.overview.train), (False, sheet.overview.test)):
            colour = found.text if training == sheet.training else found.muted
            self._write(painter, places.bar(row, training), f"{len(part.labels):,}", colour)
        over = self._over is not None
        self._write(painter, places.rest(row), self.said(), found.text if over else found.muted)

    def said(self) -> str:
        """Return the line below the examples: what is under the mouse, or how to see others."""
        if self._over is not None:
            return self._pictures[self._over].words
        if self._sheet is None or not self._sheet.has_others:
            return "These are all there are."
        return "O shows others, Shift+O those before."

    def _draw_images(self, painter: QPainter) -> None:
        if not self._images:
            self._images = {cell: image_of(found.values, self._theme) for cell, found in self._pictures.items()}
        places = self.places()
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for cell, image in self._images.items():
            rect = places.image(cell)
            draw_image(painter, rect, image)
            painter.setPen(QPen(QColor(self._theme.plot_grid), 1.0))
            painter.drawRect(rect.adjusted(-0.5, -0.5, 0.5, 0.5))

    def _draw_frames(self, painter: QPainter) -> None:
        """Frame the cell under the mouse and the chosen one."""
        places = self.places()
        if self._over is not None:
            painter.setPen(QPen(QColor(self._theme.muted), 1.0))
            painter.drawRect(places.image(self._over).adjusted(-1.5, -1.5, 1.5, 1.5))
        painter.setPen(QPen(QColor(self._theme.focus if self.hasFocus() else self._theme.text), 2.0))
        painter.drawRect(places.image(self._cell).adjusted(-2.0, -2.0, 2.0, 2.0))
