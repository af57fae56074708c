"""Compiled: the graph as it is handed out, LangGraph's own but for which loop its runs go on and when it is their turn."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any, TypeVar, cast

from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import ensure_config, merge_configs
from langgraph.graph.state import CompiledStateGraph

from nodes.models import on_engine, on_engine_loop, wait_on_engine
from nodes.pace import my_turn, under_way
from nodes.state import Context, Input, Output, State

T = TypeVar("T")
_LangGraphs = CompiledStateGraph[State, Context, Input, Output]


def _typed_as(_: T) -> Callable[[Callable[..., Any]], T]:
    """Give a method the types of the one that it stands for, overloads and all."""
    return lambda ours: cast("T", ours)


class Graph(_LangGraphs):
    """The compiled graph. Runs that begin at once take turns, so that they do not hold up their loop.

    Attributes:
        lent: other people's code is part of it, which may belong to the loop that it was made on.
    """

    def __init__(self, *, lent: bool = False, **compiled: Any) -> None:
        super().__init__(**compiled)
        self.lent = lent

    @_typed_as(_LangGraphs.astream)
    async def astream(self, *args: Any, **kwargs: Any) -> AsyncGenerator[Any]:  # type: ignore[override]  # nor is LangGraph's LangChain's
        """Run it, as LangGraph does, when it is its turn."""
        with under_way():
            await my_turn()
            parts: Any = super().astream(*args, **kwargs)
            async with aclosing(parts):
                async for part in parts:
                    yield part

    @_typed_as(_LangGraphs.invoke)
    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: A002 - LangGraph's
        """Run it and wait.

        LangGraph's sync side takes a thread for each worker, and nearly twice the CPU at 100 of them: it is for runs that
        are kept, whose checkpointer may have no other side, for parts of another graph, and where callbacks listen.
        """
        if self.checkpointer or not self._is_by_itself(config) or on_engine_loop():
            return super().invoke(input, config, **kwargs)
        return wait_on_engine(self.ainvoke(input, config, **kwargs))

    @_typed_as(_LangGraphs.ainvoke)
    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: A002
        """Run it.

        Nothing of it is done on the caller's loop where nothing belongs there: two loops that are both at work keep each
        other waiting for the interpreter, for 0.1 s and more with many runs under way.
        """
        await my_turn()
        if not self.goes_on_any_loop(config):
            return await super().ainvoke(input, config, **kwargs)
        return await on_engine(super().ainvoke(input, config, **kwargs))

    def goes_on_any_loop(self, config: RunnableConfig | None) -> bool:
        """Tell whether no part of a run belongs to the loop that it is begun on: other people's code, or what keeps it."""
        savers = not self.checkpointer or getattr(self.checkpointer, "on_any_loop", False)
        return savers and not self.lent and self._is_by_itself(config)

    def _is_by_itself(self, config: RunnableConfig | None) -> bool:
        """Tell whether a run is no part of another graph's, and nobody's callbacks listen."""
        whole = merge_configs(self.config, ensure_config(config))
        inside = any(key.startswith("__pregel") for key in whole.get("configurable", {}))
        return not inside and not whole.get("callbacks")
