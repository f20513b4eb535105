"""Adam with Nesterov's look-ahead: the step already contains the gradient at its next share."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from core.optimizers.adam import FIRST_MOMENT, SECOND_MOMENT, Adam
from core.optimizers.base import Array, State, epsilon, learning_rate
from core.parameters import number

_PSI = "ψ of the warm-up of β₁: it starts at about half of β₁ and grows the faster the larger ψ is"


class NAdam(Adam):
    """Nesterov-accelerated Adam (Dozat, ICLR workshop 2016), with the constants of `torch.optim.NAdam`.

    mu_t = beta1 (1 - 0.5 0.96^(t psi)), product = mu_1 ... mu_t; m and v as in Adam;
    m_hat = mu_(t+1) m / (1 - product mu_(t+1)) + (1 - mu_t) g / (1 - product); v_hat = v / (1 - beta2^t);
    theta <- theta - lr m_hat / (sqrt(v_hat) + eps).
    """

    key, label = "nadam", "NAdam"
    colour, marker = "#E400CC", "O"
    source = "Dozat, ICLR workshop 2016"
    symbols = (("product", "Π"),)
    rule = (
        "μ ← β₁·(1 − 0.5·0.96^(t·ψ))",
        "μₙ ← β₁·(1 − 0.5·0.96^((t+1)·ψ))",
        "Π ← Π·μ",
        *Adam.rule[:2],
        "m̂ ← μₙ·m / (1 − Π·μₙ) + (1−μ)·g / (1−Π)",
        *Adam.rule[3:],
    )
    words = (
        *Adam.words,
        ("μ", "share of m now"),
        ("μₙ", "share of m at the next step"),
        ("Π", "product of all μ so far"),
        ("m̂", "m a step ahead, without its bias"),
    )
    parts = (("1−Π", "bias correction of g"), ("1−Π·μₙ", "bias correction of m"), Adam.parts[1])
    hyperparameters = (
        learning_rate(0.002),
        FIRST_MOMENT,
        SECOND_MOMENT,
        epsilon(1e-8),
        replace(number("momentum_decay", "warm-up ψ", 0.004, _PSI, 0.0, 1.0, live=True), symbol="ψ"),
    )

    def init(self, params: Array) -> State:
        """Start as Adam, with a product of 1 for each lane, or for each setting that it depends on."""
        lanes = len(params), *[1] * (params.ndim - 1)
        shape = np.broadcast_shapes(lanes, *(np.shape(self.values[name]) for name in ("beta1", "momentum_decay")))
        product = np.ones(shape, params.dtype)
        return {**super().init(params), "product": product, "more_work": np.empty_like(params)}

    def update(self, params: Array, grads: Array, state: State) -> None:
        """Update m, v and the product, then theta <- theta - lr m_hat / (sqrt(v_hat) + eps)."""
        self._average(params, grads, state)
        (eps,) = self._cast(params, "eps")
        work, step = state["work"], state["more_work"]
        g_factor, ratio = self._shares(params, state)
        _, v_factor = self._corrections(params, state["t"])
        np.sqrt(state["v"], out=work)
        work += eps / v_factor
        np.multiply(state["m"], ratio, out=step)
        step += grads
        step /= work
        step *= g_factor / v_factor
        params -= step

    def _shares(self, params: Array, state: State) -> tuple[Any, Any]:
        """Return lr times the factor of g, and by how much that of m is larger; the product takes the present mu."""
        mu, following = (self._mu(t) for t in (state["t"], state["t"] + 1))
        product = state["product"]
        product *= mu.astype(params.dtype)
        whole = product.astype(float)
        g_factor, m_factor = (1 - mu) / (1 - whole), following / (1 - whole * following)
        return (self.values["lr"] * g_factor).astype(params.dtype), (m_factor / g_factor).astype(params.dtype)

    def _mu(self, t: int) -> Array:
        """mu_t = beta1 (1 - 0.5 0.96^(t psi))."""
        beta1, psi = (np.asarray(self.values[name], float) for name in ("beta1", "momentum_decay"))
        # NumPy's powers of arrays and of numbers differ in the last bit, which lanes beside would decide.
        fading = np.power(np.full_like(psi, 0.96), t * psi)
        return np.asarray(beta1 * (1 - 0.5 * fading))
