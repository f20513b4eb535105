"""Signals through untrained deep networks: what theory says of their moments under each kind of initial weights."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from core.experiments.propagation import Propagation, propagate
from core.lanes import Axis, lanes_of
from core.presets import build, preset


def lane(name, **values):
    (found,) = lanes_of(preset("activations").configuration({"lanes": (name,), **values}).values, Axis.ACTIVATION)
    return found


def signals(name, hidden=(400,) * 6, inputs=500, seed=0, **values):
    return propagate(lane(name, **values), hidden, inputs, seed)


def moments(arrays):
    return [float(np.mean(np.square(a, dtype=float))) for a in arrays]


def run(**values):
    experiment = build(preset("activations").configuration(values), None)
    experiment.advance(experiment.total)
    return experiment.snapshot()


def mean_moments(name):
    """Average the second moments over twelve draws of the weights, of four layers of 300, forward and back."""
    found = [signals(name, hidden=(300,) * 4, inputs=100, seed=seed) for seed in range(12)]
    return (np.mean([moments(pair[way]) for pair in found], axis=0).tolist() for way in (0, 1))


def test_he_keeps_relus_second_moment() -> None:
    """E[y²] = E[x²] σ² n/2 = E[x²], and gradients as much."""
    forward, backward = mean_moments("relu-he")
    assert forward == pytest.approx([1.0] * 4, rel=0.2)
    assert backward == pytest.approx([1.0] * 4, rel=0.2)


def test_xavier_halves_relus_second_moment_in_each_layer() -> None:
    forward, backward = mean_moments("relu-xavier")
    assert forward == pytest.approx([0.5, 0.25, 0.125, 0.0625], rel=0.2)
    assert backward == pytest.approx([0.125, 0.25, 0.5, 1.0], rel=0.2)


def gaussian_mean(f):
    """E[f(z)] of a standard normal z, by Gauss and Hermite's quadrature."""
    z, weights = np.polynomial.hermite_e.hermegauss(80)
    return float(weights @ f(z)) / math.sqrt(2 * math.pi)


def test_tanh_under_xavier_follows_the_mean_field() -> None:
    """q' = E[tanh²(√q z)], from q = 1: it fades slowly, where σ = 0.01 kills it at once."""
    expected, q = [], 1.0
    for _ in range(6):
        root = math.sqrt(q)
        q = gaussian_mean(lambda z, root=root: np.tanh(root * z) ** 2)
        expected.append(q)
    forward, _backward = signals("tanh-xavier")
    assert moments(forward) == pytest.approx(expected, rel=0.1)
    assert expected[-1] > 0.08


def test_tanh_is_near_linear_for_small_weights() -> None:
    """σ² n = 0.04 shrinks the second moment by that in each layer."""
    forward, backward = signals("tanh-normal-0.01")
    ratios = [b / a for a, b in itertools.pairwise(moments(forward))]
    assert ratios == pytest.approx([0.04] * 5, rel=0.15)
    assert [a / b for a, b in itertools.pairwise(moments(backward))][1:] == pytest.approx([0.04] * 4, rel=0.15)


def test_sigmoid_saturates_under_sigma_one_and_sits_at_a_half_under_zeros() -> None:
    forward, backward = signals("sigmoid-normal-1")
    for values in forward:
        assert np.mean((values < 0.01) | (values > 0.99)) > 0.5
        assert values.mean() == pytest.approx(0.5, abs=0.05)
    forward, backward = signals("sigmoid-zeros")
    assert all((values == 0.5).all() for values in forward)
    assert not any(values.any() for values in backward[:-1]), "no gradient passes zero weights"


def test_the_gradient_is_the_derivative_of_the_last_activation() -> None:
    """From first principles, in float64: dL/dy through y -> f(y W) with the weights that the signals imply."""
    forward, backward = signals("tanh-xavier", hidden=(30, 30, 30), inputs=60)
    for before, after, d_before, d_after in zip(forward, forward[1:], backward, backward[1:], strict=False):
        weights, *_ = np.linalg.lstsq(before.astype(float), np.arctanh(after.astype(float)), rcond=None)
        np.testing.assert_allclose(d_before, (d_after * (1 - after.astype(float) ** 2)) @ weights.T, atol=2e-3)
    assert backward[-1].std() == pytest.approx(1.0, rel=0.1)


@pytest.mark.parametrize("init", ["normal-1", "normal-0.01", "xavier", "he"])
def test_batchnorm_keeps_the_spread_whatever_the_weights(init) -> None:
    forward, _backward = signals(f"tanh-{init}", batchnorm=True)
    expected = math.sqrt(gaussian_mean(lambda z: np.tanh(z) ** 2))
    # With σ = 0.01 the ε of BatchNorm weighs something: the variance before it is 0.04 at first, then 0.016.
    assert [float(values.std()) for values in forward] == pytest.approx([expected] * 6, rel=0.03)


def test_without_batchnorm_it_does_not_keep() -> None:
    forward, _backward = signals("tanh-normal-0.01")
    assert float(forward[-1].std()) < 1e-3


@pytest.mark.parametrize("hidden", [(10,), (20, 5, 30), (100,) * 5])
def test_shapes_of_every_layer(hidden) -> None:
    forward, backward = propagate(lane("relu-he"), hidden, 16, 0)
    assert [a.shape for a in forward] == [a.shape for a in backward] == [(16, width) for width in hidden]
    assert {a.dtype for a in forward + backward} == {np.dtype(np.float32)}


def test_deterministic_and_keyed_by_the_seed() -> None:
    one, same, other = (signals("tanh-he", hidden=(9, 9), inputs=8, seed=s)[0] for s in (1, 1, 2))
    assert one[-1].tobytes() == same[-1].tobytes() != other[-1].tobytes()


def test_lanes_share_inputs_and_weights() -> None:
    """Only σ differs: the linear parts of two lanes' first layers are multiples of each other."""
    one, hundredth = (
        signals(f"tanh-{init}", hidden=(50, 50), inputs=20)[0][0] for init in ("normal-0.01", "normal-0.001")
    )
    np.testing.assert_allclose(np.arctanh(one), 10 * np.arctanh(hundredth), rtol=1e-3, atol=1e-6)


def test_the_figure_has_fifteen_lanes_of_five_layers() -> None:
    configuration = preset("activations").figure_configuration({})
    experiment = Propagation(configuration)
    experiment.advance(experiment.total)
    frame = experiment.snapshot()
    names = [
        f"{a}-{i}" for a in ("sigmoid", "relu", "tanh") for i in ("normal-1", "normal-0.01", "xavier", "he", "zeros")
    ]
    assert [lane.name for lane in frame.lanes] == names
    assert (frame.position, frame.total) == (5, 5)
    for found in frame.statistics:
        assert len(found.activations) == len(found.gradients) == 5
        for layer in found.activations:
            assert len(layer.counts) == 30 and layer.size == 100_000
            assert layer.counts.sum() + layer.below + layer.above + layer.undefined == layer.size
    tanh = frame.statistics[names.index("tanh-normal-1")].activations[0]
    assert (tanh.edges[0], tanh.edges[-1]) == (-1.0, 1.0), "half of tanh's values are below 0"
    assert tanh.counts[:15].sum() == pytest.approx(50_000, rel=0.05)


def test_the_statistics_are_those_of_the_signals() -> None:
    frame = run(lanes=("relu-he",), hidden=(20, 20), inputs=50)
    forward, _backward = propagate(lane("relu-he"), (20, 20), 50, 0)
    for layer, values in zip(frame.statistics[0].activations, forward, strict=True):
        assert layer.mean == pytest.approx(values.mean(), rel=1e-5)
        assert layer.std == pytest.approx(values.std(), rel=1e-5)
        assert layer.zero_share == pytest.approx(np.mean(values == 0))
        np.testing.assert_array_equal(layer.counts, np.histogram(values.astype(float), 30, (0, 5))[0])
        assert layer.above == (values > 5).sum()


def test_without_lanes_the_chosen_one_is_measured() -> None:
    (found,) = run(activation="relu", init="normal-0.5").statistics
    assert found.lane.name == "relu-normal-0.5"


def test_what_explodes_is_counted_not_refused() -> None:
    frame = run(lanes=("relu-normal-100",), hidden=(100,) * 30)
    layer = frame.statistics[0].activations[-1]
    assert layer.counts.sum() + layer.below + layer.above + layer.undefined == layer.size
    assert layer.above + layer.undefined > 0


def test_stepping_shows_one_layer_more_each_time() -> None:
    experiment = Propagation(preset("activations").configuration({"hidden": (8, 8, 8), "inputs": 8}))
    assert list(experiment.steps()) == [1, 2, 3]
    assert experiment.snapshot().position == 3
