"""The panel of paths, as a learner uses it: plays, steps, drags, types; with real clicks and keys."""

from __future__ import annotations

import re

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt

from core.optimizers import OPTIMIZERS
from core.surfaces import SURFACES
from gui.panel_export import Request, export_panel
from gui.plots import LIGHT
from tests.gui_helpers import grabbed, ink

pytest_plugins = ["tests.window"]

KEY, SHIFT = Qt.Key, Qt.KeyboardModifier.ShiftModifier
END = 29


def on_map(user, x, y):
    """The viewport of the plots, and the pixel of a point of the surface."""
    view = user.panel.view
    scene = view.map.vb.mapViewToScene(view.map.vb.mapFromView(view.map.vb.mapToView(QPoint(0, 0))))
    scene = view.map.vb.mapViewToScene(type(scene)(x, y))
    return view.graphics.viewport(), view.graphics.mapFromScene(scene)


def path(user, lane):
    frame = user.player.frame
    return frame.points[[found.name for found in frame.lanes].index(lane)]


def start(user):
    return tuple(user.player.frame.points[0, 0])


def until_start(user, x, y, within=0.3):
    user.until(lambda: np.allclose(start(user), (x, y), atol=within))


def at(user):
    return user.player.shown_position


# The transport.


def test_space_replays_from_the_start_and_pauses(user):
    assert at(user) == END
    user.press(KEY.Key_Space)
    assert user.player.playing and at(user) == 0
    user.until(lambda: at(user) >= 2)
    user.press(KEY.Key_Space)
    here = at(user)
    assert not user.player.playing and 2 <= here < END
    user.until(lambda: user.find("play").accessibleName().startswith("Play"))
    user.press(KEY.Key_Space)
    user.until(lambda: at(user) > here)


def test_a_replay_stops_at_the_end_and_can_be_played_again(user):
    user.choose("speed", "1,000 / s")
    user.panel.setFocus()
    user.press(KEY.Key_Space)
    user.until(lambda: at(user) == END and not user.player.playing)
    user.press(KEY.Key_Space)
    assert user.player.playing and at(user) < END


def test_arrows_and_home_move_by_one_and_to_the_start(user):
    user.press(KEY.Key_Left)
    user.press(KEY.Key_Left)
    assert at(user) == END - 2
    assert user.find("readout-position").text() == "step 27 / 29"
    user.press(KEY.Key_Right)
    assert at(user) == END - 1
    user.press(KEY.Key_Home)
    assert at(user) == 0
    assert not user.find("back").isEnabled() and user.find("step").isEnabled()
    user.press(KEY.Key_Left)
    assert at(user) == 0


def test_buttons_do_the_same(user):
    user.click("restart")
    assert at(user) == 0
    user.click("step")
    user.click("step")
    assert at(user) == 2
    user.click("back")
    assert at(user) == 1
    user.click("play")
    user.until(lambda: at(user) > 1)


def test_the_timeline_is_clicked_and_dragged(user):
    bar = user.find("timeline")
    middle = QPoint(bar.width() // 2, bar.height() // 2)
    user.click(bar, middle)
    assert abs(at(user) - END / 2) <= 1
    user.drag(bar, middle, QPoint(bar.width() // 4, middle.y()))
    assert abs(at(user) - END / 4) <= 1
    user.drag(bar, QPoint(bar.width() // 4, middle.y()), QPoint(bar.width() - 2, middle.y()))
    assert at(user) == END


def test_a_slow_speed_is_slower(user):
    user.press(KEY.Key_Home)
    user.choose("speed", "1 / s")
    user.panel.setFocus()
    user.press(KEY.Key_Space)
    user.until(lambda: at(user) == 1)
    user.choose("speed", "100 / s")
    user.until(lambda: at(user) > 10, timeout=900)


def test_what_is_drawn_follows_the_cursor(user):
    blue = LIGHT.lane(OPTIMIZERS["sgd"].colour)
    whole = ink(grabbed(user.panel.view), blue)
    user.press(KEY.Key_Home)
    assert ink(grabbed(user.panel.view), blue) < whole / 3


# Parameters.


def test_a_learning_rate_changes_its_path_and_keeps_the_moment(user):
    user.player.seek(10)
    before, others, heard = path(user, "sgd"), path(user, "adam"), []
    user.player.shown.connect(lambda frame, cursor: heard.append(cursor))
    user.enter("sgd.lr", "0.3")
    user.until(lambda: not np.array_equal(path(user, "sgd"), before))
    assert set(heard) == {10}
    assert at(user) == 10
    assert np.array_equal(path(user, "adam"), others)
    assert path(user, "sgd")[1] == pytest.approx((-7 + 0.3 * 0.7, 2 - 0.3 * 4))


def test_a_refused_value_says_why_and_changes_nothing(user):
    before = path(user, "sgd")
    user.enter("sgd.lr", "-1")
    assert "1e-06" in user.panel.lanes.editor("sgd.lr").refusal()
    assert user.panel.configuration["sgd.lr"] == 0.95
    user.enter("adam.lr", "0.1")
    user.until(lambda: path(user, "adam")[1][0] == pytest.approx(-6.9))
    assert np.array_equal(path(user, "sgd"), before)


def test_another_surface_brings_its_own_start_and_view(user):
    user.choose("surface", "beale")
    wanted = SURFACES["beale"]
    until_start(user, *wanted.start, within=1e-9)
    (x_range, y_range) = user.panel.view.map.vb.viewRange()
    assert (*x_range, *y_range) == pytest.approx(wanted.view)
    assert not user.find("anisotropy").isVisible()
    user.choose("surface", "quadratic")
    until_start(user, *SURFACES["quadratic"].start, within=1e-9)
    assert user.find("anisotropy").isVisible()


def test_a_preset_is_chosen_and_undone(user):
    user.choose("preset", "The banana")
    user.find("preset").activated.emit(user.find("preset").currentIndex())
    user.until(lambda: user.player.frame.total == 400)
    assert user.panel.preset.name == "paths-rosenbrock"
    user.panel.setFocus()
    user.control(KEY.Key_Z)
    user.until(lambda: user.player.frame.total == END)
    assert user.find("preset").currentText() == "Six optimizers in a valley"


def test_steps_can_be_one_or_many(user):
    user.enter("iterations", "1")
    user.until(lambda: user.player.frame.total == 1)
    assert at(user) <= 1
    user.enter("iterations", "1000")
    user.until(lambda: user.player.frame.total == 1000)
    assert user.player.frame.points.shape == (6, 1001, 2)


# Undo.


def test_changes_are_undone_and_redone_in_order(user):
    user.enter("sgd.lr", "0.3")
    user.enter("sgd.lr", "0.4")
    user.enter("iterations", "50")
    user.panel.setFocus()
    user.control(KEY.Key_Z)
    assert user.panel.configuration["iterations"] == END
    user.control(KEY.Key_Z)
    assert user.panel.configuration["sgd.lr"] == 0.3
    assert user.find("sgd.lr").text() == "0.3"
    user.control(KEY.Key_Z)
    assert user.panel.configuration["sgd.lr"] == 0.95
    user.control(KEY.Key_Z, SHIFT)
    user.control(KEY.Key_Z, SHIFT)
    user.control(KEY.Key_Z, SHIFT)
    assert (user.panel.configuration["sgd.lr"], user.panel.configuration["iterations"]) == (0.4, 50)
    user.until(lambda: user.player.frame.total == 50)


def drag_slider(user, name, first, last):
    slider = user.find(f"{name}:slider")
    user.scroll_to(slider)
    middle = slider.height() // 2
    user.drag(slider, QPoint(int(first * slider.width()), middle), QPoint(int(last * slider.width()), middle))


def test_a_drag_of_a_slider_is_one_step_and_two_are_two(user):
    drag_slider(user, "anisotropy", 0.5, 0.7)
    first = user.panel.configuration["anisotropy"]
    assert first > 40
    drag_slider(user, "anisotropy", 0.7, 0.3)
    assert user.panel.configuration["anisotropy"] < 12
    user.panel.setFocus()
    user.control(KEY.Key_Z)
    assert user.panel.configuration["anisotropy"] == first
    user.control(KEY.Key_Z)
    assert user.panel.configuration["anisotropy"] == 20
    assert not user.window.undo.canUndo()


# The map.


def test_a_click_sets_the_start(user):
    user.click(*on_map(user, 5, -4))
    until_start(user, 5, -4)
    assert user.find("start.x").text() == f"{start(user)[0]:g}"
    assert tuple(path(user, "adam")[0]) == start(user)


def test_the_starts_handle_is_dragged_in_one_undo_step(user):
    viewport, first = on_map(user, -7, 2)
    _, last = on_map(user, -3, 6)
    user.drag(viewport, first, last)
    until_start(user, -3, 6)
    user.panel.setFocus()
    user.control(KEY.Key_Z)
    until_start(user, -7, 2, within=1e-9)
    assert not user.window.undo.canUndo()


def test_a_drag_that_is_faster_than_what_hears_of_it_ends_where_the_button_goes_up(user):
    viewport, first = on_map(user, -7, 2)
    user.press_at(viewport, first)
    for x, y in ((-6, 3), (-5, 4), (-4, 5), (-3, 6)):
        user.move_to(viewport, on_map(user, x, y)[1])
    user.release_at(viewport, on_map(user, -3, 6)[1])
    until_start(user, -3, 6)
    user.panel.setFocus()
    user.control(KEY.Key_Z)
    until_start(user, -7, 2, within=1e-9)
    assert not user.window.undo.canUndo()


def test_a_click_on_the_loss_leaves_the_start(user):
    view = user.panel.view
    place = view.graphics.mapFromScene(view.loss.vb.sceneBoundingRect().center())
    user.click(view.graphics.viewport(), place)
    user.enter("adam.lr", "0.2")
    user.until(lambda: path(user, "adam")[1][0] == pytest.approx(-6.8))
    assert start(user) == (-7, 2)


def test_the_wheel_zooms_and_a_drag_pans(user):
    box = user.panel.view.map.vb
    viewport, place = on_map(user, 0, 4)
    user.wheel(viewport, place, 3)
    (low, high), _ = box.viewRange()
    assert high - low < 19 and low < 0 < high
    user.drag(viewport, *(on_map(user, x, 4)[1] for x in (0, 3)))
    assert box.viewRange()[0][0] < low - 1
    assert start(user) == (-7, 2)
    for _ in range(4):
        user.wheel(viewport, place, -3)
    (low, high), _ = box.viewRange()
    assert high - low > 25


# Lanes.


def test_lanes_are_hidden_but_never_all(user):
    colours = {name: LIGHT.lane(OPTIMIZERS[name].colour) for name in ("sgd", "adagrad")}
    user.click("lane-adagrad")
    user.until(lambda: len(user.player.frame.lanes) == 5)
    user.aside()
    picture = grabbed(user.panel.view)
    assert ink(picture, colours["adagrad"]) < 5 < ink(picture, colours["sgd"])
    for name in list(user.panel.configuration["lanes"]):
        user.click(f"lane-{name}")
    assert len(user.panel.configuration["lanes"]) == 1
    assert user.find("lanes-message").isVisible()
    user.click("lane-adagrad")
    user.until(lambda: "adagrad" in [lane.name for lane in user.player.frame.lanes])
    user.aside()
    assert ink(grabbed(user.panel.view), colours["adagrad"]) > 20


def test_a_lane_that_leaves_the_view_or_diverges_says_so(user):
    user.enter("sgd.lr", "3")
    user.until(lambda: user.lane_status("sgd") == "left the view")
    user.enter("iterations", "400")
    user.enter("sgd.lr", "10")
    user.until(lambda: user.player.settled and user.lane_status("sgd").startswith("diverged at step"))
    assert user.lane_status("adam").startswith("f = ")
    frame = user.player.frame
    step = frame.diverged[0]
    assert step is not None
    assert np.isnan(path(user, "sgd")[step]).all() and np.isfinite(path(user, "sgd")[step - 1]).all()
    user.player.seek(step - 1)
    assert user.lane_status("sgd") == "left the view"
    user.player.seek(1)
    user.until(lambda: user.lane_status("sgd") in ("left the view", f"f = {frame.loss[0, 1]:.3g}"))


def test_every_surface_can_be_played(user):
    user.choose("speed", "1,000 / s")
    for name in SURFACES:
        user.choose("surface", name)
        user.until(lambda name=name: user.player.frame.surface.key == name)
        user.panel.setFocus()
        user.press(KEY.Key_Home)
        user.press(KEY.Key_Space)
        user.until(lambda: at(user) > 0)
        assert user.lane_status("adam") != ""
        user.player.stop()


def test_a_lane_that_is_off_says_nothing_of_the_run_before(user):
    user.until(lambda: user.lane_status("sgd").startswith("f = "))
    user.click("lane-sgd")
    user.until(lambda: user.lane_status("sgd") == "")
    assert user.lane_status("adam").startswith("f = ")
    user.click("lane-sgd")
    user.until(lambda: user.lane_status("sgd").startswith("f = "))


def test_the_line_at_the_step_that_is_shown_is_thin_in_an_svg_for_every_program(user, tmp_path):
    """Many programs do not know non-scaling strokes, and would draw it as wide as a step."""
    user.until(lambda: user.player.settled)
    lines = []
    for step in (6, END):
        user.player.seek(step)
        user.until(lambda step=step: user.player.shown_position == step)
        (path,) = export_panel(user.panel, Request("loss", "svg", tmp_path, "loss", size=(700, 300)))
        text = path.read_text()
        assert not re.search(r"<(polyline|line|path) [^>]*non-scaling-stroke.*points", text)
        lines.append(text.count("<polyline"))
    assert lines[0] == lines[1] + 1
