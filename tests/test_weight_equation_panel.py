"""The equation of one weight of a training network, beside an unbroken run read by hand; with real clicks and keys."""

from __future__ import annotations

import re

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from core.presets import PRESETS, build
from core.runner import Phase
from tests.gui_helpers import small
from tests.session_helpers import go, opened_session, saved_session

pytest_plugins = ["tests.window"]

KEY = Qt.Key
MIDDLE = 14 * 28 + 14
MINUS = str.maketrans("−", "-")


@pytest.fixture
def first_run():
    return small()


@pytest.fixture
def race(user):
    user.small_race()
    user.until(lambda: user.find("equation-lane").count() == 2)
    return user


@pytest.fixture
def unbroken(sample):
    """A weight after some updates of the same race at which nobody looks."""
    runs = []

    def weight(lane, layer, row, column, n, configuration):
        run = build(configuration, lambda: sample, 1)
        runs.append(run)
        run.advance(n)
        block = next(block for block in run.blocks if lane in [found.name for found in block.lanes])
        place = [found.name for found in block.lanes].index(lane)
        used = list(block.task.inputs).index(row) if layer == 1 else row
        return float(block.network.affine[layer - 1].weights[place, used, column])

    yield weight
    for run in runs:
        run.close()


def where(user):
    return user.find("equation-where").text()


def text(user):
    return user.find("equation-text").toPlainText()


def result(user, symbol):
    """Return what the notes have as a symbol's value: of its line, or named."""
    lines = text(user).splitlines()
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        if line.startswith(f"{symbol} ← "):
            return float(re.match(r"\t(\S+) = ", after).group(1).translate(MINUS))
        found = re.match(rf"{re.escape(symbol)} = (\S+)  ", line)
        if found:
            return float(found.group(1).translate(MINUS))
    raise AssertionError(f"{symbol} is not in {text(user)!r}")


def until_update(user, n):
    user.until(lambda: where(user).endswith(f"update {n:,}") and user.find("equation-text").isVisible())


def assert_step(user, unbroken, place, n):
    """The weight after the update is that of an unbroken run, and so is the one before."""
    configuration = user.panel.run_configuration()
    before, after = (unbroken(*place, m, configuration) for m in (n - 1, n))
    assert result(user, "θ") == pytest.approx(after, rel=6e-4)
    assert result(user, "Δθ") == pytest.approx(after - before, rel=2e-2, abs=1e-7)


def test_it_waits_for_the_first_update_and_then_follows_each(race, unbroken):
    assert race.find("equation-word").text() == "Not trained yet: press → for the first update."
    for n in (1, 2, 3):
        race.player.step()
        until_update(race, n)
        assert_step(race, unbroken, ("sgd", 1, MIDDLE, 0), n)
        assert result(race, "Δθ") == pytest.approx(-0.01 * result(race, "g"), rel=1e-3)


def test_another_weight_is_chosen_by_keyboard_while_it_rests(race, unbroken):
    go(race, 4)
    race.choose("equation-lane", "Adam")
    race.until(lambda: "m ←" in text(race))
    race.enter("equation-layer", "2")
    race.enter("equation-input", "3")
    race.enter("equation-unit", "10")
    race.until(lambda: race.player.frame.weight is not None and race.player.frame.weight.column == 9)
    until_update(race, 4)
    assert_step(race, unbroken, ("adam", 2, 2, 9), 4)
    assert [race.find(f"equation-{name}").maximum() for name in ("layer", "input", "unit")] == [2, 8, 10]
    race.enter("equation-layer", "1")
    assert race.find("equation-input").maximum() == 784
    assert race.find("equation-unit").value() == 8, "the nearest there is"


def test_the_timeline_leads_to_the_update_made_then(race, unbroken):
    go(race, 12)
    race.player.seek(5)
    until_update(race, 5)
    assert_step(race, unbroken, ("sgd", 1, MIDDLE, 0), 5)
    race.player.seek(0)
    race.until(lambda: race.find("equation-word").isVisible())
    race.player.seek(12)
    until_update(race, 12)
    assert_step(race, unbroken, ("sgd", 1, MIDDLE, 0), 12)


def test_a_replay_shows_updates_as_they_are_made_again(user):
    race = user
    race.small_race(iterations=2000)
    race.player.play()
    race.until_phase(Phase.FINISHED)
    end = race.player.head
    until_update(race, end)
    race.player.set_speed(500)
    race.player.seek(0)
    race.panel.setFocus()
    race.press(KEY.Key_Space)
    seen = set()
    race.until(lambda: seen.add(where(race)) or len({words for words in seen if "update" in words}) > 2)
    assert race.player.playing and race.find("equation-text").isVisible()
    race.press(KEY.Key_Space)


def test_the_mouse_at_rest_on_a_curve_shows_that_update(race, unbroken):
    go(race, 30)
    view = race.panel.view
    scene = view.loss.vb.mapViewToScene(QPointF(20.0, 0.5))
    place = view.graphics.mapFromScene(scene)
    race.move_to(view.graphics.viewport(), place - QPoint(0, 2))
    race.move_to(view.graphics.viewport(), place)
    race.until(lambda: view._hovers[0].index is not None)
    n = view._hovers[0].index
    assert 1 <= n < 30
    until_update(race, n)
    assert_step(race, unbroken, ("sgd", 1, MIDDLE, 0), n)
    race.aside()
    until_update(race, 30)


def test_numbers_change_while_it_trains(user):
    race = user
    race.small_race(iterations=5000)
    race.player.set_speed(100)  # at full speed it may be over before the fourth look
    race.panel.setFocus()
    race.press(KEY.Key_Space)
    seen = set()
    race.until(lambda: seen.add(where(race)) or len({w for w in seen if w}) > 3)
    race.press(KEY.Key_Space)
    race.until_phase(Phase.PAUSED)
    until_update(race, race.player.head)


def test_a_pixel_that_no_image_uses_says_so(race):
    go(race, 2)
    race.enter("equation-input", "1")
    words = re.compile(r"This pixel is 0 in every image: the weight stays −?[\d.]+(e−\d+)?, as it was drawn\.")
    race.until(lambda: words.fullmatch(race.find("equation-word").text()) is not None)


def test_weight_decays_share_of_the_gradient_is_named(user):
    user.small_race(l2=0.1)
    go(user, 3)
    until_update(user, 3)
    assert text(user).startswith("g ← ∂L/∂W + λ·W\n")
    assert result(user, "Δθ") == pytest.approx(-0.01 * result(user, "g"), rel=1e-3)


def test_a_lane_that_diverged_says_since_when(user):
    user.small_race(l2=10.0, **{"sgd.lr": 10.0})
    user.panel.setFocus()
    user.press(KEY.Key_Space)
    user.until(lambda: user.player.frame.diverged[0] is not None, timeout=10_000)
    user.player.stop()
    lost = user.player.frame.diverged[0]
    word = f"SGD diverged at {lost:,}: there are no numbers from there on."
    user.until(lambda: user.find("equation-word").text() == word)


def test_training_has_the_same_bits_whether_a_weight_is_followed(race, sample):
    go(race, 6)
    race.enter("equation-input", "400")
    race.player.seek(2)
    until_update(race, 2)
    race.player.seek(6)
    go(race, 9)
    run = build(race.panel.run_configuration(), lambda: sample, 1)
    try:
        run.advance(9)
        assert run.snapshot().loss.tobytes() == race.player.frame.loss.tobytes()
    finally:
        run.close()


def test_only_a_weight_that_can_be_seen_is_followed(race):
    go(race, 2)
    watched = race.player.runner
    assert watched._watched.weight == ("sgd", 1, MIDDLE, 0)
    race.press(KEY.Key_F1)
    assert watched._watched.weight is None
    race.press(KEY.Key_F1)
    assert watched._watched.weight is not None
    race.open("paths")
    assert watched._watched.weight is None
    race.open("training")
    assert watched._watched.weight == ("sgd", 1, MIDDLE, 0)
    until_update(race, 2)


def test_what_another_panel_watches_of_the_run_is_left_alone(race):
    go(race, 2)
    race.open("inside")
    race.panel.show_run("training")
    watched = race.player.runner
    race.until(lambda: watched._watched.insight != "")
    before = watched._watched
    race.press(KEY.Key_F1)
    race.press(KEY.Key_F1)
    assert watched._watched == before
    race.open("training")
    race.until(lambda: watched._watched.weight == ("sgd", 1, MIDDLE, 0))


def test_a_session_keeps_the_weight(race, opened, tmp_path):
    go(race, 3)
    race.choose("equation-lane", "Adam")
    race.enter("equation-unit", "5")
    race.until(lambda: race.player.frame.weight is not None and race.player.frame.weight.column == 4)
    path = saved_session(race, tmp_path / "a.trainscope")
    other = opened()
    opened_session(other, path)
    until_update(other, 3)
    assert other.find("equation-lane").currentData() == "adam" and other.find("equation-unit").value() == 5
    assert text(other) == text(race)


# The panel Inside.


def test_a_pixel_that_is_clicked_has_its_equation_in_the_notes(user, unbroken):
    wanted = PRESETS["inside"].configuration({"hidden": (8,), "batch": 16, "lanes": ("sgd", "adam"), "iterations": 90})
    user.open("inside")
    user.panel.start(wanted)
    user.until(lambda: user.player.status.configuration == wanted and user.player.settled)
    user.until(lambda: user.panel.view.insight is not None)
    go(user, 5)
    assert user.find("equation-word").text().startswith("Click a pixel of the weights")
    user.panel.view.open_page("weights")
    until_update(user, 5)  # of the weight that is marked from the beginning
    assert where(user) == "layer 1, 407 → 1, update 5"
    assert not user.find("equation-lane").isVisible()
    images, place = user.find("weight-images"), (1, MIDDLE, 3)
    user.until(lambda: images.isVisible() and user.panel.view.page.insight is not None)
    QApplication.processEvents()
    spot = images.mapTo(user.window, images.rect_of(place).center().toPoint())
    QTest.mouseClick(user.window.windowHandle(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, spot)
    user.until(lambda: where(user) == f"layer 1, {MIDDLE + 1} → 4, update 5")
    until_update(user, 5)
    lane = user.panel.view.insight.lane.name
    assert_step(user, unbroken, (lane, *place), 5)
    user.player.seek(2)
    until_update(user, 2)
    assert_step(user, unbroken, (lane, *place), 2)


def test_long_words_about_an_update_do_not_widen_the_notes(user):
    values = {"hidden": (8,), "batch": 16, "lanes": ("sgd",), "iterations": 90, "seeds": 2}
    user.small_race(**values)
    go(user, 3)
    user.open("inside")
    user.until(lambda: user.panel.live and user.panel.view.insight is not None)
    user.panel.view.open_page("weights")
    user.until(lambda: where(user) == "layer 1, 407 → 1, update 3, first seed")
    QApplication.processEvents()
    notes = user.panel.notes
    assert notes.widget().width() == notes.viewport().width()
