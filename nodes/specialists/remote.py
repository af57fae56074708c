"""Remote: a graph on another LangGraph server as a worker."""

from collections.abc import Callable
from typing import Any

import httpx
from langchain_core.messages import BaseMessage
from langgraph.pregel.remote import RemoteException, RemoteGraph
from langgraph_sdk import get_client
from langgraph_sdk.errors import APIConnectionError, APIError

from nodes.specialists.outputs import NoText, Returned, input_for, read_output
from nodes.specialists.registry import Specialist

CONNECT_S = 10.0  # a server that cannot be reached is not waited for as long as one that works
MODES = ["values", "messages", "custom"]


class RemoteFailed(Exception):
    """The other server could not be reached, refused, or its run failed."""


async def run_remote(
    specialist: Specialist, task: str, on_text: Callable[[str], None], seconds: float, on_begun: Callable[[], None]
) -> Returned:
    """Give a task to a graph on another server; its text is passed on while it arrives.

    The task goes in as the first of nodes.specialists.outputs.INPUTS that the graph's input has; its answer is read as a local
    graph's would be. However it ends, on_begun is told once it is worked on: it costs something from then on.

    Raises:
        RemoteFailed: says what the other server, or the way to it, answered.
        NoText: its answer holds nothing to join.
    """
    limits = (min(CONNECT_S, seconds), seconds, seconds, seconds)  # to connect, read, write, and get a connection
    # api_key=None: the SDK would else send this machine's LangSmith key to whatever server is named here.
    client = get_client(url=specialist.url, api_key=specialist.key or None, timeout=limits)
    try:
        async with client:
            given_input = input_for(await _inputs(client, specialist), task)
            graph: Any = RemoteGraph(specialist.graph, client=client)
            last, parts = None, 0
            async for part in graph.astream(given_input, {"configurable": {}}, stream_mode=MODES, version="v2"):
                parts += 1
                if parts == 1:
                    on_begun()
                if part["interrupts"]:
                    raise NoText("it stopped to ask a person, which a specialist cannot do")
                if part["type"] == "values":
                    last = part["data"]
                elif text := _text_in(part["type"], part["data"]):
                    on_text(text)
    except RemoteException as error:
        raise RemoteFailed(
            f"graph {specialist.graph!r} at {specialist.url} failed: {_told(error.args[0] if error.args else error)}"
        ) from None
    except (APIConnectionError, httpx.TransportError) as error:
        raise RemoteFailed(
            f"no LangGraph server could be reached at {specialist.url} ({_told(error) or type(error).__name__})"
        ) from None
    except (APIError, httpx.HTTPError) as error:
        raise RemoteFailed(
            f"the server at {specialist.url} refused graph {specialist.graph!r}: {_told(error)}"
        ) from None
    if last is None:
        raise NoText("the other server sent no state")
    return read_output(last)


async def _inputs(client: Any, specialist: Specialist) -> list[str]:
    """Ask which keys the graph's input has."""
    assistants = await client.assistants.search(graph_id=specialist.graph, limit=1)
    schemas = await client.assistants.get_schemas(assistants[0]["assistant_id"] if assistants else specialist.graph)
    # A server gives no input schema for a graph whose state it cannot tell apart from it; the state's will do then.
    schema = schemas.get("input_schema") or schemas.get("state_schema") or {}
    return list(schema.get("properties") or {})


def _text_in(mode: str, part: Any) -> str:
    """Find the text that a streamed event brings."""
    if mode == "custom":
        return str(part["text"]) if isinstance(part, dict) and part.get("type") == "answer" and part.get("text") else ""
    message = part[0] if isinstance(part, (tuple, list)) and part else part
    if isinstance(message, BaseMessage):
        message = message.model_dump()
    if not isinstance(message, dict) or "chunk" not in str(message.get("type", "")).lower():
        return ""
    content = message.get("content")
    if isinstance(content, list):
        return "".join(str(piece.get("text", "")) for piece in content if isinstance(piece, dict))
    return str(content or "")


def _told(error: Any) -> str:
    if isinstance(error, dict):
        error = error.get("message") or error.get("error") or error
    return " ".join(str(error).split())[:300]
