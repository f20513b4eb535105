"""The search panel, as a learner drives it: run, read, sort, follow a trial everywhere, search on inside a region."""

from __future__ import annotations

from itertools import cycle

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QImage

from core.parameters import Scale
from core.presets import PRESETS, build
from core.runner import Phase
from core.trials import searchable
from gui.headless import write_pictures
from gui.plane import narrow_ticks
from gui.ramp import LEVELS, level_colour, level_of, share_colour
from gui.standings import State, rounded_outward, setting_text, standing_at
from tests.gui_helpers import grabbed, ink

pytest_plugins = ["tests.window"]

KEY = Qt.Key
FINISHED, PAUSED = Phase.FINISHED, Phase.PAUSED
SMALL = {"trials": 12, "hidden": (8,), "images": 60, "batch": 10, "epochs": 4, "search.lr": (1e-3, 1.0)}


@pytest.fixture
def first_run():
    return PRESETS["random-search"].configuration(SMALL)


@pytest.fixture
def search(user):
    """A small search, at its beginning."""
    return begin(user)


def begin(user, **values):
    wanted = PRESETS["random-search"].configuration({**SMALL, **values})
    if "search" not in user.window.panels:
        user.window.settings.save_configuration("search", wanted)
    user.open("search")
    if user.panel.configuration != wanted:
        user.panel.start(wanted)
    user.until(lambda: user.player.settled and user.player.status.configuration == wanted)
    user.until(lambda: user.player.frame is not None and user.player.frame.position == 0 and settled(user))
    return user


def settled(user):
    """Tell whether view and table show the frame at hand."""
    standing = user.panel.view._standing
    found = user.player.frame
    return standing is not None and found is not None and standing.frame.settings is found.settings


def run(user):
    user.panel.setFocus()
    user.press(KEY.Key_Space)
    user.until_phase(FINISHED)
    user.until(lambda: table_follows(user))
    return user.player.frame


def table_follows(user):
    """Tell whether the table, which follows a few times a second, shows what the view does."""
    return table(user).trials._standing is user.panel.view._standing


def table(user):
    return user.find("trials-table")


def column(user, name):
    model = table(user).model()
    names = [model.headerData(i, Qt.Orientation.Horizontal) for i in range(model.columnCount())]
    return names.index(name)


def cells(user, name, role=Qt.ItemDataRole.DisplayRole):
    model, place = table(user).model(), column(user, name)
    return [model.index(row, place).data(role) for row in range(model.rowCount())]


def click_head(user, name):
    head = table(user).horizontalHeader()
    place = head.sectionViewportPosition(column(user, name)) + head.sectionSize(column(user, name)) // 2
    user.click(head.viewport(), QPoint(place, head.height() // 2))


def click_row(user, row):
    found = table(user)
    user.click(found.viewport(), found.visualRect(found.model().index(row, 1)).center())


def spot(user, x, y):
    """Return where a point of the plane is on the plots."""
    view = user.panel.view
    return view.graphics.mapFromScene(view.scatter.vb.mapViewToScene(QPointF(x, y)))


def hover(user, widget, place, wanted):
    """Move the mouse about a place until its trial is found."""
    places = cycle((place, place + QPoint(1, 0)))

    def found():
        user.move_to(widget, next(places))
        return user.panel.view.hovered == wanted

    user.until(found)


def point_of(user, trial):
    view = user.panel.view
    return spot(user, view._x[trial], view._y[trial])


def share(user, across, up):
    """Return a point at shares of the scatter's width and height."""
    (left, right), (low, high) = user.panel.view.scatter.vb.viewRange()
    return spot(user, left + across * (right - left), low + up * (high - low))


def drag_region(user, first=(0.3, 0.2), last=(0.7, 0.8)):
    user.drag(user.panel.view.graphics, share(user, *first), share(user, *last))


def number(user, name):
    return dict(user.panel.view.numbers(user.player.frame, user.player.shown_position))[name]


# The run.


def test_before_the_run_points_are_there_without_a_colour(search):
    view = search.panel.view
    assert len(view._x) == 12 and not view.grid.rows()
    assert view._standing.count(State.WAITING) == 12
    assert "Press Space" in view.grid._hint and "12" in view.grid._hint
    assert set(cells(search, "validation")) == {"–"}
    picture = grabbed(view.graphics)
    found = [QColor(picture.pixel(point_of(search, trial))) for trial in range(12)]
    assert all(colour.hsvSaturationF() < 0.3 and colour.lightnessF() < 0.9 for colour in found)


def test_a_run_colours_the_points_and_draws_the_best(search):
    view = search.panel.view
    frame = run(search)
    picture = grabbed(view.graphics)
    best = int(frame.ranking[0])
    middle = point_of(search, best)
    assert QColor(picture.pixel(middle)).name() == share_colour(float(frame.last[best])).name()
    assert view.grid.rows() == frame.ranking.tolist()
    assert ink(picture, "#0072B2") > 200 and ink(picture, "#D55E00") > 40
    assert number(search, "best validation") == f"{100 * frame.last[best]:.1f} %"
    assert number(search, "its learning rate") == setting_text(frame.settings[best, 0])
    assert (number(search, "training images"), number(search, "validation images")) == ("48", "12")
    assert number(search, "epoch") == "4 / 4"


def test_the_axes_are_the_searched_ranges_on_their_scales(search):
    (left, right), (low, high) = search.panel.view.scatter.vb.viewRange()
    assert left == pytest.approx(-3, abs=0.2) and left < -3 and right == pytest.approx(0, abs=0.2) and right > 0
    assert low == pytest.approx(-8.32) and high == pytest.approx(-3.68)
    assert searchable()["dropout"].scale is Scale.LINEAR
    begin(search, search=("lr", "dropout"))
    assert search.panel.view.scatter.vb.viewRange()[1] == pytest.approx([-0.04, 0.54])
    begin(search, search=("lr",))
    assert search.panel.view.scatter.getAxis("left").labelText == "validation accuracy"


def test_a_narrow_log_axis_is_labelled_without_exponents():
    assert narrow_ticks(-6.2, -3.9) is None
    assert [text for _, text in narrow_ticks(-5.8, -4.2)[0]] == ["2·10⁻⁶", "5·10⁻⁶", "10⁻⁵", "2·10⁻⁵", "5·10⁻⁵"]
    texts = [text for _, text in narrow_ticks(-2.05, -1.8)[0]]
    assert texts[0] == "0.01" and len(texts) >= 3 and not any("e" in text for text in texts)


def test_the_cursor_shows_an_earlier_moment(search):
    frame = run(search)
    search.press(KEY.Key_Left)
    standing = search.panel.view._standing
    at = search.player.shown_position
    columns = int(np.count_nonzero(frame.measured_at <= at))
    assert at == frame.total - 1 and columns == frame.validation_accuracy.shape[1] - 1
    assert np.array_equal(standing.validation, frame.validation_accuracy[:, columns - 1])
    by_accuracy = [standing.validation[row] for row in standing.ranking]
    assert by_accuracy == sorted(by_accuracy, reverse=True)
    search.press(KEY.Key_Right)
    search.until(lambda: search.panel.view._standing.ranking.tolist() == frame.ranking.tolist())


def test_a_trial_that_diverges_is_marked_and_last(user):
    begin(user, **{"search.lr": (1.0, 10.0), "hidden": (30,) * 5})
    frame = run(user)
    gone = [row for row, at in enumerate(frame.diverged) if at is not None]
    assert gone
    states = dict(zip(cells(user, "trial"), cells(user, "state"), strict=True))
    assert states[str(gone[0] + 1)] == f"diverged at iteration {frame.diverged[gone[0]]}"
    assert number(user, "diverged") == str(len(gone))
    assert set(frame.ranking[-len(gone) :].tolist()) == set(gone)
    assert ("diverged", f"diverged {len(gone)}") in user.panel.view._strip._marks


def test_stopping_early_says_what_it_saved(user):
    begin(user, halving=True, epochs=10)
    frame = run(user)
    plan = 12 * frame.total
    assert frame.spared > 0 and frame.made + frame.spared == plan
    assert number(user, "updates made") == f"{frame.made:,} / {plan:,}"
    assert number(user, "saved by stopping") == f"{frame.spared:,} ({100 * frame.spared / plan:.0f} %)"
    stopped = [at for at in frame.stopped if at is not None]
    assert number(user, "stopped early") == str(len(stopped)) == "11"
    assert f"stopped at epoch {stopped[0] // frame.per_epoch}" in cells(user, "state")


# The table.


def test_a_click_on_a_head_sorts_numbers_as_numbers(search):
    frame = run(search)
    assert cells(search, "rank") == [str(i) for i in range(1, 13)]
    click_head(search, "learning rate")
    found = cells(search, "learning rate", Qt.ItemDataRole.UserRole)
    assert found == sorted(frame.settings[:, 0].tolist())
    click_head(search, "learning rate")
    assert cells(search, "learning rate", Qt.ItemDataRole.UserRole) == found[::-1]
    click_head(search, "trial")
    assert cells(search, "trial") == [str(i) for i in range(1, 13)]


def test_sort_and_selection_outlive_a_run(search):
    click_head(search, "weight decay λ")
    order = cells(search, "trial")
    click_row(search, 2)
    run(search)
    assert cells(search, "trial") == order
    assert table(search).chosen_trial() == search.panel.view.selected == int(order[2]) - 1
    assert cells(search, "validation") != ["–"] * 12


def test_the_table_is_used_with_the_keyboard(search):
    run(search)
    click_row(search, 0)
    assert search.panel.view.selected == search.player.frame.ranking[0]
    search.press(KEY.Key_Down)
    assert search.panel.view.selected == search.player.frame.ranking[1]
    search.press(KEY.Key_End)
    assert search.panel.view.selected == search.player.frame.ranking[-1]
    search.press(KEY.Key_Home)
    assert search.panel.view.selected == search.player.frame.ranking[0]
    assert search.player.status.position == search.player.frame.total
    search.press(KEY.Key_Right)
    search.press(KEY.Key_S)
    found = cells(search, "learning rate", Qt.ItemDataRole.UserRole)
    assert found == sorted(found)
    search.press(KEY.Key_Escape)
    assert search.panel.view.selected is None and not table(search).selectionModel().hasSelection()


# Links.


def test_the_mouse_over_a_point_shows_its_trial_everywhere(search):
    frame = run(search)
    view, trial = search.panel.view, int(frame.ranking[0])
    before = grabbed(view.graphics)
    hover(search, view.graphics, point_of(search, trial), trial)
    assert view._pointer.index == trial and view.grid._marked[0] == trial
    row = table(search).trials.row_of(trial)
    ground = table(search).model().index(row, 0).data(Qt.ItemDataRole.BackgroundRole)
    assert ground is not None
    lines = [text for text, _ in view._read(trial)]
    assert lines[0] == f"trial {trial + 1}, rank 1"
    assert f"validation  {100 * frame.last[trial]:.1f} %" in lines
    assert grabbed(view.graphics) != before
    leave(search)
    assert table(search).model().index(row, 0).data(Qt.ItemDataRole.BackgroundRole) is None


def test_the_mouse_over_a_curve_or_a_row_shows_its_trial(search):
    frame = run(search)
    view = search.panel.view
    cell = view.graphics.mapFromScene(view.grid.cells().cell(1).center())
    hover(search, view.graphics, cell, frame.ranking[1])
    assert view._pointer.index == frame.ranking[1]
    found = table(search)
    hover(search, found.viewport(), found.visualRect(found.model().index(0, 1)).center(), frame.ranking[0])
    search.aside()
    search.until(lambda: view.hovered is None)


def leave(user):
    """Take the mouse off the trials, as a hand does: of moves that come too fast pyqtgraph passes over some."""
    places = cycle((QPoint(4, 4), QPoint(6, 4)))

    def left():
        user.move_to(user.panel.view.graphics, next(places))
        return user.panel.view.hovered is None

    user.until(left)


def test_a_click_selects_until_escape_or_a_click_on_nothing(search):
    frame = run(search)
    view, trial = search.panel.view, int(frame.ranking[3])
    search.click(view.graphics, point_of(search, trial))
    assert view.selected == table(search).chosen_trial() == trial
    search.press(KEY.Key_Escape)
    assert view.selected is None and table(search).chosen_trial() is None
    search.click(view.graphics, view.graphics.mapFromScene(view.grid.cells().cell(2).center()))
    assert view.selected == table(search).chosen_trial() == frame.ranking[2]
    search.click(view.graphics, empty_spot(search))
    assert view.selected is None


def empty_spot(user):
    view = user.panel.view
    shares = [(a / 20, b / 20) for a in range(1, 20) for b in range(1, 20)]
    places = [share(user, *found) for found in shares]
    points = [point_of(user, trial) for trial in range(len(view._x))]
    return max(places, key=lambda place: min((place - point).manhattanLength() for point in points))


# Regions.


def test_a_dragged_region_stays_is_replaced_and_cleared(search):
    run(search)
    view = search.panel.view
    assert not search.find("search-inside").isEnabled()
    drag_region(search)
    first = view.region
    assert first is not None and search.find("search-inside").isEnabled()
    (left, right), _ = view.scatter.vb.viewRange()
    assert (first[0] - left) / (right - left) == pytest.approx(0.3, abs=0.02)
    assert f"{view._inside()} trial" in search.find("region").text()
    drag_region(search, (0.8, 0.9), (0.5, 0.6))
    assert view.region is not None and view.region != first and view.region[0] < view.region[1]
    search.press(KEY.Key_Escape)
    assert view.region is None and not search.find("search-inside").isEnabled()


@pytest.mark.parametrize("way", ["button", "enter"])
def test_searching_inside_a_region_is_one_step(search, way):
    run(search)
    view, before = search.panel.view, search.panel.configuration
    points = view._x.copy()
    drag_region(search)
    ranges, region, steps = view.region_ranges(), view.region, search.window.undo.count()
    if way == "button":
        search.click("search-inside")
    else:
        search.press(KEY.Key_Return)
    after = search.panel.configuration
    assert (after["search.lr"], after["search.l2"], after["stage"]) == (ranges["lr"], ranges["l2"], 1)
    assert after["search.lr"][0] <= 10 ** region[0] and after["search.lr"][1] >= 10 ** region[1]
    search.until_phase(FINISHED)
    search.until(lambda: settled(search) and search.player.frame.iteration == search.player.frame.total)
    frame = search.player.frame
    assert (frame.lr >= ranges["lr"][0]).all() and (frame.lr <= ranges["lr"][1]).all()
    assert view.region is None and len(view._points._former[0]) == len(points)
    assert search.window.undo.count() == steps + 1
    assert any(name.startswith("before: random") for name, _ in view.numbers(frame, frame.position))
    search.window.undo.undo()
    assert search.panel.configuration.values == before.values


def test_enter_without_a_region_searches_nothing(search):
    run(search)
    before = search.panel.configuration
    search.click(search.panel.view.graphics, empty_spot(search))
    search.press(KEY.Key_Return)
    assert search.panel.configuration == before


def test_the_best_region_holds_the_best_ten(search):
    frame = run(search)
    search.click("best-region")
    ranges = search.panel.view.region_ranges()
    best = frame.settings[frame.ranking[:10]]
    for place, name in enumerate(frame.names):
        assert ranges[name][0] <= best[:, place].min() and best[:, place].max() <= ranges[name][1]


def test_one_name_alone_is_searched_on_alone(user):
    begin(user, search=("lr",))
    run(user)
    drag_region(user)
    ranges = user.panel.view.region_ranges()
    assert list(ranges) == ["lr"]
    user.click("search-inside")
    assert user.panel.configuration["search.lr"] == ranges["lr"] and user.panel.configuration["stage"] == 1


def test_ranges_are_rounded_outward_within_bounds():
    lr = searchable()["lr"]
    assert rounded_outward(0.001234, 0.00987, lr) == (0.0012, 0.0099)
    assert rounded_outward(0.01, 0.1, lr) == (0.01, 0.1)
    assert rounded_outward(1e-9, 99.0, lr) == (lr.low, lr.high)
    assert setting_text(0.0099) == "0.0099" and setting_text(1.3e-6) == "1.3·10⁻⁶" and setting_text(1e-8) == "10⁻⁸"


# Comparison.


def test_a_grid_is_compared_with_what_was_found_at_random(search):
    first = run(search)
    best = f"{100 * first.last[first.ranking[0]]:.1f} %"
    search.choose("method", "grid")
    search.until(lambda: settled(search) and len(search.player.frame.lanes) == 9)
    view = search.panel.view
    assert number(search, "before: random") == best
    assert len(view._points._former[0]) == 12 and "on a grid" in view._strip._title
    frame = run(search)
    assert len(set(frame.settings[:, 0].tolist())) == 3
    assert number(search, "now: grid") == f"{100 * frame.last[frame.ranking[0]]:.1f} %"
    assert view.grid._ghost is not None


def test_restart_keeps_the_search_and_remembers_nothing(search):
    run(search)
    settings = search.player.frame.settings.copy()
    search.panel.setFocus()
    search.press(KEY.Key_Home)
    search.until(lambda: search.player.frame.position == 0 and settled(search))
    assert np.array_equal(search.player.frame.settings, settings)
    assert search.panel.view.formers == []


# Files and looks.


def test_colours_rise_in_lightness():
    lightness = [level_colour(level_of(share)).lightnessF() for share in (0.0, 0.5, 1.0)]
    luminance = [0.2 * c.redF() + 0.7 * c.greenF() + 0.1 * c.blueF() for c in map(level_colour, range(LEVELS))]
    assert luminance == sorted(luminance) and lightness[0] < lightness[1]


def test_a_thousand_points_are_painted_once(qtbot, sample):
    """Hovering copies a picture; it does not paint a thousand points again."""
    from gui.views.search import SearchPanel

    configuration = PRESETS["random-search"].configuration({**SMALL, "trials": 1000, "hidden": (1,), "evaluate": 0})
    experiment = build(configuration, lambda: sample, 1)
    view = SearchPanel.view_class()
    qtbot.addWidget(view)
    view.resize(900, 900)
    view.show_configuration(configuration, PRESETS["random-search"])
    view.show_frame(experiment.snapshot(), 0)
    experiment.close()
    view.say("")
    view.show()
    grabbed(view)
    painted = []
    view._points.picture = lambda *_: painted.append(1)
    view._hover(3)
    grabbed(view)
    assert not painted and view._pointer.index == 3


@pytest.mark.parametrize("look", ["light", "dark"])
def test_the_figure_is_written_without_a_window(qtbot, sample, tmp_path, look):
    configuration = PRESETS["random-search"].configuration(SMALL)
    experiment = build(configuration, lambda: sample, 1)
    experiment.advance(experiment.total)
    frame = experiment.snapshot()
    experiment.close()
    try:
        written = write_pictures(frame, configuration, tmp_path, ["png", "svg"], look)
    finally:
        write_pictures(frame, configuration, tmp_path, [], "light")
    picture = QImage(str(written[0]))
    assert (picture.width(), picture.height()) == (2560, 1600)
    best = standing_at(frame, frame.total).best
    assert ink(picture, share_colour(float(frame.last[best])).name(), 3) > 100
    assert ink(picture, "#0072B2" if look == "light" else "#56B4E9") > 400
    text = written[1].read_text(encoding="utf-8")
    assert "validation accuracy" in text and f"1 · lr {setting_text(frame.settings[best, 0])}" in text


def test_what_the_optimizer_has_not_is_not_offered(search):
    chips = search.find("search").chips
    assert not chips["momentum"].isEnabled() and chips["lr"].isEnabled()
    assert "SGD has no such hyperparameter" in chips["momentum"].toolTip()
    search.choose("optimizer", "Momentum")
    search.until(lambda: chips["momentum"].isEnabled())
    assert not chips["beta1"].isEnabled()


def test_updates_are_counted_at_the_head_and_not_of_a_moment_before(search):
    frame = run(search)
    numbers = dict(search.panel.view.numbers(frame, frame.iteration))
    assert numbers["updates made"] == f"{frame.made:,} / {len(frame.lanes) * frame.total:,}"
    search.player.seek(frame.per_epoch)
    assert "updates made" not in dict(search.panel.view.numbers(frame, frame.per_epoch))
