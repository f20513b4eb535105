"""Exported scripts of training: the same losses and accuracies, whatever the networks have.

Losses are compared over few updates: float32 rounds at 6e-8, each update may double that, and a unit that is within
rounding of ReLU's kink moves a loss by up to about 1e-4. Accuracies may differ by two images.
"""

from __future__ import annotations

import importlib.util

import pytest

from core.scripts import ScriptError, make_script
from tests.scripts_helpers import assert_same, configured, own_rows, run_script

LOSSES = {"loss": 2e-4, "smoothed_loss": 2e-4}
HAVE_TORCH = importlib.util.find_spec("torch") is not None
KINDS = ["numpy", pytest.param("torch", marks=pytest.mark.skipif(not HAVE_TORCH, reason="PyTorch is not installed"))]
SMALL = {"hidden": (12, 10), "batch": 20, "iterations": 25}


@pytest.fixture(scope="module")
def digits(few_digits):
    return few_digits(200, 130)


def assert_equal_runs(configuration, digits, folder, kind, losses=LOSSES) -> None:
    accuracies = {"train_accuracy": 2 / 200 + 1e-6, "test_accuracy": 2 / 130 + 1e-6}
    mine, ours = run_script(configuration, digits, folder, kind), own_rows(configuration, digits, folder)
    assert_same(mine, ours, **losses, **accuracies)


@pytest.mark.parametrize("kind", KINDS)
def test_optimizers_race_alike(digits, tmp_path, kind) -> None:
    lanes = ("sgd", "momentum", "nesterov", "adagrad", "adam")
    configuration = configured("optimizer-mnist", {**SMALL, "lanes": lanes, "activation": "tanh", "init": "xavier"})
    assert_equal_runs(configuration, digits, tmp_path, kind, {"loss": 2e-5, "smoothed_loss": 2e-5})


@pytest.mark.parametrize("kind", KINDS)
def test_initial_weights_race_alike(digits, tmp_path, kind) -> None:
    lanes = ("zeros", "normal-0.01", "xavier", "he")
    assert_equal_runs(configured("init-mnist", {**SMALL, "lanes": lanes}), digits, tmp_path, kind)


@pytest.mark.parametrize("kind", KINDS)
def test_batchnorm_with_and_without(digits, tmp_path, kind) -> None:
    lanes = ("sigma-0.3-bn", "sigma-0.3-plain", "sigma-he-bn")
    assert_equal_runs(configured("batchnorm-grid", {**SMALL, "lanes": lanes}), digits, tmp_path, kind)


@pytest.mark.parametrize("kind", KINDS)
def test_weight_decay_and_dropout(digits, tmp_path, kind) -> None:
    lanes = ("plain", "l2-0.1", "l1-0.005", "p-0.3+l2-0.01")
    assert_equal_runs(configured("regularization", {**SMALL, "lanes": lanes}), digits, tmp_path, kind)


@pytest.mark.parametrize("kind", KINDS)
def test_changes_in_mid_run_over_several_seeds(digits, tmp_path, kind) -> None:
    changes = [(5, "sgd.lr", 0.2), (8, "l2", 0.1), (9, "dropout", 0.5), (12, "adam.beta1", 0.5), (15, "dropout", 0.0)]
    values = {**SMALL, "lanes": ("sgd", "adam"), "seeds": 3, "activation": "sigmoid", "evaluate": 0}
    assert_equal_runs(configured("optimizer-mnist", values, changes), digits, tmp_path, kind)


@pytest.mark.parametrize("kind", KINDS)
def test_schedules_that_change_in_mid_run(digits, tmp_path, kind) -> None:
    lanes = ("constant", "step", "warmup-cosine")
    values = {**SMALL, "lanes": lanes, "schedule.every": 6, "schedule.length": 20, "schedule.warmup": 5}
    changes = [(10, "momentum.lr", 0.05), (12, "schedule.factor", 0.5)]
    assert_equal_runs(configured("schedules", values, changes), digits, tmp_path, kind)


def test_lanes_that_diverge_end_alike(digits, tmp_path) -> None:
    values = {**SMALL, "lanes": ("sgd", "momentum"), "sgd.lr": 10.0, "momentum.lr": 10.0, "l2": 10.0}
    configuration = configured("optimizer-mnist", values)
    ours = own_rows(configuration, digits, tmp_path)
    assert len(ours) < 2 * 26 and ours[-1]["loss"] == ""  # all have diverged before the end
    assert_same(run_script(configuration, digits, tmp_path), ours, loss=1e-3, smoothed_loss=1e-3)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "values",
    [
        {"halving": True, "search.lr": (1e-3, 1e-1)},
        {"method": "grid", "search": ("lr", "dropout"), "l2": 0.01, "optimizer": "nesterov", "batchnorm": True},
    ],
    ids=["halving", "grid"],
)
def test_searches_rank_alike(digits, tmp_path, kind, values) -> None:
    small = {"trials": 9, "epochs": 12, "hidden": (12,), "batch": 20, "images": 150, **values}
    configuration = configured("random-search", small)
    mine, ours = run_script(configuration, digits, tmp_path, kind), own_rows(configuration, digits, tmp_path)
    assert_same(mine, ours, train_accuracy=2 / 120 + 1e-6, validation_accuracy=1 / 30 + 1e-6)


def test_a_search_that_measures_nothing_is_refused(digits) -> None:
    with pytest.raises(ScriptError, match="evaluate: 0"):
        make_script(configured("random-search", {"evaluate": 0}), digits, "numpy")


def test_only_the_images_of_the_run_are_written(digits) -> None:
    found = make_script(configured("weight-decay", {**SMALL, "images": 60}), digits, "numpy")
    assert {key: len(array) for key, array in found.data.items()} == {
        "train_images": 60,
        "train_labels": 60,
        "test_images": 130,
        "test_labels": 130,
    }
    search = make_script(configured("random-search", {"images": 50}), digits, "numpy")
    assert {key: len(array) for key, array in search.data.items()} == {"train_images": 50, "train_labels": 50}


def test_only_what_the_networks_have_is_in_the_file(digits) -> None:
    plain = make_script(configured("init-mnist", SMALL), digits, "numpy").text
    for unused in ("Dropout", "BatchNorm", "zlib", "l2", "MASKS", "sigmoid", "quartiles", "class Adam"):
        assert unused not in plain, unused


def test_a_torch_script_has_the_numbers_of_the_configuration(digits) -> None:
    values = {**SMALL, "seed": 7, "lanes": ("l2-0.25", "p-0.4"), "momentum.lr": 0.03, "optimizer": "momentum"}
    text = make_script(configured("weight-decay", values), digits, "torch").text
    compile(text, "script", "exec")
    for line in (
        "SEED = 7",
        "HIDDEN = (12, 10)",
        "BATCH = 20",
        "ITERATIONS = 25",
        'MultiLayerNet("l2-0.25", seed, l2=0.25)',
        'MultiLayerNet("p-0.4", seed, dropout=0.4)',
        "torch.optim.SGD",
        "lr=0.03",
        "momentum=0.9",
    ):
        assert line in text, line
