"""Windows that save by themselves: killed ones are offered and go on with the same bits, closed ones leave one file."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from PySide6.QtCore import Qt

from core.runner import Phase
from core.session import SessionError, read_session
from gui.theme import Severity
from tests.gui_helpers import small
from tests.session_helpers import action, bits, go, press, recent, said, saved, straight

pytest_plugins = ["tests.window", "tests.session_fixtures"]

ROOT = Path(__file__).resolve().parent.parent
KEY = Qt.Key
END = 6000

# A window with a race that plays at a steady pace, and says how far it is and what its banner says.
PLAYING = """
import json, sys, time
from pathlib import Path
from PySide6.QtCore import QSettings, QTimer
from PySide6.QtWidgets import QApplication
from core.datasets import load
from core.presets import PRESETS
from gui import autosave, theme
from gui.main_window import MainWindow
from gui.settings import Settings

folder, values, seconds = Path(sys.argv[1]), json.loads(sys.argv[2]), float(sys.argv[3])
autosave.AUTOSAVE_SECONDS = seconds or autosave.AUTOSAVE_SECONDS
app = QApplication(sys.argv)
theme.apply(app, theme.THEMES["light"])
settings = Settings(store=QSettings(str(folder.parent / "other.ini"), QSettings.Format.IniFormat))
window = MainWindow(settings, lambda: load("sample"), preset=PRESETS["optimizer-mnist"], folder=folder)

def begin():
    panel = window.current()
    panel.start(PRESETS["optimizer-mnist"].configuration(values))
    panel.player.set_speed(500)
    panel.player.toggle()
    tell.start(50)

def say():
    print(json.dumps([time.time(), window.current().player.status.position, window.banner.text()]), flush=True)

tell = QTimer()
tell.timeout.connect(say)
window.ready.connect(begin)
window.show()
sys.exit(app.exec())
"""


@pytest.fixture
def first_run():
    return small()


class Other:
    """A window in a process of its own."""

    def __init__(self, folder, seconds=0.0):
        places = dict.fromkeys(("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"), str(folder.parent))
        environment = {**os.environ, **places, "QT_QPA_PLATFORM": "offscreen"}
        values = {key: value for key, value in small(iterations=END).values.items() if key in CHANGED}
        command = [sys.executable, "-c", PLAYING, str(folder), json.dumps(values), str(seconds)]
        self.folder = folder
        self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
        self.said = []

    def listen(self):
        """Return the next that it says: when, how far its run is, its banner."""
        self.said.append(json.loads(self.process.stdout.readline()))
        return self.said[-1]

    def until_saved(self, after=0):
        """Return the position of the first session that it saved after an update; it goes on behind that."""
        while True:
            _, position, _ = self.listen()
            for path in self.folder.glob("autosave-*.trainscope"):
                found = read_session(path).panels["training"].run.position
                if after < found < position:
                    return found

    def kill(self):
        """End it as a power failure does, and return when."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(20)
        return time.time()


CHANGED = ("hidden", "batch", "lanes", "iterations", "evaluate")


@pytest.fixture
def other(folder):
    """Open windows in processes of their own; they end with the test."""
    with contextlib.ExitStack() as stack:

        def make(seconds=0.0):
            made = Other(folder, seconds)
            stack.callback(made.process.stdout.close)
            stack.callback(made.kill)
            return made

        yield make


@pytest.fixture
def killed(other, folder):
    """The file that a window left which was killed in mid-run."""
    window = other(0.1)
    window.until_saved()
    window.kill()
    return next(folder.glob("autosave-*.trainscope"))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def buttons(user):
    return [button.text() for button in user.window.banner._actions if user.window.banner.isVisible()]


# Killed.


def test_a_killed_run_goes_on_from_at_most_ten_seconds_before(other, keeper, folder, sample):
    window = other()  # which saves as often as it does for everybody
    window.until_saved(after=window.until_saved())  # the second time: a whole pause lies between
    killed_at = window.kill()
    path = next(folder.glob("autosave-*.trainscope"))
    session = read_session(path)
    position = session.panels["training"].run.position
    saved_at = session.window["saved"]
    assert 0 <= killed_at - saved_at <= 10
    assert position >= max(at for when, at, _ in window.said if when <= saved_at) > 0  # as far as it was by then
    assert position <= window.said[-1][1] + 500  # what it has said is behind what it has done

    user = keeper()
    text = said(user, "Trainscope did not end properly")
    assert "still there" in text and buttons(user) == ["Go on with it", "Discard it"]
    press(user, "Go on with it")
    said(user, "Back in the session of")
    user.until(lambda: user.player.head == position)
    assert user.panel.entry.key == "training"
    wanted = small(iterations=END)
    assert user.panel.configuration == wanted
    assert bits(saved(user), moments=False) == straight(wanted, sample, position)
    user.player.set_speed(None)
    user.press(KEY.Key_Space)
    user.until(lambda: user.player.status.phase is Phase.FINISHED, 60_000)
    assert bits(saved(user), moments=False) == straight(wanted, sample, END)
    user.window.close()


@pytest.mark.usefixtures("often")
def test_what_went_on_is_not_offered_again(killed, keeper, folder):
    user = keeper()
    press(user, "Go on with it")
    said(user, "Back in the session of")
    user.until(lambda: not killed.exists())
    assert not action(user, "recover").isVisible()
    user.window.close()
    assert names(folder) == ["last.trainscope"]
    assert keeper().window.banner.text() == ""


def test_what_went_on_stays_until_it_is_saved_again(killed, keeper, folder, monkeypatch):
    from gui import autosave

    monkeypatch.setattr(autosave, "AUTOSAVE_SECONDS", 1000)
    user = keeper()
    press(user, "Go on with it")
    said(user, "Back in the session of")
    assert killed.exists()
    with no_room():
        user.window.close()
    assert killed.exists() and names(folder) == [killed.name]


def test_discarded_it_is_gone(killed, keeper, folder):
    user = keeper()
    press(user, "Discard it")
    assert not killed.exists() and user.window.banner.text() == ""
    assert not action(user, "recover").isVisible()
    user.window.close()
    assert names(folder) == []


def test_passed_over_it_is_in_the_menu_and_offered_again_next_time(killed, keeper, folder):
    for _ in range(2):
        user = keeper()
        said(user, "Trainscope did not end properly")
        user.press(KEY.Key_Escape)
        assert user.window.banner.text() == "" and killed.exists()
        assert action(user, "recover").isVisible()
        user.window.close()
    user = keeper()
    user.press(KEY.Key_Escape)
    action(user, "recover").trigger()
    said(user, "Back in the session of")
    user.until(lambda: user.player.head == read_session(killed).panels["training"].run.position)


def test_of_two_that_were_killed_the_newest_is_offered_first(other, keeper, folder):
    first = other(0.1)
    first.until_saved()
    first.kill()
    (older,) = folder.glob("autosave-*.trainscope")
    second = other(0.1)
    second.until_saved()
    while len(list(folder.glob("autosave-*.trainscope"))) < 2:
        second.listen()
    second.kill()
    (newer,) = set(folder.glob("autosave-*.trainscope")) - {older}
    user = keeper()
    press(user, "Discard it")
    assert older.exists() and not newer.exists()
    user.window.close()
    user = keeper()
    press(user, "Discard it")
    assert not older.exists()


def test_a_broken_one_is_one_line_and_can_be_discarded(killed, keeper, folder):
    killed.write_bytes(killed.read_bytes()[:-100])
    user = keeper()
    press(user, "Go on with it")
    said(user, f"{killed}: ")
    user.open("training")
    go(user, 1)
    user.window.close()
    user = keeper()
    press(user, "Discard it")
    assert not killed.exists()


@pytest.mark.usefixtures("often")
def test_what_was_half_written_or_kept_besides_is_cleared_away(killed, keeper, folder):
    number = killed.stem.removeprefix("autosave-")
    for name in (f".{killed.name}.x7d_2a", f".before-{number}.trainscope.aaaa", f"before-{number}.trainscope"):
        (folder / name).write_bytes(b"half")
    user = keeper()
    press(user, "Go on with it")
    said(user, "Back in the session of")
    user.until(lambda: not killed.exists())
    kept = [path for path in folder.iterdir() if path.name.startswith("last-")]
    assert [path.read_bytes() for path in kept] == [b"half"]  # what had been kept is still there
    user.window.close()
    assert len(names(folder)) == 2 and "last.trainscope" in names(folder)


# Several windows.


@pytest.mark.usefixtures("often")
def test_two_windows_have_files_of_their_own_and_offer_nothing_of_each_other(keeper, folder):
    first, second = keeper(), keeper()
    for user, updates in ((first, 3), (second, 4)):
        user.small_race()
        go(user, updates)
    assert first.window.banner.text() == "" == second.window.banner.text()

    def positions():
        with contextlib.suppress(SessionError, KeyError, AttributeError):
            paths = folder.glob("autosave-*.trainscope")
            return sorted(read_session(path).panels["training"].run.position for path in paths)

    first.until(lambda: positions() == [3, 4])
    first.window.close()
    third = keeper()
    assert third.window.banner.text() == "" and not action(third, "recover").isVisible()
    second.window.close()
    third.window.close()
    assert len(names(folder)) == 2  # of each of them
    assert read_session(folder / "last.trainscope").panels["training"].run.position == 4
    other = next(folder.glob("last-*"))
    assert read_session(other).panels["training"].run.position == 3


def test_a_window_in_another_process_is_left_in_peace_while_it_lives(other, keeper):
    window = other(0.1)
    window.until_saved()
    user = keeper()
    assert user.window.banner.text() == "" and not action(user, "recover").isVisible()
    window.until_saved(after=window.said[-1][1])
    user.window.close()
    window.kill()
    said(keeper(), "Trainscope did not end properly")


# Closed.


@pytest.mark.usefixtures("often")
def test_a_closed_window_leaves_one_file_that_open_recent_offers(keeper, folder):
    user = keeper()
    user.small_race()
    go(user, 5)
    user.until(lambda: position_in(folder) == 5)
    expected = bits(saved(user), moments=False)
    user.window.close()
    assert names(folder) == ["last.trainscope"]
    user = keeper()
    assert user.window.banner.text() == ""
    entries = recent(user)
    assert [entry.text().partition(",")[0] for entry in entries] == ["What was open at the end"]
    entries[0].trigger()
    said(user, "Back in the session of")
    user.until(lambda: user.player.head == 5)
    assert bits(saved(user), moments=False) == expected
    assert user.window.sessions.path is None and user.window.windowTitle() == "Training – Trainscope"


def test_closing_right_after_the_last_update_keeps_it(keeper, folder):
    user = keeper()
    user.small_race()
    go(user, 7)
    user.window.close()
    assert names(folder) == ["last.trainscope"]
    assert read_session(folder / "last.trainscope").panels["training"].run.position == 7


@pytest.mark.usefixtures("often")
def test_a_window_where_nothing_ran_leaves_the_last_session_alone(keeper, folder):
    folder.mkdir()
    (folder / "last.trainscope").write_bytes(b"what was there")
    user = keeper()
    user.open("training")
    ticks = ticks_of(user)
    user.until(lambda: len(ticks) > 5)
    user.window.close()
    assert (folder / "last.trainscope").read_bytes() == b"what was there" and names(folder) == ["last.trainscope"]


def ticks_of(user):
    """Return a list that grows with each look at whether there is something to save."""
    ticks = []
    user.window.sessions._autosave._timer.timeout.connect(lambda: ticks.append(None))
    return ticks


@pytest.mark.usefixtures("often")
def test_nothing_is_written_while_nothing_changes(keeper, folder):
    user = keeper()
    user.open("paths")
    user.small_race()
    go(user, 3)
    user.until(lambda: position_in(folder) == 3)
    (path,) = folder.glob("autosave-*.trainscope")
    ticks = ticks_of(user)
    user.until(lambda: len(ticks) > 5)
    written = path.stat().st_mtime_ns
    user.open("paths")
    user.click("step")
    user.until(lambda: len(ticks) > 12, 20_000)
    assert path.stat().st_mtime_ns == written
    user.open("training")
    go(user, 4)
    user.until(lambda: path.stat().st_mtime_ns > written)


# Places that cannot be written.


@contextlib.contextmanager
def no_room(count=3000):
    """Let no file grow over so many bytes, as on a disk without room."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (count, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def heard(user, monkeypatch):
    """Return a list of all that the banner says from now on."""
    found, show = [], user.window.banner.show_message

    def listen(text, severity=Severity.INFO, *rest, **more):
        found.append((severity, text))
        show(text, severity, *rest, **more)

    monkeypatch.setattr(user.window.banner, "show_message", listen)
    return found


@pytest.mark.usefixtures("often")
def test_a_full_disk_is_one_warning_until_it_works_again(keeper, folder, monkeypatch):
    user = keeper()
    words = heard(user, monkeypatch)
    user.small_race()
    ticks = ticks_of(user)
    for times in (1, 2):
        with no_room():
            go(user, user.player.head + 2)
            user.until(lambda times=times: len(words) == times)
            go(user, user.player.head + 2)
            reached = len(ticks)
            user.until(lambda reached=reached: len(ticks) > reached + 5)
            user.until(lambda: not [name for name in names(folder) if name.startswith(".")])  # between two tries
        assert len(words) == times
        user.until(lambda: position_in(folder) == user.player.head)  # there is room again; nothing else has changed
    assert {severity for severity, _ in words} == {Severity.WARNING}
    start = f"The session is not saved by itself: {folder}/autosave-"
    assert all(text.startswith(start) and text.endswith("cannot be written: File too large") for _, text in words)


def position_in(folder):
    """Return how far the run is that was saved last; None where there is none."""
    for path in folder.glob("autosave-*.trainscope"):
        return read_session(path).panels["training"].run.position


@pytest.mark.usefixtures("often")
def test_a_file_in_place_of_the_folder_is_one_warning(keeper, folder, tmp_path, monkeypatch):
    folder.write_bytes(b"a file")
    user = keeper()
    assert said(user, "The session is not saved by itself") == (
        f"The session is not saved by itself: {folder}: File exists"
    )
    words = heard(user, monkeypatch)
    user.press(KEY.Key_Escape)
    user.small_race()
    go(user, 30)
    user.window.sessions.save_to(tmp_path / "a.trainscope")
    said(user, "Saved")
    user.window.sessions.open(tmp_path / "a.trainscope")
    said(user, "a.trainscope")
    assert [text for severity, text in words if severity is not Severity.INFO] == []
    user.window.close()
    assert folder.read_bytes() == b"a file"


@pytest.mark.usefixtures("often")
def test_a_folder_that_goes_in_mid_run_is_one_warning(keeper, folder, monkeypatch):
    user = keeper()
    words = heard(user, monkeypatch)
    user.small_race()
    go(user, 3)
    user.until(lambda: position_in(folder) == 3)
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    go(user, 4)
    user.until(lambda: len(words) == 1)
    assert words[0][0] is Severity.WARNING and "No such file or directory" in words[0][1]
    go(user, 8)
    user.window.close()
    assert len(words) == 1


def test_a_window_without_a_folder_saves_nothing_by_itself(opened, tmp_path):
    user = opened()
    user.small_race()
    go(user, 3)
    user.window.close()
    assert list(tmp_path.rglob("*.trainscope")) == []


# A busy engine.


def test_an_engine_that_is_too_busy_when_the_window_closes_leaves_no_empty_session(keeper, folder, monkeypatch):
    from core.experiments import training

    user = keeper()
    user.small_race()
    go(user, 5)
    kept = training.Training.save
    monkeypatch.setattr(training.Training, "save", lambda run, whole: busy(run) or kept(run, whole))

    def busy(run):
        while not run.abandoned:
            threading.Event().wait(0.001)

    user.window.close()
    for path in folder.glob("*.trainscope"):
        assert read_session(path).panels["training"].run is not None
