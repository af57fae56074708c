"""SQLite: runs in one file; a lock file a run tells who is at work, and goes with its process."""

import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from graph.store.connection import Connection, connected
from graph.store.runs import TABLES, Store, StoreError, TryLock

if TYPE_CHECKING:
    from graph.store.saver import Saver

MEMORY = ":memory:"  # the database of a run that is not kept


@asynccontextmanager
async def open_sqlite(path: Path) -> AsyncIterator[Store]:
    """Open a file, or make it.

    Raises:
        StoreError: it cannot be used.
    """
    with store_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        async with connected(path) as connection:
            store = SqliteStore(path, connection)
            await connection.run(store.set_up)
            yield store


@contextmanager
def store_errors(where: object) -> Iterator[None]:
    """Turn a database's own errors into one clear StoreError."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        if isinstance(error, OSError) and error.filename is None and not isinstance(error, PermissionError):
            raise  # not a file of the store: a connection, a pipe
        raise StoreError(f"the database {where} cannot be used: {_mend(error)}") from error


def _mend(error: Exception) -> str:
    said = str(error).rstrip(".")
    words = said.lower()
    ways = (
        ("disk is full", "free some space"),
        ("readonly", "it is read-only; give another with --db, or use --no-save"),
        ("read-only", "it is read-only; give another with --db, or use --no-save"),
        ("not a database", "the file is something else or damaged; move it away, or give another with --db"),
        ("malformed", "the file is damaged; move it away, or give another with --db"),
        ("locked", "another program holds it; try again"),
        ("permission", "it may not be written; give another with --db, or use --no-save"),
        ("unable to open", "it cannot be opened; give another with --db, or use --no-save"),
    )
    way = next((way for word, way in ways if word in words), "give another with --db, or use --no-save")
    return f"{said}. {way[0].upper()}{way[1:]}."


class SqliteStore(Store):
    """Runs in one SQLite file."""

    on_any_loop = True

    def __init__(self, path: Path, connection: Connection) -> None:
        self.path = path
        self.connection = connection

    @cached_property
    def saver(self) -> "Saver":  # type: ignore[override]  # a property that is looked up once
        """What keeps the steps of runs; it makes its own tables when it is first used."""
        from graph.store.saver import Saver  # runs are listed without LangGraph

        return Saver(self.connection)

    def set_up(self) -> None:
        """Make the tables where they are missing; run in the connection's thread."""
        sqlite = self.connection.sqlite
        sqlite.execute("pragma busy_timeout=20000")
        sqlite.execute("pragma journal_mode=wal")
        # With the write-ahead log, what is committed outlives the process; only a power cut
        # may take the last of it, never the file. A commit costs 0.1 ms so, and up to 10 ms with a sync each.
        sqlite.execute("pragma synchronous=normal")
        for statement in TABLES:
            sqlite.execute(statement)
        sqlite.commit()

    async def execute(self, sql: str, values: Sequence[Any] = ()) -> None:
        """Run a statement, and commit it."""
        # Closed in the thread: freed in another, a cursor resets its statement and the error code there, in the midst of what
        # is done here.
        await self.connection.write(lambda: self.connection.sqlite.execute(sql, values).close())

    async def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a query."""
        return await self.connection.run(lambda: self.connection.sqlite.execute(sql, values).fetchall())

    @asynccontextmanager
    async def lock(self, run_id: str) -> AsyncIterator[TryLock]:
        """Lock a file of the run's own (none for a database in memory: nobody else can see it)."""
        folder = self.path.with_name(self.path.name + ".locks")
        lock = None if str(self.path) == MEMORY else FileLock(folder / f"{run_id}.lock")

        async def locked() -> bool:
            with suppress(Timeout):
                if lock is not None:
                    folder.mkdir(exist_ok=True)
                    lock.acquire(timeout=0)
                return True
            return False

        try:
            yield locked
        finally:
            if lock is not None and lock.is_locked:
                _give_back(lock)


def _give_back(lock: FileLock) -> None:
    Path(lock.lock_file).unlink(missing_ok=True)  # while it is held: nobody else can have locked the file by then
    lock.release()
