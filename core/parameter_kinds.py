"""Kinds of parameters: how a value of each is checked, read and written, and what is said of one that is refused."""

from __future__ import annotations

import math
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from core.parameters import Parameter


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


def value_text(value: Any) -> str:
    """Write a value as it is written on the command line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return number_text(value)
    if isinstance(value, (tuple, list)):
        return ",".join(value_text(part) for part in value)
    return str(value)


def _shown(value: object) -> str:
    """Write any object at all, such as an integer with more digits than Python prints."""
    try:
        return value_text(value)
    except (ValueError, OverflowError):
        return f"a {type(value).__name__} that is too long to print"


def _one_line(text: str) -> str:
    short = " ".join(str(text).split())
    return short if len(short) <= 60 else short[:57] + "..."


def _around(text: str, position: int, most: int = 60) -> str:
    """Return a text, or the part of a long one that is around a character."""
    if len(text) <= most:
        return text
    first = min(max(0, position - most // 2), len(text) - most)
    return "…" * (first > 0) + text[first : first + most] + "…" * (first + most < len(text))


def read(kind: Kind, text: str) -> Any:
    """Read a value of a kind as written on the command line: `0.01`, `true`, `100,100`, `sgd,adam`; unchecked."""
    parts = [part.strip() for part in text.split(",")] if text.strip() else []
    if kind is Kind.BOOL:
        return _BOOLS.get(text.strip().lower(), text)
    if kind is Kind.INTS:
        return [number for part in parts for number in _repeated(part)]
    if kind in (Kind.POINT, Kind.RANGE):
        return [_number(part) for part in parts]
    if kind is Kind.NAMES:
        return parts
    return text.strip() if kind in (Kind.CHOICE, Kind.NAME, Kind.FORMULA) else _number(text)


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


def checked(parameter: Parameter, value: Any) -> Any:
    """Return a value in its parameter's own type; raises ParameterError."""
    try:
        return _CHECKS[parameter.kind](parameter, value)
    except (TypeError, ValueError, OverflowError) as error:
        if isinstance(error, ParameterError):
            raise
        raise ParameterError(parameter.key, value, parameter.allowed) from None


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
WORDS = {
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
