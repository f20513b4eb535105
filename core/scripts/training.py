"""A training race as a script: the lanes' networks and optimizers, and what they learn from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.experiments.training import measured_epochs
from core.lanes import Axis, lanes_of
from core.presets import preset as preset_of
from core.scripts import Script, inside, races
from core.scripts.lanes import changes_of, describe, lane_entries, network_parts, rate_target
from core.scripts.parts import head, looks, main_part, module
from core.scripts.schedules import alike, rates_table, set_rate
from core.scripts.writing import fill, literal

if TYPE_CHECKING:
    from core.datasets import Dataset
    from core.parameters import Configuration

MOST_MEASURED = 1000


def script(
    configuration: Configuration, dataset: Dataset, name: str, torch: bool, look: inside.Look | None = None
) -> Script:
    """Return the script of a race and the images that it needs; with `look` also of what a network sees."""
    preset, values = preset_of(configuration.preset), dict(configuration.at(0))
    lanes = lanes_of(configuration.values, preset.axis)
    look = inside.look_of(preset, lanes, look)
    found = describe(lanes, configuration, values["iterations"], torch)
    flags = set(found.flags) | {"loss"}
    flags |= {"torch"} if torch else set()
    flags |= {"evaluated", "tested"} if values["evaluate"] else set()
    flags |= {"inside", "flow", "tested"} | inside.own_flags(look) if look else set()
    flags |= {"seeds"} if values["seeds"] > 1 else set()
    flags |= {"switched"} if torch and flags & {"batchnorm", "dropout"} else set()
    data = {"train_images": _first(dataset.train_images, values), "train_labels": _first(dataset.train_labels, values)}
    if "tested" in flags:
        data |= {"test_images": dataset.test_images, "test_labels": dataset.test_labels}
    data |= inside.data(look)
    data_name = f"{name}-data.npz"
    looked_up = not alike(found.rates, lanes)
    named = looked_up or any(change.lanes for change in found.changes)
    steering = [changes_of(found), set_rate(found.rates, lanes, rate_target(torch), "iteration")]
    arguments = "name, network, optimizer, seed" if named else "network, optimizer, seed"
    parts = [
        _constants(values, flags, data, dataset, data_name, look) + "\n\n" + looks(lanes),
        fill(races.BATCHES, flags),
        *network_parts(found, flags, torch),
        *found.classes,
        *found.schedules,
        rates_table(found.rates) if looked_up else "",
        fill(races.LANES, flags, lanes="\n".join(lane_entries(lanes, found, values, torch))),
        fill(races.TRAIN, flags, arguments=arguments, changes="\n".join(filter(None, steering))),
        fill(races.ACCURACY, flags) if "tested" in flags else "",
        *(inside.parts(flags, "TEST") if look else ()),
        fill(races.RESULTS, flags, of_medians=", medians of all seeds" * ("seeds" in flags)),
        "" if look else _figure(preset.axis, lanes, preset.loss_range, flags),
        main_part(
            fill(races.RUN, flags, named_first="name, " * named, arguments=arguments.removesuffix(", seed")),
            *(inside.ending(flags) if look else ()),
        ),
    ]
    about = (
        f"Same initial weights{', masks' * ('dropout' in flags)} and mini-batches as in Trainscope's window, in "
        "float32; losses and accuracies agree to its rounding, which training magnifies: first in the last digits, "
        "later in more."
    )
    if look:
        preset, about = inside.seen_of(preset, lanes, look), f"{about} {inside.FILES}"
    text = module(head(preset, name, torch, about, f", and {data_name} beside it"), parts, torch)
    return Script(text, f"{name}_torch.py" if torch else f"{name}.py", data_name, data)


def _first(array: Any, values: Any) -> Any:
    return array[: values.get("images") or len(array)]


def _constants(
    values: Any, flags: set[str], data: Any, dataset: Dataset, data_name: str, look: inside.Look | None
) -> str:
    images = len(data["train_labels"])
    per_epoch = max(1, images // values["batch"])
    lines = [
        f"SEEDS = {literal(tuple(range(values['seed'], values['seed'] + values['seeds'])))}"
        if "seeds" in flags
        else f"SEED = {values['seed']}",
        f"HIDDEN = {literal(values['hidden'])}",
        f"BATCH = {values['batch']}",
        f"ITERATIONS = {values['iterations']}",
        f"EPOCH = {per_epoch}  # updates",
    ]
    if "evaluated" in flags:
        measured = min(MOST_MEASURED, images)
        epochs = measured_epochs(values["evaluate"], per_epoch * values["batch"], measured + len(dataset.test_labels))
        lines += [
            f"EVALUATE = {epochs * per_epoch}  # updates between measurements of the accuracies",
            f"MEASURED = {measured}  # training images that are measured, the first ones",
        ]
    if look:
        lines += inside.constants(look, values["iterations"], flags)
    lines.append('COLUMNS = ("loss", "smoothed_loss", "train_accuracy", "test_accuracy")')
    purposes = {"WEIGHTS": 1, "BATCHES": 2} | ({"MASKS": 5} if "dropout" in flags else {})
    purpose = f"{', '.join(purposes)} = {', '.join(map(str, purposes.values()))}"
    about = "# Every use of random numbers has a stream of its own: its number is part of the key."
    data_lines = fill(races.DATA, flags, data=literal(data_name), classes=str(dataset.classes))
    if look:
        data_lines += "\n" + inside.pixels(dataset, ("TRAIN_IMAGES", "TEST_IMAGES"), look)
    return "\n".join([*lines, "", about, purpose, "", data_lines])


def _figure(axis: Axis, lanes: Any, loss_range: Any, flags: set[str]) -> str:
    if "evaluated" in flags and axis is Axis.BATCHNORM:
        scales = len({lane.name.rpartition("-")[0] for lane in lanes})
        rows = -(-scales // min(4, scales))
        return fill(races.GRID_FIGURE, flags, size=literal((2 + 3 * min(4, scales), 2 + 2 * rows)))
    if "evaluated" in flags and axis is Axis.REGULARIZATION:
        columns = min(2, len(lanes))
        return fill(races.GAP_FIGURE, flags, size=literal((5 * columns + 2, 1 + 3 * -(-len(lanes) // columns))))
    return fill(
        races.RACE_FIGURE,
        flags,
        loss_range=literal(loss_range or (0.0, None)),
        below=", accuracies below" * ("evaluated" in flags),
    )
