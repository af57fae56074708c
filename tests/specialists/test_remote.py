"""Remote: a graph on another LangGraph server as a specialist, with a real server."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from graph import Specialist, build_graph
from tests.endpoint import Endpoint
from tests.minds import REQUEST, TASKS

ASKED: Any = {"request": REQUEST}
OTHER = """
import asyncio
from typing import TypedDict

from langgraph.config import get_stream_writer
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt


class Brief(TypedDict, total=False):
    task: str
    answer: str
    score: int


async def work(state: Brief) -> Brief:
    task = state["task"]
    if "Draft" in task:
        raise ValueError("the press is broken")
    if "List" in task:
        interrupt("which dangers?")
    get_stream_writer()({"type": "answer", "text": "Soup"})
    return {"answer": "Soup for " + task, "score": 7}


graph = StateGraph(Brief).add_node("work", work).add_edge(START, "work").compile()
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the address of a LangGraph server that has one graph, "kitchen"."""
    folder, port = tmp_path_factory.mktemp("other"), free_port()
    (folder / "other.py").write_text(OTHER)
    (folder / "langgraph.json").write_text(
        json.dumps({"dependencies": ["."], "graphs": {"kitchen": "./other.py:graph"}})
    )
    quiet = {"LANGGRAPH_CLI_NO_ANALYTICS": "1", "LANGGRAPH_NO_VERSION_CHECK": "true", "LANGSMITH_TRACING": "false"}
    command = [
        str(Path(sys.executable).with_name("langgraph")),
        "dev",
        "--no-browser",
        "--no-reload",
        "--host",
        "127.0.0.1",
    ]
    process = subprocess.Popen(
        [*command, "--port", str(port)],
        cwd=folder,
        env={**os.environ, **quiet},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.1)
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait(20)


def outcomes_of(*specialists: Specialist, folder: Path | None = None, way: str = "invoke") -> list[dict[str, Any]]:
    made, given = build_graph(specialists=specialists, specialists_dir=folder), ASKED
    state: Any = made.invoke(given) if way == "invoke" else asyncio.run(made.ainvoke(given))
    return list(state["outcomes"])


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
def test_a_graph_elsewhere_is_a_specialist(endpoint: Endpoint, server: str, tmp_path: Path, way: str) -> None:
    """A file with url and graph has the subtask done on another server; its other keys are kept as data."""
    front = f"name: caterer\ndescription: feeds people\nurl: {server}\ngraph: kitchen"
    (tmp_path / "caterer.md").write_text(f"---\n{front}\n---\n")
    first, *others = outcomes_of(folder=tmp_path, way=way)

    assert (first["status"], first["error"], first["output"]) == ("done", None, f"Soup for {TASKS['caterer']}")
    assert first["data"] == {"task": TASKS["caterer"], "score": 7}
    assert [(charge["usd"], charge["known"]) for charge in first["charges"]] == [(None, False)]
    assert [other["status"] for other in others] == ["done", "done"]


def test_its_streaming_is_passed_on(endpoint: Endpoint, server: str) -> None:
    """What the other graph writes while it works reaches the run's own stream."""
    made = build_graph(specialists=[Specialist("caterer", "feeds people", url=server, graph="kitchen")])
    events: Any = list(made.stream({"request": REQUEST}, stream_mode="custom"))
    texts = [event["text"] for event in events if event["type"] == "worker_text" and event["id"] == "S1"]

    assert texts == ["Soup"]


def test_its_failures_are_its_own(endpoint: Endpoint, server: str) -> None:
    """A graph that raises, or asks a person, fails its own subtask; the run goes on, says why, and that it cost something."""
    names = ("publicist", "safety officer")
    _, raised, asked = outcomes_of(*(Specialist(name, "d", url=server, graph="kitchen") for name in names))

    assert (raised["status"], asked["status"]) == ("failed", "failed")
    assert [[charge["known"] for charge in outcome["charges"]] for outcome in (raised, asked)] == [[False], [False]]
    assert "the press is broken" in raised["error"]
    assert asked["error"] == "it stopped to ask a person, which a specialist cannot do"


def test_no_such_graph(endpoint: Endpoint, server: str) -> None:
    """An unknown graph is named, with those that the server has."""
    first = outcomes_of(Specialist("caterer", "d", url=server, graph="cellar"))[0]

    assert first["status"] == "failed"
    assert first["error"].startswith(f"the server at {server} refused graph 'cellar': ")
    assert "kitchen" in first["error"]


def test_an_unreachable_server(endpoint: Endpoint) -> None:
    """A server that is not there is this worker's failure alone, and bounded by its time."""
    url = f"http://127.0.0.1:{free_port()}"
    first, *others = outcomes_of(Specialist("caterer", "d", url=url, graph="kitchen", timeout=20))

    assert first["status"] == "failed"
    assert first["error"].startswith(f"no LangGraph server could be reached at {url}")
    assert [other["status"] for other in others] == ["done", "done"]


def test_a_server_that_hangs(endpoint: Endpoint) -> None:
    """A server that takes the connection and says nothing is left after the specialist's own time."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        first = outcomes_of(Specialist("caterer", "d", url=url, graph="kitchen", timeout=0.5))[0]

    assert first["status"] in ("timed_out", "failed")
    assert first["seconds"] < 5
