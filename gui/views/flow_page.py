"""The page Gradient flow of the panel Inside: what flows through the layers of the network that is looked into."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QVBoxLayout, QWidget

from gui.views.flow import FlowView
from gui.views.page import Page, Picture

if TYPE_CHECKING:
    from core.insight import Insight
    from gui.legend import LegendEntry
    from gui.theme import Theme
    from gui.views.base import Number


class FlowPage(Page):
    """Gradient norms and update-to-weight ratios of one lane, over the run."""

    key, title = "flow", "Gradient flow"

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.plots = FlowView()
        self._lane = ""
        self._run: tuple[Any, int] | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.plots)

    def pictures(self) -> tuple[Picture, ...]:
        """Return none: it has plots."""
        return ()

    def look_at(self, lane: str) -> None:
        """Show this lane with the next run that is taken."""
        self._lane = lane

    def take_run(self, frame: Any, cursor: int, seen: bool) -> None:
        """Take a run as of `cursor`, which is drawn while the page is `seen`."""
        self._run = frame, cursor
        self.show_run(seen)

    def show_run(self, seen: bool) -> None:
        """Draw what was taken, if the page is seen."""
        if seen and self._run is not None:
            self.plots.show_lane(self._lane)
            self.plots.show_frame(*self._run)

    def adopt(self, other: Page) -> None:
        """Show the same lane, as its user has zoomed."""
        super().adopt(other)
        if isinstance(other, FlowPage):
            self.plots.adopt(other.plots)

    def set_theme(self, found: Theme) -> None:
        """Draw in this look."""
        super().set_theme(found)
        self.plots.set_theme(found)

    def numbers(self, insight: Insight | None) -> list[Number]:
        """Return what was measured last of all layers."""
        return self.plots.numbers(*self._run) if self._run is not None else []

    def legend(self) -> list[LegendEntry]:
        """Return the lane, for a file."""
        return self.plots.legend(self._run[0]) if self._run is not None else []
