"""Events: what a run tells while it is under way, in LangGraph's stream mode "custom"."""

from collections.abc import Callable
from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

from nodes.langgraph_private import var_child_runnable_config
from nodes.state import Charge, Plan, Status


class RunEvent(TypedDict):
    """A run that is kept has begun, or goes on."""

    type: Literal["run"]
    id: str


class SpecialistsChanged(TypedDict):
    """A run goes on with other specialists than it began with."""

    type: Literal["specialists_changed"]
    names: list[str]
    text: str  # for people


class NothingToDo(TypedDict):
    """A run was to go on, and is finished."""

    type: Literal["nothing_to_do"]
    text: str  # for people


class Steered(TypedDict):
    """A person has a hand on the run: what of it is done, or cannot be done."""

    type: Literal["steered"]
    text: str  # for people
    paused: NotRequired[bool]  # as it is from now on


class Planning(TypedDict):
    """The planner is asked."""

    type: Literal["planning"]
    attempt: int


class PlanningRestart(TypedDict):
    """The planner is asked once more: its endpoint failed."""

    type: Literal["planning_restart"]
    why: str


class Drafted(TypedDict):
    """The planner has written a subtask; the plan that counts comes when all of it is read and checked."""

    type: Literal["drafted"]
    specialist: str
    task: str


class PromptReading(TypedDict):
    """How far a model on this machine has read its prompt."""

    type: Literal["reading"]
    total: NotRequired[int]  # tokens
    processed: NotRequired[int]
    cache: NotRequired[int]
    time_ms: NotRequired[int]


class PlanEvent(TypedDict):
    """A plan is fit to be run."""

    type: Literal["plan"]
    plan: Plan


class WorkerEvent(TypedDict):
    """A worker has started or ended; error and seconds come with its end."""

    type: Literal["worker"]
    id: str
    specialist: str
    status: Status | Literal["started"]
    error: NotRequired[str | None]
    seconds: NotRequired[float]


class WorkerText(TypedDict):
    """A further piece of a worker's text."""

    type: Literal["worker_text"]
    id: str
    text: str


class WorkerRestart(TypedDict):
    """A worker's text begins anew: its endpoint failed."""

    type: Literal["worker_restart"]
    id: str
    why: str


class WorkerWaiting(TypedDict):
    """A worker waits for one of the calls that may be under way at once; or has got it."""

    type: Literal["worker_waiting"]
    id: str
    waiting: bool


class WorkerTool(TypedDict):
    """A worker has used a tool; args and result are cut to a line."""

    type: Literal["worker_tool"]
    id: str
    tool: str
    args: str
    result: str


class SynthesisEvent(TypedDict):
    """The synthesiser is asked."""

    type: Literal["synthesis"]
    round: int


class LedgerEvent(TypedDict):
    """The disagreements and gaps, before they are checked: they come before the answer."""

    type: Literal["ledger"]
    disagreements: list[dict[str, Any]]
    gaps: list[dict[str, Any]]
    follow_ups: NotRequired[list[dict[str, Any]]]


class AnswerEvent(TypedDict):
    """A further piece of the answer."""

    type: Literal["answer"]
    text: str
    message_id: str  # the same for all pieces of one answer


class AnswerRestart(TypedDict):
    """The answer begins anew: what came of it before does not count."""

    type: Literal["answer_restart"]
    why: str  # "": nothing failed; it was not the answer


class RequestEvent(TypedDict):
    """A model call of a run that is kept: sent, and charged at the most it can cost; or settled at what it came to."""

    type: Literal["request"]
    note: str  # the same for both; "before": what the run had cost when it was gone on with
    charges: list[Charge]
    settled: bool


Event = (
    RunEvent
    | SpecialistsChanged
    | NothingToDo
    | Steered
    | Planning
    | PlanningRestart
    | Drafted
    | PromptReading
    | PlanEvent
    | WorkerEvent
    | WorkerText
    | WorkerRestart
    | WorkerWaiting
    | WorkerTool
    | SynthesisEvent
    | LedgerEvent
    | AnswerEvent
    | AnswerRestart
    | RequestEvent
)


def under_way(last: str) -> str:
    """Word the stop_reason of a run that has not ended: what its last step came to."""
    return f"the run has not ended: {last}"


def heard(write: Callable[[Any], None]) -> bool:
    """Tell whether anybody hears what a step's stream writer is told.

    LangGraph hands a step a function that does nothing where nobody asked for `custom` events, and says so in no other
    way. One that is not seen to do nothing counts as heard: that costs a stream, and no event.
    """
    code = getattr(write, "__code__", None)
    return code is None or code.co_code != _deaf.__code__.co_code


def called_back() -> bool:
    """Tell whether somebody follows a step's model calls themselves: a trace, or a reader of `messages`.

    LangGraph has gathered whoever does, at the run's start, in the step's ambient config.
    """
    callbacks = (var_child_runnable_config.get() or {}).get("callbacks")
    return bool(getattr(callbacks, "handlers", callbacks))


def _deaf(_: Any) -> None:
    pass
