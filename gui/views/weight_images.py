"""Weights as images: each unit of the first layer as what it looks for, any other layer as one picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QPainter, QPen

from gui.plots import TICK_PIXELS, PlotColours, blend
from gui.views.base import short_number
from gui.views.page import (
    ARROWS,
    LEFT,
    NO_LEVEL,
    Picture,
    diverging,
    diverging_levels,
    diverging_table,
    draw_cross,
    draw_scale,
    indexed,
    text_width,
    write,
)

if TYPE_CHECKING:
    from PySide6.QtGui import QKeyEvent, QMouseEvent
    from PySide6.QtWidgets import QWidget

    from core.insight import Insight

_GAP, _LEGEND = 4.0, 32.0
_LEAST_FRAMED = 14.0
_TURNS = {Qt.Key.Key_PageUp: -1, Qt.Key.Key_PageDown: 1}
POINT_AT_A_WEIGHT = "Point at a pixel to read its weight; click to pick it."

Place = tuple[int, int, int]
"""A weight: layer from 1 on, input from 0 on (of the first layer: the pixel's number), unit from 0 on."""


@dataclass(frozen=True, slots=True)
class Tiles:
    """Where so many images of this shape (rows, columns) are in a room."""

    room: QRectF
    count: int
    shape: tuple[int, int]

    @property
    def grid(self) -> tuple[int, QRectF]:
        """Columns of tiles, and a tile's size: the largest of which all fit."""
        rows, columns = self.shape
        best, size = 1, 0.0
        for across in range(1, self.count + 1):
            down = -(-self.count // across)
            scale = min(
                (self.room.width() - (across - 1) * _GAP) / (across * columns),
                (self.room.height() - (down - 1) * _GAP) / (down * rows),
            )
            if scale > size:
                best, size = across, scale
        size = float(int(size)) if size >= 2 else max(size, 0.05)
        return best, QRectF(0.0, 0.0, size * columns, size * rows)

    def places(self) -> list[QRectF]:
        """Return the tiles, row by row."""
        across, tile = self.grid
        pitch_x, pitch_y = tile.width() + _GAP, tile.height() + _GAP
        left, top = self.room.left(), self.room.top()
        return [
            tile.translated(left + n % across * pitch_x, top + n // across * pitch_y).toAlignedRect().toRectF()
            for n in range(self.count)
        ]


class WeightImages(Picture):
    """The first layer's units as images, or another layer's weights as one; `picked` carries a Place."""

    picked = Signal(object)
    read = Signal(str)
    own_keys: ClassVar[tuple[Qt.Key, ...]] = (*ARROWS, *_TURNS)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("weight-images", "weights as images", parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.layer, self.place = 1, (1, 14 * 28 + 14, 0)
        self._sorted = False
        self._order: list[int] = []  # units by their tiles
        self._kept: tuple[Any, list[QRectF]] = (None, [])

    def minimumSizeHint(self) -> QSize:
        """Keep room for some images."""
        return QSize(280, 200)

    def show_insight(self, insight: Insight) -> None:
        """Show another moment; sorted units keep their tiles while they are as many, unless it is asked for anew."""
        before = self.insight
        super().show_insight(insight)
        if before is None or before.lane != insight.lane or len(self._order) != len(insight.norms):
            self.sort(self._sorted)

    def adopt(self, other: WeightImages) -> None:
        """Show the same layer, its units in the same order."""
        self.layer, self.place = other.layer, other.place
        self._sorted, self._order = other._sorted, list(other._order)

    def show_layer(self, layer: int) -> None:
        """Show the weights of a layer, from 1 on."""
        self.layer = layer
        self.update()

    def show_place(self, place: Place) -> None:
        """Mark a weight."""
        self.place = place
        self.update()

    def sort(self, wanted: bool) -> None:
        """Show units with the largest weights first, as they are now, or in their own order."""
        self._sorted = wanted
        if self.insight is not None:
            norms = self.insight.norms
            self._order = (np.argsort(-norms, kind="stable") if wanted else np.arange(len(norms))).tolist()
        self.update()

    # Places.

    def tiles(self, room: QRectF) -> Tiles:
        """Return where the images are in a room."""
        assert self.insight is not None
        inner = room.adjusted(0.0, 0.0, 0.0, -_LEGEND)
        if self.layer == 1:
            return Tiles(inner, len(self.insight.norms), self.insight.tests.shape)
        return Tiles(inner, 1, self.insight.weights[self.layer - 1].shape)

    def _rects(self, room: QRectF) -> list[QRectF]:
        tiles = self.tiles(room)
        if self._kept[0] != tiles:
            self._kept = tiles, tiles.places()
        return self._kept[1]

    def place_at(self, point: QPointF) -> Place | None:
        """Return the weight at a place of the widget."""
        if self.insight is None:
            return None
        rows, columns = self.tiles(QRectF(self.rect())).shape
        for tile, rect in enumerate(self._rects(QRectF(self.rect()))):
            if rect.contains(point):
                row = min(int((point.y() - rect.top()) / rect.height() * rows), rows - 1)
                column = min(int((point.x() - rect.left()) / rect.width() * columns), columns - 1)
                first = self.layer == 1
                return (1, row * columns + column, self._order[tile]) if first else (self.layer, row, column)
        return None

    def rect_of(self, place: Place) -> QRectF:
        """Return where a weight of the layer that is shown is drawn on the screen."""
        rects = self._rects(QRectF(self.rect()))
        rows, columns = self.tiles(QRectF(self.rect())).shape
        _, entry, unit = place
        first = self.layer == 1
        tile = rects[self._order.index(unit) if first else 0]
        row, column = divmod(entry, columns) if first else (entry, unit)
        width, height = tile.width() / columns, tile.height() / rows
        return QRectF(tile.left() + column * width, tile.top() + row * height, width, height)

    # Mouse and keys.

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Read the weight under the mouse."""
        place = self.place_at(event.position())
        self.read.emit(POINT_AT_A_WEIGHT if place is None else self.words(place))

    def leaveEvent(self, event: Any) -> None:
        """Read nothing any more."""
        self.read.emit(POINT_AT_A_WEIGHT)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Pick the weight under the mouse."""
        place = self.place_at(event.position())
        if event.button() == Qt.MouseButton.LeftButton and place is not None:
            self.picked.emit(place)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Pick a neighbour in the image, or the same pixel of the unit before or after."""
        key = Qt.Key(event.key())
        if self.insight is None or key not in (*ARROWS, *_TURNS):
            super().keyPressEvent(event)
            return
        _, entry, unit = self.place
        inputs, units = self.insight.weights[self.layer - 1].shape
        if key in _TURNS:
            unit += _TURNS[key]
        elif self.layer == 1:
            columns = self.insight.tests.shape[1]
            row, column = entry // columns + ARROWS[key][0], entry % columns + ARROWS[key][1]
            entry = row * columns + min(max(column, 0), columns - 1) if 0 <= row < inputs // columns else entry
        else:
            entry, unit = entry + ARROWS[key][0], unit + ARROWS[key][1]
        self.picked.emit((self.layer, min(max(entry, 0), inputs - 1), min(max(unit, 0), units - 1)))

    def words(self, place: Place) -> str:
        """Say where a weight is and what it is."""
        assert self.insight is not None
        layer, entry, unit = place
        value = self.insight.weights[layer - 1][entry, unit]
        said = "never used" if np.isnan(value) else short_number(float(value))
        if layer > 1:
            return f"layer {layer}, input {entry + 1}, unit {unit + 1}: {said}"
        silent = bool(self.insight.results.silent[0][unit]) if self.insight.results.silent else False
        row, column = divmod(entry, self.insight.tests.shape[1])
        return f"unit {unit + 1}{' (silent)' if silent else ''}, row {row}, column {column}: {said}"

    # Painting.

    def draw(self, painter: QPainter, room: QRectF, colours: PlotColours) -> None:
        """Draw all images on one scale."""
        assert self.insight is not None
        tiles, rects, silent = self.tiles(room), self._rects(room), self.insight.results.silent
        rows, columns = tiles.shape
        sheet = self._sheet(colours)
        first = self.layer == 1
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, rects[0].width() < columns)
        for tile, rect in enumerate(rects):
            unit = self._order[tile] if first else 0
            painter.drawImage(rect, sheet, QRectF(0.0, unit * rows, columns, rows))
            if first and silent and silent[0][unit]:
                draw_cross(painter, rect.adjusted(2, 2, -2, -2), QColor(colours.foreground))
        if rects[0].width() >= _LEAST_FRAMED:
            painter.setPen(QPen(blend(colours.muted, colours.background, 0.35), 1.0))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRects([rect.adjusted(-0.5, -0.5, 0.5, 0.5) for rect in rects])
        self._draw_legend(painter, room, rects[-1].bottom(), colours)

    def _sheet(self, colours: PlotColours) -> QImage:
        """Return all images below each other as one picture, which is made once for a paint: they are many."""
        assert self.insight is not None
        weights, scale = self.insight.weights[self.layer - 1], self.insight.scales[self.layer - 1]
        if self.layer > 1:
            return indexed(diverging_levels(weights, scale), diverging_table(colours))
        used = self.insight.tests.used.ravel()
        levels = np.full(weights.T.shape, NO_LEVEL, np.uint8)
        levels[:, used] = diverging_levels(weights[used].T, scale)
        return indexed(levels.reshape(-1, self.insight.tests.shape[1]), diverging_table(colours))

    def over(self, painter: QPainter) -> None:
        """Mark the weight that is picked."""
        assert self.insight is not None
        layer, entry, unit = self.place
        inputs, units = self.insight.weights[self.layer - 1].shape
        if layer != self.layer or entry >= inputs or unit >= units:
            return
        rect = self.rect_of(self.place)
        grown = max(0.0, (7.0 - rect.width()) / 2)
        rect = rect.adjusted(-grown, -grown, grown, grown)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(self.colours.background), 4.0))
        painter.drawRect(rect)
        painter.setPen(QPen(QColor(self.colours.foreground), 2.0))
        painter.drawRect(rect)

    def _draw_legend(self, painter: QPainter, room: QRectF, end: float, colours: PlotColours) -> None:
        """Draw the scale below the images, which end there."""
        assert self.insight is not None
        scale = self.insight.scales[self.layer - 1]
        top = min(end + 14.0, room.bottom() - _LEGEND + 8.0)
        bar = QRectF(room.left() + 22.0, top, min(190.0, 0.34 * room.width()), _LEGEND)
        stops = [(n / 16, diverging(colours, n / 8 - 1)) for n in range(17)]
        draw_scale(painter, bar, stops, (short_number(-scale), "0", short_number(scale)), colours)
        if self.layer > 1:
            words = "rows: inputs, columns: units"
            write(painter, QRectF(bar.right() + 40.0, top - 4.0, 240.0, 17.0), words, colours.muted, LEFT, TICK_PIXELS)
            return
        left = bar.right() + 40.0
        swatch = QRectF(left, top - 1.0, 11.0, 11.0)
        painter.fillRect(swatch, QColor.fromRgba(diverging_table(colours)[-1]))
        words = "never used"
        write(painter, QRectF(left + 17.0, top - 4.0, 90.0, 17.0), words, colours.muted, LEFT, TICK_PIXELS)
        silent = self.insight.results.silent
        many = int(silent[0].sum()) if silent else 0
        if many:
            left += 17.0 + text_width(words, TICK_PIXELS) + 22.0
            draw_cross(painter, QRectF(left, top - 1.0, 11.0, 11.0), QColor(colours.foreground))
            said = f"{many:,} silent: 0 for every {self.insight.tests.kind} image"
            place = QRectF(left + 17.0, top - 4.0, room.right() - left - 17.0, 17.0)
            write(painter, place, said, colours.muted, LEFT, TICK_PIXELS)
