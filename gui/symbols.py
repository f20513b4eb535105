"""Formulas as they are printed: variables in italics, numbers (also π) and functions upright.

Some fonts cannot put a hat on a letter, or put it somewhere else: DejaVu Sans can in italics only, so that m̂ has no hat
where it is upright. Where even italics fail, `shown` writes m′.
"""

from __future__ import annotations

import re
from functools import lru_cache
from html import escape

import numpy as np
from PySide6.QtCore import QPointF
from PySide6.QtGui import QFont, QFontMetrics, QFontMetricsF, QImage, QPainter

HAT, PRIME = "\u0302", "′"
_VARIABLE = re.compile(rf"(?<![A-Za-z])(?!(?<=\d)e[−+-]?\d)(?:lr|[A-Za-zα-ορ-ω])(?![A-Za-z])[{HAT}{PRIME}ₙ]*|ᵗ")
_IS_FORMULA = re.compile(r"\S (?:←|=) \S")
_HATTED = "mvx"
_LEAST = 8  # pixels: smaller letters tell nothing
_ROOM = 3.0  # letters beside the one that is looked at


def pieces(formula: str) -> list[tuple[str, bool]]:
    """Cut a formula into pieces `(text, italic)`; joined they are the formula."""
    found, end = [], 0
    for match in _VARIABLE.finditer(formula):
        found += [(formula[end : match.start()], False), (match.group(), True)]
        end = match.end()
    return [piece for piece in (*found, (formula[end:], False)) if piece[0]]


def shown(formula: str, font: QFont) -> str:
    """Return a formula as this font can write it: with primes for hats where it cannot."""
    return formula if HAT not in formula or has_hats(font.family()) else formula.replace(HAT, PRIME)


def as_html(formula: str, font: QFont) -> str:
    """Return a formula as HTML; lines are broken."""
    parts = (f"<i>{escape(text)}</i>" if italic else escape(text) for text, italic in pieces(shown(formula, font)))
    return "".join(parts).replace("\n", "<br>")


def formula_tip(text: str, font: QFont) -> str:
    """Return a tooltip whose lines are words or formulas, which assign or equate."""
    lines = (as_html(line, font) if _IS_FORMULA.search(line) else escape(line) for line in text.split("\n"))
    return f"<qt>{'<br>'.join(lines)}</qt>"


def formula_width(formula: str, font: QFont) -> float:
    """Return how wide `draw_formula` draws."""
    widths = {italic: QFontMetricsF(_slanted(font, italic)) for italic in (False, True)}
    return sum(widths[italic].horizontalAdvance(text) for text, italic in pieces(shown(formula, font)))


def draw_formula(painter: QPainter, at: QPointF, formula: str, font: QFont) -> None:
    """Draw a formula with the painter's pen; it begins at a point of its base line."""
    x = at.x()
    for text, italic in pieces(shown(formula, font)):
        painter.setFont(_slanted(font, italic))
        painter.drawText(QPointF(x, at.y()), text)
        x += QFontMetricsF(painter.font()).horizontalAdvance(text)


def _slanted(font: QFont, italic: bool) -> QFont:
    found = QFont(font)
    found.setItalic(italic)
    return found


@lru_cache(maxsize=8)
def has_hats(family: str) -> bool:
    """Return whether a family's italics draw a hat over letters: in the letter's own width, within the line."""
    font = QFont(family)
    font.setItalic(True)
    return all(_is_lifted(letter, pixels, font) for letter in _HATTED for pixels in (_LEAST, 13, 26))


def _is_lifted(letter: str, pixels: int, font: QFont) -> bool:
    font = QFont(font)
    font.setPixelSize(pixels)
    wide = QFontMetricsF(font).horizontalAdvance
    plain, hatted = (_ink(text, font) for text in (letter, letter + HAT))
    top = int(np.argmax(plain.any(axis=1)))
    return wide(letter + HAT) < 1.2 * wide(letter) and bool(hatted[:top].any()) and not plain[:top].any()


def _ink(text: str, font: QFont) -> np.ndarray:
    """Return where a text has ink, `(rows, columns)`, in a box as tall as a line."""
    metrics = QFontMetrics(font)
    image = QImage(int(_ROOM * metrics.horizontalAdvance("m")) + 1, metrics.height(), QImage.Format.Format_Grayscale8)
    image.fill(0)
    painter = QPainter(image)
    painter.setFont(font)
    painter.setPen("white")
    painter.drawText(QPointF(metrics.horizontalAdvance("m"), metrics.ascent()), text)
    painter.end()
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : image.width()] > 64
