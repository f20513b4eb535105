"""What a window is answered when it asks for a file or a decision: anything, now and then nothing."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget

from tests.gui_helpers import write_idx

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator
    from pathlib import Path

_TARGETS = ("mine.trainscope", "other.trainscope", "no/such/folder/x.trainscope")
_NONE = 0.33  # share of the questions that are cancelled


class Answers:
    """Answers file dialogs and questions while it is entered, and those that wait in a loop of their own."""

    def __init__(self, folder: Path, numbers: Callable[[], random.Random]) -> None:
        """Make things to open in a folder: data, what only looks like a session, nothing; later also what is saved."""
        self._folder, self._numbers = folder, numbers
        (folder / "empty").mkdir(exist_ok=True)
        (folder / "broken.trainscope").write_bytes(b"PK\x03\x04 no archive")
        (folder / "notes.txt").write_text("not a session")
        self._things = [write_idx(folder / "digits"), folder / "empty", folder / "missing.trainscope"]

    def file(self) -> str:
        """Return a file or folder to open, or none."""
        found = [*self._things, *sorted(path for path in self._folder.iterdir() if path.is_file())]
        return "" if self._numbers().random() < _NONE else str(self._numbers().choice(found))

    def target(self) -> str:
        """Return a file to save to, or none."""
        return "" if self._numbers().random() < _NONE else str(self._folder / self._numbers().choice(_TARGETS))

    def leave(self, waiting: QWidget) -> None:
        """Answer what waits in a loop of its own: a file for a file dialog, else nothing."""
        if isinstance(waiting, QFileDialog):
            saves = waiting.acceptMode() is QFileDialog.AcceptMode.AcceptSave
            waiting.selectFile(self.target() if saves else self.file())
            waiting.done(self._numbers().randrange(2))
        waiting.close()

    @contextlib.contextmanager
    def given(self) -> Iterator[None]:
        """Answer what would be asked in one call."""
        answers: dict[tuple[type, str], Callable[..., Any]] = {
            (QFileDialog, "getOpenFileName"): lambda *_a, **_k: (self.file(), ""),
            (QFileDialog, "getOpenFileNames"): lambda *_a, **_k: ([self.file()], ""),
            (QFileDialog, "getSaveFileName"): lambda *_a, **_k: (self.target(), ""),
            (QFileDialog, "getExistingDirectory"): lambda *_a, **_k: self.file(),
            **{(QMessageBox, name): self._decide for name in ("question", "warning", "information", "critical")},
        }
        before = {place: getattr(*place) for place in answers}
        for (owner, name), answer in answers.items():
            setattr(owner, name, staticmethod(answer))
        try:
            yield
        finally:
            for (owner, name), answer in before.items():
                setattr(owner, name, answer)

    def _decide(self, *_args: Any, **_kwargs: Any) -> QMessageBox.StandardButton:
        kinds = QMessageBox.StandardButton
        return self._numbers().choice((kinds.Yes, kinds.No, kinds.Cancel))
