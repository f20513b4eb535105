"""A search for hyperparameters as a script: trials at random or on a grid, all to the end or the best third further."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.experiments.search import rungs_of
from core.experiments.training import measured_epochs
from core.lanes import Axis, lanes_of
from core.presets import preset as preset_of
from core.scripts import Script, inside, races
from core.scripts.lanes import Networks, changes_of, describe, lane_settings, network_parts, rate_target
from core.scripts.parts import head, main_part, module
from core.scripts.rules import class_name
from core.scripts.schedules import at
from core.scripts.torch_rules import torch_rule
from core.scripts.training import MOST_MEASURED
from core.scripts.writing import ScriptError, fill, literal, wrapped
from core.trials import GRID, full_key, searchable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.datasets import Dataset
    from core.lanes import Lane
    from core.parameters import Configuration

_TRIALS = '''
#if log
def log_scale(share, low, high):
    """Return the value at a share of the way from low to high on a log scale."""
    return min(max(low * (high / low) ** share, low), high)
#end
#if log and linear


#end
#if linear
def linear_scale(share, low, high):
    """Return the value at a share of the way from low to high."""
    return min(max(low + share * (high - low), low), high)
#end


RANGES = {
    $ranges
}


def draw_trials():
    """Return the hyperparameters of every trial."""
#if grid
    count = math.floor(TRIALS ** (1 / len(RANGES)) + 1e-9)
    places = np.linspace(0, 1, count).tolist() if count > 1 else [0.5]
    rows = itertools.product(places, repeat=len(RANGES))
#else
    draws = np.random.default_rng([SEED, SEARCH, STAGE])
    rows = draws.random((TRIALS, len(RANGES))).tolist()
#end
    return [
        {name: scale(share, low, high) for share, (name, (scale, low, high)) in pairs}
        for pairs in (zip(row, RANGES.items()) for row in rows)
    ]


class Trial:
    """A network with hyperparameters of its own, and its accuracies by iteration."""

    def __init__(self, number, found):
        self.number, self.found, self.accuracies = number, found, {}
        self.batches = mini_batches(SEED)
        self.iteration, self.diverged, self.stopped = 0, False, False
#if inside
        self.seen = None
#end
        $made

    def train(self, until):
        """Go on training, unless it has diverged."""
        network, optimizer = self.network, self.optimizer
        while self.iteration < until and not self.diverged:
            if self.iteration % EVALUATE == 0:
                self.measure()
#if inside
            if self.iteration == LOOK_AT:
                self.seen = look(self.network)
#end
            $changes
#if dropout
            network.draw_masks(self.iteration)
#end
            self.iteration += 1
            chosen = next(self.batches)
#if torch
            scores = network(inputs(TRAIN_IMAGES[chosen]))
            labels = torch.from_numpy(TRAIN_LABELS[chosen])
            loss = nn.functional.cross_entropy(scores, labels)
            self.diverged = not torch.isfinite(loss)
            if not self.diverged:
                optimizer.zero_grad()
#if l2 or l1
                (loss + network.penalty()).backward()
#else
                loss.backward()
#end
                optimizer.step()
#else
            loss = network.loss(inputs(TRAIN_IMAGES[chosen]), TRAIN_LABELS[chosen])
            self.diverged = not np.isfinite(loss)
            if not self.diverged:
                optimizer.update(network.params, network.gradient())
#end
        due = until == ITERATIONS or until % EVALUATE == 0
        if due and not self.diverged:
            self.measure()
#if inside
        if LOOK_AT == until == ITERATIONS and not self.diverged:
            self.seen = look(self.network)
#end

    def measure(self):
        """Note the accuracies on training and on validation images."""
        if self.iteration not in self.accuracies:
#if switched
            self.network.eval()
#end
            train = accuracy(
                self.network, TRAIN_IMAGES[:MEASURED], TRAIN_LABELS[:MEASURED]
            )
            validation = accuracy(self.network, VALIDATION_IMAGES, VALIDATION_LABELS)
            self.accuracies[self.iteration] = train, validation
#if switched
            self.network.train()
#end

    def last(self):
        """Return the last known accuracies, -1 where there are none."""
        known = np.array([(-1.0, -1.0), *self.accuracies.values()]).T
        return [row[np.isfinite(row)][-1] for row in known]

    def rank(self):
        """Return what trials are sorted by, best first."""
        train, validation = self.last()
        return self.diverged, -self.iteration, -validation, -train, self.number
'''

_RUN_ALL = """
trials = [Trial(number, found) for number, found in enumerate(draw_trials(), 1)]
with np.errstate(all="ignore"):  # a network that diverges is a result, not an error
#if halving
    going = trials
    for until in (*RUNGS, ITERATIONS):
        for trial in going:
            print(f"trial {trial.number} until {until} …", file=sys.stderr)
            trial.train(until)
        going = sorted((one for one in going if not one.diverged), key=Trial.rank)
        going = going[: -(-len(going) // 3)]  # the best third goes on
#else
    for trial in trials:
        print(f"trial {trial.number} of {len(trials)} …", file=sys.stderr)
        trial.train(ITERATIONS)
#end
results = sorted(trials, key=Trial.rank)
#if inside
seen = {f"trial-{trial.number}": trial.seen for trial in trials}
#end
"""

_RESULTS = '''
def table(results):
    """Yield all accuracies: a row for every trial and measurement."""
    yield COLUMNS
    end = max(trial.iteration for trial in results)
    moments = [at for at in range(end + 1) if at % EVALUATE == 0 or at == ITERATIONS]
    for trial in sorted(results, key=lambda trial: trial.number):
        found = trial.found
        for at in moments:
            known = trial.accuracies.get(at, (np.nan, np.nan))
            cells = ["" if np.isnan(value) else value for value in known]
            $row


def print_results(results):
    """Print the best trials."""
    names = "".join(f"{name:>12}" for name in RANGES)
    print(f"trial{names}{'validation':>12}{'train':>9}")
    for trial in results[:10]:
        train, validation = trial.last()
        values = "".join(f"{value:>12.4g}" for value in trial.found.values())
        print(f"{trial.number:>5}{values}{validation:>12.2%}{train:>9.2%}")
#if not inside


def draw(plt, results):
    """Return the figure: every trial as a point, and the accuracies of the best twenty."""
    figure = plt.figure(figsize=(14, 7), layout="constrained")
    left, right = figure.subfigures(1, 2)
    best = results[:20]
    plot = left.subplots()
    values = np.array([list(trial.found.values()) for trial in results])
    validation = np.array([trial.last()[1] for trial in results])
    style = {"c": validation, "vmin": 0, "vmax": 1, "edgecolors": "gray"}
#if plane
    x, y = list(RANGES)[:2]
    points = plot.scatter(values[:, 0], values[:, 1], **style)
    plot.set(xlabel=x, ylabel=y)
    plot.set_yscale("log" if RANGES[y][0].__name__ == "log_scale" else "linear")
#else
    x = next(iter(RANGES))
    points = plot.scatter(values[:, 0], validation, **style)
    plot.set(xlabel=x, ylabel="validation accuracy")
#end
    plot.set_xscale("log" if RANGES[x][0].__name__ == "log_scale" else "linear")
    left.colorbar(points, label="validation accuracy", location="top")
    axes = right.subplots(4, 5, sharex=True, sharey=True)
    for plot, trial in zip(axes.flat, best):
        at = np.array(list(trial.accuracies)) / EPOCH
        train, validation = np.transpose(list(trial.accuracies.values()))
        plot.plot(at, train, "--", color="#D55E00", linewidth=1)
        plot.plot(at, validation, color="#0072B2")
        plot.set_title(f"trial {trial.number}", fontsize="small")
        plot.set_ylim(0, 1)
    for plot in axes.flat[len(best) :]:
        plot.set_axis_off()
    right.supxlabel("epoch", fontsize="small")
    right.supylabel("accuracy: validation solid, training dashed", fontsize="small")
    return figure
#end
'''

_SPLIT = """
with np.load(Path(__file__).with_name($data)) as arrays:
    IMAGES, LABELS = arrays["train_images"], arrays["train_labels"]
#if drawn
    DRAWN = arrays["drawn"]
#end
ORDER = np.random.default_rng([SEED, SPLIT, 0]).permutation(len(LABELS))
VALIDATION_IMAGES, VALIDATION_LABELS = IMAGES[ORDER[:$kept]], LABELS[ORDER[:$kept]]
TRAIN_IMAGES, TRAIN_LABELS = IMAGES[ORDER[$kept:]], LABELS[ORDER[$kept:]]
PIXELS, CLASSES = IMAGES.shape[1], $classes
"""


def script(
    configuration: Configuration, dataset: Dataset, name: str, torch: bool, look: inside.Look | None = None
) -> Script:
    """Return the script of a search and the images that it needs; with `look` also of what a trial's network sees."""
    preset, values = preset_of(configuration.preset), dict(configuration.at(0))
    if not values["evaluate"]:
        raise ScriptError("evaluate: 0 leaves a search without results; allowed for a script: 1 epoch or more")
    lanes = lanes_of(configuration.values, Axis.TRIAL)
    images = min(values["images"], len(dataset.train_labels))
    plan = _plan(values, images, len(dataset.train_labels))
    found = describe(lanes, configuration, plan["total"], torch)
    rate = at(next(iter(found.rates.values()), ""), "self.iteration")
    steering = [changes_of(found, "self.iteration"), f"rate = {rate}\n{rate_target(torch)} = rate" if rate else ""]
    look = inside.look_of(preset, lanes, look)
    flags = _flags(values, found, torch) | {"loss"} | ({"inside"} | inside.own_flags(look) if look else set())
    data_name = f"{name}-data.npz"
    data = {"train_images": dataset.train_images[:images], "train_labels": dataset.train_labels[:images]}
    data |= inside.data(look)
    parts = [
        _constants(values, plan, flags, dataset, data_name, look),
        fill(races.BATCHES, flags),
        *network_parts(found, flags, torch),
        *found.classes,
        *found.schedules,
        fill(races.ACCURACY, flags),
        *(inside.parts(flags, "VALIDATION") if look else ()),
        fill(
            _TRIALS,
            flags,
            ranges="\n".join(_range(name, values) for name in values["search"]),
            made=_made(lanes, found, values, torch),
            changes="\n".join(filter(None, steering)),
        ),
        fill(_RESULTS, flags, row=_row(values, configuration.current())),
        main_part(fill(_RUN_ALL, flags), *(inside.ending(flags) if look else ())),
    ]
    about = (
        "Same trials, initial weights and mini-batches as in Trainscope's window, in float32; accuracies agree but for "
        "images that lie within rounding of a boundary, which training magnifies."
    )
    if look:
        preset, about = inside.seen_of(preset, lanes, look), f"{about} {inside.FILES}"
    text = module(head(preset, name, torch, about, f", and {data_name} beside it"), parts, torch)
    return Script(text, f"{name}_torch.py" if torch else f"{name}.py", data_name, data)


def _plan(values: Mapping[str, Any], images: int, available: int) -> dict[str, int]:
    """Return the numbers of images and updates that follow from the values."""
    kept = max(1, images // 5)
    trained = images - kept if images > 1 else images
    per_epoch = max(1, trained // values["batch"])
    measured = min(MOST_MEASURED, images, trained)
    epochs = measured_epochs(values["evaluate"], per_epoch * values["batch"], measured + kept)
    total = values["iterations"] or values["epochs"] * per_epoch
    return {"kept": kept, "epoch": per_epoch, "measured": measured, "every": epochs * per_epoch, "total": total}


def _flags(values: Mapping[str, Any], found: Networks, torch: bool) -> set[str]:
    flags = set(found.flags)
    scales = [_range(name, values) for name in values["search"]]
    chosen = {
        "torch": torch,
        "evaluated": True,
        "switched": torch and flags & {"batchnorm", "dropout"},
        "grid": values["method"] == GRID,
        "log": any("log_scale" in scale for scale in scales),
        "linear": any("linear_scale" in scale for scale in scales),
        "halving": values["halving"],
        "plane": len(values["search"]) > 1,
    }
    return flags | {flag for flag, is_set in chosen.items() if is_set}


def _range(name: str, values: Mapping[str, Any]) -> str:
    low, high = values[f"search.{name}"]
    scale = "log_scale" if searchable()[name].scale.value == "log" and low > 0 else "linear_scale"
    return f"{literal(name)}: ({scale}, {literal(low)}, {literal(high)}),"


def _constants(
    values: Mapping[str, Any],
    plan: Mapping[str, int],
    flags: set[str],
    dataset: Dataset,
    data_name: str,
    look: inside.Look | None,
) -> str:
    lines = [f"SEED = {values['seed']}", f"TRIALS = {values['trials']}"]
    if "grid" not in flags:
        lines.append(f"STAGE = {values['stage']}  # 0 for the coarse search, 1 and on for those inside of it")
    lines += [
        f"HIDDEN = {literal(values['hidden'])}",
        f"BATCH = {values['batch']}",
        f"ITERATIONS = {plan['total']}",
        f"EPOCH = {plan['epoch']}  # updates",
    ]
    lines += [
        f"EVALUATE = {plan['every']}  # updates between measurements of the accuracies",
        f"MEASURED = {plan['measured']}  # training images that are measured, the first ones",
    ]
    if "halving" in flags:
        rungs = rungs_of(plan["total"], plan["every"])
        lines.append(f"RUNGS = {literal(tuple(rungs))}  # updates after which the best third goes on")
    if look:
        lines += inside.constants(look, plan["total"], flags)
    lines.append(wrapped("COLUMNS = (", list(map(literal, _columns(values))), ")"))
    purposes = {"WEIGHTS": 1, "BATCHES": 2, **({"MASKS": 5} if "dropout" in flags else {})}
    purposes |= {**({} if "grid" in flags else {"SEARCH": 6}), "SPLIT": 7}
    about = "# Every use of random numbers has a stream of its own: its number is part of the key."
    purpose = f"{', '.join(purposes)} = {', '.join(map(str, purposes.values()))}"
    split = fill(_SPLIT, flags, data=literal(data_name), kept=str(plan["kept"]), classes=str(dataset.classes))
    if look:
        split += "\n" + inside.pixels(dataset, ("IMAGES",), look)
    return "\n".join([*lines, "", about, purpose, "", split])


def _made(lanes: tuple[Lane, ...], found: Networks, values: Mapping[str, Any], torch: bool) -> str:
    """Return what makes a trial's network and optimizer from its hyperparameters."""
    optimizer = values["optimizer"]
    owned = {full_key(name, optimizer): name for name in values["search"]}
    settings: dict[str, Any] = {
        key: f'found["{owned[f"{optimizer}.{key}"]}"]' if f"{optimizer}.{key}" in owned else literal(value)
        for key, value in lane_settings(lanes[0], values).items()
    }
    strengths = [
        f'{key}=found["{key}"]' if key in owned else f"{key}={literal(values[key])}"
        for key in found.arguments
        if key in owned or values.get(key)
    ]
    first = ['f"trial-{number}"'] if "dropout" in found.arguments else []
    network = f"MultiLayerNet({', '.join([*first, 'SEED', *strengths])})"
    if not torch:
        arguments = [f"{key}={value}" for key, value in settings.items()]
        made = wrapped(f"self.optimizer = {class_name(optimizer)}(", arguments, ")", 8)
        return f"{_network(network)}\n{made}"
    made, arguments = torch_rule(optimizer, settings, found.native[optimizer])
    optimizer_line = wrapped(f"self.optimizer = {made}(", ["self.network.parameters()", *arguments], ")", 8)
    return f"{_network(network)}\n{optimizer_line}"


def _network(call: str) -> str:
    name, _, arguments = call.partition("(")
    return wrapped(f"self.network = {name}(", arguments[:-1].split(", "), ")", 8)


def _columns(values: Mapping[str, Any]) -> list[str]:
    """Return the columns of the table: what is searched besides learning rate and weight decay comes last."""
    others = [name for name in values["search"] if name not in ("lr", "l2")]
    return ["trial", "lr", "weight_decay", "epoch", "train_accuracy", "validation_accuracy", *others]


def _row(values: Mapping[str, Any], current: Mapping[str, Any]) -> str:
    """Return the statement that yields a row."""
    searched = values["search"]
    known = [
        'found["lr"]' if "lr" in searched else literal(current[f"{values['optimizer']}.lr"]),
        'found["l2"]' if "l2" in searched else literal(current["l2"]),
    ]
    others = [f'found["{name}"]' for name in _columns(values)[6:]]
    return f"yield {', '.join(['trial.number', *known, 'at // EPOCH', '*cells', *others])}"
