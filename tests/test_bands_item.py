"""The filled area between two curves: where it is, its gaps, its cost, its colours, and that files have it too."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
import pytest
from PySide6.QtGui import QImage

from gui.bands import Band
from gui.export import export_figure
from gui.items import Frame
from gui.plots import DARK, LIGHT, Plot, blend, make_plot
from tests.gui_helpers import pixels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from PySide6.QtCore import QRectF

    MakePlot = Callable[..., tuple[pg.GraphicsLayoutWidget, Plot]]

COLOUR = "#0072B2"


@pytest.fixture
def plotted(qtbot: object) -> Iterator[MakePlot]:
    views = []

    def make(*bands: Band, x: tuple[float, float] = (0.0, 1.0)) -> tuple[pg.GraphicsLayoutWidget, Plot]:
        view = pg.GraphicsLayoutWidget()
        view.setBackground(LIGHT.background)
        view.resize(640, 420)
        views.append(view)
        plot = make_plot(view.ci, 0, 0, colours=replace(LIGHT, grid=LIGHT.background))
        for band in bands:
            plot.addItem(band)
        plot.setRange(xRange=x, yRange=(0.0, 1.0), padding=0)
        return view, plot

    yield make
    for view in views:
        view.close()


def shown(view: pg.GraphicsLayoutWidget, plot: Plot) -> np.ndarray:
    """What of the plot's area is not empty, as (height, width)."""
    picture = pixels(view.grab().toImage())
    box = plot.vb.sceneBoundingRect().toAlignedRect().adjusted(2, 2, -2, -2)
    return filled(picture[box.top() : box.bottom(), box.left() : box.right()])


def filled(picture: np.ndarray) -> np.ndarray:
    tint = blend(COLOUR, LIGHT.background, 0.5)
    return np.abs(picture.astype(int) - [tint.red(), tint.green(), tint.blue()]).max(axis=-1) < 8


def band(low: np.ndarray, high: np.ndarray, x: np.ndarray | None = None, **place: float) -> Band:
    made = Band(COLOUR, alpha=0.5)
    made.setData(low, high, x, **place)
    return made


def test_what_lies_between_is_filled_and_nothing_else(plotted: MakePlot) -> None:
    area = shown(*plotted(band(np.full(2, 0.25), np.full(2, 0.75), np.array([0.0, 0.5]))))
    height, width = area.shape
    assert area[height // 4 + 3 : 3 * height // 4 - 3, 2 : width // 2 - 3].all()
    assert not area[: height // 4 - 3].any() and not area[3 * height // 4 + 3 :].any()
    assert not area[:, width // 2 + 3 :].any()


def test_curves_that_cross_are_filled_on_both_sides(plotted: MakePlot) -> None:
    area = shown(*plotted(band(np.array([0.0, 1.0]), np.array([1.0, 0.0]))))
    assert area.mean() == pytest.approx(0.5, abs=0.03)
    assert area[:, 5].mean() > 0.95 and area[:, -5].mean() > 0.95 and area[:, area.shape[1] // 2].mean() < 0.05


@pytest.mark.parametrize("n", [40, 40_000])
@pytest.mark.parametrize("side", [0, 1])
def test_nan_on_either_side_is_a_gap(plotted: MakePlot, n: int, side: int) -> None:
    ends = [np.full(n + 1, 0.2), np.full(n + 1, 0.8)]
    ends[side][n // 4 + 1 : n // 2] = np.nan
    area = shown(*plotted(band(*ends), x=(0.0, n)))
    middle, width = area[area.shape[0] // 2], area.shape[1]
    assert middle[3 : width // 4 - 3].all() and middle[width // 2 + 3 : -3].all()
    assert not middle[width // 4 + 4 : width // 2 - 4].any()


def test_many_points_look_as_they_are_and_cost_little(plotted: MakePlot) -> None:
    n = 20_000
    x = np.arange(n, dtype=float)
    wave = 0.4 + 0.2 * np.sin(6.0 * x / n)
    dense = band(wave, wave + 0.2)
    view, plot = plotted(dense, x=(0.0, n - 1.0))
    few = np.linspace(0, n - 1, 300).astype(int)
    plain = shown(*plotted(band(wave[few], wave[few] + 0.2, x[few]), x=(0.0, n - 1.0)))
    assert (shown(view, plot) != plain).mean() < 0.004
    assert plain.mean() == pytest.approx(0.2, abs=0.01)
    frame = Frame(600.0 / n, 0.0, -400.0, 400.0, (0.0, 0.0, 600.0, 400.0), 1.0, fine=False)
    assert dense._area(frame)[0].elementCount() < 2 * 601 + 4


def test_what_has_not_changed_is_not_computed_again(plotted: MakePlot, monkeypatch: pytest.MonkeyPatch) -> None:
    made = band(np.full(20_000, 0.2), np.full(20_000, 0.8))
    view, plot = plotted(made, x=(0.0, 20_000))
    compute, computed = made._area, []
    monkeypatch.setattr(made, "_area", lambda frame: (computed.append(frame), compute(frame))[1])
    for _ in range(3):
        shown(view, plot)
    assert len(computed) == 1
    made.setData(np.full(20_000, 0.2), np.full(20_000, 0.8))
    shown(view, plot)
    assert len(computed) == 1
    made.setData(np.full(20_000, 0.2), np.full(20_000, 0.7))
    shown(view, plot)
    assert len(computed) == 2


def test_a_spike_of_one_point_is_kept(plotted: MakePlot) -> None:
    high = np.full(50_000, 0.3)
    high[25_000] = 0.9
    area = shown(*plotted(band(np.full(50_000, 0.2), high), x=(0.0, 50_000)))
    assert not area[area.shape[0] // 3].any() or area[area.shape[0] // 3].sum() <= 2
    assert pixels_above(plotted, high) > 0


def pixels_above(plotted: MakePlot, high: np.ndarray) -> int:
    """How many pixels a lone spike inks above the others."""
    view, plot = plotted(band(np.full(len(high), 0.2), high), x=(0.0, len(high)))
    picture = pixels(view.grab().toImage())
    box = plot.vb.sceneBoundingRect().toAlignedRect().adjusted(2, 2, -2, -2)
    part = picture[box.top() + box.height() // 5 : box.top() + box.height() // 2, box.left() : box.right()]
    return int((part < 250).any(axis=-1).sum())


def test_only_what_changed_is_painted_anew(plotted: MakePlot, monkeypatch: pytest.MonkeyPatch) -> None:
    low, high = np.linspace(0.1, 0.2, 101), np.linspace(0.5, 0.6, 101)
    made = band(low[:60], high[:60])
    plotted(made, x=(0.0, 100.0))
    asked: list[QRectF] = []
    monkeypatch.setattr(made, "update", asked.append)
    made.setData(low[:60].copy(), high[:60].copy())
    assert asked == []
    made.setData(low[:70], high[:70])
    assert len(asked) == 1 and 55.0 < asked[0].left() < 60.0 and 69.0 <= asked[0].right() < 73.0


def test_lengths_must_agree() -> None:
    for ends in ((np.zeros(3), np.zeros(2)), (np.zeros(3), np.zeros(3), np.zeros(4))):
        with pytest.raises(ValueError, match="has 3 values"):
            Band().setData(*ends)


def test_bands_that_overlap_can_all_be_seen_in_both_themes(plotted: MakePlot) -> None:
    ends = np.full(2, 0.1), np.full(2, 0.9)
    blue, red = Band("#0072B2"), Band("#D55E00")
    for made in (blue, red):
        made.setData(*ends)
    view, plot = plotted(blue, red)
    at = plot.vb.sceneBoundingRect().center().toPoint()
    for colours in (LIGHT, DARK):
        plot.set_colours(colours)
        view.setBackground(colours.background)
        seen = []
        for visible in ((True, False), (False, True), (True, True)):
            blue.setVisible(visible[0])
            red.setVisible(visible[1])
            seen.append(tuple(pixels(view.grab().toImage())[at.y(), at.x()].tolist()))
        assert len(set(seen)) == 3


def test_a_picture_file_has_the_band_within_its_plot(plotted: MakePlot, tmp_path: Path) -> None:
    view, _ = plotted(band(np.full(3, 0.25), np.full(3, 0.75), x0=-1.0), x=(0.0, 0.5))
    export_figure(view, tmp_path / "figure.png", size=(640, 420), scale=1.0)
    area = filled(pixels(QImage(str(tmp_path / "figure.png"))))
    columns = np.flatnonzero(area.any(axis=0))
    assert area.sum() > 0.35 * 560 * 350
    assert columns[0] > 40 and columns[-1] < 632, "it reaches beyond its plot"


def test_a_drawing_file_has_the_band_as_one_clipped_shape(plotted: MakePlot, tmp_path: Path) -> None:
    view, _ = plotted(band(np.full(3, 0.25), np.full(3, 0.75), x0=-1.0), x=(0.0, 0.5))
    export_figure(view, tmp_path / "figure.svg", size=(640, 420))
    text = (tmp_path / "figure.svg").read_text()
    assert text.count('fill="#0072b2" fill-opacity="0.5') == 1
    assert re.search(r'<g clip-path="url\(#\w+\)"><g fill="#0072b2"', text)
