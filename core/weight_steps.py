"""One update of one weight in numbers: what it was, its gradient, the optimizer's state, and what became of it.

Read from the stack around an update that is made anyway, so that the equation of any weight can be shown with them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.equations import Line, explain
from core.numbers import short
from core.optimizers import OPTIMIZERS, SCRATCH

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from core.equations import Explanation
    from core.network import Architecture, Network
    from core.optimizers import Optimizer
    from core.task import Task

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class WeightStep:
    """What update `iteration` did to one weight.

    `layer` counts affine layers from 1, `row` their inputs (in the first layer all pixels of an image, used or not) and
    `column` their units, from 0. `gradient` is what the optimizer gets, weight decay of strengths `l2` and `l1`
    included. `state` has every entry of the optimizer's state before the update,
    `state_after` after it, `values` the hyperparameters in force. With `moves` false the pixel is 0 in all images: its
    weight has no effect, and stays as it was drawn.
    """

    lane: str
    optimizer: str
    layer: int
    row: int
    column: int
    iteration: int
    before: float
    gradient: float
    l2: float
    l1: float
    state: Mapping[str, float]
    values: Mapping[str, float]
    after: float
    state_after: Mapping[str, float]
    moves: bool = True

    @property
    def l2_share(self) -> float:
        """λW: what of the gradient comes from l2, rounded as the layer does."""
        return float(np.float32(self.l2) * np.float32(self.before))

    @property
    def l1_share(self) -> float:
        """λ·sign W: what of the gradient comes from l1."""
        return float(np.float32(self.l1) * np.sign(self.before))

    @property
    def loss_gradient(self) -> float:
        """dL/dW: the gradient without weight decay's share."""
        return self.gradient - self.l2_share - self.l1_share


@dataclass(frozen=True, slots=True)
class Followed:
    """A weight that is followed: of a lane, which is row `run_row` of a run, at `index` of its flat parameters.

    `index` is None for a pixel that no network has as an input.
    """

    lane: str
    run_row: int
    layer: int
    row: int
    column: int
    index: int | None


def find_weight(task: Task, architecture: Architecture, lane: str, run_row: int, place: Sequence[int]) -> Followed:
    """Return the weight at `place`, a layer, an input and a unit; raises ValueError where there is none."""
    (layer, row, column), sizes = place, (task.n_in, *task.hidden, task.classes)
    _check("layer", layer, 1, len(sizes) - 1)
    _check(f"input of layer {layer}", row, 0, sizes[layer - 1] - 1)
    _check(f"unit of layer {layer}", column, 0, sizes[layer] - 1)
    used = int(np.searchsorted(task.inputs, row)) if layer == 1 else row
    if layer == 1 and (used == len(task.inputs) or task.inputs[used] != row):
        return Followed(lane, run_row, layer, row, column, None)
    start = architecture.weight_places()[layer - 1]
    return Followed(lane, run_row, layer, row, column, start + used * sizes[layer] + column)


def _check(what: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise ValueError(f"{what}: {value} is not there; allowed: {low} to {high}")


class Capture:
    """Takes down what an update does to one weight: made before the update, `done` after it.

    `row` is its lane's row of the network's stack, `state` the optimizer's, of which the lane has row `state_row`.
    """

    def __init__(self, index: int, network: Network, row: int, state: Mapping[str, Any], state_row: int) -> None:
        """Read the weight, its gradient and its state."""
        self._index, self._network, self._row, self._state_row = index, network, row, state_row
        self._before, self._state = float(network.params[row, index]), self._entries(state)
        self._gradient = float(network.grads[row, index])

    def _entries(self, state: Mapping[str, Any]) -> dict[str, float]:
        return {k: _entry(value, self._state_row, self._index) for k, value in state.items() if k not in SCRATCH}

    def done(self, at: Followed, iteration: int, optimizer: Optimizer, state: Mapping[str, Any]) -> WeightStep:
        """Return the step that was made, with the hyperparameters that it was made with."""
        layer = self._network.affine[at.layer - 1]
        return WeightStep(
            lane=at.lane,
            optimizer=optimizer.key,
            layer=at.layer,
            row=at.row,
            column=at.column,
            iteration=iteration,
            before=self._before,
            gradient=self._gradient,
            l2=_strength(layer.l2, self._row),
            l1=_strength(layer.l1, self._row),
            state=self._state,
            values={key: _entry(value, self._state_row, 0) for key, value in optimizer.values.items()},
            after=float(self._network.params[self._row, self._index]),
            state_after=self._entries(state),
        )


def unmoved(at: Followed, iteration: int, optimizer: Optimizer, row: int, weight: float) -> WeightStep:
    """Return the update of a weight whose pixel is never used: there is none."""
    values = {key: _entry(value, row, 0) for key, value in optimizer.values.items()}
    place = at.lane, optimizer.key, at.layer, at.row, at.column, iteration
    return WeightStep(*place, weight, 0.0, 0.0, 0.0, {}, values, weight, {}, moves=False)


def _entry(value: Any, row: int, index: int) -> Any:
    """Return a lane's number of an array `(lanes, P)` or `(lanes, 1)`, or the number that all have."""
    if not isinstance(value, np.ndarray):
        return value
    return float(value[row, index if value.shape[1] > 1 else 0])


def _strength(found: Any, row: int) -> float:
    """Return a lane's strength of weight decay as a layer has it: an array, a number, or None for 0."""
    return float(found[row, 0, 0] if isinstance(found, np.ndarray) else found or 0.0)


def explain_weight(step: WeightStep) -> Explanation | None:
    """Explain a weight's update by its optimizer's rule; None for a weight that never moves."""
    if not step.moves:
        return None
    rule = OPTIMIZERS[step.optimizer](**step.values)
    return explain(rule, step.before, step.gradient, step.state, step.iteration)


def gradient_line(step: WeightStep) -> Line | None:
    """Return of which parts the gradient is made; None where all of it comes from the loss."""
    parts = [("∂L/∂W", short(step.loss_gradient))]
    for strength, text, factor in ((step.l2, "λ·W", step.before), (step.l1, "λ₁·sign(W)", float(np.sign(step.before)))):
        if strength:
            number = short(factor)
            parts.append((text, f"{short(strength)}·{f'({number})' if factor < 0 else number}"))
    if len(parts) == 1:
        return None
    text, numbers = (" + ".join(part[side] for part in parts) for side in (0, 1))
    return Line("g", text, numbers, step.gradient)
