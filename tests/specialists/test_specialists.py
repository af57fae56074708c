"""Specialists: files, Python objects, and how the planner's words find them."""

import asyncio
import os
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import nbformat
import pytest
from langchain.agents import create_agent
from langchain_core.messages import HumanMessage
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from nbclient import NotebookClient
from pydantic import BaseModel
from typing_extensions import TypedDict

from graph import BadSettings, Specialist, build_graph
from nodes.models.scripted import Script, ScriptedChatModel
from nodes.specialists.files import SpecialistError, read_folder
from nodes.specialists.registry import Roster
from tests.endpoint import Endpoint
from tests.minds import REQUEST, TASKS, Team, calls_of, plan_of, prompts_of

State = dict[str, Any]
REPOSITORY = Path(__file__).parents[2]
CATERER = "---\nname: caterer\ndescription: menus and what they cost\n---\nWeigh everything in stone.\n"


def invoked(graph: Any, **context: Any) -> State:
    return dict(graph.invoke({"request": REQUEST}, context=context or None))


def ainvoked(graph: Any, **context: Any) -> State:
    return dict(asyncio.run(graph.ainvoke({"request": REQUEST}, context=context or None)))


BOTH = pytest.mark.parametrize("run", [invoked, ainvoked])
Run = Callable[..., State]


def folder_of(tmp_path: Path, **files: str) -> Path:
    for name, text in files.items():
        (tmp_path / f"{name}.md").write_text(text, encoding="utf-8")
    return tmp_path


def outcome_of(run: Run, runnable: Any, **context: Any) -> dict[str, Any]:
    """Give the outcome of the caterer, who is this runnable."""
    made = build_graph(specialists=[Specialist("caterer", "feeds people", runnable)])
    return dict(run(made, **context)["outcomes"][0])


@BOTH
def test_a_file_in_a_folder_is_a_specialist(endpoint: Endpoint, tmp_path: Path, run: Run) -> None:
    """A file dropped into a folder, and nothing else, is told to the planner, chosen by it, and works as it says."""
    state = run(build_graph(specialists_dir=folder_of(tmp_path, caterer=CATERER)))
    asked = [prompt for prompt in prompts_of(endpoint, "worker") if "Weigh everything in stone." in prompt]

    assert "- caterer: menus and what they cost\n" in prompts_of(endpoint, "planner")[0]
    assert [TASKS["caterer"] in prompt for prompt in asked] == [True]
    assert [outcome["status"] for outcome in state["outcomes"]] == ["done"] * 3


def test_the_folder_may_come_from_the_environment(
    endpoint: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ORCHESTRATOR_SPECIALISTS_DIR names the folder where nobody names one in Python."""
    monkeypatch.setenv("ORCHESTRATOR_SPECIALISTS_DIR", str(folder_of(tmp_path, caterer=CATERER)))
    invoked(build_graph())

    assert "- caterer: menus and what they cost" in prompts_of(endpoint, "planner")[0]


def test_no_run_names_a_folder(endpoint: Endpoint, tmp_path: Path) -> None:
    """A run's context cannot name a path."""
    with pytest.raises(BadSettings, match="unknown setting 'specialists_dir'"):
        invoked(build_graph(), specialists_dir=str(tmp_path))


def test_what_a_file_sets_holds_for_its_calls(endpoint: Endpoint, tmp_path: Path) -> None:
    """Model, temperature and output cap of a file are those of its specialist's calls, and of nobody else's."""
    front = "model: openai:gpt-4o-mini\ntemperature: 0.3\nmax_output_tokens: 77\ntimeout: 20\n---"
    invoked(build_graph(specialists_dir=folder_of(tmp_path, caterer=CATERER.replace("---\nW", f"{front}\nW"))))
    bodies = [call.body for call in calls_of(endpoint, "worker")]
    told = {(body["model"], body.get("temperature"), body.get("max_tokens")) for body in bodies}

    assert told == {("gpt-4o-mini", 0.3, 77), ("gpt-4o", None, None)}


def test_python_wins_over_a_file(endpoint: Endpoint, tmp_path: Path) -> None:
    """Of two specialists with one name, the one given in Python is meant."""
    made = build_graph(
        specialists=[Specialist("Caterer", "feeds", lambda task: "from Python")],
        specialists_dir=folder_of(tmp_path, caterer=CATERER),
    )

    assert invoked(made)["outcomes"][0]["output"] == "from Python"


# Seven lines that stand for a list of nine to the seventh lists.
BOMB = "".join(f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in pairwise("bcdefghi"))

FAULTS: dict[str, tuple[str, str]] = {
    "no front matter": ("You cook.\n", ':1: expected "---" and front matter with name and description'),
    "no end": ("---\nname: a\n", ':1: the front matter that begins here has no end; close it with a line "---"'),
    "no name": ("---\ndescription: d\n---\nx", ":1: name is missing"),
    "no description": ("---\nname: a\n---\nx", ":1: description is missing"),
    "nothing in it": ("---\n\n---\nx", ":2: the front matter holds no keys"),
    "unknown key": ("---\nname: a\ndescription: d\ncolour: red\n---\nx", ":4: unknown key 'colour'; known: api_key_env, asks,"),
    "twice": ("---\nname: a\ndescription: d\nname: b\n---\nx", ":4: 'name' is given a second time"),
    "colon": ("---\nname: a\ndescription: use it: often\n---\nx", ":3: mapping values are not allowed here; put text"),
    "wrong type": ("---\nname: a\ndescription: d\ntimeout: soon\n---\nx", ":4: timeout: Input should be a valid number"),
    "out of range": ("---\nname: a\ndescription: d\n\ntemperature: 9\n---\nx", ":5: temperature: Input should be less"),
    "model": ("---\nname: a\ndescription: d\nmodel: sonnet\n---\nx", ":4: 'sonnet' is no model; expected provider:name"),
    "no instructions": ("---\nname: a\ndescription: d\n---\n\n", ":1: there are no instructions below the front matter"),
    "half remote": ("---\nname: a\ndescription: d\nurl: http://x\n---\n", ":4: url is given without graph"),
    "no address": ("---\nname: a\ndescription: d\nurl: x\ngraph: g\n---\n", ":4: 'x' is no http:// or https:// address"),
    "remote with tools": ("---\nname: a\ndescription: d\nurl: http://x\ngraph: g\ntools: b\n---\n", ":6: tools means nothing"),
    "no key": ("---\nname: a\ndescription: d\nurl: http://x\ngraph: g\napi_key_env: NO_SUCH\n---\n", ":6: the environment variable NO_SUCH is not set"),
    "YAML without end": (f"---\nb: &b [x]\n{BOMB}name: *i\ndescription: d\n---\nx", ":10: name: Input should be a valid string"),
    "unknown tool": ("---\nname: a\ndescription: d\ntools: calculate, fly\n---\nx", ":4: unknown tool 'fly'; known: calculate,"),
}  # fmt: skip


@pytest.mark.parametrize("case", FAULTS)
def test_faults_of_a_file(tmp_path: Path, case: str) -> None:
    """Every fault of a file is told when the graph is built, with file and line."""
    text, words = FAULTS[case]
    folder_of(tmp_path, one=text)
    with pytest.raises(SpecialistError) as raised:
        build_graph(specialists_dir=tmp_path)

    assert f"{tmp_path / 'one.md'}{words}" in str(raised.value)


def test_a_pipe_is_no_specialist(tmp_path: Path) -> None:
    """What may never end is not waited for."""
    os.mkfifo(tmp_path / "a.md")
    with pytest.raises(SpecialistError, match=r"a\.md:1: is no file"):
        read_folder(tmp_path, lambda _: None)


def test_all_faults_at_once(tmp_path: Path) -> None:
    """The faults of all files are told together: several of one file, bytes that are no text, and a name taken."""
    folder_of(tmp_path, a="---\nname: a\ncolour: red\n---\n", c=CATERER, d=CATERER.replace("caterer", "The Caterer"))
    (tmp_path / "b.md").write_bytes(b"---\nname: \xff\n---\n")
    with pytest.raises(SpecialistError) as raised:
        read_folder(tmp_path, lambda _: None)
    lines = [line.removeprefix(f"{tmp_path}/") for line in str(raised.value).splitlines()]

    assert [line.split("; known")[0] for line in lines] == [
        "a.md:1: description is missing",
        "a.md:3: unknown key 'colour'",
        "b.md:2: is not UTF-8 text (byte 0xff)",
        f"d.md:2: the name 'caterer' is taken by {tmp_path}/c.md:1",
    ]


def test_no_such_folder(tmp_path: Path) -> None:
    """A folder that is not there is a fault, not an empty team."""
    with pytest.raises(SpecialistError, match="no folder of specialists at"):
        build_graph(specialists_dir=tmp_path / "nowhere")


@pytest.mark.parametrize(("folder", "names"), [("events", 4), ("policy", 4)])
def test_the_example_packs_are_sound(folder: str, names: int) -> None:
    """Every file of the example packs can be registered."""
    pack = REPOSITORY / "packs" / folder
    build_graph(specialists_dir=pack)

    assert len(read_folder(pack, lambda _: None)) >= names


NAMES = {
    "caterer": "caterer",
    "The Caterer": "caterer",
    "caterers": "caterer",
    "catering_specialist": None,
    "caterer agent": "caterer",
    "Event-Planner": "event planner",
    "planner, event": "event planner",
    "wine caterer": None,
    "exterior designer": None,
    "interior designer": "interior designer",
    "die Köchin": "Köchin",
    "astrologer": None,
    "": None,
}


@pytest.mark.parametrize("name", NAMES)
def test_near_misses_of_a_name(name: str) -> None:
    """A name is matched through case, articles, word order and small slips; another expert's name is not."""
    roster = Roster.of(Specialist(name, "d") for name in ("caterer", "event planner", "interior designer", "Köchin"))
    specialist = roster.find(name)

    assert (specialist.name if specialist else None) == NAMES[name]


def test_a_near_miss_is_worked_by_the_one_who_is_meant(endpoint: Endpoint, team: Team, tmp_path: Path) -> None:
    """A plan's "The Caterer" is done by the registered caterer."""
    team.planner = [plan_of({"The Caterer": TASKS["caterer"]})]
    invoked(build_graph(specialists_dir=folder_of(tmp_path, caterer=CATERER)))

    assert "Weigh everything in stone." in prompts_of(endpoint, "worker")[0]


def test_a_closed_team_holds_nobody_of_ours(endpoint: Endpoint, tmp_path: Path) -> None:
    """With improvise off, the schema's enum is the user's team; the built-in estimator is at hand only otherwise."""
    made = build_graph(specialists_dir=folder_of(tmp_path, caterer=CATERER))
    invoked(made, improvise=False, max_plan_attempts=1)
    invoked(made)
    closed, open_ = (call.body for call in calls_of(endpoint, "planner"))
    subtask = closed["response_format"]["json_schema"]["schema"]["properties"]["subtasks"]["items"]

    assert subtask["properties"]["specialist"] == {"type": "string", "enum": ["caterer"]}
    assert "- estimator: " not in str(closed)
    assert "- estimator: " in str(open_)


def test_nobody_to_choose_from(endpoint: Endpoint) -> None:
    """Improvise off without a specialist is an error before any call."""
    with pytest.raises(BadSettings, match="improvise is off, and no specialist is registered"):
        invoked(build_graph(), improvise=False)

    assert endpoint.requests == []


class Menu(BaseModel):
    """A structured result."""

    dishes: list[str]
    price: float


class Brief(TypedDict, total=False):
    """A graph's own state."""

    task: str
    report: str
    score: int


def sync_function(task: str) -> str:
    return f"did: {task}"


async def async_function(task: str) -> str:
    await asyncio.sleep(0)
    return f"did: {task}"


class Kitchen:
    """An object that is called."""

    async def __call__(self, task: str) -> str:
        """Do it."""
        return f"did: {task}"


async def report(state: Brief) -> Brief:
    return {"report": f"did: {state['task']}", "score": 3}


def chat(say: str = "did: {0}") -> ScriptedChatModel:
    return ScriptedChatModel(script=Script((), otherwise=say.format(TASKS["caterer"])), name_of_script="other")


def own_graph() -> Any:
    return StateGraph(Brief).add_node("report", report).add_edge(START, "report").compile()


def talking_graph() -> Any:
    async def talk(state: MessagesState) -> MessagesState:
        return {"messages": [await chat().ainvoke(state["messages"])]}

    return StateGraph(MessagesState).add_node("talk", talk).add_edge(START, "talk").compile()


FORMS: dict[str, tuple[Callable[[], Any], Any]] = {
    "function": (lambda: sync_function, None),
    "async function": (lambda: async_function, None),
    "callable object": (Kitchen, None),
    "partial of an async function": (lambda: partial(async_function), None),
    "runnable of a function": (lambda: RunnableLambda(sync_function), None),
    "runnable of an async function": (lambda: RunnableLambda(async_function), None),
    "chat model": (chat, None),
    "chain": (lambda: ChatPromptTemplate.from_messages([("user", "{task}")]) | chat(), None),
    "agent": (lambda: create_agent(chat(), tools=[]), None),
    "graph of messages": (talking_graph, None),
    "graph of its own keys": (own_graph, {"task": TASKS["caterer"], "score": 3}),
}  # fmt: skip


@BOTH
@pytest.mark.parametrize("form", FORMS)
def test_a_python_object_is_a_specialist(endpoint: Endpoint, run: Run, form: str) -> None:
    """Any runnable, graph, agent or function from task to text does the subtask, under invoke and ainvoke."""
    make, data = FORMS[form]
    outcome = outcome_of(run, make())

    assert (outcome["status"], outcome["error"]) == ("done", None)
    assert outcome["output"] == f"did: {TASKS['caterer']}"
    assert outcome["data"] == data


@BOTH
def test_structured_output_is_kept(endpoint: Endpoint, run: Run) -> None:
    """A pydantic object, or an agent's structured response, is kept as plain data, and written out for the synthesis."""

    async def structured(task: str) -> Menu:
        return Menu(dishes=["soup"], price=4.5)

    outcome = outcome_of(run, structured)

    assert outcome["data"] == {"dishes": ["soup"], "price": 4.5}
    assert '"dishes": [' in prompts_of(endpoint, "synthesiser")[0]


def fails(task: str) -> str:
    raise LookupError("the larder is locked")


def sleeps(task: str) -> str:
    time.sleep(5)
    return "too late"


async def blocks(task: str) -> str:
    time.sleep(5)  # noqa: ASYNC251 - that is the point
    return "too late"


async def waits(task: str) -> str:
    await asyncio.sleep(5)
    return "too late"


ENDS: dict[str, tuple[Any, str, str]] = {
    "raises": (fails, "failed", "LookupError: the larder is locked"),
    "nothing": (lambda task: None, "failed", "it returned nothing"),
    "blank": (lambda task: "  ", "failed", "it returned no text"),
    "slow": (sleeps, "timed_out", "no result within 0.3 s"),
    "slow and async": (waits, "timed_out", "no result within 0.3 s"),
}


@BOTH
@pytest.mark.parametrize("case", ENDS)
def test_whatever_it_does_is_an_outcome(endpoint: Endpoint, run: Run, case: str) -> None:
    """Other people's code that raises, hangs or returns nothing is that worker's failure alone."""
    runnable, status, error = ENDS[case]
    began = time.monotonic()
    made = build_graph(specialists=[Specialist("caterer", "feeds people", runnable, timeout=0.3)])
    outcomes = run(made)["outcomes"]

    assert (outcomes[0]["status"], outcomes[0]["error"]) == (status, error)
    assert [outcome["status"] for outcome in outcomes[1:]] == ["done", "done"]
    assert time.monotonic() - began < 4


def test_a_blocking_specialist_holds_up_no_other_run(endpoint: Endpoint) -> None:
    """Under invoke, an async function that blocks is bounded by its time, and the engine loop goes on."""
    made = build_graph(specialists=[Specialist("caterer", "feeds people", blocks, timeout=0.3)])
    began = time.monotonic()
    statuses = [outcome["status"] for outcome in invoked(made)["outcomes"]]

    assert statuses == ["timed_out", "done", "done"]
    assert time.monotonic() - began < 4


def test_it_runs_on_the_callers_loop(endpoint: Endpoint) -> None:
    """Under ainvoke, an async specialist runs where its caller's clients live."""
    loops: list[Any] = []

    async def where(task: str) -> str:
        loops.append(asyncio.get_running_loop())
        return "here"

    async def call() -> Any:
        await build_graph(specialists=[Specialist("caterer", "feeds", where)]).ainvoke({"request": REQUEST})
        return asyncio.get_running_loop()

    mine = asyncio.run(call())

    assert loops == [mine]


@BOTH
def test_its_own_model_calls_are_charged(endpoint: Endpoint, run: Run) -> None:
    """Model calls that LangChain reports are charged to the subtask; a function that calls none costs nothing."""
    outcome = outcome_of(run, lambda task: chat().invoke([HumanMessage(task)]))
    none = outcome_of(run, sync_function)

    assert [(charge["subtask_id"], charge["known"]) for charge in outcome["charges"]] == [("S1", True)]
    assert outcome["charges"][0]["input_tokens"] > 0
    assert none["charges"] == []


@BOTH
def test_a_graph_inside_is_apart(endpoint: Endpoint, run: Run) -> None:
    """A graph as specialist writes nothing into the run's own checkpoints."""
    saver = InMemorySaver()
    made = build_graph(saver, specialists=[Specialist("caterer", "feeds", own_graph())])
    config: Any = {"configurable": {"thread_id": "one"}}
    given: Any = {"request": REQUEST}
    state = made.invoke(given, config) if run is invoked else asyncio.run(made.ainvoke(given, config))

    assert state["outcomes"][0]["status"] == "done"
    assert {saved.config["configurable"]["checkpoint_ns"] for saved in saver.list(config)} == {""}


WRONG: dict[str, tuple[Callable[[], Any], str]] = {
    "no name": (lambda: Specialist("", "d"), "a specialist needs a name"),
    "no description": (lambda: Specialist("a", " "), "specialist 'a' needs a description"),
    "no runnable": (lambda: build_graph(specialists=[Specialist("a", "d", 7)]), "runnable must be"),
    "no specialist": (lambda: build_graph(specialists=["a"]), "expected graph.Specialist"),  # type: ignore[list-item]
    "tools of a runnable": (lambda: build_graph(specialists=[Specialist("a", "d", fails, tools=("b",))]), "brings its own"),
    "unknown tool": (lambda: build_graph(specialists=[Specialist("a", "d", tools=("b",))]), "specialist 'a': unknown tool 'b'"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_specialist(case: str) -> None:
    """What cannot be a specialist is refused where it is given."""
    make, words = WRONG[case]
    with pytest.raises(BadSettings) as raised:
        make()

    assert words in str(raised.value)


def test_the_notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second notebook runs from top to bottom without a key, and is kept with its outputs."""
    path = REPOSITORY / "notebooks" / "02_your_own_specialist.ipynb"
    notebook: Any = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    outputs = [cell.outputs for cell in code]
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    monkeypatch.setenv("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook.metadata["kernelspec"] = kernel
    NotebookClient(notebook, timeout=60, resources={"metadata": {"path": str(path.parent)}}).execute()
    shown = "".join(str(output.get("text", output.get("data", ""))) for output in code[-1].outputs)

    assert [bool(kept) for kept in outputs] == [False, False, False, False, True]
    assert "41.5" in shown


def test_front_matter_is_text(tmp_path: Path) -> None:
    """What YAML would take for a date, a number or a truth value is text where text is wanted."""
    (tmp_path / "a.md").write_text("---\nname: 2026\ndescription: 2026-02-30\nmodel: ~\ntimeout: 4\n---\nx")

    (specialist,) = read_folder(tmp_path, lambda _: None)

    assert (specialist.name, specialist.description, specialist.model, specialist.timeout) == (
        "2026",
        "2026-02-30",
        "",
        4,
    )
