"""Gradient flow: norms and ratios against plain NumPy, the same bits however a run was cut, in files, in words.

Small networks on the first 240 digits, 15 updates an epoch.
"""

from __future__ import annotations

import csv

import numpy as np
import pytest

from core.export import flow_tables, select_lanes, write_csv, write_npz, write_tables
from core.flow import Flow, norms, samples_by
from core.flow_verdict import Course, short_text, verdict
from core.lanes import Axis
from core.memory import records_bytes
from core.presets import preset
from core.randomness import Batches
from core.session import read_session, write_session
from tests.session_files import entries, put, refused, session_of, state_of

pytest_plugins = ["tests.session_file_fixtures"]

SMALL = {"hidden": (12, 10), "batch": 16, "iterations": 40, "lanes": ("sgd", "momentum", "adam")}
WILD = {"sgd.lr": 10.0, "l2": 10.0, "lanes": ("sgd", "adam")}  # each update multiplies SGD's weights by -99
DEEP = {"activation": "sigmoid", "hidden": (20,) * 8, "lanes": ("normal-0.01", "normal-1", "zeros")}


@pytest.fixture
def run_of(digits, open_run):
    def make(name="optimizer-mnist", threads=1, **values):
        return open_run(preset(name).configuration({**SMALL, **values}), digits, threads)

    return make


def bits(flow):
    return [np.ascontiguousarray(found).tobytes() for found in (flow.at, flow.gradient_norm, flow.update_ratio)]


def weights_of(run):
    """Return every affine layer's weights of all rows, in float64."""
    found = {}
    for block in run.blocks:
        for place, row in enumerate(block.rows):
            found[row] = [layer.weights[place].astype(np.float64) for layer in block.network.affine]
    return [found[row] for row in sorted(found)]


def length(array):
    return np.sqrt((np.asarray(array, np.float64) ** 2).sum())


# Against plain NumPy.


@pytest.mark.parametrize("more", [{}, {"batchnorm": True, "dropout": 0.3, "l2": 0.1, "l1": 0.001}], ids=str)
def test_the_ratio_is_how_far_an_update_moved_the_weights(run_of, more) -> None:
    run = run_of(**more)
    for n in (1, 11, 21):
        run.advance(n - 1 - run.position)
        before = weights_of(run)
        run.advance(1)
        after = weights_of(run)
        found = run.snapshot().flow
        assert found.at.tolist() == list(range(1, n + 1, 10))
        moved = [
            [length(b - a) / length(a) for a, b in zip(*pair, strict=True)] for pair in zip(before, after, strict=True)
        ]
        np.testing.assert_allclose(found.update_ratio[:, :, -1], moved, rtol=1e-4)
        # SGD moves weights by the learning rate times their gradient.
        np.testing.assert_allclose(
            found.gradient_norm[0, :, -1],
            [length(b - a) / 0.01 for a, b in zip(before[0], after[0], strict=True)],
            rtol=1e-3,
        )


def test_the_norm_is_that_of_the_textbook_gradient(run_of, digits) -> None:
    """With weight decay's share, as the optimizer gets it."""
    run = run_of(hidden=(9,), l2=0.05, lanes=("adam",))
    run.advance(10)
    block = run.blocks[0]
    chosen = Batches(run.seeds[0], 240, 16)[10]
    (w1, w2), (b1, b2) = weights_of(run)[0], [layer.biases[0].astype(float) for layer in block.network.affine]
    x, labels = block.task.train.pixels[chosen] / 255, block.task.train.labels[chosen]
    hidden = np.maximum(x @ w1 + b1, 0)
    scores = np.exp(hidden @ w2 + b2)
    d = (scores / scores.sum(axis=1, keepdims=True) - np.eye(10)[labels]) / 16
    wanted = [x.T @ ((d @ w2.T) * (hidden > 0)) + 0.05 * w1, hidden.T @ d + 0.05 * w2]
    run.advance(1)
    found = run.snapshot().flow.gradient_norm[0, :, 1]
    np.testing.assert_allclose(found, [length(gradient) for gradient in wanted], rtol=1e-4)


@pytest.mark.parametrize("size", [1e-30, 1e-20, 1.0, 1e20, 1e30])
def test_norms_keep_their_digits_where_squares_leave_float32(size) -> None:
    part = np.random.default_rng(1).standard_normal((2, 500)).astype(np.float32) * np.float32(size)
    np.testing.assert_allclose(norms([part, part[:, :7]]), [[length(p), length(p[:7])] for p in part], rtol=1e-6)


def test_norms_of_nothing_and_of_what_has_diverged() -> None:
    found = norms([np.array([[0, 0], [np.nan, 1], [np.inf, 1]], np.float32)])[:, 0]
    assert found[0] == 0 and np.isnan(found[1]) and np.isinf(found[2])


def test_norms_of_no_lanes_at_all() -> None:
    """Where every lane of a block diverges at an update that is measured."""
    assert norms([np.empty((0, 4), np.float32)] * 3).shape == (0, 3)


# The same bits.


@pytest.mark.parametrize("threads", [1, 3])
def test_neither_threads_nor_pauses_nor_steps_change_a_bit(run_of, threads) -> None:
    whole, cut = run_of(batchnorm=True), run_of(threads=threads, batchnorm=True)
    whole.advance(40)
    for updates in (1, 9, 1, 1, 28):
        cut.advance(updates)
        cut.snapshot()
    assert bits(cut.snapshot().flow) == bits(whole.snapshot().flow)


def test_a_rewound_run_measures_the_same_again_and_a_branch_its_own(run_of) -> None:
    run, branched = run_of(), run_of()
    run.advance(40)
    before = run.snapshot().flow
    kept = bits(before)
    run.rewind(15)
    assert run.snapshot().flow.at.tolist() == [1, 11]
    run.advance(25)
    assert bits(run.snapshot().flow) == kept
    run.branch(15, {"sgd.lr": 0.5})
    branched.advance(15)
    branched.change("sgd.lr", 0.5)
    for one in (run, branched):
        one.advance(25)
    found = run.snapshot().flow
    assert bits(found) == bits(branched.snapshot().flow) and bits(before) == kept
    assert (found.update_ratio[0, :, 2:] != before.update_ratio[0, :, 2:]).any()


def test_a_diverged_lane_has_nothing_from_there_on(run_of) -> None:
    run = run_of(**WILD)
    run.advance(40)
    frame = run.snapshot()
    lost = frame.diverged[0]
    assert lost is not None and frame.diverged[1] is None
    gone = frame.flow.at >= lost
    assert gone.any() and not gone.all()
    assert np.isnan(frame.flow.gradient_norm[0][:, gone]).all() and np.isnan(frame.flow.update_ratio[0][:, gone]).all()
    assert np.isfinite(frame.flow.gradient_norm[0][:, ~gone]).all() and np.isfinite(frame.flow.gradient_norm[1]).all()


def test_of_several_seeds_it_is_the_first_one(run_of) -> None:
    one, many = run_of(seed=4), run_of(seed=4, seeds=3)
    for run in (one, many):
        run.advance(25)
    assert bits(many.snapshot().flow) == bits(one.snapshot().flow)


def test_frames_cannot_be_written_and_stay_as_they_are(run_of) -> None:
    run = run_of()
    run.advance(5)
    first = run.snapshot().flow
    kept = bits(first)
    run.advance(35)
    assert bits(first) == kept and first.gradient_norm.shape == (3, 3, 1)
    with pytest.raises(ValueError, match="read-only"):
        first.update_ratio[:] = 0


def test_trials_of_a_search_are_not_followed(open_run, digits) -> None:
    values = {"hidden": (8,), "batch": 16, "images": 100, "trials": 9, "epochs": 3}
    run = open_run(preset("random-search").configuration(values), digits)
    run.advance(15)
    assert run.save(whole=True).flow is None and not hasattr(run.snapshot(), "flow")


def test_its_memory_is_asked_for_before_it_is_taken(run_of, monkeypatch) -> None:
    asked = []
    monkeypatch.setattr("core.experiments.training.require", lambda needed, what: asked.append(needed))
    run_of(iterations=1000)
    monkeypatch.setattr("core.experiments.training.Training.follows_flow", False)
    run_of(iterations=1000)
    assert asked[0] - asked[1] == records_bytes(3, 101, 6) >= 3 * 6 * 100 * 4


# In files.


def test_it_comes_back_from_a_session_to_the_last_bit(lived, start, path) -> None:
    for kind in ("race", "seeds", "batchnorm", "diverged"):
        run = lived(kind)
        write_session(session_of(state_of(run)), path)
        (state,) = read_session(path).panels.values()
        again = start(kind, configuration=state.run.configuration)
        again.restore(state.run)
        assert bits(again.snapshot().flow) == bits(run.snapshot().flow)
        assert np.isfinite(again.snapshot().flow.gradient_norm).any()


def test_a_session_from_before_it_was_recorded_opens_without_it(lived, start, path) -> None:
    run = lived("race")
    write_session(session_of(state_of(run)), path)
    plain, runs = entries(path)
    del runs["runs/training.npz"]["flow"]
    put(path, {**plain, "version": 1}, runs)
    (state,) = read_session(path).panels.values()
    assert state.run.flow is None
    again = start("race", configuration=state.run.configuration)
    again.restore(state.run)
    assert np.isnan(again.snapshot().flow.gradient_norm).all(), "what was not recorded is not known"
    for one in (run, again):
        one.advance(9)
    known, whole = again.snapshot().flow, run.snapshot().flow
    assert known.at.tolist() == [1, 11, 21] and bits(known)[0] == bits(whole)[0]
    for one in (run, again):  # it is known again once it is made again
        one.rewind(0)
        one.advance(12)
    assert np.isfinite(again.snapshot().flow.gradient_norm).all()
    assert bits(again.snapshot().flow) == bits(run.snapshot().flow)


SPOILT = {
    "negative": (lambda a: -a, "flow: norms below 0 or infinite ones; allowed: 0 or more"),
    "infinite": (lambda a: a + np.float32(np.inf), "flow: norms below 0 or infinite ones"),
    "a layer less": (lambda a: a[:, :, 1:], r"flow\.npy: an array of shape 3x2x1x3; allowed: shape 3x2x2x3"),
    "a sample more": (lambda a: np.concatenate([a, a[..., :1]], axis=3), "allowed: shape 3x2x2x3"),
    "of the diverged": (lambda a: np.nan_to_num(a, nan=1.0), "flow: norms after the losses end; allowed: none of rows"),
}


@pytest.mark.parametrize("case", SPOILT)
def test_norms_that_cannot_be_are_refused(lived, path, case) -> None:
    change, match = SPOILT[case]
    write_session(session_of(state_of(lived("diverged"))), path)
    plain, runs = entries(path)
    arrays = runs["runs/training.npz"]
    put(path, plain, {"runs/training.npz": {**arrays, "flow": np.ascontiguousarray(change(arrays["flow"]))}})
    refused(path, match=match)


def test_a_search_has_no_such_array(lived, path) -> None:
    write_session(session_of(state_of(lived("search"))), path)
    plain, runs = entries(path)
    arrays = runs["runs/search.npz"]
    assert "flow" not in arrays
    put(path, plain, {"runs/search.npz": {**arrays, "flow": np.zeros((9, 2, 2, 3), np.float32)}})
    refused(path, match="has an unexpected entry 'flow.npy'")


def test_its_table_has_a_row_for_each_layer_and_measured_update(run_of, tmp_path) -> None:
    run = run_of(**WILD)
    run.advance(40)
    frame = run.snapshot()
    (path,) = write_tables(flow_tables(frame), tmp_path, "race")
    assert path.name == "race-flow.csv"
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["lane", "layer", "iteration", "gradient_norm", "update_ratio"]
    assert len(rows) == 2 * 3 * 4
    for row in rows:
        place = (
            ("sgd", "adam").index(row["lane"]),
            int(row["layer"]) - 1,
            frame.flow.at.tolist().index(int(row["iteration"])),
        )
        for key in ("gradient_norm", "update_ratio"):
            wanted = getattr(frame.flow, key)[place]
            assert np.float32(row[key]) == wanted if np.isfinite(wanted) else row[key] == ""
    assert [path.name for path in write_csv(frame, tmp_path, "race")] == ["race.csv"]


def test_arrays_have_it_and_chosen_lanes_theirs(run_of, tmp_path) -> None:
    run = run_of()
    run.advance(25)
    frame = run.snapshot()
    part = select_lanes(frame, [2])
    assert bits(part.flow) == bits(Flow(frame.flow.at, frame.flow.gradient_norm[2:], frame.flow.update_ratio[2:]))
    with np.load(write_npz(frame, tmp_path, "race"), allow_pickle=False) as arrays:
        for name in ("at", "gradient_norm", "update_ratio"):
            np.testing.assert_array_equal(arrays[f"flow_{name}"], getattr(frame.flow, name))


# In words.


def made(*samples, ratio=1e-3):
    """Return the flow of one lane whose layers had these norms at one measured update after the other."""
    found = np.array(samples, np.float32).T[None]
    return Flow(np.arange(found.shape[2]) * 10 + 1, found, np.full_like(found, ratio))


COURSES = [
    ([1.0, 0.6, 0.5], 2.3, Course.FLOWS, "layer 1 gets 2 times the last layer's gradient: it gets through"),
    ([0.5, 0.5], 2.3, Course.FLOWS, "layer 1 gets as much gradient as the last layer: it gets through"),
    ([0.2, 0.5, 1.0], 2.3, Course.FLOWS, "layer 1 gets 0.2 of the last layer's gradient: it gets through"),
    ([1 / 900, 0.1, 1.0], 2.3, Course.VANISHES, "layer 1 gets 1/900 of the last layer's gradient: it vanishes on the"),
    ([1e-9, 1e-4, 1.0], 2.3, Course.VANISHES, "layer 1 gets 10⁻⁹ of the last layer's gradient: it vanishes on the way"),
    ([2e-6, 2e-6, 1e-6], 2.3, Course.VANISHES, "layer 1 gets a gradient of 2·10⁻⁶ at a loss of 2.30: it vanishes"),
    ([2e-6, 2e-6, 1e-6], 1e-4, Course.FLOWS, "layer 1 gets 2 times the last"),
    ([44.0, 8.0, 1.0], 2.3, Course.EXPLODES, "layer 1 gets 44 times the last layer's gradient: it explodes on the way"),
    ([48_600.0, 85_000.0, 7e4], 1e5, Course.EXPLODES, "gradients of up to 85,000: they explode"),
    ([0.0, 0.0, 0.3], 2.3, Course.NONE, "layer 1 gets no gradient at all: it cannot learn"),
    ([0.0, 0.0, 0.0], 2.3, Course.NONE, "no layer's weights get any gradient: they stay as they are"),
]


@pytest.mark.parametrize(("layers", "loss", "course", "words"), COURSES)
def test_what_becomes_of_a_gradient_is_said(layers, loss, course, words) -> None:
    found = verdict(made(layers), 0, 1, loss)
    assert found.course is course and found.gradient.startswith(words)


def test_the_last_measured_updates_are_judged_up_to_the_cursor() -> None:
    flow = made(*[[1e-6, 1.0]] * 10, *[[0.5, 1.0]] * 5)
    assert verdict(flow, 0, 100, 2.3).course is Course.VANISHES
    assert verdict(flow, 0, 141, 2.3).course is Course.FLOWS
    assert verdict(flow, 0, 0, float("nan")) == verdict(made([np.nan, np.nan]), 0, 1, 2.3)
    assert verdict(flow, 0, 0, 2.3).course is Course.UNKNOWN


def test_a_diverged_lane_is_judged_by_what_came_before() -> None:
    flow = made([9e4, 8e4], [np.nan, np.nan])
    found = verdict(flow, 0, 20, float("nan"), 4)
    assert found.course is Course.EXPLODES and found.gradient.endswith("they explode; diverged at update 4")
    assert verdict(flow, 0, 3, 1e5, 4).gradient == "gradients of up to 90,000: they explode"
    assert verdict(made([np.nan, np.nan]), 0, 5, float("nan"), 1).gradient == "diverged at update 1"


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        (1e-3, "updates are 0.001 of the weights: as usual"),
        (1e-8, "updates are 10⁻⁸ of the weights: tiny"),
        (0.3, "updates are 0.3 of the weights: large"),
        ([[1e-6], [2e-3]], "updates are 10⁻⁶ (layer 1) to 0.002 (layer 2) of the weights: some are tiny"),
        ([[5e-2], [2e-3]], "updates are 0.002 (layer 2) to 0.05 (layer 1) of the weights: some are large"),
        (np.nan, "weights that are all 0 have no norm to compare updates with"),
    ],
)
def test_how_large_steps_are_is_said(ratio, words) -> None:
    assert verdict(made([1.0, 1.0], ratio=ratio), 0, 1, 2.3).update.endswith(words)


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0"), (0.00314, "0.0031"), (12_345.0, "12,000"), (2.14e-6, "2.1·10⁻⁶"), (1e9, "10⁹")]
)
def test_numbers_of_any_size_have_two_digits(value, text) -> None:
    assert short_text(value) == text


def test_deep_sigmoid_networks_are_judged_as_they_are(open_run, digits) -> None:
    values = {**SMALL, **DEEP, "evaluate": 0}
    run = open_run(preset("init-mnist").configuration(values), digits)
    assert run.configuration.get("lanes") == DEEP["lanes"] and Axis.INITIAL_WEIGHTS is preset("init-mnist").axis
    run.advance(31)
    frame = run.snapshot()
    small, large, zeros = (verdict(frame.flow, row, 31, float(frame.smoothed[row, -1])).course for row in range(3))
    assert (small, large, zeros) == (Course.VANISHES, Course.FLOWS, Course.NONE)
    first, last = frame.flow.gradient_norm[0, [0, -1], -1]
    assert 0 < first < 1e-9 * last, "nine layers of squashing"
    assert samples_by(31) == frame.flow.at.size == 4
