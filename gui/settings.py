"""What the program remembers: window, panel, theme, notes, and each panel's last configuration.

Whatever is read back is checked like any other input; what does not pass is forgotten.
"""

from __future__ import annotations

import json
import logging
import math
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QByteArray, QSettings

if TYPE_CHECKING:
    from core.parameters import Configuration

_MOST_LISTED = 8
_log = logging.getLogger(__name__)


class Settings:
    """Remembered settings; with `fresh` the stored ones are ignored, but replaced at the end."""

    def __init__(self, fresh: bool = False, store: QSettings | None = None) -> None:
        """Open the user's store, or the given one."""
        self._store = store if store is not None else QSettings("Trainscope", "Trainscope")
        if fresh:
            self._store.clear()

    def text(self, key: str, default: str = "") -> str:
        """Return a remembered text."""
        value = self._store.value(key, default)
        return value if isinstance(value, str) else default

    def flag(self, key: str, default: bool) -> bool:
        """Return a remembered switch."""
        return self.text(key, str(default).lower()) == "true"

    def number(self, key: str, default: float, most: float) -> float:
        """Return a remembered number from 0 to `most`."""
        try:
            value = float(self.text(key))
        except ValueError:
            value = math.nan
        return value if 0.0 <= value <= most else default

    def data(self, key: str) -> Any:
        """Return remembered bytes, such as a window's geometry; None without any."""
        value = self._store.value(key)
        return value if isinstance(value, QByteArray) else None

    def save(self, key: str, value: Any) -> None:
        """Remember a value."""
        self._store.setValue(key, str(value).lower() if isinstance(value, bool) else value)

    def listed(self, key: str) -> list[str]:
        """Return remembered texts, such as the names of files, the newest first."""
        try:
            found = json.loads(self.text(key, "[]"))
        except (ValueError, RecursionError):
            found = []
        return [text for text in found if isinstance(text, str)][:_MOST_LISTED] if isinstance(found, list) else []

    def put_first(self, key: str, text: str) -> None:
        """Put a text at the head of a list."""
        self.save(key, json.dumps([text, *(found for found in self.listed(key) if found != text)][:_MOST_LISTED]))

    def take_out(self, key: str, text: str) -> None:
        """Take a text out of a list."""
        self.save(key, json.dumps([found for found in self.listed(key) if found != text]))

    def save_configuration(self, panel: str, configuration: Configuration) -> None:
        """Remember a panel's configuration, without its changes in mid-run."""
        found = {"preset": configuration.preset, "values": dict(configuration.values)}
        self.save(f"panels/{panel}", json.dumps(found))

    def configuration(self, panel: str) -> Configuration | None:
        """Return a panel's remembered configuration; None where there is none that can still be used."""
        from core.presets import panel_presets

        text = self.text(f"panels/{panel}")
        if not text:
            return None
        try:
            found = json.loads(text)
            preset = next(p for p in panel_presets(panel) if p.name == found["preset"])
            known = {parameter.key for parameter in preset.parameters()}
            return preset.configuration({key: value for key, value in found["values"].items() if key in known})
        except (ValueError, KeyError, TypeError, AttributeError, StopIteration, RecursionError) as error:
            _log.warning("remembered settings of %s are not used: %s", panel, error)
            return None
