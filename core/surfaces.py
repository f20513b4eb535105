"""Functions of two variables on which optimizers race: a valley, a banana, a saddle, hills with many pits.

Each is a plain arithmetic expression and its gradient, so the same lines serve one point of a path and a whole
grid of contours. Powers are written as products: where ``x**4`` of a Python float raises, ``x*x*x*x`` is inf.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable

Array = NDArray[np.float64]
Values = float | Array

_VLSE = "Surjanovic & Bingham, Virtual Library of Simulation Experiments"
_TAU = 2.0 * math.pi
_SQRT2 = math.sqrt(2.0)
_TINY = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True, slots=True)
class Surface:
    """A function f of two variables with what is needed to draw it and to race on it.

    ``value(x, y)`` and ``gradient(x, y)`` take float64 scalars or arrays that broadcast together. The two
    components of the gradient broadcast to that shape too, but a component that depends on one variable only
    keeps that variable's shape. Far outside the view, values may overflow to inf or nan; nothing raises.

    ``view`` is (x_low, x_high, y_low, y_high); ``minima`` are the global ones, empty where f is unbounded below;
    ``floor`` is the value there, -inf where f is unbounded below. One that is not ``quick`` was typed by somebody: a
    picture of it may take a while. ``together(x, y)`` returns both f and its gradient, with the same bits, where that
    is much cheaper than one after the other.
    """

    key: str
    name: str
    formula: str
    source: str
    view: tuple[float, float, float, float]
    start: tuple[float, float]
    minima: tuple[tuple[float, float], ...]
    floor: float
    value: Callable[[Values, Values], Values]
    gradient: Callable[[Values, Values], tuple[Values, Values]]
    quick: bool = True
    together: Callable[[Values, Values], tuple[Values, tuple[Values, Values]]] | None = None

    def f(self, points: Array) -> Values:
        """Values (...) at points (..., 2)."""
        x, y = _coordinates(points)
        return self.value(x, y)

    def grad(self, points: Array) -> Array:
        """Gradients (..., 2) at points (..., 2)."""
        x, y = _coordinates(points)
        out = np.empty(points.shape)
        out[..., 0], out[..., 1] = self.gradient(x, y)
        return out


def _coordinates(points: Array) -> tuple[Values, Values]:
    """Split points (..., 2) into x and y; those of a single point as Python floats, much faster than 0-d arrays."""
    if points.ndim == 1:
        x, y = points.tolist()
        return x, y
    return points[..., 0], points[..., 1]


def quadratic(anisotropy: float) -> Surface:
    """Return the valley f = x²/a + y², whose curvatures 2/a along x and 2 along y have the ratio a = ``anisotropy``.

    Any finite a > 0; 20 is the book's function. Raises ValueError for any other a.
    """
    if not 0.0 < anisotropy < math.inf:
        raise ValueError(f"anisotropy: {anisotropy!r} is not a finite number > 0")

    def value(x: Values, y: Values) -> Values:
        """f(x, y) = x²/a + y²."""
        return x * x / anisotropy + y * y

    def gradient(x: Values, y: Values) -> tuple[Values, Values]:
        """df/dx = 2x/a, df/dy = 2y."""
        return 2.0 * x / anisotropy, 2.0 * y

    return Surface(
        key="quadratic",
        name="Quadratic valley",
        formula=f"f(x, y) = x²/{anisotropy:g} + y²",
        source="Saitoh, Deep Learning from Scratch, chapter 6",
        view=(-10.0, 10.0, -10.0, 10.0),
        start=(-7.0, 2.0),
        minima=((0.0, 0.0),),
        floor=0.0,
        value=value,
        gradient=gradient,
    )


def surface(key: str, anisotropy: float = 20.0) -> Surface:
    """Return the surface called ``key``; ``anisotropy`` shapes the quadratic one only. ValueError if there is none."""
    if key not in SURFACES:
        raise ValueError(f"surface: {key!r} is not one of {', '.join(SURFACES)}")
    return quadratic(anisotropy) if key == "quadratic" else SURFACES[key]


def _rosenbrock(x: Values, y: Values) -> Values:
    """f(x, y) = a² + 100 r² with a = 1 - x, r = y - x²."""
    a, r = 1.0 - x, y - x * x
    return a * a + 100.0 * r * r


def _rosenbrock_gradient(x: Values, y: Values) -> tuple[Values, Values]:
    """df/dx = -2a - 400 x r, df/dy = 200 r."""
    r = y - x * x
    return -2.0 * (1.0 - x) - 400.0 * x * r, 200.0 * r


def _beale(x: Values, y: Values) -> Values:
    """f(x, y) = a² + b² + c² with a = 1.5 - x(1 - y), b = 2.25 - x(1 - y²), c = 2.625 - x(1 - y³)."""
    a, b, c = 1.5 - x * (1.0 - y), 2.25 - x * (1.0 - y * y), 2.625 - x * (1.0 - y * y * y)
    return a * a + b * b + c * c


def _beale_gradient(x: Values, y: Values) -> tuple[Values, Values]:
    """df/dx = 2a(y - 1) + 2b(y² - 1) + 2c(y³ - 1), df/dy = 2x(a + 2by + 3cy²)."""
    p, q, r = y - 1.0, y * y - 1.0, y * y * y - 1.0
    a, b, c = 1.5 + x * p, 2.25 + x * q, 2.625 + x * r
    return 2.0 * (a * p + b * q + c * r), 2.0 * x * (a + y * (2.0 * b + 3.0 * c * y))


def _himmelblau(x: Values, y: Values) -> Values:
    """f(x, y) = a² + b² with a = x² + y - 11, b = x + y² - 7."""
    a, b = x * x + y - 11.0, x + y * y - 7.0
    return a * a + b * b


def _himmelblau_gradient(x: Values, y: Values) -> tuple[Values, Values]:
    """df/dx = 4xa + 2b, df/dy = 2a + 4yb."""
    a, b = x * x + y - 11.0, x + y * y - 7.0
    return 4.0 * x * a + 2.0 * b, 2.0 * a + 4.0 * y * b


def _booth(x: Values, y: Values) -> Values:
    """f(x, y) = a² + b² with a = x + 2y - 7, b = 2x + y - 5."""
    a, b = x + 2.0 * y - 7.0, 2.0 * x + y - 5.0
    return a * a + b * b


def _booth_gradient(x: Values, y: Values) -> tuple[Values, Values]:
    """df/dx = 2a + 4b, df/dy = 4a + 2b."""
    a, b = x + 2.0 * y - 7.0, 2.0 * x + y - 5.0
    return 2.0 * a + 4.0 * b, 4.0 * a + 2.0 * b


def _saddle(x: Values, y: Values) -> Values:
    """f(x, y) = x² - y²."""
    return x * x - y * y


def _saddle_gradient(x: Values, y: Values) -> tuple[Values, Values]:
    """df/dx = 2x, df/dy = -2y."""
    return 2.0 * x, -2.0 * y


def _rastrigin(x: Values, y: Values) -> Values:
    """f(x, y) = x² + y² + 10(1 - cos 2πx) + 10(1 - cos 2πy)."""
    return x * x + y * y + 10.0 * (1.0 - np.cos(_TAU * x)) + 10.0 * (1.0 - np.cos(_TAU * y))


def _rastrigin_gradient(x: Values, y: Values) -> tuple[Values, Values]:
    """df/dx = 2x + 20π sin 2πx, and the same in y."""
    return 2.0 * x + 10.0 * _TAU * np.sin(_TAU * x), 2.0 * y + 10.0 * _TAU * np.sin(_TAU * y)


def _styblinski_tang(x: Values, y: Values) -> Values:
    """f(x, y) = (x⁴ - 16x² + 5x + y⁴ - 16y² + 5y) / 2."""
    xx, yy = x * x, y * y
    return 0.5 * (xx * (xx - 16.0) + 5.0 * x + yy * (yy - 16.0) + 5.0 * y)


def _styblinski_tang_gradient(x: Values, y: Values) -> tuple[Values, Values]:
    """df/dx = 2x³ - 16x + 5/2, and the same in y."""
    return x * (2.0 * x * x - 16.0) + 2.5, y * (2.0 * y * y - 16.0) + 2.5


def _six_hump_camel(x: Values, y: Values) -> Values:
    """f(x, y) = (4 - 2.1x² + x⁴/3) x² + xy + (4y² - 4) y²."""
    xx, yy = x * x, y * y
    return (4.0 - 2.1 * xx + xx * xx / 3.0) * xx + x * y + (4.0 * yy - 4.0) * yy


def _six_hump_camel_gradient(x: Values, y: Values) -> tuple[Values, Values]:
    """df/dx = 8x - 8.4x³ + 2x⁵ + y, df/dy = x - 8y + 16y³."""
    xx = x * x
    return x * (8.0 + xx * (2.0 * xx - 8.4)) + y, x + y * (16.0 * y * y - 8.0)


def _ackley(x: Values, y: Values) -> Values:
    """f(x, y) = 20 (1 - exp(-r/5√2)) + e - exp(c) with r = √(x² + y²), c = (cos 2πx + cos 2πy)/2."""
    return _ackley_height(*_ackley_parts(x, y))


def _ackley_parts(x: Values, y: Values) -> tuple[Values, Values]:
    """r = √(x² + y²) and c = (cos 2πx + cos 2πy)/2."""
    return np.hypot(x, y), 0.5 * (np.cos(_TAU * x) + np.cos(_TAU * y))


def _ackley_height(r: Values, c: Values) -> Values:
    """20 (1 - exp(-r/5√2)) + e - exp(c); by expm1, so that f(0, 0) is exactly 0, not the rounding error of 20 + e."""
    cone: Values = -20.0 * np.expm1(r / (-5.0 * _SQRT2))
    return cone - math.e * np.expm1(c - 1.0)


def _ackley_gradient(x: Values, y: Values) -> tuple[Values, Values]:
    """df/dx = 2√2 exp(-r/5√2) x/r + π exp(c) sin 2πx, and the same in y.

    At the origin, the tip of a cone, it does not exist; there it is 0, the subgradient that rests at the minimum.
    """
    return _ackley_slopes(x, y, *_ackley_parts(x, y))


def _ackley_slopes(x: Values, y: Values, r: Values, c: Values) -> tuple[Values, Values]:
    cone = 2.0 * _SQRT2 * np.exp(r / (-5.0 * _SQRT2))
    waves = math.pi * np.exp(c)
    safe_r = np.maximum(r, _TINY)
    return cone * (x / safe_r) + waves * np.sin(_TAU * x), cone * (y / safe_r) + waves * np.sin(_TAU * y)


def _ackley_together(x: Values, y: Values) -> tuple[Values, tuple[Values, Values]]:
    """f and its gradient, which have their root and their cosines in common."""
    r, c = _ackley_parts(x, y)
    return _ackley_height(r, c), _ackley_slopes(x, y, r, c)


_ALL = (
    quadratic(20.0),
    Surface(
        key="rosenbrock",
        name="Rosenbrock",
        formula="f(x, y) = (1 − x)² + 100 (y − x²)²",
        source="Rosenbrock, The Computer Journal 3 (1960) 175",
        view=(-2.0, 2.0, -1.0, 3.0),
        start=(-1.2, 1.0),
        minima=((1.0, 1.0),),
        floor=0.0,
        value=_rosenbrock,
        gradient=_rosenbrock_gradient,
    ),
    Surface(
        key="beale",
        name="Beale",
        formula="f(x, y) = (1.5 − x + xy)² + (2.25 − x + xy²)² + (2.625 − x + xy³)²",
        source=f"Beale, Princeton technical report 25 (1958); {_VLSE}",
        view=(-4.5, 4.5, -4.5, 4.5),
        start=(1.0, 1.5),
        minima=((3.0, 0.5),),
        floor=0.0,
        value=_beale,
        gradient=_beale_gradient,
    ),
    Surface(
        key="himmelblau",
        name="Himmelblau",
        formula="f(x, y) = (x² + y − 11)² + (x + y² − 7)²",
        source="Himmelblau, Applied Nonlinear Programming (1972)",
        view=(-6.0, 6.0, -6.0, 6.0),
        start=(0.0, 0.0),
        minima=(
            (3.0, 2.0),
            (-2.805118086952745, 3.131312518250573),
            (-3.779310253377747, -3.28318599128617),
            (3.58442834033049, -1.8481265269644036),
        ),
        floor=0.0,
        value=_himmelblau,
        gradient=_himmelblau_gradient,
    ),
    Surface(
        key="booth",
        name="Booth",
        formula="f(x, y) = (x + 2y − 7)² + (2x + y − 5)²",
        source=_VLSE,
        view=(-10.0, 10.0, -10.0, 10.0),
        start=(-8.0, 6.0),
        minima=((1.0, 3.0),),
        floor=0.0,
        value=_booth,
        gradient=_booth_gradient,
    ),
    Surface(
        key="saddle",
        name="Saddle",
        formula="f(x, y) = x² − y²",
        source="Hyperbolic paraboloid; on saddles in training: Dauphin et al. (2014), arXiv:1406.2572",
        view=(-2.0, 2.0, -2.0, 2.0),
        start=(-1.5, 0.01),
        minima=(),
        floor=-math.inf,
        value=_saddle,
        gradient=_saddle_gradient,
    ),
    Surface(
        key="rastrigin",
        name="Rastrigin",
        formula="f(x, y) = 20 + x² − 10 cos 2πx + y² − 10 cos 2πy",
        source=f"Rastrigin, Systems of Extremal Control (1974); {_VLSE}",
        view=(-5.12, 5.12, -5.12, 5.12),
        start=(-3.3, 2.4),
        minima=((0.0, 0.0),),
        floor=0.0,
        value=_rastrigin,
        gradient=_rastrigin_gradient,
    ),
    Surface(
        key="styblinski-tang",
        name="Styblinski–Tang",
        formula="f(x, y) = (x⁴ − 16x² + 5x + y⁴ − 16y² + 5y) / 2",
        source="Styblinski & Tang, Neural Networks 3 (1990) 467",
        view=(-5.0, 5.0, -5.0, 5.0),
        start=(4.0, 0.0),
        minima=((-2.903534027771177, -2.903534027771177),),
        floor=-78.33233140754282,
        value=_styblinski_tang,
        gradient=_styblinski_tang_gradient,
    ),
    Surface(
        key="six-hump-camel",
        name="Six-hump camel",
        formula="f(x, y) = (4 − 2.1x² + x⁴/3) x² + xy + (4y² − 4) y²",
        source=f"Dixon & Szegő, Towards Global Optimisation 2 (1978); {_VLSE}",
        view=(-2.2, 2.2, -1.2, 1.2),
        start=(-1.9, 0.1),
        minima=((0.08984201310031806, -0.7126564030207396), (-0.08984201310031806, 0.7126564030207396)),
        floor=-1.0316284534898774,
        value=_six_hump_camel,
        gradient=_six_hump_camel_gradient,
    ),
    Surface(
        key="ackley",
        name="Ackley",
        formula="f(x, y) = 20 + e − 20 exp(−0.2 √((x² + y²)/2)) − exp((cos 2πx + cos 2πy)/2)",
        source=f"Ackley, A Connectionist Machine for Genetic Hillclimbing (1987); {_VLSE}",
        view=(-5.0, 5.0, -5.0, 5.0),
        start=(-3.6, 2.7),
        minima=((0.0, 0.0),),
        floor=0.0,
        value=_ackley,
        gradient=_ackley_gradient,
        together=_ackley_together,
    ),
)

SURFACES: dict[str, Surface] = {each.key: each for each in _ALL}
