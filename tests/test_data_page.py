"""The page of the data, with mouse and keyboard: what it counts, what it shows large, what it says of odd data sets."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QRadioButton, QWidget

from core.datasets import Dataset, load_idx_folder
from gui import data_page, theme
from gui.data_page import DataPage
from gui.data_parts import POINT_AT_A_PIXEL, fitted, image_of, ink
from tests.gui_helpers import User, grabbed, pixels, write_idx

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gui.data_sheet import Cell

KEY = Qt.Key


class Reader(User):
    """Someone at the page, which is a window of its own here."""

    def __init__(self, page: DataPage, qtbot: Any) -> None:
        super().__init__(SimpleNamespace(current=lambda: page, findChild=page.findChild), qtbot)  # type: ignore[arg-type]
        self.page = page

    def spot(self, cell: Cell) -> QPoint:
        return self.page.grid.places().image(cell).center().toPoint()

    def choose_cell(self, cell: Cell) -> None:
        self.click(self.page.grid, self.spot(cell))

    def text(self, name: str) -> str:
        label = self.page.findChild(QLabel, name)
        assert label is not None and label.isVisible(), name
        return label.text()

    def shown(self) -> np.ndarray:
        return self.page.pixels.picture().values

    def index(self, row: int, column: int) -> int:
        sheet = self.page.grid.sheet()
        assert sheet is not None
        return int(sheet.examples[row, column - 1])


@pytest.fixture
def reader(qtbot: Any) -> Reader:
    page = DataPage()
    page.set_theme(theme.LIGHT)
    qtbot.addWidget(page)
    page.resize(1182, 776)
    page.show()
    page.activateWindow()
    qtbot.waitUntil(page.isActiveWindow)
    return Reader(page, qtbot)


@pytest.fixture
def looking(reader: Reader) -> Callable[[Dataset], Reader]:
    """Show a data set and wait until it is on screen."""

    def show(dataset: Dataset) -> Reader:
        reader.page.show_dataset(dataset)
        reader.until(reader.page.grid.isVisible)
        QApplication.processEvents()
        return reader

    return show


@pytest.fixture
def at_sample(looking: Callable[[Dataset], Reader], sample: Dataset) -> Reader:
    return looking(sample)


def made(labels: list[int], test_labels: list[int], shape: tuple[int, int] = (28, 28), name: str = "made") -> Dataset:
    rng = np.random.default_rng(1)
    images, tests = (rng.integers(0, 256, (len(part), shape[0] * shape[1]), np.uint8) for part in (labels, test_labels))
    return Dataset(name, images, np.array(labels), tests, np.array(test_labels), shape)


def test_before_any_data_it_says_so(reader: Reader) -> None:
    assert reader.text("data-word") == "There are no data yet."
    assert not reader.find("data-other").isEnabled()
    assert reader.page.objectName() == "data"


def test_it_says_name_and_sizes(at_sample: Reader) -> None:
    assert at_sample.text("data-title") == "Data: bundled sample"
    expected = "4,000 training and 1,000 test images of 28×28 pixels, labels 0 to 9"
    assert at_sample.text("data-facts") == expected


def test_it_says_how_many_pixels_networks_leave_out(at_sample: Reader, sample: Dataset) -> None:
    both = np.concatenate([sample.train_images, sample.test_images])
    unused = sum(1 for pixel in both.T if not pixel.any())
    words = at_sample.text("data-unused").replace("\u00a0", " ")
    assert words.startswith(f"{unused} of 784 pixels ({100 * unused / 784:.1f} %) are 0 in every image")
    assert words.endswith(f"and have {784 - unused} inputs.")


def test_the_mask_covers_the_pixels_never_used(at_sample: Reader, sample: Dataset) -> None:
    picture, mask = pixels(grabbed(at_sample.page.left_out)), at_sample.page.left_out
    colour = [int(theme.LIGHT.accent[i : i + 2], 16) for i in (1, 3, 5)]
    used = set(sample.used_pixels().tolist())
    rect = fitted(mask.rect().toRectF().adjusted(1, 1, -1, -1), (28, 28))
    side = rect.width() / 28
    for pixel in range(784):
        x, y = rect.left() + (pixel % 28 + 0.5) * side, rect.top() + (pixel // 28 + 0.5) * side
        assert (picture[int(y), int(x)].tolist() == colour) == (pixel not in used), pixel


def test_each_row_has_examples_of_its_class(at_sample: Reader, sample: Dataset) -> None:
    sheet = at_sample.page.grid.sheet()
    assert sheet is not None and sheet.columns >= 6
    for row in range(10):
        assert (sample.train_labels[sheet.examples[row]] == row).all()


def test_a_cell_is_painted_as_the_image_is(at_sample: Reader, sample: Dataset) -> None:
    picture, places = pixels(grabbed(at_sample.page.grid)), at_sample.page.grid.places()
    table = np.array([[value >> shift & 255 for shift in (16, 8, 0)] for value in ink(theme.LIGHT)])
    rect = places.image((7, 3)).toRect()
    scale = rect.width() // 28
    dots = picture[rect.top() : rect.top() + 28 * scale, rect.left() : rect.left() + 28 * scale]
    expected = sample.train_images[at_sample.index(7, 3)].reshape(28, 28)
    middle = dots[scale // 2 :: scale, scale // 2 :: scale][1:-1, 1:-1]  # the outermost have the frame on them
    np.testing.assert_array_equal(middle, table[expected][1:-1, 1:-1])


def test_a_click_shows_an_image_large(at_sample: Reader, sample: Dataset) -> None:
    at_sample.choose_cell((4, 2))
    index = at_sample.index(4, 2)
    assert at_sample.text("data-chosen") == f"Training image {index:,} · label 4"
    np.testing.assert_array_equal(at_sample.shown().ravel(), sample.train_images[index])


def test_a_click_on_a_mean_shows_it_large(at_sample: Reader, sample: Dataset) -> None:
    at_sample.choose_cell((3, 0))
    assert at_sample.text("data-chosen") == "Mean of label 3 · 400 training images"
    expected = sample.train_images[sample.train_labels == 3].mean(axis=0)
    np.testing.assert_allclose(at_sample.shown().ravel(), expected, rtol=1e-5)
    at_sample.choose_cell((10, 0))
    assert at_sample.text("data-chosen") == "Mean of all 4,000 training images"


def test_a_click_beside_the_images_changes_nothing(at_sample: Reader) -> None:
    at_sample.choose_cell((4, 2))
    at_sample.click(at_sample.page.grid, QPoint(60, 200))
    assert at_sample.page.grid.cell() == (4, 2)


def test_hovering_says_index_and_label(at_sample: Reader) -> None:
    grid = at_sample.page.grid
    at_sample.move_to(grid, at_sample.spot((8, 4)))
    words = f"training image {at_sample.index(8, 4):,} · label 8"
    at_sample.until(lambda: grid.said() == words)
    assert words in grid.toolTip()
    at_sample.move_to(grid, QPoint(60, 200))
    at_sample.until(lambda: grid.said().startswith("O shows others"))
    assert grid.toolTip() == ""


def test_the_pixel_under_the_mouse_is_read(at_sample: Reader, sample: Dataset) -> None:
    at_sample.choose_cell((6, 1))
    image = sample.train_images[at_sample.index(6, 1)].reshape(28, 28)
    large = at_sample.page.pixels
    for row, column in ((0, 0), (14, 13), (20, 9), (27, 27)):
        at_sample.move_to(large, large.place(row, column))
        words = f"row {row}, column {column}: {image[row, column]}"
        at_sample.until(lambda words=words: at_sample.text("data-value") == words)
    at_sample.move_to(at_sample.page.grid, QPoint(60, 200))
    at_sample.until(lambda: at_sample.text("data-value") == POINT_AT_A_PIXEL)


def test_pixels_are_read_with_the_keyboard(at_sample: Reader, sample: Dataset) -> None:
    at_sample.choose_cell((10, 0))
    at_sample.page.pixels.setFocus()
    mean = sample.train_images.mean(axis=0).reshape(28, 28)
    for key, row, column in (
        (KEY.Key_Left, 14, 14),
        (KEY.Key_Left, 14, 13),
        (KEY.Key_Up, 13, 13),
        (KEY.Key_Right, 13, 14),
        (KEY.Key_Down, 14, 14),
    ):
        at_sample.press(key)
        assert at_sample.text("data-value") == f"row {row}, column {column}: {mean[row, column]:.1f}"
    for _ in range(30):
        at_sample.press(KEY.Key_Right)
    assert at_sample.text("data-value").startswith("row 14, column 27:")


def test_arrow_keys_choose_an_image(at_sample: Reader) -> None:
    grid = at_sample.page.grid
    at_sample.page.setFocus()
    assert QApplication.focusWidget() is grid
    last = grid.places().columns
    for key, cell in (
        (KEY.Key_Right, (0, 2)),
        (KEY.Key_Down, (1, 2)),
        (KEY.Key_End, (1, last)),
        (KEY.Key_Right, (1, last)),
        (KEY.Key_Home, (1, 0)),
        (KEY.Key_PageDown, (10, 0)),
        (KEY.Key_Down, (10, 0)),
        (KEY.Key_Up, (9, 0)),
        (KEY.Key_PageUp, (0, 0)),
        (KEY.Key_Left, (0, 0)),
    ):
        at_sample.press(key)
        assert grid.cell() == cell, key
    assert grid.accessibleDescription() == "mean of label 0 · 400 training images"


def test_the_test_images_have_rows_of_their_own(at_sample: Reader, sample: Dataset) -> None:
    at_sample.choose_cell((5, 1))
    at_sample.click("data-test", QPoint(8, at_sample.find("data-test").height() // 2))
    index = at_sample.index(5, 1)
    assert at_sample.text("data-chosen") == f"Test image {index:,} · label 5"
    assert sample.test_labels[index] == 5
    np.testing.assert_array_equal(at_sample.shown().ravel(), sample.test_images[index])
    at_sample.press(KEY.Key_Left)
    assert at_sample.find("data-training").isChecked()
    assert at_sample.text("data-chosen") == f"Training image {at_sample.index(5, 1):,} · label 5"


def test_the_button_and_the_key_show_others_and_those_before(at_sample: Reader) -> None:
    grid = at_sample.page.grid
    at_sample.page.setFocus()

    def shown() -> list[list[int]]:
        sheet = grid.sheet()
        assert sheet is not None
        return sheet.examples.tolist()

    first = shown()
    at_sample.click("data-other")
    second = shown()
    at_sample.press(KEY.Key_O)
    third = shown()
    assert all(set(a).isdisjoint(b) for a, b in zip(first, second, strict=True))
    assert all(set(b).isdisjoint(c) for b, c in zip(second, third, strict=True))
    at_sample.press(KEY.Key_O, Qt.KeyboardModifier.ShiftModifier)
    assert shown() == second
    at_sample.press(KEY.Key_O, Qt.KeyboardModifier.ShiftModifier)
    assert shown() == first
    assert at_sample.text("data-chosen") == f"Training image {first[0][0]:,} · label 0"


def test_a_wider_window_shows_more_and_keeps_those_that_were_there(at_sample: Reader) -> None:
    grid = at_sample.page.grid
    at_sample.choose_cell((9, grid.places().columns))
    before = grid.sheet()
    at_sample.page.resize(1700, 776)
    at_sample.until(lambda: grid.sheet().columns > before.columns)
    np.testing.assert_array_equal(grid.sheet().examples[:, : before.columns], before.examples)
    assert grid.cell() == (9, before.columns)
    at_sample.page.resize(900, 776)
    at_sample.until(lambda: grid.sheet().columns < before.columns)
    assert grid.cell() == (9, grid.sheet().columns)


def test_missing_classes_are_seen(looking: Callable[[Dataset], Reader]) -> None:
    reader = looking(made([0, 1, 2, 4, 5, 6, 7, 8, 9] * 30, [0, 1, 3, 9] * 5))
    sheet, grid, warning = reader.page.grid.sheet(), reader.page.grid, theme.LIGHT.warning
    assert sheet is not None and (sheet.examples[3] == -1).all()
    colour = [int(warning[i : i + 2], 16) for i in (1, 3, 5)]

    def warned(row: int) -> int:
        line = grid.places().line(row).toRect()
        rows = pixels(grabbed(grid))[line.top() : line.bottom()]
        return int((np.abs(rows.astype(int) - colour) < 40).all(axis=2).sum())

    assert warned(3) > 60 and warned(2) > 0 and warned(0) == warned(9) == 0
    reader.page.setFocus()
    for _ in range(3):
        reader.press(KEY.Key_Down)
    assert grid.cell() == (4, 1)  # there is nothing to choose in row 3
    reader.click(grid, reader.spot((3, 1)))
    assert grid.cell() == (4, 1)


def test_one_image_a_class_are_all_there_are(looking: Callable[[Dataset], Reader]) -> None:
    reader = looking(made(list(range(10)), list(range(10))))
    assert not reader.find("data-other").isEnabled()
    assert reader.page.grid.said() == "These are all there are."
    before = reader.page.grid.sheet()
    reader.page.setFocus()
    reader.press(KEY.Key_O)
    assert reader.page.grid.sheet() is before
    assert reader.text("data-unused") == (
        "Each of the 784 pixels is used by some image, so networks have them all as inputs."
    )


def test_a_selection_falls_back_to_what_is_there(looking: Callable[[Dataset], Reader]) -> None:
    reader = looking(made(list(range(10)) * 5, [0, 1]))
    reader.choose_cell((7, 5))
    reader.click("data-test", QPoint(8, 8))
    assert reader.page.grid.cell() == (10, 0)
    assert reader.text("data-chosen") == "Mean of all 2 test images"


@pytest.mark.parametrize("shape", [(5, 64), (64, 5), (64, 64), (1, 1), (6, 6)])
@pytest.mark.parametrize("size", [(1182, 776), (780, 480), (1822, 1056)])
def test_images_of_any_size_have_their_places(
    looking: Callable[[Dataset], Reader], shape: tuple[int, int], size: tuple[int, int]
) -> None:
    reader = looking(made(list(range(10)) * 4, list(range(10)), shape))
    reader.page.resize(*size)
    reader.until(lambda: (reader.page.width(), reader.page.height()) == size)
    places = reader.page.grid.places()
    cells = [(row, column) for row in range(10) for column in range(places.columns + 1)]
    rects = {cell: places.image(cell) for cell in cells}
    for (row, column), rect in rects.items():
        assert rect.width() / shape[1] == pytest.approx(rect.height() / shape[0])
        assert places.at(rect.center()) == (row, column)
        assert not rect.intersects(rects.get((row + 1, column), rects[0, 0].translated(0, -999)))
        assert not rect.intersects(rects.get((row, column + 1), rects[0, 0].translated(0, -999)))
    reader.choose_cell((9, 1))
    assert reader.shown().shape == shape
    grabbed_size = grabbed(reader.page).size()
    assert (grabbed_size.width(), grabbed_size.height()) == size


def test_a_folder_is_looked_at_by_its_name(looking: Callable[[Dataset], Reader], tmp_path: Path) -> None:
    name = "a folder with a name that no window is wide enough for " * 4
    reader = looking(load_idx_folder(write_idx(tmp_path / name.strip())))
    title = reader.find("data-title")
    assert title.text() == f"Data: {name.strip()}"
    assert title.shown_text().endswith("…") and name.strip() in title.toolTip()
    assert reader.page.width() == 1182


def test_both_looks_have_ink_on_their_own_page(at_sample: Reader) -> None:
    for found in (theme.DARK, theme.LIGHT):
        at_sample.page.set_theme(found)
        picture = grabbed(at_sample.page.grid)
        assert picture.pixelColor(3, 3).name() == found.plot_background.lower()
        assert image_of(np.zeros((1, 1), np.uint8), found).pixelColor(0, 0).name() == found.plot_background.lower()
        strongest = image_of(np.full((1, 1), 255, np.uint8), found).pixelColor(0, 0)
        assert (strongest.lightness() > 250) == found.dark
        assert (strongest.lightness() < 30) == (not found.dark)


def test_while_it_is_looked_at_the_page_says_so(
    reader: Reader, sample: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, survey = threading.Event(), data_page.survey

    def slow(dataset: Dataset) -> Any:
        gate.wait(10)
        return survey(dataset)

    monkeypatch.setattr(data_page, "survey", slow)
    reader.page.show_dataset(sample)
    assert reader.text("data-word") == "Looking at 5,000 images …"
    assert reader.text("data-title") == "Data: bundled sample"
    assert not reader.find("data-other").isEnabled()
    reader.page.show_dataset(made([1] * 10, [2], name="another"))
    assert reader.text("data-word") == "Looking at 11 images …"
    gate.set()
    reader.until(reader.page.grid.isVisible)
    sheet = reader.page.grid.sheet()
    assert sheet is not None and sheet.overview.name == "another"
    assert reader.find("data-other").isEnabled()


def test_a_page_may_go_while_its_data_are_looked_at(
    qtbot: Any, sample: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, survey, ended = threading.Event(), data_page.survey, threading.Event()

    def slow(dataset: Dataset) -> Any:
        gate.wait(10)
        found = survey(dataset)
        ended.set()
        return found

    monkeypatch.setattr(data_page, "survey", slow)
    page = DataPage()
    page.show_dataset(sample)
    with qtbot.waitSignal(page.destroyed):
        page.deleteLater()
    gate.set()
    qtbot.waitUntil(ended.is_set)
    assert ended.is_set()


def test_what_cannot_be_looked_at_is_one_line_and_can_be_tried_again(
    reader: Reader, sample: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(dataset: Dataset) -> Any:
        raise MemoryError("Unable to allocate\n3 GiB")

    with monkeypatch.context() as patch:
        patch.setattr(data_page, "survey", refuse)
        reader.page.show_dataset(sample)
        reader.until(lambda: "cannot be looked at" in reader.text("data-word"))
    assert reader.text("data-word") == "These images cannot be looked at: Unable to allocate 3 GiB"
    assert not reader.page.grid.isVisible()
    reader.page.show_dataset(sample)
    reader.until(reader.page.grid.isVisible)
    assert reader.text("data-title") == "Data: bundled sample"


def test_the_same_data_keep_their_place_and_others_begin_anew(at_sample: Reader, sample: Dataset) -> None:
    at_sample.choose_cell((4, 2))
    at_sample.page.show_dataset(sample)
    assert at_sample.page.grid.cell() == (4, 2)
    at_sample.click("data-test", QPoint(8, 8))
    at_sample.page.show_dataset(made([1] * 10, [2] * 10, name="another"))
    at_sample.until(lambda: at_sample.page.grid.sheet().overview.name == "another")
    assert at_sample.find("data-training").isChecked()
    assert at_sample.page.grid.cell() == (1, 1)


def test_sixty_thousand_images_are_shown(looking: Callable[[Dataset], Reader]) -> None:
    rng = np.random.default_rng(0)
    images, tests = (rng.integers(0, 256, (count, 784), np.uint8) for count in (60_000, 10_000))
    reader = looking(Dataset("full", images, np.arange(60_000) % 10, tests, np.arange(10_000) % 10))
    reader.choose_cell((10, 0))
    assert reader.text("data-chosen") == "Mean of all 60,000 training images"
    np.testing.assert_allclose(reader.shown()[0, :9], images[:, :9].mean(axis=0), rtol=1e-6)


def test_tab_reaches_everything_and_all_of_it_has_a_name(at_sample: Reader) -> None:
    at_sample.page.setFocus()
    reached = []
    for _ in range(6):
        at_sample.press(KEY.Key_Tab)
        widget = QApplication.focusWidget()
        assert isinstance(widget, QWidget)
        reached.append(widget.objectName())
        assert widget.accessibleName() or isinstance(widget, QPushButton | QRadioButton), widget
    assert {"data-training", "data-other", "data-grid", "data-pixels"} <= set(reached)
    at_sample.find("data-other").setFocus()
    before = at_sample.index(0, 1)
    QTest.keyClick(at_sample.find("data-other"), KEY.Key_Space)
    assert at_sample.index(0, 1) != before


def test_its_icon_is_drawn_in_the_look(qapp: QApplication) -> None:
    for found in (theme.LIGHT, theme.DARK):
        dots = pixels(theme.icon("data", found).pixmap(24, 24).toImage())
        wanted = [int(found.text[i : i + 2], 16) for i in (1, 3, 5)]
        assert (np.abs(dots.astype(int) - wanted) < 24).all(axis=2).sum() > 40
