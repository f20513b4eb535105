"""A view of its own that draws any moment of a record, as pictures of one size.

It is not the panel's: that one goes on showing what its user does, whatever becomes of run, theme or panel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QImage

from gui.export import figure_image, inner_size
from gui.reels import WHOLE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gui.reels import Compute, Reel, Show
    from gui.theme import Theme
    from gui.views.base import View


class Projector:
    """Draws moments of a reel as pictures of one size."""

    def __init__(
        self,
        reel: Reel,
        view: View,
        look: Theme,
        size: tuple[int, int],
        scale: float = 1.0,
        what: str = WHOLE,
        like: View | None = None,
    ) -> None:
        """`view` is new and nowhere else; `size` is in pixels of 1/96 inch, of which each becomes `scale`.

        `what` is WHOLE or one of its plots, `like` another view whose zoom it takes over.
        """
        self._reel, self._view, self._size, self._scale, self._what = reel, view, size, scale, what
        view.set_theme(look)
        view.show_configuration(reel.configuration, reel.preset)
        reel.show(view, reel.moments[-1])
        if like is not None:
            view.adopt(like)
            reel.show(view, reel.moments[-1])
        # As large as in the picture, so that nothing is laid out anew for each.
        shown = view.figure()
        plots = shown if isinstance(shown, pg.GraphicsLayoutWidget) else view.graphics
        plots.ci.setGeometry(QRectF(QPointF(), inner_size(size, self._legend())))

    @property
    def compute(self) -> Compute | None:
        """What computes moments that are not recorded."""
        return self._reel.compute

    @property
    def colours(self) -> list[str]:
        """What must look the same in every frame: page, text, axes, grid, lanes."""
        own = self._view.colours
        lanes = [own.lane(lane.colour) for lane in self._reel.frame.lanes]
        return list(dict.fromkeys([own.background, own.foreground, own.muted, own.grid, *lanes]))

    def picture(self, moment: int) -> NDArray[np.uint8]:
        """Return a recorded moment as pixels (height, width, 3)."""
        return self.drawn(lambda view: self._reel.show(view, moment))

    def drawn(self, show: Show) -> NDArray[np.uint8]:
        """Return what `show` shows in the view as pixels."""
        show(self._view)
        target = self._view.figure() if self._what == WHOLE else self._view.plots[self._what]
        return _pixels(figure_image(target, self._size, self._scale, legend=self._legend()))

    def close(self) -> None:
        """Have the view deleted."""
        self._view.deleteLater()

    def _legend(self) -> list[Any]:
        view, frame = self._view, self._reel.frame
        return view.legend(frame) if self._what == WHOLE else view.plot_legend(frame)


def _pixels(image: QImage) -> NDArray[np.uint8]:
    """Return a picture's bytes; a row of QImage begins at a multiple of four."""
    image = image.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()
