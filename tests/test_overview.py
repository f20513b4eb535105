"""What a data set has, against counts made one image at a time; all of MNIST's size in one pass and no memory."""

from __future__ import annotations

import tracemalloc
from copy import copy

import numpy as np
import pytest

from core.datasets import Dataset
from core.overview import Overview, PartOverview, survey


def made(labels: list[int], test_labels: list[int], shape: tuple[int, int] = (5, 7)) -> Dataset:
    rng = np.random.default_rng(3)
    pixels = shape[0] * shape[1]
    images, test_images = (rng.integers(0, 256, (len(part), pixels), np.uint8) for part in (labels, test_labels))
    return Dataset("made", images, np.array(labels), test_images, np.array(test_labels), shape)


@pytest.fixture(scope="module")
def full_size() -> Dataset:
    rng = np.random.default_rng(0)
    images, test_images = (rng.integers(0, 256, (count, 784), np.uint8) for count in (60_000, 10_000))
    return Dataset("full", images, rng.integers(0, 10, 60_000), test_images, rng.integers(0, 10, 10_000))


def parts(overview: Overview, dataset: Dataset) -> list[tuple[PartOverview, np.ndarray, np.ndarray]]:
    return [
        (overview.train, dataset.train_images, dataset.train_labels),
        (overview.test, dataset.test_images, dataset.test_labels),
    ]


def test_the_sample_has_as_many_of_each_digit(sample: Dataset) -> None:
    overview = survey(sample)
    assert (overview.name, overview.shape) == ("sample", (28, 28))
    assert overview.train.counts.tolist() == [400] * 10
    assert overview.test.counts.tolist() == [100] * 10


def test_counts_and_means_are_those_of_one_class_after_the_other(sample: Dataset) -> None:
    for dataset in (sample, made([0, 3, 3, 9, 3, 0], [9, 1])):
        for part, images, labels in parts(survey(dataset), dataset):
            for label in range(10):
                of_label = [image.astype(float) for image, found in zip(images, labels, strict=True) if found == label]
                assert part.counts[label] == len(of_label)
                expected = np.mean(of_label, axis=0) if of_label else np.zeros(dataset.pixels)
                np.testing.assert_allclose(part.means[label], expected, rtol=1e-6)
            np.testing.assert_allclose(part.mean, images.mean(axis=0), rtol=1e-6)


@pytest.mark.parametrize("count", [511, 512, 513, 1025])
def test_no_image_is_lost_where_sums_are_cut(count: int) -> None:
    dataset = made([label % 10 for label in range(count)], [0])
    part = survey(dataset).train
    np.testing.assert_allclose(part.mean, dataset.train_images.mean(axis=0), rtol=1e-6)


def test_pixels_that_no_image_uses_are_those_that_networks_leave_out() -> None:
    images = np.zeros((4, 6), np.uint8)
    images[2, 1] = 1
    test_images = np.zeros((2, 6), np.uint8)
    test_images[1, 5] = 255
    dataset = Dataset("few", images, np.arange(4), test_images, np.arange(2), (2, 3))
    assert survey(dataset).unused.tolist() == [[True, False, True], [True, True, False]]


def test_examples_have_their_label_and_come_once() -> None:
    dataset = made([0] * 20 + [4] * 3 + [9] * 7, [5])
    part = survey(dataset).train
    for first in (0, 5, 13, -5):
        chosen = part.examples(first, 5)
        assert chosen.shape == (10, 5)
        for label, row in enumerate(chosen):
            real = row[row >= 0]
            assert len(real) == len(set(real.tolist())) == min(5, {0: 20, 4: 3, 9: 7}.get(label, 0))
            assert (dataset.train_labels[real] == label).all()
            assert (row[len(real) :] == -1).all()


def test_turning_the_pages_shows_every_image_before_one_comes_again() -> None:
    part = survey(made([2] * 20 + [3] * 20, [0])).train
    seen = np.concatenate([part.examples(first, 5)[2] for first in (0, 5, 10, 15)])
    assert sorted(seen.tolist()) == list(range(20))
    assert seen.tolist() != sorted(seen.tolist())
    assert part.examples(20, 5).tolist() == part.examples(0, 5).tolist()


def test_more_columns_begin_with_the_same_examples(sample: Dataset) -> None:
    part = survey(sample).train
    np.testing.assert_array_equal(part.examples(30, 12)[:, :7], part.examples(30, 7))


def test_examples_are_the_same_each_time(sample: Dataset) -> None:
    one, other = survey(sample), survey(sample)
    np.testing.assert_array_equal(one.train.order, other.train.order)
    np.testing.assert_array_equal(one.test.examples(9, 9), other.test.examples(9, 9))


def test_one_image_in_all() -> None:
    part = survey(made([9], [9])).train
    assert part.counts.tolist() == [0] * 9 + [1]
    assert part.examples(3, 2).tolist() == [[-1, -1]] * 9 + [[0, -1]]


def test_nothing_can_be_written_to(sample: Dataset) -> None:
    overview = survey(sample)
    arrays = [overview.unused]
    for part in (overview.train, overview.test):
        arrays += [part.images, part.labels, part.counts, part.means, part.mean, part.order]
    assert [array.flags.writeable for array in arrays] == [False] * 13


class Noted(np.ndarray):
    """Images that note how many of them are taken at a time."""

    taken: list[int]

    def __getitem__(self, key: object) -> np.ndarray:
        part = np.asarray(self)[key]
        self.taken.append(len(part))
        return part


def test_seventy_thousand_images_are_looked_at_once_and_many_at_a_time(full_size: Dataset) -> None:
    taken: list[int] = []
    dataset = copy(full_size)
    for key in ("train_images", "test_images"):
        noted = getattr(full_size, key).view(Noted)
        noted.taken = taken
        object.__setattr__(dataset, key, noted)
    survey(dataset)
    assert sum(taken) == 70_000 and len(taken) < 200


def test_seventy_thousand_images_are_never_copied(full_size: Dataset) -> None:
    tracemalloc.start()
    overview = survey(full_size)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 2**20  # the images have 52 MiB
    assert overview.train.counts.sum() == 60_000
    np.testing.assert_allclose(overview.train.mean[:5], full_size.train_images[:, :5].mean(axis=0), rtol=1e-6)
