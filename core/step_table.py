"""The numbers of every step's equation as a table: of paths, by lane, step, coordinate and symbol."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.equations import GRADIENT, path_values
from core.export import write_tables
from core.tables import Table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from core.experiments.paths import PathsFrame
    from core.tables import Row


def write_steps(frame: PathsFrame, folder: Path, name: str) -> list[Path]:
    """Write the table as `NAME-steps.csv` and return its path; raises ExportError."""
    table = Table("-steps", ("lane", "step", "coordinate", "symbol", "value"), _rows(frame))
    return write_tables([table], folder, name)


def _rows(frame: PathsFrame) -> Iterator[Row]:
    for row, lane in enumerate(frame.lanes):
        found = path_values(frame, row)
        for step in range(len(found[GRADIENT])):
            for axis, coordinate in enumerate("xy"):
                for symbol, values in found.items():
                    yield [lane.name, step + 1, coordinate, symbol, values[step, axis]]
