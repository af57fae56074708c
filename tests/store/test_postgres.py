"""PostgreSQL: runs kept in a real server, killed, resumed, and shared by two processes."""

import asyncio
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from deploy.serve import FENCE
from deploy.services import postgres, program
from graph.store import RunBusy, StoreError, open_store
from tests.endpoint import Endpoint
from tests.graph.test_kill import KILLS, Slow, torment
from tests.keeper import Keeper
from tests.minds import MODEL, REQUEST, Team

pytestmark = pytest.mark.skipif(program("initdb") is None, reason="PostgreSQL is not installed, and cannot be")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Give the URL of a server."""
    with tempfile.TemporaryDirectory(prefix="pg") as folder, postgres(Path(folder)) as url:
        yield url


@pytest.fixture
def database(server: str) -> str:
    """Give the URL of an empty database."""
    import psycopg

    name = f"d{time.monotonic_ns()}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"create database {name}")
    return server.replace("/postgres", f"/{name}")


def keeper(folder: Path, where: str, endpoint: Endpoint) -> Keeper:
    """Keep runs there."""
    return Keeper(folder, where, OPENAI_BASE_URL=endpoint.url, OPENAI_API_KEY="sk-x", ORCHESTRATOR_MODEL=MODEL)


async def listed(where: str) -> list[Any]:
    """List the runs."""
    async with open_store(where) as store:
        return await store.runs()


def test_killed_again_and_again(tmp_path: Path, database: str) -> None:
    """Killed at five random moments, a run in PostgreSQL ends with its plan, its work and an honest bill."""
    with Endpoint(Slow(7)) as endpoint, keeper(tmp_path, database, endpoint) as kept:
        state, kills = torment(kept, endpoint, 7)
        answered = [call for call in endpoint.requests if call.finished and not call.gone]

    assert [outcome["status"] for outcome in state["outcomes"]] == ["done"] * 20
    assert (state["complete"], kills) == (True, KILLS)
    assert len(answered) <= state["spend"]["calls"]


def test_two_processes_on_one_database(tmp_path: Path, database: str) -> None:
    """Two processes that start at once share a database; each run is its own."""
    with ExitStack() as stack:
        endpoint = stack.enter_context(Endpoint(Slow(1)))
        folders = [tmp_path / "a", tmp_path / "b"]
        for folder in folders:
            folder.mkdir()
        both = [stack.enter_context(keeper(folder, database, endpoint)) for folder in folders]
        for kept in both:
            kept.begin(request=REQUEST, given={"max_subtasks": 20})
        states = [kept.ended() for kept in both]
    runs = asyncio.run(listed(database))

    assert [state and state["complete"] for state in states] == [True, True]
    assert [run.status for run in runs] == ["complete", "complete"]


def test_two_resumes_at_once(tmp_path: Path, database: str) -> None:
    """While one process is at work on a run, it is listed as running and a second resume is told."""
    with Endpoint(Team()) as endpoint, keeper(tmp_path, database, endpoint) as kept:
        state = kept.do(request=REQUEST, given={})
        (run,) = asyncio.run(listed(database))

        async def hold() -> tuple[str, dict[str, Any]]:
            async with open_store(database) as store, store.hold(run.id):
                await store.set_status(run.id, "running")
                status = (await store.find(run.id[:4])).status
                return status, await asyncio.to_thread(kept.do, id=run.id)

        status, errors = asyncio.run(hold())
        (after,) = asyncio.run(listed(database))

    assert state["complete"]
    assert (status, errors["error"], after.status) == (
        "running",
        RunBusy.__name__,
        "complete",
    )  # afterwards what its state says


def test_no_server(tmp_path: Path) -> None:
    """A server that is not there is one clear error, without the password."""
    with pytest.raises(StoreError) as caught:
        asyncio.run(listed("postgresql://someone:a-planted-password@127.0.0.1:1/runs"))

    assert "the database postgresql://127.0.0.1:1/runs cannot be used: " in str(caught.value)
    assert "planted" not in str(caught.value)


def test_a_database_that_goes_away(tmp_path: Path, database: str) -> None:
    """A connection cut by the server is one clear error."""
    import psycopg

    async def cut() -> None:
        async with open_store(database) as store:
            async with await psycopg.AsyncConnection.connect(database, autocommit=True) as other:
                await other.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity "
                    "where pid <> pg_backend_pid() and datname = current_database()"
                )
                await other.execute("alter system set max_connections = 100")  # a round trip: they are gone now
            await store.runs()

    with pytest.raises(StoreError) as caught:
        asyncio.run(cut())

    assert "cannot be used: " in str(caught.value)
    assert "planted" not in json.dumps(str(caught.value))


@pytest.mark.parametrize("host", ["host", "h" * 63])
def test_the_fence_knows_whose_a_run_is(database: str, host: str) -> None:
    """A process saves checkpoints of its own runs alone, and not of one whose number begins like its own."""
    import psycopg

    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("create table runs (run_id text, claimed_by text)")
        connection.execute("create table checkpoints (metadata jsonb)")
        connection.execute(FENCE.read_text(encoding="utf-8"))
        owners = {"ours": f"{host}-12-worker-0", "another's": f"{host[:62]}-123-worker-0"}
        for run_id, owner in owners.items():
            connection.execute("insert into runs values (%s, %s)", (run_id, owner))
    with psycopg.connect(database, autocommit=True, application_name=f"{host}-12") as connection:
        save = "insert into checkpoints values (jsonb_build_object('source', 'loop', 'run_id', %s::text))"
        connection.execute(save, ("ours",))

        with pytest.raises(psycopg.Error, match="no longer this process's"):
            connection.execute(save, ("another's",))
