"""How the trials of a search stand at a moment of it: accuracies, state and rank; and what was searched before."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.experiments.search import last_known, ranked
from core.numbers import powered
from core.parameters import Parameter, Scale
from core.trials import GRID, searchable
from gui.plots import number_text
from gui.words import measured_by

if TYPE_CHECKING:
    from core.experiments.search import SearchFrame
    from core.parameters import Configuration

Array = NDArray[Any]

_PLAIN = 0.00095


class State(Enum):
    """What a trial does."""

    WAITING = "waiting"
    TRAINING = "training"
    TRAINED = "trained"
    STOPPED = "stopped"
    DIVERGED = "diverged"


@dataclass(frozen=True, slots=True)
class Standing:
    """All trials after `cursor` updates.

    `validation` and `train` are the last accuracies `(trials,)` up to then, NaN where there is none; `ended` says
    after which update a trial stopped or diverged. `ranking` has the trials' rows, best first, `rank` each row's
    place in it, from 1. `columns` of the frame's accuracies had been measured.
    """

    frame: SearchFrame
    cursor: int
    columns: int
    validation: Array
    train: Array
    states: tuple[State, ...]
    ended: tuple[int | None, ...]
    ranking: Array
    rank: Array

    @property
    def best(self) -> int | None:
        """The row of the best trial, None before anything was measured."""
        row = int(self.ranking[0])
        return row if math.isfinite(self.validation[row]) else None

    @property
    def measured(self) -> list[int]:
        """The rows that have an accuracy, best first."""
        return [row for row in self.ranking.tolist() if math.isfinite(self.validation[row])]

    def count(self, state: State) -> int:
        """Return how many trials are in this state."""
        return self.states.count(state)

    def state_text(self, row: int) -> str:
        """Say what a trial does, and since when."""
        state, ended = self.states[row], self.ended[row]
        if state is State.STOPPED and ended is not None:
            return f"stopped at epoch {number_text(ended / self.frame.per_epoch, 1)}"
        if state is State.DIVERGED and ended is not None:
            return f"diverged at iteration {ended:,}"
        return state.value


def moment(frame: SearchFrame, cursor: int) -> tuple[Any, ...]:
    """Return what differs between moments whose standings differ; it takes no time to find."""
    ended = sum(at is not None and at <= cursor for at in (*frame.stopped, *frame.diverged))
    return id(frame.settings), _columns(frame, cursor), ended, cursor == 0, cursor >= frame.total


def _columns(frame: SearchFrame, cursor: int) -> int:
    """Return how many accuracies to show; those before the first update say nothing of a trial."""
    return measured_by(frame.measured_at, cursor) if cursor else 0


def standing_at(frame: SearchFrame, cursor: int) -> Standing:
    """Return how the trials stood after `cursor` updates."""
    columns = _columns(frame, cursor)
    validation, train = (
        last_known(accuracy[:, :columns]) for accuracy in (frame.validation_accuracy, frame.train_accuracy)
    )
    pairs = list(zip(frame.stopped, frame.diverged, strict=True))
    ended = tuple(next((at for at in pair if at is not None and at <= cursor), None) for pair in pairs)
    states = tuple(_state(frame, cursor, *pair) for pair in pairs)
    known = columns and cursor == frame.iteration
    ranking = frame.ranking if known else _ranking(validation, train, states, ended, cursor)
    rank = np.empty(len(ranking), np.intp)
    rank[ranking] = np.arange(1, len(ranking) + 1)
    return Standing(frame, cursor, columns, validation, train, states, ended, ranking, rank)


def _state(frame: SearchFrame, cursor: int, stopped: int | None, diverged: int | None) -> State:
    if stopped is not None and stopped <= cursor:
        return State.STOPPED
    if diverged is not None and diverged <= cursor:
        return State.DIVERGED
    return State.WAITING if not cursor else State.TRAINED if cursor >= frame.total else State.TRAINING


def _ranking(
    validation: Array, train: Array, states: tuple[State, ...], ended: tuple[int | None, ...], cursor: int
) -> Array:
    came = [cursor if at is None else at for at in ended]
    return ranked(validation, train, came, [state is State.DIVERGED for state in states])


def is_log(name: str, ends: tuple[float, float]) -> bool:
    """Tell whether a range is searched on a log scale."""
    return searchable()[name].scale is Scale.LOG and ends[0] > 0


def range_of(configuration: Configuration, name: str) -> tuple[float, float]:
    """Return the range that is searched."""
    low, high = configuration[f"search.{name}"]
    return float(low), float(high)


def setting_text(value: float, digits: int = 2) -> str:
    """Write a hyperparameter's value: 0.0099, 1.3·10⁻⁶, 10⁻⁸."""
    text = f"{value:.{digits}g}"
    if ("e" not in text and abs(value) >= _PLAIN) or not value:
        return text.replace("-", "−")
    return powered(value, digits)


def rounded_outward(low: float, high: float, parameter: Parameter) -> tuple[float, float]:
    """Return a range of two significant digits each that holds the one given, within the parameter's bounds."""
    ends = _rounded(low, math.floor), _rounded(high, math.ceil)
    return max(ends[0], parameter.low), min(ends[1], parameter.high)


def _rounded(value: float, round_to: Any) -> float:
    if value <= 0:
        return 0.0
    power = math.floor(math.log10(value)) - 1
    share = value / 10.0**power
    whole = round(share) if abs(share - round(share)) < 1e-6 else round_to(share)  # 0.01 is 0.01, not 0.011
    return float(f"{whole}e{power}")


@dataclass(frozen=True, slots=True)
class Former:
    """A search that came before in this session: how it was made and what it found."""

    method: str
    stage: int
    trials: int
    epochs: int
    ranges: tuple[tuple[str, tuple[float, float]], ...]
    best: float
    finished: bool
    settings: Array
    validation: Array
    curve: tuple[Array, Array]

    @property
    def words(self) -> str:
        """How the trials were chosen, in words."""
        return f"{self.trials} {method_words(self.method)}" + (f", stage {self.stage}" if self.stage else "")

    def values(self, name: str) -> Array | None:
        """Return each trial's value of one name, None where that was not searched."""
        names = [found for found, _ in self.ranges]
        return self.settings[:, names.index(name)] if name in names else None


def method_words(method: str) -> str:
    """Say how trials are chosen."""
    return "on a grid" if method == GRID else "at random"


def former_of(standing: Standing, configuration: Configuration) -> Former | None:
    """Return what is to be remembered of a search; None of one that has found nothing yet."""
    best, frame = standing.best, standing.frame
    if best is None:
        return None
    accuracy = frame.validation_accuracy[best, : standing.columns]
    return Former(
        method=configuration["method"],
        stage=configuration["stage"],
        trials=len(frame.lanes),
        epochs=frame.iteration // frame.per_epoch,
        ranges=tuple((name, range_of(configuration, name)) for name in frame.names),
        best=float(standing.validation[best]),
        finished=frame.iteration >= frame.total,
        settings=frame.settings,
        validation=standing.validation,
        curve=(frame.measured_at[: standing.columns] / frame.per_epoch, accuracy),
    )
