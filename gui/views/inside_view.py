"""The view of the panel Inside: pages behind tabs that show one network, the one in front being drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QStackedWidget, QTabBar, QVBoxLayout, QWidget

from gui.views.base import LaneStatus, Number, RunView
from gui.views.draw_page import DrawPage
from gui.views.flow_page import FlowPage
from gui.views.mistakes_page import MistakesPage
from gui.views.weights_page import WeightsPage
from gui.weight_notes import WeightNotes
from gui.widgets import OwnKeys, row_of
from gui.words import measured_by, percent

if TYPE_CHECKING:
    from PySide6.QtGui import QKeyEvent

    from core.insight import Insight
    from gui import theme
    from gui.legend import LegendEntry
    from gui.views.base import View
    from gui.views.page import Page


class _Tabs(OwnKeys, QTabBar):
    """Tabs whose arrow keys are their own."""

    own_keys: ClassVar[tuple[Qt.Key, ...]] = (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Home, Qt.Key.Key_End)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go to a neighbour, or to an end."""
        places = {
            Qt.Key.Key_Left: self.currentIndex() - 1,
            Qt.Key.Key_Right: self.currentIndex() + 1,
            Qt.Key.Key_Home: 0,
            Qt.Key.Key_End: self.count() - 1,
        }
        place = places.get(Qt.Key(event.key()))
        if place is None:
            super().keyPressEvent(event)
        else:
            self.setCurrentIndex(min(max(place, 0), self.count() - 1))


class InsideView(RunView):
    """One network, looked into. `wants_other` comes when something else is to be measured: page or image changed."""

    wants_other = Signal()
    section: WeightNotes

    empty = "Press Space to train, and watch what the network sees"
    interval = 48  # what is drawn here costs the engine more than curves; what the mouse draws is answered sooner

    def __init__(self) -> None:
        super().__init__()
        self.insight: Insight | None = None
        self.tabs, self._pages = _Tabs(self), QStackedWidget(self)
        self.tabs.setObjectName("tabs")
        self.tabs.setAccessibleName("what to look at")
        self.tabs.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.tabs.setDrawBase(False)
        self.tabs.setExpanding(False)
        self.draw, self.weights, self.mistakes = DrawPage(self), WeightsPage(self), MistakesPage(self)
        self.flow = FlowPage(self)
        self.pages: tuple[Page, ...] = (self.draw, self.weights, self.mistakes, self.flow)
        for page in self.pages:
            self._pages.addWidget(page)
            self.tabs.addTab(page.title)
        self.tabs.currentChanged.connect(self._turn)
        self.draw.canvas.changed.connect(self.wants_other)
        self.section = WeightNotes(self, choosers=False)
        self.section.hide()
        self._put_pages()

    def _put_pages(self) -> None:
        """Show the pages where other views have their plots."""
        whole = QWidget(self)
        column = QVBoxLayout(whole)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(row_of(self.tabs, 1, margins=(4, 0, 0, 0)))
        column.addWidget(self._pages, 1)
        self._stack.removeWidget(self.graphics)
        self.graphics.hide()
        self._stack.insertWidget(0, whole)
        self._stack.setCurrentIndex(0)

    def minimumSizeHint(self) -> QSize:
        """Keep canvas and answers side by side."""
        return QSize(432, 404)

    # Pages.

    @property
    def page(self) -> Page:
        """The page in front."""
        return self.pages[self._pages.currentIndex()]

    def open_page(self, key: str) -> None:
        """Bring the page of that key to the front; any other text leaves things as they are."""
        for number, page in enumerate(self.pages):
            if page.key == key:
                self.tabs.setCurrentIndex(number)

    def _turn(self, number: int) -> None:
        self._pages.setCurrentIndex(number)
        if self.insight is not None:
            self.page.show_insight(self.insight)
        self.flow.show_run(self.page is self.flow)
        self.wants_other.emit()

    def marked_weight(self) -> tuple[int, int, int] | None:
        """Return the weight that is marked among those on screen: layer, input, unit; None on another page."""
        return self.weights.marked() if self.page is self.weights else None

    def image(self) -> bytes | None:
        """Return the image that is to be answered; None where nobody sees the answers, or nothing is drawn."""
        drawn = self.draw.canvas.image() if self.page.wants_image else None
        return None if drawn is None else drawn.tobytes()

    # What every view does.

    def adopt(self, other: View) -> None:
        """Look like another view of the panel: the same page, and on each what its user has chosen."""
        if isinstance(other, InsideView):
            self.open_page(other.page.key)
            for page, like in zip(self.pages, other.pages, strict=True):
                page.adopt(like)

    def show_frame(self, frame: Any, cursor: int) -> None:
        """Show what the frame has of the network, on the page in front."""
        self.insight = frame.insight or self.insight
        if frame.insight is not None:
            self.page.show_insight(frame.insight)
        self.flow.take_run(frame, cursor, self.page is self.flow)

    def set_theme(self, found: theme.Theme) -> None:
        """Draw in the theme's colours."""
        super().set_theme(found)
        for page in self.pages:
            page.set_theme(found)

    def lane_statuses(self, frame: Any, cursor: int) -> dict[str, LaneStatus]:
        """Return the lanes' last test accuracies."""
        many, shares = measured_by(frame.measured_at, cursor), getattr(frame, "test_accuracy", None)
        if not many or shares is None:
            return {}
        return {lane.name: LaneStatus(percent(shares[row, many - 1])) for row, lane in enumerate(frame.lanes)}

    def numbers(self, frame: Any, cursor: int) -> list[Number]:
        """Return whose network it is, when, and the page's numbers."""
        if frame.insight is None:
            return self.flow.numbers(None) if self.page is self.flow else []
        found = frame.insight
        return [("network", found.lane.label), ("iteration", f"{found.iteration:,}"), *self.page.numbers(found)]

    def visible(self, frame: Any) -> list[int]:
        """Return all rows: the lanes of another panel's run are not this configuration's."""
        return list(range(len(frame.lanes)))

    def legend(self, frame: Any) -> list[LegendEntry]:
        """Return the lane of plots; other pages explain themselves."""
        return self.flow.legend() if self.page is self.flow else []

    def figure(self) -> Any:
        """Return the page in front, or its plots, or the weights where there is no answer to show."""
        if self.page is self.flow:
            return self.flow.plots.graphics
        answered = self.insight is None or self.insight.answers is not None or not self.page.wants_image
        if answered:
            return self.page
        assert self.insight is not None
        self.weights.show_insight(self.insight)
        return self.weights
