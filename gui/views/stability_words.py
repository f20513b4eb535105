"""What the panel of maps says of a map in words and numbers: of one cell, of the present setting, of all cells."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from core.experiments.stability_parameters import LOSS, MINIMUM
from core.map_pictures import HUES, fastest, hues_of, minimum_shares, reading_at, scale_of, shares_at
from core.numbers import powered
from core.own_surface import OWN
from gui.standings import setting_text
from gui.views.base import short_number
from gui.words import percent

if TYPE_CHECKING:
    from core.experiments.stability import StabilityFrame
    from core.map_axes import MapAxis
    from core.map_pictures import Reading
    from gui.views.base import Number
    from gui.views.stability_strip import KeyEntry

_MOST_LISTED = 6
_FEW = 3
_APART = 0.22  # of the colour scale, between its numbers


def setting(axis: MapAxis, value: float, digits: int = 4) -> str:
    """Write an axis's value."""
    return setting_text(value, digits) if axis.log else short_number(value, digits)


def place_text(frame: StabilityFrame, number: int) -> str:
    """Name a minimum by where it is, in one piece."""
    x, y = (short_number(float(part)) for part in frame.minima.points[number - 1] + 0.0)
    return f"({x},\u00a0{y})"


def has_goal(frame: StabilityFrame) -> bool:
    """Tell whether there is any minimum to reach: some functions have none in their domain."""
    return bool(len(frame.minima)) if frame.measured == MINIMUM else math.isfinite(frame.floor)


def _no_goal(frame: StabilityFrame) -> list[Number]:
    """Say that there is none, and where it was looked for."""
    x_low, x_high, y_low, y_high = (short_number(end) for end in frame.surface.view)
    where = f"x from {x_low} to {x_high} and y from {y_low} to {y_high}"
    found = [(f"f has no minimum for {where}: no cell can reach one", "")]
    return [*found, ("a wider domain may have one", "")] if frame.surface.key == OWN else found


def outcome(frame: StabilityFrame, reading: Reading, cursor: int) -> str:
    """Say what became of a cell."""
    if reading.diverged is not None:
        return f"diverged at step {reading.diverged:,}" if reading.diverged else "begins outside"
    if not has_goal(frame):
        return "no minimum to reach"
    if reading.steps is None:
        return "at no minimum" if frame.measured == MINIMUM else f"not within {short_number(frame.tolerance)}"
    since = f"from step {reading.steps:,}"
    if reading.minimum:
        return f"minimum {reading.minimum} at {place_text(frame, reading.minimum)} {since}"
    return f"within {short_number(frame.tolerance)} {since}"


def cell_lines(frame: StabilityFrame, row: int, column: int, cursor: int) -> list[str]:
    """Return what is said beside a cell."""
    across, up = frame.axes
    reading = reading_at(frame, row, column, cursor)
    lines = [
        f"{across.label}  {setting(across, float(across.values[column]))}",
        f"{up.label}  {setting(up, float(up.values[row]))}",
        outcome(frame, reading, cursor),
    ]
    if reading.excess is not None:
        lines.append(f"f {'above its minimum' if math.isfinite(frame.floor) else ''}  {short_number(reading.excess)}")
    return lines


def title(frame: StabilityFrame, measure: str) -> str:
    """Name what a map's colours say."""
    label = frame.lanes[0].label
    if measure == MINIMUM:
        return f"{label}: minimum reached"
    return f"{label}: f after each run" if measure == LOSS else f"{label}: steps to the minimum"


def key_entries(frame: StabilityFrame, measure: str, marked: bool) -> list[KeyEntry]:
    """Return what the strip explains."""
    found: list[KeyEntry] = [("mark", "now")] if marked else []
    if frame.limit.formula and len(frame.limit.points):
        found.append(("limit", f"{frame.limit.formula}, L = {short_number(frame.limit.curvature or 0.0)}"))
    if measure != LOSS and not has_goal(frame):
        found.append(("open", "none reached: f has no minimum here"))
    elif measure != LOSS:
        found.append(("open", "none reached" if measure == MINIMUM else f"not within {short_number(frame.tolerance)}"))
    return [*found, ("lost", "diverged"), *(_minimum_entries(frame) if measure == MINIMUM else [])]


def _minimum_entries(frame: StabilityFrame) -> list[KeyEntry]:
    """Explain the minima's hues, or the first ones of many."""
    hues = hues_of(frame.minima)
    listed = len(hues) if len(hues) <= HUES else _FEW
    found = [(f"hue:{hues[n - 1]}:{n}", place_text(frame, n)) for n in range(1, listed + 1)]
    if listed < len(hues):
        found[-1] = (found[-1][0], f"{found[-1][1]} and {len(hues) - listed} more")
    return found


def scale_ticks(frame: StabilityFrame, measure: str) -> tuple[list[tuple[float, str]], str]:
    """Return numbers at places of the colour scale, and what they count."""
    if measure == MINIMUM:
        return [], ""
    scale = scale_of(frame, measure)
    low, high = math.log10(scale.low), math.log10(scale.high)
    if measure == LOSS:
        stride = max(1, math.ceil((high - low) / 3))
        powers = range(math.ceil(low), math.floor(high) + 1, stride)
        unit = "f above its minimum" if math.isfinite(frame.floor) else "f"
        return [((k - low) / (high - low), powered(10.0**k, 1)) for k in powers], unit
    most = f"≤ {scale.low:,.0f}" if scale.low > 1.0 else "1"
    found = [(0.0, most)]
    for value in (10.0**k * m for k in range(math.floor(high) + 1) for m in (1, 2, 5)):
        place = (math.log10(value) - low) / (high - low)
        if found[-1][0] + _APART < place < 1.0 - _APART:
            found.append((place, f"{value:,.0f}"))
    return [*found, (1.0, f"{scale.high:,.0f}")], "steps"


def map_numbers(frame: StabilityFrame, here: tuple[int, int] | None, cursor: int) -> list[Number]:
    """Return the live numbers: of the marked cell, of the limit, of all cells."""
    across, up = frame.axes
    found: list[Number] = []
    if here is not None:
        reading = reading_at(frame, *here, cursor)
        found.append((f"marked: {outcome(frame, reading, cursor)}", ""))
        if reading.excess is not None:
            found.append(("f above its minimum" if math.isfinite(frame.floor) else "f", short_number(reading.excess)))
    if frame.limit.rate is not None:
        found.append(("largest stable learning rate here", short_number(frame.limit.rate)))
    reached, lost = shares_at(frame, cursor)
    if not has_goal(frame):
        return [*found, *_no_goal(frame), ("cells that diverged", percent(lost))]
    if frame.measured == MINIMUM:
        shares = minimum_shares(frame, cursor)
        found += [
            (f"minimum {n} at {place_text(frame, n)}", percent(s)) for n, s in enumerate(shares[:_MOST_LISTED], 1)
        ]
        if len(shares) > _MOST_LISTED:
            found.append((f"{len(shares) - _MOST_LISTED} other minima", percent(sum(shares[_MOST_LISTED:]))))
        return [*found, ("none reached", percent(max(0.0, 1.0 - sum(shares) - lost))), ("diverged", percent(lost))]
    found += [("cells within the tolerance", percent(reached)), ("cells that diverged", percent(lost))]
    best = fastest(frame, cursor)
    if best is not None:
        row, column, steps = best
        where = f"{setting(across, float(across.values[column]), 3)}, {setting(up, float(up.values[row]), 3)}"
        found.append((f"fastest: {steps:,} step{'' if steps == 1 else 's'}, at {where}", ""))
    return found
