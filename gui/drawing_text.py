"""A drawing as plain data for sessions, and back: whatever does not fit is left out, whoever wrote the file."""

from __future__ import annotations

import base64
import binascii
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from core.datasets import MAX_SIDE
from core.drawing import FINE, enlarged
from gui.canvas import Drawn

if TYPE_CHECKING:
    from gui.canvas import Canvas


def drawing_view(canvas: Canvas) -> dict[str, Any]:
    """Return what is on a canvas: its image's rows and columns, the ink packed as text, whether it is centred.

    An example is not kept: another is there when somebody comes back.
    """
    drawn = canvas.drawn()
    content = b"" if drawn.blank or drawn.example else (drawn.paper if drawn.given is None else drawn.given).tobytes()
    packed = base64.b64encode(zlib.compress(content, 9)).decode() if content else ""
    return {"rows": canvas.shape[0], "columns": canvas.shape[1], "ink": packed, "centred": canvas.centred}


def drawing_from(view: Any, canvas: Canvas) -> bool:
    """Put what a session says on a canvas, and return whether it is centred."""
    plain = view if isinstance(view, dict) else {}
    rows, columns, packed = _side(plain.get("rows")), _side(plain.get("columns")), plain.get("ink")
    centred = plain.get("centred") is not False
    if not (rows and columns and isinstance(packed, str)):
        return centred
    canvas.set_shape((rows, columns))
    fine = rows * columns * FINE**2
    content = _unpacked(packed, fine)
    if len(content) == rows * columns:
        image = np.frombuffer(content, np.uint8).reshape(rows, columns)
        canvas.show_drawn(Drawn(enlarged(image), image))
    elif len(content) == fine:
        canvas.show_drawn(Drawn(np.frombuffer(content, np.uint8).reshape(FINE * rows, FINE * columns)))
    return centred


def _side(value: Any) -> int:
    """Return a side that images may have; 0 for anything else."""
    good = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_SIDE
    return int(value) if good else 0


def _unpacked(packed: str, most: int) -> bytes:
    """Return what was packed, up to so many bytes; nothing of what is no packed text."""
    try:
        return zlib.decompressobj().decompress(base64.b64decode(packed, validate=True), most + 1)
    except (binascii.Error, zlib.error, ValueError):
        return b""
