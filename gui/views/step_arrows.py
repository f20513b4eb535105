"""What one step is made of, drawn on the map: arrows, an ellipse, points ahead, and a legend that states the scale.

Lengths in the plane are drawn true to it, or magnified by 2, 5, 10, ... where the run's longest would be too short or
too long to be seen, so that arrows shrink from step to step as what they show does; by 10 times more each time where
nothing would be seen any more. It depends on the run, the step and the map alone: a step looks the same however it was
reached.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QPointF
from PySide6.QtGui import QColor, QPainter

from core.optimizers.base import TERMS as TERM_ROLES
from core.optimizers.base import Role
from gui.items import Frame, ViewItem
from gui.views.show_bar import ELLIPSE, GRADIENT, LOOK_AHEAD, STEP, TERMS, VELOCITY
from gui.views.step_legend import StepLegend
from gui.views.step_marks import Look, Mark, Pencil

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from core.drawn_step import DrawnSpans, DrawnStep, Point

_SHORTEST, _ENOUGH = 40.0, 60.0  # pixels: a run's longest that is magnified, and to what at least
_SEEN = 16.0  # pixels: a step's longest that is not magnified further
_LONGEST = 1.2  # shares of the view's longer side
_WIDEST = 160.0  # pixels, of a gradient, which has no true length
_KINDS = (GRADIENT, VELOCITY, STEP)
_SHARES = {GRADIENT: 0.4, VELOCITY: 0.1, STEP: 0.1}  # of the longest: a run's longest that was longer still
_MOST_POWER = 15
_FAR = 15_000.0

_SLOPE = Look(1.6)
_OUTLINE = Look(1.5, (2.0, 2.0))
_LOOKS = {
    Role.STEP: Look(3.0, (), filled=True),
    Role.VELOCITY: Look(2.0, (5.0, 2.5), filled=True),
    Role.MEMORY: Look(2.0, (6.0, 2.0, 1.0, 2.0)),
    Role.GRADIENT: Look(2.0, (1.2, 1.8)),
    Role.DECAY: Look(2.0, (3.0, 3.0)),
}
_WORDS = {Role.STEP: "step", Role.VELOCITY: "velocity", **dict.fromkeys(TERM_ROLES, "term")}
_ROLES = {STEP: (Role.STEP,), VELOCITY: (Role.VELOCITY,), TERMS: TERM_ROLES}
_SHAPES = {"look-ahead": "target"}  # others are squares


@dataclass(frozen=True, slots=True)
class LaneStep:
    """One lane's step, in its colour."""

    colour: str
    label: str
    step: DrawnStep


class StepArrows(ViewItem):
    """Draws steps of lanes; nothing while none is given or nothing is switched on."""

    def __init__(self) -> None:
        super().__init__()
        self._steps: tuple[LaneStep, ...] = ()
        self._kinds: tuple[str, ...] = ()
        self._title = ""
        self._start: Point = (0.0, 0.0)
        self._spans: tuple[DrawnSpans, ...] = ()
        self._legend = StepLegend()
        self._measured: tuple[tuple[Any, ...], dict[str, float]] = ((), {})
        self.setZValue(400)

    def show_steps(
        self, steps: Sequence[LaneStep], kinds: Collection[str], title: str, spans: Sequence[DrawnSpans]
    ) -> None:
        """Draw these kinds of marks of these steps, whose runs are so long; the title stands above their legend."""
        found = tuple(steps), tuple(kinds), title, tuple(spans)
        if found != (self._steps, self._kinds, self._title, self._spans):
            self._steps, self._kinds, self._title, self._spans = found
            self._changed()

    def set_start(self, start: Point) -> None:
        """Keep the legend out of the way of paths from there."""
        self._start = start
        self._changed()

    def draw(self, painter: QPainter, frame: Frame) -> None:
        """Draw marks and legend."""
        lanes = [(lane.colour, _marks(lane.step, self._kinds)) for lane in self._steps]
        marks = [mark for _, found in lanes for mark in found]
        if not marks:
            return
        scales = _scales(marks, self._run_lengths(frame), frame)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        pencil = Pencil(painter, self._colours.background)
        for colour, found in lanes:
            for mark in found:
                _draw_mark(pencil, mark, QColor(self._lane(colour)), scales[mark.kind], frame)
        many = len(self._steps) > 1
        colour = self._colours.foreground if many else self._lane(self._steps[0].colour)
        # Opposite the start, from where paths go inwards: it stays there however they go.
        right = frame.sx * self._start[0] + frame.dx < frame.rect[0] + 0.5 * frame.rect[2]
        self._legend.draw(painter, frame, self._title, _rows(marks, many, scales), self._colours, colour, right)

    def _run_lengths(self, frame: Frame) -> dict[str, float]:
        """Return the runs' longest marks in pixels; they take a while, and are the same from step to step."""
        key = self._spans, self._kinds, frame.sx, frame.sy
        if key != self._measured[0]:
            self._measured = key, _of_runs(self._spans, self._kinds, frame)
        return self._measured[1]


def _draw_mark(pencil: Pencil, mark: Mark, colour: QColor, scale: float, frame: Frame) -> None:
    theta = QPointF(frame.sx * mark.theta[0] + frame.dx, frame.sy * mark.theta[1] + frame.dy)
    start, end = (theta + QPointF(*_across(mark.theta, point, frame)) * scale for point in (mark.start, mark.end))
    if max(abs(value) for point in (start, end) for value in point.toTuple()) > _FAR:
        return  # Qt's stroker counts in 16 bits
    if mark.radii is not None:
        radii = abs(scale * frame.sx * mark.radii[0]), abs(scale * frame.sy * mark.radii[1])
        pencil.ellipse(start, radii, colour, mark.look)
    elif mark.place:
        pencil.place(mark.place, end, colour)
    else:
        pencil.arrow(start, end, colour, mark.look)


def _marks(step: DrawnStep, kinds: Collection[str]) -> list[Mark]:
    """Return what is switched on of a step, what lies below first."""
    if step.downhill is None:
        return []
    slope, found = step.downhill, []
    if ELLIPSE in kinds and step.ellipse is not None:
        at = step.ellipse.centre
        found.append(Mark(_OUTLINE, "effective learning rates", "", at, at, at, radii=step.ellipse.radii))
    if GRADIENT in kinds:
        found.append(Mark(_SLOPE, slope.label, "gradient", slope.start, slope.start, slope.end, GRADIENT))
    for kind in (STEP, VELOCITY, TERMS):
        for arrow in step.arrows if kind in kinds else ():
            if arrow.role in _ROLES[kind]:
                ends = slope.start, arrow.start, arrow.end
                own = VELOCITY if kind == VELOCITY else STEP
                found.append(Mark(_LOOKS[arrow.role], arrow.label, _WORDS[arrow.role], *ends, own))
    for place in step.places if LOOK_AHEAD in kinds else ():
        shape = _SHAPES.get(place.label, "square")
        found.append(Mark(_OUTLINE, place.label, "", slope.start, slope.start, place.at, place=shape))
    return found


def _across(start: Point, end: Point, frame: Frame) -> tuple[float, float]:
    """Return the way from one point to another in scene pixels."""
    return frame.sx * (end[0] - start[0]), frame.sy * (end[1] - start[1])


def _scales(marks: Sequence[Mark], of_runs: Mapping[str, float], frame: Frame) -> dict[str, float]:
    """Return by what each kind of mark is magnified: GRADIENT, VELOCITY, or STEP with all that it is made of.

    A velocity has the step's scale wherever it can be seen so: Adam's is often a thousand times longer.
    """
    longest = {kind: _longest([mark for mark in marks if mark.kind == kind], frame) for kind in _KINDS}
    most = {kind: _WIDEST if kind == GRADIENT else _LONGEST * max(frame.rect[2:]) for kind in _KINDS}
    scales = {}
    for kind in _KINDS:
        found = _magnified(of_runs[kind], most[kind], _SHARES[kind])
        scales[kind] = found * _decades(longest[kind] * found, most[kind])
    if longest[STEP] and _SEEN <= longest[VELOCITY] * scales[STEP] <= most[VELOCITY]:
        scales[VELOCITY] = scales[STEP]
    return scales


def _of_runs(spans: Sequence[DrawnSpans], kinds: Collection[str], frame: Frame) -> dict[str, float]:
    """Return the length in pixels of the longest mark of each kind in all of the runs, at its true scale."""
    found = dict.fromkeys(_KINDS, 0.0)
    for one in spans:
        shown = [(GRADIENT, one.gradient), *([(STEP, one.radii)] if ELLIPSE in kinds else [])]
        for kind in (STEP, VELOCITY, TERMS):
            own = VELOCITY if kind == VELOCITY else STEP
            shown += [(own, one.arrows[role]) for role in _ROLES[kind] if kind in kinds and role in one.arrows]
        for kind, lengths in shown:
            pixels = np.hypot(*(lengths * (frame.sx, frame.sy)).T)
            found[kind] = max(found[kind], float(pixels.max(initial=0.0)))
    return found


def _longest(marks: Sequence[Mark], frame: Frame) -> float:
    """Return the length in pixels of the longest mark at its true scale."""
    ends = [((0.0, 0.0), m.radii) if m.radii is not None else (m.start, m.end) for m in marks]
    return max((math.hypot(*_across(*both, frame)) for both in ends), default=0.0)


def _magnified(longest: float, most: float, share: float) -> float:
    """Return the round number by which a length is neither too short to be seen nor too long for the view."""
    if not (longest > 0.0 and math.isfinite(longest)) or _SHORTEST <= longest <= most:
        return 1.0
    return _round_above((_ENOUGH if longest < _SHORTEST else share * most) / longest)


def _decades(length: float, most: float) -> float:
    """Return the power of ten that brings a length into the view; 1 where it is seen there."""
    if not (length > 0.0 and math.isfinite(length)) or _SEEN <= length <= most:
        return 1.0
    power = math.ceil(math.log10(_SEEN / length)) if length < _SEEN else -math.ceil(math.log10(length / most))
    return 10.0 ** max(-_MOST_POWER, min(power, _MOST_POWER))


def _round_above(least: float) -> float:
    """Return the smallest 1, 2 or 5 times a power of ten that is no less."""
    power = max(-_MOST_POWER, min(math.floor(math.log10(least)), _MOST_POWER))
    return next((float(f"{m}e{power}") for m in (1, 2, 5) if float(f"{m}e{power}") >= least), float(f"1e{power + 1}"))


def _rows(marks: Sequence[Mark], many: bool, scales: Mapping[str, float]) -> list[tuple[Mark | None, str]]:
    """Return the legend's lines, one for each kind of mark: of several lanes without the formulas, which differ."""
    rows: dict[str, Mark] = {}
    said = {GRADIENT} | ({VELOCITY} if scales[VELOCITY] != scales[STEP] else set())
    for mark in marks:
        formula = _GENERAL[mark.look] if many and mark.look in _GENERAL else mark.label
        scale = f" {_stated(mark.kind, scales)}" if mark.kind in said else ""
        rows.setdefault(f"{mark.words} {formula}{scale}".strip(), mark)
    found: list[tuple[Mark | None, str]] = [(mark, text) for text, mark in rows.items()]
    if any(mark.kind not in said for mark in marks):
        what = "the others" if any(mark.kind in said for mark in marks) else "all"
        found.append((None, f"{what} to scale" if scales[STEP] == 1.0 else f"{what} {_times(scales[STEP])}"))
    return found


_GENERAL = {
    _LOOKS[Role.STEP]: "Δθ",
    _LOOKS[Role.VELOCITY]: "or mean gradient",
    _LOOKS[Role.MEMORY]: "of memory",
    _LOOKS[Role.GRADIENT]: "of the gradient",
    _LOOKS[Role.DECAY]: "of decay",
}


def _stated(kind: str, scales: Mapping[str, float]) -> str:
    return "to scale" if kind == VELOCITY and scales[kind] == 1.0 else _times(scales[kind])


def _times(scale: float) -> str:
    return f"× {scale:,.0f}" if scale >= 1.0 else f"× {scale:.15f}".rstrip("0")
