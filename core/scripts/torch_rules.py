"""Which of PyTorch's optimizers equals which of ours; a rule that it does not have is written out from its formulas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.scripts.rules import class_name
from core.scripts.writing import literal

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


@dataclass(frozen=True, slots=True)
class Native:
    """A class of `torch.optim`: its arguments, with our keys in braces.

    `scaled` says that its velocity lacks the learning rate, so that it equals ours only while that stays the same.
    """

    name: str
    arguments: tuple[str, ...]
    scaled: bool = False


_BETAS = "betas=({beta1}, {beta2})"
NATIVE: dict[str, Native] = {
    "sgd": Native("SGD", ("lr={lr}",)),
    "momentum": Native("SGD", ("lr={lr}", "momentum={momentum}"), scaled=True),
    "nesterov": Native("SGD", ("lr={lr}", "momentum={momentum}", "nesterov=True"), scaled=True),
    "adagrad": Native("Adagrad", ("lr={lr}", "eps={eps}")),
    "rmsprop": Native("RMSprop", ("lr={lr}", "alpha={decay}", "eps={eps}")),
    "adam": Native("Adam", ("lr={lr}", _BETAS, "eps={eps}")),
    "adamw": Native("AdamW", ("lr={lr}", _BETAS, "eps={eps}", "weight_decay={wd}")),
    "nadam": Native("NAdam", ("lr={lr}", _BETAS, "eps={eps}", "momentum_decay={momentum_decay}")),
    "adadelta": Native("Adadelta", ("lr={lr}", "rho={decay}", "eps={eps}")),
    "amsgrad": Native("Adam", ("lr={lr}", _BETAS, "eps={eps}", "amsgrad=True")),
    "adamax": Native("Adamax", ("lr={lr}", _BETAS, "eps={eps}")),
    "rmsprop_momentum": Native(
        "RMSprop", ("lr={lr}", "alpha={decay}", "eps={eps}", "momentum={momentum}"), scaled=True
    ),
}


def is_native(optimizer: str, settings: Mapping[str, Any], changed: Collection[str] = ()) -> bool:
    """Whether PyTorch has the rule, with these settings and while these of them change in mid-run."""
    native = NATIVE.get(optimizer)
    if native is None or (optimizer == "nesterov" and not settings["momentum"]):
        return False
    return set(changed) <= (set() if native.scaled else {"lr"})


def torch_rule(optimizer: str, settings: Mapping[str, Any], native: bool) -> tuple[str, list[str]]:
    """Return the class and the keyword arguments that make the optimizer; settings that are texts stand as they are."""
    texts = {key: value if isinstance(value, str) else literal(value) for key, value in settings.items()}
    if not native:
        return class_name(optimizer), [f"{key}={text}" for key, text in texts.items()]
    found = NATIVE[optimizer]
    return f"torch.optim.{found.name}", [part.format_map(texts) for part in found.arguments]
