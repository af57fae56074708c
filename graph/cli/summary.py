"""Summary: how a run ended, what it came to and how to go on, in lines of (text, style). Pure."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from graph.plan_text import Line, about, counted, fallback_line
from graph.sanitise import one_line

DONE = ("done", "partial")


def summary(
    state: Mapping[str, Any], seconds: float | None, told_failures: AbstractSet[str] = frozenset()
) -> list[Line]:
    """Say how a run ended: disagreements and gaps that the answer does not tell, what it spent by role, how long it took.

    Args:
        state: the run's.
        seconds: how long it took (None: not known).
        told_failures: ids of subtasks whose failure the reader has just been told_failures, with its reason.
    """
    lines = [*_disagreements(state), *_gaps(state, told_failures)]
    if spend := state.get("spend"):
        lines += [(f"{role:<12}{_spent(part)}", "dim") for role, part in spend["by_role"].items()]
        time_taken = "" if seconds is None else f", {seconds:.1f} s"
        lines.append((f"{'in all':<12}{_spent(spend)}{time_taken}", ""))
    if line := fallback_line(state.get("plan") or {}):
        lines.append((one_line(line), "yellow"))
    lines.append(("complete", "green") if state.get("complete") else (f"incomplete: {_why(state)}", "red"))
    return lines


def _disagreements(state: Mapping[str, Any]) -> Iterator[Line]:
    for entry in state.get("disagreements") or []:
        if _in_answer(entry, state):
            continue
        sides = "; ".join(
            f"{position['subtask_id']}: {position['claim']}" + ("" if position["verified"] else " (not verified)")
            for position in entry["positions"]
        )
        ended = entry.get("resolution") or "open"
        suggestion = f"; suggested: {entry['suggestion']}" if entry.get("suggestion") else ""
        label = f"{entry['id']} " if entry.get("id") else ""
        yield one_line(f"disagreement {label}{entry['topic']} ({sides}) {ended}{suggestion}"), "yellow"


def _gaps(state: Mapping[str, Any], told_failures: AbstractSet[str]) -> Iterator[Line]:
    for gap in state.get("gaps") or []:
        if gap.get("subtask_id") in told_failures or _in_answer(gap, state):
            continue
        label = f"{gap['id']} " if gap.get("id") else ""
        which = f"{gap['subtask_id']} " if gap.get("subtask_id") else ""
        why = f" ({gap['why']})" if gap.get("why") else ""
        yield one_line(f"gap {label}{which}{gap['what']}{why}"), "yellow"


def _in_answer(entry: Mapping[str, Any], state: Mapping[str, Any]) -> bool:
    """Tell whether the answer itself tells an entry of the ledger."""
    return bool(entry.get("id")) and f"[{entry['id']}]" in state.get("answer", "")


def _why(state: Mapping[str, Any]) -> str:
    """Name what is missing; its reasons stand above."""
    failed = [outcome["id"] for outcome in state.get("outcomes", []) if outcome["status"] != "done"]
    reason = one_line(state.get("stop_reason") or "the run has not ended")
    if not failed or not state.get("gaps"):
        return reason
    known = {*failed, None}
    others = sum(gap.get("subtask_id") not in known for gap in state["gaps"])
    more = f", and {counted(others, 'gap')} more" if others else ""
    return f"{', '.join(failed)} {'is' if len(failed) == 1 else 'are'} not whole{more}"


def _spent(part: Mapping[str, Any]) -> str:
    usd = "price unknown" if part["usd"] is None else f"${part['usd']:.4f}"
    unknown = f", {part['unknown']} of unknown usage" if part["unknown"] else ""
    calls = f"{part['calls']:>3} {'call ' if part['calls'] == 1 else 'calls'}"
    return f"{calls} {part['input_tokens']:>9,} in {part['output_tokens']:>8,} out  {usd}{unknown}"


def standing(state: Mapping[str, Any], reasons: Sequence[str]) -> Iterator[Line]:
    """Say how a run stands that has no answer yet: its plan, what became of each subtask, and why it does not go on."""
    plan: Mapping[str, Any] = state.get("plan") or {}
    outcomes = {outcome["id"]: outcome for outcome in state.get("outcomes", [])}
    if plan.get("subtasks"):
        yield f"plan: {counted(len(plan['subtasks']), 'subtask')}", ""
    else:
        yield "there is no plan yet", ""
    yield from ((f"  {one_line(text)}", style) for text, style in about(plan))
    for subtask in plan.get("subtasks", []):
        outcome = outcomes.get(subtask["id"])
        status = outcome["status"].replace("_", " ") if outcome else "not done"
        why = f": {outcome['error']}" if outcome and outcome["error"] else ""
        yield f"  {subtask['id']} {one_line(subtask['specialist'])}: {one_line(subtask['task'])}", ""
        yield f"     {one_line(status + why)}", "green" if status == "done" else "yellow"
    for reason in reasons:
        yield one_line(reason), "red"


def command(verb: str, run_id: str, database: str | None = None, *more: str) -> str:
    """Write the command with which a person goes on with a run."""
    where = ["--db", database] if database else []
    return shlex.join(["orchestrate", verb, run_id, *more, *where])
