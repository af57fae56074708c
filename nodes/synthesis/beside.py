"""Beside: work on a run's results; in a thread where they are long, so that it never holds up the event loop."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from nodes.state import State

INLINE = 30_000  # characters of results that are worked on where they are: a few ms, where a thread costs 0.3

P = ParamSpec("P")
T = TypeVar("T")


async def beside_loop(state: State, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a function that reads the results of a run."""
    if len(state["request"]) + sum(len(outcome["output"]) for outcome in state["outcomes"]) < INLINE:
        return work(*args, **kwargs)
    return await asyncio.to_thread(work, *args, **kwargs)
