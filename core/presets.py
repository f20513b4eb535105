"""Chapter 6 of "Deep Learning from Scratch" as data: each figure is a preset of an experiment.

A preset says which experiment, what its lanes differ in, which defaults it changes and what to look for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.figures import PATHS, PROPAGATION, SEARCH, STABILITY, Preset
from core.presets_networks import NETWORK_PRESETS, SCALES
from core.presets_paths import MAP_PRESETS, PATH_PRESETS, SIX

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.datasets import Dataset
    from core.experiments.protocol import Experiment
    from core.parameters import Configuration


class PresetError(ValueError):
    """A preset that does not exist; the message says which do."""


PRESETS: dict[str, Preset] = {preset.name: preset for preset in (*PATH_PRESETS, *NETWORK_PRESETS, *MAP_PRESETS)}


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


__all__ = ["PRESETS", "SCALES", "SIX", "PresetError", "build", "panel_presets", "preset"]
