"""Lanes' colours on light and dark pages: the same hues, in a lightness in which lines can be seen well.

Only the lightness moves, so that a lane keeps its colour on every page. Lightness and hue are those of OKLab
(Ottosson, 2020), contrast is that of WCAG 2.
"""

from __future__ import annotations

import math
from functools import lru_cache

LEAST = 3.0
"""The contrast of lines and markers with their page (WCAG 2.2, success criterion 1.4.11)."""
PAGES = {False: "#F4F5F7", True: "#1C2027"}
"""The pages on which lines are hardest to see, by darkness: the list of lanes, fields and tooltips."""
_LIFT = 0.2  # of the way to white, for all colours on dark pages, so that they stay as far apart as they were
_STEPS = 24
_Triple = tuple[float, float, float]


def contrast(first: str, second: str) -> float:
    """Return the contrast of two colours, 1 to 21."""
    low, high = sorted(_luminance(_linear(colour)) for colour in (first, second))
    return (high + 0.05) / (low + 0.05)


@lru_cache(maxsize=512)
def on_page(colour: str, dark: bool) -> str:
    """Return a lane's colour as it is drawn on light or dark pages: lifted on dark ones, and nowhere hard to see."""
    lightness, a, b = _oklab(_linear(colour))
    near, far = lightness + _LIFT * (1.0 - lightness) * dark, float(dark)
    found = _shown(near, a, b) if dark else colour
    if contrast(found, PAGES[dark]) >= LEAST:
        return found
    for _ in range(_STEPS):
        middle = (near + far) / 2.0
        if contrast(_shown(middle, a, b), PAGES[dark]) < LEAST:
            near = middle
        else:
            far = middle
    return _shown(far, a, b)


def distance(first: str, second: str) -> float:
    """Return how different two colours look: their distance in OKLab, about 0.02 where it is just noticed."""
    return math.dist(_oklab(_linear(first)), _oklab(_linear(second)))


def _shown(lightness: float, a: float, b: float) -> str:
    """Return a colour of OKLab as `#rrggbb`, as strong as there is one."""
    weak, strong = 1.0 if _exists(_from_oklab(lightness, a, b)) else 0.0, 1.0
    for _ in range(_STEPS):
        middle = (weak + strong) / 2.0
        there = _exists(_from_oklab(lightness, middle * a, middle * b))
        weak, strong = (middle, strong) if there else (weak, middle)
    parts = _from_oklab(lightness, weak * a, weak * b)
    return "#" + "".join(f"{round(255.0 * _encoded(min(max(part, 0.0), 1.0))):02X}" for part in parts)


def _exists(parts: _Triple) -> bool:
    return all(-1e-6 <= part <= 1.0 + 1e-6 for part in parts)


def _linear(colour: str) -> _Triple:
    red, green, blue = (int(colour[i : i + 2], 16) / 255.0 for i in (1, 3, 5))
    return _decoded(red), _decoded(green), _decoded(blue)


def _decoded(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)


def _encoded(part: float) -> float:
    return 12.92 * part if part <= 0.0031308 else float(1.055 * part ** (1.0 / 2.4) - 0.055)


def _luminance(linear: _Triple) -> float:
    red, green, blue = linear
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _oklab(linear: _Triple) -> _Triple:
    red, green, blue = linear
    long = math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue)
    medium = math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue)
    short = math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue)
    return (
        0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short,
    )


def _from_oklab(lightness: float, a: float, b: float) -> _Triple:
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )
