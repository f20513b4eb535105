"""Fixtures for tests of session files: small runs of every kind, with a past, and a file of one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from core.presets import preset
from core.session import PanelState, Session, write_session
from tests.session_files import KINDS, session_of, state_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from core.datasets import Dataset

POSITION, BRANCH = 21, 15


@pytest.fixture(scope="session")
def digits(few_digits: Callable[[int, int], Dataset]) -> Dataset:
    """The images that all runs learn from."""
    return few_digits(240, 90)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the session is written."""
    return tmp_path / "lesson.trainscope"


@pytest.fixture
def start(open_run: Callable[..., Any], digits: Dataset) -> Callable[..., Any]:
    """Make a run of some kind, or of a configuration, at its beginning."""

    def make(kind: str, threads: int = 1, configuration: Any = None, dataset: Dataset | None = None) -> Any:
        name, values = KINDS[kind]
        return open_run(configuration or preset(name).configuration(values), dataset or digits, threads)

    return make


@pytest.fixture
def lived(start: Callable[..., Any]) -> Callable[..., Any]:
    """Make a run that has gone on, was changed in its midst, and was rewound and went another way."""

    def make(kind: str, threads: int = 1) -> Any:
        run = start(kind, threads)
        run.advance(7)
        key, value = _live(run.configuration)
        run.change(key, value)
        run.advance(POSITION - run.position)
        if run.position > BRANCH:
            run.branch(BRANCH, {key: 2 * value})
            run.advance(POSITION - BRANCH)
        return run

    return make


def _live(configuration: Any) -> tuple[str, float]:
    """Return a parameter that can change in mid-run, and another value of it."""
    live = [p for p in configuration.parameters if p.live and p.key != "iterations" and configuration.uses(p)]
    value = 2 * configuration[live[0].key] or 0.01
    return live[0].key, min(value, live[0].high / 4)


@pytest.fixture
def written(lived: Callable[..., Any], path: Path) -> Session:
    """A session in a file: a race over two seeds, with an old future, and paths."""
    paths = PanelState(preset("paths-saddle").configuration(), None, {})
    plain = session_of(state_of(lived("seeds")), paths)
    session = Session(plain.panels, {"panel": "training"}, plain.data)
    write_session(session, path)
    return session
