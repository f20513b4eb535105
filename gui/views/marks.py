"""Marks over a plot: where parameters changed in mid-run, with what became of which, and the step that is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QLineF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen

from core.parameters import number_text
from gui.items import Frame, ViewItem
from gui.plots import TICK_PIXELS, plot_font

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.parameters import Change

_GAP = 4.0


class ChangeMarks(ViewItem):
    """Marks where changes came on an axis of epochs, or of iterations, with words if `labelled`."""

    def __init__(self, labelled: bool) -> None:
        super().__init__()
        self._labelled = labelled
        self._marks: tuple[tuple[float, str], ...] = ()
        self.setZValue(40)

    def show_changes(self, changes: Sequence[Change], unit: int) -> None:
        """Mark these changes; `unit` is how many iterations the axis counts as one."""
        marks = tuple((c.iteration / unit, f"{c.key} = {_text(c.value)}") for c in changes)
        if marks != self._marks:
            self._marks = marks
            self.update()

    def draw(self, painter: QPainter, frame: Frame) -> None:
        """Draw the lines and their words, one below the other."""
        _, top, _, height = frame.rect
        painter.setFont(plot_font(TICK_PIXELS))
        metrics = QFontMetricsF(painter.font())
        for number, (place, text) in enumerate(self._marks):
            x = round(frame.sx * place + frame.dx)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
            painter.setPen(QPen(QColor(self._colours.muted), 1.0, Qt.PenStyle.DotLine))
            painter.drawLine(QLineF(x, top, x, top + height))
            if self._labelled:
                room = QRectF(x + _GAP, top + _GAP, metrics.horizontalAdvance(text), metrics.height())
                room.translate(0.0, (number % 3) * metrics.height())
                painter.fillRect(room, QColor(self._colours.background))
                painter.setPen(QColor(self._colours.foreground))
                painter.drawText(room, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)


class NowLine(ViewItem):
    """An upright line at the step that is shown; pyqtgraph's own comes out as a broad bar in SVG files."""

    def __init__(self) -> None:
        super().__init__()
        self._place: float | None = None
        self.setZValue(40)

    def set_place(self, place: float | None) -> None:
        """Stand at this x, or nowhere."""
        if place != self._place:
            self._place = place
            self._changed()

    def draw(self, painter: QPainter, frame: Frame) -> None:
        """Draw the line."""
        if self._place is not None:
            _, top, _, height = frame.rect
            x = frame.sx * self._place + frame.dx
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, frame.fine)
            painter.setPen(QPen(QColor(self._colours.muted), 1.0))
            painter.drawLine(QLineF(x, top, x, top + height))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else number_text(value)
