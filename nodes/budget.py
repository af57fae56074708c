"""Money: what a call cost, what is left, and how the rest is shared. Pure."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from nodes.context import ROLES, Context, Role

if TYPE_CHECKING:  # the state needs LangGraph, which takes half a second
    from nodes.state import Allowance, Charge, Outcome

# Chat templates put a few tokens around every message that no byte of ours stands for.
TOKENS_PER_MESSAGE = 16

# The least output that is still a plan, a result, an answer; and what is enough when money is no matter (tokens).
LEAST_OUTPUT: dict[Role, int] = {"planner": 384, "worker": 256, "synthesiser": 384}
AMPLE_OUTPUT: dict[Role, int] = {"planner": 4096, "worker": 8192, "synthesiser": 16384}
# The same for the embedded engine, which writes some ten tokens a second on a laptop.
BOUNDED_OUTPUT: dict[Role, int] = {"planner": 900, "worker": 500, "synthesiser": 1500}

_SLICES = re.compile(r"(?s).{1,20000}(?= |\Z)|.{1,20000}")  # characters that are counted at once
COUNT_MARGIN = 1.05  # on counted tokens: a schema or a tool is written another way by the endpoint than by us
_ENCODINGS = (
    (re.compile(r"[:/](?:gpt-4o|gpt-4\.\d|gpt-5|chatgpt-4o|o[134](?:-|$))"), "o200k_base"),
    (re.compile(r"[:/]gpt-(?:4|3\.5)(?![.\do])"), "cl100k_base"),
)

BYTES_PER_TOKEN = 4  # how much text a worker's output tokens are expected to bring to the synthesis


@dataclass(frozen=True)
class Price:
    """USD for one token in and one out, at the dearest tier of the model."""

    input: float
    output: float


@dataclass(frozen=True)
class Purse:
    """What may still be spent. None: no ceiling of that kind."""

    usd: float | None = None
    tokens: int | None = None

    @property
    def open(self) -> bool:
        """True when nothing is limited."""
        return self.usd is None and self.tokens is None

    def plus(self, other: Purse) -> Purse:
        """Add what another holds; what has no ceiling here has none afterwards."""
        return Purse(
            None if self.usd is None else self.usd + (other.usd or 0.0),
            None if self.tokens is None else self.tokens + (other.tokens or 0),
        )

    def less(self, other: Purse, times: tuple[float, float] = (1.0, 1.0)) -> Purse:
        """Take off what another holds, each kind so many times, never below zero."""
        return Purse(
            None if self.usd is None else max(0.0, self.usd - (other.usd or 0.0) * times[0]),
            None if self.tokens is None else max(0, math.floor(self.tokens - (other.tokens or 0) * times[1])),
        )


Prices = Mapping[Role, Price | None]


def input_bound(texts: Iterable[str], model: str = "") -> int:
    """Give an upper bound of the tokens in these messages, and of the template around each.

    Args:
        texts: the messages, schemas and tools that are sent.
        model: "provider:name". Where its tokeniser is known, the text is counted with it, and a margin added for what
            the endpoint writes around it; else the bytes are the bound: no token is less than one.
    """
    encoding = encoding_of(model)
    if encoding is None:
        return sum(len(text.encode("utf-8", "replace")) + TOKENS_PER_MESSAGE for text in texts)
    counted = [_counted(encoding, text.encode("utf-8", "replace").decode()) for text in texts]
    return math.ceil(sum(counted) * COUNT_MARGIN) + TOKENS_PER_MESSAGE * len(counted)


def _counted(encoding: Any, text: str) -> int:
    """Count a text, slice by slice, for bpe-openai has a limit. Cut before a space, where tokens part, it is no longer."""
    return sum(len(encoding.encode_ordinary(part)) for part in _SLICES.findall(text))


def tokens_read(model: str) -> float:
    """Say how many tokens of input one token of output is to be reckoned with, when another call reads it."""
    return COUNT_MARGIN if encoding_of(model) is not None else BYTES_PER_TOKEN


def is_counted(settings: Context) -> bool:
    """Tell whether a run's tokens are reckoned with before they are spent: under a ceiling, or for a person to approve."""
    return settings.approve_plan or not purse_of(settings).open


def load_encodings(settings: Context) -> None:
    """Load the tokenisers of a run's models now, off the event loop, and not while a call waits for them."""
    for role in ROLES:
        encoding_of(settings.model(role))


@lru_cache(maxsize=256)
def encoding_of(model: str) -> Any | None:
    """Find the tokeniser of a model, by the name alone, whoever serves it (None: nobody knows it).

    Source: the encodings that OpenAI publishes for its models; bpe-openai carries their tables in its wheel.
    """
    name = next((encoding for pattern, encoding in _ENCODINGS if pattern.search(model)), None)
    if name is None:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of the way in which it opens its own tables
        import bpe_openai  # takes a second of CPU, and only a run with a ceiling needs it

    return bpe_openai.get_encoding(name)


def cost_usd(price: Price | None, input_tokens: int, output_tokens: int) -> float | None:
    """USD for these tokens (None: price unknown)."""
    return None if price is None else input_tokens * price.input + output_tokens * price.output


def affordable_output(purse: Purse, price: Price | None, bound: int, wanted: int) -> int:
    """The most output tokens, up to `wanted`, that the purse can pay for after `bound` tokens of input.

    Zero or less when not even the input fits.
    """
    most = wanted
    if purse.tokens is not None:
        most = min(most, purse.tokens - bound)
    if purse.usd is not None and price is not None:
        rest = purse.usd - bound * price.input
        most = min(most, int(rest / price.output) if price.output > 0 else (wanted if rest >= 0 else -1))
    return most


def missing(purse: Purse, price: Price | None, bound: int, wanted: int) -> Purse:
    """What a call with `bound` tokens of input and `wanted` of output would need beyond the purse."""
    usd = cost_usd(price, bound, wanted)
    return Purse(
        None if purse.usd is None or usd is None else max(0.0, usd * (1 + 1e-9) - purse.usd),
        None if purse.tokens is None else max(0, bound + wanted - purse.tokens),
    )


def spent(purse: Purse, charges: Iterable[Charge]) -> Purse:
    """The purse after these charges, never below zero."""
    return owing(purse, charges).less(Purse())


def owing(purse: Purse, charges: Iterable[Charge]) -> Purse:
    """The purse after these charges; below zero where they were paid with what was drawn beside it."""
    used = list(charges)
    usd = None if purse.usd is None else purse.usd - sum(charge["usd"] or 0.0 for charge in used)
    tokens = sum(charge["input_tokens"] + charge["output_tokens"] for charge in used)
    return Purse(usd, None if purse.tokens is None else purse.tokens - tokens)


def purse_of(settings: Context) -> Purse:
    """The whole budget of a run."""
    return Purse(settings.budget_usd, settings.budget_tokens)


def all_charges(charges: Iterable[Charge], outcomes: Iterable[Outcome]) -> list[Charge]:
    """The planner's and synthesiser's charges and those of every worker."""
    return [*charges, *(charge for outcome in outcomes for charge in outcome["charges"])]


def money_room(purse: Purse, price: Price | None, fixed: int, output: int) -> float:
    """Bytes of results that can be paid for beside a prompt of `fixed` tokens and `output` tokens of answer."""
    room = float("inf") if purse.tokens is None else purse.tokens - fixed - output
    if purse.usd is not None and price is not None and price.input > 0:
        room = min(room, (purse.usd - output * price.output) / price.input * (1 - 1e-9) - fixed)
    return max(0.0, room)


@dataclass(frozen=True)
class Share:
    """How the rest of the money is shared: a cap and an allowance a worker, and a cap for the synthesis."""

    workers: int
    worker_output: int
    synthesis_output: int


def share(
    purse: Purse,
    prices: Prices,
    *,
    worker_inputs: list[int],
    synthesis_input: int,
    wanted: Mapping[Role, int],
    read: float = BYTES_PER_TOKEN,
) -> Share:
    """Split what is left over the first n workers and one synthesis that reads them all.

    Args:
        purse: what is left.
        prices: by role.
        worker_inputs: an upper bound of each worker's input, in tokens, the most needed first.
        synthesis_input: the same for the synthesis, without the workers' results.
        wanted: the output caps that would be used if money were no matter.
        read: tokens of the synthesis' input for one token that a worker writes.

    Returns:
        The largest n, and with it the largest caps, that fit. n is 0 when not even one worker and a synthesis fit.
    """
    for n in range(len(worker_inputs), 0, -1):
        fits = _fitting(purse, prices, worker_inputs[:n], synthesis_input, read)
        least = (LEAST_OUTPUT["worker"], LEAST_OUTPUT["synthesiser"])
        least = (min(least[0], wanted["worker"]), min(least[1], wanted["synthesiser"]))
        if fits(*least):
            worker, synthesis = _largest(fits, least, (wanted["worker"], wanted["synthesiser"]))
            return Share(n, worker, synthesis)
    return Share(0, 0, 0)


def _fitting(
    purse: Purse, prices: Prices, inputs: list[int], synthesis_input: int, read: float
) -> Callable[[int, int], bool]:
    n, total = len(inputs), sum(inputs)

    def fits(worker: int, synthesis: int) -> bool:
        reading = synthesis_input + math.ceil(n * worker * read)
        if purse.tokens is not None and total + n * worker + reading + synthesis > purse.tokens:
            return False
        if purse.usd is None:
            return True
        work = cost_usd(prices["worker"], total, n * worker) or 0.0
        return work + (cost_usd(prices["synthesiser"], reading, synthesis) or 0.0) <= purse.usd

    return fits


def _largest(
    fits: Callable[[int, int], bool], least: tuple[int, int], wanted: tuple[int, int], steps: int = 20
) -> tuple[int, int]:
    """Scale both caps from `least` towards `wanted` together, as far as the money goes (bisection)."""

    def at(fraction: float) -> tuple[int, int]:
        low, high = least, wanted
        return (int(low[0] + (high[0] - low[0]) * fraction), int(low[1] + (high[1] - low[1]) * fraction))

    if fits(*wanted):
        return wanted
    good, bad = 0.0, 1.0
    for _ in range(steps):
        middle = (good + bad) / 2
        good, bad = (middle, bad) if fits(*at(middle)) else (good, middle)
    return at(good)


def allowance(purse: Purse, price: Price | None, bound: int, output: int) -> Allowance:
    """What one worker may spend: its input bound and its output cap, priced."""
    return {
        # A hair more than the product, so that the same sum in another order of operations still fits.
        "usd": None if purse.usd is None else (cost_usd(price, bound, output) or 0.0) * (1 + 1e-12),
        "tokens": None if purse.tokens is None else bound + output,
    }


def totals(charges: Iterable[Charge]) -> dict[str, Any]:
    """Sum up charges as the state key `spend`: tokens and USD in all, by role, by subtask and by round.

    Calls whose usage the endpoint did not tell are charged at their upper bound.
    """
    used = list(charges)
    subtasks = dict.fromkeys(charge["subtask_id"] for charge in used if charge["subtask_id"])
    rounds = dict.fromkeys(charge["round"] for charge in used)
    return {
        **summed(used),
        "by_role": {role: summed(charge for charge in used if charge["role"] == role) for role in ROLES},
        "by_subtask": {
            subtask_id: summed(charge for charge in used if charge["subtask_id"] == subtask_id)
            for subtask_id in subtasks
        },
        "by_round": {str(number): summed(charge for charge in used if charge["round"] == number) for number in rounds},
    }


def summed(charges: Iterable[Charge]) -> dict[str, Any]:
    """Sum up charges: calls, tokens, and USD (None: a price is unknown); `unknown` are calls of unknown usage."""
    used = list(charges)
    known = [charge["usd"] for charge in used if charge["usd"] is not None]
    return {
        "calls": len(used),
        "input_tokens": sum(charge["input_tokens"] for charge in used),
        "output_tokens": sum(charge["output_tokens"] for charge in used),
        "usd": round(sum(known), 12) if len(known) == len(used) else None,
        "unknown": sum(not charge["known"] for charge in used),
    }
