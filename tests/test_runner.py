"""The runner's transitions, each driven on the real engine with small settings."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from core.datasets import load_sample
from core.presets import build, preset
from core.runner import Phase, Runner
from core.watching import Watch

SMALL = {"hidden": (8,), "batch": 16, "iterations": 60, "lanes": ("sgd", "adam"), "evaluate": 0}


def training(**values):
    return preset("optimizer-mnist").configuration({**SMALL, **values})


@pytest.fixture
def runner():
    made = Runner(lambda configuration: build(configuration, load_sample, threads=1))
    yield made
    assert made.close(), "the engine thread must end"


def reach(runner, phase, seconds=10.0):
    assert runner.wait(lambda status: status.phase is phase, seconds), runner.status
    return runner.status


def frame_at(runner, position):
    """Ask until the frame of that position is there."""
    found = []

    def arrived(_status):
        frame = runner._mailbox
        found[:] = [frame] if frame is not None and frame.position == position else []
        return bool(found)

    runner.request()
    assert runner.wait(arrived, 10.0)
    return runner.take()


def test_loads_paused_at_zero(runner):
    runner.load(training())
    status = reach(runner, Phase.PAUSED)
    assert (status.position, status.total) == (0, 60)


def test_eager_experiments_arrive_finished(runner):
    runner.load(preset("optimizer-paths").configuration())
    assert reach(runner, Phase.FINISHED).position == 29
    assert frame_at(runner, 29).points.shape == (6, 30, 2)


def test_plays_to_the_end_and_publishes_the_last_frame(runner):
    runner.load(training(), play=True)
    assert reach(runner, Phase.FINISHED).position == 60
    assert np.isfinite(frame_at(runner, 60).loss).all()


def test_steps_are_single_updates(runner):
    runner.load(training())
    reach(runner, Phase.PAUSED)
    for expected in (1, 2, 3):
        runner.step()
        assert runner.wait(lambda s, n=expected: s.phase is Phase.PAUSED and s.position == n, 5.0)


def test_a_step_asked_for_while_a_run_is_loading_is_made(runner):
    runner.load(training())
    runner.step()
    assert runner.wait(lambda s: s.phase is Phase.PAUSED and s.position == 1, 5.0)


@pytest.mark.parametrize("forget", [lambda runner: runner.pause(), lambda runner: runner.load(training(seed=2))])
def test_a_step_asked_for_while_loading_is_forgotten(runner, forget):
    runner.load(training(seed=1))
    runner.step()
    forget(runner)
    assert reach(runner, Phase.PAUSED).position == 0
    frame_at(runner, 0)
    assert runner.status.position == 0


def test_pause_and_play_give_the_same_bits_as_one_run(runner):
    runner.load(training())
    reach(runner, Phase.PAUSED)
    runner.limit(400)
    runner.play()
    assert runner.wait(lambda s: s.position >= 20, 10.0)
    runner.pause()
    assert reach(runner, Phase.PAUSED).position < 60
    runner.step()
    runner.wait(lambda s: s.phase is Phase.PAUSED, 5.0)
    runner.limit(None)
    runner.play()
    reach(runner, Phase.FINISHED)
    straight = build(training(), load_sample, threads=2)
    straight.advance(60)
    assert frame_at(runner, 60).loss.tobytes() == straight.snapshot().loss.tobytes()
    straight.close()


def test_the_limit_holds_while_frames_are_asked_for(runner):
    runner.load(training())
    reach(runner, Phase.PAUSED)
    runner.limit(20)
    runner.play()
    done = threading.Event()
    asked = 0
    while not done.wait(0.002) and asked < 200:
        runner.request()
        asked += 1
    assert 2 <= runner.status.position <= 15  # 0.4 s at 20 per second, 8 expected


def test_a_held_run_stands_still_and_answers_until_it_may_go_on(runner):
    runner.load(training())
    reach(runner, Phase.PAUSED)
    runner.hold(True)
    runner.play()
    assert frame_at(runner, 0).position == 0, "frames come"
    assert runner.status.phase is Phase.RUNNING
    assert not runner.wait(lambda status: status.position > 0, 0.05)
    runner.hold(False)
    assert reach(runner, Phase.FINISHED).position == 60


@pytest.mark.parametrize("phase", [Phase.PAUSED, None])
def test_a_held_run_can_be_paused_and_closed(runner, phase):
    runner.load(training())
    reach(runner, Phase.PAUSED)
    runner.hold(True)
    runner.play()
    if phase is not None:
        runner.pause()
        assert reach(runner, phase).position == 0
    assert runner.close()


def test_a_change_goes_on_from_where_the_run_is(runner):
    runner.load(training())
    reach(runner, Phase.PAUSED)
    for _ in range(3):
        runner.step()
        runner.wait(lambda s: s.phase is Phase.PAUSED, 5.0)
    at = runner.status.position
    runner.change("sgd.lr", 0.5)
    assert runner.wait(lambda s: bool(s.configuration and s.configuration.changes), 5.0)
    change = runner.status.configuration.changes[0]
    assert (change.iteration, change.key, change.value) == (at, "sgd.lr", 0.5)
    assert runner.status.position == at


def test_a_finished_run_is_extended(runner):
    runner.load(training(), play=True)
    reach(runner, Phase.FINISHED)
    runner.change("iterations", 90)
    runner.play()
    assert runner.wait(lambda s: s.phase is Phase.FINISHED and s.position == 90, 10.0)
    straight = build(training(iterations=90), load_sample, threads=1)
    straight.advance(90)
    assert frame_at(runner, 90).loss.tobytes() == straight.snapshot().loss.tobytes()


def test_of_many_loads_the_last_counts(runner):
    for seed in range(20):
        runner.load(training(seed=seed))
    reach(runner, Phase.PAUSED)
    assert runner.status.configuration["seed"] == 19


def test_watched_lanes_come_with_the_frames_until_none_is(runner):
    runner.load(training())
    reach(runner, Phase.PAUSED)
    for lanes in (("adam",), ("sgd", "adam"), ()):
        runner.watch(Watch(lanes))
        assert tuple(probe.lane.name for probe in watched(runner, lanes).probes) == lanes


def watched(runner, lanes):
    """Ask until a frame with so many histograms is there."""
    found = []

    def arrived(_status):
        frame = runner.take()
        found[:] = [frame] if frame is not None and len(frame.probes) == len(lanes) else []
        return bool(found)

    runner.request()
    assert runner.wait(arrived, 10.0)
    return found[0]


def test_a_search_plays_to_its_end(runner):
    values = {"hidden": (6,), "batch": 16, "images": 60, "trials": 9, "epochs": 10, "halving": True}
    runner.load(preset("random-search").configuration(values), play=True)
    assert reach(runner, Phase.FINISHED).position == 10 * 3
    frame = frame_at(runner, 30)
    assert sum(s is None for s in frame.stopped) == 1


def test_what_an_experiment_raises_ends_in_failed_and_the_thread_lives(caplog):
    def broken(configuration):
        if configuration["seed"] == 1:
            raise MemoryError("no room for 10 GiB")
        return build(configuration, load_sample, threads=1)

    runner = Runner(broken)
    runner.load(training(seed=1))
    assert reach(runner, Phase.FAILED).error.startswith("there is not enough memory for this run (no room for 10 GiB)")
    assert "Traceback" in caplog.text
    runner.load(training(seed=2))
    reach(runner, Phase.PAUSED)
    assert runner.close()


def test_close_in_mid_run_leaves_no_thread():
    before = set(threading.enumerate())
    runner = Runner(lambda configuration: build(configuration, load_sample, threads=2))
    runner.load(training(iterations=100_000), play=True)
    assert runner.wait(lambda s: s.position > 0, 10.0)
    assert runner.close()
    assert set(threading.enumerate()) <= before


# Wishes that cross: a run is kept or saved as it was when that was asked for.


class Held:
    """Makes runs whose updates wait until they are let go."""

    def __init__(self):
        self.go, self.busy = threading.Event(), threading.Event()
        self.raises = False

    def __call__(self, configuration):
        made = build(configuration, load_sample, threads=1)
        advance = made.advance

        def held(updates):
            advance(updates)
            if made.position >= 20:
                self.busy.set()
                assert self.go.wait(10.0)
                if self.raises:
                    raise ZeroDivisionError("a number that is not there")

        made.advance = held
        return made


@pytest.fixture
def held():
    makes = Held()
    runner = Runner(makes)
    runner.load(training(), play=True)
    assert makes.busy.wait(10.0)
    yield runner, makes
    makes.go.set()
    assert runner.close()


def test_a_run_that_is_saved_and_then_replaced_is_saved_as_it_was(held):
    runner, makes = held
    found = runner.save(whole=True)
    runner.load(training(batch=8))
    makes.go.set()
    run = found.result(10.0)
    assert run.position >= 20 and run.configuration["batch"] == 16


def test_what_is_asked_for_after_another_load_is_of_that(held):
    runner, makes = held
    runner.load(training(batch=8), parking=lambda run: None)
    found = runner.save(whole=True)
    makes.go.set()
    assert found.result(10.0) is None


def test_a_run_comes_back_that_had_not_been_handed_over_yet(held):
    runner, makes = held
    kept = []
    runner.load(training(batch=8), parking=kept.append)
    runner.load(training(), saved=lambda: kept[0])
    makes.go.set()
    assert reach(runner, Phase.PAUSED).position >= 20
    assert kept[0].position == runner.status.position


def test_a_branch_that_is_overtaken_still_hands_the_run_over(held):
    runner, makes = held
    kept = []
    runner.branch(10, {}, parking=kept.append)
    runner.load(training(), saved=lambda: kept[0])
    makes.go.set()
    assert reach(runner, Phase.PAUSED).position >= 20


def test_what_a_run_had_at_its_last_checkpoint_outlives_its_failure(held):
    runner, makes = held
    makes.raises = True
    makes.go.set()
    reach(runner, Phase.FAILED)
    run = runner.save(whole=True).result(10.0)
    assert run.position == run.checkpoints[-1].position > 0
    kept = []
    makes.raises = False
    runner.load(training(), parking=kept.append)
    reach(runner, Phase.PAUSED)
    assert kept[0].position == run.position
