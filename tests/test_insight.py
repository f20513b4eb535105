"""What a network sees, against a plain forward pass written here; beside a run that goes on as if nobody looked."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest

from core.datasets import Dataset
from core.experiments.search import split
from core.export import arrays, write_csv
from core.insight import Insights, probabilities
from core.presets import preset
from core.task import task_of
from core.watching import MOST_COMPARED, NOTHING, Watch

SMALL = {"hidden": (12, 10), "batch": 16, "iterations": 60, "lanes": ("sgd", "momentum", "adam")}
ARRAYS = ("loss", "smoothed", "measured_at", "train_accuracy", "test_accuracy", "weight_norm")
ADAM = Watch(insight="adam")


@pytest.fixture(scope="module")
def digits(few_digits):
    return few_digits(240, 90)


@pytest.fixture
def start(digits, open_run):
    def make(name="optimizer-mnist", threads=1, dataset=digits, **values):
        base = {} if name in ("random-search", "batchnorm-grid") else {"lanes": SMALL["lanes"]}
        sizes = {key: SMALL[key] for key in ("hidden", "batch", "iterations")}
        return open_run(preset(name).configuration({**sizes, **base, **values}), dataset, threads)

    return make


def never():
    return False


def seen(run, watch):
    run.watch(watch)
    return run.snapshot().insight


def layers_of(run, name, seed=0):
    """Return a lane's layers as they are in the run: weights, biases, and what BatchNorm has, or None."""
    for block in run.blocks:
        if block.seed == seed and any(lane.name == name for lane in block.lanes):
            row = next(row for row, lane in enumerate(block.lanes) if lane.name == name)
            found = []
            for layer in block.network.layers:
                if hasattr(layer, "weights"):
                    found.append([layer.weights[row].astype(float), layer.biases[row].astype(float), None])
                elif hasattr(layer, "gamma"):
                    parts = (layer.gamma, layer.beta, layer._mean, layer._var)
                    found[-1][2] = [part[row].astype(float) for part in parts]
            return found
    raise AssertionError(name)


SHAPES = {"relu": lambda z: np.maximum(z, 0), "tanh": np.tanh, "sigmoid": lambda z: 1 / (1 + np.exp(-z))}


def forward(layers, x, activation):
    """Pass images (n, inputs) through, in float64; return hidden activations and probabilities."""
    hidden = []
    for weights, biases, normal in layers[:-1]:
        x = x @ weights + biases
        if normal is not None:
            gamma, beta, mean, var = normal
            x = gamma * (x - mean) / np.sqrt(var + 1e-5) + beta
        x = SHAPES[activation](x)
        hidden.append(x)
    z = x @ layers[-1][0] + layers[-1][1]
    z -= z.max(axis=1, keepdims=True)
    return hidden, np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)


def used(dataset):
    return np.flatnonzero(dataset.train_images.any(axis=0) | dataset.test_images.any(axis=0))


# Numbers.


@pytest.mark.parametrize(
    "values", [{}, {"batchnorm": True}, {"activation": "tanh"}, {"activation": "sigmoid"}], ids=str
)
def test_results_are_those_of_a_plain_forward_pass(start, digits, values) -> None:
    run = start(**values, **{"dropout": 0.2})
    run.advance(40)
    found = seen(run, ADAM)
    inputs = used(digits)
    hidden, chances = forward(
        layers_of(run, "adam"), digits.test_images[:, inputs] / 255, values.get("activation", "relu")
    )
    guessed = chances.argmax(axis=1)
    expected = np.zeros((10, 10), int)
    for label, guess in zip(digits.test_labels, guessed, strict=True):
        expected[label, guess] += 1
    results = found.results
    assert results.confusion.tolist() == expected.tolist()
    assert (results.at, results.unfinite, results.tested, results.right) == (40, 0, 90, int(np.trace(expected)))
    assert results.right / 90 == pytest.approx(run.snapshot().test_accuracy[2, -1], abs=0.5)
    wrong = [n for n in range(90) if guessed[n] != digits.test_labels[n]]
    mistakes = results.mistakes
    assert sorted(mistakes.index.tolist()) == wrong
    assert (np.diff(mistakes.probability) <= 0).all()
    assert mistakes.probability == pytest.approx(chances[mistakes.index].max(axis=1), abs=1e-4)
    assert mistakes.label.tolist() == digits.test_labels[mistakes.index].tolist()
    assert mistakes.predicted.tolist() == guessed[mistakes.index].tolist()
    label, predicted = int(mistakes.label[0]), int(mistakes.predicted[0])
    assert len(mistakes.of(label, predicted)) == expected[label, predicted]
    silent = [(layer.max(axis=0) <= 0).tolist() for layer in hidden]
    relu = values.get("activation", "relu") == "relu"
    assert [layer.tolist() for layer in results.silent] == (silent if relu else [[False] * 12, [False] * 10])
    assert results.shares().sum(axis=1) == pytest.approx(1.0)


def test_the_right_ones_are_the_measured_accuracy(start) -> None:
    run = start()
    run.advance(60)
    for row, name in enumerate(SMALL["lanes"]):
        results = seen(run, Watch(insight=name)).results
        assert results.right / results.tested == pytest.approx(float(run.snapshot().test_accuracy[row, -1]), abs=1e-6)


@pytest.mark.parametrize("batchnorm", [False, True])
def test_every_lane_answers_a_drawn_image(start, digits, batchnorm) -> None:
    run = start(threads=2, batchnorm=batchnorm)
    run.advance(30)
    drawn = digits.test_images[7].copy()
    drawn[300:330] = 255
    found = seen(run, Watch(insight="momentum", image=drawn.tobytes()))
    answers = found.answers
    assert [lane.name for lane in answers.lanes] == list(SMALL["lanes"])
    assert answers.image.ravel().tolist() == drawn.tolist()
    for lane, row in zip(answers.lanes, answers.probabilities, strict=True):
        hidden, chances = forward(layers_of(run, lane.name), drawn[None, used(digits)] / 255, "relu")
        assert row == pytest.approx(chances[0], abs=1e-5), lane.name
        if lane.name == "momentum":
            for own, expected in zip(answers.activations, hidden, strict=True):
                assert own == pytest.approx(expected[0], abs=1e-4)


def test_before_any_update_batchnorm_answers_as_its_accuracy_is_measured(start, digits) -> None:
    run = start(batchnorm=True)
    drawn = digits.test_images[0].tobytes()
    found = seen(run, Watch(insight="adam", image=drawn))
    assert np.ptp(found.answers.probabilities[0]) > 0.01, "a batch of one image would be told apart from nothing"


def test_weights_are_images_of_all_pixels_nan_where_no_image_uses_one(start, digits) -> None:
    run = start()
    run.advance(20)
    found = seen(run, ADAM)
    own, inputs = layers_of(run, "adam"), used(digits)
    images = found.images()
    assert images.shape == (12, 28, 28) and found.tests.used.sum() == len(inputs) < 784
    assert np.isnan(images[:, ~found.tests.used]).all()
    for unit in range(12):
        assert images[unit].ravel()[inputs] == pytest.approx(own[0][0][:, unit], abs=0)
    assert [layer.shape for layer in found.weights] == [(784, 12), (12, 10), (10, 10)]
    for shown, (weights, *_) in zip(found.weights[1:], own[1:], strict=True):
        assert np.array_equal(shown, weights.astype(np.float32))
    assert found.norms == pytest.approx(np.sqrt((own[0][0] ** 2).sum(axis=0)))
    for scale, layer in zip(found.scales, found.weights, strict=True):
        sizes = np.abs(layer[np.isfinite(layer)])
        assert (sizes <= scale).mean() > 0.95 and scale <= 2.5 * sizes.max()


def test_frames_stay_true_while_the_run_goes_on(start, digits) -> None:
    run = start()
    found = seen(run, Watch(insight="adam", image=digits.test_images[0].tobytes()))
    before = [part.copy() for part in (*found.weights, found.answers.probabilities, *found.answers.activations)]
    run.advance(30)
    run.snapshot()
    now = (*found.weights, found.answers.probabilities, *found.answers.activations)
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(before, now, strict=True))


def test_images_of_another_size_and_classes_that_are_missing(start, open_run) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (60, 5 * 7), np.uint8)
    labels = np.arange(60) % 3
    run = start(dataset=Dataset("own", images[:40], labels[:40], images[40:], labels[40:], (5, 7)))
    run.advance(10)
    found = seen(run, Watch(insight="sgd", image=images[0].tobytes()))
    assert found.images().shape == (12, 5, 7) and found.answers.image.shape == (5, 7)
    assert found.results.confusion[3:].sum() == 0 and found.results.confusion.sum() == 20
    assert found.tests.image(3).tolist() == images[43].reshape(5, 7).tolist()
    assert np.isfinite(found.results.shares()).all()


# Whom it looks into.


def test_nothing_is_looked_into_unless_it_is_asked_for(start, digits) -> None:
    run = start()
    assert seen(run, NOTHING) is None and seen(run, Watch(("adam",))) is None
    assert seen(run, Watch(insight="nobody")) is None
    assert seen(run, ADAM).answers is None
    assert seen(run, Watch(insight="adam", image=b"too short")).answers is None
    assert seen(run, Watch(("sgd",), "adam")).lane.name == "adam"
    assert [probe.lane.name for probe in run.snapshot().probes] == ["sgd"]


def test_of_several_seeds_the_first_is_looked_into(start) -> None:
    run = start(seeds=2, seed=5)
    run.advance(20)
    alone = start(seed=5)
    alone.advance(20)
    first, other = seen(run, ADAM), seen(alone, ADAM)
    assert np.allclose(first.weights[0], other.weights[0], atol=1e-6, equal_nan=True)


def test_a_search_is_judged_by_its_validation_images(start, digits) -> None:
    run = start("random-search", trials=3, images=100, epochs=4)
    found = seen(run, Watch(insight="trial-2"))
    task = split(task_of(run.configuration, digits, tested=False), run.configuration["seed"])
    assert found.tests.kind == "validation" and found.results.tested == len(task.test.labels) == 20
    assert found.tests.labels.tolist() == task.test.labels.tolist()


@pytest.mark.parametrize("image", [False, True])
def test_a_lane_that_diverged_is_not_there(start, digits, image) -> None:
    run = start(**{"sgd.lr": 10.0, "l2": 10.0})
    run.advance(60)
    drawn = digits.test_images[0].tobytes() if image else None
    assert seen(run, Watch(insight="sgd", image=drawn)) is None
    found = seen(run, Watch(insight="adam", image=drawn))
    assert found.lane.name == "adam"
    assert not image or "sgd" not in [lane.name for lane in found.answers.lanes]


def test_answers_that_are_not_finite_are_counted_apart(start, digits) -> None:
    run = start()
    run.advance(5)
    block = next(block for block in run.blocks if "adam" in [lane.name for lane in block.lanes])
    row = [lane.name for lane in block.lanes].index("adam")
    block.network.affine[-1].biases[row] = np.inf
    found = seen(run, Watch(insight="adam", image=digits.test_images[0].tobytes()))
    assert found.results.unfinite == found.results.tested == 90
    assert found.results.confusion.sum() == 0 and len(found.results.mistakes.index) == 0
    assert np.isnan(found.answers.probabilities[2]).all() and np.isfinite(found.answers.probabilities[0]).all()


def test_probabilities_of_extreme_logits() -> None:
    found = probabilities(np.array([[1e4, 0.0], [-1e4, -1e4], [np.nan, 1.0]], np.float32))
    assert found[:2].tolist() == [[1.0, 0.0], [0.5, 0.5]] and np.isnan(found[2]).all()


# Beside the run.


@pytest.mark.parametrize("values", [{"batchnorm": True, "dropout": 0.3}, {"seeds": 2}], ids=str)
def test_looking_changes_no_bit_of_the_training(start, digits, values) -> None:
    plain = start(**values)
    plain.advance(60)
    run = start(threads=2, **values)
    image = digits.test_images[3].tobytes()
    for position, watch in enumerate([ADAM, Watch(insight="sgd", image=image), Watch(("adam",), "adam"), NOTHING] * 5):
        run.watch(watch)
        run.advance(3)
        run.snapshot()
        run.look(2 * position, never)
    first, second = plain.snapshot(), run.snapshot()
    assert all(np.array_equal(getattr(first, n), getattr(second, n), equal_nan=True) for n in ARRAYS)


def same(first, second):
    parts = [
        [*found.weights, found.norms, found.results.confusion, found.results.mistakes.probability]
        + ([] if found.answers is None else [found.answers.probabilities, *found.answers.activations])
        for found in (first, second)
    ]
    assert first.lane == second.lane and first.iteration == second.iteration and first.results.at == second.results.at
    return all(np.array_equal(a, b, equal_nan=True) for a, b in zip(*parts, strict=True))


@pytest.mark.parametrize("name", ["optimizer-mnist", "random-search", "batchnorm-grid"])
def test_an_earlier_moment_is_that_of_a_run_stopped_there(start, digits, name) -> None:
    values = {
        "random-search": {"trials": 5, "images": 100, "epochs": 10, "iterations": 0},
        "batchnorm-grid": {"images": 100, "lanes": ("sigma-1-bn", "sigma-0.1-plain")},
    }.get(name, {})
    run = start(name, **values)
    run.advance(run.total)
    lane = run.lanes[1].name
    image = digits.test_images[5].tobytes()
    for position in (25, 7, 8, 0, 30):
        for watch in (Watch(insight=lane), Watch(insight=lane, image=image)):
            run.watch(watch)
            found = run.look(position, never).insight
            there = start(name, **values)
            there.advance(position)
            expected = seen(there, watch)
            assert same(found, expected), (position, watch.image is not None)
            if watch.image is not None:
                assert [each.name for each in found.answers.lanes] == [each.name for each in run.lanes]
    run.watch(NOTHING)
    assert run.position == run.total


def test_of_many_lanes_only_the_watched_one_is_recomputed() -> None:
    few, many = [f"trial-{n}" for n in range(MOST_COMPARED)], [f"trial-{n}" for n in range(MOST_COMPARED + 1)]
    watch = Watch(insight="trial-3", image=b"")
    assert watch.names(few) == ("trial-3", *(name for name in few if name != "trial-3"))
    assert watch.names(many) == ("trial-3",)
    assert replace(watch, image=None).names(few) == ("trial-3",)
    assert Watch(("trial-1",), "trial-3", weight=("trial-2", 1, 0, 0)).names(few) == ("trial-1", "trial-3", "trial-2")
    assert Watch(("elsewhere",)).names(few) == ()


def test_a_look_after_a_branch_is_of_the_new_way(start) -> None:
    run = start()
    run.advance(60)
    run.watch(ADAM)
    old, at_end = run.look(40, never).insight, run.snapshot().insight
    run.branch(20, {"adam.lr": 0.1})
    run.advance(40)
    new = run.look(40, never).insight
    there = start()
    there.advance(20)
    there.change("adam.lr", 0.1)
    there.advance(20)
    assert same(new, seen(there, ADAM))
    assert not np.array_equal(old.weights[1], new.weights[1])
    assert not np.array_equal(run.snapshot().insight.results.mistakes.probability, at_end.results.mistakes.probability)


def test_test_results_may_lag_while_a_run_goes_on_but_not_where_it_rests(start) -> None:
    run = start(lanes=("adam",), iterations=200)
    insights = run._insights
    assert insights._every == round(90 / 3 / 16 / 0.02) == 94
    assert seen(run, ADAM).results.at == 0
    run.advance(20)
    assert run.snapshot().insight.results.at == 0, "not worth it yet"
    assert run.snapshot().insight.results.at == 20, "asked for again where it rests"
    run.advance(94)
    assert run.snapshot().insight.results.at == 114
    run.advance(1)
    run.watch(NOTHING)
    assert run.look(run.position, never).insight is None
    run.watch(ADAM)
    assert run.look(run.position, never).insight.results.at == 115, "what is looked at is exact"


def test_testing_every_few_updates_depends_on_sizes_alone(start, digits) -> None:
    task = task_of(start().configuration, digits)
    every = [Insights(task, (28, 28), ["a"] * lanes, "test")._every for lanes in (1, 2, 3, 1000)]
    assert every == [94, 47, 31, 1]


# Files.


def test_what_is_seen_is_exported(start, digits, tmp_path) -> None:
    run = start()
    run.advance(30)
    run.watch(Watch(insight="adam", image=digits.test_images[1].tobytes()))
    frame = run.snapshot()
    paths = write_csv(frame, tmp_path, "race")
    assert [path.name for path in paths[-3:]] == ["race-confusion.csv", "race-mistakes.csv", "race-answers.csv"]
    confusion, mistakes, answers = (list(csv.DictReader(path.read_text().splitlines())) for path in paths[-3:])
    assert list(confusion[0]) == ["lane", "iteration", "label", "predicted", "count"]
    counts = frame.insight.results.confusion
    assert all(int(row["count"]) == counts[int(row["label"]), int(row["predicted"])] for row in confusion)
    assert len(confusion) == 100 and {row["lane"] for row in confusion} == {"adam"}
    assert [int(row["image"]) for row in mistakes] == frame.insight.results.mistakes.index.tolist()
    assert [row["lane"] for row in answers[::10]] == list(SMALL["lanes"]) and len(answers) == 30
    assert sum(float(row["probability"]) for row in answers[:10]) == pytest.approx(1.0, abs=1e-4)
    kept = arrays(frame)
    assert np.array_equal(kept["weights_1"], frame.insight.weights[0], equal_nan=True)
    assert kept["weights_3"].shape == (10, 10) and kept["answers"].shape == (3, 10)
    assert kept["activations_2"].shape == (10,) and kept["image"].shape == (28, 28)
    assert [path.name for path in write_csv(replace(frame, insight=None), tmp_path, "race")] == ["race.csv"]
