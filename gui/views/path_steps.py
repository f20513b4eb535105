"""One step of one lane looked into: its equation in the notes, what it is made of on the map.

It is the step that is pointed at, on the map or on the losses, else the one that was clicked, until the run moves or
another click on it, else the chosen lane's last one on screen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QObject, QPointF, Qt, Signal

from core.drawn_step import DrawnSpans, DrawnStep
from core.equations import drawn_at, drawn_spans, explain_path
from core.optimizers import OPTIMIZERS
from core.optimizers.base import TERMS as TERM_ROLES
from core.optimizers.base import Role
from gui.equation_notes import EquationNotes, Explained
from gui.views.pointing import Pointer
from gui.views.show_bar import ALL_LANES, HINTS, LOOK_AHEAD, TERMS, VELOCITY, ShowBar
from gui.views.step_arrows import LaneStep, StepArrows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.experiments.paths import PathsFrame
    from core.lanes import Lane
    from gui.views.paths import PathsView

_REACH, _CLICK = 12.0, 6.0  # pixels within which a point is explained, and within which a click chooses its lane


class PathSteps(QObject):
    """Belongs to a view of paths, which tells it what is shown. `kept` says that a step was clicked, to be read."""

    kept = Signal()

    def __init__(self, view: PathsView) -> None:
        super().__init__(view)
        self._view = view
        self.section = EquationNotes(view)
        self.section.hide()
        self.section.lane_chosen.connect(self.choose)
        self.bar = ShowBar(view)
        self.bar.changed.connect(lambda _names: self._refresh())
        self.arrows = StepArrows()
        self.on_map, self.on_loss = Pointer(), Pointer()
        self.on_map.moved.connect(self._move_on_map)
        self.on_loss.moved.connect(self._move_on_loss)
        for plot, items in ((view.map, (self.arrows, self.on_map)), (view.loss, (self.on_loss,))):
            for item in items:
                plot.addItem(item, ignoreBounds=True)
        self._frame: PathsFrame | None = None
        self._spans: tuple[PathsFrame | None, dict[int, DrawnSpans]] = (None, {})
        self._cursor, self._until = 0, 0
        self._chosen = ""
        self._kept: int | None = None  # the step that was clicked
        self._mouse: tuple[Pointer, QPointF] | None = None
        self._pointed: tuple[str, int] | None = None
        self._near = False

    # What is shown.

    def show_frame(self, frame: PathsFrame, cursor: int) -> None:
        """Follow the view to another step or frame; the equation waits for `explain`."""
        if cursor != self._cursor:
            self._kept = None
        self._frame, self._cursor, self._until = frame, cursor, cursor
        self.bar.setEnabled(not self._view.relief.shown)
        self._find_pointed()
        self._mark()
        self._draw()

    def show_until(self, step: int) -> None:
        """Show the step under the crosshair of a plot below, or the cursor's."""
        if step != self._until:
            self._until = step
            self._refresh()

    def explain(self) -> None:
        """Bring the equation up to date."""
        frame = self._frame
        if frame is None:
            return
        lane, step = self._explained(frame)
        found = frame.lanes[lane]
        self.section.offer([frame.lanes[i] for i in self._view.visible(frame)])
        self.section.show_lane(found.name, f"step {step:,}")
        lost = frame.diverged[lane]
        if not step:
            self.section.show_word("This is the start: press → for the first step.")
        elif lost is not None and step >= lost:
            self.section.show_word(f"{found.label} diverged at step {lost:,}: there are no numbers from there on.")
        else:
            x, y = explain_path(frame, lane, step)
            self.section.show_step(Explained(found.optimizer, (("x", x), ("y", y))))

    def _explained(self, frame: PathsFrame) -> tuple[int, int]:
        """Return the lane's row and the step that are looked into."""
        rows = self._view.visible(frame)
        names = {frame.lanes[i].name: i for i in rows}
        if self._pointed is not None and self._pointed[0] in names:
            return names[self._pointed[0]], self._pointed[1]
        kept = self._kept if self._until == self._cursor else None
        return names.get(self._chosen, rows[0]), self._until if kept is None else kept

    def _refresh(self) -> None:
        self._mark()
        self._draw()
        self.explain_if_seen()

    def explain_if_seen(self) -> None:
        """Explain at once, if the notes are on screen."""
        if self.section.isVisible():
            self.explain()

    # Choosing and pointing.

    @property
    def chosen(self) -> str:
        """The name of the lane whose steps are explained, empty for the first."""
        return self._chosen

    def choose(self, name: str) -> None:
        """Explain this lane's steps from now on."""
        self._chosen = name
        self._refresh()

    def keep_pointed(self) -> bool:
        """Keep the step whose point the mouse is on, or let it go again, and return whether there is one."""
        if self._pointed is None or not self._near:
            return False
        lane, step = self._pointed
        self._kept = None if (lane, step) == (self._chosen, self._kept) else step
        self.choose(lane)
        if self._kept is not None:
            self.kept.emit()
        return True

    def _move_on_map(self, at: QPointF | None) -> None:
        self._move(self.on_map, at)

    def _move_on_loss(self, at: QPointF | None) -> None:
        self._move(self.on_loss, at)

    def _move(self, pointer: Pointer, at: QPointF | None) -> None:
        if at is None and (self._mouse is None or self._mouse[0] is not pointer):
            return  # the other plot was entered first
        self._mouse = None if at is None else (pointer, at)
        before = self._pointed
        self._find_pointed()
        if self._pointed != before:
            self._refresh()

    def _find_pointed(self) -> None:
        """Find what the mouse points at, as things are now."""
        self._pointed, self._near = None, False
        frame = self._frame
        if self._mouse is not None and frame is not None and self._cursor:
            self._near = self._mouse[0] is self.on_loss
            find = self._on_map if self._mouse[0] is self.on_map else self._on_loss
            found = find(frame, self._mouse[1])
            if found is not None:
                self._pointed = frame.lanes[found[0]].name, found[1]
        shape = Qt.CursorShape.PointingHandCursor if self._near and self._pointed else Qt.CursorShape.ArrowCursor
        if self.on_map.cursor().shape() != shape:
            self.on_map.setCursor(shape)

    def _on_map(self, frame: PathsFrame, at: QPointF) -> tuple[int, int] | None:
        rows = self._view.visible(frame)
        found = self.on_map.nearest(at, (frame.points[i, 1 : self._cursor + 1] for i in rows))
        if found is None or found[0] > _REACH:
            return None
        self._near = found[0] <= _CLICK
        return rows[found[1]], found[2] + 1

    def _on_loss(self, frame: PathsFrame, at: QPointF) -> tuple[int, int] | None:
        step = round(at.x())
        if not 1 <= step <= self._cursor:
            return None
        rows = self._view.visible(frame)
        points = (np.array([[step, self._view.loss_height(frame.excess[i, step])]]) for i in rows)
        found = self.on_loss.nearest(QPointF(step, at.y()), points)
        return None if found is None else (rows[found[1]], step)

    def _mark(self) -> None:
        """Ring the step that is pointed at or kept, on both plots."""
        rings: list[tuple[float, float, str] | None] = [None, None]
        frame = self._frame
        if frame is not None and (self._pointed is not None or self._kept is not None):
            lane, step = self._explained(frame)
            x, y = frame.points[lane, step].tolist()
            colour = frame.lanes[lane].colour
            height = self._view.loss_height(frame.excess[lane, step])
            if np.isfinite((x, y, height)).all():
                rings = [(x, y, colour), (float(step), height, colour)]
        self.on_map.set_ring(rings[0])
        self.on_loss.set_ring(rings[1])

    # What is drawn.

    def _draw(self) -> None:
        frame = self._frame
        if frame is None:
            return
        lane, step = self._explained(frame)
        shown = self.bar.shown()
        rows = self._view.visible(frame) if ALL_LANES in shown else [lane]
        landscape = dict.fromkeys(HINTS, "The landscape has none of these: the map has (D)")
        self.bar.explain(landscape if self._view.relief.shown else _missing([frame.lanes[i] for i in rows]))
        kinds = [kind for kind in shown if kind != ALL_LANES]
        steps = [_lane_step(frame, i, step) for i in rows] if kinds and step else []
        whose = "All lanes" if len(rows) > 1 else frame.lanes[lane].label
        spans = self._spans_of(frame, rows) if steps else []
        self.arrows.show_steps(steps, kinds, f"{whose}, step {step:,}", spans)

    def _spans_of(self, frame: PathsFrame, rows: list[int]) -> list[DrawnSpans]:
        """Return how long everything of these lanes' whole runs is."""
        if self._spans[0] is not frame:
            self._spans = frame, {}
        known = self._spans[1]
        for row in rows:
            if row not in known:
                known[row] = drawn_spans(frame, row)
        return [known[row] for row in rows]

    # What is remembered.

    def state(self) -> dict[str, Any]:
        """Return what is switched on and whose steps are explained, as plain data."""
        return {"show": list(self.bar.shown()), "lane": self._chosen}

    def restore(self, state: Any) -> None:
        """Take back what `state` returned; what is no such thing is left out."""
        found: Mapping[str, Any] = state if isinstance(state, dict) else {}
        names, lane = found.get("show"), found.get("lane")
        self.bar.set_shown([name for name in names if isinstance(name, str)] if isinstance(names, list) else [])
        self._chosen = lane if isinstance(lane, str) else ""
        self._refresh()


def _lane_step(frame: PathsFrame, lane: int, step: int) -> LaneStep:
    lost = frame.diverged[lane]
    drawn = DrawnStep() if lost is not None and step >= lost else drawn_at(frame, lane, step)
    return LaneStep(frame.lanes[lane].colour, frame.lanes[lane].label, drawn)


def _missing(lanes: list[Lane]) -> dict[str, str]:
    """Return what no rule of these lanes has, with the reason."""
    kinds = [OPTIMIZERS[lane.optimizer] for lane in lanes]
    roles = {arrow.role for kind in kinds for arrow in kind.drawn}
    whose = kinds[0].label if len(kinds) == 1 else "None of the lanes"
    found = {}
    if Role.VELOCITY not in roles:
        found[VELOCITY] = f"{whose} keeps no velocity or mean gradient" if len(kinds) == 1 else f"{whose} keeps one"
    if not roles & set(TERM_ROLES):
        found[TERMS] = f"{whose} makes its step of one term" if len(kinds) == 1 else f"{whose} has a step of several"
    if not any(kind.places for kind in kinds):
        found[LOOK_AHEAD] = f"{whose} does not look ahead: Nesterov does"
    return found
