"""Ranges, chips, depths and headings: rows for values of several parts; each with real keys and clicks."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QShortcut
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QStyle, QStyleOptionSlider, QWidget

from core.parameters import Configuration, Kind, Parameter, Scale, choice, flag, integer, number
from core.presets import PRESETS
from gui import theme
from gui.chips import Chips
from gui.editors import Editor
from gui.fields import TextField
from gui.forms import Form, grouped
from gui.shelf import Shelf
from gui.undo import Edit
from gui.widgets import Stroke
from tests.gui_helpers import grabbed, ink

LOG = Scale.LOG
RANGE = Parameter("search.lr", "learning rate", (1e-6, 1e-2), "Drawn", Kind.RANGE, 1e-8, 10.0, scale=LOG)
SOUGHT = ("lr", "l2", "momentum", "beta1", "beta2", "dropout")
NAMES = Parameter("search", "searched", ("lr", "l2"), "Drawn at random", Kind.NAMES, choices=SOUGHT, length=(1, 4))
LAYERS = Parameter("hidden", "hidden layers", (100, 50), "Units", Kind.INTS, 1, 1000, length=(1, 20))
KEY, LEFT, ENTER, ESCAPE = Qt.Key, Qt.MouseButton.LeftButton, Qt.Key.Key_Return, Qt.Key.Key_Escape
COLUMN = 276  # what the form's column leaves for a row


@pytest.fixture
def editor(qtbot):
    def make(parameter, width=COLUMN):
        made = Editor(parameter)
        made.heard = []
        made.edited.connect(lambda key, value: made.heard.append((key, value)))
        qtbot.addWidget(made)
        made.resize(width, made.sizeHint().height())
        made.show()
        made.activateWindow()
        qtbot.waitUntil(made.isActiveWindow)
        return made

    return make


def enter(qtbot, box, text):
    box.setFocus()
    box.selectAll()
    qtbot.keyClicks(box, text)
    qtbot.keyClick(box, ENTER)


def chip(made, name):
    return made.findChild(QWidget, f"search:{name}")


def place(slider, value):
    """Return where the handle's middle is at a value."""
    option = QStyleOptionSlider()
    slider.initStyleOption(option)
    option.sliderPosition = option.sliderValue = value
    control, part = QStyle.ComplexControl.CC_Slider, QStyle.SubControl.SC_SliderHandle
    return slider.style().subControlRect(control, option, part, slider).center()


# A range.


def test_a_range_is_entered_end_by_end_and_shown_compactly(qtbot, editor):
    made = editor(RANGE)
    low, high = made.field.boxes
    assert (low.objectName(), high.objectName()) == ("search.lr.low", "search.lr.high")
    assert (low.accessibleName(), high.accessibleName()) == ("learning rate low", "learning rate high")
    assert (low.text(), high.text()) == ("1e-06", "0.01")
    enter(qtbot, low, "1e-4")
    enter(qtbot, high, "0.1")
    assert made.heard == [("search.lr", (1e-4, 0.01)), ("search.lr", (1e-4, 0.1))]
    qtbot.keyClick(low, KEY.Key_Up)
    assert made.value() == (2e-4, 0.1)


@pytest.mark.parametrize(
    ("end", "text"), [("low", "0.01"), ("low", "1"), ("high", "11"), ("low", "0"), ("high", "much")]
)
def test_a_refused_range_stays_to_be_seen_and_the_last_good_one_in_force(qtbot, editor, end, text):
    made = editor(RANGE)
    box = made.findChild(QWidget, f"search.lr.{end}")
    enter(qtbot, box, text)
    assert RANGE.allowed in made.refusal()
    assert RANGE.allowed in box.accessibleDescription()
    assert box.property("refused") is True
    assert (box.text(), made.value(), made.heard) == (text, RANGE.default, [])
    qtbot.keyClick(box, ESCAPE)
    assert made.refusal() == ""
    assert [box.text() for box in made.field.boxes] == ["1e-06", "0.01"]


def test_a_range_can_be_moved_past_itself_one_end_after_the_other(qtbot, editor):
    made = editor(RANGE)
    low, high = made.field.boxes
    enter(qtbot, low, "0.1")
    assert made.refusal()
    enter(qtbot, high, "1")
    assert (made.refusal(), made.heard) == ("", [("search.lr", (0.1, 1.0))])


def test_a_range_has_room_for_its_numbers_and_its_label(qapp, editor):
    theme.apply(qapp, theme.LIGHT)
    made = editor(RANGE)
    for box in made.field.boxes:
        line = box.lineEdit()
        assert line.fontMetrics().horizontalAdvance("0.00125") < line.width() - 2 * line.textMargins().left()
    assert made._label.shown_text() == "learning rate"


# Chips.


def test_chips_show_what_is_on_and_clicks_switch_them(qtbot, editor):
    made = editor(NAMES)
    assert isinstance(made.field, Chips)
    assert made.field.objectName() == "search"
    assert [name for name in SOUGHT if chip(made, name).isChecked()] == ["lr", "l2"]
    qtbot.mouseClick(chip(made, "dropout"), LEFT)
    qtbot.mouseClick(chip(made, "lr"), LEFT)
    assert made.heard == [("search", ("lr", "l2", "dropout")), ("search", ("l2", "dropout"))]
    qtbot.mouseClick(made.reset, LEFT)
    assert made.heard[-1] == ("search", ("lr", "l2"))
    assert made.field.names() == ("lr", "l2")


def test_chips_are_reached_and_switched_with_keys_that_no_shortcut_gets(qtbot, editor):
    made, played = editor(NAMES), []
    for key in (KEY.Key_Space, KEY.Key_Right, KEY.Key_Left):
        QShortcut(key, made, lambda: played.append("transport"))
    made.field.setFocus()
    assert QApplication.focusWidget() is chip(made, "lr")
    qtbot.keyClick(chip(made, "lr"), KEY.Key_Tab)
    assert QApplication.focusWidget() is chip(made, "l2")
    qtbot.keyClick(chip(made, "l2"), KEY.Key_Right)
    assert QApplication.focusWidget() is chip(made, "momentum")
    qtbot.keyClick(chip(made, "momentum"), KEY.Key_Space)
    assert made.heard == [("search", ("lr", "l2", "momentum"))]
    qtbot.keyClick(chip(made, "momentum"), KEY.Key_Left)
    assert QApplication.focusWidget() is chip(made, "l2")
    assert played == []


def test_arrow_keys_do_not_leave_the_chips(qtbot, editor):
    made = editor(NAMES)
    chip(made, "lr").setFocus()
    for _ in range(10):
        qtbot.keyClick(QApplication.focusWidget(), KEY.Key_Right)
    assert QApplication.focusWidget() is chip(made, SOUGHT[-1])
    for _ in range(10):
        qtbot.keyClick(QApplication.focusWidget(), KEY.Key_Up)
    assert QApplication.focusWidget() is chip(made, SOUGHT[0])


@pytest.mark.parametrize(("given", "clicked"), [(("l2",), "l2"), (("lr", "l2", "momentum", "beta1"), "dropout")])
def test_too_few_or_too_many_chips_are_refused_with_the_reason(qtbot, editor, given, clicked):
    made = editor(NAMES)
    made.set_value(given)
    qtbot.mouseClick(chip(made, clicked), LEFT)
    assert NAMES.allowed in made.refusal()
    assert NAMES.allowed in chip(made, clicked).accessibleDescription()
    assert (made.value(), made.field.names(), made.heard) == (given, given, [])
    qtbot.keyClick(chip(made, clicked), ESCAPE)
    assert made.refusal() == ""


def test_a_good_click_takes_the_reason_away(qtbot, editor):
    made = editor(NAMES)
    made.set_value(("l2",))
    qtbot.mouseClick(chip(made, "l2"), LEFT)
    assert made.refusal()
    qtbot.mouseClick(chip(made, "lr"), LEFT)
    assert (made.refusal(), made.heard) == ("", [("search", ("lr", "l2"))])


def test_every_chip_says_what_it_is_of(editor):
    made = editor(NAMES)
    assert [c.accessibleName() for c in made.field.chips.values()] == [f"searched: {name}" for name in SOUGHT]


@pytest.mark.parametrize("width", [200, COLUMN, 600])
def test_chips_wrap_within_the_row_and_do_not_overlap(qtbot, editor, width):
    made = editor(NAMES, width)
    places = [c.geometry() for c in made.field.chips.values()]
    assert all(made.field.rect().contains(place) for place in places)
    assert not any(a.intersects(b) for i, a in enumerate(places) for b in places[:i])
    assert (len({place.y() for place in places}) == 1) is (width == 600)


def test_a_chip_that_is_on_is_filled(qapp, editor):
    for look in (theme.DARK, theme.LIGHT):
        theme.apply(qapp, look)
        made = editor(NAMES)
        on, off = grabbed(chip(made, "l2")), grabbed(chip(made, "dropout"))
        assert ink(on, look.accent) > 0.5 * on.width() * on.height()
        assert ink(off, look.accent) < 0.1 * off.width() * off.height()


@pytest.mark.parametrize("more", [{"choices": SOUGHT, "matches": str}, {"choices": (), "matches": str}])
def test_names_of_ones_own_are_typed(editor, more):
    made = editor(Parameter("search", "searched", ("lr",), "Drawn", Kind.NAMES, **more))
    assert isinstance(made.field, TextField)


# A depth.


def test_the_depth_slider_adds_layers_like_the_last_and_takes_them_from_the_end(qtbot, editor):
    made = editor(LAYERS)
    slider = made.findChild(QWidget, "hidden:slider")
    assert (slider.minimum(), slider.maximum(), slider.value()) == (1, 12, 2)
    assert slider.accessibleName() == "hidden layers: how many"
    assert "how many" in slider.toolTip()
    slider.setFocus()
    qtbot.keyClick(slider, KEY.Key_Right)
    qtbot.keyClick(slider, KEY.Key_Right)
    assert made.heard == [("hidden", (100, 50, 50)), ("hidden", (100, 50, 50, 50))]
    assert made.field.text() == "100,50,50,50"
    qtbot.keyClick(slider, KEY.Key_Home)
    assert made.value() == (100,)
    qtbot.mouseClick(slider, LEFT, pos=QPoint(slider.width() - 1, 9))
    assert made.value() == (100,) * 12
    assert made.field.text() == "100x12"


def test_typed_layers_move_the_slider_in_silence(qtbot, editor):
    made = editor(LAYERS)
    enter(qtbot, made.field, "30,20,10")
    assert (made.slider.value(), made.heard) == (3, [("hidden", (30, 20, 10))])


def test_a_depth_beyond_the_slider_stays_until_it_is_moved(qtbot, editor):
    made = editor(LAYERS)
    enter(qtbot, made.field, "7x20")
    assert made.slider.value() == made.slider.maximum() == 12
    made.heard.clear()
    made.slider.setFocus()
    qtbot.mouseClick(made.slider, LEFT, pos=place(made.slider, 12))
    qtbot.keyClick(made.slider, KEY.Key_Right)
    assert (made.value(), made.heard) == ((7,) * 20, [])
    qtbot.keyClick(made.slider, KEY.Key_Left)
    assert made.heard == [("hidden", (7,) * 11)]


def test_a_drag_there_and_back_restores_the_layers_and_is_one_step_of_undo(qtbot, editor):
    made = editor(LAYERS)
    made.set_value((100, 50, 20))
    steps, panel = [], SimpleNamespace(desk=SimpleNamespace(shelf=Shelf()))
    made.edited.connect(lambda key, value: steps.append(Edit(panel, "", value, value, key)))
    slider, window, none = made.slider, made.windowHandle(), Qt.KeyboardModifier.NoModifier
    before = Stroke.number
    at = [slider.mapTo(made, place(slider, value)) for value in (3, 1, 5)]
    QTest.mousePress(window, LEFT, none, at[0])
    for spot in at[1:]:
        QTest.mouseMove(window, spot)
        QApplication.processEvents()
    QTest.mouseRelease(window, LEFT, none, at[-1])
    assert made.heard == [("hidden", (100,)), ("hidden", (100, 50, 20, 20, 20))]
    assert Stroke.number == before + 1
    assert steps[0].mergeWith(steps[1])


def test_only_a_choice_of_depths_has_a_slider(editor):
    assert editor(Parameter("pair", "pair", (1, 2), "d", Kind.INTS, 0, 9, length=(2, 2))).slider is None
    short = editor(Parameter("few", "few", (), "d", Kind.INTS, 5, 9, length=(0, 3)))
    assert (short.slider.minimum(), short.slider.maximum()) == (0, 3)
    short.slider.setValue(2)
    assert short.value() == (5, 5)


# The form.


def some_form():
    sought = [
        Parameter(f"search.{name}", name, (0.1, 0.5), "d", Kind.RANGE, 0, 1, only_if=("search", name))
        for name in ("lr", "l2")
    ]
    return (
        number("l2", "λ", 0.0, "d", 0, 10),
        integer("seed", "seed", 0, "d", 0, 9),
        integer("batch", "batch", 1, "d", 1, 9),
        integer("seeds", "seeds", 1, "d", 1, 9),
        *sought,
        flag("halving", "halving", False, "d"),
        NAMES,
        LAYERS,
        number("dropout", "dropout", 0.0, "d", 0, 1, only_if=("optimizer", "adam")),
        number("sgd.lr", "lr", 0.1, "d", 0, 1),
        choice("optimizer", "optimizer", "sgd", "d", ("sgd", "adam")),
        integer("images", "images", 9, "d", 1, 99),
        integer("trials", "trials", 9, "d", 1, 99),
        number("l1", "L1", 0.0, "d", 0, 1, only_if=("optimizer", "adam")),
    )


def test_headings_put_together_what_belongs_together():
    found = {heading: [p.key for p in members] for heading, members in grouped(some_form()).items()}
    assert list(found.items()) == [
        ("Search", ["trials", "search", "search.lr", "search.l2", "halving"]),
        ("Network", ["hidden"]),
        ("Regularization", ["l2", "l1", "dropout"]),
        ("Run", ["images", "optimizer", "sgd.lr", "batch", "seed", "seeds"]),
    ]


def test_parameters_of_one_heading_have_none_and_stay_as_declared():
    seed, images = integer("seed", "seed", 0, "d", 0, 9), integer("images", "images", 9, "d", 1, 99)
    assert grouped((seed, images)) == {"": [seed, images]}


def test_a_range_is_shown_while_its_name_is_searched(qtbot):
    form, made = Form(), [Configuration("test", "test", some_form(), {"search": ("lr",)})]
    qtbot.addWidget(form)

    def take(key, value):
        made[0] = made[0].replace({key: value})
        form.show_configuration(made[0])

    form.changed.connect(take)
    form.show_configuration(made[0])
    form.show()
    assert [form.editor(f"search.{name}").isHidden() for name in ("lr", "l2")] == [False, True]
    qtbot.mouseClick(chip(form, "l2"), LEFT)
    qtbot.mouseClick(chip(form, "lr"), LEFT)
    assert [form.editor(f"search.{name}").isHidden() for name in ("lr", "l2")] == [True, False]
    assert made[0]["search"] == ("l2",)


def test_a_heading_goes_with_its_last_row(qtbot):
    form = Form()
    qtbot.addWidget(form)
    parameters = tuple(p for p in some_form() if p.key != "l2")

    def shown(optimizer):
        form.show_configuration(Configuration("test", "test", parameters, {"optimizer": optimizer}))
        return [h.text() for h in form.findChildren(QLabel) if h.property("role") == "heading" and not h.isHidden()]

    assert shown("sgd") == ["Search", "Network", "Run"]
    assert shown("adam") == ["Search", "Network", "Regularization", "Run"]


def test_a_slider_chooses_among_names_with_a_number(qtbot, editor):
    made = editor(PRESETS["batchnorm"].configuration().parameter("init"))
    slider = made.findChild(QWidget, "init:slider")
    assert slider.value() == 500 and "normal-0.0001 to normal-1" in slider.toolTip(), "he is none of them"
    slider.setFocus()
    qtbot.keyClick(slider, KEY.Key_Home)
    assert made.heard == [("init", "normal-0.0001")] and made.field.currentText() == "normal-0.0001"
    made.set_value("normal-0.01")
    assert slider.value() == 500
    qtbot.keyClick(slider, KEY.Key_Right)
    assert made.heard[-1] == ("init", "normal-0.013")
    made.set_value("xavier")
    assert (slider.value(), made.value()) == (500, "xavier")
