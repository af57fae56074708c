"""Keeper: a process that forks another for each run it is told to start or to resume, so that these can be killed.

It imports the graph once; a fork begins in milliseconds, where a new interpreter takes seconds.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from graph import OrchestratorError
from graph.build import build_graph
from graph.run import resume, start
from graph.store import open_store

Job = dict[str, Any]
ROOT = Path(__file__).parent.parent


class Keeper:
    """Starts and resumes runs in processes of their own, for the length of a with block."""

    def __init__(self, folder: Path, where: str | Path, **environment: str) -> None:
        """Keep the runs in `where`; with these variables besides the bare ones."""
        self.folder, self.where = folder, str(where)
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "PYTHONPATH": str(ROOT),
            "LANGSMITH_TRACING": "false",
            **environment,
        }

    def __enter__(self) -> Self:
        """Start the process that forks."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.keeper"],
            env=self.environment,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let it end."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(30)

    def begin(self, **job: Any) -> int:
        """Begin a job, {"request": …, "given": …} or {"id": …}, "dies" at its last checkpoint or not; return its process id."""
        self.out = self.folder / "out.json"
        self.out.unlink(missing_ok=True)
        assert self.process.stdin
        self.process.stdin.write(json.dumps({**job, "where": self.where, "out": str(self.out)}) + "\n")
        self.process.stdin.flush()
        return self._heard()

    def ended(self) -> dict[str, Any] | None:
        """Wait for the end of the job; its final state, {"error": …, "text": …}, or None if it was killed."""
        assert self.process.stdin
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        killed = self._heard() != 0
        return None if killed else json.loads(self.out.read_text(encoding="utf-8"))

    def do(self, **job: Any) -> dict[str, Any]:
        """Begin a job and wait for its end, which must come by itself."""
        self.begin(**job)
        state = self.ended()
        assert state is not None
        return state

    def _heard(self) -> int:
        assert self.process.stdout
        return int(self.process.stdout.readline())


async def _work(job: Job) -> dict[str, Any]:
    async with open_store(job["where"]) as store:
        if job.get("dies"):
            store.saver.aput = _dying(store.saver.aput)  # type: ignore[method-assign, assignment]
        graph = build_graph(checkpointer=store.saver)
        try:
            if "id" in job:
                run = await store.find(job["id"])
                return dict(await resume(graph, store, run, _listen, _decide))
            _, state = await start(graph, store, job["request"], job["given"], _listen, _decide)
            return dict(state)
        except OrchestratorError as error:
            return {"error": type(error).__name__, "text": str(error)}


def _dying(put: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Kill this process as soon as the run's last checkpoint is saved."""

    async def saved(config: Any, checkpoint: Any, *more: Any) -> Any:
        kept = await put(config, checkpoint, *more)
        if checkpoint["channel_values"].get("phase") == "end":
            os.kill(os.getpid(), signal.SIGKILL)
        return kept

    return saved


def _listen(_event: dict[str, Any]) -> None:
    """Nobody watches."""


async def _decide(_asked: dict[str, Any]) -> Any:
    return {"decisions": [{"type": "approve"}]}


def _serve() -> None:
    while line := sys.stdin.readline():
        job = json.loads(line)
        child = os.fork()
        if child == 0:
            try:
                state = asyncio.run(_work(job))
                Path(job["out"]).write_text(json.dumps(state), encoding="utf-8")
            finally:
                os._exit(0)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()
        sys.stdin.readline()  # until it is asked for, the child keeps its process id, dead or alive
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{status}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    with suppress(BrokenPipeError):
        _serve()
