"""Activations of untrained networks as a script: signals go forward, a histogram for every layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.initializers import initializer
from core.lanes import Axis, lanes_of
from core.presets import preset as preset_of
from core.scripts import Script
from core.scripts.networks import INITIAL
from core.scripts.parts import head, looks, main_part, module
from core.scripts.writing import fill, literal, wrapped
from core.statistics import FITTED, RANGES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from core.datasets import Dataset
    from core.lanes import Lane
    from core.parameters import Configuration

_CONSTANTS = """
SEED = $seed
HIDDEN = $hidden
INPUTS = $inputs  # standard normal vectors that are sent through each network
BINS = $bins

# Every use of random numbers has a stream of its own: its number is part of the key.
WEIGHTS, VECTORS = 1, 3

$looks
"""

_FUNCTIONS = {
    "relu": '''
def relu(x):
    """Return max(x, 0)."""
    return np.maximum(x, 0)
''',
    "sigmoid": '''
def sigmoid(x):
    """Return 1 / (1 + exp(-x))."""
    return 1 / (1 + np.exp(-x))
''',
}

_SATURATED = {
    "relu": '''
def is_off(y):
    """Tell where ReLU's slope is 0."""
    return y <= 0
''',
    "sigmoid": '''
def is_flat_sigmoid(y):
    """Tell where the slope of the sigmoid is below 5 % of its largest."""
    return y * (1 - y) < 0.05 * 0.25
''',
    "tanh": '''
def is_flat_tanh(y):
    """Tell where the slope of tanh is below 5 % of its largest."""
    return 1 - y * y < 0.05
''',
}
_SATURATED_NAMES = {"relu": "is_off", "sigmoid": "is_flat_sigmoid", "tanh": "is_flat_tanh"}
_NUMPY_NAMES = {"relu": "relu", "sigmoid": "sigmoid", "tanh": "np.tanh"}

_LANES = """
#if fitted
NETWORKS = {  # activation, where it is saturated, initial weights
#else
NETWORKS = {  # activation, where it is saturated, its range, initial weights
#end
    $lanes
}
"""

_PROPAGATE = '''
#if torch
@torch.no_grad()
#end
def propagate(activation, std):
    """Return every layer's activations (inputs, units) in a network without biases."""
    draws = np.random.default_rng([SEED, VECTORS, 0])
    x = draws.standard_normal((INPUTS, HIDDEN[0]), dtype=np.float32)
#if torch
    x = torch.from_numpy(x)
#end
    found = []
    for number, (n_in, n_out) in enumerate(zip((HIDDEN[0], *HIDDEN), HIDDEN)):
        draws = np.random.default_rng([SEED, WEIGHTS, number])
#if functions and numbers
        sigma = std(n_in) if callable(std) else std
        W = sigma * draws.standard_normal((n_in, n_out))
#else
#if functions
        W = std(n_in) * draws.standard_normal((n_in, n_out))
#else
        W = std * draws.standard_normal((n_in, n_out))
#end
#end
#if torch
        x = x @ torch.from_numpy(W.astype(np.float32))
#if batchnorm
        x = (x - x.mean(0)) / torch.sqrt(x.var(0, correction=0) + 1e-5)  # BatchNorm
#end
        x = activation(x)
        found.append(x.numpy())
#else
        x = x @ W.astype(np.float32)
#if batchnorm
        x = (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-5)  # BatchNorm
#end
        x = activation(x)
        found.append(x)
#end
    return found
#if fitted


def round_up(value):
    """Return the least of 1, 1.5, 2, 3, 5, 8 times a power of ten that is not below."""
    if not 0 < value < math.inf:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    steps = (power * n for n in (1, 1.5, 2, 3, 5, 8, 10))
    return next(step for step in steps if step >= value)


def fitted_range(layers):
    """Return round ends between which all finite values of all layers lie."""
    finite = np.concatenate([values[np.isfinite(values)] for values in layers])
    low, high = (finite.min(), finite.max()) if finite.size else (0.0, 1.0)
    low = -round_up(-float(low)) if low < 0 else 0.0
    high = round_up(float(high)) if high > 0 else 0.0
    return (low, high) if high > low else (low, low + 1.0)
#end


def histogram(values, low, high):
    """Return how many values lie in each bin, and the bins' edges."""
    edges = np.linspace(low, high, BINS + 1)
    edges[np.abs(edges) < 1e-9 * (high - low)] = 0.0
    return np.histogram(values, edges)[0], edges


def moments(values):
    """Return mean and standard deviation, empty where they are not finite."""
    exact = values.astype(np.float64)
    return ["" if not np.isfinite(one) else one for one in (exact.mean(), exact.std())]


def measure(name):
    """Return for each layer of a network its row of statistics, the counts, the edges."""
#if fitted
    activation, saturated, std = NETWORKS[name]
    layers = propagate(activation, std)
    low, high = fitted_range(layers)
#else
    activation, saturated, (low, high), std = NETWORKS[name]
    layers = propagate(activation, std)
#end
    found = []
    for values in (layer.ravel() for layer in layers):
        shares = np.mean(values == 0), np.mean(saturated(values))
        outside = np.count_nonzero(values < low), np.count_nonzero(values > high)
        row = (*moments(values), *shares, *outside)
        found.append((row, *histogram(values, low, high)))
    return found


def table(results):
    """Yield all histograms: a row for every bin."""
    yield "lane", "layer", "bin_left", "bin_right", "count"
    for name, layers in results.items():
        for layer, (_, counts, edges) in enumerate(layers, 1):
            for left, right, count in zip(edges[:-1], edges[1:], counts):
                yield name, layer, left, right, count


def layer_table(results):
    """Yield the statistics: a row for every layer."""
    shares = "zero_share", "saturated_share"
    yield "lane", "layer", "mean", "std", *shares, "below", "above"
    for name, layers in results.items():
        for layer, (row, _, _) in enumerate(layers, 1):
            yield name, layer, *row


def print_results(results):
    """Print the spread of the first and of the last layer."""
    print(f"{'network':<22}{'std of layer 1':>16}{'of the last':>16}{'saturated':>11}")
    for name, layers in results.items():
        (_, first, *_), (_, last, _, saturated, *_) = layers[0][0], layers[-1][0]
        print(f"{name:<22}{first or 0:>16.6g}{last or 0:>16.6g}{saturated:>11.1%}")


def draw(plt, results):
    """Return the figure: a row for each network, a histogram for each layer."""
    shape = len(results), len(HIDDEN)
    size = 1 + 2 * shape[1], 1 + 1.3 * shape[0]
    figure, axes = plt.subplots(*shape, squeeze=False, figsize=size, sharey=True)
    figure.set_layout_engine("constrained")
    for row, (name, layers) in zip(axes, results.items()):
        label, colour, _ = LOOKS[name]
        for number, (plot, (_, counts, edges)) in enumerate(zip(row, layers), 1):
            shares = counts / (INPUTS * HIDDEN[number - 1])
            plot.stairs(shares, edges, fill=True, color=colour, alpha=0.5)
            plot.set(xlim=(edges[0], edges[-1]), ylim=(0, 0.4))
            if plot in axes[0]:
                plot.set_title(f"layer {number}", fontsize="small")
        row[0].set_ylabel(label, fontsize="small")
    return figure
'''

_RUN = """
with np.errstate(all="ignore"):  # values that overflow are a result, not an error
    results = {name: measure(name) for name in NETWORKS}
"""

_WRITE = """
layers_file = Path(options.csv).with_suffix("")
for file, rows in (
    (options.csv, table(results)),
    (f"{layers_file}-layers.csv", layer_table(results)),
):
    with open(file, "w", newline="", encoding="utf-8") as opened:
        csv.writer(opened, lineterminator="\\n").writerows(rows)
"""


def script(configuration: Configuration, _dataset: Dataset | None, name: str, torch: bool) -> Script:
    """Return the script of untrained networks."""
    values, preset = configuration.values, preset_of(configuration.preset)
    lanes = lanes_of(values, Axis.ACTIVATION)
    used = [kind for kind in RANGES if any(lane.activation == kind for lane in lanes)]
    flags = _flags(lanes, values, torch)
    constants = fill(
        _CONSTANTS,
        seed=str(values["seed"]),
        hidden=literal(values["hidden"]),
        inputs=str(values["inputs"]),
        bins=str(values["bins"]),
        looks=looks(lanes),
    )
    parts = [
        constants,
        fill(INITIAL, flags).strip("\n"),
        *(_FUNCTIONS[kind] for kind in used if kind in _FUNCTIONS and not torch),
        *(_SATURATED[kind] for kind in used),
        fill(_LANES, flags, lanes="\n".join(_entry(lane, flags, torch) for lane in lanes)),
        fill(_PROPAGATE, flags),
        main_part(_RUN, _WRITE),
    ]
    about = (
        "Same initial weights and inputs as in Trainscope's window, in float32; counts agree but for values that lie "
        "within rounding of a bin's edge. With --csv FILE.csv each layer's statistics go to FILE-layers.csv."
    )
    text = module(head(preset, name, torch, about, ""), parts, torch)
    return Script(text, f"{name}_torch.py" if torch else f"{name}.py")


def _flags(lanes: Sequence[Lane], values: Mapping[str, Any], torch: bool) -> set[str]:
    inits = {lane.init for lane in lanes}
    flags = inits & {"he", "xavier"}
    flags |= {"functions"} if flags else set()
    flags |= {"numbers"} if inits - {"he", "xavier"} else set()
    flags |= {"fitted"} if values["range"] == FITTED else set()
    flags |= {"batchnorm"} if values["batchnorm"] else set()
    return flags | ({"torch"} if torch else set())


def _entry(lane: Lane, flags: set[str], torch: bool) -> str:
    kind = lane.activation
    std = lane.init if lane.init in ("he", "xavier") else literal(initializer(lane.init).sigma(1))
    ends = [] if "fitted" in flags else [literal(RANGES[kind])]
    activation = f"torch.{kind}" if torch else _NUMPY_NAMES[kind]
    return wrapped(f"{literal(lane.name)}: (", [activation, _SATURATED_NAMES[kind], *ends, std], "),", 4)
