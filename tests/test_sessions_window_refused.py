"""What is dropped on the window, and files that someone meddled with: one line says no, and nothing is touched."""

from __future__ import annotations

import json
import struct
import zipfile

import pytest
from PySide6.QtCore import QMimeData, Qt

from core.presets import PRESETS
from core.session import VERSION
from tests.gui_helpers import small, write_idx
from tests.session_helpers import action, bits, drop, files, go, looks, opened_session, said, saved, saved_session

pytest_plugins = ["tests.window", "tests.session_fixtures"]

KEY = Qt.Key


# Drag and drop.


@pytest.fixture
def first_run():
    return small()


def test_a_session_is_dropped_anywhere(racer, tmp_path):
    path = saved_session(racer, tmp_path / "a.trainscope")
    for place in ("plots", "form", "lanes", "said", "preset", "play", "timeline", "notes"):
        racer.press(KEY.Key_Escape)
        go(racer, 6)
        widget = racer.find(place) if place != "lanes" else racer.panel.lanes
        spot = widget.mapTo(racer.window, widget.rect().center())
        assert drop(racer, racer.window.childAt(spot), files(path)), place
        said(racer, "Opened a.trainscope.")
        racer.until(lambda: racer.player.head == 5)


def test_a_session_is_dropped_on_the_banner_and_on_the_data_page(racer, tmp_path):
    path = saved_session(racer, tmp_path / "a.trainscope")
    assert drop(racer, racer.find("banner-text"), files(path))
    said(racer, "Opened a.trainscope.")
    racer.press(KEY.Key_Escape)
    racer.click("open-data")
    middle = racer.window.stack.rect().center()
    racer.until(lambda: racer.window.stack.childAt(middle) is not None)
    assert drop(racer, racer.window.childAt(racer.window.stack.mapTo(racer.window, middle)), files(path))
    said(racer, "Opened a.trainscope.")


def test_a_session_is_dropped_on_a_text_field_as_a_file_manager_does(racer, tmp_path):
    path = saved_session(racer, tmp_path / "a.trainscope")
    for name in ("hidden", "activation", "batch"):
        racer.press(KEY.Key_Escape)
        field = racer.find(name)
        racer.scroll_to(field)
        mime = files(path)
        mime.setText(str(path))
        assert drop(racer, racer.window.childAt(field.mapTo(racer.window, field.rect().center())), mime)
        said(racer, "Opened a.trainscope.")


def test_a_folder_of_images_is_dropped(racer, tmp_path):
    images = write_idx(tmp_path / "digits")
    assert drop(racer, racer.panel.view.graphics.viewport(), files(images))
    said(racer, "digits is in use")
    assert racer.window.data.current().source == str(images)


def test_anything_else_that_is_dropped_is_refused(racer, tmp_path):
    path = saved_session(racer, tmp_path / "a.trainscope")
    racer.press(KEY.Key_Escape)
    text, address = QMimeData(), QMimeData()
    text.setText(str(path))
    address.setData("text/uri-list", b"https://localhost/a.trainscope\r\n")
    dropped = {"two": files(path, path), "picture": files(tmp_path / "a.png"), "text": text, "address": address}
    before = looks(racer), bits(saved(racer))
    for kind, mime in dropped.items():
        assert not drop(racer, racer.panel.view.graphics.viewport(), mime), kind
        assert (looks(racer), bits(saved(racer)), racer.window.banner.text()) == (*before, ""), kind


# Files that someone meddled with.


def rewrite(path, change=lambda plain: None, more=None, compress=zipfile.ZIP_STORED):
    """Write a session anew with its description changed, and with more entries."""
    with zipfile.ZipFile(path) as archive:
        found = {name: archive.read(name) for name in archive.namelist()}
    plain = json.loads(found["session.json"])
    change(plain)
    found["session.json"] = json.dumps(plain).encode()
    with zipfile.ZipFile(path, "w", compress) as archive:
        for name, content in {**found, **(more or {})}.items():
            archive.writestr(zipfile.ZipInfo(name), content, compress)


def cut_short(path):
    path.write_bytes(path.read_bytes()[:-700])


def of_tomorrow(path):
    rewrite(path, lambda plain: plain.update(version=VERSION + 1))


def bomb(path):
    rewrite(path, more={"runs/search.npz": bytes(20_000_000)}, compress=zipfile.ZIP_DEFLATED)


def climbing(path):
    rewrite(path, more={"../../climbed.txt": b"out"})


def lying(path):
    content = bytearray(path.read_bytes())
    at = content.rindex(b"PK\x01\x02")
    content[at + 20 : at + 28] = struct.pack("<2I", 2**31, 2**31)
    path.write_bytes(content)


def with_other_numbers(path):
    rewrite(path, lambda plain: plain["panels"]["training"]["run"].update(position=10**9))


def with_another_preset(path):
    rewrite(path, lambda plain: plain["panels"]["training"]["configuration"].update(preset="dropout"))


def a_picture(path):
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(500))


def a_folder(path):
    path.unlink()
    path.mkdir()


HOSTILE = cut_short, of_tomorrow, bomb, climbing, lying, with_other_numbers, with_another_preset, a_picture, a_folder


def test_a_hostile_file_is_one_line_and_touches_nothing(racer, tmp_path, answer):
    good = saved_session(racer, tmp_path / "good.trainscope").read_bytes()
    for spoil in HOSTILE:
        path = tmp_path / f"{spoil.__name__}.trainscope"
        path.write_bytes(good)
        racer.press(KEY.Key_Escape)
        spoil(path)
        go(racer, racer.player.head + 1)
        before = looks(racer), bits(saved(racer)), racer.window.undo.count()
        answer(path)
        action(racer, "open-session").trigger()
        text = said(racer, f"{path}")
        assert text.startswith(str(path)) and "; allowed: " in text
        assert (looks(racer), bits(saved(racer)), racer.window.undo.count()) == before, spoil
        assert not list(tmp_path.parent.glob("climbed*")) and not list(tmp_path.glob("climbed*"))
    racer.press(KEY.Key_Escape)
    go(racer, racer.player.head + 1)


VIEWS = [
    {"off": ["nonsense"]},
    {"off": [1]},
    {"off": "sgd"},
    {"cursor": -1},
    {"cursor": 10**12},
    {"cursor": "x"},
    {"cursor": 2.5},
    {"speed": -1},
    {"speed": ["x"]},
    {"speed": "fast"},
    {},
    {"more": {"of": [1, 2]}},
]


def test_a_view_that_makes_no_sense_is_passed_over(racer, tmp_path):
    path = saved_session(racer, tmp_path / "a.trainscope")
    for view in VIEWS:
        rewrite(path, lambda plain, view=view: plain["panels"]["training"].update(view=view))
        opened_session(racer, path)
        racer.until(lambda: racer.player.head == 5)
        assert 0 <= racer.player.shown_position <= 5, view
        assert racer.panel.lanes.names() != () and set(racer.panel.lanes.active()) == {"sgd", "adam"}, view
        racer.press(KEY.Key_End)
        go(racer, 6)


@pytest.mark.parametrize(
    "view",
    [{"source": ["x"], "watched": ["he"]}, {"source": "paths", "watched": []}, {"source": "search", "watched": [7]}],
    ids=str,
)
def test_activations_of_a_run_that_makes_no_sense(racer, tmp_path, view):
    racer.open("activations")
    path = saved_session(racer, tmp_path / "a.trainscope")
    rewrite(path, lambda plain: plain["panels"]["activations"].update(view=view))
    opened_session(racer, path)
    racer.open("training")
    go(racer, 6)


def test_a_window_that_makes_no_sense(racer, tmp_path):
    path = saved_session(racer, tmp_path / "a.trainscope")
    for window in ({"panel": ["x"]}, {"panel": "nowhere"}, {}, {"saved": 1e300, "panel": None}):
        rewrite(path, lambda plain, window=window: plain.update(window=window))
        opened_session(racer, path)
        racer.until(lambda: racer.player.head == 5)
        go(racer, 6)


def test_a_run_of_another_preset_of_the_panel(racer, tmp_path):
    path = saved_session(racer, tmp_path / "a.trainscope")
    other = PRESETS["init-mnist"].configuration()
    plain_other = {"preset": "init-mnist", "values": json.loads(json.dumps(dict(other.values))), "changes": []}
    rewrite(path, lambda plain: plain["panels"]["training"].update(configuration=plain_other))
    opened_session(racer, path)
    racer.until(lambda: racer.player.head == 5)
    racer.press(KEY.Key_Home)
    racer.until(lambda: racer.player.head == 0)
    go(racer, 1)
