"""The banner and the hooks that bring stray exceptions to it, and the two themes' contrast."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QUndoCommand, QUndoStack
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from gui import theme
from gui.data_menu import ChangeData
from gui.errors import Banner, install_hooks
from gui.reported import reported
from gui.theme import DARK, LIGHT, RESOURCES, Severity
from gui.undo import Edit
from gui.views.inside import DrawEdit

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def window(qtbot):
    made = QWidget()
    made.banner, made.line = Banner(made), QLineEdit(made)
    column = QVBoxLayout(made)
    column.addWidget(made.banner)
    column.addWidget(made.line)
    qtbot.addWidget(made)
    made.show()
    return made


def test_a_banner_is_hidden_until_it_has_a_message(window):
    assert not window.banner.isVisible()
    window.banner.show_message("No such folder", Severity.ERROR)
    assert window.banner.isVisible()
    assert window.banner.text() == "No such folder"
    assert window.banner.accessibleName() == "error: No such folder"


def test_a_banner_closes_by_its_button_and_by_escape_wherever_the_keyboard_is(qtbot, window):
    banner = window.banner
    banner.show_message("one")
    with qtbot.waitSignal(banner.closed):
        qtbot.mouseClick(banner.findChild(QWidget, "banner-close"), Qt.MouseButton.LeftButton)
    banner.show_message("two")
    with qtbot.waitSignal(banner.closed):
        qtbot.keyClick(window.line, Qt.Key.Key_Escape)
    assert (banner.isVisible(), banner.text()) == (False, "")


def test_details_are_offered_only_if_there_are_some_and_are_copied(qtbot, window):
    banner = window.banner
    copy = banner.findChild(QWidget, "banner-details")
    banner.show_message("plain")
    assert not copy.isVisible()
    banner.show_message("it failed", Severity.ERROR, "Traceback: line 3")
    qtbot.mouseClick(copy, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == "it failed\n\nTraceback: line 3"


@pytest.fixture
def caught(qtbot, monkeypatch):
    """Hooks over quiet ones, so that what they hand on is seen here only."""
    before = []
    monkeypatch.setattr(sys, "excepthook", lambda *error: before.append(error[0]))
    monkeypatch.setattr(threading, "excepthook", lambda args: before.append(args.exc_type))
    found = []
    hooks = install_hooks(lambda text, details: found.append((text, details, threading.current_thread())))
    yield found, before
    hooks.remove()


def raised(error):
    try:
        raise error
    except BaseException as caught:
        return type(caught), caught, caught.__traceback__


def test_an_uncaught_exception_arrives_later_and_is_logged(qtbot, caught, caplog):
    found, before = caught
    sys.excepthook(*raised(ValueError("no good")))
    assert found == []
    qtbot.waitUntil(lambda: bool(found))
    text, details, _ = found[0]
    assert text == "ValueError: no good"
    assert "Traceback" in details
    assert "no good" in caplog.text
    assert before == []


def test_an_exception_of_a_thread_arrives_in_the_gui_thread(qtbot, caught, caplog):
    found, _ = caught
    worker = threading.Thread(target=lambda: 1 / 0, name="engine")
    worker.start()
    worker.join()
    qtbot.waitUntil(lambda: bool(found))
    assert found[0][0] == "ZeroDivisionError: division by zero"
    assert found[0][2] is threading.main_thread()
    assert "engine" in caplog.text


def test_what_goes_wrong_in_an_undo_command_is_told_and_the_stack_stays_usable(qtbot, caught):
    """Raised, it would be deleted twice: the process would end when garbage is collected."""
    found, _ = caught

    class Doubtful(QUndoCommand):
        def __init__(self):
            super().__init__("divide")
            self.own = self  # garbage, once Python has given it up

        @reported
        def redo(self):
            raise ZeroDivisionError("redo")

        @reported
        def undo(self):
            raise ZeroDivisionError("undo")

    stack = QUndoStack()
    for _ in range(3):
        stack.push(Doubtful())
        stack.undo()
        gc.collect()
    qtbot.waitUntil(lambda: len(found) == 6)
    assert [text for text, *_ in found] == ["ZeroDivisionError: redo", "ZeroDivisionError: undo"] * 3
    assert (stack.count(), stack.index()) == (1, 0)
    stack.clear()
    gc.collect()


@pytest.mark.parametrize("kind", [Edit, ChangeData, DrawEdit])
def test_every_undo_command_tells_and_does_not_raise(qtbot, caught, kind):
    found, _ = caught
    broken = kind.__new__(kind)  # has nothing that it needs
    broken.undo()
    qtbot.waitUntil(lambda: len(found) == 1)
    assert found[0][0].startswith("AttributeError: ")


@pytest.mark.parametrize("base", ["Slider", "IconButton", "Canvas"])
def test_a_handler_that_fails_is_told_and_the_process_lives(base):
    code = f"""
import sys
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from gui.canvas import Canvas
from gui.widgets import IconButton, Slider

class Broken({base}):
    def mouseMoveEvent(self, event):
        1 / 0

sys.excepthook = lambda kind, *_: print(kind.__name__)
app = QApplication([])
made = Broken(*("play", "Play") if "{base}" == "IconButton" else ())
made.setMouseTracking(True)
made.show()
app.processEvents()
QTest.mouseMove(made.windowHandle(), QPoint(9, 9))
QTest.mouseMove(made.windowHandle(), QPoint(4, 4))
app.processEvents()
print("lives")
"""
    done = subprocess.run([sys.executable, "-B", "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert (done.returncode, set(done.stdout.split())) == (0, {"ZeroDivisionError", "lives"}), done.stderr[-500:]


def test_the_end_of_the_program_is_never_swallowed(qapp, caught):
    found, before = caught
    sys.excepthook(*raised(KeyboardInterrupt()))
    threading.excepthook(threading.ExceptHookArgs((*raised(KeyboardInterrupt()), None)))
    qapp.processEvents()
    assert (found, before) == ([], [KeyboardInterrupt, KeyboardInterrupt])


def test_removing_restores_the_hooks_and_forgets_what_was_queued(qapp):
    before, found = (sys.excepthook, threading.excepthook), []
    hooks = install_hooks(lambda *said: found.append(said))
    assert sys.excepthook is not before[0]
    sys.excepthook(*raised(ValueError("late")))
    hooks.remove()
    qapp.processEvents()
    assert ((sys.excepthook, threading.excepthook), found) == (before, [])


def luminance(colour):
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    """Return WCAG 2's contrast ratio of two colours."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("look", [LIGHT, DARK], ids=lambda look: look.name)
def test_text_can_be_read_and_focus_be_seen(look):
    for ground in (look.window, look.surface, look.raised):
        for text in (look.text, look.muted, look.danger, look.warning):
            assert contrast(text, ground) >= 4.5, (text, ground)
        assert contrast(look.focus, ground) >= 3, ground
    assert contrast(look.accent_text, look.accent) >= 4.5
    assert contrast(look.plot_foreground, look.plot_background) >= 7


@pytest.mark.parametrize("look", [LIGHT, DARK], ids=lambda look: look.name)
def test_a_theme_is_applied_whole(qapp, look):
    theme.apply(qapp, look)
    assert theme.current() is look
    assert qapp.palette().window().color().name() == look.window.lower()
    assert "$" not in qapp.styleSheet()
    theme.apply(qapp, LIGHT)


@pytest.mark.parametrize("name", sorted(path.stem for path in (RESOURCES / "icons").glob("*.svg")))
def test_every_icon_draws_something(qapp, name):
    image = theme.icon(name, DARK).pixmap(20, 20).toImage()
    assert any(image.pixelColor(x, y).alpha() for x in range(20) for y in range(20))


def test_an_icon_without_a_file_is_an_error(qapp):
    with pytest.raises(FileNotFoundError):
        theme.icon("no-such-icon", LIGHT)
