"""Every registered optimizer: what its contract promises, and torch.optim's numbers where they are recorded.

A new optimizer is tested by being registered; its reference needs a line in tests/reference/make_optimizers.py.
"""

from __future__ import annotations

import math
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core.optimizers import OPTIMIZERS, SGD, Adam, Momentum, Optimizer
from core.parameters import ParameterError, Scale

EVERY = pytest.mark.parametrize("rule", OPTIMIZERS.values(), ids=OPTIMIZERS)
CHAPTER = ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam")
FURTHER = ("adadelta", "adamax", "adamw", "amsgrad", "lion", "nadam", "rmsprop_momentum")
NOT_IN_TORCH = ("lion",)
ROOT = Path(__file__).resolve().parent.parent
SHAPES = [(2,), (1, 7), (40_000, 2), (3, 5, 4)]


def draws(shape, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def run(optimizer: Optimizer, params: np.ndarray, gradient, steps: int) -> np.ndarray:
    """Return a copy of `params` after some steps."""
    params = params.copy()
    state = optimizer.init(params)
    for _ in range(steps):
        optimizer.update(params, gradient(params), state)
    return params


def varied(rule: type[Optimizer], lanes: int) -> dict[str, np.ndarray]:
    """Return allowed hyperparameters (lanes, 1) that differ from lane to lane."""
    found = {}
    for p in rule.hyperparameters:
        if p.scale is Scale.LOG:
            values = p.default * np.geomspace(0.2, 3.0, lanes)
        else:
            values = np.linspace(p.low + 0.3 * (p.default - p.low), p.default, lanes)
        found[p.key] = np.array([p.check(value) for value in values.tolist()])[:, None]
    return found


def scaled(p):
    """The gradient of 1/2 sum(c p^2) with curvatures c from 0.5 to 2."""
    return p * np.linspace(0.5, 2.0, p.shape[-1])


def test_the_six_of_the_chapter_come_first_in_its_order_whatever_is_imported_first() -> None:
    assert tuple(OPTIMIZERS) == CHAPTER + FURTHER
    code = "import core.optimizers.nadam, core.optimizers; print(*core.optimizers.OPTIMIZERS)"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert tuple(found.stdout.split()) == CHAPTER + FURTHER


def test_a_file_in_the_folder_is_a_new_optimizer_without_another_edit(tmp_path) -> None:
    shutil.copytree(ROOT / "core", tmp_path / "core", ignore=shutil.ignore_patterns("__pycache__"))
    rule = """
from core.optimizers.base import Optimizer, learning_rate

class Still(Optimizer):
    key, label, source, rule = "still", "Still", "nobody", ("θ ← θ − lr·0·g",)
    hyperparameters = (learning_rate(0.01),)

    def update(self, params, grads, state):
        pass
"""
    (tmp_path / "core" / "optimizers" / "still.py").write_text(rule, encoding="utf-8")
    code = """
from core.optimizers import OPTIMIZERS
from core.presets import preset
print(preset("optimizer-paths").configuration({"lanes": ("still",)})["still.lr"], len(OPTIMIZERS))
print(len({rule.colour for rule in OPTIMIZERS.values()}), len({rule.marker for rule in OPTIMIZERS.values()}))
"""
    found = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["0.01", "14", "14", "14"]


@pytest.mark.parametrize(
    ("key", "defaults"),
    [
        ("sgd", {"lr": 0.01}),
        ("momentum", {"lr": 0.01, "momentum": 0.9}),
        ("nesterov", {"lr": 0.01, "momentum": 0.9}),
        ("adagrad", {"lr": 0.01, "eps": 1e-7}),
        ("rmsprop", {"lr": 0.01, "decay": 0.99, "eps": 1e-7}),
        ("adam", {"lr": 0.001, "beta1": 0.9, "beta2": 0.999, "eps": 1e-7}),
        ("adadelta", {"lr": 1.0, "decay": 0.9, "eps": 1e-6}),
        ("adamax", {"lr": 0.002, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8}),
        ("adamw", {"lr": 0.001, "beta1": 0.9, "beta2": 0.999, "eps": 1e-7, "wd": 0.01}),
        ("amsgrad", {"lr": 0.001, "beta1": 0.9, "beta2": 0.999, "eps": 1e-7}),
        ("lion", {"lr": 0.0003, "beta1": 0.9, "beta2": 0.99, "wd": 0.0}),
        ("nadam", {"lr": 0.002, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "momentum_decay": 0.004}),
        ("rmsprop_momentum", {"lr": 0.001, "decay": 0.99, "eps": 1e-7, "momentum": 0.9}),
    ],
)
def test_defaults_are_the_chapters_or_those_that_are_usual(key: str, defaults: dict[str, float]) -> None:
    assert OPTIMIZERS[key]().values == defaults


@EVERY
def test_is_declared_completely(rule: type[Optimizer]) -> None:
    assert OPTIMIZERS[rule.key] is rule
    assert rule.label and rule.formula and rule.source and rule.marker
    assert rule.colour.startswith("#") and len(rule.colour) == 7
    assert "lr" in [p.key for p in rule.hyperparameters]
    for p in rule.hyperparameters:
        assert p.doc and p.label and p.check(p.default) == p.default
        with pytest.raises(ParameterError):
            p.check(math.nan)


def test_no_two_look_alike() -> None:
    for attribute in ("label", "colour", "marker"):
        assert len({getattr(rule, attribute) for rule in OPTIMIZERS.values()}) == len(OPTIMIZERS)


def test_a_new_rule_registers_itself_and_gets_a_look_of_its_own() -> None:
    before = dict(OPTIMIZERS)
    try:

        class SignDescent(Optimizer):
            key, label = "sign-test", "Sign"

        assert OPTIMIZERS["sign-test"] is SignDescent
        assert SignDescent.colour not in [rule.colour for rule in before.values()]
        assert SignDescent.marker not in [rule.marker for rule in before.values()]
    finally:
        OPTIMIZERS.pop("sign-test", None)
    assert before == OPTIMIZERS


@EVERY
def test_an_unknown_hyperparameter_is_refused(rule: type[Optimizer]) -> None:
    with pytest.raises(TypeError, match=r"no hyperparameter learning_speed"):
        rule(learning_speed=0.1)


@EVERY
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_acts_in_place_and_leaves_gradients_alone(rule: type[Optimizer], shape, dtype) -> None:
    params, grads = draws(shape, dtype=dtype), draws(shape, 1, dtype)
    start, kept, memory = params.copy(), grads.copy(), params.ctypes.data
    optimizer = rule()
    state = optimizer.init(params)
    np.testing.assert_array_equal(params, start)
    arrays = {key: id(value) for key, value in state.items() if isinstance(value, np.ndarray)}
    for _ in range(3):
        optimizer.update(params, grads, state)
    assert (params.shape, params.dtype, params.ctypes.data) == (shape, dtype, memory)
    assert np.all(params != start)
    np.testing.assert_array_equal(grads, kept)
    assert arrays == {key: id(value) for key, value in state.items() if isinstance(value, np.ndarray)}
    assert {value.dtype for value in state.values() if isinstance(value, np.ndarray)} == {np.dtype(dtype)}


@EVERY
def test_is_elementwise(rule: type[Optimizer]) -> None:
    """A cloud of points is moved as each of its points alone; so no norm, mean or clip couples coordinates."""
    cloud, target = draws((50, 2), 2), draws((50, 2), 3)
    together = run(rule(), cloud, lambda p: p - target, 8)
    for row in (0, 7, 49):
        alone = run(rule(), cloud[row], lambda p, row=row: p - target[row], 8)
        np.testing.assert_array_equal(alone, together[row])


@EVERY
def test_lanes_with_their_own_hyperparameters_equal_separate_runs_bit_for_bit(rule: type[Optimizer]) -> None:
    lanes = 5
    values, params = varied(rule, lanes), draws((lanes, 33), 4)
    stacked = run(rule(**values), params, scaled, 25)
    for lane in range(lanes):
        own = {key: float(value[lane, 0]) for key, value in values.items()}
        separate = run(rule(**own), params[lane], scaled, 25)
        assert separate.tobytes() == stacked[lane].tobytes()


@EVERY
def test_float32_stays_float32_with_float64_hyperparameters(rule: type[Optimizer]) -> None:
    params = draws((4, 6), 5, np.float32)
    values = varied(rule, 4)
    optimizer = rule(**values)
    state = optimizer.init(params)
    for _ in range(20):
        optimizer.update(params, scaled(params).astype(np.float32), state)
    assert {a.dtype for a in (params, *state.values()) if isinstance(a, np.ndarray)} == {np.dtype(np.float32)}
    wide = run(rule(**values), draws((4, 6), 5), scaled, 20)
    np.testing.assert_allclose(params, wide, rtol=1e-3, atol=1e-4)


@EVERY
def test_a_zero_gradient_at_rest_moves_nothing(rule: type[Optimizer]) -> None:
    """0 / (0 + eps) is 0: pixels that are never lit keep their weights."""
    params = draws((3, 4))
    values = {p.key: 0.0 for p in rule.hyperparameters if p.key == "wd"}
    np.testing.assert_array_equal(run(rule(**values), params, np.zeros_like, 5), params)


@EVERY
@pytest.mark.parametrize("factor", [1.0, 10.0])
def test_descends_on_a_convex_quadratic(rule: type[Optimizer], factor: float) -> None:
    """With the default learning rate and ten times it, within what is declared; the curvatures are at most 2."""
    (lr,) = (p for p in rule.hyperparameters if p.key == "lr")
    rate = lr.check(min(lr.default * factor, lr.high))
    start = np.array([[1.0, -1.0, 0.8, 1.5]])
    end = run(rule(lr=rate), start, scaled, 600)
    assert np.all(np.abs(end) < np.abs(start))
    assert (end * scaled(end)).sum() < 0.8 * (start * scaled(start)).sum()


# Against torch.optim, and against the slips that notes on this chapter make.


@pytest.mark.parametrize("key", OPTIMIZERS)
def test_equals_torch_optim_over_200_steps(key: str, reference) -> None:
    if key in NOT_IN_TORCH:
        pytest.skip(f"PyTorch has no {key}: it has a test of its own")
    recorded = reference("optimizers")
    cases = [case for case in recorded["cases"] if case["optimizer"] == key]
    assert cases, f"no recorded reference for {key}; tests/reference/make_optimizers.py makes one"
    assert recorded["recorded"][-1] == 200
    for case in cases:
        found = recorded_points(key, case, recorded["recorded"])
        np.testing.assert_allclose(found, case["points"], rtol=1e-10, atol=1e-10, err_msg=str(case["settings"]))


@pytest.mark.parametrize("values", [{}, {"lr": 0.02, "beta1": 0.5, "beta2": 0.8, "wd": 0.3}])
def test_lion_equals_algorithm_2_of_its_paper_over_200_steps(values: dict[str, float]) -> None:
    """One coordinate at a time, in plain Python: c is interpolated, w updated, and only then m."""
    lr, beta1, beta2, decay = (values.get(k, d) for k, d in zip(LION, (0.0003, 0.9, 0.99, 0.0), strict=True))
    w, m, ours = [1.0, -2.0, 0.3], [0.0] * 3, np.array([1.0, -2.0, 0.3])
    rule = OPTIMIZERS["lion"](**values)
    state = rule.init(ours)
    for _ in range(200):
        gradient = waves(np.array(w)).tolist()
        rule.update(ours, waves(ours), state)
        for i, g in enumerate(gradient):
            c = beta1 * m[i] + (1 - beta1) * g
            w[i] -= lr * ((c > 0) - (c < 0) + decay * w[i])
            m[i] = beta2 * m[i] + (1 - beta2) * g
        np.testing.assert_allclose(ours, w, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(state["m"], m, rtol=1e-9)


LION = ("lr", "beta1", "beta2", "wd")


def recorded_points(key: str, case: dict, steps: list[int]) -> list[list[float]]:
    optimizer, gradient = OPTIMIZERS[key](**case["settings"]), GRADIENTS[case["problem"]]
    params, found = np.array(case["start"]), []
    state = optimizer.init(params)
    for step in range(1, steps[-1] + 1):
        optimizer.update(params, gradient(params), state)
        if step in steps:
            found.append(params.tolist())
    return found


def rosenbrock(p):
    x, y = p
    return np.array([-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)])


def waves(p):
    slope = 3 * np.cos(3 * p) + p
    slope[:2] -= np.sin(p[0] * p[1]) * p[1::-1]
    return slope


GRADIENTS = {
    "quadratic": lambda p: np.array([0.1, 1.0, 4.0, 20.0]) * p,
    "rosenbrock": rosenbrock,
    "waves": waves,
}


def first_steps(rule: str, gradients: list[float], **values: float) -> list[float]:
    """Return where a point that starts at 0 is after each of the given gradients."""
    optimizer, point, found = OPTIMIZERS[rule](**values), np.zeros(1), []
    state = optimizer.init(point)
    for g in gradients:
        optimizer.update(point, np.array([g]), state)
        found.append(float(point[0]))
    return found


def test_adagrad_adds_up_squares_from_the_first_gradient_on() -> None:
    """Without `h += g²` the first step would be lr·g/ε; with lr 1 and g 3, then 4, it is 1, then 4/5."""
    assert first_steps("adagrad", [3.0, 4.0], lr=1.0, eps=1e-12) == pytest.approx([-1.0, -1.8], rel=1e-10)


def test_nesterov_takes_no_double_step() -> None:
    """v = -lr g at once, so the first step is (1 + α)·lr·g, and without momentum it is SGD's."""
    assert first_steps("nesterov", [1.0, 1.0], lr=0.1, momentum=0.9) == pytest.approx([-0.19, -0.461], rel=1e-12)
    assert first_steps("nesterov", [2.0, 1.0], lr=0.1, momentum=0.0) == first_steps("sgd", [2.0, 1.0], lr=0.1)


def test_momentum_keeps_its_share_of_the_velocity() -> None:
    assert first_steps("momentum", [1.0, 0.0, 0.0], lr=1.0, momentum=0.5) == pytest.approx([-1.0, -1.5, -1.75])


def test_rmsprop_starts_with_its_share_of_the_square() -> None:
    """h = (1 - ρ)·g², so the first step is lr/√(1 - ρ), whatever g: no bias correction."""
    assert first_steps("rmsprop", [5.0], lr=0.01, decay=0.99, eps=1e-12) == pytest.approx([-0.1], rel=1e-9)


@pytest.mark.parametrize("gradient", [1e-3, 1.0, 1e4])
def test_adams_first_step_is_the_learning_rate(gradient: float) -> None:
    """Bias correction divides by 1 - βᵗ; multiplied instead, the first step would be about 0.0032·lr."""
    assert first_steps("adam", [gradient], lr=0.5, eps=1e-12) == pytest.approx([-0.5], rel=1e-8)


def test_adam_with_equal_gradients_keeps_its_step() -> None:
    steps = np.diff([0.0, *first_steps("adam", [2.0] * 50, lr=0.1, eps=1e-12)])
    np.testing.assert_allclose(steps, -0.1, rtol=1e-9)


def test_epsilon_stands_outside_the_root() -> None:
    """With g = 1 and ε = 1: 1/(√1 + 1) = 0.5; inside the root it would be 1/√2."""
    assert first_steps("adagrad", [1.0], lr=1.0, eps=1.0) == pytest.approx([-0.5])
    assert first_steps("adam", [1.0], lr=1.0, eps=1.0) == pytest.approx([-0.5])
    assert first_steps("rmsprop", [1.0], lr=1.0, decay=0.75, eps=0.5) == pytest.approx([-1.0])


def test_a_changed_learning_rate_leaves_the_velocity_alone() -> None:
    """The velocity is in units of parameters, so it goes on as it is when lr changes in mid-run."""
    point = np.zeros(1)
    state = Momentum(lr=1.0, momentum=0.5).init(point)
    Momentum(lr=1.0, momentum=0.5).update(point, np.ones(1), state)
    Momentum(lr=0.1, momentum=0.5).update(point, np.ones(1), state)
    assert point[0] == pytest.approx(-1.0 - 0.5 - 0.1)


def test_adams_bias_correction_survives_float32() -> None:
    """1 - 0.999^t in float32 has four digits left at t = 1; the step must still be lr to six."""
    point = np.zeros((2, 3), np.float32)
    optimizer = Adam(lr=np.full((2, 1), 0.5))
    optimizer.update(point, np.ones_like(point), optimizer.init(point))
    np.testing.assert_allclose(point, -0.5, rtol=1e-6)


def test_sgd_is_exact() -> None:
    np.testing.assert_array_equal(run(SGD(lr=0.5), np.array([4.0, -2.0]), lambda p: p, 2), [1.0, -0.5])


def test_decoupled_decay_shrinks_what_has_no_gradient_and_lr_alone_says_how_much() -> None:
    for key in ("adamw", "lion"):
        found = run(OPTIMIZERS[key](lr=0.1, wd=0.5), np.array([2.0]), np.zeros_like, 3)
        np.testing.assert_allclose(found, 2.0 * 0.95**3, rtol=1e-12)


def test_adamw_divides_its_decay_by_nothing_as_adam_with_l2_does() -> None:
    """A gradient of 1000 makes Adam's step lr all the same; the decay of the parameter 2 is lr·λ·2 beside it."""
    assert first_steps_from(2.0, "adamw", 1000.0, lr=0.1, wd=0.5) == pytest.approx(2.0 - 0.1 - 0.1)


def first_steps_from(start: float, key: str, gradient: float, **values: float) -> float:
    return float(run(OPTIMIZERS[key](**values), np.array([start]), lambda p: np.full_like(p, gradient), 1)[0])


def test_amsgrads_rates_never_grow_again() -> None:
    """After one large gradient Adam's steps recover within a few hundred small ones, AMSGrad's stay small."""
    gradients = [100.0] + [0.01] * 400
    steps = {key: np.diff(first_steps(key, gradients, lr=0.1, beta2=0.9)) for key in ("adam", "amsgrad")}
    assert abs(steps["adam"][-1]) == pytest.approx(0.1, rel=0.01)
    assert abs(steps["amsgrad"][-1]) < 1e-4


def test_adadelta_with_lr_1_starts_with_the_root_of_epsilon() -> None:
    """r = √ε/√((1-ρ)·g² + ε): the first step hardly depends on g."""
    expected = -math.sqrt(1e-6) / math.sqrt(0.1 * 25 + 1e-6) * 5
    assert first_steps("adadelta", [5.0]) == pytest.approx([expected], rel=1e-12)


def test_adamax_divides_by_the_largest_gradient_not_by_the_mean() -> None:
    first, second = first_steps("adamax", [4.0, 0.0], lr=1.0, beta1=0.0, beta2=0.5, eps=1e-12)
    assert (first, second) == pytest.approx((-1.0, -1.0))
    third = first_steps("adamax", [4.0, 1.0], lr=1.0, beta1=0.0, beta2=0.5, eps=1e-12)[1]
    assert third == pytest.approx(-1.5)  # 1 over half of 4


def test_rmsprops_velocity_is_in_units_of_parameters() -> None:
    """A changed learning rate leaves what was gathered alone, as Momentum's does."""
    point = np.zeros(1)
    rule = OPTIMIZERS["rmsprop_momentum"](lr=1.0, decay=0.0, momentum=0.5, eps=1e-12)
    state = rule.init(point)
    rule.update(point, np.ones(1), state)
    rule.values["lr"] = 0.1
    rule.update(point, np.ones(1), state)
    assert point[0] == pytest.approx(-1.0 - 0.5 - 0.1)


def test_lions_steps_are_all_of_one_size() -> None:
    steps = np.diff([0.0, *first_steps("lion", [1e-9, 1e6, 3.0], lr=0.1)])
    np.testing.assert_allclose(steps, -0.1, rtol=1e-12)


def test_nadam_keeps_a_product_for_each_lane() -> None:
    """Lanes with another ψ have another product; it stands in for the powers of β₁ in the bias corrections."""
    rule = OPTIMIZERS["nadam"](momentum_decay=np.array([[0.0], [1.0]]))
    state = rule.init(np.zeros((2, 3)))
    for _ in range(2):
        rule.update(np.zeros((2, 3)), np.ones((2, 3)), state)
    shares = [0.9 * (1 - 0.5 * 0.96 ** (t * psi)) for psi in (0.0, 1.0) for t in (1, 2)]
    np.testing.assert_allclose(state["product"], [[shares[0] * shares[1]], [shares[2] * shares[3]]], rtol=1e-12)
