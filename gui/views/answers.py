"""What networks say of one image: each lane's probabilities as bars, and the watched lane's units, layer by layer."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPen

from gui.legend import marker_path
from gui.plots import LABEL_PIXELS, TICK_PIXELS, TITLE_PIXELS, PlotColours, blend
from gui.ramp import LEVELS, level_colour
from gui.views.base import short_number
from gui.views.page import (
    CENTRE,
    LEFT,
    Picture,
    draw_scale,
    indexed,
    probability_text,
    text_width,
    write,
)
from gui.widgets import tip

if TYPE_CHECKING:
    from PySide6.QtGui import QMouseEvent, QPainter

    from core.insight import Answers, Insight
    from core.lanes import Lane

_DIGITS = 18.0  # height of the line with the classes' names
_LEAST, _MOST = 24.0, 200.0  # height of a lane
_NARROW, _STACKED, _HEAD = 420.0, 58.0, 28.0  # below this width, lanes of this height have their words above the bars
_PALE = 0.42
_LEGEND = 34.0
_LARGEST_CELL, _SMALLEST_CROSSED = 44.0, 5.0
_STEPS = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0, 10.0)
_NOTHING_DRAWN = "Draw, or take a test image: each network's answer appears here as you draw."
RANGES = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0)}


class AnswersChart(Picture):
    """A row for each lane: its name, the probabilities as bars, the class that it takes the image for.

    `chosen` carries the name of a lane that is clicked.
    """

    chosen = Signal(str)

    def __init__(self, parent: Any = None) -> None:
        super().__init__("answers", "answers of the networks", parent)
        self.truth: int | None = None  # the class that the image is of, where that is known

    def set_truth(self, label: int | None) -> None:
        """Mark the class that the image is of, where that is known."""
        if label != self.truth:
            self.truth = label
            self.update()

    def minimumSizeHint(self) -> QSize:
        """Stay readable."""
        return QSize(150, 120)

    def show_insight(self, insight: Insight) -> None:
        """Show other answers, and say them to those who cannot see them."""
        super().show_insight(insight)
        self.setAccessibleDescription("; ".join(self.spoken()))

    def spoken(self) -> list[str]:
        """Return each lane's answer in words."""
        answers = self.insight.answers if self.insight else None
        if answers is None:
            return []
        rows = zip(answers.lanes, answers.probabilities, strict=True)
        return [f"{lane.label}: {answer_text(row)}, {probability_text(row.max())}" for lane, row in rows]

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose the lane under the mouse."""
        if event.button() != Qt.MouseButton.LeftButton or self.insight is None or self.insight.answers is None:
            return
        rows, height = self._rows(QRectF(self.rect()))
        place = int(event.position().y() // height)
        if 0 <= place < len(rows):
            self.chosen.emit(self.insight.answers.lanes[rows[place]].name)

    def _rows(self, room: QRectF) -> tuple[list[int], float]:
        """Return the rows of the lanes that are shown, and their height."""
        assert self.insight is not None and self.insight.answers is not None
        rows = self.shown_lanes(room)
        more = len(rows) < len(self.insight.answers.lanes)
        return rows, min(_MOST, (room.height() - _DIGITS) / (len(rows) + more))

    def shown_lanes(self, room: QRectF) -> list[int]:
        """Return the rows of the lanes that there is room for: the watched one is among them."""
        assert self.insight is not None and self.insight.answers is not None
        lanes = self.insight.answers.lanes
        most = max(1, int((room.height() - _DIGITS) // _LEAST))
        if len(lanes) <= most:
            return list(range(len(lanes)))
        kept = list(range(most - 1))  # one line says how many there are besides
        watched = next((row for row, lane in enumerate(lanes) if lane.name == self.insight.lane.name), 0)
        return kept if watched in kept else [*kept[:-1], watched]

    def draw(self, painter: QPainter, room: QRectF, colours: PlotColours) -> None:
        """Draw all rows that fit, and the classes below them."""
        assert self.insight is not None
        answers = self.insight.answers
        if answers is None:
            painter.setPen(QColor(colours.muted))
            painter.drawText(room, CENTRE | Qt.TextFlag.TextWordWrap, _NOTHING_DRAWN)
            return
        rows, height = self._rows(room)
        more = len(answers.lanes) - len(rows)
        names = min(0.36 * room.width(), max(text_width(lane.label, bold=True) for lane in answers.lanes) + 26.0)
        top = room.top()
        for row in rows:
            parts = _Parts.of(QRectF(room.left(), top, room.width(), height), names, answers.probabilities.shape[1])
            self._draw_lane(painter, parts, answers, row, colours)
            top += height
        self._draw_classes(painter, QRectF(parts.bars.left(), top, parts.bars.width(), _DIGITS), colours)
        if more:
            place = QRectF(room.left(), top + _DIGITS, room.width(), height - 4)
            write(painter, place, f"and {more:,} networks more", colours.muted)

    def _draw_classes(self, painter: QPainter, room: QRectF, colours: PlotColours) -> None:
        """Name the classes, or as many as there is room for; the right one always, boldly."""
        assert self.insight is not None and self.insight.answers is not None
        cells = _cells(room, self.insight.answers.probabilities.shape[1])
        least = text_width(str(len(cells) - 1), TICK_PIXELS) + 3.0
        every = math.ceil(least * len(cells) / room.width())
        for number, cell in enumerate(cells):
            right = number == self.truth
            hidden = self.truth is not None and 0 < abs(number - self.truth) < every
            if right or (number % every == 0 and not hidden):
                place = QRectF(cell.center().x() - 20.0, room.top(), 40.0, room.height())
                colour = colours.foreground if right else colours.muted
                write(painter, place, str(number), colour, CENTRE, LABEL_PIXELS if right else TICK_PIXELS, right)
                if right:
                    line = place.adjusted(12.0, 0.0, -12.0, 0.0)
                    painter.fillRect(QRectF(line.left(), line.bottom() - 1.0, line.width(), 2.0), QColor(colour))

    def _draw_lane(self, painter: QPainter, parts: _Parts, answers: Answers, row: int, colours: PlotColours) -> None:
        lane, chances, bars = answers.lanes[row], answers.probabilities[row], parts.bars
        assert self.insight is not None
        _draw_name(painter, parts.name, lane, lane.name == self.insight.lane.name, colours)
        painter.setPen(QPen(blend(colours.muted, colours.background, 0.5), 1.0))
        painter.drawLine(QPointF(bars.left(), bars.bottom()), QPointF(bars.right(), bars.bottom()))
        best = int(chances.argmax())
        shares = np.nan_to_num(chances).tolist()
        heights = zip(_cells(bars, len(shares)), shares, strict=True)
        rects = [cell.adjusted(0.0, (1.0 - share) * cell.height(), 0.0, 0.0) for cell, share in heights]
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(blend(colours.lane(lane.colour), colours.background, _PALE))
        painter.drawRects(rects)
        painter.fillRect(rects[best], QColor(colours.lane(lane.colour)))
        write(painter, parts.said, answer_text(chances), colours.foreground, CENTRE, parts.pixels, bold=True)
        write(painter, parts.sure, probability_text(chances.max()), colours.muted)


class _Parts(NamedTuple):
    """Where the name of a lane, its bars, the class it says and how sure it is are; `pixels` is how large that is."""

    name: QRectF
    bars: QRectF
    said: QRectF
    sure: QRectF
    pixels: int

    @classmethod
    def of(cls, place: QRectF, names: float, classes: int) -> _Parts:
        """Put words beside the bars, or above them where there is little width."""
        narrow = place.width() < _NARROW and place.height() >= _STACKED
        pixels = TITLE_PIXELS + (9 if narrow or place.height() > 36 else 5) + (8 if place.height() > 110 else 0)
        sure, said = text_width("> 99.9 %") + 2.0, text_width("8" * len(str(classes - 1)), pixels, bold=True) + 8.0
        words = 8.0 + said + 4.0 + sure
        height = _HEAD + (8 if place.height() > 110 else 0) if narrow else place.height()
        left = place.right() - words + 8.0
        name = place.width() - words if narrow else names - 6.0
        gap = 3.0 + 0.05 * place.height()  # between one lane's bars and the next lane
        beside = place.adjusted(names, 2.0 + gap, -words, -3.0)
        return cls(
            QRectF(place.left(), place.top(), name, height),
            place.adjusted(0.0, height, 0.0, -gap) if narrow else beside,
            QRectF(left, place.top(), said, height),
            QRectF(left + said + 4.0, place.top(), sure, height),
            pixels,
        )


def answer_text(chances: Any) -> str:
    """Return the class that a lane takes the image for; a dash where its answer is not finite."""
    return str(int(chances.argmax())) if np.isfinite(chances).all() else "–"


def _draw_name(painter: QPainter, place: QRectF, lane: Lane, watched: bool, colours: PlotColours) -> None:
    painter.setRenderHint(painter.RenderHint.Antialiasing, True)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(colours.lane(lane.colour)))
    painter.drawPath(marker_path(lane.marker, 9.0).translated(place.left() + 8.0, place.center().y()))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setRenderHint(painter.RenderHint.Antialiasing, False)
    colour = colours.foreground if watched else colours.muted
    write(painter, place.adjusted(20.0, 0.0, 0.0, 0.0), lane.label, colour, LEFT, bold=watched)


def _cells(room: QRectF, count: int) -> list[QRectF]:
    width = room.width() / count
    gap = min(4.0, 0.2 * width)
    return [QRectF(room.left() + n * width + gap, room.top(), width - 2 * gap, room.height()) for n in range(count)]


class ActivationStrips(Picture):
    """A strip of cells for each hidden layer of the watched lane, one cell a unit, that lights up as it is active."""

    own_keys: ClassVar[tuple[Qt.Key, ...]] = ()

    def __init__(self, parent: Any = None) -> None:
        super().__init__("strips", "activations of each layer", parent)
        self._top = 1.0
        self._of: tuple[Any, ...] = ()

    def minimumSizeHint(self) -> QSize:
        """Keep a line for each of a few layers."""
        return QSize(280, 110)

    def show_insight(self, insight: Insight) -> None:
        """Light up; the scale stays what it is unless it is too small, or of another network."""
        super().show_insight(insight)
        of = insight.lane, len(insight.weights)
        if of != self._of:
            self._of, self._top = of, 1.0
        if insight.answers is not None:
            most = max((float(np.nanmax(layer, initial=0.0)) for layer in insight.answers.activations), default=0.0)
            self._top = max(self._top, _round_up(most))

    def ends(self) -> tuple[float, float]:
        """Return what the darkest and the brightest cell stand for."""
        assert self.insight is not None
        return RANGES.get(self.insight.lane.activation, (0.0, self._top))

    def draw(self, painter: QPainter, room: QRectF, colours: PlotColours) -> None:
        """Draw the strips from the first layer down, and the scale."""
        assert self.insight is not None
        if self.insight.answers is None:
            return
        end = room.top()
        for number, (_cell, place, columns, cells) in enumerate(self._strips(room), 1):
            end = place.bottom()
            title = QRectF(room.left(), place.top(), _title_width(), place.height())
            write(painter, title, f"layer {number}", colours.muted)
            self._draw_strip(painter, number, place, columns, cells, colours)
        top = min(end + 16.0, room.bottom() - _LEGEND + 6.0)
        self._draw_legend(painter, QRectF(room.left(), top, room.width(), _LEGEND), colours)

    def _strips(self, room: QRectF) -> list[tuple[float, QRectF, int, Any]]:
        """Return each layer's size of a cell, its place, its columns and its values."""
        assert self.insight is not None and self.insight.answers is not None
        layers = self.insight.answers.activations
        pitch = (room.height() - _LEGEND) / len(layers)
        left, width = room.left() + _title_width(), room.width() - _title_width()
        gap, top, found = min(14.0, 0.2 * pitch), room.top(), []
        for values in layers:
            side = _cell_side(len(values), width, pitch - gap)
            lines = -(-len(values) // max(1, int(width // side)))
            columns = -(-len(values) // lines)  # equally long lines
            place = QRectF(left, top, columns * side, lines * side)
            found.append((side, place, columns, values))
            top = place.bottom() + gap
        return found

    def _draw_strip(
        self, painter: QPainter, number: int, place: QRectF, columns: int, values: Any, colours: PlotColours
    ) -> None:
        assert self.insight is not None
        low, high = self.ends()
        shares = np.nan_to_num(np.clip((values - low) / (high - low), 0.0, 1.0))
        rows = -(-len(values) // columns)
        levels = np.full(rows * columns, LEVELS, np.uint8)
        levels[: len(values)] = np.rint(shares * (LEVELS - 1))
        painter.drawImage(place, indexed(levels.reshape(rows, columns), _table()))
        side = place.width() / columns
        if side >= _SMALLEST_CROSSED:
            painter.setPen(QPen(QColor(colours.background), 1.0))
            painter.drawLines(_net(place, rows, columns))
            painter.setPen(QPen(QColor("#ffffff"), 1.2))
            painter.drawLines(_crosses(place, columns, np.flatnonzero(self.insight.results.silent[number - 1])))

    def _draw_legend(self, painter: QPainter, place: QRectF, colours: PlotColours) -> None:
        assert self.insight is not None
        low, high = self.ends()
        left = place.left() + _title_width()
        stops = [(level / (LEVELS - 1), level_colour(level)) for level in range(0, LEVELS, 7)]
        scale = QRectF(left, place.top(), min(150.0, 0.4 * place.width()), place.height())
        draw_scale(painter, scale, stops, (short_number(low), short_number(high)), colours)
        silent = sum(int(layer.sum()) for layer in self.insight.results.silent)
        words = "activation"
        if silent:
            kind = self.insight.tests.kind
            words += f"  ·  × {silent:,} {'unit' if silent == 1 else 'units'} 0 for every {kind} image"
        rest = QRectF(scale.right() + 16.0, place.top() - 4.0, place.right() - scale.right() - 16.0, 17.0)
        write(painter, rest, words, colours.muted, LEFT, TICK_PIXELS)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Say what is under the mouse."""
        words = self.words_at(event.position()) if self.insight and self.insight.answers else ""
        self.setToolTip(tip(words) if words else "")

    def words_at(self, point: QPointF) -> str:
        """Return layer, unit and activation at a place."""
        for number, (side, place, columns, values) in enumerate(self._strips(QRectF(self.rect())), 1):
            if place.contains(point):
                row, column = int((point.y() - place.top()) // side), int((point.x() - place.left()) // side)
                unit = row * columns + column
                if unit < len(values):
                    return f"layer {number}, unit {unit + 1}: {short_number(float(values[unit]))}"
        return ""


@lru_cache(maxsize=1)
def _table() -> tuple[int, ...]:
    """Return the colour of each level, and none behind the last unit."""
    return (*(level_colour(level).rgba() for level in range(LEVELS)), 0)


def _net(place: QRectF, rows: int, columns: int) -> list[QLineF]:
    """Return the lines between cells."""
    side, left, top = place.width() / columns, place.left(), place.top()
    across = [QLineF(left, top + n * side, place.right(), top + n * side) for n in range(1, rows)]
    return across + [QLineF(left + n * side, top, left + n * side, place.bottom()) for n in range(1, columns)]


def _crosses(place: QRectF, columns: int, units: Any) -> list[QLineF]:
    """Return lines that cross out the cells of some units."""
    side, found = place.width() / columns, []
    for unit in units.tolist():
        x, y = place.left() + unit % columns * side + 2, place.top() + unit // columns * side + 2
        end = side - 4
        found += [QLineF(x, y, x + end, y + end), QLineF(x, y + end, x + end, y)]
    return found


@lru_cache(maxsize=1)
def _title_width() -> float:
    return text_width("layer 20") + 10.0


def _cell_side(count: int, width: float, height: float) -> float:
    """Return the side of the largest squares of which so many fit."""
    side = _LARGEST_CELL
    while side > 1.0 and -(-count // max(1, int(width // side))) * side > height:
        side -= 0.5
    return max(side, 1.0)


def _round_up(value: float) -> float:
    """Return the next round number."""
    if not 0.0 < value < math.inf:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return power * next(step for step in _STEPS if step * power >= value * 0.9999)
