"""Final plan: what may be half a plan, or none, is asked for again; what can be read for sure is read."""

import json

import pytest

from prompts.parsing import parse_plan
from prompts.replies import BadReply

MENU = {"specialist": "caterer", "task": "Plan a vegan menu."}
ROSES = {"specialist": "florist", "task": "Order the roses."}
BAND = {"specialist": "band leader", "task": "Book a brass band."}
FIRST, SECOND = json.dumps([MENU, ROSES]), json.dumps([BAND])
BOTH = [("caterer", "Plan a vegan menu."), ("florist", "Order the roses.")]


@pytest.mark.parametrize(
    "text",
    [
        f"Phase 1: {FIRST} Phase 2: {SECOND}",
        f"## Phase 1\n```json\n{FIRST}\n```\n## Phase 2\n```json\n{SECOND}\n```",
        "The plan:\n\n- caterer: Plan a menu.\n- florist: Order roses.\n\nMore tasks:\n\n- band: Play well.\n- cook: Fry it.",
        "| Specialist | Task |\n|---|---|\n| caterer | Plan it. |\n\nThen\n\n| Specialist | Task |\n|---|---|\n| cook | Fry it. |",
        json.dumps({"error": {"message": "You have no quota left", "type": "invalid_request_error"}}),
        json.dumps({"errors": [{"name": "BadThing", "message": "You have no quota left"}]}),
        f"{FIRST[:-1]}, ...]",
        json.dumps([MENU, "..."]),
        json.dumps([MENU, {"specialist": "...", "task": "..."}]),
        f"{json.dumps(MENU)}\n...\n{json.dumps(ROSES)}",
        json.dumps({"kitchen": [MENU], "garden": [{"specialist": "florist"}]}),
        "### Task 1: Food\nSpecialist: caterer\nDescription: Plan it.\n\n### Task 2: Music\nSpecialist: band\nDescription: Play well.",
        "<html><title>502 Bad Gateway</title><body>Please try again later.</body></html>",
        "| Day | Task |\n|---|---|\n| Monday | Buy the food. |\n| Tuesday | Cook the food. |",
    ],
)
def test_asked_for_again(text: str) -> None:
    """Several lists, an error message, titles that may be tasks and dots that stand for subtasks are no plan."""
    with pytest.raises(BadReply):
        parse_plan(text)


@pytest.mark.parametrize(
    "text",
    [
        "[“caterer: Plan a vegan menu.”, “florist: Order the roses.”]",
        json.dumps({"names": ["caterer", "florist"], "tasks": [MENU["task"], ROSES["task"]]}),
        json.dumps(
            [{"specialist": each["specialist"], "task": {"description": each["task"]}} for each in (MENU, ROSES)]
        ),
        json.dumps([{"coworker": each["specialist"], "task": each["task"]} for each in (MENU, ROSES)]),
        FIRST.replace("{", "\u200b{\u200b").replace('": ', '"\u200b:\u2060 '),
        "| Specialist | Type | Task |\n|---|---|---|\n| caterer | A | Plan a vegan menu. |\n| florist | B | Order the roses. |",
        f"{FIRST}\n\nOnce more:\n{FIRST}",
        f"Draft: {SECOND}\n\nFinal plan: {FIRST}",
    ],
)
def test_read_for_sure(text: str) -> None:
    """Odd forms that leave no doubt are read whole."""
    plan = parse_plan(text)

    assert BOTH == [(subtask.specialist, subtask.task) for subtask in plan.subtasks]
