"""A monkey at the window: clicks, keys, drags, typed values and menus at random, under a `Watch`.

It knows no panel by name: it walks the widgets, menus and popups that are there, so that new ones are tried at once.
A seed gives the same choices again; each action has its own random numbers, so that one late frame does not change
all that comes after it. `tests/soak.py` lets it run for long.
"""

from __future__ import annotations

import contextlib
import gc
import random
from typing import TYPE_CHECKING

from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QTimer, QUrl
from PySide6.QtGui import QAction, QDragEnterEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QApplication,
    QComboBox,
    QDialog,
    QGraphicsView,
    QPlainTextEdit,
    QTabBar,
    QWidget,
)

from core.presets import panel_presets
from core.runner import Phase
from gui.registry import PANELS
from tests.answers import Answers
from tests.monkey_parts import (
    CTRL,
    FIELDS,
    FORMULAS,
    KEY,
    KEYS,
    LEFT,
    MIDDLE,
    NONE,
    RIGHT,
    SHIFT,
    TEXTS,
    WITH_CTRL,
    close_popups,
    leaves,
    painted,
    press,
    spot,
    turn_wheel,
    visible,
    word,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from gui.main_window import MainWindow
    from gui.panel import Panel
    from tests.watch import Watch


class Monkey:
    """Does one thing after the other at a window, and lets it live in between."""

    def __init__(self, window: MainWindow, watch: Watch, seed: int, folder: Path) -> None:
        """`folder` is where it may write and what its files to open lie in."""
        self.window, self.watch, self.seed, self.folder = window, watch, seed, folder
        self.actions = self.frames = self.updates = 0
        self._random = random.Random(seed)
        self.answers = Answers(folder, lambda: self._random)
        self._known: dict[str, tuple[int, int]] = {}
        self._popup_since = 0
        self._guard = QTimer(window)
        self._guard.timeout.connect(self._leave_dialogs)
        self._guard.start(200)
        self._waiting: QWidget | None = None
        for action in window.findChildren(QAction, "quit"):
            action.setEnabled(False)
        self._doings: dict[Callable[[], None], int] = {
            self._click: 30, self._type: 12, self._drag: 10, self._key: 10, self._shortcut: 8, self._combo: 6,
            self._rail: 6, self._wheel: 5, self._play: 6, self._menu: 5, self._drop: 1, self._resize: 1,
            self._draw: 5, self._hover: 4, self._formula: 3, self._turn: 4, self._animate: 2, self._scrub: 3,
        }  # fmt: skip

    def act(self) -> None:
        """Do one thing, and run the event loop for some milliseconds."""
        self.actions += 1
        self._random = random.Random(f"{self.seed}/{self.actions}")
        popup = QApplication.activePopupWidget()
        doing = self._random.choices(list(self._doings), self._doings.values())[0]
        if popup is None:
            self._popup_since = self.actions
            doing()
        else:
            self._in_popup(popup)
        pause = self._random.choice((0, 1, 5, 20, 60))
        with self._named("wait", pause, lasts=pause / 1000):
            self.watch.spin(pause)
        self._count()

    def calm(self) -> None:
        """Put every panel back to its first preset, so that what is left can be compared from time to time."""
        close_popups()
        for dialog in self.window.findChildren(QDialog):
            dialog.close()
        self.window.undo.clear()
        for entry in PANELS:
            self.window.open_panel(entry.key)
            panel = self.window.panel(entry.key)
            if hasattr(panel, "show_own"):
                panel.show_own()  # it may follow another panel's run
            panel.start(panel_presets(entry.key)[0].configuration())
            self._rest(panel)
        gc.collect()

    def _rest(self, panel: Panel) -> None:
        """Wait until a panel has nothing under way, as far as it comes to that."""
        for _ in range(20):
            self.watch.spin(250)
            if panel.own_player.settled and panel.own_player.status.phase is not Phase.RUNNING:
                break

    def leave(self) -> None:
        """Close the window at whatever moment this is."""
        self._guard.stop()
        close_popups()
        for dialog in self.window.findChildren(QDialog):
            dialog.close()
        self.watch.close(self.window)

    # What it does.

    def _click(self) -> None:
        widget = self._some_widget()
        if widget is not None:
            button = self._random.choices((LEFT, RIGHT, MIDDLE), (20, 2, 1))[0]
            place, held = self._place(widget), self._random.choices((NONE, CTRL, SHIFT), (12, 1, 1))[0]
            double = self._random.random() < 0.08
            with self._named("double click" if double else "click", widget, place, button.name, held.name):
                (QTest.mouseDClick if double else QTest.mouseClick)(*spot(widget, place, button, held))

    def _play(self) -> None:
        play = next((w for w in visible((QAbstractButton,)) if w.objectName() == "play"), None)
        if play is not None:
            with self._named("click", play):
                QTest.mouseClick(*spot(play, play.rect().center()))

    def _rail(self) -> None:
        found = [w for w in visible((QAbstractButton,)) if w.objectName().startswith("open-")]
        if found:
            button = self._random.choice(found)
            with self._named("click", button):
                QTest.mouseClick(*spot(button, button.rect().center()))

    def _key(self) -> None:
        key = self._random.choice(KEYS)
        with self._named("key", key.name, self._keyboard()):
            for _ in range(self._random.choice((1, 1, 1, 5))):
                QTest.keyClick(self._keyboard(), key)

    def _shortcut(self) -> None:
        key, held = self._random.choice(WITH_CTRL), self._random.choices((CTRL, CTRL | SHIFT), (6, 1))[0]
        with self._named("key", "Ctrl+", "Shift+" if held & SHIFT else "", key.name, self._keyboard()):
            QTest.keyClick(self._keyboard(), key, held)

    def _type(self) -> None:
        fields = visible(FIELDS)
        if not fields:
            return
        field = self._random.choice(fields)
        lucky = f"{10 ** self._random.uniform(-5, 3):.3g}"
        text = lucky if self._random.random() < 0.3 else self._random.choice(TEXTS)
        self._write(field, self._some_formula() if isinstance(field, QPlainTextEdit) else text)

    def _formula(self) -> None:
        """Type a function where one can be typed."""
        fields = visible((QPlainTextEdit,))
        if fields:
            self._write(self._random.choice(fields), self._some_formula())

    def _some_formula(self) -> str:
        """Return a function, now and then one with a letter too many or too few."""
        text, at = self._random.choice(FORMULAS), self._random.randrange(8)
        spoilt = text[:at] + self._random.choice(("", "(", ")", "^", "x", "e9", ",", "é")) + text[at + 1 :]
        return spoilt if self._random.random() < 0.3 else text

    def _write(self, field: QWidget, text: str) -> None:
        end = self._random.choice((KEY.Key_Return, KEY.Key_Return, KEY.Key_Tab, KEY.Key_Escape, None))
        with self._named("type", field, repr(text[:30]), end.name if end else "nothing"):
            QTest.mouseClick(*spot(field, self._place(field)))
            QTest.keyClick(self._keyboard(), KEY.Key_A, CTRL)
            for letter in text:
                press(self._keyboard(), letter)
            if end is not None:
                QTest.keyClick(self._keyboard(), end)

    def _combo(self) -> None:
        """Choose an entry, presets more often than others."""
        found = visible((QComboBox,))
        presets = [combo for combo in found if combo.objectName() == "preset"]
        if not found:
            return
        combo = self._random.choice(presets if presets and self._random.random() < 0.5 else found)
        turns = [self._random.choice((KEY.Key_Up, KEY.Key_Down, KEY.Key_End, KEY.Key_Home)) for _ in range(3)]
        with self._named("choose", combo, *(key.name for key in turns)):
            combo.setFocus()
            for key in turns:
                QTest.keyClick(combo, key)

    def _wheel(self) -> None:
        widget = self._some_widget()
        if widget is None:
            return
        place, turns = self._place(widget), self._random.choice((-3, -1, 1, 3))
        with self._named("wheel", widget, place, turns):
            turn_wheel(widget, place, turns)

    def _drag(self) -> None:
        found = visible((QGraphicsView, QAbstractSlider)) or visible((QWidget,))
        if not found:
            return
        widget = self._random.choice(found)
        widget = widget.viewport() if isinstance(widget, QGraphicsView) else widget
        self._drag_on(widget, self._random.choice((2, 3, 6)))

    def _draw(self) -> None:
        """Drag over what paints itself and follows the mouse, such as a canvas."""
        found = painted()
        if found:
            self._drag_on(self._random.choice(found), self._random.choice((2, 8, 20)))

    def _scrub(self) -> None:
        """Drag the timeline like mad."""
        found = [slider for slider in visible((QAbstractSlider,)) if slider.objectName() == "timeline"]
        if found:
            self._drag_on(found[0], 25)

    def _drag_on(self, widget: QWidget, moves: int) -> None:
        places = [self._place(widget) for _ in range(moves)]
        button = self._random.choices((LEFT, RIGHT, MIDDLE), (10, 1, 1))[0]
        with self._named("press", widget, places[0], button.name):
            QTest.mousePress(*spot(widget, places[0], button))
        for place in places[1:]:
            window, _, _, there = spot(widget, place)
            with self._named("move", widget, place, lasts=0.01):
                QTest.mouseMove(window, there)
                self.watch.spin(10)
        with self._named("release", widget, places[-1]):
            QTest.mouseRelease(*spot(widget, places[-1], button))

    def _hover(self) -> None:
        """Move the mouse over something with no button down."""
        views = [view.viewport() for view in visible((QGraphicsView,))]
        found = [*views, *painted()]
        if found:
            widget = self._random.choice(found)
            for place in [self._place(widget) for _ in range(self._random.choice((1, 4, 10)))]:
                window, _, _, there = spot(widget, place)
                with self._named("hover", widget, place, lasts=0.01):
                    QTest.mouseMove(window, there)
                    self.watch.spin(10)

    def _turn(self) -> None:
        """Open a page behind a tab."""
        bars = visible((QTabBar,))
        if bars:
            bar = self._random.choice(bars)
            place = bar.tabRect(self._random.randrange(max(1, bar.count()))).center()
            with self._named("tab", bar, place):
                QTest.mouseClick(*spot(bar, place))

    def _animate(self) -> None:
        """Begin an animation where an export window is open, and leave it to be cancelled."""
        formats = [combo for combo in visible((QComboBox,)) if combo.objectName() == "format"]
        write = [button for button in visible((QAbstractButton,)) if button.objectName() == "write"]
        if not (formats and write):
            with self._named("key", "Ctrl+E", self._keyboard()):
                QTest.keyClick(self._keyboard(), KEY.Key_E, CTRL)
            return
        with self._named("choose", formats[0], "an animation"):
            formats[0].setFocus()
            for key in (KEY.Key_End, *[KEY.Key_Up] * self._random.randrange(3)):
                QTest.keyClick(formats[0], key)
        with self._named("click", write[0]):
            QTest.mouseClick(*spot(write[0], write[0].rect().center()))

    def _menu(self) -> None:
        """Trigger an entry of the menu bar, of those that can be."""
        found = [action for menu in self.window.menuBar().actions() for action in leaves(menu.menu())]
        if found:
            action = self._random.choice(found)
            with self._named("menu", action.text()):
                action.trigger()

    def _resize(self) -> None:
        size = self._random.choice(((1280, 800), (1920, 1080), (900, 600), (300, 200), (3000, 1800)))
        with self._named("resize", *size):
            self.window.resize(*size)

    def _drop(self) -> None:
        """Drop a file where the window takes some."""
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(self.answers.file())])
        copy, place = Qt.DropAction.CopyAction, self.window.rect().center()
        with self._named("drop", data.urls()[0].fileName()):
            entered = QDragEnterEvent(place, copy, data, LEFT, NONE)
            QApplication.sendEvent(self.window, entered)
            if self.window.acceptDrops() and entered.isAccepted():
                QApplication.sendEvent(self.window, QDropEvent(QPointF(place), copy, data, LEFT, NONE))

    def _in_popup(self, popup: QWidget) -> None:
        """Use a menu or an open combo box for some actions, then leave it."""
        if self.actions - self._popup_since > 4:
            with self._named("close", popup):
                popup.close()
        elif self._random.random() < 0.5:
            place = self._place(popup)
            with self._named("click", popup, place):
                QTest.mouseClick(*spot(popup, place))
        else:
            key = self._random.choice((KEY.Key_Down, KEY.Key_Up, KEY.Key_Return, KEY.Key_Escape))
            with self._named("key", key.name, popup):
                QTest.keyClick(popup, key)

    # What it finds.

    def _some_widget(self) -> QWidget | None:
        """Return a widget: a kind first, as there are more buttons than plots."""
        kinds = ((QAbstractButton,), (QAbstractButton,), (QAbstractSlider,), FIELDS, (QGraphicsView,), (QWidget,))
        found = visible(self._random.choice(kinds))
        widget = self._random.choice(found) if found else None
        return widget.viewport() if isinstance(widget, QGraphicsView) else widget

    def _place(self, widget: QWidget) -> QPoint:
        seen = widget.visibleRegion().boundingRect()
        across, down = (self._random.randrange(max(1, length)) for length in (seen.width(), seen.height()))
        return seen.topLeft() + QPoint(across, down)

    def _keyboard(self) -> QWidget:
        return QApplication.focusWidget() or self.window

    def _leave_dialogs(self) -> None:
        """Leave a dialog or a menu that keeps whoever opened it waiting, when it is seen for the second time."""
        waiting = QApplication.activePopupWidget() or QApplication.activeModalWidget()
        if waiting is not None and waiting is self._waiting:
            self.watch.waited_for = True
            self.answers.leave(waiting)
        self._waiting = waiting

    # What it tells.

    @contextlib.contextmanager
    def _named(self, *parts: object, lasts: float = 0.0) -> Iterator[None]:
        """Write an action down before it is done."""
        panel = self.window.current()
        where = panel.entry.key if panel is not None else "no panel"
        with self.watch.action(f"#{self.actions} {where}: {' '.join(map(word, parts))}", lasts):
            yield

    def _count(self) -> None:
        """Count the updates that the engines made and the frames that came of them."""
        for key, panel in self.window.panels.items():
            status = panel.player.status
            loads, position = self._known.get(key, (-1, 0))
            if key not in self._known:
                panel.player.shown.connect(self._saw_frame)
            self.updates += max(0, status.position - (position if status.loads == loads else 0))
            self._known[key] = status.loads, status.position

    def _saw_frame(self, _frame: object, _cursor: int) -> None:
        self.frames += 1
