"""The chapter's networks as presets: races on digits, activations, regularization, search, what a network sees."""

from __future__ import annotations

from core.figures import PROPAGATION, SEARCH, TRAINING, Preset
from core.lanes import BATCHNORM_KINDS, Axis
from core.presets_paths import SIX
from core.schedules import lengths

# The chapter's weight scales: 16 from 1 to 1e-4, evenly spaced on a log scale.
SCALES = tuple(10 ** (-4 * i / 15) for i in range(16))

_RACES = (
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

NETWORK_PRESETS = (*_RACES, *_REGULARIZED)
