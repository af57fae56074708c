"""Limits over two processes: calls at once, what a run may cost however often it is killed, and what a day may cost."""

import asyncio
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from deploy.cluster import Cluster
from nodes.budget import cost_usd
from nodes.models import Endpoints, price_of
from nodes.state import ROLES
from tests.cluster.clients import Begun, clients_of
from tests.cluster.conftest import running
from tests.cluster.trades import Trades
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


async def more_calls(trades: Trades, number: int, seconds: float = 60) -> None:
    """Wait until so many more calls have come in."""
    before, end = sum(trades.asked.values()), time.monotonic() + seconds
    while sum(trades.asked.values()) < before + number and time.monotonic() < end:  # noqa: ASYNC110 - nothing tells it
        await asyncio.sleep(0.05)


def test_calls_at_once(cluster: Cluster, trades: Trades, model: Endpoint) -> None:
    """Two processes together make no more calls at once than one may."""
    trades.seconds = (0.1, 0.3)
    states = done(cluster, 100, 6)

    assert [state["stop_reason"] for state in states.values()] == [None] * 6
    assert model.most_in_flight == MOST


def test_a_runs_ceiling_over_kills(cluster: Cluster, trades: Trades) -> None:
    """What is lost in kills counts against a run's ceiling, at the most it can have cost: no run is paid beyond it."""
    trades.seconds = (1.0, 2.0)

    async def go() -> tuple[dict[int, str], list[Begun]]:
        async with clients_of(cluster) as clients:
            begun = await clients.begin(range(200, 204), context={"budget_tokens": CEILING})
            for victim in cluster.servers:
                await more_calls(trades, 6)
                victim.signal(signal.SIGKILL)
                victim.process.wait()
                victim.start()
                await asyncio.to_thread(victim.wait)
            return await clients.ends(begun), begun

    statuses, begun = asyncio.run(go())

    assert set(statuses.values()) == {"success"}
    assert {run.number: trades.paid[run.number] for run in begun if trades.paid[run.number] > CEILING} == {}


def test_a_days_budget(cluster: Cluster, trades: Trades) -> None:
    """What all runs of a day cost together stays under the host's budget; who comes too late is told so."""
    trades.seconds = (0.0, 0.0)
    states = done(cluster, 300, 20)
    price = price_of(MODEL, None, Endpoints())
    paid = cost_usd(price, sum(trades.sent.values()), sum(trades.received.values()))
    with redis.Redis.from_url(cluster.redis.url) as kept:
        (day,) = kept.keys("orchestrator:day:*")
        counted = int(kept.get(day)) / 1e6

    assert not all(state.get("complete") for state in states.values())
    assert paid is not None
    assert DAILY / 3 < paid <= counted <= DAILY
