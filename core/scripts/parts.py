"""What every script has: what it says of itself, its command line, its table, how its figure is shown."""

from __future__ import annotations

import re
import shlex
import textwrap
from typing import TYPE_CHECKING

import numpy as np

from core import __version__
from core.scripts.writing import fill, joined, literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.figures import Preset
    from core.lanes import Lane

_TEXT = 88  # columns of running text
_MARKERS = {"H": "H", "S": "8", "O": "o", "<": "<", ">": ">", "v": "v"}  # where matplotlib calls them otherwise

_HEAD = '''
"""$title.

$about

    python $name.py                    print the results, show the figure
    python $name.py --csv FILE         write all numbers
    python $name.py --save FILE.png    write the figure (.png, .svg, .pdf)

$needs
"""
'''


def head(preset: Preset, name: str, torch: bool, about: str, data: str) -> str:
    """Return the docstring: what the script reproduces, how it is run, what it needs."""
    library = "PyTorch" if torch else "NumPy"
    needs = f"Needs: Python 3.10 or later, NumPy{' and PyTorch' * torch}{_escaped(data)}; for the figure matplotlib."
    versions = f"Written by Trainscope {__version__}, preset {preset.name}, with NumPy {np.__version__}."
    what = f"{_sentence(preset.shows)}, with {library}. {about}"
    return fill(
        _HEAD,
        title=preset.title,
        about=_paragraph(what),
        name=_escaped(shlex.quote(f"{name}_torch" if torch else name)),
        needs=f"{_paragraph(needs)}\n{_paragraph(versions)}",
    )


def _escaped(text: str) -> str:
    """Return a text with any name in it as a docstring takes it."""
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _paragraph(text: str) -> str:
    return "\n".join(textwrap.wrap(text, _TEXT, break_on_hyphens=False, break_long_words=False))


_IMPORTS = {
    "argparse": "import argparse",
    "csv": "import csv",
    "itertools": "import itertools",
    "math": "import math",
    "sys": "import sys",
    "zlib": "import zlib",
    "defaultdict": "from collections import defaultdict",
    "pairwise": "from itertools import pairwise",
    "Path": "from pathlib import Path",
}
_OTHERS = {"np": "import numpy as np", "torch": "import torch", "nn": "from torch import nn"}


def module(docstring: str, parts: Sequence[str], torch: bool) -> str:
    """Return the whole script: what it says of itself, the imports that its parts need, and the parts."""
    body = joined(parts)
    needed = [line for name, line in _IMPORTS.items() if _mentions(body, name)]
    others = [line for name, line in _OTHERS.items() if _mentions(body, name) and (torch or name == "np")]
    top = "\n\n".join(part for part in (docstring, "\n".join(needed), "\n".join(others)) if part)
    return f"{top}\n\n{body}"


def _mentions(body: str, name: str) -> bool:
    return re.search(rf"(?<![\w.\"]){name}(?=[.(])", body) is not None


def looks(lanes: Sequence[Lane]) -> str:
    """Return the labels, colours and markers of the lanes."""
    rows = [
        f"    {literal(lane.name)}: ({literal(lane.label)}, {literal(lane.colour)}, {literal(_marker(lane.marker))}),"
        for lane in lanes
    ]
    return "\n".join(["LOOKS = {  # label, colour and marker in the figure", *rows, "}"])


def _marker(name: str) -> str:
    return _MARKERS.get(name, name)


_MAIN = '''
def show($drawn, file):
    """Draw the figure into a file or a window, if matplotlib is there."""
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        print("No figure: matplotlib is not installed.")
        return
    figure = draw(plt, $drawn)
    if file:
        figure.savefig(file, dpi=150)
    elif plt.get_backend().lower() == "agg":
        print("No window can be opened here: --save FILE.png writes the figure.")
    else:
        plt.show()


def main():
    """Run, print, and write what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--csv", metavar="FILE", help="write all numbers")
    parser.add_argument("--save", metavar="FILE", help="write the figure")
    options = parser.parse_args()
    $run
    print_results(results)
    $more
    if options.csv:
        $write
    show($drawn, options.save)


if __name__ == "__main__":
    main()
'''

WRITE = """
with open(options.csv, "w", newline="", encoding="utf-8") as file:
    csv.writer(file, lineterminator="\\n").writerows(table(results))
"""


def main_part(run: str, write: str = WRITE, drawn: str = "results", more: str = "") -> str:
    """Return the command line: what runs, what is written, what the figure is drawn from, what else is printed."""
    return fill(_MAIN, run=run.strip("\n"), write=write.strip("\n"), drawn=drawn, more=more)
