"""Interrupts: what a run asks a person, and in which form the answer is taken.

The form is the one that agent interfaces render and send (LangChain's human-in-the-loop requests).
"""

from typing import Any, TypeVar

from langgraph.types import interrupt
from pydantic import BaseModel, ValidationError
from typing_extensions import TypedDict

from nodes.errors import BadDecision

FORM = (
    '{"decisions": [{"type": "approve"}]}; in place of {"type": "approve"} there may stand {"type": "reject", '
    '"message": "…"} or {"type": "edit", "edited_action": {"name": "…", "args": {…}}}'
)


class ActionRequest(TypedDict):
    """One thing that waits for a person's word."""

    name: str
    args: dict[str, Any]
    description: str


class ReviewConfig(TypedDict):
    """Which words a person may give on the actions of one name."""

    action_name: str
    allowed_decisions: list[str]


class Question(TypedDict):
    """What an interrupt holds."""

    action_requests: list[ActionRequest]
    review_configs: list[ReviewConfig]


Answer = TypeVar("Answer", bound=BaseModel)


def question(requests: list[ActionRequest]) -> Question:
    """Ask whether actions may be taken as they are, changed, or not at all."""
    names = dict.fromkeys(request["name"] for request in requests)
    configs = [ReviewConfig(action_name=name, allowed_decisions=["approve", "edit", "reject"]) for name in names]
    return Question(action_requests=requests, review_configs=configs)


def ask_person(asked: Question, shape: type[Answer]) -> Answer:
    """Wait for a person's answer of that shape; a wrong one is refused, and a right one can be given after it.

    Raises:
        GraphInterrupt: waits for the person.
        BadDecision: the resume value has another form; the text says which is expected.
    """
    try:
        return interrupt(asked, response_schema=shape)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc']) or 'the value'}: {fault['msg']}" for fault in error.errors()
        )
        count = len(asked["action_requests"])
        raise BadDecision(
            f"that is no decision on {count} action{'s' * (count > 1)} ({wrong[:500]}). Resume with {FORM}, "
            "one entry for each action, in order"
        ) from None
