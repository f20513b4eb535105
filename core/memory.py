"""Memory that a run is going to need, and a refusal while nothing is taken yet.

The system hands out more memory than there is and ends the whole program once it is used: a run that can not fit is
therefore refused by what it will need, not by what fails.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.experiments.dealing import BLOCK_LANES
from core.network import KEPT_DRAWS
from core.optimizers import scratch_arrays, state_arrays

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from core.block import Task
    from core.lanes import Lane

_SPARE = 0.1  # of what is free: for the window and everything else that runs
_PREDICTED = 250  # images of one forward pass when accuracies are measured
_NUMBER, _DOUBLE = 4, 8  # bytes of a float32 and of a float64
_UNITS = ((1e9, "GB"), (1e6, "MB"))
_ALLOWED = "fewer lanes, seeds, trials, layers or units"
_CONTAINER = Path("/sys/fs/cgroup")


class NotEnoughMemory(MemoryError):
    """A run that does not fit; one line: what, how much it needs and is free, what is allowed."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What decides how much memory the networks of a run need.

    `sizes` are the features from inputs to classes, `optimizers` one key per network, `threads` how many blocks train
    at a time. Beside the networks that train, `copies` of their parameters are kept, and `kept` bytes of whatever else
    a run holds, such as checkpoints.
    """

    sizes: tuple[int, ...]
    optimizers: tuple[str, ...]
    batch: int
    threads: int = 1
    seeds: int = 1
    batchnorm: bool = False
    dropout: bool = False
    copies: int = 0
    kept: int = 0

    @property
    def parameters(self) -> int:
        """Parameters of one network."""
        weights = sum((n_in + 1) * n_out for n_in, n_out in pairwise(self.sizes))
        return weights + (2 * sum(self.sizes[1:-1]) if self.batchnorm else 0)


def shape_of(
    task: Task,
    lanes: Sequence[Lane],
    values: Mapping[str, Any],
    seeds: int,
    threads: int,
    copies: int = 0,
    kept: int = 0,
) -> Shape:
    """Return the shape of a training run's networks: every lane with every seed."""
    return Shape(
        sizes=(len(task.inputs), *task.hidden, task.classes),
        optimizers=tuple(lane.optimizer for lane in lanes) * seeds,
        batch=task.batch,
        threads=threads,
        seeds=seeds,
        batchnorm=any(lane.batchnorm for lane in lanes),
        dropout=any(lane.value("dropout", values) > 0 for lane in lanes),
        copies=copies,
        kept=kept,
    )


def require(needed: int, what: str) -> None:
    """Raise NotEnoughMemory where `what`, such as "training 2 networks", needs more bytes than can be had now."""
    free = free_bytes()
    if needed > free:
        wrong = f"{what} needs {size_text(needed)} of memory, {size_text(free)} are free"
        raise NotEnoughMemory(f"{wrong}; allowed: {_ALLOWED}")


def free_bytes() -> int:
    """Return how many bytes may be taken: nine tenths of what the system, or the container around it, has left."""
    import psutil  # takes its time, and no window needs it to start

    return int((1 - _SPARE) * max(0, min([psutil.virtual_memory().available, *_left_in_container()])))


def _left_in_container() -> Iterable[int]:
    """Yield what a container's limit leaves, if there is one (cgroup v2); cached files give way."""
    try:
        limit, used = (int((_CONTAINER / f"memory.{name}").read_text()) for name in ("max", "current"))
        cached = (_CONTAINER / "memory.stat").read_text().partition("inactive_file ")[2].split()[:1]
    except (OSError, ValueError):  # no container, or one without a limit: the word `max`
        return
    yield limit - used + int(*cached)


def networks_bytes(shape: Shape) -> int:
    """Return about how many bytes the networks of a run take at their most, and what their training needs beside them.

    Parameters, gradients until the first update, optimizer states and copies of every network; gradients
    and buffers of one block per thread; mini-batches and masks of every block; the random numbers of initial weights.
    """
    own, lanes = _NUMBER * shape.parameters, len(shape.optimizers)
    states = sum(sum(state_arrays(key).values()) for key in shape.optimizers)
    networks = own * (lanes * (2 + shape.copies) + states) + shape.kept
    together = min(BLOCK_LANES, -(-lanes // shape.threads))
    blocks = -(-lanes // together)
    busy = min(shape.threads, blocks) * _thread_bytes(shape, together)
    return networks + busy + blocks * _block_bytes(shape, together) + _draws_bytes(shape)


def _thread_bytes(shape: Shape, lanes: int) -> int:
    """Gradients and the optimizer's work; what every layer keeps of its outputs and of what comes back through it."""
    arrays = 3 + (3 if shape.batchnorm else 0) + (1 if shape.dropout else 0)
    features = lanes * max(shape.batch, _PREDICTED) * sum(shape.sizes[1:])
    own = 1 + max(scratch_arrays(key) for key in shape.optimizers)
    return _NUMBER * (own * lanes * shape.parameters + arrays * features)


def _block_bytes(shape: Shape, lanes: int) -> int:
    """A mini-batch as bytes and as numbers; a mask for every hidden unit."""
    masks = lanes * shape.batch * sum(shape.sizes[1:-1]) if shape.dropout else 0
    return (1 + _NUMBER) * shape.batch * shape.sizes[0] + _NUMBER * masks


def _draws_bytes(shape: Shape) -> int:
    """Initial weights are drawn once for all lanes of a seed, and kept for as many layers as there is room."""
    layers = [n_in * n_out for n_in, n_out in pairwise(shape.sizes)] * shape.seeds
    return min(_DOUBLE * sum(layers), KEPT_DRAWS) + _DOUBLE * max(layers)


def records_bytes(rows: int, updates: int, curves: int) -> int:
    """Return what so many curves of `rows` networks take after `updates`; a record that grows is there twice."""
    return 3 * curves * rows * updates * _NUMBER


def networks_text(networks: int, hidden: Sequence[int]) -> str:
    """Name a run's networks: how many, and how wide and deep."""
    same = len(set(hidden)) == 1 and len(hidden) > 1
    units = f"{hidden[0]:,}×{len(hidden)}" if same else "-".join(f"{width:,}" for width in hidden)
    return f"training {networks:,} network{'' if networks == 1 else 's'} of {units} units"


def size_text(count: int) -> str:
    """Write a number of bytes as a person reads it: two digits at least, in MB or GB."""
    factor, unit = next((found for found in _UNITS if count >= found[0]), _UNITS[-1])
    value = count / factor
    return f"{value:.1f} {unit}" if value < 10 else f"{value:,.0f} {unit}"


def error_text(error: BaseException) -> str:
    """Return what was raised as one line for the person who asked for the run.

    A refused value speaks for itself, memory that could not be had is said in words; else the kind of error comes
    first.
    """
    text = str(error).strip().split("\n")[0]
    if isinstance(error, ValueError | NotEnoughMemory) and text:
        return text
    if isinstance(error, MemoryError):
        reason = f" ({text[0].lower()}{text[1:].rstrip('.')})" if text else ""
        return f"there is not enough memory for this run{reason}; allowed: {_ALLOWED}"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
