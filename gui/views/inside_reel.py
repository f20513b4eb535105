"""The panel Inside as an animation: gradient flow is recorded, all else is computed anew for every moment."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from core.experiments.looking import looks
from core.files import ExportError
from core.presets import build
from gui.reels import Reel, reel_of
from gui.views.guest import how_many_there

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

    from core.datasets import Dataset
    from core.experiments.saved import SavedRun
    from core.insight import Insight
    from core.watching import Watch
    from gui.reels import Compute, Shows
    from gui.views.inside import InsidePanel
    from gui.views.inside_view import InsideView

_ANEW = "every moment is computed anew: that takes about as long as training did"
_GONE = "the run was replaced while its animation was being made; export again"


def inside_reel(panel: InsidePanel, wanted: Watch) -> Reel | None:
    """Return the run as the page in front shows it; None before the second moment of the network that is wanted."""
    frame = panel.shown_frame()
    show = partial(_show, frame, wanted.insight)
    reel = reel_of(panel.configuration, panel.preset, frame, panel.view.unit)
    reel = replace(reel, show=cast("Any", show), density=panel.view.page.density)
    if panel.view.page is panel.view.flow:
        return reel if frame.position else None
    moments = range(how_many_there(frame, wanted.insight))
    if len(moments) < 2:
        return None
    return replace(reel, moments=moments, remark=_ANEW, compute=_computing(panel, wanted, show))


def _show(frame: Any, name: str, view: InsideView, at: int, insight: Insight | None = None) -> None:
    """Show a moment; without an insight of it, what was on screen."""
    view.flow.look_at(name)
    view.show_frame(frame if insight is None else replace(frame, insight=insight), at)


def _computing(panel: InsidePanel, wanted: Watch, show: Callable[..., None]) -> Compute:
    """Return what computes moments of the run that is shown, in an experiment of its own."""
    runner, desk = panel.player.runner, panel.desk

    def compute(moments: Sequence[int], given_up: Callable[[], bool]) -> Shows:
        return _shows(runner.save(whole=True), desk.dataset(), wanted, moments, given_up, show)

    return compute


def _shows(
    waited: Future[SavedRun | None],
    dataset: Dataset,
    wanted: Watch,
    moments: Sequence[int],
    given_up: Callable[[], bool],
    show: Callable[..., None],
) -> Shows:
    saved = _handed_over(waited, given_up)
    if given_up():
        return
    if saved is None or saved.position < max(moments):
        raise ExportError(_GONE)
    with closing(looks(lambda found: build(found, lambda: dataset, 1), saved, wanted, moments, given_up)) as found:
        for at, sight in zip(moments, found, strict=False):
            yield partial(show, at=at, insight=sight.insight)


def _handed_over(waited: Future[SavedRun | None], given_up: Callable[[], bool]) -> SavedRun | None:
    """Wait for the engine to hand the run over, for as long as it is wanted."""
    while not given_up():
        try:
            return waited.result(0.1)
        except TimeoutError:
            continue
    return None
