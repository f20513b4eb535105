"""Exported scripts of the panel Inside: what a network sees is what the engine says that it sees.

Small networks and few updates, so that float32's rounding moves no image across a boundary.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from shiboken6 import isValid

from core.datasets import Dataset
from core.export import write_script
from core.flow import EVERY
from core.presets import PRESETS
from core.scripts import SCRIPTS, make_script
from core.scripts.inside import Look
from core.watching import Watch
from tests.scripts_helpers import assert_same, configured, own_rows, rows_of, run_script
from tests.test_scripts_training import KINDS, LOSSES, SMALL

pytest_plugins = ["tests.window"]

RUFF = shutil.which("ruff") or shutil.which("ruff", path=Path(sys.executable).parent)


@pytest.fixture(scope="module")
def digits(few_digits):
    return few_digits(200, 130)


@pytest.fixture
def engine(open_run):
    """Return what the engine sees of a network at a moment, and what has flowed through all of them at the end."""

    def see(configuration, dataset, look):
        run = open_run(configuration, dataset)
        run.watch(Watch(insight=look.lane, image=look.image))
        run.advance(look.at or run.total)
        insight = run.snapshot().insight
        run.advance(run.total - run.position)
        frame = run.snapshot()
        return insight, {lane.name: row for row, lane in enumerate(frame.lanes)}, getattr(frame, "flow", None)

    return see


def assert_seen_alike(insight, folder, kind) -> None:
    """Compare confusion matrix, mistakes and weights with the files of a script."""
    found = {name: rows_of(folder / f"{kind}-{name}.csv") for name in ("confusion", "mistakes", "weights")}
    for rows in found.values():
        assert {(row["lane"], int(row["iteration"])) for row in rows} == {(insight.lane.name, insight.iteration)}
    confusion = np.zeros_like(insight.results.confusion)
    for row in found["confusion"]:
        confusion[int(row["label"]), int(row["predicted"])] = row["count"]
    np.testing.assert_array_equal(confusion, insight.results.confusion)
    wrong = insight.results.mistakes
    mine = {int(row["image"]): (int(row["label"]), int(row["predicted"])) for row in found["mistakes"]}
    assert mine == {
        int(image): (int(label), int(guess))
        for image, label, guess in zip(wrong.index, wrong.label, wrong.predicted, strict=True)
    }
    sure = [float(row["probability"]) for row in found["mistakes"]]
    np.testing.assert_allclose(sure, wrong.probability, rtol=1e-3)
    assert sure == sorted(sure, reverse=True)
    weights = [np.full_like(values, np.nan) for values in insight.weights]
    for row in found["weights"]:
        weights[int(row["layer"]) - 1][int(row["input"]) - 1, int(row["unit"]) - 1] = row["weight"]
    for one, other in zip(weights, insight.weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=2e-5)


def assert_answers_alike(insight, folder, kind) -> None:
    rows = rows_of(folder / f"{kind}-answers.csv")
    mine = {lane.name: [float(row["probability"]) for row in rows if row["lane"] == lane.name]
            for lane in insight.answers.lanes}  # fmt: skip
    np.testing.assert_allclose([*mine.values()], insight.answers.probabilities, rtol=1e-3, atol=1e-6)
    assert len(rows) == insight.answers.probabilities.size


def assert_flows_alike(rows, flow, folder, kind) -> None:
    found = rows_of(folder / f"{kind}-flow.csv")
    mine = np.full((2, *flow.gradient_norm.shape), np.nan)
    for row in found:
        place = rows[row["lane"]], int(row["layer"]) - 1, int(row["iteration"]) // EVERY
        mine[:, *place] = float(row["gradient_norm"]), float(row["update_ratio"] or "nan")
    np.testing.assert_allclose(mine, [flow.gradient_norm, flow.update_ratio], rtol=2e-3)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("preset", "values", "look"),
    [
        ("inside", {"lanes": ("sgd", "adam")}, Look("adam")),
        ("optimizer-mnist", {"lanes": ("sgd", "momentum"), "l2": 0.1, "batchnorm": True}, Look("sgd", 12)),
        ("regularization", {"lanes": ("plain", "p-0.3+l2-0.01"), "images": 150}, Look("p-0.3+l2-0.01", 20)),
        ("init-mnist", {"lanes": ("zeros", "he"), "evaluate": 0, "seeds": 2, "activation": "tanh"}, Look("he", 7)),
    ],
    ids=["own", "race", "regularization", "seeds"],
)
def test_what_a_network_sees(digits, tmp_path, engine, kind, preset, values, look) -> None:
    configuration = configured(preset, {**SMALL, **values})
    insight, rows, flow = engine(configuration, digits, look)
    mine = run_script(configuration, digits, tmp_path, kind, look)
    assert_seen_alike(insight, tmp_path, kind)
    assert_flows_alike(rows, flow, tmp_path, kind)
    shares = {"train_accuracy": 2 / 150 + 1e-6, "test_accuracy": 2 / 130 + 1e-6}
    assert_same(mine, own_rows(configuration, digits, tmp_path), **LOSSES, **shares)


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_trial_sees(digits, tmp_path, engine, kind) -> None:
    values = {"trials": 9, "epochs": 12, "hidden": (12,), "batch": 20, "images": 150, "halving": True}
    configuration = configured("random-search", {**values, "search.lr": (1e-3, 1e-1)})
    look = Look("trial-4", 6, digits.test_images[3].tobytes())
    insight, _, flow = engine(configuration, digits, look)
    run_script(configuration, digits, tmp_path, kind, look)
    assert_seen_alike(insight, tmp_path, kind)
    assert_answers_alike(insight, tmp_path, kind)
    assert flow is None and not (tmp_path / f"{kind}-flow.csv").exists()


@pytest.mark.parametrize("kind", KINDS)
def test_images_of_another_shape_with_pixels_that_are_never_used(tmp_path, engine, kind) -> None:
    random = np.random.default_rng(3)
    images = random.integers(0, 256, (90, 7, 5), np.uint8) * (np.arange(5) % 4 != 2).astype(np.uint8)
    labels = random.integers(0, 10, 90)
    flat = images.reshape(90, 35)
    own = Dataset("own", flat[:60], labels[:60], flat[60:], labels[60:], (7, 5))
    configuration = configured("inside", {**SMALL, "l2": 0.1, "dropout": 0.1, "lanes": ("adam", "momentum")})
    look = Look("momentum", 15, np.full(35, 200, np.uint8).tobytes())
    insight, rows, flow = engine(configuration, own, look)
    assert np.isnan(insight.weights[0]).any()
    run_script(configuration, own, tmp_path, kind, look)
    assert_seen_alike(insight, tmp_path, kind)
    assert_answers_alike(insight, tmp_path, kind)
    assert_flows_alike(rows, flow, tmp_path, kind)


def test_of_a_network_that_diverged_its_flow_is_left(digits, tmp_path, engine) -> None:
    values = {**SMALL, "lanes": ("sgd", "adam"), "sgd.lr": 10.0, "l2": 10.0}
    configuration = configured("optimizer-mnist", values)
    look = Look("sgd", image=digits.test_images[0].tobytes())
    insight, rows, flow = engine(configuration, digits, look)
    assert insight is None and np.isnan(flow.gradient_norm[0, :, -1]).all()
    run_script(configuration, digits, tmp_path, "numpy", look)
    assert_flows_alike(rows, flow, tmp_path, "numpy")
    assert {row["lane"] for row in rows_of(tmp_path / "numpy-answers.csv")} == {"adam"}
    assert not (tmp_path / "numpy-confusion.csv").exists()


def test_the_moment_is_one_of_the_run_and_the_lane_one_of_its_lanes(digits) -> None:
    configuration = configured("inside", {**SMALL, "lanes": ("sgd", "adam")})
    text = make_script(configuration, digits, "numpy", look=Look("lion", 99)).text
    assert 'INSIDE = "adam"' in text and "LOOK_AT = 25 " in text
    assert "INSIDE" not in make_script(configured("init-mnist", SMALL), digits, "numpy").text


@pytest.mark.skipif(importlib.util.find_spec("matplotlib") is None, reason="matplotlib is not installed")
@pytest.mark.parametrize("at", [0, 5], ids=["end", "diverged"])
def test_the_figure_is_drawn(digits, tmp_path, at) -> None:
    more = {"sgd.lr": 10.0, "l2": 10.0} if at else {}
    configuration = configured("inside", {**SMALL, "lanes": ("sgd",), **more})
    look = Look("sgd", image=digits.test_images[0].tobytes())
    *_, path = write_script(make_script(configuration, digits, "numpy", look=look), tmp_path)
    picture = tmp_path / "figure.png"
    done = subprocess.run(
        [sys.executable, "-W", "error", path, "--save", picture], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert ("had ended before update 25" in done.stdout) is bool(at)
    assert picture.stat().st_size > 20_000


@pytest.mark.skipif(RUFF is None, reason="ruff is not installed")
def test_scripts_are_formatted_and_free_of_dead_code(tmp_path, sample) -> None:
    found = {"optimizer-mnist": {"seeds": 3}, "dropout": {"evaluate": 0}, "random-search": {"halving": True}}
    for name, values in found.items():
        for kind in SCRIPTS:
            for more, image in (("", None), ("-drawn", sample.test_images[0].tobytes())):
                look = Look("", 50, image)
                made = make_script(PRESETS[name].configuration(values), sample, kind, f"{name}{more}", look)
                (tmp_path / made.file_name).write_text(made.text, encoding="utf-8")
    rules = "E4,E7,E9,F,W,I,UP,B,C4,SIM,PERF"
    for arguments in (["format", "--check", "--diff"], ["check", "--select", rules, "--ignore", "B905"]):
        done = subprocess.run([RUFF, *arguments, "--isolated", tmp_path], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


# In the window.


def export(user):
    dialog = user.open_export()
    dialog.format.setCurrentText("NumPy script")
    user.click(dialog.write)
    user.until(lambda: not isValid(dialog) or not dialog.isVisible())


def insight(user):
    return user.panel.view.page.insight


def test_the_network_and_the_moment_on_screen_are_in_the_script(user, export_folder) -> None:
    user.open("inside")
    user.panel.start(PRESETS["inside"].configuration({**SMALL, "lanes": ("sgd", "adam")}))
    user.until(lambda: insight(user) is not None and insight(user).lane.name == "sgd")
    user.choose("watched", "Adam")
    user.panel.watched.activated.emit(user.panel.watched.currentIndex())
    user.panel.setFocus()
    for number in (1, 2):
        user.click("step")
        user.until(lambda number=number: user.player.head == number and insight(user).iteration == number)
    assert insight(user).lane.name == "adam"
    export(user)
    text = (export_folder / "inside.py").read_text(encoding="utf-8")
    assert 'INSIDE = "adam"' in text and "LOOK_AT = 2 " in text
    with np.load(export_folder / "inside-data.npz") as arrays:
        assert arrays["drawn"].tobytes() == user.panel.view.image(), "the image on the canvas"


def test_of_another_panels_run_its_network_is_in_the_script(user, export_folder) -> None:
    user.small_race(iterations=100_000, evaluate=0)
    user.click("step")
    user.until(lambda: user.player.head == 1)
    user.open("inside")
    user.until(lambda: insight(user) is not None and insight(user).iteration == 1)
    export(user)
    (text,) = (path.read_text(encoding="utf-8") for path in export_folder.glob("*.py"))
    assert text.startswith('"""Six optimizers on digits: what a network sees.')
    assert "HIDDEN = (8,)" in text and "LOOK_AT = 1 " in text and 'INSIDE = "sgd"' in text
