"""One path on its surface and its loss over steps: what stands beside a map for the setting that is marked on it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QLineF, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QPainter, QPen

from gui.contours import SurfacePicture
from gui.crosshair import Crosshair
from gui.items import Frame, PathTrace, Trace, ViewItem
from gui.plots import Plot
from gui.views.base import short_number
from gui.views.path_loss import is_logarithmic, loss_range, set_loss_axis
from gui.views.start_handle import StartHandle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.experiments.paths import PathsFrame
    from core.surfaces import Surface
    from gui.crosshair import ReadoutLine
    from gui.plots import PlotColours

_LOWEST_DECADE = -16.0
_RUN_SECONDS = 0.9
_TICK_MS = 17


class GoalLine(ViewItem):
    """A dashed line across a plot at the loss that is to be reached."""

    def __init__(self) -> None:
        super().__init__()
        self._y = 0.0

    def set_height(self, y: float) -> None:
        """Stand at this height, in decades on a log axis."""
        if y != self._y:
            self._y = y
            self.update()

    def draw(self, painter: QPainter, frame: Frame) -> None:
        """Draw the line."""
        left, _, width, _ = frame.rect
        y = round(frame.sy * self._y + frame.dy)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setPen(QPen(QColor(self._colours.muted), 1.0, Qt.PenStyle.DashLine))
        painter.drawLine(QLineF(left, y, left + width, y))


class OnePath(QObject):
    """Two plots, `map` and `loss`. `started(x, y)` comes when the user sets the start, by a click or a drag."""

    started = Signal(float, float)

    def __init__(self, colours: PlotColours, parent: QObject) -> None:
        super().__init__(parent)
        self.map, self.loss = Plot(colours), Plot(colours)
        self.map.getAxis("bottom").set_text("x")
        self.map.getAxis("left").set_text("y")
        self.loss.getAxis("bottom").set_text("step")
        self.loss.getAxis("bottom").set_whole()
        for plot in (self.map, self.loss):
            plot.setMouseEnabled(False, False)
        self._path, self._trace = PathTrace(), Trace(weight=2)
        self._goal = GoalLine()
        self._hover = Crosshair(self._read)
        self._start = StartHandle()
        self._start.moved.connect(self.started)
        self.map.addItem(self._path)
        self.map.addItem(self._start, ignoreBounds=True)
        for item in (self._goal, self._trace, self._hover):
            self.loss.addItem(item)
        self._picture: SurfacePicture | None = None
        self._surface: Surface | None = None
        self._frame: PathsFrame | None = None
        self._cursor, self._wanted = 0, False
        self._began: float | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(_TICK_MS)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._draw)

    def set_start(self, x: float, y: float) -> None:
        """Show where the path begins."""
        self._start.set_position(x, y)

    def run(self) -> None:
        """Let the path that comes next run from its start."""
        self._wanted = True

    def show_path(self, frame: PathsFrame, cursor: int, tolerance: float) -> None:
        """Draw a run's only lane up to a step."""
        if self._wanted and (self._frame is None or frame is not self._frame):
            self._wanted, self._began = False, time.perf_counter()
            self._timer.start()
        changed = frame is not self._frame
        self._frame, self._cursor = frame, cursor
        if changed:
            self._show_surface(frame)
            self._path.set_look(frame.lanes[0].colour, frame.lanes[0].marker)
            self._trace.set_look(frame.lanes[0].colour, 2)
            self._fit_loss(frame)
            self._goal.set_height(float(np.log10(tolerance)))
        self._draw()

    def close(self) -> None:
        """End what is traced in the background."""
        self.stop()
        if self._picture is not None:
            self._picture.close()

    def stop(self) -> None:
        """Show at once what runs."""
        self._timer.stop()
        self._began = None

    def _draw(self) -> None:
        """Draw as far as the path has run."""
        frame, last = self._frame, self._cursor
        if self._began is not None:
            share = (time.perf_counter() - self._began) / _RUN_SECONDS
            if share < 1.0:
                last = int(share * last)
            else:
                self.stop()
        if frame is not None:
            self._path.setData(frame.points[0, : last + 1])
            self._trace.setData(frame.excess[0, : last + 1])

    def _show_surface(self, frame: PathsFrame) -> None:
        known = self._surface
        if known is not None and (frame.surface.formula, frame.surface.view) == (known.formula, known.view):
            return
        self._surface = frame.surface
        if self._picture is None:
            self._picture = SurfacePicture(frame.surface)
            self.map.addItem(self._picture)
        self._picture.set_surface(frame.surface)
        x_low, x_high, y_low, y_high = frame.surface.view
        self.map.setRange(xRange=(x_low, x_high), yRange=(y_low, y_high), padding=0)
        set_loss_axis(self.loss, frame.surface)
        self._goal.setVisible(is_logarithmic(frame.surface))

    def _fit_loss(self, frame: PathsFrame) -> None:
        """Show all steps."""
        heights = loss_range(frame.excess, frame.surface, _LOWEST_DECADE)
        self.loss.setRange(xRange=(0.0, float(max(1, frame.total))), yRange=heights, padding=0)

    def click(self, event: Any) -> bool:
        """Set the start where the map was clicked; return whether it was."""
        if not self._start.takes(event):
            return False
        self._start.move_to(event.scenePos())
        return True

    def _read(self, index: int) -> Sequence[ReadoutLine]:
        frame = self._frame
        if frame is None or not 0 <= index <= self._cursor:
            return []
        x, y = (short_number(part) for part in frame.points[0, index])
        return [
            (f"step {index}", ""),
            (f"f {short_number(frame.loss[0, index])}", frame.lanes[0].colour),
            (f"at {x}, {y}", ""),
        ]
