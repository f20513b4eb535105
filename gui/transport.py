"""The transport bar, the same under every panel: restart, back, play, step, timeline, speed and what they did.

It holds no state of a run: it shows the TransportState that it is given and reports what was pressed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPalette
from PySide6.QtWidgets import QComboBox, QFrame, QLabel, QStyle, QWidget

from gui.widgets import CalmWheel, IconButton, OwnKeys, Slider, row_of, tip

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QPaintEvent

SPEEDS: tuple[float | None, ...] = (1, 2, 5, 10, 30, 60, 100, 1000, None)
_TIMELINE_TIP = "Drag to any recorded moment"
_RATE_UNITS = {"iteration": "it/s"}


class Phase(Protocol):
    """A runner's phase, as far as buttons care: an enum member or anything else with that name."""

    @property
    def name(self) -> str:
        """IDLE, RUNNING, PAUSED, FINISHED or FAILED."""
        ...


class Enabled(NamedTuple):
    """Which of the transport's controls can be used."""

    restart: bool
    back: bool
    play: bool
    step: bool
    timeline: bool


@dataclass(frozen=True, slots=True)
class TransportState:
    """What the bar shows: `cursor` is on screen, `head` the last that is recorded, `total` the end (None: endless).

    `rate` is in units per second, None where nothing runs; `seconds_left` None where it is not known. `branches` are
    the moments from which the run went another way than before.
    """

    phase: Phase | str
    unit: str = "iteration"
    cursor: int = 0
    head: int = 0
    total: int | None = None
    rate: float | None = None
    seconds_left: float | None = None
    timeline_enabled: bool = True
    branches: tuple[int, ...] = ()


def enabled(phase: Phase | str, cursor: int, head: int, total: int | None) -> Enabled:
    """Return which controls can be used.

    Going back needs something before the cursor, going on something after it: recorded, or still to be computed. What
    is finished can be played again. A running experiment is paused before it is stepped; a failed one can be looked
    through and restarted.
    """
    name = _name(phase)
    running = name == "RUNNING"
    computable = name in ("IDLE", "PAUSED") and (total is None or head < total)
    onward = cursor < head or computable
    return Enabled(
        restart=head > 0 or name in ("RUNNING", "FAILED"),
        back=cursor > 0 and not running,
        play=running or onward or (name == "FINISHED" and head > 0),
        step=onward and not running,
        timeline=head > 0,
    )


def position_text(unit: str, cursor: int, total: int | None) -> str:
    """Return `iteration 812 / 2,000`."""
    return f"{unit} {cursor:,}" + ("" if total is None else f" / {total:,}")


def rate_text(unit: str, rate: float | None) -> str:
    """Return `1.2 k it/s`, or nothing without a rate."""
    if rate is None:
        return ""
    value, prefix = (rate / 1000, "k ") if rate >= 1000 else (rate, "")
    digits = 0 if value >= 10 else 1
    return f"{value:.{digits}f} {prefix}{_RATE_UNITS.get(unit, f'{unit}s/s')}"


def time_text(seconds: float | None) -> str:
    """Return `0:07 left`, or nothing where it is not known."""
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02} left" if hours else f"{minutes}:{rest:02} left"


def speed_text(speed: float | None) -> str:
    """Return `30 / s`, or what stands for no limit."""
    return "max speed" if speed is None else f"{speed:,g} / s"


class Timeline(Slider):
    """From 0 to the end of the run; what is recorded is filled, and only that can be reached."""

    sought = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("timeline")
        self.setAccessibleName("timeline")
        self.setToolTip(tip(_TIMELINE_TIP))
        self._head = self._cursor = 0
        self._branches: tuple[int, ...] = ()
        self.valueChanged.connect(self._seek)

    def show_span(self, cursor: int, head: int, end: int) -> None:
        """Place the cursor, unless it is being dragged, without a signal."""
        if (head, end) != (self._head, self.maximum()):
            self._head = head
            self.blockSignals(True)
            self.setRange(0, end)
            self.setSingleStep(1)
            self.setPageStep(max(1, end // 20))
            self.blockSignals(False)
            self.update()
        self._cursor = cursor if not self.isSliderDown() else self._cursor
        if self._cursor != self.value():
            self.blockSignals(True)
            self.setValue(self._cursor)
            self.blockSignals(False)

    def show_branches(self, branches: tuple[int, ...]) -> None:
        """Mark where the run branched off from what it had done before."""
        if branches != self._branches:
            self._branches = branches
            words = "".join(f"\nbranched at {place:,}" for place in branches)
            self.setToolTip(tip(f"{_TIMELINE_TIP}{words}"))
            self.update()

    def _seek(self, value: int) -> None:
        """Stop at what is recorded, and report a new place once."""
        if value > self._head:
            self.setValue(self._head)
        elif value != self._cursor:
            self._cursor = value
            self.sought.emit(value)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the whole run, the recorded part, the part up to the cursor, and the handle."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        radius, middle = 7.0, self.height() / 2
        ends = [self._x(value) for value in (self.maximum(), self._head, self.value())]
        roles = [QPalette.ColorRole.Mid, QPalette.ColorRole.Dark, QPalette.ColorRole.Highlight]
        for end, role in zip(ends, roles, strict=True):
            painter.setBrush(self.palette().color(role))
            painter.drawRoundedRect(QRectF(radius - 2, middle - 2, end - radius + 4, 4), 2, 2)
        painter.setBrush(self.palette().color(QPalette.ColorRole.WindowText))
        for place in self._branches:
            painter.drawRoundedRect(QRectF(self._x(place) - 1, middle - 7, 2, 14), 1, 1)
        if self.isEnabled():
            self._draw_handle(painter, ends[-1], middle, radius)
        painter.end()

    def _draw_handle(self, painter: QPainter, x: float, middle: float, radius: float) -> None:
        if self.hasFocus():
            painter.setBrush(self.palette().color(QPalette.ColorRole.Link))
            painter.drawEllipse(QRectF(x - radius, middle - radius, 2 * radius, 2 * radius))
        inner = radius - 2
        role = QPalette.ColorRole.Base if self.hasFocus() else QPalette.ColorRole.Highlight
        painter.setBrush(self.palette().color(role))
        painter.drawEllipse(QRectF(x - inner, middle - inner, 2 * inner, 2 * inner))

    def _x(self, value: int) -> float:
        handle = self.style().pixelMetric(QStyle.PixelMetric.PM_SliderLength, None, self)
        return handle / 2 + (self.width() - handle) * value / max(1, self.maximum())


class _Speed(OwnKeys, CalmWheel, QComboBox):
    """A combo box that keeps Space, Home and End to itself while it has the keyboard."""

    own_keys = (Qt.Key.Key_Space, Qt.Key.Key_Home, Qt.Key.Key_End, Qt.Key.Key_Up, Qt.Key.Key_Down)


class Transport(QFrame):
    """The bar itself. Shortcuts are the panel's; a button that has the keyboard takes Space for itself."""

    restart_clicked = Signal()
    back_clicked = Signal()
    play_clicked = Signal()
    step_clicked = Signal()
    seek = Signal(int)
    speed_changed = Signal(object)  # units per second, or None: as fast as possible

    def __init__(self, speeds: Sequence[float | None] = SPEEDS, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state: TransportState | None = None
        self._running = False
        self._longest = ""
        self._make_buttons()
        self.timeline = Timeline(self)
        self.timeline.sought.connect(self.seek)
        self.speed = _Speed(self)
        self.speed.setObjectName("speed")
        self.speed.setAccessibleName("speed")
        self.speed.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.speed.setToolTip(tip("Speed: how many a second, or as fast as possible"))
        self.speed.currentIndexChanged.connect(self._choose_speed)
        self.set_speeds(speeds)
        self._make_readouts()
        self._lay_out()
        self.show_status(TransportState("IDLE"))

    def set_speeds(self, speeds: Sequence[float | None], chosen: float | None = None) -> None:
        """Offer these speeds (None: as fast as possible) and choose one of them, without a signal."""
        self.speed.blockSignals(True)
        self.speed.clear()
        for speed in speeds:
            self.speed.addItem(speed_text(speed), speed)
        self.speed.setCurrentIndex(list(speeds).index(chosen))
        self.speed.blockSignals(False)

    def show_status(self, state: TransportState) -> None:
        """Show a run's state; called once a frame, so only what changed is touched."""
        if state == self._state:
            return
        self._state = state
        able = enabled(state.phase, state.cursor, state.head, state.total)
        for button, use in zip((self.restart, self.back, self.play, self.step), able[:4], strict=True):
            if button.isEnabled() != use:
                button.setEnabled(use)
        self._show_running(_name(state.phase) == "RUNNING")
        self.timeline.setEnabled(able.timeline and state.timeline_enabled)
        self.timeline.show_branches(state.branches)
        self.timeline.show_span(state.cursor, state.head, max(1, state.head, state.total or 0))
        self._show_readouts(state)

    def _show_running(self, running: bool) -> None:
        if running != self._running:
            self._running = running
            self.play.set_icon(*(("pause", "Pause (Space)") if running else ("play", "Play (Space)")))

    def _show_readouts(self, state: TransportState) -> None:
        highest = max(9999, 10 ** len(str(state.head)) - 1) if state.total is None else state.total
        self._make_room(position_text(state.unit, highest, state.total))
        texts = (
            position_text(state.unit, state.cursor, state.total),
            rate_text(state.unit, state.rate),
            time_text(state.seconds_left),
        )
        for label, text in zip(self._readouts, texts, strict=True):
            if label.text() != text:
                label.setText(text)

    def _make_room(self, longest: str) -> None:
        """Give the readout the width of its longest text, so that it stands still while it counts."""
        if longest != self._longest:
            self._longest = longest
            self._readouts[0].setFixedWidth(self.fontMetrics().horizontalAdvance(longest))

    def _choose_speed(self) -> None:
        self.speed_changed.emit(self.speed.currentData())

    def _make_buttons(self) -> None:
        self.restart = IconButton("restart", "Restart (Home)", parent=self)
        self.back = IconButton("back", "Step back (←)", parent=self)
        self.play = IconButton("play", "Play (Space)", colour="accent_text", parent=self)
        self.play.setProperty("primary", True)
        self.play.setFixedSize(36, 36)
        self.step = IconButton("step", "Step (→)", parent=self)
        for name in ("restart", "back", "play", "step"):
            button: IconButton = getattr(self, name)
            button.setObjectName(name)
            button.clicked.connect(getattr(self, f"{name}_clicked"))

    def _make_readouts(self) -> None:
        widest = ("", "888 k it/s", "8:88:88 left")
        self._readouts = [QLabel(self) for _ in widest]
        for label, text, name in zip(self._readouts, widest, ("position", "rate", "time left"), strict=True):
            label.setObjectName(f"readout-{name.replace(' ', '-')}")
            label.setAccessibleName(name)
            label.setFixedWidth(label.fontMetrics().horizontalAdvance(text))
            label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        for label in self._readouts[1:]:
            label.setProperty("role", "muted")

    def _lay_out(self) -> None:
        buttons = row_of(self.restart, self.back, self.play, self.step, spacing=4)
        row = row_of(spacing=12, margins=(12, 6, 12, 6))
        row.addLayout(buttons)
        row.addWidget(self.timeline, 1)
        for widget in (*self._readouts, self.speed):
            row.addWidget(widget)
        self.setLayout(row)


def _name(phase: Phase | str) -> str:
    return phase if isinstance(phase, str) else phase.name
