"""The lane list: switched, opened, edited, added to by name, and never without a lane."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QEnterEvent
from PySide6.QtWidgets import QApplication, QWidget

from core.lanes import Axis
from core.optimizers import OPTIMIZERS
from core.presets import PRESETS
from gui.lane_options import lane_options
from gui.lanes import LaneList, LaneOption
from gui.theme import Severity


def type_into(qtbot, field, text):
    field.selectAll()
    qtbot.keyClicks(field, text)
    qtbot.keyClick(field, Qt.Key.Key_Return)


def options(made):
    return [
        LaneOption(key, rule.label, rule.colour, rule.marker, tuple(p for p in made.parameters if key + "." in p.key))
        for key, rule in OPTIMIZERS.items()
    ]


@pytest.fixture
def lanes(qtbot):
    made = PRESETS["optimizer-paths"].configuration({"lanes": ("sgd", "adam")})
    shown = LaneList()
    shown.heard, shown.hovering = [], []
    shown.toggled.connect(shown.heard.append)
    shown.hovered.connect(shown.hovering.append)
    shown.show_lanes(options(made), made["lanes"], made)
    qtbot.addWidget(shown)
    shown.show()
    return shown


def press(qtbot, lanes, name):
    qtbot.keyClick(lanes.row(name).check, Qt.Key.Key_Space)


@pytest.mark.parametrize("name", ["sgd", "lion"])
def test_a_lane_is_switched_by_a_click_anywhere_beside_its_name(qtbot, lanes, name):
    lanes.resize(280, lanes.sizeHint().height())
    check = lanes.row(name).check
    before = check.isChecked()
    far = check.rect().center() + QPoint(check.width() // 2 - 3, 0)
    qtbot.mouseClick(check, Qt.MouseButton.LeftButton, pos=far)
    assert check.isChecked() is not before


def test_a_long_word_on_how_a_lane_fares_leaves_its_name_room(qtbot, lanes):
    lanes.resize(280, lanes.sizeHint().height())
    lanes.set_status("adagrad", "diverged at step 1,000", Severity.ERROR)
    qtbot.waitUntil(lambda: lanes.row("adagrad").check.text() == "AdaGrad")
    assert lanes.row("adagrad").status() == "diverged at step 1,000"


def test_lanes_are_switched_in_the_order_of_the_list_and_never_all_off(qtbot, lanes):
    press(qtbot, lanes, "momentum")
    press(qtbot, lanes, "sgd")
    press(qtbot, lanes, "momentum")
    assert lanes.heard == [("sgd", "momentum", "adam"), ("momentum", "adam"), ("adam",)]
    press(qtbot, lanes, "adam")
    assert len(lanes.heard) == 3
    assert lanes.row("adam").check.isChecked()
    assert lanes.findChild(QWidget, "lanes-message").isVisible()
    assert "At least one" in lanes.row("adam").check.toolTip()
    press(qtbot, lanes, "sgd")
    assert not lanes.findChild(QWidget, "lanes-message").isVisible()


def test_a_lane_opens_with_keys_and_edits_its_own_parameters(qtbot, lanes):
    changes = []
    lanes.changed.connect(lambda *change: changes.append(change))
    assert lanes.findChild(QWidget, "sgd.lr") is None
    qtbot.keyClick(lanes.row("sgd").check, Qt.Key.Key_Right)
    type_into(qtbot, lanes.findChild(QWidget, "sgd.lr"), "0.3")
    assert changes == [("sgd.lr", 0.3)]
    qtbot.mouseClick(lanes.row("sgd").chevron, Qt.MouseButton.LeftButton)
    assert not lanes.row("sgd").is_open()
    assert lanes.editor("adam.beta1").value() == 0.9


def test_lanes_follow_the_configuration_and_stay_open(lanes):
    lanes.row("sgd").set_open(True)
    row = lanes.row("sgd")
    made = PRESETS["paths-rosenbrock"].configuration({"sgd.lr": 0.002})
    lanes.show_lanes(options(made), ("sgd",), made)
    assert lanes.row("sgd") is row
    assert (row.editors["sgd.lr"].value(), row.editors["sgd.lr"].parameter.default) == (0.002, 0.001)
    assert (lanes.active(), lanes.heard) == (("sgd",), [])
    lanes.show_lanes(options(made)[:2], ("sgd",), made)
    assert lanes.row("sgd").is_open()


def test_a_status_is_said_in_its_colour_and_to_screen_readers(lanes):
    lanes.set_status("sgd", "diverged at 12", Severity.ERROR)
    assert lanes.row("sgd").status() == "diverged at 12"
    assert "diverged at 12" in lanes.row("sgd").check.accessibleDescription()
    with pytest.raises(KeyError):
        lanes.set_status("nobody", "", Severity.INFO)


def test_hovering_names_the_lane_and_then_none(qtbot, lanes):
    row, place = lanes.row("adam"), QPointF(5, 5)
    lanes.hovering.clear()  # the row that happens to be under the mouse
    QApplication.sendEvent(row, QEnterEvent(place, place, place))
    QApplication.sendEvent(row, QEvent(QEvent.Type.Leave))
    assert lanes.hovering == ["adam", None]


def test_a_lane_is_added_by_a_name_that_the_parameter_takes(qtbot, lanes):
    made = PRESETS["init-mnist"].configuration()
    known = [LaneOption(name, name, "#000000", "o") for name in ("he", "xavier", "normal-0.01")]
    lanes.show_lanes(known, ("he",), made)
    lanes.allow_custom(made.parameter("lanes"), "normal-0.05")
    add = lanes.findChild(QWidget, "lanes-add")
    for text in ("normal-0.05", "xavier", "cold"):
        type_into(qtbot, add, text)
    assert lanes.heard[0] == ("he", "normal-0.05")
    assert "xavier" in lanes.heard[1]
    assert len(lanes.heard) == 2
    assert "normal-<σ>" in lanes.findChild(QWidget, "lanes-message").text()


def test_a_long_name_takes_two_lines_and_is_cut_only_where_these_do_not_fit(qtbot, lanes):
    lanes.resize(400, 600)
    lanes.set_status("rmsprop_momentum", "0.123 · 92.5 %", Severity.INFO)
    check = lanes.row("rmsprop_momentum").check
    for width, text in ((400, "RMSprop + momentum"), (280, "RMSprop +\nmomentum"), (240, None)):
        lanes.resize(width, 600)
        qtbot.waitUntil(lambda wanted=text: check.text() == wanted if wanted else check.text().endswith("…"))
        qtbot.waitUntil(lambda: check.height() >= check.sizeHint().height())  # nothing of it is covered
    assert check.accessibleName() == "RMSprop + momentum"


def test_every_optimizer_is_listed_with_its_rule():
    found = lane_options(PRESETS["optimizer-paths"].configuration(), Axis.OPTIMIZER)
    assert [option.name for option in found] == list(OPTIMIZERS)
    for option in found:
        assert option.doc == f"{option.label}\n{OPTIMIZERS[option.name].formula}"
        assert {parameter.key for parameter in option.parameters} == {
            f"{option.name}.{key}" for key in (*(p.key for p in OPTIMIZERS[option.name].hyperparameters), "schedule")
        }
