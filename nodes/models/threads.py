"""Threads: other people's code, kept off the engine loop, where a blocking line would stall every run."""

import asyncio
import contextvars
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from nodes.models.loop import engine_loop

T = TypeVar("T")


def on_engine_loop() -> bool:
    """Tell whether this is on the engine loop (`graph.invoke`, and `ainvoke` by itself), not on a caller's."""
    try:
        return asyncio.get_running_loop() is engine_loop()
    except RuntimeError:  # on none
        return False


def begun(work: Callable[[], T]) -> Future[T]:
    """Begin a function in a thread of its own, with this context's variables.

    No pool: a call that never returns would keep a pool's thread for good, and six of them all of it. The thread is
    a daemon: it does not hold up the end of the process.
    """
    done: Future[T] = Future()
    done.set_running_or_notify_cancel()  # whoever waits may be cancelled; what runs here is not
    context = contextvars.copy_context()

    def run() -> None:
        try:
            done.set_result(context.run(work))
        except BaseException as error:  # noqa: BLE001 - handed on to the one who waits
            done.set_exception(RuntimeError(repr(error)) if isinstance(error, StopIteration) else error)

    threading.Thread(target=run, name="orchestrator-aside", daemon=True).start()
    return done


async def in_thread(work: Callable[[], T]) -> T:
    """Run a function in a thread of its own, and await it."""
    return await asyncio.wrap_future(begun(work))


async def aside(make: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Await a coroutine of other people's: on the caller's loop under `ainvoke`, on a loop of its own under `invoke`."""
    if not on_engine_loop():
        return await make()
    return await in_thread(lambda: asyncio.run(make()))
