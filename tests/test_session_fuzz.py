"""Session files spoilt at random: they read back equal, mean something else that is allowed, or are refused."""

from __future__ import annotations

import copy
import functools
import io
import json
import random
import zipfile

import pytest

from core.session import SessionError, read_session, write_session
from tests.session_files import as_plain, entries, npz, put

pytest_plugins = ["tests.session_file_fixtures"]


def test_the_tests_own_writer_makes_files_that_are_read(written, path) -> None:
    put(path, *entries(path))
    assert as_plain(read_session(path)) == as_plain(written)


@pytest.mark.parametrize("seed", range(6))
def test_bytes_that_were_altered_are_found(written, path, seed) -> None:
    """Anywhere, and mostly where the file says what it has."""
    draw, whole, expected = random.Random(seed), path.read_bytes(), as_plain(written)
    plain = len(zipfile.ZipFile(io.BytesIO(whole)).read("session.json")) + 100
    equal = 0
    for _ in range(100):
        places = (draw.randrange(len(whole)), draw.randrange(plain), len(whole) - 1 - draw.randrange(4000))
        at, some = draw.choice(places), draw.randbytes(draw.choice((1, 1, 2, 30)))
        change = draw.choice(("flip", "put", "insert", "remove", "cut", "double"))
        content = {
            "flip": lambda at=at: whole[:at] + bytes([whole[at] ^ 1 << draw.randrange(8)]) + whole[at + 1 :],
            "put": lambda at=at, some=some: whole[:at] + some + whole[at + len(some) :],
            "insert": lambda at=at, some=some: whole[:at] + some + whole[at:],
            "remove": lambda at=at, some=some: whole[:at] + whole[at + len(some) :],
            "cut": lambda at=at: whole[:at],
            "double": lambda at=at: whole[:at] + whole[at // 2 :],
        }[change]()
        path.write_bytes(content)
        try:
            found = read_session(path)
        except SessionError as error:
            assert len(str(error).splitlines()) == 1
        else:
            equal += 1
            assert as_plain(found) == expected, (change, at)
    assert equal < 20, "few bytes of a zip file say nothing"


@pytest.mark.parametrize("seed", range(4))
def test_text_that_was_altered_is_refused_or_means_something(written, path, seed) -> None:
    draw, (plain, runs) = random.Random(seed), entries(path)
    runs = {name: npz(arrays) for name, arrays in runs.items()}
    text, read = json.dumps(plain), 0
    pieces = ["0", "-1", "9" * 30, "1e999", "NaN", "null", "true", "[]", "{}", '""', ",", ":", '"', "[" * 50, "\\ud800"]
    for _ in range(150):
        at, length = draw.randrange(len(text)), draw.choice((0, 1, 1, 2, 8))
        mutated = text[:at] + draw.choice([*pieces, str(draw.randrange(99)), "."]) + text[at + length :]
        put(path, mutated.encode(), runs)
        try:
            found = read_session(path)
        except SessionError as error:
            assert len(str(error).splitlines()) == 1
        else:
            read += 1
            write_session(found, path)
            assert as_plain(read_session(path)) == as_plain(found)
    assert read < 60


def places(value, above=()):
    """Return the ways to all parts of plain data."""
    yield above
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, found in inside:
        yield from places(found, (*above, key))


HOSTILE = (
    None,
    True,
    -1,
    10**17,
    10**400,
    1e308,
    "",
    "x" * 200_000,
    "\x00\n",
    [],
    [[]],
    {},
    {"a": {"b": {}}},
    [1] * 2000,
)


def test_any_part_replaced_by_anything_is_refused_or_means_something(written, path) -> None:
    """Of a list's items the first is tried, of the values some, as the others are alike."""
    plain, runs = entries(path)
    runs = {name: npz(arrays) for name, arrays in runs.items()}
    alike = ("iterations", "beale", "eps", "beta1", "beta2", "decay", "momentum", "surface", "evaluate", "lr")
    ways = [way for way in places(plain) if way and not any(isinstance(key, int) and key for key in way)]
    ways = [way for way in ways if "values" not in way or str(way[-1]).rpartition(".")[2] not in alike]
    assert len(ways) > 60
    read = set()
    for way in ways:
        for hostile in HOSTILE:
            mutated = copy.deepcopy(plain)
            inside = functools.reduce(lambda found, key: found[key], way[:-1], mutated)
            inside[way[-1]] = hostile
            put(path, mutated, runs)
            try:
                read_session(path)
            except SessionError as error:
                assert len(str(error).splitlines()) == 1 and len(str(error)) < 1000
            else:
                if mutated != plain:
                    read.add(way)
    assert {way[0] for way in read} == {"window", "data", "panels", "program"}
    of_run = {way[3] for way in read if way[2:3] == ("run",)}
    assert of_run == {"configuration"}, "everything else of a run is determined by it"
