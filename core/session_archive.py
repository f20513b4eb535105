"""Zip files of entries that are stored, not packed: what a session file is, and each run's arrays in it.

Nothing in such a file unpacks to more than the file holds, so its size bounds what reading takes, and every byte of it
belongs to exactly one entry. Float weights would not get smaller by packing anyway: 8 % for a tenth of the speed.
"""

from __future__ import annotations

import io
import os
import re
import stat
import struct
import zipfile
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import IO

Array = NDArray[Any]
Shape = tuple[int, ...]

MOST_BYTES = 2**30
"""Size of the largest session file."""

_MOST_ENTRIES, _MOST_DIRECTORY = 1000, 2**17
_LOCAL, _END, _LOCATOR = 30, 22, 20  # bytes of a zip's fixed parts
_MOST_HEADER = 246  # bytes of an array's description
_HEADER = re.compile(
    rb"\{'descr': '(<f4|<f8|<i8)', 'fortran_order': False, "
    rb"'shape': \((|[0-9]{1,18},|[0-9]{1,18}(?:, [0-9]{1,18})+)\), \} *\n"
)
_BROKEN = (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError, RuntimeError, OverflowError, struct.error)
_WHOLE = "a file as it was saved"


class SessionError(ValueError):
    """A session file that cannot be used; one line: where in it, what is wrong, what is allowed."""

    def __init__(self, where: str, wrong: str, allowed: str) -> None:
        """Compose the line; `where` may be told more about by whoever knows the file's name."""
        super().__init__(" ".join(f"{where}: {wrong}; allowed: {allowed}".splitlines()))
        self.where, self.wrong, self.allowed = where, wrong, allowed

    def inside(self, place: str) -> SessionError:
        """Return the same complaint with the place that `where` is in."""
        return SessionError(f"{place}, {self.where}" if self.where else place, self.wrong, self.allowed)


class Archive:
    """An open zip file of stored entries, checked before any entry is read; raises SessionError, as all methods do."""

    def __init__(self, stream: IO[bytes], where: str = "") -> None:
        """Read the directory of a stream that can seek; `where` is what errors call it."""
        self._where = where
        self._stream = stream
        _check_end(stream, where)
        try:
            self._zip = zipfile.ZipFile(stream)
        except _BROKEN as error:
            raise SessionError(where, f"a broken zip file ({error})", _WHOLE) from error
        self._entries = {info.filename: info for info in self._zip.infolist()}
        self._check_entries()

    def expect(self, names: set[str]) -> None:
        """Refuse any other content than these entries."""
        found = set(self._entries)
        for wrong, several in (("misses", names - found), ("has an unexpected", found - names)):
            if several:
                raise SessionError(self._where, f"{wrong} entry {sorted(several)[0][:60]!r}", "the entries it lists")

    def size(self, name: str) -> int:
        """Return the bytes of an entry; 0 where there is none."""
        return self._entries[name].file_size if name in self._entries else 0

    def read(self, name: str) -> bytes:
        """Return an entry's content, which must have the checksum that was written with it."""
        try:
            return self._zip.read(self._entries[name])
        except _BROKEN as error:
            raise SessionError(self._called(name), f"broken ({error})", _WHOLE) from error

    def inner(self, name: str) -> Archive:
        """Return the archive that an entry is."""
        return Archive(io.BytesIO(self.read(name)), self._called(name))

    def shape(self, name: str, dtype: str) -> Shape:
        """Return the shape of the array in `name`.npy; it must have this dtype, such as `<f4`."""
        return self._head(f"{name}.npy", dtype)[0]

    def array(self, name: str, dtype: str, shape: Shape) -> Array:
        """Return the array in `name`.npy, read-only; it must have this dtype and shape."""
        name = f"{name}.npy"
        found, start = self._head(name, dtype)
        if found != shape:
            raise SessionError(self._called(name), f"an array of shape {_text(found)}", f"shape {_text(shape)}")
        return np.frombuffer(self.read(name), dtype, offset=start).reshape(shape)

    def _head(self, name: str, dtype: str) -> tuple[Shape, int]:
        """Return an array's shape and where its numbers start."""
        try:
            with self._zip.open(self._entries[name]) as stream:
                head = stream.read(10)
                length = struct.unpack("<H", head[8:10])[0] if head[:8] == b"\x93NUMPY\x01\x00" else 0
                described = _HEADER.fullmatch(stream.read(min(length, _MOST_HEADER)))
        except _BROKEN as error:
            raise SessionError(self._called(name), f"broken ({error})", _WHOLE) from error
        if described is None or described[1] != dtype.encode():
            raise SessionError(self._called(name), "not an array of that kind", f"a NumPy array of dtype {dtype}")
        shape = tuple(int(size) for size in described[2].split(b",") if size.strip())
        if 10 + length + prod(shape) * np.dtype(dtype).itemsize != self.size(name):
            raise SessionError(self._called(name), f"{self.size(name)} bytes", f"what shape {_text(shape)} takes")
        return shape, 10 + length

    def _called(self, name: str) -> str:
        return f"{self._where}, {name}" if self._where else name

    def _check_entries(self) -> None:
        """Refuse entries that are not plain stored files, one behind the other, from the beginning to the directory."""
        infos, position = sorted(self._zip.infolist(), key=lambda info: info.header_offset), 0
        for info in infos:
            if not _plain(info) or info.header_offset != position or self._local_extra(info):
                wrong = f"entry {info.filename[:60]!r} is packed, encrypted, a link or overlaps another"
                raise SessionError(self._where, wrong, "stored files, one behind the other")
            position += _LOCAL + len(info.filename) + info.file_size
        if len(self._entries) != len(infos) or position != self._zip.start_dir:
            raise SessionError(self._where, "entries that are there twice, or bytes of no entry", _WHOLE)

    def _local_extra(self, info: zipfile.ZipInfo) -> int:
        self._stream.seek(info.header_offset + _LOCAL - 2)
        return int.from_bytes(self._stream.read(2), "little")


def _plain(info: zipfile.ZipInfo) -> bool:
    """Tell whether an entry is a regular file with a plain name, neither packed nor encrypted."""
    regular = stat.S_IFMT(info.external_attr >> 16) in (0, stat.S_IFREG)
    stored = info.compress_type == zipfile.ZIP_STORED and info.compress_size == info.file_size
    named = info.filename.isascii() and info.filename == info.orig_filename
    return regular and stored and named and not (info.flag_bits or info.extra or info.comment)


def _check_end(stream: IO[bytes], where: str) -> None:
    """Refuse what is no zip file, or one with a directory that is too large, before the directory is read."""
    size = stream.seek(0, os.SEEK_END)
    if size > MOST_BYTES:
        raise SessionError(where, f"{size >> 20} MB", f"up to {MOST_BYTES >> 20} MB")
    stream.seek(0)
    if stream.read(4) != b"PK\x03\x04" or size < _END + _LOCATOR:
        raise SessionError(where, "not a zip file", "a session saved by Trainscope")
    stream.seek(size - _END - _LOCATOR)
    locator, end = stream.read(_LOCATOR), stream.read(_END)
    mark, disk, disks, here, count, length, start, comment = struct.unpack("<4s4H2LH", end)
    if mark != b"PK\x05\x06" or locator[:4] == b"PK\x06\x07" or start + length + _END != size:
        raise SessionError(where, "not whole: cut off, or something was added at its end", _WHOLE)
    if disk or disks or comment or here != count or count > _MOST_ENTRIES or length > _MOST_DIRECTORY:
        raise SessionError(where, f"a zip file of {count} entries in parts or with remarks", _WHOLE)


def _text(shape: Shape) -> str:
    return "x".join(map(str, shape)) or "()"


def add_entry(archive: zipfile.ZipFile, name: str, parts: Sequence[bytes | memoryview]) -> None:
    """Write an entry out of several parts; the same content gives the same bytes."""
    info = zipfile.ZipInfo(name)
    info.file_size = sum(len(part) for part in parts)
    with archive.open(info, "w") as stream:
        for part in parts:
            stream.write(part)


def pack(arrays: Mapping[str, Sequence[Array]]) -> memoryview:
    """Return an NPZ file of arrays, each given as the parts that it has along its first axis, at least one."""
    stream = io.BytesIO()
    try:
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
            for name, parts in arrays.items():
                add_entry(archive, f"{name}.npy", _entry(parts))
    except ValueError as error:
        if not stream.closed:
            raise
        raise MemoryError("the session does not fit into memory") from error  # a BytesIO that can not grow is closed
    return stream.getbuffer()


def _entry(parts: Sequence[Array]) -> list[bytes | memoryview]:
    """Return an array's description and its numbers, in C order."""
    shape = (sum(len(part) for part in parts), *parts[0].shape[1:])
    header = io.BytesIO()
    described = {"descr": parts[0].dtype.str, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(header, described)
    flat = (np.ascontiguousarray(part).reshape(-1).view(np.uint8).data for part in parts)
    return [header.getvalue(), *flat]
