"""Steps that shrink where gradients have been large: every parameter has a learning rate of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from core.optimizers.base import Array, Optimizer, Pairs, State, epsilon, learning_rate

if TYPE_CHECKING:
    from core.parameters import Parameter


class AdaGrad(Optimizer):
    """Steps divided by the root of all squared gradients so far (Duchi, Hazan and Singer, JMLR 12, 2011).

    h <- h + g^2; theta <- theta - lr g / (sqrt(h) + eps).
    """

    key, label = "adagrad", "AdaGrad"
    colour, marker = "#CC79A7", "s"
    source = "Duchi, Hazan & Singer, 2011"
    rule: ClassVar[tuple[str, ...]] = ("h ← h + g²", "θ ← θ − lr·g / (√h + ε)")
    words: ClassVar[Pairs] = (("h", "sum of squared gradients"),)
    effective = "lr/(√h + ε)"
    hyperparameters: ClassVar[tuple[Parameter, ...]] = (learning_rate(0.01), epsilon())

    def init(self, params: Array) -> State:
        """Start with h = 0."""
        return {"h": np.zeros_like(params), "work": np.empty_like(params)}

    def update(self, params: Array, grads: Array, state: State) -> None:
        """h <- h + g^2; theta <- theta - lr g / (sqrt(h) + eps)."""
        h, work = state["h"], state["work"]
        h += np.multiply(grads, grads, out=work)
        params -= self._scaled(params, grads, h, work)

    def _scaled(self, params: Array, grads: Array, h: Array, work: Array) -> Array:
        """Return lr g / (sqrt(h) + eps), in `work`."""
        lr, eps = self._cast(params, "lr", "eps")
        np.sqrt(h, out=work)
        work += eps
        np.divide(grads, work, out=work)
        work *= lr
        return work
