"""The page of the mistakes: what is taken for what, and the images that the network was surest of and wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPen
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from gui import theme
from gui.data_parts import draw_image, fitted, image_of
from gui.plots import TICK_PIXELS, PlotColours, blend
from gui.views.confusion import Cell, Confusion
from gui.views.page import ARROWS, CENTRE, Page, Picture, probability_text, write
from gui.widgets import ElidedLabel, tip
from gui.words import percent

if TYPE_CHECKING:
    from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter

    from core.insight import Insight
    from gui.views.base import Number

_TILE, _CAPTION, _GAP = 58.0, 32.0, 8.0
_WIDEST = 760
_TAKE = (Qt.Key.Key_Return, Qt.Key.Key_Enter)


class MistakeGrid(Picture):
    """The worst mistakes as images with label, prediction and how sure the network was; `taken` carries an image."""

    taken = Signal(int)
    own_keys: ClassVar[tuple[Qt.Key, ...]] = (*ARROWS, *_TAKE)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("mistakes", "worst mistakes", parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._cell: Cell | None = None
        self._cursor, self._over = 0, -1

    def differs(self, before: Insight, now: Insight) -> bool:
        """Tell whether the test results are others: they come less often than frames."""
        return before.results is not now.results

    def minimumSizeHint(self) -> QSize:
        """Keep room for some images."""
        return QSize(220, 200)

    def show_cell(self, cell: Cell | None) -> None:
        """Show only the mistakes of a cell, or all."""
        self._cell, self._cursor, self._over = cell, 0, -1
        self.update()

    def found(self) -> Any:
        """Return the places of the mistakes in question, the worst first."""
        if self.insight is None:
            return np.empty(0, np.intp)
        mistakes = self.insight.results.mistakes
        return np.arange(len(mistakes.index)) if self._cell is None else mistakes.of(*self._cell)

    # Places.

    def tiles(self, room: QRectF) -> list[QRectF]:
        """Return where images are, as many as there is room for."""
        room = room.adjusted(5.0, 3.0, -5.0, 0.0)
        columns = max(1, int((room.width() + _GAP) // (_TILE + _GAP)))
        rows = max(1, int((room.height() + _GAP) // (_TILE + _CAPTION + _GAP)))
        pitch = (room.width() - _TILE) / max(1, columns - 1) if columns > 1 else 0.0
        pitch = min(pitch, _TILE + 2.5 * _GAP)
        height = _TILE + _CAPTION + _GAP
        return [
            QRectF(room.left() + n % columns * pitch, room.top() + n // columns * height, _TILE, _TILE)
            for n in range(rows * columns)
        ]

    def _shown(self) -> list[tuple[int, QRectF]]:
        return list(zip(self.found().tolist(), self.tiles(QRectF(self.rect())), strict=False))

    def number_at(self, point: QPointF) -> int:
        """Return the number of the image at a place, −1 where there is none."""
        for number, (_, rect) in enumerate(self._shown()):
            if rect.adjusted(0.0, 0.0, 0.0, _CAPTION).contains(point):
                return number
        return -1

    # Mouse and keys.

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Say what is under the mouse."""
        number = self.number_at(event.position())
        if number != self._over:
            self._over = number
            self.setToolTip(tip(self.words(number) + "\nClick to put it on the canvas.") if number >= 0 else "")
            self.update()

    def leaveEvent(self, event: Any) -> None:
        """Point at nothing."""
        self._over = -1
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take the image under the mouse."""
        number = self.number_at(event.position())
        if event.button() == Qt.MouseButton.LeftButton and number >= 0:
            self._take(number)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go to a neighbour; Enter takes it."""
        key, shown = Qt.Key(event.key()), self._shown()
        if key not in self.own_keys:
            super().keyPressEvent(event)
        elif shown and key in _TAKE:
            self._take(min(self._cursor, len(shown) - 1))
        elif shown:
            columns = sum(rect.top() == shown[0][1].top() for _, rect in shown)
            down, right = ARROWS.get(key, (0, 0))
            self._cursor = min(max(self._cursor + down * columns + right, 0), len(shown) - 1)
            self.setAccessibleDescription(self.words(self._cursor))
            self.update()

    def _take(self, number: int) -> None:
        assert self.insight is not None
        self.taken.emit(int(self.insight.results.mistakes.index[self._shown()[number][0]]))

    def words(self, number: int) -> str:
        """Say what an image is."""
        assert self.insight is not None
        mistakes, place = self.insight.results.mistakes, self._shown()[number][0]
        sure = probability_text(mistakes.probability[place])
        said = f"label {mistakes.label[place]} taken for {mistakes.predicted[place]} with {sure}"
        return f"{self.insight.tests.kind} image {mistakes.index[place]:,}: {said}"

    # Painting.

    def draw(self, painter: QPainter, room: QRectF, colours: PlotColours) -> None:
        """Draw as many as fit."""
        assert self.insight is not None
        mistakes = self.insight.results.mistakes
        found = self.found().tolist()
        if not found:
            nothing = "None any more." if self._cell is not None else self._no_mistakes()
            write(painter, QRectF(room.left(), room.top(), room.width(), 40.0), nothing, colours.muted)
        look = theme.DARK if colours.dark else theme.LIGHT
        for place, rect in zip(found, self.tiles(room), strict=False):
            image = self.insight.tests.image(int(mistakes.index[place]))
            inner = fitted(rect, self.insight.tests.shape)
            draw_image(painter, inner, image_of(image, look))
            painter.setPen(QPen(blend(colours.muted, colours.background, 0.4), 1.0))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(rect)
            said = f"{mistakes.label[place]} → {mistakes.predicted[place]}"
            words = QRectF(rect.left() - 4.0, rect.bottom() + 1.0, rect.width() + 8.0, 16.0)
            write(painter, words, said, colours.foreground, CENTRE, bold=True)
            sure = probability_text(mistakes.probability[place])
            write(painter, words.translated(0.0, 14.0), sure, colours.muted, CENTRE, TICK_PIXELS)

    def _no_mistakes(self) -> str:
        """Say why there are none: a network that is about to diverge has no answers at all."""
        assert self.insight is not None
        many, kind = self.insight.results.unfinite, self.insight.tests.kind
        return f"{many:,} answers are not finite." if many else f"No mistakes on the {kind} images."

    def over(self, painter: QPainter) -> None:
        """Frame what is under the mouse, and the keyboard's."""
        shown = self._shown()
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if 0 <= self._over < len(shown):
            painter.setPen(QPen(QColor(self.colours.foreground), 1.0))
            painter.drawRect(shown[self._over][1].adjusted(-1.5, -1.5, 1.5, 1.5))
        if self.hasFocus() and shown:
            painter.setPen(QPen(QColor(theme.current().focus), 2.0))
            painter.drawRect(shown[min(self._cursor, len(shown) - 1)][1].adjusted(-2.0, -2.0, 2.0, 2.0))


class MistakesPage(Page):
    """Confusion matrix and worst mistakes; `taken` carries the number of a test image that is to be looked at."""

    key, title = "mistakes", "Mistakes"
    density = 15.0
    taken = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.confusion, self.grid = Confusion(self), MistakeGrid(self)
        self.head = ElidedLabel(parent=self)
        self.head.setObjectName("mistakes-head")
        self.filtered = ElidedLabel(parent=self)
        self.filtered.setObjectName("mistakes-filter")
        self.filtered.setProperty("role", "muted")
        self.every = QPushButton("Show all", self)
        self.every.setObjectName("all-mistakes")
        self.every.setToolTip(tip("Show the mistakes of all cells (Escape in the matrix)"))
        self._lay_out()
        self.confusion.chosen.connect(self.choose)
        self.every.clicked.connect(lambda: self.choose(None))
        self.grid.taken.connect(self.taken)
        self.choose(None)

    def _lay_out(self) -> None:
        upper = QHBoxLayout()
        upper.setSpacing(12)
        upper.addWidget(self.filtered, 1)
        upper.addWidget(self.every)
        right = QVBoxLayout()
        right.setSpacing(8)
        right.addLayout(upper)
        right.addWidget(self.grid, 1)
        columns = QHBoxLayout()
        columns.setSpacing(20)
        columns.addWidget(self.confusion, 11)
        columns.addLayout(right, 9)
        self.confusion.setMaximumWidth(_WIDEST)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(16, 10, 16, 8)
        whole.setSpacing(8)
        whole.addWidget(self.head)
        whole.addLayout(columns, 1)
        policy = self.every.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.every.setSizePolicy(policy)

    def pictures(self) -> tuple[Picture, ...]:
        """Return matrix and images."""
        return self.confusion, self.grid

    def choose(self, cell: Cell | None) -> None:
        """Show the mistakes of one cell, or all."""
        self.confusion.show_cell(cell)
        self.grid.show_cell(cell)
        self.every.setVisible(cell is not None)
        self._say()

    def show_insight(self, insight: Insight) -> None:
        """Show another moment, or another lane."""
        super().show_insight(insight)
        self._say()

    def adopt(self, other: Page) -> None:
        """Show the mistakes of the same cell."""
        super().adopt(other)
        if isinstance(other, MistakesPage):
            self.choose(other.confusion.cell)

    def _say(self) -> None:
        if self.insight is None:
            return
        results, cell = self.insight.results, self.confusion.cell
        share, kind = percent(results.right / max(1, results.tested)), self.insight.tests.kind
        counts = f"{results.right:,} of {results.tested:,} {kind} images right ({share})"
        self.head.setText(f"{self.insight.lane.label}: {counts}, after {results.at:,} iterations")
        many = len(self.grid.found())
        said = "Surest mistakes" if cell is None else f"{cell[0]} taken for {cell[1]}"
        self.filtered.setText(f"{said}: {many:,}")

    def numbers(self, insight: Insight) -> list[Number]:
        """Return how many are right and wrong, and the commonest mistake."""
        results = insight.results
        off = results.confusion.copy()
        np.fill_diagonal(off, 0)
        label, predicted = np.unravel_index(int(off.argmax()), off.shape)
        found = [
            (f"{insight.tests.kind} images right", percent(results.right / max(1, results.tested))),
            ("mistakes", f"{len(results.mistakes.index):,}"),
        ]
        if off.any():
            found.append(("most often", f"{label} taken for {predicted}: {off.max():,}"))
        if results.unfinite:
            found.append(("answers not finite", f"{results.unfinite:,}"))
        return found

    def places(self, room: QRectF) -> list[tuple[Picture, QRectF]]:
        """Put the matrix beside the images."""
        half = 0.48 * room.width()
        rest = QRectF(room.left() + half + 24.0, room.top() + 18.0, room.width() - half - 24.0, room.height() - 18.0)
        return [(self.confusion, QRectF(room.left(), room.top(), half, room.height())), (self.grid, rest)]
