"""What a configuration calls for in a saved run: its rows, the networks they are, the arrays of their checkpoints.

The networks of all checkpoints lie in few arrays, one below the other: one of parameters and one of running statistics
for each kind of network, and those of its optimizers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.datasets import Dataset
from core.figures import SEARCH
from core.lanes import lanes_of
from core.network import Architecture
from core.optimizers import state_arrays
from core.presets import PRESETS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from core.parameters import Configuration

SINGLE, DOUBLE, INDEX = "<f4", "<f8", "<i8"
"""How numbers lie in a file: float32, float64 and whole numbers, the least significant byte first."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Networks of one shape: `fixed` parameters, `width` more for each input, and `stats` running statistics."""

    name: str
    fixed: int
    width: int
    stats: int


class Rows:
    """What the rows of a run are: all seeds of the first lane, then those of the second."""

    def __init__(self, configuration: Configuration) -> None:
        """Resolve the lanes."""
        self.lanes = lanes_of(configuration.values, PRESETS[configuration.preset].axis)
        seeds = range(configuration.get("seeds", 1))
        shapes = dict.fromkeys((lane.activation, lane.batchnorm) for lane in self.lanes)
        found = {shape: _kind(f"networks{i}", configuration["hidden"], *shape) for i, shape in enumerate(shapes)}
        self.kinds = tuple(found.values())
        self.kind = [found[lane.activation, lane.batchnorm] for lane in self.lanes for _ in seeds]
        self.optimizer = [lane.optimizer for lane in self.lanes for _ in seeds]

    def __len__(self) -> int:
        return len(self.kind)

    def networks(self, block: Sequence[int]) -> tuple[str, str]:
        """Return the names of the arrays with parameters and running statistics of a block's rows."""
        name = self.kind[block[0]].name
        return f"{name}.params", f"{name}.stats"

    def state(self, group: Sequence[int]) -> dict[str, str]:
        """Return the names of the arrays with the state of rows that have one optimizer, by its own names."""
        kind, optimizer = self.kind[group[0]].name, self.optimizer[group[0]]
        return {key: f"{kind}.{optimizer}.{key}" for key in state_arrays(optimizer)}

    def per_row(self) -> set[str]:
        """Return the names of the arrays that have one number for each network, whatever its size."""
        found = {(kind.name, optimizer) for kind, optimizer in zip(self.kind, self.optimizer, strict=True)}
        return {
            f"{kind}.{optimizer}.{key}"
            for kind, optimizer in found
            for key, whole in state_arrays(optimizer).items()
            if not whole
        }


def _kind(name: str, hidden: tuple[int, ...], activation: str, batchnorm: bool) -> Kind:
    layers = Architecture((1, *hidden, Dataset.classes), activation, batchnorm).layers()
    size, stats = (sum(getattr(layer, key) for layer in layers) for key in ("size", "stat_size"))
    return Kind(name, size - hidden[0], hidden[0], stats)


def latest(configuration: Configuration) -> int:
    """Return the last update that any run with these values can reach: its end may have been moved meanwhile."""
    epochs = configuration["epochs"] * configuration["images"] if configuration.experiment == SEARCH else 0
    return int(max(epochs, configuration.parameter("iterations").high))


@dataclass(frozen=True, slots=True)
class GroupRows:
    """Rows of one optimizer in a block at one moment, with its counts of updates."""

    rows: tuple[int, ...]
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class BlockRows:
    """Rows of a block at one moment; its groups have them in the same order."""

    rows: tuple[int, ...]
    groups: tuple[GroupRows, ...]


@dataclass(frozen=True, slots=True)
class Moment:
    """Whose networks a checkpoint after `position` updates has."""

    position: int
    blocks: tuple[BlockRows, ...]

    @property
    def rows(self) -> list[int]:
        """All rows."""
        return [row for block in self.blocks for row in block.rows]


def network_arrays(moments: Sequence[Moment], rows: Rows) -> dict[str, int]:
    """Return the names of all arrays of checkpoints, with how many rows they have."""
    found: dict[str, int] = {}
    for block in (block for moment in moments for block in moment.blocks):
        for name, count in _parts(block, rows):
            found[name] = found.get(name, 0) + count
    return found


def _parts(block: BlockRows, rows: Rows) -> Iterator[tuple[str, int]]:
    for name in rows.networks(block.rows):
        yield name, len(block.rows)
    for group in block.groups:
        for name in rows.state(group.rows).values():
            yield name, len(group.rows)
