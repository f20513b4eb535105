"""Every layer's gradients against central differences in float64, lane by lane, and what a layer keeps to itself."""

from __future__ import annotations

import numpy as np
import pytest

from core.layers import ACTIVATIONS, Affine, BatchNorm, Dropout, Output, ReLU, Sigmoid, SoftmaxCrossEntropy, Tanh

LANES, BATCH, N_IN, N_OUT = 3, 9, 5, 4


def draws(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def bound(layer, lanes=LANES, seed=10):
    """Return the layer on random parameters, and these flat parameters and their gradients."""
    params, grads = draws(lanes, layer.size, seed=seed), np.full((lanes, layer.size), np.nan)
    layer.bind(params, grads, np.zeros((lanes, layer.stat_size)))
    return layer, params, grads


def differences(f, array, step=1e-6):
    """Return df/d(array) by central differences, where f() reads `array`, which is changed and put back."""
    found = np.empty_like(array)
    for place in np.ndindex(array.shape):
        kept = array[place]
        array[place] = kept + step
        above = f()
        array[place] = kept - step
        found[place] = (above - f()) / (2 * step)
        array[place] = kept
    return found


def check(layer, x, params, grads, out_shape):
    """Compare backward with the differences of sum(weights * forward), for the inputs and for every parameter."""
    weights = draws(*out_shape, seed=3)

    def total():
        return float((weights * layer.forward(x.copy(), True)).sum())

    numeric_x, numeric_p = differences(total, x), differences(total, params)
    total()
    dx = layer.backward(weights.copy())
    np.testing.assert_allclose(grads, numeric_p, rtol=1e-6, atol=1e-6)
    return dx, numeric_x


@pytest.mark.parametrize("kind", [Affine, Output])
@pytest.mark.parametrize("bias", [True, False])
def test_affine_gradients(kind, bias) -> None:
    layer, params, grads = bound(kind(N_IN, N_OUT, bias=bias))
    dx, numeric = check(layer, draws(LANES, BATCH, N_IN), params, grads, (LANES, BATCH, N_OUT))
    np.testing.assert_allclose(dx, numeric, rtol=1e-6, atol=1e-6)


def test_affine_gradients_on_a_shared_batch() -> None:
    layer, params, grads = bound(Affine(N_IN, N_OUT, first=True))
    check(layer, draws(BATCH, N_IN), params, grads, (LANES, BATCH, N_OUT))


def test_affine_is_x_times_w_plus_b_with_weights_before_biases() -> None:
    layer, params, _grads = bound(Affine(2, 3), lanes=1)
    params[0] = [1, 2, 3, 4, 5, 6, 10, 20, 30]
    np.testing.assert_array_equal(layer.forward(np.array([[[1.0, 2.0]]]), True), [[[19, 32, 45]]])


@pytest.mark.parametrize("kind", ACTIVATIONS.values(), ids=ACTIVATIONS)
def test_activation_gradients(kind) -> None:
    layer, params, grads = bound(kind())
    x = draws(LANES, BATCH, N_IN)
    x += np.sign(x) * 1e-3  # away from ReLU's corner
    dx, numeric = check(layer, x, params, grads, x.shape)
    np.testing.assert_allclose(dx, numeric, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (ReLU, [0.0, 0.0, 0.0, 0.5, 800.0]),
        (Sigmoid, [0.0, 0.2689414213699951, 0.5, 0.6224593312018546, 1.0]),
        (Tanh, [-1.0, -0.7615941559557649, 0.0, 0.46211715726000975, 1.0]),
    ],
)
def test_activation_values_and_no_warning_far_out(kind, expected) -> None:
    x = np.array([[[-800.0, -1.0, 0.0, 0.5, 800.0]]])
    np.testing.assert_allclose(kind().forward(x, True)[0, 0], expected, rtol=1e-14)


@pytest.mark.parametrize("kind", ACTIVATIONS.values(), ids=ACTIVATIONS)
def test_activations_pass_nan_on(kind) -> None:
    """A lane that diverged must be seen to have: no activation may turn NaN into a number."""
    assert np.isnan(kind().forward(np.full((1, 1, 3), np.nan), True)).all()


@pytest.mark.parametrize("batch", [8, 9, 33])
def test_batchnorm_gradients(batch) -> None:
    layer, params, grads = bound(BatchNorm(N_IN))
    x = 2 * draws(LANES, batch, N_IN) + 3
    dx, numeric = check(layer, x, params, grads, x.shape)
    assert np.abs(numeric).max() > 0.01, "an empty check"
    np.testing.assert_allclose(dx, numeric, rtol=1e-6, atol=1e-6)


def test_batchnorm_normalizes_each_feature_of_each_lane() -> None:
    layer, params, _grads = bound(BatchNorm(N_IN))
    params[:, :N_IN], params[:, N_IN:] = 1.0, 0.0
    x = draws(LANES, 400, N_IN) * np.arange(1, 6) + 7 * np.arange(LANES)[:, None, None]
    variance = x.var(axis=1)
    y = layer.forward(x, True)
    np.testing.assert_allclose(y.mean(axis=1), 0, atol=1e-13)
    np.testing.assert_allclose(y.var(axis=1), variance / (variance + 1e-5), rtol=1e-12)


def predict(layer, at=0.0):
    return layer.forward(np.full((LANES, 1, N_IN), at), False)[:, 0]


def test_batchnorm_predicts_with_the_first_batch_after_it() -> None:
    layer, params, _grads = bound(BatchNorm(N_IN))
    params[:, :N_IN], params[:, N_IN:] = 1.0, 0.0
    x = 3 * draws(LANES, BATCH, N_IN) + 5
    layer.forward(x.copy(), True)
    np.testing.assert_allclose(predict(layer), -x.mean(axis=1) / np.sqrt(x.var(axis=1) + 1e-5), rtol=1e-12)


def test_batchnorm_keeps_nine_tenths_of_its_running_statistics() -> None:
    layer, params, _grads = bound(BatchNorm(N_IN))
    params[:, :N_IN], params[:, N_IN:] = 1.0, 0.0
    mean = var = None
    for number in range(5):
        x = (1 + number) * draws(LANES, BATCH, N_IN, seed=number) + number
        layer.forward(x.copy(), True)
        now = x.mean(axis=1), x.var(axis=1)
        mean = now[0] if mean is None else 0.9 * mean + 0.1 * now[0]
        var = now[1] if var is None else 0.9 * var + 0.1 * now[1]
        layer.forward(100 * x, False)  # a prediction leaves no trace
    np.testing.assert_allclose(predict(layer, 2.0), (2.0 - mean) / np.sqrt(var + 1e-5), rtol=1e-12)


def test_batchnorm_is_torchs_in_training(reference) -> None:
    case = reference("regularization")["batchnorm_layer"]
    layer, grads = recorded_batchnorm(case)
    x = np.array(case["inputs"])
    y = layer.forward(x[0][None], True)
    np.testing.assert_allclose(y[0], case["outputs"][0], rtol=1e-10, atol=1e-12)
    d_inputs = layer.backward(np.array(case["d"])[None])
    np.testing.assert_allclose(d_inputs[0], case["d_inputs"], rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(grads[0], case["d_gamma"] + case["d_beta"], rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(layer.forward(x[-1][None], True)[0], case["outputs"][1], rtol=1e-10, atol=1e-12)


def recorded_batchnorm(case):
    layer, params, grads = bound(BatchNorm(4), lanes=1)
    params[0] = case["gamma"] + case["beta"]
    return layer, grads


def test_batchnorms_running_statistics_are_torchs_but_for_their_start(reference) -> None:
    """After T batches of n rows, and with b the first one's statistics:

    PyTorch's mean starts from 0, so ours is theirs + 0.9^T b. Their variance starts from 1 and is unbiased, u = v n /
    (n - 1), so ours is (n - 1)/n (theirs + 0.9^T (u - 1)).
    """
    case = reference("regularization")["batchnorm_layer"]
    layer, _grads = recorded_batchnorm(case)
    x = np.array(case["inputs"])
    for number in range(len(x)):
        layer.forward(x[number][None].copy(), True)
    (times, n), (mean, var) = x.shape[:2], case["torch_running"]
    expected = (
        mean + 0.9**times * x[0].mean(axis=0),
        (n - 1) / n * (var + 0.9**times * (x[0].var(axis=0, ddof=1) - 1)),
    )
    found = layer._mean[0, 0], layer._var[0, 0]
    np.testing.assert_allclose(found, expected, rtol=1e-10)
    np.testing.assert_allclose(found, case["running"], rtol=1e-10)
    np.testing.assert_allclose(layer.forward(x[3][None], False)[0], case["predicted"], rtol=1e-10, atol=1e-12)


def test_batchnorm_of_a_batch_of_one_is_beta() -> None:
    layer, params, _grads = bound(BatchNorm(N_IN))
    y = layer.forward(draws(LANES, 1, N_IN), True)
    np.testing.assert_allclose(y[:, 0], params[:, N_IN:], atol=1e-12)


def dropout_of(ratio=0.4, dtype=float):
    layer = Dropout()
    mask = np.random.default_rng(4).random((LANES, BATCH, N_IN)) >= ratio
    layer.scaled_mask = (mask / (1 - ratio)).astype(dtype)
    return layer


def test_dropout_gradients() -> None:
    layer, params, grads = bound(dropout_of())
    x = draws(LANES, BATCH, N_IN)
    dx, numeric = check(layer, x, params, grads, x.shape)
    np.testing.assert_allclose(dx, numeric, rtol=1e-6, atol=1e-6)


def test_dropout_leaves_units_out_in_training_only_and_its_input_alone() -> None:
    layer, x = dropout_of(), draws(LANES, BATCH, N_IN)
    given = x.copy()
    np.testing.assert_allclose(layer.forward(given, True), np.where(layer.scaled_mask > 0, x / 0.6, 0), rtol=1e-15)
    np.testing.assert_array_equal(given, x)  # an activation's backward pass reads it again
    assert layer.forward(given, False) is given


def test_dropout_without_a_mask_leaves_everything_in() -> None:
    layer, x = Dropout(), draws(LANES, BATCH, N_IN)
    assert layer.forward(x, True) is x and layer.backward(x) is x


def cross_entropy(logits, labels):
    """The definition, one image at a time."""
    with np.errstate(under="ignore"):
        shares = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    return np.array([-np.mean([np.log(lane[i, k]) for i, k in enumerate(labels)]) for lane in shares])


def test_softmax_cross_entropy_value_and_gradient() -> None:
    logits, labels = 3 * draws(LANES, BATCH, 7), np.arange(BATCH) % 7
    loss, d = SoftmaxCrossEntropy().loss_and_gradient(logits.copy(), labels)
    np.testing.assert_allclose(loss, cross_entropy(logits, labels), rtol=1e-13)
    numeric = differences(lambda: float(cross_entropy(logits, labels).sum()), logits)
    np.testing.assert_allclose(d, numeric, rtol=1e-6, atol=1e-8)


def test_softmax_cross_entropy_of_huge_logits() -> None:
    logits = np.array([[[1e4, 0.0, -1e4], [0.0, 1e4, 0.0]]])
    loss, d = SoftmaxCrossEntropy().loss_and_gradient(logits, np.array([0, 2]))
    assert loss == pytest.approx([5e3])
    np.testing.assert_allclose(d, [[[0, 0, 0], [0, 0.5, -0.5]]], atol=1e-300)


def test_loss_is_of_the_lane_alone_and_nan_stays_in_its_lane() -> None:
    logits, labels = draws(LANES, BATCH, 4), np.arange(BATCH) % 4
    expected = cross_entropy(logits, labels)
    logits[1, 3, 2] = np.nan
    loss, d = SoftmaxCrossEntropy().loss_and_gradient(logits, labels)
    assert np.isnan(loss).tolist() == [False, True, False]
    np.testing.assert_allclose(loss[[0, 2]], expected[[0, 2]], rtol=1e-13)
    assert np.isfinite(d[[0, 2]]).all()


MAKERS = {
    "affine": lambda: Affine(N_IN, N_OUT),
    "output": lambda: Output(N_IN, N_OUT),
    "batchnorm": lambda: BatchNorm(N_IN),
    "dropout without a mask": Dropout,
    **ACTIVATIONS,
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_lanes_are_independent_and_types_stay(make, dtype) -> None:
    """Three lanes together are three lanes alone, to the last bit, forward and back."""
    x = draws(LANES, BATCH, N_IN).astype(dtype)
    params = draws(LANES, make().size, seed=10).astype(dtype)

    def run(rows):
        layer = make()
        kept, grads = params[rows].copy(), np.zeros((len(rows), layer.size), dtype)
        layer.bind(kept, grads, np.zeros((len(rows), layer.stat_size), dtype))
        y = layer.forward(x[rows].copy(), True).copy()
        d = draws(*(LANES, *y.shape[1:]), seed=3).astype(dtype)[rows].copy()
        dx = layer.backward(d)
        assert {y.dtype, dx.dtype, grads.dtype} == {np.dtype(dtype)}
        return y, dx, grads

    together = run([0, 1, 2])
    for lane in range(LANES):
        for whole, alone in zip(together, run([lane]), strict=True):
            assert whole[lane].tobytes() == alone[0].tobytes()


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_buffers_of_one_batch_size_do_not_serve_another(make) -> None:
    """Accuracies are measured in chunks of other sizes between two training steps."""
    layer, _params, _grads = bound(make())
    x = draws(LANES, BATCH, N_IN)
    first = layer.forward(x.copy(), True).copy()
    layer.forward(draws(LANES, 2, N_IN, seed=1), True)
    np.testing.assert_array_equal(layer.forward(x.copy(), True), first)
