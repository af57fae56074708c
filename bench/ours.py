"""Ours: the graph in every way that people call it. Each takes the number of workers and returns how many were done."""

import asyncio
import os
import tempfile
import uuid
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from graph import build_graph, graph

REQUEST = "Plan a neighbourhood street party for about 80 people on a Saturday afternoon."
MOST_AT_ONCE = 512  # the largest max_parallel there is

_opened = AsyncExitStack()
_opening: list[asyncio.Task[Any]] = []  # the first run opens the store for all


def context(workers: int) -> Any:
    """Let every worker run at once."""
    return {"max_subtasks": workers, "max_parallel": MOST_AT_ONCE}


def sent() -> Any:
    """Make a fresh input."""
    return {"request": REQUEST}


def done_of(state: Any) -> int:
    """Count the workers that did their part."""
    return sum(outcome["status"] == "done" for outcome in state["outcomes"])


async def ainvoke(workers: int) -> int:
    """Await the answer; nobody listens."""
    return done_of(await graph.ainvoke(sent(), context=context(workers)))


def invoke(workers: int) -> int:
    """Wait for the answer without a loop; nobody listens."""
    return done_of(graph.invoke(sent(), context=context(workers)))


async def listen(workers: int) -> int:
    """Read every event and every token while the run goes on."""
    return await _listened(workers, ["custom", "messages"])


async def events(workers: int) -> int:
    """Read what the command line reads; nothing is kept."""
    return await _listened(workers, ["custom", "values"])


async def _listened(workers: int, modes: Any) -> int:
    done = 0
    async for mode, part in graph.astream(sent(), context=context(workers), stream_mode=modes):
        done += mode == "custom" and part["type"] == "worker" and part["status"] == "done"
    return done


async def saved(workers: int) -> int:
    """Await the answer, with every step kept in SQLite."""
    _, kept_graph = await _store()
    config: Any = {"configurable": {"thread_id": uuid.uuid4().hex}}
    return done_of(await kept_graph.ainvoke(sent(), config, context=context(workers)))


async def kept(workers: int) -> int:
    """Run as the command line does: events are read; the steps, the requests and the run itself are kept in SQLite."""
    from graph.run import start

    store, kept_graph = await _store()
    _, state = await start(kept_graph, store, REQUEST, context(workers), lambda _: None, _nobody)
    return done_of(state)


async def _nobody(asked: Any) -> Any:
    raise AssertionError(f"nobody was to be asked, and {asked} was")


async def _store() -> Any:
    if not _opening:
        _opening.append(asyncio.create_task(_open()))
    return await _opening[0]


async def _open() -> tuple[Any, Any]:
    """Open the one store, and build the graph that is kept in it."""
    from graph.store import open_store

    folder = _opened.enter_context(tempfile.TemporaryDirectory())
    path = os.environ.get("ORCHESTRATOR_DB") or Path(folder) / "runs.db"
    store = await _opened.enter_async_context(open_store(path))
    return store, build_graph(checkpointer=store.saver)


async def close() -> None:
    """Close the store, if it was opened."""
    await _opened.aclose()
