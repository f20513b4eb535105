"""The panel that looks into a network: drawing, weights, mistakes; of its own networks and of those of other panels."""

from __future__ import annotations

import csv
from itertools import pairwise

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel

from core.presets import PRESETS
from core.runner import Phase
from core.watching import NOTHING
from gui.panel_export import Request, export_panel, panel_image
from gui.registry import PANELS
from tests.gui_helpers import grabbed, write_idx

pytest_plugins = ["tests.window"]

KEY = Qt.Key
LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
NONE, SHIFT = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier
SMALL = {"hidden": (12, 9), "batch": 32, "lanes": ("sgd", "adam"), "iterations": 400}


@pytest.fixture
def first_run():
    return PRESETS["inside"].configuration(SMALL)


@pytest.fixture
def panel(user):
    """The panel at small networks of its own, untrained."""
    begin(user)
    return user


def begin(user, **values):
    wanted = PRESETS["inside"].configuration({**SMALL, **values})
    user.open("inside")
    user.panel.start(wanted)
    user.until(lambda: user.player.status.configuration == wanted and user.player.status.phase is Phase.PAUSED)
    user.until(lambda: user.player.settled and insight(user) is not None and insight(user).lane.name == "sgd")
    user.until(lambda: insight(user).answers is not None)
    user.click("clear-canvas")
    user.window.undo.clear()
    user.until(lambda: insight(user).answers is None)


def insight(user):
    """What is on screen."""
    return user.panel.view.page.insight


def canvas(user):
    return user.panel.view.draw.canvas


def spot(user, row, column):
    """A place of the canvas, in pixels of the image."""
    rect, (rows, columns) = canvas(user).rect_of_image(), canvas(user).shape
    return QPoint(round(rect.left() + column / columns * rect.width()), round(rect.top() + row / rows * rect.height()))


def stroke(user, *places, button=LEFT, held=NONE):
    """Draw through these places with the mouse."""
    window, sheet = user.window.windowHandle(), canvas(user)
    QApplication.processEvents()
    points = [sheet.mapTo(user.window, spot(user, *place)) for place in places]
    QTest.mousePress(window, button, held, points[0])
    for first, last in pairwise(points):
        for step in range(1, 5):
            QTest.mouseMove(window, first + (last - first) * (step / 4))
            QApplication.processEvents()
    QTest.mouseRelease(window, button, held, points[-1])


SEVEN = ((7, 8), (7, 19), (22, 12))


def until_answered(user):
    """Wait until what is on the canvas is what the answers are about, and return them."""

    def answered():
        answers, image = insight(user).answers, canvas(user).image()
        return (answers is None) == (image is None) and (image is None or np.array_equal(answers.image, image))

    user.until(answered)
    return insight(user).answers


def go(user, many):
    target = user.player.status.position + many
    while user.player.status.position < target:
        before = user.player.status.position
        user.player.step()
        user.until(lambda before=before: user.player.status.position > before)
    user.until(lambda: user.player.head == target and user.player.status.phase is not Phase.RUNNING)
    user.until(lambda: insight(user).iteration == insight(user).results.at == target)


def click_at(user, widget, place, button=LEFT):
    QApplication.processEvents()
    QTest.mouseClick(user.window.windowHandle(), button, NONE, widget.mapTo(user.window, place))


# Opening.


def test_it_opens_with_untrained_networks_and_says_what_to_do(opened):
    user = opened(fresh=True)
    user.control(own_key())
    user.until(lambda: user.panel.entry.key == "inside" and insight(user) is not None)
    assert user.said() == "untrained: press Space and watch it learn"
    assert user.find("canvas").isVisible() and user.find("preset").isVisible()
    user.press(KEY.Key_Space)
    user.until(lambda: insight(user).iteration > 0)
    assert user.said() == ""
    user.press(KEY.Key_Space)


def test_it_opens_with_a_test_image_and_every_answer_to_it(user, sample):
    user.open("inside")
    user.until(lambda: insight(user) is not None and insight(user).answers is not None)
    image, label = until_answered(user).image, int(sample.test_labels[2])
    assert image.ravel().tolist() == sample.test_images[2].tolist()
    assert user.find("image-words").text() == f"test image 2,\nlabel {label}"
    assert user.find("answers").truth == label
    assert user.window.undo.count() == 0, "nobody drew it"


def test_the_first_stroke_takes_the_place_of_the_example(user):
    user.open("inside")
    user.until(lambda: insight(user) is not None and insight(user).answers is not None)
    example = canvas(user).drawn()
    stroke(user, (3, 2), (3, 5))
    assert not canvas(user).drawn().paper[40:].any(), "nothing is left of it"
    assert user.find("image-words").text() == "what the\nnetworks get" and user.find("answers").truth is None
    user.control(KEY.Key_Z)
    assert np.array_equal(canvas(user).drawn().paper, example.paper)
    stroke(user, (14, 2), (14, 26), button=RIGHT)
    left = canvas(user).drawn().paper
    assert 0 < int(left.sum()) < int(example.paper.sum()), "the eraser leaves the rest"
    user.click("clear-canvas")
    user.press(KEY.Key_Right)
    user.until(lambda: insight(user).iteration == 1)
    assert canvas(user).image() is None, "what was emptied stays empty"


def test_an_example_of_the_networks_size_comes_with_other_data(user, tmp_path):
    user.open("inside")
    user.until(lambda: insight(user) is not None and insight(user).answers is not None)
    user.window.data.load(str(write_idx(tmp_path / "own", 60)))
    user.until(lambda: canvas(user).shape == (6, 6) and canvas(user).image() is not None)
    assert until_answered(user).image.shape == (6, 6)


def own_key():
    number = [entry.key for entry in PANELS].index("inside") + 1
    return KEY(KEY.Key_0 + number)


def test_the_fields_above_the_form_have_labels(user):
    user.open("inside")
    user.until(lambda: insight(user) is not None)
    labels = {label.buddy(): label for label in user.panel.findChildren(QLabel) if label.buddy() is not None}
    for name, words in (("preset", "preset"), ("source", "source"), ("watched", "network")):
        label = labels[user.find(name)]
        assert (label.text(), label.isVisible()) == (words, True)
    user.panel.show_run("training")
    assert not labels[user.find("preset")].isVisible() and labels[user.find("watched")].isVisible()


def test_wide_images_leave_no_gap_below_the_canvas(user, tmp_path):
    user.open("inside")
    user.until(lambda: insight(user) is not None)
    square = canvas(user).height()
    user.window.data.load(str(write_idx(tmp_path / "own", 60, (4, 12))))
    user.until(lambda: canvas(user).shape == (4, 12) and insight(user).tests.shape == (4, 12))
    assert canvas(user).rect_of_image().bottom() > canvas(user).height() - 25
    user.window.data.load("sample")
    user.until(lambda: canvas(user).shape == (28, 28))
    assert canvas(user).height() == square


def test_where_a_race_was_trained_that_is_what_it_opens_with(opened):
    user = opened(fresh=True)
    user.small_race(iterations=100_000, evaluate=0)
    user.click("step")
    user.until(lambda: user.player.head == 1)
    user.open("inside")
    assert user.panel.live and user.player is user.window.panels["training"].player
    user.until(lambda: insight(user) is not None and insight(user).iteration == 1)
    assert not user.find("form").findChild(type(user.panel.form)).isVisible()
    user.panel.setFocus()
    user.press(KEY.Key_Space)
    user.until(lambda: insight(user).iteration > 5)
    user.press(KEY.Key_Space)
    assert user.said() == "Six optimizers on digits"


@pytest.mark.parametrize(
    ("source", "preset", "values"),
    [
        ("BatchNorm run, live", "batchnorm", {"hidden": (8, 8), "images": 200}),
        ("regularization run, live", "dropout", {"hidden": (8, 8), "images": 200}),
        ("search, live", "random-search", {"hidden": (8,), "trials": 15, "images": 200, "epochs": 50}),
    ],
)
def test_networks_of_every_panel_that_trains(user, source, preset, values):
    key = PRESETS[preset].panel
    user.window.settings.save_configuration(key, PRESETS[preset].configuration(values))
    user.open("inside")
    user.choose("source", source)
    user.panel.source.activated.emit(user.panel.source.currentIndex())
    run = user.window.panels[key]
    names = [lane.name for lane in run.lanes_in_force()]
    user.until(lambda: insight(user) is not None and insight(user).lane.name == names[0])
    assert [user.panel.watched.itemText(n) for n in range(len(names))] == [x.label for x in run.lanes_in_force()]
    user.press(KEY.Key_3) if QApplication.focusWidget() is canvas(user) else user.click("take-image")
    answers = until_answered(user)
    assert [lane.name for lane in answers.lanes] == names
    user.panel.setFocus()
    user.press(KEY.Key_Right)
    user.until(lambda: run.player.head == 1 and insight(user).iteration == 1)
    user.until(lambda: user.panel.transport.step.isEnabled())
    user.press(KEY.Key_Right)
    user.until(lambda: run.player.head == 2 and insight(user).iteration == 2)
    user.press(KEY.Key_Left)
    user.until(lambda: insight(user).iteration == 1)
    assert len(until_answered(user).lanes) == (len(names) if len(names) < 13 else 1)


def test_leaving_spares_the_engine_and_coming_back_goes_on(panel):
    stroke(panel, *SEVEN)
    until_answered(panel)
    runner = panel.player.runner
    assert runner._watched.insight == "sgd" and runner._watched.image is not None
    panel.open("paths")
    assert runner._watched == NOTHING
    panel.open("inside")
    assert runner._watched.image == canvas(panel).image().tobytes()
    panel.panel.view.open_page("weights")
    assert runner._watched.insight == "sgd" and runner._watched.image is None, "nobody sees the answers"


# Drawing.


def test_a_stroke_is_answered_while_it_is_drawn_and_while_it_trains(panel):
    assert insight(panel).answers is None and canvas(panel).image() is None
    stroke(panel, *SEVEN)
    first = until_answered(panel)
    assert [lane.name for lane in first.lanes] == ["sgd", "adam"]
    assert [len(layer) for layer in first.activations] == [12, 9]
    stroke(panel, (14, 8), (14, 20))
    second = until_answered(panel)
    assert not np.array_equal(first.probabilities, second.probabilities)
    assert insight(panel).iteration == 0, "nothing was trained for that"
    before = grabbed(panel.find("answers"))
    panel.click("play")
    panel.until(lambda: insight(panel).iteration > 20)
    stroke(panel, (4, 4), (4, 24))
    panel.until(lambda: np.array_equal(insight(panel).answers.image, canvas(panel).image()))
    assert panel.player.status.phase is not Phase.FAILED
    panel.player.stop()
    panel.until(lambda: panel.player.status.phase is not Phase.RUNNING)
    assert not np.array_equal(until_answered(panel).probabilities, second.probabilities)
    assert grabbed(panel.find("answers")) != before


def test_what_is_said_is_what_the_network_answers(panel):
    go(panel, 3)
    stroke(panel, *SEVEN)
    answers = until_answered(panel)
    digit, best = int(answers.probabilities[1].argmax()), answers.probabilities[1].max()
    assert panel.find("answers").spoken()[1] == f"Adam: {digit}, {100 * best:.0f} %"
    numbers = dict(panel.panel.view.numbers(panel.panel.shown_frame(), 3))
    assert numbers["takes it for"] == str(int(answers.probabilities[0].argmax()))


def test_right_button_and_shift_erase(panel):
    stroke(panel, *SEVEN)
    ink = int(canvas(panel).drawn().paper.sum())
    stroke(panel, (14, 4), (14, 24), button=RIGHT)
    less = int(canvas(panel).drawn().paper.sum())
    stroke(panel, (7, 4), (7, 24), held=SHIFT)
    assert ink > less > int(canvas(panel).drawn().paper.sum())


def test_undo_in_the_midst_of_a_stroke_takes_that_stroke_back(panel):
    stroke(panel, *SEVEN)
    seven = canvas(panel).drawn().paper.copy()
    sheet = canvas(panel)
    panel.press_at(sheet, spot(panel, 20, 3))
    panel.move_to(sheet, spot(panel, 20, 12))
    more = sheet.drawn().paper.copy()
    assert more.sum() > seven.sum()
    panel.control(KEY.Key_Z)
    panel.move_to(sheet, spot(panel, 2, 25))
    assert np.array_equal(sheet.drawn().paper, seven), "the hand draws on only after the next press"
    panel.release_at(sheet, spot(panel, 2, 25))
    panel.control(KEY.Key_Z)
    assert sheet.drawn().blank
    for paper in (seven, more):
        panel.control(KEY.Key_Z, SHIFT)
        assert np.array_equal(sheet.drawn().paper, paper)
    assert not panel.window.undo.canRedo()


@pytest.mark.parametrize("pen", ["mouse", "keyboard"])
def test_a_session_that_is_opened_in_the_midst_of_a_stroke_takes_its_place(panel, pen):
    stroke(panel, *SEVEN)
    kept, seven = panel.panel.view_state(), canvas(panel).drawn().paper.copy()
    panel.control(KEY.Key_Z)
    sheet = canvas(panel)
    if pen == "mouse":
        panel.press_at(sheet, spot(panel, 20, 3))
    else:
        panel.press(KEY.Key_Return)
    assert not sheet.drawn().blank
    panel.panel.resume(panel.panel.configuration, None, kept)
    panel.move_to(sheet, spot(panel, 20, 12))
    panel.press(KEY.Key_Down)
    assert np.array_equal(sheet.drawn().paper, seven)
    panel.release_at(sheet, spot(panel, 20, 12))
    assert not panel.window.undo.canUndo(), "nothing was drawn"


def test_each_stroke_and_clearing_can_be_undone(panel):
    states = [canvas(panel).drawn().paper.copy()]
    for places in (SEVEN, ((14, 8), (14, 20))):
        stroke(panel, *places)
        states.append(canvas(panel).drawn().paper.copy())
    panel.click("clear-canvas")
    assert canvas(panel).image() is None and until_answered(panel) is None
    panel.open("paths")
    for state in states[::-1]:
        panel.control(KEY.Key_Z)
        assert panel.panel.entry.key == "inside", "it is undone where it can be seen"
        assert np.array_equal(canvas(panel).drawn().paper, state)
    panel.control(KEY.Key_Z, Qt.KeyboardModifier.ShiftModifier)
    assert np.array_equal(canvas(panel).drawn().paper, states[1])
    until_answered(panel)


def test_what_is_drawn_is_centred_if_that_is_wanted(panel):
    stroke(panel, (2, 2), (2, 9), (10, 4))
    panel.until(lambda: panel.panel.view.insight.answers is not None)
    assert until_answered(panel).image[10:18, 10:18].any()
    panel.click("centred")
    assert not until_answered(panel).image[14:, 14:].any(), "it stays where it was drawn"


def test_the_keyboard_draws_erases_and_clears(panel):
    sheet = canvas(panel)
    sheet.setFocus()
    for _ in range(4):
        panel.press(KEY.Key_Up)
    assert sheet.image() is None, "the pen is up"
    panel.press(KEY.Key_Return)
    for _ in range(8):
        panel.press(KEY.Key_Down)
    panel.press(KEY.Key_Return)
    assert until_answered(panel) is not None
    ink = int(sheet.drawn().paper.sum())
    panel.press(KEY.Key_X)
    panel.press(KEY.Key_Up)
    panel.press(KEY.Key_X)
    assert 0 < int(sheet.drawn().paper.sum()) < ink
    panel.press(KEY.Key_Delete)
    assert sheet.image() is None
    assert [panel.window.undo.text(n) for n in range(panel.window.undo.count())] == [
        "draw",
        "draw",
        "clear the drawing",
    ]
    assert panel.player.shown_position == 0, "arrows did not step the run"


def test_a_digit_key_takes_a_test_image_of_that_class_as_it_is(panel, sample):
    canvas(panel).setFocus()
    panel.press(KEY.Key_5)
    taken = until_answered(panel).image.copy()
    assert taken.ravel().tolist() in sample.test_images[sample.test_labels == 5].tolist()
    panel.press(KEY.Key_5)
    assert not np.array_equal(until_answered(panel).image, taken), "another one each time"
    panel.choose("image-class", "3")
    panel.click("take-image")
    until_answered(panel)
    panel.until(lambda: any(np.array_equal(insight(panel).answers.image.ravel(), x) for x in sample.test_images))


def test_ctrl_and_a_digit_open_panels_from_the_canvas_too(panel):
    canvas(panel).setFocus()
    panel.control(KEY.Key_1)
    assert panel.panel.entry.key == "paths"


def test_a_class_without_images_is_said(panel, tmp_path):
    folder = write_idx(tmp_path / "own", 8)
    panel.window.data.load(str(folder))
    panel.until(lambda: canvas(panel).shape == (6, 6))
    canvas(panel).setFocus()
    panel.press(KEY.Key_9)
    panel.until(lambda: panel.said() == "no test image has label 9")
    assert canvas(panel).image() is None


def test_other_images_bring_a_canvas_of_their_size(panel, tmp_path):
    stroke(panel, *SEVEN)
    until_answered(panel)
    panel.window.data.load(str(write_idx(tmp_path / "own", 60)))
    panel.until(lambda: canvas(panel).shape == (6, 6))
    panel.until(lambda: insight(panel).images().shape == (12, 6, 6))
    stroke(panel, (1, 1), (4, 4))
    assert until_answered(panel).image.shape == (6, 6)
    for _ in range(4):
        panel.control(KEY.Key_Z)
    panel.until(lambda: canvas(panel).shape == (28, 28))


def test_a_lane_is_chosen_by_its_row(panel):
    stroke(panel, *SEVEN)
    until_answered(panel)
    chart = panel.find("answers")
    rows, height = chart._rows(chart.rect().toRectF())
    assert rows == [0, 1]
    click_at(panel, chart, QPoint(30, round(1.5 * height)))
    panel.until(lambda: insight(panel).lane.name == "adam")
    assert panel.find("watched").currentText() == "Adam"


def test_cells_that_light_up_can_be_read(panel):
    go(panel, 2)
    stroke(panel, *SEVEN)
    answers = until_answered(panel)
    strips = panel.find("strips")
    side, place, _, values = strips._strips(strips.rect().toRectF())[1]
    words = strips.words_at(place.topLeft() + QPoint(round(1.5 * side), 3).toPointF())
    assert words.startswith("layer 2, unit 2: ") and np.array_equal(values, answers.activations[1])
    assert strips.ends()[0] == 0 and strips.ends()[1] >= max(layer.max() for layer in answers.activations)


# Time.


def test_the_timeline_leads_to_what_it_saw_then(panel, open_run, sample):
    stroke(panel, *SEVEN)
    go(panel, 6)
    panel.find("timeline").setFocus()
    for _ in range(4):
        panel.press(KEY.Key_Left)
    panel.until(lambda: insight(panel).iteration == 2)
    found = until_answered(panel)
    run = open_run(panel.panel.configuration, sample)
    run.advance(2)
    run.watch(panel.player.runner._watched)
    expected = run.snapshot().insight
    assert np.array_equal(found.probabilities, expected.answers.probabilities)
    assert np.array_equal(insight(panel).results.confusion, expected.results.confusion)
    stroke(panel, (4, 4), (4, 20))
    panel.until(lambda: np.array_equal(insight(panel).answers.image, canvas(panel).image()))
    assert insight(panel).iteration == 2 and panel.player.status.position == 6
    for _ in range(4):
        panel.find("timeline").setFocus()
        panel.press(KEY.Key_Right)
    panel.until(lambda: insight(panel).iteration == 6)


def test_a_replay_shows_what_it_saw_on_its_way(panel):
    go(panel, 25)
    panel.choose("speed", "30 / s")
    panel.player.seek(0)
    panel.until(lambda: insight(panel).iteration == 0)
    seen = set()
    panel.player.shown.connect(lambda _frame, _cursor: seen.add(insight(panel).iteration))
    panel.find("play").setFocus()
    panel.press(KEY.Key_Space)
    panel.until(lambda: insight(panel).iteration > 25)
    assert len(seen & set(range(1, 25))) > 2, "and then it trains on"
    panel.player.stop()


def test_a_lane_that_diverged_is_shown_as_it_was_before_and_says_so(user):
    begin(user, l2=10.0, **{"sgd.lr": 10.0})
    user.click("play")
    user.until(lambda: user.player.status.phase is not Phase.RUNNING and user.player.head > 0, 20_000)
    user.until(lambda: user.player.frame.diverged[0] is not None)
    lost = user.player.frame.diverged[0]
    user.until(lambda: user.said() == f"SGD diverged at iteration {lost:,}: shown as of iteration {lost - 1:,}")
    assert insight(user).iteration == lost - 1, "whatever was on screen while it trained"
    user.press(KEY.Key_4) if QApplication.focusWidget() is canvas(user) else user.click("take-image")
    assert {lane.name for lane in until_answered(user).lanes} == {"sgd", "adam"}
    user.panel.view.open_page("mistakes")
    user.until(lambda: user.panel.view.mistakes.insight is insight(user))
    assert insight(user).results.unfinite == insight(user).results.tested
    picture = user.panel.view.mistakes.grid
    assert picture._no_mistakes() == f"{insight(user).results.tested:,} answers are not finite."
    user.player.seek(lost - 2)
    user.until(lambda: insight(user).iteration == lost - 2)
    user.player.seek(lost - 1)
    user.until(lambda: insight(user).iteration == lost - 1)
    user.until(lambda: "diverged" not in user.said())
    user.choose("watched", "Adam")
    user.panel.watched.activated.emit(1)
    user.until(lambda: insight(user).lane.name == "adam")


def test_a_restart_begins_with_what_it_sees_then(panel):
    go(panel, 3)
    panel.panel.setFocus()
    panel.press(KEY.Key_Home)
    panel.until(lambda: panel.player.head == 0 and insight(panel).iteration == 0)
    assert panel.player.status.position == 0


def test_another_network_is_looked_into_when_the_form_changes(panel):
    panel.enter("hidden", "7,6,5")
    panel.until(lambda: [len(layer) for layer in insight(panel).weights] == [784, 7, 6, 5])
    panel.click("lane-sgd", QPoint(10, 14))
    panel.until(lambda: insight(panel).lane.name == "adam")
    panel.panel.setFocus()
    panel.control(KEY.Key_Z)
    panel.control(KEY.Key_Z)
    panel.until(lambda: [len(layer) for layer in insight(panel).weights] == [784, 12, 9])


# Weights.


@pytest.fixture
def weights(panel):
    """The page of the weights."""
    go(panel, 5)
    tabs = panel.find("tabs")
    click_at(panel, tabs, tabs.tabRect(1).center())
    assert panel.panel.view.page.key == "weights" and panel.find("weight-images").isVisible()
    return panel


def test_a_click_picks_a_weight_and_hovering_reads_one(weights):
    told = []
    weights.panel.weight_picked.connect(lambda *place: told.append(place))
    images = weights.find("weight-images")
    place = (1, 12 * 28 + 15, 4)
    weights.move_to(images, images.rect_of(place).center().toPoint())
    value = float(insight(weights).images()[4, 12, 15])
    assert weights.find("weight-value").text() == f"unit 5, row 12, column 15: {value:.3g}".replace("-", "−")
    click_at(weights, images, images.rect_of(place).center().toPoint())
    assert told == [("sgd", *place)] and images.place == place
    boxes = [weights.find(f"weight-{name}").value() for name in ("layer", "input", "unit")]
    assert boxes == [1, 12 * 28 + 16, 5]
    assert weights.player.runner._watched.weight == ("sgd", *place)
    numbers = dict(weights.panel.view.numbers(weights.panel.shown_frame(), 5))
    assert numbers[f"weight {12 * 28 + 16} → 5, layer 1"] == f"{value:.4g}".replace("-", "−")


def test_pixels_that_no_image_uses_say_so(weights):
    images = weights.find("weight-images")
    assert not insight(weights).tests.used[0, 0]
    weights.move_to(images, images.rect_of((1, 0, 2)).center().toPoint())
    assert weights.find("weight-value").text() == "unit 3, row 0, column 0: never used"


def test_any_weight_of_any_layer_is_picked_with_the_keyboard(weights):
    weights.enter("weight-layer", "2")
    weights.enter("weight-input", "11")
    weights.enter("weight-unit", "9")
    value = insight(weights).weights[1][10, 8]
    images = weights.find("weight-images")
    assert images.place == (2, 10, 8) and images.layer == 2
    assert weights.find("weight-value").text() == f"layer 2, input 11, unit 9: {value:.3g}".replace("-", "−")
    images.setFocus()
    for key, place in (
        (KEY.Key_Right, (2, 10, 8)),
        (KEY.Key_Left, (2, 10, 7)),
        (KEY.Key_Up, (2, 9, 7)),
        (KEY.Key_PageUp, (2, 9, 6)),
    ):
        weights.press(key)
        assert images.place == place
    weights.enter("weight-layer", "1")
    assert images.place == (1, 9, 6)
    images.setFocus()
    weights.press(KEY.Key_Down)
    weights.press(KEY.Key_PageDown)
    assert images.place == (1, 9 + 28, 7)
    assert weights.player.shown_position == 5, "arrows did not step the run"


def test_the_largest_come_first_if_that_is_wanted(weights):
    weights.click("by-norm")
    images = weights.find("weight-images")
    norms = insight(weights).norms
    assert images._order == np.argsort(-norms, kind="stable").tolist()
    tile = images._rects(images.rect().toRectF())[0]
    assert images.place_at(tile.center())[2] == int(norms.argmax())
    weights.click("by-norm")
    assert images._order == list(range(12))


def test_images_change_while_it_trains(weights):
    before = grabbed(weights.find("weight-images"))
    weights.click("play")
    weights.until(lambda: insight(weights).iteration > 20)
    weights.player.stop()
    weights.until(lambda: grabbed(weights.find("weight-images")) != before)


def test_dead_units_are_marked(user):
    begin(user, init="zeros")
    user.panel.view.open_page("weights")
    assert insight(user).results.silent[0].all()
    assert user.find("weight-images").words((1, 400, 0)).startswith("unit 1 (silent)")
    assert dict(user.panel.view.numbers(user.panel.shown_frame(), 0))["silent units, layer 1"] == "12"


# Mistakes.


@pytest.fixture
def mistakes(panel):
    """The page of the mistakes, of a network that makes many."""
    go(panel, 12)
    tabs = panel.find("tabs")
    tabs.setFocus()
    panel.press(KEY.Key_End)
    panel.press(KEY.Key_Left)
    assert panel.panel.view.page.key == "mistakes" and panel.find("confusion").isVisible()
    return panel


def commonest(user):
    wrong = insight(user).results.confusion.copy()
    np.fill_diagonal(wrong, 0)
    return tuple(int(n) for n in np.unravel_index(wrong.argmax(), wrong.shape))


def test_a_cell_filters_the_mistakes(mistakes):
    confusion, grid = mistakes.find("confusion"), mistakes.find("mistakes")
    results, cell = insight(mistakes).results, commonest(mistakes)
    assert len(grid.found()) == len(results.mistakes.index) == results.tested - results.right
    click_at(mistakes, confusion, confusion.rect_of(cell).center().toPoint())
    assert confusion.cell == cell
    assert len(grid.found()) == results.confusion[cell]
    assert mistakes.find("mistakes-filter").text() == f"{cell[0]} taken for {cell[1]}: {results.confusion[cell]:,}"
    mistakes.click("all-mistakes")
    assert confusion.cell is None and len(grid.found()) == len(results.mistakes.index)
    assert mistakes.find("mistakes-head").text() == (
        f"SGD: {results.right} of 1,000 test images right ({results.right / 10:.1f} %), after 12 iterations"
    )


def test_cells_are_reached_with_the_keyboard(mistakes):
    confusion = mistakes.find("confusion")
    confusion.setFocus()
    for key in (KEY.Key_Right, KEY.Key_Right, KEY.Key_Down, KEY.Key_Up, KEY.Key_Up, KEY.Key_Return):
        mistakes.press(key)
    assert confusion.cell == (0, 2)
    assert confusion.accessibleDescription().startswith("label 0 taken for 2: ")
    mistakes.press(KEY.Key_Escape)
    assert confusion.cell is None


def test_a_mistake_is_put_on_the_canvas_and_answered_as_before(mistakes, sample):
    grid = mistakes.find("mistakes")
    wrong = insight(mistakes).results.mistakes
    _, tile = grid._shown()[1]
    assert grid.words(1) == (
        f"test image {wrong.index[1]:,}: label {wrong.label[1]} taken for {wrong.predicted[1]} with "
        f"{100 * wrong.probability[1]:.0f} %"
    )
    click_at(mistakes, grid, tile.center().toPoint())
    assert mistakes.panel.view.page.key == "draw"
    answers = until_answered(mistakes)
    assert answers.image.ravel().tolist() == sample.test_images[wrong.index[1]].tolist()
    assert int(answers.probabilities[0].argmax()) == wrong.predicted[1]
    assert answers.probabilities[0].max() == pytest.approx(float(wrong.probability[1]), abs=1e-4)
    mistakes.control(KEY.Key_Z)
    assert canvas(mistakes).image() is None


def test_mistakes_are_reached_with_the_keyboard(mistakes):
    grid = mistakes.find("mistakes")
    grid.setFocus()
    for key in (KEY.Key_Right, KEY.Key_Right, KEY.Key_Left, KEY.Key_Return):
        mistakes.press(key)
    image = insight(mistakes).tests.image(int(insight(mistakes).results.mistakes.index[1]))
    assert np.array_equal(canvas(mistakes).image(), image)


# Files and sessions.


@pytest.mark.parametrize("page", ["draw", "weights", "mistakes"])
def test_each_page_is_a_figure(panel, tmp_path, page):
    stroke(panel, *SEVEN)
    until_answered(panel)
    panel.panel.view.open_page(page)
    screen = grabbed(panel.panel.view)
    for kind in ("png", "svg", "pdf"):
        (path,) = export_panel(panel.panel, Request("whole panel", kind, tmp_path, "inside", (640, 400), 1.0))
        assert path.stat().st_size > 3000, kind
    image = panel_image(panel.panel)
    assert image.width() == 2 * panel.panel.view.page.width()
    assert grabbed(panel.panel.view) == screen


def test_its_numbers_are_tables(panel, tmp_path):
    go(panel, 4)
    stroke(panel, *SEVEN)
    answers = until_answered(panel)
    paths = export_panel(panel.panel, Request("whole panel", "csv", tmp_path, "inside"))
    names = ["inside.csv", *(f"inside-{word}.csv" for word in ("flow", "confusion", "mistakes", "answers"))]
    assert [path.name for path in paths] == names
    rows = list(csv.DictReader(paths[-1].read_text().splitlines()))
    assert [float(row["probability"]) for row in rows[:10]] == pytest.approx(answers.probabilities[0].tolist())
    (path,) = export_panel(panel.panel, Request("whole panel", "npz", tmp_path, "inside"))
    with np.load(path) as found:
        assert np.array_equal(found["weights_1"], insight(panel).weights[0], equal_nan=True)


def test_state_comes_back_with_a_session(panel, opened, tmp_path):
    stroke(panel, *SEVEN)
    panel.click("centred")
    panel.choose("watched", "Adam")
    panel.panel.watched.activated.emit(1)
    panel.panel.view.open_page("weights")
    state, drawn = panel.panel.view_state(), canvas(panel).drawn().paper.copy()
    other = opened(panel="inside")
    other.panel.resume(panel.panel.configuration, None, state)
    other.until(lambda: insight(other) is not None and insight(other).lane.name == "adam")
    assert np.array_equal(canvas(other).drawn().paper, drawn) and not canvas(other).centred
    assert other.panel.view.page.key == "weights" and other.panel.view_state() == state


DRAWINGS = [
    None,
    7,
    {"rows": 28, "columns": 28, "ink": "not packed", "centred": True},
    {"rows": 28, "columns": 28, "ink": "eJw=", "centred": 3},
    {"rows": 10**6, "columns": -1, "ink": ""},
    {"rows": True, "columns": 2.5, "ink": []},
]


def test_a_strange_drawing_is_left_out(panel):
    stroke(panel, *SEVEN)
    drawn = canvas(panel).drawn().paper.copy()
    for drawing in DRAWINGS:
        view = {"source": None, "watched": ["nobody", 3], "page": "elsewhere", "drawing": drawing}
        panel.panel.resume(panel.panel.configuration, None, view)
        panel.until(lambda: insight(panel) is not None and insight(panel).lane.name == "sgd")
        assert canvas(panel).shape == (28, 28), drawing
        assert np.array_equal(canvas(panel).drawn().paper, drawn), drawing


def test_a_theme_changes_every_page(panel):
    from PySide6.QtGui import QAction

    from tests.gui_helpers import pixels

    stroke(panel, *SEVEN)
    until_answered(panel)
    light = []
    for page in ("draw", "weights", "mistakes"):
        panel.panel.view.open_page(page)
        light.append(pixels(grabbed(panel.panel.view.page)).mean())
    panel.window.findChild(QAction, "theme-dark").trigger()
    for page, before in zip(("draw", "weights", "mistakes"), light, strict=True):
        panel.panel.view.open_page(page)
        assert pixels(grabbed(panel.panel.view.page)).mean() < 110 < 150 < before, page


def test_nothing_covers_anything_else_in_the_smallest_window(user):
    user.open("inside")
    user.until(lambda: user.panel.view.insight is not None)
    user.window.resize(300, 200)
    page = user.panel.view.draw
    user.until(lambda: page.height() < 450)
    parts = [page.canvas, page.seen, page.words, page.clear, page.take, page.of_class, page.answers, page.strips]
    rects = [QRect(part.mapTo(page, QPoint()), part.size()) for part in parts]
    assert all(page.rect().contains(rect) for rect in rects)
    assert not [(i, j) for i, one in enumerate(rects) for j, other in enumerate(rects[:i]) if one.intersects(other)]
