"""The engine: LangGraph's API as the graph needs it, its known defects and how they are lived with, and clear errors."""

import asyncio
import itertools
import os
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import redis
from langgraph_sdk import get_client

from deploy.cluster import CLONE, Cluster, proxy, python312
from deploy.services import free_port
from tests.cluster.clients import clients_of
from tests.cluster.trades import Trades, request

GRAPH: Any = "orchestrator"
SILENCE_S = 35  # longer than the 30 s after which the engine lets go of a version 2 stream where no run is under way
SILENT = range(20, 24)


@dataclass
class Listening:
    """Streams of runs whose last worker is held, from a server and through the proxy, while other tests go on.

    Attributes:
        told: seconds and text of all events, by version and address.
    """

    began: float = field(default_factory=time.monotonic)
    told: dict[tuple[int, str], list[tuple[float, str]]] = field(default_factory=dict)
    threads: list[threading.Thread] = field(default_factory=list)

    def begin(self, version: int, address: str, number: int) -> None:
        """Begin a run, and listen."""
        told = self.told[version, address] = []
        thread = httpx.post(f"{address}/threads", json={}).json()["thread_id"]
        asked = {"input": {"request": request(number)}, "assistant_id": GRAPH}
        if version == 1:
            path, sent = "runs/stream", {**asked, "stream_mode": ["custom", "values"]}
        else:
            path, sent = "stream/events", {"channels": ["custom", "lifecycle", "values"]}

        def listen() -> None:
            with httpx.stream("POST", f"{address}/threads/{thread}/{path}", json=sent, timeout=20) as answer:
                for line in answer.iter_lines():
                    if line.startswith("data:"):
                        told.append((time.monotonic(), line))
                    if "Everything is planned" in line:
                        return

        self.threads.append(threading.Thread(target=listen))
        self.threads[-1].start()
        if version == 2:
            order = {"id": 1, "method": "run.start", "params": asked}
            httpx.post(f"{address}/threads/{thread}/commands", json=order).raise_for_status()


@pytest.fixture(scope="module", autouse=True)
def listening(cluster: Cluster, trades: Trades, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listening]:
    """Begin to listen as the first test of this file begins."""
    trades.held.update(SILENT)
    port, listening = free_port(), Listening()
    front = proxy(tmp_path_factory.mktemp("proxy"), port, cluster.servers)
    direct, proxied = cluster.servers[0].url, f"http://127.0.0.1:{port}"
    for number, (version, address) in zip(SILENT, itertools.product((1, 2), (direct, proxied)), strict=True):
        listening.begin(version, address, number)
    yield listening
    trades.held.clear()
    for thread in listening.threads:
        thread.join(30)
    front.terminate()
    front.wait(30)


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
    wrong = {
        "no database": {"DATABASE_URL": gone},
        "no server": {"DATABASE_URL": "postgresql://me:a-secret@127.0.0.1:1/x"},
        "no broker": {"REDIS_URL": "redis://:a-secret@127.0.0.1:1/0"},
        "port": {"PORT": str(cluster.servers[1].port)},
        "local mode": {"REDIS_BROKER_ENABLED": "false"},
        "not told": {"DATABASE_URL": ""},
        "users": {"ORCHESTRATOR_USERS": "/nowhere.yaml"},
    }
    with ThreadPoolExecutor(3) as pool:
        said = dict(zip(wrong, pool.map(lambda given: refused(cluster, **given), wrong.values()), strict=True))

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


def test_a_wrong_clock(cluster: Cluster, tmp_path: Path) -> None:
    """A process whose clock is not the database's does not start: it would take runs from processes that live."""
    (tmp_path / "sitecustomize.py").write_text("import time\nright = time.time\ntime.time = lambda: right() + 60\n")

    assert "the clock here is +60 s off that of the database" in refused(cluster, PYTHONPATH=str(tmp_path))


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


def test_a_silent_stream(listening: Listening, trades: Trades) -> None:
    """A stream in which nothing happens for longer than the engine's 30 s goes on, in both versions, through a proxy too."""
    time.sleep(max(0.0, listening.began + SILENCE_S + 5 - time.monotonic()))
    trades.held.clear()
    for thread in listening.threads:
        thread.join(60)
    gaps = {
        way: max(later - sooner for (sooner, _), (later, _) in itertools.pairwise(told))
        for way, told in listening.told.items()
    }

    assert [way for way, told in listening.told.items() if "Everything is planned" not in told[-1][1]] == []
    assert len(gaps) == len(SILENT)
    assert min(gaps.values()) > SILENCE_S
