"""The player between engine and display, without a window: head and cursor, replay, who is served, failures."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from PySide6.QtCore import QObject

from core.presets import PRESETS, build
from core.runner import Phase
from gui.player import Player

RACE = {"hidden": (6,), "batch": 8, "lanes": ("sgd",), "evaluate": 0, "iterations": 50_000}
FINISHED, PAUSED, RUNNING = Phase.FINISHED, Phase.PAUSED, Phase.RUNNING


class Watcher(QObject):
    """A widget's part: it is served while it is visible, and keeps what it hears."""

    def __init__(self, player):
        super().__init__()
        self.shown, self.states, self.failures = [], [], []
        player.shown.connect(lambda frame, cursor: self.shown.append((frame.position, cursor)))
        player.state_changed.connect(self.states.append)
        player.failed.connect(self.failures.append)
        player.set_active(self, True)


@pytest.fixture
def make(sample):
    made = []

    def player(preset, failing=False, **values):
        """A player of a preset, watched."""
        wanted = PRESETS[preset].configuration(values)
        found = Player(fail if failing else partial(build, dataset=lambda: sample, threads=1), "step", 10)
        made.append(found)
        watcher = Watcher(found)
        found.load(wanted)
        return found, watcher

    yield player
    for found in made:
        found.close()


def fail(_configuration):
    raise OSError("the disk is gone")


def settled(qtbot, player, phase):
    qtbot.waitUntil(lambda: player.status.phase is phase and player.head == player.status.position)


def test_a_complete_record_is_shown_at_its_end_and_replayed(qtbot, make):
    player, watcher = make("optimizer-paths", iterations=20)
    settled(qtbot, player, FINISHED)
    assert (player.shown_position, player.playing) == (20, False)
    player.set_speed(1000)
    watcher.shown.clear()
    player.toggle()
    qtbot.waitUntil(lambda: not player.playing)
    cursors = [cursor for _, cursor in watcher.shown]
    assert cursors[0] < 20 and cursors[-1] == 20 and cursors == sorted(cursors)
    assert player.status.phase is FINISHED


def test_a_replay_goes_on_with_the_engine_at_the_head(qtbot, make):
    player, _ = make("optimizer-mnist", **RACE)
    settled(qtbot, player, PAUSED)
    for expected in (1, 2, 3):
        player.step()
        settled(qtbot, player, PAUSED)
        assert player.head == expected
    player.set_speed(100)
    player.seek(1)
    assert (player.shown_position, player.head) == (1, 3)
    player.toggle()
    qtbot.waitUntil(lambda: player.status.phase is RUNNING and player.head > 3)
    player.stop()
    settled(qtbot, player, PAUSED)
    assert player.shown_position == player.head > 3


def test_seeking_pauses_what_runs(qtbot, make):
    player, _ = make("optimizer-mnist", **RACE)
    settled(qtbot, player, PAUSED)
    player.play()
    qtbot.waitUntil(lambda: player.head > 10)
    player.seek(4)
    settled(qtbot, player, PAUSED)
    assert player.shown_position == 4
    player.seek(-5)
    assert player.shown_position == 0
    player.seek(10**9)
    assert player.shown_position == player.head


def test_a_pause_shows_where_the_engine_stands(qtbot, make):
    """The chunk in hand ends after the pause; its frame must come too."""
    player, watcher = make("optimizer-mnist", **RACE)
    settled(qtbot, player, PAUSED)
    for _ in range(5):
        head = player.head
        player.play()
        qtbot.waitUntil(lambda head=head: player.head > head + 3)
        player.toggle()
        settled(qtbot, player, PAUSED)
        assert watcher.shown[-1] == (player.status.position, player.status.position)
        assert player.frame.loss.shape[1] == player.status.position


def test_a_speed_limits_engine_and_replay(qtbot, make):
    player, _ = make("optimizer-mnist", **RACE)
    settled(qtbot, player, PAUSED)
    player.set_speed(20.0)
    player.play()
    qtbot.waitUntil(lambda: player.status.rate is not None)
    assert 5 < player.status.rate < 40
    player.set_speed(None)
    qtbot.waitUntil(lambda: (player.status.rate or 0) > 100)


def test_the_state_tells_rate_and_time_left_only_while_running(qtbot, make):
    player, watcher = make("optimizer-mnist", **RACE)
    settled(qtbot, player, PAUSED)
    player.play()
    qtbot.waitUntil(lambda: watcher.states[-1].rate is not None)
    state = watcher.states[-1]
    assert state.phase is RUNNING and state.total == 50_000
    assert state.seconds_left == pytest.approx((50_000 - state.head) / state.rate, rel=0.5)
    player.stop()
    settled(qtbot, player, PAUSED)
    player.refresh()
    assert (watcher.states[-1].rate, watcher.states[-1].seconds_left) == (None, None)


def test_nothing_is_shown_while_nobody_looks_and_the_engine_goes_on(qtbot, make):
    player, watcher = make("optimizer-mnist", **RACE)
    settled(qtbot, player, PAUSED)
    player.play()
    qtbot.waitUntil(lambda: player.head > 3)
    player.set_active(watcher, False)
    watcher.shown.clear()
    before = player.status.position
    assert player.runner.wait(lambda status: status.position > before + 20, 5.0)
    qtbot.wait(30)
    assert watcher.shown == []
    player.set_active(watcher, True)
    qtbot.waitUntil(lambda: bool(watcher.shown))
    assert watcher.shown[-1][0] > before


def test_it_is_served_until_the_last_watcher_leaves(qtbot, make):
    player, first = make("optimizer-paths")
    second = QObject()
    player.set_active(second, True)
    player.set_active(first, False)
    settled(qtbot, player, FINISHED)
    player.set_active(second, False)
    first.shown.clear()
    player.set_active(second, True)
    qtbot.waitUntil(lambda: bool(first.shown))


def test_a_change_keeps_the_cursor_where_asked(qtbot, make):
    player, _ = make("optimizer-paths")
    settled(qtbot, player, FINISHED)
    player.seek(7)
    old = player.frame
    player.load(PRESETS["optimizer-paths"].configuration({"sgd.lr": 0.1}), keep_cursor=True)
    qtbot.waitUntil(lambda: player.frame is not old)
    assert player.shown_position == 7
    player.load(PRESETS["optimizer-paths"].configuration({"iterations": 5}), keep_cursor=True)
    qtbot.waitUntil(lambda: player.head == 5)
    assert player.shown_position == 5
    assert np.isfinite(player.frame.loss).all()


def test_a_failure_is_told_once_a_load(qtbot, make):
    player, watcher = make("optimizer-paths", failing=True)
    qtbot.waitUntil(lambda: bool(watcher.failures))
    for _ in range(5):
        player.refresh()
    assert watcher.failures == ["OSError: the disk is gone"]
    player.load(PRESETS["optimizer-paths"].configuration())
    qtbot.waitUntil(lambda: len(watcher.failures) == 2)


def test_buttons_do_nothing_harmful_before_the_first_frame(qtbot, make):
    player, watcher = make("optimizer-mnist", **RACE)
    for press in (player.back, player.step, player.toggle, player.stop, lambda: player.seek(5), player.play):
        press()
    qtbot.waitUntil(lambda: player.head > 3)
    assert watcher.failures == []


def test_a_pause_shows_at_once_though_the_engine_is_still_busy(qtbot, make):
    player, watcher = make("random-search", trials=60, hidden=(50, 50), evaluate=0, iterations=5000)
    settled(qtbot, player, PAUSED)
    player.toggle()
    qtbot.waitUntil(lambda: player.head > 0)
    player.toggle()
    assert watcher.states[-1].phase is PAUSED, "whatever the engine still does"
    player.toggle()
    assert watcher.states[-1].phase is RUNNING
    head = player.head
    qtbot.waitUntil(lambda: player.head > head)
    player.toggle()
    settled(qtbot, player, PAUSED)
