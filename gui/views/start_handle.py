"""The ring at the start of paths, which can be dragged."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen

from gui.items import Frame, ViewItem

_RING, _REACH = 5.5, 9.0  # pixels


class StartHandle(ViewItem):
    """A ring at the start of every lane: `moved(x, y)` says where it is wanted, in digits that a pixel can say."""

    moved = Signal(float, float)

    def __init__(self) -> None:
        super().__init__()
        self._at = QPointF()
        self._hovered = False
        self.setZValue(500)
        self.setToolTip("Start of every lane: drag it, or click anywhere on the map")

    def set_position(self, x: float, y: float) -> None:
        """Stand at a point of the plane."""
        self._at = QPointF(x, y)
        self._changed()

    def takes(self, event: Any) -> bool:
        """Tell whether a click on the scene is one that sets the start: on the map, once, with the left button."""
        inside = self.getViewBox().sceneBoundingRect().contains(event.scenePos())
        return bool(inside and event.button() == Qt.MouseButton.LeftButton and not event.double())

    def move_to(self, scene: QPointF) -> None:
        """Ask for a start at a point of the scene."""
        box = self.getViewBox()
        point = box.mapSceneToView(scene)
        self.moved.emit(*(_rounded(*each) for each in zip((point.x(), point.y()), box.viewPixelSize(), strict=True)))

    def shape(self) -> QPainterPath:
        """Take the mouse within the ring alone."""
        path = QPainterPath()
        width, height = self.getViewBox().viewPixelSize()
        path.addEllipse(self._at, _REACH * width, _REACH * height)
        return path

    def hoverEvent(self, event: Any) -> None:
        """Show that it can be taken."""
        hovered = not event.isExit() and event.acceptDrags(Qt.MouseButton.LeftButton)
        if hovered != self._hovered:
            self._hovered = hovered
            self.update()

    def mouseDragEvent(self, event: Any) -> None:
        """Follow the mouse."""
        if event.button() == Qt.MouseButton.LeftButton:
            event.accept()
            self.move_to(event.scenePos())

    def draw(self, painter: QPainter, frame: Frame) -> None:
        """Draw the ring."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        painter.setPen(QPen(QColor(self._colours.foreground), 3.0 if self._hovered else 2.0))
        painter.setBrush(QColor(self._colours.background))
        at = QPointF(frame.sx * self._at.x() + frame.dx, frame.sy * self._at.y() + frame.dy)
        painter.drawEllipse(at, _RING, _RING)


def _rounded(value: float, pixel: float) -> float:
    digits = max(0, int(np.ceil(-np.log10(max(abs(pixel), 1e-12)))))
    return round(float(value), digits)
