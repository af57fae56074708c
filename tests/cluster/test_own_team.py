"""A team of one's own on a cluster: a specialist with a tool of an MCP server; and failures of all kinds, none of which is quoted in a log."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from langgraph_sdk import get_client

from deploy.cluster import CLONE, Cluster, python312
from tests.cluster.conftest import running
from tests.endpoint import Endpoint
from tests.minds import Team, plan_of
from tests.turn import Body, Turn, prompt_of

THROWN = "a specialist's own code repeats its task"
CANARY = "ochre-canary-4711"
TEAM = """
from graph import Specialist, build_graph

def throw(task: str) -> str:
    raise ValueError(f"cannot do: {task}")

graph = build_graph(specialists=[Specialist("thrower", "throws", runnable=throw)])
"""
KEEPER = """---
name: larder keeper
description: knows what is in the larder
tools: stock
---
Look before you tell.
"""


def echoing(body: Body) -> Turn:
    """Refuse a request, and repeat it."""
    return Turn(prompt_of(body), status=400)


def looking(body: Body) -> Turn:
    """Answer as a worker that looks into the larder, and tells what is there."""
    results = [message["content"] for message in body["messages"] if message["role"] == "tool"]
    return Turn(" ".join(results)) if results else Turn(tool_calls=[{"name": "stock", "args": {"item": "jam"}}])


@pytest.fixture(scope="module")
def team() -> Team:
    """Give the mind behind the endpoint."""
    return Team()


@pytest.fixture(scope="module")
def cluster(team: Team, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Give a cluster that serves a team of one's own, one with a tool of an MCP server."""
    folder = tmp_path_factory.mktemp("team")
    (folder / "team.py").write_text(TEAM)
    (folder / "keeper.md").write_text(KEEPER)
    (folder / "langgraph.json").write_text(json.dumps({"graphs": {"orchestrator": "./team.py:graph"}}))
    larder = {"command": str(python312()), "args": [str(CLONE / "tests" / "mcp_server.py")]}
    (folder / "mcp.json").write_text(json.dumps({"mcpServers": {"larder": larder}}))
    told = {
        "AEGRA_CONFIG": str(folder / "langgraph.json"),
        "ORCHESTRATOR_SPECIALISTS_DIR": str(folder),
        "ORCHESTRATOR_MCP_CONFIG": str(folder / "mcp.json"),
    }
    with Endpoint(team) as endpoint, running(endpoint, told, servers=1) as cluster:
        yield cluster


def came_of(cluster: Cluster, request: str) -> Any:
    """Do a run; give its state, or its error."""

    async def go() -> Any:
        async with get_client(url=cluster.servers[0].url) as client:
            return await client.runs.wait(None, "orchestrator", input={"request": request}, raise_error=False)

    return asyncio.run(go())


def test_a_tool_of_an_mcp_server(cluster: Cluster, team: Team) -> None:
    """A worker in a process of a cluster calls a tool of an MCP server, and is told what it gives."""
    team.planner = [plan_of({"larder keeper": "Say how much jam there is for the party."})]
    team.workers = {"larder keeper": looking}
    (outcome,) = came_of(cluster, "Say what is in the larder.")["outcomes"]

    assert [(tool["tool"], tool["result"]) for tool in outcome["tools"]] == [("stock", "jam: 12 jars")]
    assert "jam: 12 jars" in outcome["output"]


def test_no_log_quotes_a_failure(cluster: Cluster, team: Team) -> None:
    """A run may fail in any way: its error is told to its user; the log has the run's id, and no word of it."""
    request, task = f"Write to {CANARY} about the party.", f"Write to {CANARY}."
    failures: dict[str, tuple[Any, dict[str, Any]]] = {
        "the endpoint repeats the request to the planner": (echoing, {}),
        "the planner refuses": (Turn(refusal=f"I do not write to {CANARY}."), {}),
        "the endpoint repeats the task to the only worker": (plan_of({"clerk": task}), {"clerk": echoing}),
        THROWN: (plan_of({"thrower": task}), {}),
    }
    told = {}
    for name, (planner, workers) in failures.items():
        team.planner, team.workers = [planner], workers
        told[name] = came_of(cluster, request)["__error__"]["message"]
    log = cluster.servers[0].log.read_text()

    assert {name for name, error in told.items() if CANARY in error} >= {"the planner refuses", THROWN}
    assert log.count('"Run failed"') == len(failures)
    assert CANARY not in log
