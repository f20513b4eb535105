"""How the lanes of a run are dealt to blocks, which are trained side by side."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.lanes import Lane

BLOCK_LANES = 4
"""At most, of the lanes that one thread trains at a time."""


def cut(lanes: int, threads: int) -> list[list[int]]:
    """Deal lanes to blocks of at most 4, equally many for every thread as far as each block has two lanes.

    Dealt to and fro, as the chapter's optimizers come in order of their cost: blocks that take equally long wait least.
    """
    rounds = -(-lanes // (BLOCK_LANES * threads))
    blocks = max(-(-lanes // BLOCK_LANES), min(rounds * threads, -(-lanes // 2)))
    order = [*range(blocks), *reversed(range(blocks))]
    return [[lane for lane in range(lanes) if order[lane % len(order)] == block] for block in range(blocks)]


def cut_alike(lanes: tuple[Lane, ...], threads: int) -> list[list[int]]:
    """Deal lanes to blocks, those of each architecture by themselves."""

    def architecture(row: int) -> tuple[str, bool]:
        return lanes[row].activation, lanes[row].batchnorm

    groups = [list(rows) for _, rows in groupby(sorted(range(len(lanes)), key=architecture), architecture)]
    share = max(1, threads // len(groups))
    return [[rows[i] for i in block] for rows in groups for block in cut(len(rows), share)]
