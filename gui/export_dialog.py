"""The export window: pictures are written at once, data, scripts and animations while it waits. Not modal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal

from core.animation import KINDS, AnimationError
from core.files import ExportError
from core.scripts import SCRIPTS
from gui import theme
from gui.animating import Animating
from gui.export_form import ExportForm, problem_of
from gui.file_writing import FileWriting
from gui.panel_export import PICTURES, Request, data_writer, export_panel
from gui.projector import Projector
from gui.script_export import script_writer
from gui.theme import Severity

if TYPE_CHECKING:
    from pathlib import Path

    from PySide6.QtWidgets import QWidget

    from gui.panel import Panel
    from gui.settings import Settings


class ExportDialog(ExportForm):
    """Writes what a panel shows; `done_with(text, severity)` says how that went."""

    done_with = Signal(str, object)

    def __init__(self, panel: Panel, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(panel, settings, parent)
        self._making: Animating | FileWriting | None = None
        self.write.clicked.connect(self._write)
        self.cancel.clicked.connect(self._give_up)

    def _write(self) -> None:
        request = self.request()
        problem = problem_of(request)
        if not problem:
            try:
                self._begin(request)
            except (ExportError, ValueError) as error:
                problem = str(error)
        self.say(problem)

    def _begin(self, request: Request) -> None:
        """Write a picture, or begin to write what takes longer, of the record as it is now."""
        if request.format in PICTURES:
            self._finish(export_panel(self._panel, request))
        elif request.format in KINDS:
            self._make(self._animation(request))
            self._show_progress(0, 1)
        else:
            writer = script_writer if request.format in SCRIPTS else data_writer
            self._make(FileWriting(writer(self._panel, request), self))

    def _finish(self, written: list[Path]) -> None:
        self.remember()
        self.done_with.emit(f"Wrote {', '.join(str(path) for path in written)}", Severity.INFO)
        self.accept()

    # What takes longer.

    @property
    def busy(self) -> bool:
        """Whether files are in the making."""
        return self._making is not None

    def _animation(self, request: Request) -> Animating:
        """Return an animation of the record as it is now."""
        reel = self._panel.reel()
        if reel is None:
            raise AnimationError(f"Animation: {self._panel.still_words}")
        self.animation.set_reel(reel)
        film = self.animation.film(request.format, self.film_size())
        look = theme.THEMES.get(self.colours.currentText()) or theme.current()
        view = self._panel.view_class()
        projector = Projector(reel, view, look, request.size, request.scale, request.what, self._panel.view)
        return Animating(projector, film, request.folder / f"{request.name}.{request.format}", self)

    def _make(self, made: Animating | FileWriting) -> None:
        self._making = made
        made.progressed.connect(self._show_progress)
        made.done.connect(self._made)
        made.failed.connect(self._not_made)
        made.start()
        self.write.setEnabled(False)

    def _show_progress(self, done: int, total: int) -> None:
        """Say how far it is; what is over at once never gets here, so that nothing flickers."""
        if self._making is None:
            return
        self._set_busy(True)
        share = min(1.0, done / total) if total else None
        amount = f"{100 * share:.0f} %" if share is not None else f"{done:,} rows" if done else ""
        self.progress.show_progress(f"{self._making.verb} … {amount}".rstrip(), share, can_cancel=False)

    def _set_busy(self, busy: bool) -> None:
        self.write.setEnabled(not busy)
        if self.progress.isHidden() == busy:
            self._body.setEnabled(not busy)
            self.progress.setVisible(busy)
            self.adjustSize()

    def _made(self, written: list[Path]) -> None:
        self._end_making()
        self._finish(written)

    def _not_made(self, error: Exception) -> None:
        self._end_making()
        if not isinstance(error, (ExportError, MemoryError)):
            raise error
        self.say(str(error) or "there is not enough memory")

    def _end_making(self) -> None:
        if self._making is not None:
            self._making.deleteLater()
            self._making = None
        self._set_busy(False)

    def _give_up(self) -> None:
        """Cancel what is in the making, or else close."""
        if self._making is None:
            self.reject()
        elif not self._making.settle():
            self.stop()
            self.done_with.emit("Cancelled; no file was written.", Severity.INFO)

    def stop(self, patience: float = 0.0) -> None:
        """Give up what is in the making; wait so many seconds for its thread to end."""
        if self._making is not None:
            self._making.cancel(patience)
            self._end_making()

    def done(self, result: int) -> None:
        """Close; what is in the making is given up."""
        self.stop()
        super().done(result)
