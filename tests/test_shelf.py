"""The shelf of runs that undo goes back to: what lies there, what goes first, what is shared."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.presets import PRESETS
from gui.shelf import Shelf

VALUES = {"hidden": (8,), "batch": 16, "lanes": ("sgd", "adam"), "iterations": 40, "evaluate": 0}


@pytest.fixture
def run(open_run, sample):
    """A run that can be kept, with all of its checkpoints."""
    found = open_run(PRESETS["optimizer-mnist"].configuration(VALUES), sample)
    found.advance(40)
    kept = found.save(whole=True)
    assert len(kept.checkpoints) > 2
    return kept


def other(run):
    """Return an equal run that shares nothing with it."""
    return replace(run, checkpoints=tuple(replace(found) for found in run.checkpoints))


def test_a_place_is_empty_until_something_is_put_there(run):
    shelf = Shelf()
    place = shelf.place()
    assert place.run is None and shelf.nbytes == 0
    place.put(run)
    assert place.run is run and shelf.nbytes == run.nbytes


def test_what_is_put_into_a_place_replaces_what_lay_there(run):
    shelf = Shelf()
    place = shelf.place()
    place.put(run)
    place.put(other(run))
    assert shelf.nbytes == run.nbytes


def test_nothing_can_be_put_there_too(run):
    shelf = Shelf()
    place = shelf.place()
    place.put(run)
    place.put(None)
    assert place.run is None and shelf.nbytes == 0


def test_shared_checkpoints_count_once(run):
    shelf = Shelf()
    places = [shelf.place() for _ in range(3)]
    for place in places:
        place.put(replace(run))
    records = run.nbytes - sum(found.nbytes for found in run.checkpoints)
    assert shelf.nbytes == run.nbytes + 2 * records


def test_the_oldest_lose_their_checkpoints_first_and_stay(run):
    shelf = Shelf(most=int(2.5 * run.nbytes))
    places = [shelf.place() for _ in range(3)]
    for place in places:
        place.put(other(run))
    assert [len(place.run.checkpoints) for place in places] == [1, *[len(run.checkpoints)] * 2]
    assert places[0].run.checkpoints[0].position == places[0].run.position == 40
    assert shelf.nbytes <= 2.5 * run.nbytes


def test_then_the_oldest_go(run):
    thin = replace(run, checkpoints=run.checkpoints[-1:])
    shelf = Shelf(most=int(2.5 * thin.nbytes))
    places = [shelf.place() for _ in range(4)]
    for place in places:
        place.put(other(run))
    assert [place.run is None for place in places] == [True, True, False, False]
    assert shelf.nbytes <= 2.5 * thin.nbytes


def test_the_last_run_is_kept_however_large_and_goes_with_the_next(run):
    shelf = Shelf(most=10)
    place = shelf.place()
    place.put(run)
    assert place.run is not None and not place.lost
    other = shelf.place()
    other.put(run)
    assert place.run is None and place.lost and other.run is not None


def test_a_place_that_nobody_has_any_more_takes_no_room(run):
    shelf = Shelf()
    place = shelf.place()
    place.put(run)
    assert shelf.nbytes > 0
    del place
    assert shelf.nbytes == 0


def test_clearing_empties_every_place(run):
    shelf = Shelf()
    places = [shelf.place() for _ in range(2)]
    for place in places:
        place.put(other(run))
    shelf.clear()
    assert [place.run for place in places] == [None, None] and shelf.nbytes == 0


def test_a_thinned_run_goes_on_with_the_same_bits(run, open_run, sample):
    shelf = Shelf(most=run.nbytes - 1)
    place = shelf.place()
    place.put(run)
    assert len(place.run.checkpoints) == 1
    again = open_run(place.run.configuration, sample)
    again.restore(place.run)
    again.branch(25, {"sgd.lr": 0.5})
    there = open_run(place.run.configuration, sample)
    there.advance(25)
    there.change("sgd.lr", 0.5)
    for found in (again, there):
        found.advance(40)
    assert again.snapshot().loss.tobytes() == there.snapshot().loss.tobytes()
