"""The planner: how it asks, what it takes for a plan, and what it does where there is none."""

import json
from typing import Any

import pytest

from graph import BudgetTooSmall, NoModel, Specialist, build_graph, graph
from nodes.errors import NoPlan
from nodes.models.schemas import plan_schema
from tests.endpoint import Endpoint, Turn
from tests.minds import REQUEST, TASKS, Team, calls_of, fenced, plan_of, prompts_of, run

PLAN = plan_of(TASKS)
PAIRS = [{"specialist": who, "task": task} for who, task in TASKS.items()]


def planned(**context: Any) -> dict[str, Any]:
    return dict(run(**context)["plan"])


def built(roster: list[Specialist]) -> Any:
    return build_graph(specialists=roster)


def names(plan: dict[str, Any]) -> list[str]:
    return [subtask["specialist"] for subtask in plan["subtasks"]]


def test_asks_with_the_plans_schema(endpoint: Endpoint) -> None:
    """The call asks for JSON by a strict schema, and puts the request between markers."""
    planned()
    (call,) = calls_of(endpoint, "planner")

    assert call.body["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "planner", "strict": True, "schema": plan_schema(None)},
    }
    assert fenced("request", call.body) == REQUEST


def test_registered_specialists_alone(endpoint: Endpoint, team: Team) -> None:
    """With improvise off, the schema allows the registered names alone, and the prompt tells what each is for."""
    roster = [Specialist("cook", "feeds people"), Specialist("poet", "writes verses")]
    team.planner = [plan_of({"cook": TASKS["caterer"], "poet": TASKS["publicist"]})]
    state = built(roster).invoke({"request": REQUEST}, context={"improvise": False})
    (call,) = calls_of(endpoint, "planner")
    schema = call.body["response_format"]["json_schema"]["schema"]

    assert schema == plan_schema(["cook", "poet"])
    assert "- cook: feeds people\n- poet: writes verses" in prompts_of(endpoint, "planner")[0]
    assert names(state["plan"]) == ["cook", "poet"]


@pytest.mark.parametrize(("most", "words"), [(5, "At most 5 subtasks."), (1, "At most 1 subtask.")])
def test_says_how_many(endpoint: Endpoint, most: int, words: str) -> None:
    """The prompt names the most that the settings give, and no least."""
    planned(max_subtasks=most)

    assert words in prompts_of(endpoint, "planner")[0]


def test_an_endpoint_without_schemas(endpoint: Endpoint) -> None:
    """A server that refuses response_format is asked in text: two requests the first time, one ever after."""
    endpoint.takes_json_schema = False
    first = planned()
    counts = [len(calls_of(endpoint, "planner"))]
    second = planned()
    counts.append(len(calls_of(endpoint, "planner")))

    assert (names(first), names(second)) == (list(TASKS), list(TASKS))
    assert counts == [2, 3]
    assert ["response_format" in call.body for call in calls_of(endpoint, "planner")] == [True, False, False]


def test_text_by_the_setting(endpoint: Endpoint) -> None:
    """structured_output="text" never sends a schema."""
    planned(structured_output="text")

    assert [call for call in endpoint.requests if "response_format" in call.body] == []


def test_schema_by_the_setting(endpoint: Endpoint) -> None:
    """structured_output="json_schema" insists: a server that refuses it ends the run."""
    endpoint.takes_json_schema = False
    with pytest.raises(NoModel, match="response_format"):
        planned(structured_output="json_schema")

    assert len(endpoint.requests) == 1


def test_an_endpoint_without_usage_in_streams(endpoint: Endpoint) -> None:
    """A server that refuses stream_options is asked without; its usage is unknown, not zero."""
    endpoint.takes_stream_options = False
    parts: list[Any] = list(graph.stream({"request": REQUEST}, stream_mode=["custom", "values"]))
    state: Any = parts[-1][1]

    assert state["complete"] is True
    assert (state["spend"]["calls"], state["spend"]["unknown"]) == (5, 5)
    assert state["spend"]["input_tokens"] > 0


def test_an_endpoint_with_the_new_cap_alone(endpoint: Endpoint) -> None:
    """A server that refuses max_tokens is asked with max_completion_tokens."""
    endpoint.takes_max_tokens = False
    plan = planned(planner_max_output_tokens=900)
    caps = [
        (call.body.get("max_tokens"), call.body.get("max_completion_tokens")) for call in calls_of(endpoint, "planner")
    ]

    assert names(plan) == list(TASKS)
    assert caps == [(900, 900), (None, 900)]


SHAPES = {
    "json": (PLAN, "native"),
    "indented": (json.dumps({"subtasks": PAIRS}, indent=2), "native"),
    "fenced": (f"```json\n{PLAN}\n```", "native"),
    "prose around": (f"Here is the plan you asked for.\n\n{PLAN}\n\nTell me if it will do.", "native"),
    "thought before": (f"<think>Who could do it? {{}} Maybe three.</think>{PLAN}", "native"),
    "bare list": (json.dumps(PAIRS), "native"),
    "trailing comma": (PLAN.replace("}]}", "},]}"), "repaired"),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_reads_what_models_write(endpoint: Endpoint, team: Team, shape: str) -> None:
    """A plan is read out of fences, prose, thoughts, a bare list and nearly-JSON, without asking again."""
    text, source = SHAPES[shape]
    team.planner = [text]
    plan = planned()

    assert [(subtask["specialist"], subtask["task"]) for subtask in plan["subtasks"]] == list(TASKS.items())
    assert plan["source"] == source
    assert len(calls_of(endpoint, "planner")) == 1


NO_PLAN = "I would rather talk about the weather."


def test_asks_again_with_the_fault(endpoint: Endpoint, team: Team) -> None:
    """A reply without a plan goes back once, with the reply and what is wrong with it."""
    team.planner = [NO_PLAN, PLAN]
    plan = planned()
    again = calls_of(endpoint, "planner")[1].body["messages"]

    assert (plan["source"], names(plan)) == ("retried", list(TASKS))
    assert [message["role"] for message in again] == ["system", "user", "assistant", "user"]
    assert again[2]["content"] == NO_PLAN
    assert "- the reply holds no plan" in again[3]["content"]


def test_asks_again_with_every_fault_of_the_plan(endpoint: Endpoint, team: Team) -> None:
    """A plan whose tasks need each other goes back with the fault of each subtask."""
    leaning = {**TASKS, "publicist": "Write the leaflet from the results of subtask 1."}
    team.planner = [plan_of(leaning), PLAN]
    plan = planned()
    again = calls_of(endpoint, "planner")[1].body["messages"]

    assert plan["source"] == "retried"
    assert again[2]["content"] == plan_of(leaning)
    assert "Subtask 2 (publicist): it needs work that it cannot see" in again[3]["content"]


@pytest.mark.parametrize(("attempts", "calls"), [(1, 1), (2, 2), (4, 4)])
@pytest.mark.parametrize("said", [NO_PLAN, "[]", ""])
def test_falls_back_to_the_request(endpoint: Endpoint, team: Team, attempts: int, calls: int, said: str) -> None:
    """After max_plan_attempts without a plan, the plan is one subtask, the request itself, and says why."""
    team.planner = [said]
    state = run(max_plan_attempts=attempts)

    assert len(calls_of(endpoint, "planner")) == calls
    assert state["plan"]["source"] == "fallback"
    assert [(subtask["id"], subtask["task"]) for subtask in state["plan"]["subtasks"]] == [("S1", REQUEST)]
    assert state["plan"]["note"].startswith("There is no usable plan: ")
    assert "no plan could be made" in state["stop_reason"]
    assert state["spend"]["by_role"]["planner"]["calls"] == calls


@pytest.mark.parametrize(("attempts", "calls"), [(1, 1), (2, 2)])
@pytest.mark.parametrize("said", [Turn(refusal="I cannot help with that."), Turn(fault="content-filter")])
def test_a_refusal_is_an_error(endpoint: Endpoint, team: Team, attempts: int, calls: int, said: Turn) -> None:
    """A planner that refuses to the end ends the run with its reason, and no worker is asked."""
    team.planner = [said]
    with pytest.raises(NoPlan, match=r"The planner('s reply was stopped| refused this request)"):
        run(max_plan_attempts=attempts)

    assert len(calls_of(endpoint, "planner")) == calls
    assert calls_of(endpoint, "worker") == []


PLAIN = {
    "en": "I'm sorry, but I can't help with that.",
    "en, JSON": '{"error": "I cannot help with that request."}',
    "en, thought about": "<think>Hm, no.</think>I won’t plan this: it would put people in danger.",
    "de": "Es tut mir leid, dabei kann ich Ihnen nicht helfen.",
    "fr": "Désolé, je ne peux pas vous aider à faire cela.",
    "es": "Lo siento, no puedo ayudarte con eso.",
    "it": "Mi dispiace, non posso aiutarti con questa richiesta.",
    "pt": "Desculpe, mas não posso ajudar com isso.",
    "nl": "Sorry, daar kan ik niet mee helpen.",
    "ru": "Извините, я не могу помочь с этим запросом.",
    "zh": "抱歉，我无法协助处理这个请求。",
    "ja": "申し訳ありませんが、そのご依頼はお手伝いできません。",
    "ar": "عذرًا، لا أستطيع المساعدة في هذا الطلب.",
    "hi": "क्षमा करें, मैं इसमें मदद नहीं कर सकता।",
}


@pytest.mark.parametrize("said", PLAIN.values(), ids=PLAIN.keys())
def test_a_refusal_in_plain_words(endpoint: Endpoint, team: Team, said: str) -> None:
    """Refused in plain words each time it was asked, a request ends with the model's own words."""
    team.planner = [said]
    with pytest.raises(NoPlan, match="The planner refused this request") as error:
        run()

    assert said.rpartition(">")[2].strip('{}"')[-30:].strip() in str(error.value)
    assert (len(calls_of(endpoint, "planner")), calls_of(endpoint, "worker")) == (2, [])


NO_REFUSALS = {
    "asks back": "I can't plan this yet. How many guests will come?",
    "needs to know": "I cannot plan this without a budget. Please provide one, and I will.",
    "gives advice": "A street party cannot take place without a permit, so apply for it first; then book the band.",
    "writes a list": "I can't name the band yet, but this is what you need:\n- food for 80\n- tables and chairs",
    "apologises": "Sorry for the confusion. Start with the permit, then ask the neighbours for tables.",
    "answers in German": "Leider kann man das nicht an einem Tag schaffen; plane lieber zwei Wochen ein.",
    "answers at length": f"I can't say it in one line. {'First the permit, then the band, then the food. ' * 20}",
}


@pytest.mark.parametrize("said", NO_REFUSALS.values(), ids=NO_REFUSALS.keys())
def test_what_is_no_refusal(endpoint: Endpoint, team: Team, said: str) -> None:
    """A planner that asks, advises or answers instead of planning has not refused: the request is the one task."""
    team.planner = [said]

    assert run()["plan"]["source"] == "fallback"


def test_one_refusal_of_two(endpoint: Endpoint, team: Team) -> None:
    """One reply that could not be read and one refusal in plain words are no refusal to the end."""
    team.planner = ["Here is the plan: [{]", PLAIN["en"]]

    assert run()["plan"]["source"] == "fallback"


def test_a_refusal_after_a_plan(endpoint: Endpoint, team: Team) -> None:
    """A refusal after a plan that could be mended loses nothing: the plan is mended in code."""
    team.planner = [plan_of({**TASKS, "nobody": "Use the results of subtask 1."}), Turn(refusal="No.")]
    state = run()

    assert (state["plan"]["source"], len(state["outcomes"])) == ("repaired", 4)


FRAME = {"date": "12 June", "budget": {"total": 900, "currency": "GBP", "shares": {"food": 600, "music": 200}}}


def framed(frame: Any, tasks: Any = TASKS, why: str = "Three trades.") -> str:
    return json.dumps({"frame": frame, **json.loads(plan_of(tasks)), "why": why})


def test_the_frame_goes_to_every_worker(endpoint: Endpoint, team: Team) -> None:
    """What the planner fixes for all is in the plan, in each worker's prompt, and in the synthesiser's."""
    team.planner = [framed(FRAME)]
    state = run()

    assert (state["plan"]["frame"], state["plan"]["why"]) == (FRAME, "Three trades.")
    told = "- date: 12 June\n- budget: total 900; currency GBP; shares (food 600; music 200)"
    assert [fenced("frame", call.body) for call in calls_of(endpoint, "worker")] == [told] * 3
    assert "12 June" in fenced("frame", calls_of(endpoint, "synthesiser")[0].body)


def test_a_frame_by_the_schema(endpoint: Endpoint, team: Team) -> None:
    """A frame in the form of the schema is read as the object it stands for, without its empty fields."""
    budget = {"total": 900, "currency": "GBP", "shares": [{"part": "food", "amount": 600}]}
    other = [{"name": "dress", "value": "white"}]
    team.planner = [framed({"date": "12 June", "hours": None, "place": None, "budget": budget, "other": other})]
    plan = planned()

    budget_read = {"total": 900, "currency": "GBP", "shares": {"food": 600}}
    assert plan["frame"] == {"date": "12 June", "budget": budget_read, "dress": "white"}


def test_shares_beyond_the_total_go_back_once(endpoint: Endpoint, team: Team) -> None:
    """Shares of more than there is are sent back with the sum; a plan that mends them is taken."""
    over = {"budget": {"total": 900, "shares": {"food": 600, "music": 350}}}
    team.planner = [framed(over), framed(FRAME)]
    plan = planned()

    assert "The frame's shares of budget come to 950, more than the total of 900" in prompts_of(endpoint, "planner")[1]
    assert (plan["source"], plan["frame"], plan["note"]) == ("retried", FRAME, "")


def test_shares_beyond_the_total_are_told(endpoint: Endpoint, team: Team) -> None:
    """Shares of more than there is that come again are told to the workers and in the plan."""
    team.planner = [framed({"budget": {"total": 900, "shares": {"food": 600, "music": 350}}})]
    state = run()

    assert len(calls_of(endpoint, "planner")) == 2
    assert "come to 950" in state["plan"]["note"]
    assert "come to 950" in fenced("frame", calls_of(endpoint, "worker")[0].body)


def test_the_frame_outlives_a_plan_that_is_mended(endpoint: Endpoint, team: Team) -> None:
    """A plan that is sent back and mended in code keeps its frame."""
    team.planner = [framed(FRAME, {**TASKS, "clerk": "Use the results of subtask 1."}), NO_PLAN]
    plan = planned()

    assert (plan["source"], plan["frame"]) == ("repaired", FRAME)


def test_one_subtask_is_enough(endpoint: Endpoint, team: Team) -> None:
    """A request that one expert answers in one go takes two calls, and the plan says why."""
    team.planner = [framed({}, {"event planner": REQUEST}, "One expert does it in one go.")]
    state = run()

    assert [subtask["task"] for subtask in state["plan"]["subtasks"]] == [REQUEST]
    assert state["plan"]["why"] == "One expert does it in one go."
    assert len(calls_of(endpoint, "planner")) == 1


def test_a_reply_cut_off_by_length(endpoint: Endpoint, team: Team) -> None:
    """A plan that was cut off is asked for again; in the end what is whole of it is used."""
    team.planner = [Turn(PLAN[: PLAN.rindex("List")], finish_reason="length")]
    plan = planned()

    assert names(plan) == ["caterer", "publicist"]
    assert "cut off" in prompts_of(endpoint, "planner")[1]


DEAD = {
    "401": ("The key was refused", "OPENAI_API_KEY"),
    "403": ("The key was refused", "OPENAI_API_KEY"),
    "404": ("The model 'gpt-4o' does not exist", "Check the model's name"),
    "quota": ("You exceeded your current quota", "top it up"),
    "400": ("Invalid request.", "openai:gpt-4o"),
    "context-length": ("longer than the model's context window", "context_window"),
}


@pytest.mark.parametrize("fault", DEAD)
def test_an_endpoint_that_cannot_serve(endpoint: Endpoint, fault: str) -> None:
    """A wrong key, an unknown name, no money: one clear error at once, without the key in it."""
    endpoint.mind = lambda _: Turn(fault=fault)
    with pytest.raises(NoModel) as caught:
        planned()
    text = str(caught.value)

    assert [words for words in ("The planner got no answer", *DEAD[fault]) if words not in text] == []
    assert "sk-the-secret" not in text
    assert len(endpoint.requests) == (2 if fault == "400" else 1)  # a 400 may mean that a schema is not taken


def test_a_web_page_is_a_bad_reply(endpoint: Endpoint, team: Team) -> None:
    """A page with status 200 in place of a plan is asked again about, with what came, and a good plan then counts."""
    team.planner = [Turn(fault="html-200"), plan_of(TASKS)]
    plan = planned()

    assert plan["source"] == "retried"
    assert "a web page" in prompts_of(endpoint, "planner")[1]


def test_a_usable_plan_is_not_thrown_away(endpoint: Endpoint, team: Team) -> None:
    """Where the second attempt gives no plan, the first one is mended in code instead of starting from nothing."""
    leaning = {**TASKS, "publicist": "Write the leaflet from the results of subtask 1."}
    team.planner = [plan_of(leaning), "I am sorry, no."]
    plan = planned()

    assert (plan["source"], names(plan)) == ("repaired", list(leaning))
    assert "You see nobody else's work." in plan["subtasks"][list(leaning).index("publicist")]["task"]


def test_nobody_listens(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """A port where nothing listens is told as such, with what to check, and nothing is charged."""
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    with pytest.raises(NoModel, match=r"The connection failed.*Is the server running, and is OPENAI_BASE_URL right\?"):
        planned()


def test_a_budget_too_small_to_plan(endpoint: Endpoint) -> None:
    """A budget that not even the first call fits is refused before it."""
    with pytest.raises(BudgetTooSmall):
        planned(budget_tokens=100)

    assert endpoint.requests == []
