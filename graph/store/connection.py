"""Connection: one SQLite connection, at work in a thread of its own, for any event loop.

What is written in one iteration of a loop, or while the thread is at work, is written in one go and committed once (group
commit): a hop to the thread and back takes two wake-ups, 50 µs, a commit 100 µs, and a run that is kept writes some thirty
times. What may soon be worthless is held back for a moment: what a task of LangGraph's has come to is worthless once its
step's end is saved, which follows at once where the step has no other task. That takes off 1 ms of the 4 that a run of five workers pays.
"""

import asyncio
import sqlite3
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")
HELD_S = 0.002  # what may soon be worthless is written so late


class Writing(NamedTuple):
    """Something to be written.

    Attributes:
        work: writes it.
        waiting: for what the work returns or raises.
        until: what makes it worthless.
    """

    work: Callable[[], Any]
    waiting: asyncio.Future[Any]
    until: object


@dataclass
class Group:
    """What a loop is about to have written.

    Attributes:
        sending: will hand it to the thread.
        is_held: only in a moment.
    """

    writings: list[Writing] = field(default_factory=list)
    sending: asyncio.Handle | None = None
    is_held: bool = False


class Connection:
    """One SQLite connection.

    Attributes:
        sqlite: to be used in the functions that `run` and `write` are given.
    """

    sqlite: sqlite3.Connection

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, "orchestrator-sqlite")
        self._thread = 0
        self._groups: dict[asyncio.AbstractEventLoop, Group] = {}
        self._sent: deque[tuple[asyncio.AbstractEventLoop, list[Writing]]] = deque()

    def open(self, path: object) -> None:
        """Open the file; run in the thread.

        Raises:
            sqlite3.Error: it cannot be.
        """
        self._thread = threading.get_ident()
        self.sqlite = sqlite3.connect(str(path), check_same_thread=False)
        self.sqlite.execute("pragma schema_version")  # reads it

    @property
    def is_here(self) -> bool:
        """True in the connection's own thread, whose writes are committed as a group."""
        return threading.get_ident() == self._thread

    async def run(self, work: Callable[[], T]) -> T:
        """Run a function in the thread."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    async def write(self, work: Callable[[], T], *, until: object = None, ends: object = None) -> T:
        """Run a function that writes, and commit that, with all else that waits to be written by then.

        Args:
            work: the function.
            until: what makes it worthless. It may wait for HELD_S, and is left out where this has come by then.
            ends: what has come with it.
        """
        loop = asyncio.get_running_loop()
        group = self._groups.setdefault(loop, Group())
        if ends is not None:
            _leave_out(group, ends)
        if group.sending is None or (group.is_held and until is None):
            if group.sending:
                group.sending.cancel()
            group.is_held = until is not None
            # What is not held is sent with what else is written in this iteration.
            group.sending = loop.call_later(HELD_S if group.is_held else 0, self._send, loop)
        waiting: asyncio.Future[T] = loop.create_future()
        group.writings.append(Writing(work, waiting, until))
        return await waiting

    def _send(self, loop: asyncio.AbstractEventLoop) -> None:
        writings = self._groups.pop(loop, Group()).writings
        self._sent.append((loop, writings))
        try:
            self._pool.submit(self._write)
        except RuntimeError as closed:
            _tell(writings, [closed] * len(writings))

    def _write(self) -> None:
        """Write what was sent, all that came while the last was written together."""
        sent = [self._sent.popleft() for _ in range(len(self._sent))]
        made = iter(self._written([each.work for _, writings in sent for each in writings]))
        for loop, writings in sent:
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(_tell, writings, [next(made) for _ in writings])

    def _written(self, group: list[Callable[[], Any]]) -> list[Any]:
        """Give what each has returned or raised."""
        try:
            made = [work() for work in group]
            if group:
                self.sqlite.commit()
        except Exception as error:  # noqa: BLE001 - handed on to those who wait
            with suppress(sqlite3.Error):  # it is closed
                self.sqlite.rollback()
            if len(group) == 1 or isinstance(error, sqlite3.OperationalError):  # locked, full: none can be
                return [error] * len(group)
            return [self._written([work])[0] for work in group]  # one that is no good takes no other with it
        return made

    async def close(self) -> None:
        """Close it, after all that was begun."""
        for loop in [*self._groups]:
            self._send(loop)
        ended = asyncio.get_running_loop().run_in_executor(self._pool, self._end)
        self._pool.shutdown(wait=False)
        await asyncio.shield(ended)

    def _end(self) -> None:
        with suppress(AttributeError):  # it could not be opened
            self.sqlite.close()


def _leave_out(group: Group, ends: object) -> None:
    worthless = [each for each in group.writings if each.until == ends]
    group.writings = [each for each in group.writings if each.until != ends]
    _tell(worthless, [None] * len(worthless))


def _tell(writings: Sequence[Writing], made: Sequence[Any]) -> None:
    for writing, each in zip(writings, made, strict=True):
        waiting = writing.waiting
        if not waiting.done():  # else whoever waited was cancelled
            waiting.set_exception(each) if isinstance(each, Exception) else waiting.set_result(each)


@asynccontextmanager
async def connected(path: object) -> AsyncIterator[Connection]:
    """Open a connection, and close it.

    Raises:
        sqlite3.Error: it cannot be opened.
    """
    connection = Connection()
    try:
        await connection.run(partial(connection.open, path))
        yield connection
    finally:
        await connection.close()
