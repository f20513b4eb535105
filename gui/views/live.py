"""The activations panel: histograms of untrained networks, or of a lane of the training race while it learns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QComboBox, QLabel, QWidget

from core.experiments.propagation import LaneStatistics, PropagationFrame
from core.experiments.training import TrainingFrame
from gui.panel import Panel
from gui.views.activations import ActivationsView, spread_numbers
from gui.widgets import tip

if TYPE_CHECKING:
    from core.parameters import Configuration

_UNTRAINED, _RACE = "untrained network", "training race, live"
_LIVE_NOTES = (
    "Forward and backward passes of the first 125 training images, as a training step sees them.",
    "Under ReLU watch the share of zeros: units that never leave it no longer learn.",
    "Gradients shrink as images are learned. A layer with far narrower gradients than the last one learns slowly.",
    "Give the race sigmoid units, or σ = 0.01, and compare; then switch BatchNorm on in the panel Training.",
)
_MOST_KEPT = 2000


class ProbeRecord:
    """The histograms seen of one lane of a run, thinned by halves when there are many."""

    def __init__(self) -> None:
        self._kept: list[tuple[int, LaneStatistics]] = []

    def add(self, iteration: int, found: LaneStatistics) -> None:
        """Keep what was seen after `iteration` updates; another run or lane, or an earlier iteration, starts anew."""
        if self._kept:
            last, before = self._kept[-1]
            if iteration == last and before.lane == found.lane:
                return
            if iteration < last or before.lane != found.lane:
                self._kept.clear()
        self._kept.append((iteration, found))
        if len(self._kept) > _MOST_KEPT:
            del self._kept[1::2]

    def at(self, iteration: int) -> tuple[int, LaneStatistics] | None:
        """Return the last histograms kept up to `iteration`, or the first; None without any."""
        earlier = [entry for entry in self._kept if entry[0] <= iteration]
        return earlier[-1] if earlier else self._kept[0] if self._kept else None

    def first(self) -> tuple[LaneStatistics, ...]:
        """Return the first ones, as what was before."""
        return (self._kept[0][1],) if self._kept else ()

    def clear(self) -> None:
        """Forget all."""
        self._kept.clear()


class ActivationsPanel(Panel):
    """Histograms, layer by layer."""

    view_class = ActivationsView
    view: ActivationsView

    def _form_parts(self) -> list[QWidget]:
        self._own_player, self._probes = self.player, ProbeRecord()
        self._shown: PropagationFrame | None = None
        self.source = QComboBox(self)
        self.source.setObjectName("source")
        self.source.setAccessibleName("source")
        self.source.addItems([_UNTRAINED, _RACE])
        self.source.setToolTip(tip("Where the activations come from"))
        self.watched = QComboBox(self)
        self.watched.setObjectName("watched")
        self.watched.setAccessibleName("watched lane")
        self.watched.setToolTip(tip("The lane of the race whose layers are shown"))
        self._live_words = QLabel(
            "The transport below drives the race of the panel Training. The outline is what this lane looked like "
            "when its histograms were first shown."
        )
        self._live_words.setWordWrap(True)
        self._live_words.setProperty("role", "muted")
        self.source.activated.connect(self._choose_source)
        self.watched.activated.connect(self._watch)
        for widget in (self.watched, self._live_words):
            widget.hide()
        return [self.source, self.watched, self._live_words, *super()._form_parts()]

    @property
    def live(self) -> bool:
        """Whether the race is shown."""
        return self.player is not self._own_player

    @property
    def is_eager(self) -> bool:
        """An untrained network is measured at once."""
        return True

    def show_race(self, live: bool) -> None:
        """Show the training race, or untrained networks."""
        self.source.setCurrentText(_RACE if live else _UNTRAINED)
        self._choose_source()

    def _choose_source(self) -> None:
        live = self.source.currentText() == _RACE
        if live == self.live:
            return
        race = self.desk.training()
        self._use(race.player if live else self._own_player, race.view if live else self.view)
        self.presets.setVisible(not live)
        self.form.setVisible(not live)
        self.watched.setVisible(live)
        self._live_words.setVisible(live)
        if live:
            self._offer_lanes()
            self.notes.show_text(_LIVE_NOTES, [])
            self._title.setText("Activations while training")
            self._said.setText(race.preset.title)
            self.view.say("Press Space to run the race")
        else:
            self._show_notes()
            race.player.runner.watch(None)
            self._title.setText(self.preset.title)
            self._said.setText("")
        self._redraw()

    def _use(self, player: Any, view: Any) -> None:
        """Take frames from another player, and let the transport drive it."""
        self.player.set_active(self, False)
        self._disconnect_player(self.player)
        self.player = player
        self._connect_player(player)
        self.transport.set_speeds(view.speeds, view.speed)
        player.set_speed(view.speed)
        player.set_active(self, self.isVisible(), view.interval)

    def _offer_lanes(self) -> None:
        race = self.desk.training()
        before = self.watched.currentData()
        self.watched.clear()
        for lane in race.lanes_in_force():
            self.watched.addItem(lane.label, lane.name)
        self.watched.setCurrentIndex(max(0, self.watched.findData(before)))
        self._watch()

    def _watch(self) -> None:
        self._probes.clear()
        self.player.runner.watch(self.watched.currentData())

    def showEvent(self, event: Any) -> None:
        """Offer the lanes of a race that may have changed meanwhile."""
        super().showEvent(event)
        if self.live:
            # A frame with histograms costs the engine as much as an update: they come at the race's pace.
            self.player.set_active(self, True, self.desk.training().view.interval)
            self._offer_lanes()

    def hideEvent(self, event: Any) -> None:
        """Spare the engine the histograms that nobody sees."""
        super().hideEvent(event)
        if self.live:
            self.player.runner.watch(None)

    def restart(self) -> None:
        """Restart the race, or go back to the first layer."""
        if self.live:
            self.desk.training().restart()
        else:
            super().restart()

    def apply(self, configuration: Configuration) -> None:
        """Put a configuration in force; it is of untrained networks, so that is what is shown."""
        if self.live:
            self.show_race(False)
        super().apply(configuration)

    def show_frame(self, frame: Any, cursor: int) -> None:
        """Draw the lane's histograms as of `cursor`, or the untrained network up to that layer."""
        if not isinstance(frame, TrainingFrame):
            self._shown = frame
            super().show_frame(frame, cursor)
            return
        if frame.probe is not None:
            self._probes.add(frame.iteration, frame.probe)
        found = self._probes.at(cursor)
        if found is None:
            self.view.say(_why_nothing(frame, self.watched.currentData()))
            return
        self.view.say("")
        iteration, lane = found
        depth = len(lane.activations)
        self._shown = PropagationFrame((lane.lane,), depth, depth, (lane,))
        self.view.show_statistics((lane,), self._probes.first())
        if self.notes.isVisible():
            self.notes.show_numbers([("iteration", f"{iteration:,}"), *spread_numbers(lane)])

    def shown_frame(self) -> PropagationFrame | None:
        """Return the histograms on screen."""
        return self._shown

    def close_engine(self) -> None:
        """End the panel's own engine; the race is its panel's."""
        self._own_player.close()


def _why_nothing(frame: TrainingFrame, name: str | None) -> str:
    for lane, diverged in zip(frame.lanes, frame.diverged, strict=True):
        if lane.name == name and diverged is not None:
            return f"{lane.label} diverged at iteration {diverged:,}: there is nothing finite to show."
    return "Press Space to run the race"
