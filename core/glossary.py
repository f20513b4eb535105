"""What the symbols of an update rule mean, in words, and where they stand in its text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from core.equations import COUNT, GRADIENT, STEP, THETA
from core.optimizers import OPTIMIZERS

if TYPE_CHECKING:
    from collections.abc import Collection

_WORDS = {
    THETA: "what is learned, before the step",
    GRADIENT: "gradient at θ",
    STEP: "step: what is added to θ",
    COUNT: "number of the update, from 1",
}
_LETTER = "A-Za-z"
_MARKS = "\u0302′ₙ"


def glossary(optimizer: str) -> dict[str, str]:
    """Return words for every symbol in an optimizer's rule; KeyError for an unknown one."""
    kind = OPTIMIZERS[optimizer]
    own = {p.symbol: f"{p.label}: {p.doc}" for p in kind.hyperparameters}
    return {**_WORDS, **dict(kind.words), **own}


def marked(text: str, symbols: Collection[str]) -> list[tuple[str, str]]:
    """Cut a text into pieces `(text, symbol)`, with an empty symbol for what stands between; joined they are the text.

    The longest symbol counts, and none is found inside a word, as m in max.
    """
    names = "|".join(re.escape(name) for name in sorted(symbols, key=len, reverse=True))
    pattern = re.compile(f"(?<![{_LETTER}])(?:{names})(?![{_LETTER}{_MARKS}])")
    found, end = [], 0
    for match in pattern.finditer(text):
        found += [(text[end : match.start()], ""), (match.group(), match.group())]
        end = match.end()
    return [piece for piece in (*found, (text[end:], "")) if piece[0]]
