"""Sessions in the window, with real files and keys: saved at any moment, what was shown comes back and goes on."""

from __future__ import annotations

import shutil
import threading

import pytest
from PySide6.QtCore import Qt

from core import session as files_of_sessions
from core.datasets import load_idx_folder
from core.presets import PRESETS
from core.runner import Phase
from gui.registry import PANELS
from tests.gui_helpers import SMALL_RACE, small, write_idx
from tests.session_helpers import (
    action,
    bits,
    drop,
    files,
    go,
    looks,
    opened_session,
    press,
    recent,
    said,
    saved,
    saved_session,
    straight,
)

pytest_plugins = ["tests.window", "tests.session_fixtures"]

KEY = Qt.Key
SHIFT = Qt.KeyboardModifier.ShiftModifier


# Saving.


@pytest.fixture
def first_run():
    return small()


def test_ctrl_s_asks_for_a_file_once(racer, tmp_path, answer):
    path = tmp_path / "lesson.trainscope"
    asked = answer(path)
    racer.control(KEY.Key_S)
    said(racer, f"Saved {path}.")
    assert asked == ["getSaveFileName"]
    assert racer.window.windowTitle() == "Training – lesson[*] – Trainscope"
    before = path.read_bytes()
    go(racer, 6)
    racer.press(KEY.Key_Escape)
    racer.control(KEY.Key_S)
    said(racer, f"Saved {path}.")
    assert asked == ["getSaveFileName"] and path.read_bytes() != before
    assert files_of_sessions.read_session(path).panels["training"].run.position == 6


def test_the_ending_is_added_and_save_as_asks_again(racer, tmp_path, answer):
    answer(tmp_path / "a")
    racer.control(KEY.Key_S)
    said(racer, f"Saved {tmp_path / 'a.trainscope'}.")
    asked = answer(tmp_path / "b.trainscope")
    racer.control(KEY.Key_S, SHIFT)
    said(racer, f"Saved {tmp_path / 'b.trainscope'}.")
    assert asked == ["getSaveFileName"]
    assert sorted(path.name for path in tmp_path.glob("*.trainscope")) == ["a.trainscope", "b.trainscope"]
    assert [entry.text() for entry in recent(racer)] == ["b.trainscope", "a.trainscope"]
    assert racer.window.windowTitle() == "Training – b[*] – Trainscope"


def test_cancel_saves_and_opens_nothing(racer, tmp_path, answer):
    before = looks(racer), bits(saved(racer))
    assert answer(None) == []
    racer.control(KEY.Key_S)
    racer.control(KEY.Key_O)
    assert racer.window.sessions.path is None and racer.window.banner.text() == ""
    assert list(tmp_path.glob("**/*.trainscope")) == []
    assert (looks(racer), bits(saved(racer))) == before


def test_what_cannot_be_written_is_one_line(racer, tmp_path, answer):
    answer(tmp_path / "not there" / "a.trainscope")
    racer.control(KEY.Key_S)
    said(racer, "a.trainscope: cannot be written: No such file or directory")
    assert racer.window.sessions.path is None and recent(racer)[0].text() == "nothing yet"


def test_saving_does_not_stop_a_run_that_plays(keeper, tmp_path):
    user = keeper()
    user.small_race(iterations=1_000_000)
    user.press(KEY.Key_Space)
    user.until(lambda: user.player.head > 20)
    path = saved_session(user, tmp_path / "a.trainscope")
    assert user.player.status.phase is Phase.RUNNING
    at = files_of_sessions.read_session(path).panels["training"].run.position
    user.until(lambda: user.player.head > at)
    user.press(KEY.Key_Space)
    user.until_phase(Phase.PAUSED)


def test_saving_twice_at_once_writes_the_last_state(racer, tmp_path):
    path = tmp_path / "a.trainscope"
    racer.window.sessions.save_to(path)
    racer.player.step()
    assert racer.player.runner.wait(lambda status: status.position == 6, 10)
    racer.window.sessions.save_to(path)
    racer.until(lambda: path.exists() and files_of_sessions.read_session(path).panels["training"].run.position == 6)
    assert [entry.text() for entry in recent(racer)] == ["a.trainscope"]


def test_saving_to_two_files_at_once_writes_both(racer, tmp_path):
    paths = [tmp_path / name for name in ("a.trainscope", "b.trainscope")]
    for path in paths:
        racer.window.sessions.save_to(path)
    racer.until(lambda: all(path.exists() for path in paths))
    racer.until(lambda: [entry.text() for entry in recent(racer)] == ["b.trainscope", "a.trainscope"])


@pytest.fixture
def slow_writing(monkeypatch):
    """Let writing wait until it is allowed; it is asked for by then."""
    began, may = threading.Event(), threading.Event()
    write = files_of_sessions.write_session

    def slow(*args):
        began.set()
        assert may.wait(20)
        write(*args)

    monkeypatch.setattr(files_of_sessions, "write_session", slow)
    yield began, may
    may.set()


def test_closing_while_saving_waits_for_the_whole_file(racer, tmp_path, slow_writing):
    began, may = slow_writing
    path = tmp_path / "a.trainscope"
    expected = bits(saved(racer))
    racer.window.sessions.save_to(path)
    assert began.wait(10)
    threading.Timer(0.1, may.set).start()
    racer.window.close()
    assert bits(files_of_sessions.read_session(path).panels["training"].run) == expected
    assert racer.window.settings.listed("recent") == [str(path)]


def test_closing_right_after_saving_a_second_time_writes_that(racer, tmp_path, slow_writing):
    _began, may = slow_writing
    path = tmp_path / "a.trainscope"
    racer.window.sessions.save_to(path)
    go(racer, 6)
    racer.window.sessions.save_to(path)
    threading.Timer(0.1, may.set).start()
    racer.window.close()
    assert files_of_sessions.read_session(path).panels["training"].run.position == 6


# Opening.


def test_ctrl_o_opens_a_file(racer, keeper, tmp_path, answer):
    path = saved_session(racer, tmp_path / "a.trainscope")
    expected = bits(saved(racer))
    other = keeper()
    asked = answer(path)
    other.control(KEY.Key_O)
    said(other, "Opened a.trainscope.")
    other.until(lambda: other.player.head == 5)
    assert asked == ["getOpenFileName"] and bits(saved(other)) == expected
    assert other.window.windowTitle() == "Training – a[*] – Trainscope"
    assert other.said() == "opened at iteration 5"


def test_open_recent_opens_it_and_forgets_what_is_gone(racer, tmp_path):
    first, second = (saved_session(racer, tmp_path / name) for name in ("a.trainscope", "b.trainscope"))
    second.unlink()
    entries = recent(racer)
    assert [(entry.text(), entry.toolTip()) for entry in entries] == [
        ("b.trainscope", str(second)),
        ("a.trainscope", str(first)),
    ]
    entries[0].trigger()
    said(racer, f"{second}: cannot be read (No such file or directory)")
    assert [entry.text() for entry in recent(racer)] == ["a.trainscope"]
    recent(racer)[0].trigger()
    said(racer, "Opened a.trainscope.")
    assert racer.window.sessions.path == first


def test_recent_files_are_remembered_by_the_next_window_up_to_eight(racer, keeper, tmp_path):
    for number in range(10):
        saved_session(racer, tmp_path / f"{number}.trainscope")
    racer.window.close()
    expected = [f"{number}.trainscope" for number in range(9, 1, -1)]
    assert [entry.text() for entry in recent(keeper()) if "at the end" not in entry.text()] == expected


@pytest.mark.parametrize("remembered", ["[[[", "7", '{"a": 1}', '[1, null, ["x"]]', "null"])
def test_remembered_files_that_are_none(keeper, store, remembered):
    store.setValue("recent", remembered)
    user = keeper()
    assert [entry.text() for entry in recent(user)] == ["nothing yet"]
    assert not recent(user)[0].isEnabled()


def test_opening_while_another_is_being_opened_is_refused(racer, tmp_path, monkeypatch):
    path = saved_session(racer, tmp_path / "a.trainscope")
    may, read = threading.Event(), files_of_sessions.read_session
    monkeypatch.setattr(files_of_sessions, "read_session", lambda path: may.wait(20) and read(path))
    racer.window.sessions.open(path)
    racer.until(lambda: racer.window.progress.text() == "Opening a.trainscope …")
    racer.window.sessions.open(tmp_path / "b.trainscope")
    assert said(racer, "Another") == "Another session is being opened."
    may.set()
    said(racer, "Opened a.trainscope.")
    assert racer.window.progress.text() == ""


def test_closing_while_a_session_is_being_opened(racer, tmp_path, monkeypatch):
    path = saved_session(racer, tmp_path / "a.trainscope")
    may, read = threading.Event(), files_of_sessions.read_session
    monkeypatch.setattr(files_of_sessions, "read_session", lambda path: may.wait(20) and read(path))
    racer.window.sessions.open(path)
    racer.window.close()
    assert not racer.window.isVisible()
    may.set()


def test_opening_while_a_run_plays_ends_that_run(racer, tmp_path):
    path = saved_session(racer, tmp_path / "a.trainscope")
    racer.small_race(iterations=1_000_000, batch=17)
    racer.press(KEY.Key_Space)
    racer.until(lambda: racer.player.head > 20)
    opened_session(racer, path)
    racer.until_phase(Phase.PAUSED)
    assert racer.player.head == 5 and racer.panel.configuration["batch"] == SMALL_RACE["batch"]


# Everything comes back.


def play_all(user):
    """Run something small on every panel."""
    user.small_race()
    go(user, 7)
    for key, preset, values in (
        ("batchnorm", "batchnorm-grid", {"images": 100, "iterations": 30, "hidden": (8,)}),
        ("regularization", "dropout", {"images": 100, "iterations": 30, "hidden": (8,)}),
        ("search", "random-search", {"images": 100, "trials": 4, "epochs": 9, "hidden": (8,)}),
        ("inside", "inside", {"batch": 16, "iterations": 30, "hidden": (8,)}),
    ):
        user.open(key)
        user.panel.start(PRESETS[preset].configuration(values))
        user.until(lambda: user.player.settled and user.player.frame.position == 0)
        go(user, 3)
    user.open("activations")
    user.click("step")
    user.open("stability")
    user.panel.start(PRESETS["stability"].configuration({"resolution": 16, "iterations": 12}))
    user.until(lambda: user.player.settled and user.player.head == 12)
    user.click("back")
    user.open("paths")
    user.enter("iterations", "12")
    user.click("restart")
    user.click("step")
    user.until(lambda: user.player.shown_position == 1)


def test_a_session_of_all_panels_comes_back(keeper, tmp_path):
    user = keeper()
    play_all(user)
    user.open("search")
    path = saved_session(user, tmp_path / "all.trainscope")
    expected = looks(user), {key: bits(saved(user, key)) for key in user.window.panels}
    assert list(expected[1]) != [] and {entry.key for entry in PANELS} == set(expected[0])
    other = keeper()
    opened_session(other, path)
    for key in expected[0]:
        other.until(lambda key=key: other.window.panels[key].own_player.status.position > 0)
        other.open(key)
    other.open("search")
    assert looks(other) == expected[0]
    assert {key: bits(saved(other, key)) for key in expected[0]} == expected[1]


def test_the_panel_in_focus_comes_back(keeper, tmp_path):
    user = keeper()
    user.small_race()
    go(user, 2)
    for number, name in enumerate(["paths", "data", "training"]):
        user.click(f"open-{name}")
        path = saved_session(user, tmp_path / f"{number}.trainscope")
        other = keeper()
        opened_session(other, path)
        assert other.find(f"open-{name}").isChecked()
        assert (other.window.current() is None) is (name == "data")
        other.window.close()


def test_moment_speed_and_lanes_come_back(keeper, tmp_path):
    user = keeper()
    user.small_race()
    go(user, 9)
    user.click("lane-sgd")
    user.choose("speed", "30 / s")
    for _ in range(4):
        user.press(KEY.Key_Left)
    user.until(lambda: user.player.shown_position == 5)
    path = saved_session(user, tmp_path / "a.trainscope")
    other = keeper()
    opened_session(other, path)
    other.until(lambda: other.player.head == 9)
    assert other.player.shown_position == 5 and other.find("timeline").value() == 5
    assert other.find("speed").currentText() == "30 / s"
    assert other.panel.lanes.active() == ("adam",) and "sgd" in other.panel.lanes.names()
    assert bits(saved(other)) == bits(saved(user))
    assert looks(other)["training"] == looks(user)["training"]


@pytest.mark.parametrize("first", ["activations", "training"])
@pytest.mark.parametrize("elsewhere", [False, True])
def test_the_networks_that_activations_watch_come_back(keeper, tmp_path, first, elsewhere):
    user = keeper()
    user.open(first)
    user.small_race("init-mnist")
    go(user, 4)
    user.open("activations")
    user.choose("source", "training race, live")
    user.choose("watched", "He")
    user.until(lambda: user.panel.shown_frame().lanes[0].name == "he")
    path = saved_session(user, tmp_path / "a.trainscope")
    other = keeper()
    other.small_race()
    go(other, 2)
    other.open("activations")
    if elsewhere:
        other.open("paths")
    opened_session(other, path)
    other.until(lambda: other.panel.shown_frame().lanes[0].name == "he")
    assert other.panel.entry.key == "activations" and other.panel.live
    assert other.find("watched").currentText() == "He"
    assert other.player is other.window.panels["training"].player and other.player.head == 4
    other.press(KEY.Key_Right)
    other.until(lambda: other.player.head == 5)


def test_old_futures_come_back(keeper, tmp_path):
    user = keeper()
    user.small_race()
    go(user, 12)
    for _ in range(6):
        user.press(KEY.Key_Left)
    user.until(lambda: user.player.shown_position == 6)
    user.enter("sgd.lr", "0.2")
    user.until(lambda: user.player.status.position == 6 and bool(user.player.frame.futures))
    go(user, 8)
    path = saved_session(user, tmp_path / "a.trainscope")
    other = keeper()
    opened_session(other, path)
    other.until(lambda: other.player.head == 8)
    assert [(f.start, f.end) for f in other.player.frame.futures] == [(6, 12)]
    assert bits(saved(other)) == bits(saved(user))


def test_a_reopened_run_goes_on_with_the_bits_of_one_never_saved(racer, keeper, sample, tmp_path):
    path = saved_session(racer, tmp_path / "a.trainscope")
    other = keeper()
    opened_session(other, path)
    other.until(lambda: other.player.head == 5)
    other.press(KEY.Key_Space)
    other.until_phase(Phase.FINISHED)
    assert bits(saved(other), moments=False) == straight(small(), sample, 400)
    assert other.player.head == 400


def test_undo_and_what_it_kept_are_gone_after_opening(racer, tmp_path):
    path = saved_session(racer, tmp_path / "a.trainscope")
    racer.enter("batch", "20")
    racer.until(lambda: racer.window.shelf.nbytes > 0)
    assert racer.window.undo.canUndo()
    opened_session(racer, path)
    assert not racer.window.undo.canUndo() and racer.window.shelf.nbytes == 0
    assert racer.panel.configuration["batch"] == SMALL_RACE["batch"]


def test_back_to_what_was_open_before(racer, keeper, tmp_path):
    other = keeper()
    other.small_race("init-mnist")
    go(other, 3)
    path = saved_session(other, tmp_path / "b.trainscope")
    other.window.close()
    go(racer, 8)
    before = looks(racer), bits(saved(racer))
    opened_session(racer, path)
    racer.until(lambda: racer.player.head == 3)
    press(racer, "Back to what was open before")
    said(racer, "Back in the session of")
    racer.until(lambda: racer.player.head == 8)
    assert (looks(racer), bits(saved(racer))) == before
    assert racer.window.sessions.path is None  # it has no file


def test_nothing_offers_to_go_back_where_nothing_was_run(racer, keeper, tmp_path):
    path = saved_session(racer, tmp_path / "a.trainscope")
    other = keeper()
    opened_session(other, path)
    assert [b.text() for b in other.window.banner._actions] == []


# The images that networks learned from.


@pytest.fixture
def on_a_folder(keeper, tmp_path, answer):
    """A session whose images are a folder that was chosen in the menu, and who made it."""
    images = write_idx(tmp_path / "digits")
    user = keeper()
    answer(images)
    action(user, "data-folder").trigger()
    said(user, "digits is in use")
    user.small_race()
    go(user, 3)
    return user, images, saved_session(user, tmp_path / "a.trainscope")


def test_a_session_opens_with_the_folder_that_its_networks_learned_from(on_a_folder, keeper):
    user, images, path = on_a_folder
    other = keeper()
    opened_session(other, path)
    other.until(lambda: other.player.head == 3)
    assert other.window.data.current().source == str(images)
    assert bits(saved(other)) == bits(saved(user))
    other.press(KEY.Key_Space)
    other.until_phase(Phase.FINISHED)
    assert bits(saved(other), moments=False) == straight(small(), load_idx_folder(images), 400)


@pytest.mark.parametrize("how", ["gone", "other", "broken"])
def test_without_those_images_nothing_is_touched(on_a_folder, keeper, tmp_path, how):
    _user, images, path = on_a_folder
    other = keeper()
    other.small_race()
    go(other, 2)
    before = looks(other), bits(saved(other)), other.window.data.current()
    shutil.rmtree(images)
    if how != "gone":
        write_idx(images, 70)
    if how == "broken":
        (images / "t10k-labels-idx1-ubyte").write_bytes(b"no")
    other.window.sessions.open(path)
    text = said(other, "its networks learned from the folder digits")
    assert text.startswith(f"{path}: ") and text.endswith("; allowed: these images, chosen in the menu Data first")
    assert (looks(other), bits(saved(other)), other.window.data.current()) == before


def test_a_folder_that_a_file_names_is_not_looked_into_unless_it_is_known_here(on_a_folder, keeper, store):
    _user, images, path = on_a_folder
    store.remove("folders")
    other = keeper()
    other.window.sessions.open(path)
    text = said(other, "its networks learned from the folder digits (others are in use)")
    assert text.endswith("; allowed: these images, chosen in the menu Data first")
    assert other.window.sessions.path is None
    assert drop(other, other.panel.view.graphics.viewport(), files(images))
    said(other, "digits is in use")
    opened_session(other, path)
    other.until(lambda: other.player.head == 3)


def test_the_title_marks_what_is_new_since_it_was_saved(racer, tmp_path):
    saved_session(racer, tmp_path / "lesson.trainscope")
    assert not racer.window.isWindowModified()
    racer.panel.setFocus()
    racer.press(KEY.Key_Right)
    racer.until(racer.window.isWindowModified)
    saved_session(racer, tmp_path / "lesson.trainscope")
    racer.until(lambda: not racer.window.isWindowModified())
