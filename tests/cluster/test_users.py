"""Users: each has threads and runs of their own, and ceilings; on a cluster, and under `langgraph dev`."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest
import yaml
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient

from tests.cluster.conftest import running, why_not
from tests.cluster.trades import Trades, request
from tests.endpoint import Endpoint
from tests.intruders import ATTEMPTS, GRAPH, Victim, possessions, reached
from tests.langgraph_server import served
from tests.minds import MODEL

SECRET = "a-secret-of-thirty-two-characters"
KEYS = {"alice": "alices-key", "bob": "bobs-key"}
USERS = {name: {"key_sha256": sha256(key.encode()).hexdigest()} for name, key in KEYS.items()}
USERS["alice"]["ceilings"] = {"max_subtasks": 2, "budget_usd": 0.25}  # type: ignore[assignment]


def token(**claims: Any) -> str:
    """Sign a token."""
    return jwt.encode({"sub": "carol", "exp": time.time() + 300, "aud": "us", **claims}, SECRET, "HS256")


@pytest.fixture(scope="module", params=["cluster", "langgraph dev"])
def server(request: pytest.FixtureRequest, model: Endpoint, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the address of a server with users."""
    folder = tmp_path_factory.mktemp("users")
    users = folder / "users.yaml"
    users.write_text(yaml.safe_dump(USERS))
    variables = {"ORCHESTRATOR_USERS": str(users), "ORCHESTRATOR_JWT_KEY": SECRET, "ORCHESTRATOR_JWT_AUDIENCE": "us"}
    if request.param == "cluster":
        reason = why_not()
        if reason:
            pytest.skip(reason)
        with running(model, variables, servers=1) as cluster:
            yield cluster.servers[0].url
    else:
        found = {"OPENAI_BASE_URL": model.url, "OPENAI_API_KEY": "sk-x", "ORCHESTRATOR_MODEL": MODEL}
        with served(Path(folder, "clone"), variables | found) as address:
            yield address


async def victim(server: str, name: str, number: int) -> tuple[Victim, dict[str, Any]]:
    """Let a user do a run."""
    asked: Any = {"request": request(number)}
    async with get_client(url=server, api_key=KEYS[name]) as client:
        thread = (await client.threads.create())["thread_id"]
        state: Any = await client.runs.wait(thread, GRAPH, input=asked, context={"max_subtasks": 5})
        run = (await client.runs.list(thread))[0]["run_id"]
    return Victim(name, thread, run, f"reader r{number:04d}", {"request": request(number + 1)}), state


def test_each_ones_own(server: str, trades: Trades) -> None:
    """Two users try everything to reach what the other has: nothing of it can be read, and none of it is changed."""

    async def go() -> list[tuple[list[str], bool]]:
        outcomes = []
        for number, (whose, other) in enumerate((("alice", "bob"), ("bob", "alice"))):
            its, _ = await victim(server, whose, 10 * number + 1)
            async with (
                get_client(url=server, api_key=KEYS[whose]) as owner,
                get_client(url=server, api_key=KEYS[other]) as thief,
            ):
                before = await possessions(owner, its)
                found = await reached(thief, its)
                outcomes.append((found, before == await possessions(owner, its)))
        return outcomes

    outcomes = asyncio.run(go())

    assert len(ATTEMPTS) >= 20
    assert outcomes == [([], True), ([], True)]


def test_ceilings_of_a_user(server: str) -> None:
    """A user's ceilings hold for that user's runs alone."""
    _, alices = asyncio.run(victim(server, "alice", 101))
    _, bobs = asyncio.run(victim(server, "bob", 111))

    assert [len(state["outcomes"]) for state in (alices, bobs)] == [2, 5]


WRITTEN: dict[str, Any] = {"plan": {"subtasks": [{"id": "S1", "allowance": {"usd": None, "tokens": None}}]}}
STEPS: list[Any] = [{"updates": [{"values": WRITTEN, "as_node": "validator"}]}]
SENT: Any = {"goto": [{"node": "worker", "input": WRITTEN}]}
WRITES: dict[str, Callable[[LangGraphClient, str], Awaitable[Any]]] = {
    "its state": lambda client, thread: client.threads.update_state(thread, WRITTEN),
    "as a step": lambda client, thread: client.threads.update_state(thread, WRITTEN, as_node="validator"),
    "with a run": lambda client, thread: client.runs.create(thread, GRAPH, command={"update": WRITTEN}),
    "with a resume": lambda client, thread: client.runs.create(thread, GRAPH, command={"resume": 1, "update": WRITTEN}),
    "as the validator": lambda client, thread: client.runs.wait(thread, GRAPH, command=SENT),
    "on no thread": lambda client, _: client.runs.wait(None, GRAPH, command=SENT),
}


def test_no_way_around_a_ceiling(server: str) -> None:
    """What a subtask may spend is kept in the state: where there are users, nobody writes it by hand, nor who they are."""

    async def go() -> tuple[list[str], int, dict[str, Any]]:
        its, _ = await victim(server, "alice", 131)
        written = []
        async with get_client(url=server, api_key=KEYS["alice"]) as client:
            for name, write in WRITES.items():
                try:
                    await write(client, its.thread)
                    written.append(name)
                except httpx.HTTPStatusError as error:
                    if error.response.status_code != httpx.codes.FORBIDDEN:
                        raise
            posing: Any = {"configurable": {"langgraph_auth_user": {"identity": "bob", "ceilings": {}}}}
            state: Any = await client.runs.wait(None, GRAPH, input={"request": request(132)}, config=posing)
            await client.threads.update(its.thread, metadata={"label": "mine"})
            new = str(uuid4())
            await client.threads.create(thread_id=new, graph_id=GRAPH, supersteps=STEPS)  # ignored here, refused there
            begun: Any = await client.threads.get_state(new)
        return written, len(state["outcomes"]), begun["values"]

    assert asyncio.run(go()) == ([], 2, {})


STRANGERS = {
    "nothing": {},
    "a wrong key": {"x-api-key": "wrong"},
    "the hash of a key": {"x-api-key": USERS["alice"]["key_sha256"]},
    "as Studio": {"x-auth-scheme": "langsmith"},
    "a token that is over": {"authorization": f"Bearer {token(exp=time.time() - 10)}"},
    "a token for others": {"authorization": f"Bearer {token(aud='them')}"},
    "a token without an end": {"authorization": f"Bearer {jwt.encode({'sub': 'carol', 'aud': 'us'}, SECRET)}"},
    "a token that nobody signed": {"authorization": f"Bearer {jwt.encode({'sub': 'carol', 'aud': 'us'}, '', 'none')}"},
}


def test_strangers(server: str) -> None:
    """Who has no key and no good token is let in nowhere."""
    paths = ["/threads/search", "/assistants/search", "/runs/wait", "/threads", "/store/items/search"]
    answers = {
        (name, path): httpx.post(f"{server}{path}", json={"assistant_id": GRAPH}, headers=headers).status_code
        for name, headers in STRANGERS.items()
        for path in paths
    }

    assert set(answers.values()) <= {401, 403}, answers


def test_a_token(server: str) -> None:
    """A user with a token is let in, under the ceilings that it names; what no user needs is closed."""

    async def go() -> tuple[int, list[int]]:
        bearer = {"authorization": f"Bearer {token(orchestrator_ceilings={'max_subtasks': 1})}"}
        async with get_client(url=server, headers=bearer) as client:
            asked: Any = {"request": request(121)}
            state: Any = await client.runs.wait(None, GRAPH, input=asked)
        async with httpx.AsyncClient(base_url=server, headers=bearer) as raw:
            item = {"namespace": ["x"], "key": "k", "value": {}}
            closed = [await raw.put("/store/items", json=item), await raw.post("/assistants", json={"graph_id": GRAPH})]
        return len(state["outcomes"]), [answer.status_code for answer in closed]

    assert asyncio.run(go()) == (1, [403, 403])
