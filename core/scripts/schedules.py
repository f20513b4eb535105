"""Learning-rate schedules as lines of a script: a function for each that is in use, and the rate of every lane."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from core.rates import plan_of_lane
from core.schedules import CONSTANT, SCHEDULES, WARMUP, Plan
from core.scripts.writing import ScriptError, fill, literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from core.lanes import Lane
    from core.parameters import Configuration

_FUNCTION = '''
def $name(t):
    """Return the factor of the learning rate after t updates.

    $source.
    """
#if warm
    rise = min((t + 1) / $warmup, 1)  # warm-up
#end
#if alone
    return rise
#else
#if warm
    t = max(t - $warmup, 0)
    return rise * $factor
#else
    return $factor
#end
#end
'''


class Schedules:
    """The schedules in use in a run of `total` updates, each distinct one under a name of its own."""

    def __init__(self, configuration: Configuration, total: int) -> None:
        """Find the moments from which other values are in force."""
        changed = {change.iteration for change in configuration.changes if 0 < change.iteration < total}
        self._moments = [(start, configuration.at(start)) for start in (0, *sorted(changed))]
        self._names: dict[Plan, str] = {}
        self._more: list[str] = []

    def rate(self, lane: Lane, base: str = "") -> str:
        """Return a lane's learning rate after `t` updates in Python, `base` being the one that is set.

        Nothing where it has no schedule at any moment.
        """
        plans = [(start, plan_of_lane(lane, values), values) for start, values in self._moments]
        if all(plan.key == CONSTANT for _, plan, _ in plans):
            return ""
        found: list[tuple[int, str]] = []
        for start, plan, values in plans:
            source = base or literal(lane.value(f"{lane.optimizer}.lr", values))
            if plan.key != CONSTANT:
                source += f" * {self._name(plan)}(t)"
            if not found or found[-1][1] != source:
                found.append((start, source))
        if len(found) > 1 and not base:
            return self._piecewise(lane, found)
        result = found[-1][1]
        for (_, source), (end, _) in zip(reversed(found[:-1]), reversed(found[1:]), strict=True):
            result = f"{source} if t < {end} else {result}"
        return result

    def _piecewise(self, lane: Lane, found: Sequence[tuple[int, str]]) -> str:
        """Return the call of a function for what was changed in mid-run."""
        name = f"rate_of_{re.sub(r'[^0-9a-z]+', '_', lane.name)}"
        lines = [f"def {name}(t):", '    """Return the learning rate, which was changed in mid-run."""']
        for (_, source), (end, _) in pairwise(found):
            lines += [f"    if t < {end}:", f"        return {source}"]
        self._more.append("\n".join([*lines, f"    return {found[-1][1]}"]))
        return f"{name}(t)"

    def _name(self, plan: Plan) -> str:
        if plan not in self._names:
            name = plan.key.replace("-", "_")
            same = sum(other.key == plan.key for other in self._names)
            self._names[plan] = f"{name}_{same + 1}" if same else {"step": "step_decay"}.get(name, name)
        return self._names[plan]

    def functions(self) -> list[str]:
        """Return the functions of the schedules that were asked for."""
        return [*(_function(plan, name) for plan, name in self._names.items()), *self._more]


def _function(plan: Plan, name: str) -> str:
    schedule = SCHEDULES[plan.key]
    kind = plan.key.removeprefix(f"{WARMUP}-")
    flags = {*(["warm"] * schedule.warm), *(["alone"] * (kind == WARMUP))}
    factor = "" if kind == WARMUP else _factor(plan, kind)
    factor = f"({factor})" if schedule.warm and kind == "cosine" else factor
    return fill(_FUNCTION, flags, name=name, source=schedule.source, warmup=str(plan.warmup), factor=factor)


def _factor(plan: Plan, kind: str) -> str:
    gamma, floor = literal(plan.gamma), literal(plan.floor)
    factors = {
        "step": f"{gamma} ** (t // {plan.every})",
        "exponential": f"{gamma} ** (t / {plan.every})",
        "cosine": f"{floor} + (1 - {floor}) * (1 + math.cos(math.pi * min(t / {plan.decaying}, 1))) / 2",
        "inverse": f"1 / (1 + t / {plan.every})",
    }
    if kind not in factors:
        raise ScriptError(f"schedule: no script yet for {kind!r}; allowed: {', '.join((CONSTANT, *factors))}")
    return factors[kind]


def rates_table(rates: Mapping[str, str]) -> str:
    """Return the dictionary of the learning rates of lanes that have a schedule."""
    rows = [f"    {literal(name)}: {_callable(rate)}," for name, rate in rates.items()]
    return "\n".join(["RATES = {  # learning rates after t updates", *rows, "}"])


def _callable(rate: str) -> str:
    plain = re.fullmatch(r"(\w+)\(t\)", rate)
    return plain[1] if plain else f"lambda t: {rate}"


def set_rate(rates: Mapping[str, str], lanes: Sequence[Any], target: str, moment: str) -> str:
    """Return the statement that sets a lane's learning rate before an update."""
    if len(rates) == len(lanes) and len(set(rates.values())) == 1:
        return f"{target} = {at(next(iter(rates.values())), moment)}"
    if len(rates) == len(lanes):
        return f"{target} = RATES[name]({moment})"
    return f"if name in RATES:\n    {target} = RATES[name]({moment})" if rates else ""


def alike(rates: Mapping[str, str], lanes: Sequence[Any]) -> bool:
    """Whether all lanes have one and the same rate, so that none has to be looked up."""
    return not rates or (len(rates) == len(lanes) and len(set(rates.values())) == 1)


def at(rate: str, moment: str) -> str:
    """Return a rate at another moment than `t`."""
    return re.sub(r"\bt\b", moment, rate)
