"""Makespan: how much longer a run takes than its three calls one after another. `python -m bench.makespan`.

The endpoint is a process of its own, so that it does not share the interpreter lock with what is measured. Each call
takes 200 ms there, so the critical path (plan, work, join) is 0.6 s however many workers there are.
"""

import asyncio
import json
import multiprocessing
import os
import platform
import statistics
import subprocess
import sys
import time
from multiprocessing.connection import Connection
from typing import Any

from graph import graph
from tests.endpoint import Endpoint
from tests.minds import MODEL, REQUEST, Team, many_tasks, plan_of
from tests.turn import Body, Turn

CALL_S = 0.2
PATH_S = round(3 * CALL_S, 3)
WARM = 7
SIZES = (5, 20)
WAYS = ("invoke", "ainvoke")


class SlowTeam(Team):
    """A team whose every answer takes CALL_S."""

    def __call__(self, body: Body) -> Turn:
        """Answer, but not at once."""
        said = super().__call__(body)
        return Turn(said if isinstance(said, str) else said.text, delay=CALL_S)


def serve(workers: int, told: Connection) -> None:
    """Serve a team with so many workers until the other side says stop."""
    with Endpoint(SlowTeam(planner=[plan_of(many_tasks(workers))])) as endpoint:
        told.send(endpoint.url)
        told.recv()
        told.send((endpoint.most_in_flight, len(endpoint.requests)))


def measure(way: str, workers: int, runs: int) -> list[float]:
    """Time runs in this process, in seconds, the first cold."""
    context: Any = {"max_subtasks": workers, "max_parallel": workers}
    seconds = []
    for _ in range(runs):
        began = time.perf_counter()
        given: Any = {"request": REQUEST}
        state = (
            graph.invoke(given, context=context)
            if way == "invoke"
            else asyncio.run(graph.ainvoke(given, context=context))
        )
        seconds.append(time.perf_counter() - began)
        assert [one["status"] for one in state["outcomes"]] == ["done"] * workers, state["outcomes"]
    return seconds


def child(way: str, workers: int) -> dict[str, float]:
    """Measure in a fresh process, so that its first run is a cold one."""
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(workers, theirs))
    server.start()
    environment = {
        **os.environ,
        "OPENAI_BASE_URL": ours.recv(),
        "OPENAI_API_KEY": "sk-bench",
        "ORCHESTRATOR_MODEL": MODEL,
    }
    command = [sys.executable, "-m", "bench.makespan", way, str(workers)]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    ours.send("stop")
    at_once, calls = ours.recv()
    server.join()
    assert calls == (WARM + 1) * (workers + 2), f"{calls} calls: one plan, {workers} workers and one synthesis a run"
    cold, *warm = json.loads(done.stdout)
    return {"cold": cold, "best": min(warm), "median": statistics.median(warm), "at_once": at_once}


def main() -> None:
    """Print the table, or as a child the seconds of each run."""
    if len(sys.argv) > 1:
        print(json.dumps(measure(sys.argv[1], int(sys.argv[2]), WARM + 1)))
        return
    print(
        f"Python {platform.python_version()}, {os.cpu_count()} cores; critical path {PATH_S} s; {WARM} warm runs each\n"
    )
    print("| call | workers | at once | cold s | best s | median s | best ratio | median ratio |")
    print("|---|---|---|---|---|---|---|---|")
    for way in WAYS:
        for workers in SIZES:
            told = child(way, workers)
            ratios = f"{told['best'] / PATH_S:.2f} | {told['median'] / PATH_S:.2f}"
            print(
                f"| {way} | {workers} | {told['at_once']} | {told['cold']:.2f} | {told['best']:.3f} | "
                f"{told['median']:.3f} | {ratios} |"
            )


if __name__ == "__main__":
    main()
