"""Quirks: what servers, replies and people do that no specification foresees, each seen once to break a run."""

import copy
import json
import pickle
import time
from asyncio import selector_events
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from graph import AllWorkersFailed, BadRequest, BadSettings, BudgetTooSmall, answer, build_graph, graph
from nodes.synthesis.answer import marked
from nodes.synthesis.answer_stream import AnswerStream
from nodes.synthesis.quotes import Source
from tests.endpoint import Endpoint, Turn
from tests.minds import REQUEST, TASKS, Team, calls_of, completion, many_tasks, plan_of, run, synthesis_of


def test_a_planner_that_costs_more_than_it_may(endpoint: Endpoint, team: Team) -> None:
    """Where a server spends far over its cap on the plan, the run ends with a clear error, not a KeyError."""
    usage = {"prompt_tokens": 900, "completion_tokens": 30_000, "total_tokens": 30_900}
    team.planner = [Turn(plan_of(TASKS), usage=usage)]

    with pytest.raises(BudgetTooSmall, match="cost more than was to be expected"):
        run(budget_tokens=25_000)


def test_a_resume_pays_for_what_failed(endpoint: Endpoint, team: Team) -> None:
    """Calls of workers that failed and are tried again stay on the bill."""
    said = iter([""] * 6)  # an empty reply is asked for once more
    team.workers = dict.fromkeys(TASKS, lambda _: next(said, "Done."))
    kept, config = build_graph(checkpointer=InMemorySaver()), {"configurable": {"thread_id": "one"}}
    with pytest.raises(AllWorkersFailed):
        kept.invoke({"request": REQUEST}, config)  # type: ignore[call-overload]
    state = kept.invoke(None, config)  # type: ignore[call-overload]

    assert state["spend"]["calls"] == len(endpoint.requests) == 11


def test_a_key_that_is_a_word(endpoint: Endpoint, team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """A local server's key such as "test" is not taken out of what is written."""
    monkeypatch.setenv("OPENAI_API_KEY", "test")
    team.synthesiser = [synthesis_of("The latest local test results. [S1] [S2] [S3]")]

    assert run()["answer"] == "The latest local test results. [S1] [S2] [S3]"


def test_half_a_character(endpoint: Endpoint, team: Team) -> None:
    """A character that a server splits over two pieces comes out whole."""
    body = "".join(
        f"data: {json.dumps({'choices': [{'index': 0, 'delta': delta, 'finish_reason': end}]})}\n\n"
        for delta, end in (({"content": "party \ud83c"}, None), ({"content": "\udf89 menu"}, None), ({}, "stop"))
    )
    team.workers = {"caterer": Turn(body=f"{body}data: [DONE]\n\n", headers={"content-type": "text/event-stream"})}

    assert run()["outcomes"][0]["output"] == "party 🎉 menu"


@pytest.mark.parametrize("kind", ["text/plain", "application/x-ndjson"])
def test_a_stream_under_another_name(endpoint: Endpoint, team: Team, kind: str) -> None:
    """A stream whose server does not call it one is read as one."""
    chunk = {"choices": [{"index": 0, "delta": {"content": "Done."}, "finish_reason": "stop"}]}
    body = f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n"
    team.workers = {"caterer": Turn(body=body, headers={"content-type": kind})}

    assert run()["outcomes"][0]["output"] == "Done."


@pytest.mark.parametrize(
    "message", ["hi", {"content": "x", "tool_calls": ["a"]}, {"content": 7}, {"content": {"a": 1}}]
)
def test_a_malformed_completion(endpoint: Endpoint, team: Team, message: Any) -> None:
    """A completion of the wrong shape is that worker's failure alone."""
    envelope = json.loads(completion("x"))
    envelope["choices"][0]["message"] = message
    team.workers = {"caterer": Turn(body=json.dumps(envelope), headers={"content-type": "application/json"})}

    assert [outcome["status"] for outcome in run()["outcomes"]] == ["failed", "done", "done"]


def test_a_completion_in_parts_by_no_name(endpoint: Endpoint, team: Team) -> None:
    """Content that comes as a list of parts is text all the same; a model's name that is none is left out."""
    envelope = json.loads(completion("x")) | {"model": 7}
    envelope["choices"][0]["message"]["content"] = [{"type": "thinking"}, {"type": "text", "text": "Fed."}]
    team.workers = {"caterer": Turn(body=json.dumps(envelope), headers={"content-type": "application/json"})}

    assert ("done", "Fed.") == next((outcome["status"], outcome["output"]) for outcome in run()["outcomes"])


def test_a_server_that_knows_the_older_name_alone(endpoint: Endpoint, team: Team) -> None:
    """A server that refuses max_completion_tokens is sent max_tokens alone, from then on."""

    def mind(body: dict[str, Any]) -> Turn | str:
        if "max_completion_tokens" in body:
            return Turn(status=400, text="Unrecognized request argument supplied: max_completion_tokens")
        return team(body)

    endpoint.mind = mind
    state = run(worker_max_output_tokens=500)

    assert state["complete"]
    assert {call.body.get("max_tokens") for call in calls_of(endpoint, "worker")} == {500}


@pytest.mark.parametrize("text", ["[S1] The caterer feeds 80. [S2] [S3]", "`Menu` for 80. [S1] [S2] [S3]"])
def test_a_plain_answer_that_begins_oddly(endpoint: Endpoint, team: Team, text: str) -> None:
    """A plain-text answer may begin with a citation or with code."""
    team.synthesiser = [text]

    assert run()["answer"] == text


def test_a_dearer_model_answers(endpoint: Endpoint, team: Team) -> None:
    """Where replies name a dearer model than was asked for, the ceiling holds by the dearer one's price."""
    endpoint.mind = lambda body: _dearer(team(body))
    state = run(
        planner_model="openai:gpt-4o-mini",
        worker_model="openai:gpt-4o-mini",
        synthesiser_model="openai:gpt-4o-mini",
        budget_usd=0.2,
    )

    assert 0 < state["spend"]["usd"] <= 0.2
    assert all(subtask["allowance"]["usd"] > 0.01 for subtask in state["plan"]["subtasks"])


@pytest.mark.parametrize("answers_as", ["gpt-4", "gpt-4o-mini", ""])
def test_the_first_call_to_an_unseen_model_goes_ahead(endpoint: Endpoint, team: Team, answers_as: str) -> None:
    """Under a ceiling in USD one worker finds out who answers: a dearer model goes over the ceiling once at the most."""
    tasks = many_tasks(8)
    team.planner = [plan_of(tasks)]
    team.workers = dict.fromkeys(tasks, Turn("All is told here. " * 400, delay=0.05, model=answers_as))
    state = run(worker_model="openai:gpt-4o-mini", max_subtasks=8, max_rounds=1, budget_usd=0.1)
    first, *others = sorted(calls_of(endpoint, "worker"), key=lambda call: call.started)
    dearest = max(charge["usd"] for outcome in state["outcomes"] for charge in outcome["charges"])

    assert all(first.finished is not None and first.finished <= other.started for other in others)
    assert state["spend"]["usd"] <= 0.1 + (dearest if answers_as == "gpt-4" else 0)
    assert (len(others), endpoint.most_in_flight > 1) == ((0, False) if answers_as == "gpt-4" else (7, True))


def _dearer(said: Turn | str) -> Turn:
    return Turn(said if isinstance(said, str) else said.text, model="gpt-4o")


def test_approval_needs_runs_that_are_kept(endpoint: Endpoint) -> None:
    """Approval on a graph without a checkpointer is refused before anything is spent: nobody could answer."""
    with pytest.raises(BadSettings, match="checkpointer"):
        answer(REQUEST, approve_plan=True)

    assert endpoint.requests == []


def test_an_answer_can_be_copied(endpoint: Endpoint) -> None:
    """The answer keeps its state when it is copied or pickled."""
    state = answer(REQUEST)
    others = [copy.copy(state), copy.deepcopy(state), pickle.loads(pickle.dumps(state))]  # noqa: S301

    assert [(str(other), other.state["complete"]) for other in others] == [(str(state), True)] * 3


def test_bytes_that_are_no_text(endpoint: Endpoint) -> None:
    """A request with half a character in it is refused before any call."""
    with pytest.raises(BadRequest, match="UTF-8"):
        graph.invoke({"request": "Plan a \udcff party"})

    assert endpoint.requests == []


def test_texts_that_would_take_for_ever() -> None:
    """Citations with endless white space, endless false quotes and endless small pieces are read in linear time."""
    began = time.thread_time()
    marked("x [S1" + " " * 40_000, {"S1"}, {})
    Source("something else entirely, said at length. " * 5_000).has("never said " * 2_000)
    stream = AnswerStream()
    for _ in range(50_000):
        stream.feed('{"x')

    assert time.thread_time() - began < 10


def test_connections_are_kept(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls that follow one another share a connection: a new one would cost each a TLS handshake."""
    made = list[object]()
    connect = selector_events.BaseSelectorEventLoop.sock_connect

    async def counted(self: Any, *where: Any) -> None:
        made.append(where)
        await connect(self, *where)

    run()
    monkeypatch.setattr(selector_events.BaseSelectorEventLoop, "sock_connect", counted)
    run()

    assert len(made) < 3  # of five calls; a connection that is slow to end is not waited for
