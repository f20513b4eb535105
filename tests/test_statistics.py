"""Counting is complete and right: against np.histogram, at the edges, with infinities and NaN."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core.statistics import (
    FITTED,
    FIXED,
    RANGES,
    activation_statistics,
    count,
    fitted_range,
    gradient_statistics,
    nice_ceiling,
)

ENDS = [(0.0, 1.0), (-1.0, 1.0), (0.0, 5.0), (-0.3, 0.3), (-3.0, 0.015)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("bins", [5, 30, 40, 200])
@pytest.mark.parametrize("ends", ENDS, ids=str)
def test_counts_are_numpys(ends, bins, dtype) -> None:
    values = (2 * np.random.default_rng(bins).standard_normal(5000)).astype(dtype)
    counts, below, above, undefined = count(values, ends, bins)
    np.testing.assert_array_equal(counts, np.histogram(values.astype(float), bins, ends)[0])
    assert (below, above, undefined) == ((values < ends[0]).sum(), (values > ends[1]).sum(), 0)


@pytest.mark.parametrize(("ends", "bins"), [((0.0, 1.0), 8), ((-1.0, 1.0), 16), ((0.0, 5.0), 5), ((-4.0, 4.0), 32)])
def test_values_on_edges_are_in_the_bin_to_their_right_and_the_last_in_the_last(ends, bins) -> None:
    edges = np.linspace(*ends, bins + 1)
    counts, below, above, _undefined = count(edges, ends, bins)
    assert counts.tolist() == [1] * (bins - 1) + [2]
    assert below == above == 0
    outside = np.array([np.nextafter(ends[0], -9), np.nextafter(ends[1], 9)])
    assert count(outside, ends, bins)[1:3] == (1, 1)


@pytest.mark.parametrize("bins", [10, 30, 40, 200])
def test_zero_is_in_the_bin_that_begins_at_zero(bins) -> None:
    """Half of ReLU's gradients are exactly 0; a rounding error must not put them left of 0."""
    for end in [m * 10.0**e for e in range(-9, 3) for m in (1, 1.5, 2, 3, 5, 8)]:
        assert np.flatnonzero(count(np.zeros(3), (-end, end), bins)[0]).tolist() == [bins // 2], end


HOSTILE = [
    np.array([math.nan]),
    np.array([math.inf, -math.inf, math.nan, 0.5]),
    np.full(7, -math.inf),
    np.array([1e300, -1e300, 5e-324, -5e-324, 0.0, -0.0]),
    np.array([3e38, -3e38, 1e-45], np.float32),
    np.linspace(-2, 2, 1001),
]


@pytest.mark.parametrize("values", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("activation", RANGES)
@pytest.mark.parametrize("fit", [FIXED, FITTED])
def test_every_value_is_counted_once(values, activation, fit) -> None:
    with np.errstate(all="ignore"):
        found = activation_statistics([values, values[::-1]], activation, 30, fit)
        found += gradient_statistics([values], 40)
    for layer in found:
        assert layer.counts.sum() + layer.below + layer.above + layer.undefined == layer.size == values.size
        assert layer.undefined == np.isnan(values).sum()
        assert len(layer.edges) == len(layer.counts) + 1
        assert np.all(np.diff(layer.edges) > 0)


def test_infinities_are_below_and_above() -> None:
    (layer,) = activation_statistics([np.array([math.inf, math.inf, -math.inf, 0.5])], "tanh", 4, FIXED)
    assert (layer.below, layer.above, layer.undefined, layer.counts.tolist()) == (1, 2, 0, [0, 0, 0, 1])


def test_moments_and_zero_share() -> None:
    values = np.array([[0.0, 1.0], [0.0, 3.0]], np.float32)
    (layer,) = activation_statistics([values], "relu", 5, FIXED)
    assert (layer.layer, layer.size) == (1, 4)
    assert (layer.mean, layer.std) == pytest.approx((1.0, 1.5**0.5))
    assert layer.zero_share == 0.5


def test_moments_do_not_lose_digits_in_float32() -> None:
    values = np.full(100_000, 1000.1, np.float32)
    (layer,) = activation_statistics([values], "relu", 5, FIXED)
    assert layer.mean == pytest.approx(float(np.float32(1000.1)), rel=1e-12)
    assert layer.std == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
def test_saturated_means_a_slope_below_a_twentieth_of_the_largest(activation) -> None:
    x = np.linspace(-8, 8, 4001)
    y, slope = (np.tanh(x), 1 / np.cosh(x) ** 2) if activation == "tanh" else (1 / (1 + np.exp(-x)), None)
    if slope is None:
        slope = np.exp(-x) / (1 + np.exp(-x)) ** 2
    (layer,) = activation_statistics([y], activation, 30, FIXED)
    assert layer.saturated_share == pytest.approx(np.mean(slope < 0.05 * slope.max()), abs=1.5 / len(x))
    assert 0.2 < layer.saturated_share < 0.8


def test_a_relu_is_saturated_where_it_is_zero_and_gradients_never_are() -> None:
    values = np.array([0.0, 0.0, 1.0, 9.0])
    assert activation_statistics([values], "relu", 5, FIXED)[0].saturated_share == 0.5
    assert gradient_statistics([values], 5)[0].saturated_share == 0.0


def test_all_layers_share_one_range() -> None:
    small, wide = np.linspace(-1, 1, 50), np.linspace(-7, 4, 50)
    for found in (activation_statistics([small, wide], "tanh", 10, FITTED), gradient_statistics([small, wide], 10)):
        np.testing.assert_array_equal(found[0].edges, found[1].edges)
        assert [layer.layer for layer in found] == [1, 2]


def test_a_fitted_range_is_round_and_holds_everything() -> None:
    assert fitted_range([np.array([0.0, 2.6])]) == (0.0, 3.0)
    assert fitted_range([np.array([-0.07, 0.2]), np.array([math.nan, math.inf, 1.2])]) == (-0.08, 1.5)
    assert fitted_range([np.zeros(3)]) == (0.0, 1.0)
    assert fitted_range([np.array([math.nan])]) == (0.0, 1.0)
    assert fitted_range([np.array([-5.0, -4.0])]) == (-5.0, 0.0)
    (layer,) = activation_statistics([np.random.default_rng(0).standard_normal(999)], "relu", 30, FITTED)
    assert (layer.below, layer.above) == (0, 0)


@pytest.mark.parametrize("exponent", range(-30, 30))
def test_nice_ceilings(exponent) -> None:
    for value in np.random.default_rng(exponent + 30).uniform(1, 10, 50) * 10.0**exponent:
        found = nice_ceiling(float(value))
        assert value <= found < 1.7 * value
        assert f"{found:.3e}"[:5] in ("1.000", "1.500", "2.000", "3.000", "5.000", "8.000")


def test_nice_ceiling_of_nothing_is_one() -> None:
    assert [nice_ceiling(v) for v in (0.0, -3.0, math.inf, math.nan, 1.0, 1000.0)] == [1, 1, 1, 1, 1, 1000]


def test_gradients_are_drawn_over_four_standard_deviations() -> None:
    values = np.random.default_rng(0).standard_normal(10_000)
    (layer,) = gradient_statistics([values], 40)
    assert (layer.edges[0], layer.edges[-1]) == (-5.0, 5.0)


def test_statistics_are_frozen() -> None:
    (layer,) = activation_statistics([np.zeros(3)], "tanh", 5, FIXED)
    for array in (layer.counts, layer.edges):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_infinite_values_beside_the_largest_finite_ones_are_beyond_the_range() -> None:
    values = np.array([0.0, 3.4e38, np.inf, np.inf, np.nan], np.float32)
    (found,) = activation_statistics([values], "relu", 40, FITTED)
    assert (found.counts.sum(), found.below, found.above, found.undefined) == (2, 0, 2, 1)
    (signed,) = activation_statistics([np.array([-np.inf, -3.4e38, 3.4e38, np.inf], np.float32)], "relu", 40, FITTED)
    assert (signed.counts.sum(), signed.below, signed.above) == (2, 1, 1)
