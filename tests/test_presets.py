"""Every preset builds, is consistent, and has the chapter's numbers."""

from __future__ import annotations

import pytest

from core.experiments.paths import Paths
from core.experiments.propagation import Propagation
from core.experiments.training import Training
from core.optimizers import OPTIMIZERS
from core.parameters import ParameterError, UnknownParameterError
from core.presets import PRESETS, PresetError, build, panel_presets, preset
from core.surfaces import SURFACES

EVERY = pytest.mark.parametrize("found", PRESETS.values(), ids=PRESETS)
KINDS = {"paths": Paths, "training": Training, "propagation": Propagation}


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
            chooser, value = p.only_if
            (other,) = (q for q in parameters if q.key == chooser)
            assert value in other.choices
    for key, value in found.values.items():
        assert found.configuration()[key] == value


@EVERY
def test_builds_at_its_beginning_and_makes_an_update(found, sample) -> None:
    small = {"hidden": (5,), "batch": 8, "iterations": 2} if found.experiment == "training" else {}
    experiment = build(found.configuration(small), lambda: sample, threads=1)
    try:
        assert type(experiment) is KINDS[found.experiment]
        assert experiment.position == 0 < experiment.total
        assert not experiment.stopped and experiment.lanes
        names = [lane.name for lane in experiment.lanes]
        looks = [(lane.colour, lane.marker) for lane in experiment.lanes]
        assert len(set(names)) == len(names) and len(set(looks)) == len(looks)
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


@pytest.mark.parametrize("found", [p for p in PRESETS.values() if p.experiment == "paths"], ids=lambda p: p.name)
def test_paths_start_in_the_picture(found) -> None:
    configuration = found.configuration()
    x, y = configuration["start"]
    x_low, x_high, y_low, y_high = SURFACES[configuration["surface"]].view
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


def test_choosing_one_network_leaves_the_figures_fifteen_out() -> None:
    assert preset("activations").read({"activation": "tanh"})["lanes"] == ()
    assert preset("activations").read({"lanes": "relu-he,tanh-normal-0.3"})["lanes"] == ("relu-he", "tanh-normal-0.3")
    assert len(preset("activations").read({"bins": "20"})["lanes"]) == 15


def test_a_new_optimizer_is_in_every_form_without_another_edit() -> None:
    for name in ("optimizer-paths", "optimizer-mnist", "init-mnist"):
        keys = {p.key for p in preset(name).parameters()}
        assert {f"{key}.{p.key}" for key, rule in OPTIMIZERS.items() for p in rule.hyperparameters} <= keys


def test_only_the_chosen_optimizers_settings_are_used() -> None:
    assert preset("init-mnist").read({"optimizer": "adam", "adam.lr": "0.003"})["adam.lr"] == 0.003
    with pytest.raises(UnknownParameterError, match=r"^adam\.lr: not a parameter that init-mnist uses; allowed: "):
        preset("init-mnist").read({"adam.lr": "0.003"})


@pytest.mark.parametrize(
    ("name", "texts", "message"),
    [
        ("optimizer-mnist", {"lanes": "sgd,lion"}, r"^lanes: 'lion' is not allowed; allowed: some of sgd, "),
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
