"""Takes what a window shows as a session and writes it; engines hand their runs over, a thread of its own writes."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from gui.background import Background

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Future
    from pathlib import Path

    from core.datasets import Dataset
    from core.experiments.saved import SavedRun
    from core.parameters import Configuration
    from gui.main_window import MainWindow

_HAND_OVER = 60.0  # seconds that an engine may take until it hands its run over


@dataclass(frozen=True, slots=True)
class _Part:
    """A panel's part of a session, whose run is still to come."""

    configuration: Configuration
    view: Mapping[str, Any]
    run: Future[SavedRun | None]


class SessionWriter(QObject):
    """Writes one session at a time: `written(path)` or `failed(path, error)` comes in the GUI's thread."""

    written = Signal(object)
    failed = Signal(object, object)

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._work = Background("saving", self)
        self._work.done.connect(lambda path: self.written.emit(path))
        self._work.failed.connect(lambda error: self.failed.emit(self._path, error))
        self._path: Path | None = None
        self._ended = False

    @property
    def busy(self) -> bool:
        """Whether a session is being written."""
        return self._work.busy

    def write(self, path: Path, whole: bool) -> None:
        """Begin; with all checkpoints if `whole`, else with what is needed to go on."""
        self._path = path
        make = self.taking(path, whole)

        def work() -> Path:
            make()
            return path

        self._work.run(work)

    def taking(self, path: Path, whole: bool) -> Callable[[], None]:
        """Ask the engines for their runs now; what is returned waits for them and writes, on another thread."""
        parts = {
            key: _Part(panel.configuration, panel.view_state(), panel.own_player.runner.save(whole))
            for key, panel in self._window.panels.items()
        }
        dataset = self._window.data.current() if self._window.data.panels() else None
        state = self._window_state()
        return lambda: self._make(parts, state, dataset, path, whole)

    def state(self) -> tuple[Any, ...]:
        """Return what differs whenever there is something new to save."""
        return tuple(
            (key, panel.own_player.status.loads, panel.own_player.status.position, id(panel.configuration))
            for key, panel in self._window.panels.items()
        )

    def has_run(self) -> bool:
        """Whether there is anything to lose: a network that has made an update."""
        return any(panel.own_player.status.position for panel in self._window.data.panels())

    def _window_state(self) -> dict[str, Any]:
        panel = self._window.current()
        return {"panel": panel.entry.key if panel else "data", "saved": time.time()}

    def _make(
        self, parts: Mapping[str, _Part], window: Mapping[str, Any], dataset: Dataset | None, path: Path, whole: bool
    ) -> None:
        from core.session import DataReference, PanelState, Session, write_session

        panels = {
            key: PanelState(part.configuration, _handed_over(key, part), part.view) for key, part in parts.items()
        }
        if self._ended:
            return  # engines that have ended hand nothing over: that is not what was there
        data = None
        if dataset is not None:
            data = DataReference(dataset.source, dataset.name, dataset.identity())
        write_session(Session(panels, window, data), path)
        if self._ended and not whole:
            path.unlink(missing_ok=True)  # its window is closed: nobody is to be offered what it saved by itself

    def end(self, patience: float) -> None:
        """Wait so many seconds for what is being written, and for what is asked for then; later nothing is."""
        while self._work.busy:
            self._work.finish(patience)
        self._ended = True


def _handed_over(key: str, part: _Part) -> SavedRun | None:
    """Wait for a panel's run; raises TimeoutError, which says whose engine is at work for so long."""
    try:
        return part.run.result(_HAND_OVER)
    except TimeoutError:
        raise TimeoutError(f"the run of {key} was not handed over within {_HAND_OVER:.0f} s; save again") from None
