"""Pace: how a crowd of runs goes on, so that it does not hold up all else on its event loop, or in its process."""

import asyncio
import gc
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakKeyDictionary

from nodes.memory import MEMORY

AT_A_TIME = 16  # what LangGraph does to take a run one step further costs about a millisecond
LONG_S = 0.015  # for one iteration of a loop: where other threads are at work, every request sent may take 5 ms
YIELD_S = 0.0002  # for threads that wait for the interpreter: while it is let go for a request only, they wake too late
CROWD = 64  # runs at once, from which on garbage is collected otherwise
# Collections of the youngest objects to one of the middle, and of those to one of the oldest (Python's own: 10 and 10).
OFTEN, RARELY = 2, 5000


class Pace:
    """Who waits to go on, on one loop.

    Attributes:
        most: so many go on in one iteration; fewer after one that took long, more again after others.
        left: of these in this iteration.
    """

    def __init__(self) -> None:
        self.most = self.left = AT_A_TIME
        self.began = 0.0  # this iteration, on the loop's clock
        self.waiting: deque[asyncio.Future[None]] = deque()

    def begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to count in this iteration."""
        self.began = loop.time()
        loop.call_soon(self.next_iteration, loop)

    def next_iteration(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let on as many as go on in one iteration."""
        long = loop.time() - self.began > LONG_S
        self.most = max(1, self.most // 2) if long else min(AT_A_TIME, self.most + 1)
        self.left = self.most
        while self.waiting and self.left:
            waiting = self.waiting.popleft()
            if not waiting.done():  # else whoever waited was cancelled
                waiting.set_result(None)
                self.left -= 1
        if self.left < self.most:
            self.begin(loop)
        if self.waiting:
            time.sleep(YIELD_S)


_paces: WeakKeyDictionary[asyncio.AbstractEventLoop, Pace] = WeakKeyDictionary()


async def my_turn() -> None:
    """Go on, at once where few want to on this loop."""
    loop = asyncio.get_running_loop()
    pace = _paces.get(loop) or _paces.setdefault(loop, Pace())
    if pace.left == pace.most:
        pace.begin(loop)
    if pace.left:
        pace.left -= 1
        return
    waiting = loop.create_future()
    pace.waiting.append(waiting)
    await waiting


class _Crowd:
    """The runs of this process, and the thresholds of garbage collection before they were many."""

    def __init__(self) -> None:
        self.runs = 0
        self.before: tuple[int, int, int] | None = None


@contextmanager
def under_way() -> Iterator[None]:
    """Count as a run. In a crowd of them the objects that have lived for long are looked through a hundred times as rarely.

    With 1,000 runs under way that takes half a second, stops every thread for it, and finds next to nothing; it was a
    third of all CPU.
    """
    crowd = MEMORY.kept(_Crowd, "", _Crowd)
    with MEMORY.lock:
        crowd.runs += 1
        if crowd.runs == CROWD and gc.get_threshold()[2] < RARELY:
            crowd.before = gc.get_threshold()
            gc.set_threshold(crowd.before[0], OFTEN, RARELY)
    try:
        yield
    finally:
        with MEMORY.lock:
            crowd.runs -= 1
            if crowd.runs < CROWD and crowd.before is not None:
                if gc.get_threshold()[2] == RARELY:  # else somebody else has set it
                    gc.set_threshold(*crowd.before)
                crowd.before = None
