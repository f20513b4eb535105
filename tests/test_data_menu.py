"""The menu Data against a real server and real folders: what is chosen is used, or one line says why not."""

from __future__ import annotations

import re
import shutil
import struct
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QMenu, QProgressBar

from core import datasets, download
from core.presets import PRESETS
from core.runner import Phase
from gui import theme
from gui.data_page import DataPage
from gui.panel_export import WHOLE, Request, export_panel
from gui.theme import Severity
from tests.gui_helpers import IDX_FILES, User, grabbed, ink, small, write_idx
from tests.mnist_server import serving
from tests.test_download import CONTENTS, FILES, dead_end

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from core.parameters import Configuration
    from gui.main_window import MainWindow
    from tests.mnist_server import MnistServer

pytest_plugins = ["tests.window"]

KEY = Qt.Key
FULL_SAID = "The full MNIST is in use: 200 images to train on, 50 to test."
SAMPLE_SAID = "The bundled sample is in use: 4,000 images to train on, 1,000 to test."
STAYS = "the bundled sample stays in use."


@pytest.fixture
def first_run() -> Configuration:
    return small()


@pytest.fixture
def server() -> Iterator[MnistServer]:
    with serving(CONTENTS) as found:
        yield found


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Let the full MNIST be small files that nobody serves, and the cache be the test's."""
    monkeypatch.setattr(download, "FILES", FILES)
    monkeypatch.setattr(download, "SOURCES", (dead_end(), dead_end()))
    monkeypatch.setenv(download.CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache" / "mnist"


@pytest.fixture
def served(server: MnistServer, monkeypatch: pytest.MonkeyPatch) -> Callable[..., MnistServer]:
    """Let the sources behave in these ways from now on."""

    def behave(*behaviours: str) -> MnistServer:
        monkeypatch.setattr(download, "SOURCES", [server.source(each) for each in behaviours])
        return server

    return behave


@pytest.fixture
def race(user: User) -> User:
    """Someone whose small race is running."""
    return play(user)


def play(user: User) -> User:
    user.small_race(iterations=100_000, evaluate=0)
    user.press(KEY.Key_Space)
    user.until(lambda: user.player.head > 20)
    return user


def data_menu(user: User) -> QMenu:
    """Open the menu with the mouse."""
    bar = user.window.menuBar()
    (action,) = [found for found in bar.actions() if found.text() == "&Data"]
    user.click(bar, bar.actionGeometry(action).center())
    menu = action.menu()
    assert isinstance(menu, QMenu)
    user.until(menu.isVisible)
    return menu


def pick(user: User, key: str) -> None:
    """Choose an entry of the menu with the mouse."""
    menu, entry = data_menu(user), user.window.findChild(QAction, key)
    user.click(menu, menu.actionGeometry(entry).center())
    assert not menu.isVisible()


def marked(user: User) -> list[str]:
    """Look which entries are marked."""
    menu = data_menu(user)
    found = [action.objectName() for action in menu.actions() if action.isChecked()]
    leave(user, menu)
    return found


def leave(user: User, menu: QMenu) -> None:
    """Close the menu, then leave the menu bar, which keeps the keyboard."""
    QTest.keyClick(menu, KEY.Key_Escape)
    QTest.keyClick(user.window.menuBar(), KEY.Key_Escape)
    assert not menu.isVisible() and QApplication.focusWidget() is not user.window.menuBar()


def said(user: User) -> str:
    return user.window.banner.text()


def until_said(user: User, text: str) -> None:
    user.until(lambda: said(user) == text)


def use_full(user: User) -> None:
    pick(user, "data-full")
    until_said(user, FULL_SAID)


def assert_goes_on(user: User, loads: int) -> None:
    """The race is the one it was, and runs on."""
    head = user.player.status.position
    assert (user.player.status.loads, user.player.status.phase) == (loads, Phase.RUNNING)
    user.until(lambda: user.player.status.position > head)
    assert user.window.data.current().source == "sample" and not user.window.undo.canUndo()


def write_set(folder: Path, shape: tuple[int, int] = (5, 64), images: int = 300, seed: int = 0) -> Path:
    """Write images of any size; those of one label are alike."""
    folder.mkdir(exist_ok=True)
    draws, pixels = np.random.default_rng(seed), shape[0] * shape[1]
    patterns = draws.integers(0, 256, (10, pixels)) * (draws.random((10, pixels)) < 0.4)
    labels = np.arange(images) % 10
    for name in IDX_FILES:
        if "images" in name:
            noise = draws.random((images, pixels)) < 0.9
            body = struct.pack(">4I", 0x0803, images, *shape) + (patterns[labels] * noise).astype(np.uint8).tobytes()
        else:
            body = struct.pack(">2I", 0x0801, images) + labels.astype(np.uint8).tobytes()
        (folder / f"{name}-ubyte").write_bytes(body)
    return folder


@pytest.fixture
def pick_folder(monkeypatch: pytest.MonkeyPatch) -> Callable[[User, Path | str], None]:
    """Choose a folder in the menu and in its dialog; an empty name cancels that."""

    def choose(user: User, folder: Path | str) -> None:
        monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(folder))
        pick(user, "data-folder")

    return choose


# Downloading.


def test_the_menu_marks_what_is_in_use(user: User) -> None:
    menu = data_menu(user)
    names = [action.objectName() for action in menu.actions() if not action.isSeparator()]
    assert names == ["data-sample", "data-full", "data-folder", "look-at-data"]
    leave(user, menu)
    assert marked(user) == ["data-sample"]


def test_a_download_shows_how_far_it_is_and_is_used_when_whole(
    user: User, served: Callable[..., MnistServer], cache: Path
) -> None:
    served("slow")
    pick(user, "data-full")
    strip, bar = user.window.progress, user.window.progress.findChild(QProgressBar)
    user.until(lambda: strip.text().startswith("Downloading"))
    assert re.fullmatch(r"Downloading the full MNIST: 0\.\d of 0\.\d MB", strip.text())
    assert strip.accessibleName() == strip.text() and strip.isVisible()
    before = bar.value()
    assert bar.maximum() > 0
    user.until(lambda: bar.value() > before)
    assert marked(user) == ["data-sample"]
    until_said(user, FULL_SAID)
    assert strip.text() == "" and marked(user) == ["data-full"]
    assert {path.name for path in cache.iterdir()} == set(CONTENTS)
    assert user.window.undo.undoText() == "data: full MNIST"


def test_what_is_there_already_is_only_read(user: User, served: Callable[..., MnistServer]) -> None:
    server = served("fine")
    use_full(user)
    pick(user, "data-sample")
    until_said(user, SAMPLE_SAID)
    server.asked.clear()
    use_full(user)
    assert server.asked == []


def test_cancel_then_a_clean_start(race: User, served: Callable[..., MnistServer], cache: Path) -> None:
    loads = race.player.status.loads
    served("slow")
    pick(race, "data-full")
    race.until(lambda: race.window.progress.text().startswith("Downloading"))
    race.click("progress-cancel")
    assert said(race) == f"Cancelled; {STAYS}"
    assert race.window.progress.text() == "" and marked(race) == ["data-sample"]
    assert_goes_on(race, loads)
    race.until(lambda: not list(cache.iterdir()))
    served("fine")
    use_full(race)
    assert race.window.data.current().source == "full"


FAULTS = {
    "": "Connection refused",
    "missing": "404 Not Found",
    "broken": "500 Internal Server Error",
    "wrong": "wrong bytes: the SHA-256 is another",
    "cut": r"cut off after \d+ bytes",
}


@pytest.mark.parametrize("behaviour", FAULTS)
def test_a_failure_is_one_line_and_can_be_tried_again(
    race: User, served: Callable[..., MnistServer], cache: Path, behaviour: str
) -> None:
    loads = race.player.status.loads
    if behaviour:
        served(behaviour, behaviour)
    pick(race, "data-full")
    race.until(lambda: bool(said(race)))
    told = rf"127\.0\.0\.1:\d+: {FAULTS[behaviour]}"
    told = told if behaviour else rf"127\.0\.0\.1:\d+ and {told}"
    line = rf"{FILES[0].name}: could not be downloaded: {told}; {re.escape(STAYS)}"
    assert re.fullmatch(line, said(race)), said(race)
    assert race.window.banner.property("severity") == Severity.ERROR.value
    assert race.window.progress.text() == "" and marked(race) == ["data-sample"]
    assert_goes_on(race, loads)
    assert list(cache.iterdir()) == []
    served("fine")
    race.click("banner-try")
    until_said(race, FULL_SAID)


def test_the_second_source_helps_out(user: User, served: Callable[..., MnistServer]) -> None:
    server = served("missing", "fine")
    use_full(user)
    assert server.files_asked("missing") == server.files_asked("fine") == list(CONTENTS)


def test_a_cache_that_cannot_be_written_is_one_line(user: User, cache: Path) -> None:
    cache.parent.write_text("in the way")
    pick(user, "data-full")
    user.until(lambda: bool(said(user)))
    assert said(user).startswith(f"{cache}: cannot be written (Not a directory)")
    assert download.CACHE_VARIABLE in said(user) and said(user).endswith(STAYS)


@pytest.mark.parametrize("behaviour", ["slow", "stall", "mute"])
def test_the_window_closes_at_once_in_mid_download(
    user: User, served: Callable[..., MnistServer], cache: Path, monkeypatch: pytest.MonkeyPatch, behaviour: str
) -> None:
    ended = []

    class Watched(download.Download):
        """Waits for ever where a source is silent; notes how it ends."""

        def __init__(self) -> None:
            super().__init__(patience=3600.0)

        def run(self, *args: Any) -> Path:
            try:
                return super().run(*args)
            except BaseException as error:
                ended.append(type(error))
                raise

    monkeypatch.setattr(download, "Download", Watched)
    server = served(behaviour, "fine")
    server.pause = 0.2
    pick(user, "data-full")
    user.until(server.arrived.is_set)
    user.window.close()
    held = any(thread.name == "download" for thread in threading.enumerate())
    assert not user.window.isVisible() and (held or behaviour != "mute")
    user.until(lambda: ended == [download.Cancelled])
    assert len(server.asked) == 1 and list(cache.iterdir()) == []


def test_nothing_else_is_read_meanwhile(race: User, served: Callable[..., MnistServer], tmp_path: Path) -> None:
    server = served("stall")
    pick(race, "data-full")
    race.until(server.arrived.is_set)
    for choose in (lambda: pick(race, "data-full"), lambda: race.window.data.load(str(tmp_path))):
        race.window.banner.dismiss()
        choose()
        assert said(race) == "The full MNIST is being read; cancel that to choose other images."
    assert marked(race) == ["data-sample"] and len(server.asked) == 1
    race.until(lambda: race.window.progress.text().startswith("Downloading"))
    race.click("progress-cancel")
    assert said(race) == f"Cancelled; {STAYS}"


# Folders.


def test_a_folder_is_used_and_remembered(user: User, pick_folder: Callable[..., None], tmp_path: Path) -> None:
    folder = write_idx(tmp_path / "digits")
    pick_folder(user, folder)
    until_said(user, "The folder digits is in use: 60 images to train on, 60 to test.")
    assert marked(user) == ["data-folder"]
    assert user.window.settings.text("data-folder") == str(folder)
    user.window.banner.dismiss()
    pick_folder(user, "")
    assert (said(user), marked(user)) == ("", ["data-folder"])
    assert user.window.undo.count() == 1


def test_a_wrong_folder_is_one_line(race: User, pick_folder: Callable[..., None], tmp_path: Path) -> None:
    loads = race.player.status.loads
    pick_folder(race, tmp_path)
    race.until(lambda: bool(said(race)))
    assert said(race).startswith(f"{tmp_path}: has no IDX files; allowed: ")
    assert said(race).endswith(f"; {STAYS}")
    assert marked(race) == ["data-sample"]
    assert_goes_on(race, loads)


def test_a_folder_that_is_gone(user: User, pick_folder: Callable[..., None], tmp_path: Path) -> None:
    folder = write_idx(tmp_path / "digits")
    pick_folder(user, folder)
    user.until(lambda: said(user).startswith("The folder digits is in use"))
    pick(user, "data-sample")
    until_said(user, SAMPLE_SAID)
    shutil.rmtree(folder)
    pick_folder(user, folder)
    user.until(lambda: said(user).startswith(f"{folder}: cannot be opened (No such file or directory)"))
    user.control(KEY.Key_Z)
    assert said(user).startswith("The folder digits is in use") and marked(user) == ["data-folder"]


def test_memory_that_is_not_there_is_one_line(
    user: User, pick_folder: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(source: str) -> Any:
        raise MemoryError

    monkeypatch.setattr(datasets, "load", refuse)
    pick_folder(user, tmp_path)
    until_said(user, f"there is not enough memory; {STAYS}")


def test_a_name_of_several_words_is_set_off(user: User, pick_folder: Callable[..., None], tmp_path: Path) -> None:
    pick_folder(user, write_idx(tmp_path / "my own digits"))
    until_said(user, "The folder “my own digits” is in use: 60 images to train on, 60 to test.")
    assert user.window.undo.undoText() == "data: my own digits"


def test_a_long_name_widens_nothing(user: User, pick_folder: Callable[..., None], tmp_path: Path) -> None:
    width = user.window.minimumSizeHint().width()
    pick_folder(user, write_idx(tmp_path / ("m" * 200)))
    user.until(lambda: said(user).startswith(f"The folder {'m' * 20}…{'m' * 20} is in use"))
    user.window.open_data()
    assert user.window.minimumSizeHint().width() == width


# What is in use already.


def test_the_sample_or_the_full_set_again_does_nothing(race: User, served: Callable[..., MnistServer]) -> None:
    loads = race.player.status.loads
    pick(race, "data-sample")
    assert (said(race), marked(race)) == ("", ["data-sample"])
    assert_goes_on(race, loads)
    served("fine")
    use_full(race)
    race.window.banner.dismiss()
    loads = race.player.status.loads
    pick(race, "data-full")
    assert not race.window.data.busy
    assert (said(race), marked(race), race.player.status.loads) == ("", ["data-full"], loads)


def test_a_folder_again_is_used_only_if_it_has_changed(
    user: User, pick_folder: Callable[..., None], tmp_path: Path
) -> None:
    folder = write_idx(tmp_path / "digits")
    pick_folder(user, folder)
    user.until(lambda: user.window.undo.count() == 1)
    first = user.window.data.current()
    pick_folder(user, folder)
    until_said(user, "The folder digits is in use already, with the same images.")
    assert user.window.data.current() is first and user.window.undo.count() == 1
    write_idx(folder, images=70)
    pick_folder(user, folder)
    until_said(user, "The folder digits is in use: 70 images to train on, 70 to test.")
    write_idx(folder, images=60)
    pick_folder(user, folder)
    until_said(user, "The folder digits is in use: 60 images to train on, 60 to test.")
    assert user.window.data.current() is first, "the same images are kept once"


# Runs.


def test_runs_on_images_restart_and_say_so_and_others_do_not(
    opened: Callable[..., User], served: Callable[..., MnistServer]
) -> None:
    race = opened("paths", fresh=True)
    paths = race.window.panels["paths"]
    play(race)
    before = paths.player.frame, paths.player.status.loads
    served("fine")
    use_full(race)
    assert race.said() == "restarted on the full MNIST"
    race.until_phase(Phase.PAUSED)
    assert race.player.head == 0 and race.player.status.phase is Phase.PAUSED
    assert (paths.player.frame, paths.player.status.loads) == before
    race.press(KEY.Key_Space)
    race.until(lambda: race.player.head > 20)


def test_undo_brings_back_the_data_and_the_run(race: User, served: Callable[..., MnistServer]) -> None:
    race.press(KEY.Key_Space)
    race.until_phase(Phase.PAUSED)
    head, loss = race.player.head, race.player.frame.loss.copy()
    served("fine")
    use_full(race)
    race.until_phase(Phase.PAUSED)
    race.player.step()
    race.until(lambda: race.player.head == 1)
    race.control(KEY.Key_Z)
    assert said(race) == SAMPLE_SAID and marked(race) == ["data-sample"]
    race.until(lambda: race.player.head == head)
    assert np.array_equal(race.player.frame.loss, loss)
    race.control(KEY.Key_Z, Qt.KeyboardModifier.ShiftModifier)
    assert said(race) == FULL_SAID and marked(race) == ["data-full"]
    race.until(lambda: race.player.head == 1)
    race.press(KEY.Key_Space)
    race.until(lambda: race.player.head > 20)


SMALL = {"hidden": (8, 8), "batch": 50, "evaluate": 1}
PANELS: dict[str, Configuration] = {
    preset.panel: preset.configuration(values)
    for preset, values in (
        (PRESETS["optimizer-mnist"], {**SMALL, "batchnorm": True, "iterations": 400}),
        (PRESETS["batchnorm-grid"], {**SMALL, "lanes": ("sigma-1-bn", "sigma-1-plain"), "iterations": 400}),
        (PRESETS["regularization"], {**SMALL, "iterations": 400}),
        (PRESETS["random-search"], {**SMALL, "trials": 4, "epochs": 60}),
    )
}


@pytest.mark.parametrize("key", PANELS)
def test_images_of_another_size_train_in_every_panel(
    user: User, pick_folder: Callable[..., None], tmp_path: Path, key: str
) -> None:
    user.window.settings.save_configuration(key, PANELS[key])
    user.open(key)
    user.press(KEY.Key_Space)
    user.until(lambda: user.player.head > 3)
    pick_folder(user, write_set(tmp_path / "wide"))
    user.until(lambda: said(user).startswith("The folder wide is in use: 300 images"))
    user.until_phase(Phase.PAUSED)
    user.press(KEY.Key_Space)
    user.until_phase(Phase.FINISHED)
    assert said(user).startswith("The folder wide is in use")
    written = export_panel(user.panel, Request(WHOLE, "json", tmp_path, key))
    assert '"data": "wide: 300 training and 300 test images of 5x64, sha256 ' in written[0].read_text(encoding="utf-8")


def test_layers_are_watched_while_other_images_are_learned(
    race: User, pick_folder: Callable[..., None], tmp_path: Path
) -> None:
    race.open("activations")
    race.choose("source", "training race, live")
    race.until(lambda: race.panel.view.isVisible() and race.panel.player.status.phase is Phase.RUNNING)
    pick_folder(race, write_set(tmp_path / "wide"))
    race.until(lambda: said(race).startswith("The folder wide"))
    race.until_phase(Phase.PAUSED)
    race.panel.setFocus()
    race.press(KEY.Key_Space)
    race.until(lambda: race.player.head > 20)
    race.until(lambda: race.panel.shown_frame() is not None)
    assert said(race).startswith("The folder wide is in use")


# The page.


def page_of(window: MainWindow) -> DataPage:
    found = window.findChild(DataPage)
    assert found is not None
    return found


def open_page(user: User) -> DataPage:
    """Open the page with its key and wait until the images are there."""
    user.control(KEY.Key_D)
    page = page_of(user.window)
    user.until(page.grid.isVisible)
    return page


def test_the_page_opens_from_key_rail_and_menu(user: User) -> None:
    page = open_page(user)
    assert user.window.stack.currentWidget() is page and user.find("open-data").isChecked()
    assert user.window.windowTitle() == "Data – Trainscope" and page.title.text() == "Data: bundled sample"
    for way in (lambda: user.click("open-data"), lambda: pick(user, "look-at-data"), lambda: user.control(KEY.Key_D)):
        user.control(KEY.Key_2)
        assert not page.isVisible() and not user.find("open-data").isChecked()
        way()
        assert page.isVisible() and user.find("open-data").isChecked()


def test_the_page_follows_the_data(user: User, served: Callable[..., MnistServer]) -> None:
    page = open_page(user)
    served("fine")
    use_full(user)
    assert page.title.text() == "Data: full MNIST"
    user.until(lambda: page.grid.isVisible() and page.grid.sheet().overview.train.counts.sum() == 200)
    user.control(KEY.Key_Z)
    assert page.title.text() == "Data: bundled sample"
    user.until(lambda: page.grid.isVisible() and page.grid.sheet().overview.train.counts.sum() == 4000)


def test_keys_on_the_page_do_not_reach_a_panel_behind_it(race: User) -> None:
    player = race.player
    page = open_page(race)
    assert page.isAncestorOf(QApplication.focusWidget())
    race.press(KEY.Key_Space)
    race.press(KEY.Key_Home)
    assert player.status.phase is Phase.RUNNING
    head = player.status.position
    race.until(lambda: player.status.position > head)
    race.control(KEY.Key_2)
    assert race.panel.entry.key == "training" and race.panel.isAncestorOf(QApplication.focusWidget())
    race.press(KEY.Key_Space)
    race.until_phase(Phase.PAUSED)


def test_the_page_follows_the_theme(user: User) -> None:
    page = open_page(user)
    try:
        user.window.set_theme("dark")
        assert ink(grabbed(page.grid), theme.DARK.plot_background, 2) > 20_000
    finally:
        user.window.set_theme("light")
    assert ink(grabbed(page.grid), theme.LIGHT.plot_background, 2) > 20_000


def test_the_page_is_a_picture(user: User) -> None:
    page = open_page(user)
    picture = page.picture()
    assert (picture.width(), picture.height()) == (2 * page.width(), 2 * page.height())
    assert picture.pixelColor(2, 2) == grabbed(page).pixelColor(1, 1)
    corner = page.grid.mapTo(page, QPoint(2, 2))
    assert picture.pixelColor(2 * corner.x(), 2 * corner.y()).name() == theme.LIGHT.plot_background.lower()
