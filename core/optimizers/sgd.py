"""Plain gradient descent, against which all others are measured."""

from __future__ import annotations

import numpy as np

from core.optimizers.base import Array, Arrow, Optimizer, Role, State, learning_rate


class SGD(Optimizer):
    """Stochastic gradient descent: theta <- theta - lr g (Robbins and Monro, 1951)."""

    key, label = "sgd", "SGD"
    colour, marker = "#0072B2", "o"
    source = "Robbins & Monro, 1951"
    rule = ("θ ← θ − lr·g",)
    drawn = (Arrow(Role.STEP, "Δθ = −lr·g", "Δθ"),)
    hyperparameters = (learning_rate(0.01),)

    def update(self, params: Array, grads: Array, state: State) -> None:
        """theta <- theta - lr g."""
        (lr,) = self._cast(params, "lr")
        work = np.multiply(grads, lr, out=state["work"])
        np.subtract(params, work, out=params)
