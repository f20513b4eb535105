"""The page where one draws an image and sees what every network of the run takes it for, while it is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from gui import theme
from gui.canvas import Canvas
from gui.data_parts import draw_image, fitted, image_of
from gui.views.answers import ActivationStrips, AnswersChart, answer_text
from gui.views.page import Page, Picture, probability_text
from gui.widgets import row_of, tip

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

    from core.insight import Insight
    from gui.theme import Theme
    from gui.views.base import Number

_ANY = "any"
_CANVAS, _LEAST_CANVAS, _LEAST_SIDE, _MOST_CANVAS = 0.48, 154, 230, 520  # of the page's width, and pixels
_BESIDES = 300  # of the page's height: what is below the canvas, few lines of cells and their scale
_WORDS = 22  # below an image that is wider than high: how to draw
_GETS = "what the\nnetworks get"


class Seen(QWidget):
    """The image that the networks get, small as it is."""

    def __init__(self, canvas: Canvas, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._canvas, self._theme = canvas, theme.current()
        self.setObjectName("seen")
        self.setAccessibleName("image that the networks get")
        self.setFixedSize(64, 64)
        canvas.changed.connect(self.update)

    def set_theme(self, found: Theme) -> None:
        """Draw in this look."""
        self._theme = found
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the image in a frame."""
        painter, image = QPainter(self), self._canvas.image()
        rect = fitted(QRectF(self.rect()).adjusted(2, 2, -2, -2), self._canvas.shape)
        painter.fillRect(rect, QColor(self._theme.plot_background))
        if image is not None:
            draw_image(painter, rect, image_of(image, self._theme))
        painter.setPen(QColor(self._theme.border))
        painter.drawRect(rect.adjusted(-0.5, -0.5, 0.5, 0.5))
        painter.end()


class DrawPage(Page):
    """Canvas, answers, activations. `wanted(digit)` asks for a test image of a class, −1 for any."""

    key, title, wants_image = "draw", "Draw", True
    density = 2.0
    wanted = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.canvas = Canvas(self)
        self.canvas.setObjectName("canvas")
        self.canvas.setAccessibleName("canvas to draw on")
        self.canvas.setToolTip(
            tip(
                "Left draws, right or Shift erases. Keys: arrows move the pen, Enter puts it down or lifts it, X takes "
                "the eraser, Delete clears, 0 to 9 takes a test image of that class."
            )
        )
        self.seen = Seen(self.canvas, self)
        self.answers, self.strips = AnswersChart(self), ActivationStrips(self)
        self._make_controls()
        self._lay_out()
        self.canvas.asked_for.connect(self.wanted)
        self._said: tuple[Any, Any] = (None, None)  # the image on the canvas and the labels that it was looked up in
        self.canvas.changed.connect(self._say_image)

    def _make_controls(self) -> None:
        self.clear = QPushButton("Clear", self)
        self.clear.setObjectName("clear-canvas")
        self.clear.setToolTip(tip("Empty the canvas (Delete); Ctrl+Z brings it back"))
        self.clear.clicked.connect(self.canvas.clear)
        self.take = QPushButton("Take an image", self)
        self.take.setObjectName("take-image")
        self.take.setToolTip(
            tip("Put another image of the chosen class on the canvas, of those that the networks are tested on")
        )
        self.of_class = QComboBox(self)
        self.of_class.setObjectName("image-class")
        self.of_class.setAccessibleName("class of the test image")
        self.of_class.addItem(_ANY, -1)
        self.take.clicked.connect(lambda: self.wanted.emit(int(self.of_class.currentData())))
        self.centre = QCheckBox("centred", self)
        self.centre.setObjectName("centred")
        self.centre.setChecked(True)
        self.centre.setToolTip(
            tip("Fit what is drawn into 20 of 28 pixels, its centre of mass in the middle, as MNIST's digits were")
        )
        self.centre.toggled.connect(self.canvas.set_centred)

    def _lay_out(self) -> None:
        self._left = QVBoxLayout()
        self._left.setSpacing(8)
        self._left.addWidget(self.canvas)
        self.words = words = QLabel(_GETS, self)
        words.setObjectName("image-words")
        words.setProperty("role", "muted")
        beside = QVBoxLayout()
        beside.setSpacing(4)
        beside.addWidget(words)
        beside.addWidget(self.centre)
        below = QHBoxLayout()
        below.setSpacing(10)
        below.addWidget(self.seen)
        below.addLayout(beside)
        below.addStretch(1)
        below.addWidget(self.clear, 0, Qt.AlignmentFlag.AlignTop)
        self._left.addLayout(below)
        self._left.addLayout(row_of(self.take, self.of_class, 1))
        self._left.addStretch(1)
        self._side = QWidget(self)
        self._side.setLayout(self._left)
        self._left.setContentsMargins(0, 0, 0, 0)
        upper = QHBoxLayout()
        upper.setSpacing(18)
        upper.addWidget(self._side)
        upper.addWidget(self.answers, 1)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(16, 10, 16, 8)
        whole.setSpacing(14)
        whole.addLayout(upper)
        whole.addWidget(self.strips, 1)

    def resizeEvent(self, event: Any) -> None:
        """Share the width between canvas and answers, the height between them and the cells below."""
        self._fit()

    def _fit(self) -> None:
        """Give the canvas the room that it needs: wide images are not as high."""
        side = min(_MOST_CANVAS, round(_CANVAS * self.width()), self.height() - _BESIDES)
        width, (rows, columns) = max(_LEAST_SIDE, side), self.canvas.shape
        self._side.setFixedWidth(width)
        self.canvas.setFixedHeight(min(max(_LEAST_CANVAS, side), round(width * rows / columns) + _WORDS) - 4)

    def pictures(self) -> tuple[Picture, ...]:
        """Return answers and activations."""
        return self.answers, self.strips

    def show_insight(self, insight: Insight) -> None:
        """Show answers; the canvas is for images of the networks' size."""
        if self.canvas.shape != insight.tests.shape:
            self.canvas.set_shape(insight.tests.shape)
            self._fit()
        if self.of_class.count() != insight.tests.classes + 1:
            self.of_class.clear()
            self.of_class.addItem(_ANY, -1)
            for digit in range(insight.tests.classes):
                self.of_class.addItem(str(digit), digit)
        super().show_insight(insight)
        self._say_image()

    def adopt(self, other: Page) -> None:
        """Show the same image."""
        super().adopt(other)
        if isinstance(other, DrawPage):
            self.canvas.show_drawn(other.canvas.drawn())

    def _say_image(self) -> None:
        """Say which image of the data is on the canvas, and mark its class in the answers; looked up once for each."""
        given, tests = self.canvas.drawn().given, None if self.insight is None else self.insight.tests
        if tests is None or (given is self._said[0] and tests.labels is self._said[1]):
            return
        self._said = given, tests.labels
        number = None if given is None else tests.find(given)
        label = None if number is None else int(tests.labels[number])
        self.answers.set_truth(label)
        self.words.setText(_GETS if number is None else f"{tests.kind} image {number:,},\nlabel {label}")

    def set_theme(self, found: Theme) -> None:
        """Draw in this look."""
        super().set_theme(found)
        self.canvas.set_theme(found)
        self.seen.set_theme(found)

    def numbers(self, insight: Insight) -> list[Number]:
        """Return the watched lane's answer."""
        answers = insight.answers
        rows = (
            {}
            if answers is None
            else dict(zip([lane.name for lane in answers.lanes], answers.probabilities, strict=True))
        )
        own = rows.get(insight.lane.name)
        if own is None:
            return []
        second = float(sorted(own.tolist())[-2]) if len(own) > 1 else 0.0
        return [
            ("takes it for", answer_text(own)),
            ("probability", probability_text(own.max())),
            ("next best", probability_text(second)),
        ]

    def places(self, room: QRectF) -> list[tuple[Picture, QRectF]]:
        """Put the answers beside the image, the activations below."""
        upper = 0.6 * room.height()
        side = min(0.36 * room.width(), upper)
        left = room.left() + side + 24.0
        answers = QRectF(left, room.top(), room.right() - left, upper)
        strips = QRectF(room.left(), room.top() + upper + 20.0, room.width(), room.height() - upper - 20.0)
        return [(self.answers, answers), (self.strips, strips)]

    def draw_figure(self, painter: QPainter, room: QRectF, colours: Any) -> None:
        """Draw also the image that the networks got."""
        super().draw_figure(painter, room, colours)
        if self.insight is None or self.insight.answers is None:
            return
        below = room.adjusted(0.0, 30.0, 0.0, 0.0)
        side = min(0.36 * below.width(), 0.6 * below.height())
        rect = fitted(QRectF(below.left(), below.top(), side, side), self.insight.tests.shape)
        found = theme.DARK if colours.dark else theme.LIGHT
        draw_image(painter, rect, image_of(self.insight.answers.image, found))
        painter.setPen(QColor(colours.muted))
        painter.drawRect(rect)
