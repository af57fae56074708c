"""Chat: what a conversation does when runs fail, wait, or cannot be joined; what goes well is asked through the server."""

import asyncio
from typing import Any

import pytest
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from graph import Specialist
from graph.chat import build_chat
from nodes.state import REQUEST_LIMIT
from tests.endpoint import Endpoint
from tests.minds import REQUEST, TASKS, Team, calls_of, sequel_of
from tests.turn import Body, Turn

CONFIG: Any = {"configurable": {"thread_id": "one"}}


@pytest.fixture
def chat(endpoint: Endpoint) -> Any:
    """Give a conversation that is kept, with the team as its model."""
    return build_chat(InMemorySaver())


def say(chat: Any, text: str, **context: Any) -> Any:
    return chat.invoke({"messages": [("user", text)]}, CONFIG, context=context or None)


def test_after_a_failure(chat: Any, endpoint: Endpoint, team: Team) -> None:
    """A run that fails is a reply that says why and what can still be done; "try again" has its subtasks done again."""
    team.workers = dict.fromkeys(TASKS, Turn(fault="400"))
    failed = say(chat, REQUEST)
    team.workers, team.sequel = {}, [sequel_of("change", request=REQUEST, tasks=TASKS)]
    again = say(chat, "Try again.")

    text = failed["messages"][-1].content
    assert ("S1 caterer: failed" in text, "What can still be done" in text, failed["complete"]) == (True, True, False)
    assert (failed["spend"]["calls"], failed["spend"]["by_role"]["planner"]["calls"]) == (1, 1)
    assert (again["messages"][-1].content, again["complete"]) == ("Everything is planned. [S4] [S5] [S6]", True)


def test_before_any_result(chat: Any, endpoint: Endpoint, team: Team) -> None:
    """Where nothing came of a run at all, the next message goes on from its request."""
    endpoint.key = "another"
    failed = say(chat, REQUEST)
    endpoint.key = None
    again = say(chat, "Try again.")

    assert "This could not be worked out. The planner got no answer." in failed["messages"][-1].content
    assert (again["complete"], len(calls_of(endpoint, "sequel"))) == (True, 0)
    assert f"{REQUEST}\n\nTry again." in str(calls_of(endpoint, "planner")[-1].body["messages"][-1]["content"])


def test_after_a_failed_follow_up(chat: Any, endpoint: Endpoint, team: Team) -> None:
    """A further message that comes to nothing costs no result: the next one goes on from the run before, with both."""
    team.sequel = [sequel_of("answer", answer="Yes. [S1]")]
    say(chat, REQUEST)
    endpoint.key = "another"
    failed = say(chat, "Is there a menu?")
    endpoint.key = None
    again = say(chat, "Try again.")
    asked = str(calls_of(endpoint, "sequel")[-1].body["messages"][-1]["content"])

    assert "This could not be worked out." in failed["messages"][-1].content
    assert (again["messages"][-1].content, len(calls_of(endpoint, "planner"))) == ("Yes. [S1]", 1)
    assert (REQUEST in asked, "Is there a menu?\n\nTry again." in asked) == (True, True)


def test_a_new_request_that_fails(chat: Any, endpoint: Endpoint, team: Team) -> None:
    """A further message that is a new request and fails whole takes no earlier result's place."""
    say(chat, REQUEST)
    team.workers = dict.fromkeys(TASKS, Turn(fault="400"))
    team.sequel = [sequel_of("new", request="Plan a school fair."), sequel_of("answer", answer="A menu. [S1]")]
    failed = say(chat, "And a school fair.")
    asked = say(chat, "What is there to eat?")
    shown = str(calls_of(endpoint, "sequel")[-1].body["messages"][-1]["content"])

    assert "S1 caterer: failed" in failed["messages"][-1].content
    assert ("The caterer has done it." in shown, "And a school fair." in shown) == (True, True)
    assert asked["messages"][-1].content == "A menu. [S1]"


def test_what_a_failed_turn_has_cost(chat: Any, endpoint: Endpoint, team: Team) -> None:
    """A run that ends before its plan tells what it has cost: refusals were paid for, a wrong key was not."""
    team.planner = [Turn(refusal="I will not plan this.")]
    refused = say(chat, REQUEST)
    endpoint.key = "another"
    unpaid = say(chat, REQUEST)

    assert ("The planner refused this request" in refused["messages"][-1].content, refused["spend"]["calls"]) == (
        True,
        2,
    )
    assert unpaid["spend"].get("calls", 0) == 0


def test_near_the_limit(chat: Any, endpoint: Endpoint, team: Team) -> None:
    """A message that is as long as can be, and whose run failed, makes no later one too long: its end is cut."""
    endpoint.key = "another"
    say(chat, REQUEST + "x" * (REQUEST_LIMIT - len(REQUEST)))
    endpoint.key = None
    again = say(chat, "Try again.")
    asked = str(calls_of(endpoint, "planner")[-1].body["messages"][-1]["content"])

    assert again["complete"]
    assert (REQUEST in asked, "x [… cut]\n\nTry again." in asked) == (True, True)


def test_a_message_in_place_of_a_decision(chat: Any, endpoint: Endpoint, team: Team) -> None:
    """Who writes on where a plan waits for a decision has it planned anew, with both that was said."""
    say(chat, REQUEST, approve_plan=True)
    state = say(chat, "No leaflet, please.")
    asked = str(calls_of(endpoint, "planner")[-1].body["messages"][-1]["content"])

    assert state["complete"]
    assert f"{REQUEST}\n\nNo leaflet, please." in asked


def test_through_ag_ui(chat: Any, team: Team) -> None:
    """AG-UI's and CopilotKit's adapters may give more than settings as context, and pass no token of a worker on."""

    async def events() -> list[Any]:
        sent: Any = {"messages": [("user", REQUEST)]}
        context: Any = {"thread_id": "one", "copilotkit": {}, "max_rounds": 1}
        return [event async for event in chat.astream_events(sent, CONFIG, context=context, version="v2")]

    told = [event["metadata"] for event in asyncio.run(events()) if event["event"] == "on_chat_model_stream"]

    assert ({about["emit-messages"] for about in told}, len(told) > 4) == ({False}, True)


def test_a_failed_synthesis_waits_for_nobody(chat: Any, endpoint: Endpoint, team: Team) -> None:
    """Results that could not be joined are the answer as they are; the conversation goes on from them."""
    team.synthesiser, team.sequel = [Turn(fault="400")], [sequel_of("answer", answer="Yes. [S1]")]
    state = say(chat, REQUEST)
    asked = say(chat, "Is there a menu?")

    assert ("__interrupt__" in state, state["complete"]) == (False, False)
    assert "The caterer has done it." in state["messages"][-1].content
    assert asked["messages"][-1].content == "Yes. [S1]"


def test_several_at_once(endpoint: Endpoint, team: Team) -> None:
    """Two workers whose tools would change the world ask at the same time; each is answered by its interrupt's id."""
    sent: list[str] = []

    @tool
    def send_letter(to: str) -> str:
        """Send a letter."""
        sent.append(to)
        return "sent"

    send_letter.metadata = {"changes_world": True}

    def writes(body: Body) -> Turn:
        if any(message["role"] == "tool" for message in body["messages"]):
            return Turn(text="Done.")
        return Turn(tool_calls=[{"name": "send_letter", "args": {"to": "the council"}}])

    team.workers = {"caterer": writes, "publicist": writes}
    people = [Specialist(name, "writes", instructions="Write.", tools=("send_letter",)) for name in team.workers]
    chat = build_chat(InMemorySaver(), specialists=people, tools=[send_letter])
    waiting = say(chat, REQUEST)["__interrupt__"]
    words = ("approve", "reject")
    resume = {asked.id: {"decisions": [{"type": word}]} for asked, word in zip(waiting, words, strict=True)}
    state = chat.invoke(Command(resume=resume), CONFIG)

    assert [asked.value["action_requests"][0]["name"] for asked in waiting] == ["send_letter"] * 2
    assert (sent, state["messages"][-1].content) == (["the council"], "Everything is planned. [S1] [S2] [S3]")
