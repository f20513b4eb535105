"""A function of one's own: typed, the built-in ones are the same; minima are where they are; hostile texts stay out."""

from __future__ import annotations

import json
import math
import threading

import numpy as np
import pytest

import main as command_line
from core.experiments.paths import Paths
from core.expressions import parse
from core.linked import linked
from core.own_surface import EXAMPLES, OWN, formula, own_surface, printed_gradient, surface_of
from core.parameters import FormulaError, ParameterError
from core.presets import PRESETS, preset
from core.runner import Phase, Runner
from core.session import PanelState, Session, SessionError, read_session, write_session
from core.surfaces import SURFACES
from tests.session_files import entries, put

# The built-in surfaces as somebody would type them.
TYPED = {
    "quadratic": "x^2/20 + y^2",
    "rosenbrock": "(1 - x)² + 100 (y − x²)²",
    "beale": "(1.5 − x + x y)² + (2.25 − x + x y²)² + (2.625 − x + x y³)²",
    "himmelblau": "(x² + y − 11)² + (x + y² − 7)²",
    "booth": "(x + 2y − 7)^2 + (2x + y − 5)^2",
    "saddle": "x**2 - y**2",
    "rastrigin": "20 + x² − 10 cos(2πx) + y² − 10 cos(2πy)",
    "styblinski-tang": "(x^4 − 16x^2 + 5x + y^4 − 16y^2 + 5y) / 2",
    "six-hump-camel": "(4 − 2.1x² + x⁴/3) x² + x*y + (4y² − 4) y²",
    "ackley": "20 + e − 20exp(−0.2√((x² + y²)/2)) − exp((cos(2πx) + cos(2πy))/2)",
}
SLOW = "^".join(["(x+y)"] * 30)
HOSTILE = {
    "": "missing",
    "x^^2": "character 3: '^' cannot stand here",
    "__import__('os').system('true')": "character 12: ",
    "().__class__": "something is missing before this )",
    "exec(x)": "'exec' is unknown",
    "x if x else y": "unknown",
    "9^9^9^9": "too large a power",
    "x^99999": "too large a power",
    "(" * 150 + "x" + ")" * 149: "nested too deeply",
    "x" + "+x" * 400: "too long",
    "x" * 100_000: "too long",
    " " * 3_000_000: "too long",
    "f" + " " * 550: "unknown",
    "0,5x": "decimals take a point",
    "x\n\0y": "U+0000",
    "\ud800": "not understood",
}


def grid(surface):
    x_low, x_high, y_low, y_high = surface.view
    return np.linspace(x_low, x_high, 41)[None, :], np.linspace(y_low, y_high, 37)[:, None]


def typed(text, view):
    return own_surface(text, view[:2], view[2:])


def paths(**values):
    return preset("optimizer-paths").configuration(values)


def finished(configuration):
    run = Paths(configuration)
    run.advance(run.total)
    return run.snapshot()


# What it computes.


@pytest.mark.parametrize("key", SURFACES)
def test_a_surface_that_is_typed_is_the_built_in_one(key):
    known = SURFACES[key]
    found = typed(TYPED[key], known.view)
    x, y = grid(known)
    x, y = x + 0.003, y - 0.002  # off the tip of Ackley's cone, where there is no gradient
    size = np.abs(known.value(x, y)).max()
    np.testing.assert_allclose(found.value(x, y), known.value(x, y), rtol=1e-12, atol=1e-14 * size)
    for mine, theirs in zip(found.gradient(x, y), known.gradient(x, y), strict=True):
        assert mine.shape == (37, 41)
        np.testing.assert_allclose(mine, np.broadcast_to(theirs, (37, 41)), rtol=1e-9, atol=1e-12 * size)
    assert isinstance(found.value(0.5, 0.25), float)


@pytest.mark.parametrize("key", SURFACES)
def test_minima_and_floor_of_a_typed_surface_are_the_known_ones(key):
    known = SURFACES[key]
    found = typed(TYPED[key], known.view)
    assert np.array(found.minima) == pytest.approx(np.array(sorted(known.minima)), abs=1e-8)
    assert found.floor == pytest.approx(known.floor, abs=1e-12)


@pytest.mark.parametrize(
    ("text", "minima", "floor"),
    [
        ("sin(x) sin(y)", 8, -1.0),
        ("|x - 1| + |y|/3", 1, 0.0),
        ("sqrt(x^2 + y^2)", 1, 0.0),
        ("x^4 + y^4", 1, 0.0),
        ("1e300 x^2 + 1e300 y^2", 1, 0.0),
        ("1e-300 (x^2 + y^2)", 1, 0.0),
        ("exp(x^2 + y^2)", 1, 1.0),
        ("(x - y)^2", 0, 0.0),  # a line of lowest points
        ("|x - 2.3y|", 0, 0.0),
        ("(y - sin(x))^2", 0, 0.0),
        ("max(x, 0)", 0, 0.0),
        ("sin(30x) sin(30y)", 0, -1.0),  # a crowd
        ("x", 0, -math.inf),  # lower at the border
        ("x^3 - 3x + y^2", 0, -math.inf),
        ("1/x", 0, -math.inf),  # poles
        ("-1/(x^2 + y^2)", 0, -math.inf),
        ("-1/(x^2 + y^2)^20", 0, -math.inf),
        ("ln(x^2 + y^2)", 0, -math.inf),
        ("3", 0, -math.inf),
        ("ln(-1 - x^2)", 0, -math.inf),  # finite nowhere
        ("sqrt(x) + y^2", 0, -math.inf),  # lowest where it ends
    ],
)
def test_minima_are_told_only_where_they_are(text, minima, floor):
    found = own_surface(text, (-6.0, 7.0), (-6.0, 6.0))
    assert len(found.minima) == minima
    assert found.floor == pytest.approx(floor, abs=1e-9)
    for x, y in found.minima:
        assert found.value(x, y) <= found.floor + 1e-9
        assert found.value(x, y) <= np.nanmin(found.value(*grid(found))) + 1e-9


def test_paths_on_a_typed_valley_are_those_on_the_built_in_one():
    domain = {"domain.x": (-10.0, 10.0), "domain.y": (-10.0, 10.0), "start": (-7.0, 2.0)}
    mine = finished(paths(surface=OWN, function=TYPED["quadratic"], **domain))
    known = finished(paths())
    np.testing.assert_allclose(mine.points, known.points, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(mine.excess, known.excess, rtol=1e-10, atol=1e-12)
    assert mine.surface.view == known.surface.view and mine.surface.formula == known.surface.formula


def test_a_constant_has_a_loss_at_every_step():
    frame = finished(paths(surface=OWN, function="3"))
    assert frame.loss.shape == (6, 30) and (frame.loss == 3.0).all() and frame.diverged == (None,) * 6


def test_a_path_that_leaves_for_lower_ground_takes_the_floor_away():
    values = {"surface": OWN, "function": "x^3/10 - x + y^2", "domain.x": (-2.0, 3.0), "start": (2.0, 1.0)}
    stays = finished(paths(**values, lanes=("adam",)))
    assert stays.surface.floor == pytest.approx(-2 / 3 * math.sqrt(10 / 3))
    leaves = finished(paths(**{**values, "start": (-1.99, 1.0)}, lanes=("sgd",)))
    assert leaves.surface.floor == -math.inf
    np.testing.assert_array_equal(leaves.excess, leaves.loss)


def test_large_grids_are_what_small_ones_are():
    found = own_surface("sin(x) + y^2/3 + x y", (-3.0, 3.0), (-2.0, 2.0))
    x, y = np.linspace(-3, 3, 300), np.linspace(-2, 2, 200)
    whole = found.value(x[None, :], y[:, None])
    assert whole.shape == (200, 300)
    for row in (0, 77, 199):
        np.testing.assert_array_equal(whole[row], found.value(x, np.full(300, y[row])))


def test_what_is_being_computed_is_given_up_for_what_is_wanted_now():
    """Ten thousand steps of the slowest text; what comes after it does not wait for them."""
    first = threading.Event()
    built = []

    def build(configuration):
        built.append(Paths(configuration))
        first.set()
        return built[-1]

    runner = Runner(build)
    try:
        runner.load(paths(surface=OWN, function=SLOW, iterations=10_000))
        assert first.wait(30)
        runner.load(paths(iterations=5))
        assert runner.wait(lambda status: status.phase is Phase.FINISHED, 30)
        assert built[0].position < 10_000 and built[1].position == 5
    finally:
        assert runner.close()


@pytest.mark.parametrize(
    ("text", "slopes"),
    [
        ("x^2/20 + y^2", ("2·x/20", "2·y")),
        ("sin(3x) exp(-y)", ("3·cos(3·x)·exp(−y)", "sin(3·x)·−exp(−y)")),
        ("max(x, y)", None),
        ("^".join(["(x+y)"] * 9), None),
    ],
)
def test_a_gradient_that_is_short_is_printed(text, slopes):
    found = printed_gradient(text)
    assert found == slopes
    for name, slope in zip("xy", found or (), strict=False):
        at = {"x": 0.7, "y": -0.4}
        exact = parse(text, "xy").derivative(name).evaluate(at)
        assert float(parse(slope, "xy").evaluate(at)) == pytest.approx(float(exact), rel=1e-14)


# How it is declared.


def test_it_is_one_of_the_surfaces_and_its_parameters_are_used_with_it_alone():
    own = paths(surface=OWN)
    assert {p.key for p in own.parameters if own.uses(p)} > {"function", "domain.x", "domain.y"}
    assert not {"function", "domain.x"} & set(paths().to_dict()["parameters"])
    assert own.to_dict()["parameters"]["function"] == own["function"]
    with pytest.raises(ParameterError, match="not a parameter that optimizer-paths uses"):
        preset("optimizer-paths").read({"function": "x"})


@pytest.mark.parametrize("text", ["f(x, y) = x^2 + y", " f(x,y)=x^2 + y ", "f = x^2 + y", "z = x^2 + y", "x^2\n+ y"])
def test_what_stands_before_the_formula_is_left_out(text):
    assert paths(function=text)["function"].replace(" ", "") == "x^2+y"


def test_a_place_is_counted_in_the_text_as_it_was_given():
    text = "f(x, y) = x + * y"
    with pytest.raises(FormulaError) as caught:
        paths(function=text)
    assert caught.value.position == text.index("*")
    text = "(x+y)+" * 31 + "(x+y%y)"
    with pytest.raises(FormulaError, match=rf"^function: '….*x\+y%y\)' .* at character {text.index('%') + 1}: '%'"):
        paths(function=text)


@pytest.mark.parametrize("text", ["x = 2", "x^2 + y^2 = 4", "f(y, x) = x"])
def test_an_equation_is_no_function(text):
    with pytest.raises(FormulaError):
        paths(function=text)


@pytest.mark.parametrize("ends", [(1, 1), (2, -2), (0, 1e-9), (-1001, 0), (0, math.inf), (0, math.nan), (1,), "0,1"])
def test_a_domain_that_is_none_is_refused(ends):
    with pytest.raises(ParameterError, match=r"^domain\.x: .* allowed: two numbers low,high, .* from -1000 to 1000$"):
        paths(**{"domain.x": ends})


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_an_example_comes_with_its_domain_and_start(example):
    values = {"surface": OWN, "function": "x^2 + y^2", "domain.x": (0.0, 1.0)}
    after = paths(**values).replace(
        linked(paths(**values).values, {"function": example.text}, preset("paths-own").axis)
    )
    assert (after["domain.x"], after["domain.y"], after["start"]) == (example.x, example.y, example.start)
    frame = finished(after)
    assert np.isfinite(frame.surface.floor) and frame.surface.minima
    assert formula(example.text) == example.text and not frame.outside[:, 0].any()


@pytest.mark.parametrize(
    ("changes", "start"),
    [
        ({"function": "x + y"}, (3.6, 2.4)),  # it stays where it is
        ({"domain.x": (0.0, 10.0)}, (3.6, 2.4)),
        ({"domain.x": (10.0, 20.0)}, (11.5, 0.6)),  # it comes along
        ({"function": "ln(-x)"}, (-2.8, 0.6)),  # where the function is finite
        ({"function": "x", "start": (900.0, 900.0)}, (900.0, 900.0)),  # as it was asked for
        ({"surface": "booth"}, SURFACES["booth"].start),
    ],
)
def test_the_start_stays_in_the_domain(changes, start):
    before = preset("paths-own").configuration()
    assert before.replace(linked(before.values, changes, preset("paths-own").axis))["start"] == pytest.approx(start)


def test_the_preset_shows_two_valleys_and_who_gets_across():
    frame = finished(preset("paths-own").configuration())
    ends = {lane.name: point[0] for lane, point in zip(frame.lanes, frame.points[:, -1], strict=True)}
    assert ends["sgd"] > 1.5 and ends["adam"] > 1.5
    assert ends["momentum"] < -1.5 and ends["nesterov"] < -1.5
    assert not any(frame.diverged)


# Every door.


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:20]))
def test_a_hostile_text_is_refused_in_one_line(text):
    with pytest.raises(FormulaError) as caught:
        paths(function=text)
    message = str(caught.value)
    assert message.startswith("function: ") and HOSTILE[text] in message and "allowed" in message
    assert message.isprintable() and len(message) < 400


@pytest.mark.parametrize("value", [None, 3, ["x"], {"x": 1}, True])
def test_what_is_no_text_is_no_formula(value):
    with pytest.raises(ParameterError, match=r"^function: .* is not allowed; allowed: a formula of x and y"):
        paths(function=value)


@pytest.mark.parametrize("text", [text for text in HOSTILE if text and "\0" not in text and text.isascii()][:8])
def test_a_hostile_text_on_the_command_line_is_one_line_and_status_2(capsys, tmp_path, text):
    arguments = ["export", "paths-own", "--set", f"function={text}", "--out", str(tmp_path / "out")]
    assert command_line.main(arguments) == 2
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert out == "" and len(lines) == 1 and lines[0].startswith("trainscope: function: ") and HOSTILE[text] in lines[0]
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


def test_the_command_line_takes_text_and_domain(capsys, tmp_path):
    sets = ["surface=own", "function=x^2/20+y^2", "domain.x=-10,10", "domain.y=-10,10"]
    arguments = [part for pair in sets for part in ("--set", pair)]
    status = command_line.main(
        ["export", "optimizer-paths", *arguments, "--format", "csv,json", "--out", str(tmp_path)]
    )
    assert (status, capsys.readouterr().err) == (0, "")
    written = json.loads((tmp_path / "optimizer-paths.json").read_text(encoding="utf-8"))["configuration"]["parameters"]
    assert (written["surface"], written["function"]) == (OWN, "x^2/20+y^2")
    assert (written["domain.x"], written["domain.y"], written["start"]) == ([-10, 10], [-10, 10], [-7, 2])
    rows = np.loadtxt(tmp_path / "optimizer-paths.csv", delimiter=",", skiprows=1, usecols=(2, 3, 4))
    known = finished(paths())
    np.testing.assert_allclose(rows[:, :2], known.points.reshape(-1, 2), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(rows[:, 2], known.loss.ravel(), rtol=1e-10, atol=1e-12)


def session(path, **values):
    state = PanelState(preset("paths-own").configuration(values), None, {})
    write_session(Session({"paths": state}, {}, None), path)


def test_a_session_keeps_text_and_domain(tmp_path):
    path = tmp_path / "own.trainscope"
    session(path, function="f(x, y) = x² · y", **{"domain.y": (-0.5, 2.0)})
    found = read_session(path).panels["paths"].configuration
    assert (found["function"], found["domain.y"]) == ("x² · y", (-0.5, 2.0))
    assert surface_of(found).formula == "f(x, y) = x²·y"


@pytest.mark.parametrize("text", [text for text in HOSTILE if text != "\ud800"], ids=lambda text: repr(text[:20]))
def test_a_hostile_text_in_a_session_is_refused_in_one_line(tmp_path, text):
    path = tmp_path / "own.trainscope"
    session(path)
    plain, runs = entries(path)
    plain["panels"]["paths"]["configuration"]["values"]["function"] = text
    put(path, plain, runs)
    with pytest.raises(SessionError) as caught:
        read_session(path)
    message = str(caught.value)
    assert len(message.splitlines()) == 1 and HOSTILE[text].split(";")[0] in message and "allowed: " in message


def test_a_session_from_before_there_were_own_functions_is_read(tmp_path):
    path = tmp_path / "old.trainscope"
    write_session(Session({"paths": PanelState(PRESETS["optimizer-paths"].configuration(), None, {})}, {}, None), path)
    plain, runs = entries(path)
    values = plain["panels"]["paths"]["configuration"]["values"]
    for key in ("function", "domain.x", "domain.y"):
        del values[key]
    put(path, plain, runs)
    assert read_session(path).panels["paths"].configuration == PRESETS["optimizer-paths"].configuration()
