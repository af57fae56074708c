"""Soak: many runs at once, round after round; memory, tasks and sockets must not grow."""

import argparse
import asyncio
import gc
import multiprocessing
import os
import resource
import threading
import time
from collections import Counter
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

WORDS = ("astronomy", "botany", "carpentry", "drainage", "electricity")
CONTEXT: dict[str, Any] = {"max_parallel": 256, "call_timeout_s": 600, "worker_timeout_s": 3600}


def serve(pipe: Connection) -> None:
    """Be the endpoint, in a process of its own, until told to stop."""
    from tests.endpoint import Endpoint, Turn
    from tests.minds import join_all, plan_of, role_of

    tasks = {f"{word} adviser": f"{word} {word} {word}: tell all." for word in WORDS}

    def mind(body: Any) -> Any:
        role = role_of(body)
        if role == "planner":
            return plan_of(tasks)
        return join_all(body) if role == "synthesiser" else Turn("It is done, and well. " * 20, delay=0.5)

    with Endpoint(mind) as endpoint:
        pipe.send(endpoint.url)
        while pipe.recv():
            pipe.send((len(endpoint.requests), endpoint.most_in_flight, endpoint.in_flight))
            endpoint.reset()


def memory_kb() -> int:
    """Resident memory of this process."""
    text = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("VmRSS"))


def sockets() -> int:
    """Open sockets of this process."""
    return sum(link.is_socket() for link in Path("/proc/self/fd").iterdir())


async def round_of(graph: Any, runs: int) -> Counter[bool]:
    """Run so many requests at once; count which are complete."""
    asked = [graph.ainvoke({"request": f"Tell all about trade {at}."}, context=CONTEXT) for at in range(runs)]
    states = await asyncio.gather(*asked)
    return Counter(state["complete"] and len(state["outcomes"]) == len(WORDS) for state in states)


async def engine_tasks() -> int:
    """Tasks that are left on the engine loop, this one not counted."""
    return len(asyncio.all_tasks()) - 1


async def soak(runs: int, rounds: int, pipe: Connection) -> int:
    """Run all rounds and print a line for each; return the exit code."""
    from graph import graph
    from nodes.models.loop import on_engine

    print(
        f"{'round':>5} {'complete':>9} {'requests':>9} {'at once':>8} {'seconds':>8} {'memory kB':>10} {'tasks':>6} {'sockets':>8} {'threads':>8}"
    )
    await round_of(graph, 1)
    memory, bad, before = list[int](), 0, sockets()
    pipe.send("count")
    pipe.recv()
    for number in range(1, rounds + 1):
        began = time.monotonic()
        complete = await round_of(graph, runs)
        seconds = time.monotonic() - began
        gc.collect()
        await asyncio.sleep(0.2)
        pipe.send("count")
        requests, most, _ = pipe.recv()
        tasks = len(asyncio.all_tasks()) - 1 + await on_engine(engine_tasks())
        memory.append(memory_kb())
        print(
            f"{number:>5} {complete[True]:>9} {requests:>9} {most:>8} {seconds:>8.1f} {memory[-1]:>10} {tasks:>6} {sockets():>8} {threading.active_count():>8}",
            flush=True,
        )
        bad += complete[True] != runs or tasks > 0
    await asyncio.sleep(6)  # connections that were idle for five seconds are closed by the next call
    await round_of(graph, 1)
    left = sockets() - before
    growth = memory[-1] / memory[min(1, rounds - 1)] - 1
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"memory after round {rounds} against round 2: {growth:+.1%}; sockets left: {left}; peak {peak} kB")
    return int(bad > 0 or left > 0 or growth > 0.05)


def main() -> int:
    """Start the endpoint, and soak."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    here, there = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(there,))
    server.start()
    os.environ |= {"OPENAI_BASE_URL": here.recv(), "OPENAI_API_KEY": "sk-x", "ORCHESTRATOR_MODEL": "openai:gpt-4o"}
    os.environ["LANGSMITH_TRACING"] = "false"
    try:
        return asyncio.run(soak(given.runs, given.rounds, here))
    finally:
        here.send("")
        server.join(10)


if __name__ == "__main__":
    raise SystemExit(main())
