"""A drawing made into an image as a data set has them: soft strokes on fine paper, then few pixels, then centred.

Paper is bytes (FINE * rows, FINE * columns), 0 to 255 of ink; places on it are (row, column) in pixels of the image.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Paper = NDArray[np.uint8]

FINE = 4
"""Dots of the paper along each side of a pixel."""

_RADIUS, _SOFT = 1.25 / 28, 0.6 / 28  # of a stroke, and of its soft edge, in sides of the image
_BOX = 20 / 28  # MNIST's digits were fitted into 20 of 28 pixels
_OFF = 0.5  # of a pixel: the centres of mass of MNIST's digits lie between 14 and 15 of 28, both ways
_TRACE = 8  # less ink than this is no part of what was drawn


def blank(shape: tuple[int, int]) -> Paper:
    """Return empty paper for an image of (rows, columns)."""
    return np.zeros((FINE * shape[0], FINE * shape[1]), np.uint8)


def enlarged(image: NDArray[np.uint8]) -> Paper:
    """Return paper with an image on it, each pixel as FINE by FINE dots."""
    return image.repeat(FINE, axis=0).repeat(FINE, axis=1)


def draw(paper: Paper, start: tuple[float, float], end: tuple[float, float], erase: bool = False) -> None:
    """Draw a straight stroke, or erase along it, in place; its ends are round, its edges soft."""
    side = float(min(paper.shape))
    first, last = (np.array(place) * FINE for place in (start, end))
    reach = (_RADIUS + _SOFT) * side + 1
    low = np.clip(np.floor(np.minimum(first, last) - reach), 0, paper.shape).astype(int)
    high = np.clip(np.ceil(np.maximum(first, last) + reach), 0, paper.shape).astype(int)
    if (high <= low).any():
        return
    part = paper[low[0] : high[0], low[1] : high[1]]
    rows, columns = np.ogrid[low[0] : high[0], low[1] : high[1]]
    away = _distance(rows + 0.5, columns + 0.5, first, last)
    ink = np.clip((_RADIUS * side + _SOFT * side / 2 - away) / (_SOFT * side), 0.0, 1.0)
    if erase:
        np.minimum(part, np.rint(255 * (1 - ink)).astype(np.uint8), out=part)
    else:
        np.maximum(part, np.rint(255 * ink).astype(np.uint8), out=part)


def _distance(rows: Any, columns: Any, first: Any, last: Any) -> Any:
    """Return how far dots are from a segment."""
    along = last - first
    length = float(along @ along)
    share = 0.0
    if length:
        share = np.clip(((rows - first[0]) * along[0] + (columns - first[1]) * along[1]) / length, 0.0, 1.0)
    return np.hypot(rows - first[0] - share * along[0], columns - first[1] - share * along[1])


def small(paper: Paper) -> NDArray[np.uint8]:
    """Return the image (rows, columns): each pixel is the mean of its dots."""
    rows, columns = paper.shape[0] // FINE, paper.shape[1] // FINE
    means = paper.reshape(rows, FINE, columns, FINE).mean(axis=(1, 3))
    found: NDArray[np.uint8] = np.rint(means).astype(np.uint8)
    return found


def centred(paper: Paper) -> NDArray[np.uint8]:
    """Return the image as MNIST's were made: fitted into a box, its centre of mass in the middle of the image.

    LeCun, Bottou, Bengio and Haffner, Proceedings of the IEEE 86, 1998: 20x20 of 28x28 pixels, sides in proportion.
    """
    shape = paper.shape[0] // FINE, paper.shape[1] // FINE
    whole = np.zeros(shape, np.uint8)
    inked = paper > _TRACE
    if not inked.any():
        return whole
    rows, columns = (np.flatnonzero(inked.any(axis=axis)) for axis in (1, 0))
    cut = paper[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(np.float64)
    factor = _BOX * min(shape) / max(cut.shape)
    height, width = (max(1, round(factor * side)) for side in cut.shape)
    fitted = _shares(height, cut.shape[0]) @ cut @ _shares(width, cut.shape[1]).T
    top = _start(fitted.sum(axis=1), shape[0])
    left = _start(fitted.sum(axis=0), shape[1])
    whole[top : top + height, left : left + width] = np.rint(fitted)
    return whole


def _shares(new: int, old: int) -> NDArray[np.float64]:
    """Return the matrix (new, old) of the share that each of the old dots has in each new one: mean over areas."""
    edges = np.arange(new + 1)[:, np.newaxis] * old / new
    dots = np.arange(old)[np.newaxis]
    overlaps = np.minimum(edges[1:], dots + 1) - np.maximum(edges[:-1], dots)
    found: NDArray[np.float64] = np.maximum(overlaps, 0.0) * new / old
    return found


def _start(mass: NDArray[np.float64], side: int) -> int:
    """Return where to put something along one side, so that its centre of mass is in the middle, as far as it fits."""
    centre = float((np.arange(len(mass)) + 0.5) @ mass / max(mass.sum(), 1e-9))
    return min(max(0, round(side / 2 + _OFF - centre)), side - len(mass))
