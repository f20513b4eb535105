"""The declared parameters of a map of settings: an optimizer on a surface, and what the two axes are."""

from __future__ import annotations

from dataclasses import replace

from core.experiments.declared import chosen_optimizer, paths_parameters
from core.map_axes import all_names, name_words
from core.optimizers import OPTIMIZERS
from core.parameters import Kind, Parameter, Scale, choice, integer, number

STEPS, LOSS, MINIMUM = "steps", "loss", "minimum"
MEASURES = (STEPS, LOSS, MINIMUM)


def stability_parameters() -> tuple[Parameter, ...]:
    """Declare what determines a map: what the paths of one optimizer need, the axes, and what colour stands for."""
    shown = "Steps until f stays within the tolerance, f after the last step, or which minimum was reached"
    near = "How far above its minimum f may be to have reached it"
    cells = "Cells along each axis; every cell is a run of its own"
    return (
        chosen_optimizer("momentum", "Optimizer of every cell"),
        *_hyperparameters(),
        *_of_paths("surface", "anisotropy", "function", "domain.x", "domain.y", "start"),
        *_axis("x", "lr", (0.01, 4.0), "across"),
        *_axis("y", "momentum", (0.0, 0.99), "up"),
        choice("measure", "colour", STEPS, shown, MEASURES),
        integer("iterations", "steps", 200, "Updates of every cell", 1, 10_000, scale=Scale.LOG),
        number("tolerance", "tolerance", 1e-3, near, 1e-12, 1.0, scale=Scale.LOG),
        integer("resolution", "resolution", 256, cells, 16, 512, scale=Scale.LOG, unit="cells"),
    )


def _axis(key: str, name: str, ends: tuple[float, float], way: str) -> tuple[Parameter, Parameter]:
    """Declare what goes along an axis, and from where to where."""
    doc = f"What changes from cell to cell {way} the map: a hyperparameter, the anisotropy, or where the run starts"
    between = f"Between what values the map goes {way}; turn the wheel over the map to zoom"
    return (
        choice(key, way, name, doc, all_names(), words=name_words()),
        Parameter(f"{key}.range", f"{way}, range", ends, between, Kind.RANGE, -1000.0, 1000.0),
    )


def _of_paths(*keys: str) -> tuple[Parameter, ...]:
    return tuple(p for p in paths_parameters() if p.key in keys)


def _hyperparameters() -> tuple[Parameter, ...]:
    """Declare every optimizer's own, used while it is the map's, and what schedules share."""
    found = [(p, p.key.partition(".")[0]) for p in paths_parameters()]
    own = tuple(replace(p, only_if=("optimizer", owner)) for p, owner in found if owner in OPTIMIZERS)
    return (*own, *(p for p, owner in found if owner == "schedule"))
