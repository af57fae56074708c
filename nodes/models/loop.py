"""The engine loop: the one event loop on which every model call of the process is made.

HTTP clients belong to the loop that made them, and people bring many: a notebook's, one per asyncio.run, none at all.
With one loop of our own there is one client, one count of the calls under way, and `graph.invoke` works everywhere.
"""

import asyncio
import os
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None
_owner = 0  # the process that started the loop: a thread does not survive a fork


def engine_loop() -> asyncio.AbstractEventLoop:
    """Return the loop, started in a daemon thread at first use."""
    global _loop, _owner
    with _lock:
        if _loop is None or _owner != os.getpid():
            _loop, _owner = asyncio.new_event_loop(), os.getpid()
            threading.Thread(target=_loop.run_forever, name="orchestrator-engine", daemon=True).start()
        return _loop


async def on_engine(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on the engine loop, with this context's variables, and await it from whatever loop runs here."""
    loop = engine_loop()
    if asyncio.get_running_loop() is loop:
        return await work
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, loop))


def wait_on_engine(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on the engine loop and wait for it in this thread."""
    future = asyncio.run_coroutine_threadsafe(work, engine_loop())
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise
