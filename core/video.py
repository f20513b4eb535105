"""MP4 videos (H.264), written frame by frame; needs the optional package av."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

import av
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Lines and text stay sharp; most players know no finer colours than these.
_OPTIONS = {"crf": "16", "preset": "medium", "tune": "animation"}
_BT709 = 1


class VideoWriter:
    """Writes pictures of one size, with even sides, to a file that is open for writing."""

    def __init__(self, file: IO[bytes], size: tuple[int, int], rate: int) -> None:
        """`rate` is in frames per second."""
        self._container = av.open(file, "w", format="mp4")
        self._stream = self._container.add_stream("libx264", rate=rate, options=_OPTIONS)
        self._stream.width, self._stream.height = size
        self._stream.pix_fmt = "yuv420p"
        context = self._stream.codec_context
        context.thread_count = 1  # the engine has the other cores
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = 1
        self._count = 0

    def add(self, pixels: NDArray[np.uint8], ticks: int) -> None:
        """Show a picture (height, width, 3) for so many frames."""
        width, height = self._stream.width, self._stream.height
        shown = np.ascontiguousarray(pixels[:height, :width])  # a side that is odd loses a column or row
        picture = av.VideoFrame.from_ndarray(shown, format="rgb24")
        frame = picture.reformat(format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG")
        for _ in range(ticks):
            frame.pts = self._count
            self._count += 1
            self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Write what is left; the file stays open."""
        self._container.mux(self._stream.encode())
        self._container.close()
