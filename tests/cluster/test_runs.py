"""Runs over two processes, where nothing goes wrong."""

import asyncio
import re
from collections import Counter
from typing import Any

import httpx
import pytest

from deploy.cluster import Cluster
from nodes.budget import cost_usd
from nodes.models import Endpoints, price_of
from tests.cluster.clients import clients_of, logged, picked_up
from tests.cluster.trades import Trades
from tests.minds import MODEL

NUMBERS = range(500, 600)
FAULTY = 550  # its last worker's first call is answered with a 503


@pytest.fixture(scope="module", autouse=True)
def before(cluster: Cluster) -> tuple[Counter[str], Counter[int]]:
    """Read what the servers tell before the first test of this file: their figures, and the runs each has taken."""
    return figures(cluster), picked_up(cluster)


def figures(cluster: Cluster) -> Counter[str]:
    """Add up the servers' own figures, with and without their labels."""
    found = Counter[str]()
    for server in cluster.servers:
        text = httpx.get(f"{server.url}/metrics").text
        for name, labels, value in re.findall(r"^(orchestrator_\w+)({.*})? (\S+)$", text, re.MULTILINE):
            for key in {name, name + labels}:
                found[key] += float(value)  # type: ignore[assignment]
    return found


def test_a_hundred_runs(cluster: Cluster, trades: Trades, before: tuple[Counter[str], Counter[int]]) -> None:
    """A hundred runs of five workers are shared by two processes; each asks what it needs once, and is billed that."""
    trades.failing[FAULTY] = 1

    async def go() -> tuple[dict[int, str], dict[int, dict[str, Any]]]:
        async with clients_of(cluster) as clients:
            begun = await clients.begin(NUMBERS)
            return await clients.ends(begun), await clients.states(begun)

    statuses, states = asyncio.run(go())
    bills = {number: state["spend"] for number, state in states.items()}
    shares = picked_up(cluster) - before[1]
    asked = {calls for (number, _), calls in trades.asked.items() if number in NUMBERS}

    assert set(statuses.values()) == {"success"}
    assert [number for number, state in states.items() if not state["complete"] or len(state["outcomes"]) != 5] == []
    assert asked == {1}
    assert {bill["calls"] for bill in bills.values()} == {7}
    assert {number: bill["input_tokens"] + bill["output_tokens"] for number, bill in bills.items()} == {
        number: trades.paid[number] for number in NUMBERS
    }
    assert (sum(shares.values()) >= 100, min(shares.values()) > 10) == (
        True,
        True,
    )  # more: a busy machine held up a lease


def test_figures(cluster: Cluster, trades: Trades, before: tuple[Counter[str], Counter[int]]) -> None:
    """Each server says how it is, and what its runs have come to; together that is all there was."""
    for server in cluster.servers:
        assert [httpx.get(f"{server.url}/{page}").status_code for page in ("live", "ready", "health")] == [200] * 3
    now = figures(cluster)
    told = now - before[0]

    assert told['orchestrator_runs_total{status="success"}'] == 100
    assert told['orchestrator_subtasks_total{status="done"}'] == 500
    assert (told["orchestrator_calls_total"], told["orchestrator_retries_total"]) == (700, 1)
    assert told["orchestrator_call_seconds_count"] == 701
    assert told["orchestrator_tokens_total"] == sum(trades.paid[number] for number in NUMBERS)
    assert told["orchestrator_usd_total"] == pytest.approx(cost(trades), abs=1e-6)
    assert told["orchestrator_run_seconds_count"] >= 100
    assert (now["orchestrator_runs_running"], now["orchestrator_runs_queued"]) == (0, 0)


def cost(trades: Trades) -> float:
    """Price what the endpoint has billed."""
    sent, received = (sum(tokens[number] for number in NUMBERS) for tokens in (trades.sent, trades.received))
    return cost_usd(price_of(MODEL, None, Endpoints()), sent, received) or 0.0


def test_logs(cluster: Cluster) -> None:
    """Every line is a JSON object (alembic's apart); runs go by their ids, and no word of a request, an answer or a key is there."""
    lines = logged(cluster)
    text = "\n".join(server.log.read_text() for server in cluster.servers)

    assert {bool(line.get("run_id")) for line in lines if line["event"] == "Worker picked up run"} == {True}
    assert [
        word for word in ("reader r0", "five trades", "has done it", "Everything is planned", "sk-the") if word in text
    ] == []
