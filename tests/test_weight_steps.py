"""One update of one weight: the very numbers of an unbroken run, whichever optimizer or moment; what never moves.

Small networks on the first 240 digits, 15 updates an epoch.
"""

from __future__ import annotations

import numpy as np
import pytest

from core.numbers import short
from core.optimizers import OPTIMIZERS
from core.presets import preset
from core.randomness import Purpose, generator
from core.watching import Watch
from core.weight_steps import explain_weight, gradient_line

SMALL = {"hidden": (7, 6), "batch": 16, "iterations": 40, "lanes": tuple(OPTIMIZERS)}
NETWORKS = [{}, {"batchnorm": True}, {"dropout": 0.4, "l2": 0.1, "l1": 0.01, "activation": "tanh"}]


@pytest.fixture(scope="module")
def digits(few_digits):
    return few_digits(240, 90)


@pytest.fixture
def run_of(digits, open_run):
    def make(name="optimizer-mnist", threads=1, **values):
        return open_run(preset(name).configuration({**SMALL, **values}), digits, threads)

    return make


def stood(run, lane):
    """Return a lane's weights, gradients and own state, each as a list of layers, as plain copies."""
    block = next(block for block in run.blocks if lane in [found.name for found in block.lanes])
    row = [found.name for found in block.lanes].index(lane)
    group = next(group for group in block._groups if group.rows.start <= row < group.rows.stop)
    weights = [layer.weights[row].copy() for layer in block.network.affine]
    gradients = [layer.weight_grads[row].copy() for layer in block.network.affine]
    return weights, gradients, {key: np.copy(value) for key, value in group.state.items()}, row - group.rows.start


def own_state(run, stand, layer, at):
    """Return the state of a weight at place `at` of its layer, looked up by hand."""
    _, _, state, row = stand
    start = 0
    for found in run.blocks[0].network.layers:
        if found is run.blocks[0].network.affine[layer - 1]:
            break
        start += found.size
    width = run.blocks[0].network.affine[layer - 1].n_out
    flat, found = start + at[0] * width + at[1], {}
    for key, value in state.items():
        if "work" not in key:
            found[key] = value[row, flat if value.shape[1] > 1 else 0] if value.ndim else int(value)
    return found


def pixel(run, used):
    """Return the number of a pixel by its place among the used ones."""
    return int(run.blocks[0].task.inputs[used])


@pytest.mark.parametrize("more", NETWORKS, ids=["plain", "batchnorm", "regularized"])
@pytest.mark.parametrize("lane", OPTIMIZERS)
def test_it_is_the_update_that_an_unbroken_run_makes(run_of, lane, more) -> None:
    beside = next(name for name in OPTIMIZERS if name != lane)
    run, steps = run_of(lanes=(beside, lane), **more), {}  # in one block: gradients are kept until another one trains
    run.blocks[0].make()
    for n in range(1, 13):
        before = stood(run, lane)
        run.advance(1)
        steps[n] = before, stood(run, lane)
    for layer, at in ((1, (200, 3)), (2, (6, 0)), (3, (2, 9))):
        place = (layer, pixel(run, at[0]) if layer == 1 else at[0], at[1])
        for n in (12, 1, 5, 6, 11, 11):
            found, (before, after) = run.weight_step(lane, place, n), steps[n]
            assert (found.lane, found.optimizer, found.iteration, found.moves) == (lane, lane, n, True)
            assert (found.layer, found.row, found.column) == place
            assert found.before == before[0][layer - 1][at] and found.after == after[0][layer - 1][at]
            assert found.gradient == after[1][layer - 1][at]
            assert found.state == own_state(run, before, layer, at)
            assert found.state_after == own_state(run, after, layer, at)
            assert again(found) == found.after, "the optimizer itself makes this step of these numbers"


def again(step):
    """Return what the optimizer makes of the numbers of a step."""
    rule = OPTIMIZERS[step.optimizer](**step.values)
    params, grads = (np.array([[value]], np.float32) for value in (step.before, step.gradient))
    state = rule.init(params)
    state |= {
        key: value if isinstance(value, int) else np.array([[value]], np.float32) for key, value in step.state.items()
    }
    rule.update(params, grads, state)
    return params[0, 0]


@pytest.mark.parametrize("lane", OPTIMIZERS)
def test_the_rule_explains_the_very_step(run_of, lane) -> None:
    run = run_of(lanes=(lane,), l2=0.01)
    run.advance(20)
    for n in (1, 2, 20):
        step = run.weight_step(lane, (2, 3, 3), n)
        found = explain_weight(step)
        assert found.before == step.before
        assert found.change == pytest.approx(step.after - step.before, rel=2e-3, abs=1e-7)
        assert found.after == pytest.approx(step.after, rel=1e-5, abs=1e-7)
        for key, value in found.state.items():
            assert value == pytest.approx(step.state_after[key], rel=1e-4, abs=1e-12)


def test_of_what_the_gradient_is_made_stands_before_the_rule(run_of) -> None:
    bare, both = run_of(lanes=("sgd",)), run_of(lanes=("sgd",), l2=0.1, l1=0.01)
    for run in (bare, both):
        run.advance(1)
    assert gradient_line(bare.weight_step("sgd", (2, 3, 3), 1)) is None
    step = both.weight_step("sgd", (2, 3, 3), 1)
    line = gradient_line(step)
    assert (line.symbol, line.text, line.value) == ("g", "∂L/∂W + λ·W + λ₁·sign(W)", step.gradient)
    weight = f"({short(step.before)})" if step.before < 0 else short(step.before)
    sign = "(−1)" if step.before < 0 else "1"
    assert line.numbers == f"{short(step.loss_gradient)} + 0.1·{weight} + 0.01·{sign}"


def test_weight_decays_share_is_named(run_of) -> None:
    run = run_of("regularization", images=240, lanes=("plain", "l2-0.1", "l2-0.5", "l1-0.01", "l2-0.1+p-0.5"))
    plain = run_of("regularization", images=240, lanes=("plain", "l2-0", "l2-0.5", "l1-0.01", "l2-0.1+p-0.5"))
    for one in (run, plain):
        one.advance(1)
    place = (1, pixel(run, 150), 2)
    shares = {
        lane: (found.l2_share, found.l1_share, found.before)
        for lane in ("plain", "l2-0.1", "l2-0.5", "l1-0.01", "l2-0.1+p-0.5")
        for found in [run.weight_step(lane, place, 1)]
    }
    w = shares["plain"][2]
    assert w and all(before == w for _, _, before in shares.values())
    assert shares["plain"][:2] == (0, 0) and shares["l1-0.01"][0] == shares["l2-0.5"][1] == 0
    assert shares["l2-0.1"][0] == pytest.approx(0.1 * w) == shares["l2-0.1+p-0.5"][0]
    assert shares["l2-0.5"][0] == pytest.approx(0.5 * w)
    assert shares["l1-0.01"][1] == pytest.approx(0.01 * np.sign(w))
    bare = plain.weight_step("plain", place, 1)
    for lane in ("l2-0.1", "l1-0.01"):
        found = run.weight_step(lane, place, 1)
        assert found.gradient != bare.gradient
        assert found.loss_gradient == pytest.approx(bare.gradient, rel=1e-4, abs=1e-7)


def test_it_has_the_values_that_were_in_force(run_of) -> None:
    run = run_of(lanes=("sgd", "adam"))
    run.advance(10)
    run.change("sgd.lr", 0.5)
    run.change("l2", 0.25)
    run.advance(10)
    place = (2, 1, 1)
    before, after = run.weight_step("sgd", place, 10), run.weight_step("sgd", place, 11)
    assert before.values == {"lr": 0.01} and after.values == {"lr": 0.5}
    assert before.l2_share == 0 and after.l2_share == pytest.approx(0.25 * after.before)
    assert run.weight_step("adam", place, 11).values == {"lr": 0.001, "beta1": 0.9, "beta2": 0.999, "eps": 1e-7}


def test_under_a_schedule_it_has_the_rate_of_its_own_update(run_of) -> None:
    run = run_of(lanes=("sgd", "adam"), **{"adam.schedule": "cosine", "schedule.length": 40})
    run.advance(30)
    rates = run.snapshot().rates
    for n in (30, 1, 17):
        step = run.weight_step("adam", (2, 1, 1), n)
        assert step.values["lr"] == rates[1, n - 1] and again(step) == step.after
    assert (
        run.weight_step("adam", (2, 1, 1), 29).values["lr"] < 0.5 * run.weight_step("adam", (2, 1, 1), 2).values["lr"]
    )


def test_a_trial_has_its_own_values(open_run, digits) -> None:
    values = {"hidden": (8,), "batch": 16, "images": 100, "trials": 9, "epochs": 3, "search": ("lr", "l2")}
    run = open_run(preset("random-search").configuration(values), digits)
    run.advance(5)
    frame = run.snapshot()
    for trial in (0, 4):
        found = run.weight_step(f"trial-{trial + 1}", (2, 1, 1), 5)
        assert found.values["lr"] == frame.lr[trial]
        assert found.l2_share == pytest.approx(frame.weight_decay[trial] * found.before, rel=1e-6)


def test_the_weight_of_an_unused_pixel_never_moves(run_of) -> None:
    run = run_of(lanes=("adam",), init="he", l2=0.1)
    run.advance(3)
    assert 0 not in run.blocks[0].task.inputs and 783 not in run.blocks[0].task.inputs
    for number in (0, 783):
        found = run.weight_step("adam", (1, number, 4), 3)
        drawn = generator(run.seeds[0], Purpose.WEIGHTS, 0).standard_normal((784, 7))[number, 4] * np.sqrt(2 / 784)
        assert not found.moves and found.before == found.after == np.float32(drawn)
        assert found.gradient == found.loss_gradient == 0 and found.state == found.state_after == {}
    first = pixel(run, 0)
    assert run.weight_step("adam", (1, first, 4), 3).moves
    assert explain_weight(found) is None


def test_the_initial_weight_of_a_used_pixel_is_drawn_the_same_way(run_of) -> None:
    run = run_of(lanes=("sgd",), init="he")
    run.advance(1)
    number = pixel(run, 77)
    drawn = generator(run.seeds[0], Purpose.WEIGHTS, 0).standard_normal((784, 7))[number, 4] * np.sqrt(2 / 784)
    assert run.weight_step("sgd", (1, number, 4), 1).before == np.float32(drawn)


def test_looking_leaves_the_run_as_it_was(run_of) -> None:
    looked, alone = run_of(dropout=0.3, batchnorm=True), run_of(dropout=0.3, batchnorm=True)
    for n in (13, 27, 40):
        for run in (looked, alone):
            run.advance(n - run.position)
        for at in (n, 1, n - 1, 7):
            assert looked.weight_step("momentum", (2, 3, 3), at).iteration == at
    assert looked.snapshot().loss.tobytes() == alone.snapshot().loss.tobytes()
    assert [w.tobytes() for w in stood(looked, "adam")[0]] == [w.tobytes() for w in stood(alone, "adam")[0]]


@pytest.mark.parametrize("threads", [1, 3])
def test_it_is_the_same_after_going_back_and_beside_other_lanes(run_of, threads) -> None:
    run, other = run_of(threads=threads), run_of(lanes=("adam",), seeds=2)
    run.advance(40)
    other.advance(40)
    wanted = run.weight_step("adam", (3, 1, 1), 22)
    run.rewind(25)
    assert run.weight_step("adam", (3, 1, 1), 22) == wanted
    run.branch(23, {"sgd.lr": 0.9})
    run.advance(10)
    assert run.weight_step("adam", (3, 1, 1), 22) == wanted
    beside = other.weight_step("adam", (3, 1, 1), 22)
    assert beside.before == pytest.approx(wanted.before, rel=1e-4), "of two seeds the first one's"


def test_the_block_that_trains_keeps_what_its_last_update_did(run_of) -> None:
    run = run_of()
    place = (2, 3, 3)
    for block in run.blocks:
        block.follow(run._weights.find(run, "rmsprop", place))
    for n in (1, 11, 12, 25):
        run.advance(n - run.position)
        (seen,) = [block.seen for block in run.blocks if block.seen is not None]
        assert seen == run.weight_step("rmsprop", place, n)
    for block in run.blocks:
        block.follow(None)
    run.advance(1)
    assert all(block.seen is None for block in run.blocks)


def test_a_lane_that_diverged_or_was_stopped_has_no_later_steps(run_of, open_run, digits) -> None:
    run = run_of(**{"sgd.lr": 10.0, "l2": 10.0, "lanes": ("sgd", "adam")})
    run.advance(40)
    lost = run.snapshot().diverged[0]
    assert lost is not None
    assert run.weight_step("sgd", (1, pixel(run, 0), 0), lost - 1).iteration == lost - 1
    assert run.weight_step("sgd", (1, pixel(run, 0), 0), lost) is None
    assert run.weight_step("adam", (1, pixel(run, 0), 0), lost).iteration == lost
    values = {"hidden": (8,), "batch": 16, "images": 100, "trials": 9, "epochs": 10, "halving": True}
    search = open_run(preset("random-search").configuration(values), digits)
    search.advance(search.total)
    row, at = next(iter(search.ended().items()))
    assert search.weight_step(f"trial-{row + 1}", (1, pixel(search, 0), 0), at).iteration == at
    assert search.weight_step(f"trial-{row + 1}", (1, pixel(search, 0), 0), at + 1) is None


def test_there_is_none_before_the_first_update_and_after_the_last(run_of) -> None:
    run = run_of()
    assert run.weight_step("sgd", (1, 0, 0), 0) is None and run.weight_step("sgd", (1, 0, 0), 1) is None
    run.advance(2)
    assert run.weight_step("sgd", (1, 0, 0), 2).iteration == 2 and run.weight_step("sgd", (1, 0, 0), 3) is None


def test_it_is_given_up_when_nobody_wants_it(run_of) -> None:
    run = run_of()
    run.advance(40)
    assert run.weight_step("sgd", (2, 0, 0), 33, lambda: True) is None
    assert run.weight_step("sgd", (2, 0, 0), 33).iteration == 33


@pytest.mark.parametrize(
    ("lane", "place", "words"),
    [
        ("hero", (1, 0, 0), "lane: 'hero' is not there; allowed: sgd, adam"),
        ("sgd", (0, 0, 0), "layer: 0 is not there; allowed: 1 to 3"),
        ("sgd", (4, 0, 0), "layer: 4 is not there; allowed: 1 to 3"),
        ("sgd", (1, 784, 0), "input of layer 1: 784 is not there; allowed: 0 to 783"),
        ("sgd", (2, 7, 0), "input of layer 2: 7 is not there; allowed: 0 to 6"),
        ("sgd", (2, -1, 0), "input of layer 2: -1 is not there; allowed: 0 to 6"),
        ("sgd", (3, 0, 10), "unit of layer 3: 10 is not there; allowed: 0 to 9"),
    ],
)
def test_a_weight_that_is_not_there_is_refused_with_what_is(run_of, lane, place, words) -> None:
    run = run_of(lanes=("sgd", "adam"))
    run.advance(1)
    with pytest.raises(ValueError, match=f"^{words}$"):
        run.weight_step(lane, place, 1)


# Watched, in frames.


def test_frames_have_the_last_update_of_the_watched_weight(run_of) -> None:
    run = run_of(threads=2)
    run.watch(Watch(weight=("adam", 2, 3, 3)))
    for n in (1, 2, 13, 40):
        run.advance(n - run.position)
        assert run.snapshot().weight == run.weight_step("adam", (2, 3, 3), n) is not None
    run.watch(Watch())
    run.rewind(20)
    run.advance(1)
    assert run.snapshot().weight is None


def test_at_rest_a_weight_picked_anew_is_there_with_the_next_frame(run_of) -> None:
    run = run_of(dropout=0.3)
    run.advance(23)
    before = run.snapshot()
    assert before.weight is None
    for place in (("sgd", 2, 3, 3), ("adam", 2, 3, 3), ("adam", 3, 0, 0)):
        run.watch(Watch(weight=place))
        found = run.snapshot().weight
        assert (found.lane, found.layer, found.row, found.column, found.iteration) == (*place, 23)
        assert found == run.weight_step(place[0], place[1:], 23)


def test_while_it_runs_nothing_is_made_again_for_a_frame(run_of, monkeypatch) -> None:
    run = run_of()
    run.advance(10)
    run.snapshot()
    run.advance(3)
    run.watch(Watch(weight=("adam", 2, 3, 3)))  # after the update, so that it was not noted
    visits = []
    monkeypatch.setattr(run._visitor, "visit", lambda *args: visits.append(args))
    assert run.snapshot().weight is None and not visits
    run.advance(1)
    assert run.snapshot().weight.iteration == 14 and not visits


def test_a_look_back_has_the_update_that_led_there(run_of) -> None:
    run = run_of(batchnorm=True)
    run.watch(Watch(histograms=("sgd",), weight=("adam", 2, 3, 3)))
    run.advance(40)
    for n in (17, 16, 40, 1, 0, 33):
        sight = run.look(n, lambda: False)
        assert [probe.lane.name for probe in sight.probes] == ["sgd"]
        assert sight.weight == run.weight_step("adam", (2, 3, 3), n)
        assert (sight.weight is None) == (n == 0)


def test_a_rewound_run_and_a_branch_have_their_own_updates(run_of) -> None:
    run = run_of(lanes=("sgd", "adam"))
    run.watch(Watch(weight=("sgd", 2, 3, 3)))
    run.advance(30)
    run.rewind(12)
    for _ in range(2):
        found = run.snapshot().weight
    assert found.iteration == 12
    run.branch(11, {"sgd.lr": 0.5})
    run.advance(1)
    assert run.snapshot().weight.values == {"lr": 0.5}


@pytest.mark.parametrize("place", [("hero", 1, 0, 0), ("sgd", 9, 0, 0), ("sgd", 2, 700, 0)])
def test_a_weight_of_other_networks_is_not_followed(run_of, place) -> None:
    run = run_of()
    run.watch(Watch(weight=place))
    run.advance(3)
    for _ in range(2):
        assert run.snapshot().weight is None
    assert run.look(2, lambda: False).weight is None


def test_following_a_weight_changes_no_bit(run_of) -> None:
    followed, alone = run_of(dropout=0.2), run_of(dropout=0.2)
    followed.watch(Watch(weight=("adam", 2, 3, 3)))
    for n in (9, 9, 22):
        for run in (followed, alone):
            run.advance(n)
            run.snapshot()
            run.snapshot()
    assert followed.snapshot().loss.tobytes() == alone.snapshot().loss.tobytes()


def test_a_search_follows_a_weight_of_a_trial(open_run, digits) -> None:
    values = {"hidden": (8,), "batch": 16, "images": 100, "trials": 9, "epochs": 3}
    run = open_run(preset("random-search").configuration(values), digits)
    run.watch(Watch(weight=("trial-4", 2, 3, 3)))
    run.advance(5)
    found = run.snapshot().weight
    assert (found.lane, found.iteration) == ("trial-4", 5)
