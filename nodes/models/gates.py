"""Gates: what a host puts around every call, over all runs and processes: shared slots, a budget, a fence, figures."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from typing import Any

from nodes.models.call import Call
from nodes.state import Charge


class GateShut(Exception):
    """What the processes of a host share cannot be reached; the text says why. No request was sent."""


@dataclass(frozen=True)
class Sending:
    """One request that is about to be sent.

    Attributes:
        call: what it is sent for.
        most: the charge of the most it can cost.
        tried: requests of the same call that have failed before it.
        charges: of the call so far; what the request was charged at in the end comes after.
    """

    call: Call
    most: Charge
    tried: int
    charges: Sequence[Charge]


# By name, so that a graph that is built twice has one. Entered on the engine loop.
HOLDS: dict[str, Callable[[str, int], AbstractAsyncContextManager[None]]] = {}  # (endpoint, limit), around a call
WATCHES: dict[str, Callable[[Sending], AbstractAsyncContextManager[None]]] = {}  # around each of its requests
TOLD: dict[str, Callable[[str, dict[str, Any]], None]] = {}  # (step, update), of each step of a graph that is done


async def hold(stack: AsyncExitStack, endpoint: str, limit: int) -> None:
    """Wait for a place among the calls to an endpoint.

    Raises:
        GateShut: there is none to be had.
    """
    for gate in HOLDS.values():
        await stack.enter_async_context(gate(endpoint, limit))


async def watch(stack: AsyncExitStack, sending: Sending) -> None:
    """Show a request to those who watch.

    Raises:
        OverBudget: one of them has no money for it.
        GateShut: one of them cannot be reached.
    """
    for gate in WATCHES.values():
        await stack.enter_async_context(gate(sending))
