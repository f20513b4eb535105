"""The panel of training races: the view of its curves, and the equation of one weight in the notes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gui.panel import Panel
from gui.views.training import TrainingView
from gui.views.weight_equation import WeightEquation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PySide6.QtGui import QHideEvent, QShowEvent

    from core.experiments.saved import SavedRun
    from core.experiments.training_frame import TrainingFrame
    from core.parameters import Configuration
    from gui.player import Player


class TrainingPanel(Panel):
    """Networks that learn digits, side by side; of one of their weights the notes have the equation."""

    view_class = TrainingView
    view: TrainingView
    extends = True

    def _make_widgets(self) -> None:
        super()._make_widgets()
        self.equation = WeightEquation(self, self.view.section)
        self.view.pointed.connect(self.equation.point)

    def _connect_player(self, player: Player) -> None:
        super()._connect_player(player)
        player.looked.connect(self.equation.take)

    def _disconnect_player(self, player: Player) -> None:
        super()._disconnect_player(player)
        player.looked.disconnect(self.equation.take)

    def _show_words(self, frame: TrainingFrame, cursor: int) -> None:
        super()._show_words(frame, cursor)
        if self.notes.isVisible():
            self.equation.show(frame, cursor)

    def showEvent(self, event: QShowEvent) -> None:
        """Follow the weight again: another panel may have watched the run meanwhile."""
        super().showEvent(event)
        self.equation.follow()

    def hideEvent(self, event: QHideEvent) -> None:
        """Spare the engine what nobody sees."""
        super().hideEvent(event)
        self.equation.follow()

    def set_notes_shown(self, shown: bool) -> None:
        """Fold the notes away, or show them with what they tell."""
        super().set_notes_shown(shown)
        self.equation.follow()

    def view_state(self) -> dict[str, Any]:
        """Return also whose equation is shown."""
        return {**super().view_state(), "weight": self.equation.state()}

    def resume(self, configuration: Configuration, run: SavedRun | None, view: Mapping[str, Any]) -> None:
        """Show the equation that was shown."""
        super().resume(configuration, run, view)
        self.equation.restore(view.get("weight"))
