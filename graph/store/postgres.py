"""PostgreSQL: runs in a database that several machines share. Needs the extra "postgres"."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from graph.store.runs import TABLES, Store, StoreError, TryLock

try:
    from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
    from psycopg import AsyncConnection, Error
    from psycopg.rows import dict_row, tuple_row
    from psycopg_pool import AsyncConnectionPool, PoolTimeout
except ImportError as error:
    raise StoreError(
        f"a postgresql:// database needs the extra 'postgres': pip install 'orchestrator-workers[postgres]' ({error})"
    ) from None


@asynccontextmanager
async def open_postgres(url: str) -> AsyncIterator[Store]:
    """Open a PostgreSQL database by its URL.

    Raises:
        StoreError: it cannot be reached.
    """
    options = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
    pool: Any = AsyncConnectionPool(url, min_size=1, max_size=4, kwargs=options, open=False, timeout=10)
    try:
        probe = await AsyncConnection.connect(url, connect_timeout=5)  # tells why it fails; the pool only that it does
        await probe.close()
        await pool.open(wait=True, timeout=10)
        store = PostgresStore(url, pool)
        await store.set_up()
        yield store
    except (Error, PoolTimeout) as error:
        said = " ".join(str(error).split()).rstrip(".")
        raise StoreError(
            f"the database {_shown(url)} cannot be used: {said}. Is the URL right, and the server up?"
        ) from None
    finally:
        await pool.close()


def _shown(url: str) -> str:
    """Leave the password out."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


class PostgresStore(Store):
    """Runs in PostgreSQL; an advisory lock tells who is at work, and goes with its connection."""

    def __init__(self, url: str, pool: Any) -> None:
        self.url = url
        self.pool = pool
        self.saver: AsyncPostgresSaver = AsyncPostgresSaver(pool)

    async def set_up(self) -> None:
        """Make the tables where they are missing."""
        # Two processes that start at once must not both make the tables: PostgreSQL's "if not exists" races.
        async with await AsyncConnection.connect(self.url, autocommit=True) as connection:
            # Tried again and again, not waited for: a statement that waits holds a snapshot, and "create index
            # concurrently", which the saver's set-up runs on another connection, waits for that. Nobody would see it.
            while not await _locked(connection, "set_up"):  # noqa: ASYNC110 - nothing here tells when it is free
                await asyncio.sleep(0.05)
            await self.saver.setup()
            for statement in TABLES:
                await connection.execute(statement)

    async def execute(self, sql: str, values: Sequence[Any] = ()) -> None:
        """Run a statement, and commit it."""
        async with self.pool.connection() as connection:
            await connection.execute(_with_its_marks(sql), values)

    async def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a query."""
        async with self.pool.connection() as connection, connection.cursor(row_factory=tuple_row) as cursor:
            await cursor.execute(_with_its_marks(sql), values)
            return list(await cursor.fetchall())

    @asynccontextmanager
    async def lock(self, run_id: str) -> AsyncIterator[TryLock]:
        """Lock on a connection of its own."""
        async with await AsyncConnection.connect(self.url, autocommit=True) as connection:
            yield partial(_locked, connection, run_id)


def _with_its_marks(sql: str) -> str:
    """Mark values as PostgreSQL does."""
    return sql.replace("?", "%s")


async def _locked(connection: Any, run_id: str) -> bool:
    cursor = await connection.execute("select pg_try_advisory_lock(hashtext(%s))", (f"orchestrator {run_id}",))
    row = await cursor.fetchone()
    return bool(row[0])
