"""Connection: one SQLite connection, at work in a thread of its own, for any event loop.

What is written in one iteration of a loop, or while the thread is at work, is written in one go and committed once (group
commit): a hop to the thread and back takes two wake-ups, 50 µs, a commit 100 µs, and a run that is kept writes some thirty
times.
"""

import asyncio
import sqlite3
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")
Write = Callable[[], Any]
Group = list[tuple[Write, asyncio.Future[Any]]]  # each with whoever waits for it


class Connection:
    """One SQLite connection.

    Attributes:
        sqlite: to be used in the functions that `run` and `write` are given.
    """

    sqlite: sqlite3.Connection

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, "orchestrator-sqlite")
        self._thread = 0
        self._groups: dict[asyncio.AbstractEventLoop, Group] = {}  # what each loop writes in this iteration
        self._sent: deque[tuple[asyncio.AbstractEventLoop, Group]] = deque()

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

    async def write(self, work: Callable[[], T]) -> T:
        """Run a function that writes, and commit that, with all else that waits to be written by then."""
        loop = asyncio.get_running_loop()
        group = self._groups.setdefault(loop, [])
        if not group:
            loop.call_soon(self._send, loop)  # with what else is written in this iteration
        waiting: asyncio.Future[T] = loop.create_future()
        group.append((work, waiting))
        return await waiting

    def _send(self, loop: asyncio.AbstractEventLoop) -> None:
        group = self._groups.pop(loop)
        self._sent.append((loop, group))
        try:
            self._pool.submit(self._write)
        except RuntimeError as closed:
            _tell(group, [closed] * len(group))

    def _write(self) -> None:
        """Write what was sent, all that came while the last was written together."""
        sent = [self._sent.popleft() for _ in range(len(self._sent))]
        made = iter(self._written([work for _, group in sent for work, _ in group]))
        for loop, group in sent:
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(_tell, group, [next(made) for _ in group])

    def _written(self, group: list[Write]) -> list[Any]:
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
        ended = asyncio.get_running_loop().run_in_executor(self._pool, self._end)
        self._pool.shutdown(wait=False)
        await asyncio.shield(ended)

    def _end(self) -> None:
        with suppress(AttributeError):  # it could not be opened
            self.sqlite.close()


def _tell(group: Group, made: list[Any]) -> None:
    for (_, waiting), each in zip(group, made, strict=True):
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
