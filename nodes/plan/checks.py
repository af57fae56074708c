"""Checks: what is wrong with a plan, found without a model and in any language. Each is here for a case in evals/plans."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from nodes.plan.dependencies import dependencies
from nodes.plan.duplicates import is_whole_request, near_duplicates
from nodes.plan.placeholders import is_nameless, is_one_word, is_placeholder
from nodes.plan.task import Task
from nodes.specialists import Roster
from nodes.state import DropKind

MendKind = Literal["nameless", "dependency", "overlong"]

TASK_LIMIT = 4_000  # characters; a task is a brief, not a document
NAME_LIMIT = 80  # characters
# What costs another call; all else is dropped or mended without asking.
_SERIOUS = frozenset[DropKind | MendKind](("unregistered", "whole_request", "dependency", "overlong"))


@dataclass(frozen=True)
class Finding:
    """One fault of one subtask.

    Attributes:
        position: which subtask, from 0.
        kind: what sort of fault: one for which code drops the subtask, or one that it mends.
        fault: worded for the model.
        reason: the same in a few words, for the record.
    """

    position: int
    kind: DropKind | MendKind
    fault: str
    reason: str

    @property
    def serious(self) -> bool:
        """Tell whether it is worth asking the planner again."""
        return self.kind in _SERIOUS


Fault = tuple[DropKind | MendKind, str, str]


def check(subtasks: Sequence[dict[str, Any]], request: str, roster: Roster, *, improvise: bool) -> list[Finding]:
    """Find every fault of a plan in one pass, in the order of the subtasks."""
    plan, asked = [Task.of(subtask) for subtask in subtasks], Task("", request)
    near, needing, first = near_duplicates(plan, asked), dependencies(plan, asked), dict[str, int]()
    findings = list[Finding]()
    for position, task in enumerate(plan):
        faults = list(_nonsense(task))
        if not faults:
            same = first.setdefault(task.bare, position)
            faults += _name(task.specialist, roster, improvise=improvise)
            faults += _task(task, asked, alone=len(plan) == 1)
            faults += _double(plan, position, same, near.get(position))
            if position in needing:
                mend = "give it the facts or an assumption to work from, or make the two one subtask"
                fault = f"it needs work that it cannot see ({needing[position]!r}); {mend}"
                faults.append(("dependency", fault, "needed another subtask's result"))
        who = task.specialist[:NAME_LIMIT] or "no specialist"
        findings += [
            Finding(position, kind, f"Subtask {position + 1} ({who}): {fault}.", reason)
            for kind, fault, reason in faults
        ]
    return findings


def _nonsense(task: Task) -> Iterator[Fault]:
    """Find a task that is none."""
    shown = repr(task.text.strip()[:60])
    if not task.text.strip():
        yield "empty", "it has no task", "empty task"
    elif is_placeholder(task):
        yield "placeholder", f"{shown} is a placeholder, not a task", "placeholder instead of a task"
    elif is_one_word(task):
        mend = "say what to deliver, within which bounds, from which facts"
        yield "one_word", f"{shown} is a title; {mend}", "a single word is no task"


def _name(name: str, roster: Roster, *, improvise: bool) -> Iterator[Fault]:
    shown, known = repr(name[:NAME_LIMIT]), roster.names(improvise=improvise)
    meant = roster.find(name[:1000])
    if meant is not None and meant.name in known:
        return
    if not improvise:
        fault = f"{shown} is not a registered specialist; use one of: {', '.join(known)}"
        yield "unregistered", fault, f"{shown} is not registered"
    elif len(name) > NAME_LIMIT or is_nameless(name):
        mend = "name the profession or role that the work needs"
        yield "nameless", f"{shown} names no specialist; {mend}", "unusable specialist name"


def _task(task: Task, request: Task, *, alone: bool) -> Iterator[Fault]:
    if not alone and is_whole_request(task, request):
        mend = "give it one part of the work, or make it the only subtask"
        yield "whole_request", f"it asks for the whole request again; {mend}", "asks for the whole request again"
    if len(task.text) > TASK_LIMIT:
        fault = f"its task is {len(task.text):,} characters long; {TASK_LIMIT:,} are the most"
        yield "overlong", fault, f"longer than {TASK_LIMIT:,} characters"


def _double(plan: Sequence[Task], position: int, same: int, near: int | None) -> Iterator[Fault]:
    """Find the same work twice, unless one of the two is meant as a second look."""
    if same != position and not (plan[position].second_look or plan[same].second_look):
        yield "duplicate", f"it is the same as subtask {same + 1}", f"the same as subtask {same + 1}"
    elif near is not None and not (plan[position].second_look or plan[near].second_look):
        fault = f"it is nearly the same work as subtask {near + 1}"
        yield "near_duplicate", fault, f"nearly the same as subtask {near + 1}"
