"""Steps in proportion to earlier steps over gradients: it has the parameters' unit and hardly needs a learning rate."""

from __future__ import annotations

import numpy as np

from core.optimizers.base import Array, Optimizer, State, epsilon, learning_rate, share


class AdaDelta(Optimizer):
    """RMS of recent steps over RMS of recent gradients (Zeiler, arXiv:1212.5701, algorithm 1).

    h <- decay h + (1 - decay) g^2;  r <- sqrt(s + eps) / sqrt(h + eps);  s <- decay s + (1 - decay) (r g)^2;
    theta <- theta - lr r g. The paper has no lr: with lr = 1 it is the paper's rule.
    """

    key, label = "adadelta", "AdaDelta"
    colour, marker = "#007560", "v"
    source = "Zeiler, arXiv:1212.5701"
    rule = ("h ← ρ·h + (1−ρ)·g²", "r ← √(s + ε) / √(h + ε)", "s ← ρ·s + (1−ρ)·(r·g)²", "θ ← θ − lr·r·g")
    words = (
        ("h", "mean squared gradient"),
        ("s", "mean squared step"),
        ("r", "RMS of steps over RMS of gradients"),
    )
    effective = "lr·r"
    hyperparameters = (
        learning_rate(1.0),
        share("decay", "decay ρ", 0.9, "Share of both mean squares that is kept at each step", (0.9, 0.9999)),
        epsilon(1e-6, "Small term under both roots: it makes the first step"),
    )

    def init(self, params: Array) -> State:
        """Start with h = s = 0."""
        work = {"work": np.empty_like(params), "more_work": np.empty_like(params)}
        return {"h": np.zeros_like(params), "s": np.zeros_like(params), **work}

    def update(self, params: Array, grads: Array, state: State) -> None:
        """Update h, take r, update s, then theta <- theta - lr r g."""
        lr, decay, eps = self._cast(params, "lr", "decay", "eps")
        rest = self._rest(params, "decay")
        h, s, work, more = state["h"], state["s"], state["work"], state["more_work"]
        np.multiply(grads, grads, out=work)
        work *= rest
        h *= decay
        h += work
        np.add(s, eps, out=work)
        np.add(h, eps, out=more)
        work /= more
        np.sqrt(work, out=work)
        work *= grads
        np.multiply(work, work, out=more)
        more *= rest
        s *= decay
        s += more
        work *= lr
        params -= work
