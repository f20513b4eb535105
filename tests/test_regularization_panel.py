"""Over-fitting, as a learner sees it: gaps as bands, lanes that a slider renames, hovering, scrubbing, seeds."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt

from core.presets import PRESETS
from core.runner import Phase
from gui.plots import LIGHT, blend
from gui.views.gaps import GAP_ALPHA
from tests.gui_helpers import grabbed, ink

pytest_plugins = ["tests.window"]

SMALL = {"hidden": (8,), "batch": 16, "images": 64, "iterations": 80}
KEY = Qt.Key


@pytest.fixture
def start(opened):
    """Open the panel at a small run of some preset."""

    def begin(preset="weight-decay", **values):
        wanted = PRESETS[preset].configuration({**SMALL, **values})
        user = opened(preset=preset)
        user.until(lambda: user.panel.shown_frame() is not None)
        user.panel.start(wanted)
        user.until(lambda: user.player.settled and user.player.frame.total == wanted["iterations"])
        user.panel.setFocus()
        return user

    return begin


def run(user):
    user.press(KEY.Key_Space)
    user.until_phase(Phase.FINISHED)


def gap_ink(user, colour):
    return ink(grabbed(user.panel.view.graphics), blend(colour, LIGHT.background, GAP_ALPHA).name(), 3)


def words(user):
    return [cell.words._words[0] for cell in user.panel.view._cells]


def test_a_run_draws_each_lane_with_its_gap_as_a_band(start):
    user = start(**{"sgd.lr": 0.1, "iterations": 200})
    assert user.panel.view._waiting.isVisible()
    run(user)
    frame = user.player.frame
    assert not user.panel.view._waiting.isVisible()
    for row, lane in enumerate(frame.lanes):
        gap = frame.train_accuracy[row, -1] - frame.test_accuracy[row, -1]
        assert gap > 0.05
        assert gap_ink(user, lane.colour) > 200
        assert words(user)[row] == f"gap {100 * gap:.1f} points"
        assert user.lane_status(lane.name).endswith(f"{100 * frame.test_accuracy[row, -1]:.1f} %")
    numbers = dict(user.panel.view.numbers(frame, 200))
    assert (numbers["epoch"], numbers["learned from"]) == ("50", "64 images")
    assert numbers["gap, λ = 0"].endswith("points")


def test_scrubbing_shows_only_what_was_measured_by_then(start):
    user = start(**{"sgd.lr": 0.1, "iterations": 200})
    run(user)
    colour = user.player.frame.lanes[0].colour
    whole, said = gap_ink(user, colour), words(user)
    user.player.seek(40)
    assert gap_ink(user, colour) < 0.5 * whole and words(user) != said
    assert len(user.panel.view._cells[0].test._curve.y) == np.searchsorted(user.player.frame.measured_at, 40, "right")


def test_hovering_one_plot_reads_them_all(start):
    user = start()
    run(user)
    view, frame = user.panel.view, user.player.frame
    view._hovers[1].moved.emit(10)
    assert {hover.index for hover in view._hovers} == {10}
    column = np.searchsorted(frame.measured_at, 10 * frame.per_epoch, "right") - 1
    read = [text for text, _ in view._read_gap(1, 10)]
    assert read[1] == f"train {100 * frame.train_accuracy[1, column]:.1f} %"
    assert any(text.startswith("λ = 0.1  ") for text, _ in view._read_norms(10))
    assert list(view._read_gap(1, 1000)) == []


def test_another_strength_renames_its_lane_and_runs_again_at_once_and_undo_brings_it_back(start):
    user = start()
    run(user)
    plots, loads = dict(user.panel.view.plots), user.player.status.loads
    user.enter("l2", "0.5")
    user.until(lambda: user.player.status.loads > loads and user.player.settled)
    assert [lane.name for lane in user.panel.lanes_in_force()] == ["l2-0", "l2-0.5"]
    user.until_phase(Phase.FINISHED)
    assert user.panel.lanes.names() == ("l2-0", "l2-0.1", "l2-0.5")  # the preset's own is still offered
    assert user.panel.lanes.active() == ("l2-0", "l2-0.5")
    assert list(user.panel.view.plots) == ["accuracy, λ = 0", "accuracy, λ = 0.5", "norms"]
    assert list(user.panel.view.plots.values()) == list(plots.values()), "plots were made anew"
    user.panel.setFocus()
    user.control(KEY.Key_Z)
    user.until(lambda: user.panel.lanes.names() == ("l2-0", "l2-0.1"))
    assert user.panel.configuration["l2"] == 0.1


@pytest.mark.parametrize("lanes", [1, 3, 4, 5, 12])
def test_every_number_of_lanes_finds_its_place(start, lanes):
    user = start(lanes=tuple(f"l2-{0.01 * i:g}" for i in range(lanes)), iterations=10)
    run(user)
    view = user.panel.view
    boxes = [cell.plot.vb.sceneBoundingRect() for cell in view._cells[:lanes]]
    whole = view.graphics.ci.sceneBoundingRect()
    assert all(whole.contains(box) and box.width() > 60 and box.height() > 40 for box in boxes)
    assert max(box.width() for box in boxes) - min(box.width() for box in boxes) < 3
    assert not any(a.intersects(b) for i, a in enumerate(boxes) for b in boxes[:i])
    assert view.norms.vb.sceneBoundingRect().top() > max(box.bottom() for box in boxes)
    assert whole.height() > 0.95 * view.graphics.height()


def test_a_lane_is_added_by_name(start):
    user = start()
    user.enter("lanes-add", "p-0.3")
    user.until(lambda: len(user.player.frame.lanes) == 3)
    assert "accuracy, Dropout 0.3" in user.panel.view.plots
    assert user.panel.configuration["dropout"] == 0.3


def test_a_lane_that_diverges_says_so_in_its_plot_and_leaves_the_norms_readable(start):
    user = start(lanes=("plain", "l2-10"), **{"sgd.lr": 0.5, "l2": 10.0})
    run(user)
    step = user.player.frame.diverged[1]
    assert words(user)[1] == f"diverged at {step}" == user.lane_status("l2-10")
    assert user.panel.view.norms.vb.viewRange()[1][1] < 100


@pytest.mark.parametrize(("seeds", "said"), [(3, "3 seeds are too few"), (5, "Cannot be told apart by test accuracy:")])
def test_seeds_add_quartiles_and_say_what_can_be_told_apart(start, seeds, said):
    user = start(seeds=seeds, lanes=("l2-0", "l2-1e-05"), iterations=20)
    run(user)
    view = user.panel.view
    numbers = dict(view.numbers(user.player.frame, 20))
    assert numbers["seeds"] == f"{seeds} (0 to {seeds - 1})" and any(name.startswith(said) for name in numbers)
    assert len(view._cells[0].quartiles._low.y) == len(user.player.frame.measured_at)
    if seeds == 5:
        assert "λ = 0 – λ = 1e−5" in numbers


def test_a_lane_is_hidden_and_brought_back_without_a_run(start):
    user = start(lanes=("plain", "p-0.5"), dropout=0.5)
    run(user)
    loads, frame = user.player.status.loads, user.player.frame
    user.click("lane-p-0.5")
    assert [frame.lanes[row].name for row in user.panel.view.visible(frame)] == ["plain"]
    assert "p-0.5" in user.panel.lanes.names(), "it stays, to be switched on again"
    user.click("lane-p-0.5")
    assert len(user.panel.view.visible(frame)) == 2
    assert user.player.status.loads == loads and user.player.frame is frame


def test_a_change_in_mid_run_is_marked_in_every_plot(start):
    user = start()
    for _ in range(3):
        user.player.step()
        user.until_phase(Phase.PAUSED)
    user.enter("sgd.lr", "0.05")
    user.until(lambda: len(user.player.frame.changes) == 1)
    view, at = user.panel.view, user.player.frame.changes[0].iteration / user.player.frame.per_epoch
    for marks in (view._marks, *(cell.marks for cell in view._cells)):
        assert marks._marks == ((at, "sgd.lr = 0.05"),)
    assert user.said() == "SGD learning rate = 0.05 from iteration 3 on"


def test_the_line_beside_the_title_says_what_is_in_force(start):
    user = start(iterations=100_000, evaluate=0)
    user.press(KEY.Key_Space)
    user.until(lambda: user.player.head > 5)
    for value in ("0.3", "0.5"):
        user.enter("l2", value)
        assert user.said() == f"restarted with weight decay λ = {value}"
    user.panel.setFocus()
    user.control(KEY.Key_Z)
    said = ("back in the run before, at iteration ", "back to what was before", "restarted with weight decay λ = 0.3")
    assert user.said().startswith(said)  # by how far the engine was when it was asked for
