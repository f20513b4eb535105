"""The declared parameters of each experiment; a preset sets other defaults but adds no keys."""

from __future__ import annotations

from dataclasses import replace

from core.initializers import NAMES, initializer_name
from core.lanes import BATCHNORM_KINDS, Axis, activation_name, scale_name
from core.optimizers import OPTIMIZERS
from core.own_surface import DEFAULT, FARTHEST, FORMULA_WORDS, NARROWEST, OWN, formula
from core.parameters import Kind, Parameter, Scale, choice, flag, integer, number
from core.regularization import NAMES as REGULARIZATIONS
from core.regularization import regularization_name
from core.schedules import SCHEDULES, schedule_choice, shared_settings
from core.statistics import FITTED, FIXED
from core.surfaces import SURFACES
from core.trials import GRID, RANDOM, dropout, searchable, weight_decay

_ACTIVATIONS = ("relu", "sigmoid", "tanh")
_INITS = ("zeros", "normal-1", "normal-0.01", "xavier", "he")
_OTHER_SIGMA = "normal-<σ>"


def paths_parameters() -> tuple[Parameter, ...]:
    """Declare what determines paths on a surface."""
    start = "Where every lane starts; click or drag on the map to set it"
    return (
        _optimizer_lanes(),
        choice("surface", "surface", "quadratic", "Function to descend on; own: one that you type", (*SURFACES, OWN)),
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
        *_own_function(),
        Parameter("start", "start", (-7.0, 2.0), start, Kind.POINT, -1000.0, 1000.0),
        integer("iterations", "steps", 29, "Updates of every lane", 1, 10_000, scale=Scale.LOG),
        *_hyperparameters(None),
    )


def _own_function() -> tuple[Parameter, ...]:
    """Declare a function that somebody types, and where it is looked at."""
    used = ("surface", OWN)
    known = "numbers, + − * / ^, brackets, |x|, √, pi, e, sin, cos, exp, ln and others"
    doc = f"Function of x and y to descend on: {known}. Its gradient is exact"
    text = Parameter(
        "function", "f(x, y)", DEFAULT.text, doc, Kind.FORMULA, only_if=used, matches=formula, more=FORMULA_WORDS
    )
    domain = (
        Parameter(
            f"domain.{axis}",
            f"{axis} from … to",
            ends,
            f"Where the function is drawn and its minima are looked for, along {axis}",
            Kind.RANGE,
            -FARTHEST,
            FARTHEST,
            only_if=used,
            width=NARROWEST,
        )
        for axis, ends in (("x", DEFAULT.x), ("y", DEFAULT.y))
    )
    return (text, *domain)


def training_parameters(axis: Axis) -> tuple[Parameter, ...]:
    """Declare what determines a training race whose lanes differ along `axis`."""
    if axis is Axis.OPTIMIZER:
        parts = [_optimizer_lanes(), _init(), *_network_parameters(), *_run_parameters(), *_hyperparameters(None)]
        return tuple(parts)
    lanes = {
        Axis.INITIAL_WEIGHTS: _initial_lanes,
        Axis.BATCHNORM: _batchnorm_lanes,
        Axis.REGULARIZATION: _regularization_lanes,
        Axis.SCHEDULE: _schedule_lanes,
    }[axis]()
    parts = [lanes, _init(), *_network_parameters(), chosen_optimizer(), *_hyperparameters("optimizer")]
    parts += [_images(), *_run_parameters()]
    if axis is Axis.BATCHNORM:
        parts[1] = replace(parts[1], only_if=("lanes", ""))
    given: tuple[str, ...] = {Axis.INITIAL_WEIGHTS: ("init", "images"), Axis.BATCHNORM: ("batchnorm",)}.get(axis, ())
    if axis is Axis.SCHEDULE:
        given = ("images", *(f"{key}.schedule" for key in OPTIMIZERS))
    strengths = ("l2", "l1", "dropout")  # where the lanes differ in them, another one is another lane
    return tuple(
        replace(p, live=False) if axis is Axis.REGULARIZATION and p.key in strengths else p
        for p in parts
        if p.key not in given
    )


def search_parameters() -> tuple[Parameter, ...]:
    """Declare what determines a search for hyperparameters."""
    names = searchable()
    every = "at random, or evenly on a grid with as many values on each axis as the budget of trials allows"
    halving = "At a tenth of the run and whenever it has become three times as long, only the best third goes on"
    ranges = (
        Parameter(
            f"search.{name}",
            f"{name} range",
            p.search,
            f"Between what {p.label} is searched",
            Kind.RANGE,
            p.low,
            p.high,
            p.scale,
            only_if=("search", name),
        )
        for name, p in names.items()
    )
    return (
        choice("method", "method", RANDOM, f"How trials are chosen: {every}", (RANDOM, GRID)),
        integer("trials", "trials", 100, "Networks that train at the same time", 1, 1000, scale=Scale.LOG),
        integer("epochs", "epochs", 50, "Passes over the training images", 1, 1000, scale=Scale.LOG),
        Parameter(
            "search",
            "searched",
            ("lr", "l2"),
            "Hyperparameters that trials differ in; all others have the values below",
            Kind.NAMES,
            choices=tuple(names),
            length=(1, 4),
        ),
        *ranges,
        flag("halving", "stop early", False, halving),
        integer("stage", "stage", 0, "Further random draws: 0 for the coarse search, 1 and on inside of it", 0, 1000),
        _init(),
        *(replace(p, unless=("search", p.key)) for p in _network_parameters()),
        chosen_optimizer(),
        *_hyperparameters("optimizer", searched=True),
        _images(500),
        *(p for p in _run_parameters() if p.key not in ("seeds", "iterations")),
        integer("iterations", "iterations", 0, "Updates of every trial; 0: as many as the epochs take", 0, 1_000_000),
    )


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


def _batchnorm_lanes() -> Parameter:
    doc = "Networks sigma-<scale>-bn and sigma-<scale>-plain; empty: both at the initial weights chosen below"
    scales = tuple(f"sigma-{scale}-{kind}" for scale in ("he", "xavier") for kind in BATCHNORM_KINDS)
    return Parameter(
        "lanes",
        "networks",
        (),
        doc,
        Kind.NAMES,
        length=(0, 64),
        choices=scales,
        matches=scale_name,
        more="sigma-<σ>-bn, sigma-<σ>-plain",
    )


def _regularization_lanes() -> Parameter:
    doc = "Networks that differ in weight decay and Dropout"
    default = ("l2-0", "l2-0.1")
    return Parameter(
        "lanes", "networks", default, doc, Kind.NAMES, length=(1, 12), matches=regularization_name, more=REGULARIZATIONS
    )


def _schedule_lanes() -> Parameter:
    doc = "Schedules of one learning rate that race"
    default = ("constant", "step", "cosine", "warmup-cosine")
    return Parameter("lanes", "schedules", default, doc, Kind.NAMES, choices=tuple(SCHEDULES))


def chosen_optimizer(default: str = "sgd", doc: str = "Optimizer of every lane") -> Parameter:
    """Declare one optimizer among all."""
    words = tuple((key, rule.label) for key, rule in OPTIMIZERS.items())
    return choice("optimizer", "optimizer", default, doc, OPTIMIZERS, words=words)


def _images(default: int = 300) -> Parameter:
    doc = "Images to learn from, the first ones; fewer over-fit more"
    return integer("images", "images", default, doc, 10, 60_000, scale=Scale.LOG)


def _init() -> Parameter:
    doc = f"Standard deviation of the Gaussian initial weights: {NAMES}"
    return Parameter(
        "init",
        "initial weights",
        "he",
        doc,
        Kind.NAME,
        choices=_INITS,
        matches=initializer_name,
        more=_OTHER_SIGMA,
        family=("normal-", 1e-4, 1.0),
    )


def _hidden(default: tuple[int, ...], deepest: int, widest: int = 1000) -> Parameter:
    doc = "Units of each hidden layer, from the inputs on"
    return Parameter("hidden", "hidden layers", default, doc, Kind.INTS, 1, widest, unit="units", length=(1, deepest))


def _seed() -> Parameter:
    return integer("seed", "seed", 0, "Determines every random draw: equal seeds give equal bits", 0, 2**31 - 1)


def _network_parameters() -> tuple[Parameter, ...]:
    l1 = "λ₁: adds λ₁·Σ|W| to what is minimised, over weights only: it pulls all of them to 0 alike"
    return (
        _hidden((100,) * 4, 20),
        choice("activation", "activation", "relu", "Activation function of the hidden layers", _ACTIVATIONS),
        flag("batchnorm", "BatchNorm", False, "Batch Normalization before each hidden activation"),
        dropout(0.0, live=True),
        weight_decay(0.0, live=True),
        number("l1", "L1 decay λ₁", 0.0, l1, 0.0, 1.0, scale=Scale.LOG, live=True),
    )


def _run_parameters() -> tuple[Parameter, ...]:
    return (
        integer("batch", "mini-batch", 128, "Images of a mini-batch", 1, 1000, scale=Scale.LOG, unit="images"),
        integer("iterations", "iterations", 2000, "Updates of every lane", 1, 1_000_000, scale=Scale.LOG, live=True),
        integer(
            "evaluate",
            "evaluate",
            1,
            "Epochs between measurements of the accuracies, or more where that takes longer than training; 0 for never",
            0,
            1000,
            unit="epochs",
        ),
        _seed(),
        integer("seeds", "seeds", 1, "Train every lane with so many seeds, from this one on, for a spread", 1, 12),
    )


def _hyperparameters(chooser: str | None, searched: bool = False) -> tuple[Parameter, ...]:
    """Declare every optimizer's own, as `<optimizer>.<key>`.

    They are used only while `chooser` names that optimizer and, in a search, while they are not searched for. A
    learning rate comes with its schedule, and all schedules with the settings that they share.
    """
    found = []
    for rule in OPTIMIZERS.values():
        used = (chooser, rule.key) if chooser else None
        for p in rule.hyperparameters:
            unless = ("search", p.key) if searched else None
            found.append(replace(p, key=f"{rule.key}.{p.key}", only_if=used, unless=unless))
            if p.key == "lr":
                found.append(schedule_choice(f"{rule.key}.schedule", only_if=used))
    return (*found, *shared_settings())
