"""What an animation is made from: the record that is on screen, and how any moment of it is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from core.figures import Preset
    from core.parameters import Configuration
    from gui.views.base import View

    Show = Callable[[View], None]
    Shows = Generator[Show, None, None]
    Compute = Callable[[Sequence[int], Callable[[], bool]], Shows]

WHOLE = "whole panel"


@dataclass(frozen=True, slots=True)
class Reel:
    """A record: its `moments`, each of which `show` draws, with the frame whose legend it has.

    `unit` names a moment ("step"); `remark` says what is not as on the screen, if anything is. Its pictures take
    `density` times as many bytes as plots do, roughly. Of moments that are not recorded `compute(moments, given_up)`
    is to yield, on a thread that touches no Qt, what shows each of them, and `show` draws what is on the screen, to
    prepare a view.
    """

    configuration: Configuration
    preset: Preset
    frame: Any
    moments: Sequence[int]
    unit: str
    show: Callable[[View, int], None]
    remark: str = ""
    density: float = 1.0
    compute: Compute | None = None


def reel_of(configuration: Configuration, preset: Preset, frame: Any, unit: str) -> Reel:
    """Return all of a frame's record."""
    moments = range(frame.position + 1)
    return Reel(configuration, preset, frame, moments, unit, lambda view, at: view.show_frame(frame, at))
