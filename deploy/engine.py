"""Engine: aegra's app, and what of it is mended here until it is mended there; docs/scale.md tells why, defect by defect."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import partial, wraps
from importlib.util import find_spec
from typing import Any, TypeVar

import psycopg
import structlog
from aegra_api import config
from aegra_api.config import HttpConfig, load_auth_config, load_http_config
from aegra_api.core import database
from aegra_api.core.active_runs import active_runs
from aegra_api.services import langgraph_service, run_executor, worker_executor
from aegra_api.services.langgraph_service import GraphRegistryEntry
from aegra_api.services.streaming_service import streaming_service
from aegra_api.services.worker_executor import _TERMINAL_STATUSES
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointTuple
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from psycopg_pool import PoolTimeout
from sqlalchemy import exc
from tenacity import AsyncRetrying, retry_if_exception, stop_after_delay, wait_random_exponential

from deploy.metrics import counted, ended, measured, timed
from deploy.serve import INSTANCE
from nodes.langgraph_private import make_ids_newer_than, var_child_runnable_config
from nodes.models import TOLD, WATCHES, Sending
from nodes.state import Context

T = TypeVar("T")
Answer = Callable[..., Coroutine[Any, Any, T]]

PATIENCE_S = 60  # how long a run waits for a database that is away, before it fails
TAKEN = "OR001"  # raised by deploy/fence.sql

log = structlog.get_logger(__name__)


def away(error: BaseException) -> bool:
    """Tell whether an error means that a server is away, not that what it was asked is wrong."""
    if isinstance(error, exc.DBAPIError):
        return not isinstance(error, (exc.IntegrityError, exc.ProgrammingError, exc.DataError))
    return isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, OSError))


def patient(function: Answer[T]) -> Answer[T]:
    """Try again while a server is away. For what may be done twice: a write may have come through, and its reply not."""

    @wraps(function)
    async def wrapped(*given: Any, **named: Any) -> T:
        trying = AsyncRetrying(
            retry=retry_if_exception(away),
            wait=wait_random_exponential(0.2, 3),
            stop=stop_after_delay(PATIENCE_S),
            reraise=True,
        )
        return await trying(function, *given, **named)

    return wrapped


class Saver(AsyncPostgresSaver):
    """Waits out a database that is away, and gives up a run that another process has taken over."""

    aput_writes = patient(
        AsyncPostgresSaver.aput_writes
    )  # of a stalled process too: finished work is not to be paid twice
    _patient_put = patient(AsyncPostgresSaver.aput)
    _patient_get = patient(AsyncPostgresSaver.aget_tuple)

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Read, and let what is saved from now on come after it: another machine's clock may be ahead of ours."""
        found = await self._patient_get(config)
        if found is not None:
            make_ids_newer_than(found.checkpoint["id"])
        return found

    async def aput(self, config: RunnableConfig, *given: Any, **named: Any) -> RunnableConfig:
        """Save a checkpoint, unless the run is somebody else's by now: then what this process does of it ends."""
        try:
            return await self._patient_put(config, *given, **named)
        except psycopg.Error as error:
            if error.sqlstate != TAKEN:
                raise
        await give_up(config["configurable"]["run_id"])
        raise asyncio.CancelledError


async def give_up(run_id: str) -> None:
    """End what this process does of a run, and say nothing of how it ended: that is for whoever has it now."""
    log.warning("The run is another process's by now", run_id=run_id)
    run_executor._lease_loss_cancellations.add(run_id)
    task = active_runs.get(run_id)
    if task is not None:
        task.cancel()
    await asyncio.sleep(1)  # the graph waits for us at its end, where the cancellation has to come first


@asynccontextmanager
async def fence(_sending: Sending) -> AsyncIterator[None]:
    """Send no request for a run that is somebody else's by now: what has stood still finds its finished work done."""
    run_id = (var_child_runnable_config.get() or {}).get("configurable", {}).get("run_id")
    if run_id is not None:
        served: asyncio.AbstractEventLoop = (
            database.db_manager.get_checkpointer().loop
        )  # calls have a loop of their own
        if not await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(is_ours(run_id), served)):
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(give_up(run_id), served))
            raise asyncio.CancelledError
    yield


@patient
async def is_ours(run_id: str) -> bool:
    """Tell whether this process has a run."""
    async with database.db_manager.lg_pool.connection() as connection:
        found = await connection.execute("select claimed_by from runs where run_id = %s", [run_id])
        owner = (await found.fetchone() or {}).get("claimed_by")
    return (owner or "").startswith(f"{INSTANCE}-")


def fenced(finalize: Answer[bool]) -> Answer[bool]:
    """Let only the process that has a run say how it ended."""

    async def wrapped(run_id: str, *given: Any, **named: Any) -> bool:
        return await is_ours(run_id) and await finalize(run_id, *given, **named)

    return wrapped


def ending(live: Callable[..., AsyncIterator[str]]) -> Callable[..., AsyncIterator[str]]:
    """Let a stream of a run that has ended end with what is kept of it."""

    async def wrapped(run: Any, last_sent: int) -> AsyncIterator[str]:
        if run.status not in _TERMINAL_STATUSES:
            async for event in live(run, last_sent):
                yield event

    return wrapped


def by_file(parse: Callable[[str, object], GraphRegistryEntry]) -> Callable[[str, object], GraphRegistryEntry]:
    """Let langgraph.json name a graph by its module, as LangGraph's own server does."""

    def wrapped(graph_id: str, given: object) -> GraphRegistryEntry:
        entry = parse(graph_id, given)
        if not entry["file_path"].endswith(".py") and (spec := find_spec(entry["file_path"])) and spec.origin:
            entry["file_path"] = spec.origin
        return entry

    return wrapped


def without_copies(native: Callable[..., AsyncIterator[Any]]) -> Callable[..., AsyncIterator[Any]]:
    """Take out of the context what is no setting, and is there because the engine copies `configurable` into it."""

    async def wrapped(*, config: dict[str, Any], context: dict[str, Any] | None, **more: Any) -> AsyncIterator[Any]:
        copied = config.get("configurable", {})
        given = {
            name: value for name, value in (context or {}).items() if name in Context.model_fields or name not in copied
        }
        async for event in native(config=config, context=given, **more):
            yield event

    return wrapped


def by_two(make: Answer[None]) -> Answer[None]:
    """Make what two processes that start at once both find missing, and one of them makes first."""

    async def wrapped(*given: Any) -> None:
        try:
            await make(*given)
        except exc.IntegrityError:
            await make(*given)

    return wrapped


def without_app() -> HttpConfig:
    """Leave out http.app of langgraph.json, which wraps an endpoint that the engine does not have (MCP's)."""
    read: HttpConfig = {**(load_http_config() or {})}
    read.pop("app", None)
    return read


WATCHES["fence"], WATCHES["figures"], TOLD["figures"] = fence, measured, counted
config.load_http_config = without_app
database.AsyncPostgresSaver = Saver
# A request is a statement's parameter, and errors are logged.
database.create_async_engine = partial(database.create_async_engine, hide_parameters=True)
langgraph_service._parse_graph_config_entry = by_file(langgraph_service._parse_graph_config_entry)
assistants = langgraph_service.LangGraphService
assistants._ensure_default_assistants = by_two(assistants._ensure_default_assistants)
run_executor.start_run = patient(run_executor.start_run)
run_executor.finalize_run = ended(patient(fenced(run_executor.finalize_run)))
run_executor.stream_native_v3_events = without_copies(run_executor.stream_native_v3_events)
worker_executor.execute_run = timed(worker_executor.execute_run)
streaming_service._stream_live_events = ending(streaming_service._stream_live_events)

from aegra_api.core.auth_middleware import get_auth_instance  # noqa: E402
from aegra_api.main import app  # noqa: E402 - it makes the database's manager, out of the above

if load_auth_config() and get_auth_instance() is None:  # aegra itself would go on, and let everybody in
    sys.exit("deploy.engine: the auth that langgraph.json names cannot be loaded; the log has said why")

__all__ = ["app"]
