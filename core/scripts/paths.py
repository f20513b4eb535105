"""Paths on a surface as a script: every optimizer from one start, by hand or with automatic gradients."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from core.lanes import Axis, lanes_of
from core.own_surface import surface_of
from core.presets import preset as preset_of
from core.scripts import Script
from core.scripts.functions import constants, gradient_function, value_function
from core.scripts.lanes import rate_target
from core.scripts.parts import head, looks, main_part, module
from core.scripts.rules import class_name, numpy_class, settings_of, torch_class
from core.scripts.schedules import Schedules, alike, rates_table, set_rate
from core.scripts.torch_rules import is_native, torch_rule
from core.scripts.writing import fill, keywords, literal, wrapped

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from core.datasets import Dataset
    from core.lanes import Lane
    from core.parameters import Configuration
    from core.surfaces import Surface

_NUMPY = '''
def make_optimizers():
    """Return the optimizers of the race, each at its beginning."""
    return {
        $optimizers
    }


def descend(name):
    """Return the points (x, y, f) of a path, as far as they are finite."""
    optimizer = make_optimizers()[name]
    params = {"x": np.float64(START[0]), "y": np.float64(START[1])}
    path = [(*START, f(*START))]
    for step in range(STEPS):
        $rate
        df_dx, df_dy = gradient(params["x"], params["y"])
        optimizer.update(params, {"x": df_dx, "y": df_dy})
        point = (params["x"], params["y"], f(params["x"], params["y"]))
        if not np.isfinite(point).all():
            break
        path.append(point)
    return np.array(path)
'''

_TORCH = '''
def make_optimizers(params):
    """Return the optimizers of the race, each at its beginning."""
    return {
        $optimizers
    }


def descend(name):
    """Return the points (x, y, f) of a path, as far as they are finite."""
    point = torch.tensor(START, requires_grad=True)
    optimizer = make_optimizers([point])[name]
    path = []
    for step in range(STEPS + 1):
        loss = f(point[0], point[1])
        row = (*point.tolist(), loss.item())
        if not np.isfinite(row).all():
            break
        path.append(row)
        $rate
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return np.array(path)
'''

_RESULTS = '''
def table(paths):
    """Yield all numbers: a row for every lane and step, empty once a path has diverged."""
    yield "lane", "step", "x", "y", "loss"
    for name, path in paths.items():
        for step in range(STEPS + 1):
            yield name, step, *(path[step] if step < len(path) else ("", "", ""))


def print_results(paths):
    """Print where every path ends."""
    print(f"{'lane':<18}{'steps':>7}{'x':>14}{'y':>14}{'f(x, y)':>14}")
    for name, path in paths.items():
        x, y, loss = path[-1]
        end = "" if len(path) > STEPS else f"  diverged at step {len(path)}"
        print(f"{name:<18}{len(path) - 1:>7}{x:>14.6g}{y:>14.6g}{loss:>14.6g}{end}")


def draw(plt, paths):
    """Return the figure: the paths on the contours of f, and f along them."""
    figure, (plane, losses) = plt.subplots(
        2, figsize=(10, 8), height_ratios=(3, 1), layout="constrained"
    )
    x, y = np.meshgrid(np.linspace(*VIEW[:2], 300), np.linspace(*VIEW[2:], 300))
#if torch
    height = f(torch.from_numpy(x), torch.from_numpy(y)).numpy()
#else
    height = f(x, y)
#end
    height = np.where(np.isfinite(height), height, np.nan)
    depth = height - np.nanmin(height)
    levels = np.log(depth + 0.01 * np.nanmedian(depth))
    plane.contourf(x, y, levels, 20, cmap="Greys", alpha=0.4)
    for name, path in paths.items():
        label, colour, marker = LOOKS[name]
        style = {"color": colour, "marker": marker, "linewidth": 1.2, "label": label}
        plane.plot(path[:, 0], path[:, 1], markersize=4, **style)
#if floor
        every = max(1, STEPS // 12)
        losses.plot(path[:, 2] - FLOOR, markersize=4, markevery=every, **style)
#else
        losses.plot(path[:, 2], markersize=4, markevery=max(1, STEPS // 12), **style)
#end
    plane.plot(*START, "o", color="black", markerfacecolor="white", markersize=9)
#if minima
    plane.plot(*np.transpose(MINIMA), "+", color="black", markersize=12)
#end
    plane.set(xlim=VIEW[:2], ylim=VIEW[2:], xlabel="x", ylabel="y")
    $title
    plane.legend(loc="upper right", fontsize="small")
#if floor
    losses.set(xlim=(0, STEPS), xlabel="step", ylabel="f above its minimum")
    losses.set_yscale("log")
#else
    losses.set(xlim=(0, STEPS), xlabel="step", ylabel="f")
#end
    return figure
'''

_RUN = """
with np.errstate(all="ignore"):  # a path that diverges is a result, not an error
    results = {name: descend(name) for name in LOOKS}
"""


def script(configuration: Configuration, _dataset: Dataset | None, name: str, torch: bool) -> Script:
    """Return the script of paths on a surface."""
    values, preset = configuration.values, preset_of(configuration.preset)
    lanes, surface = lanes_of(values, Axis.OPTIMIZER), surface_of(values)
    flags = {*(["floor"] * math.isfinite(surface.floor)), *(["minima"] * bool(surface.minima)), *(["torch"] * torch)}
    schedules = Schedules(configuration, 0)  # nothing changes in mid-run
    rates = {lane.name: rate for lane in lanes if (rate := schedules.rate(lane))}
    rate = set_rate(rates, lanes, rate_target(torch), "step")
    optimizers, classes = _optimizers(lanes, values, torch, rates)
    found = value_function(values, "torch" if torch else "np")
    body = [
        _constants(values, surface),
        looks(lanes),
        *(["torch.set_default_dtype(torch.float64)"] * torch),
    ]
    code = [
        found,
        *([] if torch else [gradient_function(values)]),
        *classes,
        *schedules.functions(),
        rates_table(rates) if not alike(rates, lanes) else "",
        fill(_TORCH if torch else _NUMPY, optimizers=optimizers, rate=rate).replace(*_unused(rate)),
        fill(_RESULTS, flags, title=wrapped("plane.set_title(", [literal(surface.formula)], ")", 4)),
        main_part(_RUN),
    ]
    about = (
        "Everything is computed in float64; all numbers agree with those of Trainscope's window to rounding, which a "
        "path that jumps to and fro magnifies."
    )
    text = module(head(preset, name, torch, about, ""), ["\n\n".join(body), *code], torch)
    return Script(text, f"{name}_torch.py" if torch else f"{name}.py")


def _constants(values: Mapping[str, Any], surface: Surface) -> str:
    lines = [
        f"START = {literal(values['start'])}",
        f"STEPS = {literal(values['iterations'])}",
        f"VIEW = {literal(surface.view)}  # x from and to, y from and to",
        *constants(values),
    ]
    if math.isfinite(surface.floor):
        lines.append(f"FLOOR = {literal(surface.floor)}  # the lowest value of f")
    if surface.minima:
        lines.append(wrapped("MINIMA = [", [literal(place) for place in surface.minima], "]"))
    return "\n".join(lines)


def _unused(rate: str) -> tuple[str, str, int]:
    """Return what to call the step where nobody asks for it."""
    return ("for step in range", "for step in range" if rate else "for _ in range", 1)


def _optimizers(
    lanes: Sequence[Lane], values: Mapping[str, Any], torch: bool, rates: Mapping[str, str]
) -> tuple[str, list[str]]:
    """Return the entries of the race and the classes that they need."""
    entries, classes = [], []
    for lane in lanes:
        settings = settings_of(lane.optimizer, values)
        made, arguments = class_name(lane.optimizer), keywords(settings)
        scheduled = ("lr",) if lane.name in rates else ()
        if torch:
            made, arguments = torch_rule(lane.optimizer, settings, is_native(lane.optimizer, settings, scheduled))
            arguments = ["params", *arguments]
        if not made.startswith("torch."):
            classes.append((torch_class if torch else numpy_class)(lane.optimizer))
        entries.append(wrapped(f"{literal(lane.name)}: {made}(", arguments, "),", 8))
    return "\n".join(entries), classes
