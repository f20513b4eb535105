"""The pace of a run, with a clock of its own."""

from __future__ import annotations

import pytest

from core import pace


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(pace.time, "perf_counter", lambda: now[0])
    return now


def test_chunks_grow_by_doubling_towards_some_milliseconds_and_shrink_at_once():
    found = pace.Pace()
    sizes = [found.chunk(free=False)]
    for _ in range(4):
        found.learn(sizes[-1], 0.001 * sizes[-1])
        sizes.append(found.chunk(free=False))
    assert sizes == [1, 2, 4, 5, 5]
    found.learn(5, 10.0)
    assert found.chunk(free=False) == 1
    found.learn(1, 0.0)
    found.begin()
    assert found.chunk(free=False) == 1


def test_a_limit_makes_chunks_small_but_for_updates_that_are_free():
    found = pace.Pace()
    for size in (1, 2, 4, 8, 16):
        found.learn(size, 1e-6)
    found.limit = 600.0
    assert (found.chunk(free=False), found.chunk(free=True)) == (10, 32)
    found.limit = 2.0
    assert found.chunk(free=False) == 1


def test_updates_under_a_limit_are_due_at_equal_times(clock):
    found = pace.Pace()
    assert found.until_due(0) == 0.0
    found.limit = 4.0
    assert found.until_due(0) == 0.0, "the first one at once"
    found.count(1, None)
    assert found.until_due(1) == pytest.approx(0.25)
    clock[0] += 0.3
    assert found.until_due(1) == 0.0
    found.count(2, None)
    assert found.until_due(2) == pytest.approx(0.2), "what came late does not delay the next one"
    found.restart()
    assert found.until_due(2) == 0.0


def test_the_rate_is_told_anew_twice_a_second(clock):
    found = pace.Pace()
    assert found.count(10, None) is None
    clock[0] += 0.4
    assert found.count(50, None) is None
    clock[0] += 0.2
    assert found.count(70, None) == pytest.approx(100.0)
    clock[0] += 0.4
    assert found.count(170, 100.0) == 100.0
    clock[0] += 0.2
    assert found.count(190, 100.0) == pytest.approx(200.0)
