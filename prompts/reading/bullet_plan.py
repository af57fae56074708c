"""Bullet plan: a Markdown list of specialists with their tasks ("- **caterer**: Plan the menu.")."""

import re

from prompts.reading import vocabulary
from prompts.reading.cut import CutList
from prompts.reading.subtask_object import is_name

GAP = r"[ \t]{0,9}+"
ITEM = re.compile(
    r"\A([ \t]{0,80}+)(?:[-*+•‣▪–]|\d{1,3}[.)、]|\(\d{1,3}\)|[A-Za-z][.)])[ \t]{1,40}+(?:\[[ xX]\][ \t]{1,9}+)?(\S.*)"
)
NAME = r"[^*`\[\]\n:：|.?!]{1,60}?"
ARROW = r"[:：|]|->|=>|[-–—→]"
HEADS = (
    re.compile(rf"\A(\*\*|__|`)({NAME})(?:[:：]\1|\1{GAP}(?:{ARROW}|\n)){GAP}(?P<text>.*)", re.DOTALL),
    re.compile(rf"\A()\[({NAME})\]{GAP}(?:{ARROW})?{GAP}(?P<text>[^(\s].*)", re.DOTALL),
    re.compile(
        rf"\A()([^*`\[\]\n:：|.?!,;()]{{1,60}}?)(?:{GAP}[:：]{GAP}|[ \t]{{1,9}}(?:[-–—→|]|->|=>)[ \t]{{1,9}})(?P<text>\S.*)",
        re.DOTALL,
    ),
)
MOST = 5  # words of a name
PLANNED = vocabulary.phrases("planned")
ADVICE = vocabulary.phrases("advice")
REFUSAL = vocabulary.phrases("refusal", "asks_back")


def read(text: str, *, cut: bool) -> list[dict[str, str]] | None:
    """Give the items of the one list of "specialist: task" that is clearly a plan, None where there is none or several."""
    plans = []
    for items, before, ends in _lists(text.split("\n")):
        whole = items[:-1] if cut and ends else items  # nothing shows whether the last one is whole
        if _is_meant(whole, before) and (rows := _rows(whole)):
            plans.append(CutList(rows) if cut and ends else rows)
    return plans[0] if len(plans) == 1 else None


def _lists(lines: list[str]) -> list[tuple[list[str], list[str], bool]]:
    """Cut a text into lists: their items, the prose before each, and whether each ends the text."""
    lists: list[tuple[list[str], list[str], bool]] = []
    items: list[str] = []
    before: list[str] = []
    indent = 0
    for line in [*lines, "\0"]:
        match = ITEM.match(line)
        if match and (not items or len(match[1]) <= indent):
            indent = indent if items else len(match[1])
            items.append(match[2].strip())
        elif items and line.strip() and len(line) - len(line.lstrip()) > indent:
            items[-1] += "\n" + line.strip()
        elif line.strip():
            if items:
                lists.append((items, before, line == "\0"))
                items, before = [], []
            before.append(line)
    return lists


def _is_meant(items: list[str], before: list[str]) -> bool:
    """Say whether the prose before a list introduces it as a plan; without any, two items at least are needed."""
    if not before:
        return len(items) > 1
    lead = " ".join(line.strip() for line in before[-3:])
    return bool(PLANNED.search(lead)) and not ADVICE.search(before[-1]) and not REFUSAL.search(" ".join(before))


def _rows(items: list[str]) -> list[dict[str, str]]:
    """Read each item's specialist and task, all in the same form; [] where they are something else."""
    matches = next((matched for head in HEADS if all(matched := [head.fullmatch(item) for item in items])), [])
    rows = [
        {"specialist": match[2].strip().rstrip("*_` "), "task": match["text"].strip()} for match in matches if match
    ]
    roles = all(is_name(row["specialist"]) and len(row["specialist"].split()) <= MOST for row in rows)
    return rows if roles else []
