"""The part of the export window that is about animations: length, rate, from where to where, and what that makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QCheckBox, QDoubleSpinBox, QFormLayout, QLabel, QSpinBox, QWidget

from core.animation import LONGEST, LONGEST_HOLD, AnimationError, fastest, film
from gui.widgets import row_of

if TYPE_CHECKING:
    from core.animation import Film
    from gui.reels import Reel
    from gui.settings import Settings

_DEFAULTS = {"seconds": 6.0, "rate": 25.0, "hold": 1.5}
_MOST_POSITION = 2**31 - 1


class AnimationFields(QObject):
    """Asks how an animation runs; `changed` comes with every change."""

    changed = Signal()

    def __init__(self, settings: Settings, parent: QWidget) -> None:
        super().__init__(parent)
        self._settings, self._parent = settings, parent
        self._reel: Reel | None = None
        self.seconds = self._real("seconds", 0.5, LONGEST)
        self.rate = QSpinBox(self._parent)
        self.rate.setRange(1, max(map(fastest, ("gif", "mp4"))))
        self.hold = self._real("hold", 0.0, LONGEST_HOLD)
        self.first, self.last = QSpinBox(self._parent), QSpinBox(self._parent)
        self.loop = QCheckBox("play again and again", parent)
        self.note = QLabel(parent)
        self._prepare()

    def _real(self, name: str, low: float, high: float) -> QDoubleSpinBox:
        box = QDoubleSpinBox(self._parent)
        box.setRange(low, high)
        box.setDecimals(1)
        box.setSingleStep(0.5)
        box.setSuffix(" s")
        box.setValue(self._settings.number(f"export/animation/{name}", _DEFAULTS[name], high))
        return box

    def _prepare(self) -> None:
        self.rate.setSuffix(" / s")
        self.rate.setValue(
            round(self._settings.number("export/animation/rate", _DEFAULTS["rate"], self.rate.maximum()))
        )
        self.loop.setChecked(self._settings.flag("export/animation/loop", True))
        self.loop.setObjectName("animation-loop")
        self.loop.toggled.connect(self.changed)
        names = {
            "seconds": "length",
            "rate": "frames per second",
            "hold": "hold the end",
            "first": "from",
            "last": "to",
        }
        for name, words in names.items():
            box = getattr(self, name)
            box.setObjectName(f"animation-{name}")
            box.setAccessibleName(words)
            box.setProperty("arrows", True)
            box.lineEdit().setTextMargins(5, 0, 5, 0)
            box.valueChanged.connect(self.changed)
        self.note.setObjectName("animation-note")
        self.note.setProperty("role", "muted")
        self.note.setWordWrap(True)

    def add_to(self, form: QFormLayout) -> None:
        """Add the rows to a form."""
        self._unit = QLabel(self._parent)
        rows = (
            ("Length", row_of(self.seconds, QLabel("at up to", self._parent), self.rate, 1)),
            ("From", row_of(self.first, QLabel("to", self._parent), self.last, self._unit, 1)),
            ("Hold the end", row_of(self.hold, 1)),
            ("", self.loop),
            ("", self.note),
        )
        for label, row in rows:
            form.addRow(label, row)
        self._form, self._rows = form, [row for _, row in rows]

    def set_visible(self, shown: bool) -> None:
        """Show the rows, or hide them."""
        for row in self._rows:
            self._form.setRowVisible(row, shown)

    def set_reel(self, reel: Reel) -> None:
        """Offer a record's moments; an end that is not chosen stays at its end."""
        whole = self._reel is None or self.last.value() == self.last.maximum()
        fresh, self._reel = self._reel is None, reel
        low, high = reel.moments[0], min(reel.moments[-1], _MOST_POSITION)
        for box in (self.first, self.last):
            box.blockSignals(True)
            box.setRange(low, high)
        if fresh:
            self.first.setValue(low)
        if whole:
            self.last.setValue(high)
        for box in (self.first, self.last):
            box.blockSignals(False)
        self._unit.setText(f"{reel.unit}s")

    def film(self, kind: str, size: tuple[int, int]) -> Film:
        """Return what is to be drawn in pictures of that many pixels; raises AnimationError."""
        assert self._reel is not None, "there is a record"
        low, high = self.first.value(), self.last.value()
        chosen = self._reel.moments
        if (low, high) != (chosen[0], chosen[-1]):
            chosen = [at for at in chosen if low <= at <= high]
        rate = min(self.rate.value(), fastest(kind))
        return film(kind, chosen, size, self.seconds.value(), rate, self.hold.value(), self.loop.isChecked())

    def tell(self, kind: str, size: tuple[int, int]) -> None:
        """Say what that makes, or why it cannot be."""
        self.loop.setEnabled(kind == "gif")
        try:
            found = self.film(kind, size)
        except AnimationError as error:
            return self.note.setText(str(error))
        assert self._reel is not None, "there is a record"
        words = film_words(found, self._reel.density), self._reel.remark
        self.note.setText("\n".join(filter(None, words)))

    def remember(self) -> None:
        """Keep for the next time what is not about one record."""
        for name in _DEFAULTS:
            self._settings.save(f"export/animation/{name}", f"{getattr(self, name).value():g}")
        self._settings.save("export/animation/loop", self.loop.isChecked())


def film_words(found: Film, density: float = 1.0) -> str:
    """Return `30 frames, 5 a second, 7.5 s with the end`, and how large that is."""
    frames = f"{len(found.positions):,} frames, {found.rate:.3g} a second, {found.seconds:.3g} s with the end"
    return f"{frames}\n{found.size[0]} × {found.size[1]} pixels, roughly {_size(density * found.expected_bytes)}"


def _size(count: float) -> str:
    return f"{count / 1e3:.2g} kB" if count < 1e5 else f"{count / 1e6:.{1 if count < 1e7 else 0}f} MB"
