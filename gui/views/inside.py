"""The panel Inside: what a network sees, of networks of its own or of those that another panel trains."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtGui import QUndoCommand

from core.drawing import enlarged
from core.runner import Phase
from core.watching import MOST_COMPARED, Sight, Watch
from gui.canvas import Drawn
from gui.drawing_text import drawing_from, drawing_view
from gui.panel import Panel
from gui.reported import reported
from gui.views.guest import RUNS, GuestPanel, how_it_ended, how_many_there, start_words
from gui.views.inside_reel import inside_reel
from gui.views.inside_view import InsideView
from gui.weight_notes import shows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PySide6.QtWidgets import QWidget

    from core.experiments.saved import SavedRun
    from core.insight import Insight
    from core.parameters import Configuration
    from core.scripts.inside import Look
    from core.weight_steps import WeightStep
    from gui.reels import Reel
    from gui.transport import TransportState

_NOTES = (
    "Draw: every network answers while you draw, and while it trains. Units light up as they are active.",
    "Weights: each image is what one unit of the first layer looks for. At first it is noise.",
    "Mistakes: click a cell to see which images were taken for what; click an image to put it on the canvas.",
    "Gradient flow: lines that fan out are a gradient that vanishes, or explodes, on its way back to layer 1.",
    "A network that is sure is not always right: draw what is no digit at all.",
)
_NO_FLOW = "gradient flow is not recorded for the trials of a search"
_EXAMPLE = 2  # of the test images; of the bundled ones it is a plain 3
_UNTRAINED = "untrained: press Space and watch it learn"


class InsidePanel(GuestPanel):
    """One network, looked into. `weight_picked` carries a lane's name, an affine layer from 1 on, an input, a unit."""

    weight_picked = Signal(str, int, int, int)

    view_class = InsideView
    view: InsideView
    own_source = "networks of its own"
    source_doc = "Whose networks are looked into"
    watched_doc = "The network that is looked into"
    watches_own = True

    def _form_parts(self) -> list[QWidget]:
        self._insight: Insight | None = None
        self._of: tuple[Any, ...] = ()  # whose it is: the run's panel and the lane
        self._rested: tuple[Any, ...] = ()  # the moment at rest for which exact results were asked
        self._weight: tuple[str, int, int, int] | None = None
        self._step: WeightStep | None = None  # the picked weight's update of an earlier moment
        self._greeted = self._drawn_on = False
        self._resting = True  # the engine, when it was last seen
        self._random = np.random.default_rng(0)
        return super()._form_parts()

    def _connect(self) -> None:
        super()._connect()
        view, canvas = self.view, self.view.draw.canvas
        view.wants_other.connect(self._watch)
        canvas.edited.connect(self._keep_edit)
        view.draw.wanted.connect(self._take_example)
        view.draw.answers.chosen.connect(lambda name: self.choose_lanes((name,)))
        view.mistakes.taken.connect(self._take_mistake)
        view.weights.picked.connect(self._pick)

    # Whose networks.

    def open_preset(self, name: str) -> None:
        """Show a preset with its own values."""
        self._greeted = True
        super().open_preset(name)

    def showEvent(self, event: Any) -> None:
        """The first time, show the networks that somebody trains already."""
        if not self._greeted:
            self._greeted = True
            made = self.desk.made()
            trained = [key for key in RUNS if key in made and self.desk.panel(key).player.status.position]
            if trained:
                self._use_run(trained[0])
        super().showEvent(event)

    def _install(self, configuration: Configuration) -> None:
        super()._install(configuration)
        if not self.live and self.isVisible():
            self._offer_lanes()

    def _wanted(self) -> Watch:
        name = "".join(self._names()[:1])
        place = self._weight[1:] if self._weight else self.view.marked_weight()
        return Watch(insight=name, image=self.view.image(), weight=None if place is None else (name, *place))

    def _forget(self) -> None:
        of = self._run, self._names()
        if of != self._of:
            self._of, self._insight = of, None
        self._rested = ()

    def _show_notes(self) -> None:
        self.notes.show_text(self.preset.look_for, [])

    def _head_run(self, run: Panel) -> None:
        self.notes.show_text(_NOTES, [])
        self._title.setText("What a network sees")
        self._said.setText(run.preset.title)
        self._live_words.setText(f"The transport below drives the run of the panel {run.entry.title}.")
        self.view.say(start_words(run.entry.title))

    # Frames.

    def show_frame(self, frame: Any, cursor: int) -> None:
        """Show the network as of `cursor`, or as of the last moment known until that is recomputed."""
        if self._idle():
            return
        name = "".join(self._names()[:1])
        if self._insight is not None and self._insight.iteration > frame.iteration:
            self._insight = None  # of a run before
        found = frame.insight
        if cursor >= frame.iteration and found is not None and found.lane.name == name:
            self._insight = found
            self._rest(found)
        seen = None if self._insight is None else self._insight.iteration
        ended = how_it_ended(frame, name, cursor, seen)
        wanted = self._shown_of(frame, cursor)
        late = wanted < frame.iteration and seen != wanted
        if late:
            self._ask_in_turn(wanted)
        elif seen == wanted:
            self._asked = None
        self.view.flow.look_at(name)
        left = bool(ended) and self._insight is None and getattr(frame, "flow", None) is not None
        if left:  # of a network that diverged: how its gradients grew
            self.view.open_page(self.view.flow.key)
            ended = ended.partition(":")[0]
        self._said.setText(self._words(frame, cursor, late, ended))
        if self._insight is None and not left:
            self.view.say(ended or "Measuring …")
        else:
            super().show_frame(replace(frame, insight=self._insight), cursor)
            self._show_example()

    def _show_words(self, frame: Any, cursor: int) -> None:
        super()._show_words(frame, cursor)
        if self.notes.isVisible():
            self._show_equation(frame, cursor)

    def _show_equation(self, frame: Any, cursor: int) -> None:
        """Show the last update of the weight that is picked."""
        section, wanted = self.view.section, self._wanted().weight
        found = frame.weight if cursor >= frame.iteration else self._step
        ended = "" if wanted is None else how_it_ended(frame, wanted[0], cursor, None).partition(":")[0]
        if wanted is None:
            section.show_word("Click a pixel of the weights to see the equation of its last update.")
        elif not cursor:
            section.show_word("Not trained yet: press → for the first update.")
        elif ended:
            section.show_word(f"{ended}: there are no numbers from there on.")
        elif shows(found, wanted) and found.iteration == cursor:
            section.show_update(found, getattr(frame, "spread", None) is not None)

    def _rest(self, found: Insight) -> None:
        """Where the run rests, ask for test results of this very moment, once."""
        at = found.lane, found.iteration
        if found.results.at != found.iteration and not self.player.playing and self._rested != at:
            self._rested = at
            self.player.watch(self._wanted())

    def _words(self, frame: Any, cursor: int, late: bool, ended: str) -> str:
        """Return what is said beside the title."""
        if ended or (late and self._insight is not None):
            return ended or f"shown as of iteration {self._insight.iteration:,} …" if self._insight else ended
        if cursor < frame.iteration and len(frame.lanes) > MOST_COMPARED and self.view.image() is not None:
            return "the other networks answer at the last iteration"
        if not frame.iteration:
            return _UNTRAINED
        return self._running().preset.title if self.live else ""

    def _shown_of(self, frame: Any, cursor: int) -> int:
        """Return the moment that is to be seen: of a network that ended before the cursor, its last one."""
        return min(cursor, how_many_there(frame, "".join(self._names()[:1])) - 1)

    def _ask_in_turn(self, iteration: int) -> None:
        """Have an earlier moment recomputed; a replay waits for the one before, or nothing would ever be seen."""
        if self.player.status.phase is Phase.RUNNING:
            self._asked = None  # the engine has no time to look back until it rests
        elif self._asked is None or not self.player.playing:
            self._ask(iteration)

    def _show_state(self, state: TransportState) -> None:
        super()._show_state(state)
        rests = self.player.status.phase is not Phase.RUNNING
        if rests and not self._resting:
            self._redraw()
        self._resting = rests

    def _take_look(self, iteration: int, sight: Sight) -> None:
        """Show what the engine recomputed."""
        self._asked, self._step = None, sight.weight
        if sight.insight is not None and (sight.insight.lane.name,) == self._names():
            self._insight = sight.insight
        elif self._insight is None:
            self._asked = iteration  # that lane had ended: it is not there to be asked for again
        self._redraw()

    def _watch(self) -> None:
        if not self.isVisible():
            return
        super()._watch()
        frame, rests = self.player.frame, self.player.status.phase is not Phase.RUNNING
        if frame is not None and rests and self.player.settled:
            moment = self._shown_of(frame, self.player.shown_position)
            if moment < frame.iteration:
                self._ask(moment)

    def shown_frame(self) -> Any:
        """Return the run's frame with what is seen of the network."""
        frame = self.player.frame
        return None if frame is None else replace(frame, insight=self._insight)

    def look(self) -> Look:
        """Return whose network is on screen, and when; of one that is untrained its end is more to see."""
        from core.scripts.inside import Look

        at = 0 if self._insight is None else self._insight.iteration
        return Look("".join(self._names()[:1]), at, self.view.image())

    def reel(self) -> Reel | None:
        """Return the run as the page in front shows it; None before its second moment."""
        frame = self.shown_frame()
        unknown = self.view.page is self.view.flow and getattr(frame, "flow", None) is None
        self.still_words = _NO_FLOW if unknown and self.live else Panel.still_words
        there = self.player.settled and frame is not None and self._names() and not unknown
        return inside_reel(self, replace(self._wanted(), weight=None)) if there else None

    # What is done on the pages.

    def _keep_edit(self, text: str, before: Drawn, after: Drawn) -> None:
        self._drawn_on = True
        self.desk.undo.push(DrawEdit(self, text, before, after))

    def _show_example(self) -> None:
        """Put a test image on a canvas that nobody has drawn on, so that there is an answer to look at."""
        canvas = self.view.draw.canvas
        if self._insight is None or self._drawn_on or not canvas.drawn().blank:
            return
        tests = self._insight.tests
        if tests.shape == canvas.shape and len(tests.labels):
            image = tests.image(min(_EXAMPLE, len(tests.labels) - 1))
            canvas.show_drawn(Drawn(enlarged(image), image, example=True))

    def _take_example(self, digit: int) -> None:
        """Put a test image of a class on the canvas, −1 for any."""
        if self._insight is None:
            return
        labels = self._insight.tests.labels
        places = np.flatnonzero(labels == digit) if digit >= 0 else np.arange(len(labels))
        if len(places):
            number = int(self._random.choice(places))
            self.view.draw.canvas.show_image(self._insight.tests.image(number), f"take image {number:,}")
        else:
            self._said.setText(f"no {self._insight.tests.kind} image has label {digit}")

    def _take_mistake(self, number: int) -> None:
        if self._insight is not None:
            self.view.open_page(self.view.draw.key)
            self.view.draw.canvas.show_image(self._insight.tests.image(number), f"take image {number:,}")

    def _pick(self, layer: int, entry: int, unit: int) -> None:
        name = "".join(self._names()[:1])
        self._weight = name, layer, entry, unit
        self.weight_picked.emit(*self._weight)
        self._watch()

    # Sessions.

    def view_state(self) -> dict[str, Any]:
        """Return also the page in front and what is drawn."""
        drawing = drawing_view(self.view.draw.canvas)
        return {**super().view_state(), "page": self.view.page.key, "drawing": drawing}

    def resume(self, configuration: Configuration, run: SavedRun | None, view: Mapping[str, Any]) -> None:
        """Show what was shown."""
        self._greeted = True
        super().resume(configuration, run, view)
        self.view.open_page(str(view.get("page")))
        self.view.draw.centre.setChecked(drawing_from(view.get("drawing"), self.view.draw.canvas))
        watched = view.get("watched")
        if isinstance(watched, list):
            self.choose_lanes(tuple(watched))


class DrawEdit(QUndoCommand):
    """A stroke, or whatever else changed the canvas at once."""

    def __init__(self, panel: InsidePanel, text: str, before: Drawn, after: Drawn) -> None:
        super().__init__(text)
        self._panel, self._before, self._after = panel, before, after
        self._done = False

    @reported
    def undo(self) -> None:
        """Bring back what was drawn before, where it can be seen."""
        self._show(self._before)

    @reported
    def redo(self) -> None:
        """Draw it again; the first time it is there already."""
        if self._done:
            self._show(self._after)
        self._done = True

    def _show(self, drawn: Drawn) -> None:
        self._panel.desk.open_panel(self._panel.entry.key)
        self._panel.view.open_page(self._panel.view.draw.key)
        self._panel.view.draw.canvas.show_drawn(drawn)
