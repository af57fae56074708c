"""Chat completions: the conversation through the server, as OpenAI's own client and LangChain's speak to it."""

import json
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from langchain_openai import ChatOpenAI
from langgraph_sdk import get_sync_client
from openai import OpenAI

from tests.collector import Collector
from tests.endpoint import Endpoint
from tests.graph.test_chat_server import CHANGE, CHAT
from tests.langgraph_server import served
from tests.minds import MODEL, REQUEST, Team, calls_of, prompts_of, synthesis_of
from tests.turn import Turn

KEYS = {"alice": "key-of-alice", "bob": "key-of-bob"}
ALL_OF_IT = "Everything is planned. [S1] [S2] [S3]"


@pytest.fixture(scope="module")
def shared() -> Iterator[Endpoint]:
    """Serve the team for the whole module: the server is told of it once."""
    with Endpoint(Team()) as endpoint:
        yield endpoint


@pytest.fixture
def team(shared: Endpoint) -> Team:
    """Give each test a team of its own behind the same endpoint."""
    shared.mind = team = Team()
    shared.reset()
    return team


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    """Take in what the server traces."""
    with Collector() as collector:
        yield collector


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, shared: Endpoint, collector: Collector) -> Iterator[str]:
    """Serve the graphs to two users, with the team as their model, and trace all runs."""
    folder: Path = tmp_path_factory.mktemp("completions")
    users = folder / "users.yaml"
    users.write_text(json.dumps({name: {"key_sha256": sha256(key.encode()).hexdigest()} for name, key in KEYS.items()}))
    model = {"OPENAI_BASE_URL": shared.url, "OPENAI_API_KEY": "sk-x", "ORCHESTRATOR_MODEL": MODEL}
    tracing = {"LANGSMITH_TRACING": "true", "LANGSMITH_ENDPOINT": collector.url, "LANGSMITH_API_KEY": "lsv2-x"}
    with served(folder, model | tracing | {"ORCHESTRATOR_USERS": str(users)}) as address:
        yield address


@pytest.fixture
def client(url: str, team: Team) -> Iterator[OpenAI]:
    """Give Alice's client."""
    with OpenAI(base_url=f"{url}/v1", api_key=KEYS["alice"], max_retries=0) as client:
        yield client


def user(text: Any) -> Any:
    return {"role": "user", "content": text}


def say(client: OpenAI, *texts: Any, **more: Any) -> Any:
    """Send a conversation, the user's messages and the answers by turns, and take its next answer whole."""
    said = [{"role": ("user", "assistant")[number % 2], "content": text} for number, text in enumerate(texts)]
    given: Any = {"model": CHAT, "messages": said, **more}
    return client.chat.completions.create(**given)


def test_whole(client: OpenAI) -> None:
    """The models are listed; a completion has the answer, its end and what it took."""
    listed = [model.id for model in client.models.list()]
    made = say(client, REQUEST)

    assert listed == [CHAT]
    assert (made.choices[0].message.content, made.choices[0].finish_reason) == (ALL_OF_IT, "stop")
    assert (made.object, made.model, made.usage.total_tokens > 1000) == ("chat.completion", CHAT, True)


def test_streamed(client: OpenAI, team: Team) -> None:
    """The answer comes in pieces, how far the run has come as reasoning, the usage at the end where it is asked for."""
    team.synthesiser = [Turn(synthesis_of(ALL_OF_IT), chunk=8, chunk_delay=0.02)]
    chunks = list(say(client, REQUEST, stream=True, stream_options={"include_usage": True}))
    deltas = [chunk.choices[0].delta for chunk in chunks[:-1]]
    pieces = [delta.content for delta in deltas if delta.content]
    told = "".join(getattr(delta, "reasoning_content", None) or "" for delta in deltas)

    assert ("".join(pieces), len(pieces) > 1, chunks[-2].choices[0].finish_reason) == (ALL_OF_IT, True, "stop")
    assert ["planning …" in told, "S2 publicist: done" in told, "joining the results" in told] == [True] * 3
    assert (chunks[-1].usage.total_tokens > 1000, len({chunk.id for chunk in chunks})) == (True, 1)


def ended_root(runs: Any, thread: str) -> Any:
    """Find the root of a thread's only run, once it has ended."""
    roots = [run for run in runs.values() if run.get("end_time") and not run.get("parent_run_id")]
    return next((run for run in roots if run["extra"]["metadata"].get("thread_id") == thread), None)


def test_traced(client: OpenAI, collector: Collector) -> None:
    """A server's trace tells the same: a conversation's root by its message, how it ended and its thread; no key."""
    thread = say(client, REQUEST).id.removeprefix("chatcmpl-")
    runs = collector.wait(lambda runs: ended_root(runs, thread)).values()
    root = ended_root(collector.runs, thread)
    mine = [run["name"] for run in runs if run["extra"]["metadata"].get("thread_id") == thread]
    about = root["extra"]["metadata"]

    assert (REQUEST.startswith(root["name"].removesuffix(" …")), about["plan_source"]) == (True, "native")
    assert [name for name in mine if name in ("orchestrator", "planner")] == ["orchestrator", "planner"]
    assert KEYS["alice"].encode() not in b"".join(collector.requests)


def newest_run(url: str) -> Any:
    """Wait for the end of the newest run that Alice has."""
    with get_sync_client(url=url, api_key=KEYS["alice"]) as server:
        thread = server.threads.search(limit=1, sort_by="created_at")[0]["thread_id"]
        while (run := server.runs.list(thread)[0])["status"] in ("pending", "running"):
            time.sleep(0.05)
    return run


def test_hung_up(url: str, client: OpenAI, shared: Endpoint, team: Team) -> None:
    """A client that goes away while the answer is worked on ends the run: nobody would read it."""
    team.workers = {"caterer": Turn("A menu.", delay=30.0)}
    stream = say(client, REQUEST, stream=True)
    while not calls_of(shared, "worker"):
        next(stream)
    stream.close()

    assert (newest_run(url)["status"], calls_of(shared, "synthesiser")) == ("interrupted", [])


def test_gave_up_on_the_whole(url: str, client: OpenAI, shared: Endpoint, team: Team) -> None:
    """So does one that waits for the whole answer, and no longer: OpenAI's clients then ask again by themselves."""
    team.workers = {"caterer": Turn("A menu.", delay=30.0)}
    with pytest.raises(openai.APITimeoutError):
        say(client, REQUEST, timeout=2.0)

    assert (newest_run(url)["status"], calls_of(shared, "synthesiser")) == ("interrupted", [])


def test_through_langchain(url: str, team: Team) -> None:
    """LangChain's client invokes and streams it like any other model."""
    chat = ChatOpenAI(base_url=f"{url}/v1", api_key=KEYS["alice"], model=CHAT)  # type: ignore[arg-type]

    assert chat.invoke(REQUEST).text == ALL_OF_IT
    assert "".join(chunk.text for chunk in chat.stream(REQUEST)) == ALL_OF_IT


def test_it_goes_on(client: OpenAI, shared: Endpoint, team: Team) -> None:
    """A later message goes on from the answer before it, whatever blanks a client has changed; what stands is kept."""
    team.sequel = [CHANGE]
    say(client, REQUEST)
    shared.reset()
    second = say(client, REQUEST, f"{ALL_OF_IT}\n ", "Make it cheaper.")

    assert second.choices[0].message.content == "Everything is planned. [S2] [S3] [S4]"
    assert [len(calls_of(shared, role)) for role in ("sequel", "planner", "worker")] == [1, 0, 1]


def test_a_conversation_from_elsewhere(client: OpenAI, shared: Endpoint) -> None:
    """Of a conversation that is not known here, what was said and what the client has told beforehand is in the request."""
    system = {"role": "system", "content": "Write for children."}
    elsewhere = [system, user("Hello"), {"role": "assistant", "content": "What for?"}, user(REQUEST)]
    client.chat.completions.create(model=CHAT, messages=elsewhere)
    (asked,) = prompts_of(shared, "planner")

    assert [words in asked for words in ("Write for children.", "user: Hello", "assistant: What for?", REQUEST)] == [
        True
    ] * 4


def test_approval(client: OpenAI, shared: Endpoint) -> None:
    """A plan that waits is told as a message; other words send it back, "approve" has it carried out."""
    asked = say(client, REQUEST, extra_body={"context": {"approve_plan": True}}).choices[0].message.content
    again = say(client, REQUEST, asked, "No leaflet, please.").choices[0].message.content
    done = say(client, REQUEST, asked, "No leaflet, please.", again, "Approve.").choices[0].message.content

    assert ["publicist" in asked, "Answer “approve” to go on." in asked, "Answer “approve” to go on." in again] == [
        True
    ] * 3
    assert "No leaflet, please." in str(calls_of(shared, "planner")[1].body["messages"])
    assert done == ALL_OF_IT


def test_a_run_that_fails(client: OpenAI, team: Team) -> None:
    """A run that fails is an answer that says what can still be done, streamed too."""
    team.planner = [Turn(fault="401")]
    whole = say(client, REQUEST).choices[0].message.content
    streamed = "".join(chunk.choices[0].delta.content or "" for chunk in say(client, REQUEST, stream=True))

    assert "What can still be done: mend the cause and write “try again”" in whole
    assert streamed == whole


REFUSED: dict[str, tuple[dict[str, Any], int, str]] = {
    "no messages": ({"model": CHAT, "messages": []}, 400, "messages: List should have at least 1 item"),
    "no model": ({"messages": [user("x")]}, 400, "model: Field required"),
    "another model": ({"model": "gpt-4o", "messages": [user("x")]}, 404, "unknown model 'gpt-4o'; known: orchestrator"),
    "two at once": ({"model": CHAT, "messages": [user("x")], "n": 2}, 400, "n: Input should be 1"),
    "a bad setting": ({"model": CHAT, "messages": [user("x")], "context": {"budget_usd": "a"}}, 400, "'budget_usd'"),
    "nothing to answer": ({"model": CHAT, "messages": [{"role": "assistant", "content": "x"}]}, 400, "not the user's"),
}


@pytest.mark.parametrize(("body", "status", "words"), REFUSED.values(), ids=REFUSED)
def test_bad_requests(url: str, team: Team, body: dict[str, Any], status: int, words: str) -> None:
    """What is no request is refused as OpenAI does it, so that its client raises what its user expects."""
    response = httpx.post(f"{url}/v1/chat/completions", json=body, headers={"Authorization": f"Bearer {KEYS['bob']}"})

    assert (response.status_code, words in response.json()["error"]["message"]) == (status, True)
    assert {*response.json()["error"]} == {"message", "type", "param", "code"}
    assert response.headers["x-should-retry"] == "false"


@pytest.mark.parametrize("kind", ["text/plain", "text/plain; charset=json"])
def test_another_sites_page(url: str, shared: Endpoint, team: Team, kind: str) -> None:
    """What a browser sends for a page of any origin without asking first, plain text, starts nothing."""
    body = json.dumps({"model": CHAT, "messages": [user(REQUEST)]})
    headers = {"Authorization": f"Bearer {KEYS['bob']}", "Content-Type": kind}
    response = httpx.post(f"{url}/v1/chat/completions", content=body, headers=headers)

    assert (response.status_code, shared.requests) == (415, [])


@pytest.mark.parametrize(
    "content",
    [
        "",
        None,
        [{"type": "text", "text": None}],
        [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}],
    ],
)
def test_what_is_not_read(client: OpenAI, shared: Endpoint, content: Any) -> None:
    """An empty message or an image gets a clear reply, and nothing is spent."""
    made = say(client, content, stream=None)

    assert made.choices[0].message.content.startswith(("Your message is empty.", "Only text is read here"))
    assert shared.requests == []


def test_who_asks(url: str, client: OpenAI, shared: Endpoint, team: Team) -> None:
    """Without a known key nothing is run or listed, through MCP neither; another user does not go on where one was."""
    with OpenAI(base_url=f"{url}/v1", api_key="nobody's", max_retries=0) as nobody:
        for ask in (nobody.models.list, lambda: say(nobody, REQUEST)):
            with pytest.raises(openai.AuthenticationError, match="no key or token that is known here"):
                ask()
    call = {"method": "tools/call", "params": {"name": "orchestrator", "arguments": {"request": REQUEST}}}
    called = httpx.post(f"{url}/mcp", json={"jsonrpc": "2.0", "id": 7, **call}, headers={"Accept": "application/json"})
    refused = len(shared.requests)
    say(client, REQUEST)
    with OpenAI(base_url=f"{url}/v1", api_key=KEYS["bob"], max_retries=0) as bob:
        say(bob, REQUEST, ALL_OF_IT, "Why 80 seats?")

    assert (refused, called.status_code) == (0, 401)
    assert (len(calls_of(shared, "sequel")), len(calls_of(shared, "planner"))) == (0, 2)
