"""Adam by the largest recent gradient in place of the mean square."""

from __future__ import annotations

import numpy as np

from core.optimizers.adam import FIRST_MOMENT, Adam
from core.optimizers.base import Array, Optimizer, State, epsilon, learning_rate, share


class AdaMax(Optimizer):
    """Adam with the infinity norm (Kingma and Ba, arXiv:1412.6980, algorithm 2).

    m <- beta1 m + (1 - beta1) g;  u <- max(beta2 u, |g| + eps);  theta <- theta - lr (m / (1 - beta1^t)) / u. The paper
    has no eps; here it stands where `torch.optim.Adamax` has it.
    """

    key, label = "adamax", "AdaMax"
    colour, marker = "#8F6010", ">"
    source = "Kingma & Ba, arXiv:1412.6980"
    rule = ("m ← β₁·m + (1−β₁)·g", "u ← max(β₂·u, |g| + ε)", "m̂ ← m / (1−β₁ᵗ)", "θ ← θ − lr·m̂ / u")
    words = (Adam.words[0], ("u", "largest gradient, fading"), Adam.words[2])
    parts = Adam.parts[:1]
    effective = "lr/u"
    driven_by = "m̂"
    drawn = Adam.drawn
    hyperparameters = (
        learning_rate(0.002),
        FIRST_MOMENT,
        share("beta2", "β₂", 0.999, "Share of the largest gradient that is kept at each step", (0.9, 0.9999)),
        epsilon(1e-8, "Small term added to the size of the gradient"),
    )

    def init(self, params: Array) -> State:
        """Start with m = u = 0 and t = 0 updates made."""
        return {"m": np.zeros_like(params), "u": np.zeros_like(params), "t": 0, "work": np.empty_like(params)}

    def update(self, params: Array, grads: Array, state: State) -> None:
        """Update m and u, then theta <- theta - lr m_hat / u."""
        beta1, beta2, eps = self._cast(params, "beta1", "beta2", "eps")
        m, u, work = state["m"], state["u"], state["work"]
        state["t"] += 1
        np.multiply(grads, self._rest(params, "beta1"), out=work)
        m *= beta1
        m += work
        np.abs(grads, out=work)
        work += eps
        u *= beta2
        np.maximum(u, work, out=u)
        np.divide(m, u, out=work)
        rate = self.values["lr"] / (1 - np.asarray(self.values["beta1"], float) ** state["t"])
        work *= rate.astype(params.dtype)
        params -= work
