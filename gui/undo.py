"""Changes of a panel's configuration as commands that can be undone, with the runs that they replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtGui import QUndoCommand

from gui.reported import reported
from gui.theme import Severity
from gui.widgets import Stroke

if TYPE_CHECKING:
    from core.parameters import Configuration
    from gui.panel_runs import PanelRuns
    from gui.shelf import Parked


class Edit(QUndoCommand):
    """A change of a panel's configuration; the many small changes of one drag are one.

    `at` is the moment to which the run was rewound when it was made, None at the head of the run. Where the change
    ended a run, undoing it goes back to that run, as far as it is still there. A command that raises is deleted by the
    undo stack, and by Python once more, which ends the process: what goes wrong in one is reported.
    """

    def __init__(
        self,
        panel: PanelRuns,
        text: str,
        before: Configuration,
        after: Configuration,
        key: str = "",
        at: int | None = None,
        anew: bool = False,
    ) -> None:
        super().__init__(text)
        self.panel, self.before, self.after, self.key = panel, before, after, key
        self._at, self._anew = at, anew
        self._stroke = Stroke.now()
        self._former, self._latter = panel.desk.shelf.place(), panel.desk.shelf.place()
        self._goes_on = self._done = False

    def go_on_from(self, last: QUndoCommand | None) -> None:
        """Take note that the command before is of the same stroke: the run that it ended is already kept."""
        self._goes_on = isinstance(last, Edit) and last.takes(self)

    def takes(self, other: Edit) -> bool:
        """Tell whether another change is of the same parameter in the same stroke of the mouse."""
        same = (other.panel, other.key) == (self.panel, self.key)
        return same and self._stroke is not None and self._stroke == other._stroke

    def id(self) -> int:
        """Only edits of one kind merge."""
        return 1

    def mergeWith(self, other: QUndoCommand) -> bool:
        """Take in the next change of a stroke."""
        if not isinstance(other, Edit) or not self.takes(other):
            return False
        self.after = other.after
        return True

    @reported
    def undo(self) -> None:
        """Go back to what was before, where it can be seen."""
        self.panel.desk.open_panel(self.panel.entry.key)
        if not self.panel.bring_back(self.before, self._former, self._latter):
            self.panel.apply(self.before, parking=self._latter)
            self._tell(self._former)

    @reported
    def redo(self) -> None:
        """Apply the change; again, where it can be seen."""
        if self._done:
            self.panel.desk.open_panel(self.panel.entry.key)
        self._done = True
        if not self.panel.bring_back(self.after, self._latter, self._former):
            self._apply()

    def _tell(self, kept: Parked) -> None:
        if kept.lost:
            words = "The run before is not there any more: there was no room for more runs. Play computes it again."
            self.panel.message.emit(words, Severity.WARNING)

    def _apply(self) -> None:
        parking: Parked | None = None if self._goes_on else self._former
        self.panel.apply(self.after, at=self._at, parking=parking, anew=self._anew)
