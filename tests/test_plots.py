"""Drawing pieces: what is decimated looks like what is not, gaps stay gaps, ticks read well, colours follow."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
import pytest
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage

from core.optimizers import OPTIMIZERS
from core.surfaces import SURFACES
from gui.contours import SurfaceMap, SurfacePicture
from gui.crosshair import Crosshair, fitting
from gui.decimation import Curve, columns_of, outline, visible_points
from gui.items import Frame, PathTrace, StepHistogram, Trace, line_copies, line_path, scene_y
from gui.legend import LegendEntry, lane_icon, legend_height, legend_rows, marker_path
from gui.plots import DARK, LIGHT, Plot, blend, linear_ticks, log_ticks, make_plot, number_text, style_plot
from gui.tracing import scaled_heights

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from PySide6.QtGui import QPainter

    MakePlot = Callable[..., tuple[pg.GraphicsLayoutWidget, Plot]]


@pytest.fixture
def plotted(qtbot: object) -> Iterator[MakePlot]:
    views = []

    def make(size: tuple[int, int] = (640, 420), **options: object) -> tuple[pg.GraphicsLayoutWidget, Plot]:
        view = pg.GraphicsLayoutWidget()
        view.setBackground(LIGHT.background)
        view.resize(*size)
        views.append(view)
        return view, make_plot(view.ci, 0, 0, **options)

    yield make
    for view in views:
        view.close()


def pixels(view: pg.GraphicsLayoutWidget) -> np.ndarray:
    """The view's picture as (height, width, 3), blue first."""
    image = view.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    return np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.width(), 4)[..., :3].astype(float)


def inside(view: pg.GraphicsLayoutWidget, plot: Plot) -> np.ndarray:
    """The picture of the plot's area without its border."""
    picture = pixels(view)
    box = plot.vb.sceneBoundingRect().toAlignedRect().adjusted(2, 2, -2, -2)
    return picture[box.top() : box.bottom(), box.left() : box.right()]


def coloured(picture: np.ndarray, colour: str, tolerance: float = 40.0) -> np.ndarray:
    """Where a picture has about this colour."""
    wanted = QColor(colour)
    bgr = np.array([wanted.blue(), wanted.green(), wanted.red()], dtype=float)
    return np.abs(picture - bgr).max(axis=-1) < tolerance


def noisy(n: int) -> np.ndarray:
    smooth = 2.3 * np.exp(-np.arange(n) / (0.2 * n)) + 0.1
    return smooth * np.random.default_rng(3).lognormal(0.0, 0.25, n)


class AllPoints(Trace):
    """Every point, with the pen that the screen has for a rough curve."""

    def _line(self, frame: Frame) -> np.ndarray:
        y = self._curve.y
        x = self._curve.place(np.arange(len(y)))
        self.drawn = line_path(frame.sx * x + frame.dx, scene_y(self._values(y), frame))
        return np.empty((0, 4))

    def draw(self, painter: QPainter, frame: Frame) -> None:
        super().draw(painter, frame)
        painter.drawPath(self.drawn)


@pytest.mark.parametrize("explicit_x", [False, True])
def test_a_decimated_curve_has_the_pixels_of_the_whole_one(plotted: MakePlot, explicit_x: bool) -> None:
    n, pictures = 20_000, []
    for trace in (None, Trace("#000000"), AllPoints("#000000")):
        view, plot = plotted((1200, 800))
        if trace is not None:
            trace.setData(noisy(n), np.arange(n, dtype=float) if explicit_x else None)
            plot.addItem(trace)
        plot.setRange(xRange=(0, n), yRange=(0, 3), padding=0)
        pictures.append(pixels(view))
    empty, decimated, whole = pictures
    ink = (empty - whole).sum()
    assert ink > 1e7
    assert abs((whole - decimated).sum()) <= 0.002 * ink
    # Pixel by pixel only the tips of some spikes differ, by one pixel.
    assert np.abs(whole - decimated).sum() <= 0.005 * ink


def test_decimation_keeps_a_spike_of_one_point_and_bounds_the_number_of_points() -> None:
    y = np.zeros(100_000)
    y[54_321] = 7.0
    columns = columns_of(Curve(y), np.linspace(0, len(y), 501))
    assert columns is not None
    x, shown = outline(columns)
    assert len(x) == len(shown) <= 4 * 500
    assert shown.max() == 7.0
    assert abs(x[shown.argmax()] - 54_321) <= 200


def test_a_curve_that_is_short_in_view_comes_back_as_it_is_with_a_neighbour_on_each_side() -> None:
    curve = Curve(np.arange(1000.0) ** 2, None, 5.0, 0.5)
    edges = np.linspace(100.0, 110.0, 401)
    assert columns_of(curve, edges) is None
    x, y = visible_points(curve, edges)
    np.testing.assert_array_equal(x, np.arange(99.5, 110.25, 0.5))
    np.testing.assert_array_equal(y, ((x - 5.0) / 0.5) ** 2)


@pytest.mark.parametrize("n", [400, 40_000])
def test_nan_is_a_gap(plotted: MakePlot, n: int) -> None:
    view, plot = plotted()
    y = np.full(n, 0.5)
    y[n // 4 : n // 2] = np.nan
    trace = Trace("#D55E00", 2)
    trace.setData(y)
    plot.addItem(trace)
    plot.setRange(xRange=(0, n), yRange=(0, 1), padding=0)
    drawn = coloured(inside(view, plot), "#D55E00", 90.0).any(axis=0)
    width = len(drawn)
    assert drawn[: width // 4 - 3].all()
    assert not drawn[width // 4 + 3 : width // 2 - 3].any()
    assert drawn[width // 2 + 3 :].all()


def test_all_nan_empty_and_infinite_data_draw_without_error(plotted: MakePlot) -> None:
    view, plot = plotted()
    for y in (np.empty(0), np.full(50_000, np.nan), np.array([1.0, np.inf, 1e300, -np.inf, np.nan, 0.0])):
        trace = Trace()
        trace.setData(y)
        plot.addItem(trace)
        assert trace.bounds() is None or trace.bounds()[3] <= 1e300
    plot.setRange(xRange=(0, 5), yRange=(0, 1), padding=0)
    assert coloured(inside(view, plot), "#0072B2", 90.0).any()


def test_a_log_axis_takes_plain_values_and_leaves_out_what_has_no_logarithm(plotted: MakePlot) -> None:
    view, plot = plotted(log_y=True)
    trace = Trace("#000000", 2)
    trace.setData(np.array([100.0, 1.0, 0.0, -1.0, 0.01]))
    plot.addItem(trace)
    assert trace.bounds() == (0.0, 4.0, -2.0, 2.0)
    trace.setData(np.full(30, 10.0))
    plot.setRange(xRange=(0, 29), yRange=(0, 2), padding=0)
    rows = np.flatnonzero(coloured(inside(view, plot), "#000000", 90.0).any(axis=1))
    assert abs(rows.mean() - inside(view, plot).shape[0] / 2) < 2.0


def test_data_of_unlike_lengths_are_refused(qtbot: object) -> None:
    with pytest.raises(ValueError, match="x has 3 values, y has 4"):
        Trace().setData(np.zeros(4), np.zeros(3))
    with pytest.raises(ValueError, match="4 counts need 5 edges"):
        StepHistogram().setData(np.zeros(4), np.zeros(4))


def test_a_bold_line_is_about_twice_a_thin_one_at_any_resolution() -> None:
    assert line_copies(1.0) == ((0.0, 0.0),)
    for width in (2.0, 4.0):
        x, y = np.array(line_copies(width)).T
        assert len(x) > 1
        assert math.isclose(x.mean(), 0.0, abs_tol=1e-9) and math.isclose(y.mean(), 0.0, abs_tol=1e-9)
        assert width - 1.2 < np.ptp(y) <= width


def test_nothing_is_computed_again_while_nothing_changes(plotted: MakePlot, monkeypatch: pytest.MonkeyPatch) -> None:
    view, plot = plotted()
    trace = Trace()
    trace.setData(noisy(5000))
    plot.addItem(trace)
    plot.setRange(xRange=(0, 5000), yRange=(0, 3), padding=0)
    view.grab()
    made = []
    monkeypatch.setattr("gui.items.columns_of", lambda *args: made.append(args) or columns_of(*args))
    view.grab()
    assert made == []
    trace.setData(noisy(6000))
    view.grab()
    assert len(made) == 1


@pytest.mark.parametrize("marker", list("ox^v<>s*Dph+OSH"))
def test_every_marker_of_a_lane_has_an_outline_about_its_middle(marker: str) -> None:
    box = marker_path(marker, 10.0).boundingRect()
    assert 7.0 < box.width() < 13.5 and 7.0 < box.height() < 13.5
    assert abs(box.center().x()) < 0.1 and abs(box.center().y()) < 1.0


def test_every_optimizer_has_a_marker_that_can_be_drawn(qtbot: object) -> None:
    for optimizer in OPTIMIZERS.values():
        image = lane_icon(optimizer.colour, optimizer.marker).pixmap(18).toImage()
        found = image.pixelColor(image.width() // 2, image.height() // 2).name()
        assert found == LIGHT.lane(optimizer.colour).lower()
    with pytest.raises(KeyError):
        marker_path("?", 1.0)


@pytest.mark.parametrize(("marker", "solid"), [("O", "o"), ("S", "s")])
def test_a_hollow_marker_has_its_hole_by_either_rule_of_filling(marker: str, solid: str) -> None:
    for rule in (Qt.FillRule.OddEvenFill, Qt.FillRule.WindingFill):
        path = marker_path(marker, 10.0)
        path.setFillRule(rule)
        assert path.contains(QPointF(4.0, 0.0)) and not path.contains(QPointF(0.0, 0.0))
    assert marker_path(solid, 10.0).contains(QPointF(0.0, 0.0))


def test_a_path_shows_its_points_and_its_last_one_larger(plotted: MakePlot) -> None:
    view, plot = plotted()
    path = PathTrace("#D55E00", "s", 1)
    path.setData(np.array([[0.2, 0.5], [0.5, 0.5], [0.8, 0.5]]))
    plot.addItem(path)
    plot.setRange(xRange=(0, 1), yRange=(0, 1), padding=0)
    heights = coloured(inside(view, plot), "#D55E00").sum(axis=0)
    width = len(heights)
    first, between, last = (heights[round(share * width)] for share in (0.2, 0.35, 0.8))
    assert between <= 2 < first < last


def test_a_path_that_leaves_for_infinity_keeps_its_direction(plotted: MakePlot) -> None:
    view, plot = plotted()
    path = PathTrace("#D55E00", "o", 2)
    path.setData(np.array([[0.5, 0.5], [1e300, 0.5], [np.nan, 0.1]]))
    plot.addItem(path)
    plot.setRange(xRange=(0, 1), yRange=(0, 1), padding=0)
    drawn = coloured(inside(view, plot), "#D55E00", 90.0)
    assert drawn[:, drawn.shape[1] * 3 // 4].any()
    rows = np.flatnonzero(drawn.any(axis=1))
    assert abs(rows.mean() - drawn.shape[0] / 2) < 8.0


def test_a_histogram_is_filled_to_its_counts_and_a_ghost_is_not(plotted: MakePlot) -> None:
    counts, edges = np.array([1.0, 3.0]), np.array([0.0, 1.0, 2.0])
    filled = []
    for ghost in (False, True):
        view, plot = plotted()
        item = StepHistogram("#0072B2", ghost=ghost)
        item.setData(counts, edges)
        plot.addItem(item)
        plot.setRange(xRange=(0, 2), yRange=(0, 4), padding=0)
        fill = coloured(inside(view, plot), blend("#0072B2", LIGHT.background, 0.42).name(), 3.0)
        height, width = fill.shape
        filled.append([fill[:, width // 4].sum() / height, fill[:, 3 * width // 4].sum() / height])
    assert filled[0] == pytest.approx([0.25, 0.75], abs=0.02)
    assert filled[1] == [0.0, 0.0]


@pytest.mark.parametrize("key", list(SURFACES))
def test_every_surface_has_a_map_with_lines_that_is_lightest_in_the_valley(key: str) -> None:
    surface = SURFACES[key]
    x_low, x_high, y_low, y_high = surface.view
    made = SurfaceMap(surface, QRectF(x_low, y_low, x_high - x_low, y_high - y_low), dark=False)
    assert made.lines.elementCount() > 100
    assert made.rect.contains(made.lines.boundingRect())
    for x, y in surface.minima:
        column = int((x - made.rect.left()) / made.rect.width() * made.image.width())
        row = int((made.rect.bottom() - y) / made.rect.height() * made.image.height())
        assert made.image.pixelColor(column, row).lightnessF() > 0.93


def test_heights_have_their_median_in_the_middle_and_survive_what_is_not_finite() -> None:
    scaled, power = scaled_heights(np.array([[0.0, 1.0, 1.0, 1.0, 16.0, np.inf, np.nan]]))
    assert np.isfinite(scaled).all() and scaled.max() == 1.0 and scaled.min() == 0.0
    assert np.median(scaled) ** power == pytest.approx(0.5)
    flat, _ = scaled_heights(np.full((3, 3), 2.0))
    assert not flat.any()


def test_a_map_is_made_once_and_anew_only_some_time_after_zooming(
    plotted: MakePlot, qtbot: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    monkeypatch.setattr("gui.contours.SurfaceMap", lambda *args: made.append(args) or SurfaceMap(*args))
    view, plot = plotted()
    plot.addItem(SurfacePicture(SURFACES["rosenbrock"]))
    plot.setRange(xRange=(-2, 2), yRange=(-1, 3), padding=0)
    for _ in range(3):
        view.grab()
    assert len(made) == 1
    for step in range(5):
        plot.setRange(xRange=(-2, 2 - 0.1 * step), padding=0)
        view.grab()
    assert len(made) == 1

    def shown_anew() -> None:
        view.grab()
        assert len(made) == 2

    qtbot.waitUntil(shown_anew, timeout=2000)
    style_plot(plot, DARK)
    view.grab()
    assert len(made) == 3 and made[-1][2] is True


def test_a_theme_recolours_axes_title_and_items_live(plotted: MakePlot) -> None:
    view, plot = plotted(title="Loss", x_label="step", y_label="loss")
    trace = Trace("#D55E00", 2, alpha=0.3)
    trace.setData(np.full(10, 0.5))
    plot.addItem(trace)
    plot.setRange(xRange=(0, 9), yRange=(0, 1), padding=0)
    view.grab()
    view.setBackground(DARK.background)
    style_plot(plot, DARK)
    picture = pixels(view)
    assert coloured(picture, DARK.foreground, 30.0).any()
    assert not coloured(picture, LIGHT.foreground, 3.0).any()
    assert coloured(inside(view, plot), blend(DARK.lane("#D55E00"), DARK.background, 0.3).name(), 8.0).any()
    assert coloured(inside(view, plot), DARK.grid, 1.0).any()


def test_linear_ticks_are_round_numbers_written_without_prefixes() -> None:
    assert [text for _, text in linear_ticks(0.0, 20_000.0, 5)] == ["0", "5,000", "10,000", "15,000", "20,000"]
    assert [text for _, text in linear_ticks(-1.0, 1.0, 4)] == ["−1.0", "−0.5", "0", "0.5", "1.0"]
    assert [text for _, text in linear_ticks(0.0, 4e-5, 2)] == ["0", "2·10⁻⁵", "4·10⁻⁵"]
    assert number_text(0.30000000000000004, 0.1) == "0.3"


def test_log_ticks_are_decades_or_in_a_short_range_plain_values() -> None:
    labelled, between = log_ticks(-2.0, 1.0, 8)
    assert [text for _, text in labelled] == ["0.01", "0.1", "1", "10"]
    assert len(between) == 24
    labelled, between = log_ticks(-12.0, 0.0, 5)
    assert [text for _, text in labelled] == ["10⁻¹²", "10⁻⁹", "10⁻⁶", "10⁻³", "10⁰"]
    assert between == []
    labelled, _ = log_ticks(math.log10(2.0), math.log10(6.0), 4)
    assert [text for _, text in labelled] == ["2", "3", "4", "5", "6"]
    assert [10**value for value, _ in labelled] == pytest.approx([2, 3, 4, 5, 6])


def test_a_plot_never_sets_its_ranges_itself(plotted: MakePlot) -> None:
    for log_y in (False, True):
        view, plot = plotted(log_y=log_y)
        plot.setRange(xRange=(0, 1), yRange=(0, 1), padding=0)
        trace = Trace()
        trace.setData(np.arange(1.0, 100.0))
        plot.addItem(trace)
        view.grab()
        assert plot.viewRange() == [[0, 1], [0, 1]]


def test_plots_in_a_row_are_equally_wide(qtbot: object) -> None:
    view = pg.GraphicsLayoutWidget()
    plots = [make_plot(view.ci, 0, n, title=title) for n, title in enumerate(("A", "A much longer title", ""))]
    view.resize(900, 300)
    view.grab()
    widths = [plot.vb.sceneBoundingRect().width() for plot in plots]
    view.close()
    assert max(widths) - min(widths) <= 1.0


def test_the_crosshair_follows_the_mouse_in_whole_steps(plotted: MakePlot, qtbot: pytest.FixtureRequest) -> None:
    view, plot = plotted()
    asked: list[int] = []
    cross = Crosshair(lambda index: asked.append(index) or [(f"iteration {index}", ""), ("Momentum 0.5", "#D55E00")])
    plot.addItem(cross)
    plot.setRange(xRange=(0, 10), yRange=(0, 1), padding=0)
    view.show()
    qtbot.waitExposed(view)
    seen: list[int | None] = []
    cross.moved.connect(seen.append)

    def moved_to(place: QPoint, index: int | None) -> None:
        # To and fro by a pixel: pyqtgraph leaves out a move within 10 ms of the last one, Qt one to the same place.
        shifts = itertools.cycle((QPoint(0, 0), QPoint(0, 1)))

        def there() -> bool:
            qtbot.mouseMove(view.viewport(), place + next(shifts))
            return cross.index == index

        qtbot.waitUntil(there, timeout=2000)

    for x in (4.2, 6.9):
        moved_to(view.mapFromScene(plot.vb.mapViewToScene(QPointF(x, 0.5))), round(x))
    view.grab()
    assert asked[-1] == 7 and seen[-1] == 7
    assert coloured(pixels(view), "#D55E00", 3.0).any()
    moved_to(QPoint(1, 1), None)
    assert seen[-1] is None
    assert not coloured(pixels(view), "#D55E00", 3.0).any()


@pytest.mark.parametrize("height", [130, 160, 420])
def test_a_readout_of_many_lanes_fits_into_a_low_plot(plotted: MakePlot, height: int) -> None:
    view, plot = plotted((900, height))
    rules = OPTIMIZERS.values()
    cross = Crosshair(lambda index: [(f"iteration {index}", ""), *((rule.label, rule.colour) for rule in rules)])
    plot.addItem(cross)
    plot.setRange(xRange=(0, 10), yRange=(0, 1), padding=0)
    cross.set_index(5)
    picture = inside(view, plot)
    for colour, times in Counter(LIGHT.lane(rule.colour) for rule in rules).items():
        assert coloured(picture, colour, 3.0).sum() >= 9 * times  # swatches of 9 by 3 pixels, with soft edges


@pytest.mark.parametrize("most", [60.0, 150.0, 400.0, 5000.0])
@pytest.mark.parametrize("height", [20.0, 40.0, 56.0, 100.0, 400.0])
@pytest.mark.parametrize("count", [0, 1, 2, 13, 40])
def test_a_readout_is_no_larger_than_its_plot_and_counts_what_it_leaves_out(
    count: int, height: float, most: float
) -> None:
    lines = [(f"lane {number}", "#0072B2") for number in range(count)]
    widths = [40.0 + 7.0 * (number % 3) for number in range(count)]
    columns = fitting(lines, widths, height, most)
    found = [line for column in columns for line in column]
    left_out = [int(text.split()[1]) for text, _ in found if text.endswith(" more")]
    kept = found[: len(found) - len(left_out)]
    assert kept == lines[: len(kept)]
    assert not columns or len(kept) + sum(left_out) == count
    assert all(16 * (len(column) + 1) + 8 <= height for column in columns)
    ends = [
        max(widths[lines.index(line)] for line in column if line in lines) for column in columns if column[0] in kept
    ]
    assert sum(ends) + 14 * (len(ends) - 1) <= most
    assert columns or height < 40 or not count


@pytest.mark.parametrize("width", [300, 520])
def test_a_readout_of_many_lanes_ends_in_a_low_and_narrow_plot(plotted: MakePlot, width: int) -> None:
    view, plot = plotted((width, 140))
    lines = [("iteration 5", ""), *((f"{rule.label}  0.1234", "#D55E00") for rule in OPTIMIZERS.values())]
    cross = Crosshair(lambda index: lines)
    plot.addItem(cross)
    plot.setRange(xRange=(0, 10), yRange=(0, 1), padding=0)
    cross.set_index(5)
    picture = inside(view, plot)
    swatches = coloured(picture, "#D55E00", 3.0)
    assert swatches.any() and not swatches[:, -20:].any(), "the box ends before the plot does"
    without = [("iteration 5", ""), ("Momentum  0.1234 and words that go on without an end and on and on", "#D55E00")]
    long = Crosshair(lambda index: without)
    plot.removeItem(cross)
    plot.addItem(long)
    long.set_index(5)
    written = coloured(inside(view, plot), LIGHT.foreground, 60.0).any(axis=0)
    assert written.any() and not written[-4:].any(), "a long line ends in …"


def test_a_legend_breaks_into_rows_that_fit(qtbot: object) -> None:
    entries = [LegendEntry(optimizer.label, optimizer.colour, optimizer.marker) for optimizer in OPTIMIZERS.values()]
    assert len(legend_rows(entries, 5000.0)) == 1
    rows = legend_rows(entries, 250.0)
    assert len(rows) >= 3 and [entry for row in rows for _, entry in row] == entries
    assert legend_height(entries, 250.0) == len(rows) * legend_height(entries, 5000.0)
    assert legend_height([], 250.0) == 0.0


def test_tint_and_theme_arithmetic() -> None:
    assert blend("#000000", "#ffffff", 0.0).name() == "#ffffff"
    assert blend("#ff0000", "#ffffff", 1.0).name() == "#ff0000"
    assert DARK.dark and not LIGHT.dark
