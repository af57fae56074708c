"""Intruders: twenty-four ways in which one user of a server may try to reach another's thread and run."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx
from langgraph_sdk.client import LangGraphClient

Attempt = Callable[[LangGraphClient, "Victim"], Awaitable[Any]]
GRAPH = "orchestrator"


@dataclass(frozen=True)
class Victim:
    """What another user has.

    Attributes:
        secret: words of the request.
    """

    name: str
    thread: str
    run: str
    secret: str
    input: dict[str, Any]


async def parts(stream: Any) -> list[Any]:
    """Read a stream to its end."""
    return [part async for part in stream]


async def at_the_others_thread(client: LangGraphClient, its: Victim) -> Any:
    """Run on a thread of one's own that points at the other's."""
    return await client.runs.wait(None, GRAPH, input=its.input, config={"configurable": {"thread_id": its.thread}})


async def through_a_checkpoint(client: LangGraphClient, its: Victim) -> Any:
    """Run from a checkpoint that points at the other's thread."""
    mine = (await client.threads.create())["thread_id"]
    pointing: Any = {"thread_id": its.thread, "checkpoint_ns": ""}
    return await client.runs.wait(mine, GRAPH, input=None, checkpoint=pointing)


ATTEMPTS: dict[str, Attempt] = {
    "read the thread": lambda client, its: client.threads.get(its.thread),
    "read its state": lambda client, its: client.threads.get_state(its.thread),
    "read its history": lambda client, its: client.threads.get_history(its.thread),
    "take it over": lambda client, its: client.threads.update(its.thread, metadata={"owner": "me"}),
    "label it": lambda client, its: client.threads.update(its.thread, metadata={"seen": "yes"}),
    "rewrite its state": lambda client, its: client.threads.update_state(its.thread, {"answer": "mine"}),
    "rewrite it as a node": lambda client, its: client.threads.update_state(
        its.thread, {"answer": "x"}, as_node="worker"
    ),
    "delete it": lambda client, its: client.threads.delete(its.thread),
    "copy it": lambda client, its: client.threads.copy(its.thread),
    "make it again": lambda client, its: client.threads.create(thread_id=its.thread, if_exists="do_nothing"),
    "list all": lambda client, its: client.threads.search(limit=100),
    "list by owner": lambda client, its: client.threads.search(metadata={"owner": its.name}, limit=100),
    "list by status": lambda client, its: client.threads.search(status="idle", limit=100),
    "list by values": lambda client, its: client.threads.search(values={"complete": True}, limit=100),
    "read the run": lambda client, its: client.runs.get(its.thread, its.run),
    "list its runs": lambda client, its: client.runs.list(its.thread),
    "await its run": lambda client, its: client.runs.join(its.thread, its.run),
    "follow its run": lambda client, its: parts(client.runs.join_stream(its.thread, its.run)),
    "stop its run": lambda client, its: client.runs.cancel(its.thread, its.run),
    "delete its run": lambda client, its: client.runs.delete(its.thread, its.run),
    "run on it": lambda client, its: client.runs.create(its.thread, GRAPH, input=its.input),
    "run on and wait": lambda client, its: client.runs.wait(its.thread, GRAPH, input=None),
    "run at a distance": at_the_others_thread,
    "run from its checkpoint": through_a_checkpoint,
}


async def reached(client: LangGraphClient, its: Victim) -> list[str]:
    """Try everything; name what gave something of the other's."""
    found = []
    for name, attempt in ATTEMPTS.items():
        try:
            given = repr(await attempt(client, its))
        except httpx.HTTPError:
            continue
        except Exception as error:  # noqa: BLE001 - langgraph-sdk has no class of its own for a run's error
            given = str(error)
        if its.secret in given or its.thread in given or its.run in given:
            found.append(name)
    return found


async def possessions(client: LangGraphClient, its: Victim) -> Any:
    """Read all that a user has there, to see that nobody has changed it."""
    thread = await client.threads.get(its.thread)
    state = await client.threads.get_state(its.thread)
    runs = await client.runs.list(its.thread)
    return thread["metadata"], state["values"], [(run["run_id"], run["status"]) for run in runs]
