"""Shared: what a host's processes share in Redis: who is refused, and what calls do when it is away."""

from collections.abc import Iterator

import pytest
from redis.asyncio import Redis as Client

from deploy.services import Missing, Redis, free_port
from graph.shared import Shared
from nodes.models import HOLDS, WATCHES
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
