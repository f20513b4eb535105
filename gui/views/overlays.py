"""What stands over or above the plots on the screen only: a legend with a word beside it, a word to begin with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from gui.legend import ROW, LegendEntry, draw_legend, legend_height
from gui.plots import LABEL_PIXELS, LIGHT, PlotColours, blend, plot_font

if TYPE_CHECKING:
    from collections.abc import Sequence


class LegendStrip(QWidget):
    """A legend on the screen, with a word at its right; files have the same legend above the figure."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._entries: tuple[LegendEntry, ...] = ()
        self.word = ""
        self._colours: PlotColours | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """Ask for the rows that the present width makes."""
        return QSize(200, round(max(ROW, legend_height(self._entries, self.width() - 28))) + 4)

    def show_legend(self, entries: Sequence[LegendEntry], word: str, colours: PlotColours) -> None:
        """Show these."""
        if (tuple(entries), word, colours) != (self._entries, self.word, self._colours):
            self._entries, self.word, self._colours = tuple(entries), word, colours
            self.updateGeometry()
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the legend."""
        if self._colours is None:
            return
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(self._colours.background))
        inner = QRectF(self.rect()).adjusted(16.0, 2.0, -12.0, -2.0)
        draw_legend(painter, inner, self._entries, self._colours)
        painter.setFont(plot_font(LABEL_PIXELS))
        painter.setPen(QColor(self._colours.muted))
        flags = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRectF(inner.left(), inner.top(), inner.width(), ROW), flags, self.word)
        painter.end()


class Invitation(QLabel):
    """A word over the empty plots, in a box of its own."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._around = parent
        self.setObjectName("invitation")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setContentsMargins(18, 10, 18, 10)
        parent.installEventFilter(self)
        self._colours = LIGHT
        self.hide()

    def say(self, word: str, colours: PlotColours) -> None:
        """Show a word in the middle, or nothing."""
        if word != self.text():
            self.setText(word)
            self._place()
        self._colours = colours
        self.setVisible(bool(word))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Stay in the middle."""
        if event.type() is QEvent.Type.Resize:
            self._place()
        return False

    def _place(self) -> None:
        self.adjustSize()
        around = self._around.rect()
        self.move((around.width() - self.width()) // 2, (around.height() - self.height()) // 2)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the box and the word."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(blend(self._colours.muted, self._colours.background, 0.5))
        painter.setBrush(QColor(self._colours.background))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6.0, 6.0)
        painter.setPen(QColor(self._colours.foreground))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self.text())
        painter.end()
