"""The engine loop: the one event loop on which every model call of the process is made, and runs by themselves go on.

HTTP clients belong to the loop that made them, and people bring many: a notebook's, one per asyncio.run, none at all.
With one loop of our own there is one client, one count of the calls under way, and `graph.invoke` works everywhere.
"""

import asyncio
import contextvars
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from nodes.memory import MEMORY

T = TypeVar("T")

_mail: "WeakKeyDictionary[asyncio.AbstractEventLoop, _Mail]" = WeakKeyDictionary()


class _Engine:
    """The loop, at work in a daemon thread."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, name="orchestrator-engine", daemon=True).start()


def engine_loop() -> asyncio.AbstractEventLoop:
    """Return the loop, started at first use."""
    return MEMORY.kept(_Engine, "", _Engine).loop


async def on_engine(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on the engine loop, with this context's variables, and await its end from whatever loop runs here."""
    loop, here = engine_loop(), asyncio.get_running_loop()
    if here is loop:
        return await work
    ended: asyncio.Future[None] = here.create_future()
    context, tasks = contextvars.copy_context(), list[asyncio.Task[T]]()

    def begin() -> None:
        tasks.append(loop.create_task(work, context=context))
        tasks[0].add_done_callback(lambda _: post(here, tell))

    def end() -> None:
        tasks[0].cancel()  # looked up over there, where it has begun by then

    def tell() -> None:
        if not ended.done():
            ended.set_result(None)

    post(loop, begin)
    try:
        await asyncio.shield(ended)
    except asyncio.CancelledError:
        post(loop, end)
        await ended  # what it does at its end is done when this is over, as if it ran here
        tasks[0].cancelled() or tasks[0].exception()  # seen, or asyncio says that nobody did
        raise
    return tasks[0].result()


class _Mail:
    """What is to be done on one loop."""

    def __init__(self) -> None:
        self.calls: deque[Callable[[], object]] = deque()
        self.teller: asyncio.AbstractEventLoop | None = None  # who wakes the loop soon; one that stops never does

    def deliver(self) -> None:
        self.teller = None
        try:
            while self.calls:
                self.calls.popleft()()
        finally:
            if self.calls:  # one raised: the loop says so, and the others are not its matter
                asyncio.get_running_loop().call_soon(self.deliver)


def post(loop: asyncio.AbstractEventLoop, call: Callable[[], object]) -> None:
    """Have something done on another loop. All that this loop posts in one go wakes the other once.

    A wake-up takes 20 µs and lets the two threads fight over the interpreter. A closed loop does nothing.
    """
    here = asyncio.get_running_loop()
    if here is loop:
        here.call_soon(call)
        return
    if (mail := _mail.get(loop)) is None:
        with MEMORY.lock:
            mail = _mail.setdefault(loop, _Mail())
    mail.calls.append(call)
    if mail.teller is not here:
        mail.teller = here
        here.call_soon(_wake, loop, mail)


def _wake(loop: asyncio.AbstractEventLoop, mail: _Mail) -> None:
    with suppress(RuntimeError):  # it is closed
        loop.call_soon_threadsafe(mail.deliver)


def wait_on_engine(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on the engine loop and wait for it in this thread."""
    future = asyncio.run_coroutine_threadsafe(work, engine_loop())
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise
