"""Earlier moments of a run, in every panel: dragged to, stepped to, jumped to by keys, replayed, and seen into."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication

from core.presets import PRESETS
from core.runner import Phase
from core.watching import Watch
from gui.standings import standing_at
from tests.gui_helpers import grabbed

pytest_plugins = ["tests.window"]

KEY = Qt.Key
FINISHED, PAUSED = Phase.FINISHED, Phase.PAUSED
RUNS = {
    "optimizer-mnist": {"hidden": (8, 8), "batch": 64, "lanes": ("sgd", "adam"), "iterations": 120},
    "batchnorm-grid": {"hidden": (8, 8), "iterations": 60},
    "batchnorm": {"hidden": (8, 8), "iterations": 60},
    "weight-decay": {"hidden": (8, 8), "iterations": 60},
    "random-search": {"hidden": (8,), "trials": 12, "epochs": 15, "halving": True},
}


@pytest.fixture
def ended(opened):
    """Open a preset with small networks and run it to its end."""

    def make(preset):
        user = opened(preset=preset)
        wanted = PRESETS[preset].configuration(RUNS[preset])
        user.panel.start(wanted)
        user.until(lambda: user.player.status.configuration == wanted and user.player.status.phase is PAUSED)
        user.until(lambda: user.player.settled and user.player.frame is not None)
        user.click("play")
        user.until_phase(FINISHED)
        user.until(lambda: user.find("back").isEnabled())
        return user

    return make


@pytest.fixture
def live(ended):
    """An ended run whose layers are shown in the panel Activations."""

    def make(preset, *lanes):
        user = ended(preset)
        key = user.panel.entry.key
        user.open("activations")
        user.panel.show_run(key, lanes)
        user.until(lambda: user.panel.player.settled and user.find("timeline").isEnabled())
        return user

    return make


def jump(user, position):
    """Click the timeline near a position and return what was reached."""
    QApplication.processEvents()  # what has just been opened is laid out first
    line = user.find("timeline")
    user.click(line, QPoint(round(line._x(position)), line.height() // 2))
    return user.player.shown_position


def until_exact(user, position):
    """Wait until the histograms on screen are those of this moment."""
    panel = user.panel
    user.until(lambda: all((panel._probes.at(name, position) or (None,))[0] == position for name in panel._names()))
    user.until(lambda: "shown as of" not in user.said())


def counts(statistics):
    return [layer.counts.tolist() for found in statistics for layer in found.activations]


# Histograms.


@pytest.mark.parametrize(
    ("preset", "lanes"),
    [
        ("optimizer-mnist", ("adam",)),
        ("batchnorm-grid", ("sigma-0.0464-bn", "sigma-0.0464-plain")),
        ("weight-decay", ("l2-0.1",)),
    ],
)
def test_histograms_are_those_of_a_run_that_stopped_there(live, open_run, sample, preset, lanes):
    user = live(preset, *lanes)
    at = jump(user, user.player.head // 2)
    assert 0 < at < user.player.head
    until_exact(user, at)
    run = open_run(PRESETS[preset].configuration(RUNS[preset]), sample)
    run.advance(at)
    run.watch(Watch(lanes))
    assert counts(user.panel.shown_frame().statistics) == counts(run.snapshot().probes)


def test_every_step_back_and_forth_has_its_own(live):
    user = live("optimizer-mnist", "adam")
    at, seen = jump(user, 60), []
    for key, move in ((KEY.Key_Left, -1), (KEY.Key_Left, -1), (KEY.Key_Right, 1)):
        until_exact(user, at)
        seen.append(counts(user.panel.shown_frame().statistics))
        user.press(key)
        at += move
        assert user.player.shown_position == at
    until_exact(user, at)
    assert counts(user.panel.shown_frame().statistics) == seen[1]
    assert seen[0] != seen[1] != seen[2]


def test_until_they_are_there_a_word_says_what_is_shown_and_no_plot_moves(live, monkeypatch):
    user = live("optimizer-mnist", "adam")
    until_exact(user, user.player.head)
    said, label = [], user.find("said")
    plot = user.panel.view.plots["activations of layer 1"]
    write = label.setText
    monkeypatch.setattr(label, "setText", lambda text: (said.append(text), write(text)))
    at = jump(user, 60)
    until_exact(user, at)
    assert any(text.startswith("shown as of iteration ") and text.endswith(" …") for text in said)
    assert user.said() == user.window.panels["training"].preset.title
    assert user.panel.view.plots["activations of layer 1"] is plot


def test_a_replay_shows_them_on_its_way_and_ends_at_the_head(live):
    user = live("optimizer-mnist", "adam")
    head = user.player.head
    jump(user, 0)
    until_exact(user, 0)
    user.choose("speed", "100 / s")
    user.find("play").setFocus()
    user.press(KEY.Key_Space)
    user.until(lambda: any(0 < at < head for at, _ in user.panel._probes._kept["adam"]))
    user.until(lambda: user.player.shown_position == head and not user.player.playing)
    until_exact(user, head)
    assert user.player.status.phase is FINISHED and user.player.head == head


def test_another_lane_of_the_same_moment_is_asked_for(live):
    user = live("optimizer-mnist", "adam")
    at = jump(user, 60)
    until_exact(user, at)
    user.choose("watched", "SGD")
    user.panel.watched.activated.emit(user.panel.watched.currentIndex())
    until_exact(user, at)
    assert [found.lane.name for found in user.panel.shown_frame().statistics] == ["sgd"]


def test_a_stopped_trial_says_since_when_and_shows_itself_before(live):
    user = live("random-search")
    frame = user.player.frame
    row, at = next((row, at) for row, at in enumerate(frame.stopped) if at is not None)
    user.panel.show_run("search", (frame.lanes[row].name,))
    user.until(lambda: "was stopped after" in user.panel.view._word.text() + "".join(user.panel.view._lines))
    before = jump(user, at // 2)
    assert 0 < before < at
    until_exact(user, before)
    assert [found.lane.name for found in user.panel.shown_frame().statistics] == [frame.lanes[row].name]
    assert user.panel.view._lines == ()


def test_a_diverged_lane_is_shown_as_it_was_before(user):
    user.small_race(l2=10.0, iterations=120, **{"sgd.lr": 10.0})
    user.click("play")
    user.until_phase(FINISHED)
    lost = user.player.frame.diverged[0]
    user.open("activations")
    user.panel.show_run("training", ("sgd",))
    user.until(lambda: "SGD diverged at iteration" in user.panel.view._word.text())
    user.player.seek(lost - 1)
    until_exact(user, lost - 1)
    assert user.panel.view._lines == ()
    user.press(KEY.Key_Right)
    user.until(lambda: user.panel.view._lines != ())
    assert user.panel.view._lines[0] == f"SGD diverged at iteration {lost}: shown as of iteration {lost - 1}"


def test_after_a_branch_earlier_moments_are_of_the_new_way(live):
    user = live("optimizer-mnist", "adam")
    late = jump(user, 100)
    until_exact(user, late)
    old = counts(user.panel.shown_frame().statistics)
    user.open("training")
    at = jump(user, 60)
    user.enter("adam.lr", "0.1")
    user.until(lambda: user.player.head == at)
    user.click("play")
    user.until_phase(FINISHED)
    user.open("activations")
    user.find("timeline").setFocus()
    assert jump(user, 100) == late
    until_exact(user, late)
    assert counts(user.panel.shown_frame().statistics) != old


# Every panel.


@pytest.mark.parametrize("preset", RUNS)
def test_a_step_back_shows_the_moment_before_in_every_panel_of_runs(ended, preset):
    user = ended(preset)
    head = user.player.head
    user.click("back")
    assert user.player.shown_position == head - 1
    assert user.find("readout-position").text() == f"iteration {head - 1} / {head}"
    last = grabbed(user.panel.view)
    jump(user, 0)
    assert user.player.shown_position == 0
    assert grabbed(user.panel.view) != last
    user.click("step")
    assert user.player.shown_position == 1


def test_a_step_back_works_where_everything_is_computed_at_once(user):
    for key in ("paths", "activations"):
        user.open(key)
        head = user.player.head
        user.click("back")
        assert head > 1 and user.player.shown_position == head - 1, key


def test_keys_jump_along_the_timeline(ended):
    user = ended("optimizer-mnist")
    line, reached = user.find("timeline"), []
    line.setFocus()
    for key in (KEY.Key_Home, KEY.Key_PageUp, KEY.Key_PageUp, KEY.Key_PageDown, KEY.Key_End):
        user.press(key)
        reached.append(user.player.shown_position)
    assert reached == [0, 6, 12, 6, 120]
    assert user.player.head == 120, "nothing was restarted"


def test_dragging_over_the_whole_timeline_shows_moments_on_the_way(ended):
    user = ended("optimizer-mnist")
    line, seen = user.find("timeline"), []
    user.player.shown.connect(lambda _frame, cursor: seen.append(cursor))
    middle = line.height() // 2
    user.drag(line, QPoint(round(line._x(120)), middle), QPoint(round(line._x(0)), middle), moves=8)
    assert seen == sorted(seen, reverse=True) and len(seen) > 4 and seen[-1] == 0


@pytest.mark.parametrize("speed", ["30 / s", "100 / s", "1,000 / s", "max speed"])
def test_a_replay_keeps_to_its_speed_and_ends_at_the_head(ended, speed):
    user = ended("optimizer-mnist")
    user.choose("speed", speed)
    jump(user, 100)
    seen = []
    user.player.shown.connect(lambda _frame, cursor: seen.append(cursor))
    user.find("play").setFocus()
    user.press(KEY.Key_Space)
    user.until(lambda: user.player.shown_position == 120 and not user.player.playing)
    assert seen == sorted(seen) and seen[-1] == 120
    assert speed == "1,000 / s" or len(seen) > 4, "it does not jump"


def test_a_search_is_ranked_as_it_stood_at_the_cursor(ended):
    user = ended("random-search")
    frame = user.player.frame
    at = jump(user, frame.total // 2)
    user.until(lambda: user.panel.view._standing.cursor == at)
    standing, last = user.panel.view._standing, standing_at(frame, frame.total)
    columns = int(np.searchsorted(frame.measured_at, at, "right"))
    assert standing.columns == columns < last.columns
    going = [row for row, end in enumerate(frame.stopped) if end is None or end > at]
    best = max(going, key=lambda row: frame.validation_accuracy[row, columns - 1])
    shares = frame.validation_accuracy[:, columns - 1]
    assert shares[standing.rank.tolist().index(1)] == shares[best]
    assert not np.array_equal(standing.validation, last.validation)
    QApplication.processEvents()
    grabbed(user.panel.view)
