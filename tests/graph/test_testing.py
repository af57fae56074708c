"""Testing: an example of how one tests a specialist of one's own, with a tool of one's own."""

import asyncio
from pathlib import Path
from typing import get_type_hints

from graph import Answer, Context, Settings, Specialist, aanswer, answer, build_graph
from graph.testing import Scripted, scripted, scripted_model, tool_call
from nodes.events import Event

__all__ = ["scripted"]


def stock(item: str) -> str:
    """Say how much of an item is in the larder.

    Args:
        item: such as flour.
    """
    return f"3 kg of {item}"


def test_a_specialist_with_a_tool(scripted: Scripted) -> None:
    """The cook looks into the larder, and the result says what is there."""
    cook = Specialist("cook", "knows the larder", instructions="Look before you cook.", tools=("stock",))
    graph = build_graph(specialists=[cook], tools=[stock])
    model = scripted(
        plan={"cook": "Say what can be baked from the flour that is there.", "host": "Write the invitation."},
        work={"cook": [tool_call("stock", item="flour"), "Bread, from 3 kg of flour."]},
        answer="Bread. [S1] Come at six. [S2]",
    )
    state = graph.invoke({"request": "What shall we bake?"}, context=Context(**dict.fromkeys(MODELS, model)))
    (use,) = state["outcomes"][0]["tools"]

    assert (state["outcomes"][0]["output"], state["complete"]) == ("Bread, from 3 kg of flour.", True)
    assert "3 kg of flour" in str(use)


MODELS = ("planner_model", "worker_model", "synthesiser_model")
PLAN = {"cook": "Write a menu of three courses.", "host": "Write the invitation to the neighbours."}


def test_answer_and_its_events() -> None:
    """From Python the events come as they happen, and the answer shows itself as Markdown, awaited or not."""
    events = list[Event]()
    model = scripted_model(plan=PLAN, answer="Soup. [S1] Come. [S2]")
    given = answer("Invite the neighbours to dinner.", model=model, on_event=events.append, max_subtasks=4)
    awaited = asyncio.run(aanswer("Invite the neighbours to dinner.", model=model))

    assert (given, given._repr_markdown_(), type(awaited)) == ("Soup. [S1] Come. [S2]", str(given), Answer)
    assert awaited == given
    assert {"planning", "plan", "worker", "synthesis", "answer"} <= {event["type"] for event in events}


def test_one_file(tmp_path: Path) -> None:
    """One path is attached as it is, without a list around it."""
    path = tmp_path / "minutes.txt"
    path.write_text("The hall is free on Saturday.", encoding="utf-8")
    given = answer("When is the hall free?", model=scripted_model(plan=PLAN), attach=path)

    assert "on Saturday" in str(given.state["plan"]["subtasks"])


def test_the_settings_are_typed() -> None:
    """What answer() takes is what Context has, with the same types, and `model`."""
    typed = get_type_hints(Settings)
    typed.pop("model")

    assert typed == {name: field.annotation for name, field in Context.model_fields.items()}
