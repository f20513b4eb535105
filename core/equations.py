"""An optimizer's rule with live numbers: what one step of one weight is made of, line by line, and how it is drawn.

Everything comes from what each optimizer declares beside its `update`: the rule as text, read by `core.expressions`,
its effective learning rate, and what of it can be drawn on a map. All arithmetic here is float64.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from core.drawn_step import DrawnArrow, DrawnPlace, DrawnSpans, DrawnStep, Ellipse, Point
from core.expressions import Expression, parse
from core.numbers import short
from core.optimizers import OPTIMIZERS, state_arrays
from core.optimizers.base import Role

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from core.experiments.paths import PathsFrame
    from core.optimizers import Optimizer

THETA, GRADIENT, STEP, COUNT = "θ", "g", "Δθ", "t"
_GIVEN = 6  # digits of a hyperparameter


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a rule at one step: `symbol ← text`, the right side with numbers in it, and what it gives."""

    symbol: str
    text: str
    numbers: str
    value: float

    @property
    def result(self) -> str:
        """The value in a few digits."""
        return short(self.value)


@dataclass(frozen=True, slots=True)
class Named:
    """A number worth a look: its symbol or expression, words for it, its value."""

    symbol: str
    words: str
    value: float

    @property
    def result(self) -> str:
        """The value in a few digits."""
        return short(self.value)


@dataclass(frozen=True, slots=True)
class Explanation:
    """One step of one weight: from `before` to `after`, by `change` = Δθ; `state` is that after the step, by its keys.

    `lines` end with Δθ and with θ ← θ + Δθ. `named` are the gradient, what the rule remembers and computes from it,
    bias corrections, and the effective learning rate `effective`, by which `driven_by` is multiplied.
    """

    lines: tuple[Line, ...]
    named: tuple[Named, ...]
    before: float
    after: float
    change: float
    effective: float
    driven_by: str
    state: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class _Rule:
    """A rule that was read: its lines in order, the step, and what is shown and drawn of it, as expressions."""

    lines: tuple[tuple[str, str, Expression], ...]
    step: tuple[str, Expression]
    effective: Expression
    driven_by: Expression
    parts: tuple[tuple[str, str, Expression], ...]
    arrows: tuple[tuple[Expression, Expression], ...]
    places: tuple[Expression, ...]
    state: tuple[tuple[str, str], ...]


def explain(
    optimizer: Optimizer,
    theta: float,
    gradient: float,
    state: Mapping[str, float],
    t: int,
    lr: float | None = None,
) -> Explanation:
    """Explain update number `t` (from 1) of one weight; `state` has the optimizer's arrays at it before the update.

    `lr` takes the place of the optimizer's own, as under a schedule. Raises ValueError for hyperparameters that are
    arrays of several lanes, KeyError where an entry of the state is missing.
    """
    kind = type(optimizer)
    rule = _read(kind)
    values = _given(kind, _numbers(optimizer.values, lr), theta, gradient, state, t)
    lines = []
    for symbol, text, right in (*rule.lines, (STEP, *rule.step), _MOVE):
        numbers = right.substituted({name: _written(name, values[name], kind) for name in right.names})
        values[symbol] = float(right.evaluate(values))
        lines.append(Line(symbol, text, numbers, values[symbol]))
    return Explanation(
        lines=tuple(lines),
        named=_named(kind, rule, values, gradient),
        before=float(theta),
        after=values[THETA],
        change=values[STEP],
        effective=float(rule.effective.evaluate(values)),
        driven_by=kind.driven_by,
        state=MappingProxyType({key: values[symbol] for key, symbol in rule.state}),
    )


def explain_path(frame: PathsFrame, lane: int, step: int) -> tuple[Explanation, Explanation]:
    """Explain both coordinates of a lane's step 1 to `frame.position`; after it diverged all numbers are NaN.

    Raises IndexError for any other step.
    """
    _check(frame, step)
    kind = OPTIMIZERS[frame.lanes[lane].optimizer]
    optimizer = kind(**frame.hyperparameters[lane])
    x, y = (
        explain(
            optimizer,
            float(frame.points[lane, step - 1, axis]),
            float(frame.gradients[lane, step, axis]),
            {key: _point(rows[step - 1])[axis] for key, rows in frame.states[lane].items()},
            step,
            _rate(frame, lane, step),
        )
        for axis in (0, 1)
    )
    return x, y


def path_values(frame: PathsFrame, lane: int) -> dict[str, Any]:
    """Return what each of a lane's steps has, by symbol, `(steps, 2)`: gradient, the rule's lines, effective rate.

    There are as many steps as were made before it diverged. θ is the point after a step.
    """
    kind = OPTIMIZERS[frame.lanes[lane].optimizer]
    rule = _read(kind)
    n, values = _along(frame, lane)
    _follow(rule, values)
    shown = {symbol: values[symbol] for symbol in (GRADIENT, *(symbol for symbol, *_ in rule.lines), STEP)}
    shown |= {kind.effective: rule.effective.evaluate(values), THETA: _MOVE[2].evaluate(values)}
    return {symbol: np.broadcast_to(found, (n, 2)) for symbol, found in shown.items()}


def _along(frame: PathsFrame, lane: int) -> tuple[int, dict[str, Any]]:
    """Return how many steps a lane made before it diverged, and what was known before each, by symbol."""
    lost = frame.diverged[lane]
    n = frame.position if lost is None else min(lost - 1, frame.position)
    kind, rates = OPTIMIZERS[frame.lanes[lane].optimizer], getattr(frame, "rates", None)
    lr = frame.hyperparameters[lane]["lr"] if rates is None else rates[lane, :n, None]
    state = {key: rows[:n] for key, rows in frame.states[lane].items()}
    gradient, t = frame.gradients[lane, 1 : n + 1], np.arange(1.0, n + 1)[:, None]
    return n, _given(kind, {**frame.hyperparameters[lane], "lr": lr}, frame.points[lane, :n], gradient, state, t)


def _follow(rule: _Rule, values: dict[str, Any]) -> dict[str, Any]:
    """Add what the rule's lines give, and Δθ."""
    for symbol, _, right in (*rule.lines, (STEP, *rule.step)):
        values[symbol] = right.evaluate(values)
    return values


def drawn_spans(frame: PathsFrame, lane: int) -> DrawnSpans:
    """Return how long what can be drawn of each of a lane's steps is, of as many as were made before it diverged."""
    kind = OPTIMIZERS[frame.lanes[lane].optimizer]
    rule = _read(kind)
    n, before = _along(frame, lane)
    after = _follow(rule, dict(before))
    before[STEP] = after[STEP]
    lengths: dict[Role, NDArray[np.float64]] = {}
    for arrow, (vector, _) in zip(kind.drawn, rule.arrows, strict=True):
        lengths[arrow.role] = _spans(vector.evaluate(before if arrow.before else after), n)
    driven = np.hypot(*_spans(rule.driven_by.evaluate(after), n).T)[:, None]
    return DrawnSpans(lengths, _spans(rule.effective.evaluate(after) * driven, n), _spans(before[GRADIENT], n))


def _spans(vectors: Any, n: int) -> NDArray[np.float64]:
    """Return what is finite of vectors `(n, 2)`, without signs."""
    found = np.abs(np.broadcast_to(vectors, (n, 2)))
    return np.where(np.isfinite(found), found, 0.0)


def drawn_at(frame: PathsFrame, lane: int, step: int) -> DrawnStep:
    """Return what can be drawn of a lane's step 1 to `frame.position`; raises IndexError for any other."""
    _check(frame, step)
    kind = OPTIMIZERS[frame.lanes[lane].optimizer]
    rule = _read(kind)
    state = {key: rows[step - 1] for key, rows in frame.states[lane].items()}
    hyperparameters = {**frame.hyperparameters[lane], "lr": _rate(frame, lane, step)}
    theta = frame.points[lane, step - 1]
    before = _given(kind, hyperparameters, theta, frame.gradients[lane, step], state, step)
    after = _follow(rule, dict(before))
    places = ((place.label, _point(at.evaluate(after))) for place, at in zip(kind.places, rule.places, strict=True))
    return DrawnStep(
        _arrows(kind, rule, {**before, STEP: after[STEP]}, after),
        tuple(DrawnPlace(label, at) for label, at in places if _finite(at)),
        _ellipse(rule, _point(theta), after),
        _downhill(_point(theta), _point(np.subtract(theta, before[GRADIENT]))),
    )


def _downhill(start: Point, end: Point) -> DrawnArrow | None:
    return DrawnArrow(Role.GRADIENT, f"−{GRADIENT}", start, end) if _finite(start, end) else None


def _arrows(
    kind: type[Optimizer], rule: _Rule, before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[DrawnArrow, ...]:
    found = []
    for arrow, (vector, start) in zip(kind.drawn, rule.arrows, strict=True):
        values = before if arrow.before else after
        begin = start.evaluate(values)
        ends = _point(begin), _point(np.add(begin, vector.evaluate(values)))
        found += [DrawnArrow(arrow.role, arrow.label, *ends)] if _finite(*ends) else []
    return tuple(found)


def _ellipse(rule: _Rule, centre: Point, after: Mapping[str, Any]) -> Ellipse | None:
    length = math.hypot(*_point(rule.driven_by.evaluate(after)))
    radii = _point(np.multiply(rule.effective.evaluate(after), length))
    return Ellipse(centre, radii) if _finite(centre, radii) else None


# Reading.


_RULES: dict[type[Optimizer], _Rule] = {}


def _read(kind: type[Optimizer]) -> _Rule:
    """Read what an optimizer declares, once; raises ExpressionError or ValueError where that is no rule."""
    if kind not in _RULES:
        _RULES[kind] = _parsed(kind)
    return _RULES[kind]


def _parsed(kind: type[Optimizer]) -> _Rule:
    symbols = dict(kind.symbols)
    state = tuple((key, symbols.get(key, key)) for key in state_arrays(kind.key))
    names = [THETA, GRADIENT, COUNT, *(p.symbol for p in kind.hyperparameters), *(symbol for _, symbol in state)]
    lines = []
    for text in kind.rule[:-1]:
        symbol, _, right = text.partition(" ← ")
        lines.append((symbol, right, parse(right, names)))
        names.append(symbol)
    step = _step_of(kind)
    known = [*names, STEP]
    return _Rule(
        lines=tuple(lines),
        step=(step, parse(step, names)),
        effective=parse(kind.effective, names),
        driven_by=parse(kind.driven_by, names),
        parts=tuple((text, words, parse(text, names)) for text, words in kind.parts),
        arrows=tuple((parse(arrow.vector, known), parse(arrow.start, known)) for arrow in kind.drawn),
        places=tuple(parse(place.at, known) for place in kind.places),
        state=state,
    )


def _step_of(kind: type[Optimizer]) -> str:
    """Return the right side of Δθ: what the last line adds to θ."""
    start = f"{THETA} ← {THETA} "
    sign, _, rest = kind.rule[-1].removeprefix(start).partition(" ")
    if not kind.rule[-1].startswith(start) or sign not in ("+", "−"):
        raise ValueError(f"{kind.key}: the rule ends with {kind.rule[-1]!r}; allowed: {start}+ … or {start}− …")
    return rest if sign == "+" else f"−{rest}"


_MOVE = (THETA, f"{THETA} + {STEP}", parse(f"{THETA} + {STEP}", (THETA, STEP)))


# Numbers.


def _given(
    kind: type[Optimizer],
    hyperparameters: Mapping[str, Any],
    theta: Any,
    gradient: Any,
    state: Mapping[str, Any],
    t: Any,
) -> dict[str, Any]:
    """Return what is known before a step, by symbol."""
    known = {p.symbol: hyperparameters[p.key] for p in kind.hyperparameters}
    remembered = {symbol: state[key] for key, symbol in _read(kind).state}
    return {THETA: theta, GRADIENT: gradient, COUNT: t, **known, **remembered}


def _numbers(values: Mapping[str, Any], lr: float | None) -> dict[str, float]:
    found = {}
    for key, value in values.items():
        if np.size(value) != 1:
            raise ValueError(f"{key}: {np.size(value)} values; allowed: those of one lane")
        found[key] = float(np.asarray(value).item())
    return found if lr is None else {**found, "lr": float(lr)}


def _named(kind: type[Optimizer], rule: _Rule, values: Mapping[str, float], gradient: float) -> tuple[Named, ...]:
    words = dict(kind.words)
    shown = dict.fromkeys([*(symbol for _, symbol in rule.state), *(symbol for symbol, *_ in rule.lines)])
    return (
        Named(GRADIENT, "gradient", float(gradient)),
        *(Named(symbol, words.get(symbol, ""), values[symbol]) for symbol in shown),
        *(Named(text, what, float(part.evaluate(values))) for text, what, part in rule.parts),
        Named(kind.effective, "effective learning rate", float(rule.effective.evaluate(values))),
        Named(STEP, "step", values[STEP]),
    )


def _written(name: str, value: float, kind: type[Optimizer]) -> str:
    """Write a number for the place of a name; hyperparameters and counts keep the digits that they were given with."""
    given = name == COUNT or any(p.symbol == name for p in kind.hyperparameters)
    return short(value, _GIVEN) if given else short(value)


# Paths.


def _check(frame: PathsFrame, step: int) -> None:
    if not 1 <= step <= frame.position:
        raise IndexError(f"step {step}; allowed: 1 to {frame.position}")


def _rate(frame: PathsFrame, lane: int, step: int) -> float:
    """Return the learning rate with which a step was made: that of a schedule, if the frame has any."""
    return float(frame.hyperparameters[lane]["lr"] if frame.rates is None else frame.rates[lane, step - 1])


def _point(values: Any) -> Point:
    x, y = np.broadcast_to(values, (2,)).tolist()
    return x, y


def _finite(*points: Point) -> bool:
    return all(math.isfinite(value) for point in points for value in point)
