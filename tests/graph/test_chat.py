"""Chat: what a conversation does when runs fail, wait, or cannot be joined; what goes well is asked through the server."""

from typing import Any

import pytest
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from graph import Specialist
from graph.chat import build_chat
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

    told = failed["messages"][-1].content
    assert ("S1 caterer: failed" in told, "What can still be done" in told, failed["complete"]) == (True, True, False)
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
