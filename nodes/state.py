"""State: what a run knows (plain JSON), and what a worker is sent."""

import operator
from typing import Annotated, Any, Literal, NotRequired

from langgraph.channels import EphemeralValue
from pydantic import Field
from pydantic.json_schema import SkipJsonSchema
from typing_extensions import TypedDict

# Most who need the state need these too.
from nodes.context import ROLES as ROLES  # noqa: PLC0414 - passed on
from nodes.context import Context as Context  # noqa: PLC0414 - passed on
from nodes.context import Role as Role  # noqa: PLC0414 - passed on

Status = Literal["done", "partial", "failed", "timed_out", "over_budget"]
# Where the conditional edges go next.
Phase = Literal["planner", "validator", "approval", "worker", "synthesiser", "end"]
# "native": as the model wrote it; "repaired": mended in code; "retried": a later attempt; "fallback": the request itself.
Source = Literal["native", "repaired", "retried", "fallback"]
DropKind = Literal[
    "empty", "placeholder", "one_word", "duplicate", "near_duplicate", "whole_request", "unregistered", "over_limit",
    "over_budget", "repeats_finished", "follow_up",  # the last: of a round that was not run at all
]  # fmt: skip

REQUEST_LIMIT = 200_000  # characters; about 50,000 tokens, a long brief with room to spare


class Charge(TypedDict):
    """What one model call cost. Unknown usage is charged at its upper bound (`known` is False)."""

    role: Role
    subtask_id: str | None
    round: int
    model: str
    input_tokens: int
    output_tokens: int
    usd: float | None  # None: the price is unknown
    known: bool


class Allowance(TypedDict):
    """The most a subtask may spend. None: no ceiling of that kind."""

    usd: float | None
    tokens: int | None


class Reserve(Allowance):
    """What is kept back for the synthesis, and what one USD and one token more of a worker's cost together with it."""

    surcharge: list[float]


class Planned(TypedDict):
    """A subtask fit to be run."""

    id: str
    specialist: str
    task: str
    cross_check: bool
    allowance: Allowance
    max_output_tokens: int | None
    changes: NotRequired[list[str]]  # what the validator mended in it
    settles: NotRequired[list[str]]  # ids of the entries and gaps that a follow-up is to settle
    excerpts: NotRequired[str]  # of the documents that came with the request, where they bear on the task


class Dropped(TypedDict):
    """A subtask that will not be run, and why: `kind` for code, `reason` for people."""

    specialist: str
    task: str
    kind: DropKind
    reason: str


class Plan(TypedDict, total=False):
    """The subtasks of one round, and the frame that they share.

    Attributes:
        frame: what the planner has fixed for all of them (prompts.replies.Plan.frame); the request's own facts win.
        why: the planner's word on why there are so few or so many.
        note: what a reader of the answer should know of the plan: why it is a fallback, what does not add up ("" if nothing).
        at_most: what the rest of the run can cost, as far as it is known.
        kept: ids of results of the run before that are used again, where a message goes on from one.
    """

    round: int
    source: Source
    frame: dict[str, Any]
    why: str
    note: str
    subtasks: list[Planned]
    dropped: list[Dropped]
    at_most: dict[str, Any]
    reserve: Reserve
    kept: list[str]


class Outcome(TypedDict):
    """What became of one subtask. `output` is the worker's own text, whole."""

    id: str
    specialist: str
    task: str
    round: int
    status: Status
    output: str
    error: str | None
    seconds: float
    charges: list[Charge]
    data: Any  # a runnable specialist's structured output
    tools: list[dict[str, Any]]  # tool calls made, each with its result
    process: str  # where it was worked on (nodes/host.py)
    times: NotRequired[dict[str, Any]]  # when it began, waited and tried again (nodes/times.py)
    sources: NotRequired[list[str]]  # web addresses and documents that it was given and names in its output


class Draft(TypedDict, total=False):
    """What the planner or the synthesiser proposes, before it is checked."""

    round: int
    attempt: int
    source: Source
    frame: dict[str, Any]
    why: str
    subtasks: list[dict[str, Any]]
    faults: list[str]  # what was wrong with the reply itself
    reply: str
    refused: bool  # the model refused, or a filter did
    edited: bool  # by a person
    kept: bool  # from an earlier attempt: the last one gave no plan
    final: bool  # no further attempt will be made: repair in code what is wrong


def final_draft(
    number: int, subtasks: list[dict[str, Any]], *, frame: dict[str, Any] | None = None, why: str = "", reply: str = ""
) -> Draft:
    """Propose the subtasks of a round that nobody is asked about again: what is wrong with them is repaired in code."""
    return Draft(
        round=number,
        attempt=1,
        source="native",
        frame=frame or {},
        why=why,
        subtasks=subtasks,
        faults=[],
        reply=reply,
        final=True,
    )


class Replan(TypedDict):
    """Why the planner is asked again: faults of its last plan, or a person's words."""

    attempt: int
    faults: list[str]
    reply: str
    message: str | None
    subtasks: NotRequired[list[dict[str, Any]]]  # of the plan that is sent back, and its frame
    frame: NotRequired[dict[str, Any]]


def in_plan_order(old: list[Outcome], new: list[Outcome]) -> list[Outcome]:
    """Join outcomes by subtask id (the newer wins), ordered by the number in the id."""
    joined = {outcome["id"]: outcome for outcome in [*old, *new]}
    return sorted(joined.values(), key=lambda outcome: int(outcome["id"][1:]))


class Earlier(TypedDict):
    """The run that a message goes on from: as much of it as is used."""

    request: str
    frame: dict[str, Any]
    outcomes: list[Outcome]
    answer: str
    message: str


class Attachment(TypedDict):
    """A document that came in a run's input, as it is kept: its parts as [place, text]."""

    name: str
    parts: list[list[str]]


class Input(TypedDict):
    """What a caller gives."""

    request: Annotated[
        str,
        Field(
            title="Request",
            description="What you want worked out, in your own words.",
            examples=["Plan a neighbourhood street party for about 80 people on a Saturday afternoon."],
            max_length=REQUEST_LIMIT,
        ),
    ]
    # Not in the form, for programs hand them over: documents, each as {"name": "minutes.md", "text": "…"} or {"name":
    # "plan.pdf", "base64": "…"}, and the state of a run that the request goes on from. The next request on a thread must
    # not find these; as read they are in State.attachments and State.earlier.
    documents: NotRequired[Annotated[list[dict[str, str]], SkipJsonSchema(), EphemeralValue]]
    after: NotRequired[Annotated[dict[str, Any], SkipJsonSchema(), EphemeralValue]]


class Output(TypedDict, total=False):
    """What a run shows, in streams, in a thread's state and at its end: all that clients may rely on."""

    request: str
    plan: Plan
    outcomes: Annotated[list[Outcome], in_plan_order]
    answer: str
    disagreements: list[dict[str, Any]]
    gaps: list[dict[str, Any]]
    complete: bool
    stop_reason: str | None  # why it is incomplete; of a run under way, what its last step came to
    spend: dict[str, Any]


class State(Output, total=False):
    """Everything a run knows: the keys here are its own."""

    settings: dict[str, Any]
    attachments: list[Attachment]  # the documents that came in the input
    earlier: Earlier | None  # the run that the request goes on from
    draft: Draft
    replan: Replan | None
    plans: list[Plan]  # earlier rounds
    rejected: list[dict[str, Any]]  # what was no entry of the ledger, or was withdrawn, each with its reason
    charges: Annotated[list[Charge], operator.add]  # the planner's and the synthesiser's calls
    phase: Phase | None
    failed_in: str  # the process whose synthesis failed last


class WorkerInput(TypedDict):
    """What `Send` carries to one worker: the goal and its own task, nothing of the others."""

    request: str
    round: int
    subtask: Planned
    frame: NotRequired[dict[str, Any]]  # of the plan
    settings: dict[str, Any]
    pool: str  # the name of what the workers share beside their allowances ("": nothing)
    attachments: NotRequired[list[Attachment]]  # where the specialist can read on in them


def plans_of(state: State) -> list[Plan]:
    """List the plans of all rounds, oldest first."""
    return [*state.get("plans", []), state["plan"]]
