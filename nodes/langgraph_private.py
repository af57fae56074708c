"""Private: the names of LangGraph and LangChain that we use and that they do not promise, each with its reason.

Nothing else imports a private name (tests/test_architecture.py), and pyproject.toml bounds their versions from above.
"""

from collections.abc import Callable
from copy import copy
from functools import partial
from typing import Any

from langchain_core.runnables.config import var_child_runnable_config  # the ambient config: where an event belongs
from langchain_core.tools import BaseTool
from langgraph._internal._constants import CONFIG_KEY_CHECKPOINTER  # a run is kept: the server tells it in no other way
from langgraph._internal._runnable import RunnableCallable  # a node with two sides, given its Runtime, not traced twice
from langgraph.checkpoint.base import id as checkpoint_ids
from langgraph.pregel._messages import StreamMessagesHandler  # who reads `messages`: a wake-up of its loop for each

__all__ = [
    "CONFIG_KEY_CHECKPOINTER",
    "RunnableCallable",
    "has_async_side",
    "make_ids_newer_than",
    "scrub_with",
    "told_by",
    "var_child_runnable_config",
]


def has_async_side(tool: BaseTool) -> bool:
    """Tell whether a tool has an async side of its own, not LangChain's that calls the sync one."""
    return type(tool)._arun is not BaseTool._arun  # noqa: SLF001


def scrub_with(client: Any, scrub: Callable[[dict[str, Any]], Any]) -> None:
    """Let a LangSmith client scrub what it sends, where its maker has not said how: errors are hidden in no other way."""
    if client._anonymizer is None:  # noqa: SLF001
        client._anonymizer = scrub  # noqa: SLF001


def make_ids_newer_than(checkpoint_id: str) -> None:
    """Let the ids of this process's further checkpoints come after one, whatever the clock says.

    A saver's newest checkpoint is the one with the greatest id, and ids are made of the time: after the clock went
    back, or on another machine, a resume would write checkpoints that nobody finds.
    """
    when = int(checkpoint_id.replace("-", "")[:12] + checkpoint_id.replace("-", "")[13:16], 16)  # of a version 6 UUID
    before = checkpoint_ids._last_v6_timestamp or 0  # noqa: SLF001
    checkpoint_ids._last_v6_timestamp = max(when, before)  # type: ignore[assignment]  # noqa: SLF001


def told_by(way: Callable[[Callable[[], object]], object], handler: Any) -> Any:
    """Return a callback handler that is the same, but if it is a reader of `messages`, is told of them by a way of ours."""
    if type(handler) is not StreamMessagesHandler:
        return handler
    reader = copy(handler)  # what it has seen is the same
    reader.stream = lambda message: way(partial(handler.stream, message))  # type: ignore[assignment]
    return reader
