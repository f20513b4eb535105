"""Pictures from the command line: a process without a display writes them, and they show the run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtSvg import QSvgRenderer

from core.optimizers import OPTIMIZERS
from core.presets import PRESETS, SIX
from gui.tints import on_page
from tests.gui_helpers import ink, pixels

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.usefixtures("qapp")  # rendering an SVG needs fonts
RSVG = shutil.which("rsvg-convert")
KINDS = ("png", "svg", "pdf")
RUNS = {
    "optimizer-paths": ("--iterations", "12"),
    "optimizer-mnist": ("--iterations", "30", "--set", "hidden=8", "--set", "batch=16"),
    "activations": ("--set", "hidden=20,20,20", "--set", "inputs=50"),
}
COLOURS = {
    "optimizer-paths": [OPTIMIZERS[name].colour for name in SIX],
    "optimizer-mnist": [OPTIMIZERS["sgd"].colour],
    "activations": ["#009E73", "#CC79A7"],
}


def export(folder, name, *arguments):
    """Run the command in a process that has neither a display nor a window system; return how that went."""
    process = begin_export(folder, name, *arguments)
    out, errors = process.communicate(timeout=60)
    return subprocess.CompletedProcess(process.args, process.returncode, out, errors)


def begin_export(folder, name, *arguments):
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    command = [sys.executable, "-W", "error", str(ROOT / "main.py"), "export", name, "--out", str(folder), *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, cwd=folder, env=environment)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The pictures of one run of each panel."""
    folder = tmp_path_factory.mktemp("pictures")
    running = [begin_export(folder, name, "--format", ",".join(KINDS), *more) for name, more in RUNS.items()]
    for process in running:
        _, errors = process.communicate(timeout=60)
        assert (process.returncode, errors) == (0, "")
    return folder


def rendered(path):
    """An SVG file as a picture: by librsvg where that is installed, as Qt's own renderer does not clip."""
    if RSVG:
        made = path.with_suffix(".rendered")
        subprocess.run([RSVG, "-f", "png", "-o", str(made), str(path)], check=True)
        image = QImage(str(made))
        made.unlink()
        return image
    renderer = QSvgRenderer(str(path))
    assert renderer.isValid()
    image = QImage(renderer.defaultSize(), QImage.Format.Format_ARGB32)
    image.fill(0xFFFFFFFF)
    painter = QPainter(image)
    renderer.render(painter, QRectF(image.rect()))
    painter.end()
    return image


def shrunk(picture, size):
    """A picture in another size, every pixel of it counted."""
    return picture.scaled(size, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation)


def test_these_files_and_no_others(written):
    assert sorted(path.name for path in written.iterdir()) == sorted(f"{n}.{k}" for n in RUNS for k in KINDS)


@pytest.mark.parametrize("name", RUNS)
def test_a_png_shows_the_run_over_its_whole_page(written, name):
    picture = QImage(str(written / f"{name}.png"))
    assert picture.width() == 2560
    for colour in COLOURS[name]:
        assert ink(picture, on_page(colour, dark=False)) > 100, colour
    marked = (pixels(picture).min(axis=-1) < 215).any(axis=0)
    quarters = [part.any() for part in np.array_split(marked, 8)]
    assert quarters == [True] * 8, "a part of the page is empty"


@pytest.mark.parametrize("name", RUNS)
def test_an_svg_is_the_same_picture(written, name):
    picture, image = QImage(str(written / f"{name}.png")), rendered(written / f"{name}.svg")
    assert (2 * image.width(), 2 * image.height()) == (picture.width(), picture.height())
    small = shrunk(picture, image.size() / 16)
    other = shrunk(image, image.size() / 16)
    assert np.abs(pixels(small) - pixels(other).astype(float)).mean() < (2 if RSVG else 6)


@pytest.mark.parametrize("name", RUNS)
def test_a_pdf_is_one_page_of_vectors(written, name):
    content = (written / f"{name}.pdf").read_bytes()
    assert len(re.findall(rb"/Type /Page\b", content)) == 1
    drawn = b"".join(map(inflated, re.findall(rb"stream\r?\n(.*?)endstream", content, re.DOTALL)))
    assert len(re.findall(rb"[\d.]+ [\d.]+ l\b", drawn)) > 100


def inflated(stream):
    try:
        return zlib.decompressobj().decompress(stream)
    except zlib.error:
        return b""


def test_dark_pictures_are_dark(tmp_path):
    done = export(tmp_path, "optimizer-paths", "--format", "png", "--theme", "dark")
    assert done.returncode == 0
    assert np.median(pixels(QImage(str(tmp_path / "optimizer-paths.png")))) < 90


def test_a_picture_that_cannot_be_written_is_one_line_and_no_file(tmp_path):
    (tmp_path / "optimizer-paths.png").mkdir()
    done = export(tmp_path, "optimizer-paths", "--format", "png")
    assert done.returncode in (1, 2)
    assert len(done.stderr.splitlines()) == 1 and "optimizer-paths.png" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["optimizer-paths.png"]


def test_no_window_without_a_display(tmp_path):
    environment = {key: value for key, value in os.environ.items() if "DISPLAY" not in key and key[:3] != "QT_"}
    command = [sys.executable, str(ROOT / "main.py"), "--fresh"]
    environment["XDG_CONFIG_HOME"] = str(tmp_path)
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, env=environment)
    assert done.returncode == 1
    assert done.stderr == "trainscope: no display: neither DISPLAY nor WAYLAND_DISPLAY is set\n"


def test_every_preset_has_a_panel_that_can_draw_it():
    from gui.registry import PANELS

    assert {preset.panel for preset in PRESETS.values()} <= {entry.key for entry in PANELS}
