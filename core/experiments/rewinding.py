"""Going back in a training run: to an earlier moment, from there on another way, and to a run kept as plain data.

What is recorded beside the networks is cut, not written over, so that frames that are on screen stay true.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.checkpoints import Checkpoint, Checkpoints
from core.experiments.protocol import Experiment
from core.experiments.saved import OldFuture, SavedRun
from core.history import Record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from core.block import Block
    from core.flow import FlowRecord
    from core.parameters import Change

Array = NDArray[Any]

_MOST_FUTURES = 5


class Rewinding(Experiment):
    """What a training run needs to go back; its networks, records and values in force are the subclass's."""

    _blocks: list[Block]
    _values: dict[str, Any]
    _pending: list[Change]
    _loss: Record
    _train: Record
    _test: Record
    _norms: Record
    _flow: FlowRecord | None
    _measured: list[int]
    _futures: tuple[OldFuture, ...] = ()
    _checkpoints: Checkpoints
    _known: dict[int, list[Array]]  # accuracies and norms that were measured before the run was rewound, by update
    _returning = 0

    def _keep_checkpoint(self) -> None:
        if self._checkpoints.wants(self.position) and not (self.abandoned or self.stopped):
            self._checkpoints.add(self._checkpoint())

    def _checkpoint(self) -> Checkpoint:
        return Checkpoint(self.position, tuple(block.state() for block in self._blocks))

    @property
    def blocks(self) -> Sequence[Block]:
        """What the lanes of all seeds are cut into."""
        return self._blocks

    def checkpoint_before(self, position: int) -> Checkpoint | None:
        """Return the last checkpoint up to a position; None where that is the beginning."""
        return self._checkpoints.before(position)

    def rewind(self, position: int) -> None:
        """Go back to an earlier moment, recomputing what came between the checkpoint before it and it: the same bits.

        Its mid-run changes stay, later ones and all that was recorded after it are forgotten.
        """
        position = self._go_back(position)
        self.advance(position - self.position)

    def _go_back(self, position: int) -> int:
        """Stand at the checkpoint before an earlier moment, which is returned; what was measured up to it is known."""
        self._finish_measuring()
        position = min(position, self.returning)
        changes = tuple(change for change in self.configuration.changes if change.iteration <= position)
        self.configuration = replace(self.configuration, changes=changes)
        records = self._train, self._test, self._norms
        found = {at: [record.data[:, n].copy() for record in records] for n, at in enumerate(self._measured)}
        # What another branch was to measure after this moment is not known of this one.
        self._known = {at: values for at, values in {**self._known, **found}.items() if at <= position}
        self._checkpoints.forget_after(position)
        self._stand_at(self._checkpoints.before(position))
        self._measured = [at for at in self._measured if at <= self.position]
        for name in ("_loss", "_train", "_test", "_norms"):
            length = self.position if name == "_loss" else len(self._measured)
            setattr(self, name, getattr(self, name).cut(length))
        self._flow = None if self._flow is None else self._flow.cut(self.position)
        self._summarize_anew()
        self._returning = position
        if self.total > max(position, self._end()):  # the end was moved to before what had been reached
            self._extend(max(position, self._end()))
        return position

    def _stand_at(self, checkpoint: Checkpoint | None) -> None:
        """Put every network and all values in force back to a checkpoint, or to the beginning."""
        self.position = 0 if checkpoint is None else checkpoint.position
        self._values = {**self.configuration.at(self.position)}
        self._pending = [change for change in self.configuration.changes if change.iteration > self.position]
        for block in self._blocks:
            block.restore(checkpoint, self._values)

    def branch(self, position: int, values: Mapping[str, Any]) -> None:
        """Go back to an earlier moment and on from there with these live values; the old future stays in frames."""
        self.turn_back(position, values)
        self.advance(self.returning - self.position)

    def turn_back(self, position: int, values: Mapping[str, Any]) -> None:
        """Begin to branch: stand at the checkpoint before that moment, to which the run is then to be advanced."""
        future = self._future(min(position, self.position))
        if future is not None:
            self._futures = (*self._futures, future)[-_MOST_FUTURES:]
        self._go_back(position)
        for key, value in values.items():
            if self.configuration.at(self._returning)[key] != value:
                self.change(key, value)

    @property
    def returning(self) -> int:
        """The moment that the run was rewound to, until it is there again; else where it is."""
        return max(self.position, self._returning)

    def _future(self, start: int) -> OldFuture | None:
        """Return what came after `start`; None where nothing did."""
        frame: Any = self.snapshot()
        if start >= frame.iteration:
            return None
        first = max(0, int(np.searchsorted(frame.measured_at, start, "right")) - 1)
        return OldFuture(
            start=start,
            loss=frame.loss[:, start:],
            smoothed=frame.smoothed[:, start:],
            measured_at=frame.measured_at[first:],
            train_accuracy=frame.train_accuracy[:, first:],
            test_accuracy=frame.test_accuracy[:, first:],
        )

    # The run as plain data.

    def save(self, whole: bool) -> SavedRun | None:
        """Return the run as it is, with all of its checkpoints if `whole`; None where there is nothing to save."""
        if not self.position or self.abandoned:
            return None
        self._finish_measuring()
        kept = [found for found in self._checkpoints.all if found.position < self.position] if whole else []
        return SavedRun(
            configuration=self.configuration,
            position=self.position,
            loss=self._loss.view(self.position),
            measured=tuple(self._measured),
            train=self._taken(self._train),
            test=self._taken(self._test),
            norms=self._taken(self._norms),
            stopped=dict(self.ended()),
            checkpoints=(*kept, self._checkpoint()),
            futures=self._futures,
            flow=None if self._flow is None else self._flow.view(self.position),
        )

    def rescue(self) -> SavedRun | None:
        """Return the run as of its last checkpoint: blocks stand at different updates once one of them has raised."""
        last = self._checkpoints.before(self.position)
        if last is None:
            return None
        self._drop_measurement()
        self._go_back(last.position)
        return self.save(whole=True)

    def restore(self, saved: SavedRun) -> None:
        """Go on with a run of the same values, lanes and images as this one, which is at its beginning."""
        self.configuration = saved.configuration
        self.total = max(self.total, saved.position)
        rows = len(self._loss.data)
        self._loss, self._measured = Record(rows, saved.position), list(saved.measured)
        self._loss.data[:, : saved.position] = saved.loss
        for name in ("train", "test", "norms"):
            record: Record = getattr(self, f"_{name}")
            record.reserve(len(saved.measured))
            record.data[:, : len(saved.measured)] = getattr(saved, name)
        if self._flow is not None and saved.flow is not None:
            self._flow.fill(saved.flow)
        self._futures = saved.futures
        self._returning = max((change.iteration for change in saved.configuration.changes), default=0)
        for found in saved.checkpoints:
            self._checkpoints.add(found)
        self._stand_at(saved.checkpoints[-1])
        self._apply_changes()

    def ended(self) -> Mapping[int, int]:
        """Return after which update rows were stopped early."""
        return {}

    def _taken(self, record: Record) -> Array:
        found = record.view(len(self._measured)).copy()
        found.flags.writeable = False
        return found

    # What the subclass does.

    @abstractmethod
    def _apply_changes(self) -> None:
        """Put the mid-run changes in force that are due."""

    @abstractmethod
    def _end(self) -> int:
        """Return the last update that the values in force ask for."""

    @abstractmethod
    def _extend(self, total: int) -> None:
        """Set another end, not before the present."""

    @abstractmethod
    def _finish_measuring(self) -> None:
        """Record the measurement that is under way, if there is one."""

    @abstractmethod
    def _drop_measurement(self) -> None:
        """Give up the measurement that is under way."""

    @abstractmethod
    def _summarize_anew(self) -> None:
        """Forget what was computed from the records: they are to be written anew."""
