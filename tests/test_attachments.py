"""Attachments: documents in a run's input reach every step of that run, and no other."""

import asyncio
import base64
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from graph import BadRequest, build_graph
from graph.build import whole
from nodes.attachments import documents_in, read_attachments
from tests.endpoint import Endpoint, Turn
from tests.minds import REQUEST, Team, plan_of, prompts_of
from tests.specialists.test_tools import results_in
from tests.test_documents import MINUTES, pdf

GIVEN: dict[str, str] = {"name": "minutes.md", "text": MINUTES}
THREAD: Any = {"configurable": {"thread_id": "one"}}


def in_base64(name: str, raw: bytes) -> dict[str, str]:
    return {"name": name, "base64": base64.b64encode(raw).decode()}


def test_every_form_is_read() -> None:
    """Text is taken as it is, bytes by the name's ending; what is kept gives the same documents again."""
    given = [
        GIVEN,
        in_base64("plan.pdf", pdf("The road is closed.")),
        in_base64("costs.csv", b"item,cost\nchairs,96\n"),
    ]
    kept = read_attachments(given)

    assert [document["name"] for document in kept] == ["minutes.md", "plan.pdf", "costs.csv"]
    assert kept[1]["parts"] == [["page 1", "The road is closed."]]
    assert documents_in(kept)[2].parts == (("rows 2-2", "item | cost\nchairs | 96"),)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("minutes.md", "documents are a list of"),
        ([5], "document 1: documents are a list of"),
        ([{"name": "a.md"}], "document 1: documents are a list of"),
        ([{**GIVEN, "base64": ""}], "document 1: documents are a list of"),
        ([{"name": "a\nb.md", "text": "x"}], "document 1: a name is one line"),
        ([{"name": " ", "text": "x"}], "document 1: a name is one line"),
        ([{"name": "a.md", "text": 5}], "document 'a.md': its text must be text, got int"),
        ([{"name": "a.md", "text": "\ud800"}], "document 'a.md' holds bytes that are no text"),
        ([{"name": "a.md", "text": " "}], "cannot attach a.md: there is no text in it"),
        ([{"name": "a.md", "base64": "no base64!"}], "document 'a.md': its base64 cannot be read"),
        ([{"name": "a.exe", "base64": "AAAA"}], "document 'a.exe': .exe is not read"),
        ([{"name": "a.pdf", "base64": "AAAA"}], "cannot attach a.pdf: it is no readable PDF"),
        ([GIVEN] * 21, "21 documents came with the request; 20 are the most"),
        ([{"name": "a.md", "text": "word " * 40_001}], "the documents hold 200,"),
    ],
)
def test_bad_documents(given: Any, words: str) -> None:
    """What cannot be read is refused before any model is asked, and says why."""
    with pytest.raises(BadRequest) as refused:
        build_graph().invoke({"request": REQUEST, "documents": given})

    assert str(refused.value).startswith(words)


@pytest.mark.parametrize("call", ["invoke", "ainvoke"])
def test_every_step_sees_them(endpoint: Endpoint, team: Team, call: str) -> None:
    """Planner, workers and synthesiser read them; they are no part of what the run shows."""
    given: Any = {"request": REQUEST, "documents": [GIVEN]}
    graph = build_graph()
    state = graph.invoke(given) if call == "invoke" else asyncio.run(graph.ainvoke(given))

    assert [role for role in ("planner", "worker", "synthesiser") if not _has_kerrs(prompts_of(endpoint, role))] == []
    assert {"documents", "attachments"} & {*state} == set()


def _has_kerrs(prompts: list[str]) -> bool:
    return bool(prompts) and all("come from the Kerrs" in prompt for prompt in prompts)


def test_the_next_request_sees_none(endpoint: Endpoint, team: Team) -> None:
    """A second request on the same thread has its own documents alone: here, none."""
    graph = build_graph(InMemorySaver())
    graph.invoke({"request": REQUEST, "documents": [GIVEN]}, THREAD)
    asked = len(endpoint.requests)
    graph.invoke({"request": REQUEST}, THREAD)

    assert [at for at, request in enumerate(endpoint.requests) if "Kerrs" in str(request.body)] == [*range(asked)]
    assert whole(graph).get_state(THREAD).values["attachments"] == []


def test_a_worker_reads_on(endpoint: Endpoint, team: Team) -> None:
    """Where they do not fit a task, its worker finds the rest with a tool; the document is then a source of its result."""
    long = "\n\n".join(f"Item {number} of the rota is a neighbour with a broom." for number in range(900))
    team.planner = [plan_of({"clerk": "Say who brings the zither."})]
    call = {"name": "read_document", "args": {"name": "rota.md"}}
    team.workers = {"clerk": lambda body: "Nobody, says rota.md." if results_in(body) else Turn("", tool_calls=[call])}
    state = build_graph().invoke({"request": REQUEST, "documents": [{"name": "rota.md", "text": long}]})

    assert [(use["tool"], use["error"]) for use in state["outcomes"][0]["tools"]] == [("read_document", False)]
    assert state["outcomes"][0]["sources"] == ["rota.md"]
