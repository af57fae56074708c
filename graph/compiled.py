"""Compiled: the graph as it is handed out, LangGraph's own but for which loop its runs go on and when it is their turn."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any, TypeVar, cast

from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import ensure_config
from langgraph.graph.state import CompiledStateGraph

from nodes.models import on_engine_loop, wait_on_engine
from nodes.pace import my_turn
from nodes.state import Context, Input, Output, State

T = TypeVar("T")
_LangGraphs = CompiledStateGraph[State, Context, Input, Output]


def _typed_as(_: T) -> Callable[[Callable[..., Any]], T]:
    """Give a method the types of the one that it stands for, overloads and all."""
    return lambda ours: cast("T", ours)


class Graph(_LangGraphs):
    """The compiled graph. Runs that begin at once take turns, so that they do not hold up their loop."""

    @_typed_as(_LangGraphs.astream)
    async def astream(self, *args: Any, **kwargs: Any) -> AsyncGenerator[Any]:  # type: ignore[override]  # nor is LangGraph's LangChain's
        """Run it, as LangGraph does, when it is its turn."""
        await my_turn()
        parts: Any = super().astream(*args, **kwargs)
        async with aclosing(parts):
            async for part in parts:
                yield part

    @_typed_as(_LangGraphs.invoke)
    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: A002 - LangGraph's
        """Run it and wait.

        A run that is not kept goes on the engine loop as a whole; LangGraph's sync side takes a thread for each worker,
        and nearly twice the CPU at 100 of them. One that is kept, or a part of another graph's, has that side, for its
        checkpointer may have no other.
        """
        inside = any(key.startswith("__pregel") for key in ensure_config(config).get("configurable", {}))
        if self.checkpointer or inside or on_engine_loop():
            return super().invoke(input, config, **kwargs)
        return wait_on_engine(self.ainvoke(input, config, **kwargs))


def whole(graph: Graph) -> Graph:
    """Open a graph's own keys: its output, its streams and the state that is read through it hold all that a run knows."""
    opened = graph.copy({"stream_channels": None})
    opened.output_channels = opened.stream_channels_asis
    return opened
