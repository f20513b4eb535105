"""Adam whose effective learning rates never grow again: it divides by the largest mean square so far."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from core.optimizers.adam import Adam

if TYPE_CHECKING:
    from core.optimizers.base import Array, State


class AMSGrad(Adam):
    """Adam with a long memory of large gradients (Reddi, Kale and Kumar, arXiv:1904.09237, algorithm 2).

    v_max <- max(v_max, v), which takes the place of v in the step. The paper has no bias correction; here, as in
    `torch.optim.Adam(amsgrad=True)`, v_hat = v_max / (1 - beta2^t).
    """

    key, label = "amsgrad", "AMSGrad"
    colour, marker = "#D0145A", "<"
    source = "Reddi, Kale & Kumar, arXiv:1904.09237"
    symbols = (("v_max", "vₘₐₓ"),)
    rule = (*Adam.rule[:2], "vₘₐₓ ← max(vₘₐₓ, v)", Adam.rule[2], "v̂ ← vₘₐₓ / (1−β₂ᵗ)", Adam.rule[-1])
    words = (
        *Adam.words,
        ("vₘₐₓ", "largest mean squared gradient"),
        ("v̂", "vₘₐₓ without its bias to 0"),
    )

    def init(self, params: Array) -> State:
        """Start as Adam, with v_max = 0."""
        return {**super().init(params), "v_max": np.zeros_like(params)}

    def update(self, params: Array, grads: Array, state: State) -> None:
        """Update m, v and v_max, then theta <- theta - lr m_hat / (sqrt(v_hat) + eps)."""
        self._average(params, grads, state)
        v_max = np.maximum(state["v_max"], state["v"], out=state["v_max"])
        self._step(params, state, v_max)
