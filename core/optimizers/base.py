"""What an optimizer is: its declaration, its rule as text, its `update` on arrays.

Symbols: parameters theta, gradient g, learning rate lr. Every rule is elementwise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from core.parameters import Parameter, Scale, number

Array = NDArray[Any]
State = dict[str, Any]
Pairs = tuple[tuple[str, str], ...]

OPTIMIZERS: dict[str, type[Optimizer]] = {}
SCRATCH = ("work", "more_work")
"""Entries of a state that an update only works in: nothing in them outlives it."""

# The chapter's six have Okabe & Ito's colours; a rule that declares no look takes what is left of these, in order.
_COLOURS = ("#7F7F7F", "#A6761D", "#8C6BB1", "#66A61E", "#B07AA1", "#9C755F")
_MARKERS = ("p", "h", "S", "H", "O", "+")


def learning_rate(default: float) -> Parameter:
    """Declare a learning rate: 1e-6 to 10, on a log scale, changeable while a run goes on."""
    doc = "Learning rate: the factor between the gradient and the step"
    found = number("lr", "learning rate", default, doc, 1e-6, 10, scale=Scale.LOG, live=True, search=(1e-6, 1e-2))
    return replace(found, symbol="lr")


def epsilon(default: float = 1e-7, doc: str = "Small term added to the root in the denominator") -> Parameter:
    """Declare the small term that keeps a denominator from zero."""
    found = number("eps", "ε", default, doc, 1e-12, 1.0, scale=Scale.LOG, live=True, search=(1e-10, 1e-2))
    return replace(found, symbol="ε")


def share(key: str, label: str, default: float, doc: str, search: tuple[float, float]) -> Parameter:
    """Declare a decay factor from 0 to just below 1, and the range in which it is searched for.

    The label's last word is its symbol in the rule.
    """
    found = number(key, label, default, doc, 0.0, 0.99999, live=True, search=search)
    return replace(found, symbol=label.split()[-1])


def decoupled_decay(default: float) -> Parameter:
    """Declare lambda of a decay of the parameters themselves, beside the gradient (arXiv:1711.05101)."""
    doc = "λ: every update also takes the share lr·λ off each parameter, whatever its gradient"
    low, high, search = 0.0, 10.0, (1e-4, 1.0)
    found = number("wd", "decoupled λ", default, doc, low, high, scale=Scale.LOG, live=True, search=search)
    return replace(found, symbol="λ")


class Role(Enum):
    """What an arrow stands for: the velocity, or what is kept in its place, a term of the step, or the whole step.

    Terms are what comes from the gradient, from what is remembered of earlier ones, and from decay. Where a rule
    declares terms, each starts at the end of the one before, and they lead from θ to the next point.
    """

    VELOCITY = "velocity"
    GRADIENT = "gradient"
    MEMORY = "memory"
    DECAY = "decay"
    STEP = "step"


TERMS = (Role.GRADIENT, Role.MEMORY, Role.DECAY)


@dataclass(frozen=True, slots=True)
class Arrow:
    """A part of what a rule does, on a map: from `start` by `vector`, both expressions in the rule's symbols.

    θ is the place before the step; the state is that after the step, or with `before` that before it.
    """

    role: Role
    label: str
    vector: str
    start: str = "θ"
    before: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """A place of interest on a map, as an expression in the rule's symbols: θ before the step, the state after it."""

    label: str
    at: str


ARRIVING = Arrow(Role.VELOCITY, "v before", "v", before=True)
STEP = Arrow(Role.STEP, "Δθ", "Δθ")


class Optimizer:
    """An update rule with its hyperparameters.

    `state = init(params)` makes the state; `update(params, grads, state)` changes `params` and `state` in place and
    leaves `grads` alone. A hyperparameter is a float or an array that broadcasts over the leading axis of `params`,
    for example `(lanes, 1)` for params `(lanes, P)`. Arrays take part in the dtype of `params`.

    `rule` is the update as text, one assignment a line, in the order of computation; `core.expressions` reads the
    right sides. In it θ is the parameter, g the gradient, t the number of the update, from 1; a hyperparameter has its
    `symbol`, an entry of the state its key or what `symbols` calls it. The last line is `θ ← θ + …` or `θ ← θ − …`.
    `symbols`, `words` (of symbols; of two for one symbol the later counts) and `parts` (expressions worth a look, with
    words for them) are pairs.

    `effective` is the effective learning rate of each parameter: what `driven_by`, the gradient or what stands for it,
    is multiplied by. `drawn` are arrows and `places` points that show on a map what the rule does.

    Raises TypeError for a hyperparameter that the rule does not have.
    """

    key: ClassVar[str] = ""
    label: ClassVar[str] = ""
    rule: ClassVar[tuple[str, ...]] = ()
    symbols: ClassVar[Pairs] = ()
    words: ClassVar[Pairs] = ()
    parts: ClassVar[Pairs] = ()
    effective: ClassVar[str] = "lr"
    driven_by: ClassVar[str] = "g"
    drawn: ClassVar[tuple[Arrow, ...]] = (STEP,)
    places: ClassVar[tuple[Place, ...]] = ()
    formula: ClassVar[str] = ""
    source: ClassVar[str] = ""
    colour: ClassVar[str] = ""
    marker: ClassVar[str] = ""
    hyperparameters: ClassVar[tuple[Parameter, ...]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Register the rule and give it a colour and a marker where it declares none."""
        super().__init_subclass__(**kwargs)
        cls.formula = "\n".join(cls.rule)
        others = [other for key, other in OPTIMIZERS.items() if key != cls.key]
        cls.colour = cls.__dict__.get("colour") or _free(_COLOURS, [other.colour for other in others])
        cls.marker = cls.__dict__.get("marker") or _free(_MARKERS, [other.marker for other in others])
        OPTIMIZERS[cls.key] = cls

    def __init__(self, **values: float | Array) -> None:
        """Take hyperparameters by name; those left out have their declared defaults."""
        unknown = set(values) - {parameter.key for parameter in self.hyperparameters}
        if unknown:
            raise TypeError(f"{self.key} has no hyperparameter {', '.join(sorted(unknown))}")
        self.values: dict[str, Any] = {p.key: values.get(p.key, p.default) for p in self.hyperparameters}

    def init(self, params: Array) -> State:
        """Return the state before the first update; the entries of SCRATCH are only worked in.

        An array has the shape of `params`, or 1 in place of every axis but the first.
        """
        return {"work": np.empty_like(params)}

    def update(self, params: Array, grads: Array, state: State) -> None:
        """Make one step, in place."""
        raise NotImplementedError

    def _cast(self, params: Array, *names: str) -> tuple[Any, ...]:
        """Return hyperparameters ready for arithmetic with `params`; arrays would otherwise widen float32."""
        return tuple(_as(params, self.values[name]) for name in names)

    def _rest(self, params: Array, name: str) -> Any:
        """Return 1 minus a hyperparameter, subtracted before it is rounded to the dtype of `params`."""
        return _as(params, 1 - self.values[name])

    def _kept(self, params: Array) -> Any:
        """Return 1 - lr lambda: the share of the parameters that decoupled weight decay leaves."""
        return _as(params, 1 - self.values["lr"] * self.values["wd"])


def state_arrays(optimizer: str) -> dict[str, bool]:
    """Return the arrays that an optimizer keeps: True for those of the shape of the parameters, else one per row."""
    found = OPTIMIZERS[optimizer]().init(np.zeros((1, 2), np.float32))
    arrays = {key: value for key, value in found.items() if isinstance(value, np.ndarray) and key not in SCRATCH}
    return {key: value.shape == (1, 2) for key, value in arrays.items()}


def state_counts(optimizer: str) -> list[str]:
    """Return the counts that an optimizer keeps: numbers of updates."""
    found = OPTIMIZERS[optimizer]().init(np.zeros((1, 2), np.float32))
    return [key for key, value in found.items() if not isinstance(value, np.ndarray)]


def scratch_arrays(optimizer: str) -> int:
    """Return in how many arrays of the shape of the parameters an optimizer works."""
    return len(OPTIMIZERS[optimizer]().init(np.zeros((1, 2), np.float32)).keys() & SCRATCH)


def _as(params: Array, value: Any) -> Any:
    return value.astype(params.dtype, copy=False) if isinstance(value, np.ndarray) else value


def _free(offered: tuple[str, ...], taken: list[str]) -> str:
    """Return the first that nobody has; where all are taken, they are dealt out once more."""
    left = [one for one in offered if one not in taken]
    return left[0] if left else offered[len(taken) % len(offered)]
