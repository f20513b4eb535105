"""The equation with live numbers: a rule line by line, beneath each line the same with the numbers of one step.

The text is one document, laid out in a millisecond, whose height only grows while the same rule is shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QTextBlockFormat, QTextCharFormat, QTextCursor, QTextOption
from PySide6.QtWidgets import QComboBox, QLabel, QStyleOptionComboBox, QTextEdit, QToolTip, QVBoxLayout, QWidget

from core.glossary import glossary, marked
from gui import theme
from gui.symbols import pieces, shown
from gui.widgets import CalmWheel, OwnKeys, row_of, tip

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from PySide6.QtCore import QPoint
    from PySide6.QtGui import QHelpEvent, QResizeEvent, QTextDocument, QWheelEvent

    from core.equations import Explanation, Line, Named
    from core.lanes import Lane

_One = TypeVar("_One", "Line", "Named")

_Looks = tuple[QTextCharFormat, QTextCharFormat]  # upright, in italics

_ICON, _BESIDE = 18, 62  # pixels; what icon and arrow leave no room for
_ABOVE = 7
_HANGING, _TABS = 16.0, (16.0, 112.0, 128.0)
_REACH = 9
_IN_LINES = ("velocity", "step")


@dataclass(frozen=True, slots=True)
class Explained:
    """One step of one optimizer: an explanation for each coordinate by its name, which is empty for a single number.

    `first` is a line that comes before the rule's, in place of the gradient.
    """

    optimizer: str
    columns: tuple[tuple[str, Explanation], ...]
    first: Line | None = None


class EquationNotes(QWidget):
    """A lane's equation: which lane, which step, and the text; `lane_chosen(name)` says that another was chosen."""

    lane_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.lane = _LaneCombo(self)
        self.lane.setObjectName("equation-lane")
        self.lane.setAccessibleName("lane whose equation is shown")
        self.lane.setToolTip(tip("Whose steps are explained; point at a path or a loss for any step, click to keep it"))
        self.lane.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.lane.setIconSize(QSize(_ICON, _ICON))
        self.lane.activated.connect(lambda: self.lane_chosen.emit(self.lane.currentData()))
        self._where = QLabel(self)
        self._where.setObjectName("equation-where")
        self._word = QLabel(self)
        self._word.setObjectName("equation-word")
        self._word.setProperty("role", "muted")
        self._word.setWordWrap(True)
        self.text = EquationText(self)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(6)
        row = row_of(self.lane, self._where)
        row.setStretchFactor(self.lane, 1)
        self.column.addLayout(row)
        for widget in (self._word, self.text):
            self.column.addWidget(widget)
        self._lanes: tuple[Lane, ...] = ()

    def offer(self, lanes: Sequence[Lane]) -> None:
        """Let one of these lanes be chosen."""
        if tuple(lanes) == self._lanes:
            return
        self._lanes = tuple(lanes)
        self.lane.clear()
        for lane in lanes:
            self.lane.addItem(lane.label, lane.name)
        self._show_icons()

    def _show_icons(self) -> None:
        from gui.legend import lane_icon  # draws with the plots' markers

        for place, lane in enumerate(self._lanes):
            self.lane.setItemIcon(place, lane_icon(lane.colour, lane.marker, _ICON))

    def changeEvent(self, event: QEvent) -> None:
        """Draw the lanes' colours as another theme's page asks for."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._show_icons()

    def show_lane(self, name: str, where: str) -> None:
        """Say whose equation it is, and of which step."""
        place = self.lane.findData(name)
        if place != self.lane.currentIndex():
            self.lane.setCurrentIndex(place)
        if where != self._where.text():
            self._where.setText(where)

    def show_word(self, word: str) -> None:
        """Say why there is no equation."""
        if word != self._word.text():
            self._word.setText(word)
        self._word.show()
        self.text.hide()

    def show_step(self, found: Explained) -> None:
        """Show a step's equation."""
        self.text.show_step(found)
        self._word.hide()
        self.text.show()


class _LaneCombo(OwnKeys, CalmWheel, QComboBox):
    """A combo box that keeps its keys to itself while it has the keyboard."""

    own_keys = (Qt.Key.Key_Space, Qt.Key.Key_Home, Qt.Key.Key_End, Qt.Key.Key_Up, Qt.Key.Key_Down)

    def initStyleOption(self, option: QStyleOptionComboBox) -> None:
        """Show as much of a long name as fits; the style would cut through a letter."""
        super().initStyleOption(option)
        room = self.width() - _BESIDE
        option.currentText = self.fontMetrics().elidedText(option.currentText, Qt.TextElideMode.ElideRight, room)


class EquationText(QTextEdit):
    """The lines of a rule; can be selected and copied, and symbols have their words as tooltips."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("equation-text")
        self.setAccessibleName("equation")
        self.setReadOnly(True)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setFrameShape(QTextEdit.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setUndoRedoEnabled(False)
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.document().setDocumentMargin(0)
        self._words: Mapping[str, str] = {}
        self._shown: Explained | None = None
        self._tall = (("", 0), 0)  # the rule and width it was laid out for, its largest height

    def show_step(self, found: Explained) -> None:
        """Show a step, unless it is shown."""
        if found == self._shown:
            return
        self._shown = found
        self._words = {shown(symbol, self.font()): words for symbol, words in glossary(found.optimizer).items()}
        self._write()

    def _write(self) -> None:
        if self._shown is None:
            return
        writer = _Writer(self.document(), self.font())
        writer.write(self._shown)
        self._fit()

    def _fit(self) -> None:
        """Be as tall as the text; for the same rule never lower, so that nothing below moves up and down."""
        assert self._shown is not None
        key = self._shown.optimizer, self.viewport().width()
        height = round(self.document().size().height()) + 2
        most = max(height, self._tall[1]) if key == self._tall[0] else height
        self._tall = key, most
        if most != self.height():
            self.setFixedHeight(most)

    def words_at(self, place: QPoint) -> str:
        """Return what the symbol at a place of the viewport means, nothing where there is none."""
        cursor = self.cursorForPosition(place)
        if not self.cursorRect(cursor).adjusted(-_REACH, 0, _REACH, 0).contains(place):
            return ""
        end = 0
        for text, symbol in marked(cursor.block().text(), self._words):
            end += len(text)
            if end > cursor.positionInBlock() - (self.cursorRect(cursor).left() > place.x()):
                return self._words.get(symbol, "")
        return ""

    def viewportEvent(self, event: QEvent) -> bool:
        """Explain the symbol under the mouse."""
        if event.type() == QEvent.Type.ToolTip:
            found: QHelpEvent = event  # type: ignore[assignment]
            words = self.words_at(found.pos())
            QToolTip.showText(found.globalPos(), tip(words) if words else "", self.viewport())
            return True
        return super().viewportEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Take the height that the text has at another width."""
        super().resizeEvent(event)
        if self._shown is not None and event.size().width() != event.oldSize().width():
            self._fit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave the wheel to the notes around."""
        event.ignore()

    def changeEvent(self, event: QEvent) -> None:
        """Write in a new theme's colours."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._write()


class _Writer:
    """Writes a step into a document: the rule's lines in symbols, beneath each the same with numbers.

    Piece by piece, as HTML would take twice as long.
    """

    def __init__(self, document: QTextDocument, font: QFont) -> None:
        self._cursor, self._font = QTextCursor(document), font
        text = theme.current().text
        self._plain, self._bold, self._muted = _looks(text), _looks(text, bold=True), _looks(theme.current().muted)
        self._head, self._row = QTextBlockFormat(), QTextBlockFormat()
        self._head.setTopMargin(_ABOVE)
        self._row.setLeftMargin(_HANGING)
        self._row.setTextIndent(-_HANGING)
        self._row.setTabPositions([QTextOption.Tab(place, QTextOption.TabType.LeftTab) for place in _TABS])

    def write(self, found: Explained) -> None:
        """Replace what is in the document."""
        self._cursor.beginEditBlock()
        self._cursor.select(QTextCursor.SelectionType.Document)
        self._cursor.removeSelectedText()
        names = [name for name, _ in found.columns]
        explanations = [explanation for _, explanation in found.columns]
        gradient, *others = zip(*(one.named for one in explanations), strict=True)
        if found.first is None:
            self._named(names, gradient, first=True)
        else:
            self._line([""], [found.first], first=True)
        for lines in zip(*(one.lines for one in explanations), strict=True):
            self._line(names, lines)
        lined = {line.symbol for line in explanations[0].lines}
        for numbers in others:
            if numbers[0].symbol not in lined and numbers[0].words not in _IN_LINES:
                self._named(names, numbers)
        self._cursor.endEditBlock()

    def _line(self, names: Sequence[str], lines: Sequence[Line], first: bool = False) -> None:
        """Write a line in symbols, and beneath it one with numbers for each coordinate."""
        self._begin(self._head, first)
        self._put_formula(lines[0].symbol, self._bold)
        self._put_formula(f" ← {lines[0].text}", self._plain)
        for name, line in _distinct(names, lines):
            self._begin(self._row)
            self._put(f"{name}\t", self._muted)
            self._put(line.result, self._bold)
            self._put(f" = {line.numbers}", self._plain)

    def _named(self, names: Sequence[str], numbers: Sequence[Named], first: bool = False) -> None:
        """Write a number's symbol and words, and its value for each coordinate, or the one that all have."""
        self._begin(self._head, first)
        self._put_formula(numbers[0].symbol, self._bold)
        found = _distinct(names, numbers)
        if len(found) == 1:
            self._put(f" = {numbers[0].result}", self._bold)
        self._put(f"  {numbers[0].words}", self._muted)
        if len(found) > 1:
            self._begin(self._row)
            for place, (name, number) in enumerate(found):
                self._put(f"\t{name}\t" if place else f"{name}\t", self._muted)
                self._put(number.result, self._bold)

    def _begin(self, block: QTextBlockFormat, first: bool = False) -> None:
        if first:
            self._cursor.setBlockFormat(QTextBlockFormat())
        else:
            self._cursor.insertBlock(block)

    def _put_formula(self, text: str, looks: _Looks) -> None:
        for piece, italic in pieces(shown(text, self._font)):
            self._cursor.insertText(piece, looks[italic])

    def _put(self, text: str, looks: _Looks) -> None:
        self._cursor.insertText(text, looks[0])


def _looks(colour: str, bold: bool = False) -> _Looks:
    upright = QTextCharFormat()
    upright.setForeground(QColor(colour))
    if bold:
        upright.setFontWeight(QFont.Weight.DemiBold)
    slanted = QTextCharFormat(upright)
    slanted.setFontItalic(True)
    return upright, slanted


def _distinct(names: Sequence[str], found: Sequence[_One]) -> list[tuple[str, _One]]:
    """Return what is found for each coordinate, or once, without a name, what is the same for all."""
    if all(one == found[0] for one in found):
        return [("", found[0])]
    return list(zip(names, found, strict=True))
