"""A session as a file: what the window shows, and every run with the moments from which it can go on.

The file, `.trainscope`, is a zip of JSON and of an NPZ for each run, written whole or not at all. One from elsewhere
is believed only as far as it fits what its configurations call for; nothing in it is ever executed or unpickled.
"""

from __future__ import annotations

import stat
import zipfile
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from core import __version__
from core.files import ExportError, whole_file
from core.parameters import Change, Configuration, ParameterError
from core.presets import PRESETS
from core.session_archive import MOST_BYTES, Archive, SessionError, add_entry, pack
from core.session_plain import MOST_JSON, fields, from_json, kind_of, line, remarks, to_json, whole
from core.session_run import plain_run, read_run, run_arrays

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import IO

    from core.experiments.saved import SavedRun

__all__ = ["DataReference", "PanelState", "Session", "SessionError", "read_session", "write_session"]

FORMAT, VERSION = "Trainscope session", 2
_PLAIN = "session.json"
_PANELS = frozenset(found.panel for found in PRESETS.values())
_MOST_UPDATES = 10**9
_SAVED = "a session saved by Trainscope"


@dataclass(frozen=True, slots=True)
class DataReference:
    """The data set that the runs learned from: what `datasets.load` takes, its name, `Dataset.identity()`."""

    source: str
    name: str
    identity: str


@dataclass(frozen=True, slots=True)
class PanelState:
    """One panel: the configuration that its form shows, its run, and how it is looked at.

    `view` is plain data: texts, numbers, true and false, None, short lists of them, and one level of objects.
    """

    configuration: Configuration
    run: SavedRun | None
    view: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Session:
    """All panels by their keys, the window in plain data as a view is, and the data, None if nothing was trained."""

    panels: Mapping[str, PanelState]
    window: Mapping[str, Any]
    data: DataReference | None


def write_session(session: Session, path: Path) -> None:
    """Write a file that `read_session` reads; raises ExportError, and SessionError for a view that is not plain."""
    plain = to_json(_plain(session))
    size = len(plain) + sum(state.run.nbytes for state in session.panels.values() if state.run is not None)
    if size > MOST_BYTES or len(plain) > MOST_JSON:
        allowed = f"up to {MOST_BYTES >> 20} MB, {MOST_JSON >> 20} of which describe it"
        raise ExportError(f"{path}: cannot be written: the session takes {size >> 20} MB; allowed: {allowed}")
    with whole_file(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        add_entry(archive, _PLAIN, [plain])
        for key, state in session.panels.items():
            if state.run is not None:
                add_entry(archive, _entry(key), [pack(run_arrays(state.run))])


def _entry(panel: str) -> str:
    return f"runs/{panel}.npz"


def _plain(session: Session) -> dict[str, Any]:
    data = session.data
    return {
        "format": FORMAT,
        "version": VERSION,
        "program": f"Trainscope {__version__}",
        "window": remarks("window", dict(session.window)),
        "data": data and {key: line(getattr(data, key)) for key in ("source", "name", "identity")},
        "panels": {key: _plain_panel(key, state) for key, state in session.panels.items()},
    }


def _plain_panel(key: str, state: PanelState) -> dict[str, Any]:
    run = state.run and {"configuration": _plain_configuration(state.run.configuration), **plain_run(state.run)}
    view = remarks(f"panels.{key}.view", dict(state.view))
    return {"configuration": _plain_configuration(state.configuration), "view": view, "run": run}


def _plain_configuration(configuration: Configuration) -> dict[str, Any]:
    """Return every value, used or not, and the changes made in mid-run."""
    changes = [[change.iteration, change.key, change.value] for change in configuration.changes]
    return {"preset": configuration.preset, "values": dict(configuration.values), "changes": changes}


def read_session(path: Path) -> Session:
    """Return the session in a file; raises SessionError, in one line, for whatever is wrong with it."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a named pipe would wait for ever
            raise SessionError("", "a folder or a device in place of a file", _SAVED)
        with path.open("rb") as stream:
            return _read(stream)
    except SessionError as error:
        raise error.inside(str(path)) from error
    except MemoryError as error:
        raise SessionError(str(path), "needs more memory than there is", "a session that fits") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SessionError(str(path), f"cannot be read ({reason})", "a file that can be read") from error


def _read(stream: IO[bytes]) -> Session:
    archive = Archive(stream)
    if not 0 < archive.size(_PLAIN) <= MOST_JSON:
        raise SessionError(_PLAIN, f"{archive.size(_PLAIN)} bytes", f"1 to {MOST_JSON}")
    window, data, panels = _read_head(from_json(_PLAIN, archive.read(_PLAIN)))
    runs = [_entry(key) for key, found in panels.items() if isinstance(found, dict) and found.get("run") is not None]
    archive.expect({_PLAIN, *runs})
    states = {key: _read_panel(key, found, archive) for key, found in panels.items()}
    return Session(states, remarks("window", window), _read_data(data))


def _read_head(plain: Any) -> tuple[dict[str, Any], Any, dict[str, Any]]:
    """Return window, data and panels of a file that says to be of this format and version."""
    if not isinstance(plain, dict) or plain.get("format") != FORMAT:
        raise SessionError("format", "of another program", _SAVED)
    version = whole("version", plain.get("version"), 1, 10**9)
    if version > VERSION:
        raise SessionError("version", f"{version}, made by a newer Trainscope", f"up to {VERSION}")
    text, nothing = str, type(None)
    kinds = {"format": text, "version": int, "program": text, "window": dict, "data": (dict, nothing), "panels": dict}
    _, _, _, window, data, panels = fields("the session", plain, **kinds)
    for key in panels:
        if key not in _PANELS:
            raise SessionError("panels", f"{key[:40]!r}", ", ".join(sorted(_PANELS)))
    return window, data, panels


def _read_data(plain: Any) -> DataReference | None:
    if plain is None:
        return None
    found = fields("data", plain, source=str, name=str, identity=str)
    if any(text != line(text) for text in found):
        raise SessionError("data", "a text that is no name", "short names on one line")
    return DataReference(*found)


def _read_panel(key: str, plain: Any, archive: Archive) -> PanelState:
    where = f"panels.{key}"
    configuration, view, run = fields(where, plain, configuration=dict, view=dict, run=(dict, type(None)))
    found = None if run is None else _read_run(f"{where}.run", run, key, archive)
    shown = _read_configuration(f"{where}.configuration", configuration, key)
    return PanelState(shown, found, remarks(f"{where}.view", view))


def _read_run(where: str, plain: dict[str, Any], panel: str, archive: Archive) -> SavedRun:
    rest = {key: value for key, value in plain.items() if key != "configuration"}
    configuration = _read_configuration(f"{where}.configuration", plain.get("configuration"), panel)
    if not PRESETS[configuration.preset].uses_images:
        raise SessionError(where, f"a run of {configuration.preset}", "runs of presets that train networks")
    return read_run(where, rest, configuration, archive.inner(_entry(panel)))


def _read_configuration(where: str, plain: Any, panel: str) -> Configuration:
    name, values, changes = fields(where, plain, preset=str, values=dict, changes=list)
    if name not in PRESETS or PRESETS[name].panel != panel:
        allowed = ", ".join(key for key, found in PRESETS.items() if found.panel == panel)
        raise SessionError(f"{where}.preset", f"{name[:40]!r}", allowed)
    try:
        return _read_changes(f"{where}.changes", PRESETS[name].configuration(values), changes)
    except ParameterError as error:
        wrong, _, allowed = str(error).partition("; allowed: ")
        raise SessionError(where, wrong, allowed) from error


def _read_changes(where: str, configuration: Configuration, plain: list[Any]) -> Configuration:
    """Make the changes in mid-run: live parameters in the order of updates, once each; the end is never one of them."""
    last, seen, found = 0, set(), []
    for part in plain:
        if not isinstance(part, list) or len(part) != 3 or not isinstance(part[1], str):
            raise SessionError(where, kind_of(part), "lists of an update, a key and a value")
        iteration, key, value = part
        last = whole(where, iteration, last, _MOST_UPDATES)
        parameter = configuration.declared(key)
        if not parameter.live or key == "iterations" or (iteration, key) in seen:
            raise SessionError(where, f"{key!r} after {iteration} updates", "live parameters, once at each moment")
        seen.add((iteration, key))
        found.append(Change(iteration, key, parameter.check(value)))
    return replace(configuration, changes=tuple(found))
