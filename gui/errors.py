"""What went wrong, said in one banner that blocks nothing, and hooks that bring every stray exception to it.

Exceptions in slots reach `sys.excepthook`, those of plain threads only `threading.excepthook`: both are taken.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
import traceback
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal
from PySide6.QtGui import QGuiApplication, QKeyEvent
from PySide6.QtWidgets import QFrame, QLabel, QPushButton, QSizePolicy, QWidget

from gui import theme
from gui.theme import Severity
from gui.widgets import IconButton, flag, row_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from PySide6.QtGui import QShowEvent

    Action = tuple[str, Callable[[], object]]

_log = logging.getLogger(__name__)
_ICON = 20


class Banner(QFrame):
    """A strip at the top of the window with one message; hidden until there is one. Esc or its button closes it."""

    closed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("banner")
        self._words = self._details = ""
        self._severity = Severity.INFO
        self._watched: QWidget | None = None
        self._picture = QLabel(self)
        self._text = QLabel(self)
        self._text.setObjectName("banner-text")
        self._text.setTextFormat(Qt.TextFormat.PlainText)
        self._text.setWordWrap(True)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._text.setMinimumWidth(1)  # a long path does not widen the window
        self._copy = QPushButton("Copy details", self)
        self._copy.setObjectName("banner-details")
        self._copy.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._copy.clicked.connect(self._copy_details)
        self._actions: list[QPushButton] = []
        self._close = IconButton("close", "Close this message (Esc)", 16, parent=self)
        self._close.setObjectName("banner-close")
        self._close.clicked.connect(self.dismiss)
        self._row = row_of(self._picture, self._text, self._copy, self._close, margins=(12, 6, 8, 6))
        self.setLayout(self._row)
        self.hide()

    def show_message(
        self,
        text: str,
        severity: Severity = Severity.INFO,
        details: str | None = None,
        actions: Sequence[Action] = (),
    ) -> None:
        """Show a message in place of the one before; `details` are copied, not shown.

        `actions` are buttons, as words and what they do; each closes the message.
        """
        self._offer(actions)
        self._severity, self._details = severity, details or ""
        self._words = text
        self._text.setText(_breakable(text))
        self.setAccessibleName(f"{severity.value}: {text}")
        self._copy.setText("Copy details")
        self._copy.setVisible(bool(details))
        flag(self, "severity", severity.value)
        self._draw()
        self.show()

    def _offer(self, actions: Sequence[Action]) -> None:
        for button in self._actions:
            self._row.removeWidget(button)
            button.hide()
            button.deleteLater()
        self._actions = [self._make_action(*action) for action in actions]
        for button in self._actions:
            self._row.insertWidget(self._row.indexOf(self._copy), button)

    def _make_action(self, words: str, run: Callable[[], object]) -> QPushButton:
        button = QPushButton(words, self)
        button.setObjectName(f"banner-{words.split()[0].lower()}")
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.clicked.connect(self.dismiss)
        button.clicked.connect(lambda _checked=False: run())
        return button

    def text(self) -> str:
        """Return the message; empty while there is none."""
        return "" if self.isHidden() else self._words

    def dismiss(self) -> None:
        """Hide the banner."""
        if not self.isHidden():
            self.hide()
            self.closed.emit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take an Esc that nothing else in the window wanted."""
        if (
            event.type() == QEvent.Type.KeyPress
            and cast("QKeyEvent", event).key() == Qt.Key.Key_Escape
            and self.isVisible()
        ):
            self.dismiss()
            return True
        return super().eventFilter(watched, event)

    def changeEvent(self, event: QEvent) -> None:
        """Draw the icon again in a new theme's colour."""
        if event.type() == QEvent.Type.PaletteChange:
            self._draw()
        super().changeEvent(event)

    def showEvent(self, event: QShowEvent) -> None:
        """Listen to the keys that reach the window."""
        if self._watched is not self.window():
            if self._watched is not None:
                self._watched.removeEventFilter(self)
            self._watched = self.window()
            self._watched.installEventFilter(self)
        super().showEvent(event)

    def _copy_details(self) -> None:
        QGuiApplication.clipboard().setText(f"{self._words}\n\n{self._details}")
        self._copy.setText("Copied")

    def _draw(self) -> None:
        now = theme.current()
        icon = theme.icon(self._severity.value, now, now.severity(self._severity))
        self._picture.setPixmap(icon.pixmap(QSize(_ICON, _ICON), self.devicePixelRatioF()))


def _breakable(text: str) -> str:
    """Let a line break within long words too, such as paths: after what separates their parts, and now and then."""
    return re.sub(r"[/\\_.-]|\w{24}", lambda found: f"{found[0]}\u200b", text)


class Hooks(QObject):
    """Stray exceptions, from whichever thread, as a signal in the GUI thread; made by `install_hooks`."""

    _caught = Signal(str, str)

    def __init__(self, emit: Callable[[str, str], None]) -> None:
        super().__init__()
        self._emit = emit
        self._caught.connect(self._forward, Qt.ConnectionType.QueuedConnection)
        self._before = sys.excepthook, threading.excepthook
        # bound once: a method of an object is a new object at each access
        self._ours = self._on_exception, self._on_thread_exception
        sys.excepthook, threading.excepthook = self._ours

    def remove(self) -> None:
        """Put the hooks back that were there before, unless others have come since."""
        if sys.excepthook is self._ours[0]:
            sys.excepthook = self._before[0]
        if threading.excepthook is self._ours[1]:
            threading.excepthook = self._before[1]
        self._emit = _ignore

    def _forward(self, text: str, details: str) -> None:
        self._emit(text, details)

    def _on_exception(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None, where: str = "the window"
    ) -> None:
        if not issubclass(kind, Exception):  # KeyboardInterrupt and SystemExit end the program, as ever
            self._before[0](kind, error, trace)
            return
        _log.error("unexpected error in %s", where, exc_info=(kind, error, trace))
        text = traceback.format_exception_only(kind, error)[-1].strip()
        self._caught.emit(text, "".join(traceback.format_exception(kind, error, trace)))

    def _on_thread_exception(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_value is None or not issubclass(args.exc_type, Exception):
            self._before[1](args)
            return
        name = args.thread.name if args.thread else "a thread"
        self._on_exception(args.exc_type, args.exc_value, args.exc_traceback, name)


def install_hooks(emit: Callable[[str, str], None]) -> Hooks:
    """Log every uncaught exception and call `emit(one line, traceback)` for it in the calling (the GUI's) thread.

    Returns an object whose `remove()` restores the hooks that were there.
    """
    return Hooks(emit)


def _ignore(_text: str, _details: str) -> None:
    """Take what was still queued when the hooks went."""
