"""What an animation is made from: the record that is on screen, and how any moment of it is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from core.figures import Preset
    from core.parameters import Configuration
    from gui.views.base import View

WHOLE = "whole panel"


@dataclass(frozen=True, slots=True)
class Reel:
    """A record: its `moments`, each of which `show` draws, with the frame whose legend it has.

    `unit` names a moment ("step"); `remark` says what is not as on the screen, if anything is.
    """

    configuration: Configuration
    preset: Preset
    frame: Any
    moments: Sequence[int]
    unit: str
    show: Callable[[View, int], None]
    remark: str = ""


def reel_of(configuration: Configuration, preset: Preset, frame: Any, unit: str) -> Reel:
    """Return all of a frame's record."""
    moments = range(frame.position + 1)
    return Reel(configuration, preset, frame, moments, unit, lambda view, at: view.show_frame(frame, at))
