"""MCP: tools of real servers, over stdio and HTTP."""

import asyncio
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from graph import BadSettings, build_graph
from tests.endpoint import Endpoint, Turn
from tests.minds import REQUEST, Team, calls_of, plan_of
from tests.turn import Body

SERVER = str(Path(__file__).parents[1].joinpath("mcp_server.py"))
# FastMCP's server, in its own process, warns of what it does itself; the client's streams are closed by its garbage.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
STDIO = {"command": sys.executable, "args": [SERVER]}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def over_http() -> Iterator[dict[str, Any]]:
    """Give the connection to a server over HTTP."""
    port = free_port()
    process = subprocess.Popen([sys.executable, SERVER, str(port)], stderr=subprocess.DEVNULL)
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.05)
    yield {"type": "http", "url": f"http://127.0.0.1:{port}/mcp"}
    process.terminate()
    process.wait(10)


def keeper(folder: Path, tools: str, *, name: str = "larder keeper") -> Path:
    (folder / "keeper.md").write_text(
        f"---\nname: {name}\ndescription: knows what is in the larder\ntools: {tools}\n---\nLook before you tell.\n"
    )
    return folder


def configured(folder: Path, **servers: Any) -> Path:
    path = folder / "mcp.json"
    path.write_text(json.dumps({"mcpServers": servers}))
    return path


def calling(*calls: Body) -> Any:
    """Answer as a worker that makes these calls, then tells their results."""

    def said(body: Body) -> Turn:
        results = [message["content"] for message in body["messages"] if message["role"] == "tool"]
        return Turn(" ".join(results)) if results else Turn(tool_calls=list(calls))

    return said


def prepared(team: Team, *calls: Body) -> None:
    team.planner = [plan_of({"larder keeper": "Say how much jam there is for the party."})]
    team.workers = {"larder keeper": calling(*calls)}


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
@pytest.mark.parametrize("kind", ["stdio", "http"])
def test_tools_of_a_server(
    endpoint: Endpoint, team: Team, tmp_path: Path, over_http: dict[str, Any], kind: str, way: str
) -> None:
    """A specialist's file names a server's tool; it is called there, and the result reaches the model."""
    prepared(team, {"name": "stock", "args": {"item": "jam"}})
    config = configured(tmp_path, larder=STDIO if kind == "stdio" else over_http)
    made = build_graph(specialists_dir=keeper(tmp_path, "stock"), mcp_config=config)
    given: Any = {"request": REQUEST}
    state = made.invoke(given) if way == "invoke" else asyncio.run(made.ainvoke(given))
    (outcome,) = state["outcomes"]

    assert [(tool["tool"], tool["result"], tool["error"]) for tool in outcome["tools"]] == [
        ("stock", "jam: 12 jars", False)
    ]
    assert "jam: 12 jars" in outcome["output"]


def test_a_servers_other_tools_are_not_had(endpoint: Endpoint, team: Team, tmp_path: Path) -> None:
    """Of a server's tools a specialist has those that its file names; a call of another is refused by code."""
    prepared(team, {"name": "throw_away", "args": {"item": "jam"}})
    made = build_graph(specialists_dir=keeper(tmp_path, "stock"), mcp_config={"mcpServers": {"larder": STDIO}})
    (outcome,) = made.invoke({"request": REQUEST})["outcomes"]
    offered = [tool["function"]["name"] for tool in calls_of(endpoint, "worker")[0].body["tools"]]

    assert offered == ["stock"]
    assert outcome["tools"][0]["result"] == "Refused: you have no tool named 'throw_away'; yours: stock."


def test_what_destroys_asks_first(
    endpoint: Endpoint, team: Team, tmp_path: Path, over_http: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tool that its server calls destructive waits for a person; the config may come from the environment."""
    prepared(team, {"name": "throw_away", "args": {"item": "jam"}})
    monkeypatch.setenv("ORCHESTRATOR_MCP_CONFIG", str(configured(tmp_path, larder=over_http)))
    made = build_graph(InMemorySaver(), specialists_dir=keeper(tmp_path, "mcp__larder__throw_away"))
    config: Any = {"configurable": {"thread_id": "one"}}
    (asked,) = made.invoke({"request": REQUEST}, config)["__interrupt__"]
    state = made.invoke(Command(resume={"decisions": [{"type": "approve"}]}), config)

    assert [request["name"] for request in asked.value["action_requests"]] == ["throw_away"]
    assert [tool["result"] for tool in state["outcomes"][0]["tools"]] == ["jam is gone"]


def test_a_servers_error_is_told_to_the_model(
    endpoint: Endpoint, team: Team, tmp_path: Path, over_http: dict[str, Any]
) -> None:
    """A tool that fails on its server does not fail the worker."""
    prepared(team, {"name": "broken", "args": {"item": "jam"}})
    made = build_graph(specialists_dir=keeper(tmp_path, "broken"), mcp_config=configured(tmp_path, larder=over_http))
    (outcome,) = made.invoke({"request": REQUEST})["outcomes"]

    assert outcome["status"] == "done"
    assert outcome["tools"][0]["error"] is True
    assert "the shelf with jam has collapsed" in outcome["tools"][0]["result"]


def test_a_server_that_nobody_needs_is_not_asked(tmp_path: Path) -> None:
    """A dead server stops nobody while no specialist names a tool of it."""
    dead = configured(tmp_path, larder={"command": "/no/such/program"})

    assert build_graph(mcp_config=dead) is not None


FAULTS: dict[str, tuple[Any, str]] = {
    "no servers": ({}, 'expected {"mcpServers": '),
    "unknown key": ({"mcpServers": {"a": {"comand": "x"}}}, "server 'a': unknown key 'comand'"),
    "unknown type": ({"mcpServers": {"a": {"type": "pigeon", "url": "x"}}}, "unknown type 'pigeon'"),
    "no command": ({"mcpServers": {"a": {"args": []}}}, "server 'a': command is missing"),
    "no variable": (
        {"mcpServers": {"a": {"command": "x", "env": {"K": "${NO_SUCH_VARIABLE}"}}}},
        "NO_SUCH_VARIABLE is not set",
    ),
    "no program": ({"mcpServers": {"a": {"command": "/no/such/program"}}}, "MCP server 'a' cannot be used: "),
    "no such tool": ({"mcpServers": {"larder": STDIO}}, "unknown tool 'fly'; known: "),
}


@pytest.mark.parametrize("case", FAULTS)
def test_faults_of_a_config(tmp_path: Path, case: str) -> None:
    """What is wrong with the servers is said when the graph is built."""
    config, words = FAULTS[case]
    with pytest.raises(BadSettings) as raised:
        build_graph(specialists_dir=keeper(tmp_path, "fly"), mcp_config=config)

    assert words in str(raised.value)


def test_a_config_file_that_is_no_json(tmp_path: Path) -> None:
    """A config file's fault names the file."""
    path = tmp_path / "mcp.json"
    path.write_text("{")
    with pytest.raises(BadSettings, match=r"mcp\.json: no valid JSON"):
        build_graph(specialists_dir=keeper(tmp_path, "fly"), mcp_config=path)
