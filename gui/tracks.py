"""How positions of a slider stand for values: on a linear or a log scale, as a number of parts, or within a name."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from core.parameters import Kind, Parameter, Scale

_STOPS = 1000
_MOST_INTEGERS = 100_000
_DEEPEST = 12  # what a hand sets one by one; deeper ones are typed


@dataclass(frozen=True, slots=True)
class Track:
    """How a slider's positions 0 to `stops` stand for a parameter's values.

    On a log scale from 0, position 0 is 0 and the rest spans the upper six decades.
    """

    low: float
    high: float
    log: bool
    whole: bool
    stops: int

    @property
    def ends(self) -> tuple[int, int]:
        """The slider's first and last position."""
        return 0, self.stops

    def words(self, label: str) -> tuple[str, str]:
        """Return the slider's accessible name and what its tooltip says."""
        return f"{label} slider", ""

    def moved(self, position: int, _value: object) -> float:
        """Return the value under the slider, whatever it was before."""
        return self.value(position)

    def position(self, value: float) -> int:
        """Return the position nearest to a value."""
        if not self.log:
            share = (value - self.low) / (self.high - self.low)
        elif value < self._least:
            share = 0.0
        else:
            share = math.log(value / self._least) / math.log(self.high / self._least)
        return min(max(round(share * self.stops), 0), self.stops)

    def value(self, position: int) -> float:
        """Return the value at a position, rounded to what a hand on a slider means; the ends are exact."""
        if position <= 0 or position >= self.stops:
            return self.low if position <= 0 else self.high
        share = position / self.stops
        exact = self._least * (self.high / self._least) ** share if self.log else self.low + share * self._span
        return float(round(exact)) if self.whole and exact < 100 else self._rounded(exact)

    @property
    def coarse(self) -> int:
        """How many positions an arrow key goes: a tenth of a decade, or a fiftieth of a linear range."""
        if self.whole and not self.log and self.stops == self._span:
            return 1
        return max(1, round(self.stops / (10 * math.log10(self.high / self._least)) if self.log else self.stops / 50))

    @property
    def _span(self) -> float:
        return self.high - self.low

    @property
    def _least(self) -> float:
        return self.low if self.low > 0 else self.high * 1e-6

    def _rounded(self, exact: float) -> float:
        if self.log:
            return min(max(float(f"{exact:.2g}"), self.low), self.high)
        grain = 1.0 if self.whole else 10.0 ** math.floor(math.log10(self._span / 100))
        return float(f"{round(exact / grain) * grain:.10g}")


@dataclass(frozen=True, slots=True)
class Count:
    """How a slider's position is the number of parts of a value, such as the depth of a network, from `ends` on.

    Parts come and go at the end. A new one is like the last, or like `first` where there is none.
    """

    ends: tuple[int, int]
    first: Any
    coarse: int = 1

    def position(self, value: tuple[Any, ...]) -> int:
        """Return the position nearest to a value's number of parts."""
        return min(max(len(value), self.ends[0]), self.ends[1])

    def words(self, label: str) -> tuple[str, str]:
        """Return the slider's accessible name and what its tooltip says."""
        return f"{label}: how many", f"{label}: how many, from {self.ends[0]} to {self.ends[1]}"

    def moved(self, position: int, value: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the value with as many parts as the position says."""
        last = value[-1] if value else self.first
        return value[:position] + (last,) * (position - len(value))


@dataclass(frozen=True, slots=True)
class Family:
    """How a slider chooses among names that differ in a number, such as `normal-0.01`, on a log scale.

    While another name is chosen, the slider stands in the middle.
    """

    prefix: str
    numbers: Track

    @property
    def ends(self) -> tuple[int, int]:
        """The slider's first and last position."""
        return self.numbers.ends

    @property
    def coarse(self) -> int:
        """How many positions an arrow key goes."""
        return self.numbers.coarse

    def position(self, value: str) -> int:
        """Return the position of a name's number."""
        if not value.startswith(self.prefix):
            return self.numbers.stops // 2
        return self.numbers.position(float(value.removeprefix(self.prefix)))

    def words(self, label: str) -> tuple[str, str]:
        """Return the slider's accessible name and what its tooltip says."""
        first, last = (self.moved(end, None) for end in self.ends)
        return f"{label} slider", f"{label}: {first} to {last}"

    def moved(self, position: int, _value: object) -> str:
        """Return the name with the number under the slider."""
        return f"{self.prefix}{self.numbers.value(position):g}"


def track_of(parameter: Parameter) -> Track | Count | Family | None:
    """Return the slider's mapping, or None for what a slider does not suit."""
    if parameter.family is not None:
        prefix, low, high = parameter.family
        return Family(prefix, Track(low, high, log=True, whole=False, stops=_STOPS))
    return _count_of(parameter) if parameter.kind is Kind.INTS else _scale_of(parameter)


def _count_of(parameter: Parameter) -> Count | None:
    least, most = parameter.length[0], min(parameter.length[1], _DEEPEST)
    if most <= least:
        return None
    first = parameter.default[-1] if parameter.default else int(min(max(parameter.low, 1), parameter.high))
    return Count((least, most), first)


def _scale_of(parameter: Parameter) -> Track | None:
    low, high, whole = parameter.low, parameter.high, parameter.kind is Kind.INT
    log = parameter.scale is Scale.LOG and high > 0 and low >= 0
    numeric = parameter.kind in (Kind.FLOAT, Kind.INT) and math.isfinite(high - low) and high > low
    if not numeric or (whole and not log and high - low > _MOST_INTEGERS):
        return None
    stops = int(high - low) if whole and not log and high - low <= _STOPS else _STOPS
    return Track(low, high, log, whole, stops)
