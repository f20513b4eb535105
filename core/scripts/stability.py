"""Maps of settings as a script: one optimizer at thousands of settings or starts at once, all cells as arrays."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from core.cells import RUNAWAY
from core.experiments.stability_parameters import LOSS, MINIMUM
from core.lanes import Axis, lanes_of
from core.local_minima import local_minima
from core.map_axes import ANISOTROPY, STARTS, axis_of
from core.own_surface import surface_of
from core.presets import preset as preset_of
from core.scripts import Script
from core.scripts.functions import constants, gradient_function, value_function
from core.scripts.lanes import rate_target
from core.scripts.parts import head, main_part, module
from core.scripts.rules import class_name, numpy_class, settings_of, torch_class
from core.scripts.schedules import Schedules, at
from core.scripts.writing import fill, literal, wrapped

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.datasets import Dataset
    from core.local_minima import Minima
    from core.map_axes import MapAxis
    from core.parameters import Configuration

_CONSTANTS = """
RESOLUTION = $resolution  # cells along each axis
STEPS = $steps
TOLERANCE = $tolerance
START = $start
VIEW = $view  # x from and to, y from and to
$target
"""

_AXES = '''
def cells(low, high, log):
    """Return the middles of an axis's cells, in few digits."""
    ends = (np.log10(low), np.log10(high)) if log else (low, high)
    places = np.arange(2 * RESOLUTION + 1) / (2 * RESOLUTION)
    edges = ends[0] + places * (ends[1] - ends[0])
    edges = 10.0**edges if log else edges
    digits = np.ceil(-np.log10(0.1 * (edges[2::2] - edges[:-1:2]))).astype(int)
    pairs = zip(edges[1::2].tolist(), digits.tolist())
    return np.clip([round(value, max(place, 0)) for value, place in pairs], low, high)


AXES = $names
X_CELLS = cells($x_low, $x_high, log=$x_log)
Y_CELLS = cells($y_low, $y_high, log=$y_log)
#if torch
ACROSS, UP = torch.from_numpy(X_CELLS[None, :]), torch.from_numpy(Y_CELLS[:, None])
#else
ACROSS, UP = X_CELLS[None, :], Y_CELLS[:, None]
#end
$anisotropy
'''

_RUN = '''
def run():
    """Let all cells run and return what became of them.

    `label` says at which minimum a cell is, 0 for none; `steps` count up to where it came
    there to stay, and `diverged` to where it was lost: infinite where that is not so.
    """
    shape = (RESOLUTION, RESOLUTION)
#if torch
    x = $x_start.expand(shape).clone().requires_grad_()
    y = $y_start.expand(shape).clone().requires_grad_()
    $made
#else
    x = np.broadcast_to($x_start, shape).copy()
    y = np.broadcast_to($y_start, shape).copy()
    params = {"x": x, "y": y}
    $made
#end
    label, steps = np.zeros(shape, int), np.full(shape, np.inf)
    diverged = np.full(shape, np.inf)
    for step in range(STEPS + 1):
        if step > 0:
            $rate
#if torch
            optimizer.zero_grad()
            f(x, y).sum().backward()
            optimizer.step()
        with torch.no_grad():
            value = f(x, y).numpy()
            lost = is_lost(x.numpy(), y.numpy(), value)
            x[torch.from_numpy(lost)] = y[torch.from_numpy(lost)] = torch.nan
            places = x.numpy(), y.numpy()
#else
            df_dx, df_dy = gradient(x, y)
            optimizer.update(params, {"x": df_dx, "y": df_dy})
        value = f(x, y)
        lost = is_lost(x, y, value)
        x[lost] = y[lost] = np.nan
        places = x, y
#end
        value = np.where(lost, np.nan, value)
        diverged[lost] = np.minimum(diverged[lost], step)
        now = minimum_at(*places, value)
        steps[now != label] = np.inf
        steps[now > 0] = np.minimum(steps, step)[now > 0]
        steps[now == 0] = np.inf
        label = now
    return {"label": label, "steps": steps, "value": value, "diverged": diverged}


def is_lost(x, y, value):
    """Tell which cells have left the finite numbers, or are far away."""
    x_low, x_high, y_low, y_high = VIEW
    near_x = np.abs(x - 0.5 * (x_low + x_high)) <= $far * (x_high - x_low)
    near_y = np.abs(y - 0.5 * (y_low + y_high)) <= $far * (y_high - y_low)
    return ~(near_x & near_y & np.isfinite(value))


def minimum_at(x, y, value):
    """Return the number of the minimum that each cell is at, 0 for none."""
#if minima
    label = np.zeros(value.shape, int)
    for number, (x_low, y_low, lowest, reach) in enumerate(MINIMA, 1):
        close = (x - x_low) ** 2 + (y - y_low) ** 2 <= reach**2
        label[close & (np.abs(value - lowest) <= TOLERANCE)] = number
    return label
#else
    return (value - FLOOR <= TOLERANCE).astype(int)
#end
'''

_RESULTS = '''
def table(results):
    """Yield all numbers: a row for every cell, empty where there is nothing to tell."""
#if minima
    yield *AXES, "minimum", "steps", "diverged"
#else
    yield *AXES, "steps", "final_loss", "diverged"
#end
    for row, up in enumerate(Y_CELLS):
        for column, across in enumerate(X_CELLS):
            cell = {key: values[row, column] for key, values in results.items()}
            steps, diverged = whole(cell["steps"]), whole(cell["diverged"])
#if minima
            yield across, up, cell["label"] or "", steps, diverged
#else
            value = "" if np.isnan(cell["value"]) else cell["value"]
            yield across, up, steps, value, diverged
#end


def whole(step):
    """Return a step as a whole number, nothing for one that never came."""
    return int(step) if np.isfinite(step) else ""


def print_results(results):
    """Print what became of the cells."""
    label, steps = results["label"], results["steps"]
    print(f"{'diverged':<24}{np.isfinite(results['diverged']).mean():>8.2%}")
    for number in range(1, label.max() + 1):
#if minima
        x, y, *_ = MINIMA[number - 1]
        name = f"at ({x:.4g}, {y:.4g})"
#else
        name = "at the minimum"
#end
        there = label == number
        fewest = f"{steps[there].min():.0f} steps or more" if there.any() else ""
        print(f"{name:<24}{there.mean():>8.2%}  {fewest}")


def draw(plt, results):
    """Return the figure: the map, grey where cells diverged."""
    lost = np.isfinite(results["diverged"])
    figure, plot = plt.subplots(figsize=(9, 7), layout="constrained")
    plot.set_facecolor("#BBBBBB")
#if minima
    shown = np.where(lost | (results["label"] == 0), np.nan, results["label"])
    count = len(MINIMA)
    style = {"cmap": plt.get_cmap("viridis", count), "vmin": 0.5, "vmax": count + 0.5}
    name = "number of the minimum"
#else
#if loss
    value = np.where(lost, np.nan, results["value"])
    shown = np.log10(value - max(FLOOR, np.nanmin(value)) + 1e-20)
    style = {"cmap": "viridis"}
    name = "log10 of f above its minimum, after the last step"
#else
    shown = np.where(lost, np.nan, np.minimum(results["steps"], STEPS + 1))
    style = {"cmap": "viridis_r"}
    name = f"steps to the minimum; {STEPS + 1}: not reached"
#end
#end
    image = plot.pcolormesh(X_CELLS, Y_CELLS, shown, shading="nearest", **style)
    figure.colorbar(image, label=name)
#if x_log
    plot.set_xscale("log")
#end
#if y_log
    plot.set_yscale("log")
#end
    plot.set(xlabel=AXES[0], ylabel=AXES[1])
    return figure
'''

_MAIN_RUN = """
with np.errstate(all="ignore"):  # a cell that diverges is a result, not an error
    results = run()
"""


def script(configuration: Configuration, _dataset: Dataset | None, name: str, torch: bool) -> Script:
    """Return the script of a map."""
    values, preset = configuration.values, preset_of(configuration.preset)
    axes = axis_of("x", values), axis_of("y", values)
    (lane,) = lanes_of(values, Axis.CELL)
    minima = local_minima(surface_of(values))
    flags = _flags(values, axes, torch)
    schedules = Schedules(configuration, 0)
    rate = schedules.rate(lane, _own_value("lr", axes) or literal(values[f"{lane.optimizer}.lr"]))
    parts = [
        _constants(values, minima, axes, flags),
        value_function(values, "torch" if torch else "np"),
        "" if torch else gradient_function(values),
        (torch_class if torch else numpy_class)(lane.optimizer),
        *schedules.functions(),
        fill(_RUN, flags, **_making(values, axes, torch), rate=_set_rate(rate, torch), far=literal(RUNAWAY * 0.5)),
        fill(_RESULTS, flags),
        main_part(_MAIN_RUN),
    ]
    about = "Everything is computed in float64; cells agree but at the edges of regions, where rounding decides."
    text = module(head(preset, name, torch, about, ""), parts, torch)
    return Script(text, f"{name}_torch.py" if torch else f"{name}.py")


def _flags(values: Mapping[str, Any], axes: tuple[MapAxis, MapAxis], torch: bool) -> set[str]:
    chosen = {
        "torch": torch,
        "minima": values["measure"] == MINIMUM,
        "loss": values["measure"] == LOSS,
        "x_log": axes[0].log,
        "y_log": axes[1].log,
    }
    return {flag for flag, is_set in chosen.items() if is_set}


def _constants(values: Mapping[str, Any], minima: Minima, axes: tuple[MapAxis, MapAxis], flags: set[str]) -> str:
    shape = surface_of(values)
    if "minima" in flags:
        rows = zip(minima.points.tolist(), minima.values.tolist(), minima.reach.tolist(), strict=True)
        target = "\n".join(
            [
                "MINIMA = [  # x, y, f there, and how near counts as being there",
                *(f"    {literal((*place, value, min(reach, 1e300)))}," for place, value, reach in rows),
                "]",
            ]
        )
    else:
        floor = shape.floor if math.isfinite(shape.floor) or not len(minima) else float(minima.values[0])
        target = f"FLOOR = {literal(floor) if math.isfinite(floor) else '-np.inf'}  # the lowest value of f"
    varied = any(axis.name == ANISOTROPY for axis in axes)
    own = [line for line in constants(values) if not (varied and line.startswith("ANISOTROPY"))]
    first = fill(
        _CONSTANTS,
        resolution=str(values["resolution"]),
        steps=str(values["iterations"]),
        tolerance=literal(values["tolerance"]),
        start=literal(values["start"]),
        view=literal(shape.view),
        target="\n".join([target, *own]),
    )
    ends = {
        f"{side}_{key}": literal(getattr(axis, key)) for side, axis in zip("xy", axes, strict=True) for key in _ENDS
    }
    names = literal(tuple(name.removeprefix("start.") for name in (axis.name for axis in axes)))
    steepness = f"ANISOTROPY = {_own_value(ANISOTROPY, axes)}" if varied else ""
    default = ["torch.set_default_dtype(torch.float64)"] if "torch" in flags else []
    return "\n\n".join([first, *default]) + "\n\n\n" + fill(_AXES, flags, **ends, names=names, anisotropy=steepness)


_ENDS = ("low", "high", "log")


def _own_value(name: str, axes: tuple[MapAxis, MapAxis]) -> str:
    """Return the array of what an axis changes, nothing where none does."""
    return next((array for array, axis in zip(("ACROSS", "UP"), axes, strict=True) if axis.name == name), "")


def _making(values: Mapping[str, Any], axes: tuple[MapAxis, MapAxis], torch: bool) -> dict[str, str]:
    """Return what the starts are and what makes the optimizer."""
    settings = settings_of(values["optimizer"], values)
    arguments = [f"{key}={_own_value(key, axes) or literal(value)}" for key, value in settings.items()]
    starts = [_own_value(name, axes) or f"START[{place}]" for place, name in enumerate(STARTS)]
    if torch:
        starts = [f"torch.tensor({start})" if start.startswith("START") else start for start in starts]
    made = class_name(values["optimizer"])
    return {
        "x_start": starts[0],
        "y_start": starts[1],
        "made": wrapped(f"optimizer = {made}(", [*["[x, y]"] * torch, *arguments], ")", 4),
    }


def _set_rate(rate: str, torch: bool) -> str:
    return f"{rate_target(torch)} = {at(rate, 'step - 1')}" if rate else ""
