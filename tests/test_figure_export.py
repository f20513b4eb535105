"""Figures as files: right size, text as text, curves as curves and inside their plot; whole or not at all."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import numpy as np
import pyqtgraph as pg
import pytest
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QImage

from core.export import whole_file
from core.surfaces import SURFACES
from gui.contours import SurfacePicture
from gui.export import ExportError, FigureFormat, export_figure, figure_image
from gui.items import PathTrace, StepHistogram, Trace
from gui.legend import LegendEntry
from gui.plots import DARK, LIGHT, make_plot

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LEGEND = (LegendEntry("SGD", "#0072B2", "o"), LegendEntry("Adam", "#56B4E9", "D"))
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def view(qtbot: object) -> Iterator[pg.GraphicsLayoutWidget]:
    """A view, never shown, with a plot of two curves and one of a histogram."""
    view = pg.GraphicsLayoutWidget()
    view.setBackground(LIGHT.background)
    left = make_plot(view.ci, 0, 0, title="Training loss", x_label="iteration", y_label="loss")
    steps = np.arange(8000)
    for entry, rate in zip(LEGEND, (2000.0, 700.0), strict=True):
        trace = Trace(entry.colour, 2)
        trace.setData(4.0 * np.exp(-steps / rate))
        left.addItem(trace)
    left.setRange(xRange=(0, 8000), yRange=(0, 2), padding=0)
    right = make_plot(view.ci, 0, 1, title="Layer 1", x_label="activation")
    histogram = StepHistogram("#009E73")
    histogram.setData(np.array([1.0, 3.0, 2.0]), np.array([0.0, 1.0, 2.0, 3.0]))
    right.addItem(histogram)
    right.setRange(xRange=(0, 3), yRange=(0, 4), padding=0)
    view.plots = (left, right)
    yield view
    view.close()


def array(image: QImage) -> np.ndarray:
    """A picture as (height, width, 3), red first."""
    image = image.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).astype(float)


def has(picture: np.ndarray, colour: str, tolerance: float = 12.0) -> bool:
    wanted = QColor(colour)
    rgb = np.array([wanted.red(), wanted.green(), wanted.blue()], dtype=float)
    return bool((np.abs(picture - rgb).max(axis=-1) < tolerance).any())


def texts(svg: ElementTree.Element) -> list[str]:
    return [(node.text or "").strip() for node in svg.iter(f"{SVG}text")]


def numbers(text: str) -> list[float]:
    return [float(value) for value in re.findall(r"-?\d+(?:\.\d+)?(?:e-?\d+)?", text)]


@pytest.mark.parametrize("scale", [1.0, 1.5, 3.0])
def test_a_png_has_the_size_asked_for_and_the_legend_above_the_plots(
    view: pg.GraphicsLayoutWidget, tmp_path: Path, scale: float
) -> None:
    path = tmp_path / "loss.png"
    export_figure(view, path, size=(800, 400), scale=scale, legend=LEGEND)
    image = QImage(str(path))
    assert (image.width(), image.height()) == (round(800 * scale), round(400 * scale))
    assert round(image.dotsPerMeterX() * 0.0254) == round(96 * scale)
    picture = array(image)
    strip = picture[: round(34 * scale)]
    for entry in LEGEND:
        assert has(strip, LIGHT.lane(entry.colour))
        assert has(picture[strip.shape[0] :], LIGHT.lane(entry.colour))
    assert has(strip, LIGHT.foreground, 60.0)
    assert picture[0, 0].tolist() == [255.0, 255.0, 255.0]


def test_a_file_has_the_same_ticks_at_any_resolution(view: pg.GraphicsLayoutWidget) -> None:
    small = array(figure_image(view, (800, 400), 1.0))
    large = array(figure_image(view, (800, 400), 3.0))
    shrunk = large.reshape(400, 3, 800, 3, 3).mean(axis=(1, 3))
    # Text and lines lie at the same places; only their edges differ.
    differing = (np.abs(small - shrunk).max(axis=-1) > 130.0).mean()
    assert differing < 0.004


def test_an_svg_has_texts_as_text_curves_as_curves_and_clips_them(
    view: pg.GraphicsLayoutWidget, tmp_path: Path
) -> None:
    path = tmp_path / "loss.svg"
    export_figure(view, path, size=(800, 400), legend=LEGEND)
    svg = ElementTree.parse(path).getroot()
    assert (svg.get("width"), svg.get("height"), svg.get("viewBox")) == ("800", "400", "0 0 800 400")
    shown = texts(svg)
    for wanted in ("SGD", "Adam", "Training loss", "Layer 1", "iteration", "loss", "0.5", "1.5", "8,000", "3"):
        assert wanted in shown
    assert not list(svg.iter(f"{SVG}image"))
    families = {node.get("font-family") for node in svg.iter(f"{SVG}text")}
    assert len(families) == 1 and "Sans Serif" not in families
    strokes = [group for group in svg.iter(f"{SVG}g") if group.get("stroke") == LIGHT.lane("#56B4E9").lower()]
    assert any(len(numbers(node.get("d", ""))) > 500 for group in strokes for node in group.iter(f"{SVG}path"))


def _clips(svg: ElementTree.Element) -> dict[str, QRectF]:
    """The clip rectangles of an SVG file by their names."""
    found = {}
    for clip in svg.iter(f"{SVG}clipPath"):
        values = numbers(next(iter(clip)).get("d", ""))
        x, y = values[::2], values[1::2]
        found[f"url(#{clip.get('id')})"] = QRectF(min(x), min(y), max(x) - min(x), max(y) - min(y))
    return found


def _offset(group: ElementTree.Element) -> tuple[float, float]:
    """Where a group's coordinates begin."""
    matrix = numbers(group.get("transform", "matrix(1,0,0,1,0,0)"))
    return matrix[4], matrix[5]


def test_in_an_svg_no_text_is_clipped_away_and_the_curve_is_clipped_to_its_plot(
    view: pg.GraphicsLayoutWidget, tmp_path: Path
) -> None:
    path = tmp_path / "loss.svg"
    export_figure(view, path, size=(800, 400), legend=LEGEND)
    svg = ElementTree.parse(path).getroot()
    clips = _clips(svg)
    seen = 0
    for outer in svg.iter(f"{SVG}g"):
        clip = clips.get(outer.get("clip-path", ""))
        if clip is None:
            continue
        for group in outer:
            dx, dy = _offset(group)
            matrix = numbers(group.get("transform", "matrix(1,0,0,1,0,0)"))
            for text in group.iter(f"{SVG}text"):
                x, y = float(text.get("x", 0)), float(text.get("y", 0))
                place = (matrix[0] * x + matrix[2] * y + dx, matrix[1] * x + matrix[3] * y + dy)
                assert clip.adjusted(-1, -1, 1, 1).contains(*place), (text.text, place, clip)
                seen += 1
            if group.get("stroke") == LIGHT.lane("#56B4E9").lower() and group.get("stroke-width") != "2":
                assert clip.width() < 400 and clip.height() < 340
                seen += 100
    assert seen > 110


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext (poppler-utils) is not installed")
def test_a_pdf_has_its_texts(view: pg.GraphicsLayoutWidget, tmp_path: Path) -> None:
    path = tmp_path / "loss.pdf"
    export_figure(view, path, size=(800, 400), legend=LEGEND)
    text = subprocess.run(["pdftotext", "-layout", path, "-"], capture_output=True, text=True, check=True).stdout
    for wanted in ("SGD", "Adam", "Training loss", "Layer 1", "iteration", "0.5", "1.5", "8,000"):
        assert wanted in text


@pytest.mark.skipif(shutil.which("pdftoppm") is None, reason="pdftoppm (poppler-utils) is not installed")
def test_a_pdf_looks_like_the_png(view: pg.GraphicsLayoutWidget, tmp_path: Path) -> None:
    path = tmp_path / "loss.pdf"
    export_figure(view, path, size=(800, 400), legend=LEGEND)
    subprocess.run(["pdftoppm", "-r", "192", "-png", "-singlefile", path, tmp_path / "page"], check=True)
    page = array(QImage(str(tmp_path / "page.png")))
    png = array(figure_image(view, (800, 400), 2.0, legend=LEGEND))
    assert page.shape == png.shape
    coarse = (png - page).reshape(50, 16, 100, 16, 3).mean(axis=(1, 3))
    assert np.abs(coarse).max() < 40.0
    assert np.abs(coarse).mean() < 1.0


def test_a_pdf_is_one_and_equal_figures_are_equal_files(view: pg.GraphicsLayoutWidget, tmp_path: Path) -> None:
    for kind in FigureFormat:
        first, second = tmp_path / f"first.{kind.value}", tmp_path / f"second.{kind.value}"
        export_figure(view, first, size=(600, 300), legend=LEGEND)
        export_figure(view, second, size=(600, 300), legend=LEGEND)
        assert first.read_bytes() == second.read_bytes()
    data = (tmp_path / "first.pdf").read_bytes()
    assert data.startswith(b"%PDF") and b"MediaBox [0 0 450.000000 225.000000]" in data.replace(b"\n", b" ")


@pytest.mark.parametrize("shown", [False, True])
def test_exporting_leaves_the_screen_as_it_was(
    view: pg.GraphicsLayoutWidget, tmp_path: Path, qtbot: pytest.FixtureRequest, shown: bool
) -> None:
    view.resize(700, 380)
    if shown:
        view.show()
        qtbot.waitExposed(view)
    view.plots[1].vb.setAspectLocked(True)
    before = array(view.grab().toImage()), [plot.viewRange() for plot in view.plots], view.size()
    export_figure(view, tmp_path / "a.png", size=(1200, 500), legend=LEGEND, colours=DARK)
    export_figure(view.plots[0], tmp_path / "b.svg", size=(400, 400))
    assert view.size() == before[2] and view.updatesEnabled()
    for plot, ranges in zip(view.plots, before[1], strict=True):
        np.testing.assert_allclose(plot.viewRange(), ranges, rtol=1e-9)
    np.testing.assert_array_equal(array(view.grab().toImage()), before[0])


def test_one_plot_is_exported_without_its_neighbour(view: pg.GraphicsLayoutWidget, tmp_path: Path) -> None:
    path = tmp_path / "one.svg"
    export_figure(view.plots[1], path, size=(400, 300))
    shown = texts(ElementTree.parse(path).getroot())
    assert "Layer 1" in shown and "Training loss" not in shown
    picture = array(figure_image(view.plots[1], (400, 300)))
    assert has(picture, "#009E73") and not has(picture, "#0072B2")


def test_a_figure_may_have_other_colours_than_the_screen_or_no_page(
    view: pg.GraphicsLayoutWidget, tmp_path: Path
) -> None:
    export_figure(view, tmp_path / "dark.png", size=(600, 300), colours=DARK, legend=LEGEND)
    dark = array(QImage(str(tmp_path / "dark.png")))
    assert has(dark[:3, :3], DARK.background, 1.0) and has(dark, DARK.foreground, 30.0)
    assert all(plot.colours == LIGHT for plot in view.plots)
    export_figure(view, tmp_path / "clear.png", size=(600, 300), transparent=True)
    clear = QImage(str(tmp_path / "clear.png"))
    assert clear.pixelColor(0, 0).alpha() == 0 and clear.pixelColor(300, 150).alpha() < 255


def test_a_map_is_a_picture_in_a_vector_file_but_lines_and_paths_are_not(qtbot: object, tmp_path: Path) -> None:
    view = pg.GraphicsLayoutWidget()
    plot = make_plot(view.ci, 0, 0)
    plot.addItem(SurfacePicture(SURFACES["rosenbrock"]))
    trace = PathTrace("#D55E00", "x")
    trace.setData(np.array([[-1.0, 1.0], [0.0, 0.0], [1.0, 1.0]]))
    plot.addItem(trace)
    plot.setRange(xRange=(-2, 2), yRange=(-1, 3), padding=0)
    export_figure(view, tmp_path / "map.svg", size=(500, 400))
    view.close()
    svg = ElementTree.parse(tmp_path / "map.svg").getroot()
    assert len(list(svg.iter(f"{SVG}image"))) == 1
    longest = max(len(node.get("d", "")) for node in svg.iter(f"{SVG}path"))
    assert longest > 10_000
    assert any(group.get("fill") == "#d55e00" for group in svg.iter(f"{SVG}g"))


@pytest.mark.parametrize("kind", list(FigureFormat))
def test_a_folder_that_is_missing_or_a_file_is_named_in_one_line(
    view: pg.GraphicsLayoutWidget, tmp_path: Path, kind: FigureFormat
) -> None:
    (tmp_path / "file").write_bytes(b"")
    for folder in ("missing", "file"):
        path = tmp_path / folder / f"loss.{kind.value}"
        with pytest.raises(ExportError, match=f"loss.{kind.value}: cannot be written: ") as caught:
            export_figure(view, path, size=(300, 200))
        assert "\n" not in str(caught.value)
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_a_target_that_is_a_folder_stays_and_nothing_is_left(view: pg.GraphicsLayoutWidget, tmp_path: Path) -> None:
    path = tmp_path / "loss.png"
    path.mkdir()
    with pytest.raises(ExportError):
        export_figure(view, path, size=(300, 200))
    assert [entry.name for entry in tmp_path.iterdir()] == ["loss.png"]


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "loss.png"
    path.write_bytes(b"old")

    def full(source: str, target: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(ExportError, match="No space left on device"):
        with whole_file(path) as file:
            file.write(b"new")
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["loss.png"]


def test_an_unknown_ending_and_a_size_that_cannot_be_are_refused(view: pg.GraphicsLayoutWidget, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="png, svg, pdf"):
        export_figure(view, tmp_path / "loss.gif")
    for size, scale in (((0, 100), 1.0), ((100_000, 100), 1.0), ((8000, 100), 4.0)):
        with pytest.raises(ValueError, match="size"):
            export_figure(view, tmp_path / "loss.png", size=size, scale=scale)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write into any folder")
def test_a_folder_that_may_not_be_written_to_is_named(view: pg.GraphicsLayoutWidget, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(ExportError, match="Permission denied"):
        export_figure(view, tmp_path / "loss.png", size=(300, 200))
    tmp_path.chmod(0o700)
    assert not list(tmp_path.iterdir())
