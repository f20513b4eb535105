"""Exported scripts of paths: the same numbers for every optimizer, surface and schedule."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from core.optimizers import OPTIMIZERS
from core.scripts import ScriptError, make_script
from core.surfaces import SURFACES
from tests.scripts_helpers import assert_same, configured, own_rows, run_script

# A step of every rule is rounded at its end only; 20 of them stay far below.
CLOSE = {"x": 1e-9, "y": 1e-9, "loss": 1e-9}
KINDS = [
    "numpy",
    pytest.param(
        "torch",
        marks=pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed"),
    ),
]


@pytest.mark.parametrize("kind", KINDS)
def test_every_optimizer_goes_the_same_way(tmp_path, kind) -> None:
    small = {f"{key}.lr": 0.02 for key in OPTIMIZERS}
    configuration = configured("optimizer-paths", {"lanes": tuple(OPTIMIZERS), "iterations": 20, **small})
    assert_same(run_script(configuration, None, tmp_path, kind), own_rows(configuration, None, tmp_path), **CLOSE)


@pytest.mark.parametrize("key", SURFACES)
def test_every_surface_is_the_same(tmp_path, key) -> None:
    values = {"surface": key, "start": SURFACES[key].start, "lanes": ("sgd", "adam"), "iterations": 12}
    configuration = configured("optimizer-paths", {**values, "sgd.lr": 1e-3, "adam.lr": 0.02, "anisotropy": 7.0})
    assert_same(run_script(configuration, None, tmp_path), own_rows(configuration, None, tmp_path), **CLOSE)


@pytest.mark.parametrize("kind", KINDS)
def test_learning_rates_follow_their_schedules(tmp_path, kind) -> None:
    schedules = {
        "sgd.schedule": "cosine",
        "momentum.schedule": "warmup-step",
        "nesterov.schedule": "exponential",
        "adam.schedule": "inverse",
        "rmsprop.schedule": "warmup-cosine",
    }
    configuration = configured("optimizer-paths", schedules)
    assert_same(run_script(configuration, None, tmp_path, kind), own_rows(configuration, None, tmp_path), **CLOSE)


def test_a_path_that_diverges_ends_at_the_same_step(tmp_path) -> None:
    configuration = configured("paths-rosenbrock", {"sgd.lr": 0.5, "lanes": ("sgd", "adam"), "iterations": 30})
    ours = own_rows(configuration, None, tmp_path)
    assert "" in [row["x"] for row in ours if row["lane"] == "sgd"]
    assert_same(run_script(configuration, None, tmp_path), ours, **CLOSE)


def test_what_a_torch_script_uses_equals_the_configuration() -> None:
    values = {
        "sgd.lr": 0.125,
        "adam.beta1": 0.75,
        "start": (-3.0, 1.5),
        "iterations": 17,
        "momentum.schedule": "cosine",
    }
    text = make_script(configured("optimizer-paths", values), None, "torch").text
    compile(text, "script", "exec")
    for line in (
        "START = (-3.0, 1.5)",
        "STEPS = 17",
        '"sgd": torch.optim.SGD(params, lr=0.125),',
        '"adam": torch.optim.Adam(params, lr=0.3, betas=(0.75, 0.999), eps=1e-7),',
        # PyTorch's momentum has no learning rate in its velocity: under a schedule that is another rule.
        '"momentum": Momentum(params, lr=0.1, momentum=0.9),',
    ):
        assert line in text, line


def test_only_what_is_used_is_in_the_file() -> None:
    text = make_script(configured("optimizer-paths", {"lanes": ("sgd",)}), None, "numpy").text
    assert "class SGD" in text
    for unused in ("class Adam", "defaultdict", "torch", "import math", "def cosine"):
        assert unused not in text


def test_unknown_surfaces_are_refused(monkeypatch) -> None:
    from core.scripts import functions

    monkeypatch.delitem(functions._BUILT_IN, "booth")
    with pytest.raises(ScriptError, match="surface: no script yet for 'booth'"):
        make_script(configured("optimizer-paths", {"surface": "booth", "start": (1.0, 1.0)}), None, "numpy")


@pytest.mark.parametrize("key", SURFACES)
def test_functions_of_scripts_are_those_of_the_surfaces(key) -> None:
    from core.scripts.functions import constants, gradient_function, value_function

    values = {"surface": key, "anisotropy": 20.0}
    found: dict = {}
    source = ["import math", "import numpy as np", *constants(values)]
    exec("\n".join([*source, value_function(values, "np"), gradient_function(values)]), found)
    x, y = np.random.default_rng(0).uniform(-2, 2, (2, 50))
    np.testing.assert_allclose(found["f"](x, y), SURFACES[key].value(x, y), rtol=1e-14)
    for mine, ours in zip(found["gradient"](x, y), SURFACES[key].gradient(x, y), strict=True):
        np.testing.assert_allclose(mine, ours, rtol=1e-13, atol=1e-13)
