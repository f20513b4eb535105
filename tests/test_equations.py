"""Rules with live numbers: the explained step is the one that `update` takes, and what is drawn of it leads there."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core.drawn_step import DrawnStep
from core.equations import drawn_at, drawn_spans, explain, explain_path, path_values
from core.expressions import parse
from core.optimizers import OPTIMIZERS, SGD, Adam, Optimizer, state_arrays
from core.optimizers.base import TERMS, Role, learning_rate
from core.parameters import Scale
from core.presets import build, preset

EVERY = pytest.mark.parametrize("rule", OPTIMIZERS.values(), ids=OPTIMIZERS)
# Rules whose step is the effective learning rate times what it multiplies, and nothing else.
DRIVEN = ("sgd", "adagrad", "rmsprop", "adam", "adadelta", "adamax", "amsgrad", "lion", "nadam")
_KEPT, _DECAYED = {Role.MEMORY, Role.GRADIENT}, {Role.MEMORY, Role.DECAY}
WITH_TERMS = {"momentum": _KEPT, "nesterov": _KEPT, "rmsprop_momentum": _KEPT, "adamw": _DECAYED, "lion": _DECAYED}


def drawn_values(rule: type[Optimizer], random: np.random.Generator) -> dict[str, float]:
    """Return hyperparameters drawn from where they are usual."""
    found = {}
    for p in rule.hyperparameters:
        if p.scale is Scale.LOG:
            found[p.key] = (p.default or 0.1) * 10.0 ** random.uniform(-1, 0.5)
        else:
            found[p.key] = random.uniform(0.3, min(0.999, p.high))
    return {p.key: p.check(min(found[p.key], p.high)) for p in rule.hyperparameters}


def frame_of(**values):
    run = build(preset("optimizer-paths").configuration(values), None)
    run.advance(run.total)
    return run.snapshot()


ALL = tuple(OPTIMIZERS)


@pytest.fixture(scope="module")
def paths():
    return frame_of(lanes=ALL, iterations=20)


@EVERY
@pytest.mark.parametrize("seed", range(5))
def test_the_explained_step_is_the_one_that_update_takes(rule: type[Optimizer], seed: int) -> None:
    random = np.random.default_rng(seed)
    optimizer = rule(**drawn_values(rule, random))
    point = random.standard_normal((1, 1))
    state = optimizer.init(point)
    for t in range(1, 9):
        gradient = random.standard_normal((1, 1)) * 10.0 ** random.uniform(-3, 2)
        before = {key: float(state[key].item()) for key in state_arrays(rule.key)}
        found = explain(optimizer, float(point.item()), float(gradient.item()), before, t)
        start = point.copy()
        optimizer.update(point, gradient, state)
        assert found.before == start.item()
        assert found.after == pytest.approx(point.item(), rel=1e-12)
        # A difference of two parameters has lost digits by itself.
        lost = 4 * np.finfo(float).eps * abs(start.item())
        assert found.change == pytest.approx((point - start).item(), rel=1e-12, abs=lost)
        assert dict(found.state) == pytest.approx({key: state[key].item() for key in before}, rel=1e-12)


@EVERY
def test_a_rule_is_written_with_all_that_it_is_made_of(rule: type[Optimizer]) -> None:
    """Every hyperparameter and every entry of the state has a symbol of its own, and words are for symbols there."""
    symbols = [p.symbol for p in rule.hyperparameters]
    symbols += [dict(rule.symbols).get(key, key) for key in state_arrays(rule.key)]
    assert all(symbols) and len(set(symbols)) == len(symbols)
    assigned = [line.partition(" ← ")[0] for line in rule.rule]
    names = [*symbols, *assigned, "θ", "g", "t"]
    used = {name for line in rule.rule for name in parse(line.partition(" ← ")[2], names).names}
    assert set(symbols) <= used
    assert {symbol for symbol, _ in rule.words} <= set(names)
    assert set(assigned[:-1]) <= {symbol for symbol, _ in rule.words}
    assert rule.formula.splitlines() == list(rule.rule)


def test_adams_first_step_as_it_is_read() -> None:
    adam = Adam(lr=0.3, beta1=0.9, beta2=0.999, eps=1e-7)
    found = explain(adam, -7.0, -0.7, {"m": 0.0, "v": 0.0}, 1)
    assert [(line.symbol, line.text, line.numbers, line.result) for line in found.lines] == [
        ("m", "β₁·m + (1−β₁)·g", "0.9·0 + (1−0.9)·(−0.7)", "−0.07"),
        ("v", "β₂·v + (1−β₂)·g²", "0.999·0 + (1−0.999)·(−0.7)²", "0.00049"),
        ("m̂", "m / (1−β₁ᵗ)", "−0.07 / (1−0.9¹)", "−0.7"),
        ("v̂", "v / (1−β₂ᵗ)", "0.00049 / (1−0.999¹)", "0.49"),
        ("Δθ", "−lr·m̂ / (√v̂ + ε)", "−0.3·(−0.7) / (√0.49 + 1e−7)", "0.3"),
        ("θ", "θ + Δθ", "−7 + 0.3", "−6.7"),
    ]
    named = {name.symbol: (name.words, name.result) for name in found.named}
    assert named["1−β₂ᵗ"] == ("bias correction of v", "0.001")
    assert named["v̂"] == ("v without its bias to 0", "0.49")
    assert named["lr/(√v̂ + ε)"] == ("effective learning rate", "0.4286")
    assert (found.driven_by, found.effective) == ("m̂", pytest.approx(0.3 / 0.7, rel=1e-6))


@EVERY
def test_the_numbers_in_a_line_give_its_value(rule: type[Optimizer], paths) -> None:
    for step in (1, 2, 7, 20):
        for found in explain_path(paths, ALL.index(rule.key), step):
            for line in found.lines:
                size = sum(abs(number.value) for number in found.named if math.isfinite(number.value))
                value = float(parse(line.numbers, ()).evaluate({}))
                assert value == pytest.approx(line.value, rel=3e-3, abs=2e-4 * size), line


def test_another_learning_rate_is_that_of_a_schedule() -> None:
    point, gradient = np.array([[2.0]]), np.array([[3.0]])
    found = explain(SGD(lr=0.1), 2.0, 3.0, {}, 5, lr=0.025)
    scheduled = SGD(lr=0.025)
    scheduled.update(point, gradient, scheduled.init(point))
    assert found.after == point.item()
    assert (found.effective, found.lines[0].numbers) == (0.025, "−0.025·3")


def test_hyperparameters_of_several_lanes_are_refused_and_those_of_one_are_taken() -> None:
    with pytest.raises(ValueError, match=r"^lr: 2 values; allowed: those of one lane$"):
        explain(SGD(lr=np.array([[0.1], [0.2]])), 1.0, 1.0, {}, 1)
    assert explain(SGD(lr=np.array([[0.1]])), 1.0, 1.0, {}, 1).after == 0.9


def test_a_rule_that_does_not_end_in_a_step_is_refused() -> None:
    try:

        class Jump(Optimizer):
            key, label, rule = "jump-test", "Jump", ("θ ← g",)
            hyperparameters = (learning_rate(0.01),)

        with pytest.raises(ValueError, match=r"^jump-test: the rule ends with 'θ ← g'; allowed: θ ← θ \+ … or"):
            explain(Jump(), 1.0, 1.0, {}, 1)
    finally:
        OPTIMIZERS.pop("jump-test", None)


@pytest.mark.parametrize("key", DRIVEN)
def test_the_effective_learning_rate_times_what_it_multiplies_is_the_step(key: str, paths) -> None:
    for step in (1, 5, 20):
        for found in explain_path(paths, ALL.index(key), step):
            values = {number.symbol: number.value for number in found.named}
            assert found.change == pytest.approx(-found.effective * values[found.driven_by], rel=1e-9)


# Paths.


@EVERY
def test_a_path_is_explained_step_by_step(rule: type[Optimizer], paths) -> None:
    lane = ALL.index(rule.key)
    for step in range(1, 21):
        both = explain_path(paths, lane, step)
        for axis, found in enumerate(both):
            assert found.before == paths.points[lane, step - 1, axis]
            assert found.after == pytest.approx(paths.points[lane, step, axis], rel=1e-11, abs=1e-13)
            for key, value in found.state.items():
                row = np.broadcast_to(paths.states[lane][key][step], 2)
                assert value == pytest.approx(row[axis], rel=1e-11, abs=1e-300)


@EVERY
def test_all_steps_at_once_have_the_numbers_of_each(rule: type[Optimizer], paths) -> None:
    lane = ALL.index(rule.key)
    found = path_values(paths, lane)
    assert all(values.shape == (20, 2) for values in found.values())
    for step in (1, 2, 20):
        for axis, one in enumerate(explain_path(paths, lane, step)):
            named = {number.symbol: number.value for number in one.named} | {"θ": one.after}
            for symbol, values in found.items():
                assert values[step - 1, axis] == pytest.approx(named[symbol], rel=1e-12), symbol
    np.testing.assert_allclose(found["θ"], paths.points[lane, 1:], rtol=1e-11, atol=1e-13)


def test_all_steps_end_before_a_lane_diverges() -> None:
    run = frame_of(lanes=("sgd", "adam"), iterations=300, surface="rosenbrock", **{"sgd.lr": 0.1})
    assert len(path_values(run, 0)["θ"]) == run.diverged[0] - 1
    assert len(path_values(run, 1)["θ"]) == 300


def test_all_steps_have_the_rates_of_a_schedule() -> None:
    run = frame_of(lanes=("sgd",), iterations=6, **{"sgd.schedule": "exponential"})
    np.testing.assert_array_equal(path_values(run, 0)["lr"][:, 0], run.rates[0])
    np.testing.assert_allclose(path_values(run, 0)["θ"], run.points[0, 1:], rtol=1e-12)


@EVERY
def test_the_whole_step_is_an_arrow_to_the_next_point(rule: type[Optimizer], paths) -> None:
    lane = ALL.index(rule.key)
    for step in (1, 2, 20):
        (arrow,) = [a for a in drawn_at(paths, lane, step).arrows if a.role is Role.STEP]
        assert arrow.start == tuple(paths.points[lane, step - 1].tolist())
        np.testing.assert_allclose(arrow.end, paths.points[lane, step], rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("key", WITH_TERMS)
def test_the_terms_of_a_step_lead_to_the_next_point(key: str, paths) -> None:
    lane = ALL.index(key)
    for step in (1, 2, 20):
        first, second = [a for a in drawn_at(paths, lane, step).arrows if a.role in TERMS]
        assert {first.role, second.role} == WITH_TERMS[key]
        assert first.start == tuple(paths.points[lane, step - 1].tolist())
        np.testing.assert_allclose(second.start, first.end, rtol=1e-12)
        np.testing.assert_allclose(second.end, paths.points[lane, step], rtol=1e-11, atol=1e-13)


def test_momentums_memory_is_its_share_of_the_last_step(paths) -> None:
    lane, step = ALL.index("momentum"), 6
    memory = next(a for a in drawn_at(paths, lane, step).arrows if a.role is Role.MEMORY)
    last = paths.points[lane, step - 1] - paths.points[lane, step - 2]
    np.testing.assert_allclose(np.subtract(memory.end, memory.start), 0.9 * last, rtol=1e-11)


@pytest.mark.parametrize("key", ["momentum", "nesterov", "rmsprop_momentum"])
def test_the_velocity_is_that_with_which_a_point_is_reached(key: str, paths) -> None:
    lane, step = ALL.index(key), 6
    arrow = next(a for a in drawn_at(paths, lane, step).arrows if a.role is Role.VELOCITY)
    np.testing.assert_allclose(np.subtract(arrow.end, arrow.start), paths.states[lane]["v"][step - 1], rtol=1e-11)


@EVERY
def test_downhill_is_against_the_gradient(rule: type[Optimizer], paths) -> None:
    lane, step = ALL.index(rule.key), 6
    x, y = paths.points[lane, step - 1]
    arrow = drawn_at(paths, lane, step).downhill
    assert arrow.start == (x, y)
    np.testing.assert_allclose(arrow.end, (x - x / 10.0, y - 2.0 * y), rtol=1e-12)


def test_nesterovs_iterates_are_those_of_the_rule_that_looks_ahead() -> None:
    """Beside a run of the textbook's form: v from the gradient at x + αv, then x + v."""
    run = frame_of(lanes=("nesterov",), iterations=12, **{"nesterov.lr": 0.1, "nesterov.momentum": 0.8})
    x, v = np.array([-7.0, 2.0]), np.zeros(2)
    for step in range(1, 13):
        ahead = x + 0.8 * v
        np.testing.assert_allclose(run.points[0, step - 1], ahead, rtol=1e-12, atol=1e-14)
        v = 0.8 * v - 0.1 * np.array([ahead[0] / 10, 2 * ahead[1]])
        x = x + v
        places = {place.label: place.at for place in drawn_at(run, 0, step).places}
        np.testing.assert_allclose(places["iterate"], x, rtol=1e-11, atol=1e-14)
        np.testing.assert_allclose(places["look-ahead"], run.points[0, step], rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("key", DRIVEN)
def test_the_step_ends_on_the_ellipse(key: str, paths) -> None:
    lane = ALL.index(key)
    for step in (1, 4):
        ellipse = drawn_at(paths, lane, step).ellipse
        across = (paths.points[lane, step] - ellipse.centre) / ellipse.radii
        assert math.hypot(*across) == pytest.approx(1.0, rel=1e-6)


def test_sgds_ellipse_is_a_circle_and_adagrads_is_not(paths) -> None:
    x, y = drawn_at(paths, ALL.index("sgd"), 3).ellipse.radii
    assert x == y
    x, y = drawn_at(paths, ALL.index("adagrad"), 3).ellipse.radii
    assert x > 2 * y


def test_adamws_decay_is_drawn_towards_the_origin() -> None:
    run = frame_of(lanes=("adamw",), iterations=3, **{"adamw.wd": 0.5, "adamw.lr": 0.1})
    (decay,) = [a for a in drawn_at(run, 0, 1).arrows if a.role is Role.DECAY]
    np.testing.assert_allclose(decay.end, np.multiply(decay.start, 0.95), rtol=1e-12)


def test_a_lane_that_diverges_is_explained_up_to_the_step_at_which_it_does() -> None:
    run = frame_of(lanes=("sgd", "adam"), iterations=300, surface="rosenbrock", **{"sgd.lr": 0.1})
    end = run.diverged[0]
    assert end is not None and 2 < end < 300
    x, _ = explain_path(run, 0, end - 1)
    assert math.isfinite(x.after) and drawn_at(run, 0, end - 1).arrows
    last = [found.after for found in explain_path(run, 0, end)]
    with np.errstate(all="ignore"):
        assert not np.isfinite(run.surface.f(np.array(last)))
    gone, _ = explain_path(run, 0, end + 1)
    assert math.isnan(gone.after) and gone.lines[0].result == "nan"
    assert drawn_at(run, 0, end + 1) == DrawnStep()
    assert drawn_at(run, 1, end + 1).arrows


@pytest.mark.parametrize("step", [0, 21, -1])
def test_other_steps_are_refused(step: int, paths) -> None:
    for what in (explain_path, drawn_at):
        with pytest.raises(IndexError, match=r"allowed: 1 to 20$"):
            what(paths, 0, step)


def test_recorded_gradients_and_states_are_what_the_optimizers_had(paths) -> None:
    for lane, key in enumerate(ALL):
        values = dict(paths.hyperparameters[lane])
        rule, point = OPTIMIZERS[key](**values), np.array([[-7.0, 2.0]])
        state = rule.init(point)
        assert np.isnan(paths.gradients[lane, 0]).all()
        for step in range(1, 21):
            gradient = np.array([[2.0 * point[0, 0] / 20.0, 2.0 * point[0, 1]]])
            np.testing.assert_array_equal(paths.gradients[lane, step], gradient[0])
            rule.update(point, gradient, state)
            np.testing.assert_array_equal(paths.points[lane, step], point[0])
            for name, rows in paths.states[lane].items():
                np.testing.assert_array_equal(rows[step], state[name][0])


def test_what_is_recorded_stays_as_it_was_while_the_run_goes_on() -> None:
    run = build(preset("optimizer-paths").configuration({"lanes": ALL, "iterations": 30}), None)
    run.advance(10)
    early = run.snapshot()
    kept = early.gradients.copy(), early.points.copy(), early.states[5]["v"].copy()
    for _ in run.steps():
        pass
    for mine, was in zip((early.gradients, early.points, early.states[5]["v"]), kept, strict=True):
        np.testing.assert_array_equal(mine, was)
        with pytest.raises(ValueError, match="read-only"):
            mine[:] = 0.0
    whole = frame_of(lanes=ALL, iterations=30)
    late = run.snapshot()
    assert late.gradients.tobytes() == whole.gradients.tobytes()
    assert [s["v"].tobytes() for s in late.states if "v" in s] == [s["v"].tobytes() for s in whole.states if "v" in s]


@pytest.mark.parametrize("key", OPTIMIZERS)
def test_the_lengths_of_a_run_are_those_of_its_steps(paths, key: str) -> None:
    lane = ALL.index(key)
    found = drawn_spans(paths, lane)
    for step in range(1, paths.position + 1):
        drawn = drawn_at(paths, lane, step)
        for arrow in drawn.arrows:
            if arrow.role is Role.STEP:
                span = np.abs(np.subtract(arrow.end, arrow.start))
                np.testing.assert_allclose(found.arrows[arrow.role][step - 1], span, rtol=1e-6, atol=1e-12)
        assert {arrow.role for arrow in drawn.arrows} == found.arrows.keys()
        np.testing.assert_allclose(found.radii[step - 1], np.abs(drawn.ellipse.radii), rtol=1e-9)
        np.testing.assert_allclose(found.gradient[step - 1], np.abs(paths.gradients[lane, step]), rtol=1e-12)


def test_the_lengths_of_a_lane_that_diverged_end_before_that() -> None:
    frame = frame_of(lanes=("sgd",), iterations=300, surface="rosenbrock", **{"sgd.lr": 0.1})
    found = drawn_spans(frame, 0)
    assert frame.diverged[0] is not None and len(found.gradient) == frame.diverged[0] - 1
    assert np.isfinite(found.gradient).all() and np.isfinite(found.radii).all()
