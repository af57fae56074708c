"""Result: how the work on one subtask ended, before it becomes an outcome."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nodes.models import CallFailed, OverBudget, Reply
from nodes.state import Charge, Outcome, Status
from prompts.parsing import visible

_STATUS: dict[str, Status] = {"stop": "done", "length": "partial", "content_filter": "partial", "refusal": "failed"}
_WHY = {
    "length": "the result was cut off by the limit on its length",
    "content_filter": "the result was stopped by the endpoint's content filter",
    "refusal": "the model refused the task",
}


@dataclass(frozen=True)
class Result:
    """What a worker has to show.

    Attributes:
        status: as in an outcome.
        output: its text.
        error: why it is not done (None: it is).
        charges: of every model call made for it.
        data: structured output of a runnable.
        tools: calls made, each with its result.
        sources: what it was shown and names in its output: web addresses and documents.
    """

    status: Status
    output: str = ""
    error: str | None = None
    charges: list[Charge] = field(default_factory=list)
    data: Any = None
    tools: list[dict[str, Any]] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)

    def of(self, subtask: Mapping[str, Any], number: int, process: str, seconds: float = 0.0) -> Outcome:
        """Make it the outcome of a subtask, in the round of that number."""
        made: Outcome = Outcome(
            id=subtask["id"],
            specialist=subtask["specialist"],
            task=subtask["task"],
            round=number,
            seconds=seconds,
            process=process,
            **vars(self),  # type: ignore[typeddict-item]
        )
        return made


def of_text(text: str, finish: str, charges: list[Charge], tools: list[dict[str, Any]] | None = None) -> Result:
    """Judge a model's last text.

    Args:
        text: as it came, reasoning included.
        finish: Reply.finish.
        charges: of the calls that led to it.
        tools: calls made on the way.
    """
    shown, tools = visible(text)[0].strip(), tools or []
    status, why = _STATUS[finish], _WHY.get(finish)
    if status != "failed" and not shown:
        status, why = "failed", "the model wrote nothing"
    if status == "failed":
        return Result(status, error=f"{why}: {shown[:300]}" if shown else why, charges=charges, tools=tools)
    return Result(status, shown, why, charges, tools=tools)


def of_reply(reply: Reply) -> Result:
    """Judge the one reply of a worker without tools."""
    return of_text(reply.text, reply.finish, reply.charges)


def of_failure(error: CallFailed | OverBudget) -> Result:
    """Tell how a call came to nothing."""
    if isinstance(error, OverBudget):
        return Result("over_budget", error=str(error), charges=error.charges)
    status: Status = "timed_out" if error.fault.kind == "timeout" else "failed"
    return Result(status, error=str(error), charges=error.charges)
