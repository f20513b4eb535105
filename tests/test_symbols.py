"""Formulas in italics: what is slanted, and hats only where a font draws them over their letters."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF
from PySide6.QtGui import QFont, QFontDatabase, QImage, QPainter

from core.equations import path_values
from core.experiments.paths import Paths
from core.optimizers import OPTIMIZERS
from core.presets import PRESETS
from gui import symbols
from gui.symbols import as_html, draw_formula, formula_tip, formula_width, has_hats, pieces, shown
from tests.gui_helpers import pixels

pytest_plugins = ["tests.window"]

SANS = "DejaVu Sans"


@pytest.mark.parametrize(
    ("formula", "italic"),
    [
        ("θ ← θ − lr·m̂ / (√v̂ + ε)", ["θ", "θ", "lr", "m̂", "v̂", "ε"]),
        ("u ← max(β₂·u, |g| + ε)", ["u", "β", "u", "g", "ε"]),
        ("μₙ ← β₁·(1 − 0.5·0.96^((t+1)·ψ))", ["μₙ", "β", "t", "ψ"]),
        ("1−β₁ᵗ", ["β", "ᵗ"]),
        ("vₘₐₓ ← max(vₘₐₓ, v)", ["v", "v", "v"]),
        ("Δθ = −0.3·(−0.7) / (√0.49 + 1e−7)", ["θ"]),
        ("2x + 3e-7·y + sin(π·x)", ["x", "y", "x"]),
        ("from t = N on: c = 0", ["t", "N", "c"]),
        ("x̂ = (x − mean) / √(variance + ε)", ["x̂", "x", "ε"]),
    ],
)
def test_variables_are_slanted_and_numbers_and_functions_are_not(formula: str, italic: list[str]) -> None:
    found = pieces(formula)
    assert "".join(text for text, _ in found) == formula
    assert [text for text, slanted in found if slanted] == italic


def test_a_formula_in_a_tooltip_is_slanted_and_words_are_not(qapp) -> None:
    text = formula_tip("A rule with x < y\nm ← m + 1", qapp.font())
    assert text == "<qt>A rule with x &lt; y<br><i>m</i> ← <i>m</i> + 1</qt>"
    assert as_html("a < 1\nb = 2", qapp.font()) == "<i>a</i> &lt; 1<br><i>b</i> = 2"


def drawn(formula: str, font: QFont) -> np.ndarray:
    image = QImage(200, 40, QImage.Format.Format_RGB888)
    image.fill("white")
    painter = QPainter(image)
    painter.setPen("black")
    draw_formula(painter, QPointF(10.0, 25.0), formula, font)
    painter.end()
    return pixels(image)


def sized(family: str) -> QFont:
    font = QFont(family)
    font.setPixelSize(13)
    return font


def test_hats_are_drawn_by_a_font_that_can(qapp) -> None:
    if "Oblique" not in QFontDatabase.styles(SANS):
        pytest.skip(f"{SANS} is not installed with italics of its own")
    font = sized(SANS)
    assert has_hats(SANS)
    plain, hatted = drawn("m", font), drawn("m̂", font)
    different = np.flatnonzero((plain != hatted).any(axis=(1, 2)))
    letter = np.flatnonzero((plain < 255).any(axis=(1, 2)))
    assert len(different) and different.max() < letter.min() and different.min() > 25 - 13
    assert formula_width("m̂ + 1", font) == pytest.approx(formula_width("m + 1", font), abs=1.0)


def test_where_a_font_cannot_there_are_primes(qapp, monkeypatch) -> None:
    monkeypatch.setattr(symbols, "has_hats", lambda family: False)
    font = sized(SANS)
    assert shown("m̂ ← m", font) == "m′ ← m"
    assert as_html("m̂", font) == "<i>m′</i>"
    assert (drawn("m̂", font) == drawn("m′", font)).all()


@pytest.mark.parametrize("hats", [True, False])
def test_the_equation_has_the_papers_symbols_where_they_can_be_drawn(user, monkeypatch, hats) -> None:
    monkeypatch.setattr(symbols, "has_hats", lambda family: hats)
    user.panel.start(PRESETS["optimizer-paths"].configuration({"lanes": ("adam",)}))
    mark = "m̂" if hats else "m′"
    text = user.find("equation-text")
    user.until(lambda: f"{mark} ← m / (1−β₁ᵗ)" in text.toPlainText())
    cursor = text.document().find(mark)
    assert cursor.charFormat().fontItalic()
    cursor.setPosition(cursor.selectionStart())
    assert text.words_at(text.cursorRect(cursor).center() + QPoint(4, 0)) == "m without its bias to 0"
    assert f"<i>{mark}</i>" in user.panel.notes._formulas.text()
    assert f"<i>{mark}</i>" in user.find("lane-adam").toolTip()


def test_the_table_of_steps_has_the_papers_symbols() -> None:
    configuration = PRESETS["optimizer-paths"].configuration({"lanes": ("adam", "nadam")})
    run = Paths(configuration)
    next(run.steps())
    assert {"m̂", "v̂", "lr/(√v̂ + ε)"} <= path_values(run.snapshot(), 0).keys()
    assert "m̂" in OPTIMIZERS["nadam"].formula
