"""Connection: one SQLite connection, at work in a thread of its own, for any event loop.

What is written in one iteration of a loop is written in one go and committed once (group commit): a hop to the thread and
back takes two wake-ups, 50 µs, a commit 100 µs, and a run that is kept writes some thirty times.
"""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")
Write = Callable[[], Any]
Waiting = asyncio.Future[Any]


class Connection:
    """One SQLite connection.

    Attributes:
        sqlite: to be used in the functions that `run` and `write` are given.
    """

    sqlite: sqlite3.Connection

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, "orchestrator-sqlite")
        self._thread = 0
        self._groups: dict[asyncio.AbstractEventLoop, list[tuple[Write, Waiting]]] = {}

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
        """Run a function that writes, and commit that, with all else that is written in this iteration of the loop."""
        loop = asyncio.get_running_loop()
        group = self._groups.setdefault(loop, [])
        if not group:
            loop.call_soon(self._begin, loop)
        waiting: asyncio.Future[T] = loop.create_future()
        group.append((work, waiting))
        return await waiting

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        group = self._groups.pop(loop)
        try:
            writing = loop.run_in_executor(self._pool, self._written, [work for work, _ in group])
        except RuntimeError as closed:
            _tell(group, [closed] * len(group))
        else:
            writing.add_done_callback(lambda written: _tell(group, written.result()))

    def _written(self, group: list[Write]) -> list[Any]:
        """Give what each has returned or raised."""
        try:
            made = [work() for work in group]
            self.sqlite.commit()
        except Exception as error:  # noqa: BLE001 - handed on to those who wait
            self.sqlite.rollback()
            if len(group) == 1 or isinstance(error, sqlite3.OperationalError):  # locked, full: none can be
                return [error] * len(group)
            return [self._written([work])[0] for work in group]  # one that is no good takes no other with it
        return made

    def close(self) -> None:
        """Close it, after all that was begun."""
        self._pool.submit(self._end)
        self._pool.shutdown(wait=False)

    def _end(self) -> None:
        with suppress(AttributeError):  # it could not be opened
            self.sqlite.close()


def _tell(group: list[tuple[Write, Waiting]], made: list[Any]) -> None:
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
        connection.close()
