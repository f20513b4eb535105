"""The chapter's paths of optimizers on surfaces, and the maps of their settings, as presets."""

from __future__ import annotations

from typing import Any

from core.figures import PATHS, STABILITY, Preset
from core.lanes import Axis
from core.own_surface import DEFAULT, OWN
from core.surfaces import SURFACES

# The chapter's optimizers; further ones are offered beside them, switched off.
SIX = ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam")


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


PATH_PRESETS = (
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
)

# Of the chapter's figure: what is marked on a map is a run that is worth looking at.
_RATES = {key: value for key, value in PATH_PRESETS[0].values.items() if key.endswith(".lr")}
MAP_PRESETS = (
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
