"""Momentum that takes the gradient where the velocity is about to lead."""

from __future__ import annotations

import numpy as np

from core.optimizers.base import ARRIVING, STEP, Array, Arrow, Place, Role, State
from core.optimizers.momentum import Momentum


class Nesterov(Momentum):
    """Nesterov's accelerated gradient in the form that needs the gradient at theta alone (arXiv:1212.0901, eq. 7).

    v <- momentum v - lr g; theta <- theta + momentum v - lr g, with v already updated. In this form theta is the
    point of the look-ahead itself: Nesterov's iterate is theta - lr g, and the next look-ahead momentum v beyond it.
    """

    key, label = "nesterov", "Nesterov"
    colour, marker = "#009E73", "^"
    source = "Nesterov, 1983; form of arXiv:1212.0901"
    rule = ("v ← α·v − lr·g", "θ ← θ + α·v − lr·g")
    drawn = (
        ARRIVING,
        Arrow(Role.GRADIENT, "−lr·g", "−lr·g"),
        Arrow(Role.MEMORY, "α·v", "α·v", "θ − lr·g"),
        STEP,
    )
    places = (Place("iterate", "θ − lr·g"), Place("look-ahead", "θ − lr·g + α·v"))

    def update(self, params: Array, grads: Array, state: State) -> None:
        """v <- momentum v - lr g; theta <- theta + momentum v - lr g."""
        lr, momentum = self._cast(params, "lr", "momentum")
        v, work = state["v"], state["work"]
        np.multiply(grads, lr, out=work)
        v *= momentum
        v -= work
        params -= work
        np.multiply(v, momentum, out=work)
        params += work
