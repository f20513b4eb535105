"""The command line: exit statuses, one line for what is wrong, the files that scripts rely on. No pictures here."""

from __future__ import annotations

import csv
import gzip
import json
import os
import re
import signal
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import main as command_line
from core.presets import PRESETS

ROOT = Path(__file__).resolve().parent.parent
SMALL = ["--set", "hidden=6", "--set", "batch=16", "--iterations", "9"]


def run(capsys, *arguments):
    """Return exit status, lines on standard output, lines on standard error."""
    status = command_line.main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return status, out.splitlines(), err.splitlines()


def export(capsys, out, *arguments):
    return run(capsys, "export", *arguments, "--out", out)


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_presets_one_a_line(capsys) -> None:
    status, out, err = run(capsys, "presets")
    assert (status, err) == (0, [])
    assert [line.split()[:2] for line in out] == [[p.name, p.panel] for p in PRESETS.values()]
    assert all(line.endswith(p.shows) for line, p in zip(out, PRESETS.values(), strict=True))


@pytest.mark.parametrize("option", ["--help", "export --help", "presets --help"])
def test_help_is_not_an_error(capsys, option) -> None:
    with pytest.raises(SystemExit) as found:
        command_line.main(option.split())
    assert found.value.code == 0 and "usage: " in capsys.readouterr().out


def test_exports_paths(capsys, tmp_path) -> None:
    folder = tmp_path / "made" / "if needed"
    status, out, err = export(capsys, folder, "optimizer-paths", "--format", "csv,json,npz")
    assert (status, err) == (0, [])
    assert out == [str(folder / f"optimizer-paths.{kind}") for kind in ("csv", "json", "npz")]
    assert sorted(path.name for path in folder.iterdir()) == sorted(Path(line).name for line in out)
    rows = rows_of(folder / "optimizer-paths.csv")
    assert rows[0] == ["lane", "step", "x", "y", "loss"] and len(rows) == 1 + 6 * 30


def test_every_steps_numbers_are_written_if_they_are_asked_for(capsys, tmp_path) -> None:
    status, out, _ = export(capsys, tmp_path, "optimizer-paths", "--format", "steps,csv", "--iterations", "3")
    assert (status, out) == (0, [str(tmp_path / f"optimizer-paths{end}.csv") for end in ("-steps", "")])
    rows = rows_of(tmp_path / "optimizer-paths-steps.csv")
    assert rows[:2] == [["lane", "step", "coordinate", "symbol", "value"], ["sgd", "1", "x", "g", "-0.7"]]


def test_iterations_and_set_change_the_run(capsys, tmp_path) -> None:
    arguments = ["--iterations", "3", "--set", "lanes=adam,sgd", "--set", "sgd.lr=0.5", "--set", "start=-1,1"]
    status, _out, _err = export(capsys, tmp_path, "optimizer-paths", "--format", "csv,json", *arguments)
    assert status == 0
    rows = rows_of(tmp_path / "optimizer-paths.csv")[1:]
    assert [row[0] for row in rows] == ["adam"] * 4 + ["sgd"] * 4
    assert rows[4][2:4] == ["-1.0", "1.0"]
    assert [float(cell) for cell in rows[5][2:4]] == pytest.approx([-0.95, 0.0])
    parameters = json.loads((tmp_path / "optimizer-paths.json").read_text(encoding="utf-8"))["configuration"][
        "parameters"
    ]
    assert parameters["lanes"] == ["adam", "sgd"] and parameters["sgd.lr"] == 0.5 and parameters["iterations"] == 3


@pytest.mark.parametrize(("name", "lanes"), [("optimizer-mnist", 6), ("init-mnist", 3)])
def test_exports_a_training(capsys, tmp_path, name, lanes) -> None:
    status, out, err = export(capsys, tmp_path, name, "--format", "csv", *SMALL)
    assert (status, err, out) == (0, [], [str(tmp_path / f"{name}.csv")])
    header, *rows = rows_of(tmp_path / f"{name}.csv")
    assert header == ["lane", "iteration", "epoch", "loss", "smoothed_loss", "train_accuracy", "test_accuracy"]
    assert len(rows) == lanes * 10
    assert [row[1] for row in rows[:10]] == [str(i) for i in range(10)]
    measured = [row[1] for row in rows if row[6]]
    assert measured == ["0", "9"] * lanes


TRAINED = {
    "batchnorm-grid": ["sigma-1-bn", "sigma-1-plain", "sigma-0.541-bn"],
    "batchnorm": ["sigma-he-bn", "sigma-he-plain"],
    "weight-decay": ["l2-0", "l2-0.1"],
    "dropout": ["p-0", "p-0.2"],
    "regularization": ["plain", "l2-0.1", "l1-0.005", "p-0.2"],
}


@pytest.mark.parametrize("own_data", [False, True], ids=["sample", "folder"])
@pytest.mark.parametrize("name", TRAINED)
def test_exports_the_rest_of_the_chapter(capsys, tmp_path, sample, name, own_data) -> None:
    data = ["--data", write_idx(tmp_path / "data", sample, zipped=True)] if own_data else []
    out = tmp_path / "out"
    status, _out, err = export(capsys, out, name, "--format", "csv,json,npz", *SMALL, *data)
    assert (status, err) == (0, [])
    header, *rows = rows_of(out / f"{name}.csv")
    assert header == ["lane", "iteration", "epoch", "loss", "smoothed_loss", "train_accuracy", "test_accuracy"]
    lanes = list(dict.fromkeys(row[0] for row in rows))
    assert lanes[:3] == TRAINED[name][:3] and len(lanes) == (32 if name == "batchnorm-grid" else len(TRAINED[name]))
    assert len(rows) == 10 * len(lanes)
    with np.load(out / f"{name}.npz") as found:
        assert found["lanes"].tolist() == lanes and found["weight_norm"].shape[0] == len(lanes)


def test_it_says_where_accuracies_are_measured_less_often(capsys, tmp_path) -> None:
    arguments = ["--set", "images=20", "--set", "batch=10", "--set", "hidden=6", "--iterations", "40"]
    status, _out, err = export(capsys, tmp_path, "weight-decay", "--format", "csv,json", *arguments)
    assert status == 0 and len(err) == 1 and "measured every 9 epochs: 1,000 test images would take longer" in err[0]
    found = [int(row[1]) for row in rows_of(tmp_path / "weight-decay.csv") if row[6] and row[0] == "l2-0"]
    assert found == [0, 18, 36, 40]
    assert json.loads((tmp_path / "weight-decay.json").read_text(encoding="utf-8"))["measured_every_epochs"] == 9


@pytest.mark.parametrize("own_data", [False, True], ids=["sample", "folder"])
def test_exports_a_search(capsys, tmp_path, sample, own_data) -> None:
    data = ["--data", write_idx(tmp_path / "data", sample, zipped=False)] if own_data else []
    arguments = [
        "--set",
        "trials=7",
        "--set",
        "hidden=6",
        "--set",
        "batch=16",
        "--set",
        "images=80",
        "--iterations",
        "8",
    ]
    status, _out, err = export(capsys, tmp_path, "random-search", "--format", "csv,json,npz", *arguments, *data)
    assert (status, err) == (0, [])
    header, *rows = rows_of(tmp_path / "random-search.csv")
    assert header == ["trial", "lr", "weight_decay", "epoch", "train_accuracy", "validation_accuracy"]
    assert [(row[0], row[3]) for row in rows] == [(str(t), str(e)) for t in range(1, 8) for e in range(3)]
    assert all(1e-6 <= float(row[1]) <= 1e-2 and 1e-8 <= float(row[2]) <= 1e-4 for row in rows)
    lanes = json.loads((tmp_path / "random-search.json").read_text(encoding="utf-8"))["lanes"]
    assert [lane["name"] for lane in lanes] == [f"trial-{n}" for n in range(1, 8)]


def test_what_else_is_searched_has_columns_of_its_own(capsys, tmp_path) -> None:
    arguments = ["--set", "optimizer=momentum", "--set", "search=momentum,lr", "--set", "trials=3", "--set", "hidden=6"]
    assert export(capsys, tmp_path, "random-search", "--format", "csv", "--iterations", "4", *arguments)[0] == 0
    header, *rows = rows_of(tmp_path / "random-search.csv")
    assert header[-2:] == ["validation_accuracy", "momentum"]
    assert {row[2] for row in rows} == {"0.0"} and len({row[6] for row in rows}) == 3


def test_exports_activations(capsys, tmp_path) -> None:
    arguments = ["--set", "hidden=10,10", "--set", "inputs=8", "--set", "bins=5", "--seed", "3"]
    status, out, _err = export(capsys, tmp_path, "activations", "--format", "csv,json", *arguments)
    assert status == 0
    assert [Path(line).name for line in out] == ["activations.csv", "activations-layers.csv", "activations.json"]
    assert len(rows_of(tmp_path / "activations.csv")) == 1 + 15 * 2 * 5
    assert len(rows_of(tmp_path / "activations-layers.csv")) == 1 + 15 * 2
    assert json.loads((tmp_path / "activations.json").read_text(encoding="utf-8"))["seed"] == 3


def test_the_same_arguments_give_the_same_bytes_and_another_seed_others(capsys, tmp_path) -> None:
    for folder, seed in (("a", 5), ("b", 5), ("c", 6)):
        assert export(capsys, tmp_path / folder, "init-mnist", "--format", "csv", "--seed", seed, *SMALL)[0] == 0
    one, same, other = ((tmp_path / folder / "init-mnist.csv").read_bytes() for folder in "abc")
    assert one == same != other


def test_a_diverging_lane_is_a_result_not_an_error(capsys, tmp_path) -> None:
    arguments = ["--set", "lanes=sgd", "--set", "sgd.lr=10", "--set", "l2=10", *SMALL, "--iterations", "60"]
    status, _out, err = export(capsys, tmp_path, "optimizer-mnist", "--format", "csv,json", *arguments)
    assert (status, err) == (0, [])
    (lane,) = json.loads((tmp_path / "optimizer-mnist.json").read_text(encoding="utf-8"))["lanes"]
    assert 1 < lane["diverged"] < 60


def write_idx(folder, sample, zipped):
    """Write some of the sample's digits as MNIST's four files."""
    folder.mkdir()
    parts = {
        "train": (sample.train_images[:80], sample.train_labels[:80]),
        "t10k": (sample.test_images[:30], sample.test_labels[:30]),
    }
    for name, (images, labels) in parts.items():
        contents = {
            f"{name}-images-idx3-ubyte": struct.pack(">4I", 0x803, len(images), 28, 28) + images.tobytes(),
            f"{name}-labels-idx1-ubyte": struct.pack(">2I", 0x801, len(labels)) + labels.astype(np.uint8).tobytes(),
        }
        for file, content in contents.items():
            path = folder / (file + (".gz" if zipped else ""))
            path.write_bytes(gzip.compress(content) if zipped else content)
    return folder


@pytest.mark.parametrize("zipped", [False, True])
def test_exports_from_a_folder_of_idx_files(capsys, tmp_path, sample, zipped) -> None:
    data = write_idx(tmp_path / "own digits", sample, zipped)
    out = tmp_path / "out"
    status, _out, err = export(capsys, out, "init-mnist", "--data", data, "--format", "csv,json", *SMALL)
    assert (status, err) == (0, [])
    _header, *rows = rows_of(out / "init-mnist.csv")
    assert [row[2] for row in rows[:10]] == [str(i // 5) for i in range(10)], "80 images, 5 updates an epoch"
    identity = json.loads((out / "init-mnist.json").read_text(encoding="utf-8"))["data"]
    assert "80 training and 30 test images of 28x28, sha256 " in identity


def test_data_that_a_preset_does_not_use_is_noted(capsys, tmp_path) -> None:
    arguments = ("--format", "csv", "--data", tmp_path, "--seed", "1")
    status, _out, err = export(capsys, tmp_path, "optimizer-paths", *arguments)
    assert status == 0
    assert sorted(err) == [
        "trainscope: optimizer-paths draws nothing at random: --seed has no effect",
        "trainscope: optimizer-paths uses no images: --data has no effect",
    ]


# What is wrong: one line, status 2, nothing written.

WRONG = {
    "no such command": (["fly"], "fly"),
    "no such option": (["export", "optimizer-paths", "--out", "OUT", "--speed", "3"], "--speed"),
    "an abbreviated option": (["export", "optimizer-paths", "--out", "OUT", "--iter", "3"], "--iter"),
    "no preset": (["export", "--out", "OUT"], "PRESET"),
    "no folder": (["export", "optimizer-paths"], "--out"),
    "unknown preset": (["export", "optimiser-paths", "--out", "OUT"], "allowed: optimizer-paths, "),
    "a preset with a line break": (["export", "a\nb", "--out", "OUT"], "allowed: optimizer-paths, "),
    "an empty preset": (["export", "", "--out", "OUT"], "allowed: optimizer-paths, "),
    "unknown format": (["export", "optimizer-paths", "--out", "OUT", "--format", "csv,xls"], "'xls'"),
    "steps of a race": (["export", "optimizer-mnist", "--out", "OUT", "--format", "steps"], "of the panel paths"),
    "no format": (["export", "optimizer-paths", "--out", "OUT", "--format", ""], "allowed: some of csv, "),
    "iterations 0": (["export", "optimizer-paths", "--out", "OUT", "--iterations", "0"], "--iterations"),
    "iterations x": (["export", "optimizer-paths", "--out", "OUT", "--iterations", "x"], "at least 1"),
    "too many": (["export", "optimizer-paths", "--out", "OUT", "--iterations", "10001"], "iterations: '10001'"),
    "huge": (["export", "optimizer-paths", "--out", "OUT", "--iterations", "9" * 5000], "iterations"),
    "seed -1": (["export", "init-mnist", "--out", "OUT", "--seed", "-1"], "--seed"),
    "seed too large": (["export", "init-mnist", "--out", "OUT", "--seed", str(2**31)], "seed: '2147483648'"),
    "set nothing": (["export", "optimizer-paths", "--out", "OUT", "--set", "lr"], "KEY=VALUE"),
    "set no key": (["export", "optimizer-paths", "--out", "OUT", "--set", "=3"], "KEY=VALUE"),
    "unknown key": (["export", "optimizer-paths", "--out", "OUT", "--set", "lr=3"], "lr: not a parameter that"),
    "unused key": (["export", "init-mnist", "--out", "OUT", "--set", "adam.lr=0.1"], "adam.lr: not a parameter that"),
    "key of another": (["export", "optimizer-paths", "--out", "OUT", "--set", "batch=5"], "batch: not a parameter"),
    "no iterations": (["export", "activations", "--out", "OUT", "--iterations", "5"], "iterations: not a parameter"),
    "nan": (["export", "optimizer-paths", "--out", "OUT", "--set", "sgd.lr=nan"], "sgd.lr: 'nan' is not allowed"),
    "negative": (["export", "optimizer-paths", "--out", "OUT", "--set", "sgd.lr=-1"], "from 1e-06 to 10"),
    "no number": (["export", "optimizer-paths", "--out", "OUT", "--set", "sgd.lr=fast"], "'fast'"),
    "half a point": (["export", "optimizer-paths", "--out", "OUT", "--set", "start=3"], "start: "),
    "no lanes": (["export", "optimizer-paths", "--out", "OUT", "--set", "lanes="], "lanes: "),
    "a lane twice": (["export", "optimizer-paths", "--out", "OUT", "--set", "lanes=sgd,sgd"], "lanes: "),
    "no such regularization": (
        ["export", "dropout", "--out", "OUT", "--set", "lanes=p-2"],
        "allowed: some of plain, l2",
    ),
    "a strength that no lane has": (
        ["export", "weight-decay", "--out", "OUT", "--set", "lanes=l2-0,l2-1", "--set", "l2=2"],
        "l2: '2' is not allowed",
    ),
    "a range that falls": (
        ["export", "random-search", "--out", "OUT", "--set", "search.lr=1e-2,1e-5"],
        "search.lr: '0.01,1e-05' is not allowed; allowed: two rising numbers",
    ),
    "a searched value": (["export", "random-search", "--out", "OUT", "--set", "sgd.lr=0.1"], "sgd.lr: not a parameter"),
    "not searchable": (["export", "random-search", "--out", "OUT", "--set", "search=lr,beta1"], "with optimizer sgd"),
    "no such lane": (["export", "optimizer-paths", "--out", "OUT", "--set", "lanes=lamb"], "allowed: some of sgd, "),
    "no such surface": (["export", "optimizer-paths", "--out", "OUT", "--set", "surface=moon"], "surface: 'moon'"),
    "no such data": (["export", "init-mnist", "--out", "OUT", "--data", "no/such/folder"], "no/such/folder"),
    "no data": (["export", "init-mnist", "--out", "OUT", "--data", ""], "allowed: 'sample'"),
    "a preset to open": (["--preset", "nope"], "allowed: optimizer-paths, "),
    "no such theme": (["export", "optimizer-paths", "--out", "OUT", "--theme", "pink"], "pink"),
}


@pytest.mark.parametrize(("arguments", "part"), WRONG.values(), ids=WRONG)
def test_a_wrong_argument_is_one_line_and_status_2(capsys, tmp_path, arguments, part) -> None:
    out_folder = tmp_path / "out"
    status, out, err = run(capsys, *(str(out_folder) if text == "OUT" else text for text in arguments))
    assert (status, out) == (2, [])
    assert len(err) == 1 and err[0].startswith("trainscope: ") and part in err[0], err
    assert not out_folder.exists() or not list(out_folder.iterdir())


def test_debug_leaves_a_wrong_argument_one_line(capsys, tmp_path) -> None:
    status, _out, err = export(capsys, tmp_path, "nope", "--debug")
    assert status == 2 and len(err) == 1


def test_a_file_in_place_of_the_folder(capsys, tmp_path) -> None:
    (tmp_path / "file").write_text("here")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        status, _out, err = export(capsys, out, "optimizer-paths", "--format", "csv")
        assert status == 2 and len(err) == 1 and err[0].startswith("trainscope: --out: ")
    assert (tmp_path / "file").read_text() == "here"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written(capsys, tmp_path) -> None:
    tmp_path.chmod(0o500)
    status, _out, err = export(capsys, tmp_path, "optimizer-paths", "--format", "csv")
    tmp_path.chmod(0o700)
    assert status == 2 and len(err) == 1 and "Permission denied" in err[0]


def test_broken_data_is_one_line(capsys, tmp_path, sample) -> None:
    data = write_idx(tmp_path / "data", sample, zipped=False)
    (data / "train-labels-idx1-ubyte").write_bytes(b"\0\0\x08\x01\0\0")
    status, _out, err = export(capsys, tmp_path / "out", "init-mnist", "--data", data, *SMALL)
    assert status == 2 and len(err) == 1 and "train-labels-idx1-ubyte: truncated" in err[0]


def test_what_goes_wrong_later_is_one_line_and_status_1(capsys, tmp_path) -> None:
    (tmp_path / "optimizer-paths.csv").mkdir()
    status, _out, err = export(capsys, tmp_path, "optimizer-paths", "--format", "csv")
    assert status == 1 and len(err) == 1 and "optimizer-paths.csv: cannot be written" in err[0]
    assert [path.name for path in tmp_path.iterdir()] == ["optimizer-paths.csv"]
    with pytest.raises(OSError, match="cannot be written"):
        export(capsys, tmp_path, "optimizer-paths", "--format", "csv", "--debug")


# Real processes.


def process(*arguments, cwd=ROOT):
    command = [sys.executable, str(ROOT / "main.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=120)


def test_a_real_export_from_another_folder(tmp_path) -> None:
    done = process("export", "optimizer-paths", "--out", "made", "--format", "csv", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{Path('made') / 'optimizer-paths.csv'}\n"
    assert len(rows_of(tmp_path / "made" / "optimizer-paths.csv")) == 181


def test_a_real_wrong_argument(tmp_path) -> None:
    done = process("export", "optimizer-paths", "--out", tmp_path, "--set", "sgd.lr=100")
    expected = "trainscope: sgd.lr: '100' is not allowed; allowed: a number from 1e-06 to 10\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", expected)


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a terminal")
def test_ctrl_c_keeps_what_was_computed(tmp_path) -> None:
    try:
        ours, theirs = os.openpty()
    except OSError as error:
        pytest.skip(f"no pseudo-terminal here: {error}")
    arguments = ["export", "init-mnist", "--out", tmp_path, "--format", "csv", "--iterations", "1000000"]
    command = [sys.executable, ROOT / "main.py", *arguments, "--set", "hidden=6", "--set", "evaluate=0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, text=True) as running:
        os.close(theirs)
        shown = ""
        while " s left" not in shown:  # it shows its progress: the run goes on
            shown += os.read(ours, 4096).decode()
        running.send_signal(signal.SIGINT)
        out, _ = running.communicate(timeout=60)
        shown += os.read(ours, 65536).decode()
    os.close(ours)
    done = re.search(r"stopped after (\d+) of 1000000; the files have what was done until then", shown)
    assert done and running.returncode == 1 and out.splitlines() == [str(tmp_path / "init-mnist.csv")]
    assert len(rows_of(tmp_path / "init-mnist.csv")) == 1 + 3 * (1 + int(done[1]))


def test_listing_and_data_exports_import_no_qt(tmp_path) -> None:
    """They work where Qt's system libraries are missing, and start at once."""
    code = (
        "import sys, main; status = main.main(sys.argv[1:]);"
        "sys.exit(status or any(name.startswith(('PySide6', 'pyqtgraph', 'gui')) for name in sys.modules))"
    )
    for arguments in (["presets"], ["export", "activations", "--out", str(tmp_path), "--format", "csv,npz"]):
        done = subprocess.run([sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, timeout=120)
        assert done.returncode == 0, done.stderr
