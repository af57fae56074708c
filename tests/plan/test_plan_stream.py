"""Plan stream: what of a plan is told while it is still being written."""

import json

import pytest

from nodes.plan import PlanStream

SUBTASKS = [
    {"specialist": "caterer", "task": 'Write a "menu" {for 80}.', "cross_check": False},
    {"specialist": "publicist", "task": "Draft the leaflet.", "cross_check": True},
]
TOLD = [{"specialist": entry["specialist"], "task": entry["task"]} for entry in SUBTASKS]
PLAN = json.dumps({"frame": {"place": "the road"}, "subtasks": SUBTASKS, "why": "two trades"})


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("before", ["", "```json\n", "Here it is:\n", '<think>{"subtasks": [</think>\n'])
def test_each_is_told_once_it_is_written(before: str, size: int) -> None:
    """However it is cut into pieces, each subtask is told once, in order, and none before its last word."""
    text, stream, told = before + PLAN + "\n```", PlanStream(), []
    for at in range(0, len(text), size):
        fresh = stream.feed(text[at : at + size])
        assert all(json.dumps(entry["task"])[:-1] in text[: at + size] for entry in fresh)
        told += fresh

    assert told == TOLD


@pytest.mark.parametrize(
    "text",
    ["I cannot do that.", '<think>{"subtasks": [{"specialist": "a", "task": "b"}', '{"subtasks": 5}', '{"a" "b"}'],
)
def test_what_is_no_plan_tells_nothing(text: str) -> None:
    """Prose, a draft in a model's reasoning and broken JSON tell of no subtask."""
    assert PlanStream().feed(text) == []
