"""Real faults: full disks, broken settings, two windows, data that vanish, runs that raise, memory that is not there.

Each is one line or one banner; nothing is lost and the window can be used on.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings, Qt

import main as command_line
from core.experiments import training
from core.presets import PRESETS
from core.runner import Phase
from gui.export_dialog import ExportDialog
from tests.gui_helpers import write_idx

resource = pytest.importorskip("resource", reason="limits of a process are a thing of Unix")
pytest_plugins = ["tests.window"]

ROOT = Path(__file__).resolve().parent.parent
KEY = Qt.Key
NOBODY = 65534
PATIENCE = 20_000  # ms: a test machine is shared
SMALL = ("--set", "hidden=6", "--set", "batch=16", "--iterations", "40")


# Files that cannot be written.


@contextlib.contextmanager
def disk_full_after(count):
    """Let no file grow over so many bytes, as on a disk without room."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (count, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextlib.contextmanager
def ordinary_person():
    """Be someone who may not write everywhere."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


def dialog_of(user, folder, kind):
    dialog = user.open_export()
    assert isinstance(dialog, ExportDialog)
    dialog.folder.setText(str(folder))
    dialog.format.setCurrentText(kind)
    return dialog


def reason(dialog):
    """Return why nothing was written; one line, and the window has no banner for it."""
    text = dialog._reason.text() if dialog._reason.isVisible() else ""
    assert "\n" not in text
    return text


@pytest.mark.parametrize("kind", ["csv", "json", "npz", "png", "svg", "pdf"])
def test_an_export_to_a_full_disk_leaves_nothing_and_can_be_made_elsewhere(user, tmp_path, kind):
    folder = tmp_path / "out"
    folder.mkdir()
    dialog = dialog_of(user, folder, kind)
    with disk_full_after(400):
        user.export(dialog)
    assert reason(dialog) == f"{folder / f'optimizer-paths.{kind}'}: cannot be written: File too large"
    assert list(folder.iterdir()) == []
    user.export(dialog)  # there is room again
    assert [path.name for path in folder.iterdir()] == [f"optimizer-paths.{kind}"]
    assert user.window.banner.text() == f"Wrote {folder / f'optimizer-paths.{kind}'}"


@pytest.mark.parametrize("kind", ["csv", "png"])
def test_an_export_to_a_folder_that_may_not_be_written(user, tmp_path, kind):
    with tempfile.TemporaryDirectory() as name:
        user.export(dialog_of(user, tmp_path, kind))  # what it needs is imported now, by who may read it
        dialog = dialog_of(user, name, kind)
        Path(name).chmod(0o555)
        with ordinary_person():
            user.export(dialog)
        assert reason(dialog) == f"{name}/optimizer-paths.{kind}: cannot be written: Permission denied"
        assert list(Path(name).iterdir()) == []


def test_a_folder_deleted_while_the_dialog_is_open_is_refused(user, tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    dialog = dialog_of(user, folder, "csv")
    folder.rmdir()
    user.export(dialog)
    assert reason(dialog) == f"Folder: {str(folder)!r} does not exist; allowed: a folder that can be written"
    assert not folder.exists()


def run_limited(limits, *arguments):
    """Run the command line in a process of its own, under limits."""
    code = "import resource, sys; " + "; ".join(
        f"resource.setrlimit(resource.{name}, ({value}, {value}))" for name, value in limits.items()
    )
    code += "; import main; sys.exit(main.main(sys.argv[1:]))"
    command = [sys.executable, "-B", "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120)


@pytest.mark.parametrize("kind", ["csv", "json", "npz", "png"])
def test_the_command_line_on_a_full_disk(tmp_path, kind):
    done = run_limited({"RLIMIT_FSIZE": 300}, "export", "init-mnist", *SMALL, "--format", kind, "--out", tmp_path)
    path = tmp_path / f"init-mnist.{kind}"
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1 and f"{path}: cannot be written: File too large" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_folder_deleted_in_mid_run_costs_the_files_alone(tmp_path, capsys, monkeypatch):
    folder = tmp_path / "out"
    run = training.Training.advance

    def advance(self, updates):
        shutil.rmtree(folder, ignore_errors=True)
        run(self, updates)

    monkeypatch.setattr(training.Training, "advance", advance)
    status = command_line.main(["export", "init-mnist", *SMALL, "--format", "csv", "--out", str(folder)])
    err = capsys.readouterr().err.splitlines()
    assert status == 1 and len(err) == 1
    assert f"{folder / 'init-mnist.csv'}: cannot be written: No such file or directory" in err[0]
    assert not folder.exists()


# Settings that are none.


def garbage(kind):
    """Return the content of a broken settings file."""
    if kind == "binary":
        return random.Random(0).randbytes(4000)
    if kind == "text":
        return b"[[[\n=\n%%%=\x00\n[panels\npaths={\n" * 50
    return (
        b"[General]\ngeometry=@ByteArray(zzz)\nnotes=@Rect(1 2 3 4)\npanel=@Point(1 2)\ntheme=1, 2, 3\n"
        b"[panels]\npaths=@Invalid()\ntraining=@ByteArray(\\xff\\xfe)\n"
        b"[export]\nwidth=-5\ndpi=9e99\nfolder=@Size(1 2)\n"
    )


@pytest.mark.parametrize("kind", ["binary", "text", "types"])
def test_a_broken_settings_file_is_nothing_to_speak_of(tmp_path, opened, store, kind):
    Path(store.fileName()).write_bytes(garbage(kind))
    store.sync()
    user = opened()
    user.until(lambda: user.panel.shown_frame() is not None)
    assert user.panel.configuration == PRESETS["optimizer-paths"].configuration()
    assert user.window.banner.text() == ""
    user.open("training")
    user.enter("batch", "77")
    user.window.close()
    assert remembered(store.fileName(), "training")["values"]["batch"] == 77


def test_a_settings_file_cut_off_at_any_place_is_used_as_far_as_it_goes(opened, store):
    user = opened("training")
    user.enter("batch", "77")
    user.window.close()
    store.sync()
    path = Path(store.fileName())
    whole = path.read_bytes()
    for share in (0.1, 0.5, 0.95):
        path.write_bytes(whole[: int(share * len(whole))])
        store.sync()
        again = opened()
        again.until(lambda again=again: again.panel.shown_frame() is not None)
        assert again.window.banner.text() == ""
        again.window.close()


def test_a_folder_in_place_of_the_settings_file(opened, tmp_path, store):
    Path(store.fileName()).mkdir()
    user = opened()
    user.until(lambda: user.panel.shown_frame() is not None)
    assert user.window.banner.text() == ""
    user.window.close()
    assert not user.window.isVisible()


def remembered(path, panel):
    """Return what a new process finds of a panel."""
    found = QSettings(str(path), QSettings.Format.IniFormat)
    return json.loads(str(found.value(f"panels/{panel}")))


# Two windows at once.

WINDOW = """
import sys
from PySide6.QtCore import QSocketNotifier
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication, QToolButton
from core.datasets import load
from gui import theme
from gui.main_window import MainWindow
from gui.settings import Settings

def obey():
    word = sys.stdin.readline().strip()
    if word == "close":
        window.close()
    elif word.startswith("open-"):
        window.findChild(QToolButton, word).click()
    else:
        window.findChild(QAction, word).trigger()
    print(word, window.banner.text(), flush=True)

app = QApplication(sys.argv)
theme.apply(app, theme.THEMES["light"])
window = MainWindow(Settings(), lambda: load("sample"))
heard = QSocketNotifier(sys.stdin.fileno(), QSocketNotifier.Type.Read)
heard.activated.connect(obey)
window.ready.connect(lambda: print("ready", flush=True))
window.show()
sys.exit(app.exec())
"""


@pytest.fixture
def windows(tmp_path):
    """Two windows, each in a process of its own, that remember in one place."""
    places = dict.fromkeys(("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "TRAINSCOPE_CACHE"), str(tmp_path))
    environment = {**os.environ, **places, "QT_QPA_PLATFORM": "offscreen"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with contextlib.ExitStack() as stack:
        made = []
        for _ in range(2):
            process = subprocess.Popen([sys.executable, "-c", WINDOW], cwd=ROOT, env=environment, text=True, **pipes)
            stack.enter_context(process)
            stack.callback(process.kill)
            made.append(process)
        for process in made:
            assert process.stdout.readline() == "ready\n"
        yield made


def tell(process, word):
    """Have a window do something; it says what its banner has."""
    process.stdin.write(f"{word}\n")
    process.stdin.flush()
    assert process.stdout.readline().strip() == word


def ended(process):
    """Return the exit status, and what was said of trouble."""
    _out, err = process.communicate(timeout=60)
    return process.returncode, [line for line in err.splitlines() if "This plugin does not support" not in line]


def test_two_windows_share_one_store_and_the_last_to_close_wins(windows, tmp_path):
    first, second = windows
    tell(first, "theme-dark")
    tell(first, "open-activations")
    tell(second, "theme-light")
    tell(second, "open-search")
    tell(second, "close")
    assert ended(second) == (0, [])
    tell(first, "close")
    assert ended(first) == (0, [])
    path = next(tmp_path.rglob("Trainscope.conf"))
    found = QSettings(str(path), QSettings.Format.IniFormat)
    assert (found.value("panel"), found.value("theme")) == ("activations", "light")
    for panel in ("paths", "activations", "search"):
        assert remembered(path, panel)["preset"] in PRESETS


def test_two_windows_that_close_together_corrupt_nothing(windows, tmp_path):
    for process in windows:
        process.stdin.write("theme-dark\nclose\n")
    for process in windows:
        process.stdin.flush()
    for process in windows:
        assert ended(process) == (0, [])
    path = next(tmp_path.rglob("Trainscope.conf"))
    assert remembered(path, "paths")["preset"] == "optimizer-paths"
    assert [found.name for found in path.parent.iterdir()] == ["Trainscope.conf"]


# Data that vanish.


def test_a_run_goes_on_when_its_data_folder_is_deleted(opened, tmp_path):
    folder = write_idx(tmp_path / "digits")
    user = opened(data=str(folder))
    user.small_race(iterations=3000)
    user.press(KEY.Key_Space)
    user.until(lambda: user.player.head > 0)
    shutil.rmtree(folder)
    user.until(lambda: user.player.status.phase is Phase.FINISHED and user.player.head == 3000, PATIENCE)
    assert user.window.banner.text() == ""


def test_data_named_at_the_start_are_read_once(tmp_path):
    folder = write_idx(tmp_path / "digits")
    read = command_line._dataset(str(folder))
    first = read()
    shutil.rmtree(folder)
    assert read() is first


# Runs that cannot go on.


def test_a_run_that_raises_is_one_banner_and_starts_again(user, monkeypatch):
    user.small_race(iterations=400)
    said = []
    user.panel.message.connect(lambda text, _severity: said.append(text))
    run = training.Training.advance

    def advance(self, updates):
        run(self, updates)
        if self.position > 20:
            raise ZeroDivisionError("a number that is not there")

    monkeypatch.setattr(training.Training, "advance", advance)
    user.press(KEY.Key_Space)
    user.until(lambda: user.player.status.phase is Phase.FAILED)
    user.until(lambda: user.window.banner.text() != "")
    assert said == ["Training: ZeroDivisionError: a number that is not there"] == [user.window.banner.text()]
    monkeypatch.undo()
    user.press(KEY.Key_Escape)
    user.press(KEY.Key_Home)
    user.until_phase(Phase.PAUSED)
    user.until(user.find("play").isEnabled)
    user.press(KEY.Key_Space)
    user.until(lambda: user.player.status.phase is Phase.FINISHED and user.player.head == 400, PATIENCE)
    assert user.window.banner.text() == "" and len(said) == 1


def test_the_window_does_everything_else_while_one_panel_has_failed(user, monkeypatch):
    monkeypatch.setattr(training.Training, "advance", lambda self, _updates: np_empty())
    user.small_race(iterations=3000)
    user.press(KEY.Key_Space)
    user.until(lambda: "memory" in user.window.banner.text().lower())
    assert "\n" not in user.window.banner.text()
    user.open("paths")
    user.enter("iterations", "12")
    user.until(lambda: user.player.head == 12)
    monkeypatch.undo()
    user.open("training")
    user.press(KEY.Key_Home)
    user.until_phase(Phase.PAUSED)


def np_empty():
    import numpy as np

    return np.empty(2**55)  # raises, on any machine


@pytest.mark.skipif(not hasattr(training, "require"), reason="runs do not ask for memory yet")
def test_a_search_that_cannot_fit_is_refused_in_one_banner(user):
    user.open("search")
    user.enter("trials", "1000")
    said = []
    user.panel.message.connect(lambda text, _severity: said.append(text))
    user.enter("hidden", ",".join(["1000"] * 20))
    user.until(lambda: user.player.status.phase is Phase.FAILED, PATIENCE)
    user.until(lambda: len(said) == 1)
    start = "Search: training 1,000 networks of 1,000×20 units needs "
    assert user.window.banner.text().startswith(start)
    assert user.window.banner.text().endswith("are free; allowed: fewer lanes, seeds, trials, layers or units")
    user.enter("hidden", "10")
    user.enter("trials", "5")
    user.until(lambda: user.player.status.phase is Phase.PAUSED, PATIENCE)
    assert len(said) == 1


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems do not hold to this limit")
def test_the_command_line_without_enough_memory(tmp_path):
    limits = {"RLIMIT_AS": 700 * 2**20}
    arguments = ("export", "init-mnist", "--out", tmp_path, "--format", "csv", "--iterations", "2")
    done = run_limited(limits, *arguments, "--set", f"hidden={','.join(['1000'] * 20)}")
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1, done.stderr
    assert "nable to allocate" in done.stderr
    assert list(tmp_path.iterdir()) == []
