"""Write schedules.json: learning rates of torch.optim.lr_scheduler, by the number of updates made before.

    python tests/reference/make_schedules.py

Needs PyTorch, which the tests do not. A schedule after a warm-up is LinearLR and then the schedule, by SequentialLR.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch.optim import lr_scheduler as torch_lr

UPDATES = 60
SETTINGS = [
    {"every": 7, "length": 40, "gamma": 0.5, "floor": 0.01, "warmup": 5},
    {"every": 20, "length": 60, "gamma": 0.1, "floor": 0.0, "warmup": 1},
    {"every": 1, "length": 25, "gamma": 0.9, "floor": 0.3, "warmup": 10},
]


def scheduler(optimizer: torch.optim.Optimizer, key: str, every: int, length: int, gamma: float, floor: float):
    """Return PyTorch's scheduler of that name; exponential with a factor for each of n updates."""
    if key == "step":
        return torch_lr.StepLR(optimizer, step_size=every, gamma=gamma)
    if key == "exponential":
        return torch_lr.ExponentialLR(optimizer, gamma=gamma ** (1 / every))
    if key == "cosine":
        return torch_lr.CosineAnnealingLR(optimizer, T_max=length, eta_min=floor * optimizer.defaults["lr"])
    if key == "inverse":
        return torch_lr.LambdaLR(optimizer, lambda t: 1 / (1 + t / every))
    return torch_lr.ConstantLR(optimizer, factor=1.0)


def rates(key: str, settings: dict[str, float]) -> list[float]:
    """Return the rate of every update; of cosine, which PyTorch lets rise again, up to its floor."""
    optimizer = torch.optim.SGD([torch.zeros(1, dtype=torch.float64, requires_grad=True)], lr=0.5)
    name, warm = key.removeprefix("warmup-"), key.startswith("warmup")
    own = {**settings}
    warmup = own.pop("warmup") if warm else own.pop("warmup") * 0
    own["length"] -= warmup
    found = scheduler(optimizer, name, **own)
    if warm:
        rising = torch_lr.LinearLR(optimizer, start_factor=1 / warmup, total_iters=max(1, warmup - 1))
        found = torch_lr.SequentialLR(optimizer, [rising, found], milestones=[warmup])
    rows = []
    for _ in range(settings["length"] + 1 if name == "cosine" else UPDATES):
        rows.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        found.step()
    return rows


def main() -> None:
    """Write the file."""
    keys = ("constant", "step", "exponential", "cosine", "inverse")
    names = [*keys, "warmup", *(f"warmup-{key}" for key in keys[1:])]
    cases = [{"key": key, "settings": s, "lr": 0.5, "rates": rates(key, s)} for key in names for s in SETTINGS]
    content = {"torch": torch.__version__, "cases": cases}
    Path(__file__).with_name("schedules.json").write_text(json.dumps(content) + "\n")


if __name__ == "__main__":
    main()
