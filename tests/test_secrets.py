"""Secrets: a planted key is looked for wherever a run leaves something."""

import asyncio
import json
import logging
import os
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

import pytest

from graph import OrchestratorError, build_graph, graph, settings
from nodes.models.endpoints import Endpoints
from nodes.models.providers import open_model
from nodes.state import Context
from tests.collector import Collector
from tests.endpoint import Endpoint
from tests.minds import MODEL, REQUEST, Team, did_it, join_all
from tests.turn import Turn

COMMAND = str(Path(sys.executable).with_name("orchestrate"))
KEY = "sk-planted-0123456789abcdef-never-to-be-seen"
# The ways in which an endpoint repeats the key that it was shown.
ECHOES = {
    "401": Turn(fault="401"),
    "400": Turn(f"Bad request by {KEY}.", status=400),
    "500": Turn(f"Internal error, key {KEY}.", status=500),
    "web page": Turn(body=f"<html><body>Key {KEY} is blocked.</body></html>", status=403),
    "web page with status 200": Turn(body=f"<html><body>Welcome, {KEY}!</body></html>"),
    "broken JSON": Turn(body=f'{{"error": "who is {KEY}'),
    "no choices": Turn(body=json.dumps({"error": {"message": f"key {KEY} is unknown"}})),
    "error in a stream": Turn(
        body=f'data: {{"error": {{"message": "key {KEY} expired", "code": 401}}}}\n\ndata: [DONE]\n\n',
        headers={"content-type": "text/event-stream"},
    ),
    "broken stream": Turn(
        body=f'data: {{"id": "{KEY}", "choi\n\ndata: [DONE]\n\n', headers={"content-type": "text/event-stream"}
    ),
    "text in a stream": Turn(f"Your key is {KEY}, is it not? " * 3, chunk=500),
}


@pytest.fixture(autouse=True)
def planted(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plant the key where a user has it."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


def meets(team: Team, stage: str, echo: Turn) -> None:
    """Let a stage meet an endpoint that repeats the key."""
    if stage == "planner":
        team.planner = [echo]
    elif stage == "worker":
        team.workers = {"caterer": echo, "publicist": did_it}
    else:
        team.synthesiser = [echo, echo, join_all]


@pytest.mark.parametrize("stage", ["planner", "worker", "synthesiser"])
@pytest.mark.parametrize("echo", ECHOES)
def test_an_endpoint_that_repeats_the_key(
    endpoint: Endpoint, team: Team, stage: str, echo: str, caplog: pytest.LogCaptureFixture
) -> None:
    """What an endpoint says of the key reaches neither state, events, errors, tracebacks nor logs."""
    meets(team, stage, ECHOES[echo])
    seen: list[Any] = []
    with caplog.at_level(logging.DEBUG):
        try:
            seen += graph.stream({"request": REQUEST}, stream_mode=["values", "custom", "messages"])
        except OrchestratorError as error:
            seen.append("".join(traceback.format_exception(error)))

    assert any(KEY in call.headers["authorization"] for call in endpoint.requests)
    assert KEY not in repr(seen)
    assert KEY not in caplog.text


def run(folder: Path, endpoint: Endpoint, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a process of its own, told to log what it can."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "LANGSMITH_TRACING": "false",
        "OPENAI_BASE_URL": endpoint.url,
        "OPENAI_API_KEY": KEY,
        "OPENAI_LOG": "debug",
        "ORCHESTRATOR_MODEL": MODEL,
        **more,
    }
    return subprocess.run(
        [COMMAND, *words], env=environment, cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("fault", ["", "401", "400"])
def test_what_a_process_leaves(endpoint: Endpoint, team: Team, tmp_path: Path, fault: str) -> None:
    """The key is in no output, no log, no trace, no report and no file of the database."""
    if fault:
        meets(team, "worker", ECHOES[fault])
    with Collector() as collector:
        traced = {"LANGSMITH_TRACING": "true", "LANGSMITH_ENDPOINT": collector.url, "LANGSMITH_API_KEY": "ls-x"}
        report = str(tmp_path / "report.html")
        ended = run(tmp_path, endpoint, "--json", "--db", "runs.db", "--report", report, REQUEST, **traced)
        traces = b"".join(collector.requests)
    left = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    assert ended.returncode == (3 if fault else 0), ended.stderr
    assert json.loads(ended.stdout)["outcomes"]
    assert (b"publicist" in traces, len(left) >= 2) == (True, True)
    assert KEY not in ended.stdout + ended.stderr
    assert KEY.encode() not in traces
    assert [str(path) for path, content in left.items() if KEY.encode() in content] == []


def test_the_key_is_held_as_a_secret(endpoint: Endpoint) -> None:
    """A model that is printed, or whose settings are, shows stars for its key."""
    endpoints = Endpoints(environment=settings.endpoint_environment)
    context = Context(planner_model=MODEL, worker_model=MODEL, synthesiser_model=MODEL)
    model = asyncio.run(open_model(MODEL, context, "worker", endpoints, None))

    assert KEY not in f"{model!r} {model.chat} {model.chat.model_dump()} {endpoints!r} {build_graph()!r}"


def test_no_setting_holds_a_secret(endpoint: Endpoint) -> None:
    """What a run is told has no place for a key: its names are a model's, a limit's or a way of working."""
    words = {part for name in Context.model_fields for part in name.split("_")}

    assert words & {"key", "secret", "password", "authorization", "credentials", "header", "headers"} == set()
