"""Cells: what is measured, each in a fresh process, all interleaved (A B C A B C)."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.endpoint import CALL_MS, Endpoint
from bench.replies import ROLES, SHORT

KEY = "sk-bench-not-a-secret"
MODEL = "openai:gpt-4o"
LONGEST_S = 900  # for one process

Results = dict["Cell", list[dict[str, Any]]]


@dataclass(frozen=True)
class Cell:
    """One peer, measured in one way.

    Attributes:
        way: of bench/child.py, or "command": the command line with `what` as its argument.
        what: a peer, as "module.function" of this folder; a module; an argument.
        workers: subtasks of the plan.
        runs: warm runs one after another, or runs at once.
        pieces: chunks of text in a worker's reply.
        milliseconds: how long a worker's call takes.
    """

    way: str
    what: str
    workers: int = 1
    runs: int = 0
    pieces: int = SHORT
    milliseconds: int = CALL_MS

    def __str__(self) -> str:
        return f"{self.way} {self.what}, {self.workers} workers, {self.runs} runs, {self.pieces} pieces, {self.milliseconds} ms"

    @property
    def path_s(self) -> float:
        """The critical path in seconds: plan, work and join, one after another."""
        return (2 * CALL_MS + self.milliseconds) / 1000

    @property
    def chunks(self) -> int:
        """Chunks of one worker's reply, with its role, its finish and its usage."""
        return self.pieces + 3


def environment(endpoint: Endpoint, cell: Cell) -> dict[str, str]:
    """Return this process's environment, with no settings of ours or LangChain's but the endpoint and a model."""
    own = ("ORCHESTRATOR_", "LANG", "OPENAI_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    url = endpoint.url(cell.workers, cell.pieces, cell.milliseconds)
    variables = {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": KEY, "ORCHESTRATOR_MODEL": MODEL}
    return {**kept, **variables, "LANGSMITH_TRACING": "false"}


class Bench:
    """Measures cells, against one endpoint and with one folder for databases."""

    def __init__(self, endpoint: Endpoint, folder: Path) -> None:
        self.endpoint = endpoint
        self.database = folder / "runs.db"

    def measure(self, cell: Cell) -> dict[str, Any]:
        """Measure a cell once; {"error": …} if it failed."""
        if cell.way == "command":
            return self._command(cell.what)
        numbers = {"imports": [], "first": [cell.workers], "checks": [cell.workers]}.get(
            cell.way, [cell.workers, cell.runs]
        )
        command = [sys.executable, "-m", "bench.child", cell.way, cell.what, *map(str, numbers)]
        before = self.endpoint.seen()
        began = time.monotonic()
        try:
            done = subprocess.run(
                command,
                env=environment(self.endpoint, cell),
                capture_output=True,
                text=True,
                timeout=LONGEST_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return {"error": f"no end within {LONGEST_S} s"}
        if done.returncode:
            return {"error": (done.stderr.strip().splitlines() or ["?"])[-1][:300]}
        came = self.endpoint.seen()
        if wrong := _wrong_calls(cell, came["seen"]):
            return {"error": wrong}
        first = {"first_request": came["first"] - began} if came["first"] else {}
        return {
            **json.loads(done.stdout.splitlines()[-1]),
            **first,
            **({"bodies": came["bodies"]} if cell.way == "first" else {}),
            "seen": came["seen"],
            "endpoint_cpu": came["cpu"] - before["cpu"],
        }

    def _command(self, argument: str) -> dict[str, Any]:
        """Run the command line; its CPU is what the system charges this process for its children."""
        variables = {**environment(self.endpoint, Cell("first", "ours.kept")), "ORCHESTRATOR_DB": str(self.database)}
        if not self.database.exists():  # something to list
            subprocess.run(
                [sys.executable, "-m", "bench.child", "first", "ours.kept", "1"],
                env=variables, check=True, capture_output=True,
            )  # fmt: skip
        before = os.times()
        subprocess.run([sys.executable, "-m", "graph.cli", argument], env=variables, check=True, capture_output=True)
        after = os.times()
        spent = after.children_user + after.children_system - before.children_user - before.children_system
        return {"cpu": spent}


def _wrong_calls(cell: Cell, seen: Mapping[str, int]) -> str | None:
    """Say if runs made other calls than one plan, a call for each worker and one join; else times mean something else."""
    made = sum(seen.get(role, 0) for role in ROLES)
    wanted = (cell.runs + 1) * (cell.workers + 2)
    return f"{made} calls instead of {wanted}: {dict(seen)}" if cell.runs and made != wanted else None


def measure_all(cells: Mapping[Cell, int]) -> Results:
    """Measure each cell in so many rounds; a failure is told, and kept as {"error": …}. Ctrl-C ends it with what there is."""
    results: Results = {cell: [] for cell in cells}
    with Endpoint() as endpoint, tempfile.TemporaryDirectory() as folder, suppress(KeyboardInterrupt):
        bench = Bench(endpoint, Path(folder))
        for turn in range(max(cells.values(), default=0)):
            for cell in [cell for cell, rounds in cells.items() if turn < rounds]:
                began = time.monotonic()
                figures = bench.measure(cell)
                results[cell].append(figures)
                seconds = time.monotonic() - began
                text = f"round {turn + 1}: {cell}: {figures.get('error', 'measured')} in {seconds:.0f} s"
                print(text, file=sys.stderr, flush=True)
    return results
