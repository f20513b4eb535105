"""A lane is one contestant of an experiment: its name, look, optimizer, initial weights and regularization.

Lanes are resolved from a configuration by a pure function; engine, legend and exports all use the result.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

import numpy as np

from core.initializers import initializer
from core.optimizers import OPTIMIZERS, Optimizer
from core.regularization import look_of, parts_label, parts_of
from core.schedules import SCHEDULES
from core.trials import full_key, trials_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

_INITIAL_LOOKS = {
    "zeros": ("#7F7F7F", "+"),
    "normal-0.01": ("#D55E00", "x"),
    "normal-1": ("#CC79A7", "*"),
    "xavier": ("#009E73", "s"),
    "he": ("#0072B2", "o"),
}
_SCHEDULE_LOOKS = {
    "constant": ("#0072B2", "o"),
    "step": ("#D55E00", "x"),
    "exponential": ("#009E73", "^"),
    "cosine": ("#CC79A7", "s"),
    "inverse": ("#E69F00", "*"),
    "warmup": ("#56B4E9", "D"),
    "warmup-step": ("#A6761D", "+"),
    "warmup-exponential": ("#7F7F7F", "p"),
    "warmup-cosine": ("#8C6BB1", "h"),
    "warmup-inverse": ("#7F7F7F", "D"),
}
_OTHER_LOOKS = (("#E69F00", "^"), ("#56B4E9", "D"), ("#8C6BB1", "p"), ("#A6761D", "h"))
_ACTIVATION_LABELS = {"relu": "ReLU", "sigmoid": "sigmoid", "tanh": "tanh"}


class Axis(Enum):
    """What the lanes of an experiment differ in."""

    OPTIMIZER = "optimizer"
    INITIAL_WEIGHTS = "initial weights"
    ACTIVATION = "activation and initial weights"
    BATCHNORM = "weight scale and BatchNorm"
    REGULARIZATION = "regularization"
    SCHEDULE = "learning-rate schedule"
    TRIAL = "searched hyperparameters"
    CELL = "one setting of a map"


@dataclass(frozen=True, slots=True)
class Lane:
    """One contestant: `name` in files, `label` on screen, one colour and marker everywhere.

    `own` are values that it has by itself, by their full keys; all others are the configuration's.
    """

    name: str
    label: str
    colour: str
    marker: str
    optimizer: str = "sgd"
    init: str = "he"
    activation: str = "relu"
    batchnorm: bool = False
    own: tuple[tuple[str, Any], ...] = ()

    def value(self, key: str, values: Mapping[str, Any]) -> Any:
        """Return the lane's value of a key: its own, or else that of the configuration, or else 0."""
        return next((value for name, value in self.own if name == key), values.get(key, 0.0))


def lanes_of(values: Mapping[str, Any], axis: Axis) -> tuple[Lane, ...]:
    """Return the lanes that the values ask for, in the order of their names."""
    if axis is Axis.TRIAL:
        return tuple(_trial_lane(number, found, values) for number, found in enumerate(trials_of(values), 1))
    if axis is Axis.CELL:
        return (_optimizer_lane(values["optimizer"], values, 0),)
    names = values["lanes"]
    if axis is Axis.ACTIVATION:
        names = names or (f"{values['activation']}-{values['init']}",)
    if axis is Axis.BATCHNORM:
        names = names or tuple(f"{_scale_name(values['init'])}-{kind}" for kind in BATCHNORM_KINDS)
    return tuple(_MAKERS[axis](name, values, order) for order, name in enumerate(names))


def shared_value(lanes: Sequence[Lane], key: str, values: Mapping[str, Any]) -> float | NDArray[np.float64]:
    """Return a number if all lanes have the same, else an array `(lanes, 1)`."""
    found = [lane.value(key, values) for lane in lanes]
    return found[0] if len(set(found)) == 1 else np.array(found, float)[:, None]


def optimizer_of(lanes: Sequence[Lane], values: Mapping[str, Any]) -> Optimizer:
    """Return the one optimizer of some lanes, with each lane's hyperparameters."""
    rule = OPTIMIZERS[lanes[0].optimizer]
    return rule(**{p.key: shared_value(lanes, f"{rule.key}.{p.key}", values) for p in rule.hyperparameters})


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


BATCHNORM_KINDS = ("bn", "plain")
_BATCHNORM_LOOKS = {"bn": ("BatchNorm", "#0072B2", "o"), "plain": ("plain", "#D55E00", "x")}


def split_scale(name: str) -> tuple[str, str]:
    """Split `sigma-<scale>-bn` or `-plain` into the name of initial weights and `bn` or `plain`; raises ValueError.

    The scale is a number, or xavier, he or zeros.
    """
    start, _, kind = name.rpartition("-")
    word, _, scale = start.partition("-")
    if word != "sigma" or kind not in BATCHNORM_KINDS:
        raise ValueError(f"{name!r} is not sigma-<σ>-bn or sigma-<σ>-plain")
    return initializer(scale if scale in _BATCHNORM_WORDS else f"normal-{scale}").name, kind


_BATCHNORM_WORDS = ("zeros", "xavier", "he")


def scale_name(name: str) -> str:
    """Return the one way to write `sigma-<scale>-bn` or `-plain`: 3 significant digits. Raises ValueError."""
    init, kind = split_scale(name)
    return f"{_scale_name(init)}-{kind}"


def _scale_name(init: str) -> str:
    return f"sigma-{_three_digits(init)}"


def _three_digits(init: str) -> str:
    word, _, number = init.partition("-")
    return f"{float(number):.3g}" if number else word


def _batchnorm_lane(name: str, values: Mapping[str, Any], order: int) -> Lane:
    init, kind = split_scale(name)
    if not values["lanes"]:
        init = values["init"]  # all of its digits, where the name has three
    words, colour, marker = _BATCHNORM_LOOKS[kind]
    label = f"{initializer(init).label}, {words}" if values["lanes"] else words
    network = {**_network(values), "init": init, "batchnorm": kind == "bn"}
    return Lane(name, label, colour, marker, optimizer=values["optimizer"], **network)


def _regularization_lane(name: str, values: Mapping[str, Any], order: int) -> Lane:
    own, look = parts_of(name), look_of(name)
    network = {**_network(values), "optimizer": values["optimizer"]}
    return Lane(name, parts_label(name), *look, own=tuple(own.items()), **network)


def _schedule_lane(name: str, values: Mapping[str, Any], order: int) -> Lane:
    optimizer, look = values["optimizer"], _SCHEDULE_LOOKS[name]
    own = ((f"{optimizer}.schedule", name),)
    return Lane(name, SCHEDULES[name].label, *look, optimizer=optimizer, own=own, **_network(values))


def _trial_lane(number: int, found: Mapping[str, float], values: Mapping[str, Any]) -> Lane:
    optimizer = values["optimizer"]
    own = tuple((full_key(name, optimizer) or name, value) for name, value in found.items())
    name, label = f"trial-{number}", f"trial {number}"
    return Lane(name, label, "#0072B2", "o", optimizer=optimizer, own=own, **_network(values))


_MAKERS: dict[Axis, Callable[[str, Mapping[str, Any], int], Lane]] = {
    Axis.OPTIMIZER: _optimizer_lane,
    Axis.INITIAL_WEIGHTS: _initial_lane,
    Axis.ACTIVATION: _activation_lane,
    Axis.BATCHNORM: _batchnorm_lane,
    Axis.REGULARIZATION: _regularization_lane,
    Axis.SCHEDULE: _schedule_lane,
}


def _network(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: values[key] for key in ("init", "activation", "batchnorm") if key in values}


def _initial_look(name: str, order: int) -> tuple[str, str]:
    return _INITIAL_LOOKS.get(name, _OTHER_LOOKS[order % len(_OTHER_LOOKS)])
