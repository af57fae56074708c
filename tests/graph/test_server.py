"""The server: `langgraph dev` as a real process, asked through langgraph-sdk."""

import asyncio
import base64
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from langgraph_sdk import get_client, get_sync_client
from langgraph_sdk.client import LangGraphClient, SyncLangGraphClient

from nodes.state import ROLES, Context, Output
from tests.langgraph_server import served
from tests.test_documents import pdf

PARTY = {f"{role}_model": "scripted:street-party" for role in ROLES}
CEILING = {"ORCHESTRATOR_CEILING_MAX_ROUNDS": "1"}  # the deployment's


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the graphs, and give the address."""
    with served(tmp_path_factory.mktemp("clone"), CEILING) as address:
        yield address


@pytest.fixture(scope="module")
def client(url: str) -> Iterator[SyncLangGraphClient]:
    """Give a client of the server."""
    with get_sync_client(url=url) as client:
        yield client


def test_listed(client: SyncLangGraphClient) -> None:
    """The graph is there as `orchestrator`; its form shows the request alone, its settings are all of Context's."""
    listed: Any = {assistant["graph_id"]: assistant for assistant in client.assistants.search()}
    schemas: Any = client.assistants.get_schemas(listed["orchestrator"]["assistant_id"])
    settings = schemas["context_schema"]["properties"]
    known = {name: (field.default, field.description) for name, field in Context.model_fields.items()}

    assert {name: bool(assistant["description"]) for name, assistant in listed.items()} == {
        "orchestrator": True,
        "orchestrator_chat": True,
    }
    asked = schemas["input_schema"]
    assert ([*asked["properties"]], asked["required"]) == (["request"], ["request"])
    assert known == {name: (setting["default"], setting["description"]) for name, setting in settings.items()}


def test_streamed(client: SyncLangGraphClient) -> None:
    """A run streams updates of every node, events and the answer's text; a ceiling of the deployment holds."""
    thread = client.threads.create()["thread_id"]
    modes: Any = ["updates", "custom", "messages-tuple", "values"]
    sent = {"input": {"request": "A street party."}, "context": {**PARTY, "max_rounds": 9}, "stream_mode": modes}
    parts: list[Any] = [(part.event, part.data) for part in client.runs.stream(thread, "orchestrator", **sent)]
    state: Any = next(data for event, data in reversed(parts) if event == "values")
    nodes = Counter(name for event, data in parts if event == "updates" for name in data)
    events = {data["type"] for event, data in parts if event == "custom"}
    pieces = [data for event, data in parts if event == "messages"]
    text = "".join(piece["content"] for piece, about in pieces if about["langgraph_node"] == "synthesiser")
    told = "".join(data["text"] for event, data in parts if event == "custom" and data["type"] == "answer")
    kept: Any = client.threads.get_state(thread)["values"]

    assert nodes == {"planner": 1, "validator": 1, "worker": 5, "synthesiser": 1}
    assert {"planning", "drafted", "plan", "worker", "worker_text", "synthesis", "ledger", "answer"} == events
    assert state["plan"]["round"] == 1
    assert [*state] == [*Output.__annotations__]
    assert [name for event, data in parts if event == "updates" for name, update in data.items() if not update] == []
    assert state["answer"] == told
    assert (text.startswith("A street party for about 80 people"), told.startswith(text)) == (True, True)
    assert kept["spend"] == state["spend"]


def test_documents(client: SyncLangGraphClient) -> None:
    """Documents that come with a request are read there too, a PDF among them, and carried to the workers."""
    given = {"name": "plan.pdf", "base64": base64.b64encode(pdf("The road is closed at noon.")).decode()}
    sent: Any = {"request": "A street party.", "documents": [given]}
    thread = client.threads.create()["thread_id"]
    state: Any = client.runs.wait(thread, "orchestrator", input=sent, context={**PARTY})
    kept: Any = client.threads.get_state(thread)["values"]

    assert [*kept] == [*Output.__annotations__]
    assert {subtask["excerpts"] for subtask in state["plan"]["subtasks"]} == {
        "[plan.pdf, page 1]\nThe road is closed at noon."
    }


BAD: dict[str, tuple[Any, dict[str, Any], str]] = {
    "empty": ({"request": ""}, PARTY, "BadRequest: the request is empty"),
    "blank": ({"request": " \n"}, PARTY, "BadRequest: the request is empty"),
    "no text": ({"request": 5}, PARTY, "BadRequest: the request must be text, got int"),
    "no request": ({}, PARTY, "BadRequest: the request must be text, got NoneType"),
    "too long": (
        {"request": "x" * 200_001},
        PARTY,
        "BadRequest: the request is 200,001 characters long; 200,000 are the most",
    ),
    "bad document": (
        {"request": "x", "documents": [{"name": "a.exe", "base64": ""}]},
        PARTY,
        "BadRequest: document 'a.exe': .exe is not read",
    ),
    "more than a request": ({"request": "x", "plan_it": 1}, PARTY, "BadRequest: unknown input 'plan_it'"),
    "out of range": ({"request": "x"}, {**PARTY, "max_rounds": 0}, "BadSettings: setting 'max_rounds'"),
    "unknown script": (
        {"request": "x"},
        {**PARTY, "worker_model": "scripted:no"},
        "NoModel: unknown scripted model 'no'",
    ),
    "unknown provider": ({"request": "x"}, {**PARTY, "worker_model": "acme:no"}, "NoModel: model 'acme:no'"),
    "no model": ({"request": "x"}, {}, "NoModel: No model is set up. Ways to get a model: set OPENAI_API_KEY"),
}


def test_bad_input(url: str) -> None:
    """Bad input and settings are refused with the same words as everywhere, and the server lives on."""

    async def answer(client: LangGraphClient, sent: Any, context: dict[str, Any]) -> str:
        try:
            return str(await client.runs.wait(None, "orchestrator", input=sent, context=context))
        except Exception as error:  # noqa: BLE001 - the client raises no class of its own for a run's error
            return str(error)

    async def answers() -> list[str]:
        async with get_client(url=url) as client:
            return await asyncio.gather(*(answer(client, sent, context) for sent, context, _ in BAD.values()))

    given = asyncio.run(answers())

    assert [
        (error, got) for (*_, error), got in zip(BAD.values(), given, strict=True) if not got.startswith(error)
    ] == []
    assert httpx.get(f"{url}/ok").json()["ok"] is True


def test_approval(client: SyncLangGraphClient) -> None:
    """A run waits for a person, refuses nonsense, runs the edited plan on resume, though the settings are not sent again."""
    thread = client.threads.create()["thread_id"]
    context: Any = {**PARTY, "approve_plan": True, "unheard_of": 1}  # the server itself leaves out what no schema names
    waiting: Any = client.runs.wait(thread, "orchestrator", input={"request": "A street party."}, context=context)
    asked = waiting["__interrupt__"][0]["value"]
    with pytest.raises(Exception, match="Input should be 'approve', 'edit' or 'reject'"):
        client.runs.wait(thread, "orchestrator", command={"resume": {"decisions": [{"type": "maybe"}]}})
    first = {"subtasks": asked["action_requests"][0]["args"]["subtasks"][:1]}
    edit = {"type": "edit", "edited_action": {"name": "run_plan", "args": first}}
    ended: Any = client.runs.wait(thread, "orchestrator", command={"resume": {"decisions": [edit]}})

    assert waiting["outcomes"] == []
    assert asked["review_configs"][0] == {"action_name": "run_plan", "allowed_decisions": ["approve", "edit", "reject"]}
    assert [outcome["id"] for outcome in ended["outcomes"]] == ["S1"]
    assert (
        ended["outcomes"][0]["status"],
        ended["answer"].startswith(ended["outcomes"][0]["output"].strip()[:40]),
    ) == ("done", True)


def test_ready_assistants(url: str, client: SyncLangGraphClient) -> None:
    """One command makes three assistants, and no second one of a name; the one that asks first waits for a person."""
    command = [str(Path(sys.executable).with_name("orchestrate")), "assistants", url]
    codes = [subprocess.run(command, capture_output=True, check=False).returncode for _ in range(2)]
    made: Any = {assistant["name"]: assistant for assistant in client.assistants.search(graph_id="orchestrator")}
    settings = {name: made[name]["context"] for name in ("thrifty", "thorough", "asks first")}
    nowhere = subprocess.run([*command[:2], "http://127.0.0.1:9"], capture_output=True, check=False)
    thread = client.threads.create()["thread_id"]
    sent: Any = {"input": {"request": "A street party."}, "context": {**PARTY, **settings["asks first"]}}
    waiting: Any = client.runs.wait(thread, made["asks first"]["assistant_id"], **sent)
    for name in settings:
        client.assistants.delete(made[name]["assistant_id"])

    assert (codes, len(made)) == ([0, 0], 4)
    assert (settings["thrifty"]["max_rounds"], settings["thorough"]["max_rounds"]) == (1, 3)
    assert "__interrupt__" in waiting
    assert (nowhere.returncode, b"has made no assistants" in nowhere.stderr) == (2, True)


def test_forks(client: SyncLangGraphClient) -> None:
    """A subtask's text, or an outcome, is edited in an earlier state as Studio does it, and the run goes on from there."""
    thread = client.threads.create()["thread_id"]
    client.runs.wait(thread, "orchestrator", input={"request": "A street party."}, context={**PARTY})
    history: Any = client.threads.get_history(thread, limit=50)
    planned = next(snapshot for snapshot in history if {*snapshot["next"]} == {"worker"})
    plan = planned["values"]["plan"]
    plan["subtasks"][0]["task"] = "Write a menu for forty guests only."

    def go_on(update: Any, node: str, where: Any) -> Any:
        fork: Any = client.threads.update_state(thread, update, as_node=node, checkpoint=where["checkpoint"])
        return client.runs.wait(thread, "orchestrator", input=None, checkpoint=fork["checkpoint"])

    state = go_on({"plan": plan}, "validator", planned)
    done = next(snapshot for snapshot in history if snapshot["next"] == ["synthesiser"])
    outcome = {**done["values"]["outcomes"][0], "output": "Forty sausages, no more."}
    joined = go_on({"outcomes": [outcome]}, "worker", done)

    assert state["outcomes"][0]["task"] == "Write a menu for forty guests only."
    assert [outcome["status"] for outcome in state["outcomes"]] == ["done"] * 5
    assert (joined["outcomes"][0]["output"], len(joined["outcomes"])) == ("Forty sausages, no more.", 5)
    assert joined["answer"]
