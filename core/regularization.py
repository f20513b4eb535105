"""Names of lanes that differ in what holds their weights back: `plain`, `l2-0.1`, `l1-0.001`, `p-0.2`, joined by `+`.

`l2-<λ>` adds λ/2·ΣW², `l1-<λ>` adds λ·Σ|W| to what is minimised; `p-<ratio>` is Dropout. What a name leaves out is 0.
"""

from __future__ import annotations

import colorsys
import math
from typing import TYPE_CHECKING, Any

from core.numbers import short
from core.parameters import number_text

if TYPE_CHECKING:
    from collections.abc import Mapping

PLAIN = "plain"
KEYS = {"l2": "l2", "l1": "l1", "p": "dropout"}
_DIGITS = 6
_MOST = {"l2": 10.0, "l1": 1.0, "dropout": 0.9}
_WORDS = {"l2": "λ =", "l1": "L1, λ =", "dropout": "Dropout"}
_LOOKS = {
    PLAIN: ("#D55E00", "x"),
    "l2": ("#0072B2", "o"),
    "l1": ("#009E73", "s"),
    "dropout": ("#CC79A7", "*"),
    "several": ("#E69F00", "^"),
}
_USUAL = {"l2": 0.1, "l1": 0.005, "dropout": 0.2}  # strengths drawn in the very colours above
_MARKERS = ("o", "D", "^", "p", "h", "s")
_MOST_STEPS, _ALIKE = 4.0, 0.5
NAMES = "plain, l2-<λ>, l1-<λ>, p-<ratio>, or several joined by +"


def parts_of(name: str) -> dict[str, float]:
    """Return `l2`, `l1` and `dropout` of a lane's name; raises ValueError for one that is none."""
    found = dict.fromkeys(_MOST, 0.0)
    for kind, value in _parts(name):
        found[kind] = value
    return found


def _parts(name: str) -> list[tuple[str, float]]:
    if name == PLAIN:
        return []
    parts: list[tuple[str, float]] = []
    for part in name.split("+"):
        word, _, text = part.partition("-")
        kind, value = KEYS[word] if word in KEYS else "", float(text)
        if not kind or kind in dict(parts) or not 0 <= value <= _MOST[kind]:
            raise ValueError(f"{name!r} is not {NAMES}")
        parts.append((kind, value))
    return parts


def regularization_name(name: str) -> str:
    """Return the one way to write a name: `l2-0.10` is `l2-0.1`. Raises ValueError."""
    return _join(_parts(name))


def _join(parts: list[tuple[str, float]]) -> str:
    words = {key: word for word, key in KEYS.items()}
    return "+".join(f"{words[kind]}-{number_text(value)}" for kind, value in parts) or PLAIN


def parts_label(name: str) -> str:
    """Return a lane's name for the screen."""
    return ", ".join(f"{_WORDS[kind]} {short(value, _DIGITS)}" for kind, value in _parts(name)) or "plain"


def look_of(name: str) -> tuple[str, str]:
    """Return a lane's colour and marker, which follow from its name alone: other strengths have another hue."""
    kinds = [(kind, value) for kind, value in _parts(name) if value]
    if not kinds:
        return _LOOKS[PLAIN]
    colour, marker = _LOOKS[kinds[0][0] if len(kinds) == 1 else "several"]
    steps = sum(_steps(kind, value) for kind, value in kinds)
    turned = _turned(colour, max(-_MOST_STEPS, min(steps, _MOST_STEPS)) / 12)
    return turned, marker if abs(steps) < _ALIKE else _MARKERS[round(steps) % len(_MARKERS)]


def _steps(kind: str, value: float) -> float:
    """Return by how many decades, or fifths of a ratio, a strength differs from the usual one."""
    usual = _USUAL[kind]
    return (value - usual) / usual if kind == "dropout" else math.log10(value / usual)


def _turned(colour: str, turn: float) -> str:
    """Return the colour with its hue turned by this part of a circle, as bright to the eye as before."""
    parts = _parts_of_colour(colour)
    if not turn:
        return colour
    hue, _, strong = colorsys.rgb_to_hls(*parts)
    low, high = 0.0, 1.0
    for _ in range(20):
        light = (low + high) / 2
        found = colorsys.hls_to_rgb((hue + turn) % 1.0, light, strong)
        low, high = (light, high) if _luminance(found) < _luminance(parts) else (low, light)
    return "#" + "".join(f"{round(255 * part):02X}" for part in found)


def _parts_of_colour(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue


def _luminance(parts: tuple[float, float, float]) -> float:
    """Return the relative luminance of an sRGB colour (ITU-R BT.709), which contrast is made of."""
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def with_strength(names: tuple[str, ...], key: str, before: float, after: float) -> tuple[str, ...]:
    """Return the names with a strength (`l2`, `l1` or `dropout`) changed wherever it has the value `before`.

    Where no lane has it, one with it alone is added; where it becomes 0, lanes that are then alike are one.
    """
    found = []
    for name in names:
        parts = _parts(name)
        found.append(_join([(k, after if (k, v) == (key, before) and v else v) for k, v in parts]))
    if not any(parts_of(name)[key] == after for name in found):
        found.append(_join([(key, after)]))
    kept: dict[tuple[float, ...], str] = {}
    for name in found:
        kept.setdefault(tuple(parts_of(name).values()), name)
    return tuple(kept.values())


def strengths(names: tuple[str, ...]) -> Mapping[str, Any]:
    """Return the last strength above 0 of each kind among the names, 0 where there is none."""
    found = dict.fromkeys(_MOST, 0.0)
    for name in names:
        found |= {key: value for key, value in parts_of(name).items() if value}
    return found
