"""Clients: runs begun and followed through langgraph-sdk, on whichever server is there."""

import asyncio
import itertools
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient

from deploy.cluster import Cluster, Server
from tests.cluster.trades import request

ENDED = ("success", "error", "timeout", "interrupted")


@dataclass(frozen=True)
class Begun:
    """A run that was begun."""

    number: int
    thread: str
    run: str


@dataclass(frozen=True)
class Clients:
    """One client for each server; a call goes to the next one that runs."""

    each: list[LangGraphClient]
    servers: list[Server]
    turn: Any

    async def call(
        self, area: str, verb: str, *given: Any, seconds: float = 120, patience: float = 10, **named: Any
    ) -> Any:
        """Call `client.area.verb(…)` on a server that runs; what may be asked twice, and is asked elsewhere after a while."""
        end = time.monotonic() + seconds
        while True:
            pairs = zip(self.each, self.servers, strict=True)
            running = [client for client, server in pairs if server.process.poll() is None]
            client = running[next(self.turn) % len(running)]
            try:
                async with asyncio.timeout(patience):
                    return await getattr(getattr(client, area), verb)(*given, **named)
            except (httpx.HTTPError, TimeoutError):
                if time.monotonic() > end:
                    raise
                await asyncio.sleep(0.2)

    async def begin(self, numbers: Iterable[int], **named: Any) -> list[Begun]:
        """Begin a run for each number."""

        async def begun_by(number: int) -> Begun:
            client = self.each[number % len(self.each)]
            thread = (await client.threads.create())["thread_id"]
            run = await client.runs.create(thread, "orchestrator", input={"request": request(number)}, **named)
            return Begun(number, thread, run["run_id"])

        return list(await asyncio.gather(*(begun_by(number) for number in numbers)))

    async def ends(self, begun: Iterable[Begun], seconds: float = 200) -> dict[int, str]:
        """Follow runs to their ends; gives each one's status."""

        async def ended_of(run: Begun) -> tuple[int, str]:
            end, status = time.monotonic() + seconds, "unknown"
            while status not in ENDED and time.monotonic() < end:
                await asyncio.sleep(1)
                status = (await self.call("runs", "get", run.thread, run.run))["status"]
            return run.number, status

        return dict(await asyncio.gather(*(ended_of(run) for run in begun)))

    async def states(self, begun: Iterable[Begun]) -> dict[int, dict[str, Any]]:
        """Read the state in which each thread is."""

        async def state_of(run: Begun) -> tuple[int, dict[str, Any]]:
            return run.number, (await self.call("threads", "get_state", run.thread))["values"]

        return dict(await asyncio.gather(*(state_of(run) for run in begun)))


@asynccontextmanager
async def clients_of(cluster: Cluster) -> AsyncIterator[Clients]:
    """Give a client of each server."""
    async with AsyncExitStack() as stack:
        each = [await stack.enter_async_context(get_client(url=server.url)) for server in cluster.servers]
        yield Clients(each, cluster.servers, itertools.count())


async def until(true: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until something is true."""
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - nothing tells it
            await asyncio.sleep(0.05)


def picked_up(cluster: Cluster) -> Counter[int]:
    """Count the runs that each server took, by its port."""
    return Counter({server.port: server.log.read_text().count("Worker picked up run") for server in cluster.servers})


def logged(cluster: Cluster) -> list[dict[str, Any]]:
    """Read what the servers have said: every line is a JSON object, but alembic's at the first start."""
    lines = [line for server in cluster.servers for line in server.log.read_text().splitlines()]
    return [json.loads(line) for line in lines if "[alembic." not in line]
