"""Drawings as images: soft strokes, erasing, and the place that MNIST gave its digits."""

from __future__ import annotations

import numpy as np
import pytest

from core.drawing import FINE, blank, centred, draw, enlarged, small

SHAPES = [(28, 28), (12, 20), (1, 1), (64, 3)]


def mass_centre(image):
    rows, columns = np.indices(image.shape) + 0.5
    return float((rows * image).sum() / image.sum()), float((columns * image).sum() / image.sum())


def seven(shape=(28, 28), at=(0.0, 0.0), size=1.0):
    paper = blank(shape)
    corners = [(6, 8), (6, 19), (22, 12)]
    places = [(at[0] + size * row, at[1] + size * column) for row, column in corners]
    draw(paper, places[0], places[1])
    draw(paper, places[1], places[2])
    return paper


def test_a_stroke_is_as_thick_as_a_pen_and_soft_at_its_edges() -> None:
    paper = blank((28, 28))
    draw(paper, (14, 4), (14, 24))
    image = small(paper)
    column = image[:, 14].astype(int)
    assert column[13] == column[14] == 255 and column[:11].sum() == column[17:].sum() == 0
    assert 0 < column[12] < 255 and column[12] == column[15], "soft, and alike on both sides"
    assert image[14, 2:4].sum() > 0 == image[14, 0], "its ends are round"


def test_a_press_without_a_move_leaves_a_dot() -> None:
    paper = blank((28, 28))
    draw(paper, (10, 10), (10, 10))
    assert mass_centre(small(paper)) == pytest.approx((10, 10), abs=0.1)
    assert 0 < (small(paper) > 0).sum() < 20


def test_a_stroke_in_many_moves_is_the_same_as_in_one() -> None:
    one, many = blank((28, 28)), blank((28, 28))
    draw(one, (5, 5), (20, 20))
    for step in range(15):
        draw(many, (5 + step, 5 + step), (6 + step, 6 + step))
    assert np.abs(one.astype(int) - many).max() <= 1


def test_strokes_add_up_and_the_eraser_takes_them_away() -> None:
    paper = seven()
    before = paper.copy()
    draw(paper, (14, 4), (14, 24))
    assert (paper >= before).all() and (paper > before).any()
    draw(paper, (14, 0), (14, 28), erase=True)
    assert small(paper)[13:15].sum() == 0 and small(paper)[6].sum() > 0


@pytest.mark.parametrize("shape", SHAPES)
def test_strokes_may_leave_the_sheet(shape) -> None:
    paper = blank(shape)
    draw(paper, (-50, -50), (-40, -40))
    assert not paper.any()
    draw(paper, (-50, -50), (100, 100))
    assert paper.any() and paper.shape == (FINE * shape[0], FINE * shape[1])
    assert small(paper).shape == centred(paper).shape == shape


def test_an_image_survives_being_put_on_paper(sample) -> None:
    image = sample.test_images[0].reshape(28, 28)
    assert np.array_equal(small(enlarged(image)), image)


@pytest.mark.parametrize(("at", "size"), [((0, 0), 1.0), ((-4, -6), 1.0), ((14, 13), 0.4), ((3, -5), 1.1)])
def test_a_drawing_is_fitted_into_20_pixels_with_its_mass_in_the_middle(at, size) -> None:
    image = centred(seven(at=at, size=size))
    rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
    assert max(np.ptp(rows), np.ptp(columns)) + 1 in (20, 21)
    assert mass_centre(image) == pytest.approx((14.5, 14.5), abs=0.6)


def test_where_it_was_drawn_makes_no_difference_once_it_is_centred() -> None:
    first, second = centred(seven(at=(0, 0))), centred(seven(at=(-3, 5)))
    assert np.abs(first.astype(int) - second).max() <= 8


def test_digits_that_are_centred_already_hardly_move(sample) -> None:
    alike = []
    for number in range(60):
        image = sample.test_images[number].reshape(28, 28)
        again = centred(enlarged(image))
        assert mass_centre(again) == pytest.approx(mass_centre(image), abs=0.8)
        alike.append(np.corrcoef(image.ravel(), again.ravel())[0, 1])
    assert np.mean(alike) > 0.9


def test_nothing_drawn_is_an_empty_image() -> None:
    assert not centred(blank((28, 28))).any() and not small(blank((28, 28))).any()


@pytest.mark.parametrize("ends", [((0, 14), (28, 14)), ((14, 0), (14, 28)), ((0, 0), (28, 28))])
def test_thin_and_long_drawings_keep_their_proportions(ends) -> None:
    paper = blank((28, 28))
    draw(paper, *ends)
    image = centred(paper)
    assert image.max() > 100 and mass_centre(image) == pytest.approx((14.5, 14.5), abs=0.6)
