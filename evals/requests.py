"""Requests: six scripted ones in four languages, each with its plan, results and ledgers (evals/requests/*.yaml)."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from graph import Answer, answer
from nodes.models.scripted import Line, Script, register

FOLDER = Path(__file__).parent / "requests"


@dataclass(frozen=True)
class Request:
    """One request and what is said to it.

    Attributes:
        subtasks: {specialist, task, result} in order.
        first: the first synthesis, which asks for follow-ups (None: one round is enough).
        follow_ups: the results of its follow-ups, by specialist.
        last: the synthesis with the answer.
    """

    name: str
    language: str
    text: str
    frame: dict[str, Any]
    subtasks: list[dict[str, str]]
    first: dict[str, Any] | None
    follow_ups: dict[str, str]
    last: dict[str, Any]


def requests() -> Iterator[Request]:
    """Read them all."""
    for path in sorted(FOLDER.glob("*.yaml")):
        content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
        yield Request(path.stem, **{"first": None, "follow_ups": {}, **content})


def played(request: Request, last: dict[str, Any] | None = None, failing: str = "") -> Answer:
    """Run the graph on a request.

    Args:
        request: whose script is played.
        last: another last reply than its own.
        failing: a specialist who fails.
    """
    pairs = [{"specialist": each["specialist"], "task": each["task"]} for each in request.subtasks]
    plan = {"frame": request.frame, "subtasks": pairs, "why": ""}
    results = {each["specialist"]: each["result"] for each in request.subtasks} | request.follow_ups
    first = Line(_json(request.first), ("You are the synthesiser", "at most")) if request.first else None
    lines = [
        Line(_json(plan), ("You are the planner",)),
        *(Line(said, (f"You are a specialist: {who}.",)) for who, said in results.items() if who != failing),
        *([first] if first else []),
        Line(_json(last or request.last), ("You are the synthesiser",)),
    ]
    register(f"eval-{request.name}", Script(tuple(lines), chunk=4_000))
    return answer(request.text, model=f"scripted:eval-{request.name}")


def _json(said: dict[str, Any]) -> str:
    return json.dumps(said, ensure_ascii=False)
