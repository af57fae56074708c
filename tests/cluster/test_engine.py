"""The engine: LangGraph's API as the graph needs it, its known defects and how they are lived with, and clear errors."""

import asyncio
import os
import subprocess
import threading
import time
from collections import Counter
from typing import Any

import httpx
import psycopg
import pytest
import redis
from langgraph_sdk import get_client

from deploy.cluster import CLONE, Cluster, python312
from tests.cluster.clients import clients_of
from tests.cluster.trades import Trades, request

GRAPH: Any = "orchestrator"


def test_events(cluster: Cluster) -> None:
    """A run streams the graph's own events and its values, from whichever process it is asked of."""

    async def go() -> tuple[Counter[str], dict[str, Any]]:
        told, state = Counter[str](), dict[str, Any]()
        async with get_client(url=cluster.servers[0].url) as client:
            thread = (await client.threads.create())["thread_id"]
            sent: Any = {"input": {"request": request(1)}, "stream_mode": ["custom", "values"]}
            async for part in client.runs.stream(thread, GRAPH, **sent):
                data: Any = part.data
                if part.event == "custom":
                    told[data["type"]] += 1
                if part.event == "values":
                    state = data
        return told, state

    told, state = asyncio.run(go())

    assert {"planning": 1, "plan": 1, "worker": 10, "synthesis": 1}.items() <= told.items()
    assert state["complete"] is True


def test_approval_by_the_other_process(cluster: Cluster) -> None:
    """A run waits for a person, and goes on in the other process."""

    async def go() -> tuple[dict[str, Any], dict[str, Any]]:
        async with clients_of(cluster) as clients:
            here, there = clients.each
            thread = (await here.threads.create())["thread_id"]
            asked: Any = {"input": {"request": request(2)}, "context": {"approve_plan": True}}
            waiting: Any = await here.runs.wait(thread, GRAPH, **asked)
            ended: Any = await there.runs.wait(thread, GRAPH, command={"resume": {"decisions": [{"type": "approve"}]}})
            return waiting, ended

    waiting, ended = asyncio.run(go())

    assert waiting["__interrupt__"][0]["value"]["action_requests"][0]["name"] == "run_plan"
    assert (ended["complete"], len(ended["outcomes"])) == (True, 5)


def test_configurable_is_no_context(cluster: Cluster) -> None:
    """What a client puts into `configurable`, which the engine takes for the context where there is none, does no harm."""

    async def go() -> list[bool]:
        async with get_client(url=cluster.servers[0].url) as client:
            more: Any = {"configurable": {"colour": "blue", "user_id": "me"}}
            states: list[Any] = [
                await client.runs.wait(None, GRAPH, input={"request": request(3 + number)}, config=config)
                for number, config in enumerate((more, {}))
            ]
            return [state["complete"] for state in states]

    assert asyncio.run(go()) == [True, True]


def finished(cluster: Cluster, number: int) -> tuple[str, str]:
    """Do a run; give its thread and its id."""

    async def go() -> tuple[str, str]:
        async with clients_of(cluster) as clients:
            (run,) = await clients.begin([number])
            assert await clients.ends([run]) == {number: "success"}
            return run.thread, run.run

    return asyncio.run(go())


@pytest.mark.parametrize("kept", [True, False])
def test_joining_what_has_ended(cluster: Cluster, *, kept: bool) -> None:
    """Who joins a run that has ended, after an event, is sent what is kept since then, and the stream ends."""
    thread, run = finished(cluster, 10 + kept)
    if not kept:  # as after a restart of the broker, or an hour later
        with redis.Redis.from_url(cluster.redis.url) as broker:
            for key in broker.keys(f"aegra:run:*{run}*"):
                broker.delete(key)
    address = f"{cluster.servers[1].url}/threads/{thread}/runs/{run}/stream"
    began = time.monotonic()
    answer = httpx.get(address, headers={"Last-Event-ID": f"{run}_event_2"}, timeout=20)

    assert (answer.status_code, "event: end" in answer.text or not kept) == (200, True)
    assert time.monotonic() - began < 15


def test_a_silent_stream(cluster: Cluster, trades: Trades) -> None:
    """A version 2 stream in which nothing happens for longer than the 30 s after which the engine lets go, goes on."""
    trades.seconds = (33.0, 33.5)
    address, told = cluster.servers[0].url, list[str]()
    thread = httpx.post(f"{address}/threads", json={}).json()["thread_id"]

    def listen() -> None:
        asked = {"channels": ["custom", "lifecycle", "values"]}
        with httpx.stream("POST", f"{address}/threads/{thread}/stream/events", json=asked, timeout=90) as answer:
            for line in answer.iter_lines():
                told.append(line)
                if '"completed"' in line and '"namespace":[]' in line.replace(" ", ""):
                    return

    listening = threading.Thread(target=listen)
    listening.start()
    asked = {"input": {"request": request(20)}, "assistant_id": GRAPH, "config": {"configurable": {"colour": "blue"}}}
    begun = httpx.post(f"{address}/threads/{thread}/commands", json={"id": 1, "method": "run.start", "params": asked})
    listening.join(80)
    trades.seconds = (0.0, 0.0)
    heard = "\n".join(told)

    assert begun.status_code == 200, begun.text
    assert ('"plan"' in heard, "Everything is planned" in heard) == (True, True)


def refused(cluster: Cluster, **environment: str) -> str:
    """Start a server that cannot be; give what it says as it ends."""
    whole = {**cluster.servers[0].environment, "PORT": "0", "HOST": "127.0.0.1", **environment}
    python = environment.pop("PYTHON", str(python312()))
    ended = subprocess.run(
        [python, "-m", "deploy.serve"], cwd=CLONE, env=whole, capture_output=True, text=True, check=False
    )

    assert ended.returncode == 1
    return ended.stderr.strip().splitlines()[-1]


def test_clear_errors(cluster: Cluster) -> None:
    """A server that cannot be says what, where and how to mend it."""
    gone = cluster.postgres.url.replace("/postgres", "/nowhere")
    said = {
        "no database": refused(cluster, DATABASE_URL=gone),
        "no server": refused(cluster, DATABASE_URL="postgresql://me:a-secret@127.0.0.1:1/x"),
        "no broker": refused(cluster, REDIS_URL="redis://:a-secret@127.0.0.1:1/0"),
        "port": refused(cluster, PORT=str(cluster.servers[1].port)),
        "local mode": refused(cluster, REDIS_BROKER_ENABLED="false"),
        "not told": refused(cluster, DATABASE_URL=""),
        "users": refused(cluster, ORCHESTRATOR_USERS="/nowhere.yaml"),
    }

    assert "/nowhere cannot be used" in said["no database"]
    assert 'database "nowhere" does not exist' in said["no database"]
    assert "127.0.0.1:1/x cannot be used" in said["no server"]
    assert "127.0.0.1:1/0 cannot be used" in said["no broker"]
    assert "Address already in use" in said["port"]
    assert "REDIS_BROKER_ENABLED must be true" in said["local mode"]
    assert "DATABASE_URL is not set" in said["not told"]
    assert "auth that langgraph.json names cannot be loaded" in said["users"]
    assert not [line for line in said.values() if "a-secret" in line]


def test_older_and_newer_schemas(cluster: Cluster) -> None:
    """A database of an older engine is brought up to date; one of a newer engine is refused, and left as it is."""
    url = cluster.postgres.url
    with psycopg.connect(url, autocommit=True) as connection:
        (now,) = connection.execute("select version_num from alembic_version").fetchone() or ("",)
        connection.execute("update alembic_version set version_num = 'ffffffffffff'")
        newer = refused(cluster)
        connection.execute("drop table if exists thread_ttl")
        connection.execute("update alembic_version set version_num = 'b88bb61be638'")  # what came before it
        older = refused(cluster, ORCHESTRATOR_USERS="/nowhere.yaml")  # migrates first
        (then,) = connection.execute("select version_num from alembic_version").fetchone() or ("",)

    assert "has the schema ffffffffffff, which aegra-api here does not know" in newer
    assert ("auth" in older, then) == (True, now)


def test_an_older_python(cluster: Cluster) -> None:
    """A Python without the engine says which one is needed."""
    older = [found for found in ("python3.11", "python3.10", "python3.9") if _is_there(found)]
    if not older:
        pytest.skip("no older Python here")

    assert "the engine needs Python 3.12 or later" in refused(cluster, PYTHON=older[0])


def _is_there(name: str) -> bool:
    try:
        return subprocess.run([name, "-V"], capture_output=True, check=False, env=dict(os.environ)).returncode == 0
    except FileNotFoundError:
        return False
