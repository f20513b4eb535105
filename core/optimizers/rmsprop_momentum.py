"""RMSprop's steps, summed up in a velocity."""

from __future__ import annotations

import numpy as np

from core.optimizers.base import ARRIVING, Array, Arrow, Role, State, learning_rate
from core.optimizers.momentum import Momentum
from core.optimizers.rmsprop import RMSprop


class RMSpropMomentum(RMSprop):
    """RMSprop with a velocity (Graves, arXiv:1308.0850, section 4.2, without its centring).

    h <- decay h + (1 - decay) g^2;  v <- momentum v - lr g / (sqrt(h) + eps);  theta <- theta + v.
    `torch.optim.RMSprop(momentum=...)` keeps v / -lr instead; the paths are equal as long as lr is constant.
    """

    key, label = "rmsprop_momentum", "RMSprop + momentum"
    colour, marker = "#8C5A8C", "S"
    source = "Graves, arXiv:1308.0850"
    rule = (RMSprop.rule[0], "v ← α·v − lr·g / (√h + ε)", "θ ← θ + v")
    words = (
        *RMSprop.words,
        ("v", "velocity"),
    )
    drawn = (
        ARRIVING,
        Arrow(Role.MEMORY, "α·v", "v + lr·g / (√h + ε)"),
        Arrow(Role.GRADIENT, "−lr·g / (√h + ε)", "−lr·g / (√h + ε)", "θ + v + lr·g / (√h + ε)"),
        Arrow(Role.STEP, "Δθ = v", "Δθ"),
    )
    hyperparameters = (learning_rate(0.001), *RMSprop.hyperparameters[1:], Momentum.hyperparameters[1])

    def init(self, params: Array) -> State:
        """Start with h = 0 and velocity v = 0."""
        return {**super().init(params), "v": np.zeros_like(params)}

    def update(self, params: Array, grads: Array, state: State) -> None:
        """Update h, v <- momentum v - lr g / (sqrt(h) + eps), theta <- theta + v."""
        (momentum,) = self._cast(params, "momentum")
        h, v, work = state["h"], state["v"], state["work"]
        self._average(params, grads, h, work)
        v *= momentum
        v -= self._scaled(params, grads, h, work)
        params += v
