"""Going back: to the same bits from every kind of moment, looking back beside the run, branches that keep what was.

Small networks on the first 240 digits, 15 updates an epoch, with a checkpoint every few updates or none.
"""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import Future

import numpy as np
import pytest

from core.block import Block
from core.checkpoints import Checkpoints
from core.experiments.rewinding import Rewinding
from core.presets import build, preset
from core.runner import Phase, Runner
from core.watching import NOTHING, Watch

SMALL = {"hidden": (8,), "batch": 16, "iterations": 40, "lanes": ("sgd", "momentum", "adam")}
SEARCH = {"hidden": (8,), "batch": 16, "images": 100, "trials": 9, "epochs": 10, "search.lr": (1e-3, 1.0)}
WILD = {"sgd.lr": 10.0, "l2": 10.0}  # each update multiplies SGD's weights by -99
ARRAYS = ("loss", "smoothed", "measured_at", "train_accuracy", "test_accuracy", "weight_norm")
FOUND = ("measured_at", "train_accuracy", "validation_accuracy", "last", "ranking", "lr", "weight_decay")

KINDS = {
    "race": ("optimizer-mnist", {}),
    "seeds": ("optimizer-mnist", {"seeds": 3, "lanes": ("sgd", "adam")}),
    "batchnorm": ("batchnorm-grid", {"hidden": (8, 7), "images": 120, "lanes": ("sigma-1-bn", "sigma-0.1-plain")}),
    "regularized": ("regularization", {"hidden": (8,), "images": 120, "lanes": ("plain", "l2-0.1", "p-0.2")}),
    "diverging": ("optimizer-mnist", {**WILD, "lanes": ("sgd", "adam", "adagrad")}),
    "unmeasured": ("optimizer-mnist", {"evaluate": 0}),
    "search": ("random-search", {**SEARCH, "halving": True, "optimizer": "adam"}),
}


@pytest.fixture(scope="module")
def digits(few_digits):
    return few_digits(240, 90)


@pytest.fixture(params=[4, 0], ids=["some checkpoints", "no checkpoints"])
def room(request, monkeypatch):
    """Let every run have room for so many checkpoints, as a large one has."""
    make = Checkpoints.__init__
    monkeypatch.setattr(
        Checkpoints, "__init__", lambda kept, size, total: make(kept, size, total, request.param * size)
    )


@pytest.fixture
def start(digits, open_run):
    def make(kind="race", threads=1, dataset=digits, configuration=None, **values) -> Rewinding:
        name, own = KINDS[kind]
        base = {} if name == "random-search" else {"batch": 16, "iterations": 40}
        known = SMALL if kind == "race" else base
        return open_run(configuration or preset(name).configuration({**known, **own, **values}), dataset, threads)

    return make


def shown(run):
    """Return all that a frame shows of the run's past, to the last bit."""
    frame = run.snapshot()
    names = ARRAYS if hasattr(frame, "smoothed") else FOUND
    return [np.ascontiguousarray(getattr(frame, name)).tobytes() for name in names], frame.diverged, frame.changes


def state(run):
    """Return all that determines what the run does next, row by row."""
    found = {}
    for block in run._checkpoint().blocks:
        for place, row in enumerate(block.rows):
            found[row] = [block.params[place].tobytes(), block.stats[place].tobytes()]
        for own in block.optimizers:
            for place, row in enumerate(own.rows):
                values = {k: v[place].tobytes() if isinstance(v, np.ndarray) else v for k, v in own.values.items()}
                found[row].append(values)
    return found


def everything(run):
    return run.position, run.total, shown(run), state(run), dict(run.ended()), run.configuration


def changed(run, upto):
    """Go on to an update, changing live values after 12 and 25 on the way."""
    for at, key, value in ((12, "l2", 0.01), (25, "l2", 0.0)):
        run.advance(max(0, min(at, upto) - run.position))
        if run.position == at and run.configuration.experiment == "training":
            with contextlib.suppress(ValueError):  # where lanes differ in it, it is not live
                run.configuration.parameter(key)
                if all(c.iteration != at for c in run.configuration.changes):
                    run.change(key, value)
    run.advance(max(0, upto - run.position))
    return run


MOMENTS = {"race": (0, 1, 8, 11, 12, 13, 16, 25, 30, 39, 40), "search": (0, 4, 5, 6, 14, 15, 16, 39, 40)}


@pytest.fixture(scope="module")
def known():
    return {}


@pytest.fixture
def straight(start, known):
    """Return everything about a run that stopped after so many updates."""

    def make(kind, moment):
        if (kind, moment) not in known:
            known[kind, moment] = everything(changed(start(kind), moment))
        return known[kind, moment]

    return make


@pytest.mark.usefixtures("room")
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_a_rewound_run_has_the_bits_of_one_that_stopped_there_and_goes_on_with_them(
    start, straight, kind, threads
) -> None:
    run = changed(start(kind, threads), 40)
    for moment in MOMENTS.get(kind, (0, 1, 2, 3, 12, 16, 29, 40)):
        run.rewind(moment)
        assert everything(run) == straight(kind, moment), moment
        assert everything(changed(run, 40)) == straight(kind, 40), moment


@pytest.mark.usefixtures("room")
def test_going_back_twice_and_to_and_fro(start) -> None:
    run, whole = start(threads=2), changed(start(), 40)
    for to, upto in ((30, 30), (7, 22), (22, 26), (26, 26), (0, 5), (3, 40), (40, 40)):
        run.rewind(to)
        changed(run, upto)
        assert everything(run) == everything(changed(start(), upto))
    assert everything(run) == everything(whole)


def test_before_and_after_a_lane_diverged(start) -> None:
    run = changed(start("diverging"), 40)
    lost = run.snapshot().diverged[0]
    assert lost is not None and 1 < lost < 40
    run.rewind(lost)
    assert run.snapshot().diverged[0] == lost
    run.rewind(lost - 1)
    assert run.snapshot().diverged == (None, None, None)
    run.branch(0, {"sgd.lr": 0.01, "l2": 0.0})
    run.advance(40)
    assert run.snapshot().diverged == (None, None, None)
    assert np.isfinite(run.snapshot().loss).all()


def test_a_run_that_had_ended_because_all_diverged_goes_on_from_before(start) -> None:
    run = start("diverging", lanes=("sgd",))
    run.advance(40)
    end = run.position
    assert run.stopped and end < 40
    before = everything(run)
    run.rewind(end - 1)
    assert not run.stopped
    run.advance(40)
    assert everything(run) == before
    run.branch(0, {"sgd.lr": 0.01, "l2": 0.0})
    run.advance(40)
    assert (run.position, run.stopped) == (40, False)


def test_trials_that_halving_stopped_go_on_from_before_it(start) -> None:
    run = start("search")
    rungs = run.rungs()
    run.advance(run.total)
    whole = everything(run)
    assert rungs == [5, 15, 45] and len(run.ended()) > 5
    run.rewind(rungs[1] - 1)
    assert len(run.ended()) == 6 and len(state(run)) == 3
    run.rewind(rungs[0] - 1)
    assert not run.ended() and len(state(run)) == 9
    run.advance(run.total)
    assert everything(run) == whole


@pytest.mark.parametrize("threads", [1, 2])
def test_where_measuring_goes_on_beside_the_training(open_run, sample, threads) -> None:
    """1,060 images are measured after every 60 trained on."""
    values = {"images": 60, "batch": 16, "iterations": 20, "hidden": (8,), "lanes": ("plain", "p-0.2")}
    configuration = preset("regularization").configuration(values)

    def fresh():
        return open_run(configuration, sample, threads)

    whole, run = fresh(), fresh()
    whole.advance(20)
    run.advance(20)
    for moment in (19, 6, 12, 0):
        run.rewind(moment)
        there = fresh()
        there.advance(moment)
        assert state(run) == state(there)
        run.advance(20)
        assert everything(run) == everything(whole)


def test_an_end_that_was_moved_to_before_the_present_holds_once_it_is_ahead_again(start) -> None:
    run = start()
    run.advance(30)
    run.change("iterations", 20)
    assert (run.position, run.total) == (30, 30)
    run.rewind(10)
    assert run.total == 20
    run.advance(99)
    assert everything(run) == everything_of(start, iterations=20)


def everything_of(start, **values):
    run = start(**values)
    run.advance(run.total)
    return everything(run)


def test_an_extended_search_may_end_with_its_epochs_again(start) -> None:
    run = start("search", halving=False)
    run.advance(10)
    for end, total in ((60, 60), (0, 50)):
        run.change("iterations", end)
        assert run.total == total


# Looking back.


def probes_of(found):
    return [
        [array.tobytes() for stats in (probe.activations, probe.gradients) for one in stats for array in arrays_in(one)]
        for probe in found
    ]


def arrays_in(statistics):
    values = (getattr(statistics, name) for name in statistics.__slots__)
    return [np.asarray(value) for value in values]


def never():
    return False


@pytest.mark.usefixtures("room")
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_a_look_back_shows_what_a_run_stopped_there_has_and_leaves_no_trace(start, kind, threads) -> None:
    run = changed(start(kind, threads), 40)
    lanes = tuple(lane.name for lane in run.lanes)
    before = everything(run)
    run.watch(Watch(lanes[::-1][:4]))
    for moment in MOMENTS.get(kind, (5, 12, 13, 2, 3, 39, 1, 0)):
        there = changed(start(kind), moment)
        there.watch(run.watched)
        found = run.look(moment, never).probes
        expected = there.snapshot().probes
        assert [probe.lane.name for probe in found] == [probe.lane.name for probe in expected], moment
        assert probes_of(found) == probes_of(expected), moment
    run.watch(NOTHING)
    assert everything(run) == before


def test_a_look_is_given_up_at_once_and_goes_on_from_there(start) -> None:
    run = start(iterations=400)
    run.advance(400)
    run.watch(Watch(("adam",)))
    asked = []

    def thrice():
        asked.append(run._visitor._at)
        return len(asked) > 3

    run._checkpoints = Checkpoints(1, 400, 0)
    assert run.look(300, thrice) is None
    assert asked == [0, 10, 20, 30], "asked every few updates"
    resumed = []
    found = run.look(300, lambda: resumed.append(run._visitor._at)).probes
    assert resumed[0] == 30, "what was computed is not lost"
    there = start(iterations=400)
    there.advance(300)
    there.watch(Watch(("adam",)))
    assert probes_of(found) == probes_of(there.snapshot().probes)


def test_a_look_that_finds_no_memory_on_its_way_does_not_spoil_the_next(start, monkeypatch) -> None:
    run, there = start(), start()
    run.advance(40)
    there.advance(30)
    for one in (run, there):
        one.watch(Watch(("adam",)))
    go_on, done = Block.run, []

    def fails(block, first, end, *others):
        go_on(block, first, end, *others)
        done.append(end)
        if len(done) == 2:
            raise MemoryError

    run._checkpoints = Checkpoints(1, 40, 0)
    with monkeypatch.context() as patch:
        patch.setattr(Block, "run", fails)
        with pytest.raises(MemoryError):
            run.look(30, never)
    assert done == [10, 20]
    assert probes_of(run.look(30, never).probes) == probes_of(there.snapshot().probes)


def test_a_look_after_another_future_was_taken_shows_the_new_one(start) -> None:
    run = start()
    run.advance(40)
    run.watch(Watch(("adam",)))
    old = probes_of(run.look(30, never).probes)
    run.branch(20, {"adam.lr": 0.1})
    run.advance(20)
    new = probes_of(run.look(30, never).probes)
    there = start()
    there.watch(Watch(("adam",)))
    there.advance(20)
    there.change("adam.lr", 0.1)
    there.advance(10)
    assert new == probes_of(there.snapshot().probes) != old


# Branches.


@pytest.mark.usefixtures("room")
@pytest.mark.parametrize("kind", ["race", "seeds", "diverging", "unmeasured"])
@pytest.mark.parametrize("moment", [0, 14, 15, 16, 39])
def test_a_branch_keeps_the_curves_of_the_old_future(start, kind, moment) -> None:
    run = changed(start(kind), 40)
    old = run.snapshot()
    run.branch(moment, {"adam.lr": 0.2, "iterations": 60})
    frame = run.snapshot()
    (future,) = frame.futures
    assert (future.start, future.end) == (moment, 40)
    np.testing.assert_array_equal(future.loss, old.loss[:, moment:])
    np.testing.assert_array_equal(future.smoothed, old.smoothed[:, moment:])
    first = max(0, int((old.measured_at <= moment).sum()) - 1)
    np.testing.assert_array_equal(future.measured_at, old.measured_at[first:])
    np.testing.assert_array_equal(future.train_accuracy, old.train_accuracy[:, first:])
    np.testing.assert_array_equal(future.test_accuracy, old.test_accuracy[:, first:])
    assert frame.iteration == moment and frame.total == 60
    assert [c for c in frame.changes if c.key == "l2"] == [c for c in old.changes if c.iteration <= moment]
    assert (moment, "adam.lr", 0.2) in [(c.iteration, c.key, c.value) for c in frame.changes]
    run.advance(60)
    after = run.snapshot()
    assert after.futures == frame.futures
    assert not np.array_equal(after.loss[:, moment + 1 : 40], old.loss[:, moment + 1 : 40]) or moment == 39


@pytest.mark.parametrize("moment", [9, 12, 30])
def test_a_branch_equals_a_run_that_was_changed_there(start, moment) -> None:
    run = changed(start(threads=2), 40)
    run.branch(moment, {"sgd.lr": 0.3, "l2": 0.02, "adam.lr": run.configuration["adam.lr"]})
    run.advance(40)
    there = changed(start(), moment)
    there.change("sgd.lr", 0.3)
    there.change("l2", 0.02)
    there.advance(40)
    assert everything(run) == everything(there)


def test_a_search_keeps_the_accuracies_of_its_old_future(start) -> None:
    run = start("search")
    run.advance(run.total)
    old = run.snapshot()
    run.branch(13, {})
    (future,) = run.snapshot().futures
    assert (future.start, future.smoothed.shape) == (13, (9, 0))
    first = future.measured_at[0]
    assert first <= 13 < future.measured_at[1]
    chosen = old.measured_at >= first
    np.testing.assert_array_equal(future.test_accuracy, old.validation_accuracy[:, chosen])
    np.testing.assert_array_equal(future.train_accuracy, old.train_accuracy[:, chosen])


def test_of_many_futures_the_last_five_are_kept_and_none_where_nothing_came_after(start) -> None:
    run = start()
    run.advance(10)
    run.branch(10, {})
    assert run.snapshot().futures == ()
    for moment in (9, 8, 7, 6, 5, 4):
        run.branch(moment, {})
        run.advance(10 - moment)
    assert [future.start for future in run.snapshot().futures] == [8, 7, 6, 5, 4]


@pytest.mark.parametrize("kind", ["race", "seeds", "diverging", "search"])
def test_frames_from_before_a_branch_stay_true(start, kind) -> None:
    run = changed(start(kind), 30)
    names = ARRAYS if kind != "search" else FOUND
    frame = run.snapshot()
    before = {name: np.array(getattr(frame, name)) for name in names}
    run.branch(7, {"adam.lr": 0.3} if kind != "search" else {})
    future = run.snapshot().futures[0]
    kept = np.array(future.loss)
    run.advance(40)
    for name, values in before.items():
        np.testing.assert_array_equal(getattr(frame, name), values)
    np.testing.assert_array_equal(future.loss, kept)


# Taken up again.


@pytest.mark.parametrize("threads", [1, 2])
def test_a_run_that_is_taken_up_keeps_its_checkpoints_however_they_were_spread(start, monkeypatch, threads) -> None:
    make = Checkpoints.__init__
    monkeypatch.setattr(Checkpoints, "__init__", lambda kept, size, total: make(kept, size, total, 4 * size))
    run = start()
    run.advance(40)
    run.change("iterations", 90)  # another spacing than a run of 90 updates would have
    run.advance(15)
    for whole in (True, False):
        saved = run.save(whole)
        again = start(configuration=saved.configuration, threads=threads)
        again.restore(saved)
        kept = [found.position for found in again._checkpoints.all]
        assert kept == ([32, 55] if whole else [55])
        assert everything(again) == everything(run)
        again.advance(99)
        again.rewind(60)
        assert again._checkpoints.before(60).position == 55
        there = start(iterations=90)
        there.advance(60)
        assert everything(again) == everything(there)


# Through the runner's thread.


@pytest.fixture
def runner(digits):
    made = Runner(lambda configuration: build(configuration, lambda: digits, threads=2))
    yield made
    assert made.close(), "the engine thread must end"


def reach(runner, done, seconds=20.0):
    assert runner.wait(done, seconds), runner.status
    return runner.status


def paused_at(position):
    return lambda status: status.phase is Phase.PAUSED and status.position == position


def finished(status):
    return status.phase is Phase.FINISHED


def race(**values):
    return preset("optimizer-mnist").configuration({**SMALL, **values})


def saved(runner, whole=True):
    return runner.save(whole).result(20.0)


def same_run(one, other):
    assert (one.position, one.measured, dict(one.stopped)) == (other.position, other.measured, dict(other.stopped))
    for name in ("loss", "train", "test", "norms"):
        assert getattr(one, name).tobytes() == getattr(other, name).tobytes()
    assert one.configuration == other.configuration


def test_the_runner_branches_while_paused_and_plays_on_to_the_same_bits(runner, start) -> None:
    runner.load(race(), play=True)
    reach(runner, finished)
    runner.branch(17, {"adam.lr": 0.02})
    status = reach(runner, paused_at(17))
    assert [(c.iteration, c.key, c.value) for c in status.configuration.changes] == [(17, "adam.lr", 0.02)]
    runner.play()
    reach(runner, finished)
    there = start()
    there.advance(17)
    there.change("adam.lr", 0.02)
    there.advance(40)
    same_run(saved(runner), there.save(whole=True))


def test_the_runner_branches_while_it_plays(runner) -> None:
    runner.load(race(iterations=100_000), play=True)
    reach(runner, lambda status: status.position > 50)
    runner.branch(20, {"sgd.lr": 0.5})
    reach(runner, paused_at(20))
    runner.play()
    reach(runner, lambda status: status.position > 30)


@pytest.mark.parametrize("presses", [1, 2])
def test_a_step_right_after_a_branch_is_one_step_from_there(runner, presses) -> None:
    runner.load(race(iterations=300), play=True)
    reach(runner, finished)
    runner.branch(20, {})
    for _ in range(presses):
        runner.step()
    status = reach(runner, lambda status: status.phase is Phase.PAUSED)
    assert status.position == 21
    runner.branch(20, {})
    runner.step()
    runner.pause()
    reach(runner, paused_at(20))


def test_a_change_right_after_a_load_is_of_what_is_loaded_even_while_another_run_is_going_back(runner) -> None:
    runner.load(race(iterations=2000), play=True)
    reach(runner, finished)
    runner.branch(1999, {})
    runner.load(race(seed=3))
    runner.change("sgd.lr", 0.7)
    status = reach(runner, lambda status: bool(status.configuration and status.configuration.changes))
    assert status.configuration["seed"] == 3 and status.configuration.changes[0].value == 0.7


def test_the_runner_looks_back_and_the_last_wish_counts(runner, start) -> None:
    runner.load(race(), play=True)
    reach(runner, finished)
    runner.watch(Watch(("adam",)))
    for position in (5, 30, 11):
        runner.look(position)
    found = look_found(runner, 11)
    there = start()
    there.advance(11)
    there.watch(Watch(("adam",)))
    assert probes_of(found) == probes_of(there.snapshot().probes)
    assert runner.status.position == 40


def test_a_branch_drops_what_was_seen_of_the_old_future(runner) -> None:
    runner.load(race(), play=True)
    reach(runner, finished)
    runner.watch(Watch(("adam",)))
    runner.look(35)
    assert runner.wait(lambda _status: runner._looked is not None, 20.0)
    runner.branch(30, {})
    reach(runner, paused_at(30))
    assert runner.take_look() is None


def look_found(runner, position):
    found = []

    def arrived(_status):
        looked = runner._looked
        found[:] = [looked[1]] if looked is not None and looked[0] == position else []
        return bool(found)

    assert runner.wait(arrived, 20.0)
    assert runner.take_look()[0] == position
    return found[0].probes


def test_the_runner_saves_while_it_plays_and_goes_on_with_what_was_saved(runner, start) -> None:
    runner.load(race(iterations=100_000), play=True)
    reach(runner, lambda status: status.position > 30)
    found = saved(runner)
    assert runner.status.phase is Phase.RUNNING
    runner.load(found.configuration, saved=found)
    status = reach(runner, lambda status: status.phase is Phase.PAUSED)
    assert status.position == found.position
    same_run(saved(runner), found)
    runner.step()
    reach(runner, paused_at(found.position + 1))
    there = start(iterations=100_000)
    there.advance(found.position + 1)
    same_run(saved(runner), there.save(whole=True))


def test_there_is_nothing_to_save_before_the_first_update(runner) -> None:
    assert saved(runner) is None
    runner.load(race())
    reach(runner, lambda status: status.phase is Phase.PAUSED)
    assert saved(runner) is None


def test_a_save_that_finds_no_memory_leaves_the_run_as_it_is(runner, monkeypatch) -> None:
    runner.load(race(), play=True)
    reach(runner, finished)

    def full(self, whole):
        raise MemoryError("no room")

    with monkeypatch.context() as patch:
        patch.setattr(Rewinding, "save", full)
        with pytest.raises(MemoryError, match="no room"):
            saved(runner)
    assert runner.status.phase is Phase.FINISHED
    assert saved(runner).position == 40


def test_what_is_replaced_is_parked_whole(runner) -> None:
    parked: Future = Future()
    runner.load(race(iterations=100_000), play=True)
    reach(runner, lambda status: status.position > 20)
    runner.load(race(seed=1), parking=parked.set_result)
    found = parked.result(20.0)
    assert found.position > 20 and found.loss.shape == (3, found.position)
    before: Future = Future()
    runner.load(found.configuration, saved=found)
    runner.branch(10, {"sgd.lr": 0.1}, before.set_result)
    same_run(before.result(20.0), found)
    reach(runner, paused_at(10))
    runner.load(found.configuration, saved=found)
    reach(runner, paused_at(found.position))
    same_run(saved(runner), found)


@pytest.mark.parametrize("wish", ["branch", "look"])
def test_closing_in_the_midst_of_going_back_makes_no_further_update(digits, wish, monkeypatch) -> None:
    make, step = Checkpoints.__init__, Block._step
    monkeypatch.setattr(Checkpoints, "__init__", lambda kept, size, total: make(kept, size, total, 0))
    before = set(threading.enumerate())
    runner = Runner(lambda configuration: build(configuration, lambda: digits, threads=2))
    runner.load(race(hidden=(100, 100), iterations=3000, evaluate=0), play=True)
    reach(runner, lambda status: status.position > 1000)
    runner.pause()
    end = reach(runner, lambda status: status.phase is Phase.PAUSED).position
    runner.watch(Watch(("adam",)))
    under_way, made = threading.Event(), []

    def held(block, iteration, *args):
        """Hold the tenth update until the runner is told to close."""
        if iteration == 9:
            under_way.set()
            assert runner.wait(lambda _status: runner._closing, 20.0)
        made.append(iteration)
        step(block, iteration, *args)

    monkeypatch.setattr(Block, "_step", held)
    getattr(runner, wish)(*{"branch": (end - 1, {}), "look": (end - 1,)}[wish])
    assert under_way.wait(10.0)
    assert runner.close()
    assert max(made) == 9 and runner.take_look() is None
    assert set(threading.enumerate()) <= before


@pytest.mark.parametrize("kind", ["race", "seeds", "search"])
def test_a_branch_on_the_way_back_to_another_knows_nothing_of_that(start, kind, room) -> None:
    key, first, second = ("dropout", 0.2, 0.4) if kind == "search" else ("sgd.lr", 0.5, 2.0)
    run = changed(start(kind), 40)
    run.turn_back(34, {key: first})
    run.advance(max(0, 17 - run.position))
    run.turn_back(26, {key: second})
    assert run.returning == 26
    run.advance(40 - run.position)
    other = changed(start(kind), 26)
    other.change(key, second)
    other.advance(14)
    assert shown(run) == shown(other) and state(run) == state(other)
