"""The conversation through the server: langgraph-sdk, A2A and MCP, as the clients of each speak to it."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from langgraph_sdk import get_sync_client
from langgraph_sdk.client import SyncLangGraphClient

from tests.endpoint import Endpoint
from tests.langgraph_server import served
from tests.minds import MODEL, REQUEST, Team, calls_of, sequel_of

CHEAPER = "Plan a neighbourhood street party for about 80 people that costs no more than 300 euros."
MENU = {"caterer": "Write a menu for 80 guests that costs no more than 150 euros, with quantities."}
CHANGE = sequel_of("change", request=CHEAPER, keep=["S2", "S3"], tasks=MENU)
KEY = "sk-the-secret-of-the-tests"
CHAT = "orchestrator_chat"


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
def url(tmp_path_factory: pytest.TempPathFactory, shared: Endpoint) -> Iterator[str]:
    """Serve the graphs with the team as their model."""
    model = {"OPENAI_BASE_URL": shared.url, "OPENAI_API_KEY": KEY, "ORCHESTRATOR_MODEL": MODEL}
    with served(tmp_path_factory.mktemp("chat"), model) as address:
        yield address


@pytest.fixture
def client(url: str) -> Iterator[SyncLangGraphClient]:
    """Give a client of the server."""
    with get_sync_client(url=url) as client:
        yield client


def said(text: Any) -> dict[str, Any]:
    """Write a chat client's input."""
    return {"messages": [{"type": "human", "content": text}]}


def stream(client: SyncLangGraphClient, thread: str, text: str, **more: Any) -> list[tuple[str, Any]]:
    """Send a message and take in the stream, as chat clients do."""
    modes: Any = ["messages-tuple", "custom", "values", "updates"]
    parts = client.runs.stream(thread, CHAT, input=said(text), stream_mode=modes, **more)
    return [(part.event, part.data) for part in parts]


@pytest.mark.parametrize("more", [{}, {"stream_subgraphs": True}], ids=["plain", "subgraphs"])
def test_a_conversation(client: SyncLangGraphClient, shared: Endpoint, team: Team, more: dict[str, Any]) -> None:
    """The answer comes as one message with one id and nothing else does; a later message keeps what stands."""
    team.sequel = [CHANGE]
    thread = client.threads.create()["thread_id"]
    first = stream(client, thread, REQUEST, **more)
    second = stream(client, thread, "Make it cheaper.", **more)
    pieces = [data[0] for event, data in first if event.startswith("messages")]
    answers = [piece for piece in pieces if piece["type"] != "human"]
    kept: Any = client.threads.get_state(thread)["values"]
    events = {data["type"] for event, data in first if event == "custom"}

    assert "".join(piece["content"] for piece in answers) == "Everything is planned. [S1] [S2] [S3]"
    assert {piece["id"] for piece in answers} == {kept["messages"][1]["id"]}
    assert {"planning", "plan", "worker", "synthesis", "answer"} <= events
    assert [message["content"] for message in kept["messages"]] == [
        REQUEST,
        "Everything is planned. [S1] [S2] [S3]",
        "Make it cheaper.",
        "Everything is planned. [S2] [S3] [S4]",
    ]
    assert {*kept} == {"messages", "run_id", "complete", "spend"}
    assert (kept["complete"], kept["spend"]["calls"], len(calls_of(shared, "worker"))) == (True, 3, 4)
    assert [data for event, data in second if event == "updates" and not all(data.values())] == []


def test_answered_at_once(client: SyncLangGraphClient, shared: Endpoint, team: Team) -> None:
    """A question about the last answer costs one call; another thread knows nothing of it."""
    thread, other = (client.threads.create()["thread_id"] for _ in range(2))
    client.runs.wait(thread, CHAT, input=said(REQUEST))
    shared.reset()
    state: Any = client.runs.wait(thread, CHAT, input=said("Why 80 seats?"))
    asked = len(shared.requests)
    client.runs.wait(other, CHAT, input=said("Why 80 seats?"))

    assert (state["messages"][-1]["content"], asked) == ("As it says. [S1]", 1)
    assert [len(calls_of(shared, role)) for role in ("sequel", "planner")] == [1, 1]


def test_approval(client: SyncLangGraphClient, team: Team) -> None:
    """A plan that waits is asked for in the chat in the form that interfaces render, and goes on by the interrupt's id."""
    thread, context = client.threads.create()["thread_id"], {"approve_plan": True}
    waiting: Any = client.runs.wait(thread, CHAT, input=said(REQUEST), context=context)
    (asked,) = waiting["__interrupt__"]
    listed: Any = client.threads.get(thread)["interrupts"]
    resume = {asked["id"]: {"decisions": [{"type": "approve"}]}}
    state: Any = client.runs.wait(thread, CHAT, command={"resume": resume})

    assert [*asked["value"]] == ["action_requests", "review_configs"]
    assert [thread["id"] for ones in listed.values() for thread in ones] == [asked["id"]]
    assert state["messages"][-1]["content"] == "Everything is planned. [S1] [S2] [S3]"


NOT_READ: dict[str, tuple[Any, str]] = {
    "empty": ("", "Your message is empty."),
    "blank": (" \n", "Your message is empty."),
    "image": (
        [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}],
        "something else (image url)",
    ),
    "file": ([{"type": "text", "text": "Read it."}, {"type": "file", "file": {}}], "something else (file)"),
    "too long": ("x" * 200_001, "200,000 are the most"),
}


@pytest.mark.parametrize(("content", "words"), NOT_READ.values(), ids=NOT_READ)
def test_what_is_not_read(client: SyncLangGraphClient, shared: Endpoint, team: Team, content: Any, words: str) -> None:
    """A message that cannot be worked on gets a clear reply in the chat, and nothing is spent."""
    thread = client.threads.create()["thread_id"]
    state: Any = client.runs.wait(thread, CHAT, input=said(content))

    assert words in state["messages"][-1]["content"]
    assert (state["messages"][-1]["type"], shared.requests) == ("ai", [])


def rpc(url: str, path: str, method: str, **params: Any) -> Any:
    """Call a method of the server's MCP or A2A endpoint."""
    body = {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}
    return httpx.post(f"{url}{path}", json=body, headers={"Accept": "application/json"}, timeout=60).json()


def test_mcp(url: str, team: Team) -> None:
    """The tools' names, descriptions and inputs read well to a model, and a call gives the answer as text, not a repr."""
    tools = {tool["name"]: tool for tool in rpc(url, "/mcp", "tools/list")["result"]["tools"]}
    given = {"request": REQUEST}
    called = rpc(url, "/mcp", "tools/call", name="orchestrator", arguments=given)
    chatted = rpc(url, "/mcp", "tools/call", name=CHAT, arguments={"messages": REQUEST})
    refused = rpc(url, "/mcp", "tools/call", name="orchestrator", arguments={"request": ""})
    unknown = rpc(url, "/mcp", "tools/call", name="nobody", arguments=given)
    schema = tools["orchestrator"]["inputSchema"]

    assert {*tools} == {"orchestrator", CHAT}
    assert tools["orchestrator"]["description"].startswith("Works out a request that needs several experts")
    assert schema["properties"]["request"]["description"] == "What you want worked out, in your own words."
    assert (schema["required"], [*tools[CHAT]["inputSchema"]["properties"]]) == (["request"], ["messages"])
    text = "Everything is planned. [S1] [S2] [S3]"
    assert [reply["result"]["content"] for reply in (called, chatted)] == [[{"type": "text", "text": text}]] * 2
    assert (refused["result"]["isError"], refused["result"]["content"][0]["text"].split(";")[0]) == (
        True,
        "BadRequest: the request is empty",
    )
    assert unknown["error"]["message"] == "Unknown tool: nobody"
    assert rpc(url, "/mcp", "initialize")["result"]["capabilities"] == {"tools": {"listChanged": False}}


def test_a2a(url: str, client: SyncLangGraphClient, team: Team) -> None:
    """message/send gives a completed task whose artifact is the answer; the card says what the agent does."""
    assistant = next(found["assistant_id"] for found in client.assistants.search() if found["graph_id"] == CHAT)
    message = {"role": "user", "messageId": "m1", "parts": [{"kind": "text", "text": REQUEST}]}
    sent = rpc(url, f"/a2a/{assistant}", "message/send", message=message)["result"]
    card = httpx.get(f"{url}/.well-known/agent-card.json", params={"assistant_id": assistant}).json()

    assert sent["status"]["state"] == "completed"
    assert sent["artifacts"][0]["parts"][0]["text"] == "Everything is planned. [S1] [S2] [S3]"
    assert "conversation" in json.dumps(card)


def test_origins(url: str) -> None:
    """A page of Studio's origin may ask the server; one of any other may not."""
    asks = {"Access-Control-Request-Method": "POST"}
    origins = ("https://smith.langchain.com", "https://example.org")
    allowed = [
        httpx.options(f"{url}/threads", headers={**asks, "Origin": origin}).headers.get("access-control-allow-origin")
        for origin in origins
    ]

    assert allowed == ["https://smith.langchain.com", None]
