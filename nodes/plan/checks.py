"""Checks: what is wrong with a plan, found without a model and in any language."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from nodes.plan.dependencies import Member, Team, Text, leaning
from nodes.plan.duplicates import Work, is_whole_request, same_work, weights
from nodes.plan.placeholders import is_nameless, is_one_word, is_placeholder
from nodes.specialists import Roster
from nodes.text import folded

Fix = Literal["drop", "rename", "stand_alone", "cut", "keep"]

TASK_LIMIT = 4_000  # characters; a task is a brief, not a document
NAME_LIMIT = 80  # characters
_CROWD = 4  # subtasks of one specialist; fewer are no crowd
_FEW = 2  # registered specialists; with no more there is hardly anyone else to give work to


@dataclass(frozen=True)
class Finding:
    """One fault of one subtask.

    Attributes:
        index: which subtask, from 0.
        kind: what sort of fault.
        told: the fault, worded for the model.
        reason: the same in a few words, for the record.
        fix: what code does about it if the model does not.
        serious: worth asking the planner again.
    """

    index: int
    kind: str
    told: str
    reason: str
    fix: Fix
    serious: bool = False


def check(subtasks: Sequence[dict[str, Any]], request: str, roster: Roster, *, improvise: bool) -> list[Finding]:
    """Find every fault of a plan in one pass, in the order of the subtasks."""
    plan = _Plan(subtasks, request)
    found: list[Finding] = []
    for index in range(len(subtasks)):
        nonsense = plan.nonsense(index)
        found += [nonsense] if nonsense else plan.faults(index, roster, improvise=improvise)
    return [*found, *plan.crowded(roster, improvise=improvise)]


class _Plan:
    """A plan with every text folded once."""

    def __init__(self, subtasks: Sequence[dict[str, Any]], request: str) -> None:
        self.names = [str(one.get("specialist") or "") for one in subtasks]
        self.tasks = [str(one.get("task") or "") for one in subtasks]
        self.crossed = [one.get("cross_check") is True for one in subtasks]
        self.leans = [one.get("depends_on") for one in subtasks]
        self.works = [Work(task) for task in self.tasks]
        members = [Member(name, Text(work.plain)) for name, work in zip(self.names, self.works, strict=True)]
        self.asked = Work(request)
        self.team = Team(members, Text(self.asked.plain))
        self.weight = weights(self.works, self.asked)
        self.first: dict[str, int] = {}  # folded task → the first subtask that has it

    def _finding(self, index: int, kind: str, told: str, reason: str, fix: Fix, *, serious: bool = False) -> Finding:
        where = f"Subtask {index + 1} ({self.names[index][:NAME_LIMIT] or 'no specialist'})"
        return Finding(index, kind, f"{where}: {told}", reason, fix, serious)

    def nonsense(self, index: int) -> Finding | None:
        """Find a task that is none."""
        task, bare = self.tasks[index], self.works[index].folded
        shown = repr(task.strip()[:60])
        if not task.strip():
            return self._finding(index, "empty", "it has no task.", "empty task", "drop")
        if is_placeholder(task, bare):
            told = f"{shown} is a placeholder, not a task."
            return self._finding(index, "placeholder", told, "placeholder instead of a task", "drop")
        if is_one_word(task, bare) or bare == folded(self.names[index]):
            told = f"{shown} is a title; say what to deliver, within which bounds, from which facts."
            return self._finding(index, "one_word", told, "a single word is no task", "drop")
        return None

    def faults(self, index: int, roster: Roster, *, improvise: bool) -> list[Finding]:
        """Find what is wrong with a task that is one."""
        found = [
            *self._name(index, roster, improvise=improvise),
            *self._whole_request(index),
            *self._leaning(index),
            *self._duplicate(index),
            *self._overlong(index),
        ]
        self.first.setdefault(self.works[index].folded, index)
        return found

    def _name(self, index: int, roster: Roster, *, improvise: bool) -> Iterator[Finding]:
        name = self.names[index]
        known = name in roster.members or (not improvise and roster.find(name[:1000]) is not None)
        if not improvise and not known:
            told = f"{name[:NAME_LIMIT]!r} is not a registered specialist; use one of: {', '.join(roster.members)}."
            reason = f"{name[:NAME_LIMIT]!r} is not registered"
            yield self._finding(index, "unregistered", told, reason, "drop", serious=True)
        elif not known and (len(name) > NAME_LIMIT or is_nameless(name)):
            told = f"{name[:60]!r} names no specialist; name the profession or role that the work needs."
            yield self._finding(index, "nameless", told, "unusable specialist name", "rename")

    def _whole_request(self, index: int) -> Iterator[Finding]:
        others = [work for at, work in enumerate(self.works) if at != index]
        if is_whole_request(self.works[index], self.asked, self.names[index], others):
            told = "it asks for the whole request again; give it one part of the work."
            yield self._finding(index, "whole_request", told, "asks for the whole request again", "drop", serious=True)

    def _leaning(self, index: int) -> Iterator[Finding]:
        words = leaning(index, self.team, self.leans[index])
        if words:
            told = (
                f"it leans on work that it cannot see ({words[:80]}). Give it the facts or an assumption to work from, "
                "or make the two one subtask."
            )
            reason = f"leaned on another subtask ({words[:60]})"
            yield self._finding(index, "leaning", told, reason, "stand_alone", serious=True)

    def _duplicate(self, index: int) -> Iterator[Finding]:
        same = self.first.get(self.works[index].folded)
        near = same_work(self.works, index, self.weight) if same is None else same
        if near is None or self._second_look(index) or self._second_look(near):
            return
        if same is None:
            told = f"it is nearly the same work as subtask {near + 1}."
            yield self._finding(index, "near_duplicate", told, f"nearly the same as subtask {near + 1}", "drop")
        else:
            told = f"it is the same as subtask {near + 1}."
            yield self._finding(index, "duplicate", told, f"the same as subtask {near + 1}", "drop")

    def _second_look(self, index: int) -> bool:
        return self.crossed[index] or self.works[index].second_look

    def _overlong(self, index: int) -> Iterator[Finding]:
        length = len(self.tasks[index])
        if length > TASK_LIMIT:
            told = f"its task is {length:,} characters long; {TASK_LIMIT:,} are the most."
            yield self._finding(index, "overlong", told, f"longer than {TASK_LIMIT:,} characters", "cut", serious=True)

    def crowded(self, roster: Roster, *, improvise: bool) -> list[Finding]:
        """Find a specialist who holds most of a large plan."""
        if not improvise and len(roster.members) <= _FEW:
            return []
        names = [
            " ".join(word for word in folded(name).split() if len(word) > 1 and not word.isdecimal())
            for name in self.names
        ]
        found = []
        for name, count in Counter(names).items():
            if name and count >= _CROWD and count > len(names) / 2:
                index = names.index(name)
                told = (
                    f"{count} of {len(names)} subtasks go to {self.names[index][:NAME_LIMIT]!r}; "
                    "use the experts that the work needs, or fewer subtasks."
                )
                found.append(self._finding(index, "crowded", told, "too many of one kind", "keep", serious=True))
        return found
