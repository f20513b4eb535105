"""Symbols of rules: every one has words, and is found where it stands and nowhere else."""

from __future__ import annotations

import pytest

from core.expressions import parse
from core.glossary import glossary, marked
from core.optimizers import OPTIMIZERS


@pytest.mark.parametrize("key", OPTIMIZERS)
def test_every_symbol_of_a_rule_is_found_and_has_words(key: str) -> None:
    words = glossary(key)
    for line in OPTIMIZERS[key].rule:
        pieces = marked(line, words)
        assert "".join(text for text, _ in pieces) == line
        right = line.partition(" ← ")[2]
        found = {symbol for text, symbol in marked(right, words) if symbol}
        assert found - {"t"} == set(parse(right, words).names) - {"t"}
        assert all(words[symbol] for symbol in found)


def test_the_longest_symbol_counts_and_none_is_found_in_a_word() -> None:
    words = {"m": "", "m̂": "", "u": "", "r": "", "lr": "", "β₂": ""}
    found = [symbol for _, symbol in marked("max(β₂·u, m̂) + lr·m − r / (1−β₂ᵗ)", words) if symbol]
    assert found == ["β₂", "u", "m̂", "lr", "m", "r", "β₂"]


def test_hyperparameters_are_explained_by_name_and_use() -> None:
    words = glossary("momentum")
    assert words["α"] == "momentum α: Share of the velocity that is kept at each step"
    assert words["lr"].startswith("learning rate: ")
    assert words["v"] == "velocity"
    with pytest.raises(KeyError):
        glossary("none")
