"""BatchNorm at many scales of the initial weights: training accuracy with and without it, one small plot a scale.

All networks train at once. A click on a plot opens the panel Activations at its two networks, where one sees why.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from gui import theme
from gui.legend import LegendEntry
from gui.panel import Panel
from gui.plots import blend
from gui.views.base import LaneStatus, Number, RunView
from gui.views.futures import accuracy_before, before_entry, before_text
from gui.views.live import ActivationsPanel
from gui.views.overlays import Invitation, LegendStrip
from gui.views.rates import CommonRates
from gui.views.scale_grid import ScaleGrid
from gui.views.scale_words import divergences, epoch_text, learning, moment, of_seeds, status
from gui.views.scales import MARGIN, PALE, ScalePlot, lane_words, scale_title, scales_of
from gui.words import kept_numbers, measured_by, percent

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from core.experiments.training_frame import TrainingFrame
    from core.lanes import Lane
    from gui.crosshair import ReadoutLine
    from gui.views.base import View

_RATES = "rates"  # in the place of a scale: that the mouse is over the learning rates


class BatchNormView(RunView):
    """One plot a scale in a grid, or a large one. `opened(names)` comes when the user asks for a scale's layers."""

    opened = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._strip = LegendStrip(self)
        self._word_box = Invitation(self.graphics.viewport())
        self._lay_out()
        self.say("Getting the networks ready …")
        self.rates = CommonRates(MARGIN)
        self.rates.hover.moved.connect(partial(self._follow, _RATES))
        self._grid = ScaleGrid(self.graphics.ci, self.rates, self._make_cell, self.colours)
        self._rows: dict[str, list[int]] = {}
        self._shape: tuple[Any, ...] = ()
        self._moment: tuple[Any, ...] = ()
        self._frame: TrainingFrame | None = None
        self._measured = 0
        self._epoch: int | None = None
        self._hovered: str | None = None
        self._focused: str | None = None
        self.hidden: frozenset[str] = frozenset()
        self.graphics.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.graphics.installEventFilter(self)
        self.graphics.scene().sigMouseClicked.connect(self._click)
        self.graphics.setBackground(self.colours.background)

    def _lay_out(self) -> None:
        """Put the legend above the plots, on the screen."""
        whole = QWidget(self)
        column = QVBoxLayout(whole)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._strip)
        self.enclose(whole, lambda plots: column.addWidget(plots, 1))

    @property
    def cells(self) -> dict[str, ScalePlot]:
        """The plots by their initial weights."""
        return self._grid.cells

    # Frames.

    def hide_lanes(self, names: Iterable[str]) -> None:
        """Leave these lanes out of the picture."""
        self.hidden = frozenset(names)

    def adopt(self, other: View) -> None:
        """Also leave out what is hidden there."""
        super().adopt(other)
        assert isinstance(other, BatchNormView)
        self.hidden = other.hidden

    def visible(self, frame: TrainingFrame) -> list[int]:
        """Return the rows of the lanes that are on and not hidden."""
        rows = super().visible(frame)
        return [row for row in rows if frame.lanes[row].name not in self.hidden] or rows

    def show_frame(self, frame: TrainingFrame, cursor: int) -> None:
        """Draw what was measured up to iteration `cursor`."""
        self._frame = frame
        self._measured = measured_by(frame.measured_at, cursor)
        self.rates.show_frame(frame, self.visible(frame), cursor)
        self._arrange(frame)
        now = *self._shape, *moment(frame, cursor, self._measured)
        if now == self._moment:  # between two epochs nothing is new
            return
        self._moment = now
        for init, rows in self._rows.items():
            cell = self.cells[init]
            cell.show_lanes(frame, rows, self._measured, cursor)
            cell.fit(frame.total / frame.per_epoch)
            cell.marks.show_changes(frame.changes, frame.per_epoch)
            ends = [frame.train_accuracy[row, self._measured - 1] for row in rows if self._measured]
            cell.show_remark(divergences(frame, rows, cursor), ends)
        self._read()
        many = len(frame.lanes)
        every = "both networks" if many == 2 else f"all {many} networks"
        self._word_box.say("" if frame.iteration else f"Press Space to train {every} at once", self.colours)

    def _arrange(self, frame: TrainingFrame) -> None:
        """Make the grid that the visible lanes need, unless it is there."""
        shown = self.visible(frame)
        lanes = tuple(frame.lanes[row] for row in shown)
        shape = *lanes, frame.spread is not None, self.rates.shown
        if shape == self._shape:
            return
        self._shape = shape
        self._rows = {init: [shown[i] for i in rows] for init, rows in scales_of(lanes).items()}
        self._hovered = self._focused = self._epoch = None
        self._grid.arrange(list(self._rows))
        self.plots = self._grid.plots
        self._mark_focus()

    def _make_cell(self, init: str, alone: bool) -> ScalePlot:
        cell = ScalePlot(scale_title(init), partial(self._read_box, init), alone)
        cell.hover.moved.connect(partial(self._follow, init))
        return cell

    def set_theme(self, found: theme.Theme) -> None:
        """Draw in the theme's colours."""
        super().set_theme(found)
        self._grid.set_colours(self.colours)
        self._word_box.say(self._word_box.text(), self.colours)
        self._mark_focus()

    # Reading.

    def _follow(self, init: str, epoch: int | None) -> None:
        """Show the epoch under the mouse in all plots."""
        hovers = {_RATES: self.rates.hover, **{name: cell.hover for name, cell in self.cells.items()}}
        if epoch is None and self._hovered != init:  # a plot learns that it was left after the next was entered
            hovers[init].set_index(self._epoch)
            return
        self._hovered = None if epoch is None else init
        last = self._last_epoch()
        self._epoch = epoch if epoch is not None and 0 <= epoch <= last else None
        for name, hover in hovers.items():
            if name != _RATES or init != _RATES:  # rates are known before anything is measured
                hover.set_index(self._epoch)
        self._mark_focus()

    def _last_epoch(self) -> int:
        frame = self._frame
        if frame is None or not self._measured:
            return -1
        return math.ceil(frame.measured_at[self._measured - 1] / frame.per_epoch)

    def _column(self, epoch: int | None) -> int | None:
        """Return the column of the last measurement up to an epoch, or of the last one shown."""
        frame = self._frame
        if frame is None or not self._measured:
            return None
        if epoch is None:
            return self._measured - 1
        return max(0, measured_by(frame.measured_at[: self._measured], epoch * frame.per_epoch) - 1)

    def _read(self) -> None:
        """Write the accuracies at the epoch under the mouse, or the last ones, above the plots."""
        frame, column = self._frame, self._column(self._epoch)
        if frame is None:
            return
        for init, rows in self._rows.items():
            scores = [
                (float(frame.train_accuracy[row, column]), frame.lanes[row].colour)
                for row in rows
                if column is not None
            ]
            self.cells[init].show_scores(tuple(scores))
        self._strip.show_legend(self.legend(frame), self._word_of(frame, column), self.colours)

    def _word_of(self, frame: TrainingFrame, column: int | None) -> str:
        """Return what the strip says: of the plot under the mouse or at the keyboard, else of all."""
        if column is None or len(self._rows) == 1:
            return ""
        epoch = f"epoch {epoch_text(frame, column)}"
        init = self._marked()
        if init is None:
            return f"training accuracy, {epoch}"
        lanes = ((frame.lanes[row], frame.train_accuracy[row, column]) for row in self._rows[init])
        found = (f"{lane_words(lane)} {percent(share)}" for lane, share in lanes)
        return f"{scale_title(init)}, {epoch}:  {'  ·  '.join(found)}"

    def _read_box(self, init: str, epoch: int) -> Sequence[ReadoutLine]:
        """Return what a large plot says beside its crosshair."""
        frame, column = self._frame, self._column(epoch)
        if frame is None or column is None or not 0 <= epoch <= self._last_epoch():
            return []
        lines = [
            (
                f"{lane_words(frame.lanes[row])}  {percent(frame.train_accuracy[row, column])}"
                f"  (test {percent(frame.test_accuracy[row, column])}){_before(frame, row, column)}",
                frame.lanes[row].colour,
            )
            for row in self._rows[init]
        ]
        return [(f"epoch {epoch_text(frame, column)}: training accuracy", ""), *lines]

    # Choosing.

    def _click(self, event: Any) -> None:
        if event.button() is not Qt.MouseButton.LeftButton:
            return
        for init, cell in self.cells.items():
            if cell.vb.sceneBoundingRect().contains(event.scenePos()):
                event.accept()
                self._open(init)
                return

    def _open(self, init: str) -> None:
        if self._frame is not None:
            self.opened.emit(tuple(self._frame.lanes[row].name for row in self._rows[init]))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Go through the plots with the keyboard: up and down, and Enter."""
        if event.type() in (QEvent.Type.FocusIn, QEvent.Type.FocusOut):
            self._mark_focus()
        elif event.type() is QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            return self._press(Qt.Key(event.key()))
        return super().eventFilter(watched, event)

    def _press(self, key: Qt.Key) -> bool:
        names = list(self.cells)
        if not names:
            return False
        if key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            way = 1 if key is Qt.Key.Key_Down else -1
            self._focused = names[(names.index(self._focused) + way) % len(names)] if self._focused else names[0]
            self._mark_focus()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._focused:
            self._open(self._focused)
        else:
            return False
        return True

    def _marked(self) -> str | None:
        """Return the scale of the plot under the mouse, else of the one that the keyboard is at."""
        hovered = self._hovered if len(self._rows) > 1 and self._hovered in self._rows else None
        return hovered or (self._focused if self.graphics.hasFocus() else None)

    def _mark_focus(self) -> None:
        """Frame that plot."""
        for init, cell in self.cells.items():
            cell.border.set_strong(theme.current().focus if init == self._marked() else "")
        self._read()

    # What the panel says.

    def highlight(self, lane: str | None) -> None:
        """Let the other lanes fade."""
        for cell in self.cells.values():
            cell.highlight(lane)

    def lane_statuses(self, frame: TrainingFrame, cursor: int) -> dict[str, LaneStatus]:
        """Return each lane's training accuracy, or where it diverged."""
        return {lane.name: status(frame, row, cursor) for row, lane in enumerate(frame.lanes)}

    def numbers(self, frame: TrainingFrame, cursor: int) -> list[Number]:
        """Return the epoch, and at how many scales networks learn."""
        measured = measured_by(frame.measured_at, cursor)
        found = [("epoch", f"{cursor // frame.per_epoch}"), ("updates per epoch", f"{frame.per_epoch}")]
        if measured:
            found += learning(frame, self.visible(frame), measured - 1)
        found += [
            *self.rates.numbers(frame, cursor),
            ("training accuracy on", f"{frame.train_measured:,} images"),
            ("test accuracy on", f"{frame.test_measured:,} images"),
            *kept_numbers(frame),
        ]
        return [*found, *of_seeds(frame, self.visible(frame))]

    def legend(self, frame: TrainingFrame) -> list[LegendEntry]:
        """Return one entry for each kind of network, and for test accuracy where it is drawn."""
        lanes = {lane_words(frame.lanes[row]): frame.lanes[row] for row in self.visible(frame)}
        tested = ", train" if len(self._rows) == 1 else ""
        found = [
            LegendEntry(f"{words}{tested}", lane.colour, lane.marker, dashed=not lane.batchnorm)
            for words, lane in lanes.items()
        ]
        if tested:
            page = self.colours.background
            found += [
                LegendEntry(
                    f"{words}, test",
                    blend(self.colours.lane(lane.colour), page, PALE).name(),
                    dashed=not lane.batchnorm,
                    exact=True,
                )
                for words, lane in lanes.items()
            ]
        return [*found, *before_entry(bool(frame.futures), self.colours)]


def _before(frame: TrainingFrame, row: int, column: int) -> str:
    """Say what the training accuracy was before the run was branched."""
    before = accuracy_before(frame.futures, "train_accuracy", row, int(frame.measured_at[column]))
    now = percent(frame.train_accuracy[row, column])
    return before_text(now, None if before is None else percent(before))


class BatchNormPanel(Panel):
    """With and without BatchNorm, scale by scale."""

    view_class = BatchNormView
    view: BatchNormView
    extends = True
    replays = True

    def _connect(self) -> None:
        super()._connect()
        self.view.opened.connect(self._show_layers)

    def lanes_in_force(self) -> tuple[Lane, ...]:
        """Return the lanes that are on and not hidden."""
        return tuple(lane for lane in super().lanes_in_force() if lane.name not in self.view.hidden)

    def _toggle_lanes(self, names: tuple[str, ...]) -> None:
        """Hide one of the two networks of one scale: named in the configuration, they would not follow the scale."""
        if self.configuration["lanes"]:
            super()._toggle_lanes(names)
        else:
            self.view.hide_lanes(set(self.lanes.names()) - set(names))
            self._redraw()

    def _show_layers(self, names: tuple[str, ...]) -> None:
        """Show a scale's networks layer by layer, live, in the panel Activations."""
        activations = self.desk.panel("activations")
        if isinstance(activations, ActivationsPanel):
            activations.show_run(self.entry.key, names)
            self.desk.open_panel(activations.entry.key)
