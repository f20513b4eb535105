"""What becomes of a panel's run when its configuration changes: it goes on, branches off, or restarts, and says which.

The panel holds the configuration that is in force. A run that ends is kept, so that undoing brings it back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from core.lanes import lanes_of
from core.linked import linked
from core.optimizers import OPTIMIZERS
from core.parameters import Configuration, Parameter, ParameterError
from core.runner import Phase
from gui.lane_options import declared
from gui.theme import Severity
from gui.undo import Edit

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from PySide6.QtGui import QUndoStack
    from PySide6.QtWidgets import QLabel

    from core.datasets import Dataset
    from core.experiments.saved import SavedRun
    from core.figures import Preset
    from core.lanes import Lane
    from core.scripts.inside import Look
    from gui.forms import Form
    from gui.panel import Panel
    from gui.player import Player
    from gui.registry import PanelEntry
    from gui.shelf import Parked, Shelf
    from gui.transport import Transport
    from gui.views.base import View

MORE = 1000
_LONGEST = 60


@dataclass(frozen=True, slots=True)
class Desk:
    """What all panels of a window share."""

    dataset: Callable[[], Dataset]
    threads: int
    undo: QUndoStack
    panel: Callable[[str], Panel]
    open_panel: Callable[[str], None]
    shelf: Shelf
    made: Callable[[], Collection[str]]  # the keys of the panels that are there


class PanelRuns(QWidget):
    """A panel's configuration and its run; the widgets that show them are the subclass's.

    `message(text, severity)` is for the window's banner.
    """

    extends = False  # whether a finished run can go on
    replays = False  # whether a run is so short that a change runs it again at once

    message = Signal(str, object)

    entry: PanelEntry
    desk: Desk
    view: View
    preset: Preset
    configuration: Configuration
    player: Player
    form: Form
    transport: Transport
    _said: QLabel
    _switched_off: tuple[str, ...]
    _branch_words = ""

    def _install(self, configuration: Configuration) -> None:
        """Make the widgets show a configuration."""
        raise NotImplementedError

    def _show_lanes(self) -> None:
        """Make the lane list show the configuration."""
        raise NotImplementedError

    def _redraw(self) -> None:
        """Draw the frame at hand anew."""
        raise NotImplementedError

    def start(self, configuration: Configuration) -> None:
        """Show a configuration, from its beginning, without a way to undo it."""
        self._install(configuration)
        self.player.load(configuration)

    def lanes_in_force(self) -> tuple[Lane, ...]:
        """Return the lanes that are on."""
        return lanes_of(self.configuration.values, self.preset.axis)

    def edit(self, key: str, value: Any) -> None:
        """Change a parameter, as the user asked in form, lane list or picture; it can be undone."""
        try:
            changes = linked(self.configuration.values, {key: value}, self.preset.axis)
            if key == "iterations" and self.player.status.position and not self.is_eager:
                changes = {key: value}  # a run that goes on for longer keeps its past, schedules too
            after = self.configuration.replace(changes)
        except ParameterError as error:
            self.message.emit(str(error), Severity.WARNING)
            self.form.show_configuration(self.configuration)  # values that do not go together are not in force
            return
        if after.values != self.configuration.values:
            parameter = declared(self.configuration, key)
            self._push(_short(f"{_full_label(parameter)} = {parameter.said(after[key])}"), after, key)

    def take(self, text: str, configuration: Configuration) -> None:
        """Put a configuration in force that another panel offers; it can be undone."""
        self._push(text, configuration)

    def _push(self, text: str, after: Configuration, key: str = "", anew: bool = False) -> None:
        undo = self.desk.undo
        edit = Edit(self, text, self.configuration, after, key, self.player.rewound, anew)
        edit.go_on_from(undo.command(undo.index() - 1))
        undo.push(edit)

    def apply(
        self, configuration: Configuration, at: int | None = None, parking: Parked | None = None, anew: bool = False
    ) -> None:
        """Put a configuration in force: go on with the run where that can be, else restart it, and say which.

        A run that was rewound to `at` branches off there. Where the run so far ends, it is kept in `parking`.
        `anew` asks for a restart in any case.
        """
        before = self.configuration
        changed = [key for key in configuration.values if configuration[key] != before.get(key)]
        same = configuration.preset == before.preset
        self._install(configuration)
        if same and self._only_lanes(before, changed) and self._only_hides(configuration["lanes"]):
            self._redraw()
        elif same and changed and not anew and self._can_go_on(changed):
            if at is None or changed == ["iterations"]:
                self._go_on(changed)
            else:
                self._branch(at, changed, parking)
        else:
            self._run_anew(changed if same else [], parking, paused=anew)

    def bring_back(self, configuration: Configuration, kept: Parked, parking: Parked) -> bool:
        """Go back to a run that was kept, and keep the present one; return whether there is one to go back to."""
        waiting, run = kept.pending, kept.run
        if run is None and not waiting:
            return False
        self._install(configuration)
        known = configuration if run is None else run.configuration
        self.player.load(known, saved=kept.take if waiting else run, parking=parking.expect())
        where = f"in the run before, at iteration {run.position:,}" if run else "to what was before"
        self._said.setText(f"back {where}")
        return True

    def _only_lanes(self, before: Configuration, changed: list[str]) -> bool:
        """Tell whether nothing changed but which lanes are on, and what follows from that."""
        if "lanes" not in changed:
            return False
        follows = linked(before.values, {"lanes": self.configuration["lanes"]}, self.preset.axis)
        return all(key in follows and follows[key] == self.configuration[key] for key in changed)

    def _only_hides(self, names: tuple[str, ...]) -> bool:
        """Tell whether all these lanes are in the run already, so that others need only be hidden."""
        frame = self.player.frame
        running = frame is not None and not self.is_eager and frame.position > 0
        return running and not self._failed and set(names) <= {lane.name for lane in frame.lanes}

    def _can_go_on(self, changed: list[str]) -> bool:
        live = all(declared(self.configuration, key).live for key in changed)
        # A run on its way back to where it branches off may begin at 0.
        runs = self.player.status.position > 0 or self.player.returning is not None
        return live and not self.is_eager and not self._failed and runs

    @property
    def _failed(self) -> bool:
        return self.player.status.phase is Phase.FAILED

    def _go_on(self, changed: list[str]) -> None:
        for key in changed:
            self.player.change(key, self.configuration[key])
        returning = self.player.returning
        at = self.player.status.position if returning is None else returning
        self._branch_words = f"{self._changes_text(changed)} from iteration {at:,} on"
        self._said.setText(self._branch_words)

    def take_data(self, name: str, kept: Parked, parking: Parked) -> None:
        """Run on other images: go back to a run on them that was kept, or restart."""
        if not self.bring_back(self.configuration, kept, parking):
            ran = self.player.status.position > 0
            self._run_anew([], parking, paused=True)
            self._said.setText(f"restarted on {name}" if ran else "")

    def _branch(self, at: int, changed: list[str], parking: Parked | None) -> None:
        """Let the run go another way from where it was rewound to, with all that the form says."""
        values = {p.key: self.configuration[p.key] for p in self.configuration.parameters if p.live}
        values.pop("iterations", None)
        self.player.branch(at, values, parking.expect() if parking else None)
        self._branch_words = f"branched at {at:,}: {self._changes_text(changed)}"
        self._said.setText(self._branch_words)

    def _tell_way_back(self) -> None:
        """Say how far a run is on its way back to where it branches off."""
        status = self.player.status
        if status.returning is not None:
            self._said.setText(f"going back to {status.returning:,}: {status.position:,}")
        elif self._said.text().startswith("going back to "):
            self._said.setText(self._branch_words)

    def _run_anew(self, changed: list[str], parking: Parked | None = None, paused: bool = False) -> None:
        ran = self.player.status.position > 0 and not self.is_eager
        play = (self.player.playing and not self.is_eager) or (ran and self.replays and bool(changed))
        play = play and not paused
        park = parking.expect() if parking and ran else None
        self.player.load(self.configuration, play=play, keep_cursor=self.is_eager, parking=park)
        if changed and (ran or self._said.text()):
            self._said.setText(f"restarted with {self._changes_text(changed)}")
        elif not changed:
            self._said.setText("")

    def _changes_text(self, changed: list[str]) -> str:
        """Write what was changed, without the lanes where they only follow from it."""
        told = [key for key in changed if key != "lanes"] or changed
        found = [p for p in (declared(self.configuration, key) for key in told) if self.configuration.uses(p)]
        return ", ".join(f"{_full_label(p)} = {p.text(self.configuration[p.key])}" for p in found)

    @property
    def is_eager(self) -> bool:
        """Whether the whole record is computed at once, so that a change redraws it in place."""
        return self.preset.eager

    def restart(self) -> None:
        """Go back to the start: of the record where it is complete, else of a new run with the values in force."""
        if self.is_eager:
            self.player.stop()
            self.player.seek(0)
        elif self.player.status.position:
            before = self.player.status.position
            self._push("restart", self.configuration, anew=True)
            self._said.setText(f"restarted; undo brings back the run of {before:,} iterations")
        else:
            self.player.load(self.configuration)
            self._said.setText("")

    def _extend(self) -> None:
        total = self.player.status.total + MORE
        self.edit("iterations", total)
        if self.configuration["iterations"] == total:  # else it was refused
            self.player.go_on()

    def run_configuration(self) -> Configuration:
        """Return what reproduces the run on screen, its changes in mid-run included."""
        found = self.player.status.configuration
        return self.configuration if found is None else found

    def look(self) -> Look | None:
        """Return into which network a script of the run looks, if into any."""
        return None

    @property
    def own_player(self) -> Player:
        """The player of the panel's own run."""
        return self.player

    def view_state(self) -> dict[str, Any]:
        """Return, as plain data, what is shown of the run: the moment, the speed, lanes that are switched off."""
        player = self.own_player
        speed = self.transport.speed.currentData()
        cursor = player.rewound if player.settled else player.cursor  # a hidden panel has not seen its run yet
        return {"cursor": cursor, "speed": speed, "off": list(self._switched_off)}

    def resume(self, configuration: Configuration, run: SavedRun | None, view: Mapping[str, Any]) -> None:
        """Show a configuration and go on with a run of it, as `view_state` described it."""
        self._install(configuration)
        self._switched_off = _lanes_off(configuration, view.get("off"))
        self._show_lanes()
        speed = view.get("speed")
        if speed in self.view.speeds:
            self.transport.set_speeds(self.view.speeds, speed)
            self.player.set_speed(speed)
        self.own_player.load(run.configuration if run else configuration, saved=run)
        cursor = view.get("cursor")
        self.own_player.cursor = cursor if isinstance(cursor, int) and cursor >= 0 else None
        self._said.setText(f"opened at iteration {run.position:,}" if run else "")


def _lanes_off(configuration: Configuration, names: Any) -> tuple[str, ...]:
    """Return what a session says is switched off, if that are lanes."""
    try:
        return tuple(declared(configuration, "lanes").check(names))
    except (ParameterError, StopIteration):
        return ()


def _short(text: str) -> str:
    """Return a text as short as a menu wants it."""
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _full_label(parameter: Parameter) -> str:
    """Name a parameter, an optimizer's own with the optimizer."""
    rule = OPTIMIZERS.get(parameter.key.partition(".")[0])
    return f"{rule.label} {parameter.label}" if rule else parameter.label
