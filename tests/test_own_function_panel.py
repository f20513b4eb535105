"""A function of one's own in the window: typed with real keys, judged as it is written, drawn, undone, kept."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction, QTextFormat
from PySide6.QtWidgets import QApplication, QLabel, QMenu

from core.own_surface import DEFAULT, EXAMPLES, OWN
from gui import contours
from tests.gui_helpers import colours, grabbed, pixels, plain_text
from tests.test_own_surface import HOSTILE, SLOW

pytest_plugins = ["tests.window"]

KEY = Qt.Key
SHIFT = Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def typist(opened):
    """Someone at the preset of one's own function, with its map on screen."""
    made = opened(preset="paths-own")
    drawn(made)
    return made


def drawn(user):
    picture(user)
    user.until(lambda: user.player.settled and user.panel.view._picture.settled)


def picture(user):
    user.until(lambda: user.panel.view._picture is not None)
    return user.panel.view._picture


def formula(user):
    return user.player.frame.surface.formula


def type_in(user, text):
    """Type over what is there, without Enter."""
    user.click("function")
    user.find("function").selectAll()
    user.qtbot.keyClicks(user.find("function"), text)


def reason(user):
    label = user.find("function:reason")
    return label.text() if label.isVisible() else ""


def marked(user):
    """The characters that are underlined in waves."""
    found = user.find("function").extraSelections()
    assert all(
        one.format.intProperty(QTextFormat.Property.TextUnderlineStyle) == one.format.UnderlineStyle.WaveUnderline.value
        for one in found
    )
    return [(one.cursor.selectionStart(), one.cursor.selectedText()) for one in found]


# Typing.


def test_a_function_is_typed_and_drawn_on_enter(typist):
    typist.enter("function", "f(x, y) = x**2/20 + y^2")
    typist.until(lambda: formula(typist) == "f(x, y) = x²/20 + y²")
    assert typist.find("function").text() == "x**2/20 + y^2"
    assert typist.player.frame.surface.minima == ((0.0, 0.0),)
    x, y = typist.player.frame.points[0, 0]
    assert tuple(typist.player.frame.points[0, 1]) == pytest.approx((x - 0.1 * x / 10, y - 0.1 * 2 * y))


def test_while_one_types_the_last_good_function_goes_on(typist):
    before = typist.player.frame
    type_in(typist, "x^2 + y")
    hint = typist.find("function:hint")
    typist.until(hint.isVisible)
    assert hint.text() == "Enter draws f(x, y) = x² + y"
    assert typist.find("function").accessibleDescription() == hint.text()
    type_in(typist, "x^2 + * y")
    typist.until(lambda: reason(typist) == "Character 7: '*' cannot stand here")
    assert not hint.isVisible()
    assert typist.player.frame is before and typist.panel.configuration["function"] == DEFAULT.text
    typist.press(KEY.Key_Escape)
    assert typist.find("function").text() == DEFAULT.text
    assert reason(typist) == "" and not hint.isVisible() and not typist.window.undo.canUndo()


WRONG = (
    ("x^^2", (2, "^"), "'^' cannot stand here"),
    ("x +", (2, "+"), "ends too early"),
    ("2|y|", (1, "|"), "'|' cannot stand here; for a product write *|…| or *abs(…)"),
    ("0,5x", (1, ","), "decimals take a point"),
    ("x y + zz", (6, "z"), "'zz' is unknown"),
    ("f(x,y) = (x", (9, "("), "not closed"),
    ("x^1000", (1, "^"), "too large a power"),
)


def test_the_wrong_character_is_marked_and_told(typist):
    field = typist.find("function")
    for text, place, words in WRONG:
        type_in(typist, text)
        typist.until(lambda words=words: words in reason(typist))
        assert marked(typist) == [place]
        assert field.property("refused") is True
        assert field.accessibleDescription().startswith("function: ") and words in field.accessibleDescription()
        typist.press(KEY.Key_Return)
        assert typist.panel.configuration["function"] == DEFAULT.text
        assert words in reason(typist) and marked(typist) == [place]
        assert field.textCursor().position() in (place[0], len(text))  # the caret goes there
        typist.qtbot.keyClicks(field, " ")
        typist.find("function").selectAll()
        typist.qtbot.keyClicks(field, "x y")
        typist.until(lambda: reason(typist) == "" and marked(typist) == [])
        assert field.property("refused") is False


def test_what_is_typed_is_taken_when_the_keyboard_leaves(typist):
    type_in(typist, "x^2+3y^2")
    typist.press(KEY.Key_Tab)
    assert QApplication.focusWidget() is not typist.find("function")
    typist.until(lambda: formula(typist) == "f(x, y) = x² + 3y²")


def test_space_and_arrows_are_the_texts_own(typist):
    cursor = typist.player.shown_position
    type_in(typist, "x + y")
    typist.press(KEY.Key_Left)
    typist.press(KEY.Key_Home)
    typist.press(KEY.Key_Space)
    assert typist.player.shown_position == cursor and not typist.player.playing
    assert typist.find("function").text() == " x + y"


def test_accepted_functions_are_undone_one_by_one(typist):
    typist.enter("function", "x^2 + y^2")
    typist.enter("function", "x^2 + 2y^2")
    typist.until(lambda: formula(typist) == "f(x, y) = x² + 2y²")
    typist.control(KEY.Key_Z)
    typist.until(lambda: formula(typist) == "f(x, y) = x² + y²")
    assert typist.find("function").text() == "x^2 + y^2"
    typist.control(KEY.Key_Z)
    typist.until(lambda: typist.panel.configuration["function"] == DEFAULT.text)
    assert not typist.window.undo.canUndo()
    typist.control(KEY.Key_Z, SHIFT)
    typist.until(lambda: formula(typist) == "f(x, y) = x² + y²")


def test_undo_takes_back_typing_first(typist):
    typist.enter("function", "x^2 + y^2")
    typist.qtbot.keyClicks(typist.find("function"), "1")
    typist.control(KEY.Key_Z)
    assert typist.find("function").text() == "x^2 + y^2" == typist.panel.configuration["function"]


def test_the_reset_button_brings_the_presets_function_back(typist):
    typist.enter("function", "x + y")
    typist.click("function:reset")
    typist.until(lambda: typist.panel.configuration["function"] == DEFAULT.text)


def test_a_paste_becomes_one_line_and_not_too_long(typist):
    field = typist.find("function")
    for text, shown in (("x^2 +\n  y^2\n", "x^2 + y^2"), ("x+" * 500_000, ("x+" * 500)[:301])):
        QApplication.clipboard().setText(text)
        typist.click("function")
        field.selectAll()
        typist.control(KEY.Key_V)
        assert field.text() == shown
    typist.qtbot.keyClicks(field, "x")
    assert len(field.text()) == 301
    typist.until(lambda: reason(typist) == "Character 301: too long; allowed: up to 300 characters")


def test_the_field_grows_with_the_text(typist):
    low = typist.find("function").height()
    typist.enter("function", "x^2 + y^2 + " * 8 + "x^2")
    assert low < typist.find("function").height() < 8 * low
    typist.enter("function", "x")
    assert typist.find("function").height() == low


def test_a_hostile_text_changes_nothing(typist):
    before, typed = typist.player.frame, [text for text in HOSTILE if text and text.isprintable() and len(text) < 300]
    assert len(typed) >= 8
    for text in typed:
        type_in(typist, "x")
        typist.until(lambda: not reason(typist))
        typist.press(KEY.Key_Escape)
        typist.enter("function", text)
        words = HOSTILE[text].removeprefix("character 3: ").removeprefix("character 12: ")
        typist.until(lambda words=words: words in reason(typist))
        assert typist.panel.configuration["function"] == DEFAULT.text and typist.player.frame is before, text
        assert not typist.window.undo.canUndo() and typist.window.banner.text() == "", text


def test_the_notes_show_function_and_gradient(typist):
    notes = typist.find("notes")
    typist.enter("function", "x^2/4 - 3*y")
    said = [plain_text(label) for label in notes.findChildren(QLabel)]
    assert any("x²/4 − 3·y" in text and "∂f/∂y = −3" in text for text in said)
    typist.choose("surface", "booth")
    assert not any("∂f/∂y" in plain_text(label) for label in notes.findChildren(QLabel))


# Examples, domain, surface.


def test_an_example_is_chosen_from_the_menu_in_one_undo_step(typist):
    example = EXAMPLES[2]
    menu = typist.find("function:examples").findChild(QMenu)
    assert [action.text() for action in menu.actions()] == [each.name for each in EXAMPLES]
    menu.actions()[2].trigger()
    typist.until(lambda: typist.player.frame.surface.view == (*example.x, *example.y))
    assert typist.find("function").text() == example.text
    assert typist.find("domain.x.low").text() == f"{example.x[0]:g}"
    assert tuple(typist.player.frame.points[0, 0]) == example.start
    typist.enter("domain.x.high", "20")
    menu.actions()[2].trigger()  # the same once more brings its domain back
    typist.until(lambda: typist.panel.configuration["domain.x"] == example.x)
    typist.panel.setFocus()
    for _ in range(3):
        typist.control(KEY.Key_Z)
    assert typist.panel.configuration["function"] == DEFAULT.text
    assert typist.panel.configuration["domain.y"] == DEFAULT.y and not typist.window.undo.canUndo()


def test_the_menu_is_opened_with_the_mouse(typist):
    menu = typist.find("function:examples").findChild(QMenu)
    shown = []
    menu.aboutToShow.connect(lambda: shown.append(True))
    menu.aboutToShow.connect(menu.close, Qt.ConnectionType.QueuedConnection)
    typist.click("function:examples")
    typist.until(lambda: bool(shown) and not menu.isVisible())


def test_the_domain_is_what_is_seen(typist):
    typist.enter("domain.x.low", "-10")
    typist.enter("domain.y.high", "0.5")
    drawn(typist)
    typist.until(lambda: typist.player.frame.surface.view == (-10, 4, -3, 0.5))
    (x_range, y_range) = typist.panel.view.map.vb.viewRange()
    assert (*x_range, *y_range) == pytest.approx((-10, 4, -3, 0.5))
    x, y = typist.panel.configuration["start"]
    assert -10 < x < 4 and -3 < y < 0.5
    typist.enter("domain.x.low", "4")
    assert "two numbers low,high" in typist.panel.form.editor("domain.x").refusal()
    assert typist.panel.configuration["domain.x"] == (-10, 4)


def test_a_surface_of_ones_own_is_chosen_and_left(user):
    assert not user.sees("function")
    user.choose("surface", OWN)
    user.until(lambda: user.player.frame.surface.key == OWN)
    assert user.sees("function") and user.sees("domain.x")
    assert not user.sees("anisotropy")
    user.choose("surface", "ackley")
    user.until(lambda: user.player.frame.surface.key == "ackley")
    assert not user.sees("function")


def test_the_preset_is_undone_with_its_function(user):
    user.choose("preset", "Your own function")
    user.until(lambda: user.player.frame.surface.key == OWN)
    user.panel.setFocus()
    user.control(KEY.Key_Z)
    user.until(lambda: user.player.frame.surface.key == "saddle" and not user.find("function").isVisible())


def test_an_empty_field_says_that_a_formula_is_missing(typist):
    typist.click("function")
    typist.find("function").selectAll()
    typist.press(KEY.Key_Delete)
    typist.until(lambda: reason(typist) == "Character 1: a formula is missing")
    typist.press(KEY.Key_Return)
    assert typist.panel.configuration["function"] == DEFAULT.text
    typist.press(KEY.Key_Escape)
    assert typist.find("function").text() == DEFAULT.text


# What can be typed must be shown.


STRANGE = {
    "finite nowhere": "ln(-1 - x^2)",
    "finite in half": "sqrt(x) + y^2",
    "divided by nothing": "1/|x/0|",
    "constant": "3",
    "large constant": "1e20",
    "largest constant": "1e308",
    "lowest constant": "-1e308",
    "largest both ways": "1.7e308 sin(50x)",
    "noise": "sin(1000x) + cos(999y)",
    "pole": "1/x",
    "deep pole": "-1/(x^2 + y^2)^9",
    "huge": "exp(exp(x^2)) + y^2",
    "largest": "1e305 (x^2 + y^2)",
    "tiny": "1e-300 (x^2 + y^2)",
    "minus infinity": "ln(x^2 + y^2) + ln(|x|)",
    "slow": SLOW,
    "plane": "x - y",
}


@pytest.mark.parametrize("text", STRANGE.values(), ids=STRANGE)
def test_any_function_is_drawn(typist, text):
    """In both themes, while played and zoomed, with a legend that says how lanes fare, and axes with numbers."""
    typist.enter("function", text)
    typist.until(lambda: typist.player.settled and typist.panel.configuration["function"] == text)
    drawn(typist)
    typist.panel.setFocus()
    typist.press(KEY.Key_Home)
    typist.press(KEY.Key_Space)
    typist.until(lambda: typist.player.shown_position > 3 or typist.player.frame.position < 4)
    viewport = typist.panel.view.graphics.viewport()
    typist.wheel(viewport, QPoint(viewport.width() // 2, viewport.height() // 3), 2)
    typist.window.findChild(QAction, "theme-dark").trigger()
    drawn(typist)
    assert all(typist.lane_status(name) for name in ("sgd", "adam"))
    (x_range, y_range) = typist.panel.view.loss.vb.viewRange()
    assert np.isfinite([*x_range, *y_range]).all() and y_range[0] < y_range[1]
    assert picture(typist)._map.lines.elementCount() < 50_000
    assert len(colours(grabbed(typist.panel.view))) > 20
    typist.window.findChild(QAction, "theme-light").trigger()
    assert typist.window.banner.text() == ""


def test_where_a_function_is_not_finite_is_hatched_and_told(typist):
    for text, share in (("sqrt(x) + y^2", 0.5), ("ln(-1 - x^2)", 1.0), ("x", 0.0)):
        typist.enter("function", text)
        typist.until(lambda text=text: typist.player.settled and typist.player.frame.surface.value(1.0, 1.0) != 0)
        drawn(typist)
        typist.until(lambda share=share: abs(picture(typist)._map.broken - share) < 0.05)
        typist.until(lambda: picture(typist).settled)


def test_the_map_of_a_typed_function_is_never_traced_by_the_window(typist, monkeypatch):
    """Whatever is done: it comes from the thread in the background, and is only drawn here."""
    import threading

    tracers = []
    trace = contours.trace

    def watched(*args):
        tracers.append(threading.current_thread())
        return trace(*args)

    monkeypatch.setattr(contours, "trace", watched)
    typist.enter("function", SLOW)
    viewport = typist.panel.view.graphics.viewport()
    middle = QPoint(viewport.width() // 2, viewport.height() // 3)
    typist.drag(viewport, middle, middle + QPoint(60, 30))
    typist.wheel(viewport, middle, 3)
    typist.window.resize(900, 700)
    typist.window.findChild(QAction, "theme-dark").trigger()
    drawn(typist)
    typist.window.findChild(QAction, "theme-light").trigger()
    drawn(typist)
    assert len(tracers) >= 3
    assert not any(thread is threading.main_thread() for thread in tracers)


def test_a_map_that_finds_no_memory_says_so_and_the_next_one_is_drawn(typist, monkeypatch):
    before, asked = pixels(grabbed(typist.panel.view)), []

    def fails(*_args):
        asked.append(formula(typist))
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(contours, "trace", fails)
        typist.enter("function", "x^2 + 3y^2")
        typist.until(lambda: len(asked) > 0)
        drawn(typist)
        assert picture(typist)._map is None
        assert picture(typist)._failure == "there is not enough memory"
        typist.panel.view.graphics.viewport().repaint()
        assert len(asked) == 1, "not tried again at every paint"
        assert not np.array_equal(pixels(grabbed(typist.panel.view)), before)
    typist.enter("function", "x^2 + 4y^2")
    drawn(typist)
    assert picture(typist)._map is not None and not picture(typist)._failure
    assert typist.window.banner.text() == ""


def test_a_slow_function_is_given_up_for_the_next_one(typist):
    typist.enter("function", SLOW)
    typist.enter("iterations", "10000")
    typist.until(lambda: typist.player.status.configuration is not None)
    typist.enter("function", "x^2 + y^2")
    typist.enter("iterations", "50")
    typist.until(lambda: typist.player.settled and typist.player.frame.total == 50, timeout=20_000)
    assert formula(typist) == "f(x, y) = x² + y²"


def test_the_start_of_a_slow_function_is_dragged(typist):
    typist.enter("function", SLOW)
    typist.until(lambda: typist.player.settled)
    handle = typist.panel.view._start
    view = typist.panel.view
    first = view.graphics.mapFromScene(view.map.vb.mapViewToScene(handle._at))
    typist.drag(view.graphics.viewport(), first, first + QPoint(-80, 40))
    typist.until(lambda: typist.player.settled)
    start = typist.panel.configuration["start"]
    assert start != DEFAULT.start
    typist.until(lambda: tuple(typist.player.frame.points[0, 0]) == start)


def test_it_closes_at_once_while_a_slow_function_is_computed(typist):
    typist.enter("iterations", "10000")
    typist.enter("function", SLOW)
    typist.window.close()
    typist.until(lambda: not typist.window.isVisible())
    assert not typist.player.runner._thread.is_alive()


# Kept.


def test_the_function_comes_back_with_the_settings(typist, opened):
    typist.enter("function", "x^2 + |y|")
    typist.enter("domain.x.low", "-2")
    typist.window.close()
    again = opened()
    again.until(lambda: again.panel.shown_frame() is not None)
    assert (again.find("function").text(), again.panel.configuration["domain.x"]) == ("x^2 + |y|", (-2, 4))


@pytest.mark.parametrize("text", ["", max(HOSTILE, key=len), next(iter(HOSTILE))], ids=["none", "longest", "first"])
def test_hostile_settings_are_forgotten(opened, store, text):
    values = {"preset": "paths-own", "values": {"function": text, "domain.x": [-1e308, 1e308]}}
    store.setValue("panels/paths", json.dumps(values))
    found = opened()
    found.until(lambda: found.panel.shown_frame() is not None)
    assert found.panel.preset.name == "optimizer-paths"
    assert found.panel.configuration["function"] == DEFAULT.text


def test_a_long_gradient_is_broken_and_does_not_widen_the_notes(typist):
    typist.enter("function", "exp(exp(exp(x*y)))")
    typist.until(lambda: "exp(exp(exp(" in formula(typist))
    notes = typist.find("notes")
    typist.until(lambda: "∂f/∂x" in plain_text(notes._formulas))
    typist.until(lambda: notes.widget().width() == notes.viewport().width())
