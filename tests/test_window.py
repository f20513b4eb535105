"""The window: it starts at once, everything has a name and is reached by keyboard, and it closes at any moment."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QWidget,
)
from shiboken6 import isValid

from core.block import Block
from core.experiments.paths import Paths
from core.optimizers import OPTIMIZERS
from core.runner import _EAGER_CHUNK, Phase, Runner
from gui import theme
from gui.errors import install_hooks
from gui.plots import LIGHT
from gui.registry import PANELS
from gui.theme import Severity
from gui.views.base import plot_colours
from tests.gui_helpers import grabbed, ink, pixels

pytest_plugins = ["tests.window"]

KEY = Qt.Key
OPTIMIZER_PANELS = ("paths", "training")  # their lanes are optimizers
TRANSPORT = ("restart", "back", "play", "step", "timeline", "speed")


def test_it_opens_at_paths_with_something_worth_looking_at(user):
    assert user.panel.entry.key == "paths"
    assert user.window.windowTitle() == "Paths – Trainscope"
    picture = grabbed(user.panel.view)
    for name in user.panel.configuration["lanes"]:
        assert ink(picture, LIGHT.lane(OPTIMIZERS[name].colour)) > 20, name


def test_the_rail_opens_panels_and_shows_which(user):
    for entry in reversed(PANELS):
        user.open(entry.key)
        assert user.panel.objectName() == entry.key
        assert [e.key for e in PANELS if user.find(f"open-{e.key}").isChecked()] == [entry.key]


def test_ctrl_and_a_number_open_panels(user):
    for number, entry in reversed(list(enumerate(PANELS, 1))):
        user.control(KEY(KEY.Key_0 + number))
        assert user.panel.entry.key == entry.key


def test_f1_folds_the_notes_on_every_panel(user):
    assert user.find("notes").isVisible()
    width = user.panel.view.width()
    user.press(KEY.Key_F1)
    assert not user.find("notes").isVisible()
    user.until(lambda: user.panel.view.width() > width)
    user.open("training")
    assert not user.find("notes").isVisible()
    user.press(KEY.Key_F1)
    assert user.find("notes").isVisible()


def test_every_panel_is_found_by_name_read_aloud_and_reached_by_keyboard(user):
    assert user.window.findChild(QAction, "export") is not None
    for entry in PANELS:
        user.open(entry.key)
        assert user.window.findChild(QWidget, entry.key) is user.panel
        tab_reaches_form_and_transport(user, entry.key)
        whatever_takes_the_keyboard_has_an_accessible_name(user, entry.key)
        everything_can_be_found_by_its_name(user, entry.key)


def tab_reaches_form_and_transport(user, panel):
    if panel == "inside":
        user.panel.show_own()  # it opens with the race that was trained
    if not user.panel.is_eager:
        user.player.step()
        user.until(lambda: user.player.head == 1)
    reached = set()
    for _ in range(150):
        user.press(KEY.Key_Tab)
        reached.add(QApplication.focusWidget().objectName())
    paths = {"surface", "anisotropy", "start.x", "start.y", "iterations"}
    settings = {"optimizer", "surface", "start.x", "x", "y.range.high", "measure", "resolution"}
    form = {"paths": paths, "stability": settings}.get(panel, {"hidden", "seed"})
    assert form | {"preset", "play", "timeline", "speed"} <= reached, panel
    if panel in OPTIMIZER_PANELS:
        assert {"lane-sgd", "lane-sgd:open"} <= reached


def whatever_takes_the_keyboard_has_an_accessible_name(user, panel):
    if panel in OPTIMIZER_PANELS:
        user.click("lane-sgd:open")
    # Parts of Qt's own widgets, such as a spin box's line edit, are announced by the widget.
    found = [w for w in focusable(user.window) if not w.objectName().startswith("qt_")]
    nameless = [f"{type(w).__name__} {w.objectName()!r}" for w in found if not name_of(w)]
    assert len(found) > 15
    assert nameless == [], panel


def focusable(root):
    keyboard = (Qt.FocusPolicy.TabFocus, Qt.FocusPolicy.StrongFocus, Qt.FocusPolicy.WheelFocus)
    for widget in root.findChildren(QWidget):
        if widget.isVisible() and widget.focusPolicy() in keyboard and not widget.focusProxy():
            yield widget


def name_of(widget):
    return widget.accessibleName() or getattr(widget, "text", str)()


def everything_can_be_found_by_its_name(user, panel):
    for name in TRANSPORT:
        assert user.panel.findChild(QWidget, name).isVisible(), f"{panel}: {name}"
    used = [p.key for p in user.panel.configuration.parameters if user.panel.configuration.uses(p)]
    for key in [key for key in user.panel.form.keys() if key in used]:
        names = [f"{key}.x", f"{key}.y"] if key == "start" else [key]
        for name in names:
            assert user.panel.findChild(QWidget, name) is not None, f"{panel}: {name}"
    if panel in OPTIMIZER_PANELS:
        for key in OPTIMIZERS:
            if user.panel.findChild(QWidget, f"{key}.lr") is None:
                user.click(f"lane-{key}:open")
        own = [p.key for p in user.panel.configuration.parameters if "." in p.key]
        own = [key for key in own if key not in user.panel.form.keys()]
        assert own and all(user.panel.findChild(QWidget, key) is not None for key in own)


def test_the_theme_changes_everything_shown(user):
    light = pixels(grabbed(user.window)).mean()
    user.window.findChild(QAction, "theme-dark").trigger()
    dark = pixels(grabbed(user.window)).mean()
    user.open("training")
    assert pixels(grabbed(user.window)).mean() < 90
    assert dark < 90 < 180 < light


def test_escape_closes_a_message(user):
    user.window.findChild(QAction, "keys").trigger()
    assert "Ctrl+E" in user.window.banner.text()
    user.press(KEY.Key_Escape)
    assert user.window.banner.text() == ""


# At any moment.


def close(user):
    """Close the window: every engine's thread has ended by then, after the update in hand and no other."""
    engines = [panel.player.runner for panel in user.window.panels.values()]
    with pytest.MonkeyPatch.context() as patch:
        late, allowed = count_late_updates(patch)
        user.window.close()
    assert engines and not any(runner._thread.is_alive() for runner in engines)
    assert not user.window.isVisible()
    assert {runner._thread for runner in engines} <= set(allowed)
    assert [(late[thread], most) for thread, most in allowed.items() if late[thread] > most] == []


def count_late_updates(patch):
    """Count the updates that each engine's thread makes after it was told to end, beside how many are allowed.

    What was only about to be built is not told; it ends after the first look at whether it is wanted.
    """
    late, allowed, abandon = Counter(), {}, Runner._abandon

    def told(runner):
        abandon(runner)
        allowed[runner._thread] = 1 if runner._experiment is not None else _EAGER_CHUNK

    def counted(step):
        def make(*args):
            late[threading.current_thread()] += threading.current_thread() in allowed
            return step(*args)

        return make

    patch.setattr(Runner, "_abandon", told)
    for kind in (Block, Paths):
        patch.setattr(kind, "_step", counted(kind._step))
    return late, allowed


def test_it_closes_at_once_while_a_race_runs(user):
    user.open("training")
    user.press(KEY.Key_Space)
    user.until(lambda: user.player.head > 2)
    user.open("activations")
    user.open("training")
    assert user.player.status.phase is Phase.RUNNING
    close(user)
    assert user.player.status.position < user.player.status.total


@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize("values", [{"iterations": 10_000}, {"surface": "rastrigin", "iterations": 10_000}])
def test_it_closes_at_once_while_long_paths_are_computed(user, values, begun):
    runner = user.player.runner
    user.panel.start(user.panel.configuration.replace(values))
    if begun:
        user.until(lambda: (run := runner._experiment) is not None and run.total == 10_000 and run.position > 0)
        run = runner._experiment
    close(user)
    assert runner.status.phase is not Phase.FINISHED
    assert not begun or 0 < run.position < run.total


@pytest.mark.parametrize("preset", ["random-search", "batchnorm-grid", "weight-decay"])
def test_it_closes_at_once_while_many_networks_train(opened, preset):
    user = opened(preset=preset)
    user.press(KEY.Key_Space)
    user.until(lambda: user.player.head > 0, 20_000)
    close(user)
    assert 0 < user.player.status.position < user.player.status.total


def test_it_closes_at_once_while_a_panel_is_being_made(opened):
    user = opened()
    user.window.open_panel("training")
    user.window.open_panel("activations")
    close(user)


def test_it_closes_at_once_after_data_could_not_be_read(opened, tmp_path):
    user = opened(data=str(tmp_path / "missing"))
    user.window.open_panel("training")
    user.until(lambda: user.window.banner.text() != "")
    close(user)


class Monkey:
    """Presses, clicks and types at random on whatever can be used, except what leaves the program."""

    texts = ("", "0", "-1", "nan", "1e9", "abc", "0.5", "3", "16", "8,8", "12x3", "normal-0.2", "1,,2", " ")
    keys = (KEY.Key_Space, KEY.Key_Left, KEY.Key_Right, KEY.Key_Home, KEY.Key_Tab, KEY.Key_Escape, KEY.Key_F1)
    letters = (KEY.Key_Z, KEY.Key_1, KEY.Key_2, KEY.Key_3, KEY.Key_E)
    # Steps and sizes that take long are tried elsewhere; here it is the number of events that counts.
    left_alone = ("hidden", "inputs", "inputs:slider", "iterations", "iterations:slider", "batch:slider")

    def __init__(self, user, seed):
        self.user, self.random = user, random.Random(seed)

    def act(self):
        """Do one thing."""
        popup = QApplication.activePopupWidget()
        if popup is not None:
            popup.close()
        doing = self.random.choice((self.press, self.press, self.poke, self.poke, self.poke, self.switch, self.map))
        doing()

    def press(self):
        """Press a key, where the keyboard is."""
        if self.random.random() < 0.4:
            self.user.control(self.random.choice(self.letters))
        else:
            self.user.press(self.random.choice(self.keys))

    def switch(self):
        """Open a panel."""
        self.user.click(f"open-{self.random.choice(PANELS).key}")

    def map(self):
        """Click, drag or turn the wheel somewhere on the plots."""
        viewport = self.user.panel.view.graphics.viewport()
        if not viewport.isVisible():
            return
        places = [QPoint(self._below(viewport.width()), self._below(viewport.height())) for _ in range(2)]
        if self.random.random() < 0.3:
            self.user.wheel(viewport, places[0], self.random.choice((-2, 2)))
        elif self.random.random() < 0.5:
            self.user.drag(viewport, *places, moves=2)
        else:
            self.user.click(viewport, places[0])

    def poke(self):
        """Use one of the controls."""
        found = [w for w in self.user.panel.findChildren(QWidget) if self._usable(w)]
        widget = self.random.choice(found)
        if isinstance(widget, QComboBox):
            widget.setFocus()
            self.user.qtbot.keyClick(widget, self.random.choice((KEY.Key_Up, KEY.Key_Down)))
            widget.activated.emit(widget.currentIndex())
        elif isinstance(widget, (QLineEdit, QAbstractSpinBox)):
            widget.setFocus()
            widget.selectAll()
            self.user.qtbot.keyClicks(widget, self.random.choice(self.texts))
            self.user.qtbot.keyClick(widget, self.random.choice((KEY.Key_Return, KEY.Key_Tab, KEY.Key_Escape)))
        elif isinstance(widget, (QAbstractButton, QAbstractSlider)):
            place = QPoint(self._below(widget.width()), self._below(widget.height()))
            self.user.click(widget, place)

    def _usable(self, widget):
        kinds = (QAbstractButton, QAbstractSlider, QAbstractSpinBox, QComboBox, QLineEdit)
        own = not widget.objectName().startswith("qt_") and widget.objectName() not in self.left_alone
        return isinstance(widget, kinds) and widget.isVisible() and widget.isEnabled() and own

    def _below(self, limit):
        return self.random.randrange(max(1, limit))


@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_is_clicked_and_typed_nothing_breaks(user, seed, share):
    user.small_race(iterations=3000)
    user.open("activations")
    user.enter("inputs", "30")
    caught = []
    hooks = install_hooks(lambda text, details: caught.append(details))
    try:
        monkey = Monkey(user, seed)
        for _ in range(share(180)):
            monkey.act()
            QApplication.processEvents()
            banner = user.window.banner
            assert banner.property("severity") != Severity.ERROR.value or not banner.text(), banner.text()
        if user.window._export is not None and isValid(user.window._export):
            user.window._export.close()
        close(user)
    finally:
        QApplication.processEvents()
        hooks.remove()
    assert caught == []


def test_ctrl_e_exports_wherever_the_keyboard_is(opened):
    user = opened("training", preset="init-mnist")
    user.until(lambda: user.panel.shown_frame() is not None)
    for name in ("sgd.lr", "lanes-add", "hidden", "preset"):
        widget = user.find(name)
        user.scroll_to(widget)
        widget.setFocus()
        user.control(KEY.Key_E)
        user.until(lambda: user.window._export is not None and user.window._export.isVisible())
        user.window._export.close()
        user.until(lambda: user.window._export is None and user.window.isActiveWindow())


def test_nothing_heavy_is_imported_before_the_window_is_there():
    heavy = "{'numpy', 'pyqtgraph', 'core.block', 'pooch', 'requests', 'psutil'}"
    code = f"import sys, gui.application, gui.main_window; print({heavy} & set(sys.modules))"
    root = Path(__file__).resolve().parent.parent
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_a_panel_in_the_background_takes_the_theme_when_it_is_opened(user):
    user.open("training")
    training = user.panel
    user.open("paths")
    before = training.view.colours
    user.window.set_theme("dark")
    assert user.panel.view.colours != before == training.view.colours
    user.open("training")
    assert training.view.colours == plot_colours(theme.THEMES["dark"])
    user.window.set_theme("light")


def test_runs_stand_still_while_everything_is_restyled_and_go_on(user, monkeypatch):
    user.small_race(iterations=100_000, evaluate=0)
    user.press(KEY.Key_Space)
    user.until(lambda: user.player.status.position > 0)
    restyle, moved = theme.apply, []

    def watch(app, found):
        restyle(app, found)
        before = user.player.status.position
        moved.append(user.player.runner.wait(lambda status: status.position > before + 5, 0.1))

    monkeypatch.setattr(theme, "apply", watch)
    for look in ("dark", "light"):
        user.window.set_theme(look)
        before = user.player.status.position
        user.until(lambda before=before: user.player.status.position > before + 20)
    assert moved == [False, False]
    user.press(KEY.Key_Space)


def test_a_whole_number_with_more_digits_than_qt_can_hold_is_refused_like_any_other(user):
    user.open("training")
    box = user.find("seeds")
    box.lineEdit().setText("9" * 30)
    box.interpretText()  # as when the panel is left in the midst of typing
    assert user.panel.configuration["seeds"] == 1
