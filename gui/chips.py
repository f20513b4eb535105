"""Several names to switch on and off: one chip each, side by side, in as many lines as they need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from PySide6.QtCore import QEvent, QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPalette
from PySide6.QtWidgets import QCheckBox, QSizePolicy, QWidget

from gui.widgets import OwnKeys, tip

if TYPE_CHECKING:
    from collections.abc import Collection

    from PySide6.QtGui import QColor, QKeyEvent, QPaintEvent, QResizeEvent

    from core.parameters import Parameter

_HEIGHT, _GAP, _PADDING = 24, 5, 10
_ARROWS = {Qt.Key.Key_Left: -1, Qt.Key.Key_Up: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Down: 1}


class Chip(OwnKeys, QCheckBox):
    """One name: filled while it is on. Space switches it; `left` says that an arrow key went on (1) or back (-1)."""

    left = Signal(int)
    own_keys = (Qt.Key.Key_Space, *_ARROWS)

    def __init__(self, name: str, parent: Chips) -> None:
        super().__init__(name, parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)

    def sizeHint(self) -> QSize:
        """Be as wide as the name, and wide enough to hit."""
        return QSize(max(self.fontMetrics().horizontalAdvance(self.text()) + 2 * _PADDING, 2 * _HEIGHT - 8), _HEIGHT)

    def minimumSizeHint(self) -> QSize:
        """Do not shrink."""
        return self.sizeHint()

    def hitButton(self, pos: QPoint) -> bool:
        """Take a click anywhere."""
        return self.rect().contains(pos)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Leave for a neighbour on an arrow key; a button group would take the others from the Tab key."""
        if event.key() in _ARROWS:
            self.left.emit(_ARROWS[Qt.Key(event.key())])
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw a capsule, filled or empty, with a thicker rim where the keyboard is."""
        fill, rim, text = self._colours()
        width = 2.0 if self.hasFocus() else 1.0
        outline = QRectF(self.rect()).adjusted(width / 2, width / 2, -width / 2, -width / 2)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pen = painter.pen()
        pen.setColor(rim)
        pen.setWidthF(width)
        painter.setPen(pen)
        painter.setBrush(fill)
        painter.drawRoundedRect(outline, outline.height() / 2, outline.height() / 2)
        painter.setPen(text)
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self.text())
        painter.end()

    def _colours(self) -> tuple[QColor, QColor, QColor]:
        """Return those of ground, rim and text."""
        role, colour = QPalette.ColorRole, self.palette().color
        refused = cast("QWidget", self.parentWidget()).property("refused")
        if not self.isEnabled():
            return colour(role.Mid if self.isChecked() else role.Window), colour(role.Mid), colour(role.PlaceholderText)
        if self.isChecked():
            rim = role.BrightText if refused else role.Text if self.hasFocus() else role.Highlight
            return colour(role.Highlight), colour(rim), colour(role.HighlightedText)
        rim = role.Link if self.hasFocus() else role.PlaceholderText if self.underMouse() else role.Dark
        return colour(role.Midlight if self.underMouse() else role.Base), colour(rim), colour(role.Text)


class Chips(QWidget):
    """Some of a parameter's choices, as chips `<key>:<name>`; what is on is entered in the order of the choices.

    A click that would leave too few or too many on is reported, to be refused, and taken back.
    """

    entered = Signal(object)

    def __init__(self, parameter: Parameter, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._parameter = parameter
        self.chips = {name: self._make_chip(name) for name in parameter.choices}
        policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setFocusProxy(next(iter(self.chips.values())))

    def pending(self) -> bool:
        """Never: there is no text."""
        return False

    def names(self) -> tuple[str, ...]:
        """Return the names that are on."""
        return tuple(name for name, chip in self.chips.items() if chip.isChecked())

    def show_value(self, value: Any) -> None:
        """Show which names are on."""
        for name, chip in self.chips.items():
            chip.setChecked(name in value)

    def allow(self, names: Collection[str], reason: str) -> None:
        """Let only these be switched, and those that are on; the others say why."""
        for name, chip in self.chips.items():
            usable = name in names or chip.isChecked()
            chip.setEnabled(usable)
            chip.setToolTip("" if usable else tip(reason))

    def setAccessibleName(self, name: str) -> None:
        """Name the chips too."""
        super().setAccessibleName(name)
        for choice, chip in self.chips.items():
            chip.setAccessibleName(f"{name}: {choice}")

    def setAccessibleDescription(self, description: str) -> None:
        """Describe the chips too: it is on them that the keyboard is."""
        super().setAccessibleDescription(description)
        for chip in self.chips.values():
            chip.setAccessibleDescription(description)

    def event(self, event: QEvent) -> bool:
        """Show on the chips that a value was refused."""
        if event.type() == QEvent.Type.DynamicPropertyChange:
            for chip in self.chips.values():
                chip.update()
        return super().event(event)

    def changeEvent(self, event: QEvent) -> None:
        """Make room for another font."""
        if event.type() == QEvent.Type.FontChange:
            self.updateGeometry()
            self._place()
        super().changeEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Break the lines anew; layouts keep the height that was asked for at another width."""
        if self._places(event.size().width())[-1].bottom() >= event.size().height():
            self.updateGeometry()
        self._place()

    def sizeHint(self) -> QSize:
        """Ask for the height of the lines at the present width."""
        return QSize(self.width(), self.heightForWidth(self.width()))

    def minimumSizeHint(self) -> QSize:
        """Ask for the room of one chip."""
        return QSize(max(chip.sizeHint().width() for chip in self.chips.values()), _HEIGHT)

    def heightForWidth(self, width: int, /) -> int:
        """Return the height of the lines at a width."""
        return self._places(width)[-1].bottom() + 1

    def _places(self, width: int) -> list[QRect]:
        places, corner = [], QPoint(0, 0)
        for chip in self.chips.values():
            size = chip.sizeHint()
            if corner.x() and corner.x() + size.width() > width:
                corner = QPoint(0, corner.y() + _HEIGHT + _GAP)
            places.append(QRect(corner, size))
            corner = QPoint(corner.x() + size.width() + _GAP, corner.y())
        return places

    def _place(self) -> None:
        for chip, place in zip(self.chips.values(), self._places(self.width()), strict=True):
            chip.setGeometry(place)

    def _make_chip(self, name: str) -> Chip:
        chip = Chip(name, self)
        chip.setObjectName(f"{self._parameter.key}:{name}")
        chip.clicked.connect(lambda: self._enter(chip))
        chip.left.connect(lambda step: self._go(chip, step))
        return chip

    def _go(self, chip: Chip, step: int) -> None:
        chips = [found for found in self.chips.values() if found.isEnabled()]
        place = chips.index(chip) + step
        if 0 <= place < len(chips):
            chips[place].setFocus(Qt.FocusReason.TabFocusReason)

    def _enter(self, chip: Chip) -> None:
        names, (least, most) = self.names(), self._parameter.length
        if not least <= len(names) <= most:
            chip.setChecked(not chip.isChecked())
        self.entered.emit(names)
