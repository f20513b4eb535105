"""AdaGrad that forgets: steps go by the size of recent gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from core.optimizers.adagrad import AdaGrad
from core.optimizers.base import Array, Pairs, State, epsilon, learning_rate, share

if TYPE_CHECKING:
    from core.parameters import Parameter


class RMSprop(AdaGrad):
    """AdaGrad with a fading memory (Tieleman and Hinton, Coursera lecture 6e, 2012).

    h <- decay h + (1 - decay) g^2; theta <- theta - lr g / (sqrt(h) + eps). The lecture has no eps.
    """

    key, label = "rmsprop", "RMSprop"
    colour, marker = "#E69F00", "*"
    source = "Tieleman & Hinton, 2012"
    rule: ClassVar[tuple[str, ...]] = ("h ← ρ·h + (1−ρ)·g²", "θ ← θ − lr·g / (√h + ε)")
    words: ClassVar[Pairs] = (("h", "mean squared gradient"),)
    hyperparameters: ClassVar[tuple[Parameter, ...]] = (
        learning_rate(0.01),
        share("decay", "decay ρ", 0.99, "Share of the mean squared gradient that is kept at each step", (0.9, 0.9999)),
        epsilon(),
    )

    def update(self, params: Array, grads: Array, state: State) -> None:
        """h <- decay h + (1 - decay) g^2; theta <- theta - lr g / (sqrt(h) + eps)."""
        h, work = state["h"], state["work"]
        self._average(params, grads, h, work)
        params -= self._scaled(params, grads, h, work)

    def _average(self, params: Array, grads: Array, h: Array, work: Array) -> None:
        """h <- decay h + (1 - decay) g^2."""
        (decay,) = self._cast(params, "decay")
        np.multiply(grads, grads, out=work)
        work *= self._rest(params, "decay")
        h *= decay
        h += work
