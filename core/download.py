"""The full MNIST, downloaded on request into the user's cache folder: four files, each from one of two sources.

A file grows in a folder of its own beside its place and is moved there only with the right SHA-256. So whatever is
cancelled, cut off or killed leaves nothing that is taken for whole; files that are whole already are kept.
"""

from __future__ import annotations

import hashlib
import os
import queue
import shutil
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from core.datasets import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from requests import Response

CACHE_VARIABLE = "TRAINSCOPE_CACHE"
"""The environment variable that names another cache folder than the system's."""
SOURCES = ("https://storage.googleapis.com/cvdf-datasets/mnist/", "https://ossci-datasets.s3.amazonaws.com/mnist/")

_CHUNK = 2**16  # bytes read at a time
_PATIENCE = 10.0  # seconds without a byte until the other source is tried
_CONNECT = 5.0  # seconds for each of a host's addresses
_STALE = 86400.0  # seconds after which a started file has been left behind, whatever process has its number now


class Cancelled(Exception):
    """The download was cancelled."""


class _SourceError(Exception):
    """A source did not give a file: the reason."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file of the data set: its name in every source and on disk, its size in bytes, and its SHA-256."""

    name: str
    size: int
    sha256: str

    def is_whole(self, folder: Path) -> bool:
        """Whether the folder has it, with all its bytes."""
        path = folder / self.name
        try:
            if path.stat().st_size != self.size:
                return False
            with path.open("rb") as stream:
                return hashlib.file_digest(stream, "sha256").hexdigest() == self.sha256
        except OSError:
            return False


FILES = (
    RemoteFile(
        "train-images-idx3-ubyte.gz", 9912422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
    ),
    RemoteFile("train-labels-idx1-ubyte.gz", 28881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
    RemoteFile(
        "t10k-images-idx3-ubyte.gz", 1648877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"
    ),
    RemoteFile("t10k-labels-idx1-ubyte.gz", 4542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
)


def cache_folder() -> Path:
    """Return the folder of the full MNIST: `mnist` in the user's cache, or in what `TRAINSCOPE_CACHE` names."""
    if named := os.environ.get(CACHE_VARIABLE):
        return Path(os.path.abspath(os.path.expanduser(named))) / "mnist"
    from pooch import os_cache

    return Path(os_cache("trainscope")) / "mnist"


def have_full(folder: Path | None = None) -> bool:
    """Whether all four files are there and whole; hashes them, some hundredths of a second."""
    return all(file.is_whole(folder or cache_folder()) for file in FILES)


class Download:
    """One download: `run` makes it, `cancel` ends it from another thread; another try is another Download.

    `done` of `total` bytes are there; `patience` is how many seconds a source may be silent.
    """

    def __init__(
        self,
        folder: Path | None = None,
        sources: Sequence[str] | None = None,
        files: Sequence[RemoteFile] | None = None,
        patience: float = _PATIENCE,
    ) -> None:
        """Download to `folder`, by default the cache; of each file, the sources are tried in their order."""
        self.folder = folder or cache_folder()
        self._sources, self._files = sources or SOURCES, files or FILES
        self._patience = patience
        self.done, self.total = 0, sum(file.size for file in self._files)
        self._cancelled = threading.Event()
        self._transfer: _Transfer | None = None
        self._report: Callable[[int, int, str], None] = lambda *_: None

    def cancel(self) -> None:
        """End it at once, from any thread, whatever the server does: `run` raises Cancelled."""
        self._cancelled.set()
        if transfer := self._transfer:
            transfer.leave()

    def run(self, report: Callable[[int, int, str], None] | None = None) -> Path:
        """Download what is not there yet and return the folder; blocks.

        `report(bytes done, bytes in total, name of the file)` is called in this thread whenever bytes have come, up to
        a thousand times in all. Raises Cancelled, or DataError where no source gave a file or it could not be written.
        """
        self._report = report or self._report
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            _clear(self.folder)
            start = 0
            for file in self._files:
                self._complete(file, start)
                start += file.size
                self._advance(start, file.name)
        except OSError as error:
            wrong = f"cannot be written ({error.strerror or error})"
            allowed = f"a folder with room that can be written; {CACHE_VARIABLE} names another"
            raise DataError(self.folder, wrong, allowed) from error
        return self.folder

    def _complete(self, file: RemoteFile, start: int) -> None:
        """Download a file unless it is whole; `start` bytes of others are there."""
        self._check_cancelled()
        if file.is_whole(self.folder):
            return
        reasons: dict[str, str] = {}  # by hosts
        for source in self._sources:
            try:
                return self._fetch(source, file, start)
            except _SourceError as error:
                reasons[urlsplit(source).netloc] = str(error)
        told = [f"{' and '.join(_hosts(reasons, why))}: {why}" for why in dict.fromkeys(reasons.values())]
        wrong = f"could not be downloaded: {'; '.join(told)}"
        raise DataError(file.name, wrong, "a connection to one of them, or 'sample'")

    def _fetch(self, source: str, file: RemoteFile, start: int) -> None:
        import pooch

        pooch.get_logger().setLevel("CRITICAL")
        prefix = f"part-{os.getpid()}-"
        with TemporaryDirectory(prefix=prefix, dir=self.folder, ignore_cleanup_errors=True) as part:
            write: Any = partial(self._write, file, start)
            try:
                made = pooch.retrieve(source + file.name, f"sha256:{file.sha256}", file.name, part, downloader=write)
            except ValueError as error:  # a hash that does not match
                raise _SourceError("wrong bytes: the SHA-256 is another") from error
            os.chmod(made, 0o644)  # a cache may be shared; what pooch makes is only its owner's
            os.replace(made, self.folder / file.name)

    def _write(self, file: RemoteFile, start: int, url: str, output: str, _pooch: object) -> None:
        """Write what comes from the address, as pooch's downloader."""
        transfer = self._transfer = _Transfer(url, file.size, self._patience)
        transfer.start()
        try:
            self._check_cancelled()  # now that `cancel` finds the transfer
            with open(output, "wb") as stream:
                for chunk in transfer:
                    self._check_cancelled()
                    stream.write(chunk)
                    start += len(chunk)
                    self._advance(start, file.name)
        finally:
            self._transfer = None
            transfer.leave()
            transfer.join(0.2)  # it ends at once, unless it is connecting or waiting for an answer's first line

    def _advance(self, done: int, name: str) -> None:
        """Report progress; where another source begins anew, it stands still until there is more than before."""
        self.done = max(self.done, done)
        self._report(self.done, self.total, name)

    def _check_cancelled(self) -> None:
        if self._cancelled.is_set():
            raise Cancelled


class _Transfer(threading.Thread):
    """The body of an address, read by a thread of its own, so that who iterates over it can leave at any moment."""

    def __init__(self, url: str, size: int, patience: float) -> None:
        super().__init__(name="download", daemon=True)
        self._url, self._size, self._patience = url, size, patience
        self._found: queue.SimpleQueue[bytes | Exception] = queue.SimpleQueue()
        self._left = threading.Event()
        self._response: Response | None = None

    def __iter__(self) -> Iterator[bytes]:
        """Yield `size` bytes, never more; raise _SourceError where there are more or fewer."""
        received = 0
        while chunk := self._next(received):
            received += len(chunk)
            if received > self._size:
                raise _SourceError(f"more than the {self._size} bytes it has")
            yield chunk
        if received < self._size:
            raise _SourceError(f"cut off after {received} of {self._size} bytes")

    def _next(self, received: int) -> bytes:
        try:
            found = self._found.get(timeout=self._patience)
        except queue.Empty:
            raise _SourceError(f"silent for {self._patience:.3g} s") from None
        if isinstance(found, bytes):
            return found
        if isinstance(found, Cancelled | _SourceError):
            raise found
        raise _SourceError(f"cut off after {received} bytes" if received else _reason(found)) from found

    def leave(self) -> None:
        """Want no more: whoever waits for bytes is woken, and the thread ends."""
        self._left.set()
        self._found.put(Cancelled())
        if self._response is not None:
            with suppress(ValueError, RuntimeError, OSError, TypeError):  # it may be ending by itself just now
                self._response.raw.shutdown()

    def run(self) -> None:
        """Read until the end, too much, or nobody wants more; what goes wrong is raised where the bytes are taken."""
        import requests

        try:
            with requests.Session() as session, session.get(self._url, **self._options()) as response:
                self._response = response
                if response.status_code != HTTPStatus.OK:
                    raise _SourceError(_status(response.status_code))
                self._read(response.raw)
        except Exception as error:  # whatever it is, the other thread is waiting for it
            self._found.put(error)

    def _options(self) -> dict[str, Any]:
        """Ask for the file as it is; gzip applied on the way is taken off all the same."""
        return {
            "stream": True,
            "timeout": (min(_CONNECT, self._patience), self._patience),
            "headers": {"Accept-Encoding": "identity"},
        }

    def _read(self, raw: Any) -> None:
        received = 0
        while received <= self._size and not self._left.is_set():
            chunk = raw.read1(_CHUNK, decode_content=True)  # what is there, without waiting for a whole chunk
            self._found.put(chunk)
            received += len(chunk)
            if not chunk:
                return


def _hosts(reasons: dict[str, str], why: str) -> list[str]:
    return [host for host, reason in reasons.items() if reason == why]


def _status(code: int) -> str:
    """Say a status in the standard's words, not in the server's."""
    with suppress(ValueError):
        return f"{code} {HTTPStatus(code).phrase}"
    return f"status {code}"


def _reason(error: BaseException) -> str:
    """Say in some words why there was no answer: the system's word where one is at the bottom of it."""
    import requests

    if isinstance(error, requests.Timeout):
        return "no answer"
    below: BaseException | None = error
    while below is not None:
        if isinstance(below, OSError) and below.strerror:
            return below.strerror
        below = below.__cause__ or below.__context__
    said = "".join(c for c in str(error) if c.isprintable())
    return said[:100] or type(error).__name__


def _clear(folder: Path) -> None:
    """Remove what downloads that were killed have left."""
    import psutil

    for path in folder.glob("part-*-*"):
        number = path.name.split("-")[1]
        with suppress(OSError, OverflowError):  # another process may be clearing too, and no process has that number
            dead = number.isdecimal() and not psutil.pid_exists(int(number))
            if dead or time.time() - path.stat().st_mtime > _STALE:
                shutil.rmtree(path)
