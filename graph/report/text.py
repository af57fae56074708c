"""Text: a run's state as a Markdown file. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from graph.plan_text import fallback_line, frame_lines
from graph.report.marks import PREFIX, linked
from graph.sanitise import escaped, harmless, tame_markdown
from nodes.state import State

_ENTRY = re.compile(r"^- \*\*(D\d{1,6})\b", re.MULTILINE)  # where an entry's anchor belongs
_STATES = {"timed_out": "timed out", "over_budget": "over budget"}

Row = Sequence[str]


def markdown(state: State) -> str:
    """Write a run as Markdown: answer, ledger, plan, every worker's own text, and what it cost."""
    answer = linked(tame_markdown(state.get("answer", ""), headings=True), state)
    parts = [f"# {escaped(state['request'])[:200]}", answer]
    for title, entries in _lists(state):
        parts += [f"## {title}", _ENTRY.sub(rf'- <a id="{PREFIX}\1"></a>**\1', "\n".join(entries))]
    parts += ["## Plan", *_frame(state), _table(_plan_rows(state)), "## The workers' own texts"]
    parts += [_outcome_in_markdown(outcome) for outcome in state.get("outcomes", [])]
    if spend := state.get("spend"):
        parts += ["## What it cost", _table(_cost_rows(spend))]
    return harmless("\n\n".join(part for part in parts if part)) + "\n"


def _lists(state: State) -> Iterator[tuple[str, list[str]]]:
    """List what stands beside the answer: (heading, Markdown list items)."""
    answer = state.get("answer", "")
    if entries := state.get("disagreements"):
        yield "Disagreements: who said what", [line for entry in entries for line in _entry(entry, answer)]
    if gaps := state.get("gaps"):
        yield "Gaps", [_gap(gap) for gap in gaps]


def _entry(entry: Mapping[str, Any], answer: str) -> Iterator[str]:
    """Write an entry. What the answer marks as told is not told again: only who said it, with the quotes, stands here."""
    mark = entry.get("id") or ""
    label = f"{mark} " if mark else ""
    ended = "" if mark and f"[{mark}]" in answer else f": {_how_it_ended(entry)}"
    yield f"- **{label}{escaped(entry.get('topic', ''))}**{ended}"
    for position in entry["positions"]:
        verified = "verified" if position["verified"] else "NOT verified"
        quote = f" “{escaped(position['quote'])}”" if position["quote"] else ""
        yield f"  - {_link(position['subtask_id'])}: {escaped(position['claim'])}{quote} ({verified})"


def _how_it_ended(entry: Mapping[str, Any]) -> str:
    if entry.get("resolution"):
        return escaped(entry["resolution"])
    return f"open; suggested: {escaped(entry['suggestion'])}" if entry.get("suggestion") else "open"


def _gap(gap: Mapping[str, Any]) -> str:
    label = f"{gap['id']} " if gap.get("id") else ""
    which = f"{_link(gap['subtask_id'])}: " if gap.get("subtask_id") else ""
    why = f": {escaped(gap['why'])}" if gap.get("why") else ""
    anchor = f'<a id="{PREFIX}{gap["id"]}"></a>' if gap.get("id") else ""
    return f"- {anchor}{label}{which}{escaped(gap['what'])}{why}"


def _frame(state: State) -> list[str]:
    """Say what the plan fixed for all its tasks, why it is as it is, and whether it is a plan at all."""
    plan: Mapping[str, Any] = state.get("plan") or {}
    lines = [f"- **{escaped(name)}:** {escaped(value)}" for name, value in frame_lines(plan.get("frame") or {})]
    why = f"Why these subtasks: {escaped(plan['why'])}" if plan.get("why") else ""
    return ["\n".join(lines), why, escaped(fallback_line(plan))]


def _plan_rows(state: State) -> Iterator[Row]:
    yield ("id", "specialist", "task", "state")
    states = {outcome["id"]: outcome["status"] for outcome in state.get("outcomes", [])}
    plans: list[Mapping[str, Any]] = [*state.get("plans", []), state.get("plan") or {}]
    for name, subtask in {subtask["id"]: subtask for plan in plans for subtask in plan.get("subtasks", [])}.items():
        status = states.get(name, "not run")
        yield (_link(name), escaped(subtask["specialist"]), escaped(subtask["task"]), _STATES.get(status, status))
    for plan in plans:
        for drop in plan.get("dropped", []):
            yield ("", escaped(drop["specialist"]), escaped(drop["task"]), f"dropped: {escaped(drop['reason'])}")


def _outcome_in_markdown(outcome: Any) -> str:
    head = f'<a id="{PREFIX}{outcome["id"]}"></a>\n\n### {outcome["id"]} {escaped(outcome["specialist"])}'
    return f"{head}\n\n> {escaped(outcome['task'])}{_error(outcome)}\n\n{tame_markdown(outcome['output'])}".rstrip()


def _error(outcome: Any) -> str:
    status = _STATES.get(outcome["status"], outcome["status"])
    return f"\n\n*{status}: {escaped(outcome['error'])}*" if outcome["error"] else ""


def _cost_rows(spend: Mapping[str, Any]) -> Iterator[Row]:
    yield ("", "calls", "tokens in", "tokens out", "USD")
    for name, part in [("all", spend), *spend["by_role"].items()]:
        usd = "unknown" if part["usd"] is None else f"{part['usd']:.4f}"
        yield (name, f"{part['calls']}", f"{part['input_tokens']:,}", f"{part['output_tokens']:,}", usd)


def _table(rows: Iterator[Row]) -> str:
    head, *rest = rows
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rest))


def _link(subtask_id: str) -> str:
    return f"[{subtask_id}](#{PREFIX}{subtask_id})" if re.fullmatch(r"S\d+", subtask_id) else escaped(subtask_id)
