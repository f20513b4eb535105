"""Landscapes: heights, light, triangles and draped paths as numbers, without a window."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.presets import PRESETS, build
from core.relief import GRID, LEVELS, relief_of
from core.surfaces import SURFACES, quadratic

ALL = [quadratic(20.0), *SURFACES.values()]


@pytest.mark.parametrize("surface", ALL, ids=lambda found: found.key)
def test_heights_fill_the_box_and_half_of_the_view_is_below_half_of_it(surface):
    relief = relief_of(surface)
    z = relief.ground[..., 2]
    assert z.shape == (GRID, GRID) and z.max() == pytest.approx(1.0)
    assert 0.0 <= z.min() < 0.05
    if relief.logarithmic:
        assert np.median(z) == pytest.approx(0.5, abs=0.02)
    assert len(relief.faces) == 2 * (GRID - 1) ** 2
    assert 0.0 <= relief.light.min() < relief.light.max() <= 1.0


def test_heights_are_the_logarithm_of_what_is_above_the_lowest_value():
    surface = SURFACES["rosenbrock"]
    relief = relief_of(surface)
    x, y = np.linspace(*surface.view[:2], GRID), np.linspace(*surface.view[2:], GRID)
    for i, j in ((0, 0), (17, 90), (60, 60), (119, 3)):
        above = surface.value(x[i], y[j]) - surface.floor
        wanted = np.log1p(above / relief.scale) / np.log1p((relief.highest - relief.lowest) / relief.scale)
        assert relief.ground[i, j, 2] == pytest.approx(wanted, abs=1e-12)
        assert relief.place(np.array([x[i], y[j]]))[2] == pytest.approx(wanted, abs=1e-9)
    assert relief.ground[17, 90, :2] == pytest.approx([2 * 17 / 119 - 1, 2 * 90 / 119 - 1])


def test_contour_lines_lie_on_the_ground():
    surface = quadratic(20.0)
    relief = relief_of(surface)
    ends = relief.lines.reshape(-1, 3)
    levels = np.unique(ends[:, 2])
    assert levels == pytest.approx((np.arange(LEVELS) + 0.5) / LEVELS)
    points = ends[:, :2] * 10.0
    assert np.abs(relief.place(points)[:, 2] - ends[:, 2]).max() < 0.03


def test_what_has_no_value_has_no_triangles_and_no_height():
    def value(x, y):
        with np.errstate(all="ignore"):
            return np.log(x) + 1.0 / np.maximum(y, 0.0)

    surface = replace(quadratic(20.0), value=value, floor=-np.inf, minima=())
    relief = relief_of(surface)
    z = relief.ground[..., 2]
    x, y = relief.ground[..., 0], relief.ground[..., 1]
    assert np.isnan(z[(x <= 0.0) | (y <= 0.0)]).all()
    assert np.isfinite(z[(x > 0.0) & (y > 0.0)]).all()
    assert len(relief.faces) > 0 and np.isfinite(z.ravel()[relief.faces]).all()
    assert np.isfinite(relief.lines).all()


@pytest.mark.parametrize("constant", [3.0, np.nan, np.inf])
def test_a_plain_or_nothing_at_all_is_no_error(constant):
    surface = replace(quadratic(20.0), value=lambda x, y: x * 0.0 + y * 0.0 + constant, floor=-np.inf, minima=())
    relief = relief_of(surface)
    z = relief.ground[..., 2]
    assert (z == 0.0).all() if constant == 3.0 else (np.isnan(z).all() and len(relief.faces) == 0)


def test_paths_lie_on_the_ground_and_pass_through_their_points(finish_paths):
    frame = finish_paths()
    relief = relief_of(frame.surface)
    draped, parts = relief.drape(frame.points)
    assert draped.shape == (6, 29 * parts + 1, 3) and parts > 1
    np.testing.assert_array_equal(draped[:, ::parts], relief.place(frame.points))
    middle = 0.5 * (frame.points[0, 0] + frame.points[0, 1])
    assert draped[0, parts // 2] == pytest.approx(relief.place(middle))


def test_a_lane_that_diverges_is_cut_where_it_leaves(finish_paths):
    frame = finish_paths({"sgd.lr": 3.0, "iterations": 900})
    assert frame.diverged[0] is not None
    draped, _ = relief_of(frame.surface).drape(frame.points)
    inside = np.isfinite(draped).all(axis=-1)
    assert inside[0, 0] and not inside[0, -1] and inside[1:].any(axis=1).all()
    assert (np.isnan(draped) | (np.abs(draped) <= 1.5)).all()


@pytest.fixture
def finish_paths():
    """Run the optimizers to the end."""

    def run(values=None):
        experiment = build(PRESETS["optimizer-paths"].configuration(values or {}), lambda: None)
        experiment.advance(experiment.total)
        return experiment.snapshot()

    return run
