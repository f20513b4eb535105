"""Has a run's engine follow one weight, and shows its updates in the notes: the last one, or that of another moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer

from core.watching import NOTHING, Watch
from gui.weight_notes import WeightNotes, shows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.lanes import Lane
    from core.watching import Place, Sight
    from core.weight_steps import WeightStep
    from gui.panel import Panel

_DWELL_MS = 200  # that the mouse rests at a moment before this is made again


class WeightEquation(QObject):
    """Belongs to a panel that trains networks; tells its player what to watch while it is on screen."""

    def __init__(self, panel: Panel, section: WeightNotes) -> None:
        super().__init__(panel)
        self._panel, self.section = panel, section
        section.lane_chosen.connect(self._choose_lane)
        section.place_chosen.connect(self._choose_place)
        self._lane = ""
        self._place: tuple[int, int, int] | None = None
        self._lanes: tuple[Lane, ...] = ()
        self._sizes: tuple[int, ...] = ()
        self._watched: Place | None = None
        self._follows = False
        self._step: WeightStep | None = None
        self._asked: int | None = None
        self._pointed: int | None = None
        self._dwell = QTimer(self)
        self._dwell.setSingleShot(True)
        self._dwell.setInterval(_DWELL_MS)
        self._dwell.timeout.connect(self._again)

    # What is followed.

    def _fit(self, frame: Any) -> None:
        """Let weights of the lanes and the network at hand be chosen."""
        lanes = self._panel.lanes_in_force()
        if (frame.sizes, lanes) == (self._sizes, self._lanes):
            return
        self._sizes, self._lanes = frame.sizes, lanes
        self._take_place(self._place or _middle(frame.shape))
        self.section.offer(lanes)
        self.follow()

    def _take_place(self, place: Sequence[int]) -> None:
        self._place = self.section.show_place(place, self._sizes)

    def follow(self) -> None:
        """Have the engine follow the weight while it can be seen."""
        names = [lane.name for lane in self._lanes]
        if not names or self._place is None:
            return
        wanted: Place = (self._lane if self._lane in names else names[0], *self._place)
        if wanted != self._watched:
            self._watched, self._step, self._asked = wanted, None, None
        seen = self._panel.isVisible() and self.section.isVisible()
        if seen or self._follows:  # a run that is hidden may be watched by another panel
            self._panel.player.watch(Watch(weight=wanted) if seen else NOTHING)
        self._follows = seen
        self._again()

    def _choose_lane(self, name: str) -> None:
        self._lane = name
        self.follow()

    def _choose_place(self, *place: int) -> None:
        self._take_place(place)
        self.follow()

    # What is shown.

    def point(self, iteration: int | None) -> None:
        """Show the update that the mouse rests at for a moment; None for that at the cursor."""
        self._pointed = iteration
        self._dwell.start()

    def _again(self) -> None:
        frame = self._panel.player.frame
        if frame is not None and self.section.isVisible():
            self.show(frame, self._panel.player.shown_position)

    def show(self, frame: Any, cursor: int) -> None:
        """Show the update of the moment on screen, or as soon as that is made again."""
        self._fit(frame)
        player = self._panel.player
        pointed = self._pointed if not player.playing and not self._dwell.isActive() else None
        at = cursor if pointed is None else max(0, min(pointed, cursor))
        name = "" if self._watched is None else self._watched[0]
        if at >= frame.iteration and shows(frame.weight, self._watched) and frame.weight.iteration == at:
            self._step = frame.weight
        row = next((row for row, lane in enumerate(frame.lanes) if lane.name == name), None)
        lost = None if row is None else frame.diverged[row]
        if row is None or not at:
            self._say(name, at, "Not trained yet: press → for the first update.")
        elif lost is not None and at >= lost:
            self._say(name, at, f"{frame.lanes[row].label} diverged at {lost:,}: there are no numbers from there on.")
        elif self._step is not None and self._step.iteration == at:
            self._asked = None
            self.section.show_update(self._step, frame.spread is not None)
        else:
            if player.playing and self._step is not None and self._step.iteration < at:
                # A replay is ahead of what can be made again.
                self.section.show_update(self._step, frame.spread is not None)
            self._ask(frame, at)

    def _say(self, name: str, at: int, word: str) -> None:
        self.section.show_lane(name, f"update {at:,}" if at else "")
        self.section.show_word(word)

    def _ask(self, frame: Any, at: int) -> None:
        """Have an earlier update made again; a replay waits for the one before, or nothing would ever be seen."""
        player = self._panel.player
        if at < frame.iteration and self._asked != at and not (player.playing and self._asked is not None):
            self._asked = at
            player.look(at)
        if self._step is None and self._watched is not None:
            self._say(self._watched[0], at, "Making this update again …")

    def take(self, iteration: int, sight: Sight) -> None:
        """Show an update that was made again."""
        self._asked = None if iteration == self._asked else self._asked
        if self._panel.isVisible() and shows(sight.weight, self._watched):
            self._step = sight.weight
            self._again()

    # What is remembered.

    def state(self) -> dict[str, Any]:
        """Return the weight as plain data."""
        return {"lane": self._lane, "place": list(self._place or ())}

    def restore(self, state: Any) -> None:
        """Follow the weight that `state` returned; what is none is left out."""
        found = state if isinstance(state, dict) else {}
        lane, place = found.get("lane"), found.get("place")
        self._lane = lane if isinstance(lane, str) else ""
        self._sizes = ()  # how large the network is is known with its first frame
        self._place = None
        if isinstance(place, list) and len(place) == 3 and all(type(part) is int and part >= 0 for part in place):
            layer, entry, unit = place
            self._place = layer, entry, unit


def _middle(shape: tuple[int, int]) -> tuple[int, int, int]:
    """Return a weight that moves: of the pixel in the middle of an image, to the first unit."""
    rows, columns = shape
    return 1, (rows // 2) * columns + columns // 2, 0
