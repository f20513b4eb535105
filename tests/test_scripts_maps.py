"""Exported scripts of maps and of functions that were typed: the same numbers, cell by cell and step by step."""

from __future__ import annotations

import importlib.util

import pytest

from core.scripts import ScriptError, make_script
from tests.scripts_helpers import assert_same, configured, own_rows, run_script

HAVE_TORCH = importlib.util.find_spec("torch") is not None
KINDS = ["numpy", pytest.param("torch", marks=pytest.mark.skipif(not HAVE_TORCH, reason="PyTorch is not installed"))]
SMALL = {"resolution": 16, "iterations": 40}
MAPS = {
    "momentum": ("stability", {}),
    "anisotropy": ("stability-sgd", {"sgd.schedule": "cosine"}),
    "basins": ("basins", {"iterations": 90}),
    "nadam": ("stability", {"optimizer": "nadam", "y": "beta1", "x.range": (0.01, 1.0), "y.range": (0.1, 0.99)}),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", MAPS)
def test_cells_of_maps(tmp_path, kind, name) -> None:
    preset, values = MAPS[name]
    configuration = configured(preset, {**SMALL, **values})
    mine, ours = run_script(configuration, None, tmp_path, kind), own_rows(configuration, None, tmp_path)
    assert len(mine) == 16 * 16 and any(row["steps"] for row in mine)
    # Where f is 0 but for rounding, so is what is left of it.
    assert_same(mine, ours, **({} if name == "basins" else {"final_loss": 1e-6}))


@pytest.mark.parametrize("kind", KINDS)
def test_functions_that_were_typed(tmp_path, kind) -> None:
    text = "max(x, 0)^2 + sqrt(2)·|y| + sin(x y)/3"
    configuration = configured("paths-own", {"function": text, "iterations": 15})
    close = {"x": 1e-9, "y": 1e-9, "loss": 1e-9}
    assert_same(run_script(configuration, None, tmp_path, kind), own_rows(configuration, None, tmp_path), **close)


def test_a_constant_has_no_gradient_in_pytorch() -> None:
    configuration = configured("paths-own", {"function": "2 + 3"})
    with pytest.raises(ScriptError, match="function: PyTorch has no gradient of '2 \\+ 3'"):
        make_script(configuration, None, "torch")
