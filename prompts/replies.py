"""Replies: the shapes a model's answer must have before code relies on it."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Status = Literal["kept", "settled", "withdrawn"]


class Shape(BaseModel):
    """What every reply shape shares: strings are stripped, unknown keys are left out."""

    model_config = ConfigDict(str_strip_whitespace=True, frozen=True)


class Subtask(Shape):
    """One piece of work for one specialist, as the planner words it."""

    specialist: str
    task: str
    cross_check: bool = False


class Position(Shape):
    """What one side holds in a disagreement, with its own words; the side is a subtask ("S1") or the "request"."""

    subtask_id: str
    claim: str
    quote: str = ""


class Disagreement(Shape):
    """Two positions or more that cannot both hold, and what became of them.

    Attributes:
        id: "D1", "D2" …; the reader of replies gives missing ones.
        topic: the matter in a few words; "" where an entry of an earlier round is named by its id alone, which may
            then have no positions either.
        resolution: how it was settled, or why it was withdrawn; None: open.
        suggestion: for an open one, what to assume until it is settled, with the reason.
        status: where none is said, "settled" if there is a resolution, else "kept".
    """

    id: str = ""
    topic: str = ""
    positions: list[Position] = Field(default_factory=list)
    resolution: str | None = None
    suggestion: str | None = None
    status: Status = "kept"

    @model_validator(mode="before")
    @classmethod
    def _settled_by_its_resolution(cls, entry: Any) -> Any:
        if isinstance(entry, dict) and entry.get("resolution") and not entry.get("status"):
            return {**entry, "status": "settled"}
        return entry


class Gap(Shape):
    """Something the request asked for that no subtask delivered; "G1", "G2" … ("what" is "" as a topic may be).

    Attributes:
        status: "settled": it has been filled, and `why` says by what; "withdrawn": it was none.
    """

    id: str = ""
    subtask_id: str | None = None
    what: str = ""
    why: str = ""
    status: Status = "kept"


class FollowUp(Shape):
    """A subtask that would settle gaps or open disagreements; `settles` holds their ids."""

    specialist: str
    task: str
    settles: list[str] = Field(default_factory=list)


class Synthesis(Shape):
    """The synthesiser's reply: the ledger first, then the answer (Markdown; "" is right beside follow-ups)."""

    disagreements: list[Disagreement] = Field(default_factory=list)
    gaps: list[Gap] = Field(default_factory=list)
    follow_ups: list[FollowUp] = Field(default_factory=list)
    answer: str = ""


class Sequel(Shape):
    """What a further message asks for, read against the run before it.

    Attributes:
        kind: "answer": `answer` holds it; "change": `subtasks` are to be done beside the results in `keep`; "new".
        request: the whole request as it now stands ("" where it is an answer).
        frame, subtasks, why: of a change, as a planner's reply has them.
    """

    kind: Literal["answer", "change", "new"]
    request: str = ""
    keep: list[str] = Field(default_factory=list)
    frame: dict[str, Any] = Field(default_factory=dict)
    subtasks: list[Subtask] = Field(default_factory=list)
    why: str = ""
    answer: str = ""


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
