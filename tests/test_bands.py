"""Several seeds: runs that equal those of each seed alone, their quartiles, and which lanes cannot be told apart."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from core.bands import Bands, alike, quartiles
from core.history import SmoothedRecord
from core.presets import preset
from core.watching import Watch

SHARES = (0.25, 0.5, 0.75)


def draws(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


# Quartiles.


@pytest.mark.parametrize("seeds", range(1, 13))
def test_quartiles_are_numpys(seeds) -> None:
    values = draws(3, seeds, 20)
    np.testing.assert_allclose(quartiles(values), np.quantile(values, SHARES, axis=1), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("seeds", range(1, 13))
@pytest.mark.parametrize("worst", [np.inf, -np.inf])
def test_a_diverged_run_counts_as_the_worst(seeds, worst) -> None:
    """As many runs are lost at each point as its number says; a huge number stands for infinity."""
    values = draws(2, seeds, seeds + 1)
    for lost in range(seeds + 1):
        values[:, :lost, lost] = np.nan
    expected = np.quantile(np.where(np.isnan(values), np.sign(worst) * 1e30, values), SHARES, axis=1)
    expected[np.abs(expected) > 1e20] = np.nan
    np.testing.assert_allclose(quartiles(values, worst), expected, rtol=1e-6, atol=1e-6)
    finite = np.isfinite(quartiles(values, worst)[1])
    np.testing.assert_array_equal(finite, [[2 * lost < seeds for lost in range(seeds + 1)]] * 2)


def test_quartiles_keep_the_type_and_the_values() -> None:
    values = draws(2, 5, 4).astype(np.float32)
    kept = values.copy()
    assert quartiles(values).dtype == np.float32
    np.testing.assert_array_equal(values, kept)


@pytest.mark.parametrize("chunks", [[1] * 60, [60], [7, 40, 1, 1, 11], [0, 30, 0, 30]], ids=str)
def test_growing_bands_equal_those_of_the_whole(chunks) -> None:
    """The last points of a smoothed curve change once more follow; a diverged one ends early."""
    raw = draws(6, 60, seed=1).astype(np.float32)
    raw[4, 33:] = np.nan
    whole, smoothing, bands, end = SmoothedRecord(6), SmoothedRecord(6), Bands(2), 0
    for chunk in chunks:
        end += chunk
        ends = [end if row != 4 else min(end, 33) for row in range(6)]
        found = bands.update(smoothing.update(raw[:, :end], ends).reshape(2, 3, end))
    smoothed = whole.update(raw, [60, 60, 60, 60, 33, 60]).reshape(2, 3, 60)
    np.testing.assert_array_equal(found, quartiles(smoothed))
    with pytest.raises(ValueError, match="read-only"):
        found[0, 0, 0] = 1


# Which lanes cannot be told apart.


def alike_by_force(values, level=0.1):
    """The definition, with loops: the share of sign patterns whose sum is at least as far from 0."""
    found = []
    for a, b in itertools.combinations(range(len(values)), 2):
        differences = [x - y for x, y in zip(values[a], values[b], strict=True)]
        patterns = list(itertools.product((1, -1), repeat=len(differences)))
        sums = [abs(sum(s * d for s, d in zip(signs, differences, strict=True))) for signs in patterns]
        extreme = sum(1 for total in sums if total >= abs(sum(differences)) - 1e-12)
        if extreme / len(patterns) > level:
            found.append((a, b))
    return tuple(found)


@pytest.mark.parametrize("seeds", [1, 2, 4, 5, 6, 8])
def test_alike_is_the_exact_paired_test(seeds) -> None:
    verdicts = set()
    for seed in range(12):
        values = draws(4, seeds, seed=seed) + np.array([0, 0.5, 1, 2])[:, None]
        assert alike(values) == alike_by_force(values)
        verdicts |= set(alike(values))
    assert verdicts, "an empty check"


def test_known_verdicts() -> None:
    same, better = draws(5), draws(5) + 10
    assert alike(np.array([same, same])) == ((0, 1),)
    assert alike(np.array([same, better])) == ()
    assert alike(np.array([same, same + 1e-3 * np.array([1, -1, 1, -1, 1])])) == ((0, 1),)
    assert alike(np.array([same, same, better])) == ((0, 1),)


@pytest.mark.parametrize("seeds", [1, 2, 3, 4])
def test_fewer_than_five_seeds_tell_nothing_apart(seeds) -> None:
    assert alike(np.array([np.zeros(seeds), np.full(seeds, 100.0)])) == ((0, 1),)


def test_five_differences_of_one_sign_are_enough_and_one_against_them_may_not_be() -> None:
    ones = np.array([0.1, 0.1, 0.1, 0.1, 0.1])
    assert alike(np.array([ones * 0, ones])) == ()
    assert alike(np.array([ones * 0, ones * [1, 1, 1, 1, -1]])) == ((0, 1),)


def test_a_diverged_run_is_worse_than_any() -> None:
    fine, lost = np.linspace(0.5, 0.9, 5), np.full(5, np.nan)
    assert alike(np.array([fine, lost])) == ()
    assert alike(np.array([lost, lost])) == ((0, 1),)
    assert alike(np.array([fine, fine, lost])) == ((0, 1),)
    assert alike(np.array([fine, np.where(np.arange(5) == 0, np.nan, fine)])) == ((0, 1),)


def test_the_direction_and_the_order_of_seeds_do_not_matter() -> None:
    values = draws(3, 7) + np.array([0, 0.3, 1])[:, None]
    order = np.random.default_rng(2).permutation(7)
    assert alike(values) == alike(-values) == alike(values[:, order])


# Runs.

SMALL = {"hidden": (9, 8), "batch": 16, "iterations": 22, "lanes": ("sgd", "adam", "momentum")}


@pytest.fixture(scope="module")
def digits(few_digits):
    return few_digits(160, 60)


@pytest.fixture
def start(digits, open_run):
    def make(name="optimizer-mnist", threads=1, configuration=None, **values):
        return open_run(configuration or preset(name).configuration({**SMALL, **values}), digits, threads)

    return make


ARRAYS = ("loss", "smoothed", "train_accuracy", "test_accuracy", "weight_norm")
SPREAD = ("smoothed", "train_accuracy", "test_accuracy", "seed_loss", "seed_smoothed", "seed_train_accuracy")


def bits(frame):
    """Return all arrays of a frame of several seeds, to the last bit, and what is found from them."""
    own = [np.ascontiguousarray(getattr(frame, name)).tobytes() for name in ARRAYS]
    more = [np.ascontiguousarray(getattr(frame.spread, name)).tobytes() for name in (*SPREAD, "seed_test_accuracy")]
    return own + more, frame.spread.alike, frame.spread.diverged, frame.diverged


@pytest.mark.parametrize("values", [{}, {"dropout": 0.3}, {"batchnorm": True, "l2": 0.1}], ids=str)
def test_lanes_of_a_seed_equal_a_run_with_that_seed_alone(finish, values) -> None:
    spread = finish(seeds=3, seed=5, **values).spread
    assert spread.seeds == (5, 6, 7)
    for place, seed in enumerate(spread.seeds):
        alone = finish(seed=seed, **values)
        np.testing.assert_allclose(spread.seed_loss[:, place], alone.loss, rtol=1e-5)
        np.testing.assert_allclose(spread.seed_smoothed[:, place], alone.smoothed, rtol=1e-5)
        np.testing.assert_allclose(spread.seed_train_accuracy[:, place], alone.train_accuracy, atol=1.5 / 160)
        np.testing.assert_allclose(spread.seed_test_accuracy[:, place], alone.test_accuracy, atol=1.5 / 60)


def test_one_seed_is_a_run_without_a_spread(finish) -> None:
    one, plain = finish(seeds=1), finish()
    assert one.spread is None
    assert [getattr(one, name).tobytes() for name in ARRAYS] == [getattr(plain, name).tobytes() for name in ARRAYS]


def test_a_frame_of_several_seeds_has_their_medians_and_quartiles(finish) -> None:
    frame = finish(seeds=4)
    spread = frame.spread
    for runs, middle, ends in (
        (spread.seed_smoothed, frame.smoothed, spread.smoothed),
        (spread.seed_train_accuracy, frame.train_accuracy, spread.train_accuracy),
        (spread.seed_test_accuracy, frame.test_accuracy, spread.test_accuracy),
    ):
        low, median, high = np.quantile(runs, SHARES, axis=1)
        np.testing.assert_allclose(middle, median, rtol=1e-5)
        np.testing.assert_allclose(ends, np.stack([low, high], axis=1), rtol=1e-5)
    np.testing.assert_allclose(frame.loss, np.median(spread.seed_loss, axis=1), rtol=1e-5)
    labels = [lane.label for lane in frame.lanes]
    expected = alike_by_force(spread.seed_test_accuracy[:, :, -1].astype(float))
    assert spread.alike == tuple((labels[a], labels[b]) for a, b in expected)
    assert (spread.metric, spread.diverged, frame.diverged) == ("test accuracy", (0, 0, 0), (None,) * 3)


def test_without_accuracies_losses_are_compared(finish) -> None:
    frame = finish(seeds=6, evaluate=0, **{"sgd.lr": 1e-6, "adam.lr": 0.01})
    assert frame.spread.metric == "loss"
    labels = [lane.label for lane in frame.lanes]
    expected = alike_by_force(-frame.spread.seed_smoothed[:, :, -1].astype(float))
    assert frame.spread.alike == tuple((labels[a], labels[b]) for a, b in expected)
    assert ("SGD", "Adam") not in frame.spread.alike, "Adam has clearly learned more"


@pytest.mark.parametrize("threads", [2, 3, 5])
def test_threads_do_not_change_a_bit(finish, threads) -> None:
    values = {"seeds": 3, "dropout": 0.2, "batchnorm": True}
    assert bits(finish(threads=threads, **values)) == bits(finish(**values))


@pytest.mark.parametrize("chunks", [[1] * 22, [9, 1, 2, 10]], ids=str)
def test_steps_give_the_same_bits_as_one_run(start, finish, chunks) -> None:
    run = start(seeds=5)
    for updates in chunks:
        run.advance(updates)
        run.snapshot()
    assert bits(run.snapshot()) == bits(finish(seeds=5))


@pytest.mark.parametrize(("first", "then"), [(16, 35), (13, 38), (13, 17)])
def test_an_extended_run_equals_a_straight_one(start, finish, first, then) -> None:
    """Also in what cannot be told apart, though as many accuracies may be known before as after."""
    values = {"seeds": 5, "sgd.lr": 0.05, "momentum.lr": 0.05, "adam.lr": 0.02}
    run = start(iterations=first, **values)
    run.advance(first)
    run.snapshot()
    run.change("iterations", then)
    run.advance(then)
    assert bits(run.snapshot()) == bits(finish(iterations=then, **values))


def test_a_change_reaches_all_seeds_and_replays(start, finish) -> None:
    run, plain = start(seeds=3), finish(seeds=3)
    run.advance(8)
    run.change("sgd.lr", 0.3)
    run.advance(99)
    frame = run.snapshot()
    assert bits(finish(configuration=run.configuration)) == bits(frame)
    changed = frame.spread.seed_loss[:, :, 9:] != plain.spread.seed_loss[:, :, 9:]
    assert changed[0].any(axis=1).all() and not changed[1:].any()


def test_a_lane_has_diverged_when_at_least_half_of_its_runs_have(finish) -> None:
    """Each update multiplies SGD's weights by -99; which of them leaves the finite numbers first differs."""
    frame = finish(seeds=4, iterations=40, l2=10.0, **{"sgd.lr": 10.0, "momentum.lr": 1e-4})
    spread, (at, *others) = frame.spread, frame.diverged
    assert spread.diverged == (4, 0, 0) and others == [None, None]
    ends = np.sort(np.isnan(spread.seed_loss[0]).argmax(axis=1) + 1)
    assert at == ends[1]
    assert np.isfinite(frame.loss[0, : at - 1]).all() and np.isnan(frame.loss[0, at - 1 :]).all()
    assert np.isfinite(frame.smoothed[0, : at - 1]).all() and np.isnan(frame.smoothed[0, at - 1 :]).all()
    assert np.isfinite(frame.loss[1:]).all()


def test_histograms_are_the_first_seeds(start) -> None:
    run, alone = start(seeds=3, seed=4), start(seed=4)
    found = []
    for one in (run, alone):
        one.watch(Watch(("adam",)))
        one.advance(5)
        (probe,) = one.snapshot().probes
        found.append([layer.std for layer in probe.activations])
    np.testing.assert_allclose(*found, rtol=1e-5)


def test_frames_of_several_seeds_are_read_only(finish) -> None:
    frame = finish(seeds=2)
    arrays = [getattr(frame, name) for name in ARRAYS] + [getattr(frame.spread, name) for name in SPREAD]
    for array in arrays:
        with pytest.raises(ValueError, match="read-only"):
            array[..., 0] = 1
