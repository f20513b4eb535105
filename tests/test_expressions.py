"""Formulas as text: what they compute, their gradients, what is refused and where."""

import math
import random

import numpy as np
import pytest

from core.expressions import MOST_CHARACTERS, ExpressionError, parse, program_of

XY = ("x", "y")
POINTS = np.array([[0.3, 1.7], [1.2, 0.4], [2.5, 3.1], [0.9, 0.8]])

# Text, and the same in plain Python: written by hand, not derived from the parser.
VALUES = [
    ("x**2/20 + y^2", lambda x, y: x * x / 20 + y * y),
    ("2x y", lambda x, y: 2 * x * y),
    ("3(x+1)(y-1)", lambda x, y: 3 * (x + 1) * (y - 1)),
    ("x(y+1)", lambda x, y: x * (y + 1)),
    ("-x^2", lambda x, y: -(x * x)),
    ("2^3^2 x", lambda x, y: 512 * x),
    ("2^-1 x", lambda x, y: x / 2),
    ("x - y - 1", lambda x, y: x - y - 1),
    ("x/y/2", lambda x, y: x / y / 2),
    ("1/2x", lambda x, y: 0.5 * x),
    ("x²y³", lambda x, y: x**2 * y**3),
    ("x⁻²", lambda x, y: 1 / x**2),
    ("|x − y| · √y", lambda x, y: abs(x - y) * math.sqrt(y)),
    ("sin(x)cos(y) + tan(x/3)", lambda x, y: math.sin(x) * math.cos(y) + math.tan(x / 3)),
    ("exp(−x²) + ln(y) + log(x)", lambda x, y: math.exp(-x * x) + math.log(y) + math.log(x)),
    ("atan(x) + asin(x/4) + acos(y/4)", lambda x, y: math.atan(x) + math.asin(x / 4) + math.acos(y / 4)),
    ("sinh(x) × cosh(y) ÷ tanh(y)", lambda x, y: math.sinh(x) * math.cosh(y) / math.tanh(y)),
    ("max(x, y) − min(x, 2y) + sign(x−1)", lambda x, y: max(x, y) - min(x, 2 * y) + math.copysign(1, x - 1)),
    ("x^y + x^0.5", lambda x, y: x**y + x**0.5),
    ("e^x + pi y + π", lambda x, y: math.e**x + math.pi * y + math.pi),
    ("1.5e-1x + .5y + 2.", lambda x, y: 0.15 * x + 0.5 * y + 2),
    ("(1.5 − x + x y)^2", lambda x, y: (1.5 - x + x * y) ** 2),
    ("2πx + πy", lambda x, y: 2 * math.pi * x + math.pi * y),
]


@pytest.mark.parametrize(("text", "expected"), VALUES)
def test_a_formula_is_what_it_says(text, expected):
    found = parse(text, XY)
    for x, y in POINTS.tolist():
        assert float(found.evaluate({"x": x, "y": y})) == pytest.approx(expected(x, y), rel=1e-14)
    on_arrays = np.broadcast_to(found.evaluate({"x": POINTS[:, 0], "y": POINTS[:, 1]}), len(POINTS))
    assert on_arrays == pytest.approx([expected(x, y) for x, y in POINTS.tolist()], rel=1e-14)


@pytest.mark.parametrize(("text", "expected"), VALUES)
@pytest.mark.parametrize("name", XY)
def test_the_gradient_is_that_of_central_differences(text, expected, name):
    slope = parse(text, XY).derivative(name)
    h = 1e-5
    for x, y in POINTS.tolist():
        dx, dy = (h, 0.0) if name == "x" else (0.0, h)
        numeric = (expected(x + dx, y + dy) - expected(x - dx, y - dy)) / (2 * h)
        assert float(slope.evaluate({"x": x, "y": y})) == pytest.approx(numeric, rel=1e-6, abs=1e-8)


def _random_formula(draw, depth):
    if depth == 0 or draw.random() < 0.2:
        return draw.choice(["x", "y", "2", "0.7"])
    a, b = (_random_formula(draw, depth - 1) for _ in range(2))
    forms = ["({}+{})", "({}-{})", "{}*{}", "({})/(1+({})^2)", "max({},{})", "sin({})+{}", "tanh({})*({})"]
    return draw.choice(forms).format(a, b)


def test_gradients_of_random_formulas_are_those_of_central_differences():
    draw = random.Random(3)
    for _ in range(200):
        text = _random_formula(draw, 3)
        found = parse(text, XY)
        x, y = draw.uniform(-2, 2), draw.uniform(-2, 2)
        h = 1e-6
        for name, dx, dy in (("x", h, 0.0), ("y", 0.0, h)):
            above = found.evaluate({"x": x + dx, "y": y + dy})
            below = found.evaluate({"x": x - dx, "y": y - dy})
            slope = float(found.derivative(name).evaluate({"x": x, "y": y}))
            assert slope == pytest.approx((above - below) / (2 * h), rel=1e-4, abs=1e-5), text


@pytest.mark.parametrize(("text", "expected"), VALUES)
def test_its_python_source_computes_the_same(text, expected):
    found = parse(text, XY)
    x, y = POINTS.T
    for one in (found, found.derivative("x"), found.derivative("y")):
        shared = {"np": np, "x": x, "y": y}
        written = eval(one.code({}), shared)  # source that the expression wrote, run here by the test alone
        same = np.broadcast_to(one.evaluate({"x": x, "y": y}), x.shape)
        assert np.broadcast_to(written, x.shape) == pytest.approx(same, rel=1e-14)


@pytest.mark.parametrize("text", ["(x/0)^e", "1/|x/0|", "x/(x/(|x/0|))", "0 (x/0)"])
def test_source_has_what_is_infinite_or_no_number(text):
    found = parse(text, XY)
    for one in (found, found.derivative("x"), found.derivative("y")):
        with np.errstate(all="ignore"):
            written = eval(one.code({}), {"np": np, "x": np.array([2.0, -3.0]), "y": np.ones(2)})
        same = one.evaluate({"x": np.array([2.0, -3.0]), "y": np.ones(2)})
        assert np.broadcast_to(written, 2) == pytest.approx(np.broadcast_to(same, 2), nan_ok=True)


def test_function_and_gradient_share_what_they_have_in_common():
    found = parse("exp(x y) + exp(x y)^2", XY)
    whole = [found, found.derivative("x"), found.derivative("y")]
    values = {"x": POINTS[:, 0], "y": POINTS[:, 1]}
    for shared, alone in zip(program_of(whole).run(values), (one.evaluate(values) for one in whole), strict=True):
        assert np.array_equal(shared, alone)
    assert found.operations == 4  # x y, exp, its square, the sum


@pytest.mark.parametrize("text", ["1/x", "ln(x)", "√(0 − x − 1)", "exp(exp(exp(9 + x)))", "x^(0−0.5)", "tan(1/x)"])
def test_what_leaves_the_finite_numbers_neither_raises_nor_warns(text):
    found = parse(text, XY)
    for one in (found, found.derivative("x")):
        alone = float(one.evaluate({"x": 0.0, "y": 0.0}))
        in_array = one.evaluate({"x": np.zeros(3), "y": np.zeros(3)})
        assert not np.isfinite(alone) or alone == 0.0
        assert np.array_equal(np.broadcast_to(in_array, 3), np.full(3, alone), equal_nan=True)


REFUSED = [
    ("", 0, "missing"),
    ("   ", 0, "missing"),
    ("x+", 2, "ends too early"),
    ("(x", 0, "not closed"),
    ("|x", 0, "not closed"),
    ("x)", 1, "closes nothing"),
    ("x y z", 4, "'z' is unknown; allowed: x, y, pi"),
    ("xy", 0, "write x*y"),
    ("x2 + y", 0, "write x^2 or x*2"),
    ("1 + 0,5x", 5, "decimals take a point"),
    ("min(x, 0,5 y)", 0, "two arguments, not 3"),
    ("2 + sin(x +)", 11, "missing before this )"),
    ("sin x", 0, "sin(…)"),
    ("sin", 0, "sin(…)"),
    ("min(x)", 0, "two arguments, not 1"),
    ("sin(x, y)", 0, "one argument, not 2"),
    ("2 + * 3", 4, "cannot stand here"),
    ("x 2", 2, "'2' cannot stand here; for a product write *2"),
    ("2|y|", 1, "'|' cannot stand here; for a product write *|…| or *abs(…)"),
    ("x² + (x+1)|y - 1|", 10, "'|' cannot stand here; for a product write *|…| or *abs(…)"),
    ("|x| |y|", 4, "'|' cannot stand here; for a product write *|…| or *abs(…)"),
    ("|x|y|", 4, "'|' cannot stand here; it closes nothing"),
    ("|x|*|", 5, "ends too early"),
    ("1.2.3", 3, "cannot stand here"),
    ("x.real", 1, "cannot stand here"),
    ("x^1000", 1, "−100 to 100"),
    ("9^9^9", 1, "−100 to 100"),
    ("x^(0/0)", 1, "−100 to 100"),
    ("x²⁰⁰", 1, "−100 to 100"),
    ("x³⁻", 1, "no whole number"),
    ("1e999", 0, "too large"),
    (".", 0, "no number"),
    ("x; y", 1, "';' is not understood"),
    ("x = 2", 2, "'=' is not understood"),
    ("x\0", 1, "U+0000 is not understood"),
    ("__import__('os')", 11, "is not understood"),
    ("__import__", 0, "is unknown"),
    ("lambda", 0, "is unknown"),
    ("[x for x in y]", 0, "'[' is not understood"),
    ("x" * 20 + "z", 0, "is unknown"),
    ("(" * 60 + "x" + ")" * 60, 40, "nested too deeply; allowed: 40 levels"),
    ("-" * 60 + "x", 39, "nested too deeply"),
    ("√" * 60 + "x", 39, "nested too deeply"),
    ("x^" * 60 + "x", 79, "nested too deeply"),
    ("x+" * 200 + "x", MOST_CHARACTERS, "up to 300 characters"),
]


@pytest.mark.parametrize(("text", "position", "reason"), REFUSED)
def test_what_is_no_formula_is_refused_at_its_place(text, position, reason):
    with pytest.raises(ExpressionError) as caught:
        parse(text, XY)
    assert caught.value.position == position
    assert reason in caught.value.reason
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 220
    assert str(caught.value).startswith(f"character {position + 1}: ")


def test_a_gradient_that_grows_beyond_measure_is_refused():
    text = "^".join(["(x+y)"] * 30)
    found = parse(text, XY)
    with pytest.raises(ExpressionError, match="gradient is too long"):
        for _ in range(8):
            found = found.derivative("x")


def test_no_text_of_the_allowed_length_takes_long_to_read():
    draw = random.Random(5)
    letters = "xy12.()+-*/^|√²³·−e, sincoexplnmaβ"
    read = 0
    for _ in range(3000):
        text = "".join(draw.choice(letters) for _ in range(draw.randint(1, 40)))
        try:
            found = parse(text, XY)
        except ExpressionError as error:
            assert 0 <= error.position <= len(text)
        else:
            read += 1
            assert found.operations <= 250
            found.evaluate({"x": 0.5, "y": -0.5})
    assert read > 20


SYMBOLS = ("β₁", "β₂", "m", "v", "g", "t", "lr", "m̂", "v̂", "ε", "α")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("β₁·m + (1−β₁)·g", "0.9·(−0.5) + (1−0.9)·0.25"),
        ("m/(1−β₁ᵗ)", "−0.5/(1−0.9¹²)"),
        ("−lr·m̂/(√v̂ + ε)", "−0.1·(−0.2)/(√0.3 + 1e−07)"),
        ("β₂·v + (1−β₂)·g²", "0.999·0.01 + (1−0.999)·0.25²"),
        ("m²", "(−0.5)²"),
        ("ε²", "(1e−07)²"),
        ("2m", "2·(−0.5)"),
        ("|m| + sign(m)", "|−0.5| + sign(−0.5)"),
    ],
)
def test_numbers_take_the_place_of_names(text, shown):
    numbers = {
        "β₁": "0.9",
        "β₂": "0.999",
        "m": "−0.5",
        "v": "0.01",
        "g": "0.25",
        "t": "12",
        "lr": "0.1",
        "m̂": "−0.2",
        "v̂": "0.3",
        "ε": "1e−07",
    }
    assert parse(text, SYMBOLS).substituted(numbers) == shown


def test_names_are_told_in_the_order_in_which_they_are_written():
    assert parse("β₁·m + (1−β₁ᵗ)·g", SYMBOLS).names == ("β₁", "m", "t", "g")


def test_source_takes_other_names_and_modules():
    found = parse("−lr·m̂/(√v̂ + ε)", SYMBOLS)
    names = {"m̂": "m_hat", "v̂": "v_hat", "ε": "self.eps", "lr": "self.lr"}
    assert found.code(names) == "-self.lr * m_hat / (np.sqrt(v_hat) + self.eps)"
    assert found.code(names, "torch") == "-self.lr * m_hat / (torch.sqrt(v_hat) + self.eps)"


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("x**2/20+y^2", "x²/20 + y²"),
        ("2*x*y-3", "2·x·y − 3"),
        ("-x^-2", "−x^−2"),
        ("x^2^3 + x^y + 2^0.5", "x^2³ + x^y + 2^0.5"),
        ("x^2²", "x^2²"),
        ("x^12y", "x¹² y"),
        ("sqrt(x) + pi y + 2 pi x", "√(x) + πy + 2πx"),
        ("3(x+1)(y - 1)x", "3(x + 1)(y − 1) x"),
        ("|x-y|-|-x|", "|x − y| − |−x|"),
        ("max(x,  -y)*sin( x )", "max(x, −y)·sin(x)"),
    ],
)
def test_a_formula_is_printed_as_in_a_book(text, printed):
    assert parse(text, XY).pretty == printed
    at = {"x": 1.3, "y": 0.7}
    assert float(parse(printed, XY).evaluate(at)) == float(parse(text, XY).evaluate(at))
