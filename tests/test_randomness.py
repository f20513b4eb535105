"""Draws keyed by what they are for: mini-batches by iteration, Dropout's masks by seed, lane and iteration."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from core.randomness import Batches, Masks, Purpose, generator

SHAPES = ((16, 12), (16, 7))  # 304 units: not a multiple of what a draw of 64 bits gives
RATIOS = (0.1, 0.2, 0.5, 0.9)


def drawn(names, ratios, iteration=0, seed=0, shapes=SHAPES):
    masks = Masks(seed, names, shapes)
    masks.draw(iteration, ratios)
    return masks.scaled


def of_lane(scaled, lane):
    return [mask[lane].tobytes() for mask in scaled]


def test_generators_of_different_keys_are_different() -> None:
    keys = list(itertools.product((0, 1, 2), Purpose, (0, 1)))
    assert len({generator(*key).random() for key in keys}) == len(keys)
    assert generator(1, Purpose.TRIALS, 2).random() == generator(1, Purpose.TRIALS, 2).random()


def test_batches_are_keyed_by_iteration() -> None:
    straight, there_and_back = Batches(3, 1000, 32), Batches(3, 1000, 32)
    expected = [straight[i].copy() for i in range(200)]
    for i in (199, 0, 64, 63, 128, 1):
        np.testing.assert_array_equal(there_and_back[i], expected[i])
    drawn = np.concatenate(expected)
    assert drawn.min() >= 0 and drawn.max() < 1000
    assert len(np.unique(drawn)) > 990, "drawn from all images"
    assert len({batch.tobytes() for batch in expected}) == 200


def test_masks_are_keyed_by_seed_lane_and_iteration() -> None:
    keys = list(itertools.product((0, 1), ("a", "b", "ab"), (0, 1, 64)))
    found = [tuple(of_lane(drawn([name], [0.5], at, seed), 0)) for seed, name, at in keys]
    assert len(set(found)) == len(keys)
    again = [tuple(of_lane(drawn([name], [0.5], at, seed), 0)) for seed, name, at in keys]
    assert found == again


def test_masks_do_not_depend_on_neighbours_or_on_what_was_drawn_before() -> None:
    masks = Masks(4, ["a", "b", "c"], SHAPES)
    for iteration, ratios in ((9, (0.5, 0.5, 0.5)), (3, (0.9, 0.0, 0.2)), (7, (0.1, 0.3, 0.0))):
        masks.draw(iteration, ratios)
        for lane, (name, ratio) in enumerate(zip("abc", ratios, strict=True)):
            assert of_lane(masks.scaled, lane) == of_lane(drawn([name], [ratio], iteration, 4), 0)


def test_layers_do_not_share_their_draws() -> None:
    one, other, third = (mask[0] > 0 for mask in drawn(["a"], [0.5], shapes=((40, 50),) * 3))
    for a, b in ((one, other), (one, third), (other, third)):
        assert abs(np.mean(a == b) - 0.5) < 4 * 0.5 / a.size**0.5


@pytest.mark.parametrize("ratio", RATIOS)
def test_masks_hold_zero_or_one_over_what_is_kept(ratio) -> None:
    for mask, shape in zip(drawn(["a"], [ratio]), SHAPES, strict=True):
        assert mask.shape == (1, *shape) and mask.dtype == np.float32
        assert set(np.unique(mask)) == {np.float32(0), np.float32(1 / (1 - ratio))}


def test_a_lane_without_dropout_has_ones_whatever_was_there() -> None:
    masks = Masks(0, ["a", "b"], SHAPES)
    masks.draw(0, [0.5, 0.5])
    masks.draw(1, [0.0, 0.5])
    assert all((mask[0] == 1).all() and (mask[1] != 1).all() for mask in masks.scaled)


@pytest.mark.parametrize("ratio", RATIOS)
def test_the_share_kept_is_binomial_and_the_expectation_is_kept(ratio) -> None:
    """Within four standard deviations: of all units, of each unit, of each image and of neighbours that agree."""
    rounds, (batch, width) = 400, (20, 30)
    masks, stays = Masks(1, ["lane"], [(batch, width)]), np.empty((rounds, batch, width), bool)
    for iteration in range(rounds):
        masks.draw(iteration, [ratio])
        stays[iteration] = masks.scaled[0][0] > 0
    keep = 1 - ratio
    spread = (keep * ratio) ** 0.5
    assert abs(stays.mean() - keep) < 4 * spread / stays.size**0.5
    assert abs(stays.mean() / keep - 1) < 4 * spread / keep / stays.size**0.5  # the mean of the scaled mask
    for axes in ((0, 1), (0, 2), (1, 2), (0,)):
        deviations = (stays.mean(axis=axes) - keep) * np.prod([stays.shape[i] for i in axes]) ** 0.5 / spread
        assert abs(np.mean(deviations**2) - 1) < 6 * (2 / deviations.size) ** 0.5 and np.abs(deviations).max() < 5.5
    for shifted in (stays[1:] & stays[:-1], stays[:, 1:] & stays[:, :-1], stays[:, :, 1:] & stays[:, :, :-1]):
        assert abs(shifted.mean() - keep**2) < 6 * keep * (1 - keep**2) ** 0.5 / shifted.size**0.5 + 1e-9
