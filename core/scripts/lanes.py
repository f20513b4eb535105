"""Lanes of a training run as Python: what their networks have in common, what they are told apart by, what changes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from core.initializers import initializer
from core.scripts.networks import INITIAL, NUMPY_LAYERS, NUMPY_NETWORK, TORCH_LAYERS, TORCH_NETWORK
from core.scripts.rules import class_name, numpy_class, settings_of, torch_class
from core.scripts.schedules import Schedules
from core.scripts.torch_rules import is_native, torch_rule
from core.scripts.writing import ScriptError, fill, indented, keywords, literal, wrapped

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from core.lanes import Lane
    from core.parameters import Change, Configuration

STRENGTHS = ("l2", "l1", "dropout")
_CLASSES = {"relu": "ReLU", "sigmoid": "Sigmoid", "tanh": "Tanh"}


@dataclass(frozen=True, slots=True)
class LaneChange:
    """What changes in mid-run: an attribute's new value after so many updates; `lanes` are names, empty for all."""

    iteration: int
    target: str
    value: Any
    lanes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Networks:
    """What the networks of some lanes are: `flags` of the templates, arguments of the constructor with defaults.

    `std` is the standard deviation of initial weights in Python, where all lanes share it. `native` says of each
    optimizer whether PyTorch's own is used. `rates` are the learning rates of lanes that have a schedule.
    """

    flags: frozenset[str]
    activation: str
    std: str
    arguments: dict[str, Any] = field(default_factory=dict)
    native: Mapping[str, bool] = field(default_factory=dict)
    classes: tuple[str, ...] = ()
    changes: tuple[LaneChange, ...] = ()
    rates: Mapping[str, str] = field(default_factory=dict)
    schedules: tuple[str, ...] = ()


def describe(lanes: Sequence[Lane], configuration: Configuration, total: int, torch: bool) -> Networks:
    """Return what the lanes' networks are in a run of `total` updates; raises ScriptError for what no script says."""
    values = configuration.at(0)
    changes = [change for change in configuration.changes if 0 < change.iteration < total]
    schedules = Schedules(configuration, total)
    rates = {lane.name: rate for lane in lanes if (rate := schedules.rate(lane, _searched_rate(lane)))}
    changed = {change.key for change in changes}
    arguments: dict[str, Any] = {}
    flags = {lanes[0].activation}
    if any(lane.batchnorm for lane in lanes):
        flags.add("batchnorm")
        if not all(lane.batchnorm for lane in lanes):
            flags.add("mixed_batchnorm")
            arguments["batchnorm"] = False
    for key in STRENGTHS:
        if key in changed or any(lane.value(key, values) for lane in lanes):
            flags.add(key)
            arguments[key] = 0.0
    inits = {lane.init for lane in lanes}
    std = _std(inits)
    if len(inits) > 1:
        flags |= {"std", *(inits & {"he", "xavier"}), *(["std_of_two_kinds"] * (std == "sigma"))}
    native = _native(lanes, values, changed, rates)
    written = [key for key in dict.fromkeys(lane.optimizer for lane in lanes) if not (torch and native[key])]
    return Networks(
        frozenset(flags),
        _CLASSES[lanes[0].activation],
        std,
        arguments,
        native if torch else dict.fromkeys(native, False),
        tuple((torch_class if torch else numpy_class)(key) for key in written),
        _lane_changes(changes, lanes, native if torch else None, rates),
        rates,
        tuple(schedules.functions()),
    )


def _searched_rate(lane: Lane) -> str:
    """Return how a trial's own learning rate is written, nothing where it has none."""
    is_trial = lane.name.startswith("trial-")
    return 'self.found["lr"]' if is_trial and f"{lane.optimizer}.lr" in dict(lane.own) else ""


def _native(
    lanes: Sequence[Lane], values: Mapping[str, Any], changed: set[str], rates: Mapping[str, str]
) -> dict[str, bool]:
    """Return of each optimizer whether PyTorch's own gives the same numbers for all lanes that have it."""
    found: dict[str, bool] = {}
    for lane in lanes:
        own = {key.partition(".")[2] for key in changed if key.startswith(f"{lane.optimizer}.")} - {"schedule"}
        own |= {"lr"} if lane.name in rates else set()
        same = is_native(lane.optimizer, lane_settings(lane, values), own)
        found[lane.optimizer] = found.get(lane.optimizer, True) and same
    return found


def lane_settings(lane: Lane, values: Mapping[str, Any]) -> dict[str, float]:
    """Return the hyperparameters of a lane's optimizer, its own ones included."""
    found = settings_of(lane.optimizer, values)
    return {key: lane.value(f"{lane.optimizer}.{key}", {f"{lane.optimizer}.{key}": found[key]}) for key in found}


def _std(inits: set[str]) -> str:
    """Return the standard deviation that all lanes share, or that of the argument `std`."""
    if len(inits) == 1:
        return _shared_std(next(iter(inits)))
    functions = inits & {"he", "xavier"}
    if len(functions) == len(inits):
        return "std(n_in)"
    return "sigma" if functions else "std"


def _shared_std(init: str) -> str:
    named = {"he": "np.sqrt(2 / n_in)", "xavier": "np.sqrt(1 / n_in)"}
    return named.get(init) or literal(initializer(init).sigma(1))


def std_argument(lane: Lane, found: Networks) -> list[str]:
    """Return a lane's initial weights as an argument, where lanes differ in them."""
    if "std" not in found.flags:
        return []
    return [f"std={lane.init if lane.init in ('he', 'xavier') else literal(initializer(lane.init).sigma(1))}"]


def network_arguments(lane: Lane, found: Networks, values: Mapping[str, Any], seed: str = "seed") -> list[str]:
    """Return the arguments that make a lane's network."""
    given = [seed, *std_argument(lane, found)]
    if "dropout" in found.arguments:
        given.insert(0, literal(lane.name))
    if lane.batchnorm and "mixed_batchnorm" in found.flags:
        given.append("batchnorm=True")
    strengths = {key: lane.value(key, values) for key in STRENGTHS if key in found.arguments}
    return [*given, *(f"{key}={literal(value)}" for key, value in strengths.items() if value)]


def lane_entries(lanes: Sequence[Lane], found: Networks, values: Mapping[str, Any], torch: bool) -> list[str]:
    """Return one entry of the dictionary of lanes for each."""
    return [indented(_entry(lane, found, values, torch), 0) for lane in lanes]


def _entry(lane: Lane, found: Networks, values: Mapping[str, Any], torch: bool) -> str:
    settings = lane_settings(lane, values)
    network = f"MultiLayerNet({', '.join(network_arguments(lane, found, values))})"
    if torch:
        made, arguments = torch_rule(lane.optimizer, settings, found.native[lane.optimizer])
        return wrapped(f"{literal(lane.name)}: lane(", [network, made, *arguments], "),", 8)
    optimizer = f"{class_name(lane.optimizer)}({', '.join(keywords(settings))})"
    return wrapped(f"{literal(lane.name)}: (", [network, optimizer], "),", 8)


def network_parts(found: Networks, flags: set[str], torch: bool) -> list[str]:
    """Return the layers and the network."""
    first = ["self", *["name"] * ("dropout" in found.arguments), "seed", *["std"] * ("std" in flags)]
    parts = [*first, *keywords(found.arguments)]
    decayed = ", weight decay included" * bool(flags & {"l2", "l1"})
    network = fill(
        TORCH_NETWORK if torch else NUMPY_NETWORK,
        flags,
        about=_about(flags),
        head=indented(wrapped("def __init__(", parts, "):", 4), 4),
        std=found.std,
        activation=found.activation,
        decayed=decayed,
    )
    layers = fill(TORCH_LAYERS if torch else NUMPY_LAYERS, flags).strip("\n")
    return [layers, fill(INITIAL, flags).strip("\n"), network]


def _about(flags: set[str]) -> str:
    parts = ["Affine"]
    if "batchnorm" in flags:
        parts.append("[BatchNorm]" if "mixed_batchnorm" in flags else "BatchNorm")
    parts.append(next(name for key, name in _CLASSES.items() if key in flags))
    if "dropout" in flags:
        parts.append("Dropout")
    return f"{' – '.join(parts)} for every hidden layer, then affine and softmax."


def _lane_changes(
    changes: Sequence[Change], lanes: Sequence[Lane], native: Mapping[str, bool] | None, rates: Mapping[str, str]
) -> tuple[LaneChange, ...]:
    """Return what changes in mid-run besides the learning rates of lanes that have a schedule."""
    found = []
    for change in changes:
        owner, _, key = change.key.rpartition(".")
        if "schedule" in (owner, key):
            continue
        of = [lane for lane in lanes if change.key not in dict(lane.own) and owner in ("", lane.optimizer)]
        of = [lane for lane in of if key != "lr" or lane.name not in rates]
        if of:
            names = () if len(of) == len(lanes) else tuple(lane.name for lane in of)
            found.append(LaneChange(change.iteration, _target(owner, key, native), change.value, names))
    return tuple(found)


def _target(owner: str, key: str, native: Mapping[str, bool] | None) -> str:
    """Return the attribute that a key of the configuration is in a script."""
    if not owner and key not in STRENGTHS:
        raise ScriptError(f"{key}: no script yet for its change in mid-run")
    return f"network.{key}" if not owner else rate_target(native is not None) if key == "lr" else f"optimizer.{key}"


def rate_target(torch: bool) -> str:
    """Return where an optimizer has its learning rate."""
    return 'optimizer.param_groups[0]["lr"]' if torch else "optimizer.lr"


def changes_of(found: Networks, moment: str = "iteration") -> str:
    """Return the statements that change what changed in mid-run."""
    lines = []
    for change in found.changes:
        condition = f"{moment} == {change.iteration}"
        if len(change.lanes) == 1:
            condition += f" and name == {literal(change.lanes[0])}"
        elif change.lanes:
            condition += f" and name in {literal(change.lanes)}"
        lines.append(f"if {condition}:\n    {change.target} = {literal(change.value)}")
    return "\n".join(lines)
