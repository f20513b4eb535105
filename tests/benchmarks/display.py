"""Whether the window stays smooth and the engine fast, while networks train behind all of it.

Frames are timed where Qt has painted and handed them to the screen; a frame of the engine that has nothing new counts
when it comes. Clicks and moves of the mouse go the way of real ones, through the window system's queue, and count
until the picture that answers them is painted. What the engine keeps is measured in turns with a process that does
the same without a window. Needs a screen (Xvfb will do); without one it measures offscreen and says so.

    python tests/benchmarks/display.py [--quick] [--rounds 7] [--seconds 6] [--frames 1500] [--only NAME,NAME]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile

import display_alone  # noqa: F401 - before NumPy: it says how many threads BLAS has, and where the application is
from display_panels import PANELS
from display_race import RACE
from display_window import Bench

MEASURES = {**RACE, **PANELS}


def main() -> int:
    """Measure and report; the exit status is 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description="Measure the window against its goals.")
    parser.add_argument("--rounds", type=int, default=6, help="turns of the window and of the headless race")
    parser.add_argument("--seconds", type=float, default=6.0, help="length of an animation")
    parser.add_argument("--clicks", type=int, default=30, help="clicks of each kind")
    parser.add_argument("--frames", type=int, default=3000, help="frames over which memory is watched")
    parser.add_argument("--quick", action="store_true", help="few of everything")
    parser.add_argument("--only", default=",".join(MEASURES), help=f"some of {','.join(MEASURES)}")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds, options.clicks, options.frames = 2, 2.0, 12, 300
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    with tempfile.TemporaryDirectory() as folder:
        return measure(options, folder)


def measure(options: argparse.Namespace, folder: str) -> int:
    """Run the chosen measures in one window."""
    load = f", load before: {os.getloadavg()[0]:.2f}" if hasattr(os, "getloadavg") else ""
    print(f"{os.environ.get('QT_QPA_PLATFORM') or 'a real window'}, {os.cpu_count()} cores{load}\n")
    bench = Bench(options, folder)
    try:
        for name in options.only.split(","):
            MEASURES[name](bench)
    finally:
        bench.close()
    if hasattr(os, "getloadavg"):
        print(f"\nload after: {os.getloadavg()[0]:.2f} (the benchmark's own processes count for about two)")
    return 1 if bench.rows.missed else 0


if __name__ == "__main__":
    sys.exit(main())
