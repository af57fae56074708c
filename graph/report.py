"""Report: a run's state as a Markdown file or as one HTML page. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from graph.plan_text import fallback_line, frame_lines
from graph.sanitise import CONTENT_SECURITY_POLICY, harmless, one_line, plain, tame_markdown, to_html
from nodes.state import State
from nodes.synthesis import language_of

PREFIX = "run-"  # of every anchor that is ours; text from outside keeps no anchor at all
_MARKED = re.compile(r"\[([SD]\d{1,6})\](?![(:])")
_ENTRY = re.compile(r"^- \*\*(D\d{1,6})\b", re.MULTILINE)  # where an entry's anchor belongs in Markdown …
_ITEM = re.compile(r"<li>(\s*<strong>(D\d{1,6})\b)")  # … and in HTML, both in lists that are written here
_BEFORE = 200  # characters before a mark in which its specialist may just have been named
_STATES = {"timed_out": "timed out", "over_budget": "over budget"}

Row = Sequence[str]


def markdown(state: State) -> str:
    """Write a run as Markdown: answer, ledger, plan, every worker's own text, and what it cost."""
    answer = _linked(tame_markdown(state.get("answer", ""), headings=True), state)
    parts = [f"# {plain(state['request'])[:200]}", answer]
    for title, entries in _lists(state):
        parts += [f"## {title}", _ENTRY.sub(rf'- <a id="{PREFIX}\1"></a>**\1', "\n".join(entries))]
    parts += ["## Plan", *_frame(state), _table(_plan_rows(state)), "## The workers' own texts"]
    parts += [_outcome_in_markdown(outcome) for outcome in state.get("outcomes", [])]
    if spend := state.get("spend"):
        parts += ["## What it cost", _table(_cost_rows(spend))]
    return harmless("\n\n".join(part for part in parts if part)) + "\n"


def html(state: State) -> str:
    """Write a run as one HTML page that loads nothing; text from models and users passes the sanitiser piece by piece."""
    answer = _linked(state.get("answer", ""), state)
    parts = [f"<h1>{escape(one_line(state['request'])[:200])}</h1>", _block(answer, headings=True)]
    for title, entries in _lists(state):
        parts += [f"<h2>{title}</h2>", _ITEM.sub(rf'<li id="{PREFIX}\2">\1', to_html("\n".join(entries)))]
    parts += ["<h2>Plan</h2>", *(to_html(text) for text in _frame(state)), to_html(_table(_plan_rows(state)))]
    parts.append("<h2>The workers' own texts</h2>")
    parts += [_outcome_in_html(outcome) for outcome in state.get("outcomes", [])]
    if spend := state.get("spend"):
        parts += ["<h2>What it cost</h2>", to_html(_table(_cost_rows(spend)))]
    language = language_of(state.get("answer", ""))
    return _PAGE.format(
        lang=f' lang="{language}"' if language else "",
        policy=CONTENT_SECURITY_POLICY,
        title=escape(one_line(state["request"])[:80]),
        body="\n".join(parts),
    )


def _block(text: str, *, headings: bool = False) -> str:
    return f'<div class="text">\n{to_html(text, headings=headings)}</div>'


def _linked(answer: str, state: State) -> str:
    """Turn [S1] into a link to that worker's own text, under its name, and [D1] into one to who said what."""
    names = {outcome["id"]: outcome["specialist"] for outcome in state.get("outcomes", [])}
    entries = {entry.get("id") for entry in state.get("disagreements", [])}

    def link(match: re.Match[str]) -> str:
        mark = match.group(1)
        if mark in names:
            before = one_line(answer[max(0, match.start() - _BEFORE) : match.start()]).rstrip("*_ (").casefold()
            named = before.endswith(one_line(names[mark]).casefold())
            return f"[{mark if named else f'{plain(names[mark])} ({mark})'}](#{PREFIX}{mark})"
        return f"[{mark}](#{PREFIX}{mark})" if mark in entries else match.group()

    return _MARKED.sub(link, answer)


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
    yield f"- **{label}{plain(entry.get('topic', ''))}**{ended}"
    for position in entry["positions"]:
        verified = "verified" if position["verified"] else "NOT verified"
        quote = f" “{plain(position['quote'])}”" if position["quote"] else ""
        yield f"  - {_link(position['subtask_id'])}: {plain(position['claim'])}{quote} ({verified})"


def _how_it_ended(entry: Mapping[str, Any]) -> str:
    if entry.get("resolution"):
        return plain(entry["resolution"])
    return f"open; suggested: {plain(entry['suggestion'])}" if entry.get("suggestion") else "open"


def _gap(gap: Mapping[str, Any]) -> str:
    label = f"{gap['id']} " if gap.get("id") else ""
    which = f"{_link(gap['subtask_id'])}: " if gap.get("subtask_id") else ""
    why = f": {plain(gap['why'])}" if gap.get("why") else ""
    return f"- {label}{which}{plain(gap['what'])}{why}"


def _frame(state: State) -> list[str]:
    """Say what the plan fixed for all its tasks, why it is as it is, and whether it is a plan at all."""
    plan: Mapping[str, Any] = state.get("plan") or {}
    lines = [f"- **{plain(name)}:** {plain(value)}" for name, value in frame_lines(plan.get("frame") or {})]
    why = f"Why these subtasks: {plain(plan['why'])}" if plan.get("why") else ""
    return ["\n".join(lines), why, plain(fallback_line(plan))]


def _plan_rows(state: State) -> Iterator[Row]:
    yield ("id", "specialist", "task", "state")
    states = {outcome["id"]: outcome["status"] for outcome in state.get("outcomes", [])}
    plans: list[Mapping[str, Any]] = [*state.get("plans", []), state.get("plan") or {}]
    for plan in plans:
        for subtask in plan.get("subtasks", []):
            status = states.get(subtask["id"], "not run")
            task, who = plain(subtask["task"]), plain(subtask["specialist"])
            yield (_link(subtask["id"]), who, task, _STATES.get(status, status))
    for plan in plans:
        for drop in plan.get("dropped", []):
            yield ("", plain(drop["specialist"]), plain(drop["task"]), f"dropped: {plain(drop['reason'])}")


def _outcome_in_markdown(outcome: Any) -> str:
    head = f'<a id="{PREFIX}{outcome["id"]}"></a>\n\n### {outcome["id"]} {plain(outcome["specialist"])}'
    return f"{head}\n\n> {plain(outcome['task'])}{_error(outcome)}\n\n{tame_markdown(outcome['output'])}".rstrip()


def _outcome_in_html(outcome: Any) -> str:
    head = f'<h3 id="{PREFIX}{escape(outcome["id"])}">{escape(outcome["id"])} {escape(one_line(outcome["specialist"]))}</h3>'
    return "\n".join([head, to_html(f"> {plain(outcome['task'])}{_error(outcome)}"), _block(outcome["output"])])


def _error(outcome: Any) -> str:
    status = _STATES.get(outcome["status"], outcome["status"])
    return f"\n\n*{status}: {plain(outcome['error'])}*" if outcome["error"] else ""


def _cost_rows(spend: Mapping[str, Any]) -> Iterator[Row]:
    yield ("", "calls", "tokens in", "tokens out", "USD")
    for name, part in [("all", spend), *spend["by_role"].items()]:
        usd = "unknown" if part["usd"] is None else f"{part['usd']:.4f}"
        yield (name, f"{part['calls']}", f"{part['input_tokens']:,}", f"{part['output_tokens']:,}", usd)


def _table(rows: Iterator[Row]) -> str:
    head, *rest = rows
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rest))


def _link(subtask_id: str) -> str:
    return f"[{subtask_id}](#{PREFIX}{subtask_id})" if re.fullmatch(r"S\d+", subtask_id) else plain(subtask_id)


_PAGE = """<!doctype html>
<html{lang}><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="referrer" content="no-referrer"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>
body {{ font: 16px/1.55 system-ui, sans-serif; max-width: 48rem; margin: 2rem auto; padding: 0 1rem; color: #1d2330; }}
h1 {{ font-size: 1.6rem; line-height: 1.25; }} h2 {{ margin-top: 2.2rem; border-bottom: 1px solid #d8dce3; }}
.text h2 {{ border: 0; font-size: 1.25rem; margin-top: 1.6rem; }}
table {{ border-collapse: collapse; width: 100%; font-size: .92rem; }}
td, th {{ border: 1px solid #d8dce3; padding: .35rem .55rem; vertical-align: top; text-align: left; }}
blockquote {{ margin: 0; padding-left: 1rem; border-left: 3px solid #b9c2d0; color: #4a5568; }}
a {{ color: #1b5fb4; }} pre {{ overflow-x: auto; background: #f4f6f9; padding: .6rem; }}
</style></head><body>
{body}
</body></html>
"""
