"""Records that grow under read-only views, and smoothing: the plain definition, at every length, in any order."""

from __future__ import annotations

import numpy as np
import pytest

from core.history import Record, SmoothedRecord, smooth


def window():
    """Kaiser, 11 points, beta 2, from the series of the Bessel function: w(k) = I0(2 sqrt(1 - (k/5)^2)) / I0(2)."""

    def bessel(x):
        total = term = 1.0
        for m in range(1, 40):
            term *= (x / 2 / m) ** 2
            total += term
        return total

    weights = [bessel(2 * (1 - (k / 5) ** 2) ** 0.5) for k in range(-5, 6)]
    return [w / sum(weights) for w in weights]


def mirrored(index: int, length: int) -> int:
    """The place that an index beyond an end is a mirror image of; the end itself is not repeated."""
    if length == 1:
        return 0
    period = 2 * (length - 1)
    index %= period
    return min(index, period - index)


def plain(curve) -> list[float]:
    weights, n = window(), len(curve)
    return [sum(w * curve[mirrored(i + k, n)] for k, w in zip(range(-5, 6), weights, strict=True)) for i in range(n)]


def losses(rows, length, seed=0):
    return np.random.default_rng(seed).uniform(0, 3, (rows, length))


@pytest.mark.parametrize("length", range(1, 41))
def test_smoothing_is_its_definition_at_every_length(length) -> None:
    curve = losses(1, length, seed=length)[0]
    np.testing.assert_allclose(smooth(curve), plain(curve), rtol=1e-6)


def test_smoothing_keeps_a_constant_and_the_shape_and_type() -> None:
    curves = np.full((2, 3, 25), 0.7, np.float32)
    found = smooth(curves)
    assert (found.shape, found.dtype) == ((2, 3, 25), np.float32)
    np.testing.assert_allclose(found, 0.7, rtol=1e-6)


def whole(raw, ends):
    """Smooth each row up to its end, at once."""
    result = np.full(raw.shape, np.nan, np.float32)
    for row, end in enumerate(ends):
        if end:
            result[row, :end] = smooth(raw[row, :end].astype(np.float32))
    return result


PATTERNS = {
    "one by one": [1] * 60,
    "at once": [60],
    "in chunks": [7] * 9,
    "uneven": [1, 4, 1, 0, 5, 6, 2, 11, 0, 0, 1, 30, 3],
    "long enough to grow": [200, 1, 99, 300, 5],
}


@pytest.mark.parametrize("pattern", PATTERNS.values(), ids=PATTERNS)
def test_smoothing_as_points_arrive_equals_smoothing_at_once(pattern) -> None:
    raw = losses(3, sum(pattern)).astype(np.float32)
    record, length = SmoothedRecord(3), 0
    for more in pattern:
        length += more
        found = record.update(raw[:, :length], [length] * 3)
        np.testing.assert_allclose(found, whole(raw[:, :length], [length] * 3), rtol=1e-6)


@pytest.mark.parametrize("pattern", PATTERNS.values(), ids=PATTERNS)
@pytest.mark.parametrize("ends", [(0, 17, 999), (1, 2, 3), (12, 999, 5), (30, 30, 30)])
def test_a_lane_that_ends_is_smoothed_up_to_its_end(pattern, ends) -> None:
    raw = losses(3, sum(pattern)).astype(np.float32)
    for row, end in enumerate(ends):
        raw[row, end:] = np.nan
    record, length = SmoothedRecord(3), 0
    for more in pattern:
        length += more
        now = [min(end, length) for end in ends]
        found = record.update(raw[:, :length], now)
        np.testing.assert_allclose(found, whole(raw[:, :length], now), rtol=1e-6)


def test_any_pattern_of_updates_and_ends() -> None:
    draws = np.random.default_rng(3)
    for _ in range(60):
        rows, total = int(draws.integers(1, 5)), int(draws.integers(1, 80))
        raw = losses(rows, total, seed=int(draws.integers(1000))).astype(np.float32)
        ends = draws.integers(0, 2 * total, rows)
        for row, end in enumerate(ends):
            raw[row, end:] = np.nan
        record, length = SmoothedRecord(rows), 0
        while length < total:
            length = min(total, length + int(draws.integers(0, 13)))
            now = np.minimum(ends, length).tolist()
            found = record.update(raw[:, :length], now)
        np.testing.assert_allclose(found, whole(raw, now), rtol=1e-6)


def test_a_smoothed_frame_is_frozen() -> None:
    raw, record = losses(2, 40).astype(np.float32), SmoothedRecord(2)
    early = record.update(raw[:, :20], [20, 20])
    kept = early.copy()
    record.update(raw, [40, 40])
    np.testing.assert_array_equal(early, kept)
    with pytest.raises(ValueError, match="read-only"):
        early[0, 0] = 1


def test_a_record_starts_as_nan_and_views_cannot_be_written() -> None:
    record = Record(2, 4)
    assert np.isnan(record.view(4)).all()
    with pytest.raises(ValueError, match="read-only"):
        record.view(2)[0, 0] = 1
    record.data[0, 0] = 1  # the recorder's own array can


def test_a_view_stays_true_while_the_record_grows() -> None:
    record, written = Record(2, 1, np.float64), []
    for column in range(1000):
        record.reserve(column + 1)
        record.data[:, column] = column, -column
        if column % 100 == 0:
            written.append(record.view(column + 1))
    for view in written:
        np.testing.assert_array_equal(view[0], np.arange(view.shape[1]))
        np.testing.assert_array_equal(view[1], -np.arange(view.shape[1]))
    np.testing.assert_array_equal(record.view(1000)[0], np.arange(1000))


def test_a_record_grows_in_few_steps() -> None:
    record, memories = Record(1, 1), set()
    for column in range(5000):
        record.reserve(column + 1)
        memories.add(record.data.shape[1])
    assert len(memories) < 20
