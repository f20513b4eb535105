"""Plots with a calm look: thin axes, a light grid, plain numbers, and colours that follow the theme live.

`make_plot` puts a `Plot` into a layout; `style_plot` gives it, and every item in it, other colours. What is drawn
in a plot is in `gui.items` and `gui.contours`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING, Any

import pyqtgraph as pg
from PySide6.QtCore import QLineF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontInfo, QGuiApplication, QPainter, QPen

from core.numbers import powered, short
from gui.tints import on_page

if TYPE_CHECKING:
    from collections.abc import Sequence

TICK_PIXELS = 11
LABEL_PIXELS = 12
TITLE_PIXELS = 13
_TICK_LENGTH = 4
_TICK_GAP = 4
_LEFT_WIDTH = 46
_BARE_WIDTH = 8
_BOTTOM_HEIGHT = 24
_LABEL_ROOM = 18
_OVERHANG = 30.0
_SPACING = 16.0
# The room of a tick grows with the axis between these, in pixels: a small plot needs two, a large one not thirty.
_TICK_ROOM = {True: (30.0, 48.0), False: (48.0, 92.0)}


@dataclass(frozen=True, slots=True)
class PlotColours:
    """The colours of a plot, each `#rrggbb`: page, text, quiet text and axes, grid lines."""

    background: str
    foreground: str
    muted: str
    grid: str

    @property
    def dark(self) -> bool:
        """Whether the page is darker than the text."""
        return QColor(self.background).lightnessF() < QColor(self.foreground).lightnessF()

    def lane(self, colour: str) -> str:
        """Return a lane's colour as it is drawn on this page."""
        return on_page(colour, self.dark)


LIGHT = PlotColours(background="#ffffff", foreground="#1f2933", muted="#5f6b7a", grid="#e6eaef")
DARK = PlotColours(background="#15191f", foreground="#e4e9ef", muted="#93a0b0", grid="#29313b")


def blend(colour: str, background: str, share: float) -> QColor:
    """Return the opaque colour that `colour` at opacity `share` (0 to 1) shows over `background`."""
    front, back = QColor(colour), QColor(background)
    return QColor.fromRgbF(
        share * front.redF() + (1.0 - share) * back.redF(),
        share * front.greenF() + (1.0 - share) * back.greenF(),
        share * front.blueF() + (1.0 - share) * back.blueF(),
    )


def plot_font(pixels: int, *, bold: bool = False) -> QFont:
    """Return the application's font in device-independent pixels, by the name of the family it resolves to.

    An alias such as "Sans Serif" would be written into exported files as it stands and mean another font elsewhere.
    """
    font = QFont(_family(QGuiApplication.font().family()))
    font.setPixelSize(pixels)
    font.setBold(bold)
    return font


@lru_cache(maxsize=8)
def _family(alias: str) -> str:
    """Return the family that a name resolves to: looked up once, for pictures write hundreds of words."""
    return QFontInfo(QFont(alias)).family()


class Axis(pg.AxisItem):
    """An axis with a light grid below the data, 1-2-5 ticks, and numbers without exponents or prefixes where possible.

    On a log axis the range is in decades, as pyqtgraph has it, and the labels are values. Ticks are placed by the
    axis's length in the scene, so that a file has the same ticks as the screen, whatever its resolution.
    """

    def __init__(self, orientation: str) -> None:
        super().__init__(orientation, showValues=True, maxTickLength=_TICK_LENGTH)
        self.enableAutoSIPrefix(False)
        self.setStyle(hideOverlappingLabels=False)
        self.setGrid(255)
        self._colours = LIGHT
        self._text = ""
        self._numbered, self._whole, self._slim = True, False, False

    def set_whole(self) -> None:
        """Place ticks at whole numbers only: there is no step 1.5."""
        self._whole = True

    def set_numbers(self, shown: bool) -> None:
        """Write the numbers, or leave them and their room out: a neighbour's axis has the same."""
        self._numbered = shown
        self.set_text(self._text)

    def set_slim(self, slim: bool = True) -> None:
        """Leave out the numbers and the room below for them: a plot above has the same axis."""
        self._slim = slim
        self.set_numbers(not slim)

    def set_text(self, text: str) -> None:
        """Write `text` beside the axis, or nothing, and give the axis a size that does not change with its numbers."""
        self._text = text
        style = {"color": self._colours.muted, "font-size": f"{LABEL_PIXELS}px", "font-family": plot_font(1).family()}
        self.setLabel(escape(text), **style)
        room = _LABEL_ROOM if text else 0
        if self.orientation in ("left", "right"):
            self.setWidth(room + (_LEFT_WIDTH if self._numbered else _BARE_WIDTH))
        else:
            self.setHeight(_BARE_WIDTH if self._slim else _BOTTOM_HEIGHT + room)
        self.resizeEvent()  # pyqtgraph places a label by its length only where the axis has another size

    def set_colours(self, colours: PlotColours) -> None:
        """Draw in these colours from now on."""
        self._colours = colours
        self.set_text(self._text)

    def boundingRect(self) -> QRectF:
        """Cover axis, grid and the numbers that stick out at its ends."""
        return super().boundingRect().adjusted(-_OVERHANG, -10.0, _OVERHANG, 10.0)

    def paint(self, painter: QPainter, option: Any, widget: Any = None) -> None:
        """Draw straight, not through pyqtgraph's QPicture, which scales with the device's resolution."""
        # AxisItem sets `picture` to None wherever ticks have to be placed anew.
        placed: Any = self.picture or self._layout_ticks()
        self.picture: Any = placed
        grid, axis, labels, faint = placed
        if widget is None:
            # QSvgGenerator goes on clipping as for the item before until an item clips anew; seen with Qt 6.11.3.
            painter.setClipRect(self.boundingRect())
        # Sharp lines wherever a pixel of ours is a whole number of the device's.
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, painter.deviceTransform().m11() % 1.0 > 1e-6)
        pale = blend(self._colours.grid, self._colours.background, 0.5)
        for lines, colour in ((faint, pale), (grid, self._colours.grid), (axis, self._axis_colour())):
            painter.setPen(QPen(QColor(colour), 1.0))
            painter.drawLines(lines)
        painter.setRenderHint(QPainter.RenderHint.TextAntialiasing, True)
        painter.setFont(plot_font(TICK_PIXELS))
        painter.setPen(QColor(self._colours.muted))
        for rect, flags, text in labels if self._numbered else ():
            painter.drawText(rect, flags, text)

    def _axis_colour(self) -> QColor:
        return blend(self._colours.muted, self._colours.background, 0.55)

    def _layout_ticks(self) -> tuple[list[QLineF], list[QLineF], list[tuple[QRectF, int, str]], list[QLineF]]:
        """Return grid lines, axis line with ticks, labels, and faint grid lines, in the axis's coordinates."""
        bounds = self.mapRectFromParent(self.geometry())
        view = self.linkedView()
        plot = bounds if view is None else self.mapRectFromItem(view, view.rect())
        upright = self.orientation in ("left", "right")
        low, high = self.range
        length = bounds.height() if upright else bounds.width()
        if not (high > low and length > 0.0):
            return [], [], [], []
        labelled, plain = self._ticks(low, high, length)
        place = self._place_upright if upright else self._place_level
        placed = [place(bounds, plot, (value - low) / (high - low), text) for value, text in labelled]
        # A grid line at an end would lie on the other axis.
        inside = [low + 2e-3 * (high - low) < value < high - 2e-3 * (high - low) for value, _ in labelled]
        grid = [line for (line, *_), shown in zip(placed, inside, strict=True) if shown]
        axis = [place(bounds, plot, 0.0, "")[3], *(tick for _, tick, *_ in placed)]
        faint = [place(bounds, plot, (value - low) / (high - low), "")[0] for value in plain]
        return grid, axis, [label for _, _, label, _ in placed], faint

    def _place_upright(self, bounds: QRectF, plot: QRectF, share: float, text: str) -> tuple:
        """Return grid line, tick, label, axis line of a left or right axis at `share` of its length."""
        y = round(bounds.bottom() - share * bounds.height())
        out, edge = (-1, bounds.right()) if self.orientation == "left" else (1, bounds.left())
        end = edge + out * (_TICK_LENGTH + _TICK_GAP)
        left = end - 80.0 if out < 0 else end
        side = Qt.AlignmentFlag.AlignRight if out < 0 else Qt.AlignmentFlag.AlignLeft
        label = (QRectF(left, y - 10.0, 80.0, 20.0), side | Qt.AlignmentFlag.AlignVCenter, text)
        line, tick = QLineF(plot.left(), y, plot.right(), y), QLineF(edge, y, edge + out * _TICK_LENGTH, y)
        return line, tick, label, QLineF(edge, bounds.top(), edge, bounds.bottom())

    def _place_level(self, bounds: QRectF, plot: QRectF, share: float, text: str) -> tuple:
        """Return grid line, tick, label, axis line of a bottom or top axis at `share` of its length."""
        x = round(bounds.left() + share * bounds.width())
        out, edge = (1, bounds.top()) if self.orientation == "bottom" else (-1, bounds.bottom())
        end = edge + out * (_TICK_LENGTH + 2)
        top = end if out > 0 else end - 16.0
        label = (QRectF(x - 50.0, top, 100.0, 16.0), Qt.AlignmentFlag.AlignCenter, text)
        line, tick = QLineF(x, plot.top(), x, plot.bottom()), QLineF(x, edge, x, edge + out * _TICK_LENGTH)
        return line, tick, label, QLineF(bounds.left(), edge, bounds.right(), edge)

    def _ticks(self, low: float, high: float, length: float) -> tuple[list[tuple[float, str]], list[float]]:
        """Return labelled (value, text) and unlabelled values."""
        if self._tickLevels is not None:
            return [tick for level in self._tickLevels for tick in level if low <= tick[0] <= high], []
        least, most = _TICK_ROOM[self.orientation in ("left", "right")]
        count = max(1.0, length / min(max(length / 6.0, least), most))
        if self._whole:
            count = min(count, max(1.0, high - low))
        return log_ticks(low, high, count) if self.logMode else (linear_ticks(low, high, count), [])


def linear_ticks(low: float, high: float, count: float) -> list[tuple[float, str]]:
    """Return about `count` ticks (value, text) at 1, 2 or 5 times a power of ten."""
    raw = (high - low) / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = power * next(m for m in (1.0, 2.0, 5.0, 10.0) if m * power >= raw * 0.999)
    first, last = math.ceil(low / step - 1e-6), math.floor(high / step + 1e-6)
    return [(k * step, number_text(k * step, step)) for k in range(first, last + 1)]


def log_ticks(low: float, high: float, count: float) -> tuple[list[tuple[float, str]], list[float]]:
    """Return labelled ticks (decade, text) and plain ones between them for a range in decades."""
    stride = max(1, math.ceil((high - low) / count - 1e-6))
    decades = [k for k in range(math.ceil(low - 1e-9), math.floor(high + 1e-9) + 1) if k % stride == 0]
    if len(decades) >= 2:
        plain = [k + math.log10(m) for k in range(math.floor(low), math.ceil(high)) for m in range(2, 10)]
        between = [value for value in plain if low <= value <= high] if stride == 1 else []
        return [(float(k), _decade_text(k, decades)) for k in decades], between
    values = [value for value, _ in linear_ticks(10.0**low, 10.0**high, count) if value > 0.0]
    return [(math.log10(value), short(value) if 1e-4 <= value < 1e4 else powered(value, 4)) for value in values], []


def _decade_text(power: int, shown: Sequence[int]) -> str:
    """Write 10^power as a plain number if all on the axis can be, else as a power."""
    if -3 <= min(shown) and max(shown) <= 4:
        return f"{10.0**power:g}" if power < 4 else "10,000"
    return powered(10.0**power, 1)


def number_text(value: float, step: float) -> str:
    """Write a tick's value with as many decimals as `step` needs: 0.25, 20,000, −3, 2·10⁻⁶."""
    if value == 0.0 or abs(value) < 1e-9 * step:
        return "0"
    if step < 0.9e-4 or abs(value) >= 1e7:
        return powered(value, 4)
    return f"{value:,.{max(0, -math.floor(math.log10(step) + 1e-6))}f}".replace("-", "−")


class Plot(pg.PlotItem):
    """A PlotItem with our axes, no menu, no buttons and no autorange: whoever fills it sets the ranges."""

    def __init__(self, colours: PlotColours = LIGHT) -> None:
        super().__init__(axisItems={side: Axis(side) for side in ("left", "bottom")}, enableMenu=False)
        self.colours = colours
        self._title = ""
        self.hideButtons()
        self.disableAutoRange()
        self.vb.setDefaultPadding(0.0)
        # Plots in a row are equally wide, whatever their titles.
        self.setPreferredSize(100.0, 100.0)
        # The last number of the axis has room at the right.
        self.layout.setContentsMargins(0.0, 8.0, 14.0, 0.0)
        self.titleLabel.setAttr("justify", "left")
        for side in ("left", "bottom"):
            self.getAxis(side).setZValue(self.vb.zValue() - 100)

    def set_title(self, title: str) -> None:
        """Write `title` above the plot, or nothing."""
        self._title = title
        look = {"color": self.colours.foreground, "size": f"{TITLE_PIXELS}px", "bold": True}
        self.setTitle(escape(title) or None, family=plot_font(1).family(), **look)

    def set_colours(self, colours: PlotColours) -> None:
        """Draw in these colours from now on: axes, title, and every item that has colours of the theme."""
        self.colours = colours
        self.set_title(self._title)
        parts = [self.getAxis(side) for side in ("left", "bottom")] + self.items
        for part in parts:
            if hasattr(part, "set_colours"):
                part.set_colours(colours)

    def addItem(self, item: Any, *args: Any, **kwargs: Any) -> None:
        """Add an item and give it this plot's colours."""
        super().addItem(item, *args, **kwargs)
        if hasattr(item, "set_colours"):
            item.set_colours(self.colours)


def make_plot(
    layout: pg.GraphicsLayout,
    row: int,
    col: int,
    *,
    title: str = "",
    x_label: str = "",
    y_label: str = "",
    x_unit: str = "",
    y_unit: str = "",
    log_y: bool = False,
    whole_x: bool = False,
    mouse: tuple[bool, bool] = (False, False),
    colours: PlotColours = LIGHT,
) -> Plot:
    """Put a plot into `layout`; units follow their labels in parentheses.

    With `log_y` the y range is in decades, and every Trace added takes plain values. With `whole_x` the x axis counts.
    `mouse` says whether the mouse zooms and pans along x and along y.
    """
    plot = Plot(colours)
    layout.addItem(plot, row, col)
    layout.layout.setSpacing(_SPACING)
    layout.layout.setColumnStretchFactor(col, 1)
    plot.setLogMode(y=log_y)
    plot.disableAutoRange()  # setLogMode enabled it
    plot.setMouseEnabled(*mouse)
    for side, label, unit in (("bottom", x_label, x_unit), ("left", y_label, y_unit)):
        plot.getAxis(side).set_text(f"{label} ({unit})" if unit else label)
    if whole_x:
        plot.getAxis("bottom").set_whole()
    plot.set_title(title)
    plot.set_colours(colours)
    return plot


def style_plot(plot: Plot, colours: PlotColours) -> None:
    """Give a plot and what is in it other colours, live."""
    plot.set_colours(colours)
