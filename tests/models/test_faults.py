"""Faults: what the user gets when a stage meets each failure of an endpoint, and what the others' work comes to."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

import pytest

from graph import NoModel, NoPlan, graph
from nodes.models import attempts
from tests.endpoint import Call, Endpoint
from tests.minds import REQUEST, TASKS, Team, calls_of, did_it, join_all, plan_of, role_of, specialist_of
from tests.turn import Body, Turn

State = dict[str, Any]
QUICK = 0.4  # seconds for a call, where the endpoint never ends one
FIRST = "caterer"  # the worker that meets the fault


@dataclass(frozen=True)
class Row:
    """What one fault comes to.

    Attributes:
        told: words of the reason, in the planner's error, in the worker's outcome and in the stop reason.
        requests: how many the planner, the worker and the synthesiser make.
        plan: the plan's source, or None where the planner's end is NoModel.
        worker: the outcome's status.
        heals: how planner, worker and synthesiser end if the fault is gone after the first request: the plan's source,
            the outcome's status, and whether the answer is complete.
    """

    told: tuple[str, str, str]
    requests: tuple[int, int, int]
    plan: str | None = None
    worker: str = "failed"
    heals: tuple[str | None, str, bool] = (None, "failed", False)


def same(told: str, requests: int, **more: Any) -> Row:
    """Make a row that is the same at each stage."""
    return Row((told,) * 3, (requests,) * 3, **more)


def bad(told: str) -> Row:
    """Make the row of a reply that is none: each asks once more, and if that is no better, its end is told."""
    return Row(("", told, told), (2, 2, 2), "fallback", heals=("retried", "done", True))


PASSES: dict[str, Any] = {"heals": ("native", "done", True)}
NOTHING, REFUSED, CUT = "the model wrote nothing", "the model refused", "cut off"
JSON = "The answer is not valid JSON in UTF-8."
TABLE = {
    "429": same("Too many requests (HTTP 429)", 4, **PASSES),
    "429-retry-after": same("Too many requests (HTTP 429)", 4, **PASSES),
    "quota": same("The quota is used up (HTTP 429)", 1),
    "500": same("The endpoint failed (HTTP 500)", 4, **PASSES),
    "502-html": same("The endpoint failed (HTTP 502)", 4, **PASSES),
    "503": same("The endpoint failed (HTTP 503)", 4, **PASSES),
    "reset": same("The connection failed (", 4, **PASSES),
    "reset-mid": same("The connection failed (", 4, **PASSES),
    "cut-mid": same("The connection failed (", 4, **PASSES),
    "hang": same(f"No answer within {QUICK} s.", 1, worker="timed_out", heals=(None, "timed_out", False)),
    "drip": same(f"No answer within {QUICK} s.", 1, worker="timed_out", heals=(None, "timed_out", False)),
    "invalid-json": bad(JSON),  # in mid stream
    "broken-envelope": bad("The endpoint answered with no valid JSON (status 200)"),
    "missing-choices": bad(NOTHING),
    "envelope-without-choices": bad("The endpoint's answer has no choices (status 200)"),
    "invalid-utf8": bad(JSON),
    "empty": bad(NOTHING),
    "refusal": Row(("I cannot help with that.", REFUSED, REFUSED), (2, 1, 1), heals=("retried", "failed", False)),
    "content-filter": Row(
        ("content filter", "content filter", CUT), (2, 1, 2), worker="partial", heals=("retried", "partial", False)
    ),
    "length": Row(("", CUT, CUT), (2, 1, 2), "retried", "partial", heals=("retried", "partial", False)),
    "context-length": Row(
        ("The prompt is longer than the model's context window.",) * 2 + ("context window is too small",),
        (1, 1, 12),
        heals=(None, "failed", True),  # the synthesis is asked again with less
    ),
    "401": same("The key was refused (HTTP 401)", 1),
    "404": same("No such model or path (HTTP 404)", 1),
    "huge": Row(("", CUT, "characters long"), (2, 1, 1), "fallback", "partial", heals=("retried", "partial", False)),
}
PLANNER, WORKER, SYNTHESISER = 0, 1, 2


def turn(fault: str, text: str) -> Turn:
    """Give the endpoint's answer that would have been `text`."""
    match fault:
        case "broken-envelope":
            return Turn(body='{"id": "chatcmpl-1", "choi')
        case "envelope-without-choices":
            return Turn(body='{"id": "chatcmpl-1", "object": "chat.completion"}')
        case "refusal":
            return Turn(refusal="I cannot help with that.")
        case "429-retry-after":
            return Turn(fault=fault, headers={"retry-after": "0.01"})
        case "drip":
            return Turn(text, fault=fault, chunk_delay=0.02)
    return Turn(text, fault=fault)


class Meets:
    """Says what is right, but meets a fault first: `times` times, or always."""

    def __init__(self, fault: str, right: Any, times: int = 1_000) -> None:
        self.fault, self.right, self.left = fault, right, times

    def __call__(self, body: Body) -> Turn | str:
        """Answer one request."""
        self.left -= 1
        right = self.right(body) if callable(self.right) else self.right
        return turn(self.fault, right) if self.left >= 0 else right


def run(fault: str = "", **more: Any) -> State:
    """Run the request."""
    given: Any = {"call_timeout_s": QUICK if fault in ("hang", "drip") else 20, **more}
    return dict(asyncio.run(graph.ainvoke({"request": REQUEST}, context=given)))


def asked(endpoint: Endpoint, specialist: str) -> list[Call]:
    """List the calls that asked a specialist."""
    return [call for call in calls_of(endpoint, "worker") if specialist_of(call.body) == specialist]


def planning(endpoint: Endpoint, team: Team, fault: str, times: int) -> tuple[int, str | None, str]:
    """Run with the planner meeting the fault: its requests, the plan's source and, if there is none, the error."""
    team.planner = [Meets(fault, plan_of(TASKS), times)]
    try:
        state = run(fault)
    except (NoModel, NoPlan) as error:
        return len(endpoint.requests), None, str(error)
    assert state["complete"]
    return len(calls_of(endpoint, "planner")), state["plan"]["source"], ""


@pytest.mark.parametrize("fault", TABLE)
def test_the_planner_meets(endpoint: Endpoint, team: Team, fault: str) -> None:
    """Without a plan the run ends with one clear error before any worker is paid, or goes on with the request whole."""
    row = TABLE[fault]
    requests, source, reason = planning(endpoint, team, fault, 1_000)

    assert (requests, source) == (row.requests[PLANNER], row.plan)
    assert row.told[PLANNER] in reason


@pytest.mark.parametrize("fault", TABLE)
def test_the_planner_meets_once(endpoint: Endpoint, team: Team, fault: str) -> None:
    """A fault that passes costs the planner one more request, or its error ends the run as before."""
    _, source, _ = planning(endpoint, team, fault, 1)

    assert source == TABLE[fault].heals[PLANNER]


@pytest.mark.parametrize("fault", TABLE)
def test_a_worker_meets(endpoint: Endpoint, team: Team, fault: str) -> None:
    """A worker's fault is its outcome: named with its reason in answer, gaps and stop reason; the others are done."""
    row = TABLE[fault]
    team.workers = {FIRST: Meets(fault, did_it)}
    state = run(fault)
    first, *others = state["outcomes"]

    assert (len(asked(endpoint, FIRST)), first["status"]) == (row.requests[WORKER], row.worker)
    assert row.told[WORKER] in first["error"]
    assert [other["status"] for other in others] == ["done", "done"]
    assert ([gap["subtask_id"] for gap in state["gaps"]], state["complete"]) == (["S1"], False)
    assert "What is missing\n\n- caterer: " in state["answer"]
    assert state["stop_reason"].startswith(f"1 of what was planned is missing from the answer: S1 ({row.worker[:5]}")


@pytest.mark.parametrize("fault", TABLE)
def test_a_worker_meets_once(endpoint: Endpoint, team: Team, fault: str) -> None:
    """A fault that passes leaves no trace in a worker's outcome."""
    team.workers = {FIRST: Meets(fault, did_it, 1)}
    state = run(fault)

    assert state["outcomes"][0]["status"] == TABLE[fault].heals[WORKER]


@pytest.mark.parametrize("fault", TABLE)
def test_the_synthesiser_meets(endpoint: Endpoint, team: Team, fault: str) -> None:
    """When the synthesis cannot be had the answer is every result, in plan order, and why it is not joined."""
    row = TABLE[fault]
    team.synthesiser = [Meets(fault, join_all)]
    state = run(fault)
    found = [state["answer"].find(f"## {who} [S{at}]\n\nThe {who} has done it.") for at, who in enumerate(TASKS, 1)]

    assert (len(calls_of(endpoint, "synthesiser")), state["complete"]) == (row.requests[SYNTHESISER], False)
    assert state["stop_reason"].startswith("synthesis failed: ")
    assert row.told[SYNTHESISER] in state["stop_reason"]
    assert 0 < found[0] < found[1] < found[2]


@pytest.mark.parametrize("fault", TABLE)
def test_the_synthesiser_meets_once(endpoint: Endpoint, team: Team, fault: str) -> None:
    """A fault that passes leaves a complete answer."""
    team.synthesiser = [Meets(fault, join_all, 1)]
    state = run(fault)

    assert state["complete"] == TABLE[fault].heals[SYNTHESISER]


WORDS = ("astronomy", "botany", "carpentry", "drainage", "electricity", "forestry", "geology", "heraldry")
NAMES = ("astronomer", "botanist", "carpenter", "dentist", "electrician")


@pytest.mark.parametrize("fault", ["500", "hang", "empty"])
@pytest.mark.parametrize("failing", range(len(NAMES)))
def test_k_of_n_workers_fail(endpoint: Endpoint, team: Team, failing: int, fault: str) -> None:
    """However many fail, the others' work is in the answer, and the failed are named in it and in the gaps."""
    team.planner = [plan_of({name: f"{name} {name}: say all that is to be said." for name in NAMES})]
    team.workers = {name: Meets(fault, did_it) for name in NAMES[:failing]}
    state = run(fault)
    missing = state["answer"].partition("## What is missing")[2]

    assert [outcome["status"] == "done" for outcome in state["outcomes"]] == [at >= failing for at in range(5)]
    assert [gap["subtask_id"] for gap in state["gaps"]] == [f"S{at + 1}" for at in range(failing)]
    assert [f"\n- {name}: " in missing for name in NAMES] == [at < failing for at in range(5)]
    assert [f"[S{at + 1}]" in state["answer"] for at in range(failing, 5)] == [True] * (5 - failing)
    assert state["complete"] == (failing == 0)


@pytest.mark.parametrize("fault", ["429", "429-retry-after"])
def test_the_fan_out_slows_down_together(
    endpoint: Endpoint, team: Team, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """An endpoint that allows one call in 0.1 s is not stormed: eight workers all get through within their retries."""
    monkeypatch.setattr(attempts, "BACKOFF_S", (0.1, 0.8))
    names = [f"{name} adviser" for name in WORDS[:8]]
    team.planner = [plan_of({name: f"{name} {name} {name}: tell all." for name in names})]
    free = [0.0]

    def busy(body: Body) -> Turn | str:
        now = time.monotonic()
        if role_of(body) == "worker":
            if now < free[0]:
                return Turn(fault=fault, headers={"retry-after": f"{free[0] - now:.3f}"})
            free[0] = now + 0.1
        return team(body)

    endpoint.mind = busy
    state = run(max_subtasks=8)

    # On a busy machine one or two may be late; without the line, most fail.
    assert [outcome["status"] for outcome in state["outcomes"]].count("done") >= 6
    assert len(calls_of(endpoint, "worker")) < 8 * attempts.ATTEMPTS


def test_call_timeout_bounds_the_retries(endpoint: Endpoint, team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call's time holds its retries, their pauses and a Retry-After: a worker is given up when it has passed."""
    monkeypatch.setattr(attempts, "BACKOFF_S", (0.4, 8.0))
    team.workers = {FIRST: Meets("500", did_it), "publicist": lambda _: Turn(fault="429-retry-after")}
    began = time.monotonic()
    state = run(call_timeout_s=0.9)

    assert [outcome["status"] for outcome in state["outcomes"]] == ["failed", "failed", "done"]
    assert time.monotonic() - began < 5
    assert (len(asked(endpoint, FIRST)), len(asked(endpoint, "publicist"))) == (2, 1)


def test_waiting_for_a_slot_is_not_working(endpoint: Endpoint, team: Team) -> None:
    """Workers that queue for one slot longer than worker_timeout_s are not timed out by the queue."""
    team.workers = dict.fromkeys(TASKS, Turn("Done.", delay=0.5))
    state = run(max_parallel=1, worker_timeout_s=0.9)

    assert [outcome["status"] for outcome in state["outcomes"]] == ["done"] * 3
    assert max(outcome["seconds"] for outcome in state["outcomes"]) > 0.9
