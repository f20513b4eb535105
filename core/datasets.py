"""Images to learn from: the bundled MNIST sample, the full MNIST, or a folder with four IDX files of its kind.

An IDX file is a magic number (two zero bytes, 0x08 for unsigned bytes, the number of dimensions), one big-endian
32-bit size per dimension, then the bytes. A header is believed only as far as the file's own size bears it out.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import stat
import struct
import threading
import zipfile
import zlib
from dataclasses import dataclass, field
from functools import cache
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

if TYPE_CHECKING:
    from io import BufferedIOBase

    from numpy.typing import NDArray

SAMPLE_PATH = Path(__file__).resolve().parent.parent / "resources" / "mnist_sample.npz"
MAX_SIDE = 64
"""Widest and highest image accepted, in pixels; the least is 1."""
MAX_BYTES = 512 * 2**20
"""Largest file accepted, unpacked: eleven times the training images of MNIST."""

_DEFLATE_RATIO = 1032  # no deflate stream unpacks to more than this many times its size
_SOURCES = (
    "'sample', 'full', or a folder with train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte "
    "and t10k-labels-idx1-ubyte, gzipped (.gz) or not"
)


class DataError(ValueError):
    """Data that cannot be used; one line: which file, what is wrong with it, what is allowed."""

    def __init__(self, where: Path | str, wrong: str, allowed: str) -> None:
        """Compose the line; a line break in a file's name does not break it."""
        super().__init__(" ".join(f"{where}: {wrong}; allowed: {allowed}".splitlines()))
        self.wrong = " ".join(f"{where}: {wrong}".splitlines())


@dataclass(frozen=True, slots=True)
class Packed:
    """All images without the pixels that are 0 in every one: `train` and `test` are (n, inputs), contiguous bytes.

    `inputs` are the indices of the other pixels, as `Dataset.used_pixels()`.
    """

    inputs: NDArray[np.intp]
    train: NDArray[np.uint8]
    test: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Images and labels to train and to test on, read-only.

    Images are bytes (n, rows * columns), 0 to 255; who trains on them divides by 255. Labels are 0 to 9, (n,) intp.
    `shape` is one image's (rows, columns). `source` is what `load` takes to load it again: `sample`, `full` or a
    folder's absolute path; empty for arrays that came from nowhere.
    """

    name: str
    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.intp]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.intp]
    shape: tuple[int, int] = (28, 28)
    source: str = ""
    classes: ClassVar[int] = 10
    _used: NDArray[np.intp] = field(init=False, repr=False)
    _packing: threading.Lock = field(init=False, repr=False, default_factory=threading.Lock)
    _packed: Packed | None = field(init=False, repr=False, default=None)
    _identity: str = field(init=False, repr=False, default="")

    def __post_init__(self) -> None:
        """Keep read-only views, and find the used pixels: some milliseconds for the full MNIST."""
        for key in ("train_images", "test_images"):
            object.__setattr__(self, key, _read_only(getattr(self, key)))
        for key in ("train_labels", "test_labels"):
            object.__setattr__(self, key, _read_only(getattr(self, key).astype(np.intp)))
        brightest = np.maximum(self.train_images.max(axis=0), self.test_images.max(axis=0))
        object.__setattr__(self, "_used", _read_only(np.flatnonzero(brightest)))

    @property
    def pixels(self) -> int:
        """Pixels of one image: the inputs of a network."""
        return prod(self.shape)

    def used_pixels(self) -> NDArray[np.intp]:
        """Return the indices of the pixels that are not zero in at least one image, training or test.

        No other pixel ever adds to an activation or to a gradient.
        """
        return self._used

    def packed(self) -> Packed:
        """Return all images without unused pixels, made once, for all threads and runs that train on all of them.

        50 MB for the full MNIST, so nobody should ask who trains on a part or on nothing.
        """
        with self._packing:
            if self._packed is None:
                halves = (np.take(images, self._used, axis=1) for images in (self.train_images, self.test_images))
                object.__setattr__(self, "_packed", Packed(self._used, *map(_read_only, halves)))
            assert self._packed is not None
            return self._packed

    def identity(self) -> str:
        """Describe the content in one line that ends in its SHA-256, whatever file or spelling it came from.

        Hashed once: some milliseconds for the sample, about a tenth of a second for all of MNIST.
        """
        if not self._identity:
            object.__setattr__(self, "_identity", self._describe())
        return self._identity

    def _describe(self) -> str:
        sizes = (len(self.train_images), len(self.test_images), *self.shape)
        digest = hashlib.sha256(struct.pack(">4I", *sizes))
        for array in (self.train_images, self.train_labels, self.test_images, self.test_labels):
            digest.update(array.astype(np.uint8).tobytes())
        described = "{} training and {} test images of {}x{}".format(*sizes)
        return f"{self.name}: {described}, sha256 {digest.hexdigest()}"


def load(source: str) -> Dataset:
    """Load `sample`, `full`, or the folder of that name (`./full` is a folder); raise DataError for anything else."""
    if source == "sample":
        return load_sample()
    if source == "full":
        return load_full()
    if not source or "\0" in source:
        raise DataError(repr(source), "not the name of a folder", _SOURCES)
    return load_idx_folder(Path(source))


@cache
def load_sample() -> Dataset:
    """Load the 4,000 training and 1,000 test digits that come with the app; read once in a process.

    Each ten images in a row are one of each class, so the first 300 or 500 are balanced as well.
    """
    try:
        with SAMPLE_PATH.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            return Dataset("sample", **arrays, source="sample")
    except (OSError, EOFError, ValueError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(SAMPLE_PATH, f"cannot be read ({error})", "the file as it comes with the app") from error


def load_full(folder: Path | None = None) -> Dataset:
    """Load the 60,000 training and 10,000 test digits of MNIST from `folder`, by default the cache, checking SHA-256s.

    Takes some tenths of a second. Raises DataError where `core.download.Download` has not fetched them yet.
    """
    from core.download import FILES, cache_folder, have_full

    folder = folder or cache_folder()
    if not have_full(folder):
        raise DataError(
            "full", f"the full MNIST has not been downloaded to {folder}", "its download first, or 'sample'"
        )
    return _assemble("full MNIST", [folder / file.name for file in FILES], "full")


def load_idx_folder(folder: Path) -> Dataset:
    """Load MNIST, Fashion-MNIST or own data from four IDX files, each plain or gzipped, `-idx` also spelt `.idx`.

    Images may have any one size up to `MAX_SIDE` each way. Raises DataError for whatever is missing or broken.
    """
    folder = Path(os.path.abspath(os.path.expanduser(folder)))
    kinds = ("train-images", 3), ("train-labels", 1), ("t10k-images", 3), ("t10k-labels", 1)
    return _assemble(folder.name or str(folder), [_find(folder, *kind) for kind in kinds], str(folder))


def _assemble(name: str, paths: list[Path], source: str) -> Dataset:
    """Read the four files, in the order of the data set's arrays."""
    train_images, train_labels, shape = _load_part(*paths[:2])
    test_images, test_labels, test_shape = _load_part(*paths[2:])
    if test_shape != shape:
        sizes = "images of {}x{}, but the training images are {}x{}".format(*test_shape, *shape)
        raise DataError(paths[2], sizes, "one size for all")
    return Dataset(name, train_images, train_labels, test_images, test_labels, shape, source)


def _load_part(images_path: Path, labels_path: Path) -> tuple[NDArray[np.uint8], NDArray[np.intp], tuple[int, int]]:
    """Return images (n, pixels), labels (n,) and the images' shape of one half."""
    images, labels = _read_idx(images_path, 3), _read_idx(labels_path, 1)
    if len(labels) != len(images):
        wrong = f"{len(labels)} labels for the {len(images)} images of {images_path.name}"
        raise DataError(labels_path, wrong, "one label an image")
    _check_labels(labels_path, labels)
    rows, columns = images.shape[1:]
    return images.reshape(len(images), -1), labels.astype(np.intp), (rows, columns)


def _check_labels(path: Path, labels: NDArray[np.uint8]) -> None:
    if labels.max() >= Dataset.classes:
        wrong = f"label {labels.max()} at position {labels.argmax()}"
        raise DataError(path, wrong, f"0 to {Dataset.classes - 1}")


def _find(folder: Path, stem: str, dims: int) -> Path:
    """Return the path of the one of the four files that has this stem; a plain file before a gzipped one."""
    spellings = [f"{stem}{mark}idx{dims}-ubyte{end}" for end in ("", ".gz") for mark in "-."]
    try:
        present = set(os.listdir(folder))
    except OSError as error:
        raise DataError(folder, f"cannot be opened ({error.strerror})", _SOURCES) from error
    if not any("idx" in name for name in present):
        raise DataError(folder, "has no IDX files", _SOURCES)
    found = [name for name in spellings if name in present]
    if not found:
        raise DataError(folder / spellings[0], "no such file", " or ".join(spellings))
    return folder / found[0]


def _read_idx(path: Path, dims: int) -> NDArray[np.uint8]:
    """Return the array of an IDX file of unsigned bytes with so many dimensions, read-only."""
    try:
        with _open(path) as stream:
            sizes = _read_sizes(stream, path, dims)
            _check_sizes(path, sizes)
            content = stream.read(prod(sizes) + 1)
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise DataError(path, f"broken gzip data ({error})", "a whole gzip file, or the unpacked one") from error
    except OSError as error:
        raise DataError(path, f"cannot be read ({error.strerror})", "a file that can be read") from error
    _check_content(path, len(content), prod(sizes))
    return np.frombuffer(content, dtype=np.uint8).reshape(sizes)


def _open(path: Path) -> BufferedIOBase:
    if not stat.S_ISREG(path.stat().st_mode):  # opening a named pipe would wait for ever
        raise DataError(path, "a folder or a device in place of a file", "an IDX file")
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")


def _read_sizes(stream: BufferedIOBase, path: Path, dims: int) -> tuple[int, ...]:
    header = stream.read(4 * (1 + dims))
    if len(header) < 4 * (1 + dims):
        allowed = f"a header of {4 * (1 + dims)} bytes and what it promises"
        raise DataError(path, f"truncated: {len(header)} bytes", allowed)
    magic, *sizes = struct.unpack(f">{1 + dims}I", header)
    if magic != 0x0800 + dims:
        allowed = f"0x{0x0800 + dims:08x} (unsigned bytes, {dims}-dimensional)"
        raise DataError(path, f"wrong magic number 0x{magic:08x}", allowed)
    return tuple(sizes)


def _check_sizes(path: Path, sizes: tuple[int, ...]) -> None:
    """Refuse what a header claims before anything of that size is allocated."""
    if sizes[0] == 0:
        raise DataError(path, "empty: its header says 0 entries", "1 or more")
    if not all(1 <= side <= MAX_SIDE for side in sizes[1:]):
        raise DataError(path, "images of {}x{}".format(*sizes[1:]), f"1x1 to {MAX_SIDE}x{MAX_SIDE} pixels")
    if prod(sizes) > MAX_BYTES:
        raise DataError(path, f"its header claims {prod(sizes)} bytes", f"up to {MAX_BYTES}")
    stored = path.stat().st_size
    if prod(sizes) > stored * (_DEFLATE_RATIO if path.suffix == ".gz" else 1):
        wrong = f"truncated: its header promises {prod(sizes)} bytes, the file has {stored}"
        raise DataError(path, wrong, "a whole file")


def _check_content(path: Path, found: int, promised: int) -> None:
    if found < promised:
        raise DataError(path, f"truncated: {found} of the {promised} bytes that its header promises", "a whole file")
    if found > promised:
        raise DataError(path, f"trailing bytes after the {promised} that its header promises", "a file that ends there")


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    view = array.view()
    view.setflags(write=False)
    return view
