"""A panel: presets, lanes and form on the left, a view's plots in the middle, notes on the right, transport below.

One class serves every experiment; what differs is its view. The panel holds the configuration that is in force,
decides whether a change goes on with the run or restarts it, and says which.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from core.lanes import Axis, lanes_of
from core.linked import linked
from core.optimizers import OPTIMIZERS
from core.parameters import Configuration, Parameter, ParameterError
from core.presets import PRESETS, build, panel_presets
from core.runner import Phase
from gui.forms import Form
from gui.lane_options import OWN_NAMES, declared, lane_options
from gui.lanes import LaneList
from gui.notes import FORMULAS, Notes
from gui.player import Player
from gui.theme import Severity
from gui.transport import Transport
from gui.undo import Edit
from gui.widgets import ElidedLabel, row_of, tip

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from PySide6.QtGui import QHideEvent, QShowEvent, QUndoStack

    from core.datasets import Dataset
    from core.experiments.protocol import Experiment
    from core.experiments.saved import SavedRun
    from core.figures import Preset
    from core.lanes import Lane
    from gui import theme
    from gui.registry import PanelEntry
    from gui.shelf import Parked, Shelf
    from gui.transport import TransportState
    from gui.views.base import View

FORM_WIDTH = 308
_TIP = Qt.ItemDataRole.ToolTipRole
_MORE = 1000
_HEAD = 30
_WORDS_SECONDS = 0.15


@dataclass(frozen=True, slots=True)
class Desk:
    """What all panels of a window share."""

    dataset: Callable[[], Dataset]
    threads: int
    undo: QUndoStack
    panel: Callable[[str], Panel]
    open_panel: Callable[[str], None]
    shelf: Shelf


class Panel(QWidget):
    """One experiment with everything around it; `message(text, severity)` is for the window's banner."""

    view_class: type[View]
    extends = False  # whether a finished run can go on
    replays = False  # whether a run is so short that a change runs it again at once

    message = Signal(str, object)

    def __init__(self, entry: PanelEntry, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.entry, self.desk = entry, desk
        self.setObjectName(entry.key)
        self.view: View = self.view_class()
        self.preset: Preset = panel_presets(entry.key)[0]
        self.configuration: Configuration = self.preset.configuration()
        self.player = Player(self._build, self.view.unit, self.view.interval, self)
        self._hovered: str | None = None
        self._switched_off: tuple[str, ...] = ()  # lanes that stay in the list, to be switched on again
        self._words_at = 0.0
        self._make_widgets()
        self._lay_out()
        self._connect()
        self._add_shortcuts()

    def _build(self, configuration: Configuration) -> Experiment:
        return build(configuration, self.desk.dataset, self.desk.threads)

    # Widgets.

    def _make_widgets(self) -> None:
        self.presets = QComboBox(self)
        self.presets.setObjectName("preset")
        self.presets.setAccessibleName("preset")
        # A long title does not widen the column.
        self.presets.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        for found in panel_presets(self.entry.key):
            self.presets.addItem(found.title, found.name)
            self.presets.setItemData(self.presets.count() - 1, tip(f"{found.name}: {found.shows}"), _TIP)
        self.lanes, self.form, self.notes = LaneList(self), Form(self), Notes(self)
        self.transport = Transport(self.view.speeds, self)
        self.transport.set_speeds(self.view.speeds, self.view.speed)
        self.player.set_speed(self.view.speed)
        self._title = QLabel(self)
        self._title.setProperty("role", "title")
        self._said = ElidedLabel(parent=self)
        self._said.setObjectName("said")
        self._said.setProperty("role", "muted")
        self._said.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.extend = QPushButton(f"Go on: +{_MORE:,}", self)
        self.extend.setObjectName("extend")
        self.extend.setToolTip(tip(f"Go on for {_MORE:,} iterations more"))
        self.extend.hide()

    def _lay_out(self) -> None:
        middle = QVBoxLayout()
        middle.setSpacing(0)
        head = row_of(self._title, self._said, self.extend, spacing=16, margins=(16, 6, 12, 4))
        head.setStretchFactor(self._said, 1)
        head.addStrut(_HEAD)
        middle.addLayout(head)
        middle.addWidget(self.view, 1)
        self.middle = QWidget(self)
        self.middle.setObjectName("middle")
        self.middle.setLayout(middle)
        columns = QHBoxLayout()
        columns.setSpacing(0)
        columns.addWidget(self._make_form_column())
        columns.addWidget(self.middle, 1)
        columns.addWidget(self.notes)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addLayout(columns, 1)
        whole.addWidget(self.transport)

    def _make_form_column(self) -> QScrollArea:
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(14, 12, 10, 12)
        column.setSpacing(10)
        column.addWidget(self.presets)
        for widget in self._form_parts():
            column.addWidget(widget)
        column.addStretch(1)
        area = QScrollArea(self)
        area.setObjectName("form")
        area.setAccessibleName("form")
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidgetResizable(True)
        area.setFixedWidth(FORM_WIDTH)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(body)
        return area

    def _form_parts(self) -> list[QWidget]:
        return [self.lanes, self.form]

    def _connect(self) -> None:
        self.presets.activated.connect(self._choose_preset)
        self.form.changed.connect(self.edit)
        self.lanes.changed.connect(self.edit)
        self.lanes.toggled.connect(self._toggle_lanes)
        self.lanes.hovered.connect(self._highlight)
        self.view.edited.connect(self.edit)
        self.extend.clicked.connect(self._extend)
        bar = self.transport
        bar.restart_clicked.connect(self.restart)
        bar.back_clicked.connect(lambda: self.player.back())
        bar.play_clicked.connect(lambda: self.player.toggle())
        bar.step_clicked.connect(lambda: self.player.step())
        bar.seek.connect(lambda position: self.player.seek(position))
        bar.speed_changed.connect(lambda speed: self.player.set_speed(speed))
        self._connect_player(self.player)

    def _connect_player(self, player: Player) -> None:
        player.shown.connect(self.show_frame)
        player.state_changed.connect(self._show_state)
        player.failed.connect(self._fail)

    def _disconnect_player(self, player: Player) -> None:
        player.shown.disconnect(self.show_frame)
        player.state_changed.disconnect(self._show_state)
        player.failed.disconnect(self._fail)

    def _add_shortcuts(self) -> None:
        keys = {
            Qt.Key.Key_Space: self.transport.play,
            Qt.Key.Key_Right: self.transport.step,
            Qt.Key.Key_Left: self.transport.back,
            Qt.Key.Key_Home: self.transport.restart,
        }
        for key, button in keys.items():
            shortcut = QShortcut(QKeySequence(key), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.setAutoRepeat(key in (Qt.Key.Key_Right, Qt.Key.Key_Left))
            shortcut.activated.connect(button.click)

    # Configurations.

    def open_preset(self, name: str) -> None:
        """Show a preset with its own values."""
        self.start(PRESETS[name].configuration())

    def start(self, configuration: Configuration) -> None:
        """Show a configuration, from its beginning, without a way to undo it."""
        self._install(configuration)
        self.player.load(configuration)

    def _install(self, configuration: Configuration) -> None:
        """Make the widgets show a configuration."""
        other = configuration.preset != self.configuration.preset or not self._title.text()
        self.configuration, self.preset = configuration, PRESETS[configuration.preset]
        self.presets.setCurrentIndex(self.presets.findData(self.preset.name))
        self._title.setText(self.preset.title)
        if other:
            self._said.setText("")
            self._switched_off = ()
        self.form.show_configuration(configuration)
        self._show_lanes()
        self.view.show_configuration(configuration, self.preset)
        self._show_notes()

    def _show_lanes(self) -> None:
        options = lane_options(self.configuration, self.preset.axis, self._switched_off)
        self.lanes.setVisible(bool(options))
        if options:
            active = [lane.name for lane in self.lanes_in_force()]
            self.lanes.show_lanes(options, active, self.configuration)
            self._highlight(self._hovered)
            hint = OWN_NAMES.get(self.preset.axis)
            self.lanes.allow_custom(declared(self.configuration, "lanes") if hint else None, hint or "")

    def _show_notes(self) -> None:
        rules = list(FORMULAS.get(self.preset.axis, ()))
        if self.preset.uses_images or self.preset.axis is Axis.OPTIMIZER:
            own_colours = self.preset.axis is Axis.OPTIMIZER
            for rule in dict.fromkeys(OPTIMIZERS[lane.optimizer] for lane in self.lanes_in_force()):
                rules.append((rule.label, rule.colour if own_colours else "", rule.formula))
        self.notes.show_text(self.preset.look_for, rules)

    def lanes_in_force(self) -> tuple[Lane, ...]:
        """Return the lanes that are on."""
        return lanes_of(self.configuration.values, self.preset.axis)

    def edit(self, key: str, value: Any) -> None:
        """Change a parameter, as the user asked in form, lane list or picture; it can be undone."""
        try:
            changes = linked(self.configuration.values, {key: value}, self.preset.axis)
            after = self.configuration.replace(changes)
        except ParameterError as error:
            self.message.emit(str(error), Severity.WARNING)
            self.form.show_configuration(self.configuration)  # values that do not go together are not in force
            return
        if after.values != self.configuration.values:
            parameter = declared(self.configuration, key)
            self._push(f"{_full_label(parameter)} = {parameter.text(after[key])}", after, key)

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
        run = kept.run
        if run is None:
            return False
        self._install(configuration)
        self.player.load(run.configuration, saved=run, parking=parking.put)
        self._said.setText(f"back in the run before, at iteration {run.position:,}")
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
        return running and set(names) <= {lane.name for lane in frame.lanes}

    def _can_go_on(self, changed: list[str]) -> bool:
        live = all(declared(self.configuration, key).live for key in changed)
        return live and not self.is_eager and self.player.status.position > 0

    def _go_on(self, changed: list[str]) -> None:
        for key in changed:
            self.player.change(key, self.configuration[key])
        self._said.setText(f"{self._changes_text(changed)} from iteration {self.player.status.position:,} on")

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
        self.player.branch(at, values, parking.put if parking else None)
        self._said.setText(f"branched at {at:,}: {self._changes_text(changed)}")

    def _run_anew(self, changed: list[str], parking: Parked | None = None, paused: bool = False) -> None:
        ran = self.player.status.position > 0 and not self.is_eager
        play = (self.player.playing and not self.is_eager) or (ran and self.replays and bool(changed))
        play = play and not paused
        park = parking.put if parking and ran else None
        self.player.load(self.configuration, play=play, keep_cursor=self.is_eager, parking=park)
        if changed and (ran or self._said.text()):
            self._said.setText(f"restarted with {self._changes_text(changed)}")
        elif not changed:
            self._said.setText("")

    def _changes_text(self, changed: list[str]) -> str:
        """Write what was changed, without the lanes where they only follow from it."""
        told = [key for key in changed if key != "lanes"] or changed
        found = [declared(self.configuration, key) for key in told]
        return ", ".join(f"{_full_label(p)} = {p.text(self.configuration[p.key])}" for p in found)

    @property
    def is_eager(self) -> bool:
        """Whether the whole record is computed at once, so that a change redraws it in place."""
        return self.preset.eager

    def _highlight(self, lane: str | None) -> None:
        """Bring the lane under the mouse to the fore, if it is on."""
        self._hovered = lane
        self.view.highlight(lane if lane in self.lanes.active() else None)

    def _toggle_lanes(self, names: tuple[str, ...]) -> None:
        self._switched_off = tuple(name for name in self.lanes.names() if name not in names)
        self.edit("lanes", names)

    def _choose_preset(self) -> None:
        name = self.presets.currentData()
        if name != self.preset.name:
            self._push(f"preset {name}", PRESETS[name].configuration())

    # Running.

    def restart(self) -> None:
        """Go back to the start: of the record where it is complete, else of a new run with the values in force."""
        if self.is_eager:
            self.player.stop()
            self.player.seek(0)
        elif self.player.status.position:
            self._push("restart", self.configuration, anew=True)
        else:
            self.player.load(self.configuration)
            self._said.setText("")

    def _extend(self) -> None:
        self.edit("iterations", self.player.status.total + _MORE)
        self.player.go_on()

    def _redraw(self) -> None:
        if self.player.frame is not None:
            self.show_frame(self.player.frame, self.player.shown_position)

    def show_frame(self, frame: Any, cursor: int) -> None:
        """Draw a frame, and say how the lanes fare."""
        self.view.say("")
        self.view.show_frame(frame, cursor)
        now = time.perf_counter()
        if not self.player.playing or now - self._words_at > _WORDS_SECONDS:  # nobody reads faster
            self._words_at = now
            self._show_words(frame, cursor)

    def _show_words(self, frame: Any, cursor: int) -> None:
        listed = self.lanes.names()  # a frame may be of the run before the present one
        for name, status in self.view.lane_statuses(frame, cursor).items():
            if name in listed:
                self.lanes.set_status(name, status.text, status.severity)
        if self.notes.isVisible():
            self.notes.show_numbers(self.view.numbers(frame, cursor))

    def _show_state(self, state: TransportState) -> None:
        self.transport.show_status(state)
        can_extend = self.extends and state.phase is Phase.FINISHED and state.total == state.head
        if self.extend.isVisible() != can_extend:
            self.extend.setVisible(can_extend)

    def _fail(self, error: str) -> None:
        self.view.say(f"This run could not go on.\n{error}\n\nChange a parameter or restart (Home).")
        self.message.emit(f"{self.entry.title}: {error}", Severity.ERROR)

    def shown_frame(self) -> Any:
        """Return the frame on screen, None before the first."""
        return self.player.frame

    def run_configuration(self) -> Configuration:
        """Return what reproduces the run on screen, its changes in mid-run included."""
        found = self.player.status.configuration
        return self.configuration if found is None else found

    # Looks and life.

    def set_theme(self, found: theme.Theme) -> None:
        """Follow the theme."""
        self.view.set_theme(found)

    def set_notes_shown(self, shown: bool) -> None:
        """Fold the notes away, or show them."""
        self.notes.setVisible(shown)
        self._redraw()

    def showEvent(self, event: QShowEvent) -> None:
        """Display only what is visible."""
        super().showEvent(event)
        self.player.set_active(self, True, self.view.interval)

    def hideEvent(self, event: QHideEvent) -> None:
        """Stop drawing; a run goes on."""
        super().hideEvent(event)
        self.player.set_active(self, False)

    # Sessions.

    @property
    def own_player(self) -> Player:
        """The player of the panel's own run."""
        return self.player

    def view_state(self) -> dict[str, Any]:
        """Return, as plain data, what is shown of the run: the moment, the speed, lanes that are switched off."""
        player = self.own_player
        speed = self.transport.speed.currentData()
        return {"cursor": player.rewound, "speed": speed, "off": list(self._switched_off)}

    def resume(self, configuration: Configuration, run: SavedRun | None, view: Mapping[str, Any]) -> None:
        """Show a configuration and go on with a run of it, as `view_state` described it."""
        self._install(configuration)
        off = view.get("off")
        if isinstance(off, list) and all(isinstance(name, str) for name in off):
            self._switched_off = tuple(off)
            self._show_lanes()
        speed = view.get("speed")
        if speed in self.view.speeds:
            self.transport.set_speeds(self.view.speeds, speed)
            self.player.set_speed(speed)
        self.own_player.load(run.configuration if run else configuration, saved=run)
        cursor = view.get("cursor")
        self.own_player.cursor = cursor if isinstance(cursor, int) and cursor >= 0 else None
        self._said.setText(f"opened at iteration {run.position:,}" if run else "")

    def close_engine(self) -> None:
        """End the engine's thread."""
        self.player.close()


def _full_label(parameter: Parameter) -> str:
    """Name a parameter, an optimizer's own with the optimizer."""
    rule = OPTIMIZERS.get(parameter.key.partition(".")[0])
    return f"{rule.label} {parameter.label}" if rule else parameter.label
