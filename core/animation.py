"""An animation of a record: which moments it shows, for how long each, and the file they are written to.

A moment is drawn once however long it stands. Pictures come one by one and are written as they come, so that memory
does not grow with an animation's length.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import IO, TYPE_CHECKING, Protocol

import numpy as np

from core.files import whole_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

KINDS = ("gif", "mp4")
LONGEST = 120.0
LONGEST_HOLD = 30.0
LARGEST_SIDE = 2560
SMALLEST_SIDE = 64
MOST_FRAMES = 2000
NO_VIDEO = "needs the package av: pip install av"
_FASTEST = {"gif": 50, "mp4": 60}
_CENTISECONDS = 100  # in which GIF counts
_QUICKEST = 2  # centiseconds: viewers take less for a mistake, and slow down
_SAMPLES = 8
# Bytes per pixel of a first frame and of a later one, measured over the panels.
_BYTES = {"gif": (0.12, 0.002), "mp4": (0.1, 0.0015)}


class AnimationError(ValueError):
    """An animation that cannot be made; one line says what is wrong and what is allowed."""


@dataclass(frozen=True, slots=True)
class Film:
    """What to draw: `positions`, each shown for as many `ticks`, of which a second has `per_second`.

    `size` is that of the pictures, `samples` are positions to be drawn before all others, to choose colours from.
    """

    kind: str
    size: tuple[int, int]
    positions: tuple[int, ...]
    ticks: tuple[int, ...]
    per_second: int
    loop: bool
    samples: tuple[int, ...]

    @property
    def order(self) -> tuple[int, ...]:
        """Every position in the order in which pictures are wanted."""
        return self.samples + self.positions

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return sum(self.ticks) / self.per_second

    @property
    def rate(self) -> float:
        """How many frames a second really shows; without the last, which is held."""
        before = self.ticks[:-1]
        return len(before) * self.per_second / sum(before)

    @property
    def expected_bytes(self) -> float:
        """A rough guess of the file's size."""
        first, later = _BYTES[self.kind]
        width, height = self.size
        return width * height * (first + later * len(self.positions))


def fastest(kind: str) -> int:
    """Return the highest rate that a kind of file can show, in frames per second."""
    return _FASTEST[kind]


def have_video() -> bool:
    """Tell whether MP4 files can be written."""
    return find_spec("av") is not None


def film(
    kind: str,
    moments: Sequence[int],
    size: tuple[int, int],
    seconds: float = 6.0,
    rate: int = 25,
    hold: float = 1.5,
    loop: bool = True,
) -> Film:
    """Return an animation of these moments, in `seconds`, at up to `rate` frames a second; the last one is held.

    Where there are fewer moments than frames, each is shown once and stands for its share of the time. GIF counts
    hundredths of a second, so that its rate is the nearest that they make: see `Film.rate`. MP4 needs even sides.
    Raises AnimationError.
    """
    if len(moments) < 2:
        raise AnimationError("From, to: one moment is no animation; allowed: at least two")
    for name, value, low, high in (
        ("Length", seconds, 0.1, LONGEST),
        ("Frame rate", rate, 1, _FASTEST[kind]),
        ("Hold", hold, 0.0, LONGEST_HOLD),
        ("Width", size[0], SMALLEST_SIDE, LARGEST_SIDE),
        ("Height", size[1], SMALLEST_SIDE, LARGEST_SIDE),
    ):
        if not low <= value <= high:
            told = str(value)[:20] if isinstance(value, int) else f"{value:g}"  # some whole numbers have no float
            raise AnimationError(f"{name}: {told} is not allowed; allowed: {low:g} to {high:g}")
    per_second = _CENTISECONDS if kind == "gif" else rate
    each = max(_QUICKEST, round(_CENTISECONDS / rate)) if kind == "gif" else 1
    total = max(2 * each, round(seconds * per_second))
    positions, ticks = _spread(moments, round(total / each), total)
    if len(positions) > MOST_FRAMES:
        raise AnimationError(f"Length: {len(positions):,} frames are too many; allowed: up to {MOST_FRAMES:,}")
    ticks[-1] += round(hold * per_second)
    samples = [positions[i] for i in _evenly(len(positions), _SAMPLES)] if kind == "gif" else []
    shown = size if kind == "gif" else (size[0] & ~1, size[1] & ~1)
    return Film(kind, shown, tuple(positions), tuple(ticks), per_second, loop, tuple(samples))


def _spread(moments: Sequence[int], frames: int, total: int) -> tuple[list[int], list[int]]:
    """Return up to so many of the moments and how long each of them stands; together that is `total`."""
    positions = [int(moments[i]) for i in _evenly(len(moments), frames)]
    edges = np.round(np.linspace(0, total, len(positions) + 1)).astype(int)
    return positions, np.diff(edges).tolist()


def _evenly(count: int, wanted: int) -> list[int]:
    """Return up to `wanted` of `count` places, first and last among them."""
    return [int(i) for i in np.round(np.linspace(0, count - 1, min(count, wanted)))]


class Writer(Protocol):
    """Writes an animation frame by frame."""

    def add(self, pixels: Pixels, ticks: int) -> None:
        """Show a picture (height, width, 3) for so long."""

    def close(self) -> None:
        """Write what is left."""


def write_animation(path: Path, film: Film, pictures: Iterator[Pixels], exact: Sequence[str] = ()) -> None:
    """Write pictures, which come in the film's order, to `path`, whole or not at all.

    `exact` are colours `#rrggbb` that must not change where there is a palette. Raises ExportError, and whatever
    `pictures` raises.
    """
    with whole_file(path) as file:
        writer = _writer(file, film, pictures, exact)
        for ticks in film.ticks:
            writer.add(next(pictures), ticks)
        writer.close()


def _writer(file: IO[bytes], film: Film, pictures: Iterator[Pixels], exact: Sequence[str]) -> Writer:
    if film.kind == "mp4":
        from core.video import VideoWriter

        return VideoWriter(file, film.size, film.per_second)
    from core.gif import GifWriter, choose_palette

    samples = [next(pictures) for _ in film.samples]
    return GifWriter(file, film.size, choose_palette(samples, exact), film.loop)
