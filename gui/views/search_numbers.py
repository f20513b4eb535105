"""What the notes say of a search: how many trials fare how, the best one, what was saved, what earlier ones found."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from core.trials import searchable
from gui.plots import number_text
from gui.standings import Former, Standing, State, setting_text
from gui.words import kept_numbers, percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.experiments.search import SearchFrame
    from core.parameters import Configuration
    from gui.views.base import Number


def search_numbers(
    frame: SearchFrame, standing: Standing, configuration: Configuration, formers: Sequence[Former]
) -> list[Number]:
    """Return the numbers of the notes."""
    return [
        *_states(standing),
        *_best(standing),
        *_run(frame, standing, configuration),
        *_comparison(standing, configuration, formers),
    ]


_ORDER = (State.TRAINED, State.WAITING, State.TRAINING)


def _states(standing: Standing) -> list[Number]:
    going = standing.count(State.TRAINING) + standing.count(State.TRAINED) + standing.count(State.WAITING)
    name = next(f"trials {state.value}" for state in _ORDER if standing.count(state) or state is State.TRAINING)
    return [
        (name, f"{going:,}"),
        ("stopped early", f"{standing.count(State.STOPPED):,}"),
        ("diverged", f"{standing.count(State.DIVERGED):,}"),
    ]


def _best(standing: Standing) -> list[Number]:
    if standing.best is None:
        return [("best validation", "–")]
    known, row = searchable(), standing.best
    settings = standing.frame.settings[row].tolist()
    pairs = zip(standing.frame.names, settings, strict=True)
    return [
        ("best validation", percent(standing.validation[row])),
        *((f"its {known[name].label}", setting_text(value)) for name, value in pairs),
    ]


def _run(frame: SearchFrame, standing: Standing, configuration: Configuration) -> list[Number]:
    plan = len(frame.lanes) * frame.total
    epochs = frame.total / frame.per_epoch
    numbers = [
        ("epoch", f"{number_text(standing.cursor // frame.per_epoch, 1)} / {number_text(epochs, 1)}"),
        ("training images", f"{frame.images:,}"),
        ("validation images", f"{frame.validation_measured:,}"),
    ]
    if standing.columns < len(frame.measured_at):  # what follows is known of the head alone
        return numbers
    numbers.append(("updates made", f"{frame.made:,} / {plan:,}"))
    if configuration["halving"]:
        numbers.append(("saved by stopping", f"{frame.spared:,} ({100 * frame.spared / plan:.0f} %)"))
    return [*numbers, *kept_numbers(frame)]


def _comparison(standing: Standing, configuration: Configuration, formers: Sequence[Former]) -> list[Number]:
    """Return the searches of this session, the one under way first."""
    if not formers:
        return []
    best = float(standing.validation[standing.best]) if standing.best is not None else math.nan
    numbers = [("searches so far", "best"), _found("now", configuration["method"], configuration["stage"], best)]
    for former in reversed(formers):
        when = "before" if former is formers[-1] else "earlier"
        numbers.append(_found(when, former.method, former.stage, former.best))
        if not former.finished:
            numbers.append(("its last epoch", f"{former.epochs:,}"))
    return numbers


def _found(when: str, method: str, stage: int, best: float) -> Number:
    return f"{when}: {method}", (f"stage {stage}: " if stage else "") + percent(best)
