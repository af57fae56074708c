"""Runnables: a Python object as a worker. Its code is other people's: whatever it does becomes an outcome."""

import asyncio
import inspect
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from langchain_core.callbacks import BaseCallbackHandler, BaseCallbackManager
from langchain_core.runnables import Runnable
from langchain_core.runnables.config import ensure_config
from langgraph.pregel import Pregel

from nodes.langgraph_private import var_child_runnable_config
from nodes.models import aside, in_thread, on_engine_loop
from nodes.specialists.outputs import Returned, input_for, read_output


async def run(runnable: Any, task: str, usage: BaseCallbackHandler) -> Returned:
    """Give a task to a runnable, compiled graph, agent or (async) function, and read what it returns.

    Under `graph.ainvoke` it runs on the caller's loop, where its clients live; under `graph.invoke` in a thread of its
    own, so that a blocking line in it holds up nobody else.

    Raises:
        NoText: it returned nothing that could be joined.
        Exception: whatever it raises.
    """
    async with apart(usage):
        if isinstance(runnable, Runnable):
            return read_output(await aside(lambda: runnable.ainvoke(_input(runnable, task))))
        if inspect.iscoroutinefunction(runnable) or inspect.iscoroutinefunction(getattr(runnable, "__call__", None)):  # noqa: B004
            return read_output(await aside(lambda: runnable(task)))
        result = await in_thread(lambda: runnable(task))
        if inspect.isawaitable(result):  # a partial or a lambda around an async function
            result = await (in_thread(lambda: asyncio.run(_awaited(result))) if on_engine_loop() else result)
        return read_output(result)


async def _awaited(work: Any) -> Any:
    return await work


def _input(runnable: Runnable[Any, Any], task: str) -> Any:
    if not isinstance(runnable, Pregel):
        return task
    schema = runnable.get_input_jsonschema()
    return input_for(schema["properties"], task) if schema.get("properties") else task


@asynccontextmanager
async def apart(usage: BaseCallbackHandler) -> AsyncIterator[None]:
    """Hide this run's thread and checkpointer from a graph that runs inside; keep tracing, and count its calls.

    A graph inside would else write its checkpoints into ours, and with a saver of the other kind (sync or async) fail.
    """
    here = ensure_config()
    callbacks = here.get("callbacks")
    if isinstance(callbacks, BaseCallbackManager):
        callbacks = callbacks.copy()
        callbacks.add_handler(usage)
    else:
        callbacks = [*(callbacks or ()), usage]
    token = var_child_runnable_config.set({"tags": here["tags"], "metadata": here["metadata"], "callbacks": callbacks})
    try:
        yield
    finally:
        var_child_runnable_config.reset(token)


def takes_tasks(runnable: Any) -> bool:
    """Tell whether a thing can be given a task."""
    return isinstance(runnable, Runnable) or callable(runnable)
