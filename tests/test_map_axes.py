"""Axes of maps, minima within a view, and what a map looks like after each step."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from core.cells import NEVER
from core.experiments.stability import Stability
from core.lanes import Axis
from core.linked import linked
from core.local_minima import local_minima
from core.map_axes import all_names, axis_of, default_range, names_of, with_value, zoomed
from core.map_pictures import (
    HUES,
    LEVELS,
    LOST,
    OPEN,
    SHADES,
    fastest,
    hues_of,
    levels_at,
    minimum_shares,
    reading_at,
    scale_of,
    shares_at,
)
from core.optimizers import OPTIMIZERS
from core.own_surface import EXAMPLES, own_surface
from core.parameters import ParameterError
from core.presets import build, preset
from core.stability_bounds import curvature_at, largest_curvature
from core.surfaces import SURFACES, quadratic


def values_of(name="stability", **values):
    return preset(name).configuration({key.replace("__", "."): value for key, value in values.items()}).values


def follow(name, changes, **values):
    return linked(values_of(name, **values), changes, Axis.CELL)


# Values of cells.


@pytest.mark.parametrize("ends", [(0.01, 4.0), (1e-6, 10.0), (0.2, 0.21)])
def test_learning_rates_are_even_on_a_log_scale_in_few_digits(ends):
    axis = axis_of("x", values_of(**{"x.range": ends}))
    values = axis.values
    assert axis.log and len(values) == 256 and ends[0] < values[0] and values[-1] < ends[1]
    ratios = np.log(values[1:] / values[:-1])
    np.testing.assert_allclose(ratios, math.log(ends[1] / ends[0]) / 256, rtol=0.25)
    assert all(len(f"{value:.10g}".replace(".", "").strip("0").replace("e-", "")) <= 6 for value in values)
    assert [axis.cell(axis.place(value)) for value in values] == list(range(256))


def test_shares_are_even_on_a_linear_scale():
    axis = axis_of("y", values_of())
    assert not axis.log
    np.testing.assert_allclose(np.diff(axis.values), 0.99 / 256, rtol=0.3)
    assert axis.place(0.0) == 0 and axis.place(0.99) == 1 and axis.at(0.5) == pytest.approx(0.495)
    assert [axis.cell(place) for place in (-3.0, 0.0, 0.999, 1.0, 7.0)] == [0, 0, 255, 255, 255]


def test_an_axis_says_where_values_are_and_whether_there_is_a_place():
    axis = axis_of("x", values_of(**{"x.range": (0.01, 1.0)}))
    assert axis.place(0.1) == pytest.approx(0.5) and axis.at(0.25) == pytest.approx(10**-1.5)
    assert math.isnan(axis.place(-1.0))
    assert axis.place(10.0) == pytest.approx(1.5)


def test_settings_of_a_cell_go_where_they_belong():
    values = values_of()
    assert with_value("lr", 0.25, values) == {"momentum.lr": 0.25}
    assert with_value("anisotropy", 3.0, values) == {"anisotropy": 3.0}
    assert with_value("start.x", 3.0, values) == {"start": (3.0, 2.0)}
    assert with_value("start.y", 3.0, values) == {"start": (-7.0, 3.0)}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_pair_of_axes_can_be_a_map(optimizer):
    names = names_of(optimizer, "quadratic")
    assert set(names) <= set(all_names()) and {"lr", "anisotropy", "start.x", "start.y"} <= set(names)
    for x, y in itertools.permutations(names, 2):
        ranges = {f"{s}.range": default_range(n, optimizer, SURFACES["quadratic"]) for s, n in (("x", x), ("y", y))}
        small = {"resolution": 16, "iterations": 3, "optimizer": optimizer, "x": x, "y": y, **ranges}
        experiment = build(preset("stability").configuration(small), lambda: None)
        experiment.advance(3)
        frame = experiment.snapshot()
        assert np.isfinite(frame.value).any(), (x, y)
        assert [axis.name for axis in frame.axes] == [x, y]


# What follows.


def test_an_optimizer_without_the_hyperparameter_gets_another_axis():
    found = follow("stability", {"optimizer": "sgd"})
    assert (found["y"], found["y.range"]) == ("anisotropy", (1.0, 100.0)) and "x" not in found
    found = follow("stability", {"optimizer": "adam"})
    assert found["y"] == "beta1" and found["x.range"] == (0.001, 10.0)
    assert follow("stability", {"optimizer": "nesterov"}) == {"optimizer": "nesterov"}
    assert follow("stability-sgd", {"surface": "beale"})["y"] == "start.x"


def test_another_surface_comes_with_its_start_its_view_and_its_learning_rates():
    found = follow("basins", {"surface": "six-hump-camel"})
    assert found["start"] == (-1.9, 0.1)
    assert (found["x.range"], found["y.range"]) == ((-2.2, 2.2), (-1.2, 1.2))
    assert 1e-3 < found["momentum.lr"] < 0.2
    low, high = follow("stability", {"surface": "rosenbrock"})["x.range"]
    assert low < 2 / 1001.6 < high < 0.02  # the curvature at its minimum
    assert follow("stability", {"surface": "beale", "momentum.lr": 0.3})["momentum.lr"] == 0.3


def test_the_same_axis_twice_changes_places_and_its_range():
    found = follow("stability", {"x": "momentum"})
    assert (found["x"], found["y"]) == ("momentum", "lr")
    assert (found["x.range"], found["y.range"]) == ((0.0, 0.99), (0.01, 4.0))
    found = follow("stability", {"x": "start.x"})
    assert found == {"x": "start.x", "x.range": (-10.0, 10.0)}
    assert follow("stability", {"x": "start.x", "x.range": (1.0, 2.0)})["x.range"] == (1.0, 2.0)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({"x": "beta1"}, r"^x: 'beta1' is not allowed; allowed: one of lr, momentum, anisotropy, start\.x"),
        (
            {"y": "anisotropy", "surface": "beale"},
            r"^y: 'anisotropy' is not allowed; allowed: one of lr, momentum, start",
        ),
        ({"x": "lr", "y": "lr"}, r"^y: 'lr' is not allowed; allowed: one of momentum, anisotropy"),
        ({"x.range": "0.1,20"}, r"^x\.range: '0\.1,20' .* for lr from 1e-06 to 10$"),
        ({"y.range": "0,1"}, r"^y\.range: '0,1' .* for momentum from 0 to 0\.99999$"),
        ({"x.range": "2,1"}, r"^x\.range: "),
        ({"resolution": "513"}, r"^resolution: .* from 16 to 512$"),
        ({"measure": "speed"}, r"^measure: 'speed' is not allowed; allowed: one of steps, loss, minimum$"),
        ({"seed": "3"}, r"^seed: not a parameter that stability uses"),
        ({"adam.lr": "0.3"}, r"^adam\.lr: not a parameter that stability uses"),
    ],
)
def test_wrong_settings_are_refused_in_a_line(texts, message):
    with pytest.raises(ParameterError, match=message) as error:
        preset("stability").read(texts)
    assert "\n" not in str(error.value)


def test_what_slips_through_is_refused_by_the_run():
    with pytest.raises(ParameterError, match=r"^y: 'momentum' is not allowed; .* with optimizer adam"):
        Stability(preset("stability").configuration({"optimizer": "adam"}))
    with pytest.raises(ParameterError, match=r"^x\.range: '-1,2' is not allowed"):
        Stability(preset("stability").configuration({"x.range": (-1.0, 2.0)}))


# Zooming.


def test_zooming_keeps_the_place_under_the_mouse_and_comes_back():
    axis = axis_of("x", values_of(**{"x.range": (0.01, 1.0)}))
    low, high = zoomed(axis, 0.25, 0.5, "momentum")
    inner = axis.between(low, high)
    assert inner.place(axis.at(0.25)) == pytest.approx(0.25, abs=0.01)
    assert math.log10(high / low) == pytest.approx(1.0, rel=0.02)
    back = zoomed(inner, 0.25, 2.0, "momentum")
    assert back == pytest.approx((0.01, 1.0), rel=0.05)
    assert len(f"{low:.12g}") < 9


def test_zooming_ends_at_what_is_allowed_and_at_what_numbers_tell_apart():
    axis = axis_of("y", values_of())
    assert zoomed(axis, 0.5, 100.0, "momentum") == (0.0, 0.99999)
    for _ in range(400):
        axis = axis.between(*zoomed(axis, 0.31, 0.8, "momentum"))
    assert 0.0 < axis.high - axis.low < 1e-6
    values = values_of(**{"y.range": (axis.low, axis.high)})
    assert len(set(axis_of("y", values).values)) > 200


# Minima.


COUNTS = {"quadratic": 1, "rosenbrock": 1, "beale": 1, "himmelblau": 4, "booth": 1, "saddle": 0}
COUNTS |= {"styblinski-tang": 4, "six-hump-camel": 6, "rastrigin": 121, "ackley": 121}


@pytest.mark.parametrize(("surface", "count"), COUNTS.items(), ids=COUNTS)
def test_all_minima_in_the_view_are_found_and_no_others(surface, count):
    shape = SURFACES[surface]
    found = local_minima(shape)
    assert len(found) == count
    assert (np.diff(found.values) >= -1e-9).all()
    for known in shape.minima:
        assert np.hypot(*(found.points - known).T).min() == 0
    for x, y in found.points:
        assert np.hypot(*shape.gradient(x, y)) < 1e-5
        around = [shape.value(x + 1e-3 * dx, y + 1e-3 * dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1) if dx or dy]
        assert min(around) > shape.value(x, y)


@pytest.mark.parametrize(
    ("text", "count"),
    [("x^2", 0), ("sin(x y)", 0), ("3", 0), ("1/(x^2 + y^2)", 0), ("(x - 9)^2 + y^2", 0), ("|x|/3 + |y|", 1)],
)
def test_valleys_plains_and_slopes_have_no_minimum_and_a_kink_has_one(text, count):
    assert len(local_minima(own_surface(text, (-3.0, 5.0), (-4.0, 4.0)))) == count


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_the_lowest_of_all_minima_are_those_of_the_surface(example):
    shape = own_surface(example.text, example.x, example.y)
    found = local_minima(shape)
    count = len(shape.minima)
    assert sorted(map(tuple, found.points[:count])) == sorted(shape.minima)
    assert (found.values[count:] > shape.floor + 1e-6).all()


def test_a_point_has_reached_the_minimum_it_is_close_to_and_hardly_above():
    shape = SURFACES["himmelblau"]
    found = local_minima(shape)
    x, y = found.points[2] + (0.01, 0.0)
    places = np.array([x, x + 0.3, 90.0, np.nan]), np.array([y, y, 0.0, np.nan])
    labels = found.reached(*places, np.asarray(shape.value(*places)), 0.01)
    assert labels.tolist() == [3, 0, 0, 0]
    assert found.reached(*places, np.asarray(shape.value(*places)), 1e-9).tolist() == [0, 0, 0, 0]


def test_curvatures_are_those_of_the_hessian():
    assert largest_curvature(quadratic(7.0)) == pytest.approx(2)
    assert largest_curvature(quadratic(0.5)) == pytest.approx(4)
    assert largest_curvature(SURFACES["booth"]) == pytest.approx(18)
    for name in ("saddle", "rosenbrock", "himmelblau", "rastrigin", "ackley", "beale"):
        assert largest_curvature(SURFACES[name]) is None
    for text in ("5e-324 x^2 + 5e-324 y^2", "1e-305 (x^2 + y^2)", "1e308 x^2 + y^2"):  # rates beyond all numbers
        assert largest_curvature(own_surface(text, (-6.0, 6.0), (-6.0, 6.0))) is None
    assert curvature_at(SURFACES["rosenbrock"], 1.0, 1.0) == pytest.approx(1001.6, rel=1e-3)


def test_neighbouring_minima_have_other_hues():
    assert hues_of(local_minima(SURFACES["himmelblau"])) == (0, 1, 2, 3)
    minima = local_minima(SURFACES["rastrigin"])
    hues = np.array(hues_of(minima))
    assert set(hues) == set(range(HUES)) and (hues == 0).sum() == 1
    for number, point in enumerate(minima.points):
        distance = np.hypot(*(minima.points - point).T)
        beside = (distance > 0) & (distance < 1.05)
        assert hues[number] not in hues[beside]


# Pictures.


@pytest.fixture(scope="module")
def frame():
    experiment = Stability(preset("stability").configuration({"resolution": 32, "iterations": 60}))
    experiment.advance(60)
    return experiment.snapshot()


def test_cells_light_up_when_they_reach_the_minimum_and_go_when_they_diverge(frame):
    for step in (0, 1, 20, 59, 60):
        levels = levels_at(frame, "steps", step)
        lost, reached = frame.diverged <= step, frame.reached <= step
        assert (levels[lost] == LOST).all() and (levels[reached] < LEVELS).all()
        assert (levels[~lost & ~reached] == OPEN).all()
        assert shares_at(frame, step) == pytest.approx((reached.mean(), lost.mean()))
    assert (frame.reached < NEVER).mean() > 0.2 and (frame.diverged < NEVER).mean() > 0.05


def test_fewer_steps_and_lower_losses_are_brighter(frame):
    levels = levels_at(frame, "steps", 60).astype(int)
    order = np.argsort(frame.reached, axis=None)[: (frame.reached < NEVER).sum()]
    assert (np.diff(levels.ravel()[order]) <= 0).all() and levels.ravel()[order[0]] > levels.ravel()[order[-1]] + 20
    levels = levels_at(frame, "loss", 60).astype(int)
    there = np.isfinite(frame.value)
    order = np.argsort(frame.value[there])
    assert (np.diff(levels[there][order]) <= 0).all()
    scale = scale_of(frame, "loss")
    assert scale.low < 1e-8 and frame.highest < scale.high < 1e3 * frame.highest


def test_losses_are_those_of_the_step(frame):
    first = levels_at(frame, "loss", 0)
    assert len(np.unique(first)) == 1  # all start from one point
    assert len(np.unique(levels_at(frame, "loss", 60))) > 20


def test_minima_have_a_hue_each_and_shades_of_it():
    experiment = Stability(preset("basins").configuration({"resolution": 32}))
    experiment.advance(200)
    frame = experiment.snapshot()
    levels = levels_at(frame, "minimum", 200)
    assert (levels[frame.label > 0] // SHADES == frame.label[frame.label > 0] - 1).all()
    assert sum(minimum_shares(frame, 200)) == pytest.approx((frame.label > 0).mean())
    assert minimum_shares(frame, 0) == pytest.approx([0, 0, 0, 0], abs=2 / 32**2)
    for step in (0, 50, 120):
        assert ((levels_at(frame, "minimum", step) < OPEN) == (frame.reached <= step)).all()


def test_a_cell_says_what_became_of_it(frame):
    best = fastest(frame, 60)
    assert best is not None and best[2] == frame.reached.min()
    reading = reading_at(frame, best[0], best[1], 60)
    assert (reading.steps, reading.diverged) == (best[2], None)
    assert reading.excess == frame.value[best[:2]]
    assert reading_at(frame, best[0], best[1], best[2] - 1).steps is None
    assert fastest(frame, 3) is None
    row, column = np.argwhere(frame.diverged < NEVER)[0]
    step = int(frame.diverged[row, column])
    assert reading_at(frame, row, column, 60).diverged == step
    before = reading_at(frame, row, column, step - 1)
    assert before.diverged is None and before.excess is not None and before.excess > 1
