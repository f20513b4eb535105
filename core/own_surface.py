"""A surface of one's own: f(x, y) as text over a domain, with its exact gradient and what minima can be found.

The text is read by `core.expressions` and never given to Python.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from core.expressions import MOST_CHARACTERS, ExpressionError, parse, program_of
from core.minima import lowest_points
from core.surfaces import Surface, Values, surface

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.expression_nodes import Program

OWN = "own"
FARTHEST, NARROWEST = 1000.0, 1e-3
"""How far from 0 a domain may reach, and how narrow it may be."""

FORMULA_WORDS = "a formula of x and y, such as x^2/20 + y^2"

_NAMES = ("x", "y")
_MODULE = "module"  # what functions are called by in code, taken out again for print
_LONGEST_PRINTED = 120
_BLOCK = 16_384  # values at a time: what lies between text and result of a large grid fits into the cache
_HEAD = re.compile(r"\s*(?:[A-WZa-wz]\s*(?:\(\s*x\s*,\s*y\s*\))?\s*=)?\s*")

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Example:
    """A function to begin with: what it is called, its text, its domain, where to start, what can be seen on it."""

    name: str
    text: str
    x: Range
    y: Range
    start: tuple[float, float]
    shows: str


EXAMPLES = (
    Example(
        "Two valleys",
        "(x^2 - 4)^2/16 + x/4 + y^2/2",
        (-4.0, 4.0),
        (-3.0, 3.0),
        (3.6, 2.4),
        "one valley is deeper: who gets over the ridge?",
    ),
    Example(
        "Winding river",
        "3(y - sin(x))^2 + x^2/20",
        (-7.0, 7.0),
        (-3.0, 3.0),
        (-6.3, 2.0),
        "a valley that bends to and fro",
    ),
    Example(
        "Egg crate",
        "(x^2 + y^2)/20 + sin(2x)^2 + sin(2y)^2",
        (-5.0, 5.0),
        (-5.0, 5.0),
        (-3.9, 2.6),
        "many pits: where a path ends depends on where it starts",
    ),
    Example(
        "Crater",
        "1 - exp(-(x^2 + y^2)/3)",
        (-4.0, 4.0),
        (-4.0, 4.0),
        (-2.8, 1.4),
        "a flat plain, where the gradient is almost nothing, around one crater",
    ),
    Example(
        "Roof upside down",
        "|x|/3 + |y|",
        (-5.0, 5.0),
        (-4.0, 4.0),
        (-4.0, 2.6),
        "the gradient jumps at the bottom: steps stay as long as they were",
    ),
    Example(
        "Monkey saddle",
        "(x^3 - 3x y^2)/10 + (x^2 + y^2)^2/50",
        (-4.0, 4.0),
        (-4.0, 4.0),
        (1.2, 0.05),
        "three ways down from one flat point",
    ),
    Example(
        "Ring",
        "(sqrt(x^2 + y^2) - 3)^2 + x/4",
        (-5.0, 5.0),
        (-5.0, 5.0),
        (4.2, 1.2),
        "a round valley with one lowest point",
    ),
)
DEFAULT = EXAMPLES[0]


def formula(text: str) -> str:
    """Return the text of a function of x and y as it is kept: without `f(x, y) =`, on one line.

    Raises ExpressionError with the place in the text as it was given.
    """
    body = _body(text)
    try:
        _function(body)
    except ExpressionError as error:
        raise ExpressionError(error.position + _head(text), error.reason) from None
    return body


def printed(text: str) -> str:
    """Return a function's text as a book prints it; raises ExpressionError."""
    return _function(_body(text)).pretty


@lru_cache(maxsize=16)
def printed_gradient(text: str) -> tuple[str, str] | None:
    """Return df/dx and df/dy of a function's text as a book prints them; None where they are too long to be read."""
    f = parse(_body(text), _NAMES)
    try:
        x, y = (
            parse(f.derivative(name).code({}, _MODULE).replace(f"{_MODULE}.", ""), _NAMES).pretty for name in _NAMES
        )
    except ExpressionError:  # longer than a formula may be, or a choice between two
        return None
    return (x, y) if max(len(x), len(y)) <= _LONGEST_PRINTED else None


def _body(text: str) -> str:
    if len(text) > 2 * MOST_CHARACTERS:  # not even looked through
        raise ExpressionError(MOST_CHARACTERS, f"too long; allowed: up to {MOST_CHARACTERS} characters")
    return "".join(" " if letter.isspace() else letter for letter in text[_head(text) :]).rstrip()


def _head(text: str) -> int:
    """Return where the formula begins: behind `f(x, y) =` or `z =`."""
    found = _HEAD.match(text)
    return found.end() if found else 0


@lru_cache(maxsize=64)
def _read(text: str) -> _Function | ExpressionError:
    """Return the function or what is wrong: a text is read again and again, while a window is open."""
    try:
        f = parse(text, _NAMES)
        slopes = f.derivative("x"), f.derivative("y")
    except ExpressionError as error:
        return error
    return _Function(f.pretty, program_of([f]), program_of(slopes))


def _function(text: str) -> _Function:
    found = _read(text)
    if isinstance(found, ExpressionError):
        raise ExpressionError(found.position, found.reason)
    return found


@dataclass(frozen=True, slots=True)
class _Function:
    """A function that was read: how it is printed, what computes it and its two slopes."""

    pretty: str
    values: Program
    slopes: Program

    def value(self, x: Values, y: Values) -> Values:
        """f(x, y)."""
        found: Values = _run(self.values, x, y)[0]
        return found

    def gradient(self, x: Values, y: Values) -> tuple[Values, Values]:
        """df/dx, df/dy."""
        found = _run(self.slopes, x, y)
        return found[0], found[1]


def _run(program: Program, x: Values, y: Values) -> list[Any]:
    """Return what a program makes of coordinates, as large as both together; large arrays in blocks of rows."""
    shape = np.broadcast(x, y).shape
    if np.prod(shape, dtype=int) > _BLOCK and len(shape) > 1:
        return _run_blocks(program, np.asarray(x), np.asarray(y), shape)
    found = program.run({"x": x, "y": y})
    return [part if np.shape(part) == shape else np.broadcast_to(part, shape) for part in found]


def _run_blocks(program: Program, x: Any, y: Any, shape: tuple[int, ...]) -> list[Any]:
    x, y = (part.reshape((1,) * (len(shape) - part.ndim) + part.shape) for part in (x, y))
    rows = max(1, _BLOCK * shape[0] // int(np.prod(shape)))
    found: list[Any] = []
    for first in range(0, shape[0], rows):
        part = slice(first, first + rows)
        found.append(_run(program, *(side if len(side) == 1 < shape[0] else side[part] for side in (x, y))))
    return [np.concatenate(parts) for parts in zip(*found, strict=True)]


@lru_cache(maxsize=16)
def own_surface(text: str, x: Range, y: Range) -> Surface:
    """Return the surface of a function over a domain; raises ExpressionError.

    Looking for its minima takes milliseconds, of long texts up to a second: not for the thread of the display.
    """
    found = _function(_body(text))
    view = *x, *y
    minima, floor = lowest_points(found.value, found.gradient, view)
    return Surface(
        key=OWN,
        name="Your own function",
        formula=f"f(x, y) = {found.pretty}",
        source="typed",
        view=view,
        start=_start(found, x, y),
        minima=minima,
        floor=floor,
        value=found.value,
        gradient=found.gradient,
        quick=False,
    )


def surface_of(values: Mapping[str, Any]) -> Surface:
    """Return the surface that a configuration's values ask for: one's own, or one of `SURFACES`."""
    if values["surface"] == OWN:
        return own_surface(values["function"], values["domain.x"], values["domain.y"])
    return surface(values["surface"], values["anisotropy"])


def sketch_of(values: Mapping[str, Any]) -> Surface:
    """Return the surface without looking for minima of one's own function, which takes a while; its start is known."""
    if values["surface"] != OWN:
        return surface(values["surface"], values["anisotropy"])
    found = _function(_body(values["function"]))
    view = *values["domain.x"], *values["domain.y"]
    own = {"view": view, "start": values["start"], "minima": (), "floor": -math.inf}
    return replace(surface("quadratic"), key=OWN, value=found.value, gradient=found.gradient, quick=False, **own)


# What goes together.


def _start(found: _Function, x: Range, y: Range) -> tuple[float, float]:
    """Return a point of the domain to start from, one where the function goes on, if there is any."""
    shares = ((0.15, 0.6), (0.85, 0.6), (0.15, 0.85), (0.85, 0.85), (0.4, 0.6), (0.6, 0.4), (0.85, 0.15))
    places = [(_round(x[0] + s * (x[1] - x[0]), x), _round(y[0] + t * (y[1] - y[0]), y)) for s, t in shares]
    return next((place for place in places if _goes_on(found, place)), places[0])


def _round(value: float, domain: Range) -> float:
    """Drop digits that say nothing on a domain's scale."""
    return float(f"{value:.3g}") if abs(value) < 10.0 * (domain[1] - domain[0]) else value


def _goes_on(found: _Function, place: tuple[float, float]) -> bool:
    return all(bool(np.isfinite(part)) for part in (found.value(*place), *found.gradient(*place)))


def follows(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return what goes with changes that end in a function of one's own, but for what they say themselves.

    An example comes with its domain and start; else the start stays where it is, if it is in the domain.
    """
    after = {**values, **changes}
    example = next((each for each in EXAMPLES if each.text == after["function"]), None)
    if example is not None and "function" in changes:
        after |= {"domain.x": example.x, "domain.y": example.y} | dict(changes)
    x, y = after["domain.x"], after["domain.y"]
    fresh = "function" in changes or "surface" in changes
    if example is not None and fresh and (x, y) == (example.x, example.y):
        start = example.start
    else:
        start = _kept_start(after, x, y)
    return {"domain.x": x, "domain.y": y, "start": start, **changes}


def _kept_start(after: Mapping[str, Any], x: Range, y: Range) -> tuple[float, float]:
    start: tuple[float, float] = after["start"]
    found = _function(_body(after["function"]))
    inside = x[0] <= start[0] <= x[1] and y[0] <= start[1] <= y[1]
    return start if inside and _goes_on(found, start) else _start(found, x, y)
