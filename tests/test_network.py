"""Whole networks: PyTorch's recorded numbers, central differences, lanes that do not touch each other."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from core.initializers import initializer
from core.layers import ACTIVATIONS, BatchNorm
from core.network import Architecture, Network
from core.optimizers import OPTIMIZERS

KINDS = list(itertools.product(ACTIVATIONS, (False, True)))


def random_network(activation="relu", batchnorm=False, lanes=2, sizes=(6, 5, 4, 3), dtype=np.float64):
    network = Network(Architecture(sizes, activation, batchnorm), lanes, dtype)
    network.params += 0.5 * np.random.default_rng(1).standard_normal(network.params.shape)
    return network


def batch(images=9, features=6, classes=3, seed=2):
    draws = np.random.default_rng(seed)
    return draws.standard_normal((images, features)), draws.integers(0, classes, images)


def numeric_gradients(network, x, labels, l2=0.0, l1=0.0, step=1e-6):
    """Return dL/d(params) by central differences, L with the L2 and L1 terms on weights."""

    def losses():
        loss = network.loss_and_gradient(network.forward(x, training=True), labels)[0]
        for layer in network.affine:
            loss += 0.5 * l2 * (layer.weights**2).sum(axis=(1, 2)) + l1 * np.abs(layer.weights).sum(axis=(1, 2))
        return loss

    found = np.empty_like(network.params)
    for p in range(network.size):
        network.params[:, p] += step
        above = losses()
        network.params[:, p] -= 2 * step
        found[:, p] = (above - losses()) / (2 * step)
        network.params[:, p] += step
    return found


@pytest.mark.parametrize(("activation", "batchnorm"), KINDS)
@pytest.mark.parametrize(("l2", "l1"), [(0.0, 0.0), (0.3, 0.0), (0.0, 0.2), (0.3, 0.2)])
@pytest.mark.parametrize("ratio", [0.0, 0.4])
def test_gradients_are_central_differences(activation, batchnorm, ratio, l2, l1) -> None:
    network, (x, labels) = random_network(activation, batchnorm), batch(17)
    if ratio:
        set_masks(network, 17, ratio)
    assert min(np.abs(layer.weights).min() for layer in network.affine) > 1e-5, "L1 has a corner at 0"
    numeric = numeric_gradients(network, x, labels, l2, l1)
    network.decay(l2, l1)
    network.gradient_step(x, labels)
    assert np.abs(numeric).max() > 0.01, "an empty check"
    np.testing.assert_allclose(network.grads, numeric, rtol=1e-6, atol=1e-6)


def set_masks(network, images, ratio):
    """Leave out other units in every lane, from now on the same ones."""
    draws = np.random.default_rng(3)
    for layer, width in zip(network.dropouts, network.architecture.sizes[1:-1], strict=True):
        layer.scaled_mask = (draws.random((network.lanes, images, width)) >= ratio) / (1 - ratio)


@pytest.mark.parametrize("batchnorm", [False, True])
@pytest.mark.parametrize(
    ("l2", "l1"),
    [([0.0, 2.0, 0.5], [0.0] * 3), ([0.0] * 3, [0.0, 0.3, 1.0]), ([0.0, 2.0, 0.5], [0.0, 0.0, 0.7])],
    ids=["l2", "l1", "both"],
)
def test_each_lane_decays_by_its_own_strengths_and_weights_alone(batchnorm, l2, l1) -> None:
    network, (x, labels) = random_network(batchnorm=batchnorm, lanes=3), batch()
    network.gradient_step(x, labels)
    plain, is_weight = network.grads.copy(), np.zeros(network.grads.shape, bool)
    one = Network(network.architecture, 3, np.float64)
    for layer in one.affine:
        layer.weights[:] = 2  # gamma is 1, all else 0
    is_weight[:] = one.params == 2
    network.decay(np.array(l2)[:, None], np.array(l1)[:, None])
    network.gradient_step(x, labels)
    p = network.params
    expected = is_weight * (np.array(l2)[:, None] * p + np.array(l1)[:, None] * np.sign(p))
    np.testing.assert_array_equal(network.grads[0], plain[0])
    np.testing.assert_allclose(network.grads - plain, expected, atol=1e-12)
    network.decay(0.0, 0.0)
    network.gradient_step(x, labels)
    np.testing.assert_array_equal(network.grads, plain)


def test_weight_norms_are_of_all_weights_and_nothing_else() -> None:
    network = random_network(batchnorm=True, lanes=3)
    expected = [np.sqrt(sum((layer.weights[lane] ** 2).sum() for layer in network.affine)) for lane in range(3)]
    np.testing.assert_allclose(network.weight_norms(), expected, rtol=1e-13)
    assert random_network(dtype=np.float32).weight_norms().dtype == np.float64


# Against PyTorch.


def load_parameters(network, layers):
    """Put the recorded initial parameters into every lane."""
    flat = []
    for number, layer in enumerate(layers):
        flat += [*np.ravel(layer["weights"]), *layer["biases"]]
        if network.architecture.batchnorm and number < len(layers) - 1:
            flat += [*layer["gamma"], *layer["beta"]]
    network.params[:] = flat


def recorded_network(recorded, activation, batchnorm, lanes=1):
    network = Network(Architecture(tuple(recorded["sizes"]), activation, batchnorm), lanes, np.float64)
    load_parameters(network, recorded["initial"])
    return network


@pytest.mark.parametrize(("activation", "batchnorm"), KINDS)
def test_forward_loss_and_gradients_are_torchs(activation, batchnorm, reference) -> None:
    recorded = reference("networks")
    (case,) = (c for c in recorded["gradients"] if (c["activation"], c["batchnorm"]) == (activation, batchnorm))
    network = recorded_network(recorded, activation, batchnorm, lanes=2)
    x, labels = np.array(recorded["inputs"][0]), np.array(recorded["labels"][0])
    logits = network.forward(x, training=True).copy()
    loss = network.gradient_step(x, labels)
    for lane in range(2):
        np.testing.assert_allclose(logits[lane], case["logits"], rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(loss[lane], case["loss"], rtol=1e-12)
        np.testing.assert_allclose(network.grads[lane], np.concatenate(case["gradients"]), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("batchnorm", [False, True])
@pytest.mark.parametrize("l2", [0.0, 0.05])
@pytest.mark.parametrize("key", OPTIMIZERS)
def test_twenty_updates_are_torchs(key, batchnorm, l2, reference) -> None:
    recorded = reference("networks")
    wanted = (key, batchnorm, l2)
    cases = [c for c in recorded["trainings"] if (c["optimizer"], c["batchnorm"], c["l2"]) == wanted]
    if not cases:
        pytest.skip(f"no recorded reference for {key}; tests/reference/make_networks.py makes one")
    (case,) = cases
    network = recorded_network(recorded, "relu", batchnorm)
    optimizer, losses = OPTIMIZERS[key](**case["settings"]), []
    network.decay(l2, 0.0)
    state = optimizer.init(network.params)
    for x, labels in zip(np.array(recorded["inputs"]), np.array(recorded["labels"]), strict=True):
        losses.append(network.gradient_step(x, labels)[0])
        optimizer.update(network.params, network.grads, state)
    np.testing.assert_allclose(losses, case["losses"], rtol=1e-9)
    np.testing.assert_allclose(network.params[0], np.concatenate(case["parameters"]), rtol=1e-8, atol=1e-9)


# Lanes, predictions, initial weights.


@pytest.mark.parametrize("batchnorm", [False, True])
def test_lanes_are_the_same_alone_as_together(batchnorm) -> None:
    network, (x, labels) = random_network(batchnorm=batchnorm, lanes=3, dtype=np.float32), batch(32)
    x = x.astype(np.float32)
    alone = [network.subset([lane]) for lane in range(3)]
    losses = network.gradient_step(x, labels)
    for lane, single in enumerate(alone):
        assert single.gradient_step(x, labels)[0] == losses[lane]
        assert single.grads[0].tobytes() == network.grads[lane].tobytes()
        assert single.stats[0].tobytes() == network.stats[lane].tobytes()


def test_a_prediction_under_masks_is_the_plain_networks() -> None:
    network, (x, _labels) = random_network(batchnorm=True), batch()
    plain = network.forward(x).copy()
    set_masks(network, 9, 0.5)
    np.testing.assert_array_equal(network.forward(x), plain)
    assert not np.allclose(network.forward(x, training=True), plain)


def test_masks_of_ones_change_no_bit() -> None:
    """So lanes without Dropout can share a stack with lanes that have it."""
    network, (x, labels) = random_network(dtype=np.float32), batch()
    losses = network.gradient_step(x, labels).copy()
    grads = network.grads.copy()
    for layer, width in zip(network.dropouts, (5, 4), strict=True):
        layer.scaled_mask = np.ones((2, 9, width), np.float32)
    assert network.gradient_step(x, labels).tobytes() == losses.tobytes()
    assert network.grads.tobytes() == grads.tobytes()


def test_a_twin_predicts_the_same_in_buffers_of_its_own() -> None:
    network, (x, labels) = random_network(batchnorm=True), batch()
    twin = network.twin()
    network.gradient_step(x, labels)
    network.params += 0.1
    expected = network.forward(x)
    kept, found = expected.copy(), twin.forward(x)
    np.testing.assert_array_equal(found, kept)
    twin.forward(2 * x)
    np.testing.assert_array_equal(expected, kept)  # the twin's work leaves it alone
    assert not np.shares_memory(found, expected) and np.shares_memory(twin.params, network.params)


def test_a_subset_is_a_copy_with_its_running_statistics() -> None:
    network, (x, labels) = random_network(batchnorm=True, lanes=3), batch(32)
    network.gradient_step(x, labels)
    part = network.subset([2, 0])
    expected = network.forward(x).copy()
    np.testing.assert_array_equal(part.forward(x), expected[[2, 0]])
    part.params[:] = 0
    np.testing.assert_array_equal(network.forward(x), expected)


def test_predictions_use_running_statistics_not_the_batchs() -> None:
    network, (x, labels) = random_network(batchnorm=True), batch(64)
    network.gradient_step(x, labels)
    whole = network.forward(x).copy()
    np.testing.assert_allclose(network.forward(x[:1]), whole[:, :1], rtol=1e-12)
    np.testing.assert_allclose(network.forward(x, training=True), whole, rtol=1e-9)  # after one batch they agree
    assert not np.allclose(network.forward(x[:8], training=True), whole[:, :8])


def test_gamma_starts_at_one_and_all_else_at_zero() -> None:
    network = Network(Architecture((4, 3, 2), "relu", True), 2)
    (normalize,) = (layer for layer in network.layers if isinstance(layer, BatchNorm))
    assert (normalize.gamma == 1).all() and network.params.sum() == normalize.gamma.sum()
    assert network.params.dtype == np.float32


def initialized(names, inputs=None, sizes=(200, 100, 10)):
    inputs = np.arange(sizes[0]) if inputs is None else inputs
    network = Network(Architecture((len(inputs), *sizes[1:])), len(names))
    network.initialize([initializer(name) for name in names], 5, inputs, sizes[0])
    return network


def test_initial_weights_have_the_declared_spread_and_share_their_draws() -> None:
    names = ("normal-1", "normal-0.01", "xavier", "he", "zeros")
    network = initialized(names)
    for layer in network.affine:
        one = layer.weights[0]
        assert abs(one.std() - 1) < 4 / np.sqrt(2 * one.size)
        assert abs(one.mean()) < 4 / np.sqrt(one.size)
        sigmas = (1.0, 0.01, (1 / layer.n_in) ** 0.5, (2 / layer.n_in) ** 0.5, 0.0)
        for lane, sigma in enumerate(sigmas):
            np.testing.assert_allclose(layer.weights[lane], sigma * one, rtol=1e-6)
        assert not layer.biases.any()


def test_layers_do_not_repeat_each_others_draws() -> None:
    first, second = initialized(("normal-1",), sizes=(100, 100, 100)).affine
    assert abs(np.corrcoef(first.weights[0].ravel(), second.weights[0].ravel())[0, 1]) < 0.05


def test_left_out_inputs_leave_the_other_weights_as_they_are() -> None:
    """Draws and σ are those of all n_in inputs, so results do not depend on which pixels happen to be dark."""
    kept = np.array([0, 3, 4, 150])
    whole, part = initialized(("he",)), initialized(("he",), kept)
    np.testing.assert_array_equal(part.affine[0].weights[0], whole.affine[0].weights[0][kept])
    np.testing.assert_array_equal(part.affine[1].weights, whole.affine[1].weights)


def test_hidden_gradients_are_differences_of_the_activations() -> None:
    """Adding a little to one hidden value changes the loss by what is returned for it."""
    network, (x, labels) = random_network("tanh", lanes=1), batch()
    hidden = network.hidden(x, training=True)
    _, d = network.loss_and_gradient(network.layers[-1].forward(hidden[-1].copy(), True), labels)
    found = network.hidden_gradients(d)
    assert [h.shape for h in hidden] == [g.shape for g in found] == [(1, 9, 5), (1, 9, 4)]

    def loss(shift):
        moved = hidden[-1].copy()
        moved[0, 3, 2] += shift
        return network.loss_and_gradient(network.layers[-1].forward(moved, True), labels)[0][0]

    assert found[-1][0, 3, 2] == pytest.approx((loss(1e-6) - loss(-1e-6)) / 2e-6, rel=1e-6)


def test_a_network_without_hidden_layers_is_a_softmax_regression() -> None:
    network, (x, labels) = random_network(sizes=(6, 3), lanes=1), batch()
    numeric = numeric_gradients(network, x, labels)
    network.gradient_step(x, labels)
    np.testing.assert_allclose(network.grads, numeric, rtol=1e-6, atol=1e-8)
    x_wide = np.hstack([x, np.ones((9, 1))])
    shares = np.exp(x_wide @ network.params[0].reshape(7, 3))
    shares /= shares.sum(axis=1, keepdims=True)
    assert network.loss_and_gradient(network.forward(x), labels)[0][0] == pytest.approx(
        -np.log(shares[np.arange(9), labels]).mean()
    )
