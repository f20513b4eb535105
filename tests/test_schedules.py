"""Learning-rate schedules: PyTorch's numbers, what they are made of, which settings they use, what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from core.linked import linked
from core.parameters import ParameterError, UnknownParameterError
from core.presets import PRESETS, preset
from core.schedules import SCHEDULES, Plan, in_use

REFERENCE = json.loads((Path(__file__).parent / "reference" / "schedules.json").read_text())
CASES = REFERENCE["cases"]
SHARED = {"schedule.every", "schedule.length", "schedule.factor", "schedule.floor", "schedule.warmup"}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['key']}-{case['settings']['every']}")
def test_rates_are_those_of_pytorch(case) -> None:
    plan, wanted = Plan(case["key"], **case["settings"]), np.array(case["rates"])
    found = case["lr"] * plan.factors(0, len(wanted))
    assert np.abs(found - wanted).max() <= 1e-12


def test_every_schedule_has_a_reference() -> None:
    assert {case["key"] for case in CASES} == set(SCHEDULES)


@pytest.mark.parametrize("key", SCHEDULES)
def test_one_update_and_many_have_the_same_bits(key) -> None:
    plan = Plan(key, every=300, length=3000, warmup=70)
    found = plan.factors(0, 5000)
    assert [plan.factor(t) for t in range(5000)] == found.tolist()
    assert plan.factors(1000, 2100).tolist() == found[1000:2100].tolist()
    assert (found > 0).all() and (found <= 1).all()


@pytest.mark.parametrize("key", ["cosine", "warmup-cosine"])
def test_cosine_stays_at_its_floor(key) -> None:
    found = Plan(key, length=50, floor=0.2, warmup=10).factors(0, 400)
    assert found[50:].tolist() == [0.2] * 350 and found[:50].min() > 0.09


def test_a_warm_up_longer_than_the_schedule_is_followed_by_the_floor() -> None:
    found = Plan("warmup-cosine", length=5, floor=0.1, warmup=8).factors(0, 20)
    assert found[7] == 1.0 and found[9:].tolist() == [0.1] * 11


@pytest.mark.parametrize("name", [p.name for p in PRESETS.values() if p.experiment != "propagation"])
def test_settings_are_used_where_a_schedule_in_force_needs_them(name) -> None:
    found = preset(name).configuration()
    optimizer = found.get("optimizer") or found["lanes"][0]
    used = {p.key for p in found.parameters if p.key in SHARED and found.uses(p)}
    wanted = {key for schedule in in_use(found.values) for key in schedule.needs}
    assert used == wanted and (name == "schedules") == bool(wanted)
    if name == "schedules":
        return
    for key, schedule in SCHEDULES.items():
        other = found.replace({f"{optimizer}.schedule": key})
        assert {p.key for p in found.parameters if p.key in SHARED and other.uses(p)} == set(schedule.needs)


def test_settings_of_lanes_that_are_off_are_not_used() -> None:
    found = preset("optimizer-mnist").configuration({"lanes": ("sgd", "adam"), "rmsprop.schedule": "cosine"})
    assert not any(found.uses(p) for p in found.parameters if p.key in SHARED)
    with pytest.raises(UnknownParameterError, match=r"^schedule\.length: not a parameter that optimizer-mnist uses"):
        found.parameter("schedule.length")


def test_settings_that_a_later_change_needs_are_told() -> None:
    found = preset("optimizer-mnist").configuration().change(10, "sgd.schedule", "step").change(20, "schedule.every", 5)
    told = found.to_dict()
    assert told["parameters"]["schedule.every"] == 1000 and "schedule.length" not in told["parameters"]
    assert found.at(20)["schedule.every"] == 5 and found.at(19)["schedule.every"] == 1000


def test_schedules_are_made_for_the_length_of_the_run_until_one_is_in_use() -> None:
    found = preset("optimizer-mnist")
    read = found.read({"iterations": "300", "sgd.schedule": "warmup-cosine"})
    assert (read["schedule.length"], read["schedule.every"], read["schedule.warmup"]) == (300, 150, 30)
    own = found.read({"iterations": "300", "sgd.schedule": "cosine", "schedule.length": "77"})
    assert own["schedule.length"] == 77
    assert preset("schedules").read({"iterations": "400"})["schedule.length"] == 400
    assert "schedule.length" not in linked(read.values, {"iterations": 500}, found.axis)
    assert found.configuration()["schedule.length"] == 2000
    assert preset("optimizer-paths").configuration()["schedule.length"] == 29


@pytest.mark.parametrize(
    ("key", "text", "allowed"),
    [
        ("sgd.schedule", "cosin", "one of constant, step, exponential, cosine, inverse, warmup, warmup-step"),
        ("schedule.length", "0", "a whole number from 1 to 1000000"),
        ("schedule.factor", "2", "a number from 0.001 to 1"),
        ("schedule.floor", "nan", "a number from 0 to 1"),
        ("schedule.warmup", "1.5", "a whole number from 1"),
    ],
)
def test_what_is_no_schedule_is_refused_in_one_line(key, text, allowed) -> None:
    with pytest.raises(ParameterError) as refused:
        preset("optimizer-mnist").read({"adam.schedule": "warmup-cosine", key: text})
    assert str(refused.value).startswith(f"{key}: {text!r} is not allowed; allowed: {allowed}")
    assert "\n" not in str(refused.value)


def test_schedules_of_a_search_are_as_long_as_its_trials() -> None:
    found = preset("random-search")
    read = found.read({"epochs": "20", "images": "300", "sgd.schedule": "cosine"})  # 240 to learn from, 2 of 100 a time
    assert [read.values[f"schedule.{key}"] for key in ("every", "length", "warmup")] == [20, 40, 4]
    defaults = found.configuration().values
    assert linked(defaults, {"iterations": 500}, found.axis)["schedule.length"] == 500
    assert linked(defaults, {"batch": 50}, found.axis)["schedule.length"] == 400
    assert linked(defaults, {"epochs": 1000, "images": 60_000, "batch": 1}, found.axis)["schedule.length"] == 1_000_000
    assert "schedule.length" not in linked(defaults, {"seed": 3}, found.axis)
    assert "schedule.length" not in linked(read.values, {"epochs": 10}, found.axis)
