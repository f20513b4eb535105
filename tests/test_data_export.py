"""Data from the export window: written beside the window, which goes on; given up, closed, on a full disk."""

from __future__ import annotations

import csv
import json
import threading

import numpy as np
import pytest
from PySide6.QtCore import Qt, QTimer

from core.batch import write as write_all
from core.export import write_tables
from core.tables import Table
from core.writing import GivenUpError, Writing
from tests.gui_helpers import export_reason
from tests.test_faults import disk_full_after

pytest_plugins = ["tests.window"]

KEY = Qt.Key
STEPS = 4000
"""So many take a second or so to write."""


def open_dialog(user, kind):
    dialog = user.open_export()
    dialog.format.setCurrentIndex(max(dialog.format.findData(kind), dialog.format.findText(kind)))
    assert dialog.kind() == kind
    return dialog


@pytest.fixture
def long(export_folder, user):
    """Someone at paths so long that writing their numbers takes its time."""
    user.panel.start(user.panel.preset.configuration({"iterations": STEPS}))
    user.until(lambda: user.player.settled and user.player.frame.position == STEPS, 20_000)
    return user


@pytest.fixture
def writing(long):
    """A table of all steps in the making."""
    dialog = open_dialog(long, "steps")
    long.click(dialog.write)
    long.until(lambda: dialog.progress.isVisible(), 20_000)
    return dialog


def export_threads():
    return [thread for thread in threading.enumerate() if thread.name == "export"]


# The window goes on.


def test_the_window_goes_on_while_tables_are_written(long, export_folder):
    dialog, turns = open_dialog(long, "steps"), []
    timer = QTimer()
    timer.setInterval(1)
    timer.timeout.connect(lambda: dialog._making and turns.append(dialog._making._writing.done))
    timer.start()
    long.click(dialog.write)
    long.until(lambda: long.window._export is None, 60_000)
    timer.stop()
    rows = 6 * (STEPS + 1)
    between = np.diff([done for done in turns if 0 < done < rows])
    assert len(between) > 40 and np.median(between) < rows / 50
    (made,) = export_folder.iterdir()
    assert made.name == "optimizer-paths-steps.csv" and made.stat().st_size > 5_000_000
    assert long.window.banner.text() == f"Wrote {made}"


def test_progress_is_told_and_what_is_written_is_what_was_there_at_the_click(writing, long, export_folder):
    assert writing.busy and not writing.write.isEnabled() and writing.cancel.isEnabled()
    long.until(lambda: "%" in writing.progress.text())
    assert writing.progress.text().startswith("Writing … ")
    long.click("lane-sgd")  # another run, while the file tells of the one before
    long.until(lambda: len(long.player.frame.lanes) == 5)
    long.until(lambda: long.window._export is None, 60_000)
    with (export_folder / "optimizer-paths-steps.csv").open() as file:
        lanes = {row["lane"]: int(row["step"]) for row in csv.DictReader(file)}
    assert len(lanes) == 6 and set(lanes.values()) == {STEPS}


def test_what_is_over_at_once_shows_no_progress(user, export_folder):
    dialog, shown = open_dialog(user, "json"), []
    dialog.progress.setVisible = shown.append
    user.export(dialog)
    assert True not in shown and user.window._export is None
    content = json.loads((export_folder / "optimizer-paths.json").read_text(encoding="utf-8"))
    assert len(content["lanes"]) == 6


# Given up.


def test_cancel_leaves_nothing_and_the_next_export_works(writing, long, export_folder):
    assert any(export_folder.iterdir())  # the file in the making
    long.click(writing.cancel)
    assert not writing.busy and writing.isVisible() and writing.write.isEnabled()
    assert long.window.banner.text() == "Cancelled; no file was written."
    long.until(lambda: not export_threads() and list(export_folder.iterdir()) == [])
    writing.format.setCurrentText("npz")
    long.export(writing)
    assert [path.name for path in export_folder.iterdir()] == ["optimizer-paths.npz"]


def test_escape_gives_up_and_closes(writing, long, export_folder):
    long.qtbot.keyClick(writing, KEY.Key_Escape)
    long.until(lambda: long.window._export is None and not export_threads())
    assert list(export_folder.iterdir()) == []


def test_asking_again_keeps_the_export_in_the_making(writing, long, export_folder):
    long.window.open_export()
    assert long.window._export is writing and writing.busy
    long.until(lambda: long.window._export is None, 60_000)
    assert [path.name for path in export_folder.iterdir()] == ["optimizer-paths-steps.csv"]


def test_closing_the_window_in_mid_export_leaves_nothing(writing, long, export_folder):
    long.window.close()
    assert list(export_folder.iterdir()) == [] and not export_threads()


def test_what_was_finished_before_cancel_was_pressed_is_told(user, export_folder):
    dialog = open_dialog(user, "json")
    user.click(dialog.write)
    for thread in export_threads():
        thread.join()
    user.click(dialog.cancel)
    assert user.window.banner.text() == f"Wrote {export_folder / 'optimizer-paths.json'}"
    assert [path.name for path in export_folder.iterdir()] == ["optimizer-paths.json"]


def test_a_full_disk_in_mid_export_is_one_line(long, export_folder):
    dialog = open_dialog(long, "steps")
    with disk_full_after(200_000):
        long.export(dialog)
    line = f"{export_folder / 'optimizer-paths-steps.csv'}: cannot be written: File too large"
    assert export_reason(dialog) == line and dialog.write.isEnabled()
    assert list(export_folder.iterdir()) == []


# Without a window.


def many(rows, ended):
    """Yield rows, and do something before the last one."""
    for number in range(rows):
        if number == rows - 1:
            ended()
        yield [number]


def test_tables_are_written_all_or_none(tmp_path):
    writing = Writing()
    tables = [Table("", ("n",), many(1000, int), 1000), Table("-b", ("n",), many(500, writing.give_up), 500)]
    with pytest.raises(GivenUpError):
        write_tables(tables, tmp_path, "a", writing)
    assert list(tmp_path.iterdir()) == [] and writing.total == 1500 and writing.done > 1000
    tables = [Table("", ("n",), many(1000, int)), Table("-b", ("n",), many(500, int))]
    paths = write_tables(tables, tmp_path, "a")
    assert [(path.name, len(path.read_text().splitlines())) for path in paths] == [("a.csv", 1001), ("a-b.csv", 501)]
    with disk_full_after(1000), pytest.raises(OSError, match="cannot be written") as caught:
        write_tables([Table("", ("n",), many(10, int)), Table("-b", ("n",), many(900, int))], tmp_path, "c")
    assert str(caught.value) == f"{tmp_path / 'c-b.csv'}: cannot be written: File too large"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a-b.csv", "a.csv"]


@pytest.mark.parametrize("kind", ["csv", "json", "npz", "steps"])
def test_what_is_not_wanted_any_more_is_not_there(user, tmp_path, kind):
    writing = Writing()
    writing.give_up()
    frame, configuration = user.player.frame, user.panel.run_configuration()
    with pytest.raises(GivenUpError):
        write_all(frame, configuration, None, tmp_path, [kind], "a", writing)
    assert list(tmp_path.iterdir()) == []


def test_counts_are_those_of_the_rows(user, tmp_path):
    """Of every panel that takes no images, and of a race with seeds and a schedule."""
    panels = ["paths", "stability"]
    for key in panels:
        user.open(key)
        user.until(lambda: user.player.settled, 20_000)
        check_counts(user, tmp_path, ["csv", "steps"] if key == "paths" else ["csv"])
    user.small_race(iterations=40, seeds=2, **{"sgd.schedule": "step"})
    user.press(KEY.Key_Space)
    user.until(lambda: user.player.head == 40)
    check_counts(user, tmp_path, ["csv"])


def check_counts(user, folder, kinds):
    for kind in kinds:
        writing, configuration = Writing(), user.panel.run_configuration()
        paths = write_all(
            user.player.frame, configuration, None, folder, [kind], f"{len(list(folder.iterdir()))}", writing
        )
        rows = sum(len(path.read_text().splitlines()) - 1 for path in paths)
        assert rows == writing.total == writing.done
