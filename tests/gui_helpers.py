"""A user with a mouse and a keyboard, for tests of the window; the fixtures are in `tests/window.py`."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QImage, QTextDocument, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QLabel, QScrollArea, QWidget
from shiboken6 import isValid

from core.optimizers import OPTIMIZERS
from core.presets import PRESETS
from core.runner import Phase

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from core.parameters import Configuration
    from gui.main_window import MainWindow
    from gui.panel import Panel

LEFT = Qt.MouseButton.LeftButton
SMALL_RACE = {"hidden": (8,), "batch": 16, "lanes": ("sgd", "adam"), "iterations": 400, "evaluate": 1}
_PACE = 14  # ms
IDX_FILES = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")


def small(preset: str = "optimizer-mnist", **values: Any) -> Configuration:
    """Return a race that takes no time."""
    own = {} if preset == "optimizer-mnist" else {"lanes": ("xavier", "he")}
    return PRESETS[preset].configuration({**SMALL_RACE, **own, **values})


class User:
    """Someone at the window. `find` looks in the panel in focus first, then in the whole window."""

    def __init__(self, window: MainWindow, qtbot: Any) -> None:
        self.window, self.qtbot = window, qtbot

    @property
    def panel(self) -> Panel:
        """The panel in focus."""
        panel = self.window.current()
        assert panel is not None
        return panel

    @property
    def player(self) -> Any:
        """What the transport in focus drives."""
        return self.panel.player

    def find(self, name: str) -> Any:
        """Return the widget of that objectName; fail where there is none."""
        for place in (self.window.current(), self.window):
            found = place.findChild(QWidget, name) if place is not None else None
            if found is not None:
                return found
        raise AssertionError(f"no widget is called {name!r}")

    def sees(self, name: str) -> bool:
        """Tell whether there is a widget of that objectName on screen."""
        found = (place.findChild(QWidget, name) for place in (self.panel, self.window))
        return any(widget is not None and widget.isVisible() for widget in found)

    def said(self) -> str:
        """Return the line beside the panel's title."""
        return self.find("said").text()

    def lane_status(self, name: str) -> str:
        """Return what stands beside a lane."""
        return self.panel.lanes.row(name).status()

    # Hands.

    def click(self, target: str | QWidget, place: QPoint | None = None) -> None:
        """Press and release the left button on a widget, through the window, as the mouse does."""
        widget = self.find(target) if isinstance(target, str) else target
        assert widget.isVisible(), f"{target} is not visible"
        self.scroll_to(widget)
        self.press_at(widget, place or widget.rect().center())
        self.release_at(widget, place or widget.rect().center())

    def scroll_to(self, widget: QWidget) -> None:
        """Bring a widget of the form into view."""
        QApplication.processEvents()
        above = widget.parentWidget()
        while above is not None and not isinstance(above, QScrollArea):
            above = above.parentWidget()
        if above is not None:
            above.ensureWidgetVisible(widget)

    def press_at(self, widget: QWidget, place: QPoint) -> None:
        """Put the button down."""
        self.move_to(widget, place)
        QTest.mousePress(*self._spot(widget, place))

    def move_to(self, widget: QWidget, place: QPoint) -> None:
        """Move the mouse, with its button as it is."""
        window, *_, spot = self._spot(widget, place)
        QTest.mouseMove(window, spot)

    def release_at(self, widget: QWidget, place: QPoint) -> None:
        """Let the button go."""
        QTest.mouseRelease(*self._spot(widget, place))

    def drag(self, widget: QWidget, first: QPoint, last: QPoint, moves: int = 6) -> None:
        """Drag in several moves, at a hand's pace: pyqtgraph passes over moves that come faster than it draws."""
        self.press_at(widget, first)
        for i in range(1, moves + 1):
            self.qtbot.wait(_PACE)
            self.move_to(widget, first + (last - first) * (i / moves))
        self.release_at(widget, last)
        self.qtbot.wait(_PACE)

    def aside(self) -> None:
        """Take the mouse off whatever it is over."""
        self.move_to(self.window, QPoint(self.window.width() // 2, self.window.height() - 3))
        QApplication.processEvents()

    def wheel(self, widget: QWidget, place: QPoint, turns: int) -> None:
        """Turn the wheel away from oneself (positive) over a place."""
        spot = QPointF(place)
        event = QWheelEvent(
            spot,
            widget.mapToGlobal(spot),
            QPoint(),
            QPoint(0, 120 * turns),
            Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(widget, event)

    def press(self, key: Qt.Key, *modifiers: Qt.KeyboardModifier) -> None:
        """Press a key wherever the keyboard is."""
        held = Qt.KeyboardModifier.NoModifier
        for modifier in modifiers:
            held |= modifier
        self.qtbot.keyClick(QApplication.focusWidget() or self.window, key, held)

    def control(self, key: Qt.Key, *modifiers: Qt.KeyboardModifier) -> None:
        """Press a key with Ctrl."""
        self.press(key, Qt.KeyboardModifier.ControlModifier, *modifiers)

    def enter(self, name: str, text: str) -> None:
        """Type a value into a field and press Enter; a lane is opened for its own parameters."""
        lane = name.partition(".")[0]
        if "." in name and lane in OPTIMIZERS and self.panel.findChild(QWidget, name) is None:
            self.click(f"lane-{lane}:open")
        field = self.find(name)
        field = field.lineEdit() if isinstance(field, QComboBox) else field
        field.setFocus()
        field.selectAll()
        self.qtbot.keyClicks(field, text)
        self.qtbot.keyClick(field, Qt.Key.Key_Return)

    def choose(self, name: str, text: str) -> None:
        """Choose an entry of a closed combo box with the keyboard."""
        combo = self.find(name)
        combo.setFocus()
        wanted = combo.findText(text)
        assert wanted >= 0, f"{name} does not offer {text!r}"
        while combo.currentIndex() != wanted:
            before = combo.currentIndex()
            self.qtbot.keyClick(combo, Qt.Key.Key_Down if before < wanted else Qt.Key.Key_Up)
            assert combo.currentIndex() != before

    def open_export(self) -> Any:
        """Open the export window with its key and return it."""
        self.window.activateWindow()
        self.until(self.window.isActiveWindow)
        self.control(Qt.Key.Key_E)
        dialog = self.window._export
        assert dialog is not None
        self.until(dialog.isVisible)
        return dialog

    def export(self, dialog: Any, timeout: int = 20_000) -> None:
        """Press Export and wait until it is over, well or not."""
        self.click(dialog.write)
        self.until(lambda: not isValid(dialog) or not dialog.busy, timeout)

    # Patience.

    def until(self, done: Callable[[], bool], timeout: int = 5000) -> None:
        """Wait until something holds."""
        self.qtbot.waitUntil(done, timeout=timeout)

    def until_phase(self, *phases: Phase) -> None:
        """Wait until the run is in one of these phases and what it has done is on screen."""
        self.until(lambda: self.player.status.phase in phases)
        self.until(lambda: self.player.head == self.player.status.position)

    # Shorthands.

    def open(self, key: str) -> None:
        """Click a panel's button in the rail."""
        self.click(f"open-{key}")
        self.until(lambda: self.panel.entry.key == key and self.panel.shown_frame() is not None)

    def small_race(self, preset: str = "optimizer-mnist", **values: Any) -> None:
        """Open the training panel at a race that takes no time."""
        wanted = small(preset, **values)
        if "training" not in self.window.panels:
            self.window.settings.save_configuration("training", wanted)
        self.open("training")
        if self.panel.configuration != wanted:
            self.panel.start(wanted)
        self.until(lambda: self.player.status.configuration == wanted and self.player.status.phase is Phase.PAUSED)
        self.until(lambda: self.player.frame.position == 0 and self.player.frame.total == wanted["iterations"])

    @staticmethod
    def _spot(widget: QWidget, place: QPoint) -> tuple[Any, ...]:
        window = widget.window()
        return window.windowHandle(), LEFT, Qt.KeyboardModifier.NoModifier, widget.mapTo(window, place)


def ink(image: QImage, colour: str, tolerance: int = 24) -> int:
    """Return how many pixels of a picture have about this colour."""
    picture, wanted = pixels(image), [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    bands = [(max(0, value - tolerance), min(255, value + tolerance)) for value in wanted]
    near = [(picture[..., i] >= low) & (picture[..., i] <= high) for i, (low, high) in enumerate(bands)]
    return int(np.count_nonzero(near[0] & near[1] & near[2]))


def pixels(image: QImage) -> np.ndarray:
    """Return a picture as bytes (height, width, 3), red first."""
    image = image.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()


def plain_text(label: QLabel) -> str:
    """Return a label's text without its looks."""
    document = QTextDocument()
    document.setHtml(label.text())
    return document.toPlainText()


def colours(image: QImage) -> np.ndarray:
    """Return the different colours of a picture, as numbers."""
    return np.unique(pixels(image).reshape(-1, 3) @ np.array([1 << 16, 1 << 8, 1]))


def grabbed(widget: QWidget) -> QImage:
    """Return what a widget shows."""
    return widget.grab().toImage()


def write_idx(folder: Path, images: int = 60, shape: tuple[int, int] = (6, 6)) -> Path:
    """Write a small data set in MNIST's format and return its folder."""
    pixels = images * shape[0] * shape[1]
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(0)
    for name in IDX_FILES:
        if "images" in name:
            content = struct.pack(">4I", 0x0803, images, *shape) + rng.integers(0, 256, pixels, np.uint8).tobytes()
        else:
            content = struct.pack(">2I", 0x0801, images) + (np.arange(images) % 10).astype(np.uint8).tobytes()
        (folder / f"{name}-ubyte").write_bytes(content)
    return folder


def export_reason(dialog: QWidget) -> str:
    """Return what the export window says is wrong; nothing while it says nothing."""
    label = dialog.findChild(QLabel, "export-reason")
    assert label is not None
    return label.text() if label.isVisible() else ""
