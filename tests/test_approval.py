"""Approval: a person sees the plan before anything is spent on workers, and their word is done."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from graph import build_graph
from graph.build import whole
from nodes.errors import BadDecision
from tests.endpoint import Endpoint
from tests.minds import REQUEST, TASKS, Team, calls_of, fenced, plan_of, prompts_of, synthesis_of

Step = Callable[..., dict[str, Any]]


def stepper(*, sync: bool) -> Step:
    """Give a function that takes one thread of one graph a step further."""
    kept = whole(build_graph(checkpointer=InMemorySaver()))
    config: Any = {"configurable": {"thread_id": "one"}}

    def step(given: Any, **settings: Any) -> dict[str, Any]:
        context: Any = settings or None
        if sync:
            return dict(kept.invoke(given, config, context=context))
        return dict(asyncio.run(kept.ainvoke(given, config, context=context)))

    return step


@pytest.fixture(params=["invoke", "ainvoke"])
def step(request: pytest.FixtureRequest, endpoint: Endpoint) -> Step:
    """Give a step of a run that waits for a person."""
    return stepper(sync=request.param == "invoke")


def begin(step: Step) -> dict[str, Any]:
    return step({"request": REQUEST}, approve_plan=True)


def say(step: Step, kind: str, **more: Any) -> dict[str, Any]:
    return step(Command(resume={"decisions": [{"type": kind, **more}]}))


def edited(*pairs: tuple[str, str]) -> dict[str, Any]:
    subtasks = [{"specialist": who, "task": task} for who, task in pairs]
    return {"edited_action": {"name": "run_plan", "args": {"subtasks": subtasks}}}


def test_shows_the_plan_as_agent_interfaces_read_it(endpoint: Endpoint, step: Step) -> None:
    """The interrupt holds the plan, its cost, and the three decisions, and no worker has been asked."""
    (shown,) = begin(step)["__interrupt__"]
    (action,) = shown.value["action_requests"]

    assert shown.value["review_configs"] == [
        {"action_name": "run_plan", "allowed_decisions": ["approve", "edit", "reject"]}
    ]
    assert action["name"] == "run_plan"
    assert [(subtask["specialist"], subtask["task"]) for subtask in action["args"]["subtasks"]] == list(TASKS.items())
    assert [subtask["id"] for subtask in action["args"]["subtasks"]] == ["S1", "S2", "S3"]
    assert action["description"].startswith("4 calls, at most about ")
    assert "$" in action["description"].splitlines()[0]
    assert [task for task in TASKS.values() if task not in action["description"]] == []
    assert calls_of(endpoint, "worker") == []


def test_approve(endpoint: Endpoint, step: Step) -> None:
    """Approved without repeating the context, the plan runs as shown; the planner is not asked again."""
    begin(step)
    state = say(step, "approve")

    assert "__interrupt__" not in state
    assert [outcome["specialist"] for outcome in state["outcomes"]] == list(TASKS)
    assert (state["complete"], len(calls_of(endpoint, "planner"))) == (True, 1)


def test_edit(endpoint: Endpoint, step: Step) -> None:
    """An edited plan runs as edited, without a model being asked for it."""
    begin(step)
    state = say(step, "edit", **edited(("caterer", TASKS["caterer"]), ("juggler", "Plan an act of ten minutes.")))

    assert [(outcome["id"], outcome["specialist"], outcome["task"]) for outcome in state["outcomes"]] == [
        ("S1", "caterer", TASKS["caterer"]),
        ("S2", "juggler", "Plan an act of ten minutes."),
    ]
    assert (state["complete"], len(calls_of(endpoint, "planner"))) == (True, 1)


def test_edit_is_validated(endpoint: Endpoint, step: Step) -> None:
    """What the validator drops of an edited plan is shown again before it runs."""
    begin(step)
    state = say(step, "edit", **edited(("caterer", TASKS["caterer"]), ("poet", "TBD")))
    (shown,) = state["__interrupt__"]
    told = shown.value["action_requests"][0]["description"]
    done = say(step, "approve")

    assert "- dropped: poet: TBD (placeholder instead of a task)" in told
    assert [outcome["specialist"] for outcome in done["outcomes"]] == ["caterer"]


def test_reject(endpoint: Endpoint, team: Team, step: Step) -> None:
    """A rejected plan goes back to the planner with the person's words, and the new one is shown again."""
    team.planner = [plan_of(TASKS), plan_of({"juggler": "Plan an act of ten minutes."})]
    begin(step)
    state = say(step, "reject", message="More fun, please.")
    again = calls_of(endpoint, "planner")[1].body["messages"]
    shown = state["__interrupt__"][0].value["action_requests"][0]["args"]["subtasks"]
    done = say(step, "approve")

    assert again[2] == {"role": "assistant", "content": plan_of(TASKS)}
    assert "More fun, please." in again[3]["content"]
    assert [subtask["specialist"] for subtask in shown] == ["juggler"]
    assert [outcome["specialist"] for outcome in done["outcomes"]] == ["juggler"]
    assert done["spend"]["by_role"]["planner"]["calls"] == 2


def test_reject_again_and_again(endpoint: Endpoint, step: Step) -> None:
    """A person may reject as often as they like; max_plan_attempts counts faulty replies, not their taste."""
    begin(step)
    states = [say(step, "reject", message=f"No, number {number}.") for number in range(4)]
    done = say(step, "approve")

    assert ["__interrupt__" in state for state in states] == [True] * 4
    assert "No, number 3." in prompts_of(endpoint, "planner")[-1]
    assert done["complete"] is True


WRONG: dict[str, Any] = {
    "text": "yes",
    "number": 1,
    "a list": [{"type": "approve"}],
    "no decision": {"decisions": []},
    "two decisions": {"decisions": [{"type": "approve"}, {"type": "reject"}]},
    "unknown decision": {"decisions": [{"type": "maybe"}]},
    "edit without a plan": {"decisions": [{"type": "edit"}]},
    "edit to nothing": {"decisions": [{"type": "edit", **edited()}]},
    "edit of another shape": {
        "decisions": [{"type": "edit", "edited_action": {"name": "run_plan", "args": {"subtasks": ["a"]}}}]
    },
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_shape_does_not_poison_the_thread(endpoint: Endpoint, step: Step, case: str) -> None:
    """A resume value of another shape is refused, no worker runs, and a right one afterwards does its work."""
    begin(step)
    with pytest.raises(BadDecision, match=r'Resume with {"decisions": \[{"type": "approve"}\]}'):
        step(Command(resume=WRONG[case]))
    asked = calls_of(endpoint, "worker")
    state = say(step, "approve")

    assert asked == []
    assert (state["complete"], len(state["outcomes"])) == (True, 3)


@pytest.mark.parametrize("given", [None, Command(resume={})])
def test_a_resume_without_a_value_waits_on(endpoint: Endpoint, step: Step, given: Any) -> None:
    """A resume without a value asks again; the plan does not run by it."""
    begin(step)
    state = step(given)

    assert "__interrupt__" in state
    assert calls_of(endpoint, "worker") == []


def test_a_follow_up_round_is_shown_too(endpoint: Endpoint, team: Team, step: Step) -> None:
    """Follow-up subtasks wait for a person as the plan did; rejected, the answer is written from what there is."""
    rain = ("meteorologist", "Say what to do if it rains, with the latest hour for deciding.")
    rainless = [{"subtask_id": None, "what": "rain", "why": "nobody"}]
    team.synthesiser = [synthesis_of("", gaps=rainless, follow_ups=[rain]), synthesis_of("First. [S1] [S2] [S3]")]
    begin(step)
    state = say(step, "approve")
    shown = state["__interrupt__"][0].value["action_requests"][0]["args"]["subtasks"]
    done = say(step, "reject", message="It never rains here.")

    assert [(subtask["id"], subtask["specialist"]) for subtask in shown] == [("S4", "meteorologist")]
    assert (done["answer"].split("\n")[0], "__interrupt__" in done) == ("First. [S1] [S2] [S3]", False)
    assert [subtask["id"] for subtask in done["plan"]["subtasks"]] == ["S1", "S2", "S3"]
    assert len(calls_of(endpoint, "worker")) == 3


def test_a_follow_up_round_can_be_edited(endpoint: Endpoint, team: Team, step: Step) -> None:
    """Edited follow-ups run as edited, and settle what they were to settle; the plan before stands once."""
    rain = ("meteorologist", "Say what to do if it rains, with the latest hour for deciding.", "G1")
    rainless = [{"id": "G1", "subtask_id": None, "what": "rain", "why": "nobody"}]
    team.synthesiser = [
        synthesis_of("", gaps=rainless, follow_ups=[rain]),
        synthesis_of("All. [S1] [S2] [S3] [S4]"),
    ]
    begin(step)
    say(step, "approve")
    done = say(step, "edit", **edited(("meteorologist", "Say what to do if it snows, with the latest hour.")))

    assert [(subtask["id"], subtask["task"]) for subtask in done["plan"]["subtasks"]] == [
        ("S4", "Say what to do if it snows, with the latest hour.")
    ]
    assert done["plan"]["subtasks"][0]["settles"] == ["G1"]
    assert [[subtask["id"] for subtask in plan["subtasks"]] for plan in done["plans"]] == [["S1", "S2", "S3"]]


def test_the_frame_is_shown_and_can_be_edited(endpoint: Endpoint, team: Team, step: Step) -> None:
    """The frame stands in the question, and workers are given it as the person has written it."""
    team.planner = [json.dumps({"frame": {"date": "12 June"}, **json.loads(plan_of(TASKS)), "why": "Three trades."})]
    (shown,) = begin(step)["__interrupt__"]
    (action,) = shown.value["action_requests"]
    changed = edited(*TASKS.items())
    changed["edited_action"]["args"]["frame"] = {"date": "13 June"}
    done = say(step, "edit", **changed)

    assert action["args"]["frame"] == {"date": "12 June"}
    assert "Three trades.\nShared by all:\n- date: 12 June\n" in action["description"]
    assert done["plan"]["frame"] == {"date": "13 June"}
    assert fenced("frame", calls_of(endpoint, "worker")[0].body) == "- date: 13 June"


def test_no_approval_unless_asked_for(endpoint: Endpoint, step: Step) -> None:
    """Without the setting a run goes through."""
    state = step({"request": REQUEST})

    assert "__interrupt__" not in state
    assert state["complete"] is True


def test_the_environment_can_ask_for_approval(endpoint: Endpoint, step: Step, monkeypatch: pytest.MonkeyPatch) -> None:
    """Approval set in the environment holds for the run, also when the variable has gone by the resume."""
    monkeypatch.setenv("ORCHESTRATOR_APPROVE_PLAN", "true")
    state = step({"request": REQUEST})
    monkeypatch.delenv("ORCHESTRATOR_APPROVE_PLAN")
    again = say(step, "reject", message="Another, please.")

    assert "__interrupt__" in state
    assert "__interrupt__" in again
