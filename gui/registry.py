"""The panels, one line each: the key, what the rail says, and where the view is; views are imported when opened."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gui.panel import Panel


@dataclass(frozen=True, slots=True)
class PanelEntry:
    """One panel: `key` is its objectName and its icon, `panel` where its class is, `hint` the rail's tooltip."""

    key: str
    title: str
    hint: str
    panel: str

    def panel_class(self) -> type[Panel]:
        """Import and return the panel's class."""
        module, name = self.panel.split(":")
        found: type[Panel] = getattr(import_module(module), name)
        return found


PANELS = (
    PanelEntry("paths", "Paths", "Paths of optimizers on a surface", "gui.views.paths:PathsPanel"),
    PanelEntry(
        "training", "Training", "Networks that learn digits, side by side", "gui.views.training_panel:TrainingPanel"
    ),
    PanelEntry("activations", "Activations", "Histograms, layer by layer", "gui.views.live:ActivationsPanel"),
    PanelEntry("batchnorm", "BatchNorm", "BatchNorm at many weight scales", "gui.views.batchnorm:BatchNormPanel"),
    PanelEntry(
        "regularization",
        "Regularize",
        "Over-fitting, weight decay and Dropout",
        "gui.views.regularization:RegularizationPanel",
    ),
    PanelEntry("search", "Search", "Search for hyperparameters", "gui.views.search:SearchPanel"),
    PanelEntry("stability", "Stability", "Where an optimizer converges", "gui.views.stability:StabilityPanel"),
    PanelEntry("inside", "Inside", "What a network sees", "gui.views.inside:InsidePanel"),
)
