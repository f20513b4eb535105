"""Colours that are ordered as values are: viridis, whose lightness rises evenly, so that it reads in grey too.

The stops are those of the map by Stéfan van der Walt and Nathaniel Smith (CC0), made for all kinds of colour vision.
"""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtGui import QColor, QLinearGradient

from gui.plots import blend

LEVELS = 64
_STOPS = ("#440154", "#482878", "#3e4989", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725")


@lru_cache(maxsize=LEVELS)
def level_colour(level: int) -> QColor:
    """Return the colour of one of LEVELS levels, 0 the lowest."""
    place = level / (LEVELS - 1) * (len(_STOPS) - 1)
    first = min(int(place), len(_STOPS) - 2)
    low, high, share = QColor(_STOPS[first]), QColor(_STOPS[first + 1]), place - first
    return blend(high.name(), low.name(), share)


def level_of(share: float) -> int:
    """Return the level of a value from 0 to 1."""
    return round(min(max(share, 0.0), 1.0) * (LEVELS - 1))


def share_colour(share: float) -> QColor:
    """Return the colour of a value from 0 to 1."""
    return level_colour(level_of(share))


def gradient(left: float, right: float) -> QLinearGradient:
    """Return the whole range from left to right."""
    found = QLinearGradient(left, 0.0, right, 0.0)
    for number, stop in enumerate(_STOPS):
        found.setColorAt(number / (len(_STOPS) - 1), QColor(stop))
    return found
