"""The declared parameters of each experiment; a preset sets other defaults but adds no keys."""

from __future__ import annotations

from dataclasses import replace

from core.initializers import NAMES, initializer_name
from core.lanes import Axis, activation_name
from core.optimizers import OPTIMIZERS
from core.parameters import Kind, Parameter, Scale, choice, flag, integer, number
from core.statistics import FITTED, FIXED
from core.surfaces import SURFACES

_ACTIVATIONS = ("relu", "sigmoid", "tanh")
_INITS = ("zeros", "normal-1", "normal-0.01", "xavier", "he")
_OTHER_SIGMA = "normal-<σ>"


def paths_parameters() -> tuple[Parameter, ...]:
    """Declare what determines paths on a surface."""
    start = "Where every lane starts; click or drag on the map to set it"
    return (
        _optimizer_lanes(),
        choice("surface", "surface", "quadratic", "Function to descend on", SURFACES),
        number(
            "anisotropy",
            "anisotropy",
            20.0,
            "Ratio of the two curvatures of the quadratic: 1 is round, 20 is the chapter's valley",
            1.0,
            1000.0,
            scale=Scale.LOG,
            only_if=("surface", "quadratic"),
        ),
        Parameter("start", "start", (-7.0, 2.0), start, Kind.POINT, -1000.0, 1000.0),
        integer("iterations", "steps", 29, "Updates of every lane", 1, 10_000, scale=Scale.LOG),
        *_hyperparameters(None),
    )


def training_parameters(axis: Axis) -> tuple[Parameter, ...]:
    """Declare what determines a training race whose lanes differ along `axis`."""
    if axis is Axis.OPTIMIZER:
        lanes, chosen = (_optimizer_lanes(), _init()), None
    else:
        doc = "Optimizer of every lane"
        optimizer = choice("optimizer", "optimizer", "sgd", doc, OPTIMIZERS)
        lanes, chosen = (_initial_lanes(), optimizer), "optimizer"
    return (*lanes, *_network_parameters(), *_run_parameters(), *_hyperparameters(chosen))


def propagation_parameters() -> tuple[Parameter, ...]:
    """Declare what determines activations of untrained networks."""
    ranges = "Range of the activation function, or the one that holds every value of every layer"
    return (
        Parameter(
            "lanes",
            "networks",
            (),
            "Networks <activation>-<initial weights> to measure; empty: the one chosen below",
            Kind.NAMES,
            length=(0, 40),
            matches=activation_name,
            choices=tuple(f"{a}-{i}" for a in _ACTIVATIONS for i in _INITS),
            more=f"<activation>-{_OTHER_SIGMA}",
        ),
        choice("activation", "activation", "sigmoid", "Activation function of every layer", _ACTIVATIONS),
        replace(_init(), default="normal-1"),
        flag("batchnorm", "BatchNorm", False, "Batch Normalization before each activation"),
        _hidden((100,) * 5, 30, widest=300),
        integer("inputs", "inputs", 1000, "Standard normal input vectors sent through", 8, 2000, scale=Scale.LOG),
        choice("range", "range", FIXED, ranges, (FIXED, FITTED)),
        integer("bins", "bins", 30, "Bins of each histogram", 5, 200),
        _seed(),
    )


def _optimizer_lanes() -> Parameter:
    names = tuple(OPTIMIZERS)
    return Parameter("lanes", "optimizers", names, "Optimizers that race", Kind.NAMES, choices=names)


def _initial_lanes() -> Parameter:
    doc = "Initial weights that race"
    default = ("normal-0.01", "xavier", "he")
    return Parameter(
        "lanes",
        "initial weights",
        default,
        doc,
        Kind.NAMES,
        choices=_INITS,
        matches=initializer_name,
        more=_OTHER_SIGMA,
    )


def _init() -> Parameter:
    doc = f"Standard deviation of the Gaussian initial weights: {NAMES}"
    return Parameter(
        "init", "initial weights", "he", doc, Kind.NAME, choices=_INITS, matches=initializer_name, more=_OTHER_SIGMA
    )


def _hidden(default: tuple[int, ...], deepest: int, widest: int = 1000) -> Parameter:
    doc = "Units of each hidden layer, from the inputs on"
    return Parameter("hidden", "hidden layers", default, doc, Kind.INTS, 1, widest, unit="units", length=(1, deepest))


def _seed() -> Parameter:
    return integer("seed", "seed", 0, "Determines every random draw: equal seeds give equal bits", 0, 2**31 - 1)


def _network_parameters() -> tuple[Parameter, ...]:
    l2 = "λ: adds λ/2·ΣW² to what is minimised, over weights only; the loss shown leaves it out"
    return (
        _hidden((100,) * 4, 20),
        choice("activation", "activation", "relu", "Activation function of the hidden layers", _ACTIVATIONS),
        flag("batchnorm", "BatchNorm", False, "Batch Normalization before each hidden activation"),
        number("l2", "weight decay λ", 0.0, l2, 0.0, 10.0, live=True),
    )


def _run_parameters() -> tuple[Parameter, ...]:
    return (
        integer("batch", "mini-batch", 128, "Images of a mini-batch", 1, 1000, scale=Scale.LOG, unit="images"),
        integer("iterations", "iterations", 2000, "Updates of every lane", 1, 1_000_000, scale=Scale.LOG, live=True),
        integer(
            "evaluate",
            "evaluate",
            1,
            "Epochs between measurements of the accuracies; 0 for never",
            0,
            1000,
            unit="epochs",
        ),
        _seed(),
    )


def _hyperparameters(chooser: str | None) -> tuple[Parameter, ...]:
    """Declare every optimizer's own, as `<optimizer>.<key>`; used only while `chooser` names that optimizer."""
    return tuple(
        replace(p, key=f"{rule.key}.{p.key}", only_if=(chooser, rule.key) if chooser else None)
        for rule in OPTIMIZERS.values()
        for p in rule.hyperparameters
    )
