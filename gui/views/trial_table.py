"""All trials of a search as a table that is sorted by any column and follows the run without losing its place."""

from __future__ import annotations

import math
from dataclasses import asdict
from string import Template
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QBrush, QColor
from PySide6.QtWidgets import QAbstractItemView, QFrame, QTableView, QWidget

from core.trials import searchable
from gui import theme
from gui.plots import blend
from gui.standings import State, setting_text
from gui.widgets import OwnKeys, tip
from gui.words import percent

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PySide6.QtCore import QEvent
    from PySide6.QtGui import QKeyEvent, QResizeEvent

    from gui.standings import Standing

    Array = NDArray[Any]

ROLE = Qt.ItemDataRole
_ROW_HEIGHT, _PADDING, _ARROW = 22, 20, 10
_STATE_WIDTH, _STATE_LEAST, _LOOSEST = 170, 70, 1.7
_STATE_ORDER = tuple(State)
_SHEET = Template("""
QTableView { background: $surface; alternate-background-color: $window; color: $text; border: none;
    border-top: 1px solid $line; selection-background-color: $accent; selection-color: $accent_text; outline: none; }
QTableView::item { padding: 0 6px; border: none; }
QTableView::item:selected { background: $accent; color: $accent_text; }
QHeaderView { background: $surface; border: none; }
QHeaderView::section { background: $surface; color: $muted; border: none; border-bottom: 1px solid $line;
    padding: 3px 6px; font-size: 12px; }
QHeaderView::section:hover { color: $text; background: $raised; }
QHeaderView::up-arrow { image: url(icons:chevron-down.svg); width: 10px; height: 10px;
    subcontrol-origin: padding; subcontrol-position: center left; left: 2px; }
QHeaderView::down-arrow { image: url(icons:chevron-up.svg); width: 10px; height: 10px;
    subcontrol-origin: padding; subcontrol-position: center left; left: 2px; }
""")
_Index = QModelIndex | QPersistentModelIndex


class TrialModel(QAbstractTableModel):
    """A standing's trials in the order of one column; numbers are sorted as numbers, missing ones last.

    It sorts by itself, by whole columns: a proxy would ask for every value many times at every update.
    """

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._standing: Standing | None = None
        self._columns: list[tuple[str, Array]] = []
        self._order: Array = np.empty(0, np.intp)
        self._sorted = (0, Qt.SortOrder.AscendingOrder)
        self._hovered: int | None = None

    # What it shows.

    def show(self, standing: Standing) -> None:
        """Show another standing; the same trials keep sort, selection and place."""
        before = self._standing
        columns = _columns(standing)
        same = before is not None and [name for name, _ in columns] == [name for name, _ in self._columns]
        if not same or before is None or len(before.states) != len(standing.states):
            self.beginResetModel()
            self._standing, self._columns = standing, columns
            self._sorted = self._sorted if self._sorted[0] < len(columns) else (0, Qt.SortOrder.AscendingOrder)
            self._order = self._ordered()
            self.endResetModel()
            return
        self._standing, self._columns = standing, columns
        self._reorder()
        self.dataChanged.emit(self.index(0, 0), self.index(self.rowCount() - 1, self.columnCount() - 1))

    def set_hovered(self, trial: int | None) -> None:
        """Tint this trial's row."""
        before, self._hovered = self._hovered, trial
        for found in {before, trial} - {None}:
            row = self.row_of(found)
            if row is not None:
                self.dataChanged.emit(
                    self.index(row, 0), self.index(row, self.columnCount() - 1), [ROLE.BackgroundRole]
                )

    def trial_at(self, row: int) -> int | None:
        """Return the trial in a row of the table."""
        return int(self._order[row]) if 0 <= row < len(self._order) else None

    def row_of(self, trial: int | None) -> int | None:
        """Return the row of the table that a trial is in."""
        found = np.flatnonzero(self._order == trial)
        return int(found[0]) if trial is not None and len(found) else None

    # Qt's questions.

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        """Return the number of trials."""
        return 0 if parent.isValid() else len(self._order)

    def columnCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        """Return the number of columns."""
        return 0 if parent.isValid() else len(self._columns)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = ROLE.DisplayRole) -> Any:
        """Return a column's name."""
        if orientation is Qt.Orientation.Horizontal and section < len(self._columns):
            if role == ROLE.DisplayRole:
                return self._columns[section][0]
            if role == ROLE.TextAlignmentRole:
                return self._alignment(section)
        return None

    def data(self, index: _Index, role: int = ROLE.DisplayRole) -> Any:
        """Return a cell's text, its value (UserRole), its side or its ground."""
        trial = self.trial_at(index.row())
        if trial is None or self._standing is None:
            return None
        if role == ROLE.DisplayRole:
            return self._text(trial, index.column())
        if role == ROLE.UserRole:
            return self._columns[index.column()][1][trial].item()
        if role == ROLE.TextAlignmentRole:
            return self._alignment(index.column())
        if role == ROLE.BackgroundRole and trial == self._hovered:
            found = theme.current()
            return QBrush(blend(found.accent, found.surface, 0.22))
        if role == ROLE.ForegroundRole and self._standing.states[trial] is State.DIVERGED:
            return QBrush(QColor(theme.current().muted))
        return None

    def _alignment(self, column: int) -> Any:
        side = Qt.AlignmentFlag.AlignLeft if column == len(self._columns) - 1 else Qt.AlignmentFlag.AlignRight
        return side | Qt.AlignmentFlag.AlignVCenter

    def _text(self, trial: int, column: int) -> str:
        assert self._standing is not None
        last, names = len(self._columns) - 1, len(self._standing.frame.names)
        value = float(self._columns[column][1][trial])
        if column < 2:
            return f"{value:.0f}" if column or self._standing.columns else "–"
        if column < 2 + names:
            return setting_text(value)
        return self._standing.state_text(trial) if column == last else percent(value)

    # Sorting.

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column."""
        self._sorted = column, order
        if self._standing is not None and 0 <= column < len(self._columns):
            self._reorder()

    def _ordered(self) -> Array:
        column, order = self._sorted
        rank, values = self._columns[0][1], self._columns[column][1].astype(float)
        values = values if order is Qt.SortOrder.AscendingOrder else -values
        return np.lexsort((rank, np.where(np.isnan(values), math.inf, values)))

    def _reorder(self) -> None:
        """Put rows in order; what is selected stays selected."""
        after = self._ordered()
        if np.array_equal(after, self._order):
            return
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        trials = [self.trial_at(index.row()) for index in before]
        self._order = after
        places = [self.row_of(trial) for trial in trials]
        moved = [
            QModelIndex() if row is None else self.index(row, index.column())
            for row, index in zip(places, before, strict=True)
        ]
        self.changePersistentIndexList(before, moved)
        self.layoutChanged.emit()


def _columns(standing: Standing) -> list[tuple[str, Array]]:
    """Return the columns' names and values, one a trial."""
    frame, known = standing.frame, searchable()
    settings = [(known[name].label, frame.settings[:, place]) for place, name in enumerate(frame.names)]
    ended = [math.inf if at is None else at / max(1, frame.total) for at in standing.ended]
    order = [_STATE_ORDER.index(state) + min(at, 0.99) for state, at in zip(standing.states, ended, strict=True)]
    return [
        ("rank", standing.rank),
        ("trial", np.arange(1, len(standing.states) + 1)),
        *settings,
        ("validation", standing.validation),
        ("training", standing.train),
        ("state", np.array(order)),
    ]


class TrialTable(OwnKeys, QTableView):
    """The table; `hovered` and `chosen` come with a trial's row in the frame, or None.

    Arrow keys move, S sorts by the column that the keyboard is in.
    """

    hovered = Signal(object)
    chosen = Signal(object)

    own_keys = (
        Qt.Key.Key_Up,
        Qt.Key.Key_Down,
        Qt.Key.Key_Left,
        Qt.Key.Key_Right,
        Qt.Key.Key_PageUp,
        Qt.Key.Key_PageDown,
        Qt.Key.Key_Home,
        Qt.Key.Key_End,
    )

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.trials = TrialModel(self)
        self.setModel(self.trials)
        self.setObjectName("trials-table")
        self.setAccessibleName("trials")
        self.setToolTip(tip("Click a column's head to sort by it (S: by the column that the keyboard is in)"))
        self._set_looks()
        self._quiet = False
        self.entered.connect(lambda index: self.hovered.emit(self.trials.trial_at(index.row())))
        self.selectionModel().currentRowChanged.connect(self._report)
        self.clicked.connect(lambda index: self._report(index))
        self.trials.modelReset.connect(self._share_width)

    def _set_looks(self) -> None:
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setShowGrid(False)
        self.setAlternatingRowColors(True)
        self.setMouseTracking(True)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(_ROW_HEIGHT)
        self.verticalHeader().setMinimumSectionSize(_ROW_HEIGHT)
        head = self.horizontalHeader()
        head.setHighlightSections(False)
        head.setSectionsClickable(True)
        head.setMinimumSectionSize(44)
        head.setStretchLastSection(True)
        self.setSortingEnabled(True)
        self.sortByColumn(0, Qt.SortOrder.AscendingOrder)

    def restyle(self) -> None:
        """Take the colours of the look in force."""
        found = theme.current()
        self.setStyleSheet(_SHEET.substitute(asdict(found)))

    def _share_width(self) -> None:
        """Give each column the room that its head and its numbers need, and a share of what is left."""
        head, last = self.horizontalHeader(), self.trials.columnCount() - 1
        metrics = head.fontMetrics()
        names = [str(self.trials.headerData(column, Qt.Orientation.Horizontal)) for column in range(last)]
        widths = [
            max(map(metrics.horizontalAdvance, (name, "100.0 %" * (place > 1)))) for place, name in enumerate(names)
        ]
        widths = [width + _PADDING + (_ARROW if place < 2 else 0) for place, width in enumerate(widths)]
        room = (self.viewport().width() - _STATE_WIDTH) / max(1, sum(widths))
        for column, width in enumerate(widths):
            self.setColumnWidth(column, round(width * min(max(room, 1.0), _LOOSEST)))
        fits = sum(widths) + _STATE_LEAST < self.viewport().width()
        policy = Qt.ScrollBarPolicy
        self.setHorizontalScrollBarPolicy(policy.ScrollBarAlwaysOff if fits else policy.ScrollBarAsNeeded)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Share the width anew."""
        super().resizeEvent(event)
        self._share_width()

    def select_trial(self, trial: int | None) -> None:
        """Select a trial's row and bring it into view; no signal comes of it."""
        self._quiet = True
        row = self.trials.row_of(trial)
        if row is None:
            self.clearSelection()
            self.setCurrentIndex(QModelIndex())
        elif self.currentIndex().row() != row:
            column = max(0, self.currentIndex().column())
            self.setCurrentIndex(self.trials.index(row, column))
        self._quiet = False

    def chosen_trial(self) -> int | None:
        """Return the trial that is selected."""
        return self.trials.trial_at(self.currentIndex().row()) if self.currentIndex().isValid() else None

    def _report(self, index: QModelIndex, _before: QModelIndex | None = None) -> None:
        if not self._quiet:
            self.chosen.emit(self.trials.trial_at(index.row()) if index.isValid() else None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Sort with S, go to the ends with Home and End; leave Escape and Enter to the view."""
        if event.key() == Qt.Key.Key_S and self.currentIndex().isValid():
            head, column = self.horizontalHeader(), self.currentIndex().column()
            again = head.sortIndicatorSection() == column
            rising = head.sortIndicatorOrder() is Qt.SortOrder.AscendingOrder
            down, up = Qt.SortOrder.DescendingOrder, Qt.SortOrder.AscendingOrder
            self.sortByColumn(column, down if again and rising else up)
        elif event.key() in (Qt.Key.Key_Home, Qt.Key.Key_End):
            row = 0 if event.key() == Qt.Key.Key_Home else self.trials.rowCount() - 1
            self.setCurrentIndex(self.trials.index(row, max(0, self.currentIndex().column())))
        elif event.key() in (Qt.Key.Key_Escape, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            event.ignore()
        else:
            super().keyPressEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        """Note that the mouse is elsewhere."""
        super().leaveEvent(event)
        self.hovered.emit(None)
