"""Store: where runs are kept, so that they can be listed, shown and resumed."""

import asyncio
import json
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import aiosqlite
from filelock import FileLock, Timeout
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from platformdirs import user_data_path

from nodes.errors import OrchestratorError

STATE_VERSION = 1  # raised whenever a saved run could no longer be gone on with

TABLE = """
create table if not exists orchestrator_runs (
    id text primary key, request text not null, given text not null, status text not null,
    version integer not null, created double precision not null, updated double precision not null
)
"""
CALLS = """
create table if not exists orchestrator_calls (id text primary key, run text not null, charges text not null)
"""
CALLS_OF = "create index if not exists orchestrator_calls_of on orchestrator_calls (run)"
TRIES, PAUSE_S = 5, 0.05  # for a run's lock: who lists runs holds it for a moment
MEMORY = ":memory:"  # the database of a run that is not kept
COLUMNS = "id, request, given, status, version, created, updated"


class StoreError(OrchestratorError):
    """The database cannot be used: read-only, full, corrupt, or no database at all."""


class RunUnknown(OrchestratorError, LookupError):
    """There is no saved run of that id."""


class RunBusy(OrchestratorError):
    """Another process is at work on the run."""


class RunTooOld(OrchestratorError):
    """The run was saved by another version and cannot be gone on with."""


@dataclass(frozen=True)
class Run:
    """A saved run, as it is listed.

    Attributes:
        id: eight hexadecimal digits.
        request: what was asked.
        given: the settings that were given with it.
        status: running, waiting (for an approval), complete, incomplete, failed or interrupted.
        version: STATE_VERSION of the program that saved it.
        created: seconds since 1970.
        updated: the same, of the last change of status.
    """

    id: str
    request: str
    given: dict[str, Any]
    status: str
    version: int
    created: float
    updated: float

    def told(self) -> dict[str, Any]:
        """Return the run as plain JSON."""
        return asdict(self)

    def resumable(self) -> None:
        """Make sure that this version can go on with the run.

        Raises:
            RunTooOld: it cannot.
        """
        if self.version != STATE_VERSION:
            raise RunTooOld(
                f"run {self.id} was saved by another version of this program (state {self.version}, this one has "
                f"{STATE_VERSION}); it can be shown, not resumed. Run the request again"
            )


class Store(Protocol):
    """A database of runs."""

    saver: BaseCheckpointSaver[Any]

    async def add(self, run: Run) -> None:
        """Save a new run."""

    async def set_status(self, run_id: str, status: str) -> None:
        """Save how a run stands."""

    async def note(self, run_id: str, call_id: str, charges: str | None) -> None:
        """Note what a request is charged at, as JSON (None: nothing)."""

    async def notes(self, run_id: str) -> list[str]:
        """List what was noted of a run's requests."""

    async def runs(self) -> list[Run]:
        """List the runs, the newest first."""

    async def find(self, run_id: str) -> Run:
        """Find a run by its id or the beginning of it; RunUnknown if there is none."""

    def hold(self, run_id: str) -> Any:
        """Async context: work on a run alone; RunBusy if another process does."""


def default_path() -> Path:
    """Return the database in the user's data directory."""
    return user_data_path("orchestrator", appauthor=False) / "runs.db"


def new_run(run_id: str, request: str, given: dict[str, Any]) -> Run:
    """Describe a run that begins now."""
    now = time.time()
    return Run(run_id, request, given, "running", STATE_VERSION, now, now)


@asynccontextmanager
async def open_store(where: str | Path) -> AsyncIterator[Store]:
    """Open a database: a path (SQLite) or a postgresql:// URL (needs the extra "postgres").

    Raises:
        StoreError: it cannot be used.
    """
    if str(where).startswith(("postgresql://", "postgres://")):
        from graph.store.postgres import open_postgres

        async with open_postgres(str(where)) as store:
            yield store
        return
    path = _path(where)
    with store_errors(path):
        _try_out(path)
        async with aiosqlite.connect(path) as connection:
            store = SqliteStore(path, connection)
            await store.set_up()
            yield store


def _path(where: str | Path) -> Path:
    return Path(where).expanduser()


def _try_out(path: Path) -> None:
    """Make sure that a database can be opened there: aiosqlite leaves a thread behind where this fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as probe:
        probe.execute("pragma schema_version")


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


class SqliteStore:
    """Runs in one SQLite file; a lock file a run tells who is at work, and goes with its process."""

    def __init__(self, path: Path, connection: aiosqlite.Connection) -> None:
        self.path = path
        self.connection = connection
        self.saver: BaseCheckpointSaver[Any] = AsyncSqliteSaver(connection)

    async def set_up(self) -> None:
        """Make the tables where they are missing."""
        await self.connection.execute("pragma busy_timeout=20000")
        # With the write-ahead log that the saver turns on, what is committed outlives the process; only a power cut
        # may take the last of it, never the file. A commit costs 0.1 ms so, and up to 10 ms with a sync each.
        await self.connection.execute("pragma synchronous=normal")
        await self.saver.setup()  # type: ignore[attr-defined]
        for table in (TABLE, CALLS, CALLS_OF):
            await self.connection.execute(table)
        await self.connection.commit()

    async def add(self, run: Run) -> None:
        """Save a new run."""
        await self._run(f"insert into orchestrator_runs ({COLUMNS}) values (?, ?, ?, ?, ?, ?, ?)", row_of(run))  # noqa: S608

    async def set_status(self, run_id: str, status: str) -> None:
        """Save how a run stands."""
        await self._run(
            "update orchestrator_runs set status = ?, updated = ? where id = ?", (status, time.time(), run_id)
        )

    async def note(self, run_id: str, call_id: str, charges: str | None) -> None:
        """Note what a request is charged at, as JSON (None: nothing)."""
        if charges is None:
            await self._run("delete from orchestrator_calls where id = ?", (call_id,))
        else:
            await self._run("insert or replace into orchestrator_calls values (?, ?, ?)", (call_id, run_id, charges))

    async def notes(self, run_id: str) -> list[str]:
        """List what was noted of a run's requests."""
        sql = "select charges from orchestrator_calls where run = ?"
        async with self.connection.execute(sql, (run_id,)) as rows:
            return [row[0] async for row in rows]

    async def _run(self, sql: str, values: Sequence[Any]) -> None:
        await self.connection.execute(sql, values)
        await self.connection.commit()

    async def runs(self) -> list[Run]:
        """List the runs, the newest first."""
        found = await self._rows("order by created desc", ())
        return [self._as_it_stands(run) for run in found]

    async def find(self, run_id: str) -> Run:
        """Find a run by its id or the beginning of it.

        Raises:
            RunUnknown: there is none, or more than one.
        """
        found = await self._rows("where substr(id, 1, ?) = ? order by created desc", (len(run_id), run_id))
        return self._as_it_stands(the_one(run_id, found))

    async def _rows(self, rest: str, values: Sequence[Any]) -> list[Run]:
        async with self.connection.execute(f"select {COLUMNS} from orchestrator_runs {rest}", values) as rows:  # noqa: S608
            return [run_of(row) async for row in rows]

    def _as_it_stands(self, run: Run) -> Run:
        """A run that is marked as running, with nobody at work on it, was interrupted."""
        if run.status != "running":
            return run
        lock = self._lock(run.id)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return run
        lock.release()
        return Run(**{**asdict(run), "status": "interrupted"})

    def _lock(self, run_id: str) -> FileLock:
        folder = self.path.with_name(self.path.name + ".locks")
        folder.mkdir(exist_ok=True)
        return FileLock(folder / f"{run_id}.lock")

    @asynccontextmanager
    async def hold(self, run_id: str) -> AsyncIterator[None]:
        """Work on a run alone.

        Raises:
            RunBusy: another process does.
        """
        if str(self.path) == MEMORY:  # nobody else can see it
            yield
            return
        lock = self._lock(run_id)
        for _ in range(TRIES):
            with suppress(Timeout):
                lock.acquire(timeout=0)
                break
            await asyncio.sleep(PAUSE_S)
        else:
            raise busy(run_id)
        try:
            yield
        finally:
            _give_back(lock)


def _give_back(lock: FileLock) -> None:
    Path(lock.lock_file).unlink(missing_ok=True)  # while it is held: nobody else can have locked the file by then
    lock.release()


def busy(run_id: str) -> RunBusy:
    """Say that somebody else is at work."""
    return RunBusy(f"another process is at work on run {run_id}; wait for it, or end it, then resume")


def row_of(run: Run) -> tuple[Any, ...]:
    """Turn a run into a row."""
    return (run.id, run.request, json.dumps(run.given), run.status, run.version, run.created, run.updated)


def run_of(row: Sequence[Any]) -> Run:
    """Turn a row into a run."""
    return Run(row[0], row[1], json.loads(row[2]), *row[3:])


def the_one(run_id: str, found: Sequence[Run]) -> Run:
    """Pick the run that an id, or the beginning of one, means.

    Raises:
        RunUnknown: there is none, or more than one.
    """
    if len(found) == 1:
        return found[0]
    if not found:
        raise RunUnknown(f"there is no saved run {run_id!r}; `orchestrate runs` lists them")
    raise RunUnknown(f"{run_id!r} is the beginning of several runs: {', '.join(run.id for run in found)}")
