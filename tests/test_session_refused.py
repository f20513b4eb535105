"""Session files from elsewhere: whatever does not fit is refused in one line, before anything of its size is taken."""

from __future__ import annotations

import copy
import functools
import io
import json
import os
import stat
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest

from core.session import SessionError, read_session, write_session
from tests.session_files import entries, put, refused, session_of, state_of, zipped

pytest_plugins = ["tests.session_file_fixtures"]


def edit(**parts):
    """Return what sets values deep in plain data: `panels__training__run__position=3`."""

    def do(plain):
        for way, value in parts.items():
            *above, last = [int(key) if key.isdigit() else key for key in way.split("__")]
            functools.reduce(lambda found, key: found[key], above, plain)[last] = value

    return do


RUN = "panels__training__run"
CASES = {
    "another program's": (edit(format="Notebook"), "format: of another program"),
    "a newer version": (edit(version=3), "version: 3, made by a newer Trainscope; allowed: up to 2"),
    "no version": (edit(version="1"), "version: a text; allowed: a whole number"),
    "an unknown key": (edit(more=1), "the session: keys .*allowed: an object with the keys format, version"),
    "no such panel": (lambda p: p["panels"].update(chaos=p["panels"].pop("paths")), "panels: 'chaos'; allowed: act"),
    "no such preset": (edit(panels__paths__configuration__preset="x"), "preset: 'x'; allowed: optimizer-paths, paths-"),
    "another panel's preset": (edit(panels__paths__configuration__preset="dropout"), "preset: 'dropout'"),
    "an unknown parameter": (edit(panels__paths__configuration__values__x=1), "x: not a parameter that paths-saddle"),
    "a value out of range": (
        edit(panels__training__configuration__values={"sgd.lr": -1}),
        r"configuration: sgd\.lr: '-1' is not allowed; allowed: a number from",
    ),
    "a change of what is not live": (
        edit(**{f"{RUN}__configuration__changes": [[1, "batch", 8]]}),
        "'batch' after 1 updates; allowed: live",
    ),
    "a change of the end": (edit(**{f"{RUN}__configuration__changes": [[1, "iterations", 8]]}), "'iterations' after 1"),
    "a change of what is not there": (edit(**{f"{RUN}__configuration__changes": [[1, "x", 8]]}), "x: not a parameter"),
    "a change to what is not allowed": (edit(**{f"{RUN}__configuration__changes": [[1, "l2", -8]]}), "l2: '-8' is not"),
    "changes that go back": (
        edit(**{f"{RUN}__configuration__changes": [[5, "l2", 0.1], [4, "l2", 0.2]]}),
        "changes: 4; allowed: a whole number from 5",
    ),
    "the same change twice": (
        edit(**{f"{RUN}__configuration__changes": [[5, "l2", 0.1], [5, "l2", 0.2]]}),
        "'l2' after 5 updates",
    ),
    "a change after the end": (
        edit(**{f"{RUN}__configuration__changes": [[22, "l2", 0.1]]}),
        "a change after the run's end; allowed: up to 21",
    ),
    "another position": (edit(**{f"{RUN}__position": 22}), "no checkpoint at the run's position"),
    "a position beyond all": (edit(**{f"{RUN}__position": 10**9}), "position: 1000000000; allowed: a whole number fr"),
    "a run that has not begun": (edit(**{f"{RUN}__position": 0}), "position: 0; allowed: a whole number from 1"),
    "more measurements": (edit(**{f"{RUN}__measured": 3}), "train.npy: an array of shape 4x2; allowed: shape 4x3"),
    "rows stopped early": (edit(**{f"{RUN}__stopped": [[0, 3]]}), "allowed: none but in a search"),
    "another seed count": (edit(**{f"{RUN}__configuration__values__seeds": 3}), r"allowed: "),
    "other layers": (
        edit(**{f"{RUN}__configuration__values__hidden": [9]}),
        "allowed: 109 and 9 more for each of 1 to",
    ),
    "checkpoints that go back": (edit(**{f"{RUN}__checkpoints__0__position": 9}), "numbers that do not rise"),
    "a row twice": (edit(**{f"{RUN}__checkpoints__0__blocks__1__rows": [0, 0]}), "allowed: each row"),
    "a row of two blocks": (
        lambda p: p["panels"]["training"]["run"]["checkpoints"][0]["blocks"].append(
            p["panels"]["training"]["run"]["checkpoints"][0]["blocks"][0]
        ),
        "a row that is there twice",
    ),
    "a row too many": (edit(**{f"{RUN}__checkpoints__0__blocks__1__rows": [1, 4]}), "rows: 4; allowed: a whole number"),
    "a block too few": (
        lambda p: p["panels"]["training"]["run"]["checkpoints"][0]["blocks"].pop(),
        "the checkpoint at 1 has rows that had ended, or not all others",
    ),
    "two optimizers in a group": (
        edit(**{f"{RUN}__checkpoints__0__blocks__0__optimizers": [{"rows": [0, 2], "counts": {"t": 1}}]}),
        "rows of two optimizers",
    ),
    "an optimizer without its counts": (
        edit(**{f"{RUN}__checkpoints__0__blocks__0__optimizers__0__counts": {}}),
        "counts: keys '';",
    ),
    "more updates of an optimizer": (
        edit(**{f"{RUN}__checkpoints__0__blocks__0__optimizers__0__counts__t": 2}),
        "2; allowed: a whole number from 0 to 1",
    ),
    "another future": (edit(**{f"{RUN}__futures__0__updates": 5}), "shape 2x6; allowed: shape 2x5"),
    "a hundred futures": (edit(**{f"{RUN}__futures": [{}] * 100}), "100 old futures; allowed: up to 20"),
    "a view too deep": (edit(panels__paths__view={"a": {"b": {"c": 1}}}), r"view\.a\.b: an object"),
    "a name with a line break": (edit(data__name="a\nb"), "data: a text that is no name"),
    "a run where there is none": (edit(panels__paths__run={}), "misses entry 'runs/paths.npz'"),
    "no run where there is one": (edit(panels__training__run=None), "has an unexpected entry 'runs/training.npz'"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_does_not_fit_is_refused_with_what_is_allowed(written, path, case) -> None:
    change, match = CASES[case]
    plain, runs = entries(path)
    change(plain)
    put(path, plain, runs)
    refused(path, match=match)


def test_a_run_of_what_does_not_train_is_refused(written, path) -> None:
    plain, runs = entries(path)
    plain["panels"]["paths"]["run"] = copy.deepcopy(plain["panels"]["training"]["run"])
    plain["panels"]["paths"]["run"]["configuration"] = plain["panels"]["paths"]["configuration"]
    put(path, plain, {**runs, "runs/paths.npz": runs["runs/training.npz"]})
    refused(path, match="a run of paths-saddle; allowed: runs of presets that train networks")


ARRAY_CASES = {
    "other numbers": (
        lambda a: a.astype(np.float64 if a.dtype == np.float32 else np.float32),
        "allowed: a NumPy array",
    ),
    "big-endian": (lambda a: a.astype(a.dtype.newbyteorder(">")), "allowed: a NumPy array of dtype <"),
    "objects": (lambda a: np.zeros(a.shape, "S3"), "not an array of that kind"),
    "structured": (lambda a: np.zeros(a.shape, [("x", "<f4")]), "not an array of that kind"),
    "Fortran order": (lambda a: np.asfortranarray(np.ones((3, 4), a.dtype)), "not an array of that kind"),
    "a row less": (lambda a: a[:-1], "allowed: "),
    "one dimension more": (lambda a: a[None], "allowed: "),
    "a single number": (lambda a: np.array(0, a.dtype), "allowed: "),
}


@pytest.mark.parametrize("case", ARRAY_CASES)
def test_arrays_of_another_kind_or_shape_are_refused(written, path, case) -> None:
    change, match = ARRAY_CASES[case]
    plain, runs = entries(path)
    arrays = runs["runs/training.npz"]
    assert {"loss", "measured", "future0.loss", "networks0.params", "networks0.adam.m"} < set(arrays)
    for name, array in arrays.items():
        if array.size:
            put(path, plain, {"runs/training.npz": {**arrays, name: change(array)}})
            message = refused(path, match=match)
            assert "training" in message and name.split(".")[0] in message


CONTENTS = {
    "loss": (lambda a: np.where(np.arange(a.shape[1]) == 3, np.nan, a), "loss: losses that are infinite, or come back"),
    "train": (lambda a: a + 1, "train: accuracies outside of 0 to 1"),
    "test": (lambda a: a - 1, "test: accuracies outside of 0 to 1"),
    "measured": (lambda a: a[::-1], "measured: updates that do not rise"),
    "future0.measured_at": (lambda a: a * 0 - 1, "future0.measured_at: updates that do not rise"),
    "future0.test_accuracy": (lambda a: a + np.float32(np.inf), "future0.test_accuracy: accuracies outside"),
}


@pytest.mark.parametrize("name", CONTENTS)
def test_numbers_that_cannot_be_are_refused(written, path, name) -> None:
    change, match = CONTENTS[name]
    plain, runs = entries(path)
    arrays = runs["runs/training.npz"]
    put(path, plain, {"runs/training.npz": {**arrays, name: change(arrays[name]).astype(arrays[name].dtype)}})
    refused(path, match=match)


def test_checkpoints_have_the_rows_that_had_not_ended(lived, path) -> None:
    write_session(session_of(state_of(lived("search"))), path)
    plain, runs = entries(path)
    run = plain["panels"]["search"]["run"]
    row, at = run["stopped"][0]
    for stopped, match in (([[row, at + 1], *run["stopped"][1:]], "another update"), (run["stopped"][1:], "ended")):
        mutated = json.loads(json.dumps(plain))
        mutated["panels"]["search"]["run"]["stopped"] = stopped
        put(path, mutated, runs)
        refused(path, match=match)


def described(header, numbers=b"\0" * 16):
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + numbers


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x93NUMPY",
        described(b"{'descr': '<f4', 'fortran_order': False, 'shape': (4, 999999999999), }\n"),
        described(b"{'descr': '<f4', 'fortran_order': False, 'shape': (-4, 21), }\n"),
        described(b"{'descr': '<f4', 'fortran_order': False, 'shape': (4, 0x15), }\n"),
        described(b"{'descr': '|O', 'fortran_order': False, 'shape': (4, 21), }\n"),
        described(b"__import__('os').abort()\n"),
        described(b"(" * 60_000),
        b"\x93NUMPY\x02\x00" + struct.pack("<I", 4_000_000_000) + b"{" * 40,
        b"\x93NUMPY\x01\x00" + struct.pack("<H", 60_000) + b"{'descr'",
    ],
    ids=lambda content: str(content[:70]),
)
def test_a_header_is_read_as_text_and_nothing_more(written, path, content) -> None:
    plain, runs = entries(path)
    arrays = runs["runs/training.npz"]
    parts = [(f"{name}.npy", content if name == "loss" else whole(array)) for name, array in arrays.items()]
    put(path, plain, {"runs/training.npz": zipped(parts)})
    refused(path, match=r"runs/training\.npz, loss\.npy: ")


def whole(array):
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, version=(1, 0))
    return stream.getvalue()


NAMES = (
    "../evil",
    "/etc/passwd",
    "C:\\evil",
    "runs\\training.npz",
    "runs/../session.json",
    "session.json ",
    "runs/",
    "σ",
)


@pytest.mark.parametrize("name", NAMES)
def test_entries_that_do_not_belong_there_are_refused(written, path, name) -> None:
    with zipfile.ZipFile(path) as archive:
        parts = [(found, archive.read(found)) for found in archive.namelist()]
    refused(path, zipped([*parts, (name, b"x")]), "entry|is packed")
    refused(path, zipped([parts[0], (name, parts[1][1])]), "entry|is packed")


def test_packed_doubled_linked_and_encrypted_entries_are_refused(written, path) -> None:
    content = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        parts = [(found, archive.read(found)) for found in archive.namelist()]
    for method in (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        packed = zipfile.ZipInfo("session.json")
        packed.compress_type = method
        refused(path, zipped([(packed, parts[0][1]), parts[1]]), "is packed, encrypted, a link or overlaps")
    with pytest.warns(UserWarning, match="Duplicate name"):
        doubled = zipped([*parts, parts[0]])
    refused(path, doubled, "entries that are there twice")
    link = zipfile.ZipInfo("session.json")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    refused(path, zipped([(link, parts[0][1]), parts[1]]), "a link or overlaps")
    directory = content.rindex(b"PK\x01\x02")
    refused(path, content[: directory + 8] + b"\x01" + content[directory + 9 :], "encrypted")
    refused(path, content[: directory + 10] + b"\x63" + content[directory + 11 :], "is packed")


def test_entries_that_overlap_or_leave_room_are_refused(written, path) -> None:
    content = path.read_bytes()
    first, second = content.index(b"PK\x01\x02"), content.rindex(b"PK\x01\x02")
    length = len("session.json")
    pointed = content[: second + 42] + content[first + 42 : first + 46] + content[second + 46 :]
    refused(path, pointed, "overlaps another|broken")
    local = content.index(b"PK\x03\x04", 30)
    behind = content[:28] + struct.pack("<H", local - 30 - length) + content[30:]
    refused(path, behind, "overlaps another|broken")
    start = struct.unpack("<L", content[-6:-2])[0]
    gap = content[:start] + b"\0" * 9 + content[start:-6] + struct.pack("<LH", start + 9, 0)
    refused(path, gap, "bytes of no entry")
    refused(path, content + b"x", "not whole: cut off, or something was added at its end")
    refused(path, b"#!/bin/sh\n" + content, "not a zip file")


def test_a_directory_that_claims_too_much_is_refused_before_it_is_read(path) -> None:
    many = zipped([(f"{i}", b"") for i in range(1001)])
    refused(path, many, "a zip file of 1001 entries")
    refused(path, zipped([("x" * 60_000, b"")] * 1 + [("y" * 60_000, b""), ("z" * 60_000, b"")]), "3 entries")
    entry = zipfile.ZipInfo("session.json")
    entry.comment = b"x" * 9
    refused(path, zipped([(entry, b"{}")]), "is packed")


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (b"[" * 200_000, "nested too deep|not the JSON"),
        (b'{"a":' * 100_000, "nested too deep|not the JSON"),
        (b" " * (8 * 2**20 + 1), "8388609 bytes; allowed: 1 to 8388608"),
        (b"", "0 bytes"),
        (b'{"format": 1, "format": 2}', "a key is there twice"),
        (b'{"format": NaN}', "NaN is no number"),
        (b'{"format": -Infinity}', "-Infinity is no number"),
        (b'{"format": 1e400}', "1e400 is no number"),
        (b'{"format": ' + b"9" * 100_000 + b"}", "an integer of 100000 digits"),
        (b'{"format": "\\ud800"}', "surrogates not allowed"),
        (b'{"format": "\xff"}', "not the JSON of a session"),
        (b"3", "format: of another program"),
        (b"null", "format: of another program"),
    ],
    ids=lambda value: str(value[:30]),
)
def test_json_that_is_none_of_ours_is_refused(path, text, match) -> None:
    put(path, text, {})
    refused(path, match=match)


def test_what_is_no_readable_file_is_refused(path, tmp_path) -> None:
    refused(path, match="No such file")
    refused(path, b"", "not a zip file")
    refused(path, b"PK\x03\x04" + b"\0" * 500, "cut off")
    path.unlink()
    path.mkdir()
    refused(path, match="a folder or a device")
    os.mkfifo(tmp_path / "pipe")
    refused(tmp_path / "pipe", match="a folder or a device")
    nameless = tmp_path / "a\0b"
    with pytest.raises(SessionError, match="null"):
        read_session(nameless)


def test_a_sparse_giant_is_refused_and_nothing_of_its_size_is_taken(path) -> None:
    path.touch()
    os.truncate(path, 2**40)
    tracemalloc.start()
    refused(path, match="1048576 MB; allowed: up to 1024 MB")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**20


def test_reading_takes_little_more_memory_than_the_file_has(written, path) -> None:
    read_session(path)
    tracemalloc.start()
    found = read_session(path)
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    size = path.stat().st_size
    assert found.panels["training"].run.nbytes > size / 2
    assert kept < 1.3 * size + 2**18 and peak < 2.3 * size + 2**20
