"""Values that go together: what follows from a change, both ways, and contradictions that are refused in one line."""

from __future__ import annotations

import random

import pytest

from core.lanes import Axis
from core.linked import linked
from core.parameters import ParameterError, UnknownParameterError
from core.presets import PRESETS, preset
from core.regularization import parts_of
from core.surfaces import SURFACES


def follow(name, changes, **values):
    """Return the changes with what follows from them, and check that a configuration takes them."""
    configuration = preset(name).configuration(values)
    found = linked(configuration.values, changes, preset(name).axis)
    assert {key: found[key] for key in changes} == changes, "what is asked for is what is done"
    configuration.replace(found)
    return found


@pytest.mark.parametrize("surface", SURFACES)
def test_a_surface_comes_with_its_start_unless_one_is_given(surface) -> None:
    start = SURFACES[surface].start
    assert follow("optimizer-paths", {"surface": surface}) == {"surface": surface, "start": start}
    both = {"surface": surface, "start": (1.0, 1.0)}
    assert follow("optimizer-paths", both) == both
    assert follow("optimizer-paths", {"start": (1.0, 1.0)}) == {"start": (1.0, 1.0)}


@pytest.mark.parametrize("name", ["batchnorm", "batchnorm-grid"])
def test_other_initial_weights_replace_batchnorms_networks(name) -> None:
    assert follow(name, {"init": "normal-1"}) == {"init": "normal-1", "lanes": ()}
    with pytest.raises(
        ParameterError, match=r"^init: 'normal-1' is not allowed; allowed: no initial weights where lanes"
    ):
        follow(name, {"init": "normal-1", "lanes": ("sigma-0.1-bn",)})
    assert follow(name, {"lanes": ("sigma-0.1-bn",)}) == {"lanes": ("sigma-0.1-bn",)}


@pytest.mark.parametrize("name", PRESETS)
def test_what_goes_with_nothing_changes_nothing_else(name) -> None:
    """Of no rule's concern: learning rates, seeds, sizes; and no change at all."""
    keys = {p.key for p in preset(name).parameters()}
    changes = {
        k: v
        for k, v in {"seed": 3, "batch": 7, "sgd.lr": 0.5, "evaluate": 2, "activation": "tanh"}.items()
        if k in keys
    }
    if preset(name).axis is Axis.TRIAL:  # there it says how long trials are, and so are their schedules
        del changes["batch"]
    assert follow(name, changes) == changes
    assert follow(name, {}) == {}


@pytest.mark.parametrize(
    ("name", "changes", "lanes"),
    [
        ("weight-decay", {"l2": 0.05}, ("l2-0", "l2-0.05")),
        ("weight-decay", {"l2": 0.0}, ("l2-0",)),
        ("weight-decay", {"dropout": 0.3}, ("l2-0", "l2-0.1", "p-0.3")),
        ("weight-decay", {"l2": 0.05, "l1": 0.001}, ("l2-0", "l2-0.05", "l1-0.001")),
        ("dropout", {"dropout": 0.5}, ("p-0", "p-0.5")),
        ("regularization", {"l1": 0.01}, ("plain", "l2-0.1", "l1-0.01", "p-0.2")),
        ("regularization", {"l1": 0.0}, ("plain", "l2-0.1", "p-0.2")),
    ],
)
def test_a_strength_names_its_lane(name, changes, lanes) -> None:
    assert follow(name, changes)["lanes"] == lanes


@pytest.mark.parametrize(
    ("lanes", "l2", "l1", "dropout"),
    [
        (("plain",), 0, 0, 0),
        (("l2-0", "l2-0.01"), 0.01, 0, 0),
        (("l2-0.2+p-0.3", "l1-0.5"), 0.2, 0.5, 0.3),
        (("p-0.1", "p-0.4", "p-0"), 0, 0, 0.4),
    ],
)
@pytest.mark.parametrize("name", ["weight-decay", "dropout", "regularization"])
def test_lanes_say_which_strengths_there_are(name, lanes, l2, l1, dropout) -> None:
    expected = {"lanes": lanes, "l2": l2, "l1": l1, "dropout": dropout}
    assert follow(name, {"lanes": lanes}) == expected
    assert follow(name, expected) == expected


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lanes": ("l2-0", "l2-0.1"), "l2": 0.2}, r"^l2: '0\.2' is not allowed; allowed: .*0\.1"),
        ({"lanes": ("plain",), "dropout": 0.2}, r"^dropout: '0\.2' is not allowed"),
        ({"lanes": ("p-0.2",), "dropout": 0.2, "l1": 0.1}, r"^l1: '0\.1' is not allowed"),
    ],
)
def test_strengths_and_lanes_that_contradict_each_other_are_refused(changes, message) -> None:
    with pytest.raises(ParameterError, match=message) as found:
        linked(preset("weight-decay").configuration().values, changes, Axis.REGULARIZATION)
    assert str(found.value).isprintable()


@pytest.mark.parametrize("value", [0.1234567, 1 / 3, 1e-7 / 3])
@pytest.mark.parametrize("key", ["l2", "l1", "dropout"])
def test_a_strength_of_many_digits_is_its_lanes(key, value) -> None:
    """What is trained, what the form shows and what a file says must be one number."""
    configuration = preset("weight-decay").read({key: repr(value)})
    assert parts_of(configuration["lanes"][-1])[key] == configuration[key] == pytest.approx(value, rel=1e-3)
    texts = {p.key: p.text(configuration[p.key]) for p in configuration.parameters if configuration.uses(p)}
    assert preset("weight-decay").read(texts) == configuration
    again = linked(configuration.values, {key: 0.25}, Axis.REGULARIZATION)["lanes"]
    assert len(again) == len(configuration["lanes"]), "the lane is renamed, not joined by another"


@pytest.mark.parametrize("name", ["weight-decay", "dropout", "regularization"])
def test_one_strength_after_another_is_the_same_as_both_at_once(name) -> None:
    values = dict(preset(name).configuration().values)
    at_once = {**values, **linked(values, {"l2": 0.3, "dropout": 0.4}, Axis.REGULARIZATION)}
    for change in ({"l2": 0.3}, {"dropout": 0.4}):
        values |= linked(values, change, Axis.REGULARIZATION)
    assert values == at_once


def reads_back(name, values):
    configuration = preset(name).configuration(values)
    texts = {p.key: p.text(configuration[p.key]) for p in configuration.parameters if configuration.uses(p)}
    return preset(name).read(texts) == configuration


@pytest.mark.parametrize(
    ("lanes", "change"),
    [
        (("l2-0.2", "l2-0.1"), {"l2": 0.0}),
        (("l2-0.1", "l2-0.2", "l2-0.3"), {"l2": 0.1}),
        (("p-0.4+l2-0.1", "p-0.2"), {"dropout": 0.0}),
    ],
)
def test_what_a_changed_strength_leaves_reads_back(lanes, change) -> None:
    values = dict(preset("weight-decay").configuration().values)
    for changes in ({"lanes": lanes}, change):
        values |= linked(values, changes, Axis.REGULARIZATION)
    assert reads_back("weight-decay", values)


@pytest.mark.parametrize("seed", range(15))
def test_whatever_is_changed_in_turn_reads_back(seed) -> None:
    draws, name = random.Random(seed), ("weight-decay", "dropout", "regularization")[seed % 3]
    values = dict(preset(name).configuration().values)
    names = ("plain", "l2-0.2", "l2-0.4", "l2-0.1", "l2-0.1+p-0.2", "l1-0.01", "p-0.4", "l2-0", "p-0.1")
    for _ in range(12):
        key = draws.choice(("l2", "l1", "dropout", "lanes"))
        value = tuple(draws.sample(names, 3)) if key == "lanes" else draws.choice((0.0, 0.01, 0.1, 0.2, 0.4))
        values |= linked(values, {key: value}, Axis.REGULARIZATION)
        assert values[key] == value and reads_back(name, values), (key, value)


# Searches.


def test_an_optimizer_is_searched_for_what_it_has() -> None:
    momentum = {"optimizer": "momentum", "search": ("lr", "momentum")}
    assert follow("random-search", {"optimizer": "sgd"}, **momentum) == {"optimizer": "sgd", "search": ("lr",)}
    assert follow("random-search", {"optimizer": "nesterov"}, **momentum) == {"optimizer": "nesterov"}
    only = {"optimizer": "adam", "search": ("beta1",)}
    assert follow("random-search", {"optimizer": "sgd"}, **only) == {"optimizer": "sgd", "search": ("lr",)}
    assert follow("random-search", {"optimizer": "adam"}) == {"optimizer": "adam"}


def test_what_an_optimizer_does_not_have_is_not_searched() -> None:
    values = preset("random-search").configuration().values
    for changes in ({"search": ("lr", "momentum")}, {"search": ("eps",), "optimizer": "nesterov"}):
        with pytest.raises(
            ParameterError, match=r"^search: '[a-z,]+' is not allowed; allowed: some of lr, .*l2, "
        ) as found:
            linked(values, changes, Axis.TRIAL)
        assert str(found.value).isprintable()
    assert follow("random-search", {"search": ("momentum",), "optimizer": "nesterov"})["search"] == ("momentum",)


# As written on the command line.


@pytest.mark.parametrize(
    ("name", "texts", "expected"),
    [
        ("weight-decay", {"lanes": "l2-0,l2-0.01"}, {"lanes": ("l2-0", "l2-0.01"), "l2": 0.01}),
        ("weight-decay", {"l2": "0.05"}, {"lanes": ("l2-0", "l2-0.05"), "l2": 0.05}),
        ("weight-decay", {"lanes": "l2-0.010,plain"}, {"lanes": ("l2-0.01", "plain"), "l2": 0.01}),
        ("dropout", {"dropout": "0.5"}, {"lanes": ("p-0", "p-0.5")}),
        ("dropout", {"lanes": "p-0.1,p-0.3", "dropout": "0.3"}, {"dropout": 0.3}),
        ("batchnorm", {"init": "normal-0.01"}, {"lanes": (), "init": "normal-0.01"}),
        ("batchnorm-grid", {"lanes": "sigma-.50-bn"}, {"lanes": ("sigma-0.5-bn",)}),
        ("random-search", {"search": "lr,momentum", "optimizer": "momentum"}, {"search": ("lr", "momentum")}),
        ("random-search", {"search": "l2", "sgd.lr": "0.02"}, {"search": ("l2",), "sgd.lr": 0.02}),
        ("random-search", {"search.lr": "1e-4,1e-1"}, {"search.lr": (1e-4, 1e-1)}),
        ("random-search", {"optimizer": "adam", "adam.eps": "1e-8"}, {"adam.eps": 1e-8, "search": ("lr", "l2")}),
        ("random-search", {"method": "grid", "trials": "49", "halving": "true"}, {"method": "grid", "halving": True}),
        ("optimizer-mnist", {"seeds": "5", "l1": "0.001"}, {"seeds": 5, "l1": 0.001}),
    ],
)
def test_texts_are_read_with_what_follows(name, texts, expected) -> None:
    configuration = preset(name).read(texts)
    assert {key: configuration[key] for key in expected} == expected


@pytest.mark.parametrize(
    ("name", "texts", "message"),
    [
        ("random-search", {"sgd.lr": "0.1"}, r"^sgd\.lr: not a parameter that random-search uses"),
        ("random-search", {"l2": "0.1"}, r"^l2: not a parameter that random-search uses"),
        ("random-search", {"search": "lr,momentum"}, r"^search: 'lr,momentum' is not allowed; allowed: some of lr, l2"),
        ("random-search", {"search": "lr,lr"}, r"^search: 'lr,lr' is not allowed"),
        ("random-search", {"search": ""}, r"^search: "),
        ("random-search", {"search.lr": "1e-2,1e-5"}, r"^search\.lr: .*two rising numbers low,high"),
        ("random-search", {"search.lr": "1e-3"}, r"^search\.lr: .*two rising numbers low,high"),
        ("random-search", {"search.lr": "0,1"}, r"^search\.lr: .*each from 1e-06 to 10$"),
        ("random-search", {"search.dropout": "0.1,0.2"}, r"^search\.dropout: not a parameter that random-search uses"),
        ("random-search", {"seeds": "3"}, r"^seeds: not a parameter that random-search uses"),
        ("random-search", {"trials": "1001"}, r"^trials: .*from 1 to 1000$"),
        ("weight-decay", {"lanes": "l2-0,l2-11"}, r"^lanes: 'l2-11' is not allowed; allowed: .*l2-<λ>"),
        ("weight-decay", {"lanes": "l2-0,l2-0.1", "l2": "0.3"}, r"^l2: '0\.3' is not allowed"),
        ("weight-decay", {"lanes": "l2-0.1,l2-0.10"}, r"^lanes: "),
        ("batchnorm", {"lanes": "sigma-1"}, r"^lanes: 'sigma-1' is not allowed; allowed: .*sigma-<σ>-bn"),
        ("batchnorm", {"batchnorm": "true"}, r"^batchnorm: not a parameter that batchnorm uses"),
        ("batchnorm-grid", {"lanes": "sigma-0-bn"}, r"^lanes: 'sigma-0-bn' is not allowed"),
        ("optimizer-mnist", {"seeds": "13"}, r"^seeds: '13' is not allowed; allowed: a whole number from 1 to 12$"),
    ],
)
def test_texts_that_contradict_are_refused_in_one_line(name, texts, message) -> None:
    with pytest.raises(ParameterError, match=message) as found:
        preset(name).read(texts)
    assert str(found.value).isprintable()


def test_a_key_that_is_not_used_names_those_that_are() -> None:
    with pytest.raises(UnknownParameterError) as found:
        preset("random-search").read({"sgd.lr": "0.1"})
    assert "search.{lr,l2}" in str(found.value) and "momentum" not in str(found.value)
