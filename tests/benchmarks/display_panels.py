"""The display's goals for the panels with many networks: BatchNorm's grid, regularization, a search, bands of seeds.

Their engine makes a frame every 20 to 80 ms, and accuracies are new once an epoch. So what counts is how long after it
was due a frame is seen: made by the engine, and the display's tick come. Where frames come faster than that, the times
between pictures count as well.
"""

from __future__ import annotations

from functools import partial
from itertools import cycle
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from display_window import Bench, Times

_FRAME_MS, _ANSWER_MS, _KEPT = 40, 30, 0.85


def show_panel(bench: Bench, work: str, fast: bool = False) -> Any:
    """Show what a panel leaves the engine, and when its frames are seen; `fast` if they come thirty times a second."""
    panel = bench.open(bench.panel_of(work).entry.key)
    bench.restart(work)
    shares, found = bench.kept([panel], work=work)
    times: Times = found[panel]
    bench.rows.show_times(f"{work}: frame due to picture of it", times.delays, _FRAME_MS)
    if fast:
        bench.rows.show_times(f"{work}: interval of pictures", times.intervals, _FRAME_MS)
    bench.show_kept(f"{work}: engine, of its rate without a window", shares, _KEPT)
    return panel


def show_answers(bench: Bench, what: str, ask: Callable[[], Any], moves: bool = False) -> None:
    """Show how long clicks, or moves of the mouse, take to be answered."""
    bench.rows.show_times(what, bench.answers(bench.window, bench.options.clicks, ask, moves), _ANSWER_MS)


def show_clicks(bench: Bench, work: str, panel: Any, lane: str = "") -> None:
    """Pause and play, go back, switch a lane."""
    bench.play(work)
    show_answers(bench, f"{work}: click, pause and play", lambda: ask_play(panel))
    bench.play(work)
    bench.until(lambda: len(panel.player.frame.measured_at) > 3, 20)
    bench.pause(work)
    show_answers(bench, f"{work}: click, one step back", lambda: ask_back(panel))
    if lane:
        bench.play(work)
        show_answers(bench, f"{work}: click, a lane off and on", lambda: ask_lane(panel, lane))
        bench.pause(work)


def ask_play(panel: Any) -> tuple[Any, Any, Callable[[], bool]]:
    """Press play or pause."""
    wanted = not panel.player.playing
    return panel.transport.play, None, lambda: bool(panel.transport._running == wanted)


def ask_lane(panel: Any, lane: str) -> tuple[Any, Any, Callable[[], bool]]:
    """Switch a lane."""
    check = panel.lanes.row(lane).check
    wanted = not check.isChecked()
    return check, (10, check.height() / 2), lambda: bool((lane in panel.view.configuration["lanes"]) == wanted)


def ask_back(panel: Any) -> tuple[Any, Any, Callable[[], bool]]:
    """Press the button for one step back, from an epoch's end to where its accuracies are not yet known."""
    ends = panel.player.frame.measured_at[1:]
    before = ends[ends < panel.player.shown_position]
    panel.player.seek(int(before[-1] if len(before) else ends[-1]))
    shown = panel.player.shown_position
    return panel.transport.back, None, lambda: bool(panel.player.shown_position < shown)


def place_in(panel: Any, item: Any, x: float, y: float) -> tuple[float, float]:
    """Return where a share of an item's scene rectangle is in the plots' widget."""
    rect = item.sceneBoundingRect()
    found = panel.view.graphics.mapFromScene(rect.left() + x * rect.width(), rect.top() + y * rect.height())
    return float(found.x()), float(found.y())


def ask_hover(panel: Any, spots: Any) -> tuple[Any, Any, Callable[[], bool]]:
    """Move the mouse to the next of some spots `(crosshair, view box, x, y)`."""
    hover, box, x, y = next(spots)
    before = hover.index
    return panel.view.graphics.viewport(), place_in(panel, box, x, y), lambda: hover.index not in (None, before)


def measure_batchnorm(bench: Bench) -> None:
    """The grid with its 32 networks."""
    panel = show_panel(bench, "batchnorm")
    scales = cycle([*panel.view.cells][::3])
    bench.play("batchnorm")
    show_answers(bench, "batchnorm: mouse from plot to plot", lambda: ask_scale(panel, next(scales)), moves=True)
    show_clicks(bench, "batchnorm", panel)


def ask_scale(panel: Any, scale: str) -> tuple[Any, Any, Callable[[], bool]]:
    """Move the mouse to a plot, at the run's beginning."""
    place = place_in(panel, panel.view.cells[scale].vb, 0.1, 0.4)
    return panel.view.graphics.viewport(), place, lambda: bool(panel.view._hovered == scale)


def measure_regularization(bench: Bench) -> None:
    """Two lanes and four, measured every three updates."""
    for work, lane in (("weight-decay", "l2-0"), ("regularization", "plain")):
        panel = show_panel(bench, work, fast=True)
        hover, box = panel.view._hovers[0], panel.view.norms.vb
        spots = cycle([(hover, box, x, 0.5) for x in (0.01, 0.03, 0.05)])
        bench.play(work)
        show_answers(bench, f"{work}: mouse over the norms", partial(ask_hover, panel, spots), moves=True)
        show_clicks(bench, work, panel, lane)


def measure_search(bench: Bench) -> None:
    """A hundred trials."""
    panel = show_panel(bench, "search")
    trials = cycle(range(0, 100, 7))
    bench.play("search")
    show_answers(bench, "search: mouse from trial to trial", lambda: ask_trial(panel, trials, "hovered"), moves=True)
    show_answers(bench, "search: click, a trial in the scatter", lambda: ask_trial(panel, trials, "selected"))
    panel.view.table.scrollToTop()
    show_answers(bench, "search: click, a row of the table", lambda: ask_row(panel))
    show_clicks(bench, "search", panel)


def ask_trial(panel: Any, trials: Any, state: str) -> tuple[Any, Any, Callable[[], bool]]:
    """Go to the next trial in the scatter, or to the one that lies over it."""
    from PySide6.QtCore import QPointF

    view, before = panel.view, getattr(panel.view, state)
    spots = (QPointF(float(view._x[row]), float(view._y[row])) for row in trials)
    spot = next(spot for spot in spots if view._pointer._nearest(spot) not in (None, before))
    found = view.graphics.mapFromScene(view.scatter.vb.mapViewToScene(spot))
    return view.graphics.viewport(), (found.x(), found.y()), lambda: getattr(view, state) not in (None, before)


def ask_row(panel: Any) -> tuple[Any, Any, Callable[[], bool]]:
    """Click a row of the table that is not selected."""
    table, before = panel.view.table, panel.view.selected
    row = next(row for row in (0, 1) if table.trials.trial_at(row) != before)
    place = table.visualRect(table.trials.index(row, 1)).center()
    return table.viewport(), (place.x(), place.y()), lambda: panel.view.selected != before


def measure_seeds(bench: Bench) -> None:
    """The race with five seeds and their bands."""
    panel = show_panel(bench, "seeds", fast=True)
    hover, box = panel.view._hovers[0], panel.view.loss.vb
    spots = cycle([(hover, box, x, 0.5) for x in (0.01, 0.02, 0.03)])
    bench.play("seeds")
    show_answers(bench, "seeds: mouse over the losses", lambda: ask_hover(panel, spots), moves=True)
    show_clicks(bench, "seeds", panel, "momentum")


PANELS = {
    "batchnorm": measure_batchnorm,
    "regularization": measure_regularization,
    "search": measure_search,
    "seeds": measure_seeds,
}
