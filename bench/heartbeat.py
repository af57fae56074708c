"""Heartbeat: how long a run holds up the event loops, with many and with long results. `python -m bench.heartbeat`.

Both loops, the caller's and the engine's, are asked for their thread's CPU time every few milliseconds; what it used
between two answers is time in which nothing else of that loop could run. CPU, not the clock: other programs and other
threads take nothing from a figure, and the endpoint may be in this process. What was imported is frozen before each run:
a full collection of garbage holds up any program of this size for some 0.25 s, and is the interpreter's.
"""

import asyncio
import gc
import os
import sys
import threading
import time
from typing import Any

from bench.child import BEAT_S, loops
from bench.replies import words
from graph import graph
from tests.endpoint import Endpoint, Turn
from tests.minds import Team, disagreement, plan_of, specialist_of, synthesis_of

RESULTS, SIZE = 200, 20_000
MOST_MS = 50.0
SENTENCE = "Of all that was looked at, this alone was found to hold in every year. "
LONG = (SENTENCE * (SIZE // len(SENTENCE) + 1))[:SIZE]

CASES: dict[str, dict[str, Any]] = {
    "200 results of 20 kB": {},
    "all of them at once": {"max_parallel": 512},
    "with a ceiling in tokens": {"budget_tokens": 10_000_000},
    "with one, for a model that reads a million": {"model": "openai:gpt-4.1", "budget_tokens": 100_000_000},
    "for a model with no known window": {"model": "openai:of-my-own"},
    "and a ceiling beside it": {"model": "openai:of-my-own", "budget_tokens": 100_000_000},
    "a claim of 20,000 characters": {"claim": LONG},
}


def team(claim: str) -> Team:
    """Give a team whose results are long and unlike one another, and a synthesis with such a claim, if any."""
    drawn = words(3 * RESULTS, seed=2)
    tasks = [
        (f"{drawn[3 * at]} adviser", f"List {drawn[3 * at + 1]} and {drawn[3 * at + 2]}.") for at in range(RESULTS)
    ]
    said = {who: Turn(f"{who} says. {LONG}"[:SIZE], chunk=SIZE) for who, _ in tasks}
    entries = (
        [disagreement("the one thing", ("S1", claim, LONG[:300]), ("S2", claim[::-1], LONG[300:900]))] if claim else []
    )
    joined = synthesis_of(f"[D1] [S1] {LONG}" if claim else "All is told. [S1]", entries)
    return Team(
        [plan_of(tasks)], {who: (lambda body: said[specialist_of(body)]) for who in said}, [Turn(joined, chunk=200)]
    )


async def beat(beating: threading.Event) -> float:
    """Return the most CPU time that this loop's thread used between two beats, in seconds."""
    most = 0.0
    while beating.is_set():
        before = time.thread_time()
        await asyncio.sleep(BEAT_S)
        most = max(most, time.thread_time() - before)
    return most


async def measured(context: Any) -> tuple[float, float]:
    """Make one run; return the longest stalls of the caller's loop and of the engine's, in seconds."""
    here, beating = asyncio.get_running_loop(), threading.Event()
    beating.set()
    others = [asyncio.run_coroutine_threadsafe(beat(beating), loop) for loop in loops() if loop is not here]
    mine = asyncio.create_task(beat(beating))
    given: Any = {"max_subtasks": RESULTS, "max_rounds": 1, **context}
    state = await graph.ainvoke({"request": "Tell all."}, context=given)
    beating.clear()
    assert len(state["outcomes"]) == RESULTS, "not all was done"
    return await mine, max([await asyncio.wrap_future(other) for other in others])


def main() -> int:
    """Measure every case, after one run that warms up, and print the table."""
    over = False
    print("| CPU between two beats, ms | the caller's loop | the engine's |\n|---|---|---|")
    for name, given in {"": {}, **CASES}.items():
        gc.collect()
        gc.freeze()
        context = dict(given)
        claim, model = context.pop("claim", ""), context.pop("model", "openai:gpt-4o")
        with Endpoint(team(claim)) as endpoint:
            os.environ |= {"OPENAI_BASE_URL": endpoint.url, "OPENAI_API_KEY": "x", "ORCHESTRATOR_MODEL": model}
            stalls = [1000 * seconds for seconds in asyncio.run(measured(context))]
        if name:
            over |= max(stalls) > MOST_MS
            print(f"| {name} | {stalls[0]:.0f} | {stalls[1]:.0f} |", flush=True)
    return int(over)


if __name__ == "__main__":
    sys.exit(main())
