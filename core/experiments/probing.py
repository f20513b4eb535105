"""Histograms of a network that trains: its layers' activations and gradients on some training images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.experiments.propagation import LaneStatistics
from core.statistics import FITTED, FIXED, activation_statistics, gradient_statistics

if TYPE_CHECKING:
    from core.insight import Found
    from core.task import Task

_IMAGES = 125  # about a mini-batch; each frame with histograms measures them anew
_BINS = 40


def probe(found: Found, task: Task) -> LaneStatistics:
    """Measure a lane's activations and gradients on the first training images, as in training without Dropout."""
    block, row, lane = found
    network = block.network.subset([row])
    for layer in network.affine:
        layer.trained = False
    images = task.train.head(_IMAGES)
    activations = [layer[0] for layer in network.hidden(images.inputs(), training=True)]
    _, d = network.loss_and_gradient(network.layers[-1].forward(activations[-1][None], True), images.labels)
    gradients = [layer[0] for layer in network.hidden_gradients(d)]
    fit = FITTED if lane.activation == "relu" else FIXED
    return LaneStatistics(
        lane,
        activation_statistics(activations, lane.activation, _BINS, fit),
        gradient_statistics(gradients, _BINS),
    )
