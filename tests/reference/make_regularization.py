"""Write regularization.json: Dropout, weight decay and BatchNorm's running statistics in PyTorch, float64.

    python tests/reference/make_regularization.py

Needs PyTorch, which the tests do not. Networks, initial weights and batches are those of make_networks.py.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import batch_norm, cross_entropy

sys.path.insert(0, str(Path(__file__).parent))
from make_networks import ACTIVATIONS, BATCH, SIZES, STEPS, batches, initial, network, plain
from make_optimizers import RULES

KEEP, EPS = 0.9, 1e-5  # of what was kept of BatchNorm's running statistics; PyTorch's momentum is 0.1
RATIOS = (0.3, 0.5)
# Each lane's lr, l2 and l1; the lanes of one rule are trained as one stack by the engine, one by one here.
DECAYS = {
    "sgd": [(0.1, 0.0, 0.0), (0.05, 0.2, 0.0), (0.2, 0.0, 0.03), (0.1, 0.05, 0.01)],
    "momentum": [(0.05, 0.0, 0.01), (0.02, 0.3, 0.0), (0.01, 0.0, 0.0)],
    "adam": [(0.02, 0.1, 0.0), (0.005, 0.0, 0.02), (0.05, 0.01, 0.005)],
}
OTHER_SETTINGS = {
    "sgd": {},
    "momentum": {"momentum": 0.9},
    "adam": {"beta1": 0.9, "beta2": 0.999, "eps": 1e-7},
}


def masks() -> list[list[np.ndarray]]:
    """Return 0/1 masks, of each ratio and each hidden layer (STEPS, BATCH, features)."""
    draws = np.random.default_rng(8)
    return [[(draws.random((STEPS, BATCH, n)) >= ratio).astype(int) for n in SIZES[1:-1]] for ratio in RATIOS]


def flat(model: torch.nn.Sequential, grads: bool = False) -> list[float]:
    """Return all parameters, or gradients, in the engine's order."""
    return [value for part in plain(model, grads) for value in part]


class Dropped(torch.nn.Module):
    """A network whose hidden activations are multiplied by given masks / (1 - ratio)."""

    def __init__(self, model: torch.nn.Sequential, ratio: float, given: list[np.ndarray]) -> None:
        """Take the masks (STEPS, BATCH, features) of each hidden layer."""
        super().__init__()
        self.model, self.ratio = model, ratio
        self.masks = [torch.from_numpy(mask).to(torch.float64) for mask in given]

    def forward(self, x: torch.Tensor, step: int) -> torch.Tensor:
        """Return the logits under the masks of a step."""
        left = iter(self.masks)
        for part in self.model:
            x = part(x)
            if isinstance(part, tuple(ACTIVATIONS.values())):
                x = x * next(left)[step] / (1 - self.ratio)
        return x


def dropped_gradients(activation: str, batchnorm: bool) -> dict:
    """One batch under the first masks, a lane for each ratio: logits, loss, gradients."""
    (x, labels), lanes = batches(), []
    for ratio, given in zip(RATIOS, masks(), strict=True):
        model = network(initial(), activation, batchnorm)
        logits = Dropped(model, ratio, given)(torch.from_numpy(x[0]), 0)
        loss = cross_entropy(logits, torch.from_numpy(labels[0]))
        loss.backward()
        lanes.append({"logits": logits.tolist(), "loss": loss.item(), "gradients": flat(model, grads=True)})
    return {"activation": activation, "batchnorm": batchnorm, "lanes": lanes}


def train(model: torch.nn.Sequential, forward, optimizer, l2: float = 0.0, l1: float = 0.0) -> list[float]:
    """Make STEPS updates of loss + l2/2 sum(W^2) + l1 sum|W|; return the losses before each, without these terms."""
    (x, labels), losses = batches(), []
    weights = [part.weight for part in model if isinstance(part, torch.nn.Linear)]
    for step in range(STEPS):
        optimizer.zero_grad()
        loss = cross_entropy(forward(torch.from_numpy(x[step]), step), torch.from_numpy(labels[step]))
        held = sum(0.5 * l2 * (w**2).sum() + l1 * w.abs().sum() for w in weights)
        (loss + held).backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def dropped_training(batchnorm: bool) -> dict:
    """STEPS updates of SGD under the masks, a lane for each ratio."""
    lanes = []
    for ratio, given in zip(RATIOS, masks(), strict=True):
        model = network(initial(), "relu", batchnorm)
        losses = train(model, Dropped(model, ratio, given), RULES["sgd"](model.parameters(), lr=0.1))
        lanes.append({"losses": losses, "parameters": flat(model)})
    return {"batchnorm": batchnorm, "lr": 0.1, "lanes": lanes}


def decayed_training(rule: str, batchnorm: bool) -> dict:
    """STEPS updates of each lane with its own lr, l2 and l1."""
    lanes = []
    for lr, l2, l1 in DECAYS[rule]:
        model = network(initial(), "relu", batchnorm)
        optimizer = RULES[rule](model.parameters(), lr=lr, **OTHER_SETTINGS[rule])
        losses = train(model, lambda x, _step, model=model: model(x), optimizer, l2, l1)
        lanes.append({"lr": lr, "l2": l2, "l1": l1, "losses": losses, "parameters": flat(model)})
    return {"optimizer": rule, "settings": OTHER_SETTINGS[rule], "batchnorm": batchnorm, "lanes": lanes}


def running(means: list, variances: list) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the running statistics of our convention, by the plain loop.

    Both start from the first batch's, and variances are those of the batch (divided by n); PyTorch's start from 0 and
    1, and its running variance is the unbiased one (divided by n - 1).
    """
    mean, var = means[0], variances[0]
    for m, v in zip(means[1:], variances[1:], strict=True):
        mean, var = KEEP * mean + (1 - KEEP) * m, KEEP * var + (1 - KEEP) * v
    return mean, var


def batchnorm_layer() -> dict:
    """One layer over STEPS batches: outputs and gradients in training, both conventions' statistics, predictions."""
    draws = np.random.default_rng(9)
    x = (draws.normal(0, 1, (STEPS, BATCH, 4)) * [0.5, 1, 2, 5] + np.linspace(-3, 3, STEPS)[:, None, None]).round(2)
    d = draws.normal(0, 1, (BATCH, 4)).round(2)
    gamma, beta = draws.uniform(0.5, 1.5, 4).round(2), draws.normal(0, 1, 4).round(2)
    layer = torch.nn.BatchNorm1d(4, eps=EPS, momentum=1 - KEEP, dtype=torch.float64)
    layer.weight.data, layer.bias.data = torch.from_numpy(gamma.copy()), torch.from_numpy(beta.copy())
    given = [torch.from_numpy(batch).requires_grad_() for batch in x]
    outputs = [layer(batch) for batch in given]
    (outputs[0] * torch.from_numpy(d)).sum().backward()
    plain_given = [batch.detach() for batch in given]
    mean, var = running([b.mean(0) for b in plain_given], [b.var(0, correction=0) for b in plain_given])
    predicted = batch_norm(plain_given[3], mean, var, layer.weight, layer.bias, training=False, eps=EPS)
    return {
        "inputs": x.tolist(),
        "d": d.tolist(),
        "gamma": gamma.tolist(),
        "beta": beta.tolist(),
        "outputs": [outputs[0].tolist(), outputs[-1].tolist()],
        "d_inputs": given[0].grad.tolist(),
        "d_gamma": layer.weight.grad.tolist(),
        "d_beta": layer.bias.grad.tolist(),
        "torch_running": [layer.running_mean.tolist(), layer.running_var.tolist()],
        "running": [mean.tolist(), var.tolist()],
        "predicted": predicted.tolist(),
    }


def batchnorm_prediction() -> dict:
    """Logits that a trained network predicts with the running statistics of our convention."""
    model, seen = network(initial(), "relu", True), {}
    normalizers = [part for part in model if isinstance(part, torch.nn.BatchNorm1d)]
    for part in normalizers:
        part.register_forward_hook(lambda part, given, _out: seen.setdefault(part, []).append(given[0].detach()))
    train(model, lambda x, _step: model(x), RULES["sgd"](model.parameters(), lr=0.1))
    for part in normalizers:
        inputs = seen[part]
        mean, var = running([b.mean(0) for b in inputs], [b.var(0, correction=0) for b in inputs])
        part.running_mean, part.running_var = mean, var
    with torch.no_grad():
        return {"lr": 0.1, "logits": model.eval()(torch.from_numpy(batches()[0][0])).tolist()}


def main() -> None:
    """Write the file beside this script, one case a line."""
    kinds = [(activation, bn) for activation in ACTIVATIONS for bn in (False, True)]
    parts = {
        "made_with": f"torch {torch.__version__}",
        "ratios": RATIOS,
        "masks": [[mask.tolist() for mask in given] for given in masks()],
        "dropout_gradients": [dropped_gradients(*kind) for kind in kinds],
        "dropout_trainings": [dropped_training(bn) for bn in (False, True)],
        "decay_trainings": [decayed_training(rule, bn) for rule in DECAYS for bn in (False, True)],
        "batchnorm_layer": batchnorm_layer(),
        "batchnorm_prediction": batchnorm_prediction(),
    }

    def lines(value: object) -> str:
        if isinstance(value, list):
            return "[\n" + ",\n".join(map(json.dumps, value)) + "\n]"
        return json.dumps(value)

    text = "{" + ",\n".join(f'"{key}": {lines(value)}' for key, value in parts.items()) + "}\n"
    json.loads(text)
    Path(__file__).with_name("regularization.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
