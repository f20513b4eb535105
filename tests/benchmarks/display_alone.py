"""What the engine makes without a window: another process, which runs the same work in turns with the window.

python tests/benchmarks/display_alone.py     answers each line `WORK SECONDS` with updates per second
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

for _name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "BLIS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # as main.py does, before NumPy is imported
os.environ.setdefault("VECLIB_MAXIMUM_THREADS", "1")
_HERE = Path(__file__).resolve()
sys.path.insert(0, str(_HERE.parents[2]))

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SETTLE_SECONDS = 0.3
_LATEST = 0.75  # the share of a run after which a turn begins a new one


@dataclass(frozen=True)
class Work:
    """What the engine does: a preset with some values, long enough for turns of so many seconds each."""

    preset: str
    values: Mapping[str, Any] = field(default_factory=dict)
    turn_seconds: float = 1.5

    def configuration(self) -> Any:
        """Return the configuration."""
        from core.presets import preset

        return preset(self.preset).configuration(self.values)


WORKS = {
    "race": Work("optimizer-mnist", {"iterations": 6000}),
    "batchnorm": Work("batchnorm-grid", {"iterations": 1000}, 2.0),
    "weight-decay": Work("weight-decay", {"iterations": 6000}),
    "regularization": Work("regularization", {"iterations": 6000}),
    "search": Work("random-search", turn_seconds=4.0),
    "seeds": Work("optimizer-mnist", {"iterations": 3000, "seeds": 5}, 2.0),
}


def engine_threads() -> int:
    """Return what the application gives its engine."""
    return max(1, (os.cpu_count() or 1) - 1)


def is_late(status: Any) -> bool:
    """Tell whether a run has not enough left for another turn."""
    return bool(status.position > _LATEST * status.total)


def rate(runner: Any, wait: Callable[[], None]) -> float:
    """Return the updates per second that a runner makes during `wait`."""
    begun, first = time.perf_counter(), runner.status.position
    wait()
    return float((runner.status.position - first) / (time.perf_counter() - begun))


def run_alone() -> None:
    """Answer the lines on standard input."""
    from core.datasets import load_sample
    from core.presets import build
    from core.runner import Phase, Runner

    sample, loaded = load_sample(), ""
    runner = Runner(lambda configuration: build(configuration, lambda: sample, engine_threads()))
    for line in sys.stdin:
        name, seconds = line.split()
        if name != loaded or is_late(runner.status):
            runner.load(WORKS[name].configuration())
            runner.wait(lambda status: status.phase is Phase.PAUSED, 30)
            loaded = name
        runner.play()
        time.sleep(SETTLE_SECONDS)
        print(rate(runner, lambda: time.sleep(float(seconds))), flush=True)  # noqa: B023 - called at once
        runner.pause()
    runner.close()


class Alone:
    """That process, which rests between its turns."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(_HERE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def turn(self, name: str) -> float:
        """Return the rate of some work over one turn."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(f"{name} {WORKS[name].turn_seconds}\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


if __name__ == "__main__":
    run_alone()
