"""Lanes' colours on light and dark pages: every one is seen well there, and told from all others."""

from __future__ import annotations

import colorsys
from itertools import combinations
from typing import TYPE_CHECKING

import pytest

from core.lanes import lanes_of
from core.optimizers import OPTIMIZERS
from core.presets import PRESETS
from gui import theme
from gui.legend import lane_icon
from gui.plots import blend
from gui.tints import LEAST, contrast, distance, on_page
from gui.views.base import plot_colours
from tests.gui_helpers import grabbed, ink, plain_text

if TYPE_CHECKING:
    from core.figures import Preset

pytest_plugins = ["tests.window"]

LOOKS = theme.THEMES.values()
WITH_LANES = [preset for preset in PRESETS.values() if "lanes" in preset.configuration().values]
TEXT = 4.5  # WCAG 2.2, success criterion 1.4.3
APART = 0.08  # in OKLab; 0.02 is just noticed


def test_contrast_and_distance_are_those_of_their_sources() -> None:
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21.0)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.005)  # WCAG's own example of a near miss
    assert contrast("#0072B2", "#FFFFFF") == contrast("#FFFFFF", "#0072B2") == pytest.approx(5.19, abs=0.005)
    assert distance("#000000", "#FFFFFF") == pytest.approx(1.0, abs=1e-4)
    assert distance("#FF0000", "#FF0000") == 0.0
    assert distance("#FF0000", "#00FF00") == pytest.approx(0.5197, abs=1e-3)


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.name)
@pytest.mark.parametrize("preset", WITH_LANES, ids=lambda preset: preset.name)
def test_lines_of_every_lane_are_seen_on_every_ground(look: theme.Theme, preset: Preset) -> None:
    values = preset.configuration().values
    for lane in lanes_of(values, preset.axis):
        drawn = on_page(lane.colour, look.dark)
        for ground in (look.plot_background, look.window, look.surface):
            assert contrast(drawn, ground) >= LEAST - 0.01, (lane.name, drawn, ground)


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.name)
def test_lines_of_every_optimizer_are_seen_and_told_apart(look: theme.Theme) -> None:
    drawn = {key: on_page(rule.colour, look.dark) for key, rule in OPTIMIZERS.items()}
    for key, colour in drawn.items():
        grounds = look.plot_background, look.window, look.surface
        assert min(contrast(colour, ground) for ground in grounds) >= (4.3 if look.dark else LEAST - 0.01), key
        words = blend(colour, look.text, 0.75).name()  # as scores beside a title are written
        assert contrast(words, look.plot_background) >= TEXT, key
    for one, other in combinations(drawn, 2):
        same_marker = OPTIMIZERS[one].marker == OPTIMIZERS[other].marker
        assert distance(drawn[one], drawn[other]) >= APART and not same_marker, (one, other)


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.name)
def test_words_are_read_on_every_ground(look: theme.Theme) -> None:
    for ground in (look.plot_background, look.window, look.surface):
        assert min(contrast(colour, ground) for colour in (look.text, look.muted)) >= TEXT


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("key", OPTIMIZERS)
def test_a_lane_keeps_its_hue(key: str, dark: bool) -> None:
    colour = OPTIMIZERS[key].colour
    hues = [
        colorsys.rgb_to_hls(*(int(one[i : i + 2], 16) / 255 for i in (1, 3, 5)))[0]
        for one in (colour, on_page(colour, dark))
    ]
    assert min(abs(hues[0] - hues[1]), 1 - abs(hues[0] - hues[1])) < 0.035
    assert dark or contrast(colour, theme.LIGHT.window) < LEAST or on_page(colour, dark) == colour


def test_the_window_draws_lanes_in_the_colours_of_its_look(user) -> None:
    user.panel.start(PRESETS["optimizer-paths"].configuration({"lanes": ("sgd", "adam")}))
    user.until(lambda: user.player.settled and len(user.player.frame.lanes) == 2)
    user.until(lambda: user.find("equation-lane").count() == 2)
    raw = OPTIMIZERS["sgd"].colour
    for look in (theme.DARK, theme.LIGHT):
        user.window.set_theme(look.name)
        user.until(lambda look=look: user.panel.view.colours == plot_colours(look))
        drawn = on_page(raw, look.dark)
        other = on_page(raw, not look.dark)
        row = user.panel.lanes.row("sgd")
        for part in (user.panel.view, row, user.find("equation-lane")):
            picture = grabbed(part)
            assert ink(picture, drawn, 6) > 10 and ink(picture, other, 6) < ink(picture, drawn, 6) / 4, part
        notes = user.panel.notes._formulas
        assert f"color:{drawn}" in notes.text() and "SGD" in plain_text(notes)


def test_a_file_has_the_colours_of_its_own_page(user, tmp_path) -> None:
    from gui.panel_export import WHOLE, Request, export_panel

    user.panel.start(PRESETS["optimizer-paths"].configuration({"lanes": ("sgd", "lion")}))
    user.until(lambda: user.player.settled and len(user.player.frame.lanes) == 2)
    for look in LOOKS:
        asked = Request(WHOLE, "svg", tmp_path, look.name, (600, 500), 1.0, plot_colours(look))
        (path,) = export_panel(user.panel, asked)
        content = path.read_text(encoding="utf-8").upper()
        for key in ("sgd", "lion"):
            assert on_page(OPTIMIZERS[key].colour, look.dark) in content
        assert (OPTIMIZERS["lion"].colour in content) is not look.dark


def test_an_icon_is_drawn_for_the_look_in_force(qapp) -> None:
    assert theme.current() is theme.LIGHT
    picture = lane_icon(OPTIMIZERS["rmsprop"].colour, "*", 18).pixmap(18, 18).toImage()
    assert ink(picture, on_page(OPTIMIZERS["rmsprop"].colour, False), 6) > 10
