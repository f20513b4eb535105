"""Animations of the panel Inside, with clicks: every page, other panels' networks, what happens meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage

from core.experiments import training
from core.experiments.looking import looks
from core.files import ExportError
from core.memory import NotEnoughMemory
from core.presets import PRESETS, build
from core.runner import Phase
from core.watching import Watch
from gui.reels import WHOLE
from tests.gui_helpers import export_reason, pixels
from tests.test_animation import read_back
from tests.test_animation_export import note, open_dialog, write

if TYPE_CHECKING:
    from core.insight import Insight

pytest_plugins = ["tests.window"]

KEY = Qt.Key
SMALL = {"hidden": (12, 9), "batch": 32, "lanes": ("sgd", "adam"), "iterations": 20}
ANEW = "every moment is computed anew: that takes about as long as training did"


def insight(user):
    return user.panel.view.page.insight


def trained(user, key="inside", **values):
    """Train small networks to the end in the panel Inside."""
    wanted = PRESETS[key].configuration({**SMALL, **values})
    user.open("inside")
    user.panel.start(wanted)
    user.until(lambda: user.player.status.configuration == wanted and user.player.status.phase is Phase.PAUSED)
    user.player.play()
    user.until(lambda: user.player.settled and user.player.status.phase is Phase.FINISHED, 20000)
    user.until(lambda: user.player.head == user.player.status.position)


def turn_to(user, page):
    user.panel.view.tabs.setFocus()
    user.panel.view.open_page(page)
    user.until(lambda: user.panel.view.page.key == page)


def still(user, moment, folder):
    """Return what a picture of a moment looks like, once it is on screen."""
    user.player.seek(moment)
    user.until(lambda: user.player.shown_position == moment and insight(user).iteration == moment)
    user.until(lambda: (insight(user).answers is None) == (user.panel.view.image() is None))
    dialog = open_dialog(user, "png")
    dialog.format.setCurrentText("png")
    dialog.width_field.setValue(480)
    dialog.height_field.setValue(320)
    dialog.dpi.setValue(96)
    user.click(dialog.write)
    return pixels(QImage(str(folder / "inside.png"))).astype(int)


def all_moments(dialog):
    """Ask for every moment, as short as can be."""
    dialog.animation.rate.setValue(50)
    dialog.animation.seconds.setValue(1.0)


@pytest.mark.parametrize("page", ["draw", "weights", "mistakes"])
def test_every_moment_looks_as_it_does_on_screen(user, export_folder, page):
    trained(user)
    turn_to(user, page)
    if page == "weights":
        user.click("by-norm")  # the order of the units stays as it is on screen
    dialog = open_dialog(user, width=480, height=320)
    assert note(dialog).endswith(ANEW)
    all_moments(dialog)
    write(user, dialog)
    frames, *_ = read_back(export_folder / "inside.gif")
    assert len(frames) == 21
    for moment in (20, 13, 0):
        picture = still(user, moment, export_folder)
        difference = np.abs(picture - frames[moment])
        assert difference.mean() < 2.0, moment
        assert (difference.max(axis=2) > 90).mean() < 0.002, moment
    assert np.abs(frames[20].astype(int) - frames[0]).max() > 60


def test_gradient_flow_grows_from_its_record(user, export_folder):
    trained(user)
    turn_to(user, "flow")
    dialog = open_dialog(user)
    assert ANEW not in note(dialog)
    write(user, dialog)
    frames, *_ = read_back(export_folder / "inside.gif")
    assert len(frames) == 3, "before the first update, and after the two that are measured"
    assert (frames[0] != frames[1]).any() and (frames[1] != frames[2]).any()


def test_another_panels_network_while_its_run_goes_on(user, export_folder):
    user.small_race(iterations=100_000, evaluate=0)
    user.player.step()
    user.until(lambda: user.player.head == 1)
    user.open("inside")
    user.until(lambda: insight(user) is not None and insight(user).iteration == 1)
    race = user.window.panels["training"]
    race.player.play()
    user.until(lambda: user.player.head > 20)
    turn_to(user, "weights")
    dialog = open_dialog(user)
    dialog.animation.last.setValue(12)
    before = race.player.status.position
    write(user, dialog)
    assert race.player.status.position > before and race.player.status.phase is Phase.RUNNING
    (path,) = export_folder.iterdir()
    assert len(read_back(path)[0]) == 13
    race.player.stop()


def test_a_network_that_diverged_is_shown_until_then(user, export_folder):
    trained(user, **{"sgd.lr": 10.0, "l2": 10.0, "iterations": 60})
    frame = user.player.frame
    lost = frame.diverged[0]
    assert lost is not None and lost < 60
    turn_to(user, "weights")
    assert user.panel.reel().moments == range(lost)
    turn_to(user, "flow")
    assert user.panel.reel().moments == range(61)
    turn_to(user, "mistakes")
    dialog = open_dialog(user)
    dialog.animation.first.setValue(lost - 3)
    write(user, dialog)
    assert len(read_back(export_folder / "inside.gif")[0]) == 3


def test_nothing_is_offered_of_untrained_networks(user, export_folder):
    user.open("inside")
    user.until(lambda: insight(user) is not None)
    dialog = open_dialog(user)
    texts = [dialog.format.itemText(i) for i in range(dialog.format.count())]
    assert "gif animation: nothing has moved yet: press Space first" in texts


def test_a_search_has_no_gradient_flow_to_animate(user, export_folder):
    small = {"hidden": (8,), "trials": 5, "images": 100, "epochs": 5}
    user.window.settings.save_configuration("search", PRESETS["random-search"].configuration(small))
    user.open("inside")
    user.panel.show_run("search")
    user.panel.setFocus()
    user.press(KEY.Key_Right)
    user.until(lambda: insight(user) is not None and insight(user).iteration == 1)
    turn_to(user, "flow")
    dialog = open_dialog(user)
    texts = [dialog.format.itemText(i) for i in range(dialog.format.count())]
    assert "gif animation: gradient flow is not recorded for the trials of a search" in texts
    dialog.reject()
    turn_to(user, "weights")
    write(user, open_dialog(user))
    (path,) = export_folder.iterdir()
    assert len(read_back(path)[0]) == 2


# What happens meanwhile.


def begun(user, folder):
    """Begin an export that takes a while, and wait until its first pictures are drawn."""
    turn_to(user, "mistakes")
    dialog = open_dialog(user, width=640, height=400)
    dialog.animation.seconds.setValue(60.0)
    user.click(dialog.write)
    user.until(lambda: dialog.progress.isVisible() and any(folder.iterdir()))
    user.until(lambda: dialog.progress.text() not in ("", "Drawing … 0 %"))
    return dialog


@pytest.fixture
def long_run(user):
    trained(user, iterations=400, hidden=(100, 100), batch=100)
    return user


def test_cancel_leaves_nothing_and_the_next_export_works(long_run, export_folder):
    user = long_run
    dialog = begun(user, export_folder)
    user.click(dialog.cancel)
    assert not dialog.busy and user.window.banner.text() == "Cancelled; no file was written."
    user.until(lambda: list(export_folder.iterdir()) == [])
    dialog.animation.seconds.setValue(0.5)
    dialog.animation.last.setValue(5)
    write(user, dialog)
    assert len(read_back(export_folder / "inside.gif")[0]) == 6


def test_the_panel_goes_on_as_it_was_and_can_be_used(long_run, export_folder):
    user = long_run
    user.player.seek(300)
    user.until(lambda: insight(user).iteration == 300)
    dialog = begun(user, export_folder)
    assert (user.player.shown_position, insight(user).iteration) == (300, 300)
    user.click("back")
    user.until(lambda: insight(user).iteration == 299)
    user.panel.restart()
    user.until(lambda: user.player.status.position == 0 and user.player.settled)
    assert dialog.busy, "the file is of the run before"
    user.click(dialog.cancel)
    user.until(lambda: list(export_folder.iterdir()) == [])


def test_closing_the_window_ends_it(long_run, export_folder):
    begun(long_run, export_folder)
    long_run.window.close()
    assert list(export_folder.iterdir()) == []


def test_memory_that_is_not_there_is_one_line(user, export_folder, monkeypatch):
    trained(user)
    dialog = open_dialog(user)

    def refuse(_needed, what):
        raise NotEnoughMemory(f"{what} needs 9 GB of memory, 1 GB are free; allowed: fewer lanes")

    monkeypatch.setattr(training, "require", refuse)
    user.click(dialog.write)
    user.until(lambda: export_reason(dialog) != "")
    assert "needs 9 GB of memory" in export_reason(dialog) and not dialog.busy
    user.until(lambda: list(export_folder.iterdir()) == [])


def test_a_run_that_was_replaced_is_one_line(user):
    trained(user)
    reel = user.panel.reel()
    user.panel.restart()
    user.until(lambda: user.player.status.position == 0 and user.player.settled)
    with pytest.raises(ExportError, match="the run was replaced while its animation was being made; export again"):
        next(reel.compute((0, 3), lambda: False))


# The moments, without a window.


def test_moments_of_a_saved_run_are_those_of_the_run(open_run, few_digits):
    digits = few_digits(200, 130)
    configuration = PRESETS["inside"].configuration({**SMALL, "iterations": 40, "batchnorm": True})
    run, wanted = open_run(configuration, digits), Watch(insight="adam", image=digits.test_images[0].tobytes())
    run.watch(wanted)
    run.advance(40)
    kept = run.save(whole=True)

    def same(one: Insight, other: Insight) -> bool:
        pairs = [*zip(one.weights, other.weights, strict=True)]
        pairs += [(one.results.confusion, other.results.confusion)]
        pairs += [(one.answers.probabilities, other.answers.probabilities)]
        return all(np.array_equal(a, b, equal_nan=True) for a, b in pairs)

    moments = (30, 3, 40, 0)
    found = [*looks(lambda c: build(c, lambda: digits, 1), kept, wanted, moments, lambda: False)]
    assert [sight.insight.iteration for sight in found] == [*moments]
    for at, sight in zip(moments, found, strict=True):
        assert same(sight.insight, run.look(at, lambda: False).insight)
    assert [*looks(lambda c: build(c, lambda: digits, 1), kept, wanted, (20, 30), lambda: True)] == []


def test_the_page_is_what_an_export_of_the_whole_panel_shows(user):
    user.open("inside")
    assert user.panel.view.plots == {} and open_dialog(user, "png").what.itemText(0) == WHOLE
