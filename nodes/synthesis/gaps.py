"""Gaps that follow from data: what failed, was cut off, was left out, or was not used. Pure."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Literal

from nodes.state import DropKind, Dropped, Outcome
from nodes.synthesis.markdown import shortened

Kind = Literal["failed", "timed_out", "over_budget", "partial", "dropped", "unused", "shortened", "cut_off"]

LOST: frozenset[DropKind] = frozenset(("unregistered", "over_limit", "over_budget"))  # asked for, and not there

Gap = dict[str, Any]  # {id, subtask_id, what, why}, and `kind` where code has found it


def _gap(kind: Kind, subtask_id: str | None, what: str, why: str) -> Gap:
    return {"id": "", "subtask_id": subtask_id, "what": what, "why": why, "kind": kind}


WITHOUT_END = _gap("cut_off", None, "the end of the answer", "cut off by the limit on its length")


def undone(outcomes: Iterable[Outcome], dropped: Iterable[Dropped]) -> list[Gap]:
    """List what failed, was cut off, or was dropped though it was asked for."""
    gaps = list[Gap]()
    for outcome in outcomes:
        status = outcome["status"]
        if status != "done":
            wording = status.replace("_", " ")
            why = f"{wording}: {outcome['error']}" if outcome["error"] else wording
            gaps.append(_gap(status, outcome["id"], _named(outcome), why))
    return gaps + [
        _gap("dropped", None, _named(drop), f"dropped: {drop['reason']}") for drop in dropped if drop["kind"] in LOST
    ]


def unused(outcomes: Iterable[Outcome], cited: Collection[str]) -> list[Gap]:
    """List the results that an answer which cites others does not cite; one that cites nothing tells nothing of use."""
    why = "unused: the answer draws nothing from this result"
    usable = (outcome for outcome in outcomes if cited and outcome["status"] in ("done", "partial"))
    return [_gap("unused", outcome["id"], _named(outcome), why) for outcome in usable if outcome["id"] not in cited]


def condensed(outcomes: Iterable[Outcome], ids: Collection[str]) -> list[Gap]:
    """List the results that code had to shorten before they were joined."""
    why = "shortened before it was joined: no room for all of it"
    whole = (outcome for outcome in outcomes if outcome["status"] == "done")
    return [_gap("shortened", outcome["id"], _named(outcome), why) for outcome in whole if outcome["id"] in ids]


def _named(task: Outcome | Dropped) -> str:
    return f"{task['specialist']}: {shortened(task['task'])}"


def stop_reason(gaps: Sequence[Gap]) -> str:
    """Say for people why a run is not complete."""
    named = "; ".join(f"{gap['subtask_id'] or gap['what'][:60]} ({gap['why'][:120]})" for gap in gaps)
    return f"{len(gaps)} of what was planned is missing from the answer: {named}"
