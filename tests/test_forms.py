"""The form: typed values, refused values, reset, sliders, the wheel; each with real keys and clicks."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QKeySequence, QShortcut, QWheelEvent
from PySide6.QtWidgets import QApplication, QLineEdit, QScrollArea, QVBoxLayout, QWidget

from core.parameters import Configuration, Kind, Parameter, ParameterError, Scale, choice, flag, integer, number
from core.presets import PRESETS
from gui import theme
from gui.editors import Editor
from gui.forms import Form, form_parameters
from gui.number_boxes import nice_step
from gui.tracks import track_of


def named(name):
    if not name.startswith("normal-") or not name[7:].replace(".", "").isdigit():
        raise ValueError(name)
    return name


NUMBER = number("lr", "learning rate", 0.01, "Step size", 1e-6, 10, scale=Scale.LOG)
WHOLE = integer("batch", "mini-batch", 128, "Images", 1, 1000, scale=Scale.LOG, unit="images")
SWITCH = flag("batchnorm", "BatchNorm", False, "Normalize")
NAME = Parameter(
    "init", "weights", "he", "Deviation", Kind.NAME, choices=("he", "zeros"), matches=named, more="normal-σ"
)
CHOICE = choice("surface", "surface", "bowl", "Function", ("bowl", "saddle", "valley"))
LAYERS = Parameter("hidden", "hidden layers", (100, 100), "Units", Kind.INTS, 1, 1000)
START = Parameter("start", "start", (-7.0, 2.0), "Start", Kind.POINT, -10, 10)
SEED = integer("seed", "seed", 0, "Draws", 0, 2**31 - 1)
ALL = (NUMBER, WHOLE, SWITCH, NAME, CHOICE, LAYERS, START, SEED)
ENTER, ESCAPE = Qt.Key.Key_Return, Qt.Key.Key_Escape


def configuration(*parameters, **values):
    return Configuration("test", "test", parameters, values)


@pytest.fixture
def editor(qtbot):
    def make(parameter):
        made = Editor(parameter)
        made.heard = []
        made.edited.connect(lambda key, value: made.heard.append((key, value)))
        qtbot.addWidget(made)
        made.show()
        made.activateWindow()
        qtbot.waitUntil(made.isActiveWindow)
        return made

    return make


def type_into(qtbot, field, text, key=ENTER):
    field.setFocus()
    field.selectAll()
    qtbot.keyClicks(field, text)
    if key:
        qtbot.keyClick(field, key)


def wheel_over(widget):
    place = QPointF(widget.rect().center())
    buttons, keys, phase = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase
    event = QWheelEvent(place, widget.mapToGlobal(place), QPoint(), QPoint(0, -120), buttons, keys, phase, False)
    QApplication.sendEvent(widget, event)
    return event


@pytest.mark.parametrize(("text", "value"), [("1e-4", 1e-4), (" 0.25 ", 0.25), ("3", 3.0), ("1e-06", 1e-6)])
def test_a_number_is_typed_in_any_notation(qtbot, editor, text, value):
    made = editor(NUMBER)
    type_into(qtbot, made.field, text)
    assert made.heard == [("lr", value)]
    assert made.value() == value
    assert made.field.text() == NUMBER.text(value)


@pytest.mark.parametrize(
    ("parameter", "text", "value"), [(WHOLE, "64", 64), (LAYERS, "50, 20,10", (50, 20, 10)), (SEED, "7", 7)]
)
def test_other_values_are_typed(qtbot, editor, parameter, text, value):
    made = editor(parameter)
    type_into(qtbot, made.field, text)
    assert made.heard == [(parameter.key, value)]
    assert type(made.value()) is type(value)


def test_leaving_the_field_takes_the_text_too(qtbot, editor):
    made = editor(NUMBER)
    type_into(qtbot, made.field, "0.5", key=None)
    assert made.heard == []
    made.slider.setFocus()
    assert made.heard == [("lr", 0.5)]


@pytest.mark.parametrize(
    ("parameter", "text"),
    [
        (NUMBER, "11"),
        (NUMBER, "fast"),
        (NUMBER, "nan"),
        (WHOLE, "0"),
        (WHOLE, "2.5"),
        (WHOLE, "99999999999999"),
        (LAYERS, "100,,100"),
        (LAYERS, "0"),
    ],
)
def test_a_refused_text_shows_the_reason_and_the_last_good_value_stays(qtbot, editor, parameter, text):
    made = editor(parameter)
    type_into(qtbot, made.field, text)
    assert parameter.allowed in made.refusal()
    assert made.field.property("refused") is True
    assert parameter.allowed in made.field.accessibleDescription()
    assert made.field.text() == text
    assert (made.value(), made.heard) == (parameter.default, [])
    qtbot.keyClick(made.field, ESCAPE)
    assert made.refusal() == ""
    assert made.field.text() == parameter.text(parameter.default)
    assert made.field.property("refused") is False


def test_a_refused_text_stays_when_the_keyboard_leaves(qtbot, editor):
    made = editor(NUMBER)
    type_into(qtbot, made.field, "11", key=None)
    made.slider.setFocus()
    assert (made.field.text(), made.value()) == ("11", 0.01)
    assert made.refusal()
    type_into(qtbot, made.field, "1")
    assert (made.refusal(), made.heard) == ("", [("lr", 1.0)])


def test_a_value_set_from_outside_a_range_is_refused_not_clamped(editor):
    made = editor(NUMBER)
    made.field.setValue(1e6)
    assert made.refusal()
    assert (made.value(), made.heard) == (0.01, [])
    made.field.setValue(0.5)
    assert made.heard == [("lr", 0.5)]


def test_escape_with_nothing_to_restore_is_left_to_others(qtbot, editor):
    outer = QWidget()
    outer.keys = []
    outer.keyPressEvent = lambda event: outer.keys.append(event.key())
    qtbot.addWidget(outer)
    made = Editor(NUMBER, outer)
    qtbot.keyClick(made.field, ESCAPE)
    assert outer.keys == [ESCAPE]


@pytest.mark.parametrize("parameter", [NUMBER, WHOLE, LAYERS, NAME], ids=lambda p: p.key)
def test_undo_is_the_texts_while_typing_and_the_panels_after(qtbot, editor, parameter):
    made, undone = editor(parameter), []
    QShortcut(QKeySequence.StandardKey.Undo, made, lambda: undone.append("value"))
    field = made.field
    field.setFocus()
    line = field if isinstance(field, QLineEdit) else field.lineEdit()
    line.selectAll()
    qtbot.keyClicks(field, "9")
    qtbot.keyClick(field, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert (undone, line.text()) == ([], parameter.text(parameter.default))
    qtbot.keyClick(field, ENTER)
    qtbot.keyClick(field, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert undone == ["value"]


def test_a_switch_is_clicked_and_takes_space(qtbot, editor):
    made = editor(SWITCH)
    qtbot.mouseClick(made.field, Qt.MouseButton.LeftButton)
    qtbot.keyClick(made.field, Qt.Key.Key_Space)
    assert made.heard == [("batchnorm", True), ("batchnorm", False)]


def test_a_choice_is_made_with_keys(qtbot, editor):
    made = editor(CHOICE)
    made.field.setFocus()
    qtbot.keyClick(made.field, Qt.Key.Key_Down)
    assert made.heard == [("surface", "saddle")]
    made.field.setCurrentText("valley")
    assert made.value() == "valley"


def test_a_name_may_be_one_of_ones_own_but_not_any(qtbot, editor):
    made = editor(NAME)
    type_into(qtbot, made.field.lineEdit(), "normal-0.3")
    assert made.heard == [("init", "normal-0.3")]
    type_into(qtbot, made.field.lineEdit(), "nothing")
    assert "normal-σ" in made.refusal()
    assert (made.value(), len(made.heard)) == ("normal-0.3", 1)
    qtbot.keyClick(made.field.lineEdit(), ESCAPE)
    assert made.field.currentText() == "normal-0.3"
    made.field.setCurrentText("zeros")
    type_into(qtbot, made.field.lineEdit(), "zeros")
    assert made.heard[-1] == ("init", "zeros")


def test_a_point_is_entered_number_by_number(qtbot, editor):
    made = editor(START)
    x, y = made.field.boxes
    assert (x.objectName(), y.objectName()) == ("start.x", "start.y")
    type_into(qtbot, x, "1.5")
    type_into(qtbot, y, "-2e-1")
    assert made.heard == [("start", (1.5, 2.0)), ("start", (1.5, -0.2))]
    type_into(qtbot, y, "11")
    assert made.refusal()
    assert made.value() == (1.5, -0.2)


def test_reset_appears_with_another_value_and_restores_the_default(qtbot, editor):
    made = editor(NUMBER)
    assert not made.reset.isVisible()
    type_into(qtbot, made.field, "2")
    assert made.reset.isVisible()
    qtbot.mouseClick(made.reset, Qt.MouseButton.LeftButton)
    assert made.heard == [("lr", 2.0), ("lr", 0.01)]
    assert made.field.text() == "0.01"
    assert not made.reset.isVisible()


def test_reset_of_a_refused_text_restores_without_a_change(qtbot, editor):
    made = editor(NUMBER)
    type_into(qtbot, made.field, "-1")
    qtbot.mouseClick(made.reset, Qt.MouseButton.LeftButton)
    assert (made.refusal(), made.field.text(), made.heard) == ("", "0.01", [])


@pytest.mark.parametrize("parameter", ALL, ids=lambda p: p.key)
def test_setting_a_value_is_silent_and_every_control_has_a_name(editor, parameter):
    made = editor(parameter)
    made.set_value(parameter.default)
    assert made.heard == []
    assert made.field.objectName() == parameter.key
    assert made.field.accessibleName() == parameter.label
    assert made.reset.accessibleName()
    assert parameter.doc in made.field.toolTip()
    with pytest.raises(ParameterError):
        made.set_value(object())


def test_a_log_slider_spreads_decades_evenly():
    track = track_of(NUMBER)
    decade = track.stops / 7
    for power in range(-6, 2):
        assert track.position(10.0**power) == pytest.approx((power + 6) * decade, abs=0.5)
    assert (track.value(0), track.value(track.stops)) == (1e-6, 10.0)


@pytest.mark.parametrize("parameter", [NUMBER, WHOLE, number("l2", "λ", 0.0, "d", 0.0, 10.0)], ids=lambda p: p.key)
def test_a_slider_rises_stays_in_range_and_finds_its_place_again(parameter):
    track = track_of(parameter)
    values = [track.value(position) for position in range(track.stops + 1)]
    assert values == sorted(values)
    assert all(parameter.check(value) == value for value in values)
    for position in range(0, track.stops + 1, 50):
        assert track.value(track.position(track.value(position))) == track.value(position)


def test_a_log_slider_from_zero_begins_with_zero():
    track = track_of(number("l2", "λ", 0.0, "d", 0.0, 1.0, scale=Scale.LOG))
    assert track.value(0) == 0.0
    assert track.value(1) == pytest.approx(1e-6, rel=0.1)
    assert (track.position(0.0), track.position(1.0)) == (0, track.stops)


def test_only_ranges_that_suit_have_a_slider():
    assert track_of(SEED) is None
    assert track_of(replace(NUMBER, high=math.inf)) is None
    assert track_of(integer("n", "n", 3, "d", 1, 20)).stops == 19


def test_a_slider_is_moved_with_keys_and_clicks(qtbot, editor):
    made = editor(NUMBER)
    made.slider.setFocus()
    qtbot.keyClick(made.slider, Qt.Key.Key_Right)
    assert made.value() == pytest.approx(0.0126, rel=0.05)
    assert made.field.value() == made.value()
    qtbot.mouseClick(made.slider, Qt.MouseButton.LeftButton, pos=QPoint(made.slider.width() - 1, 9))
    assert made.value() == 10.0
    assert [key for key, _ in made.heard] == ["lr", "lr"]


@pytest.mark.parametrize(("value", "up", "down"), [(0.01, 0.02, 0.005), (0.03, 0.05, 0.02), (5.0, 10.0, 2.0)])
def test_arrow_keys_step_one_two_five(qtbot, editor, value, up, down):
    assert (nice_step(value, 1), nice_step(value, -1)) == (up, down)
    made = editor(NUMBER)
    made.set_value(value)
    qtbot.keyClick(made.field, Qt.Key.Key_Up)
    assert made.value() == up
    made.set_value(1e-6)
    qtbot.keyClick(made.field, Qt.Key.Key_Down)
    assert (made.value(), made.refusal()) == (1e-6, "")


@pytest.mark.parametrize("parameter", [NUMBER, WHOLE, CHOICE, NAME], ids=lambda p: p.key)
def test_a_wheel_over_an_unfocused_control_scrolls_the_form(qtbot, parameter):
    form = QWidget()
    made, other = Editor(parameter, form), Editor(LAYERS, form)
    column = QVBoxLayout(form)
    column.addWidget(other)
    column.addWidget(made)
    column.addSpacing(600)
    area = QScrollArea()
    area.setWidget(form)
    qtbot.addWidget(area)
    area.resize(320, 200)
    area.show()
    other.field.setFocus()
    for widget in filter(None, (made.field, made.slider)):
        before = area.verticalScrollBar().value()
        wheel_over(widget)
        assert made.value() == parameter.default
        assert not widget.hasFocus()
        assert area.verticalScrollBar().value() >= before


def test_a_wheel_over_the_focused_number_steps_it(editor):
    made = editor(NUMBER)
    made.field.setFocus()
    wheel_over(made.field)
    assert made.value() == 0.005


def test_a_form_follows_the_configuration(qtbot):
    form, heard = Form(), []
    qtbot.addWidget(form)
    form.changed.connect(lambda *change: heard.append(change))
    form.show_configuration(configuration(*ALL, lr=0.5))
    row = form.editor("lr")
    assert row.value() == 0.5
    form.show_configuration(configuration(replace(NUMBER, default=1.0), *ALL[1:], lr=1.0, batch=3))
    assert form.editor("lr") is row
    assert (row.value(), row.parameter.default, row.reset.isHidden()) == (1.0, 1.0, True)
    assert form.editor("batch").value() == 3
    assert heard == []
    row.field.setValue(2.0)
    assert heard == [("lr", 2.0)]
    form.show_configuration(configuration(NUMBER, CHOICE))
    assert form.keys() == ("lr", "surface")


def test_a_form_shows_what_is_used_and_what_changed_in_mid_run(qtbot):
    ratio = number("ratio", "ratio", 20.0, "d", 1, 100, only_if=("surface", "bowl"), live=True)
    form = Form()
    qtbot.addWidget(form)
    bowl = configuration(CHOICE, ratio)
    form.show_configuration(bowl.change(5, "ratio", 7))
    assert form.editor("ratio").value() == 7.0
    assert not form.editor("ratio").isHidden()
    form.show_configuration(configuration(CHOICE, ratio, surface="saddle"))
    assert form.editor("ratio").isHidden()


def test_a_row_is_made_when_it_is_used_in_its_place_and_in_the_order_of_the_tab_key(qtbot):
    first, ratio = (number(key, key, 20.0, "d", 1, 100, only_if=("surface", "saddle")) for key in ("first", "ratio"))
    holder = QWidget()
    column, form, other = QVBoxLayout(holder), Form(), QLineEdit()
    column.addWidget(form)
    column.addWidget(other)
    qtbot.addWidget(holder)
    form.show_configuration(configuration(first, CHOICE, ratio, WHOLE))
    assert form.keys() == ("first", "surface", "ratio", "batch")
    assert {row.parameter.key for row in form.findChildren(Editor)} == {"surface", "batch"}
    form.show_configuration(configuration(first, CHOICE, ratio, WHOLE, surface="saddle", ratio=7.0, first=3.0))
    holder.show()
    qtbot.waitExposed(holder)
    rows = sorted(form.findChildren(Editor), key=lambda row: row.y())
    assert [row.parameter.key for row in rows] == ["first", "surface", "ratio", "batch"]
    assert [form.editor(key).value() for key in ("first", "ratio")] == [3.0, 7.0]
    holder.activateWindow()
    qtbot.waitUntil(holder.isActiveWindow)
    form.editor("first").field.setFocus()
    seen = []
    while QApplication.focusWidget() is not other:
        row = next(row for row in rows if row.isAncestorOf(QApplication.focusWidget()))
        seen += [row.parameter.key] * (row.parameter.key not in seen)
        qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
        assert len(seen) <= 4
    assert seen == ["first", "surface", "ratio", "batch"]


@pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda preset: preset.name)
def test_every_preset_has_a_form_without_lanes_and_their_parameters(qtbot, preset):
    made = preset.configuration()
    form = Form()
    qtbot.addWidget(form)
    form.show_configuration(made)
    assert sorted(form.keys()) == sorted(p.key for p in form_parameters(made))
    assert "lanes" not in form.keys()
    race = "lanes" in made.values and "adam" in made.parameter("lanes").choices
    assert any(key.startswith("adam.") for key in form.keys()) is ("optimizer" in made.values and not race)


def test_a_new_theme_restyles_a_shown_form(qtbot, qapp, editor):
    made = editor(NUMBER)
    type_into(qtbot, made.field, "2")
    before = made.reset.icon().cacheKey()
    theme.apply(qapp, theme.DARK)
    assert made.reset.icon().cacheKey() != before
    theme.apply(qapp, theme.LIGHT)
