"""Files that are written whole or not at all: into a temporary neighbour first, which then takes the name.

And the formats of data, by what they are called.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


FORMATS = ("csv", "json", "npz")
STEPS = "steps"
"""The numbers of every step of paths; asked for by itself, as there are many rows."""


class ExportError(OSError):
    """A file that could not be written; the message says which and why, in one line."""


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


# Asked for once: it can only be read by setting it, and files are written by several threads.
_MODE = 0o666 & ~_umask()


@contextmanager
def whole_file(path: Path, mode: str = "wb", **options: Any) -> Iterator[IO[Any]]:
    """Open a file that appears under `path` when the block ends well, and not at all otherwise; raises ExportError."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise ExportError(f"{path}: cannot be written: {error.strerror or error}") from error
    try:
        with os.fdopen(handle, mode, **options) as file:
            yield file
        os.chmod(name, _MODE)
        os.replace(name, path)
    except ExportError:  # of another file, written beside this one
        raise
    except OSError as error:
        raise ExportError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        Path(name).unlink(missing_ok=True)
