"""Whatever a hand does at the window, nothing breaks: the seeded monkey, for some seconds."""

from __future__ import annotations

import logging

import pytest
from PySide6.QtCore import QtMsgType, qWarning

from tests.monkey import Monkey
from tests.watch import Watch, isolated

pytest_plugins = ["tests.window"]

ACTIONS = 210
PATIENCE = 5.0  # seconds: a test machine is shared


@pytest.fixture
def watch(monkeypatch, tmp_path):
    """A watch over a window that can reach nothing of the person's own."""
    for name, value in isolated(tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    made = Watch(PATIENCE, PATIENCE)
    yield made
    made.stop()


@pytest.mark.parametrize("seed", [1, 2])
def test_a_monkey_breaks_nothing(watch, opened, store, tmp_path, seed, share):
    store.setValue("export/folder", str(tmp_path))
    monkey = Monkey(opened().window, watch, seed, tmp_path)
    with monkey.answers.given():
        while monkey.actions < share(ACTIONS) and not watch.faults:
            monkey.act()
        monkey.leave()
    assert watch.faults == [], f"seed {seed}:\n" + "\n".join(watch.faults)
    assert monkey.actions == share(ACTIONS) and monkey.frames > 5 and monkey.updates > 5


def test_the_watch_keeps_what_goes_wrong(watch, opened, tmp_path):
    monkey = Monkey(opened().window, watch, 3, tmp_path)
    for number in range(30):
        watch.doing = f"#{number}"
        watch.tail.append(watch.doing)
    qWarning("a widget is not happy")
    logging.getLogger("core.runner").error("the engine is not happy")
    logging.getLogger("core.runner").warning("nobody minds")
    monkey.window.banner.closed.connect(lambda: 1 / 0)
    monkey.window.banner.show_message("something")
    monkey.window.banner.dismiss()
    watch.spin(20)
    said = [fault.splitlines()[0] for fault in watch.faults]
    assert said == [
        "#29: Qt: a widget is not happy",
        "#29: logged by core.runner: the engine is not happy",
        "#29: exception: ZeroDivisionError: division by zero",
    ]
    assert watch.faults[0].splitlines()[2:] == [f"    #{number}" for number in range(10, 30)]


def test_the_watch_tells_a_stall_and_a_thread_that_stays(watch, opened, tmp_path):
    import threading
    import time

    patient = Watch(0.02, 0.02)
    done = threading.Event()
    thread = threading.Thread(target=done.wait, name="stays")
    with patient.action("sums"):
        until = time.perf_counter() + 0.05
        while time.perf_counter() < until:
            pass
    thread.start()
    patient.close(opened().window)
    patient.stop()
    done.set()
    thread.join()
    assert patient.faults[0].startswith("sums: stall of 0.0")
    assert any("threads that did not end: ['stays']" in fault for fault in patient.faults)


def test_the_same_seed_makes_the_same_choices(watch, opened, tmp_path):
    done = []
    for _ in range(2):
        watch.tail.clear()
        monkey = Monkey(opened(fresh=True).window, watch, 5, tmp_path)
        with monkey.answers.given():
            for _ in range(6):
                monkey.act()
        done.append([line for line in watch.tail if "wait" not in line])
        monkey.leave()
    assert done[0] == done[1] and len(done[0]) >= 3
    assert watch.faults == []


@pytest.mark.parametrize("kind", [QtMsgType.QtDebugMsg])
def test_what_is_only_told_for_debugging_is_no_fault(watch, kind):
    watch._hear_qt(kind, None, "painting")
    watch._hear_qt(QtMsgType.QtWarningMsg, None, "This plugin does not support raise()")
    assert watch.faults == []
