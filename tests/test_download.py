"""The download of the full MNIST against a server that does everything wrong that a server can do."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from urllib3.util import connection

import main as command_line
from core import download as module
from core.datasets import DataError, load, load_full
from core.download import Cancelled, Download, RemoteFile, cache_folder, have_full
from tests.mnist_server import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.mnist_server import MnistServer

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 0.4  # seconds that a source of these tests may be silent
FOREVER = 3600.0  # seconds: what waits so long has to be woken


def _contents() -> dict[str, bytes]:
    """The four files, with 200 and 50 images."""
    draws, contents = np.random.default_rng(0), {}
    for part, count in (("train", 200), ("t10k", 50)):
        pixels = draws.integers(0, 256, (count, 784), dtype=np.uint8) * (draws.random((count, 784)) < 0.2)
        images = struct.pack(">4I", 0x803, count, 28, 28) + pixels.astype(np.uint8).tobytes()
        labels = struct.pack(">2I", 0x801, count) + bytes(i % 10 for i in range(count))
        contents[f"{part}-images-idx3-ubyte.gz"] = gzip.compress(images, mtime=0)
        contents[f"{part}-labels-idx1-ubyte.gz"] = gzip.compress(labels, mtime=0)
    return contents


CONTENTS = _contents()
FILES = tuple(RemoteFile(name, len(data), hashlib.sha256(data).hexdigest()) for name, data in CONTENTS.items())
TOTAL = sum(file.size for file in FILES)


@pytest.fixture
def server() -> Iterator[MnistServer]:
    """A server that ends with the test, whatever its threads are at."""
    with serving(CONTENTS) as found:
        yield found


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Let the full MNIST be these small files, and the cache be the test's; return the data's folder."""
    monkeypatch.setattr(module, "FILES", FILES)
    monkeypatch.setattr(module, "SOURCES", (dead_end(), dead_end()))
    monkeypatch.setenv(module.CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache" / "mnist"


def dead_end() -> str:
    """The address of a port on which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/"


def downloading(server: MnistServer, *behaviours: str) -> Download:
    """A download from sources that behave so; only where one is silent is it given little time."""
    patience = PATIENCE if {"mute", "silent", "stall"} & {*behaviours} else 10.0
    return Download(sources=[server.source(each) for each in behaviours], patience=patience)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def assert_whole(folder: Path) -> None:
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == CONTENTS
    assert have_full()


def refusal(download: Download) -> str:
    """The one line with which a download fails."""
    with pytest.raises(DataError) as caught:
        download.run()
    assert len(str(caught.value).splitlines()) == 1 and str(caught.value).isprintable()
    return str(caught.value)


# What sources do: the reason that is given for it

WORKS = ("fine", "no_length", "slow", "zipped", "redirect")
FAILS = {
    "mute": "no answer|silent for 0.4 s",
    "silent": "no answer|silent for 0.4 s",
    "stall": r"no answer|silent for 0.4 s|cut off after {half} bytes",
    "cut": "cut off after {half} bytes",
    "cut_no_length": "cut off after {half} of {} bytes",
    "less_promised": "cut off after {less} of {} bytes",
    "more_promised": "cut off after {} bytes",
    "junk_after": "more than the {} bytes it has",
    "endless": "more than the {} bytes it has",
    "wrong": "wrong bytes: the SHA-256 is another",
    "empty": "cut off after 0 of {} bytes",
    "web_page": "cut off after 23 of {} bytes",
    "missing": "404 Not Found",
    "broken": "500 Internal Server Error",
    "odd": "status 799",
    "nonsense": ".*(SSH|BadStatusLine|Connection aborted).*",
    "bomb": "more than the {} bytes it has",
    "false_encoding": ".*decod.*",
    "circle": "Exceeded 30 redirects.*",
    "to_a_file": "No connection adapters .*",
}


@pytest.mark.parametrize("behaviour", WORKS)
def test_good_sources(server: MnistServer, small: Path, behaviour: str) -> None:
    assert not have_full()
    assert downloading(server, behaviour, "missing").run() == small
    assert_whole(small)
    assert server.files_asked("missing") == []


@pytest.mark.parametrize("behaviour", FAILS)
def test_a_bad_source_before_a_good_one(server: MnistServer, small: Path, behaviour: str) -> None:
    downloading(server, behaviour, "fine").run()
    assert_whole(small)
    assert server.files_asked("fine") == list(CONTENTS)
    assert set(server.files_asked(behaviour)) == set(CONTENTS)


@pytest.mark.parametrize("behaviour", FAILS)
def test_two_bad_sources_then_a_clean_restart(server: MnistServer, small: Path, behaviour: str) -> None:
    size = FILES[0].size
    reason = FAILS[behaviour].replace("{half}", str(size // 2)).replace("{less}", str(size * 9 // 10))
    reason = reason.replace("{}", str(size))
    told = rf"127\.0\.0\.1:{server.server_port}: ({reason})"
    said = refusal(downloading(server, behaviour, behaviour))
    expected = rf"{FILES[0].name}: could not be downloaded: {told}; allowed: a connection .*, or 'sample'"
    assert re.fullmatch(expected, said), said
    assert names(small) == [] and not have_full()
    downloading(server, "fine").run()
    assert_whole(small)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
def test_others_may_read_what_is_in_a_shared_cache(server: MnistServer, small: Path) -> None:
    downloading(server, "fine").run()
    assert {path.stat().st_mode & 0o777 for path in small.iterdir()} == {0o644}


def test_the_file_is_asked_for_as_it_is(server: MnistServer) -> None:
    downloading(server, "fine").run()
    assert server.headers["Accept-Encoding"] == "identity"


def test_offline_is_one_line_that_names_both_sources(small: Path) -> None:
    said = refusal(Download())
    assert re.search(r"127\.0\.0\.1:\d+ and 127\.0\.0\.1:\d+: Connection refused; allowed: ", said)
    assert names(small) == []


def test_a_host_that_nobody_knows(small: Path) -> None:
    said = refusal(Download(sources=["http://no-such-host.invalid/", "http://no-such-host.invalid/"]))
    assert said.count("no-such-host.invalid: ") == 1 and names(small) == []


def test_a_bomb_takes_no_memory(server: MnistServer) -> None:
    refusal(downloading(server, "bomb"))  # imports what is needed
    tracemalloc.start()
    try:
        refusal(downloading(server, "bomb"))
        assert tracemalloc.get_traced_memory()[1] < 5 * 2**20
    finally:
        tracemalloc.stop()


# Progress, and what is there already


@pytest.mark.parametrize("behaviours", [("fine",), ("slow",), ("cut", "slow"), ("wrong", "fine"), ("zipped",)])
def test_progress_rises_to_the_total(server: MnistServer, behaviours: tuple[str, ...]) -> None:
    told: list[tuple[int, int, str]] = []
    download = downloading(server, *behaviours)
    download.run(lambda *progress: told.append(progress))
    done = [each[0] for each in told]
    assert done == sorted(done) and 0 < done[0] and done[-1] == TOTAL == download.done == download.total
    assert {each[1] for each in told} == {TOTAL}
    assert list(dict.fromkeys(each[2] for each in told)) == list(CONTENTS)


def test_progress_is_told_as_bytes_arrive(server: MnistServer) -> None:
    told: list[int] = []
    downloading(server, "slow").run(lambda done, _total, _name: told.append(done))
    assert max(np.diff(told)) < 20_000 < FILES[0].size


def test_whole_files_are_kept_and_others_replaced(server: MnistServer, small: Path) -> None:
    small.mkdir(parents=True)
    kept, short, other, gone = FILES
    (small / kept.name).write_bytes(CONTENTS[kept.name])
    (small / short.name).write_bytes(CONTENTS[short.name][:-1])
    (small / other.name).write_bytes(CONTENTS[other.name][:-1] + b"?")
    assert not have_full()
    downloading(server, "fine").run()
    assert_whole(small)
    assert server.files_asked("fine") == [short.name, other.name, gone.name]


def test_nothing_is_asked_for_when_all_is_there(server: MnistServer, small: Path) -> None:
    downloading(server, "fine").run()
    server.asked.clear()
    assert downloading(server, "fine").run() == small and server.asked == []


def test_a_failure_keeps_the_files_before_it(server: MnistServer, small: Path) -> None:
    first, *others = FILES
    server.files[others[0].name] = b"other"
    refusal(downloading(server, "fine"))
    assert names(small) == [first.name]
    server.files.update(CONTENTS)
    server.asked.clear()
    downloading(server, "fine").run()
    assert server.files_asked("fine") == [file.name for file in others]
    assert_whole(small)


# Cancelling


@pytest.mark.parametrize("behaviour", ["slow", "silent", "stall", "mute", "endless"])
def test_cancel_ends_it_at_once(server: MnistServer, small: Path, behaviour: str) -> None:
    files = [RemoteFile(FILES[0].name, 2**40, "0" * 64)] if behaviour == "endless" else None
    download = Download(sources=[server.source(behaviour)], files=files, patience=FOREVER)
    server.pause = 0.2
    ended: list[str] = []

    def run() -> None:
        with pytest.raises(Cancelled):
            download.run(lambda *_: server.arrived.set())
        ended.append("cancelled")

    thread = threading.Thread(target=run)
    thread.start()
    assert server.arrived.wait(10)
    download.cancel()
    thread.join(20)  # while the server goes on, or keeps silent, for as long as the test does
    still = readers()
    server.closing.set()
    assert ended == ["cancelled"] and names(small) == [] and len(server.asked) == 1
    assert len(still) == (behaviour == "mute")  # who says nothing at all keeps the reader, which nobody waits for
    assert_end(still)


def readers() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "download"]


def assert_end(threads: list[threading.Thread]) -> None:
    for each in threads:
        each.join(10)
        assert not each.is_alive()


def test_cancel_between_two_files_and_before_the_first(server: MnistServer, small: Path) -> None:
    download = downloading(server, "fine")
    with pytest.raises(Cancelled):
        download.run(lambda done, _total, _name: done < FILES[0].size or download.cancel())
    assert names(small) == [FILES[0].name] and server.asked == [f"/fine/{FILES[0].name}"]
    with pytest.raises(Cancelled):
        download.run()
    downloading(server, "fine").run()
    assert_whole(small)


def test_cancel_while_nobody_answers_the_connection(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full backlog: the system drops further attempts to connect, so connecting takes its whole time."""
    with socket.socket() as deaf, socket.socket() as first, socket.socket() as second:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        for each in (first, second):
            each.setblocking(False)
            each.connect_ex(deaf.getsockname())
        download = Download(sources=[f"http://127.0.0.1:{deaf.getsockname()[1]}/"])
        connecting, connect = threading.Event(), connection.create_connection
        monkeypatch.setattr(
            connection, "create_connection", lambda *args, **more: (connecting.set(), connect(*args, **more))[1]
        )
        canceller = threading.Thread(target=lambda: connecting.wait(10) and download.cancel())
        canceller.start()
        with pytest.raises(Cancelled):
            download.run()
        still = readers()
        canceller.join()
        assert len(still) == 1, "it waited until connecting had failed"
    assert_end(still)
    assert names(small) == []


# Processes that are killed, and two at once

SCRIPT = """if True:
    import sys
    from pathlib import Path
    from core.datasets import DataError
    from core.download import Download, RemoteFile
    source, folder, *limit = sys.argv[1:]
    files = [RemoteFile(*line.split()[:1], int(line.split()[1]), line.split()[2]) for line in sys.stdin]
    if limit:
        import resource
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit[0]), int(limit[0])))
    try:
        Download(Path(folder), [source], files).run(lambda done, *_: print(done, flush=True))
    except DataError as error:
        sys.exit(f"{error}")
"""


def start_process(source: str, folder: Path, *limit: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "error", "-c", SCRIPT, source, str(folder), *limit]
    pipe = subprocess.PIPE
    running = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, cwd=ROOT)
    assert running.stdin
    running.stdin.writelines(f"{file.name} {file.size} {file.sha256}\n" for file in FILES)
    running.stdin.close()
    running.stdin = None
    return running


def test_a_killed_download_leaves_nothing_that_counts(server: MnistServer, small: Path) -> None:
    with start_process(server.source("slow"), small) as running:
        assert running.stdout and int(running.stdout.readline()) > 0
        running.kill()
        running.communicate(timeout=20)
    (left,) = names(small)
    assert left.startswith(f"part-{running.pid}-") and not have_full()
    downloading(server, "fine").run()
    assert_whole(small)


def test_what_an_earlier_process_left_is_cleared_and_nothing_else(server: MnistServer, small: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    dead, alive, old = f"part-{ended.pid}-a1b2", f"part-{os.getppid()}-c3d4", f"part-{os.getppid()}-e5f6"
    others = [alive, "part-9999999999999999999-g7", "part-of-me"]
    for name in (dead, old, *others):
        (small / name).mkdir(parents=True)
        (small / name / "tmp").write_bytes(b"half")
    os.utime(small / old, (0, 0))
    downloading(server, "fine").run()
    assert sorted({*names(small)} - {*CONTENTS}) == sorted(others)


def test_two_processes_at_once(server: MnistServer, small: Path) -> None:
    both = [start_process(server.source("slow"), small) for _ in range(2)]
    told = [running.communicate(timeout=60) for running in both]
    assert [running.returncode for running in both] == [0, 0], told
    assert all(int(out.split()[-1]) == TOTAL and not errors for out, errors in told)
    assert_whole(small)


def test_two_threads_at_once(server: MnistServer, small: Path) -> None:
    threads = [threading.Thread(target=downloading(server, "slow").run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert_whole(small)


# Folders that cannot be written


def test_a_file_where_the_cache_should_be(tmp_path: Path, server: MnistServer) -> None:
    (tmp_path / "cache").write_text("here")
    said = refusal(downloading(server, "fine", "fine"))
    assert said.startswith(f"{tmp_path / 'cache' / 'mnist'}: cannot be written (Not a directory); allowed: a folder")
    assert module.CACHE_VARIABLE in said and server.asked == [] and not have_full()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the administrator may write everywhere")
def test_a_cache_that_may_not_be_written(small: Path, server: MnistServer) -> None:
    small.mkdir(parents=True)
    small.chmod(0o500)
    try:
        assert "cannot be written (Permission denied)" in refusal(downloading(server, "fine", "fine"))
    finally:
        small.chmod(0o700)
    assert names(small) == []


def test_a_folder_in_place_of_a_file(small: Path, server: MnistServer) -> None:
    (small / FILES[0].name / "in the way").mkdir(parents=True)
    assert "cannot be written (Is a directory)" in refusal(downloading(server, "fine", "fine"))
    assert names(small) == [FILES[0].name]


def test_the_cache_vanishes_in_mid_download(small: Path, server: MnistServer) -> None:
    def vanish(done: int, _total: int, _name: str) -> None:
        if done < FILES[0].size and small.exists():
            small.rename(small.parent / "gone")

    download = downloading(server, "slow", "slow")
    with pytest.raises(DataError, match="cannot be written"):
        download.run(vanish)
    assert not have_full()
    downloading(server, "fine").run()
    assert have_full()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit for the size of files")
def test_a_full_disk_is_one_line_and_leaves_nothing(server: MnistServer, small: Path) -> None:
    with start_process(server.source("fine"), small, str(FILES[0].size // 2)) as running:
        _out, errors = running.communicate(timeout=60)
    allowed = f"a folder with room that can be written; {module.CACHE_VARIABLE} names another"
    assert errors == f"{small}: cannot be written (File too large); allowed: {allowed}\n"
    assert running.returncode == 1 and names(small) == []
    downloading(server, "fine").run()
    assert_whole(small)


# The cache folder


def test_the_cache_is_the_users_unless_the_environment_names_another(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv(module.CACHE_VARIABLE, str(tmp_path / "mine"))
    assert cache_folder() == tmp_path / "mine" / "mnist"
    monkeypatch.delenv(module.CACHE_VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder().parts[-2:] == ("trainscope", "mnist")
    assert cache_folder().is_relative_to(tmp_path) or sys.platform in ("win32", "darwin")


def test_the_promised_files() -> None:
    """As the design lists them; both sources are reached in a way that cannot be read or changed on the way."""
    fresh = "import core.download as d; print(sum(f.size for f in d.FILES), len(d.FILES), *d.SOURCES)"
    done = subprocess.run([sys.executable, "-c", fresh], capture_output=True, text=True, cwd=ROOT, check=True)
    size, count, *sources = done.stdout.split()
    assert (size, count) == ("11594722", "4")
    assert len(sources) == 2 and all(source.startswith("https://") and source.endswith("/") for source in sources)


def test_nothing_slow_is_imported_before_it_is_needed() -> None:
    code = "import sys, core.download; sys.exit(any(n in sys.modules for n in ('pooch', 'requests', 'psutil')))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


# Loading


def test_loading_the_full_set_before_and_after(server: MnistServer, small: Path) -> None:
    with pytest.raises(DataError, match=r"full: the full MNIST has not been downloaded to .*; allowed: ") as caught:
        load("full")
    assert len(str(caught.value).splitlines()) == 1
    downloading(server, "fine").run()
    dataset = load("full")
    assert (dataset.name, dataset.source) == ("full MNIST", "full")
    assert (len(dataset.train_images), len(dataset.test_images)) == (200, 50)
    assert dataset.train_images.tobytes() == gzip.decompress(CONTENTS["train-images-idx3-ubyte.gz"])[16:]
    assert load_full(small).identity() == dataset.identity()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_changed_file_is_never_loaded(server: MnistServer, small: Path, file: RemoteFile) -> None:
    downloading(server, "fine").run()
    (small / file.name).write_bytes(CONTENTS[file.name][:-1] + b"?")
    assert not have_full()
    with pytest.raises(DataError, match="has not been downloaded"):
        load("full")


# The command line

EXPORT = ["--set", "hidden=6", "--set", "batch=16", "--iterations", "9", "--format", "csv,json"]


def test_an_export_downloads_first(server, small: Path, monkeypatch, capsys, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "SOURCES", (server.source("missing"), server.source("fine")))
    for _ in range(2):
        assert command_line.main(["export", "init-mnist", "--data", "full", "--out", str(tmp_path), *EXPORT]) == 0
        assert capsys.readouterr().err == ""
    assert_whole(small)
    assert server.files_asked("fine") == list(CONTENTS)
    assert "full MNIST: 200 training and 50 test images" in (tmp_path / "init-mnist.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("command", [["export", "init-mnist", "--out", "OUT", *EXPORT], ["--fresh"]])
def test_a_download_that_fails_is_one_line_and_status_2(capsys, tmp_path: Path, command: list[str]) -> None:
    arguments = [str(tmp_path / "out") if part == "OUT" else part for part in command]
    assert command_line.main([*arguments, "--data", "full"]) == 2
    out, errors = capsys.readouterr()
    assert not out and len(errors.splitlines()) == 1 and not (tmp_path / "out").exists()
    assert errors.startswith(f"trainscope: {FILES[0].name}: could not be downloaded: 127.0.0.1:")


def test_what_uses_no_images_downloads_none(capsys, tmp_path: Path) -> None:
    arguments = ["export", "optimizer-paths", "--data", "full", "--out", str(tmp_path / "out"), "--format", "csv"]
    assert command_line.main(arguments) == 0
    assert capsys.readouterr().err == "trainscope: optimizer-paths uses no images: --data has no effect\n"


TERMINAL = """if True:
    import signal, sys, main
    from core import download
    signal.signal(signal.SIGINT, signal.default_int_handler)  # as in a terminal, also where tests run in the background
    download.SOURCES = sys.argv[1:3]
    sys.exit(main.main(sys.argv[3:]))
"""


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a terminal")
def test_ctrl_c_stops_a_download_that_shows_its_progress(server: MnistServer, small: Path, tmp_path: Path) -> None:
    try:
        ours, theirs = os.openpty()
    except OSError as error:
        pytest.skip(f"no pseudo-terminal here: {error}")
    arguments = ["export", "init-mnist", "--data", "full", "--out", str(tmp_path / "out")]
    command = [sys.executable, "-c", TERMINAL, server.source("slow"), server.source("slow"), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, cwd=ROOT) as running:
        os.close(theirs)
        shown = ""
        while not re.search(r"full MNIST: 0\.[0-9] of 11\.6 MB", shown):
            shown += os.read(ours, 4096).decode()
        running.send_signal(signal.SIGINT)
        with contextlib.suppress(OSError):  # once nobody writes to the terminal any more
            while part := os.read(ours, 4096):
                shown += part.decode()
        out, _ = running.communicate(timeout=20)
    os.close(ours)
    assert shown.endswith("\r\ntrainscope: stopped\r\n") and (running.returncode, out) == (1, b"")
    assert names(small) == [] and not (tmp_path / "out").exists()
