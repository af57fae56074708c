"""Testing: a scripted model and pytest fixtures, for tests of one's own specialists and tools. Needs pytest.

In conftest.py: `pytest_plugins = ["graph.testing"]`. In a test: `answer(…, model=scripted(plan=…, work=…, answer=…))`.
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Protocol

import pytest

from graph.settings import orchestrator_variables
from nodes.models import Line, Script, register

__all__ = ["Scripted", "scripted", "scripted_model", "tool_call"]


def tool_call(tool: str, **args: Any) -> str:
    """Write the reply of a worker who uses a tool."""
    return json.dumps({"tool": tool, "args": args})


def scripted_model(
    *, plan: Mapping[str, str], work: Mapping[str, str | Sequence[str]] | None = None, answer: str = "It is done. [S1]"
) -> str:
    """Make a model that plays planner, workers and synthesiser, and return its name, for `model=`.

    Args:
        plan: what the planner hands out: specialist to task.
        work: what each specialist replies; several replies are given in turn, each after the result of the tool that
            the one before has called (a specialist who is not named here says that the task is done).
        answer: what the synthesiser writes.
    """
    lines = [Line(_plan(plan), ("You are the planner",)), Line(_synthesis(answer), ("You are the synthesiser",))]
    for specialist, replies in (work or {}).items():
        lines += _in_turn(f"You are a specialist: {specialist}", [replies] if isinstance(replies, str) else replies)
    name = f"test-{uuid.uuid4().hex[:12]}"
    register(name, Script((*lines, Line("The task is done.", ("You are a specialist:",))), chunk=1000))
    return f"scripted:{name}"


def _in_turn(whose: str, replies: Sequence[str]) -> list[Line]:
    """Give each reply but the first once its predecessor's tool has answered; the script takes the first that fits."""
    lines = [Line(replies[0], (whose,))]
    for before, reply in pairwise(replies):
        lines.insert(0, Line(reply, (whose, f"result of {json.loads(before)['tool']}")))
    return lines


def _plan(tasks: Mapping[str, str]) -> str:
    return json.dumps(
        {"subtasks": [{"specialist": who, "task": task, "cross_check": False} for who, task in tasks.items()]}
    )


def _synthesis(answer: str) -> str:
    return json.dumps({"disagreements": [], "gaps": [], "follow_ups": [], "answer": answer})


class Scripted(Protocol):
    """The fixture `scripted`: scripted_model, in an environment without settings."""

    def __call__(
        self,
        *,
        plan: Mapping[str, str],
        work: Mapping[str, str | Sequence[str]] | None = None,
        answer: str = "It is done. [S1]",
    ) -> str:
        """Return the model's name."""


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Scripted:
    """Give scripted_model, in an environment without any ORCHESTRATOR_ setting: no key, no network, no cost."""
    for name in orchestrator_variables():
        monkeypatch.delenv(name)
    return scripted_model
