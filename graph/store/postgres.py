"""PostgreSQL: runs in a database that several machines share. Needs the extra "postgres"."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver

from graph.store.sqlite import (
    CALLS,
    CALLS_OF,
    COLUMNS,
    PAUSE_S,
    TABLE,
    TRIES,
    Run,
    Store,
    StoreError,
    busy,
    row_of,
    run_of,
    the_one,
)

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


class PostgresStore:
    """Runs in PostgreSQL; an advisory lock tells who is at work, and goes with its connection."""

    def __init__(self, url: str, pool: Any) -> None:
        self.url = url
        self.pool = pool
        self.saver: BaseCheckpointSaver[Any] = AsyncPostgresSaver(pool)

    async def set_up(self) -> None:
        """Make the tables where they are missing."""
        # Two processes that start at once must not both make the tables: PostgreSQL's "if not exists" races.
        async with await AsyncConnection.connect(self.url, autocommit=True) as connection:
            # Tried again and again, not waited for: a statement that waits holds a snapshot, and "create index
            # concurrently", which the saver's set-up runs on another connection, waits for that. Nobody would see it.
            while not await _locked(connection, "set_up"):  # noqa: ASYNC110 - nothing here tells when it is free
                await asyncio.sleep(0.05)
            await self.saver.setup()  # type: ignore[attr-defined]
            for table in (TABLE, CALLS, CALLS_OF):
                await connection.execute(table)

    async def add(self, run: Run) -> None:
        """Save a new run."""
        await self._run(f"insert into orchestrator_runs ({COLUMNS}) values (%s, %s, %s, %s, %s, %s, %s)", row_of(run))  # noqa: S608

    async def set_status(self, run_id: str, status: str) -> None:
        """Save how a run stands."""
        await self._run(
            "update orchestrator_runs set status = %s, updated = %s where id = %s", (status, time.time(), run_id)
        )

    async def note(self, run_id: str, call_id: str, charges: str | None) -> None:
        """Note what a request is charged at, as JSON (None: nothing)."""
        if charges is None:
            await self._run("delete from orchestrator_calls where id = %s", (call_id,))
            return
        sql = "insert into orchestrator_calls values (%s, %s, %s) on conflict (id) do update set charges = excluded.charges"
        await self._run(sql, (call_id, run_id, charges))

    async def notes(self, run_id: str) -> list[str]:
        """List what was noted of a run's requests."""
        async with self.pool.connection() as connection, connection.cursor(row_factory=tuple_row) as cursor:
            await cursor.execute("select charges from orchestrator_calls where run = %s", (run_id,))
            return [row[0] for row in await cursor.fetchall()]

    async def _run(self, sql: str, values: tuple[Any, ...]) -> None:
        async with self.pool.connection() as connection:
            await connection.execute(sql, values)

    async def runs(self) -> list[Run]:
        """List the runs, the newest first."""
        return [await self._as_it_stands(run) for run in await self._rows("order by created desc", ())]

    async def find(self, run_id: str) -> Run:
        """Find a run by its id or the beginning of it.

        Raises:
            RunUnknown: there is none, or more than one.
        """
        found = await self._rows("where left(id, %s) = %s order by created desc", (len(run_id), run_id))
        return await self._as_it_stands(the_one(run_id, found))

    async def _rows(self, rest: str, values: tuple[Any, ...]) -> list[Run]:
        async with self.pool.connection() as connection, connection.cursor(row_factory=tuple_row) as cursor:
            await cursor.execute(f"select {COLUMNS} from orchestrator_runs {rest}", values)  # noqa: S608
            return [run_of(row) for row in await cursor.fetchall()]

    async def _as_it_stands(self, run: Run) -> Run:
        if run.status != "running":
            return run
        async with await AsyncConnection.connect(self.url, autocommit=True) as connection:
            free = await _locked(connection, run.id)
        return Run(**{**asdict(run), "status": "interrupted"}) if free else run

    @asynccontextmanager
    async def hold(self, run_id: str) -> AsyncIterator[None]:
        """Work on a run alone.

        Raises:
            RunBusy: another process does.
        """
        async with await AsyncConnection.connect(self.url, autocommit=True) as connection:
            for _ in range(TRIES):
                if await _locked(connection, run_id):
                    break
                await asyncio.sleep(PAUSE_S)
            else:
                raise busy(run_id)
            yield


async def _locked(connection: Any, run_id: str) -> bool:
    cursor = await connection.execute("select pg_try_advisory_lock(hashtext(%s))", (f"orchestrator {run_id}",))
    row = await cursor.fetchone()
    return bool(row[0])
