"""Training runs: same bits however they are cut, paused, changed, extended; divergence; frames that stay true.

Small networks on the first 240 digits, 15 updates an epoch.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from core.block import Block
from core.datasets import Dataset
from core.experiments.dealing import cut
from core.history import Record
from core.lanes import Axis, lanes_of
from core.presets import preset
from core.randomness import Batches
from core.scratch import Scratches
from core.task import task_of
from core.watching import Watch

if TYPE_CHECKING:
    from core.experiments.training import Training

SMALL = {"hidden": (12, 10), "batch": 16, "iterations": 40}
PER_EPOCH = 240 // 16
WILD = {"sgd.lr": 10.0, "l2": 10.0}  # each update multiplies SGD's weights by -99


@pytest.fixture(scope="module")
def digits(few_digits):
    return few_digits(240, 90)


@pytest.fixture
def start(digits, open_run):
    def make(name="optimizer-mnist", threads=1, configuration=None, dataset=digits, **values) -> Training:
        return open_run(configuration or preset(name).configuration({**SMALL, **values}), dataset, threads)

    return make


ARRAYS = ("loss", "smoothed", "measured_at", "train_accuracy", "test_accuracy", "weight_norm")


def bits(frame, lane=slice(None)):
    """Return all that was recorded, to the last bit; measured_at has no lanes."""
    return [np.ascontiguousarray(a if a.ndim == 1 else a[lane]).tobytes() for a in (getattr(frame, n) for n in ARRAYS)]


# The same numbers, however the work is cut.


@pytest.mark.parametrize(
    "values", [{}, {"batchnorm": True, "l2": 0.1}, {"activation": "tanh", "hidden": (7,)}], ids=str
)
@pytest.mark.parametrize("threads", [2, 3, 5])
def test_threads_and_blocks_do_not_change_a_bit(finish, threads, values) -> None:
    assert bits(finish(threads=threads, **values)) == bits(finish(threads=1, **values))


def test_more_lanes_than_a_block_holds(finish) -> None:
    names = tuple(f"normal-0.{n:02d}" for n in range(1, 20))
    many = finish("init-mnist", lanes=names, iterations=8)
    assert [lane.name for lane in many.lanes] == [name.rstrip("0") for name in names]
    for place in (0, 9, 18):
        alone = finish("init-mnist", lanes=names[place : place + 1], iterations=8)
        np.testing.assert_allclose(many.loss[place], alone.loss[0], rtol=1e-5)


@pytest.mark.parametrize("lanes", range(1, 40))
@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_blocks_hold_every_lane_once_and_at_most_eight(lanes, threads) -> None:
    blocks = cut(lanes, threads)
    assert sorted(itertools.chain(*blocks)) == list(range(lanes))
    assert max(map(len, blocks)) <= 8 and min(map(len, blocks)) >= 1
    assert max(map(len, blocks)) - min(map(len, blocks)) <= 1
    assert len(blocks) >= min(threads, (lanes + 1) // 2)


def test_lanes_beside_it_change_a_lane_by_rounding_at_most(finish) -> None:
    together = finish()
    for place, lane in enumerate(together.lanes):
        alone = finish(lanes=(lane.name,))
        np.testing.assert_allclose(alone.loss[0], together.loss[place], rtol=1e-4)
        np.testing.assert_allclose(alone.test_accuracy[0], together.test_accuracy[place], atol=1.5 / 90)


def test_the_order_of_lanes_does_not_matter(finish) -> None:
    one, other = finish(lanes=("adam", "sgd", "momentum")), finish(lanes=("momentum", "adam", "sgd"))
    for name in ("adam", "sgd", "momentum"):
        places = [[lane.name for lane in frame.lanes].index(name) for frame in (one, other)]
        assert bits(one, places[0]) == bits(other, places[1])


def test_two_presets_meet_in_a_common_lane(finish) -> None:
    """He weights under SGD are in both races, with the same weights and the same mini-batches."""
    race, inits = finish("optimizer-mnist"), finish("init-mnist")
    sgd = [lane.name for lane in race.lanes].index("sgd")
    he = [lane.name for lane in inits.lanes].index("he")
    np.testing.assert_array_equal(race.loss[sgd], inits.loss[he])
    np.testing.assert_array_equal(race.test_accuracy[sgd], inits.test_accuracy[he])


def test_the_same_configuration_gives_the_same_bits_and_another_seed_others(finish) -> None:
    assert bits(finish(seed=7)) == bits(finish(seed=7))
    assert not np.array_equal(finish(seed=7).loss, finish(seed=8).loss)


def test_all_lanes_start_from_the_same_weights_and_batch(finish) -> None:
    frame = finish(iterations=1)
    assert np.ptp(frame.loss[:, 0]) < 1e-6
    assert np.ptp(frame.test_accuracy[:, 0]) == 0


@pytest.mark.parametrize("chunks", [[1] * 40, [7, 1, 15, 2, 14, 1], [39, 1], [100]], ids=str)
def test_steps_give_the_same_bits_as_one_run(start, finish, chunks) -> None:
    run = start(batchnorm=True)
    for updates in chunks:
        run.advance(updates)
        run.snapshot()
    assert run.position == 40
    assert bits(run.snapshot()) == bits(finish(batchnorm=True))


def test_steps_yields_each_position(start) -> None:
    assert list(start(iterations=5).steps()) == [1, 2, 3, 4, 5]


# Against a learner's loop, in float64.


def plain_losses(params, sizes, images, labels, batches, rule, l2):
    """Train one ReLU network on given batches, with dictionaries and without any of the engine."""
    weights, flat = [], params.astype(float)
    for n_in, n_out in itertools.pairwise(sizes):
        weights.append([flat[: n_in * n_out].reshape(n_in, n_out), flat[n_in * n_out : (n_in + 1) * n_out]])
        flat = flat[(n_in + 1) * n_out :]
    velocity, losses = [[np.zeros_like(a) for a in pair] for pair in weights], []
    for chosen in batches:
        values, y = [images[chosen] / 255], labels[chosen]
        for number, (w, b) in enumerate(weights):
            z = values[-1] @ w + b
            values.append(np.maximum(z, 0) if number < len(weights) - 1 else z)
        shares = np.exp(values[-1]) / np.exp(values[-1]).sum(axis=1, keepdims=True)
        losses.append(-np.log(shares[np.arange(len(y)), y]).mean())
        d = (shares - np.eye(10)[y]) / len(y)
        for number in range(len(weights) - 1, -1, -1):
            w, b = weights[number]
            grads = [values[number].T @ d + l2 * w, d.sum(axis=0)]
            d = (d @ w.T) * (values[number] > 0)
            for a, v, g in zip((w, b), velocity[number], grads, strict=True):
                v *= 0.9 if rule == "momentum" else 0.0
                v -= 0.01 * g
                a += v
    return losses


@pytest.mark.parametrize("l2", [0.0, 0.5])
def test_losses_are_those_of_a_plain_float64_loop(start, digits, l2) -> None:
    run = start(lanes=("momentum", "sgd"), l2=l2, evaluate=0)
    (block,) = run._blocks
    initial = {lane.name: block.network.params[row].copy() for row, lane in enumerate(block.lanes)}
    run.advance(40)
    frame, used = run.snapshot(), digits.used_pixels()
    draws = Batches(0, 240, 16)
    batches = [draws[i].copy() for i in range(40)]
    for lane, loss in zip(frame.lanes, frame.loss, strict=True):
        sizes, images = (len(used), 12, 10, 10), digits.train_images[:, used]
        expected = plain_losses(initial[lane.name], sizes, images, digits.train_labels, batches, lane.name, l2)
        np.testing.assert_allclose(loss, expected, rtol=1e-4)


def test_accuracies_are_right_answers_over_all(start, digits) -> None:
    run = start(lanes=("adam",), **{"adam.lr": 0.01})
    run.advance(40)
    frame, (block,) = run.snapshot(), run._blocks
    for images, labels, found in (
        (digits.train_images, digits.train_labels, frame.train_accuracy),
        (digits.test_images, digits.test_labels, frame.test_accuracy),
    ):
        x = np.float32(1 / 255) * images[:, digits.used_pixels()]
        assert found[0, -1] == pytest.approx(np.mean(block.network.forward(x)[0].argmax(axis=1) == labels), abs=1e-6)
    assert (frame.train_measured, frame.test_measured) == (240, 90)
    assert frame.train_accuracy[0, -1] > 0.5 > frame.train_accuracy[0, 0]


def with_every_pixel_used(digits) -> Dataset:
    """Return the same images and a white one more to test on."""
    images = np.vstack([digits.test_images, np.full((1, 784), 255, np.uint8)])
    labels = np.append(digits.test_labels, 3)
    return Dataset("all pixels", digits.train_images, digits.train_labels, images, labels)


@pytest.mark.parametrize("values", [{}, {"l2": 0.2}, {"batchnorm": True}], ids=str)
def test_leaving_unused_pixels_out_changes_nothing_visible(finish, digits, values) -> None:
    full = with_every_pixel_used(digits)
    assert len(full.used_pixels()) == 784 > len(digits.used_pixels())
    part, whole = finish(**values), finish(dataset=full, **values)
    np.testing.assert_allclose(part.loss, whole.loss, rtol=2e-3, atol=1e-4)
    np.testing.assert_allclose(part.loss[:, :5], whole.loss[:, :5], rtol=1e-4)
    np.testing.assert_allclose(part.train_accuracy, whole.train_accuracy, atol=1.5 / 240)


# When accuracies are measured.


@pytest.mark.parametrize(
    ("iterations", "evaluate", "expected"),
    [
        (40, 1, [0, 15, 30, 40]),
        (30, 1, [0, 15, 30]),
        (40, 2, [0, 30, 40]),
        (40, 1000, [0, 40]),
        (1, 1, [0, 1]),
        (40, 0, []),
    ],
)
def test_accuracies_are_measured_at_the_start_each_epoch_and_the_end(finish, iterations, evaluate, expected) -> None:
    frame = finish(iterations=iterations, evaluate=evaluate)
    assert frame.per_epoch == PER_EPOCH
    assert frame.measured_at.tolist() == expected
    assert frame.train_accuracy.shape == frame.test_accuracy.shape == (6, len(expected))
    assert np.isfinite(frame.train_accuracy).all() and np.isfinite(frame.test_accuracy).all()


@pytest.mark.parametrize(("images", "evaluate", "every"), [(10, 1, 2), (10, 3, 3), (80, 1, 1), (10, 0, 0)])
def test_few_images_to_learn_from_are_measured_less_often(finish, images, evaluate, every) -> None:
    """Where 100 images are measured after every 10 trained on, that would take longer than the training."""
    frame = finish("weight-decay", images=images, batch=10, iterations=20, evaluate=evaluate)
    epoch = frame.per_epoch
    assert (epoch, frame.measured_every) == (images // 10, every)
    assert frame.measured_at.tolist() == (sorted({*range(0, 20, every * epoch), 20}) if every else [])


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_accuracies_counted_by_several_threads_are_right(start, sample, threads) -> None:
    """Measuring 1,300 images for each 60 trained on takes all cores, several of them for one block."""
    run = start("weight-decay", threads=threads, dataset=sample, images=60, batchnorm=True, iterations=9)
    run.advance(9)
    frame, task = run.snapshot(), run._task
    for block in run._blocks:
        for images, found in ((task.train, frame.train_accuracy), (task.test, frame.test_accuracy)):
            right = block.network.subset(range(len(block.lanes))).forward(images.inputs()).argmax(axis=2)
            expected = (right == images.labels).mean(axis=1)
            np.testing.assert_allclose(found[block.rows, -1], expected, atol=1e-6)


def test_measuring_does_not_disturb_the_run(finish) -> None:
    never, often = finish(evaluate=0, batchnorm=True), finish(evaluate=1, batchnorm=True)
    np.testing.assert_array_equal(never.loss, often.loss)


def test_a_batch_larger_than_the_images_is_an_epoch(finish) -> None:
    frame = finish(batch=500, iterations=3)
    assert (frame.per_epoch, frame.measured_at.tolist()) == (1, [0, 1, 2, 3])


# Changes in mid-run, and another end.


@pytest.mark.parametrize("threads", [1, 2])
def test_a_change_replayed_from_the_configuration_gives_the_same_bits(start, finish, threads) -> None:
    run = start(threads=threads)
    for updates, key, value in ((7, "sgd.lr", 0.2), (8, "adam.beta1", 0.5), (0, "l2", 0.3), (10, "sgd.lr", 0.001)):
        run.advance(updates)
        run.change(key, value)
    run.advance(99)
    frame = run.snapshot()
    assert [(c.iteration, c.key, c.value) for c in frame.changes] == [
        (7, "sgd.lr", 0.2),
        (15, "adam.beta1", 0.5),
        (15, "l2", 0.3),
        (25, "sgd.lr", 0.001),
    ]
    replayed = finish(configuration=run.configuration)
    assert bits(replayed) == bits(frame)
    assert not np.array_equal(replayed.loss, finish().loss)


def test_a_change_takes_effect_at_the_next_update_and_in_its_lane_only(start, finish) -> None:
    run, plain = start(), finish()
    run.advance(10)
    run.change("sgd.lr", 0.5)
    run.advance(30)
    frame, sgd = run.snapshot(), 0
    np.testing.assert_array_equal(frame.loss[:, :11], plain.loss[:, :11])  # loss 11 is taken before update 11
    assert frame.loss[sgd, 11] != plain.loss[sgd, 11]
    np.testing.assert_array_equal(frame.loss[1:], plain.loss[1:])


def test_a_changed_run_equals_one_that_had_the_value_from_the_start(start, finish) -> None:
    run = start()
    run.change("momentum.lr", 0.05)
    run.advance(40)
    assert bits(run.snapshot()) == bits(finish(**{"momentum.lr": 0.05}))


@pytest.mark.parametrize(("first", "then"), [(20, 40), (15, 40), (31, 90), (1, 2)])
@pytest.mark.parametrize("threads", [1, 2])
def test_an_extended_run_equals_a_straight_one(start, finish, first, then, threads) -> None:
    run = start(iterations=first, threads=threads)
    run.advance(first)
    assert run.snapshot().measured_at[-1] == first
    run.change("iterations", then)
    assert run.total == then and run.snapshot().total == then
    run.advance(then)
    assert bits(run.snapshot()) == bits(finish(iterations=then))
    assert run.configuration == preset("optimizer-mnist").configuration({**SMALL, "iterations": then})


def test_an_end_may_move_more_than_once_and_not_before_the_present(start, finish) -> None:
    run = start(iterations=17)
    run.advance(17)
    for end in (30, 18, 33):
        run.change("iterations", end)
    run.advance(5)
    run.change("iterations", 20)  # 22 updates are made
    assert (run.position, run.total) == (22, 22)
    frame = run.snapshot()
    assert bits(frame) == bits(finish(iterations=22))
    assert frame.measured_at.tolist() == [0, 15, 22]


# Divergence.


def diverging(names=("sgd", "momentum", "adam"), **values):
    return {"lanes": names, "momentum.lr": 0.001, **WILD, **values}


@pytest.mark.parametrize("threads", [1, 2])
def test_a_lane_that_diverges_is_marked_and_the_others_go_on(finish, threads) -> None:
    frame, others = finish(threads=threads, **diverging()), finish(**diverging(("momentum", "adam")))
    at, *rest = frame.diverged
    assert rest == [None, None]
    assert at is not None and 1 < at < 30
    assert np.isfinite(frame.loss[0, : at - 1]).all() and np.isnan(frame.loss[0, at - 1 :]).all()
    assert np.isfinite(frame.smoothed[0, : at - 1]).all() and np.isnan(frame.smoothed[0, at - 1 :]).all()
    np.testing.assert_allclose(frame.loss[1:], others.loss, rtol=1e-4)
    later = frame.measured_at >= at
    assert later.any() and np.isnan(frame.test_accuracy[0, later]).all()
    assert np.isfinite(frame.test_accuracy[1:]).all()


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("optimizer-mnist", {"lanes": ("sgd", "adagrad"), "sgd.lr": 10.0}),
        ("optimizer-mnist", {"lanes": ("adam", "sgd"), "adam.lr": 10.0, "l2": 10.0, "sgd.lr": 1.0}),
        ("init-mnist", {"lanes": ("normal-1", "he"), "sgd.lr": 0.1}),
        ("init-mnist", {"lanes": ("normal-100", "he")}),
    ],
    ids=str,
)
def test_runaway_settings_end_in_a_mark_or_in_numbers_never_in_an_error(finish, name, values) -> None:
    frame = finish(name, **values)
    for lane, at in enumerate(frame.diverged):
        end = frame.iteration if at is None else at - 1
        assert np.isfinite(frame.loss[lane, :end]).all() and np.isnan(frame.loss[lane, end:]).all()


def test_threads_do_not_change_when_a_lane_diverges(finish) -> None:
    one, three = finish(**diverging()), finish(threads=3, **diverging())
    assert one.diverged == three.diverged
    assert bits(one) == bits(three)


def test_a_neighbours_divergence_leaves_running_statistics_alone(digits) -> None:
    """The mini-batch at which one lane leaves must count once for the others' BatchNorm, as it does alone."""
    values = {**SMALL, "lanes": ("momentum", "sgd"), "batchnorm": True, "evaluate": 0, **WILD}
    chosen = preset("optimizer-mnist").configuration(values)
    lanes, task = lanes_of(chosen.values, Axis.OPTIMIZER), task_of(chosen, digits)
    together, alone = (
        Block(task, some, range(len(some)), chosen.values, 0, Scratches()) for some in (lanes, lanes[:1])
    )
    for block in (together, alone):
        block.run(0, 40, recorded(len(block.lanes)), lambda: False)
    assert [lane.name for lane in together.lanes] == ["momentum"], "sgd was to diverge"
    np.testing.assert_array_equal(together.network.params, alone.network.params)
    np.testing.assert_array_equal(together.network.stats, alone.network.stats)


@pytest.mark.parametrize("attempt", range(8))
def test_a_lane_may_diverge_while_it_is_measured_beside_training(start, finish, sample, attempt) -> None:
    values = {"batch": 4, "images": 12, "iterations": 60, "hidden": (100, 100), "sgd.lr": 10.0}
    values |= {"dataset": sample, "lanes": ("l2-5", "l2-10")}
    run = start("weight-decay", **values)
    assert run._dear, "1,000 test images after a few of 12"
    run.advance(60)
    frame = run.snapshot()
    assert None not in frame.diverged
    np.testing.assert_array_equal(frame.test_accuracy, finish("weight-decay", threads=2, **values).test_accuracy)


def recorded(rows):
    record = Record(rows)
    record.reserve(40)
    return record


def test_when_all_have_diverged_the_run_has_stopped(start) -> None:
    run = start(**diverging(("sgd",)))
    assert not run.stopped
    run.advance(40)
    frame = run.snapshot()
    assert run.stopped and frame.diverged[0] is not None
    assert np.isnan(frame.loss[0, frame.diverged[0] - 1 :]).all()


def test_where_all_diverge_the_results_do_not_depend_on_the_chunks(start, finish) -> None:
    """An export advances in chunks that depend on the clock; its files must not."""
    frames = []
    for chunk in (1, 3, 40):
        run = start(**diverging(("sgd", "nesterov"), **{"nesterov.lr": 10.0}))
        while run.position < run.total and not run.stopped:
            run.advance(chunk)
        frames.append(run.snapshot())
    assert frames[0].diverged == frames[1].diverged == frames[2].diverged
    assert frames[0].iteration == frames[1].iteration == frames[2].iteration
    assert bits(frames[0]) == bits(frames[1]) == bits(frames[2])


def test_a_stopped_run_still_takes_changes_and_frames(start) -> None:
    run = start(**diverging(("sgd",)))
    run.advance(40)
    run.change("sgd.lr", 0.1)
    run.watch(Watch(("sgd",)))
    assert run.snapshot().probes == ()
    run.change("iterations", 60)
    run.advance(20)
    assert run.stopped


# Frames.


def test_frames_are_read_only(finish) -> None:
    frame = finish()
    for name in ARRAYS:
        array = getattr(frame, name)
        with pytest.raises(ValueError, match="read-only"):
            array[..., 0] = 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        frame.loss = None


def test_an_old_frame_stays_as_it_was(start) -> None:
    run, kept = start(iterations=600, **diverging()), []
    for updates in (0, 1, 2, 3, 30, 250, 300):
        run.advance(updates)
        frame = run.snapshot()
        kept.append((frame, bits(frame), frame.diverged))
    run.change("iterations", 900)
    run.advance(300)
    for frame, then, diverged in kept:
        assert bits(frame) == then and frame.diverged == diverged


def test_shapes_and_numbers_of_a_frame(start) -> None:
    run = start()
    run.advance(23)
    frame = run.snapshot()
    assert (frame.iteration, frame.position, frame.total) == (23, 23, 40)
    assert frame.loss.shape == frame.smoothed.shape == (6, 23)
    assert frame.loss.dtype == np.float32
    assert frame.probes == () and frame.spread is None and frame.diverged == (None,) * 6
    run = start()
    first = run.snapshot()
    assert first.loss.shape == first.smoothed.shape == (6, 0)
    assert first.test_accuracy.shape == (6, 0), "what takes time is not done before it is asked for"
    run.advance(1)
    assert run.snapshot().measured_at.tolist() == [0]


def test_the_first_loss_is_that_of_a_network_that_guesses(finish) -> None:
    frame = finish("init-mnist", lanes=("zeros", "normal-0.01"), iterations=1)
    np.testing.assert_allclose(frame.loss[:, 0], math.log(10), rtol=1e-3)


def test_zero_weights_never_break_their_symmetry(start) -> None:
    run = start("init-mnist", lanes=("zeros",))
    run.advance(40)
    weights = run._blocks[0].network.affine
    assert not weights[0].weights.any() and not weights[1].weights.any()


# The watched lane's histograms.


@pytest.mark.parametrize("activation", ["relu", "sigmoid", "tanh"])
@pytest.mark.parametrize("batchnorm", [False, True])
def test_a_watched_lane_has_histograms_of_every_hidden_layer(start, activation, batchnorm) -> None:
    run = start(activation=activation, batchnorm=batchnorm)
    run.advance(5)
    run.watch(Watch(("adam",)))
    (probe,) = run.snapshot().probes
    assert probe.lane.name == "adam"
    assert [layer.layer for layer in probe.activations] == [layer.layer for layer in probe.gradients] == [1, 2]
    for layer, width in zip((*probe.activations, *probe.gradients), (12, 10, 12, 10), strict=True):
        assert layer.size == 125 * width
        assert layer.counts.sum() + layer.below + layer.above + layer.undefined == layer.size
        assert layer.std > 0


def test_watching_does_not_disturb_the_run(start, finish) -> None:
    run = start(batchnorm=True)
    for lanes in (("sgd",), ("adam", "sgd"), ("no such lane",), ()):
        run.watch(Watch(lanes))
        run.advance(10)
        run.snapshot()
    assert bits(run.snapshot()) == bits(finish(batchnorm=True))


def test_batchnorm_keeps_the_watched_activations_spread_at_any_scale(start) -> None:
    stds = []
    for init in ("normal-1", "normal-0.01"):
        run = start("init-mnist", lanes=(init,), activation="tanh", batchnorm=True)
        run.watch(Watch((init,)))
        (probe,) = run.snapshot().probes
        stds.append([layer.std for layer in probe.activations])
    assert np.ravel(stds) == pytest.approx(0.63, abs=0.1)  # the standard deviation of tanh of a standard normal


def test_learning_learns(sample, finish) -> None:
    """Each of the six is far better than chance on digits that it has not seen."""
    values = {"hidden": (50,), "batch": 64, "iterations": 250, "evaluate": 0, "sgd.lr": 0.1}
    frame = finish(dataset=sample, **values)
    assert (frame.smoothed[:, -1] < 0.75).all()
    assert (frame.loss[:, 0] > 2).all()
