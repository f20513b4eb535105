"""The panel of maps: what becomes of one optimizer at each of many settings, and the run of the one that is marked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QPushButton, QWidget

from core.experiments.stability import path_configuration, same_map
from core.experiments.stability_parameters import MINIMUM
from core.linked import linked
from core.map_axes import SIDES, STARTS, label_of, names_of, with_value
from core.optimizers import OPTIMIZERS
from core.parameters import ParameterError
from core.presets import panel_presets
from gui.panel import Panel
from gui.theme import Severity
from gui.views.stability_view import StabilityView
from gui.widgets import tip

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.experiments.saved import SavedRun
    from core.parameters import Configuration
    from gui.shelf import Parked


class StabilityPanel(Panel):
    """Maps of settings. A change of the setting that is marked leaves the map as it is."""

    view_class = StabilityView
    view: StabilityView

    def _make_widgets(self) -> None:
        super()._make_widgets()
        self._mapped: Configuration | None = None  # what the engine was last asked for
        self.open_in_paths = QPushButton("Open in Paths", self)
        self.open_in_paths.setObjectName("open-in-paths")
        self.open_in_paths.setToolTip(tip("Show the marked run in the panel Paths, beside other optimizers"))

    def _head_parts(self) -> list[QWidget]:
        return [*super()._head_parts(), self.open_in_paths]

    def _connect(self) -> None:
        super()._connect()
        self.view.chosen.connect(self._choose)
        self.view.ranged.connect(self._zoom)
        self.open_in_paths.clicked.connect(self._open_in_paths)

    def _install(self, configuration: Configuration) -> None:
        """Offer the axes that the optimizer has."""
        super()._install(configuration)
        self._title.setText(self._title_text())
        usable = names_of(configuration["optimizer"], configuration["surface"])
        for side, other in (SIDES, SIDES[::-1]):
            combo = self.form.editor(side).field
            model = combo.model()
            if isinstance(model, QStandardItemModel):
                for row in range(model.rowCount()):
                    name = combo.itemData(row)
                    model.item(row).setEnabled(name in usable and name != configuration[other])

    def _title_text(self) -> str:
        """Name the axes; a map of starts has the preset's name."""
        values, optimizer = self.configuration.values, self.configuration["optimizer"]
        names = [label_of(values[side], optimizer) for side in SIDES]
        if all(values[side] in STARTS for side in SIDES) and values["measure"] == MINIMUM:
            return "Basins of attraction"
        return f"{names[0][:1].upper()}{names[0][1:]} × {names[1]}"

    def _show_notes(self) -> None:
        rule = OPTIMIZERS[self.configuration["optimizer"]]
        self.notes.show_text(self.preset.look_for, [(rule.label, rule.colour, rule.formula)])

    # Running.

    def start(self, configuration: Configuration) -> None:
        """Compute a map at once."""
        self._install(configuration)
        self._mapped = configuration
        self.player.load(configuration, play=True)

    def resume(self, configuration: Configuration, run: SavedRun | None, view: Mapping[str, Any]) -> None:
        """Compute a session's map at once."""
        super().resume(configuration, None, view)
        self._mapped = configuration
        self.player.runner.play()

    def _run_anew(self, changed: list[str], parking: Parked | None = None, paused: bool = False) -> None:
        """Move the mark where the map stays the same; else compute another one."""
        before, self._mapped = self._mapped, self.configuration
        known = before is not None and before.preset == self.configuration.preset and self.player.settled
        if before is None or not known or self._failed or not same_map(before.values, self.configuration.values):
            self.player.load(self.configuration, play=True, keep_cursor=True)
            return
        for key, value in self.configuration.values.items():
            if value != before[key]:
                self.player.change(key, value)

    def close_engine(self) -> None:
        """End the engine, and what is drawn in the background."""
        self.view.path.close()
        super().close_engine()

    # What is done on the map.

    def _choose(self, settings: Mapping[str, float]) -> None:
        """Take a cell's setting; one step to undo."""
        changes: dict[str, Any] = {}
        for name, value in settings.items():
            changes |= with_value(name, value, {**self.configuration.values, **changes})
        self._change_together("setting of a cell", changes, "cell")

    def _zoom(self, ranges: Mapping[str, tuple[float, float]]) -> None:
        self._change_together("zoom", dict(ranges), "zoom")

    def _change_together(self, text: str, changes: dict[str, Any], key: str) -> None:
        """Change several parameters in one step."""
        try:
            after = self.configuration.replace(linked(self.configuration.values, changes, self.preset.axis))
        except ParameterError as error:
            self.message.emit(str(error), Severity.WARNING)
            self._redraw()
            return
        if after.values != self.configuration.values:
            self._push(text, after, key)

    def _open_in_paths(self) -> None:
        """Show the marked run in the panel Paths; there it can be undone."""
        paths = self.desk.panel("paths")
        values = path_configuration(self.configuration.values).values
        fitting = [p for p in panel_presets("paths") if p.values.get("surface") == values["surface"]]
        preset = fitting[0] if fitting else panel_presets("paths")[0]
        own = {key: value for key, value in values.items() if key.partition(".")[0] not in OPTIMIZERS}
        rule = self.configuration["optimizer"]
        own |= {key: value for key, value in values.items() if key.startswith(f"{rule}.")}
        self.desk.open_panel(paths.entry.key)
        paths.take(f"{OPTIMIZERS[rule].label} from the map", preset.configuration(own))
