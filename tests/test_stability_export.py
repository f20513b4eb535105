"""Maps from the command line: files from a process without a display, refusals in one line."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtGui import QImage

from gui.heat_map import HUE_COLOURS, ground_colours
from gui.plots import LIGHT
from gui.ramp import level_colour
from tests.gui_helpers import ink

ROOT = Path(__file__).resolve().parent.parent
FEW = ("--set", "resolution=24", "--iterations", "60")


def export(folder, *arguments):
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    command = [sys.executable, "-W", "error", str(ROOT / "main.py"), "export", *arguments, "--out", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)


def rows_of(path):
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_every_format_is_written_without_a_display(tmp_path):
    done = export(tmp_path, "stability", "--format", "csv,json,npz,png,svg,pdf", *FEW)
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"stability.{kind}" for kind in
        ("csv", "json", "npz", "pdf", "png", "svg")]  # fmt: skip
    rows = rows_of(tmp_path / "stability.csv")
    assert list(rows[0]) == ["lr", "momentum", "steps", "final_loss", "diverged"] and len(rows) == 24 * 24
    for row in rows:  # a cell has settled, or was lost, or neither
        assert not (row["steps"] and row["diverged"])
        assert bool(row["final_loss"]) is not bool(row["diverged"])
        if row["steps"]:
            assert float(row["final_loss"]) <= 1e-3 and 0 < int(row["steps"]) <= 60
        if float(row["lr"]) > 1.5 * (1 + float(row["momentum"])):
            assert row["diverged"]
    with np.load(tmp_path / "stability.npz") as found:
        assert found["steps"].shape == (24, 24) and found["path"].shape == (61, 2)
        assert [str(row["diverged"] or -1) for row in rows] == [str(v) for v in found["diverged"].ravel()]
    assert json.loads((tmp_path / "stability.json").read_text())["configuration"]["parameters"]["x"] == "lr"
    drawing = (tmp_path / "stability.svg").read_text(encoding="utf-8")
    assert all(word in drawing for word in ("diverged", "lr &lt; 2(1+", "learning rate", "not within 0.001"))


def test_the_picture_has_the_scale_and_the_ground(tmp_path):
    assert export(tmp_path, "stability-sgd", "--format", "png", *FEW).returncode == 0
    image = QImage(str(tmp_path / "stability-sgd.png"))
    assert ink(image, ground_colours(LIGHT)[0].name(), 3) > 20_000
    assert ink(image, level_colour(40).name(), 24) > 20_000


def test_basins_have_their_minima_in_a_table_and_in_the_picture(tmp_path):
    done = export(tmp_path, "basins", "--format", "csv,png", "--set", "resolution=24")
    assert done.returncode == 0
    rows, minima = rows_of(tmp_path / "basins.csv"), rows_of(tmp_path / "basins-minima.csv")
    assert list(rows[0])[:4] == ["x", "y", "minimum", "steps"]
    assert [row["minimum"] for row in minima] == ["1", "2", "3", "4"]
    assert {row["minimum"] for row in rows} >= {"1", "2", "3", "4"}
    assert all(abs(float(row["f"])) < 1e-12 for row in minima)
    image = QImage(str(tmp_path / "basins.png"))
    assert all(ink(image, colour, 30) > 5_000 for colour in HUE_COLOURS[:4])


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("x=beta1", "x: 'beta1' is not allowed; allowed: one of lr, momentum, anisotropy, start.x, start.y"),
        ("y.range=0,2", "y.range: '0,2' is not allowed; allowed: two rising numbers"),
        ("resolution=1000", "resolution: '1000' is not allowed; allowed: a whole number from 16 to 512"),
        ("optimizer=sgdd", "optimizer: 'sgdd' is not allowed"),
    ],
)
def test_wrong_settings_end_in_one_line_and_status_2(tmp_path, setting, words):
    done = export(tmp_path / "none", "stability", "--set", setting)
    assert done.returncode == 2 and words in done.stderr and done.stderr.count("\n") == 1
