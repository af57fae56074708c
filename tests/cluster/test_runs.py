"""Runs over two processes, where nothing goes wrong."""

import asyncio
import re
from collections import defaultdict
from typing import Any

import httpx

from deploy.cluster import Cluster
from tests.cluster.clients import clients_of, logged, picked_up
from tests.cluster.trades import Trades


def test_a_hundred_runs(cluster: Cluster, trades: Trades) -> None:
    """A hundred runs of five workers are shared by two processes; each asks what it needs once, and is billed that."""

    async def go() -> tuple[dict[int, str], dict[int, dict[str, Any]]]:
        async with clients_of(cluster) as clients:
            begun = await clients.begin(range(100))
            return await clients.ends(begun), await clients.states(begun)

    statuses, states = asyncio.run(go())
    bills = {number: state["spend"] for number, state in states.items()}
    shares = picked_up(cluster)

    assert set(statuses.values()) == {"success"}
    assert [number for number, state in states.items() if not state["complete"] or len(state["outcomes"]) != 5] == []
    assert set(trades.asked.values()) == {1}
    assert {bill["calls"] for bill in bills.values()} == {7}
    assert {number: bill["input_tokens"] + bill["output_tokens"] for number, bill in bills.items()} == dict(trades.paid)
    assert (sum(shares.values()) >= 100, min(shares.values()) > 10) == (
        True,
        True,
    )  # more: a busy machine held up a lease


def test_figures(cluster: Cluster, trades: Trades) -> None:
    """Each server says how it is, and what its runs have come to; together that is all there was."""
    figures: defaultdict[str, float] = defaultdict(float)
    for server in cluster.servers:
        assert [httpx.get(f"{server.url}/{page}").status_code for page in ("live", "ready", "health")] == [200] * 3
        for name, labels, value in re.findall(
            r"^(orchestrator_\w+)({.*})? (\S+)$", httpx.get(f"{server.url}/metrics").text, re.MULTILINE
        ):
            figures[name] += float(value)
            figures[name + labels] += float(value)

    assert figures['orchestrator_runs_total{status="success"}'] == 100
    assert figures['orchestrator_subtasks_total{status="done"}'] == 500
    assert (figures["orchestrator_calls_total"], figures["orchestrator_call_seconds_count"]) == (700, 700)
    assert figures["orchestrator_tokens_total"] == sum(trades.paid.values())
    assert figures["orchestrator_usd_total"] > 1
    assert figures["orchestrator_run_seconds_count"] >= 100
    assert (figures["orchestrator_runs_running"], figures["orchestrator_runs_queued"]) == (0, 0)


def test_logs(cluster: Cluster) -> None:
    """Every line is a JSON object (alembic's apart); runs go by their ids, and no word of a request, an answer or a key is there."""
    lines = logged(cluster)
    text = "\n".join(server.log.read_text() for server in cluster.servers)

    assert {bool(line.get("run_id")) for line in lines if line["event"] == "Worker picked up run"} == {True}
    assert [
        word for word in ("reader r0", "five trades", "has done it", "Everything is planned", "sk-the") if word in text
    ] == []
