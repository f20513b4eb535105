"""Searches: trials that equal plain trainings, a fair split, early stopping by the rules, a ranking that is one."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest

from core.block import Images, Task
from core.datasets import Dataset
from core.experiments.search import Search, split
from core.lanes import Axis, lanes_of
from core.presets import build, preset
from core.trials import trials_of
from core.watching import Watch

SMALL = {"hidden": (8,), "batch": 16, "images": 100, "trials": 9, "epochs": 10, "search.lr": (1e-3, 1.0)}
PER_EPOCH = 80 // 16
WILD = {"search": ("lr", "l2"), "search.lr": (1.0, 10.0), "search.l2": (1e-4, 10.0)}


@pytest.fixture(scope="module")
def digits(few_digits):
    return few_digits(240, 30)


@pytest.fixture
def start(digits, open_run):
    def make(threads=1, dataset=digits, configuration=None, **values) -> Search:
        chosen = configuration or preset("random-search").configuration({**SMALL, **values})
        return open_run(chosen, dataset, threads)

    return make


def accuracies(frame):
    return frame.train_accuracy.tobytes(), frame.validation_accuracy.tobytes(), frame.ranking.tobytes()


# Images.


def numbered(count, most=1000):
    """Return a task whose images are their numbers."""
    pixels = np.arange(count, dtype=np.uint8)[:, None]
    train = Images(pixels, np.arange(count, dtype=np.intp) % 10)
    return Task(train, train.head(3), train.head(most), np.arange(1), 1, (4,), 10, 5)


@pytest.mark.parametrize("count", [2, 3, 5, 9, 10, 101, 250])
def test_a_fifth_validates_and_the_rest_is_learned_from(count) -> None:
    found = split(numbered(count), seed=3)
    train, validation = found.train.pixels[:, 0], found.test.pixels[:, 0]
    assert sorted([*train, *validation]) == list(range(count)) and len(train) > 0
    assert len(validation) == max(1, count // 5)
    for images in (found.train, found.test):
        np.testing.assert_array_equal(images.labels, images.pixels[:, 0] % 10)
    np.testing.assert_array_equal(found.measured.pixels, found.train.pixels)
    assert (found.hidden, found.batch, found.classes, found.n_in) == ((4,), 5, 10, 1)


def test_the_split_is_shuffled_by_the_seed() -> None:
    first, again, other = (split(numbered(100), seed).test.pixels[:, 0].tolist() for seed in (3, 3, 4))
    assert first == again != other and first != sorted(first)


def test_one_image_is_both() -> None:
    found = split(numbered(1), seed=0)
    assert len(found.train.labels) == len(found.test.labels) == 1


def test_no_more_is_measured_than_asked_for() -> None:
    found = split(numbered(200, most=20), seed=0)
    assert len(found.measured.labels) == 20
    np.testing.assert_array_equal(found.measured.pixels, found.train.pixels[:20])


def test_the_tests_images_have_no_part_in_a_search(finish, digits) -> None:
    other = Dataset("other", digits.train_images, digits.train_labels, digits.test_images, 9 - digits.test_labels)
    assert accuracies(finish()) == accuracies(finish(dataset=other))


# Trials.


def test_trials_are_lanes_with_values_of_their_own() -> None:
    values = preset("random-search").configuration({**SMALL, "optimizer": "adam", "search": ("lr", "dropout")}).values
    lanes, found = lanes_of(values, Axis.TRIAL), trials_of(values)
    assert [lane.name for lane in lanes] == [f"trial-{n}" for n in range(1, 10)]
    for lane, trial in zip(lanes, found, strict=True):
        assert lane.optimizer == "adam" and lane.value("adam.lr", values) == trial["lr"]
        assert lane.value("dropout", values) == trial["dropout"]
        assert (lane.value("adam.beta1", values), lane.value("l2", values)) == (0.9, 0)


@pytest.mark.parametrize(
    "values",
    [
        {"search.l2": (1e-3, 1.0)},
        {"optimizer": "adam", "search": ("lr", "beta1", "l2"), "search.lr": (1e-4, 1e-1), "search.l2": (1e-3, 1.0)},
        {"optimizer": "momentum", "search": ("momentum",), "momentum.lr": 0.02, "l1": 0.001, "batchnorm": True},
        {"trials": 4, "method": "grid", "init": "xavier", "activation": "tanh"},
    ],
    ids=["sgd", "adam", "momentum", "grid"],
)
def test_a_trial_is_a_plain_training_with_its_values(start, values) -> None:
    search = start(**values)
    search.advance(search.total)
    frame, task, chosen = search.snapshot(), search._task, search.configuration
    images = [np.zeros((len(part.labels), 784), np.uint8) for part in (task.train, task.test)]
    for whole, part in zip(images, (task.train, task.test), strict=True):
        whole[:, task.inputs] = part.pixels
    alone_on = Dataset("split", images[0], task.train.labels, images[1], task.test.labels)
    optimizer = chosen["optimizer"]
    shared = ("hidden", "batch", "init", "activation", "batchnorm", "l2", "l1", "dropout", "seed")
    common = {key: chosen[key] for key in shared} | {"lanes": (optimizer,), "iterations": search.total}
    common |= {key: chosen[key] for key in chosen.values if key.startswith(f"{optimizer}.")}
    for row in range(0, len(frame.lanes), 4):
        own = preset("optimizer-mnist").configuration({**common, **dict(frame.lanes[row].own)})
        with contextlib.closing(build(own, lambda: alone_on, 1)) as plain:
            plain.advance(plain.total)
            expected = plain.snapshot()
        np.testing.assert_allclose(search._loss.view(search.total)[row], expected.loss[0], rtol=2e-4, atol=1e-6)
        np.testing.assert_allclose(frame.validation_accuracy[row], expected.test_accuracy[0], atol=1.5 / 20)
        np.testing.assert_allclose(frame.train_accuracy[row], expected.train_accuracy[0], atol=1.5 / 80)


def test_a_trial_does_not_depend_on_how_many_there_are(finish) -> None:
    many, few = finish(trials=20), finish(trials=3)
    np.testing.assert_allclose(many.settings[:3], few.settings)
    np.testing.assert_allclose(many.validation_accuracy[:3], few.validation_accuracy, atol=1.5 / 20)


def test_shapes_and_numbers_of_a_frame(start) -> None:
    run = start(search=("l2", "lr"), seed=2)
    run.advance(12)
    frame = run.snapshot()
    assert (frame.iteration, frame.position, frame.total, frame.per_epoch) == (12, 12, 50, PER_EPOCH)
    assert frame.names == ("l2", "lr") and frame.settings.shape == (9, 2)
    np.testing.assert_array_equal(frame.settings[:, 0], frame.weight_decay)
    np.testing.assert_array_equal(frame.settings[:, 1], frame.lr)
    assert frame.measured_at.tolist() == [0, 5, 10]
    assert frame.train_accuracy.shape == frame.validation_accuracy.shape == (9, 3)
    np.testing.assert_array_equal(frame.last, frame.validation_accuracy[:, -1])
    assert (frame.train_measured, frame.validation_measured) == (80, 20)
    assert (frame.made, frame.spared) == (9 * 12, 0)
    assert frame.stopped == frame.diverged == (None,) * 9


def test_epochs_or_iterations_say_when_it_ends(start) -> None:
    assert start().total == 10 * PER_EPOCH
    assert start(iterations=7).total == 7
    assert preset("random-search").configuration()["epochs"] == 50


def test_what_is_not_searched_has_the_configurations_value(finish) -> None:
    frame = finish(search=("lr",), l2=0.02, epochs=1)
    assert (frame.weight_decay == 0.02).all()
    frame = finish(search=("l2",), epochs=1, **{"sgd.lr": 0.03})
    assert (frame.lr == 0.03).all()


# The same numbers, however the work is cut.

KINDS = [
    {},
    {"halving": True},
    {"search": ("lr", "dropout"), "halving": True},
    {**WILD, "halving": True},
    {"trials": 3},
    {"trials": 17, "optimizer": "adam", "batchnorm": True, "epochs": 4},
]


@pytest.mark.parametrize("values", KINDS, ids=str)
def test_threads_and_chunks_do_not_change_a_bit(start, finish, values) -> None:
    straight = finish(**values)
    stepped = start(threads=2, **values)
    while stepped.position < stepped.total and not stepped.stopped:
        stepped.advance(3)
        stepped.snapshot()
    found = stepped.snapshot()
    assert accuracies(found) == accuracies(straight)
    assert (found.stopped, found.diverged, found.made) == (straight.stopped, straight.diverged, straight.made)
    np.testing.assert_array_equal(found.measured_at, straight.measured_at)


def test_a_live_change_is_recorded_and_replayed(start, finish) -> None:
    run = start(search=("l2",), halving=True, dropout=0.1)
    run.advance(7)
    run.change("sgd.lr", 0.3)
    run.advance(13)
    run.change("dropout", 0.0)
    run.advance(99)
    frame = run.snapshot()
    assert [(c.iteration, c.key, c.value) for c in frame.changes] == [(7, "sgd.lr", 0.3), (20, "dropout", 0.0)]
    assert accuracies(finish(configuration=run.configuration)) == accuracies(frame)
    assert (frame.lr == 0.3).all()


# Early stopping.


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, [5, 15, 45]),
        ({"epochs": 50}, [25, 75, 225]),
        ({"epochs": 1}, []),
        ({"epochs": 2}, [5]),
        ({"epochs": 3}, [5]),
        ({"epochs": 30, "evaluate": 2}, [20, 60]),
        ({"evaluate": 0}, []),
    ],
    ids=str,
)
def test_rungs_are_epochs_each_three_times_as_late(start, values, expected) -> None:
    run = start(halving=True, **values)
    assert run.rungs() == expected
    run.advance(run.total)
    stopped = set(run.snapshot().stopped) - {None}
    assert stopped <= set(expected) and (0 not in stopped)


def going(frame):
    """Return which trials had not ended when each accuracy was measured, before any was stopped then."""
    ends = [s if s is not None else d - 1 if d is not None else frame.total for s, d in outcomes(frame)]
    return np.array(ends)[:, None] >= frame.measured_at


def outcomes(frame):
    return zip(frame.stopped, frame.diverged, strict=True)


@pytest.mark.parametrize("trials", [1, 2, 3, 4, 9, 10, 28])
def test_at_each_rung_the_best_third_goes_on(start, trials) -> None:
    run = start(halving=True, trials=trials)
    run.advance(run.total)
    frame, left = run.snapshot(), set(range(trials))
    for rung in run.rungs():
        column = frame.measured_at.tolist().index(rung)
        validation, train = frame.validation_accuracy[:, column], frame.train_accuracy[:, column]
        best = sorted(left, key=lambda row: (-validation[row], -train[row], row))[: -(-len(left) // 3)]
        assert {row for row in left if frame.stopped[row] == rung} == left - set(best)
        left = set(best)
    assert {row for row in range(trials) if frame.stopped[row] is None} == left
    known = np.isfinite(frame.validation_accuracy)
    np.testing.assert_array_equal(known, going(frame))
    np.testing.assert_array_equal(known, np.isfinite(frame.train_accuracy))


@pytest.mark.parametrize(
    "values",
    [{}, {"optimizer": "momentum", "search": ("lr", "dropout")}, {"optimizer": "adam", "batchnorm": True, "l1": 1e-3}],
    ids=str,
)
def test_trials_that_go_on_are_as_without_stopping(finish, values) -> None:
    halved, whole = finish(halving=True, **values), finish(**values)
    known = np.isfinite(halved.validation_accuracy)
    np.testing.assert_allclose(halved.validation_accuracy[known], whole.validation_accuracy[known], atol=1.5 / 20)
    assert known[:, 1].all() and known[:, -1].sum() == 1


@pytest.mark.parametrize("at", [0, 4, 5, 6, 15, 20, 44, 45, 50])
def test_updates_made_and_spared_are_all_there_are(start, at) -> None:
    run = start(halving=True, trials=27)
    run.advance(at)
    frame = run.snapshot()
    assert frame.made + frame.spared == 27 * at
    lengths = [at if s is None else s for s in frame.stopped]
    assert frame.made == sum(lengths) and (frame.spared > 0) == (at > 5)


def test_stopping_early_spares_more_than_half(finish) -> None:
    frame = finish(halving=True, trials=27)
    assert frame.made == 18 * 5 + 6 * 15 + 2 * 45 + 50 < 27 * 50 / 3


# The ranking.


def rank(frame):
    """The rule, spelled out: diverged last; the further the better; then validation, training, number."""

    def key(row):
        stopped, diverged = frame.stopped[row], frame.diverged[row]
        reached = frame.iteration if stopped is None else stopped
        reached = reached if diverged is None else diverged
        columns = np.flatnonzero(np.isfinite(frame.validation_accuracy[row]))
        last = columns[-1] if len(columns) else None
        found = [-1.0 if last is None else a[row, last] for a in (frame.validation_accuracy, frame.train_accuracy)]
        return diverged is not None, -reached, -found[0], -found[1], row

    return sorted(range(len(frame.lanes)), key=key)


@pytest.mark.parametrize("values", [{}, {"halving": True}, WILD, {**WILD, "halving": True}], ids=str)
@pytest.mark.parametrize("at", [0, 1, 7, 16, 50])
def test_the_ranking_puts_survivors_first_and_diverged_trials_last(start, values, at) -> None:
    run = start(trials=20, **values)
    run.advance(at)
    frame = run.snapshot()
    assert frame.ranking.tolist() == rank(frame)
    assert np.isfinite(frame.last).all(), "every trial was measured at the start"


def test_some_trials_diverge_where_rates_are_wild(finish) -> None:
    """What the test above relies on, and what a diverged trial leaves behind."""
    frame = finish(trials=20, **WILD)
    lost = [row for row, d in enumerate(frame.diverged) if d is not None]
    assert 0 < len(lost) < 20 and set(frame.ranking[-len(lost) :]) == set(lost)
    for row in lost:
        later = frame.measured_at >= frame.diverged[row]
        assert np.isnan(frame.validation_accuracy[row, later]).all()
        assert np.isfinite(frame.validation_accuracy[row, ~later]).all()
    assert frame.spared == 0 and frame.made < 20 * 50


def test_a_search_in_which_all_diverge_stops(start) -> None:
    run = start(trials=4, halving=True, **{"search.lr": (9.0, 10.0), "l2": 10.0, "search": ("lr",)})
    run.advance(run.total)
    frame = run.snapshot()
    assert run.stopped and frame.iteration < frame.total
    assert all((s is None) != (d is None) for s, d in outcomes(frame))
    assert sorted(frame.ranking) == [0, 1, 2, 3]


def test_a_search_finds_what_learns(finish, sample) -> None:
    """Rates of 1e-6 learn nothing in a few epochs; the best trial's is among the larger ones."""
    frame = finish(dataset=sample, images=500, trials=12, **{"search.lr": (1e-6, 0.3), "search": ("lr",)})
    best = frame.ranking[0]
    assert frame.last[best] == frame.last.max() > 0.5 > np.median(frame.last)
    assert frame.lr[best] > np.median(frame.lr)


def test_watched_trials_have_histograms_until_they_are_stopped(start) -> None:
    run = start(halving=True)
    run.watch(Watch(("trial-1", "trial-2", "trial-3")))
    assert [probe.lane.name for probe in run.snapshot().probes] == ["trial-1", "trial-2", "trial-3"]
    run.advance(50)
    (left,) = (row for row, s in enumerate(run.snapshot().stopped) if s is None)
    run.watch(Watch(("trial-1", f"trial-{left + 1}")))
    assert [probe.lane.name for probe in run.snapshot().probes][-1] == f"trial-{left + 1}"


def test_a_schedule_is_told_once_for_all_trials(few_digits) -> None:
    small = {"hidden": (5,), "batch": 10, "images": 50, "epochs": 5, "trials": 3, "evaluate": 0}
    told = {**small, "sgd.schedule": "step", "schedule.every": 8}
    frames = []
    for values in (small, told, {**told, "search": ("l2",)}):
        run = build(preset("random-search").configuration(values), lambda: few_digits(60, 20), 1)
        run.advance(12)
        frames.append(run.snapshot())
        run.close()
    plain, shared, own = frames
    assert plain.rates is None and plain.ahead is None
    assert shared.rates.shape == (1, 12) and shared.ahead.at[-1] == shared.total == 20
    assert shared.rates[0].tolist() == [1.0] * 8 + [pytest.approx(0.1)] * 4
    assert own.rates[0].tolist() == [0.01] * 8 + [pytest.approx(0.001)] * 4
