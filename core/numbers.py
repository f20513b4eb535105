"""Numbers as people read them: a proper minus sign, no zeros or signs that say nothing; 1.5e−7 and −0.02, not 1.5e-07.

Where powers of ten stand on the axis beside a number, it is written like them: 1.5·10⁻⁷.
"""

from __future__ import annotations

import math

DIGITS = 4
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def short(value: float, digits: int = DIGITS) -> str:
    """Write a number with some significant digits and no trailing zeros: 1.5e−7, −0.02, 12; nan, ∞, −∞."""
    if not math.isfinite(value):
        return "nan" if math.isnan(value) else "∞" if value > 0 else "−∞"
    mantissa, mark, exponent = f"{value:.{digits}g}".partition("e")
    return f"{mantissa}{mark}{int(exponent) if mark else ''}".replace("-", "−")


def powered(value: float, digits: int) -> str:
    """Write a number other than 0 to some significant digits with a power of ten: 1.3·10⁻⁶, 10⁻⁸."""
    mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
    power = "10" + str(int(exponent)).translate(SUPERSCRIPTS)
    return power if float(mantissa) == 1.0 else f"{float(mantissa):g}·{power}".replace("-", "−")
