"""The transport bar: which controls can be used when, what it says, and real clicks, keys and drags."""

from __future__ import annotations

import subprocess
import sys
from enum import Enum, auto
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QWidget

from gui.transport import (
    SPEEDS,
    Enabled,
    Transport,
    TransportState,
    enabled,
    position_text,
    rate_text,
    speed_text,
    time_text,
)

BUTTONS = ("restart", "back", "play", "step")
IDLE, RUNNING, PAUSED, FINISHED, FAILED = "IDLE", "RUNNING", "PAUSED", "FINISHED", "FAILED"


class Phase(Enum):
    PAUSED = auto()


# phase, cursor, head, total, and which of restart, back, play, step, timeline can be used
TABLE = [
    (IDLE, 0, 0, 100, "play step"),
    (IDLE, 0, 0, None, "play step"),
    (IDLE, 0, 0, 0, ""),
    (RUNNING, 0, 0, 100, "restart play"),
    (RUNNING, 50, 50, 100, "restart play timeline"),
    (RUNNING, 20, 50, 100, "restart play timeline"),
    (PAUSED, 0, 50, 100, "restart play step timeline"),
    (PAUSED, 50, 50, 100, "restart back play step timeline"),
    (PAUSED, 50, 50, None, "restart back play step timeline"),
    (PAUSED, 100, 100, 100, "restart back timeline"),
    (FINISHED, 100, 100, 100, "restart back play timeline"),
    (FINISHED, 40, 100, 100, "restart back play step timeline"),
    (FINISHED, 0, 100, 100, "restart play step timeline"),
    (FAILED, 0, 0, 100, "restart"),
    (FAILED, 30, 30, 100, "restart back timeline"),
    (FAILED, 20, 30, 100, "restart back play step timeline"),
]


@pytest.mark.parametrize(("phase", "cursor", "head", "total", "usable"), TABLE)
def test_what_can_be_used_follows_from_the_phase(phase, cursor, head, total, usable):
    assert enabled(phase, cursor, head, total) == Enabled(*(name in usable.split() for name in Enabled._fields))


def test_a_phase_may_be_an_enum_member():
    assert enabled(Phase.PAUSED, 1, 2, 3) == enabled("PAUSED", 1, 2, 3)


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (position_text("iteration", 812, 2000), "iteration 812 / 2,000"),
        (position_text("step", 1234567, None), "step 1,234,567"),
        (rate_text("iteration", 1234.0), "1.2 k it/s"),
        (rate_text("iteration", 12_345.0), "12 k it/s"),
        (rate_text("step", 30.0), "30 steps/s"),
        (rate_text("layer", 0.5), "0.5 layers/s"),
        (rate_text("step", None), ""),
        (time_text(7.2), "0:07 left"),
        (time_text(61), "1:01 left"),
        (time_text(3661), "1:01:01 left"),
        (time_text(None), ""),
        (speed_text(30), "30 / s"),
        (speed_text(None), "max speed"),
    ],
)
def test_numbers_are_said_shortly(said, text):
    assert said == text


@pytest.fixture
def bar(qtbot):
    window = QWidget()
    made = Transport(parent=window)
    made.outer = window
    made.heard = []
    for name in BUTTONS:
        getattr(made, f"{name}_clicked").connect(lambda name=name: made.heard.append(name))
    made.seek.connect(lambda place: made.heard.append(place))
    made.speed_changed.connect(lambda speed: made.heard.append(("speed", speed)))
    qtbot.addWidget(window)
    window.resize(1000, 48)
    made.resize(1000, 48)
    window.show()
    made.show_status(TransportState(PAUSED, "step", 5, 10, 20))
    return made


@pytest.mark.parametrize("name", BUTTONS)
def test_a_button_is_clicked_and_pressed_with_space(qtbot, bar, name):
    button = bar.findChild(QWidget, name)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.keyClick(button, Qt.Key.Key_Space)
    assert bar.heard == [name, name]
    assert button.accessibleName()


def test_a_status_is_shown_without_signals(bar):
    bar.show_status(TransportState(RUNNING, "iteration", 812, 812, 2000, 1234.0, 7.0))
    readouts = [bar.findChild(QWidget, f"readout-{name}").text() for name in ("position", "rate", "time-left")]
    assert readouts == ["iteration 812 / 2,000", "1.2 k it/s", "0:07 left"]
    assert [bar.findChild(QWidget, name).isEnabled() for name in BUTTONS] == [True, False, True, False]
    assert (bar.timeline.value(), bar.timeline.maximum()) == (812, 2000)
    assert bar.heard == []


def test_play_becomes_pause_while_running(bar):
    assert bar.play.accessibleName() == "Play (Space)"
    bar.show_status(TransportState(RUNNING, "step", 5, 10, 20))
    assert bar.play.accessibleName() == "Pause (Space)"


def test_the_timeline_is_moved_with_keys_and_stops_at_what_is_recorded(qtbot, bar):
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Left, Qt.Key.Key_End, Qt.Key.Key_Right, Qt.Key.Key_Home):
        qtbot.keyClick(bar.timeline, key)
    assert bar.heard[:2] == [6, 5]
    assert bar.timeline.value() == 0
    assert max(bar.heard) <= 10


def test_the_timeline_is_dragged_live_and_a_status_does_not_pull_it_away(qtbot, bar):
    timeline = bar.timeline
    middle = timeline.height() // 2
    left, press = Qt.MouseButton.LeftButton, timeline.width() // 4
    qtbot.mousePress(timeline, left, pos=QPoint(press, middle))
    assert timeline.value() == 5
    for share in (0.1, 0.3, 0.9, 1.0):
        qtbot.mouseMove(timeline, QPoint(round((timeline.width() - 1) * share), middle))
    assert timeline.value() == 10
    bar.show_status(TransportState(PAUSED, "step", 2, 10, 20))
    assert timeline.value() == 10
    qtbot.mouseRelease(timeline, left, pos=QPoint(timeline.width() - 1, middle))
    assert bar.heard == [2, 6, 10]
    bar.show_status(TransportState(PAUSED, "step", 3, 10, 20))
    assert timeline.value() == 3


def test_the_timeline_can_be_locked(bar):
    bar.show_status(TransportState(PAUSED, "step", 5, 10, 20, timeline_enabled=False))
    assert not bar.timeline.isEnabled()


def test_a_speed_is_chosen(qtbot, bar):
    assert [bar.speed.itemData(i) for i in range(bar.speed.count())] == list(SPEEDS)
    assert bar.speed.currentData() is None
    bar.speed.setCurrentIndex(bar.speed.findText("30 / s"))
    qtbot.keyClick(bar.speed, Qt.Key.Key_Up)
    assert bar.heard == [("speed", 30), ("speed", 10)]
    bar.set_speeds((1, 30), 30)
    assert bar.speed.currentData() == 30
    assert len(bar.heard) == 2


def test_space_fires_once_wherever_the_keyboard_is(qtbot, bar):
    window = bar.outer
    fired = []
    for keys in ("Space", "Left", "Right", "Home"):
        QShortcut(QKeySequence(keys), window, lambda keys=keys: fired.append(keys))
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    bar.step.setFocus()
    qtbot.keyClick(bar.step, Qt.Key.Key_Space)
    bar.timeline.setFocus()
    qtbot.keyClick(bar.timeline, Qt.Key.Key_Right)
    assert (bar.heard, fired) == (["step", 6], [])
    qtbot.keyClick(bar.timeline, Qt.Key.Key_Space)
    qtbot.mouseClick(bar.play, Qt.MouseButton.LeftButton)
    qtbot.keyClick(window.focusWidget() or window, Qt.Key.Key_Space)
    assert (bar.heard, fired) == (["step", 6, "play"], ["Space", "Space"])


def test_the_bar_needs_neither_numpy_nor_pyqtgraph():
    code = "import sys, gui.theme, gui.transport, gui.errors; print({'numpy', 'pyqtgraph'} & set(sys.modules))"
    root = Path(__file__).resolve().parent.parent
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
