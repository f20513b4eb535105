"""Learning-rate schedules: by which factor an update's learning rate differs from the one that is set.

A factor follows from the number t of updates made before, and from settings that all lanes share. Every schedule can
come after a linear warm-up, as `warmup-cosine`; t then counts from its end.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.parameters import Parameter, Scale, choice, integer, number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Array = NDArray[np.float64]

CONSTANT, WARMUP = "constant", "warmup"
_CHUNK = 1024  # updates whose factors are computed together: the same bits, wherever a run is looked at
_MOST_UPDATES = 1_000_000


@dataclass(frozen=True, slots=True)
class Plan:
    """A schedule with its settings.

    `key` is one of SCHEDULES; `every` n, `length` N and `warmup` W count updates, `gamma` γ and `floor` φ are factors.
    """

    key: str = CONSTANT
    every: int = 1000
    length: int = 2000
    gamma: float = 0.1
    floor: float = 0.01
    warmup: int = 200

    def factors(self, start: int, end: int) -> Array:
        """Return the factors `(end - start,)` of updates `start + 1` to `end`."""
        if end <= start:
            return np.empty(0)
        parts = [_chunk(self, number) for number in range(start // _CHUNK, (end - 1) // _CHUNK + 1)]
        first = start // _CHUNK * _CHUNK
        return np.concatenate(parts)[start - first : end - first]

    def factor(self, t: int) -> float:
        """Return the factor of the update after t updates."""
        return float(_chunk(self, t // _CHUNK)[t % _CHUNK])

    @property
    def _warm(self) -> int:
        """Updates of warm-up."""
        return self.warmup if SCHEDULES[self.key].warm else 0

    @property
    def decaying(self) -> int:
        """Updates from the end of the warm-up to that of the cosine."""
        return max(1, self.length - self._warm)

    def curve(self, t: Array) -> Array:
        """Return the factors after each of t updates."""
        shape = SCHEDULES[self.key].shape
        factors = shape(self, np.maximum(t - self._warm, 0.0))
        return factors * np.minimum((t + 1.0) / self._warm, 1.0) if self._warm else factors


@lru_cache(maxsize=256)
def _chunk(plan: Plan, number: int) -> Array:
    found = plan.curve(np.arange(number * _CHUNK, (number + 1) * _CHUNK, dtype=np.float64))
    found.flags.writeable = False
    return found


@dataclass(frozen=True, slots=True)
class Schedule:
    """One schedule: `formula` of the learning rate η after t updates, what it is `shape`d by, where it comes from.

    `needs` are the keys of the settings that it uses; `warm` says that it begins with a warm-up.
    """

    key: str
    label: str
    formula: str
    source: str
    needs: tuple[str, ...]
    shape: Callable[[Plan, Array], Array]
    warm: bool = False


def _constant(_plan: Plan, t: Array) -> Array:
    """1."""
    return np.ones_like(t)


def _step(plan: Plan, t: Array) -> Array:
    """gamma^floor(t / n)."""
    return np.float64(plan.gamma) ** np.floor(t / plan.every)


def _exponential(plan: Plan, t: Array) -> Array:
    """gamma^(t / n)."""
    return np.float64(plan.gamma) ** (t / plan.every)


def _cosine(plan: Plan, t: Array) -> Array:
    """phi + (1 - phi) (1 + cos(pi t / N)) / 2 up to t = N, then phi."""
    share = np.minimum(t / plan.decaying, 1.0)
    return plan.floor + (1.0 - plan.floor) * 0.5 * (1.0 + np.cos(np.pi * share))


def _inverse(plan: Plan, t: Array) -> Array:
    """1 / (1 + t / n)."""
    return 1.0 / (1.0 + t / plan.every)


_SETTINGS = "every", "length", "factor", "floor", WARMUP
_EVERY, _LENGTH, _FACTOR, _FLOOR, _WARM = (f"schedule.{name}" for name in _SETTINGS)
_RATE = "η = lr"
_COSINE = "η = lr·(φ + (1−φ)·c)\nc = (1 + cos(π·t/N))/2\nfrom t = N on: c = 0"
_PLAIN = (
    Schedule(CONSTANT, "constant", _RATE, "", (), _constant),
    Schedule("step", "step", "η = lr·γ^⌊t/n⌋", "He et al., arXiv:1512.03385", (_EVERY, _FACTOR), _step),
    Schedule(
        "exponential", "exponential", "η = lr·γ^(t/n)", "Li & Arora, arXiv:1910.07454", (_EVERY, _FACTOR), _exponential
    ),
    Schedule("cosine", "cosine", _COSINE, "Loshchilov & Hutter, arXiv:1608.03983", (_LENGTH, _FLOOR), _cosine),
    Schedule("inverse", "1/t", "η = lr / (1 + t/n)", "Robbins & Monro, 1951", (_EVERY,), _inverse),
)


def _warmed(plain: Schedule) -> Schedule:
    """Return a schedule that begins with a linear warm-up (Goyal et al., arXiv:1706.02677)."""
    alone = plain.key == CONSTANT
    shifted = "t−W for t, N−W for N" if plain.key == "cosine" else "t−W for t"
    rest = f"then {_RATE}" if alone else f"then, with {shifted}:\n{plain.formula}"
    return Schedule(
        key=WARMUP if alone else f"{WARMUP}-{plain.key}",
        label="warm-up" if alone else f"warm-up, {plain.label}",
        formula=f"t < W: η = lr·(t+1)/W\n{rest}",
        source="Goyal et al., arXiv:1706.02677",
        needs=(*plain.needs, _WARM),
        shape=plain.shape,
        warm=True,
    )


SCHEDULES: dict[str, Schedule] = {found.key: found for found in (*_PLAIN, *map(_warmed, _PLAIN))}


def schedule_choice(key: str, **more: Any) -> Parameter:
    """Declare the schedule of an optimizer's learning rate."""
    doc = "How the learning rate changes over the run; warmup- means a linear warm-up first"
    return choice(key, "schedule", CONSTANT, doc, SCHEDULES, live=True, **more)


def shared_settings() -> tuple[Parameter, ...]:
    """Declare the settings of all schedules, each used where a schedule in force needs it."""
    every = "n: updates between drops of step; in as many, exponential falls by γ and 1/t, at first, to a half"
    length = "N: updates until cosine is at its floor, warm-up included; it stays there"
    floor = "φ: share of the learning rate at which cosine ends"
    found = (
        _updates(_EVERY, "schedule every n", 1000, every),
        _updates(_LENGTH, "schedule length N", 2000, length),
        number(_FACTOR, "schedule factor γ", 0.1, "γ: factor of every drop", 1e-3, 1.0, scale=Scale.LOG, live=True),
        number(_FLOOR, "schedule floor φ", 0.01, floor, 0.0, 1.0, live=True),
        _updates(_WARM, "warm-up W", 200, "W: updates in which the learning rate rises to what is set"),
    )
    return tuple(replace(p, where=_Needed(p.key)) for p in found)


def _updates(key: str, label: str, default: int, doc: str) -> Parameter:
    return integer(key, label, default, doc, 1, _MOST_UPDATES, scale=Scale.LOG, unit="updates", live=True)


@dataclass(frozen=True, slots=True)
class _Needed:
    """Tells whether a schedule in use needs a setting; equal for equal keys, as declarations are compared."""

    key: str

    def __call__(self, values: Mapping[str, Any]) -> bool:
        return self.key in needed(values)


def lengths(iterations: int) -> dict[str, int]:
    """Return the settings that count updates, made for a run of so many, as far as they go."""
    iterations = min(iterations, _MOST_UPDATES)
    return {_EVERY: (iterations + 1) // 2, _LENGTH: iterations, _WARM: max(1, iterations // 10)}


def in_use(values: Mapping[str, Any]) -> tuple[Schedule, ...]:
    """Return the schedules of the lanes that are on, each once."""
    names = values.get("lanes", ())
    owners = (values["optimizer"],) if "optimizer" in values else names
    keys = [name for name in names if name in SCHEDULES]
    keys = keys or [values.get(f"{owner}.schedule", CONSTANT) for owner in owners]
    return tuple(SCHEDULES[key] for key in dict.fromkeys(keys))


def needed(values: Mapping[str, Any]) -> set[str]:
    """Return the keys of the settings that the schedules in use need."""
    return {key for found in in_use(values) for key in found.needs}


def plan_of(key: str, values: Mapping[str, Any]) -> Plan:
    """Return a schedule with the settings in force; those that it does not need are left as they are by default.

    So plans that give the same factors are equal.
    """
    names = {_EVERY: "every", _LENGTH: "length", _FACTOR: "gamma", _FLOOR: "floor", _WARM: "warmup"}
    return Plan(key, **{names[need]: values[need] for need in SCHEDULES[key].needs})
