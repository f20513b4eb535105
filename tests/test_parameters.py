"""Declared parameters: what each kind takes and refuses, texts and dictionaries that read back, one-line errors."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from core.initializers import initializer_name
from core.parameters import (
    Change,
    Configuration,
    Kind,
    Parameter,
    ParameterError,
    Scale,
    UnknownParameterError,
    choice,
    flag,
    integer,
    number,
)

RATE = number("lr", "rate", 0.01, "a rate", 1e-6, 10.0, scale=Scale.LOG, live=True)
COUNT = integer("count", "count", 5, "a count", 1, 1000)
SWITCH = flag("switch", "switch", False, "a switch")
PICK = choice("pick", "pick", "a", "one of three", ("a", "b", "c"))
NAME = Parameter(
    "name", "name", "he", "a name", Kind.NAME, choices=("he", "xavier"), matches=initializer_name, more="normal-<σ>"
)
SIZES = Parameter("sizes", "sizes", (100, 100), "sizes", Kind.INTS, 1, 1000, length=(1, 4))
PLACE = Parameter("place", "place", (-7.0, 2.0), "a place", Kind.POINT, -10.0, 10.0)
SPAN = Parameter("span", "span", (0.1, 0.5), "a range", Kind.RANGE, 0.0, 10.0)
NAMES = Parameter("names", "names", ("a", "b"), "names", Kind.NAMES, choices=("a", "b", "c"))
NONE_OR_MORE = Parameter("some", "some", (), "names or none", Kind.NAMES, choices=("a", "b"), length=(0, 2))
ALL = (RATE, COUNT, SWITCH, PICK, NAME, SIZES, PLACE, SPAN, NAMES, NONE_OR_MORE)
EVERY = pytest.mark.parametrize("parameter", ALL, ids=lambda p: p.key)


ALLOWED = [
    (RATE, 0.5, 0.5),
    (RATE, 1, 1.0),
    (RATE, 1e-6, 1e-6),
    (RATE, 10, 10.0),
    (RATE, np.float32(0.25), 0.25),
    (COUNT, 1, 1),
    (COUNT, 1000, 1000),
    (COUNT, 7.0, 7),
    (COUNT, np.int64(3), 3),
    (SWITCH, True, True),
    (PICK, "c", "c"),
    (NAME, "xavier", "xavier"),
    (NAME, "normal-0.5", "normal-0.5"),
    (SIZES, [3], (3,)),
    (SIZES, (1, 2, 3, 1000), (1, 2, 3, 1000)),
    (PLACE, [1, -2], (1.0, -2.0)),
    (SPAN, [0, 10], (0.0, 10.0)),
    (SPAN, (1e-9, 2e-9), (1e-9, 2e-9)),
    (NAMES, ["c", "a"], ("c", "a")),
    (NONE_OR_MORE, [], ()),
]


@pytest.mark.parametrize(("parameter", "value", "expected"), ALLOWED, ids=lambda v: getattr(v, "key", str(v)))
def test_takes_what_is_allowed_in_its_own_type(parameter, value, expected) -> None:
    found = parameter.check(value)
    assert found == expected and type(found) is type(expected)
    if isinstance(found, tuple):
        assert [type(part) for part in found] == [type(part) for part in expected]


@pytest.mark.parametrize(("parameter", "value", "expected"), ALLOWED, ids=lambda v: getattr(v, "key", str(v)))
def test_text_reads_back(parameter, value, expected) -> None:
    assert parameter.parse(parameter.text(parameter.check(value))) == expected


HOSTILE = [
    math.nan,
    math.inf,
    -math.inf,
    10**30,
    -(10**400),
    "",
    " ",
    "x" * 10_000,
    "two\nlines",
    "a\u2028b\x85c",
    "\x1b[31m",
    "normal-nan",
    "normal--1",
    "normal-",
    "normal-1e-400",
    None,
    1j,
    b"a",
    object(),
    [math.nan, 1],
    [None],
    [[1, 2], [3, 4]],
    [True, False],
    ["a", "a"],
    ["a", 3],
    ["a", ["b"]],
    [1, 2, 3, 4, 5],
    {"a": 1, "zz": 2},
    (1.5, 2.5, 3.5),
]


@EVERY
@pytest.mark.parametrize("value", HOSTILE, ids=lambda v: f"{type(v).__name__}-{str(type(v))[:0]}")
def test_hostile_values_are_refused_in_one_line(parameter, value) -> None:
    with pytest.raises(ParameterError) as found:
        parameter.check(value)
    line = str(found.value)
    assert line.isprintable(), "one line, without control characters"
    assert line.startswith(f"{parameter.key}: ") and parameter.allowed in line
    assert len(line) < 250
    assert (found.value.key, found.value.allowed) == (parameter.key, parameter.allowed)


def test_a_number_too_long_to_print_is_refused_all_the_same() -> None:
    with pytest.raises(ParameterError):
        COUNT.check(10**5000)


@pytest.mark.parametrize("value", [True, False])
@pytest.mark.parametrize("parameter", [RATE, COUNT, SIZES, PLACE, SPAN, PICK, NAME], ids=lambda p: p.key)
def test_a_switch_is_no_number(parameter, value) -> None:
    for given in (value, [value, value]):
        with pytest.raises(ParameterError):
            parameter.check(given)


@pytest.mark.parametrize("value", [0, 1, "true", None])
def test_a_number_is_no_switch(value) -> None:
    with pytest.raises(ParameterError):
        SWITCH.check(value)


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        (RATE, 9e-7),
        (RATE, 10.001),
        (COUNT, 0),
        (COUNT, 1001),
        (COUNT, 2.5),
        (SIZES, [0]),
        (SIZES, []),
        (PLACE, [0, 11]),
        (SPAN, [0.5, 0.1]),
        (SPAN, [0.5, 0.5]),
        (SPAN, [-0.1, 1]),
        (SPAN, [1, 10.1]),
        (SPAN, [1]),
        (SPAN, [1, 2, 3]),
        (NAMES, []),
    ],
    ids=str,
)
def test_bounds_are_inclusive_and_hold(parameter, value) -> None:
    with pytest.raises(ParameterError):
        parameter.check(value)


@pytest.mark.parametrize(
    ("parameter", "text", "expected"),
    [
        (RATE, "0.003", 0.003),
        (RATE, " 1e-3 ", 0.001),
        (COUNT, "12", 12),
        (COUNT, "1e2", 100),
        (SWITCH, "true", True),
        (SWITCH, "Off", False),
        (SWITCH, "1", True),
        (SWITCH, "no", False),
        (PICK, " b ", "b"),
        (NAME, "normal-0.1", "normal-0.1"),
        (SIZES, "100, 50,7", (100, 50, 7)),
        (PLACE, "-7,2", (-7.0, 2.0)),
        (SPAN, " 1e-3, 1 ", (0.001, 1.0)),
        (NAMES, "c,a", ("c", "a")),
    ],
    ids=lambda v: getattr(v, "key", str(v)),
)
def test_reads_the_command_line(parameter, text, expected) -> None:
    assert parameter.parse(text) == expected


@EVERY
@pytest.mark.parametrize(
    "text", ["nonsense", "", ",", "1,,2", "nan", "inf", "9" * 5000, "1\n2", "--", "[1]"], ids=lambda t: t[:8]
)
def test_wrong_texts_are_refused_in_one_line(parameter, text) -> None:
    if parameter is NONE_OR_MORE and not text:
        assert parameter.parse(text) == ()
        return
    with pytest.raises(ParameterError) as found:
        parameter.parse(text)
    assert str(found.value).isprintable() and len(str(found.value)) < 250


@EVERY
def test_defaults_pass_their_own_check_and_read_back(parameter) -> None:
    assert parameter.check(parameter.default) == parameter.default
    assert parameter.parse(parameter.text(parameter.default)) == parameter.default


@pytest.mark.parametrize("value", [1 / 3, 0.1 + 0.2, 1e-6, 9.999999999999998, 0.01, 1.0])
def test_every_digit_of_a_number_reads_back(value) -> None:
    assert RATE.parse(RATE.text(value)) == value


@pytest.mark.parametrize(
    ("parameter", "expected"),
    [
        (RATE, "a number from 1e-06 to 10"),
        (COUNT, "a whole number from 1 to 1000"),
        (SWITCH, "true or false"),
        (PICK, "one of a, b, c"),
        (NAME, "one of he, xavier, normal-<σ>"),
        (PLACE, "two numbers x,y, each from -10 to 10"),
        (SPAN, "two rising numbers low,high, each from 0 to 10"),
        (NAMES, "some of a, b, c"),
        (number("x", "x", 1.0, "x", 0.0, math.inf), "a number of at least 0"),
        (number("x", "x", 1.0, "x", -math.inf, 2.0), "a number of at most 2"),
        (number("x", "x", 1.0, "x", -math.inf, math.inf), "a number"),
    ],
    ids=lambda value: getattr(value, "key", value),
)
def test_says_what_is_allowed(parameter, expected) -> None:
    assert parameter.allowed == expected


def test_names_that_are_matched_alone_are_told_in_words() -> None:
    assert "x or y" in Parameter("n", "n", ("x",), "n", Kind.NAMES, matches=str, more="x or y").allowed


def test_says_what_is_allowed_in_each_of_several_numbers() -> None:
    assert SIZES.allowed.startswith("whole numbers, such as 100,") and SIZES.allowed.endswith(", each from 1 to 1000")


def test_another_default_is_checked() -> None:
    assert RATE.with_default(1).default == 1.0 and RATE.default == 0.01
    with pytest.raises(ParameterError):
        RATE.with_default(11.0)


def test_names_that_mean_the_same_are_not_two() -> None:
    """Lanes `normal-0.5` and `normal-0.50` would have one name in files."""
    lanes = Parameter("lanes", "lanes", ("he",), "lanes", Kind.NAMES, choices=("he",), matches=initializer_name)
    with pytest.raises(ParameterError):
        lanes.check(("normal-0.5", "normal-0.50"))


# Configurations.


def configuration(values=None, **more):
    return Configuration("test", "training", ALL, values or {}, **more)


def test_what_is_left_out_has_its_default() -> None:
    found = configuration({"lr": 1})
    assert found["lr"] == 1.0 and found["count"] == 5 and found.get("nothing") is None
    assert set(found.values) == {p.key for p in ALL}
    with pytest.raises(KeyError):
        found["nothing"]


def test_a_configuration_is_frozen() -> None:
    values = {"count": 7}
    found = configuration(values)
    values["count"] = 8
    assert found["count"] == 7
    with pytest.raises(TypeError):
        found.values["count"] = 9
    with pytest.raises(AttributeError):
        found.preset = "other"


def test_wrong_values_and_keys_are_refused_when_it_is_built() -> None:
    with pytest.raises(ParameterError, match=r"^lr: 'nan' is not allowed; allowed: a number from 1e-06 to 10$"):
        configuration({"lr": math.nan})
    with pytest.raises(UnknownParameterError, match=r"^speed: not a parameter that test uses; allowed: lr, count, "):
        configuration({"speed": 1})


def test_equal_values_are_equal_configurations() -> None:
    assert configuration({"lr": 1}) == configuration({"lr": 1.0}) != configuration({"lr": 1.5})
    assert configuration().replace({"lr": 2.0}) == configuration({"lr": 2.0})


def test_changes_are_checked_recorded_and_in_force() -> None:
    found = configuration().change(3, "lr", 0.5).change(9, "lr", 2)
    assert found.changes == (Change(3, "lr", 0.5), Change(9, "lr", 2.0))
    assert found["lr"] == 0.01 and found.current()["lr"] == 2.0
    assert found != configuration() and found.replace({"count": 6}).changes == ()
    with pytest.raises(ParameterError):
        found.change(10, "lr", "fast")
    with pytest.raises(UnknownParameterError):
        found.change(10, "speed", 1)


def test_a_dictionary_reads_back_through_json() -> None:
    found = configuration({"sizes": (3, 4), "names": ("b",), "place": (1, 2), "lr": 1 / 3}).change(4, "lr", 0.2)
    plain = json.loads(json.dumps(found.to_dict()))
    assert (plain["preset"], plain["experiment"]) == ("test", "training")
    changes = tuple(Change(**change) for change in plain["changes"])
    assert configuration(plain["parameters"], changes=changes) == found


def test_what_another_value_switches_off_is_not_used() -> None:
    only_b = number("b.lr", "rate", 0.1, "used under b", 0.0, 1.0, only_if=("pick", "b"))
    made = [Configuration("test", "training", (PICK, only_b), {"pick": pick}) for pick in ("a", "b")]
    assert [found.uses(only_b) for found in made] == [False, True]
    assert ["b.lr" in found.to_dict()["parameters"] for found in made] == [False, True]
    assert made[1].parameter("b.lr") is only_b
    with pytest.raises(UnknownParameterError, match=r"allowed: pick$"):
        made[0].parameter("b.lr")


def used(values, **condition):
    """Tell under which of the values a parameter with this condition is used."""
    rate = number("rate", "rate", 0.1, "sometimes used", 0.0, 1.0, **condition)
    made = [Configuration("test", "training", (SWITCH, NAMES, PICK, rate), given) for given in values]
    return [found.uses(rate) for found in made]


def test_a_name_among_several_switches_on_or_off() -> None:
    given = [{"names": names} for names in (("a",), ("b", "a"), ("c",))]
    assert used(given, only_if=("names", "a")) == [True, True, False]
    assert used(given, unless=("names", "a")) == [False, False, True]


def test_a_switch_and_a_choice_switch_on_or_off() -> None:
    assert used([{}, {"switch": True}], only_if=("switch", "true")) == [False, True]
    assert used([{}, {"switch": True}], unless=("switch", "true")) == [True, False]
    assert used([{}, {"pick": "b"}], unless=("pick", "b")) == [True, False]


def test_both_conditions_must_hold() -> None:
    given = [{"pick": pick, "names": names} for pick in ("a", "b") for names in (("a",), ("c",))]
    assert used(given, only_if=("pick", "b"), unless=("names", "a")) == [False, False, False, True]


def test_an_unknown_key_with_a_line_break_stays_one_line() -> None:
    with pytest.raises(UnknownParameterError) as found:
        configuration({"a\nb" * 100: 1})
    assert "\n" not in str(found.value) and len(str(found.value)) < 250
