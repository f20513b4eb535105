"""Formulas as text: a function that somebody types, and the update rules that optimizers declare.

Text is read by a small parser of our own and never given to Python. What it refuses, it refuses at a character, with
what is allowed there; length, depth and powers are bounded, so that no text takes long to read or to compute.

Understood: + - * / ^ (also ** · × ÷ − and products without a sign, `2x`), brackets, |x|, √x, superscripts (x², βᵗ),
numbers, the names that the caller allows, π, e and the functions of `FUNCTIONS`, `log` being `ln`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from core.expression_nodes import FUNCTIONS, MOST_POWER, Graph, Node, Program, Value, ordered, source
from core.expression_tokens import (
    RAISED,
    SUPERSCRIPTS,
    ExpressionError,
    Token,
    begins_factor,
    ends_factor,
    printed,
    tokens_of,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

MOST_CHARACTERS = 300
_MOST_DEPTH = 40
_MOST_NODES = 250
_MOST_GRADIENT_NODES = 2500

CONSTANTS = {"π": math.pi, "pi": math.pi, "e": math.e}
_OTHER_NAMES = {"log": "ln", "arcsin": "asin", "arccos": "acos", "arctan": "atan", "√": "sqrt"}


class Expression:
    """A formula that was read: what it is for given values, its exact derivative, the same text with numbers.

    `names` are those that it uses, in the order in which they were written.
    """

    def __init__(self, text: str, graph: Graph, root: Node, tokens: Sequence[Token] = ()) -> None:
        """Keep what the parser or `derivative` found."""
        self.text, self._graph, self._root, self._tokens = text, graph, root, tokens
        self._program = Program([root])
        used = {node.name for node in ordered([root]) if node.kind == "name"}
        written = [token.text if token.kind == "name" else "t" for token in tokens if token.kind in ("name", "power")]
        self.names = tuple(dict.fromkeys(name for name in written if name in used)) or tuple(sorted(used))

    def evaluate(self, values: Mapping[str, Value]) -> Value:
        """Return its value; names may be arrays that broadcast together. What is not finite becomes inf or nan."""
        return self._program.run(values)[0]

    def derivative(self, name: str) -> Expression:
        """Return the exact derivative with respect to a name; ExpressionError where that is too long."""
        root = self._graph.derivative(self._root, name)
        if len(ordered([root])) > _MOST_GRADIENT_NODES:
            raise ExpressionError(0, "its gradient is too long to compute; a shorter formula is allowed")
        return Expression("", self._graph, root)

    @property
    def operations(self) -> int:
        """How many operations one evaluation takes."""
        return len(self._program)

    def substituted(self, texts: Mapping[str, str]) -> str:
        """Return the text as it was written, with other texts, such as numbers, in place of names.

        What begins with a minus sign or is longer than a number comes in brackets where it needs them. A superscript
        takes digits alone; `βᵗ` with another text becomes `β^(text)`.
        """
        parts: list[str] = []
        for number, token in enumerate(self._tokens[:-1]):
            before, after = self._tokens[number - 1] if number else None, self._tokens[number + 1]
            parts += [self._gap(before, token), _replaced(token, before, after, texts)]
        return "".join(parts)

    @property
    def pretty(self) -> str:
        """The text as a book prints it: `x**2/20+y^2` as x²/20 + y²."""
        return "".join(printed(self._tokens, at) for at in range(len(self._tokens) - 1))

    def _gap(self, before: Token | None, token: Token) -> str:
        """Return what stands between two tokens; a product that was written without a sign gets one."""
        if before is None:
            return ""
        gap = self.text[before.position + len(before.text) : token.position]
        return "·" if ends_factor(before) and begins_factor(token) and before.text != "√" else gap

    def code(self, names: Mapping[str, str], module: str = "np") -> str:
        """Return Python source of it, names written as `names` says, with the functions of `module`: np or torch."""
        return source(self._root, names, module)


def program_of(expressions: Sequence[Expression]) -> Program:
    """Return what computes expressions of one text and its derivatives together; what they share is computed once."""
    return Program(one._root for one in expressions)


def parse(text: str, names: Collection[str]) -> Expression:
    """Read a formula that may use these names; raises ExpressionError."""
    if len(text) > MOST_CHARACTERS:
        raise ExpressionError(MOST_CHARACTERS, f"too long; allowed: up to {MOST_CHARACTERS} characters")
    tokens = tokens_of(text)
    graph = Graph()
    return Expression(text, graph, _Parser(tokens, names, graph).whole(), tokens)


def _replaced(token: Token, before: Token | None, after: Token, texts: Mapping[str, str]) -> str:
    if token.kind == "power" and "t" in texts and "ᵗ" in token.text:
        digits = "".join(RAISED.get(letter, "") for letter in texts["t"])
        return digits if len(digits) == len(texts["t"]) else f"^({texts['t']})"
    if token.kind != "name" or token.text not in texts:
        return token.text
    found = texts[token.text]
    plain = found.replace(".", "").isdigit()
    signed = found.startswith(("-", "−")) and before is not None and before.kind not in ("(", "|")
    raised = after.kind in ("power", "^") and not plain
    return f"({found})" if signed or raised else found


class _Parser:
    """Recursive descent: sums of products of powers of primaries."""

    def __init__(self, tokens: Sequence[Token], names: Collection[str], graph: Graph) -> None:
        self._tokens, self._names, self._graph = tokens, names, graph
        self._at = self._depth = 0

    @property
    def _now(self) -> Token:
        return self._tokens[self._at]

    def whole(self) -> Node:
        """Read all tokens."""
        if self._now.kind == "end":
            raise ExpressionError(0, "a formula is missing")
        found = self._sum()
        if self._now.kind != "end":
            raise self._unexpected()
        return found

    def _unexpected(self) -> ExpressionError:
        token = self._now
        if token.kind == "end":
            return ExpressionError(token.position, "the formula ends too early; a number, a name or ( is missing")
        if token.kind == ")":
            return ExpressionError(token.position, "this ) closes nothing")
        if self._is_decimal_comma():
            return ExpressionError(token.position, "',' cannot stand here; decimals take a point, such as 0.5")
        return ExpressionError(token.position, f"{token.text[:20]!r} cannot stand here{self._product_hint()}")

    def _product_hint(self) -> str:
        """Return how to write a product with what follows a factor, where that takes a sign."""
        token, before = self._now, self._tokens[self._at - 1]
        if not self._at or not (ends_factor(before) or before.kind == "|"):
            return ""
        if token.kind == "|":
            ends = self._tokens[self._at + 1].kind == "end"
            return "; it closes nothing" if ends else "; for a product write *|…| or *abs(…)"
        plain = token.kind == "number" and not token.text.startswith(".")
        return f"; for a product write *{token.text[:20]}" if plain else ""

    def _is_decimal_comma(self) -> bool:
        before, after = self._tokens[max(0, self._at - 1)], self._tokens[min(self._at + 1, len(self._tokens) - 1)]
        return self._now.kind == "," and before.kind == after.kind == "number"

    def _take(self) -> Token:
        self._at += 1
        return self._tokens[self._at - 1]

    def _expect(self, kind: str, opened: Token) -> None:
        if self._now.kind != kind:
            if self._now.kind == "end":
                raise ExpressionError(opened.position, f"this {opened.text} is not closed")
            raise self._unexpected()
        self._take()

    def _checked(self, node: Node, token: Token) -> Node:
        """Return a node, unless there are too many."""
        if len(self._graph) > _MOST_NODES:
            raise ExpressionError(token.position, f"too long; allowed: up to {_MOST_NODES} operations")
        return node

    def _enter(self) -> None:
        self._depth += 1
        if self._depth > _MOST_DEPTH:
            raise ExpressionError(self._now.position, f"nested too deeply; allowed: {_MOST_DEPTH} levels")

    def _sum(self) -> Node:
        self._enter()
        found = self._product()
        while self._now.kind in ("+", "-"):
            sign = self._take()
            found = self._checked(self._graph.make(sign.kind, found, self._product()), sign)
        self._depth -= 1
        return found

    def _product(self) -> Node:
        found = self._signed()
        while self._now.kind in ("*", "/") or (begins_factor(self._now) and self._now.kind != "number"):
            sign = self._take() if self._now.kind in ("*", "/") else self._now
            kind = sign.kind if sign.kind in ("*", "/") else "*"
            found = self._checked(self._graph.make(kind, found, self._signed()), sign)
        return found

    def _signed(self) -> Node:
        if self._now.kind not in ("+", "-"):
            return self._power()
        self._enter()
        sign = self._take()
        found = self._signed()
        self._depth -= 1
        return self._checked(self._graph.make("neg", found), sign) if sign.kind == "-" else found

    def _power(self) -> Node:
        found = self._primary()
        while self._now.kind == "power":
            found = self._superscript(found, self._take())
        if self._now.kind != "^":
            return found
        self._enter()
        sign = self._take()
        exponent = self._signed()  # from the right: 2^3^2 is 2^9
        self._depth -= 1
        return self._raised(found, exponent, sign)

    def _superscript(self, base: Node, token: Token) -> Node:
        plain = "".join(SUPERSCRIPTS[letter] for letter in token.text)
        if plain == "t":
            return self._raised(base, self._name(Token("name", "t", token.position)), token)
        try:
            return self._raised(base, self._graph.number(int(plain)), token)
        except ValueError as error:
            if isinstance(error, ExpressionError):
                raise
            raise ExpressionError(token.position, f"{token.text!r} is no whole number") from None

    def _raised(self, base: Node, exponent: Node, sign: Token) -> Node:
        """Return a power; whole ones are products, and none is larger than what is allowed."""
        if not any(node.kind == "name" for node in ordered([exponent])):
            value = float(Program([exponent]).run({})[0])
            if not abs(value) <= MOST_POWER:
                raise ExpressionError(sign.position, f"too large a power; allowed: −{MOST_POWER} to {MOST_POWER}")
            if value == int(value):
                return self._checked(self._graph.make("pow", base, value=value), sign)
        return self._checked(self._graph.make("^", base, exponent), sign)

    def _primary(self) -> Node:
        token = self._now
        if token.kind == "number":
            return self._number(self._take())
        if token.kind == "name":
            self._take()
            name = _OTHER_NAMES.get(token.text, token.text)
            return self._call(name, token) if name in FUNCTIONS and name not in self._names else self._name(token)
        if token.kind == "√":
            self._enter()
            self._take()
            found = self._checked(self._graph.make("sqrt", self._primary()), token)
            self._depth -= 1
            return found
        if token.kind in ("(", "|"):
            return self._bracket(self._take())
        if token.kind == ")" and self._at:
            raise ExpressionError(token.position, "something is missing before this )")
        raise self._unexpected()

    def _bracket(self, opened: Token) -> Node:
        found = self._sum()
        self._expect(")" if opened.kind == "(" else "|", opened)
        return found if opened.kind == "(" else self._checked(self._graph.make("abs", found), opened)

    def _number(self, token: Token) -> Node:
        try:
            value = float(token.text.replace("−", "-"))
        except ValueError:
            raise ExpressionError(token.position, f"{token.text!r} is no number") from None
        if not math.isfinite(value):
            raise ExpressionError(token.position, "this number is too large")
        return self._checked(self._graph.number(value), token)

    def _name(self, token: Token) -> Node:
        if token.text in self._names:
            return self._checked(self._graph.named(token.text), token)
        if token.text in CONSTANTS:
            return self._checked(self._graph.number(CONSTANTS[token.text]), token)
        raise ExpressionError(token.position, self._unknown(token.text))

    def _unknown(self, name: str) -> str:
        letters = [letter for letter in name if letter in self._names]
        if len(letters) == len(name) > 1:
            return f"{name!r} is unknown; for a product write {'*'.join(letters)}"
        if name[0] in self._names and name[1:].isdecimal():
            return f"{name!r} is unknown; write {name[0]}^{name[1:]} or {name[0]}*{name[1:]}"
        shown = name if len(name) <= 20 else name[:20] + "…"
        return f"{shown!r} is unknown; allowed: {', '.join([*self._names, 'pi', 'e', *FUNCTIONS])}"

    def _call(self, name: str, token: Token) -> Node:
        opened = self._now
        if opened.kind != "(":
            raise ExpressionError(token.position, f"{token.text} needs brackets: {token.text}(…)")
        self._take()
        parts = [self._sum()]
        while self._now.kind == ",":
            self._take()
            parts.append(self._sum())
        wanted = 2 if name in ("min", "max") else 1
        if len(parts) != wanted:
            words = "two arguments" if wanted == 2 else "one argument"
            raise ExpressionError(token.position, f"{token.text} takes {words}, not {len(parts)}")
        self._expect(")", opened)
        return self._checked(self._graph.make(name, *parts), token)


__all__ = [
    "CONSTANTS",
    "FUNCTIONS",
    "MOST_CHARACTERS",
    "Expression",
    "ExpressionError",
    "parse",
    "program_of",
]
