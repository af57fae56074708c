"""Repairs: what code makes of a plan that has faults, where the planner is not asked again."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

from nodes.plan.checks import TASK_LIMIT, Finding, check
from nodes.specialists import Roster
from nodes.state import DropKind, Dropped

GENERALIST = "generalist"
_STAND_ALONE = (
    "\n\nYou see nobody else's work. Where this task refers to it, make the most reasonable assumption from the goal, "
    "state it, and go on."
)
_DROPPED = frozenset(get_args(DropKind))


@dataclass
class Repaired:
    """The subtasks that are left, as the draft has them, and what became of the others."""

    subtasks: list[dict[str, Any]] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)
    mended: bool = False

    def drop(self, subtask: dict[str, Any], kind: DropKind, reason: str) -> None:
        """Put a subtask on record as dropped."""
        self.dropped.append(
            Dropped(specialist=str(subtask["specialist"]), task=str(subtask["task"]), kind=kind, reason=reason)
        )

    def keep_only(self, most: int) -> None:
        """Drop what is beyond the limit; the most needed come first."""
        for subtask in self.subtasks[most:]:
            self.drop(subtask, "over_limit", f"over the limit of {most} subtasks; the least needed go")
        self.subtasks = self.subtasks[:most]

    def drop_repeats(self, finished: Sequence[dict[str, Any]], request: str) -> None:
        """Drop what repeats finished work."""
        findings = check([*finished, *self.subtasks], request, Roster(), improvise=True)
        doubles = {finding.position for finding in findings if finding.kind in ("duplicate", "near_duplicate")}
        kept = []
        for position, subtask in enumerate(self.subtasks, len(finished)):
            if position in doubles:
                self.drop(subtask, "repeats_finished", "repeats a finished subtask")
            else:
                kept.append(subtask)
        self.subtasks = kept


def repaired(subtasks: Sequence[dict[str, Any]], findings: Sequence[Finding], roster: Roster) -> Repaired:
    """Drop and mend what the findings say, and write registered names as they are registered."""
    plan = Repaired()
    for position, subtask in enumerate(subtasks):
        mine = [finding for finding in findings if finding.position == position]
        fatal = next((finding for finding in mine if finding.kind in _DROPPED), None)
        if fatal:
            plan.drop(subtask, fatal.kind, fatal.reason)  # type: ignore[arg-type]  # one of _DROPPED
            continue
        known = roster.find(str(subtask["specialist"]))
        made = {**subtask, "specialist": known.name if known else subtask["specialist"]}
        for finding in mine:
            if finding.kind == "nameless":
                made["specialist"] = GENERALIST
            elif finding.kind == "dependency":
                made["task"] += _STAND_ALONE
            elif finding.kind == "overlong":
                made["task"] = f"{made['task'][:TASK_LIMIT]} [the rest of this task was cut: too long]"
        if mine:
            made["changes"] = [finding.reason for finding in mine]
            plan.mended = True
        plan.subtasks.append(made)
    return plan
