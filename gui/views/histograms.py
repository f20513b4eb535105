"""The parts of a grid of histograms: one histogram with its ghost, the words above it, and which axes they share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter
from PySide6.QtWidgets import QGraphicsWidget

from gui.items import StepHistogram
from gui.plots import LIGHT, TICK_PIXELS, TITLE_PIXELS, plot_font
from gui.views.base import short_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.statistics import LayerStatistics
    from gui.plots import Plot, PlotColours

ROW = 15.0
_TALLEST = 0.4
_OVERHANG = 10.0
_ALIKE = 4.0  # ranges up to this many times as wide as each other are drawn on one

# A range of x: low, high.
Ends = tuple[float, float]


class Caption(QGraphicsWidget):
    """The head of a column: a bold line and a few of words, in a room that does not change with them."""

    def __init__(self, title: str, indent: float) -> None:
        super().__init__()
        self._title, self._indent = title, indent
        self._words: tuple[str, ...] = ()
        self._colours = LIGHT

    def set_words(self, words: Sequence[str]) -> None:
        """Show these lines below the title."""
        if tuple(words) != self._words:
            self._words = tuple(words)
            self.update()

    def set_colours(self, colours: PlotColours) -> None:
        """Draw in these colours from now on."""
        self._colours = colours
        self.update()

    def boundingRect(self) -> QRectF:
        """Cover the words, which may reach into the gap to the next column."""
        return self.rect().adjusted(0, 0, _OVERHANG, 0)

    def paint(self, painter: QPainter, option: Any, widget: Any = None) -> None:
        """Draw title and words."""
        painter.setRenderHint(QPainter.RenderHint.TextAntialiasing, True)
        if widget is None:  # QSvgGenerator goes on clipping as for the item before until an item clips anew
            painter.setClipRect(self.boundingRect())
        top = self.rect().top()
        if self._title:
            painter.setFont(plot_font(TITLE_PIXELS, bold=True))
            self._draw_row(painter, top, self._title, self._colours.foreground)
            top += ROW + 2
        painter.setFont(plot_font(TICK_PIXELS))
        for number, line in enumerate(self._words):
            self._draw_row(painter, top + number * ROW, line, self._colours.muted)

    def _draw_row(self, painter: QPainter, top: float, text: str, colour: str) -> None:
        painter.setPen(QColor(colour))
        room = QRectF(self.rect().left() + self._indent, top, self.rect().width() - self._indent + _OVERHANG, ROW)
        shown = QFontMetricsF(painter.font()).elidedText(text, Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)


class Cell:
    """One histogram with its ghost and its words; it can become another layer's at any time."""

    def __init__(self, plot: Plot) -> None:
        self.plot, self.caption = plot, Caption("", 0.0)
        self.histogram, self.ghost = StepHistogram(), StepHistogram(ghost=True)
        self.ghost.setZValue(20)
        for item in (self.histogram, self.ghost):
            plot.addItem(item)
        self._range: Ends = (0.0, 1.0)
        self._axes: tuple[float, ...] = ()

    def set_look(self, caption: Caption, colour: str) -> None:
        """Take a caption and a colour."""
        self.caption = caption
        self.histogram.set_look(colour)

    def show(self, layer: LayerStatistics, words: Sequence[str], ends: Ends, top: float) -> None:
        """Draw a layer's histogram over `ends`, as shares of its values in as many bins over all of that."""
        self._range = ends
        self.histogram.setData(heights(layer, ends), layer.edges)
        self.caption.set_words(words)
        if (*ends, top) != self._axes:
            self._axes = *ends, top
            self.plot.setRange(xRange=ends, yRange=(0.0, top), padding=0)

    def show_ghost(self, layer: LayerStatistics | None) -> None:
        """Draw what was before, on the same axes; what its range does not reach stays empty."""
        self.ghost.setVisible(layer is not None)
        if layer is not None:
            self.ghost.setData(heights(layer, self._range), layer.edges)

    def set_shown(self, shown: bool) -> None:
        """Show or hide what is drawn; the axes stay."""
        self.histogram.setVisible(shown)
        if not shown:
            self.ghost.setVisible(False)
            self.caption.set_words(())


def heights(layer: LayerStatistics, ends: Ends) -> Any:
    """Return a histogram's shares, as if its bins were as wide as those of a histogram over `ends`."""
    width = (ends[1] - ends[0]) / len(layer.counts)
    return layer.counts / layer.size / (float(layer.edges[1] - layer.edges[0]) / width)


def ends_of(networks: Sequence[Sequence[LayerStatistics]]) -> list[Ends]:
    """Return each network's range: one for all where they are much alike, so that they can be compared."""
    found = [(float(layers[0].edges[0]), float(layers[0].edges[-1])) for layers in networks]
    widths = [high - low for low, high in found]
    if max(widths) > _ALIKE * min(widths):
        return found
    return [(min(low for low, _ in found), max(high for _, high in found))] * len(found)


def top_of(layers: Sequence[LayerStatistics], ends: Ends) -> float:
    """Return the share at the top of the axis; the tallest bins are cut off rather than all others flat."""
    tallest = max(float(heights(layer, ends).max()) for layer in layers)
    return next((top for top in (0.05, 0.1, 0.15, 0.2, 0.3) if 1.05 * tallest <= top), _TALLEST)


def words_of(kind: str, layer: LayerStatistics, ends: Ends) -> list[str]:
    """Return the spread, then the shares that are not 0: what the range does not show first."""
    beyond = (layer.below + layer.above) / layer.size
    shares = [(layer.undefined / layer.size, "not a number")]
    if kind == "gradients":
        first = [f"std {short(layer.std)}", f"axis ±{short(ends[1])}"]
        shares.append((beyond, "beyond"))
    else:
        first = [f"std {short(layer.std)}"]
        shares += [(layer.above / layer.size, "above"), (layer.below / layer.size, "below")]
        # A unit of ReLU is saturated where it says 0, which needs saying once.
        zeros = layer.edges[0] == 0 and abs(layer.zero_share - layer.saturated_share) < 0.01
        shares += [(layer.zero_share, "zero"), (0.0 if zeros else layer.saturated_share, "saturated")]
    tallest = float(layer.counts.max()) / layer.size
    shares.append((tallest if tallest > _TALLEST and tallest != layer.zero_share else 0.0, "one bin"))
    words = [*first, *(f"{_percent(share)} {name}" for share, name in shares if share > 0)]
    return [*words, f"mean {short(layer.mean)}"]


def short(value: float) -> str:
    """Return a number to two significant digits."""
    return short_number(value, 2)


def _percent(share: float) -> str:
    if share < 0.001:
        return "<0.1 %"
    return f"{100 * share:.0f} %" if share >= 0.0995 else f"{100 * share:.1f} %"
