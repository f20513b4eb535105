"""Tidy tables of results, one row per observation: what a CSV file of each kind of frame holds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from core.experiments.paths import PathsFrame
from core.experiments.propagation import LaneStatistics, PropagationFrame
from core.experiments.search import SearchFrame
from core.experiments.stability import StabilityFrame
from core.experiments.stability_parameters import MINIMUM
from core.experiments.training_frame import Spread, TrainingFrame
from core.map_export import map_columns, map_rows, minimum_rows
from core.regularization import KEYS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from core.flow import Flow
    from core.insight import Insight

Frame = PathsFrame | TrainingFrame | PropagationFrame | SearchFrame | StabilityFrame
Row = list[Any]


@dataclass(frozen=True, slots=True)
class Table:
    """A CSV file: what its name has behind the preset's, its columns, its rows and, of long ones, how many they are."""

    suffix: str
    columns: tuple[str, ...]
    rows: Iterable[Row]
    count: int = 0


def tables(frame: Frame) -> tuple[Table, ...]:
    """Return the tidy tables of a frame: one row per observation."""
    make: dict[type, Callable[[Any], tuple[Table, ...]]] = {
        PathsFrame: _path_tables,
        TrainingFrame: _training_tables,
        PropagationFrame: lambda found: statistics_tables(found.statistics),
        SearchFrame: _search_tables,
        StabilityFrame: _map_tables,
    }
    return make[type(frame)](frame)


def _path_tables(frame: PathsFrame) -> tuple[Table, ...]:
    rows = (
        [lane.name, step, *frame.points[i, step], frame.loss[i, step]]
        for i, lane in enumerate(frame.lanes)
        for step in range(frame.position + 1)
    )
    ends = [frame.position if lost is None else min(lost, frame.position) for lost in frame.diverged]
    curves = Table("", ("lane", "step", "x", "y", "loss"), rows, len(frame.lanes) * (frame.position + 1))
    return (curves, *_rate_tables(frame, "step", ends))


def _rate_tables(frame: PathsFrame | TrainingFrame, unit: str, ends: list[int]) -> tuple[Table, ...]:
    """Return the learning rate of each of the updates that the lanes made, where one of them has a schedule."""
    if frame.rates is None:
        return ()
    rows = (
        [lane.name, update + 1, frame.rates[i, update]]
        for i, lane in enumerate(frame.lanes)
        for update in range(ends[i])
    )
    return (Table("-rates", ("lane", unit, "lr"), rows, sum(ends)),)


_HOLDING = set(KEYS.values())
_FLOW = ("gradient_norm", "update_ratio")


def _map_tables(frame: StabilityFrame) -> tuple[Table, ...]:
    found = [Table("", map_columns(frame), map_rows(frame), frame.reached.size)]
    if frame.measured == MINIMUM:
        found.append(Table("-minima", ("minimum", "x", "y", "f"), minimum_rows(frame)))
    return tuple(found)


_TRAINING = ("iteration", "epoch", "loss", "smoothed_loss", "train_accuracy", "test_accuracy")


def _training_tables(frame: TrainingFrame) -> tuple[Table, ...]:
    many = len(frame.lanes) * (frame.iteration + 1)
    found = [Table("", ("lane", *_TRAINING), _lane_rows(frame, [(lane.name,) for lane in frame.lanes], frame), many)]
    if any(dict(lane.own).keys() & _HOLDING for lane in frame.lanes):  # lanes differ in what holds their weights back
        found.append(Table("-norms", ("lane", "iteration", "epoch", "weight_norm"), _norm_rows(frame)))
    if frame.spread is not None:
        rows, many = _seed_rows(frame, frame.spread), many * len(frame.spread.seeds)
        found.append(Table("-seeds", ("lane", "seed", *_TRAINING), rows, many))
    if frame.futures:
        found.append(Table("-branches", ("branch", "lane", *_TRAINING), _branch_rows(frame)))
    ends = [frame.iteration if lost is None else min(lost - 1, frame.iteration) for lost in frame.diverged]
    found += _rate_tables(frame, "iteration", ends)
    return (*found, *(flow_tables(frame) if frame.insight is not None else ()), *_insight_tables(frame.insight))


def _insight_tables(found: Insight | None) -> tuple[Table, ...]:
    """Return what one network takes for what, its mistakes, the worst first, and all networks' answers to an image."""
    if found is None:
        return ()
    head = [found.lane.name, found.results.at]
    counts = ([*head, label, predicted, count] for (label, predicted), count in np.ndenumerate(found.results.confusion))
    wrong = found.results.mistakes
    mistakes = zip(wrong.index, wrong.label, wrong.predicted, wrong.probability, strict=True)
    columns = ("lane", "iteration", "label", "predicted", "count")
    tables = [
        Table("-confusion", columns, counts),
        Table(
            "-mistakes", ("lane", "iteration", "image", *columns[2:4], "probability"), ([*head, *m] for m in mistakes)
        ),
    ]
    if found.answers is not None:
        rows = (
            [lane.name, found.iteration, predicted, chance]
            for lane, chances in zip(found.answers.lanes, found.answers.probabilities, strict=True)
            for predicted, chance in enumerate(chances)
        )
        tables.append(Table("-answers", ("lane", "iteration", "class", "probability"), rows))
    return tuple(tables)


def _branch_rows(frame: TrainingFrame) -> Iterator[Row]:
    """Yield what the run did before it was rewound, a number for each time: the updates after those that it kept."""
    for number, future in enumerate(frame.futures, 1):
        one = replace(
            frame,
            iteration=future.end,
            loss=_after_gap(future.loss, future.start),
            smoothed=_after_gap(future.smoothed, future.start),
            measured_at=future.measured_at,
            train_accuracy=future.train_accuracy,
            test_accuracy=future.test_accuracy,
        )
        rows = _lane_rows(one, [(number, lane.name) for lane in frame.lanes], one)
        yield from (row for row in rows if row[2] > future.start)


def _after_gap(values: Any, start: int) -> Any:
    return np.pad(values, ((0, 0), (start, 0)))


def _norm_rows(frame: TrainingFrame) -> Iterator[Row]:
    for i, lane in enumerate(frame.lanes):
        for column, at in enumerate(frame.measured_at):
            yield [lane.name, int(at), int(at) // frame.per_epoch, frame.weight_norm[i, column]]


def flow_tables(frame: TrainingFrame) -> tuple[Table, ...]:
    """Return the table of what flowed through each layer; none where nothing was measured.

    Files have it beside what a network sees.
    """
    if frame.flow is None:
        return ()
    return (Table("-flow", ("lane", "layer", "iteration", *_FLOW), _flow_rows(frame, frame.flow)),)


def _flow_rows(frame: TrainingFrame, flow: Flow) -> Iterator[Row]:
    for i, lane in enumerate(frame.lanes):
        for layer in range(flow.gradient_norm.shape[1]):
            for column, at in enumerate(flow.at):
                yield [lane.name, layer + 1, int(at), *(getattr(flow, name)[i, layer, column] for name in _FLOW)]


def _seed_rows(frame: TrainingFrame, spread: Spread) -> Iterator[Row]:
    for place, seed in enumerate(spread.seeds):
        one = replace(
            frame,
            loss=spread.seed_loss[:, place],
            smoothed=spread.seed_smoothed[:, place],
            train_accuracy=spread.seed_train_accuracy[:, place],
            test_accuracy=spread.seed_test_accuracy[:, place],
        )
        yield from _lane_rows(frame, [(lane.name, seed) for lane in frame.lanes], one)


def _lane_rows(frame: TrainingFrame, heads: list[tuple[Any, ...]], values: TrainingFrame) -> Iterator[Row]:
    columns = {int(at): column for column, at in enumerate(frame.measured_at)}
    for i, head in enumerate(heads):
        for iteration in range(frame.iteration + 1):
            losses = [values.loss[i, iteration - 1], values.smoothed[i, iteration - 1]] if iteration else [None, None]
            column = columns.get(iteration)
            found = (values.train_accuracy, values.test_accuracy)
            accuracies = [None, None] if column is None else [accuracy[i, column] for accuracy in found]
            yield [*head, iteration, iteration // frame.per_epoch, *losses, *accuracies]


def _search_tables(frame: SearchFrame) -> tuple[Table, ...]:
    """Return a row per trial and epoch; what is searched besides learning rate and weight decay comes last."""
    others = [column for column, name in enumerate(frame.names) if name not in ("lr", "l2")]
    accuracies = np.stack([frame.train_accuracy, frame.validation_accuracy])
    columns = ("trial", "lr", "weight_decay", "epoch", "train_accuracy", "validation_accuracy")
    trials = zip(frame.lr, frame.weight_decay, frame.settings[:, others], strict=True)
    rows = (
        [trial + 1, lr, decay, int(at) // frame.per_epoch, *accuracies[:, trial, column], *more]
        for trial, (lr, decay, more) in enumerate(trials)
        for column, at in enumerate(frame.measured_at)
    )
    many = len(frame.lanes) * len(frame.measured_at)
    found = Table("", (*columns, *(frame.names[column] for column in others)), rows, many)
    before = Table("-branches", ("branch", "trial", *columns[3:]), _search_branch_rows(frame))
    more_tables = [*([before] if frame.futures else []), *_common_rates(frame)]
    return (found, *more_tables, *_insight_tables(frame.insight))


def _common_rates(frame: SearchFrame) -> Iterator[Table]:
    """Yield a table of the learning rate where it has a schedule; of its factor where each trial has its own."""
    if frame.rates is not None:
        rows = ([update, rate] for update, rate in enumerate(frame.rates[0].tolist(), 1))
        yield Table("-rates", ("iteration", "factor" if "lr" in frame.names else "lr"), rows, frame.iteration)


def _search_branch_rows(frame: SearchFrame) -> Iterator[Row]:
    for number, future in enumerate(frame.futures, 1):
        for trial in range(len(frame.lanes)):
            for column, at in enumerate(future.measured_at):
                if at > future.start:
                    shares = future.train_accuracy[trial, column], future.test_accuracy[trial, column]
                    yield [number, trial + 1, int(at) // frame.per_epoch, *shares]


def statistics_tables(statistics: Iterable[LaneStatistics]) -> tuple[Table, ...]:
    """Return the histograms of activations and the table of their layers."""
    measured = [(found.lane.name, layer) for found in statistics for layer in found.activations]
    bins = (
        [name, layer.layer, left, right, count]
        for name, layer in measured
        for left, right, count in zip(layer.edges[:-1], layer.edges[1:], layer.counts, strict=True)
    )
    kept = ("mean", "std", "zero_share", "saturated_share", "below", "above")
    layers = ([name, layer.layer, *(getattr(layer, key) for key in kept)] for name, layer in measured)
    return (
        Table("", ("lane", "layer", "bin_left", "bin_right", "count"), bins),
        Table("-layers", ("lane", "layer", *kept), layers),
    )
