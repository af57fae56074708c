"""Report: a run's state as Markdown or HTML. Pure."""

import re
import unicodedata
from html import escape
from typing import Any

from markdown_it import MarkdownIt

from nodes.state import State

# Escape sequences, and what turns the reading direction: text from a model must not steer a terminal or hide words.
_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-_])|\x9b[0-?]*[ -/]*[@-~]")
_BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_CITED = re.compile(r"\[(S\d+)\](?!\()")


def harmless(text: str) -> str:
    """Take terminal control sequences, control characters and bidi overrides out of a text."""
    text = _BIDI.sub("", _SEQUENCE.sub("", text))
    return "".join(char for char in text if char in "\n\t" or unicodedata.category(char) not in ("Cc", "Cs"))


def markdown(state: State) -> str:
    """Write a run as Markdown: answer, ledger, plan, every worker's own text, and what it cost."""
    parts = [
        f"# {_line(state['request'])[:200]}",
        _linked(state.get("answer", ""), state),
        _ledger(state),
        _plan(state),
        "## The workers' own texts",
        *(_outcome(one) for one in state.get("outcomes", [])),
        _spend(state.get("spend") or {}),
    ]
    return harmless("\n\n".join(part for part in parts if part)) + "\n"


def _linked(answer: str, state: State) -> str:
    """Turn [S1] into a link to that worker's own text."""
    names = {one["id"]: one["specialist"] for one in state.get("outcomes", [])}

    def link(found: re.Match[str]) -> str:
        one = found.group(1)
        return f"[{_plain(names[one])} ({one})](#{one.lower()})" if one in names else found.group()

    return _CITED.sub(link, answer)


def _ledger(state: State) -> str:
    lines = []
    if entries := state.get("disagreements"):
        lines += ["## Disagreements", ""]
        for entry in entries:
            lines.append(f"- **{_line(entry['topic'])}**: {_line(entry['resolution'] or 'open')}")
            for one in entry["positions"]:
                mark = "verified" if one["verified"] else "NOT verified"
                quote = f" “{_line(one['quote'])}”" if one["quote"] else ""
                lines.append(f"  - {_link(one['subtask_id'])}: {_line(one['claim'])}{quote} ({mark})")
        lines.append("")
    if gaps := state.get("gaps"):
        lines += ["## Gaps", ""]
        for gap in gaps:
            which = f"{_link(gap['subtask_id'])}: " if gap["subtask_id"] else ""
            lines.append(f"- {which}{_line(gap['what'])}" + (f": {_line(gap['why'])}" if gap["why"] else ""))
    return "\n".join(lines).strip()


def _plan(state: State) -> str:
    lines = ["## Plan", "", "| id | specialist | task | state |", "|---|---|---|---|"]
    states = {one["id"]: one["status"] for one in state.get("outcomes", [])}
    plans = [*state.get("plans", []), state.get("plan") or {}]
    for plan in plans:
        for one in plan.get("subtasks", []):
            cells = (_link(one["id"]), _plain(one["specialist"]), _plain(one["task"]), states.get(one["id"], "not run"))
            lines.append(f"| {' | '.join(cells)} |")
    for plan in plans:
        for drop in plan.get("dropped", []):
            cells = ("", _plain(drop["specialist"]), _plain(drop["task"]), f"dropped: {_plain(drop['reason'])}")
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _outcome(outcome: Any) -> str:
    head = f'<a id="{outcome["id"].lower()}"></a>\n\n### {outcome["id"]} {_plain(outcome["specialist"])}'
    error = f"\n\n*{outcome['status']}: {_plain(outcome['error'])}*" if outcome["error"] else ""
    return f"{head}\n\n> {_plain(outcome['task'])}{error}\n\n{outcome['output']}".rstrip()


def _spend(spend: dict[str, Any]) -> str:
    if not spend:
        return ""
    lines = ["## What it cost", "", "| | calls | tokens in | tokens out | USD |", "|---|---:|---:|---:|---:|"]
    for name, one in [("all", spend), *spend["by_role"].items()]:
        usd = "unknown" if one["usd"] is None else f"{one['usd']:.4f}"
        lines.append(f"| {name} | {one['calls']} | {one['input_tokens']:,} | {one['output_tokens']:,} | {usd} |")
    return "\n".join(lines)


def _link(subtask_id: str) -> str:
    return f"[{subtask_id}](#{subtask_id.lower()})"


def _line(text: str) -> str:
    return " ".join(str(text).split())


def _plain(text: str) -> str:
    """Write text into a table cell or a heading without letting it be markup."""
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", _line(text))


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>
body {{ font: 16px/1.55 system-ui, sans-serif; max-width: 48rem; margin: 2rem auto; padding: 0 1rem; color: #1d2330; }}
h1 {{ font-size: 1.6rem; line-height: 1.25; }} h2 {{ margin-top: 2.2rem; border-bottom: 1px solid #d8dce3; }}
table {{ border-collapse: collapse; width: 100%; font-size: .92rem; }}
td, th {{ border: 1px solid #d8dce3; padding: .35rem .55rem; vertical-align: top; text-align: left; }}
blockquote {{ margin: 0; padding-left: 1rem; border-left: 3px solid #b9c2d0; color: #4a5568; }}
a {{ color: #1b5fb4; }} pre {{ overflow-x: auto; background: #f4f6f9; padding: .6rem; }}
</style></head><body>
{body}
</body></html>
"""


def html(state: State) -> str:
    """Write a run as one HTML page; all text from models and users is escaped."""
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    body = reader.render(markdown(state))
    # Our own anchors are the only HTML that comes through, and only in the form written above.
    body = re.sub(r"<p>&lt;a id=&quot;(s\d+)&quot;&gt;&lt;/a&gt;</p>", r'<a id="\1"></a>', body)
    return _PAGE.format(title=escape(harmless(_line(state["request"]))[:80]), body=body)
