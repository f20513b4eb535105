"""The sheet of a data set's images: what is in its cells, and where these are.

A row is a class and the last row all of them; column 0 has the mean images, the others examples.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF

from gui.data_parts import Picture, fitted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from core.overview import Overview, PartOverview

Cell = tuple[int, int]
"""Row and column."""

HEAD = 26.0
_LABEL, _MARGIN = 50.0, 12.0
_GAP, _LINE_GAP = 5.0, 3.0  # between images side by side, and one above the other
_BARS = 96.0, 150.0  # least and greatest width of a column of bars
_WIDEST = 2.4  # a cell's width in heights
_MEAN_GAP = 18.0
_MEAN = 34.0  # least width of the column of means: its head's


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """What is in the cells of one part of a data set, from the `first` image of each class's order on."""

    overview: Overview
    training: bool
    first: int
    columns: int
    examples: NDArray = field(init=False)

    def __post_init__(self) -> None:
        """Choose the examples, (classes, columns), -1 for none."""
        object.__setattr__(self, "examples", self.part.examples(self.first, self.columns))

    @property
    def part(self) -> PartOverview:
        """The part whose images are shown."""
        return self.overview.train if self.training else self.overview.test

    @property
    def kind(self) -> str:
        """What the part is for."""
        return part_words(self.training)

    @property
    def classes(self) -> int:
        """How many rows have examples."""
        return len(self.part.counts)

    @property
    def has_others(self) -> bool:
        """Whether a class has more images than are shown."""
        return bool(self.part.counts.max() > self.columns)

    def picture(self, cell: Cell) -> Picture | None:
        """Return what a cell shows; None for an empty one."""
        row, column = cell
        if column == 0:
            return self._mean(row)
        index = int(self.examples[row, column - 1]) if row < self.classes and column <= self.columns else -1
        if index < 0:
            return None
        pixels = self.part.images[index].reshape(self.overview.shape)
        return Picture(pixels, f"{self.kind} image {index:,} · label {row}")

    def pictures(self) -> dict[Cell, Picture]:
        """Return the cells that show something, row by row, and what they show."""
        cells = [(row, column) for row in range(self.classes) for column in range(self.columns + 1)]
        found = {cell: self.picture(cell) for cell in (*cells, (self.classes, 0))}
        return {cell: picture for cell, picture in found.items() if picture is not None}

    def _mean(self, row: int) -> Picture | None:
        part, shape = self.part, self.overview.shape
        if row == self.classes:
            return Picture(part.mean.reshape(shape), f"mean of all {len(part.labels):,} {self.kind} images")
        if not part.counts[row]:
            return None
        return Picture(part.means[row].reshape(shape), f"mean of label {row} · {part.counts[row]:,} {self.kind} images")


def part_words(training: bool) -> str:
    """Name a part of a data set."""
    return "training" if training else "test"


@dataclass(frozen=True, slots=True)
class Places:
    """Where the parts of a sheet are, in a widget of this size, for images of this shape (rows, columns)."""

    width: float
    height: float
    shape: tuple[int, int]
    classes: int

    @property
    def pitch(self) -> float:
        """The height of a row."""
        return float(max(20, int((self.height - HEAD) / (self.classes + 1))))

    @property
    def tile(self) -> QRectF:
        """An image's place, from its cell's corner on."""
        side = self.pitch - _LINE_GAP
        found = fitted(QRectF(0.0, 0.0, _WIDEST * side, side), self.shape)
        return QRectF(0.0, (self.pitch - found.height()) // 2, found.width(), found.height())

    @property
    def columns(self) -> int:
        """How many examples of a class there is room for, one at least."""
        return max(1, int((self.width - _MARGIN - self.left_of(1)) // (self.tile.width() + _GAP)))

    @property
    def bars(self) -> float:
        """The width of one column of bars."""
        return min(max(0.13 * self.width, _BARS[0]), _BARS[1])

    def left_of(self, column: int) -> float:
        """Return the left edge of a column of images."""
        mean = float(int(_LABEL + 2 * self.bars))
        if column == 0:
            return mean
        examples = mean + max(self.tile.width(), _MEAN) + _GAP + _MEAN_GAP
        return examples + (column - 1) * (self.tile.width() + _GAP)

    def line(self, row: int) -> QRectF:
        """Return a whole row."""
        return QRectF(0.0, HEAD + row * self.pitch, self.width, self.pitch)

    def label(self, row: int) -> QRectF:
        """Return where a row's name is."""
        return QRectF(0.0, self.line(row).top(), _LABEL - 14.0, self.pitch)

    def bar(self, row: int, training: bool) -> QRectF:
        """Return where a class is counted."""
        left = _LABEL if training else _LABEL + self.bars
        return QRectF(left, self.line(row).top(), self.bars - 14.0, self.pitch)

    def image(self, cell: Cell) -> QRectF:
        """Return where a cell's image is."""
        row, column = cell
        return self.tile.translated(self.left_of(column), self.line(row).top())

    def rest(self, row: int) -> QRectF:
        """Return the room right of a row's mean image."""
        left = self.left_of(1)
        return QRectF(left, self.line(row).top(), self.width - _MARGIN - left, self.pitch)

    def at(self, point: QPointF) -> Cell | None:
        """Return the cell whose image, or the margin around it, is at a point."""
        reach = _LINE_GAP / 2
        for row in range(self.classes + 1):
            for column in range(self.columns + 1 if self.line(row).contains(point) else 0):
                if self.image((row, column)).adjusted(-reach, -reach, reach, reach).contains(point):
                    return row, column
        return None
