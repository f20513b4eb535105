"""BatchNorm scale by scale: small plots that fill while all train, and a click that shows why, layer by layer."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt

from core.presets import PRESETS
from core.runner import Phase
from gui.export import FigureFormat
from gui.panel_export import WHOLE, Request, export_panel
from gui.views.activations import KINDS
from tests.gui_helpers import grabbed, ink

pytest_plugins = ["tests.window"]

KEY = Qt.Key
FINISHED, PAUSED, RUNNING = Phase.FINISHED, Phase.PAUSED, Phase.RUNNING
BLUE, ORANGE = "#0072B2", "#D55E00"
SCALES = ("1", "0.3", "0.01", "he")
LANES = tuple(f"sigma-{scale}-{kind}" for scale in SCALES for kind in ("bn", "plain"))
INITS = ["normal-1", "normal-0.3", "normal-0.01", "he"]
SMALL = {"hidden": (8, 8), "batch": 20, "images": 200, "iterations": 80, "lanes": LANES}

DIVERGING = {"hidden": (8,) * 5, "lanes": ("sigma-100-bn", "sigma-100-plain", "sigma-he-bn", "sigma-he-plain")}


@pytest.fixture
def first_run():
    return PRESETS["batchnorm-grid"].configuration(SMALL)


def start(user, preset="batchnorm-grid", **values):
    """Open the panel at a run that takes no time."""
    wanted = PRESETS[preset].configuration({**SMALL, **values})
    if "batchnorm" not in user.window.panels:
        user.window.settings.save_configuration("batchnorm", wanted)
    user.open("batchnorm")
    if user.panel.configuration != wanted:
        user.panel.start(wanted)
    user.until(lambda: user.player.status.configuration == wanted and user.player.status.phase is PAUSED)
    user.until(lambda: user.player.frame.position == 0 and user.player.frame.total == wanted["iterations"])
    user.panel.setFocus()
    return user


@pytest.fixture
def grid(user):
    """Four scales."""
    return start(user)


def finish(user):
    user.press(KEY.Key_Space)
    user.until_phase(FINISHED)


def cells(user):
    return user.panel.view.cells


def spot(user, init, x=0.5, y=0.5):
    """Where a place of a plot is in the plots' widget."""
    plots = user.panel.view.graphics
    rect = cells(user)[init].vb.sceneBoundingRect()
    return plots.viewport(), plots.mapFromScene(rect.x() + x * rect.width(), rect.y() + y * rect.height())


def hover(user, init, epoch):
    """Put the mouse over an epoch of a plot."""
    low, high = cells(user)[init].vb.viewRange()[0]
    viewport, place = spot(user, init, (epoch - low) / (high - low))
    user.move_to(viewport, place)
    user.until(lambda: cells(user)[init].hover.index == epoch)


def click_cell(user, init):
    user.click(*spot(user, init))
    user.until(lambda: user.panel.entry.key == "activations")


def drawn(user, init, name):
    """What is drawn of a lane: epochs and training accuracies."""
    curve = cells(user)[init].curves[name].train._curve
    return curve.x, curve.y


# The grid.


def test_before_the_first_run_every_scale_has_a_plot_and_a_word_says_what_to_do(grid):
    assert list(cells(grid)) == INITS
    assert [cell.title for cell in cells(grid).values()] == ["σ = 1", "σ = 0.3", "σ = 0.01", "He"]
    invitation = grid.find("invitation")
    assert invitation.isVisible() and invitation.text() == "Press Space to train all 8 networks at once"
    grid.press(KEY.Key_Right)
    grid.until(lambda: grid.player.head == 1)
    assert not invitation.isVisible()


def test_small_plots_are_equally_large_and_only_the_outer_ones_have_numbers(grid):
    sizes = [cell.vb.sceneBoundingRect().size().toTuple() for cell in cells(grid).values()]
    assert np.ptp(sizes, axis=0).max() < 4.0
    numbered = {side: [cell.getAxis(side)._numbered for cell in cells(grid).values()] for side in ("left", "bottom")}
    assert numbered == {"left": [True, False, True, False], "bottom": [False, False, True, True]}


def test_curves_grow_and_are_what_was_measured(grid):
    finish(grid)
    frame = grid.player.frame
    assert len(frame.measured_at) == 9
    for row, lane in enumerate(frame.lanes):
        epochs, shares = drawn(grid, lane.init, lane.name)
        assert np.array_equal(epochs, np.arange(9)) and np.array_equal(
            shares, frame.train_accuracy[row], equal_nan=True
        )
    picture = grabbed(grid.panel.view)
    assert ink(picture, BLUE) > 200 and ink(picture, ORANGE) > 100


def test_the_timeline_shows_only_what_was_measured_by_then(grid):
    finish(grid)
    grid.press(KEY.Key_Left)
    for lane in grid.player.frame.lanes:
        assert len(drawn(grid, lane.init, lane.name)[0]) == 8
    grid.player.seek(25)
    assert len(drawn(grid, "he", "sigma-he-bn")[0]) == 3
    assert cells(grid)["he"].scores[0] == (float(grid.player.frame.train_accuracy[6, 2]), BLUE)


def test_a_network_that_diverges_is_said_in_its_plot_and_the_other_goes_on(user):
    start(user, **DIVERGING)
    finish(user)
    at = user.player.frame.diverged[1]
    assert at is not None and user.player.frame.diverged[0] is None
    assert cells(user)["normal-100"].remark.text == f"plain diverged at {at}"
    assert user.lane_status("sigma-100-plain") == f"diverged at {at}"
    user.player.seek(0)
    assert cells(user)["normal-100"].remark.text == ""


def test_the_mouse_reads_all_plots_at_its_epoch_and_frames_its_own(grid):
    finish(grid)
    frame = grid.player.frame
    hover(grid, "normal-0.01", 3)
    assert {cell.hover.index for cell in cells(grid).values()} == {3}
    for row, init in enumerate(INITS):
        shares = [share for share, _ in cells(grid)[init].scores]
        assert np.allclose(shares, frame.train_accuracy[2 * row : 2 * row + 2, 3], equal_nan=True)
    assert [bool(cell.border.strong) for cell in cells(grid).values()] == [False, False, True, False]
    word = grid.panel.view._strip.word
    assert word.startswith("σ = 0.01, epoch 3:  BatchNorm ") and f"{100 * frame.train_accuracy[4, 3]:.1f} %" in word
    grid.aside()
    grid.until(lambda: not any(cell.border.strong for cell in cells(grid).values()))
    assert cells(grid)["he"].scores[0][0] == frame.train_accuracy[6, -1]


def test_the_notes_count_the_scales_that_learn(grid):
    finish(grid)
    frame = grid.player.frame
    numbers = dict(grid.panel.view.numbers(frame, frame.position))
    learning = [np.count_nonzero(frame.train_accuracy[start::2, -1] > 0.5) for start in (0, 1)]
    assert numbers["BatchNorm, scales above 50 %"] == f"{learning[0]} of 4"
    assert numbers["plain, scales above 50 %"] == f"{learning[1]} of 4"
    assert (numbers["epoch"], numbers["updates per epoch"]) == ("8", "10")


def test_a_change_after_a_run_runs_it_again(grid):
    finish(grid)
    before = grid.player.frame.train_accuracy.copy()
    grid.enter("seed", "3")
    grid.until(lambda: grid.player.frame.total == 80 and grid.player.status.configuration["seed"] == 3)
    grid.until_phase(FINISHED)
    assert not np.array_equal(grid.player.frame.train_accuracy, before, equal_nan=True)


def test_lanes_that_are_off_leave_the_grid(grid):
    grid.click("lane-sigma-1-bn")
    grid.click("lane-sigma-1-plain")
    grid.until(lambda: list(cells(grid)) == INITS[1:])
    # The last row is not full: what stands above its gap has numbers of its own, and is as high as its neighbour.
    assert [cell.getAxis("bottom")._numbered for cell in cells(grid).values()] == [False, True, True]
    heights = [cell.vb.sceneBoundingRect().height() for cell in cells(grid).values()]
    assert np.ptp(heights) < 4.0


def test_several_seeds_show_their_spread(user):
    start(user, seeds=3, lanes=("sigma-0.01-bn", "sigma-0.01-plain", "sigma-he-bn", "sigma-he-plain"))
    finish(user)
    frame = user.player.frame
    band = cells(user)["he"].curves["sigma-he-bn"].band
    assert np.array_equal(band._low.y, frame.spread.train_accuracy[2, 0])
    assert np.array_equal(band._high.y, frame.spread.train_accuracy[2, 1])
    assert band.scene() is not None


def test_one_scale_has_one_large_plot_with_test_accuracy(user):
    start(user, "batchnorm", lanes=())
    finish(user)
    assert list(cells(user)) == ["he"]
    frame, cell = user.player.frame, cells(user)["he"]
    for row, lane in enumerate(frame.lanes):
        curve = cell.curves[lane.name].test._curve
        assert np.array_equal(curve.y, frame.test_accuracy[row])
    hover(user, "he", 2)
    lines = [text for text, _ in user.panel.view._read_box("he", 2)]
    assert lines[0] == "epoch 2: training accuracy"
    assert f"(test {100 * frame.test_accuracy[0, 2]:.1f} %)" in lines[1]
    assert [entry.label for entry in user.panel.view.legend(frame)][:2] == ["BatchNorm, train", "plain, train"]


def test_another_preset_is_another_grid_and_undo_brings_the_former_back(grid):
    grid.choose("preset", "BatchNorm at one weight scale")
    grid.find("preset").activated.emit(grid.find("preset").currentIndex())
    grid.until(lambda: list(cells(grid)) == ["he"])
    grid.panel.setFocus()
    grid.control(KEY.Key_Z)
    grid.until(lambda: list(cells(grid)) == INITS)


def test_the_figure_is_exported(grid, tmp_path):
    finish(grid)
    for kind in FigureFormat:
        (path,) = export_panel(grid.panel, Request(WHOLE, kind.value, tmp_path, "grid"))
        assert path.stat().st_size > 5000
    assert "0.01" in (tmp_path / "grid.svg").read_text() and "BatchNorm" in (tmp_path / "grid.svg").read_text()


# From a plot to its layers.


def shown_names(user):
    return [lane.name for lane in user.panel.shown_frame().lanes]


def run(user):
    return user.window.panels["batchnorm"]


def histograms(user):
    """Every histogram that is drawn, by kind, network and layer."""
    found = user.panel.view._cells
    return {key: cell.histogram._counts for key, cell in found.items() if cell.histogram.isVisible()}


def click_to_layers(user, init):
    click_cell(user, init)
    user.until(lambda: user.panel.shown_frame() is not None and len(shown_names(user)) == 2)
    return user


PAIR = ["sigma-0.01-bn", "sigma-0.01-plain"]


def test_a_click_shows_both_networks_layer_by_layer(grid):
    click_to_layers(grid, "normal-0.01")
    assert shown_names(grid) == PAIR and run(grid).player.runner._watched.histograms == tuple(PAIR)
    assert grid.find("source").currentText() == "BatchNorm run, live"
    assert grid.find("watched").currentText() == "σ = 0.01: both"
    assert set(histograms(grid)) == {(kind, row, place) for kind in KINDS for row in (0, 1) for place in (0, 1)}
    for row, lane in enumerate(grid.panel.shown_frame().statistics):
        for place, layer in enumerate(lane.activations):
            counts = histograms(grid)["activations", row, place]
            assert np.allclose(counts / counts.sum(), layer.counts / layer.counts.sum())
    assert not grid.panel.form.isVisible()


def test_the_keyboard_does_what_a_click_does(grid):
    grid.panel.view.graphics.setFocus()
    for _ in range(3):
        grid.press(KEY.Key_Down)
    assert [bool(cell.border.strong) for cell in cells(grid).values()] == [False, False, True, False]
    grid.press(KEY.Key_Return)
    grid.until(lambda: grid.panel.entry.key == "activations")
    grid.until(lambda: grid.panel.shown_frame() is not None and shown_names(grid) == PAIR)


def test_playing_there_trains_all_networks_and_going_back_shows_it(grid):
    click_to_layers(grid, "normal-0.01")
    before = histograms(grid)
    grid.panel.setFocus()
    grid.press(KEY.Key_Right)
    grid.until(lambda: run(grid).player.head == 1)
    grid.until(lambda: not np.array_equal(histograms(grid)["gradients", 0, 0], before["gradients", 0, 0]))
    grid.press(KEY.Key_Space)
    grid.until_phase(FINISHED)
    assert run(grid).player.status.position == 80
    grid.open("batchnorm")
    assert run(grid).player.runner._watched.histograms == ()
    assert len(drawn(grid, "he", "sigma-he-bn")[0]) == 9
    # A finished run shows the histograms of its end.
    click_to_layers(grid, "he")
    grid.until(lambda: shown_names(grid) == ["sigma-he-bn", "sigma-he-plain"])


def test_home_there_restarts_the_run(grid):
    finish(grid)
    click_to_layers(grid, "he")
    grid.panel.setFocus()
    grid.press(KEY.Key_Home)
    grid.until(lambda: run(grid).player.head == 0 and run(grid).player.status.phase is PAUSED)
    grid.until(lambda: len(histograms(grid)) == 8)


def test_another_pair_or_a_single_network_is_chosen_in_the_form(grid):
    click_to_layers(grid, "normal-0.01")
    grid.choose("watched", "He: both")
    grid.find("watched").activated.emit(grid.find("watched").currentIndex())
    grid.until(lambda: shown_names(grid) == ["sigma-he-bn", "sigma-he-plain"])
    grid.choose("watched", "He, plain")
    grid.find("watched").activated.emit(grid.find("watched").currentIndex())
    grid.until(lambda: shown_names(grid) == ["sigma-he-plain"])
    assert set(histograms(grid)) == {(kind, 0, place) for kind in KINDS for place in (0, 1)}


def test_of_a_pair_with_a_diverged_network_the_other_is_shown_and_both_are_named(user):
    start(user, **DIVERGING)
    finish(user)
    at = user.player.frame.diverged[1]
    click_cell(user, "normal-100")
    user.until(lambda: user.panel.shown_frame() is not None and shown_names(user) == ["sigma-100-bn"])
    (words,) = user.panel.view._lines
    assert words.startswith(f"σ = 100, plain diverged at iteration {at}") and words.endswith(
        "below: σ = 100, BatchNorm"
    )


def test_a_speed_chosen_there_is_the_runs_speed(grid):
    click_to_layers(grid, "he")
    grid.choose("speed", "10 / s")
    assert run(grid).transport.speed.currentText() == "10 / s"
    grid.open("batchnorm")
    grid.choose("speed", "5 / s")
    grid.click("open-activations")
    assert grid.find("speed").currentText() == "5 / s"


def test_the_pairs_histograms_are_exported(grid, tmp_path):
    click_to_layers(grid, "he")
    for path in export_panel(grid.panel, Request(WHOLE, "csv", tmp_path, "pair")):
        assert {line.split(",")[0] for line in path.read_text().splitlines()[1:]} == {"sigma-he-bn", "sigma-he-plain"}
    (picture,) = export_panel(grid.panel, Request(WHOLE, "png", tmp_path, "pair"))
    assert picture.stat().st_size > 5000


def test_one_of_the_two_networks_of_a_scale_is_hidden_and_the_scale_still_slides(user):
    start(user, "batchnorm", lanes=(), images=60)
    finish(user)
    frame, loads = user.player.frame, user.player.status.loads
    user.click("lane-sigma-he-plain")
    assert [frame.lanes[row].name for row in user.panel.view.visible(frame)] == ["sigma-he-bn"]
    assert user.panel.configuration["lanes"] == () and user.player.status.loads == loads
    assert user.find("init:slider").isVisible()
    user.click("lane-sigma-he-plain")
    assert len(user.panel.view.visible(frame)) == 2


def test_notes_can_fold_while_another_grid_is_loading(user):
    start(user, "batchnorm", lanes=(), images=60)
    finish(user)
    user.panel.start(PRESETS["batchnorm-grid"].configuration({**SMALL, "iterations": 10}))
    user.press(KEY.Key_F1)
    user.until(lambda: len(cells(user)) == 4)


def test_several_seeds_say_at_how_many_scales_batchnorm_makes_no_difference(user):
    start(
        user, lanes=("sigma-0.0001-bn", "sigma-0.0001-plain", "sigma-he-bn", "sigma-he-plain"), seeds=5, iterations=20
    )
    finish(user)
    numbers = dict(user.panel.view.numbers(user.player.frame, 20))
    assert numbers["seeds"] == "5 (0 to 4)"
    pairs = {frozenset(pair) for pair in user.player.frame.spread.alike}
    alike = sum(frozenset(lane.label for lane in user.player.frame.lanes[i : i + 2]) in pairs for i in (0, 2))
    assert numbers["scales at which both cannot be told apart"] == f"{alike} of 2"
