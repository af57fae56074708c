"""What code says of plans, ledgers and answers."""

from typing import Any

import pytest

from evals.caller import made
from evals.measures import alike, conflict_figures, plan_figures, survival_figures
from evals.sets import Dispute, Document, Open, Scene

ASKED = Dispute(
    "permit",
    "May we fly?",
    (
        Document("a", "No permit is required by day. Bring water."),
        Document("b", "A permit must be carried. Bring bread."),
    ),
    ("No permit is required", "A permit must be carried"),
)
RIGHT = ["No permit is required by day", "A permit must be carried."]


@pytest.mark.parametrize(
    ("entries", "text", "expected"),
    [
        ([RIGHT], "", {"recall": 1.0, "right": 1.0, "flattened": 0.0}),
        ([[RIGHT[0], "a permit must be"]], "", {"recall": 1.0}),  # the larger part of an answer tells it
        ([["Bring water", "Bring bread"]], "", {"recall": 0.0, "right": 0.0, "entries": 1.0}),  # another topic
        ([[RIGHT[0], RIGHT[0]]], "", {"recall": 0.0}),  # one side twice
        ([[RIGHT[0], "A permit"]], "", {"recall": 0.0}),  # says nothing of what about it
        ([], "No permit is required.", {"recall": 0.0, "flattened": 1.0}),
        ([], "No permit is required, or: a permit must be carried.", {"flattened": 0.0}),
        ([], "Ask the authority.", {"flattened": 0.0}),
        (None, "No permit is required, but b says a permit must be carried.", {"recall": 1.0, "flattened": 0.0}),
        (None, "A permit must be carried.", {"recall": 0.0, "flattened": 1.0}),
    ],
)
def test_conflict(entries: Any, text: str, expected: dict[str, float]) -> None:
    """An entry counts if its quotes hold both answers, and not because it names both subtasks."""
    figures = conflict_figures(made(text, entries=entries), ASKED)

    assert figures | expected == figures


def test_false_alarm() -> None:
    """Where the documents agree, every entry is a false one."""
    agreeing = Dispute("same", "When?", ASKED.documents)

    assert conflict_figures(made(entries=[RIGHT]), agreeing) == {"entries": 1.0, "right": 0.0, "false alarm": 1.0}


def test_plan() -> None:
    """Duplicates, facts where they bind, shares and count."""
    asked = Open("x", "80 people, £500", subtasks=(3, 5), facts={"80|eighty": "food", "£500": ""})
    plan = [
        {"specialist": "cook", "task": "Plan the food for eighty people and write the shopping list."},
        {"specialist": "chef", "task": "Write a shopping list and plan food for 80 people, all of it vegetarian."},
    ]
    frame = {"budget": {"total": 500, "shares": {"food": 400, "rest": 200}}}

    assert plan_figures(plan, frame, asked) == {
        "duplicates": 1.0,
        "leaning": 0.0,
        "proportion": 0.0,
        "facts": 1.0,  # £500 stands in the frame, which every worker is given
        "shares": 0.0,
    }
    assert plan_figures(plan, {}, asked)["facts"] == 0.5


def test_leaning() -> None:
    """A task that awaits another's result leans."""
    plan = [
        {"specialist": "engineer", "task": "Measure how long a build takes and what a release costs."},
        {"specialist": "finance", "task": "Turn the estimates of subtask 1 into costs by month."},
    ]

    assert plan_figures(plan, {}, Open("x", "Split it?"))["leaning"] == 0.5


def test_alike() -> None:
    """Different work on the same subject is not the same work."""
    assert not alike("Describe the monthly rents in Berlin.", "List the concerts in Berlin next week.")


SCENE = Scene(
    "s",
    "Prepare it.",
    (
        {"specialist": "press officer", "task": "Write.", "keys": ["Signe Aldous"], "text": "Signe Aldous speaks."},
        {"specialist": "caterer", "task": "Cook.", "keys": ["140 rolls"], "text": "Order 140 rolls."},
    ),
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "140 rolls. The press officer failed.",
            {"answered": 1.0, "kept": 1.0, "named": 1.0, "known only to the dead": 0.0},
        ),
        ("140 rolls. Signe Aldous speaks.", {"kept": 1.0, "named": 0.0, "known only to the dead": 1.0}),
        ("", {"answered": 0.0, "kept": 0.0, "named": 0.0}),
    ],
)
def test_survival(text: str, expected: dict[str, float]) -> None:
    """What the living brought is kept, the dead are named, and nobody speaks for them."""
    figures = survival_figures(made(text), SCENE, [0])

    assert figures | expected == figures


def test_error_names() -> None:
    """Where nobody lives, an error that names them is no answer, but names them."""
    figures = survival_figures(made(error="press officer: failed; caterer: failed"), SCENE, [0, 1])

    assert figures == {"answered": 0.0, "named": 1.0, "known only to the dead": 0.0}
