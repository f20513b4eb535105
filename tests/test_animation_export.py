"""Animations from the export window, with clicks: progress, cancel, what becomes of them; and the command line."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QLabel

import main as command_line
from core.animation import have_video
from core.optimizers import OPTIMIZERS
from gui import theme
from gui.plots import LIGHT
from gui.projector import Projector
from tests.gui_helpers import export_reason, ink, pixels
from tests.test_animation import read_back
from tests.test_faults import disk_full_after

pytest_plugins = ["tests.window"]

KEY = Qt.Key
ROOT = Path(__file__).resolve().parent.parent
needs_video = pytest.mark.skipif(not have_video(), reason="the optional package av is not installed")


def open_dialog(user, kind="gif", width=320, height=240):
    dialog = user.open_export()
    dialog.format.setCurrentIndex(dialog.format.findData(kind))
    if dialog.kind() == kind:
        dialog.width_field.setValue(width)
        dialog.height_field.setValue(height)
    return dialog


def note(dialog):
    return dialog.findChild(QLabel, "animation-note").text()


def write(user, dialog, timeout=20000):
    """Press Export and wait for the end."""
    user.click(dialog.write)
    user.until(lambda: user.window._export is None, timeout)


def shown(array):
    return QImage(np.ascontiguousarray(array).data, array.shape[1], array.shape[0], 3 * array.shape[1],
                  QImage.Format.Format_RGB888).copy()  # fmt: skip


# A whole export.


def test_paths_become_a_gif_that_looks_like_the_stills(user, export_folder):
    dialog = open_dialog(user)
    assert note(dialog).startswith("30 frames, 5 a second, 7.5 s with the end\n320 × 240 pixels, roughly ")
    write(user, dialog)
    assert user.window.banner.text() == f"Wrote {export_folder / 'optimizer-paths.gif'}"
    frames, durations, info = read_back(export_folder / "optimizer-paths.gif")
    assert durations == [200] * 29 + [1700] and info["loop"] == 0
    assert frames[0].shape == (240, 320, 3)
    for name in user.panel.configuration["lanes"]:
        assert ink(shown(frames[-1]), LIGHT.lane(OPTIMIZERS[name].colour), tolerance=0) > 0, name
    for place, frame in ((0, frames[0]), (29, frames[-1])):
        user.player.seek(place)
        user.until(lambda at=place: user.player.shown_position == at)
        still = open_dialog(user, "png")
        still.format.setCurrentText("png")
        still.width_field.setValue(320)
        still.height_field.setValue(240)
        still.dpi.setValue(96)
        user.click(still.write)
        picture = pixels(QImage(str(export_folder / "optimizer-paths.png"))).astype(int)
        assert np.abs(picture - frame).mean() < 1.0
        assert np.abs(picture - frame).max() < 60


def test_the_panel_is_not_disturbed_and_the_window_can_be_used(user, export_folder):
    dialog = open_dialog(user, width=640, height=400)
    user.click(dialog.write)
    user.until(lambda: dialog.progress.isVisible() and "%" in dialog.progress.text())
    assert not dialog.write.isEnabled()
    user.click("back")
    assert user.player.shown_position == 28
    user.click("lane-sgd")  # another run, while the file shows the one before
    user.window.set_theme("dark")
    try:
        user.until(lambda: user.window._export is None, 20000)
    finally:
        user.window.set_theme("light")
    frames, *_ = read_back(export_folder / "optimizer-paths.gif")
    assert len(frames) == 30
    assert all(np.median(frame) > 180 for frame in (frames[0], frames[-1]))
    assert ink(shown(frames[-1]), LIGHT.lane(OPTIMIZERS["sgd"].colour), tolerance=0) > 0


def test_a_part_in_other_colours_of_one_plot(user, export_folder):
    dialog = open_dialog(user)
    dialog.what.setCurrentText("loss")
    dialog.colours.setCurrentText("dark")
    dialog.animation.first.setValue(10)
    dialog.animation.last.setValue(14)
    dialog.animation.seconds.setValue(1.0)
    dialog.animation.hold.setValue(0.0)
    user.click(dialog.animation.loop)
    write(user, dialog)
    frames, durations, info = read_back(export_folder / "optimizer-paths.gif")
    assert durations == [200] * 5 and "loop" not in info
    assert np.median(frames[0]) < 60
    assert theme.current().name == "light"


@pytest.mark.parametrize("key", ["training", "activations", "batchnorm", "regularization", "search", "stability"])
def test_every_panel_becomes_an_animation(user, export_folder, key):
    if key == "training":
        user.small_race(iterations=20)
    else:
        small = {} if key in ("activations", "stability") else {"iterations": 8, "hidden": (6,)}
        user.open(key)
        user.panel.start(user.panel.preset.configuration(small))
    if key not in ("activations", "stability"):
        user.player.play()
    user.until(lambda: user.player.settled and user.player.head == user.player.status.total > 1, 20000)
    dialog = open_dialog(user)
    dialog.animation.seconds.setValue(0.5)
    write(user, dialog)
    (path,) = export_folder.iterdir()
    frames, durations, _ = read_back(path)
    assert len(frames) >= 2 and sum(durations) == 500 + 1500
    assert (frames[0] != frames[-1]).any()


def test_the_layers_of_a_race_are_animated_as_they_were_seen(user, export_folder):
    user.small_race()
    user.open("activations")
    user.choose("source", "training race, live")
    user.panel.setFocus()
    for step in range(1, 4):
        user.press(KEY.Key_Right)
        user.until(lambda step=step: user.panel._probes.moments()[-1:] == [step])
    known = len(user.panel._probes.moments())
    dialog = open_dialog(user)
    assert f"{known} recorded moments: those that were shown" in note(dialog)
    write(user, dialog)
    (path,) = export_folder.iterdir()
    assert 2 <= len(read_back(path)[0]) <= known


@needs_video
def test_a_video_is_written(user, export_folder):
    import av

    dialog = open_dialog(user, "mp4", 321, 241)
    assert not dialog.animation.loop.isEnabled() and "320 × 240 pixels" in note(dialog)
    dialog.animation.seconds.setValue(1.0)
    write(user, dialog)
    with av.open(str(export_folder / "optimizer-paths.mp4")) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(container.streams.video[0])]
    assert len(frames) == 25 + 38 and frames[0].shape == (240, 320, 3)
    assert (frames[0] != frames[-1]).any()


# What is refused, given up, and goes wrong.


def test_nothing_is_offered_of_a_run_that_has_not_begun(user, export_folder):
    user.small_race()
    dialog = open_dialog(user)
    texts = [dialog.format.itemText(i) for i in range(dialog.format.count())]
    assert "gif animation: nothing has moved yet: press Space first" in texts
    assert not dialog._item(dialog.format.findData("gif")).isEnabled()


def test_what_cannot_be_made_is_said(user, export_folder):
    dialog = open_dialog(user)
    dialog.animation.first.setValue(29)
    assert note(dialog) == "From, to: one moment is no animation; allowed: at least two"
    user.click(dialog.write)
    assert export_reason(dialog) == note(dialog) and not dialog.busy
    dialog.animation.first.setValue(0)
    dialog.width_field.setValue(20)
    user.click(dialog.write)
    assert export_reason(dialog) == "Width: 20 is not allowed; allowed: 64 to 2560"
    assert list(export_folder.iterdir()) == []


def test_cancel_leaves_nothing_and_the_next_export_works(user, export_folder):
    dialog = open_dialog(user, width=640, height=400)
    user.click(dialog.write)
    user.until(lambda: "%" in dialog.progress.text() and any(export_folder.iterdir()))
    user.click(dialog.cancel)
    assert not dialog.busy and dialog.isVisible() and dialog.write.isEnabled()
    assert user.window.banner.text() == "Cancelled; no file was written."
    user.until(lambda: list(export_folder.iterdir()) == [])
    write(user, dialog)
    assert [path.name for path in export_folder.iterdir()] == ["optimizer-paths.gif"]


def test_escape_gives_up_and_closes(user, export_folder):
    dialog = open_dialog(user, width=640, height=400)
    user.click(dialog.write)
    user.until(lambda: any(export_folder.iterdir()))
    user.qtbot.keyClick(dialog, KEY.Key_Escape)
    user.until(lambda: user.window._export is None and list(export_folder.iterdir()) == [])


def test_asking_again_keeps_the_export_in_the_making(user, export_folder):
    dialog = open_dialog(user, width=640, height=400)
    user.click(dialog.write)
    user.until(lambda: dialog.busy)
    user.window.open_export()
    assert user.window._export is dialog and dialog.busy
    user.until(lambda: user.window._export is None, 20000)
    assert len(read_back(export_folder / "optimizer-paths.gif")[0]) == 30


def test_closing_the_window_in_mid_export_leaves_nothing(user, export_folder):
    dialog = open_dialog(user, width=640, height=400)
    user.click(dialog.write)
    user.until(lambda: any(export_folder.iterdir()))
    user.window.close()
    assert list(export_folder.iterdir()) == []


def test_a_full_disk_is_one_line(user, export_folder):
    dialog = open_dialog(user)
    with disk_full_after(400):
        user.click(dialog.write)
        user.until(lambda: export_reason(dialog) != "")
    assert export_reason(dialog) == f"{export_folder / 'optimizer-paths.gif'}: cannot be written: File too large"
    assert list(export_folder.iterdir()) == []
    write(user, dialog)
    assert [path.name for path in export_folder.iterdir()] == ["optimizer-paths.gif"]


@pytest.mark.parametrize("error", [MemoryError(), ZeroDivisionError("drawing")])
def test_a_picture_that_cannot_be_drawn_ends_the_export(user, export_folder, monkeypatch, error):
    drawn, draw = [], Projector.picture

    def fail(self, moment):
        drawn.append(moment)
        if len(drawn) == 3:
            raise error
        return draw(self, moment)

    dialog = open_dialog(user)
    with monkeypatch.context() as patch, user.qtbot.captureExceptions() as caught:
        patch.setattr(Projector, "picture", fail)
        user.click(dialog.write)
        user.until(lambda: not dialog.busy and dialog.write.isEnabled())
    if isinstance(error, MemoryError):
        assert export_reason(dialog) == "there is not enough memory" and caught == []
    else:
        assert [found[1] for found in caught] == [error]
    user.until(lambda: list(export_folder.iterdir()) == [])
    write(user, dialog)
    assert [path.name for path in export_folder.iterdir()] == ["optimizer-paths.gif"]


def test_it_remembers_its_own_sizes(user, export_folder):
    dialog = open_dialog(user, width=320, height=240)
    dialog.animation.seconds.setValue(2.5)
    write(user, dialog)
    again = open_dialog(user, "gif", 320, 240)
    assert again.kind() == "gif" and again.animation.seconds.value() == 2.5
    again.format.setCurrentText("png")
    assert again.width_field.value() == 1280


# The command line.


def run(capsys, out, *arguments):
    status = command_line.main(["export", *arguments, "--out", str(out)])
    found = capsys.readouterr()
    return status, found.out.splitlines(), found.err.splitlines()


def command(out, *arguments):
    environment = {key: value for key, value in os.environ.items() if "DISPLAY" not in key}
    line = [sys.executable, "-W", "error", str(ROOT / "main.py"), "export", *arguments, "--out", str(out)]
    pipe = subprocess.PIPE
    return subprocess.Popen(line, stdout=pipe, stderr=pipe, text=True, env=environment)


def test_the_command_line_writes_animations(tmp_path):
    kinds = "gif,mp4,csv" if have_video() else "gif,csv"
    size = ["--size", "320x240", "--seconds", "1", "--fps", "10", "--theme", "dark"]
    process = command(tmp_path, "optimizer-paths", "--format", kinds, *size)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert {Path(line).name for line in out.splitlines()} == {f"optimizer-paths.{kind}" for kind in kinds.split(",")}
    frames, durations, _ = read_back(tmp_path / "optimizer-paths.gif")
    assert durations == [100] * 9 + [1600] and frames[0].shape == (240, 320, 3)
    assert np.median(frames[0]) < 90


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--size", "abc"], "--size: 'abc' is not allowed; allowed: WIDTHxHEIGHT in pixels, such as 960x600"),
        (["--size", "10x600"], "--size: width: 10 is not allowed; allowed: 64 to 2560"),
        (["--size", "9" * 17 + "x5"], f"--size: width: {'9' * 17} is not allowed; allowed: 64 to 2560"),
        (
            ["--size", "9" * 5000 + "x5"],
            f"--size: '{'9' * 60}' is not allowed; allowed: WIDTHxHEIGHT in pixels, such as 960x600",
        ),
        (["--fps", "9" * 400], f"--fps: {'9' * 20} is not allowed; allowed: 1 to 50"),
        (["--fps", "0"], "--fps: '0' is not allowed; allowed: a whole number of at least 1"),
        (["--fps", "51"], "--fps: 51 is not allowed; allowed: 1 to 50"),
        (["--seconds", "x"], "--seconds: 'x' is not allowed; allowed: a number of seconds"),
        (["--seconds", "1e9"], "--seconds: 1e+09 is not allowed; allowed: 0.1 to 120"),
    ],
)
def test_a_wrong_argument_is_one_line_before_anything_runs(capsys, tmp_path, arguments, line):
    status, out, err = run(capsys, tmp_path / "out", "optimizer-paths", "--format", "gif", *arguments)
    assert (status, out, err) == (2, [], [f"trainscope: {line}"])
    assert not (tmp_path / "out").exists()


def test_a_panel_without_a_record_is_refused_an_animation(capsys, tmp_path):
    status, out, err = run(capsys, tmp_path / "out", "inside", "--format", "gif")
    why = "its moments are not recorded; the window computes them anew"
    line = f"trainscope: --format: 'gif' is not allowed with presets of the panel inside: {why}"
    assert (status, out, err) == (2, [], [line])
    assert not (tmp_path / "out").exists()


def test_many_networks_have_room_for_their_histograms(capsys, tmp_path):
    options = ["--format", "gif", "--seconds", "1", "--set", "hidden=20,20"]
    status, _, err = run(capsys, tmp_path, "activations", *options)
    assert (status, err) == (0, [])
    frames, _, _ = read_back(tmp_path / "activations.gif")
    coloured = (np.ptp(frames[-1].astype(int), axis=2) > 40).mean()
    assert frames[-1].shape == (2560, 960, 3) and coloured > 0.01, "bars can be seen"


def test_a_video_without_its_package_is_refused(capsys, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    monkeypatch.setattr("core.animation.find_spec", lambda name: None)
    status, _, err = run(capsys, tmp_path, "optimizer-paths", "--format", "mp4")
    assert (status, err) == (2, ["trainscope: --format: mp4 needs the package av: pip install av"])


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT to send")
def test_ctrl_c_leaves_no_animation(tmp_path, qtbot):
    process = command(tmp_path, "optimizer-paths", "--iterations", "900", "--format", "gif", "--seconds", "100")
    qtbot.waitUntil(lambda: any(tmp_path.iterdir()) or process.poll() is not None, timeout=30_000)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (1, "trainscope: stopped\n")
    assert list(tmp_path.iterdir()) == []


def test_pillow_and_the_encoder_are_imported_only_when_used():
    code = "import sys, gui.export_dialog, gui.panel, core.animation; print({'PIL', 'av'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert (done.returncode, done.stdout.strip()) == (0, "set()"), done.stderr


def test_a_gif_is_one_that_others_read(tmp_path, user, export_folder):
    write(user, open_dialog(user))
    with Image.open(export_folder / "optimizer-paths.gif") as found:
        found.verify()
