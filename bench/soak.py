"""Soak: many runs at once, round after round; memory, tasks, sockets and threads must not grow. `python -m bench.soak`."""

import argparse
import asyncio
import gc
import os
import threading
import time
from collections import Counter
from pathlib import Path

from bench.cells import Cell, environment
from bench.child import find, loops, peak_kb
from bench.endpoint import Endpoint
from bench.limits import raise_file_limit

WORKERS = 5
CALL_MS = 500
IDLE_S = 6  # connections that were idle for five seconds are closed by the next call
MOST_GROWTH = 0.05  # of the memory after the second round


def memory_kb() -> int:
    """Return the resident memory of this process."""
    text = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("VmRSS"))


def sockets() -> int:
    """Count the open sockets of this process."""
    return sum(link.is_socket() for link in Path("/proc/self/fd").iterdir())


async def tasks() -> int:
    """Count the tasks of the loop that this runs on, this one not counted."""
    return len(asyncio.all_tasks()) - 1


async def all_tasks() -> int:
    """Count the tasks that are left on every loop of the process."""
    here = asyncio.get_running_loop()
    others = [
        asyncio.wrap_future(asyncio.run_coroutine_threadsafe(tasks(), loop)) for loop in loops() if loop is not here
    ]
    return await tasks() + sum([await other for other in others])


async def soak(peer: str, runs: int, rounds: int) -> bool:
    """Run all rounds, print a line for each and the result; tell whether nothing has grown."""
    run, memory, lost = find(peer), list[int](), 0
    await run(WORKERS)
    before = sockets()
    heads = ("round", "complete", "seconds", "memory kB", "tasks", "sockets", "threads")
    print("| " + " | ".join(heads) + " |\n" + "|---" * len(heads) + "|")
    for number in range(1, rounds + 1):
        began = time.monotonic()
        done = Counter(await asyncio.gather(*(run(WORKERS) for _ in range(runs))))
        seconds = time.monotonic() - began
        gc.collect()
        await asyncio.sleep(0.2)
        left = await all_tasks()
        memory.append(memory_kb())
        lost += runs - done[WORKERS] + left
        figures = (number, done[WORKERS], f"{seconds:.1f}", memory[-1], left, sockets(), threading.active_count())
        print("| " + " | ".join(map(str, figures)) + " |", flush=True)
    await asyncio.sleep(IDLE_S)
    await run(WORKERS)
    open_still, growth = sockets() - before, memory[-1] / memory[min(1, rounds - 1)] - 1
    fine = not lost and open_still <= 0 and growth <= MOST_GROWTH
    print(
        f"\nsoak: {'nothing grows' if fine else 'something grows'}: {lost} runs or tasks lost, {open_still} sockets left, "
        f"memory {growth:+.1%} since the second round, peak {peak_kb()} kB"
    )
    return fine


def main() -> int:
    """Start the endpoint, and soak."""
    options = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    options.add_argument("--runs", type=int, default=500)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--peer", default="ours.ainvoke", help="a way to run, such as ours.listen or ours.kept")
    given = options.parse_args()
    raise_file_limit()
    with Endpoint() as endpoint:
        os.environ.update(environment(endpoint, Cell("crowd", given.peer, WORKERS, given.runs, milliseconds=CALL_MS)))
        return int(not asyncio.run(soak(given.peer, given.runs, given.rounds)))


if __name__ == "__main__":
    raise SystemExit(main())
