"""Runs whose learning rates follow schedules: what is applied, what is told of it, and that the bits do not depend
on how a run got there."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from core.export import arrays, select_lanes, write_csv, write_json
from core.presets import build, preset
from core.schedules import Plan
from core.session import PanelState, Session, read_session, write_session

FEW = {"hidden": (5,), "batch": 8, "iterations": 40, "evaluate": 1, "lanes": ("sgd", "momentum", "adam")}


@pytest.fixture
def running(few_digits):
    """Build runs that are closed at the test's end."""
    made = []

    def make(name="optimizer-mnist", threads=1, **values):
        made.append(build(preset(name).configuration(values), lambda: few_digits(60, 20), threads))
        return made[-1]

    yield make
    for run in made:
        run.close()


def test_constant_schedules_leave_every_bit_and_tell_nothing(running) -> None:
    plain, other = running(**FEW), running(**FEW, **{"schedule.length": 3, "schedule.floor": 0.5})
    for run in (plain, other):
        run.advance(40)
    frame = plain.snapshot()
    assert frame.rates is None and frame.ahead is None
    assert frame.loss.tobytes() == other.snapshot().loss.tobytes()


def test_a_schedule_is_a_learning_rate_set_by_hand_before_every_update(running) -> None:
    """The same run in which a person types each update's learning rate."""
    run = running(**FEW, **{"sgd.schedule": "warmup-cosine", "adam.schedule": "step", "schedule.every": 20})
    hand = running(**FEW)
    cosine, step = Plan("warmup-cosine", length=2000, warmup=200), Plan("step", every=20)
    for t in range(40):
        hand.change("sgd.lr", 0.01 * cosine.factor(t))
        hand.change("adam.lr", 0.001 * step.factor(t))
        hand.advance(1)
    run.advance(40)
    assert run.snapshot().loss.tobytes() == hand.snapshot().loss.tobytes()
    rates = run.snapshot().rates
    assert rates.shape == (3, 40) and np.allclose(rates[0], 0.01 * cosine.factors(0, 40), rtol=1e-15)
    assert set(rates[1]) == {0.01} and np.allclose(rates[2], 0.001 * step.factors(0, 40), rtol=1e-15)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("init-mnist", {"lanes": ("xavier", "he")}),
        ("batchnorm", {"images": 60}),
        ("weight-decay", {"images": 60}),
        ("dropout", {"images": 60}),
    ],
)
def test_all_lanes_of_one_optimizer_follow_its_schedule(running, name, values) -> None:
    few = {**values, "hidden": (5,), "batch": 8, "iterations": 20, "evaluate": 0}
    plain = running(name, **few)
    cut = running(name, **few, **{"sgd.schedule": "step", "schedule.every": 10, "schedule.factor": 0.01})
    for run in (plain, cut):
        run.advance(20)
    ours, theirs = cut.snapshot(), plain.snapshot()
    assert ours.loss[:, :11].tobytes() == theirs.loss[:, :11].tobytes()
    assert (ours.loss[:, 12:] != theirs.loss[:, 12:]).all()
    assert ours.rates[0, 9] == 0.01 and ours.rates[0, 10] == pytest.approx(1e-4)


def test_a_search_scales_every_trials_own_learning_rate(running) -> None:
    few = {"trials": 4, "epochs": 4, "hidden": (5,), "batch": 8, "images": 50}
    plain, cut = running("random-search", **few), running("random-search", **few, **{"sgd.schedule": "warmup"})
    for run in (plain, cut):
        run.advance(1)
    first = [run._checkpoint().blocks[0].params for run in (plain, cut)]
    start = running("random-search", **few)
    start.advance(0)
    begin = start.blocks[0].network.params
    moved, less = (np.linalg.norm(params - begin, axis=1) for params in first)
    assert np.allclose(less, moved / 20, rtol=1e-3)  # a warm-up of 20 updates


def test_lanes_with_other_schedules_are_trained_in_one_stack(running) -> None:
    """Each as if it were alone."""
    few = {"hidden": (5,), "batch": 8, "iterations": 40, "evaluate": 0}
    few |= {"schedule.every": 20, "schedule.length": 40, "schedule.warmup": 4}
    together = running("schedules", **few)
    together.advance(40)
    frame = together.snapshot()
    for row, lane in enumerate(frame.lanes):
        alone = running("schedules", **few, lanes=(lane.name,))
        alone.advance(40)
        assert np.allclose(alone.snapshot().loss[0], frame.loss[row], rtol=1e-4)
    assert len({row.tobytes() for row in frame.loss}) == 4


def test_steps_threads_and_rewinding_leave_every_bit(running) -> None:
    scheduled = {**FEW, "sgd.schedule": "warmup-cosine", "adam.schedule": "exponential", "seeds": 2}
    whole, stepped, back = running(**scheduled), running(**scheduled, threads=3), running(**scheduled)
    whole.advance(40)
    for _ in range(40):
        stepped.advance(1)
    back.advance(33)
    back.rewind(11)
    back.advance(29)
    frames = [run.snapshot() for run in (whole, stepped, back)]
    for name in ("loss", "rates", "test_accuracy"):
        assert len({getattr(frame, name).tobytes() for frame in frames}) == 1


def test_changes_in_mid_run_count_from_there_and_go_with_a_rewound_run(running) -> None:
    run = running(**FEW)
    run.advance(10)
    assert run.snapshot().rates is None
    run.change("sgd.schedule", "step")
    run.change("schedule.every", 4)
    run.advance(10)
    before = run.snapshot()
    assert before.rates[0].tolist() == (0.01 * np.r_[np.ones(10), Plan("step", every=4).factors(10, 20)]).tolist()
    assert before.ahead.scheduled == (True, False, False)
    run.change("sgd.schedule", "constant")
    run.advance(5)
    assert run.snapshot().rates[0, 20:].tolist() == [0.01] * 5
    run.branch(12, {"sgd.schedule": "constant", "sgd.lr": 0.5})
    run.advance(3)
    frame = run.snapshot()
    assert frame.rates[0, :12].tolist() == before.rates[0, :12].tolist()
    assert frame.rates[0, 12:].tolist() == [0.5] * 3
    assert before.rates.shape == (3, 20), "an earlier frame changed"
    run.rewind(5)
    assert run.snapshot().rates is None


def test_what_is_to_come_ends_with_the_run(running) -> None:
    run = running(**FEW, **{"momentum.schedule": "cosine", "schedule.length": 40})
    ahead = run.snapshot().ahead
    assert ahead.at.tolist() == list(range(1, 41)) and ahead.scheduled == (False, True, False)
    run.advance(40)
    assert np.allclose(run.snapshot().rates, ahead.rates, rtol=1e-15)
    run.change("iterations", 5000)
    ahead = run.snapshot().ahead
    assert (ahead.at[0], ahead.at[-1]) == (1, 5000) and len(ahead.at) <= 1024
    assert ahead.rates[1, -1] == pytest.approx(1e-4)


# Paths.


def test_paths_follow_schedules_step_by_step() -> None:
    settings = {"lanes": ("sgd", "adam"), "sgd.schedule": "cosine", "iterations": 29}
    run = build(preset("optimizer-paths").configuration(settings), lambda: None)
    run.advance(29)
    frame, point = run.snapshot(), np.array([-7.0, 2.0])
    factors = Plan("cosine", length=29).factors(0, 29)
    for step, factor in enumerate(factors):
        point = point - 0.95 * factor * np.array([point[0] / 10, 2 * point[1]])
        assert np.allclose(frame.points[0, step + 1], point, rtol=1e-12)
    assert np.allclose(frame.rates, [0.95 * factors, np.full(29, 0.3)], rtol=1e-15)
    other = build(preset("optimizer-paths").configuration({"lanes": ("sgd", "adam")}), lambda: None)
    other.advance(29)
    assert other.snapshot().rates is None and frame.points[1].tobytes() == other.snapshot().points[1].tobytes()


# Files.


def read(path):
    with path.open() as file:
        return list(csv.reader(file))


def test_rates_are_written_beside_the_curves(running, tmp_path) -> None:
    run = running(**FEW, **{"sgd.schedule": "warmup", "schedule.warmup": 4})
    run.advance(6)
    frame = run.snapshot()
    curves, rates = write_csv(frame, tmp_path, "race")
    assert (curves.name, rates.name) == ("race.csv", "race-rates.csv")
    rows = read(rates)
    assert rows[0] == ["lane", "iteration", "lr"] and len(rows) == 1 + 3 * 6
    assert rows[1:7] == [["sgd", str(i), lr] for i, lr in enumerate(["0.0025", "0.005", "0.0075", *["0.01"] * 3], 1)]
    assert arrays(frame)["rates"].shape == (3, 6)
    written = write_json(frame, run.configuration, None, tmp_path, "race").read_text()
    assert '"sgd.schedule": "warmup"' in written and '"schedule.warmup": 4' in written
    some = select_lanes(frame, [2])
    assert some.rates.tolist() == [[0.001] * 6] and some.ahead.scheduled == (False,) and len(some.ahead.rates) == 1


def test_a_lane_has_no_rates_after_it_diverged(running, tmp_path) -> None:
    run = running(**{**FEW, "lanes": ("sgd", "adam")}, **{"sgd.lr": 10.0, "l2": 10.0, "adam.schedule": "step"})
    run.advance(40)
    lost = run.snapshot().diverged[0]
    rows = read(write_csv(run.snapshot(), tmp_path, "race")[1])
    assert sum(row[0] == "sgd" for row in rows) == lost - 1 < 39 and sum(row[0] == "adam" for row in rows) == 40


def test_paths_rates_are_counted_in_steps(tmp_path) -> None:
    run = build(preset("optimizer-paths").configuration({"sgd.schedule": "inverse"}), lambda: None)
    run.advance(29)
    assert read(write_csv(run.snapshot(), tmp_path, "p")[1])[:2] == [["lane", "step", "lr"], ["sgd", "1", "0.95"]]


def test_a_run_whose_schedule_came_in_mid_run_is_saved_and_opened(running, tmp_path) -> None:
    run = running(**FEW)
    run.advance(10)
    run.change("sgd.schedule", "step")
    run.change("schedule.every", 12)
    run.advance(5)
    path = tmp_path / "run.trainscope"
    write_session(Session({"training": PanelState(run.configuration, run.save(whole=True), {})}, {}, None), path)
    saved = read_session(path).panels["training"].run
    again = running(**FEW)
    again.restore(saved)
    for each in (run, again):
        each.advance(25)
    mine, other = run.snapshot(), again.snapshot()
    assert mine.rates.tobytes() == other.rates.tobytes() and mine.rates[0, -1] == pytest.approx(1e-5)
    assert mine.loss.tobytes() == other.loss.tobytes()
