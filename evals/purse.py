"""Purse: what a run is going to cost, said beforehand, and the most it may (EVAL_BUDGET_USD)."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graph.settings import prices
from nodes.budget import Price, cost_usd
from nodes.models import Endpoints, price_of

LEAST = 1e-9  # USD: less is what adding up floats leaves
JUDGE_WRITES = 1_500  # tokens that one verdict may take
# By suite: tokens of one system's run, the most and the usual (a guess, until logs say otherwise); systems and judge
# calls for one sample, and the tokens that one judge call reads. Equal tokens: the sample's own ceiling.
RUNS = {"split": (40_000, 5_000), "conflict": (60_000, 4_000), "survival": (60_000, 6_000), "equal": (0, 0)}
SYSTEMS = {"split": 2, "conflict": 3, "survival": 2, "equal": 5}
VERDICTS = {"split": 4, "conflict": 0, "survival": 2, "equal": 13}
READS = {"split": 2_000, "conflict": 0, "survival": 2_000, "equal": 8_000}


class BudgetReached(Exception):
    """The next sample might cost more than is left."""


@dataclass(frozen=True)
class Cost:
    """Tokens and USD, usual and at most. usd None: a price is unknown."""

    tokens: tuple[int, int] = (0, 0)
    usd: tuple[float, float] | None = (0.0, 0.0)

    @property
    def most(self) -> float:
        """USD at most; nothing where that is unknown, for then there is no budget."""
        return self.usd[1] if self.usd else 0.0

    def __add__(self, other: "Cost") -> "Cost":
        """Take both."""
        usd = self.usd and other.usd and (self.usd[0] + other.usd[0], self.usd[1] + other.usd[1])
        return Cost((self.tokens[0] + other.tokens[0], self.tokens[1] + other.tokens[1]), usd)

    def __str__(self) -> str:
        """Write it for who is asked."""
        money = "price unknown" if self.usd is None else f"about ${self.usd[0]:.2f}, at most ${self.usd[1]:.2f}"
        return f"about {self.tokens[0]:,} tokens, at most {self.tokens[1]:,}; {money}"


def price(spec: str) -> Price | None:
    """Find a price."""
    return price_of(priced_as(spec), None, Endpoints(prices()))


def priced_as(spec: str) -> str:
    """Name a model as prices do; a judge's name is inspect's, provider/name."""
    return spec if ":" in spec else spec.replace("/", ":", 1)


def systems_cost(suite: str, model: str, ceiling: int = 0, *, deepagents: bool = False) -> Cost:
    """Bound the systems' runs on one sample: every token at the dearer price at most, half of them read as a rule."""
    most, usual = (ceiling, ceiling // 2) if ceiling else RUNS[suite]
    count, priced = SYSTEMS[suite] + deepagents, price(model)
    usd = cost_usd(priced, count * usual // 2, count * usual // 2), cost_usd(priced, 0, count * most)
    return Cost((count * usual, count * most), _known(*usd))


def judge_cost(suite: str, judge: str | None, *, deepagents: bool = False) -> Cost:
    """Bound what the judge's verdicts on one sample cost."""
    count, reads = VERDICTS[suite] + deepagents, READS[suite]
    if judge is None or not count:
        return Cost()
    priced, tokens = price(judge), (count * (reads + 400), count * (4 * reads + JUDGE_WRITES))
    usd = cost_usd(priced, count * reads, count * 400), cost_usd(priced, count * 4 * reads, count * JUDGE_WRITES)
    return Cost(tokens, _known(*usd))


def _known(about: float | None, most: float | None) -> tuple[float, float] | None:
    return None if about is None or most is None else (about, most)


def usd_of(runs: Mapping[str, Mapping[str, Any]], most: float) -> float:
    """Add up runs; one whose cost is unknown counts as its share of the most."""
    return sum(most / len(runs) if run["usd"] is None else run["usd"] for run in runs.values())


@dataclass
class Purse:
    """Lets samples begin while the most that they may cost is there; those in flight are counted at their most.

    Attributes:
        limit: USD (None: no ceiling).
        spent: USD so far, those of earlier runs of the same logs included.
        held: USD that those in flight may still cost.
        told: why no more samples begin ("": they do).
    """

    limit: float | None = None
    spent: float = 0.0
    held: float = 0.0
    told: str = ""

    async def hold(self, most: float) -> None:
        """Wait until a sample fits beside those in flight. By looking: each suite has an event loop of its own.

        Raises:
            BudgetReached: it would not fit even when they are done.
        """
        while self.limit is not None and self.spent + self.held + most > self.limit:
            if self.held < LEAST:
                self.told = (
                    f"${self.spent:.2f} of ${self.limit:.2f} are spent, and the next sample may cost ${most:.2f}. Raise "
                    "EVAL_BUDGET_USD and run the same command again: finished samples are not run again"
                )
                raise BudgetReached(self.told)
            await asyncio.sleep(0.05)
        self.held += most

    def settle(self, most: float, usd: float) -> None:
        """Free what was held, and count what it came to."""
        self.held, self.spent = max(self.held - most, 0.0), self.spent + usd
