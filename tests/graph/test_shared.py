"""Shared: what a host's processes share in Redis: who is refused, and what calls do when it is away."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from redis.asyncio import Redis as Client

from deploy.services import Missing, Redis, free_port
from graph.shared import Shared
from nodes.models import HOLDS, WATCHES, OverBudget
from tests.endpoint import Endpoint
from tests.minds import Team, did_it, run
from tests.turn import Body


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """Give a Redis server."""
    server = Redis(tmp_path_factory.mktemp("redis"), free_port())
    try:
        server.start()
    except Missing as error:
        pytest.skip(str(error))
    yield server
    server.stop()


@asynccontextmanager
async def sharing(redis: Redis) -> AsyncIterator[Shared]:
    async with Client.from_url(redis.url, decode_responses=True) as client:
        yield Shared(client, None)


@pytest.fixture
def shared(redis: Redis) -> Iterator[Shared]:
    """Give what a host shares, around every call of the test."""
    shared = Shared(Client.from_url(redis.url, decode_responses=True), daily_usd=5.0)
    HOLDS["shared"], WATCHES["shared"] = shared.hold, shared.account
    yield shared
    del HOLDS["shared"], WATCHES["shared"]


def test_away_at_the_end_of_a_call(redis: Redis, shared: Shared, endpoint: Endpoint, team: Team) -> None:
    """A Redis that goes away while calls are under way costs no reply, and who is asked after that says what is up."""

    def takes_it_away(body: Body) -> str:
        redis.stop()
        return did_it(body)

    team.workers = {"caterer": takes_it_away}
    try:
        state = run(max_parallel=1)
    finally:
        redis.start()

    ends = {outcome["specialist"]: (outcome["status"], outcome["error"]) for outcome in state["outcomes"]}
    assert ends["caterer"] == ("done", None)
    assert "Is the Redis of ORCHESTRATOR_REDIS_URL up?" in ends["publicist"][1]


def test_who_is_refused_takes_nothing_meanwhile(redis: Redis) -> None:
    """Of many who ask at once, some for more than is left, all others get what does fit."""

    async def at_once() -> list[int | BaseException]:
        async with sharing(redis) as shared:
            await shared._reserve("all", 100, 90, "tokens", 60)
            asks = (shared._reserve("all", 100, amount, "tokens", 60) for amount in [50, 1] * 10)
            return await asyncio.gather(*asks, return_exceptions=True)

    ends = asyncio.run(at_once())

    assert [end for end in ends if isinstance(end, int)] == [1] * 10
    assert {type(end) for end in ends if not isinstance(end, int)} == {OverBudget}
