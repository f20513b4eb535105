"""A session on the command line: the window opens with it; a wrong one is one line before any window."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import main as command_line
from core.datasets import load
from core.presets import build
from core.session import DataReference, PanelState, Session, write_session
from tests.gui_helpers import small, write_idx

ROOT = Path(__file__).resolve().parent.parent

# The command line as it is, in a window that says what it shows once a session is open, and closes.
WATCHED = """
import sys
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
import main
from gui import application
from gui.main_window import MainWindow

class Watched(MainWindow):
    def __init__(self, *args):
        super().__init__(*args)
        self.timer = QTimer(self)
        self.timer.timeout.connect(self.look)
        self.timer.start(20)

    def look(self):
        panel = self.current()
        text = self.banner.text()
        if panel is None or not text or (text.startswith("Opened") and not panel.player.head):
            return
        print(text, self.windowTitle(), panel.player.head, self.data.current().name, sep="|", flush=True)
        self.timer.stop()
        self.close()

application.MainWindow = Watched
sys.exit(main.main(sys.argv[1:]))
"""


@pytest.fixture
def places(tmp_path):
    """An environment where nothing of the person's own is touched, with a folder to work in."""
    (tmp_path / "home").mkdir()
    names = ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "TRAINSCOPE_CACHE")
    return {**os.environ, **dict.fromkeys(names, str(tmp_path / "home")), "QT_QPA_PLATFORM": "offscreen"}


def start(places, code, *arguments):
    """Run the command line in a process of its own; return exit status, lines out, lines of trouble."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    environment = {**places, "PYTHONPATH": str(ROOT)}
    where = places["HOME"]
    done = subprocess.run(command, cwd=where, env=environment, capture_output=True, text=True, timeout=120)
    trouble = [line for line in done.stderr.splitlines() if "This plugin does not support" not in line]
    return done.returncode, done.stdout.splitlines(), trouble


def session_file(path, source="sample", updates=5):
    """Write a session with a small race on some images."""
    dataset = load(str(source))
    run = build(small(), lambda: dataset, 1)
    try:
        run.advance(updates)
        state = PanelState(small(), run.save(True), {})
    finally:
        run.close()
    data = DataReference(dataset.source, dataset.name, dataset.identity())
    write_session(Session({"training": state}, {"panel": "training"}, data), path)
    return path


def test_a_window_opens_with_it(places, tmp_path):
    path = session_file(tmp_path / "lesson.trainscope")
    expected = (0, ["Opened lesson.trainscope.|Training – lesson[*] – Trainscope|5|sample"], [])
    assert start(places, WATCHED, path) == expected
    shutil.copy(path, Path(places["HOME"]) / "beside.trainscope")
    status, out, trouble = start(places, WATCHED, "--theme", "dark", "--preset", "optimizer-paths", "beside.trainscope")
    assert (status, trouble) == (0, [])
    assert out == ["Opened beside.trainscope.|Training – beside[*] – Trainscope|5|sample"]


def test_it_opens_with_its_images_beside_it(places, tmp_path):
    own = write_idx(tmp_path / "own")
    path = session_file(tmp_path / "a.trainscope", own)
    for arguments in (["--data", own, path], [path, f"--data={own}"]):
        status, out, trouble = start(places, WATCHED, *arguments)
        assert (status, trouble) == (0, [])
        assert out == ["Opened a.trainscope.|Training – a[*] – Trainscope|5|own"]


def test_a_session_on_the_sample_takes_it_whatever_is_in_use(places, tmp_path):
    path = session_file(tmp_path / "a.trainscope")
    status, out, trouble = start(places, WATCHED, "--data", write_idx(tmp_path / "others"), path)
    assert (status, trouble) == (0, [])
    assert out == ["Opened a.trainscope.|Training – a[*] – Trainscope|5|sample"]


@pytest.mark.parametrize("gone", [False, True])
def test_without_its_images_the_window_says_so(places, tmp_path, gone):
    own = write_idx(tmp_path / "own")
    path = session_file(tmp_path / "a.trainscope", own)
    if gone:
        shutil.rmtree(own)
    status, out, trouble = start(places, WATCHED, path)
    assert (status, trouble) == (0, [])
    text, title, head, name = out[0].split("|")
    assert text.startswith(f"{path}: its networks learned from the folder own (") and "; allowed: " in text
    assert (title, head, name) == ("Paths – Trainscope", "29", "sample")


def complaint(capsys, *arguments):
    """Return the one line about what is wrong; the exit status says that it is the argument."""
    assert command_line.main([str(argument) for argument in arguments]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("trainscope: ") and err.count("\n") == 1
    return err.removeprefix("trainscope: ").rstrip("\n")


@pytest.fixture(autouse=True)
def no_window(monkeypatch):
    """Fail where a window would open in spite of a wrong argument."""
    from gui import application

    monkeypatch.setattr(application, "run", lambda *_: pytest.fail("a window opens"))


@pytest.mark.parametrize("options", [[], ["--preset", "init-mnist"], ["--debug"], ["--data", "sample"], ["--fresh"]])
def test_a_file_that_is_not_there_is_one_line(capsys, tmp_path, options):
    path = tmp_path / "none.trainscope"
    for arguments in ([*options, path], [path, *options]):
        text = complaint(capsys, *arguments)
        assert text.startswith(f"{path}: cannot be read (No such file or directory); allowed: ")


@pytest.mark.parametrize("content", [b"", b"PK", b"\x89PNG\r\n", b"no session\n" * 50])
def test_a_file_that_is_no_session_is_one_line(capsys, tmp_path, content):
    path = tmp_path / "a.trainscope"
    path.write_bytes(content)
    assert complaint(capsys, path) == f"{path}: not a zip file; allowed: a session saved by Trainscope"


def test_a_session_cut_short_or_a_folder_is_one_line(capsys, tmp_path):
    path = session_file(tmp_path / "a.trainscope")
    path.write_bytes(path.read_bytes()[:-50])
    assert complaint(capsys, path).startswith(f"{path}: not whole: cut off, or something was added at its end; ")
    assert complaint(capsys, tmp_path).startswith(f"{tmp_path}: a folder or a device in place of a file; allowed: ")


@pytest.mark.parametrize("typed", ["exprot", "preset", "Export"])
def test_a_mistyped_command_names_the_commands(capsys, typed):
    text = complaint(capsys, typed)
    assert text.startswith(f"{typed}: ") and text.endswith("or a command: presets, export")


def test_a_mistyped_command_with_arguments_is_what_is_complained_of(capsys, tmp_path):
    text = complaint(capsys, "exprot", "optimizer-mnist", "--out", tmp_path)
    assert text.startswith("exprot: ") and text.endswith("or a command: presets, export")


def test_two_sessions_are_one_too_many(capsys, tmp_path):
    path = session_file(tmp_path / "a.trainscope")
    second = session_file(tmp_path / "b.trainscope")
    assert str(second) in complaint(capsys, path, second)


@pytest.mark.parametrize("arguments", [["--data"], ["--preset"], ["--theme", "blue"], ["--prest"]])
def test_a_wrong_option_beside_a_session_is_one_line(capsys, tmp_path, arguments):
    path = session_file(tmp_path / "a.trainscope")
    assert arguments[0] in complaint(capsys, path, *arguments)


def test_full_images_that_cannot_be_had_are_one_line(capsys, tmp_path, monkeypatch):
    from core import download
    from core.datasets import DataError

    def refuse(*_args, **_more):
        raise DataError("full", "no connection", "a network, or 'sample'")

    monkeypatch.setattr(download, "have_full", lambda *_: False)
    monkeypatch.setattr(download.Download, "run", refuse)
    path = session_file(tmp_path / "a.trainscope")
    for arguments in (["--data", "full", path], [path, "--data", "full"], ["--data=full", path]):
        assert complaint(capsys, *arguments) == "full: no connection; allowed: a network, or 'sample'"
