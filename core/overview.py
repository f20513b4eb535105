"""What is in a data set: how many images of each class, what they look like on average, which of them to look at.

Sums of images are products of one-hot labels with some hundred images at a time as float32. That is exact, because
no sum of so many bytes reaches 2^24, and there is never a float copy of all images.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from core.datasets import Dataset

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CHUNK = 512  # images: as float32 they stay in a core's cache
_SEED = 0


@dataclass(frozen=True, slots=True, eq=False)
class PartOverview:
    """What is in one part of a data set, training or test; all arrays are read-only.

    `images` (n, pixels) and `labels` (n,) are the data set's own. `counts` (classes,) says how many images have each
    label, `means` (classes, pixels) float32 is the mean image of each, 0 to 255 (all 0 where there is none), `mean`
    (pixels,) that of all images. `order` (n,) has the indices of the images class by class, in each class shuffled.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.intp]
    counts: NDArray[np.intp]
    means: NDArray[np.float32]
    mean: NDArray[np.float32]
    order: NDArray[np.intp]

    def examples(self, first: int, columns: int) -> NDArray[np.intp]:
        """Return the indices of so many images of each class, (classes, columns), from the `first` of its order on.

        An order begins again behind its end. No image comes twice in a row: -1 stands behind the last of a class
        that has fewer than `columns`.
        """
        place, counts = np.arange(columns), self.counts[:, np.newaxis]
        starts = np.cumsum(self.counts)[:, np.newaxis] - counts
        turned = (first + place) % np.maximum(counts, 1)
        chosen = self.order[np.minimum(starts + turned, len(self.order) - 1)]
        return np.where(place < counts, chosen, -1)


@dataclass(frozen=True, slots=True, eq=False)
class Overview:
    """What is in a data set: each of its parts, and `unused` (rows, columns), the pixels that are 0 in every image.

    Networks leave those pixels out. `shape` is one image's (rows, columns).
    """

    name: str
    shape: tuple[int, int]
    train: PartOverview
    test: PartOverview
    unused: NDArray[np.bool_]


def survey(dataset: Dataset) -> Overview:
    """Look at a whole data set: some milliseconds for the sample, about a tenth of a second for all of MNIST."""
    unused = np.ones(dataset.pixels, np.bool_)
    unused[dataset.used_pixels()] = False
    train = _survey_part(dataset.train_images, dataset.train_labels)
    test = _survey_part(dataset.test_images, dataset.test_labels)
    return Overview(dataset.name, dataset.shape, train, test, _read_only(unused.reshape(dataset.shape)))


def _survey_part(images: NDArray[np.uint8], labels: NDArray[np.intp]) -> PartOverview:
    counts = np.bincount(labels, minlength=Dataset.classes)
    sums = _class_sums(images, labels)
    means = (sums / np.maximum(counts, 1)[:, np.newaxis]).astype(np.float32)
    mean = (sums.sum(axis=0) / len(images)).astype(np.float32)
    made = (_read_only(array) for array in (counts, means, mean, _shuffled_order(labels)))
    return PartOverview(images, labels, *made)


def _class_sums(images: NDArray[np.uint8], labels: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the sum of each class's images, (classes, pixels)."""
    one_hot = np.eye(Dataset.classes, dtype=np.float32)
    sums = np.zeros((Dataset.classes, images.shape[1]))
    chunk = np.empty((_CHUNK, images.shape[1]), np.float32)
    for start in range(0, len(images), _CHUNK):
        found = labels[start : start + _CHUNK]
        np.copyto(chunk[: len(found)], images[start : start + _CHUNK])
        sums += one_hot[:, found] @ chunk[: len(found)]
    return sums


def _shuffled_order(labels: NDArray[np.intp]) -> NDArray[np.intp]:
    shuffled = np.random.default_rng(_SEED).permutation(len(labels))
    return shuffled[np.argsort(labels[shuffled].astype(np.uint8), kind="stable")]


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    array.setflags(write=False)
    return array
