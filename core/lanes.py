"""A lane is one contestant of an experiment: its name, look, optimizer, initial weights and regularization.

Lanes are resolved from a configuration by a pure function; engine, legend and exports all use the result.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from core.initializers import initializer
from core.optimizers import OPTIMIZERS, Optimizer

if TYPE_CHECKING:
    from collections.abc import Mapping

_INITIAL_LOOKS = {
    "zeros": ("#7F7F7F", "+"),
    "normal-0.01": ("#D55E00", "x"),
    "normal-1": ("#CC79A7", "*"),
    "xavier": ("#009E73", "s"),
    "he": ("#0072B2", "o"),
}
_OTHER_LOOKS = (("#E69F00", "^"), ("#56B4E9", "D"), ("#8C6BB1", "p"), ("#A6761D", "h"))
_ACTIVATION_LABELS = {"relu": "ReLU", "sigmoid": "sigmoid", "tanh": "tanh"}


class Axis(Enum):
    """What the lanes of an experiment differ in."""

    OPTIMIZER = "optimizer"
    INITIAL_WEIGHTS = "initial weights"
    ACTIVATION = "activation and initial weights"


@dataclass(frozen=True, slots=True)
class Lane:
    """One contestant: `name` in files, `label` on screen, one colour and marker everywhere."""

    name: str
    label: str
    colour: str
    marker: str
    optimizer: str = "sgd"
    init: str = "he"
    activation: str = "relu"
    batchnorm: bool = False
    l2: float = 0.0


def lanes_of(values: Mapping[str, Any], axis: Axis) -> tuple[Lane, ...]:
    """Return the lanes that the values ask for, in the order of their names."""
    make = {
        Axis.OPTIMIZER: _optimizer_lane,
        Axis.INITIAL_WEIGHTS: _initial_lane,
        Axis.ACTIVATION: _activation_lane,
    }[axis]
    names = values["lanes"] or (f"{values['activation']}-{values['init']}",)
    return tuple(make(name, values, order) for order, name in enumerate(names))


def optimizer_of(lane: Lane, values: Mapping[str, Any]) -> Optimizer:
    """Return the lane's optimizer with the hyperparameters that the values give it."""
    rule = OPTIMIZERS[lane.optimizer]
    return rule(**{p.key: values[f"{rule.key}.{p.key}"] for p in rule.hyperparameters})


def _optimizer_lane(name: str, values: Mapping[str, Any], order: int) -> Lane:
    rule = OPTIMIZERS[name]
    return Lane(name, rule.label, rule.colour, rule.marker, optimizer=name, **_network(values))


def _initial_lane(name: str, values: Mapping[str, Any], order: int) -> Lane:
    rule = initializer(name)
    network = {**_network(values), "init": rule.name}
    return Lane(rule.name, rule.label, *_initial_look(rule.name, order), optimizer=values["optimizer"], **network)


def _activation_lane(name: str, values: Mapping[str, Any], order: int) -> Lane:
    activation, rule = split_activation(name)
    label = f"{_ACTIVATION_LABELS[activation]}, {rule.label}"
    network = {**_network(values), "init": rule.name, "activation": activation}
    return Lane(f"{activation}-{rule.name}", label, *_initial_look(rule.name, order), **network)


def split_activation(name: str) -> tuple[str, Any]:
    """Split `<activation>-<init>` into its activation's key and its Initializer; raises ValueError."""
    activation, _, rest = name.partition("-")
    if activation not in _ACTIVATION_LABELS:
        raise ValueError(f"{name!r} does not start with one of {', '.join(_ACTIVATION_LABELS)}")
    return activation, initializer(rest)


def activation_name(name: str) -> str:
    """Return the one way to write `<activation>-<init>`; raises ValueError for a name that says neither."""
    activation, rule = split_activation(name)
    return f"{activation}-{rule.name}"


def _network(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: values[key] for key in ("init", "activation", "batchnorm", "l2") if key in values}


def _initial_look(name: str, order: int) -> tuple[str, str]:
    return _INITIAL_LOOKS.get(name, _OTHER_LOOKS[order % len(_OTHER_LOOKS)])
