"""Chapter 6 of "Deep Learning from Scratch" as data: each figure is a preset of an experiment.

A preset says which experiment, what its lanes differ in, which defaults it changes and what to look for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from core.experiments.declared import paths_parameters, propagation_parameters, training_parameters
from core.lanes import Axis
from core.parameters import Configuration, Parameter, UnknownParameterError
from core.surfaces import SURFACES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from core.datasets import Dataset
    from core.experiments.protocol import Experiment

# The chapter's optimizers; further ones are offered beside them, switched off.
SIX = ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam")
PATHS, TRAINING, PROPAGATION = "paths", "training", "propagation"


class PresetError(ValueError):
    """A preset that does not exist; the message says which do."""


@dataclass(frozen=True, slots=True)
class Preset:
    """One figure as data.

    `values` are the defaults it changes, `figure` what an export of the whole figure changes besides unless the
    user sets one of `figure_keys`. `loss_range` is the range of the loss axis, `look_for` what the notes say.
    """

    name: str
    panel: str
    title: str
    shows: str
    experiment: str
    axis: Axis
    values: Mapping[str, Any] = field(default_factory=dict)
    figure: Mapping[str, Any] = field(default_factory=dict)
    figure_keys: tuple[str, ...] = ()
    loss_range: tuple[float, float] | None = None
    look_for: tuple[str, ...] = ()

    def parameters(self) -> tuple[Parameter, ...]:
        """Return the experiment's declarations with this preset's defaults."""
        declare: dict[str, Callable[[], tuple[Parameter, ...]]] = {
            PATHS: paths_parameters,
            TRAINING: lambda: training_parameters(self.axis),
            PROPAGATION: propagation_parameters,
        }
        found = declare[self.experiment]()
        return tuple(p.with_default(self.values[p.key]) if p.key in self.values else p for p in found)

    def configuration(self, values: Mapping[str, Any] = MappingProxyType({})) -> Configuration:
        """Return the preset's configuration with some values of one's own; raises ParameterError."""
        return Configuration(self.name, self.experiment, self.parameters(), values)

    def read(self, texts: Mapping[str, str]) -> Configuration:
        """Return the configuration of the whole figure with values as written on the command line.

        Raises ParameterError for a value that is not allowed and for a key that the result does not use.
        """
        declared = {parameter.key: parameter for parameter in self.parameters()}
        for key in texts:
            if key not in declared:
                raise UnknownParameterError(key, self.name, declared)
        found = self.figure_configuration({key: declared[key].parse(text) for key, text in texts.items()})
        for key in texts:
            found.parameter(key)
        return found

    def figure_configuration(self, values: Mapping[str, Any]) -> Configuration:
        """Return the configuration of the whole figure, as an export without a window draws it."""
        whole = {} if set(values) & set(self.figure_keys) else self.figure
        return self.configuration({**whole, **values})


def _paths(surface: str, title: str, shows: str, look_for: tuple[str, ...], **values: Any) -> Preset:
    name = "optimizer-paths" if surface == "quadratic" else f"paths-{surface}"
    start = SURFACES[surface].start
    settings = {
        "surface": surface,
        "start": start,
        "lanes": SIX,
        **{key.replace("__", "."): value for key, value in values.items()},
    }
    return Preset(name, "paths", title, shows, PATHS, Axis.OPTIMIZER, settings, look_for=look_for)


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

PRESETS: dict[str, Preset] = {preset.name: preset for preset in _ALL}


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
    from core.experiments.training import Training

    return Training(configuration, dataset(), PRESETS[configuration.preset].axis, threads)
