"""Maps of settings: the analytic limits, every cell a run of its own, the same bits however they are computed."""

from __future__ import annotations

import numpy as np
import pytest

import core.cells
from core.cells import NEVER, RUNAWAY
from core.experiments.paths import Paths
from core.experiments.stability import Stability, path_configuration, same_map
from core.export import arrays
from core.halves import halves, kept_values
from core.map_axes import with_value
from core.map_pictures import levels_at, measure_shown
from core.optimizers import OPTIMIZERS
from core.presets import PRESETS, preset
from core.surfaces import SURFACES

MARGIN = 0.06  # of the limit: nearer to it, convergence and divergence take longer than the runs do


def settings(name="stability", **values):
    found = {key.replace("__", "."): value for key, value in values.items()}
    return preset(name).configuration({"resolution": 24, **found})


def run(name="stability", **values):
    experiment = Stability(settings(name, **values))
    experiment.advance(experiment.total)
    return experiment.snapshot()


def of_cell(configuration, frame, row, column):
    """The values of one cell."""
    values = dict(configuration.values)
    for axis, place in zip(frame.axes, (column, row), strict=True):
        values |= with_value(axis.name, float(axis.values[place]), values)
    return values


def single(values):
    path = Paths(path_configuration(values))
    path.advance(path.total)
    return path.snapshot()


# The analytic limits, from the books, beside those of the program.

LIMITS = {
    "sgd": lambda alpha: 1.0,
    "momentum": lambda alpha: 1.0 + alpha,
    "nesterov": lambda alpha: (1.0 + alpha) / (1.0 + 2.0 * alpha),
}  # of the chapter's quadratics, whose largest curvature is 2


@pytest.mark.parametrize("anisotropy", [1.0, 5.0, 20.0])
@pytest.mark.parametrize("optimizer", ["momentum", "nesterov"])
def test_runs_converge_within_the_limit_and_diverge_beyond_it(optimizer, anisotropy):
    more = {"x.range": (0.1, 2.5), "y.range": (0.0, 0.9), "anisotropy": anisotropy, "iterations": 1200}
    frame = run(optimizer=optimizer, resolution=40, tolerance=0.1, **more)
    rate, alpha = frame.axes[0].values[None], frame.axes[1].values[:, None]
    limit = np.array([LIMITS[optimizer](a) for a in alpha])
    inside, outside = rate < (1 - MARGIN) * limit, rate > (1 + MARGIN) * limit
    assert inside.sum() > 200 and outside.sum() > 200
    assert (frame.reached < NEVER)[inside].all()
    assert (frame.diverged == NEVER)[rate < limit].all()
    assert (frame.diverged < NEVER)[outside].all()


def test_sgd_does_at_every_anisotropy():
    frame = run("stability-sgd", **{"x.range": (0.2, 1.8), "y.range": (1.0, 50.0)}, iterations=1200, resolution=40)
    rate = np.broadcast_to(frame.axes[0].values, frame.reached.shape)
    assert (frame.reached < NEVER)[rate < 1 - MARGIN].all()
    assert (frame.diverged == NEVER)[rate < 1].all()
    assert (frame.diverged < NEVER)[rate > 1 + MARGIN].all()


@pytest.mark.parametrize("optimizer", LIMITS)
def test_the_line_is_drawn_at_the_limit(optimizer):
    more = {"y": "momentum", "y.range": (0.0, 0.99)} if optimizer != "sgd" else {"y": "anisotropy", "y.range": (1, 99)}
    frame = run(optimizer=optimizer, iterations=1, **{"x.range": (0.01, 4.0), **more})
    x, y = frame.axes[0].at(frame.limit.points[:, 0]), frame.axes[1].at(frame.limit.points[:, 1])
    np.testing.assert_allclose(x, [LIMITS[optimizer](alpha) for alpha in y], rtol=1e-12)
    assert (y[0], y[-1]) == pytest.approx(more["y.range"])
    assert frame.limit.formula.startswith("lr < 2")
    alpha = settings().values.get(f"{optimizer}.momentum", 0.0)
    assert frame.limit.rate == pytest.approx(LIMITS[optimizer](alpha))


def test_axes_may_be_the_other_way_round():
    frame = run(**{"x": "momentum", "x.range": (0.0, 0.9), "y": "lr", "y.range": (0.1, 3.0)}, iterations=300)
    rate, alpha = frame.axes[1].values[:, None], frame.axes[0].values[None]
    assert (frame.diverged == NEVER)[rate < 1 + alpha].all()
    assert (frame.diverged < NEVER)[rate > 1.2 * (1 + alpha)].all()
    np.testing.assert_allclose(
        frame.axes[1].at(frame.limit.points[:, 1]), 1 + frame.axes[0].at(frame.limit.points[:, 0])
    )


@pytest.mark.parametrize("optimizer", ["momentum", "nesterov"])
def test_without_learning_rates_the_line_is_at_the_momentum_that_is_the_limit(optimizer):
    rate = {"momentum": 1.4, "nesterov": 0.8}[optimizer]  # 1 + 0.4, and 1.5 / 2 at 0.5: here 0.8 = (1+α)/(1+2α)
    wanted = {"momentum": 0.4, "nesterov": (1 - rate) / (2 * rate - 1)}[optimizer]
    more = {"x": "anisotropy", "x.range": (1.0, 50.0), "y": "momentum", f"{optimizer}.lr": rate}
    frame = run(optimizer=optimizer, **more, **{"y.range": (0.0, 0.95)}, iterations=1)
    np.testing.assert_allclose(frame.axes[1].at(frame.limit.points[:, 1]), wanted, atol=1e-4)


@pytest.mark.parametrize(
    "values",
    [
        {"optimizer": "adam", "y": "beta1"},
        {"surface": "himmelblau", "start": (0.0, 0.0)},
        {"surface": "saddle", "start": (1.0, 1.0)},
        {"x": "start.x", "x.range": (-1.0, 1.0), "y": "start.y", "y.range": (-1.0, 1.0)},
    ],
    ids=str,
)
def test_elsewhere_there_is_no_line(values):
    assert len(run(iterations=2, **values).limit.points) == 0


def test_another_quadratic_has_its_own_curvature():
    """Booth's Hessian is ((10, 8), (8, 10)), whose eigenvalues are 2 and 18."""
    frame = run(surface="booth", start=(-8.0, 6.0), **{"x.range": (0.01, 0.4)}, iterations=400, resolution=40)
    rate, alpha = frame.axes[0].values[None], frame.axes[1].values[:, None]
    limit = 2 * (1 + alpha) / 18
    assert frame.limit.curvature == pytest.approx(18)
    assert (frame.diverged == NEVER)[rate < limit].all()
    assert (frame.diverged < NEVER)[(rate > 1.2 * limit) & (alpha < 0.9)].all()


# Cells are runs.


def axes_of(optimizer):
    """Two axes that an optimizer has, with ranges in which it does something."""
    second = next((p for p in OPTIMIZERS[optimizer].hyperparameters if p.key != "lr"), None)
    if second is None:
        return {"y": "anisotropy", "y.range": (1.0, 50.0)}
    return {"y": second.key, "y.range": (max(second.low, 1e-9), min(second.high, 0.99))}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("surface", ["quadratic", "himmelblau"])
def test_a_cell_is_the_run_with_its_setting(optimizer, surface):
    values = {"optimizer": optimizer, "surface": surface, "start": (-1.0, 2.0), "iterations": 40, **axes_of(optimizer)}
    if surface != "quadratic" and values["y"] == "anisotropy":
        values |= {"y": "start.x", "y.range": (-3.0, 3.0)}
    configuration = settings(resolution=16, **{"x.range": (0.001, 0.5)}, **values)
    experiment = Stability(configuration)
    experiment.advance(40)
    frame = experiment.snapshot()
    for row in range(0, 16, 5):
        for column in range(0, 16, 3):
            path = single(of_cell(configuration, frame, row, column))
            check_cell(frame, row, column, path)


def check_cell(frame, row, column, path):
    low, high = np.array(frame.surface.view).reshape(2, 2).T
    far = RUNAWAY * (high - low) / 2
    gone = ~(np.abs(path.points[0] - (low + high) / 2) <= far).all(axis=1) | ~np.isfinite(path.loss[0])
    if gone.any():
        assert frame.diverged[row, column] == gone.argmax() and frame.reached[row, column] == NEVER
        return
    away = np.flatnonzero(~(path.excess[0] <= frame.tolerance))
    since = 0 if not len(away) else away[-1] + 1
    assert frame.reached[row, column] == (since if since <= frame.position else NEVER)
    assert frame.diverged[row, column] == NEVER
    assert frame.value[row, column] == pytest.approx(path.loss[0, -1], rel=1e-12, abs=1e-300)


@pytest.mark.parametrize("schedule", ["step", "warmup-cosine"])
def test_a_cell_follows_its_schedule_as_its_run_does(schedule):
    values = {"momentum.schedule": schedule, "schedule.every": 7, "schedule.warmup": 5, "schedule.length": 40}
    configuration = settings(resolution=16, iterations=40, **{"x.range": (0.1, 4.0)}, **values)
    experiment = Stability(configuration)
    experiment.advance(40)
    frame = experiment.snapshot()
    for row in range(0, 16, 5):
        for column in range(16):
            check_cell(frame, row, column, single(of_cell(configuration, frame, row, column)))
    assert (frame.diverged < NEVER).any() and not len(frame.limit.points)


def test_a_function_of_ones_own_can_be_mapped():
    frame = run(surface="own", function="x^2/9 + 3y^2", start=(3.0, 1.0), iterations=300, resolution=40)
    assert frame.limit.curvature == pytest.approx(6)
    rate, alpha = frame.axes[0].values[None], frame.axes[1].values[:, None]
    assert (frame.diverged == NEVER)[rate < 2 * (1 + alpha) / 6].all()
    assert (frame.diverged < NEVER)[(rate > 1.3 * 2 * (1 + alpha) / 6) & (alpha < 0.9)].all()
    own = {"function": "(x^2 - 1)^2 + y^2", "x.range": (-4.0, 4.0), "y.range": (-3.0, 3.0)}
    frame = run("basins", surface="own", momentum__momentum=0.0, momentum__lr=0.01, iterations=900, **own)
    np.testing.assert_allclose(frame.minima.points, [(-1, 0), (1, 0)], atol=1e-9)
    x = frame.axes[0].values
    assert (frame.label[:, (x < -0.2) & (x > -3)] == 1).all() and (frame.label[:, (x > 0.2) & (x < 3)] == 2).all()


@pytest.mark.parametrize(
    "function", ["3", "x", "|x| + |y|", "1 - exp(-(x^2 + y^2)/3)", "ln(x)", "1/(x^2 + y^2)", "y^2"]
)
def test_whatever_is_typed_gives_a_map(function):
    for measure in ("steps", "loss", "minimum"):
        frame = run(surface="own", function=function, measure=measure, iterations=20, start=(1.0, 1.0))
        assert frame.position == 20 and frame.reached.shape == (24, 24)
        for wanted in ("steps", "loss", "minimum"):
            assert levels_at(frame, measure_shown(frame, wanted), 10).shape == (24, 24)


@pytest.mark.parametrize("surface", ["himmelblau", "styblinski-tang", "six-hump-camel"])
def test_a_basins_cell_is_the_minimum_where_its_run_ends(surface):
    view = SURFACES[surface].view
    ranges = {"x.range": view[:2], "y.range": view[2:]}
    configuration = settings("basins", surface=surface, resolution=16, momentum__lr=0.002, **ranges)
    experiment = Stability(configuration)
    experiment.advance(experiment.total)
    frame = experiment.snapshot()
    found = 0
    for row in range(0, 16, 3):
        for column in range(16):
            path = single(of_cell(configuration, frame, row, column))
            label = frame.label[row, column]
            if label:
                found += 1
                distance = np.hypot(*(frame.minima.points - path.points[0, -1]).T)
                assert distance.argmin() == label - 1 and distance.min() < 0.2
                assert abs(path.loss[0, -1] - frame.minima.values[label - 1]) <= frame.tolerance
                before = path.loss[0, frame.reached[row, column] - 1] if frame.reached[row, column] else np.inf
                assert abs(before - frame.minima.values[label - 1]) > frame.tolerance
    assert found > 60


def test_himmelblaus_four_minima_share_the_plane():
    frame = run("basins", resolution=64, iterations=300)
    counts = np.bincount(frame.label.ravel(), minlength=5)
    assert counts[0] < 40 and (counts[1:] > 64 * 64 / 6).all()
    for number, (x, y) in enumerate(frame.minima.points, 1):
        here = frame.axes[1].cell(frame.axes[1].place(y)), frame.axes[0].cell(frame.axes[0].place(x))
        assert frame.label[here] == number and frame.reached[here] < 70


def test_what_leaves_a_minimum_again_has_not_reached_it():
    """With much momentum the point swings through the tolerance many times before it stays there."""
    frame = run(**{"momentum.momentum": 0.9, "y.range": (0.8, 0.95)}, iterations=60, tolerance=1.0)
    configuration = settings(**{"y.range": (0.8, 0.95)}, iterations=60, tolerance=1.0)
    crossed = 0
    for row in range(0, 24, 4):
        for column in range(0, 20, 2):
            excess = single(of_cell(configuration, frame, row, column)).excess[0]
            first = (excess <= 1.0).argmax() if (excess <= 1.0).any() else NEVER
            crossed += frame.reached[row, column] > first
    assert crossed > 20


# The same bits.


def same(one, other):
    mine, theirs = arrays(one), arrays(other)
    assert mine.keys() == theirs.keys()
    for name, found in mine.items():
        np.testing.assert_array_equal(found, theirs[name], err_msg=name)
    np.testing.assert_array_equal(one.kept, other.kept)


@pytest.mark.parametrize("name", [name for name, found in PRESETS.items() if found.panel == "stability"])
def test_steps_and_blocks_do_not_change_a_bit(name, monkeypatch):
    whole = run(name, iterations=50)
    monkeypatch.setattr("core.experiments.stability.BLOCK", 37)
    experiment = Stability(settings(name, iterations=50))
    for updates in (1, 1, 5, 20, 100):
        experiment.advance(updates)
        experiment.snapshot()
    same(experiment.snapshot(), whole)


def test_dropping_diverged_cells_does_not_change_a_bit(monkeypatch):
    values = {"x.range": (0.5, 8.0), "iterations": 120}
    dropped = run(**values)
    monkeypatch.setattr(core.cells, "_WORTH_DROPPING", 2.0)
    same(run(**values), dropped)
    assert (dropped.diverged < NEVER).mean() > 0.4


def test_a_frame_is_read_only_and_stays_as_it_was():
    experiment = Stability(settings(iterations=30))
    experiment.advance(7)
    frame = experiment.snapshot()
    kept = {name: found.copy() for name, found in arrays(frame).items()}
    experiment.advance(23)
    experiment.snapshot()
    for name, found in arrays(frame).items():
        np.testing.assert_array_equal(found, kept[name])
    for found in (frame.reached, frame.diverged, frame.value, frame.label, frame.kept):
        with pytest.raises(ValueError, match="read-only"):
            found[0, 0] = 1
    assert frame.position == 7 and len(frame.kept) == 8 and frame.path.position == 7


def test_what_is_kept_of_earlier_steps_is_what_was_there():
    experiment, seen = Stability(settings(iterations=12)), []
    for _ in experiment.steps():
        seen.append(experiment.snapshot().value)
    frame = experiment.snapshot()
    for step, value in enumerate(seen, 1):
        there = np.isfinite(value)
        np.testing.assert_allclose(kept_values(frame.kept[step])[there], value[there], rtol=0.01)
        assert np.isnan(kept_values(frame.kept[step])[~there]).all()


def test_long_runs_keep_every_few_steps_within_a_budget(monkeypatch):
    monkeypatch.setattr("core.experiments.stability._KEPT_BYTES", 24 * 24 * 2 * 11)
    frame = run(iterations=95)
    assert frame.every == 9 and frame.kept.nbytes <= 24 * 24 * 2 * 11
    short = run(iterations=90)
    there = np.isfinite(short.value)
    np.testing.assert_allclose(kept_values(frame.kept[-1])[there], short.value[there], rtol=0.01)


@pytest.mark.parametrize("value", [0.0, 1e-30, 3.7, 1e30, -2.5, np.inf])
def test_two_bytes_hold_any_size_to_one_per_cent(value):
    assert float(kept_values(halves(np.array([value])))[0]) == pytest.approx(value, rel=0.01)


# What is marked.


def test_another_present_setting_leaves_the_map_and_moves_the_path():
    experiment = Stability(settings(iterations=20))
    experiment.advance(20)
    before = experiment.snapshot()
    experiment.change("momentum.lr", 0.5)
    experiment.change("measure", "loss")
    after = experiment.snapshot()
    assert after.reached is before.reached and after.kept is before.kept
    np.testing.assert_array_equal(after.path.points, single(experiment.configuration.values).points)
    assert not np.array_equal(after.path.points, before.path.points)
    assert after.limit.rate == before.limit.rate


@pytest.mark.parametrize(
    ("changes", "alike"),
    [
        ({"momentum.lr": 0.7}, True),
        ({"momentum.momentum": 0.2, "momentum.lr": 0.3}, True),
        ({"sgd.lr": 0.3}, True),
        ({"measure": "loss"}, True),
        ({"measure": "minimum"}, False),
        ({"anisotropy": 3.0}, False),
        ({"start": (1.0, 1.0)}, False),
        ({"iterations": 201}, False),
        ({"tolerance": 0.1}, False),
        ({"resolution": 25}, False),
        ({"x.range": (0.1, 4.0)}, False),
        ({"optimizer": "nesterov"}, False),
    ],
    ids=str,
)
def test_which_changes_need_another_map(changes, alike):
    before = settings()
    assert same_map(before.values, before.replace(changes).values) is alike


def test_only_the_coordinate_that_is_no_axis_determines_a_map():
    before = settings(**{"x": "start.x", "x.range": (-5.0, 5.0)})
    assert same_map(before.values, before.replace({"start": (3.0, 2.0)}).values)
    assert not same_map(before.values, before.replace({"start": (-7.0, 1.0)}).values)
    assert same_map(before.values, before.replace({"momentum.momentum": 0.1}).values)
    assert not same_map(before.values, before.replace({"momentum.lr": 0.2}).values)
