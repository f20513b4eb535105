"""Histograms of untrained networks, with what was before as a ghost; and of the race while it trains."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt

from core.runner import Phase
from gui.views.activations import KINDS

pytest_plugins = ["tests.window"]

KEY = Qt.Key
LIVE, UNTRAINED = "training race, live", "untrained network"


@pytest.fixture
def panel(user):
    """The panel, at networks that take no time."""
    user.open("activations")
    user.enter("inputs", "50")
    user.enter("hidden", "12,12,12")
    until_columns(user, 3)
    return user


def until_columns(user, columns):
    user.until(lambda: len(user.panel.shown_frame().statistics[0].activations) == columns)
    user.until(lambda: {place for _, _, place in cells(user)} == set(range(columns)))


def cells(user):
    return user.panel.view._cells


def drawn(user, kind):
    """The histogram of every layer, as it is drawn; None for a hidden one."""
    return [histogram(cell.histogram) for (of, _, _), cell in sorted(cells(user).items()) if of == kind]


def ghosts(user, kind):
    return [histogram(cell.ghost) for (of, _, _), cell in sorted(cells(user).items()) if of == kind]


def histogram(item):
    return (item._counts, item._edges) if item.isVisible() else None


def same(first, second):
    pairs = zip(first, second, strict=True)
    return all((a is None) == (b is None) and (a is None or np.allclose(a[0], b[0])) for a, b in pairs)


CHANGES = {
    "activation": lambda user: user.choose("activation", "tanh"),
    "init": lambda user: user.enter("init", "normal-0.3"),
    "hidden": lambda user: user.enter("hidden", "20,20,20"),
    "seed": lambda user: user.enter("seed", "5"),
    "batchnorm": lambda user: user.click("batchnorm"),  # the last one: under it, initial weights make no difference
}


def test_a_change_redraws_and_leaves_the_former_as_ghost(panel):
    for key, change in CHANGES.items():
        before = {kind: drawn(panel, kind) for kind in KINDS}
        value = panel.panel.configuration[key]
        change(panel)
        assert panel.panel.configuration[key] != value
        panel.until(lambda before=before: not same(drawn(panel, "activations"), before["activations"]))
        for kind in KINDS:
            assert not same(drawn(panel, kind), before[kind]), key
            assert all(ghost is not None for ghost in ghosts(panel, kind)), key
        # On other axes, as tanh has them, the ghost is scaled with them.
        assert same(ghosts(panel, "activations"), before["activations"]) or key == "activation"


def test_undo_brings_the_former_back_with_the_latter_as_ghost(panel):
    before = drawn(panel, "activations")
    panel.click("batchnorm")
    panel.until(lambda: not same(drawn(panel, "activations"), before))
    after = drawn(panel, "activations")
    panel.panel.setFocus()
    panel.control(KEY.Key_Z)
    panel.until(lambda: same(drawn(panel, "activations"), before))
    assert same(ghosts(panel, "activations"), after)
    assert panel.find("batchnorm").isChecked() is False


def test_what_is_drawn_is_what_was_measured(panel):
    lane = panel.panel.shown_frame().statistics[0]
    for kind in KINDS:
        for shown, layer in zip(drawn(panel, kind), getattr(lane, kind), strict=True):
            assert np.allclose(shown[0], layer.counts / layer.size)
            assert np.array_equal(shown[1], layer.edges)


def test_layers_are_stepped_forward_and_gradients_back(panel):
    panel.panel.setFocus()
    panel.press(KEY.Key_Home)
    assert drawn(panel, "activations") == drawn(panel, "gradients") == [None] * 3
    panel.press(KEY.Key_Right)
    assert [found is not None for found in drawn(panel, "activations")] == [True, False, False]
    assert [found is not None for found in drawn(panel, "gradients")] == [False, False, True]
    panel.press(KEY.Key_Right)
    panel.press(KEY.Key_Left)
    assert [found is not None for found in drawn(panel, "activations")] == [True, False, False]
    panel.choose("speed", "30 / s")
    panel.panel.setFocus()
    panel.press(KEY.Key_Space)
    panel.until(lambda: None not in drawn(panel, "activations") + drawn(panel, "gradients"))


def test_any_depth_has_a_histogram_a_layer(panel):
    for hidden, depth in (("5", 1), ("5x10", 10), ("5x20", 20)):
        panel.enter("hidden", hidden)
        until_columns(panel, depth)
        assert len(drawn(panel, "activations")) == depth and None not in drawn(panel, "activations")


# Live.


@pytest.fixture
def live(user):
    """The panel, showing a small race."""
    user.small_race(iterations=100_000, evaluate=0, hidden=(8, 8))
    user.open("activations")
    user.choose("source", LIVE)
    pick(user, "source")
    user.until(lambda: user.panel.shown_frame() is not None and len(cells(user)) == 4)
    return user


def pick(user, name):
    """Say that the entry was chosen by hand: keys on a closed combo box do the same."""
    combo = user.find(name)
    combo.activated.emit(combo.currentIndex())


def race(user):
    return user.window.panels["training"]


def probed(user):
    return race(user).player.runner._watched.histograms


def test_live_histograms_change_while_it_trains(live):
    assert probed(live) == ("sgd",)
    before = drawn(live, "activations")
    live.panel.setFocus()
    live.press(KEY.Key_Space)
    live.until(lambda: race(live).player.status.position > 20)
    live.until(lambda: not same(drawn(live, "activations"), before))
    assert race(live).player.status.phase is Phase.RUNNING
    live.press(KEY.Key_Space)
    live.until(lambda: race(live).player.status.phase is Phase.PAUSED)
    # Axes grow with the values, and what was before is scaled with them.
    for ghost, first in zip(ghosts(live, "activations"), before, strict=True):
        assert np.allclose(ghost[0] / ghost[0].sum(), first[0] / first[0].sum())
        assert np.array_equal(ghost[1], first[1])


def test_the_lane_is_chosen(live):
    live.panel.setFocus()
    live.press(KEY.Key_Right)
    live.until(lambda: race(live).player.head == 1)
    sgd = drawn(live, "activations")
    live.choose("watched", "Adam")
    pick(live, "watched")
    assert probed(live) == ("adam",)
    live.until(lambda: not same(drawn(live, "activations"), sgd))
    assert live.panel.shown_frame().lanes[0].name == "adam"


def test_the_transport_drives_the_race_and_the_timeline_scrubs_its_histograms(live):
    start = drawn(live, "activations")
    for step in range(1, 4):
        live.click("step")
        live.until(lambda step=step: live.player.head == step)
    last = drawn(live, "activations")
    assert not same(start, last)
    live.panel.setFocus()
    for _ in range(3):
        live.press(KEY.Key_Left)
    assert race(live).player.shown_position == 0
    assert same(drawn(live, "activations"), start)
    bar = live.find("timeline")
    live.click(bar, QPoint(bar.width() - 3, bar.height() // 2))
    assert same(drawn(live, "activations"), last)


def test_leaving_stops_the_probing_and_coming_back_resumes_it(live):
    live.open("paths")
    assert probed(live) == ()
    live.click("open-activations")
    assert probed(live) == ("sgd",)
    live.choose("source", UNTRAINED)
    pick(live, "source")
    assert probed(live) == ()
    assert live.find("hidden").isVisible()
    live.until(lambda: len(live.panel.shown_frame().statistics[0].activations) == 5)


def test_home_restarts_the_race(live):
    live.panel.setFocus()
    live.press(KEY.Key_Right)
    live.until(lambda: race(live).player.head == 1)
    live.press(KEY.Key_Home)
    live.until(lambda: race(live).player.head == 0 and race(live).player.status.phase is Phase.PAUSED)
    live.until(lambda: None not in drawn(live, "activations"))


def test_a_diverged_lane_has_nothing_to_show_and_says_so(user):
    user.small_race(lanes=("sgd", "adam"), iterations=100_000, evaluate=0, l2=10.0, **{"sgd.lr": 10.0})
    user.press(KEY.Key_Space)
    user.until(lambda: user.player.frame.diverged[0] is not None)
    user.press(KEY.Key_Space)
    user.open("activations")
    user.choose("source", LIVE)
    pick(user, "source")
    user.until(lambda: "diverged at iteration" in user.panel.view._word.text())
    assert user.panel.view._word.isVisible()
