"""Export as code: a run as one script that gives the same numbers by itself, with NumPy or with PyTorch.

Each kind of experiment is a module here; optimizers come from the rules that they declare.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

from core.figures import PATHS, PROPAGATION, SEARCH, STABILITY, TRAINING
from core.scripts.writing import ScriptError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from core.datasets import Dataset
    from core.parameters import Configuration
    from core.scripts.inside import Look

NUMPY, TORCH = "numpy", "torch"
SCRIPTS = {NUMPY: "NumPy script", TORCH: "PyTorch script"}
"""Formats, with what people call them."""

_MODULES = {
    PATHS: "paths",
    TRAINING: "training",
    PROPAGATION: "propagation",
    SEARCH: "search",
    STABILITY: "stability",
}


@dataclass(frozen=True, slots=True)
class Script:
    """A script: its text, the name of its file, and the arrays that lie beside it in `data_name`, if it needs any."""

    text: str
    file_name: str
    data_name: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


def make_script(
    configuration: Configuration, dataset: Dataset | None, kind: str, name: str = "", look: Look | None = None
) -> Script:
    """Return a configuration as a script of a kind of SCRIPTS, called `name` or like the preset.

    `look` says into which network that learns from images the script looks, if into any. Raises ScriptError, in one
    line, for what no script says yet.
    """
    name = name or configuration.preset
    if configuration.experiment not in _MODULES:
        raise ScriptError(f"{configuration.preset}: no script says this kind of experiment yet")
    make: Callable[..., Script] = import_module(f"core.scripts.{_MODULES[configuration.experiment]}").script
    return make(configuration, dataset, name, kind == TORCH, *([] if look is None else [look]))


__all__ = ["NUMPY", "SCRIPTS", "TORCH", "Script", "ScriptError", "make_script"]
