"""A run that is rewound and changed goes another way from there: what is drawn, said, written and undone."""

from __future__ import annotations

import csv
from itertools import pairwise

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QAction

from core.export import select_lanes, tables, write_csv
from core.optimizers import OPTIMIZERS
from core.presets import PRESETS
from core.runner import Phase
from gui.plots import LIGHT
from gui.views.futures import BEFORE, pale
from tests.gui_helpers import grabbed, ink, small

pytest_plugins = ["tests.window"]

KEY = Qt.Key
FINISHED, PAUSED, RUNNING = Phase.FINISHED, Phase.PAUSED, Phase.RUNNING
TINY = {"hidden": (8,), "batch": 16, "evaluate": 1}


@pytest.fixture
def first_run():
    return small()


def play(user, *phases):
    """Press the button and wait for the end; in a field the keyboard writes."""
    user.click("play")
    user.until_phase(*(phases or (FINISHED,)))
    user.until(lambda: user.find("back").isEnabled())


def drag_to(user, position):
    """Click the timeline where a position is; how near it gets is a matter of pixels."""
    line = user.find("timeline")
    user.click(line, QPoint(round(line._x(position)), line.height() // 2))
    user.until(lambda: abs(user.player.shown_position - position) <= line.maximum() / 100)
    return user.player.shown_position


def branch_at(user, position, name, text):
    """Go back, type another value, and wait until the run stands there."""
    at = drag_to(user, position)
    user.enter(name, text)
    user.until(lambda: user.player.status.phase is PAUSED and user.player.head == at)
    return at


def futures(user):
    return user.player.frame.futures


def edit_text(user, word):
    """Return what the Edit menu's entry says, without its mnemonic."""
    found = [a for a in user.window.findChildren(QAction) if a.text().replace("&", "").startswith(word)]
    assert len(found) == 1
    return found[0].text().replace("&", "")


@pytest.fixture
def ended(user):
    """A small race that has run to its end."""
    user.small_race(iterations=120, **{"sgd.lr": 0.1})
    play(user)
    return user


# What happens to the run.


def test_a_value_typed_at_an_earlier_moment_lets_the_run_go_on_from_there(ended):
    before = ended.player.frame
    at = branch_at(ended, 60, "sgd.lr", "0.5")
    assert ended.said() == f"branched at {at}: SGD learning rate = 0.5"
    assert not ended.player.playing and ended.find("readout-position").text() == f"iteration {at} / 120"
    (future,) = futures(ended)
    assert future.start == at and np.array_equal(future.smoothed, before.smoothed[:, at:])
    play(ended)
    after = ended.player.frame
    assert np.array_equal(after.loss[:, :at], before.loss[:, :at])
    assert not np.array_equal(after.loss[0, at + 1 :], before.loss[0, at + 1 :])
    assert np.array_equal(after.loss[1], before.loss[1]), "the other lane goes the way it went"
    assert [(change.iteration, change.key) for change in after.changes] == [(at, "sgd.lr")]


def test_a_branch_has_the_bits_of_a_run_that_was_changed_there(ended, sample, open_run):
    at = branch_at(ended, 60, "sgd.lr", "0.5")
    play(ended)
    run = open_run(PRESETS["optimizer-mnist"].configuration(dict(ended.panel.configuration.values)), sample)
    run.change("sgd.lr", 0.1)
    run.advance(at)
    run.change("sgd.lr", 0.5)
    run.advance(run.total)
    assert np.array_equal(ended.player.frame.loss, run.snapshot().loss)


def test_the_picture_does_not_jump_on_the_way_back(ended):
    at, seen = drag_to(ended, 60), []
    ended.player.shown.connect(lambda frame, cursor: seen.append(cursor))
    ended.enter("sgd.lr", "0.5")
    ended.until(lambda: ended.player.head == at)
    assert set(seen) == {at}


def test_at_the_beginning_everything_is_of_the_new_way(ended):
    drag_to(ended, 0)
    ended.enter("sgd.lr", "0.5")
    ended.until(lambda: ended.player.head == 0)
    assert futures(ended)[0].start == 0 and ended.said() == "branched at 0: SGD learning rate = 0.5"
    assert ended.find("play").isEnabled()
    play(ended)
    assert ended.player.frame.loss.shape == (2, 120)


def test_one_before_the_end_leaves_one_update(ended):
    ended.click("back")
    ended.until(lambda: ended.player.shown_position == 119)
    ended.enter("sgd.lr", "0.5")
    ended.until(lambda: ended.player.head == 119)
    assert futures(ended)[0].smoothed.shape == (2, 1)
    ended.click("step")
    ended.until_phase(FINISHED)
    assert ended.player.head == 120


def test_of_six_branches_the_last_five_are_kept_and_those_on_the_way_are_marked(ended):
    places = []
    for place, rate in ((100, "0.5"), (30, "0.2"), (60, "0.3"), (90, "0.4"), (40, "0.6"), (70, "0.7")):
        places.append(branch_at(ended, place, "sgd.lr", rate))
        play(ended)
    assert [future.start for future in futures(ended)] == places[1:]
    assert ended.panel.transport._state.branches == (places[1], places[4], places[5])
    assert f"branched at {places[5]}" in ended.find("timeline").toolTip()


def test_a_replay_plays_on_into_the_branch(ended):
    drag_to(ended, 0)
    ended.press(KEY.Key_Space)
    ended.until(lambda: 5 < ended.player.shown_position)
    assert ended.player.status.phase is FINISHED, "what plays is recorded"
    ended.enter("sgd.lr", "0.5")
    ended.until(lambda: len(futures(ended)) == 1)
    ended.until_phase(FINISHED)
    assert 0 < futures(ended)[0].start < 120
    assert ended.player.head == ended.player.shown_position == 120


def test_another_end_is_no_branch(ended):
    drag_to(ended, 60)
    ended.enter("iterations", "150")
    ended.until(lambda: ended.player.frame.total == 150)
    assert ended.player.head == 120 and futures(ended) == ()


def test_what_cannot_be_changed_in_mid_run_restarts(ended):
    drag_to(ended, 60)
    ended.enter("seed", "3")
    ended.until(lambda: ended.player.frame.iteration == 0)
    assert ended.said() == "restarted with seed = 3" and futures(ended) == ()


def test_a_branch_of_several_seeds_keeps_the_medians(user):
    user.small_race(iterations=60, seeds=3)
    play(user)
    before = user.player.frame
    at = branch_at(user, 30, "sgd.lr", "0.5")
    play(user)
    (future,) = futures(user)
    assert future.smoothed.shape == (2, 60 - at) and np.array_equal(future.smoothed, before.smoothed[:, at:])
    assert "(before " in user.panel.view._read_loss(60)[1][0]


def test_a_lane_that_diverged_after_the_branch_learns_again(user):
    user.small_race(iterations=60, l2=10.0, **{"sgd.lr": 10.0, "adam.lr": 0.001})
    play(user)
    lost = user.player.frame.diverged[0]
    assert lost is not None and lost > 1
    drag_to(user, 0)
    user.enter("sgd.lr", "0.01")
    user.until(lambda: user.player.head == 0)
    play(user)
    assert user.player.frame.diverged == (None, None)
    assert np.isnan(futures(user)[0].loss[0, -1])
    assert user.panel.view._read_loss(60)[1][0].endswith("(before not finite)")


# What is drawn and said.


def old_ink(user, key):
    """Return how many pixels have about the tint of a lane's last old future."""
    return ink(grabbed(user.panel.view), pale(OPTIMIZERS[key].colour, LIGHT).name(), 4)


def test_the_old_future_is_drawn_pale_and_fades_and_goes_with_its_lane(ended):
    drag_to(ended, 60)
    without = old_ink(ended, "sgd")
    branch_at(ended, 60, "sgd.lr", "2")
    assert old_ink(ended, "sgd") > without + 40
    ended.panel.view.highlight("adam")
    ended.until(lambda: old_ink(ended, "sgd") < without + 20)
    ended.panel.view.highlight(None)
    ended.click("lane-sgd")
    ended.until(lambda: old_ink(ended, "sgd") < without + 20)
    ended.click("lane-sgd")
    ended.until(lambda: old_ink(ended, "sgd") > without + 40)


def test_reading_names_what_was_before_where_it_was_different(ended):
    before = ended.player.frame
    at = branch_at(ended, 60, "sgd.lr", "2")
    play(ended)
    view = ended.panel.view
    plot = view.loss
    spot = view.graphics.mapFromScene(plot.vb.mapViewToScene(QPointF(110.0, 0.5)))
    ended.move_to(view.graphics.viewport(), spot)
    hover = view._hovers[0]
    ended.until(lambda: hover.index is not None and abs(hover.index - 110) < 3)
    index = hover.index
    sgd, adam = (text for text, _ in view._read_loss(index)[1:])
    assert sgd.endswith(f"(before {before.smoothed[0, index - 1]:.3f})")
    assert "before" not in adam and "before" not in view._read_loss(at)[1][0]
    assert "before" not in view._read_accuracy(0)[1][0]


def test_the_legend_names_pale_curves_once_there_are_any(ended):
    def labels():
        return [entry.label for entry in ended.panel.view.plot_legend(ended.player.frame)]

    assert BEFORE not in labels()
    branch_at(ended, 60, "sgd.lr", "2")
    assert BEFORE in labels()
    assert BEFORE in [entry.label for entry in ended.panel.view._key._entries]
    ended.panel.restart()
    ended.until(lambda: ended.player.frame.iteration == 0)
    assert BEFORE not in labels()


@pytest.mark.parametrize(
    ("preset", "name", "text", "values"),
    [
        ("batchnorm-grid", "sgd.lr", "0.3", {"hidden": (8, 8), "iterations": 60}),
        ("batchnorm", "sgd.lr", "0.3", {"hidden": (8, 8), "iterations": 60}),
        ("weight-decay", "sgd.lr", "0.1", {"hidden": (8, 8), "iterations": 60}),
        ("random-search", "dropout", "0.4", {"hidden": (8,), "trials": 20, "epochs": 15}),
    ],
)
def test_every_panel_of_runs_branches_and_says_so(opened, preset, name, text, values):
    user = opened(preset=preset)
    wanted = PRESETS[preset].configuration(values)
    user.panel.start(wanted)
    user.until(lambda: user.player.status.configuration == wanted and user.player.status.phase is PAUSED)
    user.until(lambda: user.player.frame is not None and user.player.frame.total == user.player.status.total)
    play(user)
    at = branch_at(user, user.player.head // 2, name, text)
    assert user.said().startswith(f"branched at {at}: ")
    play(user)
    grabbed(user.panel.view)
    (future,) = futures(user)
    assert future.start == at
    assert user.panel.transport._state.branches == (at,)
    user.control(KEY.Key_Z)
    user.until(lambda: futures(user) == () and user.player.status.phase is FINISHED)
    grabbed(user.panel.view)
    user.until(lambda: user.panel.transport._state.branches == ())


# Files.


def read(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def branched(open_run, sample):
    """The frames of a small race before and after two branches."""
    run = open_run(
        PRESETS["optimizer-mnist"].configuration({**TINY, "lanes": ("sgd", "adam"), "iterations": 40}), sample
    )
    run.advance(40)
    first = run.snapshot()
    run.branch(25, {"sgd.lr": 0.5})
    run.advance(40)
    second = run.snapshot()
    run.branch(30, {"sgd.lr": 0.1})
    return first, second, run.snapshot()


def test_a_table_has_what_came_before_each_branch(branched, tmp_path):
    first, second, last = branched
    names = [path.name for path in write_csv(last, tmp_path, "race")]
    assert names == ["race.csv", "race-branches.csv"]
    rows = read(tmp_path / "race-branches.csv")
    assert list(rows[0]) == [
        *("branch", "lane", "iteration", "epoch", "loss", "smoothed_loss", "train_accuracy", "test_accuracy")
    ]
    for number, frame, start in (("1", first, 25), ("2", second, 30)):
        for row, lane in enumerate(("sgd", "adam")):
            own = [found for found in rows if (found["branch"], found["lane"]) == (number, lane)]
            assert [int(found["iteration"]) for found in own] == list(range(start + 1, 41))
            assert [float(found["loss"]) for found in own] == pytest.approx(frame.loss[row, start:])
            assert float(own[-1]["test_accuracy"]) == pytest.approx(frame.test_accuracy[row, -1])
            assert own[0]["test_accuracy"] == "", "it was not measured then"


def test_a_run_without_branches_has_no_such_table(branched):
    assert [table.suffix for table in tables(branched[0])] == [""]


@pytest.mark.parametrize("rows", [[0], [1]])
def test_lanes_that_are_off_are_left_out_of_old_futures_too(branched, rows):
    """Two futures of two lanes: neither is the other's."""
    last = branched[2]
    chosen = select_lanes(last, rows)
    assert [future.start for future in chosen.futures] == [25, 30]
    for found, whole in zip(chosen.futures, last.futures, strict=True):
        assert np.array_equal(found.smoothed, whole.smoothed[rows])
        assert np.array_equal(found.test_accuracy, whole.test_accuracy[rows])
        assert np.array_equal(found.measured_at, whole.measured_at)
    branches = next(table for table in tables(chosen) if table.suffix == "-branches")
    assert {row[1] for row in branches.rows} == {last.lanes[rows[0]].name}


def test_a_search_has_a_table_of_its_old_accuracies(open_run, sample, tmp_path):
    values = {"hidden": (8,), "trials": 3, "epochs": 6, "images": 200, "batch": 20}
    run = open_run(PRESETS["random-search"].configuration(values), sample)
    run.advance(run.total)
    before = run.snapshot()
    run.branch(run.total // 2, {"dropout": 0.5})
    write_csv(run.snapshot(), tmp_path, "search")
    rows = read(tmp_path / "search-branches.csv")
    assert [(row["branch"], row["trial"], row["epoch"]) for row in rows] == [
        ("1", str(trial), str(epoch)) for trial in (1, 2, 3) for epoch in (4, 5, 6)
    ]
    last = [float(row["validation_accuracy"]) for row in rows if row["epoch"] == "6"]
    assert last == pytest.approx(before.validation_accuracy[:, -1])


# Undo.


def history(user):
    """Return what a frame has recorded, to compare."""
    frame = user.player.frame
    return frame.loss.tobytes(), frame.test_accuracy.tobytes(), frame.iteration


def undone(user):
    """Press Ctrl+Z and wait for the picture."""
    user.control(KEY.Key_Z)
    user.until(lambda: user.player.settled)


def redone(user):
    """Press what redoes and wait for the picture."""
    user.control(KEY.Key_Z, Qt.KeyboardModifier.ShiftModifier)
    user.until(lambda: user.player.settled)


def test_undo_of_a_branch_brings_the_ended_run_back_and_redo_goes_forth(ended):
    first = history(ended)
    branch_at(ended, 60, "sgd.lr", "0.5")
    play(ended)
    second = history(ended)
    assert edit_text(ended, "Undo") == "Undo SGD learning rate = 0.5"
    undone(ended)
    assert history(ended) == first and ended.player.status.phase is FINISHED and futures(ended) == ()
    assert ended.find("sgd.lr").text() == "0.1" and ended.said() == "back in the run before, at iteration 120"
    assert edit_text(ended, "Redo") == "Redo SGD learning rate = 0.5"
    redone(ended)
    assert history(ended) == second and len(futures(ended)) == 1
    assert ended.find("sgd.lr").text() == "0.5"


def test_a_run_that_was_brought_back_goes_on_with_the_same_bits(ended, sample, open_run):
    branch_at(ended, 60, "sgd.lr", "0.5")
    play(ended)
    undone(ended)
    ended.enter("iterations", "180")
    ended.until(lambda: ended.player.frame.total == 180)
    play(ended)
    run = open_run(ended.panel.configuration, sample)
    run.advance(180)
    assert np.array_equal(ended.player.frame.loss, run.snapshot().loss)


def test_home_restarts_and_undo_brings_the_run_back(ended):
    first = history(ended)
    ended.press(KEY.Key_Home)
    ended.until(lambda: ended.player.frame.iteration == 0)
    assert edit_text(ended, "Undo") == "Undo restart"
    undone(ended)
    assert history(ended) == first
    redone(ended)
    assert ended.player.frame.iteration == 0


def test_a_chain_goes_back_and_forth_run_by_run(ended):
    seen = [history(ended)]
    ended.enter("seed", "3")
    ended.until(lambda: ended.player.frame.iteration == 0)
    play(ended)
    seen.append(history(ended))
    branch_at(ended, 60, "adam.lr", "0.1")
    play(ended)
    seen.append(history(ended))
    ended.click("restart")
    ended.until(lambda: ended.player.frame.iteration == 0)
    play(ended)
    seen.append(history(ended))
    assert all(one != other for one, other in pairwise(seen))
    for wanted in reversed(seen[:-1]):
        undone(ended)
        assert history(ended) == wanted
    for wanted in seen[1:]:
        redone(ended)
        assert history(ended) == wanted


def test_two_undos_in_a_row_keep_both_runs_for_redo(ended):
    seen = [history(ended)]
    for seed in ("3", "4"):
        ended.enter("seed", seed)
        ended.until(lambda: ended.player.settled and ended.player.frame.iteration == 0)
        play(ended)
        seen.append(history(ended))
    ended.window.undo.undo()
    ended.window.undo.undo()
    ended.until(lambda: ended.player.settled)
    assert history(ended) == seen[0]
    for wanted in seen[1:]:
        redone(ended)
        assert history(ended) == wanted


def test_another_preset_can_be_undone_with_its_run(ended):
    first = history(ended)
    ended.choose("preset", "Three initial weights on digits")
    ended.until(lambda: ended.panel.preset.name == "init-mnist" and ended.player.settled)
    assert edit_text(ended, "Undo").startswith("Undo preset")
    ended.find("play").setFocus()
    undone(ended)
    assert ended.panel.preset.name == "optimizer-mnist" and history(ended) == first


def test_undo_while_a_run_plays_takes_the_change_back_and_plays_on(user):
    user.small_race(iterations=100_000, evaluate=0)
    user.press(KEY.Key_Space)
    user.until(lambda: user.player.head > 5)
    user.enter("sgd.lr", "0.5")
    user.until(lambda: len(user.player.frame.changes) == 1)
    user.control(KEY.Key_Z)
    user.until(lambda: len(user.player.frame.changes) == 2)
    assert user.player.status.phase is RUNNING
    assert user.panel.configuration["sgd.lr"] == user.player.frame.changes[1].value


def test_a_restart_while_a_run_plays_is_undone_into_the_run_as_far_as_it_was(user):
    user.small_race(iterations=100_000, evaluate=0)
    user.press(KEY.Key_Space)
    user.until(lambda: user.player.head > 5)
    user.press(KEY.Key_Home)
    user.until(lambda: user.player.settled and user.player.frame.iteration == 0)
    undone(user)
    assert user.player.frame.iteration > 5
    user.press(KEY.Key_Space)
    here = user.player.frame.iteration
    user.until(lambda: user.player.head > here)
    user.press(KEY.Key_Space)


def test_a_drag_of_a_slider_at_an_earlier_moment_is_one_branch_and_one_undo(ended):
    first = history(ended)
    at = drag_to(ended, 60)
    ended.click("lane-sgd:open")
    slider = ended.find("sgd.lr:slider")
    ended.scroll_to(slider)
    middle = slider.height() // 2
    ended.drag(slider, QPoint(slider.width() // 2, middle), QPoint(slider.width() - 20, middle), moves=8)
    ended.until(lambda: ended.player.status.phase is PAUSED and ended.player.head == at)
    value = ended.panel.configuration["sgd.lr"]
    ended.until(lambda: [change.value for change in ended.player.frame.changes] == [value])
    assert len(futures(ended)) == 1 and ended.window.undo.count() == 1
    undone(ended)
    assert history(ended) == first


def test_without_room_on_the_shelf_undo_restarts_with_what_was(ended):
    ended.window.shelf._most = 10
    ended.enter("seed", "3")
    ended.until(lambda: ended.player.frame.iteration == 0)
    ended.player.step()
    ended.until(lambda: ended.player.head == 1)
    ended.enter("seed", "4")
    ended.until(lambda: ended.player.frame.iteration == 0)
    undone(ended)
    ended.until(lambda: ended.player.head == 1)  # the last one is kept, however large
    undone(ended)
    assert ended.panel.configuration["seed"] == 0 and ended.player.frame.iteration == 0
    assert ended.said() == "restarted with seed = 0"
    assert ended.window.banner.text().startswith("The run before is not there any more: ")


def test_runs_of_edits_that_are_gone_take_no_room(ended):
    for _ in range(3):
        branch_at(ended, 60, "sgd.lr", "0.5")
        undone(ended)
    places = ended.window.shelf._kept()
    assert ended.window.undo.count() == 1 and len(places) == 2


def test_search_inside_can_be_undone_into_the_coarse_search(opened):
    user = opened(preset="random-search")
    wanted = PRESETS["random-search"].configuration({"hidden": (8,), "trials": 12, "epochs": 5})
    user.panel.start(wanted)
    user.until(lambda: user.player.status.configuration == wanted and user.player.status.phase is PAUSED)
    user.until(lambda: user.player.frame is not None and len(user.player.frame.lanes) == 12)
    play(user)
    coarse, before = user.player.frame.settings, user.player.frame.validation_accuracy.tobytes()
    user.panel.view.select_best_region()
    user.panel.view.search_inside()
    user.until(lambda: user.player.settled and user.player.frame.settings is not coarse)
    undone(user)
    assert user.player.frame.validation_accuracy.tobytes() == before
    assert user.player.status.phase is FINISHED


def test_a_second_branch_before_the_first_is_there_is_the_one_that_counts(ended):
    drag_to(ended, 80)
    ended.panel.edit("sgd.lr", 0.5)
    ended.player.seek(40)  # the engine has not begun to go back
    assert ended.player.rewound == 40
    ended.panel.edit("sgd.lr", 0.2)
    ended.until(lambda: ended.player.status.phase is PAUSED and ended.player.head == 40)
    assert [(c.iteration, c.key, c.value) for c in ended.player.frame.changes] == [(40, "sgd.lr", 0.2)]
    assert ended.said().startswith("branched at 40")
    ended.press(KEY.Key_Space)
    ended.until_phase(FINISHED)
    assert ended.player.head == 120 and futures(ended)[0].start == 80


def test_changes_while_it_goes_back_join_the_branch(ended):
    drag_to(ended, 80)
    for rate in (0.5, 0.4, 0.3, 0.2):
        ended.panel.edit("sgd.lr", rate)
    words = "SGD learning rate = 0.2 from iteration 80 on"
    assert ended.said() == words, "not from where the run was before"
    ended.until(lambda: ended.player.status.phase is PAUSED and ended.player.status.position == 80)
    wanted = [(80, "sgd.lr", 0.2)]
    ended.until(lambda: [(c.iteration, c.key, c.value) for c in ended.player.frame.changes] == wanted)
    assert ended.said() == words
