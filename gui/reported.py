"""What goes wrong where raising would end the process is told to the hook of stray exceptions instead."""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def reported(step: Callable[..., None]) -> Callable[..., None]:
    """Make what goes wrong in a function known without raising it."""

    @functools.wraps(step)
    def wrapped(*args: Any) -> None:
        try:
            step(*args)
        except Exception:
            sys.excepthook(*sys.exc_info())

    return wrapped
