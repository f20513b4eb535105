"""Gradient flow of one lane: each layer's gradient norm above, how far updates move its weights below; log axes.

Lines that fan out downwards towards the first layer are a gradient that vanishes, upwards one that explodes.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from core.flow import EVERY, samples_by
from core.flow_verdict import NOTHING, SOURCE, USUAL, short_text, verdict
from gui.crosshair import Crosshair, ReadoutLine
from gui.items import Trace
from gui.legend import LegendEntry
from gui.plots import make_plot
from gui.views.base import Hint, Number, RunView, View
from gui.views.flow_parts import NAMES, End, EndNames, Heading, UsualBand, layer_colours, thinned
from gui.views.gaps import Follower
from gui.views.marks import ChangeMarks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from core.experiments.training_frame import TrainingFrame
    from core.flow_verdict import Verdict
    from gui import theme
    from gui.plots import Plot, PlotColours

_NAMED = 7  # layers at most: of deep networks names would cover each other
_MARGIN = 0.1  # decades
_PARTS = (
    (
        "Gradient norm of each layer",
        "gradient norm",
        (-3.0, 1.0),
        "The L2 norm of the gradient of a layer's weights, weight decay's share included, at every tenth update.\n"
        "Lines far apart: the gradient vanishes, or explodes, on its way back from the last layer to the first.",
    ),
    (
        "Update-to-weight ratio of each layer",
        "update / weights",
        (-5.0, -1.0),
        "An update that moves a layer's weights by about a thousandth of their norm is usual: a rule of thumb,\n"
        f"not a law ({SOURCE}). Far below, little is learned; far above, training is unsteady.",
    ),
)


class _Layers:
    """One plot: a line for each layer, with its name at the end, and what is seen above it."""

    def __init__(self, plot: Plot, heading: Heading, least: tuple[float, float]) -> None:
        self.plot, self.heading, self._title, self._least = plot, heading, heading.title, least
        self.names, self.marks = EndNames(), ChangeMarks(labelled=True)
        self.traces: list[Trace] = []
        self._shown: NDArray[Any] = np.empty((0, 0))
        self._extent: tuple[float, ...] = ()
        self._fitted: tuple[tuple[float, float], ...] = ()
        self._fixed = False  # in an animation of what somebody has zoomed to
        for item in (self.names, self.marks, Follower(self.set_colours)):
            plot.addItem(item)

    def set_colours(self, colours: PlotColours) -> None:
        """Draw in these colours from now on."""
        self.heading.set_colours(colours)
        for trace, colour in zip(self.traces, layer_colours(len(self.traces), colours.dark), strict=True):
            trace.set_look(colour, weight=2)
        self._show_names(colours)

    def show(self, found: NDArray[Any], samples: int, total: int) -> None:
        """Draw the first samples of what is known of all layers `(layers, samples)`."""
        self._make_traces(len(found))
        for trace, values in zip(self.traces, found, strict=True):
            trace.setData(values[:samples], x0=1.0, dx=float(EVERY))
        self._shown = found[:, :samples]
        self._show_names(self.plot.colours)
        self._fit(found, total)

    def _make_traces(self, layers: int) -> None:
        if len(self.traces) == layers:
            return
        for trace in self.traces:
            self.plot.removeItem(trace)
        self.traces = [Trace(weight=2) for _ in range(layers)]
        for trace in self.traces:
            trace.exact = True
            trace.setZValue(10)
            self.plot.addItem(trace)
        self.set_colours(self.plot.colours)

    def _show_names(self, page: PlotColours) -> None:
        """Name the layers where they were measured last."""
        found = self._shown
        known = np.flatnonzero(np.isfinite(found).any(axis=0))
        if not len(known):
            self.names.show_ends(0.0, ())
            return
        column = int(known[-1])
        colours = layer_colours(len(found), page.dark)
        ends = [
            End(name + ("" if value or not name else ": 0"), colour, math.log10(value) if value else -math.inf)
            for name, value, colour in zip(_names(len(found)), found[:, column].tolist(), colours, strict=True)
            if math.isfinite(value)
        ]
        self.names.show_ends(1.0 + EVERY * column, ends)

    def adopt(self, other: _Layers) -> None:
        """Show the part that the user of another plot has zoomed to, if any."""
        if other.zoomed:
            (x_range, y_range), self._fixed = other.plot.viewRange(), True
            self.plot.setRange(xRange=x_range, yRange=y_range, padding=0)

    @property
    def zoomed(self) -> bool:
        """Whether something else is shown than the whole run."""
        return bool(self._fitted) and not np.allclose(self.plot.viewRange(), self._fitted)

    def refit(self) -> None:
        """Show the whole run again at the next frame."""
        self._extent = ()

    def _fit(self, found: NDArray[Any], total: int) -> None:
        """Show the whole run in whole decades, with room for the names; a zoom stays until one of these changes.

        The decades of healthy networks are always there, so that lanes can be compared at a glance.
        """
        known = np.log10(found[np.isfinite(found) & (found > 0)])
        bottom = math.floor(min(self._least[0], known.min(initial=np.inf) - _MARGIN))
        top = math.ceil(max(self._least[1], known.max(initial=-np.inf) + _MARGIN))
        width = max(self.plot.vb.width(), 2.0 * NAMES)
        extent = (float(total), width, float(bottom), float(top))
        if extent != self._extent and not self._fixed:
            self._extent = extent
            self._fitted = (0.0, total * width / (width - NAMES)), (bottom, top)
            self.plot.setRange(xRange=self._fitted[0], yRange=self._fitted[1], padding=0)

    def say(self, words: str, whose: str) -> None:
        """Say what is seen, and of which run."""
        self.heading.say(self._title + whose, words)


class FlowView(RunView):
    """Both plots, over the same iterations, of the lane that `show_lane` chose, by default the first."""

    empty = "Press Space to train: gradients are measured at every tenth update"

    def __init__(self) -> None:
        super().__init__()
        self._lane = ""
        self._frame: TrainingFrame | None = None
        self._cursor = 0
        self._norms, self._ratios = (self._make_part(number) for number in (0, 1))
        self.gradient, self.ratio = self._norms.plot, self._ratios.plot
        self.plots = {"gradient norm": self.gradient, "update-to-weight ratio": self.ratio}
        self.graphics.ci.layout.setVerticalSpacing(2)
        low, high = np.log10(USUAL)
        self.ratio.addItem(UsualBand(float(low), float(high), "usual: about 1/1000"))
        self._hint = Hint("Press Space to start")
        self.gradient.addItem(self._hint)
        # pyqtgraph's own link shifts a range by the pixels between two plots, and shifts it again in exports.
        self.gradient.vb.sigXRangeChanged.connect(lambda _box, ends: self.ratio.setXRange(*ends, padding=0))
        self.ratio.vb.sigXRangeChanged.connect(lambda _box, ends: self.gradient.setXRange(*ends, padding=0))
        self._hovers = [self._make_hover(plot, number) for number, plot in enumerate((self.gradient, self.ratio))]
        self.graphics.scene().sigMouseClicked.connect(self._clicked)
        self.graphics.setBackground(self.colours.background)

    def _make_part(self, number: int) -> _Layers:
        """Put a heading and a plot into the layout."""
        layout, (title, axis, least, tip) = self.graphics.ci, _PARTS[number]
        heading = Heading(title, tip)
        layout.addItem(heading, 2 * number, 0)
        plot = make_plot(
            layout,
            2 * number + 1,
            0,
            x_label="iteration" if number else "",
            y_label=axis,
            log_y=True,
            whole_x=True,
            mouse=(True, True),
            colours=self.colours,
        )
        layout.layout.setRowStretchFactor(2 * number + 1, 1)
        return _Layers(plot, heading, least)

    def _make_hover(self, plot: Plot, kind: int) -> Crosshair:
        hover = Crosshair(lambda index: self._read(index, kind))
        hover.exact = True
        hover.moved.connect(self._follow_hover)
        plot.addItem(hover)
        return hover

    def set_theme(self, found: theme.Theme) -> None:
        """Draw in the theme's colours."""
        super().set_theme(found)
        self.graphics.setBackground(self.colours.background)

    def adopt(self, other: View) -> None:
        """Show the same part of the run."""
        if isinstance(other, FlowView):
            self._norms.adopt(other._norms)
            self._ratios.adopt(other._ratios)

    def show_lane(self, name: str) -> None:
        """Show the lane of this name from now on."""
        if name != self._lane:
            self._lane = name
            self._refit()

    def _refit(self) -> None:
        for part in (self._norms, self._ratios):
            part.refit()
        if self._frame is not None:
            self.show_frame(self._frame, self._cursor)

    def row(self, frame: TrainingFrame) -> int:
        """Return the lane's place in a frame."""
        names = [lane.name for lane in frame.lanes]
        return names.index(self._lane) if self._lane in names else self.visible(frame)[0]

    def show_frame(self, frame: TrainingFrame, cursor: int) -> None:
        """Draw the lane up to iteration `cursor`."""
        self._frame, self._cursor = frame, cursor
        self._hint.setVisible(not frame.iteration)
        flow = getattr(frame, "flow", None)
        if flow is None:
            self.say("Gradient flow is not recorded for the many trials of a search")
            return
        self.say("")
        row, samples, seen = self.row(frame), min(samples_by(cursor), len(flow.at)), self.verdict(frame, cursor)
        parts = (self._norms, flow.gradient_norm, seen.gradient), (self._ratios, flow.update_ratio, seen.update)
        whose = "" if frame.spread is None else f", seed {frame.spread.seeds[0]}"
        for part, found, words in parts:
            part.show(found[row], samples, frame.total)
            part.marks.show_changes(frame.changes, 1)
            part.say(words, whose)

    def verdict(self, frame: TrainingFrame, cursor: int) -> Verdict:
        """Return what is seen of the lane after `cursor` updates."""
        row = self.row(frame)
        loss = float(frame.smoothed[row, cursor - 1]) if cursor else math.nan
        found = verdict(frame.flow, row, cursor, loss, frame.diverged[row]) if frame.flow else NOTHING
        if cursor and not found.gradient:
            return replace(found, gradient="not measured here: this part of the run was saved by an earlier version")
        return found

    def _clicked(self, event: Any) -> None:
        """Bring the whole run back with a double click."""
        if event.double():
            self._refit()

    # Reading.

    def _follow_hover(self, index: int | None) -> None:
        for hover in self._hovers:
            hover.set_index(index)

    def _read(self, index: int, kind: int) -> Sequence[ReadoutLine]:
        frame = self._frame
        if frame is None or frame.flow is None or not 1 <= index <= self._cursor:
            return []
        column = samples_by(index) - 1
        found = (frame.flow.gradient_norm, frame.flow.update_ratio)[kind][self.row(frame), :, column]
        colours = layer_colours(len(found), self.colours.dark)
        lines = [
            (f"layer {number}  {_text(value)}", colour)
            for number, (value, colour) in enumerate(zip(found, colours, strict=True), 1)
        ]
        return [(f"update {frame.flow.at[column]:,}, {('gradient norm', 'update / weights')[kind]}", ""), *lines]

    def numbers(self, frame: TrainingFrame, cursor: int) -> list[Number]:
        """Return the last measured norms and ratios of all layers, and how they are measured."""
        flow, measured = getattr(frame, "flow", None), samples_by(cursor)
        if flow is None or not measured:
            return [("measured", f"every {EVERY}th update")]
        norms, ratios = (found[self.row(frame)] for found in (flow.gradient_norm, flow.update_ratio))
        known = np.flatnonzero(np.isfinite(norms[:, :measured]).any(axis=0))
        last = int(known[-1]) if len(known) else measured - 1  # of a network that diverged, before that
        pairs = zip(norms[:, last], ratios[:, last], strict=True)
        layers = [(f"layer {n}", f"{_text(norm)} · {_text(ratio)}") for n, (norm, ratio) in enumerate(pairs, 1)]
        seeds = [] if frame.spread is None else [("of seed", f"{frame.spread.seeds[0]}, the first one")]
        return [("update", f"{flow.at[last]:,}"), ("gradient · ratio", ""), *layers, *seeds]

    def legend(self, frame: TrainingFrame) -> list[LegendEntry]:
        """Return the lane."""
        lane = frame.lanes[self.row(frame)]
        return [LegendEntry(lane.label, lane.colour, lane.marker)]


def _names(layers: int) -> list[str]:
    """Return the layers' names, of many layers some evenly chosen ones."""
    shown = thinned([*range(layers)], _NAMED)
    return [f"layer {n + 1}" if n in shown else "" for n in range(layers)]


def _text(value: float) -> str:
    return short_text(float(value)) if np.isfinite(value) else "–"
