"""The engine loop: one loop for all calls, from wherever they come."""

import asyncio
import contextvars
import os
import signal
import sys
import threading
from concurrent.futures import CancelledError, ThreadPoolExecutor
from typing import Any

import pytest

from nodes.models.loop import engine_loop, on_engine, post, wait_on_engine

COLOUR: contextvars.ContextVar[str] = contextvars.ContextVar("COLOUR", default="none")


async def where() -> tuple[asyncio.AbstractEventLoop, str]:
    return asyncio.get_running_loop(), COLOUR.get()


def test_one_loop_for_all() -> None:
    """Threads, loops and plain code all end on the same loop, which is none of theirs."""

    async def outside() -> tuple[bool, object]:
        return asyncio.get_running_loop() is engine_loop(), (await on_engine(where()))[0]

    with ThreadPoolExecutor(8) as pool:
        loops = {future.result() for future in [pool.submit(lambda: wait_on_engine(where())[0]) for _ in range(8)]}
    mine, theirs = asyncio.run(outside())

    assert loops == {engine_loop()}
    assert (mine, theirs) == (False, engine_loop())


def test_on_the_engine_already() -> None:
    """Work that is on the engine loop already is awaited there and does not lock up."""

    async def nested() -> bool:
        return (await on_engine(where()))[0] is engine_loop()

    assert wait_on_engine(asyncio.wait_for(nested(), 5)) is True


@pytest.mark.parametrize("sync", [True, False])
def test_context_variables_go_along(*, sync: bool) -> None:
    """What the caller has set in its context, traces among it, is seen by the work."""

    async def from_a_loop() -> str:
        COLOUR.set("red")
        return (await on_engine(where()))[1]

    def from_a_thread() -> str:
        COLOUR.set("red")
        return wait_on_engine(where())[1]

    context = contextvars.copy_context()
    seen = context.run(from_a_thread) if sync else asyncio.run(from_a_loop())

    assert seen == "red"


@pytest.mark.parametrize("sync", [True, False])
def test_errors_come_back(*, sync: bool) -> None:
    """What the work raises is raised where it is awaited."""

    async def failing() -> None:
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        wait_on_engine(failing()) if sync else asyncio.run(on_engine(failing()))


def test_cancelling_cancels_the_work() -> None:
    """Who stops waiting stops the work on the other loop too."""
    ended = threading.Event()

    async def endless(begun: asyncio.Event) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def impatient() -> None:
        task = asyncio.create_task(on_engine(endless(asyncio.Event())))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(task, 0.05)

    asyncio.run(impatient())

    assert ended.wait(5) is True


def test_cancelling_waits_for_the_end_of_the_work() -> None:
    """What it still does when it is cancelled, as saving what it has, is done when that is known."""
    done = list[str]()

    async def saving() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.1)
            done.append("saved")

    async def impatient() -> list[str]:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(on_engine(saving()), 0.05)
        return [*done]

    assert asyncio.run(impatient()) == ["saved"]


def test_cancelling_before_it_has_begun() -> None:
    """Work that is cancelled before the engine loop has heard of it is not done, so not paid."""
    done = list[str]()

    async def working() -> None:
        await asyncio.sleep(0.1)
        done.append("paid")

    async def hasty() -> None:
        task = asyncio.create_task(on_engine(working()))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(hasty())
    wait_on_engine(asyncio.sleep(0.2))

    assert done == []


def test_a_loop_that_stops_holds_up_no_other() -> None:
    """What a loop had no more time to tell of keeps nobody else's calls waiting."""

    async def asking() -> object:
        return (await asyncio.wait_for(on_engine(where()), 5))[0]

    stopped = asyncio.new_event_loop()
    task = stopped.create_task(on_engine(where()))
    stopped.call_soon(stopped.stop)
    stopped.run_forever()
    heard = asyncio.run(asking())
    stopped.run_until_complete(task)
    stopped.close()

    assert heard is engine_loop()


def test_one_that_raises_holds_up_no_other() -> None:
    """Where one of several things that are posted raises, the loop is told, and the others are done."""
    told = list[str]()

    async def posting(other: asyncio.AbstractEventLoop, over: asyncio.Event) -> None:
        post(other, [].pop)
        post(other, over.set)

    async def waiting() -> None:
        here, over = asyncio.get_running_loop(), asyncio.Event()
        here.set_exception_handler(lambda _, context: told.append(repr(context["exception"])))
        asyncio.run_coroutine_threadsafe(posting(here, over), engine_loop())
        await asyncio.wait_for(over.wait(), 5)

    asyncio.run(waiting())

    assert told == ["IndexError('pop from empty list')"]


class Counting(asyncio.SelectorEventLoop):
    """A loop that counts how often it was woken."""

    woken = 0

    def call_soon_threadsafe(self, *args: Any, **kwargs: Any) -> asyncio.Handle:  # type: ignore[override]
        self.woken += 1
        return super().call_soon_threadsafe(*args, **kwargs)


def test_one_wake_up_for_all_that_is_posted() -> None:
    """What one loop posts to another in one go comes in order, with one wake-up, and on the other's thread."""
    came = list[tuple[int, int]]()

    async def posting(other: asyncio.AbstractEventLoop, over: asyncio.Event) -> None:
        for number in range(20):
            post(other, lambda number=number: came.append((number, threading.get_ident())))  # type: ignore[misc]
        post(other, over.set)

    async def waiting() -> int:
        here, over = asyncio.get_running_loop(), asyncio.Event()
        assert isinstance(here, Counting)
        asyncio.run_coroutine_threadsafe(posting(here, over), engine_loop())
        await over.wait()
        return here.woken

    with asyncio.Runner(loop_factory=Counting) as runner:
        woken = runner.run(waiting())

    assert (woken, came) == (1, [(number, threading.get_ident()) for number in range(20)])


def test_a_closed_loop_is_not_told() -> None:
    """What is posted to a loop that is closed is nobody's any more, and no error."""
    closed = asyncio.new_event_loop()
    closed.close()

    async def posting() -> None:
        post(closed, list)
        await asyncio.sleep(0)

    wait_on_engine(posting())

    assert closed.is_closed()


def test_an_interrupt_cancels_the_work() -> None:
    """Ctrl-C while a thread waits for the work ends the work."""
    ended, main = threading.Event(), threading.get_ident()

    async def endless() -> None:
        while sys._current_frames()[main].f_code.co_name != "wait":  # noqa: ASYNC110 - a thread tells no event
            await asyncio.sleep(0)
        os.kill(os.getpid(), signal.SIGINT)
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    with pytest.raises(KeyboardInterrupt):
        wait_on_engine(endless())

    assert ended.wait(5) is True


def test_cancelled_work_is_told() -> None:
    """Work that is cancelled on the engine loop is an error to the thread that waits for it."""

    async def cancelled() -> None:
        raise asyncio.CancelledError

    with pytest.raises(CancelledError):
        wait_on_engine(cancelled())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_has_a_loop_of_its_own() -> None:
    """A thread does not survive a fork; the child starts its own loop and works."""
    parents = engine_loop()
    child = os.fork()
    if child == 0:
        own = wait_on_engine(asyncio.wait_for(where(), 5))[0]
        os._exit(0 if own is not parents else 1)
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
