"""Traces: what LangSmith is sent of a run, with no code of the user's."""

import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from tests.collector import Collector
from tests.endpoint import Endpoint, system_of
from tests.graph.test_cli import REQUEST, TASKS, joined, planned
from tests.turn import Body

COMMAND = str(Path(sys.executable).with_name("orchestrate"))
KEY, TRACING_KEY = "sk-secret-of-the-endpoint", "lsv2-secret-of-the-tracing"
TEAM = ("soil scientist", "gardener", "carpenter")


def team(body: Body) -> str:
    """Answer as a planner, three specialists and a synthesiser."""
    system = system_of(body)
    if "You are the planner" in system:
        return planned(*TEAM)
    if "You are the synthesiser" in system:
        return joined("Lime, sow, build. [S1] [S2] [S3]")
    return "Result."


def around(folder: Path, endpoint: Endpoint, collector: Collector) -> dict[str, str]:
    """Give an environment with a model and tracing, as a user would set it up."""
    model = {"OPENAI_BASE_URL": endpoint.url, "OPENAI_API_KEY": KEY, "ORCHESTRATOR_MODEL": "openai:gpt-4o"}
    tracing = {"LANGSMITH_TRACING": "true", "LANGSMITH_ENDPOINT": collector.url, "LANGSMITH_API_KEY": TRACING_KEY}
    return {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8", **model, **tracing}


def orchestrate(environment: dict[str, str]) -> int:
    """Run the command and give its exit code."""
    command = [COMMAND, REQUEST]
    return subprocess.run(
        command, env=environment, cwd=environment["HOME"], capture_output=True, check=False
    ).returncode


def test_traced(tmp_path: Path) -> None:
    """One root, the nodes below it, every worker by its specialist's name, tokens on every call, no key, no user text."""
    with Endpoint(team) as endpoint, Collector() as collector:
        code = orchestrate(around(tmp_path, endpoint, collector))
        runs = collector.wait(lambda runs: runs and all(run.get("end_time") for run in runs.values()))
        sent = b"".join(collector.requests)
    roots = [run for run in runs.values() if not run.get("parent_run_id")]
    shown = [run for run in runs.values() if "langsmith:hidden" not in (run.get("tags") or [])]
    below = [run for run in shown if run.get("parent_run_id") == roots[0]["id"]]
    calls = [run for run in runs.values() if run["run_type"] == "llm"]
    parents = Counter(runs[run["parent_run_id"]]["name"] for run in calls)
    workers = {run["name"]: run["tags"] for run in below if run["name"] in TEAM}
    about = str([run.get("extra", {}).get("metadata") for run in runs.values()])

    assert (code, [run["name"] for run in roots]) == (0, ["orchestrator"])
    assert Counter(["planner", "validator", "approval", "synthesiser", *TEAM]) == Counter(run["name"] for run in below)
    assert Counter(["planner", "synthesiser", *TEAM]) == parents
    assert [[tag for tag in workers[name] if tag.startswith("S")] for name in TEAM] == [["S1"], ["S2"], ["S3"]]
    assert [run["name"] for run in calls if not tokens(run)["input_tokens"] or not tokens(run)["output_tokens"]] == []
    assert [run["name"] for run in runs.values() if run.get("error")] == []
    assert [KEY.encode() in sent, REQUEST.encode() in sent] == [False, True]
    assert sent.count(TRACING_KEY.encode()) == sent.count(b"x-api-key: " + TRACING_KEY.encode())
    assert [text for text in (REQUEST, *TASKS.values(), "Result.") if text in about] == []


def tokens(run: dict[str, Any]) -> Any:
    """Find the usage that a model's run reports."""
    return run["outputs"]["generations"][0][0]["message"]["kwargs"]["usage_metadata"]


def test_hidden(tmp_path: Path) -> None:
    """Where inputs and outputs are to be hidden, nothing that the user or a model wrote is sent at all."""
    hidden = {"LANGSMITH_HIDE_INPUTS": "true", "LANGSMITH_HIDE_OUTPUTS": "true"}
    with Endpoint(team) as endpoint, Collector() as collector:
        code = orchestrate(around(tmp_path, endpoint, collector) | hidden)
        collector.wait(lambda runs: runs and all(run.get("end_time") for run in runs.values()))
        sent = b"".join(collector.requests)
    texts = [REQUEST, *TASKS.values(), "Result.", "Lime, sow, build.", KEY]

    assert code == 0
    assert [text for text in texts if text.encode() in sent] == []


def test_dead_collector(tmp_path: Path) -> None:
    """A collector that never answers fails no run, and holds up the end of the process for some seconds at most."""
    with Endpoint(team) as endpoint, Collector(dead=True) as collector:
        code = orchestrate(around(tmp_path, endpoint, collector))
        waited = time.monotonic() - max(call.finished or 0.0 for call in endpoint.requests)
        asked = len(collector.requests)

    assert (code, asked > 0) == (0, True)
    assert waited < 6.5
