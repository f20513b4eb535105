"""Every preset builds, is consistent, and has the chapter's numbers."""

from __future__ import annotations

import numpy as np
import pytest

from core.datasets import Dataset
from core.experiments.paths import Paths
from core.experiments.propagation import Propagation
from core.experiments.search import Search
from core.experiments.stability import Stability
from core.experiments.training import Training
from core.export import arrays
from core.initializers import initializer
from core.lanes import Axis, lanes_of
from core.optimizers import OPTIMIZERS
from core.own_surface import surface_of
from core.parameters import ParameterError, UnknownParameterError
from core.presets import PRESETS, PresetError, build, panel_presets, preset
from core.surfaces import SURFACES

EVERY = pytest.mark.parametrize("found", PRESETS.values(), ids=PRESETS)
KINDS = {"paths": Paths, "training": Training, "propagation": Propagation, "search": Search, "stability": Stability}
LEARNING = [p for p in PRESETS.values() if p.uses_images]
EVERY_LEARNING = pytest.mark.parametrize("found", LEARNING, ids=lambda p: p.name)
SMALL = {"hidden": (7, 6), "batch": 8, "iterations": 11, "images": 40, "trials": 6, "evaluate": 1}


def small(found, **values):
    """Return the preset at settings that take no time."""
    keys = {p.key for p in found.parameters()}
    return found.configuration({k: v for k, v in {**SMALL, **values}.items() if k in keys})


def run_of(configuration, dataset, chunks, threads=1):
    """Advance by these chunks, taking a frame after each, and return the last frame's arrays as bytes."""
    experiment = build(configuration, lambda: dataset, threads)
    try:
        for updates in chunks:
            experiment.advance(updates)
            frame = experiment.snapshot()
        return {name: np.ascontiguousarray(array).tobytes() for name, array in arrays(frame).items()}, frame
    finally:
        experiment.close()


@EVERY
def test_is_told_to_people(found) -> None:
    assert PRESETS[found.name] is found is preset(found.name)
    assert found.title and found.shows and found.look_for
    assert found.name == found.name.lower() and " " not in found.name
    assert found in panel_presets(found.panel)


@EVERY
def test_declarations_are_consistent(found) -> None:
    parameters = found.parameters()
    keys = [p.key for p in parameters]
    assert len(set(keys)) == len(keys)
    assert set(found.values) | set(found.figure) | set(found.figure_keys) <= set(keys)
    for p in parameters:
        assert p.check(p.default) == p.default and type(p.check(p.default)) is type(p.default)
        assert p.parse(p.text(p.default)) == p.default
        assert p.label and p.doc and p.allowed
        if p.only_if:
            assert says_something(p.only_if, parameters)
        if p.unless:
            assert p.unless[0] in keys
        if p.search:
            assert p.low <= p.search[0] < p.search[1] <= p.high
    for key, value in found.values.items():
        assert found.configuration()[key] == value


def says_something(condition, parameters):
    """Tell whether a parameter can have the value, or the name among its names, that another one waits for."""
    chooser, value = condition
    (other,) = (q for q in parameters if q.key == chooser)
    if not value:
        return other.check(()) == ()
    return value in (other.choices or ("true", "false"))


@EVERY
def test_builds_at_its_beginning_and_makes_an_update(found, sample) -> None:
    few = {"hidden": (5,), "batch": 8, "iterations": 2} if found.uses_images else {}
    experiment = build(found.configuration(few), lambda: sample, threads=1)
    try:
        assert type(experiment) is KINDS[found.experiment]
        assert experiment.position == 0 < experiment.total
        assert not experiment.stopped and experiment.lanes
        names = [lane.name for lane in experiment.lanes]
        looks = [(lane.colour, lane.marker) for lane in experiment.lanes]
        assert len(set(names)) == len(names)
        # All trials look alike, and so do all networks with BatchNorm, and all without.
        shared = {Axis.TRIAL: 1, Axis.BATCHNORM: 2}.get(found.axis, len(looks))
        assert len(set(looks)) == shared
        before = experiment.snapshot()
        experiment.advance(1)
        frame = experiment.snapshot()
        assert (before.position, frame.position, frame.total) == (0, 1, experiment.total)
        assert frame.lanes == experiment.lanes
    finally:
        experiment.close()


@EVERY
def test_the_whole_figure_reads_back(found) -> None:
    configuration = found.figure_configuration({})
    plain = configuration.to_dict()
    assert plain["preset"] == found.name
    assert found.configuration(plain["parameters"]) == configuration
    texts = {p.key: p.text(configuration[p.key]) for p in configuration.parameters if configuration.uses(p)}
    assert found.read(texts) == configuration


@EVERY_LEARNING
def test_threads_and_steps_do_not_change_a_bit(found, sample) -> None:
    values = small(found, dropout=0.2) if found.axis is not Axis.REGULARIZATION else small(found)
    straight, _frame = run_of(values, sample, [11])
    assert run_of(values, sample, [1] * 11, threads=2)[0] == straight


@pytest.mark.parametrize("found", [p for p in LEARNING if p.experiment == "training"], ids=lambda p: p.name)
def test_several_seeds_run_in_every_race(found, sample) -> None:
    values = small(found, seeds=2)
    (straight, frame), (stepped, _frame) = run_of(values, sample, [11]), run_of(values, sample, [4, 7], threads=2)
    assert frame.spread.seeds == (0, 1) and straight == stepped
    assert straight["loss"] != run_of(small(found), sample, [11])[0]["loss"]


@pytest.fixture(scope="module")
def tiny() -> Dataset:
    """60 images of 6x6 to learn from, fewer than any preset asks for, and 10 to test on."""
    draws = np.random.default_rng(0)
    images, labels = draws.integers(0, 256, (70, 36), dtype=np.uint8), draws.integers(0, 10, 70)
    images[:, 5] = 0
    return Dataset("tiny", images[:60], labels[:60], images[60:], labels[60:], (6, 6))


@EVERY_LEARNING
def test_a_dataset_smaller_than_the_preset_wants_will_do(found, tiny) -> None:
    keys = {p.key for p in found.parameters()}
    configuration = found.configuration({k: v for k, v in {"iterations": 5, "trials": 3}.items() if k in keys})
    _bits, frame = run_of(configuration, tiny, [5])
    search = found.experiment == "search"
    assert frame.train_measured == (48 if search else 60)
    assert (frame.validation_measured if search else frame.test_measured) == (12 if search else 10)
    assert frame.per_epoch == max(1, frame.images // configuration["batch"]) and frame.position == 5
    assert frame.measured_at[0] == 0 and frame.measured_at[-1] == 5
    shown = frame.validation_accuracy if search else frame.loss
    lost = [d is not None for d in frame.diverged]
    assert not all(lost) and np.isfinite(shown[np.logical_not(lost)]).all()


@pytest.mark.parametrize("found", [p for p in PRESETS.values() if p.experiment == "paths"], ids=lambda p: p.name)
def test_paths_start_in_the_picture(found) -> None:
    configuration = found.configuration()
    x, y = configuration["start"]
    x_low, x_high, y_low, y_high = surface_of(configuration).view
    assert x_low < x < x_high and y_low < y < y_high


def test_the_chapters_paths() -> None:
    values = preset("optimizer-paths").configuration()
    rates = [values[f"{key}.lr"] for key in ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam")]
    assert rates == [0.95, 0.1, 0.1, 1.5, 0.1, 0.3]
    assert (values["start"], values["iterations"], values["surface"], values["anisotropy"]) == (
        (-7, 2),
        29,
        "quadratic",
        20,
    )
    assert SURFACES["quadratic"].view == (-10, 10, -10, 10)


def test_the_chapters_race_of_optimizers() -> None:
    values = preset("optimizer-mnist").configuration()
    assert values["lanes"] == ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam")
    assert values["hidden"] == (100,) * 4
    assert [values[key] for key in ("batch", "iterations", "init", "activation")] == [128, 2000, "he", "relu"]
    assert [values[key] for key in ("batchnorm", "l2", "seed", "evaluate")] == [False, 0.0, 0, 1]
    for key, rule in OPTIMIZERS.items():
        for p in rule.hyperparameters:
            assert values[f"{key}.{p.key}"] == p.default
    assert preset("optimizer-mnist").loss_range == (0.0, 1.0)


def test_the_chapters_race_of_initial_weights() -> None:
    values = preset("init-mnist").configuration()
    assert values["lanes"] == ("normal-0.01", "xavier", "he")
    assert (values["optimizer"], values["sgd.lr"], values["hidden"], values["batch"]) == ("sgd", 0.01, (100,) * 4, 128)
    assert preset("init-mnist").loss_range == (0.0, 2.5)


def test_the_chapters_activations() -> None:
    values = preset("activations").figure_configuration({})
    assert len(values["lanes"]) == 15
    assert (values["inputs"], values["hidden"], values["bins"]) == (1000, (100,) * 5, 30)


def test_the_chapters_grid_of_batchnorm() -> None:
    found = preset("batchnorm-grid")
    values = found.figure_configuration({})
    assert [values[key] for key in ("images", "batch", "optimizer", "sgd.lr")] == [1000, 100, "sgd", 0.01]
    assert (values["hidden"], values["iterations"]) == ((100,) * 5, 20 * 10)
    lanes = build_lanes(found, values)
    scales = [initializer(lane.init).sigma(784) for lane in lanes]
    np.testing.assert_allclose(scales, np.repeat(np.logspace(0, -4, 16), 2), rtol=5e-3)  # 3 digits
    assert [lane.batchnorm for lane in lanes] == [True, False] * 16
    assert lanes[2].name == "sigma-0.541-bn" and lanes[-1].name == "sigma-0.0001-plain"


def build_lanes(found, values):
    return lanes_of(values.values, found.axis)


def test_the_chapters_batchnorm_at_one_scale() -> None:
    values = preset("batchnorm").figure_configuration({})
    bn, plain = build_lanes(preset("batchnorm"), values)
    assert (bn.name, plain.name, bn.init, plain.init) == ("sigma-he-bn", "sigma-he-plain", "he", "he")
    assert bn.batchnorm and not plain.batchnorm
    assert (values["hidden"], values["images"], values["batch"]) == ((100,) * 5, 1000, 100)


@pytest.mark.parametrize(
    ("name", "lanes", "epochs"), [("weight-decay", ("l2-0", "l2-0.1"), 200), ("dropout", ("p-0", "p-0.2"), 300)]
)
def test_the_chapters_over_fitting(name, lanes, epochs) -> None:
    values = preset(name).configuration()
    assert (values["lanes"], values["iterations"], values["hidden"]) == (lanes, 3 * epochs, (100,) * 6)
    assert [values[k] for k in ("images", "batch", "optimizer", "sgd.lr", "init")] == [300, 100, "sgd", 0.01, "he"]


def test_the_chapters_search() -> None:
    values = preset("random-search").configuration()
    assert [values[k] for k in ("images", "batch", "trials", "epochs", "optimizer")] == [500, 100, 100, 50, "sgd"]
    assert (values["hidden"], values["search"], values["method"]) == ((100,) * 6, ("lr", "l2"), "random")
    assert (values["search.lr"], values["search.l2"], values["halving"]) == ((1e-6, 1e-2), (1e-8, 1e-4), False)


@pytest.mark.parametrize("batchnorm", [True, False])
def test_networks_with_and_without_batchnorm_train_in_one_run(sample, batchnorm) -> None:
    """Two architectures side by side: each lane is what it is in a race where all have its architecture."""
    together = small(
        preset("batchnorm-grid"), lanes=("sigma-0.1-bn", "sigma-he-plain", "sigma-0.1-plain", "sigma-he-bn")
    )
    alone = small(preset("init-mnist"), lanes=("normal-0.1", "he"), batchnorm=batchnorm)
    forty = Dataset("40", sample.train_images[:40], sample.train_labels[:40], sample.test_images, sample.test_labels)
    _bits, frame = run_of(together, sample, [11])
    _bits, expected = run_of(alone, forty, [11])
    rows = [0, 3] if batchnorm else [2, 1]
    np.testing.assert_allclose(frame.loss[rows], expected.loss, rtol=1e-4)
    np.testing.assert_allclose(frame.test_accuracy[rows, -1], expected.test_accuracy[:, -1], atol=3 / 1000)


def test_choosing_one_network_leaves_the_figures_fifteen_out() -> None:
    assert preset("activations").read({"activation": "tanh"})["lanes"] == ()
    assert preset("activations").read({"lanes": "relu-he,tanh-normal-0.3"})["lanes"] == ("relu-he", "tanh-normal-0.3")
    assert len(preset("activations").read({"bins": "20"})["lanes"]) == 15


def test_a_new_optimizer_is_in_every_form_without_another_edit() -> None:
    for name in (found.name for found in PRESETS.values() if found.experiment != "propagation"):
        keys = {p.key for p in preset(name).parameters()}
        assert {f"{key}.{p.key}" for key, rule in OPTIMIZERS.items() for p in rule.hyperparameters} <= keys


def test_only_the_chosen_optimizers_settings_are_used() -> None:
    assert preset("init-mnist").read({"optimizer": "adam", "adam.lr": "0.003"})["adam.lr"] == 0.003
    with pytest.raises(UnknownParameterError, match=r"^adam\.lr: not a parameter that init-mnist uses; allowed: "):
        preset("init-mnist").read({"adam.lr": "0.003"})


@pytest.mark.parametrize(
    ("name", "texts", "message"),
    [
        ("optimizer-mnist", {"lanes": "sgd,lamb"}, r"^lanes: 'lamb' is not allowed; allowed: some of sgd, "),
        (
            "optimizer-mnist",
            {"init": "normal-0"},
            r"^init: 'normal-0' is not allowed; allowed: one of zeros, .*normal-<σ>$",
        ),
        ("init-mnist", {"lanes": "he,normal-x"}, r"^lanes: 'normal-x' is not allowed"),
        ("activations", {"lanes": "relu-he,swish-he"}, r"^lanes: 'swish-he' is not allowed"),
        ("optimizer-paths", {"start": "1000.5,0"}, r"^start: .* each from -1000 to 1000$"),
        ("optimizer-paths", {"batch": "5"}, r"^batch: not a parameter that optimizer-paths uses"),
    ],
)
def test_wrong_settings_are_refused(name, texts, message) -> None:
    with pytest.raises(ParameterError, match=message):
        preset(name).read(texts)


def test_an_unknown_preset_names_those_there_are() -> None:
    with pytest.raises(PresetError, match=r"^preset: 'optimiser' does not exist; allowed: optimizer-paths, "):
        preset("optimiser")
