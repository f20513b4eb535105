"""Trials of a search: draws within their ranges, grids within their budget, and what can be searched at all."""

from __future__ import annotations

import numpy as np
import pytest

from core.optimizers import OPTIMIZERS
from core.parameters import Scale
from core.presets import preset
from core.trials import full_key, searchable, trials_of

NAMES = tuple(searchable())


def trials(**values):
    return trials_of(preset("random-search").configuration(values).values)


def table(**values):
    found = trials(**values)
    return np.array([list(row.values()) for row in found])


def test_what_optimizers_declare_and_weight_decay_and_dropout_can_be_searched() -> None:
    declared = {p.key for rule in OPTIMIZERS.values() for p in rule.hyperparameters if p.search}
    assert set(NAMES) == declared | {"l2", "dropout"} and NAMES[:3] == ("lr", "l2", "dropout")
    for name, parameter in searchable().items():
        low, high = parameter.search
        assert parameter.key == name and parameter.low <= low < high <= parameter.high


@pytest.mark.parametrize(
    ("name", "optimizer", "key"),
    [
        ("lr", "sgd", "sgd.lr"),
        ("lr", "adam", "adam.lr"),
        ("momentum", "nesterov", "nesterov.momentum"),
        ("momentum", "sgd", None),
        ("beta1", "momentum", None),
        ("l2", "sgd", "l2"),
        ("dropout", "adam", "dropout"),
    ],
)
def test_full_keys(name, optimizer, key) -> None:
    assert full_key(name, optimizer) == key


def test_the_chapters_hundred_trials() -> None:
    found = trials()
    assert len(found) == 100 and all(list(row) == ["lr", "l2"] for row in found)
    values = table()
    for column, (low, high) in enumerate(((1e-6, 1e-2), (1e-8, 1e-4))):
        assert low <= values[:, column].min() and values[:, column].max() <= high


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("method", ["random", "grid"])
def test_values_are_in_their_range_and_allowed(name, method) -> None:
    parameter = searchable()[name]
    for row in trials(search=(name,), optimizer="adam" if name[:4] == "beta" else optimizer_with(name), method=method):
        low, high = parameter.search
        assert low <= row[name] <= high and parameter.check(row[name]) == row[name]


def optimizer_with(name):
    return next(key for key in OPTIMIZERS if full_key(name, key))


@pytest.mark.parametrize(("name", "ends"), [("lr", (1e-5, 1e-1)), ("l2", (1e-8, 1e-4)), ("dropout", (0.1, 0.7))])
def test_draws_are_uniform_on_the_ranges_scale(name, ends) -> None:
    values = table(search=(name,), trials=1000, **{f"search.{name}": ends})[:, 0]
    scaled, (low, high) = (np.log(values), np.log(ends)) if searchable()[name].scale is Scale.LOG else (values, ends)
    shares = np.sort((scaled - low) / (high - low))
    distance = np.abs(shares - (np.arange(1000) + 0.5) / 1000).max()
    assert distance < 1.63 / 1000**0.5, "Kolmogorov and Smirnov, at 1 %"


def test_a_log_range_that_starts_at_zero_is_searched_evenly() -> None:
    values = table(search=("l2",), trials=1000, **{"search.l2": (0.0, 1e-2)})[:, 0]
    assert values.min() >= 0 and values.max() <= 1e-2 and abs(values.mean() - 5e-3) < 4 * 1e-2 / 12000**0.5


def test_two_searched_values_are_drawn_independently() -> None:
    values = np.log(table(trials=1000))
    assert abs(np.corrcoef(values.T)[0, 1]) < 4 / 1000**0.5


@pytest.mark.parametrize("few", [1, 2, 37, 99])
@pytest.mark.parametrize("search", [("lr",), ("lr", "l2"), ("dropout", "lr", "l2")])
def test_the_first_of_more_trials_are_the_same(few, search) -> None:
    assert trials(trials=few, search=search) == trials(trials=100, search=search)[:few]


def test_seed_and_stage_draw_others_and_equal_ones_the_same() -> None:
    found = [trials(seed=seed, stage=stage) for seed in (0, 1) for stage in (0, 1, 2)]
    assert len({tuple(row["lr"] for row in one) for one in found}) == 6
    assert trials(seed=1, stage=2) == found[-1]


def test_another_range_moves_the_same_draws() -> None:
    """So a range that is narrowed while the form is open moves the points instead of shuffling them."""
    wide, narrow = np.log(table())[:, 0], np.log(table(**{"search.lr": (1e-4, 1e-3)}))[:, 0]
    shares = [
        (v - np.log(low)) / (np.log(high) - np.log(low)) for v, low, high in ((wide, 1e-6, 1e-2), (narrow, 1e-4, 1e-3))
    ]
    np.testing.assert_allclose(*shares, atol=1e-9)


@pytest.mark.parametrize("budget", [1, 2, 3, 4, 8, 9, 10, 27, 64, 99, 100, 125, 343, 999, 1000])
@pytest.mark.parametrize("axes", [1, 2, 3, 4])
def test_a_grid_has_as_many_values_on_each_axis_as_the_budget_allows(budget, axes) -> None:
    search = ("lr", "l2", "dropout", "momentum")[:axes]
    found = table(method="grid", trials=budget, search=search, optimizer="momentum")
    count = len(np.unique(found[:, 0]))
    assert len(found) == count**axes <= budget < (count + 1) ** axes
    assert len(np.unique(found, axis=0)) == len(found)
    assert [len(np.unique(column)) for column in found.T] == [count] * axes


ENDS = [
    ("lr", (1e-6, 1e-2)),
    ("lr", (0.001, 0.3)),
    ("l2", (3e-8, 7e-3)),
    ("dropout", (0.1, 0.7)),
    ("dropout", (0.15, 0.9)),
    ("momentum", (0.5, 0.99)),
    ("momentum", (0.3, 0.99999)),
]


@pytest.mark.parametrize(("name", "ends"), ENDS, ids=str)
def test_a_grid_has_both_ends_and_even_steps(name, ends) -> None:
    values = table(method="grid", trials=7, search=(name,), optimizer="momentum", **{f"search.{name}": ends})[:, 0]
    assert (values[0], values[-1]) == ends
    steps = np.diff(np.log(values) if searchable()[name].scale is Scale.LOG else values)
    np.testing.assert_allclose(steps, steps[0], rtol=1e-9)


def test_a_grid_of_one_is_in_the_middle() -> None:
    (only,) = trials(method="grid", trials=3)
    assert only["lr"] == pytest.approx(1e-4) and only["l2"] == pytest.approx(1e-6)


def test_seed_and_stage_leave_a_grid_alone() -> None:
    assert trials(method="grid", seed=5, stage=3) == trials(method="grid")


def test_nothing_that_can_be_searched_is_called_like_another_column_of_the_exported_table() -> None:
    """`weight_decay` is what the table calls `l2`."""
    columns = {"trial", "weight_decay", "epoch", "train_accuracy", "validation_accuracy"}
    assert not columns & set(searchable())
