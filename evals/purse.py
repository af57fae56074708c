"""Purse: what a run is going to cost, said beforehand, and the most it may (EVAL_BUDGET_USD)."""

import asyncio
from dataclasses import dataclass, field

from graph.settings import prices
from nodes.budget import Price, cost_usd
from nodes.models import Endpoints, price_of

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

    tokens: tuple[int, int]
    usd: tuple[float, float] | None

    def times(self, count: int) -> "Cost":
        """Take it so often."""
        usd = None if self.usd is None else (self.usd[0] * count, self.usd[1] * count)
        return Cost((self.tokens[0] * count, self.tokens[1] * count), usd)

    def __str__(self) -> str:
        """Write it for who is asked."""
        money = "price unknown" if self.usd is None else f"about ${self.usd[0]:.2f}, at most ${self.usd[1]:.2f}"
        return f"about {self.tokens[0]:,} tokens, at most {self.tokens[1]:,}; {money}"


def price(spec: str) -> Price | None:
    """Find a price; a judge's name is inspect's, provider/name."""
    return price_of(spec if ":" in spec else spec.replace("/", ":", 1), None, Endpoints(prices()))


def sample_cost(suite: str, model: str, judge: str | None, ceiling: int = 0) -> Cost:
    """Bound one sample: every token at the dearer price at most, half of them read as a rule."""
    most, usual = (ceiling, ceiling // 2) if ceiling else RUNS[suite]
    most, usual = most * SYSTEMS[suite], usual * SYSTEMS[suite]
    reads, verdicts = READS[suite], VERDICTS[suite] if judge else 0
    tokens = usual + verdicts * (reads + 400), most + verdicts * (4 * reads + JUDGE_WRITES)
    mine, theirs = price(model), price(judge) if judge else None
    about = cost_usd(mine, usual // 2, usual // 2), cost_usd(theirs, verdicts * reads, verdicts * 400)
    top = cost_usd(mine, 0, most), cost_usd(theirs, verdicts * 4 * reads, verdicts * JUDGE_WRITES)
    if not judge or not verdicts:
        about, top = (about[0], 0.0), (top[0], 0.0)
    if None in (*about, *top):
        return Cost(tokens, None)
    return Cost(tokens, (sum(usd or 0 for usd in about), sum(usd or 0 for usd in top)))


@dataclass
class Purse:
    """Lets samples begin while the most that they may cost is there; those in flight are counted at their most.

    Attributes:
        limit: USD (None: no ceiling).
        spent: USD so far, those of earlier runs of the same logs included.
    """

    limit: float | None = None
    spent: float = 0.0
    held: float = 0.0
    _freed: asyncio.Event = field(default_factory=asyncio.Event)

    async def hold(self, most: float) -> None:
        """Wait until a sample fits beside those in flight.

        Raises:
            BudgetReached: it would not fit even when they are done.
        """
        while self.limit is not None and self.spent + self.held + most > self.limit:
            if not self.held:
                raise BudgetReached(
                    f"${self.spent:.2f} of ${self.limit:.2f} are spent, and the next sample may cost ${most:.2f}. Raise "
                    "EVAL_BUDGET_USD and run the same command again: finished samples are not run again"
                )
            self._freed.clear()
            await self._freed.wait()
        self.held += most

    def settle(self, most: float, usd: float) -> None:
        """Free what was held, and count what it came to."""
        self.held, self.spent = self.held - most if self.held > most else 0.0, self.spent + usd
        self._freed.set()
