"""What a monkey has at hand: keys and texts to type, the widgets that can be used, and how each of them is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QAction, QKeyEvent, QWheelEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QGraphicsView,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QTabBar,
    QWidget,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = Qt.Key
NONE, CTRL, SHIFT = (getattr(Qt.KeyboardModifier, f"{name}Modifier") for name in ("No", "Control", "Shift"))
LEFT, RIGHT, MIDDLE = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton, Qt.MouseButton.MiddleButton
KEYS = (
    *(KEY.Key_Space, KEY.Key_Left, KEY.Key_Right, KEY.Key_Up, KEY.Key_Down, KEY.Key_Home, KEY.Key_End, KEY.Key_Tab),
    *(KEY.Key_Backtab, KEY.Key_Return, KEY.Key_Escape, KEY.Key_F1, KEY.Key_Delete, KEY.Key_PageUp, KEY.Key_PageDown),
    *(KEY.Key_Backspace, KEY.Key_A, KEY.Key_7, KEY.Key_Minus, KEY.Key_Comma, KEY.Key_Period, KEY.Key_D, KEY.Key_X),
)
WITH_CTRL = (
    *(KEY.Key_1, KEY.Key_2, KEY.Key_3, KEY.Key_4, KEY.Key_5, KEY.Key_6, KEY.Key_7, KEY.Key_8, KEY.Key_7, KEY.Key_8),
    *(KEY.Key_Z, KEY.Key_Z, KEY.Key_Y, KEY.Key_C),
    *(KEY.Key_V, KEY.Key_A, KEY.Key_E, KEY.Key_S, KEY.Key_O, KEY.Key_N, KEY.Key_B, KEY.Key_Home, KEY.Key_End),
)
TEXTS = (
    *("", " ", "0", "1", "2", "3", "5", "10", "16", "40", "0.5", "0.01", "1e-3", "-1", "1e9", "1e400", "nan", "inf"),
    *("8,8", "30,20", "100", "5,5,5,5,5,5", "1,,2", "12x3", "abc", "xavier", "he", "normal-0.2", "normal-", "zeros"),
    *("tanh-he", "relu-xavier", "sigma-0.1-bn", "l2-0.1", "p-0.2", "0.001-0.1", "1-2-3", "…", "λ=3", "9" * 400, "a\tb"),
)
FORMULAS = (
    *("x^2/20 + y^2", "sin(x) cos(y)", "(x^2 + y - 11)^2 + (x + y^2 - 7)^2", "log(x) + 1/y", "exp(exp(exp(x y)))"),
    *("x^2 +", "x**y**x", "9^9^9^9", "x^(10^400)", "__import__('os')", "0/0", "1/0", "1e999 x", "x2,5", "f(x)", "π x"),
    *("sqrt(-1 - x^2)", "floor(1000 x) + sin(1e9 y)", "(" * 150, "-" * 300 + "x", "x" * 450, "|x|^0.001 - |y|", "7"),
)
FIELDS = (QLineEdit, QAbstractSpinBox, QPlainTextEdit)
_WIDGETS_OF_QT = (QAbstractButton, QAbstractSlider, QAbstractSpinBox, QComboBox, QLineEdit, QGraphicsView, QTabBar)


def visible(kinds: tuple[type, ...]) -> list[Any]:
    """Return what can be used, of the dialog that asks for an answer or else of every window."""
    modal = QApplication.activeModalWidget()
    tops = [modal] if modal is not None else [w for w in QApplication.topLevelWidgets() if w.isVisible()]
    found = [w for top in tops for w in top.findChildren(QWidget) if isinstance(w, kinds)]
    return [w for w in found if w.isVisible() and w.isEnabled() and not w.visibleRegion().isEmpty()]


def painted() -> list[QWidget]:
    """Return what paints itself and uses the mouse."""
    ours = (w for w in visible((QWidget,)) if not isinstance(w, _WIDGETS_OF_QT))
    return [w for w in ours if type(w).__module__.startswith("gui.") and "mousePressEvent" in _defined(type(w))]


def _defined(kind: type) -> set[str]:
    """Return the names that a class and those of the program above it define."""
    return {name for above in kind.__mro__ if above.__module__.startswith("gui.") for name in vars(above)}


def close_popups() -> None:
    while (popup := QApplication.activePopupWidget()) is not None:
        popup.close()


def leaves(menu: QMenu | None) -> Iterator[QAction]:
    """Yield the entries of a menu and of the menus in it that can be triggered."""
    for action in menu.actions() if menu is not None else ():
        if action.menu() is not None:
            yield from leaves(action.menu())
        elif action.isEnabled() and not action.isSeparator():
            yield action


def spot(
    widget: QWidget, place: QPoint, button: Qt.MouseButton = LEFT, held: Qt.KeyboardModifier = NONE
) -> tuple[Any, ...]:
    """Return what QTest needs to use the mouse there, through the window as the mouse does."""
    window = widget.window()
    return window.windowHandle(), button, held, widget.mapTo(window, place)


def turn_wheel(widget: QWidget, place: QPoint, turns: int) -> None:
    spot, phase = QPointF(place), Qt.ScrollPhase.NoScrollPhase
    there, button = QPointF(widget.mapToGlobal(spot)), Qt.MouseButton.NoButton
    QApplication.sendEvent(
        widget, QWheelEvent(spot, there, QPoint(), QPoint(0, 120 * turns), button, NONE, phase, False)
    )


def press(widget: QWidget, letter: str) -> None:
    """Type a letter, also one that QTest would end the process for."""
    for kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
        key = ord(letter.upper()) if letter.isascii() else 0
        QApplication.sendEvent(widget, QKeyEvent(kind, key, NONE, letter))


def word(part: object) -> str:
    if isinstance(part, QWidget):
        return f"{type(part).__name__} {part.objectName() or part.accessibleName()!r}"
    return f"({part.x()}, {part.y()})" if isinstance(part, QPoint) else str(part)
