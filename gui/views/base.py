"""What every view offers to its panel: draw a frame at a cursor, name its plots, say what its numbers are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QLabel, QSizePolicy, QStackedLayout, QWidget

from core.numbers import short
from gui import theme
from gui.graphics import Graphics
from gui.items import Frame, ViewItem
from gui.legend import LegendEntry
from gui.plots import LABEL_PIXELS, Plot, PlotColours, plot_font

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.figures import Preset
    from core.parameters import Configuration

# A dotted key and its value, as shown in the notes.
Number = tuple[str, str]


@dataclass(frozen=True, slots=True)
class LaneStatus:
    """What the lane list says beside a lane's name."""

    text: str
    severity: theme.Severity = theme.Severity.INFO


def short_number(value: float, digits: int = 3) -> str:
    """Return a number to some significant digits, with a minus sign; words for what is not finite."""
    return short(value, digits) if math.isfinite(value) else "not finite"


def plot_colours(found: theme.Theme) -> PlotColours:
    """Return the theme's colours for plots."""
    return PlotColours(found.plot_background, found.text, found.muted, found.plot_grid)


class Hint(ViewItem):
    """A word in the middle of a plot, on screen only."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text
        self.setZValue(900)

    def draw(self, painter: QPainter, frame: Frame) -> None:
        """Draw the word."""
        if not frame.fine:
            painter.setFont(plot_font(LABEL_PIXELS + 2))
            painter.setPen(QColor(self._colours.muted))
            painter.drawText(QRectF(*frame.rect), Qt.AlignmentFlag.AlignCenter, self._text)


class View(QWidget):
    """Plots of one experiment in one graphics scene, with a word in their place while there is nothing to draw.

    `edited(key, value)` comes when the user sets a parameter in the picture.
    """

    edited = Signal(str, object)

    unit = "step"
    interval = 17  # a tick of 16 ms would now and then come before the next of 60 steps a second
    speeds: tuple[float | None, ...] = (1, 2, 5, 10, 30, 60, 100, 1000, None)
    speed: float | None = None
    empty = "Press Space to start"
    own_formats: tuple[tuple[str, str], ...] = ()  # of data that only this view has: names, and what users read
    section: QWidget | None = None  # what a view has in the notes under "Equation"

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.graphics = Graphics()
        self.graphics.setFrameShape(Graphics.Shape.NoFrame)
        self.graphics.setObjectName("plots")
        self.graphics.setAccessibleName("plots")
        self.graphics.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.graphics.ci.layout.setContentsMargins(8, 4, 12, 6)
        self.graphics.ci.layout.setSpacing(6)
        self.colours = plot_colours(theme.current())
        self.plots: dict[str, Plot] = {}
        self._word = QLabel(self.empty)
        self._word.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._word.setProperty("role", "muted")
        self._stack = QStackedLayout(self)
        self._stack.addWidget(self.graphics)
        self._stack.addWidget(self._word)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.configuration: Configuration | None = None

    def enclose(self, whole: QWidget, place: Callable[[QWidget], object]) -> None:
        """Show `whole` where the plots were; `place` puts the plots into it."""
        self._stack.removeWidget(self.graphics)
        place(self.graphics)
        self.graphics.show()  # taken out of a stack it stays hidden
        self._stack.insertWidget(0, whole)
        self._stack.setCurrentIndex(0)

    def minimumSizeHint(self) -> QSize:
        """Plots can be read down to this size."""
        return QSize(360, 320)

    def say(self, word: str) -> None:
        """Show a word instead of plots; an empty one brings the plots back."""
        self._word.setText(word or self.empty)
        self._stack.setCurrentIndex(1 if word else 0)

    def set_theme(self, found: theme.Theme) -> None:
        """Draw in the theme's colours."""
        self.colours = plot_colours(found)
        self.graphics.setBackground(self.colours.background)
        for plot in self.plots.values():
            plot.set_colours(self.colours)

    def adopt(self, other: View) -> None:
        """Look like another view of the same panel: zoomed as its user has zoomed."""
        for name, plot in self.plots.items():
            if name in other.plots and any(plot.vb.mouseEnabled()):
                x_range, y_range = other.plots[name].vb.viewRange()
                plot.setRange(xRange=x_range, yRange=y_range, padding=0.0)

    def show_configuration(self, configuration: Configuration, preset: Preset) -> None:
        """Prepare for frames of this configuration."""
        self.configuration = configuration

    def show_frame(self, frame: Any, cursor: int) -> None:
        """Draw the frame as of position `cursor`."""
        raise NotImplementedError

    def highlight(self, lane: str | None) -> None:
        """Bring one lane to the fore, or none."""

    def lane_statuses(self, frame: Any, cursor: int) -> dict[str, LaneStatus]:
        """Return what to say beside each lane's name."""
        return {}

    def formulas(self) -> list[tuple[str, str, str]]:
        """Return formulas for the notes, before those of the lanes: label, colour or nothing, text."""
        return []

    def numbers(self, frame: Any, cursor: int) -> list[Number]:
        """Return the live numbers of the notes."""
        return []

    def explain(self) -> None:
        """Bring what the view has in the notes up to date."""

    def legend(self, frame: Any) -> list[LegendEntry]:
        """Return the legend of an exported figure."""
        lanes = self.visible(frame)
        return [LegendEntry(frame.lanes[i].label, frame.lanes[i].colour, frame.lanes[i].marker) for i in lanes]

    def plot_legend(self, frame: Any) -> list[LegendEntry]:
        """Return the legend of a single plot in a file."""
        return self.legend(frame)

    def figure(self) -> Any:
        """Return what a file shows: plots, or a `gui.export.Drawing`."""
        return self.graphics

    def export_size(self, frame: Any) -> tuple[int, int]:
        """Return the size of the figure in a file made without a window, in pixels of 1/96 inch."""
        return 1280, 800

    def visible(self, frame: Any) -> list[int]:
        """Return the rows of the lanes that are switched on; all of a run that is being replaced by one of others."""
        names = self.configuration.get("lanes", ()) if self.configuration else ()
        return [i for i, lane in enumerate(frame.lanes) if lane.name in names] or list(range(len(frame.lanes)))


class RunView(View):
    """What views of training runs share: updates are counted, and curves are drawn thirty times a second."""

    unit = "iteration"
    interval = 32
    speeds = (1, 5, 10, 30, 60, 100, 1000, None)
