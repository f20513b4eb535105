"""What a run will need is known before it takes anything, and what can not be had is said in one line."""

from __future__ import annotations

import re
import subprocess
import sys
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core import memory
from core.memory import NotEnoughMemory, Shape, error_text, free_bytes, networks_bytes, require, shape_of, size_text
from core.network import Architecture, Network
from core.presets import preset

ROOT = Path(__file__).resolve().parent.parent
SMALL = Shape((64, 20, 20, 10), ("sgd", "adam"), batch=32)


@pytest.mark.parametrize("batchnorm", [False, True])
@pytest.mark.parametrize("sizes", [(784, 10), (50, 30, 10), (717, 100, 100, 100, 100, 10)])
def test_it_counts_the_parameters_that_a_network_has(sizes, batchnorm):
    shape = Shape(sizes, ("sgd",), batch=1, batchnorm=batchnorm)
    assert shape.parameters == Network(Architecture(sizes, "relu", batchnorm), 1).size


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("optimizer-mnist", {"hidden": (200, 200)}),
        ("optimizer-mnist", {"hidden": (100, 100), "seeds": 3}),
        ("optimizer-mnist", {"hidden": (120,) * 4, "batchnorm": True, "dropout": 0.3, "batch": 300}),
        ("init-mnist", {"hidden": (300, 300)}),
    ],
)
def test_it_is_near_what_a_run_takes(open_run, sample, name, values):
    configuration = preset(name).configuration(values)
    tracemalloc.start()
    try:
        run = open_run(configuration, sample)
        before = tracemalloc.get_traced_memory()[0]
        run.advance(2)
        taken = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    shape = shape_of(run._task, run.lanes, configuration.values, len(run.seeds), threads=1)
    assert 0.6 * taken < networks_bytes(shape) < 2 * taken


def test_whatever_there_is_more_of_needs_more():
    least = networks_bytes(SMALL)
    for more in (
        {"optimizers": ("sgd", "adam", "adam")},
        {"sizes": (64, 20, 20, 20, 10)},
        {"batch": 1000},
        {"batchnorm": True},
        {"dropout": True},
        {"copies": 1},
        {"kept": 1},
        {"seeds": 4},
        {"threads": 2, "optimizers": ("sgd",) * 8},
    ):
        assert networks_bytes(replace(SMALL, **more)) > least, more


def test_an_optimizer_counts_for_the_state_it_keeps():
    by_key = {
        key: networks_bytes(replace(SMALL, optimizers=(key,)))
        for key in ("sgd", "momentum", "adagrad", "rmsprop", "adam")
    }
    own = 4 * SMALL.parameters
    assert by_key["momentum"] - by_key["sgd"] == by_key["rmsprop"] - by_key["sgd"] == own
    assert by_key["adam"] - by_key["adagrad"] == own


def test_what_is_kept_beside_counts_byte_by_byte():
    assert networks_bytes(replace(SMALL, kept=10**9)) - networks_bytes(SMALL) == 10**9


def test_the_shape_of_a_run_is_that_of_its_networks(open_run, sample):
    configuration = preset("dropout").configuration({"hidden": (7, 6), "seeds": 2})
    run = open_run(configuration, sample)
    shape = shape_of(run._task, run.lanes, configuration.values, len(run.seeds), threads=3)
    assert shape.sizes == (run._blocks[0].network.architecture.sizes[0], 7, 6, 10)
    assert (len(shape.optimizers), shape.seeds, shape.threads) == (2 * len(run.lanes), 2, 3)
    assert shape.dropout and not shape.batchnorm
    assert shape.parameters == run._blocks[0].network.size


def test_records_that_grow_are_there_twice():
    assert memory.records_bytes(6, 1000, curves=2) == 3 * 2 * 6 * 1000 * 4


# What is refused.


def test_what_fits_is_let_pass_and_what_does_not_is_one_line():
    assert require(1_000_000, "training 1 network of 10 units") is None
    need = free_bytes() * 4
    with pytest.raises(NotEnoughMemory) as found:
        require(need, "training 1,000 networks of 1,000×10 units")
    pattern = (
        rf"training 1,000 networks of 1,000×10 units needs {size_text(need)} of memory, [\d.,]+ [GM]B are free; "
        "allowed: fewer lanes, seeds, trials, layers or units"
    )
    assert re.fullmatch(pattern, str(found.value))
    assert isinstance(found.value, MemoryError)


def test_a_search_of_large_networks_needs_more_than_any_laptop_has():
    huge = Shape((717, *(1000,) * 10, 10), ("adam",) * 1000, batch=128, threads=2)
    assert 120e9 < networks_bytes(huge) < 250e9


@pytest.mark.parametrize(
    ("stat", "left"), [("anon 5\ninactive_file 5000000\nactive_file 7\n", 9_000_000), ("anon 5\n", 4_500_000)]
)
def test_a_container_may_leave_less_and_cached_files_give_way(tmp_path, monkeypatch, stat, left):
    contain(tmp_path, monkeypatch, "20000000", stat)
    assert free_bytes() == left


def test_a_container_without_a_limit_leaves_what_the_system_has(tmp_path, monkeypatch):
    contain(tmp_path, monkeypatch, "max", "")
    assert free_bytes() > 100_000_000


def contain(folder, monkeypatch, limit, stat):
    """Read the limits of a container that has used 15 MB."""
    for name, text in (("max", limit), ("current", "15000000"), ("stat", stat)):
        (folder / f"memory.{name}").write_text(text)
    monkeypatch.setattr(memory, "_CONTAINER", folder)


# What is said.


@pytest.mark.parametrize(
    ("count", "text"), [(40e9, "40 GB"), (1.25e9, "1.2 GB"), (317.4e9, "317 GB"), (85e6, "85 MB"), (3e5, "0.3 MB")]
)
def test_sizes_as_a_person_reads_them(count, text):
    assert size_text(int(count)) == text


@pytest.mark.parametrize(
    ("networks", "hidden", "text"),
    [
        (1000, (1000,) * 10, "training 1,000 networks of 1,000×10 units"),
        (2, (100, 50), "training 2 networks of 100-50 units"),
        (1, (8,), "training 1 network of 8 units"),
    ],
)
def test_networks_are_named(networks, hidden, text):
    assert memory.networks_text(networks, hidden) == text


def test_what_numpy_raises_reads_well():
    with pytest.raises(MemoryError) as found:
        np.empty(2**55, np.float32)
    said = error_text(found.value)
    assert said.startswith("there is not enough memory for this run (unable to allocate 128. PiB")
    assert said.endswith("; allowed: fewer lanes, seeds, trials, layers or units")
    assert "\n" not in said and "_ArrayMemoryError" not in said


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("hidden: 0 is not allowed; allowed: 1 to 1000"), "hidden: 0 is not allowed; allowed: 1 to 1000"),
        (NotEnoughMemory("training 2 networks needs 9 GB"), "training 2 networks needs 9 GB"),
        (MemoryError(), "there is not enough memory for this run; allowed: " + memory._ALLOWED),
        (KeyError("lane"), "KeyError: 'lane'"),
        (ZeroDivisionError(), "ZeroDivisionError"),
        (OSError("first\nsecond"), "OSError: first"),
        (ValueError(), "ValueError"),
    ],
)
def test_every_error_is_one_line(error, text):
    assert error_text(error) == text


def test_psutil_is_imported_when_it_is_needed():
    code = "import sys, core.memory as m; first = 'psutil' in sys.modules; m.require(1, 'x'); "
    code += "sys.exit(10 * first + ('psutil' in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=60).returncode == 1
