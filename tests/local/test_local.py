"""Local: the whole graph on the embedded engine, with a tiny model of random weights that really decodes."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from graph import NoModel, build_graph, local
from graph.build import whole
from nodes.models.engine import server as engine
from nodes.state import Context
from tests.hub import Hub, serving
from tests.tiny_gguf import write_tiny_gguf

LOCAL: dict[str, Any] = dict.fromkeys(("planner_model", "worker_model", "synthesiser_model"), "local")
SMALL: dict[str, Any] = {
    **LOCAL,
    "max_rounds": 1,
    "max_subtasks": 2,
    "max_plan_attempts": 1,
    "worker_max_output_tokens": 40,
    "synthesiser_max_output_tokens": 300,
}
REQUEST: Any = {"request": "Plan a street party for 80 people"}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Write the tiny model once, and end its engine after the tests."""
    path = tmp_path_factory.mktemp("models") / "tiny.gguf"
    write_tiny_gguf(path)
    yield path
    engine.stop()


@pytest.fixture
def own_model(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Name the tiny model as the user's own."""
    monkeypatch.setenv("ORCHESTRATOR_LOCAL_MODEL", str(tiny))
    return tiny


@pytest.mark.usefixtures("own_model")
def test_a_whole_run() -> None:
    """A request goes through plan, workers and synthesis on true decoding; every call tells its usage."""
    state = build_graph().invoke(REQUEST, context=Context(**SMALL))

    assert state["plan"]["source"] == "native"
    assert 1 <= len(state["outcomes"]) <= 5
    assert state["answer"]
    assert state["spend"]["unknown"] == 0
    assert state["spend"]["usd"] == 0.0


@pytest.mark.usefixtures("own_model")
def test_plans_always_parse() -> None:
    """Schema-constrained plans are read as they stand, whatever random weights write."""
    graph = build_graph()
    plans = []
    for number in range(5):
        asked: Any = {"request": f"{REQUEST['request']}, number {number}"}
        for part in whole(graph).stream(asked, context=Context(**SMALL), stream_mode="updates"):
            plans.append(part["planner"])
            break

    assert [plan["draft"]["source"] for plan in plans] == ["native"] * 5
    assert [plan["draft"]["faults"] for plan in plans] == [[]] * 5


@pytest.mark.usefixtures("own_model")
def test_budget_holds_against_real_counts() -> None:
    """A budget in tokens holds against what the engine itself counts."""
    budget = 40_000
    state = build_graph().invoke(REQUEST, context=Context(**SMALL, budget_tokens=budget))

    spend = state["spend"]
    assert 0 < spend["input_tokens"] + spend["output_tokens"] <= budget
    assert spend["unknown"] == 0


@pytest.mark.usefixtures("own_model")
def test_a_request_larger_than_the_context() -> None:
    """A request that the model's context cannot hold is one clear error, before any work."""
    with pytest.raises(NoModel, match="context window"):
        build_graph().invoke({"request": "street " * 12_000}, context=Context(**SMALL))


def test_killed_engine_comes_back(own_model: Path) -> None:
    """The engine killed in mid run is started again, and the run ends with an answer."""
    graph, killed = build_graph(), list[int]()
    state: dict[str, Any] = {}
    stream: Any = graph.stream(REQUEST, context=Context(**SMALL), stream_mode=["custom", "values"])
    for mode, part in stream:
        if mode == "custom" and part["type"] == "worker" and not killed:
            killed += _engines(own_model)
            for pid in killed:
                os.kill(pid, signal.SIGKILL)
        if mode == "values":
            state = part

    assert killed
    assert state["answer"]
    assert set(_engines(own_model)).isdisjoint(killed)


def _engines(model: Path) -> list[int]:
    """Find the engine's processes among our children."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes()
            parent = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
        if b"engine/child" in words and parent == os.getpid() and model.exists():
            found.append(int(folder.name))
    return found


def test_by_the_command(tiny: Path, tmp_path: Path) -> None:
    """`orchestrate --model local` answers, says how fast the machine reads, and leaves no engine behind."""
    command = [sys.executable, "-m", "graph.cli", "run", REQUEST["request"], "--model", "local", "--json", "--no-save"]
    for name, value in SMALL.items():
        if not name.endswith("_model"):
            command += ["--set", f"{name}={value}"]
    environment = {**os.environ, "ORCHESTRATOR_LOCAL_MODEL": str(tiny), "HOME": str(tmp_path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)

    assert done.returncode in (0, 3), done.stderr
    assert json.loads(done.stdout)["answer"]
    assert "tokens a second" in done.stderr
    assert _orphans(tiny) == []


def _orphans(model: Path) -> list[str]:
    """Wait for engines on this file to end, of any parent, but ours."""
    deadline = time.monotonic() + 5
    left = ["?"]
    while left and time.monotonic() < deadline:
        mine = {str(engine) for engine in _engines(model)}
        left = [
            folder.name
            for folder in Path("/proc").glob("[0-9]*")
            if folder.name not in mine and _runs(folder, b"engine/child")
        ]
        time.sleep(0.1)
    return left


def _runs(folder: Path, word: bytes) -> bool:
    try:
        return (
            word in (folder / "cmdline").read_bytes() and "Z" not in (folder / "stat").read_text().rsplit(")", 1)[1][:3]
        )
    except OSError:
        return False


def test_nothing_is_fetched_without_a_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a terminal and without --yes nothing is downloaded, and the error names the ways out."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    said = list[str]()

    with pytest.raises(NoModel, match="nothing is fetched without your word"):
        local.make_ready(["local"], local.Person(ask=None, tell=said.append))

    assert "1.28 GB, licence Apache-2.0" in said[0]
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_is_there_is_offered_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """A neighbour is offered by name with its models, and taken only at a yes."""
    monkeypatch.setenv("OPENAI_BASE_URL", "")
    asked = list[str]()

    def yes(question: str) -> bool:
        asked.append(question)
        return True

    here = [local.LocalServer("Ollama", "http://127.0.0.1:11434/v1", ("qwen3:4b", "llama3"))]
    taken = local.offer(here, local.Person(ask=yes, tell=asked.append))

    assert taken == "openai:qwen3:4b"
    assert os.environ["OPENAI_BASE_URL"] == "http://127.0.0.1:11434/v1"
    assert "Ollama answers at http://127.0.0.1:11434/v1 with qwen3:4b, llama3" in asked[0]


def test_fetched_once_then_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was fetched from the hub is there without it the second time."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    content = os.urandom(300_000)
    with serving(Hub(content)) as hub:
        first = local.fetch(hub.weights, endpoint=hub.address)
    second = local.fetch(hub.weights, endpoint="http://127.0.0.1:9")

    assert first == second
    assert second.read_bytes() == content
