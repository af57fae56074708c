"""Intervals: what a figure could as well have been: bootstrap over items, and agreement beyond chance."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

Item = TypeVar("Item")
DRAWS = 2_000
SEED = 16  # the same logs give the same table


@dataclass(frozen=True)
class Figure:
    """A measured figure with its 95 % interval, over `n` items."""

    value: float
    low: float
    high: float
    n: int

    def percent(self) -> str:
        """Write it as a share: 75 % [60, 88]."""
        return f"{100 * self.value:.0f} % [{100 * self.low:.0f}, {100 * self.high:.0f}]"

    def as_number(self) -> str:
        """Write it as a number: 0.80 [0.71, 0.88]."""
        return f"{self.value:.2f} [{self.low:.2f}, {self.high:.2f}]"


def bootstrap(items: Sequence[Item], of: Callable[[Sequence[Item]], float | None]) -> Figure | None:
    """Draw items with replacement, and see what the statistic makes of each draw (None: nothing to measure).

    Epochs of one item belong into one item: they are not independent.
    """
    value = of(items) if items else None
    if value is None:
        return None
    draw = random.Random(SEED)  # noqa: S311 - a resample, no secret
    made = (of(draw.choices(items, k=len(items))) for _ in range(DRAWS))
    values = sorted(each for each in made if each is not None)
    return Figure(value, values[int(0.025 * len(values))], values[int(0.975 * (len(values) - 1))], len(items))


def mean(values: Sequence[float]) -> float | None:
    """Average (None: of nothing)."""
    return sum(values) / len(values) if values else None


def ratio(pairs: Sequence[tuple[float, float]]) -> float | None:
    """Divide the sum of the first by the sum of the second (None: by nothing)."""
    below = sum(of for _, of in pairs)
    return sum(some for some, _ in pairs) / below if below else None


def kappa(pairs: Sequence[tuple[int, int]]) -> float | None:
    """Cohen's kappa of two raters over yes (1) and no (0); None where chance alone would agree always."""
    n = len(pairs)
    if not n:
        return None
    agreed = sum(first == second for first, second in pairs) / n
    yes = sum(first for first, _ in pairs) / n, sum(second for _, second in pairs) / n
    chance = yes[0] * yes[1] + (1 - yes[0]) * (1 - yes[1])
    return None if chance == 1 else (agreed - chance) / (1 - chance)
