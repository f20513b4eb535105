"""What stopping trials early saves: counts, not timings, so that they are the same on every machine.

Each seed's search is made twice, to the end and with successive halving, from the same trials, weights and
mini-batches. A search finds the trial it ranks first.
"""

from __future__ import annotations

from dataclasses import dataclass

from report import Goal, print_goals


@dataclass(frozen=True)
class Found:
    """The validation accuracy of the trial that a search ranks first, and the updates of all its trials."""

    accuracy: float
    updates: int


def search(seed: int, halving: bool) -> Found:
    """Make one search to its end."""
    from core.datasets import load_sample
    from core.presets import build, preset

    configuration = preset("random-search").read({"trials": "100", "seed": str(seed), "halving": str(halving).lower()})
    run = build(configuration, load_sample)
    try:
        run.advance(run.total)
        frame = run.snapshot()
    finally:
        run.close()
    return Found(float(frame.last[frame.ranking[0]]), frame.made)


def report_halving(seeds: int) -> bool:
    """Print each seed's two searches and what became of the goals; return whether both were reached."""
    print(f"{'halving: seed':<16}{'to the end':>12}{'halved':>9}{'updates':>11}{'halved':>9}{'share':>8}")
    differences, shares = [], []
    for seed in range(seeds):
        whole, halved = search(seed, False), search(seed, True)
        differences.append(halved.accuracy - whole.accuracy)
        shares.append(halved.updates / whole.updates)
        print(
            f"{seed:<16}{whole.accuracy:>12.3f}{halved.accuracy:>9.3f}"
            f"{whole.updates:>11}{halved.updates:>9}{shares[-1]:>8.3f}",
            flush=True,
        )
    return print_goals(
        [
            (Goal("share of the updates", "<=", 1 / 3), shares),
            (Goal("validation accuracy, halved - to the end", ">=", 0.0), differences),
        ]
    )
