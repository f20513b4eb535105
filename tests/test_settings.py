"""What is remembered comes back; what cannot be used is forgotten; `--fresh` starts anew."""

from __future__ import annotations

import json

import pytest
from PySide6.QtCore import QByteArray, QSettings, Qt
from PySide6.QtGui import QAction

from core.presets import PRESETS
from gui import theme
from gui.settings import Settings

pytest_plugins = ["tests.window"]

KEY = Qt.Key


def close(user):
    user.window.close()
    user.until(lambda: not user.window.isVisible())


def again(store):
    """The same settings as a new process reads them: from the file."""
    store.sync()
    return QSettings(store.fileName(), QSettings.Format.IniFormat)


def test_panel_configuration_theme_and_notes_come_back(user, opened, store):
    user.enter("sgd.lr", "0.5")
    user.enter("iterations", "40")
    user.open("activations")
    user.enter("hidden", "7,9")
    user.press(KEY.Key_F1)
    user.window.findChild(QAction, "theme-dark").trigger()
    user.window.resize(user.window.width(), 650)
    close(user)
    found = again(store)
    assert found.value("theme") == "dark"
    user = opened()
    assert user.panel.entry.key == "activations"
    assert user.panel.configuration["hidden"] == (7, 9)
    assert not user.find("notes").isVisible()
    assert user.window.height() == 650
    user.open("paths")
    assert (user.panel.configuration["sgd.lr"], user.panel.configuration["iterations"]) == (0.5, 40)


def test_the_preset_comes_back_with_its_values(user, opened):
    user.small_race("init-mnist", seed=4)
    close(user)
    user = opened()
    assert user.panel.preset.name == "init-mnist"
    assert (user.panel.configuration["seed"], user.panel.configuration["lanes"]) == (4, ("xavier", "he"))


def test_a_preset_asked_for_wins(user, opened):
    user.small_race()
    close(user)
    user = opened(preset="paths-beale")
    assert (user.panel.entry.key, user.panel.preset.name) == ("paths", "paths-beale")


def test_fresh_forgets(user, opened, store):
    user.enter("sgd.lr", "0.5")
    user.open("training")
    close(user)
    user = opened(fresh=True)
    assert user.panel.entry.key == "paths"
    assert user.panel.configuration == PRESETS["optimizer-paths"].configuration()
    user.enter("sgd.lr", "0.7")
    close(user)
    kept = json.loads(again(store).value("panels/paths"))
    assert kept["values"]["sgd.lr"] == 0.7


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '"text"',
        '{"preset": "optimizer-paths"}',
        '{"preset": "none", "values": {}}',
        '{"preset": "optimizer-mnist", "values": {}}',
        '{"preset": "optimizer-paths", "values": []}',
        '{"preset": "optimizer-paths", "values": {"sgd.lr": -1}}',
        '{"preset": "optimizer-paths", "values": {"lanes": []}}',
        '{"preset": "optimizer-paths", "values": {"start": [1e99, NaN]}}',
        '{"preset": ["optimizer-paths"], "values": {}}',
        '{"preset": "optimizer-paths", "values": ' + "[" * 100_000,
    ],
)
def test_a_configuration_that_cannot_be_used_is_forgotten(store, text):
    store.setValue("panels/paths", text)
    assert Settings(store=store).configuration("paths") is None


def test_keys_of_other_versions_are_left_out(store):
    values = {"sgd.lr": 0.3, "of.another": 1}
    store.setValue("panels/paths", json.dumps({"preset": "optimizer-paths", "values": values}))
    found = Settings(store=store).configuration("paths")
    assert found == PRESETS["optimizer-paths"].configuration({"sgd.lr": 0.3})


def test_a_configuration_survives_the_file(store):
    for preset in PRESETS.values():
        Settings(store=store).save_configuration(preset.panel, preset.configuration())
        assert Settings(store=again(store)).configuration(preset.panel) == preset.configuration()


def test_the_window_opens_with_broken_settings(store, opened):
    for key in ("panel", "theme", "notes", "geometry", "panels/paths", "export/width", "export/format"):
        store.setValue(key, "\x00 broken {")
    user = opened()
    user.until(lambda: user.panel.shown_frame() is not None)
    assert user.panel.configuration == PRESETS["optimizer-paths"].configuration()
    user.control(KEY.Key_E)
    assert user.window._export.width_field.value() == 1280
    assert user.window._export.format.currentText() == "png"


@pytest.mark.parametrize("text", ["nan", "1e400", "-3", "²", "9" * 30, "9" * 5000, "1e9", ""])
def test_the_export_window_opens_with_broken_numbers(store, opened, text):
    sizes = ("width", "height", "dpi")
    names = [*sizes, *(f"animation/{name}" for name in (*sizes, "seconds", "rate", "hold"))]
    for name in names:
        store.setValue(f"export/{name}", text)
    store.setValue("export/format", "gif")
    user = opened()
    user.until(lambda: user.panel.shown_frame() is not None)
    user.control(KEY.Key_E)
    dialog = user.window._export
    fields = dialog.animation
    assert dialog.format.currentData() == "gif"
    assert [box.value() for box in (dialog.width_field, dialog.height_field, dialog.dpi)] == [960, 600, 96]
    assert [box.value() for box in (fields.seconds, fields.rate, fields.hold)] == [6.0, 25, 1.5]


def test_values_of_wrong_types_are_defaults(store):
    store.setValue("panel", ["training"])
    store.setValue("geometry", "training")
    found = Settings(store=store)
    assert found.text("panel", "paths") == "paths"
    assert found.data("geometry") is None
    store.setValue("geometry", QByteArray(b"\x01"))
    assert found.data("geometry") == QByteArray(b"\x01")


def test_an_unknown_theme_is_not_taken(store):
    store.setValue("theme", "pink")
    assert theme.THEMES.get(Settings(store=store).text("theme")) is None
