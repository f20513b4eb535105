"""The run on screen as a script: into a file beside its data, off the GUI's thread, or onto the clipboard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.export import write_script
from core.presets import PRESETS
from core.scripts import NUMPY, make_script

if TYPE_CHECKING:
    from core.scripts import Script
    from gui.file_writing import Writer
    from gui.panel import Panel
    from gui.panel_export import Request

HINTS = {
    "png": "a picture of pixels, for slides and pages",
    "svg": "a picture of lines, to be enlarged and edited",
    "pdf": "a page, for printing",
    "csv": "all numbers as tables",
    "json": "the configuration: everything that reproduces the run",
    "npz": "all arrays, for NumPy",
    "numpy": "one file that gives the same numbers by itself: plain NumPy, every formula by hand",
    "torch": "one file that gives the same numbers by itself: with PyTorch's modules and optimizers",
}
"""What each format is for, in a line."""


def script_of(panel: Panel, kind: str, name: str = "") -> Script:
    """Return the run that a panel shows as a script; raises ScriptError with one line."""
    configuration = panel.run_configuration()
    dataset = panel.desk.dataset() if PRESETS[configuration.preset].uses_images else None
    return make_script(configuration, dataset, kind, name, panel.look())


def script_writer(panel: Panel, request: Request) -> Writer:
    """Return what writes the script, on a thread without Qt: packing images takes its time."""
    script = script_of(panel, request.format, request.name)
    return lambda writing: write_script(script, request.folder, writing)


def copied(panel: Panel) -> tuple[str, str]:
    """Return the NumPy script for the clipboard, and what is to be said about it."""
    script = script_of(panel, NUMPY)
    said = "The NumPy script is on the clipboard."
    if script.data:
        said += f" It reads {script.data_name} beside it: Ctrl+E, NumPy script, writes both."
    return script.text, said
