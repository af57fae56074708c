"""Resume: what a run that is kept goes on with, and that nothing decided or finished is lost."""

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from bench.recording import Terminal
from graph.build import build_graph
from graph.run import resume, start
from graph.store import RunBusy, open_store
from tests.endpoint import Endpoint
from tests.graph.test_kill import saved
from tests.minds import MODEL, REQUEST, TASKS, Team, calls_of, did_it, join_all
from tests.store.test_store import command, listed
from tests.turn import Turn

COMMAND = str(Path(sys.executable).with_name("orchestrate"))
BROKEN = Turn(fault="500")


@pytest.fixture(autouse=True)
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the path where runs are kept in this test."""
    path = tmp_path / "runs.db"
    monkeypatch.setenv("ORCHESTRATOR_DB", str(path))
    return path


def kept() -> dict[str, Any]:
    """Give the newest run."""
    return listed()[0]


def counts(endpoint: Endpoint) -> tuple[int, int, int]:
    """Count the calls of planner, workers and synthesiser so far."""
    planner, worker, synthesiser = (len(calls_of(endpoint, role)) for role in ("planner", "worker", "synthesiser"))
    return planner, worker, synthesiser


def test_a_failed_synthesis(endpoint: Endpoint, team: Team) -> None:
    """A resume after a failed synthesis makes that one call, and the bill holds the failed one's as well."""
    team.synthesiser = [Turn(fault="invalid-json"), Turn(fault="invalid-json"), join_all]
    code, said, _ = command("--json", REQUEST)
    before = kept()["status"], counts(endpoint), json.loads(said)["spend"]["calls"]
    again, resumed, _ = command("resume", kept()["id"], "--json")
    state = json.loads(resumed)

    assert (code, *before) == (3, "incomplete", (1, 3, 2), 6)
    assert (again, kept()["status"], counts(endpoint)) == (0, "complete", (1, 3, 3))
    assert (state["id"], state["answer"], state["spend"]["calls"]) == (
        kept()["id"],
        "Everything is planned. [S1] [S2] [S3]",
        7,
    )


def test_all_workers_failed(endpoint: Endpoint, team: Team) -> None:
    """A resume after every worker failed tries the workers again, with the same plan."""
    team.workers = dict.fromkeys(TASKS, Turn(fault="400"))
    code, said, errors = command(REQUEST)
    before = kept()["status"], counts(endpoint)
    shown = json.loads(command("show", kept()["id"], "--json")[1])
    team.workers = {}
    again, resumed, _ = command("resume", kept()["id"])

    assert (code, said, "No subtask could be done" in errors) == (1, "", True)
    assert before == ("failed", (1, 3, 0))
    assert (shown["spend"]["calls"], shown["spend"]["usd"] > 0) == (1, True)
    assert (again, resumed, counts(endpoint)) == (0, "Everything is planned. [S1] [S2] [S3]\n", (1, 6, 1))


def test_all_workers_failed_twice(endpoint: Endpoint, team: Team) -> None:
    """A resume that fails as well says so, and leaves the run to be tried a third time."""
    team.workers = dict.fromkeys(TASKS, Turn(fault="400"))
    codes = [command(REQUEST)[0], command("resume", kept()["id"])[0]]
    team.workers = {}
    codes.append(command("resume", kept()["id"])[0])

    assert (codes, kept()["status"], counts(endpoint)) == ([1, 1, 0], "complete", (1, 9, 1))


def test_a_planner_that_failed(endpoint: Endpoint, team: Team) -> None:
    """A run whose planner got no answer is resumed from there, under the settings it began with."""
    team.planner = [Turn(fault="404"), team.planner[0]]
    code, _, _ = command("--set", "max_subtasks=2", REQUEST)
    again, said, _ = command("resume", kept()["id"], "--json")

    assert (code, again) == (2, 3)
    assert len(json.loads(said)["plan"]["subtasks"]) == 2


def test_a_run_that_is_complete(endpoint: Endpoint) -> None:
    """Resuming what is complete calls nobody and gives the answer again."""
    command(REQUEST)
    before = counts(endpoint)
    code, said, _ = command("resume", kept()["id"])

    assert (code, said, counts(endpoint)) == (0, "Everything is planned. [S1] [S2] [S3]\n", before)


def test_what_was_decided_holds(endpoint: Endpoint, team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """Budget, models and limits of the start hold on resume, whatever the environment says by then."""
    team.workers = dict.fromkeys(TASKS, Turn(fault="400"))
    given = ["--model", "openai:gpt-4o-mini", "--set", "budget_tokens=60000", "--set", "max_parallel=2"]
    command(*given, REQUEST)
    team.workers = {}
    monkeypatch.setenv("ORCHESTRATOR_MODEL", MODEL)
    monkeypatch.setenv("ORCHESTRATOR_BUDGET_TOKENS", "1")
    monkeypatch.setenv("ORCHESTRATOR_MAX_SUBTASKS", "1")
    _, said, _ = command("resume", kept()["id"], "--json")
    settings = json.loads(said)["settings"]

    assert {call.body["model"] for call in endpoint.requests} == {"gpt-4o-mini"}
    assert all("max_completion_tokens" in call.body for call in endpoint.requests)
    assert (settings["budget_tokens"], settings["max_parallel"], settings["max_subtasks"]) == (60000, 2, 5)


def test_an_approval_waits(endpoint: Endpoint, tmp_path: Path) -> None:
    """A run that waits for an approval says so without a terminal, on start and on resume, and pays no worker."""
    first, second = command("--approve", REQUEST), None
    status, run_id = kept()["status"], kept()["id"]
    second = command("resume", run_id)

    assert (first[0], second[0], status, kept()["status"], counts(endpoint)) == (3, 3, "waiting", "waiting", (1, 0, 0))
    assert f"needs a terminal to ask in. To go on: orchestrate resume {run_id}" in first[2]
    assert f"needs a terminal to ask in. To go on: orchestrate resume {run_id}" in second[2]


def test_an_approval_is_given_later(endpoint: Endpoint, database: Path) -> None:
    """A waiting run is resumed in a terminal: the plan is shown again, approved, and run without a new plan."""
    command("--approve", REQUEST)
    environment = {"PATH": os.environ["PATH"], "HOME": str(database.parent), "LANGSMITH_TRACING": "false"}
    environment |= {name: os.environ[name] for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY", "ORCHESTRATOR_MODEL")}
    with Terminal([COMMAND, "resume", kept()["id"], "--db", str(database)], environment) as terminal:
        terminal.wait_for("[a]pprove")
        terminal.type("a\n")
        code = terminal.end()

    assert (code, kept()["status"], counts(endpoint)) == (0, "complete", (1, 3, 1))


async def nobody(_asked: dict[str, Any]) -> Any:
    """Decide nothing."""
    raise AssertionError


def test_two_resumes_at_once(endpoint: Endpoint, team: Team, database: Path) -> None:
    """Of two resumes at once, in two processes, one does it and the other is told, with exit code 1."""
    team.workers = dict.fromkeys(TASKS, Turn(fault="400"))
    command(REQUEST)
    run_id = kept()["id"]
    team.workers = dict.fromkeys(TASKS, Turn("Done.", delay=6))
    environment = {**os.environ, "LANGSMITH_TRACING": "false"}
    both = [
        subprocess.Popen(
            [COMMAND, "resume", run_id], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    ends = [(process.communicate(timeout=60), process.returncode) for process in both]
    (_, told), code = next(end for end in ends if end[1])

    assert (sorted(code for _, code in ends), code) == ([0, 1], 1)
    assert f"another process is at work on run {run_id}; wait for it" in told
    assert (kept()["status"], counts(endpoint)) == ("complete", (1, 6, 1))


def test_a_second_start_in_the_same_process(endpoint: Endpoint, database: Path) -> None:
    """The lock holds within one process too."""
    command(REQUEST)

    async def twice() -> None:
        async with open_store(database) as store:
            run = await store.find(kept_id)
            async with store.hold(run.id):
                await resume(build_graph(checkpointer=store.saver), store, run, lambda _: None, nobody)

    kept_id = kept()["id"]
    with pytest.raises(RunBusy):
        asyncio.run(twice())


def test_results_are_safe_while_others_work(endpoint: Endpoint, team: Team, database: Path) -> None:
    """In mid fan-out, what is finished is in the database already, under max_parallel as well."""
    team.workers = {"publicist": Turn("The leaflet.", delay=1.5)}
    seen: set[str] = set()

    async def watched() -> None:
        async with open_store(database) as store:
            graph = build_graph(checkpointer=store.saver)
            running = asyncio.create_task(start(graph, store, REQUEST, {"max_parallel": 2}, lambda _: None, nobody))
            deadline = time.monotonic() + 10
            while len(calls_of(endpoint, "worker")) < 3 and time.monotonic() < deadline:  # noqa: ASYNC110 - in another thread
                await asyncio.sleep(0.02)
            await asyncio.sleep(0.5)
            seen.update((await saved(database))[2])
            await running

    asyncio.run(watched())

    assert seen == {"caterer", "safety officer"}
    assert kept()["status"] == "complete"


def test_python_resumes_too(endpoint: Endpoint, team: Team, database: Path) -> None:
    """What the command does, Python does with the same functions."""
    team.synthesiser = [BROKEN, BROKEN, BROKEN, BROKEN, join_all]
    team.workers = {"caterer": did_it}

    async def both() -> list[Any]:
        async with open_store(database) as store:
            graph = build_graph(checkpointer=store.saver)
            run_id, state = await start(graph, store, REQUEST, {}, lambda _: None, nobody)
            again = await resume(graph, store, await store.find(run_id), lambda _: None, nobody)
            return [state["complete"], again["complete"], (await store.find(run_id)).status]

    assert asyncio.run(both()) == [False, True, "complete"]
