"""Tables of times and of figures with their goals."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

Times = dict[str, list[float]]  # seconds per update, round by round


@dataclass(frozen=True)
class Goal:
    """A figure's name and what it should be: at most (`<=`) or at least (`>=`) so much; by default no matter what."""

    label: str
    sense: str = ""
    bound: float = 0.0


@dataclass(frozen=True)
class Ratio:
    """A ratio of two contestants' times; of several above, the quickest counts and stands in the label's braces."""

    label: str
    above: tuple[str, ...]
    below: str
    sense: str = ""
    bound: float = 0.0

    def of(self, times: Times) -> tuple[Goal, list[float]] | None:
        """Return the ratio within each round, None where a contestant is missing."""
        present = [name for name in self.above if name in times]
        if not present or self.below not in times:
            return None
        best = min(present, key=lambda name: statistics.median(times[name]))
        ratios = [a / b for a, b in zip(times[best], times[self.below], strict=True)]
        return Goal(self.label.format(best.rpartition(": ")[2]), self.sense, self.bound), ratios


def print_times(times: Times, unit: str) -> None:
    """Print the median time of each contestant."""
    print(f"{'contestant':<34}{f'ms per {unit}':>22}{f'{unit}s/s':>20}")
    for name, found in times.items():
        median = statistics.median(found)
        print(f"{name:<34}{1000 * median:>22.3f}{1 / median:>20.1f}")


def print_ratios(times: Times, ratios: tuple[Ratio, ...]) -> bool:
    """Print each ratio whose contestants were measured; return whether every goal was reached."""
    return print_goals([found for ratio in ratios if (found := ratio.of(times)) is not None])


def print_goals(rows: list[tuple[Goal, list[float]]]) -> bool:
    """Print the median of each figure and the range of its middle half; return whether every goal was reached."""
    if rows:
        print(f"\n{'figure':<46}{'median':>8}{'spread':>18}{'goal':>10}  reached")
    reached = [_row(goal, sorted(figures)) for goal, figures in rows]  # all are printed
    return all(reached)


def _row(goal: Goal, figures: list[float]) -> bool:
    figure = statistics.median(figures)
    low, high = figures[len(figures) // 4], figures[-1 - len(figures) // 4]
    done = figure <= goal.bound if goal.sense == "<=" else not goal.sense or figure >= goal.bound
    verdict = ("yes" if done else "NO") if goal.sense else ""
    shown = f"{goal.sense} {goal.bound:.3g}" if goal.sense else ""
    print(f"{goal.label:<46}{figure:>8.2f}{f'{low:.2f} to {high:.2f}':>18}{shown:>10}  {verdict}")
    return done
