"""Pace: how many runs go on in one iteration of an event loop, so that a crowd of them does not hold up all else on it."""

import asyncio
from collections import deque
from weakref import WeakKeyDictionary

AT_A_TIME = 16  # what LangGraph does to take a run one step further costs about a millisecond


class Pace:
    """Who waits to go on, on one loop."""

    def __init__(self) -> None:
        self.left = AT_A_TIME
        self.waiting: deque[asyncio.Future[None]] = deque()

    def next_iteration(self) -> None:
        """Let on as many as go on in one iteration."""
        self.left = AT_A_TIME
        while self.waiting and self.left:
            waiting = self.waiting.popleft()
            if not waiting.done():  # else whoever waited was cancelled
                waiting.set_result(None)
                self.left -= 1
        if self.left < AT_A_TIME:
            asyncio.get_running_loop().call_soon(self.next_iteration)


_paces: WeakKeyDictionary[asyncio.AbstractEventLoop, Pace] = WeakKeyDictionary()


async def my_turn() -> None:
    """Go on, at once where few want to on this loop."""
    loop = asyncio.get_running_loop()
    pace = _paces.setdefault(loop, Pace())
    if pace.left == AT_A_TIME:
        loop.call_soon(pace.next_iteration)
    if pace.left:
        pace.left -= 1
        return
    waiting = loop.create_future()
    pace.waiting.append(waiting)
    await waiting
