"""What a network sees as parts of a script: gradient flow while it trains; weights, confusion matrix and mistakes once.

The figure and the tables are those of the panel Inside. Flags besides those of a race: `inside`, and `flow` where
what flows through the layers is measured.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from core.flow import EVERY
from core.scripts.writing import fill, literal

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from core.datasets import Dataset
    from core.figures import Preset
    from core.lanes import Lane


@dataclass(frozen=True, slots=True)
class Look:
    """Into which lane's network a script looks, and after how many updates; 0 for the end.

    `image` are the bytes of a drawn image, of which it also says what every lane takes it for.
    """

    lane: str
    at: int = 0
    image: bytes | None = None


def look_of(preset: Preset, lanes: Sequence[Lane], look: Look | None) -> Look | None:
    """Return where to look in a run of these lanes: where asked, or as exports of the preset do; None for nowhere."""
    if look is None:
        return Look(lanes[-1].name) if preset.looks_inside else None
    return look if look.lane in {lane.name for lane in lanes} else replace(look, lane=lanes[-1].name)


def seen_of(preset: Preset, lanes: Sequence[Lane], look: Look) -> Preset:
    """Return a preset with what the head of a script says where one of its networks is looked into."""
    label = next(lane.label for lane in lanes if lane.name == look.lane)
    title = preset.title if preset.looks_inside else f"{preset.title}: what a network sees"
    return replace(preset, title=title, shows=f"weights, confusion matrix, worst mistakes and flow of {label}")


def constants(look: Look, total: int, flags: Collection[str]) -> list[str]:
    """Return the constants that say what is looked at."""
    return [
        f"INSIDE = {literal(look.lane)}  # whose network is looked into",
        f"LOOK_AT = {min(look.at, total) or total}  # updates after which it is",
        *([f"FLOW_EVERY = {EVERY}  # updates between measurements of the gradient flow"] * ("flow" in flags)),
    ]


def own_flags(look: Look) -> set[str]:
    """Return what a look has besides."""
    return {"drawn"} if look.image is not None else set()


def data(look: Look | None) -> dict[str, Any]:
    """Return what lies beside a script for it."""
    return {} if look is None or look.image is None else {"drawn": np.frombuffer(look.image, np.uint8)}


def pixels(dataset: Dataset, images: Sequence[str], look: Look) -> str:
    """Return which pixels are used, an image's shape, and the drawn image as networks without the others get it."""
    used = " | ".join(f"{name}.any(axis=0)" for name in images)
    lines = ["# The others are 0 in all images.", f"USED = {used}", f"SHAPE = {literal(dataset.shape)}"]
    return "\n".join([*lines, *(["DRAWN *= USED"] if look.image is not None else [])])


_SEEING = '''
#if torch
def weights_of(network, what="data"):
    """Return all layers' weights, or their gradients, but those of unused pixels."""
    affine = [one for one in network.layers if isinstance(one, nn.Linear)]
    found = [getattr(one.weight, what).numpy().T.astype(float) for one in affine]
    return [found[0][USED], *found[1:]]
#else
def weights_of(network, what="params"):
    """Return all layers' weights, or their gradients, but those of unused pixels."""
    named = network.by_name(what).items()
    found = [values.astype(float) for key, values in named if key.startswith("W")]
    return [found[0][USED], *found[1:]]
#end
#if flow


def flow_of(network, before):
    """Return each layer's gradient norm, and how far its weights moved: ‖ΔW‖ / ‖W‖."""
    moved = [W - old for W, old in zip(weights_of(network), before)]
    return norms(weights_of(network, $grads)), norms(moved) / norms(before)


def norms(arrays):
    return np.array([np.linalg.norm(one) for one in arrays])
#end


def chances(network, images):
    """Return how probable each class is for each image, NaN where that is not finite."""
    scores = outputs(network, images)
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    found = powers / powers.sum(axis=1, keepdims=True)  # softmax
    found[~np.isfinite(scores).all(axis=1)] = np.nan
    return found


def look(network):
#if drawn
    """Return what a network sees: weights, confusion matrix, mistakes, and its answer."""
#else
    """Return what a network sees: its weights, what it takes for what, its mistakes."""
#end
#if switched
    network.eval()
#end
    found = chances(network, $images)
#if drawn
    (answer,) = chances(network, DRAWN[np.newaxis])
#end
#if switched
    network.train()
#end
    taken, sure = found.argmax(axis=1), found.max(axis=1)
    finite = np.isfinite(sure)
    confusion = np.zeros((CLASSES, CLASSES), int)  # [label, prediction]
    np.add.at(confusion, ($labels[finite], taken[finite]), 1)
    wrong = (finite & (taken != $labels)).nonzero()[0]
    wrong = wrong[np.argsort(-sure[wrong], kind="stable")]  # the surest first
    mistakes = list(zip(wrong, $labels[wrong], taken[wrong], sure[wrong]))
#if drawn
    return weights_of(network), confusion, mistakes, answer
#else
    return weights_of(network), confusion, mistakes
#end
'''

_TABLES = '''
#if flow
def flow_table(flows):
    """Yield what flowed through every layer of every network."""
    yield "lane", "layer", "iteration", "gradient_norm", "update_ratio"
    for name, flow in flows.items():
        for (layer, sample), norm in np.ndenumerate(flow[0]):
            if np.isfinite(norm):
                ratio = flow[1, layer, sample]
                cells = norm, ratio if np.isfinite(ratio) else ""
                yield name, layer + 1, sample * FLOW_EVERY + 1, *cells


#end
def seen_tables(seen):
    """Yield what is seen: a name for the file, and its rows."""
#if drawn
    rows = [("lane", "iteration", "class", "probability")]
    for name, found in seen.items():
        for digit, chance in enumerate(found[3] if found else ()):
            rows.append((name, LOOK_AT, digit, chance if np.isfinite(chance) else ""))
    yield "-answers", rows
#end
    if seen[INSIDE] is None:
        return
    weights, confusion, mistakes$answered = seen[INSIDE]
    counts = ((*cell, count) for cell, count in np.ndenumerate(confusion))
    for kind, columns, rows in (
        ("confusion", ("label", "predicted", "count"), counts),
        ("mistakes", ("image", "label", "predicted", "probability"), mistakes),
        ("weights", ("layer", "input", "unit", "weight"), weight_rows(weights)),
    ):
        head = [("lane", "iteration", *columns)]
        yield f"-{kind}", head + [(INSIDE, LOOK_AT, *row) for row in rows]


def weight_rows(weights):
    """Yield every weight, inputs and units counted from 1; inputs are pixels at first."""
    for layer, W in enumerate(weights, 1):
        numbers = USED.nonzero()[0] if layer == 1 else range(len(W))
        for (place, unit), value in np.ndenumerate(W):
            yield layer, numbers[place] + 1, unit + 1, np.float32(value)


def print_seen(seen):
    """Print what the network takes for what."""
#if drawn
    answers = {name: found[3] for name, found in seen.items() if found}
    for name, answer in answers.items():
        print(f"{name} takes what was drawn for {answer.argmax()}: {answer.max():.1%}")
#end
    if seen[INSIDE] is None:
        print(f"\\n{INSIDE} had ended before update {LOOK_AT}: nothing is seen of it")
        return
    confusion = seen[INSIDE][1]
    print(f"\\n{INSIDE} after {LOOK_AT} updates: {np.trace(confusion)} images right.")
    print("Labels in rows, what they are taken for in columns:")
    print("\\n".join("".join(f"{count:>6}" for count in row) for row in confusion))
'''

_FIGURE = '''
#if flow
def draw(plt, $drawn):
    """Return the figure: weights, confusion matrix, mistakes; losses and flow below."""
    figure = plt.figure(figsize=(14, 10), layout="constrained")
    upper, lower = figure.subfigures(2, 1, height_ratios=(3, 2))
    left, *others = lower.subplots(1, 3, sharex=True)
    draw_losses(left, results)
    draw_flow(others, flows[INSIDE])
#else
def draw(plt, $drawn):
    """Return the figure: weights, confusion matrix, mistakes."""
    figure = upper = plt.figure(figsize=(14, 6), layout="constrained")
#end
    if seen[INSIDE] is None:
        upper.suptitle(f"{INSIDE} had ended before update {LOOK_AT}")
        return figure
    weights, confusion, mistakes$answered = seen[INSIDE]
#if drawn
    left, middle, right, last = upper.subfigures(1, 4, width_ratios=(4, 4, 4, 3))
    draw_answers(last, seen)
#else
    left, middle, right = upper.subfigures(1, 3)
#end
    draw_weights(left.subplots(), weights[0])
    draw_confusion(middle.subplots(), confusion)
    draw_mistakes(right, mistakes)
    upper.suptitle(f"{INSIDE} after {LOOK_AT} updates")
    return figure


def draw_weights(plot, W):
    """Draw what each unit of the first layer looks for: its weights as an image."""
    units, (height, width) = W.shape[1], SHAPE
    columns = math.ceil(math.sqrt(units))
    rows = -(-units // columns)
    whole = np.full((rows, height + 1, columns, width + 1), np.nan)
    for unit, values in enumerate(W.T):
        image = np.full(PIXELS, np.nan)
        image[USED] = values
        whole[unit // columns, :-1, unit % columns, :-1] = image.reshape(SHAPE)
    scale = np.quantile(np.abs(W), 0.995) or 1
    mosaic = whole.reshape(rows * (height + 1), columns * (width + 1))
    plot.imshow(mosaic, "PuOr_r", vmin=-scale, vmax=scale)
    plot.set_title(f"weights of layer 1, from {-scale:.2g} to {scale:.2g}")
    plot.set_axis_off()


def draw_confusion(plot, confusion):
    """Draw how many images of each label were taken for what; colours are shares."""
    of_label = np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    plot.imshow(confusion / of_label, "Blues", vmin=0, vmax=1)
    for (label, predicted), count in np.ndenumerate(confusion):
        if count:
            colour = "white" if 2 * count > of_label[label] else "black"
            plot.text(predicted, label, count, color=colour, ha="center", va="center")
    plot.set(xticks=range(CLASSES), yticks=range(CLASSES))
    plot.set(xlabel="taken for", ylabel="label", title="confusion matrix")


def draw_mistakes(part, mistakes):
    """Draw the images that the network was surest of and wrong."""
    axes = part.subplots(4, 5)
    for plot, (image, label, predicted, sure) in zip(axes.flat, mistakes):
        plot.imshow($images[image].reshape(SHAPE), "gray_r")
        plot.set_title(f"{label} as {predicted}\\n{sure:.1%}", fontsize="small")
    for plot in axes.flat:
        plot.set_axis_off()
    part.suptitle("surest mistakes")
#if drawn


def draw_answers(part, seen):
    """Draw the image, and how probable each class is to every network."""
    found = [(name, one[3]) for name, one in seen.items() if one][:9]
    first, *plots = part.subplots(1 + len(found), 1)
    first.imshow(DRAWN.reshape(SHAPE), "gray_r")
    first.set_axis_off()
    for plot, (name, answer) in zip(plots, found):
        plot.bar(range(CLASSES), answer)
        plot.set(ylim=(0, 1), xticks=range(CLASSES), ylabel=name)
    part.suptitle("a drawn image")
#end
#if flow


def draw_losses(plot, results):
    """Draw every lane's smoothed loss."""
#if seeds
    for name, runs in results.items():
        known = quartiles(runs)[1]
#else
    for name, known in results.items():
#end
        label, colour, _ = LOOKS[name]
        plot.plot(known[1], color=colour, label=label)
    plot.set(xlabel="iteration", ylabel="training loss", ylim=(0, None))
    plot.legend(fontsize="small")


def draw_flow(plots, flow):
    """Draw each layer's gradient norm, and how far updates move its weights."""
    at = np.arange(flow.shape[2]) * FLOW_EVERY + 1
    words = f"gradient norm, {INSIDE}", f"update / weights, {INSIDE}"
    for plot, found, ylabel in zip(plots, flow, words):
        for layer, values in enumerate(found, 1):
            plot.semilogy(at, values, label=f"layer {layer}")
        plot.set(xlabel="iteration", ylabel=ylabel)
        plot.legend(fontsize="small")
#end
'''

_WRITE = """
files = [("", table(results)), *seen_tables(seen)]
#if flow
files.append(("-flow", flow_table(flows)))
#end
path = Path(options.csv)
for suffix, rows in files:
    file = path.with_stem(path.stem + suffix)
    with file.open("w", newline="", encoding="utf-8") as opened:
        csv.writer(opened, lineterminator="\\n").writerows(rows)
"""

FILES = "With --csv FILE.csv what is seen goes to files beside it: FILE-confusion.csv, FILE-mistakes.csv and others."
"""What is to be said of the files."""


def parts(flags: Collection[str], tests: str) -> list[str]:
    """Return the functions that measure, write and draw; `tests` begins the names of the images of the tests."""
    names = {
        "images": f"{tests}_IMAGES",
        "labels": f"{tests}_LABELS",
        "grads": literal("grad" if "torch" in flags else "grads"),
        "drawn": _drawn(flags),
        "answered": ", _" * ("drawn" in flags),
    }
    return [fill(template, flags, **names) for template in (_SEEING, _TABLES, _FIGURE)]


def _drawn(flags: Collection[str]) -> str:
    return "results, flows, seen" if "flow" in flags else "results, seen"


def ending(flags: Collection[str]) -> tuple[str, str, str]:
    """Return what `main_part` takes: what is written, what the figure is drawn from, what is printed."""
    return fill(_WRITE, flags), _drawn(flags), "print_seen(seen)"
