"""Faults: processes killed, drained and stalled, stores restarted and cut off, in the middle of many runs."""

import asyncio
import json
import os
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

import psycopg
import pytest
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from deploy.cluster import Cluster, Server
from tests.cluster.clients import clients_of, until
from tests.cluster.trades import LAST, Trades

SERDE = JsonPlusSerializer()
RUNS = 8  # at once: forty workers, which the two processes share
CEILING = 60_000  # tokens for each run


@pytest.fixture
def torment(cluster: Cluster, trades: Trades, request: pytest.FixtureRequest) -> Iterator["Torment"]:
    """Give runs to torment, on a cluster that is whole; and make it whole again."""
    trades.seconds, trades.others_s = (0.1, 1.5), 0.1
    yield Torment(cluster, trades, 1000 * (1 + HAPPENINGS.index(request.node.name)))
    for server in cluster.servers:
        if server.process.poll() is not None:
            server.start()
            server.wait()


@dataclass
class Torment:
    """Runs under way on a cluster, something that happens to it, and what comes of them.

    The last worker of each run is held, so that each has a call in flight whenever it happens.
    """

    cluster: Cluster
    trades: Trades
    first: int
    finished: dict[tuple[int, str], int] = field(
        default_factory=dict
    )  # workers whose results are safe, and calls of each
    lost: list[int] = field(default_factory=list)  # the runs of the process that something happened to

    @property
    def numbers(self) -> range:
        """The runs."""
        return range(self.first, self.first + RUNS)

    def go(self, happens: Callable[[], Awaitable[None]]) -> None:
        """Begin runs, let it happen when a third of their workers are done, and follow them to their ends."""
        asyncio.run(self._go(happens))

    async def _go(self, happens: Callable[[], Awaitable[None]]) -> None:
        self.trades.held.update(self.numbers)
        async with clients_of(self.cluster) as clients:
            self.begun = await clients.begin(self.numbers, context={"budget_tokens": CEILING})
            await until(lambda: self.calls_of_last() == dict.fromkeys(self.numbers, 1))
            while len(self.finished) < RUNS * 5 // 3:
                await asyncio.to_thread(self.note)
            await happens()
            self.trades.held.clear()
            self.statuses = await clients.ends(self.begun)
            self.states = await clients.states(self.begun)

    def calls_of_last(self) -> dict[int, int]:
        """Count the calls of each run's last worker."""
        return {number: self.trades.asked[number, LAST] for number in self.numbers}

    def victim(self) -> Server:
        """Choose the process that has most of the runs; note which."""
        numbers = {run.run: run.number for run in self.begun}
        with psycopg.connect(self.cluster.postgres.url) as connection:
            query = "select run_id, claimed_by from runs where run_id = any(%s)"
            owners = {numbers[run]: owner for run, owner in connection.execute(query, [[*numbers]])}
        has = {
            server.port: [number for number, owner in owners.items() if f"-{server.process.pid}-" in owner]
            for server in self.cluster.servers
        }
        server = max(self.cluster.servers, key=lambda one: len(has[one.port]))
        self.lost = has[server.port]
        return server

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

    def check_lost(self) -> None:
        """See that the last workers of the process's runs were asked twice, those of the others once; and all that holds."""
        self.check()

        assert self.lost
        assert self.calls_of_last() == {number: 1 + (number in self.lost) for number in self.numbers}
        assert {self.trades.asked[number, "synthesiser"] for number in self.numbers} == {1}


def test_killed(torment: Torment) -> None:
    """A process is killed in the middle of many fan-outs: the other makes the calls again that were in flight, no more."""

    async def kill() -> None:
        victim = torment.victim()
        victim.signal(signal.SIGKILL)
        victim.process.wait()
        torment.note()

    torment.go(kill)

    torment.check_lost()


def test_drained(torment: Torment) -> None:
    """A process that is told to end hands its runs over, and ends in order."""
    ended: list[tuple[int, str]] = []

    async def drain() -> None:
        victim = torment.victim()
        ended.append((await asyncio.to_thread(victim.end), victim.log.read_text()))
        torment.note()

    torment.go(drain)
    ((code, log),) = ended

    torment.check_lost()
    assert code == -signal.SIGTERM  # uvicorn ends in order, and then by the signal it was sent
    assert "Requeueing drained runs for another instance" in log


def test_stalled(torment: Torment) -> None:
    """A process stands still for longer than its lease, and goes on beside its heir: it spoils nothing, and gives up."""
    stalled: list[Server] = []

    async def stall() -> None:
        stalled.append(torment.victim())
        stalled[0].signal(signal.SIGSTOP)
        torment.note()
        await until(lambda: all(torment.trades.asked[number, LAST] == 2 for number in torment.lost))
        torment.note()
        torment.trades.held.clear()  # both have a call in flight, and both have its reply now
        stalled[0].signal(signal.SIGCONT)

    torment.go(stall)
    runs = {run.run for run in torment.begun if run.number in torment.lost}
    asyncio.run(until(lambda: runs <= given_up(stalled[0])))

    torment.check_lost()


def given_up(server: Server) -> set[str]:
    """List the runs that a process has said it no longer has."""
    told = ("Lease lost, cancelling job to prevent double execution", "The run is another process's by now")
    lines = [json.loads(line) for line in server.log.read_text().splitlines() if any(words in line for words in told)]
    return {line["run_id"] for line in lines}


def test_database_restarted(torment: Torment) -> None:
    """PostgreSQL is restarted under load: runs wait, and go on."""

    async def restart() -> None:
        await asyncio.to_thread(torment.cluster.postgres.stop)
        torment.trades.held.clear()  # replies come in while it is away
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
        torment.trades.held.clear()
        await asyncio.sleep(20)
        for process in reversed(processes):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGCONT)

    torment.go(cut_off)

    torment.check()


HAPPENINGS = sorted(name for name in dir() if name.startswith("test_"))
