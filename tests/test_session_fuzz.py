"""Session files spoilt at random: they read back equal, mean something else that is allowed, or are refused."""

from __future__ import annotations

import copy
import functools
import io
import itertools
import json
import random
import zipfile

import numpy as np
import pytest

from core.presets import PRESETS
from core.session import PanelState, Session, SessionError, read_session, write_session
from tests.session_files import as_plain, entries, npz, put, refused

pytest_plugins = ["tests.session_file_fixtures"]


def test_the_tests_own_writer_makes_files_that_are_read(written, path) -> None:
    put(path, *entries(path))
    assert as_plain(read_session(path)) == as_plain(written)


@pytest.mark.parametrize("seed", range(6))
def test_bytes_that_were_altered_are_found(written, path, seed, share) -> None:
    """Anywhere, and mostly where the file says what it has."""
    draw, whole, expected = random.Random(seed), path.read_bytes(), as_plain(written)
    plain = len(zipfile.ZipFile(io.BytesIO(whole)).read("session.json")) + 100
    equal = 0
    for _ in range(share(100)):
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
def test_text_that_was_altered_is_refused_or_means_something(written, path, seed, share) -> None:
    draw, (plain, runs) = random.Random(seed), entries(path)
    runs = {name: npz(arrays) for name, arrays in runs.items()}
    text, read = json.dumps(plain), 0
    pieces = ["0", "-1", "9" * 30, "1e999", "NaN", "null", "true", "[]", "{}", '""', ",", ":", '"', "[" * 50, "\\ud800"]
    for _ in range(share(150)):
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


def test_any_part_replaced_by_anything_is_refused_or_means_something(written, path, share) -> None:
    """Of a list's items the first is tried, of the values some, as the others are alike; deep inside in turns."""
    plain, runs = entries(path)
    runs = {name: npz(arrays) for name, arrays in runs.items()}
    alike = ("iterations", "beale", "eps", "beta1", "beta2", "decay", "momentum", "surface", "evaluate", "lr")
    ways = [way for way in places(plain) if way and not any(isinstance(key, int) and key for key in way)]
    ways = [way for way in ways if "values" not in way or str(way[-1]).rpartition(".")[2] not in alike]
    assert len(ways) > 60
    read, turns = set(), itertools.cycle(HOSTILE)
    for way in ways:
        inside = functools.reduce(lambda found, key: found[key], way[:-1], plain)
        own = inside[way[-1]]
        for hostile in HOSTILE if len(way) < 3 else itertools.islice(turns, share(len(HOSTILE))):
            inside[way[-1]] = hostile
            put(path, plain, runs)
            try:
                read_session(path)
            except SessionError as error:
                assert len(str(error).splitlines()) == 1 and len(str(error)) < 1000
            else:
                if hostile != own:
                    read.add(way)
        inside[way[-1]] = own
    assert {way[0] for way in read} == {"window", "data", "panels", "program"}
    of_run = {way[3] for way in read if way[2:3] == ("run",)}
    assert of_run <= {"configuration"}, "everything else of a run is determined by it"


MORE_HOSTILE = (*HOSTILE, [5, -5], [0.0, 1e-320], "9^9^9^9", "x" * 401, "(" * 300, "__import__('os')", "own")
VIEWS = {
    "paths": {"cursor": 3, "relief": True, "steps": {"show": ["step", "ellipse"], "lane": "adam"}, "notes": 300},
    "stability": {"cursor": 7, "speed": 30, "off": []},
    "inside": {
        "source": None,
        "watched": ["momentum"],
        "page": "weights",
        "drawing": {"rows": 28, "columns": 28, "ink": "eJxjYBgFo2AUjIJRAAAD", "centred": True},
    },
}
OWN = {"function": "x^2/20 + y^2", "surface": "own", "domain.x": (-4.0, 4.0)}
SEEN = {
    "paths": ("paths-own", {**OWN, "adam.schedule": "cosine"}),
    "stability": ("stability", {**OWN, "x.range": (0.01, 2.0), "measure": "loss"}),
    "inside": ("inside", {"hidden": (8,), "schedule": "step"}),
}


@pytest.mark.parametrize("panel", SEEN)
def test_functions_maps_and_what_is_seen_are_refused_or_mean_something(path, panel, share) -> None:
    """Every part is replaced; what is read can be written, and is the same again."""
    name, values = SEEN[panel]
    preset = PRESETS[name]
    known = {parameter.key for parameter in preset.parameters()}
    used = preset.configuration({key: value for key, value in values.items() if key in known})
    write_session(Session({panel: PanelState(used, None, VIEWS[panel])}, {"panel": panel}, None), path)
    plain, runs = entries(path)
    kinds, read = ("values", "view"), set()
    ways = [way for way in places(plain["panels"]) if any(kind in way for kind in kinds)]
    ways = [way for way in ways if way[-1] in known & set(values) or "view" in way]
    assert len(ways) > 4
    turns = itertools.cycle(MORE_HOSTILE)
    for way in ways:
        for hostile in itertools.islice(turns, share(len(MORE_HOSTILE))):
            mutated = copy.deepcopy(plain)
            functools.reduce(lambda found, key: found[key], way[:-1], mutated["panels"])[way[-1]] = hostile
            put(path, mutated, runs)
            try:
                found = read_session(path)
            except SessionError as error:
                assert len(str(error).splitlines()) == 1 and len(str(error)) < 1000
            else:
                read.add(way)
                write_session(found, path)
                assert as_plain(read_session(path)) == as_plain(found)
    assert any("view" in way for way in read), "what is shown is only a remark"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda flow: -1.0 - flow,
        lambda flow: np.full_like(flow, np.inf),
        lambda flow: flow.astype(np.float64),
        lambda flow: flow[:, :, :, :-1],
        lambda flow: np.concatenate([flow, flow], axis=3),
        lambda flow: flow[0],
        lambda flow: np.zeros(0, np.float32),
    ],
    ids=["below 0", "infinite", "other kind", "too short", "too long", "one row", "nothing"],
)
def test_a_spoilt_flow_is_refused(written, path, spoil) -> None:
    plain, runs = entries(path)
    for arrays in runs.values():
        arrays["flow"] = spoil(arrays["flow"])
    put(path, plain, runs)
    refused(path, match="flow|entries")


def test_a_run_saved_before_there_was_flow_is_read(written, path) -> None:
    plain, runs = entries(path)
    for arrays in runs.values():
        del arrays["flow"]
    put(path, plain, runs)
    run = read_session(path).panels["training"].run
    assert run is not None and run.flow is None and run.position == written.panels["training"].run.position
