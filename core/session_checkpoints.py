"""The checkpoints of a session file: whose networks they have, and their numbers, checked before they are believed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.checkpoints import BlockState, Checkpoint, OptimizerState
from core.datasets import MAX_SIDE
from core.optimizers import state_counts
from core.session_archive import SessionError
from core.session_plain import fields, rising, whole
from core.session_rows import SINGLE, BlockRows, GroupRows, Kind, Moment, Rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from core.session_archive import Archive

Array = NDArray[Any]

_MOST = 1000
_MOST_INPUTS = MAX_SIDE**2


def plain_checkpoint(checkpoint: Checkpoint) -> dict[str, Any]:
    """Return whose networks a checkpoint has, without blocks that have none left."""
    blocks = [_plain_block(block) for block in checkpoint.blocks if block.rows]
    return {"position": checkpoint.position, "blocks": blocks}


def _plain_block(block: BlockState) -> dict[str, Any]:
    groups = [{"rows": list(state.rows), "counts": _counts(state)} for state in block.optimizers]
    return {"rows": list(block.rows), "optimizers": groups}


def _counts(state: OptimizerState) -> dict[str, int]:
    return {key: int(value) for key, value in state.values.items() if not isinstance(value, np.ndarray)}


def checkpoint_arrays(checkpoints: Sequence[Checkpoint], rows: Rows) -> dict[str, list[Array]]:
    """Return the arrays of all checkpoints by name, each as its parts, one below the other."""
    found: dict[str, list[Array]] = {}
    for block in (block for checkpoint in checkpoints for block in checkpoint.blocks if block.rows):
        for name, array in zip(rows.networks(block.rows), (block.params, block.stats), strict=True):
            found.setdefault(name, []).append(array)
        for state in block.optimizers:
            for key, name in rows.state(state.rows).items():
                found.setdefault(name, []).append(state.values[key])
    return found


# Reading. First whose networks there are: that says which arrays there must be, and how many rows they have.


def read_moments(where: str, plain: list[Any], rows: Rows, position: int) -> list[Moment]:
    """Return whose networks the checkpoints of a run have, the last of which must be at its position."""
    if len(plain) > _MOST:
        raise SessionError(where, f"{len(plain)} checkpoints", f"up to {_MOST}")
    parts = [fields(f"{where}[{i}]", found, position=int, blocks=list) for i, found in enumerate(plain)]
    positions = rising(where, [at for at, _ in parts], 1, position)
    if positions[-1:] != (position,):
        raise SessionError(where, "no checkpoint at the run's position", f"one after {position} updates")
    return [_read_moment(f"{where}[{i}]", at, blocks, rows) for i, (at, blocks) in enumerate(parts)]


def _read_moment(where: str, position: int, plain: list[Any], rows: Rows) -> Moment:
    found = Moment(position, tuple(_read_block(f"{where}.blocks", block, rows, position) for block in plain))
    if len(set(found.rows)) < len(found.rows):
        raise SessionError(where, "a row that is there twice", "each row once")
    return found


def _read_block(where: str, plain: Any, rows: Rows, position: int) -> BlockRows:
    own, groups = fields(where, plain, rows=list, optimizers=list)
    found = _read_rows(where, own, rows)
    if len({rows.kind[row].name for row in found}) != 1:
        raise SessionError(where, "no rows, or networks of two shapes", "rows with networks of one shape")
    read = tuple(_read_group(f"{where}.optimizers", group, rows, position) for group in groups)
    if tuple(row for group in read for row in group.rows) != found:
        raise SessionError(where, "optimizers of other rows", "each row of the block once, in its order")
    return BlockRows(found, read)


def _read_group(where: str, plain: Any, rows: Rows, position: int) -> GroupRows:
    own, counts = fields(where, plain, rows=list, counts=dict)
    found = _read_rows(where, own, rows)
    optimizers = {rows.optimizer[row] for row in found}
    if len(optimizers) != 1:
        raise SessionError(where, "no rows, or rows of two optimizers", "rows of one optimizer")
    names = state_counts(optimizers.pop())
    values = fields(f"{where}.counts", counts, **dict.fromkeys(names, int))
    return GroupRows(found, {key: whole(where, value, 0, position) for key, value in zip(names, values, strict=True)})


def _read_rows(where: str, plain: list[Any], rows: Rows) -> tuple[int, ...]:
    return tuple(whole(f"{where}.rows", row, 0, len(rows) - 1) for row in plain)


def read_checkpoints(
    where: str, moments: Sequence[Moment], sizes: Mapping[str, int], rows: Rows, archive: Archive
) -> tuple[Checkpoint, ...]:
    """Return checkpoints whose numbers are in arrays with so many rows each."""
    arrays = _Networks(where, sizes, rows, archive)
    return tuple(
        Checkpoint(moment.position, tuple(arrays.block(block) for block in moment.blocks)) for moment in moments
    )


class _Networks:
    """Takes the arrays of all checkpoints apart again, from the first row to the last."""

    def __init__(self, where: str, sizes: Mapping[str, int], rows: Rows, archive: Archive) -> None:
        self._rows, self._taken = rows, dict.fromkeys(sizes, 0)
        self._arrays: dict[str, Array] = {}
        inputs, per_row = set(), rows.per_row()
        for kind in rows.kinds:
            own = {name: count for name, count in sizes.items() if name.startswith(f"{kind.name}.")}
            if own:
                width = archive.shape(f"{kind.name}.params", SINGLE)[-1:]
                inputs.add(_inputs(f"{where}, {kind.name}.params", kind, width))
                columns = {name: (1,) if name in per_row else _columns(name, kind, width) for name in own}
                self._arrays |= {name: archive.array(name, SINGLE, (c, *columns[name])) for name, c in own.items()}
        if len(inputs) > 1:
            raise SessionError(where, "networks of images of several sizes", "images of one size")

    def block(self, found: BlockRows) -> BlockState:
        params, stats = (self._take(name, len(found.rows)) for name in self._rows.networks(found.rows))
        return BlockState(found.rows, params, stats, tuple(self._group(group) for group in found.groups))

    def _group(self, found: GroupRows) -> OptimizerState:
        arrays = {key: self._take(name, len(found.rows)) for key, name in self._rows.state(found.rows).items()}
        return OptimizerState(found.rows, {**arrays, **found.counts})

    def _take(self, name: str, count: int) -> Array:
        start = self._taken[name]
        self._taken[name] += count
        return self._arrays[name][start : start + count]


def _columns(name: str, kind: Kind, width: tuple[int, ...]) -> tuple[int, ...]:
    return (kind.stats,) if name == f"{kind.name}.stats" else width


def _inputs(where: str, kind: Kind, width: tuple[int, ...]) -> int:
    """Return how many pixels networks with so many parameters take."""
    found, rest = divmod((width[0] if width else 0) - kind.fixed, kind.width)
    if rest or not 1 <= found <= _MOST_INPUTS:
        allowed = f"{kind.fixed} and {kind.width} more for each of 1 to {_MOST_INPUTS} pixels"
        raise SessionError(where, f"networks of {width[0] if width else 0} parameters", allowed)
    return found
