"""Plan stream: the subtasks out of a planner's reply that is still arriving. Pure."""

from dataclasses import dataclass, field
from typing import Any

from pydantic_core import from_json

MOST = 60_000  # characters that are read along; a longer reply is read when it is whole


@dataclass
class PlanStream:
    """Fed with pieces of a reply, gives each subtask once it is written. A guess: the plan that counts is read at the end."""

    _text: str = ""
    _given: list[dict[str, str]] = field(default_factory=list)

    def feed(self, piece: str) -> list[dict[str, str]]:
        """Take the next piece of the reply; return the subtasks that are complete since the last."""
        self._text += piece
        if '"' not in piece or len(self._text) > MOST:
            return []
        whole = [made for made in map(_subtask, _listed(self._text)) if made]
        fresh = whole[len(self._given) :]
        self._given += fresh
        return fresh


def _listed(text: str) -> list[Any]:
    """List what stands under "subtasks" so far, a half-written string left out; nothing where it is no JSON."""
    body = text.rpartition("</think>")[2]
    start = body.find("{")
    if start < 0 or body.lstrip().startswith("<think>"):
        return []
    try:
        plan = from_json(body[start:], allow_partial=True)
    except ValueError:
        return []
    subtasks = plan.get("subtasks") if isinstance(plan, dict) else None
    return subtasks if isinstance(subtasks, list) else []


def _subtask(given: Any) -> dict[str, str] | None:
    """Read a subtask (None: it is not all there)."""
    if not isinstance(given, dict):
        return None
    said = {name: given.get(name) for name in ("specialist", "task")}
    return {name: str(value) for name, value in said.items()} if all(said.values()) else None
