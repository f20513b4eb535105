"""What holds weights back: lanes' names, PyTorch's recorded trainings, runs whose lanes have their own strengths."""

from __future__ import annotations

import numpy as np
import pytest

from core.lanes import Axis, lanes_of
from core.optimizers import OPTIMIZERS
from core.presets import preset
from core.regularization import look_of, parts_label, parts_of, regularization_name, strengths, with_strength
from tests.test_network import KINDS, recorded_network

NAMES = [
    ("plain", "plain", (0, 0, 0), "plain"),
    ("l2-0", "l2-0", (0, 0, 0), "λ = 0"),
    ("l2-0.10", "l2-0.1", (0.1, 0, 0), "λ = 0.1"),
    ("l2-1e-05", "l2-1e-05", (1e-5, 0, 0), "λ = 1e−5"),
    ("l1-.002", "l1-0.002", (0, 0.002, 0), "L1, λ = 0.002"),
    ("p-0.20", "p-0.2", (0, 0, 0.2), "Dropout 0.2"),
    ("l2-0.1+p-0.2", "l2-0.1+p-0.2", (0.1, 0, 0.2), "λ = 0.1, Dropout 0.2"),
    ("p-0+l1-1+l2-10", "p-0+l1-1+l2-10", (10, 1, 0), "Dropout 0, L1, λ = 1, λ = 10"),
]


@pytest.mark.parametrize(("given", "name", "parts", "label"), NAMES)
def test_a_name_has_one_way_to_be_written(given, name, parts, label) -> None:
    assert regularization_name(given) == name == regularization_name(name)
    assert tuple(parts_of(name).values()) == parts and list(parts_of(name)) == ["l2", "l1", "dropout"]
    assert parts_label(name) == label


NO_NAMES = ["", "l2", "l2-", "l2-x", "l3-0.1", "dropout-0.2", "l2--0.1", "l2-nan", "l2-inf", "l2-10.1", "l1-1.1"]
NO_NAMES += ["p-0.91", "l2-0.1+l2-0.2", "l2-0.1+", "+", "plain+p-0.2", "p-0.2 l2-0.1", "-0.1"]


@pytest.mark.parametrize("name", NO_NAMES)
def test_what_is_no_name_is_refused(name) -> None:
    with pytest.raises(ValueError, match=r"float|plain, l2-<λ>"):
        regularization_name(name)


@pytest.mark.parametrize(
    ("names", "change", "expected"),
    [
        (("l2-0", "l2-0.1"), ("l2", 0.1, 0.05), ("l2-0", "l2-0.05")),
        (("l2-0", "l2-0.1+p-0.2", "l2-0.1"), ("l2", 0.1, 0.05), ("l2-0", "l2-0.05+p-0.2", "l2-0.05")),
        (("l2-0", "l2-0.1"), ("dropout", 0.0, 0.3), ("l2-0", "l2-0.1", "p-0.3")),
        (("l2-0", "l2-0.1"), ("l2", 0.1, 0.0), ("l2-0",)),
        (("plain", "l1-0.002", "p-0.2"), ("l1", 0.002, 0.0), ("plain", "p-0.2")),
        (("l2-0.1",), ("l2", 0.1, 0.0), ("l2-0",)),
        (("l2-0.1", "l2-0.2"), ("l2", 0.2, 0.1), ("l2-0.1",)),
        (("l2-0", "l2-0.1"), ("l2", 0.1, 0.1), ("l2-0", "l2-0.1")),
        (("p-0", "p-0.2"), ("dropout", 0.2, 0.9), ("p-0", "p-0.9")),
    ],
)
def test_another_strength_renames_its_lanes(names, change, expected) -> None:
    assert with_strength(names, *change) == expected


def test_strengths_are_the_last_above_zero() -> None:
    assert strengths(("plain", "l2-0.1", "l2-0.2+p-0.3", "l2-0")) == {"l2": 0.2, "l1": 0.0, "dropout": 0.3}
    assert strengths(()) == {"l2": 0.0, "l1": 0.0, "dropout": 0.0}


# Against PyTorch: lanes that differ, in one stack.


def take_masks(network, recorded, step):
    """Put the recorded masks of a step into a stack of one lane for each ratio."""
    ratios = np.array(recorded["ratios"])[:, None, None]
    for place, layer in enumerate(network.dropouts):
        masks = [given[place][step] for given in recorded["masks"]]
        layer.scaled_mask = np.array(masks) / (1 - ratios)


@pytest.mark.parametrize(("activation", "batchnorm"), KINDS)
def test_dropouts_gradients_are_torchs(activation, batchnorm, reference) -> None:
    common, recorded = reference("networks"), reference("regularization")
    (case,) = (c for c in recorded["dropout_gradients"] if (c["activation"], c["batchnorm"]) == (activation, batchnorm))
    network = recorded_network(common, activation, batchnorm, lanes=2)
    take_masks(network, recorded, 0)
    x, labels = np.array(common["inputs"][0]), np.array(common["labels"][0])
    logits = network.forward(x, training=True).copy()
    losses = network.gradient_step(x, labels)
    for lane, expected in enumerate(case["lanes"]):
        np.testing.assert_allclose(logits[lane], expected["logits"], rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(losses[lane], expected["loss"], rtol=1e-10)
        np.testing.assert_allclose(network.grads[lane], expected["gradients"], rtol=1e-10, atol=1e-12)


def train(network, optimizer, common, before=lambda step: None, l2=0.0, l1=0.0):
    """Make the recorded updates and return the losses `(lanes, steps)`."""
    state, losses = optimizer.init(network.params), []
    network.decay(l2, l1)
    for step, (x, labels) in enumerate(zip(common["inputs"], common["labels"], strict=True)):
        before(step)
        losses.append(network.gradient_step(np.array(x), np.array(labels)))
        optimizer.update(network.params, network.grads, state)
    return np.array(losses).T


def compare(network, losses, lanes, atol=1e-10):
    for lane, expected in enumerate(lanes):
        np.testing.assert_allclose(losses[lane], expected["losses"], rtol=1e-10)
        np.testing.assert_allclose(network.params[lane], expected["parameters"], rtol=1e-10, atol=atol)


@pytest.mark.parametrize("number", [0, 1], ids=["plain", "batchnorm"])
def test_trainings_under_recorded_masks_are_torchs(number, reference) -> None:
    common, recorded = reference("networks"), reference("regularization")
    case = recorded["dropout_trainings"][number]
    network = recorded_network(common, "relu", case["batchnorm"], lanes=2)
    sgd = OPTIMIZERS["sgd"](lr=case["lr"])
    losses = train(network, sgd, common, lambda step: take_masks(network, recorded, step))
    compare(network, losses, case["lanes"])


@pytest.mark.parametrize("batchnorm", [False, True])
@pytest.mark.parametrize("key", ["sgd", "momentum", "adam"])
def test_a_stack_of_own_rates_and_strengths_is_torchs_separate_runs(key, batchnorm, reference) -> None:
    common, cases = reference("networks"), reference("regularization")["decay_trainings"]
    (case,) = (c for c in cases if (c["optimizer"], c["batchnorm"]) == (key, batchnorm))
    lr, l2, l1 = (np.array([lane[name] for lane in case["lanes"]])[:, None] for name in ("lr", "l2", "l1"))
    network = recorded_network(common, "relu", batchnorm, lanes=len(lr))
    losses = train(network, OPTIMIZERS[key](lr=lr, **case["settings"]), common, l2=l2, l1=l1)
    # The gradient of a bias before BatchNorm is 0 but for rounding, which Adam divides by its own size.
    compare(network, losses, case["lanes"], atol=1e-9 if batchnorm and key == "adam" else 1e-10)


def test_batchnorm_predicts_as_torch_does_with_the_same_running_statistics(reference) -> None:
    common, case = reference("networks"), reference("regularization")["batchnorm_prediction"]
    network = recorded_network(common, "relu", True)
    train(network, OPTIMIZERS["sgd"](lr=case["lr"]), common)
    np.testing.assert_allclose(network.forward(np.array(common["inputs"][0]))[0], case["logits"], rtol=1e-9)


# Runs.

SMALL = {"hidden": (9, 8), "batch": 16, "images": 80, "iterations": 25}


@pytest.fixture(scope="module")
def digits(few_digits):
    return few_digits(80, 40)


@pytest.fixture
def start(digits, open_run):
    def make(name="regularization", threads=1, configuration=None, **values):
        own = {k: v for k, v in SMALL.items() if k != "images" or name != "optimizer-mnist"}
        return open_run(configuration or preset(name).configuration({**own, **values}), digits, threads)

    return make


def test_lanes_have_their_own_strengths_and_the_others_values() -> None:
    values = preset("regularization").configuration({"lanes": ("plain", "l2-0.1+p-0.3", "l1-0.01")}).values
    plain, both, l1 = lanes_of(values, Axis.REGULARIZATION)
    assert [plain.value(key, values) for key in ("l2", "l1", "dropout", "sgd.lr")] == [0, 0, 0, 0.01]
    assert [both.value(key, values) for key in ("l2", "l1", "dropout")] == [0.1, 0, 0.3]
    assert [l1.value(key, values) for key in ("l2", "l1", "dropout")] == [0, 0.01, 0]
    assert len({(lane.colour, lane.marker) for lane in (plain, both, l1)}) == 3


LANES = ("plain", "l2-0.5", "l1-0.01", "l2-0.1+l1-0.005", "p-0")


@pytest.mark.parametrize("batchnorm", [False, True])
def test_a_lanes_strengths_are_those_of_a_run_that_has_them(finish, batchnorm) -> None:
    """In a race of optimizers all lanes have the configuration's strengths: SGD there is the lane here."""
    together = finish(lanes=LANES, batchnorm=batchnorm)
    for row, name in enumerate(LANES):
        alone = finish("optimizer-mnist", lanes=("sgd",), batchnorm=batchnorm, **parts_of(name))
        np.testing.assert_allclose(alone.loss[0], together.loss[row], rtol=1e-5)
        np.testing.assert_allclose(alone.weight_norm[0], together.weight_norm[row], rtol=1e-5)


def test_strengths_hold_weights_back(finish) -> None:
    frame = finish(lanes=("plain", "l2-0.5", "l2-2", "l1-0.02"), **{"sgd.lr": 0.1})
    plain, weak, strong, l1 = frame.weight_norm[:, -1]
    assert strong < weak < plain and l1 < plain
    assert np.ptp(frame.weight_norm[:, 0]) == 0


@pytest.mark.parametrize("batchnorm", [False, True])
def test_a_ratio_of_zero_is_a_run_without_dropout_bit_for_bit(finish, batchnorm) -> None:
    """A lane beside one with Dropout is multiplied by masks of ones."""
    masked, plain = (finish(lanes=lanes, batchnorm=batchnorm) for lanes in (("p-0", "p-0.4"), ("p-0", "l2-0")))
    for name in ("loss", "train_accuracy", "test_accuracy", "weight_norm"):
        assert getattr(masked, name)[0].tobytes() == getattr(plain, name)[0].tobytes()
    assert not np.array_equal(masked.loss[1], masked.loss[0])


def test_masks_do_not_depend_on_the_lanes_beside(finish) -> None:
    many = (*(f"p-0.{n}" for n in range(1, 9)), "p-0.15", "p-0.25", "plain")
    together = finish(lanes=many)
    for row in (0, 5, 9):
        alone = finish(lanes=(many[row],))
        np.testing.assert_allclose(alone.loss[0], together.loss[row], rtol=1e-5)


def test_a_neighbours_divergence_leaves_masks_alone(finish) -> None:
    """Where a lane leaves its block, the others' masks are drawn anew."""
    together, alone = (finish(lanes=lanes, **{"sgd.lr": 0.8}) for lanes in (("l2-10", "p-0.4"), ("p-0.4",)))
    gone, stays = together.diverged
    assert gone is not None and gone < 20 and stays is None
    np.testing.assert_allclose(together.loss[1], alone.loss[0], rtol=1e-4)


def test_lanes_with_dropout_have_masks_of_their_own(finish) -> None:
    """`p-0.3` and the same with a weight decay of 0 differ in nothing but their names."""
    frame = finish(lanes=("p-0.3", "p-0.3+l2-0"))
    assert not np.array_equal(frame.loss[0], frame.loss[1])


def test_accuracies_are_the_plain_networks(start, digits) -> None:
    run = start("dropout", lanes=("p-0.5",), evaluate=1)
    run.advance(25)
    network = run._blocks[0].network
    x = np.float32(1 / 255) * digits.test_images[:, digits.used_pixels()]
    for layer in network.dropouts:
        assert layer.scaled_mask is not None
        layer.scaled_mask = None
    right = np.mean(network.forward(x)[0].argmax(axis=1) == digits.test_labels)
    assert run.snapshot().test_accuracy[0, -1] == pytest.approx(right, abs=1e-6)


@pytest.mark.parametrize(("key", "value"), [("l2", 0.3), ("l1", 0.01), ("dropout", 0.4)])
def test_a_strength_changed_in_mid_run_is_recorded_and_replayed(start, finish, key, value) -> None:
    common = {"name": "optimizer-mnist", "lanes": ("sgd", "adam"), "dropout": 0.1}
    run = start(**common)
    run.advance(7)
    run.change(key, value)
    run.advance(9)
    run.change(key, 0.0)
    run.advance(99)
    frame, plain = run.snapshot(), finish(**common)
    assert [(c.iteration, c.key, c.value) for c in frame.changes] == [(7, key, value), (16, key, 0.0)]
    replayed = finish("optimizer-mnist", configuration=run.configuration)
    assert replayed.loss.tobytes() == frame.loss.tobytes()
    # Dropout shows in the very next loss, weight decay in the one after its first update.
    first = 7 if key == "dropout" else 8
    np.testing.assert_array_equal(frame.loss[:, :first], plain.loss[:, :first])
    assert (frame.loss[:, first] != plain.loss[:, first]).all()


@pytest.mark.parametrize("name", ["l2-0.0001", "l2-10", "l1-0.5", "p-0.05", "p-0.9", "l2-10+p-0.9"])
def test_every_strength_can_be_read_on_both_grounds_and_told_from_the_usual(name) -> None:
    usual = {"l2": "l2-0.1", "l1": "l1-0.005", "p": "p-0.2"}
    own = "l2-0.1+p-0.2" if "+" in name else usual[name.partition("-")[0]]
    assert look_of(name)[0] != look_of(own)[0] and look_of(name)[1] != look_of(own)[1]
    for ground in (1.0, 0.011):
        bright, dark = sorted((luminance(look_of(name)[0]), ground))[::-1]
        same_bright, same_dark = sorted((luminance(look_of(own)[0]), ground))[::-1]
        assert (bright + 0.05) / (dark + 0.05) == pytest.approx((same_bright + 0.05) / (same_dark + 0.05), rel=0.05)


def luminance(colour):
    shares = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
