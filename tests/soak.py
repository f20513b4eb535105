"""A soak: the monkey at the window for as long as asked for, with a line a minute and a summary at the end.

`python tests/soak.py --minutes 30 --seed 1`; its exit status is 1 where anything went wrong. A fault is told with the
number of the action and what was done before it; the same seed makes the same choices again.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import tempfile
import threading
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
for _name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "BLIS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
if not os.environ.get("DISPLAY"):
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

if TYPE_CHECKING:
    from gui.main_window import MainWindow
    from tests.monkey import Monkey
    from tests.watch import Watch

WARM = 5  # minutes after which memory is compared
GROWTH = 40.0  # MiB that it may have grown by at the end
_MIB = 2**20


def main() -> int:
    """Run the monkey and return the exit status."""
    options = _options()
    with tempfile.TemporaryDirectory() as folder:
        return _soak(options, Path(folder))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Let a monkey use the window, and tell what went wrong.")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--stall", type=float, default=0.5, help="seconds in which the window must answer, however busy the machine"
    )
    parser.add_argument("--verbose", action="store_true", help="print each action before it is done")
    return parser.parse_args()


def _soak(options: argparse.Namespace, folder: Path) -> int:
    from tests.monkey import Monkey
    from tests.watch import STALL, Watch, isolated

    os.environ.update(isolated(folder))
    os.chdir(folder)
    window = _open(folder)
    watch = Watch(options.stall, STALL, partial(print, flush=True) if options.verbose else None)
    monkey = Monkey(window, watch, options.seed, folder)
    watch.spin(1500)
    gc.collect()
    gc.freeze()
    _remember_nothing_of_the_start()
    with monkey.answers.given():
        memory = _run(monkey, watch, options)
        monkey.leave()
    watch.stop()
    return _sum_up(monkey, watch, memory, options)


def _open(folder: Path) -> MainWindow:
    from PySide6.QtCore import QSettings
    from PySide6.QtWidgets import QApplication

    from core.datasets import load
    from gui import theme
    from gui.main_window import MainWindow
    from gui.settings import Settings

    app = QApplication(["trainscope"])
    theme.apply(app, theme.THEMES["light"])
    store = QSettings(str(folder / "settings.ini"), QSettings.Format.IniFormat)
    store.setValue("export/folder", str(folder))
    threads = max(1, (os.cpu_count() or 1) - 1)
    window = MainWindow(Settings(store=store), lambda: load("sample"), threads, folder=folder / "sessions")
    window.show()
    return window


def _remember_nothing_of_the_start() -> None:
    """Collect garbage in this thread alone, as the program does: an engine would destroy widgets."""
    gc.disable()


def _run(monkey: Monkey, watch: Watch, options: argparse.Namespace) -> list[float]:
    """Act until the time is over and return the memory after each minute, in MiB, everything at rest."""
    memory = [_rest(monkey)]
    begun = time.monotonic()
    told = 0
    while (spent := (time.monotonic() - begun) / 60) < options.minutes:
        monkey.act()
        if monkey.actions % 50 == 0:
            gc.collect()
        if len(watch.faults) > told:
            told = _tell(watch, told)
        if spent >= len(memory):
            memory.append(_rest(monkey))
            _print_minute(monkey, watch, memory)
    memory.append(_rest(monkey))
    return memory


def _rest(monkey: Monkey) -> float:
    """Return the memory of this process at rest."""
    import psutil

    monkey.calm()
    _give_back()
    return float(psutil.Process().memory_info().rss / _MIB)


def _give_back() -> None:
    """Let the C library return what it holds for later; what is left then is in use."""
    import ctypes

    if sys.platform.startswith("linux"):
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


def _tell(watch: Watch, told: int) -> int:
    for fault in watch.faults[told:]:
        print(f"FAULT {fault}", flush=True)
    return len(watch.faults)


def _print_minute(monkey: Monkey, watch: Watch, memory: list[float]) -> None:
    done = f"{monkey.actions:,} actions, {monkey.updates:,} updates, {monkey.frames:,} frames"
    threads = threading.active_count()
    print(f"minute {len(memory) - 1}: {done}, {memory[-1]:.0f} MiB, {threads} threads, {len(watch.faults)} faults")
    sys.stdout.flush()


def _sum_up(monkey: Monkey, watch: Watch, memory: list[float], options: argparse.Namespace) -> int:
    warm = memory[min(WARM, len(memory) - 1)]
    if memory[-1] > warm + GROWTH:
        watch.fault(f"memory grew from {warm:.0f} to {memory[-1]:.0f} MiB")
    done = f"{monkey.actions:,} actions, {monkey.updates:,} updates, {monkey.frames:,} frames"
    print(f"seed {options.seed}, {options.minutes:g} minutes: {done}")
    print(f"memory: {memory[0]:.0f} MiB at the start, {warm:.0f} warm, {memory[-1]:.0f} at the end")
    busy, wall, name = watch.longest
    print(f"longest action: {busy:.2f} s at work, {wall:.2f} s in all: {name}")
    print(f"threads left: {threading.active_count() - 1}; faults: {len(watch.faults)}")
    return 1 if watch.faults else 0


if __name__ == "__main__":
    sys.exit(main())
