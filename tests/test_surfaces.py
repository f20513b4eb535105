"""Every surface against its own differences, its published minima and independent values."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from core.surfaces import SURFACES, Surface, quadratic, surface

EVERY = pytest.mark.parametrize("each", [*SURFACES.values(), quadratic(3.0)], ids=lambda each: each.formula)

# Values and gradients from the literature or from the formula by hand, none from the code under test.
KNOWN = [
    ("quadratic", (-7.0, 2.0), 6.45, (-0.7, 4.0)),
    ("rosenbrock", (-1.2, 1.0), 24.2, (-215.6, -88.0)),
    ("rosenbrock", (0.0, 0.0), 1.0, (-2.0, 0.0)),
    ("beale", (1.0, 1.0), 14.203125, (0.0, 27.75)),
    ("beale", (0.0, 0.0), 14.203125, (-12.75, 0.0)),
    ("himmelblau", (0.0, 0.0), 170.0, (-14.0, -22.0)),
    ("himmelblau", (-0.270845, -0.923039), 181.617, (0.0, 0.0)),
    ("booth", (0.0, 0.0), 74.0, (-34.0, -38.0)),
    ("saddle", (3.0, 2.0), 5.0, (6.0, -4.0)),
    ("rastrigin", (1.0, 1.0), 2.0, (2.0, 2.0)),
    ("rastrigin", (0.5, 0.0), 20.25, (1.0, 0.0)),
    ("rastrigin", (4.522993, 4.522993), 80.70658, (0.0, 0.0)),
    ("styblinski-tang", (-2.903534, 2.746803), -64.19561, (0.0, 0.0)),
    ("styblinski-tang", (1.0, 0.0), -5.0, (-11.5, 2.5)),
    ("six-hump-camel", (1.0, 1.0), 97 / 30, (2.6, 9.0)),
    ("six-hump-camel", (-1.70361, 0.796084), -0.2154638, (0.0, 0.0)),
    ("ackley", (1.0, 1.0), 20.0 - 20.0 * math.exp(-0.2), (2.0 * math.exp(-0.2), 2.0 * math.exp(-0.2))),
    ("ackley", (0.5, 0.5), 4.253654, (2.0 * math.exp(-0.1), 2.0 * math.exp(-0.1))),
]


def points_in_view(each: Surface, count: int) -> np.ndarray:
    x_low, x_high, y_low, y_high = each.view
    return np.random.default_rng(20).uniform((x_low, y_low), (x_high, y_high), (count, 2))


@EVERY
def test_gradient_is_the_limit_of_central_differences(each: Surface) -> None:
    points, h = points_in_view(each, 500), 1e-5
    numeric = [(each.f(points + step) - each.f(points - step)) / (2 * h) for step in np.eye(2) * h]
    # Rounding of f itself, divided by the step, is what the differences cannot resolve.
    noise = 1e-15 * np.abs(each.f(points)).max() / h
    np.testing.assert_allclose(each.grad(points), np.stack(numeric, -1), rtol=1e-6, atol=1e-6 + noise)


@EVERY
def test_minima_are_flat_and_reach_the_floor(each: Surface) -> None:
    assert bool(each.minima) == math.isfinite(each.floor)
    for minimum in each.minima:
        assert each.value(*minimum) == pytest.approx(each.floor, abs=1e-13)
        assert each.gradient(*minimum) == pytest.approx((0.0, 0.0), abs=1e-12)


@EVERY
def test_nothing_lies_below_the_floor(each: Surface) -> None:
    near = [np.asarray(at) + 1e-4 * points_in_view(each, 1000) for at in each.minima]
    for points in [points_in_view(each, 100_000), *near]:
        assert np.min(each.f(points)) >= each.floor - 1e-13


def test_the_saddle_is_flat_at_the_origin_and_has_no_floor() -> None:
    saddle = surface("saddle")
    assert saddle.gradient(0.0, 0.0) == (0.0, 0.0)
    assert saddle.value(1.0, 0.0) > 0.0 > saddle.value(0.0, 1.0) > saddle.value(0.0, 1e3)
    assert 0.0 < abs(saddle.start[1]) < 0.05


@pytest.mark.parametrize(("key", "point", "value", "gradient"), KNOWN)
def test_known_values(key: str, point: tuple[float, float], value: float, gradient: tuple[float, float]) -> None:
    assert surface(key).value(*point) == pytest.approx(value, rel=5e-6)
    # Stationary points above are published to six digits, and curvatures reach 400.
    assert surface(key).gradient(*point) == pytest.approx(gradient, rel=1e-12, abs=5e-4)


@EVERY
@pytest.mark.parametrize("shape", [(), (1,), (7,), (4, 3), (2, 0)])
def test_points_of_any_shape(each: Surface, shape: tuple[int, ...]) -> None:
    points = points_in_view(each, math.prod(shape)).reshape(*shape, 2)
    values, gradients = np.asarray(each.f(points)), each.grad(points)
    assert values.shape == shape
    assert gradients.shape == points.shape
    assert values.dtype == gradients.dtype == np.float64
    for index in np.ndindex(shape):
        x, y = points[index].tolist()
        assert each.value(x, y) == pytest.approx(values[index], rel=1e-13, abs=1e-13)
        assert each.gradient(x, y) == pytest.approx(gradients[index], rel=1e-13, abs=1e-12)


@EVERY
def test_axes_broadcast_to_a_grid(each: Surface) -> None:
    x, y = np.linspace(*each.view[:2], 256), np.linspace(*each.view[2:], 128)[:, None]
    grid = np.stack(np.broadcast_arrays(x, y), -1)
    values, slope_x, slope_y = each.value(x, y), *each.gradient(x, y)
    assert np.shape(values) == (128, 256)
    np.testing.assert_allclose(values, each.f(grid), rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(np.broadcast_to(slope_x, (128, 256)), each.grad(grid)[..., 0], rtol=1e-13, atol=1e-12)
    np.testing.assert_allclose(np.broadcast_to(slope_y, (128, 256)), each.grad(grid)[..., 1], rtol=1e-13, atol=1e-12)


@EVERY
def test_inputs_stay_as_they_were(each: Surface) -> None:
    points = points_in_view(each, 5)
    before = points.copy()
    each.f(points)
    each.grad(points)
    np.testing.assert_array_equal(points, before)


@EVERY
def test_start_is_in_view_and_has_somewhere_to_go(each: Surface) -> None:
    x_low, x_high, y_low, y_high = each.view
    for x, y in (each.start, *each.minima):
        assert x_low < x < x_high
        assert y_low < y < y_high
    assert each.value(*each.start) > each.floor + 0.1
    assert math.hypot(*each.gradient(*each.start)) > 0.1


@EVERY
@pytest.mark.parametrize("size", [1e80, 1e200, math.inf, math.nan])
@pytest.mark.parametrize("kind", [float, np.float64, lambda v: np.full(3, v)], ids=["float", "float64", "array"])
def test_huge_inputs_do_not_raise(each: Surface, size: float, kind: type) -> None:
    with np.errstate(all="ignore"):
        for x, y in ((size, -size), (-size, size), (size, 0.0), (0.0, size)):
            assert np.shape(each.value(kind(x), kind(y))) == np.shape(kind(x))
            assert np.shape(np.broadcast_arrays(*each.gradient(kind(x), kind(y)))[0]) == np.shape(kind(x))
            assert each.grad(np.array([x, y])).shape == (2,)


@pytest.mark.parametrize("x", [0.0, 5e-324, 1e-310, 1e-200, 1e-12])
def test_ackley_near_its_tip_is_a_cone(x: float) -> None:
    dx, dy = surface("ackley").gradient(x, 0.0)
    slope = 2.0 * math.sqrt(2.0)
    assert dy == 0.0
    assert -1e-12 <= dx <= slope * (1.0 + 1e-9)
    if x >= 1e-300:
        assert dx == pytest.approx(slope, rel=1e-9)


def test_registry_keys_are_the_surfaces_own() -> None:
    assert next(iter(SURFACES)) == "quadratic"
    for key, each in SURFACES.items():
        assert each.key == key
        assert each.name
        assert each.source
        assert each.formula.startswith("f(x, y) = ")
    assert len({each.name for each in SURFACES.values()}) == len(SURFACES)


def test_surface_is_frozen_and_found_by_key() -> None:
    assert surface("beale") is SURFACES["beale"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        SURFACES["beale"].floor = 1.0  # type: ignore[misc]
    with pytest.raises(ValueError, match="surface: 'beal' is not one of quadratic, rosenbrock"):
        surface("beal")


def test_anisotropy_is_the_ratio_of_the_curvatures() -> None:
    assert surface("quadratic").formula == "f(x, y) = x²/20 + y²"
    for anisotropy in (0.5, 1.0, 20.0, 1000.0):
        bowl = surface("quadratic", anisotropy)
        along_x, along_y = bowl.gradient(1.0, 1.0)
        assert along_y / along_x == pytest.approx(anisotropy)
        assert f"x²/{anisotropy:g} " in bowl.formula
    assert surface("booth", 3.0) is SURFACES["booth"]


@pytest.mark.parametrize("anisotropy", [0.0, -1.0, math.inf, math.nan])
def test_anisotropy_out_of_range_is_refused(anisotropy: float) -> None:
    with pytest.raises(ValueError, match=r"anisotropy: .* is not a finite number > 0"):
        quadratic(anisotropy)
