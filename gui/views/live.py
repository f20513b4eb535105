"""The activations panel: histograms of untrained networks, or of those that another panel trains, while they learn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QComboBox, QLabel, QWidget

from core.experiments.propagation import LaneStatistics, PropagationFrame
from core.lanes import Axis
from gui.panel import Panel
from gui.views.activations import ActivationsView, spread_numbers
from gui.views.probes import ProbeRecord, iteration_of
from gui.views.scales import scale_title, scales_of
from gui.widgets import tip

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from core.experiments.saved import SavedRun
    from core.lanes import Lane
    from core.parameters import Configuration
    from gui.player import Player
    from gui.shelf import Parked

_UNTRAINED = "untrained network"
# The panels whose networks can be watched, and what the form calls their runs.
_RUNS = {
    "training": "training race, live",
    "batchnorm": "BatchNorm run, live",
    "regularization": "regularization run, live",
    "search": "search, live",
}
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


class ActivationsPanel(Panel):
    """Histograms, layer by layer."""

    view_class = ActivationsView
    view: ActivationsView

    def _form_parts(self) -> list[QWidget]:
        self._own_player, self._probes = self.player, ProbeRecord()
        self._shown: PropagationFrame | None = None
        self._asked: int | None = None  # the earlier iteration that was last asked for
        self._run: str | None = None  # the key of the panel whose run is shown
        self._choices: list[tuple[str, ...]] = []
        self.source = self._make_combo("source", "source", "Where the activations come from")
        self.source.addItem(_UNTRAINED, None)
        for key, text in _RUNS.items():
            self.source.addItem(text, key)
        self.watched = self._make_combo("watched", "watched lanes", "The networks of the run whose layers are shown")
        self._live_words = QLabel(self)
        self._live_words.setWordWrap(True)
        self._live_words.setProperty("role", "muted")
        self.source.activated.connect(self._choose_source)
        self.watched.activated.connect(self._watch)
        for widget in (self.watched, self._live_words):
            widget.hide()
        return [self.source, self.watched, self._live_words, *super()._form_parts()]

    def _make_combo(self, name: str, accessible: str, doc: str) -> QComboBox:
        combo = QComboBox(self)
        combo.setObjectName(name)
        combo.setAccessibleName(accessible)
        combo.setToolTip(tip(doc))
        return combo

    @property
    def live(self) -> bool:
        """Whether the networks of another panel's run are shown."""
        return self._run is not None

    @property
    def is_eager(self) -> bool:
        """An untrained network is measured at once."""
        return True

    # Where frames come from.

    def show_run(self, key: str, lanes: Sequence[str] = ()) -> None:
        """Show networks of another panel's run, by their names; its first one, or the last chosen, without any."""
        self._use_run(key)
        if tuple(lanes) in self._choices:
            self.watched.setCurrentIndex(self._choices.index(tuple(lanes)))
            self._watch()

    def show_untrained(self) -> None:
        """Show networks that are not trained."""
        self._use_run(None)

    def _choose_source(self) -> None:
        self._use_run(self.source.currentData())

    def _use_run(self, key: str | None) -> None:
        """Take frames from that panel's run, None for untrained networks, and let the transport drive it."""
        self.source.setCurrentIndex(self.source.findData(key))
        if key == self._run:
            return
        if self.live:
            self.player.runner.watch()
        self._run = key
        self._use(self if key is None else self.desk.panel(key))
        own, others = (self.presets, self.form), (self.watched, self._live_words)
        for widget in (*own, *others):
            widget.setVisible((key is None) is (widget in own))
        self._probes.clear()
        if key is None:
            self._show_notes()
            self._title.setText(self.preset.title)
            self._said.setText("")
        else:
            self._head_run(self.desk.panel(key))
            self._offer_lanes()
        self._redraw()

    def _head_run(self, run: Panel) -> None:
        """Say whose networks are shown."""
        self.notes.show_text((*_LIVE_NOTES, *_RUN_NOTES.get(run.entry.key, ())), [])
        self._title.setText("Activations while training")
        self._said.setText(run.preset.title)
        self._live_words.setText(
            f"The transport below drives the run of the panel {run.entry.title}. The outline is the earliest "
            "histogram that was shown of a layer."
        )
        self.view.say(_start(run.entry.title))

    def _use(self, panel: Panel) -> None:
        """Take frames from a panel's player, or the own one, as its own speed."""
        player = self._own_player if panel is self else panel.player
        self.player.set_active(self, False)
        self._disconnect_player(self.player)
        self.player = player
        self._connect_player(player)
        chosen = self.view.speed if panel is self else panel.transport.speed.currentData()
        self.transport.set_speeds(panel.view.speeds, chosen)
        player.set_speed(chosen)
        player.set_active(self, self.isVisible(), panel.view.interval)

    def _offer_lanes(self) -> None:
        """Offer the networks of the run, of a BatchNorm run in pairs first."""
        run = self._running()
        before = self._names()
        offered = _offered(run.lanes_in_force(), run.preset.axis)
        self.watched.clear()
        self._choices = list(offered.values())
        self.watched.addItems(list(offered))
        self.watched.setCurrentIndex(self._choices.index(before) if before in self._choices else 0)
        self._watch()

    def _running(self) -> Panel:
        """Return the panel whose run is shown."""
        return self if self._run is None else self.desk.panel(self._run)

    def _names(self) -> tuple[str, ...]:
        """Return the names of the watched lanes."""
        at = self.watched.currentIndex()
        return self._choices[at] if 0 <= at < len(self._choices) else ()

    def _watch(self) -> None:
        self._probes.clear()
        self._asked = None
        self.player.runner.watch(*self._names())
        self.player.refresh()

    def showEvent(self, event: Any) -> None:
        """Offer the lanes of a run that may have changed meanwhile."""
        super().showEvent(event)
        if self.live:
            # A frame with histograms costs the engine as much as an update: they come at the run's pace.
            run = self._running()
            self.player.set_active(self, True, run.view.interval)
            self.transport.set_speeds(run.view.speeds, run.transport.speed.currentData())
            self._said.setText(run.preset.title)
            self._offer_lanes()

    def hideEvent(self, event: Any) -> None:
        """Spare the engine the histograms that nobody sees."""
        super().hideEvent(event)
        if self.live:
            self.player.runner.watch()

    # What the transport does.

    def _connect(self) -> None:
        super()._connect()
        self.transport.speed_changed.connect(self._share_speed)

    def _share_speed(self, speed: float | None) -> None:
        """Tell the run's own panel how fast it goes now."""
        if self.live:
            run = self._running()
            run.transport.set_speeds(run.view.speeds, speed)

    def restart(self) -> None:
        """Restart the run, or go back to the first layer."""
        if self.live:
            self._running().restart()
        else:
            super().restart()

    def apply(
        self, configuration: Configuration, at: int | None = None, parking: Parked | None = None, anew: bool = False
    ) -> None:
        """Put a configuration in force; it is of untrained networks, so that is what is shown."""
        self.show_untrained()
        super().apply(configuration, at, parking, anew)

    # Frames.

    def show_frame(self, frame: Any, cursor: int) -> None:
        """Draw the watched lanes' histograms as of `cursor`, or the untrained network up to that layer."""
        if isinstance(frame, PropagationFrame):
            self._shown = frame
            super().show_frame(frame, cursor)
            return
        names = self._names()
        self._probes.add(frame.iteration, [found for found in frame.probes if found.lane.name in names])
        seen = [self._probes.at(name, cursor) for name in names]
        found = [entry for entry in seen if entry is not None]
        ended = [_how_it_ended(frame, name, cursor, entry) for name, entry in zip(names, seen, strict=True)]
        exact = [bool(word) or (entry or (None,))[0] == cursor for word, entry in zip(ended, seen, strict=True)]
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

    def _ask(self, iteration: int) -> None:
        """Have the engine recompute the networks as they were then, once."""
        if iteration != self._asked:
            self._asked = iteration
            self.player.look(iteration)

    def _take_look(self, iteration: int, statistics: Sequence[LaneStatistics]) -> None:
        """Show what the engine recomputed."""
        self._probes.insert(iteration, [found for found in statistics if found.lane.name in self._names()])
        self._redraw()

    def _connect_player(self, player: Player) -> None:
        super()._connect_player(player)
        player.looked.connect(self._take_look)

    def _disconnect_player(self, player: Player) -> None:
        super()._disconnect_player(player)
        player.looked.disconnect(self._take_look)

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

    def start(self, configuration: Configuration) -> None:
        """Show untrained networks."""
        self.show_untrained()
        super().start(configuration)

    @property
    def own_player(self) -> Player:
        """The player of untrained networks."""
        return self._own_player

    def view_state(self) -> dict[str, Any]:
        """Return also whose networks are shown."""
        return {**super().view_state(), "source": self._run, "watched": list(self._names())}

    def resume(self, configuration: Configuration, run: SavedRun | None, view: Mapping[str, Any]) -> None:
        """Show the networks that were shown."""
        self.show_untrained()
        super().resume(configuration, run, view)
        source, watched = view.get("source"), view.get("watched")
        if isinstance(source, str) and source in _RUNS and isinstance(watched, list):
            self.show_run(str(source), tuple(watched))

    def close_engine(self) -> None:
        """End the panel's own engine; a run is its panel's."""
        self._own_player.close()


def _offered(lanes: Sequence[Lane], axis: Axis) -> dict[str, tuple[str, ...]]:
    """Return what can be watched, by what the form calls it."""
    pairs: dict[str, tuple[str, ...]] = {}
    if axis is Axis.BATCHNORM:
        found = scales_of(lanes)
        pairs = {
            f"{scale_title(init)}: both": tuple(lanes[row].name for row in rows)
            for init, rows in found.items()
            if len(rows) == 2
        }
    return {**pairs, **{lane.label: (lane.name,) for lane in lanes}}


def _start(title: str) -> str:
    return f"Press Space to start the run of the panel {title}"


def _meanwhile(found: Sequence[tuple[int, LaneStatistics]]) -> str:
    """Say what is shown while an earlier moment is being recomputed."""
    return f"shown as of iteration {max(found, key=iteration_of)[0]:,} …" if found else ""


def _how_it_ended(frame: Any, name: str, cursor: int, seen: tuple[int, LaneStatistics] | None) -> str:
    """Say since when there are no histograms of a lane; nothing where there are."""
    ends = {"diverged at": frame.diverged, "was stopped after": getattr(frame, "stopped", ())}
    for words, found in ends.items():
        for lane, at in zip(frame.lanes, found, strict=False):
            if lane.name == name and at is not None and at <= cursor:
                shown = "there is nothing to show" if seen is None else f"shown as of iteration {seen[0]:,}"
                return f"{lane.label} {words} iteration {at:,}: {shown}"
    return ""
