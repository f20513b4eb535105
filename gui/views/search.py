"""The search panel: trials train at once, and what a region of them promises is searched further."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.optimizers import OPTIMIZERS
from core.parameters import ParameterError
from core.trials import full_key, searchable
from gui.panel import Panel
from gui.theme import Severity
from gui.views.search_view import SearchView

if TYPE_CHECKING:
    from PySide6.QtGui import QKeyEvent

    from core.parameters import Configuration

_LARGEST_STAGE = 1000


class SearchPanel(Panel):
    """A search for hyperparameters, live."""

    view_class = SearchView
    view: SearchView

    def _install(self, configuration: Configuration) -> None:
        """Offer to search for what the optimizer has."""
        super()._install(configuration)
        optimizer = configuration["optimizer"]
        usable = [name for name in searchable() if full_key(name, optimizer)]
        self.form.editor("search").field.allow(usable, f"{OPTIMIZERS[optimizer].label} has no such hyperparameter")

    def _connect(self) -> None:
        super()._connect()
        self.view.searched.connect(self._search_inside)

    def _search_inside(self, ranges: dict[str, tuple[float, float]]) -> None:
        """Search inside of these ranges, from further draws, at once; one step to undo."""
        before = self.configuration
        changes: dict[str, Any] = {f"search.{name}": ends for name, ends in ranges.items()}
        changes["stage"] = min(_LARGEST_STAGE, before["stage"] + 1)
        try:
            after = before.replace(changes)
        except ParameterError as error:
            self.message.emit(str(error), Severity.WARNING)
            return
        self._push(f"search inside, stage {after['stage']}", after)
        self._said.setText(f"stage {after['stage']}: inside the region")
        self.player.go_on()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Give the view its keys also while the panel itself has the keyboard, as after it was opened."""
        if self.hasFocus():
            self.view.keyPressEvent(event)
        else:
            super().keyPressEvent(event)
