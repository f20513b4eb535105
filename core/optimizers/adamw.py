"""Adam with weight decay beside the gradient, not in it: what decays is not divided by the gradients' size."""

from __future__ import annotations

from core.optimizers.adam import FIRST_MOMENT, SECOND_MOMENT, Adam
from core.optimizers.base import STEP, Array, Arrow, Role, State, decoupled_decay, epsilon, learning_rate


class AdamW(Adam):
    """Adam with decoupled weight decay lambda (Loshchilov and Hutter, arXiv:1711.05101, algorithm 2).

    m, v, m_hat and v_hat as in Adam; theta <- theta - lr m_hat / (sqrt(v_hat) + eps) - lr lambda theta. As in
    `torch.optim.AdamW`, lambda is multiplied by lr, and acts on all parameters, biases too.
    """

    key, label = "adamw", "AdamW"
    colour, marker = "#8478FC", "H"
    source = "Loshchilov & Hutter, arXiv:1711.05101"
    rule = (*Adam.rule[:-1], "θ ← θ − lr·m̂ / (√v̂ + ε) − lr·λ·θ")
    drawn = (
        Adam.drawn[0],
        Arrow(Role.DECAY, "−lr·λ·θ", "−lr·λ·θ"),
        Arrow(Role.MEMORY, "−lr·m̂ / (√v̂ + ε)", "−lr·m̂ / (√v̂ + ε)", "θ − lr·λ·θ"),
        STEP,
    )
    hyperparameters = (learning_rate(0.001), FIRST_MOMENT, SECOND_MOMENT, epsilon(), decoupled_decay(0.01))

    def update(self, params: Array, grads: Array, state: State) -> None:
        """theta <- (1 - lr lambda) theta, then Adam's step."""
        params *= self._kept(params)
        super().update(params, grads, state)
