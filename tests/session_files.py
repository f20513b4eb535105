"""Sessions as values, and files to spoil, for the tests of session files."""

from __future__ import annotations

import dataclasses
import io
import json
import zipfile

import numpy as np
import pytest

from core.presets import PRESETS
from core.session import DataReference, PanelState, Session, SessionError, read_session

SMALL = {"hidden": (8,), "batch": 16, "iterations": 30}
SEARCH = {"hidden": (8,), "batch": 16, "images": 100, "trials": 9, "epochs": 6, "search.lr": (1e-3, 1.0)}
DATA = DataReference("sample", "few", "few: 240 training and 90 test images of 28x28, sha256 0")
KINDS = {
    "race": ("optimizer-mnist", SMALL),
    "seeds": ("optimizer-mnist", {**SMALL, "seeds": 2, "lanes": ("adam", "sgd")}),
    "batchnorm": (
        "batchnorm-grid",
        {"hidden": (8, 7), "images": 120, "batch": 16, "lanes": ("sigma-1-bn", "sigma-0.1-plain", "sigma-he-bn")},
    ),
    "regularized": ("regularization", {"hidden": (8,), "images": 120, "batch": 16, "iterations": 30}),
    "diverged": ("optimizer-mnist", {**SMALL, "sgd.lr": 10.0, "l2": 10.0, "lanes": ("sgd", "adam", "adagrad")}),
    "all diverged": ("optimizer-mnist", {**SMALL, "sgd.lr": 10.0, "l2": 10.0, "lanes": ("sgd",)}),
    "unmeasured": ("optimizer-mnist", {**SMALL, "evaluate": 0}),
    "search": ("random-search", {**SEARCH, "halving": True, "optimizer": "adam"}),
    "whole search": ("random-search", {**SEARCH, "optimizer": "momentum"}),
}


def state_of(run, view=None):
    saved = run.save(whole=True)
    return PanelState(saved.configuration, saved, view or {})


def session_of(*states):
    return Session({PRESETS[state.configuration.preset].panel: state for state in states}, {}, DATA)


def as_plain(value):
    """Return anything of a session as values that can be compared to the last bit."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, dict):
        return {key: as_plain(found) for key, found in value.items()}
    if dataclasses.is_dataclass(value):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        if "blocks" in fields:
            fields["blocks"] = tuple(block for block in fields["blocks"] if block.rows)
        return as_plain({key: found if key != "values" else dict(found) for key, found in fields.items()})
    if isinstance(value, (tuple, list)):
        return [as_plain(found) for found in value]
    return value


def refused(path, content=None, match=""):
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SessionError, match=match) as caught:
        read_session(path)
    message = str(caught.value)
    assert message.startswith(str(path)) and "; allowed: " in message and len(message.splitlines()) == 1
    assert len(message) < 1000
    return message


def entries(path):
    """Return the JSON and the arrays of each run."""
    with zipfile.ZipFile(path) as archive:
        plain = json.loads(archive.read("session.json"))
        runs = {name: archive.read(name) for name in archive.namelist()[1:]}
    return plain, {name: dict(np.load(io.BytesIO(content)).items()) for name, content in runs.items()}


def zipped(contents, **options):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", **options) as archive:
        for name, content in contents:
            archive.writestr(name if isinstance(name, zipfile.ZipInfo) else zipfile.ZipInfo(name), content)
    return stream.getvalue()


def npz(arrays):
    contents = []
    for name, array in arrays.items():
        stream = io.BytesIO()
        np.lib.format.write_array(stream, array, version=(1, 0))
        contents.append((f"{name}.npy", stream.getvalue()))
    return zipped(contents)


def put(path, plain, runs):
    """Write a file with right checksums around any content."""
    text = plain if isinstance(plain, bytes) else json.dumps(plain).encode()
    parts = [(name, run if isinstance(run, bytes) else npz(run)) for name, run in runs.items()]
    path.write_bytes(zipped([("session.json", text), *parts]))
