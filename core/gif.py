"""GIF animations, written frame by frame: one palette for all, only what has changed, no dithering.

Pillow compresses (LZW) and cuts colours into a palette; which colours stay exact, and what a frame holds, is decided
here. Pillow's own animations keep every frame in memory and map colours by bins, which moves neighbours of a colour.
"""

from __future__ import annotations

import struct
from typing import IO, TYPE_CHECKING

import numpy as np
from PIL import Image
from PIL.GifImagePlugin import getdata

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

_CLEAR = 255  # the index of what shows the frame before
_FREQUENT = 96  # of a palette's colours are kept as they are because they are frequent
_RARE = 32  # are there for colours that would be far from any other
_MOST_PIXELS = 200_000  # to cut the rest of the palette from
_CHUNK = 4096
_KEEP = 1  # a frame stays, and the next is drawn over it


def choose_palette(samples: Sequence[Pixels], exact: Sequence[str] = ()) -> NDArray[np.uint8]:
    """Return up to 255 colours (n, 3) for pictures like these (height, width, 3).

    First those that must be exact (`#rrggbb`), then the most frequent ones as they are, what a median cut makes of the
    rest, and rare ones that are unlike all of these.
    """
    codes, counts = np.unique(np.concatenate([_codes(sample).ravel() for sample in samples]), return_counts=True)
    wanted = [int(colour[1:], 16) for colour in exact]
    frequent = codes[np.argsort(counts, kind="stable")[::-1][: _FREQUENT + len(wanted)]]
    kept = list(dict.fromkeys([*wanted, *frequent.tolist()]))[: min(_CLEAR, _FREQUENT + len(wanted))]
    if len(codes) <= _CLEAR - len(wanted):
        return _colours(np.array(list(dict.fromkeys([*wanted, *codes.tolist()]))))
    others = ~np.isin(codes, kept)
    cut = _cut(codes[others], counts[others], _CLEAR - len(kept) - _RARE)
    return _with_farthest(np.concatenate([_colours(np.array(kept)), cut]), _colours(codes))


def _cut(codes: NDArray[np.int64], counts: NDArray[np.int64], colours: int) -> NDArray[np.uint8]:
    """Return so many colours for the rest, each weighted by the root of its count: edges are few pixels each."""
    weights = np.sqrt(counts)
    repeats = np.maximum(1, np.floor(weights * min(1.0, _MOST_PIXELS / weights.sum()))).astype(int)
    pixels = _colours(np.repeat(codes, repeats))
    cut = Image.fromarray(pixels[None]).quantize(colours, Image.Quantize.MEDIANCUT)
    return np.array(cut.getpalette() or [], dtype=np.uint8)[: 3 * colours].reshape(-1, 3)


def _with_farthest(palette: NDArray[np.uint8], colours: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Fill up a palette with the colours that are farthest from all of it: rare ones, such as the end of a scale."""
    near = colours.astype(np.int32)
    apart = np.full(len(near), np.iinfo(np.int32).max)
    for colour in palette:
        np.minimum(apart, np.square(near - colour).sum(axis=1), out=apart)
    added = []
    for _ in range(_CLEAR - len(palette)):
        added.append(colours[apart.argmax()])
        np.minimum(apart, np.square(near - added[-1]).sum(axis=1), out=apart)
    return np.concatenate([palette, added])


def _codes(pixels: Pixels) -> NDArray[np.int32]:
    """Return colours as 0xrrggbb."""
    red, green, blue = (pixels[..., i].astype(np.int32) for i in range(3))
    return red << 16 | green << 8 | blue


def _colours(codes: NDArray[np.int64]) -> NDArray[np.uint8]:
    return np.stack([codes >> 16 & 255, codes >> 8 & 255, codes & 255], axis=-1).astype(np.uint8)


class GifWriter:
    """Writes pictures of one size to a file that is open for writing."""

    def __init__(self, file: IO[bytes], size: tuple[int, int], palette: NDArray[np.uint8], loop: bool = True) -> None:
        """Write the header; a palette has up to 255 colours (n, 3). A `loop` goes on for ever."""
        self._file = file
        self._palette = palette.astype(np.int32)
        self._known = np.full(1 << 24, _CLEAR, dtype=np.uint8)  # the index of every colour met so far
        self._shown: NDArray[np.uint8] | None = None
        self._waiting: tuple[NDArray[np.uint8], tuple[int, int], int] | None = None
        table = np.zeros((256, 3), dtype=np.uint8)
        table[: len(palette)] = palette
        file.write(b"GIF89a" + struct.pack("<HHBBB", *size, 0xF7, 0, 0) + table.tobytes())
        if loop:
            file.write(b"!\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00")

    def add(self, pixels: Pixels, ticks: int) -> None:
        """Show a picture (height, width, 3) for so many hundredths of a second; one like the last prolongs it."""
        indices = self._indices(pixels)
        changed = None if self._shown is None else indices != self._shown
        if self._waiting is not None and changed is not None and not changed.any():
            patch, place, before = self._waiting
            self._waiting = (patch, place, before + ticks)
            return
        self._write_waiting()
        self._shown = indices
        self._waiting = (indices, (0, 0), ticks) if changed is None else (*_patch(indices, changed), ticks)

    def close(self) -> None:
        """Write the last picture and the end; the file stays open."""
        self._write_waiting()
        self._file.write(b";")

    def _write_waiting(self) -> None:
        if self._waiting is None:
            return
        patch, place, ticks = self._waiting
        options = {"duration": 10 * ticks, "transparency": _CLEAR, "disposal": _KEEP}
        for block in getdata(Image.fromarray(patch), place, **options):
            self._file.write(block)

    def _indices(self, pixels: Pixels) -> NDArray[np.uint8]:
        """Return the nearest colours' indices."""
        codes = _codes(pixels)
        found = self._known[codes]
        new = np.unique(codes[found == _CLEAR])
        if len(new):
            for first in range(0, len(new), _CHUNK):
                some = new[first : first + _CHUNK]
                apart = _colours(some).astype(np.int32)[:, None, :] - self._palette[None]
                self._known[some] = np.square(apart).sum(axis=-1).argmin(axis=1)
            found = self._known[codes]
        return found


def _patch(indices: NDArray[np.uint8], changed: NDArray[np.bool_]) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """Return the part in which anything has changed, clear where nothing has, and its left top corner."""
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return np.where(changed[part], indices[part], np.uint8(_CLEAR)), (int(columns[0]), int(rows[0]))
