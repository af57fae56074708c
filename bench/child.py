"""Child: one peer, measured in a process that does nothing else. Prints its figures as one JSON line.

python -m bench.child repeat PEER WORKERS RUNS    one cold run, then so many warm ones, one after another
python -m bench.child crowd PEER WORKERS RUNS     so many runs at once, after one
python -m bench.child first PEER WORKERS          the first run of a process
python -m bench.child imports MODULE              what an import loads and takes
python -m bench.child checks plan SUBTASKS        what the checks on a plan of so many subtasks take
"""

import asyncio
import gc
import importlib
import inspect
import json
import random
import resource
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from bench.limits import raise_file_limit

BEAT_S = 0.005  # how often the heartbeat beats; a stall is how much later than that it does

Run = Callable[[int], Any]  # takes the number of workers, returns how many were done


def find(peer: str) -> Any:
    """Import "module.function" of this folder."""
    module, function = peer.split(".")
    return getattr(importlib.import_module(f"bench.{module}"), function)


def peak_kb() -> int:
    """Return the most memory that this process has held, in KB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // 1024 if sys.platform == "darwin" else peak


class Caller:
    """A caller with one event loop for all its runs, as programs have."""

    def __init__(self, peer: str, workers: int) -> None:
        self.run: Run = find(peer)
        self.workers = workers
        self.runner = asyncio.Runner()
        self.runner.get_loop()

    def once(self) -> dict[str, float]:
        """Make one run; return its seconds, and those of CPU that the whole process spent."""
        began, cpu = time.perf_counter(), time.process_time()
        done = (
            self.runner.run(self.run(self.workers)) if inspect.iscoroutinefunction(self.run) else self.run(self.workers)
        )
        assert done == self.workers, f"{done} of {self.workers} workers did their part"
        return {"seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu}

    def close(self) -> None:
        """Close what the runs have opened."""
        close = getattr(sys.modules[self.run.__module__], "close", None)
        if close:
            self.runner.run(close())
        self.runner.close()


def repeat(peer: str, workers: int, runs: int) -> dict[str, Any]:
    """Measure runs one after another, the first cold."""
    caller = Caller(peer, workers)
    cold, warm = caller.once(), []
    for _ in range(runs):
        gc.collect()
        warm.append(caller.once())
    caller.close()
    return {"cold": cold, "warm": warm, "peak_kb": peak_kb()}


def crowd(peer: str, workers: int, runs: int) -> dict[str, Any]:
    """Measure many runs at once: seconds, memory, and the longest stalls of every loop there is."""
    caller = Caller(peer, workers)
    caller.once()
    gc.collect()
    before, cpu = peak_kb(), time.process_time()
    seconds, done, stalls = caller.runner.run(_together(caller, runs))
    figures = {"seconds": seconds, "cpu": time.process_time() - cpu, "finished": done[workers], "runs": runs}
    caller.close()
    return {**figures, "kb": peak_kb() - before, "stalls": stalls}


def loops() -> list[asyncio.AbstractEventLoop]:
    """List the event loops that are running, whichever thread's and whoever's: only the garbage collector knows all."""
    return [each for each in gc.get_objects() if isinstance(each, asyncio.AbstractEventLoop) and each.is_running()]


async def _together(caller: Caller, runs: int) -> tuple[float, Counter[int], dict[str, float]]:
    here = asyncio.get_running_loop()
    beating = threading.Event()
    beating.set()
    others = [asyncio.run_coroutine_threadsafe(_heartbeat(beating), loop) for loop in loops() if loop is not here]
    mine = asyncio.create_task(_heartbeat(beating))
    await asyncio.sleep(0.05)
    began = time.perf_counter()
    done = Counter(await asyncio.gather(*(caller.run(caller.workers) for _ in range(runs))))
    seconds = time.perf_counter() - began
    beating.clear()
    stalls = [await asyncio.wrap_future(other) for other in others]
    return seconds, done, {"caller": await mine, "ours": max(stalls, default=0.0)}


async def _heartbeat(beating: threading.Event) -> float:
    """Return the longest stall of this loop while it beats, in seconds."""
    longest, last = 0.0, time.perf_counter()
    while beating.is_set():
        await asyncio.sleep(BEAT_S)
        now = time.perf_counter()
        longest, last = max(longest, now - last - BEAT_S), now
    return longest


def imports(module: str) -> dict[str, Any]:
    """Measure an import: seconds of CPU, memory, and which packages came with it."""
    before, cpu = set(sys.modules), time.process_time()
    importlib.import_module(module)
    loaded = Counter(name.partition(".")[0] for name in set(sys.modules) - before)
    return {"cpu": time.process_time() - cpu, "peak_kb": peak_kb(), "packages": dict(loaded.most_common())}


def checks(subtasks: int) -> dict[str, Any]:
    """Measure the checks on a plan whose tasks have 60 words each, and its sizing: seconds of CPU."""
    from graph.settings import resolve
    from nodes.host import Host
    from nodes.plan import check, repaired, sized
    from nodes.specialists import Roster

    chance = random.Random(1)  # noqa: S311 - no secret
    host, request = Host(Roster()), "Plan a street party."
    words = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=7)) for _ in range(2_000)]
    plan = [
        {"specialist": chance.choice(words), "task": " ".join(chance.choices(words, k=60))} for _ in range(subtasks)
    ]
    cpu = time.process_time()
    mended = repaired(plan, check(plan, request, host.roster, improvise=True), host.roster)
    whole = sized(mended, {}, {"request": request}, resolve({"max_subtasks": subtasks}), host)
    assert len(whole["subtasks"]) == subtasks, whole["dropped"][:3]
    return {"cpu": time.process_time() - cpu}


def main(way: str, what: str, *numbers: str) -> dict[str, Any]:
    """Measure one thing."""
    if way == "imports":
        return imports(what)
    if way == "checks":
        return checks(int(numbers[0]))
    workers, *runs = (int(number) for number in numbers)
    if way == "first":
        caller = Caller(what, workers)
        caller.once()
        caller.close()
        return {"peak_kb": peak_kb()}
    return {"repeat": repeat, "crowd": crowd}[way](what, workers, *runs)


if __name__ == "__main__":
    raise_file_limit()
    print(json.dumps(main(*sys.argv[1:])))
