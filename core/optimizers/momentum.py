"""Gradient descent with a velocity, in which what repeats adds up and what alternates cancels."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from core.optimizers.base import ARRIVING, Array, Arrow, Optimizer, Pairs, Role, State, learning_rate, share

if TYPE_CHECKING:
    from core.parameters import Parameter


class Momentum(Optimizer):
    """Gradient descent with a velocity: v <- momentum v - lr g; theta <- theta + v (Polyak, 1964).

    `torch.optim.SGD(momentum=...)` keeps v / -lr instead; the paths are equal as long as lr is constant.
    """

    key, label = "momentum", "Momentum"
    colour, marker = "#D55E00", "x"
    source = "Polyak, 1964"
    rule: ClassVar[tuple[str, ...]] = ("v ← α·v − lr·g", "θ ← θ + v")
    words: ClassVar[Pairs] = (("v", "velocity"),)
    drawn: ClassVar[tuple[Arrow, ...]] = (
        ARRIVING,
        Arrow(Role.MEMORY, "α·v", "α·v", before=True),
        Arrow(Role.GRADIENT, "−lr·g", "−lr·g", "θ + α·v", before=True),
        Arrow(Role.STEP, "Δθ = v", "Δθ"),
    )
    hyperparameters: ClassVar[tuple[Parameter, ...]] = (
        learning_rate(0.01),
        share("momentum", "momentum α", 0.9, "Share of the velocity that is kept at each step", (0.5, 0.99)),
    )

    def init(self, params: Array) -> State:
        """Start with velocity v = 0."""
        return {"v": np.zeros_like(params), "work": np.empty_like(params)}

    def update(self, params: Array, grads: Array, state: State) -> None:
        """v <- momentum v - lr g; theta <- theta + v."""
        lr, momentum = self._cast(params, "lr", "momentum")
        v, work = state["v"], state["work"]
        np.multiply(grads, lr, out=work)
        v *= momentum
        v -= work
        params += v
