"""Live equations and what is drawn of a step in the panel of paths, with the real mouse and keys."""

from __future__ import annotations

import math
import re
from itertools import groupby

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtWidgets import QApplication, QLabel

from core.presets import PRESETS
from gui import symbols
from gui.panel_export import WHOLE, Request, export_panel
from tests.gui_helpers import grabbed, ink, pixels
from tests.session_helpers import opened_session, saved_session

pytest_plugins = ["tests.window", "tests.session_fixtures"]

KEY = Qt.Key
END = 29
MINUS = str.maketrans("−", "-")
ORANGE = "#D55E00"


def show(user, lanes=("sgd", "momentum", "adam"), **values):
    """Show paths of these lanes as they are after the last step."""
    user.panel.start(PRESETS["optimizer-paths"].configuration({"lanes": lanes, **values}))
    user.until(lambda: [lane.name for lane in user.player.frame.lanes] == list(lanes) and user.player.settled)
    user.until(lambda: user.find("equation-lane").count() == len(lanes))


@pytest.fixture
def paths(user):
    show(user)
    return user


def spot(user, plot, x, y):
    """The viewport of the plots, and the pixel of a point of a plot."""
    view = user.panel.view
    return view.graphics.viewport(), view.graphics.mapFromScene(plot.vb.mapViewToScene(QPointF(x, y)))


@pytest.fixture(autouse=True)
def with_hats(monkeypatch):
    """Write m̂, whatever fonts are installed."""
    monkeypatch.setattr(symbols, "has_hats", lambda family: True)


def point_at(user, plot, x, y):
    user.aside()
    widget, place = spot(user, plot, x, y)
    user.move_to(widget, place - QPoint(1, 0))
    user.move_to(widget, place)


def point_of(user, lane, step):
    frame = user.player.frame
    return frame.points[[found.name for found in frame.lanes].index(lane), step]


def whose(user):
    """Return lane and step of the equation in the notes."""
    return user.find("equation-lane").currentData(), user.find("equation-where").text()


def text(user):
    return user.find("equation-text").toPlainText()


def numbers(user):
    """Read the notes: for every symbol its value, or those of x and y."""
    found, symbol = {}, ""
    for line in text(user).splitlines():
        head = re.match(r"(\S+) ← ", line) or re.match(r"(.+?)(?: =|  )", line)
        row = re.findall(r"(?:^|\t)([xy]?)\t(−?[\d.]+(?:e−?\d+)?)", line)
        if row:
            found.setdefault(symbol, {}).update({name: float(value.translate(MINUS)) for name, value in row})
        elif head is not None:
            symbol = head.group(1)
            alone = re.match(r".+? = (−?[\d.]+(?:e−?\d+)?)(?:  |$)", line)
            if alone:
                found[symbol] = {"": float(alone.group(1).translate(MINUS))}
    return found


def gradient(point):
    return np.array([point[0] / 10.0, 2.0 * point[1]])


def independent(lane, steps):
    """Return, by plain arithmetic, what the update number `steps` has: symbols and their values for x and y."""
    theta, v, m = np.array([-7.0, 2.0]), np.zeros(2), np.zeros(2)
    for t in range(1, steps + 1):
        g = gradient(theta)
        found = {"g": g}
        if lane == "sgd":
            step = -0.95 * g
        elif lane == "momentum":
            v = 0.9 * v - 0.1 * g
            step = v
            found["v"] = v
        else:
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
            corrected = m / (1 - 0.9**t), v / (1 - 0.999**t)
            step = -0.3 * corrected[0] / (np.sqrt(corrected[1]) + 1e-7)
            found |= {"m": m, "v": v, "m̂": corrected[0], "v̂": corrected[1]}
            found["lr/(√v̂ + ε)"] = 0.3 / (np.sqrt(corrected[1]) + 1e-7)
        theta = theta + step
        found |= {"Δθ": step, "θ": theta}
    return found


def assert_shown(user, lane, step):
    shown = numbers(user)
    for symbol, values in independent(lane, step).items():
        assert [shown[symbol]["x"], shown[symbol]["y"]] == pytest.approx(values, rel=6e-4, abs=1e-12), symbol


# The equation.


@pytest.mark.parametrize(("lane", "step"), [("sgd", 3), ("momentum", 8), ("adam", 8)])
def test_a_point_of_a_path_is_explained_in_numbers(paths, lane, step):
    point_at(paths, paths.panel.view.map, *point_of(paths, lane, step))
    paths.until(lambda: whose(paths) == (lane, f"step {step}"))
    assert_shown(paths, lane, step)
    paths.aside()
    paths.until(lambda: whose(paths) == ("sgd", f"step {END}"))
    assert_shown(paths, "sgd", END)


def test_the_lines_are_the_rule_and_the_same_with_numbers(paths):
    paths.player.seek(1)
    paths.until(lambda: whose(paths) == ("sgd", "step 1"))
    assert text(paths).splitlines() == [
        "g  gradient",
        "x\t−0.7\ty\t4",
        "Δθ ← −lr·g",
        "x\t0.665 = −0.95·(−0.7)",
        "y\t−3.8 = −0.95·4",
        "θ ← θ + Δθ",
        "x\t−6.335 = −7 + 0.665",
        "y\t−1.8 = 2 + (−3.8)",
        "lr = 0.95  effective learning rate",
    ]


def test_bias_corrections_are_named_once_for_both_coordinates(paths):
    paths.panel.view.steps.choose("adam")
    paths.player.seek(2)
    paths.until(lambda: whose(paths) == ("adam", "step 2"))
    assert numbers(paths)["1−β₁ᵗ"] == {"": pytest.approx(0.19)}
    assert "1−β₂ᵗ = 0.001999  bias correction of v" in text(paths)


def test_the_losses_explain_the_nearest_lane_at_a_step(paths):
    frame, view = paths.player.frame, paths.panel.view
    for row, lane in enumerate(("sgd", "momentum", "adam")):
        point_at(paths, view.loss, 14, math.log10(frame.excess[row, 14]))
        paths.until(lambda lane=lane: whose(paths) == (lane, "step 14"))
        assert_shown(paths, lane, 14)
    paths.aside()
    paths.until(lambda: whose(paths) == ("sgd", f"step {END}"))


def test_where_the_mouse_comes_to_rest_is_explained_however_fast_it_came(paths):
    widget, place = spot(paths, paths.panel.view.map, *point_of(paths, "momentum", 8))
    paths.move_to(widget, spot(paths, paths.panel.view.map, *point_of(paths, "adam", 3))[1])
    paths.move_to(widget, place)
    paths.until(lambda: whose(paths) == ("momentum", "step 8"))


def test_pointing_rings_the_point_on_both_plots(paths):
    point_at(paths, paths.panel.view.map, *point_of(paths, "momentum", 8))
    paths.until(lambda: whose(paths)[0] == "momentum")
    pointed = ink(grabbed(paths.panel.view), ORANGE)
    paths.aside()
    paths.until(lambda: whose(paths)[0] == "sgd")
    assert pointed > ink(grabbed(paths.panel.view), ORANGE) + 60


def test_a_lane_is_chosen_by_keyboard(paths):
    paths.choose("equation-lane", "Momentum")
    paths.until(lambda: whose(paths) == ("momentum", f"step {END}"))
    assert_shown(paths, "momentum", END)
    paths.choose("equation-lane", "Adam")
    paths.until(lambda: "m̂ ←" in text(paths))
    assert_shown(paths, "adam", END)
    paths.panel.setFocus()
    paths.press(KEY.Key_Left)
    paths.until(lambda: whose(paths) == ("adam", f"step {END - 1}"))
    assert_shown(paths, "adam", END - 1)


def test_a_click_on_a_point_keeps_its_step_and_one_beside_sets_the_start(paths):
    viewport, place = spot(paths, paths.panel.view.map, *point_of(paths, "momentum", 8))
    paths.click(viewport, place)
    ringed = ink(grabbed(paths.panel.view), ORANGE)
    paths.aside()
    assert whose(paths) == ("momentum", "step 8")
    assert_shown(paths, "momentum", 8)
    assert ink(grabbed(paths.panel.view), ORANGE) == pytest.approx(ringed, abs=5)
    assert tuple(paths.player.frame.points[0, 0]) == (-7, 2)
    paths.click(*spot(paths, paths.panel.view.map, 5, -4))
    paths.until(lambda: np.allclose(paths.player.frame.points[0, 0], (5, -4), atol=0.3))
    paths.aside()
    paths.until(lambda: whose(paths) == ("momentum", "step 8"))


def test_a_step_that_is_kept_is_let_go_by_another_click_or_when_the_run_moves(paths):
    viewport, place = spot(paths, paths.panel.view.map, *point_of(paths, "momentum", 8))
    paths.click(viewport, place)
    paths.click(viewport, place)
    paths.aside()
    paths.until(lambda: whose(paths) == ("momentum", f"step {END}"))
    paths.click(viewport, place)
    paths.aside()
    paths.choose("equation-lane", "Adam")
    assert_shown(paths, "adam", 8)
    paths.panel.setFocus()
    paths.press(KEY.Key_Left)
    paths.until(lambda: whose(paths) == ("adam", f"step {END - 1}"))


def test_a_click_on_the_losses_keeps_a_step_and_brings_its_equation_into_view(paths):
    paths.window.resize(1000, 600)
    frame, notes = paths.player.frame, paths.find("notes")
    assert notes.verticalScrollBar().value() == 0
    place = spot(paths, paths.panel.view.loss, 14, math.log10(frame.excess[2, 14]))
    paths.click(*place)
    paths.aside()
    assert whose(paths) == ("adam", "step 14")
    top = paths.panel.view.section
    paths.until(lambda: 0 < notes.verticalScrollBar().value() <= top.y())
    paths.until(lambda: abs(top.mapTo(notes.viewport(), QPoint(0, 0)).y()) <= 10)


def test_the_equation_follows_play_and_steps(paths):
    paths.panel.setFocus()
    paths.press(KEY.Key_Home)
    paths.until(lambda: whose(paths)[1] == "step 0")
    assert paths.find("equation-word").text() == "This is the start: press → for the first step."
    assert not paths.find("equation-text").isVisible()
    for step in (1, 2, 3):
        paths.press(KEY.Key_Right)
        paths.until(lambda step=step: whose(paths)[1] == f"step {step}")
        assert_shown(paths, "sgd", step)
    paths.press(KEY.Key_Space)
    paths.until(lambda: int(whose(paths)[1].split()[1]) > 5)
    paths.press(KEY.Key_Space)
    here = paths.player.shown_position
    paths.until(lambda: whose(paths)[1] == f"step {paths.player.shown_position}")
    assert here <= paths.player.shown_position
    assert_shown(paths, "sgd", paths.player.shown_position)


def test_a_lane_that_diverged_says_since_when(user):
    show(user, ("sgd", "adam"), iterations=400, **{"sgd.lr": 10.0})
    lost = user.player.frame.diverged[0]
    assert lost is not None
    user.until(lambda: user.find("equation-word").isVisible())
    assert user.find("equation-word").text() == f"SGD diverged at step {lost}: there are no numbers from there on."
    user.panel.view.steps.bar.set_shown(["step", "all lanes"])
    user.player.seek(lost - 1)
    user.until(lambda: not user.find("equation-word").isVisible())
    assert f"step {lost - 1}" == whose(user)[1] and "e" in text(user)
    grabbed(user.panel.view)
    user.player.seek(1)
    user.until(lambda: whose(user)[1] == "step 1")
    assert numbers(user)["Δθ"] == {"x": 7.0, "y": -40.0}


def test_a_lane_that_is_switched_off_hands_over_and_comes_back(paths):
    paths.choose("equation-lane", "Adam")
    paths.click("lane-adam")
    paths.until(lambda: whose(paths)[0] == "sgd")
    paths.aside()
    paths.click("lane-adam")
    paths.until(lambda: whose(paths)[0] == "adam")


def test_symbols_have_their_words_and_the_text_can_be_copied(paths):
    view = paths.find("equation-text")
    cursor = view.textCursor()
    cursor.setPosition(view.toPlainText().index("lr·g") + 1)
    place = view.cursorRect(cursor).center()
    assert view.words_at(place).startswith("learning rate: ")
    cursor.setPosition(view.toPlainText().index(" ← −lr") + 2)
    assert view.words_at(view.cursorRect(cursor).center()) == ""
    assert view.words_at(QPoint(view.width() - 2, 3)) == ""
    QApplication.clipboard().clear()
    paths.click(view.viewport(), place)
    paths.control(KEY.Key_A)
    paths.control(KEY.Key_C)
    assert QApplication.clipboard().text() == text(paths)
    paths.press(KEY.Key_Left)
    paths.until(lambda: whose(paths)[1] == f"step {END - 1}")


# What is drawn.


def drawn(user):
    user.aside()
    return pixels(grabbed(user.panel.view.graphics))


def test_each_switch_draws_something_of_its_own_and_takes_it_back(user):
    show(user, ("sgd", "nesterov"))
    user.panel.view.steps.choose("nesterov")
    user.player.seek(4)
    user.until(lambda: whose(user) == ("nesterov", "step 4"))
    before = drawn(user)
    for name in ("gradient", "velocity", "terms", "step", "ellipse", "lookahead"):
        user.click(f"show-{name}")
        after = drawn(user)
        assert np.count_nonzero((before != after).any(axis=2)) > 200, name
        user.click(f"show-{name}")
        assert np.array_equal(drawn(user), before), name


def test_switches_take_the_keyboard_and_leave_space_to_play_after_a_click(paths):
    chip = paths.find("show-gradient")
    chip.setFocus()
    paths.press(KEY.Key_Space)
    assert chip.isChecked() and not paths.player.playing
    paths.press(KEY.Key_Right)
    assert QApplication.focusWidget().objectName() == "show-velocity" or not paths.find("show-velocity").isEnabled()
    paths.panel.setFocus()
    paths.click(chip)
    assert not chip.isChecked()
    paths.press(KEY.Key_Space)
    assert paths.player.playing


@pytest.mark.parametrize("width", [1120, 1200, 1400])
def test_all_switches_can_be_seen_at_any_width(paths, width):
    for look in ("dark", "light"):  # lays the window out again
        paths.window.set_theme(look)
    paths.window.resize(width, 760)
    chips = [
        paths.find(f"show-{name}")
        for name in ("gradient", "velocity", "terms", "step", "ellipse", "lookahead", "all-lanes")
    ]
    paths.until(lambda: paths.window.width() == width and all(chip.visibleRegion() == chip.rect() for chip in chips))
    label = next(label for label in paths.panel.findChildren(QLabel) if label.text() == "Show")
    middles = [found.mapTo(paths.window, found.rect().center()).y() for found in (label, chips[0])]
    assert abs(middles[0] - middles[1]) <= 1


def test_what_a_rule_has_not_is_greyed_with_the_reason(paths):
    reasons = {"velocity": "SGD keeps no velocity", "terms": "SGD makes its step of one term", "lookahead": "Nesterov"}
    for name, reason in reasons.items():
        chip = paths.find(f"show-{name}")
        assert not chip.isEnabled() and reason in chip.toolTip()
    paths.choose("equation-lane", "Momentum")
    paths.until(lambda: paths.find("show-terms").isEnabled())
    assert paths.find("show-velocity").isEnabled() and not paths.find("show-lookahead").isEnabled()
    paths.click("show-terms")
    paths.choose("equation-lane", "SGD")
    assert paths.find("show-terms").isEnabled(), "what is on can be switched off"
    paths.click("show-all-lanes")
    assert paths.find("show-velocity").isEnabled()


def test_all_lanes_are_drawn_in_their_colours(paths):
    paths.player.seek(6)
    paths.click("show-gradient")
    paths.aside()
    one = ink(grabbed(paths.panel.view.graphics), ORANGE)
    paths.click("show-all-lanes")
    paths.aside()
    assert ink(grabbed(paths.panel.view.graphics), ORANGE) > one + 30


def box_of(changed):
    """Return left, top, right and bottom of the pixels that differ."""
    rows, columns = np.nonzero(changed)
    return columns.min(), rows.min(), columns.max(), rows.max()


@pytest.mark.parametrize(("name", "ends"), [("step", 1.0), ("gradient", 1.0 / 0.95)])
def test_an_arrow_leads_from_the_point_before_to_where_it_says(user, name, ends):
    """Beside the legend, which is at the other side."""
    show(user, ("sgd",))
    user.player.seek(1)
    before = drawn(user)
    user.click(f"show-{name}")
    changed = (before != drawn(user)).any(axis=2)
    changed[:, changed.shape[1] // 2 :] = False
    first, last = point_of(user, "sgd", 0), point_of(user, "sgd", 1)
    places = [spot(user, user.panel.view.map, *(first + share * (last - first)))[1] for share in (0.0, ends)]
    xs, ys = [place.x() for place in places], [place.y() for place in places]
    assert box_of(changed) == pytest.approx((min(xs), min(ys), max(xs), max(ys)), abs=9)


def legend_of(user, tmp_path):
    """Return the words of a file of 900 x 700 pixels, line by line in their order."""
    (path,) = export_panel(user.panel, Request("map", "svg", tmp_path, "legend", size=(900, 700)))
    return words_in(path)


def words_in(path):
    texts = re.findall(r' y="([^"]+)"[^>]*>([^<>]+)</text>', path.read_text(encoding="utf-8"))
    lines = (list(pieces) for _, pieces in groupby(texts, key=lambda text: text[0]))
    return "|".join("".join(piece for _, piece in pieces) for pieces in lines)


def test_the_legend_states_by_what_arrows_are_magnified(user, tmp_path):
    show(user, ("adam",), surface="rosenbrock", start=(-1.2, 1.0), iterations=80, **{"adam.lr": 0.1})
    user.panel.view.steps.bar.set_shown(["gradient", "velocity", "step", "ellipse"])
    user.player.seek(60)
    said = legend_of(user, tmp_path)
    legend = "Adam, step 60|effective learning rates|gradient −g × 0.02|step Δθ|velocity −lr·m̂ × 5|the others × 100"
    assert legend in said
    user.panel.view.steps.bar.set_shown(["step"])
    user.player.seek(1)
    assert "all × 5" in legend_of(user, tmp_path)
    show(user, ("sgd",))
    user.player.seek(1)
    assert "lr·g|all to scale" in legend_of(user, tmp_path)


def test_arrows_of_consecutive_steps_have_one_scale_and_shrink_with_what_they_show(user, tmp_path):
    show(user, ("momentum",))
    user.panel.view.steps.bar.set_shown(["gradient", "velocity", "step"])
    said = []
    for step in (1, 3, 6, 10, 20, END):
        user.player.seek(step)
        said.append(legend_of(user, tmp_path).partition(f"step {step}|")[2])
    assert said[0] == "gradient −g × 1|step Δθ = v|velocity v before|the others × 5" and set(said) == {said[0]}
    inks = []
    for names in (["gradient"], []):
        user.panel.view.steps.bar.set_shown(names)
        for step in (1, 6, 20):
            user.player.seek(step)
            inks.append(ink(grabbed(user.panel.view), ORANGE))
    arrows = np.subtract(inks[:3], inks[3:])
    assert arrows[0] > arrows[1] > arrows[2] > 0


def test_arrows_too_small_to_be_seen_are_magnified_ten_times_more(user, tmp_path):
    show(user, ("sgd",), iterations=120)
    user.panel.view.steps.bar.set_shown(["gradient"])
    scales = []
    for step in range(1, 121):
        user.player.seek(step)
        scales.append(float(re.search(r"−g × ([\d.,]+)$", legend_of(user, tmp_path))[1].replace(",", "")))
    assert scales == sorted(scales) and scales[0] == 1.0 and len(set(scales)) == 6
    assert set(np.diff(np.log10(scales)).round(9)) == {0.0, 1.0}


def test_paths_have_the_same_bits_at_any_speed_with_everything_drawn(user):
    found = []
    for speed, names in (("5 / s", ()), ("60 / s", ("gradient", "velocity", "terms", "step", "ellipse", "all lanes"))):
        show(user, iterations=12)
        user.panel.view.steps.bar.set_shown(names)
        user.choose("speed", speed)
        user.panel.setFocus()
        user.press(KEY.Key_Space)
        user.until(lambda: user.player.shown_position == 12 and not user.player.playing)
        frame = user.player.frame
        found.append((frame.points.tobytes(), frame.loss.tobytes(), frame.gradients.tobytes()))
    assert found[0] == found[1]


def test_a_step_looks_the_same_however_it_was_reached(paths):
    paths.panel.view.steps.bar.set_shown(["gradient", "step", "ellipse"])
    paths.player.seek(9)
    direct = drawn(paths)
    for step in (1, END, 8, 9):
        paths.player.seek(step)
    assert np.array_equal(drawn(paths), direct)


# Files and sessions.


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_files_have_what_is_drawn_and_its_legend(paths, tmp_path, kind):
    paths.player.seek(6)
    found = []
    for names in ((), ("gradient", "step")):
        paths.panel.view.steps.bar.set_shown(names)
        paths.panel.view.steps.show_frame(paths.player.frame, 6)
        (path,) = export_panel(paths.panel, Request(WHOLE, kind, tmp_path, f"a{len(names)}", size=(900, 700)))
        found.append(path)
    assert found[0].read_bytes() != found[1].read_bytes()
    if kind == "svg":
        assert "gradient −g × 1" in words_in(found[1]) and "SGD, step 6" in words_in(found[1])
        assert "gradient −g" not in words_in(found[0])


def test_every_steps_numbers_are_a_table(paths, tmp_path):
    paths.click("lane-adam")
    paths.until(lambda: len(paths.player.frame.lanes) == 2)
    (path,) = export_panel(paths.panel, Request(WHOLE, "steps", tmp_path, "a"))
    assert path.name == "a-steps.csv"
    head, *rows = [line.split(",") for line in path.read_text(encoding="utf-8").splitlines()]
    assert head == ["lane", "step", "coordinate", "symbol", "value"]
    found = {tuple(row[:4]): float(row[4]) for row in rows}
    assert {key[0] for key in found} == {"sgd", "momentum"}
    for lane, step in (("sgd", 1), ("momentum", END)):
        for symbol, values in independent(lane, step).items():
            shown = [found[lane, str(step), coordinate, symbol] for coordinate in "xy"]
            assert shown == pytest.approx(values, rel=1e-9)


def test_the_table_of_steps_is_offered_for_paths_alone(paths):
    def offered():
        paths.control(KEY.Key_E)
        dialog = paths.window._export
        paths.until(dialog.isVisible)
        found = dialog.format.findData("steps")
        dialog.close()
        paths.window.activateWindow()
        paths.until(paths.window.isActiveWindow)
        return found

    assert offered() >= 0
    paths.small_race()
    paths.panel.setFocus()
    assert offered() == -1


def test_a_session_keeps_what_is_drawn_of_which_lane_and_the_notes_width(paths, opened, tmp_path):
    paths.choose("equation-lane", "Momentum")
    paths.click("show-terms")
    paths.click("show-ellipse")
    handle = paths.find("sides").handle(1)
    edge = handle.mapTo(paths.window, handle.rect().center())
    paths.drag(paths.window, edge, edge - QPoint(70, 0))
    width = paths.find("notes").width()
    assert 310 < width < 350
    path = saved_session(paths, tmp_path / "a.trainscope")
    other = opened()
    opened_session(other, path)
    other.until(lambda: whose(other)[0] == "momentum")
    assert other.panel.view.steps.state() == {"show": ["terms", "ellipse"], "lane": "momentum"}
    assert abs(other.find("notes").width() - width) <= 2
    assert other.find("show-terms").isChecked() and not other.find("show-step").isChecked()


def test_a_state_that_is_none_is_left_out(paths):
    for state in (None, 3, {"show": "terms", "lane": 4}, {"show": [1, "nothing", []], "lane": "x"}):
        paths.panel.view.steps.restore(state)
        assert paths.panel.view.steps.bar.shown() == (), state
        assert whose(paths)[0] == "sgd", state
        assert_shown(paths, "sgd", END)


def test_notes_that_are_folded_away_are_right_when_they_come_back(paths):
    paths.press(KEY.Key_F1)
    paths.player.seek(5)
    paths.press(KEY.Key_F1)
    paths.until(lambda: whose(paths)[1] == "step 5")
    assert_shown(paths, "sgd", 5)


@pytest.mark.parametrize("panel", ["paths", "training"])
def test_the_lane_is_reached_and_chosen_by_name_without_a_mouse(user, panel):
    if panel == "training":
        user.small_race(lanes=("sgd", "momentum", "nesterov"))
    user.until(lambda: user.find("equation-lane").count() >= 3)
    user.panel.setFocus()
    combo, tabs = user.find("equation-lane"), 0
    while QApplication.focusWidget() is not combo:
        user.press(KEY.Key_Tab)
        tabs += 1
        assert tabs < 10
    user.press(KEY.Key_N)
    user.until(lambda: whose(user)[0] == "nesterov")
