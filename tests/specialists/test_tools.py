"""Tools: what workers can use, how it is bounded, and who is asked first."""

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.types import Command

from graph import BadSettings, build_graph
from nodes.errors import BadDecision
from nodes.models.text_tools import read_calls
from nodes.specialists import tool_loop as desk
from nodes.specialists.tools import toolbox as tools
from nodes.specialists.tools.arithmetic import calculate, convert_units, reckon_dates
from tests.endpoint import Endpoint, Turn
from tests.minds import REQUEST, TASKS, Team, calls_of, plan_of
from tests.turn import Body

State = dict[str, Any]
Step = Callable[..., State]
sent: list[str] = []


@pytest.fixture(autouse=True)
def nothing_sent() -> None:
    sent.clear()


@tool
def weigh(thing: str) -> str:
    """Weigh a thing."""
    return f"{thing} weighs 4 kg"


@tool
async def mail(to: str) -> str:
    """Send an invitation."""
    sent.append(to)
    return f"sent to {to}"


mail.metadata = {"changes_world": True}


@tool
def breaks(thing: str) -> str:
    """Raise."""
    raise LookupError(f"no {thing} here")


@tool
def sleeps(seconds: float) -> str:
    """Sleep."""
    time.sleep(seconds)
    return "slept"


sleeps.metadata = {"timeout_s": 0.2}


@tool
async def naps(seconds: float) -> str:
    """Sleep, and let others work."""
    await asyncio.sleep(seconds)
    return "slept"


def plain(thing: str) -> str:
    """Describe a thing."""
    return f"{thing} is plain"


TOOLS = [weigh, mail, breaks, sleeps, naps, plain]


def team_of(folder: Path, *names: str, have: str, more: str = "") -> Path:
    for name in names:
        text = f"---\nname: {name}\ndescription: does what a {name} does\ntools: {have}\n{more}---\nDo it well.\n"
        (folder / f"{name}.md").write_text(text)
    return folder


def results_in(body: Body) -> list[str]:
    return [
        message["content"].split("\n", 1)[1].rsplit("\n", 1)[0]
        for message in body["messages"]
        if message["role"] == "tool"
    ]


def calling(*rounds: list[Body]) -> Callable[[Body], Turn]:
    """Answer as a worker that makes these calls, round by round, then tells their results."""

    def said(body: Body) -> Turn:
        number = sum(message["role"] == "assistant" for message in body["messages"])
        calls = "tools" in body and number < len(rounds)
        return Turn("", tool_calls=rounds[number]) if calls else Turn(" | ".join(results_in(body)) or "done")

    return said


def call(name: str, **args: Any) -> Body:
    return {"name": name, "args": args}


def stepper(folder: Path, *, sync: bool = True, saver: Any = None) -> Step:
    made = build_graph(saver, specialists_dir=folder, tools=TOOLS)
    config: Any = {"configurable": {"thread_id": "one"}}

    def step(given: Any = None, **context: Any) -> State:
        given = {"request": REQUEST} if given is None else given
        if sync:
            return dict(made.invoke(given, config, context=context or None))  # type: ignore[arg-type]
        return dict(asyncio.run(made.ainvoke(given, config, context=context or None)))  # type: ignore[arg-type]

    return step


WAYS = pytest.mark.parametrize("way", ["invoke", "ainvoke"])


@pytest.fixture
def smith(team: Team) -> Callable[..., None]:
    """Give a way to set what the one worker of the plan, the smith, says."""

    def says(*rounds: list[Body]) -> None:
        team.planner = [plan_of({"smith": TASKS["caterer"]})]
        team.workers = {"smith": calling(*rounds)}

    return says


@WAYS
def test_a_tool_is_called_and_its_result_used(endpoint: Endpoint, smith: Any, tmp_path: Path, way: str) -> None:
    """The tools that a file names are offered; calls, results and charges are in the outcome, results are data."""
    smith([call("weigh", thing="iron"), call("plain", thing="tin")])
    (outcome,) = stepper(team_of(tmp_path, "smith", have="weigh, plain"), sync=way == "invoke")()["outcomes"]
    first, second = calls_of(endpoint, "worker")
    fenced = [message["content"].split(" ")[0] for message in second.body["messages"] if message["role"] == "tool"]

    assert [tool["function"]["name"] for tool in first.body["tools"]] == ["weigh", "plain"]
    assert (outcome["status"], outcome["output"]) == ("done", "iron weighs 4 kg | tin is plain")
    assert [(tool["tool"], tool["args"], tool["result"], tool["error"]) for tool in outcome["tools"]] == [
        ("weigh", {"thing": "iron"}, "iron weighs 4 kg", False),
        ("plain", {"thing": "tin"}, "tin is plain", False),
    ]
    assert [charge["subtask_id"] for charge in outcome["charges"]] == ["S1", "S1"]
    assert fenced == ["<<<result", "<<<result"]


@WAYS
def test_calls_are_told_while_they_are_made(endpoint: Endpoint, smith: Any, tmp_path: Path, way: str) -> None:
    """Every call is an event with its tool, arguments and result, and comes from the run itself."""
    smith([call("weigh", thing="iron")])
    made: Any = build_graph(specialists_dir=team_of(tmp_path, "smith", have="weigh"), tools=TOOLS)
    given = {"request": REQUEST}

    async def gathered() -> list[Any]:
        return [event async for event in made.astream(given, stream_mode="custom")]

    events = list(made.stream(given, stream_mode="custom")) if way == "invoke" else asyncio.run(gathered())

    assert [event for event in events if event["type"] == "worker_tool"] == [
        {"type": "worker_tool", "id": "S1", "tool": "weigh", "args": '{"thing": "iron"}', "result": "iron weighs 4 kg"}
    ]


@WAYS
def test_a_tool_it_does_not_have(endpoint: Endpoint, smith: Any, tmp_path: Path, way: str) -> None:
    """A planted call of a tool that the file does not name is refused by code, though the graph has that tool."""
    smith([call("mail", to="everybody"), call("os.system", command="rm -rf /")])
    (outcome,) = stepper(team_of(tmp_path, "smith", have="weigh"), sync=way == "invoke")()["outcomes"]

    assert [tool["result"] for tool in outcome["tools"]] == [
        "Refused: you have no tool named 'mail'; yours: weigh.",
        "Refused: you have no tool named 'os.system'; yours: weigh.",
    ]
    assert sent == []


MISHAPS: dict[str, tuple[Body, str]] = {
    "raises": (call("breaks", thing="iron"), "Failed: LookupError: no iron here"),
    "too slow": (call("sleeps", seconds=3), "Failed: no result within 0.2 s."),
    "too slow, async": (call("naps", seconds=3), "Failed: no result within 0.3 s."),
    "wrong arguments": (call("weigh", stone=1), "Failed: ValidationError: 1 validation error for weigh"),
    "no arguments at all": (
        {"name": "weigh", "args": "{thing: "},
        "Refused: the arguments are no JSON object: {thing:",
    ),
}


@WAYS
@pytest.mark.parametrize("case", MISHAPS)
def test_a_tool_that_fails_tells_the_model(endpoint: Endpoint, smith: Any, tmp_path: Path, case: str, way: str) -> None:
    """A tool that raises, hangs or is called wrongly is an answer to the model, and the work goes on."""
    made, words = MISHAPS[case]
    smith([made])
    folder = team_of(tmp_path, "smith", have="weigh, breaks, sleeps, naps", more="tool_timeout: 0.3\n")
    (outcome,) = stepper(folder, sync=way == "invoke")()["outcomes"]

    assert outcome["status"] == "done"
    assert outcome["tools"][0]["error"] is True
    assert outcome["tools"][0]["result"].startswith(words)
    assert outcome["seconds"] < 2.5


def test_calls_without_end_are_ended(endpoint: Endpoint, smith: Any, tmp_path: Path) -> None:
    """A worker that only ever calls tools is told to deliver after its last call, and its calls are counted."""
    smith(*[[call("weigh", thing=f"piece {number}")] for number in range(50)])
    (outcome,) = stepper(team_of(tmp_path, "smith", have="weigh"))()["outcomes"]
    bodies = [call.body for call in calls_of(endpoint, "worker")]

    assert len(bodies) == tools.MODEL_CALLS
    assert "tools" not in bodies[-1]
    assert "No tool can be used any more" in str(bodies[-1]["messages"][-1])
    assert len(outcome["tools"]) == tools.MODEL_CALLS - 1
    assert (outcome["status"], outcome["output"]) == ("partial", "done")


def test_many_calls_at_once_are_bounded(endpoint: Endpoint, smith: Any, tmp_path: Path) -> None:
    """Of a flood of calls in one reply only the first are made."""
    smith([call("weigh", thing=str(number)) for number in range(200)])
    (outcome,) = stepper(team_of(tmp_path, "smith", have="weigh"))()["outcomes"]

    assert len(outcome["tools"]) == desk.TOOL_CALLS
    assert outcome["status"] in ("done", "partial")


@pytest.mark.parametrize("tokens", [20_000, 40_000])
def test_tools_stay_within_the_budget(endpoint: Endpoint, smith: Any, tmp_path: Path, tokens: int) -> None:
    """A worker with tools never spends more than its allowance, and delivers before it is used up."""
    smith(*[[call("weigh", thing=f"piece {number}")] for number in range(50)])
    state = stepper(team_of(tmp_path, "smith", have="weigh"))(budget_tokens=tokens)
    (outcome,) = state["outcomes"]
    allowed = state["plan"]["subtasks"][0]["allowance"]["tokens"]

    assert sum(charge["input_tokens"] + charge["output_tokens"] for charge in outcome["charges"]) <= allowed
    assert state["spend"]["input_tokens"] + state["spend"]["output_tokens"] <= tokens
    assert outcome["status"] != "over_budget"


def approve(*kinds: str, **more: Any) -> dict[str, Any]:
    return {"decisions": [{"type": kind, **more} for kind in kinds]}


@WAYS
def test_what_changes_the_world_waits_for_a_person(endpoint: Endpoint, smith: Any, tmp_path: Path, way: str) -> None:
    """Several such calls in one reply are one question in the common form; approved, they are made, and no paid call is repeated."""
    smith([call("mail", to="ann"), call("weigh", thing="iron"), call("mail", to="bob")])
    step = stepper(team_of(tmp_path, "smith", have="mail, weigh"), sync=way == "invoke", saver=InMemorySaver())
    (asked,) = step()["__interrupt__"]
    before, sent_before = len(endpoint.requests), list(sent)
    (outcome,) = step(Command(resume=approve("approve", "reject", message="Bob is away.")))["outcomes"]

    assert [(request["name"], request["args"]) for request in asked.value["action_requests"]] == [
        ("mail", {"to": "ann"}),
        ("mail", {"to": "bob"}),
    ]
    assert asked.value["review_configs"] == [
        {"action_name": "mail", "allowed_decisions": ["approve", "edit", "reject"]}
    ]
    assert (before, sent_before, sent) == (2, [], ["ann"])
    assert [tool["result"].split(".")[0] for tool in outcome["tools"]] == [
        "sent to ann",
        "iron weighs 4 kg",
        "Refused by a person: Bob is away",
    ]
    assert len(endpoint.requests) == 3  # planner, twice the smith; the one result is the answer
    assert len(outcome["charges"]) == 2


@WAYS
def test_several_workers_ask_at_once(endpoint: Endpoint, team: Team, tmp_path: Path, way: str) -> None:
    """Each worker that waits asks for itself; answers go by the interrupt's id, and finished work is not done again."""
    team.planner = [plan_of({"smith": TASKS["caterer"], "baker": TASKS["publicist"], "poet": TASKS["safety officer"]})]
    team.workers = {name: calling([call("mail", to=name)]) for name in ("smith", "baker")}
    step = stepper(team_of(tmp_path, "smith", "baker", have="mail"), sync=way == "invoke", saver=InMemorySaver())
    asked = step()["__interrupt__"]
    state = step(Command(resume={interrupt.id: approve("approve") for interrupt in asked}))

    assert len(asked) == 2
    assert sorted(sent) == ["baker", "smith"]
    assert [outcome["status"] for outcome in state["outcomes"]] == ["done"] * 3
    assert len(endpoint.requests) == 1 + 2 * 2 + 1 + 1


def test_an_edit_changes_the_call(endpoint: Endpoint, smith: Any, tmp_path: Path) -> None:
    """A person may change the arguments, and cannot make another tool of it; a wrong answer can be given again."""
    smith([call("mail", to="ann"), call("mail", to="bob")])
    step = stepper(team_of(tmp_path, "smith", have="mail, weigh"), saver=InMemorySaver())
    step()
    with pytest.raises(BadDecision, match="that is no decision"):
        step(Command(resume=approve("approve")))
    edits = [{"name": "mail", "args": {"to": "eve"}}, {"name": "weigh", "args": {"thing": "bob"}}]
    state = step(Command(resume={"decisions": [{"type": "edit", "edited_action": edit} for edit in edits]}))

    assert sent == ["eve"]
    assert [tool["args"] for tool in state["outcomes"][0]["tools"]] == [{"to": "eve"}, {"to": "bob"}]


def test_a_file_can_make_any_tool_ask(endpoint: Endpoint, smith: Any, tmp_path: Path) -> None:
    """`asks` in a file names tools that wait for a person there."""
    smith([call("weigh", thing="iron")])
    step = stepper(team_of(tmp_path, "smith", have="weigh", more="asks: weigh\n"), saver=InMemorySaver())

    assert [request["name"] for request in step()["__interrupt__"][0].value["action_requests"]] == ["weigh"]


@WAYS
def test_nobody_can_be_asked(endpoint: Endpoint, smith: Any, tmp_path: Path, way: str) -> None:
    """In a run that is not kept, such a call is refused, and the work goes on."""
    smith([call("mail", to="ann")])
    (outcome,) = stepper(team_of(tmp_path, "smith", have="mail"), sync=way == "invoke")()["outcomes"]

    assert sent == []
    assert outcome["tools"][0]["result"].startswith("Refused: this tool needs a person's approval")


def test_another_process_takes_the_answer(endpoint: Endpoint, smith: Any, tmp_path: Path) -> None:
    """Kept in a file, the question is answered in a graph built anew; the model is not asked again for what it said."""
    smith([call("mail", to="ann")])
    folder = team_of(tmp_path, "smith", have="mail")
    with SqliteSaver.from_conn_string(str(tmp_path / "runs.db")) as saver:
        stepper(folder, saver=saver)()
    with SqliteSaver.from_conn_string(str(tmp_path / "runs.db")) as saver:
        state = stepper(folder, saver=saver)(Command(resume=approve("approve")))

    assert (state["outcomes"][0]["status"], sent, len(endpoint.requests)) == ("done", ["ann"], 3)


def test_an_endpoint_without_tools(endpoint: Endpoint, team: Team, tmp_path: Path) -> None:
    """Where the endpoint refuses tools, they are told in the prompt and called in text, and the work is done."""

    def says(body: Body) -> Turn:
        if "tools" in body:
            error = {"message": '"auto" tool choice requires --enable-auto-tool-choice', "code": 400}
            return Turn(status=400, body=json.dumps({"error": error}))
        heard = "iron weighs 4 kg" in str(body["messages"])
        return Turn("Four." if heard else '{"tool": "weigh", "args": {"thing": "iron"}}')

    team.planner, team.workers = [plan_of({"smith": TASKS["caterer"]})], {"smith": says}
    (outcome,) = stepper(team_of(tmp_path, "smith", have="weigh"))()["outcomes"]

    assert (outcome["status"], outcome["output"]) == ("done", "Four.")
    assert [tool["result"] for tool in outcome["tools"]] == ["iron weighs 4 kg"]


TEXTS = {
    '{"tool": "a", "args": {"b": 1}}': [("a", {"b": 1})],
    '```json\n{"tool": "a", "args": {}}\n{"tool": "b"}\n```': [("a", {}), ("b", {})],
    '<tool_call>{"name": "a", "arguments": {"x": "y"}}</tool_call>': [("a", {"x": "y"})],
    '<think>Which?</think>[{"tool": "a"}]': [("a", {})],
    'The page says: {"tool": "a", "args": {}}': [],
    '{"tool": "a", "args": {}} That is the call.': [],
    '{"result": 5}': [],
    "": [],
}


@pytest.mark.parametrize("text", TEXTS)
def test_calls_in_text(text: str) -> None:
    """A reply is a call only when it is nothing else; JSON that stands in other text calls nothing."""
    assert [(call["name"], call["args"]) for call in read_calls(text, 0)] == TEXTS[text]


WRONG: dict[str, tuple[Any, str]] = {
    "no tool": (7, "expected a LangChain tool or a function"),
    "no docstring": (lambda x: x, "cannot be a tool"),
    "no name": (tool("two words")(plain), "a tool cannot be named 'two words'"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_tool(case: str) -> None:
    """What cannot be a tool is refused where it is given."""
    given, words = WRONG[case]
    with pytest.raises(BadSettings) as raised:
        build_graph(tools=[given])

    assert words in str(raised.value)


def test_tools_of_installed_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package offers tools by an entry point, and one that cannot be loaded is named."""
    info = tmp_path / "larder-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: larder\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{tools.ENTRY_POINTS}]\nweigh = tests.specialists.test_tools:weigh\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    build_graph(specialists_dir=team_of(tmp_path, "smith", have="weigh"))
    (info / "entry_points.txt").write_text(f"[{tools.ENTRY_POINTS}]\nweigh = tests.no_such:thing\n")
    with pytest.raises(BadSettings) as raised:
        build_graph()

    assert "entry point 'weigh' (tests.no_such:thing) cannot be loaded: ModuleNotFoundError" in str(raised.value)


def test_the_built_in_estimator(endpoint: Endpoint, team: Team) -> None:
    """The estimator that comes with us reckons with its tools, without any set-up."""
    team.planner = [plan_of({"estimator": TASKS["caterer"]})]
    team.workers = {"estimator": calling([call("calculate", expression="80 * 4.10")])}
    (outcome,) = build_graph().invoke({"request": REQUEST})["outcomes"]

    assert (outcome["specialist"], outcome["output"]) == ("estimator", "328")


SUMS = {
    "0.1 + 0.2": "0.3",
    "80 * 4.10 + 12.5% * 328": "369",
    "15% of 80": "12",
    "12,500 / 3": "about 4166.666666666667 (exactly 12500/3)",
    "2 ^ 10 - 1": "1023",
    "round(2.5) + round(1/3, 2)": "3.33",
    "sqrt(2)": "about 1.414213562373",
    "sqrt(9/4)": "1.5",
    "-7 // 2": "-4",
    "max(1, 2.5, 2)": "2.5",
}
NO_SUMS = [
    "1/0", "9**9**9", "2**100000", "10**(10**6)", "1e9999999", "().__class__", "__import__('os')", "x + 1", "'a' * 9",
    "[1, 2]", "lambda: 1", "1 if 1 else 2", "(3 + 4", "", "9" * 1001, "open('/etc/passwd')", "max", "True", "1; 2",
]  # fmt: skip


@pytest.mark.parametrize("expression", SUMS)
def test_sums_are_exact(expression: str) -> None:
    """Sums come out as they would on paper."""
    assert calculate.invoke({"expression": expression}) == SUMS[expression]


@pytest.mark.parametrize("expression", NO_SUMS)
def test_what_is_no_sum(expression: str) -> None:
    """Code, names, and numbers beyond all bounds are refused, and at once."""
    began = time.monotonic()
    with pytest.raises((ValueError, TypeError)):
        calculate.invoke({"expression": expression})

    assert time.monotonic() - began < 1


CONVERSIONS = {
    ("2.5", "mile", "km"): "2.5 mile = 4.02336 km",
    ("80", "degF", "degC"): "80 degF = about 26.666666666667 (exactly 80/3) degC",
    ("1", "US pint", "ml"): "1 US pint = 473.176473 ml",
    ("1,200", "cup", "litre"): "1200 cup = 283.9058838 litre",
    ("3", "square foot", "m^2"): "3 square foot = 0.27870912 m^2",
    ("36", "km/h", "m/s"): "36 km/h = 10 m/s",
    ("9", "KILOMETRES", "m"): "9 KILOMETRES = 9000 m",
}
NO_UNITS = [
    ("3", "foo", "km"),
    ("3", "kg", "km"),
    ("3", "9**9**9**9 m", "km"),
    ("3", "m**99999999", "km"),
    ("3", "__class__", "m"),
    ("x", "m", "km"),
]


@pytest.mark.parametrize("case", CONVERSIONS)
def test_units(case: tuple[str, str, str]) -> None:
    """Quantities are converted exactly, by the names that people use."""
    assert convert_units.invoke(dict(zip(("value", "unit", "to"), case, strict=True))) == CONVERSIONS[case]


@pytest.mark.parametrize("case", NO_UNITS)
def test_what_is_no_unit(case: tuple[str, str, str]) -> None:
    """Unknown units, units that do not fit, and towers of powers are refused, and at once."""
    began = time.monotonic()
    with pytest.raises(ValueError, match=r"unit|convert|worked out"):
        convert_units.invoke(dict(zip(("value", "unit", "to"), case, strict=True)))

    assert time.monotonic() - began < 2


DATES = {
    ("2026-05-30", "-12 weeks", ""): "2026-03-07 (Saturday)",
    ("2024-01-31", "+1 month", ""): "2024-02-29 (Thursday)",
    ("2026-05-30", "+3 months - 2 days", ""): "2026-08-28 (Friday)",
    ("2026-05-29", "10 working days", ""): "2026-06-12 (Friday)",
    ("2026-05-30", "", ""): "2026-05-30 (Saturday)",
    ("2026-05-30", "", "2026-06-30"): "2026-05-30 (Saturday) to 2026-06-30 (Tuesday): 31 days (4 weeks and 3 days; "
    "21 working days, Monday to Friday, the last day not counted)",
}


@pytest.mark.parametrize("case", DATES)
def test_dates(case: tuple[str, str, str]) -> None:
    """Dates are shifted and counted as on a calendar."""
    assert reckon_dates.invoke(dict(zip(("start", "shift", "until"), case, strict=True))) == DATES[case]


@pytest.mark.parametrize("case", [("30.5.2026", "1 day"), ("2026-05-30", "soon"), ("2026-05-30", "999999 years")])
def test_what_is_no_date(case: tuple[str, str]) -> None:
    """What is no date or no shift is said to be none."""
    with pytest.raises(ValueError, match=r"expected|beyond"):
        reckon_dates.invoke({"start": case[0], "shift": case[1]})
