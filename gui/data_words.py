"""What a data set is called where people read: in titles, and in sentences.

A folder may have any name, but a line with it does not widen the window.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.datasets import Dataset

SAMPLE, FULL = "sample", "full"
"""What `core.datasets.load` calls the two data sets that have names of their own."""
FOLDERS = "folders"
"""Under this name the folders are remembered that were used."""

_TITLES = {SAMPLE: "bundled sample", FULL: "full MNIST"}
_LONGEST = 40


def data_title(dataset: Dataset) -> str:
    """Name a data set, as in `full MNIST`."""
    return _TITLES.get(dataset.source) or " ".join(dataset.name.split())


def data_name(dataset: Dataset) -> str:
    """Name a data set inside a sentence, as in `the full MNIST`."""
    return source_name(dataset.source, dataset.name) if dataset.source else data_title(dataset)


def source_name(source: str, name: str) -> str:
    """Name what `load` calls `source`, a folder by its `name`, inside a sentence."""
    if source in _TITLES:
        return f"the {_TITLES[source]}"
    words = _shortened(" ".join(name.split()))
    return f"the folder “{words}”" if " " in words else f"the folder {words}"


def begin(sentence: str) -> str:
    """Begin a sentence with a capital."""
    return sentence[:1].upper() + sentence[1:]


def _shortened(name: str) -> str:
    half = _LONGEST // 2
    return name if len(name) <= _LONGEST else f"{name[:half]}…{name[-half:]}"
