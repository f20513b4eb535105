"""The race of networks, as a learner drives it: run, pause, step, scrub, change in mid-run, extend, break, mend."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt

from core.optimizers import OPTIMIZERS
from core.runner import Phase
from gui.plots import LIGHT, blend
from gui.theme import Severity
from tests.gui_helpers import grabbed, ink, small, write_idx

pytest_plugins = ["tests.window"]

KEY = Qt.Key
SLOW = {"sgd.lr": 1e-6, "momentum.lr": 1e-6}
FINISHED, PAUSED, RUNNING = Phase.FINISHED, Phase.PAUSED, Phase.RUNNING


@pytest.fixture
def first_run():
    return small()


@pytest.fixture
def race(user):
    """A small race that lasts long enough to be interrupted."""
    user.small_race(iterations=100_000, evaluate=0)
    return user


def run_to(user, position):
    user.press(KEY.Key_Space)
    user.until(lambda: user.player.head >= position)
    user.press(KEY.Key_Space)
    user.until_phase(PAUSED)


def at(user):
    return user.player.shown_position


def test_a_fresh_race_waits(user):
    user.small_race()
    assert at(user) == 0 and not user.player.playing
    assert user.find("play").isEnabled() and user.find("step").isEnabled()
    assert not user.find("back").isEnabled()


def test_space_runs_to_the_end_and_curves_are_drawn(user):
    user.small_race(iterations=120)
    user.press(KEY.Key_Space)
    user.until_phase(FINISHED)
    frame = user.player.frame
    assert frame.loss.shape == (2, 120) and np.isfinite(frame.loss).all()
    assert frame.loss[1, -20:].mean() < frame.loss[1, :20].mean()
    picture = grabbed(user.panel.view)
    for name in ("sgd", "adam"):
        assert ink(picture, LIGHT.lane(OPTIMIZERS[name].colour)) > 50
        assert user.lane_status(name).startswith(f"{frame.smoothed[frame_row(frame, name), -1]:.3f}")
    assert user.find("readout-position").text() == "iteration 120 / 120"


def frame_row(frame, name):
    return [lane.name for lane in frame.lanes].index(name)


def test_pause_stops_and_play_goes_on_from_there(race):
    run_to(race, 5)
    here, loss = at(race), race.player.frame.loss.copy()
    assert race.player.status.position == here
    run_to(race, here + 5)
    assert np.array_equal(race.player.frame.loss[:, :here], loss)


def test_a_step_is_one_update_exactly(race):
    race.click("step")
    race.until_phase(PAUSED)
    assert at(race) == 1
    run_to(race, 5)
    for _ in range(3):
        here = at(race)
        race.press(KEY.Key_Right)
        race.until(lambda here=here: at(race) > here)
        race.until_phase(PAUSED)
        assert at(race) == race.player.status.position == here + 1


def test_a_step_back_moves_only_the_cursor(race):
    run_to(race, 5)
    head = race.player.head
    race.press(KEY.Key_Left)
    race.press(KEY.Key_Left)
    assert (at(race), race.player.head, race.player.status.position) == (head - 2, head, head)
    race.press(KEY.Key_Right)
    assert (at(race), race.player.status.position) == (head - 1, head)


def test_the_timeline_scrubs_the_curves(user):
    user.small_race(iterations=400)
    user.press(KEY.Key_Space)
    user.until_phase(FINISHED)
    whole = ink(grabbed(user.panel.view.graphics), LIGHT.lane(OPTIMIZERS["adam"].colour))
    bar = user.find("timeline")
    user.click(bar, QPoint(bar.width() // 8, bar.height() // 2))
    assert at(user) == pytest.approx(50, abs=4)
    assert user.lane_status("adam").startswith(f"{user.player.frame.smoothed[1, at(user) - 1]:.3f}")
    assert ink(grabbed(user.panel.view.graphics), LIGHT.lane(OPTIMIZERS["adam"].colour)) < whole / 2
    user.press(KEY.Key_Space)
    user.until(lambda: at(user) > 60)


def test_the_timeline_reaches_only_what_is_recorded(race):
    run_to(race, 5)
    bar, head = race.find("timeline"), at(race)
    race.click(bar, QPoint(bar.width() - 3, bar.height() // 2))
    assert (at(race), race.player.status.position, race.player.status.phase) == (head, head, PAUSED)


def test_home_starts_a_new_run_with_the_same_numbers(race):
    run_to(race, 5)
    loss = race.player.frame.loss[:, :5].copy()
    race.press(KEY.Key_Home)
    race.until(lambda: race.player.head == 0)
    run_to(race, 5)
    assert np.array_equal(race.player.frame.loss[:, :5], loss)


# Changes in mid-run.


def test_a_learning_rate_changes_in_mid_run_and_the_run_goes_on(race):
    loads = race.player.status.loads
    race.press(KEY.Key_Space)
    race.until(lambda: race.player.head > 5)
    race.enter("sgd.lr", "0.05")
    race.until(lambda: len(race.player.frame.changes) == 1)
    change = race.player.frame.changes[0]
    assert (change.key, change.value) == ("sgd.lr", 0.05) and change.iteration > 5
    assert race.player.status.loads == loads and race.player.status.phase is RUNNING
    assert race.said().startswith("SGD learning rate = 0.05 from iteration ")
    assert race.panel.run_configuration().changes == race.player.frame.changes


def test_a_change_while_paused_is_marked_where_the_run_stands(race):
    run_to(race, 5)
    here = at(race)
    race.enter("adam.lr", "0.1")
    race.until(lambda: len(race.player.frame.changes) == 1)
    assert race.player.frame.changes[0].iteration == at(race) == here
    assert race.said() == f"Adam learning rate = 0.1 from iteration {here:,} on"
    race.panel.setFocus()
    race.control(KEY.Key_Z)
    race.until(lambda: race.player.frame.changes == ())  # as if nothing had been changed


def test_another_structure_restarts_and_says_so(race):
    labels = {"hidden": "hidden layers", "seed": "seed", "batch": "mini-batch", "evaluate": "evaluate"}
    for key, text in (("hidden", "6"), ("seed", "3"), ("batch", "20"), ("evaluate", "2")):
        race.panel.setFocus()
        run_to(race, 5)
        race.enter(key, text)
        assert race.said() == f"restarted with {labels[key]} = {text}"
        race.until(lambda: race.player.head == 0 and race.player.status.phase is PAUSED)


def test_a_restart_while_running_runs_on(race):
    race.press(KEY.Key_Space)
    race.until(lambda: race.player.head > 5)
    race.click("batchnorm")
    loads = race.player.status.loads
    race.until(lambda: race.player.status.phase is RUNNING and race.player.head > 5)
    assert race.player.status.loads == loads
    assert race.panel.run_configuration()["batchnorm"] is True


def test_hiding_a_lane_leaves_the_run_and_bringing_another_restarts_it(race):
    run_to(race, 5)
    here, loads = at(race), race.player.status.loads
    race.aside()
    colour = LIGHT.lane(OPTIMIZERS["adam"].colour)
    drawn = ink(grabbed(race.panel.view), colour)
    race.click("lane-adam")
    race.aside()
    assert ink(grabbed(race.panel.view), colour) < drawn / 4, "the edges of another lane's curve may look like it"
    race.click("lane-adam")
    assert (at(race), race.player.status.loads) == (here, loads)
    race.click("lane-momentum")
    race.until(lambda: len(race.player.frame.lanes) == 3)
    assert race.player.status.loads > loads and race.player.head == 0
    assert race.said().startswith("restarted with optimizers = ")


# The end.


def test_a_finished_run_is_extended(user):
    user.small_race(iterations=20)
    assert not user.find("extend").isVisible()
    user.press(KEY.Key_Space)
    user.until_phase(FINISHED)
    before, cursors = user.player.frame.loss.copy(), []
    user.player.shown.connect(lambda _frame, cursor: cursors.append(cursor))
    user.click("extend")
    user.until(lambda: user.player.head > 20)
    assert min(cursors) >= 20, "it replayed what was there"
    assert user.player.status.total == 1020
    assert not user.find("extend").isVisible()
    assert np.array_equal(user.player.frame.loss[:, :20], before)


def test_a_shorter_run_than_has_been_run_ends_where_it_is(race):
    run_to(race, 30)
    race.enter("iterations", "10")
    race.until_phase(FINISHED)
    assert race.player.head >= 30


def test_a_run_in_which_every_lane_diverges_is_over_and_says_so(user):
    user.small_race(lanes=("sgd", "momentum"), l2=10.0, **{"sgd.lr": 10.0, "momentum.lr": 10.0})
    user.press(KEY.Key_Space)
    user.until_phase(FINISHED)
    assert at(user) < 400
    for name, step in zip(("sgd", "momentum"), user.player.frame.diverged, strict=True):
        assert user.lane_status(name) == f"diverged at {step}"
    assert user.find("lane-sgd:status").property("severity") == Severity.ERROR.value
    assert user.window.banner.text() == ""
    assert not user.find("extend").isVisible()


# Other races.


def test_the_race_of_initial_weights_takes_lanes_of_ones_own(user):
    user.small_race()
    combo = user.find("preset")
    user.choose("preset", "Three initial weights on digits")
    combo.activated.emit(combo.currentIndex())
    assert user.panel.preset.name == "init-mnist"
    user.small_race("init-mnist", iterations=100_000)
    user.enter("lanes-add", "normal-0.05")
    assert user.panel.configuration["lanes"] == ("xavier", "he", "normal-0.05")
    user.panel.setFocus()
    user.until(lambda: len(user.player.frame.lanes) == 3)
    run_to(user, 5)
    user.until(lambda: user.lane_status("normal-0.05") != "")
    user.enter("lanes-add", "normal-x")
    assert "normal-" in user.find("lanes-message").text()
    assert len(user.panel.configuration["lanes"]) == 3


def test_another_preset_can_be_looked_at_before_it_is_ready(race):
    """Until the new race's first frame is there, the old one is on screen, with lanes that the list has no more."""
    run_to(race, 5)
    race.panel.open_preset("init-mnist")
    for key in (KEY.Key_F1, KEY.Key_Left, KEY.Key_F1):
        race.press(key)
    race.until(lambda: [lane.name for lane in race.player.frame.lanes] == ["normal-0.01", "xavier", "he"])


def test_a_race_of_own_data(opened, tmp_path):
    user = opened("training", data=str(write_idx(tmp_path / "own")))
    user.small_race(iterations=10)
    user.press(KEY.Key_Space)
    user.until_phase(FINISHED)
    assert user.player.frame.test_measured == 60


@pytest.mark.parametrize("harm", ["vanished", "truncated"])
def test_data_that_cannot_be_read_is_reported_and_can_be_mended(opened, tmp_path, harm):
    folder, spare = write_idx(tmp_path / "own"), write_idx(tmp_path / "spare")
    user = opened(data=str(folder), fresh=True)
    if harm == "vanished":
        shutil.rmtree(folder)
    else:
        (folder / "t10k-images-idx3-ubyte").write_bytes(b"\0\0\x08\x03")
    user.click("open-training")
    user.until(lambda: user.player.status.phase is Phase.FAILED)
    user.until(lambda: user.window.banner.text() != "")
    said = user.window.banner.text()
    assert said.startswith("Training: ") and "own" in said
    assert user.window.banner.property("severity") == Severity.ERROR.value
    user.open("paths")
    user.press(KEY.Key_Left)
    assert at(user) == 28
    user.click("open-training")
    shutil.copytree(spare, folder, dirs_exist_ok=True)
    user.press(KEY.Key_Escape)
    user.panel.setFocus()
    user.press(KEY.Key_Home)
    user.until(lambda: user.player.status.phase is PAUSED and user.panel.shown_frame() is not None)
    user.press(KEY.Key_Right)
    user.until(lambda: user.player.head == 1)
    assert user.window.banner.text() == ""


# Several seeds.


@pytest.mark.parametrize(("seeds", "said"), [(3, "3 seeds are too few"), (5, "Cannot be told apart by test accuracy:")])
def test_seeds_ink_bands_and_say_what_can_be_told_apart(user, seeds, said):
    user.small_race(iterations=60, seeds=seeds, lanes=("sgd", "momentum"), **SLOW)
    user.press(KEY.Key_Space)
    user.until_phase(FINISHED)
    frame, view = user.player.frame, user.panel.view
    view.loss.setYRange(float(np.nanmin(frame.spread.smoothed)), float(np.nanmax(frame.spread.smoothed)))
    tint = blend(LIGHT.lane(OPTIMIZERS["sgd"].colour), LIGHT.background, 0.18).name()
    assert ink(grabbed(view.graphics), tint, 4) > 40
    numbers = dict(view.numbers(frame, 60))
    assert numbers["seeds"] == f"{seeds} (0 to {seeds - 1})" and any(name.startswith(said) for name in numbers)
    read = [text for text, _ in view._read_loss(30)]
    low, high = frame.spread.smoothed[0, :, 29]
    assert read[1] == f"SGD  {frame.smoothed[0, 29]:.3f} ({low:.3f}–{high:.3f})"
    user.until(lambda: user.find("lane-sgd:status").text().count("·") == 1)


def test_a_lane_says_how_many_of_its_seeds_diverged(user):
    user.small_race(iterations=60, seeds=3, lanes=("sgd", "adam"), l2=10.0, **{"sgd.lr": 10.0})
    user.press(KEY.Key_Space)
    user.until_phase(FINISHED)
    lost = user.player.frame.spread.diverged[0]
    assert lost > 0
    assert dict(user.panel.view.numbers(user.player.frame, 60))["SGD diverged"] == f"in {lost} of 3"


def test_one_seed_after_several_has_raw_curves_again_and_no_bands(user):
    user.small_race(iterations=30, seeds=3)
    user.press(KEY.Key_Space)
    user.until_phase(FINISHED)
    traces = user.panel.view._traces["sgd"]
    assert len(traces.bands[0]._low.y) == 30 and not len(traces.raw._curve.y)
    user.small_race(iterations=30, seeds=1)
    user.press(KEY.Key_Space)
    user.until_phase(FINISHED)
    assert not len(traces.bands[0]._low.y) and len(traces.raw._curve.y) == 30


def test_lanes_switched_off_are_forgotten_with_their_preset(user):
    user.small_race()
    user.click("lane-adam")
    assert user.panel.configuration["lanes"] == ("sgd",)
    user.panel.open_preset("init-mnist")
    assert user.panel.lanes.names() == ("zeros", "normal-1", "normal-0.01", "xavier", "he")
