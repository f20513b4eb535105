"""A figure of chapter 6 as data: which experiment, what its lanes differ in, which defaults it changes."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from core.experiments.declared import (
    paths_parameters,
    propagation_parameters,
    search_parameters,
    training_parameters,
)
from core.experiments.stability_parameters import stability_parameters
from core.linked import linked
from core.parameters import Configuration, Parameter, UnknownParameterError
from core.schedules import lengths

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from core.lanes import Axis

PATHS, TRAINING, PROPAGATION, SEARCH, STABILITY = "paths", "training", "propagation", "search", "stability"


@dataclass(frozen=True, slots=True)
class Preset:
    """One figure as data.

    `values` are the defaults it changes, `figure` what an export of the whole figure changes besides unless the
    user sets one of `figure_keys`. `loss_range` is the range of the loss axis, `look_for` what the notes say.
    `looks_inside` says that an export shows what the last lane's network sees.
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
    looks_inside: bool = False

    @property
    def uses_images(self) -> bool:
        """Whether its networks learn from images."""
        return self.experiment in (TRAINING, SEARCH)

    @property
    def eager(self) -> bool:
        """Whether the whole record is computed at once."""
        return not self.uses_images

    def parameters(self) -> tuple[Parameter, ...]:
        """Return the experiment's declarations with this preset's defaults."""
        declare: dict[str, Callable[[], tuple[Parameter, ...]]] = {
            PATHS: paths_parameters,
            TRAINING: lambda: training_parameters(self.axis),
            PROPAGATION: propagation_parameters,
            SEARCH: search_parameters,
            STABILITY: stability_parameters,
        }
        found = declare[self.experiment]()
        own = {p.key: p.default for p in found} | dict(self.values)
        if own.get("iterations"):  # schedules last as long as the preset's runs
            own |= {key: value for key, value in lengths(own["iterations"]).items() if key not in self.values}
        return tuple(p.with_default(own[p.key]) if p.default != own[p.key] else p for p in found)

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
        given = {key: declared[key].parse(text) for key, text in texts.items()}
        if given.get("iterations"):  # a run that has no past yet: its schedules are as long as it is
            given = {**{key: n for key, n in lengths(given["iterations"]).items() if key in declared}, **given}
        defaults = {key: parameter.default for key, parameter in declared.items()}
        found = self.figure_configuration(linked(defaults, given, self.axis))
        for key in texts:
            found.parameter(key)
        return found

    def figure_configuration(self, values: Mapping[str, Any]) -> Configuration:
        """Return the configuration of the whole figure, as an export without a window draws it."""
        whole = {} if set(values) & set(self.figure_keys) else self.figure
        return self.configuration({**whole, **values})
