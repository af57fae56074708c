"""Slate: what a request starts with, so that it sees nothing of another one on the same thread."""

from collections.abc import Sequence
from typing import Any

from langgraph.types import Overwrite

from nodes.state import Charge, Context, Outcome, State


def clean(
    state: State, settings: Context, charges: Sequence[Charge], outcomes: Sequence[Outcome] = ()
) -> dict[str, Any]:
    """Write the update that begins a request.

    Args:
        state: its documents stay.
        settings: under which it runs from now on.
        charges: of what has been spent on it.
        outcomes: that are used again.
    """
    return {
        "settings": settings.model_dump(),
        "attachments": state.get("attachments", []),
        "earlier": state.get("earlier"),
        "plan": {},
        "plans": [],
        "outcomes": Overwrite([*outcomes]),
        "answer": "",
        "disagreements": [],
        "gaps": [],
        "rejected": [],
        "failed_in": "",
        "complete": False,
        "spend": {},
        "replan": None,
        "phase": None,
        "charges": Overwrite([*charges]),
    }
