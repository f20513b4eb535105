"""The picture of gradient flow: what the lines, names and words say, scrubbing, reading, zooming, looks and files."""

from __future__ import annotations

import itertools
import math
from xml.etree import ElementTree

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest

from core.flow import Flow
from core.presets import preset
from gui import theme
from gui.export import FigureFormat, export_figure
from gui.plots import LIGHT
from gui.views.flow import FlowView
from gui.views.flow_parts import layer_colours, spread, thinned

DEEP = {"hidden": (20,) * 5, "batch": 16, "iterations": 60, "activation": "sigmoid", "evaluate": 0}


@pytest.fixture
def view(qtbot):
    made = FlowView()
    qtbot.addWidget(made)
    made.set_theme(theme.LIGHT)
    made.resize(760, 620)
    with qtbot.waitExposed(made):
        made.show()
    return made


@pytest.fixture
def frame_of(few_digits, open_run):
    def make(updates, name="init-mnist", **values):
        run = open_run(preset(name).configuration({**DEEP, **values}), few_digits(240, 90))
        run.advance(updates)
        return run.snapshot()

    return make


def drawn(view, plot):
    """Return what the lines show, as (layers, samples)."""
    return np.array([trace._curve.y for trace in (view._norms, view._ratios)[plot].traces])


def names(part):
    return [end.text for end in part.names._ends]


def test_a_vanishing_gradient_fans_out_and_is_said(view, frame_of) -> None:
    frame = frame_of(60, lanes=("normal-0.01", "normal-1"))
    view.show_frame(frame, 60)
    np.testing.assert_array_equal(drawn(view, 0), frame.flow.gradient_norm[0])
    np.testing.assert_array_equal(drawn(view, 1), frame.flow.update_ratio[0])
    assert view._norms.heading.words.endswith("of the last layer's gradient: it vanishes on the way back")
    assert view._ratios.heading.words.startswith("updates are ")
    assert names(view._norms) == [f"layer {n}" for n in range(1, 7)]
    heights = [end.y for end in view._norms.names._ends]
    assert heights == sorted(heights) and heights[-1] - heights[0] > 3, "decades from the first layer to the last"
    low, high = view.gradient.vb.viewRange()[1]
    assert low <= min(heights) and max(heights) <= high
    view.show_lane("normal-1")
    np.testing.assert_array_equal(drawn(view, 0), frame.flow.gradient_norm[1])
    assert view._norms.heading.words.endswith("it gets through")


def test_only_what_had_happened_by_the_cursor_is_drawn(view, frame_of) -> None:
    frame = frame_of(60, lanes=("he",))
    for cursor, samples in ((60, 6), (21, 3), (20, 2), (1, 1), (0, 0)):
        view.show_frame(frame, cursor)
        assert drawn(view, 0).shape == drawn(view, 1).shape == (6, samples)
        assert view._norms.names._x == (1 + 10 * (samples - 1) if samples else 0)
        assert bool(view._norms.heading.words) == bool(samples)


def test_before_the_first_update_it_says_what_to_do(view, frame_of) -> None:
    view.show_frame(frame_of(0, lanes=("he",)), 0)
    assert view._hint.isVisible() and not view._norms.heading.words
    view.show_frame(frame_of(1, lanes=("he",)), 1)
    assert not view._hint.isVisible() and view._norms.heading.words


def test_a_gradient_of_0_stands_at_the_bottom(view, frame_of) -> None:
    view.show_frame(frame_of(11, lanes=("zeros",)), 11)
    first = view._norms.names._ends[0]
    assert first.text == "layer 1: 0" and first.y == -math.inf
    assert view._norms.heading.words == "layer 1 gets no gradient at all: it cannot learn"


def test_a_diverged_lane_keeps_its_last_names_and_says_when(view, frame_of) -> None:
    frame = frame_of(60, "optimizer-mnist", **{"sgd.lr": 10.0, "l2": 10.0, "lanes": ("sgd", "adam"), "hidden": (8,)})
    view.show_lane("sgd")
    view.show_frame(frame, 60)
    last = int(frame.flow.at[np.isfinite(frame.flow.gradient_norm[0, 0])][-1])
    assert view._norms.names._x == last < frame.diverged[0]
    assert view._norms.heading.words.endswith(f"diverged at update {frame.diverged[0]}")
    numbers = dict(view.numbers(frame, 60))
    assert numbers["update"] == str(last) and "–" not in numbers["layer 1"]


def test_a_search_says_why_there_is_nothing(view, few_digits, open_run) -> None:
    values = {"hidden": (8,), "batch": 16, "images": 100, "trials": 9, "epochs": 3}
    run = open_run(preset("random-search").configuration(values), few_digits(240, 90))
    run.advance(10)
    view.show_frame(run.snapshot(), 10)
    assert not view.graphics.isVisible() and "not recorded" in view._word.text()
    assert view.numbers(run.snapshot(), 10) == [("measured", "every 10th update")]


def test_what_was_not_recorded_is_said(view, frame_of) -> None:
    from dataclasses import replace

    frame = frame_of(60, lanes=("he",))
    missing = np.full_like(frame.flow.gradient_norm, np.nan)
    view.show_frame(replace(frame, flow=Flow(frame.flow.at, missing, missing)), 60)
    assert view._norms.heading.words.startswith("not measured here")
    assert not view._norms.names._ends


def test_of_several_seeds_the_heading_says_which(view, frame_of) -> None:
    frame = frame_of(20, "optimizer-mnist", seeds=3, seed=7, lanes=("adam",))
    view.show_frame(frame, 20)
    assert view._norms.heading.title == "Gradient norm of each layer, seed 7"
    assert view.numbers(frame, 20)[-1] == ("of seed", "7, the first one")


def test_numbers_are_the_last_measured_ones(view, frame_of) -> None:
    frame = frame_of(60, lanes=("he",))
    found = view.numbers(frame, 35)
    assert found[0] == ("update", "31") and [key for key, _ in found[2:]] == [f"layer {n}" for n in range(1, 7)]
    norm, ratio = found[7][1].split(" · ")
    assert float(norm) == pytest.approx(frame.flow.gradient_norm[0, 5, 3], rel=0.06)
    assert float(ratio) == pytest.approx(frame.flow.update_ratio[0, 5, 3], rel=0.06)


def viewport_spot(view, plot, x):
    """Return where an iteration is in the middle of a plot."""
    box = plot.vb.sceneBoundingRect()
    (left, right), _ = plot.vb.viewRange()
    place = box.left() + (x - left) / (right - left) * box.width()
    return view.graphics.mapFromScene(place, box.center().y())


def test_the_mouse_reads_every_layer_at_the_last_measured_update(view, frame_of, qtbot) -> None:
    frame = frame_of(60, lanes=("he",))
    view.show_frame(frame, 60)
    spot = viewport_spot(view, view.ratio, 35)
    QTest.mouseMove(view.graphics.viewport(), spot + QPoint(0, 8))

    def reads():
        QTest.mouseMove(view.graphics.viewport(), spot)
        assert [hover.index for hover in view._hovers] == [35, 35]

    qtbot.waitUntil(lambda: not_raising(reads))
    head, *lines = view._read(35, 1)
    assert head == ("update 31, update / weights", "") and len(lines) == 6
    assert lines[0][0].startswith("layer 1  ") and lines[0][1] == layer_colours(6, dark=False)[0]
    assert view._read(61, 0) == view._read(0, 0) == []


def not_raising(check) -> bool:
    try:
        check()
    except AssertionError:
        return False
    return True


def test_a_zoom_stays_until_a_double_click(view, frame_of, qtbot) -> None:
    frame = frame_of(50, lanes=("he",))
    view.show_frame(frame, 50)
    whole = view.gradient.vb.viewRange()
    view.gradient.setXRange(10, 20, padding=0)
    view.show_frame(frame, 50)
    assert view.gradient.vb.viewRange()[0] == view.ratio.vb.viewRange()[0] == [10, 20]
    spot = viewport_spot(view, view.gradient, 15)
    place = view.graphics.viewport().mapTo(view, spot)
    QTest.mouseMove(view.windowHandle(), place)
    QTest.mouseDClick(view.windowHandle(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, place)
    qtbot.waitUntil(lambda: view.gradient.vb.viewRange() == whole)


def test_healthy_decades_are_always_there_and_names_have_room(view, frame_of) -> None:
    view.show_frame(frame_of(60, lanes=("he",)), 60)
    low, high = view.ratio.vb.viewRange()[1]
    assert low <= -5 and high >= -1
    room = viewport_spot(view, view.gradient, view.gradient.vb.viewRange()[0][1]) - viewport_spot(
        view, view.gradient, 60
    )
    assert room.x() >= 60


def test_both_looks_have_colours_that_stand_out_from_the_page(view, frame_of) -> None:
    view.show_frame(frame_of(20, lanes=("he",)), 20)
    for look in (theme.LIGHT, theme.DARK):
        view.set_theme(look)
        page = QColor(look.plot_background).lightnessF()
        found = [QColor(trace._colour) for trace in view._norms.traces]
        assert [colour.name() for colour in found] == layer_colours(6, look.dark)
        assert all(abs(colour.lightnessF() - page) > 0.2 for colour in found)
        assert [end.colour for end in view._norms.names._ends] == layer_colours(6, look.dark)
        assert view.graphics.backgroundBrush().color() == QColor(look.plot_background)


@pytest.mark.parametrize(
    "spots", [[50.0, 51.0, 52.0, 90.0], [0.0, 0.0, 0.0], [200.0, 200.0], [100.0], [], [10.0, 60.0, 61.0, 199.0]]
)
def test_names_stand_apart_near_their_lines(spots) -> None:
    found = spread(spots, 0.0, 200.0)
    assert len(found) == len(spots) and all(6.0 <= y <= 194.0 for y in found)
    assert all(below - above >= 12.99 for above, below in itertools.pairwise(found))
    assert all(abs(y - spot) <= 13 * len(spots) for y, spot in zip(found, spots, strict=True))


@pytest.mark.parametrize(
    ("many", "most", "left"), [(5, 5, [0, 1, 2, 3, 4]), (20, 3, [0, 10, 19]), (6, 2, [0, 5]), (6, 1, [0]), (3, 0, [0])]
)
def test_of_too_many_names_the_first_and_the_last_stay(many, most, left) -> None:
    assert thinned([*range(many)], most) == left


def test_deep_networks_have_some_of_their_layers_named(view, frame_of) -> None:
    view.show_frame(frame_of(11, hidden=(4,) * 19, lanes=("he",)), 11)
    shown = [name for name in names(view._norms) if name]
    assert len(names(view._norms)) == 20 and len(shown) == 7 and {"layer 1", "layer 20"} < set(shown)


def test_files_have_words_names_and_the_look_asked_for(view, frame_of, tmp_path) -> None:
    frame = frame_of(60, lanes=("normal-0.01",))
    view.set_theme(theme.DARK)
    view.show_frame(frame, 60)
    path = tmp_path / "flow.svg"
    export_figure(view.graphics, path, FigureFormat.SVG, size=(900, 600), colours=LIGHT, legend=view.legend(frame))
    content = path.read_text(encoding="utf-8")
    texts = "".join(node.text or "" for node in ElementTree.fromstring(content).iter() if node.text)
    for word in ("Gradient norm of each layer", "it vanishes on the way back", "layer 6", "usual: about 1/1000", "σ"):
        assert word in texts
    assert layer_colours(6, dark=False)[0] in content and layer_colours(6, dark=True)[-1] not in content
    assert [trace._colour for trace in view._norms.traces] == layer_colours(6, dark=True), "the screen has its own"
