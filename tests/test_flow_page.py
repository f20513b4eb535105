"""The page Gradient flow in the window: opened with clicks, live, scrubbed, exported, and of networks that diverged."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from PySide6.QtCore import Qt

from core.presets import PRESETS
from core.runner import Phase
from gui.panel_export import Request, export_panel, panel_image
from tests.gui_helpers import ink

pytest_plugins = ["tests.window"]

KEY = Qt.Key
DEEP = {"hidden": (12,) * 4, "batch": 32, "activation": "sigmoid", "iterations": 400}


@pytest.fixture
def watching(user):
    """Someone at the flow of networks that the training panel trains, paused at update 120."""

    def begin(position=120, name="init-mnist", **values):
        user.open("training")
        wanted = PRESETS[name].configuration({**DEEP, **values})
        user.panel.start(wanted)
        user.until(lambda: user.player.status.configuration == wanted and user.player.status.phase is Phase.PAUSED)
        for _ in range(position):
            before = user.player.status.position
            user.player.step()
            user.until(
                lambda before=before: user.player.status.position > before or user.player.status.phase is Phase.FINISHED
            )
        user.open("inside")
        user.until(lambda: user.player.settled and user.player.frame is not None)
        return user

    return begin


def view(user):
    return user.panel.view.flow.plots


def open_tab(user):
    """Click the last tab."""
    tabs = user.find("tabs")
    user.until(tabs.isVisible)  # until something is measured there is a word in their place
    user.click(tabs, tabs.tabRect(tabs.count() - 1).center())
    user.until(lambda: view(user).isVisible() and view(user)._frame is not None)


def lines(user):
    return np.array([trace._curve.y for trace in view(user)._norms.traces])


def test_a_click_on_its_tab_shows_the_gradients_of_the_chosen_network(watching) -> None:
    user = watching(31, lanes=("normal-0.01", "normal-1"))
    open_tab(user)
    frame = user.player.frame
    assert view(user)._norms.heading.words.endswith("it vanishes on the way back")
    np.testing.assert_array_equal(lines(user), frame.flow.gradient_norm[0])
    user.panel.choose_lanes(("normal-1",))
    user.until(lambda: np.array_equal(lines(user), frame.flow.gradient_norm[1]))
    assert view(user)._norms.heading.words.endswith("it gets through")
    shown = dict(user.panel.view.numbers(user.panel.shown_frame(), 31))
    assert shown["update"] == "31" and "layer 5" in shown


def test_it_follows_the_run_and_the_timeline(watching) -> None:
    user = watching(5, lanes=("he",))
    open_tab(user)
    assert lines(user).shape == (5, 1)
    user.press(KEY.Key_Space)
    user.until(lambda: lines(user).shape[1] >= 4)
    user.press(KEY.Key_Space)
    user.until(lambda: not user.player.playing and user.player.settled)
    whole = lines(user)
    user.player.seek(12)
    user.until(lambda: lines(user).shape == (5, 2))
    np.testing.assert_array_equal(lines(user), whole[:, :2])


def test_a_network_that_diverged_is_still_shown_with_its_last_gradients(watching) -> None:
    values = {"lanes": ("normal-1",), "activation": "relu", "hidden": (30,) * 5, "sgd.lr": 0.1}
    user = watching(6, **values)
    user.until(lambda: user.panel.view.page.key == "flow" and view(user).isVisible())
    lost = user.player.frame.diverged[0]
    assert lost is not None and view(user)._norms.heading.words.endswith(f"diverged at update {lost}")
    user.until(lambda: user.said() == f"σ = 1 diverged at iteration {lost}: shown as of iteration {lost - 1}")


def test_files_have_the_plots_with_the_lane_and_a_table(watching, tmp_path) -> None:
    user = watching(21, lanes=("normal-0.01",))
    open_tab(user)
    (picture,) = export_panel(user.panel, Request("whole panel", "svg", tmp_path, "flow"))
    content = picture.read_text(encoding="utf-8")
    for words in ("Gradient norm of each layer", "it vanishes on the way back", "layer 5", "σ = 0.01"):
        assert words in content
    assert ink(panel_image(user.panel), view(user)._norms.traces[0]._colour) > 50
    paths = export_panel(user.panel, Request("whole panel", "csv", tmp_path, "flow"))
    table = next(path for path in paths if path.name == "flow-flow.csv")
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 5 * 3 and {row["lane"] for row in rows} == {"normal-0.01"}


def test_the_tab_is_reached_and_left_with_keys(watching) -> None:
    user = watching(2, lanes=("he",))
    user.find("tabs").setFocus()
    user.press(KEY.Key_End)
    user.until(lambda: view(user).isVisible() and view(user)._frame is not None)
    user.press(KEY.Key_Home)
    assert user.panel.view.page.key == "draw" and not view(user).isVisible()
