"""The numbers of every step's equation as a table: of paths, by lane, step, coordinate and symbol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.equations import GRADIENT, path_values
from core.export import write_tables
from core.tables import Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from core.experiments.paths import PathsFrame
    from core.tables import Row
    from core.writing import Writing


def write_steps(frame: PathsFrame, folder: Path, name: str, writing: Writing | None = None) -> list[Path]:
    """Write the table as `NAME-steps.csv` and return its path; raises ExportError."""
    found = {lane.name: path_values(frame, row) for row, lane in enumerate(frame.lanes)}
    many = sum(values.size for of_lane in found.values() for values in of_lane.values())
    table = Table("-steps", ("lane", "step", "coordinate", "symbol", "value"), _rows(found), many)
    return write_tables([table], folder, name, writing)


def _rows(found: Mapping[str, Mapping[str, Any]]) -> Iterator[Row]:
    for lane, symbols in found.items():
        steps = [values.tolist() for values in symbols.values()]
        for step in range(len(symbols[GRADIENT])):
            for axis, coordinate in enumerate("xy"):
                for symbol, values in zip(symbols, steps, strict=True):
                    yield [lane, step + 1, coordinate, symbol, values[step][axis]]
