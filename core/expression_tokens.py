"""The tokens of a formula's text: how they are cut from it, refused at a character, and printed as a book does."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.expression_nodes import FUNCTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_SIGNS = {"−": "-", "–": "-", "·": "*", "×": "*", "⋅": "*", "÷": "/"}
SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻ᵗ", "0123456789-t", strict=True))
RAISED = {plain: raised for raised, plain in SUPERSCRIPTS.items()}


class ExpressionError(ValueError):
    """A text that is no formula; `position` is the offending character, counted from 0, `reason` says what is wrong."""

    def __init__(self, position: int, reason: str) -> None:
        """Keep place and reason, so that a field can show both."""
        super().__init__(f"character {position + 1}: {reason}")
        self.position, self.reason = position, reason


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text: `kind` is number, name, power (a superscript), end, or the sign itself."""

    kind: str
    text: str
    position: int


def tokens_of(text: str) -> list[Token]:
    """Return a text's tokens and one of kind `end`; raises ExpressionError for a character that is in no formula."""
    found: list[Token] = []
    at = 0
    while at < len(text):
        end = _end_of_token(text, at)
        if not text[at].isspace():
            found.append(Token(_kind(text[at:end]), text[at:end], at))
        at = end
    return [*found, Token("end", "", len(text))]


def _kind(text: str) -> str:
    if text[0] in SUPERSCRIPTS:
        return "power"
    if text[0] in "0123456789.":
        return "number"
    if _is_letter(text[0]):
        return "name"
    return "^" if text == "**" else _SIGNS.get(text, text)


def _end_of_token(text: str, at: int) -> int:
    if text[at] in SUPERSCRIPTS:
        return _while(text, at, lambda letter: letter in SUPERSCRIPTS)
    if text[at] in "0123456789.":
        return _end_of_number(text, at)
    if text[at] == "π":
        return at + 1
    if _is_letter(text[at]):
        return _while(text, at, _continues_name)
    if text.startswith("**", at):
        return at + 2
    if text[at].isspace() or text[at] in "+-*/^()|,√" or text[at] in _SIGNS:
        return at + 1
    raise ExpressionError(at, f"{_shown(text[at])} is not understood; allowed: numbers, names, + - * / ^ ( )")


def _while(text: str, at: int, belongs: Callable[[str], bool]) -> int:
    while at < len(text) and belongs(text[at]):
        at += 1
    return at


def _is_letter(letter: str) -> bool:
    return (letter.isalpha() or letter == "_") and letter not in SUPERSCRIPTS


def _continues_name(letter: str) -> bool:
    """Whether a letter goes on with a name: letters, digits, subscripts, primes, and marks such as a hat."""
    if letter == "π":  # 2πx is a product
        return False
    return _is_letter(letter) or letter in "0123456789₀₁₂₃₄₅₆₇₈₉′" or unicodedata.category(letter) == "Mn"


def _end_of_number(text: str, at: int) -> int:
    def digits(place: int) -> int:
        return _while(text, place, lambda letter: letter in "0123456789")

    end = digits(at)
    if text[end : end + 1] == ".":
        end = digits(end + 1)
    if text[end : end + 1] in ("e", "E"):
        sign = end + 1 + (text[end + 1 : end + 2] in ("+", "-", "−") and end + 1 < len(text))
        end = digits(sign) if digits(sign) > sign else end
    return end


def _shown(letter: str) -> str:
    return repr(letter) if letter.isprintable() else f"U+{ord(letter):04X}"


def ends_factor(token: Token) -> bool:
    """Tell whether a factor can end with a token."""
    return token.kind in ("number", "name", "power", ")") and token.text not in FUNCTIONS


def begins_factor(token: Token) -> bool:
    """Tell whether a factor that follows another without a sign can begin with a token."""
    return token.kind in ("number", "name", "(", "√")


# Printing.

_PRINTED = {"*": "·", "/": "/", ",": ", ", "pi": "π"}


def printed(tokens: Sequence[Token], at: int) -> str:
    """Return a token as a book prints it, with the gap before it."""
    token, before, after = tokens[at], tokens[at - 1], tokens[at + 1]
    if token.kind in ("+", "-"):
        sign = "−" if token.kind == "-" else "+"
        return f" {sign} " if _ends_operand(tokens, at - 1) else sign
    if token.kind == "^":
        return "" if _is_raised(tokens, at + 1) else "^"
    if _is_raised(tokens, at):
        return "".join(RAISED[digit] for digit in token.text)
    text = "√" if token.text == "sqrt" and after.kind == "(" else _PRINTED.get(token.text, token.text)
    text = _PRINTED.get(token.kind, text)
    plain = (before.kind == "number" and not _is_raised(tokens, at - 1)) or before.text in ("pi", "π")
    apart = token.kind == "name" and not plain and at > 0 and before.kind in ("name", "power", ")", "number")
    return f" {text}" if apart else text


def _is_raised(tokens: Sequence[Token], at: int) -> bool:
    """Whether a token is a plain exponent, such as the 2 of x^2, that can be printed as a superscript."""
    after = tokens[min(at + 1, len(tokens) - 1)]
    return at > 0 and tokens[at - 1].kind == "^" and tokens[at].text.isdecimal() and after.kind not in ("^", "power")


def _ends_operand(tokens: Sequence[Token], at: int) -> bool:
    """Whether an operand ends with a token; a bar after an operand closes one."""
    if at < 0:
        return False
    kind = tokens[at].kind
    return _ends_operand(tokens, at - 1) if kind == "|" else kind in ("number", "name", "power", ")")
