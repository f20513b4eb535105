"""What every test needs: one BLAS thread, no display, and the certainty that no thread outlives its test."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

# Before NumPy is imported: the engine has its own threads, and results must not depend on the machine's cores.
for _name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "BLIS_NUM_THREADS"):
    os.environ[_name] = "1"
os.environ["VECLIB_MAXIMUM_THREADS"] = "1"
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import pytest  # noqa: E402 - the environment comes first

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from core.datasets import Dataset

_PARTS = 3  # of what random tests have in store, each ordinary run tries one part

_REFERENCE = Path(__file__).parent / "reference"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let tests that try very much try all of it."""
    parser.addoption("--thorough", action="store_true", help="random tests try all that they have in store")


@pytest.fixture(scope="session")
def share(request: pytest.FixtureRequest) -> Callable[[int], int]:
    """Tell how many of so many cases to try: all of them with --thorough."""
    parts = 1 if request.config.getoption("thorough") else _PARTS
    return lambda count: -(-count // parts)


@pytest.fixture(autouse=True)
def no_thread_outlives_its_test() -> Iterator[None]:
    """Fail a test that leaves a Python thread behind; a thread that is just ending has two seconds for it."""
    before = set(threading.enumerate())
    yield
    # A dummy stands for a thread that Python did not start, such as one of Qt's, and can not be joined.
    left = [t for t in threading.enumerate() if t not in before and not isinstance(t, threading._DummyThread)]
    for thread in left:
        thread.join(2.0)
    leaked = [thread.name for thread in left if thread.is_alive()]
    assert not leaked, f"threads left running: {leaked}"


@pytest.fixture(scope="session", autouse=True)
def garbage_is_collected_by_hand() -> Iterator[None]:
    """Collect no garbage by itself: an engine's thread would destroy the widgets of tests before it."""
    gc.disable()
    yield
    gc.enable()


@pytest.fixture(autouse=True)
def collect_garbage() -> Iterator[None]:
    """Collect after a test what is due by Python's own thresholds."""
    yield
    for generation, (count, threshold) in enumerate(zip(gc.get_count(), gc.get_threshold(), strict=True)):
        if count > threshold:
            gc.collect(generation)


@pytest.fixture(scope="session")
def sample() -> Dataset:
    """The bundled digits."""
    from core.datasets import load_sample

    return load_sample()


@pytest.fixture(scope="session")
def few_digits(sample: Dataset) -> Callable[[int, int], Dataset]:
    """Take the first of the bundled digits: so many to train on, so many to test on."""

    def few(train: int, test: int) -> Dataset:
        parts = sample.train_images[:train], sample.train_labels[:train]
        return type(sample)("few", *parts, sample.test_images[:test], sample.test_labels[:test])

    return few


@pytest.fixture
def open_run() -> Iterator[Callable[..., Any]]:
    """Build a configuration's experiment on a data set; it is closed when the test ends."""
    from core.presets import build

    with contextlib.ExitStack() as stack:

        def make(configuration: Any, dataset: Dataset, threads: int = 1) -> Any:
            run = build(configuration, lambda: dataset, threads)
            stack.callback(run.close)
            return run

        yield make


@pytest.fixture
def finish(start: Callable[..., Any]) -> Callable[..., Any]:
    """Make a run as the file's own `start` does, go to its end in one go, and return its last frame."""

    def go(*args: Any, **values: Any) -> Any:
        run = start(*args, **values)
        run.advance(run.total)
        return run.snapshot()

    return go


@pytest.fixture(scope="session")
def reference() -> Callable[[str], Any]:
    """Read recorded values of an independent implementation; the script that made them stands beside them."""
    return lambda name: json.loads((_REFERENCE / f"{name}.json").read_text(encoding="utf-8"))
