"""Learning-rate schedules as a learner meets them: chosen in a lane, seen under the loss, changed, undone, written."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QAction, QImage

from core.optimizers import OPTIMIZERS
from core.runner import Phase
from core.schedules import Plan
from gui import theme
from gui.plots import LIGHT
from gui.views.base import plot_colours
from gui.views.futures import pale
from tests.gui_helpers import grabbed, ink, plain_text, small

pytest_plugins = ["tests.window"]

KEY = Qt.Key
FINISHED, PAUSED = Phase.FINISHED, Phase.PAUSED
SGD, ADAM = (LIGHT.lane(OPTIMIZERS[name].colour) for name in ("sgd", "adam"))


@pytest.fixture
def first_run():
    return small()


def rates(user):
    return user.panel.view.rates


def part(user, plot):
    """Return the picture of one plot's inside."""
    view = user.panel.view
    inside = view.graphics.mapFromScene(plot.vb.sceneBoundingRect()).boundingRect()
    return grabbed(view.graphics).copy(inside)


def choose(user, lane, schedule):
    """Open a lane, if it is not open, and choose its schedule."""
    if not user.panel.lanes.row(lane).is_open():
        user.click(f"lane-{lane}:open")
    user.choose(f"{lane}.schedule", schedule)
    user.panel.setFocus()
    user.until(lambda: user.panel.configuration[f"{lane}.schedule"] == schedule)
    user.until(lambda: scheduled(user) or schedule == "constant")


def scheduled(user):
    frame = user.player.frame
    return frame.ahead is not None and any(frame.ahead.scheduled)


def run(user, phase=FINISHED):
    user.press(KEY.Key_Space)
    user.until_phase(phase)


def test_a_schedule_is_chosen_in_a_lane_and_seen_before_the_run_begins(user):
    user.small_race()
    assert not rates(user).shown and "learning rate" not in user.panel.view.plots
    room = user.panel.view.loss.geometry().height()
    choose(user, "sgd", "cosine")
    user.until(lambda: rates(user).shown)
    assert list(user.panel.view.plots) == ["loss", "learning rate", "accuracy"]
    assert user.sees("schedule.length") and user.sees("schedule.floor")
    assert not user.sees("schedule.every") and not user.sees("schedule.warmup")
    picture = part(user, rates(user).plot)
    assert ink(picture, pale(SGD, LIGHT).name()) > 60 and ink(picture, SGD, 8) == 0
    both = rates(user).plot, user.panel.view.loss  # both have numbers at their left
    user.until(lambda: len({round(plot.vb.sceneBoundingRect().left()) for plot in both}) == 1)
    assert "cos(π·t/N)" in plain_text(user.panel.notes._formulas)
    user.until(lambda: ("learning rate, SGD", "0.01") in user.panel.view.numbers(user.player.frame, 0))
    choose(user, "sgd", "constant")
    user.until(lambda: not rates(user).shown)
    user.until(lambda: user.panel.view.loss.geometry().height() == pytest.approx(room, abs=1))
    assert "learning rate" not in user.panel.view.plots and not user.sees("schedule.length")


def test_a_run_draws_what_was_used_and_follows_the_timeline(user):
    user.small_race(**{"sgd.schedule": "cosine", "schedule.length": 400})
    run(user)
    frame = user.player.frame
    assert np.allclose(frame.rates[0], 0.01 * Plan("cosine", length=400).factors(0, 400), rtol=1e-15)
    whole = ink(part(user, rates(user).plot), SGD, 8)
    assert whole > 200 and ink(part(user, rates(user).plot), ADAM, 8) > 100
    assert dict(user.panel.view.numbers(frame, 400))["learning rate, SGD"] == "0.0001"
    bar = user.find("timeline")
    user.click(bar, QPoint(bar.width() // 4, bar.height() // 2))
    cursor = user.player.shown_position
    assert ink(part(user, rates(user).plot), SGD, 8) < whole / 2
    assert ink(part(user, rates(user).plot), pale(SGD, LIGHT).name()) > 100
    assert dict(user.panel.view.numbers(frame, cursor))["learning rate, SGD"] == f"{frame.rates[0, cursor - 1]:.3g}"


def test_the_mouse_reads_all_plots_at_one_update(user):
    user.small_race(**{"sgd.schedule": "step", "schedule.every": 100})
    run(user)
    view, plot = user.panel.view, rates(user).plot
    height = plot.vb.viewRect().center().y()
    spot = view.graphics.mapFromScene(plot.vb.mapViewToScene(QPointF(150.0, height)))
    user.aside()
    user.move_to(view.graphics.viewport(), spot)
    user.until(lambda: rates(user).hover.index is not None and abs(rates(user).hover.index - 150) <= 1)
    at = rates(user).hover.index
    assert {hover.index for hover in view._hovers} == {at}
    assert [text for text, _ in rates(user)._read(at)] == [
        f"iteration {at}: learning rate",
        "SGD  0.001",
        "Adam  0.001",
    ]
    assert not rates(user)._read(401) and not rates(user)._read(0)


def test_the_wheel_zooms_all_plots_along_the_run(user):
    user.small_race(**{"sgd.schedule": "step"})
    run(user)
    view, plot = user.panel.view, rates(user).plot
    spot = view.graphics.mapFromScene(plot.vb.sceneBoundingRect().center())
    user.wheel(view.graphics.viewport(), spot, 3)
    found = [tuple(each.vb.viewRange()[0]) for each in (view.loss, plot, view.accuracy)]
    assert found[0] == found[1] == found[2] and found[0][1] - found[0][0] < 390


def test_a_schedule_changes_in_mid_run_with_a_mark_and_is_undone(user):
    user.small_race(iterations=100_000, evaluate=0)
    user.press(KEY.Key_Space)
    user.until(lambda: user.player.head > 20)
    user.press(KEY.Key_Space)
    user.until_phase(PAUSED)
    here, loads = user.player.shown_position, user.player.status.loads
    choose(user, "adam", "step")
    assert user.said() == f"Adam schedule = step from iteration {here:,} on"
    change = user.player.frame.changes[0]
    assert (change.key, change.value, change.iteration) == ("adam.schedule", "step", here)
    user.enter("schedule.every", "10")
    user.until(lambda: len(user.player.frame.changes) == 2)
    user.panel.setFocus()
    assert user.player.status.loads == loads and user.panel.view._changes._marks[0][1] == "adam.schedule = step"
    user.press(KEY.Key_Right)
    user.until(lambda: user.player.head == here + 1)
    frame = user.player.frame
    assert frame.rates[1, here - 1] == 0.001
    assert frame.rates[1, here] == 0.001 * Plan("step", every=10).factor(here) < 0.001
    user.control(KEY.Key_Z)
    user.control(KEY.Key_Z)
    user.until(lambda: user.panel.configuration["adam.schedule"] == "constant")
    user.until(lambda: user.player.status.position == here + 1)
    user.press(KEY.Key_Right)
    user.until(lambda: user.player.head == here + 2)
    assert user.player.frame.rates[1, here + 1] == 0.001


def test_a_longer_run_keeps_its_schedule(user):
    user.small_race(iterations=20, **{"sgd.schedule": "cosine", "schedule.length": 20})
    run(user)
    before = user.player.frame.rates.copy()
    user.click("extend")
    user.until(lambda: user.player.head > 30)
    assert user.panel.configuration["schedule.length"] == 20
    frame = user.player.frame
    assert np.array_equal(frame.rates[:, :20], before) and set(frame.rates[0, 20:]) == {1e-4}


def test_a_constant_run_that_is_extended_says_only_that(user):
    user.small_race(iterations=20)
    run(user)
    user.click("extend")
    user.until(lambda: user.player.head > 30)
    assert user.player.frame.changes == () and user.said().startswith("iterations = 1020 from iteration 20")


def test_a_shorter_run_makes_schedules_shorter_until_one_is_chosen(user):
    user.small_race()
    user.enter("iterations", "300")
    assert user.panel.configuration["schedule.length"] == 300
    user.panel.setFocus()
    choose(user, "sgd", "warmup-cosine")
    user.enter("iterations", "200")
    assert user.panel.configuration["schedule.length"] == 300
    assert user.sees("schedule.warmup")


def test_a_setting_that_cannot_be_is_refused_at_its_field(user):
    user.small_race(**{"sgd.schedule": "cosine"})
    user.enter("schedule.length", "0")
    assert user.panel.form.editor("schedule.length").refusal() == "Not used; allowed: a whole number from 1 to 1000000"
    assert user.panel.configuration["schedule.length"] == 2000


def test_lanes_that_are_off_take_their_schedule_with_them(user):
    user.small_race(**{"adam.schedule": "step"})
    run(user)
    assert rates(user).shown
    user.click("lane-adam")
    user.until(lambda: not rates(user).shown)
    user.click("lane-adam")
    user.until(lambda: rates(user).shown)


def test_a_lane_that_diverges_ends_below_too(user):
    user.small_race(lanes=("sgd", "adam"), l2=10.0, **{"sgd.lr": 10.0, "sgd.schedule": "step"})
    run(user)
    lost = user.player.frame.diverged[0]
    items = rates(user)._lanes["sgd"]
    assert lost is not None and len(items.used._curve.y) == lost - 1 and not len(items.ahead._curve.y)


@pytest.mark.parametrize(("kind", "what"), [("csv", ""), ("png", "learning rate"), ("svg", "whole panel")])
def test_rates_are_in_the_files(user, store, tmp_path, kind, what):
    store.setValue("export/folder", str(tmp_path))
    user.small_race(iterations=30, **{"sgd.schedule": "step", "schedule.every": 10})
    run(user)
    user.control(KEY.Key_E)
    dialog = user.window._export
    user.until(dialog.isVisible)
    dialog.folder.setText(str(tmp_path))
    dialog.name.setText("mine")
    dialog.format.setCurrentText(kind)
    if what:
        dialog.what.setCurrentText(what)
        assert dialog.what.currentText() == what
    user.click(dialog.write)
    made = tmp_path / f"mine.{kind}"
    user.until(made.exists)
    if kind == "png":
        assert ink(QImage(str(made)), SGD, 8) > 100
    elif kind == "svg":
        assert "learning rate" in made.read_text()
    else:
        with (tmp_path / "mine-rates.csv").open() as file:
            rows = list(csv.reader(file))
        assert rows[0] == ["lane", "iteration", "lr"]
        assert rows[10:12] == [["sgd", "10", "0.01"], ["sgd", "11", "0.001"]]


def test_schedules_race_as_lanes(user):
    user.small_race("schedules", lanes=("constant", "step"), **{"schedule.every": 200, "iterations": 400})
    assert [lane.label for lane in user.player.frame.lanes] == ["constant", "step"]
    run(user)
    frame = user.player.frame
    assert rates(user).shown and frame.rates[1, 199] == 0.1 and frame.rates[1, 200] == pytest.approx(0.01)
    assert np.array_equal(frame.loss[0, :200], frame.loss[1, :200])
    assert (frame.loss[0, 202:] != frame.loss[1, 202:]).any()
    box = user.find("lane-cosine")
    user.click(box, QPoint(12, box.height() // 2))
    user.until(lambda: len(user.player.frame.lanes) == 3)
    assert user.said() == "restarted with schedules = constant,step,cosine"


@pytest.mark.parametrize("panel", ["paths", "training"])
def test_rates_that_were_hidden_have_the_theme_that_was_chosen_meanwhile(user, panel):
    if panel == "training":
        user.small_race()
    else:
        user.open(panel)
    user.window.findChild(QAction, "theme-dark").trigger()
    choose(user, "sgd", "cosine")
    user.until(lambda: rates(user).shown)
    colours = plot_colours(theme.THEMES["dark"])
    assert rates(user).plot.colours == colours
    left, loss = (plot.getAxis("left") for plot in (rates(user).plot, user.panel.view.loss))
    user.until(lambda: left.geometry().width() == loss.geometry().width() > 40)
    if panel == "paths":  # which are computed to their end
        user.until(lambda: ink(part(user, rates(user).plot), colours.lane(SGD), 6) > 60)
    user.window.findChild(QAction, "theme-light").trigger()


# Paths.


def test_paths_follow_a_schedule_at_once(opened):
    user = opened(fresh=True)
    user.until(lambda: user.panel.shown_frame() is not None)
    constant = user.player.frame.points[0].copy()
    choose(user, "sgd", "step")
    user.until(lambda: rates(user).shown)
    frame = user.player.frame
    assert np.array_equal(frame.points[0, :16], constant[:16]) and not np.allclose(frame.points[0, 20:], constant[20:])
    assert ink(part(user, rates(user).plot), SGD, 8) > 100
    user.press(KEY.Key_Left)
    assert ("learning rate, SGD", "0.095") in user.panel.view.numbers(frame, user.player.shown_position)
    assert rates(user)._read(15)[1][0] == "SGD  0.95" and rates(user)._read(16)[1][0] == "SGD  0.095"
    user.enter("iterations", "60")
    user.until(lambda: user.player.frame.total == 60)
    assert np.array_equal(user.player.frame.points[0, :30], frame.points[0])
    user.panel.setFocus()
    for _ in range(2):
        user.control(KEY.Key_Z)
    user.until(lambda: not rates(user).shown)
    assert np.array_equal(user.player.frame.points[0], constant)


def test_a_zoom_shows_the_last_updates_too(user):
    """On a long run many updates share a pixel, and the line is not drawn anew for each of them."""
    user.small_race(iterations=100_000, evaluate=0, **{"sgd.schedule": "cosine"})
    user.press(KEY.Key_Space)
    user.until(lambda: user.player.head > 30)
    user.press(KEY.Key_Space)
    user.until_phase(PAUSED)
    for _ in range(3):
        here = user.player.head
        user.press(KEY.Key_Right)
        user.until(lambda here=here: user.player.head == here + 1)
    view, items = user.panel.view, rates(user)._lanes["sgd"]
    spot = view.graphics.mapFromScene(rates(user).plot.vb.mapViewToScene(QPointF(50.0, -3.0)))
    user.wheel(view.graphics.viewport(), spot, 5)
    assert len(items.used._curve.y) == user.player.shown_position > 30
