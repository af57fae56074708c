"""The worker: whatever happens to it becomes an outcome."""

from typing import Any

import pytest

from graph import Specialist, build_graph, graph
from tests.endpoint import Endpoint, Turn
from tests.minds import REQUEST, TASKS, Team, calls_of, many_tasks, plan_of, prompts_of, run

LONG = "First the menu, then the quantities. " * 4


def outcome_of(team: Team, said: Any, **context: Any) -> dict[str, Any]:
    """Run the graph with one worker that says this beside two that work; give its outcome."""
    team.workers = {"caterer": said}
    return dict(run(**context)["outcomes"][0])


ENDS: dict[str, tuple[Turn | str, str, str, str]] = {
    "done": ("Forty sausages.", "done", "Forty sausages.", ""),
    "reasoning": ("<think>How many?</think>\nForty sausages.", "done", "Forty sausages.", ""),
    "cut off": (Turn(LONG, finish_reason="length"), "partial", LONG.strip(), "cut off by the limit on its length"),
    "filtered": (Turn("Forty", finish_reason="content_filter"), "partial", "Forty", "content filter"),
    "refused": (Turn(refusal="I cannot cook."), "failed", "", "the model refused the task: I cannot cook."),
    "nothing": (Turn(""), "failed", "", "the model wrote nothing"),
    "only reasoning": ("<think>How many?</think>", "failed", "", "the model wrote nothing"),
    "filtered at once": (Turn("", finish_reason="content_filter"), "failed", "", "wrote nothing"),
    "refused by the endpoint": (Turn(fault="400"), "failed", "", "Invalid request."),
    "no such model": (Turn(fault="404"), "failed", "", "does not exist"),
    "a web page": (Turn(fault="html-200"), "failed", "", "a web page"),
    "too slow": (Turn(fault="hang"), "timed_out", "", "No answer within 1 s"),
}


@pytest.mark.parametrize("case", ENDS)
def test_every_end_is_an_outcome(endpoint: Endpoint, team: Team, case: str) -> None:
    """What a worker's model does is told by status, output and error, and the run goes on."""
    said, status, output, words = ENDS[case]
    outcome = outcome_of(team, said, call_timeout_s=1 if case == "too slow" else 5)

    assert (outcome["status"], outcome["output"]) == (status, output)
    assert words in (outcome["error"] or "")
    assert (outcome["error"] is None) == (status == "done")
    assert outcome["seconds"] > 0


def test_partial_work_is_used_and_told(endpoint: Endpoint, team: Team) -> None:
    """A cut-off result reaches the synthesiser, and the answer says that it was cut off."""
    team.workers = {"caterer": Turn(LONG, finish_reason="length")}
    state = graph.invoke({"request": REQUEST})

    assert LONG.strip() in prompts_of(endpoint, "synthesiser")[0]
    assert state["complete"] is False
    assert [(gap["subtask_id"], gap["why"]) for gap in state["gaps"]] == [
        ("S1", "partial: the result was cut off by the limit on its length")
    ]


def test_charges_of_its_own_calls(endpoint: Endpoint, team: Team) -> None:
    """An outcome carries the charges of its calls, under its subtask's id."""
    outcome = outcome_of(
        team, Turn("Forty.", usage={"prompt_tokens": 1000, "completion_tokens": 20, "total_tokens": 1020})
    )

    assert [
        {key: charge[key] for key in ("role", "subtask_id", "input_tokens", "output_tokens", "known")}
        for charge in outcome["charges"]
    ] == [{"role": "worker", "subtask_id": "S1", "input_tokens": 1000, "output_tokens": 20, "known": True}]


def test_time_of_a_worker(endpoint: Endpoint, team: Team) -> None:
    """worker_timeout_s ends a worker that call_timeout_s would let go on."""
    outcome = outcome_of(team, Turn(fault="hang"), worker_timeout_s=0.2)

    assert outcome["status"] == "timed_out"
    assert outcome["error"].startswith("openai:gpt-4o: No answer within 0.2 s.")


def test_waiting_for_a_slot_is_not_working(endpoint: Endpoint, team: Team) -> None:
    """A worker's time stands still while it waits for a slot: five one after another all finish in their own time."""
    many = many_tasks(5)
    team.planner, team.workers = [plan_of(many)], dict.fromkeys(many, Turn("Done.", delay=0.15))
    state = run(max_parallel=1, worker_timeout_s=0.5)

    assert [outcome["status"] for outcome in state["outcomes"]] == ["done"] * 5
    assert endpoint.most_in_flight == 1


def test_tries_again(endpoint: Endpoint, team: Team) -> None:
    """A fault that passes costs a second request and no more; nothing of it shows in the outcome."""
    turns = iter([Turn(fault="503"), Turn("Forty sausages.")])
    outcome = outcome_of(team, lambda _: next(turns))

    assert (outcome["status"], outcome["output"], len(outcome["charges"])) == ("done", "Forty sausages.", 1)
    assert len(calls_of(endpoint, "worker")) == 4


def test_a_restart_is_told(endpoint: Endpoint, team: Team) -> None:
    """Text streamed before a broken connection is taken back by an event, so that a view can start over."""
    turns = iter([Turn(LONG, fault="reset-mid"), Turn("Forty sausages.")])
    team.workers = {"caterer": lambda _: next(turns)}
    events = [event for event in graph.stream({"request": REQUEST}, stream_mode="custom") if event.get("id") == "S1"]
    kinds = [event["type"] for event in events]
    after = kinds.index("worker_restart")
    text = "".join(event["text"] for event in events[after:] if event["type"] == "worker_text")

    assert "worker_text" in kinds[:after]
    assert text == "Forty sausages."


def test_instructions_of_a_registered_specialist(endpoint: Endpoint, team: Team) -> None:
    """A registered specialist's own instructions stand in its prompt, and in nobody else's."""
    made = build_graph(specialists=[Specialist("caterer", "feeds people", instructions="Weigh everything in stone.")])
    made.invoke({"request": REQUEST})
    prompts = [prompt for prompt in prompts_of(endpoint, "worker") if "Weigh everything in stone." in prompt]

    assert len(prompts) == 1
    assert TASKS["caterer"] in prompts[0]
