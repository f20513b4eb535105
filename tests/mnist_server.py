"""A real HTTP server on loopback that misbehaves as asked: the first part of a path names what happens to the file.

`http://127.0.0.1:PORT/cut/train-images-idx3-ubyte.gz` breaks off in the middle, and so on for each method below.
"""

from __future__ import annotations

import gzip
import threading
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PIECE = 500


class MnistServer(ThreadingHTTPServer):
    """Serves files by name; `asked` are the paths that were asked for, `headers` what the last request said."""

    daemon_threads = False  # closing it waits for all its threads

    def __init__(self, files: Mapping[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files, self.asked = dict(files), []
        self.headers: dict[str, str] = {}
        self.arrived = threading.Event()  # the last request has been answered as far as it ever will be
        self.closing = threading.Event()
        self.pause = 0.01  # seconds between the pieces of a slow answer

    def source(self, behaviour: str) -> str:
        """Return the address of a source that behaves in this way."""
        return f"http://127.0.0.1:{self.server_port}/{behaviour}/"

    def files_asked(self, behaviour: str) -> list[str]:
        return [path.rpartition("/")[2] for path in self.asked if path.startswith(f"/{behaviour}/")]

    def handle_error(self, *_request: object) -> None:
        """A client that has left is no error."""


@contextmanager
def serving(files: Mapping[str, bytes]) -> Iterator[MnistServer]:
    """Serve until the block ends; its threads have ended then, whatever they were at."""
    server = MnistServer(files)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: MnistServer

    def do_GET(self) -> None:
        _, behaviour, name = self.path.split("/", 2)
        self.server.asked.append(self.path)
        self.server.headers = dict(self.headers.items())
        getattr(self, behaviour)(self.server.files[name])

    def log_message(self, *_arguments: object) -> None:
        """Say nothing on standard error."""

    def begin(self, length: int | None, status: int = 200, **more: str) -> None:
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for key, value in more.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()

    def wait(self) -> None:
        """Keep the connection open without another byte."""
        self.wfile.flush()
        self.server.arrived.set()
        self.server.closing.wait()

    # The behaviours

    def fine(self, content: bytes) -> None:
        self.begin(len(content))
        self.wfile.write(content)

    def no_length(self, content: bytes) -> None:
        self.begin(None)
        self.wfile.write(content)

    def slow(self, content: bytes) -> None:
        self.begin(len(content))
        for start in range(0, len(content), _PIECE):
            self.wfile.write(content[start : start + _PIECE])
            self.server.arrived.set()
            if self.server.closing.wait(self.server.pause):
                return

    def mute(self, content: bytes) -> None:
        """Not even a first line."""
        self.wait()

    def silent(self, content: bytes) -> None:
        """Nothing after the headers."""
        self.begin(len(content))
        self.wait()

    def stall(self, content: bytes) -> None:
        self.begin(len(content))
        self.wfile.write(content[: len(content) // 2])
        self.wait()

    def cut(self, content: bytes) -> None:
        self.begin(len(content))
        self.wfile.write(content[: len(content) // 2])

    def cut_no_length(self, content: bytes) -> None:
        self.begin(None)
        self.wfile.write(content[: len(content) // 2])

    def more_promised(self, content: bytes) -> None:
        self.begin(len(content) + 1000)
        self.wfile.write(content)

    def less_promised(self, content: bytes) -> None:
        self.begin(len(content) * 9 // 10)
        self.wfile.write(content)

    def junk_after(self, content: bytes) -> None:
        self.begin(len(content) + 100)
        self.wfile.write(content + bytes(100))

    def endless(self, content: bytes) -> None:
        self.begin(None)
        while not self.server.closing.is_set():
            self.wfile.write(bytes(65536))

    def wrong(self, content: bytes) -> None:
        """One bit is another."""
        self.begin(len(content))
        self.wfile.write(content[:-1] + bytes([content[-1] ^ 1]))

    def empty(self, content: bytes) -> None:
        self.begin(0)

    def web_page(self, content: bytes) -> None:
        """As the login page of a hotel's network answers everything."""
        self.begin(23, Content_Type="text/html")
        self.wfile.write(b"<html>Welcome!</html>\r\n")

    def missing(self, content: bytes) -> None:
        self.begin(3, 404)
        self.wfile.write(b"no\n")

    def broken(self, content: bytes) -> None:
        self.begin(0, 500)

    def odd(self, content: bytes) -> None:
        self.send_response(799, "\x1b[31mred")
        self.end_headers()

    def nonsense(self, content: bytes) -> None:
        """Not HTTP."""
        self.wfile.write(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")

    def zipped(self, content: bytes) -> None:
        """Compressed once more on the way, as some proxies do."""
        body = gzip.compress(content)
        self.begin(len(body), Content_Encoding="gzip")
        self.wfile.write(body)

    def bomb(self, content: bytes) -> None:
        self.begin(len(_bomb()), Content_Encoding="gzip")
        self.wfile.write(_bomb())

    def false_encoding(self, content: bytes) -> None:
        self.begin(len(content), Content_Encoding="gzip")
        self.wfile.write(b"x" + content[1:])

    def redirect(self, content: bytes) -> None:
        self.begin(0, 302, Location=self.path.replace("/redirect/", "/fine/"))

    def circle(self, content: bytes) -> None:
        self.begin(0, 302, Location=self.path)

    def to_a_file(self, content: bytes) -> None:
        self.begin(0, 302, Location="file:///etc/passwd")


@cache
def _bomb() -> bytes:
    """50 MB of zeros, zipped."""
    return gzip.compress(bytes(50 * 2**20))
