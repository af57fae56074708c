"""Limits over two processes: calls at once, what a run may cost however often it is killed, and what a day may cost."""

import asyncio
import signal
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
import redis

from deploy.cluster import Cluster, Server
from nodes.budget import cost_usd
from nodes.models import Endpoints, price_of
from nodes.state import ROLES
from tests.cluster.clients import clients_of, until
from tests.cluster.conftest import running
from tests.cluster.trades import LAST, Trades
from tests.endpoint import Endpoint
from tests.minds import MODEL

MOST = 4  # calls at once, of both processes together
DAILY = 0.25  # USD
CEILING = 9_000  # tokens of a run, which costs about half of it


@pytest.fixture(scope="module")
def cluster(model: Endpoint) -> Iterator[Cluster]:
    """Give a cluster under limits."""
    short = {
        f"ORCHESTRATOR_{role.upper()}_MAX_OUTPUT_TOKENS": "800" for role in ROLES
    }  # what is reserved is near the cost
    variables = {"ORCHESTRATOR_MAX_PARALLEL": str(MOST), "ORCHESTRATOR_DAILY_USD": str(DAILY)}
    with running(model, short | variables) as cluster:
        yield cluster


def done(cluster: Cluster, first: int, runs: int, **context: Any) -> dict[int, dict[str, Any]]:
    """Do so many runs; give each one's state."""

    async def go() -> dict[int, dict[str, Any]]:
        async with clients_of(cluster) as clients:
            begun = await clients.begin(range(first, first + runs), context=context)
            await clients.ends(begun)
            return await clients.states(begun)

    return asyncio.run(go())


def test_calls_at_once(cluster: Cluster, trades: Trades, model: Endpoint) -> None:
    """Two processes together make no more calls at once than one may."""
    trades.seconds = (0.1, 0.3)
    model.reset()
    states = done(cluster, 100, 6)

    assert [state["stop_reason"] for state in states.values()] == [None] * 6
    assert model.most_in_flight == MOST


def test_a_runs_ceiling_over_kills(cluster: Cluster, trades: Trades) -> None:
    """What is lost in kills counts against a run's ceiling, at the most it can have cost: no run is paid beyond it."""
    trades.held.add(200)

    async def go() -> dict[int, str]:
        async with clients_of(cluster) as clients:
            begun = await clients.begin(range(200, 204), context={"budget_tokens": CEILING})
            for calls in (1, 2):
                await until(lambda calls=calls: trades.asked[200, LAST] == calls)  # type: ignore[misc]
                victim = owner(cluster, begun[0].run)
                victim.signal(signal.SIGKILL)
                victim.process.wait()
                victim.start()
                await asyncio.to_thread(victim.wait)
            await until(lambda: trades.asked[200, LAST] == 3)
            trades.held.clear()
            return await clients.ends(begun)

    statuses = asyncio.run(go())

    assert set(statuses.values()) == {"success"}
    assert {number: trades.paid[number] for number in statuses if trades.paid[number] > CEILING} == {}


def owner(cluster: Cluster, run: str) -> Server:
    """Find the process that has a run."""
    with psycopg.connect(cluster.postgres.url) as connection:
        (claimed,) = connection.execute("select claimed_by from runs where run_id = %s", [run]).fetchone() or ("",)
    return next(server for server in cluster.servers if f"-{server.process.pid}-" in claimed)


def test_a_days_budget(cluster: Cluster, trades: Trades) -> None:
    """What all runs of a day cost together stays under the host's budget; who comes too late is told so."""
    first, states = done(cluster, 300, 1), done(cluster, 301, 20)
    price = price_of(MODEL, None, Endpoints())
    paid = cost_usd(
        price, *(sum(tokens[number] for number in range(100, 400)) for tokens in (trades.sent, trades.received))
    )
    with redis.Redis.from_url(cluster.redis.url) as kept:
        (day,) = kept.keys("orchestrator:day:*")
        counted = int(kept.get(day)) / 1e6

    assert first[300]["complete"] is True
    assert not all(state.get("complete") for state in states.values())
    assert paid is not None
    assert DAILY / 3 < paid <= counted <= DAILY
