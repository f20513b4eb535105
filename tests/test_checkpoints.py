"""Checkpoints: spread evenly, within their budget, however long the run becomes and wherever it goes back to."""

from __future__ import annotations

import numpy as np
import pytest

from core.checkpoints import BUDGET, BlockState, Checkpoint, Checkpoints, OptimizerState

SIZE = 1000


def made(position, size=SIZE):
    params, stats = np.zeros((1, size // 4), np.float32), np.zeros((1, 0), np.float32)
    return Checkpoint(position, (BlockState((0,), params, stats, (OptimizerState((0,), {}),)),))


def filled(total, budget, upto=None, into=None):
    """Keep what a run of so many updates would keep."""
    kept = into or Checkpoints(SIZE, total, budget)
    start = kept.all[-1].position if kept.all else 0
    for position in range(start + 1, (upto or total) + 1):
        if kept.wants(position):
            kept.add(made(position))
    return kept


def positions(kept):
    return [found.position for found in kept.all]


@pytest.mark.parametrize("total", [1, 2, 7, 60, 100, 999, 2000])
@pytest.mark.parametrize("room", [1, 2, 5, 24, 3000])
def test_as_many_as_fit_evenly_spread(total, room) -> None:
    kept = filled(total, room * SIZE + SIZE // 2)
    found = positions(kept)
    assert kept.nbytes == len(found) * SIZE <= room * SIZE
    gaps = np.diff([0, *found])
    assert len(set(gaps.tolist())) <= 1, "every gap is the same"
    left = total - (found[-1] if found else 0)
    assert left <= max(gaps, default=total), "nothing is left out at the end"
    most = min(room, 250)
    assert max(gaps, default=total) <= -(-total // (most + 1)) + 1 or found == list(range(1, total + 1))


def test_the_next_position_to_keep_is_the_one_that_is_wanted() -> None:
    kept = Checkpoints(SIZE, 100, 4 * SIZE)
    found, at = [], 0
    while (at := kept.next_after(at)) < 100:
        assert kept.wants(at) and not kept.wants(at - 1)
        kept.add(made(at))
        assert not kept.wants(at), "it is there"
        found.append(at)
    assert found == [20, 40, 60, 80]


def test_a_run_too_large_for_even_one_keeps_none() -> None:
    kept = Checkpoints(SIZE, 100, SIZE // 5)
    assert kept.next_after(0) is None
    assert not any(kept.wants(at) for at in range(101))
    kept.add(made(50))
    assert (kept.all, kept.nbytes, kept.before(100)) == ((), 0, None)


def test_a_single_one_may_take_four_times_the_budget() -> None:
    kept = Checkpoints(SIZE, 100, SIZE // 4)
    assert [at for at in range(101) if kept.wants(at)] == [50, 100]
    kept.add(made(50))
    kept.add(made(100))
    assert len(kept.all) == 1


def test_the_beginning_needs_none() -> None:
    kept = Checkpoints(SIZE, 10, BUDGET)
    assert not kept.wants(0) and kept.before(0) is None


@pytest.mark.parametrize("end", [101, 150, 400, 10_000])
def test_an_extended_run_stays_within_its_budget_and_even(end) -> None:
    kept = filled(100, 4 * SIZE)
    kept.extend(end)
    filled(end, 4 * SIZE, into=kept)
    found = positions(kept)
    assert 2 <= len(found) <= 4
    assert len(set(np.diff([0, *found]).tolist())) == 1
    assert end - found[-1] <= found[0]


def test_the_last_one_up_to_a_position_is_found() -> None:
    kept = filled(100, 4 * SIZE)
    for position, expected in ((19, None), (20, 20), (39, 20), (99, 80), (1000, 80)):
        found = kept.before(position)
        assert (found and found.position) == expected


def test_what_belongs_to_a_future_that_is_left_is_forgotten_and_kept_anew() -> None:
    kept = filled(100, 4 * SIZE)
    kept.forget_after(40)
    assert positions(kept) == [20, 40]
    kept.forget_after(39)
    assert positions(kept) == [20]
    assert positions(filled(100, 4 * SIZE, into=kept)) == [20, 40, 60, 80]


def test_one_between_the_even_steps_goes_first() -> None:
    """A run that was taken up again brings checkpoints that were spread otherwise."""
    kept = Checkpoints(SIZE, 100, 4 * SIZE)
    for position in (33, 66, 20):
        kept.add(made(position))
    assert positions(kept) == [20, 33, 66]
    assert positions(filled(100, 4 * SIZE, upto=99, into=kept)) == [20, 33, 66, 80]
    kept.add(made(40))
    kept.add(made(60))
    assert positions(kept) == [20, 40, 60, 80]


def test_rows_are_found_however_they_were_cut_into_blocks() -> None:
    def block(rows, optimizers):
        params = np.array([[row, row + 0.5] for row in rows], np.float32)
        states = tuple(
            OptimizerState(tuple(own), {"m": np.array([[10.0 * row] * 2 for row in own]), "t": 7}) for own in optimizers
        )
        return BlockState(tuple(rows), params, -params, states)

    found = Checkpoint(9, (block((4, 0), [(4,), (0,)]), block((2, 1), [(2, 1)])))
    assert found.rows == {0, 1, 2, 4}
    params, stats = found.networks([1, 4, 2])
    np.testing.assert_array_equal(params, [[1, 1.5], [4, 4.5], [2, 2.5]])
    np.testing.assert_array_equal(stats, -params)
    state = found.optimizer([0, 1])
    np.testing.assert_array_equal(state["m"], [[0, 0], [10, 10]])
    assert state["t"] == 7
    assert found.nbytes == sum(a.nbytes for b in found.blocks for a in (b.params, b.stats)) + 4 * 16
