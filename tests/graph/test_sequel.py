"""Sequel: a further message after a run is answered from its results, changes what must change, or is a new request."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from graph import BadRequest, BudgetTooSmall, aanswer, answer, build_graph, graph
from tests.endpoint import Endpoint, prompt_of
from tests.minds import REQUEST, Team, calls_of, fenced, plan_of, role_of, sequel_of
from tests.turn import Turn

CHEAPER = "Plan a neighbourhood street party for about 80 people that costs no more than 300 euros."
MENU = {"caterer": "Write a menu for 80 guests that costs no more than 150 euros, with quantities."}
CHANGE = sequel_of("change", request=CHEAPER, keep=["S2", "[s3]"], tasks=MENU)
ORCHESTRATE = str(Path(sys.executable).with_name("orchestrate"))


def first(endpoint: Endpoint) -> dict[str, Any]:
    """Run the request that is gone on from, and forget what it asked the endpoint."""
    state: Any = graph.invoke({"request": REQUEST})
    endpoint.reset()
    return dict(state)


def after(state: dict[str, Any], message: str, made: Any = graph, **context: Any) -> dict[str, Any]:
    return dict(made.invoke({"request": message, "after": state}, context=context))


def roles(endpoint: Endpoint) -> list[str]:
    return [role_of(call.body) for call in endpoint.requests]


def test_answered_from_the_results(endpoint: Endpoint, team: Team) -> None:
    """What the results hold is answered in one call; they stand as they were, and only that call is charged."""
    team.sequel = [sequel_of("answer", answer="Keep the grill away from doors [S3].")]
    before = first(endpoint)
    state = after(before, "What did the safety officer say about the grill?")

    assert roles(endpoint) == ["sequel"]
    assert (state["answer"], state["complete"]) == ("Keep the grill away from doors [S3].", True)
    assert (state["request"], state["plan"]["kept"], state["spend"]["calls"]) == (REQUEST, ["S1", "S2", "S3"], 1)
    assert [outcome["output"] for outcome in state["outcomes"]] == [outcome["output"] for outcome in before["outcomes"]]


def test_streamed_where_it_is_heard(endpoint: Endpoint, team: Team) -> None:
    """The answer to a message is asked for whole where nobody listens, and streamed where somebody does."""
    team.sequel = [sequel_of("answer", answer="Keep the grill away from doors [S3].")] * 2
    sent: Any = {"request": "What of the grill?", "after": first(endpoint)}
    graph.invoke(sent)
    events: Any = list(graph.stream(sent, stream_mode="custom"))

    assert [bool(call.body.get("stream")) for call in endpoint.requests] == [False, True]
    assert (
        "".join(part["text"] for part in events if part["type"] == "answer") == "Keep the grill away from doors [S3]."
    )


def test_a_change_keeps_what_stands(endpoint: Endpoint, team: Team) -> None:
    """Results that a change does not touch are used again and not paid again; ids count on, and the plan names them."""
    team.sequel = [CHANGE]
    before = first(endpoint)
    state = after(before, "Make it cheaper.")

    assert roles(endpoint) == ["sequel", "worker", "synthesiser"]
    assert [(outcome["id"], outcome["specialist"]) for outcome in state["outcomes"]] == [
        ("S2", "publicist"),
        ("S3", "safety officer"),
        ("S4", "caterer"),
    ]
    assert (state["plan"]["kept"], [subtask["id"] for subtask in state["plan"]["subtasks"]]) == (["S2", "S3"], ["S4"])
    assert (state["request"], state["answer"]) == (CHEAPER, "Everything is planned. [S2] [S3] [S4]")
    assert (state["spend"]["calls"], set(state["spend"]["by_subtask"])) == (3, {"S4"})


def test_isolation_holds(endpoint: Endpoint, team: Team) -> None:
    """The worker of a change sees the whole request and its task; the synthesiser the results; neither what was before."""
    team.sequel = [CHANGE]
    after(first(endpoint), "Make it cheaper, dear colleagues.")
    read, work, join = (prompt_of(call.body) for call in endpoint.requests)

    assert fenced("message", endpoint.requests[0].body) == "Make it cheaper, dear colleagues."
    assert [words in read for words in (REQUEST, "The caterer has done it.", "Everything is planned.")] == [True] * 3
    assert [words in work for words in (CHEAPER, "dear colleagues", "has done it", "Everything is planned")] == [
        True,
        False,
        False,
        False,
    ]
    assert ["dear colleagues" in join, "Everything is planned" in join] == [False, False]


def test_a_new_request(endpoint: Endpoint, team: Team) -> None:
    """A message about something else is planned as a request of its own, which sees nothing of the run before."""
    team.sequel = [sequel_of("new", request="How should a small library shelve its music?")]
    before = first(endpoint)
    team.planner = [plan_of({"librarian": "Compare two classification schemes for music."})]
    state = after(before, "And how should our library shelve its music?")

    assert roles(endpoint) == ["sequel", "planner", "worker"]
    assert (state["request"], state["answer"]) == (
        "How should a small library shelve its music?",
        "The librarian has done it.",
    )
    assert ([outcome["id"] for outcome in state["outcomes"]], state["spend"]["calls"]) == (["S1"], 3)
    assert [REQUEST in prompt_of(call.body) for call in endpoint.requests[1:]] == [False, False]


@pytest.mark.parametrize(
    "said", ["Sure, cheaper it is.", "", '{"kind": "change", "keep": ["S1"]}', Turn(fault="content-filter")]
)
def test_what_cannot_be_read_is_planned_anew(endpoint: Endpoint, team: Team, said: Any) -> None:
    """Where the reply is no such object, the message is put behind the request, and all is planned anew."""
    team.sequel = [said]
    state = after(first(endpoint), "Make it cheaper.")

    assert state["request"] == f"{REQUEST}\n\nMake it cheaper."
    assert (state["complete"], roles(endpoint).count("planner")) == (True, 1)


def test_failed_subtasks_are_not_kept(endpoint: Endpoint, team: Team) -> None:
    """What failed is never used again, whatever the model says; the message may have it tried again."""
    team.workers = {"caterer": Turn(fault="400")}
    before = first(endpoint)
    team.workers, team.sequel = {}, [sequel_of("change", request=REQUEST, keep=["S1", "S2", "S3"], tasks=MENU)]
    state = after(before, "Try again.")

    assert (state["plan"]["kept"], state["complete"]) == (["S2", "S3"], True)


def test_a_rejected_change(endpoint: Endpoint, team: Team) -> None:
    """A change waits for approval as every plan does; a rejection goes back to who reads the message, with its words."""
    team.sequel = [CHANGE, sequel_of("change", request=CHEAPER, keep=["S3"], tasks=MENU)]
    before, kept = first(endpoint), build_graph(InMemorySaver())
    config: Any = {"configurable": {"thread_id": "one"}}
    context: Any = {"approve_plan": True}
    waiting = kept.invoke({"request": "Make it cheaper.", "after": before}, config, context=context)
    asked = waiting["__interrupt__"][0].value["action_requests"][0]["description"]
    no = {"decisions": [{"type": "reject", "message": "The leaflet must be new too."}]}
    kept.invoke(Command(resume=no), config)
    state = kept.invoke(Command(resume={"decisions": [{"type": "approve"}]}), config)

    assert "Kept of the run before: S2, S3" in asked
    assert "The leaflet must be new too." in prompt_of(calls_of(endpoint, "sequel")[1].body)
    assert (state["plan"]["kept"], [outcome["id"] for outcome in state["outcomes"]]) == (["S3"], ["S3", "S4"])
    assert (state["spend"]["calls"], roles(endpoint).count("planner")) == (4, 0)


def test_the_budget_holds(endpoint: Endpoint, team: Team) -> None:
    """A follow-up has the same ceiling: refused before anything is spent, or kept to by what is shown of a long run."""
    team.sequel, team.workers = [CHANGE], {"publicist": "word " * 40_000}
    before = first(endpoint)
    with pytest.raises(BudgetTooSmall):
        after(before, "Make it cheaper.", budget_tokens=3_000)
    refused = len(endpoint.requests)
    state = after(before, "Make it cheaper.", budget_tokens=60_000)

    assert refused == 0
    assert state["spend"]["input_tokens"] + state["spend"]["output_tokens"] <= 60_000
    assert "[… cut]" in prompt_of(endpoint.requests[0].body)


BAD: dict[str, Any] = {
    "text": "the run before",
    "no request": {"outcomes": []},
    "nothing came of it": {"request": REQUEST, "outcomes": [], "answer": ""},
    "no outcome": {"request": REQUEST, "outcomes": ["S1"]},
    "no id": {"request": REQUEST, "outcomes": [dict.fromkeys(("id", "specialist", "task", "status", "output"), "x")]},
    "too big": {"request": REQUEST, "answer": "x" * 2_000_001},
}


@pytest.mark.parametrize("given", BAD.values(), ids=BAD)
def test_bad_runs_to_go_on_from(endpoint: Endpoint, given: Any) -> None:
    """What is no state of a run, or has no result, is refused before anything is spent."""
    with pytest.raises(BadRequest, match=r"after is the state of a run|nothing to go on from|too big"):
        after(given, "Make it cheaper.")
    assert endpoint.requests == []


def test_from_python(endpoint: Endpoint, team: Team) -> None:
    """`answer` and `aanswer` go on from a state; one answer goes on from another."""
    team.sequel = [CHANGE, sequel_of("answer", answer="Because 80 was asked for [S4].")]
    changed = asyncio.run(aanswer("Make it cheaper.", after=answer(REQUEST).state))
    asked = answer("Why 80 seats?", after=changed.state)

    assert (changed.state["plan"]["kept"], asked.state["plan"]["kept"]) == (["S2", "S3"], ["S2", "S3", "S4"])
    assert str(asked) == "Because 80 was asked for [S4]."


def orchestrate(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the command in the environment of the test."""
    return subprocess.run([ORCHESTRATE, *words], capture_output=True, text=True, check=False)


def run_of(told: str) -> str:
    return next(line for line in told.splitlines() if line.startswith("run ")).split()[1].rstrip(";")


def test_from_a_terminal(endpoint: Endpoint, team: Team, tmp_path: Path) -> None:
    """`follow` goes on from a kept run as a run of its own, which can be followed again."""
    team.sequel = [CHANGE, sequel_of("answer", answer="Forty sausages [S4].")]
    where = ("--db", str(tmp_path / "runs.db"))
    begun = run_of(orchestrate(REQUEST, *where).stderr)
    changed = orchestrate("follow", begun[:4], "Make it cheaper.", *where)
    asked = orchestrate("follow", run_of(changed.stderr), "What is there to eat?", *where)

    assert (changed.returncode, changed.stdout) == (0, "Everything is planned. [S2] [S3] [S4]\n")
    assert "kept of the run before: S2, S3" in changed.stderr
    assert (asked.returncode, asked.stdout) == (0, "Forty sausages [S4].\n")


def test_after_a_failed_run(endpoint: Endpoint, team: Team, tmp_path: Path) -> None:
    """Of a run that came to nothing, `follow` says what can still be done, and spends nothing."""
    team.planner, where = [Turn(fault="401")], ("--db", str(tmp_path / "runs.db"))
    begun = run_of(orchestrate(REQUEST, *where).stderr)
    asked = len(endpoint.requests)
    text = orchestrate("follow", begun, "Make it cheaper.", *where)

    assert (text.returncode, len(endpoint.requests)) == (2, asked)
    assert f"`orchestrate resume {begun}` goes on with it" in " ".join(text.stderr.split())
