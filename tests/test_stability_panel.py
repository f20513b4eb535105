"""The panel of maps, as a learner uses it: clicks, drags, zooms, plays, types, saves; with real clicks and keys."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QAction

from core.cells import NEVER
from core.optimizers import OPTIMIZERS
from core.presets import PRESETS
from core.runner import Phase
from core.session import read_session
from gui.heat_map import HUE_COLOURS, ground_colours
from gui.panel_export import Request, export_panel
from gui.ramp import level_colour
from gui.views.stability_words import key_entries
from tests.gui_helpers import grabbed, ink, pixels
from tests.session_helpers import saved_session

pytest_plugins = ["tests.window"]

KEY, SHIFT = Qt.Key, Qt.KeyboardModifier.ShiftModifier
SMALL = {"resolution": 32, "iterations": 60}


@pytest.fixture
def first_run():
    return PRESETS["stability"].configuration(SMALL)


@pytest.fixture
def learner(opened):
    """Someone at a small map of momentum."""
    return at_map(opened())


def at_map(user, preset="stability", **values):
    wanted = PRESETS[preset].configuration({**SMALL, **{k.replace("__", "."): v for k, v in values.items()}})
    if "stability" not in user.window.panels:
        user.window.settings.save_configuration("stability", wanted)
    user.open("stability")
    if user.panel.configuration != wanted:
        user.panel.start(wanted)
    until_done(user)
    return user


def until_done(user):
    """Wait until the map of the form's values is complete and on screen."""

    def done():
        player, status = user.player, user.player.status
        return (
            player.settled
            and status.phase is Phase.FINISHED
            and status.configuration == user.panel.configuration
            and player.head == player.frame.total == user.panel.configuration["iterations"]
            and path_is_marked(user)
        )

    user.until(done)


def path_is_marked(user):
    frame, values = user.player.frame, user.panel.configuration.values
    return tuple(frame.path.points[0, 0]) == values["start"]


def on_map(user, x, y):
    """The viewport of the plots, and the pixel at a place of the map: 0 to 1 along each axis."""
    return on_plot(user, user.panel.view.map, x, y)


def on_plot(user, plot, x, y):
    view = user.panel.view
    (left, right), (low, high) = plot.vb.viewRange()
    scene = plot.vb.mapViewToScene(QPointF(left + x * (right - left), low + y * (high - low)))
    return view.graphics.viewport(), view.graphics.mapFromScene(scene)


def setting(user):
    values = user.panel.configuration
    return values["momentum.lr"], values["momentum.momentum"]


def cell(user, x, y):
    """The values of the cell at a place."""
    across, up = user.player.frame.axes
    return across.values[across.cell(x)], up.values[up.cell(y)]


# Opening and playing.


def test_a_key_opens_it_and_the_map_computes_itself(opened):
    user = opened(fresh=True)
    user.control(KEY.Key_7)
    user.until(lambda: user.panel.entry.key == "stability" and user.panel.shown_frame() is not None)
    user.until(lambda: user.player.head == 200, timeout=20_000)
    assert user.panel.preset.name == "stability" and user.find("open-stability").isChecked()
    frame = user.player.frame
    assert frame.reached.shape == (256, 256) and (frame.reached < NEVER).any()


def test_it_is_played_stepped_and_scrubbed(learner):
    assert learner.player.shown_position == 60
    learner.press(KEY.Key_Home)
    assert learner.player.shown_position == 0
    learner.press(KEY.Key_Right)
    assert learner.player.shown_position == 1
    learner.press(KEY.Key_Space)
    learner.until(lambda: 1 < learner.player.shown_position < 60)
    learner.press(KEY.Key_Space)
    assert not learner.player.playing
    bar = learner.find("timeline")
    learner.click(bar, QPoint(bar.width() // 2, bar.height() // 2))
    assert abs(learner.player.shown_position - 30) <= 1
    learner.press(KEY.Key_Left)
    assert abs(learner.player.shown_position - 29) <= 1


def test_cells_light_up_as_it_plays(learner):
    """In the picture: the page's open colour gives way to the scale's and to hatching."""
    grey = ground_colours(learner.panel.view.colours)[0].name()
    seen = []
    for step in (1, 20, 60):
        learner.player.seek(step)
        learner.aside()
        seen.append(ink(grabbed(learner.panel.view), grey, 2))
    assert seen[0] > 1.1 * seen[1] > 1.2 * seen[2] > 0


def test_a_costly_map_grows_and_can_be_paused(opened):
    user = opened()
    user.open("stability")
    user.panel.start(PRESETS["stability"].configuration({"resolution": 128, "iterations": 10_000}))
    user.until(lambda: user.player.settled and 0 < user.player.head < 10_000)
    assert user.player.playing
    user.panel.setFocus()
    user.press(KEY.Key_Space)
    user.until_phase(Phase.PAUSED)
    here = user.player.head
    assert here < 10_000 and user.player.frame.path.position == here
    user.press(KEY.Key_Right)
    user.until(lambda: user.player.head == here + 1)
    user.enter("iterations", "40")
    until_done(user)
    assert user.player.head == 40


def test_numbers_and_words_follow_the_step(learner):
    def numbers():
        frame = learner.player.frame
        return dict(learner.panel.view.numbers(frame, learner.player.shown_position))

    whole = numbers()
    assert whole["largest stable learning rate here"] == "1.9"
    assert float(whole["cells that diverged"].removesuffix(" %")) > 5
    learner.press(KEY.Key_Home)
    assert numbers()["cells that diverged"] == "0.0 %"
    assert any("marked: " in name for name in whole)


# The setting that is marked.


def test_a_click_takes_the_cells_setting_in_one_step_and_runs_it(learner):
    before, frame = setting(learner), learner.player.frame
    learner.click(*on_map(learner, 0.4, 0.55))
    assert setting(learner) == cell(learner, 0.4, 0.55) != before
    learner.until(lambda: learner.player.frame.path.points[0, 1, 1] == pytest.approx(2 - setting(learner)[0] * 4))
    assert learner.player.frame.reached is frame.reached  # the map was not computed again
    learner.panel.setFocus()
    learner.control(KEY.Key_Z)
    assert setting(learner) == before and not learner.window.undo.canUndo()


def test_a_drag_is_one_step_and_the_path_follows(learner):
    before = setting(learner)
    viewport, first = on_map(learner, 0.2, 0.2)
    _, last = on_map(learner, 0.51, 0.61)
    learner.drag(viewport, first, last)
    assert setting(learner) == cell(learner, 0.51, 0.61)
    learner.panel.setFocus()
    learner.control(KEY.Key_Z)
    assert setting(learner) == before and not learner.window.undo.canUndo()


def test_sliders_move_the_mark_but_do_not_compute_the_map_again(learner):
    frame, loads = learner.player.frame, learner.player.status.loads
    view = learner.panel.view
    before = view.here(frame)
    slider = learner.find("momentum.lr:slider")
    middle = slider.height() // 2
    learner.scroll_to(slider)
    learner.drag(slider, QPoint(slider.width() // 2, middle), QPoint(int(0.9 * slider.width()), middle))
    assert learner.panel.configuration["momentum.lr"] > 0.5
    learner.until(lambda: learner.player.status.configuration == learner.panel.configuration)
    learner.until(lambda: learner.player.frame.path.points[0, 1, 1] == pytest.approx(2 - 4 * setting(learner)[0]))
    assert learner.player.frame.reached is frame.reached and learner.player.status.loads == loads
    assert view.here(learner.player.frame) != before
    assert view.here(learner.player.frame)[0] == before[0]


def test_the_keyboard_goes_over_the_map(learner):
    graphics = learner.find("plots")
    for _ in range(60):
        if graphics.hasFocus():
            break
        learner.press(KEY.Key_Tab)
    assert graphics.hasFocus()
    before, step = setting(learner), learner.player.shown_position
    row, column = learner.panel.view.here(learner.player.frame)
    for _ in range(3):
        learner.press(KEY.Key_Left)
    learner.press(KEY.Key_Down, SHIFT)
    assert setting(learner) == before and learner.player.shown_position == step
    learner.press(KEY.Key_Return)
    across, up = learner.player.frame.axes
    assert setting(learner) == (across.values[column - 3], up.values[row - 10])


def test_a_click_leaves_the_arrows_to_the_transport(learner):
    learner.panel.setFocus()
    learner.click(*on_map(learner, 0.4, 0.55))
    learner.press(KEY.Key_Left)
    assert learner.player.shown_position == 59


def test_the_mouse_reads_a_cell(learner):
    viewport, place = on_map(learner, 0.95, 0.1)
    learner.move_to(viewport, place)
    pointer = learner.panel.view._pointer
    learner.until(lambda: pointer.index is not None)
    lines = [text for text, _ in learner.panel.view._read(pointer.index)]
    assert any(line.startswith("diverged at step ") for line in lines)
    assert lines[0].startswith("learning rate  3") and lines[1].startswith("momentum α  0.")
    learner.aside()
    learner.until(lambda: pointer.index is None)


def test_a_setting_off_the_map_is_not_marked_but_runs(learner):
    learner.enter("momentum.lr", "0.001")
    learner.until(lambda: learner.player.frame.path.points[0, 1, 1] == pytest.approx(2 - 0.004))
    view = learner.panel.view
    assert view.here(learner.player.frame) is None
    assert not any(name.startswith("marked") for name, _ in view.numbers(learner.player.frame, 60))


def test_a_click_on_the_surface_sets_the_start_and_another_map(learner):
    before = learner.player.frame
    learner.click(*on_plot(learner, learner.panel.view.path.map, 0.75, 0.25))
    assert learner.panel.configuration["start"] == pytest.approx((5, -5), abs=0.4)
    until_done(learner)
    assert not np.array_equal(learner.player.frame.reached, before.reached)


# Other maps.


def test_the_wheel_zooms_and_undo_comes_back(learner):
    viewport, place = on_map(learner, 0.7, 0.5)
    at = cell(learner, 0.7, 0.5)
    for _ in range(3):
        learner.wheel(viewport, place, 1)
    learner.until(lambda: learner.panel.configuration["x.range"] != (0.01, 4.0))
    until_done(learner)
    low, high = learner.panel.configuration["x.range"]
    assert np.log(high / low) == pytest.approx(0.8**3 * np.log(400), rel=0.05)
    assert cell(learner, 0.7, 0.5) == pytest.approx(at, rel=0.1)
    learner.panel.setFocus()
    learner.control(KEY.Key_Z)
    assert learner.panel.configuration["x.range"] == (0.01, 4.0) and not learner.window.undo.canUndo()


def test_a_zoom_ends_with_its_axis(learner):
    learner.choose("x", "x of the start")
    until_done(learner)
    learner.wheel(*on_map(learner, 0.2, 0.5), 1)
    learner.choose("x", "learning rate")
    until_done(learner)
    assert learner.panel.configuration["x.range"] == (0.01, 4.0)
    learner.wheel(*on_map(learner, 0.5, 0.5), 1)
    learner.until(lambda: learner.panel.configuration["x.range"] != (0.01, 4.0))
    low, high = learner.panel.configuration["x.range"]
    assert np.log(high / low) == pytest.approx(0.8 * np.log(400), rel=0.05)


def test_a_zoom_goes_on_while_the_map_of_the_one_before_is_computed(opened):
    user = at_map(opened(), resolution=256, iterations=100)
    spot = on_map(user, 0.7, 0.5)
    user.wheel(*spot, 1)
    user.until(lambda: user.panel.configuration["x.range"] != (0.01, 4.0))
    assert user.player.frame.axes[0].high == 4.0, "the map is of the range before"
    user.wheel(*spot, 1)
    until_done(user)
    user.until(lambda: user.window.undo.count() == 2)
    until_done(user)
    low, high = user.panel.configuration["x.range"]
    assert np.log(high / low) == pytest.approx(0.8**2 * np.log(400), rel=0.05)


def test_axes_are_chosen_among_what_there_is(learner):
    combo = learner.find("x")
    usable = {combo.itemText(row) for row in range(combo.count()) if combo.model().item(row).isEnabled()}
    assert usable == {
        "learning rate",
        "anisotropy",
        "x of the start",
        "y of the start",
    }  # all that Momentum has but for the other axis
    learner.choose("x", "y of the start")
    until_done(learner)
    axes = learner.player.frame.axes
    assert [axis.name for axis in axes] == ["start.y", "momentum"]
    assert [axis.label for axis in axes] == [learner.find(side).currentText() for side in ("x", "y")]
    assert learner.window.undo.undoText() == "across = y of the start"
    assert learner.panel.configuration["x.range"] == (-10, 10)
    learner.choose("y", "learning rate")
    until_done(learner)
    assert [axis.name for axis in learner.player.frame.axes] == ["start.y", "lr"]
    assert learner.panel.configuration["y.range"] == (0.01, 4.0)


def test_a_wrong_range_says_what_is_allowed_and_changes_nothing(learner):
    learner.enter("y.range.high", "1.5")
    assert "0.99999" in learner.window.banner.text()
    assert learner.panel.configuration["y.range"] == (0.0, 0.99)
    assert learner.find("y.range.high").text() == "0.99"
    learner.enter("y.range.high", "0.5")
    until_done(learner)
    assert learner.player.frame.axes[1].high == 0.5


def test_another_optimizer_brings_axes_of_its_own(learner):
    learner.choose("optimizer", "SGD")
    until_done(learner)
    assert [axis.name for axis in learner.player.frame.axes] == ["lr", "anisotropy"]
    assert learner.player.frame.lanes[0].label == "SGD"
    assert learner.find("sgd.lr").isVisible() and not learner.find("momentum.lr").isVisible()
    for optimizer in OPTIMIZERS:
        learner.choose("optimizer", OPTIMIZERS[optimizer].label)
    until_done(learner)
    assert learner.player.frame.lanes[0].optimizer == list(OPTIMIZERS)[-1]


def test_colour_can_be_the_loss_without_another_map(learner):
    frame = learner.player.frame
    bright = level_colour(63).name()
    learner.choose("measure", "loss")
    learner.until(lambda: learner.player.status.configuration["measure"] == "loss")
    assert learner.player.frame.reached is frame.reached
    learner.aside()
    assert ink(grabbed(learner.panel.view), bright, 6) > 500
    learner.choose("measure", "minimum")
    until_done(learner)
    assert learner.player.frame.measured == "minimum"


def test_many_changes_in_a_row_end_at_the_last(learner):
    slider = learner.find("anisotropy:slider")
    learner.scroll_to(slider)
    middle = slider.height() // 2
    learner.drag(slider, QPoint(slider.width() // 4, middle), QPoint(slider.width() // 2, middle), moves=20)
    learner.enter("momentum.lr", "0.4")
    learner.enter("tolerance", "0.01")
    learner.enter("momentum.lr", "0.5")
    until_done(learner)
    assert learner.player.frame.tolerance == 0.01
    learner.until(lambda: learner.player.frame.path.points[0, 1, 1] == pytest.approx(2 - 0.5 * 4))


def test_basins_have_the_colours_of_their_minima(opened):
    user = at_map(opened(), "basins", iterations=200)
    user.aside()
    picture = pixels(grabbed(user.panel.view.graphics)).astype(int)
    for number, (x, y) in enumerate(user.player.frame.minima.points):
        _, place = on_map(user, (x + 6) / 12, (y + 6) / 12 + 0.06)
        found = picture[place.y(), place.x()]
        wanted = [int(HUE_COLOURS[number][i : i + 2], 16) for i in (1, 3, 5)]
        others = [[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in HUE_COLOURS[:4] if c != HUE_COLOURS[number]]
        distance = np.abs(found - wanted).sum()
        assert all(distance < np.abs(found - other).sum() for other in others)
    user.click(*on_map(user, 0.2, 0.2))
    assert user.panel.configuration["start"] == pytest.approx((-3.6, -3.6), abs=0.4)
    user.until(lambda: path_is_marked(user))
    words = [name for name, _ in user.panel.view.numbers(user.player.frame, 200)]
    assert any("marked: minimum 1 at (−3.78,\u00a0−3.28)" in name for name in words)


def test_every_preset_and_theme_can_be_looked_at(learner):
    for preset in ("stability-sgd", "basins", "stability"):
        learner.panel.open_preset(preset)
        learner.until(lambda: learner.player.settled and learner.player.head == 200, timeout=20_000)
        assert learner.panel.preset.name == preset
    light = pixels(grabbed(learner.panel.view)).mean()
    learner.window.findChild(QAction, "theme-dark").trigger()
    assert pixels(grabbed(learner.panel.view)).mean() < 0.7 * light
    learner.window.findChild(QAction, "theme-light").trigger()


# Elsewhere.


def test_the_marked_run_opens_in_paths_and_undo_leads_back(learner):
    learner.click(*on_map(learner, 0.4, 0.55))
    wanted = setting(learner)
    learner.click("open-in-paths")
    assert learner.panel.entry.key == "paths"
    learner.until(lambda: learner.player.settled and learner.player.head == 60)
    assert (learner.panel.configuration["momentum.lr"], learner.panel.configuration["momentum.momentum"]) == wanted
    assert learner.panel.configuration["lanes"] == ("momentum",)
    points = learner.player.frame.points[0]
    learner.control(KEY.Key_Z)
    learner.until(lambda: learner.player.settled and learner.player.head == 29)
    learner.open("stability")
    learner.until(lambda: np.array_equal(learner.player.frame.path.points[0], points))


def test_it_is_exported_as_pictures_and_data(learner, tmp_path):
    for kind in ("png", "svg", "pdf", "csv", "json", "npz"):
        (path,) = export_panel(learner.panel, Request("whole panel", kind, tmp_path, "map"))
        assert path.stat().st_size > 300
    with (tmp_path / "map.csv").open() as file:
        rows = list(csv.DictReader(file))
    frame = learner.player.frame
    assert len(rows) == 32 * 32 and list(rows[0]) == ["lr", "momentum", "steps", "final_loss", "diverged"]
    for number in (0, 500, 1023):
        row, column = divmod(number, 32)
        assert float(rows[number]["lr"]) == frame.axes[0].values[column]
        assert float(rows[number]["momentum"]) == frame.axes[1].values[row]
        steps = int(frame.reached[row, column])
        assert rows[number]["steps"] == (str(steps) if steps < NEVER else "")
    saved = json.loads((tmp_path / "map.json").read_text())
    assert saved["configuration"]["parameters"]["resolution"] == 32
    with np.load(tmp_path / "map.npz") as found:
        np.testing.assert_array_equal(found["diverged"] >= 0, frame.diverged < NEVER)


def test_a_session_brings_map_mark_and_moment_back(learner, opened, tmp_path):
    learner.click(*on_map(learner, 0.4, 0.55))
    wanted = setting(learner)
    learner.panel.setFocus()
    for _ in range(5):
        learner.press(KEY.Key_Left)
    assert learner.player.shown_position == 55
    path = saved_session(learner, tmp_path / "map.trainscope")
    other = opened()
    other.window.show_session(read_session(path))
    other.until(lambda: other.panel.entry.key == "stability" and other.player.head == 60)
    assert setting(other) == wanted and other.player.shown_position == 55
    np.testing.assert_array_equal(other.player.frame.reached, learner.player.frame.reached)


def test_what_was_set_is_there_at_the_next_start(learner, opened):
    learner.enter("anisotropy", "5")
    until_done(learner)
    learner.window.close()
    other = opened("stability")
    until_done(other)
    assert other.panel.configuration["anisotropy"] == 5 and other.panel.configuration["resolution"] == 32


def test_it_can_be_closed_and_left_while_it_computes(opened):
    user = opened()
    user.open("stability")
    user.panel.start(PRESETS["basins"].configuration({"surface": "ackley", "resolution": 512, "iterations": 10_000}))
    user.until(lambda: user.player.settled and user.player.head > 0)
    user.open("paths")
    user.open("stability")
    user.enter("resolution", "400")
    user.window.close()
    assert not user.window.isVisible()


@pytest.mark.parametrize("measure", ["minimum", "steps"])
def test_a_function_without_a_minimum_in_its_domain_says_so(user, measure):
    ends = {f"{key}.{side}": (-1.0, 1.0) for key, side in (("domain", "x"), ("domain", "y"))}
    plane = {"surface": "own", "function": "sin(x) + cos(y)", **ends, "x.range": (-1.0, 1.0), "y.range": (-1.0, 1.0)}
    at_map(user, "basins", **plane, start=(0.0, 0.5), measure=measure)
    frame, cursor = user.player.frame, user.player.shown_position
    assert ("open", "none reached: f has no minimum here") in key_entries(frame, measure, True)
    said = [name for name, _ in user.panel.view.numbers(frame, cursor)]
    assert "f has no minimum for x from −1 to 1 and y from −1 to 1: no cell can reach one" in said
    assert "marked: no minimum to reach" in said and "a wider domain may have one" in said
    wider = dict.fromkeys(("domain.x", "domain.y"), (-4.0, 4.0))
    user.panel.start(user.panel.configuration.replace(wider))
    until_done(user)
    said = [name for name, _ in user.panel.view.numbers(user.player.frame, cursor)]
    assert not any("has no minimum" in words for words in said)
    assert not any("has no minimum" in words for _, words in key_entries(user.player.frame, measure, True))


def test_a_function_of_ones_own_is_mapped(learner):
    learner.choose("surface", "own")
    until_done(learner)
    assert learner.player.frame.surface.key == "own"
    words = learner.panel.view.plots["path"].vb.viewRange()
    assert tuple(words[0]) == learner.panel.configuration["domain.x"]
    learner.choose("x", "x of the start")
    learner.choose("y", "y of the start")
    learner.choose("measure", "minimum")
    until_done(learner)
    assert learner.panel.configuration["x.range"] == learner.panel.configuration["domain.x"]
    assert len(learner.player.frame.minima) == 2
    learner.click(*on_map(learner, 0.2, 0.8))
    learner.until(lambda: path_is_marked(learner))
    assert learner.panel.configuration["start"][0] < 0
