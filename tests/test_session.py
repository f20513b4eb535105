"""Session files: what is written reads back to the last bit, and a run goes on with it as if it never stopped."""

from __future__ import annotations

import io
import json
import os
import zipfile

import numpy as np
import pytest

from core.datasets import Dataset
from core.export import ExportError
from core.presets import PRESETS, preset
from core.session import DataReference, PanelState, Session, SessionError, read_session, write_session
from tests.session_files import KINDS, as_plain, session_of, state_of

pytest_plugins = ["tests.session_file_fixtures"]


def everything(run):
    return as_plain(run.save(whole=False)), run.total, as_plain(run.snapshot())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("before", "after"), [(1, 1), (2, 1), (1, 3)])
def test_a_run_that_was_written_and_read_goes_on_as_if_it_never_stopped(
    lived, start, path, kind, before, after
) -> None:
    run = lived(kind, before)
    written = session_of(state_of(run))
    write_session(written, path)
    read = read_session(path)
    assert as_plain(read) == as_plain(written)
    saved = read.panels[PRESETS[run.configuration.preset].panel].run
    again = start(kind, after, configuration=saved.configuration)
    again.restore(saved)
    assert kept(everything(again)) == kept(everything(run))
    for updates in (1, 7, 100):
        run.advance(updates)
        again.advance(updates)
        assert kept(everything(again)) == kept(everything(run))
    for one in (run, again):
        one.rewind(11)
        one.advance(100)
    assert kept(everything(again)) == kept(everything(run))


def kept(found):
    """Leave out how many checkpoints there are, and in which blocks: that depends on threads."""
    saved, total, frame = found
    saved.pop("checkpoints")
    return saved, total, {key: value for key, value in frame.items() if not key.startswith("checkpoint")}


def test_all_panels_views_and_the_window_come_back(lived, path) -> None:
    view = {"cursor": 3, "log": True, "name": "σ = 0.1", "share": 0.1 + 0.2, "off": ["sgd", 1, None], "at": {"x": [1]}}
    states = [state_of(lived(kind), view) for kind in ("race", "batchnorm", "regularized", "search")]
    paths = preset("paths-beale").configuration({"start": (1.5, 0.25)})
    states += [PanelState(paths, None, {}), PanelState(preset("activations").configuration(), None, {"a": []})]
    written = Session(session_of(*states).panels, {"panel": "search", "size": [1280, 800]}, None)
    write_session(written, path)
    assert as_plain(read_session(path)) == as_plain(written)
    assert len(read_session(path).panels) == 6


def test_every_value_comes_back_whether_it_is_used_or_not(path) -> None:
    for name in PRESETS:
        seeded = any(p.key == "seed" for p in preset(name).parameters())
        odd = preset(name).configuration({"seed": 7} if seeded else {})
        write_session(session_of(PanelState(odd, None, {})), path)
        (state,) = read_session(path).panels.values()
        assert state.configuration == odd
        assert [type(value) for value in state.configuration.values.values()] == [type(v) for v in odd.values.values()]


def test_the_same_session_gives_the_same_bytes_in_a_plain_zip_without_pickles(lived, path, tmp_path) -> None:
    written = session_of(state_of(lived("race")))
    write_session(written, path)
    write_session(written, tmp_path / "other.trainscope")
    assert path.read_bytes() == (tmp_path / "other.trainscope").read_bytes()
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["session.json", "runs/training.npz"]
        assert json.loads(archive.read("session.json"))["version"] == 2
        with np.load(io.BytesIO(archive.read("runs/training.npz")), allow_pickle=False) as arrays:
            assert arrays["loss"].tobytes() == written.panels["training"].run.loss.tobytes()
            assert all(array.dtype.kind in "fi" for array in arrays.values())


def test_a_session_that_cannot_be_written_leaves_the_old_file(lived, path, tmp_path) -> None:
    write_session(session_of(PanelState(preset("dropout").configuration(), None, {})), path)
    before = path.read_bytes()
    with pytest.raises(SessionError, match=r"^panels\.training\.view\.odd: object"):
        write_session(session_of(state_of(lived("race"), {"odd": object()})), path)
    with pytest.raises(ValueError):
        write_session(session_of(state_of(lived("race"), {"odd": float("nan")})), path)
    assert (path.read_bytes(), os.listdir(tmp_path)) == (before, [path.name])
    with pytest.raises(ExportError, match="cannot be written"):
        write_session(session_of(), tmp_path / "nowhere" / "x.trainscope")


def test_a_run_of_other_images_is_refused_in_one_line(lived, start, digits, few_digits) -> None:
    saved = lived("race").save(whole=True)
    for other in (few_digits(60, 20), shrunk(digits)):
        run = start("race", configuration=saved.configuration, dataset=other)
        with pytest.raises(ValueError, match=r"^the saved networks do not fit these images[^\n]*$"):
            run.restore(saved)
            run.advance(1)


def shrunk(digits):
    halves = (images.reshape(-1, 28, 28)[:, ::2, ::2].reshape(-1, 196) for images in (digits.train_images,))
    tests = digits.test_images.reshape(-1, 28, 28)[:, ::2, ::2].reshape(-1, 196)
    return Dataset("small", *halves, digits.train_labels, tests, digits.test_labels, (14, 14))


def test_names_of_folders_that_no_text_can_hold_do_not_keep_a_session_from_being_written(path) -> None:
    odd = DataReference("/data/a\nb\udcff", "b\udcff", "b\udcff: 1 image")
    write_session(Session({}, {}, odd), path)
    assert read_session(path).data == DataReference("/data/a b?", "b?", "b?: 1 image")


@pytest.mark.parametrize("view", [{"n": 10**18}, {1: 2}, {"a": {"b": {}}}, {"a": [[1]]}, {"a": [0] * 1001}], ids=str)
def test_a_view_that_could_not_be_read_is_not_written(path, view) -> None:
    quiet = preset("activations").configuration()
    with pytest.raises(SessionError, match=r"^panels\.activations\.view"):
        write_session(session_of(PanelState(quiet, None, view)), path)
    assert not path.exists()


def test_a_session_too_large_to_be_read_is_not_written(lived, path, monkeypatch) -> None:
    state = state_of(lived("race"))
    monkeypatch.setattr("core.session.MOST_BYTES", 2**20)
    with pytest.raises(ExportError, match=r"cannot be written: the session takes \d+ MB; allowed: up to 1 MB"):
        write_session(session_of(state), path)
    assert not path.exists()


def test_a_search_that_went_on_beyond_its_epochs_and_had_its_end_moved_back_can_be_read(start, path) -> None:
    run = start("whole search")
    run.change("iterations", 130)
    run.advance(130)
    run.change("iterations", 0)
    assert run.position == 130 > run.configuration["epochs"] * run.per_epoch
    written = session_of(state_of(run))
    write_session(written, path)
    assert as_plain(read_session(path)) == as_plain(written)
