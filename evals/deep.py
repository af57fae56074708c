"""Deep agents: LangChain's deepagents as a baseline, in a process and an environment of its own (make deepagents).

This side sends requests to that process, one JSON object a line; evals/deep_child.py is the other side.
"""

import asyncio
import json
from asyncio.subprocess import PIPE
from itertools import count
from pathlib import Path

from evals.caller import Run, made
from evals.purse import price
from nodes.budget import cost_usd

CHILD = Path(__file__).parent / "deep_child.py"
PYTHON = Path(__file__).parent.parent / ".venv-deepagents" / "bin" / "python"


class DeepAgents:
    """The child process; it is started with the first request, and ends when its input does."""

    def __init__(self) -> None:
        """Wait for the first request."""
        self._serials = count(1)
        self._waiting: dict[int, asyncio.Future[Run]] = {}
        self._child: asyncio.subprocess.Process | None = None
        self._starting = asyncio.Lock()

    async def run(self, request: str, model: str, timeout: float) -> Run:  # noqa: ASYNC109 - of each of its requests
        """Let a deep agent answer."""
        async with self._starting:
            if self._child is None:
                # -P: the child's folder has modules of ours, such as requests, that are none of deepagents'.
                self._child = await asyncio.create_subprocess_exec(
                    PYTHON, "-P", str(CHILD), stdin=PIPE, stdout=PIPE, limit=2**24
                )
                self._listener = asyncio.create_task(self._listen(self._child))
        serial = next(self._serials)
        self._waiting[serial] = asyncio.get_running_loop().create_future()
        line = json.dumps({"serial": serial, "request": request, "model": model, "timeout": timeout})
        assert self._child.stdin is not None
        if self._listener.done():
            return made(error="deepagents' process has ended")
        self._child.stdin.write(line.encode() + b"\n")
        run = await self._waiting[serial]
        return run | {"usd": cost_usd(price(model), run["sent"], run["got"]) if "sent" in run else None}

    async def _listen(self, child: asyncio.subprocess.Process) -> None:
        assert child.stdout is not None
        async for line in child.stdout:
            said = json.loads(line)
            self._waiting[said.pop("serial")].set_result(made(**said))
        code = await child.wait()
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_result(made(error=f"deepagents' process ended with {code}"))
