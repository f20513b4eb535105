"""Learning rates under a schedule in the panels whose lanes share them: BatchNorm, Regularize and Search."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QAction, QImage

from core.presets import PRESETS
from core.runner import Phase
from core.schedules import Plan
from gui import theme
from gui.plots import DARK, LIGHT
from gui.views.base import plot_colours
from gui.views.futures import pale
from tests.gui_helpers import grabbed, ink

pytest_plugins = ["tests.window"]

KEY = Qt.Key
INK, PALE = LIGHT.foreground, pale(LIGHT.foreground, LIGHT).name()
_NETWORK = {"hidden": (8,), "batch": 20, "images": 200}
SMALL = {
    "batchnorm-grid": {
        **_NETWORK,
        "iterations": 80,
        "lanes": tuple(f"sigma-{scale}-{kind}" for scale in ("0.3", "he") for kind in ("bn", "plain")),
    },
    "batchnorm": {**_NETWORK, "iterations": 80},
    "weight-decay": {**_NETWORK, "iterations": 80},
    "random-search": {**_NETWORK, "epochs": 10, "trials": 5},
}
UPDATES = 80
STEP = {"sgd.schedule": "step", "schedule.every": 40}


@pytest.fixture
def start(opened):
    """Open a panel at a small run of some preset."""

    def begin(preset, **values):
        wanted = PRESETS[preset].configuration({**SMALL[preset], **values})
        user = opened(preset=preset)
        user.until(lambda: user.panel.shown_frame() is not None)
        user.panel.start(wanted)
        user.until(lambda: user.player.status.configuration == wanted and user.player.status.phase is Phase.PAUSED)
        user.until(lambda: user.player.frame.position == 0 and user.player.frame.total == UPDATES)
        user.panel.setFocus()
        return user

    return begin


def run(user):
    user.press(KEY.Key_Space)
    user.until_phase(Phase.FINISHED)


def rates(user):
    return user.panel.view.rates


def part(user):
    """Return the picture of the inside of the rates' plot."""
    view = user.panel.view
    inside = view.graphics.mapFromScene(rates(user).plot.vb.sceneBoundingRect()).boundingRect()
    return grabbed(view.graphics).copy(inside)


def others_height(user):
    """Return how high the other plots are in all, once they have been laid out."""
    user.panel.view.graphics.ci.layout.activate()
    plots = [item for item in user.panel.view.graphics.ci.items if item is not rates(user).plot]
    return sum(plot.geometry().height() for plot in plots)


@pytest.mark.parametrize("preset", SMALL)
def test_a_schedule_makes_room_for_the_rate_of_all_and_a_constant_rate_gives_it_back(start, preset):
    user = start(preset)
    name = "share of lr" if preset == "random-search" else "learning rate"
    assert not rates(user).shown and name not in user.panel.view.plots
    room = others_height(user)
    user.choose("sgd.schedule", "cosine")
    user.panel.setFocus()
    user.until(lambda: rates(user).shown)
    user.until(lambda: rates(user).plot.geometry().height() <= 92 and others_height(user) < room - 50)
    assert name in user.panel.view.plots
    user.until(lambda: ink(part(user), PALE) > 60 and not ink(part(user), INK, 8))
    first = "1" if preset == "random-search" else "0.01"
    user.until(lambda: dict(user.panel.view.numbers(user.player.frame, 0)).get(name) == first)
    user.choose("sgd.schedule", "constant")
    user.panel.setFocus()
    user.until(lambda: not rates(user).shown)
    user.until(lambda: others_height(user) == pytest.approx(room, abs=4))
    assert name not in user.panel.view.plots and name not in dict(user.panel.view.numbers(user.player.frame, 0))


@pytest.mark.parametrize("preset", SMALL)
def test_what_was_used_grows_with_the_run_and_follows_the_timeline(start, preset):
    user = start(preset, **STEP)
    run(user)
    base = 1.0 if preset == "random-search" else 0.01
    frame = user.player.frame
    assert np.allclose(frame.rates[0], base * Plan("step", every=40).factors(0, UPDATES), rtol=1e-12)
    whole = ink(part(user), INK, 8)
    assert whole > 150
    bar = user.find("timeline")
    user.click(bar, QPoint(bar.width() // 4, bar.height() // 2))
    cursor = user.player.shown_position
    assert 0 < cursor < UPDATES / 2
    user.until(lambda: ink(part(user), INK, 8) < whole / 2)
    assert ink(part(user), PALE) > 60
    assert float(dict(user.panel.view.numbers(frame, cursor))[rates(user).name]) == base
    assert float(dict(user.panel.view.numbers(frame, UPDATES))[rates(user).name]) == pytest.approx(0.1 * base)


@pytest.mark.parametrize("preset", SMALL)
def test_the_mouse_reads_the_rate_at_an_epoch(start, preset):
    user = start(preset, **STEP)
    run(user)
    per_epoch = user.player.frame.per_epoch
    view, plot = user.panel.view, rates(user).plot
    epoch = 50 // per_epoch
    place = plot.vb.mapViewToScene(QPointF(epoch, plot.vb.viewRect().center().y()))
    user.aside()
    user.move_to(view.graphics.viewport(), view.graphics.mapFromScene(place))
    user.until(lambda: rates(user).hover.index == epoch)
    value = "0.1" if preset == "random-search" else "0.001"
    assert rates(user)._read(epoch) == [(f"epoch {epoch}: {rates(user).name} {value}", "")]
    assert not rates(user)._read(UPDATES) and not rates(user)._read(-1)
    if preset != "random-search":
        hovers = [cell.hover for cell in view.cells.values()] if "batchnorm" in preset else view._hovers
        assert {hover.index for hover in hovers} == {epoch}


def test_a_large_plot_and_the_rate_below_it_have_one_axis(start):
    user = start("batchnorm", **STEP)
    (cell,) = user.panel.view.cells.values()
    assert cell.vb.viewRange()[0] == pytest.approx(rates(user).plot.vb.viewRange()[0])
    lefts = [plot.vb.sceneBoundingRect().left() for plot in (cell, rates(user).plot)]
    rights = [plot.vb.sceneBoundingRect().right() for plot in (cell, rates(user).plot)]
    assert abs(lefts[0] - lefts[1]) < 1 and abs(rights[0] - rights[1]) < 1


def test_rates_and_norms_have_one_axis(start):
    user = start("weight-decay", **STEP)
    view = user.panel.view
    assert view.norms.vb.viewRange()[0] == pytest.approx(rates(user).plot.vb.viewRange()[0])
    assert abs(view.norms.vb.sceneBoundingRect().left() - rates(user).plot.vb.sceneBoundingRect().left()) < 1
    user.find("lanes-add").setText("l2-0.5")
    user.qtbot.keyClick(user.find("lanes-add"), KEY.Key_Return)
    user.until(lambda: len(user.player.frame.lanes) == 3)
    assert rates(user).shown and rates(user).plot.scene() is not None


def test_a_rate_that_is_not_searched_is_shown_as_it_is(start):
    user = start("random-search", search=("l2",), **STEP)
    run(user)
    assert user.player.frame.rates[0, 0] == 0.01
    assert "learning rate" in user.panel.view.plots and rates(user)._read(1)[0][0].endswith("learning rate 0.01")


def test_a_schedule_chosen_in_mid_run_begins_there(start):
    user = start("batchnorm", iterations=UPDATES, **{"schedule.every": 10})
    for at in range(1, 4):
        user.press(KEY.Key_Right)
        user.until(lambda at=at: user.player.head == at)
    user.choose("sgd.schedule", "exponential")
    user.panel.setFocus()
    user.until(lambda: rates(user).shown)
    user.press(KEY.Key_Right)
    user.until(lambda: user.player.head == 4)
    used = user.player.frame.rates[0]
    assert used[:3].tolist() == [0.01] * 3 and used[3] == pytest.approx(0.01 * 0.1**0.3)


@pytest.mark.parametrize("preset", SMALL)
def test_another_theme_reaches_rates_that_are_not_there_yet(start, preset):
    user = start(preset)
    user.window.findChild(QAction, "theme-dark").trigger()
    user.choose("sgd.schedule", "cosine")
    user.until(lambda: rates(user).shown)
    assert rates(user).plot.colours == plot_colours(theme.THEMES["dark"])
    user.choose("sgd.schedule", "constant")
    user.until(lambda: not rates(user).shown)
    user.choose("sgd.schedule", "step")
    user.until(lambda: rates(user).shown and rates(user).plot.getAxis("left").geometry().width() > 40)
    user.window.findChild(QAction, "theme-light").trigger()
    user.until(lambda: ink(part(user), PALE) > 60)


@pytest.mark.parametrize("preset", SMALL)
def test_rates_are_in_pictures_and_tables(start, export_folder, preset):
    user = start(preset, **STEP)
    run(user)
    name = rates(user).name
    for kind, what in (("png", name), ("svg", "whole panel"), ("csv", "")):
        dialog = user.open_export()
        dialog.name.setText("mine")
        dialog.format.setCurrentText(kind)
        if what:
            dialog.what.setCurrentText(what)
            assert dialog.what.currentText() == what
        dialog.colours.setCurrentText("dark" if kind == "png" else "as on screen")
        user.click(dialog.write)
        user.until(lambda: user.window._export is None)
    assert ink(QImage(str(export_folder / "mine.png")), DARK.foreground, 12) > 100
    assert name in (export_folder / "mine.svg").read_text()
    with (export_folder / "mine-rates.csv").open() as file:
        rows = list(csv.reader(file))
    if preset == "random-search":
        assert rows[0] == ["iteration", "factor"] and len(rows) == UPDATES + 1
        assert [row[0] for row in rows[40:42]] == ["40", "41"]
        assert [float(row[1]) for row in rows[40:42]] == pytest.approx([1.0, 0.1])
    else:
        lanes = len(user.player.frame.lanes)
        assert rows[0] == ["lane", "iteration", "lr"] and len(rows) == lanes * UPDATES + 1
        assert float(rows[41][2]) == pytest.approx(0.001)


def test_json_of_a_search_tells_its_schedule(start, export_folder):
    user = start("random-search", **STEP)
    dialog = user.open_export()
    dialog.name.setText("mine")
    dialog.format.setCurrentText("json")
    user.click(dialog.write)
    user.until((export_folder / "mine.json").exists)
    values = json.loads((export_folder / "mine.json").read_text(encoding="utf-8"))["configuration"]
    assert "step" in json.dumps(values)
