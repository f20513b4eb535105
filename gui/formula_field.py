"""A field for a formula: as many lines as it needs, Enter takes it, and a character that is wrong can be marked.

What is typed is told a moment after the last key, so that it can be judged while it is written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QTextCharFormat, QTextCursor, QTextOption
from PySide6.QtWidgets import QFrame, QPlainTextEdit, QTextEdit

from core.expressions import MOST_CHARACTERS
from gui import theme
from gui.number_boxes import Typed

if TYPE_CHECKING:
    from PySide6.QtCore import QMimeData
    from PySide6.QtGui import QFocusEvent, QKeyEvent, QResizeEvent
    from PySide6.QtWidgets import QWidget

    from core.parameters import Parameter

_PAUSE_MS = 250
_MOST_LINES = 6
_ROOM = 10  # border and padding above and below, as in the style sheet
_FONT_PIXELS = 12
_MOST = MOST_CHARACTERS + 1  # one more than is allowed can be typed, to be told so
_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
_MONOSPACE = ("DejaVu Sans Mono", "Noto Sans Mono", "Consolas", "Menlo")
_LEAVES = (Qt.FocusReason.PopupFocusReason, Qt.FocusReason.ActiveWindowFocusReason)


class FormulaField(Typed, QPlainTextEdit):
    """The text of a formula. `typed` comes when a hand pauses, `entered` with the text on Enter or when it leaves."""

    entered = Signal(object)
    typed = Signal()

    def __init__(self, parameter: Parameter, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._parameter, self._shown = parameter, ""
        self._wrong: int | None = None
        self.setFrameShape(QFrame.Shape.NoFrame)  # the style sheet draws one
        self.setFont(_monospace())
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTabChangesFocus(True)
        self.setAcceptDrops(False)  # a file that is dropped is for the window
        self.document().setDocumentMargin(2)
        self.setPlaceholderText("such as x^2/20 + y^2")
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE_MS)
        self._pause.timeout.connect(self.typed)
        self.textChanged.connect(self._follow)

    def text(self) -> str:
        """Return what is written, as one line."""
        return self.toPlainText().replace("\n", " ")

    def pending(self) -> bool:
        """Whether there is text that is not the value."""
        return self.text() != self._shown

    def show_value(self, value: Any) -> None:
        """Show a formula, in place of anything typed."""
        self._shown = self._parameter.text(value)
        if self.text() != self._shown:
            self.blockSignals(True)
            self.setPlainText(self._shown)
            self.blockSignals(False)
        self.document().clearUndoRedoStacks()  # what was accepted is undone by the panel
        self._pause.stop()
        self.mark(None)
        self._fit()

    def mark(self, position: int | None) -> None:
        """Underline one character, the last one for a place behind it; None takes the mark away."""
        self._wrong = position
        self._draw_mark()

    def go_to(self, position: int) -> None:
        """Put the caret before a character."""
        cursor = self.textCursor()
        cursor.setPosition(min(position, len(self.toPlainText())))
        self.setTextCursor(cursor)

    def _draw_mark(self) -> None:
        shown: list[QTextEdit.ExtraSelection] = []
        if self._wrong is not None and self.text():
            selection: Any = QTextEdit.ExtraSelection()  # its two members are not in PySide6's stubs
            cursor = QTextCursor(self.document())
            cursor.setPosition(min(self._wrong, len(self.toPlainText()) - 1))
            cursor.movePosition(QTextCursor.MoveOperation.Right, QTextCursor.MoveMode.KeepAnchor)
            selection.cursor, selection.format = cursor, _wrong_format()
            shown.append(selection)
        self.setExtraSelections(shown)

    # Keys.

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Take the text on Enter; let no more be typed than can be told to be too much."""
        full = len(self.toPlainText()) >= _MOST and not self.textCursor().hasSelection()
        if event.key() in _ENTER:
            self._enter()
        elif event.key() == Qt.Key.Key_Escape:
            event.ignore()  # the row puts the last good formula back
        elif not (full and event.text().isprintable() and event.text()):
            super().keyPressEvent(event)

    def insertFromMimeData(self, source: QMimeData) -> None:
        """Paste as one line, and not without end."""
        room = _MOST - len(self.toPlainText()) + len(self.textCursor().selectedText())
        self.insertPlainText(" ".join(source.text()[: 4 * _MOST].split())[: max(0, room)])

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Take the text when the keyboard leaves for another part of the window."""
        super().focusOutEvent(event)
        if event.reason() not in _LEAVES:
            self._enter()

    def _enter(self) -> None:
        self._pause.stop()
        if self.pending():
            self.entered.emit(self.text())

    def _follow(self) -> None:
        self._fit()
        if self.pending():
            self._pause.start()
        else:
            self._pause.stop()
            self.typed.emit()

    # Looks.

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Be as high as the text is in this width."""
        super().resizeEvent(event)
        self._fit()

    def changeEvent(self, event: QEvent) -> None:
        """Mark in a new theme's colour."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._draw_mark()

    def _fit(self) -> None:
        lines = min(max(1, round(self.document().size().height())), _MOST_LINES)
        height = lines * self.fontMetrics().lineSpacing() + 2 * round(self.document().documentMargin()) + _ROOM
        if self.height() != height:
            self.setFixedHeight(height)


def _wrong_format() -> QTextCharFormat:
    found = QTextCharFormat()
    danger = QColor(theme.current().danger)
    found.setUnderlineStyle(QTextCharFormat.UnderlineStyle.WaveUnderline)
    found.setUnderlineColor(danger)
    danger.setAlphaF(0.28)
    found.setBackground(danger)
    return found


def _monospace() -> QFont:
    found = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
    family = next(filter(QFontDatabase.hasFamily, _MONOSPACE), found.family())
    found.setFamily(family)
    found.setPixelSize(_FONT_PIXELS)
    return found
