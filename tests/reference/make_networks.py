"""Write networks.json: forward passes, losses, gradients and short trainings of small networks in PyTorch, float64.

    python tests/reference/make_networks.py

Needs PyTorch, which the tests do not. Initial weights and batches are drawn here, rounded, and recorded with the rest.
"""

from __future__ import annotations

import json
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parent))
from make_optimizers import RULES

SIZES, BATCH, STEPS, L2 = (6, 5, 4, 3), 9, 20, 0.05
ACTIVATIONS = {"relu": torch.nn.ReLU, "sigmoid": torch.nn.Sigmoid, "tanh": torch.nn.Tanh}
SETTINGS = {
    "sgd": {"lr": 0.1},
    "momentum": {"lr": 0.05, "momentum": 0.9},
    "nesterov": {"lr": 0.05, "momentum": 0.9},
    "adagrad": {"lr": 0.05, "eps": 1e-7},
    "rmsprop": {"lr": 0.01, "decay": 0.99, "eps": 1e-7},
    "adam": {"lr": 0.02, "beta1": 0.9, "beta2": 0.999, "eps": 1e-7},
    "adadelta": {"lr": 1.0, "decay": 0.9, "eps": 1e-6},
    "adamax": {"lr": 0.02, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8},
    "adamw": {"lr": 0.02, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "wd": 0.1},
    "amsgrad": {"lr": 0.02, "beta1": 0.9, "beta2": 0.999, "eps": 1e-7},
    "nadam": {"lr": 0.02, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "momentum_decay": 0.004},
    "rmsprop_momentum": {"lr": 0.01, "decay": 0.99, "eps": 1e-7, "momentum": 0.9},
}


def initial() -> list[dict[str, list]]:
    """Return weights (n_in, n_out), biases, gamma and beta of each layer."""
    draws, layers = np.random.default_rng(6), []
    for n_in, n_out in pairwise(SIZES):
        layer = {
            "weights": draws.normal(0, 0.6, (n_in, n_out)),
            "biases": draws.normal(0, 0.3, n_out),
            "gamma": draws.uniform(0.5, 1.5, n_out),
            "beta": draws.normal(0, 0.3, n_out),
        }
        layers.append({key: value.round(3).tolist() for key, value in layer.items()})
    for key in ("gamma", "beta"):
        del layers[-1][key]
    return layers


def batches() -> tuple[np.ndarray, np.ndarray]:
    """Return inputs (STEPS, BATCH, features) and labels (STEPS, BATCH)."""
    draws = np.random.default_rng(7)
    return draws.normal(0, 1, (STEPS, BATCH, SIZES[0])).round(2), draws.integers(0, SIZES[-1], (STEPS, BATCH))


def network(layers: list[dict[str, list]], activation: str, batchnorm: bool) -> torch.nn.Sequential:
    """Return the network with the given parameters."""
    parts: list[torch.nn.Module] = []
    for number, layer in enumerate(layers):
        weights = torch.tensor(layer["weights"], dtype=torch.float64)
        linear = torch.nn.Linear(*weights.shape, dtype=torch.float64)
        linear.weight.data = weights.T.contiguous()
        linear.bias.data = torch.tensor(layer["biases"], dtype=torch.float64)
        parts.append(linear)
        if number == len(layers) - 1:
            break
        if batchnorm:
            normalize = torch.nn.BatchNorm1d(weights.shape[1], eps=1e-5, dtype=torch.float64)
            normalize.weight.data = torch.tensor(layer["gamma"], dtype=torch.float64)
            normalize.bias.data = torch.tensor(layer["beta"], dtype=torch.float64)
            parts.append(normalize)
        parts.append(ACTIVATIONS[activation]())
    return torch.nn.Sequential(*parts)


def plain(model: torch.nn.Sequential, grads: bool = False) -> list[list[float]]:
    """Return each parametrised layer's parameters, or gradients, flat: (n_in, n_out) weights then biases."""
    found = []
    for part in model:
        values = [p.grad if grads else p.data for p in part.parameters()]
        if values:
            first = values[0].T if isinstance(part, torch.nn.Linear) else values[0]
            found.append([*first.reshape(-1).tolist(), *values[1].tolist()])
    return found


def parameter_groups(model: torch.nn.Sequential, l2: float) -> list[dict]:
    """Decay weights only, not biases, gamma or beta."""
    weights = [part.weight for part in model if isinstance(part, torch.nn.Linear)]
    others = [p for p in model.parameters() if not any(p is w for w in weights)]
    return [{"params": weights, "weight_decay": l2}, {"params": others}]


def penalty(model: torch.nn.Sequential, l2: float) -> torch.Tensor:
    """Return l2 / 2 times the sum of all squared weights."""
    return l2 / 2 * sum(part.weight.square().sum() for part in model if isinstance(part, torch.nn.Linear))


def gradients(activation: str, batchnorm: bool) -> dict:
    """One batch: logits, loss, gradients."""
    model, (x, labels) = network(initial(), activation, batchnorm), batches()
    logits = model(torch.from_numpy(x[0]))
    loss = torch.nn.functional.cross_entropy(logits, torch.from_numpy(labels[0]))
    loss.backward()
    return {
        "activation": activation,
        "batchnorm": batchnorm,
        "logits": logits.tolist(),
        "loss": loss.item(),
        "gradients": plain(model, grads=True),
    }


def training(rule: str, batchnorm: bool, l2: float) -> dict:
    """STEPS updates: the loss before each, and the parameters at the end."""
    model, (x, labels) = network(initial(), "relu", batchnorm), batches()
    decoupled = "wd" in SETTINGS[rule]  # PyTorch's weight_decay is then another thing than the penalty on the loss
    groups = model.parameters() if decoupled else parameter_groups(model, l2)
    optimizer, losses = RULES[rule](groups, **SETTINGS[rule]), []
    for inputs, chosen in zip(torch.from_numpy(x), torch.from_numpy(labels), strict=True):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(inputs), chosen)
        (loss + penalty(model, l2) if decoupled else loss).backward()
        optimizer.step()
        losses.append(loss.item())
    common = {"optimizer": rule, "settings": SETTINGS[rule], "batchnorm": batchnorm, "l2": l2}
    return {**common, "losses": losses, "parameters": plain(model)}


def main() -> None:
    """Write the file beside this script, one case a line."""
    x, labels = batches()
    one = [gradients(activation, bn) for activation in ACTIVATIONS for bn in (False, True)]
    many = [training(rule, bn, l2) for rule in RULES for bn in (False, True) for l2 in (0.0, L2)]
    head = {"made_with": f"torch {torch.__version__}", "sizes": SIZES, "initial": initial()}
    head |= {"inputs": x.tolist(), "labels": labels.tolist()}
    lists = [
        f'"{name}": [\n' + ",\n".join(map(json.dumps, cases)) + "\n]"
        for name, cases in (("gradients", one), ("trainings", many))
    ]
    text = json.dumps(head)[:-1] + ",\n" + ",\n".join(lists) + "}\n"
    json.loads(text)
    Path(__file__).with_name("networks.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
