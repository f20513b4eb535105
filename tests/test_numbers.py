"""Numbers for people: one way to write them, wherever they stand."""

from __future__ import annotations

import math

import pytest

from core.numbers import powered, short
from core.presets import PRESETS
from gui.plots import log_ticks
from gui.views.base import short_number

pytest_plugins = ["tests.window"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.5, "−0.5"),
        (1.234567e-7, "1.235e−7"),
        (-2e20, "−2e20"),
        (12.0, "12"),
        (0.00049, "0.00049"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
        (math.nan, "nan"),
    ],
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert short(value) == text


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [(1.3e-6, 2, "1.3·10⁻⁶"), (-2e7, 3, "−2·10⁷"), (1e-8, 2, "10⁻⁸"), (9.99e5, 2, "10⁶")],
)
def test_powers_of_ten_are_raised(value: float, digits: int, text: str) -> None:
    assert powered(value, digits) == text


def test_a_readout_is_written_as_the_equation_is() -> None:
    assert [short_number(value) for value in (1.4e6, -1.4e-7, 0.25)] == ["1.4e6", "−1.4e−7", "0.25"]
    assert short_number(float("nan")) == "not finite"


def test_a_short_logarithmic_axis_has_no_bare_exponents() -> None:
    assert [text for _, text in log_ticks(-5.8, -5.2, 3)[0]] == ["2·10⁻⁶", "4·10⁻⁶", "6·10⁻⁶"]
    assert [text for _, text in log_ticks(0.3, 0.9, 3)[0]] == ["2", "4", "6"]


def test_large_numbers_are_written_alike_in_the_notes_and_the_equation(user) -> None:
    user.panel.start(PRESETS["optimizer-paths"].configuration({"lanes": ("sgd",), "sgd.lr": 1.2}))
    user.until(lambda: user.player.settled and user.player.frame.hyperparameters[0]["lr"] == 1.2)
    numbers = dict(user.panel.view.numbers(user.player.frame, user.player.shown_position))
    assert numbers["SGD"].endswith("−3.5e4")
    user.until(lambda: "−3.457e4 = 2.47e4 + (−5.927e4)" in user.find("equation-text").toPlainText())
