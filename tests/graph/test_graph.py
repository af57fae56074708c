"""The whole graph, as people call it, with the real client and a loopback endpoint."""

import asyncio
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from graph import AllWorkersFailed, BadRequest, BadSettings, NoModel, OrchestratorError, answer, build_graph, graph
from graph.build import whole
from nodes.state import REQUEST_LIMIT, Context
from tests.endpoint import Endpoint, Turn
from tests.minds import REQUEST, TASKS, Team, calls_of, fenced, many_tasks, plan_of, prompts_of, synthesis_of

State = dict[str, Any]
Run = Callable[..., State]


def invoked(graph: Any, given: Any, config: Any = None, context: Any = None) -> State:
    return dict(graph.invoke(given, config, context=context))


def ainvoked(graph: Any, given: Any, config: Any = None, context: Any = None) -> State:
    return dict(asyncio.run(graph.ainvoke(given, config, context=context)))


def invoked_in_a_loop(graph: Any, given: Any, config: Any = None, context: Any = None) -> State:
    async def notebook_cell() -> State:
        return invoked(graph, given, config, context)

    return asyncio.run(notebook_cell())


BOTH = pytest.mark.parametrize("run", [invoked, ainvoked])
EVERY_WAY = pytest.mark.parametrize("run", [invoked, ainvoked, invoked_in_a_loop])


def thread(name: str = "one") -> Any:
    return {"configurable": {"thread_id": name}}


def statuses(state: State) -> list[tuple[str, str]]:
    return [(outcome["id"], outcome["status"]) for outcome in state["outcomes"]]


def broken(fault: str = "500") -> Turn:
    return Turn(fault=fault)


@EVERY_WAY
def test_a_request_becomes_one_answer(endpoint: Endpoint, run: Run) -> None:
    """A request is planned, worked on by every specialist, and answered."""
    state = run(graph, {"request": REQUEST})

    assert state["request"] == REQUEST
    assert [(subtask["id"], subtask["specialist"], subtask["task"]) for subtask in state["plan"]["subtasks"]] == [
        (f"S{number}", *pair) for number, pair in enumerate(TASKS.items(), 1)
    ]
    assert state["plan"]["source"] == "native"
    assert statuses(state) == [("S1", "done"), ("S2", "done"), ("S3", "done")]
    assert [outcome["output"] for outcome in state["outcomes"]] == [f"The {who} has done it." for who in TASKS]
    assert state["answer"] == "Everything is planned. [S1] [S2] [S3]"
    assert (state["complete"], state["stop_reason"], state["gaps"], state["disagreements"]) == (True, None, [], [])
    assert state["spend"]["calls"] == len(endpoint.requests) == 5


def test_answer_is_text_with_the_state_beside_it(endpoint: Endpoint) -> None:
    """The one-line call gives the answer's text, and the state for those who want more."""
    said = answer(REQUEST, model="openai:gpt-4o-mini", max_subtasks=2)

    assert said.startswith("Everything is planned. [S1] [S2]\n\n## What is missing\n\n- safety officer: ")
    assert said.state["answer"] == said
    assert said.state["plan"]["dropped"] == [
        {
            "specialist": "safety officer",
            "task": TASKS["safety officer"],
            "kind": "over_limit",
            "reason": "over the limit of 2 subtasks; the least needed go",
        }
    ]
    assert {call.body["model"] for call in endpoint.requests} == {"gpt-4o-mini"}


def test_the_final_state_is_plain_json(endpoint: Endpoint) -> None:
    """What a client gets can be written as JSON and read back unchanged."""
    state = invoked(graph, {"request": REQUEST})

    assert json.loads(json.dumps(state)) == state


@EVERY_WAY
@pytest.mark.parametrize(("workers", "max_parallel", "expected"), [(20, 20, 20), (5, 2, 2)])
def test_workers_work_side_by_side(
    endpoint: Endpoint, team: Team, run: Run, workers: int, max_parallel: int, expected: int
) -> None:
    """All workers are under way at once, up to max_parallel."""
    many = many_tasks(workers)
    slow = Turn("Done.", delay=1.5 if workers > 5 else 0.05)
    team.planner, team.workers = [plan_of(many)], dict.fromkeys(many, slow)
    state = run(graph, {"request": REQUEST}, context={"max_subtasks": workers, "max_parallel": max_parallel})

    assert len(state["outcomes"]) == workers
    assert endpoint.most_in_flight == expected


def test_several_loops_in_one_process(endpoint: Endpoint) -> None:
    """Each asyncio.run has a loop of its own; the second and third work as the first did."""
    answers = [ainvoked(graph, {"request": REQUEST})["answer"] for _ in range(3)]

    assert answers == ["Everything is planned. [S1] [S2] [S3]"] * 3


def test_runs_side_by_side_do_not_mix(endpoint: Endpoint) -> None:
    """Two runs at once on one loop each keep their own request."""

    async def both() -> Any:
        return await asyncio.gather(*(graph.ainvoke({"request": f"{REQUEST} {name}"}) for name in ("Rome", "Oslo")))

    states = asyncio.run(both())

    assert [state["request"][-4:] for state in states] == ["Rome", "Oslo"]
    assert [state["spend"]["calls"] for state in states] == [5, 5]


def streamed(mode: str, *, sync: bool) -> list[Any]:
    if sync:
        return list(graph.stream({"request": REQUEST}, stream_mode=mode))  # type: ignore[call-overload]

    async def collected() -> list[Any]:
        return [part async for part in graph.astream({"request": REQUEST}, stream_mode=mode)]  # type: ignore[call-overload]

    return asyncio.run(collected())


SYNC_OR_NOT = pytest.mark.parametrize("sync", [True, False])


@SYNC_OR_NOT
def test_stream_updates(endpoint: Endpoint, *, sync: bool) -> None:
    """Updates name each step as it ends, one for each worker."""
    nodes = [name for part in streamed("updates", sync=sync) for name in part]

    assert nodes == ["planner", "validator", "worker", "worker", "worker", "synthesiser"]


@SYNC_OR_NOT
def test_stream_values(endpoint: Endpoint, *, sync: bool) -> None:
    """Values grow to the final state."""
    parts = streamed("values", sync=sync)

    assert parts[-1]["answer"] == "Everything is planned. [S1] [S2] [S3]"
    assert [len(part.get("outcomes", [])) for part in parts][-3:] == [0, 3, 3]


@SYNC_OR_NOT
def test_stream_messages(endpoint: Endpoint, team: Team, *, sync: bool) -> None:
    """Messages carry each worker's text and the answer as text, never the raw JSON of the synthesis."""
    said_so = synthesis_of("A long answer, in pieces: “quoted”,\nwith a second line. [S1] [S2] [S3]")
    team.synthesiser = [Turn(said_so, chunk_delay=0.03)]  # slower than pieces are joined
    said: dict[str, list[str]] = {}
    for message, meta in streamed("messages", sync=sync):
        said.setdefault(meta["langgraph_node"], []).append(message.text)

    assert "".join(said["synthesiser"]) == "A long answer, in pieces: “quoted”,\nwith a second line. [S1] [S2] [S3]"
    assert len([piece for piece in said["synthesiser"] if piece]) > 1
    assert sorted("".join(said["worker"])) == sorted("".join(f"The {who} has done it." for who in TASKS))


@SYNC_OR_NOT
def test_stream_custom(endpoint: Endpoint, team: Team, *, sync: bool) -> None:
    """Custom events tell the run as it goes: each subtask as it is planned, the plan, workers' starts and ends, the ledger, the answer's text."""
    events = streamed("custom", sync=sync)
    kinds = [event["type"] for event in events]
    once = [kind for number, kind in enumerate(kinds) if kind not in kinds[:number]]

    assert once == ["planning", "drafted", "plan", "worker", "worker_text", "synthesis", "ledger", "answer"]
    assert [kind for kind in kinds if kind == "worker"] == ["worker"] * 6
    assert {event["id"]: event["status"] for event in events if event["type"] == "worker"} == dict.fromkeys(
        ("S1", "S2", "S3"), "done"
    )
    assert "".join(event["text"] for event in events if event["type"] == "answer") == (
        "Everything is planned. [S1] [S2] [S3]"
    )


@BOTH
def test_a_second_request_on_a_thread_starts_clean(endpoint: Endpoint, team: Team, run: Run) -> None:
    """Nothing of the first request shows in the second's state, prompts or spend."""
    kept = whole(build_graph(checkpointer=InMemorySaver()))
    disagreement = disagreement_of_two()
    team.synthesiser = [
        synthesis_of("First. [S1]", disagreement, [{"subtask_id": None, "what": "rain", "why": "not asked"}])
    ]
    first = run(kept, {"request": REQUEST}, thread())
    endpoint.reset()
    team.planner, team.synthesiser = (
        [plan_of({"librarian": "Compare two classification schemes for music."})],
        [synthesis_of("Never said.")],
    )
    second = run(kept, {"request": "How should a small library shelve its music?"}, thread())

    assert first["disagreements"] != []
    assert first["spend"]["calls"] > 3
    assert [subtask["specialist"] for subtask in second["plan"]["subtasks"]] == ["librarian"]
    assert statuses(second) == [("S1", "done")]
    assert (second["answer"], second["gaps"], second["disagreements"]) == ("The librarian has done it.", [], [])
    assert (second["complete"], second["stop_reason"]) == (True, None)
    assert second["spend"]["calls"] == len(endpoint.requests) == 2
    assert len(second["charges"]) == 1  # the planner's
    assert [
        role for role in ("planner", "worker", "synthesiser") if REQUEST in "".join(prompts_of(endpoint, role))
    ] == []


def disagreement_of_two() -> list[dict[str, Any]]:
    quotes = [
        ("S1", "the caterer did", "The caterer has done it."),
        ("S2", "the publicist did", "The publicist has done it."),
    ]
    return [
        {
            "topic": "who did it",
            "positions": [{"subtask_id": said_by, "claim": claim, "quote": quote} for said_by, claim, quote in quotes],
            "resolution": None,
        }
    ]


@BOTH
def test_a_second_request_after_a_failed_one_starts_clean(endpoint: Endpoint, team: Team, run: Run) -> None:
    """A thread whose run broke down takes a new request as if nothing had been."""
    kept = build_graph(checkpointer=InMemorySaver())
    team.workers = dict.fromkeys(TASKS, broken())
    with pytest.raises(AllWorkersFailed):
        run(kept, {"request": REQUEST}, thread())
    endpoint.reset()
    team.workers = {}
    state = run(kept, {"request": "Plan the same for the next street."}, thread())

    assert statuses(state) == [("S1", "done"), ("S2", "done"), ("S3", "done")]
    assert state["spend"]["calls"] == len(endpoint.requests) == 5


BAD_INPUT = {
    "empty": ({"request": ""}, "empty"),
    "blank": ({"request": " \n\t\u3000"}, "empty"),
    "number": ({"request": 5}, "must be text, got int"),
    "list": ({"request": ["a"]}, "must be text, got list"),
    "null": ({"request": None}, "must be text, got NoneType"),
    "over-long": ({"request": "x" * (REQUEST_LIMIT + 1)}, "200,001 characters long; 200,000 are the most"),
    "unknown key": ({"request": REQUEST, "reqest": "x"}, "unknown input 'reqest'"),
    "nothing": ({}, "must be text, got NoneType"),
}


@BOTH
@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input_is_refused_before_any_call(endpoint: Endpoint, run: Run, case: str) -> None:
    """A request that is none is refused with the reason, and the endpoint is not asked."""
    given, words = BAD_INPUT[case]
    with pytest.raises((BadRequest, ValueError), match=re.escape(words)):
        run(graph, given)

    assert (endpoint.requests, endpoint.lookups) == ([], [])


def test_the_longest_request_is_taken(endpoint: Endpoint) -> None:
    """A request of exactly the limit is planned."""
    state = invoked(graph, {"request": "x " * (REQUEST_LIMIT // 2)})

    assert state["complete"] is True


@pytest.mark.parametrize("key", ["plan", "outcomes", "settings", "charges", "phase", "answer"])
def test_a_caller_cannot_bring_state(endpoint: Endpoint, key: str) -> None:
    """Keys of the run's own state in the input change nothing of the run."""
    brought: Any = {"plan": {"subtasks": []}, "settings": {"max_subtasks": 1}}.get(key, [])
    try:
        state = invoked(graph, {"request": REQUEST, key: brought})
    except OrchestratorError as error:
        state = {"refused": str(error)}

    assert "refused" in state or (state["complete"], len(state["outcomes"])) == (True, 3)


BAD_SETTINGS: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "unknown": ({"max_subtask": 3}, BadSettings, "unknown setting 'max_subtask'; did you mean 'max_subtasks'? known: "),
    "too small": ({"max_subtasks": 0}, BadSettings, "'max_subtasks': Input should be greater than or equal to 1"),
    "too large": ({"max_parallel": 10_000}, BadSettings, "'max_parallel'"),
    "wrong type": ({"call_timeout_s": "soon"}, BadSettings, "'call_timeout_s'"),
    "unknown choice": ({"structured_output": "xml"}, BadSettings, "'structured_output'"),
    "no provider": ({"planner_model": "gpt-4o"}, NoModel, "'gpt-4o': expected provider:name"),
    "unknown provider": ({"worker_model": "nobody:gpt-4o"}, NoModel, "nobody"),
    "unknown script": ({"synthesiser_model": "scripted:hamlet"}, NoModel, "unknown scripted model 'hamlet'"),
    "unknown model of a known server": ({"worker_model": "openai:gpt-9"}, NoModel, "It has: gpt-4o, gpt-4o-mini"),
}


@BOTH
@pytest.mark.parametrize("case", BAD_SETTINGS)
def test_bad_settings_are_refused_before_any_call(endpoint: Endpoint, run: Run, case: str) -> None:
    """A setting that is no good ends the run with its name and what would be right, and nothing is spent."""
    context, kind, words = BAD_SETTINGS[case]
    with pytest.raises(kind, match=re.escape(words)):
        run(graph, {"request": REQUEST}, context=context)

    assert endpoint.requests == []


@BOTH
def test_no_model_at_all(run: Run) -> None:
    """Without a key, a server or a name, the error lists the ways to get a model."""
    with pytest.raises(NoModel, match=r"No model is set up.*OPENAI_API_KEY.*OPENAI_BASE_URL.*ORCHESTRATOR_MODEL"):
        run(graph, {"request": REQUEST})


@BOTH
def test_a_missing_key(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """An OpenAI model without a key is refused by name of the variable, before any connection."""
    monkeypatch.setenv("ORCHESTRATOR_MODEL", "openai:gpt-4o")
    with pytest.raises(NoModel, match="'openai:gpt-4o' needs a key, and OPENAI_API_KEY is not set"):
        run(graph, {"request": REQUEST})


def test_a_server_of_ones_own_names_the_model(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """With OPENAI_BASE_URL alone, the one model that the server lists is used."""
    monkeypatch.delenv("ORCHESTRATOR_MODEL")
    monkeypatch.delenv("OPENAI_API_KEY")
    endpoint.models = ["qwen3"]
    state = invoked(graph, {"request": REQUEST})

    assert state["complete"] is True
    assert {call.body["model"] for call in endpoint.requests} == {"qwen3"}


def test_a_server_with_several_models(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """With several models on the server, one has to be named; the error lists them."""
    monkeypatch.delenv("ORCHESTRATOR_MODEL")
    endpoint.models = ["qwen3", "llama4"]
    with pytest.raises(NoModel, match=r"name one in ORCHESTRATOR_MODEL as openai:NAME\. It has: llama4, qwen3"):
        invoked(graph, {"request": REQUEST})

    assert endpoint.requests == []


def test_each_role_has_its_model_and_its_settings(endpoint: Endpoint) -> None:
    """A role's model, temperature and output cap go out with its calls, and with no other's; unset is not sent."""
    context = {"worker_model": "openai:gpt-4o-mini", "worker_temperature": 0.5, "planner_max_output_tokens": 700}
    invoked(graph, {"request": REQUEST}, context=context)
    names = ("model", "temperature", "max_tokens")
    sent = {role: {tuple(call.body.get(name) for name in names) for call in calls_of(endpoint, role)} for role in ROLES}

    assert sent == {
        "planner": {("gpt-4o", None, 700)},
        "worker": {("gpt-4o-mini", 0.5, None)},
        "synthesiser": {("gpt-4o", None, None)},
    }


ROLES = ("planner", "worker", "synthesiser")


def test_the_input_form() -> None:
    """What a studio shows as input is one field, the request, with title, description and an example."""
    schema = graph.get_input_jsonschema()

    assert list(schema["properties"]) == ["request"]
    assert {"title", "description", "examples"} <= {*schema["properties"]["request"]}
    assert schema["properties"]["request"]["type"] == "string"
    assert schema["properties"]["request"]["maxLength"] == REQUEST_LIMIT


def test_the_settings_form_has_every_setting() -> None:
    """Every setting is shown with its default and a description, a number with its bounds, a role's at its steps."""
    schema = graph.get_context_jsonschema()
    assert schema is not None
    settings = schema["properties"]

    assert set(settings) == set(Context.model_fields)
    assert {name: setting["default"] for name, setting in settings.items()} == Context().model_dump()
    assert [name for name, setting in settings.items() if not setting.get("description")] == []
    kinds = [setting.get("anyOf", [setting])[0] for setting in settings.values()]
    numbers = [kind for kind in kinds if kind["type"] in ("integer", "number")]
    assert [kind for kind in numbers if not ({"minimum", "exclusiveMinimum"} & {*kind} and "maximum" in kind)] == []
    steps = {name: setting.get("langgraph_nodes") for name, setting in settings.items()}
    assert (steps["planner_model"], steps["worker_temperature"]) == (["planner", "sequel"], ["worker"])


def test_the_graph_has_its_nodes() -> None:
    """The nodes have the names that clients rely on."""
    assert set(graph.get_graph().nodes) - {"__start__", "__end__"} == {
        "planner",
        "sequel",
        "validator",
        "approval",
        "worker",
        "synthesiser",
    }


def test_a_worker_sees_the_goal_and_its_one_task(endpoint: Endpoint) -> None:
    """Each worker is told the request and its own task, and nothing of any other subtask."""
    invoked(graph, {"request": REQUEST})
    calls = calls_of(endpoint, "worker")
    seen = [(fenced("goal", call.body), fenced("task", call.body)) for call in calls]
    others = [[task for task in TASKS.values() if task in prompt] for prompt in prompts_of(endpoint, "worker")]
    names = [[who for who in TASKS if who in prompt] for prompt in prompts_of(endpoint, "worker")]

    assert sorted(seen) == sorted((REQUEST, task) for task in TASKS.values())
    assert [len(other) for other in others] == [1, 1, 1]
    assert [len(name) for name in names] == [1, 1, 1]


def test_the_synthesiser_sees_every_result(endpoint: Endpoint, team: Team) -> None:
    """The synthesis reads the request and each result with its task, its specialist and how it went."""
    team.workers = {"publicist": broken("400")}
    invoked(graph, {"request": REQUEST})
    (prompt,) = prompts_of(endpoint, "synthesiser")

    assert [words for words in (REQUEST, *TASKS.values()) if words not in prompt] == []
    assert "The caterer has done it." in prompt
    assert "S2, publicist, failed" in prompt


@BOTH
@pytest.mark.parametrize(
    ("fault", "status", "calls"),
    [("500", "failed", 4), ("401", "failed", 1), ("hang", "timed_out", 1), ("empty", "failed", 2)],
)
def test_a_failing_worker(endpoint: Endpoint, team: Team, run: Run, fault: str, status: str, calls: int) -> None:
    """A worker that fails is named in the answer, the gaps and the stop reason; the others are used."""
    team.workers = {"publicist": broken(fault)}
    state = run(graph, {"request": REQUEST}, context={"call_timeout_s": 2 if fault != "hang" else 0.3})
    failed = state["outcomes"][1]

    assert statuses(state) == [("S1", "done"), ("S2", status), ("S3", "done")]
    assert state["complete"] is False
    assert [gap["subtask_id"] for gap in state["gaps"]] == ["S2"]
    assert failed["error"] in state["gaps"][0]["why"]
    assert "S2" in state["stop_reason"]
    assert "## What is missing" in state["answer"]
    assert "publicist" in state["answer"].split("## What is missing")[1]
    asked = [call for call in calls_of(endpoint, "worker") if fenced("task", call.body) == TASKS["publicist"]]
    assert len(asked) == calls


@BOTH
def test_all_workers_failing_can_be_resumed(endpoint: Endpoint, team: Team, run: Run) -> None:
    """With every worker failed there is no synthesis; a resume keeps the plan and asks the workers alone again."""
    kept = build_graph(checkpointer=InMemorySaver())
    team.workers = dict.fromkeys(TASKS, broken("400"))
    with pytest.raises(AllWorkersFailed, match=r"S1 caterer: failed: .*HTTP 400(.|\n)*S3 safety officer"):
        run(kept, {"request": REQUEST}, thread())
    plan = kept.get_state(thread()).values["plan"]
    counts = [len(calls_of(endpoint, role)) for role in ROLES]
    team.workers = {}
    state = run(kept, None, thread())

    assert counts == [1, 3, 0]
    assert state["plan"] == plan
    assert (state["complete"], statuses(state)) == (True, [("S1", "done"), ("S2", "done"), ("S3", "done")])
    assert [len(calls_of(endpoint, role)) for role in ROLES] == [1, 6, 1]


@BOTH
def test_all_workers_failing_twice(endpoint: Endpoint, team: Team, run: Run) -> None:
    """A resume that fails again says so again, and a third try may still succeed."""
    kept = build_graph(checkpointer=InMemorySaver())
    team.workers = dict.fromkeys(TASKS, broken("400"))
    for given in ({"request": REQUEST}, None):
        with pytest.raises(AllWorkersFailed):
            run(kept, given, thread())
    team.workers = {}
    state = run(kept, None, thread())

    assert state["complete"] is True
    assert [len(calls_of(endpoint, role)) for role in ROLES] == [1, 9, 1]


@BOTH
def test_a_resume_after_the_planner_failed_keeps_the_settings(endpoint: Endpoint, team: Team, run: Run) -> None:
    """When the planner's endpoint was down, a resume without context still asks for approval as the first call did."""
    kept = build_graph(checkpointer=InMemorySaver())
    endpoint.mind = lambda _: broken("401")
    with pytest.raises(NoModel):
        run(kept, {"request": REQUEST}, thread(), context={"approve_plan": True, "max_subtasks": 2})
    endpoint.mind = team
    state = run(kept, None, thread())

    assert "__interrupt__" in state
    assert len(state["plan"]["subtasks"]) == 2
    assert calls_of(endpoint, "worker") == []


@BOTH
def test_a_failed_synthesis_gives_the_results_themselves(endpoint: Endpoint, team: Team, run: Run) -> None:
    """When no synthesis can be had, the answer is the results in plan order, marked incomplete."""
    team.synthesiser = [broken("500")]
    state = run(graph, {"request": REQUEST})
    order = [state["answer"].index(f"The {who} has done it.") for who in TASKS]

    assert order == sorted(order)
    assert state["complete"] is False
    assert state["stop_reason"].startswith("synthesis failed: ")
    assert "HTTP 500" in state["answer"].splitlines()[0]
    assert state["spend"]["calls"] == 4  # the endpoint refused the synthesis before it could cost anything


def test_the_request_decides_the_plan(endpoint: Endpoint, team: Team) -> None:
    """Three different requests lead to three different plans: the prompt carries the request to the planner."""
    team.planner = [plan_from_words]
    plans = [
        {subtask["specialist"] for subtask in invoked(graph, {"request": request})["plan"]["subtasks"]}
        for request in REQUESTS
    ]

    assert plans == [
        {"neighbourhood adviser", "afternoon adviser", "Saturday adviser"},
        {"periodicals adviser", "university adviser", "cancelling adviser"},
        {"brainstormed adviser", "spreadsheets adviser", "newsletter adviser"},
    ]


REQUESTS = (
    REQUEST,
    "Which periodicals should a small university library think of cancelling, and how would it decide?",
    "ok so: newsletter?? or spreadsheets. boss said 12k. maybe both. we brainstormed. june. help",
)


def plan_from_words(body: dict[str, Any]) -> str:
    words = sorted(set(re.findall(r"\w+", fenced("request", body))), key=lambda word: (-len(word), word))[:3]
    forms = (
        "List what {} will cost.",
        "Draw up a week by week timetable for {}.",
        "Name the dangers of {} and a remedy for each.",
    )
    return plan_of({f"{word} adviser": form.format(word) for word, form in zip(words, forms, strict=True)})


@BOTH
def test_a_follow_up_round(endpoint: Endpoint, team: Team, run: Run) -> None:
    """A synthesis may ask for more: the new subtasks are counted on, worked on, and joined with the old."""
    more = ("meteorologist", "Say what to do if it rains, with the latest hour for deciding.")
    team.synthesiser = [
        synthesis_of(
            "Not yet. [S1] [S2] [S3]", gaps=[{"subtask_id": None, "what": "rain", "why": "nobody"}], follow_ups=[more]
        ),
        lambda body: synthesis_of("Now it is whole. [S1] [S2] [S3] [S4]"),
    ]
    state = run(whole(graph), {"request": REQUEST})

    assert [outcome["id"] for outcome in state["outcomes"]] == ["S1", "S2", "S3", "S4"]
    assert [outcome["round"] for outcome in state["outcomes"]] == [1, 1, 1, 2]
    assert (state["plan"]["round"], [subtask["id"] for subtask in state["plan"]["subtasks"]]) == (2, ["S4"])
    assert [plan["round"] for plan in state["plans"]] == [1]
    assert (state["answer"], state["complete"], state["gaps"]) == ("Now it is whole. [S1] [S2] [S3] [S4]", True, [])
    assert [len(calls_of(endpoint, role)) for role in ROLES] == [1, 4, 2]
    assert set(state["spend"]["by_subtask"]) == {"S1", "S2", "S3", "S4"}


def test_no_follow_up_without_a_reason(endpoint: Endpoint, team: Team) -> None:
    """A follow-up is done to fill a gap or to settle an open disagreement; where there is neither, the run ends."""
    team.synthesiser = [synthesis_of("Done. [S1] [S2] [S3]", follow_ups=[("poet", "Write a sonnet on the party.")])]
    state = invoked(graph, {"request": REQUEST})

    assert statuses(state) == [("S1", "done"), ("S2", "done"), ("S3", "done")]
    assert (state["answer"], state["complete"]) == ("Done. [S1] [S2] [S3]", True)


def test_rounds_are_limited(endpoint: Endpoint, team: Team) -> None:
    """With max_rounds 1 the synthesis is told that there is no further round, and follow-ups are not run."""
    team.synthesiser = [
        synthesis_of(
            "One round. [S1] [S2] [S3]",
            gaps=[{"subtask_id": None, "what": "rain", "why": "nobody"}],
            follow_ups=[("poet", "Write a sonnet on the party.")],
        )
    ]
    state = invoked(graph, {"request": REQUEST}, context={"max_rounds": 1})

    assert statuses(state) == [("S1", "done"), ("S2", "done"), ("S3", "done")]
    assert "there is no further round" in prompts_of(endpoint, "synthesiser")[0]


def test_prices_of_ones_own(endpoint: Endpoint) -> None:
    """A graph built with prices of the host's own prices its calls by them."""
    priced = build_graph(prices={"openai:gpt-4o": {"input": 1_000_000, "output": 0}})
    state = invoked(priced, {"request": REQUEST})

    assert state["spend"]["usd"] == state["spend"]["input_tokens"]
