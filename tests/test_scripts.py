"""Exported scripts as files: every preset without a display, well formed, in one piece; activations' histograms."""

from __future__ import annotations

import ast
import importlib.util
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import main as command_line
from core.optimizers import OPTIMIZERS
from core.presets import PRESETS
from core.scripts import NUMPY, SCRIPTS, make_script
from core.scripts.rules import numpy_class, torch_class
from core.scripts.writing import fill, hugged, literal, terms
from tests.scripts_helpers import assert_same, configured, own_rows, rows_of, run_script

RUFF = shutil.which("ruff") or shutil.which("ruff", path=Path(sys.executable).parent)


def test_every_preset_is_written_without_a_display(capsys, tmp_path, monkeypatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    for name, preset in PRESETS.items():
        status = command_line.main(["export", name, "--out", str(tmp_path), "--format", "numpy,torch"])
        out, err = capsys.readouterr()
        assert (status, err) == (0, "")
        data = [f"{name}-data.npz"] if preset.uses_images else []
        assert out.split() == [str(tmp_path / file) for file in (*data, f"{name}.py", f"{name}_torch.py")]
        for file in (f"{name}.py", f"{name}_torch.py"):
            text = (tmp_path / file).read_text(encoding="utf-8")
            assert ast.get_docstring(ast.parse(text)).startswith(f"{preset.title}.")
            assert "core." not in text and "  \n" not in text


@pytest.mark.skipif(RUFF is None, reason="ruff is not installed")
def test_scripts_are_formatted_and_free_of_dead_code(tmp_path, sample) -> None:
    for preset in PRESETS.values():
        for kind in SCRIPTS:
            found = make_script(preset.configuration(), sample if preset.uses_images else None, kind)
            (tmp_path / found.file_name).write_text(found.text, encoding="utf-8")
    every = "\n\n\n".join(map(numpy_class, OPTIMIZERS))
    head = '"""All rules."""\n\nfrom collections import defaultdict\n'
    needed = "import math\n" if "math." in every else ""
    (tmp_path / "rules.py").write_text(
        f'"""All rules."""\n\n{needed}{head.splitlines()[2]}\n\nimport numpy as np\n\n\n{every}\n'
    )
    rules = "E4,E7,E9,F,W,I,UP,B,C4,SIM,PERF"
    for arguments in (["format", "--check", "--diff"], ["check", "--select", rules, "--ignore", "B905"]):
        done = subprocess.run([RUFF, *arguments, "--isolated", tmp_path], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("key", OPTIMIZERS)
def test_every_rule_has_a_class_for_both(key) -> None:
    for text in (numpy_class(key), torch_class(key)):
        (made,) = ast.parse(text).body
        assert isinstance(made, ast.ClassDef) and made.name == OPTIMIZERS[key].__name__
        assert all(line in ast.get_docstring(made) for line in OPTIMIZERS[key].rule)


@pytest.mark.parametrize("fit", ["fixed", "fitted"])
def test_activations_have_the_same_histograms(tmp_path, fit) -> None:
    lanes = ("sigmoid-normal-1", "relu-he", "tanh-xavier", "tanh-zeros", "relu-normal-0.01")
    values = {"lanes": lanes, "hidden": (20, 30, 10), "inputs": 100, "range": fit, "batchnorm": fit == "fitted"}
    configuration = configured("activations", values)
    mine, ours = run_script(configuration, None, tmp_path), own_rows(configuration, None, tmp_path)
    assert_same(mine, ours, count=1.0)
    layers = dict.fromkeys(("mean", "std", "zero_share", "saturated_share"), 1e-5)
    found = [rows_of(tmp_path / f"{name}-layers.csv") for name in ("numpy", "own")]
    if fit == "fixed":  # BatchNorm leaves a mean of 0 but for rounding
        assert_same(*found, **layers)
    assert [row["lane"] for row in found[0]] == [row["lane"] for row in found[1]]


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")
def test_activations_with_pytorch(tmp_path) -> None:
    values = {"lanes": ("sigmoid-normal-1", "relu-he"), "hidden": (20, 30), "inputs": 100}
    configuration = configured("activations", values)
    mine, ours = run_script(configuration, None, tmp_path, "torch"), own_rows(configuration, None, tmp_path)
    assert_same(mine, ours, count=1.0)


def test_a_wrong_format_is_refused_in_one_line(capsys, tmp_path) -> None:
    assert command_line.main(["export", "optimizer-paths", "--out", str(tmp_path), "--format", "matlab"]) == 2
    assert "numpy, torch" in capsys.readouterr().err


def test_what_no_script_says_is_refused_before_anything_runs(capsys, tmp_path) -> None:
    wanted = ["export", "random-search", "--out", str(tmp_path), "--format", "csv,numpy", "--set", "evaluate=0"]
    assert command_line.main(wanted) == 2
    assert capsys.readouterr().err.startswith("trainscope: --format: evaluate: 0")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name", ['"""', '""" + exit() + """', 'a"b', "a\\", "it's", "a b", "$name", "#if x", "two\nlines"]
)
@pytest.mark.parametrize("preset", ["paths-own", "init-mnist", "inside"])
def test_whatever_a_script_is_called_it_says_no_more_than_that(sample, preset, name) -> None:
    found = make_script(PRESETS[preset].configuration(), sample, NUMPY, name)
    tree, usual = (
        ast.parse(text) for text in (found.text, make_script(PRESETS[preset].configuration(), sample, NUMPY).text)
    )
    assert [type(node) for node in ast.walk(tree)] == [type(node) for node in ast.walk(usual)]
    assert shlex.quote(name) in (ast.get_docstring(tree) or "")


def test_templates() -> None:
    text = "#if a\n  one\n#if not b\n  two\n#end\n#else\n  three\n#end\n  $block\n$word!"
    assert fill(text, {"a"}, block="x\n\ny", word="w") == "  one\n  two\n  x\n\n  y\nw!"
    assert fill(text, {"a", "b"}, block="", word="w") == "  one\nw!"
    assert fill(text, (), block="", word="w") == "  three\nw!"
    assert [literal(v) for v in (1e-7, 2.0, (3,), True, 'a"b', None)] == [
        "1e-7",
        "2.0",
        "(3,)",
        "True",
        '"a\\"b"',
        "None",
    ]
    assert hugged("x ** 2 + f(x) ** 2 + 0.5 ** a.t") == "x**2 + f(x) ** 2 + 0.5**a.t"
    assert terms("a * (b + c) - d + e") == [("+", "a * (b + c)"), ("-", "d"), ("+", "e")]
