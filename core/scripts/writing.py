"""Python source from templates: lines that are kept under a condition, names that stand for values.

In a template `#if batchnorm` … `#else` … `#end` keep lines while a flag is set (`not`, `and`, `or` are understood);
`$name` stands for a text, and a line that is nothing but `$name` for a block, indented as that line is.
"""

from __future__ import annotations

import json
import re
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

WIDTH = 88
"""Columns of a line, as `ruff format` and `black` write it by default."""
_INDENT = "    "
_NAME = re.compile(r"\$([a-z_0-9]+)")
_MOST_WRITTEN = 6  # equal numbers of a tuple that are written out


class ScriptError(ValueError):
    """What cannot be written as a script: one line that says what, and what can."""


def fill(template: str, flags: Collection[str] = (), **texts: str) -> str:
    """Return a template with the lines whose conditions hold and with texts in place of names."""
    lines: list[str] = []
    for line in _kept(template.strip("\n").split("\n"), flags):
        block = _NAME.fullmatch(line.strip())
        if block is None:
            lines.append(_NAME.sub(lambda found: texts[found[1]], line))
        elif texts[block[1]]:
            lines.append(indented(texts[block[1]], len(line) - len(line.lstrip())))
    return "\n".join(lines)


def indented(text: str, columns: int) -> str:
    """Return a text moved to the right."""
    return "\n".join(" " * columns + line if line else "" for line in text.split("\n"))


def _kept(lines: Iterable[str], flags: Collection[str]) -> Iterable[str]:
    """Yield the lines outside of conditions and inside of those that hold."""
    open_: list[bool] = []
    for line in lines:
        word, _, condition = line.strip().partition(" ")
        if word == "#if":
            open_.append(_holds(condition, flags))
        elif word == "#else":
            open_[-1] = not open_[-1]
        elif word == "#end":
            open_.pop()
        elif all(open_):
            yield line


def _holds(condition: str, flags: Collection[str]) -> bool:
    return any(all(_is_set(one, flags) for one in part.split(" and ")) for part in condition.split(" or "))


def _is_set(flag: str, flags: Collection[str]) -> bool:
    return (flag.removeprefix("not ") in flags) != flag.startswith("not ")


def joined(parts: Iterable[str]) -> str:
    """Return a module's parts with two empty lines between them; those without a text are left out."""
    return "\n\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def literal(value: Any) -> str:
    """Return a value as Python source: numbers in few digits that read back the same."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)  # in double quotes
    if isinstance(value, bool | int | np.integer) or value is None:
        return str(value)
    if isinstance(value, tuple | list):
        return _tuple(value)
    return _float(float(value))


def _float(value: float) -> str:
    short = f"{value:g}"
    text = short if float(short) == value else repr(value)
    mantissa, sign, exponent = text.partition("e")
    if sign:
        return f"{mantissa}e{int(exponent)}"
    return text if "." in text or "n" in text else f"{text}.0"


def _tuple(values: Sequence[Any]) -> str:
    if len(values) > _MOST_WRITTEN and len(set(values)) == 1:
        return f"({literal(values[0])},) * {len(values)}"
    inner = ", ".join(map(literal, values))
    return f"({inner},)" if len(values) == 1 else f"({inner})"


def call(name: str, arguments: Sequence[str] = (), **settings: Any) -> str:
    """Return a call on one line."""
    return f"{name}({', '.join([*arguments, *keywords(settings)])})"


def keywords(settings: Mapping[str, Any]) -> list[str]:
    """Return keyword arguments."""
    return [f"{key}={literal(value)}" for key, value in settings.items()]


def wrapped(head: str, parts: Sequence[str], tail: str, indent: int = 0) -> str:
    """Return `head`, parts and `tail` on one line where they fit; else the parts of a call or display below it.

    `indent` counts the columns that the block is moved to the right later.
    """
    flat = head + ", ".join(parts) + tail
    if indent + len(flat) <= WIDTH:
        return flat
    inner = _INDENT + ", ".join(parts)
    is_call = len(head) > 1 and (head[-2].isalnum() or head[-2] in "_])")
    if is_call and indent + len(inner) <= WIDTH:
        return f"{head}\n{inner}\n{tail}"
    return "\n".join([head, *(f"{_INDENT}{part}," for part in parts), tail])


def hugged(source: str) -> str:
    """Return source with powers of plain names and numbers written as formatters do: `x**2`, but `f(x) ** 2`."""
    plain = r"(?:[A-Za-z_][\w.]*|\d+(?:\.\d+)?)"
    return re.sub(rf"(?<![\w.\])])({plain}) \*\* (-?{plain})(?![\w.\[(])", r"\1**\2", source)


def terms(source: str) -> list[tuple[str, str]]:
    """Return the terms of a sum with their signs; a sum inside of brackets is one term."""
    depth, starts = 0, [(0, "+")]
    for place, letter in enumerate(source):
        depth += (letter in "([") - (letter in ")]")
        if not depth and source[place : place + 3] in (" + ", " - "):
            starts.append((place + 3, source[place + 1]))
    ends = [start - 3 for start, _ in starts[1:]] + [len(source)]
    return [(sign, source[start:end]) for (start, sign), end in zip(starts, ends, strict=True)]


def assignment(target: str, sign: str, parts: Sequence[tuple[str, str]], indent: int) -> str:
    """Return `target = sum`, or with a sign `target += sum`; a sum that is too long is added up term by term."""
    flat = " ".join([parts[0][1], *(f"{one} {part}" for one, part in parts[1:])])
    whole = f"{target} {sign}= {flat}"
    if indent + len(whole) <= WIDTH:
        return whole
    if len(parts) > 1 and not any(_uses(part, target) for _, part in parts[1:]):
        lines = [assignment(target, sign, parts[:1], indent)]
        return "\n".join(lines + [f"{target} {_times(sign, one)}= {part}" for one, part in parts[1:]])
    name, _, arguments = flat.partition("(")
    if len(parts) == 1 and name.replace(".", "").isidentifier() and _closes_last(flat):
        return f"{target} {sign}= {name}(\n{_INDENT}{arguments[:-1]}\n)"
    over, under = _quotient(flat)
    if len(parts) == 1 and under and not sign and not _uses(under, target):
        return f"{target} = {over}\n{target} /= {under}"
    lines = [parts[0][1], *(f"{one} {part}" for one, part in parts[1:])]
    inner = [flat] if indent + len(_INDENT) + len(flat) <= WIDTH else lines
    return "\n".join([f"{target} {sign}= (", *(_INDENT + line for line in inner), ")"])


def _uses(source: str, name: str) -> bool:
    return re.search(rf"(?<![\w.]){re.escape(name)}(?!\w)", source) is not None


def _closes_last(source: str) -> bool:
    """Whether the first bracket is closed by the last character."""
    depths = list(accumulate((letter == "(") - (letter == ")") for letter in source))
    return source.endswith(")") and 0 not in depths[source.index("(") : -1]


def _quotient(source: str) -> tuple[str, str]:
    """Split at the last division outside of brackets; nothing comes second where there is none."""
    depths = list(accumulate((letter == "(") - (letter == ")") for letter in source))
    places = [at for at, depth in enumerate(depths) if not depth and source[at : at + 3] == " / "]
    return (source[: places[-1]], source[places[-1] + 3 :]) if places else (source, "")


def _times(sign: str, other: str) -> str:
    return "-" if (sign == "-") != (other == "-") else "+"
