"""The switch between the map of a surface and its landscape in 3D, which stands in the map's place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import QPushButton

from core.relief import relief_of
from gui.background import Background
from gui.relief import ReliefItem
from gui.widgets import tip

if TYPE_CHECKING:
    from core.experiments.paths import PathsFrame
    from core.relief import Relief
    from core.surfaces import Surface
    from gui.plots import PlotColours
    from gui.views.paths import PathsView

TURNS = {"Shift+Left": (6.0, 0.0), "Shift+Right": (-6.0, 0.0), "Shift+Up": (0.0, -6.0), "Shift+Down": (0.0, 6.0)}
_RIGHT, _TOP = 20, 14
_HINT = "Drag or Shift and an arrow turns it, the wheel zooms, a double click goes back"


class ReliefSwitch(QObject):
    """Shows the landscape or the map; `refused(line)` says why there is no landscape."""

    refused = Signal(str)

    def __init__(self, view: PathsView) -> None:
        super().__init__(view)
        self._view = view
        self.item: ReliefItem | None = None
        self.shown = False
        self._relief: Relief | None = None
        self._drawn: tuple[Any, ...] = ()
        self._wanted = False
        self._importing = Background("3D", self)
        self._importing.done.connect(self._imported)
        self._importing.failed.connect(self._refuse)
        self._making = Background("landscape", self)
        self._making.done.connect(self._made)
        self._making.failed.connect(self._refuse)
        self.button = QPushButton(view.graphics)
        self.button.setObjectName("relief")
        self.button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.button.clicked.connect(self.toggle)
        view.graphics.installEventFilter(self)
        self._name()

    # The switch.

    def toggle(self) -> None:
        """Show the landscape instead of the map, or the map."""
        self.set_shown(not self._wanted)

    def set_shown(self, shown: bool) -> None:
        """Show the landscape, as soon as it can be, or the map."""
        self._wanted = shown
        if not shown:
            self._show_map()
        elif self.item is not None:
            self._show_item()
        elif not self._importing.busy:
            from gui.opengl import import_scene

            self._importing.run(import_scene)
        self._name()

    def turn(self, azimuth: float, elevation: float) -> None:
        """Turn the landscape by so many degrees, if it is shown."""
        if self.shown and self.item is not None:
            self.item.turn(azimuth, elevation)

    def take_after(self, other: ReliefSwitch) -> None:
        """Show the same as the switch of another view, from the same side, at once."""
        if other.shown and other.item is not None:
            from gui.opengl import import_scene

            self._wanted, self._relief = True, other._relief
            self._show_scene(import_scene()())
            if self.item is not None:
                self.item.camera = other.item.camera

    def close(self) -> None:
        """End what goes on beside the window."""
        self._importing.end()
        self._making.end()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keep the button in the map's corner."""
        if event.type() in (QEvent.Type.Resize, QEvent.Type.Show):
            self._place()
        return super().eventFilter(watched, event)

    def _place(self) -> None:
        self.button.adjustSize()
        self.button.move(self._view.graphics.width() - self.button.width() - _RIGHT, _TOP)

    def _name(self) -> None:
        self.button.setText("2D" if self._wanted else "3D")
        what = "Show the map" if self._wanted else "Show the surface in 3D"
        self.button.setAccessibleName(what)
        self.button.setToolTip(tip(f"{what} (D)\n{_HINT}" if self._wanted else f"{what} (D)"))
        self._place()

    def _imported(self, scene_class: Any) -> None:
        from gui.opengl import OpenGLError

        if not self._wanted:
            return
        try:
            scene = scene_class()
            scene.try_out()
        except OpenGLError as error:
            self._refuse(error)
        except Exception as error:  # whatever a driver or PyOpenGL comes up with
            self._refuse(OpenGLError(f"{type(error).__name__}: {' '.join(str(error).split())[:120]}"))
        else:
            self._show_scene(scene)

    def _show_scene(self, scene: Any) -> None:
        self.item = ReliefItem(scene, self._lost)
        self.item.set_colours(self._view.colours)
        self._show_item()

    def _lost(self, reason: str) -> None:
        """Go back to the map once what is being painted is painted."""
        QTimer.singleShot(0, self, lambda: self._refuse(RuntimeError(reason)))

    def _refuse(self, error: Exception) -> None:
        self.set_shown(False)
        self.item = None
        self.refused.emit(f"3D cannot be shown: {error}. The map stays.")

    def _show_item(self) -> None:
        if self.item is not None and not self.shown:
            self._swap(self._view.map, self.item)
            self.shown = True
            self._drawn = ()
            self._view.redraw()

    def _show_map(self) -> None:
        if self.shown and self.item is not None:
            self._swap(self.item, self._view.map)
            self.shown = False
            self._view.redraw()

    def _swap(self, before: Any, after: Any) -> None:
        self._view.graphics.ci.removeItem(before)
        self._view.graphics.ci.addItem(after, 0, 0)

    # What is drawn.

    def set_colours(self, colours: PlotColours) -> None:
        """Draw in these colours from now on."""
        if self.item is not None:
            self.item.set_colours(colours)

    def set_start(self, point: tuple[float, float]) -> None:
        """Mark where every lane starts."""
        if self.item is not None:
            self.item.set_start(point)

    def show_frame(self, frame: PathsFrame, cursor: int) -> None:
        """Draw every path up to step `cursor`, if the landscape is shown."""
        if not self.shown or self.item is None:
            return
        found = self._found(frame.surface)
        if found is None:
            return
        rows = self._view.visible(frame)
        if not self._drawn:
            self.item.set_relief(found)
        if not (self._drawn and self._drawn[0] is frame and self._drawn[1] == rows):
            self._drawn = (frame, rows)
            self.item.set_paths([frame.lanes[i] for i in rows], frame.points[rows])
            if self._view.configuration is not None:
                self.item.set_start(self._view.configuration["start"])
        self.item.show_until(cursor)

    def _found(self, surface: Surface) -> Relief | None:
        """Return the surface's landscape; None while that is made in the background, for a surface that is slow."""
        found = self._relief
        if found is not None and _seen(found.surface) == _seen(surface):
            return found
        if surface.quick:
            self._take(relief_of(surface))
            return self._relief
        if not self._making.busy:
            self._making.run(lambda: relief_of(surface))
        return None

    def _take(self, relief: Relief) -> None:
        self._relief, self._drawn = relief, ()

    def _made(self, relief: Relief) -> None:
        """Show a landscape that is there now, unless another is wanted by now."""
        self._take(relief)
        self._view.redraw()

    def show_until(self, cursor: int) -> None:
        """Draw every path up to another step."""
        if self.shown and self.item is not None:
            self.item.show_until(cursor)

    def highlight(self, lane: str | None) -> None:
        """Let the other lanes fade."""
        if self.item is not None:
            self.item.highlight(lane)


def _seen(surface: Surface) -> tuple[object, ...]:
    """Return what of a surface its landscape shows."""
    return surface.formula, surface.view, surface.floor
