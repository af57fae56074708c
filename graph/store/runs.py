"""Runs: what is known of a run that is kept, and the database of them, whichever it is."""

import asyncio
import json
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from platformdirs import user_data_path

from nodes.errors import OrchestratorError

if TYPE_CHECKING:  # runs are listed without LangGraph
    from langgraph.checkpoint.base import BaseCheckpointSaver

STATE_VERSION = 2  # raised whenever a saved run could no longer be gone on with
TRIES, PAUSE_S = 5, 0.05  # for a run's lock: who lists runs holds it for a moment

TryLock = Callable[[], Awaitable[bool]]  # says whether the run is locked now
RunStatus = Literal["running", "waiting", "complete", "incomplete", "failed", "interrupted"]

TABLES = (
    """create table if not exists orchestrator_runs (
    id text primary key, request text not null, given text not null, status text not null,
    version integer not null, created double precision not null, updated double precision not null
)""",
    "create table if not exists orchestrator_calls (id text primary key, run text not null, charges text not null)",
    "create index if not exists orchestrator_calls_of on orchestrator_calls (run)",
    "create table if not exists orchestrator_orders (id text primary key, run text not null, told text not null)",
)
# One wording for both databases; the mark of a value is SQLite's, and PostgreSQL is told its own.
ADD = "insert into orchestrator_runs values (?, ?, ?, ?, ?, ?, ?)"
SET_STATUS = "update orchestrator_runs set status = ?, updated = ? where id = ?"
ORDER = "insert into orchestrator_orders values (?, ?, ?)"
ORDERS = "select id, told from orchestrator_orders where run = ? order by id"
ORDER_DONE = "delete from orchestrator_orders where id = ?"
REMOVE = (
    "delete from orchestrator_orders where run = ?",
    "delete from orchestrator_calls where run = ?",
    "delete from orchestrator_runs where id = ?",
)
NEWEST_FIRST = (
    "select id, request, given, status, version, created, updated from orchestrator_runs order by created desc"
)
BEGINS_WITH = NEWEST_FIRST.replace("order by", "where substr(id, 1, ?) = ? order by")
NOTE = "insert into orchestrator_calls values (?, ?, ?) on conflict (id) do update set charges = excluded.charges"
FORGET = "delete from orchestrator_calls where id = ?"
NOTES = "select charges from orchestrator_calls where run = ?"


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
        status: waiting is for a person's word; interrupted has nobody at work on it.
        version: STATE_VERSION of the program that saved it.
        created: seconds since 1970.
        updated: the same, of the last change of status.
    """

    id: str
    request: str
    given: dict[str, Any]
    status: RunStatus
    version: int
    created: float
    updated: float

    @classmethod
    def new(cls, run_id: str, request: str, given: dict[str, Any]) -> "Run":
        """Describe a run that begins now."""
        now = time.time()
        return cls(run_id, request, given, "running", STATE_VERSION, now, now)

    def check_version(self) -> None:
        """Make sure that this version can go on with the run.

        Raises:
            RunTooOld: it cannot.
        """
        if self.version != STATE_VERSION:
            raise RunTooOld(
                f"run {self.id} was saved by another version of this program (state {self.version}, this one has "
                f"{STATE_VERSION}); it can be shown, not resumed. Run the request again"
            )


class Store(ABC):
    """A database of runs. What the two have in common; each says how a statement is run and a run is locked.

    Attributes:
        saver: keeps the steps of runs.
        on_any_loop: statements may be run on any event loop, not only on the one that opened it.
    """

    saver: "BaseCheckpointSaver[Any]"
    on_any_loop = False

    @abstractmethod
    async def execute(self, sql: str, values: Sequence[Any] = ()) -> None:
        """Run a statement, and commit it."""

    @abstractmethod
    async def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a query."""

    @abstractmethod
    def lock(self, run_id: str) -> AbstractAsyncContextManager[TryLock]:
        """Give what tries to lock a run against other processes; at the end it is free again."""

    async def is_held(self, run_id: str) -> bool:
        """Tell whether a process is at work on a run."""
        async with self.lock(run_id) as locked:
            return not await locked()

    @asynccontextmanager
    async def hold(self, run_id: str) -> AsyncIterator[None]:
        """Work on a run alone.

        Raises:
            RunBusy: another process does.
        """
        async with self.lock(run_id) as locked:
            for _ in range(TRIES):
                if await locked():
                    break
                await asyncio.sleep(PAUSE_S)
            else:
                raise RunBusy(f"another process is at work on run {run_id}; wait for it, or end it")
            yield

    async def add(self, run: Run) -> None:
        """Save a new run."""
        row = (run.id, run.request, json.dumps(run.given), run.status, run.version, run.created, run.updated)
        await self.execute(ADD, row)

    async def set_status(self, run_id: str, status: RunStatus) -> None:
        """Save how a run stands."""
        await self.execute(SET_STATUS, (status, time.time(), run_id))

    async def remove(self, run_id: str) -> None:
        """Forget a run that is held, and all that was kept of it."""
        await self.saver.adelete_thread(run_id)
        for statement in REMOVE:
            await self.execute(statement, (run_id,))

    async def note(self, run_id: str, call_id: str, charges: str | None) -> None:
        """Note what a request is charged at, as JSON (None: nothing)."""
        if charges is None:
            await self.execute(FORGET, (call_id,))
        else:
            await self.execute(NOTE, (call_id, run_id, charges))

    async def notes(self, run_id: str) -> list[str]:
        """List what was noted of a run's requests."""
        return [row[0] for row in await self.rows(NOTES, (run_id,))]

    async def order(self, run_id: str, order: Mapping[str, Any]) -> None:
        """Leave word for the process that is at work on a run (graph/orders.py)."""
        await self.execute(ORDER, (f"{time.time():020.6f}-{uuid.uuid4().hex[:8]}", run_id, json.dumps(order)))

    async def orders(self, run_id: str) -> list[dict[str, Any]]:
        """Take the words that were left for a run, the oldest first."""
        rows = await self.rows(ORDERS, (run_id,))
        for order_id, _ in rows:
            await self.execute(ORDER_DONE, (order_id,))
        return [json.loads(order) for _, order in rows]

    async def runs(self) -> list[Run]:
        """List the runs, the newest first."""
        return [await self._as_it_stands(run) for run in map(_run_of, await self.rows(NEWEST_FIRST))]

    async def find(self, run_id: str) -> Run:
        """Find a run by its id or the beginning of it.

        Raises:
            RunUnknown: there is none, or more than one.
        """
        runs = [_run_of(row) for row in await self.rows(BEGINS_WITH, (len(run_id), run_id))]
        if len(runs) > 1:
            raise RunUnknown(f"{run_id!r} is the beginning of several runs: {', '.join(run.id for run in runs)}")
        if not runs or not run_id:  # nothing is the beginning of every id, and no name to remove a run by
            raise RunUnknown(f"there is no saved run {run_id!r}; `orchestrate runs` lists them")
        return await self._as_it_stands(runs[0])

    async def _as_it_stands(self, run: Run) -> Run:
        """Say of a run that is marked as running, with nobody at work on it, how it ended: killed, or just after its end."""
        if run.status != "running" or await self.is_held(run.id):
            return run
        return replace(run, status=await self._status_at_rest(run.id))

    async def _status_at_rest(self, run_id: str) -> RunStatus:
        saved = await self.saver.aget_tuple({"configurable": {"thread_id": run_id}})
        values = saved.checkpoint["channel_values"] if saved else {}
        if values.get("phase") != "end" or not values.get("answer"):
            return "interrupted"
        return "complete" if values.get("complete") else "incomplete"


def default_path() -> Path:
    """Return the database in the user's data directory."""
    return user_data_path("orchestrator", appauthor=False) / "runs.db"


def _run_of(row: Sequence[Any]) -> Run:
    return Run(row[0], row[1], json.loads(row[2]), *row[3:])
