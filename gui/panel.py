"""A panel: presets, lanes and form on the left, a view's plots in the middle, notes on the right, transport below.

One class serves every experiment; what differs is its view. What becomes of the run is decided in `panel_runs`.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from core.lanes import Axis
from core.optimizers import OPTIMIZERS
from core.presets import PRESETS, build, panel_presets
from core.runner import Phase
from core.schedules import in_use
from gui.forms import Form
from gui.lane_options import OWN_NAMES, declared, lane_options
from gui.lanes import LaneList
from gui.notes import FORMULAS, WIDTH, Notes
from gui.panel_runs import MORE, Desk, PanelRuns
from gui.player import Player
from gui.reels import reel_of
from gui.theme import Severity
from gui.transport import Transport
from gui.widgets import ElidedCombo, ElidedLabel, row_of, tip

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PySide6.QtGui import QHideEvent, QShowEvent

    from core.experiments.protocol import Experiment
    from core.experiments.saved import SavedRun
    from core.figures import Preset
    from core.parameters import Configuration
    from gui import theme
    from gui.reels import Reel
    from gui.registry import PanelEntry
    from gui.transport import TransportState
    from gui.views.base import View

FORM_WIDTH = 308
_TIP = Qt.ItemDataRole.ToolTipRole
_HEAD = 30
_WORDS_SECONDS = 0.15


class Panel(PanelRuns):
    """One experiment with everything around it; `message(text, severity)` is for the window's banner."""

    view_class: type[View]

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
        self._missed = False  # whether a frame came while nobody saw the panel
        self._make_widgets()
        self._lay_out()
        self._connect()
        self._add_shortcuts()

    def _build(self, configuration: Configuration) -> Experiment:
        return build(configuration, self.desk.dataset, self.desk.threads)

    # Widgets.

    def _make_widgets(self) -> None:
        self.presets = ElidedCombo(self)
        self.presets.setObjectName("preset")
        self.presets.setAccessibleName("preset")
        for found in panel_presets(self.entry.key):
            self.presets.addItem(found.title, found.name)
            self.presets.setItemData(self.presets.count() - 1, tip(f"{found.name}: {found.shows}"), _TIP)
        self.lanes, self.form, self.notes = LaneList(self), Form(self), Notes(self)
        if self.view.section is not None:
            self.notes.add_section("Equation", self.view.section)
        self.transport = Transport(self.view.speeds, self)
        self.transport.set_speeds(self.view.speeds, self.view.speed)
        self.player.set_speed(self.view.speed)
        self._title = QLabel(self)
        self._title.setProperty("role", "title")
        self._said = ElidedLabel(parent=self)
        self._said.setObjectName("said")
        self._said.setProperty("role", "muted")
        self._said.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.extend = QPushButton(f"Go on: +{MORE:,}", self)
        self.extend.setObjectName("extend")
        self.extend.setToolTip(tip(f"Go on for {MORE:,} iterations more"))
        self.extend.hide()

    def _lay_out(self) -> None:
        middle = QVBoxLayout()
        middle.setSpacing(0)
        head = row_of(*self._head_parts(), spacing=16, margins=(16, 6, 12, 4))
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
        columns.addWidget(self._split(), 1)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addLayout(columns, 1)
        whole.addWidget(self.transport)

    def _split(self) -> QSplitter:
        """Return plots and notes, whose edge can be dragged: long formulas take less height in wider notes."""
        self._sides = QSplitter(Qt.Orientation.Horizontal, self)
        self._sides.setObjectName("sides")
        self._sides.setChildrenCollapsible(False)
        self._sides.addWidget(self.middle)
        self._sides.addWidget(self.notes)
        self._sides.setStretchFactor(0, 1)
        self._sides.setStretchFactor(1, 0)
        return self._sides

    def _make_form_column(self) -> QScrollArea:
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(14, 12, 10, 12)
        column.setSpacing(10)
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

    def _head_parts(self) -> list[QWidget]:
        return [self._title, self._said, self.extend]

    def _form_parts(self) -> list[QWidget]:
        return [self.presets, self.lanes, self.form]

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
        player.shown.connect(self._take_frame)
        player.state_changed.connect(self._show_state)
        player.failed.connect(self._fail)

    def _disconnect_player(self, player: Player) -> None:
        player.shown.disconnect(self._take_frame)
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
        rules = [*self.view.formulas(), *FORMULAS.get(self.preset.axis, ())]
        if self.preset.uses_images or self.preset.axis is Axis.OPTIMIZER:
            own_colours = self.preset.axis is Axis.OPTIMIZER
            for rule in dict.fromkeys(OPTIMIZERS[lane.optimizer] for lane in self.lanes_in_force()):
                rules.append((rule.label, rule.colour if own_colours else "", rule.formula))
        colours = {lane.name: lane.colour for lane in self.lanes_in_force()}
        found = [schedule for schedule in in_use(self.configuration.values) if schedule.source]
        rules += [(f"Schedule: {one.label}", colours.get(one.key, ""), one.formula) for one in found]
        self.notes.show_text(self.preset.look_for, rules)

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

    def _redraw(self) -> None:
        if self.player.frame is not None:
            self.show_frame(self.player.frame, self.player.shown_position)

    def _take_frame(self, frame: Any, cursor: int) -> None:
        """Show a frame; while only another panel is looked at that shows this run, it can wait."""
        self._missed = not self.isVisible()
        if not self._missed:
            self.show_frame(frame, cursor)

    def show_frame(self, frame: Any, cursor: int) -> None:
        """Draw a frame, and say how the lanes fare."""
        self.view.say("")
        self.view.show_frame(frame, cursor)
        now = time.perf_counter()
        if not self.player.playing or now - self._words_at > _WORDS_SECONDS:  # nobody reads faster
            self._words_at = now
            self._show_words(frame, cursor)

    def _show_words(self, frame: Any, cursor: int) -> None:
        found = self.view.lane_statuses(frame, cursor)  # a frame may be of the run before the present one
        for name in self.lanes.names():
            status = found.get(name)
            self.lanes.set_status(name, *((status.text, status.severity) if status is not None else ("",)))
        if self.notes.isVisible():
            self.notes.show_numbers(self.view.numbers(frame, cursor))
            self.view.explain()

    def _show_state(self, state: TransportState) -> None:
        self.transport.show_status(state)
        self._tell_way_back()
        can_extend = self.extends and state.phase is Phase.FINISHED and state.total == state.head
        if self.extend.isVisible() != can_extend:
            self.extend.setVisible(can_extend)

    def _fail(self, error: str) -> None:
        self.view.say(f"This run could not go on.\n{error}\n\nChange a parameter or restart (Home).")
        self.message.emit(f"{self.entry.title}: {error}", Severity.ERROR)

    def shown_frame(self) -> Any:
        """Return the frame on screen, None before the first."""
        return self.player.frame

    still_words = "nothing has moved yet: press Space first"  # why there is no reel

    def reel(self) -> Reel | None:
        """Return the record that an animation can show; None before the second moment."""
        frame = self.player.frame
        if frame is None or frame.position < 1 or not self.player.settled:
            return None
        return reel_of(self.configuration, self.preset, frame, self.view.unit)

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
        if self._missed:
            self._missed = False
            self._redraw()

    def hideEvent(self, event: QHideEvent) -> None:
        """Stop drawing; a run goes on."""
        super().hideEvent(event)
        self.player.set_active(self, False)

    # Sessions.

    def view_state(self) -> dict[str, Any]:
        """Return also how wide the notes are."""
        sizes = self._sides.sizes()
        return {**super().view_state(), **({"notes": sizes[1]} if sizes[1] > WIDTH else {})}

    def resume(self, configuration: Configuration, run: SavedRun | None, view: Mapping[str, Any]) -> None:
        """Make the notes as wide as they were."""
        super().resume(configuration, run, view)
        width = view.get("notes")
        if isinstance(width, int) and 0 < width < 10_000 and not isinstance(width, bool):
            self._sides.setSizes([10_000, width])

    def close_engine(self) -> None:
        """End the engine's thread."""
        self.player.close()
