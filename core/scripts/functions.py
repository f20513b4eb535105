"""The surfaces as lines of a script: f(x, y) and its gradient, operation by operation as `core.surfaces` has them.

What is typed as a formula is written by `core.expressions`, with its exact derivatives.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from core.expressions import parse
from core.own_surface import surface_of
from core.scripts.writing import WIDTH, ScriptError, assignment, fill, hugged, literal, terms

if TYPE_CHECKING:
    from collections.abc import Mapping

OWN = "own"

# The lines of f, then those of its gradient; `np` is the module.
_BUILT_IN: dict[str, tuple[str, str]] = {
    "quadratic": (
        "return x * x / ANISOTROPY + y * y",
        "return 2.0 * x / ANISOTROPY, 2.0 * y",
    ),
    "rosenbrock": (
        "a, r = 1.0 - x, y - x * x\nreturn a * a + 100.0 * r * r",
        "a, r = 1.0 - x, y - x * x\nreturn -2.0 * a - 400.0 * x * r, 200.0 * r",
    ),
    "beale": (
        "a = 1.5 - x * (1.0 - y)\n"
        "b = 2.25 - x * (1.0 - y * y)\n"
        "c = 2.625 - x * (1.0 - y * y * y)\n"
        "return a * a + b * b + c * c",
        "p, q, r = y - 1.0, y * y - 1.0, y * y * y - 1.0\n"
        "a, b, c = 1.5 + x * p, 2.25 + x * q, 2.625 + x * r\n"
        "df_dx = 2.0 * (a * p + b * q + c * r)\n"
        "df_dy = 2.0 * x * (a + y * (2.0 * b + 3.0 * c * y))\n"
        "return df_dx, df_dy",
    ),
    "himmelblau": (
        "a, b = x * x + y - 11.0, x + y * y - 7.0\nreturn a * a + b * b",
        "a, b = x * x + y - 11.0, x + y * y - 7.0\nreturn 4.0 * x * a + 2.0 * b, 2.0 * a + 4.0 * y * b",
    ),
    "booth": (
        "a, b = x + 2.0 * y - 7.0, 2.0 * x + y - 5.0\nreturn a * a + b * b",
        "a, b = x + 2.0 * y - 7.0, 2.0 * x + y - 5.0\nreturn 2.0 * a + 4.0 * b, 4.0 * a + 2.0 * b",
    ),
    "saddle": (
        "return x * x - y * y",
        "return 2.0 * x, -2.0 * y",
    ),
    "rastrigin": (
        "waves = 10.0 * (1.0 - np.cos(TAU * x)) + 10.0 * (1.0 - np.cos(TAU * y))\nreturn x * x + y * y + waves",
        "df_dx = 2.0 * x + 10.0 * TAU * np.sin(TAU * x)\n"
        "df_dy = 2.0 * y + 10.0 * TAU * np.sin(TAU * y)\n"
        "return df_dx, df_dy",
    ),
    "styblinski-tang": (
        "xx, yy = x * x, y * y\nreturn 0.5 * (xx * (xx - 16.0) + 5.0 * x + yy * (yy - 16.0) + 5.0 * y)",
        "return x * (2.0 * x * x - 16.0) + 2.5, y * (2.0 * y * y - 16.0) + 2.5",
    ),
    "six-hump-camel": (
        "xx, yy = x * x, y * y\nreturn (4.0 - 2.1 * xx + xx * xx / 3.0) * xx + x * y + (4.0 * yy - 4.0) * yy",
        "xx = x * x\nreturn x * (8.0 + xx * (2.0 * xx - 8.4)) + y, x + y * (16.0 * y * y - 8.0)",
    ),
    "ackley": (
        "c = 0.5 * (np.cos(TAU * x) + np.cos(TAU * y))\n"
        "cone = -20.0 * np.expm1(np.hypot(x, y) / (-5.0 * math.sqrt(2.0)))\n"
        "return cone - math.e * np.expm1(c - 1.0)  # exactly 0 at the origin",
        "r = np.hypot(x, y)\n"
        "cone = 2.0 * math.sqrt(2.0) * np.exp(r / (-5.0 * math.sqrt(2.0)))\n"
        "waves = math.pi * np.exp(0.5 * (np.cos(TAU * x) + np.cos(TAU * y)))\n"
        "r = np.maximum(r, np.finfo(float).tiny)  # at the tip of the cone the slope is 0\n"
        "df_dx = cone * (x / r) + waves * np.sin(TAU * x)\n"
        "df_dy = cone * (y / r) + waves * np.sin(TAU * y)\n"
        "return df_dx, df_dy",
    ),
}

_VALUE = '''
def f(x, y):
    """$formula."""
    $value
'''
_GRADIENT = '''
def gradient(x, y):
    """Return df/dx and df/dy."""
    $slopes
'''


def value_function(values: Mapping[str, Any], module: str) -> str:
    """Return the function f(x, y), with the functions of `np` or `torch`."""
    body = _lines(values, module)[0]
    return fill(_VALUE, formula=surface_of(values).formula, value=body)


def gradient_function(values: Mapping[str, Any]) -> str:
    """Return the function that gives both partial derivatives."""
    return fill(_GRADIENT, slopes=_lines(values, "np")[1])


def constants(values: Mapping[str, Any]) -> list[str]:
    """Return the assignments that the function needs."""
    body = "".join(_lines(values, "np"))
    found = [f"ANISOTROPY = {literal(values['anisotropy'])}"] if "ANISOTROPY" in body else []
    return [*found, *["TAU = 2.0 * math.pi"] * ("TAU" in body)]


def _lines(values: Mapping[str, Any], module: str) -> tuple[str, str]:
    if values["surface"] == OWN:
        return _own(values["function"], module)
    if values["surface"] not in _BUILT_IN:
        raise ScriptError(f"surface: no script yet for {values['surface']!r}; allowed: {', '.join(_BUILT_IN)}, own")
    value, slopes = _BUILT_IN[values["surface"]]
    return value.replace("np.", f"{module}."), slopes


def _own(text: str, module: str) -> tuple[str, str]:
    found, names = parse(text, ("x", "y")), {"x": "x", "y": "y"}
    slopes = [found.derivative(name).code(names, "np") for name in names]
    value = found.code(names, module)
    if module == "torch":
        value = _with_tensors(text, value)
    flat = f"return {hugged(value)}"
    value = flat if len(flat) <= WIDTH - 4 else f"{_set('z', value)}\nreturn z"
    each = [_set(f"df_d{name}", slope) for name, slope in zip(names, slopes, strict=True)]
    return value, "\n".join([*each, "return df_dx, df_dy"])


def _set(name: str, source: str) -> str:
    return assignment(name, "", terms(hugged(source)), 4)


def _with_tensors(text: str, source: str) -> str:
    """Return the source with tensors in place of the numbers that functions are given: PyTorch takes nothing else."""
    tree = ast.parse(source, mode="eval")
    if not _varies(tree):
        raise ScriptError(f"function: PyTorch has no gradient of {text!r}; allowed: a function of x or y")
    changed = False
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and not all(map(_varies, node.args))
            and "as_tensor" not in ast.unparse(node.func)
        ):
            node.args = [one if _varies(one) else _tensor(one) for one in node.args]
            changed = True
    return ast.unparse(tree) if changed else source


def _varies(tree: ast.AST) -> bool:
    return any(isinstance(node, ast.Name) and node.id in ("x", "y") for node in ast.walk(tree))


def _tensor(number: ast.expr) -> ast.expr:
    function = ast.Attribute(ast.Name("torch", ast.Load()), "as_tensor", ast.Load())
    return ast.Call(function, [number], [])
