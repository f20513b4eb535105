"""The activations panel: histograms of untrained networks, or of those that another panel trains, while they learn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from core.experiments.propagation import LaneStatistics, PropagationFrame
from core.lanes import Axis
from core.watching import Sight, Watch
from gui.reels import Reel
from gui.views.activations import ActivationsView, spread_numbers
from gui.views.guest import GuestPanel, how_it_ended, start_words
from gui.views.probes import ProbeRecord, iteration_of
from gui.views.scales import scale_title, scales_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtWidgets import QWidget

    from core.lanes import Lane
    from gui.panel import Panel

_LIVE_NOTES = (
    "Forward and backward passes of the first 125 training images, as a training step sees them.",
    "Under ReLU watch the share of zeros: units that never leave it no longer learn.",
    "Gradients shrink as images are learned. A layer with far narrower gradients than the last one learns slowly.",
)
_RUN_NOTES = {
    "training": (
        "Give the race sigmoid units, or σ = 0.01, and compare; then switch BatchNorm on in the panel Training.",
    ),
    "batchnorm": (
        "With BatchNorm every layer keeps its spread, whatever the weights. Without it spread grows or dies from layer "
        "to layer, and the gradients with it.",
    ),
}


class ActivationsPanel(GuestPanel):
    """Histograms, layer by layer."""

    view_class = ActivationsView
    view: ActivationsView
    own_source = "untrained network"
    source_doc = "Where the activations come from"
    watched_doc = "The networks of the run whose layers are shown"

    def _form_parts(self) -> list[QWidget]:
        self._probes = ProbeRecord()
        self._shown: PropagationFrame | None = None
        return super()._form_parts()

    @property
    def is_eager(self) -> bool:
        """An untrained network is measured at once."""
        return True

    # Whose networks.

    def _offered(self, lanes: Sequence[Lane], axis: Axis) -> dict[str, tuple[str, ...]]:
        """Return what can be watched, of a BatchNorm run pairs first."""
        pairs: dict[str, tuple[str, ...]] = {}
        if axis is Axis.BATCHNORM:
            found = scales_of(lanes)
            pairs = {
                f"{scale_title(init)}: both": tuple(lanes[row].name for row in rows)
                for init, rows in found.items()
                if len(rows) == 2
            }
        return {**pairs, **super()._offered(lanes, axis)}

    def _wanted(self) -> Watch:
        return Watch(histograms=self._names())

    def _forget(self) -> None:
        self._probes.clear()

    def _head_run(self, run: Panel) -> None:
        self.notes.show_text((*_LIVE_NOTES, *_RUN_NOTES.get(run.entry.key, ())), [])
        self._title.setText("Activations while training")
        self._said.setText(run.preset.title)
        self._live_words.setText(
            f"The transport below drives the run of the panel {run.entry.title}. The outline is the earliest "
            "histogram that was shown of a layer."
        )
        self.view.say(start_words(run.entry.title))

    # Frames.

    def show_frame(self, frame: Any, cursor: int) -> None:
        """Draw the watched lanes' histograms as of `cursor`, or the untrained network up to that layer."""
        if isinstance(frame, PropagationFrame):
            self._shown = frame
            super().show_frame(frame, cursor)
            return
        if self._idle():
            return
        names = self._names()
        self._probes.add(frame.iteration, [found for found in frame.probes if found.lane.name in names])
        seen = [self._probes.at(name, cursor) for name in names]
        found = [entry for entry in seen if entry is not None]
        moments = [None if entry is None else entry[0] for entry in seen]
        ended = [how_it_ended(frame, name, cursor, at) for name, at in zip(names, moments, strict=True)]
        exact = [bool(word) or at == cursor for word, at in zip(ended, moments, strict=True)]
        late = cursor < frame.iteration and not all(exact)
        if late:
            self._ask(cursor)
        else:
            self._asked = None
        # Not above the plots: they would be laid out anew for a word that stands for a moment.
        self._said.setText(_meanwhile(found) if late else self._running().preset.title)
        if not found:
            # What is not there although it has not diverged is being measured.
            self.view.say("\n".join(ended) if all(ended) else "Measuring …")
            return
        self.view.say("")
        self._show_statistics([lane for _, lane in found], [word for word in ended if word])
        if self.notes.isVisible():
            self._show_live_numbers(max(iteration for iteration, _ in found))

    def _take_look(self, iteration: int, sight: Sight) -> None:
        """Show what the engine recomputed."""
        self._probes.insert(iteration, [found for found in sight.probes if found.lane.name in self._names()])
        self._redraw()

    def _show_statistics(self, lanes: Sequence[LaneStatistics], words: Sequence[str]) -> None:
        depth = len(lanes[0].activations)
        if len(lanes) < len(self._names()):
            words = ["  ·  ".join([*words, *(f"below: {found.lane.label}" for found in lanes)])]
        self._shown = PropagationFrame(tuple(found.lane for found in lanes), depth, depth, tuple(lanes))
        before = tuple(self._probes.first(found.lane.name) or found for found in lanes)
        self.view.show_statistics(tuple(lanes), before, words=tuple(words))

    def _show_live_numbers(self, iteration: int) -> None:
        numbers = [("iteration", f"{iteration:,}")]
        for found in self._shown.statistics if self._shown else ():
            numbers += spread_numbers(found, named=len(self._names()) > 1)
        self.notes.show_numbers(numbers)

    def shown_frame(self) -> PropagationFrame | None:
        """Return the histograms on screen."""
        return self._shown

    def reel(self) -> Reel | None:
        """Return the layers of the untrained network, or the run's histograms as far as they are known."""
        if not self.live:
            return super().reel()
        record, names = self._probes.copy(), self._names()
        moments = record.moments()
        if len(moments) < 2 or self._shown is None:
            return None
        firsts = tuple(found for found in map(record.first, names) if found is not None)

        def show(view: ActivationsView, at: int) -> None:
            seen = [record.at(name, at) for name in names]
            view.show_statistics(tuple(entry[1] for entry in seen if entry is not None), firsts)

        words = f"{len(moments):,} recorded moments: those that were shown"
        unit = self._running().view.unit
        return Reel(self.configuration, self.preset, self._shown, moments, unit, cast("Any", show), words)


def _meanwhile(found: Sequence[tuple[int, LaneStatistics]]) -> str:
    """Say what is shown while an earlier moment is being recomputed."""
    return f"shown as of iteration {max(found, key=iteration_of)[0]:,} …" if found else ""
