"""Plain data of a session file: JSON whose every number, name and list is checked before it is believed."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from typing import Any

from core.session_archive import SessionError

MOST_JSON = 8 * 2**20
"""Bytes of the longest JSON text."""

_MOST_ITEMS, _MOST_TEXT = 1000, 100_000
_MOST_DIGITS = 18


def to_json(value: Any) -> bytes:
    """Return plain data as JSON; raises ValueError for NaN, infinity and text that no file can hold."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def from_json(where: str, content: bytes) -> Any:
    """Read JSON strictly: no key twice, no NaN or infinity, no endless integers; raises SessionError."""
    try:
        found = json.loads(
            content.decode(), object_pairs_hook=_object, parse_constant=_refused, parse_int=_int, parse_float=_float
        )
        to_json(found)  # half of a surrogate pair can be read, but not shown or written
    except RecursionError:
        raise SessionError(where, "nested too deep", "a session saved by Trainscope") from None
    except ValueError as error:
        raise SessionError(where, f"not the JSON of a session ({str(error)[:120]})", "JSON as it was saved") from None
    return found


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is there twice")
    return found


def _refused(text: str) -> Any:
    raise ValueError(f"{text} is no number")


def _int(text: str) -> int:
    if len(text) > _MOST_DIGITS:
        raise ValueError(f"an integer of {len(text)} digits")
    return int(text)


def _float(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _refused(text[:20])


def fields(where: str, value: Any, **kinds: Any) -> list[Any]:
    """Return the values of an object that must have exactly these keys, each of this type."""
    if not isinstance(value, dict) or set(value) != set(kinds):
        given = f"keys {', '.join(sorted(value))[:80]!r}" if isinstance(value, dict) else kind_of(value)
        raise SessionError(where, given, f"an object with the keys {', '.join(kinds)}")
    for key, kind in kinds.items():
        if not isinstance(value[key], kind) or (isinstance(value[key], bool) and kind is int):
            raise SessionError(f"{where}.{key}", kind_of(value[key]), _words(kind))
    return [value[key] for key in kinds]


def whole(where: str, value: Any, low: int, high: int) -> int:
    """Return a whole number from `low` to `high`."""
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        shown = value if isinstance(value, int) else kind_of(value)
        raise SessionError(where, f"{shown}", f"a whole number from {low} to {high}")
    return value


def rising(where: str, values: Any, low: int, high: int) -> tuple[int, ...]:
    """Return a list of whole numbers as a tuple, each larger than the one before."""
    if not isinstance(values, list):
        raise SessionError(where, kind_of(values), "a list of whole numbers")
    found = tuple(whole(where, value, low, high) for value in values)
    if any(after <= before for before, after in pairwise(found)):
        raise SessionError(where, "numbers that do not rise", "each larger than the one before")
    return found


def remarks(where: str, value: Any, levels: int = 1) -> dict[str, Any]:
    """Return an object of texts, numbers, switches, short lists of them and, `levels` deep, objects of the same."""
    if not isinstance(value, dict) or len(value) > _MOST_ITEMS or not all(isinstance(key, str) for key in value):
        raise SessionError(where, kind_of(value), f"an object of up to {_MOST_ITEMS} plain values")
    return {key: _remark(f"{where}.{key[:40]}", found, levels) for key, found in value.items()}


def _remark(where: str, value: Any, levels: int) -> Any:
    if isinstance(value, dict) and levels:
        return remarks(where, value, levels - 1)
    if isinstance(value, (list, tuple)) and len(value) <= _MOST_ITEMS:
        return [_single(where, part) for part in value]
    return _single(where, value)


def _single(where: str, value: Any) -> Any:
    number = isinstance(value, int) and abs(value) < 10 ** (_MOST_DIGITS - 1)
    number = number or (isinstance(value, float) and math.isfinite(value))
    if value is None or number or (isinstance(value, str) and len(value) <= _MOST_TEXT):
        return value
    raise SessionError(where, kind_of(value), "a number, a text, true or false, a short list or one object of these")


def line(text: str, most: int = 4096) -> str:
    """Return a name as one line that any file can hold: the names of folders may hold anything."""
    return " ".join(text.encode("utf-8", "replace").decode().splitlines())[:most]


def kind_of(value: Any) -> str:
    """Say in words what was found where something else was expected."""
    return "nothing" if value is None else _words(type(value))


def _words(kind: Any) -> str:
    kinds = kind if isinstance(kind, tuple) else (kind,)
    return " or ".join(_NAMES.get(found, found.__name__) for found in kinds)


_NAMES = {
    dict: "an object",
    list: "a list",
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    type(None): "null",
}
