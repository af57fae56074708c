"""Call: what is asked of a model, what came of it, and why nothing came."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import AIMessageChunk, BaseMessage

from nodes.budget import Purse
from nodes.control import Hold
from nodes.models.endpoints import Endpoints
from nodes.models.faults import Fault
from nodes.pool import Part
from nodes.state import Charge, Context, Role


@dataclass(frozen=True)
class Reply:
    """A model's answer.

    Attributes:
        text: what it wrote, without reasoning that the endpoint keeps apart.
        finish: "stop", "length" (cut off), "content_filter" or "refusal".
        charges: one for each request that was, or may have been, billed.
        message: the whole message, for tool calls.
    """

    text: str
    finish: str
    charges: list[Charge]
    message: AIMessageChunk | None = None


class CallFailed(Exception):
    """No usable answer came from the endpoint; carries what was spent in trying."""

    def __init__(self, fault: Fault, model: str, charges: list[Charge]) -> None:
        super().__init__(fault.explained(model))
        self.fault = fault
        self.charges = charges


class OverBudget(Exception):
    """The call's upper bound does not fit what is left; nothing was sent."""

    def __init__(self, message: str, charges: list[Charge] | None = None) -> None:
        super().__init__(message)
        self.charges: list[Charge] = charges or []


@dataclass
class Clock:
    """A worker's time: counts while its calls run, stands still while they wait for a slot."""

    seconds: float
    used: float = 0.0

    @property
    def left(self) -> float:
        """Seconds that remain."""
        return self.seconds - self.used


@dataclass
class Call:
    """One call to be made: what is asked, of whom, for which subtask, and what it may cost."""

    endpoints: Endpoints
    settings: Context
    role: Role
    messages: Sequence[BaseMessage]
    purse: Purse = field(default_factory=Purse)
    part: Part = field(default_factory=Part)  # in what the workers share beside their allowances
    schema: dict[str, Any] | None = None
    subtask_id: str | None = None
    round: int = 1
    cap: int | None = None  # output tokens; None: the role's setting
    spec: str = ""  # a specialist's own model; "": the role's
    on_text: Callable[[str], None] | None = None
    on_restart: Callable[[str], None] | None = None  # told why
    on_waiting: Callable[[bool], None] | None = None  # True: for a free slot; False: it has one
    on_reading: Callable[[dict[str, Any]], None] | None = None  # the embedded engine's reports
    clock: Clock | None = None
    hold: Hold = field(default_factory=Hold)  # a person's hand on it
    tools: Sequence[dict[str, Any]] = ()
    config: dict[str, Any] | None = None
    home: asyncio.AbstractEventLoop | None = None  # where it is asked from, if that is not the engine loop
