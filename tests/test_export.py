"""Files of results: the columns that scripts rely on, every row, numbers that read back, whole files or none."""

from __future__ import annotations

import contextlib
import csv
import itertools
import json
import os
import stat

import numpy as np
import pytest

from core.batch import run_to_end, write
from core.datasets import Dataset
from core.export import ExportError, select_lanes, tables, whole_file, write_csv, write_json, write_npz
from core.presets import preset

TRAINING = ["lane", "iteration", "epoch", "loss", "smoothed_loss", "train_accuracy", "test_accuracy"]


def silent(_position, _total, _seconds):
    """Report to nobody."""


@pytest.fixture(scope="module")
def digits(sample) -> Dataset:
    return Dataset(
        "few", sample.train_images[:64], sample.train_labels[:64], sample.test_images[:30], sample.test_labels[:30]
    )


@pytest.fixture(scope="module")
def paths():
    configuration = preset("optimizer-paths").configuration()
    return run_to_end(configuration, None, silent), configuration


@pytest.fixture(scope="module")
def training(digits):
    small = {"hidden": (6,), "batch": 16, "iterations": 11, "lanes": ("sgd", "adam", "nesterov")}
    # SGD's weights grow a hundredfold with each update, and leave the finite numbers.
    configuration = preset("optimizer-mnist").configuration({**small, "sgd.lr": 10.0, "l2": 1e1, "iterations": 33})
    return run_to_end(configuration, digits, silent), configuration


@pytest.fixture(scope="module")
def activations():
    values = {"lanes": ("relu-he", "tanh-normal-0.3"), "hidden": (8, 9), "inputs": 20, "bins": 7}
    configuration = preset("activations").configuration(values)
    return run_to_end(configuration, None, silent), configuration


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        return reader.fieldnames, list(reader)


def test_paths_columns_and_rows(paths, tmp_path) -> None:
    frame, _configuration = paths
    (path,) = write_csv(frame, tmp_path, "optimizer-paths")
    assert path.name == "optimizer-paths.csv"
    names, rows = rows_of(path)
    assert names == ["lane", "step", "x", "y", "loss"]
    assert len(rows) == 6 * 30
    assert rows[0] == {"lane": "sgd", "step": "0", "x": "-7.0", "y": "2.0", "loss": "6.45"}
    for place, lane in enumerate(frame.lanes):
        own = [row for row in rows if row["lane"] == lane.name]
        assert [int(row["step"]) for row in own] == list(range(30))
        # The fewest digits that read back the same.
        np.testing.assert_array_equal([[float(row["x"]), float(row["y"])] for row in own], frame.points[place])
        np.testing.assert_array_equal([float(row["loss"]) for row in own], frame.loss[place])


def test_training_columns_and_rows(training, tmp_path) -> None:
    frame, _configuration = training
    (path,) = write_csv(frame, tmp_path, "optimizer-mnist")
    names, rows = rows_of(path)
    assert names == TRAINING
    assert len(rows) == 3 * 34 and frame.per_epoch == 4
    for place, lane in enumerate(frame.lanes):
        own = [row for row in rows if row["lane"] == lane.name]
        assert [int(row["iteration"]) for row in own] == list(range(34))
        assert [int(row["epoch"]) for row in own] == [i // 4 for i in range(34)]
        assert own[0]["loss"] == own[0]["smoothed_loss"] == "", "no loss before the first update"
        losses = np.array([float(row["loss"] or "nan") for row in own[1:]], np.float32)
        np.testing.assert_array_equal(losses, frame.loss[place])
        smoothed = np.array([float(row["smoothed_loss"] or "nan") for row in own[1:]], np.float32)
        np.testing.assert_array_equal(smoothed, frame.smoothed[place])
        if frame.diverged[place] is None:
            measured = [int(row["iteration"]) for row in own if row["test_accuracy"]]
            assert measured == [*range(0, 33, 4), 33] == frame.measured_at.tolist()
            assert [row["iteration"] for row in own if row["train_accuracy"]] == [str(i) for i in measured]


def test_a_diverged_lane_has_empty_cells_from_there_on(training, tmp_path) -> None:
    frame, _configuration = training
    at = frame.diverged[0]
    assert at is not None and frame.diverged[1:] == (None, None)
    _names, rows = rows_of(write_csv(frame, tmp_path, "x")[0])
    sgd = [row for row in rows if row["lane"] == "sgd"]
    assert len(sgd) == 34
    assert all(row["loss"] and row["smoothed_loss"] for row in sgd[1:at])
    assert not any(row[key] for row in sgd[at:] for key in TRAINING[3:])
    text = (tmp_path / "x.csv").read_text(encoding="utf-8").lower()
    assert "nan" not in text and "inf" not in text


def test_activations_columns_and_rows(activations, tmp_path) -> None:
    frame, _configuration = activations
    bins, layers = write_csv(frame, tmp_path, "activations")
    assert (bins.name, layers.name) == ("activations.csv", "activations-layers.csv")
    names, rows = rows_of(bins)
    assert names == ["lane", "layer", "bin_left", "bin_right", "count"]
    assert len(rows) == 2 * 2 * 7
    names, shares = rows_of(layers)
    assert names == ["lane", "layer", "mean", "std", "zero_share", "saturated_share", "below", "above"]
    assert [(row["lane"], row["layer"]) for row in shares] == [
        (name, layer) for name in ("relu-he", "tanh-normal-0.3") for layer in ("1", "2")
    ]
    for row in shares:
        own = [r for r in rows if (r["lane"], r["layer"]) == (row["lane"], row["layer"])]
        total = sum(int(r["count"]) for r in own) + int(row["below"]) + int(row["above"])
        assert total == 20 * (8 if row["layer"] == "1" else 9)
        for left, right in itertools.pairwise(own):
            assert left["bin_right"] == right["bin_left"]
        assert 0 <= float(row["zero_share"]) <= 1 and 0 <= float(row["saturated_share"]) <= 1


FEW = {"hidden": (5,), "batch": 16, "images": 64, "iterations": 9}


def values_of(cells):
    return np.array([float(cell or "nan") for cell in cells], np.float32)


def test_several_seeds_have_a_table_of_all_runs(digits, tmp_path) -> None:
    values = {k: v for k, v in FEW.items() if k != "images"} | {"lanes": ("sgd", "adam"), "seeds": 3, "seed": 4}
    frame = run_to_end(preset("optimizer-mnist").configuration(values), digits, silent)
    medians, seeds = write_csv(frame, tmp_path, "x")
    assert (medians.name, seeds.name) == ("x.csv", "x-seeds.csv")
    (names, rows), (more, runs) = rows_of(medians), rows_of(seeds)
    assert names == TRAINING and more == ["lane", "seed", *TRAINING[1:]]
    assert len(rows) == 2 * 10 and len(runs) == 3 * len(rows)
    for place, seed in enumerate((4, 5, 6)):
        for lane, name in enumerate(("sgd", "adam")):
            own = [row for row in runs if (row["lane"], row["seed"]) == (name, str(seed))]
            np.testing.assert_array_equal(values_of(r["loss"] for r in own[1:]), frame.spread.seed_loss[lane, place])
            found = values_of(row["test_accuracy"] for row in own if row["test_accuracy"])
            np.testing.assert_array_equal(found, frame.spread.seed_test_accuracy[lane, place])
    losses = np.array([float(row["loss"]) for row in runs if row["lane"] == "sgd" and row["loss"]]).reshape(3, 9)
    np.testing.assert_allclose(values_of(r["loss"] for r in rows[1:10]), np.median(losses, axis=0), rtol=1e-6)
    with np.load(write_npz(frame, tmp_path, "x"), allow_pickle=False) as arrays:
        assert arrays["seeds"].tolist() == [4, 5, 6]
        np.testing.assert_array_equal(arrays["spread_smoothed"], frame.spread.smoothed)
    part = select_lanes(frame, [1])
    assert part.spread.seed_loss.shape == (1, 3, 9) and part.spread.alike == ()


def test_regularized_lanes_have_a_table_of_norms(digits, tmp_path) -> None:
    frame = run_to_end(preset("weight-decay").configuration(FEW), digits, silent)
    curves, norms = write_csv(frame, tmp_path, "x")
    assert (curves.name, norms.name) == ("x.csv", "x-norms.csv") and rows_of(curves)[0] == TRAINING
    names, rows = rows_of(norms)
    assert names == ["lane", "iteration", "epoch", "weight_norm"]
    for lane, name in enumerate(("l2-0", "l2-0.1")):
        own = [row for row in rows if row["lane"] == name]
        assert [int(row["iteration"]) for row in own] == frame.measured_at.tolist()
        np.testing.assert_array_equal([float(row["weight_norm"]) for row in own], frame.weight_norm[lane])


def test_search_columns_and_rows(digits, tmp_path) -> None:
    values = {**FEW, "iterations": 0, "epochs": 10, "trials": 9, "halving": True, "search": ("momentum", "lr")}
    configuration = preset("random-search").configuration({**values, "optimizer": "momentum", "l2": 0.01})
    frame = run_to_end(configuration, digits, silent)
    (path,) = write_csv(frame, tmp_path, "random-search")
    names, rows = rows_of(path)
    assert names == ["trial", "lr", "weight_decay", "epoch", "train_accuracy", "validation_accuracy", "momentum"]
    assert len(rows) == 9 * len(frame.measured_at)
    for trial in range(9):
        own = [row for row in rows if row["trial"] == str(trial + 1)]
        assert {(float(r["momentum"]), float(r["lr"]), float(r["weight_decay"])) for r in own} == {
            (*frame.settings[trial], 0.01)
        }
        assert [int(row["epoch"]) for row in own] == list(range(11))
        found = values_of(row["validation_accuracy"] for row in own)
        np.testing.assert_array_equal(found, frame.validation_accuracy[trial])
        if frame.stopped[trial] is not None:
            assert not any(row["train_accuracy"] for row in own if int(row["epoch"]) * 3 > frame.stopped[trial])
    content = json.loads(write_json(frame, configuration, digits, tmp_path, "x").read_text(encoding="utf-8"))
    assert len(content["lanes"]) == 9
    again = preset("random-search").configuration(content["configuration"]["parameters"])
    assert again == configuration and run_to_end(again, digits, silent).ranking.tolist() == frame.ranking.tolist()
    with np.load(write_npz(frame, tmp_path, "x"), allow_pickle=False) as arrays:
        assert arrays["searched"].tolist() == ["momentum", "lr"]
        np.testing.assert_array_equal(arrays["ranking"], frame.ranking)


def test_csv_is_plain_utf8_with_unix_lines(paths, tmp_path) -> None:
    content = write_csv(paths[0], tmp_path, "x")[0].read_bytes()
    assert b"\r" not in content and content.endswith(b"\n") and not content.startswith(b"\xef\xbb\xbf")


def test_json_has_what_reproduces_the_run(training, digits, tmp_path) -> None:
    frame, configuration = training
    path = write_json(frame, configuration, digits, tmp_path, "optimizer-mnist")
    content = json.loads(path.read_text(encoding="utf-8"), parse_constant=pytest.fail)
    assert content["configuration"]["preset"] == "optimizer-mnist"
    assert content["seed"] == 0
    assert content["data"] == digits.identity()
    assert content["program"]["name"] == "Trainscope" and content["program"]["version"]
    assert content["versions"]["numpy"] == np.__version__
    assert content["lanes"][1] == {"name": "adam", "label": "Adam", "diverged": None}
    assert content["lanes"][0]["diverged"] == frame.diverged[0]
    again = preset("optimizer-mnist").configuration(content["configuration"]["parameters"])
    assert again == configuration
    repeated = run_to_end(again, digits, silent)
    np.testing.assert_array_equal(repeated.loss, frame.loss)


def test_json_of_what_needs_no_images(paths, tmp_path) -> None:
    frame, configuration = paths
    content = json.loads(write_json(frame, configuration, None, tmp_path, "x").read_text(encoding="utf-8"))
    assert content["data"] is None and content["seed"] is None
    assert content["configuration"]["parameters"]["start"] == [-7.0, 2.0]


def test_npz_has_the_arrays(training, paths, activations, tmp_path) -> None:
    for number, (frame, _configuration) in enumerate((training, paths, activations)):
        with np.load(write_npz(frame, tmp_path, f"x{number}"), allow_pickle=False) as found:
            assert found["lanes"].tolist() == [lane.name for lane in frame.lanes]
            if number == 2:
                assert found["activations_counts"].shape == (2, 2, 7)
                assert found["gradients_edges"].shape == (2, 2, 8)
                continue
            for key in ("loss", "smoothed", "test_accuracy") if number == 0 else ("points", "loss", "outside"):
                np.testing.assert_array_equal(found[key], getattr(frame, key))


def test_write_makes_the_formats_asked_for(paths, tmp_path) -> None:
    written = write(*paths, None, tmp_path, ["npz", "csv", "json"])
    assert [path.name for path in written] == [f"optimizer-paths.{kind}" for kind in ("npz", "csv", "json")]
    assert sorted(tmp_path.iterdir()) == sorted(written)


def test_an_unfinished_run_is_exported_as_far_as_it_is(digits, tmp_path) -> None:
    from core.presets import build

    with contextlib.closing(
        build(preset("init-mnist").configuration({"hidden": (5,), "batch": 16}), lambda: digits, 1)
    ) as run:
        run.advance(3)
        (table,) = tables(run.snapshot())
        assert len(list(table.rows)) == 3 * 4


# Whole or not at all.


def test_a_file_that_fails_half_way_leaves_nothing(tmp_path) -> None:
    with pytest.raises(RuntimeError), whole_file(tmp_path / "a.csv", "w") as file:
        file.write("half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_fails_half_way_leaves_the_old_one(tmp_path) -> None:
    (tmp_path / "a.csv").write_text("old")
    with pytest.raises(KeyboardInterrupt), whole_file(tmp_path / "a.csv", "w") as file:
        file.write("half")
        raise KeyboardInterrupt
    assert (tmp_path / "a.csv").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_file_is_not_there_before_it_is_whole(tmp_path) -> None:
    with whole_file(tmp_path / "a.csv", "w") as file:
        file.write("all")
        assert not (tmp_path / "a.csv").exists()
    assert (tmp_path / "a.csv").read_text() == "all"


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_a_file_has_the_usual_permissions(tmp_path) -> None:
    (tmp_path / "usual").touch()
    with whole_file(tmp_path / "a.csv"):
        pass
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("usual", "a.csv")]
    assert modes[0] == modes[1]


def test_a_folder_in_the_way_is_one_line_and_stays(paths, tmp_path) -> None:
    (tmp_path / "x.csv").mkdir()
    with pytest.raises(ExportError, match=r"^\S*x\.csv: cannot be written: ") as found:
        write_csv(paths[0], tmp_path, "x")
    assert "\n" not in str(found.value)
    assert [path.name for path in tmp_path.iterdir()] == ["x.csv"]


def test_a_missing_folder_is_one_line(paths, tmp_path) -> None:
    with pytest.raises(ExportError, match=r"cannot be written: No such file or directory$"):
        write_npz(paths[0], tmp_path / "nowhere", "x")


def test_progress_is_reported_up_to_the_end(digits) -> None:
    seen = []
    configuration = preset("init-mnist").configuration({"hidden": (5,), "batch": 16, "iterations": 50})
    run_to_end(configuration, digits, lambda *values: seen.append(values))
    assert seen[-1] == (50, 50, None)
    positions = [position for position, _total, _left in seen]
    assert positions == sorted(positions) and {total for _p, total, _l in seen} == {50}
    assert all(left is None or left >= 0 for _p, _t, left in seen)


def test_some_lanes_of_a_frame_are_those_lanes(training, paths, activations) -> None:
    for frame, _configuration in (training, paths, activations):
        part = select_lanes(frame, [1])
        assert part.lanes == frame.lanes[1:2] and len(frame.lanes) > 1
        whole = [list(table.rows) for table in tables(frame)]
        kept = [[row for row in rows if row[0] == frame.lanes[1].name] for rows in whole]
        assert repr([list(table.rows) for table in tables(part)]) == repr(kept)
