"""What drawing costs, as ratios measured in one run: `python tests/benchmarks/drawing.py`.

Without a screen (QT_QPA_PLATFORM=offscreen), on the raster engine that the screen uses too.
"""

from __future__ import annotations

import os
import sys
import time
from itertools import cycle
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QApplication

from core.optimizers import OPTIMIZERS
from core.surfaces import SURFACES
from gui.bands import Band
from gui.contours import SurfaceMap, SurfacePicture
from gui.items import Frame, PathTrace, StepHistogram, Trace, line_path, scene_y
from gui.plots import Plot, make_plot

if TYPE_CHECKING:
    from collections.abc import Callable

SIZE = (1200, 800)
LANES = list(OPTIMIZERS.values())[:6]


def view_with(columns: int = 1) -> tuple[pg.GraphicsLayoutWidget, list[Plot]]:
    """Return a view of 1200×800 and its plots in a row."""
    view = pg.GraphicsLayoutWidget()
    view.setBackground("#ffffff")
    plots = [make_plot(view.ci, 0, column, title="Plot", x_label="x", y_label="y") for column in range(columns)]
    view.resize(*SIZE)
    view.grab()
    return view, plots


def paint_ms(*jobs: tuple[pg.GraphicsLayoutWidget, Callable[[], None]], rounds: int = 60) -> list[float]:
    """Return for each (view, change) the time of a change of its data and the paint after it.

    In turns, and the lower quartile of each: other programs then weigh on all alike, and little.
    """
    image = QImage(*SIZE, QImage.Format.Format_RGB32)
    times: list[list[float]] = [[] for _ in jobs]
    for _ in range(rounds):
        for (view, change), spent in zip(jobs, times, strict=True):
            start = time.perf_counter()
            change()
            view.viewport().render(image)
            spent.append(1e3 * (time.perf_counter() - start))
    return [quantiles(spent)[0] for spent in times]


def noisy_loss(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a raw loss and its smooth part, n values each."""
    smooth = 2.3 * np.exp(-np.arange(n) / (0.05 * n * (seed + 1))) + 0.03 * (seed + 1)
    return smooth * np.random.default_rng(seed).lognormal(0.0, 0.25, n), smooth


def curves(n: int, *, with_raw: bool = True) -> tuple[pg.GraphicsLayoutWidget, Callable[[], None]]:
    """Return a view of six smoothed curves of n points, and their raw ones, and what gives it data."""
    view, (plot,) = view_with()
    traces = []
    for number, lane in enumerate(LANES):
        raw, smooth = noisy_loss(n, number)
        for data, trace in ((raw, Trace(lane.colour, 1, 0.35)), (smooth, Trace(lane.colour, 2))):
            if with_raw or data is smooth:
                plot.addItem(trace)
                traces.append((trace, data))
    plot.setRange(xRange=(0, n), yRange=(0, 3), padding=0)

    def change() -> None:
        for trace, data in traces:
            trace.setData(data)

    return view, change


def bands(n: int) -> tuple[pg.GraphicsLayoutWidget, Callable[[], None]]:
    """Return a view of six bands of n points, and what gives them other data each time."""
    view, (plot,) = view_with()
    filled = [Band(lane.colour) for lane in LANES]
    smooth = [noisy_loss(n, number)[1] for number in range(len(filled))]
    for band in filled:
        plot.addItem(band)
    plot.setRange(xRange=(0, n), yRange=(0, 3), padding=0)
    widths = cycle((0.2, 0.21))

    def change() -> None:
        width = next(widths)
        for band, middle in zip(filled, smooth, strict=True):
            band.setData(middle - width, middle + width)

    return view, change


def empty() -> tuple[pg.GraphicsLayoutWidget, Callable[[], None]]:
    """Return a view of axes and grid alone."""
    view, (plot,) = view_with()
    plot.setRange(xRange=(0, 1), yRange=(0, 3), padding=0)
    return view, lambda: None


class AllPoints(Trace):
    """A trace that draws every point, with the pen that the screen has for a rough curve."""

    def _line(self, frame: Frame) -> np.ndarray:
        y = self._curve.y
        x = self._curve.place(np.arange(len(y)))
        self.drawn = line_path(frame.sx * x + frame.dx, scene_y(self._values(y), frame))
        return np.empty((0, 4))

    def draw(self, painter: QPainter, frame: Frame) -> None:
        super().draw(painter, frame)
        painter.drawPath(self.drawn)


def ink_difference(n: int) -> tuple[float, float]:
    """Return by which share of its ink a decimated rough curve differs from all its points: in sum, and by pixel.

    Both without smooth edges, as on the screen. (With them Qt's own picture of all the points is no measure: it draws
    pieces of line shorter than a pixel too pale or too dark, by 5 to 50 % of ink.)
    """
    empty, drawn, full = (pixels_of(trace, n) for trace in (None, Trace("#000000"), AllPoints("#000000")))
    ink = (empty - full).sum()
    return abs(full - drawn).sum() / ink, abs((full - drawn).sum()) / ink


def pixels_of(trace: Trace | None, n: int) -> np.ndarray:
    """Return the picture of a raw loss of n values."""
    view, (plot,) = view_with()
    if trace is not None:
        trace.setData(noisy_loss(n, 3)[0])
        plot.addItem(trace)
    plot.setRange(xRange=(0, n), yRange=(0, 3), padding=0)
    image = view.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    pixels = np.frombuffer(image.constBits(), np.uint8).astype(np.float64)
    view.close()
    return pixels


def surface_times() -> tuple[str, float, float]:
    """Return the slowest surface's key and map time, and the time of a paint with a finished map."""
    worst = ("", 0.0)
    for surface in SURFACES.values():
        x_low, x_high, y_low, y_high = surface.view
        rect = QRectF(x_low, y_low, x_high - x_low, y_high - y_low)
        times = []
        for _ in range(5):
            start = time.perf_counter()
            SurfaceMap(surface, rect, dark=False)
            times.append(1e3 * (time.perf_counter() - start))
        worst = max(worst, (surface.key, median(times)), key=lambda entry: entry[1])
    view, (plot,) = view_with()
    picture = SurfacePicture(SURFACES["rosenbrock"])
    plot.addItem(picture)
    plot.setRange(xRange=(-2, 2), yRange=(-1, 3), padding=0)
    (spent,) = paint_ms((view, picture.update))
    view.close()
    return (*worst, spent)


def paths_ms() -> float:
    """Return the cost of six paths of 300 points, without a map."""
    view, (plot,) = view_with()
    turns = np.linspace(0.0, 40.0, 300)
    traces = []
    for number, lane in enumerate(LANES):
        radius = (1.0 + 0.3 * number) * np.exp(-turns / 15.0)
        points = np.stack([radius * np.cos(turns), radius * np.sin(turns)], axis=1)
        traces.append((PathTrace(lane.colour, lane.marker), points))
        plot.addItem(traces[-1][0])
    plot.setRange(xRange=(-3, 3), yRange=(-3, 3), padding=0)

    def change() -> None:
        for trace, points in traces:
            trace.setData(points)

    (spent,) = paint_ms((view, change))
    view.close()
    return spent


def histograms_ms() -> float:
    """Return the cost of five histograms of 100 bins with their ghosts, axes included."""
    view, plots = view_with(5)
    items = []
    for number, plot in enumerate(plots):
        counts, edges = np.histogram(np.random.default_rng(number).normal(0, 0.3, 20_000), 100, (-1, 1))
        for item in (StepHistogram(LANES[0].colour), StepHistogram(LANES[0].colour, ghost=True)):
            plot.addItem(item)
            items.append((item, counts, edges))
        plot.setRange(xRange=(-1, 1), yRange=(0, 700), padding=0)

    def change() -> None:
        for item, counts, edges in items:
            item.setData(counts, edges)

    (spent,) = paint_ms((view, change))
    view.close()
    return spent


def main() -> None:
    """Print the figures."""
    jobs = empty(), curves(2_000), curves(20_000), curves(20_000, with_raw=False), bands(2_000), bands(20_000)
    bare, short, long, smooth, few, many = paint_ms(*jobs)
    for view, _ in jobs:
        view.close()
    print(f"axes and grid                            {bare:6.2f} ms")
    print(f"six curves, raw and smooth,  2,000       {short:6.2f} ms")
    print(f"six curves, raw and smooth, 20,000       {long:6.2f} ms = {long / short:.2f} × (goal ≤ 2)")
    print(f"six smooth curves, 20,000                {smooth:6.2f} ms")
    print(f"six bands, 20,000                        {many:6.2f} ms = {many / few:.2f} × 2,000 (goal ≤ 2)")
    for n in (20_000, 100_000):
        pixelwise, total = ink_difference(n)
        off = f"{100 * pixelwise:6.3f} % by pixel, {100 * total:.3f} % in sum"
        print(f"ink of the decimated curve, {n:7,d}      {off} (goal ≤ 0.2)")
    key, built, shown = surface_times()
    print(f"map of a surface, slowest ({key})   {built:6.2f} ms (goal ≤ 30)")
    print(f"paint with a finished map                {shown:6.2f} ms, {shown - bare:.2f} over axes alone (goal ≤ 3)")
    print(f"six paths of 300 points                  {paths_ms():6.2f} ms (goal ≤ 4)")
    print(f"five histograms with ghosts              {histograms_ms():6.2f} ms")


if __name__ == "__main__":
    app = QApplication([])
    main()
