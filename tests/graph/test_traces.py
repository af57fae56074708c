"""Traces: what LangSmith is sent of a run, with no code of the user's."""

import gzip
import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.cli.test_cli import REQUEST, TASKS, joined, planned
from tests.collector import Collector
from tests.endpoint import Endpoint, system_of
from tests.minds import TASKS as PARTY
from tests.minds import Team, join_all, plan_of, synthesis_of
from tests.turn import Body, Turn
from tests.wire import Peer, Request, Server

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


def orchestrate(environment: dict[str, str], *more: str) -> int:
    """Run the command and give its exit code."""
    command = [COMMAND, REQUEST, *more]
    return subprocess.run(
        command, env=environment, cwd=environment["HOME"], capture_output=True, check=False
    ).returncode


def traced(tmp_path: Path, mind: Any, *more: str, **around_it: str) -> tuple[int, Collector, bytes]:
    """Run the command with a collector; give its exit code, and the collector with what it was sent."""
    with Endpoint(mind) as endpoint, Collector() as collector:
        code = orchestrate(around(tmp_path, endpoint, collector) | around_it, *more)
        collector.wait(lambda runs: runs and all(run.get("end_time") for run in runs.values()))
    return code, collector, b"".join(collector.requests)


def metadata(run: Any) -> Any:
    return run["extra"]["metadata"]


def test_traced(tmp_path: Path) -> None:
    """One root named by the request, the steps below it, every worker by specialist and task, tokens, no key, no user text."""
    code, collector, sent = traced(tmp_path, team)
    runs = collector.runs
    (root,) = [run for run in runs.values() if not run.get("parent_run_id")]
    shown = [run for run in runs.values() if "langsmith:hidden" not in (run.get("tags") or [])]
    below = [run for run in shown if run.get("parent_run_id") == root["id"]]
    calls = [run for run in runs.values() if run["run_type"] == "llm"]
    steps = Counter(run["name"].split(":")[0] for run in below)
    parents = Counter(runs[run["parent_run_id"]]["name"].split(":")[0] for run in calls)
    workers = {run["name"]: run["tags"] for run in below if metadata(run).get("role") == "worker"}
    about = str([metadata(run) for run in runs.values()])

    assert (code, REQUEST.startswith(root["name"].removesuffix(" …"))) == (0, True)
    assert steps == Counter(["planner", "validator", "synthesiser", *TEAM])
    assert parents == Counter(["planner", "synthesiser", *TEAM])
    named = [
        f"{who}: {TASKS[who]}".startswith(name.removesuffix(" …"))
        for name, who in zip(sorted(workers), sorted(TEAM), strict=True)
    ]
    assert (named, sorted(tag for tags in workers.values() for tag in tags if tag.startswith("S"))) == (
        [True] * 3,
        ["S1", "S2", "S3"],
    )
    assert [run["name"] for run in calls if not tokens(run)["input_tokens"] or not tokens(run)["output_tokens"]] == []
    assert [run["name"] for run in runs.values() if run.get("error")] == []
    assert [KEY.encode() in sent, REQUEST.encode() in sent] == [False, True]
    assert sent.count(TRACING_KEY.encode()) == sent.count(b"x-api-key: " + TRACING_KEY.encode())
    assert [text for text in (REQUEST, *TASKS.values(), "Result.") if text in about] == []


def test_rounds_and_attempts(tmp_path: Path) -> None:
    """A later attempt at the plan, and a later round, say in their names which they are."""
    gap = {"id": "G1", "subtask_id": None, "what": "the price", "why": "nobody gave one"}
    price = ("accountant", "Work out what everything costs in euros, item by item.", "G1")
    asking = synthesis_of("", gaps=[gap], follow_ups=[price])
    _, collector, _ = traced(tmp_path, Team(["no plan", plan_of(PARTY)], synthesiser=[asking, join_all]))
    steps = [run["name"] for run in collector.runs.values() if metadata(run).get("role") and run["run_type"] != "llm"]

    first = ["planner", "validator", "planner, attempt 2", "validator, attempt 2", *PARTY, "synthesiser"]
    second = ["validator, round 2", "accountant", "synthesiser, round 2"]
    assert Counter(name.split(":")[0] for name in steps) == Counter([*first, *second])


def test_every_call_has_its_cost(tmp_path: Path) -> None:
    """Tokens and cost stand on each call, one that failed or broke off too; a worker that failed is red, with its reason."""

    def mind(body: Body) -> Any:
        if "specialist: gardener" in system_of(body):
            return Turn(fault="400")
        broken = "specialist: carpenter" in system_of(body) and next(tries)
        return Turn("Half a result, and no end of it.", fault="cut-mid") if broken else team(body)

    tries = iter([True, False])
    _, collector, _ = traced(tmp_path, mind)
    calls = [run for run in collector.runs.values() if run["run_type"] == "llm"]
    told = [metadata(run) for run in calls]
    (root,) = [metadata(run) for run in collector.runs.values() if not run.get("parent_run_id")]
    whole = [run for run in calls if metadata(run)["usd"] and not metadata(run)["unknown"]]
    red = [run for run in collector.runs.values() if run["name"].startswith("gardener")]

    assert Counter((about["role"], about["unknown"]) for about in told) == {
        ("planner", 0): 1, ("worker", 0): 3, ("worker", 1): 1, ("synthesiser", 0): 1
    }  # fmt: skip
    assert sum(about["usd"] for about in told) == pytest.approx(root["usd"])
    assert [(about["usd"], about["input_tokens"]) for about in told if about.get("subtask_id") == "S2"] == [(0.0, 0)]
    assert [about["usage_metadata"]["total_cost"] > 0 for about in told if about["usd"]] == [True] * 5
    assert [run["error"].startswith("failed: openai:gpt-4o: The call was refused (HTTP 400)") for run in red] == [True]
    assert [tokens(run)["total_cost"] for run in whole] == [metadata(run)["usd"] for run in whole]


def test_filterable(tmp_path: Path) -> None:
    """The root can be found by models, budget, prompts, plan and how it ended; each step by role, round, status and cost."""
    given = ("--set", "budget_tokens=900000", "--set", "budget_usd=3", "--set", "max_subtasks=2")
    _, collector, _ = traced(tmp_path, team, *given)
    runs = [*collector.runs.values()]
    root = metadata(next(run for run in runs if not run.get("parent_run_id")))
    work = [
        metadata(run)
        for run in runs
        if run.get("extra") and metadata(run).get("role") == "worker" and run["run_type"] != "llm"
    ]

    about = {"planner_model": "openai:gpt-4o", "budget_tokens": 900_000, "budget_usd": 3.0, "subtasks": 2}
    ended = {"plan_source": "native", "dropped_over_limit": 1, "complete": 0.0, "gaps": 1.0, "disagreements_open": 0.0}

    assert {key: root[key] for key in (about | ended)} == about | ended
    assert (len(root["prompt_version"]), len(root["thread_id"])) == (12, 8)  # the runs of one thread are grouped by it
    assert {(row["status"], row["round"], row["model"], row["calls"], row["unknown"]) for row in work} == {
        ("done", 1, "gpt-4o", 1, 0)
    }
    assert {row["subtask_id"] for row in work} == {"S1", "S2"}
    assert all(row["usd"] > 0 and row["output_tokens"] > 0 for row in work)


def test_feedback(tmp_path: Path) -> None:
    """How a run ended stands as feedback on its root; `rate` adds a person's word."""
    with Endpoint(team) as endpoint, Collector() as collector:
        environment = around(tmp_path, endpoint, collector)
        orchestrate(environment)
        collector.wait(lambda runs: len(collector.feedback) > 4)
        listed = subprocess.run(
            [COMMAND, "runs", "--json"], env=environment, capture_output=True, check=True, cwd=tmp_path
        )
        run_id = json.loads(listed.stdout)[0]["id"]
        rated = subprocess.run(
            [COMMAND, "rate", run_id, "bad", "--why", "no price"],
            env=environment,
            capture_output=True,
            check=False,
            cwd=tmp_path,
        )
        untraced = {name: value for name, value in environment.items() if "LANGSMITH" not in name}
        refused = subprocess.run(
            [COMMAND, "rate", run_id, "good"], env=untraced, capture_output=True, check=False, cwd=tmp_path
        )
        collector.wait(lambda runs: any(score["key"] == "rating" for score in collector.feedback))
    (root,) = [run["id"] for run in collector.runs.values() if not run.get("parent_run_id")]
    said = {
        score["key"]: score["value"] if score.get("score") is None else score["score"] for score in collector.feedback
    }
    rating = next(score for score in collector.feedback if score["key"] == "rating")

    assert (said["complete"], said["disagreements_open"], said["gaps"], said["plan_source"]) == (
        1.0,
        0.0,
        0.0,
        "native",
    )
    assert 0 < float(said["usd"] or 0)
    assert {score["run_id"] for score in collector.feedback} == {root}
    assert (rated.returncode, rating["score"], rating["comment"]) == (0, 0.0, "no price")
    assert (refused.returncode, b"LANGSMITH_TRACING=true" in refused.stderr) == (2, True)


def tokens(run: dict[str, Any]) -> Any:
    """Find the usage that a model's run reports."""
    return run["outputs"]["generations"][0][0]["message"]["kwargs"]["usage_metadata"]


def test_hidden(tmp_path: Path) -> None:
    """Where inputs and outputs are to be hidden, nothing of the request, a document or a reply is sent at all."""
    hidden = {"LANGSMITH_HIDE_INPUTS": "true", "LANGSMITH_HIDE_OUTPUTS": "true"}

    def mind(body: Body) -> Any:
        said = json.dumps({"error": {"message": "Not to be answered: a gate of oak"}})
        return Turn(status=400, body=said) if "specialist: gardener" in system_of(body) else team(body)

    (tmp_path / "minutes.md").write_text("The garden faces a wall to the north.")
    code, collector, sent = traced(tmp_path, mind, "--attach", "minutes.md", **hidden)
    errors = {run["error"] for run in collector.runs.values() if run.get("error")}
    texts = [
        "faces a wall",
        "minutes.md",
        "a gate of oak",
        REQUEST,
        *TASKS.values(),
        "Result.",
        "Lime, sow, build.",
        KEY,
    ]

    assert (code, errors) == (3, {"failed", "BadRequestError"})
    assert [text for text in texts if text.encode() in sent] == []


NO_USE: dict[str, dict[str, Any]] = {
    "never answers": {"dead": True},
    "refuses": {"refusing": True},
    "slow": {"slow": 30.0},
}


@pytest.mark.parametrize("how", NO_USE.values(), ids=NO_USE)
def test_dead_collector(tmp_path: Path, how: dict[str, Any]) -> None:
    """A collector that is no use fails no run, and holds up the end of the process for some seconds at most."""
    with Endpoint(team) as endpoint, Collector(**how) as collector:
        code = orchestrate(around(tmp_path, endpoint, collector))
        waited = time.monotonic() - max(call.finished or 0.0 for call in endpoint.requests)
        asked = len(collector.requests)

    assert (code, asked > 0) == (0, True)
    assert waited < 6.5


def test_spans(tmp_path: Path) -> None:
    """The same run goes to any OpenTelemetry collector: its steps, GenAI attributes and tokens, and to nobody else."""
    spans: list[Any] = []

    async def taken(request: Request, peer: Peer) -> None:
        body = gzip.decompress(request.body) if request.headers.get("content-encoding") == "gzip" else request.body
        message = ExportTraceServiceRequest.FromString(body)
        spans.extend(
            span for resource in message.resource_spans for scope in resource.scope_spans for span in scope.spans
        )
        peer.send_json(200, {})

    with Endpoint(team) as endpoint, Collector() as collector, Server(taken) as otlp:
        environment = around(tmp_path, endpoint, collector)
        environment |= {"LANGSMITH_OTEL_ENABLED": "true", "LANGSMITH_OTEL_ONLY": "true"}
        code = orchestrate(environment | {"OTEL_EXPORTER_OTLP_ENDPOINT": otlp.address})
        asked = len(collector.requests)
    attributes = [{pair.key: pair.value for pair in span.attributes} for span in spans]
    calls = [told for told in attributes if "gen_ai.usage.input_tokens" in told]

    (root,) = [span.name for span in spans if not span.parent_span_id]

    assert (code, asked, REQUEST.startswith(root.removesuffix(" …"))) == (0, 0, True)
    assert {"planner", "validator", "synthesiser", *TEAM} <= {span.name.split(":")[0] for span in spans}
    named = ("gen_ai.operation.name", "gen_ai.system", "gen_ai.request.model")
    assert [[told[name].string_value for name in named] for told in calls] == [["chat", "openai", "gpt-4o"]] * 5
    assert all(told["gen_ai.usage.output_tokens"].int_value for told in calls)
    assert all(told["langsmith.metadata.usd"].double_value for told in calls)
