"""Arithmetic as a graph of nodes: what an expression computes, its exact derivative, and the same as Python source.

Equal parts are one node, so that a gradient shares what it has in common with its function. Nothing is ever given to
Python to evaluate: each kind of node is one NumPy function.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

Value = float | NDArray[Any]

MOST_POWER = 100
"""The largest whole power that is computed by multiplication, and the largest that is allowed."""


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One operation on other nodes, a number, or a name; `size` counts the nodes of its tree, shared ones each time."""

    kind: str
    parts: tuple[Node, ...] = ()
    value: float = 0.0
    name: str = ""


def power(base: Value, exponent: int) -> Value:
    """Return a whole power by multiplication: exact for small ones, and five times faster than `np.power`."""
    if exponent < 0:
        return np.divide(1.0, power(base, -exponent))
    result: Value | None = None
    while exponent:
        if exponent & 1:
            result = base if result is None else np.multiply(result, base)
        exponent >>= 1
        base = np.multiply(base, base) if exponent else base
    return 1.0 if result is None else result


_OPERATIONS: dict[str, Callable[..., Any]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "^": np.power,
    "neg": np.negative,
    "choose": lambda a, b, yes, no: np.where(np.greater_equal(a, b), yes, no),
}
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "exp": np.exp,
    "ln": np.log,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "sign": np.sign,
    "min": np.minimum,
    "max": np.maximum,
}
"""Functions that an expression may use; `min` and `max` take two arguments, the others one."""

CODE_NAMES = {"asin": "arcsin", "acos": "arccos", "atan": "arctan", "ln": "log", "min": "minimum", "max": "maximum"}
"""What NumPy calls those that it calls otherwise; PyTorch knows these names too."""


class Graph:
    """Makes nodes, each only once, and derives them."""

    def __init__(self) -> None:
        """Start without nodes."""
        self._nodes: dict[Any, Node] = {}
        self._derived: dict[tuple[int, str], Node] = {}

    def __len__(self) -> int:
        return len(self._nodes)

    def number(self, value: float) -> Node:
        """Return a number."""
        return self._node("number", value=float(value))

    def named(self, name: str) -> Node:
        """Return what a name stands for."""
        return self._node("name", name=name)

    def make(self, kind: str, *parts: Node, value: float = 0.0) -> Node:
        """Return an operation or function of other nodes, as it is written."""
        return self._node(kind, parts, value)

    def _node(self, kind: str, parts: tuple[Node, ...] = (), value: float = 0.0, name: str = "") -> Node:
        key = (kind, tuple(map(id, parts)), value, math.copysign(1.0, value), name)
        if key not in self._nodes:
            self._nodes[key] = Node(kind, parts, value, name)
        return self._nodes[key]

    # Operations that leave out what has no effect, for derivatives.

    def add(self, a: Node, b: Node) -> Node:
        """Return a + b."""
        if b.kind == "neg":
            return self.subtract(a, b.parts[0])
        return b if _is(a, 0) else a if _is(b, 0) else self._folded("+", a, b)

    def subtract(self, a: Node, b: Node) -> Node:
        """Return a - b."""
        if b.kind == "neg":
            return self.add(a, b.parts[0])
        return a if _is(b, 0) else self.negate(b) if _is(a, 0) else self._folded("-", a, b)

    def multiply(self, a: Node, b: Node) -> Node:
        """Return a b."""
        if _is(a, 0) or _is(b, 0):
            return self.number(0.0)
        if b.kind == "number" and a.kind != "number":
            a, b = b, a
        return b if _is(a, 1) else self.negate(b) if _is(a, -1) else self._folded("*", a, b)

    def divide(self, a: Node, b: Node) -> Node:
        """Return a / b."""
        return a if _is(a, 0) or _is(b, 1) else self._folded("/", a, b)

    def negate(self, a: Node) -> Node:
        """Return -a."""
        return a.parts[0] if a.kind == "neg" else self._folded("neg", a)

    def whole_power(self, a: Node, exponent: int) -> Node:
        """Return a to a whole power."""
        return self.number(1.0) if exponent == 0 else a if exponent == 1 else self.make("pow", a, value=exponent)

    def _folded(self, kind: str, *parts: Node) -> Node:
        node = self.make(kind, *parts)
        if all(part.kind == "number" for part in parts):
            return self.number(float(Program([node]).run({})[0]))
        return node

    def derivative(self, root: Node, name: str) -> Node:
        """Return the exact derivative with respect to a name."""
        for node in ordered([root]):
            if (id(node), name) not in self._derived:
                slopes = [self._derived[id(part), name] for part in node.parts]
                self._derived[id(node), name] = self._derive(node, slopes, name)
        return self._derived[id(root), name]

    def _derive(self, node: Node, slopes: list[Node], name: str) -> Node:
        if node.kind in ("number", "name"):
            return self.number(float(node.name == name and node.kind == "name"))
        if all(_is(slope, 0) for slope in slopes):
            return self.number(0.0)
        return _RULES[node.kind](self, node, *slopes)


def _is(node: Node, value: float) -> bool:
    return node.kind == "number" and node.value == value


def _chain(outer: Callable[[Graph, Node, Node], Node]) -> Callable[[Graph, Node, Node], Node]:
    """Return the rule of a function of one argument: its slope there, times that of the argument."""
    return lambda graph, node, slope: graph.multiply(outer(graph, node.parts[0], node), slope)


def _derive_product(graph: Graph, node: Node, da: Node, db: Node) -> Node:
    """(a b)' = a' b + a b'."""
    a, b = node.parts
    return graph.add(graph.multiply(da, b), graph.multiply(a, db))


def _derive_quotient(graph: Graph, node: Node, da: Node, db: Node) -> Node:
    """(a / b)' = a' / b - a / b b' / b."""
    _a, b = node.parts
    return graph.subtract(graph.divide(da, b), graph.divide(graph.multiply(node, db), b))


def _derive_whole_power(graph: Graph, node: Node, da: Node) -> Node:
    """(a^n)' = n a^(n-1) a'."""
    a, n = node.parts[0], int(node.value)
    return graph.multiply(graph.multiply(graph.number(n), graph.whole_power(a, n - 1)), da)


def _derive_power(graph: Graph, node: Node, da: Node, db: Node) -> Node:
    """(a^b)' = b a^(b-1) a' + a^b ln(a) b'."""
    a, b = node.parts
    lower = graph.make("^", a, graph.subtract(b, graph.number(1.0)))
    first = graph.multiply(graph.multiply(b, lower), da)
    if _is(db, 0):
        return first
    return graph.add(first, graph.multiply(graph.multiply(node, graph.make("ln", a)), db))


def _derive_choice(least: bool) -> Callable[[Graph, Node, Node, Node], Node]:
    """Return the rule of max or min: the slope of the one that is chosen."""

    def rule(graph: Graph, node: Node, da: Node, db: Node) -> Node:
        a, b = node.parts
        return graph.make("choose", *((b, a) if least else (a, b)), da, db)

    return rule


def _square(graph: Graph, node: Node) -> Node:
    return graph.whole_power(node, 2)


def _root_of_rest(graph: Graph, a: Node) -> Node:
    """√(1 - a²)."""
    return graph.make("sqrt", graph.subtract(graph.number(1.0), _square(graph, a)))


_RULES: dict[str, Callable[..., Node]] = {
    "+": lambda graph, _node, da, db: graph.add(da, db),
    "-": lambda graph, _node, da, db: graph.subtract(da, db),
    "*": _derive_product,
    "/": _derive_quotient,
    "^": _derive_power,
    "pow": _derive_whole_power,
    "neg": lambda graph, _node, da: graph.negate(da),
    "choose": lambda graph, node, _da, _db, dyes, dno: graph.make("choose", *node.parts[:2], dyes, dno),
    "sin": _chain(lambda graph, a, _f: graph.make("cos", a)),
    "cos": _chain(lambda graph, a, _f: graph.negate(graph.make("sin", a))),
    "tan": _chain(lambda graph, _a, f: graph.add(graph.number(1.0), _square(graph, f))),
    "asin": _chain(lambda graph, a, _f: graph.divide(graph.number(1.0), _root_of_rest(graph, a))),
    "acos": _chain(lambda graph, a, _f: graph.divide(graph.number(-1.0), _root_of_rest(graph, a))),
    "atan": _chain(
        lambda graph, a, _f: graph.divide(graph.number(1.0), graph.add(graph.number(1.0), _square(graph, a)))
    ),
    "sinh": _chain(lambda graph, a, _f: graph.make("cosh", a)),
    "cosh": _chain(lambda graph, a, _f: graph.make("sinh", a)),
    "tanh": _chain(lambda graph, _a, f: graph.subtract(graph.number(1.0), _square(graph, f))),
    "exp": _chain(lambda _graph, _a, f: f),
    "ln": _chain(lambda graph, a, _f: graph.divide(graph.number(1.0), a)),
    "sqrt": _chain(lambda graph, _a, f: graph.divide(graph.number(0.5), f)),
    "abs": _chain(lambda graph, a, _f: graph.make("sign", a)),
    "sign": _chain(lambda graph, _a, _f: graph.number(0.0)),
    "max": _derive_choice(least=False),
    "min": _derive_choice(least=True),
}


def ordered(roots: Iterable[Node]) -> list[Node]:
    """Return all nodes of some graphs, each once, parts before what is made of them."""
    found: dict[int, Node] = {}
    stack = [(root, False) for root in roots]
    while stack:
        node, ready = stack.pop()
        if id(node) in found:
            continue
        if ready or not node.parts:
            found[id(node)] = node
        else:
            stack += [(node, True), *((part, False) for part in node.parts)]
    return list(found.values())


class Program:
    """The values of some nodes as a list of steps: each applies one function to results of steps before it."""

    def __init__(self, roots: Iterable[Node]) -> None:
        """Number all nodes, parts before what is made of them."""
        roots = list(roots)
        order = ordered(roots)
        place = {id(node): number for number, node in enumerate(order)}
        self._roots = [place[id(root)] for root in roots]
        self._start: list[Any] = [node.value if node.kind == "number" else 0.0 for node in order]
        self._names = [(place[id(node)], node.name) for node in order if node.kind == "name"]
        parts = [(node, [place[id(part)] for part in node.parts]) for node in order if node.parts]
        self._steps = [(place[id(node)], _operation(node), places) for node, places in parts]

    def __len__(self) -> int:
        """Return how many operations one run takes."""
        return len(self._steps)

    def run(self, values: Mapping[str, Value]) -> list[Value]:
        """Return the nodes' values; KeyError for a name without one.

        Numbers that leave the finite ones become inf or nan; nothing raises and nothing warns.
        """
        done = self._start.copy()
        for place, name in self._names:
            done[place] = values[name]
        with np.errstate(all="ignore"):
            for place, operation, parts in self._steps:
                if len(parts) == 1:  # spelled out: unpacking a list takes longer than the arithmetic of a point
                    done[place] = operation(done[parts[0]])
                elif len(parts) == 2:
                    done[place] = operation(done[parts[0]], done[parts[1]])
                else:
                    done[place] = operation(*(done[part] for part in parts))
        return [done[root] for root in self._roots]


def _operation(node: Node) -> Callable[..., Any]:
    if node.kind == "pow":
        return partial(power, exponent=int(node.value))
    return _OPERATIONS.get(node.kind) or FUNCTIONS[node.kind]


# As Python source.

_STRENGTHS = {"+": 1, "-": 1, "*": 2, "/": 2, "neg": 3, "pow": 4, "^": 4}


def source(node: Node, names: Mapping[str, str], module: str) -> str:
    """Return Python source that computes the node with the functions of `module`: `np` or `torch`."""
    return _source(node, names, module)[0]


def _source(node: Node, names: Mapping[str, str], module: str) -> tuple[str, int]:
    """Return source and how strongly it holds together: 5 needs no brackets anywhere."""
    if node.kind == "number":
        return _number_source(node.value)
    if node.kind == "name":
        found = names.get(node.name, node.name)
        return found, 5 if found.replace(".", "").replace("_", "").isalnum() and not found[0].isdigit() else 0
    parts = [_source(part, names, module) for part in node.parts]
    if node.kind not in _STRENGTHS:
        return _call(node, [text for text, _ in parts], module), 5
    own = _STRENGTHS[node.kind]
    if node.kind == "neg":
        return f"-{_bracketed(parts[0], own)}", own
    if node.kind == "pow":
        return f"{_bracketed(parts[0], own + 1)} ** {_number_source(node.value)[0]}", own
    left, right = _bracketed(parts[0], own + (node.kind == "^")), _bracketed(parts[1], own + (node.kind in "-/"))
    return f"{left} {'**' if node.kind == '^' else node.kind} {right}", own


def _bracketed(part: tuple[str, int], least: int) -> str:
    return part[0] if part[1] >= least else f"({part[0]})"


def _number_source(value: float) -> tuple[str, int]:
    if not math.isfinite(value):  # of what can be computed beforehand, such as 1/0
        return f"float('{value}')", 5
    text = str(int(value)) if abs(value) < 1e15 and value == int(value) else repr(value)
    return text, 5 if value >= 0 else 3


def _call(node: Node, parts: list[str], module: str) -> str:
    if node.kind == "choose":
        a, b, yes, no = parts
        return f"{module}.where({a} >= {b}, {yes}, {no})"
    return f"{module}.{CODE_NAMES.get(node.kind, node.kind)}({', '.join(parts)})"
