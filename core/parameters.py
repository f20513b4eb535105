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

from core.parameter_kinds import (
    WORDS,
    FormulaError,
    Kind,
    ParameterError,
    UnknownParameterError,
    checked,
    number_text,
    read,
    value_text,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping


class Scale(Enum):
    """How a slider spreads a number's range."""

    LINEAR = "linear"
    LOG = "log"


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
    formulas call it; `words` what some of the `choices` are called on screen. A formula's `matches` returns the text
    that is kept or raises ExpressionError. A range is at least `width` wide.
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
    words: tuple[tuple[str, str], ...] = ()

    def check(self, value: Any) -> Any:
        """Return `value` in its own type, or raise ParameterError."""
        return checked(self, value)

    def parse(self, text: str) -> Any:
        """Read a value as written on the command line: `0.01`, `true`, `100,100`, `sgd,adam`."""
        return self.check(read(self.kind, text))

    def text(self, value: Any) -> str:
        """Write a value so that `parse` reads it back; five times 100 is `100x5`."""
        if self.kind is Kind.INTS and len(value) > 2 and len(set(value)) == 1:
            return f"{value[0]}x{len(value)}"
        return value_text(value)

    def said(self, value: Any) -> str:
        """Write a value for the screen."""
        return dict(self.words).get(value, value) if self.kind is Kind.CHOICE else self.text(value)

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
            return f"two numbers low,high, the second larger by {value_text(self.width)} or more, each {self._range()}"
        return f"{WORDS[self.kind]} {self._range()}".strip()

    def _range(self) -> str:
        low, high = (value_text(bound) if math.isfinite(bound) else "" for bound in (self.low, self.high))
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


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


__all__ = [
    "Change",
    "Configuration",
    "FormulaError",
    "Kind",
    "Parameter",
    "ParameterError",
    "Scale",
    "UnknownParameterError",
    "choice",
    "flag",
    "integer",
    "number",
    "number_text",
]
