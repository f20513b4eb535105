"""Chapter 6 of "Deep Learning from Scratch" as data: each figure is a preset of an experiment.

A preset says which experiment, what its lanes differ in, which defaults it changes and what to look for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.figures import PATHS, PROPAGATION, SEARCH, STABILITY, TRAINING, Preset
from core.lanes import BATCHNORM_KINDS, Axis
from core.own_surface import DEFAULT, OWN
from core.schedules import lengths
from core.surfaces import SURFACES

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.datasets import Dataset
    from core.experiments.protocol import Experiment
    from core.parameters import Configuration

# The chapter's optimizers; further ones are offered beside them, switched off.
SIX = ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam")
# The chapter's weight scales: 16 from 1 to 1e-4, evenly spaced on a log scale.
SCALES = tuple(10 ** (-4 * i / 15) for i in range(16))


class PresetError(ValueError):
    """A preset that does not exist; the message says which do."""


def _paths(surface: str, title: str, shows: str, look_for: tuple[str, ...], **values: Any) -> Preset:
    name = "optimizer-paths" if surface == "quadratic" else f"paths-{surface}"
    start = DEFAULT.start if surface == OWN else SURFACES[surface].start
    settings = {
        "surface": surface,
        "start": start,
        "lanes": SIX,
        **_further(values["adam__lr"], values["rmsprop__lr"]),
        **{key.replace("__", "."): value for key, value in values.items()},
    }
    return Preset(name, "paths", title, shows, PATHS, Axis.OPTIMIZER, settings, look_for=look_for)


def _further(adam: float, rmsprop: float) -> dict[str, float]:
    """Return settings under which further optimizers keep pace with the chapter's on a surface, once switched on."""
    likes = dict.fromkeys(("adamw.lr", "amsgrad.lr", "nadam.lr", "adamax.lr"), adam)
    return {**likes, "lion.lr": adam / 2, "rmsprop_momentum.lr": rmsprop / 5, "adadelta.eps": 0.001}


_ALL = (
    _paths(
        "quadratic",
        "Six optimizers in a valley",
        "paths of six optimizers on f(x, y) = x²/20 + y²",
        (
            "SGD follows the gradient, which points across the valley, not along it: it zigzags.",
            "Momentum and Nesterov sum up what repeats: across the valley it cancels, along it it grows.",
            "AdaGrad and RMSprop divide each coordinate by the size of its own gradients and head straight on.",
            "Raise the anisotropy and watch which paths change.",
        ),
        sgd__lr=0.95,
        momentum__lr=0.1,
        nesterov__lr=0.1,
        adagrad__lr=1.5,
        rmsprop__lr=0.1,
        adam__lr=0.3,
    ),
    _paths(
        "rosenbrock",
        "The banana",
        "paths along Rosenbrock's curved valley",
        (
            "The valley is found at once; following its bend is what takes time.",
            "Raise SGD's learning rate a little: it leaves the finite numbers within a few steps.",
        ),
        iterations=400,
        sgd__lr=0.001,
        momentum__lr=0.0005,
        nesterov__lr=0.0005,
        adagrad__lr=0.5,
        rmsprop__lr=0.02,
        adam__lr=0.1,
    ),
    _paths(
        "beale",
        "Beale's plateaus",
        "paths over Beale's flat plateaus and sharp walls",
        (
            "On flat ground plain gradient steps are tiny; methods that divide by the gradient's size go on.",
            "Start on another plateau and see who gets stuck.",
        ),
        iterations=200,
        sgd__lr=0.01,
        momentum__lr=0.002,
        nesterov__lr=0.002,
        adagrad__lr=0.5,
        rmsprop__lr=0.05,
        adam__lr=0.1,
    ),
    _paths(
        "himmelblau",
        "Four minima",
        "paths to the four minima of Himmelblau's function",
        (
            "From one start, methods reach different minima: the path decides, not the place.",
            "Drag the start across a ridge and watch a path change its mind.",
        ),
        iterations=60,
        sgd__lr=0.01,
        momentum__lr=0.005,
        nesterov__lr=0.005,
        adagrad__lr=0.8,
        rmsprop__lr=0.1,
        adam__lr=0.3,
    ),
    _paths(
        "saddle",
        "A saddle",
        "who escapes from a saddle, and how fast",
        (
            "The start is almost on the ridge, where the gradient across it is tiny.",
            "SGD lingers; methods that divide each coordinate by its gradients' size leave at once.",
        ),
        iterations=80,
        sgd__lr=0.02,
        momentum__lr=0.01,
        nesterov__lr=0.01,
        adagrad__lr=0.15,
        rmsprop__lr=0.02,
        adam__lr=0.05,
    ),
    _paths(
        OWN,
        "Your own function",
        "paths on any f(x, y) that you type",
        (
            "Two valleys to begin with, the left one deeper: SGD rolls into the nearer one, momentum swings across.",
            "Type another function, or take one of the examples: its gradient is exact.",
            "Drag the start to the other side: from where do all of them find the deeper valley?",
        ),
        iterations=80,
        sgd__lr=0.1,
        momentum__lr=0.05,
        nesterov__lr=0.05,
        adagrad__lr=0.5,
        rmsprop__lr=0.05,
        adam__lr=0.2,
    ),
    Preset(
        "optimizer-mnist",
        "training",
        "Six optimizers on digits",
        "training loss of the six optimizers on MNIST",
        TRAINING,
        Axis.OPTIMIZER,
        values={"lanes": SIX},
        loss_range=(0.0, 1.0),
        look_for=(
            "All lanes start from the same weights and see the same mini-batches: only the update rule differs.",
            "AdaGrad and Adam are quick at once; SGD with the same learning rate as Momentum is ten times slower.",
            "Change a learning rate in mid-run: the run goes on, and the change is marked on the curves.",
        ),
    ),
    Preset(
        "init-mnist",
        "training",
        "Three initial weights on digits",
        "training loss under three initial weights on MNIST",
        TRAINING,
        Axis.INITIAL_WEIGHTS,
        loss_range=(0.0, 2.5),
        look_for=(
            "With σ = 0.01 the signal dies on its way through the layers: no gradient, no learning.",
            "He's weights, made for ReLU, start learning first.",
            "The panel Activations shows why: look at its histograms under the same weights.",
        ),
    ),
    Preset(
        "schedules",
        "training",
        "Learning-rate schedules on digits",
        "training loss of one optimizer under several learning-rate schedules",
        TRAINING,
        Axis.SCHEDULE,
        values={"batch": 64, "optimizer": "momentum", "momentum.lr": 0.1, "iterations": 1000},
        loss_range=(0.0, 0.5),
        look_for=(
            "One optimizer, one learning rate, the same mini-batches: only the schedule differs.",
            "Large steps get down quickly, then jump about in the valley.",
            "Where the rate falls, below the loss, the loss falls too: smaller steps settle down.",
            "Warm-up begins with small steps, while gradients are large: raise the learning rate to 0.2, and the "
            "others break down.",
        ),
    ),
    Preset(
        "activations",
        "activations",
        "Activations under initial weights",
        "histograms of each layer's activations in an untrained network",
        PROPAGATION,
        Axis.ACTIVATION,
        figure={
            "lanes": tuple(
                f"{activation}-{init}"
                for activation in ("sigmoid", "relu", "tanh")
                for init in ("normal-1", "normal-0.01", "xavier", "he", "zeros")
            )
        },
        figure_keys=("lanes", "activation", "init"),
        look_for=(
            "Sigmoid with σ = 1: values pile up at 0 and 1, where the slope is nearly 0 and gradients vanish.",
            "σ = 0.01: all units say the same, so depth is wasted.",
            "Xavier suits sigmoid and tanh, He suits ReLU: every layer keeps its spread.",
            "Switch BatchNorm on: the spread no longer depends on the initial weights.",
        ),
    ),
)

_NORMALIZED = {"hidden": (100,) * 5, "batch": 100, "images": 1000, "iterations": 200}
_OVERFITTING = {"hidden": (100,) * 6, "batch": 100, "images": 300}
_REGULARIZED = (
    Preset(
        "batchnorm-grid",
        "batchnorm",
        "BatchNorm at 16 weight scales",
        "training accuracy with and without BatchNorm at 16 scales of the initial weights",
        TRAINING,
        Axis.BATCHNORM,
        values={
            "lanes": tuple(f"sigma-{scale:.3g}-{kind}" for scale in SCALES for kind in BATCHNORM_KINDS),
            **_NORMALIZED,
        },
        look_for=(
            "All 32 networks train at the same time, on the same mini-batches.",
            "With BatchNorm almost every scale learns, and learns quickly.",
            "Without it only a narrow range of scales learns at all: too large, and it diverges; too small, and the "
            "signal dies on its way.",
            "Click a plot: the panel Activations shows why, layer by layer, while both networks train.",
        ),
    ),
    Preset(
        "batchnorm",
        "batchnorm",
        "BatchNorm at one weight scale",
        "training accuracy with and without BatchNorm at one scale of the initial weights",
        TRAINING,
        Axis.BATCHNORM,
        values=_NORMALIZED,
        look_for=(
            "Under He's weights both learn; with BatchNorm in far fewer epochs.",
            "Give the initial weights another scale, such as normal-0.01: only one of them still learns.",
            "Raise the learning rate: BatchNorm stands more of it.",
        ),
    ),
    Preset(
        "weight-decay",
        "regularization",
        "Over-fitting and weight decay",
        "training and test accuracy on 300 images, with and without L2 weight decay",
        TRAINING,
        Axis.REGULARIZATION,
        values={**_OVERFITTING, "lanes": ("l2-0", "l2-0.1"), "l2": 0.1, "iterations": 600},
        look_for=(
            "300 images are learned by heart: training accuracy goes to 100 %, test accuracy stays behind.",
            "Weight decay keeps the weights small: the gap, drawn as a band, is narrower; training stays below 100 %.",
            "Give it more images: the gap closes by itself.",
            "Move L1 decay up from 0 for a third network: it pulls every weight towards 0 with the same force.",
        ),
    ),
    Preset(
        "dropout",
        "regularization",
        "Over-fitting and Dropout",
        "training and test accuracy on 300 images, with and without Dropout",
        TRAINING,
        Axis.REGULARIZATION,
        values={**_OVERFITTING, "lanes": ("p-0", "p-0.2"), "dropout": 0.2, "iterations": 900},
        look_for=(
            "Dropout leaves out other units at every update, so that none can rely on another.",
            "The gap between training and test accuracy shrinks; learning takes longer.",
            "Raise the ratio until nothing is learned any more.",
        ),
    ),
    Preset(
        "regularization",
        "regularization",
        "Weight decay, L1 and Dropout",
        "training and test accuracy on 300 images: plain, L2, L1 and Dropout",
        TRAINING,
        Axis.REGULARIZATION,
        values={
            **_OVERFITTING,
            "lanes": ("plain", "l2-0.1", "l1-0.005", "p-0.2"),
            "l2": 0.1,
            "l1": 0.005,
            "dropout": 0.2,
            "iterations": 900,
        },
        look_for=(
            "Four networks with the same first weights and mini-batches: only what holds them back differs.",
            "Compare the bands: the narrower, the less is learned by heart.",
            "The norms below tell how each does it: L2 and L1 shrink weights, Dropout does not.",
        ),
    ),
    Preset(
        "random-search",
        "search",
        "Search for learning rate and weight decay",
        "validation accuracy of 100 random trials, and the best 20",
        SEARCH,
        Axis.TRIAL,
        values={"hidden": (100,) * 6, "batch": 100, **lengths(200)},
        look_for=(
            "Each point is a network. All of them train at once; colour is validation accuracy.",
            "Good learning rates lie between 10⁻³ and 10⁻²; weight decay matters far less.",
            "Is the best trial at the edge of a range? Widen it.",
            "Drag a region on the scatter and search inside it: coarse to fine.",
            "A grid of the same budget tries only ten learning rates; random trials try a hundred.",
            "Stop early: the best third goes on, the others are not worth their updates.",
        ),
    ),
    Preset(
        "inside",
        "inside",
        "What a network sees",
        "first-layer weights as images, confusion matrix, worst mistakes, answers to a drawn digit",
        TRAINING,
        Axis.OPTIMIZER,
        values={"lanes": ("momentum", "adam"), "hidden": (64,), "init": "normal-0.01", "iterations": 1000},
        looks_inside=True,
        look_for=(
            "Draw a digit: every network answers while you draw, and while it trains.",
            "Weights: each image is what one unit of the first layer looks for. Strokes grow out of noise.",
            "Mistakes: click a cell to see what was taken for what; click an image to put it on the canvas.",
            "A network that is sure is not always right: draw what is no digit at all.",
        ),
    ),
)

# Of the chapter's figure: what is marked on a map is a run that is worth looking at.
_RATES = {key: value for key, value in _ALL[0].values.items() if key.endswith(".lr")}
_MAPS = (
    Preset(
        "stability",
        "stability",
        "Learning rate × momentum",
        "steps to the minimum of x²/20 + y² at 65,536 settings of Momentum, and where it diverges",
        STABILITY,
        Axis.CELL,
        values=_RATES,
        look_for=(
            "Each cell is a run of its own. The line is the analytic limit, lr = 2(1+α)/L: beyond it all diverge.",
            "The fastest setting is where theory has it: α = ((√a − 1)/(√a + 1))², 0.4 for an anisotropy a of 20.",
            "More momentum allows larger learning rates; too much of it, and the point swings for ever.",
            "Click a cell, or drag: its path shows why it is fast, slow or lost. Turn the wheel to zoom.",
            "Play: fast settings light up first, and the unstable region fills from its far end.",
        ),
    ),
    Preset(
        "stability-sgd",
        "stability",
        "Learning rate × anisotropy",
        "steps to the minimum of x²/a + y² for SGD at every learning rate and anisotropy a",
        STABILITY,
        Axis.CELL,
        values={
            **_RATES,
            "optimizer": "sgd",
            "x.range": (0.02, 2.0),
            "y": "anisotropy",
            "y.range": (1.0, 100.0),
        },
        look_for=(
            "The steep direction alone sets the limit, lr = 2/L; the flat one sets how long it takes.",
            "In a round valley, at the foot of the map, lr = 0.5 gets there in one step.",
            "The longer the valley, the more steps even the best learning rate needs: about as many as the anisotropy.",
            "Choose Momentum or Adam as the optimizer: how far up does the bright region reach?",
        ),
    ),
    Preset(
        "basins",
        "stability",
        "Basins of attraction",
        "which of four minima Momentum reaches from each of 65,536 starts",
        STABILITY,
        Axis.CELL,
        values={
            **_RATES,
            "measure": "minimum",
            "surface": "himmelblau",
            "start": (0.0, 0.0),
            **{f"{key}.lr": 0.005 for key in ("sgd", "momentum", "nesterov")},
            "x": "start.x",
            "x.range": (-6.0, 6.0),
            "y": "start.y",
            "y.range": (-6.0, 6.0),
            "tolerance": 0.01,
        },
        look_for=(
            "Colour says which minimum a start reaches, brightness how soon: the brighter, the fewer steps.",
            "With momentum the basins are not the valleys: the point rolls on over ridges.",
            "Where basins meet they fold into each other without end. Turn the wheel over an edge to see.",
            "Lower the momentum to 0: each basin becomes one piece. Hatched starts are thrown out of the view.",
        ),
    ),
)

PRESETS: dict[str, Preset] = {preset.name: preset for preset in (*_ALL, *_REGULARIZED, *_MAPS)}


def preset(name: str) -> Preset:
    """Return the preset of that name; raises PresetError with the names there are."""
    try:
        return PRESETS[name]
    except KeyError:
        raise PresetError(f"preset: {name!r} does not exist; allowed: {', '.join(PRESETS)}") from None


def panel_presets(panel: str) -> tuple[Preset, ...]:
    """Return the presets that a panel offers, the first being the one it opens with."""
    return tuple(found for found in PRESETS.values() if found.panel == panel)


def build(configuration: Configuration, dataset: Callable[[], Dataset], threads: int | None = None) -> Experiment:
    """Return the configuration's experiment, at its beginning; `dataset` is called only where images are needed."""
    if configuration.experiment == PATHS:
        from core.experiments.paths import Paths

        return Paths(configuration)
    if configuration.experiment == PROPAGATION:
        from core.experiments.propagation import Propagation

        return Propagation(configuration)
    if configuration.experiment == STABILITY:
        from core.experiments.stability import Stability

        return Stability(configuration)
    if configuration.experiment == SEARCH:
        from core.experiments.search import Search

        return Search(configuration, dataset(), threads)
    from core.experiments.training import Training

    return Training(configuration, dataset(), PRESETS[configuration.preset].axis, threads)
