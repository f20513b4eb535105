"""One OpenGL context for all 3D pictures, which are drawn off screen: windows go on as if there were none.

Qt would change a whole window over to OpenGL for one widget of that kind. What is lacking is told in one line, and
found out before anything is drawn.
"""

from __future__ import annotations

import atexit
import os
import re
import sys
from importlib import import_module
from typing import TYPE_CHECKING

from PySide6.QtGui import QGuiApplication, QOffscreenSurface, QOpenGLContext, QSurfaceFormat
from PySide6.QtOpenGL import QOpenGLFramebufferObject, QOpenGLFramebufferObjectFormat

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtGui import QImage

_SAMPLES = 4
_OLDEST = (2, 1)
_VERSION = 0x1F02  # GL_VERSION
_WITHOUT = ("minimal", "vnc", "linuxfb")  # platforms of Qt that have no OpenGL


class OpenGLError(RuntimeError):
    """3D cannot be drawn here; one line says why."""


def import_scene() -> type:
    """Import what draws in 3D, which takes a moment, and return its class; from any thread. Raises OpenGLError."""
    platform = QGuiApplication.platformName()
    if sys.platform.startswith("linux"):  # PyOpenGL guesses by the session, Qt may have been told otherwise
        integration = os.environ.get("QT_XCB_GL_INTEGRATION", "")
        uses_egl = platform.startswith("wayland") or integration == "xcb_egl"
        os.environ.setdefault("PYOPENGL_PLATFORM", "egl" if uses_egl else "glx")
    try:
        found: type = import_module("gui.relief_scene").Scene
    except Exception as error:  # a missing package, a missing library, or PyOpenGL's own for a platform it lacks
        reason = f"PyOpenGL cannot be used ({error})" if _has_pyopengl() else "the package PyOpenGL is not installed"
        raise OpenGLError(reason) from error
    return found


def _has_pyopengl() -> bool:
    from importlib.util import find_spec

    return find_spec("OpenGL") is not None


class Stage:
    """The context, and the frame buffers of the last pictures; for the GUI's thread only."""

    def __init__(self) -> None:
        """Make the context; raises OpenGLError with one line where there is none."""
        platform = QGuiApplication.platformName()
        if platform in _WITHOUT or (platform == "offscreen" and not os.environ.get("DISPLAY")):
            raise OpenGLError(f"Qt's platform {platform!r} has no OpenGL")
        wanted = QSurfaceFormat()
        wanted.setDepthBufferSize(24)
        self.context = QOpenGLContext()
        self.context.setFormat(wanted)
        if not self.context.create():
            raise OpenGLError("there is no OpenGL on this display")
        self._surface = QOffscreenSurface()
        self._surface.setFormat(self.context.format())
        self._surface.create()
        self._buffers: dict[bool, QOpenGLFramebufferObject] = {}
        self._enter()
        found = str(self.context.functions().glGetString(_VERSION) or "")
        self.context.doneCurrent()
        number = re.search(r"(\d+)\.(\d+)", found)  # what a context says of its format is only what was asked for
        if number is None or (int(number[1]), int(number[2])) < _OLDEST:
            raise OpenGLError(f"OpenGL {found or 'of no version'} is too old; 2.1 is needed")

    def picture(self, width: int, height: int, paint: Callable[[], None], smooth: bool) -> QImage:
        """Return what `paint` draws, with smooth edges or not; raises OpenGLError and whatever `paint` raises."""
        self._enter()
        try:
            buffer = self._sized(width, height, smooth)
            if not buffer.bind():
                raise OpenGLError("the graphics driver gave no picture")
            self.context.functions().glViewport(0, 0, width, height)
            try:
                paint()
            finally:
                buffer.release()
            return buffer.toImage()
        finally:
            self.context.doneCurrent()

    def close(self) -> None:
        """Let everything go, while there still is an application."""
        if self.context.makeCurrent(self._surface):
            self._buffers.clear()
            self.context.doneCurrent()
        self._surface.destroy()

    def _enter(self) -> None:
        if not (self._surface.isValid() and self.context.makeCurrent(self._surface)):
            raise OpenGLError("the graphics driver gave no OpenGL context")

    def _sized(self, width: int, height: int, smooth: bool) -> QOpenGLFramebufferObject:
        """Return a frame buffer of that size."""
        found = self._buffers.get(smooth)
        if found is None or (found.width(), found.height()) != (width, height):
            kind = QOpenGLFramebufferObjectFormat()
            kind.setAttachment(QOpenGLFramebufferObject.Attachment.CombinedDepthStencil)
            kind.setSamples(_SAMPLES * smooth)
            found = self._buffers[smooth] = QOpenGLFramebufferObject(width, height, kind)
        return found


_stages: list[Stage] = []


def stage() -> Stage:
    """Return the one context, made the first time; raises OpenGLError where there is none."""
    if not _stages:
        _stages.append(Stage())
        atexit.register(_close)
    return _stages[0]


def _close() -> None:
    while _stages:
        _stages.pop().close()
