"""What panels share that show their own networks, or those that another panel trains, while they learn.

The transport drives whatever is shown; what is measured of it is asked for only while somebody looks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QComboBox, QLabel, QWidget

from core.watching import NOTHING, Sight, Watch
from gui.panel import Panel
from gui.widgets import ElidedCombo, Labelled, tip

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from core.experiments.saved import SavedRun
    from core.lanes import Axis, Lane
    from core.parameters import Configuration
    from gui.player import Player
    from gui.shelf import Parked

# The panels whose networks can be watched, and what the form calls their runs.
RUNS = {
    "training": "training race, live",
    "batchnorm": "BatchNorm run, live",
    "regularization": "regularization run, live",
    "search": "search, live",
}

_LABELS = 52  # pixels before the fields above the form


class GuestPanel(Panel):
    """Shows networks of its own, or those of another panel's run; the subclass says what it wants of them."""

    own_source: str
    source_doc: str
    watched_doc: str
    watches_own = False  # whether its own networks are measured as those of other panels are

    def _form_parts(self) -> list[QWidget]:
        self._own_player = self.player
        self._asked: int | None = None  # the earlier iteration that was last asked for
        self._run: str | None = None  # the key of the panel whose run is shown
        self._choices: list[tuple[str, ...]] = []
        self.source = self._make_combo("source", "source", self.source_doc)
        self.source.addItem(self.own_source, None)
        for key, text in RUNS.items():
            self.source.addItem(text, key)
        self.watched = self._make_combo("watched", "watched lanes", self.watched_doc)
        self._live_words = QLabel(self)
        self._live_words.setWordWrap(True)
        self._live_words.setProperty("role", "muted")
        self.source.activated.connect(self._choose_source)
        self.watched.activated.connect(self._watch)
        presets, *parts = super()._form_parts()
        named = {"preset": presets, "source": self.source, "network": self.watched}
        self._rows = {text: Labelled(text, combo, _LABELS, self) for text, combo in named.items()}
        self._rows["network"].setVisible(self.watches_own)
        self._live_words.hide()
        return [*self._rows.values(), self._live_words, *parts]

    def _make_combo(self, name: str, accessible: str, doc: str) -> QComboBox:
        combo = ElidedCombo(self)
        combo.setObjectName(name)
        combo.setAccessibleName(accessible)
        combo.setToolTip(tip(doc))
        return combo

    # What the subclass does.

    def _offered(self, lanes: Sequence[Lane], axis: Axis) -> dict[str, tuple[str, ...]]:
        """Return what can be watched, by what the form calls it."""
        return {lane.label: (lane.name,) for lane in lanes}

    def _wanted(self) -> Watch:
        """Return what is to be measured of the lanes that are chosen."""
        raise NotImplementedError

    def _forget(self) -> None:
        """Forget what was measured: other networks are watched now."""

    def _head_run(self, run: Panel) -> None:
        """Say whose networks are shown."""
        raise NotImplementedError

    def _take_look(self, iteration: int, sight: Sight) -> None:
        """Show what the engine recomputed."""
        raise NotImplementedError

    # Where frames come from.

    @property
    def live(self) -> bool:
        """Whether the networks of another panel's run are shown."""
        return self._run is not None

    @property
    def _watching(self) -> bool:
        """Whether what is shown has to be asked for."""
        return self.live or self.watches_own

    def show_run(self, key: str, lanes: Sequence[str] = ()) -> None:
        """Show networks of another panel's run, by their names; its first one, or the last chosen, without any."""
        self._use_run(key)
        self.choose_lanes(lanes)

    def choose_lanes(self, lanes: Sequence[str]) -> None:
        """Show these networks, if they are offered."""
        if tuple(lanes) in self._choices:
            self.watched.setCurrentIndex(self._choices.index(tuple(lanes)))
            self._watch()

    def show_own(self) -> None:
        """Show the panel's own networks."""
        self._use_run(None)

    def _choose_source(self) -> None:
        self._use_run(self.source.currentData())

    def _use_run(self, key: str | None) -> None:
        """Take frames from that panel's run, None for one's own, and let the transport drive it."""
        self.source.setCurrentIndex(self.source.findData(key))
        if key == self._run:
            return
        if self._watching:
            self.player.watch(NOTHING)
        self._run = key
        self._use(self if key is None else self.desk.panel(key))
        for widget in (self._rows["preset"], self.form):
            widget.setVisible(key is None)
        self._rows["network"].setVisible(self._watching)
        self._live_words.setVisible(self.live)
        self._forget()
        if key is None:
            self._show_notes()
            self._title.setText(self.preset.title)
            self._said.setText("")
        else:
            self._head_run(self.desk.panel(key))
        if self._watching:
            self._offer_lanes()
        self._show_lanes()
        self._redraw()

    def _show_lanes(self) -> None:
        """Show the own lanes; of another panel's run there are none to switch."""
        super()._show_lanes()
        if self.live:
            self.lanes.hide()

    def _use(self, panel: Panel) -> None:
        """Take frames from a panel's player, or the own one, as its own speed."""
        player = self._own_player if panel is self else panel.player
        self.player.set_active(self, False)
        self._disconnect_player(self.player)
        self.player = player
        self._connect_player(player)
        chosen = self._own_speed() if panel is self else panel.transport.speed.currentData()
        self.transport.set_speeds(panel.view.speeds, chosen)
        player.set_speed(chosen)
        player.set_active(self, self.isVisible(), max(panel.view.interval, self.view.interval))

    def _own_speed(self) -> float | None:
        return self.view.speed

    def _offer_lanes(self) -> None:
        """Offer the networks of the run, the chosen ones still chosen if they are there."""
        run = self._running()
        before = self._names()
        offered = self._offered(run.lanes_in_force(), run.preset.axis)
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
        self._forget()
        self._asked = None
        if self._watching:
            self.player.watch(self._wanted())
        self.player.refresh()

    def showEvent(self, event: Any) -> None:
        """Offer the lanes of a run that may have changed meanwhile."""
        super().showEvent(event)
        run = self._running()
        if self.live:
            # A frame with what is watched costs the engine as much as an update: they come at the run's pace.
            self.player.set_active(self, True, max(run.view.interval, self.view.interval))
            self.transport.set_speeds(run.view.speeds, run.transport.speed.currentData())
            self._said.setText(run.preset.title)
        if self._watching:
            self._offer_lanes()

    def hideEvent(self, event: Any) -> None:
        """Spare the engine what nobody sees."""
        super().hideEvent(event)
        if self._watching:
            self.player.watch(NOTHING)

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
        """Restart the run that is shown."""
        if self.live:
            self._running().restart()
        else:
            super().restart()

    def apply(
        self, configuration: Configuration, at: int | None = None, parking: Parked | None = None, anew: bool = False
    ) -> None:
        """Put a configuration in force; it is of the own networks, so these are what is shown."""
        self.show_own()
        super().apply(configuration, at, parking, anew)

    def _connect_player(self, player: Player) -> None:
        super()._connect_player(player)
        player.looked.connect(self._take_look)

    def _disconnect_player(self, player: Player) -> None:
        super()._disconnect_player(player)
        player.looked.disconnect(self._take_look)

    def _idle(self) -> bool:
        """Whether frames are another panel's business: nobody looks here, and when somebody does, they come anew."""
        return self.live and not self.isVisible()

    def _ask(self, iteration: int) -> None:
        """Have the engine recompute the networks as they were then, once."""
        if iteration != self._asked:
            self._asked = iteration
            self.player.look(iteration)

    # Sessions and life.

    def start(self, configuration: Configuration) -> None:
        """Show the own networks."""
        self.show_own()
        super().start(configuration)

    @property
    def own_player(self) -> Player:
        """The player of the own networks."""
        return self._own_player

    def view_state(self) -> dict[str, Any]:
        """Return also whose networks are shown."""
        return {**super().view_state(), "source": self._run, "watched": list(self._names())}

    def resume(self, configuration: Configuration, run: SavedRun | None, view: Mapping[str, Any]) -> None:
        """Show the networks that were shown."""
        self.show_own()
        super().resume(configuration, run, view)
        source, watched = view.get("source"), view.get("watched")
        if isinstance(source, str) and source in RUNS and isinstance(watched, list):
            self.show_run(str(source), tuple(watched))

    def close_engine(self) -> None:
        """End the panel's own engine; a run is its panel's."""
        self._own_player.close()


def start_words(title: str) -> str:
    """Say how to start another panel's run."""
    return f"Press Space to start the run of the panel {title}"


def how_many_there(frame: Any, name: str) -> int:
    """Return at how many moments of a run, from its beginning on, a lane is there."""
    found = [
        *zip(frame.lanes, frame.diverged, strict=True),
        *zip(frame.lanes, getattr(frame, "stopped", ()), strict=False),
    ]
    ends = [at for lane, at in found if lane.name == name and at is not None]
    return int(min([frame.position + 1, *ends]))


def how_it_ended(frame: Any, name: str, cursor: int, seen: int | None) -> str:
    """Say since when a lane has nothing to show, and as of when it is shown; nothing where it goes on."""
    ends = {"diverged at": frame.diverged, "was stopped after": getattr(frame, "stopped", ())}
    for words, found in ends.items():
        for lane, at in zip(frame.lanes, found, strict=False):
            if lane.name == name and at is not None and at <= cursor:
                shown = "there is nothing to show" if seen is None else f"shown as of iteration {seen:,}"
                return f"{lane.label} {words} iteration {at:,}: {shown}"
    return ""
