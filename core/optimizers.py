"""First-order optimizers on arrays of any shape: a 2D point, a cloud of points, a stack of networks.

An optimizer is one class: its declaration (key, label, look, hyperparameters) and its `update`. Subclassing
`Optimizer` registers it in OPTIMIZERS, from which forms, legends, the command line and the tests are made.

Symbols: parameters theta, gradient g, learning rate lr. Every rule is elementwise.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from core.parameters import Parameter, Scale, number

Array = NDArray[Any]
State = dict[str, Any]

OPTIMIZERS: dict[str, type[Optimizer]] = {}

# Okabe & Ito's colours and six markers that differ in grey; further optimizers take what is left, in order.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6BB1", "#7F7F7F", "#A6761D")
_MARKERS = ("o", "x", "^", "s", "*", "D", "p", "h", "+")


def learning_rate(default: float) -> Parameter:
    """Declare a learning rate: 1e-6 to 10, on a log scale, changeable while a run goes on."""
    doc = "Learning rate: the factor between the gradient and the step"
    return number("lr", "learning rate", default, doc, 1e-6, 10, scale=Scale.LOG, live=True, search=(1e-6, 1e-2))


def epsilon() -> Parameter:
    """Declare the small term that keeps a denominator from zero."""
    doc = "Small term added to the root in the denominator"
    return number("eps", "ε", 1e-7, doc, 1e-12, 1.0, scale=Scale.LOG, live=True, search=(1e-10, 1e-2))


def share(key: str, label: str, default: float, doc: str, search: tuple[float, float]) -> Parameter:
    """Declare a decay factor from 0 to just below 1, and the range in which it is searched for."""
    return number(key, label, default, doc, 0.0, 0.99999, live=True, search=search)


class Optimizer:
    """An update rule with its hyperparameters.

    `state = init(params)` makes the state; `update(params, grads, state)` changes `params` and `state` in place and
    leaves `grads` alone. A hyperparameter is a float or an array that broadcasts over the leading axis of `params`,
    for example `(lanes, 1)` for params `(lanes, P)`. Arrays take part in the dtype of `params`.

    Raises TypeError for a hyperparameter that the rule does not have.
    """

    key: ClassVar[str] = ""
    label: ClassVar[str] = ""
    formula: ClassVar[str] = ""
    source: ClassVar[str] = ""
    colour: ClassVar[str] = ""
    marker: ClassVar[str] = ""
    hyperparameters: ClassVar[tuple[Parameter, ...]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Register the rule and give it a colour and a marker where it declares none."""
        super().__init_subclass__(**kwargs)
        order = len(OPTIMIZERS)
        cls.colour = cls.__dict__.get("colour") or _COLOURS[order % len(_COLOURS)]
        cls.marker = cls.__dict__.get("marker") or _MARKERS[order % len(_MARKERS)]
        OPTIMIZERS[cls.key] = cls

    def __init__(self, **values: float | Array) -> None:
        """Take hyperparameters by name; those left out have their declared defaults."""
        unknown = set(values) - {parameter.key for parameter in self.hyperparameters}
        if unknown:
            raise TypeError(f"{self.key} has no hyperparameter {', '.join(sorted(unknown))}")
        self.values: dict[str, Any] = {p.key: values.get(p.key, p.default) for p in self.hyperparameters}

    def init(self, params: Array) -> State:
        """Return the state before the first update; `work` is scratch space of the shape of `params`."""
        return {"work": np.empty_like(params)}

    def update(self, params: Array, grads: Array, state: State) -> None:
        """Make one step, in place."""
        raise NotImplementedError

    def _cast(self, params: Array, *names: str) -> tuple[Any, ...]:
        """Return hyperparameters ready for arithmetic with `params`; arrays would otherwise widen float32."""
        return tuple(_as(params, self.values[name]) for name in names)

    def _rest(self, params: Array, name: str) -> Any:
        """Return 1 minus a hyperparameter, subtracted before it is rounded to the dtype of `params`."""
        return _as(params, 1 - self.values[name])


def _as(params: Array, value: Any) -> Any:
    return value.astype(params.dtype, copy=False) if isinstance(value, np.ndarray) else value


class SGD(Optimizer):
    """Stochastic gradient descent: theta <- theta - lr g (Robbins and Monro, 1951)."""

    key, label = "sgd", "SGD"
    formula = "θ ← θ − lr·g"
    source = "Robbins & Monro, 1951"
    hyperparameters = (learning_rate(0.01),)

    def update(self, params: Array, grads: Array, state: State) -> None:
        """theta <- theta - lr g."""
        (lr,) = self._cast(params, "lr")
        work = np.multiply(grads, lr, out=state["work"])
        np.subtract(params, work, out=params)


class Momentum(Optimizer):
    """Gradient descent with a velocity: v <- momentum v - lr g; theta <- theta + v (Polyak, 1964).

    `torch.optim.SGD(momentum=...)` keeps v / -lr instead; the paths are equal as long as lr is constant.
    """

    key, label = "momentum", "Momentum"
    formula = "v ← α·v − lr·g\nθ ← θ + v"
    source = "Polyak, 1964"
    hyperparameters = (
        learning_rate(0.01),
        share("momentum", "momentum α", 0.9, "Share of the velocity that is kept at each step", (0.5, 0.99)),
    )

    def init(self, params: Array) -> State:
        """Start with velocity v = 0."""
        return {"v": np.zeros_like(params), "work": np.empty_like(params)}

    def update(self, params: Array, grads: Array, state: State) -> None:
        """v <- momentum v - lr g; theta <- theta + v."""
        lr, momentum = self._cast(params, "lr", "momentum")
        v, work = state["v"], state["work"]
        np.multiply(grads, lr, out=work)
        v *= momentum
        v -= work
        params += v


class Nesterov(Momentum):
    """Nesterov's accelerated gradient in the form that needs the gradient at theta alone (arXiv:1212.0901, eq. 7).

    v <- momentum v - lr g; theta <- theta + momentum v - lr g, with v already updated.
    """

    key, label = "nesterov", "Nesterov"
    formula = "v ← α·v − lr·g\nθ ← θ + α·v − lr·g"
    source = "Nesterov, 1983; form of arXiv:1212.0901"

    def update(self, params: Array, grads: Array, state: State) -> None:
        """v <- momentum v - lr g; theta <- theta + momentum v - lr g."""
        lr, momentum = self._cast(params, "lr", "momentum")
        v, work = state["v"], state["work"]
        np.multiply(grads, lr, out=work)
        v *= momentum
        v -= work
        params -= work
        np.multiply(v, momentum, out=work)
        params += work


class AdaGrad(Optimizer):
    """Steps divided by the root of all squared gradients so far (Duchi, Hazan and Singer, JMLR 12, 2011).

    h <- h + g^2; theta <- theta - lr g / (sqrt(h) + eps).
    """

    key, label = "adagrad", "AdaGrad"
    formula = "h ← h + g²\nθ ← θ − lr·g / (√h + ε)"
    source = "Duchi, Hazan & Singer, 2011"
    hyperparameters: ClassVar[tuple[Parameter, ...]] = (learning_rate(0.01), epsilon())

    def init(self, params: Array) -> State:
        """Start with h = 0."""
        return {"h": np.zeros_like(params), "work": np.empty_like(params)}

    def update(self, params: Array, grads: Array, state: State) -> None:
        """h <- h + g^2; theta <- theta - lr g / (sqrt(h) + eps)."""
        h, work = state["h"], state["work"]
        h += np.multiply(grads, grads, out=work)
        self._scaled_step(params, grads, h, work)

    def _scaled_step(self, params: Array, grads: Array, h: Array, work: Array) -> None:
        """theta <- theta - lr g / (sqrt(h) + eps)."""
        lr, eps = self._cast(params, "lr", "eps")
        np.sqrt(h, out=work)
        work += eps
        np.divide(grads, work, out=work)
        work *= lr
        params -= work


class RMSprop(AdaGrad):
    """AdaGrad with a fading memory (Tieleman and Hinton, Coursera lecture 6e, 2012).

    h <- decay h + (1 - decay) g^2; theta <- theta - lr g / (sqrt(h) + eps). The lecture has no eps.
    """

    key, label = "rmsprop", "RMSprop"
    formula = "h ← ρ·h + (1−ρ)·g²\nθ ← θ − lr·g / (√h + ε)"
    source = "Tieleman & Hinton, 2012"
    hyperparameters = (
        learning_rate(0.01),
        share("decay", "decay ρ", 0.99, "Share of the mean squared gradient that is kept at each step", (0.9, 0.9999)),
        epsilon(),
    )

    def update(self, params: Array, grads: Array, state: State) -> None:
        """h <- decay h + (1 - decay) g^2; theta <- theta - lr g / (sqrt(h) + eps)."""
        (decay,) = self._cast(params, "decay")
        h, work = state["h"], state["work"]
        np.multiply(grads, grads, out=work)
        work *= self._rest(params, "decay")
        h *= decay
        h += work
        self._scaled_step(params, grads, h, work)


class Adam(Optimizer):
    """Bias-corrected first and second moments (Kingma and Ba, arXiv:1412.6980, algorithm 1).

    m <- beta1 m + (1 - beta1) g;  v <- beta2 v + (1 - beta2) g^2;
    theta <- theta - lr (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps).
    """

    key, label = "adam", "Adam"
    formula = "m ← β₁·m + (1−β₁)·g\nv ← β₂·v + (1−β₂)·g²\nm′ = m/(1−β₁ᵗ),  v′ = v/(1−β₂ᵗ)\nθ ← θ − lr·m′ / (√v′ + ε)"
    source = "Kingma & Ba, arXiv:1412.6980"
    hyperparameters = (
        learning_rate(0.001),
        share("beta1", "β₁", 0.9, "Share of the mean gradient (first moment) kept at each step", (0.5, 0.99)),
        share("beta2", "β₂", 0.999, "Share of the mean squared gradient (second moment) kept each step", (0.9, 0.9999)),
        epsilon(),
    )

    def init(self, params: Array) -> State:
        """Start with m = v = 0 and t = 0 updates made."""
        return {"m": np.zeros_like(params), "v": np.zeros_like(params), "t": 0, "work": np.empty_like(params)}

    def update(self, params: Array, grads: Array, state: State) -> None:
        """Update m and v, then theta <- theta - lr m_hat / (sqrt(v_hat) + eps)."""
        lr, beta1, beta2, eps = self._cast(params, "lr", "beta1", "beta2", "eps")
        m, v, work = state["m"], state["v"], state["work"]
        state["t"] += 1
        np.multiply(grads, self._rest(params, "beta1"), out=work)
        m *= beta1
        m += work
        np.multiply(grads, grads, out=work)
        work *= self._rest(params, "beta2")
        v *= beta2
        v += work
        # The corrections are single numbers: drawn out of the fraction, they cost no pass of their own.
        m_factor, v_factor = self._corrections(params, state["t"])
        np.sqrt(v, out=work)
        work += eps / v_factor
        np.divide(m, work, out=work)
        work *= lr * m_factor / v_factor
        params -= work

    def _corrections(self, params: Array, t: int) -> tuple[Any, Any]:
        """Return 1 / (1 - beta1^t) and 1 / sqrt(1 - beta2^t), computed in float64, in the dtype of `params`."""
        powers = (1 - np.asarray(self.values[name], float) ** t for name in ("beta1", "beta2"))
        first, second = powers
        m_factor, v_factor = 1 / first, 1 / np.sqrt(second)
        return m_factor.astype(params.dtype), v_factor.astype(params.dtype)
