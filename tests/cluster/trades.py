"""Trades: a team that is asked about five trades in every run, and knows which call was for which run."""

import random
import re
import threading
from collections import Counter
from dataclasses import dataclass, field

from tests.minds import join_all, many_tasks, plan_of, role_of, specialist_of
from tests.turn import Body, Turn, prompt_of, usage_of

TASKS = many_tasks(5)
LAST = [*TASKS][-1]
PLAN = plan_of(TASKS)


def request(number: int) -> str:
    """Write the request of a run; its number tells the calls of different runs apart."""
    return f"Tell all about five trades, for reader r{number:04d}."


def number_of(body: Body) -> int:
    """Tell for which run a call is."""
    match = re.search(r"reader r(\d{4})", prompt_of(body))
    assert match is not None
    return int(match.group(1))


@dataclass
class Trades:
    """Answers every role; a worker takes its time.

    Attributes:
        seconds: the least and the most that a worker takes.
        held: the runs whose last worker (LAST) gets no answer for now: its call stays in flight.
        failing: calls of a run's last worker that are yet to be answered with a 503.
        asked: calls, by run and who is asked: a specialist, the planner or the synthesiser.
        sent, received, paid: tokens of all calls, by run, as the endpoint's bill would have them; paid is their sum.
        costs: tokens of each call, by run and who is asked; asked again, it costs the same.
    """

    seconds: tuple[float, float] = (0.0, 0.0)
    others_s: float = 0.0
    held: set[int] = field(default_factory=set)
    failing: Counter[int] = field(default_factory=Counter)
    asked: Counter[tuple[int, str]] = field(default_factory=Counter)
    sent: Counter[int] = field(default_factory=Counter)
    received: Counter[int] = field(default_factory=Counter)
    paid: Counter[int] = field(default_factory=Counter)
    costs: dict[tuple[int, str], int] = field(default_factory=dict)
    chance: random.Random = field(default_factory=lambda: random.Random(1))
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, body: Body) -> Turn:
        """Answer one call."""
        number, role = number_of(body), role_of(body)
        with self.lock:
            who = specialist_of(body) if role == "worker" else role
            if who == LAST and self.failing[number]:
                self.failing[number] -= 1
                return Turn(fault="503")
            if role == "worker":
                held = (lambda: number in self.held) if who == LAST else None
                turn = Turn(f"The {who} has done it.", delay=self.chance.uniform(*self.seconds), held=held)
            else:
                turn = Turn(PLAN if role == "planner" else join_all(body), delay=self.others_s, chunk=200)
            usage = usage_of(turn, body) or {}
            self.sent[number] += usage["prompt_tokens"]
            self.received[number] += usage["completion_tokens"]
            cost = usage["prompt_tokens"] + usage["completion_tokens"]
            self.asked[number, who] += 1
            self.paid[number] += cost
            self.costs[number, who] = cost
            return turn

    def rest(self) -> None:
        """Answer at once again, but for the runs that are held."""
        self.seconds, self.others_s = (0.0, 0.0), 0.0

    def bill(self, number: int) -> int:
        """Sum up what a run has to be billed: each of its calls once."""
        return sum(cost for (run, _), cost in self.costs.items() if run == number)
