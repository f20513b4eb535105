"""The landscape in the panel of paths, with clicks and keys: where OpenGL is, and a plain word where it is not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication

from core.optimizers import OPTIMIZERS
from core.presets import PRESETS
from core.surfaces import SURFACES
from gui import opengl
from gui.plots import LIGHT
from gui.relief import round_ticks
from tests.gui_helpers import colours, grabbed, ink, pixels

pytest_plugins = ["tests.window"]

KEY = Qt.Key
ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def user_with_gl(user):
    """Someone where 3D can be drawn."""
    try:
        opengl.import_scene()
        opengl.stage()
    except opengl.OpenGLError as error:
        pytest.skip(f"no OpenGL here: {error}")
    return user


@pytest.fixture
def no_display(monkeypatch):
    """A machine without OpenGL."""
    monkeypatch.setattr(opengl, "_stages", [])
    monkeypatch.delenv("DISPLAY", raising=False)
    if QApplication.platformName() != "offscreen":
        pytest.skip("a real display has OpenGL")


def relief(user):
    return user.panel.view.relief


def show(user):
    user.click("relief")
    user.until(lambda: relief(user).shown)
    QApplication.processEvents()


def ground(user):
    """The picture of the landscape as it is on screen, and where it is there."""
    item = relief(user).item
    view = user.panel.view.graphics
    return view.viewport(), view.mapFromScene(item.sceneBoundingRect()).boundingRect()


def landscape(user):
    viewport, rect = ground(user)
    return grabbed(viewport).copy(rect)


# Where there is none.


def test_without_opengl_one_line_says_so_and_the_map_stays(user, no_display):
    before = grabbed(user.panel.view)
    user.click("relief")
    user.until(lambda: user.window.banner.text() != "")
    line = user.window.banner.text()
    assert line == "3D cannot be shown: Qt's platform 'offscreen' has no OpenGL. The map stays."
    assert not relief(user).shown and user.find("relief").text() == "3D"
    assert set(user.panel.view.plots) == {"map", "loss"}
    user.press(KEY.Key_Left)
    user.press(KEY.Key_Right)
    user.aside()
    assert user.player.shown_position == 29
    user.press(KEY.Key_Escape)
    user.until(lambda: not user.window.banner.isVisible())
    user.until(lambda: grabbed(user.panel.view) == before)


def test_without_its_package_one_line_says_so(user, monkeypatch):
    for name in [name for name in sys.modules if name.startswith(("OpenGL", "pyqtgraph.opengl"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "gui.relief_scene", raising=False)
    monkeypatch.setitem(sys.modules, "OpenGL", None)
    monkeypatch.setattr(opengl, "_has_pyopengl", lambda: False)
    user.press(KEY.Key_D)
    user.until(lambda: user.window.banner.text() != "")
    assert "3D cannot be shown: the package PyOpenGL is not installed. The map stays." in user.window.banner.text()
    assert not relief(user).shown


@pytest.mark.parametrize("platform", ["offscreen", "minimal"])
def test_a_process_without_a_display_lives(platform):
    """Asking for a context there must end in a word, not in a crash."""
    code = """if True:
        from PySide6.QtWidgets import QApplication
        app = QApplication([])
        from gui.opengl import OpenGLError, import_scene, stage
        try:
            import_scene()
            stage()
        except OpenGLError as error:
            print(error)
    """
    environment = {key: value for key, value in os.environ.items() if "DISPLAY" not in key}
    environment["QT_QPA_PLATFORM"] = platform
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"Qt's platform '{platform}' has no OpenGL\n"


def test_nothing_of_opengl_is_imported_with_the_panel():
    code = "import sys, gui.views.paths, gui.export; print({'OpenGL', 'pyqtgraph.opengl'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stdout) == (0, "set()\n"), done.stderr


# Where there is.


def test_a_click_shows_the_landscape_with_every_path_and_another_the_map(user_with_gl):
    user = user_with_gl
    before = grabbed(user.panel.view)
    show(user)
    picture = landscape(user)
    for name in user.panel.configuration["lanes"]:
        assert ink(picture, LIGHT.lane(OPTIMIZERS[name].colour)) > 10, name
    assert len(colours(picture)) > 300, "the ground is shaded"
    user.click("relief")
    user.aside()
    user.until(lambda: grabbed(user.panel.view) == before)


def test_the_key_does_the_same(user_with_gl):
    user = user_with_gl
    user.press(KEY.Key_D)
    user.until(lambda: relief(user).shown)
    user.press(KEY.Key_D)
    assert not relief(user).shown


def test_arrows_with_shift_turn_it_and_step_nothing(user_with_gl):
    user = user_with_gl
    user.panel.setFocus()
    user.press(KEY.Key_Right, Qt.KeyboardModifier.ShiftModifier)  # of no landscape
    show(user)
    before = relief(user).item.camera
    user.panel.setFocus()
    user.press(KEY.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    user.press(KEY.Key_Up, Qt.KeyboardModifier.ShiftModifier)
    after = relief(user).item.camera
    assert (after["azimuth"], after["elevation"]) == (before["azimuth"] - 6.0, before["elevation"] - 6.0)
    assert user.player.shown_position == 29


def test_it_follows_steps(user_with_gl):
    user = user_with_gl
    show(user)
    end = landscape(user)
    user.panel.setFocus()
    user.press(KEY.Key_Home)
    user.until(lambda: user.player.shown_position == 0)
    start = landscape(user)
    assert start != end
    assert ink(start, LIGHT.lane(OPTIMIZERS["sgd"].colour)) < ink(end, LIGHT.lane(OPTIMIZERS["sgd"].colour))
    user.press(KEY.Key_Space)
    user.until(lambda: user.player.shown_position > 3)
    user.press(KEY.Key_Space)
    assert landscape(user) not in (start, end)


def test_a_drag_turns_it_and_a_double_click_turns_it_back(user_with_gl):
    user = user_with_gl
    show(user)
    before = relief(user).item.camera
    viewport, rect = ground(user)
    start = user.panel.configuration["start"]
    user.drag(viewport, rect.center(), rect.center() + QPoint(60, 20))
    turned = relief(user).item.camera
    assert turned["azimuth"] != before["azimuth"] and turned["elevation"] != before["elevation"]
    user.wheel(viewport, rect.center(), 3)
    assert relief(user).item.camera["distance"] < before["distance"]
    assert user.panel.configuration["start"] == start, "a click here sets no start"
    user.qtbot.mouseDClick(viewport, Qt.MouseButton.LeftButton, pos=rect.center())
    assert relief(user).item.camera == before


def test_every_surface_and_lanes_that_leave_or_diverge(user_with_gl):
    user = user_with_gl
    show(user)
    seen = []
    for key in SURFACES:
        user.panel.edit("surface", key)
        user.until(lambda key=key: user.player.settled and user.player.frame.surface.key == key)
        QApplication.processEvents()
        seen.append(landscape(user))
        assert relief(user).shown, user.window.banner.text()
    assert all(one != other for i, one in enumerate(seen) for other in seen[:i])
    user.panel.edit("surface", "rosenbrock")
    user.panel.edit("sgd.lr", 1.0)
    user.until(lambda: user.player.settled and user.player.frame.diverged[0] is not None)
    landscape(user)
    assert relief(user).shown


def test_a_function_of_ones_own_has_holes_where_it_has_no_value(user_with_gl):
    user = user_with_gl
    show(user)
    user.panel.edit("surface", "own")
    user.panel.edit("function", "ln(x+2) + sin(3*y)^2")
    user.until(lambda: user.player.settled and "ln" in user.player.frame.surface.formula)
    user.until(lambda: "ln" in relief(user)._relief.surface.formula)
    faces = relief(user)._relief.faces
    assert 0 < len(faces) < 2 * 119**2
    assert ink(landscape(user), LIGHT.lane(OPTIMIZERS["momentum"].colour)) > 10


def test_a_lane_that_is_switched_off_is_not_on_it(user_with_gl):
    user = user_with_gl
    show(user)
    adam = LIGHT.lane(OPTIMIZERS["adam"].colour)
    before = ink(landscape(user), adam, 8)
    user.click("lane-adam")
    user.until(lambda: user.player.settled and len(user.player.frame.lanes) == 5)
    user.aside()
    assert ink(landscape(user), adam, 8) < before / 4, "soft edges of SGD's blue are alike"


def test_it_is_exported_as_it_is_seen_in_other_colours_too(user_with_gl, tmp_path):
    from gui import theme
    from gui.panel_export import WHOLE, Request, export_panel
    from gui.views.base import plot_colours

    user = user_with_gl
    show(user)
    seen = landscape(user)
    for kind in ("png", "svg", "pdf"):
        (made,) = export_panel(user.panel, Request(WHOLE, kind, tmp_path, "relief", (480, 400), 2.0))
        assert made.stat().st_size > 10_000
    picture = QImage(str(tmp_path / "relief.png"))
    assert picture.width() == 960
    for name in user.panel.configuration["lanes"]:
        assert ink(picture, LIGHT.lane(OPTIMIZERS[name].colour)) > 10, name
    dark = Request(WHOLE, "png", tmp_path, "dark", (480, 400), 1.0, plot_colours(theme.THEMES["dark"]))
    export_panel(user.panel, dark)
    assert np.median(pixels(QImage(str(tmp_path / "dark.png")))) < 60
    user.until(lambda: landscape(user) == seen)  # edges are smooth again once nothing moves


def test_an_animation_shows_it_from_the_same_side(user_with_gl, store, tmp_path):
    from tests.test_animation import read_back

    user = user_with_gl
    show(user)
    relief(user).item.camera = {"elevation": 70.0, "azimuth": -20.0, "distance": 6.0}
    store.setValue("export/folder", str(tmp_path))
    user.window.open_export()
    dialog = user.window._export
    dialog._choose_format("gif")
    dialog.width_field.setValue(320)
    dialog.height_field.setValue(260)
    user.click(dialog.write)
    user.until(lambda: user.window._export is None, 30000)
    frames, *_ = read_back(tmp_path / "optimizer-paths.gif")
    assert len(frames) == 30 and (frames[0] != frames[-1]).any()
    from gui.panel_export import WHOLE, Request, export_panel

    export_panel(user.panel, Request(WHOLE, "png", tmp_path, "still", (320, 260), 1.0))
    assert np.abs(pixels(QImage(str(tmp_path / "still.png"))).astype(int) - frames[-1]).mean() < 2.0


def test_a_session_brings_it_back(user_with_gl):
    user = user_with_gl
    show(user)
    state = user.panel.view_state()
    assert state["relief"] is True
    user.click("relief")
    user.panel.resume(PRESETS["optimizer-paths"].configuration(), None, state)
    user.until(lambda: relief(user).shown)


def test_a_driver_that_fails_later_brings_the_map_back(user_with_gl, monkeypatch):
    user = user_with_gl
    show(user)

    def broken(*_args):
        raise RuntimeError("lost\nthe device")

    monkeypatch.setattr(relief(user).item._scene, "draw", broken)
    user.press(KEY.Key_Left)
    user.until(lambda: not relief(user).shown)
    line = "3D cannot be shown: RuntimeError: lost the device. The map stays."
    user.until(lambda: user.window.banner.text() == line)
    assert set(user.panel.view.plots) == {"map", "loss"}


def test_the_theme_is_followed_in_both(user_with_gl):
    user = user_with_gl
    show(user)
    try:
        user.window.set_theme("dark")
        assert np.median(pixels(landscape(user))) < 60
        user.click("relief")
        user.aside()
        assert np.median(pixels(grabbed(user.panel.view))) < 90
    finally:
        user.window.set_theme("light")


def test_axes_have_round_numbers():
    assert round_ticks(-10.0, 10.0) == [-10.0, -5.0, 0.0, 5.0, 10.0]
    assert round_ticks(-2.0, 2.0) == [-2.0, -1.0, 0.0, 1.0, 2.0]
    for low, high in ((-1.5, 4.0), (0.001, 0.0042), (-3e5, 7e6)):
        ticks = round_ticks(low, high)
        assert 3 <= len(ticks) <= 8 and low <= ticks[0] and ticks[-1] <= high
