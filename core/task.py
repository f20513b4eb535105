"""What networks learn from: images as bytes, and what all lanes of a run share."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from core.datasets import Dataset
    from core.parameters import Configuration

Array = NDArray[Any]

PIXEL_SCALE = np.float32(1 / 255)
"""What a byte is multiplied by to become an input."""
_MOST_MEASURED = 1000  # training images whose accuracy is measured; all test images are
_CHUNK = 250  # images per forward pass when accuracies are measured


@dataclass(frozen=True, slots=True)
class Images:
    """Images `(n, pixels)` as bytes, the pixels that are used at all, with labels `(n,)`."""

    pixels: NDArray[np.uint8]
    labels: NDArray[np.intp]

    def head(self, most: int) -> Images:
        """Return the first images, at most `most`."""
        return Images(self.pixels[:most], self.labels[:most])

    def take(self, places: NDArray[np.intp]) -> Images:
        """Return the images at these places."""
        return Images(np.ascontiguousarray(self.pixels[places]), self.labels[places])

    def inputs(self) -> Array:
        """Return the pixels as the networks take them, float32 from 0 to 1."""
        return self.pixels * PIXEL_SCALE

    def parts(self) -> list[Images]:
        """Return them all in equal parts, each as many as one forward pass takes."""
        count = -(-len(self.labels) // _CHUNK)
        ends = [len(self.labels) * i // count for i in range(count + 1)]
        return [Images(self.pixels[start:end], self.labels[start:end]) for start, end in pairwise(ends)]


@dataclass(frozen=True, slots=True)
class Task:
    """What all lanes of a training run share.

    `inputs` are the indices of the used pixels among the `n_in` pixels of an image: a pixel that is 0 in every image
    has no effect, so the first layer leaves it out, and initial weights are drawn for all `n_in` all the same.
    """

    train: Images
    test: Images
    measured: Images
    inputs: NDArray[np.intp]
    n_in: int
    hidden: tuple[int, ...]
    classes: int
    batch: int


def task_of(configuration: Configuration, dataset: Dataset, tested: bool = True) -> Task:
    """Return what the lanes of a run share: to learn from, the first images, as many as the values say.

    Without `tested` they are measured on the first images too. Pixels that are 0 in all of these images are left out.
    """
    most = configuration.get("images") or len(dataset.train_labels)
    labels = dataset.train_labels[:most]
    if tested and most >= len(dataset.train_labels):
        packed = dataset.packed()  # shared by all runs on all images
        inputs, train, test = packed.inputs, Images(packed.train, labels), Images(packed.test, dataset.test_labels)
    else:
        pixels = dataset.train_images[:most]
        tests = (dataset.test_images, dataset.test_labels) if tested else (pixels, labels)
        inputs = np.flatnonzero(pixels.any(axis=0) | tests[0].any(axis=0))
        train = Images(np.ascontiguousarray(pixels[:, inputs]), labels)
        test = Images(np.ascontiguousarray(tests[0][:, inputs]), tests[1])
    return Task(
        train=train,
        test=test,
        measured=train.head(_MOST_MEASURED),
        inputs=inputs,
        n_in=dataset.pixels,
        hidden=configuration["hidden"],
        classes=dataset.classes,
        batch=configuration["batch"],
    )
