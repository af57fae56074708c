"""Replies: the shapes a model's answer must have before code relies on it."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Shape(BaseModel):
    """What every reply shape shares: strings are stripped, unknown keys are left out."""

    model_config = ConfigDict(str_strip_whitespace=True, extra="ignore", frozen=True)


class Subtask(Shape):
    """One piece of work for one specialist, as the planner words it."""

    specialist: str
    task: str
    cross_check: bool = False
    depends_on: str = ""  # what the model says it needs from other subtasks, which it cannot have


class Plan(Shape):
    """The planner's reply: subtasks, the most important first."""

    subtasks: list[Subtask]


class Position(Shape):
    """What one subtask holds in a disagreement, with its own words."""

    subtask_id: str
    claim: str
    quote: str = ""


class Disagreement(Shape):
    """Two or more positions on one topic, and how they were settled (None: open)."""

    topic: str
    positions: list[Position] = Field(default_factory=list)
    resolution: str | None = None


class Gap(Shape):
    """Something the request asked for that no subtask delivered."""

    subtask_id: str | None = None
    what: str
    why: str = ""


class FollowUp(Shape):
    """A subtask that would settle a gap or an open disagreement."""

    specialist: str
    task: str


class Synthesis(Shape):
    """The synthesiser's reply: the ledger first, then the answer (Markdown)."""

    disagreements: list[Disagreement] = Field(default_factory=list)
    gaps: list[Gap] = Field(default_factory=list)
    follow_ups: list[FollowUp] = Field(default_factory=list)
    answer: str


class BadReply(Exception):
    """A reply that could not be read as the shape asked for.

    Attributes:
        fault: what was wrong, worded so that the model can be shown it.
        text: the reply as it came, whole.
        charges: what the call cost (plain JSON; filled in by nodes/models/ask.py).
    """

    def __init__(self, fault: str, text: str = "", charges: Sequence[Mapping[str, Any]] = ()) -> None:
        super().__init__(fault)
        self.fault = fault
        self.text = text
        self.charges = list(charges)
