"""Means of the gradient and of its square, corrected for their start at 0."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from core.optimizers.base import (
    STEP,
    Array,
    Arrow,
    Optimizer,
    Pairs,
    Role,
    State,
    epsilon,
    learning_rate,
    share,
)

if TYPE_CHECKING:
    from core.parameters import Parameter

FIRST_MOMENT = share("beta1", "β₁", 0.9, "Share of the mean gradient (first moment) kept at each step", (0.5, 0.99))
SECOND_MOMENT = share(
    "beta2", "β₂", 0.999, "Share of the mean squared gradient (second moment) kept each step", (0.9, 0.9999)
)


class Adam(Optimizer):
    """Bias-corrected first and second moments (Kingma and Ba, arXiv:1412.6980, algorithm 1).

    m <- beta1 m + (1 - beta1) g;  v <- beta2 v + (1 - beta2) g^2;
    theta <- theta - lr (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps).
    """

    key, label = "adam", "Adam"
    colour, marker = "#56B4E9", "D"
    source = "Kingma & Ba, arXiv:1412.6980"
    rule: ClassVar[tuple[str, ...]] = (
        "m ← β₁·m + (1−β₁)·g",
        "v ← β₂·v + (1−β₂)·g²",
        "m̂ ← m / (1−β₁ᵗ)",
        "v̂ ← v / (1−β₂ᵗ)",
        "θ ← θ − lr·m̂ / (√v̂ + ε)",
    )
    words: ClassVar[Pairs] = (
        ("m", "mean gradient"),
        ("v", "mean squared gradient"),
        ("m̂", "m without its bias to 0"),
        ("v̂", "v without its bias to 0"),
    )
    parts: ClassVar[Pairs] = (
        ("1−β₁ᵗ", "bias correction of m"),
        ("1−β₂ᵗ", "bias correction of v"),
    )
    effective: ClassVar[str] = "lr/(√v̂ + ε)"
    driven_by: ClassVar[str] = "m̂"
    drawn: ClassVar[tuple[Arrow, ...]] = (Arrow(Role.VELOCITY, "−lr·m̂", "−lr·m̂"), STEP)
    hyperparameters: ClassVar[tuple[Parameter, ...]] = (learning_rate(0.001), FIRST_MOMENT, SECOND_MOMENT, epsilon())

    def init(self, params: Array) -> State:
        """Start with m = v = 0 and t = 0 updates made."""
        return {"m": np.zeros_like(params), "v": np.zeros_like(params), "t": 0, "work": np.empty_like(params)}

    def update(self, params: Array, grads: Array, state: State) -> None:
        """Update m and v, then theta <- theta - lr m_hat / (sqrt(v_hat) + eps)."""
        self._average(params, grads, state)
        self._step(params, state, state["v"])

    def _average(self, params: Array, grads: Array, state: State) -> None:
        """m <- beta1 m + (1 - beta1) g;  v <- beta2 v + (1 - beta2) g^2."""
        beta1, beta2 = self._cast(params, "beta1", "beta2")
        m, v, work = state["m"], state["v"], state["work"]
        state["t"] += 1
        np.multiply(grads, self._rest(params, "beta1"), out=work)
        m *= beta1
        m += work
        np.multiply(grads, grads, out=work)
        work *= self._rest(params, "beta2")
        v *= beta2
        v += work

    def _step(self, params: Array, state: State, v: Array) -> None:
        """theta <- theta - lr m_hat / (sqrt(v_hat) + eps)."""
        lr, eps = self._cast(params, "lr", "eps")
        work = state["work"]
        # The corrections are single numbers: drawn out of the fraction, they cost no pass of their own.
        m_factor, v_factor = self._corrections(params, state["t"])
        np.sqrt(v, out=work)
        work += eps / v_factor
        np.divide(state["m"], work, out=work)
        work *= lr * m_factor / v_factor
        params -= work

    def _corrections(self, params: Array, t: int) -> tuple[Any, Any]:
        """Return 1 / (1 - beta1^t) and 1 / sqrt(1 - beta2^t), computed in float64, in the dtype of `params`."""
        powers = (1 - np.asarray(self.values[name], float) ** t for name in ("beta1", "beta2"))
        first, second = powers
        m_factor, v_factor = 1 / first, 1 / np.sqrt(second)
        return m_factor.astype(params.dtype), v_factor.astype(params.dtype)
