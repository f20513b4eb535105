"""Contestants take turns, each in a process of its own, so that thread settings can differ.

A turn is long enough for warm caches and is repeated while other programs keep the machine busy.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_CALM = 0.15  # a turn is repeated while other programs take more of a CPU
_WARM = 0.2  # seconds of the first turns, which tell how many pieces the others have
THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "BLIS_NUM_THREADS")


@dataclass(frozen=True)
class Contestant:
    """How to make what is called with a number of pieces, how many updates one piece counts for, and BLAS threads."""

    make: Callable[[], Callable[[int], None]]
    worth: int = 1
    library_threads: int = 1


def work(contestant: Contestant) -> None:
    """Answer each line `N` on standard input with the seconds that N pieces took, by the clock and of all CPUs."""
    run = contestant.make()
    for line in sys.stdin:
        begun, used = time.perf_counter(), time.process_time()
        run(int(line))
        print(time.perf_counter() - begun, time.process_time() - used, flush=True)


def busy_seconds() -> float | None:
    """Return the seconds that all CPUs together have been busy, None where the system does not say."""
    try:
        fields = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:]
    except OSError:
        return None
    user, nice, system, _idle, _wait, *others = map(int, fields[:8])
    return (user + nice + system + sum(others)) / os.sysconf("SC_CLK_TCK")


class Worker:
    """A contestant's process, which rests between its turns."""

    def __init__(self, name: str, contestant: Contestant, seconds: float, patience: int) -> None:
        self.disturbed = 0
        self._name, self._worth, self._patience = name, contestant.worth, patience
        environment = {**os.environ, **dict.fromkeys(THREAD_VARIABLES, str(contestant.library_threads))}
        command = [sys.executable, sys.argv[0], "--worker", name]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        self._ask(1)
        self._pieces = max(1, round(seconds / self._pace()))

    def _pace(self) -> float:
        """Return the seconds of one piece, once it has warmed up."""
        pieces = 1
        while (spent := self._ask(pieces)[0]) < _WARM:
            pieces *= 2
        return spent / pieces

    def _ask(self, pieces: int) -> tuple[float, float]:
        """Let it make some pieces; return the seconds, and the share of one CPU that other programs took."""
        before = busy_seconds()
        self._process.stdin.write(f"{pieces}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise SystemExit(f"{self._name} ended: see above")
        seconds, used = map(float, answer.split())
        after = busy_seconds()
        return seconds, 0.0 if before is None or after is None else (after - before - used) / seconds

    def turn(self) -> float:
        """Return the seconds of one update, over one turn that other programs did not disturb, if there is one."""
        for _ in range(self._patience):
            seconds, others = self._ask(self._pieces)
            if others < _CALM:
                break
        else:
            self.disturbed += 1
        return seconds / (self._pieces * self._worth)

    def close(self) -> None:
        """End the process."""
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()


def measure(contestants: dict[str, Contestant], rounds: int, seconds: float, patience: int) -> dict[str, list[float]]:
    """Let the contestants take turns and return the seconds per update, round by round."""
    workers: dict[str, Worker] = {}
    times: dict[str, list[float]] = {name: [] for name in contestants}
    try:
        for name, contestant in contestants.items():
            workers[name] = Worker(name, contestant, seconds, patience)
        for _ in range(rounds):
            for name, worker in workers.items():
                times[name].append(worker.turn())
        if disturbed := {name: worker.disturbed for name, worker in workers.items() if worker.disturbed}:
            print(f"turns disturbed by other programs, out of {rounds}: {disturbed}\n")
    finally:
        for worker in workers.values():
            worker.close()
    return times
