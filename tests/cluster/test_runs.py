"""Runs over two processes, where nothing goes wrong."""

import asyncio
from typing import Any

from deploy.cluster import Cluster
from tests.cluster.clients import clients_of, picked_up
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
