"""Faults: processes killed, drained and stalled, stores restarted and cut off, in the middle of many runs."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

import psycopg
import pytest
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from deploy.cluster import Cluster
from tests.cluster.clients import clients_of
from tests.cluster.trades import Trades

SERDE = JsonPlusSerializer()
RUNS = 8  # at once: forty workers, which the two processes share
CEILING = 60_000  # tokens for each run


def slow(trades: Trades) -> None:
    """Let workers take their time."""
    trades.seconds, trades.others_s = (0.5, 4.0), 0.1


@pytest.fixture
def torment(cluster: Cluster, trades: Trades, request: pytest.FixtureRequest) -> Iterator["Torment"]:
    """Give runs to torment, on a cluster that is whole; and make it whole again."""
    slow(trades)
    yield Torment(cluster, trades, 1000 * (1 + HAPPENINGS.index(request.node.name)))
    for server in cluster.servers:
        if server.process.poll() is not None:
            server.start()
            server.wait()


@dataclass
class Torment:
    """Runs under way on a cluster, something that happens to it, and what comes of them."""

    cluster: Cluster
    trades: Trades
    first: int
    finished: dict[tuple[int, str], int] = field(
        default_factory=dict
    )  # workers whose results are safe, and calls of each

    def go(self, happens: Callable[[], Awaitable[None]]) -> None:
        """Begin runs, let it happen when about a third of their workers are done, and follow them to their ends."""
        asyncio.run(self._go(happens))

    async def _go(self, happens: Callable[[], Awaitable[None]]) -> None:
        async with clients_of(self.cluster) as clients:
            self.begun = await clients.begin(range(self.first, self.first + RUNS), context={"budget_tokens": CEILING})
            end = time.monotonic() + 60
            while len(self.finished) < RUNS * 5 // 3 and time.monotonic() < end:
                await asyncio.to_thread(self.note)
            await happens()
            self.statuses = await clients.ends(self.begun)
            self.states = await clients.states(self.begun)

    def note(self) -> None:
        """Note whose results are safe in the database by now: none of these workers may be asked again."""
        numbers = {run.thread: run.number for run in self.begun}
        with psycopg.connect(self.cluster.postgres.url) as connection:
            query = (
                "select thread_id, type, blob from checkpoint_writes where channel = 'outcomes' and thread_id = any(%s)"
            )
            for thread, kind, blob in connection.execute(query, [[*numbers]]):
                written = SERDE.loads_typed((kind, bytes(blob)))
                for outcome in written if isinstance(written, list) else ():  # else the reset at the start of a run
                    who = numbers[thread], outcome["specialist"]
                    self.finished.setdefault(who, self.trades.asked[who])

    def check(self) -> None:
        """See that every run has ended, whole; that nothing finished was paid again; that the bills are right."""
        asked_again = [who for who, calls in self.finished.items() if self.trades.asked[who] > calls]
        bills = {number: state["spend"] for number, state in self.states.items()}

        assert {number: status for number, status in self.statuses.items() if status != "success"} == {}
        assert [
            number for number, state in self.states.items() if not state["complete"] or len(state["outcomes"]) != 5
        ] == []
        assert {outcome["status"] for state in self.states.values() for outcome in state["outcomes"]} == {"done"}
        assert (len(self.finished) >= RUNS * 5 // 3, asked_again) == (True, [])
        assert {bill["calls"] for bill in bills.values()} == {7}
        assert {number: bill["input_tokens"] + bill["output_tokens"] for number, bill in bills.items()} == {
            number: self.trades.bill(number) for number in bills
        }
        assert {number: paid for number, paid in self.trades.paid.items() if paid > CEILING} == {}


def test_killed(torment: Torment) -> None:
    """A process is killed in the middle of many fan-outs: the other goes on with its runs."""

    async def kill() -> None:
        torment.cluster.servers[0].signal(signal.SIGKILL)
        torment.cluster.servers[0].process.wait()
        torment.note()

    torment.go(kill)

    torment.check()


def test_drained(torment: Torment) -> None:
    """A process that is told to end hands its runs over, and ends in order."""
    ended: list[int] = []

    async def drain() -> None:
        ended.append(await asyncio.to_thread(torment.cluster.servers[1].end))
        torment.note()

    torment.go(drain)

    torment.check()
    assert ended == [-signal.SIGTERM]  # uvicorn ends in order, and then by the signal it was sent
    assert "Requeueing drained runs for another instance" in torment.cluster.servers[1].log.read_text()


def test_stalled(torment: Torment) -> None:
    """A process stands still for longer than its lease, and goes on beside its heir: it spoils nothing, and gives up."""

    async def stall() -> None:
        torment.cluster.servers[0].signal(signal.SIGSTOP)
        torment.note()
        await asyncio.sleep(12)
        torment.note()
        torment.cluster.servers[0].signal(signal.SIGCONT)

    torment.go(stall)

    torment.check()


def test_database_restarted(torment: Torment) -> None:
    """PostgreSQL is restarted under load: runs wait, and go on."""

    async def restart() -> None:
        await asyncio.to_thread(torment.cluster.postgres.stop)
        torment.cluster.postgres.start()

    torment.go(restart)

    torment.check()


def test_broker_restarted(torment: Torment) -> None:
    """Redis is restarted and has lost everything, the queue included."""

    async def restart() -> None:
        torment.cluster.redis.stop()
        torment.cluster.redis.start()

    torment.go(restart)

    torment.check()


def test_database_unreachable(torment: Torment) -> None:
    """PostgreSQL answers nothing for 20 s."""

    async def cut_off() -> None:
        processes = torment.cluster.postgres.processes()
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        await asyncio.sleep(20)
        for process in reversed(processes):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGCONT)

    torment.go(cut_off)

    torment.check()


HAPPENINGS = sorted(name for name in dir() if name.startswith("test_"))
