"""Optimizers as classes of a script, made from the rules that they declare: one line of the rule, one of Python."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from core.expressions import parse
from core.optimizers import OPTIMIZERS, SCRATCH
from core.scripts.writing import (
    ScriptError,
    assignment,
    fill,
    hugged,
    indented,
    keywords,
    literal,
    terms,
    wrapped,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from core.optimizers import Optimizer

_GREEK = {"α": "alpha", "β": "beta", "γ": "gamma", "ε": "eps", "η": "eta", "λ": "lambda_", "μ": "mu", "ρ": "rho"}
_GREEK |= {"σ": "sigma", "φ": "phi", "ψ": "psi", "Δ": "delta_", "Π": "product", "ₙ": "_next"}
_CORRECTED = ("\u0302", "′")  # without its bias: m̂ or m′


@dataclass(frozen=True, slots=True)
class Line:
    """One assignment of a rule; `scalar` says that it is one number for all parameters, not one for each."""

    target: str
    right: str
    scalar: bool


@dataclass(frozen=True, slots=True)
class Rule:
    """A declared rule, taken apart.

    `hyper` and `state` give the key of each symbol; `single` are the symbols of the state that are one number, with
    what they start from. Every array of the state starts from 0.
    """

    lines: tuple[Line, ...]
    hyper: Mapping[str, str]
    state: Mapping[str, str]
    single: Mapping[str, float]

    @property
    def arrays(self) -> dict[str, str]:
        """Symbols and keys of what is kept of every parameter by itself."""
        return {symbol: key for symbol, key in self.state.items() if symbol not in self.single}

    @property
    def counts(self) -> bool:
        """Whether it needs the number of the update."""
        return any("t" in names_of(self, line.right) for line in self.lines)


def names_of(rule: Rule, text: str) -> tuple[str, ...]:
    """Return the symbols that a right side uses."""
    targets = (line.target for line in rule.lines)
    return parse(text, _allowed({**rule.hyper, **rule.state}, targets)).names


def _allowed(symbols: Mapping[str, str], targets: Any) -> list[str]:
    return [*symbols, "θ", "g", "t", *targets]


@cache
def rule_of(optimizer: str) -> Rule:
    """Return an optimizer's rule; raises ScriptError for one that its declaration does not say in full."""
    declared = OPTIMIZERS[optimizer]
    hyper = {parameter.symbol: parameter.key for parameter in declared.hyperparameters}
    start = {key: value for key, value in declared().init(np.ones((1, 2))).items() if key not in (*SCRATCH, "t")}
    called = dict(declared.symbols)
    state = {called.get(key, key): key for key in start}
    single = {called.get(key, key): float(np.ravel(value)[0]) for key, value in start.items() if np.size(value) == 1}
    if any(np.any(value) for key, value in start.items() if called.get(key, key) not in single):
        raise ScriptError(f"{declared.label}: no script yet for a state that does not start from 0")
    return Rule(_lines(declared, {**hyper, **state}, single), hyper, state, single)


def _lines(declared: type[Optimizer], symbols: Mapping[str, str], single: Mapping[str, float]) -> tuple[Line, ...]:
    pairs = [tuple(part.strip() for part in line.split("←", 1)) for line in declared.rule]
    allowed = _allowed(symbols, (target for target, _ in pairs))
    lines: list[Line] = []
    scalar = {*single, "t", *(parameter.symbol for parameter in declared.hyperparameters)}
    for target, right in pairs:
        alone = target != "θ" and set(parse(right, allowed).names) <= scalar
        scalar = {*scalar, target} if alone else scalar - {target}
        lines.append(Line(target, right, alone))
    return tuple(lines)


def identifier(symbol: str) -> str:
    """Return a symbol as a name in Python: `m̂` is `m_hat`, `β₁` is `beta1`, `vₘₐₓ` is `vmax`."""
    found = ""
    for letter in unicodedata.normalize("NFD", symbol):
        found += "_hat" if letter in _CORRECTED else _GREEK.get(letter) or unicodedata.normalize("NFKC", letter)
    return found


def settings_of(optimizer: str, values: Mapping[str, Any]) -> dict[str, float]:
    """Return an optimizer's hyperparameters by their short keys."""
    return {p.key: values[f"{optimizer}.{p.key}"] for p in OPTIMIZERS[optimizer].hyperparameters}


def class_name(optimizer: str) -> str:
    """Return the name of an optimizer's class."""
    return OPTIMIZERS[optimizer].__name__


def _statement(target: str, right: str, indent: int) -> str:
    """Return an assignment, in place where the right side begins with its target."""
    first, *rest = terms(right)
    if rest and first[1] == target:
        sign = rest[0][0]
        return assignment(target, sign, [("+" if one == sign else "-", part) for one, part in rest], indent)
    if not rest and right.startswith(f"{target} * "):
        return f"{target} *= {right.removeprefix(f'{target} * ')}"
    return assignment(target, "", [first, *rest], indent)


_NUMPY = '''
class $name:
    """$summary

    $formula
    """

$head
        $settings
        $state

    def update(self, params, grads):
#if counts
        self.t += 1
#end
        $once
        for key, g in grads.items():
            $each
'''


def numpy_class(optimizer: str) -> str:
    """Return an optimizer as a class whose `update(params, grads)` changes arrays, or numbers, by their keys."""
    rule = rule_of(optimizer)
    names = {symbol: f"self.{key}" for symbol, key in {**rule.hyper, **rule.state}.items()}
    names |= {symbol: f"self.{key}[key]" for symbol, key in rule.arrays.items()}
    names |= {"θ": "params[key]", "g": "g", "t": "self.t"}
    once, each = _bodies(rule, names, "np", (8, 12))
    start = [f"self.{key} = defaultdict(float)" for key in rule.arrays.values()]
    return fill(_NUMPY, _flags(rule), **_common(optimizer, ["self"], start), once=once, each=each)


def _settings(keys: list[str]) -> str:
    if not keys:
        return ""
    targets, values = ", ".join(f"self.{key}" for key in keys), ", ".join(keys)
    line = f"{targets} = {values}"
    return line if len(line) <= 80 else "\n".join(f"self.{key} = {key}" for key in keys)


def _bodies(rule: Rule, names: Mapping[str, str], module: str, indents: tuple[int, int]) -> tuple[str, str]:
    """Return the statements that come once in an update and those that come for every parameter."""
    targets = [line.target for line in rule.lines]
    allowed = list(dict.fromkeys(_allowed({**rule.hyper, **rule.state}, targets)))
    places = {symbol: f"place{number}_" for number, symbol in enumerate(allowed)}
    texts = {places[symbol]: names.get(symbol) or identifier(symbol) for symbol in allowed}
    bodies: tuple[list[str], list[str]] = ([], [])
    for line in rule.lines:
        source = parse(line.right, allowed).code(places, "math" if line.scalar else module)
        right = hugged(re.sub(r"place\d+_", lambda found: texts[found[0]], source))
        bodies[not line.scalar].append(_statement(texts[places[line.target]], right, indents[not line.scalar]))
    return "\n".join(bodies[0]), "\n".join(bodies[1])


_TORCH = '''
class $name(torch.optim.Optimizer):
    """$summary

    $formula
    """

$head
        super().__init__(params, {"lr": lr})
        $settings
        $state

    @torch.no_grad()
    def step(self):
#if counts
        self.t += 1
#end
        $once
        for group in self.param_groups:
            for theta in group["params"]:
                $gradient
#if arrays
                if not state:
                    $zeros
#end
                $each
'''


def torch_class(optimizer: str) -> str:
    """Return an optimizer as a `torch.optim.Optimizer`, for a rule that PyTorch does not have."""
    rule = rule_of(optimizer)
    names = {symbol: f"self.{key}" for symbol, key in {**rule.hyper, **rule.state}.items()}
    names |= {symbol: f'state["{key}"]' for symbol, key in rule.arrays.items()}
    names |= {"θ": "theta", "g": "g", "t": "self.t", "lr": 'group["lr"]'}
    once, each = _bodies(rule, names, "torch", (8, 16))
    return fill(
        _TORCH,
        _flags(rule),
        **_common(optimizer, ["self", "params"], [], ("lr",)),
        gradient="g, state = theta.grad, self.state[theta]" if rule.arrays else "g = theta.grad",
        zeros="\n".join(f'state["{key}"] = torch.zeros_like(theta)' for key in rule.arrays.values()),
        once=once,
        each=each,
    )


def _flags(rule: Rule) -> set[str]:
    return {*(["counts"] * rule.counts), *(["arrays"] * bool(rule.arrays))}


def _common(optimizer: str, first: list[str], state: list[str], apart: Collection[str] = ()) -> dict[str, str]:
    """Return the texts that both kinds of classes have."""
    rule, declared = rule_of(optimizer), OPTIMIZERS[optimizer]
    defaults = {parameter.key: parameter.default for parameter in declared.hyperparameters}
    singles = [f"self.{rule.state[symbol]} = {literal(value)}" for symbol, value in rule.single.items()]
    return {
        "name": declared.__name__,
        "summary": f"{declared.label} ({declared.source}).",
        "formula": declared.formula,
        "head": indented(wrapped("def __init__(", [*first, *keywords(defaults)], "):", 4), 4),
        "settings": _settings([key for key in defaults if key not in apart]),
        "state": "\n".join([*state, *singles, *["self.t = 0"] * rule.counts]),
    }
