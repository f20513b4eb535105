"""The page of the data: what there is of each class, what it looks like, any image pixel by pixel.

A data set is looked at on a thread that touches no Qt, so a page may go at any moment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QImage, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QRadioButton,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from core.overview import survey
from gui.background import Background
from gui.data_grid import DataGrid
from gui.data_parts import POINT_AT_A_PIXEL, Mask, Pixels
from gui.data_sheet import part_words
from gui.data_words import data_title
from gui.theme import Severity
from gui.widgets import ElidedLabel, flag, row_of, tip
from gui.words import percent

if TYPE_CHECKING:
    from PySide6.QtGui import QFocusEvent

    from core.datasets import Dataset
    from core.overview import Overview
    from gui.data_parts import Picture
    from gui.theme import Theme

_FRAME_SECONDS = 0.016
_SIDE = 282, 460  # least and greatest width of the column of the large image


class DataPage(QWidget):
    """What is in one data set; nothing until `show_dataset`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("data")
        self.setAccessibleName("data")
        self._dataset: Dataset | None = None
        self._work = Background("survey", self)
        self._work.done.connect(self._show)
        self._work.failed.connect(self._refuse)
        self._make_head()
        self._make_body()
        self._make_side()
        self._lay_out()
        self._connect()
        self._say("There are no data yet.")

    # What the window asks for.

    def show_dataset(self, dataset: Dataset) -> None:
        """Look at a data set; where that takes longer than a frame, the page says so meanwhile.

        One that is shown already stays as it is.
        """
        if dataset is self._dataset:
            return
        self._dataset = dataset
        self._describe(dataset)
        self._work.forget()  # the result of one before is not waited for
        self._work.run(lambda: survey(dataset))
        if not self._work.wait(_FRAME_SECONDS):
            images = len(dataset.train_labels) + len(dataset.test_labels)
            self._say(f"Looking at {images:,} images …", busy=True)

    def set_theme(self, theme: Theme) -> None:
        """Draw in this look."""
        for part in (self.grid, self.pixels, self.left_out):
            part.set_theme(theme)

    def picture(self) -> QImage:
        """Return the page as it is on screen, twice as fine."""
        image = QImage(self.size() * 2, QImage.Format.Format_RGB32)
        image.setDevicePixelRatio(2.0)
        self.render(image)
        return image

    # Widgets.

    def _make_head(self) -> None:
        self.title, self.facts = ElidedLabel(parent=self), ElidedLabel(parent=self)
        self.title.setProperty("role", "title")
        self.facts.setProperty("role", "muted")
        for label, name in ((self.title, "data-title"), (self.facts, "data-facts")):
            label.setObjectName(name)
        self._parts = QButtonGroup(self)
        self.radios = {training: self._make_radio(training) for training in (True, False)}
        self.radios[True].setChecked(True)
        self.other = QPushButton("Other examples", self)
        self.other.setObjectName("data-other")
        self.other.setToolTip(
            tip("Show other images of each class (O), or those before (Shift+O). Their order is always the same.")
        )

    def _make_radio(self, training: bool) -> QRadioButton:
        radio = QRadioButton(part_words(training), self)
        radio.setObjectName(f"data-{radio.text()}")
        radio.setAccessibleName(f"{radio.text()} images")
        self._parts.addButton(radio)
        return radio

    def _make_side(self) -> None:
        self.pixels, self.left_out = Pixels(self), Mask(self)
        self.pixels.setObjectName("data-pixels")
        self.pixels.setAccessibleName("image, pixel by pixel")
        self.chosen, self.value = ElidedLabel(parent=self), self._make_words("data-value")
        self.chosen.setObjectName("data-chosen")
        self.value.setFixedHeight(2 * self.value.fontMetrics().lineSpacing() + 2)  # other words move nothing
        self.value.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        self._show_value(POINT_AT_A_PIXEL)
        self.left_out_words = self._make_words("data-unused")

    def _make_words(self, name: str) -> QLabel:
        label = QLabel(self)
        label.setObjectName(name)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setWordWrap(True)
        return label

    def _make_body(self) -> None:
        self.grid = DataGrid(self)
        self.grid.setObjectName("data-grid")
        self.grid.setAccessibleName("images of each class")
        self._word, self._bar = QLabel(self), QProgressBar(self)
        self._word.setObjectName("data-word")
        self._word.setTextFormat(Qt.TextFormat.PlainText)
        self._word.setWordWrap(True)
        self._word.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._bar.setRange(0, 0)
        self._bar.setTextVisible(False)
        self._bar.setFixedWidth(220)
        self._bar.setAccessibleName("looking at the images")
        policy = self._bar.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self._bar.setSizePolicy(policy)

    def _lay_out(self) -> None:
        self._stack = QStackedWidget(self)
        self._stack.addWidget(self._lay_out_word())
        self._stack.addWidget(self._lay_out_sheet())
        whole = QVBoxLayout(self)
        whole.setContentsMargins(16, 10, 16, 14)
        whole.setSpacing(10)
        whole.addLayout(self._lay_out_head())
        whole.addWidget(self._stack, 1)

    def _lay_out_head(self) -> QHBoxLayout:
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self.title)
        words.addWidget(self.facts)
        head = QHBoxLayout()
        head.setSpacing(16)
        head.addLayout(words, 1)
        for widget in (self.radios[True], self.radios[False], self.other):
            head.addWidget(widget)
        return head

    def _lay_out_word(self) -> QWidget:
        page = QWidget(self)
        column = QVBoxLayout(page)
        column.addStretch(1)
        column.addWidget(self._word)
        column.addLayout(row_of(1, self._bar, 1, margins=(0, 10, 0, 0)))
        column.addStretch(1)
        return page

    def _lay_out_sheet(self) -> QWidget:
        page = QWidget(self)
        columns = QHBoxLayout(page)
        columns.setContentsMargins(0, 0, 0, 0)
        columns.setSpacing(18)
        columns.addWidget(self.grid, 100)
        columns.addWidget(self._lay_out_side(), 34)
        return page

    def _lay_out_side(self) -> QWidget:
        side = QWidget(self)
        side.setMinimumWidth(_SIDE[0])
        side.setMaximumWidth(_SIDE[1])
        side.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.chosen)
        column.addWidget(self.pixels, 1000)
        column.addWidget(self.value)
        column.addStretch(1)
        head = QLabel("Pixels never used", side)
        head.setProperty("role", "heading")
        head.setIndent(0)
        column.addSpacing(8)
        column.addWidget(head)
        row = row_of(self.left_out, self.left_out_words, spacing=14)
        row.setStretchFactor(self.left_out_words, 1)
        column.addLayout(row)
        return side

    def _connect(self) -> None:
        self.grid.chosen.connect(self._show_picture)
        self.grid.turned.connect(self.other.setEnabled)
        self.pixels.read.connect(self._show_value)
        self.radios[True].toggled.connect(self.grid.show_part)
        self.other.clicked.connect(lambda: self.grid.turn(1))
        for keys, pages in (("O", 1), ("Shift+O", -1)):
            shortcut = QShortcut(QKeySequence(keys), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(lambda pages=pages: self.grid.turn(pages))

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Hand the keyboard on to the images; with a focus proxy Tab would go round without the head."""
        self.grid.setFocus(event.reason())

    # Showing.

    def _describe(self, dataset: Dataset) -> None:
        """Say what is known at once."""
        self.title.setText(f"Data: {data_title(dataset)}")
        train, test = len(dataset.train_labels), len(dataset.test_labels)
        rows, columns = dataset.shape
        self.facts.setText(
            f"{train:,} training and {test:,} test images of {rows}×{columns} pixels, labels 0 to {dataset.classes - 1}"
        )

    def _say(self, word: str, severity: Severity = Severity.INFO, *, busy: bool = False) -> None:
        """Show a word in place of the images."""
        self._word.setText(word)
        flag(self._word, "severity", severity.value)
        self._bar.setVisible(busy)
        self._allow(False)
        self._stack.setCurrentIndex(0)

    def _allow(self, usable: bool) -> None:
        for control in (*self.radios.values(), self.other):
            control.setEnabled(usable)

    def _refuse(self, error: Exception) -> None:
        """Say what went wrong, whatever it is: memory that cannot be had, for one."""
        self._dataset = None  # it may be tried again
        problem = " ".join(str(error).split()) or type(error).__name__
        self._say(f"These images cannot be looked at: {problem}", Severity.ERROR)

    def _show(self, overview: Overview) -> None:
        self._allow(True)
        self._stack.setCurrentIndex(1)
        self.radios[True].setChecked(True)
        self.grid.show_overview(overview)
        self.left_out.show_mask(overview.train.mean.reshape(overview.shape), overview.unused)
        self.left_out_words.setText(_unused_words(overview))

    def _show_picture(self, picture: Picture) -> None:
        words = picture.words
        self.chosen.setText(words[:1].upper() + words[1:])
        self.pixels.show_picture(picture)

    def _show_value(self, words: str) -> None:
        self.value.setText(words)
        flag(self.value, "role", "muted" if words == POINT_AT_A_PIXEL else "")


def _unused_words(overview: Overview) -> str:
    """Say in one sentence which pixels networks leave out."""
    unused, pixels = int(overview.unused.sum()), overview.unused.size
    if not unused:
        return f"Each of the {pixels:,} pixels is used by some image, so networks have them all as inputs."
    share = percent(unused / pixels).replace(" ", "\u00a0")
    return (
        f"{unused:,} of {pixels:,} pixels ({share}) {'is' if unused == 1 else 'are'} 0 in every image, "
        f"training and test: networks leave out what is never used and have {pixels - unused:,} inputs."
    )
