"""Paths on surfaces: golden values from a loop over plain numbers, divergence, what is outside the view."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core.experiments.paths import Paths
from core.presets import PRESETS, build, preset
from core.surfaces import SURFACES

EVERY = pytest.mark.parametrize("name", [name for name, p in PRESETS.items() if p.experiment == "paths"])


def run(name="optimizer-paths", **values):
    experiment = build(preset(name).configuration(values), no_images)
    experiment.advance(experiment.total)
    return experiment.snapshot()


def no_images():
    raise AssertionError("paths need no images")


def golden(updates=29, x=-7.0, y=2.0):
    """The chapter's six paths on x²/20 + y², number by number."""
    rules = {"sgd": sgd, "momentum": momentum, "nesterov": nesterov}
    rules |= {"adagrad": adagrad, "rmsprop": rmsprop, "adam": adam}
    return {
        name: list(zip(rule(x, 1 / 10, updates), rule(y, 2.0, updates), strict=True)) for name, rule in rules.items()
    }


# Each moves one coordinate p whose gradient is c p, and returns all its places.


def sgd(p, c, updates, lr=0.95):
    return [p * (1 - lr * c) ** step for step in range(updates + 1)]


def momentum(p, c, updates, lr=0.1, alpha=0.9):
    places, v = [p], 0.0
    for _ in range(updates):
        v = alpha * v - lr * c * p
        p += v
        places.append(p)
    return places


def nesterov(p, c, updates, lr=0.1, alpha=0.9):
    """The textbook's form, with the gradient at the point ahead; the engine's is this, seen from that point."""
    ahead, behind, v, places = p, p, 0.0, [p]
    for _ in range(updates):
        v = alpha * v - lr * c * ahead
        behind += v
        ahead = behind + alpha * v
        places.append(ahead)
    return places


def adagrad(p, c, updates, lr=1.5):
    places, h = [p], 0.0
    for _ in range(updates):
        h += (c * p) ** 2
        p -= lr * c * p / (math.sqrt(h) + 1e-7)
        places.append(p)
    return places


def rmsprop(p, c, updates, lr=0.1, decay=0.99):
    places, h = [p], 0.0
    for _ in range(updates):
        h = decay * h + (1 - decay) * (c * p) ** 2
        p -= lr * c * p / (math.sqrt(h) + 1e-7)
        places.append(p)
    return places


def adam(p, c, updates, lr=0.3, beta1=0.9, beta2=0.999):
    places, gradients = [p], []
    for t in range(1, updates + 1):
        gradients.append(c * p)
        m = sum(beta1 ** (t - i) * g for i, g in enumerate(gradients, 1)) * (1 - beta1) / (1 - beta1**t)
        v = sum(beta2 ** (t - i) * g * g for i, g in enumerate(gradients, 1)) * (1 - beta2) / (1 - beta2**t)
        p -= lr * m / (math.sqrt(v) + 1e-7)
        places.append(p)
    return places


def test_the_chapters_figure_number_by_number() -> None:
    frame, expected = run(), golden()
    assert [lane.name for lane in frame.lanes] == list(expected)
    assert (frame.position, frame.total, frame.points.shape) == (29, 29, (6, 30, 2))
    for lane, points in zip(frame.lanes, frame.points, strict=True):
        np.testing.assert_allclose(points, expected[lane.name], rtol=1e-9, atol=1e-9, err_msg=lane.name)
    x, y = frame.points[..., 0], frame.points[..., 1]
    np.testing.assert_allclose(frame.loss, x**2 / 20 + y**2, rtol=1e-12)
    assert frame.diverged == (None,) * 6


def test_sgd_zigzags_and_adagrad_does_not() -> None:
    """What the figure is there to show."""
    frame = run()
    points = {lane.name: path for lane, path in zip(frame.lanes, frame.points, strict=True)}
    assert (np.sign(points["sgd"][1:, 1]) == -np.sign(points["sgd"][:-1, 1])).all()
    assert (points["adagrad"][:, 1] > 0).all()


@EVERY
def test_every_path_starts_where_it_is_told_and_ends_lower(name) -> None:
    frame = run(name)
    start = preset(name).configuration()["start"]
    assert (frame.points[:, 0] == start).all()
    assert (frame.loss[:, -1] < frame.loss[:, 0]).all()
    assert frame.diverged == (None,) * len(frame.lanes)
    assert np.isfinite(frame.points).all()


@EVERY
def test_steps_give_the_same_bits_as_one_run(name) -> None:
    experiment, frames = Paths(preset(name).configuration()), []
    for _ in experiment.steps():
        frames.append(experiment.snapshot())
    assert [frame.position for frame in frames] == list(range(1, experiment.total + 1))
    whole = run(name)
    for frame in frames[:: max(1, len(frames) // 10)]:
        length = frame.position + 1
        assert frame.points.shape == (6, length, 2)
        np.testing.assert_array_equal(frame.points, whole.points[:, :length])
        np.testing.assert_array_equal(frame.loss, whole.loss[:, :length])


@pytest.mark.parametrize("key", SURFACES)
def test_the_loss_is_the_surface_at_the_point(key) -> None:
    frame = run(surface=key, start=(0.5, -0.25), iterations=10)
    assert frame.surface.key == key
    for lane in range(6):
        for step in (0, 5, 10):
            assert frame.loss[lane, step] == pytest.approx(SURFACES[key].value(*frame.points[lane, step]), nan_ok=True)


def test_anisotropy_changes_the_quadratic_only() -> None:
    round_one = run(anisotropy=1.0, lanes=("sgd",), **{"sgd.lr": 0.5})
    np.testing.assert_array_equal(round_one.points[0, 1:], 0)  # a circle: lr 1/2 goes to the middle at once
    assert run(anisotropy=100.0).loss[0, 0] == pytest.approx(49 / 100 + 4)
    np.testing.assert_array_equal(run(surface="beale", anisotropy=3.0).loss, run(surface="beale").loss)


def test_lanes_do_not_change_each_other() -> None:
    whole = run()
    for place, lane in enumerate(whole.lanes):
        np.testing.assert_array_equal(run(lanes=(lane.name,)).points[0], whole.points[place])


@pytest.mark.parametrize("values", [{"sgd.lr": 10.0}, {"surface": "rosenbrock", "sgd.lr": 0.1}], ids=str)
def test_a_lane_that_leaves_the_finite_numbers_is_marked_and_the_others_go_on(values) -> None:
    frame, others = run(iterations=400, **values), run(iterations=400, lanes=("adagrad", "adam"), **values)
    at = frame.diverged[0]
    assert at is not None and 0 < at < 400
    assert np.isfinite(frame.points[0, :at]).all() and np.isnan(frame.points[0, at:]).all()
    assert np.isfinite(frame.loss[0, :at]).all() and np.isnan(frame.loss[0, at:]).all()
    assert frame.outside[0, at:].all()
    for place, lane in enumerate(others.lanes):
        (same,) = (i for i, other in enumerate(frame.lanes) if other.name == lane.name)
        np.testing.assert_array_equal(frame.points[same], others.points[place])


def test_all_lanes_may_diverge() -> None:
    frame = run(surface="rosenbrock", start=(900.0, -900.0), lanes=("sgd", "momentum"))
    assert None not in frame.diverged
    assert np.isnan(frame.points[:, -1]).all()


def test_a_start_on_a_minimum_stays_there() -> None:
    frame = run(start=(0.0, 0.0))
    assert not frame.points.any() and not frame.loss.any()


def test_what_is_outside_the_view_is_flagged() -> None:
    frame = run(start=(-15.0, 2.0), lanes=("sgd",), **{"sgd.lr": 0.9})
    x_low, x_high, y_low, y_high = frame.surface.view
    x, y = frame.points[0].T
    expected = (x < x_low) | (x > x_high) | (y < y_low) | (y > y_high)
    np.testing.assert_array_equal(frame.outside[0], expected)
    assert frame.outside[0, 0] and not frame.outside[0, -1]


def test_frames_are_read_only_and_stay_as_they_were() -> None:
    experiment = Paths(preset("optimizer-paths").configuration())
    experiment.advance(5)
    frame = experiment.snapshot()
    kept = [array.copy() for array in (frame.points, frame.loss, frame.outside)]
    for array in (frame.points, frame.loss, frame.outside):
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0] = 1
    experiment.advance(99)
    for array, then in zip((frame.points, frame.loss, frame.outside), kept, strict=True):
        np.testing.assert_array_equal(array, then)
    assert experiment.position == experiment.total == 29
