"""A parameter is declared once: key, label, default, range, scale, unit, one line of doc.

Forms, the command line, exported files and undo all read the same declaration, and every value passes its `check`
before an experiment sees it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping


class Kind(Enum):
    """What a parameter's value is."""

    FLOAT = "number"
    INT = "whole number"
    BOOL = "true or false"
    CHOICE = "choice"
    NAME = "name"
    INTS = "whole numbers"
    POINT = "point"
    RANGE = "range"
    NAMES = "names"
    FORMULA = "formula"


class Scale(Enum):
    """How a slider spreads a number's range."""

    LINEAR = "linear"
    LOG = "log"


class ParameterError(ValueError):
    """A value that a parameter does not take; the message says what, where and what is allowed, in one line."""

    def __init__(self, key: str, value: object, allowed: str) -> None:
        """Keep the parts, so that a form can show them beside the field."""
        shown = value if isinstance(value, str) else _shown(value)
        super().__init__(f"{key}: {_one_line(shown)!r} is not allowed; allowed: {allowed}")
        self.key, self.value, self.allowed = key, value, allowed


class FormulaError(ParameterError):
    """A text that is no formula: `position` is the offending character, counted from 0, `reason` what is wrong."""

    def __init__(self, key: str, value: str, position: int, reason: str, allowed: str) -> None:
        """Keep place and reason, so that a field can mark the character."""
        said = f"{reason}; allowed: {allowed}" if "allowed: " not in reason else reason
        shown = _around(" ".join(value.split("\n")), position)
        ValueError.__init__(self, f"{key}: {shown!r} is not allowed at character {position + 1}: {said}")
        self.key, self.value, self.allowed = key, value, allowed
        self.position, self.reason = position, reason


class UnknownParameterError(ParameterError):
    """A key that a preset does not use."""

    def __init__(self, key: str, preset: str, known: Iterable[str]) -> None:
        """Name the preset and the keys that it does use."""
        allowed = ", ".join(_grouped(known))
        ValueError.__init__(self, f"{_one_line(key)}: not a parameter that {preset} uses; allowed: {allowed}")
        self.key, self.value, self.allowed = key, None, "a key of the preset"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One declared parameter.

    `low` and `high` bound every number in the value (inclusive). `live` says that a run goes on when the value
    changes; other changes restart it. `only_if` names another parameter and the value under which this one is used:
    that it has, or that is among its names, "" for no names at all; `unless` the one under which it is not; `where`
    is told all values and says whether it is, for what no single other value decides. `search`
    is the range that a search for good values takes at first; a parameter without one is not searched. `matches`
    accepts names beyond `choices`: it returns the one way to write the name or raises ValueError; `more` says in
    words which these are, and `family` names some that differ in a number, as `(prefix, low, high)`. `symbol` is what
    formulas call it. A formula's `matches` returns the text that is kept or raises ExpressionError. A range is at least
    `width` wide.
    """

    key: str
    label: str
    default: Any
    doc: str
    kind: Kind = Kind.FLOAT
    low: float = -math.inf
    high: float = math.inf
    scale: Scale = Scale.LINEAR
    unit: str = ""
    choices: tuple[str, ...] = ()
    live: bool = False
    only_if: tuple[str, str] | None = None
    unless: tuple[str, str] | None = None
    where: Callable[[Mapping[str, Any]], bool] | None = field(default=None, compare=False)
    search: tuple[float, float] | None = None
    length: tuple[int, int] = (1, 100)
    matches: Callable[[str], str] | None = field(default=None, compare=False)
    more: str = ""
    family: tuple[str, float, float] | None = None
    symbol: str = ""
    width: float = 0.0

    def check(self, value: Any) -> Any:
        """Return `value` in its own type, or raise ParameterError."""
        try:
            return _CHECKS[self.kind](self, value)
        except (TypeError, ValueError, OverflowError) as error:
            if isinstance(error, ParameterError):
                raise
            raise ParameterError(self.key, value, self.allowed) from None

    def parse(self, text: str) -> Any:
        """Read a value as written on the command line: `0.01`, `true`, `100,100`, `sgd,adam`."""
        parts = [part.strip() for part in text.split(",")] if text.strip() else []
        if self.kind is Kind.BOOL:
            return self.check(_BOOLS.get(text.strip().lower(), text))
        if self.kind is Kind.INTS:
            return self.check([number for part in parts for number in _repeated(part)])
        if self.kind in (Kind.POINT, Kind.RANGE):
            return self.check([_number(part) for part in parts])
        if self.kind is Kind.NAMES:
            return self.check(parts)
        return self.check(text.strip() if self.kind in (Kind.CHOICE, Kind.NAME, Kind.FORMULA) else _number(text))

    def text(self, value: Any) -> str:
        """Write a value so that `parse` reads it back; five times 100 is `100x5`."""
        if self.kind is Kind.INTS and len(value) > 2 and len(set(value)) == 1:
            return f"{value[0]}x{len(value)}"
        return _text(value)

    @property
    def allowed(self) -> str:
        """What the parameter takes, in words."""
        if self.kind is Kind.BOOL:
            return "true or false"
        if self.kind is Kind.FORMULA:
            return self.more
        if self.choices or self.more:
            names = ", ".join([*self.choices, self.more] if self.more else self.choices)
            return ("some of " if self.kind is Kind.NAMES else "one of ") + names
        if self.kind is Kind.RANGE and self.width:
            return f"two numbers low,high, the second larger by {_text(self.width)} or more, each {self._range()}"
        return f"{_WORDS[self.kind]} {self._range()}".strip()

    def _range(self) -> str:
        low, high = (_text(bound) if math.isfinite(bound) else "" for bound in (self.low, self.high))
        if low and high:
            return f"from {low} to {high}"
        return f"of at least {low}" if low else f"of at most {high}" if high else ""

    def with_default(self, default: Any) -> Parameter:
        """Return the same declaration with another, checked, default."""
        return replace(self, default=self.check(default))


def integer(key: str, label: str, default: int, doc: str, low: int, high: int, **more: Any) -> Parameter:
    """Declare a whole number from `low` to `high`."""
    return Parameter(key, label, default, doc, Kind.INT, low, high, **more)


def number(key: str, label: str, default: float, doc: str, low: float, high: float, **more: Any) -> Parameter:
    """Declare a float from `low` to `high`."""
    return Parameter(key, label, default, doc, Kind.FLOAT, low, high, **more)


def choice(key: str, label: str, default: str, doc: str, choices: Iterable[str], **more: Any) -> Parameter:
    """Declare one of several names."""
    return Parameter(key, label, default, doc, Kind.CHOICE, choices=tuple(choices), **more)


def flag(key: str, label: str, default: bool, doc: str, **more: Any) -> Parameter:
    """Declare a switch."""
    return Parameter(key, label, default, doc, Kind.BOOL, **more)


@dataclass(frozen=True, slots=True)
class Change:
    """A live parameter that took a new value after `iteration` updates of a run."""

    iteration: int
    key: str
    value: Any


@dataclass(frozen=True, slots=True)
class Configuration:
    """Everything that determines a run: the preset it came from, every value, the changes made in mid-run.

    `parameters` declares the keys of `values`; both come from the preset. Equal configurations give equal bits.
    """

    preset: str
    experiment: str
    parameters: tuple[Parameter, ...] = field(compare=False, repr=False)
    values: Mapping[str, Any]
    changes: tuple[Change, ...] = ()

    def __post_init__(self) -> None:
        """Check every value and freeze the mapping."""
        known = {parameter.key: parameter for parameter in self.parameters}
        for key in self.values:
            if key not in known:
                raise UnknownParameterError(key, self.preset, known)
        values = {key: known[key].check(self.values.get(key, known[key].default)) for key in known}
        object.__setattr__(self, "values", MappingProxyType(values))

    def __getitem__(self, key: str) -> Any:
        """Return the value of `key`; KeyError where the preset does not declare it."""
        return self.values[key]

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of `key`, or `default` where the preset does not declare it."""
        return self.values.get(key, default)

    def parameter(self, key: str) -> Parameter:
        """Return the declaration of `key`; UnknownParameterError where there is none or it is not used."""
        for parameter in self.parameters:
            if parameter.key == key and self.uses(parameter):
                return parameter
        raise UnknownParameterError(key, self.preset, [p.key for p in self.parameters if self.uses(p)])

    def declared(self, key: str) -> Parameter:
        """Return the declaration of `key`, which may wait for others to be used `where` it is; UnknownParameterError.

        Of several values that change at one moment, any may be the first.
        """
        for parameter in self.parameters:
            if parameter.key == key and self._chosen(parameter):
                return parameter
        return self.parameter(key)

    def uses(self, parameter: Parameter) -> bool:
        """Tell whether the parameter has an effect under the values, or under those of a later moment of the run."""
        if not self._chosen(parameter):
            return False
        return parameter.where is None or any(map(parameter.where, self.moments()))

    def moments(self) -> Iterator[Mapping[str, Any]]:
        """Yield the values at the beginning and after each change."""
        values = {**self.values}
        yield values
        for change in self.changes:
            values = {**values, change.key: change.value}
            yield values

    def _chosen(self, parameter: Parameter) -> bool:
        """Tell whether the values that the parameter names say that it is used."""
        wanted = parameter.only_if is None or self._says(*parameter.only_if)
        return wanted and not (parameter.unless is not None and self._says(*parameter.unless))

    def _says(self, key: str, wanted: str) -> bool:
        """Tell whether a parameter has this value, or this name among its names."""
        value = self.values.get(key)
        if isinstance(value, tuple):
            return wanted in value if value else not wanted
        return str(value).lower() == wanted

    def replace(self, changes: Mapping[str, Any]) -> Configuration:
        """Return a configuration with some values changed and no mid-run changes; raises ParameterError."""
        return replace(self, values={**self.values, **changes}, changes=())

    def change(self, iteration: int, key: str, value: Any) -> Configuration:
        """Return the configuration of a run whose live parameter `key` takes `value` after `iteration` updates.

        Of several changes at one moment the last one counts, and is all that is kept; none where it changes nothing.
        """
        done = Change(iteration, key, self.declared(key).check(value))
        others = tuple(change for change in self.changes if (change.iteration, change.key) != (iteration, key))
        found = replace(self, changes=others)
        return found if found.at(iteration)[key] == done.value else replace(self, changes=(*others, done))

    def current(self) -> Mapping[str, Any]:
        """Return the values in force after all mid-run changes."""
        return {**self.values, **{change.key: change.value for change in self.changes}}

    def at(self, iteration: int) -> Mapping[str, Any]:
        """Return the values in force after so many updates."""
        return {**self.values, **{change.key: change.value for change in self.changes if change.iteration <= iteration}}

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            "preset": self.preset,
            "experiment": self.experiment,
            "parameters": {p.key: _plain(self.values[p.key]) for p in self.parameters if self.uses(p)},
            "changes": [{"iteration": c.iteration, "key": c.key, "value": _plain(c.value)} for c in self.changes],
        }


def _grouped(keys: Iterable[str]) -> Iterable[str]:
    """Write dotted keys with one beginning together: `adam.{lr,eps}`."""
    found: dict[str, list[str]] = {}
    for key in keys:
        start, _, end = key.rpartition(".")
        found.setdefault(f"{start}." if start else key, []).append(end)
    return (start if not start.endswith(".") else f"{start}{_braced(ends)}" for start, ends in found.items())


def _braced(ends: list[str]) -> str:
    return ends[0] if len(ends) == 1 else f"{{{','.join(ends)}}}"


def number_text(value: float) -> str:
    """Write a number in few digits that read back the same."""
    return f"{value:g}" if float(f"{value:g}") == value else repr(float(value))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return number_text(value)
    if isinstance(value, (tuple, list)):
        return ",".join(_text(part) for part in value)
    return str(value)


def _shown(value: object) -> str:
    """Write any object at all, such as an integer with more digits than Python prints."""
    try:
        return _text(value)
    except (ValueError, OverflowError):
        return f"a {type(value).__name__} that is too long to print"


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _one_line(text: str) -> str:
    short = " ".join(str(text).split())
    return short if len(short) <= 60 else short[:57] + "..."


def _around(text: str, position: int, most: int = 60) -> str:
    """Return a text, or the part of a long one that is around a character."""
    if len(text) <= most:
        return text
    first = min(max(0, position - most // 2), len(text) - most)
    return "…" * (first > 0) + text[first : first + most] + "…" * (first + most < len(text))


def _number(text: str) -> Any:
    try:
        return int(text)
    except ValueError:
        try:
            return float(text)
        except ValueError:
            return text


def _repeated(text: str) -> list[Any]:
    """Return the numbers that `100` or, for three of them, `100x3` stands for."""
    value, sign, times = text.replace("×", "x").replace("*", "x").partition("x")
    count = _number(times.strip()) if sign else 1
    if not isinstance(count, int) or not 0 < count <= _MOST_REPEATED:
        return [text]
    return [_number(value.strip())] * count


def _check_float(parameter: Parameter, value: Any) -> float:
    if isinstance(value, (bool, str)):
        raise TypeError
    result = float(value)
    if not parameter.low <= result <= parameter.high or not math.isfinite(result):
        raise ValueError
    return result


def _check_int(parameter: Parameter, value: Any) -> int:
    if isinstance(value, (bool, str)) or int(value) != value:
        raise TypeError
    return int(_check_float(parameter, value))


def _check_bool(_parameter: Parameter, value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _check_choice(parameter: Parameter, value: Any) -> str:
    if value not in parameter.choices:
        raise ValueError
    return str(value)


def _check_name(parameter: Parameter, value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return _match(parameter, value)


def _check_formula(parameter: Parameter, value: Any) -> str:
    from core.expressions import ExpressionError  # with NumPy; nothing but a formula needs it

    if not isinstance(value, str) or parameter.matches is None:
        raise TypeError
    try:
        return parameter.matches(value)
    except ExpressionError as error:
        raise FormulaError(parameter.key, value, error.position, error.reason, parameter.allowed) from None


def _check_each(parameter: Parameter, value: Any, check: Callable[[Parameter, Any], Any]) -> tuple[Any, ...]:
    low, high = parameter.length
    if not isinstance(value, (tuple, list)) or not low <= len(value) <= high:
        raise ValueError
    return tuple(check(parameter, part) for part in value)


def _check_point(parameter: Parameter, value: Any) -> tuple[Any, ...]:
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise ValueError
    return tuple(_check_float(parameter, part) for part in value)


def _check_range(parameter: Parameter, value: Any) -> tuple[Any, ...]:
    low, high = _check_point(parameter, value)
    if not low < high or high - low < parameter.width:
        raise ValueError
    return low, high


def _check_names(parameter: Parameter, value: Any) -> tuple[str, ...]:
    names = _check_each(parameter, value, _check_name)
    if len(set(names)) != len(names):
        raise ValueError
    return names


def _match(parameter: Parameter, name: str) -> str:
    """Return the one way to write a name."""
    if name in parameter.choices:
        return name
    if parameter.matches is None:
        raise ParameterError(parameter.key, name, parameter.allowed)
    try:
        return parameter.matches(name)
    except ValueError:
        raise ParameterError(parameter.key, name, parameter.allowed) from None


_MOST_REPEATED = 1000
_BOOLS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
_WORDS = {
    Kind.FLOAT: "a number",
    Kind.INT: "a whole number",
    Kind.INTS: "whole numbers, such as 100,50 or 100x3, each",
    Kind.POINT: "two numbers x,y, each",
    Kind.RANGE: "two rising numbers low,high, each",
    Kind.NAMES: "names",
    Kind.NAME: "a name",
    Kind.FORMULA: "a formula",
}
_CHECKS: dict[Kind, Callable[[Parameter, Any], Any]] = {
    Kind.FLOAT: _check_float,
    Kind.INT: _check_int,
    Kind.BOOL: _check_bool,
    Kind.CHOICE: _check_choice,
    Kind.NAME: _check_name,
    Kind.INTS: lambda parameter, value: _check_each(parameter, value, _check_int),
    Kind.POINT: _check_point,
    Kind.RANGE: _check_range,
    Kind.NAMES: _check_names,
    Kind.FORMULA: _check_formula,
}
