"""Write optimizers.json: paths of torch.optim in float64 on small problems whose gradients come from autograd.

    python tests/reference/make_optimizers.py

Needs PyTorch, which the tests do not. For a new optimizer add a line to RULES and its settings to SETTINGS.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch

torch.set_default_dtype(torch.float64)  # NAdam keeps the product of its shares in the default type
RECORDED = [1, 2, 3, 5, 10, 20, 50, 100, 150, 200]

RULES = {
    "sgd": lambda p, lr: torch.optim.SGD(p, lr=lr),
    "momentum": lambda p, lr, momentum: torch.optim.SGD(p, lr=lr, momentum=momentum),
    "nesterov": lambda p, lr, momentum: torch.optim.SGD(p, lr=lr, momentum=momentum, nesterov=True),
    "adagrad": lambda p, lr, eps: torch.optim.Adagrad(p, lr=lr, eps=eps),
    "rmsprop": lambda p, lr, decay, eps: torch.optim.RMSprop(p, lr=lr, alpha=decay, eps=eps),
    "adam": lambda p, lr, beta1, beta2, eps: torch.optim.Adam(p, lr=lr, betas=(beta1, beta2), eps=eps),
    "adadelta": lambda p, lr, decay, eps: torch.optim.Adadelta(p, lr=lr, rho=decay, eps=eps),
    "adamax": lambda p, lr, beta1, beta2, eps: torch.optim.Adamax(p, lr=lr, betas=(beta1, beta2), eps=eps),
    "adamw": lambda p, lr, beta1, beta2, eps, wd: torch.optim.AdamW(
        p, lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=wd
    ),
    "amsgrad": lambda p, lr, beta1, beta2, eps: torch.optim.Adam(p, lr=lr, betas=(beta1, beta2), eps=eps, amsgrad=True),
    "nadam": lambda p, lr, beta1, beta2, eps, momentum_decay: torch.optim.NAdam(
        p, lr=lr, betas=(beta1, beta2), eps=eps, momentum_decay=momentum_decay
    ),
    "rmsprop_momentum": lambda p, lr, decay, eps, momentum: torch.optim.RMSprop(
        p, lr=lr, alpha=decay, eps=eps, momentum=momentum
    ),
}

# Per rule: settings for each problem. A large eps shows on which side of the root it stands.
SETTINGS = {
    "sgd": [{"lr": 0.0015}, {"lr": 0.0005}, {"lr": 0.001}],
    "momentum": [{"lr": 0.0006, "momentum": 0.9}, {"lr": 0.0002, "momentum": 0.5}, {"lr": 0.0005, "momentum": 0.8}],
    "nesterov": [{"lr": 0.0006, "momentum": 0.9}, {"lr": 0.0002, "momentum": 0.5}, {"lr": 0.0005, "momentum": 0.8}],
    "adagrad": [{"lr": 0.5, "eps": 1e-7}, {"lr": 0.05, "eps": 0.5}, {"lr": 0.01, "eps": 1e-10}],
    "rmsprop": [
        {"lr": 0.01, "decay": 0.99, "eps": 1e-7},
        {"lr": 0.005, "decay": 0.9, "eps": 0.5},
        {"lr": 0.001, "decay": 0.5, "eps": 1e-3},
    ],
    "adam": [
        {"lr": 0.001, "beta1": 0.9, "beta2": 0.999, "eps": 1e-7},
        {"lr": 0.01, "beta1": 0.5, "beta2": 0.9, "eps": 0.5},
        {"lr": 0.02, "beta1": 0.8, "beta2": 0.99, "eps": 1e-3},
    ],
    "adadelta": [{"lr": 1.0, "decay": 0.9, "eps": 1e-6}, {"lr": 0.3, "decay": 0.5, "eps": 1e-3}],
    "adamax": [
        {"lr": 0.002, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8},
        {"lr": 0.01, "beta1": 0.5, "beta2": 0.9, "eps": 0.5},
    ],
    "adamw": [
        {"lr": 0.001, "beta1": 0.9, "beta2": 0.999, "eps": 1e-7, "wd": 0.01},
        {"lr": 0.02, "beta1": 0.8, "beta2": 0.99, "eps": 1e-3, "wd": 2.0},
    ],
    "amsgrad": [
        {"lr": 0.001, "beta1": 0.9, "beta2": 0.999, "eps": 1e-7},
        {"lr": 0.05, "beta1": 0.5, "beta2": 0.9, "eps": 0.5},
    ],
    "nadam": [
        {"lr": 0.002, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "momentum_decay": 0.004},
        {"lr": 0.02, "beta1": 0.8, "beta2": 0.99, "eps": 1e-3, "momentum_decay": 0.2},
    ],
    "rmsprop_momentum": [
        {"lr": 0.001, "decay": 0.99, "eps": 1e-7, "momentum": 0.9},
        {"lr": 0.005, "decay": 0.9, "eps": 0.5, "momentum": 0.5},
    ],
}


def quadratic(p: torch.Tensor) -> torch.Tensor:
    """Four coordinates of curvature 0.1, 1, 4 and 20, without coupling."""
    return (torch.tensor([0.05, 0.5, 2.0, 10.0], dtype=torch.float64) * p**2).sum()


def rosenbrock(p: torch.Tensor) -> torch.Tensor:
    """(1 - x)^2 + 100 (y - x^2)^2."""
    return (1 - p[0]) ** 2 + 100 * (p[1] - p[0] ** 2) ** 2


def waves(p: torch.Tensor) -> torch.Tensor:
    """A gradient that changes its sign often and never fades."""
    return (torch.sin(3 * p) + 0.5 * p**2).sum() + torch.cos(p[0] * p[1])


PROBLEMS = {
    "quadratic": (quadratic, [-7.0, 2.0, 1.5, -0.5]),
    "rosenbrock": (rosenbrock, [-1.2, 1.0]),
    "waves": (waves, [1.0, -2.0, 0.3]),
}


def path(rule: str, settings: dict[str, float], problem: str) -> list[list[float]]:
    """Return the points after the recorded numbers of updates."""
    f, start = PROBLEMS[problem]
    p = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    optimizer, found = RULES[rule]([p], **settings), []
    for step in range(1, RECORDED[-1] + 1):
        optimizer.zero_grad()
        f(p).backward()
        optimizer.step()
        if step in RECORDED:
            found.append(p.tolist())
    return found


def main() -> None:
    """Write the file beside this script, one path a line."""
    cases = [
        {"optimizer": rule, "problem": problem, "start": start, "settings": s, "points": path(rule, s, problem)}
        for rule, settings in SETTINGS.items()
        for problem, (_f, start) in PROBLEMS.items()
        for s in settings
    ]
    lines = ",\n".join(json.dumps(case) for case in cases)
    head = json.dumps({"made_with": f"torch {torch.__version__}", "recorded": RECORDED})
    text = f'{head[:-1]}, "cases": [\n{lines}\n]}}\n'
    json.loads(text)
    Path(__file__).with_name("optimizers.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
