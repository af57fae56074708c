"""Slots: how many calls may be under way against one endpoint, over all runs of the process.

Used on the engine loop alone, so plain attributes are enough.
"""

import asyncio
import heapq
import itertools
import time
from bisect import insort
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from nodes.control import told_of
from nodes.memory import MEMORY

FARTHEST_APART_S = 8.0  # between two requests to a busy endpoint: only one that is asked is seen to get well


class Slots:
    """The calls under way against one endpoint, and the pause it has asked for."""

    def __init__(self) -> None:
        self.in_use = 0
        self.quiet_until = 0.0  # time.monotonic(); no call is sent before it
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._turn = itertools.count()
        # Since the endpoint said that it is too busy: who wants to send, and how slowly that goes.
        self._line: list[tuple[int, int]] = []
        self._moved = asyncio.Event()
        self._sending = 0
        self._most: int | None = None  # requests under way at once (None: the endpoint is not too busy)
        self._apart = 0.0  # seconds between two requests
        self._sent = 0.0  # time.monotonic() of the last one

    @asynccontextmanager
    async def hold(self, limit: int, on_waiting: Callable[[bool], None] | None = None) -> AsyncIterator[None]:
        """Wait until fewer than `limit` calls are under way, then count as one until the block ends.

        `on_waiting` is told True where that takes a wait, and False when it is over.
        """
        waits = self.in_use >= limit or bool(self._waiting)
        await told_of(self._acquire(limit), on_waiting if waits else None)
        try:
            yield
        finally:
            self.in_use -= 1
            self._wake()

    async def _acquire(self, limit: int) -> None:
        if self.in_use < limit and not self._waiting:
            self.in_use += 1
            return
        ticket: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # The run with the widest limit goes first: one with a narrow limit must not hold up the others for good.
        heapq.heappush(self._waiting, (-limit, next(self._turn), ticket))
        self._wake()
        try:
            await ticket
        except asyncio.CancelledError:
            if ticket.done() and not ticket.cancelled():  # woken and cancelled at once: hand the slot on
                self.in_use -= 1
            self._wake()
            raise

    def _wake(self) -> None:
        while self._waiting:
            limit, _, ticket = self._waiting[0]
            if ticket.done():
                heapq.heappop(self._waiting)
            elif self.in_use < -limit:
                heapq.heappop(self._waiting)
                self.in_use += 1
                ticket.set_result(None)
            else:
                return

    def slow_down(self, seconds: float, apart: float = 0.0) -> None:
        """Let every caller of this endpoint wait: one was told that it is too busy.

        Args:
            seconds: until the next request.
            apart: seconds between two requests from then on; twice as many, to a limit, each time that was not enough.
        """
        now = time.monotonic()
        if now >= self.quiet_until:  # all that were sent together are refused together: that counts once
            self._apart = min(FARTHEST_APART_S, max(apart, 2 * self._apart)) if seconds > 0 else self._apart
        self._most = max(1, self._sending if self._most is None else min(self._most, self._sending))
        self.quiet_until = max(self.quiet_until, now + seconds)
        self._move()

    @asynccontextmanager
    async def turn(self, refused: int) -> AsyncIterator[None]:
        """Wait until a request may be sent, and count it as under way until the block ends.

        At once as a rule. At an endpoint that is too busy, after the pause it has asked for, one by one, and no more
        than it took at once; who was refused most often goes first, so that nobody runs out of attempts.
        """
        await self._line_up((-refused, next(self._turn)))
        self._sending += 1
        self._sent = time.monotonic()
        try:
            yield
            self._went_well()
        finally:
            self._sending -= 1
            self._move()

    async def _line_up(self, me: tuple[int, int]) -> None:
        if self._most is None:
            return
        insort(self._line, me)
        try:
            while self._most is not None:
                first, full = self._line[0] == me, self._sending >= self._most
                left = max(self.quiet_until, self._sent + self._apart) - time.monotonic()
                if first and not full and left <= 0:
                    return
                try:
                    async with asyncio.timeout(left if first and not full else None):
                        await self._moved.wait()
                except TimeoutError:
                    pass
        finally:
            self._line.remove(me)
            self._move()

    def _went_well(self) -> None:
        if self._most is not None:
            self._most += 1
            self._apart /= 2
            if not self._line:
                self._most, self._apart = None, 0.0

    def _move(self) -> None:
        """Let everybody in the line look again."""
        self._moved.set()
        self._moved = asyncio.Event()


def slots_of(endpoint: str) -> Slots:
    """Return the slots of an endpoint, shared by all runs of the process."""
    return MEMORY.kept(Slots, endpoint, Slots)
